//! Makes the rules.

use super::usage::{DeviceId, HostUsage, Proof, Usage};
use super::{Allowlist, Demand, Mode, Rule, State, Target};
use crate::catalog::{Catalog, EndpointSet, HostPattern, Region, Requirement, Scenario, SetKey};
use hashbrown::HashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Most rules made: more than all editions publish.
const MAX_RULES: usize = 50_000;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// How much.
    pub mode: Mode,
    /// What devices did; `None` for what is published alone.
    pub usage: Option<&'r Usage<'r>>,
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
        drafts: BTreeMap::new(),
        is_full: request.usage.is_some_and(Usage::is_full),
    };
    if request.mode == Mode::Complete {
        builder.add_published(request);
    }
    for (key, set) in request.usage.iter().flat_map(|usage| &usage.sets) {
        let Some(listed) = set.listed else { continue };
        for (name, host) in &set.hosts {
            builder.add_host(request.mode, key, listed, name, host);
        }
    }
    let is_full = builder.is_full;
    let mut rules: Vec<Rule> = builder.drafts.into_values().map(Draft::finish).collect();
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
        is_full,
    }
}

fn purpose(request: Request<'_>) -> Vec<String> {
    match (request.scenario, request.usage) {
        (Some(scenario), _) => vec![scenario.title.clone()],
        (None, Some(usage)) => usage.titles.iter().cloned().collect(),
        (None, None) => Vec::new(),
    }
}

/// Required sets that nothing of which was tried, which a request of what was seen leaves out.
fn untried(request: Request<'_>) -> BTreeSet<SetKey> {
    if request.mode == Mode::Complete {
        return BTreeSet::new();
    }
    request
        .usage
        .iter()
        .flat_map(|usage| &usage.sets)
        .filter(|(_, set)| set.requirement == Requirement::Hard && !set.was_tried)
        .map(|(key, _)| key.clone())
        .collect()
}

/// A rule that is being made.
struct Draft {
    rule: Rule,
    states: BTreeSet<State>,
    proof: Proof,
    devices: HashSet<DeviceId>,
}

struct Builder<'c> {
    catalog: &'c Catalog,
    drafts: BTreeMap<Target, Draft>,
    is_full: bool,
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
                if let Some(draft) = self.draft(target) {
                    open(&mut draft.rule, set, requirement);
                    draft.rule.demands.extend(demands);
                }
            }
            for prefix in &set.prefixes {
                if let Some(draft) = self.draft(Target::Range(prefix.prefix.to_string())) {
                    open(&mut draft.rule, set, requirement);
                }
            }
        }
    }

    /// One host that devices tried or looked up.
    fn add_host(
        &mut self,
        mode: Mode,
        key: &SetKey,
        listed: &EndpointSet,
        name: &str,
        host: &HostUsage,
    ) {
        let (target, pattern) = match name.parse::<IpAddr>() {
            Ok(address) => (Target::Address(address), range_of(listed, address)),
            Err(_) => (Target::Host(name.to_owned()), pattern_of(listed, name)),
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
        // What a complete request does not list is not needed for what the device did.
        if mode == Mode::Complete && !self.drafts.contains_key(&target) {
            return;
        }
        let Some(draft) = self.draft(target) else {
            return;
        };
        let rule = &mut draft.rule;
        let pattern = pattern.map(|pattern| pattern.text());
        // The most specific one that any of its sets has.
        let length = |pattern: &Option<String>| pattern.as_ref().map(String::len);
        if length(&pattern) > length(&rule.pattern) {
            rule.pattern = pattern;
        }
        rule.requirement = rule.requirement.max(host.requirement);
        rule.sets.insert(key.clone());
        if mode == Mode::Seen {
            let none = host.tcp_ports.is_empty() && host.udp_ports.is_empty();
            if none {
                // Only looked up, or tried on other ports than those that are published.
                rule.tcp_ports.extend(&listed.tcp_ports);
                rule.udp_ports.extend(&listed.udp_ports);
            }
            rule.tcp_ports.extend(&host.tcp_ports);
            rule.udp_ports.extend(&host.udp_ports);
        }
        rule.demands.extend(demands);
        draft.states.extend(&host.states);
        draft.devices.extend(&host.devices);
        draft.proof.improve(host.proof.clone());
    }

    fn draft(&mut self, target: Target) -> Option<&mut Draft> {
        if self.drafts.len() >= MAX_RULES && !self.drafts.contains_key(&target) {
            self.is_full = true;
            return None;
        }
        Some(
            self.drafts
                .entry(target.clone())
                .or_insert_with(|| Draft::new(target)),
        )
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

impl Draft {
    fn new(target: Target) -> Self {
        Self {
            rule: Rule {
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
            },
            states: BTreeSet::new(),
            proof: Proof::default(),
            devices: HashSet::new(),
        }
    }

    fn finish(self) -> Rule {
        Rule {
            state: together(&self.states),
            cause: self.proof.cause,
            proof: self.proof.first.map(|(time, frame)| (frame, time)),
            devices: self.devices.len(),
            ..self.rule
        }
    }
}

/// The state of what has all of these: under one wildcard or on several devices some works and some does not.
fn together(states: &BTreeSet<State>) -> State {
    match states.first() {
        Some(State::Blocked)
            if states.contains(&State::Partly) || states.contains(&State::Works) =>
        {
            State::Partly
        }
        Some(worst) => *worst,
        None => State::Untried,
    }
}

/// How much the request needs a set.
fn needed(request: Request<'_>, set: &EndpointSet) -> Requirement {
    if let Some(scenario) = request.scenario {
        return scenario.requirement(&set.key);
    }
    match request.usage {
        Some(usage) => usage
            .sets
            .get(&set.key)
            .map_or(Requirement::None, |own| own.requirement),
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
