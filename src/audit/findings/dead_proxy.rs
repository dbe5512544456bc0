//! A proxy that cannot be connected to, or that reaches nothing: one fault behind everything that the device tries.

use super::{Finding, FindingCode, Scene, Severity, display_filter, fails, wording, works};
use crate::audit::cause::Cause;
use crate::audit::proxy::{DeadProxy, ProxySign};
use crate::audit::report::HostReport;
use std::collections::BTreeSet;

/// Hosts that a proxy fails for before the fault is its own.
const ENOUGH_HOSTS: usize = 2;

/// Packets shown.
const MOST_EVIDENCE: usize = 6;

pub fn find(scene: &Scene<'_>) -> Option<Finding> {
    match &scene.client.dead_proxy {
        Some(dead) => Some(unreachable(scene, dead)),
        None => reaches_nothing(scene),
    }
}

fn unreachable(scene: &Scene<'_>, dead: &DeadProxy) -> Finding {
    let severity = if dead.stops() {
        Severity::Critical
    } else {
        Severity::Information
    };
    let mut finding = scene.client_finding(FindingCode::ProxyUnreachable, severity);
    let place = match &dead.name {
        Some(name) => format!("{} ({name})", dead.address),
        None => dead.address.to_string(),
    };
    let what = match dead.sign {
        ProxySign::Port => format!("{place}, which may be a proxy"),
        ProxySign::Name | ProxySign::Spoken => format!("the proxy {place}"),
    };
    let times = match dead.failed {
        1 => "the only connection".to_owned(),
        failed => format!("{failed} connections"),
    };
    finding.summary = format!("{times} to {what}: {}", dead.cause.phrase());
    finding.cause = Some(dead.cause);
    finding.consequence = if dead.works_otherwise {
        "some delay: the device gets on by another way".to_owned()
    } else if dead.passing {
        "none that lasts, as far as the capture shows: it was tried for a moment only".to_owned()
    } else if dead.stops() {
        "nothing on the Internet is reached; which hosts it was for, no packet says".to_owned()
    } else {
        "if it is the device's proxy, nothing on the Internet is reached".to_owned()
    };
    finding.remedy = match dead.cause {
        Cause::TcpRefused => format!(
            "start what listens at {}, or allow the device there",
            dead.address
        ),
        _ => format!(
            "repair the proxy, or allow the device's network to reach {}",
            dead.address
        ),
    } + "; or give devices another proxy (WPAD, policy)";
    finding.evidence.clone_from(&dead.evidence);
    finding.display_filter = display_filter::of_flow(&dead.example);
    finding
}

/// Every host that was asked of one proxy fails because of the proxy itself.
fn reaches_nothing(scene: &Scene<'_>) -> Option<Finding> {
    let mut seen = BTreeSet::new();
    let hosts: Vec<&HostReport> = scene
        .client
        .sets
        .iter()
        .flat_map(|set| set.hosts())
        .filter(|host| host.through_proxy && seen.insert(host.name.to_ascii_lowercase()))
        .collect();
    let by_proxy = |host: &HostReport| {
        fails(host)
            && (host.proxy_is_silent || host.judged.causes.contains(&Cause::ProxyBadGateway))
    };
    if hosts.len() < ENOUGH_HOSTS
        || hosts.iter().any(|host| works(host))
        || !hosts.iter().all(|host| by_proxy(host))
    {
        return None;
    }
    let example = hosts.iter().find_map(|host| host.example.as_deref())?;
    let (_, proxy, _) = example;
    let mut finding = scene.client_finding(FindingCode::ProxyUnreachable, Severity::Warning);
    finding.cause = hosts.first().and_then(|host| host.judged.cause);
    finding.summary = format!(
        "the proxy {proxy} fails for every host it is asked for ({})",
        wording::named(&hosts, "")
    );
    finding.consequence = "one fault behind all that fails through this proxy".to_owned();
    finding.remedy = format!(
        "repair the way of {proxy} to the Internet and its name resolution before any rule for single hosts"
    );
    finding.hosts = hosts.iter().map(|host| host.name.clone()).collect();
    finding.evidence = super::joined_evidence(hosts.iter().copied());
    finding.evidence.truncate(MOST_EVIDENCE);
    finding.display_filter = display_filter::of_flow(example);
    Some(finding)
}
