//! The way from a frame to its innermost packet.

use super::checksum;
use super::ethernet;
use super::fragments::{FragmentKey, FragmentLimits, FragmentPart, FragmentTable};
use super::icmp;
use super::ip::{self, Fragment, IpPacket, protocol};
use super::ip_tunnel;
use super::link_type;
use super::octets::Octets;
use super::packet::{LinkContext, Packet, TransportPacket};
use super::step::{Header, Stop};
use super::transport;
use super::udp_tunnel;
use super::wireless;
use crate::capture::Frame;
use crate::facts::{Anomalies, FrameNumber, LinkType};
use compact_str::{CompactString, format_compact};

/// Most tunnels taken off one packet. Mirrored mobile traffic has four (VXLAN, MPLS, GTP-U, 6in4).
const MAX_TUNNELS: usize = 8;

/// Most headers below IP and IP headers read in one frame: eight tunnels with three tags each.
const MAX_HEADERS: usize = 32;

/// Most datagrams put together on the way into one frame: a tunnel's own and one inside of it.
const MAX_REASSEMBLIES: usize = 2;

/// Most link types counted apart. Captures have one to three; the rest is counted as [`LinkType`] `u32::MAX`.
const MAX_LINK_TYPES: usize = 64;

const TOO_DEEP: Stop = Stop::Anomaly("tunnel-too-deep");

/// Decodes frames, one after the other; keeps what has to be kept from frame to frame.
///
/// Headers are read in a loop with bounds on their number, never by recursion, and nothing is allocated for a frame
/// without fragments and with at most two VLAN tags and two tunnels.
#[derive(Debug)]
pub struct Decoder {
    fragments: FragmentTable,
    /// Datagrams put together for the current frame; its packet borrows from here.
    whole: [Vec<u8>; MAX_REASSEMBLIES],
    anomalies: Anomalies,
    bad_checksums: u64,
    link_types: Vec<(LinkType, u64)>,
    /// Anomaly names of unsupported link types, so that each is written once.
    unsupported: Vec<(LinkType, CompactString)>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(FragmentLimits::default())
    }
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    #[must_use]
    pub fn new(fragments: FragmentLimits) -> Self {
        Self {
            fragments: FragmentTable::new(fragments),
            whole: Default::default(),
            anomalies: Anomalies::default(),
            bad_checksums: 0,
            link_types: Vec::new(),
            unsupported: Vec::new(),
        }
    }

    /// Decodes a frame to the innermost IP packet in it.
    ///
    /// `None` when there is nothing to track: no IP (ARP, spanning tree, wireless management …), a fragment of a
    /// datagram that is not complete yet, or something unreadable, which is then counted in [`Decoder::anomalies`].
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Packet<'a>> {
        self.count_link_type(frame.link_type);
        let Self {
            fragments,
            whole,
            anomalies,
            bad_checksums,
            unsupported,
            ..
        } = self;
        let mut link = LinkContext::default();
        let reassembly = Reassembly {
            fragments,
            free: whole.iter_mut(),
            anomalies,
        };
        let stop = match innermost(frame, &mut link, reassembly) {
            Ok(packet) => match transport(&packet, frame, anomalies) {
                Ok(transport) => {
                    if checksum::is_wrong(&packet) == Some(true) {
                        *bad_checksums = bad_checksums.saturating_add(1);
                    }
                    return Some(Packet {
                        link,
                        ip: packet.context(),
                        transport,
                    });
                }
                Err(stop) => stop,
            },
            Err(stop) => stop,
        };
        match stop {
            Stop::Nothing => {}
            Stop::Anomaly(name) => anomalies.note(name, Some(frame.number)),
            Stop::LinkType(link_type) => {
                note_link_type(unsupported, anomalies, link_type, frame.number)
            }
        }
        None
    }

    /// What could not be read so far.
    #[must_use]
    pub fn anomalies(&self) -> &Anomalies {
        &self.anomalies
    }

    /// Packets with a wrong TCP or UDP checksum, among those that are small (64 octets of header and payload at most) and
    /// whole; others are not looked at. Common where the capturing host's network card computes checksums.
    #[must_use]
    pub fn bad_checksums(&self) -> u64 {
        self.bad_checksums
    }

    /// Frames by link type, in the order in which the link types first appeared.
    #[must_use]
    pub fn link_types(&self) -> &[(LinkType, u64)] {
        &self.link_types
    }

    #[inline]
    fn count_link_type(&mut self, link_type: LinkType) {
        match self.link_types.first_mut() {
            Some((known, frames)) if *known == link_type => *frames = frames.saturating_add(1),
            _ => self.count_other_link_type(link_type),
        }
    }

    #[cold]
    fn count_other_link_type(&mut self, link_type: LinkType) {
        let is_known = self.link_types.iter().any(|(known, _)| *known == link_type);
        let counted = if is_known || self.link_types.len() < MAX_LINK_TYPES {
            link_type
        } else {
            LinkType(u32::MAX)
        };
        match self
            .link_types
            .iter_mut()
            .find(|(known, _)| *known == counted)
        {
            Some((_, frames)) => *frames = frames.saturating_add(1),
            None => self.link_types.push((counted, 1)),
        }
    }
}

/// Counts a frame of a link type without decoder, by number and, where it is well known, name.
#[cold]
fn note_link_type(
    unsupported: &mut Vec<(LinkType, CompactString)>,
    anomalies: &mut Anomalies,
    link_type: LinkType,
    frame: FrameNumber,
) {
    if let Some((_, name)) = unsupported.iter().find(|(known, _)| *known == link_type) {
        anomalies.note(name, Some(frame));
        return;
    }
    let name = match link_type::name(link_type) {
        Some(name) => format_compact!("link-type-unsupported {} {name}", link_type.0),
        None => format_compact!("link-type-unsupported {}", link_type.0),
    };
    anomalies.note(&name, Some(frame));
    if unsupported.len() < MAX_LINK_TYPES {
        unsupported.push((link_type, name));
    }
}

/// What putting datagrams together needs.
struct Reassembly<'t, 'a> {
    fragments: &'t mut FragmentTable,
    /// Buffers that the current frame has not used yet.
    free: std::slice::IterMut<'a, Vec<u8>>,
    anomalies: &'t mut Anomalies,
}

/// Takes header after header off a frame, down to the innermost IP header.
#[inline]
fn innermost<'a>(
    frame: &Frame<'a>,
    link: &mut LinkContext,
    mut reassembly: Reassembly<'_, 'a>,
) -> Result<IpPacket<'a>, Stop> {
    let octets = Octets::new(frame.bytes, frame.original_length);
    let mut step = link_type::read(frame.link_type, octets, link)?;
    for _ in 0..MAX_HEADERS {
        let octets = step.octets;
        step = match step.header {
            Header::Ip => {
                let mut packet = ip::read(octets)?;
                if let Some(fragment) = packet.fragment {
                    packet = whole_datagram(&packet, fragment, frame, &mut reassembly)?;
                }
                let tunnel = match packet.protocol {
                    protocol::TCP => None,
                    protocol::UDP => udp_tunnel::inner(packet.payload),
                    number => ip_tunnel::inner(number, packet.payload, packet.is_version_6()),
                };
                let Some((name, inner)) = tunnel else {
                    return Ok(packet);
                };
                link.tunnels.push(name);
                inner
            }
            Header::Ethernet => ethernet::ethernet(octets, link)?,
            Header::EtherType(ether_type) => ethernet::ether_type(ether_type, octets, link)?,
            Header::Llc => ethernet::llc(octets, link)?,
            Header::Ppp => ethernet::ppp(octets, link)?,
            Header::Mpls => ethernet::mpls(octets, link)?,
            Header::Wireless(layout) => wireless::ieee80211(octets, layout, link)?,
            Header::Link(link_type) => link_type::read(link_type, octets, link)?,
        };
        if link.tunnels.len() > MAX_TUNNELS {
            break;
        }
    }
    Err(TOO_DEEP)
}

/// Reads what the innermost IP packet carries.
#[inline]
fn transport<'a>(
    packet: &IpPacket<'a>,
    frame: &Frame<'_>,
    anomalies: &mut Anomalies,
) -> Result<TransportPacket<'a>, Stop> {
    match packet.protocol {
        protocol::TCP => {
            let (segment, valid) = transport::tcp(packet.payload)?;
            if !valid {
                anomalies.note(transport::MALFORMED, Some(frame.number));
            }
            Ok(TransportPacket::Tcp(segment))
        }
        protocol::UDP => Ok(TransportPacket::Udp(transport::udp(packet.payload)?)),
        number => {
            let message = match (number, packet.is_version_6()) {
                (protocol::ICMP, false) => icmp::version_4(packet.payload),
                (protocol::ICMPV6, true) => icmp::version_6(packet.payload),
                _ => icmp::Message::Other,
            };
            match message {
                icmp::Message::Error(error) => return Ok(TransportPacket::IcmpError(error)),
                icmp::Message::UnreadableQuote => {
                    anomalies.note("icmp-quote-unreadable", Some(frame.number))
                }
                icmp::Message::Other => {}
            }
            Ok(TransportPacket::Other(number))
        }
    }
}

/// The first fragment of a datagram that will not be put together, in place of the datagram.
fn first_fragment<'a>(packet: &IpPacket<'a>) -> Result<IpPacket<'a>, Stop> {
    let mut packet = packet.with_content(packet.protocol, packet.payload, packet.octets)?;
    if packet.protocol == protocol::UDP {
        // Of UDP, the length of the whole datagram is known.
        let length = packet.payload.be16(4).map_or(0, usize::from);
        packet.payload.original = packet.payload.original.max(length);
    }
    Ok(packet)
}

/// Puts a fragment to those seen before; the whole packet when it was the last one missing.
///
/// A fragment that the capture cut cannot be put together with others: the first one still shows the transport header,
/// and stands for the datagram.
#[cold]
fn whole_datagram<'a>(
    packet: &IpPacket<'a>,
    fragment: Fragment,
    frame: &Frame<'a>,
    reassembly: &mut Reassembly<'_, 'a>,
) -> Result<IpPacket<'a>, Stop> {
    if packet.payload.is_cut() {
        return match fragment.offset {
            0 => first_fragment(packet),
            _ => Err(Stop::Anomaly("ip-fragment-truncated")),
        };
    }
    let context = packet.context();
    let key = FragmentKey {
        source: context.source,
        destination: context.destination,
        identification: fragment.identification,
        protocol: if packet.is_version_6() {
            0
        } else {
            packet.protocol
        },
    };
    let part = FragmentPart {
        offset: fragment.offset,
        more: fragment.more,
        payload: packet.payload.captured,
        protocol: packet.protocol,
        ip_octets: packet.octets,
    };
    let buffer = reassembly.free.next().ok_or(TOO_DEEP)?;
    let whole = reassembly
        .fragments
        .add(key, part, frame.seen(), buffer, reassembly.anomalies)
        .ok_or(Stop::Nothing)?;
    packet.with_content(whole.protocol, Octets::whole(buffer), whole.ip_octets)
}

#[cfg(test)]
mod tests {
    use super::super::packet::{TcpFlags, TcpSegment, UdpDatagram};
    use super::*;
    use crate::facts::{MacAddress, Timestamp};
    use std::net::IpAddr;

    const ETHERNET: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    const INNER_ETHERNET: [u8; 12] = [2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3];
    /// Port 49152 to 443, ACK, then two octets.
    const TCP: [u8; 22] = [
        0xc0, 0, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 4, 0, 0, 0, 0, 0, 0x16, 3,
    ];

    /// An IPv4 packet from 192.0.2.`host` to 198.51.100.`host`.
    fn ipv4(host: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let [t1, t2] = u16::try_from(20 + payload.len())
            .expect("short")
            .to_be_bytes();
        let header = [
            0x45, 0, t1, t2, 0, 7, 0, 0, 64, protocol, 0, 0, 192, 0, 2, host, 198, 51, 100, host,
        ];
        [&header[..], payload].concat()
    }

    fn ipv6(host: u8, next: u8, payload: &[u8]) -> Vec<u8> {
        let [l1, l2] = u16::try_from(payload.len()).expect("short").to_be_bytes();
        let mut packet = vec![0x60, 0, 0, 0, l1, l2, next, 64];
        for side in [0, 1] {
            packet.extend([
                0x20, 1, 0x0d, 0xb8, side, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host,
            ]);
        }
        [&packet[..], payload].concat()
    }

    fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
        let [p1, p2] = port.to_be_bytes();
        let [l1, l2] = u16::try_from(8 + payload.len())
            .expect("short")
            .to_be_bytes();
        [&[0xc0, 0, p1, p2, l1, l2, 0, 0][..], payload].concat()
    }

    fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
        [&ETHERNET[..], &ether_type.to_be_bytes(), payload].concat()
    }

    fn inner_ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
        [&INNER_ETHERNET[..], &ether_type.to_be_bytes(), payload].concat()
    }

    fn frame(link_type: LinkType, bytes: &[u8]) -> Frame<'_> {
        let original_length = u32::try_from(bytes.len()).expect("short");
        Frame {
            number: FrameNumber(1),
            timestamp: Timestamp(0),
            link_type,
            original_length,
            bytes,
        }
    }

    /// Last octet of the source address, tunnels, VLANs, last octet of the source's hardware address.
    type Summary = (u8, Vec<&'static str>, Vec<u16>, Option<u8>);

    /// Decodes a frame that must end in [`TCP`].
    fn way_to_tcp(link_type: LinkType, bytes: &[u8]) -> Summary {
        let mut decoder = Decoder::default();
        let packet = decoder.decode(&frame(link_type, bytes)).expect("decodes");
        let TransportPacket::Tcp(segment) = packet.transport else {
            panic!("no TCP: {packet:?}")
        };
        assert_eq!(
            (
                segment.source_port,
                segment.destination_port,
                segment.payload
            ),
            (49152, 443, &[0x16, 3][..])
        );
        let host = match packet.ip.source {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(address) => address.octets()[15],
        };
        let mac = packet.link.source_mac.map(|mac| mac.0[5]);
        (
            host,
            packet.link.tunnels.to_vec(),
            packet.link.vlans.to_vec(),
            mac,
        )
    }

    #[test]
    fn a_plain_frame() {
        let bytes = ethernet(0x0800, &ipv4(1, 6, &TCP));
        let mut decoder = Decoder::default();
        let packet = decoder
            .decode(&frame(LinkType::ETHERNET, &bytes))
            .expect("decodes");
        assert_eq!(packet.link.source_mac, Some(MacAddress([2, 0, 0, 0, 0, 1])));
        assert_eq!(
            packet.link.destination_mac,
            Some(MacAddress([2, 0, 0, 0, 0, 2]))
        );
        assert_eq!(
            (packet.ip.source, packet.ip.destination),
            ([192, 0, 2, 1].into(), [198, 51, 100, 1].into())
        );
        assert_eq!(
            (packet.ip.hop_limit, packet.ip.ip_id, packet.ip.octets),
            (64, Some(7), 42)
        );
        let expected = TcpSegment {
            source_port: 49152,
            destination_port: 443,
            sequence: 1,
            acknowledgment: 2,
            flags: TcpFlags(TcpFlags::ACK),
            window: 1024,
            timestamp_value: None,
            payload: &[0x16, 3],
            payload_length: 2,
        };
        assert_eq!(packet.transport, TransportPacket::Tcp(expected));
        assert_eq!(decoder.link_types(), [(LinkType::ETHERNET, 1)]);
        assert!(decoder.anomalies().kinds().is_empty());
    }

    #[test]
    fn packets_stay_small() {
        assert!(size_of::<Packet<'_>>() < 200);
    }

    #[test]
    fn tags_of_all_kinds() {
        let packet = ipv6(1, 6, &TCP);
        let qinq = [
            &[0, 6, 0x91, 0, 0, 7, 0x81, 0, 0x20, 5, 0x86, 0xdd][..],
            &packet,
        ]
        .concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x88a8, &qinq)),
            (1, vec![], vec![6, 7, 5], Some(1))
        );
        let vn_tag = [&[0, 1, 0, 2, 0x86, 0xdd][..], &packet].concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x8926, &vn_tag)),
            (1, vec![], vec![], Some(1))
        );
        let metadata = [&[1, 1, 0, 1, 0, 5, 0x86, 0xdd][..], &packet].concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x8909, &metadata)),
            (1, vec![], vec![], Some(1))
        );
        let unencrypted = [&[0, 0, 0, 0, 0, 1, 0x86, 0xdd][..], &packet].concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x88e5, &unencrypted)),
            (1, vec![], vec![], Some(1))
        );
    }

    #[test]
    fn llc_and_snap() {
        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &ipv4(1, 6, &TCP)].concat();
        let length = u16::try_from(snap.len()).expect("short");
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(length, &snap)),
            (1, vec![], vec![], Some(1))
        );
    }

    #[test]
    fn label_stacks_and_pseudowires() {
        let labels = [0, 1, 0, 64, 0, 2, 1, 64];
        let packet = ipv4(1, 6, &TCP);
        let routed = [&labels[..], &packet].concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x8847, &routed)),
            (1, vec!["mpls"], vec![], Some(1))
        );
        let inner = inner_ethernet(0x0800, &packet);
        let names = vec!["mpls", "pseudowire"];
        let bare = [&labels[..], &inner].concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x8847, &bare)),
            (1, names.clone(), vec![], Some(3))
        );
        let with_control_word = [&labels[..], &[0; 4], &inner].concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x8847, &with_control_word)),
            (1, names, vec![], Some(3))
        );
    }

    #[test]
    fn point_to_point() {
        let session = [&[0x11, 0, 0, 1, 0, 44, 0, 0x21][..], &ipv4(1, 6, &TCP)].concat();
        assert_eq!(
            way_to_tcp(LinkType(1), &ethernet(0x8864, &session)),
            (1, vec!["pppoe"], vec![], Some(1))
        );
        let framed = [&[0xff, 3, 0x57][..], &ipv6(1, 6, &TCP)].concat();
        assert_eq!(way_to_tcp(LinkType(9), &framed), (1, vec![], vec![], None));
    }

    #[test]
    fn tunnels_in_tunnels() {
        let packet = ipv4(1, 6, &TCP);
        let gre = ipv6(2, 47, &[&[0, 0, 8, 0][..], &packet].concat());
        let tagged = [&[0, 9, 0x86, 0xdd][..], &gre].concat();
        let vxlan = [
            &[8, 0, 0, 0, 0, 0, 1, 0][..],
            &inner_ethernet(0x8100, &tagged),
        ]
        .concat();
        let outer = [&[0, 5, 8, 0][..], &ipv4(3, 17, &udp(4789, &vxlan))].concat();
        let expected = (1, vec!["vxlan", "gre"], vec![5, 9], Some(3));
        assert_eq!(way_to_tcp(LinkType(1), &ethernet(0x8100, &outer)), expected);
    }

    #[test]
    fn a_wireless_frame() {
        let mac = [
            0x88, 1, 0, 0, 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0,
        ];
        let body = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &ipv4(1, 6, &TCP)].concat();
        let radio = [0, 0, 8, 0, 0, 0, 0, 0];
        let bytes = [&radio[..], &mac, &body].concat();
        assert_eq!(
            way_to_tcp(LinkType(127), &bytes),
            (1, vec![], vec![], Some(1))
        );
    }

    #[test]
    fn a_capture_in_a_capture() {
        let pktap = [
            &[12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..],
            &ethernet(0x0800, &ipv4(1, 6, &TCP)),
        ]
        .concat();
        assert_eq!(
            way_to_tcp(LinkType(258), &pktap),
            (1, vec![], vec![], Some(1))
        );
    }

    #[test]
    fn what_carries_no_ip_is_no_anomaly() {
        let mut decoder = Decoder::default();
        for ether_type in [0x0806, 0x88cc, 0x888e, 0x8863, 0x9000] {
            let bytes = ethernet(ether_type, &[0; 46]);
            assert_eq!(decoder.decode(&frame(LinkType::ETHERNET, &bytes)), None);
        }
        let spanning_tree = ethernet(38, &[0x42; 46]);
        assert_eq!(
            decoder.decode(&frame(LinkType::ETHERNET, &spanning_tree)),
            None
        );
        assert!(decoder.anomalies().kinds().is_empty());
    }

    #[test]
    fn an_unsupported_link_type_is_counted_by_number_and_name() {
        let mut decoder = Decoder::default();
        for _ in 0..3 {
            assert_eq!(decoder.decode(&frame(LinkType(147), &[0; 60])), None);
        }
        assert_eq!(decoder.decode(&frame(LinkType(9999), &[0; 60])), None);
        assert_eq!(
            decoder.anomalies().count("link-type-unsupported 147 USER0"),
            3
        );
        assert_eq!(decoder.anomalies().count("link-type-unsupported 9999"), 1);
        assert_eq!(
            decoder.link_types(),
            [(LinkType(147), 3), (LinkType(9999), 1)]
        );
    }

    #[test]
    fn endlessly_many_link_types_take_no_more_memory() {
        let mut decoder = Decoder::default();
        for number in 1000..9000 {
            decoder.decode(&frame(LinkType(number), &[]));
        }
        assert!(
            decoder.link_types().len() <= MAX_LINK_TYPES + 1
                && decoder.unsupported.len() <= MAX_LINK_TYPES
        );
        assert_eq!(
            decoder
                .link_types()
                .iter()
                .map(|(_, frames)| frames)
                .sum::<u64>(),
            8000
        );
    }

    #[test]
    fn a_header_cut_behind_the_ports_is_counted() {
        let bytes = ethernet(0x0800, &ipv4(1, 6, &TCP));
        let mut decoder = Decoder::default();
        let cut = Frame {
            bytes: &bytes[..14 + 20 + 4],
            ..frame(LinkType::ETHERNET, &bytes)
        };
        assert_eq!(decoder.decode(&cut), None);
        assert_eq!(decoder.anomalies().count("transport-header-truncated"), 1);
        assert_eq!(
            decoder.anomalies().kinds()[0].first_frame,
            Some(FrameNumber(1))
        );
    }

    #[test]
    fn icmp_errors_and_other_protocols() {
        let quote = ipv4(1, 6, &TCP);
        let bytes = ethernet(
            0x0800,
            &ipv4(2, 1, &[&[3, 13, 0, 0, 0, 0, 0, 0][..], &quote].concat()),
        );
        let mut decoder = Decoder::default();
        let packet = decoder
            .decode(&frame(LinkType::ETHERNET, &bytes))
            .expect("decodes");
        assert!(
            matches!(packet.transport, TransportPacket::IcmpError(e) if e.quoted.ports == Some((49152, 443))),
            "{packet:?}"
        );
        for (protocol, payload) in [
            (1, &[8, 0][..]),
            (50, &[0; 8]),
            (132, &[0; 12]),
            (47, &[0x40, 0, 8, 0]),
        ] {
            let bytes = ethernet(0x0800, &ipv4(2, protocol, payload));
            let packet = decoder
                .decode(&frame(LinkType::ETHERNET, &bytes))
                .expect("decodes");
            assert_eq!(packet.transport, TransportPacket::Other(protocol));
        }
    }

    /// An IPv4 fragment of `protocol` with the flags and offset field `field`.
    fn fragment(protocol: u8, field: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = ipv4(1, protocol, payload);
        packet[6..8].copy_from_slice(&field.to_be_bytes());
        packet
    }

    #[test]
    fn fragments_become_a_datagram() {
        let datagram = udp(53, b"0123456789abcdefghi");
        let first = fragment(17, 0x2000, &datagram[..16]);
        let last = fragment(17, 0x0002, &datagram[16..]);
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(&frame(LinkType::RAW, &last)), None);
        let packet = decoder
            .decode(&frame(LinkType::RAW, &first))
            .map(|packet| (packet.ip.octets, packet.transport));
        let expected = UdpDatagram {
            source_port: 49152,
            destination_port: 53,
            payload: b"0123456789abcdefghi",
            payload_length: 19,
        };
        assert_eq!(packet, Some((36 + 31, TransportPacket::Udp(expected))));
        assert!(decoder.anomalies().kinds().is_empty());
    }

    #[test]
    fn fragments_inside_a_fragmented_tunnel() {
        let inner = udp(53, b"0123456789abcdefghi");
        let mut decoder = Decoder::default();
        let mut last = None;
        for (identification, field, part) in [(1, 0x2000, &inner[..16]), (2, 0x0002, &inner[16..])]
        {
            let tunnel = [&[0, 0, 8, 0][..], &fragment(17, field, part)].concat();
            for (field, part) in [(0x2000, &tunnel[..24]), (0x0003, &tunnel[24..])] {
                let mut outer = fragment(47, field, part);
                outer[4] = identification;
                last = decoder.decode(&frame(LinkType::RAW, &outer)).map(|packet| {
                    match packet.transport {
                        TransportPacket::Udp(datagram) => datagram.payload.to_vec(),
                        other => panic!("no UDP: {other:?}"),
                    }
                });
            }
        }
        assert_eq!(last.as_deref(), Some(&b"0123456789abcdefghi"[..]));
    }

    #[test]
    fn version_6_fragments_with_extensions_behind() {
        let datagram = [&[17, 0, 0, 0, 0, 0, 0, 0][..], &udp(53, b"0123456789")].concat();
        let part = |offset: u8, payload: &[u8]| {
            ipv6(
                1,
                44,
                &[&[60, 0, 0, offset, 0, 0, 0, 9][..], payload].concat(),
            )
        };
        let mut decoder = Decoder::default();
        assert_eq!(
            decoder.decode(&frame(LinkType::RAW, &part(1, &datagram[..16]))),
            None
        );
        let last = part(16, &datagram[16..]);
        let packet = decoder
            .decode(&frame(LinkType::RAW, &last))
            .expect("complete");
        assert!(
            matches!(packet.transport, TransportPacket::Udp(d) if d.payload == b"0123456789"),
            "{packet:?}"
        );
    }

    #[test]
    fn of_cut_fragments_the_first_stands_for_all() {
        let first = fragment(17, 0x2000, &udp(53, &[7; 1000])[..800]);
        let mut decoder = Decoder::default();
        let cut = Frame {
            bytes: &first[..60],
            ..frame(LinkType::RAW, &first)
        };
        let packet = decoder.decode(&cut).expect("has a transport header");
        assert!(
            matches!(packet.transport, TransportPacket::Udp(d) if d.payload.len() == 32 && d.payload_length == 1000),
            "{packet:?}"
        );
        let second = fragment(17, 0x0064, &[7; 208]);
        let cut = Frame {
            bytes: &second[..60],
            ..frame(LinkType::RAW, &second)
        };
        assert_eq!(decoder.decode(&cut), None);
        assert_eq!(decoder.anomalies().count("ip-fragment-truncated"), 1);
    }

    #[test]
    fn piles_of_headers_end() {
        let tags: Vec<u8> = [0, 5, 0x81, 0].repeat(16_000);
        let labels: Vec<u8> = [0, 1, 0, 64].repeat(16_000);
        let gre: Vec<u8> = [0, 0, 0x65, 0x58].repeat(16_000);
        let mut nested = Vec::new();
        for _ in 0..2_000 {
            nested.extend(ipv4(1, 4, &[]));
        }
        // Total lengths are zero, "all that is left", so that each header is believed.
        nested
            .chunks_exact_mut(20)
            .for_each(|header| header[2..4].fill(0));
        let mut decoder = Decoder::default();
        for bytes in [
            ethernet(0x8100, &tags),
            ethernet(0x8847, &labels),
            ethernet(0x0800, &nested),
        ] {
            assert_eq!(decoder.decode(&frame(LinkType::ETHERNET, &bytes)), None);
        }
        assert_eq!(decoder.anomalies().count("tunnel-too-deep"), 2);
        assert_eq!(decoder.anomalies().count("link-header-truncated"), 1);
        decoder.decode(&frame(LinkType::ETHERNET, &ethernet(0x6558, &gre)));
        let captures: Vec<u8> = [12, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0].repeat(5_000);
        assert_eq!(decoder.decode(&frame(LinkType(258), &captures)), None);
        assert_eq!(decoder.anomalies().count("tunnel-too-deep"), 3);
    }
}
