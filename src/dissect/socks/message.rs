//! The messages of SOCKS 4, 4a (by their authors' memoranda, never an RFC) and 5 (RFC 1928, RFC 1929), off the front of a
//! stream.
//!
//! Logins are measured, not read. Knows nothing of the order in which messages come.

use crate::facts::{HostName, TunnelKind};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest user identifier and host name of SOCKS 4 and 4a, which end with a zero octet, without it. The protocol sets
/// no limit; this is what the length octets of SOCKS 5 allow.
const MAX_TEXT: usize = 255;
/// Longest message: a SOCKS 4a request with two such texts.
pub(super) const MAX_MESSAGE: usize = 8 + 2 * (MAX_TEXT + 1);

/// Command CONNECT, in all versions (RFC 1928 §4).
pub(super) const CONNECT: u8 = 1;
/// Command BIND, in all versions.
pub(super) const BIND: u8 = 2;
/// Methods of RFC 1928 §3: no authentication, user name and password; and the answer "none of them is acceptable".
pub(super) const METHOD_NONE: u8 = 0;
pub(super) const METHOD_PASSWORD: u8 = 2;
pub(super) const METHOD_REFUSED: u8 = 0xff;
/// SOCKS 4 reply code "request granted".
const GRANTED_4: u8 = 90;

/// Why a message was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Some of it is still to come.
    Incomplete,
    /// The bytes cannot be SOCKS.
    NotSocks,
}

/// A client's request, whatever the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) kind: TunnelKind,
    pub(super) command: u8,
    pub(super) host: Option<HostName>,
    pub(super) port: u16,
}

/// A client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opening {
    /// SOCKS 5: the methods on offer.
    Greeting,
    /// SOCKS 4: the request.
    Request(Request),
}

impl Opening {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Unread> {
        match cursor.octet()? {
            5 => match cursor.octet()? {
                0 => Err(Unread::NotSocks),
                count => cursor.take(usize::from(count)).map(|_| Self::Greeting),
            },
            4 => read_request_4(cursor).map(Self::Request),
            _ => Err(Unread::NotSocks),
        }
    }
}

fn read_request_4(cursor: &mut Cursor<'_>) -> Result<Request, Unread> {
    let command = cursor.octet()?;
    if !matches!(command, CONNECT | BIND) {
        return Err(Unread::NotSocks);
    }
    let port = u16::from_be_bytes(cursor.array()?);
    let address = cursor.array()?;
    cursor.zero_terminated()?;
    // SOCKS 4a: 0.0.0.x with x not zero announces a name.
    let host = match address {
        [0, 0, 0, 1..=255] => HostName::from_wire(cursor.zero_terminated()?),
        _ => address_name(Ipv4Addr::from(address)),
    };
    Ok(Request {
        kind: TunnelKind::Socks4,
        command,
        host,
        port,
    })
}

/// What may follow a SOCKS 5 greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AfterGreeting {
    /// User name and password (RFC 1929 §2).
    Login,
    /// The request (RFC 1928 §4).
    Request(Request),
}

impl AfterGreeting {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Unread> {
        match cursor.octet()? {
            1 => {
                let user_length = cursor.octet()?;
                cursor.take(usize::from(user_length))?;
                let password_length = cursor.octet()?;
                cursor.take(usize::from(password_length))?;
                Ok(Self::Login)
            }
            5 => {
                let [command, _reserved] = cursor.array()?;
                let host = read_address(cursor)?;
                let port = u16::from_be_bytes(cursor.array()?);
                Ok(Self::Request(Request {
                    kind: TunnelKind::Socks5,
                    command,
                    host,
                    port,
                }))
            }
            _ => Err(Unread::NotSocks),
        }
    }
}

/// Reads the proxy's choice of a SOCKS 5 method (RFC 1928 §3).
pub(super) fn read_method(cursor: &mut Cursor<'_>) -> Result<u8, Unread> {
    cursor.expect(5)?;
    cursor.octet()
}

/// Reads the proxy's answer to a login: 0, or a refusal (RFC 1929 §2).
pub(super) fn read_login_status(cursor: &mut Cursor<'_>) -> Result<u8, Unread> {
    cursor.expect(1)?;
    cursor.octet()
}

/// A proxy's reply to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Granted,
    /// With the reply code.
    Refused(u8),
}

impl Reply {
    /// SOCKS 5 (RFC 1928 §6). What follows the code of a refusal, after which the proxy closes, is left alone.
    pub(super) fn read_5(cursor: &mut Cursor<'_>) -> Result<Self, Unread> {
        cursor.expect(5)?;
        let [code, _reserved] = cursor.array()?;
        if code != 0 {
            return Ok(Self::Refused(code));
        }
        read_address(cursor)?;
        let _port: [u8; 2] = cursor.array()?;
        Ok(Self::Granted)
    }

    /// SOCKS 4 and 4a.
    pub(super) fn read_4(cursor: &mut Cursor<'_>) -> Result<Self, Unread> {
        cursor.expect(0)?;
        let code = cursor.octet()?;
        if code != GRANTED_4 {
            return Ok(Self::Refused(code));
        }
        let _port_and_address: [u8; 6] = cursor.array()?;
        Ok(Self::Granted)
    }
}

/// Reads an address with its type (RFC 1928 §5).
fn read_address(cursor: &mut Cursor<'_>) -> Result<Option<HostName>, Unread> {
    match cursor.octet()? {
        1 => Ok(address_name(Ipv4Addr::from(cursor.array::<4>()?))),
        3 => {
            let length = cursor.octet()?;
            Ok(HostName::from_wire(cursor.take(usize::from(length))?))
        }
        4 => Ok(address_name(Ipv6Addr::from(cursor.array::<16>()?))),
        _ => Err(Unread::NotSocks),
    }
}

fn address_name(address: impl ToString) -> Option<HostName> {
    HostName::from_wire(address.to_string().as_bytes())
}

/// Takes octets off the front of a message; [`Unread::Incomplete`] when there are too few.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, rest: bytes }
    }

    /// Octets taken so far.
    pub(super) fn taken(&self) -> usize {
        self.bytes.len().saturating_sub(self.rest.len())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Unread> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(Unread::Incomplete)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        self.take(N)?
            .first_chunk()
            .copied()
            .ok_or(Unread::Incomplete)
    }

    fn octet(&mut self) -> Result<u8, Unread> {
        let [octet] = self.array()?;
        Ok(octet)
    }

    fn expect(&mut self, octet: u8) -> Result<(), Unread> {
        if self.octet()? == octet {
            Ok(())
        } else {
            Err(Unread::NotSocks)
        }
    }

    /// Takes a text and the zero octet that ends it.
    fn zero_terminated(&mut self) -> Result<&'a [u8], Unread> {
        match self
            .rest
            .iter()
            .take(MAX_TEXT + 1)
            .position(|byte| *byte == 0)
        {
            Some(length) => {
                let text = self.take(length)?;
                self.take(1)?;
                Ok(text)
            }
            None if self.rest.len() > MAX_TEXT => Err(Unread::NotSocks),
            None => Err(Unread::Incomplete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(bytes: &[u8]) -> Result<Opening, Unread> {
        Opening::read(&mut Cursor::new(bytes))
    }

    #[test]
    fn every_beginning_of_a_message_is_incomplete() {
        let request = b"\x04\x01\x01\xbb\0\0\0\x01me\0a.example\0";
        for length in 0..request.len() {
            assert_eq!(
                opening(&request[..length]),
                Err(Unread::Incomplete),
                "{length}"
            );
        }
        assert!(matches!(opening(request), Ok(Opening::Request(_))));
    }

    #[test]
    fn texts_without_end_are_not_socks() {
        let mut request = b"\x04\x01\x01\xbb\xc0\0\x02\x01".to_vec();
        request.resize(8 + MAX_TEXT, b'u');
        assert_eq!(opening(&request), Err(Unread::Incomplete));
        request.push(b'u');
        assert_eq!(opening(&request), Err(Unread::NotSocks));
    }

    #[test]
    fn unknown_address_types_are_not_socks() {
        let mut cursor = Cursor::new(b"\x05\x01\x00\x02\0\0\0\0\0\0");
        assert_eq!(AfterGreeting::read(&mut cursor), Err(Unread::NotSocks));
    }

    #[test]
    fn message_ends_where_it_ends() {
        let mut cursor = Cursor::new(b"\x05\x00\x00\x03\x01a\0\x50tunnel");
        assert_eq!(Reply::read_5(&mut cursor), Ok(Reply::Granted));
        assert_eq!(cursor.taken(), 8);
    }
}
