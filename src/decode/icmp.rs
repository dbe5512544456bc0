//! ICMP and ICMPv6 error messages and the packets they quote.
//!
//! Comes in: an ICMP message. Goes out: type, code, MTU and the quoted packet's addresses and ports. A quotation may end
//! after eight octets of the transport header (RFC 792), or earlier when the capture cut it. Messages that report no
//! error (echo, redirects, neighbour discovery …) are none of this module's business.

use super::ip;
use super::ip::protocol;
use super::octets::Octets;
use super::packet::{IcmpError, QuotedPacket};
use etherparse::{Ipv4HeaderSlice, Ipv6Header, Ipv6HeaderSlice};
use std::net::IpAddr;

/// Octets before the quotation in every error message (RFC 792, RFC 4443 §3).
const HEADER_LENGTH: usize = 8;

/// What an ICMP message turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// An error with a readable quotation.
    Error(IcmpError),
    /// An error whose quotation cannot be read.
    UnreadableQuote,
    /// No error.
    Other,
}

/// Reads an ICMP message.
pub(super) fn version_4(octets: Octets<'_>) -> Message {
    // Destination unreachable, time exceeded, parameter problem; source quench is obsolete (RFC 6633).
    let is_error = |icmp_type| matches!(icmp_type, 3 | 4 | 11 | 12);
    // Fragmentation needed: the low half of the second word (RFC 1191 §4); older routers leave it zero.
    let mtu = |icmp_type, icmp_code| match (icmp_type, icmp_code) {
        (3, 4) => octets.be16(6).filter(|mtu| *mtu != 0).map(u32::from),
        _ => None,
    };
    message(octets, false, is_error, mtu)
}

/// Reads an ICMPv6 message.
pub(super) fn version_6(octets: Octets<'_>) -> Message {
    // Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443 §3).
    let is_error = |icmp_type| matches!(icmp_type, 1..=4);
    let mtu = |icmp_type, _| if icmp_type == 2 { octets.be32(4) } else { None };
    message(octets, true, is_error, mtu)
}

fn message(
    octets: Octets<'_>,
    version_6: bool,
    is_error: impl Fn(u8) -> bool,
    mtu: impl Fn(u8, u8) -> Option<u32>,
) -> Message {
    let Some(&[icmp_type, icmp_code]) = octets.first() else {
        return Message::Other;
    };
    if !is_error(icmp_type) {
        return Message::Other;
    }
    match octets.skip(HEADER_LENGTH).and_then(quoted) {
        Some(quoted) => {
            let mtu = mtu(icmp_type, icmp_code);
            Message::Error(IcmpError {
                version_6,
                icmp_type,
                icmp_code,
                mtu,
                quoted,
            })
        }
        None => Message::UnreadableQuote,
    }
}

/// Reads the quoted packet as far as it goes.
fn quoted(octets: Octets<'_>) -> Option<QuotedPacket> {
    match octets.at(0)? >> 4 {
        4 => {
            let header = Ipv4HeaderSlice::from_slice(octets.captured).ok()?;
            let rest = octets.skip(header.slice().len())?;
            let number = header.protocol().0;
            let (number, rest) = match number {
                protocol::AUTHENTICATION => {
                    ip::behind_authentication(rest).unwrap_or((number, rest))
                }
                _ => (number, rest),
            };
            // Behind the first fragment there are no ports.
            let ports = if header.fragments_offset().value() == 0 {
                ports(number, rest)
            } else {
                None
            };
            Some(QuotedPacket {
                source: IpAddr::V4(header.source_addr()),
                destination: IpAddr::V4(header.destination_addr()),
                protocol: number,
                ports,
            })
        }
        6 => {
            let header = Ipv6HeaderSlice::from_slice(octets.captured).ok()?;
            let rest = octets.skip(Ipv6Header::LEN)?;
            let first = header.next_header().0;
            // Extension headers that are cut leave the protocol unknown.
            let (number, ports) = match ip::extensions(first, rest) {
                Ok((number, rest, fragment)) if fragment.is_none_or(|f| f.offset == 0) => {
                    (number, ports(number, rest))
                }
                Ok((number, _, _)) => (number, None),
                Err(_) => (first, None),
            };
            Some(QuotedPacket {
                source: IpAddr::V6(header.source_addr()),
                destination: IpAddr::V6(header.destination_addr()),
                protocol: number,
                ports,
            })
        }
        _ => None,
    }
}

/// Source and destination port: the first four octets of TCP and UDP.
fn ports(number: u8, transport: Octets<'_>) -> Option<(u16, u16)> {
    match number {
        protocol::TCP | protocol::UDP => Some((transport.be16(0)?, transport.be16(2)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: [u8; 20] = [
        0x45, 0, 5, 0xdc, 0, 1, 0, 0, 63, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
    ];

    fn error(message: Message) -> IcmpError {
        match message {
            Message::Error(error) => error,
            other => panic!("no error but {other:?}"),
        }
    }

    #[test]
    fn administratively_prohibited_quotes_eight_octets() {
        let frame = [
            &[3, 13, 0, 0, 0, 0, 0, 0][..],
            &IPV4,
            &[0xc0, 1, 1, 0xbb, 0, 0, 0, 7],
        ]
        .concat();
        let error = error(version_4(Octets::whole(&frame)));
        assert_eq!(
            (error.version_6, error.icmp_type, error.icmp_code, error.mtu),
            (false, 3, 13, None)
        );
        assert_eq!(error.quoted.source, IpAddr::from([192, 0, 2, 1]));
        assert_eq!(error.quoted.destination, IpAddr::from([198, 51, 100, 2]));
        assert_eq!(
            (error.quoted.protocol, error.quoted.ports),
            (6, Some((0xc001, 443)))
        );
    }

    #[test]
    fn fragmentation_needed_tells_the_mtu() {
        let frame = |mtu: u8| [&[3, 4, 0, 0, 0, 0, 5, mtu][..], &IPV4].concat();
        assert_eq!(
            error(version_4(Octets::whole(&frame(0x78)))).mtu,
            Some(1400)
        );
        let mut old = frame(0);
        old[6] = 0;
        assert_eq!(error(version_4(Octets::whole(&old))).mtu, None);
    }

    #[test]
    fn a_quotation_without_transport_octets_has_no_ports() {
        let frame = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &IPV4, &[0xc0, 1, 1]].concat();
        assert_eq!(error(version_4(Octets::whole(&frame))).quoted.ports, None);
    }

    #[test]
    fn a_quoted_later_fragment_has_no_ports() {
        let mut fragment = IPV4;
        fragment[7] = 8;
        let frame = [
            &[11, 1, 0, 0, 0, 0, 0, 0][..],
            &fragment,
            &[0xc0, 1, 1, 0xbb],
        ]
        .concat();
        assert_eq!(error(version_4(Octets::whole(&frame))).quoted.ports, None);
    }

    #[test]
    fn version_6_skips_extension_headers_of_the_quotation() {
        let mut frame = vec![2, 0, 0, 0, 0, 0, 5, 0, 0x60, 0, 0, 0, 5, 0, 60, 64];
        frame.extend([0x20; 32]);
        frame.extend([17, 0, 0, 0, 0, 0, 0, 0]);
        frame.extend([0xc0, 1, 1, 0xbb]);
        let error = error(version_6(Octets::whole(&frame)));
        assert_eq!((error.icmp_type, error.mtu), (2, Some(1280)));
        assert_eq!(
            (error.quoted.protocol, error.quoted.ports),
            (17, Some((0xc001, 443)))
        );
    }

    #[test]
    fn messages_that_are_no_errors() {
        assert_eq!(
            version_4(Octets::whole(&[8, 0, 0, 0, 0, 0, 0, 0])),
            Message::Other
        );
        assert_eq!(version_4(Octets::whole(&[5, 1, 0, 0])), Message::Other);
        assert_eq!(version_6(Octets::whole(&[128, 0, 0, 0])), Message::Other);
        assert_eq!(version_6(Octets::whole(&[])), Message::Other);
    }

    #[test]
    fn a_quotation_that_is_cut_inside_its_header() {
        let frame = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &IPV4[..19]].concat();
        assert_eq!(version_4(Octets::whole(&frame)), Message::UnreadableQuote);
    }
}
