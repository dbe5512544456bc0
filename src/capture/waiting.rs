//! Files in the order in which the merged stream comes to them.

use super::capture_reader::CaptureReader;
use super::record::Record;
use crate::facts::Timestamp;
use std::path::PathBuf;

/// A file whose next frame is known by its time.
pub(super) struct Waiting {
    pub(super) time: Timestamp,
    /// Position among the inputs, which decides between equal times.
    pub(super) rank: usize,
    pub(super) file: WaitingFile,
}

pub(super) enum WaitingFile {
    Unopened(PathBuf),
    Open {
        reader: Box<CaptureReader>,
        record: Record,
    },
}

impl Waiting {
    /// What the order goes by.
    pub(super) fn key(&self) -> (Timestamp, usize) {
        (self.time, self.rank)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
