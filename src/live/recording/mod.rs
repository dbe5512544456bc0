//! Packets behind `blocked` events, kept as files: those of the host and device concerned, from before the event to a while
//! after.
//!
//! In come every frame that is captured and every event; out go pcapng files and events that name them. In reading order:
//!
//! - [`ring`], [`memory`]: the newest frames, in a bounded block of memory;
//! - [`affected`]: which packets belong to an event;
//! - `file`: one file under way;
//! - [`recorder`]: which events are recorded, and the bounds of it all;
//! - [`desk`]: the thread it runs on, and the two ends that other threads hold.
//!
//! Whoever captures does no more than copy each frame into memory. Everything else happens on a thread of its own: when a
//! disk is slow, frames are missed there and counted, and watching goes on.

pub mod affected;
pub mod desk;
mod file;
pub mod memory;
pub mod recorder;
pub mod ring;

pub use affected::Trigger;
pub use desk::{RecordingDesk, record};
pub use memory::Memory;
pub use recorder::{Recorder, RecorderOptions};
