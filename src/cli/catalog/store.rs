//! Imported editions in the user's data folder: one file each, written whole or not at all.

use super::file::read_text;
use crate::catalog::Import;
use anyhow::{Context, anyhow};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of imported editions, which need not exist.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

/// What saving changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Saved {
    /// The edition was not there.
    New,
    /// The same answer was there already, and stays as it was.
    Unchanged,
    /// Another answer for the same version was there.
    Replaced {
        /// The hash it had.
        sha256: String,
    },
}

impl Store {
    /// The store of this user: `%LOCALAPPDATA%\intap` on Windows, else `$XDG_DATA_HOME/intap` or `~/.local/share/intap`
    /// (XDG Base Directory Specification).
    ///
    /// # Errors
    ///
    /// When the environment names no such folder.
    pub fn open() -> anyhow::Result<Self> {
        // The specification says to ignore relative paths.
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let data = if cfg!(windows) {
            absolute("LOCALAPPDATA")
        } else {
            absolute("XDG_DATA_HOME").or_else(|| Some(std::env::home_dir()?.join(".local/share")))
        };
        let data = data.filter(|path| path.is_absolute()).ok_or_else(|| {
            anyhow!("no folder for imported editions: set XDG_DATA_HOME (on Windows LOCALAPPDATA) to one")
        })?;
        Ok(Self {
            folder: data.join("intap").join("editions"),
        })
    }

    /// The file of an edition.
    pub fn path(&self, edition: &str) -> PathBuf {
        self.folder.join(format!("{edition}.json"))
    }

    /// The names of all imported editions, in order.
    pub fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| edition_name(&entry.ok()?.path()))
            .collect();
        names.sort_unstable();
        names
    }

    /// All imported editions with their files, in the order of names.
    pub fn imports(&self) -> Vec<(PathBuf, anyhow::Result<Import>)> {
        self.names()
            .iter()
            .map(|name| (self.path(name), self.read(name)))
            .collect()
    }

    /// Reads an imported edition.
    ///
    /// # Errors
    ///
    /// Names the file, and what is wrong with it.
    pub fn load(&self, edition: &str) -> anyhow::Result<Import> {
        self.read(edition)
            .with_context(|| self.path(edition).display().to_string())
    }

    fn read(&self, edition: &str) -> anyhow::Result<Import> {
        Ok(Import::from_json(&read_text(&self.path(edition))?)?)
    }

    /// Writes an edition: to a temporary file beside the final one, which then takes its name, so that nobody ever reads
    /// half of it.
    ///
    /// # Errors
    ///
    /// Names the file, and why it could not be written.
    pub fn save(&self, import: &Import) -> anyhow::Result<Saved> {
        let edition = import.edition_name();
        let path = self.path(&edition);
        let saved = match self.read(&edition) {
            Ok(known) if known.document == import.document => return Ok(Saved::Unchanged),
            Ok(known) => Saved::Replaced {
                sha256: known.sha256(),
            },
            // Absent, or damaged and better replaced.
            Err(_) => Saved::New,
        };
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(import.to_json().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok::<(), std::io::Error>(())
        };
        write().with_context(|| path.display().to_string())?;
        Ok(saved)
    }
}

/// The edition that a file holds; `None` for other files.
fn edition_name(path: &Path) -> Option<String> {
    let name = path
        .file_stem()
        .filter(|_| path.extension() == Some(OsStr::new("json")))?
        .to_str()?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (name.starts_with("imported-") && name.chars().all(plain)).then(|| name.to_owned())
}
