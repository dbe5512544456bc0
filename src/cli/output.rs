//! Where a report goes: standard output, or a file that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, StdoutLock, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// An open destination. What is written to a file takes its name only with [`Output::finish`]; until then, and when anything
/// fails, a file of that name stays what it was.
#[derive(Debug)]
pub enum Output {
    /// Standard output.
    Standard(StdoutLock<'static>),
    /// A pipe or a device, which has no content to keep.
    Direct(File),
    /// A temporary file beside the final one.
    Beside(NamedTempFile, PathBuf),
}

impl Output {
    /// Opens the file at `path`, or standard output for `None` and `-`.
    ///
    /// # Errors
    ///
    /// The folder does not exist or nothing may be written there.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Standard(io::stdout().lock()));
        };
        // A link stays a link: its target is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(known) if known.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(known) if !known.is_file() => {
                return File::options().write(true).open(path).map(Self::Direct);
            }
            _ => {}
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".intap-");
        // A temporary file is its owner's alone; a report is a file like any other.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder)?;
        Ok(Self::Beside(file, path))
    }

    /// Gives a file its name once everything is on disk.
    ///
    /// # Errors
    ///
    /// The disk is full, or the file may not be replaced.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        if let Self::Beside(file, path) = self {
            file.as_file().sync_all()?;
            file.persist(path)?;
        }
        Ok(())
    }
}

/// Writes a whole text to the file at `path`, or to standard output; `what` it is goes into complaints.
///
/// # Errors
///
/// Says where it could not be written. That the reader of standard output has left stays what it is.
pub fn write_whole(text: &str, path: Option<&Path>, what: &str) -> anyhow::Result<()> {
    let written = Output::open(path).and_then(|mut out| {
        out.write_all(text.as_bytes())?;
        out.finish()
    });
    match written {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            let place = path.map_or_else(String::new, |path| format!(" to {}", path.display()));
            anyhow::bail!(
                "{what} could not be written{place} ({cause}); write it where there is room"
            )
        }
        result => Ok(result?),
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::Direct(file) => file.write(bytes),
            Self::Beside(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::Direct(file) => file.flush(),
            Self::Beside(file, _) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_is_replaced_only_when_all_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        fs::write(&path, "old").unwrap();
        let mut output = Output::open(Some(&path)).unwrap();
        output.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        output.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["report.html"]);
    }

    #[test]
    fn what_is_given_up_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::open(Some(&folder.path().join("report.html"))).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_folder_is_no_file_and_a_missing_one_no_place() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Output::open(Some(folder.path())).is_err());
        assert!(Output::open(Some(&folder.path().join("none/report.html"))).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut output = Output::open(Some(&link)).unwrap();
        output.write_all(b"new").unwrap();
        output.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(matches!(
            Output::open(Some(Path::new("/dev/null"))),
            Ok(Output::Direct(_))
        ));
    }
}
