//! The newest frames in one block of octets that never grows: a new frame takes the place of the oldest ones.
//!
//! Keeping a frame copies it and allocates nothing. A record is a head of `HEAD` octets and the frame's octets, and lies in
//! one piece; where the end of the block is too near for it, the rest there is passed over.

use crate::capture::Frame;
use crate::facts::{FrameNumber, LinkType, Timestamp};

/// Octets before each frame: length, interface, number, time, original length, link type.
const HEAD: usize = 32;

/// Stands in place of a length where the rest of the block is passed over.
const PASS: u32 = u32::MAX;

/// A frame out of a ring.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'r> {
    /// The frame as it was captured.
    pub frame: Frame<'r>,
    /// Which interface it came from, in the order in which they were named.
    pub interface: u32,
}

/// A place between two frames. Both counts grow for ever, so that a place that was overtaken shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    octets: u64,
    frames: u64,
}

/// The newest frames.
#[derive(Debug)]
pub struct Ring {
    block: Box<[u8]>,
    oldest: Place,
    newest: Place,
}

impl Ring {
    /// A ring of that many octets. They are taken from the system as they are first used.
    #[must_use]
    pub fn new(octets: usize) -> Self {
        Self {
            block: vec![0; octets].into_boxed_slice(),
            oldest: Place::default(),
            newest: Place::default(),
        }
    }

    /// Keeps a frame. False for one that is larger than a quarter of the ring: it would be gone at once.
    pub fn keep(&mut self, kept: &Kept<'_>) -> bool {
        let bytes = kept.frame.bytes;
        let size = HEAD.saturating_add(bytes.len());
        let Ok(length) = u32::try_from(bytes.len()) else {
            return false;
        };
        if size > self.block.len() / 4 {
            return false;
        }
        let to_end = self.block.len().saturating_sub(self.position(self.newest));
        if size > to_end {
            self.make_room(to_end);
            let position = self.position(self.newest);
            if let Some(mark) = self.block.get_mut(position..position.saturating_add(4)) {
                mark.copy_from_slice(&PASS.to_le_bytes());
            }
            self.newest.octets = self.newest.octets.saturating_add(widened(to_end));
        }
        self.make_room(size);
        let position = self.position(self.newest);
        let Some(place) = self
            .block
            .get_mut(position..position.saturating_add(size))
            .and_then(|place| place.split_first_chunk_mut::<HEAD>())
        else {
            return false;
        };
        let (head, body) = place;
        *head = head_of(kept, length);
        body.copy_from_slice(bytes);
        self.newest.octets = self.newest.octets.saturating_add(widened(size));
        self.newest.frames = self.newest.frames.saturating_add(1);
        true
    }

    /// Before the oldest frame.
    #[must_use]
    pub fn oldest(&self) -> Place {
        self.oldest
    }

    /// Behind the newest frame.
    #[must_use]
    pub fn newest(&self) -> Place {
        self.newest
    }

    /// Moves a place on that was overtaken, and gives how many frames were lost to it.
    pub fn catch_up(&self, place: &mut Place) -> u64 {
        if place.octets >= self.oldest.octets {
            return 0;
        }
        let lost = self.oldest.frames.saturating_sub(place.frames);
        *place = self.oldest;
        lost
    }

    /// The record behind `place`, to be read with [`parse`], and the place behind it; `None` at the newest.
    #[must_use]
    pub fn record_at(&self, place: Place) -> Option<(&[u8], Place)> {
        let mut place = place;
        // At most one piece is passed over before each record.
        for _ in 0..2 {
            if place.octets >= self.newest.octets {
                return None;
            }
            let position = self.position(place);
            match self.size_at(position) {
                Ok(size) => {
                    let record = self.block.get(position..position.saturating_add(size))?;
                    let next = Place {
                        octets: place.octets.saturating_add(widened(size)),
                        frames: place.frames.saturating_add(1),
                    };
                    return Some((record, next));
                }
                Err(passed) => place.octets = place.octets.saturating_add(widened(passed)),
            }
        }
        None
    }

    /// Lets the oldest frames go until `size` octets are free.
    fn make_room(&mut self, size: usize) {
        let capacity = widened(self.block.len());
        while self
            .newest
            .octets
            .saturating_sub(self.oldest.octets)
            .saturating_add(widened(size))
            > capacity
        {
            let (gone, frames) = match self.size_at(self.position(self.oldest)) {
                Ok(size) => (size, 1),
                Err(passed) => (passed, 0),
            };
            self.oldest.octets = self.oldest.octets.saturating_add(widened(gone));
            self.oldest.frames = self.oldest.frames.saturating_add(frames);
        }
    }

    fn position(&self, place: Place) -> usize {
        let capacity = widened(self.block.len()).max(1);
        usize::try_from(place.octets % capacity).unwrap_or(0)
    }

    /// The size of the record at `position`, or what is passed over there; never nothing.
    fn size_at(&self, position: usize) -> Result<usize, usize> {
        let to_end = self.block.len().saturating_sub(position).max(1);
        let length = self
            .block
            .get(position..)
            .and_then(|rest| rest.first_chunk::<4>())
            .map_or(PASS, |length| u32::from_le_bytes(*length));
        match usize::try_from(length) {
            Ok(length) if u32::try_from(length) != Ok(PASS) => Ok(HEAD.saturating_add(length)),
            _ => Err(to_end),
        }
    }
}

/// Takes the first record off `records`; `None` when none is left.
#[must_use]
pub fn parse(records: &[u8]) -> Option<(Kept<'_>, &[u8])> {
    let (head, rest) = records.split_first_chunk::<HEAD>()?;
    let word = |at: usize| {
        head.get(at..)
            .and_then(|rest| rest.first_chunk::<4>())
            .map(|word| u32::from_le_bytes(*word))
    };
    let long = |at: usize| {
        head.get(at..)
            .and_then(|rest| rest.first_chunk::<8>())
            .map(|long| u64::from_le_bytes(*long))
    };
    let length = usize::try_from(word(0)?).ok()?;
    let (bytes, rest) = rest.split_at_checked(length)?;
    let kept = Kept {
        interface: word(4)?,
        frame: Frame {
            number: FrameNumber(long(8)?),
            timestamp: Timestamp(long(16)?.cast_signed()),
            original_length: word(24)?,
            link_type: LinkType(word(28)?),
            bytes,
        },
    };
    Some((kept, rest))
}

fn head_of(kept: &Kept<'_>, length: u32) -> [u8; HEAD] {
    let frame = &kept.frame;
    let LinkType(link_type) = frame.link_type;
    let mut head = [0; HEAD];
    let parts: [(usize, &[u8]); 6] = [
        (0, &length.to_le_bytes()),
        (4, &kept.interface.to_le_bytes()),
        (8, &frame.number.0.to_le_bytes()),
        (16, &frame.timestamp.0.to_le_bytes()),
        (24, &frame.original_length.to_le_bytes()),
        (28, &link_type.to_le_bytes()),
    ];
    for (at, part) in parts {
        if let Some(place) = head.get_mut(at..at.saturating_add(part.len())) {
            place.copy_from_slice(part);
        }
    }
    head
}

fn widened(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(ring: &mut Ring, number: u64, bytes: &[u8]) -> bool {
        ring.keep(&Kept {
            interface: 3,
            frame: Frame {
                number: FrameNumber(number),
                timestamp: Timestamp(-5),
                link_type: LinkType(276),
                original_length: u32::try_from(bytes.len()).unwrap() + 1,
                bytes,
            },
        })
    }

    fn numbers(ring: &Ring, mut place: Place) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((record, next)) = ring.record_at(place) {
            let (kept, rest) = parse(record).unwrap();
            assert!(rest.is_empty());
            let filled = kept.frame.number.0.to_le_bytes()[0];
            assert!(kept.frame.bytes.iter().all(|octet| *octet == filled));
            assert_eq!((kept.interface, kept.frame.timestamp.0), (3, -5));
            assert_eq!(kept.frame.link_type, LinkType(276));
            assert_eq!(
                kept.frame.original_length as usize,
                kept.frame.bytes.len() + 1
            );
            numbers.push(kept.frame.number.0);
            place = next;
        }
        numbers
    }

    #[test]
    fn the_newest_frames_stay_whole_whatever_their_lengths() {
        let mut lengths = 1_u64;
        for octets in 400..480 {
            let mut ring = Ring::new(octets);
            let mut follower = Place::default();
            let (mut followed, mut lost) = (0, 0);
            for number in 1..=300_u64 {
                // A fixed sequence without a short period.
                lengths = lengths
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let length = usize::try_from(lengths >> 58).unwrap();
                let filled = number.to_le_bytes()[0];
                assert!(keep(&mut ring, number, &vec![filled; length]));
                let there = numbers(&ring, ring.oldest());
                let first = number + 1 - u64::try_from(there.len()).unwrap();
                assert!(there.len() >= 3 || number < 3);
                assert_eq!(there, (first..=number).collect::<Vec<_>>());
                if number % 7 == 0 {
                    lost += ring.catch_up(&mut follower);
                    followed += numbers(&ring, follower).len();
                    follower = ring.newest();
                }
            }
            lost += ring.catch_up(&mut follower);
            followed += numbers(&ring, follower).len();
            assert!(lost > 0);
            assert_eq!(lost + u64::try_from(followed).unwrap(), 300);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let mut ring = Ring::new(400);
        assert!(keep(&mut ring, 1, &[1; 68]));
        assert!(!keep(&mut ring, 2, &[2; 69]));
        assert!(!keep(&mut Ring::new(0), 1, &[]));
        assert_eq!(numbers(&ring, ring.oldest()), [1]);
    }
}
