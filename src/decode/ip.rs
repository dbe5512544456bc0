//! IP headers of both versions, with what lies between them and the transport header.
//!
//! Comes in: octets that begin with an IP header. Goes out: addresses, the protocol above, its octets, and whether
//! these are only a fragment. The lengths in the headers win over the frame's, except where they are zero
//! (segmentation offload, jumbograms); where less was captured than they say, the rest counts as cut off.

use super::octets::Octets;
use super::packet::IpContext;
use super::step::Stop;
use etherparse::{
    IpAuthHeaderSlice, Ipv4Header, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6Header,
    Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, err,
};
use std::net::IpAddr;

/// IP protocol numbers that are acted upon (<https://www.iana.org/assignments/protocol-numbers>).
pub(super) mod protocol {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const IPV4: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const GRE: u8 = 47;
    pub const AUTHENTICATION: u8 = 51;
    pub const ICMPV6: u8 = 58;
    pub const NO_NEXT_HEADER: u8 = 59;
    pub const DESTINATION_OPTIONS: u8 = 60;
    pub const ETHERIP: u8 = 97;
    pub const MOBILITY: u8 = 135;
    pub const MPLS: u8 = 137;
    pub const HOST_IDENTITY: u8 = 139;
    pub const SHIM6: u8 = 140;
}

/// Most extension headers followed in one packet. RFC 8200 §4.1 names seven, each once (destination options twice);
/// senders that probe for holes in filters send many more of them.
const MAX_EXTENSIONS: usize = 64;

const TRUNCATED: Stop = Stop::Anomaly("ip-header-truncated");
const MALFORMED: Stop = Stop::Anomaly("ip-header-malformed");
const EXTENSION_TRUNCATED: Stop = Stop::Anomaly("ip-extension-truncated");
const TOO_MANY_EXTENSIONS: Stop = Stop::Anomaly("ip-extensions-too-many");

/// One IP packet, or one fragment.
#[derive(Debug, Clone, Copy)]
pub(super) struct IpPacket<'a> {
    header: IpHeader<'a>,
    /// Octets of the whole packet as sent, header included.
    pub octets: usize,
    /// Number of the protocol that `payload` belongs to.
    pub protocol: u8,
    /// What follows the headers; of a fragment, its part of the datagram.
    pub payload: Octets<'a>,
    /// Where the payload belongs, when it is only a part of a datagram.
    pub fragment: Option<Fragment>,
}

#[derive(Debug, Clone, Copy)]
enum IpHeader<'a> {
    Version4(Ipv4HeaderSlice<'a>),
    Version6(Ipv6HeaderSlice<'a>),
}

impl<'a> IpPacket<'a> {
    /// The same packet, no fragment any more, with the content of a whole datagram (or of its first fragment).
    pub fn with_content(
        &self,
        protocol: u8,
        content: Octets<'a>,
        octets: usize,
    ) -> Result<Self, Stop> {
        let (protocol, payload) = match self.header {
            // A fragment inside a fragment is nothing a sender makes (RFC 8200 §4.5).
            IpHeader::Version6(_) => match extensions(protocol, content)? {
                (protocol, payload, None) => (protocol, payload),
                (_, _, Some(_)) => return Err(Stop::Anomaly("ip-fragment-malformed")),
            },
            IpHeader::Version4(_) if protocol == protocol::AUTHENTICATION => {
                behind_authentication(content)?
            }
            IpHeader::Version4(_) => (protocol, content),
        };
        Ok(Self {
            header: self.header,
            octets,
            protocol,
            payload,
            fragment: None,
        })
    }

    /// Whether this is IPv6.
    pub fn is_version_6(&self) -> bool {
        matches!(self.header, IpHeader::Version6(_))
    }

    /// Addresses and the like. Made on demand, since a packet in a tunnel has several headers and only one counts.
    #[inline]
    pub fn context(&self) -> IpContext {
        let octets = u32::try_from(self.octets).unwrap_or(u32::MAX);
        match &self.header {
            IpHeader::Version4(header) => IpContext {
                source: IpAddr::V4(header.source_addr()),
                destination: IpAddr::V4(header.destination_addr()),
                hop_limit: header.ttl(),
                ip_id: Some(header.identification()),
                octets,
            },
            IpHeader::Version6(header) => IpContext {
                source: IpAddr::V6(header.source_addr()),
                destination: IpAddr::V6(header.destination_addr()),
                hop_limit: header.hop_limit(),
                ip_id: None,
                octets,
            },
        }
    }
}

/// A fragment's place in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Number common to all fragments of the datagram.
    pub identification: u32,
    /// Octets of the datagram before this fragment.
    pub offset: u32,
    /// Other fragments follow this one.
    pub more: bool,
}

/// Reads an IP header and its extension headers.
#[inline]
pub(super) fn read(octets: Octets<'_>) -> Result<IpPacket<'_>, Stop> {
    match octets.at(0).map(|octet| octet >> 4) {
        Some(4) => version_4(octets),
        Some(6) => version_6(octets),
        Some(_) => Err(MALFORMED),
        None => Err(TRUNCATED),
    }
}

#[inline]
fn version_4(octets: Octets<'_>) -> Result<IpPacket<'_>, Stop> {
    let header = Ipv4HeaderSlice::from_slice(octets.captured).map_err(|error| match error {
        err::ipv4::HeaderSliceError::Len(_) => TRUNCATED,
        err::ipv4::HeaderSliceError::Content(_) => MALFORMED,
    })?;
    let header_length = header.slice().len();
    let total = match header.total_len() {
        // Not yet filled in when the capture was taken before the network card did its part.
        0 => octets.original,
        total => usize::from(total),
    };
    // A total length that does not even cover the header.
    if total < header_length {
        return Err(MALFORMED);
    }
    let payload = octets.limit(total).skip(header_length).ok_or(TRUNCATED)?;
    let fragment = header.is_fragmenting_payload().then(|| Fragment {
        identification: u32::from(header.identification()),
        offset: u32::from(header.fragments_offset().byte_offset()),
        more: header.more_fragments(),
    });
    let (protocol, payload) = match header.protocol().0 {
        protocol::AUTHENTICATION if fragment.is_none() => behind_authentication(payload)?,
        protocol => (protocol, payload),
    };
    Ok(IpPacket {
        header: IpHeader::Version4(header),
        octets: total,
        protocol,
        payload,
        fragment,
    })
}

#[inline]
fn version_6(octets: Octets<'_>) -> Result<IpPacket<'_>, Stop> {
    let header = Ipv6HeaderSlice::from_slice(octets.captured).map_err(|_| TRUNCATED)?;
    let first = header.next_header().0;
    let total = match header.payload_length() {
        // A jumbogram (RFC 2675), or not yet filled in: whatever is there.
        0 if first != protocol::NO_NEXT_HEADER => octets.original,
        length => Ipv6Header::LEN.saturating_add(usize::from(length)),
    };
    let payload = octets.limit(total).skip(Ipv6Header::LEN).ok_or(TRUNCATED)?;
    let (protocol, payload, fragment) = match first {
        protocol::TCP | protocol::UDP | protocol::ICMPV6 => (first, payload, None),
        _ => extensions(first, payload)?,
    };
    Ok(IpPacket {
        header: IpHeader::Version6(header),
        octets: total,
        protocol,
        payload,
        fragment,
    })
}

/// Follows IPv6 extension headers (RFC 8200 §4) from `next` to the upper-layer protocol, or to a fragment.
pub(super) fn extensions(
    next: u8,
    payload: Octets<'_>,
) -> Result<(u8, Octets<'_>, Option<Fragment>), Stop> {
    use protocol as p;
    let (mut next, mut rest) = (next, payload);
    for _ in 0..MAX_EXTENSIONS {
        match next {
            p::HOP_BY_HOP
            | p::ROUTING
            | p::DESTINATION_OPTIONS
            | p::MOBILITY
            | p::HOST_IDENTITY
            | p::SHIM6 => {
                let header = Ipv6RawExtHeaderSlice::from_slice(rest.captured)
                    .map_err(|_| EXTENSION_TRUNCATED)?;
                next = header.next_header().0;
                rest = rest.skip(header.slice().len()).ok_or(EXTENSION_TRUNCATED)?;
            }
            p::AUTHENTICATION => (next, rest) = behind_authentication(rest)?,
            p::FRAGMENT => {
                let header = Ipv6FragmentHeaderSlice::from_slice(rest.captured)
                    .map_err(|_| EXTENSION_TRUNCATED)?;
                next = header.next_header().0;
                rest = rest.skip(header.slice().len()).ok_or(EXTENSION_TRUNCATED)?;
                // An atomic fragment is a whole packet (RFC 6946).
                if header.is_fragmenting_payload() {
                    let fragment = Fragment {
                        identification: header.identification(),
                        offset: u32::from(header.fragment_offset().byte_offset()),
                        more: header.more_fragments(),
                    };
                    return Ok((next, rest, Some(fragment)));
                }
            }
            _ => return Ok((next, rest, None)),
        }
    }
    Err(TOO_MANY_EXTENSIONS)
}

/// What an authentication header (RFC 4302) protects; its payload is in the clear.
pub(super) fn behind_authentication(octets: Octets<'_>) -> Result<(u8, Octets<'_>), Stop> {
    let header = IpAuthHeaderSlice::from_slice(octets.captured).map_err(|error| match error {
        err::ip_auth::HeaderSliceError::Len(_) => EXTENSION_TRUNCATED,
        err::ip_auth::HeaderSliceError::Content(_) => Stop::Anomaly("ip-extension-malformed"),
    })?;
    let rest = octets
        .skip(header.slice().len())
        .ok_or(EXTENSION_TRUNCATED)?;
    Ok((header.next_header().0, rest))
}

/// Whether `octets` begin with a believable IP header: version, header length and total length fit, as far as the capture
/// holds them. For places where nothing else says that IP follows.
pub(super) fn plausible(octets: Octets<'_>) -> bool {
    let Some(first) = octets.at(0) else {
        return octets.is_cut();
    };
    let (header, total) = match first >> 4 {
        4 => (
            usize::from(first & 0x0f).saturating_mul(4),
            octets.be16(2).map(usize::from),
        ),
        6 => (
            Ipv6Header::LEN,
            octets
                .be16(4)
                .map(|length| usize::from(length).saturating_add(Ipv6Header::LEN)),
        ),
        _ => return false,
    };
    let total = total.or(octets.is_cut().then_some(header));
    header >= Ipv4Header::MIN_LEN
        && total.is_some_and(|total| (header..=octets.original).contains(&total))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 192.0.2.1 to 198.51.100.2, protocol 17, the given total length, flags and offset.
    fn ipv4(total: u16, fragment: u16) -> [u8; 20] {
        let ([t1, t2], [f1, f2]) = (total.to_be_bytes(), fragment.to_be_bytes());
        [
            0x45, 0, t1, t2, 0x12, 0x34, f1, f2, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
        ]
    }

    /// 2001:db8::1 to 2001:db8::2.
    fn ipv6(length: u16, next: u8) -> Vec<u8> {
        let [l1, l2] = length.to_be_bytes();
        let mut header = vec![0x60, 0, 0, 0, l1, l2, next, 63];
        for last in [1, 2] {
            header.extend([
                0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last,
            ]);
        }
        header
    }

    #[test]
    fn fields_of_version_4() {
        let frame = [&ipv4(22, 0)[..], &[1, 2]].concat();
        let packet = read(Octets::whole(&frame)).expect("valid");
        assert_eq!(packet.context().source, IpAddr::from([192, 0, 2, 1]));
        assert_eq!(
            packet.context().destination,
            IpAddr::from([198, 51, 100, 2])
        );
        assert_eq!(
            (
                packet.context().hop_limit,
                packet.context().ip_id,
                packet.context().octets
            ),
            (64, Some(0x1234), 22)
        );
        assert_eq!(
            (packet.protocol, packet.payload.captured),
            (17, &[1, 2][..])
        );
    }

    #[test]
    fn ethernet_padding_is_not_payload() {
        let frame = [&ipv4(22, 0)[..], &[1, 2, 0, 0, 0, 0]].concat();
        let packet = read(Octets::whole(&frame)).expect("valid");
        assert_eq!(
            (packet.payload.captured.len(), packet.payload.original),
            (2, 2)
        );
    }

    #[test]
    fn a_cut_packet_keeps_its_length() {
        let frame = [&ipv4(1500, 0)[..], &[1, 2]].concat();
        let packet = read(Octets::new(&frame, 1500)).expect("valid");
        assert_eq!(
            (packet.payload.captured.len(), packet.payload.original),
            (2, 1480)
        );
    }

    #[test]
    fn a_total_length_of_zero_means_all_of_the_frame() {
        let frame = [&ipv4(0, 0)[..], &[1, 2]].concat();
        let packet = read(Octets::new(&frame, 3000)).expect("valid");
        assert_eq!(
            (packet.payload.original, packet.context().octets),
            (2980, 3000)
        );
    }

    #[test]
    fn headers_that_contradict_themselves() {
        assert_eq!(read(Octets::whole(&ipv4(19, 0))).err(), Some(MALFORMED));
        assert_eq!(read(Octets::whole(&[0x44; 20])).err(), Some(MALFORMED));
        assert_eq!(read(Octets::whole(&[0x55; 20])).err(), Some(MALFORMED));
        assert_eq!(
            read(Octets::whole(&ipv4(20, 0)[..19])).err(),
            Some(TRUNCATED)
        );
        assert_eq!(read(Octets::whole(&[])).err(), Some(TRUNCATED));
    }

    #[test]
    fn version_4_fragments_are_told() {
        let packet = [&ipv4(28, 0x2003)[..], &[0; 8]].concat();
        let fragment = read(Octets::whole(&packet)).expect("valid").fragment;
        assert_eq!(
            fragment,
            Some(Fragment {
                identification: 0x1234,
                offset: 24,
                more: true
            })
        );
    }

    #[test]
    fn extension_headers_are_followed() {
        let mut frame = ipv6(8 + 16 + 12 + 2, 0);
        frame.extend([60, 0, 0, 0, 0, 0, 0, 0]); // hop-by-hop
        frame.extend([51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // destination options
        frame.extend([6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]); // authentication
        frame.extend([1, 2]);
        let packet = read(Octets::whole(&frame)).expect("valid");
        assert_eq!(
            (
                packet.protocol,
                packet.payload.captured,
                packet.payload.original
            ),
            (6, &[1, 2][..], 2)
        );
    }

    #[test]
    fn version_6_fragments_are_told_and_atomic_ones_are_none() {
        let fragment = |field: u8| {
            let mut frame = ipv6(16, 44);
            frame.extend([17, 0, 0, field, 0, 0, 0, 7]);
            frame.extend([0; 8]);
            read(Octets::whole(&frame)).expect("valid").fragment
        };
        assert_eq!(fragment(0), None);
        assert_eq!(
            fragment(0x09),
            Some(Fragment {
                identification: 7,
                offset: 8,
                more: true
            })
        );
    }

    #[test]
    fn an_endless_chain_of_extensions_stops() {
        let mut frame = ipv6(0, 60);
        for _ in 0..5000 {
            frame.extend([60, 0, 0, 0, 0, 0, 0, 0]);
        }
        assert_eq!(read(Octets::whole(&frame)).err(), Some(TOO_MANY_EXTENSIONS));
    }

    #[test]
    fn a_packet_without_a_next_header_has_no_padding_for_payload() {
        let mut frame = ipv6(0, 59);
        frame.extend([0; 6]);
        let packet = read(Octets::whole(&frame)).expect("valid");
        assert_eq!((packet.protocol, packet.payload.captured.len()), (59, 0));
    }

    #[test]
    fn plausibility_wants_lengths_that_fit() {
        assert!(plausible(Octets::whole(&ipv4(20, 0))));
        assert!(!plausible(Octets::whole(&ipv4(21, 0))));
        assert!(!plausible(Octets::whole(&ipv4(19, 0))));
        assert!(plausible(Octets::whole(&ipv6(0, 59))));
        assert!(!plausible(Octets::whole(&ipv6(1, 59))));
        assert!(!plausible(Octets::whole(&[0x44; 40])));
        assert!(!plausible(Octets::whole(&[])));
    }

    #[test]
    fn plausibility_judges_by_what_was_captured() {
        for length in 0..20 {
            assert!(
                plausible(Octets::new(&ipv4(20, 0)[..length], 20)),
                "{length}"
            );
            assert!(
                !plausible(Octets::whole(&ipv4(20, 0)[..length])),
                "{length}"
            );
        }
        assert!(!plausible(Octets::new(&ipv4(21, 0)[..4], 20)));
    }

    #[test]
    fn a_cut_header_is_plausible_as_far_as_it_goes() {
        for captured in 0..40 {
            let header = ipv6(60, 17);
            assert!(plausible(Octets::new(&header[..captured], 100)));
            assert!(!plausible(Octets::whole(&header[..captured])));
        }
        assert!(!plausible(Octets::new(&ipv4(200, 0)[..4], 100)));
        assert!(!plausible(Octets::new(&[0x44], 100)));
        assert!(!plausible(Octets::new(&[0x60], 39)));
    }
}
