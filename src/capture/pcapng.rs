//! Packet blocks of a pcapng file (draft-ietf-opsawg-pcapng), with sections and interfaces of any kind in one file.
//!
//! In comes a [`ReadBuffer`] behind which a pcapng file lies; out come [`Record`]s and a [`Provenance`] without file names.
//! Section lengths are not needed and not believed: blocks are read one after the other. Blocks with names, secrets,
//! journal entries and whatever else are passed over by their length.

use super::byte_order::ByteOrder;
use super::clock::Clock;
use super::damage::{Trouble, pass_over};
use super::pcapng_block::{
    BLOCK_HEAD, BLOCK_TAIL, BlockHead, ENHANCED_PACKET, INTERFACE_DESCRIPTION,
    INTERFACE_STATISTICS, Implausible, OBSOLETE_PACKET, SECTION_HEADER, SECTION_HEADER_LENGTH,
    SIMPLE_PACKET, is_block, section_order,
};
use super::pcapng_interface::Interface;
use super::pcapng_options::{MAX_TEXT, options};
use super::provenance::Provenance;
use super::read_buffer::ReadBuffer;
use super::record::{Defects, Record};
use crate::facts::{CaptureSection, InterfaceSummary, Timestamp, printable};

/// Most interfaces kept of one section; the format allows 2^32. Packets of further ones are counted as `interface-missing`.
const MAX_SECTION_INTERFACES: usize = 4_096;
/// Most comments kept of a section header.
const MAX_COMMENTS: usize = 8;

/// Walks the blocks of one pcapng file.
#[derive(Debug)]
pub(super) struct PcapngReader {
    order: ByteOrder,
    /// Interfaces of the current section, by their number.
    interfaces: Vec<Interface>,
    /// Time of the last packet that had one, for those that have none.
    last_time: Timestamp,
    /// Section headers passed and interface of the last packet.
    section: u32,
    last_interface: u32,
    provenance: Provenance,
    ended: bool,
}

/// What a packet block says, however it says it.
struct Packet<'a> {
    interface: u32,
    /// `None` for simple packets.
    ticks: Option<u64>,
    captured: usize,
    original: u32,
    /// Octets before the frame in the block's body.
    head: usize,
    body: &'a [u8],
}

impl PcapngReader {
    /// Whether a file that starts with `magic` is a pcapng file.
    pub(super) fn recognises(magic: [u8; 4]) -> bool {
        // The number reads the same in both orders.
        u32::from_le_bytes(magic) == SECTION_HEADER
    }

    /// Starts at a section header; `None` when it is cut or its byte order cannot be told. Takes nothing off the buffer.
    pub(super) fn open(buffer: &mut ReadBuffer) -> Option<Self> {
        buffer.fill(SECTION_HEADER_LENGTH);
        let head: &[u8; SECTION_HEADER_LENGTH] = buffer.window().first_chunk()?;
        Some(Self {
            order: section_order(head)?,
            interfaces: Vec::new(),
            last_time: Timestamp::default(),
            section: 0,
            last_interface: 0,
            provenance: Provenance::default(),
            ended: false,
        })
    }

    /// The next packet, or `None` at the end of what can be read.
    #[inline]
    pub(super) fn next_record(&mut self, buffer: &mut ReadBuffer) -> Option<Record> {
        loop {
            let window = buffer.window();
            let mut needed = BLOCK_HEAD;
            let mut trouble = Trouble::Cut;
            match BlockHead::read(self.order, window) {
                Some(Ok(head)) => {
                    needed = head.total;
                    if let Some(block) = window.get(..head.total) {
                        if head.ends(block) {
                            let position = buffer.position();
                            let record = self.block(&head, block, position);
                            buffer.consume(head.total);
                            if record.is_some() {
                                return record;
                            }
                            continue;
                        }
                        trouble = Trouble::Damaged;
                    }
                }
                Some(Err(Implausible)) => trouble = Trouble::Damaged,
                None if window.len() >= BLOCK_HEAD => needed = SECTION_HEADER_LENGTH,
                None => {}
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

    /// Section and interface of the last packet.
    pub(super) fn last_interface(&self) -> (u32, u32) {
        (self.section, self.last_interface)
    }

    /// How the interface of the last packet describes itself, and how it counts time.
    pub(super) fn describe_interface(&self) -> Option<(InterfaceSummary, Clock)> {
        let interface = self.interfaces.get(self.last_interface as usize)?;
        Some((interface.description().clone(), interface.clock))
    }

    /// What the file says of itself, and what was wrong with it.
    pub(super) fn into_provenance(mut self) -> Provenance {
        self.end_section();
        self.provenance
    }

    /// Takes in one whole block; `position` is where it lies in the buffer.
    #[inline]
    fn block(&mut self, head: &BlockHead, block: &[u8], position: usize) -> Option<Record> {
        let body = block
            .get(BLOCK_HEAD..block.len().saturating_sub(BLOCK_TAIL))
            .unwrap_or_default();
        let packet = match head.kind {
            ENHANCED_PACKET => enhanced_packet(self.order, body),
            SIMPLE_PACKET => self.simple_packet(body),
            OBSOLETE_PACKET => obsolete_packet(self.order, body),
            SECTION_HEADER => {
                self.section_header(head.order, body);
                return None;
            }
            INTERFACE_DESCRIPTION => {
                self.interface_description(body);
                return None;
            }
            INTERFACE_STATISTICS => {
                self.interface_statistics(body);
                return None;
            }
            _ => return None,
        };
        match packet {
            Some(packet) => self.packet(&packet, position),
            None => {
                self.provenance
                    .anomalies
                    .note("packet-block-malformed", None);
                None
            }
        }
    }

    #[inline]
    fn packet(&mut self, packet: &Packet<'_>, position: usize) -> Option<Record> {
        let Some(interface) = self.interfaces.get_mut(packet.interface as usize) else {
            self.provenance.anomalies.note("interface-missing", None);
            return None;
        };
        let Some((_, behind)) = packet
            .body
            .get(packet.head..)
            .and_then(|frame| frame.split_at_checked(packet.captured))
        else {
            self.provenance
                .anomalies
                .note("packet-block-malformed", None);
            return None;
        };
        // Less than an option's head is padding.
        if behind.len() > 4 {
            let padding = packet.captured.wrapping_neg() % 4;
            interface.packet_options(self.order, behind.get(padding..).unwrap_or_default());
        }
        interface.frames = interface.frames.saturating_add(1);
        let (timestamp, in_range) = match packet.ticks {
            Some(ticks) => interface.clock.time(ticks),
            None => (self.last_time, true),
        };
        self.last_time = timestamp;
        self.last_interface = packet.interface;
        // A body is never larger than `MAX_RECORD`.
        let captured = u32::try_from(packet.captured).unwrap_or(u32::MAX);
        Some(Record {
            timestamp,
            link_type: interface.link_type,
            original_length: packet.original.max(captured),
            start: position
                .saturating_add(BLOCK_HEAD)
                .saturating_add(packet.head),
            length: packet.captured,
            defects: Defects::default()
                .with(Defects::TIME_OUT_OF_RANGE, !in_range)
                .with(Defects::NO_TIME, packet.ticks.is_none())
                .with(Defects::ORIGINAL_TOO_SMALL, packet.original < captured),
        })
    }

    /// Simple Packet Block (§4.4): original length, then as much of the frame as the first interface's snap length allows.
    fn simple_packet<'a>(&self, body: &'a [u8]) -> Option<Packet<'a>> {
        let [original] = self.order.words(body)?;
        let snap_length = match self
            .interfaces
            .first()
            .map(|interface| interface.snap_length)
        {
            None | Some(0) => u32::MAX,
            Some(snap_length) => snap_length,
        };
        let available = body.len().saturating_sub(4);
        let captured = (original.min(snap_length) as usize).min(available);
        Some(Packet {
            interface: 0,
            ticks: None,
            captured,
            original,
            head: 4,
            body,
        })
    }

    /// Section Header Block (§4.1).
    fn section_header(&mut self, order: ByteOrder, body: &[u8]) {
        self.end_section();
        self.section = self.section.saturating_add(1);
        self.order = order;
        let mut section = CaptureSection::default();
        for (code, value) in options(order, body.get(16..).unwrap_or_default()) {
            match code {
                1 if section.comments.len() < MAX_COMMENTS => {
                    section.comments.push(printable(value, MAX_TEXT))
                }
                2 => section.hardware = Some(printable(value, MAX_TEXT)),
                3 => section.operating_system = Some(printable(value, MAX_TEXT)),
                4 => section.application = Some(printable(value, MAX_TEXT)),
                _ => {}
            }
        }
        self.provenance.add_section(section);
    }

    /// Interface Description Block (§4.2).
    fn interface_description(&mut self, body: &[u8]) {
        let anomaly = if self.interfaces.len() >= MAX_SECTION_INTERFACES {
            "interface-limit-reached"
        } else if let Some(interface) = Interface::read(self.order, body) {
            self.interfaces.push(interface);
            return;
        } else {
            "interface-block-malformed"
        };
        self.provenance.anomalies.note(anomaly, None);
    }

    /// Interface Statistics Block (§4.6): interface, time, then counters as options.
    fn interface_statistics(&mut self, body: &[u8]) {
        let Some([number, _, _]) = self.order.words(body) else {
            return;
        };
        if let Some(interface) = self.interfaces.get_mut(number as usize) {
            interface.statistics(self.order, body.get(12..).unwrap_or_default());
        }
    }

    fn end_section(&mut self) {
        self.provenance
            .add_interfaces(self.interfaces.drain(..).map(Interface::into_summary));
    }

    #[cold]
    fn pass_over_damage(&mut self, buffer: &mut ReadBuffer, trouble: Trouble) -> bool {
        let order = self.order;
        pass_over(buffer, &mut self.provenance, "block", trouble, |buffer| {
            is_block(order, buffer)
        })
    }
}

/// Enhanced Packet Block (§4.3).
#[inline]
fn enhanced_packet(order: ByteOrder, body: &[u8]) -> Option<Packet<'_>> {
    let [interface, high, low, captured, original] = order.words(body)?;
    let ticks = Some(u64::from(high) << 32 | u64::from(low));
    Some(Packet {
        interface,
        ticks,
        captured: captured as usize,
        original,
        head: 20,
        body,
    })
}

/// Packet Block (appendix A), written by Wireshark before 2010: the interface has 16 bits, a drop count takes the others.
fn obsolete_packet(order: ByteOrder, body: &[u8]) -> Option<Packet<'_>> {
    let [interface, _drops] = order.halves(body)?;
    Some(Packet {
        interface: interface.into(),
        ..enhanced_packet(order, body)?
    })
}

#[cfg(test)]
mod tests {
    use super::super::pcapng_block::{BYTE_ORDER_MAGIC, DECRYPTION_SECRETS, NAME_RESOLUTION};
    use super::ByteOrder::{Big, Little};
    use super::*;
    use crate::facts::LinkType;
    use std::io::Cursor;

    const NS: i64 = 1_000_000_000;

    /// Writes blocks in one byte order.
    struct Blocks {
        order: ByteOrder,
        bytes: Vec<u8>,
    }

    impl Blocks {
        fn new(order: ByteOrder) -> Self {
            Self {
                order,
                bytes: Vec::new(),
            }
        }

        fn word(&self, word: u32) -> [u8; 4] {
            if self.order == Big {
                word.to_be_bytes()
            } else {
                word.to_le_bytes()
            }
        }

        fn half(&self, half: u16) -> [u8; 2] {
            if self.order == Big {
                half.to_be_bytes()
            } else {
                half.to_le_bytes()
            }
        }

        fn words(&self, words: &[u32]) -> Vec<u8> {
            words.iter().flat_map(|word| self.word(*word)).collect()
        }

        fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
            let mut bytes = [self.half(code), self.half(value.len() as u16)].concat();
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        }

        fn block(&mut self, kind: u32, body: &[u8]) {
            let padded = body.len().next_multiple_of(4);
            let total = self.word(padded as u32 + 12);
            self.bytes.extend([self.word(kind), total].concat());
            self.bytes.extend(body);
            self.bytes.extend(vec![0; padded - body.len()]);
            self.bytes.extend(total);
        }

        fn section(&mut self, options: &[u8]) {
            let body = [
                self.words(&[BYTE_ORDER_MAGIC]),
                self.half(1).into(),
                self.half(0).into(),
                vec![0xff; 8],
            ];
            self.block(SECTION_HEADER, &[body.concat(), options.to_vec()].concat());
        }

        fn interface(&mut self, link_type: u16, snap_length: u32, options: &[u8]) {
            let body = [self.half(link_type), [0; 2]].concat();
            self.block(
                INTERFACE_DESCRIPTION,
                &[&body, &self.words(&[snap_length])[..], options].concat(),
            );
        }

        fn packet(&mut self, interface: u32, ticks: u64, frame: &[u8], options: &[u8]) {
            let length = frame.len() as u32;
            let mut body = self.words(&[
                interface,
                (ticks >> 32) as u32,
                ticks as u32,
                length,
                length + 1,
            ]);
            body.extend(frame);
            body.resize(body.len().next_multiple_of(4), 0);
            body.extend(options);
            self.block(ENHANCED_PACKET, &body);
        }
    }

    type Frames = Vec<(i64, u32, Vec<u8>, u32, Defects)>;

    /// Time, link type, octets, original length and defects of every record, and what the file says.
    fn read(bytes: &[u8]) -> (Frames, Provenance) {
        let mut buffer = ReadBuffer::new(Box::new(Cursor::new(bytes.to_vec())));
        let mut reader = PcapngReader::open(&mut buffer).unwrap();
        let mut records = Vec::new();
        while let Some(r) = reader.next_record(&mut buffer) {
            let frame = buffer.slice(r.start, r.length).to_vec();
            records.push((
                r.timestamp.0,
                r.link_type.0,
                frame,
                r.original_length,
                r.defects,
            ));
        }
        assert!(reader.next_record(&mut buffer).is_none());
        (records, reader.into_provenance())
    }

    fn frame(time: i64, link_type: u32, frame: &[u8]) -> (i64, u32, Vec<u8>, u32, Defects) {
        (
            time,
            link_type,
            frame.to_vec(),
            frame.len() as u32 + 1,
            Defects::default(),
        )
    }

    #[test]
    fn interfaces_of_one_file_may_differ_in_everything() {
        for order in [Little, Big] {
            let mut file = Blocks::new(order);
            file.section(&[]);
            file.interface(1, 65_535, &[]);
            file.interface(101, 128, &file.option(9, &[9]));
            let offset = if order == Big {
                100_i64.to_be_bytes()
            } else {
                100_i64.to_le_bytes()
            };
            let options = [file.option(9, &[0x80 | 10]), file.option(14, &offset)].concat();
            file.interface(113, 0, &options);
            file.packet(0, 1_700_000_000_000_001, b"first", &[]);
            file.packet(2, 1_024 + 512, b"third", &[]);
            file.packet(1, 1_700_000_000_000_000_003, b"second", &[]);
            let (frames, provenance) = read(&file.bytes);
            let expected = [
                frame(1_700_000_000 * NS + 1_000, 1, b"first"),
                frame(101 * NS + NS / 2, 113, b"third"),
                frame(1_700_000_000 * NS + 3, 101, b"second"),
            ];
            assert_eq!(frames, expected);
            let snap_lengths: Vec<u32> = provenance
                .interfaces
                .iter()
                .map(|i| i.snap_length)
                .collect();
            assert_eq!(snap_lengths, [65_535, 128, 0]);
            assert!(provenance.warnings.is_empty());
        }
    }

    #[test]
    fn sections_of_both_orders_in_one_file_start_their_interfaces_anew() {
        let mut first = Blocks::new(Little);
        first.section(&[]);
        first.interface(1, 0, &[]);
        first.packet(0, 1, b"little", &[]);
        let mut second = Blocks::new(Big);
        second.section(&[]);
        second.interface(101, 0, &[]);
        second.packet(0, 2, b"big", &[]);
        let (frames, provenance) = read(&[&first.bytes[..], &second.bytes, &first.bytes].concat());
        assert_eq!(
            frames,
            [
                frame(1_000, 1, b"little"),
                frame(2_000, 101, b"big"),
                frame(1_000, 1, b"little")
            ]
        );
        let counts: Vec<u64> = provenance.interfaces.iter().map(|i| i.frames).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn options_say_who_captured_what() {
        let mut file = Blocks::new(Little);
        let options = [
            file.option(1, b"from the office"),
            file.option(2, b"x86"),
            file.option(3, b"Windows\x1b 11"),
            file.option(4, b"pktmon"),
        ];
        file.section(&options.concat());
        let options = [
            file.option(2, b"Ethernet 2"),
            file.option(3, b"dock"),
            file.option(11, b"\0port 443"),
            file.option(0, b""),
        ];
        file.interface(1, 128, &options.concat());
        file.packet(0, 0, b"frame", &file.option(4, &3_u64.to_le_bytes()));
        let (_, provenance) = read(&file.bytes);
        let expected = CaptureSection {
            hardware: Some("x86".into()),
            operating_system: Some("Windows\\027 11".into()),
            application: Some("pktmon".into()),
            comments: vec!["from the office".into()],
        };
        assert_eq!(provenance.sections, [expected]);
        let expected = InterfaceSummary {
            name: Some("Ethernet 2".into()),
            description: Some("dock".into()),
            link_type: Some(LinkType::ETHERNET),
            snap_length: 128,
            filter: Some("port 443".into()),
            received: None,
            dropped: Some(3),
            frames: 1,
        };
        assert_eq!(provenance.interfaces, [expected]);
    }

    #[test]
    fn the_last_statistics_count() {
        let mut file = Blocks::new(Little);
        file.section(&[]);
        file.interface(1, 0, &[]);
        for scale in [1_u64, 10] {
            let counter = |code, count: u64| file.option(code, &(count * scale).to_le_bytes());
            let options = [counter(4, 100), counter(5, 3), counter(7, 4)].concat();
            let body = [file.words(&[0, 0, 0]), options].concat();
            file.block(INTERFACE_STATISTICS, &body);
        }
        let (_, provenance) = read(&file.bytes);
        assert_eq!(provenance.interfaces[0].received, Some(1_000));
        assert_eq!(provenance.interfaces[0].dropped, Some(70));
    }

    #[test]
    fn simple_packets_take_the_time_before_them_and_the_first_interface() {
        let mut file = Blocks::new(Little);
        file.section(&[]);
        file.interface(1, 6, &[]);
        file.block(SIMPLE_PACKET, &[&file.words(&[3])[..], b"abc"].concat());
        file.packet(0, 5, b"timed", &[]);
        file.block(
            SIMPLE_PACKET,
            &[&file.words(&[90])[..], b"snapped!"].concat(),
        );
        let (frames, _) = read(&file.bytes);
        let expected = [
            (0, 1, b"abc".to_vec(), 3, Defects::NO_TIME),
            frame(5_000, 1, b"timed"),
            (5_000, 1, b"snappe".to_vec(), 90, Defects::NO_TIME),
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn obsolete_packets_have_a_short_interface_number() {
        let mut file = Blocks::new(Big);
        file.section(&[]);
        file.interface(1, 0, &[]);
        file.interface(101, 0, &[]);
        let body = [
            file.half(1).to_vec(),
            file.half(7).to_vec(),
            file.words(&[0, 9, 3, 4]),
            b"abc".to_vec(),
        ];
        file.block(OBSOLETE_PACKET, &body.concat());
        assert_eq!(read(&file.bytes).0, [frame(9_000, 101, b"abc")]);
    }

    #[test]
    fn other_blocks_are_passed_over() {
        let mut file = Blocks::new(Little);
        file.section(&[]);
        file.interface(1, 0, &[]);
        for kind in [
            NAME_RESOLUTION,
            DECRYPTION_SECRETS,
            9,
            0xbad,
            0x4000_0bad,
            0x8000_1234,
        ] {
            file.block(kind, b"anything");
        }
        file.packet(0, 1, b"frame", &[]);
        let (frames, provenance) = read(&file.bytes);
        assert_eq!(frames.len(), 1);
        assert!(provenance.anomalies.kinds().is_empty());
    }

    #[test]
    fn unusable_packets_are_counted_and_passed_over() {
        let mut file = Blocks::new(Little);
        file.section(&[]);
        file.block(SIMPLE_PACKET, &file.words(&[0]));
        file.interface(1, 0, &[]);
        file.packet(7, 1, b"frame", &[]);
        file.block(ENHANCED_PACKET, &file.words(&[0, 0, 0, 9, 9]));
        file.block(ENHANCED_PACKET, &file.words(&[0, 0]));
        file.block(INTERFACE_DESCRIPTION, &[]);
        file.packet(0, 1, b"frame", &[]);
        let (frames, provenance) = read(&file.bytes);
        assert_eq!(frames.len(), 1);
        assert_eq!(provenance.anomalies.count("interface-missing"), 2);
        assert_eq!(provenance.anomalies.count("packet-block-malformed"), 2);
        assert_eq!(provenance.anomalies.count("interface-block-malformed"), 1);
    }

    #[test]
    fn lengths_and_times_out_of_range_are_set_right() {
        let mut file = Blocks::new(Little);
        file.section(&[]);
        file.interface(1, 0, &[]);
        let mut body = file.words(&[0, u32::MAX, u32::MAX, 4, 2]);
        body.extend(b"abcd");
        file.block(ENHANCED_PACKET, &body);
        let defects = Defects::TIME_OUT_OF_RANGE.with(Defects::ORIGINAL_TOO_SMALL, true);
        assert_eq!(
            read(&file.bytes).0,
            [(i64::MAX, 1, b"abcd".to_vec(), 4, defects)]
        );
    }

    fn three_packets() -> (Vec<u8>, [usize; 6]) {
        let mut file = Blocks::new(Little);
        let mut ends = [0; 6];
        file.section(&[]);
        ends[1] = file.bytes.len();
        file.interface(1, 0, &[]);
        ends[2] = file.bytes.len();
        for (i, length) in [60_u8, 1, 100].into_iter().enumerate() {
            file.packet(0, 7, &vec![length; length.into()], &[]);
            ends[3 + i] = file.bytes.len();
        }
        (file.bytes, ends)
    }

    #[test]
    fn every_cut_gives_the_whole_packets_before_it() {
        let (bytes, ends) = three_packets();
        for cut in SECTION_HEADER_LENGTH..=bytes.len() {
            let (frames, provenance) = read(&bytes[..cut]);
            assert_eq!(
                frames.len(),
                ends[3..].iter().filter(|end| **end <= cut).count(),
                "cut at {cut}"
            );
            let inside = u64::from(!ends.contains(&cut));
            assert_eq!(
                provenance.anomalies.count("file-cut"),
                inside,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn packets_behind_a_damaged_block_are_found() {
        let (bytes, ends) = three_packets();
        // Leading length: huge, odd, too small, plausible; then the trailing length.
        for (position, value) in [
            (ends[3] + 7, 0x7f),
            (ends[3] + 4, 0x21),
            (ends[3] + 4, 4),
            (ends[3] + 4, 40),
            (ends[4] - 4, 0),
        ] {
            let mut damaged = bytes.clone();
            damaged[position] = value;
            let (frames, provenance) = read(&damaged);
            let lengths: Vec<usize> = frames.iter().map(|f| f.2.len()).collect();
            assert_eq!(lengths, [60, 100], "{position} {value}");
            let expected = format!(
                "damaged at octet {}; 36 octets were passed over up to the next readable block",
                ends[3]
            );
            assert_eq!(provenance.warnings, [expected]);
        }
    }
}
