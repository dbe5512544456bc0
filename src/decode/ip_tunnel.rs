//! Tunnels that IP carries directly: IP in IP, GRE with its ERSPAN and PPTP forms, EtherIP, MPLS in IP.
//!
//! Comes in: an IP protocol number and the payload. Goes out: the tunnel's name and the next step; `None` when this is
//! no tunnel that can be looked into, so that the packet stands for itself.

use super::ethernet::{self, ether_type as et};
use super::ip::protocol;
use super::octets::Octets;
use super::step::{Header, Step};

/// Looks into `payload` of IP protocol `number`; `outer_is_version_6` only chooses the name.
pub(super) fn inner<'a>(
    number: u8,
    payload: Octets<'a>,
    outer_is_version_6: bool,
) -> Option<(&'static str, Step<'a>)> {
    let version = payload.at(0)? >> 4;
    match number {
        // RFC 2003, RFC 2473, RFC 4213.
        protocol::IPV4 if version == 4 => {
            let name = if outer_is_version_6 { "4in6" } else { "ipip" };
            Some((name, Step::new(Header::Ip, payload)))
        }
        protocol::IPV6 if version == 6 => {
            let name = if outer_is_version_6 { "6in6" } else { "6in4" };
            Some((name, Step::new(Header::Ip, payload)))
        }
        protocol::GRE => gre(payload),
        // RFC 3378 §2: version 3 and twelve reserved bits.
        protocol::ETHERIP if version == 3 => {
            Some(("etherip", Step::new(Header::Ethernet, payload.skip(2)?)))
        }
        // RFC 4023 §3.
        protocol::MPLS => Some(("mpls", Step::new(Header::Mpls, payload))),
        _ => None,
    }
}

/// Reads a GRE header (RFC 2784 §2, RFC 2890 §2; version 1: RFC 2637 §4.1).
fn gre(octets: Octets<'_>) -> Option<(&'static str, Step<'_>)> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    const VERSION: u16 = 0x0007;
    // WCCP redirection (draft-wilson-wrec-wccp-v2), ERSPAN types I and II, and III (draft-foschiano-erspan).
    const WCCP: u16 = 0x883e;
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_III: u16 = 0x22eb;

    let flags = octets.be16(0)?;
    let carried = octets.be16(2)?;
    let version = flags & VERSION;
    // Source routes were withdrawn (RFC 2784 §2.2); nobody knows of a version 2.
    if flags & ROUTING != 0 || version > 1 {
        return None;
    }
    let mut length: usize = 4;
    for bit in [CHECKSUM, KEY, SEQUENCE] {
        if flags & bit != 0 {
            length = length.saturating_add(4);
        }
    }
    if version == 1 && flags & ACKNOWLEDGMENT != 0 {
        length = length.saturating_add(4);
    }
    let rest = octets.skip(length)?;
    match carried {
        et::PPP if version == 1 => Some(("pptp", Step::new(Header::Ppp, rest))),
        et::IPV4 | et::IPV6 => Some(("gre", Step::new(Header::Ip, rest))),
        et::ETHERNET => Some(("gre", Step::new(Header::Ethernet, rest))),
        et::MPLS | et::MPLS_MULTICAST | et::VLAN | et::PPP => {
            Some(("gre", Step::new(Header::EtherType(carried), rest)))
        }
        // Version 2 of the protocol puts four octets before the packet.
        WCCP if rest.at(0)? >> 4 == 4 => Some(("gre", Step::new(Header::Ip, rest))),
        WCCP => Some(("gre", Step::new(Header::Ip, rest.skip(4)?))),
        ERSPAN if flags & SEQUENCE == 0 => mirrored(rest),
        ERSPAN | ERSPAN_III => erspan(rest),
        _ => None,
    }
}

/// Reads an ERSPAN header, version 1 (type II) or 2 (type III), and gives the mirrored frame.
fn erspan(octets: Octets<'_>) -> Option<(&'static str, Step<'_>)> {
    /// Last bit of the type III header: a platform-specific sub-header of 8 octets follows.
    const SUB_HEADER: u8 = 0x01;
    match octets.at(0)? >> 4 {
        1 => mirrored(octets.skip(8)?),
        2 if octets.at(11)? & SUB_HEADER != 0 => mirrored(octets.skip(20)?),
        2 => mirrored(octets.skip(12)?),
        _ => None,
    }
}

/// A mirrored Ethernet frame; type III may also carry bare IP.
fn mirrored(octets: Octets<'_>) -> Option<(&'static str, Step<'_>)> {
    let header = if !ethernet::plausible(octets) && super::ip::plausible(octets) {
        Header::Ip
    } else {
        Header::Ethernet
    };
    Some(("erspan", Step::new(header, octets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(number: u8, payload: &[u8]) -> Option<(&'static str, Header, Vec<u8>)> {
        inner(number, Octets::whole(payload), false)
            .map(|(name, step)| (name, step.header, step.octets.captured.to_vec()))
    }

    #[test]
    fn ip_in_ip_wants_the_right_version() {
        assert_eq!(look(4, &[0x45]), Some(("ipip", Header::Ip, vec![0x45])));
        assert_eq!(look(41, &[0x60]), Some(("6in4", Header::Ip, vec![0x60])));
        assert_eq!(look(4, &[0x60]), None);
        assert_eq!(look(4, &[]), None);
        assert_eq!(
            inner(4, Octets::whole(&[0x45]), true).map(|i| i.0),
            Some("4in6")
        );
        assert_eq!(
            inner(41, Octets::whole(&[0x60]), true).map(|i| i.0),
            Some("6in6")
        );
    }

    #[test]
    fn optional_fields_of_gre() {
        assert_eq!(
            look(47, &[0, 0, 8, 0, 0x45]),
            Some(("gre", Header::Ip, vec![0x45]))
        );
        let mut all = vec![0xb0, 0, 0x86, 0xdd];
        all.extend([0; 12]);
        all.push(0x60);
        assert_eq!(look(47, &all), Some(("gre", Header::Ip, vec![0x60])));
        assert_eq!(
            look(47, &[0x20, 0, 0x65, 0x58, 0, 0, 0, 1, 2]),
            Some(("gre", Header::Ethernet, vec![2]))
        );
    }

    #[test]
    fn gre_that_cannot_be_looked_into() {
        assert_eq!(look(47, &[0x40, 0, 8, 0, 0, 0, 0, 0, 0x45]), None);
        assert_eq!(look(47, &[0, 0, 0, 0, 0x45]), None);
        assert_eq!(look(47, &[0xb0, 0, 8, 0, 0x45]), None);
        assert_eq!(look(47, &[0, 2, 8, 0, 0x45]), None);
    }

    #[test]
    fn pptp_carries_ppp() {
        let frame = [
            0x30, 0x81, 0x88, 0x0b, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x21, 0x45,
        ];
        assert_eq!(
            look(47, &frame),
            Some(("pptp", Header::Ppp, vec![0x21, 0x45]))
        );
    }

    #[test]
    fn the_three_types_of_erspan() {
        assert_eq!(
            look(47, &[0, 0, 0x88, 0xbe, 7, 7]),
            Some(("erspan", Header::Ethernet, vec![7, 7]))
        );
        let mut second = vec![0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0];
        second.push(7);
        assert_eq!(
            look(47, &second),
            Some(("erspan", Header::Ethernet, vec![7]))
        );
        let mut third = vec![
            0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        third.push(7);
        assert_eq!(
            look(47, &third),
            Some(("erspan", Header::Ethernet, vec![7]))
        );
        third[19] = 1;
        third.extend([0, 0, 0, 0, 0, 0, 0, 8]);
        assert_eq!(
            look(47, &third),
            Some(("erspan", Header::Ethernet, vec![8]))
        );
    }

    #[test]
    fn etherip_and_mpls_in_ip() {
        assert_eq!(
            look(97, &[0x30, 0, 7]),
            Some(("etherip", Header::Ethernet, vec![7]))
        );
        assert_eq!(look(97, &[0x20, 0, 7]), None);
        assert_eq!(
            look(137, &[0, 0, 1, 64]),
            Some(("mpls", Header::Mpls, vec![0, 0, 1, 64]))
        );
    }
}
