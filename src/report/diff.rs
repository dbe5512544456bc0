//! What differs between two reports, as text of 80 columns, as JSON and as Markdown.

use super::catalog::json;
use super::catalog::page::Page;
use super::markdown::{code, prose};
use super::wording;
use crate::audit::{Cause, Verdict};
use crate::diff::{Difference, HostDifference, Kind, PairDifference, SetDifference};
use crate::results::{Device, FindingResult, HostResult, Results, SetResult};
use serde::Serialize;
use std::fmt::Write as _;

/// Most hosts shown for one set, and devices listed that have no partner; JSON has all of them.
const SHOWN: usize = 8;

/// Most pairs of devices shown; those that differ come first.
const SHOWN_PAIRS: usize = 50;

/// One side of the comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'r> {
    /// The file as it was named.
    pub file: &'r str,
    /// What it says.
    pub results: &'r Results,
}

/// The headings of people's formats, in the order of [`Kind::ALL`].
fn heading(kind: Kind) -> &'static str {
    match kind {
        Kind::Lost => "Reached in A, not in B",
        Kind::Gained => "Reached in B, not in A",
        Kind::Changed => "Changed",
        Kind::OneSided => "Used in one of them only",
        Kind::Unclear => "One of the captures cannot tell",
    }
}

/// "A  home.pcap: 538 frames from 2026-…, judged by en-latest, fit".
fn side(side: &Side<'_>) -> String {
    let results = side.results;
    let first = results
        .first_time
        .as_ref()
        .map_or(String::new(), |time| format!(" from {}", short_time(time)));
    format!(
        "{}: {}{first}, judged by {}, {}",
        side.file,
        wording::counted(
            usize::try_from(results.frames).unwrap_or(usize::MAX),
            "frame"
        ),
        results.edition,
        results.fitness
    )
}

/// `2026-11-22T07:49:12.123456789Z` to the second.
fn short_time(time: &str) -> String {
    match time.split_once('.') {
        Some((second, _)) => second.replace('T', " "),
        None => time.to_owned(),
    }
}

/// A verdict with its cause: "blocked: connection attempts are dropped in silence".
fn outcome(verdict: Verdict, cause: Option<Cause>) -> String {
    let words = wording::verdict(verdict);
    match cause {
        Some(cause) => format!("{words}: {}", cause.phrase()),
        None => words.to_owned(),
    }
}

fn of_set(set: Option<&SetResult>) -> String {
    let Some(set) = set else {
        return wording::verdict(Verdict::NotExercised).to_owned();
    };
    let mut words = outcome(set.verdict, set.cause);
    let telling = set
        .hosts
        .iter()
        .find(|host| host.verdict == set.verdict && host.cause == set.cause)
        .or(set.hosts.first());
    if let Some(host) = telling {
        let _ = write!(words, " ({})", host.name);
    }
    words
}

fn of_host(host: Option<&HostResult>) -> String {
    host.map_or_else(
        || "not tried".to_owned(),
        |host| outcome(host.verdict, host.cause),
    )
}

fn pairs_first_to_read<'d, 'r>(difference: &'d Difference<'r>) -> Vec<&'d PairDifference<'r>> {
    let mut pairs: Vec<&PairDifference<'_>> = difference.pairs.iter().collect();
    pairs.sort_by_key(|pair| !pair.matters());
    pairs
}

/// "lost: 2 endpoint sets (1 required); gained: none; changed: 1".
fn result(difference: &Difference<'_>) -> String {
    let sets = |kind: Kind| {
        difference
            .pairs
            .iter()
            .flat_map(|pair| &pair.sets)
            .filter(move |set| set.kind == kind)
    };
    let count = |kind: Kind| {
        let required = sets(kind)
            .filter(|set| set.requirement == crate::catalog::Requirement::Hard)
            .count();
        match (sets(kind).count(), required) {
            (0, _) => "none".to_owned(),
            (all, 0) => all.to_string(),
            (all, required) => format!("{all} ({required} required)"),
        }
    };
    if difference.pairs.is_empty() {
        return "nothing was compared: no device of A has a partner in B; choose them with --client"
            .to_owned();
    }
    if !difference.matters() {
        return "no difference that says anything about the networks".to_owned();
    }
    format!(
        "endpoint sets lost in B: {}; gained: {}; changed: {}",
        count(Kind::Lost),
        count(Kind::Gained),
        count(Kind::Changed)
    )
}

// ---- Text

/// The comparison for people.
#[must_use]
pub fn diff_text(a: Side<'_>, b: Side<'_>, difference: &Difference<'_>) -> String {
    let mut page = Page::default();
    page.labelled("A         ", &side(&a));
    page.labelled("B         ", &side(&b));
    let pairs = pairs_first_to_read(difference);
    for pair in pairs.iter().take(SHOWN_PAIRS) {
        text_pair(&mut page, pair);
    }
    if pairs.len() > SHOWN_PAIRS {
        page.line("");
        page.line(&format!(
            "{} more are in --format json",
            wording::counted(pairs.len() - SHOWN_PAIRS, "pair of devices")
        ));
    }
    text_alone(&mut page, "Devices only in A", &difference.only_in_a);
    text_alone(&mut page, "Devices only in B", &difference.only_in_b);
    page.line("");
    page.labelled("Result    ", &result(difference));
    page.finish()
}

fn text_pair(page: &mut Page, pair: &PairDifference<'_>) {
    page.line("");
    page.labelled(
        "Device    ",
        &format!(
            "{} in A, {} in B: {}",
            pair.a.shown(),
            pair.b.shown(),
            pair.pairing.phrase()
        ),
    );
    if pair.a.scenario.name != pair.b.scenario.name {
        page.labelled(
            "          ",
            &format!(
                "judged as {} in A and {} in B; --scenario makes them the same",
                pair.a.scenario.name, pair.b.scenario.name
            ),
        );
    }
    let mut any = false;
    for kind in Kind::ALL {
        let sets: Vec<&SetDifference<'_>> =
            pair.sets.iter().filter(|set| set.kind == kind).collect();
        if sets.is_empty() {
            continue;
        }
        any = true;
        page.line("");
        page.line(heading(kind));
        for set in sets {
            text_set(page, set);
        }
    }
    for (title, findings) in [
        ("Findings only in A", &pair.only_in_a),
        ("Findings only in B", &pair.only_in_b),
    ] {
        if findings.is_empty() {
            continue;
        }
        any = true;
        page.line("");
        page.line(title);
        for finding in findings {
            page.labelled(
                &format!("  {:<11} ", finding.severity),
                &format!("{}: {}", finding.code, finding.summary),
            );
        }
    }
    if !any {
        page.line("          no difference");
    }
}

fn text_set(page: &mut Page, set: &SetDifference<'_>) {
    let need = wording::need(set.requirement);
    page.labelled(
        &format!("  {:<4} {need:<10} ", set.key.to_string()),
        set.description,
    );
    page.labelled("       A  ", &of_set(set.a));
    page.labelled("       B  ", &of_set(set.b));
    // One host says nothing that the set has not said.
    if set.hosts.len() > 1 || set.kind == Kind::Changed {
        for host in set.hosts.iter().take(SHOWN) {
            page.labelled(
                &format!("       {} ", mark(host.kind)),
                &format!(
                    "{}: {}, then {}",
                    host.name,
                    of_host(host.a),
                    of_host(host.b)
                ),
            );
        }
        if set.hosts.len() > SHOWN {
            page.line(&format!("         and {} more", set.hosts.len() - SHOWN));
        }
    }
}

fn mark(kind: Kind) -> char {
    match kind {
        Kind::Lost => '-',
        Kind::Gained => '+',
        Kind::Changed => '~',
        Kind::OneSided | Kind::Unclear => '?',
    }
}

fn text_alone(page: &mut Page, title: &str, devices: &[&Device]) {
    if devices.is_empty() {
        return;
    }
    page.line("");
    page.labelled(&format!("{title}  "), &names(devices));
}

fn names(devices: &[&Device]) -> String {
    let mut words: Vec<String> = devices
        .iter()
        .take(SHOWN)
        .map(|device| device.shown().into())
        .collect();
    if devices.len() > SHOWN {
        words.push(format!("and {} more", devices.len() - SHOWN));
    }
    words.join(", ")
}

// ---- Markdown

/// The comparison for a ticket.
#[must_use]
pub fn diff_markdown(a: Side<'_>, b: Side<'_>, difference: &Difference<'_>) -> String {
    let mut out = String::from("# Intune network audit: comparison\n\n");
    let _ = writeln!(out, "- **A**: {}", prose(&side(&a)));
    let _ = writeln!(out, "- **B**: {}", prose(&side(&b)));
    let _ = writeln!(out, "- **Result**: {}", prose(&result(difference)));
    let pairs = pairs_first_to_read(difference);
    for pair in pairs.iter().take(SHOWN_PAIRS) {
        markdown_pair(&mut out, pair);
    }
    if pairs.len() > SHOWN_PAIRS {
        let _ = writeln!(
            out,
            "\n{} more pairs of devices.",
            pairs.len() - SHOWN_PAIRS
        );
    }
    for (title, devices) in [
        ("Devices only in A", &difference.only_in_a),
        ("Devices only in B", &difference.only_in_b),
    ] {
        if !devices.is_empty() {
            let _ = writeln!(out, "\n**{title}**: {}", prose(&names(devices)));
        }
    }
    out
}

fn markdown_pair(out: &mut String, pair: &PairDifference<'_>) {
    let _ = writeln!(
        out,
        "\n## {} in A, {} in B\n\nCompared because: {}.",
        code(&pair.a.shown()),
        code(&pair.b.shown()),
        pair.pairing.phrase()
    );
    if !pair.sets.is_empty() {
        out.push_str(
            "\n| Difference | Set | Need | In A | In B |\n| --- | --- | --- | --- | --- |\n",
        );
    }
    for set in &pair.sets {
        let _ = writeln!(
            out,
            "| {} | {} {} | {} | {} | {} |",
            heading(set.kind),
            code(&set.key.to_string()),
            prose(set.description),
            wording::need(set.requirement),
            prose(&of_set(set.a)),
            prose(&of_set(set.b))
        );
    }
    for (title, findings) in [
        ("Findings only in A", &pair.only_in_a),
        ("Findings only in B", &pair.only_in_b),
    ] {
        if findings.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title}:\n");
        for finding in findings {
            let _ = writeln!(
                out,
                "- {} {}: {}",
                prose(&finding.severity),
                code(&finding.code),
                prose(&finding.summary)
            );
        }
    }
}

// ---- JSON

#[derive(Serialize)]
struct Document<'r> {
    schema_version: u32,
    a: Input<'r>,
    b: Input<'r>,
    differs: bool,
    devices: Vec<Pair<'r>>,
    only_in_a: Vec<DeviceName<'r>>,
    only_in_b: Vec<DeviceName<'r>>,
}

#[derive(Serialize)]
struct Input<'r> {
    file: &'r str,
    edition: &'r str,
    frames: u64,
    first_time: Option<&'r str>,
    fitness: &'r str,
}

#[derive(Serialize)]
struct DeviceName<'r> {
    addresses: Vec<String>,
    mac: Option<&'r str>,
    name: Option<&'r str>,
    scenario: &'r str,
}

#[derive(Serialize)]
struct Pair<'r> {
    a: DeviceName<'r>,
    b: DeviceName<'r>,
    paired_by: &'static str,
    differs: bool,
    endpoint_sets: Vec<SetEntry<'r>>,
    findings_only_in_a: Vec<FindingEntry<'r>>,
    findings_only_in_b: Vec<FindingEntry<'r>>,
}

#[derive(Serialize)]
struct SetEntry<'r> {
    kind: &'static str,
    id: Option<u16>,
    key: String,
    feature_area: &'r str,
    description: &'r str,
    requirement: &'static str,
    a: Option<Outcome>,
    b: Option<Outcome>,
    hosts: Vec<HostEntry<'r>>,
}

#[derive(Serialize)]
struct HostEntry<'r> {
    kind: &'static str,
    name: &'r str,
    a: Option<Outcome>,
    b: Option<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    verdict: &'static str,
    cause: Option<&'static str>,
}

#[derive(Serialize)]
struct FindingEntry<'r> {
    code: &'r str,
    severity: &'r str,
    key: Option<&'r str>,
    cause: Option<&'r str>,
    summary: &'r str,
}

/// The comparison for programs; `docs/diff.md` has the fields.
#[must_use]
pub fn diff_json(a: Side<'_>, b: Side<'_>, difference: &Difference<'_>) -> String {
    json(&Document {
        schema_version: 1,
        a: input(&a),
        b: input(&b),
        differs: difference.matters(),
        devices: difference.pairs.iter().map(pair_entry).collect(),
        only_in_a: difference.only_in_a.iter().map(|d| device(d)).collect(),
        only_in_b: difference.only_in_b.iter().map(|d| device(d)).collect(),
    })
}

fn input<'r>(side: &Side<'r>) -> Input<'r> {
    Input {
        file: side.file,
        edition: &side.results.edition,
        frames: side.results.frames,
        first_time: side.results.first_time.as_deref(),
        fitness: &side.results.fitness,
    }
}

fn device(device: &Device) -> DeviceName<'_> {
    DeviceName {
        addresses: device.addresses.iter().map(ToString::to_string).collect(),
        mac: device.mac.as_deref(),
        name: device.name.as_deref(),
        scenario: &device.scenario.name,
    }
}

fn pair_entry<'r>(pair: &PairDifference<'r>) -> Pair<'r> {
    Pair {
        a: device(pair.a),
        b: device(pair.b),
        paired_by: pair.pairing.code(),
        differs: pair.matters(),
        endpoint_sets: pair.sets.iter().map(set_entry).collect(),
        findings_only_in_a: pair.only_in_a.iter().map(|f| finding(f)).collect(),
        findings_only_in_b: pair.only_in_b.iter().map(|f| finding(f)).collect(),
    }
}

fn set_entry<'r>(set: &SetDifference<'r>) -> SetEntry<'r> {
    let outcome = |set: Option<&SetResult>| set.map(|set| entry(set.verdict, set.cause));
    SetEntry {
        kind: set.kind.code(),
        id: set.key.id(),
        key: set.key.to_string(),
        feature_area: set.feature_area,
        description: set.description,
        requirement: set.requirement.name(),
        a: outcome(set.a),
        b: outcome(set.b),
        hosts: set.hosts.iter().map(host).collect(),
    }
}

fn host<'r>(host: &HostDifference<'r>) -> HostEntry<'r> {
    let outcome = |host: Option<&HostResult>| host.map(|host| entry(host.verdict, host.cause));
    HostEntry {
        kind: host.kind.code(),
        name: host.name,
        a: outcome(host.a),
        b: outcome(host.b),
    }
}

fn entry(verdict: Verdict, cause: Option<Cause>) -> Outcome {
    Outcome {
        verdict: verdict.code(),
        cause: cause.map(Cause::code),
    }
}

fn finding(finding: &FindingResult) -> FindingEntry<'_> {
    FindingEntry {
        code: &finding.code,
        severity: &finding.severity,
        key: finding.key.as_deref(),
        cause: finding.cause.as_deref(),
        summary: &finding.summary,
    }
}
