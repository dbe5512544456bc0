//! One frame as it was captured.

use crate::facts::{FrameNumber, LinkType, Seen, Timestamp};

/// One captured frame; its bytes are borrowed from the reader's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Position in the whole input, from 1.
    pub number: FrameNumber,
    /// Capture time.
    pub timestamp: Timestamp,
    /// Link type of the interface it was captured on.
    pub link_type: LinkType,
    /// Octets it had on the wire; never less than `bytes.len()`.
    pub original_length: u32,
    /// The captured octets.
    pub bytes: &'a [u8],
}

impl Frame<'_> {
    /// Number and time, for evidence.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen {
            frame: self.number,
            time: self.timestamp,
        }
    }
}
