//! A captured frame without what tells whose network it is: links, ARP and IP. What IP carries is [`super::transport`]'s.
//!
//! A frame is rewritten in place. Each step says how many octets of what it was given may stay, counted from its start; the
//! rest is cut off. Nothing that was not understood stays.

use super::Anonymizer;
use super::transport::Carrier;
use crate::capture::Frame;
use crate::facts::{LinkType, MacAddress};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most tunnels inside each other that are followed.
const MOST_TUNNELS: usize = 3;
/// Most VLAN tags.
const MOST_TAGS: usize = 4;

/// Types of Ethernet frames (IEEE 802 numbers).
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// Raw IP as some systems and files number it (LINKTYPE_RAW, _IPV4, _IPV6, and DLT_RAW of OpenBSD and others).
const RAW_IP: [u32; 5] = [101, 228, 229, 12, 14];
/// LINKTYPE_LOOP.
const LOOP: LinkType = LinkType(108);

/// Why a frame is shorter than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Octets that were cut off.
    pub octets: usize,
}

/// A frame that was rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewrittenFrame {
    /// Its octets.
    pub bytes: Vec<u8>,
    /// What is missing at its end, because it could not be rewritten; `None` when nothing is.
    pub cut: Option<Cut>,
}

impl Anonymizer<'_> {
    /// Rewrites a frame: addresses, hardware addresses and names are those that [`Self::address`], [`Self::mac`] and
    /// [`Self::name`] give, checksums are right, and what could not be rewritten is cut off.
    #[must_use]
    pub fn rewrite(&self, frame: &Frame<'_>) -> RewrittenFrame {
        let mut bytes = frame.bytes.to_vec();
        let kept = link(self, &mut bytes, frame.link_type).min(bytes.len());
        let octets = bytes.len() - kept;
        bytes.truncate(kept);
        RewrittenFrame {
            bytes,
            cut: (octets > 0).then_some(Cut { octets }),
        }
    }

    /// Replaces the hardware address in these octets.
    pub(super) fn mac_in_place(&self, octets: &mut [u8; 6]) {
        let MacAddress(other) = self.mac(MacAddress(*octets));
        *octets = other;
    }

    /// Replaces the IPv4 address in these octets.
    pub(super) fn v4_in_place(&self, octets: &mut [u8; 4]) {
        if let IpAddr::V4(other) = self.address(IpAddr::V4(Ipv4Addr::from(*octets))) {
            *octets = other.octets();
        }
    }

    /// Replaces the IPv6 address in these octets.
    pub(super) fn v6_in_place(&self, octets: &mut [u8; 16]) {
        if let IpAddr::V6(other) = self.address(IpAddr::V6(Ipv6Addr::from(*octets))) {
            *octets = other.octets();
        }
    }
}

fn link(anonymizer: &Anonymizer<'_>, frame: &mut [u8], link_type: LinkType) -> usize {
    match link_type {
        LinkType::ETHERNET => ethernet(anonymizer, frame, 0),
        LinkType::LINUX_SLL => cooked(anonymizer, frame, [4, 6, 14], 16),
        LinkType::LINUX_SLL2 => cooked(anonymizer, frame, [10, 12, 0], 20),
        LinkType::NULL | LOOP => behind(frame, 4, |ip| ip_packet(anonymizer, ip, 0)),
        LinkType(raw) if RAW_IP.contains(&raw) => ip_packet(anonymizer, frame, 0),
        _ => 0,
    }
}

/// What may stay when a header of `length` octets stays and `inner` says how much behind it does.
pub(super) fn behind(
    octets: &mut [u8],
    length: usize,
    inner: impl FnOnce(&mut [u8]) -> usize,
) -> usize {
    match octets.split_at_mut_checked(length) {
        Some((_, rest)) => length + inner(rest),
        None => 0,
    }
}

/// The octets at `at`, to be changed.
pub(super) fn place<const N: usize>(octets: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    octets.get_mut(at..)?.first_chunk_mut()
}

pub(super) fn be16(octets: &[u8], at: usize) -> Option<u16> {
    octets
        .get(at..)?
        .first_chunk()
        .map(|pair| u16::from_be_bytes(*pair))
}

/// An Ethernet frame inside `depth` tunnels.
pub(super) fn ethernet(anonymizer: &Anonymizer<'_>, frame: &mut [u8], depth: usize) -> usize {
    for at in [0, 6] {
        match place(frame, at) {
            Some(mac) => anonymizer.mac_in_place(mac),
            None => return 0,
        }
    }
    let mut at = 12;
    for _ in 0..=MOST_TAGS {
        match be16(frame, at) {
            Some(tag) if VLAN.contains(&tag) => at += 4,
            Some(ethertype) => {
                return behind(frame, at + 2, |packet| {
                    network(anonymizer, packet, ethertype, depth)
                });
            }
            None => return at,
        }
    }
    at
}

/// Linux cooked frames: where the lengths of the hardware address, the address and the protocol lie.
fn cooked(
    anonymizer: &Anonymizer<'_>,
    frame: &mut [u8],
    [length_at, address_at, protocol_at]: [usize; 3],
    header: usize,
) -> usize {
    let Some(ethertype) = be16(frame, protocol_at).filter(|_| frame.len() >= header) else {
        return 0;
    };
    // In version 2 the length has one octet, before which stands the packet's type.
    let length = be16(frame, length_at).map(|length| length & 0xff);
    if length == Some(6) {
        if let Some(mac) = place(frame, address_at) {
            anonymizer.mac_in_place(mac);
        }
        if let Some(unused) = place::<2>(frame, address_at + 6) {
            *unused = [0; 2];
        }
    } else if let Some(address) = place::<8>(frame, address_at) {
        *address = [0; 8];
    }
    behind(frame, header, |packet| {
        network(anonymizer, packet, ethertype, 0)
    })
}

fn network(anonymizer: &Anonymizer<'_>, packet: &mut [u8], ethertype: u16, depth: usize) -> usize {
    match ethertype {
        IPV4 | IPV6 if depth <= MOST_TUNNELS => ip_packet(anonymizer, packet, depth),
        ARP => arp(anonymizer, packet),
        _ => 0,
    }
}

/// ARP for IPv4 over Ethernet (RFC 826).
fn arp(anonymizer: &Anonymizer<'_>, packet: &mut [u8]) -> usize {
    let Some((message, padding)) = packet.split_at_mut_checked(28) else {
        return 0;
    };
    if !message.starts_with(&[0, 1, 8, 0, 6, 4]) {
        return 0;
    }
    for at in [8, 18] {
        if let Some(mac) = place(message, at) {
            anonymizer.mac_in_place(mac);
        }
    }
    for at in [14, 24] {
        if let Some(address) = place(message, at) {
            anonymizer.v4_in_place(address);
        }
    }
    padding.fill(0);
    packet.len()
}

fn ip_packet(anonymizer: &Anonymizer<'_>, packet: &mut [u8], depth: usize) -> usize {
    match packet.first().map(|first| first >> 4) {
        Some(4) => ipv4(anonymizer, packet, depth),
        Some(6) => ipv6(anonymizer, packet, depth),
        _ => 0,
    }
}

/// Replaces the addresses of an IPv4 header, leaves out its options and makes its checksum right; its length.
pub(super) fn ipv4_header(anonymizer: &Anonymizer<'_>, packet: &mut [u8]) -> Option<usize> {
    let length = usize::from(packet.first()? & 0x0f) * 4;
    let header = packet.get_mut(..length).filter(|_| length >= 20)?;
    for at in [12, 16] {
        anonymizer.v4_in_place(place(header, at)?);
    }
    // Options record routes; 1 is "no operation" (RFC 791 §3.1).
    header.get_mut(20..)?.fill(1);
    *place(header, 10)? = [0; 2];
    let sum = checksum(&[header]);
    *place(header, 10)? = sum.to_be_bytes();
    Some(length)
}

/// IPv4 (RFC 791).
fn ipv4(anonymizer: &Anonymizer<'_>, packet: &mut [u8], depth: usize) -> usize {
    let Some(header) = ipv4_header(anonymizer, packet) else {
        return 0;
    };
    let (Some(total), Some(fragment)) = (be16(packet, 2), be16(packet, 6)) else {
        return 0;
    };
    let protocol = packet.get(9).copied().unwrap_or_default();
    let Some(ends) = packet.get(12..20).map(<[u8]>::to_vec) else {
        return 0;
    };
    // More fragments, or an offset: what is inside cannot be seen whole.
    if fragment & 0x3fff != 0 {
        return header;
    }
    // Segmentation offload leaves the length to the adapter.
    let total = match usize::from(total) {
        0 => packet.len(),
        total => total,
    };
    let carrier = Carrier {
        protocol,
        ends: &ends,
        whole: total <= packet.len(),
        depth,
    };
    content(anonymizer, packet, header, total, &carrier)
}

/// IPv6 (RFC 8200).
fn ipv6(anonymizer: &Anonymizer<'_>, packet: &mut [u8], depth: usize) -> usize {
    for at in [8, 24] {
        match place(packet, at) {
            Some(address) => anonymizer.v6_in_place(address),
            None => return 0,
        }
    }
    let (Some(length), Some(ends)) = (be16(packet, 4), packet.get(8..40).map(<[u8]>::to_vec))
    else {
        return 0;
    };
    let mut header = 40;
    let mut protocol = packet.get(6).copied().unwrap_or_default();
    // A router alert (RFC 2711) is all that is known to be harmless among extension headers.
    if protocol == 0
        && let Some([next, 0, 5, 2, ..]) = packet.get(40..48)
    {
        protocol = *next;
        header = 48;
    }
    let total = match usize::from(length) {
        0 => packet.len(),
        length => 40 + length,
    };
    let carrier = Carrier {
        protocol,
        ends: &ends,
        whole: total <= packet.len(),
        depth,
    };
    content(anonymizer, packet, header, total, &carrier)
}

/// What an IP packet carries, up to its end; what follows is padding, which may hold remains of anything.
fn content(
    anonymizer: &Anonymizer<'_>,
    packet: &mut [u8],
    header: usize,
    total: usize,
    carrier: &Carrier<'_>,
) -> usize {
    let end = total.min(packet.len());
    let Some(content) = packet.get_mut(header..end) else {
        return header.min(packet.len());
    };
    let length = content.len();
    let kept = carrier.rewrite(anonymizer, content);
    if kept < length {
        return header + kept;
    }
    if let Some(padding) = packet.get_mut(end..) {
        padding.fill(0);
    }
    packet.len()
}

/// The Internet checksum of parts one behind the other, each but the last of even length (RFC 1071).
pub(super) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (pairs, odd) = part.as_chunks::<2>();
        for pair in pairs {
            sum += u64::from(u16::from_be_bytes(*pair));
        }
        if let [last] = odd {
            sum += u64::from(*last) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}
