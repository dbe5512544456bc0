//! Findings: what is wrong, with proof and the words of a firewall change.

use super::cause::{Cause, Stage};
use super::evidence::Evidence;
use super::report::{ClientReport, HostReport, SetReport, joined_evidence};
use super::scenario::Requirement;
use super::verdict::Verdict;
use crate::catalog::{Catalog, EndpointSet, SetKey};
use crate::facts::Transport;
use std::net::{IpAddr, SocketAddr};

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
    /// How grave.
    pub severity: Severity,
    /// The device's first address.
    pub client: IpAddr,
    /// The set concerned.
    pub set: SetKey,
    /// The verdict it explains.
    pub verdict: Verdict,
    /// What failed first.
    pub cause: Option<Cause>,
    /// The hosts concerned.
    pub hosts: Vec<String>,
    /// One sentence.
    pub summary: String,
    /// What to change, in the words of a firewall request.
    pub remedy: String,
    /// The proof.
    pub evidence: Vec<Evidence>,
    /// A Wireshark display filter that shows it.
    pub display_filter: String,
}

/// All findings, the gravest first.
#[must_use]
pub(super) fn collect(clients: &[ClientReport], catalog: &Catalog) -> Vec<Finding> {
    let mut findings: Vec<Finding> = clients
        .iter()
        .flat_map(|client| {
            client
                .sets
                .iter()
                .filter_map(|set| finding(client, set, catalog))
        })
        .collect();
    findings.sort_by_key(|finding| {
        let first = finding.evidence.iter().map(|evidence| evidence.seen).min();
        (
            std::cmp::Reverse(finding.severity),
            first.is_none(),
            first,
            finding.client,
            finding.set.clone(),
        )
    });
    findings
}

fn finding(client: &ClientReport, set: &SetReport, catalog: &Catalog) -> Option<Finding> {
    let address = client.addresses.first().copied()?;
    let severity = severity(set)?;
    let concerned: Vec<&HostReport> = set
        .hosts
        .iter()
        .filter(|host| is_concerned(host, set.verdict))
        .collect();
    let hosts: Vec<String> = concerned.iter().map(|host| host.name.clone()).collect();
    let mut evidence = joined_evidence(concerned.iter().copied());
    evidence.extend(concerned.iter().filter_map(|host| host.inspection.clone()));
    evidence.sort_by_key(|item| item.seen);
    evidence.dedup();
    let listed = catalog.set(&set.key);
    Some(Finding {
        severity,
        client: address,
        set: set.key.clone(),
        verdict: set.verdict,
        cause: set.cause,
        summary: summary(set, &hosts),
        remedy: remedy(set, &concerned, listed),
        display_filter: display_filter(client, &concerned),
        hosts,
        evidence,
    })
}

fn severity(set: &SetReport) -> Option<Severity> {
    match (set.verdict, set.requirement) {
        (Verdict::Blocked | Verdict::Intercepted | Verdict::NeverReached, Requirement::Hard) => {
            Some(Severity::Critical)
        }
        (Verdict::Blocked | Verdict::Degraded | Verdict::Intercepted, _) => Some(Severity::Warning),
        (Verdict::Reached, _) if set.hosts.iter().any(|host| !host.detours().is_empty()) => {
            Some(Severity::Information)
        }
        _ => None,
    }
}

fn is_concerned(host: &HostReport, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Reached => !host.detours().is_empty(),
        Verdict::NeverReached => true,
        Verdict::Intercepted => host.judged.verdict == Verdict::Intercepted,
        _ => matches!(host.judged.verdict, Verdict::Blocked | Verdict::Degraded),
    }
}

fn summary(set: &SetReport, hosts: &[String]) -> String {
    let names = match hosts {
        [] => set.description.to_string(),
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, rest @ ..] => format!("{first} and {} more hosts", rest.len()),
    };
    match (set.verdict, set.cause) {
        (Verdict::NeverReached, _) if set.looked_up_only => {
            format!("{names}: looked up and resolved, but never contacted")
        }
        (Verdict::NeverReached, _) => {
            format!("{names}: required, and not a single attempt was seen")
        }
        (Verdict::Intercepted, _) => {
            format!("{names}: reached through TLS inspection, which is not supported there")
        }
        (Verdict::Blocked, Some(cause)) => format!("{names}: {}", cause.phrase()),
        (Verdict::Degraded, Some(cause)) => format!("{names}: works in part; {}", cause.phrase()),
        (Verdict::Reached, _) => {
            let words: Vec<&str> = set
                .hosts
                .iter()
                .flat_map(|host| host.detours())
                .map(|detour| detour_words(*detour))
                .collect();
            format!(
                "{names}: {}",
                words.first().copied().unwrap_or("reached by a detour")
            )
        }
        _ => names,
    }
}

fn detour_words(detour: super::verdict::Detour) -> &'static str {
    use super::verdict::Detour;
    match detour {
        Detour::Ipv6Failed => "IPv6 fails, IPv4 works",
        Detour::Ipv4Failed => "IPv4 fails, IPv6 works",
        Detour::QuicFailed => "QUIC fails, TCP works",
        Detour::ProxyLogin => "the proxy asks for a login first",
    }
}

/// What to ask the firewall team for.
fn remedy(set: &SetReport, hosts: &[&HostReport], listed: Option<&EndpointSet>) -> String {
    let names = host_list(hosts, listed);
    let ports = listed.map_or_else(String::new, port_list);
    let Some(cause) = set.cause else {
        return match set.verdict {
            Verdict::NeverReached => {
                format!("check why the device does not try {names}; allow it {ports} all the same")
            }
            Verdict::Intercepted => format!("exclude {names} from TLS inspection"),
            _ => String::new(),
        };
    };
    match (cause, cause.stage()) {
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
        (Cause::QuicNoReply, _) => "nothing to do: the device falls back to TCP".to_owned(),
        (_, Stage::Connect) => format!("allow {names} {ports} from the device's network"),
        (Cause::RstAfterClientHello | Cause::SilenceAfterClientHello, _) => {
            format!(
                "allow the server name {names} in the filter that reads TLS handshakes, {ports}"
            )
        }
        (Cause::TlsUntrustedIssuer | Cause::TlsClientAbort, _) => {
            format!("exclude {names} from TLS inspection")
        }
        (Cause::TlsServerAlert, _) => format!(
            "find what answers in place of {names}: the server's own alert says it is not the right one"
        ),
        (Cause::ProxyAuthRequired, _) => format!("let {names} pass the proxy without a login"),
        (Cause::ProxyForbidden, _) => format!("allow {names} on the proxy"),
        (Cause::ProxyBadGateway, _) => format!("let the proxy itself reach {names} {ports}"),
        (Cause::HttpBlockPage, _) => format!("allow {names} in the web filter, port 80 too"),
        (Cause::RangeIgnored, _) => format!(
            "let range requests to {names} pass unchanged (no caching or scanning that strips them)"
        ),
        (Cause::ResetBeforeResponse | Cause::NoResponse, _) => {
            format!("find what stops the answers of {names} after the request")
        }
        _ => format!("allow {names} {ports}"),
    }
}

/// The hosts concerned, under the published wildcard they fall under.
fn host_list(hosts: &[&HostReport], listed: Option<&EndpointSet>) -> String {
    let published = |name: &str| -> Option<String> {
        let folded = name.to_ascii_lowercase();
        let pattern = listed?
            .hosts
            .iter()
            .find(|host| host.pattern.matches(&folded))?;
        (!pattern.pattern.is_exact()).then(|| format!("{name} ({})", pattern.pattern.as_str()))
    };
    let mut names: Vec<String> = hosts
        .iter()
        .map(|host| published(&host.name).unwrap_or_else(|| host.name.clone()))
        .collect();
    names.dedup();
    if names.is_empty()
        && let Some(set) = listed
    {
        names = set
            .hosts
            .iter()
            .take(3)
            .map(|host| host.pattern.as_str().to_owned())
            .collect();
    }
    names.join(", ")
}

fn port_list(set: &EndpointSet) -> String {
    let list = |ports: &[u16]| {
        ports
            .iter()
            .map(u16::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (set.tcp_ports.as_slice(), set.udp_ports.as_slice()) {
        ([], []) => String::new(),
        (tcp, []) => format!("on TCP {}", list(tcp)),
        ([], udp) => format!("on UDP {}", list(udp)),
        (tcp, udp) => format!("on TCP {} and UDP {}", list(tcp), list(udp)),
    }
}

/// A display filter for one failing flow or, without one, for the lookups.
fn display_filter(client: &ClientReport, hosts: &[&HostReport]) -> String {
    if let Some((originator, responder, transport)) = hosts.iter().find_map(|host| host.example) {
        return flow_filter(originator, responder, transport);
    }
    let name = hosts.first().map(|host| host.name.to_ascii_lowercase());
    match (name, client.addresses.first()) {
        (Some(name), Some(address))
            if name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) =>
        {
            format!(
                "{}.addr == {address} && dns.qry.name == \"{name}\"",
                ip_word(*address)
            )
        }
        (_, Some(address)) => format!("{}.addr == {address}", ip_word(*address)),
        _ => String::new(),
    }
}

/// The display filter of one flow.
#[must_use]
fn flow_filter(originator: SocketAddr, responder: SocketAddr, transport: Transport) -> String {
    let word = match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    format!(
        "{}.addr == {} && {word}.port == {} && {word}.port == {}",
        ip_word(responder.ip()),
        responder.ip(),
        originator.port(),
        responder.port()
    )
}

fn ip_word(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ipv6",
    }
}
