//! Finds the sets that list a host name, the most specific pattern first.
//!
//! In: patterns with the set and standing they have. Out: for a name, who lists it. Exact names and `*.` suffixes are
//! hashed, so a lookup costs one probe per label; the few other patterns are tried one by one.

use super::endpoint_set::{EndpointSet, ListedHost, Standing};
use super::host_pattern::{Bucket, HostPattern};
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::cmp::Ordering;

/// One set's claim on a pattern.
#[derive(Debug)]
pub(super) struct Listing {
    set: usize,
    numbered: bool,
    host: ListedHost,
}

type Ids = SmallVec<[u32; 2]>;

/// All patterns of a catalogue, for lookup by name.
#[derive(Debug, Default)]
pub(super) struct HostIndex {
    listings: Vec<Listing>,
    exact: HashMap<String, Ids>,
    below: HashMap<String, Ids>,
    tried: Vec<u32>,
}

impl HostIndex {
    /// Adds a host of the set at position `set`; `numbered` sets win over sections with the same pattern.
    pub(super) fn insert(&mut self, set: usize, numbered: bool, host: &ListedHost) {
        let Ok(id) = u32::try_from(self.listings.len()) else {
            return;
        };
        match host.pattern.bucket() {
            Bucket::Exact(name) => self.exact.entry_ref(name).or_default().push(id),
            Bucket::Below(domain) => self.below.entry_ref(domain).or_default().push(id),
            Bucket::Try => self.tried.push(id),
            Bucket::Never => return,
        }
        self.listings.push(Listing {
            set,
            numbered,
            host: host.clone(),
        });
    }

    /// The listings whose pattern fits `folded`, best first: standing, then how specific the pattern is, then sets with
    /// a number before sections.
    pub(super) fn lookup(&self, folded: &str) -> SmallVec<[&Listing; 6]> {
        let mut found: SmallVec<[&Listing; 6]> = SmallVec::new();
        let mut add = |ids: &[u32]| {
            found.extend(
                ids.iter()
                    .filter_map(|id| self.listings.get(usize::try_from(*id).ok()?)),
            )
        };
        if let Some(ids) = self.exact.get(folded) {
            add(ids);
        }
        let mut rest = folded;
        while let Some((label, parent)) = rest.split_once('.') {
            // The star stands for at least one whole label, so the part before the first dot must not be empty.
            if !(label.is_empty() && rest.len() == folded.len())
                && let Some(ids) = self.below.get(parent)
            {
                add(ids);
            }
            rest = parent;
        }
        found.extend(
            self.tried
                .iter()
                .filter_map(|id| self.listings.get(usize::try_from(*id).ok()?))
                .filter(|l| l.host.pattern.matches(folded)),
        );
        found.sort_by(|a, b| a.cmp_rank(b));
        found
    }
}

impl Listing {
    /// Best first.
    fn cmp_rank(&self, other: &Self) -> Ordering {
        let by_pattern = other.host.pattern.cmp_specificity(&self.host.pattern);
        self.host
            .standing
            .cmp(&other.host.standing)
            .then(by_pattern)
            .then(other.numbered.cmp(&self.numbered))
            .then(self.set.cmp(&other.set))
    }

    /// Whether nothing but the set differs, so that both sets are meant alike.
    fn ties_with(&self, other: &Self) -> bool {
        self.host.standing == other.host.standing
            && self.numbered == other.numbered
            && self.host.pattern == other.host.pattern
    }
}

/// The sets that a host name belongs to. There is always at least one primary set.
#[derive(Debug, Clone)]
pub struct HostMatch<'c> {
    best: &'c ListedHost,
    generic: bool,
    primary: SmallVec<[&'c EndpointSet; 2]>,
    others: SmallVec<[(&'c EndpointSet, &'c ListedHost); 4]>,
}

impl<'c> HostMatch<'c> {
    pub(super) fn new(listings: &[&'c Listing], sets: &'c [EndpointSet]) -> Option<Self> {
        let (first, _) = listings.split_first()?;
        let mut found = Self {
            best: &first.host,
            generic: true,
            primary: SmallVec::new(),
            others: SmallVec::new(),
        };
        for listing in listings {
            let Some(set) = sets.get(listing.set) else {
                continue;
            };
            let known = found
                .primary
                .iter()
                .chain(found.others.iter().map(|(set, _)| set))
                .any(|other| other.key == set.key);
            if known {
                continue;
            }
            if listing.ties_with(first) {
                found.generic &= listing.host.generic;
                found.primary.push(set);
            } else {
                found.others.push((set, &listing.host));
            }
        }
        found.primary.sort_by(|a, b| a.key.cmp(&b.key));
        Some(found)
    }

    /// The sets that list the most specific pattern, in the order of their keys; several when they list the same one. When [`Self::standing`] is
    /// [`Standing::Reference`] they are Microsoft 365 rows, which explain the name and are no Intune set.
    pub fn primary(&self) -> impl Iterator<Item = &'c EndpointSet> {
        self.primary.iter().copied()
    }

    /// The sets that match less specifically, or with a lower standing, each with its pattern; best first. Microsoft 365
    /// rows are not among them.
    pub fn also(&self) -> impl Iterator<Item = (&'c EndpointSet, &'c ListedHost)> {
        self.others
            .iter()
            .copied()
            .filter(|(_, host)| host.standing != Standing::Reference)
    }

    /// The Microsoft 365 rows that match besides the primary sets.
    pub fn reference(&self) -> impl Iterator<Item = &'c EndpointSet> {
        self.others
            .iter()
            .filter(|(_, host)| host.standing == Standing::Reference)
            .map(|(set, _)| *set)
    }

    /// The pattern that decided.
    #[must_use]
    pub fn pattern(&self) -> &'c HostPattern {
        &self.best.pattern
    }

    /// On what ground the name is known: in the edition, supplementary, retired, or for reference only.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.best.standing
    }

    /// Whether the name says little, because programs other than Intune contact it too.
    #[must_use]
    pub fn is_generic(&self) -> bool {
        self.generic
    }

    /// Whether the name is another spelling of a misprinted host.
    #[must_use]
    pub fn is_misprint(&self) -> bool {
        self.best.misprint
    }

    /// Whether the pattern is a literal that a wildcard of the same set covers.
    #[must_use]
    pub fn is_sample(&self) -> bool {
        self.best.sample
    }
}
