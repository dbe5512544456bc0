//! Hosts of the list contacted at ports that their sets do not list: a firewall made from the list will not let them through.

use super::{Finding, FindingCode, Scene, Severity, wording};
use crate::facts::Transport;
use std::collections::BTreeSet;

/// QUIC runs beside TLS on this port (RFC 9114 §3.1); no row of the article lists it for UDP.
const QUIC_PORT: u16 = 443;

/// Packets shown, one for each host.
const MOST_EVIDENCE: usize = 4;

pub fn find(scene: &Scene<'_>) -> Option<Finding> {
    let mut places = BTreeSet::new();
    let mut finding = scene.client_finding(FindingCode::OffListPort, Severity::Information);
    for set in &scene.client.sets {
        let Some(listed) = scene.listed(set) else {
            continue;
        };
        for host in set.hosts().filter(|host| host.off_list_port) {
            for responder in &host.responders {
                let port = responder.port();
                let listed_for = |transport| listed.lists_port(transport, port) != Some(false);
                let transports: Vec<Transport> = host.transports.into_iter().flatten().collect();
                // Which of two transports went to which port is not kept; the one that the list has explains it.
                let place = match transports.as_slice() {
                    [Transport::Udp] if !listed_for(Transport::Udp) => format!("UDP {port}"),
                    [Transport::Tcp] if !listed_for(Transport::Tcp) => format!("TCP {port}"),
                    [_, _] if port == QUIC_PORT && !listed_for(Transport::Udp) => {
                        format!("UDP {port}")
                    }
                    [_, _] if !listed_for(Transport::Tcp) && !listed_for(Transport::Udp) => {
                        format!("TCP or UDP {port}")
                    }
                    _ => continue,
                };
                places.insert(format!("{} {place}", host.name));
            }
            if finding.evidence.len() < MOST_EVIDENCE && !finding.hosts.contains(&host.name) {
                finding.evidence.extend(host.evidence().first().cloned());
            }
            if !finding.hosts.contains(&host.name) {
                finding.hosts.push(host.name.clone());
            }
        }
    }
    if places.is_empty() {
        return None;
    }
    let places: Vec<String> = places.into_iter().collect();
    finding.summary = format!(
        "contacted at ports that the list does not name: {}",
        wording::some_of(&places, 4)
    );
    finding.consequence =
        "none here; a firewall that follows the list to the letter stops it, and the device falls back or fails"
            .to_owned();
    finding.remedy = format!(
        "nothing while it works; where it fails, allow {}",
        wording::some_of(&places, 4)
    );
    finding.source = scene.list();
    finding.evidence.sort_by_key(|evidence| evidence.seen);
    Some(finding)
}
