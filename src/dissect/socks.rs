//! SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): the bytes of both directions of a connection to the tunnel that the client asks for.
//!
//! Goes as far as the proxy's final reply. User names and passwords are passed over, never kept. Requests other than CONNECT,
//! and logins other than by password, are recognised and left alone.

use super::tunnel::{EarlyOctets, TunnelProgress};
use crate::facts::{Direction, HostName, Seen, TunnelKind, TunnelRequest};
use smallvec::SmallVec;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest user identifier and host name of SOCKS 4 and 4a, which end with a zero octet, without it. The protocol sets
/// no limit; this is what the length octets of SOCKS 5 allow.
const MAX_TEXT: usize = 255;
/// Longest message: a SOCKS 4a request with two such texts.
const MAX_MESSAGE: usize = 8 + 2 * (MAX_TEXT + 1);

/// Command CONNECT, in all versions (RFC 1928 §4).
const CONNECT: u8 = 1;
/// Command BIND, in all versions.
const BIND: u8 = 2;
/// Methods of RFC 1928 §3: no authentication, user name and password; and the answer "none of them is acceptable".
const METHOD_NONE: u8 = 0;
const METHOD_PASSWORD: u8 = 2;
const METHOD_REFUSED: u8 = 0xff;
/// SOCKS 4 reply code "request granted".
const GRANTED_4: u8 = 90;

/// Whether `bytes`, the first ones of a stream, are exactly one opening message of a SOCKS client.
///
/// Strict, as there is no other mark than the first octet: the message must end where the bytes end.
#[must_use]
pub fn looks_like_socks(bytes: &[u8]) -> bool {
    match bytes {
        [5, count, methods @ ..] => {
            let distinct = methods
                .iter()
                .enumerate()
                .all(|(at, method)| !methods.iter().take(at).any(|m| m == method));
            // 0 to 9 are assigned (IANA SOCKS Methods), from 0x80 on they are private.
            let plausible = methods
                .iter()
                .all(|method| matches!(method, 0..=9 | 0x80..=0xfe));
            let common = methods.iter().any(|method| *method <= METHOD_PASSWORD);
            usize::from(*count) == methods.len() && plausible && common && distinct
        }
        [4, CONNECT | BIND, rest @ ..] => {
            let texts_printable = rest
                .iter()
                .skip(6)
                .all(|byte| *byte == 0 || byte.is_ascii_graphic());
            match Opening::read(bytes) {
                Some(Ok((Opening::Request(request), length))) => {
                    length == bytes.len() && request.port != 0 && texts_printable
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Reads one TCP connection as SOCKS; the side that speaks first is the client.
#[derive(Debug, Clone, Default)]
pub struct SocksStream {
    client: Option<Direction>,
    awaited_of_client: ClientMessage,
    awaited_of_proxy: ProxyMessage,
    client_bytes: Vec<u8>,
    proxy_bytes: Vec<u8>,
    /// The packet with the client's opening message.
    opening: Option<Seen>,
    authenticated: bool,
    tunnel: Option<TunnelRequest>,
    early: EarlyOctets,
    /// The answer to everything that is still delivered after the end.
    end: Option<TunnelProgress>,
}

/// What the client sends next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ClientMessage {
    #[default]
    Opening,
    LoginOrRequest,
    /// The client has asked; what it sends now belongs to the tunnel.
    Nothing,
}

/// What the proxy sends next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ProxyMessage {
    /// Nothing: the client opens.
    #[default]
    Nothing,
    Method,
    LoginReply,
    Reply5,
    Reply4,
}

impl SocksStream {
    /// A reader for a connection of which nothing has been seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of one direction, in order.
    pub fn push(&mut self, direction: Direction, bytes: &[u8], seen: Seen) -> TunnelProgress {
        let client = *self.client.get_or_insert(direction);
        let mut rest = bytes;
        while !rest.is_empty() && self.end.is_none() {
            if direction == client && self.awaited_of_client == ClientMessage::Nothing {
                self.early.hold(rest, seen);
                break;
            }
            let buffer = if direction == client {
                &mut self.client_bytes
            } else {
                &mut self.proxy_bytes
            };
            let held = buffer.len();
            buffer.extend_from_slice(rest.get(..MAX_MESSAGE).unwrap_or(rest));
            let message = std::mem::take(buffer);
            let read = if direction == client {
                self.read_client(&message, seen)
            } else {
                self.read_proxy(&message, seen)
            };
            match read {
                Some(Ok(length)) => {
                    rest = rest.get(length.saturating_sub(held)..).unwrap_or_default()
                }
                None if message.len() <= MAX_MESSAGE => {
                    let buffer = if direction == client {
                        &mut self.client_bytes
                    } else {
                        &mut self.proxy_bytes
                    };
                    *buffer = message;
                    break;
                }
                None | Some(Err(NotSocks)) => self.end = Some(self.give_up()),
            }
        }
        match self.end {
            None => TunnelProgress::NeedMore,
            Some(TunnelProgress::Tunnel { .. }) => TunnelProgress::Tunnel {
                consumed: bytes.len().saturating_sub(rest.len()),
            },
            Some(end) => end,
        }
    }

    /// Says that `octets` octets of one direction were sent but are not in the capture.
    ///
    /// SOCKS messages are short and have no mark to find the way again by, so that reading ends here, unless the client's part
    /// is over.
    pub fn gap(&mut self, direction: Direction, octets: u64, _seen: Seen) -> TunnelProgress {
        if self.client == Some(direction)
            && self.awaited_of_client == ClientMessage::Nothing
            && self.end.is_none()
        {
            self.early.miss(octets);
            return TunnelProgress::NeedMore;
        }
        *self.end.get_or_insert(TunnelProgress::Done)
    }

    /// The side that speaks first; `None` before it did.
    #[must_use]
    pub fn client(&self) -> Option<Direction> {
        self.client
    }

    /// Takes what the client sent into the tunnel before the proxy's reply was seen: the first octets of its direction of the
    /// tunnel. To be asked for once, when [`TunnelProgress::Tunnel`] was returned.
    pub fn take_early_octets(&mut self) -> EarlyOctets {
        std::mem::take(&mut self.early)
    }

    /// What is known so far; `None` when no tunnel was asked for.
    #[must_use]
    pub fn facts(&self) -> Option<TunnelRequest> {
        self.tunnel.clone()
    }

    /// All that was learnt; `None` when no tunnel was asked for.
    #[must_use]
    pub fn into_facts(self) -> Option<TunnelRequest> {
        self.tunnel
    }

    /// What to say when something cannot be SOCKS.
    fn give_up(&self) -> TunnelProgress {
        if self.opening.is_none() {
            TunnelProgress::NotMine
        } else {
            TunnelProgress::Done
        }
    }

    fn read_client(&mut self, bytes: &[u8], seen: Seen) -> Read<usize> {
        let (request, length) = match self.awaited_of_client {
            ClientMessage::Opening => match Opening::read(bytes)? {
                Ok((opening, length)) => {
                    self.opening = Some(seen);
                    match opening {
                        Opening::Greeting => {
                            self.awaited_of_client = ClientMessage::LoginOrRequest;
                            self.awaited_of_proxy = ProxyMessage::Method;
                            return Some(Ok(length));
                        }
                        Opening::Request(request) => {
                            self.awaited_of_proxy = ProxyMessage::Reply4;
                            (request, length)
                        }
                    }
                }
                Err(error) => return Some(Err(error)),
            },
            ClientMessage::LoginOrRequest => match read_login_or_request(bytes)? {
                Ok((Some(request), length)) => (request, length),
                Ok((None, length)) => {
                    self.authenticated = true;
                    return Some(Ok(length));
                }
                Err(error) => return Some(Err(error)),
            },
            ClientMessage::Nothing => return Some(Ok(bytes.len())),
        };
        self.awaited_of_client = ClientMessage::Nothing;
        if request.command == CONNECT {
            self.tunnel = Some(self.tunnel_request(request.kind, request.host, request.port, seen));
        } else {
            self.end = Some(TunnelProgress::Done);
        }
        Some(Ok(length))
    }

    fn read_proxy(&mut self, bytes: &[u8], seen: Seen) -> Read<usize> {
        let mut cursor = Cursor { rest: bytes };
        match self.awaited_of_proxy {
            ProxyMessage::Nothing => return Some(Err(NotSocks)),
            ProxyMessage::Method => {
                let [version, method] = cursor.array()?;
                match (version, method) {
                    (5, METHOD_NONE) => self.awaited_of_proxy = ProxyMessage::Reply5,
                    (5, METHOD_PASSWORD) => self.awaited_of_proxy = ProxyMessage::LoginReply,
                    (5, METHOD_REFUSED) => self.refuse(method, seen),
                    (5, _) => self.end = Some(TunnelProgress::Done),
                    _ => return Some(Err(NotSocks)),
                }
            }
            ProxyMessage::LoginReply => {
                // RFC 1929 §2: any status but 0 means that the proxy closes.
                let [version, status] = cursor.array()?;
                match (version, status) {
                    (1, 0) => self.awaited_of_proxy = ProxyMessage::Reply5,
                    (1, _) => self.refuse(status, seen),
                    _ => return Some(Err(NotSocks)),
                }
            }
            ProxyMessage::Reply5 => {
                let [version, code, _reserved] = cursor.array()?;
                if version != 5 {
                    return Some(Err(NotSocks));
                }
                if code == 0 {
                    if read_address(&mut cursor)?.is_err() {
                        return Some(Err(NotSocks));
                    }
                    cursor.array::<2>()?;
                    self.open(seen);
                } else {
                    self.refuse(code, seen);
                }
            }
            ProxyMessage::Reply4 => {
                let [version, code] = cursor.array()?;
                if version != 0 {
                    return Some(Err(NotSocks));
                }
                if code == GRANTED_4 {
                    cursor.array::<6>()?;
                    self.open(seen);
                } else {
                    self.refuse(code, seen);
                }
            }
        }
        Some(Ok(cursor.taken_of(bytes)))
    }

    fn tunnel_request(
        &self,
        kind: TunnelKind,
        host: Option<HostName>,
        port: u16,
        seen: Seen,
    ) -> TunnelRequest {
        TunnelRequest {
            kind,
            host,
            port,
            request: seen,
            refusals: SmallVec::new(),
            opened: None,
            authenticated: self.authenticated,
        }
    }

    fn open(&mut self, seen: Seen) {
        // A reply without a request, from a capture with holes, opens a tunnel to somewhere unknown.
        let mut tunnel = self.take_tunnel(seen);
        tunnel.opened = Some(seen);
        self.tunnel = Some(tunnel);
        self.end = Some(TunnelProgress::Tunnel { consumed: 0 });
    }

    fn refuse(&mut self, code: u8, seen: Seen) {
        let mut tunnel = self.take_tunnel(seen);
        tunnel.refusals.push((u16::from(code), seen));
        self.tunnel = Some(tunnel);
        self.end = Some(TunnelProgress::Done);
    }

    /// The tunnel asked for; when the client has only greeted so far, one to an unknown host (port 0).
    fn take_tunnel(&mut self, seen: Seen) -> TunnelRequest {
        let greeted = self.opening.unwrap_or(seen);
        self.tunnel
            .take()
            .unwrap_or_else(|| self.tunnel_request(TunnelKind::Socks5, None, 0, greeted))
    }
}

/// The bytes cannot be SOCKS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NotSocks;

/// A message that was read; `None` when some of it is still to come.
type Read<T> = Option<Result<T, NotSocks>>;

/// A client's request, whatever the version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    kind: TunnelKind,
    command: u8,
    host: Option<HostName>,
    port: u16,
}

/// A client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Opening {
    /// SOCKS 5: the methods on offer.
    Greeting,
    /// SOCKS 4: the request.
    Request(Request),
}

impl Opening {
    /// Reads it off the front of `bytes`, and its length.
    fn read(bytes: &[u8]) -> Read<(Self, usize)> {
        let mut cursor = Cursor { rest: bytes };
        let opening = match cursor.octet()? {
            5 => {
                let count = cursor.octet()?;
                cursor.take(usize::from(count))?;
                if count == 0 {
                    return Some(Err(NotSocks));
                }
                Self::Greeting
            }
            4 => {
                let command = cursor.octet()?;
                if !matches!(command, CONNECT | BIND) {
                    return Some(Err(NotSocks));
                }
                let port = u16::from_be_bytes(cursor.array()?);
                let address = cursor.array()?;
                if cursor.zero_terminated()?.is_err() {
                    return Some(Err(NotSocks));
                }
                // SOCKS 4a: 0.0.0.x with x not zero announces a name.
                let host = match address {
                    [0, 0, 0, 1..=255] => match cursor.zero_terminated()? {
                        Ok(name) => HostName::from_wire(name),
                        Err(error) => return Some(Err(error)),
                    },
                    _ => address_name(Ipv4Addr::from(address)),
                };
                Self::Request(Request {
                    kind: TunnelKind::Socks4,
                    command,
                    host,
                    port,
                })
            }
            _ => return Some(Err(NotSocks)),
        };
        Some(Ok((opening, cursor.taken_of(bytes))))
    }
}

/// Reads what follows a SOCKS 5 greeting: a login (RFC 1929 §2), given back as no request, or a request (RFC 1928 §4).
fn read_login_or_request(bytes: &[u8]) -> Read<(Option<Request>, usize)> {
    let mut cursor = Cursor { rest: bytes };
    let request = match cursor.octet()? {
        1 => {
            for _ in ["user name", "password"] {
                let length = cursor.octet()?;
                cursor.take(usize::from(length))?;
            }
            None
        }
        5 => {
            let [command, _reserved] = cursor.array()?;
            let host = match read_address(&mut cursor)? {
                Ok(host) => host,
                Err(error) => return Some(Err(error)),
            };
            let port = u16::from_be_bytes(cursor.array()?);
            Some(Request {
                kind: TunnelKind::Socks5,
                command,
                host,
                port,
            })
        }
        _ => return Some(Err(NotSocks)),
    };
    Some(Ok((request, cursor.taken_of(bytes))))
}

/// Reads an address with its type (RFC 1928 §5).
fn read_address(cursor: &mut Cursor<'_>) -> Read<Option<HostName>> {
    Some(Ok(match cursor.octet()? {
        1 => address_name(Ipv4Addr::from(cursor.array::<4>()?)),
        3 => {
            let length = cursor.octet()?;
            HostName::from_wire(cursor.take(usize::from(length))?)
        }
        4 => address_name(Ipv6Addr::from(cursor.array::<16>()?)),
        _ => return Some(Err(NotSocks)),
    }))
}

fn address_name(address: impl ToString) -> Option<HostName> {
    HostName::from_wire(address.to_string().as_bytes())
}

/// Takes octets off the front of a message; `None` when there are too few.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn octet(&mut self) -> Option<u8> {
        self.array().map(|[octet]| octet)
    }

    fn zero_terminated(&mut self) -> Read<&'a [u8]> {
        match self
            .rest
            .iter()
            .take(MAX_TEXT + 1)
            .position(|byte| *byte == 0)
        {
            Some(length) => {
                let text = self.take(length)?;
                self.take(1)?;
                Some(Ok(text))
            }
            None if self.rest.len() > MAX_TEXT => Some(Err(NotSocks)),
            None => None,
        }
    }

    /// How much of `bytes`, with which this cursor began, was taken.
    fn taken_of(&self, bytes: &[u8]) -> usize {
        bytes.len().saturating_sub(self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, Timestamp};
    use Direction::{Originator, Responder};
    use proptest::prelude::*;

    fn seen(frame: u64) -> Seen {
        Seen {
            frame: FrameNumber(frame),
            time: Timestamp(0),
        }
    }

    /// Delivers each message as one push, frames numbered from 1.
    fn run(messages: &[(Direction, &[u8])]) -> (SocksStream, TunnelProgress) {
        let mut stream = SocksStream::new();
        let mut last = TunnelProgress::NeedMore;
        for (frame, (direction, bytes)) in (1..).zip(messages) {
            last = stream.push(*direction, bytes, seen(frame));
        }
        (stream, last)
    }

    const CONNECT_NAME: &[u8] = b"\x05\x01\x00\x03\x0elogin.live.com\x01\xbb";

    #[test]
    fn socks5_with_a_name() {
        let (stream, last) = run(&[
            (Originator, b"\x05\x01\x00"),
            (Responder, b"\x05\x00"),
            (Originator, CONNECT_NAME),
            (Responder, b"\x05\x00\x00\x01\0\0\0\0\0\0tunnel"),
        ]);
        assert_eq!(last, TunnelProgress::Tunnel { consumed: 10 });
        let tunnel = stream.into_facts().unwrap();
        assert_eq!((tunnel.kind, tunnel.port), (TunnelKind::Socks5, 443));
        assert_eq!(tunnel.host.unwrap().as_str(), "login.live.com");
        assert_eq!((tunnel.request, tunnel.opened), (seen(3), Some(seen(4))));
        assert!(!tunnel.authenticated);
    }

    #[test]
    fn socks5_login_is_noted_but_not_kept() {
        let (stream, _) = run(&[
            (Originator, b"\x05\x02\x00\x02"),
            (Responder, b"\x05\x02"),
            (Originator, b"\x01\x04user\x06secret"),
            (Responder, b"\x01\x00"),
            (
                Originator,
                b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50",
            ),
        ]);
        assert!(!format!("{stream:?}").contains("secret"));
        let tunnel = stream.into_facts().unwrap();
        assert!(tunnel.authenticated);
        assert_eq!(
            (tunnel.host.unwrap().as_str(), tunnel.port),
            ("2001:db8::1", 80)
        );
    }

    #[test]
    fn socks5_refusals() {
        let (stream, last) = run(&[
            (Originator, b"\x05\x01\x00"),
            (Responder, b"\x05\x00"),
            (Originator, CONNECT_NAME),
            (Responder, b"\x05\x02\x00"),
        ]);
        assert_eq!(last, TunnelProgress::Done);
        assert_eq!(
            stream.into_facts().unwrap().refusals.as_slice(),
            [(2, seen(4))]
        );

        let (stream, last) = run(&[(Originator, b"\x05\x01\x00"), (Responder, b"\x05\xff")]);
        assert_eq!(last, TunnelProgress::Done);
        let tunnel = stream.into_facts().unwrap();
        assert_eq!(
            (tunnel.request, tunnel.host, tunnel.refusals.as_slice()),
            (seen(1), None, [(255, seen(2))].as_slice())
        );
    }

    #[test]
    fn socks4_and_4a() {
        let (stream, last) = run(&[
            (Originator, b"\x04\x01\x01\xbb\xc0\0\x02\x01me\0"),
            (Responder, b"\0\x5a\0\0\0\0\0\0"),
        ]);
        assert_eq!(last, TunnelProgress::Tunnel { consumed: 8 });
        assert_eq!(
            stream.into_facts().unwrap().host.unwrap().as_str(),
            "192.0.2.1"
        );

        let (stream, last) = run(&[
            (Originator, b"\x04\x01\x01\xbb\0\0\0\x01\0a.example\0"),
            (Responder, b"\0\x5b\0\0\0\0\0\0"),
        ]);
        assert_eq!(last, TunnelProgress::Done);
        let tunnel = stream.into_facts().unwrap();
        assert_eq!(
            (tunnel.kind, tunnel.host.unwrap().as_str()),
            (TunnelKind::Socks4, "a.example")
        );
        assert_eq!(tunnel.refusals.as_slice(), [(91, seen(2))]);
    }

    #[test]
    fn octets_behind_the_request_are_held_for_the_tunnel() {
        let mut opening = b"\x05\x01\x00".to_vec();
        opening.extend_from_slice(CONNECT_NAME);
        opening.extend_from_slice(b"early");
        let (mut stream, last) = run(&[
            (Originator, &opening),
            (Responder, b"\x05\x00\x05\x00\x00\x03\x01a\0\0"),
        ]);
        assert_eq!(last, TunnelProgress::Tunnel { consumed: 10 });
        let early = stream.take_early_octets();
        assert_eq!(
            early.pieces().collect::<Vec<_>>(),
            [(seen(1), b"early".as_slice())]
        );
    }

    #[test]
    fn pieces_make_no_difference() {
        for step in 1..=CONNECT_NAME.len() {
            let mut stream = SocksStream::new();
            for piece in b"\x05\x01\x00".chunks(step) {
                stream.push(Originator, piece, seen(1));
            }
            for piece in b"\x05\x00".chunks(step) {
                stream.push(Responder, piece, seen(2));
            }
            for piece in CONNECT_NAME.chunks(step) {
                stream.push(Originator, piece, seen(3));
            }
            let reply = b"\x05\x00\x00\x01\0\0\0\0\0\0";
            let last = reply
                .chunks(step)
                .map(|piece| stream.push(Responder, piece, seen(4)))
                .last();
            assert!(
                matches!(last, Some(TunnelProgress::Tunnel { .. })),
                "{step}"
            );
            assert_eq!(
                stream.into_facts().unwrap().host.unwrap().as_str(),
                "login.live.com"
            );
        }
    }

    #[test]
    fn bind_asks_for_no_tunnel() {
        let (stream, last) = run(&[(Originator, b"\x04\x02\x01\xbb\xc0\0\x02\x01\0")]);
        assert_eq!(last, TunnelProgress::Done);
        assert!(stream.into_facts().is_none());
    }

    #[test]
    fn what_is_not_socks() {
        assert_eq!(
            run(&[(Originator, b"GET / HTTP/1.1\r\n")]).1,
            TunnelProgress::NotMine
        );
        assert_eq!(run(&[(Originator, b"\x05\x00")]).1, TunnelProgress::NotMine);
        assert_eq!(
            run(&[(Originator, &[4; 1]), (Originator, &[1; 4000])]).1,
            TunnelProgress::NotMine
        );
        assert_eq!(
            run(&[(Originator, b"\x05\x01\x00"), (Responder, b"HTTP")]).1,
            TunnelProgress::Done
        );
    }

    #[test]
    fn gap_ends_the_negotiation() {
        let (mut stream, _) = run(&[(Originator, b"\x05\x01\x00")]);
        assert_eq!(stream.gap(Responder, 2, seen(2)), TunnelProgress::Done);
        assert_eq!(
            stream.push(Responder, b"\x05\x00", seen(3)),
            TunnelProgress::Done
        );
    }

    #[test]
    fn probe_takes_whole_openings_only() {
        assert!(looks_like_socks(b"\x05\x01\x00"));
        assert!(looks_like_socks(b"\x05\x03\x00\x01\x02"));
        assert!(looks_like_socks(b"\x04\x01\x01\xbb\xc0\0\x02\x01me\0"));
        assert!(looks_like_socks(b"\x04\x01\x01\xbb\0\0\0\x01\0a.example\0"));
        for bytes in [
            b"".as_slice(),
            b"\x05",
            b"\x05\x00",
            b"\x05\x01\x00\x00",
            b"\x05\x02\x00\x00",
            b"\x05\x01\x50",
            b"\x04\x01\x01\xbb\xc0\0\x02\x01me",
            b"\x04\x01\x01\xbb\xc0\0\x02\x01m\x01\0",
            b"\x04\x03\x01\xbb\xc0\0\x02\x01\0",
            b"\x04\x01\0\0\xc0\0\x02\x01\0",
            b"\x04\x01\x01\xbb\xc0\0\x02\x01\0more",
        ] {
            assert!(!looks_like_socks(bytes), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(prop_oneof![0_u8..6, any::<u8>()], 1..40)), 0..20)) {
            let mut stream = SocksStream::new();
            for (client, bytes) in &pieces {
                let direction = if *client { Originator } else { Responder };
                let _ = looks_like_socks(bytes);
                if let TunnelProgress::Tunnel { consumed } = stream.push(direction, bytes, seen(1)) {
                    prop_assert!(consumed <= bytes.len());
                }
                prop_assert!(stream.client_bytes.len() <= MAX_MESSAGE && stream.proxy_bytes.len() <= MAX_MESSAGE);
            }
            let _ = stream.into_facts();
        }
    }
}
