//! What the monitor tells as it happens.

use crate::audit::standing::Contacts;
use crate::audit::{Cause, Evidence};
use crate::catalog::{FeatureArea, Requirement, SetKey};
use crate::facts::Timestamp;
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::time::Duration;

/// Something that happened, in the order in which it became certain.
#[derive(Debug, Clone)]
pub struct Event {
    /// Position among the events of this run, from 1 without gaps: a reader can tell that it missed some.
    pub number: u64,
    /// When it became certain: capture time, moved on by the clock while no packet comes.
    pub time: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// A device and one host of an endpoint set that it tried.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The device's addresses known to be one device, IPv4 first.
    pub client: Vec<IpAddr>,
    /// The name the device gives itself.
    pub client_name: Option<CompactString>,
    /// The endpoint sets that list the host by their most specific pattern.
    pub sets: SmallVec<[SetKey; 2]>,
    /// The first set's feature area.
    pub feature_area: FeatureArea,
    /// How much the device's scenario, as far as it is known, needs the set that it needs most.
    pub requirement: Requirement,
    /// The host's name, or its address where it has none.
    pub host: CompactString,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// The monitor watches; always the first event.
    Started {
        /// The interfaces.
        interfaces: Vec<CompactString>,
        /// The edition that is judged by.
        edition: String,
        /// The rolling window of verdicts.
        window: Duration,
    },
    /// A device tried something of the endpoint list for the first time, or for the first time since it was forgotten.
    ClientSeen {
        /// Its addresses.
        client: Vec<IpAddr>,
        /// The name it gives itself.
        client_name: Option<CompactString>,
    },
    /// A device was served by a host of a set for the first time.
    ReachedFirstTime(Subject),
    /// A host is blocked for a device.
    Blocked {
        /// Who and what.
        subject: Subject,
        /// Why.
        cause: Cause,
        /// Start of the first attempt that failed.
        since: Timestamp,
        /// Attempts and lookups that failed since, as far as they are remembered.
        failed: u32,
        /// Packets that prove it.
        evidence: Vec<Evidence>,
        /// Where the attempts went, to find their packets by.
        contacts: Contacts,
    },
    /// A host that was blocked serves the device again.
    Recovered {
        /// Who and what.
        subject: Subject,
        /// What had stopped it.
        cause: Cause,
        /// Start of the first attempt that had failed.
        since: Timestamp,
    },
    /// A host that was blocked was not tried for a whole window: whether it still is blocked is unknown.
    Lapsed {
        /// Who and what.
        subject: Subject,
        /// What had stopped it.
        cause: Cause,
        /// Start of the first attempt that had failed.
        since: Timestamp,
    },
    /// An interface went down or away; it is waited for.
    InterfaceLost {
        /// Its name.
        interface: CompactString,
        /// Why, in words.
        reason: String,
    },
    /// It is back and watched again.
    InterfaceBack {
        /// Its name.
        interface: CompactString,
        /// How long it was away.
        away: Duration,
    },
    /// Packets were dropped before intap saw them, since the event of this kind before (at most one per interface and ten
    /// seconds).
    Drops {
        /// The interface.
        interface: CompactString,
        /// Packets for which the kernel's buffer had no room.
        kernel: u64,
        /// Packets the interface or its driver dropped.
        device: u64,
    },
    /// A table was full and something was let go of (at most one per limit and minute).
    LimitReached {
        /// The limit's name.
        limit: &'static str,
        /// How often since the event of this kind before.
        count: u64,
    },
    /// Catalogue and configuration were read again and are in use.
    Reloaded {
        /// The edition that is judged by now.
        edition: String,
    },
    /// They were read again, are not valid, and the old ones stay in use.
    ReloadRefused {
        /// What is wrong, in words.
        reason: String,
    },
    /// A report was written on request.
    ReportWritten {
        /// Where.
        place: String,
    },
    /// The packets behind a `blocked` event were written to a file.
    Recorded {
        /// The number of that event.
        of: u64,
        /// The device's addresses.
        client: Vec<IpAddr>,
        /// The host.
        host: CompactString,
        /// The file, printable.
        file: String,
        /// Frames in it.
        frames: u64,
        /// Its size in octets.
        octets: u64,
        /// Frames of any kind that were overwritten in memory before they could be looked at.
        missed: u64,
        /// Recording ended early, because the file or the folder was full.
        ended_early: bool,
    },
    /// Packets behind `blocked` events could not be written (at most one event a minute).
    RecordingFailed {
        /// What went wrong last, in words.
        reason: String,
        /// Recordings that failed since the event of this kind before.
        count: u64,
    },
    /// Tables cannot be written any more, for now: told once, until they can be again.
    TablesStopped {
        /// Why, in words.
        reason: String,
    },
    /// Tables are written again.
    TablesResumed {
        /// Rows that are in no table.
        lost: u64,
    },
    /// The monitor ends; always the last event.
    Stopped {
        /// Frames seen.
        frames: u64,
        /// Packets dropped by kernel and interfaces.
        dropped: u64,
        /// Devices that tried something of the endpoint list.
        clients: usize,
        /// Hard requirements that failed, over all devices.
        hard_failures: usize,
        /// Findings above information.
        findings: usize,
    },
}

impl EventKind {
    /// Every stable name.
    pub const NAMES: [&str; 18] = [
        "started",
        "client_seen",
        "reached_first_time",
        "blocked",
        "recovered",
        "lapsed",
        "interface_lost",
        "interface_back",
        "drops",
        "limit_reached",
        "reloaded",
        "reload_refused",
        "report_written",
        "recorded",
        "recording_failed",
        "tables_stopped",
        "tables_resumed",
        "stopped",
    ];

    /// The stable name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::ClientSeen { .. } => "client_seen",
            Self::ReachedFirstTime(_) => "reached_first_time",
            Self::Blocked { .. } => "blocked",
            Self::Recovered { .. } => "recovered",
            Self::Lapsed { .. } => "lapsed",
            Self::InterfaceLost { .. } => "interface_lost",
            Self::InterfaceBack { .. } => "interface_back",
            Self::Drops { .. } => "drops",
            Self::LimitReached { .. } => "limit_reached",
            Self::Reloaded { .. } => "reloaded",
            Self::ReloadRefused { .. } => "reload_refused",
            Self::ReportWritten { .. } => "report_written",
            Self::Recorded { .. } => "recorded",
            Self::RecordingFailed { .. } => "recording_failed",
            Self::TablesStopped { .. } => "tables_stopped",
            Self::TablesResumed { .. } => "tables_resumed",
            Self::Stopped { .. } => "stopped",
        }
    }
}
