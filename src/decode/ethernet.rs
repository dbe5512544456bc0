//! Ethernet and what lies between it and IP: VLAN and other tags, LLC/SNAP, MPLS, PPPoE, PPP.
//!
//! Comes in: octets that begin with one of these headers. Goes out: the next step, with addresses, VLANs and tunnels
//! noted in the [`LinkContext`]. Protocols that carry no IP (ARP, LLDP, spanning tree …) are no anomaly.

use super::ip;
use super::octets::Octets;
use super::packet::LinkContext;
use super::step::{Header, LINK_HEADER_MALFORMED, LINK_HEADER_TRUNCATED, Step, Stop};
use crate::facts::MacAddress;
use etherparse::{Ethernet2Header, Ethernet2HeaderSlice, MacsecHeaderSlice, SingleVlanHeaderSlice};

/// EtherTypes that are acted upon (IEEE 802 numbers registry, <https://www.iana.org/assignments/ieee-802-numbers>).
pub(super) mod ether_type {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    /// Reverse ARP, which hypervisors send when a machine has moved.
    pub const RARP: u16 = 0x8035;
    /// Transparent Ethernet bridging (RFC 1701 §8).
    pub const ETHERNET: u16 = 0x6558;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    pub const PPP: u16 = 0x880b;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_MULTICAST: u16 = 0x8848;
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const EAPOL: u16 = 0x888e;
    /// IEEE 802.1ad service tag.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    pub const LLDP: u16 = 0x88cc;
    pub const MACSEC: u16 = 0x88e5;
    /// IEEE 802.1ah backbone service instance tag.
    pub const BACKBONE: u16 = 0x88e7;
    /// Cisco metadata with a security group tag.
    pub const CISCO_METADATA: u16 = 0x8909;
    /// Cisco virtual network tag (IEEE 802.1BR's forerunner).
    pub const VN_TAG: u16 = 0x8926;
    /// QinQ as sold before IEEE 802.1ad.
    pub const OLD_QINQ: u16 = 0x9100;
}
use ether_type as et;

/// Values up to here in the type field are a length (IEEE 802.3 §3.2.6).
const MAX_LENGTH_FIELD: u16 = 1500;

/// Reads an Ethernet header.
#[inline]
pub(super) fn ethernet<'a>(octets: Octets<'a>, link: &mut LinkContext) -> Result<Step<'a>, Stop> {
    let header =
        Ethernet2HeaderSlice::from_slice(octets.captured).map_err(|_| LINK_HEADER_TRUNCATED)?;
    link.source_mac = Some(MacAddress(header.source()));
    link.destination_mac = Some(MacAddress(header.destination()));
    let rest = octets
        .skip(Ethernet2Header::LEN)
        .ok_or(LINK_HEADER_TRUNCATED)?;
    after_type_field(header.ether_type().0, rest)
}

/// What follows a type field: LLC when it is a length, else what the EtherType says.
#[inline]
fn after_type_field(type_field: u16, rest: Octets<'_>) -> Result<Step<'_>, Stop> {
    match type_field {
        et::IPV4 | et::IPV6 => Ok(Step::new(Header::Ip, rest)),
        0..=MAX_LENGTH_FIELD => {
            let length = usize::from(type_field).min(rest.original);
            Ok(Step::new(Header::Llc, rest.limit(length)))
        }
        _ => Ok(Step::new(Header::EtherType(type_field), rest)),
    }
}

/// Reads the header that `ether_type` announces.
pub(super) fn ether_type<'a>(
    ether_type: u16,
    octets: Octets<'a>,
    link: &mut LinkContext,
) -> Result<Step<'a>, Stop> {
    let skip = |count| octets.skip(count).ok_or(LINK_HEADER_TRUNCATED);
    match ether_type {
        et::IPV4 | et::IPV6 => Ok(Step::new(Header::Ip, octets)),
        et::VLAN | et::SERVICE_VLAN | et::OLD_QINQ => {
            let tag = SingleVlanHeaderSlice::from_slice(octets.captured)
                .map_err(|_| LINK_HEADER_TRUNCATED)?;
            link.vlans.push(tag.vlan_identifier().value());
            after_type_field(tag.ether_type().0, skip(etherparse::SingleVlanHeader::LEN)?)
        }
        et::MPLS | et::MPLS_MULTICAST => {
            link.tunnels.push("mpls");
            Ok(Step::new(Header::Mpls, octets))
        }
        et::PPPOE_SESSION => pppoe(octets, link),
        et::PPP => Ok(Step::new(Header::Ppp, octets)),
        et::ETHERNET => Ok(Step::new(Header::Ethernet, octets)),
        // The tag (flags and service identifier, 4 octets) is followed by the customer's addresses and type.
        et::BACKBONE => {
            link.tunnels.push("pbb");
            Ok(Step::new(Header::Ethernet, skip(4)?))
        }
        // Four octets of interface numbers, then the next type.
        et::VN_TAG => after_type_field(octets.be16(4).ok_or(LINK_HEADER_TRUNCATED)?, skip(6)?),
        // Version, length, option and security group tag, then the next type.
        et::CISCO_METADATA => {
            after_type_field(octets.be16(6).ok_or(LINK_HEADER_TRUNCATED)?, skip(8)?)
        }
        et::MACSEC => {
            let tag = MacsecHeaderSlice::from_slice(octets.captured)
                .map_err(|_| LINK_HEADER_TRUNCATED)?;
            match tag.next_ether_type() {
                Some(next) => after_type_field(next.0, skip(tag.header_len())?),
                None => Err(Stop::Anomaly("macsec-encrypted")),
            }
        }
        _ => Err(Stop::Nothing),
    }
}

/// Reads an LLC header (IEEE 802.2), with SNAP where present (IEEE 802-2014 §9.2).
pub(super) fn llc<'a>(octets: Octets<'a>, link: &mut LinkContext) -> Result<Step<'a>, Stop> {
    let &[destination, source, control] = octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    let skip = |count| octets.skip(count).ok_or(LINK_HEADER_TRUNCATED);
    match (destination, source, control) {
        (0xaa, 0xaa, 0x03) => {
            let [o1, o2, o3, p1, p2] = octets.chunk(3).ok_or(LINK_HEADER_TRUNCATED)?;
            let protocol = u16::from_be_bytes([p1, p2]);
            let rest = skip(8)?;
            match [o1, o2, o3] {
                // EtherTypes: RFC 1042, and IEEE 802.1H's bridge tunnel.
                [0, 0, 0] | [0, 0, 0xf8] => Ok(Step::new(Header::EtherType(protocol), rest)),
                // Bridged Ethernet, with and without its checksum (RFC 2684 §5.2).
                [0x00, 0x80, 0xc2] if matches!(protocol, 0x0001 | 0x0007) => {
                    // ATM pads to four octets; Frame Relay does not, but there the length tells (RFC 2427 §4.2).
                    let padded = skip(10)?;
                    let inner = if plausible(rest) { rest } else { padded };
                    link.tunnels.push("bridged");
                    Ok(Step::new(Header::Ethernet, inner))
                }
                _ => Err(Stop::Nothing),
            }
        }
        // IP right after LLC (RFC 948).
        (0x06, 0x06, 0x03) => Ok(Step::new(Header::Ip, skip(3)?)),
        _ => Err(Stop::Nothing),
    }
}

/// Reads an MPLS label stack (RFC 3032 §2.1) and guesses what it carries, which no field says.
pub(super) fn mpls<'a>(octets: Octets<'a>, link: &mut LinkContext) -> Result<Step<'a>, Stop> {
    let labels = octets
        .captured
        .chunks_exact(4)
        .position(|label| label.get(2).is_some_and(|o| o & 1 == 1));
    let count = labels.ok_or(LINK_HEADER_TRUNCATED)?.saturating_add(1);
    let rest = octets
        .skip(count.saturating_mul(4))
        .ok_or(LINK_HEADER_TRUNCATED)?;
    if ip::plausible(rest) {
        return Ok(Step::new(Header::Ip, rest));
    }
    // A pseudowire: Ethernet, with a control word that begins with a zero nibble (RFC 4448 §4.6) or without one.
    let behind_control_word = rest
        .skip(4)
        .filter(|_| rest.at(0).is_some_and(|o| o >> 4 == 0));
    for inner in [behind_control_word, Some(rest)].into_iter().flatten() {
        if plausible(inner) {
            link.tunnels.push("pseudowire");
            return Ok(Step::new(Header::Ethernet, inner));
        }
    }
    match rest.at(0).map(|o| o >> 4) {
        // An IP header that is cut or wrong: let its reader name the fault.
        Some(4 | 6) => Ok(Step::new(Header::Ip, rest)),
        _ => Err(Stop::Nothing),
    }
}

/// Reads a PPPoE session header (RFC 2516 §4).
pub(super) fn pppoe<'a>(octets: Octets<'a>, link: &mut LinkContext) -> Result<Step<'a>, Stop> {
    let &[version_and_type, code, ..] = octets.first::<6>().ok_or(LINK_HEADER_TRUNCATED)?;
    if version_and_type != 0x11 {
        return Err(LINK_HEADER_MALFORMED);
    }
    if code != 0 {
        return Err(Stop::Nothing);
    }
    link.tunnels.push("pppoe");
    Ok(Step::new(
        Header::Ppp,
        octets.skip(6).ok_or(LINK_HEADER_TRUNCATED)?,
    ))
}

/// Reads PPP's address and control fields, where present, and the protocol number (RFC 1662 §3.1, RFC 1661 §2).
pub(super) fn ppp<'a>(octets: Octets<'a>, link: &mut LinkContext) -> Result<Step<'a>, Stop> {
    let octets = match octets.first() {
        Some([0xff, 0x03]) => octets.skip(2).ok_or(LINK_HEADER_TRUNCATED)?,
        _ => octets,
    };
    // Protocol numbers end with an odd octet; a compressed one is that octet alone (RFC 1661 §6.5).
    let first = octets.at(0).ok_or(LINK_HEADER_TRUNCATED)?;
    let (protocol, length) = if first & 1 == 1 {
        (u16::from(first), 1)
    } else {
        (octets.be16(0).ok_or(LINK_HEADER_TRUNCATED)?, 2)
    };
    let rest = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    match protocol {
        // RFC 1332 §2, RFC 5072 §2.
        0x0021 | 0x0057 => Ok(Step::new(Header::Ip, rest)),
        // RFC 3032 §4.3.
        0x0281 | 0x0283 => {
            link.tunnels.push("mpls");
            Ok(Step::new(Header::Mpls, rest))
        }
        _ => Err(Stop::Nothing),
    }
}

/// Whether `octets` can be an Ethernet frame: a known type behind at most three tags, and where it carries IP, a
/// believable IP header, as far as the capture holds them. For places where nothing else says that Ethernet follows.
pub(super) fn plausible(octets: Octets<'_>) -> bool {
    let mut at_type = octets.skip(12);
    for _ in 0..4 {
        let Some((type_field, body)) = at_type.and_then(|o| o.be16(0).zip(o.skip(2))) else {
            return octets.is_cut() && octets.original >= Ethernet2Header::LEN;
        };
        match type_field {
            et::VLAN | et::SERVICE_VLAN | et::OLD_QINQ => at_type = body.skip(2),
            et::IPV4 | et::IPV6 => return ip::plausible(body),
            0..=MAX_LENGTH_FIELD => {
                return type_field >= 3 && usize::from(type_field) <= body.original;
            }
            _ => {
                return matches!(
                    type_field,
                    et::ARP
                        | et::RARP
                        | et::MPLS
                        | et::MPLS_MULTICAST
                        | et::PPPOE_SESSION
                        | et::EAPOL
                        | et::LLDP
                );
            }
        }
    }
    false
}
