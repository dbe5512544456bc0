//! Tunnels over UDP: VXLAN, GENEVE, Teredo, GTP-U, CAPWAP.
//!
//! Comes in: a UDP datagram. Goes out: the tunnel's name and the next step, but only when the tunnel header *and* what
//! it carries are believable: a port number alone proves nothing, and an ordinary datagram on such a port must stay one.

use super::ethernet::{self, ether_type as et};
use super::ip;
use super::octets::Octets;
use super::packet::LinkContext;
use super::step::{Header, Step, Stop};
use super::transport;
use super::wireless;

/// Most extension headers followed in one GTP-U header; 3GPP TS 29.281 §5.2 defines fewer.
const MAX_GTP_EXTENSIONS: usize = 8;

/// Looks into a UDP datagram, header included, whose source or destination port belongs to a tunnel protocol.
#[inline]
pub(super) fn inner(datagram: Octets<'_>) -> Option<(&'static str, Step<'_>)> {
    let &[s1, s2, d1, d2] = datagram.first()?;
    let (source, destination) = (u16::from_be_bytes([s1, s2]), u16::from_be_bytes([d1, d2]));
    if !is_tunnel_port(source) && !is_tunnel_port(destination) {
        return None;
    }
    let datagram = transport::udp(datagram).ok()?;
    let payload = Octets::new(datagram.payload, datagram.payload_length);
    by_port(destination, payload).or_else(|| by_port(source, payload))
}

#[inline]
fn is_tunnel_port(port: u16) -> bool {
    matches!(port, 2152 | 3544 | 4789 | 5247 | 6081 | 8472)
}

#[cold]
fn by_port(port: u16, payload: Octets<'_>) -> Option<(&'static str, Step<'_>)> {
    match port {
        // RFC 7348 §5, and Linux's choice before that.
        4789 | 8472 => Some(("vxlan", vxlan(payload)?)),
        // RFC 8926 §3.3.
        6081 => Some(("geneve", geneve(payload)?)),
        // RFC 4380 §2.7.
        3544 => Some(("teredo", teredo(payload)?)),
        // 3GPP TS 29.281 §4.4.2.
        2152 => Some(("gtp-u", gtp_user(payload)?)),
        // RFC 5415 §3.1.
        5247 => Some(("capwap", capwap(payload)?)),
        _ => None,
    }
}

/// An Ethernet frame, if it can be one.
fn believable_ethernet(octets: Octets<'_>) -> Option<Step<'_>> {
    ethernet::plausible(octets).then_some(Step::new(Header::Ethernet, octets))
}

/// An IP packet, if it can be one.
fn believable_ip(octets: Octets<'_>) -> Option<Step<'_>> {
    ip::plausible(octets).then_some(Step::new(Header::Ip, octets))
}

/// VXLAN (RFC 7348 §5), also with a group policy (draft-smith-vxlan-group-policy).
fn vxlan(octets: Octets<'_>) -> Option<Step<'_>> {
    const IDENTIFIER: u8 = 0x08;
    const GROUP_POLICY: u8 = 0x80;
    let [flags, _, _, _, _, _, _, reserved] = *octets.first()?;
    if flags & !GROUP_POLICY != IDENTIFIER || reserved != 0 {
        return None;
    }
    believable_ethernet(octets.skip(8)?)
}

/// GENEVE (RFC 8926 §3.4).
fn geneve(octets: Octets<'_>) -> Option<Step<'_>> {
    /// Version (2 bits) and length of the options in units of four octets (6 bits).
    const VERSION: u8 = 0xc0;
    const OPTIONS_LENGTH: u8 = 0x3f;
    const RESERVED_FLAGS: u8 = 0x3f;
    let [first, flags, p1, p2, _, _, _, reserved] = *octets.first()?;
    if first & VERSION != 0 || flags & RESERVED_FLAGS != 0 || reserved != 0 {
        return None;
    }
    let options = usize::from(first & OPTIONS_LENGTH).saturating_mul(4);
    let rest = octets.skip(options.saturating_add(8))?;
    match u16::from_be_bytes([p1, p2]) {
        et::ETHERNET => believable_ethernet(rest),
        et::IPV4 | et::IPV6 => believable_ip(rest),
        _ => None,
    }
}

/// Teredo (RFC 4380 §5.1.1): authentication and origin indication, both optional, then an IPv6 packet.
fn teredo(octets: Octets<'_>) -> Option<Step<'_>> {
    /// A nonce of 8 octets and a confirmation octet follow identifier and authentication value.
    const NONCE_AND_CONFIRMATION: usize = 9;
    const ORIGIN_LENGTH: usize = 8;
    let mut rest = octets;
    if let Some(&[0, 1, identifier, authentication]) = rest.first() {
        let values = usize::from(identifier).saturating_add(usize::from(authentication));
        rest = rest.skip(
            values
                .saturating_add(4)
                .saturating_add(NONCE_AND_CONFIRMATION),
        )?;
    }
    if let Some([0, 0]) = rest.first() {
        rest = rest.skip(ORIGIN_LENGTH)?;
    }
    if rest.at(0)? >> 4 != 6 || !ip::plausible(rest) {
        return None;
    }
    let length = usize::from(rest.be16(4)?).saturating_add(40);
    // Only a bubble, which carries nothing, may be followed by trailers (RFC 6081 §4).
    let is_bubble = rest.at(6)? == ip::protocol::NO_NEXT_HEADER;
    (length == rest.original || is_bubble).then_some(Step::new(Header::Ip, rest))
}

/// GTP-U version 1 (3GPP TS 29.281 §5.1): only messages that carry a user's packet.
fn gtp_user(octets: Octets<'_>) -> Option<Step<'_>> {
    const VERSION_1: u8 = 0x30;
    const SPARE: u8 = 0x08;
    const OPTIONAL_FIELDS: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    const USER_PACKET: u8 = 255;
    let [flags, message, l1, l2, _, _, _, _] = *octets.first()?;
    if flags & 0xf0 != VERSION_1 || flags & SPARE != 0 || message != USER_PACKET {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([l1, l2]));
    let body = octets.skip(8)?;
    if length > body.original {
        return None;
    }
    let mut rest = body.limit(length);
    if flags & OPTIONAL_FIELDS != 0 {
        let mut next = rest.at(3)?;
        rest = rest.skip(4)?;
        for _ in 0..MAX_GTP_EXTENSIONS {
            if flags & EXTENSION == 0 || next == 0 {
                break;
            }
            // Length in units of four octets, the last of which is the type of the next one (§5.2.1).
            let octets = usize::from(rest.at(0)?)
                .checked_mul(4)
                .filter(|octets| *octets > 0)?;
            next = rest.at(octets.checked_sub(1)?)?;
            rest = rest.skip(octets)?;
        }
    }
    believable_ip(rest)
}

/// CAPWAP data (RFC 5415 §4.3): a header, then an 802.3 or 802.11 frame.
fn capwap(octets: Octets<'_>) -> Option<Step<'_>> {
    /// Version 0, not encrypted.
    const PREAMBLE: u8 = 0;
    /// Binding identifier of IEEE 802.11 (RFC 5416 §6), in place: five bits, then the bit for native frames.
    const BINDING: u8 = 0x3e;
    const IEEE80211: u8 = 1 << 1;
    const NATIVE: u8 = 0x01;
    /// Flags of the fourth octet: fragment, keep-alive.
    const FRAGMENT: u8 = 0x80;
    const KEEP_ALIVE: u8 = 0x08;
    let &[preamble, length, third, flags] = octets.first()?;
    // Length of the header in units of four octets.
    let length = usize::from(length >> 3).saturating_mul(4);
    if preamble != PREAMBLE || length < 8 || flags & (FRAGMENT | KEEP_ALIVE) != 0 {
        return None;
    }
    let rest = octets.skip(length)?;
    if third & NATIVE == 0 {
        return believable_ethernet(rest);
    }
    if third & BINDING != IEEE80211 {
        return None;
    }
    // Some controllers send the two octets of frame control in the wrong order.
    [false, true].into_iter().find_map(|swapped| {
        let layout = wireless::Layout {
            padded: false,
            swapped,
        };
        let believable = match wireless::ieee80211(rest, layout, &mut LinkContext::default()) {
            Ok(step) => step.octets.first() == Some(&[0xaa, 0xaa, 0x03]),
            Err(stop) => stop == Stop::Anomaly(wireless::PROTECTED),
        };
        believable.then_some(Step::new(Header::Wireless(layout), rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty IPv4 packet with protocol 59.
    const IPV4: [u8; 20] = [
        0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];

    /// An IPv6 packet with `length` zero octets of protocol `next`.
    fn ipv6(next: u8, length: u8) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, length, next, 64];
        packet.extend([0x20; 32]);
        packet.resize(40 + usize::from(length), 0);
        packet
    }

    fn ethernet() -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &IPV4].concat()
    }

    fn look(port: u16, payload: &[u8]) -> Option<(&'static str, Header, usize)> {
        let [d1, d2] = port.to_be_bytes();
        let datagram = [&[0xc0, 0, d1, d2, 0, 0, 0, 0][..], payload].concat();
        inner(Octets::whole(&datagram))
            .map(|(name, step)| (name, step.header, step.octets.captured.len()))
    }

    #[test]
    fn vxlan_carries_ethernet() {
        let frame = [&[0x08, 0, 0, 0, 0, 0, 42, 0][..], &ethernet()].concat();
        assert_eq!(look(4789, &frame), Some(("vxlan", Header::Ethernet, 34)));
        assert_eq!(look(8472, &frame), Some(("vxlan", Header::Ethernet, 34)));
        let policy = [&[0x88, 0x08, 0, 5, 0, 0, 42, 0][..], &ethernet()].concat();
        assert_eq!(look(4789, &policy), Some(("vxlan", Header::Ethernet, 34)));
    }

    #[test]
    fn an_ordinary_datagram_on_a_tunnel_port_stays_one() {
        for port in [4789, 8472, 6081, 3544, 2152, 5247] {
            assert_eq!(
                look(
                    port,
                    b"an ordinary datagram, long enough for every header there is"
                ),
                None
            );
            assert_eq!(look(port, &[]), None);
            assert_eq!(look(port, &[0; 100]), None);
        }
        let unknown_type = [&[0x08, 0, 0, 0, 0, 0, 42, 0][..], &[0x55; 34]].concat();
        assert_eq!(look(4789, &unknown_type), None);
        let mut longer_than_it_is = [&[0x08, 0, 0, 0, 0, 0, 42, 0][..], &ethernet()].concat();
        longer_than_it_is[8 + 14 + 3] = 21;
        assert_eq!(look(4789, &longer_than_it_is), None);
    }

    #[test]
    fn geneve_options_are_skipped() {
        let frame = [
            &[0x01, 0, 0x65, 0x58, 0, 0, 1, 0][..],
            &[1, 2, 3, 4],
            &ethernet(),
        ]
        .concat();
        assert_eq!(look(6081, &frame), Some(("geneve", Header::Ethernet, 34)));
        let bare = [&[0x00, 0, 0x08, 0x00, 0, 0, 1, 0][..], &IPV4].concat();
        assert_eq!(look(6081, &bare), Some(("geneve", Header::Ip, 20)));
    }

    #[test]
    fn teredo_with_all_its_headers() {
        let authentication = [&[0, 1, 2, 1, 9, 9, 9][..], &[7; 8], &[0]].concat();
        let origin = [0, 0, 0x12, 0x34, 1, 2, 3, 4];
        let packet = ipv6(17, 8);
        assert_eq!(look(3544, &packet), Some(("teredo", Header::Ip, 48)));
        assert_eq!(
            look(3544, &[&origin[..], &packet].concat()),
            Some(("teredo", Header::Ip, 48))
        );
        let all = [&authentication[..], &origin, &packet].concat();
        assert_eq!(look(3544, &all), Some(("teredo", Header::Ip, 48)));
    }

    #[test]
    fn only_a_teredo_bubble_has_trailers() {
        assert_eq!(
            look(3544, &[&ipv6(59, 0)[..], &[1, 4, 0, 0]].concat()),
            Some(("teredo", Header::Ip, 44))
        );
        assert_eq!(
            look(3544, &[&ipv6(17, 8)[..], &[1, 4, 0, 0]].concat()),
            None
        );
    }

    #[test]
    fn gtp_user_packets_with_extension_headers() {
        let plain = [&[0x30, 255, 0, 20, 0, 0, 0, 1][..], &IPV4].concat();
        assert_eq!(look(2152, &plain), Some(("gtp-u", Header::Ip, 20)));
        let extended = [
            &[0x34, 255, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0x85][..],
            &[1, 0, 0, 0],
            &IPV4,
        ]
        .concat();
        assert_eq!(look(2152, &extended), Some(("gtp-u", Header::Ip, 20)));
        let no_length = [
            &[0x34, 255, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0x85][..],
            &[0, 0, 0, 0],
            &IPV4,
        ]
        .concat();
        assert_eq!(look(2152, &no_length), None);
        let echo = [&[0x32, 1, 0, 20, 0, 0, 0, 1][..], &IPV4].concat();
        assert_eq!(look(2152, &echo), None);
    }

    #[test]
    fn capwap_carries_both_kinds_of_frames() {
        let wired = [&[0, 0x10, 0x02, 0, 0, 0, 0, 0][..], &ethernet()].concat();
        assert_eq!(look(5247, &wired), Some(("capwap", Header::Ethernet, 34)));
        let mac = [
            8, 1, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 0, 0,
        ];
        let native = [
            &[0, 0x10, 0x03, 0, 0, 0, 0, 0][..],
            &mac,
            &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
            &IPV4,
        ]
        .concat();
        let layout = |swapped| {
            Header::Wireless(wireless::Layout {
                padded: false,
                swapped,
            })
        };
        assert_eq!(look(5247, &native), Some(("capwap", layout(false), 52)));
        let mut swapped = native.clone();
        swapped.swap(8, 9);
        assert_eq!(look(5247, &swapped), Some(("capwap", layout(true), 52)));
    }

    #[test]
    fn capwap_keep_alives_and_fragments_are_plain_datagrams() {
        for flags in [0x08, 0x80] {
            let frame = [&[0, 0x10, 0x02, flags, 0, 0, 0, 0][..], &ethernet()].concat();
            assert_eq!(look(5247, &frame), None);
        }
    }
}
