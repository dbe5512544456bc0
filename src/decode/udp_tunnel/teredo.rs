//! IPv6 through address translators: Teredo.

use crate::decode::ip;
use crate::decode::octets::Octets;
use crate::decode::step::{Header, Step};

/// Teredo (RFC 4380 §5.1.1): authentication and origin indication, both optional, then an IPv6 packet.
pub(super) fn teredo(octets: Octets<'_>) -> Option<Step<'_>> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::{ipv6, look};
    use crate::decode::step::Header;

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
}
