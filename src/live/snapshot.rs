//! The state of the monitor at one moment, as plain owned data: what a screen shows and a metrics page counts.

use crate::audit::standing::Traffic;
use crate::audit::{Cause, Verdict};
use crate::catalog::{FeatureArea, SetKey};
use crate::facts::Timestamp;
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::time::Duration;

/// Hosts listed of one endpoint set.
pub const MOST_HOSTS: usize = 200;

/// Everything at one moment. Counters run since the start and never go back.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The moment: capture time, moved on by the clock while no packet comes.
    pub time: Timestamp,
    /// When watching began.
    pub started: Timestamp,
    /// The edition that is judged by.
    pub edition: String,
    /// The rolling window of verdicts.
    pub window: Duration,
    /// Frames seen.
    pub frames: u64,
    /// Octets they had on the wire.
    pub octets: u64,
    /// The interfaces, in the order in which they were named.
    pub interfaces: Vec<InterfaceStatus>,
    /// How full the tables are.
    pub tables: TableSizes,
    /// One entry per feature area that any device tried, in the catalogue's order.
    pub areas: Vec<AreaStatus>,
    /// One entry per endpoint set that any device tried, in the catalogue's order.
    pub sets: Vec<SetTotal>,
    /// What blocks devices now, one entry per feature area and cause, in the catalogue's order.
    pub blocked: Vec<BlockedTotal>,
    /// Devices that are watched.
    pub devices: u64,
    /// Devices for which a host is blocked now.
    pub devices_blocked: u64,
    /// Devices, those in trouble first, then those seen last; at most as many as were asked for.
    pub clients: Vec<ClientStatus>,
    /// Events so far, by name.
    pub events: Vec<(&'static str, u64)>,
}

/// One interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: CompactString,
    /// It is open; otherwise it is waited for.
    pub up: bool,
    /// Frames read from it.
    pub frames: u64,
    /// Packets for which the kernel's buffer had no room.
    pub dropped_by_kernel: u64,
    /// Packets the interface or its driver dropped.
    pub dropped_by_device: u64,
    /// Times it was lost.
    pub losses: u64,
}

/// Entries in the tables now, with what left them because they were full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableSizes {
    /// Flows under way.
    pub flows: usize,
    /// Flows let go of early.
    pub flows_evicted: u64,
    /// Client addresses.
    pub clients: usize,
    /// Client addresses let go of to make room.
    pub clients_evicted: u64,
    /// Client addresses forgotten after long silence.
    pub clients_expired: u64,
    /// Hosts remembered over all client addresses.
    pub hosts: usize,
    /// Names remembered for addresses.
    pub names: usize,
}

/// One feature area over all devices: how many devices have each verdict in the window. A device counts with its worst set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaStatus {
    /// The feature area.
    pub area: FeatureArea,
    /// Devices for which everything that was tried is reached.
    pub reached: u64,
    /// Devices for which something works in part.
    pub degraded: u64,
    /// Devices with TLS inspection where it is not supported.
    pub intercepted: u64,
    /// Devices with a blocked set.
    pub blocked: u64,
    /// Devices for which the window cannot tell.
    pub inconclusive: u64,
    /// What went there since the start.
    pub traffic: Traffic,
}

/// One endpoint set over all devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetTotal {
    /// Number or key.
    pub set: SetKey,
    /// How many devices have each verdict on this set alone.
    pub devices: AreaStatus,
    /// Its hosts, those that are blocked for most devices first; at most [`MOST_HOSTS`], and none when no devices were asked
    /// for.
    pub hosts: Vec<HostTotal>,
    /// Hosts that are left out there.
    pub more_hosts: usize,
}

/// One host of an endpoint set over all devices that tried it within the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTotal {
    /// Its name, or its address where it has none.
    pub host: CompactString,
    /// Devices for which it is blocked now, by the rule that events follow.
    pub blocked: u64,
    /// Other devices for which something of it failed in the window.
    pub failing: u64,
    /// Devices that it serves.
    pub reached: u64,
    /// Devices for which the window cannot tell.
    pub unclear: u64,
    /// What failed, most devices first.
    pub causes: SmallVec<[(Cause, u64); 2]>,
}

/// What blocks devices in one feature area for one cause, now and by the rule that events follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedTotal {
    /// The feature area.
    pub area: FeatureArea,
    /// What stops them.
    pub cause: Cause,
    /// Devices, each once.
    pub devices: u64,
}

/// One device.
#[derive(Debug, Clone)]
pub struct ClientStatus {
    /// Its addresses known to be one device, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// The name it gives itself, printable.
    pub name: Option<CompactString>,
    /// When it last tried something of the endpoint list.
    pub last_seen: Timestamp,
    /// Its endpoint sets in the catalogue's order.
    pub sets: Vec<SetStatus>,
}

/// One endpoint set of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetStatus {
    /// Number or key.
    pub set: SetKey,
    /// The set's feature area.
    pub area: FeatureArea,
    /// The verdict over the window; `None` when nothing of the set was tried in it.
    pub in_window: Option<Verdict>,
    /// Served at least once since the start, or since the device was forgotten.
    pub ever_reached: bool,
    /// A host of it is blocked now, by the rule that events follow.
    pub blocked_now: bool,
    /// What failed, where something did.
    pub cause: Option<Cause>,
    /// The host that failed, or the one tried last.
    pub host: CompactString,
}
