//! Recordings of `fixtures/captures` through the monitor, for tests: what it would have told live.

use super::{Event, Monitor, MonitorOptions, Tap};
use crate::audit::{AuditLimits, AuditOptions};
use crate::capture::{FrameStream, Input};
use crate::catalog::{Catalog, ScenarioFile};
use crate::facts::Timestamp;
use crate::observe::Limits;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The monitor after the last frame of a recording and some silence, with its events so far.
pub(super) fn replay(recording: &str, silence: Duration) -> (Monitor, Vec<Event>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/captures")
        .join(recording);
    let path = ["capture.pcap", "capture.pcapng"]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
        .expect("a recording");
    let mut stream = FrameStream::open(&[Input::Path(path)]).expect("a capture");
    let mut tap = Tap::new(Limits::of_monitor());
    let mut monitor: Option<Monitor> = None;
    let mut events = Vec::new();
    let mut last = Timestamp(0);
    while let Some(frame) = stream.next_frame() {
        let monitor = monitor.get_or_insert_with(|| begin(frame.timestamp));
        last = last.max(frame.timestamp);
        tap.push(&frame, monitor);
        if tap.is_pulse_due(frame.timestamp) {
            let pulse = tap.pulse(frame.timestamp, monitor);
            monitor.pulse(pulse);
            events.extend(monitor.take_events());
        }
    }
    let mut monitor = monitor.expect("frames");
    for second in 1..=silence.as_secs() {
        let pulse = tap.pulse(last.plus(Duration::from_secs(second)), &mut monitor);
        monitor.pulse(pulse);
    }
    events.extend(monitor.take_events());
    (monitor, events)
}

fn begin(now: Timestamp) -> Monitor {
    Monitor::new(
        Arc::new(Catalog::load(Catalog::DEFAULT_EDITION).expect("the shipped list")),
        ScenarioFile::shipped().expect("the shipped scenarios"),
        MonitorOptions {
            audit: AuditOptions::default(),
            limits: AuditLimits::of_monitor(1_000),
            window: Duration::from_secs(900),
        },
        vec!["eth0".into()],
        now,
    )
}
