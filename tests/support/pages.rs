//! Reports of recordings made in this process, so that a test can change facts before they are judged.

use intap::audit::{AuditOptions, AuditReport, Auditor};
use intap::capture::{FrameStream, Input};
use intap::catalog::Catalog;
use intap::facts::{CaptureSummary, Fact, FactSink};
use intap::observe::Observer;
use std::path::Path;

/// What a recording shows, before anything is judged.
pub fn facts(capture: &Path) -> (Vec<Fact>, CaptureSummary) {
    let mut stream = FrameStream::open(&[Input::from(capture.to_owned())]).expect("it is readable");
    let mut facts = Vec::new();
    let mut observer = Observer::default();
    while let Some(frame) = stream.next_frame() {
        observer.push(&frame, &mut facts);
    }
    let summary = observer.finish(&mut facts);
    (facts, summary)
}

/// Judges facts as `intap audit --format html` does.
pub fn report(facts: impl IntoIterator<Item = Fact>, summary: CaptureSummary) -> AuditReport {
    let catalog = Catalog::load(Catalog::DEFAULT_EDITION).expect("the default edition is there");
    let options = AuditOptions {
        keep_timeline: true,
        ..AuditOptions::default()
    };
    let mut auditor = Auditor::new(&catalog, options);
    for fact in facts {
        auditor.accept(fact);
    }
    auditor.finish(summary)
}

/// The page of a report.
pub fn page(report: &AuditReport) -> String {
    let mut page = Vec::new();
    intap::report::html::write(report, &mut page).expect("writing to memory");
    String::from_utf8(page).expect("the page is UTF-8")
}
