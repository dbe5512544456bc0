//! Options of a pcapng block (draft-ietf-opsawg-pcapng §3.5).

use super::byte_order::ByteOrder;

/// Most characters kept of a text in an option.
pub(super) const MAX_TEXT: usize = 512;

/// End of the options.
const END: u16 = 0;

/// The options in `bytes`, each a code and its value without padding; ends at the first that does not fit.
pub(super) fn options(order: ByteOrder, bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let [code, length] = order.halves(rest)?;
        if code == END {
            return None;
        }
        let (value, behind) = rest.get(4..)?.split_at_checked(length.into())?;
        let padding = length.wrapping_neg() % 4;
        rest = behind.get(padding.into()..).unwrap_or_default();
        Some((code, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
        options(ByteOrder::Big, bytes)
            .map(|(code, value)| (code, value.to_vec()))
            .collect()
    }

    #[test]
    fn values_are_padded_to_four_octets() {
        let bytes = [
            0, 2, 0, 3, b'a', b'b', b'c', 0, 0, 9, 0, 1, 6, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(codes(&bytes), [(2, b"abc".to_vec()), (9, vec![6])]);
    }

    #[test]
    fn a_missing_end_is_the_end_of_the_block() {
        assert_eq!(codes(&[0, 2, 0, 4, 1, 2, 3, 4]), [(2, vec![1, 2, 3, 4])]);
        assert_eq!(codes(&[0, 2, 0, 1, 1]), [(2, vec![1])]);
    }

    #[test]
    fn an_option_that_does_not_fit_ends_the_list() {
        assert_eq!(
            codes(&[0, 2, 0, 1, 1, 0, 0, 0, 0, 3, 0xff, 0xff, 1]),
            [(2, vec![1])]
        );
        assert_eq!(codes(&[0, 2, 0]), []);
    }
}
