//! `intap catalog validate`: everything that is wrong with a user's catalogue file.

use super::file::read_text;
use super::{ExitStatus, Format};
use crate::catalog::check_edition;
use crate::report::catalog::{validation_json, validation_text};
use clap::Args;
use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Catalogue file (TOML, in the form of the shipped ones)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Checks the file; exit status 2 when something is wrong.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let name = arguments.file.to_string_lossy();
    let checked = check_edition(&read_text(&arguments.file)?, &name);
    arguments.format.print(
        || validation_text(&name, &checked),
        || validation_json(&name, &checked),
    )?;
    Ok(match checked {
        Ok(_) => ExitStatus::Clean,
        Err(_) => ExitStatus::CouldNot,
    })
}
