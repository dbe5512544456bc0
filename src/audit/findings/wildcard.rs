//! A published wildcard that is allowed only in part: the domain itself is left out, or single hosts below it.

use super::{Finding, FindingCode, Scene, reachability, wording, works};
use crate::audit::cause::{Cause, Stage};
use crate::audit::report::{HostReport, SetReport};
use crate::audit::verdict::Verdict;

pub fn find(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let listed = scene.listed(set)?;
    // Whoever stops a host by its name; a server that is down, or a certificate, is no matter of lists.
    let stopped = |host: &HostReport| {
        host.judged.verdict == Verdict::Blocked
            && host.judged.cause.is_some_and(|cause| {
                matches!(cause.stage(), Stage::Lookup | Stage::Connect | Stage::Proxy)
                    || matches!(
                        cause,
                        Cause::RstAfterClientHello
                            | Cause::SilenceAfterClientHello
                            | Cause::HttpBlockPage
                    )
            })
    };
    listed.hosts.iter().find_map(|published| {
        let domain = published.pattern.as_str().strip_prefix("*.")?;
        let is_apex = |host: &&HostReport| host.name.eq_ignore_ascii_case(domain);
        let is_below =
            |host: &&HostReport| published.pattern.matches(&host.name.to_ascii_lowercase());
        let family = || set.hosts().filter(|host| is_apex(host) || is_below(host));
        if !family().any(works) {
            return None;
        }
        let hosts: Vec<&HostReport> = family().filter(|host| stopped(host)).collect();
        if hosts.is_empty() {
            return None;
        }
        let apex_only = hosts.iter().all(is_apex);
        let code = if apex_only {
            FindingCode::ApexBlocked
        } else {
            FindingCode::WildcardPartlyBlocked
        };
        let mut finding = scene.finding(code, set, &hosts);
        let cause = finding
            .cause
            .map_or("blocked", |cause| wording::phrase(cause, &hosts));
        let names = wording::named(&hosts, &set.description);
        let ports = wording::port_list(Some(listed));
        let has_apex = listed
            .hosts
            .iter()
            .any(|host| host.pattern.is_exact() && host.pattern.as_str() == domain);
        let wanted = if has_apex {
            format!("*.{domain} and {domain} itself")
        } else {
            format!("*.{domain}")
        };
        finding.summary = if apex_only {
            format!("{names}: {cause}, while hosts below it work")
        } else {
            format!("{names}: {cause}, while other hosts of *.{domain} work")
        };
        // A list of names or addresses is too short; a DNS filter or a path that loses packets is mended elsewhere.
        let elsewhere = finding.cause.filter(|cause| {
            cause.stage() == Stage::Lookup || reachability::loses_full_size(&hosts)
        });
        finding.remedy = if let Some(cause) = elsewhere {
            reachability::remedy(cause, &hosts, Some(listed))
        } else if apex_only {
            format!("allow {wanted} {ports}: a wildcard does not cover the domain itself")
        } else {
            format!("allow {wanted} {ports}, not single names")
        };
        Some(finding)
    })
}
