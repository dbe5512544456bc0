//! Records of a pcap file (draft-ietf-opsawg-pcap) and of its variants.
//!
//! In comes a [`ReadBuffer`] behind which a pcap file lies; out come [`Record`]s and a [`Provenance`] without file names.

use super::byte_order::ByteOrder;
use super::clock::Clock;
use super::damage::{Trouble, pass_over};
use super::provenance::Provenance;
use super::read_buffer::{MAX_RECORD, ReadBuffer};
use super::record::{Defects, Record};
use crate::facts::{InterfaceSummary, LinkType, Timestamp};

/// Octets of the file header (draft-ietf-opsawg-pcap §4).
const FILE_HEADER: usize = 24;
/// Octets of a record header (draft-ietf-opsawg-pcap §5).
const RECORD_HEADER: usize = 16;
/// Octets of a record header with interface index, protocol and packet type, as A. Kuznetsov's patched libpcap wrote it.
const MODIFIED_RECORD_HEADER: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;
/// IXIA's lcap files: 4 octets with the size of all records follow the file header; otherwise they are like those with
/// microseconds (Wireshark, wiretap/libpcap.c).
const IXIA_HARDWARE: u32 = 0x1c00_01ac;
const IXIA_SOFTWARE: u32 = 0x1c00_01ab;

/// Captured lengths up to this are believed whatever the snap length says (libpcap's `MAXIMUM_SNAPLEN`).
const USUAL_LIMIT: usize = 262_144;

/// The variant a magic number stands for.
#[derive(Debug, Clone, Copy)]
struct Variant {
    nanoseconds_per_tick: i64,
    record_header: usize,
    file_header: usize,
}

impl Variant {
    fn of(magic: u32) -> Option<Self> {
        let plain = Self {
            nanoseconds_per_tick: 1_000,
            record_header: RECORD_HEADER,
            file_header: FILE_HEADER,
        };
        match magic {
            MICROSECONDS => Some(plain),
            NANOSECONDS => Some(Self {
                nanoseconds_per_tick: 1,
                ..plain
            }),
            MODIFIED => Some(Self {
                record_header: MODIFIED_RECORD_HEADER,
                ..plain
            }),
            IXIA_HARDWARE | IXIA_SOFTWARE => Some(Self {
                file_header: FILE_HEADER + 4,
                ..plain
            }),
            _ => None,
        }
    }
}

/// A record header with its lengths in order: `captured` is never more than `original`.
#[derive(Debug, Clone, Copy)]
struct RecordHeader {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
    defects: Defects,
}

impl RecordHeader {
    /// Nothing was captured at no time: space that was reserved and never written.
    #[inline]
    fn is_zero(&self) -> bool {
        self.original == 0 && self.seconds == 0 && self.fraction == 0
    }
}

/// Walks the records of one pcap file.
#[derive(Debug)]
pub(super) struct PcapReader {
    order: ByteOrder,
    variant: Variant,
    link_type: LinkType,
    snap_length: u32,
    /// Largest captured length that is believed.
    record_limit: usize,
    /// Files before version 2.4 may hold the two lengths of a record in the other order (libpcap, sf-pcap.c).
    lengths_may_be_swapped: bool,
    /// Seconds of the first and of the last record, the yardsticks when looking for records behind damage: damage may have
    /// been read as a record before it was noticed.
    first_seconds: Option<u32>,
    last_seconds: Option<u32>,
    frames: u64,
    zero_records: u64,
    provenance: Provenance,
    ended: bool,
}

impl PcapReader {
    /// Whether a file that starts with `magic` is a pcap file.
    pub(super) fn recognises(magic: [u8; 4]) -> bool {
        [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .any(|order| Variant::of(order.u32(magic)).is_some())
    }

    /// Takes the file header off the buffer; `None` when it is cut or no pcap header.
    pub(super) fn open(buffer: &mut ReadBuffer) -> Option<Self> {
        buffer.fill(FILE_HEADER);
        let magic = *buffer.window().first_chunk()?;
        let order = [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| Variant::of(order.u32(magic)).is_some())?;
        let [magic, _version, _zone, _accuracy, snap_length, link_type] =
            order.words(buffer.window())?;
        let variant = Variant::of(magic)?;
        if !buffer.fill(variant.file_header) {
            return None;
        }
        let [major, minor] = order.halves(buffer.window().get(4..)?)?;
        buffer.consume(variant.file_header);
        Some(Self {
            order,
            variant,
            // The upper 16 bits say whether and how long a frame check sequence is (draft-ietf-opsawg-pcap §4).
            link_type: LinkType(link_type & 0xffff),
            snap_length,
            record_limit: usize::try_from(snap_length).map_or(MAX_RECORD, |snap_length| {
                snap_length.clamp(USUAL_LIMIT, MAX_RECORD - MODIFIED_RECORD_HEADER)
            }),
            lengths_may_be_swapped: major < 2 || (major == 2 && minor < 4),
            first_seconds: None,
            last_seconds: None,
            frames: 0,
            zero_records: 0,
            provenance: Provenance::default(),
            ended: false,
        })
    }

    /// The next record, or `None` at the end of what can be read.
    #[inline]
    pub(super) fn next_record(&mut self, buffer: &mut ReadBuffer) -> Option<Record> {
        loop {
            let window = buffer.window();
            let mut needed = self.variant.record_header;
            let mut trouble = Trouble::Cut;
            if let Some(header) = self.record_header(window) {
                needed = needed.saturating_add(header.captured as usize);
                if header.captured as usize > self.record_limit {
                    trouble = Trouble::Damaged;
                } else if needed <= window.len() {
                    let start = buffer.position().saturating_add(self.variant.record_header);
                    buffer.consume(needed);
                    if header.is_zero() {
                        self.zero_records = self.zero_records.saturating_add(1);
                        continue;
                    }
                    self.frames = self.frames.saturating_add(1);
                    self.first_seconds.get_or_insert(header.seconds);
                    self.last_seconds = Some(header.seconds);
                    return Some(Record {
                        timestamp: self.time(&header),
                        link_type: self.link_type,
                        original_length: header.original,
                        start,
                        length: header.captured as usize,
                        defects: header.defects,
                    });
                }
            }
            if trouble == Trouble::Cut && buffer.fill(needed) {
                continue;
            }
            if self.ended || !self.pass_over_damage(buffer, trouble) {
                self.ended = true;
                return None;
            }
        }
    }

    #[inline]
    fn record_header(&self, bytes: &[u8]) -> Option<RecordHeader> {
        let [seconds, fraction, captured, original] = self.order.words(bytes)?;
        let header = RecordHeader {
            seconds,
            fraction,
            captured,
            original,
            defects: Defects::default(),
        };
        Some(if captured <= original {
            header
        } else if self.lengths_may_be_swapped {
            RecordHeader {
                captured: original,
                original: captured,
                ..header
            }
        } else {
            RecordHeader {
                original: captured,
                defects: Defects::ORIGINAL_TOO_SMALL,
                ..header
            }
        })
    }

    #[inline]
    fn time(&self, header: &RecordHeader) -> Timestamp {
        // Two numbers of 32 bits: far inside 64 bits, and inside the range of a timestamp.
        let seconds = i64::from(header.seconds) * 1_000_000_000;
        Timestamp(seconds + i64::from(header.fraction) * self.variant.nanoseconds_per_tick)
    }

    #[cold]
    fn pass_over_damage(&mut self, buffer: &mut ReadBuffer, trouble: Trouble) -> bool {
        let mut provenance = std::mem::take(&mut self.provenance);
        let found = pass_over(buffer, &mut provenance, "record", trouble, |buffer| {
            self.is_record(buffer)
        });
        self.provenance = provenance;
        found
    }

    /// Whether the window starts with what can hardly be anything but a record: its header is plausible and is followed,
    /// behind the frame, by another plausible header or by the end of the file.
    fn is_record(&self, buffer: &mut ReadBuffer) -> bool {
        let length = self.variant.record_header;
        if !buffer.fill(length) {
            return false;
        }
        let Some(header) = self.record_header(buffer.window()) else {
            return false;
        };
        let references = [
            self.first_seconds.unwrap_or(header.seconds),
            self.last_seconds.unwrap_or(header.seconds),
        ];
        if !references
            .iter()
            .any(|seconds| self.is_plausible(&header, *seconds))
        {
            return false;
        }
        let next = length.saturating_add(header.captured as usize);
        if !buffer.fill(next.saturating_add(length)) {
            return buffer.window().len() == next;
        }
        let following = buffer
            .window()
            .get(next..)
            .and_then(|bytes| self.record_header(bytes));
        following.is_some_and(|following| self.is_plausible(&following, header.seconds))
    }

    fn is_plausible(&self, header: &RecordHeader, reference_seconds: u32) -> bool {
        const DAY: u32 = 86_400;
        let ticks_per_second = 1_000_000_000 / self.variant.nanoseconds_per_tick;
        header.defects.is_empty()
            && header.captured > 0
            && header.original as usize <= USUAL_LIMIT
            && i64::from(header.fraction) < ticks_per_second
            && header.seconds.abs_diff(reference_seconds) <= DAY
    }

    /// What the file says of its one interface, and how it counts time.
    pub(super) fn describe_interface(&self) -> (InterfaceSummary, Clock) {
        let summary = InterfaceSummary {
            link_type: Some(self.link_type),
            snap_length: self.snap_length,
            ..InterfaceSummary::default()
        };
        let clock = match self.variant.nanoseconds_per_tick {
            1 => Clock::MICROSECONDS.with_resolution(9),
            _ => Clock::MICROSECONDS,
        };
        (summary, clock)
    }

    /// What the file says of itself, and what was wrong with it.
    pub(super) fn into_provenance(mut self) -> Provenance {
        if self.zero_records > 0 {
            self.provenance
                .anomalies
                .add("record-zeroed", None, self.zero_records);
        }
        self.provenance.add_interfaces([InterfaceSummary {
            link_type: Some(self.link_type),
            snap_length: self.snap_length,
            frames: self.frames,
            ..InterfaceSummary::default()
        }]);
        self.provenance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const NS: i64 = 1_000_000_000;

    fn header(order: ByteOrder, magic: u32, link_type: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        words(&mut bytes, order, &[magic]);
        bytes.extend(halves(order, [2, 4]));
        words(&mut bytes, order, &[0, 0, 65_535, link_type]);
        bytes
    }

    fn halves(order: ByteOrder, halves: [u16; 2]) -> Vec<u8> {
        halves
            .iter()
            .flat_map(|half| {
                if order == ByteOrder::Big {
                    half.to_be_bytes()
                } else {
                    half.to_le_bytes()
                }
            })
            .collect()
    }

    fn words(bytes: &mut Vec<u8>, order: ByteOrder, words: &[u32]) {
        for word in words {
            bytes.extend(if order == ByteOrder::Big {
                word.to_be_bytes()
            } else {
                word.to_le_bytes()
            });
        }
    }

    fn record(
        bytes: &mut Vec<u8>,
        order: ByteOrder,
        seconds: u32,
        fraction: u32,
        frame: &[u8],
        original: u32,
    ) {
        words(
            bytes,
            order,
            &[seconds, fraction, frame.len() as u32, original],
        );
        bytes.extend(frame);
    }

    type Frames = Vec<(i64, Vec<u8>, u32, Defects)>;

    /// Time, octets, original length and defects of every record, and what was wrong.
    fn read(bytes: &[u8]) -> (Frames, Provenance) {
        let mut buffer = ReadBuffer::new(Box::new(Cursor::new(bytes.to_vec())));
        let mut reader = PcapReader::open(&mut buffer).unwrap();
        let mut records = Vec::new();
        while let Some(r) = reader.next_record(&mut buffer) {
            records.push((
                r.timestamp.0,
                buffer.slice(r.start, r.length).to_vec(),
                r.original_length,
                r.defects,
            ));
        }
        assert!(reader.next_record(&mut buffer).is_none());
        (records, reader.into_provenance())
    }

    fn three_records() -> Vec<u8> {
        let mut bytes = header(ByteOrder::Little, MICROSECONDS, 1);
        for (i, length) in [60_u8, 1, 100].into_iter().enumerate() {
            record(
                &mut bytes,
                ByteOrder::Little,
                1_700_000_000 + i as u32,
                5,
                &vec![length; length.into()],
                100,
            );
        }
        bytes
    }

    #[test]
    fn every_variant_in_both_orders() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for (magic, file_extra, record_extra, tick) in [
                (MICROSECONDS, 0, 0, 1_000),
                (NANOSECONDS, 0, 0, 1),
                (MODIFIED, 0, 8, 1_000),
                (IXIA_HARDWARE, 4, 0, 1_000),
                (IXIA_SOFTWARE, 4, 0, 1_000),
            ] {
                let mut bytes = header(order, magic, 1);
                bytes.extend(vec![0xee; file_extra]);
                for frame in [&b"first"[..], b"second"] {
                    words(
                        &mut bytes,
                        order,
                        &[4_000_000_000, 7, frame.len() as u32, 90],
                    );
                    bytes.extend(vec![0xee; record_extra]);
                    bytes.extend(frame);
                }
                assert!(PcapReader::recognises(*bytes.first_chunk().unwrap()));
                let (records, provenance) = read(&bytes);
                let time = 4_000_000_000 * NS + 7 * tick;
                let none = Defects::default();
                let expected = [
                    (time, b"first".to_vec(), 90, none),
                    (time, b"second".to_vec(), 90, none),
                ];
                assert_eq!(records, expected, "{magic:x} {order:?}");
                assert!(provenance.warnings.is_empty());
            }
        }
    }

    #[test]
    fn the_upper_half_of_the_link_type_is_about_the_frame_check_sequence() {
        let bytes = header(ByteOrder::Little, MICROSECONDS, 0x2400_0000 | 113);
        let (_, provenance) = read(&bytes);
        assert_eq!(provenance.interfaces[0].link_type, Some(LinkType(113)));
        assert_eq!(provenance.interfaces[0].snap_length, 65_535);
    }

    #[test]
    fn an_original_length_below_the_captured_one_is_raised() {
        let mut bytes = header(ByteOrder::Little, MICROSECONDS, 1);
        record(&mut bytes, ByteOrder::Little, 1, 0, b"frame", 3);
        assert_eq!(
            read(&bytes).0,
            [(NS, b"frame".to_vec(), 5, Defects::ORIGINAL_TOO_SMALL)]
        );
    }

    #[test]
    fn old_versions_hold_the_lengths_the_other_way_round() {
        let mut bytes = header(ByteOrder::Little, MICROSECONDS, 1);
        bytes[6] = 2;
        words(&mut bytes, ByteOrder::Little, &[1, 0, 90, 5]);
        bytes.extend(b"frame");
        assert_eq!(
            read(&bytes).0,
            [(NS, b"frame".to_vec(), 90, Defects::default())]
        );
    }

    #[test]
    fn every_cut_gives_the_whole_records_before_it() {
        let bytes = three_records();
        let ends = [24, 24 + 76, 24 + 76 + 17, bytes.len()];
        for cut in FILE_HEADER..=bytes.len() {
            let (records, provenance) = read(&bytes[..cut]);
            assert_eq!(
                records.len(),
                ends.iter().filter(|end| **end <= cut).count() - 1,
                "cut at {cut}"
            );
            let inside = !ends.contains(&cut);
            assert_eq!(
                provenance.anomalies.count("file-cut"),
                u64::from(inside),
                "cut at {cut}"
            );
            assert_eq!(provenance.warnings.len(), usize::from(inside));
        }
        let (_, provenance) = read(&bytes[..120]);
        assert!(
            provenance.warnings[0].starts_with("ends inside a record at octet 117,"),
            "{provenance:?}"
        );
    }

    #[test]
    fn records_behind_a_damaged_one_are_found() {
        let mut bytes = three_records();
        bytes[24 + 76 + 11] = 0x7f; // captured length of the second record
        let (records, provenance) = read(&bytes);
        let lengths: Vec<usize> = records.iter().map(|r| r.1.len()).collect();
        assert_eq!(lengths, [60, 100]);
        assert_eq!(
            provenance.warnings,
            ["damaged at octet 100; 17 octets were passed over up to the next readable record"]
        );
        assert_eq!(provenance.anomalies.count("record-damaged"), 1);
    }

    #[test]
    fn space_that_was_never_written_holds_no_frames() {
        let mut bytes = three_records();
        bytes.extend([0; 64]);
        let (records, provenance) = read(&bytes);
        assert_eq!(records.len(), 3);
        assert_eq!(provenance.anomalies.count("record-zeroed"), 4);
    }

    #[test]
    fn records_larger_than_the_read_size_are_read() {
        let mut bytes = header(ByteOrder::Little, MICROSECONDS, 1);
        bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        record(
            &mut bytes,
            ByteOrder::Little,
            1,
            0,
            &vec![7; 5 << 20],
            5 << 20,
        );
        record(&mut bytes, ByteOrder::Little, 2, 0, b"last", 4);
        let lengths: Vec<usize> = read(&bytes).0.iter().map(|r| r.1.len()).collect();
        assert_eq!(lengths, [5 << 20, 4]);
    }
}
