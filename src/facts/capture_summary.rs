//! What a capture is, as a whole: the ground for its fitness.

use super::{Anomalies, LinkType, Seen};
use compact_str::CompactString;

/// What the capturing program says of itself (pcapng section header).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureSection {
    /// `shb_hardware`, printable.
    pub hardware: Option<CompactString>,
    /// `shb_os`, printable.
    pub operating_system: Option<CompactString>,
    /// `shb_userappl`, printable.
    pub application: Option<CompactString>,
    /// Comments, printable, at most 8.
    pub comments: Vec<CompactString>,
}

/// One capturing interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterfaceSummary {
    /// Name, printable.
    pub name: Option<CompactString>,
    /// Description, printable.
    pub description: Option<CompactString>,
    /// Link type; `None` when unknown.
    pub link_type: Option<LinkType>,
    /// Snap length in octets; 0 means unlimited.
    pub snap_length: u32,
    /// Capture filter, printable.
    pub filter: Option<CompactString>,
    /// Packets the interface received (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Packets dropped by interface, kernel or program (`isb_ifdrop`, `isb_osdrop`, live counters).
    pub dropped: Option<u64>,
    /// Frames read from it.
    pub frames: u64,
}

/// Counters over the whole input.
#[derive(Debug, Clone, Default)]
pub struct CaptureSummary {
    /// Frames read.
    pub frames: u64,
    /// Captured octets.
    pub captured_octets: u64,
    /// Octets on the wire.
    pub original_octets: u64,
    /// Earliest frame by time.
    pub first: Option<Seen>,
    /// Latest frame by time.
    pub last: Option<Seen>,
    /// Frames of which the capture holds less than was sent.
    pub truncated_frames: u64,
    /// Copies of packets recognised.
    pub copies: u64,
    /// Frames whose time lies before that of the frame before.
    pub backward_steps: u64,
    /// Largest step backwards, in nanoseconds.
    pub largest_backward_step: u64,
    /// Packets with a transport checksum that is wrong (offload makes that common on the sending host).
    pub bad_checksums: u64,
    /// Frames by link type.
    pub link_types: Vec<(LinkType, u64)>,
    /// Sections of pcapng files.
    pub sections: Vec<CaptureSection>,
    /// Capturing interfaces.
    pub interfaces: Vec<InterfaceSummary>,
    /// What could not be read.
    pub anomalies: Anomalies,
    /// Warnings about the files in words: cut inside a record, unreadable file …
    pub warnings: Vec<String>,
}
