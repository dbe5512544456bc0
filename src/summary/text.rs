//! An answer as text for people: a table of 80 columns and, below it, what failed and why.

use super::grid::{Grid, shown};
use super::measure::Answer;
use crate::facts::Activity;
use crate::report::figures::{octets, shortened};
use crate::report::sparkline::picture;
use serde_json::Value;
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// Width of the page.
const WIDTH: usize = 80;

/// Width of a bar.
const BAR: usize = 12;

/// Fewest columns for the groups' names.
const NARROWEST: usize = 12;

/// Widest cell of a free question.
const WIDEST_CELL: usize = 60;

/// The standard question's answer, whose first `keys` columns name the group. On a terminal, of so many columns, the shares of what
/// failed and the attempts over time are drawn.
#[must_use]
pub fn summary(answer: &Answer, keys: usize, terminal: Option<usize>) -> String {
    let grid = &answer.grid;
    if grid.rows.is_empty() {
        return "No flow and no lookup fits the question.\n".to_owned();
    }
    let headers = [
        "flows", "lookups", "failed", "devices", "hosts", "bytes", "RTT ms",
    ];
    let figures: Vec<Vec<String>> = grid.rows.iter().map(|row| figures(grid, row)).collect();
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(column, header)| {
            let cells = figures.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.width())
                .max()
                .unwrap_or(0)
                .max(header.len())
        })
        .collect();
    let names: Vec<String> = grid.rows.iter().map(|row| name(row, keys)).collect();
    let title = grid.columns.get(..keys).unwrap_or_default().join(", ");
    let taken: usize = widths.iter().map(|width| width + 2).sum();
    let room = WIDTH.saturating_sub(taken).max(NARROWEST);
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let room = room.min(widest.max(title.width()));
    let mut page = String::new();
    line(&mut page, &title, room, headers.iter().copied(), &widths);
    for (name, figures) in names.iter().zip(&figures) {
        // A name that does not fit has a line of its own.
        let name = if name.width() > room {
            let _ = writeln!(page, "{}", shortened(name, WIDTH));
            ""
        } else {
            name
        };
        line(
            &mut page,
            name,
            room,
            figures.iter().map(String::as_str),
            &widths,
        );
    }
    page.push_str("RTT: from SYN to SYN/ACK, median/95th percentile\n");
    failures(&mut page, grid, &names, room, terminal.is_some());
    over_time(&mut page, &answer.activity, terminal.unwrap_or(0));
    page
}

fn figures(grid: &Grid, row: &[Value]) -> Vec<String> {
    let count = |name: &str| grid.cell(row, name).and_then(Value::as_u64);
    let text = |name: &str| count(name).unwrap_or(0).to_string();
    let rtt = match (count("rtt_p50_us"), count("rtt_p95_us")) {
        (Some(median), Some(high)) => format!("{}/{}", milliseconds(median), milliseconds(high)),
        _ => "-".to_owned(),
    };
    vec![
        text("flows"),
        text("lookups"),
        text("failed"),
        text("clients"),
        text("hosts"),
        octets(count("bytes").unwrap_or(0)),
        rtt,
    ]
}

/// Milliseconds with two figures at least.
fn milliseconds(micros: u64) -> String {
    if micros < 1_000 {
        format!("0.{:02}", micros / 10)
    } else if micros < 10_000 {
        format!("{}.{}", micros / 1_000, micros / 100 % 10)
    } else {
        (micros / 1_000).to_string()
    }
}

fn name(row: &[Value], keys: usize) -> String {
    let words: Vec<String> = row
        .iter()
        .take(keys)
        .map(|key| match key {
            Value::Null => "(none)".to_owned(),
            key => shown(key),
        })
        .collect();
    words.join(", ")
}

fn line<'c>(
    page: &mut String,
    name: &str,
    room: usize,
    cells: impl Iterator<Item = &'c str>,
    widths: &[usize],
) {
    page.push_str(&padded(name, room));
    for (cell, width) in cells.zip(widths) {
        let blanks = (width + 2).saturating_sub(cell.width());
        let _ = write!(page, "{:blanks$}{cell}", "");
    }
    page.push('\n');
}

/// `text` in exactly `room` columns.
fn padded(text: &str, room: usize) -> String {
    let mut text = if text.width() > room {
        let mut cut = shortened(text, room.saturating_sub(1)).into_owned();
        // Characters may be two columns wide.
        while cut.width() > room {
            cut.pop();
        }
        cut
    } else {
        text.to_owned()
    };
    let blanks = room.saturating_sub(text.width());
    text.extend(std::iter::repeat_n(' ', blanks));
    text
}

fn failures(page: &mut String, grid: &Grid, names: &[String], room: usize, bars: bool) {
    let mut began = false;
    for (row, name) in grid.rows.iter().zip(names) {
        let Some(Value::Array(causes)) = grid.cell(row, "failures") else {
            continue;
        };
        if causes.is_empty() {
            continue;
        }
        if !std::mem::replace(&mut began, true) {
            page.push_str("\nFailed, of the attempts and lookups whose end the capture shows\n");
        }
        let count = |name: &str| grid.cell(row, name).and_then(Value::as_u64).unwrap_or(0);
        let (failed, attempts) = (count("failed"), count("attempts"));
        let causes: Vec<String> = causes
            .iter()
            .map(|cause| format!("{} {}", shown(&cause["cause"]), cause["count"]))
            .collect();
        let bar = if bars {
            bar(failed, attempts)
        } else {
            String::new()
        };
        let name = if name.width() > room {
            let _ = writeln!(page, "{}", shortened(name, WIDTH));
            ""
        } else {
            name
        };
        let head = format!("{}  {bar}{failed} of {attempts}:", padded(name, room));
        let indent = room + 2;
        let mut at = head.width();
        page.push_str(&head);
        for (number, cause) in causes.iter().enumerate() {
            let end = if number + 1 < causes.len() { "," } else { "" };
            if at + 1 + cause.width() + end.len() > WIDTH && at > indent {
                let _ = write!(page, "\n{:indent$}", "");
                at = indent;
            } else {
                page.push(' ');
                at += 1;
            }
            let _ = write!(page, "{cause}{end}");
            at += cause.width() + end.len();
        }
        page.push('\n');
    }
}

/// Columns of the words before the blocks and behind them.
const WORDS: usize = 32;

fn over_time(page: &mut String, activity: &Activity, columns: usize) {
    let Some(picture) = picture(activity, columns.min(WIDTH).saturating_sub(WORDS)) else {
        return;
    };
    let _ = writeln!(
        page,
        "\nAttempts and lookups over time\n  {}",
        picture.scale
    );
    let failed = picture.failed.map(|row| ("failed", row));
    for (label, row) in [("attempts", picture.attempts)].into_iter().chain(failed) {
        let _ = writeln!(page, "  {label:<10}{}  at most {}", row.blocks, row.most);
    }
}

fn bar(part: u64, whole: u64) -> String {
    let filled = u128::from(part) * BAR as u128 / u128::from(whole.max(1));
    let filled = usize::try_from(filled)
        .unwrap_or(BAR)
        .clamp(usize::from(part > 0), BAR);
    format!("{}{} ", "█".repeat(filled), "░".repeat(BAR - filled))
}

/// Any answer as columns side by side; long cells are shortened.
#[must_use]
pub fn table(grid: &Grid) -> String {
    let cells: Vec<Vec<String>> = grid
        .rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|value| shortened(&shown(value), WIDEST_CELL).into_owned())
                .collect()
        })
        .collect();
    let headers: Vec<String> = grid
        .columns
        .iter()
        .map(|name| shortened(&shown(&name.as_str().into()), WIDEST_CELL).into_owned())
        .collect();
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(column, header)| {
            let cells = cells.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.width())
                .max()
                .unwrap_or(0)
                .max(header.width())
        })
        .collect();
    let mut page = String::new();
    for row in std::iter::once(&headers).chain(&cells) {
        let columns: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| padded(cell, *width))
            .collect();
        page.push_str(columns.join("  ").trim_end());
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_the_width_they_are_given() {
        for text in ["", "abc", "a long name of something", "日本語の名前です"] {
            assert_eq!(padded(text, 8).width(), 8, "{text}");
        }
    }

    #[test]
    fn bars_show_the_least_failure_and_never_overflow() {
        assert!(bar(1, 1_000_000).starts_with("█░"));
        assert!(bar(0, 5).starts_with('░'));
        assert_eq!(bar(9, 3).trim_end().chars().count(), BAR);
        assert_eq!(bar(u64::MAX, u64::MAX).trim_end(), "█".repeat(BAR));
    }
}
