//! Which sets an address belongs to, by its prefixes.

use super::endpoint_set::{EndpointSet, Standing};
use super::prefix::{Prefix, PrefixListing};
use smallvec::SmallVec;
use std::cmp::Reverse;

/// The sets whose prefixes hold an address. There is always at least one primary set.
#[derive(Debug, Clone)]
pub struct AddressMatch<'c> {
    prefix: Prefix,
    standing: Standing,
    shared: bool,
    primary: SmallVec<[&'c EndpointSet; 2]>,
    others: SmallVec<[(&'c EndpointSet, Standing); 2]>,
}

impl<'c> AddressMatch<'c> {
    /// Ranks the listings: standing first, then the longer prefix.
    pub(super) fn new<'l>(
        found: impl Iterator<Item = (Prefix, &'l PrefixListing)>,
        sets: &'c [EndpointSet],
    ) -> Option<Self> {
        let mut ranked: SmallVec<[(Prefix, PrefixListing); 4]> =
            found.map(|(prefix, listing)| (prefix, *listing)).collect();
        ranked.sort_by_key(|(prefix, listing)| {
            (listing.standing, Reverse(prefix.length()), listing.set)
        });
        let (prefix, first) = *ranked.first()?;
        let mut result = Self {
            prefix,
            standing: first.standing,
            shared: false,
            primary: SmallVec::new(),
            others: SmallVec::new(),
        };
        for (net, listing) in ranked {
            let Some(set) = sets.get(listing.set) else {
                continue;
            };
            let known = result
                .primary
                .iter()
                .chain(result.others.iter().map(|(set, _)| set))
                .any(|other| other.key == set.key);
            if known {
                continue;
            }
            if net == prefix && listing.standing == first.standing {
                result.shared |= listing.shared;
                result.primary.push(set);
            } else {
                result.others.push((set, listing.standing));
            }
        }
        Some(result)
    }

    /// The sets that list the longest prefix; several when they list the same one.
    pub fn primary(&self) -> impl Iterator<Item = &'c EndpointSet> {
        self.primary.iter().copied()
    }

    /// The sets with a shorter prefix or a lower standing, best first. Microsoft 365 rows are not among them.
    pub fn also(&self) -> impl Iterator<Item = (&'c EndpointSet, Standing)> {
        self.others
            .iter()
            .copied()
            .filter(|(_, standing)| *standing != Standing::Reference)
    }

    /// The Microsoft 365 rows that hold the address besides the primary sets.
    pub fn reference(&self) -> impl Iterator<Item = &'c EndpointSet> {
        self.others
            .iter()
            .filter(|(_, standing)| *standing == Standing::Reference)
            .map(|(set, _)| *set)
    }

    /// The prefix that decided.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// On what ground the prefix is known. [`Standing::Reference`] explains a flow (a Microsoft 365 row, such as the
    /// sign-in addresses that the article leaves out) and must not count as the set of the article.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether others use the addresses too (Azure Front Door), so that the match proves nothing by itself.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.shared
    }
}
