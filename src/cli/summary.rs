//! `intap summary`: captures and tables in, numbers by group out.

use super::audit::{Filter, audit};
use super::catalog::Choice;
use super::exit_status::ExitStatus;
use super::output::Output;
use super::tables::new_run;
use crate::audit::AuditOptions;
use crate::capture::{FrameStream, Input};
use crate::facts::{Activity, Timestamp};
use crate::summary::{
    Answer, Condition, Dimension, Found, Question, Sources, answer, output, query, text,
};
use crate::tables::{TableSet, TablesFormat};
use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What was typed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  intap summary capture.pcapng
  intap summary TABLES --by site,area --where 'failed=true and area!=none'
  intap summary TABLES --by host --where outcome=syn_timeout --top 10
  intap summary TABLES --sql 'SELECT severity, count(*) FROM findings GROUP BY severity'

The tables are those of `intap audit --tables`.")]
pub struct SummaryArguments {
    /// Captures, tables (parquet, csv, jsonl), or folders of either
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    /// What to group by: area, set, host, client, server, site, outcome, kind, protocol, application, port, hour, date, run
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "area",
        value_name = "FIELD,..."
    )]
    by: Vec<Dimension>,

    /// Count only flows and lookups for which this holds, such as 'area=core-service and outcome!=served'
    #[arg(long = "where", value_name = "CONDITION", value_parser = Condition::parse)]
    condition: Option<Condition>,

    /// Only what began at this time or later, such as 2026-11-22 or 2026-11-22T07:30 (UTC)
    #[arg(long, value_name = "TIME", value_parser = Question::moment)]
    since: Option<Timestamp>,

    /// Only what began at this time or earlier; a date is all of that day
    #[arg(long, value_name = "TIME", value_parser = Question::last_moment)]
    until: Option<Timestamp>,

    /// Only so many groups, the largest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,

    /// Answer this SELECT over the tables flows, lookups, verdicts, hosts and findings instead
    #[arg(long, value_name = "STATEMENT", conflicts_with_all = ["by", "condition", "since", "until", "top"])]
    sql: Option<String>,

    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the answer to this file, whole or not at all, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    choice: Choice,
}

/// Formats of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For spreadsheets.
    Csv,
    /// For programs: an array of objects.
    Json,
    /// For data platforms.
    Parquet,
    /// For a ticket.
    Markdown,
}

/// Answers the question and prints it.
pub fn run(arguments: &SummaryArguments) -> anyhow::Result<ExitStatus> {
    if arguments.format == Format::Parquet
        && arguments.output.is_none()
        && io::stdout().is_terminal()
    {
        return Err(anyhow!(
            "Parquet is nothing for a terminal; name a file with -o"
        ));
    }
    let mut sources = Sources::default();
    let mut captures = Vec::new();
    for input in &arguments.inputs {
        if input == Path::new("-") || sources.add(input)? == Found::Other {
            captures.push(input.clone());
        }
    }
    // Tables of the captures live as long as the question.
    let (_place, failures) = match captures.as_slice() {
        [] => (None, Vec::new()),
        captures => {
            let (place, failures) = tabulate(captures, &arguments.choice)?;
            sources.add(place.path())?;
            (Some(place), failures)
        }
    };
    let terminal = match arguments.output {
        Some(_) => None,
        None => super::terminal_columns(),
    };
    let answer = match &arguments.sql {
        Some(statement) => Answer {
            grid: query(&sources, statement)?,
            activity: Activity::default(),
        },
        None => answer(&sources, &question(arguments, terminal.is_some()))?,
    };
    write(&answer, terminal, arguments)?;
    for failure in &failures {
        let _ = writeln!(io::stderr(), "intap: {failure}");
    }
    Ok(if failures.is_empty() {
        ExitStatus::Clean
    } else {
        ExitStatus::CouldNot
    })
}

fn question(arguments: &SummaryArguments, on_terminal: bool) -> Question {
    Question {
        by: arguments.by.clone(),
        condition: arguments.condition.clone(),
        since: arguments.since,
        until: arguments.until,
        top: arguments.top.map(|top| top as usize),
        over_time: on_terminal && arguments.format == Format::Text,
    }
}

/// Audits captures, all as one, into tables in a folder that goes when it is dropped; also says what could not be read.
fn tabulate(captures: &[PathBuf], choice: &Choice) -> anyhow::Result<(TempDir, Vec<String>)> {
    let catalog = choice.open()?.catalog()?;
    let inputs: Vec<Input> = captures.iter().cloned().map(Input::from).collect();
    let stream = FrameStream::open(&inputs).map_err(super::audit::complain)?;
    let options = AuditOptions {
        keep_flows: true,
        keep_lookups: true,
        ..AuditOptions::default()
    };
    let (report, failures) = audit(stream, &catalog, options, Filter::default(), None);
    let place = tempfile::Builder::new()
        .prefix("intap-")
        .tempdir()
        .context("no folder for temporary tables; set TMPDIR to one with room")?;
    let mut tables = TableSet::new(place.path(), TablesFormat::Parquet, None, &new_run());
    tables.add_report(&report, &catalog)?;
    tables.finish()?;
    Ok((place, failures))
}

fn write(
    answer: &Answer,
    terminal: Option<usize>,
    arguments: &SummaryArguments,
) -> anyhow::Result<()> {
    let written = write_to(answer, terminal, arguments);
    match written {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => Err(anyhow!(
            "the answer could not be written ({cause}); write it where there is room"
        )),
        other => Ok(other?),
    }
}

fn write_to(
    answer: &Answer,
    terminal: Option<usize>,
    arguments: &SummaryArguments,
) -> io::Result<()> {
    let grid = &answer.grid;
    let mut out = BufWriter::new(Output::open(arguments.output.as_deref())?);
    match (arguments.format, &arguments.sql) {
        (Format::Text, None) => {
            let keys = arguments.by.len();
            out.write_all(text::summary(answer, keys, terminal).as_bytes())?;
        }
        (Format::Text, Some(_)) => out.write_all(text::table(grid).as_bytes())?,
        (Format::Csv, _) => output::csv(grid, &mut out)?,
        (Format::Json, _) => output::json(grid, &mut out)?,
        (Format::Markdown, _) => output::markdown(grid, &mut out)?,
        (Format::Parquet, _) => output::parquet(grid, &mut out)?,
    }
    out.into_inner()?.finish()
}
