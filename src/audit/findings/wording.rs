//! Hosts and ports in the words of a firewall request.

use crate::audit::cause::Cause;
use crate::audit::report::HostReport;
use crate::catalog::EndpointSet;
use std::net::IpAddr;

/// The hosts in a sentence: one or two by name, more as a number.
pub fn named(hosts: &[&HostReport], otherwise: &str) -> String {
    match hosts {
        [] => otherwise.to_owned(),
        [one] => one.name.clone(),
        [first, second] => format!("{} and {}", first.name, second.name),
        [first, rest @ ..] => format!("{} and {} more hosts", first.name, rest.len()),
    }
}

/// Whether nothing but plain HTTP was spoken with all of these hosts.
pub fn is_plain_http(hosts: &[&HostReport]) -> bool {
    !hosts.is_empty() && hosts.iter().all(|host| host.is_plain_http())
}

/// Whether all that happened to these hosts is that a proxy was asked and did not answer.
pub fn are_of_silent_proxy(hosts: &[&HostReport]) -> bool {
    !hosts.is_empty() && hosts.iter().all(|host| host.proxy_is_silent)
}

/// The cause in words, as it fits what was spoken with these hosts.
pub fn phrase(cause: Cause, hosts: &[&HostReport]) -> &'static str {
    if are_of_silent_proxy(hosts) {
        cause.phrase_of_silent_proxy()
    } else if is_plain_http(hosts) {
        cause.phrase_of_plain_http()
    } else {
        cause.phrase()
    }
}

/// The hosts concerned, each with the published wildcard it falls under; without hosts, the beginning of the set's list.
pub fn host_list(hosts: &[&HostReport], listed: Option<&EndpointSet>) -> String {
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
        .map(|host| match host.name.parse::<IpAddr>() {
            Ok(address) => format!("{address} (its name is not in the capture)"),
            Err(_) => published(&host.name).unwrap_or_else(|| host.name.clone()),
        })
        .collect();
    names.dedup();
    if names.is_empty()
        && let Some(set) = listed
    {
        names = set
            .hosts
            .iter()
            .filter(|host| !host.sample)
            .take(3)
            .map(|host| host.pattern.as_str().to_owned())
            .collect();
    }
    names.join(", ")
}

/// The set's ports, such as "on TCP 80, 443"; empty where none is stated.
pub fn port_list(set: Option<&EndpointSet>) -> String {
    let Some(set) = set else {
        return String::new();
    };
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

/// The first of `names`, and how many more there are.
pub fn some_of(names: &[String], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(String::as_str).collect();
    let more = names.len().saturating_sub(most);
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}
