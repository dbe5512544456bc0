//! Networks over networks: VXLAN, VXLAN-GPE and GENEVE, which carry Ethernet frames or IP packets.

use super::{believable_ethernet, believable_ip};
use crate::decode::ethernet::ether_type as et;
use crate::decode::octets::Octets;
use crate::decode::step::{Header, Step};

/// VXLAN (RFC 7348 §5), also with a group policy (draft-smith-vxlan-group-policy).
pub(super) fn vxlan(octets: Octets<'_>) -> Option<Step<'_>> {
    const IDENTIFIER: u8 = 0x08;
    const GROUP_POLICY: u8 = 0x80;
    let [flags, r1, r2, r3, _, _, _, reserved] = *octets.first()?;
    let frame = octets.skip(8)?;
    match [flags, r1, r2, r3, reserved] {
        // Five octets that chance does not bring together: whatever the frame carries, it is one.
        [IDENTIFIER, 0, 0, 0, 0] => Some(Step::new(Header::Ethernet, frame)),
        [flags, _, _, _, 0] if flags == IDENTIFIER | GROUP_POLICY => believable_ethernet(frame),
        _ => None,
    }
}

/// VXLAN with a protocol of its own choice (draft-ietf-nvo3-vxlan-gpe §3.1).
pub(super) fn vxlan_gpe(octets: Octets<'_>) -> Option<Step<'_>> {
    /// A network identifier is there, a protocol is there.
    const IDENTIFIER_AND_PROTOCOL: u8 = 0x0c;
    let [flags, r1, r2, protocol, _, _, _, reserved] = *octets.first()?;
    if flags & 0x3c != IDENTIFIER_AND_PROTOCOL || [r1, r2, reserved] != [0; 3] {
        return None;
    }
    let rest = octets.skip(8)?;
    match protocol {
        1 | 2 => believable_ip(rest),
        3 => believable_ethernet(rest),
        _ => None,
    }
}

/// GENEVE (RFC 8926 §3.4).
pub(super) fn geneve(octets: Octets<'_>) -> Option<Step<'_>> {
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
        // No other header on this port looks like this: whatever the frame carries, it is one.
        et::ETHERNET => Some(Step::new(Header::Ethernet, rest)),
        et::IPV4 | et::IPV6 => believable_ip(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IPV4, ethernet, look};
    use crate::decode::step::Header;

    #[test]
    fn vxlan_carries_ethernet() {
        let frame = [&[0x08, 0, 0, 0, 0, 0, 42, 0][..], &ethernet()].concat();
        assert_eq!(look(4789, &frame), Some(("vxlan", Header::Ethernet, 34)));
        assert_eq!(look(8472, &frame), Some(("vxlan", Header::Ethernet, 34)));
        let odd_frame = [&[0x08, 0, 0, 0, 0, 0, 42, 0][..], &[0x55; 34]].concat();
        assert_eq!(
            look(4789, &odd_frame),
            Some(("vxlan", Header::Ethernet, 34))
        );
        let policy = [&[0x88, 0x08, 0, 5, 0, 0, 42, 0][..], &ethernet()].concat();
        assert_eq!(look(4789, &policy), Some(("vxlan", Header::Ethernet, 34)));
    }

    #[test]
    fn the_generic_form_says_what_it_carries() {
        let frame = [&[0x0c, 0, 0, 3, 0, 0, 42, 0][..], &ethernet()].concat();
        assert_eq!(
            look(4790, &frame),
            Some(("vxlan-gpe", Header::Ethernet, 34))
        );
        let packet = [&[0x0c, 0, 0, 1, 0, 0, 42, 0][..], &IPV4].concat();
        assert_eq!(look(4790, &packet), Some(("vxlan-gpe", Header::Ip, 20)));
        let service_header = [&[0x0c, 0, 0, 4, 0, 0, 42, 0][..], &IPV4].concat();
        assert_eq!(look(4790, &service_header), None);
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
}
