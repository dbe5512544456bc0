//! IPv6 that fails for every host while IPv4 works: the network hands out addresses that lead nowhere.

use super::{Finding, FindingCode, Scene, Severity, display_filter, wording};
use crate::audit::report::ClientReport;

/// One host whose IPv6 fails may be that host's trouble; two are the network's.
const ENOUGH_HOSTS: usize = 2;

/// Whether every attempt over IPv6 failed, for several hosts, while IPv4 works.
pub fn is_dead(client: &ClientReport) -> bool {
    let [v4, v6] = &client.families;
    v6.served == 0 && v6.failed_hosts.len() >= ENOUGH_HOSTS && v4.served > 0
}

pub fn find(scene: &Scene<'_>) -> Option<Finding> {
    if !is_dead(scene.client) {
        return None;
    }
    let [_, v6] = &scene.client.families;
    let mut finding = scene.client_finding(FindingCode::Ipv6Dead, Severity::Warning);
    finding.summary = format!(
        "no connection over IPv6 succeeds, while IPv4 works: {}",
        wording::some_of(&v6.failed_hosts, 3)
    );
    finding.consequence =
        "every connection waits until the device gives IPv6 up; programs that do not fall back fail"
            .to_owned();
    finding.remedy =
        "open IPv6 for the same hosts and ports as IPv4, or stop handing out IPv6 addresses there"
            .to_owned();
    finding.hosts.clone_from(&v6.failed_hosts);
    finding.evidence.clone_from(&v6.evidence);
    finding.evidence.sort_by_key(|evidence| evidence.seen);
    finding.display_filter = v6
        .example
        .as_deref()
        .map_or_else(String::new, display_filter::of_flow);
    Some(finding)
}
