//! What HTTP CONNECT and SOCKS have in common: the place in both streams where the proxy's protocol ends and the
//! tunnel begins.
//!
//! Knows neither protocol, nor what the tunnel carries.

use crate::facts::Seen;

/// What a dissector says that may meet a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunnelProgress {
    /// Go on delivering.
    NeedMore,
    /// Nothing that can still come changes the facts: stop delivering.
    Done,
    /// These bytes are not this protocol.
    NotMine,
    /// The tunnel is open: both directions belong to it from here on.
    Tunnel {
        /// Octets of this push (or gap) that came before the tunnel's first octet.
        consumed: usize,
    },
}

/// Octets that the client sent behind its request for a tunnel before the proxy's answer was seen.
///
/// Clients may send them in the hope of a good answer; they also come up when the answer is late in the capture, or not
/// in it. They are the first octets of the client's direction of the tunnel.
#[derive(Debug, Clone, Default)]
pub struct EarlyOctets {
    bytes: Vec<u8>,
    pieces: Vec<(Seen, usize)>,
    missing: u64,
}

impl EarlyOctets {
    /// Most octets held: what a ClientHello needs, with room to spare.
    const MAX_OCTETS: usize = 16 * 1024;
    /// Most pieces held apart.
    const MAX_PIECES: usize = 64;

    /// Holds the next octets, or counts them as missing when there is no room or something before them is missing.
    pub(super) fn hold(&mut self, bytes: &[u8], seen: Seen) {
        let fits = self.missing == 0
            && self.pieces.len() < Self::MAX_PIECES
            && self.bytes.len().saturating_add(bytes.len()) <= Self::MAX_OCTETS;
        if fits {
            self.bytes.extend_from_slice(bytes);
            self.pieces.push((seen, bytes.len()));
        } else {
            self.miss(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
    }

    /// Counts octets that are not in the capture.
    pub(super) fn miss(&mut self, octets: u64) {
        self.missing = self.missing.saturating_add(octets);
    }

    /// Whether the client sent nothing early.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.missing == 0
    }

    /// The octets held, as they were delivered, each with its packet.
    pub fn pieces(&self) -> impl Iterator<Item = (Seen, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.pieces.iter().map(move |(seen, length)| {
            let (piece, after) = rest.split_at_checked(*length).unwrap_or((rest, &[]));
            rest = after;
            (*seen, piece)
        })
    }

    /// Octets that followed those held and are lost: a gap to announce behind them.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, Timestamp};

    fn seen(frame: u64) -> Seen {
        Seen {
            frame: FrameNumber(frame),
            time: Timestamp(0),
        }
    }

    #[test]
    fn gives_back_each_piece_with_its_packet() {
        let mut early = EarlyOctets::default();
        early.hold(b"abc", seen(1));
        early.hold(b"de", seen(2));
        let pieces: Vec<_> = early.pieces().collect();
        assert_eq!(
            pieces,
            [(seen(1), b"abc".as_slice()), (seen(2), b"de".as_slice())]
        );
        assert_eq!(early.missing(), 0);
    }

    #[test]
    fn holds_nothing_behind_a_loss() {
        let mut early = EarlyOctets::default();
        early.hold(b"abc", seen(1));
        early.miss(10);
        early.hold(b"de", seen(2));
        assert_eq!(
            early.pieces().collect::<Vec<_>>(),
            [(seen(1), b"abc".as_slice())]
        );
        assert_eq!(early.missing(), 12);
    }

    #[test]
    fn stays_within_its_bounds() {
        let mut early = EarlyOctets::default();
        for _ in 0..1000 {
            early.hold(b"x", seen(1));
        }
        assert_eq!(early.pieces().count(), EarlyOctets::MAX_PIECES);
        assert_eq!(early.missing(), 1000 - 64);
    }
}
