//! Which file and which interface a frame came from.

use super::capture_reader::CaptureReader;
use super::clock::Clock;
use crate::facts::{FrameNumber, InterfaceSummary};

/// Where a frame came from.
#[derive(Clone, Copy)]
pub struct FrameOrigin<'a> {
    reader: &'a CaptureReader,
    rank: usize,
}

/// One interface among those of all inputs, to tell it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceKey {
    /// Position of the file among the inputs.
    rank: usize,
    /// Section of the file.
    section: u32,
    /// Number in that section.
    interface: u32,
}

/// What has to be known of an interface to write its frames again.
#[derive(Debug, Clone)]
pub struct RecordedInterface {
    /// How it describes itself; its counters are empty.
    pub summary: InterfaceSummary,
    /// How it counts time.
    pub(super) clock: Clock,
}

impl RecordedInterface {
    /// An interface that is captured from, which counts nanoseconds.
    #[must_use]
    pub fn live(summary: InterfaceSummary) -> Self {
        Self {
            summary,
            clock: Clock::MICROSECONDS.with_resolution(9),
        }
    }
}

impl<'a> FrameOrigin<'a> {
    /// The origin of the record that `reader` gave last.
    pub(super) fn new(reader: &'a CaptureReader, rank: usize) -> Self {
        Self { reader, rank }
    }

    /// The file as it was named, printable.
    #[must_use]
    pub fn input(&self) -> &'a str {
        self.reader.name()
    }

    /// Position in that file, from 1.
    #[must_use]
    pub fn number(&self) -> FrameNumber {
        FrameNumber(self.reader.records())
    }

    /// The interface that captured it.
    #[must_use]
    pub fn interface(&self) -> InterfaceKey {
        let (section, interface) = self.reader.last_interface();
        InterfaceKey {
            rank: self.rank,
            section,
            interface,
        }
    }

    /// What is known of that interface; `None` when the file does not describe it.
    #[must_use]
    pub fn describe_interface(&self) -> Option<RecordedInterface> {
        let (summary, clock) = self.reader.describe_interface()?;
        Some(RecordedInterface { summary, clock })
    }
}
