//! Byte order of a capture file, which is that of the machine that wrote it.

/// Order of the octets of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The order in which `octets` read as `expected`.
    pub(super) fn reading(octets: [u8; 4], expected: u32) -> Option<Self> {
        [Self::Little, Self::Big]
            .into_iter()
            .find(|order| order.u32(octets) == expected)
    }

    #[inline]
    pub(super) fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(octets),
            Self::Big => u16::from_be_bytes(octets),
        }
    }

    #[inline]
    pub(super) fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(octets),
            Self::Big => u32::from_be_bytes(octets),
        }
    }

    #[inline]
    pub(super) fn u64(self, octets: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(octets),
            Self::Big => u64::from_be_bytes(octets),
        }
    }

    /// The first `N` 32-bit words of `bytes`: one bounds check for a whole header.
    #[inline]
    pub(super) fn words<const N: usize>(self, bytes: &[u8]) -> Option<[u32; N]> {
        let words: &[[u8; 4]; N] = bytes.as_chunks::<4>().0.first_chunk()?;
        Some(words.map(|word| self.u32(word)))
    }

    /// Two 16-bit numbers at the start of `bytes`.
    #[inline]
    pub(super) fn halves(self, bytes: &[u8]) -> Option<[u16; 2]> {
        let halves: &[[u8; 2]; 2] = bytes.as_chunks::<2>().0.first_chunk()?;
        Some(halves.map(|half| self.u16(half)))
    }
}

#[cfg(test)]
mod tests {
    use super::ByteOrder::{Big, Little};
    use super::*;

    #[test]
    fn words_follow_the_order() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(Little.words(&bytes), Some([0x0403_0201, 0x0807_0605]));
        assert_eq!(Big.words(&bytes), Some([0x0102_0304, 0x0506_0708]));
        assert_eq!(Big.words::<3>(&bytes), None);
        assert_eq!(Big.halves(&bytes), Some([0x0102, 0x0304]));
    }

    #[test]
    fn the_order_is_told_from_a_known_number() {
        assert_eq!(
            ByteOrder::reading([0x4d, 0x3c, 0x2b, 0x1a], 0x1a2b_3c4d),
            Some(Little)
        );
        assert_eq!(
            ByteOrder::reading([0x1a, 0x2b, 0x3c, 0x4d], 0x1a2b_3c4d),
            Some(Big)
        );
        assert_eq!(ByteOrder::reading([0; 4], 0x1a2b_3c4d), None);
    }
}
