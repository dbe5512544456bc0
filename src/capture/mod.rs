//! Where frames come from: capture files, plain or compressed, several at once.
//!
//! In come paths, directories and standard input; out comes one stream of [`Frame`]s in time order, borrowed from a read
//! buffer, and a [`Provenance`] that says what the files tell of themselves and what was wrong with them. Nothing here
//! looks inside a frame.
//!
//! Three layers: `read_buffer` and `decompress` turn a file into octets, `pcap` and `pcapng` turn
//! octets into records of one file, and [`FrameStream`] puts the records of all files in order.
//!
//! [`PcapngWriter`] is the way back: frames into a pcapng file, as they were captured.
//!
//! Damage is soft: a file that ends inside a record or holds nonsense gives everything that can be read, a warning in words
//! and a counted anomaly. Only an input of which nothing can be read is a [`CaptureError`].

mod byte_order;
mod capture_reader;
mod clock;
mod damage;
mod decompress;
mod error;
mod foreign_format;
mod frame;
mod frame_origin;
mod frame_stream;
mod input;
mod pcap;
mod pcapng;
mod pcapng_block;
mod pcapng_interface;
mod pcapng_options;
mod pcapng_writer;
mod provenance;
mod read_buffer;
mod record;
mod waiting;

pub use error::CaptureError;
pub use foreign_format::ForeignFormat;
pub use frame::Frame;
pub use frame_origin::{FrameOrigin, InterfaceKey, RecordedInterface};
pub use frame_stream::{FrameStream, Progress};
pub use input::Input;
pub use pcapng_writer::PcapngWriter;
pub use provenance::Provenance;
