//! Findings: what is wrong, with proof, consequence, and the words of a firewall change.
//!
//! One rule per file. Rules about one endpoint set come first, each of which may explain some failing hosts; what no such rule
//! explains is said plainly by [`reachability`]. Rules about a whole client follow.

mod addresses;
mod captive_portal;
mod code;
mod dead_proxy;
mod display_filter;
mod ipv6;
mod off_list_port;
mod proxy_login;
mod ranges;
mod reachability;
mod retired_names;
mod shared_issuer;
mod tls_inspection;
mod unlisted_names;
mod wildcard;
mod wording;

pub use code::FindingCode;
pub(super) use wording::phrase;

use super::cause::Cause;
use super::evidence::Evidence;
use super::progress;
use super::report::{ClientReport, HostReport, SetReport, joined_evidence};
use super::verdict::Verdict;
use crate::catalog::{Catalog, EndpointSet, Platform, Requirement, SetKey};
use crate::facts::Seen;
use std::cmp::Reverse;
use std::net::IpAddr;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Information,
    /// Something works worse than it should, or something optional fails.
    Warning,
    /// What the device was doing cannot succeed.
    Critical,
}

impl Severity {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing that is wrong for one device.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub code: FindingCode,
    /// How grave.
    pub severity: Severity,
    /// The device's first address.
    pub client: IpAddr,
    /// The set concerned; `None` for what concerns the device as a whole.
    pub set: Option<SetKey>,
    /// The verdict it explains; `None` for what concerns the device as a whole.
    pub verdict: Option<Verdict>,
    /// What failed first.
    pub cause: Option<Cause>,
    /// The hosts concerned.
    pub hosts: Vec<String>,
    /// One sentence.
    pub summary: String,
    /// What it means for what the device was doing.
    pub consequence: String,
    /// What to change, in the words of a firewall request.
    pub remedy: String,
    /// The document that the rule was taken from.
    pub source: String,
    /// The proof.
    pub evidence: Vec<Evidence>,
    /// A Wireshark display filter that shows it.
    pub display_filter: String,
}

/// Windows' network check over IPv6, beside the one over IPv4 that decides (windows/privacy/manage-windows-11-endpoints.md).
const IPV6_NETWORK_CHECK: &str = "ipv6.msftconnecttest.com";

/// What a rule looks at.
struct Scene<'a> {
    client: &'a ClientReport,
    address: IpAddr,
    catalog: &'a Catalog,
}

/// A rule about hosts of one set that fail.
type SetRule = fn(&Scene<'_>, &SetReport) -> Option<Finding>;

/// The rules about one set, the most telling first: a host that one of them explains is not explained again.
const SET_RULES: [SetRule; 6] = [
    captive_portal::find,
    proxy_login::find,
    tls_inspection::find,
    ranges::find,
    addresses::find,
    wildcard::find,
];

/// The rules about a client as a whole.
const CLIENT_RULES: [fn(&Scene<'_>) -> Option<Finding>; 6] = [
    dead_proxy::find,
    shared_issuer::find,
    ipv6::find,
    off_list_port::find,
    retired_names::find,
    unlisted_names::find,
];

/// What decides the order of findings of one severity: the stage that fails, how much is needed what fails, and when it did.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    stage: (bool, Option<usize>),
    level: Reverse<Requirement>,
    first: (bool, Option<Seen>),
}

/// All findings, the gravest first; among the grave ones, what the devices need first.
#[must_use]
pub(super) fn collect(clients: &[ClientReport], catalog: &Catalog) -> Vec<Finding> {
    // There may be tens of thousands of them, and they are moved about.
    let mut findings: Vec<Box<(Rank, Finding)>> = Vec::new();
    let mut add = |stage: Option<usize>, level: Requirement, finding: Finding| {
        let first = finding.evidence.iter().map(|evidence| evidence.seen).min();
        // Where a device was stopped is settled by the order of its scenario; lesser things go by weight and time.
        let stage = stage.filter(|_| finding.severity == Severity::Critical);
        let rank = Rank {
            stage: (stage.is_none(), stage),
            level: Reverse(level),
            first: (first.is_none(), first),
        };
        findings.push(Box::new((rank, finding)));
    };
    for client in clients {
        let Some(address) = client.addresses.first().copied() else {
            continue;
        };
        let scene = Scene {
            client,
            address,
            catalog,
        };
        for set in &client.sets {
            let found = scene.about(set);
            if found.is_empty() {
                continue;
            }
            let stage = progress::stage_of_failure(&client.scenario, set, catalog);
            for finding in found {
                add(stage, scene.level_of(set), finding);
            }
        }
        for finding in CLIENT_RULES.iter().filter_map(|rule| rule(&scene)) {
            add(None, Requirement::None, finding);
        }
    }
    findings.sort_by(|one, another| {
        let ((rank, a), (other, b)) = (&**one, &**another);
        b.severity
            .cmp(&a.severity)
            .then_with(|| rank.cmp(other))
            .then_with(|| (a.client, &a.set, a.code).cmp(&(b.client, &b.set, b.code)))
    });
    findings.into_iter().map(|ranked| ranked.1).collect()
}

impl Scene<'_> {
    /// Everything about one set.
    fn about(&self, set: &SetReport) -> Vec<Finding> {
        let mut found: Vec<Finding> = SET_RULES
            .iter()
            .filter_map(|rule| rule(self, set))
            .collect();
        // An earlier rule has explained these hosts.
        let mut explained: Vec<String> = Vec::new();
        found.retain_mut(|finding| {
            finding.hosts.retain(|host| !explained.contains(host));
            explained.extend(finding.hosts.iter().cloned());
            !finding.hosts.is_empty()
        });
        found.extend(reachability::find(self, set, &explained));
        found
    }

    /// How much depends on a set, or on what fails of it.
    fn level_of(&self, set: &SetReport) -> Requirement {
        set.loss
            .as_ref()
            .map_or(set.requirement, |loss| loss.level.max(set.requirement))
    }

    /// The set as the catalogue has it.
    fn listed(&self, set: &SetReport) -> Option<&EndpointSet> {
        self.catalog.set(&set.key)
    }

    /// How grave it is that these hosts of the set fail.
    fn severity(&self, set: &SetReport, hosts: &[&HostReport]) -> Severity {
        let lost = set.hard_loss().is_some_and(|loss| {
            loss.hosts.is_empty() || hosts.iter().any(|host| loss.hosts.contains(&host.name))
        });
        if lost {
            Severity::Critical
        } else if self.is_elsewhere(set)
            || self.is_not_needed(set)
            || (!hosts.is_empty() && hosts.iter().all(|host| self.may_fail(set, host)))
        {
            Severity::Information
        } else {
            Severity::Warning
        }
    }

    /// The host fails on healthy networks too: the alias for discovery that most customers do not set up (the device then goes on
    /// without it), its certificate (the device then looks for a redirect over plain HTTP), and the network check over IPv6.
    fn may_fail(&self, set: &SetReport, host: &HostReport) -> bool {
        let folded = host.name.to_ascii_lowercase();
        let is_alias = self.listed(set).is_some_and(|listed| {
            listed
                .hosts
                .iter()
                .any(|known| known.pattern.as_str().contains('<') && known.pattern.matches(&folded))
        });
        let expected = matches!(
            host.judged.cause,
            Some(Cause::DnsNxdomain | Cause::TlsUntrustedIssuer | Cause::TlsClientAbort)
        );
        (is_alias && expected) || folded == IPV6_NETWORK_CHECK
    }

    /// The device's platform is known, and nothing it was doing needs the set.
    fn is_not_needed(&self, set: &SetReport) -> bool {
        let scenario = &self.client.scenario;
        !scenario.parts.is_empty()
            && scenario.platform != Platform::Any
            && self.level_of(set) == Requirement::None
    }

    /// The set serves tenants of another region than the tenant's.
    fn is_elsewhere(&self, set: &SetReport) -> bool {
        let region = self.listed(set).and_then(|listed| listed.region);
        matches!((self.client.scenario.region, region), (Some(here), Some(there)) if here != there)
    }

    /// What the failing hosts of the set mean for what the device was doing.
    fn consequence(&self, set: &SetReport, hosts: &[&HostReport]) -> String {
        let scenario = &self.client.scenario;
        if self.severity(set, hosts) == Severity::Critical {
            if scenario.parts.is_empty() {
                return "the article marks the set as required".to_owned();
            }
            let part = scenario
                .parts
                .iter()
                .find(|part| part.requirement(&set.key) == Requirement::Hard)
                .or(scenario.parts.first());
            let title = part.map_or(scenario.title.as_str(), |part| part.title.as_str());
            let stage = progress::stage_of_failure(scenario, set, self.catalog)
                .and_then(|stage| scenario.parts.first()?.stages.get(stage));
            return match stage {
                Some(stage) => format!("{title}: cannot get past the stage \"{}\"", stage.title),
                None => format!("{title}: cannot succeed"),
            };
        }
        match self.level_of(set) {
            Requirement::Hard => format!(
                "{}: goes on as long as the other hosts of the set work",
                scenario.title
            ),
            Requirement::Soft => format!(
                "{}: goes on, with something missing or late",
                scenario.title
            ),
            Requirement::Conditional => match self.condition(set) {
                Some(when) => format!("matters when {when}"),
                None => "matters under a condition that the capture does not show".to_owned(),
            },
            Requirement::None if self.is_elsewhere(set) => {
                "none: the set is for tenants of another region".to_owned()
            }
            Requirement::None => format!("{}: not needed", scenario.title),
        }
    }

    /// The condition under which the set is needed, in words.
    fn condition(&self, set: &SetReport) -> Option<&str> {
        self.client
            .scenario
            .parts
            .iter()
            .flat_map(|part| &part.needs)
            .filter(|need| {
                need.targets.sets.contains(&set.key)
                    || need
                        .groups
                        .iter()
                        .flat_map(|group| &group.members)
                        .any(|member| member.targets.sets.contains(&set.key))
            })
            .find_map(|need| need.when.as_deref())
    }

    /// The document by which the set is needed, or else the list it stands in.
    fn source(&self, set: &SetReport) -> String {
        let of_need = self
            .client
            .scenario
            .parts
            .iter()
            .find(|part| part.requirement(&set.key) > Requirement::None)
            .map(|part| part.source.clone());
        set.loss
            .as_ref()
            .map(|loss| loss.source.clone())
            .or(of_need)
            .unwrap_or_else(|| self.list())
    }

    /// The list that was judged by.
    fn list(&self) -> String {
        format!(
            "Network endpoints for Microsoft Intune, edition {}",
            self.catalog.edition().name
        )
    }

    /// A finding about hosts of a set, with everything that follows from them filled in.
    fn finding(&self, code: FindingCode, set: &SetReport, hosts: &[&HostReport]) -> Finding {
        let mut evidence = joined_evidence(hosts.iter().copied());
        evidence.extend(
            hosts
                .iter()
                .filter_map(|host| host.inspection.as_deref().cloned()),
        );
        evidence.sort_by_key(|item| item.seen);
        evidence.dedup();
        Finding {
            code,
            severity: self.severity(set, hosts),
            client: self.address,
            set: Some(set.key.clone()),
            verdict: Some(set.verdict),
            cause: hosts
                .iter()
                .find_map(|host| host.judged.cause)
                .or(set.cause),
            hosts: hosts.iter().map(|host| host.name.clone()).collect(),
            summary: String::new(),
            consequence: self.consequence(set, hosts),
            remedy: String::new(),
            source: self.source(set),
            evidence,
            display_filter: display_filter::of_hosts(self.client, hosts),
        }
    }

    /// A finding about the device as a whole.
    fn client_finding(&self, code: FindingCode, severity: Severity) -> Finding {
        Finding {
            code,
            severity,
            client: self.address,
            set: None,
            verdict: None,
            cause: None,
            hosts: Vec::new(),
            summary: String::new(),
            consequence: String::new(),
            remedy: String::new(),
            source: code.explanation().source.to_owned(),
            evidence: Vec::new(),
            display_filter: String::new(),
        }
    }
}

/// Whether the host fails, throughout or in part.
fn fails(host: &HostReport) -> bool {
    matches!(
        host.judged.verdict,
        Verdict::Blocked | Verdict::Degraded | Verdict::Intercepted
    )
}

/// Whether the host was served in the end.
fn works(host: &HostReport) -> bool {
    matches!(host.judged.verdict, Verdict::Reached | Verdict::Degraded)
}
