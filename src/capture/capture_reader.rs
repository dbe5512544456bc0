//! One capture file of either format, plain or compressed.

use super::clock::Clock;
use super::decompress::Compression;
use super::error::CaptureError;
use super::foreign_format::ForeignFormat;
use super::pcap::PcapReader;
use super::pcapng::PcapngReader;
use super::pcapng_block::SECTION_HEADER_LENGTH;
use super::provenance::Provenance;
use super::read_buffer::ReadBuffer;
use super::record::Record;
use crate::facts::InterfaceSummary;
use std::io::Read;

/// Walks the records of one file in file order.
pub(super) struct CaptureReader {
    name: String,
    buffer: ReadBuffer,
    format: Format,
    /// Records given so far.
    records: u64,
}

enum Format {
    Pcap(PcapReader),
    Pcapng(PcapngReader),
}

impl CaptureReader {
    /// Reads the file header from `source`; `name` is what the input is called in messages.
    pub(super) fn open(name: &str, source: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        let mut buffer = ReadBuffer::new(source);
        buffer.fill(Compression::MAGIC_LENGTH);
        if let Some(compression) = Compression::of(buffer.window()) {
            let decoder = compression
                .decoder(buffer.into_source())
                .map_err(|cause| CaptureError::from_io(name.to_owned(), cause))?;
            buffer = ReadBuffer::of_decoder(decoder);
            buffer.fill(Compression::MAGIC_LENGTH);
        }
        let format = match buffer.window().first_chunk() {
            Some(magic) if PcapReader::recognises(*magic) => {
                PcapReader::open(&mut buffer).map(Format::Pcap)
            }
            Some(magic) if PcapngReader::recognises(*magic) => {
                PcapngReader::open(&mut buffer).map(Format::Pcapng)
            }
            _ => None,
        };
        match format {
            Some(format) => Ok(Self {
                name: name.to_owned(),
                buffer,
                format,
                records: 0,
            }),
            None => Err(refusal(name.to_owned(), buffer)),
        }
    }

    /// The next record; its octets stay in place until the next call.
    #[inline]
    pub(super) fn next_record(&mut self) -> Option<Record> {
        let record = match &mut self.format {
            Format::Pcap(reader) => reader.next_record(&mut self.buffer),
            Format::Pcapng(reader) => reader.next_record(&mut self.buffer),
        };
        self.records = self.records.wrapping_add(u64::from(record.is_some()));
        record
    }

    /// What the input is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Number of the last record, from 1.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Section and interface of the last record; a pcap file has one of each.
    pub(super) fn last_interface(&self) -> (u32, u32) {
        match &self.format {
            Format::Pcap(_) => (0, 0),
            Format::Pcapng(reader) => reader.last_interface(),
        }
    }

    /// How the interface of the last record describes itself, and how it counts time.
    pub(super) fn describe_interface(&self) -> Option<(InterfaceSummary, Clock)> {
        match &self.format {
            Format::Pcap(reader) => Some(reader.describe_interface()),
            Format::Pcapng(reader) => reader.describe_interface(),
        }
    }

    /// The captured octets of the last record.
    #[inline]
    pub(super) fn octets(&self, record: &Record) -> &[u8] {
        self.buffer.slice(record.start, record.length)
    }

    /// Adds what the file says of itself, and what was wrong with it.
    pub(super) fn close(self, provenance: &mut Provenance) {
        let file = match self.format {
            Format::Pcap(reader) => reader.into_provenance(),
            Format::Pcapng(reader) => reader.into_provenance(),
        };
        provenance.absorb(&self.name, file);
    }
}

/// Why a file whose header cannot be read is no capture.
fn refusal(input: String, mut buffer: ReadBuffer) -> CaptureError {
    buffer.fill(ForeignFormat::HEAD_LENGTH);
    let octets = buffer.window().len();
    let magic = buffer.window().first_chunk();
    let is_cut = magic.is_some_and(|magic| {
        // A pcap header that is whole is always accepted, a pcapng one may have no byte order.
        PcapReader::recognises(*magic)
            || (PcapngReader::recognises(*magic) && octets < SECTION_HEADER_LENGTH)
    });
    if (octets == 0 || is_cut)
        && let Some(cause) = buffer.take_failure()
    {
        return if buffer.is_decompressed() {
            CaptureError::CompressionDamaged { input, cause }
        } else {
            CaptureError::from_io(input, cause)
        };
    }
    if octets == 0 {
        CaptureError::Empty { input }
    } else if is_cut {
        CaptureError::HeaderCut { input, octets }
    } else {
        CaptureError::NotACapture {
            input,
            format: ForeignFormat::of(buffer.window()),
        }
    }
}
