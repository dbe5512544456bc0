//! Hands facts to a sink on another thread, in batches and in order.

use super::{Fact, FactSink};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Facts handed over at once: enough that handing over costs nothing against making them.
const BATCH: usize = 256;

/// Batches under way before the sender waits. With the ones at both ends they hold some 5,000 facts, about 10 MB.
const BATCHES: usize = 4;

/// The end that takes facts.
#[derive(Debug)]
pub struct FactSender {
    batch: Vec<Fact>,
    sender: SyncSender<Vec<Fact>>,
}

/// The end that gives them on.
#[derive(Debug)]
pub struct FactReceiver(Receiver<Vec<Fact>>);

/// A relay between two threads.
#[must_use]
pub fn relay() -> (FactSender, FactReceiver) {
    let (sender, receiver) = sync_channel(BATCHES);
    let batch = Vec::with_capacity(BATCH);
    (FactSender { batch, sender }, FactReceiver(receiver))
}

impl FactSender {
    fn send(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // A receiver that has gone wants no more facts.
        let _ = self.sender.send(batch);
    }
}

impl FactSink for FactSender {
    fn accept(&mut self, fact: Fact) {
        self.batch.push(fact);
        if self.batch.len() >= BATCH {
            self.send();
        }
    }
}

/// Sends what is left.
impl Drop for FactSender {
    fn drop(&mut self) {
        self.send();
    }
}

impl FactReceiver {
    /// Gives every fact to `sink` until the sender is dropped.
    pub fn drain_into(self, sink: &mut impl FactSink) {
        for fact in self.0.into_iter().flatten() {
            sink.accept(fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, HostSighting, Seen, Timestamp};

    #[test]
    fn every_fact_arrives_in_order() {
        let (mut sender, receiver) = relay();
        let mut taken: Vec<Fact> = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| receiver.drain_into(&mut taken));
            for number in 0..10_000 {
                sender.accept(Fact::Host(HostSighting {
                    address: std::net::Ipv4Addr::LOCALHOST.into(),
                    mac: None,
                    vlans: Default::default(),
                    name: None,
                    name_source: None,
                    vendor_class: None,
                    seen: Seen {
                        frame: FrameNumber(number),
                        time: Timestamp(0),
                    },
                }));
            }
            drop(sender);
        });
        let numbers: Vec<u64> = taken
            .iter()
            .map(|fact| match fact {
                Fact::Host(sighting) => sighting.seen.frame.0,
                Fact::Flow(_) | Fact::Dns(_) => u64::MAX,
            })
            .collect();
        assert!(numbers.into_iter().eq(0..10_000));
    }
}
