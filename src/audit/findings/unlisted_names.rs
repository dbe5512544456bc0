//! Names in the domains of the endpoint list that no list knows: perhaps new ones, perhaps something else of Microsoft's.

use super::{Finding, FindingCode, Scene, Severity, wording};
use crate::audit::registrable_part;
use crate::catalog::Standing;
use std::collections::BTreeSet;

/// Names listed in one finding.
const MOST_NAMES: usize = 12;

pub fn find(scene: &Scene<'_>) -> Option<Finding> {
    if scene.client.unlisted.is_empty() {
        return None;
    }
    // Domains that the list shares with everybody (content networks, telemetry) say nothing about Intune.
    let domains: BTreeSet<&str> = scene
        .catalog
        .sets()
        .iter()
        .filter(|set| set.standing == Standing::Published && set.id().is_some())
        .flat_map(|set| &set.hosts)
        .filter(|host| !host.generic)
        .filter_map(|host| registrable_part(host.pattern.as_str()))
        .filter(|domain| MICROSOFT_DOMAINS.contains(domain))
        .collect();
    let mut names: Vec<String> = scene
        .client
        .unlisted
        .iter()
        .filter(|name| registrable_part(name).is_some_and(|domain| domains.contains(domain)))
        .map(ToString::to_string)
        .collect();
    if names.is_empty() {
        return None;
    }
    let all = names.len();
    names.truncate(MOST_NAMES);
    let mut finding = scene.client_finding(FindingCode::UnlistedNames, Severity::Information);
    finding.summary = format!(
        "{all} name{} in the list's domains that no edition lists: {}",
        if all == 1 { "" } else { "s" },
        wording::some_of(&names, 4)
    );
    finding.consequence = "unknown: most such names belong to other services".to_owned();
    finding.remedy =
        "nothing; look them up when something fails that the list does not explain".to_owned();
    finding.display_filter = names.first().map_or_else(String::new, |name| {
        super::display_filter::of_name(scene.client, name)
    });
    finding.hosts = names;
    Some(finding)
}

/// Domains of the list in which Microsoft alone names hosts.
const MICROSOFT_DOMAINS: [&str; 5] = [
    "microsoft.com",
    "windows.net",
    "windows.com",
    "azure.net",
    "microsoftonline.com",
];
