//! Exit statuses, a promise to scripts.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done, and no hard requirement failed.
    Clean,
    /// 1: done, and there are findings of the kind that `--fail-on` names.
    Findings,
    /// 2: could not do (all of) what was asked.
    CouldNot,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Clean => Self::from(0),
            ExitStatus::Findings => Self::from(1),
            ExitStatus::CouldNot => Self::from(2),
        }
    }
}
