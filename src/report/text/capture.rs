//! The head of the page: what was recorded, by what it is judged, and what it can prove.

use super::page::{Page, counted, grouped, plain, shorten, styled};
use crate::audit::{AuditReport, FitnessJudgement, Reason};
use crate::facts::{CaptureSummary, Timestamp};
use crate::report::wording;
use anstyle::AnsiColor;
use std::io::{self, Write};
use std::time::Duration;

/// Sections, interfaces and comments named.
const SHOWN_ORIGINS: usize = 3;

/// Columns of a program's, a system's or an interface's name.
const ORIGIN_COLUMNS: usize = 72;

/// Columns of a comment.
const COMMENT_COLUMNS: usize = 200;

/// Reasons and kinds of unreadable input shown.
const SHOWN_REASONS: usize = 8;

const INDENT: &str = "          ";
const BULLET: &str = "          - ";

/// Writes the head.
pub(super) fn write(report: &AuditReport, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let capture = &report.capture;
    page.entry(&[plain("Capture   ")], &[plain(&extent(capture))])?;
    let origin = origin(capture);
    if !origin.is_empty() {
        page.entry(&[plain(INDENT)], &[plain(&origin)])?;
    }
    let comments = capture
        .sections
        .iter()
        .flat_map(|section| &section.comments)
        .filter(|comment| !comment.is_empty());
    for comment in comments.take(SHOWN_ORIGINS) {
        let comment = shorten(comment, COMMENT_COLUMNS);
        page.entry(&[plain(INDENT)], &[plain(&format!("\"{comment}\""))])?;
    }
    let date = report.edition.date.as_deref().unwrap_or("undated");
    let edition = format!("endpoint list {} ({date})", report.edition.name);
    page.entry(&[plain("Judged by ")], &[plain(&edition)])?;
    for (name, source) in &report.edition.additions {
        let text = format!("with {name}: {source}");
        page.entry(&[plain(INDENT)], &[plain(&text)])?;
    }
    if let Some(tables) = &report.tables {
        page.entry(&[plain("Tables    ")], &[plain(&wording::tables(tables))])?;
    }
    fitness(report, page)
}

/// How much, how long, from when.
fn extent(capture: &CaptureSummary) -> String {
    let frames = counted(
        usize::try_from(capture.frames).unwrap_or(usize::MAX),
        "frame",
    );
    match (capture.first, capture.last) {
        (Some(first), Some(last)) => {
            let (day, clock) = day_and_clock(first.time);
            let clock = clock.get(..8).unwrap_or_default();
            let length = span(last.time.since(first.time));
            format!("{frames} in {length}, from {day} {clock} UTC")
        }
        _ => frames,
    }
}

/// A length of time, as exact as its size makes useful.
fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..120 => format!("{:.1} s", length.as_secs_f64()),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", grouped(seconds / 86_400)),
    }
}

/// Program, system and interface that recorded it, as far as the file says.
fn origin(capture: &CaptureSummary) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |part: String| {
        if !part.is_empty() && !parts.contains(&part) {
            parts.push(part);
        }
    };
    for section in capture.sections.iter().take(SHOWN_ORIGINS) {
        let texts = [&section.application, &section.operating_system];
        for text in texts.into_iter().flatten() {
            add(shorten(text, ORIGIN_COLUMNS));
        }
    }
    let interfaces = capture
        .interfaces
        .iter()
        .filter_map(|interface| interface.description.as_ref().or(interface.name.as_ref()))
        .filter(|name| !name.is_empty());
    for interface in interfaces.take(SHOWN_ORIGINS) {
        add(format!("interface {}", shorten(interface, ORIGIN_COLUMNS)));
    }
    parts.join(", ")
}

fn fitness(report: &AuditReport, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let fitness = &report.fitness;
    let (colour, words) = match fitness.judgement {
        FitnessJudgement::Fit => (
            AnsiColor::Green,
            "fit: nothing in the capture stands in the way of a verdict",
        ),
        FitnessJudgement::Limited => (
            AnsiColor::Yellow,
            "limited: the capture cannot prove everything",
        ),
        FitnessJudgement::Unfit => (AnsiColor::Red, "unfit: the capture proves nothing"),
    };
    page.entry(
        &[plain("Fitness   ")],
        &[styled(colour.on_default(), words)],
    )?;
    for (index, reason) in fitness.reasons.iter().take(SHOWN_REASONS).enumerate() {
        page.entry(&[plain(BULLET)], &[plain(&reason.text)])?;
        // Several reasons of one kind, such as damaged files, cost the same and have one remedy.
        let next = fitness.reasons.get(index + 1);
        let last_of_kind =
            index + 1 == SHOWN_REASONS || !next.is_some_and(|next| same(reason, next));
        if last_of_kind && !reason.consequence.is_empty() {
            page.entry(
                &[plain(INDENT), plain("  So: ")],
                &[plain(reason.consequence)],
            )?;
        }
        if last_of_kind && !reason.remedy.is_empty() {
            page.entry(
                &[plain(INDENT), plain("  Better: ")],
                &[plain(reason.remedy)],
            )?;
        }
    }
    if fitness.reasons.len() > SHOWN_REASONS {
        let more = counted(fitness.reasons.len() - SHOWN_REASONS, "more reason");
        page.entry(
            &[plain(BULLET)],
            &[plain(&format!("{more}: --format json"))],
        )?;
    }
    anomalies(report, page)
}

/// What could not be read, by name.
fn anomalies(report: &AuditReport, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let kinds = report.capture.anomalies.kinds();
    if kinds.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> = kinds
        .iter()
        .take(SHOWN_REASONS)
        .map(|kind| {
            let count = grouped(kind.count);
            match kind.first_frame {
                Some(frame) => format!("{} ({count}, first in frame {frame})", kind.name),
                None => format!("{} ({count})", kind.name),
            }
        })
        .collect();
    if kinds.len() > SHOWN_REASONS {
        let more = counted(kinds.len() - SHOWN_REASONS, "more kind");
        named.push(format!("{more}: --format json"));
    }
    page.entry(&[plain("Anomalies ")], &[plain(&named.join(", "))])
}

fn same(a: &Reason, b: &Reason) -> bool {
    (a.code, a.consequence, a.remedy) == (b.code, b.consequence, b.remedy)
}

/// Day and time of day of a capture time, in UTC.
pub(super) fn day_and_clock(time: Timestamp) -> (String, String) {
    let text = time.to_string();
    let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
    (day.to_owned(), clock.trim_end_matches('Z').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_as_exact_as_useful() {
        assert_eq!(span(Duration::from_millis(27_430)), "27.4 s");
        assert_eq!(span(Duration::from_secs(125)), "2 min");
        assert_eq!(span(Duration::from_secs(7_260)), "2 h 1 min");
        assert_eq!(span(Duration::from_secs(86_400 * 14)), "14 days");
    }

    #[test]
    fn times_are_split_into_day_and_clock() {
        let time = Timestamp::from_parts(0, 5);
        assert_eq!(
            day_and_clock(time),
            ("1970-01-01".into(), "00:00:00.000000005".into())
        );
    }
}
