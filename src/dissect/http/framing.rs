//! Where an HTTP/1 message body ends (RFC 9112 §6.3), and skipping over it piece by piece.
//!
//! Bodies are not kept here; the caller may look at the data of each piece as it goes by.

use super::head::{Fields, RequestHead, ResponseHead};

/// What `Content-Length` says (RFC 9112 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentLength {
    Absent,
    Octets(u64),
    Invalid,
}

/// The fields that decide on framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FramingFields {
    /// Whether the last transfer coding is `chunked`; `None` without transfer codings.
    chunked: Option<bool>,
    content_length: ContentLength,
}

impl FramingFields {
    /// Reads them from a head's fields.
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let mut framing = Self {
            chunked: None,
            content_length: ContentLength::Absent,
        };
        for (name, value) in fields {
            if name.eq_ignore_ascii_case(b"transfer-encoding") {
                let last = value
                    .rsplit(|byte| *byte == b',')
                    .next()
                    .unwrap_or_default();
                framing.chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            } else if name.eq_ignore_ascii_case(b"content-length") {
                framing.content_length = framing.content_length.and(value);
            }
        }
        framing
    }

    /// `Content-Length`, when it is valid.
    pub(super) fn content_length(&self) -> Option<u64> {
        match self.content_length {
            ContentLength::Octets(octets) => Some(octets),
            ContentLength::Absent | ContentLength::Invalid => None,
        }
    }
}

impl ContentLength {
    /// Adds a further field value. The same number may come several times, in several fields or in a list.
    fn and(self, value: &[u8]) -> Self {
        value.split(|byte| *byte == b',').fold(self, |sum, item| {
            match (sum, decimal(item.trim_ascii())) {
                (Self::Absent, Some(octets)) => Self::Octets(octets),
                (Self::Octets(before), Some(octets)) if before == octets => sum,
                _ => Self::Invalid,
            }
        })
    }
}

/// A decimal number of ASCII digits alone; `None` when it is none or does not fit.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit
            .is_ascii_digit()
            .then(|| u64::from(digit.saturating_sub(b'0')))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// A request's method, as far as it decides how the response is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum MethodKind {
    /// `HEAD`: the response has no body, whatever its fields say.
    Head,
    /// `CONNECT`: a 2xx response opens a tunnel.
    Connect,
    /// Any other.
    #[default]
    Other,
}

impl MethodKind {
    /// Which kind a method is; methods are case-sensitive (RFC 9110 §9.1).
    pub(super) fn of(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// The next head.
    NoBody,
    /// A body.
    Body(Body),
    /// Something whose end cannot be told.
    Unknown,
}

impl Framing {
    /// What follows a request's head.
    pub(super) fn of_request(head: &RequestHead<'_>) -> Self {
        let fields = FramingFields::read(head.fields);
        match (fields.chunked, fields.content_length) {
            (Some(true), _) => Self::Body(Body::Chunked(Chunked::default())),
            (Some(false), _) | (None, ContentLength::Invalid) => Self::Unknown,
            (None, ContentLength::Absent | ContentLength::Octets(0)) => Self::NoBody,
            (None, ContentLength::Octets(remaining)) => Self::Body(Body::Counted { remaining }),
        }
    }

    /// What follows the head of a response to a request with such a method; tunnels are the caller's matter.
    pub(super) fn of_response(head: &ResponseHead<'_>, method: MethodKind) -> Self {
        if method == MethodKind::Head || matches!(head.status, 100..=199 | 204 | 304) {
            return Self::NoBody;
        }
        let fields = FramingFields::read(head.fields);
        match (fields.chunked, fields.content_length) {
            (Some(true), _) => Self::Body(Body::Chunked(Chunked::default())),
            (None, ContentLength::Octets(0)) => Self::NoBody,
            (None, ContentLength::Octets(remaining)) => Self::Body(Body::Counted { remaining }),
            (Some(false), _) | (None, ContentLength::Absent | ContentLength::Invalid) => {
                Self::Body(Body::UntilClose)
            }
        }
    }
}

/// A body, as far as it is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// `Content-Length` octets.
    Counted {
        /// Octets still to come, at least 1.
        remaining: u64,
    },
    /// The chunked transfer coding.
    Chunked(Chunked),
    /// All octets until the connection closes.
    UntilClose,
}

/// Where a body stands after some octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyProgress {
    /// More of it is to come.
    Continues,
    /// It is over; a head follows.
    Ended,
    /// Its framing is wrong, or was lost in a gap: where the next head begins is unknown.
    Lost,
}

impl Body {
    /// Takes octets; returns how many, which of them are data of the message, and where the body stands then.
    ///
    /// Takes at least one octet of an input that is not empty, but not always all that belong to the body.
    pub(super) fn read<'a>(&mut self, input: &'a [u8]) -> (usize, &'a [u8], BodyProgress) {
        match self {
            Self::Counted { remaining } => {
                let data = take_counted(remaining, input);
                let progress = if *remaining == 0 {
                    BodyProgress::Ended
                } else {
                    BodyProgress::Continues
                };
                (data.len(), data, progress)
            }
            Self::Chunked(chunked) => chunked.read(input),
            Self::UntilClose => (input.len(), input, BodyProgress::Continues),
        }
    }

    /// Passes over octets that are not in the capture.
    pub(super) fn skip(&mut self, octets: u64) -> BodyProgress {
        let (remaining, after) = match self {
            Self::UntilClose => return BodyProgress::Continues,
            Self::Counted { remaining } => (remaining, BodyProgress::Ended),
            Self::Chunked(Chunked {
                part: ChunkPart::Data,
                value,
            }) => (value, BodyProgress::Continues),
            Self::Chunked(_) => return BodyProgress::Lost,
        };
        match remaining.checked_sub(octets) {
            None => BodyProgress::Lost,
            Some(left) => {
                *remaining = left;
                if left == 0 {
                    after
                } else {
                    BodyProgress::Continues
                }
            }
        }
    }
}

/// Takes up to `remaining` octets off the front of `input` and lowers the count.
fn take_counted<'a>(remaining: &mut u64, input: &'a [u8]) -> &'a [u8] {
    let limit = usize::try_from(*remaining).unwrap_or(usize::MAX);
    let data = input.get(..limit).unwrap_or(input);
    *remaining = remaining.saturating_sub(u64::try_from(data.len()).unwrap_or(u64::MAX));
    data
}

/// Reader of the chunked transfer coding (RFC 9112 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Chunked {
    part: ChunkPart,
    /// Chunk size read so far, or octets of the chunk still to come.
    value: u64,
}

/// The part of the coding that the next octet belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ChunkPart {
    /// Before the first digit of a chunk size.
    #[default]
    SizeStart,
    /// Within a chunk size.
    Size,
    /// Behind a chunk size: blanks, extensions.
    Extension,
    /// Chunk data.
    Data,
    /// The line end behind chunk data.
    DataEnd,
    /// Beginning of a line of the trailer section.
    TrailerStart,
    /// Within a line of the trailer section.
    Trailer,
}

impl Chunked {
    fn read<'a>(&mut self, input: &'a [u8]) -> (usize, &'a [u8], BodyProgress) {
        if self.part == ChunkPart::Data && self.value > 0 {
            let data = take_counted(&mut self.value, input);
            return (data.len(), data, BodyProgress::Continues);
        }
        let mut taken = 0_usize;
        for byte in input {
            taken = taken.saturating_add(1);
            match self.step(*byte) {
                BodyProgress::Continues if self.part != ChunkPart::Data => {}
                progress => return (taken, &[], progress),
            }
        }
        (taken, &[], BodyProgress::Continues)
    }

    /// Takes one octet that is not chunk data.
    fn step(&mut self, byte: u8) -> BodyProgress {
        use ChunkPart::{Data, DataEnd, Extension, Size, SizeStart, Trailer, TrailerStart};
        self.part = match (self.part, byte) {
            (SizeStart | Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                let Some(size) = self.value.checked_mul(16) else {
                    return BodyProgress::Lost;
                };
                self.value = size.saturating_add(digit);
                Size
            }
            (Size | Extension, b'\n') if self.value == 0 => TrailerStart,
            (Size | Extension, b'\n') => Data,
            (Size, b'\r' | b' ' | b'\t' | b';') => Extension,
            (Extension, _) => Extension,
            // The octets of the chunk are used up when this is asked in `Data`.
            (Data | DataEnd, b'\r') => DataEnd,
            (Data | DataEnd, b'\n') => SizeStart,
            (TrailerStart, b'\n') => return BodyProgress::Ended,
            (TrailerStart, b'\r') => TrailerStart,
            (Trailer, b'\n') => TrailerStart,
            (TrailerStart | Trailer, _) => Trailer,
            (SizeStart | Size | Data | DataEnd, _) => return BodyProgress::Lost,
        };
        BodyProgress::Continues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_response(head: &[u8], method: MethodKind) -> Framing {
        Framing::of_response(&ResponseHead::parse(head).unwrap(), method)
    }

    fn of_request(head: &[u8]) -> Framing {
        Framing::of_request(&RequestHead::parse(head).unwrap())
    }

    /// Reads a chunked body in pieces of `step` octets: data, octets left over, last word.
    fn read_chunked(input: &[u8], step: usize) -> (Vec<u8>, usize, BodyProgress) {
        let mut body = Body::Chunked(Chunked::default());
        let mut data = Vec::new();
        let mut left = input.len();
        for piece in input.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() {
                let (taken, part, progress) = body.read(rest);
                data.extend_from_slice(part);
                rest = &rest[taken..];
                left -= taken;
                if progress != BodyProgress::Continues {
                    return (data, left, progress);
                }
            }
        }
        (data, left, BodyProgress::Continues)
    }

    #[test]
    fn responses_without_body() {
        for status in ["100", "204", "304"] {
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n");
            assert_eq!(
                of_response(head.as_bytes(), MethodKind::Other),
                Framing::NoBody
            );
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(of_response(head, MethodKind::Head), Framing::NoBody);
        assert_eq!(
            of_response(head, MethodKind::Other),
            Framing::Body(Body::Counted { remaining: 5 })
        );
    }

    #[test]
    fn transfer_coding_beats_content_length() {
        let head =
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n";
        assert!(matches!(
            of_response(head, MethodKind::Other),
            Framing::Body(Body::Chunked(_))
        ));
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n";
        assert_eq!(
            of_response(head, MethodKind::Other),
            Framing::Body(Body::UntilClose)
        );
    }

    #[test]
    fn length_must_be_a_number_that_fits_and_agrees() {
        assert_eq!(
            of_request(b"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n"),
            Framing::Body(Body::Counted { remaining: 5 })
        );
        for value in [
            "-1",
            "+5",
            "",
            "5 6",
            "18446744073709551616",
            "5\r\nContent-Length: 6",
        ] {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {value}\r\n\r\n");
            assert_eq!(of_request(head.as_bytes()), Framing::Unknown, "{value}");
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n";
        assert_eq!(
            of_response(head, MethodKind::Other),
            Framing::Body(Body::UntilClose)
        );
        assert_eq!(of_request(b"GET / HTTP/1.1\r\n\r\n"), Framing::NoBody);
    }

    #[test]
    fn chunks_are_read_the_same_however_they_are_cut() {
        let input = b"4;name=\"v\"\r\nWiki\r\n0a\nPedia in \n\r\n00\r\nTrailer: x\r\n\r\nHTTP/1.1";
        for step in 1..=input.len() {
            assert_eq!(
                read_chunked(input, step),
                (b"WikiPedia in \n".to_vec(), 8, BodyProgress::Ended),
                "{step}"
            );
        }
    }

    #[test]
    fn wrong_chunks_lose_the_way() {
        for input in [
            b"\r\n".as_slice(),
            b"-1\r\n",
            b"10000000000000000\r\n",
            b"x\r\n",
            b"1\r\nab",
        ] {
            assert_eq!(read_chunked(input, 3).2, BodyProgress::Lost, "{input:?}");
        }
        assert_eq!(
            read_chunked(b"ffffffffffffffff\r\nabc", 4).2,
            BodyProgress::Continues
        );
    }

    #[test]
    fn gap_inside_a_body_lowers_the_count() {
        let mut body = Body::Counted { remaining: 10 };
        assert_eq!(body.skip(4), BodyProgress::Continues);
        assert_eq!(
            body.read(b"abcdefgh"),
            (6, b"abcdef".as_slice(), BodyProgress::Ended)
        );
        assert_eq!(
            Body::Counted { remaining: 10 }.skip(10),
            BodyProgress::Ended
        );
        assert_eq!(Body::Counted { remaining: 10 }.skip(11), BodyProgress::Lost);
        assert_eq!(Body::UntilClose.skip(u64::MAX), BodyProgress::Continues);
    }

    #[test]
    fn gap_inside_chunk_data_lowers_the_count() {
        let mut body = Body::Chunked(Chunked::default());
        assert_eq!(
            body.read(b"a\r\n"),
            (3, b"".as_slice(), BodyProgress::Continues)
        );
        assert_eq!(body.skip(10), BodyProgress::Continues);
        assert_eq!(
            body.read(b"\r\n0\r\n\r\n"),
            (7, b"".as_slice(), BodyProgress::Ended)
        );
        assert_eq!(
            Body::Chunked(Chunked::default()).skip(1),
            BodyProgress::Lost
        );
    }
}
