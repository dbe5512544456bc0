//! Recognises copies of a packet: mirror ports that see both sides, the Linux `any` device on a router, `pktmon` logging a
//! packet once per component of the network stack.
//!
//! A copy carries the same IP identification, sequence number, flags and length and follows within milliseconds; its hop
//! limit, VLAN tags and hardware addresses may differ. A retransmission comes later or has another identification.

use crate::decode::{Packet, TransportPacket};
use crate::facts::Timestamp;
use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

/// Slots of the table; a power of two. At 1 million packets per second it looks back some 4 ms, longer than copies on one
/// mirror port are apart, and it stays in the processor's cache.
const SLOTS: usize = 4_096;

/// The bits of a fingerprint that choose its slot.
const SLOT_BITS: u64 = 0xfff;

/// How long after the first one a packet with the same non-zero IPv4 identification counts as its copy: mirror sessions
/// that leave over different paths differ by a few milliseconds; the shortest retransmission timers are 200 ms, and they
/// take a new identification.
const WINDOW_WITH_IDENTIFICATION: Duration = Duration::from_millis(50);

/// The same for packets without identification (IPv6, or IPv4 senders that leave it zero), where only time tells a copy
/// from a retransmission. Tail loss probes come after 10 ms at the earliest (RFC 8985 §7.2).
const WINDOW_WITHOUT_IDENTIFICATION: Duration = Duration::from_millis(8);

/// Octets at either end of a UDP payload that take part in the comparison: all of a query, whose type and class come last.
const COMPARED_OCTETS: usize = 256;

#[derive(Clone, Copy, Default)]
struct Slot {
    fingerprint: u64,
    time: Timestamp,
}

/// A direct-mapped memory of the packets seen last.
pub struct CopyFilter {
    slots: Box<[Slot]>,
    hasher: FixedState,
}

impl Default for CopyFilter {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS].into_boxed_slice(),
            hasher: FixedState::default(),
        }
    }
}

impl CopyFilter {
    /// Whether `packet` is a copy of one seen a moment ago; otherwise it is remembered.
    pub fn is_copy(&mut self, packet: &Packet<'_>, time: Timestamp) -> bool {
        // Nothing is known of other protocols that would tell a copy from the next packet.
        if let TransportPacket::Other(_) = packet.transport {
            return false;
        }
        let fingerprint = self.fingerprint(packet);
        let slot = usize::try_from(fingerprint & SLOT_BITS).unwrap_or(0);
        let Some(slot) = self.slots.get_mut(slot) else {
            return false;
        };
        let window = match packet.ip.ip_id {
            Some(id) if id != 0 => WINDOW_WITH_IDENTIFICATION,
            _ => WINDOW_WITHOUT_IDENTIFICATION,
        };
        // Captures from several points may be slightly out of order, so the distance counts in both directions.
        let distance = time.since(slot.time).max(slot.time.since(time));
        if slot.fingerprint == fingerprint && distance <= window {
            return true;
        }
        *slot = Slot { fingerprint, time };
        false
    }

    fn fingerprint(&self, packet: &Packet<'_>) -> u64 {
        let mut state = self.hasher.build_hasher();
        packet.ip.source.hash(&mut state);
        packet.ip.destination.hash(&mut state);
        state.write_u32(u32::from(packet.ip.ip_id.unwrap_or(0)));
        match &packet.transport {
            TransportPacket::Tcp(tcp) => {
                state.write_u64(
                    u64::from(tcp.source_port) << 48
                        | u64::from(tcp.destination_port) << 32
                        | u64::from(tcp.window) << 16
                        | u64::from(tcp.flags.0),
                );
                state.write_u64(u64::from(tcp.sequence) << 32 | u64::from(tcp.acknowledgment));
                state.write_u64(
                    u64::from(tcp.payload_length) << 32
                        | u64::from(tcp.timestamp_value.unwrap_or(0)),
                );
            }
            TransportPacket::Udp(udp) => {
                state.write_u64(
                    u64::from(udp.source_port) << 48
                        | u64::from(udp.destination_port) << 32
                        | u64::from(udp.payload_length),
                );
                let (head, rest) = udp.payload.split_at(COMPARED_OCTETS.min(udp.payload.len()));
                let (_, tail) = rest.split_at(rest.len().saturating_sub(COMPARED_OCTETS));
                state.write(head);
                state.write(tail);
            }
            TransportPacket::IcmpError(icmp) => {
                state.write_u16(u16::from(icmp.icmp_type) << 8 | u16::from(icmp.icmp_code));
                icmp.quoted.destination.hash(&mut state);
                icmp.quoted.ports.hash(&mut state);
            }
            TransportPacket::Other(_) => {}
        }
        // Never the fingerprint of an empty slot.
        state.finish() | 1 << 63
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{IpContext, LinkContext, TcpFlags, TcpSegment, UdpDatagram};

    fn segment(ip_id: Option<u16>, hop_limit: u8) -> Packet<'static> {
        Packet {
            link: LinkContext::default(),
            ip: IpContext {
                source: "10.0.0.1".parse().unwrap(),
                destination: "10.0.0.2".parse().unwrap(),
                hop_limit,
                ip_id,
                octets: 60,
            },
            transport: TransportPacket::Tcp(TcpSegment {
                source_port: 50_000,
                destination_port: 443,
                sequence: 1,
                acknowledgment: 0,
                flags: TcpFlags(TcpFlags::SYN),
                window: 64_240,
                timestamp_value: None,
                payload: &[],
                payload_length: 0,
            }),
        }
    }

    fn datagram(payload: &[u8]) -> Packet<'_> {
        Packet {
            transport: TransportPacket::Udp(UdpDatagram {
                source_port: 5353,
                destination_port: 5353,
                payload,
                payload_length: 0,
            }),
            ..segment(None, 255)
        }
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp(milliseconds * 1_000_000)
    }

    #[test]
    fn a_routed_copy_with_a_lower_hop_limit_is_a_copy() {
        let mut filter = CopyFilter::default();
        assert!(!filter.is_copy(&segment(Some(7), 64), at(1_000)));
        assert!(filter.is_copy(&segment(Some(7), 63), at(1_001)));
    }

    #[test]
    fn a_syn_sent_again_is_none() {
        let mut filter = CopyFilter::default();
        assert!(!filter.is_copy(&segment(Some(7), 64), at(1_000)));
        assert!(
            !filter.is_copy(&segment(Some(8), 64), at(1_005)),
            "new identification"
        );
        assert!(
            !filter.is_copy(&segment(Some(8), 64), at(2_005)),
            "a second later"
        );
    }

    #[test]
    fn without_identification_only_a_very_quick_one_is_a_copy() {
        let mut filter = CopyFilter::default();
        assert!(!filter.is_copy(&segment(Some(0), 64), at(1_000)));
        assert!(filter.is_copy(&segment(Some(0), 64), at(1_001)));
        assert!(!filter.is_copy(&segment(Some(0), 64), at(1_020)));
    }

    #[test]
    fn datagrams_that_differ_at_their_end_are_no_copies() {
        for length in [0, 80, 600, 9_000] {
            let mut filter = CopyFilter::default();
            let (first, second) = (vec![7; length + 1], [vec![7; length], vec![8]].concat());
            assert!(!filter.is_copy(&datagram(&first), at(1_000)));
            assert!(!filter.is_copy(&datagram(&second), at(1_000)));
            assert!(filter.is_copy(&datagram(&first), at(1_001)));
        }
    }

    #[test]
    fn packets_of_other_protocols_are_never_called_copies() {
        let mut filter = CopyFilter::default();
        let echo = Packet {
            transport: TransportPacket::Other(1),
            ..segment(Some(0), 64)
        };
        assert!(!filter.is_copy(&echo, at(1_000)));
        assert!(!filter.is_copy(&echo, at(1_000)));
    }
}
