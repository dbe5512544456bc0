//! The ServerHello (RFC 8446 §4.1.3) and its twin, the HelloRetryRequest.
//!
//! In: one message without its handshake header. Out: a [`ServerHelloFact`] and whether it asks for a second ClientHello.

use super::extensions::{self, Extensions, is_grease};
use crate::facts::{Seen, ServerHelloFact, printable};
use sha2::{Digest, Sha256};
use tls_parser::TlsExtension;

/// The random that makes a ServerHello a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A ServerHello that was read.
#[derive(Debug)]
pub(super) struct ServerHello {
    pub(super) fact: ServerHelloFact,
    /// It is a HelloRetryRequest: a second ClientHello and the real ServerHello follow.
    pub(super) retry: bool,
}

/// Reads a ServerHello; `None` when the bytes are none, or are cut before the cipher suite.
pub(super) fn read(body: &[u8], seen: Seen) -> Option<ServerHello> {
    let (rest, hello) = tls_parser::parse_tls_handshake_server_hello(body).ok()?;
    let mut fact = ServerHelloFact {
        seen,
        version: hello.version.0,
        cipher_suite: hello.cipher.0,
        ..ServerHelloFact::default()
    };
    if fact.cipher_suite >> 8 == 0x13 {
        // These suites exist in TLS 1.3 only (RFC 8446 §B.4): right even where the extension was cut off.
        fact.version = 0x0304;
    }
    let mut hasher = Sha256::new();
    hasher.update(fact.version.to_be_bytes());
    hasher.update(fact.cipher_suite.to_be_bytes());
    for extension in Extensions::new(hello.ext.or(rest.get(2..)).unwrap_or_default()) {
        if !is_grease(extension.kind) {
            hasher.update(extension.kind.to_be_bytes());
        }
        if !matches!(
            extension.kind,
            extensions::SUPPORTED_VERSIONS | extensions::ALPN
        ) {
            continue;
        }
        match tls_parser::parse_tls_server_hello_extension(extension.bytes) {
            Ok((_, TlsExtension::SupportedVersions(versions))) => {
                fact.version = versions.first().map_or(fact.version, |version| version.0);
            }
            Ok((_, TlsExtension::ALPN(names))) => {
                fact.alpn = names.first().map(|name| printable(name, 32))
            }
            _ => {}
        }
    }
    fact.fingerprint = hasher
        .finalize()
        .first_chunk()
        .map_or(0, |head| u64::from_be_bytes(*head));
    Some(ServerHello {
        fact,
        retry: hello.random == RETRY_RANDOM,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::client_hello::tests::extension;
    use super::*;
    use proptest::prelude::*;

    /// A ServerHello body.
    pub(crate) fn hello(random: [u8; 32], suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
        let list = extensions.concat();
        let mut body = vec![3, 3];
        body.extend(random);
        body.push(0);
        body.extend(suite.to_be_bytes());
        body.push(0);
        body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
        body.extend(list);
        body
    }

    /// A ServerHello body of TLS 1.3.
    pub(crate) fn hello_13(suite: u16) -> Vec<u8> {
        hello(
            [9; 32],
            suite,
            &[extension(43, &[3, 4]), extension(51, &[0, 29, 0, 1, 7])],
        )
    }

    /// A HelloRetryRequest body.
    pub(crate) fn retry() -> Vec<u8> {
        hello(
            RETRY_RANDOM,
            0x1301,
            &[extension(43, &[3, 4]), extension(51, &[0, 29])],
        )
    }

    #[test]
    fn takes_the_version_from_the_extension() {
        let read = read(&hello_13(0x1302), Seen::default()).unwrap();
        assert_eq!(
            (read.fact.version, read.fact.cipher_suite, read.retry),
            (0x0304, 0x1302, false)
        );
    }

    #[test]
    fn reads_the_protocol_that_tls_1_2_shows() {
        let body = hello(
            [1; 32],
            0xc02f,
            &[
                extension(0xff01, &[0]),
                extension(16, &[0, 3, 2, b'h', b'2']),
            ],
        );
        let read = read(&body, Seen::default()).unwrap();
        assert_eq!(
            (read.fact.version, read.fact.alpn.as_deref()),
            (0x0303, Some("h2"))
        );
    }

    #[test]
    fn knows_a_retry_request_by_its_random() {
        assert!(read(&retry(), Seen::default()).unwrap().retry);
    }

    #[test]
    fn servers_of_one_make_have_one_fingerprint() {
        let of = |body: &[u8]| read(body, Seen::default()).unwrap().fact.fingerprint;
        let a = hello(
            [1; 32],
            0x1301,
            &[extension(43, &[3, 4]), extension(51, &[0, 29, 0, 1, 7])],
        );
        let b = hello(
            [2; 32],
            0x1301,
            &[extension(43, &[3, 4]), extension(51, &[0, 23, 0, 2, 7, 7])],
        );
        let swapped = hello(
            [1; 32],
            0x1301,
            &[extension(51, &[0, 29, 0, 1, 7]), extension(43, &[3, 4])],
        );
        assert_eq!(of(&a), of(&b));
        assert_ne!(of(&a), of(&swapped));
    }

    #[test]
    fn a_cut_hello_still_tells_tls_1_3_by_its_suite() {
        let body = hello_13(0x1301);
        let read = read(&body[..42], Seen::default()).unwrap();
        assert_eq!(read.fact.version, 0x0304);
    }

    proptest! {
        #[test]
        fn never_panics(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&tail, Seen::default());
            let _ = read(&[&[3, 3][..], &tail].concat(), Seen::default());
        }
    }
}
