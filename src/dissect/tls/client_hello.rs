//! The ClientHello (RFC 8446 §4.1.2), shared by TLS over TCP, DTLS and QUIC.
//!
//! In: one message without its handshake header, whole or cut at the end. Out: a [`ClientHelloFact`]. Does not know how
//! the message was carried or collected.

use super::extensions::{self, Extensions, is_grease};
use super::ja4;
use crate::facts::{ClientHelloFact, HostName, Seen, printable};
use smallvec::SmallVec;
use std::borrow::Cow;
use tls_parser::{SNIType, TlsExtension};

/// What carried a ClientHello; JA4 begins with it, and DTLS lays the message out differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// TLS records over TCP.
    Tcp,
    /// CRYPTO frames of QUIC (RFC 9001 §4).
    Quic,
    /// DTLS records over UDP (RFC 9147, RFC 6347).
    Dtls,
}

/// Application protocols kept of an offer.
const ALPN_LIMIT: usize = 8;

/// Characters kept of one application protocol's name; registered ones have at most 20.
const ALPN_NAME_LIMIT: usize = 32;

/// Reads a ClientHello; `body` is the message without its handshake header, and `complete` says that it is all of it.
///
/// Of a cut message everything that is whole is given. `None` when the bytes are no ClientHello.
#[must_use]
pub fn parse_client_hello(
    body: &[u8],
    complete: bool,
    carrier: Carrier,
) -> Option<ClientHelloFact> {
    let body = match carrier {
        Carrier::Tcp | Carrier::Quic => Cow::Borrowed(body),
        Carrier::Dtls => Cow::Owned(without_cookie(body)),
    };
    HelloFields::read(&body, complete).map(|fields| fields.fact(complete, carrier))
}

/// The fields of a ClientHello that say something to an auditor.
#[derive(Debug, Default)]
pub(super) struct HelloFields<'a> {
    pub(super) legacy_version: u16,
    pub(super) cipher_suites: Vec<u16>,
    pub(super) extension_types: Vec<u16>,
    pub(super) signature_algorithms: Vec<u16>,
    /// From the extension of that name, GREASE left out.
    pub(super) supported_versions: Vec<u16>,
    /// GREASE left out.
    pub(super) alpn: SmallVec<[&'a [u8]; 4]>,
    server_name: Option<&'a [u8]>,
    /// The message ended where it said it would.
    whole: bool,
}

impl<'a> HelloFields<'a> {
    /// Reads the layout of TLS (DTLS has a cookie more); `None` when the bytes are no ClientHello.
    pub(super) fn read(body: &'a [u8], complete: bool) -> Option<Self> {
        let Ok((rest, hello)) = tls_parser::parse_tls_handshake_client_hello(body) else {
            // Cut before the extensions: the version is all that is certain.
            let legacy_version = u16::from_be_bytes(*body.first_chunk()?);
            let plausible = !complete && matches!(legacy_version >> 8, 0x03 | 0xfe);
            return plausible.then(|| Self {
                legacy_version,
                ..Self::default()
            });
        };
        let mut fields = Self {
            legacy_version: hello.version.0,
            cipher_suites: hello
                .ciphers
                .iter()
                .map(|suite| suite.0)
                .filter(|v| !is_grease(*v))
                .collect(),
            ..Self::default()
        };
        // A cut extension list is left unread by the parser; behind its length it is as good as a whole one.
        let list = hello.ext.or(rest.get(2..)).unwrap_or_default();
        let mut walk = Extensions::new(list);
        for extension in walk.by_ref().filter(|extension| !is_grease(extension.kind)) {
            fields.extension_types.push(extension.kind);
            fields.read_extension(extension);
        }
        fields.whole = walk.rest().is_empty() && (hello.ext.is_some() || rest.is_empty());
        Some(fields)
    }

    fn read_extension(&mut self, extension: extensions::RawExtension<'a>) {
        if !matches!(
            extension.kind,
            extensions::SERVER_NAME
                | extensions::SIGNATURE_ALGORITHMS
                | extensions::ALPN
                | extensions::SUPPORTED_VERSIONS
        ) {
            return;
        }
        // An extension that does not parse is as good as absent; the others stand on their own.
        let Ok((_, parsed)) = tls_parser::parse_tls_client_hello_extension(extension.bytes) else {
            return;
        };
        match parsed {
            TlsExtension::SNI(names) => {
                self.server_name = names
                    .into_iter()
                    .find(|(kind, _)| *kind == SNIType::HostName)
                    .map(|(_, name)| name);
            }
            TlsExtension::SignatureAlgorithms(algorithms) => {
                self.signature_algorithms =
                    algorithms.into_iter().filter(|v| !is_grease(*v)).collect();
            }
            TlsExtension::ALPN(names) => {
                self.alpn = names
                    .into_iter()
                    .filter(|name| !is_grease_name(name))
                    .take(ALPN_LIMIT)
                    .collect();
            }
            TlsExtension::SupportedVersions(versions) => {
                self.supported_versions = versions
                    .iter()
                    .map(|v| v.0)
                    .filter(|v| !is_grease(*v))
                    .collect();
            }
            _ => {}
        }
    }

    /// Whether the extension was there, whatever its content.
    pub(super) fn has(&self, extension_type: u16) -> bool {
        self.extension_types.contains(&extension_type)
    }

    /// Highest version offered; DTLS counts its versions downwards (RFC 6347 §4.1).
    pub(super) fn highest_version(&self) -> u16 {
        let tls = self
            .supported_versions
            .iter()
            .copied()
            .filter(|v| v >> 8 == 0x03)
            .max();
        let dtls = self
            .supported_versions
            .iter()
            .copied()
            .filter(|v| v >> 8 == 0xfe)
            .min();
        tls.or(dtls).unwrap_or(self.legacy_version)
    }

    /// The fact; its `seen` is left for the caller, who knows the packet.
    pub(super) fn fact(&self, complete: bool, carrier: Carrier) -> ClientHelloFact {
        ClientHelloFact {
            seen: Seen::default(),
            server_name: self.server_name.and_then(HostName::from_wire),
            ech: self.has(extensions::ENCRYPTED_CLIENT_HELLO),
            esni: self.has(extensions::ENCRYPTED_SERVER_NAME),
            alpn: self
                .alpn
                .iter()
                .map(|name| printable(name, ALPN_NAME_LIMIT))
                .collect(),
            version: self.highest_version(),
            ja4: (complete && self.whole).then(|| ja4::fingerprint(self, carrier)),
            complete,
        }
    }
}

/// The DTLS layout without the cookie that it has behind the session identifier (RFC 6347 §4.2.1); cut messages stay cut.
fn without_cookie(body: &[u8]) -> Vec<u8> {
    // legacy_version 2, random 32, then the session identifier behind its length.
    const SESSION_ID: usize = 34;
    let session_id = body
        .get(SESSION_ID)
        .map_or(0, |length| usize::from(*length));
    let cookie_at = SESSION_ID.saturating_add(1).saturating_add(session_id);
    let Some((front, cookie)) = body.split_at_checked(cookie_at) else {
        return body.to_vec();
    };
    let length = cookie.first().map_or(0, |length| usize::from(*length));
    let behind = cookie.get(length.saturating_add(1)..).unwrap_or_default();
    [front, behind].concat()
}

/// GREASE protocol names are two equal octets of the form 0x?A (RFC 8701 §2).
fn is_grease_name(name: &[u8]) -> bool {
    matches!(*name, [high, low] if is_grease(u16::from_be_bytes([high, low])))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One extension.
    pub(crate) fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap();
        [&kind.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
    }

    /// A server_name extension.
    pub(crate) fn server_name(name: &str) -> Vec<u8> {
        let length = u16::try_from(name.len()).unwrap();
        let list = [
            &(length + 3).to_be_bytes()[..],
            &[0],
            &length.to_be_bytes(),
            name.as_bytes(),
        ]
        .concat();
        extension(0, &list)
    }

    /// A ClientHello body out of its cipher suites and its extensions.
    pub(crate) fn hello(suites: &[u16], extensions: &[Vec<u8>]) -> Vec<u8> {
        let suites: Vec<u8> = suites.iter().flat_map(|v| v.to_be_bytes()).collect();
        let list = extensions.concat();
        let mut body = vec![3, 3];
        body.extend([0x5a; 32]);
        body.extend([4, 1, 2, 3, 4]);
        body.extend(u16::try_from(suites.len()).unwrap().to_be_bytes());
        body.extend(suites);
        body.extend([1, 0]);
        body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
        body.extend(list);
        body
    }

    /// A ClientHello as a browser sends it, with GREASE in every list and a large key share.
    pub(crate) fn browser_hello(name: &str) -> Vec<u8> {
        hello(
            &[0x2a2a, 0x1301, 0x1302, 0xc02b],
            &[
                extension(0x8a8a, &[]),
                extension(51, &[0x55; 1250]),
                server_name(name),
                extension(16, b"\x00\x0f\x02\x0a\x0a\x02h2\x08http/1.1"),
                extension(43, &[6, 0x9a, 0x9a, 3, 4, 3, 3]),
                extension(0xfe0d, &[0; 40]),
                extension(0x1a1a, &[0]),
            ],
        )
    }

    #[test]
    fn reads_what_a_browser_says() {
        let fact =
            parse_client_hello(&browser_hello("Manage.Microsoft.com"), true, Carrier::Tcp).unwrap();
        assert_eq!(fact.server_name.unwrap().as_str(), "Manage.Microsoft.com");
        assert_eq!(fact.version, 0x0304);
        assert_eq!(fact.alpn.as_slice(), ["h2", "http/1.1"]);
        assert!(fact.ech && !fact.esni && fact.complete);
    }

    #[test]
    fn an_odd_extension_does_not_hide_the_name_behind_it() {
        // A one-octet record_size_limit, NPN with a payload and a supported_versions of odd length make tls-parser refuse.
        let odd = [
            extension(28, &[1]),
            extension(13172, &[1, 2]),
            extension(43, &[3, 3, 4, 3]),
        ];
        for odd in odd {
            let body = hello(&[0x1301], &[odd, server_name("login.live.com")]);
            let fact = parse_client_hello(&body, true, Carrier::Tcp).unwrap();
            assert_eq!(fact.server_name.unwrap().as_str(), "login.live.com");
        }
    }

    #[test]
    fn a_cut_hello_gives_the_name_as_soon_as_it_is_whole() {
        let body = hello(
            &[0x1301],
            &[server_name("a.example"), extension(51, &[0; 300])],
        );
        let name_ends = body.windows(9).position(|w| w == b"a.example").unwrap() + 9;
        for end in 2..body.len() {
            let fact = parse_client_hello(&body[..end], false, Carrier::Tcp).unwrap();
            assert_eq!(fact.server_name.is_some(), end >= name_ends, "cut at {end}");
            assert!(!fact.complete && fact.ja4.is_none());
        }
    }

    #[test]
    fn a_dtls_hello_has_a_cookie_more() {
        let plain = hello(&[0xc02b], &[server_name("dtls.example")]);
        let mut body = plain[..39].to_vec();
        body.extend([3, 7, 7, 7]);
        body.extend(&plain[39..]);
        body[..2].copy_from_slice(&[0xfe, 0xfd]);
        let fact = parse_client_hello(&body, true, Carrier::Dtls).unwrap();
        assert_eq!(fact.server_name.unwrap().as_str(), "dtls.example");
        assert_eq!(fact.version, 0xfefd);
    }

    #[test]
    fn a_hello_without_extensions_is_whole() {
        let mut body = hello(&[0x002f], &[]);
        body.truncate(body.len() - 2);
        let fact = parse_client_hello(&body, true, Carrier::Tcp).unwrap();
        assert!(fact.server_name.is_none() && fact.ja4.is_some());
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..400), complete: bool) {
            for carrier in [Carrier::Tcp, Carrier::Quic, Carrier::Dtls] {
                let _ = parse_client_hello(&body, complete, carrier);
            }
        }

        #[test]
        fn never_panics_on_a_damaged_hello(at in 0_usize..1400, value: u8, cut in 0_usize..1500) {
            let mut body = browser_hello("a.example");
            if let Some(octet) = body.get_mut(at) {
                *octet = value;
            }
            body.truncate(cut);
            for carrier in [Carrier::Tcp, Carrier::Dtls] {
                let _ = parse_client_hello(&body, cut > 1400, carrier);
            }
        }
    }
}
