//! TCP and UDP headers.
//!
//! Comes in: the payload of an IP packet. Goes out: a segment or datagram, also from a header that the snap length cut,
//! as long as what a flow needs is there. Checksums are not looked at.

use super::octets::Octets;
use super::packet::{TcpFlags, TcpSegment, UdpDatagram};
use super::step::Stop;
use etherparse::{UdpHeader, UdpHeaderSlice};

const TRUNCATED: Stop = Stop::Anomaly("transport-header-truncated");
/// A header whose length field cannot be.
pub(super) const MALFORMED: &str = "transport-header-malformed";

/// Reads a TCP segment (RFC 9293 §3.1), also one whose header the capture cut behind the flags; tells whether its data
/// offset can be.
///
/// A segment with a data offset that cannot be belongs to its flow, whose ports are readable, but its receiver drops it:
/// it comes without flags and payload, so that it proves nothing.
///
/// One path for whole and cut headers, and no intermediate header type: this is where most of the decoder's time would go.
#[inline]
pub(super) fn tcp(octets: Octets<'_>) -> Result<(TcpSegment<'_>, bool), Stop> {
    let header: &[u8; 14] = octets.first().ok_or(TRUNCATED)?;
    let &[
        s1,
        s2,
        d1,
        d2,
        n1,
        n2,
        n3,
        n4,
        a1,
        a2,
        a3,
        a4,
        offset,
        flags,
    ] = header;
    let header_length = usize::from(offset >> 4).saturating_mul(4);
    let valid = (20..=octets.original).contains(&header_length);
    let (flags, header_length) = if valid {
        (flags, header_length)
    } else {
        (0, octets.original)
    };
    let captured = octets.captured;
    let options = captured.get(20..header_length.min(captured.len()));
    let payload_length = octets.original.saturating_sub(header_length);
    let segment = TcpSegment {
        source_port: u16::from_be_bytes([s1, s2]),
        destination_port: u16::from_be_bytes([d1, d2]),
        sequence: u32::from_be_bytes([n1, n2, n3, n4]),
        acknowledgment: u32::from_be_bytes([a1, a2, a3, a4]),
        flags: TcpFlags(flags),
        window: octets.be16(14).unwrap_or(0),
        timestamp_value: timestamp_value(options.unwrap_or_default()),
        payload: captured.get(header_length..).unwrap_or_default(),
        payload_length: u32::try_from(payload_length).unwrap_or(u32::MAX),
    };
    Ok((segment, valid))
}

/// The timestamp value among TCP options (RFC 7323 §3.2).
#[inline]
fn timestamp_value(options: &[u8]) -> Option<u32> {
    match options {
        [] => None,
        // Nearly all segments: two paddings, then the option (RFC 7323 appendix A).
        [1, 1, 8, 10, v1, v2, v3, v4, ..] => Some(u32::from_be_bytes([*v1, *v2, *v3, *v4])),
        _ => search_timestamp_value(options),
    }
}

/// Walks the options; there are at most 40 octets of them.
fn search_timestamp_value(mut options: &[u8]) -> Option<u32> {
    loop {
        options = match options {
            [8, 10, v1, v2, v3, v4, ..] => return Some(u32::from_be_bytes([*v1, *v2, *v3, *v4])),
            // End of options, or nothing left.
            [] | [0, ..] => return None,
            [1, rest @ ..] => rest,
            [_, length, ..] if *length >= 2 => options.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}

/// Fewest octets of a UDP datagram that only offload (or a jumbogram, RFC 2675 §4) makes, and whose length may be filled
/// in by the network card: more than an Ethernet frame holds behind the smallest IP header.
const OFFLOADED: usize = 1_481;

/// Reads a UDP datagram (RFC 768). A length field that says more than there is, or zero where it was still to be filled
/// in, gives way to the IP header's length; one too small for the header makes no datagram.
#[inline]
pub(super) fn udp(octets: Octets<'_>) -> Result<UdpDatagram<'_>, Stop> {
    let header = UdpHeaderSlice::from_slice(octets.captured).map_err(|_| TRUNCATED)?;
    let octets = match usize::from(header.length()) {
        0 if octets.original >= OFFLOADED => octets,
        length if length < UdpHeader::LEN => return Err(Stop::Anomaly(MALFORMED)),
        length if length <= octets.original => octets.limit(length),
        _ => octets,
    };
    let payload = octets.skip(UdpHeader::LEN).ok_or(TRUNCATED)?;
    Ok(UdpDatagram {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        payload: payload.captured,
        payload_length: payload.original_length(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Port 49152 to 443, SYN and ACK, window 1024, with a header of `words` times four octets.
    fn header(words: u8) -> Vec<u8> {
        vec![
            0xc0,
            0,
            1,
            0xbb,
            0,
            0,
            0,
            1,
            0,
            0,
            0,
            2,
            words << 4,
            0x12,
            4,
            0,
            0,
            0,
            0,
            0,
        ]
    }

    #[test]
    fn a_whole_segment() {
        let frame = [
            header(8),
            vec![1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 0, 0],
            vec![0x16, 3],
        ]
        .concat();
        let (segment, valid) = tcp(Octets::new(&frame, 132)).expect("long enough");
        assert!(valid);
        assert_eq!(
            (segment.source_port, segment.destination_port),
            (49152, 443)
        );
        assert_eq!(
            (segment.sequence, segment.acknowledgment, segment.window),
            (1, 2, 1024)
        );
        assert!(segment.flags.has(TcpFlags::SYN | TcpFlags::ACK));
        assert_eq!(segment.timestamp_value, Some(0x102));
        assert_eq!(
            (segment.payload, segment.payload_length),
            (&[0x16, 3][..], 100)
        );
    }

    #[test]
    fn the_timestamp_is_found_behind_other_options() {
        let syn = [
            2, 4, 5, 0xb4, 4, 2, 30, 4, 0, 0, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0,
        ];
        assert_eq!(timestamp_value(&syn), Some(9));
        assert_eq!(timestamp_value(&[0, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0]), None);
        assert_eq!(
            timestamp_value(&[5, 0, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0]),
            None
        );
        assert_eq!(timestamp_value(&[1, 1, 8]), None);
    }

    #[test]
    fn options_cut_by_the_snap_length() {
        let frame = [header(8), vec![1, 1, 8, 10, 0, 0, 1, 2]].concat();
        let (segment, _) = tcp(Octets::new(&frame, 132)).expect("enough is there");
        assert_eq!((segment.payload, segment.payload_length), (&[][..], 100));
        assert_eq!(
            (segment.window, segment.timestamp_value),
            (1024, Some(0x102))
        );
    }

    #[test]
    fn ports_numbers_and_flags_are_enough() {
        let frame = header(5);
        let (segment, _) = tcp(Octets::new(&frame[..14], 120)).expect("enough is there");
        assert_eq!(
            (segment.window, segment.flags, segment.payload_length),
            (0, TcpFlags(0x12), 100)
        );
        assert_eq!(tcp(Octets::new(&frame[..13], 120)), Err(TRUNCATED));
    }

    #[test]
    fn a_data_offset_that_cannot_be_leaves_ports_and_proves_nothing() {
        for words in [0, 4, 6, 15] {
            let frame = header(words);
            let (segment, valid) = tcp(Octets::whole(&frame)).expect("ports are there");
            assert!(!valid);
            assert_eq!(
                (segment.source_port, segment.destination_port),
                (49152, 443)
            );
            assert_eq!((segment.flags, segment.payload_length), (TcpFlags(0), 0));
        }
    }

    #[test]
    fn a_whole_datagram() {
        let datagram =
            udp(Octets::whole(&[0, 53, 0xc0, 0, 0, 10, 0, 0, 1, 2, 9, 9])).expect("valid");
        assert_eq!(
            (datagram.source_port, datagram.destination_port),
            (53, 49152)
        );
        assert_eq!(
            (datagram.payload, datagram.payload_length),
            (&[1, 2][..], 2)
        );
    }

    #[test]
    fn a_length_that_does_not_fit_gives_way() {
        for length in [11, 200] {
            let frame = [0, 53, 0xc0, 0, 0, length, 0, 0, 1, 2];
            let datagram = udp(Octets::whole(&frame)).expect("valid");
            assert_eq!(
                (datagram.payload, datagram.payload_length),
                (&[1, 2][..], 2),
                "{length}"
            );
        }
        let offloaded = udp(Octets::new(&[0, 53, 0xc0, 0, 0, 0, 0, 0, 1], 4008)).expect("valid");
        assert_eq!(offloaded.payload_length, 4000);
    }

    #[test]
    fn a_length_too_small_for_the_header_makes_no_datagram() {
        for length in [0, 1, 7] {
            let frame = [0, 53, 0xc0, 0, 0, length, 0, 0, 1, 2];
            assert_eq!(udp(Octets::whole(&frame)), Err(Stop::Anomaly(MALFORMED)));
        }
    }

    #[test]
    fn a_cut_datagram_keeps_its_length() {
        let datagram = udp(Octets::new(&[0, 53, 0xc0, 0, 0, 108, 0, 0, 1], 108)).expect("valid");
        assert_eq!((datagram.payload, datagram.payload_length), (&[1][..], 100));
        assert_eq!(udp(Octets::new(&[0, 53, 0xc0, 0], 108)), Err(TRUNCATED));
    }
}
