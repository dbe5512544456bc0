//! The devices of a capture: addresses joined into clients, with what each of them tried.

use super::attempt::HostHistory;
use super::dns_over_tcp::DnsOverTcp;
use super::limits::AuditLimits;
use super::matching::SetMatch;
use super::proxy::ProxyTrail;
use crate::facts::{HostName, HostSighting, MacAddress, Seen, Timestamp};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What identifies a host in a client's history: its folded name, or its address where it has no name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostKey {
    /// By name, in lower case.
    Name(CompactString),
    /// By address.
    Address(IpAddr),
}

/// One host of a client with the sets it belongs to.
#[derive(Debug, Clone, Default)]
pub struct HostEntry {
    /// The sets.
    pub sets: Arc<SetMatch>,
    /// What was tried.
    pub history: HostHistory,
}

/// What is known of one address that acts as a client.
#[derive(Debug, Clone, Default)]
pub struct ClientState {
    /// Hardware addresses seen as the sender of its packets.
    pub macs: SmallVec<[MacAddress; 1]>,
    /// VLAN identifiers of its first packet.
    pub vlans: SmallVec<[u16; 2]>,
    /// Name the device gives itself.
    pub name: Option<HostName>,
    /// DHCP vendor class.
    pub vendor_class: Option<CompactString>,
    /// Its first packet.
    pub first: Option<Seen>,
    /// When something was told of it last.
    pub last: Timestamp,
    /// TCP and UDP flows it opened.
    pub flows: u64,
    /// Hop limits that its TCP connections started from: a system always uses the same.
    pub initial_hop_limits: SmallVec<[u8; 3]>,
    /// TCP flows among them.
    pub tcp_flows: u64,
    /// TCP flows that repeat another client's connection behind address translation.
    pub translated_flows: u64,
    /// Names of no set that tell the platform (lower case, bounded).
    pub telling_names: SmallVec<[CompactString; 4]>,
    /// Proxies that it could not connect to.
    pub proxies: ProxyTrail,
    /// Whether resolvers can be asked over TCP.
    pub dns_over_tcp: DnsOverTcp,
    /// Hosts of the endpoint list it tried.
    pub hosts: HashMap<HostKey, Box<HostEntry>, RandomState>,
}

impl ClientState {
    /// The entry of a host, made when there are fewer than `room`, and whether it was made.
    pub fn host(
        &mut self,
        key: HostKey,
        sets: &Arc<SetMatch>,
        room: usize,
    ) -> Option<(&mut HostEntry, bool)> {
        let has_room = self.hosts.len() < room;
        match self.hosts.entry(key) {
            Entry::Occupied(known) => {
                let entry = known.into_mut();
                if entry.sets.primary.is_empty() {
                    entry.sets = Arc::clone(sets);
                }
                Some((entry, false))
            }
            Entry::Vacant(place) if has_room => {
                let entry = place.insert(Box::new(HostEntry {
                    sets: Arc::clone(sets),
                    ..HostEntry::default()
                }));
                Some((entry, true))
            }
            Entry::Vacant(_) => None,
        }
    }

    /// Whether anything of the endpoint list was tried.
    #[must_use]
    pub fn touches_endpoints(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// How much is lost with it: nothing, that all went well, or a failure.
    fn weight(&self) -> u8 {
        let failed = |host: &HostEntry| {
            host.history
                .attempts
                .iter()
                .any(|attempt| !attempt.was_served())
        };
        match self.hosts.values().any(|host| failed(host)) {
            true => 2,
            false => u8::from(self.touches_endpoints()),
        }
    }

    /// Remembers the hop limit that a connection started from.
    pub fn note_hop_limit(&mut self, initial: u8) {
        if !self.initial_hop_limits.contains(&initial) {
            self.initial_hop_limits.push(initial);
        }
    }

    fn absorb(&mut self, other: Self) {
        for mac in other.macs {
            if !self.macs.contains(&mac) {
                self.macs.push(mac);
            }
        }
        if self.vlans.is_empty() {
            self.vlans = other.vlans;
        }
        self.name = self.name.take().or(other.name);
        self.vendor_class = self.vendor_class.take().or(other.vendor_class);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.flows = self.flows.saturating_add(other.flows);
        self.tcp_flows = self.tcp_flows.saturating_add(other.tcp_flows);
        for hop_limit in other.initial_hop_limits {
            self.note_hop_limit(hop_limit);
        }
        self.translated_flows = self.translated_flows.saturating_add(other.translated_flows);
        self.telling_names.extend(other.telling_names);
        self.proxies.absorb(other.proxies);
        self.dns_over_tcp.absorb(other.dns_over_tcp);
        for (key, entry) in other.hosts {
            let Some((mine, _)) = self.host(key, &entry.sets, usize::MAX) else {
                continue;
            };
            mine.history.name = mine.history.name.take().or(entry.history.name);
            mine.history.octets = mine.history.octets.saturating_add(entry.history.octets);
            mine.history.also_serving.extend(entry.history.also_serving);
            mine.history.more_served = mine
                .history
                .more_served
                .saturating_add(entry.history.more_served);
            mine.history.more_failed = mine
                .history
                .more_failed
                .saturating_add(entry.history.more_failed);
            mine.history.attempts.extend(entry.history.attempts);
            mine.history.lookups.extend(entry.history.lookups);
        }
    }
}

/// One device: its addresses and everything it tried.
#[derive(Debug)]
pub struct Device {
    /// Its addresses, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Its state, of all addresses together.
    pub state: Box<ClientState>,
}

/// What sends with one hardware address on one VLAN.
type Sender = (MacAddress, SmallVec<[u16; 2]>);

/// Addresses of one sender that are told apart: a sender of more is a router.
const ADDRESSES_OF_SENDER: usize = 17;

/// All addresses that act as clients.
#[derive(Debug, Clone, Default)]
pub struct ClientTable {
    by_address: HashMap<IpAddr, Box<ClientState>, RandomState>,
    /// Addresses by sender, kept only where clients are forgotten: a capture's are joined at its end.
    by_sender: HashMap<Sender, SmallVec<[IpAddr; 2]>, RandomState>,
    limits: AuditLimits,
    /// Hosts of all addresses.
    hosts: usize,
    /// Addresses left out because the table was full.
    pub refused: u64,
    /// Addresses let go of because the table was full.
    pub evicted: u64,
    /// Addresses forgotten after long silence.
    pub expired: u64,
    /// Addresses that left since they were last asked for.
    pub gone: Vec<IpAddr>,
}

impl ClientTable {
    /// An empty table.
    #[must_use]
    pub fn new(limits: AuditLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Addresses in the table.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.by_address.len()
    }

    /// Hosts of all addresses together.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts
    }

    /// What is known of an address.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<&ClientState> {
        self.by_address.get(&address).map(Box::as_ref)
    }

    /// What is known of an address, to change it.
    pub fn existing(&mut self, address: IpAddr) -> Option<&mut ClientState> {
        self.by_address.get_mut(&address).map(Box::as_mut)
    }

    /// The state of a client address, made when there is room.
    pub fn client(&mut self, address: IpAddr) -> Option<&mut ClientState> {
        self.make_room(address)?;
        Some(self.by_address.entry(address).or_default())
    }

    /// Sees to it that the address has a place; `None` when the table is full and nothing leaves it.
    fn make_room(&mut self, address: IpAddr) -> Option<()> {
        if self.by_address.len() >= self.limits.clients && !self.by_address.contains_key(&address) {
            if self.limits.forgetting.is_none() {
                self.refused = self.refused.saturating_add(1);
                return None;
            }
            self.evict();
        }
        Some(())
    }

    /// The entry of a client's host, made when there is room.
    pub fn host(
        &mut self,
        address: IpAddr,
        key: HostKey,
        sets: &Arc<SetMatch>,
    ) -> Option<&mut HostEntry> {
        if self.hosts >= self.limits.hosts {
            self.evict();
        }
        self.make_room(address)?;
        let state = self.by_address.entry(address).or_default();
        let (entry, is_new) = state.host(key, sets, self.limits.hosts_per_client)?;
        self.hosts = self.hosts.saturating_add(usize::from(is_new));
        Some(entry)
    }

    /// Keeps the hosts of all clients for which `keep` says so.
    pub fn retain_hosts(&mut self, mut keep: impl FnMut(&HostKey, &mut HostEntry) -> bool) {
        self.hosts = 0;
        for state in self.by_address.values_mut() {
            state.hosts.retain(|key, entry| keep(key, entry));
            self.hosts = self.hosts.saturating_add(state.hosts.len());
        }
    }

    /// Notes a client's hardware address, and that it is heard of now.
    pub fn note_sender(&mut self, address: IpAddr, mac: Option<MacAddress>, now: Timestamp) {
        let Some(state) = self.by_address.get_mut(&address) else {
            return;
        };
        state.last = state.last.max(now);
        let Some(mac) = mac else { return };
        if !state.macs.contains(&mac) && state.macs.len() < 4 {
            state.macs.push(mac);
        }
        if self.limits.forgetting.is_none() {
            return;
        }
        if let [mac] = state.macs.as_slice() {
            let known = self
                .by_sender
                .entry((*mac, state.vlans.clone()))
                .or_default();
            if known.len() < ADDRESSES_OF_SENDER && !known.contains(&address) {
                known.push(address);
            }
        }
    }

    /// The addresses of the device that has `address`, as far as hardware addresses join them, IPv4 first. The same rule as
    /// for a whole capture.
    #[must_use]
    pub fn device_of(&self, address: IpAddr) -> SmallVec<[IpAddr; 2]> {
        let alone = || SmallVec::from_slice(&[address]);
        let Some(state) = self.by_address.get(&address) else {
            return alone();
        };
        let [mac] = state.macs.as_slice() else {
            return alone();
        };
        match self.by_sender.get(&(*mac, state.vlans.clone())) {
            Some(all) if all.len() > 1 && all.contains(&address) => {
                let mut one: SmallVec<[IpAddr; 2]> = all
                    .iter()
                    .filter(|other| {
                        self.by_address
                            .get(*other)
                            .is_some_and(|state| state.macs.len() == 1)
                    })
                    .copied()
                    .collect();
                one.sort();
                if is_one_device(&one) { one } else { alone() }
            }
            _ => alone(),
        }
    }

    /// Lets go of an eighth of the addresses, see [`super::limits::Forgetting`].
    fn evict(&mut self) {
        let mut order: Vec<(u8, Timestamp, IpAddr)> = self
            .by_address
            .iter()
            .map(|(address, state)| (state.weight(), state.last, *address))
            .collect();
        let leaving = (order.len() / 8).max(1).min(order.len());
        if leaving < order.len() {
            order.select_nth_unstable(leaving);
        }
        for (_, _, address) in order.into_iter().take(leaving) {
            self.remove(address);
            self.evicted = self.evicted.saturating_add(1);
        }
    }

    /// Forgets clients that were silent for long.
    pub fn expire(&mut self, now: Timestamp) {
        let Some(forgetting) = self.limits.forgetting else {
            return;
        };
        let silent: Vec<IpAddr> = self
            .by_address
            .iter()
            .filter(|(_, state)| {
                let patience = if state.touches_endpoints() {
                    forgetting.after
                } else {
                    forgetting.without_attempts
                };
                now.since(state.last) > patience
            })
            .map(|(address, _)| *address)
            .collect();
        for address in silent {
            self.remove(address);
            self.expired = self.expired.saturating_add(1);
        }
    }

    fn remove(&mut self, address: IpAddr) {
        let Some(state) = self.by_address.remove(&address) else {
            return;
        };
        self.hosts = self.hosts.saturating_sub(state.hosts.len());
        if state.touches_endpoints() {
            self.gone.push(address);
        }
        for mac in &state.macs {
            let sender = (*mac, state.vlans.clone());
            if let Some(known) = self.by_sender.get_mut(&sender) {
                known.retain(|other| *other != address);
                if known.is_empty() {
                    self.by_sender.remove(&sender);
                }
            }
        }
    }

    /// Remembers what a sighting says of an address.
    pub fn learn(&mut self, sighting: HostSighting) {
        let (address, mac, seen) = (sighting.address, sighting.mac, sighting.seen);
        let Some(state) = self.client(address) else {
            return;
        };
        state.name = state.name.take().or(sighting.name);
        state.vendor_class = state.vendor_class.take().or(sighting.vendor_class);
        if state.vlans.is_empty() {
            state.vlans = sighting.vlans;
        }
        state.first.get_or_insert(seen);
        self.note_sender(address, mac, seen.time);
    }

    /// Joins the addresses of each device, in the order of their first packets.
    ///
    /// Addresses are one device when one hardware address sends for all of them on one VLAN and at most one of them is
    /// IPv4: a router sends for many.
    #[must_use]
    pub fn into_devices(self) -> Vec<Device> {
        let mut senders: BTreeMap<(MacAddress, SmallVec<[u16; 2]>), Vec<IpAddr>> = BTreeMap::new();
        for (address, state) in &self.by_address {
            if let [mac] = state.macs.as_slice() {
                senders
                    .entry((*mac, state.vlans.clone()))
                    .or_default()
                    .push(*address);
            }
        }
        let mut states = self.by_address;
        let pairs = pairs_by_lookups(&states);
        let mut devices = Vec::with_capacity(states.len());
        for addresses in senders
            .into_values()
            .chain(pairs)
            .filter(|addresses| is_one_device(addresses))
        {
            let mut addresses = addresses;
            addresses.sort();
            let joined = addresses
                .iter()
                .filter_map(|address| states.remove(address))
                .reduce(|mut joined, state| {
                    joined.absorb(*state);
                    joined
                });
            if let Some(state) = joined {
                devices.push(Device { addresses, state });
            }
        }
        devices.extend(states.into_iter().map(|(address, state)| Device {
            addresses: vec![address],
            state,
        }));
        devices.sort_by(|a, b| (a.state.first, &a.addresses).cmp(&(b.state.first, &b.addresses)));
        devices
    }
}

/// Who asked for the IPv6 address of a name.
enum Asker {
    One(IpAddr),
    Several,
}

/// Where no hardware address is in the capture: an IPv6 address that never asks a resolver, but opens connections to hosts
/// whose IPv6 addresses one single IPv4 address asked for, is that device's.
fn pairs_by_lookups(states: &HashMap<IpAddr, Box<ClientState>, RandomState>) -> Vec<Vec<IpAddr>> {
    let mut askers: HashMap<&CompactString, Asker, RandomState> = HashMap::default();
    let [_, aaaa] = super::lookup::ADDRESS_TYPES;
    let unseen = |state: &ClientState| state.macs.is_empty();
    for (address, state) in states.iter().filter(|(a, s)| a.is_ipv4() && unseen(s)) {
        for (key, host) in &state.hosts {
            let asked = host
                .history
                .lookups
                .iter()
                .any(|lookup| lookup.exchange.query_type == aaaa);
            if let (HostKey::Name(name), true) = (key, asked) {
                askers
                    .entry(name)
                    .and_modify(|asker| *asker = Asker::Several)
                    .or_insert(Asker::One(*address));
            }
        }
    }
    let owner = |state: &ClientState| {
        let mut owner = None;
        for (key, host) in &state.hosts {
            let HostKey::Name(name) = key else { continue };
            match askers.get(name) {
                Some(Asker::One(address))
                    if host.history.lookups.is_empty()
                        && owner.is_none_or(|known| known == *address) =>
                {
                    owner = Some(*address);
                }
                _ => return None,
            }
        }
        owner
    };
    let mut joined: BTreeMap<IpAddr, Vec<IpAddr>> = BTreeMap::new();
    for (address, state) in states.iter().filter(|(a, s)| a.is_ipv6() && unseen(s)) {
        if let Some(owner) = owner(state) {
            joined
                .entry(owner)
                .or_insert_with(|| vec![owner])
                .push(*address);
        }
    }
    joined.into_values().collect()
}

fn is_one_device(addresses: &[IpAddr]) -> bool {
    let routable = |address: &&IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(_) => false,
    };
    let ipv4 = addresses.iter().filter(routable).count();
    // A host has a handful of IPv6 addresses (privacy extensions, RFC 8981); a router sends for whole networks.
    let networks: std::collections::BTreeSet<u64> = addresses
        .iter()
        .filter_map(|address| match address {
            IpAddr::V6(v6) if !v6.is_unicast_link_local() => u64::try_from(v6.to_bits() >> 64).ok(),
            _ => None,
        })
        .collect();
    ipv4 <= 1 && networks.len() <= 2 && addresses.len() <= 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, Timestamp};

    fn sighting(address: &str, mac: u8) -> HostSighting {
        HostSighting {
            address: address.parse().unwrap(),
            mac: Some(MacAddress([2, 0, 0, 0, 0, mac])),
            vlans: SmallVec::new(),
            name: None,
            name_source: None,
            vendor_class: None,
            seen: Seen {
                frame: FrameNumber(u64::from(mac)),
                time: Timestamp(0),
            },
        }
    }

    fn devices(sightings: &[(&str, u8)]) -> Vec<usize> {
        let mut table = ClientTable::default();
        for (address, mac) in sightings {
            table.learn(sighting(address, *mac));
        }
        table
            .into_devices()
            .iter()
            .map(|device| device.addresses.len())
            .collect()
    }

    #[test]
    fn both_families_of_one_sender_are_one_device() {
        assert_eq!(
            devices(&[
                ("10.0.0.5", 1),
                ("2001:db8::5", 1),
                ("fe80::5", 1),
                ("10.0.0.6", 2)
            ]),
            [3, 1]
        );
    }

    /// An address without hardware address that asked for the IPv6 address of a name, or (without a question) opened a
    /// connection to that host.
    fn tried(table: &mut ClientTable, address: &str, name: &str, asked: bool) {
        let state = table.client(address.parse().unwrap()).unwrap();
        let (host, _) = state
            .host(HostKey::Name(name.into()), &Arc::default(), 8)
            .unwrap();
        if asked {
            host.history.add_lookup(
                &crate::audit::lookup::tests::question(28).exchange,
                &AuditLimits::default(),
            );
        }
    }

    #[test]
    fn without_hardware_addresses_lookups_join_both_families() {
        let mut table = ClientTable::default();
        tried(&mut table, "10.0.0.5", "manage.microsoft.com", true);
        tried(&mut table, "10.0.0.6", "login.live.com", true);
        tried(&mut table, "2001:db8::5", "manage.microsoft.com", false);
        let devices = table.into_devices();
        assert_eq!(devices.len(), 2);
        assert!(devices.iter().any(|device| device.addresses.len() == 2));
    }

    #[test]
    fn a_name_that_several_asked_for_joins_nobody() {
        let mut table = ClientTable::default();
        tried(&mut table, "10.0.0.5", "manage.microsoft.com", true);
        tried(&mut table, "10.0.0.6", "manage.microsoft.com", true);
        tried(&mut table, "2001:db8::5", "manage.microsoft.com", false);
        assert_eq!(table.into_devices().len(), 3);
    }

    #[test]
    fn behind_a_router_every_address_is_its_own_device() {
        assert_eq!(
            devices(&[("10.0.0.5", 1), ("10.0.0.6", 1), ("2001:db8::5", 1)]),
            [1, 1, 1]
        );
    }
}
