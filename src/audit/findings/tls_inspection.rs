//! TLS inspection where the article says that it is not supported, seen in the certificate or in the device's refusal of it.

use super::{Finding, FindingCode, Scene, wording};
use crate::audit::cause::Cause;
use crate::audit::report::{HostReport, SetReport};
use crate::audit::verdict::Verdict;

pub fn find(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let refused = |host: &HostReport| {
        host.judged.verdict == Verdict::Blocked
            && host
                .judged
                .causes
                .iter()
                .any(|cause| matches!(cause, Cause::TlsUntrustedIssuer | Cause::TlsClientAbort))
    };
    // The newer editions word the rule as a wildcard; that its own domain fares the same is part of the same finding.
    let hosts: Vec<&HostReport> = set
        .hosts()
        .filter(|host| host.judged.verdict == Verdict::Intercepted || refused(host))
        .collect();
    let stated_for = hosts
        .iter()
        .find_map(|host| {
            scene
                .catalog
                .inspection_unsupported(&host.name.to_ascii_lowercase())
        })?
        .stated_for
        .clone();
    let mut finding = scene.finding(FindingCode::TlsInspection, set, &hosts);
    let names = wording::named(&hosts, &set.description);
    // Under TLS 1.3 the certificate is encrypted: what the device does can be seen, why can only be supposed.
    finding.summary = match hosts.iter().find_map(|host| host.inspection.as_deref()) {
        Some(sign) if hosts.iter().any(|host| refused(host)) => format!(
            "{names}: refused by the device because of TLS inspection, which is not supported there ({})",
            sign.what
        ),
        Some(sign) => format!(
            "{names}: reached through TLS inspection, which is not supported there ({})",
            sign.what
        ),
        None => format!(
            "{names}: {}; TLS inspection is not supported there",
            finding.cause.map_or("not trusted", Cause::phrase)
        ),
    };
    finding.remedy = format!(
        "exclude {} from TLS inspection",
        wording::host_list(&hosts, scene.listed(set))
    );
    finding.source = format!("{}, no TLS inspection for {stated_for}", scene.list());
    Some(finding)
}
