//! The frames seen last, held in memory by the thread that captures and read by the one that records.
//!
//! Lookups have a part of their own: devices ask for a name long before they fail to connect, and without the answer nobody
//! can tell which host a connection was for. Data far into a flow is not held, so that downloads do not push everything else
//! out.

use super::ring::{Kept, Place, Ring};
use crate::capture::Frame;
use crate::facts::FrameNumber;
use crate::observe::Role;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The share of lookups: one part in this many.
const LOOKUP_SHARE: usize = 8;

/// Octets copied out at once, so that whoever captures never waits long.
const AT_ONCE: usize = 256 << 10;

/// Two rings behind one lock.
#[derive(Debug)]
pub struct Memory {
    rings: Mutex<Rings>,
}

#[derive(Debug)]
struct Rings {
    lookups: Ring,
    others: Ring,
    last: FrameNumber,
}

/// How far a reader has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    lookups: Place,
    others: Place,
}

impl Memory {
    /// A memory of that many octets.
    #[must_use]
    pub fn new(octets: usize) -> Self {
        let lookups = octets / LOOKUP_SHARE;
        Self {
            rings: Mutex::new(Rings {
                lookups: Ring::new(lookups),
                others: Ring::new(octets.saturating_sub(lookups)),
                last: FrameNumber(0),
            }),
        }
    }

    /// Keeps a frame of an interface, unless it is data far into a flow.
    pub fn keep(&self, frame: &Frame<'_>, interface: u32, role: Role) {
        let mut rings = self.lock();
        let kept = Kept {
            frame: *frame,
            interface,
        };
        match role {
            Role::Lookup => rings.lookups.keep(&kept),
            Role::Other => rings.others.keep(&kept),
            Role::Bulk => return,
        };
        rings.last = frame.number;
    }

    /// Before the oldest frame.
    #[must_use]
    pub fn oldest(&self) -> Cursor {
        let rings = self.lock();
        Cursor {
            lookups: rings.lookups.oldest(),
            others: rings.others.oldest(),
        }
    }

    /// Behind the newest frame, and its number.
    #[must_use]
    pub fn newest(&self) -> (Cursor, FrameNumber) {
        let rings = self.lock();
        let cursor = Cursor {
            lookups: rings.lookups.newest(),
            others: rings.others.newest(),
        };
        (cursor, rings.last)
    }

    /// Copies the next frames up to number `last` into `records`, which it empties first, in the order in which they came, and
    /// moves the cursor behind them. Gives how many frames were overwritten before the cursor came to them. No records are left
    /// when `records` stays empty.
    pub fn read(&self, cursor: &mut Cursor, last: FrameNumber, records: &mut Vec<u8>) -> u64 {
        records.clear();
        let rings = self.lock();
        let lost = rings
            .lookups
            .catch_up(&mut cursor.lookups)
            .saturating_add(rings.others.catch_up(&mut cursor.others));
        while records.len() < AT_ONCE {
            let lookup = next(&rings.lookups, cursor.lookups, last);
            let other = next(&rings.others, cursor.others, last);
            let lookup_first = match (&lookup, &other) {
                (Some((lookup, ..)), Some((other, ..))) => lookup < other,
                (lookup, _) => lookup.is_some(),
            };
            let (chosen, place) = if lookup_first {
                (lookup, &mut cursor.lookups)
            } else {
                (other, &mut cursor.others)
            };
            let Some((_, record, behind)) = chosen else {
                break;
            };
            records.extend_from_slice(record);
            *place = behind;
        }
        lost
    }

    /// What is kept is whole whatever became of who kept it.
    fn lock(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(ring: &Ring, place: Place, last: FrameNumber) -> Option<(FrameNumber, &[u8], Place)> {
    let (record, behind) = ring.record_at(place)?;
    let (kept, _) = super::ring::parse(record)?;
    (kept.frame.number <= last).then_some((kept.frame.number, record, behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{LinkType, Timestamp};

    fn keep(memory: &Memory, number: u64, role: Role) {
        let frame = Frame {
            number: FrameNumber(number),
            timestamp: Timestamp(0),
            link_type: LinkType::ETHERNET,
            original_length: 100,
            bytes: &[0; 100],
        };
        memory.keep(&frame, 0, role);
    }

    fn read(memory: &Memory, cursor: &mut Cursor, last: u64) -> (Vec<u64>, u64) {
        let mut records = Vec::new();
        let (mut numbers, mut lost) = (Vec::new(), 0);
        loop {
            lost += memory.read(cursor, FrameNumber(last), &mut records);
            if records.is_empty() {
                return (numbers, lost);
            }
            let mut rest = &records[..];
            while let Some((kept, behind)) = super::super::ring::parse(rest) {
                numbers.push(kept.frame.number.0);
                rest = behind;
            }
        }
    }

    #[test]
    fn lookups_outlast_the_rest_and_all_comes_in_order() {
        // Room for 7 lookups and 53 others.
        let memory = Memory::new(8_000);
        keep(&memory, 1, Role::Lookup);
        for number in 2..=200 {
            keep(&memory, number, Role::Bulk);
        }
        let mut cursor = memory.oldest();
        assert_eq!(read(&memory, &mut cursor, 200).0, [1]);
        for number in 201..=300 {
            let lookup = number % 20 == 0;
            keep(
                &memory,
                number,
                if lookup { Role::Lookup } else { Role::Other },
            );
        }
        let (numbers, lost) = read(&memory, &mut cursor, 280);
        let expected: Vec<u64> = (201..=280)
            .filter(|number| *number > 244 || number % 20 == 0)
            .collect();
        assert_eq!(numbers, expected);
        assert_eq!(lost, 42);
        assert_eq!(read(&memory, &mut memory.oldest(), 300).0.first(), Some(&1));
        assert_eq!(memory.newest().1, FrameNumber(300));
        let (rest, lost) = read(&memory, &mut cursor, u64::MAX);
        assert_eq!((rest, lost), ((281..=300).collect(), 0));
    }
}
