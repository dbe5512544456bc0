//! The right half: facts and pulses in, events and snapshots out. Knows neither packets nor interfaces nor clocks.

use super::event::{Event, EventKind, Subject};
use super::pulse::{Notice, Pulse};
use super::snapshot::{ClientStatus, InterfaceStatus, SetStatus, Snapshot, TableSizes};
use super::totals::Totals;
use super::watch::{Change, HostWatch};
use crate::audit::standing::{HostStanding, Standing};
use crate::audit::{AuditLimits, AuditOptions, AuditReport, Auditor, Cause, Ended, Verdict};
use crate::catalog::{Catalog, FeatureArea, Requirement, ScenarioFile, SetKey};
use crate::facts::{CaptureSummary, Fact, FactSink, Timestamp};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Drops of an interface are told at most this often.
const DROPS_EVERY: Duration = Duration::from_secs(10);

/// A limit that is reached is told at most this often.
const LIMITS_EVERY: Duration = Duration::from_secs(60);

/// All clients are looked at again within about this many pulses, so that what leaves the window leaves the verdicts.
const PULSES_PER_ROUND: usize = 30;

/// What the monitor was asked to do.
#[derive(Debug, Clone)]
pub struct MonitorOptions {
    /// As for a file.
    pub audit: AuditOptions,
    /// Bounds.
    pub limits: AuditLimits,
    /// The rolling window of verdicts.
    pub window: Duration,
}

/// One host of a watched device.
#[derive(Debug, Clone, Default)]
pub(super) struct WatchedHost {
    pub(super) watch: HostWatch,
    pub(super) sets: SmallVec<[SetKey; 2]>,
    pub(super) in_window: Option<Verdict>,
    pub(super) cause: Option<Cause>,
    ever_served: bool,
}

/// One watched device.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    addresses: SmallVec<[IpAddr; 2]>,
    name: Option<CompactString>,
    last: Timestamp,
    pub(super) hosts: HashMap<CompactString, WatchedHost, RandomState>,
    reached: SmallVec<[SetKey; 4]>,
    /// What the hosts say together, in the catalogue's order, as of the last look.
    pub(super) sets: Box<[SetStatus]>,
}

impl Watched {
    fn is_blocked(&self) -> bool {
        self.sets.iter().any(|set| set.blocked_now)
    }
}

/// Watches devices and tells what becomes of them.
pub struct Monitor {
    catalog: Arc<Catalog>,
    auditor: Auditor<'static>,
    scenarios: ScenarioFile,
    options: MonitorOptions,
    /// Devices by their first address.
    watched: HashMap<IpAddr, Watched, RandomState>,
    /// Devices about which time alone may tell more.
    again: HashSet<IpAddr, RandomState>,
    /// Devices to look at in this round.
    round: Vec<IpAddr>,
    events: Vec<Event>,
    numbered: u64,
    counts: BTreeMap<&'static str, u64>,
    now: Timestamp,
    started: Timestamp,
    capture: CaptureSummary,
    interfaces: Vec<InterfaceStatus>,
    flows: usize,
    /// What of each interface's drops was told, and when.
    drops_told: BTreeMap<CompactString, (Timestamp, u64, u64)>,
    limits_told: BTreeMap<&'static str, (Timestamp, u64)>,
    drops_seen: u64,
}

impl Monitor {
    /// A monitor that begins at `now`, on `interfaces`.
    #[must_use]
    pub fn new(
        catalog: Arc<Catalog>,
        scenarios: ScenarioFile,
        options: MonitorOptions,
        interfaces: Vec<CompactString>,
        now: Timestamp,
    ) -> Self {
        let edition = catalog.edition().name.clone();
        let window = options.window;
        let mut monitor = Self {
            auditor: Auditor::monitor(Arc::clone(&catalog), options.audit.clone(), options.limits),
            catalog,
            scenarios,
            options,
            watched: HashMap::default(),
            again: HashSet::default(),
            round: Vec::new(),
            events: Vec::new(),
            numbered: 0,
            counts: BTreeMap::new(),
            now,
            started: now,
            capture: CaptureSummary::default(),
            interfaces: Vec::new(),
            flows: 0,
            drops_told: BTreeMap::new(),
            limits_told: BTreeMap::new(),
            drops_seen: 0,
        };
        monitor.tell(EventKind::Started {
            interfaces,
            edition,
            window,
        });
        monitor
    }

    /// Takes the state at one moment, looks at every device of which something is new, and tells what changed.
    pub fn pulse(&mut self, pulse: Pulse) {
        self.now = pulse.now;
        let dropped = pulse
            .interfaces
            .iter()
            .map(|interface| {
                interface
                    .dropped_by_kernel
                    .saturating_add(interface.dropped_by_device)
            })
            .sum();
        self.auditor.advance(pulse.now, dropped > self.drops_seen);
        self.drops_seen = dropped;
        for record in &pulse.open {
            self.auditor.take_open(record);
        }
        self.capture = pulse.capture;
        self.interfaces = pulse.interfaces;
        self.flows = pulse.flows;
        for notice in pulse.notices {
            self.tell(match notice {
                Notice::Lost { interface, reason } => {
                    EventKind::InterfaceLost { interface, reason }
                }
                Notice::Back { interface, away } => EventKind::InterfaceBack { interface, away },
            });
        }
        self.tell_drops();
        self.tell_limits();
        self.look();
    }

    /// Events since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Adds an event of the program itself.
    pub fn tell(&mut self, kind: EventKind) {
        self.numbered = self.numbered.saturating_add(1);
        let count = self.counts.entry(kind.name()).or_default();
        *count = count.saturating_add(1);
        self.events.push(Event {
            number: self.numbered,
            time: self.now,
            kind,
        });
    }

    /// Judges by another catalogue and other options from now on. The bounds stay.
    pub fn reload(&mut self, catalog: Arc<Catalog>, audit: AuditOptions, window: Duration) {
        let edition = catalog.edition().name.clone();
        self.options.audit = audit.clone();
        self.options.window = window;
        self.catalog = Arc::clone(&catalog);
        self.auditor.change_catalog(catalog, audit);
        let known: Vec<IpAddr> = self.watched.keys().copied().collect();
        self.again.extend(known);
        self.tell(EventKind::Reloaded { edition });
    }

    /// The report of everything seen so far.
    #[must_use]
    pub fn report_so_far(&self) -> AuditReport {
        self.auditor.report_so_far(self.told(self.capture.clone()))
    }

    /// What [`Self::report_so_far`] makes its report of, for another thread to do.
    #[must_use]
    pub fn state_so_far(&self) -> (Auditor<'static>, CaptureSummary) {
        (self.auditor.copy(), self.told(self.capture.clone()))
    }

    /// Keeps flows and lookups that end until they are taken; see [`Auditor::keep_ended`].
    pub fn keep_ended(&mut self) {
        self.auditor.keep_ended();
    }

    /// What ended; see [`Auditor::take_ended`].
    pub fn take_ended(&mut self, most: usize, last: bool) -> Ended {
        self.auditor.take_ended(most, last)
    }

    /// How many that ended were not kept for want of room; see [`Auditor::take_refused`].
    pub fn take_refused(&mut self) -> u64 {
        self.auditor.take_refused()
    }

    /// The catalogue that is judged by.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// The moment up to which facts have come.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The last report; `capture` is what the left half says at its end. The last event is told with it.
    #[must_use]
    pub fn finish(mut self, mut capture: CaptureSummary) -> (AuditReport, Vec<Event>) {
        if capture.interfaces.is_empty() {
            capture.interfaces = std::mem::take(&mut self.capture.interfaces);
        }
        let capture = self.told(capture);
        let frames = capture.frames;
        let dropped = self.drops_seen;
        let mut events = std::mem::take(&mut self.events);
        let (number, time) = (self.numbered.saturating_add(1), self.now);
        let report = self.auditor.finish(capture);
        let summary = report.summary();
        events.push(Event {
            number,
            time,
            kind: EventKind::Stopped {
                frames,
                dropped,
                clients: report.clients.len(),
                hard_failures: summary.hard_failures,
                findings: summary.findings,
            },
        });
        (report, events)
    }

    /// The state now, with at most `most_clients` devices.
    #[must_use]
    pub fn snapshot(&self, most_clients: usize) -> Snapshot {
        let sizes = self.auditor.sizes();
        let totals = Totals::of(self.watched.values(), most_clients > 0);
        let mut order: Vec<(bool, Timestamp, &IpAddr)> = self
            .watched
            .iter()
            .map(|(address, watched)| (watched.is_blocked(), watched.last, address))
            .collect();
        let blocked_now = order.iter().filter(|(blocked, ..)| *blocked).count();
        let devices_blocked = u64::try_from(blocked_now).unwrap_or(u64::MAX);
        order.sort_unstable_by(|a, b| b.cmp(a));
        let clients = order
            .into_iter()
            .take(most_clients)
            .filter_map(|(_, _, address)| self.watched.get(address))
            .map(|watched| ClientStatus {
                addresses: watched.addresses.to_vec(),
                name: watched.name.clone(),
                last_seen: watched.last,
                sets: watched.sets.to_vec(),
            })
            .collect();
        let (areas, sets, blocked) = totals.into_lists(&self.auditor);
        Snapshot {
            time: self.now,
            started: self.started,
            edition: self.auditor.catalog().edition().name.clone(),
            window: self.options.window,
            frames: self.capture.frames,
            octets: self.capture.original_octets,
            interfaces: self.interfaces.clone(),
            tables: TableSizes {
                flows: self.flows,
                flows_evicted: self.capture.anomalies.count("flow-limit-reached"),
                clients: sizes.clients,
                clients_evicted: sizes.evicted,
                clients_expired: sizes.expired,
                hosts: sizes.hosts,
                names: sizes.names,
            },
            areas,
            sets,
            blocked,
            devices: u64::try_from(self.watched.len()).unwrap_or(u64::MAX),
            devices_blocked,
            clients,
            events: self
                .counts
                .iter()
                .map(|(name, count)| (*name, *count))
                .collect(),
        }
    }

    /// Adds to a capture's counters what the right half let go of.
    fn told(&self, mut capture: CaptureSummary) -> CaptureSummary {
        let sizes = self.auditor.sizes();
        if sizes.evicted > 0 {
            capture
                .anomalies
                .add("client-limit-reached", None, sizes.evicted);
        }
        if sizes.names_refused > 0 {
            capture
                .anomalies
                .add("name-limit-reached", None, sizes.names_refused);
        }
        capture
    }

    /// Looks at the devices of which something is new, at those that time may tell of, and at some of the others.
    fn look(&mut self) {
        let (touched, gone) = self.auditor.take_touched();
        for address in gone {
            self.watched.remove(&address);
            self.again.remove(&address);
        }
        let mut due: Vec<IpAddr> = touched;
        due.extend(self.again.drain());
        if self.round.is_empty() {
            self.round.extend(self.watched.keys());
        }
        let share = (self.watched.len() / PULSES_PER_ROUND).saturating_add(1);
        let rest = self.round.len().saturating_sub(share);
        due.extend(self.round.drain(rest..));
        // The same order for the same facts, whatever the tables' seeds.
        due.sort_unstable();
        due.dedup();
        let mut seen: HashSet<IpAddr, RandomState> = HashSet::default();
        for address in due {
            let Some(standing) = self.auditor.standing(address, self.options.window) else {
                continue;
            };
            let wanted = &self.options.audit.clients;
            if !wanted.is_empty() && !standing.addresses.iter().any(|one| wanted.contains(one)) {
                continue;
            }
            let Some(first) = standing.addresses.first().copied() else {
                continue;
            };
            if seen.insert(first) {
                self.look_at(first, standing);
            }
        }
    }

    fn look_at(&mut self, first: IpAddr, standing: Standing) {
        let mut watched = match self.watched.remove(&first) {
            Some(watched) => watched,
            None => self.begin(&standing),
        };
        // An address that was watched alone belongs to this device now.
        for address in &standing.addresses {
            if *address != first
                && let Some(other) = self.watched.remove(address)
            {
                watched.reached.extend(other.reached);
                for (host, known) in other.hosts {
                    watched.hosts.entry(host).or_insert(known);
                }
            }
        }
        watched.addresses = standing.addresses;
        watched.name = standing.name;
        watched.last = standing.last;
        let mut again = false;
        for host in &standing.hosts {
            again |= self.look_at_host(&mut watched, host);
        }
        let tried: HashSet<&CompactString, RandomState> =
            standing.hosts.iter().map(|host| &host.host).collect();
        watched.hosts.retain(|host, _| tried.contains(host));
        if again {
            self.again.insert(first);
        }
        watched.sets = self.sets_of(&watched);
        self.watched.insert(first, watched);
    }

    fn begin(&mut self, standing: &Standing) -> Watched {
        let known = standing
            .addresses
            .iter()
            .any(|address| self.watched.contains_key(address));
        if !known {
            self.tell(EventKind::ClientSeen {
                client: standing.addresses.to_vec(),
                client_name: standing.name.clone(),
            });
        }
        Watched::default()
    }

    /// True when time alone may bring more about this host.
    fn look_at_host(&mut self, watched: &mut Watched, host: &HostStanding) -> bool {
        let mut known = watched.hosts.remove(&host.host).unwrap_or_default();
        known.sets.clone_from(&host.sets);
        known.in_window = host.in_window.as_ref().map(|judged| judged.verdict);
        known.cause = host.in_window.as_ref().and_then(|judged| judged.cause);
        known.ever_served |= host.ever_served || host.last_served.is_some();
        if known.ever_served && host.sets.iter().any(|set| !watched.reached.contains(set)) {
            for set in &host.sets {
                if !watched.reached.contains(set) {
                    watched.reached.push(set.clone());
                }
            }
            if let Some(subject) = self.subject(watched, host) {
                self.tell(EventKind::ReachedFirstTime(subject));
            }
        }
        let observed = known.watch.observe(host, self.now, self.options.window);
        if let Some(change) = observed.change
            && let Some(subject) = self.subject(watched, host)
        {
            self.tell(match change {
                Change::Blocked {
                    cause,
                    since,
                    failed,
                    evidence,
                    contacts,
                } => EventKind::Blocked {
                    subject,
                    cause,
                    since,
                    failed,
                    evidence,
                    contacts,
                },
                Change::Recovered { cause, since } => EventKind::Recovered {
                    subject,
                    cause,
                    since,
                },
                Change::Lapsed { cause, since } => EventKind::Lapsed {
                    subject,
                    cause,
                    since,
                },
            });
        }
        watched.hosts.insert(host.host.clone(), known);
        observed.again
    }

    fn subject(&self, watched: &Watched, host: &HostStanding) -> Option<Subject> {
        let catalog = self.auditor.catalog();
        let client = watched.addresses.first()?;
        let requirement = host
            .sets
            .iter()
            .map(|set| self.auditor.requirement(*client, set, &self.scenarios))
            .max()
            .unwrap_or(Requirement::None);
        Some(Subject {
            client: watched.addresses.to_vec(),
            client_name: watched.name.clone(),
            feature_area: catalog.set(host.sets.first()?)?.feature_area(),
            sets: host.sets.clone(),
            requirement,
            host: host.host.clone(),
        })
    }

    /// The endpoint sets of a device, each with what its hosts together say.
    fn sets_of(&self, watched: &Watched) -> Box<[SetStatus]> {
        let catalog = self.auditor.catalog();
        let mut by_set: BTreeMap<&SetKey, Vec<(&CompactString, &WatchedHost)>> = BTreeMap::new();
        for (name, host) in &watched.hosts {
            for set in &host.sets {
                by_set.entry(set).or_default().push((name, host));
            }
        }
        let mut sets: Vec<SetStatus> = by_set
            .into_iter()
            .filter_map(|(key, mut hosts)| {
                hosts.sort_by_key(|(name, _)| *name);
                let area = catalog.set(key)?.feature_area();
                Some(set_status(key, area, watched.reached.contains(key), &hosts))
            })
            .collect();
        sets.sort_by(|a, b| (a.area, &a.set).cmp(&(b.area, &b.set)));
        sets.into_boxed_slice()
    }

    fn tell_drops(&mut self) {
        let mut due = Vec::new();
        for interface in &self.interfaces {
            let (kernel, device) = (interface.dropped_by_kernel, interface.dropped_by_device);
            let told = self.drops_told.entry(interface.name.clone()).or_insert((
                Timestamp(i64::MIN),
                0,
                0,
            ));
            let (when, kernel_told, device_told) = *told;
            if (kernel > kernel_told || device > device_told) && self.now.since(when) >= DROPS_EVERY
            {
                *told = (self.now, kernel, device);
                due.push(EventKind::Drops {
                    interface: interface.name.clone(),
                    kernel: kernel.saturating_sub(kernel_told),
                    device: device.saturating_sub(device_told),
                });
            }
        }
        due.into_iter().for_each(|kind| self.tell(kind));
    }

    fn tell_limits(&mut self) {
        let sizes = self.auditor.sizes();
        let anomalies = &self.capture.anomalies;
        let counters = [
            ("clients", sizes.evicted),
            ("names", sizes.names_refused),
            ("flows", anomalies.count("flow-limit-reached")),
            ("questions", anomalies.count("question-limit-reached")),
        ];
        for (limit, count) in counters {
            let told = self
                .limits_told
                .entry(limit)
                .or_insert((Timestamp(i64::MIN), 0));
            let (when, count_told) = *told;
            if count > count_told && self.now.since(when) >= LIMITS_EVERY {
                *told = (self.now, count);
                self.tell(EventKind::LimitReached {
                    limit,
                    count: count.saturating_sub(count_told),
                });
            }
        }
    }
}

impl FactSink for Monitor {
    fn accept(&mut self, fact: Fact) {
        self.auditor.accept(fact);
    }
}

/// What the hosts of one set say together, by the rule of a report: some work and others do not means in part.
fn set_status(
    key: &SetKey,
    area: FeatureArea,
    ever_reached: bool,
    hosts: &[(&CompactString, &WatchedHost)],
) -> SetStatus {
    let verdicts = || hosts.iter().filter_map(|(_, host)| host.in_window);
    let works = |verdict: Verdict| {
        matches!(
            verdict,
            Verdict::Reached | Verdict::Degraded | Verdict::Intercepted
        )
    };
    let worst = verdicts().max();
    let in_window = match worst {
        Some(Verdict::Blocked) if verdicts().any(works) => Some(Verdict::Degraded),
        // What was only looked up, or cannot be told, hides nothing that works.
        Some(Verdict::Inconclusive | Verdict::NeverReached) if verdicts().any(works) => {
            verdicts().filter(|verdict| works(*verdict)).max()
        }
        worst => worst,
    };
    let blocked = hosts.iter().find(|(_, host)| host.watch.cause().is_some());
    let failed = hosts.iter().find(|(_, host)| host.cause.is_some());
    let telling = blocked.or(failed).or(hosts.last());
    SetStatus {
        set: key.clone(),
        area,
        in_window,
        ever_reached,
        blocked_now: blocked.is_some(),
        cause: telling.and_then(|(_, host)| host.watch.cause().or(host.cause)),
        host: telling.map(|(name, _)| (*name).clone()).unwrap_or_default(),
    }
}
