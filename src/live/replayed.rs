//! Recordings of `fixtures/captures` through the monitor, for tests: what it would have told live.

use super::{Event, Monitor, MonitorOptions, Tap};
use crate::audit::{AuditLimits, AuditOptions};
use crate::capture::{Frame, FrameStream, Input};
use crate::catalog::{Catalog, ScenarioFile};
use crate::facts::Timestamp;
use crate::observe::{Limits, Role};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The monitor after the last frame of a recording and some silence, with its events so far.
pub(super) fn replay(recording: &str, silence: Duration) -> (Monitor, Vec<Event>) {
    replay_to(recording, silence, &mut |_, _| {}, &mut |_, _| {})
}

/// The same, with every frame and what it is to its flow shown to `frame`, and each pulse with its events to `pulse`.
pub(super) fn replay_to(
    recording: &str,
    silence: Duration,
    show_frame: &mut dyn FnMut(&Frame<'_>, Role),
    show_pulse: &mut dyn FnMut(Timestamp, &[Event]),
) -> (Monitor, Vec<Event>) {
    let mut stream = FrameStream::open(&[Input::Path(path_of(recording))]).expect("a capture");
    let mut tap = Tap::new(Limits::of_monitor());
    let mut monitor: Option<Monitor> = None;
    let mut events = Vec::new();
    let mut last = Timestamp(0);
    let mut beat = |tap: &mut Tap, monitor: &mut Monitor, now: Timestamp| {
        let pulse = tap.pulse(now, monitor);
        monitor.pulse(pulse);
        let new = monitor.take_events();
        show_pulse(now, &new);
        events.extend(new);
    };
    while let Some(frame) = stream.next_frame() {
        let monitor = monitor.get_or_insert_with(|| begin(frame.timestamp));
        last = last.max(frame.timestamp);
        let role = tap.push(&frame, monitor);
        show_frame(&frame, role);
        if tap.is_pulse_due(frame.timestamp) {
            beat(&mut tap, monitor, frame.timestamp);
        }
    }
    let mut monitor = monitor.expect("frames");
    for second in 1..=silence.as_secs() {
        let now = last.plus(Duration::from_secs(second));
        beat(&mut tap, &mut monitor, now);
    }
    (monitor, events)
}

/// The file of a recording.
pub(super) fn path_of(recording: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/captures")
        .join(recording);
    ["capture.pcap", "capture.pcapng"]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
        .expect("a recording")
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
