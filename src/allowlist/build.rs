//! Makes the rules.

use super::{Allowlist, Demand, Mode, Rule, State, Target};
use crate::catalog::{
    Catalog, EndpointSet, HostPattern, Region, Requirement, Scenario, SetKey, Standing,
};
use crate::facts::Transport;
use crate::results::{HostResult, Results, SetResult};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Most rules made: more than all editions publish, and a capture may hold any number of names under a wildcard.
const MAX_RULES: usize = 50_000;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// How much.
    pub mode: Mode,
    /// What devices did; `None` for what is published alone.
    pub results: Option<&'r Results>,
    /// The scenario that decides what is needed, where somebody chose one; otherwise each device's own decides, and without
    /// devices the article's Required column.
    pub scenario: Option<&'r Scenario>,
    /// The tenant's region: sets that serve tenants of another one are left out. `None` for any.
    pub region: Option<Region>,
}

/// Makes the rules of a request.
#[must_use]
pub fn build(request: Request<'_>, catalog: &Catalog) -> Allowlist {
    let mut builder = Builder {
        catalog,
        rules: BTreeMap::new(),
    };
    if request.mode == Mode::Complete {
        builder.add_published(request);
    }
    for device in request.results.iter().flat_map(|results| &results.devices) {
        let mut counted = BTreeSet::new();
        for set in &device.sets {
            // A set that only older editions have, or that explains somebody else's traffic, is no reason to open a port.
            let Some(listed) = catalog
                .set(&set.key)
                .filter(|listed| listed.standing != Standing::Reference)
            else {
                continue;
            };
            for host in &set.hosts {
                builder.add_host(request.mode, set, listed, host, &mut counted);
            }
        }
    }
    let mut rules: Vec<Rule> = builder.rules.into_values().collect();
    rules.sort_by(|a, b| {
        let urgent = |rule: &Rule| !matches!(rule.state, State::Blocked | State::Partly);
        urgent(a)
            .cmp(&urgent(b))
            .then(b.requirement.cmp(&a.requirement))
            .then_with(|| a.target.cmp(&b.target))
    });
    Allowlist {
        mode: request.mode,
        edition: catalog.edition().name.clone(),
        purpose: purpose(request),
        untried: untried(request),
        rules,
    }
}

fn purpose(request: Request<'_>) -> Vec<String> {
    if let Some(scenario) = request.scenario {
        return vec![scenario.title.clone()];
    }
    let titles: BTreeSet<&String> = request
        .results
        .iter()
        .flat_map(|results| &results.devices)
        .map(|device| &device.scenario.title)
        .collect();
    titles.into_iter().cloned().collect()
}

/// Required sets that nothing of which was tried, which a request of what was seen leaves out.
fn untried(request: Request<'_>) -> BTreeSet<SetKey> {
    if request.mode == Mode::Complete {
        return BTreeSet::new();
    }
    request
        .results
        .iter()
        .flat_map(|results| &results.devices)
        .flat_map(|device| &device.sets)
        .filter(|set| set.requirement == Requirement::Hard && set.hosts.is_empty())
        .map(|set| set.key.clone())
        .collect()
}

struct Builder<'c> {
    catalog: &'c Catalog,
    rules: BTreeMap<Target, Rule>,
}

impl Builder<'_> {
    /// Everything published of the sets that are needed.
    fn add_published(&mut self, request: Request<'_>) {
        for set in self.catalog.published_sets() {
            if matches!((request.region, set.region), (Some(here), Some(there)) if here != there) {
                continue;
            }
            let requirement = needed(request, set);
            if requirement == Requirement::None {
                continue;
            }
            for host in &set.hosts {
                // The wildcard that covers a sample is a rule of its own.
                if host.sample {
                    continue;
                }
                let text = host.pattern.as_str().to_owned();
                let target = if host.pattern.is_exact() {
                    Target::Host(text)
                } else {
                    Target::Wildcard(text)
                };
                let demands = self.demands_of_pattern(&host.pattern);
                if let Some(rule) = self.rule(target) {
                    open(rule, set, requirement);
                    rule.demands.extend(demands);
                }
            }
            for prefix in &set.prefixes {
                if let Some(rule) = self.rule(Target::Range(prefix.prefix.to_string())) {
                    open(rule, set, requirement);
                }
            }
        }
    }

    /// One host that a device tried or looked up.
    fn add_host(
        &mut self,
        mode: Mode,
        set: &SetResult,
        listed: &EndpointSet,
        host: &HostResult,
        counted: &mut BTreeSet<Target>,
    ) {
        let state = if host.attempts == 0 && State::of(host.verdict) == State::Works {
            State::Untried
        } else {
            State::of(host.verdict)
        };
        let (target, pattern) = match host.name.parse::<IpAddr>() {
            Ok(address) => (Target::Address(address), range_of(listed, address)),
            Err(_) => {
                let folded = host.name.to_ascii_lowercase();
                let pattern = pattern_of(listed, &folded);
                (Target::Host(folded), pattern)
            }
        };
        let (target, pattern) = match (mode, pattern) {
            // What is published stands for the names under it.
            (Mode::Complete, Some(published)) => (published, None),
            (_, pattern) => (target, pattern),
        };
        let demands = match &target {
            Target::Host(name) => self.demands(name),
            _ => Vec::new(),
        };
        let wanted = ports(listed, host);
        let is_new = counted.insert(target.clone());
        // What a complete request does not list is not needed for what the device did.
        if mode == Mode::Complete && !self.rules.contains_key(&target) {
            return;
        }
        let Some(rule) = self.rule(target) else {
            return;
        };
        rule.pattern = rule
            .pattern
            .take()
            .or(pattern.map(|pattern| pattern.text()));
        rule.requirement = rule.requirement.max(set.requirement);
        rule.sets.insert(set.key.clone());
        if mode == Mode::Seen {
            rule.tcp_ports.extend(wanted.0);
            rule.udp_ports.extend(wanted.1);
        }
        rule.demands.extend(demands);
        rule.devices = rule.devices.saturating_add(usize::from(is_new));
        note_state(rule, state, host);
    }

    fn rule(&mut self, target: Target) -> Option<&mut Rule> {
        if self.rules.len() >= MAX_RULES && !self.rules.contains_key(&target) {
            return None;
        }
        Some(self.rules.entry(target.clone()).or_insert_with(|| Rule {
            target,
            pattern: None,
            tcp_ports: BTreeSet::new(),
            udp_ports: BTreeSet::new(),
            sets: BTreeSet::new(),
            requirement: Requirement::None,
            state: State::Untried,
            cause: None,
            proof: None,
            devices: 0,
            demands: BTreeSet::new(),
        }))
    }

    /// What is demanded for a name.
    fn demands(&self, folded: &str) -> Vec<Demand> {
        Demand::ALL
            .into_iter()
            .filter(|demand| {
                match demand {
                    Demand::NoTlsInspection => self.catalog.inspection_unsupported(folded),
                    Demand::UnauthenticatedProxy => {
                        self.catalog.needs_unauthenticated_proxy(folded)
                    }
                    Demand::PartialResponses => self.catalog.needs_partial_content(folded),
                }
                .is_some()
            })
            .collect()
    }

    fn demands_of_pattern(&self, pattern: &HostPattern) -> Vec<Demand> {
        self.demands(&pattern.typical_name())
    }
}

/// How much the request needs a set.
fn needed(request: Request<'_>, set: &EndpointSet) -> Requirement {
    if let Some(scenario) = request.scenario {
        return scenario.requirement(&set.key);
    }
    match request.results {
        Some(results) => results
            .devices
            .iter()
            .flat_map(|device| &device.sets)
            .filter(|own| own.key == set.key)
            .map(|own| own.requirement)
            .max()
            .unwrap_or(Requirement::None),
        None => match set.required {
            Some(true) => Requirement::Hard,
            // What the article lists without calling it required, or without saying.
            Some(false) | None => Requirement::Conditional,
        },
    }
}

/// Opens a set's ports.
fn open(rule: &mut Rule, set: &EndpointSet, requirement: Requirement) {
    rule.tcp_ports.extend(&set.tcp_ports);
    rule.udp_ports.extend(&set.udp_ports);
    rule.sets.insert(set.key.clone());
    rule.requirement = rule.requirement.max(requirement);
}

/// The ports that a host needs: those of its set's ports that were tried, and all of them where a proxy hides which.
fn ports(listed: &EndpointSet, host: &HostResult) -> (Vec<u16>, Vec<u16>) {
    let tried = |transport: Transport, ports: &[u16]| -> Vec<u16> {
        ports
            .iter()
            .copied()
            .filter(|port| {
                host.through_proxy
                    || host
                        .responders
                        .iter()
                        .any(|responder| responder.port() == *port)
                        && listed.lists_port(transport, *port) == Some(true)
            })
            .collect()
    };
    let (tcp, udp) = (
        tried(Transport::Tcp, &listed.tcp_ports),
        tried(Transport::Udp, &listed.udp_ports),
    );
    if tcp.is_empty() && udp.is_empty() {
        // Only looked up, or tried on other ports than those that are published.
        (listed.tcp_ports.clone(), listed.udp_ports.clone())
    } else {
        (tcp, udp)
    }
}

/// The most specific published wildcard of the set that a name falls under; `None` for a name that is published itself.
fn pattern_of(listed: &EndpointSet, folded: &str) -> Option<Target> {
    let best = listed
        .hosts
        .iter()
        .filter(|host| !host.sample && host.pattern.matches(folded))
        .max_by(|a, b| a.pattern.cmp_specificity(&b.pattern))
        .or_else(|| {
            listed
                .also_recognised
                .iter()
                .find(|host| host.pattern.matches(folded))
        })?;
    let text = best.pattern.as_str().to_owned();
    (!best.pattern.is_exact()).then_some(Target::Wildcard(text))
}

fn range_of(listed: &EndpointSet, address: IpAddr) -> Option<Target> {
    let prefix = listed
        .prefixes
        .iter()
        .filter(|listed| listed.prefix.contains(address))
        .max_by_key(|listed| listed.prefix.length())?;
    Some(Target::Range(prefix.prefix.to_string()))
}

/// The worse of two states stands, with its proof.
fn note_state(rule: &mut Rule, state: State, host: &HostResult) {
    let frame = host
        .first_frame
        .zip(host.first_time.clone())
        .filter(|_| state != State::Untried);
    let combined = match (rule.state, state) {
        // Under one wildcard or on several devices some work and some do not.
        (State::Blocked, State::Works) | (State::Works, State::Blocked) => State::Partly,
        (known, new) => known.min(new),
    };
    let worse = matches!(state, State::Blocked | State::Partly) && rule.cause.is_none();
    if rule.proof.is_none() || worse {
        rule.proof = frame.or(rule.proof.take());
    }
    if worse {
        rule.cause = host.cause;
    }
    rule.state = combined;
}
