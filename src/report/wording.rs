//! The words for verdicts, needs and counts that reports share.

use crate::audit::{
    AuditReport, ClientReport, Finding, Progress, SetReport, Severity, TablesPlace, Unclear,
    Verdict,
};
use crate::catalog::Requirement;

/// What a finding is about: a set, or the device as a whole.
#[must_use]
pub(super) fn concerned(finding: &Finding) -> String {
    match &finding.set {
        Some(set) => format!("set {set}"),
        None => "the whole device".to_owned(),
    }
}

/// A verdict in words.
#[must_use]
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reached => "reached",
        Verdict::Degraded => "works in part",
        Verdict::Blocked => "blocked",
        Verdict::Intercepted => "TLS inspected",
        Verdict::NeverReached => "never tried",
        Verdict::NotExercised => "not used",
        Verdict::Inconclusive => "cannot tell",
    }
}

/// A mark that does not depend on colour.
#[must_use]
pub(crate) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reached => "✓",
        Verdict::Degraded => "!",
        Verdict::Blocked => "✗",
        Verdict::Intercepted => "⊘",
        Verdict::NeverReached => "∅",
        Verdict::NotExercised => "-",
        Verdict::Inconclusive => "?",
    }
}

/// How much a device needs a set; empty when not at all.
#[must_use]
pub(crate) fn need(requirement: Requirement) -> &'static str {
    match requirement {
        Requirement::Hard => "required",
        Requirement::Soft => "useful",
        Requirement::Conditional => "sometimes",
        Requirement::None => "",
    }
}

/// Why a set has its verdict; empty when the verdict says all.
#[must_use]
pub(super) fn reason(set: &SetReport) -> &'static str {
    match (set.cause_phrase(), set.unclear) {
        (Some(cause), _) => cause,
        (None, Some(unclear)) => Unclear::phrase(unclear),
        (None, None) if set.looked_up_only => "looked up, never contacted",
        (None, None) => "",
    }
}

/// How far a device came, as a verdict, so that it bears the same mark and colour.
#[must_use]
pub(super) fn standing(progress: &Progress) -> Verdict {
    match progress {
        Progress::Stopped(_) => Verdict::Blocked,
        Progress::Impaired(_) => Verdict::Degraded,
        Progress::Unknown => Verdict::Inconclusive,
        Progress::Clear => Verdict::Reached,
    }
}

/// How far a device came, in a word.
#[must_use]
pub(super) fn state(progress: &Progress) -> &'static str {
    match progress {
        Progress::Stopped(_) => "stopped",
        Progress::Impaired(_) => "hindered",
        Progress::Unknown => "unclear",
        Progress::Clear => "fine",
    }
}

/// What a reader wants to see first comes first.
#[must_use]
pub(super) fn urgency(progress: &Progress) -> u8 {
    match progress {
        Progress::Stopped(_) => 0,
        Progress::Impaired(_) => 1,
        Progress::Unknown => 2,
        Progress::Clear => 3,
    }
}

/// A count with its noun: `1 device`, `2 devices`.
#[must_use]
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// How the devices that came off worst fared: the verdict that stands for them, how many they are, and what became of them
/// ("stopped"); `None` when the report has no devices.
#[must_use]
pub(super) fn worst(report: &AuditReport) -> Option<(Verdict, usize, &'static str)> {
    let worst = report.clients.iter().map(|c| urgency(&c.progress)).min()?;
    let devices = report
        .clients
        .iter()
        .filter(|client| urgency(&client.progress) == worst)
        .count();
    let (verdict, words) = match worst {
        0 => (Verdict::Blocked, "stopped"),
        1 => (Verdict::Degraded, "not stopped, but hindered"),
        2 => (Verdict::Inconclusive, "not shown well enough to tell"),
        _ => (Verdict::Reached, "not stopped by anything"),
    };
    Some((verdict, devices, words))
}

/// The whole report in one line, with the mark it bears.
#[must_use]
pub(super) fn headline(report: &AuditReport) -> (Verdict, String) {
    let all = report.clients.len();
    match worst(report) {
        None => (
            Verdict::Inconclusive,
            "No device tried anything of the endpoint list".to_owned(),
        ),
        Some((verdict, _, words)) if all == 1 => (verdict, format!("The device was {words}")),
        Some((verdict, devices, words)) => (
            verdict,
            format!("{devices} of {} {words}", counted(all, "device")),
        ),
    }
}

/// Findings by severity: `3 critical, 1 warning`; `none` when there are none.
#[must_use]
pub(super) fn severities<'f>(findings: impl Iterator<Item = &'f Finding> + Clone) -> String {
    let parts: Vec<String> = [
        (Severity::Critical, "critical"),
        (Severity::Warning, "warning"),
        (Severity::Information, "for information"),
    ]
    .into_iter()
    .filter_map(|(severity, word)| {
        let count = findings
            .clone()
            .filter(|finding| finding.severity == severity)
            .count();
        match (count, severity) {
            (0, _) => None,
            (_, Severity::Warning) => Some(counted(count, word)),
            _ => Some(format!("{count} {word}")),
        }
    })
    .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The sets that stopped or hindered a device, in the order in which they failed.
#[must_use]
pub(super) fn failed_sets(client: &ClientReport) -> Vec<&SetReport> {
    let (Progress::Stopped(keys) | Progress::Impaired(keys)) = &client.progress else {
        return Vec::new();
    };
    keys.iter()
        .filter_map(|key| client.sets.iter().find(|set| set.key == *key))
        .collect()
}

/// The host that shows best what is wrong with a set: its name, or else what the set is.
#[must_use]
pub(super) fn telling_host(set: &SetReport) -> &str {
    set.hosts()
        .find(|host| host.judged.cause.is_some())
        .or(set.hosts().next())
        .map_or(&set.description, |host| host.name.as_str())
}

/// Where tables are, in words.
pub(super) fn tables(tables: &TablesPlace) -> String {
    let TablesPlace {
        folder,
        files,
        rows,
        lost,
    } = tables;
    let lost = match lost {
        0 => String::new(),
        lost => format!("; {lost} rows could not be written"),
    };
    format!("{rows} rows in {files} files below {folder}{lost}")
}
