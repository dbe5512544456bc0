//! Request targets, authorities and `Location` values: which host and port they name, and what path.
//!
//! Query strings, fragments and user information are left behind here.

use super::head::split_at_octet;
use crate::facts::HostName;

/// Host and port of an authority or a `Host` field (RFC 3986 §3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Authority {
    /// Host without port, brackets or user information; `None` when empty or too long.
    pub(super) host: Option<HostName>,
    /// Port; `None` when not given or not a number.
    pub(super) port: Option<u16>,
}

impl Authority {
    /// Reads `host`, `host:port`, `[v6]`, `[v6]:port`, each possibly behind `user@`.
    pub(super) fn parse(authority: &[u8]) -> Self {
        let authority = authority
            .rsplit(|byte| *byte == b'@')
            .next()
            .unwrap_or_default();
        let bracketed = authority
            .strip_prefix(b"[")
            .and_then(|rest| split_at_octet(rest, b']'));
        let (host, port) = match bracketed {
            Some((host, rest)) => (host, rest.strip_prefix(b":")),
            None => match split_at_octet(authority, b':') {
                // An IPv6 address without brackets is wrong, but clear.
                Some((_, rest)) if rest.contains(&b':') => (authority, None),
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        Self {
            host: HostName::from_wire(host),
            port: port.and_then(parse_port),
        }
    }
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Splits a URI with authority, `scheme://authority/path?query#fragment`, or `//authority…` without a scheme, into the
/// authority and all that follows it; `None` for anything else (RFC 3986 §4.2).
pub(super) fn split_absolute(uri: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = match split_at_octet(uri, b':') {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => uri,
    };
    let rest = rest.strip_prefix(b"//")?;
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    rest.split_at_checked(end)
}

fn is_scheme(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// The path at the front of `target`: what comes before query and fragment.
pub(super) fn path(target: &[u8]) -> &[u8] {
    target
        .split(|byte| matches!(byte, b'?' | b'#'))
        .next()
        .unwrap_or_default()
}

/// Octets of a `Location` value that are looked through for the asked host.
const MAX_LOCATION_OCTETS: usize = 2048;

/// Whether `rest`, path and query of a `Location` value, quotes `host` as a word, plainly or percent-encoded once or twice.
pub(super) fn quotes_host(rest: &[u8], host: &HostName) -> bool {
    readings(rest).iter().any(|text| {
        text.split(|byte| !is_host_octet(*byte))
            .any(|word| word.eq_ignore_ascii_case(host.as_str().as_bytes()))
    })
}

/// Whether it quotes `host` and, right behind it, `path`, which has to say more than `/`.
pub(super) fn quotes_url(rest: &[u8], host: &HostName, path: &str) -> bool {
    let url = [host.as_str(), path].concat();
    let begins = |text: &[u8]| {
        text.get(..url.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(url.as_bytes()))
    };
    path.len() > 1
        && readings(rest).iter().any(|text| {
            let mut before = None;
            (0..text.len()).any(|start| {
                let inside_a_word = before.is_some_and(is_host_octet);
                before = text.get(start).copied();
                !inside_a_word && text.get(start..).is_some_and(begins)
            })
        })
}

/// The beginning of a text as it stands, and with its percent-encoding taken off once and twice.
fn readings(text: &[u8]) -> [Vec<u8>; 3] {
    let plain = text.get(..MAX_LOCATION_OCTETS).unwrap_or(text);
    let once = percent_decode(plain);
    let twice = percent_decode(&once);
    [plain.to_vec(), once, twice]
}

fn is_host_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// Replaces each `%` with two hexadecimal digits by its octet; keeps what is no such triplet (RFC 3986 §2.1).
fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let triplet = match (first, after) {
            (b'%', [high, low, after @ ..]) => hex_digit(*high)
                .zip(hex_digit(*low))
                .map(|digits| (digits, after)),
            _ => None,
        };
        match triplet {
            Some(((high, low), after)) => {
                decoded.push(high << 4 | low);
                rest = after;
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(text: &[u8]) -> (Option<String>, Option<u16>) {
        let authority = Authority::parse(text);
        (authority.host.map(|host| host.to_string()), authority.port)
    }

    fn host(name: &str) -> HostName {
        HostName::from_wire(name.as_bytes()).unwrap()
    }

    #[test]
    fn authorities() {
        assert_eq!(
            authority(b"a.example:8080"),
            (Some("a.example".into()), Some(8080))
        );
        assert_eq!(
            authority(b"[2001:db8::1]:443"),
            (Some("2001:db8::1".into()), Some(443))
        );
        assert_eq!(
            authority(b"[2001:db8::1]"),
            (Some("2001:db8::1".into()), None)
        );
        assert_eq!(
            authority(b"2001:db8::1"),
            (Some("2001:db8::1".into()), None)
        );
        assert_eq!(authority(b"a.example.:"), (Some("a.example".into()), None));
        assert_eq!(authority(b"a:65536"), (Some("a".into()), None));
        assert_eq!(authority(b""), (None, None));
    }

    #[test]
    fn user_information_is_left_behind() {
        assert_eq!(
            authority(b"user:secret@a.example:80"),
            (Some("a.example".into()), Some(80))
        );
    }

    #[test]
    fn absolute_references_are_split_behind_the_authority() {
        let split = split_absolute(b"http://a.example:80/x?y");
        assert_eq!(
            split,
            Some((b"a.example:80".as_slice(), b"/x?y".as_slice()))
        );
        assert_eq!(
            split_absolute(b"HTTPS://a?x"),
            Some((b"a".as_slice(), b"?x".as_slice()))
        );
        assert_eq!(
            split_absolute(b"//a/x"),
            Some((b"a".as_slice(), b"/x".as_slice()))
        );
        assert_eq!(split_absolute(b"/login?u=http://a/"), None);
        assert_eq!(split_absolute(b"mailto:a"), None);
    }

    #[test]
    fn path_ends_before_query_and_fragment() {
        assert_eq!(path(b"/a/b?secret"), b"/a/b");
        assert_eq!(path(b"/a#b?c"), b"/a");
    }

    #[test]
    fn asked_host_is_found_plain_and_encoded() {
        let asked = host("ctldl.windowsupdate.com");
        assert!(quotes_host(
            b"/?url=http://CTLDL.windowsupdate.com/pkg&cat=17",
            &asked
        ));
        assert!(quotes_host(
            b"/?url=http%3A%2F%2Fctldl.windowsupdate.com%2Fpkg",
            &asked
        ));
        assert!(quotes_host(
            b"/?url=http%253A%252F%252Fctldl%252Ewindowsupdate.com%252F",
            &asked
        ));
        assert!(!quotes_host(
            b"/?url=http://x.ctldl.windowsupdate.com/",
            &asked
        ));
        assert!(!quotes_host(b"/?url=%", &asked));
    }

    #[test]
    fn asked_url_is_host_and_path_together() {
        let asked = host("go.microsoft.com");
        let quotes = |rest: &[u8], path| quotes_url(rest, &asked, path);
        assert!(quotes(
            b"/?url=http%3A%2F%2FGo.microsoft.com%2Ffwlink%2F%3FLinkId=1",
            "/fwlink/"
        ));
        assert!(quotes(b"go.microsoft.com/fwlink/", "/fwlink/"));
        assert!(!quotes(b"/?ref=go.microsoft.com", "/fwlink/"));
        assert!(!quotes(b"/?ref=go.microsoft.com/", "/"));
        assert!(!quotes(b"/?u=x.go.microsoft.com/fwlink/", "/fwlink/"));
    }
}
