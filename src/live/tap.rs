//! The left half: frames to facts, and a [`Pulse`] about once a second. Knows neither interfaces nor Intune.

use super::pulse::Pulse;
use crate::capture::Frame;
use crate::facts::{CaptureSummary, FactSink, Timestamp};
use crate::observe::{Limits, Observer, Role};
use std::time::Duration;

/// How often the state is told.
pub const PULSE: Duration = Duration::from_secs(1);

/// Observes frames and knows when a pulse is due.
pub struct Tap {
    observer: Observer,
    last_pulse: Timestamp,
}

impl Tap {
    /// A tap within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            observer: Observer::new(limits),
            last_pulse: Timestamp(i64::MIN),
        }
    }

    /// Takes a frame; facts that it completes go to `sink`. Gives what the frame is to its flow.
    pub fn push(&mut self, frame: &Frame<'_>, sink: &mut impl FactSink) -> Role {
        self.observer.push(frame, sink)
    }

    /// Whether a pulse is due at `now`; a clock that was set back is no reason to wait.
    #[must_use]
    pub fn is_pulse_due(&self, now: Timestamp) -> bool {
        now < self.last_pulse || now.since(self.last_pulse) >= PULSE
    }

    /// Moves time on to `now`; what is over goes to `sink`, the state into the pulse, without interfaces.
    pub fn pulse(&mut self, now: Timestamp, sink: &mut impl FactSink) -> Pulse {
        self.last_pulse = now;
        self.observer.tick(now, sink);
        let mut open = Vec::new();
        self.observer.tell_open(now, |record| open.push(record));
        Pulse {
            now,
            open,
            capture: self.observer.summary(),
            flows: self.observer.open_flows(),
            interfaces: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Tells everything that is still open.
    pub fn finish(self, sink: &mut impl FactSink) -> CaptureSummary {
        self.observer.finish(sink)
    }
}
