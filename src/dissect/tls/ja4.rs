//! JA4, the fingerprint of a TLS client (FoxIO, `technical_details/JA4.md`).
//!
//! In: the fields of a whole ClientHello. Out: 36 characters, the same for every connection of one client program.

use super::client_hello::{Carrier, HelloFields};
use super::extensions;
use compact_str::{CompactString, format_compact};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What stands for the hash of an empty list.
const NOTHING: &str = "000000000000";

pub(super) fn fingerprint(hello: &HelloFields<'_>, carrier: Carrier) -> CompactString {
    let carrier = match carrier {
        Carrier::Tcp => 't',
        Carrier::Quic => 'q',
        Carrier::Dtls => 'd',
    };
    let named = if hello.has(extensions::SERVER_NAME) {
        'd'
    } else {
        'i'
    };
    format_compact!(
        "{carrier}{version}{named}{suites:02}{extensions:02}{alpn}_{suite_hash}_{extension_hash}",
        version = version_code(hello.highest_version()),
        suites = hello.cipher_suites.len().min(99),
        extensions = hello.extension_types.len().min(99),
        alpn = alpn_code(hello.alpn.first().copied().unwrap_or_default()),
        suite_hash = suite_hash(hello),
        extension_hash = extension_hash(hello),
    )
}

fn version_code(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol offered, or of its hexadecimal form when one of them is not alphanumeric.
fn alpn_code(protocol: &[u8]) -> CompactString {
    let (Some(first), Some(last)) = (protocol.first(), protocol.last()) else {
        return CompactString::const_new("00");
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        format_compact!("{}{}", char::from(*first), char::from(*last))
    } else {
        format_compact!("{:x}{:x}", first >> 4, last & 0x0f)
    }
}

fn suite_hash(hello: &HelloFields<'_>) -> CompactString {
    let mut suites = hello.cipher_suites.clone();
    suites.sort_unstable();
    if suites.is_empty() {
        CompactString::const_new(NOTHING)
    } else {
        hash(&listed(&suites))
    }
}

fn extension_hash(hello: &HelloFields<'_>) -> CompactString {
    let mut types = hello.extension_types.clone();
    types.retain(|kind| !matches!(*kind, extensions::SERVER_NAME | extensions::ALPN));
    types.sort_unstable();
    if types.is_empty() {
        return CompactString::const_new(NOTHING);
    }
    let mut list = listed(&types);
    if !hello.signature_algorithms.is_empty() {
        list.push('_');
        list.push_str(&listed(&hello.signature_algorithms));
    }
    hash(&list)
}

fn listed(values: &[u16]) -> String {
    let mut list = String::with_capacity(values.len().saturating_mul(5));
    for value in values {
        let separator = if list.is_empty() { "" } else { "," };
        let _ = write!(list, "{separator}{value:04x}");
    }
    list
}

/// The first twelve hexadecimal digits of the SHA-256.
fn hash(list: &str) -> CompactString {
    let mut digits = CompactString::default();
    for octet in Sha256::digest(list.as_bytes()).iter().take(6) {
        let _ = write!(digits, "{octet:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::super::client_hello::parse_client_hello;
    use super::super::client_hello::tests::{extension, hello, server_name};
    use super::*;

    /// The example of the specification: Chrome on Windows.
    const SUITES: [u16; 16] = [
        0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
        0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
    ];

    const SIGNATURE_ALGORITHMS: [u8; 18] = [0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1];

    fn chrome(types: &[u16]) -> Vec<u8> {
        let list: Vec<Vec<u8>> = types
            .iter()
            .map(|kind| match *kind {
                0 => server_name("example.com"),
                13 => extension(13, &SIGNATURE_ALGORITHMS),
                16 => extension(16, &[0, 3, 2, b'h', b'2']),
                43 => extension(43, &[6, 0x7a, 0x7a, 3, 4, 3, 3]),
                other => extension(other, &[0]),
            })
            .collect();
        hello(&SUITES, &list)
    }

    #[test]
    fn agrees_with_the_example_of_the_specification() {
        let types = [
            0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
            0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xdada,
        ];
        let fact = parse_client_hello(&chrome(&types), true, Carrier::Tcp).unwrap();
        assert_eq!(fact.ja4.unwrap(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn agrees_with_the_published_value_of_a_later_chrome() {
        let types = [
            0x0000, 0x0005, 0x000a, 0x000b, 0x000d, 0x0010, 0x0012, 0x0017, 0x001b, 0x0023, 0x002b,
            0x002d, 0x0033, 0x4469, 0xfe0d, 0xff01,
        ];
        let fact = parse_client_hello(&chrome(&types), true, Carrier::Tcp).unwrap();
        assert_eq!(fact.ja4.unwrap(), "t13d1516h2_8daaf6152771_02713d6af862");
        let fact = parse_client_hello(&chrome(&types), true, Carrier::Quic).unwrap();
        assert!(fact.ja4.unwrap().starts_with("q13d1516h2_"));
    }

    #[test]
    fn abbreviates_protocols_as_the_specification_lists() {
        let cases: [(&[u8], &str); 8] = [
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (b"", "00"),
            (&[0xab], "ab"),
            (&[0xab, 0xcd], "ad"),
            (&[0x30, 0xab], "3b"),
            (&[0x30, 0x31, 0xab, 0xcd], "3d"),
            (&[0x30, 0xab, 0xcd, 0x31], "01"),
        ];
        for (protocol, code) in cases {
            assert_eq!(alpn_code(protocol), code, "{protocol:02x?}");
        }
    }

    #[test]
    fn marks_what_is_absent() {
        let fact = parse_client_hello(&hello(&[], &[]), true, Carrier::Tcp).unwrap();
        assert_eq!(fact.ja4.unwrap(), "t12i000000_000000000000_000000000000");
    }
}
