//! The report for people: what the capture can prove, one line per device, the sets per feature area, findings with proof and
//! remedy, and the result once more where a terminal shows it last.
//!
//! No line is wider than 80 columns, and the page does not grow with the number of devices: those that were stopped come first,
//! the others are counted. The report for programs ([`super::json`]) leaves nothing out.

mod capture;
mod devices;
mod findings;
mod over_time;
mod overview;
mod page;
mod volume;

use super::wording::{self, mark, urgency};
use crate::audit::{AuditReport, ClientReport, Verdict};
use anstyle::{AnsiColor, Style};
use page::{Page, counted, styled};
use std::io::{self, Write};

/// Devices that get a line of their own.
const LISTED_DEVICES: usize = 20;

/// Devices whose endpoint sets are shown one by one; where there are more, a table of all devices comes first.
const DETAILED_DEVICES: usize = 3;

/// What the place the report goes to can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Screen {
    /// It understands escape sequences, and colours are welcome.
    pub colour: bool,
    /// It is a terminal of so many columns, on which bars are drawn; `None` for files and pipes.
    pub columns: Option<usize>,
}

/// Writes the report.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn write(report: &AuditReport, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    let page = &mut Page::new(out, screen.colour);
    let mut clients: Vec<&ClientReport> = report.clients.iter().collect();
    clients.sort_by_key(|client| urgency(&client.progress));
    capture::write(report, page)?;
    devices::list(report, &clients, page)?;
    if clients.len() > DETAILED_DEVICES {
        overview::write(&clients, page)?;
    }
    for client in clients.iter().take(DETAILED_DEVICES) {
        devices::endpoint_sets(client, page)?;
    }
    if clients.len() > DETAILED_DEVICES {
        page.gap()?;
        page.entry(
            &[],
            &[page::plain(
                "The endpoint sets of another device: --client ADDRESS",
            )],
        )?;
    }
    if let Some(columns) = screen.columns {
        volume::write(&report.clients, columns.min(page::WIDTH), page)?;
        over_time::write(report, columns.min(page::WIDTH), page)?;
    }
    let entries = findings::entries(&report.findings);
    findings::write(report, &entries, page)?;
    result(report, &findings::counts(&entries), page)
}

/// The last line: on a terminal, the one that is certainly seen.
fn result(report: &AuditReport, findings: &str, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let all = report.clients.len();
    // "2 of 5 devices stopped", and of a single device "device stopped".
    let (verdict, words) = match wording::worst(report) {
        None => (
            Verdict::Inconclusive,
            "no device tried anything of the endpoint list".to_owned(),
        ),
        Some((verdict, _, words)) if all == 1 => (verdict, format!("device {words}")),
        Some((verdict, devices, words)) => (
            verdict,
            format!("{devices} of {} {words}", counted(all, "device")),
        ),
    };
    page.gap()?;
    let text = format!("{words}; findings: {findings}");
    page.entry(
        &[page::plain("Result    ")],
        &[styled(style(verdict), &text)],
    )
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Reached => AnsiColor::Green.on_default(),
        Verdict::Degraded => AnsiColor::Yellow.on_default(),
        Verdict::Blocked | Verdict::Intercepted | Verdict::NeverReached => {
            AnsiColor::Red.on_default().bold()
        }
        Verdict::NotExercised | Verdict::Inconclusive => Style::new().dimmed(),
    }
}
