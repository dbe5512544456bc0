//! `intap diff`: what differs between two captures or reports.

use super::exit_status::ExitStatus;
use super::judging::Judging;
use super::output::write_whole;
use super::source::load;
use crate::diff::compare;
use crate::facts::printable;
use crate::report::diff::{Side, diff_json, diff_markdown, diff_text};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What was typed.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 no difference that says anything about the networks, 1 differences, 2 could not do what was asked.

Examples:
  intap diff home.pcapng office.pcapng
  intap diff --client 192.168.1.20 --client 10.4.0.7 before.json after.pcapng")]
pub struct Arguments {
    /// What it was like: a capture, a directory of captures, a JSON report, or - for standard input
    #[arg(value_name = "A")]
    a: PathBuf,

    /// What it is like now, or elsewhere
    #[arg(value_name = "B")]
    b: PathBuf,

    /// How to print the comparison
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the comparison to this file, whole or not at all, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Compare only this device, named by address, hardware address or name; twice for one in A and another in B
    #[arg(long, value_name = "DEVICE")]
    client: Vec<String>,

    #[command(flatten)]
    judging: Judging,
}

/// Formats of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, 80 columns.
    Text,
    /// For programs.
    Json,
    /// For a ticket.
    Markdown,
}

/// Compares and prints.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let chosen = match arguments.client.as_slice() {
        [] => None,
        [both] => Some((both.as_str(), both.as_str())),
        [a, b] => Some((a.as_str(), b.as_str())),
        _ => bail!("--client: a comparison is of two devices; give it once or twice"),
    };
    let standard = Path::new("-");
    if arguments.a == standard && arguments.b == standard {
        bail!("only one of A and B can be standard input; save the other to a file");
    }
    let (catalog, scenario) = arguments.judging.open()?;
    let (a, failures_a) = load(
        std::slice::from_ref(&arguments.a),
        (&catalog, &scenario),
        &[],
    )?;
    let (b, failures_b) = load(
        std::slice::from_ref(&arguments.b),
        (&catalog, &scenario),
        &[],
    )?;
    let difference = compare(&a, &b, chosen).context("--client")?;
    let (name_a, name_b) = (shown(&arguments.a), shown(&arguments.b));
    let (side_a, side_b) = (
        Side {
            file: &name_a,
            results: &a,
        },
        Side {
            file: &name_b,
            results: &b,
        },
    );
    let text = match arguments.format {
        Format::Text => diff_text(side_a, side_b, &difference),
        Format::Json => diff_json(side_a, side_b, &difference),
        Format::Markdown => diff_markdown(side_a, side_b, &difference),
    };
    write_whole(&text, arguments.output.as_deref(), "the comparison")?;
    for complaint in failures_a.iter().chain(&failures_b) {
        let _ = writeln!(io::stderr(), "intap: {complaint}");
    }
    Ok(
        if !failures_a.is_empty() || !failures_b.is_empty() || difference.pairs.is_empty() {
            ExitStatus::CouldNot
        } else if difference.matters() {
            ExitStatus::Findings
        } else {
            ExitStatus::Clean
        },
    )
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    printable(path.as_os_str().as_encoded_bytes(), 1_024).into()
}
