//! The live monitor: frames of interfaces instead of files, verdicts while they come, events when one changes.
//!
//! It is the pipeline of a file audit, asked earlier. [`crate::observe::Observer`] and [`crate::audit::Auditor`] do the same
//! work; what is new is that flows are told while they are still open, that verdicts cover a rolling window, and that
//! every table forgets.
//!
//! - [`event`]: what is told as it happens;
//! - [`snapshot`]: the whole state at one moment, for a screen and for metrics.

pub mod event;
pub mod snapshot;

pub use event::{Event, EventKind, Subject};
pub use snapshot::{AreaStatus, ClientStatus, InterfaceStatus, SetStatus, Snapshot, TableSizes};
