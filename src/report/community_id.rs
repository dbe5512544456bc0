//! Community ID, version 1: a flow's name that other tools know too.
//!
//! Specification: <https://github.com/corelight/community-id-spec>.

use crate::facts::FiveTuple;
use data_encoding::BASE64;
use sha1::{Digest, Sha1};
use std::net::IpAddr;

/// The Community ID of a flow, with the default seed 0.
#[must_use]
pub fn community_id(flow: &FiveTuple) -> String {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let a = (octets(flow.originator.ip()), flow.originator.port());
    let b = (octets(flow.responder.ip()), flow.responder.port());
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut hash = Sha1::new();
    hash.update(0_u16.to_be_bytes());
    hash.update(&low.0);
    hash.update(&high.0);
    hash.update([flow.transport.protocol_number(), 0]);
    hash.update(low.1.to_be_bytes());
    hash.update(high.1.to_be_bytes());
    format!("1:{}", BASE64.encode(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Transport;

    fn id(originator: &str, responder: &str, transport: Transport) -> String {
        community_id(&FiveTuple {
            originator: originator.parse().unwrap(),
            responder: responder.parse().unwrap(),
            transport,
        })
    }

    /// Vectors of the specification's baseline.
    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(
            id("128.232.110.120:34855", "66.35.250.204:80", Transport::Tcp),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id("66.35.250.204:80", "128.232.110.120:34855", Transport::Tcp),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id("192.168.1.52:54585", "8.8.8.8:53", Transport::Udp),
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
        );
    }
}
