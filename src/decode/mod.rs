//! A frame's bytes to headers.
//!
//! Comes in: a [`Frame`](crate::capture::Frame) of any link type. Goes out: a [`Packet`] with the innermost addresses,
//! the transport header and the captured payload; or nothing, with what was unreadable counted by name. Knows nothing
//! of flows, and nothing above TCP, UDP and ICMP.
//!
//! Reading is total: bytes off the wire never panic, never loop, never recurse, and memory has a bound.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::arithmetic_side_effects
    )
)]

mod appliance;
mod checksum;
mod decoder;
mod ethernet;
mod fragments;
mod icmp;
mod ip;
mod ip_tunnel;
mod link_type;
mod octets;
mod packet;
mod ring;
mod step;
#[cfg(test)]
mod totality;
mod transport;
mod udp_tunnel;
mod wireless;

pub use decoder::Decoder;
pub use fragments::FragmentLimits;
pub use packet::{
    IcmpError, IpContext, LinkContext, Packet, QuotedPacket, TcpFlags, TcpSegment, TransportPacket,
    UdpDatagram,
};
