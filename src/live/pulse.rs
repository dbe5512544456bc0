//! What the left half tells the right half about once a second.

use super::snapshot::InterfaceStatus;
use crate::facts::{CaptureSummary, FlowRecord, Timestamp};
use compact_str::CompactString;
use std::time::Duration;

/// The state of capture and observation at one moment.
#[derive(Debug)]
pub struct Pulse {
    /// The moment: capture time, moved on by the clock while no packet comes. All facts up to it have been told.
    pub now: Timestamp,
    /// Flows that are still open and of which there is news.
    pub open: Vec<Box<FlowRecord>>,
    /// Counters since the start, the interfaces with their drops among them.
    pub capture: CaptureSummary,
    /// Flows under way.
    pub flows: usize,
    /// The interfaces.
    pub interfaces: Vec<InterfaceStatus>,
    /// What happened to interfaces since the pulse before.
    pub notices: Vec<Notice>,
}

/// What happened to an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It went down or away.
    Lost {
        /// Its name.
        interface: CompactString,
        /// Why, in words.
        reason: String,
    },
    /// It is watched again.
    Back {
        /// Its name.
        interface: CompactString,
        /// How long it was away.
        away: Duration,
    },
}
