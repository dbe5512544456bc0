//! How the report is put together once the capture has ended: which addresses are devices, and what is judged of them all.

use super::device::{Common, client_report, dead_proxy, settle};
use super::listing::{flow_reports, lookup_reports};
use super::{AuditReport, ClientReport, EditionLabel};
use crate::audit::Auditor;
use crate::audit::cause::Unclear;
use crate::audit::clients::{ClientState, Device, HostKey};
use crate::audit::dns_over_tcp::ClosedTcp;
use crate::audit::findings;
use crate::audit::fitness::{self, Circumstances};
use crate::audit::inside::InsideServers;
use crate::audit::loss::Sight;
use crate::audit::outcome::Vantage;
use crate::audit::verdict::Verdict;
use crate::catalog::ScenarioFile;
use crate::facts::CaptureSummary;
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroUsize;

/// Puts the report together.
pub(in crate::audit) fn build(auditor: Auditor<'_>, capture: CaptureSummary) -> AuditReport {
    let vantage = auditor.vantage.vantage(&capture);
    let Auditor {
        catalog,
        options,
        mut sets,
        clients,
        vantage: evidence,
        flows,
        lookups,
        known_domains,
        resolvers,
        proxies,
        names,
        openings,
        activity,
        ..
    } = auditor;
    // What attributed the flows is of no more use, and reports need room.
    drop((names, openings));
    let catalog = &*catalog;
    let known_host = |host: &str| {
        crate::audit::registrable_part(host).is_some_and(|domain| known_domains.contains(domain))
    };
    let mut devices = clients.into_devices();
    let translated = devices
        .iter()
        .filter(|device| is_translated(&device.state))
        .count();
    devices.retain(|device| !is_translated(&device.state));
    let forwarders = forwarders(&devices, &resolvers);
    devices.retain(|device| {
        !device
            .addresses
            .iter()
            .any(|address| forwarders.contains(address))
    });
    // A device is asked for by any of its addresses, and judged by all of them.
    devices.retain(|device| {
        options.clients.is_empty()
            || device
                .addresses
                .iter()
                .any(|address| options.clients.contains(address))
    });
    let all_devices = devices.len();
    // The tests see to it that the shipped file is read.
    let scenarios = ScenarioFile::shipped().unwrap_or_default();
    let sight = Sight {
        both_directions: vantage.missing.is_none(),
        from_the_start: evidence.mid_stream == 0 && evidence.questions > 0,
    };
    let shared = devices
        .iter()
        .filter(|device| device.state.initial_hop_limits.len() > 1)
        .count();
    let mut inside = InsideServers::default();
    for device in &mut devices {
        settle(device, vantage, &known_host);
        inside.note(&device.state);
    }
    let common = Common {
        catalog,
        scenarios: &scenarios,
        options: &options,
        vantage,
        sight,
        served: inside.serving(),
        closed_tcp: closed_tcp(&devices, vantage),
        proxies,
    };
    // What may be a proxy is worth a line where nothing else is to be said.
    let nothing_else = !devices
        .iter()
        .any(|device| device.state.touches_endpoints());
    devices.retain(|device| {
        device.state.touches_endpoints()
            || dead_proxy(device, &common).is_some_and(|dead| dead.stops() || nothing_else)
    });
    let reports = in_parallel(devices, |device| client_report(device, &common));
    let circumstances = Circumstances {
        vantage: evidence,
        devices: all_devices,
        translated,
        shared,
        undecided: undecided(&reports),
    };
    let fitness = fitness::judge(&capture, &circumstances);
    let findings = findings::collect(&reports, catalog);
    AuditReport {
        fitness,
        edition: EditionLabel {
            name: catalog.edition().name.clone(),
            source: catalog.edition().source.clone(),
            date: catalog.edition().date.clone(),
            additions: catalog
                .additions()
                .iter()
                .map(|addition| (addition.name.clone(), addition.source.clone()))
                .collect(),
        },
        findings,
        flows: options
            .keep_flows
            .then(|| flow_reports(flows, vantage, &known_host)),
        lookups: options
            .keep_lookups
            .then(|| lookup_reports(lookups, &mut sets, &common)),
        other_clients: all_devices.saturating_sub(reports.len()),
        clients: reports,
        activity,
        capture,
        tables: None,
    }
}

/// The devices, by each of their addresses, for which TCP port 53 is closed.
fn closed_tcp(devices: &[Device], vantage: Vantage) -> BTreeMap<IpAddr, ClosedTcp> {
    let mut closed = BTreeMap::new();
    for device in devices {
        if let Some(proof) = device.state.dns_over_tcp.closed(vantage) {
            closed.extend(
                device
                    .addresses
                    .iter()
                    .map(|address| (*address, proof.clone())),
            );
        }
    }
    closed
}

/// Devices that are worth a thread of their own.
const DEVICES_PER_THREAD: usize = 256;

/// Makes each device's report, on as many processors as are worth it; the reports keep the order of the devices.
fn in_parallel(
    mut devices: Vec<Device>,
    report: impl Fn(Device) -> ClientReport + Sync,
) -> Vec<ClientReport> {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = processors
        .min(devices.len().div_ceil(DEVICES_PER_THREAD))
        .max(1);
    let share = devices.len().div_ceil(threads);
    let mut reports = Vec::with_capacity(devices.len());
    std::thread::scope(|scope| {
        let report = &report;
        let mut others = Vec::new();
        while devices.len() > share {
            let last = devices.split_off(devices.len().saturating_sub(share));
            others.push(scope.spawn(move || last.into_iter().map(report).collect::<Vec<_>>()));
        }
        reports.extend(devices.into_iter().map(report));
        for other in others.into_iter().rev() {
            match other.join() {
                Ok(part) => reports.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    reports
}

/// Hosts on which no verdict is possible, by the reason.
fn undecided(clients: &[ClientReport]) -> BTreeMap<Unclear, usize> {
    let mut hosts = BTreeMap::new();
    for (address, host) in clients.iter().flat_map(|client| {
        let address = client.addresses.first();
        client
            .sets
            .iter()
            .flat_map(move |set| set.hosts.iter().map(move |host| (address, host)))
    }) {
        if let (Verdict::Inconclusive, Some(unclear)) = (host.judged.verdict, host.judged.unclear) {
            // A host may be in several sets.
            hosts.insert((address, host.name.as_str()), unclear);
        }
    }
    let mut counts = BTreeMap::new();
    for unclear in hosts.into_values() {
        *counts.entry(unclear).or_insert(0) += 1;
    }
    counts
}

/// Most of its connections repeat another client's: the far side of an address translator. Only TCP can be compared.
pub(in crate::audit) fn is_translated(client: &ClientState) -> bool {
    client.translated_flows > 0 && client.translated_flows.saturating_mul(2) > client.tcp_flows
}

/// Resolvers that pass other devices' questions on, and addresses that only repeat the questions of others.
fn forwarders(devices: &[Device], resolvers: &HashSet<IpAddr, RandomState>) -> BTreeSet<IpAddr> {
    let only_asks = |device: &Device| {
        device
            .state
            .hosts
            .values()
            .all(|host| host.history.attempts.is_empty())
            && device.state.touches_endpoints()
    };
    let (askers, others): (Vec<&Device>, Vec<&Device>) =
        devices.iter().partition(|device| only_asks(device));
    if askers.is_empty() {
        return BTreeSet::new();
    }
    let is_resolver = |device: &Device| {
        device
            .addresses
            .iter()
            .any(|address| resolvers.contains(address))
    };
    let asked: HashSet<&HostKey, RandomState> = askers
        .iter()
        .flat_map(|device| device.state.hosts.keys())
        .collect();
    let known_to_others: HashSet<&HostKey, RandomState> = others
        .iter()
        .flat_map(|device| device.state.hosts.keys())
        .filter(|key| asked.contains(key))
        .collect();
    let asked_elsewhere = |device: &Device| {
        device
            .state
            .hosts
            .keys()
            .all(|key| known_to_others.contains(key))
    };
    askers
        .into_iter()
        .filter(|device| is_resolver(device) || asked_elsewhere(device))
        .flat_map(|device| device.addresses.iter().copied())
        .collect()
}
