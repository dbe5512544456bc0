//! A bounded table of flows, found by key, swept by capture time.

use super::key::FlowKey;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// What a flow has to tell so that the table can let go of it.
pub trait Aging {
    /// Nanoseconds of capture time of its last packet.
    fn last_activity(&self) -> i64;
}

/// Flows by key. Keys are chosen by whoever sends packets, so they are hashed with a random seed; the order of everything
/// that comes out is that of the slots and does not depend on it.
#[derive(Debug)]
pub struct FlowTable<T> {
    index: HashMap<FlowKey, u32, RandomState>,
    slots: Vec<Option<(FlowKey, T)>>,
    free: Vec<u32>,
    capacity: usize,
}

impl<T: Aging> FlowTable<T> {
    /// A table for at most `capacity` flows.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            index: HashMap::default(),
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

    /// The flow with this key.
    pub fn get_mut(&mut self, key: &FlowKey) -> Option<&mut T> {
        let slot = *self.index.get(key)?;
        let slot = self.slots.get_mut(usize::try_from(slot).ok()?)?;
        slot.as_mut().map(|(_, flow)| flow)
    }

    /// Adds a flow; one with the same key is replaced and returned. The caller makes room first ([`Self::is_full`]).
    pub fn insert(&mut self, key: FlowKey, flow: T) -> Option<T> {
        match self.index.entry(key) {
            Entry::Occupied(entry) => {
                let slot = usize::try_from(*entry.get())
                    .ok()
                    .and_then(|slot| self.slots.get_mut(slot))?;
                slot.replace((key, flow)).map(|(_, flow)| flow)
            }
            Entry::Vacant(entry) => {
                let slot = match self.free.pop() {
                    Some(slot) => slot,
                    None => {
                        let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                        self.slots.push(None);
                        slot
                    }
                };
                entry.insert(slot);
                if let Some(place) = usize::try_from(slot)
                    .ok()
                    .and_then(|slot| self.slots.get_mut(slot))
                {
                    *place = Some((key, flow));
                }
                None
            }
        }
    }

    /// Whether another flow needs room to be made.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.index.len() >= self.capacity
    }

    /// Removes every flow for which `ended` says so and hands it to `each`.
    pub fn sweep(&mut self, mut ended: impl FnMut(&T) -> bool, mut each: impl FnMut(T)) {
        for (position, slot) in self.slots.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|(_, flow)| ended(flow))
                && let Some((key, flow)) = slot.take()
            {
                self.index.remove(&key);
                self.free.push(u32::try_from(position).unwrap_or(u32::MAX));
                each(flow);
            }
        }
    }

    /// The time before which the least recently active eighth of the flows was last active.
    #[must_use]
    pub fn oldest_eighth(&self) -> i64 {
        let mut times: Vec<i64> = self
            .slots
            .iter()
            .flatten()
            .map(|(_, flow)| flow.last_activity())
            .collect();
        let position = times.len() / 8;
        if position >= times.len() {
            return i64::MIN;
        }
        *times.select_nth_unstable(position).1
    }

    /// All flows, the table being done with.
    pub fn into_flows(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().flatten().map(|(_, flow)| flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Transport;
    use std::net::SocketAddr;

    struct Stub(i64);

    impl Aging for Stub {
        fn last_activity(&self) -> i64 {
            self.0
        }
    }

    fn key(port: u16) -> FlowKey {
        let a: SocketAddr = ([10, 0, 0, 1], port).into();
        FlowKey::new(a, ([10, 0, 0, 2], 443).into(), Transport::Tcp)
    }

    #[test]
    fn finds_replaces_and_sweeps() {
        let mut table = FlowTable::new(8);
        for port in 0..8 {
            assert!(table.insert(key(port), Stub(i64::from(port))).is_none());
        }
        assert!(table.is_full());
        assert_eq!(table.insert(key(3), Stub(30)).map(|flow| flow.0), Some(3));
        let cutoff = table.oldest_eighth();
        let mut gone = Vec::new();
        table.sweep(|flow| flow.0 <= cutoff, |flow| gone.push(flow.0));
        assert_eq!(gone, [0, 1]);
        assert!(table.get_mut(&key(0)).is_none());
        assert!(table.insert(key(100), Stub(100)).is_none());
        assert_eq!(table.get_mut(&key(100)).map(|flow| flow.0), Some(100));
        assert_eq!(table.len(), 7);
    }
}
