//! The head of an HTTP/1 message: collecting it from a stream, and reading its start line and fields.
//!
//! Read by hand and leniently, because a strict parser gives nothing when a single octet is odd, and because heads cut by
//! the capture's snap length must still tell what they hold. Knows no field by name.

use crate::facts::Seen;

/// Longest head collected, in octets. RFC 9112 sets no limit; common servers refuse more than 8 or 16 KiB.
pub(super) const MAX_HEAD_OCTETS: usize = 16 * 1024;

/// Longest method accepted, in octets; the longest registered one, `UPDATEREDIRECTREF`, has 17.
const MAX_METHOD_OCTETS: usize = 24;

/// Methods by which a request is told from other protocols (IANA HTTP Method Registry, and those of Microsoft's clients).
const KNOWN_METHODS: [&[u8]; 30] = [
    b"GET",
    b"POST",
    b"HEAD",
    b"CONNECT",
    b"PUT",
    b"OPTIONS",
    b"DELETE",
    b"PATCH",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"SEARCH",
    b"REPORT",
    b"CHECKOUT",
    b"CHECKIN",
    b"MERGE",
    b"ACL",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"NOTIFY",
    b"POLL",
    b"BITS_POST",
    b"CCM_POST",
    b"RPC_IN_DATA",
    b"RPC_OUT_DATA",
];

/// First line of the HTTP/2 connection preface (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Whether `bytes`, the first ones of a stream, begin an HTTP request: a known method and a blank, or the preface of HTTP/2.
#[must_use]
pub fn looks_like_request(bytes: &[u8]) -> bool {
    bytes.starts_with(HTTP2_PREFACE)
        || KNOWN_METHODS.iter().any(|method| {
            bytes
                .strip_prefix(*method)
                .is_some_and(|rest| rest.starts_with(b" "))
        })
}

/// Whether `bytes`, the first ones of a stream, begin an HTTP/1 response.
#[must_use]
pub fn looks_like_response(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'0'..=b'9',
            b' ',
            ..
        ]
    )
}

/// Whether a message that begins with `bytes`, which may be few, can still turn out to be a response.
pub(super) fn may_become_response(bytes: &[u8]) -> bool {
    agree(bytes, b"HTTP/1.")
}

/// Whether a message that begins with `bytes`, which may be few, can still turn out to be a request with a known method.
pub(super) fn may_become_known_request(bytes: &[u8]) -> bool {
    looks_like_request(bytes)
        || agree(bytes, HTTP2_PREFACE)
        || KNOWN_METHODS
            .iter()
            .any(|method| bytes.len() <= method.len() && method.starts_with(bytes))
}

/// Whether a message that begins with `bytes`, which may be few, can still turn out to be a CONNECT request.
pub(super) fn may_become_connect(bytes: &[u8]) -> bool {
    agree(bytes, b"CONNECT ")
}

/// Whether a message that begins with `bytes`, which may be few, can still turn out to be a request with any method.
pub(super) fn may_become_request(bytes: &[u8]) -> bool {
    let method = bytes
        .iter()
        .take(MAX_METHOD_OCTETS)
        .take_while(|byte| is_method_octet(**byte))
        .count();
    match bytes.get(method) {
        None => true,
        Some(b' ') => method > 0,
        Some(_) => false,
    }
}

/// Whether the two agree as far as both go.
fn agree(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes
        .iter()
        .zip(pattern)
        .all(|(byte, expected)| byte == expected)
}

/// Methods are tokens (RFC 9110 §9.1); every one in use consists of these.
fn is_method_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// What became of a head after some octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadProgress {
    /// Its end has not come yet.
    Incomplete,
    /// It is complete.
    Complete,
    /// It is longer than [`MAX_HEAD_OCTETS`].
    TooLong,
}

/// Collects one head from a stream, however it is cut into pieces.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadBuffer {
    bytes: Vec<u8>,
    line_start: usize,
    last: Option<Seen>,
}

impl HeadBuffer {
    /// Takes octets up to and including the empty line that ends the head; returns how many it took.
    ///
    /// A line may end in LF alone; empty lines before the start line are skipped (RFC 9112 §2.2).
    pub(super) fn push(&mut self, input: &[u8], seen: Seen) -> (usize, HeadProgress) {
        self.last = Some(seen);
        let mut taken = 0_usize;
        if self.bytes.is_empty() {
            taken = input
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
        }
        for line in input
            .get(taken..)
            .unwrap_or_default()
            .split_inclusive(|byte| *byte == b'\n')
        {
            let room = MAX_HEAD_OCTETS.saturating_sub(self.bytes.len());
            let part = line.get(..room).unwrap_or(line);
            self.bytes.extend_from_slice(part);
            taken = taken.saturating_add(part.len());
            if part.len() < line.len() {
                return (taken, HeadProgress::TooLong);
            }
            if line.ends_with(b"\n") {
                if matches!(self.bytes.get(self.line_start..), Some(b"\n" | b"\r\n")) {
                    return (taken, HeadProgress::Complete);
                }
                self.line_start = self.bytes.len();
            }
        }
        (taken, HeadProgress::Incomplete)
    }

    /// What was collected.
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The packet that brought the last octets collected.
    pub(super) fn last_seen(&self) -> Option<Seen> {
        self.last
    }

    /// Makes room for the next head.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.line_start = 0;
        self.last = None;
    }
}

/// The head of a request; possibly cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestHead<'a> {
    /// Method.
    pub(super) method: &'a [u8],
    /// Request target.
    pub(super) target: &'a [u8],
    /// The target is known to its end.
    pub(super) target_complete: bool,
    /// Field lines.
    pub(super) fields: Fields<'a>,
}

impl<'a> RequestHead<'a> {
    /// Reads a head; `None` when it has no request line of HTTP/1 (RFC 9112 §3).
    pub(super) fn parse(head: &'a [u8]) -> Option<Self> {
        let (line, fields, line_complete) = split_start_line(head);
        let (method, rest) = split_at_octet(line, b' ')?;
        if method.is_empty() || !method.iter().all(|byte| is_method_octet(*byte)) {
            return None;
        }
        let rest = rest.trim_ascii_start();
        // The version follows the last blank: targets with blanks in them are wrong but real.
        let version_at = rest.iter().rposition(|byte| *byte == b' ');
        let (target, version) = version_at
            .and_then(|at| rest.split_at_checked(at))
            .unwrap_or((rest, &[]));
        if line_complete && !version.trim_ascii_start().starts_with(b"HTTP/1.") {
            return None;
        }
        Some(Self {
            method,
            target: target.trim_ascii(),
            target_complete: version_at.is_some(),
            fields,
        })
    }

    /// Whether a head is the start of HTTP/2 instead (RFC 9113 §3.4).
    pub(super) fn is_http2_preface(head: &[u8]) -> bool {
        head.starts_with(HTTP2_PREFACE)
    }
}

/// The head of a response; possibly cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResponseHead<'a> {
    /// Status code, 100 to 999.
    pub(super) status: u16,
    /// Field lines.
    pub(super) fields: Fields<'a>,
}

impl<'a> ResponseHead<'a> {
    /// Reads a head; `None` when it has no status line of HTTP/1 (RFC 9112 §4).
    pub(super) fn parse(head: &'a [u8]) -> Option<Self> {
        let (line, fields, _) = split_start_line(head);
        let [_minor, b' ', rest @ ..] = line.strip_prefix(b"HTTP/1.")? else {
            return None;
        };
        let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] =
            rest.trim_ascii_start()
        else {
            return None;
        };
        if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            return None;
        }
        let status = [a, b, c].iter().fold(0_u16, |value, digit| {
            value
                .saturating_mul(10)
                .saturating_add(u16::from(digit.saturating_sub(b'0')))
        });
        Some(Self { status, fields })
    }
}

/// The start line, what follows it, and whether its end was there.
fn split_start_line(head: &[u8]) -> (&[u8], Fields<'_>, bool) {
    match split_at_octet(head, b'\n') {
        Some((line, rest)) => (line.trim_ascii_end(), Fields { rest }, true),
        None => (head, Fields { rest: &[] }, false),
    }
}

/// What comes before and after the first `octet`.
pub(super) fn split_at_octet(bytes: &[u8], octet: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == octet)?;
    let (before, after) = bytes.split_at_checked(at)?;
    Some((before, after.get(1..).unwrap_or_default()))
}

/// Walks over field lines (RFC 9112 §5): name and value, blanks around both taken off.
///
/// Lines without a colon are passed over, and so is a last line whose end is missing, as its value may be cut. A value
/// that is folded over several lines (RFC 9112 §5.2) keeps its line breaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.next_line()?;
            if let Some((name, value)) = split_at_octet(line, b':') {
                return Some((name.trim_ascii(), value.trim_ascii()));
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// The next line together with the lines that continue it.
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let mut continuations = self.rest.iter().skip(1).chain([&b'\n']);
        let end = self.rest.iter().position(|byte| {
            let next = continuations.next();
            *byte == b'\n' && !matches!(next, Some(b' ' | b'\t'))
        })?;
        let (line, rest) = self.rest.split_at_checked(end.saturating_add(1))?;
        self.rest = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen::default()
    }

    #[test]
    fn probes_want_a_whole_method_or_version() {
        assert!(looks_like_request(b"CONNECT a:443 HTTP/1.1\r\n"));
        assert!(looks_like_request(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        assert!(!looks_like_request(b"GETAWAY "));
        assert!(!looks_like_request(b"GET"));
        assert!(looks_like_response(b"HTTP/1.1 200 OK"));
        assert!(!looks_like_response(b"HTTP/2 200"));
    }

    #[test]
    fn start_of_a_message_is_judged_from_its_first_octet_on() {
        let known = b"POST /";
        for length in 0..known.len() {
            assert!(may_become_known_request(&known[..length]), "{length}");
        }
        assert!(!may_become_known_request(b"POSTER"));
        assert!(!may_become_known_request(b"\x16"));
        assert!(may_become_response(b"HT"));
        assert!(!may_become_response(b"HTML"));
        assert!(may_become_request(b"NEWMETHOD"));
        assert!(!may_become_request(b"<html> "));
        assert!(!may_become_request(&[b'A'; 25]));
    }

    #[test]
    fn head_ends_at_the_empty_line_and_not_before() {
        for head in [
            b"GET / HTTP/1.1\r\nA: b\r\n\r\n".as_slice(),
            b"GET / HTTP/1.1\nA: b\n\n",
        ] {
            let mut input = head.to_vec();
            input.extend_from_slice(b"body");
            let mut buffer = HeadBuffer::default();
            assert_eq!(
                buffer.push(&input, seen()),
                (head.len(), HeadProgress::Complete)
            );
            assert_eq!(buffer.as_slice(), head);
        }
    }

    #[test]
    fn empty_lines_before_a_head_are_skipped() {
        let mut buffer = HeadBuffer::default();
        assert_eq!(
            buffer.push(b"\r\n\n\r\nGET", seen()),
            (8, HeadProgress::Incomplete)
        );
        assert_eq!(buffer.as_slice(), b"GET");
    }

    #[test]
    fn carriage_returns_alone_end_no_line() {
        let mut buffer = HeadBuffer::default();
        let (_, progress) = buffer.push(b"GET / HTTP/1.1\rA: b\r\r", seen());
        assert_eq!(progress, HeadProgress::Incomplete);
    }

    #[test]
    fn head_over_the_limit_keeps_its_first_octets() {
        let mut buffer = HeadBuffer::default();
        let mut input = b"GET / HTTP/1.1\r\nX: ".to_vec();
        input.resize(1 << 20, b'x');
        assert_eq!(
            buffer.push(&input, seen()),
            (MAX_HEAD_OCTETS, HeadProgress::TooLong)
        );
        assert_eq!(buffer.as_slice().len(), MAX_HEAD_OCTETS);
    }

    #[test]
    fn request_line_may_hold_blanks_in_its_target() {
        let head = RequestHead::parse(b"GET /a b HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(
            (head.method, head.target),
            (b"GET".as_slice(), b"/a b".as_slice())
        );
    }

    #[test]
    fn other_protocols_in_the_same_dress_are_refused() {
        assert!(RequestHead::parse(b"OPTIONS rtsp://a/b RTSP/1.0\r\n\r\n").is_none());
        assert!(RequestHead::parse(b"GET /\r\n\r\n").is_none());
        assert!(ResponseHead::parse(b"HTTP/1.1 2000 X\r\n\r\n").is_none());
        assert!(ResponseHead::parse(b"HTTP/1.1 20\r\n\r\n").is_none());
    }

    #[test]
    fn cut_request_line_says_that_its_target_is_cut() {
        let head = RequestHead::parse(b"GET /pkg/conte").unwrap();
        assert_eq!(head.target, b"/pkg/conte");
        assert!(!head.target_complete);
        assert!(
            RequestHead::parse(b"CONNECT a:443 HTT")
                .unwrap()
                .target_complete
        );
    }

    #[test]
    fn status_line_needs_no_reason() {
        assert_eq!(
            ResponseHead::parse(b"HTTP/1.0 407\r\n\r\n").unwrap().status,
            407
        );
        assert_eq!(
            ResponseHead::parse(b"HTTP/1.1  200 OK\r\n\r\n")
                .unwrap()
                .status,
            200
        );
    }

    #[test]
    fn fields_are_trimmed_and_odd_lines_passed_over() {
        let head =
            RequestHead::parse(b"GET / HTTP/1.1\r\nHost : a\r\nnonsense\r\nX:\t1\0 \r\nCut: off")
                .unwrap();
        let fields: Vec<_> = head.fields.collect();
        assert_eq!(
            fields,
            [(b"Host".as_slice(), b"a".as_slice()), (b"X", b"1\0")]
        );
    }

    #[test]
    fn folded_value_stays_one_value() {
        let head =
            RequestHead::parse(b"GET / HTTP/1.1\r\nTE:\r\n chunked\r\nHost: a\r\n\r\n").unwrap();
        let fields: Vec<_> = head.fields.filter(|(name, _)| !name.is_empty()).collect();
        assert_eq!(
            fields,
            [(b"TE".as_slice(), b"chunked".as_slice()), (b"Host", b"a")]
        );
    }
}
