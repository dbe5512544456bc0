//! In-order bytes of one direction of a TCP connection, with gaps announced.

use crate::facts::{Seen, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Octets held back per direction while an earlier segment is missing. A ClientHello (16 KiB at most) and a certificate
/// chain fit; more would let a hostile sender fill memory.
const HELD_OCTETS: usize = 64 * 1024;

/// Segments held back per direction.
const HELD_SEGMENTS: usize = 64;

/// Once the receiver has acknowledged a segment that the capture does not hold, how long to wait for it to turn up late
/// (captures taken on several queues are slightly out of order).
const LATE: Duration = Duration::from_millis(5);

/// One segment's payload with its place in the stream.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Offset of its first octet from the start of the stream (or from the first octet seen).
    pub offset: u64,
    /// Captured octets.
    pub bytes: &'a [u8],
    /// Octets as sent; the ones beyond `bytes` were cut by the snap length.
    pub length: u64,
    /// The packet.
    pub seen: Seen,
}

/// What the assembler hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// The next octets; never empty.
    Bytes(&'a [u8], Seen),
    /// So many octets were sent but are not in the capture.
    Gap(u64, Seen),
}

/// Puts the segments of one direction in order. Overlaps keep the octets that came first.
#[derive(Debug, Clone, Default)]
pub struct StreamAssembler {
    /// Offset of the next octet to deliver.
    next: u64,
    /// Segments beyond a hole: offset to (bytes, length as sent, packet).
    held: BTreeMap<u64, (Box<[u8]>, u64, Seen)>,
    held_octets: usize,
    held_since: Option<Timestamp>,
}

impl StreamAssembler {
    /// Takes one segment and delivers what is in order now. `deliver` returns false when it wants nothing more.
    pub fn push(
        &mut self,
        segment: Segment<'_>,
        deliver: &mut impl FnMut(Delivery<'_>) -> bool,
    ) -> bool {
        let end = segment.offset.saturating_add(segment.length);
        if end <= self.next {
            return true;
        }
        if segment.offset > self.next {
            self.hold(segment);
            if self.held.len() > HELD_SEGMENTS || self.held_octets > HELD_OCTETS {
                return self.skip_hole(segment.seen, deliver) && self.drain(deliver);
            }
            return true;
        }
        self.deliver_from(segment.offset, segment.bytes, end, segment.seen, deliver)
            && self.drain(deliver)
    }

    /// Tells that the receiver has acknowledged everything before `acknowledged`: a hole before it will not be filled.
    pub fn acknowledged(
        &mut self,
        acknowledged: u64,
        seen: Seen,
        deliver: &mut impl FnMut(Delivery<'_>) -> bool,
    ) -> bool {
        let Some(since) = self.held_since else {
            return true;
        };
        let hole_acknowledged = self
            .held
            .first_key_value()
            .is_some_and(|(offset, _)| *offset <= acknowledged);
        if hole_acknowledged && seen.time.since(since) >= LATE {
            return self.skip_hole(seen, deliver) && self.drain(deliver);
        }
        true
    }

    /// Delivers what is still held back, holes announced: the flow has ended.
    pub fn finish(&mut self, deliver: &mut impl FnMut(Delivery<'_>) -> bool) {
        while let Some((_, (_, _, seen))) = self.held.first_key_value() {
            let seen = *seen;
            if !(self.skip_hole(seen, deliver) && self.drain(deliver)) {
                break;
            }
        }
        self.held.clear();
        self.held_octets = 0;
    }

    fn hold(&mut self, segment: Segment<'_>) {
        let room = HELD_OCTETS
            .saturating_mul(2)
            .saturating_sub(self.held_octets);
        let bytes = segment
            .bytes
            .get(..room.min(segment.bytes.len()))
            .unwrap_or_default();
        if self
            .held
            .get(&segment.offset)
            .is_some_and(|(_, length, _)| *length >= segment.length)
        {
            return;
        }
        self.held_octets = self.held_octets.saturating_add(bytes.len());
        if let Some((old, _, _)) = self
            .held
            .insert(segment.offset, (bytes.into(), segment.length, segment.seen))
        {
            self.held_octets = self.held_octets.saturating_sub(old.len());
        }
        self.held_since.get_or_insert(segment.seen.time);
    }

    fn skip_hole(&mut self, seen: Seen, deliver: &mut impl FnMut(Delivery<'_>) -> bool) -> bool {
        let Some((&offset, _)) = self.held.first_key_value() else {
            return true;
        };
        let hole = offset.saturating_sub(self.next);
        self.next = offset.max(self.next);
        hole == 0 || deliver(Delivery::Gap(hole, seen))
    }

    /// Delivers the held segments that have become contiguous.
    fn drain(&mut self, deliver: &mut impl FnMut(Delivery<'_>) -> bool) -> bool {
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > self.next {
                return true;
            }
            let (offset, (bytes, length, seen)) = entry.remove_entry();
            self.held_octets = self.held_octets.saturating_sub(bytes.len());
            if !self.deliver_from(offset, &bytes, offset.saturating_add(length), seen, deliver) {
                return false;
            }
        }
        self.held_since = None;
        true
    }

    /// Delivers the part of `bytes` (which stand at `offset`) not delivered yet, and a gap up to `end`.
    fn deliver_from(
        &mut self,
        offset: u64,
        bytes: &[u8],
        end: u64,
        seen: Seen,
        deliver: &mut impl FnMut(Delivery<'_>) -> bool,
    ) -> bool {
        let known = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let fresh = bytes.get(known..).unwrap_or_default();
        let fresh_length = u64::try_from(fresh.len()).unwrap_or(u64::MAX);
        let missing = end.saturating_sub(self.next).saturating_sub(fresh_length);
        self.next = self.next.max(end);
        (fresh.is_empty() || deliver(Delivery::Bytes(fresh, seen)))
            && (missing == 0 || deliver(Delivery::Gap(missing, seen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::FrameNumber;

    fn seen(frame: u64) -> Seen {
        Seen {
            frame: FrameNumber(frame),
            time: Timestamp(i64::try_from(frame).unwrap() * 1_000_000),
        }
    }

    fn run(segments: &[(u64, &[u8], u64)]) -> String {
        let mut assembler = StreamAssembler::default();
        let mut out = String::new();
        let mut collect = |delivery: Delivery<'_>| {
            match delivery {
                Delivery::Bytes(bytes, _) => out.push_str(std::str::from_utf8(bytes).unwrap()),
                Delivery::Gap(octets, _) => out.push_str(&format!("<{octets}>")),
            }
            true
        };
        for (index, (offset, bytes, length)) in segments.iter().enumerate() {
            let segment = Segment {
                offset: *offset,
                bytes,
                length: *length,
                seen: seen(index as u64),
            };
            assembler.push(segment, &mut collect);
        }
        assembler.finish(&mut collect);
        out
    }

    #[test]
    fn puts_segments_in_order() {
        assert_eq!(
            run(&[(0, b"ab", 2), (4, b"ef", 2), (2, b"cd", 2), (6, b"g", 1)]),
            "abcdefg"
        );
    }

    #[test]
    fn keeps_the_first_copy_of_overlapping_octets() {
        assert_eq!(
            run(&[(0, b"abcd", 4), (2, b"XXef", 4), (0, b"YYYYYYYg", 8)]),
            "abcdefYg"
        );
        assert_eq!(run(&[(4, b"efgh", 4), (0, b"abcdXX", 6)]), "abcdXXgh");
    }

    #[test]
    fn announces_what_the_snap_length_cut() {
        assert_eq!(run(&[(0, b"ab", 10), (10, b"cd", 2)]), "ab<8>cd");
    }

    #[test]
    fn announces_a_hole_at_the_end_of_the_flow() {
        assert_eq!(run(&[(0, b"ab", 2), (5, b"cd", 2)]), "ab<3>cd");
    }

    #[test]
    fn gives_a_hole_up_when_the_receiver_has_acknowledged_it() {
        let mut assembler = StreamAssembler::default();
        let mut out = Vec::new();
        let mut collect = |delivery: Delivery<'_>| {
            out.push(match delivery {
                Delivery::Bytes(bytes, _) => bytes.len() as i64,
                Delivery::Gap(octets, _) => -(octets as i64),
            });
            true
        };
        assembler.push(
            Segment {
                offset: 3,
                bytes: b"cd",
                length: 2,
                seen: seen(1),
            },
            &mut collect,
        );
        assembler.acknowledged(5, seen(2), &mut collect);
        assembler.acknowledged(5, seen(9), &mut collect);
        assert_eq!(out, [-3, 2]);
    }

    #[test]
    fn a_flood_of_holes_is_bounded() {
        let mut assembler = StreamAssembler::default();
        for index in 0..100_000_u64 {
            let segment = Segment {
                offset: 1 + index * 2_000,
                bytes: &[7; 1_000],
                length: 1_000,
                seen: seen(index),
            };
            assembler.push(segment, &mut |_| true);
            assert!(assembler.held_octets <= 2 * HELD_OCTETS);
            assert!(assembler.held.len() <= HELD_SEGMENTS + 1);
        }
    }
}
