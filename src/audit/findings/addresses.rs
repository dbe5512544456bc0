//! Only some addresses of a host, or some ranges of a set, are blocked: the firewall knows an old or partial list of addresses.

use super::{Finding, FindingCode, Scene, wording, works};
use crate::audit::cause::{Cause, Stage};
use crate::audit::report::{HostReport, SetReport};
use crate::catalog::Prefix;
use std::net::{IpAddr, SocketAddr};

pub fn find(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    of_one_host(scene, set).or_else(|| of_ranges(scene, set))
}

/// What stops a connection before a name is spoken goes by address. Only these causes count.
fn by_address(cause: Cause) -> bool {
    cause.stage() == Stage::Connect
        && !matches!(
            cause,
            Cause::NtpNoReply | Cause::QuicNoReply | Cause::IcmpPortUnreachable
        )
}

fn failing(host: &HostReport) -> Vec<SocketAddr> {
    host.split.as_ref().map_or_else(Vec::new, |split| {
        split
            .failing
            .iter()
            .filter(|(_, cause)| by_address(*cause))
            .map(|(address, _)| *address)
            .collect()
    })
}

fn serving(host: &HostReport) -> &[SocketAddr] {
    match &host.split {
        Some(split) => &split.serving,
        None if works(host) => &host.responders,
        None => &[],
    }
}

/// Some addresses of one host fail while others of the same family and port work.
fn of_one_host(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let dead = |host: &HostReport| -> Vec<SocketAddr> {
        let mut dead = failing(host);
        dead.retain(|address| {
            serving(host)
                .iter()
                .any(|other| other.is_ipv6() == address.is_ipv6() && other.port() == address.port())
        });
        dead
    };
    let hosts: Vec<&HostReport> = set.hosts().filter(|host| !dead(host).is_empty()).collect();
    if hosts.is_empty() {
        return None;
    }
    let addresses: Vec<String> = hosts
        .iter()
        .flat_map(|host| dead(host))
        .map(|address| address.ip().to_string())
        .collect();
    let mut finding = scene.finding(FindingCode::SomeAddressesBlocked, set, &hosts);
    finding.summary = format!(
        "{}: {} cannot be reached, other addresses of the same name can",
        wording::named(&hosts, &set.description),
        wording::some_of(&addresses, 3)
    );
    finding.remedy = format!(
        "allow {} {} by name, or every address that the name may have, not single addresses",
        wording::host_list(&hosts, scene.listed(set)),
        wording::port_list(scene.listed(set))
    );
    Some(finding)
}

/// Hosts in some published ranges fail while hosts in others work.
fn of_ranges(scene: &Scene<'_>, set: &SetReport) -> Option<Finding> {
    let listed = scene.listed(set)?;
    let range_of = |address: IpAddr| -> Option<Prefix> {
        listed
            .prefixes
            .iter()
            .map(|listed| listed.prefix)
            .find(|prefix| prefix.contains(address))
    };
    let open: Vec<Prefix> = set
        .hosts()
        .flat_map(serving)
        .filter_map(|address| range_of(address.ip()))
        .collect();
    let closed_for = |host: &HostReport| -> Vec<Prefix> {
        if works(host) {
            return Vec::new();
        }
        failing(host)
            .iter()
            .filter_map(|address| range_of(address.ip()))
            .filter(|range| !open.contains(range))
            .collect()
    };
    let hosts: Vec<&HostReport> = set
        .hosts()
        .filter(|host| !closed_for(host).is_empty())
        .collect();
    if hosts.is_empty() || open.is_empty() {
        return None;
    }
    let mut ranges: Vec<String> = hosts
        .iter()
        .flat_map(|host| closed_for(host))
        .map(|range| range.to_string())
        .collect();
    ranges.sort();
    ranges.dedup();
    let mut finding = scene.finding(FindingCode::SomeAddressesBlocked, set, &hosts);
    let names = wording::named(&hosts, &set.description);
    finding.summary = format!(
        "{names}: the published range {} cannot be reached, other ranges of the set can",
        wording::some_of(&ranges, 3)
    );
    finding.remedy = format!(
        "allow all {} published ranges of set {} {}, {} among them",
        listed.prefixes.len(),
        set.key,
        wording::port_list(Some(listed)),
        wording::some_of(&ranges, 5)
    );
    Some(finding)
}
