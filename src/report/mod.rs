//! An [`crate::audit::AuditReport`], or an answer about the catalogue, to bytes; one format per file.
//!
//! Output is a function of the report alone: stable order, no clock, no locale, no guess about the terminal.

pub mod allowlist;
pub mod catalog;
pub mod codes;
mod community_id;
pub mod diff;
#[cfg(feature = "live")]
pub mod event;
pub mod html;
pub mod json;
pub mod markdown;
pub mod scenarios;
pub mod schema;
pub(crate) mod sparkline;
pub mod text;
pub(crate) mod wording;

#[cfg(feature = "tables")]
pub(crate) use catalog::spreadsheet_cell;
#[cfg(feature = "tables")]
pub(crate) use community_id::community_id;
#[cfg(any(feature = "tables", feature = "live"))]
pub(crate) use html::figures;
#[cfg(feature = "tables")]
pub(crate) use json::{application as application_code, dns_transport as dns_transport_code};
#[cfg(feature = "tables")]
pub(crate) use markdown::prose as markdown_cell;
