//! What the TCP headers of one connection prove.
//!
//! Sequence numbers are turned into offsets from the start of each side's stream (RFC 9293 §3.4). Acknowledgements count as
//! evidence of their own: in a capture that holds only one direction they tell what the other side sent.

use crate::decode::{IpContext, TcpFlags, TcpSegment};
use crate::facts::{Direction, Establishment, Reset, Seen, TcpFacts};

/// Largest step between two sequence numbers of one stream that is believed: the largest window (RFC 7323 §2.3).
const BELIEVABLE_STEP: i64 = 1 << 30;

/// One side's stream.
#[derive(Debug, Clone, Default)]
struct Side {
    /// Sequence number of the stream's first octet; `None` until a packet of either side tells.
    origin: Option<u32>,
    /// Offset after the highest octet seen.
    end: u64,
    /// Octets before `end` that were not seen (yet).
    holes: u64,
}

impl Side {
    /// The offset of `sequence`, near the octets seen or acknowledged so far; `None` when it is before the origin or too
    /// far away to be believed.
    fn offset(&self, sequence: u32, acknowledged: u64) -> Option<u64> {
        let origin = self.origin?;
        let reference = self.end.max(acknowledged);
        let low = u32::try_from(reference & u64::from(u32::MAX)).unwrap_or_default();
        let step = i64::from(
            sequence
                .wrapping_sub(origin.wrapping_add(low))
                .cast_signed(),
        );
        if step.abs() > BELIEVABLE_STEP {
            return None;
        }
        reference.checked_add_signed(step)
    }
}

/// What one segment means for the streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentEffect {
    /// Offset of the payload in its side's stream; `None` without payload or when its place is unknown.
    pub payload_offset: Option<u64>,
    /// Offset in the other side's stream before which everything is acknowledged.
    pub acknowledged: Option<u64>,
}

/// The state of one TCP connection, fed with every segment but copies.
#[derive(Debug, Clone, Default)]
pub struct TcpState {
    /// The evidence gathered so far.
    pub facts: TcpFacts,
    sides: [Side; 2],
    /// When the connection was over: both sides have finished, or one has reset it.
    closed: Option<Seen>,
}

impl TcpState {
    /// How much of the connection's beginning a first segment with these properties shows, and which side sent it.
    ///
    /// A SYN comes from the originator; a SYN/ACK, or the reset that answers a SYN (sequence number 0 with an
    /// acknowledgement, RFC 9293 §3.10.7.1), from the responder. Any other segment leaves the sides to the port numbers.
    #[must_use]
    pub fn classify_first(segment: &TcpSegment<'_>) -> (Establishment, Option<Direction>) {
        let flags = segment.flags;
        if flags.has(TcpFlags::SYN | TcpFlags::ACK) {
            (Establishment::FromAnswer, Some(Direction::Responder))
        } else if flags.has(TcpFlags::SYN) {
            (Establishment::FromStart, Some(Direction::Originator))
        } else if flags.has(TcpFlags::RST | TcpFlags::ACK) && segment.sequence == 0 {
            (Establishment::FromAnswer, Some(Direction::Responder))
        } else {
            (Establishment::MidStream, None)
        }
    }

    /// Whether `segment` opens a new connection between the same addresses and ports.
    #[must_use]
    pub fn is_replaced_by(&self, direction: Direction, segment: &TcpSegment<'_>) -> bool {
        if !segment.flags.has(TcpFlags::SYN) || segment.flags.has(TcpFlags::ACK) {
            return false;
        }
        match direction.of(&self.sides).origin {
            Some(origin) => origin != segment.sequence.wrapping_add(1),
            // Both sides may send a SYN at the same time (RFC 9293 §3.5); after anything else it is a new connection.
            None => {
                self.closed.is_some()
                    || self.facts.syn.is_none()
                    || self.facts.established.is_some()
            }
        }
    }

    /// When the connection was over.
    #[must_use]
    pub fn closed(&self) -> Option<Seen> {
        self.closed
    }

    /// Takes one segment.
    pub fn update(
        &mut self,
        direction: Direction,
        segment: &TcpSegment<'_>,
        ip: &IpContext,
        seen: Seen,
    ) -> SegmentEffect {
        let flags = segment.flags;
        if flags.has(TcpFlags::RST) {
            self.take_reset(direction, segment, ip, seen);
            return SegmentEffect::default();
        }
        direction
            .of_mut(&mut self.facts.hop_limit)
            .get_or_insert(ip.hop_limit);
        *direction.of_mut(&mut self.facts.last_ip_id) = ip.ip_id;
        if flags.has(TcpFlags::SYN) {
            self.take_syn(direction, segment, seen);
        } else if direction == Direction::Originator
            // Every segment of an open connection acknowledges (RFC 9293 §3.10.7.4); those of scans do not.
            && flags.has(TcpFlags::ACK)
            && self.facts.syn.is_some()
            && self.facts.established.is_none()
        {
            self.facts.established = Some(seen);
        }
        let acknowledged = if flags.has(TcpFlags::ACK) {
            self.take_acknowledgement(direction, segment, seen)
        } else {
            None
        };
        let payload_offset = if segment.payload_length > 0 {
            self.take_payload(direction, segment, seen)
        } else {
            None
        };
        if flags.has(TcpFlags::FIN) {
            self.take_fin(direction, segment, seen);
        }
        SegmentEffect {
            payload_offset,
            acknowledged,
        }
    }

    /// The evidence, complete.
    #[must_use]
    pub fn into_facts(mut self) -> TcpFacts {
        let [originator, responder] = &self.sides;
        self.facts.lost_octets = [originator.holes, responder.holes];
        self.facts
    }

    fn take_reset(
        &mut self,
        direction: Direction,
        segment: &TcpSegment<'_>,
        ip: &IpContext,
        seen: Seen,
    ) {
        self.closed.get_or_insert(seen);
        let side = direction.of(&self.sides);
        let acknowledged = *direction.of(&self.facts.acknowledged);
        let expected = side.origin.map(|origin| {
            let low =
                u32::try_from(side.end.max(acknowledged) & u64::from(u32::MAX)).unwrap_or_default();
            origin.wrapping_add(low)
        });
        direction
            .of_mut(&mut self.facts.reset)
            .get_or_insert(Reset {
                seen,
                hop_limit: ip.hop_limit,
                ip_id: ip.ip_id,
                window: segment.window,
                ack: segment.flags.has(TcpFlags::ACK),
                sequence_offset: expected
                    .map_or(0, |next| segment.sequence.wrapping_sub(next).cast_signed()),
            });
        // A reset that acknowledges the ClientHello proves that the hello arrived, even where the capture lacks it.
        if segment.flags.has(TcpFlags::ACK) {
            self.take_acknowledgement(direction, segment, seen);
        }
    }

    fn take_syn(&mut self, direction: Direction, segment: &TcpSegment<'_>, seen: Seen) {
        let side = direction.of_mut(&mut self.sides);
        side.origin.get_or_insert(segment.sequence.wrapping_add(1));
        match direction {
            Direction::Originator => {
                let facts = &mut self.facts;
                facts.initial_sequence.get_or_insert(segment.sequence);
                facts.syn_count = facts.syn_count.saturating_add(1);
                if facts.syn.is_none() {
                    facts.syn = Some(seen);
                } else {
                    facts.last_syn = Some(seen);
                }
            }
            Direction::Responder => {
                let facts = &mut self.facts;
                if facts.syn_ack.is_none() {
                    facts.syn_ack = Some(seen);
                    facts.handshake_rtt = match facts.syn {
                        Some(syn) if facts.syn_count == 1 => Some(seen.time.since(syn.time)),
                        _ => None,
                    };
                }
            }
        }
    }

    /// Returns the offset in the other side's stream before which everything is acknowledged.
    fn take_acknowledgement(
        &mut self,
        direction: Direction,
        segment: &TcpSegment<'_>,
        seen: Seen,
    ) -> Option<u64> {
        let other = direction.opposite();
        let side = other.of_mut(&mut self.sides);
        let highest = other.of_mut(&mut self.facts.acknowledged);
        if side.origin.is_none() {
            side.origin = Some(segment.acknowledgment);
        }
        let offset = side.offset(segment.acknowledgment, *highest)?;
        let grown = offset > *highest;
        *highest = (*highest).max(offset);
        // Where the originator's own segments are missing, what the responder acknowledges shows its turns.
        let [originator_octets, responder_octets] = self.facts.payload;
        if direction == Direction::Responder && grown && originator_octets == 0 {
            if responder_octets == 0 {
                self.facts.opening_octets = offset;
            } else {
                self.facts.originator_data_after_answer.get_or_insert(seen);
            }
        }
        // One octet may be the FIN of a side that the capture does not hold.
        if direction == Direction::Originator && offset > 1 {
            self.facts.originator_acknowledged_data.get_or_insert(seen);
        }
        Some(offset)
    }

    fn take_payload(
        &mut self,
        direction: Direction,
        segment: &TcpSegment<'_>,
        seen: Seen,
    ) -> Option<u64> {
        let acknowledged = *direction.of(&self.facts.acknowledged);
        let syn_octet = u32::from(segment.flags.has(TcpFlags::SYN));
        let first_octet = segment.sequence.wrapping_add(syn_octet);
        let side = direction.of_mut(&mut self.sides);
        side.origin.get_or_insert(first_octet);
        let offset = side.offset(first_octet, acknowledged)?;
        let length = u64::from(segment.payload_length);
        let end = offset.saturating_add(length);
        if end <= side.end {
            self.take_old_payload(direction, offset, length, seen);
            return Some(offset);
        }
        side.holes = side.holes.saturating_add(offset.saturating_sub(side.end));
        let fresh = end.saturating_sub(offset.max(side.end));
        side.end = end;
        let payload = direction.of_mut(&mut self.facts.payload);
        *payload = payload.saturating_add(fresh);
        direction
            .of_mut(&mut self.facts.first_data)
            .get_or_insert(seen);
        *direction.of_mut(&mut self.facts.last_data) = Some(seen);
        let [_, responder_first] = self.facts.first_data;
        match direction {
            Direction::Originator
                if responder_first.is_none()
                    && self.facts.originator_acknowledged_data.is_none() =>
            {
                self.facts.opening_octets = end;
            }
            Direction::Originator if responder_first.is_some() => {
                self.facts.originator_data_after_answer.get_or_insert(seen);
            }
            Direction::Responder if self.facts.originator_data_after_answer.is_some() => {
                let [own, _] = self.facts.acknowledged;
                self.facts.acknowledged_with_data = own;
                self.facts.responder_data_after_that.get_or_insert(seen);
            }
            _ => {}
        }
        Some(offset)
    }

    /// Octets below the highest seen: a late segment that fills a hole, a keep-alive, or a retransmission.
    fn take_old_payload(&mut self, direction: Direction, offset: u64, length: u64, seen: Seen) {
        let side = direction.of_mut(&mut self.sides);
        if side.holes > 0 {
            let filled = length.min(side.holes);
            side.holes = side.holes.saturating_sub(filled);
            let payload = direction.of_mut(&mut self.facts.payload);
            *payload = payload.saturating_add(filled);
            direction
                .of_mut(&mut self.facts.first_data)
                .get_or_insert(seen);
            *direction.of_mut(&mut self.facts.last_data) = Some(seen);
            return;
        }
        // A keep-alive repeats the last octet (RFC 9293 §3.8.4).
        if length == 1 && offset.saturating_add(1) == side.end && side.end > 1 {
            return;
        }
        let count = direction.of_mut(&mut self.facts.retransmissions);
        *count = count.saturating_add(1);
        if direction == Direction::Originator && offset == 0 {
            let times = self.facts.first_data_resent.map_or(0, |(_, times)| times);
            self.facts.first_data_resent = Some((seen, times.saturating_add(1)));
        }
    }

    fn take_fin(&mut self, direction: Direction, segment: &TcpSegment<'_>, seen: Seen) {
        let last = segment.sequence.wrapping_add(segment.payload_length);
        let acknowledged = *direction.of(&self.facts.acknowledged);
        let side = direction.of_mut(&mut self.sides);
        side.origin.get_or_insert(last);
        // The place of the FIN shows how much was sent, even where the capture lacks the end of it.
        if let Some(end) = side.offset(last, acknowledged)
            && end > side.end
        {
            side.holes = side.holes.saturating_add(end.saturating_sub(side.end));
            side.end = end;
        }
        direction.of_mut(&mut self.facts.fin).get_or_insert(seen);
        if let [Some(_), Some(_)] = self.facts.fin {
            self.closed.get_or_insert(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, Timestamp};

    const CLIENT_ISN: u32 = 0xffff_fff0;
    const SERVER_ISN: u32 = 77;

    struct Script {
        state: TcpState,
        frame: u64,
    }

    impl Script {
        fn new() -> Self {
            Self {
                state: TcpState::default(),
                frame: 0,
            }
        }

        fn send(
            &mut self,
            direction: Direction,
            flags: u8,
            sequence: u32,
            acknowledgment: u32,
            length: u32,
        ) -> SegmentEffect {
            self.frame += 1;
            let segment = TcpSegment {
                source_port: 1,
                destination_port: 2,
                sequence,
                acknowledgment,
                flags: TcpFlags(flags),
                window: 100,
                timestamp_value: None,
                payload: &[],
                payload_length: length,
            };
            let ip = IpContext {
                source: "10.0.0.1".parse().unwrap(),
                destination: "10.0.0.2".parse().unwrap(),
                hop_limit: 64,
                ip_id: Some(1),
                octets: 40 + length,
            };
            let seen = Seen {
                frame: FrameNumber(self.frame),
                time: Timestamp(self.frame as i64),
            };
            self.state.update(direction, &segment, &ip, seen)
        }

        fn open(&mut self) {
            self.send(Direction::Originator, TcpFlags::SYN, CLIENT_ISN, 0, 0);
            self.send(
                Direction::Responder,
                TcpFlags::SYN | TcpFlags::ACK,
                SERVER_ISN,
                CLIENT_ISN.wrapping_add(1),
                0,
            );
            self.send(
                Direction::Originator,
                TcpFlags::ACK,
                CLIENT_ISN.wrapping_add(1),
                SERVER_ISN + 1,
                0,
            );
        }
    }

    #[test]
    fn offsets_run_on_when_the_sequence_number_wraps() {
        let mut script = Script::new();
        script.open();
        let base = CLIENT_ISN.wrapping_add(1);
        assert_eq!(
            script
                .send(Direction::Originator, TcpFlags::ACK, base, 78, 100)
                .payload_offset,
            Some(0)
        );
        let effect = script.send(
            Direction::Originator,
            TcpFlags::ACK,
            base.wrapping_add(100),
            78,
            50,
        );
        assert_eq!(effect.payload_offset, Some(100));
        assert_eq!(script.state.facts.payload, [150, 0]);
        assert_eq!(script.state.facts.retransmissions, [0, 0]);
    }

    #[test]
    fn a_repeated_first_segment_is_counted_and_a_keep_alive_is_not() {
        let mut script = Script::new();
        script.open();
        let base = CLIENT_ISN.wrapping_add(1);
        for _ in 0..3 {
            script.send(Direction::Originator, TcpFlags::ACK, base, 78, 100);
        }
        script.send(
            Direction::Originator,
            TcpFlags::ACK,
            base.wrapping_add(99),
            78,
            1,
        );
        assert_eq!(
            script.state.facts.first_data_resent.map(|(_, times)| times),
            Some(2)
        );
        assert_eq!(script.state.facts.retransmissions, [2, 0]);
    }

    #[test]
    fn acknowledgements_alone_show_what_the_other_side_sent() {
        let mut script = Script::new();
        script.send(Direction::Originator, TcpFlags::SYN, CLIENT_ISN, 0, 0);
        let base = CLIENT_ISN.wrapping_add(1);
        script.send(Direction::Originator, TcpFlags::ACK, base, 5_000, 0);
        script.send(Direction::Originator, TcpFlags::ACK, base, 5_000, 517);
        assert!(script.state.facts.originator_acknowledged_data.is_none());
        script.send(
            Direction::Originator,
            TcpFlags::ACK,
            base.wrapping_add(517),
            5_787,
            0,
        );
        assert_eq!(script.state.facts.acknowledged, [0, 787]);
        assert!(script.state.facts.originator_acknowledged_data.is_some());
        assert!(script.state.facts.established.is_some());
    }

    #[test]
    fn a_syn_with_another_number_is_a_new_connection() {
        let mut script = Script::new();
        script.open();
        let again = |sequence| TcpSegment {
            source_port: 1,
            destination_port: 2,
            sequence,
            acknowledgment: 0,
            flags: TcpFlags(TcpFlags::SYN),
            window: 0,
            timestamp_value: None,
            payload: &[],
            payload_length: 0,
        };
        assert!(
            !script
                .state
                .is_replaced_by(Direction::Originator, &again(CLIENT_ISN))
        );
        assert!(
            script
                .state
                .is_replaced_by(Direction::Originator, &again(1_000))
        );
    }

    #[test]
    fn a_segment_without_acknowledgement_establishes_nothing() {
        let mut script = Script::new();
        script.send(Direction::Originator, TcpFlags::SYN, CLIENT_ISN, 0, 0);
        let base = CLIENT_ISN.wrapping_add(1);
        script.send(Direction::Originator, 0, base, 0, 0);
        assert!(script.state.facts.established.is_none());
        script.send(Direction::Originator, TcpFlags::ACK, base, 5_000, 0);
        assert!(script.state.facts.established.is_some());
    }

    #[test]
    fn a_late_segment_fills_its_hole() {
        let mut script = Script::new();
        script.open();
        script.send(
            Direction::Responder,
            TcpFlags::ACK,
            SERVER_ISN + 101,
            0,
            100,
        );
        script.send(Direction::Responder, TcpFlags::ACK, SERVER_ISN + 1, 0, 100);
        assert_eq!(script.state.facts.payload, [0, 200]);
        assert_eq!(script.state.facts.retransmissions, [0, 0]);
        assert_eq!(script.state.into_facts().lost_octets, [0, 0]);
    }
}
