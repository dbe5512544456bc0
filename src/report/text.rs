//! The report for people: fitness, one line per device, the sets per feature area, findings with proof and remedy.
//! Readable at 80 columns.

use crate::audit::{
    AuditReport, ClientReport, Finding, FitnessJudgement, Progress, Requirement, SetReport,
    Severity, Verdict,
};
use crate::catalog::FeatureArea;
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

/// Width of the page.
pub(super) const WIDTH: usize = 80;

/// Devices shown in full; more are summed up.
const SHOWN_CLIENTS: usize = 50;

/// Packets shown per finding.
const SHOWN_EVIDENCE: usize = 8;

/// Writes the report; `colour` allows escape sequences.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn write(report: &AuditReport, colour: bool, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page { out, colour };
    page.capture(report)?;
    page.headlines(report)?;
    for client in report.clients.iter().take(SHOWN_CLIENTS) {
        page.client(client, report.clients.len() > 1)?;
    }
    if report.clients.len() > SHOWN_CLIENTS {
        page.line(&format!(
            "… and {} more devices; see --format json, or --client ADDRESS",
            report.clients.len() - SHOWN_CLIENTS
        ))?;
    }
    page.findings(report)
}

struct Page<'o, W> {
    out: &'o mut W,
    colour: bool,
}

impl<W: Write> Page<'_, W> {
    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let bold = self.paint(Style::new().bold(), text);
        writeln!(self.out, "\n{bold}")
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// Prints `text` after `label`, wrapped, further lines indented to the text's start.
    fn labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let indent = label.chars().count();
        let mut lines = wrap(text, WIDTH.saturating_sub(indent)).into_iter();
        writeln!(self.out, "{label}{}", lines.next().unwrap_or_default())?;
        for line in lines {
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    fn capture(&mut self, report: &AuditReport) -> io::Result<()> {
        let capture = &report.capture;
        let span = match (capture.first, capture.last) {
            (Some(first), Some(last)) => {
                let seconds = last.time.since(first.time).as_secs_f64();
                format!(
                    "{} frames in {seconds:.1} s from {}",
                    capture.frames, first.time
                )
            }
            _ => format!("{} frames", capture.frames),
        };
        self.labelled("Capture   ", &span)?;
        let by: Vec<&str> = capture
            .sections
            .iter()
            .flat_map(|section| [&section.application, &section.operating_system])
            .flatten()
            .map(|text| text.as_str())
            .collect();
        self.labelled("Recorded  ", &by.join(", "))?;
        for section in &capture.sections {
            for comment in &section.comments {
                self.labelled("Comment   ", comment)?;
            }
        }
        let date = report.edition.date.as_deref().unwrap_or("undated");
        self.labelled(
            "Judged by ",
            &format!("edition {} ({date})", report.edition.name),
        )?;
        for (name, source) in &report.edition.additions {
            self.labelled("          ", &format!("with {name}: {source}"))?;
        }
        let judgement = report.fitness.judgement;
        let words = match judgement {
            FitnessJudgement::Fit => "fit: nothing in the capture stands in the way of a verdict",
            FitnessJudgement::Limited => "limited: some verdicts are less certain",
            FitnessJudgement::Unfit => "unfit: nothing can be said",
        };
        let style = match judgement {
            FitnessJudgement::Fit => AnsiColor::Green.on_default(),
            FitnessJudgement::Limited => AnsiColor::Yellow.on_default(),
            FitnessJudgement::Unfit => AnsiColor::Red.on_default(),
        };
        let words = self.paint(style, words);
        self.line(&format!("Fitness   {words}"))?;
        for reason in &report.fitness.reasons {
            self.labelled("          - ", &reason.text)?;
            if !reason.consequence.is_empty() {
                self.labelled("            ", &format!("So: {}.", reason.consequence))?;
            }
            if !reason.remedy.is_empty() {
                self.labelled("            ", &format!("Better: {}.", reason.remedy))?;
            }
        }
        for anomaly in capture.anomalies.kinds().iter().take(8) {
            let first = anomaly
                .first_frame
                .map_or(String::new(), |frame| format!(", first in frame {frame}"));
            self.labelled(
                "          - ",
                &format!("{}: {} times{first}", anomaly.name, anomaly.count),
            )?;
        }
        Ok(())
    }

    fn headlines(&mut self, report: &AuditReport) -> io::Result<()> {
        self.heading("Devices")?;
        if report.clients.is_empty() {
            self.labelled(
                "  ",
                &format!(
                    "No device in this capture tried anything of the endpoint list ({} addresses opened other flows).",
                    report.other_clients
                ),
            )?;
        }
        for client in report.clients.iter().take(SHOWN_CLIENTS) {
            let (mark, style, words) = headline(client);
            let mark = self.paint(style, mark);
            let name = client
                .name
                .as_ref()
                .map_or(String::new(), |name| format!(" ({name})"));
            let addresses: Vec<String> = client
                .addresses
                .iter()
                .take(3)
                .map(ToString::to_string)
                .collect();
            self.line(&format!("  {mark} {}{name}", addresses.join(", ")))?;
            self.labelled("    ", &words)?;
        }
        Ok(())
    }

    fn client(&mut self, client: &ClientReport, several: bool) -> io::Result<()> {
        let address = client
            .addresses
            .first()
            .map_or(String::new(), ToString::to_string);
        if several {
            self.heading(&format!("Endpoint sets of {address}"))?;
        } else {
            self.heading("Endpoint sets")?;
        }
        self.labelled(
            "  Scenario ",
            &format!("{} ({})", client.scenario.name, client.scenario.why),
        )?;
        for area in FeatureArea::ALL {
            let sets: Vec<&SetReport> = client
                .sets
                .iter()
                .filter(|set| set.feature_area == *area && is_shown(set))
                .collect();
            if sets.is_empty() {
                continue;
            }
            let worst = sets
                .iter()
                .filter(|set| set.requirement == Requirement::Hard)
                .map(|set| set.verdict)
                .max();
            let rollup = worst
                .filter(|verdict| *verdict > Verdict::NotExercised)
                .map_or(String::new(), |verdict| format!(": {}", words(verdict)));
            self.line(&format!("  {}{rollup}", area.title()))?;
            for set in sets {
                self.set(set)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, set: &SetReport) -> io::Result<()> {
        let mark = self.paint(style(set.verdict), mark(set.verdict));
        let need = match set.requirement {
            Requirement::Hard => "required",
            Requirement::Soft => "useful",
            Requirement::Conditional => "sometimes",
            Requirement::None => "",
        };
        let mut text = words(set.verdict).to_owned();
        match (set.cause, set.unclear) {
            (Some(cause), _) => text.push_str(&format!(": {}", cause.phrase())),
            (None, Some(unclear)) => text.push_str(&format!(": {}", unclear.phrase())),
            (None, None) if set.looked_up_only => text.push_str(": looked up, never contacted"),
            (None, None) => {}
        }
        let hosts: Vec<&str> = set
            .hosts
            .iter()
            .filter(|host| {
                set.verdict == Verdict::Reached || host.judged.verdict != Verdict::Reached
            })
            .map(|host| host.name.as_str())
            .collect();
        if let Some(first) = hosts.first() {
            let more = hosts.len().saturating_sub(1);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            text.push_str(&format!(" [{first}{more}]"));
        }
        let label = format!("    {mark} {:<5} {need:<9} ", set.key.to_string());
        // Escape sequences take no room on the screen.
        let indent = 4 + 2 + 6 + 10;
        let mut lines = wrap(&text, WIDTH.saturating_sub(indent)).into_iter();
        writeln!(self.out, "{label}{}", lines.next().unwrap_or_default())?;
        for line in lines {
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    fn findings(&mut self, report: &AuditReport) -> io::Result<()> {
        if report.findings.is_empty() {
            self.heading("Findings: none")?;
            return Ok(());
        }
        self.heading("Findings")?;
        for (number, finding) in report.findings.iter().enumerate() {
            self.finding(number + 1, finding)?;
        }
        Ok(())
    }

    fn finding(&mut self, number: usize, finding: &Finding) -> io::Result<()> {
        let severity = match finding.severity {
            Severity::Critical => self.paint(AnsiColor::Red.on_default().bold(), "critical"),
            Severity::Warning => self.paint(AnsiColor::Yellow.on_default(), "warning"),
            Severity::Information => "information".to_owned(),
        };
        self.line(&format!(
            "{number:>3}. {severity}: set {}, device {}",
            finding.set, finding.client
        ))?;
        self.labelled("     What   ", &finding.summary)?;
        self.labelled("     Change ", &finding.remedy)?;
        for (index, evidence) in finding.evidence.iter().take(SHOWN_EVIDENCE).enumerate() {
            let label = if index == 0 {
                "     Proof  "
            } else {
                "            "
            };
            self.labelled(
                label,
                &format!(
                    "frame {} {} {}",
                    evidence.seen.frame,
                    clock(&evidence.seen.time.to_string()),
                    evidence.what
                ),
            )?;
        }
        let more = finding.evidence.len().saturating_sub(SHOWN_EVIDENCE);
        if more > 0 {
            self.line(&format!(
                "            … and {more} more packets (--format json)"
            ))?;
        }
        if !finding.display_filter.is_empty() {
            self.labelled("     Filter ", &finding.display_filter)?;
        }
        self.line("")
    }
}

/// The time of day of an RFC 3339 time, to the microsecond.
fn clock(time: &str) -> &str {
    time.split_once('T')
        .map_or(time, |(_, clock)| clock.get(..15).unwrap_or(clock))
}

fn headline(client: &ClientReport) -> (&'static str, Style, String) {
    let describe = |keys: &[crate::catalog::SetKey]| {
        let sets = client.sets.iter().filter(|set| keys.contains(&set.key));
        let mut parts: Vec<String> = sets
            .map(|set| {
                let host = set
                    .hosts
                    .iter()
                    .find(|host| host.judged.cause.is_some())
                    .or(set.hosts.first());
                let name =
                    host.map_or_else(|| set.description.to_string(), |host| host.name.clone());
                match set.cause {
                    Some(cause) => format!("{name} (set {}): {}", set.key, cause.phrase()),
                    None => format!("{name} (set {}): {}", set.key, words(set.verdict)),
                }
            })
            .collect();
        let more = parts.len().saturating_sub(3);
        parts.truncate(3);
        let mut text = parts.join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more sets"));
        }
        text
    };
    match &client.progress {
        Progress::Clear => (
            mark(Verdict::Reached),
            style(Verdict::Reached),
            "nothing it needs was stopped".to_owned(),
        ),
        Progress::Stopped(keys) => (
            mark(Verdict::Blocked),
            style(Verdict::Blocked),
            format!("stopped: {}", describe(keys)),
        ),
        Progress::Impaired(keys) => (
            mark(Verdict::Degraded),
            style(Verdict::Degraded),
            format!("goes on, but: {}", describe(keys)),
        ),
        Progress::Unknown => (
            mark(Verdict::Inconclusive),
            style(Verdict::Inconclusive),
            "the capture does not show enough of it".to_owned(),
        ),
    }
}

fn is_shown(set: &SetReport) -> bool {
    !set.hosts.is_empty() || !matches!(set.verdict, Verdict::NotExercised)
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reached => "reached",
        Verdict::Degraded => "works in part",
        Verdict::Blocked => "blocked",
        Verdict::Intercepted => "TLS inspected",
        Verdict::NeverReached => "never reached",
        Verdict::NotExercised => "not tried",
        Verdict::Inconclusive => "cannot tell",
    }
}

/// A mark that does not depend on colour.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reached => "✓",
        Verdict::Degraded => "!",
        Verdict::Blocked => "✗",
        Verdict::Intercepted => "⊘",
        Verdict::NeverReached => "·",
        Verdict::NotExercised => "-",
        Verdict::Inconclusive => "?",
    }
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Reached => AnsiColor::Green.on_default(),
        Verdict::Degraded | Verdict::NeverReached => AnsiColor::Yellow.on_default(),
        Verdict::Blocked | Verdict::Intercepted => AnsiColor::Red.on_default().bold(),
        Verdict::NotExercised | Verdict::Inconclusive => Style::new().dimmed(),
    }
}

/// Breaks text into lines of at most `width` characters, at blanks where there are any.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = line.chars().count();
        if length > 0
            && length
                .saturating_add(1)
                .saturating_add(word.chars().count())
                > width
        {
            lines.push(std::mem::take(&mut line));
        } else if length > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}
