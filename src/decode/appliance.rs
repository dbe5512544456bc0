//! Headers that routers and capture cards put before the frames they hand out: Endace ERF, Juniper.
//!
//! Comes in: a frame that begins with one of these headers. Goes out: the next step.

use super::octets::Octets;
use super::step::{Header, LINK_HEADER_MALFORMED, LINK_HEADER_TRUNCATED, Step, Stop};
use crate::facts::LinkType;

/// Most extension headers followed in one ERF record; cards write one or two.
const MAX_EXTENSIONS: usize = 16;

/// Reads an Extensible Record Format header (Endace, "ERF Types Reference Guide"): time stamp, type, flags, lengths,
/// extension headers of eight octets each.
pub(super) fn erf(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    /// Top bit of a type: an extension header follows.
    const EXTENDED: u8 = 0x80;
    const HEADER: usize = 16;
    const EXTENSION: usize = 8;

    let first = octets.at(8).ok_or(LINK_HEADER_TRUNCATED)?;
    let mut rest = octets.skip(HEADER).ok_or(LINK_HEADER_TRUNCATED)?;
    let mut kind = first;
    for _ in 0..MAX_EXTENSIONS {
        if kind & EXTENDED == 0 {
            break;
        }
        kind = rest.at(0).ok_or(LINK_HEADER_TRUNCATED)?;
        rest = rest.skip(EXTENSION).ok_or(LINK_HEADER_TRUNCATED)?;
    }
    let header = match first & !EXTENDED {
        // HDLC as on SONET links: plain, coloured, by stream, hashed.
        1 | 10 | 15 | 19 => Header::Link(LinkType(50)),
        // Ethernet in the same varieties, behind two octets of offset and padding.
        2 | 11 | 16 | 20 => {
            rest = rest.skip(2).ok_or(LINK_HEADER_TRUNCATED)?;
            Header::Ethernet
        }
        22 | 23 => Header::Ip,
        _ => return Err(Stop::Nothing),
    };
    Ok(Step::new(header, rest))
}

/// Reads what Junos puts before a frame (tcpdump's `print-juniper.c`): a magic number, flags, extensions where a flag says
/// so. `link` is what follows unless another flag says that the router had taken that header off already.
pub(super) fn juniper(octets: Octets<'_>, link: Header) -> Result<Step<'_>, Stop> {
    const MAGIC: [u8; 3] = *b"MGC";
    const NO_LINK_HEADER: u8 = 0x02;
    const EXTENSIONS: u8 = 0x80;

    let &[m1, m2, m3, flags] = octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    if [m1, m2, m3] != MAGIC {
        return Err(LINK_HEADER_MALFORMED);
    }
    let mut length: usize = 4;
    if flags & EXTENSIONS != 0 {
        let extensions = octets.be16(4).ok_or(LINK_HEADER_TRUNCATED)?;
        length = length.saturating_add(2).saturating_add(extensions.into());
    }
    let header = if flags & NO_LINK_HEADER == 0 {
        link
    } else {
        // The protocol family instead, four octets.
        length = length.saturating_add(4);
        Header::Ip
    };
    let rest = octets.skip(length).ok_or(LINK_HEADER_TRUNCATED)?;
    Ok(Step::new(header, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, rest: &[u8]) -> Vec<u8> {
        let mut record = vec![0; 16];
        record[8] = kind;
        record.extend(rest);
        record
    }

    fn seen(step: Result<Step<'_>, Stop>) -> Result<(Header, Vec<u8>), Stop> {
        step.map(|step| (step.header, step.octets.captured.to_vec()))
    }

    #[test]
    fn ethernet_records_with_and_without_extensions() {
        let plain = record(2, &[0, 0, 0xaa]);
        assert_eq!(
            seen(erf(Octets::whole(&plain))),
            Ok((Header::Ethernet, vec![0xaa]))
        );
        let mut extensions = vec![0x83, 0, 0, 0, 0, 0, 0, 0];
        extensions.extend([0x03, 0, 0, 0, 0, 0, 0, 0]);
        extensions.extend([0, 0, 0xbb]);
        let extended = record(0x82, &extensions);
        assert_eq!(
            seen(erf(Octets::whole(&extended))),
            Ok((Header::Ethernet, vec![0xbb]))
        );
        assert_eq!(
            seen(erf(Octets::whole(&extended[..30]))),
            Err(LINK_HEADER_TRUNCATED)
        );
    }

    #[test]
    fn other_records() {
        assert_eq!(
            seen(erf(Octets::whole(&record(22, &[0x45])))),
            Ok((Header::Ip, vec![0x45]))
        );
        assert_eq!(
            seen(erf(Octets::whole(&record(1, &[0x0f])))),
            Ok((Header::Link(LinkType(50)), vec![0x0f]))
        );
        assert_eq!(
            seen(erf(Octets::whole(&record(21, &[0])))),
            Err(Stop::Nothing)
        );
    }

    #[test]
    fn what_a_router_says_of_its_frames() {
        let plain = b"MGC\x01\xaa";
        assert_eq!(
            seen(juniper(Octets::whole(plain), Header::Ethernet)),
            Ok((Header::Ethernet, vec![0xaa]))
        );
        let extended = b"MGC\x83\0\x03\x01\x01\0\0\0\0\x02\x45";
        assert_eq!(
            seen(juniper(Octets::whole(extended), Header::Ethernet)),
            Ok((Header::Ip, vec![0x45]))
        );
        assert_eq!(
            seen(juniper(Octets::whole(b"MGD\x01"), Header::Ethernet)),
            Err(LINK_HEADER_MALFORMED)
        );
    }
}
