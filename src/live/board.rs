//! The newest snapshot, put up by the thread that judges and read by others that never hold it up.

use super::snapshot::Snapshot;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A snapshot is made no sooner than this many times as long after the last one as that took: making them costs at most two
/// percent of a core, however many devices there are.
const PAUSE_FACTOR: u32 = 50;

/// Where the newest snapshot hangs.
#[derive(Debug)]
pub struct Board {
    posted: Mutex<Posted>,
}

#[derive(Debug)]
struct Posted {
    snapshot: Arc<Snapshot>,
    when: Instant,
    /// No new one is wanted before.
    next: Instant,
}

impl Board {
    /// A board with a first snapshot.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        let now = Instant::now();
        Self {
            posted: Mutex::new(Posted {
                snapshot: Arc::new(first),
                when: now,
                next: now,
            }),
        }
    }

    /// Puts up what `make` gives, unless the last one was so costly that it is too early for the next.
    pub fn refresh(&self, make: impl FnOnce() -> Snapshot) {
        let begun = Instant::now();
        if begun < self.lock().next {
            return;
        }
        let snapshot = Arc::new(make());
        let now = Instant::now();
        let pause = now.duration_since(begun).saturating_mul(PAUSE_FACTOR);
        *self.lock() = Posted {
            snapshot,
            when: now,
            next: now.checked_add(pause).unwrap_or(now),
        };
    }

    /// The newest snapshot.
    #[must_use]
    pub fn newest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.lock().snapshot)
    }

    /// How long it has hung.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.lock().when.elapsed()
    }

    /// What hangs there is whole whatever became of who put it up.
    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
