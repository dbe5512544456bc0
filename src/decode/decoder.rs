//! The way from a frame to its innermost packet.

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
        protocol::TCP => Ok(TransportPacket::Tcp(transport::tcp(packet.payload)?)),
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
            0 => packet.with_content(packet.protocol, packet.payload, packet.octets),
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
