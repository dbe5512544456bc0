//! Bytes and attempts per feature area as bars, for terminals.

use super::page::{Page, beginning, counted, plain, styled};
use super::style;
use crate::audit::{ClientReport, Verdict};
use crate::report::html::{AreaVolume, by_area};
use std::collections::HashSet;
use std::io::{self, Write};

/// Columns of a feature area's title, and of the number of octets behind it.
const TITLE_COLUMNS: usize = 28;
const OCTETS_COLUMNS: usize = 10;

/// Columns of "1,234 attempts, 1,234 failed" behind the bar.
const ATTEMPTS_COLUMNS: usize = 26;

/// Shorter bars tell nothing.
const SHORTEST_BAR: usize = 8;
/// Longer ones tell no more.
const LONGEST_BAR: usize = 32;

/// Eighths of a column, from one to all.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Draws a bar for each area with traffic, the largest first; nothing where `columns` leave no room for bars.
pub(super) fn write(
    clients: &[ClientReport],
    columns: usize,
    page: &mut Page<'_, impl Write>,
) -> io::Result<()> {
    let fixed = 2 + TITLE_COLUMNS + OCTETS_COLUMNS + 2;
    let room = columns.saturating_sub(fixed);
    if room < SHORTEST_BAR {
        return Ok(());
    }
    let (length, with_attempts) = match room.checked_sub(ATTEMPTS_COLUMNS) {
        Some(length) if length >= SHORTEST_BAR => (length, true),
        _ => (room, false),
    };
    let length = length.min(LONGEST_BAR);
    let areas = by_area(clients);
    let Some(largest) = areas.first().map(|area| area.octets) else {
        return Ok(());
    };
    page.heading("Traffic of each feature area")?;
    for area in &areas {
        let title = beginning(&format!("  {}", area.title), TITLE_COLUMNS + 2);
        let bar = bar(area.octets, largest, length);
        let (attempts, failed) = attempts(clients, area);
        let look = style(if failed > 0 {
            Verdict::Degraded
        } else {
            Verdict::Reached
        });
        let octets = format!("{:>OCTETS_COLUMNS$}  ", area.words);
        let words = match (with_attempts, failed) {
            (false, _) => String::new(),
            (true, 0) => format!("  {}", counted(attempts, "attempt")),
            (true, failed) => format!("  {}, {failed} failed", counted(attempts, "attempt")),
        };
        let bar = if with_attempts {
            format!("{bar:<length$}")
        } else {
            bar
        };
        page.row(&[
            plain(&title),
            plain(&octets),
            styled(look, &bar),
            plain(beginning(&words, ATTEMPTS_COLUMNS).trim_end()),
        ])?;
    }
    Ok(())
}

/// A bar of `length` columns for the largest value.
fn bar(value: u64, largest: u64, length: usize) -> String {
    let eighths = u128::from(value) * (length as u128) * 8 / u128::from(largest.max(1));
    // Whatever there is, is seen.
    let eighths = usize::try_from(eighths)
        .unwrap_or(usize::MAX)
        .clamp(1, length * 8);
    let [.., full] = EIGHTHS;
    let mut bar: String = std::iter::repeat_n(full, eighths / 8).collect();
    if let Some(part) = (eighths % 8).checked_sub(1) {
        bar.extend(EIGHTHS.get(part));
    }
    bar
}

/// Attempts on the area's hosts, each host once for each device, and how many of them were not served.
fn attempts(clients: &[ClientReport], area: &AreaVolume) -> (usize, usize) {
    let mut sums = (0_u64, 0_u64);
    for client in clients {
        let mut known = HashSet::new();
        let hosts = client
            .sets
            .iter()
            .filter(|set| set.feature_area.name() == area.name)
            .flat_map(|set| &set.hosts);
        for host in hosts.filter(|host| known.insert(host.name.as_str())) {
            sums.0 = sums.0.saturating_add(host.attempts);
            if host.judged.verdict == Verdict::Blocked {
                sums.1 = sums
                    .1
                    .saturating_add(host.attempts.saturating_sub(host.served));
            }
        }
    }
    let count = |sum: u64| usize::try_from(sum).unwrap_or(usize::MAX);
    (count(sums.0), count(sums.1))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(100, 100, 4), "████");
        assert_eq!(bar(50, 100, 4), "██");
        assert_eq!(bar(30, 100, 4), "█▏");
        assert_eq!(bar(1, u64::MAX, 4), "▏");
        assert_eq!(bar(u64::MAX, u64::MAX, 4), "████");
    }
}
