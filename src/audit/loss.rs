//! What a device loses with the sets and hosts that failed it, by what its scenario needs.
//!
//! When absence counts: an attempt that was made and failed always counts; something that was never tried counts as the table
//! says. The way a scenario was settled decides, because a device cannot be blamed for what it had no reason to do, nor a
//! network for what nobody asked of it.
//!
//! | judged by | a required set that nothing touched |
//! | --- | --- |
//! | the Required column | never reached |
//! | a chosen scenario | never reached, unless the device was stopped at an earlier stage |
//! | a proven scenario | never reached, but no loss, where the capture shows an earlier and a later stage tried, both directions, name resolution, and no connection from before it began; else not exercised |
//! | a likely scenario | not exercised |

use super::progress;
use super::report::{HostReport, SetReport};
use super::scenario::{Basis, Scenario};
use super::verdict::Verdict;
use crate::catalog::{Catalog, Group, GroupMember, HostPattern, Need, Requirement, SetKey};

/// What failing hosts of one set cost the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// How much of the scenario depends on them; never `None`.
    pub level: Requirement,
    /// The hosts that fail; those that were never tried where `missing` is set, none when that is the whole set.
    pub hosts: Vec<String>,
    /// They do not fail: they were never tried.
    pub missing: bool,
    /// The document that says they are needed.
    pub source: String,
}

/// What the capture can prove about absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Both directions are in the capture.
    pub both_directions: bool,
    /// Name resolution is in the capture, and no connection is older than it.
    pub from_the_start: bool,
}

/// Sets the loss of every set, and the verdict of those that nothing touched.
pub fn settle(sets: &mut [SetReport], scenario: &Scenario, catalog: &Catalog, sight: Sight) {
    if scenario.basis == Basis::Column {
        settle_by_column(sets, catalog, sight);
        return;
    }
    if sets.iter().flat_map(SetReport::hosts).any(is_failed) {
        settle_failing(sets, scenario, catalog);
    }
    for set in sets.iter_mut() {
        let untouched = set.verdict == Verdict::NotExercised && set.hosts.is_empty();
        if untouched && set.requirement == Requirement::Hard && !sight.both_directions {
            set.verdict = Verdict::Inconclusive;
        }
    }
    match scenario.basis {
        Basis::Chosen => settle_absent_of_chosen(sets, scenario, catalog, sight),
        Basis::Proven => settle_absent_of_proven(sets, scenario, catalog, sight),
        Basis::Likely | Basis::Column => {}
    }
}

/// What hosts that were tried in vain cost.
fn settle_failing(sets: &mut [SetReport], scenario: &Scenario, catalog: &Catalog) {
    for part in &scenario.parts {
        for need in &part.needs {
            let source = need.source.as_ref().unwrap_or(&part.source);
            for (set, host) in failing(sets, need, scenario, catalog) {
                add(sets, set, need.level, host, source);
            }
        }
    }
}

fn settle_by_column(sets: &mut [SetReport], catalog: &Catalog, sight: Sight) {
    let source = format!(
        "{}, Required column, edition {}",
        catalog.edition().title,
        catalog.edition().name
    );
    for set in sets
        .iter_mut()
        .filter(|set| set.requirement == Requirement::Hard)
    {
        if set.verdict == Verdict::NotExercised {
            set.verdict = if sight.both_directions {
                Verdict::NeverReached
            } else {
                Verdict::Inconclusive
            };
        }
        if set.fails() {
            set.loss = Some(Box::new(Loss {
                level: Requirement::Hard,
                hosts: failed_hosts(set).map(|host| host.name.clone()).collect(),
                missing: set.verdict == Verdict::NeverReached,
                source: source.clone(),
            }));
        }
    }
}

fn is_failed(host: &HostReport) -> bool {
    matches!(host.judged.verdict, Verdict::Blocked | Verdict::Intercepted)
}

fn has_worked(host: &HostReport) -> bool {
    matches!(host.judged.verdict, Verdict::Reached | Verdict::Degraded)
}

fn failed_hosts(set: &SetReport) -> impl Iterator<Item = &HostReport> {
    set.hosts().filter(|host| is_failed(host))
}

/// Position of a set and a host of it.
type Place = (usize, String);

/// The hosts in whose failing the need fails.
fn failing(sets: &[SetReport], need: &Need, scenario: &Scenario, catalog: &Catalog) -> Vec<Place> {
    if !need.groups.is_empty() {
        return need
            .groups
            .iter()
            .flat_map(|group| {
                failing_together(sets, |set, host| {
                    is_of_group(group, scenario, set, host, catalog)
                })
            })
            .collect();
    }
    if !need.targets.hosts.is_empty() {
        return need
            .targets
            .hosts
            .iter()
            .flat_map(|pattern| failing_together(sets, |_, host| fits(pattern, host)))
            .collect();
    }
    need.targets
        .sets
        .iter()
        .flat_map(|key| failing_set(sets, key, catalog))
        .collect()
}

/// The failing hosts of a whole set, unless some host of it works.
///
/// A supplementary set may list hosts that count for a set of the article: then these hosts are looked at where they are.
fn failing_set(sets: &[SetReport], key: &SetKey, catalog: &Catalog) -> Vec<Place> {
    let Some(listed) = catalog.set(key) else {
        return Vec::new();
    };
    failing_together(sets, |set, host| {
        set.key == listed.key
            || (listed.standing == crate::catalog::Standing::Supplementary
                && listed.matches_host(&host.name.to_ascii_lowercase()))
    })
}

/// The failing hosts among those that `belongs` picks, unless some of them works.
fn failing_together(
    sets: &[SetReport],
    belongs: impl Fn(&SetReport, &HostReport) -> bool,
) -> Vec<Place> {
    let mut places = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let tells = |host: &&HostReport| has_worked(host) || is_failed(host);
        for host in set.hosts().filter(tells).filter(|host| belongs(set, host)) {
            if has_worked(host) {
                return Vec::new();
            }
            if is_failed(host) {
                places.push((index, host.name.clone()));
            }
        }
    }
    places
}

/// The host belongs to one of the members that a device of this scenario's region needs one of.
fn is_of_group(
    group: &Group,
    scenario: &Scenario,
    set: &SetReport,
    host: &HostReport,
    catalog: &Catalog,
) -> bool {
    group
        .members_for(scenario.region)
        .any(|member| is_of(member, set, host, catalog))
}

fn is_of(member: &GroupMember, set: &SetReport, host: &HostReport, catalog: &Catalog) -> bool {
    if member.targets.hosts.is_empty() {
        member
            .targets
            .sets
            .iter()
            .filter_map(|key| catalog.set(key))
            .any(|listed| listed.key == set.key)
    } else {
        member
            .targets
            .hosts
            .iter()
            .any(|pattern| fits(pattern, host))
    }
}

fn fits(pattern: &HostPattern, host: &HostReport) -> bool {
    pattern.matches(&host.name.to_ascii_lowercase())
}

fn add(sets: &mut [SetReport], index: usize, level: Requirement, host: String, source: &str) {
    let Some(set) = sets.get_mut(index) else {
        return;
    };
    match &mut set.loss {
        Some(loss) if loss.level > level => {}
        Some(loss) if loss.level == level => {
            if !loss.hosts.contains(&host) {
                loss.hosts.push(host);
            }
        }
        _ => {
            set.loss = Some(Box::new(Loss {
                level,
                hosts: vec![host],
                missing: false,
                source: source.to_owned(),
            }));
        }
    }
}

/// The user says what the device did, so what it did not try is missing, except what comes after the stage that stopped it.
fn settle_absent_of_chosen(
    sets: &mut [SetReport],
    scenario: &Scenario,
    catalog: &Catalog,
    sight: Sight,
) {
    if !sight.both_directions {
        return;
    }
    let stop = sets
        .iter()
        .filter(|set| {
            set.loss
                .as_ref()
                .is_some_and(|loss| loss.level == Requirement::Hard)
        })
        .filter_map(|set| progress::stage_of_set(scenario, set))
        .min();
    let comes_later = |set: &SetReport| match (stop, progress::stage_of_set(scenario, set)) {
        (Some(stop), Some(stage)) => stage > stop,
        _ => false,
    };
    let mut missing: Vec<(usize, Vec<String>, String)> = Vec::new();
    for part in &scenario.parts {
        let hard = part
            .needs
            .iter()
            .filter(|need| need.level == Requirement::Hard);
        for need in hard {
            let source = need.source.as_ref().unwrap_or(&part.source);
            for (set, hosts) in untried(sets, need, scenario, catalog) {
                missing.push((set, hosts, source.clone()));
            }
        }
    }
    for (index, hosts, source) in missing {
        let Some(set) = sets.get_mut(index).filter(|set| !comes_later(set)) else {
            continue;
        };
        // What is missing beside something that was tried is worth a remark; the capture shows that the way is open.
        let whole = set.hosts.is_empty() || set.verdict == Verdict::NeverReached;
        if set.verdict == Verdict::NotExercised {
            set.verdict = Verdict::NeverReached;
        }
        if set.loss.is_none() {
            set.loss = Some(Box::new(Loss {
                level: if whole {
                    Requirement::Hard
                } else {
                    Requirement::Soft
                },
                hosts,
                missing: true,
                source,
            }));
        }
    }
}

/// What of a need was never contacted: the set that stands for it, and the hosts where not the whole set is meant.
fn untried(
    sets: &[SetReport],
    need: &Need,
    scenario: &Scenario,
    catalog: &Catalog,
) -> Vec<(usize, Vec<String>)> {
    let position = |key: &SetKey| {
        let key = &catalog.set(key)?.key;
        sets.iter().position(|set| set.key == *key)
    };
    let tried = |belongs: &dyn Fn(&SetReport, &HostReport) -> bool| {
        sets.iter().any(|set| {
            set.hosts()
                .any(|host| host.attempts > 0 && belongs(set, host))
        })
    };
    if !need.groups.is_empty() {
        return need
            .groups
            .iter()
            .filter(|group| !tried(&|set, host| is_of_group(group, scenario, set, host, catalog)))
            .filter_map(|group| {
                let member_sets = group
                    .members_for(scenario.region)
                    .flat_map(|member| &member.targets.sets);
                need.targets
                    .sets
                    .iter()
                    .chain(member_sets)
                    .find_map(position)
            })
            .map(|index| (index, Vec::new()))
            .collect();
    }
    if !need.targets.hosts.is_empty() {
        return need
            .targets
            .hosts
            .iter()
            .filter(|pattern| !tried(&|_, host| fits(pattern, host)))
            .filter_map(|pattern| {
                let found = catalog.match_host(&pattern.typical_name())?;
                let index = found.primary().find_map(|set| position(&set.key))?;
                // A literal that stands for a wildcard beside it is not missing once the wildcard was reached.
                let stood_for = found.is_sample()
                    && sets
                        .get(index)
                        .is_some_and(|set| set.hosts().any(has_worked));
                (!stood_for).then(|| (index, vec![pattern.to_string()]))
            })
            .collect();
    }
    need.targets
        .sets
        .iter()
        .filter_map(position)
        .filter(|index| {
            sets.get(*index).is_some_and(|set| {
                matches!(set.verdict, Verdict::NotExercised | Verdict::NeverReached)
            })
        })
        .map(|index| (index, Vec::new()))
        .collect()
}

/// What a proven scenario needs and passed by without trying is noted, never held against anyone.
fn settle_absent_of_proven(
    sets: &mut [SetReport],
    scenario: &Scenario,
    catalog: &Catalog,
    sight: Sight,
) {
    if !(sight.both_directions && sight.from_the_start) {
        return;
    }
    let is_passed_by = |set: &SetReport| {
        set.requirement == Requirement::Hard && set.verdict == Verdict::NotExercised
    };
    if !sets.iter().any(is_passed_by) {
        return;
    }
    let tried = progress::tried_stages(scenario, sets, catalog);
    let (Some(first), Some(last)) = (tried.first(), tried.last()) else {
        return;
    };
    let between: Vec<usize> = sets
        .iter()
        .enumerate()
        .filter(|(_, set)| is_passed_by(set))
        .filter(|(_, set)| {
            progress::stage_of_set(scenario, set)
                .is_some_and(|stage| *first < stage && stage < *last)
        })
        .map(|(index, _)| index)
        .collect();
    for index in between {
        if let Some(set) = sets.get_mut(index) {
            set.verdict = Verdict::NeverReached;
        }
    }
}
