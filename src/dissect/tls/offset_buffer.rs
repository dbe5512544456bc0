//! Bytes that come with their offset, in any order: CRYPTO frames of QUIC (RFC 9000 §19.6), fragments of DTLS messages.
//!
//! In: pieces, maybe repeated, maybe overlapping. Out: what is contiguous from offset 0. What was there first stays.

use smallvec::SmallVec;

/// Highest offset believed: as much as is kept of a handshake message over TCP.
const OFFSET_LIMIT: usize = 64 << 10;

/// Pieces kept that wait for one before them. Clients that shuffle on purpose send about a dozen per packet.
const WAITING_LIMIT: usize = 64;

/// Puts pieces together; memory is bounded by what came, and that by [`OFFSET_LIMIT`] twice.
#[derive(Debug, Clone, Default)]
pub(in crate::dissect) struct OffsetBuffer {
    contiguous: Vec<u8>,
    waiting: SmallVec<[(usize, Box<[u8]>); 0]>,
    waiting_octets: usize,
}

impl OffsetBuffer {
    /// Takes a piece that begins at `offset`; pieces beyond the bounds are dropped.
    pub(in crate::dissect) fn insert(&mut self, offset: u64, piece: &[u8]) {
        let Some(offset) = usize::try_from(offset)
            .ok()
            .filter(|offset| *offset < OFFSET_LIMIT)
        else {
            return;
        };
        let piece = piece
            .get(..OFFSET_LIMIT.saturating_sub(offset))
            .unwrap_or(piece);
        if !self.extend(offset, piece) {
            self.keep_waiting(offset, piece);
            return;
        }
        while let Some(ready) = self
            .waiting
            .iter()
            .position(|(offset, _)| *offset <= self.contiguous.len())
        {
            let (offset, piece) = self.waiting.swap_remove(ready);
            self.waiting_octets = self.waiting_octets.saturating_sub(piece.len());
            self.extend(offset, &piece);
        }
    }

    /// The bytes from offset 0 up to the first hole.
    pub(in crate::dissect) fn contiguous(&self) -> &[u8] {
        &self.contiguous
    }

    /// Appends what is new of a piece; false when a hole is before it.
    fn extend(&mut self, offset: usize, piece: &[u8]) -> bool {
        let Some(known) = self.contiguous.len().checked_sub(offset) else {
            return false;
        };
        self.contiguous
            .extend_from_slice(piece.get(known..).unwrap_or_default());
        true
    }

    fn keep_waiting(&mut self, offset: usize, piece: &[u8]) {
        let repeated = self
            .waiting
            .iter()
            .any(|(known, other)| *known == offset && other.len() >= piece.len());
        let octets = self.waiting_octets.saturating_add(piece.len());
        if !piece.is_empty()
            && !repeated
            && self.waiting.len() < WAITING_LIMIT
            && octets <= OFFSET_LIMIT
        {
            self.waiting_octets = octets;
            self.waiting.push((offset, Box::from(piece)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn drops_what_is_out_of_bounds() {
        let mut buffer = OffsetBuffer::default();
        buffer.insert(u64::MAX, &[1]);
        buffer.insert(65_535, &[1, 2, 3]);
        for _ in 0..1000 {
            buffer.insert(9, &[7; 5000]);
        }
        assert!(buffer.contiguous().is_empty());
        assert_eq!(buffer.waiting.len(), 2);
        assert_eq!(buffer.waiting_octets, 5001);
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_bytes(
            cuts in proptest::collection::vec((0_usize..300, 1_usize..80), 0..30),
            order in any::<u64>(),
        ) {
            let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
            let mut pieces: Vec<(usize, &[u8])> = bytes.chunks(37).enumerate().map(|(n, part)| (n * 37, part)).collect();
            pieces.extend(cuts.iter().map(|(at, length)| (*at, &bytes[*at..(*at + *length).min(300)])));
            let mut state = order | 1;
            pieces.sort_by_cached_key(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            });
            let mut buffer = OffsetBuffer::default();
            for (offset, piece) in pieces {
                buffer.insert(u64::try_from(offset).unwrap(), piece);
            }
            prop_assert_eq!(buffer.contiguous(), bytes.as_slice());
            prop_assert!(buffer.waiting.is_empty());
        }
    }
}
