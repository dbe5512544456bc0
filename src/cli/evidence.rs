//! `--evidence`: the frames behind the findings, in a file of their own.

use super::output::Output;
use crate::anonymize::Anonymizer;
use crate::audit::AuditReport;
use crate::capture::{FrameStream, Input};
use crate::evidence::{EvidencePlan, ExtractError, extract};
use anyhow::{anyhow, bail};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Refuses, before anything is read, inputs that can be read only once and places where the file would do harm.
pub fn check(path: &Path, report: Option<&Path>, inputs: &[Input]) -> anyhow::Result<()> {
    for input in inputs {
        let Input::Path(input) = input else {
            bail!(
                "--evidence reads the capture twice, and standard input can be read only once; \
                 save it to a file and name that"
            );
        };
        let Ok(metadata) = fs::metadata(input) else {
            // Opening it says what is wrong.
            continue;
        };
        if !metadata.is_file() && !metadata.is_dir() {
            bail!(
                "--evidence reads the capture twice, and the pipe {} can be read only once; \
                 save it to a file and name that",
                input.display()
            );
        }
        if is_same(path, input) {
            bail!(
                "--evidence {} would replace the capture itself; name another file",
                path.display()
            );
        }
        if metadata.is_dir() && is_same(folder(path), input) {
            bail!(
                "--evidence {} would lie among the captures and be read with them the next time; \
                 name a file in another folder",
                path.display()
            );
        }
    }
    if path == Path::new("-") {
        if report.is_none_or(|report| report == Path::new("-")) {
            bail!(
                "--evidence - and the report cannot both go to standard output; \
                 name a file for one of them"
            );
        }
    } else if report.is_some_and(|report| report == path || is_same(path, report)) {
        bail!("--evidence and --output name the same file; name another one");
    } else if !folder(path).is_dir() {
        bail!(
            "--evidence {}: there is no such folder; make it first, or name a file elsewhere",
            path.display()
        );
    }
    Ok(())
}

/// Reads the inputs again and writes the frames behind the findings, whole or not at all.
pub fn write(
    report: &AuditReport,
    inputs: &[Input],
    anonymizer: Option<&Anonymizer<'_>>,
    path: &Path,
) -> anyhow::Result<()> {
    let plan = EvidencePlan::of(report);
    if plan.is_empty() {
        let _ = writeln!(
            io::stderr(),
            "intap: no finding rests on a frame, so {} holds none",
            path.display()
        );
    }
    let mut stream = FrameStream::open(inputs).map_err(|_| ExtractError::Changed)?;
    let failed = |cause: io::Error| {
        if cause.kind() == io::ErrorKind::BrokenPipe {
            return cause.into();
        }
        anyhow!(
            "the evidence could not be written to {} ({cause}); write it where there is room",
            path.display()
        )
    };
    let mut out = BufWriter::new(Output::open(Some(path)).map_err(failed)?);
    match extract(plan, &mut stream, anonymizer, &mut out) {
        Ok(_) => {}
        Err(ExtractError::Output(cause)) => return Err(failed(cause)),
        Err(error @ ExtractError::Changed) => return Err(error.into()),
    }
    let out = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    out.finish().map_err(failed)
}

/// The folder a file lies in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Whether both are there and are the same, by whatever way they are named.
fn is_same(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { fs::canonicalize(path).ok() };
    real(a).is_some() && real(a) == real(b)
}
