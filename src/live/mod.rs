//! The live monitor: frames of interfaces instead of files, verdicts while they come, events when one changes.
//!
//! It is the pipeline of a file audit, asked earlier. [`crate::observe::Observer`] and [`crate::audit::Auditor`] do the same
//! work; what is new is that flows are told while they are still open, that verdicts cover a rolling window, and that
//! every table forgets.
//!
//! In reading order, left to right:
//!
//! - [`interface`], [`source`], [`filter`]: the only place that captures: frames of interfaces as one stream;
//! - [`tap`]: frames to facts; about once a second a [`pulse`] with what is still open;
//! - [`capturing`]: the thread that does both, and [`link`], through which it tells;
//! - [`monitor`]: facts and pulses to events, snapshots and reports;
//! - [`watch`]: when a host counts as blocked and when as recovered;
//! - [`event`]: what is told as it happens;
//! - [`snapshot`]: the whole state at one moment, for a screen and for metrics, and `totals`, which adds devices up for it;
//! - [`recording`]: the packets behind events, in files, and [`retention`], which keeps a folder of files small;
//! - [`board`]: the newest snapshot, for other threads;
//! - [`metrics`]: a snapshot as a page for Prometheus, and the small server that shows it;
//! - [`screen`]: snapshots and events as a drawing for a terminal;
//! - [`sandbox`]: rights given up before the first packet is read.

pub mod board;
pub mod capturing;
mod error;
pub mod event;
pub mod filter;
pub mod interface;
pub mod link;
pub mod metrics;
pub mod monitor;
pub mod pulse;
pub mod recording;
#[cfg(test)]
mod replayed;
pub mod retention;
pub mod sandbox;
pub mod screen;
mod seccomp;
pub mod snapshot;
pub mod source;
pub mod tap;
mod totals;
pub mod watch;

pub use error::LiveError;
pub use event::{Event, EventKind, Subject};
pub use monitor::{Monitor, MonitorOptions};
pub use pulse::{Notice, Pulse};
pub use snapshot::{
    AreaStatus, BlockedTotal, ClientStatus, HostTotal, InterfaceStatus, SetStatus, SetTotal,
    Snapshot, TableSizes,
};
pub use tap::Tap;
