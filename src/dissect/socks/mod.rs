//! SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): the bytes of both directions of a connection to the tunnel that the client asks for.
//!
//! Goes as far as the proxy's final reply. User names and passwords are passed over, never kept. Requests other than CONNECT,
//! and logins other than by password, are recognised and left alone.

mod message;

use super::tunnel::{EarlyOctets, TunnelProgress};
use crate::facts::{Direction, Seen, TunnelKind, TunnelRequest};
use message::{
    AfterGreeting, Cursor, Opening, Reply, Request, Unread, read_login_status, read_method,
};
use message::{BIND, CONNECT, MAX_MESSAGE, METHOD_NONE, METHOD_PASSWORD, METHOD_REFUSED};
use smallvec::SmallVec;

/// Whether `bytes`, the first ones of a stream, are exactly one opening message of a SOCKS client.
///
/// Strict, as there is no other mark than the first octet: the message must end where the bytes end.
#[must_use]
pub fn looks_like_socks(bytes: &[u8]) -> bool {
    match bytes {
        [5, count, methods @ ..] if usize::from(*count) == methods.len() => {
            let distinct = methods
                .iter()
                .enumerate()
                .all(|(at, method)| !methods.iter().take(at).any(|m| m == method));
            // 0 to 9 are assigned (IANA SOCKS Methods), from 0x80 on they are private.
            let plausible = methods
                .iter()
                .all(|method| matches!(method, 0..=9 | 0x80..=0xfe));
            let common = methods.iter().any(|method| *method <= METHOD_PASSWORD);
            plausible && common && distinct
        }
        [4, CONNECT | BIND, _, _, _, _, _, _, texts @ ..] => {
            let mut cursor = Cursor::new(bytes);
            let opening = Opening::read(&mut cursor);
            matches!(opening, Ok(Opening::Request(Request { port: 1.., .. })))
                && cursor.taken() == bytes.len()
                && texts
                    .iter()
                    .all(|byte| *byte == 0 || byte.is_ascii_graphic())
        }
        _ => false,
    }
}

/// Reads one TCP connection as SOCKS; the side that speaks first is the client.
#[derive(Debug, Clone, Default)]
pub struct SocksStream {
    client: Option<Direction>,
    from_client: FromClient,
    from_proxy: FromProxy,
    /// Octets of a message that is not complete yet, of client and proxy.
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
enum FromClient {
    #[default]
    Opening,
    LoginOrRequest,
    /// It has asked; what it sends now belongs to the tunnel.
    Early,
}

/// What the proxy sends next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum FromProxy {
    /// Nothing before the client has opened.
    #[default]
    Nothing,
    Method,
    LoginStatus,
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
        let by_client = *self.client.get_or_insert(direction) == direction;
        let mut rest = bytes;
        while !rest.is_empty() && self.end.is_none() {
            if by_client && self.from_client == FromClient::Early {
                self.early.hold(rest, seen);
                break;
            }
            let mut message = std::mem::take(self.unread_bytes(by_client));
            let held = message.len();
            message.extend_from_slice(rest.get(..MAX_MESSAGE).unwrap_or(rest));
            let mut cursor = Cursor::new(&message);
            let read = if by_client {
                self.read_client(&mut cursor, seen)
            } else {
                self.read_proxy(&mut cursor, seen)
            };
            match read {
                Ok(()) => {
                    rest = rest
                        .get(cursor.taken().saturating_sub(held)..)
                        .unwrap_or_default()
                }
                Err(Unread::Incomplete) if message.len() <= MAX_MESSAGE => {
                    *self.unread_bytes(by_client) = message;
                    break;
                }
                Err(_) if self.opening.is_none() => self.end = Some(TunnelProgress::NotMine),
                Err(_) => self.end = Some(TunnelProgress::Done),
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
            && self.from_client == FromClient::Early
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
    ///
    /// When the proxy refused before the client could say where to, the host is `None` and the port 0.
    #[must_use]
    pub fn facts(&self) -> Option<TunnelRequest> {
        self.tunnel.clone()
    }

    /// All that was learnt, as [`facts`](Self::facts).
    #[must_use]
    pub fn into_facts(self) -> Option<TunnelRequest> {
        self.tunnel
    }

    fn unread_bytes(&mut self, by_client: bool) -> &mut Vec<u8> {
        if by_client {
            &mut self.client_bytes
        } else {
            &mut self.proxy_bytes
        }
    }

    fn read_client(&mut self, cursor: &mut Cursor<'_>, seen: Seen) -> Result<(), Unread> {
        let request = if self.from_client == FromClient::Opening {
            let opening = Opening::read(cursor)?;
            self.opening = Some(seen);
            match opening {
                Opening::Greeting => {
                    self.from_client = FromClient::LoginOrRequest;
                    self.from_proxy = FromProxy::Method;
                    return Ok(());
                }
                Opening::Request(request) => {
                    self.from_proxy = FromProxy::Reply4;
                    request
                }
            }
        } else {
            match AfterGreeting::read(cursor)? {
                AfterGreeting::Login => {
                    self.authenticated = true;
                    return Ok(());
                }
                AfterGreeting::Request(request) => request,
            }
        };
        self.from_client = FromClient::Early;
        if request.command == CONNECT {
            self.tunnel = Some(TunnelRequest {
                kind: request.kind,
                host: request.host,
                port: request.port,
                ..self.unknown_tunnel(seen)
            });
        } else {
            self.end = Some(TunnelProgress::Done);
        }
        Ok(())
    }

    fn read_proxy(&mut self, cursor: &mut Cursor<'_>, seen: Seen) -> Result<(), Unread> {
        match self.from_proxy {
            FromProxy::Nothing => return Err(Unread::NotSocks),
            FromProxy::Method => match read_method(cursor)? {
                METHOD_NONE => self.from_proxy = FromProxy::Reply5,
                METHOD_PASSWORD => self.from_proxy = FromProxy::LoginStatus,
                METHOD_REFUSED => self.answer(Reply::Refused(METHOD_REFUSED), seen),
                _ => self.end = Some(TunnelProgress::Done),
            },
            FromProxy::LoginStatus => match read_login_status(cursor)? {
                0 => self.from_proxy = FromProxy::Reply5,
                status => self.answer(Reply::Refused(status), seen),
            },
            FromProxy::Reply5 => self.answer(Reply::read_5(cursor)?, seen),
            FromProxy::Reply4 => self.answer(Reply::read_4(cursor)?, seen),
        }
        Ok(())
    }

    /// Ends the negotiation with the proxy's last word.
    fn answer(&mut self, reply: Reply, seen: Seen) {
        let unknown = self.unknown_tunnel(self.opening.unwrap_or(seen));
        let tunnel = self.tunnel.get_or_insert(unknown);
        self.end = Some(match reply {
            Reply::Granted => {
                tunnel.opened = Some(seen);
                TunnelProgress::Tunnel { consumed: 0 }
            }
            Reply::Refused(code) => {
                tunnel.refusals.push((u16::from(code), seen));
                TunnelProgress::Done
            }
        });
    }

    /// A SOCKS 5 tunnel of which nothing is known but the packet that asked for it.
    fn unknown_tunnel(&self, request: Seen) -> TunnelRequest {
        TunnelRequest {
            kind: TunnelKind::Socks5,
            host: None,
            port: 0,
            request,
            refusals: SmallVec::new(),
            opened: None,
            authenticated: self.authenticated,
        }
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
