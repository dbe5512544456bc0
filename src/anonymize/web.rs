//! TLS records and HTTP/1 messages at the start of a segment, rewritten in place.

use super::Anonymizer;
use super::frame::be16;

/// TLS content types (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// Handshake messages (RFC 8446 §4, RFC 5246 §7.4).
const CLIENT_HELLO: u8 = 1;
/// Those that name nobody: ServerHello, NewSessionTicket, ServerKeyExchange, ServerHelloDone, ClientKeyExchange. Certificates
/// and requests for them do.
const NAMELESS: [u8; 5] = [2, 4, 12, 14, 16];

/// Extensions that name authorities or places: client_certificate_url, trusted_ca_keys (RFC 6066), certificate_authorities
/// (RFC 8446 §4.2.4).
const NAMING_EXTENSIONS: [u16; 3] = [2, 3, 47];

/// HTTP header fields whose values are no names.
const HARMLESS_FIELDS: [&str; 12] = [
    "accept-ranges",
    "cache-control",
    "connection",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "proxy-connection",
    "range",
    "transfer-encoding",
    "upgrade",
    "vary",
];

/// Header fields whose names say what a message is, and whose values may say anything.
const KNOWN_FIELDS: [&str; 14] = [
    "accept",
    "authorization",
    "cookie",
    "etag",
    "last-modified",
    "location",
    "proxy-authenticate",
    "proxy-authorization",
    "server",
    "set-cookie",
    "user-agent",
    "via",
    "www-authenticate",
    "x-cache",
];

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
];

/// Rewrites the payload of a TCP segment; how much of it may stay.
pub(super) fn rewrite(anonymizer: &Anonymizer<'_>, payload: &mut [u8]) -> usize {
    match payload {
        [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3, ..] => records(anonymizer, payload),
        _ if is_http(payload) => {
            http(anonymizer, payload);
            payload.len()
        }
        _ => 0,
    }
}

// ---- TLS

fn records(anonymizer: &Anonymizer<'_>, payload: &mut [u8]) -> usize {
    let mut at = 0;
    let mut encrypted = false;
    loop {
        let Some(&[kind, 3, _, high, low]) = payload.get(at..at + 5) else {
            return at;
        };
        let start = at + 5;
        let end = start + usize::from(u16::from_be_bytes([high, low]));
        let whole = end <= payload.len();
        let Some(record) = payload.get_mut(start..) else {
            return at;
        };
        let length = (end - start).min(record.len());
        let Some(record) = record.get_mut(..length) else {
            return at;
        };
        let harmless = match kind {
            CHANGE_CIPHER_SPEC => {
                encrypted = true;
                whole && length == 1
            }
            ALERT => whole && length <= 64,
            APPLICATION_DATA => true,
            // The Finished message, encrypted.
            HANDSHAKE if encrypted => whole,
            HANDSHAKE => whole && handshake(anonymizer, record),
            _ => false,
        };
        if !harmless {
            return at;
        }
        at = end.min(payload.len());
        if at == payload.len() {
            return at;
        }
    }
}

/// Whether a record's messages name nobody, after the server name was replaced.
fn handshake(anonymizer: &Anonymizer<'_>, mut record: &mut [u8]) -> bool {
    while !record.is_empty() {
        let Some(&[kind, a, b, c]) = record.first_chunk() else {
            return false;
        };
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let Some((message, rest)) = record
            .split_at_mut_checked(4)
            .and_then(|(_, body)| body.split_at_mut_checked(length))
        else {
            return false;
        };
        let harmless = match kind {
            CLIENT_HELLO => client_hello(anonymizer, message).is_some(),
            kind => NAMELESS.contains(&kind),
        };
        if !harmless {
            return false;
        }
        record = rest;
    }
    true
}

/// Replaces the server name (RFC 6066 §3); `None` when the message cannot be read, or names something else.
fn client_hello(anonymizer: &Anonymizer<'_>, message: &mut [u8]) -> Option<()> {
    // Version and random, then session, cipher suites and compression methods (RFC 8446 §4.1.2).
    let mut at = 34;
    at += 1 + usize::from(*message.get(at)?);
    at += 2 + usize::from(be16(message, at)?);
    at += 1 + usize::from(*message.get(at)?);
    if at == message.len() {
        return Some(());
    }
    let end = at + 2 + usize::from(be16(message, at)?);
    if end != message.len() {
        return None;
    }
    at += 2;
    while at < end {
        let kind = be16(message, at)?;
        let start = at + 4;
        at = start + usize::from(be16(message, at + 2)?);
        let extension = message.get_mut(start..at)?;
        if NAMING_EXTENSIONS.contains(&kind) {
            return None;
        }
        if kind == 0 && !extension.is_empty() {
            // One entry of type 0, with its length before it.
            let name = match extension {
                [_, _, 0, high, low, name @ ..]
                    if usize::from(u16::from_be_bytes([*high, *low])) == name.len() =>
                {
                    name
                }
                _ => return None,
            };
            put_name(anonymizer, name)?;
        }
    }
    (at == end).then_some(())
}

/// Replaces a name by one of the same length.
fn put_name(anonymizer: &Anonymizer<'_>, name: &mut [u8]) -> Option<()> {
    let text = std::str::from_utf8(name).ok()?;
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    let other = anonymizer.name(text);
    if !text.bytes().all(plain) || other.len() != name.len() {
        return None;
    }
    name.copy_from_slice(other.as_bytes());
    Some(())
}

// ---- HTTP/1

fn is_http(payload: &[u8]) -> bool {
    payload.starts_with(b"HTTP/1.")
        || METHODS.iter().any(|method| {
            payload
                .strip_prefix(method.as_bytes())
                .is_some_and(|rest| rest.starts_with(b" "))
        })
}

/// Overwrites everything but the frame of a message: methods, status codes, the names of well-known header fields, a few
/// harmless values, and the host.
fn http(anonymizer: &Anonymizer<'_>, payload: &mut [u8]) {
    let mut rest = payload;
    let mut is_first = true;
    loop {
        let length = rest
            .iter()
            .position(|octet| *octet == b'\n')
            .map_or(rest.len(), |end| end + 1);
        let Some((line, behind)) = rest.split_at_mut_checked(length) else {
            return;
        };
        if line.iter().all(|octet| matches!(octet, b'\r' | b'\n')) {
            // The body, or nothing.
            hide(behind);
            return;
        }
        if is_first {
            start_line(anonymizer, line);
        } else {
            field(anonymizer, line);
        }
        is_first = false;
        if behind.is_empty() {
            return;
        }
        rest = behind;
    }
}

fn start_line(anonymizer: &Anonymizer<'_>, line: &mut [u8]) {
    if line.starts_with(b"HTTP/1.") {
        // `HTTP/1.1 403 `, then words.
        if let Some(reason) = line.get_mut(13..) {
            hide(reason);
        }
        return;
    }
    let Some(method) = line.iter().position(|octet| *octet == b' ') else {
        return hide(line);
    };
    let is_connect = line.starts_with(b"CONNECT ");
    let Some(target) = line.get_mut(method + 1..) else {
        return;
    };
    // A target that is not followed by a version is hidden to the end of the line.
    let end = target
        .iter()
        .position(|octet| *octet == b' ')
        .unwrap_or(target.len());
    let (target, version) = target.split_at_mut(end);
    if !version.starts_with(b" HTTP/1.") {
        hide(version);
    }
    if is_connect {
        host(anonymizer, target);
    } else if target.starts_with(b"http://") {
        let authority = target.get_mut(7..).unwrap_or_default();
        let end = authority
            .iter()
            .position(|octet| *octet == b'/')
            .unwrap_or(authority.len());
        let (authority, path) = authority.split_at_mut(end);
        host(anonymizer, authority);
        hide_path(path);
    } else {
        hide_path(target);
    }
}

fn field(anonymizer: &Anonymizer<'_>, line: &mut [u8]) {
    let Some(colon) = line.iter().position(|octet| *octet == b':') else {
        return hide(line);
    };
    let name = line
        .get(..colon)
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
        .unwrap_or_default();
    let (head, value) = line.split_at_mut(colon + 1);
    if HARMLESS_FIELDS.contains(&name.as_str()) {
        return;
    }
    let blanks = value.iter().take_while(|octet| **octet == b' ').count();
    let Some(value) = value.get_mut(blanks..) else {
        return;
    };
    if name == "host" {
        let end = value
            .iter()
            .position(|octet| matches!(octet, b'\r' | b'\n'))
            .unwrap_or(value.len());
        let (value, _) = value.split_at_mut(end);
        return host(anonymizer, value);
    }
    if !KNOWN_FIELDS.contains(&name.as_str()) {
        hide(head);
    }
    hide(value);
}

/// A host, perhaps with a port.
fn host(anonymizer: &Anonymizer<'_>, authority: &mut [u8]) {
    let end = authority
        .iter()
        .rposition(|octet| *octet == b':')
        .unwrap_or(authority.len());
    let (name, port) = authority.split_at_mut(end);
    if put_name(anonymizer, name).is_none() {
        hide(name);
    }
    if !port.iter().skip(1).all(u8::is_ascii_digit) {
        hide(port);
    }
}

fn hide_path(path: &mut [u8]) {
    for octet in path {
        if *octet != b'/' {
            *octet = b'x';
        }
    }
}

/// Overwrites everything but line ends.
fn hide(octets: &mut [u8]) {
    for octet in octets {
        if !matches!(octet, b'\r' | b'\n') {
            *octet = b'x';
        }
    }
}
