//! Tunnels over UDP: VXLAN, VXLAN-GPE, GENEVE, Teredo, GTP-U, CAPWAP, L2TP, LISP, MPLS, TZSP.
//!
//! Comes in: a UDP datagram. Goes out: the tunnel's name and the next step, but only when the tunnel header is beyond
//! chance, or it *and* what it carries are believable: a port number alone proves nothing, and an ordinary datagram on
//! such a port must stay one.

mod access;
mod capwap;
mod gtp;
mod mirror;
mod overlay;
mod teredo;

use super::ethernet;
use super::ip;
use super::octets::Octets;
use super::step::{Header, Step};
use super::transport;
use access::{l2tp, lisp, mpls};
use capwap::capwap;
use gtp::gtp_user;
use mirror::tzsp;
use overlay::{geneve, vxlan, vxlan_gpe};
use teredo::teredo;

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
    matches!(
        port,
        1701 | 2152 | 3544 | 4341 | 4789 | 4790 | 5247 | 6081 | 6635 | 8472 | 37008
    )
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
        // RFC 2661 §8.1.
        1701 => Some(("l2tp", l2tp(payload)?)),
        // RFC 9300 §5.3.
        4341 => Some(("lisp", lisp(payload)?)),
        4790 => Some(("vxlan-gpe", vxlan_gpe(payload)?)),
        // RFC 7510 §3.
        6635 => Some(("mpls-udp", mpls(payload)?)),
        // What MikroTik routers and wireless sensors send a mirror to.
        37008 => Some(("tzsp", tzsp(payload)?)),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty IPv4 packet with protocol 59.
    pub(super) const IPV4: [u8; 20] = [
        0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];

    /// An IPv6 packet with `length` zero octets of protocol `next`.
    pub(super) fn ipv6(next: u8, length: u8) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, length, next, 64];
        packet.extend([0x20; 32]);
        packet.resize(40 + usize::from(length), 0);
        packet
    }

    pub(super) fn ethernet() -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &IPV4].concat()
    }

    pub(super) fn look(port: u16, payload: &[u8]) -> Option<(&'static str, Header, usize)> {
        let [d1, d2] = port.to_be_bytes();
        let [l1, l2] = u16::try_from(payload.len() + 8).unwrap().to_be_bytes();
        let datagram = [&[0xc0, 0, d1, d2, l1, l2, 0, 0][..], payload].concat();
        inner(Octets::whole(&datagram))
            .map(|(name, step)| (name, step.header, step.octets.captured.len()))
    }

    #[test]
    fn an_ordinary_datagram_on_a_tunnel_port_stays_one() {
        for port in [
            4789, 8472, 6081, 3544, 2152, 5247, 1701, 4341, 4790, 6635, 37008,
        ] {
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
        let unknown_type = [&[0x88, 0x08, 0, 5, 0, 0, 42, 0][..], &[0x55; 34]].concat();
        assert_eq!(look(4789, &unknown_type), None);
        let mut longer_than_it_is = [&[0x88, 0x08, 0, 5, 0, 0, 42, 0][..], &ethernet()].concat();
        longer_than_it_is[8 + 14 + 3] = 21;
        assert_eq!(look(4789, &longer_than_it_is), None);
    }
}
