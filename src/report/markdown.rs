//! The report for a ticket: Markdown that reads the same on GitHub, GitLab and Jira.
//!
//! Names came off the wire, so that none may act: every word with anything but letters, digits and plain punctuation in it is
//! put into a code span, where a tracker sees no link, no mention, no issue number and no markup. Characters that would end a
//! span or a table cell, or that a tracker reads even there, are shown as `\124` in decimal, as host names show control
//! characters.

use super::html::{clock, is_unseen, moment, shortened, span};
use super::wording;
use crate::audit::{AuditReport, ClientReport, Evidence, Finding, SetReport, Verdict};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Devices listed; a ticket is no archive.
const LISTED_DEVICES: usize = 50;

/// Sets listed that are not fine.
const LISTED_SETS: usize = 100;

/// Findings listed.
const LISTED_FINDINGS: usize = 50;

/// Packets shown for one finding.
const SHOWN_EVIDENCE: usize = 12;

/// Characters of a name or a sentence.
const CHARACTERS: usize = 600;

/// Writes the report.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn write(report: &AuditReport, out: &mut impl Write) -> io::Result<()> {
    let mut clients: Vec<&ClientReport> = report.clients.iter().collect();
    clients.sort_by_key(|client| wording::urgency(&client.progress));
    head(report, out)?;
    devices(&clients, report.other_clients, out)?;
    sets(&clients, out)?;
    findings(&report.findings, out)?;
    fitness(report, out)
}

fn head(report: &AuditReport, out: &mut impl Write) -> io::Result<()> {
    let capture = &report.capture;
    let (_, headline) = wording::headline(report);
    writeln!(out, "# Intune network audit: {}\n", prose(&headline))?;
    let when = match (capture.first, capture.last) {
        (Some(first), Some(last)) => format!(
            " in {}, from {}",
            span(last.time.since(first.time)),
            moment(first.time)
        ),
        _ => String::new(),
    };
    writeln!(out, "- **Capture**: {} frames{when}", capture.frames)?;
    writeln!(
        out,
        "- **Judged by**: endpoint list {} ({})",
        code(&report.edition.name),
        prose(report.edition.date.as_deref().unwrap_or("undated"))
    )?;
    if let Some(tables) = &report.tables {
        writeln!(out, "- **Tables**: {}", prose(&wording::tables(tables)))?;
    }
    writeln!(
        out,
        "- **Fitness of the capture**: {}",
        report.fitness.judgement.code()
    )?;
    writeln!(
        out,
        "- **Findings**: {}",
        wording::severities(report.findings.iter())
    )
}

fn devices(clients: &[&ClientReport], others: usize, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n## Devices\n")?;
    if clients.is_empty() {
        return writeln!(
            out,
            "None that tried anything of the endpoint list; {} did other things.",
            wording::counted(others, "address")
        );
    }
    writeln!(out, "| State | Device | Judged as | What failed first |")?;
    writeln!(out, "| --- | --- | --- | --- |")?;
    for client in clients.iter().take(LISTED_DEVICES) {
        let mut device = address(client);
        if let Some(name) = &client.name {
            let _ = write!(device, " {}", code(name.as_str()));
        }
        let failed = wording::failed_sets(client);
        let mut words: Vec<String> = failed
            .iter()
            .take(3)
            .map(|set| {
                let what = match wording::reason(set) {
                    "" => wording::verdict(set.verdict),
                    reason => reason,
                };
                format!(
                    "set {} {}: {what}",
                    code(&set.key.to_string()),
                    code(wording::telling_host(set))
                )
            })
            .collect();
        if failed.len() > words.len() {
            words.push(format!("and {} more", failed.len() - words.len()));
        }
        writeln!(
            out,
            "| {} | {device} | {} | {} |",
            wording::state(&client.progress),
            code(&client.scenario.name.to_string()),
            words.join("; ")
        )?;
    }
    more(clients.len(), LISTED_DEVICES, "device", out)
}

/// The sets that are neither fine nor unneeded.
fn sets(clients: &[&ClientReport], out: &mut impl Write) -> io::Result<()> {
    let bad: Vec<(&ClientReport, &SetReport)> = clients
        .iter()
        .flat_map(|client| client.sets.iter().map(move |set| (*client, set)))
        .filter(|(_, set)| !matches!(set.verdict, Verdict::Reached | Verdict::NotExercised))
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Endpoint sets that are not fine\n")?;
    writeln!(out, "| Verdict | Set | Needed | Device | Why | Hosts |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for (client, set) in bad.iter().take(LISTED_SETS) {
        let mut hosts: Vec<String> = set
            .hosts()
            .filter(|host| host.judged.verdict != Verdict::Reached)
            .map(|host| code(&host.name))
            .take(4)
            .collect();
        if set.hosts.len() > hosts.len() && hosts.len() == 4 {
            hosts.push("…".to_owned());
        }
        let need = match wording::need(set.requirement) {
            "" => "no",
            need => need,
        };
        writeln!(
            out,
            "| **{}** | {} {} | {need} | {} | {} | {} |",
            wording::verdict(set.verdict),
            code(&set.key.to_string()),
            prose(&set.description),
            address(client),
            wording::reason(set),
            hosts.join(", ")
        )?;
    }
    more(bad.len(), LISTED_SETS, "set", out)
}

fn findings(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n## Findings")?;
    if findings.is_empty() {
        return writeln!(out, "\nNone.");
    }
    for (number, finding) in (1..).zip(findings.iter().take(LISTED_FINDINGS)) {
        writeln!(
            out,
            "\n### {number}. {}: {}\n",
            finding.severity.code(),
            prose(&finding.summary)
        )?;
        writeln!(
            out,
            "- **Concerns** {}, **device** {}",
            code(&wording::concerned(finding)),
            code(&finding.client.to_string())
        )?;
        if !finding.remedy.is_empty() {
            writeln!(out, "- **Change** {}", prose(&finding.remedy))?;
        }
        if !finding.evidence.is_empty() {
            let shown = finding.evidence.iter().take(SHOWN_EVIDENCE);
            let mut lines: Vec<String> = shown.map(packet).collect();
            if finding.evidence.len() > lines.len() {
                lines.push(format!(
                    "and {} more packets",
                    finding.evidence.len() - lines.len()
                ));
            }
            writeln!(out, "\nEvidence:\n\n{}", fenced(&lines.join("\n")))?;
        }
        if !finding.display_filter.is_empty() {
            writeln!(
                out,
                "\nIn Wireshark:\n\n{}",
                fenced(&finding.display_filter)
            )?;
        }
    }
    more(findings.len(), LISTED_FINDINGS, "finding", out)
}

fn packet(evidence: &Evidence) -> String {
    format!(
        "frame {:>6}  {}  {}",
        evidence.seen.frame.0,
        clock(evidence.seen.time),
        inert(&shortened(&evidence.what, CHARACTERS), |_| false)
    )
}

fn fitness(report: &AuditReport, out: &mut impl Write) -> io::Result<()> {
    let fitness = &report.fitness;
    if fitness.reasons.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n## Fitness of the capture: {}\n",
        fitness.judgement.code()
    )?;
    for reason in fitness.reasons.iter().take(LISTED_FINDINGS) {
        writeln!(
            out,
            "- **{}**: {}",
            reason.weight.code(),
            prose(&reason.text)
        )?;
        if !reason.consequence.is_empty() {
            writeln!(out, "  - So: {}.", prose(reason.consequence))?;
        }
        if !reason.remedy.is_empty() {
            writeln!(out, "  - Better: {}.", prose(reason.remedy))?;
        }
    }
    Ok(())
}

fn more(all: usize, listed: usize, noun: &str, out: &mut impl Write) -> io::Result<()> {
    match all.saturating_sub(listed) {
        0 => Ok(()),
        rest => writeln!(
            out,
            "\nand {} (`intap audit --format json`)",
            wording::counted(rest, &format!("more {noun}"))
        ),
    }
}

fn address(client: &ClientReport) -> String {
    client
        .addresses
        .first()
        .map_or(String::new(), |address| code(&address.to_string()))
}

/// Text with every word that could act in a code span.
pub(crate) fn prose(text: &str) -> String {
    let text = shortened(text, CHARACTERS);
    let mut out = String::with_capacity(text.len());
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            out.push(' ');
        }
        // Brackets and stops around a word belong to the sentence.
        let core = word
            .trim_start_matches('(')
            .trim_end_matches([',', ';', ':', '.', ')', '?']);
        let (before, rest) = word.split_at(word.len() - word.trim_start_matches('(').len());
        if core.is_empty() || is_plain(core) {
            out.push_str(word);
        } else {
            out.push_str(before);
            out.push_str(&code(core));
            out.push_str(rest.get(core.len()..).unwrap_or_default());
        }
    }
    out
}

/// Nothing that any tracker reads as more than text. A stop inside a word makes a host name, which some turn into a link.
fn is_plain(word: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '\'' | '%' | ',' | '…');
    word.chars().all(plain) || word.parse::<f64>().is_ok()
}

/// A code span, also good inside a table.
pub(super) fn code(text: &str) -> String {
    let acts = |c: char| matches!(c, '`' | '|' | '{' | '}' | '<' | '>');
    let text = inert(&shortened(text, CHARACTERS), acts);
    if text.trim().is_empty() {
        return String::new();
    }
    format!("`{}`", text.trim())
}

/// A block in a fence that nothing inside can close.
fn fenced(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

/// Shows characters that act unseen, and those that `acts` names, in decimal.
fn inert(text: &str, acts: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) || acts(character) {
            let _ = write!(out, "\\{:03}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}
