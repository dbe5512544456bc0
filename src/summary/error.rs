//! Why a question has no answer.

use crate::facts::printable;
use compact_str::CompactString;
use polars::prelude::PolarsError;
use std::path::Path;

/// Longest text of an error that is shown, in characters.
const LONGEST: usize = 400;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// A file or folder cannot be read.
    #[error("{path} cannot be read ({cause}); name a capture, a table, or a folder of them")]
    Read {
        /// Which, made safe to show.
        path: CompactString,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A table's file is damaged, or is none.
    #[error("{path} is no readable table ({cause}); delete it or leave it out")]
    Damaged {
        /// Which, made safe to show.
        path: CompactString,
        /// What is wrong with it.
        cause: CompactString,
    },
    /// Nothing says which of the tables a file belongs to.
    #[error(
        "{path}: nothing says which table this is; keep it in a folder named flows, lookups, verdicts, hosts or findings, or begin \
         its name with one of these words and a hyphen"
    )]
    Nameless {
        /// Which, made safe to show.
        path: CompactString,
    },
    /// Of two tables that belong together one is missing.
    #[error(
        "the tables lack `{0}`; name the folder that `intap audit --tables` wrote, and if it has none, write it again with this \
         version"
    )]
    Missing(&'static str),
    /// A table says what this version does not know, or leaves out what it must say.
    #[error(
        "the table `{table}` has {value} in the column `{column}`, which this version of intap does not know; leave the file out, \
         or write the tables again with this version"
    )]
    Unknown {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// What it has, made safe to show.
        value: CompactString,
    },
    /// The engine gave up.
    #[error("the tables could not be read to their end: {0}")]
    Engine(CompactString),
    /// The SQL statement is none that is allowed, or is wrong.
    #[error("--sql: {0}")]
    Sql(CompactString),
}

impl SummaryError {
    pub(super) fn engine(error: &PolarsError) -> Self {
        Self::Engine(shortened(error))
    }

    pub(super) fn sql(error: &PolarsError) -> Self {
        Self::Sql(shortened(error))
    }

    pub(super) fn damaged(path: &Path, error: &PolarsError) -> Self {
        Self::Damaged {
            path: shown(path),
            cause: shortened(error),
        }
    }
}

/// An error's first line; the engine adds plans of many lines.
fn shortened(error: &PolarsError) -> CompactString {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    printable(line.as_bytes(), LONGEST)
}

/// A path made safe for a terminal.
pub(super) fn shown(path: &Path) -> CompactString {
    printable(path.as_os_str().as_encoded_bytes(), 1_024)
}
