//! What devices used, condensed to what rules need.
//!
//! In come sets and hosts of devices, from any number of captures, reports and tables and in any order; [`super::build`] makes rules of it.
//! Memory follows the number of different hosts of each set and of devices, not how often they were seen.

use super::State;
use crate::audit::Cause;
use crate::catalog::{Catalog, EndpointSet, Requirement, SetKey, Standing};
use crate::facts::Transport;
use crate::results::{HostResult, Results};
use compact_str::CompactString;
use foldhash::quality::FixedState;
use hashbrown::HashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

/// Most different hosts: a capture may hold any number of names under a wildcard.
const MAX_HOSTS: usize = 50_000;

/// Most different sets, which is more than all editions have; tables may name any.
const MAX_SETS: usize = 10_000;

/// Most different scenarios, which is more than there are.
const MAX_TITLES: usize = 1_000;

/// Which device it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId(u64);

impl DeviceId {
    /// The device with this first address at this site; without a site the same address is the same device.
    #[must_use]
    pub fn new(site: Option<&str>, address: &str) -> Self {
        Self(FixedState::default().hash_one((site, address)))
    }
}

/// What devices used.
#[derive(Debug)]
pub struct Usage<'c> {
    catalog: &'c Catalog,
    pub(super) titles: BTreeSet<String>,
    pub(super) sets: BTreeMap<SetKey, SetUsage<'c>>,
    hosts: usize,
    is_full: bool,
}

/// What devices used of one set.
#[derive(Debug)]
pub(super) struct SetUsage<'c> {
    /// The set, where it is a reason to open a port: one that only older editions have, or that explains somebody else's traffic, is
    /// none.
    pub listed: Option<&'c EndpointSet>,
    /// How much the scenario of any device needs it.
    pub requirement: Requirement,
    /// Some device tried or looked up something of it.
    pub was_tried: bool,
    /// By name in lower case, or address.
    pub hosts: BTreeMap<CompactString, HostUsage>,
}

/// What devices did with one host of a set.
#[derive(Debug)]
pub(super) struct HostUsage {
    pub requirement: Requirement,
    pub states: BTreeSet<State>,
    /// Ports of the set that were tried; all of them where a proxy hides which.
    pub tcp_ports: BTreeSet<u16>,
    pub udp_ports: BTreeSet<u16>,
    pub proof: Proof,
    pub devices: HashSet<DeviceId>,
}

/// What shows the state: of a failing attempt where there is one, and the earliest of these.
#[derive(Debug, Clone, Default)]
pub(super) struct Proof {
    pub fails: bool,
    pub cause: Option<Cause>,
    /// Time and frame.
    pub first: Option<(String, u64)>,
}

impl<'c> Usage<'c> {
    /// Nothing yet. Only ports that sets of `catalog` list are remembered.
    #[must_use]
    pub fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            titles: BTreeSet::new(),
            sets: BTreeMap::new(),
            hosts: 0,
            is_full: false,
        }
    }

    /// Whether so many different hosts were used that some had to be left out.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Adds all devices of a report.
    pub fn add_results(&mut self, results: &Results) {
        for device in &results.devices {
            let address = device.addresses.first().map(ToString::to_string);
            let id = DeviceId::new(None, &address.unwrap_or_default());
            self.add_scenario(&device.scenario.title);
            for set in &device.sets {
                self.add_set(&set.key, set.requirement, !set.hosts.is_empty());
                for host in &set.hosts {
                    self.add_host(id, &set.key, set.requirement, host);
                }
            }
        }
    }

    /// Adds the title of what a device was judged by.
    pub fn add_scenario(&mut self, title: &str) {
        if self.titles.contains(title) {
            return;
        }
        if self.titles.len() < MAX_TITLES {
            self.titles.insert(title.to_owned());
        } else {
            self.is_full = true;
        }
    }

    /// Adds what a device needs of a set, and whether it tried or looked up any of its hosts.
    pub fn add_set(&mut self, key: &SetKey, requirement: Requirement, was_tried: bool) {
        if let Some(set) = self.set(key) {
            set.requirement = set.requirement.max(requirement);
            set.was_tried |= was_tried;
        }
    }

    /// Adds what a device did with a host of a set that it needs so much.
    pub fn add_host(
        &mut self,
        device: DeviceId,
        key: &SetKey,
        requirement: Requirement,
        host: &HostResult,
    ) {
        let has_room = self.hosts < MAX_HOSTS;
        let Some(set) = self.set(key) else { return };
        let Some(listed) = set.listed else { return };
        let name = CompactString::from(host.name.to_ascii_lowercase());
        if !has_room && !set.hosts.contains_key(&name) {
            self.is_full = true;
            return;
        }
        let known = set.hosts.len();
        let usage = set.hosts.entry(name).or_insert_with(HostUsage::new);
        usage.note(device, requirement, listed, host);
        let added = set.hosts.len().saturating_sub(known);
        self.hosts = self.hosts.saturating_add(added);
    }

    fn set(&mut self, key: &SetKey) -> Option<&mut SetUsage<'c>> {
        if !self.sets.contains_key(key) {
            if self.sets.len() >= MAX_SETS {
                self.is_full = true;
                return None;
            }
            let listed = self.catalog.set(key);
            let usage = SetUsage {
                listed: listed.filter(|listed| listed.standing != Standing::Reference),
                requirement: Requirement::None,
                was_tried: false,
                hosts: BTreeMap::new(),
            };
            self.sets.insert(key.clone(), usage);
        }
        self.sets.get_mut(key)
    }
}

impl HostUsage {
    fn new() -> Self {
        Self {
            requirement: Requirement::None,
            states: BTreeSet::new(),
            tcp_ports: BTreeSet::new(),
            udp_ports: BTreeSet::new(),
            proof: Proof::default(),
            devices: HashSet::new(),
        }
    }

    fn note(
        &mut self,
        device: DeviceId,
        requirement: Requirement,
        listed: &EndpointSet,
        host: &HostResult,
    ) {
        let state = match State::of(host.verdict) {
            State::Works if host.attempts == 0 => State::Untried,
            state => state,
        };
        let fails = matches!(state, State::Blocked | State::Partly);
        self.requirement = self.requirement.max(requirement);
        self.states.insert(state);
        self.devices.insert(device);
        for (transport, ports, tried) in [
            (Transport::Tcp, &listed.tcp_ports, &mut self.tcp_ports),
            (Transport::Udp, &listed.udp_ports, &mut self.udp_ports),
        ] {
            tried.extend(ports.iter().copied().filter(|port| {
                host.through_proxy
                    || listed.lists_port(transport, *port) == Some(true)
                        && host
                            .responders
                            .iter()
                            .any(|responder| responder.port() == *port)
            }));
        }
        self.proof.improve(Proof {
            fails,
            cause: host.cause.filter(|_| fails),
            first: host
                .first_time
                .clone()
                .zip(host.first_frame)
                .filter(|_| state != State::Untried),
        });
    }
}

impl Proof {
    /// Takes the other where it shows more.
    pub fn improve(&mut self, other: Self) {
        let rank = |proof: &Self| (!proof.fails, proof.cause.is_none(), proof.first.is_none());
        if (rank(&other), &other.first) < (rank(self), &self.first) {
            *self = other;
        }
    }
}
