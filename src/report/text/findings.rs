//! Findings: what is wrong, what to change, and the packets that prove it. Devices with the same finding share one entry.

use super::capture::day_and_clock;
use super::page::{Page, counted, plain, shorten, styled};
use crate::audit::{AuditReport, Evidence, Finding, Severity};
use crate::catalog::SetKey;
use crate::facts::Timestamp;
use crate::report::wording;
use anstyle::{AnsiColor, Style};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::io::{self, Write};
use std::net::IpAddr;

/// Entries shown.
const SHOWN_FINDINGS: usize = 25;

/// Packets shown of each.
const SHOWN_EVIDENCE: usize = 8;

/// Further devices named for each.
const NAMED_DEVICES: usize = 4;

/// Columns of what a packet shows, so that two lines hold it.
const EVIDENCE_COLUMNS: usize = 100;

/// One finding with all sets and devices that it concerns.
pub(super) struct Entry<'r> {
    finding: &'r Finding,
    sets: Vec<&'r SetKey>,
    others: Vec<IpAddr>,
}

/// Writes the findings, in the order of the report.
pub(super) fn write(
    report: &AuditReport,
    entries: &[Entry<'_>],
    page: &mut Page<'_, impl Write>,
) -> io::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    page.heading("Findings")?;
    let titles = |key: &SetKey| {
        report
            .clients
            .iter()
            .flat_map(|client| &client.sets)
            .find(|set| set.key == *key)
            .map_or("", |set| set.feature_area.title())
    };
    let one_day = match (report.capture.first, report.capture.last) {
        (Some(first), Some(last)) => day_and_clock(first.time).0 == day_and_clock(last.time).0,
        _ => true,
    };
    for (index, entry) in entries.iter().take(SHOWN_FINDINGS).enumerate() {
        if index > 0 {
            page.gap()?;
        }
        write_entry(index + 1, entry, &titles, one_day, page)?;
    }
    let rest = entries.len().saturating_sub(SHOWN_FINDINGS);
    if rest > 0 {
        page.gap()?;
        let text = format!("and {}: --format json", counted(rest, "more finding"));
        page.entry(&[plain("… ")], &[plain(&text)])?;
    }
    Ok(())
}

/// Joins findings that say the same of several devices, or of several sets that share a host.
pub(super) fn entries(findings: &[Finding]) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut known: HashMap<_, usize, RandomState> = HashMap::default();
    for finding in findings {
        let key = (
            finding.severity,
            finding.summary.as_str(),
            finding.remedy.as_str(),
        );
        let place = *known.entry(key).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) if entry.finding.client != finding.client => {
                if entry.others.last() != Some(&finding.client) {
                    entry.others.push(finding.client);
                }
            }
            Some(entry) => entry.sets.extend(&finding.set),
            None => entries.push(Entry {
                finding,
                sets: finding.set.iter().collect(),
                others: Vec::new(),
            }),
        }
    }
    entries
}

/// "2 critical, 4 warnings", or "none".
pub(super) fn counts(entries: &[Entry<'_>]) -> String {
    wording::severities(entries.iter().map(|entry| entry.finding))
}

fn write_entry(
    number: usize,
    entry: &Entry<'_>,
    titles: &dyn Fn(&SetKey) -> &'static str,
    one_day: bool,
    page: &mut Page<'_, impl Write>,
) -> io::Result<()> {
    let finding = entry.finding;
    let (style, severity) = match finding.severity {
        Severity::Critical => (AnsiColor::Red.on_default().bold(), "critical"),
        Severity::Warning => (AnsiColor::Yellow.on_default(), "warning"),
        Severity::Information => (Style::new(), "for information"),
    };
    let about = match entry.sets.as_slice() {
        [] => String::new(),
        [_] => format!("set {}, ", sets(&entry.sets, titles)),
        _ => format!("sets {}, ", sets(&entry.sets, titles)),
    };
    let title = format!(": {about}device {}", finding.client);
    let label = format!("{number:>2} ");
    page.entry(&[plain(&label)], &[styled(style, severity), plain(&title)])?;
    page.entry(&[plain("   What    ")], &[plain(&finding.summary)])?;
    if !entry.others.is_empty() {
        let named: Vec<String> = entry
            .others
            .iter()
            .take(NAMED_DEVICES)
            .map(ToString::to_string)
            .collect();
        let more = entry.others.len() - named.len();
        let mut text = named.join(", ");
        if more > 0 {
            text.push_str(&format!(" and {}", counted(more, "more device")));
        }
        page.entry(&[plain("   Also    ")], &[plain(&text)])?;
    }
    for (label, text) in [
        ("   Means   ", &finding.consequence),
        ("   Change  ", &finding.remedy),
    ] {
        if !text.is_empty() {
            page.entry(&[plain(label)], &[plain(text)])?;
        }
    }
    let rule = format!("{} ({})", finding.code.code(), finding.source);
    page.entry(&[plain("   Rule    ")], &[plain(&rule)])?;
    proof(&finding.evidence, one_day, page)?;
    if !finding.display_filter.is_empty() {
        page.verbatim("   Filter  ", [" || ", " && "], &finding.display_filter)?;
    }
    Ok(())
}

/// The sets with their feature areas: "170 (Intune core service), 172 (Delivery Optimization)".
fn sets(keys: &[&SetKey], titles: &dyn Fn(&SetKey) -> &'static str) -> String {
    let named: Vec<String> = keys
        .iter()
        .map(|key| format!("{key} ({})", titles(key)))
        .collect();
    named.join(", ")
}

fn proof(evidence: &[Evidence], one_day: bool, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let shown = evidence.get(..SHOWN_EVIDENCE).unwrap_or(evidence);
    let width = shown
        .iter()
        .map(|item| item.seen.frame.to_string().len())
        .max()
        .unwrap_or_default();
    for (index, item) in shown.iter().enumerate() {
        let label = if index == 0 {
            "   Proof   frame "
        } else {
            "           frame "
        };
        let frame = format!("{:>width$}  ", item.seen.frame.0);
        let time = format!("{}  ", shown_time(item.seen.time, one_day));
        let what = shorten(&item.what, EVIDENCE_COLUMNS);
        page.entry(
            &[plain(label), plain(&frame), plain(&time)],
            &[plain(&what)],
        )?;
    }
    let more = evidence.len() - shown.len();
    if more > 0 {
        let text = format!("and {}: --format json", counted(more, "more frame"));
        page.entry(&[plain("           … ")], &[plain(&text)])?;
    }
    Ok(())
}

/// Time of day to the microsecond, with month and day where the capture spans several.
fn shown_time(time: Timestamp, one_day: bool) -> String {
    let (day, clock) = day_and_clock(time);
    let clock = clock.get(..15).unwrap_or(&clock);
    if one_day {
        clock.to_owned()
    } else {
        format!("{} {clock}", day.get(5..).unwrap_or(&day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{FindingCode, Verdict};
    use crate::facts::{FrameNumber, Seen};

    fn finding(client: [u8; 4], summary: &str) -> Finding {
        Finding {
            code: FindingCode::EndpointsBlocked,
            severity: Severity::Critical,
            client: client.into(),
            set: Some(SetKey::Id(163)),
            verdict: Some(Verdict::Blocked),
            cause: None,
            hosts: Vec::new(),
            summary: summary.to_owned(),
            consequence: String::new(),
            remedy: String::new(),
            source: String::new(),
            evidence: Vec::new(),
            display_filter: String::new(),
        }
    }

    #[test]
    fn devices_with_the_same_finding_share_an_entry() {
        let findings = [
            finding([10, 0, 0, 1], "a"),
            finding([10, 0, 0, 1], "b"),
            finding([10, 0, 0, 2], "a"),
            finding([10, 0, 0, 3], "a"),
        ];
        let entries = entries(&findings);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].others.len(), 2);
        assert!(entries[1].others.is_empty());
        assert_eq!(counts(&entries), "2 critical");
    }

    #[test]
    fn sets_that_share_a_host_share_an_entry() {
        let first = finding([10, 0, 0, 1], "a");
        let mut second = first.clone();
        second.set = Some(SetKey::Id(172));
        let findings = [first, second];
        let entries = entries(&findings);
        assert_eq!(entries[0].sets, [&SetKey::Id(163), &SetKey::Id(172)]);
        assert_eq!(entries.len(), 1);
    }

    #[test]
    fn frames_stand_in_a_column() {
        let at = |frame, seconds| Evidence {
            seen: Seen {
                frame: FrameNumber(frame),
                time: Timestamp::from_parts(seconds, 0),
            },
            what: "SYN".into(),
        };
        let mut out = Vec::new();
        proof(
            &[at(9, 0), at(100, 86_400)],
            false,
            &mut Page::new(&mut out, false),
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "   Proof   frame   9  01-01 00:00:00.000000  SYN\n           frame 100  01-02 00:00:00.000000  SYN\n"
        );
    }
}
