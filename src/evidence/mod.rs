//! The frames behind the findings of a report, as a capture of their own.
//!
//! In come an [`AuditReport`](crate::audit::AuditReport) made with [`AuditOptions::keep_proof`](crate::audit::AuditOptions::keep_proof)
//! and, a second time, the frames it was made from; out goes a pcapng file with the frames that prove the findings, each with
//! a comment that says what it proves. The octets, times and lengths of a frame stay what they were.
//!
//! Frames are found again by their numbers, and connections by their ends between two frame numbers. Nothing here judges
//! anything or knows where the frames come from.

mod extract;
mod plan;

pub use extract::{Extract, ExtractError, extract};
pub use plan::EvidencePlan;
