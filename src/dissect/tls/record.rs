//! The record layer's header (RFC 8446 §5.1): five octets in front of every record, never encrypted.

/// Octets of a record header.
pub(super) const HEADER_OCTETS: usize = 5;

/// ContentType values (RFC 8446 §5.1, RFC 6520 §3).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

/// Longest record: 2^14 octets, and 2048 that TLS 1.2 allows encryption to add (RFC 5246 §6.2.3).
const LENGTH_LIMIT: u16 = (1 << 14) + 2048;

/// What a record header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    /// ContentType.
    pub(super) kind: u8,
    /// Octets that follow the header.
    pub(super) length: u16,
}

impl RecordHeader {
    /// Reads a header; `None` when these five octets are none.
    pub(super) fn read(octets: [u8; HEADER_OCTETS]) -> Option<Self> {
        let (_, header) = tls_parser::parse_tls_record_header(&octets).ok()?;
        let [_, major, minor, ..] = octets;
        let kind = header.record_type.0;
        let plausible =
            is_content_type(kind) && is_version(major, minor) && is_length(kind, header.len);
        plausible.then_some(Self {
            kind,
            length: header.len,
        })
    }
}

/// Whether `bytes` begin like a TLS record. Fewer octets than a header has are judged as far as they go; none are not TLS.
#[must_use]
pub fn looks_like_tls(bytes: &[u8]) -> bool {
    if let Some(octets) = bytes.first_chunk() {
        return RecordHeader::read(*octets).is_some();
    }
    match *bytes {
        [] => false,
        [kind] => is_content_type(kind),
        [kind, major] => is_content_type(kind) && major == 3,
        [kind, major, minor, ..] => is_content_type(kind) && is_version(major, minor),
    }
}

/// Whether records follow one another through all of `bytes`, which must hold at least one header: the test for finding
/// the way back after a loss, where a chance hit is more likely than at the start of a connection.
pub(super) fn is_chain_of_records(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut headers = 0_usize;
    while let Some((octets, behind)) = rest.split_first_chunk() {
        let Some(header) = RecordHeader::read(*octets) else {
            return false;
        };
        headers = headers.saturating_add(1);
        rest = behind.get(usize::from(header.length)..).unwrap_or_default();
    }
    headers > 0 && (rest.is_empty() || looks_like_tls(rest))
}

fn is_content_type(kind: u8) -> bool {
    (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind)
}

/// SSL 3.0 to TLS 1.3; the field says 3.1 or 3.3 in TLS 1.3 (RFC 8446 §5.1).
fn is_version(major: u8, minor: u8) -> bool {
    major == 3 && minor <= 4
}

fn is_length(kind: u8, length: u16) -> bool {
    let shortest = match kind {
        // An alert is two octets, in the clear or inside its encryption (RFC 8446 §6).
        ALERT => 2,
        _ => 1,
    };
    // When a connection is negotiated again, the message is encrypted like all others (RFC 5246 §7.1): one octet and at least the
    // shortest tag, at most a MAC, its padding and an initialization vector.
    if kind == CHANGE_CIPHER_SPEC {
        return length == 1 || (17..=96).contains(&length);
    }
    (shortest..=LENGTH_LIMIT).contains(&length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tls_from_what_else_is_on_port_443() {
        assert!(looks_like_tls(&[22, 3, 1, 2, 0, 1, 0]));
        assert!(looks_like_tls(&[23, 3, 3]));
        for other in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"SSH-2.0-OpenSSH",
            b"\x16\x03\x01\xff\xff",
            b"\x14\x03\x03\x00\x02",
            b"",
        ] {
            assert!(!looks_like_tls(other), "{other:?}");
        }
    }

    #[test]
    fn a_chain_must_hold_to_the_end() {
        let chain = [23, 3, 3, 0, 2, 9, 9, 23, 3, 3, 0, 1, 9, 23, 3];
        assert!(is_chain_of_records(&chain));
        assert!(is_chain_of_records(&chain[..6]));
        assert!(!is_chain_of_records(&[23, 3, 3, 0, 1, 9, 9, 9, 9, 9, 9]));
        assert!(!is_chain_of_records(&[23, 3, 3]));
    }
}
