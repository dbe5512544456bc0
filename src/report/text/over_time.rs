//! Attempts on hosts of the endpoint list over the time of the capture, for terminals.

use super::page::{Page, plain, styled};
use super::style;
use crate::audit::{AuditReport, FitnessJudgement, Verdict};
use crate::report::sparkline::{Row, picture};
use std::io::{self, Write};

/// Columns before the blocks, and of "  at most 1,234,567" behind them.
const LABEL_COLUMNS: usize = 14;
const MOST_COLUMNS: usize = 18;

/// Draws a line of attempts and one of those that were not served; nothing for short captures and narrow terminals.
pub(super) fn write(
    report: &AuditReport,
    columns: usize,
    page: &mut Page<'_, impl Write>,
) -> io::Result<()> {
    let room = columns.saturating_sub(LABEL_COLUMNS + MOST_COLUMNS);
    let Some(picture) = picture(&report.activity, room) else {
        return Ok(());
    };
    page.heading("Attempts over time")?;
    page.entry(&[plain("  ")], &[plain(&picture.scale)])?;
    let mut line = |label: &str, row: &Row, verdict: Verdict| {
        page.row(&[
            plain(&format!("  {label:<width$}", width = LABEL_COLUMNS - 2)),
            styled(style(verdict), &row.blocks),
            plain(&format!("  at most {}", row.most)),
        ])
    };
    line("attempts", &picture.attempts, Verdict::Reached)?;
    match &picture.failed {
        // A capture that shows one direction shows no service.
        Some(failed) if report.fitness.judgement != FitnessJudgement::Unfit => {
            line("not served", failed, Verdict::Degraded)
        }
        _ => Ok(()),
    }
}
