//! The real program in a directory of its own.

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a run left behind.
pub struct Run {
    pub status: Option<i32>,
    pub output: String,
    pub complaints: String,
}

/// A directory to run the program in.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory for temporary files"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file; `name` may lead into a new directory.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("a file");
        self
    }

    /// The program, in this directory and with nothing in its environment that changes its output.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_intap"));
        command.current_dir(self.path());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        // The lists that whoever runs the tests has imported are none of their business.
        command.env("XDG_DATA_HOME", self.path().join("data"));
        command.env("LOCALAPPDATA", self.path().join("data"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command().args(arguments))
    }

    pub fn run_with_input(&self, arguments: &[&str], input: Vec<u8>) -> Run {
        Run::of(self.command().args(arguments).write_stdin(input))
    }
}

impl Run {
    fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            status: output.status.code(),
            output: text(output.stdout),
            complaints: text(output.stderr),
        }
    }

    /// Everything, for the message of a failing test.
    pub fn shown(&self) -> String {
        format!(
            "exit status {:?}\n--- standard output\n{}\n--- standard error\n{}",
            self.status, self.output, self.complaints
        )
    }
}

/// A file below `fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(path)
}

/// A recording's octets.
pub fn recording(path: &str) -> Vec<u8> {
    fs::read(fixture("captures").join(path)).expect("a recording")
}
