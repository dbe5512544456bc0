//! The thread that records, and the end of it that the judging thread holds.

use super::affected::Trigger;
use super::memory::Memory;
use super::recorder::Recorder;
use crate::facts::Timestamp;
use crate::live::{Event, EventKind};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel,
};
use std::time::{Duration, Instant};

/// Requests under way. The recording thread is slow only when the disk is; what does not fit then is refused.
const REQUESTS: usize = 256;

/// How often memory is read while something is recorded.
const PATIENCE: Duration = Duration::from_millis(100);

/// At the end, files are waited for at most this long.
const FAREWELL: Duration = Duration::from_secs(10);

/// What the recording thread is asked.
#[derive(Debug)]
enum Request {
    /// To record an event.
    Record(Box<Trigger>),
    /// To know that everything up to this time is in memory, and how many events found no room here before.
    Time(Timestamp, u64),
}

/// Where events are handed in and outcomes fetched.
#[derive(Debug)]
pub struct RecordingDesk {
    requests: Option<SyncSender<Request>>,
    outcomes: Receiver<EventKind>,
    refused: u64,
}

/// The end that the recording thread holds.
#[derive(Debug)]
pub struct RecordingOrders {
    requests: Receiver<Request>,
    outcomes: Sender<EventKind>,
}

/// A desk, and the end to give to [`record`].
#[must_use]
pub fn desk() -> (RecordingDesk, RecordingOrders) {
    let (request, requests) = sync_channel(REQUESTS);
    let (outcome, outcomes) = channel();
    let desk = RecordingDesk {
        requests: Some(request),
        outcomes,
        refused: 0,
    };
    let orders = RecordingOrders {
        requests,
        outcomes: outcome,
    };
    (desk, orders)
}

impl RecordingDesk {
    /// Hands in events; those that are no reason to record are left out.
    pub fn tell(&mut self, events: &[Event]) {
        for trigger in events.iter().filter_map(Trigger::of) {
            self.ask(Request::Record(Box::new(trigger)));
        }
    }

    /// Tells that everything up to `now` was captured.
    pub fn pulse(&mut self, now: Timestamp) {
        let refused = std::mem::take(&mut self.refused);
        if !self.ask(Request::Time(now, refused)) {
            self.refused = refused;
        }
    }

    /// What became of recordings since the last call.
    pub fn take_outcomes(&mut self) -> Vec<EventKind> {
        self.outcomes.try_iter().collect()
    }

    /// Has all files closed, and gives what became of them; a disk that hangs is not waited for.
    pub fn finish(mut self) -> Vec<EventKind> {
        self.requests = None;
        let begun = Instant::now();
        let mut outcomes = Vec::new();
        while let Some(left) = FAREWELL.checked_sub(begun.elapsed())
            && let Ok(outcome) = self.outcomes.recv_timeout(left)
        {
            outcomes.push(outcome);
        }
        outcomes
    }

    fn ask(&mut self, request: Request) -> bool {
        let event = matches!(request, Request::Record(_));
        let asked = self
            .requests
            .as_ref()
            .is_some_and(|requests| requests.try_send(request).is_ok());
        if !asked && event {
            self.refused = self.refused.saturating_add(1);
        }
        asked
    }
}

/// Records what is asked for until the desk is closed.
pub fn record(mut recorder: Recorder, memory: &Memory, orders: &RecordingOrders) {
    let mut open = true;
    while open {
        let request = if recorder.is_busy() {
            orders.requests.recv_timeout(PATIENCE)
        } else {
            let asked = orders.requests.recv();
            asked.map_err(|_| RecvTimeoutError::Disconnected)
        };
        let mut now = None;
        let mut next = request;
        loop {
            match next {
                Ok(Request::Record(trigger)) => recorder.begin(*trigger),
                Ok(Request::Time(time, refused)) => {
                    recorder.refuse(refused);
                    now = Some(time);
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    open = false;
                    break;
                }
            }
            next = orders.requests.try_recv().map_err(|left| match left {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
        recorder.round(memory, now);
        if !open {
            recorder.finish(memory);
        }
        for outcome in recorder.take_outcomes() {
            // Nobody listens once the run has ended with an error.
            let _ = orders.outcomes.send(outcome);
        }
    }
}
