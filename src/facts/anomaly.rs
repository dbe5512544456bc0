//! What could not be read, by stable name, with the first frame that showed it and how often it happened.

use super::FrameNumber;
use compact_str::CompactString;

/// One kind of unreadable or unexpected input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// Stable kebab-case name, optionally followed by a blank and a detail, for example `link-type-unsupported 147`.
    pub name: CompactString,
    /// How often it happened.
    pub count: u64,
    /// The first frame that showed it; `None` when it concerns the input as a whole.
    pub first_frame: Option<FrameNumber>,
}

/// Counters of anomalies, bounded: beyond [`Anomalies::MAX_KINDS`] kinds, new ones are counted as `other-anomaly`.
#[derive(Debug, Clone, Default)]
pub struct Anomalies {
    kinds: Vec<Anomaly>,
}

impl Anomalies {
    /// Most kinds kept apart: names are ours, but some carry a number off the wire.
    pub const MAX_KINDS: usize = 128;

    /// Counts one occurrence.
    pub fn note(&mut self, name: &str, frame: Option<FrameNumber>) {
        self.add(name, frame, 1);
    }

    /// Counts `count` occurrences, the first of them in `frame`.
    pub fn add(&mut self, name: &str, frame: Option<FrameNumber>, count: u64) {
        let name =
            if self.kinds.len() < Self::MAX_KINDS || self.kinds.iter().any(|k| k.name == name) {
                name
            } else {
                "other-anomaly"
            };
        if let Some(kind) = self.kinds.iter_mut().find(|k| k.name == name) {
            kind.count = kind.count.saturating_add(count);
            kind.first_frame = match (kind.first_frame, frame) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        } else {
            self.kinds.push(Anomaly {
                name: CompactString::from(name),
                count,
                first_frame: frame,
            });
        }
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for kind in &other.kinds {
            self.add(&kind.name, kind.first_frame, kind.count);
        }
    }

    /// All kinds, in the order in which they first occurred.
    #[must_use]
    pub fn kinds(&self) -> &[Anomaly] {
        &self.kinds
    }

    /// How often `name` was counted.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.kinds
            .iter()
            .find(|k| k.name == name)
            .map_or(0, |k| k.count)
    }
}
