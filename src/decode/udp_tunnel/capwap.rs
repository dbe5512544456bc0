//! CAPWAP data, which access points send to their controller.

use super::believable_ethernet;
use crate::decode::octets::Octets;
use crate::decode::packet::LinkContext;
use crate::decode::step::{Header, Step, Stop};
use crate::decode::wireless;

/// CAPWAP data (RFC 5415 §4.3): a header, then an 802.3 or 802.11 frame.
pub(super) fn capwap(octets: Octets<'_>) -> Option<Step<'_>> {
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
    use super::super::tests::{IPV4, ethernet, look};
    use crate::decode::step::Header;
    use crate::decode::wireless;

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
