//! A bounded table of flows, found by key, each with the time until which it is kept.

use super::key::FlowKey;
use crate::facts::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Position of a flow in its table, valid until the flow leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowId(u32);

#[derive(Debug)]
struct Slot<T> {
    key: FlowKey,
    keep_until: Timestamp,
    flow: Box<T>,
}

/// Flows by key. Keys are chosen by whoever sends packets, so they are hashed with a random seed; the order of everything
/// that comes out is that of the slots and does not depend on it.
///
/// What a sweep looks at lies side by side; the flows themselves are only touched by their own packets.
#[derive(Debug)]
pub struct FlowTable<T> {
    /// Positions of slots; the slots hold the keys, so that the index stays small enough for the processor's cache.
    index: HashTable<u32>,
    hasher: RandomState,
    slots: Vec<Option<Slot<T>>>,
    free: Vec<u32>,
    capacity: usize,
}

impl<T> FlowTable<T> {
    /// A table for at most `capacity` flows.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            index: HashTable::new(),
            hasher: RandomState::default(),
            slots: Vec::new(),
            free: Vec::new(),
            capacity: capacity.min(u32::MAX as usize),
        }
    }

    /// Flows in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no flow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether room must be made before another flow is added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.index.len() >= self.capacity
    }

    /// Where the flow with this key is.
    #[must_use]
    pub fn find(&self, key: &FlowKey) -> Option<FlowId> {
        let hash = self.hasher.hash_one(Some(key));
        let is_it = |position: &u32| key_at(&self.slots, *position) == Some(key);
        self.index.find(hash, is_it).copied().map(FlowId)
    }

    /// The flow at `id`.
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut T> {
        self.slot_mut(id).map(|slot| &mut *slot.flow)
    }

    /// Keeps the flow at `id` until then, unless it is kept longer again.
    pub fn keep_until(&mut self, id: FlowId, time: Timestamp) {
        if let Some(slot) = self.slot_mut(id) {
            slot.keep_until = time;
        }
    }

    /// Adds a flow under a key that is not in the table.
    pub fn insert(&mut self, key: FlowKey, flow: T) -> FlowId {
        let slot = Slot {
            key,
            keep_until: Timestamp(i64::MAX),
            flow: Box::new(flow),
        };
        let position = match self.free.pop() {
            Some(position) => position,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len().saturating_sub(1)).unwrap_or(u32::MAX)
            }
        };
        if let Some(place) = usize::try_from(position)
            .ok()
            .and_then(|position| self.slots.get_mut(position))
        {
            *place = Some(slot);
        }
        let Self {
            index,
            hasher,
            slots,
            ..
        } = self;
        let rehash = |position: &u32| hasher.hash_one(key_at(slots, *position));
        index.insert_unique(hasher.hash_one(Some(&key)), position, rehash);
        FlowId(position)
    }

    /// Puts another flow under the same key and gives back the old one.
    pub fn replace(&mut self, id: FlowId, flow: T) -> Option<Box<T>> {
        let slot = self.slot_mut(id)?;
        Some(std::mem::replace(&mut slot.flow, Box::new(flow)))
    }

    /// Removes every flow that is to be kept until `now` or less and hands it to `each`.
    pub fn sweep(&mut self, now: Timestamp, mut each: impl FnMut(Box<T>)) {
        for (position, place) in self.slots.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|slot| slot.keep_until <= now)
                && let Some(slot) = place.take()
            {
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                let hash = self.hasher.hash_one(Some(&slot.key));
                if let Ok(entry) = self.index.find_entry(hash, |known| *known == position) {
                    entry.remove();
                }
                self.free.push(position);
                each(slot.flow);
            }
        }
    }

    /// Shows every flow, in the order of their places.
    pub fn each(&mut self, mut each: impl FnMut(&mut T)) {
        for slot in self.slots.iter_mut().flatten() {
            each(&mut slot.flow);
        }
    }

    /// The time until which the eighth of the flows that would leave first is kept.
    #[must_use]
    pub fn first_eighth(&self) -> Timestamp {
        let mut times: Vec<Timestamp> = self
            .slots
            .iter()
            .flatten()
            .map(|slot| slot.keep_until)
            .collect();
        let position = times.len() / 8;
        if position >= times.len() {
            return Timestamp(i64::MIN);
        }
        *times.select_nth_unstable(position).1
    }

    /// All flows, the table being done with.
    pub fn into_flows(self) -> impl Iterator<Item = Box<T>> {
        self.slots.into_iter().flatten().map(|slot| slot.flow)
    }

    fn slot_mut(&mut self, id: FlowId) -> Option<&mut Slot<T>> {
        self.slots.get_mut(usize::try_from(id.0).ok()?)?.as_mut()
    }
}

fn key_at<T>(slots: &[Option<Slot<T>>], position: u32) -> Option<&FlowKey> {
    let slot = slots.get(usize::try_from(position).ok()?)?;
    slot.as_ref().map(|slot| &slot.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Transport;
    use std::net::SocketAddr;

    fn key(port: u16) -> FlowKey {
        let a: SocketAddr = ([10, 0, 0, 1], port).into();
        FlowKey::new(a, ([10, 0, 0, 2], 443).into(), Transport::Tcp)
    }

    #[test]
    fn finds_replaces_and_sweeps() {
        let mut table = FlowTable::new(8);
        for port in 0..8 {
            let id = table.insert(key(port), port);
            table.keep_until(id, Timestamp(i64::from(port)));
        }
        assert!(table.is_full());
        let third = table.find(&key(3)).unwrap();
        assert_eq!(table.replace(third, 30).as_deref(), Some(&3));
        let cutoff = table.first_eighth();
        let mut gone = Vec::new();
        table.sweep(cutoff, |flow| gone.push(*flow));
        assert_eq!(gone, [0, 1]);
        assert!(table.find(&key(0)).is_none());
        let id = table.insert(key(100), 100);
        assert_eq!(table.find(&key(100)), Some(id));
        assert_eq!(table.get_mut(id), Some(&mut 100));
        assert_eq!(table.len(), 7);
    }
}
