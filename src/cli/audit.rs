//! `intap audit`: capture files in, a report out.

use super::evidence;
use super::exit_status::ExitStatus;
use super::judging::Judging;
use super::output::Output;
use super::progress::Progress;
use super::secret::{Anonymity, replace_devices};
use crate::anonymize::{Anonymizer, AnonymizingSink, without_places};
use crate::audit::{AuditOptions, AuditReport, Auditor};
use crate::capture::{Frame, FrameStream, Input};
use crate::catalog::Catalog;
use crate::facts::{CaptureSummary, FactSender, relay};
#[cfg(feature = "live")]
use crate::live::filter::{Expression, FrameFilter};
use crate::observe::Observer;
use crate::report;
use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::io::{self, BufWriter, Write};
use std::mem::ManuallyDrop;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// What was typed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Capture files (pcap, pcapng; gzip or zstd around them), directories of them, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the report to this file, whole or not at all, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also write the frames behind the findings to this pcapng file, with a comment on each; reads FILE a second time
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,

    #[command(flatten)]
    anonymity: Anonymity,

    #[command(flatten)]
    judging: Judging,

    /// Report only this device; may be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    client: Vec<IpAddr>,

    /// Read only frames that this filter of libpcap lets through, such as 'host 10.20.0.14'; addresses and numbers only
    #[cfg(feature = "live")]
    #[arg(long, value_name = "BPF")]
    filter: Option<String>,

    /// Add lists to the JSON report
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    include: Vec<Include>,

    #[cfg(feature = "tables")]
    #[command(flatten)]
    tables: super::tables::TablesArguments,

    /// Which findings make the exit status 1
    #[arg(long, value_enum, default_value_t = FailOn::Hard)]
    fail_on: FailOn,
}

impl Arguments {
    #[cfg(feature = "tables")]
    fn wants_tables(&self) -> bool {
        self.tables.wanted()
    }

    #[cfg(not(feature = "tables"))]
    fn wants_tables(&self) -> bool {
        false
    }
}

/// Formats of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people, 80 columns.
    Text,
    /// For programs; see `intap schema`.
    Json,
    /// For a ticket.
    Markdown,
    /// One self-contained page for a browser.
    Html,
}

/// Lists that only programs want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Include {
    /// Every TCP and UDP flow.
    Flows,
    /// Every DNS question.
    Lookups,
}

/// When the exit status is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// A hard requirement failed.
    Hard,
    /// Any finding above information.
    Any,
    /// Never.
    Never,
}

/// Audits the files and prints the report.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let (catalog, mut scenario) = arguments.judging.open()?;
    let mut anonymizer = arguments.anonymity.open(&catalog)?;
    let mut clients = arguments.client.clone();
    if let Some(anonymizer) = &anonymizer {
        replace_devices(anonymizer, &mut clients, &mut scenario);
    }
    let options = AuditOptions {
        scenario,
        clients: clients.clone(),
        keep_flows: arguments.include.contains(&Include::Flows) || arguments.wants_tables(),
        keep_lookups: arguments.include.contains(&Include::Lookups) || arguments.wants_tables(),
        keep_timeline: arguments.format == Format::Html,
        keep_proof: arguments.evidence.is_some(),
    };
    #[cfg(feature = "live")]
    let filter = Filter::parse(arguments.filter.as_deref())?;
    #[cfg(not(feature = "live"))]
    let filter = Filter;
    let inputs: Vec<Input> = arguments.files.iter().cloned().map(Input::from).collect();
    if let Some(path) = &arguments.evidence {
        evidence::check(path, arguments.output.as_deref(), &inputs)?;
    }
    let stream = match FrameStream::open(&inputs) {
        Ok(stream) => stream,
        Err(errors) => return Err(complain(errors)),
    };
    #[cfg_attr(not(feature = "tables"), allow(unused_mut))]
    let (mut report, mut failures) = audit(stream, &catalog, options, filter, anonymizer.as_mut());
    #[cfg(feature = "tables")]
    {
        if let Err(error) = arguments.tables.write(&report, &catalog) {
            failures.push(format!("--tables: {error}"));
        }
        // Kept for the tables, printed only on request.
        report
            .flows
            .take_if(|_| !arguments.include.contains(&Include::Flows));
        report
            .lookups
            .take_if(|_| !arguments.include.contains(&Include::Lookups));
    }
    // The process is about to end: giving back the memory of a large report piece by piece would only delay that.
    let report = ManuallyDrop::new(report);
    let written = write(&report, arguments.format, arguments.output.as_deref());
    // After the report, where a terminal shows them.
    let absent = absent(&arguments.client, &clients, &report);
    for complaint in failures.iter().chain(&absent) {
        let _ = writeln!(io::stderr(), "intap: {complaint}");
    }
    match written {
        // The caller tells a reader that has left from a disk that is full.
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => return Err(cause.into()),
        Err(cause) => {
            let place = arguments
                .output
                .as_ref()
                .map_or_else(String::new, |path| format!(" to {}", path.display()));
            bail!("the report could not be written{place} ({cause}); write it where there is room")
        }
        Ok(()) => {}
    }
    if let Some(path) = &arguments.evidence {
        evidence::write(&report, &inputs, anonymizer.as_ref(), path)?;
    }
    Ok(if failures.is_empty() && absent.is_empty() {
        status(&report, arguments.fail_on)
    } else {
        ExitStatus::CouldNot
    })
}

/// Writes the report to `path`, or to standard output.
pub fn write(report: &AuditReport, format: Format, path: Option<&Path>) -> io::Result<()> {
    let mut out = BufWriter::new(Output::open(path)?);
    let screen = match out.get_ref() {
        Output::Standard(_) => report::text::Screen {
            colour: super::wants_colour(),
            columns: super::terminal_columns(),
        },
        Output::Direct(_) | Output::Beside(..) => report::text::Screen::default(),
    };
    match format {
        Format::Text => report::text::write(report, screen, &mut out)?,
        Format::Json => report::json::write(report, &mut out)?,
        Format::Markdown => report::markdown::write(report, &mut out)?,
        Format::Html => report::html::write(report, &mut out)?,
    }
    out.into_inner()?.finish()
}

/// What to say about devices that were asked for and are not in the report.
fn absent(typed: &[IpAddr], wanted: &[IpAddr], report: &AuditReport) -> Vec<String> {
    typed
        .iter()
        .zip(wanted)
        .filter(|(_, address)| {
            !report
                .clients
                .iter()
                .any(|client| client.addresses.contains(address))
        })
        .map(|(typed, _)| {
            format!(
                "--client {typed}: no device with this address tried anything of the endpoint list; \
                 leave --client out to see which did"
            )
        })
        .collect()
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "not an IP address; give one as the report shows it, such as 10.20.0.14".to_owned()
    })
}

/// Says why nothing could be read: the first reason is returned, the others are printed.
pub(super) fn complain(errors: Vec<crate::capture::CaptureError>) -> anyhow::Error {
    let mut errors = errors.into_iter();
    let first = errors.next();
    for error in errors {
        let _ = writeln!(io::stderr(), "intap: {error}");
    }
    first.map_or_else(
        || anyhow!("nothing to read; name a capture file"),
        anyhow::Error::from,
    )
}

/// Reads and observes on one thread, attributes and judges on another; also says what could not be read.
pub(super) fn audit(
    mut stream: FrameStream,
    catalog: &Catalog,
    options: AuditOptions,
    mut filter: Filter,
    anonymizer: Option<&mut Anonymizer<'_>>,
) -> (AuditReport, Vec<String>) {
    let mut auditor = Auditor::new(catalog, options);
    let is_anonymous = anonymizer.is_some();
    let (sender, receiver) = relay();
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| observe(&mut stream, &mut filter, sender));
        // What was kept for the report is let go of where it was made, so that its memory serves again.
        match anonymizer {
            Some(anonymizer) => {
                receiver.drain_into(&mut AnonymizingSink::new(anonymizer, &mut auditor));
            }
            None => receiver.drain_into(&mut auditor),
        }
        reader.join()
    });
    let mut capture = match read {
        Ok(capture) => capture,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let mut failures: Vec<String> = stream.failures().iter().map(ToString::to_string).collect();
    failures.extend(filter.complaints());
    let provenance = stream.finish();
    capture.sections = provenance.sections;
    capture.interfaces = provenance.interfaces;
    capture.warnings = provenance.warnings;
    capture.anomalies.merge(&provenance.anomalies);
    if is_anonymous {
        without_places(&mut capture);
    }
    (auditor.finish(capture), failures)
}

/// Which frames are wanted.
#[cfg(feature = "live")]
#[derive(Default)]
pub(super) struct Filter(Option<FrameFilter>);

#[cfg(feature = "live")]
impl Filter {
    fn parse(text: Option<&str>) -> anyhow::Result<Self> {
        let expression = text
            .map(Expression::parse)
            .transpose()
            .map_err(|error| anyhow!(error).context("--filter"))?;
        Ok(Self(expression.map(FrameFilter::new)))
    }

    fn accepts(&mut self, frame: &Frame<'_>) -> bool {
        self.0.as_mut().is_none_or(|filter| filter.accepts(frame))
    }

    /// Link types that the filter could not be applied to.
    fn complaints(&self) -> Vec<String> {
        let unfit = self.0.as_ref().map(FrameFilter::unfit_link_types);
        unfit
            .unwrap_or_default()
            .iter()
            .map(|link_type| {
                format!(
                    "--filter: it makes no sense for frames of link type {}, which were left out; use a filter without \
                     words of other link layers",
                    link_type.0
                )
            })
            .collect()
    }
}

/// Filters need libpcap: this build takes every frame.
#[cfg(not(feature = "live"))]
#[derive(Default)]
pub(super) struct Filter;

#[cfg(not(feature = "live"))]
impl Filter {
    fn accepts(&mut self, _: &Frame<'_>) -> bool {
        true
    }

    fn complaints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads all frames and hands on the facts.
fn observe(
    stream: &mut FrameStream,
    filter: &mut Filter,
    mut sender: FactSender,
) -> CaptureSummary {
    let mut observer = Observer::default();
    let mut progress = Progress::new(stream);
    while let Some(frame) = stream.next_frame() {
        if filter.accepts(&frame) {
            observer.push(&frame, &mut sender);
        }
        progress.step(|| stream.progress().octets_read);
    }
    progress.finish();
    observer.finish(&mut sender)
}

/// How the run ended, by its report.
pub fn status(report: &AuditReport, fail_on: FailOn) -> ExitStatus {
    let summary = report.summary();
    let fails = match fail_on {
        FailOn::Hard => summary.hard_failures > 0,
        FailOn::Any => summary.findings > 0,
        FailOn::Never => false,
    };
    if fails {
        ExitStatus::Findings
    } else {
        ExitStatus::Clean
    }
}
