//! Frames that a router or access point sends to whoever analyses them: TZSP.

use crate::decode::octets::Octets;
use crate::decode::step::{Header, Step};
use crate::decode::wireless;
use crate::facts::LinkType;

/// Most tagged fields followed; senders write a handful.
const MAX_FIELDS: usize = 32;

/// TaZmen Sniffer Protocol (<https://web.archive.org/web/20050404125022/http://www.networkchemistry.com/support/appnotes/an001_tzsp.html>):
/// version, type, encapsulation, tagged fields, then the frame. Received packets only: the other types carry none.
pub(super) fn tzsp(octets: Octets<'_>) -> Option<Step<'_>> {
    const VERSION: u8 = 1;
    const RECEIVED: u8 = 0;
    const TRANSMIT: u8 = 1;
    const PADDING: u8 = 0;
    const END: u8 = 1;

    let [version, kind, e1, e2] = *octets.first()?;
    if version != VERSION || !matches!(kind, RECEIVED | TRANSMIT) {
        return None;
    }
    let header = match u16::from_be_bytes([e1, e2]) {
        1 => Header::Ethernet,
        18 => Header::Wireless(wireless::Layout::default()),
        119 => Header::Link(LinkType(119)),
        127 => Header::Link(LinkType(163)),
        _ => return None,
    };
    let mut rest = octets.skip(4)?;
    for _ in 0..MAX_FIELDS {
        let length = match rest.at(0)? {
            END => return Some(Step::new(header, rest.skip(1)?)),
            PADDING => 1,
            _ => usize::from(rest.at(1)?).saturating_add(2),
        };
        rest = rest.skip(length)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ethernet, look};
    use crate::decode::step::Header;

    #[test]
    fn frames_come_behind_their_tagged_fields() {
        let plain = [&[1, 0, 0, 1, 1][..], &ethernet()].concat();
        assert_eq!(look(37008, &plain), Some(("tzsp", Header::Ethernet, 34)));
        let tagged = [&[1, 0, 0, 1, 10, 1, 0xb0, 0, 12, 1, 5, 1][..], &ethernet()].concat();
        assert_eq!(look(37008, &tagged), Some(("tzsp", Header::Ethernet, 34)));
        assert_eq!(look(37008, &[1, 0, 0, 1, 10, 200, 1]), None);
        assert_eq!(look(37008, &[1, 4, 0, 0, 1]), None, "a keep-alive");
    }
}
