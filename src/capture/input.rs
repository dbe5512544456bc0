//! What the user asked to read.

use crate::facts::printable;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// One input: a file, a directory of capture files, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file, a directory whose capture files are read (told by their content, not their names; directories inside it are
    /// not entered), or a pipe that has a name.
    Path(PathBuf),
    /// Standard input, written `-`.
    StandardInput,
}

impl From<PathBuf> for Input {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == OsStr::new("-") {
            Self::StandardInput
        } else {
            Self::Path(path)
        }
    }
}

impl From<&Path> for Input {
    fn from(path: &Path) -> Self {
        Self::from(path.to_path_buf())
    }
}

/// Most characters of a path that are shown.
const SHOWN_PATH: usize = 1_024;

/// A path made safe for a terminal: names of files may hold control characters.
pub(super) fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes(), SHOWN_PATH).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(Input::from(Path::new("-")), Input::StandardInput);
        assert_eq!(
            Input::from(Path::new("./-")),
            Input::Path(PathBuf::from("./-"))
        );
    }

    #[test]
    fn shown_paths_hold_no_control_characters() {
        assert_eq!(shown(Path::new("a\u{1b}[2J.pcap")), "a\\027[2J.pcap");
    }
}
