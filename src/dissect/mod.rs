//! Payload bytes to messages; one protocol per file.
//!
//! Stream dissectors get each direction's bytes in order, with gaps announced. They own what they learn and never look at
//! packets, addresses or clocks.

pub mod dhcp;
pub mod dns;
pub mod http;
pub mod nbns;
pub mod ntp;
pub mod quic;
pub mod socks;
pub mod tls;
pub mod tunnel;

pub use tunnel::TunnelProgress;

use crate::facts::{Direction, Seen};

/// What a dissector says after it was given bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Go on delivering.
    NeedMore,
    /// Nothing that can still come changes the facts: stop delivering.
    Done,
    /// These bytes are not this protocol.
    NotMine,
}

/// A dissector of a two-way byte stream (TCP).
pub trait StreamDissector {
    /// Takes the next bytes of one direction, in order; they are never empty.
    fn push(&mut self, direction: Direction, bytes: &[u8], seen: Seen) -> Progress;

    /// Says that `octets` octets of one direction were sent but are not in the capture; `seen` is the packet that told.
    fn gap(&mut self, direction: Direction, octets: u64, seen: Seen) -> Progress;
}
