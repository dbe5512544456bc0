//! One endpoint set of a device, from the verdicts of its hosts.

use super::{HostReport, SetReport};
use crate::audit::scenario::Scenario;
use crate::audit::verdict::Verdict;
use crate::catalog::EndpointSet;
use std::sync::Arc;

/// The hosts of a set that a client tried.
#[derive(Debug, Default)]
pub(super) struct SetHosts {
    /// Hosts for which the set has the most specific pattern.
    pub(super) own: Vec<Arc<HostReport>>,
    /// Hosts that belong to another set more specifically.
    pub(super) less_specific: Vec<Arc<HostReport>>,
}

impl SetHosts {
    pub(super) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.less_specific.is_empty()
    }
}

/// Everything about one set.
pub(super) fn set_report(set: &EndpointSet, hosts: SetHosts, scenario: &Scenario) -> SetReport {
    let SetHosts {
        mut own,
        less_specific,
    } = hosts;
    own.sort_by(|a, b| (a.judged.first, &a.name).cmp(&(b.judged.first, &b.name)));
    let mut report = SetReport {
        key: set.key.clone(),
        feature_area: set.feature_area(),
        description: set.description.clone(),
        requirement: scenario.requirement(set),
        verdict: Verdict::NotExercised,
        cause: None,
        unclear: None,
        first: own.iter().filter_map(|host| host.judged.first).min(),
        looked_up_only: false,
        octets: own.iter().map(|host| host.octets).sum(),
        hosts: Vec::new(),
        loss: None,
    };
    let with = |verdicts: &[Verdict]| -> Vec<&HostReport> {
        own.iter()
            .map(Arc::as_ref)
            .filter(|host| verdicts.contains(&host.judged.verdict))
            .collect()
    };
    let worked = with(&[Verdict::Reached, Verdict::Degraded, Verdict::Intercepted]);
    let blocked = with(&[Verdict::Blocked]);
    let degraded = with(&[Verdict::Degraded]);
    let intercepted = with(&[Verdict::Intercepted]);
    let inconclusive = with(&[Verdict::Inconclusive]);
    let telling: Vec<&HostReport> = if !worked.is_empty() && !blocked.is_empty() {
        report.verdict = Verdict::Degraded;
        blocked
    } else if !intercepted.is_empty() {
        report.verdict = Verdict::Intercepted;
        intercepted
    } else if !degraded.is_empty() {
        report.verdict = Verdict::Degraded;
        degraded
    } else if !worked.is_empty() {
        report.verdict = Verdict::Reached;
        worked
    } else if !blocked.is_empty() {
        report.verdict = Verdict::Blocked;
        blocked
    } else if !inconclusive.is_empty() {
        report.verdict = Verdict::Inconclusive;
        report.unclear = inconclusive.first().and_then(|host| host.judged.unclear);
        inconclusive
    } else if !own.is_empty() {
        report.verdict = Verdict::NeverReached;
        report.looked_up_only = true;
        own.iter().map(Arc::as_ref).collect()
    } else if let Some(host) = less_specific
        .iter()
        .filter(|host| host.judged.verdict == Verdict::Reached)
        .min_by_key(|host| (host.judged.first, &host.name))
    {
        report.verdict = Verdict::Reached;
        report.first = host.judged.first;
        Vec::new()
    } else {
        Vec::new()
    };
    if matches!(
        report.verdict,
        Verdict::Blocked | Verdict::Degraded | Verdict::Intercepted
    ) {
        report.cause = telling.iter().find_map(|host| host.judged.cause);
        report.first = telling
            .iter()
            .filter_map(|host| host.judged.first)
            .min()
            .or(report.first);
    }
    own.shrink_to_fit();
    report.hosts = own;
    report
}
