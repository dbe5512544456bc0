//! `intap allowlist`: the firewall request.

use super::exit_status::ExitStatus;
use super::judging::Judging;
use super::output::write_whole;
use super::secret::{Anonymity, replace_devices};
use super::source::load;
use crate::allowlist::{Mode, Request, Usage, build};
use crate::audit::ScenarioChoice;
use crate::report::allowlist::{allowlist_csv, allowlist_json, allowlist_markdown, allowlist_text};
use anyhow::bail;
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 written, 2 could not do what was asked.

Examples:
  intap allowlist enrolment.pcapng                                     what fails, and what was used
  intap allowlist TABLES                                               the same from what `intap audit --tables` wrote
  intap allowlist --mode complete --format csv enrolment.pcapng        all that is published for what the device did
  intap allowlist --mode complete --scenario windows-autopilot         the same without a capture")]
pub struct Arguments {
    /// Captures, one JSON report, tables of `intap audit --tables`, directories of captures or tables, or - for standard input; none for
    /// what is published alone
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How much to ask for
    #[arg(long, value_enum, default_value_t = Scope::Seen)]
    mode: Scope,

    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write it to this file, whole or not at all, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Only for this device; may be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = super::audit::address)]
    client: Vec<IpAddr>,

    #[command(flatten)]
    anonymity: Anonymity,

    #[command(flatten)]
    judging: Judging,
}

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// The names that were really asked for: least privilege.
    Seen,
    /// All that is published for what the device did, wildcards and address ranges included.
    Complete,
}

/// Formats of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, 80 columns.
    Text,
    /// For spreadsheets and scripts.
    Csv,
    /// For programs.
    Json,
    /// For a ticket.
    Markdown,
}

/// Makes the request and writes it.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let mode = match arguments.mode {
        Scope::Seen => Mode::Seen,
        Scope::Complete => Mode::Complete,
    };
    if arguments.files.is_empty() && mode == Mode::Seen {
        bail!(
            "--mode seen needs something to see; name a capture, a report or tables, \
             or ask for all that is published with --mode complete"
        );
    }
    let (catalog, mut plan) = arguments.judging.open()?;
    let mut anonymizer = arguments.anonymity.open(&catalog)?;
    let mut clients = arguments.client.clone();
    if let Some(anonymizer) = &anonymizer {
        replace_devices(anonymizer, &mut clients, &mut plan);
    }
    let mut usage = Usage::new(&catalog);
    let mut seen = BTreeSet::new();
    let others = add_tables(
        &arguments.files,
        (&clients, anonymizer.is_some()),
        (&mut usage, &mut seen),
    )?;
    let failures = if others.is_empty() {
        Vec::new()
    } else {
        let (results, failures) = load(&others, (&catalog, &plan), &clients, anonymizer.as_mut())?;
        seen.extend(results.devices.iter().flat_map(|device| &device.addresses));
        usage.add_results(&results);
        failures
    };
    for (address, replaced) in arguments.client.iter().zip(&clients) {
        if !arguments.files.is_empty() && !seen.contains(replaced) {
            bail!(
                "--client {address}: no device with this address tried anything of the endpoint list; \
                 leave --client out to see which did"
            );
        }
    }
    let scenario = match &plan.default {
        ScenarioChoice::Named(chosen) => Some(chosen.as_ref()),
        ScenarioChoice::All | ScenarioChoice::Auto => None,
    };
    let request = Request {
        mode,
        usage: (!arguments.files.is_empty()).then_some(&usage),
        scenario,
        region: plan.region,
    };
    let list = build(request, &catalog);
    let text = match arguments.format {
        Format::Text => allowlist_text(&list),
        Format::Csv => allowlist_csv(&list),
        Format::Json => allowlist_json(&list),
        Format::Markdown => allowlist_markdown(&list),
    };
    write_whole(&text, arguments.output.as_deref(), "the request")?;
    for complaint in &failures {
        let _ = writeln!(io::stderr(), "intap: {complaint}");
    }
    if list.is_full {
        let _ = writeln!(
            io::stderr(),
            "intap: there are more hosts than a request can hold, and some are left out; narrow it with --client, or ask for \
             what is published with --mode complete"
        );
    }
    if list.rules.is_empty() {
        let _ = writeln!(
            io::stderr(),
            "intap: there is nothing to allow: no device tried anything of the endpoint list"
        );
    }
    Ok(if failures.is_empty() && !list.is_full {
        ExitStatus::Clean
    } else {
        ExitStatus::CouldNot
    })
}

/// Adds what tables among the files say to `usage`, and to `seen` those of `clients` that are in them; gives the files that are no tables.
#[cfg(feature = "tables")]
fn add_tables(
    files: &[PathBuf],
    (clients, is_anonymous): (&[IpAddr], bool),
    (usage, seen): (&mut Usage<'_>, &mut BTreeSet<IpAddr>),
) -> anyhow::Result<Vec<PathBuf>> {
    use crate::summary::{Found, Sources, add_usage};
    let mut sources = Sources::default();
    let mut others = Vec::new();
    for file in files {
        // What is not there is for those who read captures to complain about.
        let is_table = file.exists() && matches!(sources.add(file)?, Found::Tables(_));
        if !is_table {
            others.push(file.clone());
        }
    }
    if !sources.is_empty() {
        if is_anonymous {
            bail!(
                "--anonymize works on captures; have the tables written with `intap audit --anonymize --tables`"
            );
        }
        seen.extend(add_usage(&sources, clients, usage)?);
    }
    Ok(others)
}

/// This build reads no tables: all files are others.
#[cfg(not(feature = "tables"))]
fn add_tables(
    files: &[PathBuf],
    _: (&[IpAddr], bool),
    _: (&mut Usage<'_>, &mut BTreeSet<IpAddr>),
) -> anyhow::Result<Vec<PathBuf>> {
    let is_table = |file: &&PathBuf| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("parquet" | "csv" | "jsonl" | "ndjson"))
    };
    match files.iter().find(is_table) {
        Some(file) => bail!("{}: {}", file.display(), super::absent::no_tables()),
        None => Ok(files.to_vec()),
    }
}
