//! What changed between two editions.

use super::edition::EditionFile;
use super::endpoint_set::{Category, EndpointSet, SetKey};
use std::collections::BTreeSet;

/// What only one side has, in the order of that side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T> {
    /// Only the second side has these.
    pub added: Vec<T>,
    /// Only the first side has these.
    pub removed: Vec<T>,
}

impl<T> Change<T> {
    /// Whether both sides have the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl<T: Clone + Ord> Change<T> {
    fn between<'t>(
        before: impl Iterator<Item = T> + Clone + 't,
        after: impl Iterator<Item = T> + Clone + 't,
    ) -> Self {
        let (old, new): (BTreeSet<T>, BTreeSet<T>) =
            (before.clone().collect(), after.clone().collect());
        Self {
            added: after.filter(|item| !old.contains(item)).collect(),
            removed: before.filter(|item| !new.contains(item)).collect(),
        }
    }
}

/// What changed in one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetChange<'e> {
    /// The set as the first edition has it.
    pub before: &'e EndpointSet,
    /// The set as the second edition has it; its key differs where it was renumbered.
    pub after: &'e EndpointSet,
    /// Hosts.
    pub hosts: Change<&'e str>,
    /// Prefixes.
    pub prefixes: Change<String>,
    /// TCP ports.
    pub tcp_ports: Change<u16>,
    /// UDP ports.
    pub udp_ports: Change<u16>,
}

impl SetChange<'_> {
    /// The "Required" marks before and after, where they differ.
    #[must_use]
    pub fn required(&self) -> Option<(Option<bool>, Option<bool>)> {
        differ(self.before.required, self.after.required)
    }

    /// The ExpressRoute marks before and after, where they differ.
    #[must_use]
    pub fn express_route(&self) -> Option<(Option<bool>, Option<bool>)> {
        differ(self.before.express_route, self.after.express_route)
    }

    /// The categories before and after, where they differ.
    #[must_use]
    pub fn category(&self) -> Option<(Option<Category>, Option<Category>)> {
        differ(self.before.category, self.after.category)
    }

    /// The keys before and after, where they differ.
    #[must_use]
    pub fn renumbered(&self) -> Option<(&SetKey, &SetKey)> {
        differ(&self.before.key, &self.after.key)
    }

    fn is_empty(&self) -> bool {
        self.hosts.is_empty()
            && self.prefixes.is_empty()
            && self.tcp_ports.is_empty()
            && self.udp_ports.is_empty()
            && self.required().is_none()
            && self.express_route().is_none()
            && self.category().is_none()
            && self.renumbered().is_none()
    }
}

fn differ<T: PartialEq>(before: T, after: T) -> Option<(T, T)> {
    (before != after).then_some((before, after))
}

/// What changed between two editions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionChange<'e> {
    /// Sets that only one edition has.
    pub sets: Change<&'e EndpointSet>,
    /// Sets of both that differ, in the order of the second.
    pub changed: Vec<SetChange<'e>>,
    /// Hosts that only one edition lists, in whatever set.
    pub hosts: Change<&'e str>,
    /// Prefixes that only one edition lists, in whatever set.
    pub prefixes: Change<String>,
}

/// Compares the published sets of two editions. Sets correspond by key; one that was renumbered (89 and 190) is the same.
#[must_use]
pub fn compare<'e>(before: &'e EditionFile, after: &'e EditionFile) -> EditionChange<'e> {
    EditionChange {
        sets: Change {
            added: after
                .sets
                .iter()
                .filter(|set| before.set(&set.key).is_none())
                .collect(),
            removed: before
                .sets
                .iter()
                .filter(|set| after.set(&set.key).is_none())
                .collect(),
        },
        changed: after
            .sets
            .iter()
            .filter_map(|set| Some(compare_sets(before.set(&set.key)?, set)))
            .filter(|change| !change.is_empty())
            .collect(),
        hosts: Change::between(all(before, hosts), all(after, hosts)),
        prefixes: Change::between(all(before, prefixes), all(after, prefixes)),
    }
}

fn compare_sets<'e>(before: &'e EndpointSet, after: &'e EndpointSet) -> SetChange<'e> {
    let ports = |ports: &'e [u16]| ports.iter().copied();
    SetChange {
        hosts: Change::between(hosts(before), hosts(after)),
        prefixes: Change::between(prefixes(before), prefixes(after)),
        tcp_ports: Change::between(ports(&before.tcp_ports), ports(&after.tcp_ports)),
        udp_ports: Change::between(ports(&before.udp_ports), ports(&after.udp_ports)),
        before,
        after,
    }
}

fn hosts(set: &EndpointSet) -> impl Iterator<Item = &str> + Clone {
    set.hosts.iter().map(|host| host.pattern.as_str())
}

fn prefixes(set: &EndpointSet) -> impl Iterator<Item = String> + Clone {
    set.prefixes.iter().map(|listed| listed.prefix.to_string())
}

/// What `of` finds in all sets, each once, in the order published.
fn all<'e, T: Clone + Ord, I: Iterator<Item = T>>(
    file: &'e EditionFile,
    of: impl Fn(&'e EndpointSet) -> I,
) -> impl Iterator<Item = T> + Clone {
    let mut seen = BTreeSet::new();
    let list: Vec<T> = file
        .sets
        .iter()
        .flat_map(of)
        .filter(|item| seen.insert(item.clone()))
        .collect();
    list.into_iter()
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;
    use super::*;

    fn file(name: &str) -> EditionFile {
        Catalog::edition_file(name).unwrap()
    }

    #[test]
    fn dutch_to_japanese() {
        let (nl, ja) = (file("nl"), file("ja"));
        let change = compare(&nl, &ja);
        let added: Vec<_> = change
            .sets
            .added
            .iter()
            .filter_map(|set| set.id())
            .collect();
        assert_eq!(added, [189]);
        let renumbered = change.changed.iter().find_map(SetChange::renumbered);
        assert_eq!(renumbered, Some((&SetKey::Id(89), &SetKey::Id(190))));
        assert!(
            !change.hosts.added.contains(&"go.microsoft.com"),
            "it only changed its number"
        );
        let apps = change
            .changed
            .iter()
            .find(|set| set.after.id() == Some(170))
            .unwrap();
        assert_eq!((apps.hosts.added.len(), apps.hosts.removed.len()), (10, 10));
        assert!(
            change.changed.iter().all(|set| set.after.id() != Some(163)),
            "163 is the same in both"
        );
    }

    #[test]
    fn marks_and_ports() {
        let (pt, nl) = (file("pt"), file("nl"));
        let change = compare(&pt, &nl);
        let of = |id| {
            change
                .changed
                .iter()
                .find(|set| set.after.id() == Some(id))
                .unwrap()
        };
        assert_eq!(of(97).required(), Some((Some(false), Some(true))));
        assert_eq!(of(164).tcp_ports.added, [80]);
        assert_eq!(of(165).required(), None);
    }

    #[test]
    fn an_edition_equals_itself() {
        let newest = file("en-latest");
        let change = compare(&newest, &newest);
        assert!(change.sets.is_empty() && change.changed.is_empty());
        assert!(change.hosts.is_empty() && change.prefixes.is_empty());
    }
}
