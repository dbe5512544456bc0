//! A proxy that asks for a login where the article demands that it does not: what runs as the system cannot log in.

use super::{Finding, FindingCode, Scene, fails, wording};
use crate::audit::cause::Cause;
use crate::audit::report::{HostReport, SetReport};

pub fn find(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let rule = |host: &HostReport| {
        scene
            .catalog
            .needs_unauthenticated_proxy(&host.name.to_ascii_lowercase())
    };
    let hosts: Vec<&HostReport> = set
        .hosts()
        .filter(|host| fails(host) && host.judged.causes.contains(&Cause::ProxyAuthRequired))
        .filter(|host| rule(host).is_some())
        .collect();
    let stated_for = hosts.iter().find_map(|host| rule(host))?.stated_for.clone();
    let mut finding = scene.finding(FindingCode::ProxyLogin, set, &hosts);
    finding.summary = format!(
        "{}: the proxy wants a login (407), which is not supported there",
        wording::named(&hosts, &set.description)
    );
    finding.remedy = format!(
        "let {} pass the proxy without a login",
        wording::host_list(&hosts, scene.listed(set))
    );
    finding.source = format!("{}, unauthenticated proxy for {stated_for}", scene.list());
    Some(finding)
}
