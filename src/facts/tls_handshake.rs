//! What a TLS or QUIC handshake shows in the clear.

use super::{Direction, HostName, Seen};
use compact_str::CompactString;
use smallvec::SmallVec;

/// A ClientHello (RFC 8446 §4.1.2).
#[derive(Debug, Clone, Default)]
pub struct ClientHelloFact {
    /// The packet that brought its last byte seen.
    pub seen: Seen,
    /// The server name asked for (RFC 6066 §3); `None` when absent or not in the capture.
    pub server_name: Option<HostName>,
    /// Encrypted ClientHello (`encrypted_client_hello`, RFC 9849) present: the server name is the public outer one.
    pub ech: bool,
    /// The older encrypted SNI draft's extension was present.
    pub esni: bool,
    /// Application protocols offered, printable, at most 8.
    pub alpn: SmallVec<[CompactString; 2]>,
    /// Highest version offered, as on the wire (0x0303 TLS 1.2, 0x0304 TLS 1.3), GREASE left out.
    pub version: u16,
    /// JA4 fingerprint; `None` when the message is incomplete.
    pub ja4: Option<CompactString>,
    /// All its bytes were in the capture.
    pub complete: bool,
}

/// A ServerHello (RFC 8446 §4.1.3).
#[derive(Debug, Clone, Default)]
pub struct ServerHelloFact {
    /// The packet that brought it.
    pub seen: Seen,
    /// Version chosen, as on the wire: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3.
    pub version: u16,
    /// Cipher suite chosen.
    pub cipher_suite: u16,
    /// Application protocol chosen, where visible (TLS 1.2).
    pub alpn: Option<CompactString>,
    /// The order of extensions, hashed with version and cipher: equal for servers of the same make.
    pub fingerprint: u64,
}

/// The server's certificate, where visible (TLS 1.2 and earlier).
#[derive(Debug, Clone, Default)]
pub struct CertificateFact {
    /// The packet that brought its last byte.
    pub seen: Seen,
    /// Issuer's distinguished name, printable, RFC 4514 order as in the certificate.
    pub issuer: CompactString,
    /// Issuer's organisation (O), when given.
    pub issuer_organization: Option<CompactString>,
    /// Issuer's common name (CN), when given.
    pub issuer_common_name: Option<CompactString>,
    /// Subject's common name (CN), when given.
    pub subject_common_name: Option<CompactString>,
    /// DNS names of the subject alternative name extension, at most [`Self::MAX_NAMES`].
    pub names: Vec<HostName>,
    /// Issuer and subject are the same name.
    pub self_issued: bool,
}

impl CertificateFact {
    /// Names kept of one certificate; some carry hundreds.
    pub const MAX_NAMES: usize = 32;
}

/// A TLS alert in the clear (RFC 8446 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertFact {
    /// The packet that brought it.
    pub seen: Seen,
    /// Who sent it.
    pub by: Direction,
    /// Level 2 (fatal), or a description that is always fatal in TLS 1.3.
    pub fatal: bool,
    /// Description as on the wire, for example 40 handshake_failure, 48 unknown_ca, 112 unrecognized_name.
    pub description: u8,
}

/// The first octets of the server's side where a ServerHello was due, and they are no TLS record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignAnswer {
    /// The packet that brought them.
    pub seen: Seen,
    /// The status line, when they are the beginning of an HTTP response: printable, at most 64 characters.
    pub status_line: Option<CompactString>,
}

/// Records with content type `application_data` in one direction, after the ServerHello.
#[derive(Debug, Clone, Default)]
pub struct EncryptedRecords {
    /// How many.
    pub count: u64,
    /// Lengths of the first ones, without the 5-byte record header.
    pub first_lengths: SmallVec<[u16; 6]>,
    /// First one.
    pub first: Option<Seen>,
    /// Last one seen while the handshake was still being watched.
    pub last: Option<Seen>,
}

/// One TLS connection as far as it can be read without keys.
#[derive(Debug, Clone, Default)]
pub struct TlsFacts {
    /// The first client bytes that look like TLS.
    pub first_client_record: Option<Seen>,
    /// ClientHello, whole or in part.
    pub client_hello: Option<ClientHelloFact>,
    /// ServerHello.
    pub server_hello: Option<ServerHelloFact>,
    /// The server's certificate, where visible.
    pub certificate: Option<CertificateFact>,
    /// Alerts in the clear, at most 4.
    pub alerts: SmallVec<[AlertFact; 1]>,
    /// Encrypted records from the client, from the server.
    pub encrypted: [EncryptedRecords; 2],
    /// TLS 1.2: both sides sent their encrypted Finished. TLS 1.3: the client sent a record that can be its Finished.
    pub handshake_finished: Option<Seen>,
    /// First client record that can be a request: application data that is neither Finished nor an alert.
    pub request: Option<Seen>,
    /// First application data of the server after `request`.
    pub response: Option<Seen>,
    /// The client's last encrypted record has the size of an alert (19 octets in TLS 1.3) and came before any request.
    pub client_alert_sized: Option<Seen>,
    /// TLS 1.3: the first record of the server after the client's Finished that has the size of an alert.
    pub server_alert_sized: Option<Seen>,
    /// What answered the ClientHello when that was no TLS; `None` when it was, or when nothing answered.
    pub foreign_answer: Option<Box<ForeignAnswer>>,
    /// DTLS instead of TLS.
    pub datagram: bool,
}

/// A QUIC connection as far as its Initial packets can be read (RFC 9001 §5).
#[derive(Debug, Clone, Default)]
pub struct QuicFact {
    /// Version on the wire (1, 0x6b3343cf for version 2, 0xff00001d for draft 29 …).
    pub version: u32,
    /// The client's first Initial.
    pub first_initial: Option<Seen>,
    /// ClientHello carried by the Initials.
    pub client_hello: Option<ClientHelloFact>,
    /// The server's first packet of any kind.
    pub server_answer: Option<Seen>,
    /// A Retry packet was seen.
    pub retry: bool,
    /// A Version Negotiation packet was seen.
    pub version_negotiation: bool,
}
