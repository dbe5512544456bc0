//! The extension list of a hello message (RFC 8446 §4.2), one extension at a time.
//!
//! `tls-parser`'s own list parsers stop silently at the first extension they dislike and lose every one behind it, so the
//! list is walked here and only single extensions are handed on.

/// Extension types (IANA "TLS ExtensionType Values") that somebody here asks for.
pub(super) const SERVER_NAME: u16 = 0;
pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(super) const ALPN: u16 = 16;
pub(super) const EARLY_DATA: u16 = 42;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
/// RFC 9849.
pub(super) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// draft-ietf-tls-esni-01 to -06.
pub(super) const ENCRYPTED_SERVER_NAME: u16 = 0xffce;

/// One whole extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawExtension<'a> {
    /// ExtensionType as on the wire.
    pub(super) kind: u16,
    /// Type, length and data together, as `tls-parser` wants it.
    pub(super) bytes: &'a [u8],
}

/// Walks an extension list; what follows the last whole extension stays in [`Extensions::rest`].
#[derive(Debug, Clone)]
pub(super) struct Extensions<'a> {
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// `list` is the list without the length in front of it.
    pub(super) fn new(list: &'a [u8]) -> Self {
        Self { rest: list }
    }

    /// The octets not walked yet; at the end of the walk, those of an extension that was cut.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = RawExtension<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let [type_high, type_low, length_high, length_low] = *self.rest.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([length_high, length_low])).saturating_add(4);
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(RawExtension {
            kind: u16::from_be_bytes([type_high, type_low]),
            bytes,
        })
    }
}

/// Whether `value` is one of the sixteen values that clients mix in so that servers learn to ignore what they do not know
/// (RFC 8701 §2).
pub(super) fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_a_cut_extension_and_keeps_those_before() {
        let mut walk = Extensions::new(&[0, 23, 0, 0, 0x0a, 0x0a, 0, 1, 0, 0, 43, 0, 9, 8]);
        assert_eq!(
            walk.by_ref().map(|e| e.kind).collect::<Vec<_>>(),
            [23, 0x0a0a]
        );
        assert_eq!(walk.rest(), [0, 43, 0, 9, 8]);
    }

    #[test]
    fn tells_grease_from_its_neighbours() {
        let grease: Vec<u16> = (0..=u16::MAX).filter(|v| is_grease(*v)).collect();
        assert_eq!(grease.len(), 16);
        assert!(is_grease(0xfafa) && !is_grease(0x0a1a));
    }
}
