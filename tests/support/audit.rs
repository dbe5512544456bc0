//! A capture in memory to its JSON report, as the program does it.

use super::frames::Recorded;
use super::report::Report;
use intap::audit::{AuditOptions, Auditor, ScenarioChoice, ScenarioPlan};
use intap::capture::FrameStream;
use intap::catalog::Catalog;
use intap::observe::Observer;
use std::io::Cursor;

/// Audits a capture as `score` does, through reading, observing, judging and the JSON report.
pub fn audit(recorded: &Recorded, edition: &str) -> Report {
    let catalog = Catalog::load(edition).expect("the edition is known");
    let options = AuditOptions {
        scenario: ScenarioPlan {
            default: ScenarioChoice::All,
            ..ScenarioPlan::default()
        },
        keep_flows: true,
        keep_lookups: true,
        ..AuditOptions::default()
    };
    let mut auditor = Auditor::new(&catalog, options);
    let mut observer = Observer::default();
    let mut stream =
        FrameStream::from_reader("derived", Cursor::new(recorded.to_pcap())).expect("a capture");
    while let Some(frame) = stream.next_frame() {
        observer.push(&frame, &mut auditor);
    }
    let mut capture = observer.finish(&mut auditor);
    let provenance = stream.finish();
    capture.interfaces = provenance.interfaces;
    let report = auditor.finish(capture);
    let mut json = Vec::new();
    intap::report::json::write(&report, &mut json).expect("writing to memory");
    serde_json::from_slice(&json).expect("a JSON report with all promised fields")
}
