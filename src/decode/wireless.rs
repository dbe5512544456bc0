//! IEEE 802.11 data frames, and the radio headers that captures put before them.
//!
//! Comes in: a radio header (radiotap, PPI, Prism, AVS) or an 802.11 MAC header. Goes out: the LLC header inside a
//! data frame. Management and control frames carry nothing to track; encrypted and fragmented frames are counted, not
//! decoded.

use super::octets::Octets;
use super::packet::LinkContext;
use super::step::{Header, LINK_HEADER_MALFORMED, LINK_HEADER_TRUNCATED, Step, Stop};
use crate::facts::{LinkType, MacAddress};

/// Name of the anomaly of an encrypted frame.
pub(super) const PROTECTED: &str = "wlan-protected";

/// What a MAC header's surroundings say of its layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The header is padded to a multiple of four octets, as some drivers deliver it.
    pub padded: bool,
    /// The two octets of frame control are in the wrong order, as some controllers send them through CAPWAP.
    pub swapped: bool,
}

/// Reads a radiotap header (<https://www.radiotap.org>): version, padding, length, presence bits, fields.
pub(super) fn radiotap(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    /// Flags: the MAC header is padded; the checksum was wrong.
    const PADDED: u8 = 0x20;
    const BAD_CHECKSUM: u8 = 0x40;
    let length = usize::from(octets.le16(2).ok_or(LINK_HEADER_TRUNCATED)?);
    if octets.at(0) != Some(0) || length < 8 {
        return Err(LINK_HEADER_MALFORMED);
    }
    let rest = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    let flags = radiotap_flags(octets, length).unwrap_or(0);
    if flags & BAD_CHECKSUM != 0 {
        return Err(Stop::Anomaly("wlan-bad-checksum"));
    }
    Ok(Step::new(
        Header::Wireless(Layout {
            padded: flags & PADDED != 0,
            swapped: false,
        }),
        rest,
    ))
}

/// The flags field of a radiotap header of `length` octets, where present.
fn radiotap_flags(octets: Octets<'_>, length: usize) -> Option<u8> {
    /// Presence bits: time stamp (8 octets, aligned), flags (1 octet), another word of presence bits.
    const TIME: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE: u32 = 1 << 31;
    let header = octets.limit(length);
    let present = header.le32(4)?;
    let words = header.skip(4)?.captured.chunks_exact(4);
    let extra = words
        .take_while(|word| word.last().is_some_and(|o| u32::from(*o) << 24 & MORE != 0))
        .count();
    let mut offset = extra.checked_mul(4)?.checked_add(8)?;
    if present & TIME != 0 {
        offset = offset.checked_next_multiple_of(8)?.checked_add(8)?;
    }
    if present & FLAGS == 0 {
        None
    } else {
        header.at(offset)
    }
}

/// Reads a PPI header (Per-Packet Information 1.0.10): version, flags, length, link type of what follows.
pub(super) fn ppi(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    let length = usize::from(octets.le16(2).ok_or(LINK_HEADER_TRUNCATED)?);
    let inner = octets.le32(4).ok_or(LINK_HEADER_TRUNCATED)?;
    if length < 8 {
        return Err(LINK_HEADER_MALFORMED);
    }
    let rest = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    Ok(Step::new(Header::Link(LinkType(inner)), rest))
}

/// Reads a Prism header: message code, length in the capturing host's order; some drivers send AVS headers instead.
pub(super) fn prism(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    if octets.be32(0).is_some_and(is_avs) {
        return avs(octets);
    }
    let length = octets
        .le32(4)
        .zip(octets.be32(4))
        .map(|(l, b)| l.min(b))
        .ok_or(LINK_HEADER_TRUNCATED)?;
    behind_radio_header(octets, length)
}

/// Reads an AVS header: magic with version, length, in network order.
pub(super) fn avs(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    if !octets.be32(0).is_some_and(is_avs) {
        return Err(LINK_HEADER_MALFORMED);
    }
    behind_radio_header(octets, octets.be32(4).ok_or(LINK_HEADER_TRUNCATED)?)
}

fn is_avs(magic: u32) -> bool {
    magic & 0xffff_f000 == 0x8021_1000
}

fn behind_radio_header(octets: Octets<'_>, length: u32) -> Result<Step<'_>, Stop> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length < 8 {
        return Err(LINK_HEADER_MALFORMED);
    }
    let rest = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    Ok(Step::new(Header::Wireless(Layout::default()), rest))
}

/// Reads an IEEE 802.11 MAC header (IEEE 802.11-2020 §9.2, §9.3.2); only data frames go on.
pub(super) fn ieee80211<'a>(
    octets: Octets<'a>,
    layout: Layout,
    link: &mut LinkContext,
) -> Result<Step<'a>, Stop> {
    // First octet of frame control: version (2 bits), type (2), subtype (4).
    const VERSION_AND_TYPE: u8 = 0x0f;
    const DATA: u8 = 0x08;
    const NO_DATA: u8 = 0x40;
    const QOS: u8 = 0x80;
    // Second octet.
    const TO_DISTRIBUTION: u8 = 0x01;
    const FROM_DISTRIBUTION: u8 = 0x02;
    const MORE_FRAGMENTS: u8 = 0x04;
    const ENCRYPTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    // First octet of QoS control: an aggregate of several frames (A-MSDU) follows.
    const AGGREGATE: u8 = 0x80;

    let &[kind, flags] = octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    let (kind, flags) = if layout.swapped {
        (flags, kind)
    } else {
        (kind, flags)
    };
    if kind & VERSION_AND_TYPE != DATA || kind & NO_DATA != 0 {
        return Err(Stop::Nothing);
    }
    if flags & ENCRYPTED != 0 {
        return Err(Stop::Anomaly(PROTECTED));
    }
    let address = |offset| {
        octets
            .chunk(offset)
            .map(MacAddress)
            .ok_or(LINK_HEADER_TRUNCATED)
    };
    let (first, second, third) = (address(4)?, address(10)?, address(16)?);
    let sequence = octets.le16(22).ok_or(LINK_HEADER_TRUNCATED)?;
    if sequence & 0x000f != 0 || flags & MORE_FRAGMENTS != 0 {
        return Err(Stop::Anomaly("wlan-fragment"));
    }
    let mut length: usize = 24;
    let (destination, source) = match flags & (TO_DISTRIBUTION | FROM_DISTRIBUTION) {
        0 => (first, second),
        TO_DISTRIBUTION => (third, second),
        FROM_DISTRIBUTION => (first, third),
        _ => {
            length = 30;
            (third, address(24)?)
        }
    };
    let mut aggregate = false;
    if kind & QOS != 0 {
        aggregate = octets.at(length).ok_or(LINK_HEADER_TRUNCATED)? & AGGREGATE != 0;
        length = length.saturating_add(2);
        if flags & ORDER != 0 {
            length = length.saturating_add(4);
        }
    }
    if layout.padded {
        length = length.next_multiple_of(4);
    }
    let body = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    link.destination_mac = Some(destination);
    link.source_mac = Some(source);
    if !aggregate {
        return Ok(Step::new(Header::Llc, body));
    }
    // The first subframe: destination, source, length (§9.3.2.2).
    let subframe = body.first::<14>().ok_or(LINK_HEADER_TRUNCATED)?;
    let &[d1, d2, d3, d4, d5, d6, s1, s2, s3, s4, s5, s6, l1, l2] = subframe;
    link.destination_mac = Some(MacAddress([d1, d2, d3, d4, d5, d6]));
    link.source_mac = Some(MacAddress([s1, s2, s3, s4, s5, s6]));
    let rest = body.skip(14).ok_or(LINK_HEADER_TRUNCATED)?;
    let length = usize::from(u16::from_be_bytes([l1, l2])).min(rest.original);
    Ok(Step::new(Header::Llc, rest.limit(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LLC: [u8; 8] = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00];

    fn mac(last: u8) -> [u8; 6] {
        [2, 0, 0, 0, 0, last]
    }

    /// A MAC header with addresses 1, 2, 3.
    fn header(kind: u8, flags: u8) -> Vec<u8> {
        [
            &[kind, flags, 0, 0][..],
            &mac(1),
            &mac(2),
            &mac(3),
            &[0x10, 0x00],
        ]
        .concat()
    }

    fn read(frame: &[u8]) -> Result<(Vec<u8>, u8, u8), Stop> {
        let mut link = LinkContext::default();
        let step = ieee80211(Octets::whole(frame), Layout::default(), &mut link)?;
        assert_eq!(step.header, Header::Llc);
        let last = |mac: Option<MacAddress>| mac.map_or(0, |m| m.0[5]);
        Ok((
            step.octets.captured.to_vec(),
            last(link.source_mac),
            last(link.destination_mac),
        ))
    }

    #[test]
    fn addresses_depend_on_the_distribution_bits() {
        let frame = |flags| [header(0x08, flags), LLC.to_vec()].concat();
        assert_eq!(read(&frame(0x00)), Ok((LLC.to_vec(), 2, 1)));
        assert_eq!(read(&frame(0x01)), Ok((LLC.to_vec(), 2, 3)));
        assert_eq!(read(&frame(0x02)), Ok((LLC.to_vec(), 3, 1)));
        let four = [header(0x08, 0x03), mac(4).to_vec(), LLC.to_vec()].concat();
        assert_eq!(read(&four), Ok((LLC.to_vec(), 4, 3)));
    }

    #[test]
    fn quality_of_service_and_control_fields_lengthen_the_header() {
        let frame = [header(0x88, 0x81), vec![0, 0, 9, 9, 9, 9], LLC.to_vec()].concat();
        assert_eq!(read(&frame), Ok((LLC.to_vec(), 2, 3)));
    }

    #[test]
    fn the_first_frame_of_an_aggregate_is_read() {
        let subframe = [&mac(8)[..], &mac(9), &[0, 8], &LLC, &[0xff; 30]].concat();
        let frame = [header(0x88, 0x01), vec![0x80, 0], subframe].concat();
        assert_eq!(read(&frame), Ok((LLC.to_vec(), 9, 8)));
    }

    #[test]
    fn protected_and_fragmented_frames_are_counted() {
        assert_eq!(
            read(&header(0x08, 0x41)),
            Err(Stop::Anomaly("wlan-protected"))
        );
        assert_eq!(
            read(&header(0x08, 0x04)),
            Err(Stop::Anomaly("wlan-fragment"))
        );
    }

    #[test]
    fn frames_without_data_are_nothing_to_track() {
        for kind in [0x80, 0xd4, 0x48, 0xc8] {
            assert_eq!(read(&header(kind, 0)), Err(Stop::Nothing), "{kind:#x}");
        }
    }

    #[test]
    fn radiotap_flags_follow_the_aligned_time_stamp() {
        let mut frame = vec![0, 0, 26, 0, 0x03, 0, 0, 0x80, 0, 0, 0, 0];
        frame.extend([0; 4]); // alignment of the time stamp
        frame.extend([7; 8]);
        frame.extend([0x20, 0]);
        frame.push(0x88);
        let step = radiotap(Octets::whole(&frame)).expect("complete");
        assert_eq!(
            (step.header, step.octets.captured),
            (
                Header::Wireless(Layout {
                    padded: true,
                    swapped: false
                }),
                &[0x88][..]
            )
        );
        assert_eq!(
            radiotap(Octets::whole(&[0, 0, 4, 0])).err(),
            Some(LINK_HEADER_MALFORMED)
        );
    }

    #[test]
    fn a_padded_header_ends_on_four_octets() {
        let frame = [header(0x88, 0x01), vec![0, 0, 0xee, 0xee], LLC.to_vec()].concat();
        let mut link = LinkContext::default();
        let step = ieee80211(
            Octets::whole(&frame),
            Layout {
                padded: true,
                swapped: false,
            },
            &mut link,
        )
        .expect("complete");
        assert_eq!(step.octets.captured, LLC);
    }

    #[test]
    fn older_radio_headers_say_their_length() {
        let ppi_frame = [0, 0, 8, 0, 105, 0, 0, 0, 0x08];
        let step = ppi(Octets::whole(&ppi_frame)).expect("complete");
        assert_eq!(
            (step.header, step.octets.captured),
            (Header::Link(LinkType(105)), &[0x08][..])
        );

        let mut prism_frame = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136], &[0x08]].concat();
        assert_eq!(
            prism(Octets::whole(&prism_frame)).map(|s| s.octets.captured),
            Ok(&[0x08][..])
        );
        prism_frame.splice(..8, [0x80, 0x21, 0x10, 0x01, 0, 0, 0, 144]);
        assert_eq!(
            prism(Octets::whole(&prism_frame)).map(|s| s.octets.captured),
            Ok(&[0x08][..])
        );
        assert_eq!(
            avs(Octets::whole(&prism_frame)).map(|s| s.octets.captured),
            Ok(&[0x08][..])
        );
    }
}
