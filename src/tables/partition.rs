//! The rows of one date (or of all, without a site) on their way into one file.

use super::buffer::{Buffer, schema};
use super::encoder::Encoder;
use super::row::Cell;
use super::writer::{Destination, TableError};
use std::fs::{self, File};
use std::path::PathBuf;
use tempfile::TempPath;

/// Rows written at once: a row group of a Parquet file. Larger ones would be read a little faster and need more memory here.
const ROWS_AT_ONCE: usize = 65_536;

/// The same for a part of a run that goes on beside other work: a quarter of the memory.
const ROWS_AT_ONCE_BESIDE: usize = 16_384;

/// How unfinished files begin: those of whole runs, and those of parts.
const UNFINISHED: &str = ".intap-";
pub(super) const UNFINISHED_PART: &str = ".intap-live-";

/// Rows that a fresh buffer has room for.
const FIRST_ROWS: usize = 1_024;

/// A file without a name yet.
pub(super) struct Partition {
    buffer: Buffer,
    encoder: Encoder,
    file: File,
    temporary: TempPath,
    place: PathBuf,
    rows: u64,
    rows_at_once: usize,
    is_part: bool,
}

/// A file that is complete on disk and only lacks its name.
pub(super) struct Sealed {
    /// Keeps the lock that says that somebody works on the file.
    pub held: Option<File>,
    pub temporary: TempPath,
    pub place: PathBuf,
    pub rows: u64,
}

impl Partition {
    /// Makes the folder and the file for this date. `number` tells files of one run and date apart.
    pub fn new(
        destination: &Destination,
        date: Option<&str>,
        number: usize,
    ) -> Result<Self, TableError> {
        let folder = destination.folder_of(date);
        let failed = |error| TableError::write(&folder, error);
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut builder = tempfile::Builder::new();
        let is_part = destination.part.is_some();
        let prefix = if is_part { UNFINISHED_PART } else { UNFINISHED };
        builder.prefix(prefix).suffix(".tmp");
        // A temporary file is its owner's alone; a table is a file like any other.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let temporary = builder.tempfile_in(&folder).map_err(failed)?;
        let (file, temporary) = temporary.into_parts();
        if is_part {
            // What is not locked was left behind by a run that was killed. Where there are no locks nobody clears up.
            let _ = file.try_lock();
        }
        let columns = destination.table.columns();
        let schema = schema(columns, destination.format);
        let encoder = file
            .try_clone()
            .map_err(polars::prelude::PolarsError::from)
            .and_then(|file| Encoder::new(file, destination.format, &schema))
            .map_err(|error| TableError::encode(&folder, error))?;
        Ok(Self {
            buffer: Buffer::new(columns, destination.format, FIRST_ROWS),
            encoder,
            file,
            temporary,
            place: folder.join(destination.file_name(number)),
            rows: 0,
            rows_at_once: if is_part {
                ROWS_AT_ONCE_BESIDE
            } else {
                ROWS_AT_ONCE
            },
            is_part,
        })
    }

    /// Adds a row.
    pub fn add(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<(), TableError> {
        self.buffer.push(cells);
        self.rows = self.rows.saturating_add(1);
        if self.buffer.rows() >= self.rows_at_once {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), TableError> {
        self.buffer
            .take()
            .and_then(|mut rows| self.encoder.write(&mut rows))
            .map_err(|error| TableError::encode(&self.place, error))
    }

    /// Puts everything on disk.
    pub fn seal(mut self) -> Result<Sealed, TableError> {
        if self.buffer.rows() > 0 || self.rows == 0 {
            self.write()?;
        }
        self.encoder
            .finish()
            .map_err(|error| TableError::encode(&self.place, error))?;
        self.file
            .sync_all()
            .map_err(|error| TableError::write(&self.place, error))?;
        Ok(Sealed {
            held: self.is_part.then_some(self.file),
            temporary: self.temporary,
            place: self.place,
            rows: self.rows,
        })
    }
}
