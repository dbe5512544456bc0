//! One device: its hosts settled at the end of the capture, its scenario, its sets, and the one line about it.

use super::host::host_report;
use super::listing::judge_catalogued_lookup;
use super::set::{SetHosts, set_report};
use super::{ClientReport, FamilyTally, HostReport, Progress, SetReport, count};
use crate::audit::AuditOptions;
use crate::audit::attempt::Attempt;
use crate::audit::cause::Cause;
use crate::audit::clients::{ClientState, Device, HostEntry, HostKey};
use crate::audit::dns_over_tcp::ClosedTcp;
use crate::audit::lookup::{ADDRESS_TYPES, LookupOutcome};
use crate::audit::loss::{self, Sight};
use crate::audit::outcome::Vantage;
use crate::audit::progress::{self, Lookups};
use crate::audit::proof;
use crate::audit::proxy::{DeadProxy, KnownProxies};
use crate::audit::scenario::Scenario;
use crate::audit::timeline;
use crate::audit::verdict::Verdict;
use crate::catalog::{Catalog, Requirement, ScenarioFile, SetKey, Standing};
use crate::facts::Seen;
use compact_str::CompactString;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A lookup whose answer was cut names the connection to a published range that follows within this time.
const INFERENCE_WINDOW: Duration = Duration::from_secs(5);

/// Judges every attempt again, now that the end of the capture and its vantage point are known.
pub(super) fn settle(device: &mut Device, vantage: Vantage, known_host: &dyn Fn(&str) -> bool) {
    for entry in device.state.hosts.values_mut() {
        for attempt in &mut entry.history.attempts {
            attempt.settle(vantage, known_host);
        }
        entry.history.attempts.sort_by_key(|attempt| attempt.first);
        entry
            .history
            .lookups
            .sort_by_key(|lookup| lookup.exchange.query.or(lookup.exchange.answer));
    }
    name_by_preceding_lookup(&mut device.state);
}

/// Gives connections to a published range the name that was looked up just before, where the answer itself was cut from
/// the capture.
fn name_by_preceding_lookup(client: &mut ClientState) {
    let mut unnamed: Vec<(Seen, HostKey)> = client
        .hosts
        .iter()
        .filter(|(key, _)| matches!(key, HostKey::Address(_)))
        .filter_map(|(key, entry)| Some((first_attempt(entry)?, key.clone())))
        .collect();
    unnamed.sort();
    for (first, key) in unnamed {
        let start = first.time;
        let Some(entry) = client.hosts.get(&key) else {
            continue;
        };
        let fits = |host: &HostEntry| {
            host.sets.primary == entry.sets.primary
                && host.history.attempts.is_empty()
                && host
                    .history
                    .lookups
                    .iter()
                    .any(|lookup| lookup.exchange.answer_cut_short)
        };
        let asked = |host: &HostEntry| {
            host.history
                .lookups
                .iter()
                .filter_map(|lookup| lookup.exchange.query)
                .map(|seen| seen.time)
                .max()
        };
        let named = client
            .hosts
            .iter()
            .filter(|(key, host)| matches!(key, HostKey::Name(_)) && fits(host))
            .filter_map(|(key, host)| Some((asked(host)?, key.clone())))
            .filter(|(time, _)| *time <= start && start.since(*time) <= INFERENCE_WINDOW)
            .max();
        let Some((_, name)) = named else { continue };
        let Some(entry) = client.hosts.remove(&key) else {
            continue;
        };
        if let Some(host) = client.hosts.get_mut(&name) {
            host.history.attempts.extend(entry.history.attempts);
            host.history.octets = host.history.octets.saturating_add(entry.history.octets);
        }
    }
}

/// Where a host was first connected to; its attempts are in order of time.
fn first_attempt(entry: &HostEntry) -> Option<Seen> {
    entry.history.attempts.first().map(|attempt| attempt.first)
}

/// What devices are judged by, and what is known of all of them.
pub(super) struct Common<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) scenarios: &'a ScenarioFile,
    pub(super) options: &'a AuditOptions,
    pub(super) vantage: Vantage,
    pub(super) sight: Sight,
    /// Inside addresses that serve.
    pub(super) served: BTreeSet<IpAddr>,
    /// Devices, by each of their addresses, that cannot ask resolvers over TCP.
    pub(super) closed_tcp: BTreeMap<IpAddr, ClosedTcp>,
    pub(super) proxies: KnownProxies,
}

/// The proxy that a device tries in vain.
pub(super) fn dead_proxy(device: &Device, common: &Common<'_>) -> Option<DeadProxy> {
    let state = &device.state;
    state
        .proxies
        .dead_proxy(&common.proxies, common.vantage, state.tcp_flows)
}

/// Everything about one device.
pub(super) fn client_report(device: Device, common: &Common<'_>) -> ClientReport {
    let dead_proxy = dead_proxy(&device, common);
    let Common {
        catalog,
        options,
        vantage,
        ..
    } = *common;
    let Device {
        addresses,
        mut state,
    } = device;
    let names: Vec<_> = state
        .hosts
        .keys()
        .filter_map(|key| match key {
            HostKey::Name(name) => Some(name.clone()),
            HostKey::Address(_) => None,
        })
        .collect();
    for name in names {
        if !state.telling_names.contains(&name) {
            state.telling_names.push(name);
        }
    }
    let scenario = Scenario::of_client(&options.scenario, &addresses, &state, common.scenarios);
    let uses_ipv6 = addresses
        .iter()
        .any(|address| matches!(address, IpAddr::V6(v6) if !v6.is_unicast_link_local()));
    let mut by_set: BTreeMap<SetKey, SetHosts> = BTreeMap::new();
    let mut lookups = Lookups::default();
    let mut families = <[FamilyTally; 2]>::default();
    // In the order in which they were tried, which a report keeps.
    let mut hosts: Vec<(HostKey, Box<HostEntry>)> =
        std::mem::take(&mut state.hosts).into_iter().collect();
    hosts.sort_by(|(key, entry), (other_key, other)| {
        (first_attempt(entry), key).cmp(&(first_attempt(other), other_key))
    });
    let closed_tcp = addresses
        .first()
        .and_then(|address| common.closed_tcp.get(address));
    for (key, mut entry) in hosts {
        for lookup in &mut entry.history.lookups {
            lookup.outcome = judge_catalogued_lookup(&lookup.exchange, vantage, &common.served);
            if let Some(closed) = closed_tcp {
                lookup.outcome = closed.settle(&lookup.exchange, lookup.outcome);
            }
        }
        let mut host = host_report(&key, &entry, catalog, vantage, uses_ipv6);
        if let Some(closed) = closed_tcp.filter(|closed| {
            let mut lookups = entry.history.lookups.iter();
            host.judged.cause == Some(Cause::DnsNoAnswer)
                && lookups.any(|lookup| closed.ends(&lookup.exchange))
        }) {
            host.judged.evidence.extend(closed.evidence.iter().cloned());
        }
        if options.keep_timeline {
            host.timeline = timeline::steps(&entry.history).into();
        }
        if options.keep_proof {
            host.proof = Some(proof::of_host(&entry.history, vantage));
        }
        note_name_resolution(&mut lookups, &host, &entry);
        note_families(&mut families, &host, &entry.history.attempts, vantage);
        let host = Arc::new(host);
        for set in &entry.sets.primary {
            by_set
                .entry(set.clone())
                .or_default()
                .own
                .push(host.clone());
        }
        for set in &entry.sets.also {
            by_set
                .entry(set.clone())
                .or_default()
                .less_specific
                .push(host.clone());
        }
    }
    let mut sets: Vec<SetReport> = Vec::new();
    for set in catalog.sets() {
        let hosts = by_set.remove(&set.key);
        // A set that nothing touched and that is not needed for certain is not worth a line.
        let tried = |own_only: bool| {
            hosts
                .as_ref()
                .is_some_and(|hosts| !hosts.own.is_empty() || (!own_only && !hosts.is_empty()))
        };
        let published = set.standing == Standing::Published;
        let needed = matches!(
            scenario.requirement(set),
            Requirement::Hard | Requirement::Soft
        );
        let shown = (published && (needed || tried(false))) || tried(true);
        if shown && set.standing != Standing::Reference {
            sets.push(set_report(set, hosts.unwrap_or_default(), &scenario));
        }
    }
    loss::settle(&mut sets, &scenario, catalog, common.sight);
    sets.shrink_to_fit();
    for tally in &mut families {
        tally.failed_hosts.sort();
    }
    lookups.failed.sort();
    ClientReport {
        addresses,
        mac: state
            .macs
            .first()
            .copied()
            .filter(|_| state.macs.len() == 1),
        vlans: state.vlans,
        name: state.name,
        progress: match (progress(&sets, &scenario, catalog), &dead_proxy) {
            (Progress::Clear | Progress::Unknown, Some(dead)) if dead.stops() => {
                Progress::Stopped(Vec::new())
            }
            (Progress::Clear, Some(dead)) if !dead.works_otherwise => Progress::Unknown,
            (progress, _) => progress,
        },
        dead_proxy: dead_proxy.map(Box::new),
        stages: progress::stages(&scenario, &sets, &lookups, catalog),
        unlisted: unlisted(&state.telling_names, catalog),
        families,
        scenario,
        sets,
    }
}

/// Names that neither the edition nor anything beside it knows. A row of the Microsoft 365 list that has a whole domain,
/// such as `*.microsoft.com`, knows no name in it.
fn unlisted(names: &[CompactString], catalog: &Catalog) -> Vec<CompactString> {
    let is_known = |name: &CompactString| {
        catalog.match_host(name).is_some_and(|found| {
            let whole_domain = found.pattern().as_str().strip_prefix("*.");
            found.standing() != Standing::Reference
                || whole_domain
                    .is_none_or(|domain| crate::audit::registrable_part(name) != Some(domain))
        })
    };
    // `manage.microsoft.com.corp.example`: a resolver tried a listed name with the domains of its search list.
    let is_searched = |name: &CompactString| {
        name.match_indices('.')
            .filter_map(|(dot, _)| name.get(..dot))
            .any(|listed| catalog.match_host(listed).is_some())
    };
    let mut names: Vec<CompactString> = names
        .iter()
        .filter(|name| !is_known(name) && !is_searched(name))
        .cloned()
        .collect();
    names.sort();
    names
}

/// Counts a host as resolved or not, by its address lookups.
fn note_name_resolution(lookups: &mut Lookups, host: &HostReport, entry: &HostEntry) {
    let outcomes = || {
        entry
            .history
            .lookups
            .iter()
            .filter(|lookup| ADDRESS_TYPES.contains(&lookup.exchange.query_type))
            .map(|lookup| lookup.outcome)
    };
    // Another resolver may have answered.
    let undecided =
        entry.history.attempts.is_empty() && host.judged.verdict == Verdict::Inconclusive;
    if outcomes().any(|outcome| outcome == LookupOutcome::Ok) {
        lookups.resolved = lookups.resolved.saturating_add(1);
    } else if let Some(cause) = outcomes().find_map(|outcome| match outcome {
        LookupOutcome::Failed(cause) => Some(cause),
        _ => None,
    }) && entry.history.attempts.iter().all(|a| !a.was_served())
        && !undecided
    {
        lookups.failed.push(host.name.clone());
        if lookups.first.is_none() || host.judged.first < lookups.first {
            lookups.first = host.judged.first;
            lookups.cause = Some(cause);
        }
    }
}

/// Counts a host's attempts for the families they were made over; a proxy's family says nothing about the host.
fn note_families(
    families: &mut [FamilyTally; 2],
    host: &HostReport,
    attempts: &[Attempt],
    vantage: Vantage,
) {
    let [v4, v6] = families;
    for (tally, is_v6) in [(v4, false), (v6, true)] {
        let own = || {
            attempts.iter().filter(move |attempt| {
                attempt.responder.is_ipv6() == is_v6 && !attempt.through_proxy
            })
        };
        let served = own().filter(|attempt| attempt.was_served()).count();
        tally.served = tally.served.saturating_add(count(served));
        let mut failed = own().filter(|attempt| attempt.failure(vantage).is_some());
        if served > 0 {
            continue;
        }
        if let Some(first) = failed.next() {
            tally.failed_hosts.push(host.name.clone());
            tally.example.get_or_insert_with(|| Box::new(first.ends()));
            if tally.failed_hosts.len() <= 3 {
                tally.evidence.extend(first.evidence.iter().cloned());
            }
        }
    }
}

/// The one line about a device: the sets whose loss stopped it, in the order of its scenario's stages.
fn progress(sets: &[SetReport], scenario: &Scenario, catalog: &Catalog) -> Progress {
    let stopped = |test: &dyn Fn(&SetReport) -> bool| {
        let mut found: Vec<&SetReport> = sets.iter().filter(|set| test(set)).collect();
        found.sort_by_key(|set| {
            let stage = progress::stage_of_failure(scenario, set, catalog);
            (stage.is_none(), stage, set.first.is_none(), set.first)
        });
        found.iter().map(|set| set.key.clone()).collect::<Vec<_>>()
    };
    let hard = stopped(&|set| set.hard_loss().is_some());
    if !hard.is_empty() {
        return Progress::Stopped(hard);
    }
    let soft = stopped(&|set| {
        set.requirement != Requirement::None
            && (matches!(
                set.verdict,
                Verdict::Blocked | Verdict::Degraded | Verdict::Intercepted
            ) || set.loss.is_some())
    });
    if !soft.is_empty() {
        return Progress::Impaired(soft);
    }
    let unknown = sets
        .iter()
        .any(|set| set.requirement == Requirement::Hard && set.verdict == Verdict::Inconclusive);
    if unknown {
        Progress::Unknown
    } else {
        Progress::Clear
    }
}
