//! Writes a pcapng file (draft-ietf-opsawg-pcapng): one section, any number of interfaces, frames with comments.
//!
//! In come [`Frame`]s and the interfaces they were captured on; out goes a file that keeps of each frame its octets, its
//! original length, its time to the resolution it was recorded with, and the link type and snap length of its interface.

use super::Frame;
use super::clock::Clock;
use super::frame_origin::RecordedInterface;
use super::pcapng_block::{
    BYTE_ORDER_MAGIC, ENHANCED_PACKET, INTERFACE_DESCRIPTION, SECTION_HEADER,
};
use crate::facts::LinkType;
use std::io::{self, Write};

/// Option codes (§3.5, §4.1 to §4.3).
const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_OR_APPLICATION: u16 = 4;
const INTERFACE_TEXT: u16 = 3;
const INTERFACE_RESOLUTION: u16 = 9;
const INTERFACE_FILTER: u16 = 11;
const INTERFACE_OFFSET: u16 = 14;

/// Longest text written as an option, in octets: lengths have 16 bits, and nobody reads more.
const MAX_OPTION_TEXT: usize = 8_192;

/// A pcapng file under way, in little-endian order.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    /// How each interface written so far counts time.
    clocks: Vec<Clock>,
    /// The block being put together.
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Starts a file with a section header that names the writing program and says what the file is.
    ///
    /// # Errors
    ///
    /// Whatever `out` reports.
    pub fn new(out: W, application: &str, comment: &str) -> io::Result<Self> {
        let mut writer = Self {
            out,
            clocks: Vec::new(),
            block: Vec::new(),
        };
        writer.word(BYTE_ORDER_MAGIC);
        writer.half(1);
        writer.half(0);
        // "Section Length equal to -1 means that the size of the section is not specified" (§4.1).
        writer.block.extend([0xff; 8]);
        writer.text(COMMENT, comment);
        writer.text(INTERFACE_OR_APPLICATION, application);
        writer.end_options();
        writer.end_block(SECTION_HEADER)?;
        Ok(writer)
    }

    /// Describes an interface and gives the number that frames name it by.
    ///
    /// # Errors
    ///
    /// Whatever the output reports.
    pub fn add_interface(&mut self, interface: &RecordedInterface) -> io::Result<u32> {
        let clock = interface.clock.writable();
        let summary = &interface.summary;
        let LinkType(link_type) = summary.link_type.unwrap_or(LinkType(u32::MAX));
        self.half(u16::try_from(link_type).unwrap_or(u16::MAX));
        self.half(0);
        self.word(summary.snap_length);
        if let Some(name) = &summary.name {
            self.text(INTERFACE_NAME, name);
        }
        if let Some(description) = &summary.description {
            self.text(INTERFACE_TEXT, description);
        }
        self.option(INTERFACE_RESOLUTION, &[clock.resolution()]);
        if let Some(filter) = &summary.filter {
            // The first octet says that the rest is text.
            self.text(INTERFACE_FILTER, &format!("\0{filter}"));
        }
        if clock.offset_seconds() != 0 {
            self.option(INTERFACE_OFFSET, &clock.offset_seconds().to_le_bytes());
        }
        self.end_options();
        self.end_block(INTERFACE_DESCRIPTION)?;
        self.clocks.push(clock);
        Ok(u32::try_from(self.clocks.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    /// Writes a frame of an interface described before, with a comment unless that is empty.
    ///
    /// # Errors
    ///
    /// Whatever the output reports; [`io::ErrorKind::InvalidInput`] for an interface that was not described.
    pub fn write(&mut self, interface: u32, frame: &Frame<'_>, comment: &str) -> io::Result<()> {
        let Some(clock) = self.clocks.get(interface as usize) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let [low, high] = halves(clock.ticks(frame.timestamp));
        let captured = u32::try_from(frame.bytes.len()).map_err(io::Error::other)?;
        self.word(interface);
        self.word(high);
        self.word(low);
        self.word(captured);
        self.word(frame.original_length);
        self.block.extend_from_slice(frame.bytes);
        self.pad();
        if !comment.is_empty() {
            self.text(COMMENT, comment);
            self.end_options();
        }
        self.end_block(ENHANCED_PACKET)
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn half(&mut self, value: u16) {
        self.block.extend(value.to_le_bytes());
    }

    fn word(&mut self, value: u32) {
        self.block.extend(value.to_le_bytes());
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.half(code);
        self.half(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.block.extend_from_slice(value);
        self.pad();
    }

    fn text(&mut self, code: u16, text: &str) {
        let mut end = text.len().min(MAX_OPTION_TEXT);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        self.option(code, text.get(..end).unwrap_or_default().as_bytes());
    }

    fn end_options(&mut self) {
        self.word(0);
    }

    fn end_block(&mut self, kind: u32) -> io::Result<()> {
        // Type, length, and the length again behind the body (§3.1).
        let total = u32::try_from(self.block.len().saturating_add(12)).map_err(io::Error::other)?;
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&total.to_le_bytes())?;
        self.out.write_all(&self.block)?;
        self.out.write_all(&total.to_le_bytes())?;
        self.block.clear();
        Ok(())
    }
}

/// The lower and the upper 32 bits.
#[allow(
    clippy::cast_possible_truncation,
    reason = "each half is what is wanted"
)]
fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::super::FrameStream;
    use super::*;
    use crate::facts::{FrameNumber, InterfaceSummary, Timestamp};
    use std::io::Cursor;

    fn interface(link_type: u32, snap_length: u32, clock: Clock) -> RecordedInterface {
        RecordedInterface {
            summary: InterfaceSummary {
                name: Some("eth0".into()),
                description: Some("uplink".into()),
                filter: Some("tcp".into()),
                link_type: Some(LinkType(link_type)),
                snap_length,
                ..InterfaceSummary::default()
            },
            clock,
        }
    }

    #[test]
    fn what_is_written_reads_as_it_was() {
        let clocks = [
            Clock::MICROSECONDS,
            Clock::MICROSECONDS.with_resolution(9).with_offset(7_200),
        ];
        let mut writer = PcapngWriter::new(Vec::new(), "intap", "evidence").unwrap();
        writer.add_interface(&interface(1, 96, clocks[0])).unwrap();
        writer.add_interface(&interface(276, 0, clocks[1])).unwrap();
        let frames = [
            (0, 1_763_800_000_123_456_000, &b"12345"[..], 60),
            (1, 1_763_800_000_123_456_789, b"", 0),
            (0, 1_763_800_001_000_001_000, b"1234", 4),
        ];
        let comment = "é".repeat(40_000);
        for (interface, time, bytes, original_length) in frames {
            let frame = Frame {
                number: FrameNumber(0),
                timestamp: Timestamp(time),
                link_type: LinkType(0),
                original_length,
                bytes,
            };
            writer.write(interface, &frame, &comment).unwrap();
            assert!(writer.write(2, &frame, "").is_err());
        }
        let mut stream =
            FrameStream::from_reader("test", Cursor::new(writer.into_inner())).unwrap();
        for (interface, time, bytes, original_length) in frames {
            let (frame, origin) = stream.next_with_origin().unwrap();
            assert_eq!((frame.timestamp.0, frame.bytes), (time, bytes));
            assert_eq!(frame.original_length, original_length);
            let LinkType(link_type) = frame.link_type;
            assert_eq!(link_type, [1, 276][interface as usize]);
            let read = origin.describe_interface().unwrap();
            assert_eq!(read.clock, clocks[interface as usize]);
            assert_eq!(read.summary.snap_length, [96, 0][interface as usize]);
            assert_eq!(read.summary.filter.as_deref(), Some("tcp"));
        }
        assert!(stream.next_frame().is_none());
        let provenance = stream.finish();
        assert_eq!(provenance.warnings, Vec::<String>::new());
        assert_eq!(provenance.sections[0].application.as_deref(), Some("intap"));
    }
}
