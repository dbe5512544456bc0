//! One packet record of a capture file, as positions in the read buffer.

use crate::facts::{LinkType, Timestamp};

/// A frame whose octets still lie in the [`ReadBuffer`](super::read_buffer::ReadBuffer) of its file, until the next record of
/// that file is asked for.
///
/// Positions instead of a borrowed slice let the merge keep one record of every file at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) timestamp: Timestamp,
    pub(super) link_type: LinkType,
    /// Octets on the wire, never less than `length`.
    pub(super) original_length: u32,
    /// Position of the first octet in the buffer.
    pub(super) start: usize,
    /// Captured octets.
    pub(super) length: usize,
    pub(super) defects: Defects,
}

/// What is wrong with a record that can still be used. A set, because anomalies carry the frame's number, which only the
/// merged stream knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Defects(u8);

impl Defects {
    /// The time lies outside the range of [`Timestamp`].
    pub(super) const TIME_OUT_OF_RANGE: Self = Self(1);
    /// The record carries no time; it was given that of the record before.
    pub(super) const NO_TIME: Self = Self(2);
    /// The original length is less than the captured length.
    pub(super) const ORIGINAL_TOO_SMALL: Self = Self(4);

    const NAMES: [(Self, &'static str); 3] = [
        (Self::TIME_OUT_OF_RANGE, "timestamp-out-of-range"),
        (Self::NO_TIME, "packet-without-time"),
        (Self::ORIGINAL_TOO_SMALL, "original-length-too-small"),
    ];

    /// This set, with `defect` when `present`.
    #[inline]
    pub(super) fn with(self, defect: Self, present: bool) -> Self {
        if present {
            Self(self.0 | defect.0)
        } else {
            self
        }
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Stable names of the anomalies in the set.
    pub(super) fn anomalies(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(defect, _)| self.0 & defect.0 != 0)
            .map(|(_, name)| name)
    }
}
