//! The order-free key under which both directions of a flow are found.

use crate::facts::Transport;
use std::net::{IpAddr, SocketAddr};

/// Both ends of a flow, the smaller one first, so that packets of both directions have the same key.
///
/// VLANs and hardware addresses are left out on purpose: copies of one packet from two sides of a router or switch differ
/// in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    low_address: u128,
    high_address: u128,
    /// Low port, high port, protocol and address family, packed so that the key hashes as three words.
    rest: u64,
}

impl FlowKey {
    /// The key of packets between `a` and `b`, in either order.
    #[must_use]
    pub fn new(a: SocketAddr, b: SocketAddr, transport: Transport) -> Self {
        let (low, high) = if (bits(a.ip()), a.port()) <= (bits(b.ip()), b.port()) {
            (a, b)
        } else {
            (b, a)
        };
        let family = u64::from(low.is_ipv6());
        Self {
            low_address: bits(low.ip()),
            high_address: bits(high.ip()),
            rest: u64::from(low.port())
                | (u64::from(high.port()) << 16)
                | (u64::from(transport.protocol_number()) << 32)
                | (family << 40),
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_key_and_protocols_do_not() {
        let a: SocketAddr = "10.0.0.1:50000".parse().unwrap();
        let b: SocketAddr = "10.0.0.2:443".parse().unwrap();
        assert_eq!(
            FlowKey::new(a, b, Transport::Tcp),
            FlowKey::new(b, a, Transport::Tcp)
        );
        assert_ne!(
            FlowKey::new(a, b, Transport::Tcp),
            FlowKey::new(a, b, Transport::Udp)
        );
    }

    #[test]
    fn an_ipv4_address_is_not_the_ipv6_address_with_the_same_bits() {
        let a: SocketAddr = "0.0.0.1:1".parse().unwrap();
        let b: SocketAddr = "[::1]:1".parse().unwrap();
        assert_ne!(
            FlowKey::new(a, a, Transport::Tcp),
            FlowKey::new(b, b, Transport::Tcp)
        );
    }
}
