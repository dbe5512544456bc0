//! Evidence: a packet and what it shows.

use crate::facts::Seen;
use std::borrow::Cow;

/// One packet that supports a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The packet.
    pub seen: Seen,
    /// What it shows, in words.
    pub what: Cow<'static, str>,
}

/// Evidence in the order of frames, without repetitions, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvidenceList(Vec<Evidence>);

impl EvidenceList {
    /// Most entries kept for one attempt: an attempt is proven by a handful of packets.
    const MOST: usize = 12;

    /// Adds what `seen` shows.
    pub fn add(&mut self, seen: Seen, what: impl Into<Cow<'static, str>>) {
        if self.0.len() < Self::MOST {
            self.0.push(Evidence {
                seen,
                what: what.into(),
            });
        }
    }

    /// Adds what a packet shows, when there is one.
    pub fn add_some(&mut self, seen: Option<Seen>, what: impl Into<Cow<'static, str>>) {
        if let Some(seen) = seen {
            self.add(seen, what);
        }
    }

    /// The entries, in the order of frames.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Evidence> {
        self.0.sort_by_key(|evidence| evidence.seen.frame);
        self.0.dedup();
        self.0.shrink_to_fit();
        self.0
    }
}
