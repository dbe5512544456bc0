//! Ethernet, IP, TCP and UDP headers around a payload, with correct checksums.

use std::net::IpAddr;

/// Ethernet header octets.
const ETHERNET: usize = 14;
/// IP protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Flags of the segments that the generator sends (RFC 9293 §3.1).
pub mod flag {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
}

/// Link and IP layer of one packet.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// Sender's hardware address.
    pub source_mac: [u8; 6],
    /// Receiver's hardware address.
    pub destination_mac: [u8; 6],
    /// Sender; of the same family as `destination`.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// IPv4 identification; IPv6 has none.
    pub identification: u16,
}

/// TCP header of one segment.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Flags.
    pub flags: u8,
    /// Window field.
    pub window: u16,
}

/// Writes a frame with a TCP segment into `frame`, which is emptied first; `fill` appends the payload.
///
/// SYN segments carry the options of a Windows client: maximum segment size, window scale 8, selective acknowledgments.
pub fn tcp(
    frame: &mut Vec<u8>,
    envelope: &Envelope,
    segment: &Segment,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = begin(frame, envelope, TCP);
    let mss = super::maximum_segment(envelope.source.is_ipv6());
    let options: &[u8] = if segment.flags & flag::SYN != 0 {
        &[2, 4, (mss >> 8) as u8, mss as u8, 1, 3, 3, 8, 1, 1, 4, 2]
    } else {
        &[]
    };
    frame.extend_from_slice(&segment.source_port.to_be_bytes());
    frame.extend_from_slice(&segment.destination_port.to_be_bytes());
    frame.extend_from_slice(&segment.sequence.to_be_bytes());
    frame.extend_from_slice(&segment.acknowledgment.to_be_bytes());
    frame.push(((20 + options.len()) as u8 / 4) << 4);
    frame.push(segment.flags);
    frame.extend_from_slice(&segment.window.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(options);
    fill(frame);
    finish(frame, envelope, TCP, start, start + 16);
}

/// Writes a frame with a UDP datagram into `frame`, which is emptied first.
pub fn udp(
    frame: &mut Vec<u8>,
    envelope: &Envelope,
    source_port: u16,
    destination_port: u16,
    payload: &[u8],
) {
    let start = begin(frame, envelope, UDP);
    frame.extend_from_slice(&source_port.to_be_bytes());
    frame.extend_from_slice(&destination_port.to_be_bytes());
    frame.extend_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    frame.extend_from_slice(&[0; 2]);
    frame.extend_from_slice(payload);
    finish(frame, envelope, UDP, start, start + 6);
}

/// Writes link and IP headers, lengths and checksum still zero; returns where the transport header starts.
fn begin(frame: &mut Vec<u8>, envelope: &Envelope, protocol: u8) -> usize {
    frame.clear();
    frame.extend_from_slice(&envelope.destination_mac);
    frame.extend_from_slice(&envelope.source_mac);
    match (envelope.source, envelope.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            frame.extend_from_slice(&[0x08, 0x00, 0x45, 0, 0, 0]);
            frame.extend_from_slice(&envelope.identification.to_be_bytes());
            frame.extend_from_slice(&[0x40, 0, envelope.hop_limit, protocol, 0, 0]);
            frame.extend_from_slice(&source.octets());
            frame.extend_from_slice(&destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            frame.extend_from_slice(&[
                0x86,
                0xdd,
                0x60,
                0,
                0,
                0,
                0,
                0,
                protocol,
                envelope.hop_limit,
            ]);
            frame.extend_from_slice(&source.octets());
            frame.extend_from_slice(&destination.octets());
        }
        mixed => unreachable!("address families differ: {mixed:?}"),
    }
    frame.len()
}

/// Fills in lengths and checksums.
fn finish(
    frame: &mut [u8],
    envelope: &Envelope,
    protocol: u8,
    transport: usize,
    checksum_at: usize,
) {
    let length = (frame.len() - transport) as u16;
    let addresses = if envelope.source.is_ipv4() {
        let total = (frame.len() - ETHERNET) as u16;
        frame[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&total.to_be_bytes());
        let header = fold(sum(&frame[ETHERNET..ETHERNET + 20]));
        frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&(!header).to_ne_bytes());
        ETHERNET + 12..ETHERNET + 20
    } else {
        frame[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&length.to_be_bytes());
        ETHERNET + 8..ETHERNET + 40
    };
    // The pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1): addresses, length, protocol.
    let pseudo = sum(&frame[addresses]) + sum(&length.to_be_bytes()) + sum(&[0, protocol]);
    let checksum = !fold(pseudo + sum(&frame[transport..]));
    // A UDP checksum of zero would mean "none" (RFC 768).
    let checksum = if protocol == UDP && checksum == 0 {
        0xffff
    } else {
        checksum
    };
    frame[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_ne_bytes());
}

/// One's complement sum in this machine's byte order: the sum of swapped words is the swapped sum (RFC 1071 §2.B).
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut total: u64 = words
        .iter()
        .map(|w| u64::from(u32::from_ne_bytes(*w)))
        .sum();
    let (pairs, odd) = rest.as_chunks::<2>();
    total += pairs
        .iter()
        .map(|p| u64::from(u16::from_ne_bytes(*p)))
        .sum::<u64>();
    if let [last] = odd {
        total += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    total
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}
