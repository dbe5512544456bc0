//! Names that the article has replaced and that the device still uses.

use super::{Finding, FindingCode, Scene, Severity, wording};
use crate::audit::report::HostReport;
use crate::catalog::{SetKey, Standing};
use std::collections::BTreeMap;

/// The old content network, which leaves the list since March 2025 although the newest edition still prints names in it.
const OLD_CONTENT_NETWORK: &str = ".azureedge.net";

/// Packets shown, one for each host.
const MOST_EVIDENCE: usize = 4;

pub fn find(scene: &Scene<'_>) -> Option<Finding> {
    let mut old: BTreeMap<String, (&SetKey, &HostReport)> = BTreeMap::new();
    for set in &scene.client.sets {
        // A set that has left the list as a whole is another maker's (Apple's since 2025), not replaced.
        if scene
            .listed(set)
            .is_none_or(|listed| listed.standing != Standing::Published)
        {
            continue;
        }
        for host in &set.hosts {
            let folded = host.name.to_ascii_lowercase();
            let leaving = folded.ends_with(OLD_CONTENT_NETWORK) && has_successor(scene, &set.key);
            if host.retired || leaving {
                old.entry(folded).or_insert((&set.key, host));
            }
        }
    }
    let (_, (first, _)) = old.first_key_value()?;
    let names: Vec<String> = old.values().map(|(_, host)| host.name.clone()).collect();
    let mut finding = scene.client_finding(FindingCode::RetiredNames, Severity::Information);
    finding.summary = format!(
        "names that the list has replaced, or is replacing, are still contacted: {}",
        wording::some_of(&names, 4)
    );
    finding.consequence =
        "none while the old names answer; rules made for them do not cover their successors"
            .to_owned();
    finding.remedy = format!(
        "keep the old names allowed for now, and allow the set's present ones too: {}",
        wording::host_list(&[], scene.catalog.set(first))
    );
    finding.evidence = old
        .values()
        .filter_map(|(_, host)| host.evidence().first().cloned())
        .take(MOST_EVIDENCE)
        .collect();
    finding.evidence.sort_by_key(|evidence| evidence.seen);
    finding.hosts = names;
    Some(finding)
}

/// The edition lists names outside the old content network for the set.
fn has_successor(scene: &Scene<'_>, key: &SetKey) -> bool {
    scene.catalog.set(key).is_some_and(|set| {
        set.hosts
            .iter()
            .any(|host| !host.pattern.as_str().ends_with(OLD_CONTENT_NETWORK))
    })
}
