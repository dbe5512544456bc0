//! Answers about the catalogue, as text of 80 columns and as JSON; an edition as CSV too.

mod editions;
mod explanation;
pub(super) mod export;
mod imported;
mod list;
pub(super) mod page;
mod set;
mod set_changes;
mod validation;

pub use editions::{EditionLine, editions_json, editions_text};
pub use explanation::{explanation_json, explanation_text};
#[cfg(feature = "tables")]
pub(crate) use export::cell as spreadsheet_cell;
pub use export::{edition_csv, edition_json};
pub use imported::imported_text;
pub use list::{list_json, list_text};
pub use set::{sets_json, sets_text};
pub use set_changes::{changes_json, changes_text};
pub use validation::{validation_json, validation_text};

use serde::Serialize;

/// Indented JSON with a line end.
pub(super) fn json(value: &impl Serialize) -> String {
    // Serialising plain structures to memory cannot fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
