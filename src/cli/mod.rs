//! The edge: the only part that prints, exits, or asks the terminal and the environment anything.

mod absent;
mod allowlist;
mod audit;
mod catalog;
mod diff;
mod evidence;
mod exit_status;
mod explain;
#[cfg(feature = "live")]
mod interfaces;
mod judging;
#[cfg(feature = "live")]
mod live;
mod output;
mod progress;
mod scenarios;
mod secret;
mod source;
#[cfg(feature = "tables")]
mod summary;
#[cfg(feature = "tables")]
mod tables;

pub use exit_status::ExitStatus;

use crate::facts::printable;
use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};
use compact_str::CompactString;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// Longest complaint shown, in characters.
const LONGEST_COMPLAINT: usize = 4_096;

/// Says which Microsoft Intune endpoints a packet capture shows reached, blocked or never tried, and proves it.
#[derive(Debug, Parser)]
#[command(
    name = "intap",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit status: 0 nothing required failed, 1 findings, 2 could not do what was asked."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Audit capture files.
    Audit(audit::Arguments),
    /// Write the firewall request: which names and ports a device needs, and which are blocked now.
    Allowlist(allowlist::Arguments),
    /// Compare two captures or reports: home and office, before and after a rule change.
    Diff(diff::Arguments),
    /// Watch interfaces: events as they happen, a report at the end.
    #[cfg(feature = "live")]
    Live(Box<live::Arguments>),
    /// List the interfaces that can be watched.
    #[cfg(feature = "live")]
    Interfaces(interfaces::Arguments),
    /// Count flows, failures and bytes of captures and tables, by feature area or any other cut.
    #[cfg(feature = "tables")]
    Summary(summary::SummaryArguments),
    /// List, explain, compare, check, export and import endpoint lists.
    Catalog(catalog::Arguments),
    /// List the scenarios that devices are judged by, or explain one.
    Scenarios(scenarios::Arguments),
    /// Explain a code of a report: a finding, a cause or a verdict.
    Explain(explain::Arguments),
    /// Print the JSON Schema of the JSON report.
    Schema,
}

/// Runs the program with its command line and gives its exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&typed) {
        Ok(arguments) => arguments,
        Err(error) => {
            if let Some(complaint) = absent::complaint(&error) {
                let _ = writeln!(io::stderr(), "intap: {complaint}");
                return ExitStatus::CouldNot.into();
            }
            if let Some(file) = file_in_place_of_command(&error) {
                let _ = writeln!(
                    io::stderr(),
                    "intap: {file} is no command; to audit it, write `intap audit {file}`"
                );
                return ExitStatus::CouldNot.into();
            }
            // Help and version are no errors and go to standard output.
            if !error.use_stderr() {
                let _ = error.print();
                return ExitStatus::Clean.into();
            }
            print_usage_error(&error, &typed);
            return ExitStatus::CouldNot.into();
        }
    };
    let result = match arguments.command {
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Allowlist(arguments) => allowlist::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        #[cfg(feature = "live")]
        Command::Live(arguments) => live::run(&arguments),
        #[cfg(feature = "live")]
        Command::Interfaces(arguments) => interfaces::run(&arguments),
        #[cfg(feature = "tables")]
        Command::Summary(arguments) => summary::run(&arguments),
        Command::Catalog(arguments) => catalog::run(&arguments),
        Command::Scenarios(arguments) => scenarios::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Schema => {
            print(crate::report::json::schema().as_bytes()).map(|()| ExitStatus::Clean)
        }
    };
    match result {
        Ok(status) => status.into(),
        Err(error) if is_broken_pipe(&error) => ExitStatus::Clean.into(),
        Err(error) => {
            complain(&error);
            ExitStatus::CouldNot.into()
        }
    }
}

/// Says what is wrong with the command line; an argument that would command the terminal is escaped.
fn print_usage_error(error: &clap::Error, typed: &[OsString]) {
    let hostile = |argument: &OsString| argument.to_string_lossy().contains(char::is_control);
    if !typed.iter().any(hostile) {
        let _ = error.print();
        return;
    }
    for line in error.render().to_string().lines() {
        let _ = writeln!(
            io::stderr(),
            "{}",
            printable(line.as_bytes(), LONGEST_COMPLAINT)
        );
    }
}

/// Says on standard error what went wrong, one complaint a line. Arguments and files may hold anything, so what would
/// command the terminal is escaped.
fn complain(error: &anyhow::Error) {
    for line in format!("{error:#}").lines() {
        let line = printable(line.as_bytes(), LONGEST_COMPLAINT);
        let _ = writeln!(io::stderr(), "intap: {line}");
    }
}

/// The file that was named where a subcommand belongs, made safe for a terminal.
fn file_in_place_of_command(error: &clap::Error) -> Option<CompactString> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) if Path::new(word).exists() => {
            Some(printable(word.as_bytes(), 1_024))
        }
        _ => None,
    }
}

fn print(bytes: &[u8]) -> anyhow::Result<()> {
    io::stdout().lock().write_all(bytes)?;
    Ok(())
}

/// The reader of our output has gone: nothing is wrong with us.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// Whether to colour what goes to standard output: on terminals that can, unless the user has said no
/// (<https://no-color.org>, <https://bixense.com/clicolors>).
fn wants_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Columns of the terminal on standard output; `None` when that is a file or a pipe, or cannot show pictures.
fn terminal_columns() -> Option<usize> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if is_dumb || !io::stdout().is_terminal() {
        return None;
    }
    // A terminal that does not say how wide it is has as many columns as ever.
    let size = terminal_size::terminal_size();
    Some(size.map_or(80, |(terminal_size::Width(columns), _)| columns.into()))
}
