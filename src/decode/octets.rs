//! The octets still to be read of a frame: those captured, and how many there were on the wire.
//!
//! Every read is checked against the captured octets; nothing here knows a protocol.

/// What is left of a frame after the headers read so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Octets<'a> {
    /// The captured octets.
    pub captured: &'a [u8],
    /// How many there were on the wire; never less than `captured.len()`.
    pub original: usize,
}

impl<'a> Octets<'a> {
    /// `captured` as the start of `original` octets; an `original` that is too small is corrected.
    #[inline]
    pub fn new(captured: &'a [u8], original: u32) -> Self {
        let original = usize::try_from(original).unwrap_or(usize::MAX);
        Self {
            captured,
            original: original.max(captured.len()),
        }
    }

    /// `captured` as it was sent, whole.
    #[inline]
    pub fn whole(captured: &'a [u8]) -> Self {
        Self {
            captured,
            original: captured.len(),
        }
    }

    /// What follows the first `count` octets; `None` when those were not all captured.
    #[inline]
    pub fn skip(self, count: usize) -> Option<Self> {
        let captured = self.captured.get(count..)?;
        Some(Self {
            captured,
            original: self.original.saturating_sub(count),
        })
    }

    /// The first `count` octets; where fewer were captured, those are the start of `count` octets.
    #[inline]
    pub fn limit(self, count: usize) -> Self {
        Self {
            captured: self.captured.get(..count).unwrap_or(self.captured),
            original: count,
        }
    }

    /// Whether octets were cut off when capturing.
    #[inline]
    pub fn is_cut(self) -> bool {
        self.captured.len() < self.original
    }

    /// How many octets there were on the wire, in the width that facts use.
    #[inline]
    pub fn original_length(self) -> u32 {
        u32::try_from(self.original).unwrap_or(u32::MAX)
    }

    /// The first `N` octets.
    #[inline]
    pub fn first<const N: usize>(self) -> Option<&'a [u8; N]> {
        self.captured.first_chunk()
    }

    /// `N` octets at `offset`.
    #[inline]
    pub fn chunk<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.captured.get(offset..)?.first_chunk().copied()
    }

    /// The octet at `offset`.
    #[inline]
    pub fn at(self, offset: usize) -> Option<u8> {
        self.captured.get(offset).copied()
    }

    /// Two octets at `offset` in network order.
    #[inline]
    pub fn be16(self, offset: usize) -> Option<u16> {
        self.chunk(offset).map(u16::from_be_bytes)
    }

    /// Four octets at `offset` in network order.
    #[inline]
    pub fn be32(self, offset: usize) -> Option<u32> {
        self.chunk(offset).map(u32::from_be_bytes)
    }

    /// Two octets at `offset`, least significant first.
    #[inline]
    pub fn le16(self, offset: usize) -> Option<u16> {
        self.chunk(offset).map(u16::from_le_bytes)
    }

    /// Four octets at `offset`, least significant first.
    #[inline]
    pub fn le32(self, offset: usize) -> Option<u32> {
        self.chunk(offset).map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_keeps_what_was_cut_off() {
        let octets = Octets::new(&[1, 2, 3, 4], 10);
        let rest = octets.skip(3).expect("three octets are there");
        assert_eq!(
            (rest.captured, rest.original, rest.is_cut()),
            (&[4][..], 7, true)
        );
        assert!(octets.skip(5).is_none());
    }

    #[test]
    fn a_limit_may_lie_beyond_the_captured_octets() {
        let octets = Octets::new(&[1, 2, 3, 4], 10);
        assert_eq!(octets.limit(2).captured, &[1, 2]);
        assert_eq!(
            (octets.limit(6).captured.len(), octets.limit(6).original),
            (4, 6)
        );
    }

    #[test]
    fn reads_end_at_the_captured_octets() {
        let octets = Octets::new(&[1, 2, 3], 100);
        assert_eq!(octets.be16(1), Some(0x0203));
        assert_eq!(octets.le16(1), Some(0x0302));
        assert_eq!(octets.be16(2), None);
        assert_eq!(octets.be32(usize::MAX), None);
    }
}
