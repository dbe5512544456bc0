//! Facts and catalogue to verdicts.
//!
//! [`Auditor`] is a [`FactSink`]: it takes facts as they are finished, attributes them, and keeps per client and host what a
//! verdict needs, bounded. [`Auditor::finish`] then gives the [`AuditReport`]. Nothing here knows packets, prints, or
//! reads a clock.
//!
//! A monitor asks earlier: [`Auditor::monitor`] forgets what is old, takes flows that are still open, and gives the
//! [`standing`] of a device over a rolling window.

mod address;
mod attempt;
mod cause;
mod clients;
mod dns_over_tcp;
mod ended;
mod evidence;
mod explanation;
mod findings;
mod fitness;
mod inside;
mod issuer;
mod limits;
mod lookup;
mod loss;
mod matching;
mod outcome;
mod platform;
mod progress;
mod proof;
mod proxy;
mod report;
mod reset;
mod scenario;
pub mod standing;
mod timeline;
mod vantage;
mod verdict;
mod web;

pub use cause::{Cause, Outcome, Stage, Unclear};
pub use ended::Ended;
pub use evidence::Evidence;
pub use explanation::{CodeKind, Explanation, explain, explanations};
pub use findings::{Finding, FindingCode, Severity};
pub use fitness::{Fitness, Judgement as FitnessJudgement, Reason};
pub(crate) use issuer::{inspection_word, is_known_issuer};
pub use limits::{AuditLimits, Forgetting};
pub use lookup::LookupOutcome;
pub use loss::Loss;
pub use progress::{StageReport, StageState};
pub use proof::{Proof, ProofConnection};
pub use proxy::{DeadProxy, ProxySign};
pub use report::{
    AddressSplit, AuditReport, ClientReport, FamilyTally, FlowEnds, FlowReport, HostReport,
    LookupReport, Progress, SetReport, Summary, TablesPlace,
};
pub use scenario::{Basis, Scenario, ScenarioChoice, ScenarioError, ScenarioPlan};
pub use timeline::{AttemptKind, AttemptReport, Milestones};
pub use verdict::{Detour, HostVerdict, Verdict};

use crate::attribution::{NameTable, name_flow};
use crate::catalog::Catalog;
use crate::facts::{
    Activity, CaptureSummary, DnsLookup, Fact, FactSink, FiveTuple, FlowRecord, HostName, Seen,
    Tally, Timestamp,
};
use attempt::{Attempt, TlsSigns};
use cause::Outcome as FlowOutcome;
use clients::{ClientTable, HostKey};
use compact_str::CompactString;
use ended::Keeper;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use matching::{Attribution, SetFinder, SetMatch, attribute};
use outcome::{Vantage, judge};
use proxy::KnownProxies;
use smallvec::SmallVec;
use standing::{Traffic, TrafficTotals};
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use vantage::{VantageEvidence, initial_hop_limit};

/// Connections remembered to recognise the same one behind address translation.
const MAX_TRANSLATION_ENTRIES: usize = 262_144;

/// A translated connection follows the original within this time.
const TRANSLATION_WINDOW: Duration = Duration::from_secs(1);

/// Names of no set remembered per client to tell its platform.
const TELLING_NAMES: usize = 64;

/// Resolvers remembered; a site has a handful, forged answers come from anywhere.
const MAX_RESOLVERS: usize = 65_536;

/// How often (in capture time) old DNS answers are forgotten.
const NAME_EXPIRY: Duration = Duration::from_secs(600);

/// The same for a monitor.
const MONITOR_EXPIRY: Duration = Duration::from_secs(60);

/// What to audit and what to keep for the report.
#[derive(Debug, Clone, Default)]
pub struct AuditOptions {
    /// What the devices are judged by.
    pub scenario: ScenarioPlan,
    /// Only devices with one of these addresses; empty for all.
    pub clients: Vec<IpAddr>,
    /// Keep every flow for the report.
    pub keep_flows: bool,
    /// Keep every lookup for the report.
    pub keep_lookups: bool,
    /// Keep the times of each host's first attempts and lookups for the report.
    pub keep_timeline: bool,
    /// Keep for each host which packets stand around its evidence.
    pub keep_proof: bool,
}

/// A flow kept for the report.
struct KeptFlow {
    record: Box<FlowRecord>,
    attribution: Attribution,
}

/// The originator's packet that opened a connection, to find the same connection after address translation.
struct Opening {
    originator: SocketAddr,
    first: Seen,
    hop_limit: Option<u8>,
}

impl Opening {
    /// Whether this packet passed the place of capture before `other` did: a router takes one off the hop limit; one that
    /// does not still sends later.
    fn is_before(&self, other: &Self) -> bool {
        match (self.hop_limit, other.hop_limit) {
            (Some(own), Some(others)) if own != others => own > others,
            _ => self.first.frame < other.first.frame,
        }
    }
}

/// The catalogue that an auditor judges by.
#[derive(Clone)]
enum Judged<'c> {
    Borrowed(&'c Catalog),
    Shared(Arc<Catalog>),
}

impl Deref for Judged<'_> {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        match self {
            Self::Borrowed(catalog) => catalog,
            Self::Shared(catalog) => catalog,
        }
    }
}

/// What the auditor of a running monitor knows beside the facts.
struct Running {
    /// The moment up to which facts have come.
    now: Timestamp,
    /// Packets were dropped or found missing until then.
    lossy_until: Timestamp,
    /// TCP connections with missing packets, when that was looked at last.
    gappy: u64,
    /// What open flows tell of the place of capture; a flow may be counted several times.
    vantage: VantageEvidence,
    /// What flows that are still open were taken for.
    open: HashMap<(Seen, FiveTuple), OpenFlow, RandomState>,
    /// What went where since the start.
    traffic: TrafficTotals,
    /// Clients of which something was told since they were last asked for.
    touched: HashSet<IpAddr, RandomState>,
    /// What ended and waits to be taken; `None` where nobody asks for it.
    ended: Option<Box<Keeper>>,
}

/// What was told of a flow that is still open, to be taken back when more is known.
#[derive(Default)]
struct OpenFlow {
    /// Hosts it was attributed to.
    hosts: SmallVec<[HostKey; 1]>,
    /// What it was counted as.
    counted: SmallVec<[(Arc<SetMatch>, Traffic); 1]>,
}

/// Takes facts, gives the report.
pub struct Auditor<'c> {
    catalog: Judged<'c>,
    options: AuditOptions,
    limits: AuditLimits,
    running: Option<Box<Running>>,
    sets: SetFinder,
    names: NameTable,
    clients: ClientTable,
    vantage: VantageEvidence,
    flows: Vec<KeptFlow>,
    lookups: Vec<DnsLookup>,
    openings: HashMap<(SocketAddr, u32), Opening, RandomState>,
    known_domains: HashSet<CompactString, RandomState>,
    resolvers: HashSet<IpAddr, RandomState>,
    proxies: KnownProxies,
    last_expiry: Timestamp,
    activity: Activity,
}

impl<'c> Auditor<'c> {
    /// An auditor that judges by `catalog`.
    #[must_use]
    pub fn new(catalog: &'c Catalog, options: AuditOptions) -> Self {
        Self::within(
            Judged::Borrowed(catalog),
            options,
            AuditLimits::default(),
            None,
        )
    }

    fn within(
        catalog: Judged<'c>,
        options: AuditOptions,
        limits: AuditLimits,
        running: Option<Box<Running>>,
    ) -> Self {
        Self {
            options,
            limits,
            running,
            sets: SetFinder::default(),
            names: NameTable::new(limits.names),
            clients: ClientTable::new(limits),
            vantage: VantageEvidence::default(),
            flows: Vec::new(),
            lookups: Vec::new(),
            openings: HashMap::default(),
            known_domains: known_domains(&catalog),
            resolvers: HashSet::default(),
            proxies: KnownProxies::default(),
            last_expiry: Timestamp::default(),
            activity: Activity::default(),
            catalog,
        }
    }

    /// The report, once the capture has ended.
    #[must_use]
    pub fn finish(self, capture: CaptureSummary) -> AuditReport {
        report::build(self, capture)
    }

    fn take_flow(&mut self, record: Box<FlowRecord>) {
        self.vantage.note_flow(&record);
        self.expire(record.last.time);
        let attribution = self.attribution(&record);
        if !self.withdraw_open(&record) {
            self.note_client(&record, &attribution);
        }
        self.add_attempts(&record, &attribution, false);
        self.proxies.learn(&record);
        if let Some(client) = self.clients.existing(record.five_tuple.originator.ip()) {
            let name = attribution.name.as_ref();
            client.proxies.add(&record, name, &self.proxies);
            client.dns_over_tcp.add(&record);
        }
        let flow = KeptFlow {
            record,
            attribution,
        };
        if let Some(keeper) = self.keeper() {
            keeper.add_flow(flow);
        } else if self.options.keep_flows {
            self.flows.push(flow);
        }
    }

    fn keeper(&mut self) -> Option<&mut Keeper> {
        self.running.as_mut()?.ended.as_deref_mut()
    }

    fn attribution(&mut self, record: &FlowRecord) -> Attribution {
        let name = name_flow(record, &self.names);
        let responder = record.five_tuple.responder;
        attribute(
            &self.catalog,
            &mut self.sets,
            name,
            responder,
            record.five_tuple.transport,
        )
    }

    /// Remembers who opened the flow, and whether it repeats another client's connection behind a translator.
    fn note_client(&mut self, record: &FlowRecord, attribution: &Attribution) {
        let originator = record.five_tuple.originator;
        if is_group_address(record.five_tuple.responder.ip()) {
            return;
        }
        let translated = self.is_translated(record);
        let Some(client) = self.clients.client(originator.ip()) else {
            return;
        };
        client.flows = client.flows.saturating_add(1);
        if let Some(tcp) = &record.tcp {
            client.tcp_flows = client.tcp_flows.saturating_add(1);
            let [hop_limit, _] = tcp.hop_limit;
            if let Some(hop_limit) = hop_limit {
                client.note_hop_limit(initial_hop_limit(hop_limit));
            }
        }
        client.translated_flows = client
            .translated_flows
            .saturating_add(u64::from(translated));
        client.first = Some(
            client
                .first
                .map_or(record.first, |first| first.min(record.first)),
        );
        if client.vlans.is_empty() {
            client.vlans.clone_from(&record.vlans);
        }
        if let Some(name) = &attribution.name
            && client.telling_names.len() < TELLING_NAMES
        {
            let folded = name.folded();
            if !client.telling_names.contains(&folded) {
                client.telling_names.push(folded);
            }
        }
        self.clients
            .note_sender(originator.ip(), record.originator_mac, record.last.time);
    }

    /// Address translation keeps the server, its port and the initial sequence number.
    fn is_translated(&mut self, record: &FlowRecord) -> bool {
        let Some(tcp) = &record.tcp else { return false };
        let Some(sequence) = tcp.initial_sequence else {
            return false;
        };
        let [hop_limit, _] = tcp.hop_limit;
        let key = (record.five_tuple.responder, sequence);
        let opening = Opening {
            originator: record.five_tuple.originator,
            first: record.first,
            hop_limit,
        };
        match self.openings.get_mut(&key) {
            Some(known)
                if known.originator.ip() != opening.originator.ip()
                    && known.first.time.since(record.first.time) <= TRANSLATION_WINDOW
                    && record.first.time.since(known.first.time) <= TRANSLATION_WINDOW =>
            {
                // The flows may end in either order.
                if known.is_before(&opening) {
                    return true;
                }
                let later = std::mem::replace(known, opening);
                if let Some(other) = self.clients.client(later.originator.ip()) {
                    other.translated_flows = other.translated_flows.saturating_add(1);
                }
                false
            }
            Some(_) => false,
            None => {
                if self.openings.len() < MAX_TRANSLATION_ENTRIES {
                    self.openings.insert(key, opening);
                }
                false
            }
        }
    }

    /// Adds the flow to the history of the host it was meant for; a proxy connection may be meant for several.
    fn add_attempts(&mut self, record: &FlowRecord, attribution: &Attribution, open: bool) {
        let hosts = record.http.as_ref().map_or(&[][..], |http| &http.hosts);
        if hosts.len() < 2 || record.tunnel.is_some() {
            self.add_attempt(record, attribution, open);
            return;
        }
        for host in hosts {
            let sets = self
                .sets
                .of_chain(&self.catalog, host, [])
                .unwrap_or_default();
            let mut part = record.clone();
            if let Some(http) = &mut part.http {
                http.exchanges
                    .retain(|exchange| exchange.host.as_ref() == Some(host));
            }
            let attribution = Attribution {
                name: Some(host.clone()),
                sets,
                ..attribution.clone()
            };
            self.add_attempt(&part, &attribution, open);
        }
    }

    fn add_attempt(&mut self, record: &FlowRecord, attribution: &Attribution, open: bool) {
        let client = record.five_tuple.originator.ip();
        if attribution.sets.primary.is_empty() {
            return;
        }
        // While the capture runs only success is certain; everything else waits for its end.
        let provisional = Vantage {
            end: record.last.time,
            missing: None,
            lossy: false,
        };
        let judgement = judge(record, provisional, &|host| self.knows_domain(host));
        let served = matches!(judgement.outcome, FlowOutcome::Served);
        let inspection = inspection_of(record, attribution.name.as_ref());
        if served
            && inspection.is_none()
            && let Some(keeper) = self.keeper()
        {
            keeper.note_served(record.five_tuple.responder.ip());
        }
        let attempt = Attempt {
            first: record.first,
            last: record.last,
            transport: record.five_tuple.transport,
            originator: record.five_tuple.originator,
            responder: record.five_tuple.responder,
            through_proxy: attribution.through_proxy,
            source: attribution.name_source,
            port_listed: attribution.port_listed,
            outcome: judgement.outcome,
            single_syn: is_single_syn(record),
            milestones: Milestones::of(record),
            evidence: judgement.evidence.into_sorted(),
            inspection,
            tls_signs: TlsSigns::of(record, served),
            flow: (!served).then(|| Box::new(record.clone())),
            open,
        };
        let key = match &attribution.name {
            Some(name) => HostKey::Name(name.folded()),
            None => HostKey::Address(record.five_tuple.responder.ip()),
        };
        let recent = self.recent_attempt(&attempt);
        if open && let Some(running) = &mut self.running {
            running
                .open
                .entry((record.first, record.five_tuple))
                .or_default()
                .hosts
                .push(key.clone());
        }
        self.count_attempt(record, &attribution.sets, recent.as_ref(), open);
        let Some(entry) = self.clients.host(client, key, &attribution.sets) else {
            return;
        };
        entry.history.name = entry
            .history
            .name
            .take()
            .or_else(|| attribution.name.clone());
        if !open {
            if self.options.clients.is_empty() || self.options.clients.contains(&client) {
                let tally = Tally {
                    attempts: 1,
                    failed: u64::from(!served),
                };
                self.activity.add(record.first.time, tally);
            }
            entry.history.octets = entry
                .history
                .octets
                .saturating_add(record.octets.iter().sum());
        }
        entry.history.add_attempt(attempt, &self.limits);
        if let Some(recent) = recent {
            entry.history.add_recent(recent, &self.limits);
        }
    }

    fn take_lookup(&mut self, lookup: Box<DnsLookup>) {
        let exchange = &lookup.exchange;
        self.names.learn(&lookup);
        self.vantage.note_lookup(exchange);
        if exchange.answer.is_some() && self.resolvers.len() < MAX_RESOLVERS {
            self.resolvers.insert(lookup.resolver.ip());
        }
        if let Some(name) = &lookup.name {
            self.note_lookup(&lookup, name);
        }
        let now = self.running.as_ref().map(|running| running.now);
        if let (Some(keeper), Some(now)) = (self.keeper(), now) {
            keeper.add_lookup(*lookup, now);
        } else if self.options.keep_lookups {
            self.lookups.push(*lookup);
        }
    }

    fn note_lookup(&mut self, lookup: &DnsLookup, name: &HostName) {
        let exchange = &lookup.exchange;
        let sets = self.sets.of_chain(&self.catalog, name, &lookup.cnames);
        let Some(client) = self.clients.client(lookup.client.ip()) else {
            return;
        };
        let seen = exchange.query.or(exchange.answer);
        client.first = match (client.first, seen) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if let Some(seen) = exchange.answer.or(exchange.last_query).or(seen) {
            client.last = client.last.max(seen.time);
        }
        match sets {
            Some(sets) => {
                let outcome = self.recent_lookup(lookup);
                self.count_lookup(&sets, outcome.as_ref());
                let key = HostKey::Name(name.folded());
                let Some(entry) = self.clients.host(lookup.client.ip(), key, &sets) else {
                    return;
                };
                entry.history.name.get_or_insert_with(|| name.clone());
                entry.history.add_lookup(exchange, &self.limits);
                if let Some(outcome) = outcome {
                    entry
                        .history
                        .add_recent_lookup(exchange, outcome, &self.limits);
                }
            }
            None if client.telling_names.len() < TELLING_NAMES => {
                let folded = name.folded();
                if !client.telling_names.contains(&folded) {
                    client.telling_names.push(folded);
                }
            }
            None => {}
        }
    }

    /// Whether `host` lies in a domain that the endpoint lists use.
    fn knows_domain(&self, host: &str) -> bool {
        registrable_part(host).is_some_and(|domain| self.known_domains.contains(domain))
    }

    fn expire(&mut self, now: Timestamp) {
        // A monitor has no end at which everything goes.
        let interval = match self.running {
            Some(_) => MONITOR_EXPIRY,
            None => NAME_EXPIRY,
        };
        if now.since(self.last_expiry) >= interval {
            self.last_expiry = now;
            self.names.expire(now);
            self.openings
                .retain(|_, opening| now.since(opening.first.time) <= interval);
            self.clients.expire(now);
        }
    }
}

impl FactSink for Auditor<'_> {
    fn accept(&mut self, fact: Fact) {
        match fact {
            Fact::Flow(record) => self.take_flow(record),
            Fact::Dns(lookup) => self.take_lookup(lookup),
            Fact::Host(sighting) => self.clients.learn(sighting),
        }
    }
}

fn is_single_syn(record: &FlowRecord) -> bool {
    record.tcp.as_ref().is_some_and(|tcp| {
        tcp.syn_count == 1
            && tcp.syn_ack.is_none()
            && tcp.established.is_none()
            && tcp.reset.iter().all(Option::is_none)
    })
}

fn inspection_of(record: &FlowRecord, host: Option<&HostName>) -> Option<Box<Evidence>> {
    let certificate = record.tls.as_ref()?.certificate.as_ref()?;
    let what = issuer::inspection_sign(certificate, host)?.into();
    Some(Box::new(Evidence {
        seen: certificate.seen,
        what,
    }))
}

/// Broadcast and multicast: nobody is asked in particular.
fn is_group_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

/// The last two labels of a name, which is as much as a redirect needs to be judged.
pub(crate) fn registrable_part(name: &str) -> Option<&str> {
    let mut dots = name.rmatch_indices('.').map(|(position, _)| position);
    dots.next()?;
    Some(match dots.next() {
        Some(position) => name.get(position.saturating_add(1)..).unwrap_or(name),
        None => name,
    })
}

fn known_domains(catalog: &Catalog) -> HashSet<CompactString, RandomState> {
    catalog
        .sets()
        .iter()
        .flat_map(|set| set.hosts.iter().chain(&set.also_recognised))
        .filter_map(|host| registrable_part(host.pattern.as_str()).map(CompactString::from))
        .collect()
}
