//! Certificates that tell of TLS inspection only when several hosts are seen together: one unknown authority for domains of
//! different owners, or a device that refuses what it is shown for several of them.

use super::{Finding, FindingCode, Scene, Severity, wording};
use crate::audit::cause::Cause;
use crate::audit::registrable_part;
use crate::audit::report::HostReport;
use crate::audit::verdict::Verdict;
use std::collections::{BTreeMap, BTreeSet};

/// Packets shown: one or two of each of the first hosts.
const MOST_EVIDENCE: usize = 6;

pub fn find(scene: &Scene<'_>) -> Option<Finding> {
    let hosts = || {
        let mut seen = BTreeSet::new();
        scene
            .client
            .sets
            .iter()
            .flat_map(|set| set.hosts())
            .filter(move |host| seen.insert(host.name.to_ascii_lowercase()))
    };
    let mut by_issuer: BTreeMap<&str, Vec<&HostReport>> = BTreeMap::new();
    for host in hosts() {
        let signs = host.tls_signs.as_ref();
        if let Some(issuer) = signs.and_then(|signs| signs.unknown_issuer.as_deref()) {
            by_issuer.entry(issuer).or_default().push(host);
        }
    }
    let refused: Vec<&HostReport> =
        hosts()
            .filter(|host| {
                host.judged.verdict == Verdict::Blocked
                    && host.judged.causes.iter().any(|cause| {
                        matches!(cause, Cause::TlsUntrustedIssuer | Cause::TlsClientAbort)
                    })
            })
            .collect();
    let same_issuer = by_issuer
        .into_iter()
        .find(|(_, hosts)| are_unrelated(hosts));
    let (concerned, what) = match same_issuer {
        Some((issuer, hosts)) => {
            let what = format!("one authority, {issuer}, issues for hosts of different domains");
            (hosts, what)
        }
        None if are_unrelated(&refused) => {
            let mut makes: Vec<u64> = refused
                .iter()
                .filter_map(|host| host.tls_signs.as_ref()?.fingerprint)
                .collect();
            let known = makes.len();
            makes.dedup();
            let alike = if known == refused.len() && makes.len() == 1 {
                ", all from servers of the same make"
            } else {
                ""
            };
            let what = format!("the device refuses the certificates it is shown{alike}");
            (refused, what)
        }
        None => return None,
    };
    let mut finding = scene.client_finding(FindingCode::TlsInspectionSuspected, Severity::Warning);
    let names: Vec<String> = concerned.iter().map(|host| host.name.clone()).collect();
    finding.summary = format!("{what}: {}", wording::some_of(&names, 3));
    let fail = concerned.iter().any(|host| super::fails(host));
    finding.consequence = if fail {
        "hosts for which inspection is not supported fail; the findings about their sets say which"
    } else {
        "none that the packets show, since the device trusts that authority; where inspection is not supported, the service may refuse what the device proves"
    }
    .to_owned();
    finding.remedy = format!(
        "exclude the endpoint list from TLS inspection, {} among it",
        wording::some_of(&names, 5)
    );
    finding.evidence = concerned
        .iter()
        .flat_map(|host| host.evidence().iter().rev().take(2).cloned())
        .take(MOST_EVIDENCE)
        .collect();
    finding.evidence.sort_by_key(|evidence| evidence.seen);
    finding.display_filter = super::display_filter::of_hosts(scene.client, &concerned);
    finding.hosts = names;
    Some(finding)
}

/// They lie in at least two registrable domains.
fn are_unrelated(hosts: &[&HostReport]) -> bool {
    let domains: BTreeSet<String> = hosts
        .iter()
        .filter_map(|host| {
            let folded = host.name.to_ascii_lowercase();
            registrable_part(&folded).map(ToOwned::to_owned)
        })
        .collect();
    domains.len() > 1
}
