//! intap reads packet captures and says which Microsoft Intune endpoint sets a device reached, which were blocked, by whom,
//! at which stage, and with which packets as proof.
//!
//! # The way of the data
//!
//! ```text
//! frames ─► decode ─► flow ─► dissect ─►  FACTS  ─► attribution ─► audit ─► report
//!    (knows packets, never Intune)     plain data     (knows Intune, never packets)
//! ```
//!
//! In reading order:
//!
//! **The waist.** [`facts`] is what was observed, as plain owned data: flows, DNS exchanges, what devices say of themselves,
//! anomalies. Facts are streamed into a [`facts::FactSink`] as soon as they are finished.
//!
//! **Left of it**, where nobody has heard of Intune:
//!
//! - [`capture`]: frames out of pcap and pcapng files, compressed or not, many files as one stream in time order;
//! - [`decode`]: a frame's octets to the innermost packet, through link types, tunnels and fragments;
//! - [`flow`]: packets to flows: copies, TCP state, bytes in order;
//! - [`dissect`]: payload to messages, one protocol per file;
//! - [`observe`]: the driver: [`observe::Observer`] takes frames and gives facts.
//!
//! **Right of it**, where nobody knows packets:
//!
//! - [`attribution`]: which host a flow was for, and how that is known;
//! - [`catalog`]: what Microsoft documents: editions, endpoint sets, scenarios;
//! - [`audit`]: facts and catalogue to outcomes, verdicts and findings: [`audit::Auditor`] is a sink for facts;
//! - [`report`]: an [`audit::AuditReport`] to text, JSON, HTML and Markdown;
//! - [`evidence`]: the frames behind a report's findings, read a second time and written as a capture of their own;
//! - `tables`: facts and judgements as Parquet, CSV and JSON Lines, and `summary`: questions over them (cargo feature `tables`);
//! - [`results`]: what a report says, read back from its JSON form, for [`diff`] to compare and [`allowlist`] to make rules of;
//! - [`anonymize`]: facts and frames without what tells whose network it is;
//! - `live`: interfaces watched for weeks, with what changes told as it becomes certain (cargo feature `live`).
//!
//! [`cli`] is the edge: the only part that prints, exits, or reads the environment.
//!
//! # Invariants
//!
//! 1. Time comes with the frames. The same frames give the same facts and the same report, whatever carries them.
//! 2. Bytes from the network never panic and never end a run. What cannot be read becomes a counted [`facts::Anomaly`].
//! 3. Every table and buffer has a bound, and reaching one is told.
//! 4. A verdict carries its evidence. What was not seen is never called blocked.
//! 5. Output is a function of the report alone.

pub mod allowlist;
pub mod anonymize;
pub mod attribution;
pub mod audit;
pub mod capture;
pub mod catalog;
pub mod cli;
pub mod decode;
pub mod diff;
pub mod dissect;
pub mod evidence;
pub mod facts;
pub mod flow;
#[cfg(feature = "live")]
pub mod live;
pub mod observe;
pub mod report;
pub mod results;
#[cfg(feature = "tables")]
pub mod summary;
#[cfg(feature = "tables")]
pub mod tables;
