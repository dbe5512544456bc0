//! Range requests that are answered in full, on hosts that need partial content: downloads then start over again and again.

use super::{Finding, FindingCode, Scene, wording};
use crate::audit::cause::Cause;
use crate::audit::report::{HostReport, SetReport};

pub fn find(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let hosts: Vec<&HostReport> = set
        .hosts()
        .filter(|host| host.judged.causes.as_slice() == [Cause::RangeIgnored])
        .collect();
    if hosts.is_empty() {
        return None;
    }
    let rule = hosts.iter().find_map(|host| {
        scene
            .catalog
            .needs_partial_content(&host.name.to_ascii_lowercase())
    });
    let mut finding = scene.finding(FindingCode::RangesStripped, set, &hosts);
    finding.summary = format!(
        "{}: range requests are answered in full, so downloads cannot go on where they broke off",
        wording::named(&hosts, &set.description)
    );
    finding.remedy = format!(
        "let the Range field of requests to {} pass unchanged (no caching or scanning that strips it)",
        wording::host_list(&hosts, scene.listed(set))
    );
    if let Some(rule) = rule {
        finding.source = format!("{}, partial content for {}", scene.list(), rule.stated_for);
    }
    Some(finding)
}
