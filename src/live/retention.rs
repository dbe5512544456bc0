//! Room for new files: the oldest of the program's own files in a folder go first.
//!
//! What counts as its own is told by the name alone. Folders, links and everything else in the folder are left alone.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// A folder with files of the program's own that come and go.
#[derive(Debug, Clone)]
pub struct Retention {
    folder: PathBuf,
    is_own: fn(&str) -> bool,
}

/// How much there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Octets of all own files together.
    pub octets: u64,
    /// Own files.
    pub files: usize,
}

/// What is there once room was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Octets of the own files that are left.
    pub octets: u64,
    /// Own files that are left.
    pub files: usize,
    /// Files that were deleted.
    pub deleted: u64,
}

impl Retention {
    /// Watches over the files of `folder` whose names `is_own` knows.
    #[must_use]
    pub fn new(folder: PathBuf, is_own: fn(&str) -> bool) -> Self {
        Self { folder, is_own }
    }

    /// Deletes the oldest own files until what is left is within `bounds`.
    ///
    /// # Errors
    ///
    /// The folder cannot be read. A file that cannot be deleted is counted among those that are left.
    pub fn keep_within(&self, bounds: Bounds) -> io::Result<Kept> {
        let mut own: Vec<(SystemTime, PathBuf, u64)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let named = entry.file_name().to_str().is_some_and(self.is_own);
            // Neither follows links.
            if !named || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            if let Ok(known) = entry.metadata() {
                let modified = known.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                own.push((modified, entry.path(), known.len()));
            }
        }
        own.sort_unstable();
        let mut kept = Kept {
            octets: own.iter().map(|(_, _, octets)| octets).sum(),
            files: own.len(),
            deleted: 0,
        };
        for (_, path, octets) in own {
            if kept.octets <= bounds.octets && kept.files <= bounds.files {
                break;
            }
            if fs::remove_file(path).is_ok() {
                kept.octets = kept.octets.saturating_sub(octets);
                kept.files = kept.files.saturating_sub(1);
                kept.deleted = kept.deleted.saturating_add(1);
            }
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::Duration;

    fn is_own(name: &str) -> bool {
        name.starts_with("own-")
    }

    #[test]
    fn the_oldest_own_files_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, age) in [
            ("own-b", 30_u64),
            ("own-a", 20),
            ("own-c", 10),
            ("theirs", 90),
        ] {
            fs::write(path(name), [0; 100]).unwrap();
            let when = SystemTime::now() - Duration::from_secs(age);
            let file = File::options().write(true).open(path(name)).unwrap();
            file.set_modified(when).unwrap();
        }
        fs::create_dir(path("own-folder")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("theirs"), path("own-link")).unwrap();
        let retention = Retention::new(folder.path().to_path_buf(), is_own);
        let keep = |octets, files| retention.keep_within(Bounds { octets, files }).unwrap();
        assert_eq!(keep(300, 3).deleted, 0);
        let kept = keep(299, 3);
        assert_eq!((kept.octets, kept.files, kept.deleted), (200, 2, 1));
        assert!(!path("own-b").exists() && path("own-a").exists());
        assert_eq!(keep(1_000, 1).deleted, 1);
        assert!(path("own-c").exists());
        assert_eq!(keep(0, 0).files, 0);
        assert!(path("theirs").exists() && path("own-folder").exists());
        #[cfg(unix)]
        assert!(fs::symlink_metadata(path("own-link")).is_ok());
    }
}
