//! How devices stand while a capture is still running: verdicts over a rolling window, and what failed last.
//!
//! The facts are the same as for a report, and so are the rules: what a capture that ended now would say.

use super::attempt::{Attempt, HostHistory, HostLookup};
use super::cause::Outcome;
use super::clients::{ClientState, HostKey};
use super::lookup::{LookupOutcome, judge_lookup};
use super::matching::{SetFinder, SetMatch};
use super::outcome::{SILENCE, Vantage};
use super::scenario::Scenario;
use super::vantage::VantageEvidence;
use super::verdict::{HostVerdict, Verdict, judge_host};
use super::{
    AuditLimits, AuditOptions, AuditReport, Auditor, Cause, Judged, Running, known_domains, report,
};
use crate::catalog::{Catalog, FeatureArea, Requirement, ScenarioFile, SetKey};
use crate::facts::{CaptureSummary, DnsLookup, FiveTuple, FlowEnd, FlowRecord, Seen, Timestamp};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long after a drop a single missing answer proves nothing.
const LOSS_MEMORY: Duration = Duration::from_secs(60);

/// How one device stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its addresses, IPv4 first.
    pub addresses: SmallVec<[IpAddr; 2]>,
    /// The name it gives itself, printable.
    pub name: Option<CompactString>,
    /// When something was told of it last.
    pub last: Timestamp,
    /// The hosts it tried.
    pub hosts: Vec<HostStanding>,
}

/// How one host of a device stands.
#[derive(Debug, Clone)]
pub struct HostStanding {
    /// Its name, or its address where it has none; in lower case.
    pub host: CompactString,
    /// The sets of the most specific pattern.
    pub sets: SmallVec<[SetKey; 2]>,
    /// Any client of the field contacts it.
    pub generic: bool,
    /// Served at least once since the client is known.
    pub ever_served: bool,
    /// The verdict over the window; `None` when nothing was tried in it.
    pub in_window: Option<HostVerdict>,
    /// What failed after the last attempt that was served; `None` when nothing did, or when that is not certain.
    pub failing: Option<Failing>,
    /// Start of the attempt in the window that was served last.
    pub last_served: Option<Timestamp>,
}

/// Attempts that failed, with none served since the first of them began.
#[derive(Debug, Clone)]
pub struct Failing {
    /// The verdict on these attempts alone.
    pub verdict: HostVerdict,
    /// What stopped them first.
    pub cause: Cause,
    /// Start of the first one.
    pub since: Timestamp,
    /// Start of the last one.
    pub last: Timestamp,
    /// Attempts, and lookups of one type, as far as they are remembered.
    pub count: u32,
    /// Where the attempts went.
    pub contacts: Contacts,
}

/// Where the attempts on a host that failed went, to find their packets by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contacts {
    /// The connections.
    pub connections: SmallVec<[FiveTuple; 1]>,
    /// Addresses of the host: those that were connected to without a proxy, and those that its name resolved to.
    pub addresses: SmallVec<[IpAddr; 2]>,
}

impl Auditor<'static> {
    /// An auditor that runs on and on.
    #[must_use]
    pub fn monitor(catalog: Arc<Catalog>, options: AuditOptions, limits: AuditLimits) -> Self {
        let running = Running {
            now: Timestamp(i64::MIN),
            lossy_until: Timestamp(i64::MIN),
            gappy: 0,
            vantage: VantageEvidence::default(),
            open: hashbrown::HashMap::default(),
            traffic: TrafficTotals::default(),
            touched: hashbrown::HashSet::default(),
            ended: None,
        };
        Self::within(
            Judged::Shared(catalog),
            options,
            limits,
            Some(Box::new(running)),
        )
    }

    /// Judges by another catalogue from now on. What was tried is attributed anew by its names.
    pub fn change_catalog(&mut self, catalog: Arc<Catalog>, options: AuditOptions) {
        self.known_domains = known_domains(&catalog);
        let mut finder = SetFinder::default();
        self.clients.retain_hosts(|key, entry| {
            let sets = match (key, &entry.history.name) {
                (HostKey::Name(_), Some(name)) => finder.of_chain(&catalog, name, []),
                // Its range may be listed no more; what was tried before is nothing to build on.
                _ => None,
            };
            match sets {
                Some(sets) => {
                    entry.sets = sets;
                    true
                }
                None => false,
            }
        });
        self.options = options;
        self.sets = finder;
        self.catalog = Judged::Shared(catalog);
    }

    /// The report of what was seen so far; everything is kept.
    #[must_use]
    pub fn report_so_far(&self, capture: CaptureSummary) -> AuditReport {
        report::build(self.copy(), capture)
    }

    /// What a report needs of this auditor, for another thread to [`Auditor::finish`]: making the report takes several times
    /// as long.
    #[must_use]
    pub fn copy(&self) -> Self {
        Auditor {
            catalog: self.catalog.clone(),
            options: self.options.clone(),
            limits: self.limits,
            running: None,
            sets: SetFinder::default(),
            names: crate::attribution::NameTable::new(0),
            clients: self.clients.clone(),
            vantage: self.vantage,
            flows: Vec::new(),
            lookups: Vec::new(),
            openings: hashbrown::HashMap::default(),
            known_domains: self.known_domains.clone(),
            resolvers: self.resolvers.clone(),
            proxies: self.proxies.clone(),
            last_expiry: self.last_expiry,
            activity: self.activity.clone(),
        }
    }
}

impl Auditor<'_> {
    /// Moves time on: everything up to `now` has been told. `dropped` says that packets were lost since the last call.
    pub fn advance(&mut self, now: Timestamp, dropped: bool) {
        let gappy = self.vantage.gappy;
        if let Some(running) = &mut self.running {
            running.now = running.now.max(now);
            if dropped || gappy > running.gappy {
                running.lossy_until = now.plus(LOSS_MEMORY);
            }
            running.gappy = gappy;
        }
        self.expire(now);
    }

    /// Takes the record of a flow that is still open; the flow is told again when it ends.
    pub fn take_open(&mut self, record: &FlowRecord) {
        if let Some(running) = &mut self.running {
            running.vantage.note_flow(record);
        }
        let attribution = self.attribution(record);
        let known = self.withdraw_open(record);
        if attribution.sets.primary.is_empty() && record.http.is_none() {
            return;
        }
        if !known {
            self.note_client(record, &attribution);
        }
        let before = self
            .running
            .as_ref()
            .map_or(0, |running| running.open.len());
        self.add_attempts(record, &attribution, true);
        // Once its opener is counted, it must not be counted again when it ends.
        if let Some(running) = &mut self.running
            && running.open.len() == before
        {
            running
                .open
                .entry((record.first, record.five_tuple))
                .or_default();
        }
    }

    /// Takes back what was told of the flow while it was open. True when it was.
    pub(super) fn withdraw_open(&mut self, record: &FlowRecord) -> bool {
        let Some(running) = &mut self.running else {
            return false;
        };
        let key = (record.first, record.five_tuple);
        let Some(told) = running.open.remove(&key) else {
            return false;
        };
        for (sets, counted) in told.counted {
            running
                .traffic
                .change(&sets, &self.catalog, |known| known.take_back(counted));
        }
        let originator = record.five_tuple.originator;
        for host in told.hosts {
            if let Some(state) = self.clients.existing(originator.ip())
                && let Some(entry) = state.hosts.get_mut(&host)
            {
                entry.history.withdraw(record.first, originator);
            }
        }
        true
    }

    /// The attempt as it is judged now, for the rolling window; `None` while its end is open.
    pub(super) fn recent_attempt(&mut self, attempt: &Attempt) -> Option<Attempt> {
        let vantage = self.vantage_now()?;
        let running = self.running.as_mut()?;
        running.touched.insert(attempt.originator.ip());
        let mut recent = attempt.clone();
        recent.settle(vantage, &|host| {
            super::registrable_part(host).is_some_and(|domain| self.known_domains.contains(domain))
        });
        let ended = attempt.flow.as_ref().is_none_or(|flow| {
            flow.end == FlowEnd::Closed || running.now.since(flow.last.time) >= SILENCE
        });
        (ended && !matches!(recent.outcome, Outcome::Unclear(_))).then_some(recent)
    }

    /// Counts an attempt, as far as it is known by now.
    pub(super) fn count_attempt(
        &mut self,
        record: &FlowRecord,
        sets: &Arc<SetMatch>,
        recent: Option<&Attempt>,
        open: bool,
    ) {
        let Some(vantage) = self.vantage_now() else {
            return;
        };
        let failed = recent.is_some_and(|recent| recent.failure(vantage).is_some());
        let counted = Traffic {
            attempts: 1,
            failed: u64::from(failed),
            octets: record.octets.iter().sum(),
        };
        let Some(running) = &mut self.running else {
            return;
        };
        running
            .traffic
            .change(sets, &self.catalog, |known| known.add(counted));
        if open {
            running
                .open
                .entry((record.first, record.five_tuple))
                .or_default()
                .counted
                .push((Arc::clone(sets), counted));
        }
    }

    /// Counts a lookup that failed; the others lead to attempts.
    pub(super) fn count_lookup(&mut self, sets: &SetMatch, outcome: Option<&LookupOutcome>) {
        let failed = Traffic {
            attempts: 1,
            failed: 1,
            octets: 0,
        };
        if let (Some(LookupOutcome::Failed(_)), Some(running)) = (outcome, &mut self.running) {
            running
                .traffic
                .change(sets, &self.catalog, |known| known.add(failed));
        }
    }

    /// What went to the hosts of an endpoint set since the start. What several sets list counts for each.
    #[must_use]
    pub fn traffic_of_set(&self, set: &SetKey) -> Traffic {
        let running = self.running.as_ref();
        let known = running.and_then(|running| running.traffic.sets.get(set));
        known.copied().unwrap_or_default()
    }

    /// What went to the hosts of a feature area since the start. What several areas list counts for the first.
    #[must_use]
    pub fn traffic_of_area(&self, area: FeatureArea) -> Traffic {
        let running = self.running.as_ref();
        let known = running.and_then(|running| running.traffic.areas.get(&area));
        known.copied().unwrap_or_default()
    }

    /// How a lookup ended, for the rolling window.
    pub(super) fn recent_lookup(&mut self, lookup: &DnsLookup) -> Option<LookupOutcome> {
        let vantage = self.vantage_now()?;
        let running = self.running.as_mut()?;
        running.touched.insert(lookup.client.ip());
        Some(judge_lookup(
            &lookup.exchange,
            vantage.end,
            vantage.may_lack_replies(),
            // Whether an inside address serves shows when it is contacted.
            |_| false,
        ))
    }

    /// The vantage point as it is known now; `None` when this is no monitor.
    pub(super) fn vantage_now(&self) -> Option<Vantage> {
        let running = self.running.as_ref()?;
        Some(Vantage {
            end: running.now,
            missing: self
                .vantage
                .missing_side()
                .or_else(|| running.vantage.missing_side()),
            lossy: running.now < running.lossy_until,
        })
    }

    /// Clients of which something was told since the last call, and those that were forgotten.
    pub fn take_touched(&mut self) -> (Vec<IpAddr>, Vec<IpAddr>) {
        let touched = match &mut self.running {
            Some(running) => running.touched.drain().collect(),
            None => Vec::new(),
        };
        (touched, std::mem::take(&mut self.clients.gone))
    }

    /// How the device that has `address` stands, its history before `now - window` forgotten. `None` when it tried nothing
    /// of the endpoint list, or only repeats another client's connections behind address translation.
    pub fn standing(&mut self, address: IpAddr, window: Duration) -> Option<Standing> {
        let vantage = self.vantage_now()?;
        let start = Timestamp(
            vantage
                .end
                .0
                .saturating_sub(i64::try_from(window.as_nanos()).unwrap_or(i64::MAX)),
        );
        let addresses = self.clients.device_of(address);
        let uses_ipv6 = addresses
            .iter()
            .any(|address| matches!(address, IpAddr::V6(v6) if !v6.is_unicast_link_local()));
        let mut standing = Standing {
            addresses,
            name: None,
            last: Timestamp(i64::MIN),
            hosts: Vec::new(),
        };
        let mut tried: BTreeMap<HostKey, (Arc<SetMatch>, HostHistory)> = BTreeMap::new();
        for address in &standing.addresses {
            let Some(state) = self.clients.existing(*address) else {
                continue;
            };
            if report::is_translated(state) {
                continue;
            }
            standing.last = standing.last.max(state.last);
            if let (None, Some(name)) = (&standing.name, &state.name) {
                standing.name = Some(CompactString::from(name.to_string()));
            }
            for (key, entry) in &mut state.hosts {
                entry.history.forget_before(start);
                let (sets, joined) = tried.entry(key.clone()).or_default();
                if sets.primary.is_empty() {
                    sets.clone_from(&entry.sets);
                }
                joined.recent.extend(entry.history.recent.iter().cloned());
                joined
                    .recent_lookups
                    .extend(entry.history.recent_lookups.iter().cloned());
                joined.more_served = joined
                    .more_served
                    .saturating_add(entry.history.served_so_far());
            }
        }
        standing.hosts = tried
            .into_iter()
            .map(|(key, (sets, history))| host_standing(key, sets, history, vantage, uses_ipv6))
            .collect();
        (!standing.hosts.is_empty()).then_some(standing)
    }

    /// How much the scenario of the device that has `address` needs each of `sets`.
    #[must_use]
    pub fn requirement(
        &self,
        address: IpAddr,
        set: &SetKey,
        scenarios: &ScenarioFile,
    ) -> Requirement {
        let addresses = self.clients.device_of(address);
        let Some(state) = self.clients.get(address) else {
            return Requirement::None;
        };
        let mut known = ClientState {
            vendor_class: state.vendor_class.clone(),
            name: state.name.clone(),
            ..ClientState::default()
        };
        for address in &addresses {
            if let Some(state) = self.clients.get(*address) {
                known
                    .telling_names
                    .extend(state.telling_names.iter().cloned());
                known
                    .telling_names
                    .extend(state.hosts.keys().filter_map(|key| match key {
                        HostKey::Name(name) => Some(name.clone()),
                        HostKey::Address(_) => None,
                    }));
            }
        }
        let scenario = Scenario::of_client(&self.options.scenario, &addresses, &known, scenarios);
        self.catalog
            .set(set)
            .map_or(Requirement::None, |set| scenario.requirement(set))
    }

    /// Addresses known, hosts of all of them, names, and addresses that left because there was no room or after silence.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes {
            clients: self.clients.addresses(),
            hosts: self.clients.hosts(),
            names: self.names.len(),
            evicted: self.clients.evicted,
            expired: self.clients.expired,
            names_refused: self.names.refused,
        }
    }

    /// The catalogue that is judged by.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

/// Attempts of all devices since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections, and lookups that failed. One connection for several hosts, as through a proxy, counts for each.
    pub attempts: u64,
    /// Those that failed, by the rules of a verdict.
    pub failed: u64,
    /// Octets of the connections' packets, both directions together.
    pub octets: u64,
}

/// What went where. There are as many entries as the catalogue has endpoint sets.
#[derive(Debug, Default)]
pub(super) struct TrafficTotals {
    sets: hashbrown::HashMap<SetKey, Traffic, RandomState>,
    areas: BTreeMap<FeatureArea, Traffic>,
}

impl TrafficTotals {
    /// Changes what is counted for the sets of a host and for the area of the first of them.
    fn change(&mut self, sets: &SetMatch, catalog: &Catalog, change: impl Fn(&mut Traffic)) {
        for set in &sets.primary {
            change(self.sets.entry(set.clone()).or_default());
        }
        let first = sets.primary.first().and_then(|set| catalog.set(set));
        if let Some(set) = first {
            change(self.areas.entry(set.feature_area()).or_default());
        }
    }
}

impl Traffic {
    fn add(&mut self, more: Self) {
        self.attempts = self.attempts.saturating_add(more.attempts);
        self.failed = self.failed.saturating_add(more.failed);
        self.octets = self.octets.saturating_add(more.octets);
    }

    fn take_back(&mut self, told: Self) {
        self.attempts = self.attempts.saturating_sub(told.attempts);
        self.failed = self.failed.saturating_sub(told.failed);
        self.octets = self.octets.saturating_sub(told.octets);
    }
}

/// How full the auditor's tables are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Client addresses.
    pub clients: usize,
    /// Hosts of all of them.
    pub hosts: usize,
    /// Names remembered for addresses.
    pub names: usize,
    /// Client addresses let go of to make room.
    pub evicted: u64,
    /// Client addresses forgotten after long silence.
    pub expired: u64,
    /// DNS answers not remembered for want of room.
    pub names_refused: u64,
}

fn host_standing(
    key: HostKey,
    sets: Arc<SetMatch>,
    mut history: HostHistory,
    vantage: Vantage,
    uses_ipv6: bool,
) -> HostStanding {
    let (attempts, lookups) = (&mut history.recent, &mut history.recent_lookups);
    attempts.sort_by_key(|attempt| attempt.first);
    lookups.sort_by_key(asked);
    let last_served = attempts
        .iter()
        .filter(|attempt| attempt.was_served())
        .map(|attempt| attempt.first)
        .next_back();
    let tried = !attempts.is_empty() || !lookups.is_empty();
    let in_window = tried.then(|| judge_host(attempts, lookups, vantage, uses_ipv6));
    let resolved = lookups
        .iter()
        .filter(|lookup| lookup.outcome == LookupOutcome::Ok)
        .filter_map(asked)
        .next_back();
    let later: Vec<Attempt> = attempts
        .iter()
        .filter(|attempt| Some(attempt.first) > last_served)
        .cloned()
        .collect();
    let later_lookups: Vec<HostLookup> = lookups
        .iter()
        .filter(|lookup| asked(lookup) > last_served.max(resolved))
        .cloned()
        .collect();
    HostStanding {
        host: match key {
            HostKey::Name(name) => name,
            HostKey::Address(address) => CompactString::from(address.to_string()),
        },
        generic: sets.generic,
        sets: sets.primary.clone(),
        ever_served: history.more_served > 0,
        in_window,
        failing: failing(&later, &later_lookups, vantage, uses_ipv6).map(|failing| Failing {
            contacts: contacts(&later, lookups, vantage),
            ..failing
        }),
        last_served: last_served.map(|seen| seen.time),
    }
}

fn asked(lookup: &HostLookup) -> Option<Seen> {
    lookup.exchange.query.or(lookup.exchange.answer)
}

fn failing(
    attempts: &[Attempt],
    lookups: &[HostLookup],
    vantage: Vantage,
    uses_ipv6: bool,
) -> Option<Failing> {
    let verdict = judge_host(attempts, lookups, vantage, uses_ipv6);
    let cause = verdict
        .cause
        .filter(|_| verdict.verdict == Verdict::Blocked)?;
    let mut starts: Vec<Timestamp> = attempts
        .iter()
        .filter(|attempt| attempt.failure(vantage).is_some())
        .map(|attempt| attempt.first.time)
        .collect();
    if starts.is_empty() {
        // Both address types are asked for at once: one failure, not two.
        let failed = lookups
            .iter()
            .filter(|lookup| matches!(lookup.outcome, LookupOutcome::Failed(_)));
        let first_type = failed.clone().next()?.exchange.query_type;
        starts = failed
            .filter(|lookup| lookup.exchange.query_type == first_type)
            .filter_map(asked)
            .map(|seen| seen.time)
            .collect();
    }
    Some(Failing {
        cause,
        since: starts.iter().min().copied()?,
        last: starts.iter().max().copied()?,
        count: u32::try_from(starts.len()).unwrap_or(u32::MAX),
        verdict,
        contacts: Contacts::default(),
    })
}

fn contacts(attempts: &[Attempt], lookups: &[HostLookup], vantage: Vantage) -> Contacts {
    let mut contacts = Contacts::default();
    for attempt in attempts {
        if attempt.failure(vantage).is_none() {
            continue;
        }
        contacts.connections.push(FiveTuple {
            originator: attempt.originator,
            responder: attempt.responder,
            transport: attempt.transport,
        });
        if !attempt.through_proxy {
            contacts.addresses.push(attempt.responder.ip());
        }
    }
    let resolved = lookups.iter().flat_map(|lookup| &lookup.exchange.addresses);
    contacts.addresses.extend(resolved.copied());
    contacts.addresses.sort_unstable();
    contacts.addresses.dedup();
    contacts
}
