//! What became of a set: blocked, in part or altogether, late, or never tried.

use super::{Finding, FindingCode, Scene, Severity, fails, wording, works};
use crate::audit::cause::{Cause, Stage};
use crate::audit::outcome::FULL_SIZE_LOST;
use crate::audit::report::{HostReport, SetReport};
use crate::audit::verdict::{Detour, Verdict};
use crate::catalog::{EndpointSet, Requirement};

/// Says what became of the set, leaving out hosts that another rule has explained.
pub fn find(scene: &Scene<'_>, set: &SetReport, explained: &[String]) -> Option<Finding> {
    match set.verdict {
        Verdict::NeverReached => return never_reached(scene, set),
        Verdict::Reached => {
            return missing_hosts(scene, set).or_else(|| detour(scene, set));
        }
        Verdict::Blocked | Verdict::Degraded | Verdict::Intercepted => {}
        Verdict::NotExercised | Verdict::Inconclusive => return None,
    }
    let concerned: Vec<&HostReport> = set
        .hosts()
        .filter(|host| fails(host) && !explained.contains(&host.name))
        .collect();
    if concerned.is_empty() || is_beside_the_point(set, &concerned) {
        return None;
    }
    let blocked = concerned
        .iter()
        .any(|host| host.judged.verdict == Verdict::Blocked);
    let all = concerned.len() == set.hosts.len();
    let code = match (blocked, all && set.verdict == Verdict::Blocked) {
        (true, true) => FindingCode::EndpointsBlocked,
        (true, false) => FindingCode::EndpointsPartlyBlocked,
        (false, _) => FindingCode::EndpointsDegraded,
    };
    let mut finding = scene.finding(code, set, &concerned);
    let names = wording::named(&concerned, &set.description);
    finding.summary = match (code, finding.cause) {
        (FindingCode::EndpointsDegraded, Some(cause)) => {
            format!(
                "{names}: works in part; {}",
                wording::phrase(cause, &concerned)
            )
        }
        (_, Some(cause)) => format!(
            "{names}: {}{}",
            wording::phrase(cause, &concerned),
            proxy_place(cause, &concerned)
        ),
        (_, None) => names,
    };
    let listed = scene.listed(set);
    finding.remedy = match finding.cause {
        Some(cause) => remedy(cause, &concerned, listed),
        None => String::new(),
    };
    Some(finding)
}

/// Which proxy it was, where a proxy is the cause.
fn proxy_place(cause: Cause, hosts: &[&HostReport]) -> String {
    let proxies = hosts.iter().filter(|host| host.through_proxy);
    match proxies.filter_map(|host| host.example.as_deref()).next() {
        Some((_, proxy, _))
            if cause.stage() == Stage::Proxy || wording::are_of_silent_proxy(hosts) =>
        {
            format!("; proxy {proxy}")
        }
        _ => String::new(),
    }
}

/// Only hosts that any program contacts were tried, and nothing the device was doing needs the set: somebody else's failure.
fn is_beside_the_point(set: &SetReport, concerned: &[&HostReport]) -> bool {
    set.requirement == Requirement::None
        && set.loss.is_none()
        && concerned.iter().all(|host| host.generic)
}

fn never_reached(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    if set.loss.is_none() && set.requirement != Requirement::Hard {
        return None;
    }
    let concerned: Vec<&HostReport> = set.hosts().collect();
    let code = if set.looked_up_only {
        FindingCode::EndpointsLookedUpOnly
    } else {
        FindingCode::EndpointsNeverTried
    };
    let mut finding = scene.finding(code, set, &concerned);
    let names = wording::named(&concerned, &set.description);
    finding.severity = match &set.loss {
        Some(loss) if loss.level == Requirement::Hard => Severity::Critical,
        Some(_) => Severity::Warning,
        None => Severity::Information,
    };
    if finding.severity < Severity::Critical {
        finding.consequence =
            "none that the capture shows: it may begin late, or the device may take another way"
                .to_owned();
    }
    finding.summary = if set.looked_up_only {
        format!("{names}: looked up and resolved, but never contacted")
    } else {
        format!("{names}: required, and not a single attempt was seen")
    };
    finding.remedy = format!(
        "check why the device does not try {}; allow it {} all the same",
        wording::host_list(&concerned, scene.listed(set)),
        wording::port_list(scene.listed(set))
    );
    Some(finding)
}

/// The set works, but a host that the chosen scenario needs was never tried.
fn missing_hosts(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let loss = set.loss.as_ref().filter(|loss| loss.missing)?;
    let mut finding = scene.finding(FindingCode::EndpointsNeverTried, set, &[]);
    let names = match loss.hosts.as_slice() {
        [] => set.description.to_string(),
        hosts => wording::some_of(hosts, 3),
    };
    finding.severity = Severity::Warning;
    finding.summary = format!("{names}: required, and not a single attempt was seen");
    finding.remedy = format!(
        "check why the device does not try {names}; allow it {} all the same",
        wording::port_list(scene.listed(set))
    );
    finding.hosts.clone_from(&loss.hosts);
    Some(finding)
}

fn detour(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    if set.hosts().all(|host| host.detours().is_empty()) {
        return None;
    }
    let ipv6_is_dead = super::ipv6::is_dead(scene.client);
    let taken = |host: &HostReport| {
        host.detours()
            .iter()
            .copied()
            .find(|detour| !(ipv6_is_dead && *detour == Detour::Ipv6Failed))
    };
    let concerned: Vec<&HostReport> = set.hosts().filter(|host| taken(host).is_some()).collect();
    let first = concerned.iter().find_map(|host| taken(host))?;
    let mut finding = scene.finding(FindingCode::Detour, set, &concerned);
    finding.severity = Severity::Information;
    finding.cause = None;
    finding.source = FindingCode::Detour.explanation().source.to_owned();
    finding.consequence = "none but some delay: the device finds another way".to_owned();
    finding.summary = format!(
        "{}: {}",
        wording::named(&concerned, &set.description),
        detour_words(first)
    );
    Some(finding)
}

fn detour_words(detour: Detour) -> &'static str {
    match detour {
        Detour::Ipv6Failed => "IPv6 fails, IPv4 works",
        Detour::Ipv4Failed => "IPv4 fails, IPv6 works",
        Detour::QuicFailed => "QUIC fails, TCP works",
        Detour::ProxyLogin => "the proxy asks for a login first",
    }
}

/// Whether answers are lost on the way because their packets are too large.
pub fn loses_full_size(hosts: &[&HostReport]) -> bool {
    let mut evidence = hosts.iter().flat_map(|host| host.evidence());
    evidence.any(|item| item.what == FULL_SIZE_LOST)
}

/// The customer's own alias by which Windows finds the enrollment server, `EnterpriseEnrollment.` and the domain: many have
/// never made it (the article's section on CNAME records calls it optional).
fn is_discovery_alias(host: &HostReport) -> bool {
    host.name
        .get(..DISCOVERY_ALIAS.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(DISCOVERY_ALIAS))
        && !host.name.to_ascii_lowercase().ends_with(".microsoft.com")
}

const DISCOVERY_ALIAS: &str = "enterpriseenrollment.";

/// What to ask the firewall team for.
pub fn remedy(cause: Cause, hosts: &[&HostReport], listed: Option<&EndpointSet>) -> String {
    let names = wording::host_list(hosts, listed);
    let ports = wording::port_list(listed);
    if loses_full_size(hosts) {
        return format!(
            "let the ICMP messages that say a packet is too large pass, or lower the MTU or the TCP segment size on the way to {names}"
        );
    }
    match (cause, cause.stage()) {
        (Cause::DnsNxdomain, _) if hosts.iter().all(|host| is_discovery_alias(host)) => {
            "nothing, where devices are told the server or join the directory; else publish the CNAME record of automatic enrollment"
                .to_owned()
        }
        (Cause::DnsNxdomain | Cause::DnsRefused | Cause::DnsSinkhole | Cause::DnsBlockPage, _) => {
            format!("let the resolver answer for {names}: remove it from the DNS filter")
        }
        (Cause::DnsServfail | Cause::DnsNoAnswer, _) => {
            format!(
                "repair the resolver's way to the names' own servers ({names}), and let the device reach the resolver"
            )
        }
        (Cause::NtpNoReply, _) => {
            format!("allow {names} {ports}, or give the device another time server by DHCP")
        }
        (Cause::QuicNoReply, _) if hosts.iter().all(|host| works(host)) => {
            "nothing to do: the device falls back to TCP".to_owned()
        }
        (Cause::QuicNoReply, _) => {
            format!("allow {names} on UDP 443 too: no connection over TCP is seen in its place")
        }
        (_, Stage::Connect) => format!("allow {names} {ports} from the device's network"),
        (Cause::RstAfterClientHello | Cause::SilenceAfterClientHello, _)
            if wording::are_of_silent_proxy(hosts) =>
        {
            format!("repair the proxy, or the way to it, for {names}")
        }
        (Cause::RstAfterClientHello | Cause::SilenceAfterClientHello, _)
            if wording::is_plain_http(hosts) =>
        {
            format!("allow {names} in the web filter, port 80 too")
        }
        (Cause::RstAfterClientHello | Cause::SilenceAfterClientHello, _) => {
            format!(
                "allow the server name {names} in the filter that reads TLS handshakes, {ports}"
            )
        }
        (Cause::TlsUntrustedIssuer | Cause::TlsClientAbort, _) => {
            format!("exclude {names} from TLS inspection")
        }
        (Cause::TlsCertificateExpired, _) => {
            "set the device's clock, and let it reach its time server (UDP 123)".to_owned()
        }
        (Cause::TlsNotSpoken, _) => format!(
            "find what answers in place of {names} {ports}, and let these connections pass it untouched"
        ),
        (Cause::TlsServerAlert, _) => format!(
            "find what answers in place of {names}, as an alert of a wrong server says; where the right one asks for a client certificate, renew the device's enrollment"
        ),
        (Cause::ProxyAuthRequired, _) => format!("let {names} pass the proxy without a login"),
        (Cause::ProxyForbidden, _) => format!("allow {names} on the proxy"),
        (Cause::ProxyBadGateway, _) => format!("let the proxy itself reach {names} {ports}"),
        (Cause::HttpBlockPage, _) => format!("allow {names} in the web filter, port 80 too"),
        (Cause::RangeIgnored, _) => format!(
            "let range requests to {names} pass unchanged (no caching or scanning that strips them)"
        ),
        (Cause::DownloadCut, _) => format!(
            "find what cuts downloads from {names}: content scanning, size limits, filters of file types"
        ),
        (Cause::ResetBeforeResponse | Cause::NoResponse, _) => {
            format!("find what stops the answers of {names} after the request")
        }
        _ => format!("allow {names} {ports}"),
    }
}
