//! How far a device came on the way its scenario takes, and what stopped it.

use super::cause::Cause;
use super::report::{HostReport, SetReport};
use super::scenario::Scenario;
use super::verdict::Verdict;
use crate::catalog::{Catalog, Requirement, Stage, Standing};
use crate::facts::Seen;
use std::sync::{Arc, LazyLock};

/// What became of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StageState {
    /// Nothing of it is in the capture.
    NotSeen,
    /// The capture does not show what became of it.
    Unclear,
    /// Everything that was tried worked.
    Reached,
    /// Some of it failed.
    Partial,
    /// What was tried failed.
    Failed,
}

impl StageState {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSeen => "not_seen",
            Self::Unclear => "unclear",
            Self::Reached => "reached",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// One stage of a device's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageReport {
    /// The stable name, such as `sign-in`.
    pub name: Arc<str>,
    /// A heading for people.
    pub title: Arc<str>,
    /// What became of it.
    pub state: StageState,
    /// The scenario ends here: something it cannot do without failed.
    pub stops: bool,
    /// The hosts that failed; without failure those that were tried.
    pub hosts: Vec<String>,
    /// What failed first.
    pub cause: Option<Cause>,
    /// Its first packet.
    pub first: Option<Seen>,
}

/// Hosts by what became of looking up their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Hosts whose names were resolved.
    pub resolved: u32,
    /// Hosts whose names were not.
    pub failed: Vec<String>,
    /// What failed first.
    pub cause: Option<Cause>,
    /// The first question.
    pub first: Option<Seen>,
}

/// The stages of the device's scenario, name resolution first; empty where no order is known.
#[must_use]
pub fn stages(
    scenario: &Scenario,
    sets: &[SetReport],
    lookups: &Lookups,
    catalog: &Catalog,
) -> Vec<StageReport> {
    let Some(part) = scenario
        .parts
        .first()
        .filter(|part| !part.stages.is_empty())
    else {
        return Vec::new();
    };
    let mut hosts: Vec<Vec<(&SetReport, &HostReport)>> = vec![Vec::new(); part.stages.len()];
    for set in sets {
        for host in set.hosts() {
            let stage = stage_of_host(scenario, set, host, catalog);
            if let Some(known) = stage.and_then(|stage| hosts.get_mut(stage))
                && known.iter().all(|(_, other)| other.name != host.name)
            {
                known.push((set, host));
            }
        }
    }
    let named = part
        .stages
        .iter()
        .zip(hosts)
        .map(|(stage, hosts)| judge(stage, &hosts));
    let lost = sets.iter().any(|set| {
        set.loss
            .as_ref()
            .is_some_and(|loss| loss.level == Requirement::Hard)
    });
    std::iter::once(name_resolution(lookups, lost))
        .chain(named)
        .collect()
}

/// Name and heading of the stage that comes before all others.
static NAME_RESOLUTION: LazyLock<(Arc<str>, Arc<str>)> =
    LazyLock::new(|| ("name-resolution".into(), "Name resolution".into()));

/// Where no name resolves, name resolution is what stopped the device, if anything did.
fn name_resolution(lookups: &Lookups, lost: bool) -> StageReport {
    let state = match (lookups.resolved, lookups.failed.len()) {
        (0, 0) => StageState::NotSeen,
        (_, 0) => StageState::Reached,
        (0, _) => StageState::Failed,
        (_, _) => StageState::Partial,
    };
    StageReport {
        name: Arc::clone(&NAME_RESOLUTION.0),
        title: Arc::clone(&NAME_RESOLUTION.1),
        state,
        stops: lost && state == StageState::Failed,
        hosts: lookups.failed.clone(),
        cause: lookups.cause,
        first: lookups.first,
    }
}

fn judge(stage: &Stage, hosts: &[(&SetReport, &HostReport)]) -> StageReport {
    let with = |verdicts: &[Verdict]| -> Vec<(&SetReport, &HostReport)> {
        hosts
            .iter()
            .filter(|(_, host)| verdicts.contains(&host.judged.verdict))
            .copied()
            .collect()
    };
    let worked = with(&[Verdict::Reached, Verdict::Degraded]);
    let failed = with(&[Verdict::Blocked, Verdict::Intercepted]);
    let lost: Vec<(&SetReport, &HostReport)> = failed
        .iter()
        .filter(|(set, host)| is_hard_loss(set, host))
        .copied()
        .collect();
    let state = match (worked.is_empty(), failed.is_empty(), lost.is_empty()) {
        (_, _, false) | (true, false, _) => StageState::Failed,
        (false, false, true) => StageState::Partial,
        (false, true, true) => StageState::Reached,
        (true, true, true) if hosts.is_empty() => StageState::NotSeen,
        (true, true, true) => StageState::Unclear,
    };
    let mut shown = if lost.is_empty() {
        failed
    } else {
        lost.clone()
    };
    if shown.is_empty() {
        shown = hosts.to_vec();
    }
    shown.sort_by_key(|(_, host)| host.judged.first);
    StageReport {
        name: Arc::clone(&stage.name),
        title: Arc::clone(&stage.title),
        state,
        stops: !lost.is_empty(),
        cause: shown.iter().find_map(|(_, host)| host.judged.cause),
        first: shown.iter().filter_map(|(_, host)| host.judged.first).min(),
        hosts: shown.iter().map(|(_, host)| host.name.clone()).collect(),
    }
}

fn is_hard_loss(set: &SetReport, host: &HostReport) -> bool {
    set.loss.as_ref().is_some_and(|loss| {
        loss.level == Requirement::Hard && !loss.missing && loss.hosts.contains(&host.name)
    })
}

/// The stage that contacts this host: the first that names it, else the first that names its set as a whole, and for a
/// host that is lost the first that names its set at all.
fn stage_of_host(
    scenario: &Scenario,
    set: &SetReport,
    host: &HostReport,
    catalog: &Catalog,
) -> Option<usize> {
    let stages = &scenario.parts.first()?.stages;
    let folded = host.name.to_ascii_lowercase();
    let by_name = stages.iter().position(|stage| {
        stage
            .targets
            .hosts
            .iter()
            .any(|pattern| pattern.matches(&folded))
    });
    let by_set = || {
        stages.iter().position(|stage| {
            stage.targets.hosts.is_empty()
                && stage.targets.sets.iter().any(|key| {
                    catalog.set(key).is_some_and(|listed| {
                        listed.key == set.key
                            || (listed.standing == Standing::Supplementary
                                && listed.matches_host(&folded))
                    })
                })
        })
    };
    by_name
        .or_else(by_set)
        .or_else(|| stage_of_set(scenario, set).filter(|_| is_hard_loss(set, host)))
}

/// The first stage that names the set, counted without name resolution.
#[must_use]
pub fn stage_of_set(scenario: &Scenario, set: &SetReport) -> Option<usize> {
    scenario
        .parts
        .first()?
        .stages
        .iter()
        .position(|stage| stage.targets.sets.contains(&set.key))
}

/// The stage at which the failing hosts of a set are contacted, counted without name resolution; failing that, the first
/// that names the set.
#[must_use]
pub fn stage_of_failure(scenario: &Scenario, set: &SetReport, catalog: &Catalog) -> Option<usize> {
    set.hosts()
        .filter(|host| {
            set.loss
                .as_ref()
                .is_some_and(|loss| loss.hosts.contains(&host.name))
        })
        .filter_map(|host| stage_of_host(scenario, set, host, catalog))
        .min()
        .or_else(|| stage_of_set(scenario, set))
}

/// The stages of which something was attempted, in order, counted without name resolution.
#[must_use]
pub fn tried_stages(scenario: &Scenario, sets: &[SetReport], catalog: &Catalog) -> Vec<usize> {
    let mut stages: Vec<usize> = sets
        .iter()
        .flat_map(|set| set.hosts().map(move |host| (set, host)))
        .filter(|(_, host)| host.attempts > 0)
        .filter_map(|(set, host)| stage_of_host(scenario, set, host, catalog))
        .collect();
    stages.sort_unstable();
    stages.dedup();
    stages
}
