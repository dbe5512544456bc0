//! The report for people who would rather look: one page that needs nothing but itself.
//!
//! Comes from an [`AuditReport`]; goes out as HTML with style, script and pictures inside. The templates escape whatever they
//! are given (`escaper`), and the page's own policy lets the browser run and load nothing but the two pieces named by
//! their hashes. Content needs no script; what there is of it sorts and filters. The page is bounded whatever the capture:
//! devices that were stopped come first, the rest is counted.

mod devices;
mod escaper;
pub(crate) mod figures;
mod findings;
mod fitness;
mod matrix;
mod timeline;
mod volume;

pub(in crate::report) use escaper::is_unseen;
pub(in crate::report) use figures::{clock, moment, octets, shortened, span};

use super::wording;
use crate::audit::{AuditReport, ClientReport, FitnessJudgement, Verdict};
use askama::Template;
use data_encoding::BASE64;
use devices::DeviceRow;
use findings::{FindingEntry, SetLabels};
use fitness::Fitness;
use matrix::Matrix;
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use timeline::Way;
pub(super) use volume::{AreaVolume, by_area};

/// Devices listed; more are counted.
const LISTED_DEVICES: usize = 500;

/// Devices whose attempts are drawn.
const DRAWN_DEVICES: usize = 12;

/// Findings listed; more are counted.
const LISTED_FINDINGS: usize = 500;

/// Characters of a name that are shown.
const NAME_CHARACTERS: usize = 120;

/// Characters of a sentence that are shown: a finding may concern thousands of hosts.
const SENTENCE_CHARACTERS: usize = 800;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Writes the page.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn write(report: &AuditReport, out: &mut impl Write) -> io::Result<()> {
    Page::new(report).write_into(out)
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'r> {
    policy: String,
    style: &'static str,
    script: &'static str,
    version: &'static str,
    mark: Mark,
    headline: String,
    capture: String,
    recorded_by: String,
    comments: Vec<&'r str>,
    edition: String,
    edition_source: &'r str,
    tables: Option<String>,
    device_states: String,
    set_counts: Vec<VerdictCount>,
    hard_failures: usize,
    finding_counts: String,
    devices: Vec<DeviceRow<'r>>,
    more_devices: usize,
    other_clients: usize,
    matrix: Matrix<'r>,
    ways: Vec<Way<'r>>,
    more_ways: usize,
    volumes: Vec<AreaVolume>,
    findings: Vec<FindingEntry<'r>>,
    more_findings: usize,
    fitness: Fitness<'r>,
}

/// A verdict as a shape with a colour, and the word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    /// The verdict's code: names the shape and the colour.
    code: &'static str,
    word: &'static str,
}

impl Mark {
    fn of(verdict: Verdict) -> Self {
        Self {
            code: verdict.code(),
            word: wording::verdict(verdict),
        }
    }
}

/// How many sets of all devices together have a verdict.
#[derive(Debug)]
struct VerdictCount {
    mark: Mark,
    count: usize,
    meaning: &'static str,
}

impl<'r> Page<'r> {
    fn new(report: &'r AuditReport) -> Self {
        let mut clients: Vec<&ClientReport> = report.clients.iter().collect();
        clients.sort_by_key(|client| wording::urgency(&client.progress));
        let all = clients.len();
        clients.truncate(LISTED_DEVICES);
        let drawn = clients.get(..DRAWN_DEVICES).unwrap_or(&clients);
        let ways: Vec<Way<'_>> = drawn
            .iter()
            .enumerate()
            .filter_map(|(index, client)| Way::of(client, index + 1))
            .collect();
        let labels = SetLabels::of(report);
        let (verdict, headline) = wording::headline(report);
        Self {
            policy: policy(),
            style: STYLE,
            script: SCRIPT,
            version: env!("CARGO_PKG_VERSION"),
            mark: Mark::of(verdict),
            headline,
            capture: capture(report),
            recorded_by: recorded_by(report),
            comments: comments(report),
            edition: format!(
                "{} ({})",
                report.edition.name,
                report.edition.date.as_deref().unwrap_or("undated")
            ),
            edition_source: &report.edition.source,
            tables: report.tables.as_ref().map(wording::tables),
            device_states: device_states(report),
            set_counts: set_counts(report),
            hard_failures: report.summary().hard_failures,
            finding_counts: wording::severities(report.findings.iter()),
            devices: (1..)
                .zip(&clients)
                .map(|(number, client)| DeviceRow::of(client, number))
                .collect(),
            more_devices: all - clients.len(),
            other_clients: report.other_clients,
            matrix: Matrix::of(&clients),
            more_ways: all.saturating_sub(drawn.len()),
            ways,
            volumes: by_area(&report.clients),
            findings: (1..)
                .zip(report.findings.iter().take(LISTED_FINDINGS))
                .map(|(number, finding)| FindingEntry::of(finding, number, &labels, &clients))
                .collect(),
            more_findings: report.findings.len().saturating_sub(LISTED_FINDINGS),
            fitness: Fitness::of(report),
        }
    }

    fn fitness_word(&self) -> &'static str {
        self.fitness.judgement
    }
}

/// What the browser may do with the page: nothing, but apply this style and run this script.
fn policy() -> String {
    let hash = |text: &str| BASE64.encode(&Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn capture(report: &AuditReport) -> String {
    let capture = &report.capture;
    let frames = format!(
        "{} frames, {}",
        capture.frames,
        octets(capture.original_octets)
    );
    match (capture.first, capture.last) {
        (Some(first), Some(last)) => format!(
            "{frames} in {}, from {}",
            span(last.time.since(first.time)),
            moment(first.time)
        ),
        _ => frames,
    }
}

fn recorded_by(report: &AuditReport) -> String {
    let mut by: Vec<&str> = report
        .capture
        .sections
        .iter()
        .flat_map(|section| [&section.application, &section.operating_system])
        .flatten()
        .map(|text| text.as_str())
        .collect();
    by.dedup();
    shortened(&by.join(", "), SENTENCE_CHARACTERS).into_owned()
}

fn comments(report: &AuditReport) -> Vec<&str> {
    report
        .capture
        .sections
        .iter()
        .flat_map(|section| &section.comments)
        .map(|comment| comment.as_str())
        .take(8)
        .collect()
}

/// `1 stopped, 2 fine`.
fn device_states(report: &AuditReport) -> String {
    let mut counts: [(&str, usize); 4] = [("", 0); 4];
    for client in &report.clients {
        if let Some(entry) = counts.get_mut(usize::from(wording::urgency(&client.progress))) {
            *entry = (wording::state(&client.progress), entry.1 + 1);
        }
    }
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    parts.join(", ")
}

fn set_counts(report: &AuditReport) -> Vec<VerdictCount> {
    VERDICTS
        .iter()
        .map(|(verdict, meaning)| VerdictCount {
            mark: Mark::of(*verdict),
            count: report
                .clients
                .iter()
                .flat_map(|client| &client.sets)
                .filter(|set| set.verdict == *verdict)
                .count(),
            meaning,
        })
        .collect()
}

/// Every verdict in the order of the legend, with what it means.
const VERDICTS: [(Verdict, &str); 7] = [
    (
        Verdict::Blocked,
        "Attempts were made and none was served: something on the way, or the resolver, stopped them.",
    ),
    (
        Verdict::Intercepted,
        "Served, but through a certificate that does not belong there: a device inspects TLS where that is not supported.",
    ),
    (
        Verdict::NeverReached,
        "Required here, and the capture would show an attempt, but there is none.",
    ),
    (
        Verdict::Degraded,
        "Reached, but some host of the set failed, or it took retries that a healthy network does not need.",
    ),
    (Verdict::Reached, "Served, and nothing was left failing."),
    (
        Verdict::Inconclusive,
        "The capture does not show enough; the section on fitness says why and how to record a better one.",
    ),
    (
        Verdict::NotExercised,
        "Not required for what the device was doing, and not tried.",
    ),
];

/// The word for a judgement of fitness and what it means.
fn judgement_words(judgement: FitnessJudgement) -> (&'static str, &'static str) {
    match judgement {
        FitnessJudgement::Fit => (
            "fit",
            "Nothing in the capture stands in the way of a verdict.",
        ),
        FitnessJudgement::Limited => ("limited", "Some verdicts are less certain, or impossible."),
        FitnessJudgement::Unfit => ("unfit", "Nothing can be said from this capture."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_has_every_verdict_once() {
        let mut codes: Vec<&str> = VERDICTS.iter().map(|(verdict, _)| verdict.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 7);
    }

    #[test]
    fn the_policy_names_what_the_page_holds() {
        // printf '' | openssl dgst -sha256 -binary | base64
        assert_eq!(
            BASE64.encode(&Sha256::digest(b"")),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy().contains("unsafe"));
    }

    #[test]
    fn style_and_script_cannot_end_their_elements() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
