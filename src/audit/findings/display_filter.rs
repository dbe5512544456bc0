//! Wireshark display filters that show what a finding is about.

use super::ClientReport;
use crate::audit::report::{FlowEnds, HostReport};
use crate::facts::Transport;
use std::net::IpAddr;

/// Hosts shown by one filter: more would not fit a line.
const HOSTS_SHOWN: usize = 3;

/// The filter of one failing flow of each of the first hosts or, where a host has none, of its lookups.
pub fn of_hosts(client: &ClientReport, hosts: &[&HostReport]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for host in hosts.iter().take(HOSTS_SHOWN) {
        let part = host
            .example
            .as_deref()
            .map_or_else(|| of_name(client, &host.name), of_flow);
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    match parts.as_slice() {
        [] => of_name(client, ""),
        [one] => one.clone(),
        several => format!("({})", several.join(") || (")),
    }
}

/// The filter of a client's lookups of a name; of everything of the client's where the name does not fit a filter.
pub fn of_name(client: &ClientReport, name: &str) -> String {
    let Some(address) = client.addresses.first() else {
        return String::new();
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let folded = name.to_ascii_lowercase();
    if !folded.is_empty() && folded.bytes().all(plain) {
        format!(
            "{}.addr == {address} && dns.qry.name == \"{folded}\"",
            ip_word(*address)
        )
    } else {
        format!("{}.addr == {address}", ip_word(*address))
    }
}

/// The filter of one flow.
pub fn of_flow((originator, responder, transport): &FlowEnds) -> String {
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
