//! Transport checksums (RFC 1071), as a sign of checksum offload: never a reason to drop a packet.
//!
//! Comes in: an IP packet. Goes out: whether its TCP or UDP checksum is wrong, or nothing where that was not looked at.
//! Only small packets that were captured whole are looked at: a host whose network card computes checksums shows that in
//! its acknowledgements as well, and bulk data would be read for nothing else.

use super::ip::{IpPacket, protocol};
use super::octets::Octets;
use std::net::IpAddr;

/// Most octets of header and payload that are summed up: an acknowledgement, a SYN, a short DNS question.
const MAX_OCTETS: usize = 64;

/// Whether the transport checksum is wrong; `None` for packets that are not looked at and those without a checksum.
#[inline]
pub(super) fn is_wrong(packet: &IpPacket<'_>) -> Option<bool> {
    let Octets { captured, original } = packet.payload;
    if original > MAX_OCTETS || captured.len() < original {
        return None;
    }
    let covered = match packet.protocol {
        protocol::TCP => captured,
        protocol::UDP => {
            // Zero: the sender made none (RFC 768; for IPv6 only inside tunnels, RFC 6935).
            if packet.payload.be16(6)? == 0 {
                return None;
            }
            captured.get(..usize::from(packet.payload.be16(4)?))?
        }
        _ => return None,
    };
    let context = packet.context();
    let addresses = match (context.source, context.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            sum(&source.octets()).wrapping_add(sum(&destination.octets()))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            sum(&source.octets()).wrapping_add(sum(&destination.octets()))
        }
        _ => return None,
    };
    let length = u64::try_from(covered.len()).ok()?;
    // At most 96 octets: the sum of their words is far from overflowing.
    let total = addresses
        .wrapping_add(u64::from(packet.protocol))
        .wrapping_add(length)
        .wrapping_add(sum(covered));
    Some(fold(total) != 0xffff)
}

/// Sum of the octets as 32-bit words in network order, the last one filled with zeros.
#[inline]
fn sum(octets: &[u8]) -> u64 {
    let (words, rest) = octets.as_chunks::<4>();
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let words = words.iter().fold(0u64, |sum, word| {
        sum.wrapping_add(u64::from(u32::from_be_bytes(*word)))
    });
    words.wrapping_add(u64::from(u32::from_be_bytes(last)))
}

/// The sum in 16 bits, carries added (RFC 1071 §2).
#[inline]
fn fold(sum: u64) -> u64 {
    let sum = (sum >> 32).wrapping_add(sum & 0xffff_ffff);
    let sum = (sum >> 16).wrapping_add(sum & 0xffff);
    let sum = (sum >> 16).wrapping_add(sum & 0xffff);
    (sum >> 16).wrapping_add(sum & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::super::ip;
    use super::*;
    use etherparse::PacketBuilder;

    /// Four packets with right checksums, with payloads of any parity.
    fn packets() -> Vec<Vec<u8>> {
        let v4 = || PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 2], 64);
        let v6 = || PacketBuilder::ipv6([0x20; 16], [0x99; 16], 64);
        let mut packets = Vec::new();
        for payload in [&b""[..], b"1", b"12", b"123", &[0xff; 41]] {
            let mut all = [const { Vec::new() }; 4];
            let [a, b, c, d] = &mut all;
            v4().tcp(1, 2, 3, 4).write(a, payload).expect("memory");
            v4().udp(1, 2).write(b, payload).expect("memory");
            v6().tcp(1, 2, 3, 4).write(c, payload).expect("memory");
            v6().udp(1, 2).write(d, payload).expect("memory");
            packets.extend(all);
        }
        packets
    }

    fn look(bytes: &[u8]) -> Option<bool> {
        is_wrong(&ip::read(Octets::whole(bytes)).expect("valid"))
    }

    #[test]
    fn right_and_wrong_ones() {
        for mut packet in packets() {
            assert_eq!(look(&packet), Some(false), "{packet:02x?}");
            let port = if packet[0] == 0x45 { 20 } else { 40 };
            packet[port] ^= 1;
            assert_eq!(look(&packet), Some(true), "{packet:02x?}");
        }
    }

    #[test]
    fn what_is_not_looked_at() {
        let mut udp = packets().swap_remove(1);
        udp[26..28].fill(0);
        assert_eq!(look(&udp), None);
        let tcp = packets().swap_remove(0);
        let cut = Octets::new(&tcp[..tcp.len() - 1], 40);
        assert_eq!(is_wrong(&ip::read(cut).expect("valid")), None);
        let mut long = Vec::new();
        let builder = PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 2], 64);
        builder
            .udp(1, 2)
            .write(&mut long, &[0; 57])
            .expect("memory");
        assert_eq!(look(&long), None);
    }
}
