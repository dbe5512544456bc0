//! A network check that something other than its server answers: a captive portal, or a web filter that blocks it.

use super::{Finding, FindingCode, Scene, wording};
use crate::audit::cause::Cause;
use crate::audit::report::{HostReport, SetReport};

/// Hosts of the network checks of Windows, Apple and Android systems.
const PROBES: [&str; 8] = [
    "www.msftconnecttest.com",
    "ipv6.msftconnecttest.com",
    "www.msftncsi.com",
    "captive.apple.com",
    "www.apple.com",
    "connectivitycheck.gstatic.com",
    "connectivitycheck.android.com",
    "clients3.google.com",
];

pub fn find(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let hosts: Vec<&HostReport> = set
        .hosts()
        .filter(|host| host.judged.cause == Some(Cause::HttpBlockPage))
        .filter(|host| PROBES.contains(&host.name.to_ascii_lowercase().as_str()))
        .collect();
    if hosts.is_empty() {
        return None;
    }
    let mut finding = scene.finding(FindingCode::CaptivePortal, set, &hosts);
    let names = wording::named(&hosts, &set.description);
    finding.summary = format!("{names}: something else answers the device's network check");
    finding.remedy = format!(
        "let devices without a login pass the captive portal for {}, {}, or take their network out of it",
        wording::host_list(&hosts, scene.listed(set)),
        wording::port_list(scene.listed(set))
    );
    Some(finding)
}
