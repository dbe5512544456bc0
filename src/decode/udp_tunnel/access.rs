//! Lines of subscribers and overlays of providers: L2TP, which carries PPP, LISP, which carries IP, and MPLS.

use super::believable_ip;
use crate::decode::ip;
use crate::decode::octets::Octets;
use crate::decode::step::{Header, Step};

/// Data messages of L2TP version 2 (RFC 2661 §3.1); control messages stay datagrams.
pub(super) fn l2tp(octets: Octets<'_>) -> Option<Step<'_>> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    const RESERVED_AND_VERSION: u16 = 0x34ff;
    const VERSION_2: u16 = 0x0002;

    let flags = octets.be16(0)?;
    if flags & CONTROL != 0 || flags & RESERVED_AND_VERSION != VERSION_2 {
        return None;
    }
    let mut header: usize = 2;
    if flags & LENGTH != 0 {
        if u32::from(octets.be16(header)?) != octets.original_length() {
            return None;
        }
        header = header.saturating_add(2);
    }
    // Tunnel and session.
    header = header.saturating_add(4);
    if flags & SEQUENCE != 0 {
        header = header.saturating_add(4);
    }
    if flags & OFFSET != 0 {
        let padding = octets.be16(header)?;
        header = header.saturating_add(2).saturating_add(padding.into());
    }
    believable_ppp(octets.skip(header)?)
}

/// A PPP frame of one of the protocols that occur on lines: IP, or the control protocols (RFC 1661 §2).
fn believable_ppp(octets: Octets<'_>) -> Option<Step<'_>> {
    let frame = match octets.first() {
        Some([0xff, 0x03]) => octets.skip(2)?,
        _ => octets,
    };
    let step = Step::new(Header::Ppp, octets);
    if frame.at(0)? & 1 == 1 {
        return (matches!(frame.at(0)?, 0x21 | 0x57) && ip::plausible(frame.skip(1)?))
            .then_some(step);
    }
    match frame.be16(0)? {
        0x0021 | 0x0057 => ip::plausible(frame.skip(2)?).then_some(step),
        // Link, authentication and network control.
        0xc021 | 0xc023 | 0xc223 | 0xc227 | 0x8021 | 0x8057 | 0x80fd => Some(step),
        _ => None,
    }
}

/// Data messages of LISP (RFC 9300 §5.3).
pub(super) fn lisp(octets: Octets<'_>) -> Option<Step<'_>> {
    believable_ip(octets.skip(8)?)
}

/// A label stack with IP below it (RFC 7510 §3).
pub(super) fn mpls(octets: Octets<'_>) -> Option<Step<'_>> {
    /// Labels believed; networks use two to four.
    const LABELS: usize = 8;
    const BOTTOM: u32 = 0x100;
    let mut rest = octets;
    for _ in 0..LABELS {
        let entry = rest.be32(0)?;
        rest = rest.skip(4)?;
        if entry & BOTTOM != 0 {
            return ip::plausible(rest).then_some(Step::new(Header::Mpls, octets));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IPV4, look};
    use crate::decode::step::Header;

    #[test]
    fn l2tp_carries_ppp() {
        let plain = [&[0, 2, 0, 7, 0, 9, 0xff, 3, 0, 0x21][..], &IPV4].concat();
        assert_eq!(look(1701, &plain), Some(("l2tp", Header::Ppp, 24)));
        let full = [
            &[0x4a, 2, 0, 40, 0, 7, 0, 9, 0, 1, 0, 2, 0, 2, 0xee, 0xee][..],
            &[0xff, 3, 0, 0x21],
            &IPV4,
        ]
        .concat();
        assert_eq!(look(1701, &full), Some(("l2tp", Header::Ppp, 24)));
        let echo = [0, 2, 0, 7, 0, 9, 0xc0, 0x21, 9, 1, 0, 4];
        assert_eq!(look(1701, &echo), Some(("l2tp", Header::Ppp, 6)));
        let mut other_length = full.clone();
        other_length[3] = 41;
        assert_eq!(look(1701, &other_length), None);
        assert_eq!(look(1701, &[0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn lisp_and_mpls_carry_ip() {
        let lisp = [&[0xc0, 1, 2, 3, 0, 0, 0, 1][..], &IPV4].concat();
        assert_eq!(look(4341, &lisp), Some(("lisp", Header::Ip, 20)));
        let mpls = [&[0, 1, 0, 64, 0, 2, 1, 64][..], &IPV4].concat();
        assert_eq!(look(6635, &mpls), Some(("mpls-udp", Header::Mpls, 28)));
        let bottomless = [0, 1, 0, 64].repeat(16);
        assert_eq!(look(6635, &bottomless), None);
    }
}
