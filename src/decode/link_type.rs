//! The header a capture's link type puts before everything else.
//!
//! Comes in: a link type and a frame's octets. Goes out: the next step. Layouts are those of
//! <https://www.tcpdump.org/linktypes.html>. A link type without a decoder is said by number, never fatal.

use super::appliance;
use super::octets::Octets;
use super::packet::LinkContext;
use super::ring;
use super::step::{Header, LINK_HEADER_MALFORMED, LINK_HEADER_TRUNCATED, Step, Stop};
use super::wireless;
use crate::facts::{LinkType, MacAddress};

/// Reads the header of `link_type`.
#[inline]
pub(super) fn read<'a>(
    link_type: LinkType,
    octets: Octets<'a>,
    link: &mut LinkContext,
) -> Result<Step<'a>, Stop> {
    match link_type {
        LinkType::ETHERNET => Ok(Step::new(Header::Ethernet, octets)),
        _ => read_other(link_type, octets, link),
    }
}

fn read_other<'a>(
    link_type: LinkType,
    octets: Octets<'a>,
    link: &mut LinkContext,
) -> Result<Step<'a>, Stop> {
    let behind = |header, count: usize| {
        octets
            .skip(count)
            .map(|rest| Step::new(header, rest))
            .ok_or(LINK_HEADER_TRUNCATED)
    };
    match link_type.0 {
        // BSD loopback: an address family in the capturing host's order (0), in network order (108).
        0 | 108 => loopback(octets),
        // Raw IP as its number is on the wire, on BSD, on OpenBSD; IPv4 only, IPv6 only.
        101 | 12 | 14 | 228 | 229 => Ok(Step::new(Header::Ip, octets)),
        6 => ring::token_ring(octets),
        // SLIP: a direction octet and fifteen of a compressed header.
        8 => behind(Header::Ip, 16),
        10 => ring::fddi(octets),
        9 => Ok(Step::new(Header::Ppp, octets)),
        // PPP in HDLC-like framing, or Cisco HDLC, told apart by the first octet (RFC 1547 §4.3.1).
        50 => match octets.at(0) {
            Some(0x0f | 0x8f) => cisco_hdlc(octets),
            _ => Ok(Step::new(Header::Ppp, octets)),
        },
        51 => Ok(Step::new(
            Header::EtherType(super::ethernet::ether_type::PPPOE_SESSION),
            octets,
        )),
        // A direction octet before PPP, Cisco HDLC and Frame Relay.
        204 => behind(Header::Ppp, 1),
        205 => cisco_hdlc(octets.skip(1).ok_or(LINK_HEADER_TRUNCATED)?),
        206 => frame_relay(octets.skip(1).ok_or(LINK_HEADER_TRUNCATED)?),
        178 => appliance::juniper(octets, Header::Ethernet),
        179 => appliance::juniper(octets, Header::Ppp),
        180 => appliance::juniper(octets, Header::Link(LinkType(107))),
        181 => appliance::juniper(octets, Header::Link(LinkType(104))),
        197 => appliance::erf(octets),
        // A direction octet in place of the address field: what follows the control field is the protocol.
        166 => behind(Header::Ppp, 2),
        100 => Ok(Step::new(Header::Llc, octets)),
        // Linux Classical IP over ATM: with LLC or bare.
        106 if octets.first() == Some(&[0xaa, 0xaa, 0x03]) => Ok(Step::new(Header::Llc, octets)),
        106 => Ok(Step::new(Header::Ip, octets)),
        104 => cisco_hdlc(octets),
        107 => frame_relay(octets),
        // OpenBSD enc(4): address family, SPI, flags.
        109 => behind(Header::Ip, 12),
        122 => ring::fibre_channel(octets),
        113 => linux_sll(octets, link),
        276 => linux_sll2(octets, link),
        117 => pf_log(octets),
        138 => ip_over_firewire(octets),
        219 => Ok(Step::new(Header::Mpls, octets)),
        // Solaris ipnet: version, family, hook type, lengths, interfaces, zones.
        226 => behind(Header::Ip, 24),
        239 => nf_log(octets),
        // netANALYZER: four octets before Ethernet; twelve in transparent mode.
        240 => behind(Header::Ethernet, 4),
        241 => behind(Header::Ethernet, 12),
        // IEEE 802.3br mPackets: the preamble before Ethernet.
        274 => behind(Header::Ethernet, 8),
        242 => ring::infiniband(octets),
        258 => pktap(octets),
        // Apple's own number for it, which others may use for anything: its record type is 1, its header 108 octets or more.
        149 if octets.le32(4) == Some(1) && octets.le32(0).is_some_and(|l| l >= 108) => {
            pktap(octets)
        }
        105 => Ok(Step::new(
            Header::Wireless(wireless::Layout::default()),
            octets,
        )),
        119 => wireless::prism(octets),
        127 => wireless::radiotap(octets),
        163 => wireless::avs(octets),
        192 => wireless::ppi(octets),
        _ => Err(Stop::LinkType(link_type)),
    }
}

/// BSD loopback header: an address family, then the packet.
fn loopback(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    let family = octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    // Families are small numbers, so that the order of octets shows.
    let family = u32::from_be_bytes(*family).min(u32::from_le_bytes(*family));
    match family {
        // AF_INET; AF_INET6 of Linux, Windows, NetBSD/OpenBSD, FreeBSD, macOS.
        2 | 10 | 23 | 24 | 28 | 30 => Ok(Step::new(
            Header::Ip,
            octets.skip(4).ok_or(LINK_HEADER_TRUNCATED)?,
        )),
        _ => Err(Stop::Nothing),
    }
}

/// Cisco HDLC: address, control, EtherType.
fn cisco_hdlc(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    let protocol = octets.be16(2).ok_or(LINK_HEADER_TRUNCATED)?;
    Ok(Step::new(
        Header::EtherType(protocol),
        octets.skip(4).ok_or(LINK_HEADER_TRUNCATED)?,
    ))
}

/// Frame Relay: Q.922 address, then RFC 2427 encapsulation or Cisco's bare EtherType.
fn frame_relay(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    // The last octet of the address, which has two to four, has its lowest bit set (Q.922 §3.3.1).
    let last = octets
        .captured
        .iter()
        .take(4)
        .position(|octet| octet & 1 == 1);
    let length = last.ok_or(LINK_HEADER_MALFORMED)?.saturating_add(1);
    let rest = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    let behind = |header, count: usize| {
        rest.skip(count)
            .map(|rest| Step::new(header, rest))
            .ok_or(LINK_HEADER_TRUNCATED)
    };
    match rest.first::<2>().ok_or(LINK_HEADER_TRUNCATED)? {
        // Unnumbered information, then the network layer protocol identifier (RFC 2427 §4.1): IPv4, IPv6, SNAP.
        [0x03, 0xcc | 0x8e] => behind(Header::Ip, 2),
        [0x03, 0x80] => snap(rest.skip(2)),
        // One octet of padding before it.
        [0x03, 0x00] => match rest.at(2) {
            Some(0x80) => snap(rest.skip(3)),
            Some(0xcc | 0x8e) => behind(Header::Ip, 3),
            _ => Err(Stop::Nothing),
        },
        [0x03, _] => Err(Stop::Nothing),
        &[high, low] => behind(Header::EtherType(u16::from_be_bytes([high, low])), 2),
    }
}

/// A SNAP header without LLC: organisation, protocol.
fn snap(octets: Option<Octets<'_>>) -> Result<Step<'_>, Stop> {
    let octets = octets.ok_or(LINK_HEADER_TRUNCATED)?;
    let [o1, o2, o3, p1, p2] = *octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    let rest = octets.skip(5).ok_or(LINK_HEADER_TRUNCATED)?;
    let protocol = u16::from_be_bytes([p1, p2]);
    match [o1, o2, o3] {
        [0, 0, 0] => Ok(Step::new(Header::EtherType(protocol), rest)),
        [0x00, 0x80, 0xc2] if matches!(protocol, 0x0001 | 0x0007) => {
            Ok(Step::new(Header::Ethernet, rest))
        }
        _ => Err(Stop::Nothing),
    }
}

/// Linux cooked capture, version 1.
fn linux_sll<'a>(octets: Octets<'a>, link: &mut LinkContext) -> Result<Step<'a>, Stop> {
    let header: &[u8; 16] = octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    let &[
        _,
        _,
        h1,
        h2,
        _,
        length,
        a1,
        a2,
        a3,
        a4,
        a5,
        a6,
        _,
        _,
        p1,
        p2,
    ] = header;
    let rest = octets.skip(16).ok_or(LINK_HEADER_TRUNCATED)?;
    let hardware = u16::from_be_bytes([h1, h2]);
    cooked(
        hardware,
        length,
        [a1, a2, a3, a4, a5, a6],
        u16::from_be_bytes([p1, p2]),
        rest,
        link,
    )
}

/// Linux cooked capture, version 2.
fn linux_sll2<'a>(octets: Octets<'a>, link: &mut LinkContext) -> Result<Step<'a>, Stop> {
    let header: &[u8; 20] = octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    let &[
        p1,
        p2,
        _,
        _,
        _,
        _,
        _,
        _,
        h1,
        h2,
        _,
        length,
        a1,
        a2,
        a3,
        a4,
        a5,
        a6,
        _,
        _,
    ] = header;
    let rest = octets.skip(20).ok_or(LINK_HEADER_TRUNCATED)?;
    let hardware = u16::from_be_bytes([h1, h2]);
    cooked(
        hardware,
        length,
        [a1, a2, a3, a4, a5, a6],
        u16::from_be_bytes([p1, p2]),
        rest,
        link,
    )
}

/// What both cooked headers say: ARPHRD_ number, the sender's address, protocol.
fn cooked<'a>(
    hardware: u16,
    address_length: u8,
    address: [u8; 6],
    protocol: u16,
    rest: Octets<'a>,
    link: &mut LinkContext,
) -> Result<Step<'a>, Stop> {
    /// Hardware types of Linux's `if_arp.h`.
    const ETHER: u16 = 1;
    const FRAME_RELAY_ACCESS: u16 = 770;
    const IEEE80211_RADIOTAP: u16 = 803;
    const NETLINK: u16 = 824;
    /// Ethernet-like and PPP frames that keep their own header; LLC (Linux `if_ether.h`).
    const NO_PROTOCOL: u16 = 0;
    const LLC: u16 = 4;
    const PPP: u16 = 7;

    match hardware {
        NETLINK => return Err(Stop::Nothing),
        IEEE80211_RADIOTAP => return wireless::radiotap(rest),
        FRAME_RELAY_ACCESS => return frame_relay(rest),
        ETHER if address_length == 6 => link.source_mac = Some(MacAddress(address)),
        _ => {}
    }
    match protocol {
        LLC => Ok(Step::new(Header::Llc, rest)),
        PPP => Ok(Step::new(Header::Ppp, rest)),
        NO_PROTOCOL => Err(Stop::Nothing),
        _ => Ok(Step::new(Header::EtherType(protocol), rest)),
    }
}

/// OpenBSD packet filter log: the first octet is the header's length without its padding to four octets.
fn pf_log(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    let length = usize::from(octets.at(0).ok_or(LINK_HEADER_TRUNCATED)?);
    let padded = length.next_multiple_of(4);
    Ok(Step::new(
        Header::Ip,
        octets.skip(padded).ok_or(LINK_HEADER_TRUNCATED)?,
    ))
}

/// Apple IP over IEEE 1394: two addresses of 8 octets, EtherType.
fn ip_over_firewire(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    let protocol = octets.be16(16).ok_or(LINK_HEADER_TRUNCATED)?;
    Ok(Step::new(
        Header::EtherType(protocol),
        octets.skip(18).ok_or(LINK_HEADER_TRUNCATED)?,
    ))
}

/// Linux netfilter log: family, version, resource, then attributes in the capturing host's order of octets.
fn nf_log(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    /// `NFULA_PAYLOAD` (Linux `nfnetlink_log.h`).
    const PAYLOAD: u16 = 9;
    let mut rest = octets.skip(4).ok_or(LINK_HEADER_TRUNCATED)?;
    // A frame has about ten attributes; each is at least four octets, so that this ends.
    while let Some(&[l1, l2, t1, t2]) = rest.first() {
        let little = (u16::from_le_bytes([l1, l2]), u16::from_le_bytes([t1, t2]));
        let big = (u16::from_be_bytes([l1, l2]), u16::from_be_bytes([t1, t2]));
        // Attribute types are small numbers, so that the order of octets shows.
        let (length, kind) = if little.1 & 0x7fff <= 0xff {
            little
        } else {
            big
        };
        if length < 4 {
            return Err(LINK_HEADER_MALFORMED);
        }
        if kind & 0x7fff == PAYLOAD {
            let value = rest
                .limit(usize::from(length))
                .skip(4)
                .ok_or(LINK_HEADER_TRUNCATED)?;
            return Ok(Step::new(Header::Ip, value));
        }
        let padded = usize::from(length).next_multiple_of(4);
        rest = rest.skip(padded).ok_or(LINK_HEADER_TRUNCATED)?;
    }
    Err(Stop::Nothing)
}

/// Apple PKTAP: length, record type, the link type of what follows; least significant octet first.
fn pktap(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    let length = octets.le32(0).ok_or(LINK_HEADER_TRUNCATED)?;
    let inner = octets.le32(8).ok_or(LINK_HEADER_TRUNCATED)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length < 12 {
        return Err(LINK_HEADER_MALFORMED);
    }
    let rest = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    Ok(Step::new(Header::Link(LinkType(inner)), rest))
}

/// Name of a link type that has no decoder here, for people; `None` for less common ones.
pub(super) fn name(link_type: LinkType) -> Option<&'static str> {
    Some(match link_type.0 {
        3 => "AX25",
        7 => "ARCNET_BSD",
        99 => "SYMANTEC_FIREWALL",
        114 => "LTALK",
        118 => "CISCO_IOS",
        123 => "SUNATM",
        129 => "ARCNET_LINUX",
        135 => "JUNIPER_ATM2",
        137 => "JUNIPER_ATM1",
        140 => "MTP2",
        141 => "MTP3",
        142 => "SCCP",
        143 => "DOCSIS",
        144 => "LINUX_IRDA",
        147 => "USER0",
        148 => "USER1",
        149 => "USER2",
        150 => "USER3",
        151 => "USER4",
        152 => "USER5",
        153 => "USER6",
        154 => "USER7",
        155 => "USER8",
        156 => "USER9",
        157 => "USER10",
        158 => "USER11",
        159 => "USER12",
        160 => "USER13",
        161 => "USER14",
        162 => "USER15",
        165 => "BACNET_MS_TP",
        169 => "GPRS_LLC",
        177 => "LINUX_LAPD",
        187 => "BLUETOOTH_HCI_H4",
        189 => "USB_LINUX",
        195 => "IEEE802_15_4_WITHFCS",
        201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
        209 => "IPMB_LINUX",
        215 => "IEEE802_15_4_NONASK_PHY",
        220 => "USB_LINUX_MMAPPED",
        224 => "FC_2",
        227 => "CAN_SOCKETCAN",
        230 => "IEEE802_15_4_NOFCS",
        231 => "DBUS",
        235 => "DVB_CI",
        243 => "MPEG_2_TS",
        245 => "NFC_LLCP",
        247 => "INFINIBAND",
        248 => "SCTP",
        249 => "USBPCAP",
        251 => "BLUETOOTH_LE_LL",
        252 => "WIRESHARK_UPPER_PDU",
        253 => "NETLINK",
        254 => "BLUETOOTH_LINUX_MONITOR",
        256 => "BLUETOOTH_LE_LL_WITH_PHDR",
        259 => "EPON",
        264 => "ISO_14443",
        266 => "USB_DARWIN",
        271 => "VSOCK",
        272 => "NORDIC_BLE",
        273 => "DOCSIS31_XRA31",
        279 => "USB_2_0",
        283 => "IEEE802_15_4_TAP",
        289 => "ETW",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(link_type: u32, bytes: &[u8]) -> Result<(Header, Vec<u8>), Stop> {
        let mut link = LinkContext::default();
        read(LinkType(link_type), Octets::whole(bytes), &mut link)
            .map(|s| (s.header, s.octets.captured.to_vec()))
    }

    #[test]
    fn loopback_in_both_orders() {
        assert_eq!(step(0, &[2, 0, 0, 0, 0x45]), Ok((Header::Ip, vec![0x45])));
        assert_eq!(step(0, &[0, 0, 0, 30, 0x60]), Ok((Header::Ip, vec![0x60])));
        assert_eq!(
            step(108, &[0, 0, 0, 24, 0x60]),
            Ok((Header::Ip, vec![0x60]))
        );
        assert_eq!(step(0, &[7, 0, 0, 0, 0x45]), Err(Stop::Nothing));
        assert_eq!(step(0, &[2, 0, 0]), Err(LINK_HEADER_TRUNCATED));
    }

    #[test]
    fn ppp_flavours() {
        assert_eq!(
            step(9, &[0xff, 0x03, 0, 0x21]),
            Ok((Header::Ppp, vec![0xff, 0x03, 0, 0x21]))
        );
        assert_eq!(
            step(50, &[0x0f, 0, 8, 0, 0x45]),
            Ok((Header::EtherType(0x0800), vec![0x45]))
        );
        assert_eq!(
            step(51, &[0x11, 0]),
            Ok((Header::EtherType(0x8864), vec![0x11, 0]))
        );
        assert_eq!(
            step(204, &[1, 0xff, 0x03]),
            Ok((Header::Ppp, vec![0xff, 0x03]))
        );
        assert_eq!(
            step(166, &[1, 3, 0, 0x21]),
            Ok((Header::Ppp, vec![0, 0x21]))
        );
    }

    #[test]
    fn cooked_version_1_names_the_sender() {
        let mut frame = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x86, 0xdd];
        frame.push(0x60);
        let mut link = LinkContext::default();
        let step = read(LinkType::LINUX_SLL, Octets::whole(&frame), &mut link).expect("complete");
        assert_eq!(
            (step.header, step.octets.captured),
            (Header::EtherType(0x86dd), &[0x60][..])
        );
        assert_eq!(link.source_mac, Some(MacAddress([2, 0, 0, 0, 0, 9])));
    }

    #[test]
    fn cooked_version_2_has_its_protocol_first() {
        let mut frame = vec![8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0];
        frame.push(0x45);
        assert_eq!(
            step(276, &frame),
            Ok((Header::EtherType(0x0800), vec![0x45]))
        );
        assert_eq!(step(276, &frame[..19]), Err(LINK_HEADER_TRUNCATED));
    }

    #[test]
    fn cooked_netlink_is_nothing_to_track() {
        let frame = [
            0, 4, 3, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4,
        ];
        assert_eq!(step(113, &frame), Err(Stop::Nothing));
    }

    #[test]
    fn frame_relay_encapsulations() {
        assert_eq!(
            step(107, &[0x18, 0x41, 0x03, 0xcc, 0x45]),
            Ok((Header::Ip, vec![0x45]))
        );
        let snap = [0x18, 0x41, 0x03, 0x00, 0x80, 0, 0, 0, 0x08, 0x00, 0x45];
        assert_eq!(
            step(107, &snap),
            Ok((Header::EtherType(0x0800), vec![0x45]))
        );
        assert_eq!(
            step(107, &[0x18, 0x41, 0x08, 0x00, 0x45]),
            Ok((Header::EtherType(0x0800), vec![0x45]))
        );
        assert_eq!(step(107, &[0, 0, 0, 0, 0]), Err(LINK_HEADER_MALFORMED));
    }

    #[test]
    fn netfilter_log_attributes_are_walked() {
        let little = [2, 0, 0, 0, 6, 0, 10, 0, b'a', 0, 0, 0, 5, 0, 9, 0, 0x45];
        assert_eq!(step(239, &little), Ok((Header::Ip, vec![0x45])));
        let big = [2, 0, 0, 0, 0, 6, 0, 10, b'a', 0, 0, 0, 0, 5, 0, 9, 0x45];
        assert_eq!(step(239, &big), Ok((Header::Ip, vec![0x45])));
        assert_eq!(
            step(239, &[2, 0, 0, 0, 0, 0, 0, 0]),
            Err(LINK_HEADER_MALFORMED)
        );
    }

    #[test]
    fn pktap_names_the_inner_link_type() {
        let mut frame = vec![16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 9, 9, 9];
        frame.push(0xaa);
        assert_eq!(
            step(258, &frame),
            Ok((Header::Link(LinkType(1)), vec![0xaa]))
        );
        assert_eq!(step(258, &[0; 16]), Err(LINK_HEADER_MALFORMED));
    }

    #[test]
    fn apples_own_number_only_means_its_header() {
        let mut frame = vec![0; 109];
        frame[0] = 108;
        frame[4] = 1;
        frame[8] = 1;
        assert_eq!(step(149, &frame), Ok((Header::Link(LinkType(1)), vec![0])));
        frame[4] = 2;
        assert_eq!(step(149, &frame), Err(Stop::LinkType(LinkType(149))));
    }

    #[test]
    fn a_direction_before_other_serial_lines() {
        assert_eq!(
            step(205, &[1, 0x0f, 0, 8, 0, 0x45]),
            Ok((Header::EtherType(0x0800), vec![0x45]))
        );
        assert_eq!(
            step(206, &[0, 0x18, 0x41, 0x03, 0xcc, 0x45]),
            Ok((Header::Ip, vec![0x45]))
        );
        assert_eq!(step(205, &[]), Err(LINK_HEADER_TRUNCATED));
    }

    #[test]
    fn an_unknown_link_type_is_named() {
        assert_eq!(step(147, &[0; 64]), Err(Stop::LinkType(LinkType(147))));
        assert_eq!(name(LinkType(147)), Some("USER0"));
        assert_eq!(name(LinkType(9999)), None);
    }
}
