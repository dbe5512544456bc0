//! `intap diff`: what differs between two captures or reports.

use super::exit_status::ExitStatus;
use super::judging::Judging;
use super::output::write_whole;
use super::secret::{Anonymity, replace_devices};
use super::source::load;
use crate::anonymize::Anonymizer;
use crate::diff::compare;
use crate::facts::{MacAddress, printable};
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
    anonymity: Anonymity,

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
    let standard = Path::new("-");
    if arguments.a == standard && arguments.b == standard {
        bail!("only one of A and B can be standard input; save the other to a file");
    }
    if arguments.client.len() > 2 {
        bail!("--client: a comparison is of two devices; give it once or twice");
    }
    let (catalog, mut scenario) = arguments.judging.open()?;
    let mut anonymizer = arguments.anonymity.open(&catalog)?;
    let mut clients = arguments.client.clone();
    if let Some(anonymizer) = &anonymizer {
        replace_devices(anonymizer, &mut [], &mut scenario);
        for client in &mut clients {
            *client = replaced(client, anonymizer);
        }
    }
    let mut read = |path: &PathBuf| {
        load(
            std::slice::from_ref(path),
            (&catalog, &scenario),
            &[],
            anonymizer.as_mut(),
        )
    };
    let (a, failures_a) = read(&arguments.a)?;
    let (b, failures_b) = read(&arguments.b)?;
    let chosen = match clients.as_slice() {
        [] => None,
        [a] => Some((a.as_str(), a.as_str())),
        [a, b, ..] => Some((a.as_str(), b.as_str())),
    };
    let difference = compare(&a, &b, chosen).context("--client")?;
    let (name_a, name_b) = match anonymizer {
        // Files are named for places and people.
        Some(_) => ("capture A".to_owned(), "capture B".to_owned()),
        None => (shown(&arguments.a), shown(&arguments.b)),
    };
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

/// What stands for a device that was named by address, hardware address or name.
fn replaced(client: &str, anonymizer: &Anonymizer<'_>) -> String {
    let octets: Vec<Option<u8>> = client
        .split([':', '-'])
        .map(|octet| {
            u8::from_str_radix(octet, 16)
                .ok()
                .filter(|_| octet.len() == 2)
        })
        .collect();
    match octets.as_slice() {
        [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f)] => {
            let mac = MacAddress([*a, *b, *c, *d, *e, *f]);
            anonymizer.mac(mac).to_string()
        }
        _ => anonymizer.name(client),
    }
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    printable(path.as_os_str().as_encoded_bytes(), 1_024).into()
}
