//! One table on its way to disk: rows to files by date, bounded, each file whole or absent.

use super::partition::{Partition, Sealed};
use super::row::{Cell, Row};
use super::schema::Table;
use crate::facts::{Timestamp, printable};
use compact_str::CompactString;
use polars::prelude::PolarsError;
use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Dates whose files are open at once. Rows come nearly in the order of time, so that two would do.
const MAX_OPEN: usize = 4;

/// Files of one table and run. A capture whose clock jumps to and fro must not fill a folder: what comes after goes to one
/// more, under the name that Hive has for no date.
const MAX_FILES: usize = 1_000;

/// Hive's name for a partition whose value is null.
const NO_DATE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Longest name of a site.
const LONGEST_SITE: usize = 64;

/// Most characters of a path in a complaint.
const SHOWN_PATH: usize = 1_024;

/// Formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TablesFormat {
    /// Apache Parquet, compressed with zstd.
    Parquet,
    /// Comma-separated values (RFC 4180) with a header; lists are joined with `;`, and nothing looks like a formula.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl TablesFormat {
    /// The extension of its files.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// The name of a site, which becomes part of a folder's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site(String);

impl Site {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Site {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty()
            || text.len() > LONGEST_SITE
            || !text.chars().all(allowed)
            || text.starts_with(['.', '-', '_'])
        {
            return Err(format!(
                "a site's name becomes a folder: up to {LONGEST_SITE} letters, digits, dots, hyphens and underscores, \
                 a letter or digit first"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why tables could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The folder or the disk does not take them.
    #[error("{path} could not be written ({cause}); name a folder with room that you may write to")]
    Write {
        /// Which file or folder, made safe to show.
        path: CompactString,
        /// What the system says.
        cause: io::Error,
    },
    /// The rows could not be put into the format.
    #[error("{path} could not be encoded: {cause}")]
    Encode {
        /// Which file or folder, made safe to show.
        path: CompactString,
        /// What is wrong.
        cause: String,
    },
}

impl TableError {
    pub(super) fn write(path: &Path, cause: io::Error) -> Self {
        let path = printable(path.as_os_str().as_encoded_bytes(), SHOWN_PATH);
        Self::Write { path, cause }
    }

    pub(super) fn encode(path: &Path, error: PolarsError) -> Self {
        if let PolarsError::IO { error: cause, .. } = &error {
            return Self::write(path, io::Error::new(cause.kind(), cause.to_string()));
        }
        let path = printable(path.as_os_str().as_encoded_bytes(), SHOWN_PATH);
        let cause = error.to_string();
        Self::Encode { path, cause }
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
}

/// Where the files of one table and run go.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub folder: PathBuf,
    pub table: Table,
    pub format: TablesFormat,
    pub site: Option<Site>,
    pub run: String,
    /// Which part of a run that goes on this is, as its files' names have it; `None` when the run is whole.
    pub part: Option<String>,
}

impl Destination {
    pub fn folder_of(&self, date: Option<&str>) -> PathBuf {
        let mut folder = self.folder.join(self.table.name());
        if let Some(Site(site)) = &self.site {
            folder.push(format!("site={site}"));
            folder.push(format!("date={}", date.unwrap_or(NO_DATE)));
        }
        folder
    }

    pub fn file_name(&self, number: usize) -> String {
        let table = self.table.name();
        let run = self.part.as_ref().unwrap_or(&self.run);
        let extension = self.format.extension();
        format!("{table}-{run}-{number}.{extension}")
    }
}

/// Takes rows of one table over time and gives files. Dropped without [`Self::finish`], it leaves nothing behind.
pub struct TableWriter {
    destination: Destination,
    /// The last date used is the last one.
    open: VecDeque<(Option<CompactString>, Partition)>,
    sealed: Vec<Sealed>,
    files: usize,
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("destination", &self.destination)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl TableWriter {
    pub(super) fn new(destination: Destination) -> Self {
        Self {
            destination,
            open: VecDeque::new(),
            sealed: Vec::new(),
            files: 0,
        }
    }

    /// A writer of `table` below `folder`. `run` is part of every row and of the files' names, and must be no other run's.
    #[must_use]
    pub fn below(
        folder: &Path,
        table: Table,
        format: TablesFormat,
        site: Option<Site>,
        run: &str,
    ) -> Self {
        Self::new(Destination {
            folder: folder.to_owned(),
            table,
            format,
            site,
            run: run.to_owned(),
            part: None,
        })
    }

    /// The table whose rows it takes.
    #[must_use]
    pub fn table(&self) -> Table {
        self.destination.table
    }

    /// Adds a row of this table.
    ///
    /// # Errors
    ///
    /// The disk is full, or the folder may not be written to.
    pub fn add(&mut self, row: Row) -> Result<(), TableError> {
        let date = match self.destination.site {
            Some(_) => row.start().map(date_of),
            None => None,
        };
        let run = Cell::Text(self.destination.run.as_str().into());
        self.partition(date)?
            .add(std::iter::once(run).chain(row.cells()))
    }

    fn partition(&mut self, date: Option<CompactString>) -> Result<&mut Partition, TableError> {
        let date = date.filter(|date| {
            self.files < MAX_FILES
                || self
                    .open
                    .iter()
                    .any(|(open, _)| open.as_ref() == Some(date))
        });
        let known = self.open.iter().position(|(open, _)| *open == date);
        let entry = match known.and_then(|place| self.open.remove(place)) {
            Some(entry) => entry,
            None => {
                if self.open.len() >= MAX_OPEN
                    && let Some((_, oldest)) = self.open.pop_front()
                {
                    self.sealed.push(oldest.seal()?);
                }
                let number = self.files;
                self.files = self.files.saturating_add(1);
                let partition = Partition::new(&self.destination, date.as_deref(), number)?;
                (date, partition)
            }
        };
        self.open.push_back(entry);
        match self.open.back_mut() {
            Some((_, partition)) => Ok(partition),
            None => unreachable!("an entry was just added"),
        }
    }

    /// Puts everything on disk, without names yet. Without rows there is no file, unless one is `wanted`.
    pub(super) fn seal(mut self, wanted: bool) -> Result<Vec<Sealed>, TableError> {
        if self.files == 0 && wanted {
            self.partition(None)?;
        }
        for (_, partition) in self.open {
            self.sealed.push(partition.seal()?);
        }
        Ok(self.sealed)
    }

    /// Completes the files and gives them their names: all of them or, when that fails, none.
    ///
    /// # Errors
    ///
    /// As for [`Self::add`].
    pub fn finish(self) -> Result<Vec<Written>, TableError> {
        publish(self.seal(true)?)
    }
}

/// The date in UTC as `2026-11-22`.
fn date_of(time: Timestamp) -> CompactString {
    let text = time.to_string();
    text.split('T').next().unwrap_or_default().into()
}

/// Gives complete files their names; when one cannot have it, those before it are taken back.
pub(super) fn publish(sealed: Vec<Sealed>) -> Result<Vec<Written>, TableError> {
    let mut written: Vec<Written> = Vec::with_capacity(sealed.len());
    for Sealed {
        temporary,
        place,
        rows,
        held: _held,
    } in sealed
    {
        if let Err(error) = temporary.persist_noclobber(&place) {
            for file in written {
                let _ = std::fs::remove_file(file.path);
            }
            return Err(TableError::write(&place, error.error));
        }
        written.push(Written { path: place, rows });
    }
    // A new name is on disk when its folder is; not every system lets folders be opened.
    for folder in written.iter().filter_map(|file| file.path.parent()) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(written)
}
