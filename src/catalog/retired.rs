//! Adds what only older editions published, so that names seen on devices of that time are still recognised.
//!
//! In: the sets of the chosen edition and the supplementary ones with their index, and the older editions. Out: the same sets with retired hosts and
//! prefixes beside the published ones, and sets that no longer exist with the standing `Retired`.

use super::Index;
use super::edition::EditionFile;
use super::endpoint_set::{EndpointSet, ListedHost, ListedPrefix, SetKey, Standing};
use super::host_pattern::HostPattern;
use super::prefix::Prefix;
use std::collections::HashSet;

/// Numbers that changed while the set stayed the same: "Endpoint discovery" is 89 in the Dutch text, which is its number in the
/// Microsoft 365 list, and 190 from the Japanese text on.
const RENUMBERED: [(u16, u16); 1] = [(89, 190)];

/// Adds to `sets` what `older` has beyond `known`, the index of `sets`; `older` must be ordered newest first. A host goes
/// to the set that had it in the newest edition that has it.
///
/// Hosts that are supplementary now are not added: two old editions list Windows' connectivity probes under NTP, and a
/// probe must not pass for a time request.
pub(super) fn add_retired(sets: &mut Vec<EndpointSet>, older: Vec<EditionFile>, known: &Index) {
    let mut known_hosts: HashSet<HostPattern> = HashSet::new();
    let mut known_prefixes: HashSet<Prefix> = HashSet::new();
    for file in older {
        let (mut new_hosts, mut new_prefixes) = (Vec::new(), Vec::new());
        for mut old in file.sets {
            old.key = current_key(old.key, sets);
            old.published_case.clear();
            let hosts = std::mem::take(&mut old.hosts);
            let spellings = std::mem::take(&mut old.also_recognised);
            let retired: Vec<_> = hosts
                .into_iter()
                .chain(spellings)
                .filter(|host| {
                    !known_hosts.contains(&host.pattern) && !known.knows_host(&host.pattern)
                })
                .map(|host| ListedHost {
                    standing: Standing::Retired,
                    ..host
                })
                .collect();
            let prefixes: Vec<_> = std::mem::take(&mut old.prefixes)
                .into_iter()
                .filter(|listed| {
                    !known_prefixes.contains(&listed.prefix) && !known.knows_prefix(listed.prefix)
                })
                .map(|listed| ListedPrefix {
                    standing: Standing::Retired,
                    ..listed
                })
                .collect();
            new_hosts.extend(retired.iter().map(|host| host.pattern.clone()));
            new_prefixes.extend(prefixes.iter().map(|listed| listed.prefix));
            let gone = !sets.iter().any(|set| set.key == old.key);
            if gone && !(retired.is_empty() && prefixes.is_empty()) {
                sets.push(EndpointSet {
                    standing: Standing::Retired,
                    ..old.clone()
                });
            }
            if let Some(set) = sets.iter_mut().find(|set| set.key == old.key) {
                if gone {
                    // Everything in such a set is retired, so it stays where its readers look for it.
                    set.hosts.extend(retired);
                    set.prefixes.extend(prefixes);
                } else {
                    set.also_recognised.extend(retired);
                    set.retired_prefixes.extend(prefixes);
                }
                if set.scale_units.is_empty() {
                    set.scale_units = old.scale_units;
                }
            }
        }
        known_hosts.extend(new_hosts);
        known_prefixes.extend(new_prefixes);
    }
}

/// The key under which the chosen edition knows the set, where it was renumbered.
fn current_key(key: SetKey, sets: &[EndpointSet]) -> SetKey {
    RENUMBERED
        .iter()
        .find(|(old, new)| {
            key == SetKey::Id(*old) && sets.iter().any(|set| set.key == SetKey::Id(*new))
        })
        .map_or(key, |(_, new)| SetKey::Id(*new))
}

/// Where `sets` has the set that `asked` means: under that key, or under its new or old number.
pub(super) fn same_set(asked: &SetKey, sets: &[EndpointSet]) -> Option<usize> {
    let find = |key: &SetKey| sets.iter().position(|set| set.key == *key);
    find(asked).or_else(|| {
        RENUMBERED.iter().find_map(|(old, new)| match asked {
            SetKey::Id(id) if id == old => find(&SetKey::Id(*new)),
            SetKey::Id(id) if id == new => find(&SetKey::Id(*old)),
            _ => None,
        })
    })
}
