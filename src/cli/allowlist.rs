//! `intap allowlist`: the firewall request.

use super::exit_status::ExitStatus;
use super::judging::Judging;
use super::output::write_whole;
use super::source::load;
use crate::allowlist::{Mode, Request, build};
use crate::audit::ScenarioChoice;
use crate::report::allowlist::{allowlist_csv, allowlist_json, allowlist_markdown, allowlist_text};
use anyhow::bail;
use clap::{Args, ValueEnum};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 written, 2 could not do what was asked.

Examples:
  intap allowlist enrolment.pcapng                                     what fails, and what was used
  intap allowlist --mode complete --format csv enrolment.pcapng        all that is published for what the device did
  intap allowlist --mode complete --scenario windows-autopilot         the same without a capture")]
pub struct Arguments {
    /// Captures or directories of them, one JSON report, or - for standard input; none for what is published alone
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
            "--mode seen needs something to see; name a capture or a report, \
             or ask for all that is published with --mode complete"
        );
    }
    let (catalog, plan) = arguments.judging.open()?;
    let (results, failures) = match arguments.files.as_slice() {
        [] => (None, Vec::new()),
        files => {
            let (results, failures) = load(files, (&catalog, &plan), &arguments.client)?;
            (Some(results), failures)
        }
    };
    if let Some(results) = &results {
        for address in &arguments.client {
            if !results
                .devices
                .iter()
                .any(|device| device.addresses.contains(address))
            {
                bail!(
                    "--client {address}: no device with this address tried anything of the endpoint list; \
                     leave --client out to see which did"
                );
            }
        }
    }
    let scenario = match &plan.default {
        ScenarioChoice::Named(chosen) => Some(chosen.as_ref()),
        ScenarioChoice::All | ScenarioChoice::Auto => None,
    };
    let request = Request {
        mode,
        results: results.as_ref(),
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
    if list.rules.is_empty() {
        let _ = writeln!(
            io::stderr(),
            "intap: there is nothing to allow: no device tried anything of the endpoint list"
        );
    }
    Ok(if failures.is_empty() {
        ExitStatus::Clean
    } else {
        ExitStatus::CouldNot
    })
}
