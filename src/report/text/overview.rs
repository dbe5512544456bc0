//! Many devices: how many of them each endpoint set served, as a table.

use super::page::{Page, beginning, counted, plain, styled};
use super::style;
use crate::audit::{ClientReport, SetReport, Verdict};
use crate::catalog::{FeatureArea, SetKey};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The columns and their titles. `NotExercised` has none: it says nothing about a set.
const COLUMNS: [(Verdict, &str); 6] = [
    (Verdict::Reached, "reached"),
    (Verdict::Degraded, "in part"),
    (Verdict::Blocked, "blocked"),
    (Verdict::Intercepted, "inspect"),
    (Verdict::NeverReached, "untried"),
    (Verdict::Inconclusive, "unclear"),
];

/// Columns before the counts: indent, number, what the set is.
const NAME_COLUMNS: usize = 31;

/// Columns of a count, with the blank before it.
const COUNT_COLUMNS: usize = 8;

/// One row of the table.
struct Row<'r> {
    set: &'r SetReport,
    devices: [usize; COLUMNS.len()],
}

/// Writes the table; sets that no device tried or needed are left out.
pub(super) fn write(clients: &[&ClientReport], page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let mut areas: BTreeMap<FeatureArea, BTreeMap<&SetKey, Row<'_>>> = BTreeMap::new();
    for set in clients.iter().flat_map(|client| &client.sets) {
        let Some(column) = COLUMNS
            .iter()
            .position(|(verdict, _)| *verdict == set.verdict)
        else {
            continue;
        };
        let row = areas
            .entry(set.feature_area)
            .or_default()
            .entry(&set.key)
            .or_insert(Row {
                set,
                devices: [0; COLUMNS.len()],
            });
        if let Some(count) = row.devices.get_mut(column) {
            *count += 1;
        }
    }
    let devices = counted(clients.len(), "device");
    page.heading(&format!("Endpoint sets of all {devices}"))?;
    let titles: String = COLUMNS
        .iter()
        .map(|(_, title)| format!("{title:>COUNT_COLUMNS$}"))
        .collect();
    page.row(&[plain(&format!("{:NAME_COLUMNS$}{titles}", ""))])?;
    for (area, rows) in areas {
        page.row(&[plain("  "), plain(area.title())])?;
        for row in rows.values() {
            write_row(row, page)?;
        }
    }
    Ok(())
}

fn write_row(row: &Row<'_>, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let name = match row.set.key.id() {
        Some(id) => format!("    {id:<5}{}", row.set.description),
        None => format!("    {:<5}{}", "-", row.set.key),
    };
    let name = beginning(&name, NAME_COLUMNS);
    let cells: Vec<(Verdict, String)> = COLUMNS
        .iter()
        .zip(row.devices)
        .map(|((verdict, _), count)| {
            let count = match count {
                0 => "·".to_owned(),
                count => count.to_string(),
            };
            (*verdict, format!("{count:>COUNT_COLUMNS$}"))
        })
        .collect();
    let mut spans = vec![plain(&name)];
    spans.extend(cells.iter().map(|(verdict, cell)| {
        if cell.ends_with('·') {
            plain(cell)
        } else {
            styled(style(*verdict), cell)
        }
    }));
    page.row(&spans)
}
