//! `intap catalog import`: an answer of the endpoint web service that somebody saved.

use super::file::read_text;
use super::store::{Saved, Store};
use crate::catalog::{
    Document, Import, ImportedEdition, Instance, ListVersion, VersionRecord, parse_document,
};
use crate::report::catalog::imported_text;
use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// What was typed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Answer of /endpoints in JSON, or - for standard input
    #[arg(long, value_name = "FILE")]
    from_file: PathBuf,

    /// Answer of /version that belongs to it, which an answer of /endpoints does not name
    #[arg(long, value_name = "FILE")]
    version_file: Option<PathBuf>,

    /// Cloud it is for: Worldwide, China, USGovDoD or USGovGCCHigh; by default the one of the version file, else Worldwide
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
}

/// Imports the file and says under which name.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let document = read_text(&arguments.from_file)?;
    let asked = match &arguments.instance {
        Some(name) => Some(name.parse().context("--instance")?),
        None => None,
    };
    let (instance, version) = match &arguments.version_file {
        Some(path) => read_version(path, asked)?,
        None => (asked.unwrap_or(Instance::Worldwide), None),
    };
    let source = match arguments.from_file.to_string_lossy() {
        name if name == "-" => "standard input".to_owned(),
        name => name.into_owned(),
    };
    let import = Import {
        instance,
        version,
        source,
        imported: now(),
        document,
    };
    let read = import
        .read()
        .with_context(|| arguments.from_file.display().to_string())?;
    keep(&import, &read)
}

/// Stores an import that can be read, and says so.
pub fn keep(import: &Import, read: &ImportedEdition) -> anyhow::Result<()> {
    let store = Store::open()?;
    let saved = store.save(import)?;
    let path = store.path(&import.edition_name());
    let before = match &saved {
        Saved::New => String::new(),
        Saved::Unchanged => "It was there already.".to_owned(),
        Saved::Replaced { sha256 } => {
            format!("It replaces another import of this version, with SHA-256 {sha256}.")
        }
    };
    let text = imported_text(import, read, &path.to_string_lossy(), &before);
    crate::cli::print(text.as_bytes())
}

/// This moment, to the second, RFC 3339 in UTC.
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}

fn read_version(
    path: &Path,
    asked: Option<Instance>,
) -> anyhow::Result<(Instance, Option<ListVersion>)> {
    let read = || {
        let text = read_text(path)?;
        let Document::Versions(records) = parse_document(&text)? else {
            bail!("{}: not an answer of /version", path.display());
        };
        let instance = match (asked, records.as_slice()) {
            (Some(asked), _) => asked,
            (None, [only]) => only.instance.parse()?,
            (None, _) => Instance::Worldwide,
        };
        let version = version_of(instance, records)?;
        Ok((instance, Some(version)))
    };
    read().context("--version-file")
}

/// The newest version that the records name for an instance.
pub fn version_of(instance: Instance, records: Vec<VersionRecord>) -> anyhow::Result<ListVersion> {
    let record = records
        .into_iter()
        .find(|record| record.instance.eq_ignore_ascii_case(instance.name()));
    match record {
        Some(record) => Ok(record.latest),
        None => bail!("the answer of /version names no version for {instance}"),
    }
}
