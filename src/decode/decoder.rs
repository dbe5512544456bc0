//! The way from a frame to its innermost packet.

use super::ethernet;
use super::fragments::{FragmentKey, FragmentLimits, FragmentPart, FragmentTable};
use super::icmp;
use super::ip::{self, IpPacket, protocol};
use super::ip_tunnel;
use super::link_type;
use super::octets::Octets;
use super::packet::{LinkContext, Packet, TransportPacket};
use super::step::{Header, Step, Stop};
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
        let reassembly = Reassembly {
            fragments: &mut self.fragments,
            free: self.whole.iter_mut(),
            anomalies: &mut self.anomalies,
        };
        match walk(frame, reassembly) {
            Ok(packet) => Some(packet),
            Err(Stop::Nothing) => None,
            Err(Stop::Anomaly(name)) => {
                self.anomalies.note(name, Some(frame.number));
                None
            }
            Err(Stop::LinkType(link_type)) => {
                note_link_type(
                    &mut self.unsupported,
                    &mut self.anomalies,
                    link_type,
                    frame.number,
                );
                None
            }
        }
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

/// Takes header after header off a frame.
fn walk<'a>(frame: &Frame<'a>, mut reassembly: Reassembly<'_, 'a>) -> Result<Packet<'a>, Stop> {
    let mut link = LinkContext::default();
    let octets = Octets::new(frame.bytes, frame.original_length);
    let mut step = link_type::read(frame.link_type, octets, &mut link)?;
    for _ in 0..MAX_HEADERS {
        let octets = step.octets;
        step = match step.header {
            Header::Ip => {
                let mut packet = ip::read(octets)?;
                if packet.fragment.is_some() {
                    packet = whole_datagram(packet, frame, &mut reassembly)?;
                }
                match above_ip(&packet, frame, reassembly.anomalies)? {
                    Above::Packet(transport) => {
                        return Ok(Packet {
                            link,
                            ip: packet.context,
                            transport,
                        });
                    }
                    Above::Tunnel(name, inner) => {
                        link.tunnels.push(name);
                        inner
                    }
                }
            }
            Header::Ethernet => ethernet::ethernet(octets, &mut link)?,
            Header::EtherType(ether_type) => ethernet::ether_type(ether_type, octets, &mut link)?,
            Header::Llc => ethernet::llc(octets, &mut link)?,
            Header::Ppp => ethernet::ppp(octets, &mut link)?,
            Header::Mpls => ethernet::mpls(octets, &mut link)?,
            Header::Wireless(layout) => wireless::ieee80211(octets, layout, &mut link)?,
            Header::Link(link_type) => link_type::read(link_type, octets, &mut link)?,
        };
        if link.tunnels.len() > MAX_TUNNELS {
            break;
        }
    }
    Err(Stop::Anomaly("tunnel-too-deep"))
}

/// What an IP packet carries.
enum Above<'a> {
    /// The end of the way.
    Packet(TransportPacket<'a>),
    /// A tunnel, by name, and what is inside.
    Tunnel(&'static str, Step<'a>),
}

#[inline]
fn above_ip<'a>(
    packet: &IpPacket<'a>,
    frame: &Frame<'_>,
    anomalies: &mut Anomalies,
) -> Result<Above<'a>, Stop> {
    let payload = packet.payload;
    let is_version_6 = packet.context.ip_id.is_none();
    let transport = match packet.protocol {
        protocol::TCP => TransportPacket::Tcp(transport::tcp(payload)?),
        protocol::UDP => {
            let datagram = transport::udp(payload)?;
            if let Some((name, inner)) = udp_tunnel::inner(&datagram) {
                return Ok(Above::Tunnel(name, inner));
            }
            TransportPacket::Udp(datagram)
        }
        number @ (protocol::ICMP | protocol::ICMPV6) => {
            let message = match (number, is_version_6) {
                (protocol::ICMP, false) => icmp::version_4(payload),
                (protocol::ICMPV6, true) => icmp::version_6(payload),
                _ => icmp::Message::Other,
            };
            match message {
                icmp::Message::Error(error) => TransportPacket::IcmpError(error),
                icmp::Message::Other => TransportPacket::Other(number),
                icmp::Message::UnreadableQuote => {
                    anomalies.note("icmp-quote-unreadable", Some(frame.number));
                    TransportPacket::Other(number)
                }
            }
        }
        number => {
            if let Some((name, inner)) = ip_tunnel::inner(number, payload, is_version_6) {
                return Ok(Above::Tunnel(name, inner));
            }
            TransportPacket::Other(number)
        }
    };
    Ok(Above::Packet(transport))
}

/// Puts a fragment to those seen before; the whole packet when it was the last one missing.
///
/// A fragment that the capture cut cannot be put together with others: the first one still shows the transport header,
/// and stands for the datagram.
#[cold]
fn whole_datagram<'a>(
    packet: IpPacket<'a>,
    frame: &Frame<'a>,
    reassembly: &mut Reassembly<'_, 'a>,
) -> Result<IpPacket<'a>, Stop> {
    let Some(fragment) = packet.fragment else {
        return Ok(packet);
    };
    let is_version_6 = packet.context.ip_id.is_none();
    if packet.payload.is_cut() {
        return match fragment.offset {
            0 => behind_extensions(packet, is_version_6),
            _ => Err(Stop::Anomaly("ip-fragment-truncated")),
        };
    }
    let key = FragmentKey {
        source: packet.context.source,
        destination: packet.context.destination,
        identification: fragment.identification,
        protocol: if is_version_6 { 0 } else { packet.protocol },
    };
    let part = FragmentPart {
        offset: fragment.offset,
        more: fragment.more,
        payload: packet.payload.captured,
        protocol: packet.protocol,
        ip_octets: packet.context.octets,
    };
    let buffer = reassembly
        .free
        .next()
        .ok_or(Stop::Anomaly("tunnel-too-deep"))?;
    let whole = reassembly
        .fragments
        .add(key, part, frame.seen(), buffer, reassembly.anomalies)
        .ok_or(Stop::Nothing)?;
    let mut context = packet.context;
    context.octets = whole.ip_octets;
    let packet = IpPacket {
        context,
        protocol: whole.protocol,
        payload: Octets::whole(buffer),
        fragment: None,
    };
    behind_extensions(packet, is_version_6)
}

/// Follows the extension headers at the start of a datagram's content.
fn behind_extensions(packet: IpPacket<'_>, is_version_6: bool) -> Result<IpPacket<'_>, Stop> {
    let (protocol, payload) = if is_version_6 {
        // A fragment inside a fragment is nothing a sender makes (RFC 8200 §4.5).
        match ip::extensions(packet.protocol, packet.payload)? {
            (protocol, payload, None) => (protocol, payload),
            (_, _, Some(_)) => return Err(Stop::Anomaly("ip-fragment-malformed")),
        }
    } else if packet.protocol == protocol::AUTHENTICATION {
        ip::behind_authentication(packet.payload)?
    } else {
        (packet.protocol, packet.payload)
    };
    Ok(IpPacket {
        protocol,
        payload,
        ..packet
    })
}
