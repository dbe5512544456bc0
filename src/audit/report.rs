//! The audit's result as plain values, and how it is put together once the capture has ended.

use super::attempt::{Attempt, HostHistory, TlsSigns};
use super::cause::{Cause, Unclear};
use super::clients::{ClientState, Device, HostEntry, HostKey};
use super::dns_over_tcp::ClosedTcp;
use super::evidence::{Evidence, EvidenceList};
use super::findings::{self, Finding};
use super::fitness::{self, Circumstances, Fitness};
use super::inside::InsideServers;
use super::lookup::{ADDRESS_TYPES, LookupOutcome, judge_lookup};
use super::loss::{self, Loss, Sight};
use super::matching::SetFinder;
use super::outcome::{Vantage, judge, waits_for_proxy};
use super::progress::{self, Lookups, StageReport};
use super::proof::{self, Proof};
use super::proxy::DeadProxy;
use super::scenario::Scenario;
use super::timeline::{self, AttemptReport};
use super::verdict::{Detour, HostVerdict, Verdict, judge_host};
use super::{Attribution, AuditOptions, Auditor, address};
use crate::attribution::NameSource;
use crate::catalog::{
    Catalog, EndpointSet, FeatureArea, Requirement, ScenarioFile, SetKey, Standing,
};
use crate::facts::{
    Activity, CaptureSummary, DnsExchange, DnsLookup, FiveTuple, FlowRecord, HostName, MacAddress,
    Seen, Transport,
};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// A lookup whose answer was cut names the connection to a published range that follows within this time.
const INFERENCE_WINDOW: Duration = Duration::from_secs(5);

/// Everything an audit says.
#[derive(Debug)]
pub struct AuditReport {
    /// What the capture is.
    pub capture: CaptureSummary,
    /// What it can prove.
    pub fitness: Fitness,
    /// The edition that was judged by.
    pub edition: EditionLabel,
    /// One entry per device that tried something of the endpoint list, in the order of first packets.
    pub clients: Vec<ClientReport>,
    /// What is wrong, the gravest first.
    pub findings: Vec<Finding>,
    /// Every flow, when asked for.
    pub flows: Option<Vec<FlowReport>>,
    /// Every lookup, when asked for.
    pub lookups: Option<Vec<LookupReport>>,
    /// Addresses that opened flows without trying anything of the endpoint list.
    pub other_clients: usize,
    /// Connections to hosts of the endpoint list over time; as failed count those that were not served.
    pub activity: Activity,
    /// Where a monitor has written tables; `None` when it has not, and in a file's report.
    pub tables: Option<TablesPlace>,
}

/// Tables that were written beside a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablesPlace {
    /// The folder, made safe to show.
    pub folder: String,
    /// Files written.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Rows that could not be written.
    pub lost: u64,
}

/// Which edition a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionLabel {
    /// Its name.
    pub name: String,
    /// The document.
    pub source: String,
    /// The document's date; `None` when it bears none.
    pub date: Option<String>,
    /// Names and sources of the lists laid over it or beside it.
    pub additions: Vec<(String, String)>,
}

/// One device.
#[derive(Debug)]
pub struct ClientReport {
    /// All its addresses, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Its hardware address, where the capture shows it.
    pub mac: Option<MacAddress>,
    /// VLAN identifiers, outermost first.
    pub vlans: SmallVec<[u16; 2]>,
    /// The name it gives itself.
    pub name: Option<HostName>,
    /// What it is judged by.
    pub scenario: Scenario,
    /// How far it came.
    pub progress: Progress,
    /// The stages of its scenario, name resolution first; empty where no order is known.
    pub stages: Vec<StageReport>,
    /// One entry per endpoint set.
    pub sets: Vec<SetReport>,
    /// A proxy that it tries in vain.
    pub dead_proxy: Option<Box<DeadProxy>>,
    /// What became of its attempts over IPv4 and over IPv6.
    pub families: [FamilyTally; 2],
    /// Names it contacted that no list knows, at most as many as are remembered to tell its platform.
    pub unlisted: Vec<CompactString>,
}

/// The ends of a flow, its opener first, and what it runs over.
pub type FlowEnds = (SocketAddr, SocketAddr, Transport);

/// Attempts over one address family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FamilyTally {
    /// Attempts served.
    pub served: u64,
    /// Hosts for which every attempt over this family failed.
    pub failed_hosts: Vec<String>,
    /// What failed of up to three hosts, those that were tried first.
    pub evidence: Vec<Evidence>,
    /// A failing connection of the first of them.
    pub example: Option<Box<FlowEnds>>,
}

/// The one line about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing it needs was stopped.
    Clear,
    /// Hard requirements failed: these, in the order in which they failed; none where a dead proxy stands before all of them.
    Stopped(Vec<SetKey>),
    /// Only things it can do without failed.
    Impaired(Vec<SetKey>),
    /// The capture does not show enough of it.
    Unknown,
}

/// One endpoint set of one device.
#[derive(Debug)]
pub struct SetReport {
    /// Number or key.
    pub key: SetKey,
    /// The set's first feature area.
    pub feature_area: FeatureArea,
    /// What the row says it is.
    pub description: Arc<str>,
    /// How much the scenario needs it.
    pub requirement: Requirement,
    /// The verdict.
    pub verdict: Verdict,
    /// What failed first.
    pub cause: Option<Cause>,
    /// Why the capture cannot tell.
    pub unclear: Option<Unclear>,
    /// First packet of the first failing attempt or lookup; else of the first attempt.
    pub first: Option<Seen>,
    /// Names were looked up and resolved, no attempt followed.
    pub looked_up_only: bool,
    /// Its hosts that were tried or looked up, in the order of their first packets; a host may be in several sets.
    pub hosts: Vec<Arc<HostReport>>,
    /// IP octets of all its flows.
    pub octets: u64,
    /// What the device loses with it; `None` when nothing.
    pub loss: Option<Box<Loss>>,
}

/// Addresses of one host that work and others that do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressSplit {
    /// Addresses that never served, with what stopped the first attempt.
    pub failing: Vec<(SocketAddr, Cause)>,
    /// Addresses that served.
    pub serving: Vec<SocketAddr>,
}

/// One host of a set.
#[derive(Debug, Clone)]
pub struct HostReport {
    /// Its name, or its address when no name is known.
    pub name: String,
    /// The name was concluded from a lookup just before the connection, not read from it.
    pub name_inferred: bool,
    /// The verdict with cause and proof.
    pub judged: HostVerdict,
    /// Attempts seen.
    pub attempts: u64,
    /// Attempts served.
    pub served: u64,
    /// Addresses that were tried, with port: at most 8, one of each port before a second of any.
    pub responders: Vec<SocketAddr>,
    /// Transports tried.
    pub transports: [Option<Transport>; 2],
    /// An attempt went to a port the set does not list.
    pub off_list_port: bool,
    /// A proxy stood in between.
    pub through_proxy: bool,
    /// A proxy was asked for it and never answered.
    pub proxy_is_silent: bool,
    /// A sign of TLS inspection.
    pub inspection: Option<Box<Evidence>>,
    /// The article says that TLS inspection is not supported for it.
    pub inspection_unsupported: bool,
    /// Only older editions list the name.
    pub retired: bool,
    /// Weak evidence: any client of the field contacts it.
    pub generic: bool,
    /// A failing flow to show in a display filter.
    pub example: Option<Box<FlowEnds>>,
    /// IP octets of its flows.
    pub octets: u64,
    /// Some of its addresses fail; `None` when none does.
    pub split: Option<Box<AddressSplit>>,
    /// What its TLS handshakes have in common with those of other hosts; the make of the server only where the device refused
    /// its certificate.
    pub tls_signs: Option<Box<TlsSigns>>,
    /// Its first lookups and connections in the order of their first packets, when asked for.
    pub timeline: Box<[AttemptReport]>,
    /// The packets around its evidence, when asked for.
    pub proof: Option<Box<Proof>>,
}

/// One flow, for the list of all flows.
#[derive(Debug)]
pub struct FlowReport {
    /// The facts.
    pub record: Box<FlowRecord>,
    /// The host's name.
    pub name: Option<HostName>,
    /// How name or set was found.
    pub source: &'static str,
    /// Sets of the most specific pattern.
    pub sets: SmallVec<[SetKey; 2]>,
    /// Sets of less specific patterns.
    pub also: SmallVec<[SetKey; 2]>,
    /// The port is listed.
    pub port_listed: Option<bool>,
    /// How it ended.
    pub outcome: super::Outcome,
}

impl FlowReport {
    /// Adds what a later flow between the same ends brought.
    fn absorb(&mut self, later: Self) {
        let (mine, other) = (&mut self.record, later.record);
        mine.last = mine.last.max(other.last);
        for (mine, other) in mine.packets.iter_mut().zip(other.packets) {
            *mine = mine.saturating_add(other);
        }
        for (mine, other) in mine.octets.iter_mut().zip(other.octets) {
            *mine = mine.saturating_add(other);
        }
        mine.copies = mine.copies.saturating_add(other.copies);
        mine.application = mine.application.or(other.application);
        mine.quic = mine.quic.take().or(other.quic);
        mine.tls = mine.tls.take().or(other.tls);
        if self.name.is_none() {
            self.name = later.name;
            self.source = later.source;
            self.sets = later.sets;
            self.also = later.also;
        }
        self.port_listed = self.port_listed.or(later.port_listed);
        if later.outcome == super::Outcome::Served {
            self.outcome = later.outcome;
        }
    }
}

/// One lookup, for the list of all lookups.
#[derive(Debug)]
pub struct LookupReport {
    /// The side that asked.
    pub client: SocketAddr,
    /// The side that was asked.
    pub resolver: SocketAddr,
    /// The name asked for; `None` for the root.
    pub name: Option<HostName>,
    /// Its aliases, in order.
    pub cnames: Vec<HostName>,
    /// Smallest time to live among the answers, in seconds; `None` without answers.
    pub ttl: Option<u32>,
    /// Question and answer.
    pub exchange: DnsExchange,
    /// Sets of the most specific pattern for the name or, failing that, for one of its aliases.
    pub sets: SmallVec<[SetKey; 2]>,
    /// How it ended.
    pub outcome: LookupOutcome,
}

/// Counts over a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Hard requirements that failed, over all clients.
    pub hard_failures: usize,
    /// Findings above information.
    pub findings: usize,
}

impl AuditReport {
    /// Counts for the exit status.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let fails = |set: &&SetReport| set.hard_loss().is_some();
        Summary {
            hard_failures: self
                .clients
                .iter()
                .flat_map(|client| &client.sets)
                .filter(fails)
                .count(),
            findings: self
                .findings
                .iter()
                .filter(|finding| finding.severity > findings::Severity::Information)
                .count(),
        }
    }
}

impl SetReport {
    /// Its hosts, one after the other.
    pub fn hosts(&self) -> impl Iterator<Item = &HostReport> {
        self.hosts.iter().map(Arc::as_ref)
    }

    /// What failed first, in words; `None` when nothing did.
    #[must_use]
    pub fn cause_phrase(&self) -> Option<&'static str> {
        let cause = self.cause?;
        let failing: Vec<&HostReport> = self
            .hosts()
            .filter(|host| host.judged.cause == Some(cause))
            .collect();
        Some(findings::phrase(cause, &failing))
    }

    /// The verdict stands in the way of what the set is for.
    #[must_use]
    pub fn fails(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Blocked | Verdict::NeverReached | Verdict::Intercepted
        )
    }

    /// What of it the scenario cannot do without and has lost.
    #[must_use]
    pub fn hard_loss(&self) -> Option<&Loss> {
        self.loss
            .as_deref()
            .filter(|loss| loss.level == Requirement::Hard)
    }
}

/// Puts the report together.
pub(super) fn build(auditor: Auditor<'_>, capture: CaptureSummary) -> AuditReport {
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
        super::registrable_part(host).is_some_and(|domain| known_domains.contains(domain))
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
    let served_addresses = inside.serving();
    let dead_proxy = |device: &Device| {
        let state = &device.state;
        state.proxies.dead_proxy(&proxies, vantage, state.tcp_flows)
    };
    // What may be a proxy is worth a line where nothing else is to be said.
    let nothing_else = !devices
        .iter()
        .any(|device| device.state.touches_endpoints());
    devices.retain(|device| {
        device.state.touches_endpoints()
            || dead_proxy(device).is_some_and(|dead| dead.stops() || nothing_else)
    });
    let closed_tcp: BTreeMap<IpAddr, ClosedTcp> = devices
        .iter()
        .filter_map(|device| Some((device, device.state.dns_over_tcp.closed(vantage)?)))
        .flat_map(|(device, closed)| {
            let addresses = device.addresses.iter();
            addresses.map(move |address| (*address, closed.clone()))
        })
        .collect();
    let reports = in_parallel(devices, |device| {
        let dead = dead_proxy(&device);
        client_report(
            device,
            dead,
            catalog,
            &scenarios,
            (vantage, sight),
            &served_addresses,
            &options,
        )
    });
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
            .then(|| lookup_reports(lookups, catalog, &mut sets, vantage, &served_addresses))
            .map(|mut lookups| {
                for lookup in &mut lookups {
                    if let Some(closed) = closed_tcp.get(&lookup.client.ip()) {
                        lookup.outcome = closed.settle(&lookup.exchange, lookup.outcome);
                    }
                }
                lookups
            }),
        other_clients: all_devices.saturating_sub(reports.len()),
        clients: reports,
        activity,
        capture,
        tables: None,
    }
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
pub(super) fn is_translated(client: &ClientState) -> bool {
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

/// Judges every attempt again, now that the end of the capture and its vantage point are known.
fn settle(device: &mut Device, vantage: Vantage, known_host: &dyn Fn(&str) -> bool) {
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

fn client_report(
    device: Device,
    dead_proxy: Option<DeadProxy>,
    catalog: &Catalog,
    scenarios: &ScenarioFile,
    (vantage, sight): (Vantage, Sight),
    served: &BTreeSet<IpAddr>,
    options: &AuditOptions,
) -> ClientReport {
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
    let scenario = Scenario::of_client(&options.scenario, &addresses, &state, scenarios);
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
    let closed_tcp = state.dns_over_tcp.closed(vantage);
    for (key, mut entry) in hosts {
        for lookup in &mut entry.history.lookups {
            lookup.outcome = judge_catalogued_lookup(&lookup.exchange, vantage, served);
            if let Some(closed) = &closed_tcp {
                lookup.outcome = closed.settle(&lookup.exchange, lookup.outcome);
            }
        }
        let mut host = host_report(&key, &entry, catalog, vantage, uses_ipv6);
        if let Some(closed) = closed_tcp.as_ref().filter(|closed| {
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
    loss::settle(&mut sets, &scenario, catalog, sight);
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
                || whole_domain.is_none_or(|domain| super::registrable_part(name) != Some(domain))
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
    let undecided =
        entry.history.attempts.is_empty() && host.judged.verdict == Verdict::Inconclusive;
    if outcomes().any(|outcome| outcome == LookupOutcome::Ok) {
        lookups.resolved = lookups.resolved.saturating_add(1);
    } else if undecided {
        // Another resolver may have answered.
    } else if let Some(cause) = outcomes().find_map(|outcome| match outcome {
        LookupOutcome::Failed(cause) => Some(cause),
        _ => None,
    }) && entry.history.attempts.iter().all(|a| !a.was_served())
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

/// The host's addresses that never served, when there are any and everyone who served is known.
fn address_split(history: &HostHistory, vantage: Vantage) -> Option<Box<AddressSplit>> {
    if history.also_serving.len() >= HostHistory::ALSO_SERVING_KEPT {
        return None;
    }
    let mut split = AddressSplit {
        failing: Vec::new(),
        serving: history.also_serving.clone(),
    };
    for attempt in history
        .attempts
        .iter()
        .filter(|attempt| !attempt.through_proxy)
    {
        let address = attempt.responder;
        if attempt.was_served() {
            if !split.serving.contains(&address) {
                split.serving.push(address);
            }
        } else if let Some(cause) = attempt.failure(vantage)
            && split.failing.iter().all(|(known, _)| *known != address)
        {
            split.failing.push((address, cause));
        }
    }
    split
        .failing
        .retain(|(address, _)| !split.serving.contains(address));
    (!split.failing.is_empty()).then(|| Box::new(split))
}

fn judge_catalogued_lookup(
    exchange: &DnsExchange,
    vantage: Vantage,
    served: &BTreeSet<IpAddr>,
) -> LookupOutcome {
    judge_lookup(
        exchange,
        vantage.end,
        vantage.may_lack_replies(),
        // Agents of secure access services answer with shared addresses (RFC 6598) and take the traffic into their tunnel.
        |answer| {
            !address::is_public(answer) && !address::is_shared(answer) && !served.contains(&answer)
        },
    )
}

fn host_report(
    key: &HostKey,
    entry: &HostEntry,
    catalog: &Catalog,
    vantage: Vantage,
    uses_ipv6: bool,
) -> HostReport {
    let history = &entry.history;
    let name = match (key, &history.name) {
        (_, Some(name)) => name.to_string(),
        (HostKey::Name(name), None) => name.to_string(),
        (HostKey::Address(address), None) => address.to_string(),
    };
    let mut judged = judge_host(&history.attempts, &history.lookups, vantage, uses_ipv6);
    let folded = name.to_ascii_lowercase();
    let inspection = history
        .attempts
        .iter()
        .find_map(|attempt| attempt.inspection.clone());
    let inspection_unsupported = catalog.inspection_unsupported(&folded).is_some();
    if inspection.is_some()
        && inspection_unsupported
        && matches!(judged.verdict, Verdict::Reached | Verdict::Degraded)
    {
        judged.verdict = Verdict::Intercepted;
    }
    let served = history
        .attempts
        .iter()
        .filter(|attempt| attempt.was_served())
        .count();
    let mut responders: Vec<SocketAddr> = history
        .attempts
        .iter()
        .map(|attempt| attempt.responder)
        .collect();
    responders.sort_unstable();
    responders.dedup();
    keep_every_port(&mut responders);
    let example = history
        .attempts
        .iter()
        .find(|attempt| attempt.failure(vantage).is_some())
        .map(|attempt| Box::new(attempt.ends()));
    let signs = TlsSigns {
        unknown_issuer: history
            .attempts
            .iter()
            .find_map(|attempt| attempt.tls_signs.as_ref()?.unknown_issuer.clone()),
        fingerprint: history
            .attempts
            .iter()
            .filter(|attempt| {
                matches!(
                    attempt.failure(vantage),
                    Some(Cause::TlsClientAbort | Cause::TlsUntrustedIssuer)
                )
            })
            .find_map(|attempt| attempt.tls_signs.as_ref()?.fingerprint),
    };
    let tried = |transport| {
        let tries = |attempt: &Attempt| attempt.transport == transport;
        history.attempts.iter().any(tries).then_some(transport)
    };
    HostReport {
        split: address_split(history, vantage),
        tls_signs: (signs != TlsSigns::default()).then(|| Box::new(signs)),
        name_inferred: matches!(key, HostKey::Name(_))
            && history
                .attempts
                .iter()
                .any(|attempt| attempt.source == NameSource::None),
        attempts: count(history.attempts.len())
            .saturating_add(history.more_served)
            .saturating_add(history.more_failed),
        served: count(served).saturating_add(history.more_served),
        responders,
        transports: [tried(Transport::Tcp), tried(Transport::Udp)],
        off_list_port: history
            .attempts
            .iter()
            .any(|attempt| attempt.port_listed == Some(false)),
        through_proxy: history
            .attempts
            .iter()
            .any(|attempt: &Attempt| attempt.through_proxy),
        proxy_is_silent: is_of_silent_proxy(history),
        inspection,
        inspection_unsupported,
        retired: entry.sets.retired,
        generic: entry.sets.generic,
        example,
        octets: history.octets,
        timeline: Box::default(),
        proof: None,
        name,
        judged,
    }
}

/// Whether a proxy was asked for the host, and no connection got further.
fn is_of_silent_proxy(history: &HostHistory) -> bool {
    !history.attempts.is_empty()
        && history
            .attempts
            .iter()
            .all(|attempt| attempt.flow.as_deref().is_some_and(waits_for_proxy))
}

/// Most responders of a host that a report names.
const MAX_RESPONDERS: usize = 8;

/// Leaves so many, and of each port one before a second of any: which ports a host needs is what a firewall is asked for.
fn keep_every_port(responders: &mut Vec<SocketAddr>) {
    let mut ports = BTreeSet::new();
    let (mut kept, others): (Vec<SocketAddr>, Vec<SocketAddr>) = responders
        .drain(..)
        .partition(|responder| ports.insert(responder.port()));
    kept.extend(others);
    kept.truncate(MAX_RESPONDERS);
    kept.sort_unstable();
    *responders = kept;
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The hosts of a set that a client tried.
#[derive(Debug, Default)]
struct SetHosts {
    /// Hosts for which the set has the most specific pattern.
    own: Vec<Arc<HostReport>>,
    /// Hosts that belong to another set more specifically.
    less_specific: Vec<Arc<HostReport>>,
}

impl SetHosts {
    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.less_specific.is_empty()
    }
}

fn set_report(set: &EndpointSet, hosts: SetHosts, scenario: &Scenario) -> SetReport {
    let SetHosts {
        mut own,
        less_specific,
    } = hosts;
    own.sort_by(|a, b| (a.judged.first, &a.name).cmp(&(b.judged.first, &b.name)));
    let mut report = SetReport {
        key: set.key.clone(),
        feature_area: set.feature_area(),
        description: set.description.clone(),
        requirement: scenario.requirement(set),
        verdict: Verdict::NotExercised,
        cause: None,
        unclear: None,
        first: own.iter().filter_map(|host| host.judged.first).min(),
        looked_up_only: false,
        octets: own.iter().map(|host| host.octets).sum(),
        hosts: Vec::new(),
        loss: None,
    };
    let with = |verdicts: &[Verdict]| -> Vec<&HostReport> {
        own.iter()
            .map(Arc::as_ref)
            .filter(|host| verdicts.contains(&host.judged.verdict))
            .collect()
    };
    let worked = with(&[Verdict::Reached, Verdict::Degraded, Verdict::Intercepted]);
    let blocked = with(&[Verdict::Blocked]);
    let degraded = with(&[Verdict::Degraded]);
    let intercepted = with(&[Verdict::Intercepted]);
    let inconclusive = with(&[Verdict::Inconclusive]);
    let telling: Vec<&HostReport> = if !worked.is_empty() && !blocked.is_empty() {
        report.verdict = Verdict::Degraded;
        blocked
    } else if !intercepted.is_empty() {
        report.verdict = Verdict::Intercepted;
        intercepted
    } else if !degraded.is_empty() {
        report.verdict = Verdict::Degraded;
        degraded
    } else if !worked.is_empty() {
        report.verdict = Verdict::Reached;
        worked
    } else if !blocked.is_empty() {
        report.verdict = Verdict::Blocked;
        blocked
    } else if !inconclusive.is_empty() {
        report.verdict = Verdict::Inconclusive;
        report.unclear = inconclusive.first().and_then(|host| host.judged.unclear);
        inconclusive
    } else if !own.is_empty() {
        report.verdict = Verdict::NeverReached;
        report.looked_up_only = true;
        own.iter().map(Arc::as_ref).collect()
    } else if let Some(host) = less_specific
        .iter()
        .filter(|host| host.judged.verdict == Verdict::Reached)
        .min_by_key(|host| (host.judged.first, &host.name))
    {
        report.verdict = Verdict::Reached;
        report.first = host.judged.first;
        Vec::new()
    } else {
        Vec::new()
    };
    if matches!(
        report.verdict,
        Verdict::Blocked | Verdict::Degraded | Verdict::Intercepted
    ) {
        report.cause = telling.iter().find_map(|host| host.judged.cause);
        report.first = telling
            .iter()
            .filter_map(|host| host.judged.first)
            .min()
            .or(report.first);
    }
    own.shrink_to_fit();
    report.hosts = own;
    report
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

fn flow_reports(
    flows: Vec<super::KeptFlow>,
    vantage: Vantage,
    known_host: &dyn Fn(&str) -> bool,
) -> Vec<FlowReport> {
    let mut reports: Vec<FlowReport> = flows
        .into_iter()
        .map(|kept| flow_report(kept, vantage, known_host))
        .collect();
    reports.sort_by_key(|flow| (flow.record.first, flow.record.five_tuple));
    join_datagrams(reports)
}

/// One flow, judged.
pub(super) fn flow_report(
    kept: super::KeptFlow,
    vantage: Vantage,
    known_host: &dyn Fn(&str) -> bool,
) -> FlowReport {
    let Attribution {
        name,
        source,
        sets,
        port_listed,
        ..
    } = kept.attribution;
    FlowReport {
        outcome: judge(&kept.record, vantage, known_host).outcome,
        record: kept.record,
        name,
        source,
        sets: sets.primary.clone(),
        also: sets.also.clone(),
        port_listed,
    }
}

/// Joins UDP flows between the same ends, which the observer tells apart by time alone.
fn join_datagrams(flows: Vec<FlowReport>) -> Vec<FlowReport> {
    let mut joined: Vec<FlowReport> = Vec::with_capacity(flows.len());
    let mut places: hashbrown::HashMap<FiveTuple, usize, foldhash::fast::RandomState> =
        hashbrown::HashMap::default();
    for flow in flows {
        if flow.record.five_tuple.transport == Transport::Udp {
            let place = *places.entry(flow.record.five_tuple).or_insert(joined.len());
            if let Some(earlier) = joined.get_mut(place) {
                earlier.absorb(flow);
                continue;
            }
        }
        joined.push(flow);
    }
    joined
}

fn lookup_reports(
    lookups: Vec<DnsLookup>,
    catalog: &Catalog,
    sets: &mut SetFinder,
    vantage: Vantage,
    served: &BTreeSet<IpAddr>,
) -> Vec<LookupReport> {
    let mut reports: Vec<LookupReport> = lookups
        .into_iter()
        .map(|lookup| lookup_report(lookup, catalog, sets, vantage, served))
        .collect();
    reports.sort_by_key(|lookup| {
        (
            lookup.exchange.query.or(lookup.exchange.answer),
            lookup.client,
        )
    });
    reports
}

/// One lookup, judged; `served` are inside addresses that serve.
pub(super) fn lookup_report(
    lookup: DnsLookup,
    catalog: &Catalog,
    sets: &mut SetFinder,
    vantage: Vantage,
    served: &BTreeSet<IpAddr>,
) -> LookupReport {
    let DnsLookup {
        client,
        resolver,
        name,
        cnames,
        hints: _,
        ttl,
        exchange,
    } = lookup;
    let found = name
        .as_ref()
        .and_then(|name| sets.of_chain(catalog, name, &cnames));
    let outcome = if found.is_some() {
        judge_catalogued_lookup(&exchange, vantage, served)
    } else {
        judge_lookup(&exchange, vantage.end, vantage.may_lack_replies(), |_| {
            false
        })
    };
    LookupReport {
        client,
        resolver,
        name,
        cnames,
        ttl,
        exchange,
        sets: found.map_or_else(SmallVec::new, |found| found.primary.clone()),
        outcome,
    }
}

impl HostReport {
    /// It was contacted on the port of plain HTTP alone.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        !self.responders.is_empty() && self.responders.iter().all(|end| end.port() == 80)
    }

    /// The first packets that prove the verdict, as a list to print.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.judged.evidence
    }

    /// Harmless detours.
    #[must_use]
    pub fn detours(&self) -> &[Detour] {
        &self.judged.detours
    }
}

/// Evidence of all `hosts` together, in the order of frames.
#[must_use]
pub(super) fn joined_evidence<'a>(hosts: impl Iterator<Item = &'a HostReport>) -> Vec<Evidence> {
    let mut list = EvidenceList::default();
    for host in hosts {
        for evidence in host.evidence() {
            list.add(evidence.seen, evidence.what.clone());
        }
    }
    list.into_sorted()
}
