//! From the thread that captures to the thread that judges: facts in batches, pulses, and the end, in order and bounded.
//!
//! When judging falls behind, capturing waits, and the kernel's buffer fills and counts what it drops: nothing is lost
//! unseen.

use super::pulse::Pulse;
use crate::facts::{CaptureSummary, Fact, FactSink};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Facts handed over at once, at most.
const BATCH: usize = 512;

/// Messages under way before the sender waits: some 15,000 facts, about 30 MB at worst.
const MESSAGES: usize = 32;

/// One message.
#[derive(Debug)]
pub enum Message {
    /// Finished facts.
    Facts(Vec<Fact>),
    /// The state after them.
    Pulse(Box<Pulse>),
    /// Nothing comes any more; the counters of the whole run, and the last pulse with them.
    End(Box<CaptureSummary>),
}

/// The end that takes facts and pulses.
#[derive(Debug)]
pub struct LinkSender {
    batch: Vec<Fact>,
    sender: SyncSender<Message>,
    open: bool,
}

/// A link between two threads.
#[must_use]
pub fn link() -> (LinkSender, Receiver<Message>) {
    let (sender, receiver) = sync_channel(MESSAGES);
    let sender = LinkSender {
        batch: Vec::with_capacity(BATCH),
        sender,
        open: true,
    };
    (sender, receiver)
}

impl LinkSender {
    /// Sends the facts so far, then the pulse. False when nobody listens any more.
    pub fn pulse(&mut self, pulse: Pulse) -> bool {
        self.flush();
        self.send(Message::Pulse(Box::new(pulse)));
        self.open
    }

    /// Sends the facts so far and the end.
    pub fn end(mut self, capture: CaptureSummary) {
        self.flush();
        self.send(Message::End(Box::new(capture)));
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
            self.send(Message::Facts(batch));
        }
    }

    fn send(&mut self, message: Message) {
        self.open &= self.sender.send(message).is_ok();
    }
}

impl FactSink for LinkSender {
    fn accept(&mut self, fact: Fact) {
        self.batch.push(fact);
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }
}
