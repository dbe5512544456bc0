//! Fragments to datagrams (RFC 791 §3.2, RFC 8200 §4.5), within bounds.
//!
//! Comes in: fragments in any order, with their capture time. Goes out: the datagram's octets, once they are all there.
//! What was there first stays: an overlap never changes octets already taken, and makes an IPv6 datagram void (RFC 5722
//! §4). Knows nothing of what the fragments carry.

use crate::facts::{Anomalies, Seen, Timestamp};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;
use std::time::Duration;

/// Bounds of the memory spent on unfinished datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Most datagrams kept at once; the oldest gives way.
    pub datagrams: usize,
    /// Most octets kept at once, of all datagrams together; the oldest give way.
    pub octets: usize,
    /// How long a datagram is kept after its first fragment, in capture time.
    pub lifetime: Duration,
}

impl Default for FragmentLimits {
    /// 1024 datagrams, 4 MiB (Linux: `net.ipv4.ipfrag_high_thresh`), 60 seconds (RFC 8200 §4.5).
    fn default() -> Self {
        Self {
            datagrams: 1024,
            octets: 4 << 20,
            lifetime: Duration::from_secs(60),
        }
    }
}

/// Longest payload of an IP packet that is no jumbogram.
const MAX_DATAGRAM: u32 = 65_535;

/// Most separate pieces kept of one datagram. A 64 KiB datagram over the smallest IPv6 MTU has 53 fragments, and pieces
/// that follow each other are one; only an attacker needs more.
const MAX_PIECES: usize = 256;

/// How long after completion the same fragments count as copies (mirror ports and `pktmon` deliver each packet twice,
/// microseconds apart). Short, because senders of many datagrams use an identification again after a second or so.
const COPY_WINDOW: Duration = Duration::from_millis(250);

/// Most fragments of one datagram whose copies are recognised once it is complete.
const MAX_REMEMBERED: usize = 256;

/// What the fragments of one datagram have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub identification: u32,
    /// Protocol above for IPv4 (RFC 791 §3.2), 0 for IPv6, where it is not part of the identity.
    pub protocol: u8,
}

/// One fragment.
#[derive(Debug, Clone, Copy)]
pub(super) struct FragmentPart<'a> {
    /// Octets of the datagram before it.
    pub offset: u32,
    /// Others follow.
    pub more: bool,
    /// Its octets, all of them.
    pub payload: &'a [u8],
    /// Protocol above, which counts when this is the first part.
    pub protocol: u8,
    /// Octets of the IP packet that brought it.
    pub ip_octets: usize,
}

impl FragmentPart<'_> {
    /// Equal for copies only.
    fn fingerprint(&self) -> u64 {
        let mut state = FixedState::default().build_hasher();
        state.write_u32(self.offset);
        state.write_u8(u8::from(self.more));
        state.write(self.payload);
        state.finish()
    }
}

/// A datagram that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reassembled {
    /// Protocol above.
    pub protocol: u8,
    /// Octets of all the IP packets that brought it.
    pub ip_octets: usize,
}

/// Octets `start..end` of a datagram; they lie at `at` in its buffer.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: u32,
    end: u32,
    at: usize,
}

impl Piece {
    /// The piece's octets from `start` to `end`, both inside of it.
    fn octets<'a>(&self, buffer: &'a [u8], start: u32, end: u32) -> &'a [u8] {
        part(
            buffer.get(self.at..).unwrap_or_default(),
            self.start,
            start,
            end,
        )
    }
}

/// `octets` begin at `base`: the part from `start` to `end`.
fn part(octets: &[u8], base: u32, start: u32, end: u32) -> &[u8] {
    let from = usize::try_from(start.saturating_sub(base)).unwrap_or(usize::MAX);
    let to = usize::try_from(end.saturating_sub(base)).unwrap_or(usize::MAX);
    octets.get(from..to).unwrap_or_default()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Parts are missing.
    Collecting,
    /// Handed out at this time.
    Complete(Timestamp),
    /// Void: its remaining fragments are dropped.
    Rejected,
}

#[derive(Debug)]
struct Datagram {
    key: FragmentKey,
    first: Seen,
    state: State,
    /// Octets in order of arrival; memory follows what was received, not what an offset claims.
    buffer: Vec<u8>,
    /// Sorted, disjoint.
    pieces: Vec<Piece>,
    /// Fingerprints of the fragments taken.
    taken: Vec<u64>,
    /// Octets in `pieces`.
    covered: u32,
    /// Length, once the last fragment was seen.
    end: Option<u32>,
    /// Protocol above, once the first fragment was seen.
    protocol: Option<u8>,
    ip_octets: usize,
}

/// How a fragment fits to those before it.
enum Fit {
    /// Brings only octets that are there, and the same ones.
    Copy,
    /// Brings nothing that contradicts; these are the gaps it fills.
    Fills,
    /// Overlaps octets that are there with others.
    Overlaps,
}

impl Datagram {
    fn new(key: FragmentKey, first: Seen) -> Self {
        Self {
            key,
            first,
            state: State::Collecting,
            buffer: Vec::new(),
            pieces: Vec::new(),
            taken: Vec::new(),
            covered: 0,
            end: None,
            protocol: None,
            ip_octets: 0,
        }
    }

    /// Index of the first piece that ends behind `start`.
    fn first_behind(&self, start: u32) -> usize {
        self.pieces.partition_point(|piece| piece.end <= start)
    }

    /// Compares `payload` at `start` with what is there.
    fn fit(&self, start: u32, end: u32, payload: &[u8]) -> Fit {
        let mut common: u32 = 0;
        for piece in self
            .pieces
            .iter()
            .skip(self.first_behind(start))
            .take_while(|piece| piece.start < end)
        {
            let (from, to) = (piece.start.max(start), piece.end.min(end));
            if piece.octets(&self.buffer, from, to) != part(payload, start, from, to) {
                return Fit::Overlaps;
            }
            common = common.saturating_add(to.saturating_sub(from));
        }
        match common {
            0 => Fit::Fills,
            common if common == end.saturating_sub(start) => Fit::Copy,
            _ => Fit::Overlaps,
        }
    }

    /// Takes those octets of `payload` that are not there yet; false when there would be too many pieces.
    fn fill(&mut self, start: u32, end: u32, payload: &[u8]) -> bool {
        let mut from = start;
        let mut index = self.first_behind(start);
        while from < end {
            let next = self.pieces.get(index).copied();
            let gap_end = next.map_or(end, |piece| piece.start.min(end));
            if from < gap_end {
                if self.pieces.len() >= MAX_PIECES {
                    return false;
                }
                index = self.insert(index, from, gap_end, part(payload, start, from, gap_end));
            }
            let Some(piece) = next else { break };
            from = from.max(piece.end);
            index = index.saturating_add(1);
        }
        true
    }

    /// Puts a piece at `index`, or joins it to the one before; gives the index behind it.
    fn insert(&mut self, index: usize, start: u32, end: u32, octets: &[u8]) -> usize {
        let at = self.buffer.len();
        self.buffer.extend_from_slice(octets);
        self.covered = self.covered.saturating_add(end.saturating_sub(start));
        let before = index
            .checked_sub(1)
            .and_then(|before| self.pieces.get_mut(before));
        if let Some(before) = before {
            let length =
                usize::try_from(before.end.saturating_sub(before.start)).unwrap_or(usize::MAX);
            if before.end == start && before.at.saturating_add(length) == at {
                before.end = end;
                return index;
            }
        }
        self.pieces.insert(index, Piece { start, end, at });
        index.saturating_add(1)
    }

    /// Takes a fragment that ends at `end`. When it was the last one missing, the octets are in `whole`.
    fn take(
        &mut self,
        fragment: FragmentPart<'_>,
        end: u32,
        seen: Seen,
        whole: &mut Vec<u8>,
        anomalies: &mut Anomalies,
    ) -> Option<Reassembled> {
        if self.state != State::Collecting {
            return None;
        }
        let last_end = self.pieces.last().map_or(0, |piece| piece.end);
        let contradicts = self
            .end
            .is_some_and(|known| end > known || (!fragment.more && end != known))
            || (!fragment.more && end < last_end);
        let fit = if contradicts {
            Fit::Overlaps
        } else {
            self.fit(fragment.offset, end, fragment.payload)
        };
        match fit {
            Fit::Copy if self.end.is_some() || fragment.more => return None,
            Fit::Copy | Fit::Fills => {}
            Fit::Overlaps => {
                anomalies.note("ip-fragment-overlap", Some(seen.frame));
                if self.key.source.is_ipv6() {
                    self.finish(State::Rejected);
                }
                if self.key.source.is_ipv6() || contradicts {
                    return None;
                }
            }
        }
        if !self.fill(fragment.offset, end, fragment.payload) {
            anomalies.note("ip-fragment-evicted", Some(self.first.frame));
            self.finish(State::Rejected);
            return None;
        }
        self.ip_octets = self.ip_octets.saturating_add(fragment.ip_octets);
        if self.taken.len() < MAX_REMEMBERED {
            self.taken.push(fragment.fingerprint());
        }
        if fragment.offset == 0 {
            self.protocol.get_or_insert(fragment.protocol);
        }
        if !fragment.more {
            self.end = Some(end);
        }
        if self.end != Some(self.covered) {
            return None;
        }
        whole.clear();
        for piece in &self.pieces {
            whole.extend_from_slice(piece.octets(&self.buffer, piece.start, piece.end));
        }
        self.finish(State::Complete(seen.time));
        Some(Reassembled {
            protocol: self.protocol?,
            ip_octets: self.ip_octets,
        })
    }

    /// Collects no longer; frees the octets.
    fn finish(&mut self, state: State) {
        self.state = state;
        self.pieces = Vec::new();
        self.buffer = Vec::new();
    }
}

/// Datagrams of which parts are missing.
#[derive(Debug)]
pub(super) struct FragmentTable {
    limits: FragmentLimits,
    /// In order of their first fragment, which is also the order in which they expire.
    datagrams: VecDeque<Datagram>,
    /// Serial number of the front of `datagrams`.
    front: u64,
    /// Serial number of the latest datagram with this key.
    by_key: HashMap<FragmentKey, u64>,
    /// Octets in all buffers.
    octets: usize,
}

impl FragmentTable {
    pub fn new(limits: FragmentLimits) -> Self {
        Self {
            limits,
            datagrams: VecDeque::new(),
            front: 0,
            by_key: HashMap::new(),
            octets: 0,
        }
    }

    /// Takes a fragment. When it completes its datagram, the datagram's octets are in `whole`.
    pub fn add(
        &mut self,
        key: FragmentKey,
        fragment: FragmentPart<'_>,
        seen: Seen,
        whole: &mut Vec<u8>,
        anomalies: &mut Anomalies,
    ) -> Option<Reassembled> {
        let length = u32::try_from(fragment.payload.len()).unwrap_or(u32::MAX);
        let end = fragment.offset.saturating_add(length);
        // Every fragment but the last is a multiple of eight octets long (RFC 791 §3.2, RFC 8200 §4.5).
        if length == 0 || end > MAX_DATAGRAM || (fragment.more && length % 8 != 0) {
            anomalies.note("ip-fragment-malformed", Some(seen.frame));
            return None;
        }
        self.make_room(fragment.payload.len(), seen, anomalies);
        let index = self.locate(key, &fragment, seen, anomalies);
        let datagram = self.datagrams.get_mut(index)?;
        let before = datagram.buffer.len();
        let done = datagram.take(fragment, end, seen, whole, anomalies);
        self.octets = self
            .octets
            .saturating_sub(before)
            .saturating_add(datagram.buffer.len());
        done
    }

    /// Index of the datagram that a fragment with `key` belongs to, which may be a new one.
    fn locate(
        &mut self,
        key: FragmentKey,
        fragment: &FragmentPart<'_>,
        seen: Seen,
        anomalies: &mut Anomalies,
    ) -> usize {
        let known = self
            .by_key
            .get(&key)
            .copied()
            .and_then(|serial| self.index(serial))
            .filter(|index| {
                self.datagrams
                    .get(*index)
                    .is_some_and(|datagram| match datagram.state {
                        // Anything else is the next datagram with this identification.
                        State::Complete(time) => {
                            seen.time.since(time) <= COPY_WINDOW
                                && datagram.taken.contains(&fragment.fingerprint())
                        }
                        State::Collecting | State::Rejected => true,
                    })
            });
        if let Some(index) = known {
            return index;
        }
        if self.datagrams.len() >= self.limits.datagrams {
            self.drop_oldest("ip-fragment-evicted", anomalies);
        }
        let index = self.datagrams.len();
        let serial = self
            .front
            .saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
        self.by_key.insert(key, serial);
        self.datagrams.push_back(Datagram::new(key, seen));
        index
    }

    fn index(&self, serial: u64) -> Option<usize> {
        usize::try_from(serial.checked_sub(self.front)?).ok()
    }

    /// Drops what is too old, and then the oldest until `octets` more fit.
    fn make_room(&mut self, octets: usize, seen: Seen, anomalies: &mut Anomalies) {
        while self
            .datagrams
            .front()
            .is_some_and(|d| seen.time.since(d.first.time) > self.limits.lifetime)
        {
            self.drop_oldest("ip-fragment-timeout", anomalies);
        }
        while !self.datagrams.is_empty() && self.octets.saturating_add(octets) > self.limits.octets
        {
            self.drop_oldest("ip-fragment-evicted", anomalies);
        }
    }

    /// Drops the oldest datagram, under `name` when it was still unfinished.
    fn drop_oldest(&mut self, name: &'static str, anomalies: &mut Anomalies) {
        let Some(datagram) = self.datagrams.pop_front() else {
            return;
        };
        if self.by_key.get(&datagram.key) == Some(&self.front) {
            self.by_key.remove(&datagram.key);
        }
        self.front = self.front.saturating_add(1);
        self.octets = self.octets.saturating_sub(datagram.buffer.len());
        if datagram.state == State::Collecting {
            anomalies.note(name, Some(datagram.first.frame));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::FrameNumber;
    use std::net::{Ipv4Addr, Ipv6Addr};

    struct Bench {
        table: FragmentTable,
        anomalies: Anomalies,
        whole: Vec<u8>,
        time: i64,
        version_6: bool,
    }

    impl Bench {
        fn new(limits: FragmentLimits) -> Self {
            let (anomalies, whole) = (Anomalies::default(), Vec::new());
            Self {
                table: FragmentTable::new(limits),
                anomalies,
                whole,
                time: 0,
                version_6: false,
            }
        }

        fn add(
            &mut self,
            identification: u32,
            offset: u32,
            more: bool,
            payload: &[u8],
        ) -> Option<&[u8]> {
            let (source, destination) = if self.version_6 {
                (
                    IpAddr::V6(Ipv6Addr::LOCALHOST),
                    IpAddr::V6(Ipv6Addr::LOCALHOST),
                )
            } else {
                (
                    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
                    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
                )
            };
            let key = FragmentKey {
                source,
                destination,
                identification,
                protocol: 17,
            };
            let ip_octets = payload.len() + 20;
            let part = FragmentPart {
                offset,
                more,
                payload,
                protocol: 17,
                ip_octets,
            };
            let seen = Seen {
                frame: FrameNumber(1),
                time: Timestamp(self.time),
            };
            let done = self
                .table
                .add(key, part, seen, &mut self.whole, &mut self.anomalies);
            assert!(self.table.octets <= self.table.limits.octets);
            assert!(self.table.datagrams.len() <= self.table.limits.datagrams);
            assert!(self.table.by_key.len() <= self.table.datagrams.len());
            done.map(|_| &self.whole[..])
        }
    }

    #[test]
    fn in_any_order() {
        for order in [
            [0, 1, 2],
            [2, 1, 0],
            [1, 2, 0],
            [1, 0, 2],
            [0, 2, 1],
            [2, 0, 1],
        ] {
            let mut bench = Bench::new(FragmentLimits::default());
            let parts: [(u32, bool, &[u8]); 3] = [
                (0, true, b"01234567"),
                (8, true, b"89abcdef"),
                (16, false, b"xyz"),
            ];
            let mut whole = None;
            for index in order {
                let (offset, more, payload) = parts[index];
                whole = bench.add(7, offset, more, payload).map(<[u8]>::to_vec);
            }
            assert_eq!(
                whole.as_deref(),
                Some(&b"0123456789abcdefxyz"[..]),
                "{order:?}"
            );
            assert!(bench.anomalies.kinds().is_empty());
        }
    }

    #[test]
    fn an_identification_used_again_at_once_is_another_datagram() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.add(7, 0, true, &[1; 8]);
        assert!(bench.add(7, 8, false, &[2; 3]).is_some());
        assert!(bench.add(7, 0, true, &[1; 8]).is_none(), "a copy");
        assert!(bench.add(7, 8, false, &[2; 3]).is_none(), "a copy");
        bench.add(7, 0, true, &[3; 8]);
        assert_eq!(
            bench.add(7, 8, false, &[4; 3]),
            Some(&[3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4][..])
        );
    }

    #[test]
    fn all_ip_packets_count() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.add(7, 0, true, &[1; 8]);
        bench.add(7, 0, true, &[1; 8]);
        bench.add(7, 8, false, &[1; 3]);
        let key = bench.table.datagrams[0].key;
        let part = FragmentPart {
            offset: 8,
            more: false,
            payload: &[2; 3],
            protocol: 6,
            ip_octets: 23,
        };
        let other = FragmentKey {
            identification: 8,
            ..key
        };
        let mut add = |offset, more, payload| {
            let part = FragmentPart {
                offset,
                more,
                payload,
                ..part
            };
            bench.table.add(
                other,
                part,
                Seen::default(),
                &mut bench.whole,
                &mut bench.anomalies,
            )
        };
        assert_eq!(add(8, false, &[2; 3][..]), None);
        assert_eq!(
            add(0, true, &[2; 8][..]),
            Some(Reassembled {
                protocol: 6,
                ip_octets: 46
            })
        );
    }

    #[test]
    fn copies_change_nothing() {
        let mut bench = Bench::new(FragmentLimits::default());
        assert_eq!(bench.add(7, 0, true, b"01234567"), None);
        assert_eq!(bench.add(7, 0, true, b"01234567"), None);
        assert_eq!(bench.add(7, 8, false, b"89"), Some(&b"0123456789"[..]));
        // A mirror's second copy right after; the same identification again later is another datagram.
        assert_eq!(bench.add(7, 8, false, b"89"), None);
        bench.time += 1_000_000_000;
        assert_eq!(bench.add(7, 0, true, b"ABCDEFGH"), None);
        assert_eq!(bench.add(7, 8, false, b"IJ"), Some(&b"ABCDEFGHIJ"[..]));
        assert!(bench.anomalies.kinds().is_empty());
    }

    #[test]
    fn version_4_keeps_what_was_there_first() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.add(7, 8, true, b"89abcdef");
        bench.add(7, 0, true, b"0123456789XXXXXX");
        assert_eq!(
            bench.add(7, 16, false, b"z"),
            Some(&b"0123456789abcdefz"[..])
        );
        assert_eq!(bench.anomalies.count("ip-fragment-overlap"), 1);
    }

    #[test]
    fn one_fragment_may_fill_several_gaps() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.add(7, 8, true, &[1; 8]);
        bench.add(7, 24, true, &[3; 8]);
        bench.add(7, 40, false, &[5; 1]);
        let whole = bench.add(7, 0, true, &[9; 40]).expect("complete");
        assert_eq!(
            whole,
            [&[9; 8][..], &[1; 8], &[9; 8], &[3; 8], &[9; 8], &[5]].concat()
        );
    }

    #[test]
    fn version_6_overlaps_void_the_datagram() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.version_6 = true;
        bench.add(7, 0, true, &[1; 16]);
        bench.add(7, 8, true, &[2; 8]);
        assert_eq!(bench.add(7, 16, false, &[3; 8]), None);
        assert_eq!(bench.anomalies.count("ip-fragment-overlap"), 1);
        assert_eq!(bench.table.octets, 0);
    }

    #[test]
    fn a_second_end_is_not_believed() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.add(7, 16, false, &[3; 8]);
        bench.add(7, 8, false, &[2; 4]);
        bench.add(7, 24, true, &[2; 8]);
        assert_eq!(bench.anomalies.count("ip-fragment-overlap"), 2);
        assert_eq!(bench.add(7, 0, true, &[1; 16]).map(<[u8]>::len), Some(24));
    }

    #[test]
    fn lengths_that_cannot_be() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.add(7, 65_528, false, &[0; 8]);
        bench.add(7, 0, true, &[0; 7]);
        bench.add(7, 8, false, &[]);
        assert_eq!(bench.anomalies.count("ip-fragment-malformed"), 3);
        assert!(bench.table.datagrams.is_empty());
    }

    #[test]
    fn unfinished_datagrams_expire() {
        let mut bench = Bench::new(FragmentLimits::default());
        bench.add(7, 0, true, &[1; 8]);
        bench.time = 61_000_000_000;
        assert_eq!(bench.add(7, 8, false, &[2; 8]), None);
        assert_eq!(bench.anomalies.count("ip-fragment-timeout"), 1);
    }

    #[test]
    fn memory_is_bounded_whatever_the_offsets_claim() {
        let limits = FragmentLimits {
            datagrams: 16,
            octets: 4096,
            ..FragmentLimits::default()
        };
        let mut bench = Bench::new(limits);
        for identification in 0..10_000 {
            bench.add(identification, 65_000, true, &[0; 512]);
            bench.add(identification, 0, true, &[0; 8]);
        }
        assert!(bench.anomalies.count("ip-fragment-evicted") > 9_000);
        assert!(
            bench
                .table
                .datagrams
                .iter()
                .map(|d| d.buffer.capacity())
                .sum::<usize>()
                <= 2 * 4096
        );
    }

    #[test]
    fn tiny_fragments_in_order_are_one_piece_and_scattered_ones_are_bounded() {
        let mut bench = Bench::new(FragmentLimits::default());
        for index in 0..8000 {
            bench.add(7, index * 8, true, &[1; 8]);
        }
        assert_eq!(
            bench.add(7, 64_000, false, &[1; 1]).map(<[u8]>::len),
            Some(64_001)
        );
        for index in (0..4000).rev() {
            bench.add(8, index * 16, true, &[1; 8]);
            assert!(
                bench
                    .table
                    .datagrams
                    .iter()
                    .all(|d| d.pieces.len() <= MAX_PIECES)
            );
        }
        assert_eq!(bench.anomalies.count("ip-fragment-evicted"), 1);
    }
}
