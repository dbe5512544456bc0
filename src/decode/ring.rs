//! Local networks other than Ethernet: Token Ring, FDDI, IP over Fibre Channel and over InfiniBand.
//!
//! Comes in: a frame that begins with one of these headers. Goes out: the next step. Their hardware addresses are left
//! out: they say nothing that joins a device's addresses with those seen on an Ethernet.

use super::octets::Octets;
use super::step::{Header, LINK_HEADER_TRUNCATED, Step, Stop};

fn behind(octets: Octets<'_>, count: usize, header: Header) -> Result<Step<'_>, Stop> {
    let rest = octets.skip(count).ok_or(LINK_HEADER_TRUNCATED)?;
    Ok(Step::new(header, rest))
}

/// Reads a Token Ring header (IEEE 802.5 §3.2): access control, frame control, destination, source, source route.
pub(super) fn token_ring(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    /// Frame type in the frame control octet, and its value for frames of users.
    const FRAME_TYPE: u8 = 0xc0;
    const LLC: u8 = 0x40;
    /// Top bit of the source address: a route follows; its length in the route's first octet.
    const ROUTED: u8 = 0x80;
    const ROUTE_LENGTH: u8 = 0x1f;
    const HEADER: usize = 14;

    let header: &[u8; HEADER] = octets.first().ok_or(LINK_HEADER_TRUNCATED)?;
    let [_, control, _, _, _, _, _, _, source, ..] = header;
    if control & FRAME_TYPE != LLC {
        return Err(Stop::Nothing);
    }
    let route = if source & ROUTED == 0 {
        0
    } else {
        let first = octets.at(HEADER).ok_or(LINK_HEADER_TRUNCATED)?;
        usize::from(first & ROUTE_LENGTH)
    };
    behind(octets, HEADER.saturating_add(route), Header::Llc)
}

/// Reads an FDDI header (ISO 9314-2): frame control, destination, source.
pub(super) fn fddi(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    /// Class and format of asynchronous LLC frames; the rest is their priority.
    const CLASS_AND_FORMAT: u8 = 0xf0;
    const LLC: u8 = 0x50;
    match octets.at(0).ok_or(LINK_HEADER_TRUNCATED)? {
        control if control & CLASS_AND_FORMAT == LLC => behind(octets, 13, Header::Llc),
        _ => Err(Stop::Nothing),
    }
}

/// Reads the network header of IP over Fibre Channel (RFC 2625 §3.2): two addresses of eight octets.
pub(super) fn fibre_channel(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    behind(octets, 16, Header::Llc)
}

/// Reads what captures put before IP over InfiniBand (RFC 4391 §6): a global routing header, then EtherType and two
/// reserved octets.
pub(super) fn infiniband(octets: Octets<'_>) -> Result<Step<'_>, Stop> {
    let ether_type = octets.be16(40).ok_or(LINK_HEADER_TRUNCATED)?;
    behind(octets, 44, Header::EtherType(ether_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Reader = fn(Octets<'_>) -> Result<Step<'_>, Stop>;

    fn look(reader: Reader, bytes: &[u8]) -> Result<(Header, Vec<u8>), Stop> {
        reader(Octets::whole(bytes)).map(|step| (step.header, step.octets.captured.to_vec()))
    }

    #[test]
    fn token_ring_with_and_without_a_route() {
        let mut frame = vec![0x10, 0x40, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        frame.extend([0xaa, 0xaa]);
        assert_eq!(
            look(token_ring, &frame),
            Ok((Header::Llc, vec![0xaa, 0xaa]))
        );
        let mut routed = vec![0x10, 0x40, 2, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 0, 2];
        routed.extend([0x04, 0x80, 0, 1, 0xaa, 0xaa]);
        assert_eq!(
            look(token_ring, &routed),
            Ok((Header::Llc, vec![0xaa, 0xaa]))
        );
        assert_eq!(look(token_ring, &routed[..14]), Err(LINK_HEADER_TRUNCATED));
        frame[1] = 0;
        assert_eq!(look(token_ring, &frame), Err(Stop::Nothing));
    }

    #[test]
    fn fddi_carries_llc_of_any_priority() {
        let mut frame = vec![0x57];
        frame.extend([2; 12]);
        frame.push(0xaa);
        assert_eq!(look(fddi, &frame), Ok((Header::Llc, vec![0xaa])));
        frame[0] = 0x41;
        assert_eq!(look(fddi, &frame), Err(Stop::Nothing));
        assert_eq!(look(fddi, &[0x50; 12]), Err(LINK_HEADER_TRUNCATED));
    }

    #[test]
    fn storage_and_cluster_networks() {
        let mut frame = vec![0; 16];
        frame.push(0xaa);
        assert_eq!(look(fibre_channel, &frame), Ok((Header::Llc, vec![0xaa])));
        let mut frame = vec![0; 40];
        frame.extend([8, 0, 0, 0, 0x45]);
        assert_eq!(
            look(infiniband, &frame),
            Ok((Header::EtherType(0x0800), vec![0x45]))
        );
        assert_eq!(look(infiniband, &frame[..43]), Err(LINK_HEADER_TRUNCATED));
    }
}
