//! Which names each client was told for which address, from DNS answers.

use crate::facts::{DnsLookup, HostName, Timestamp};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Names kept for one address of one client, newest last: content networks put many names on one address, but only the
/// last few can be meant by the next connection.
const NAMES_PER_ADDRESS: usize = 4;

/// How long an answer is believed at least, whatever its time to live says: operating systems and browsers keep using
/// addresses past it for connections they retry or reopen.
const SHORTEST_LIFE: Duration = Duration::from_secs(600);

/// How long an answer is believed at most (RFC 8767 §4 caps usable lifetimes at a few days; captures of weeks need less).
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Two names resolved this close together may both be meant by the connection that follows.
const AMBIGUOUS: Duration = Duration::from_secs(2);

/// An answer may follow the connection it led to by so much: captures of several interfaces or queues are not quite in order.
const DISORDER: Duration = Duration::from_millis(10);

/// Addresses kept in all, of all clients: about 120 MB at the worst.
const MAX_ENTRIES: usize = 1_000_000;

/// A name with the names it is an alias of, kept once however many clients ask for it.
#[derive(Debug, PartialEq, Eq)]
pub struct ResolvedName {
    /// The name asked for.
    pub name: HostName,
    /// Names of its CNAME chain.
    pub aliases: SmallVec<[HostName; 2]>,
}

/// One name an address was given for.
#[derive(Debug, Clone)]
struct NamedAddress {
    resolved: Arc<ResolvedName>,
    /// When the first answer came.
    first: Timestamp,
    /// When the last answer came.
    since: Timestamp,
    /// Until when it may have been used.
    until: Timestamp,
}

/// What the table knows about an address at some time.
#[derive(Debug)]
pub struct Found<'a> {
    /// The name resolved last.
    pub newest: &'a ResolvedName,
    /// Other names resolved to the same address at about the same time.
    pub also: SmallVec<[HostName; 1]>,
    /// The client itself was told, not only another client.
    pub own: bool,
}

type Names = SmallVec<[NamedAddress; 1]>;

/// DNS answers by client and address, bounded.
#[derive(Debug)]
pub struct NameTable {
    /// By a hash of client and address: the largest table of an audit, where a chance collision in 64 bits is rarer than
    /// a wrong answer.
    own: HashMap<u64, Names, RandomState>,
    hasher: RandomState,
    anyone: HashMap<IpAddr, Names, RandomState>,
    /// Every name with the chain it was last told with, by folded name.
    resolved: HashMap<CompactString, Arc<ResolvedName>, RandomState>,
    capacity: usize,
    /// Answers not kept because the table was full.
    pub refused: u64,
}

impl Default for NameTable {
    fn default() -> Self {
        Self::new(MAX_ENTRIES)
    }
}

impl NameTable {
    /// A table of at most `capacity` entries, two for each address that a client was told.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            own: HashMap::default(),
            hasher: RandomState::default(),
            anyone: HashMap::default(),
            resolved: HashMap::default(),
            capacity,
            refused: 0,
        }
    }

    /// Entries now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len().saturating_add(self.anyone.len())
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.anyone.is_empty()
    }

    /// Remembers what `lookup` told its client.
    pub fn learn(&mut self, lookup: &DnsLookup) {
        let exchange = &lookup.exchange;
        let (Some(name), Some(answer)) = (&lookup.name, exchange.answer) else {
            return;
        };
        let client = lookup.client.ip();
        let hinted = lookup.hints.iter().flat_map(|hint| hint.addresses.iter());
        let mut addresses = exchange.addresses.iter().chain(hinted).peekable();
        if addresses.peek().is_none() && lookup.cnames.is_empty() {
            return;
        }
        let life = Duration::from_secs(u64::from(lookup.ttl.unwrap_or(0)))
            .clamp(SHORTEST_LIFE, LONGEST_LIFE);
        let entry = NamedAddress {
            resolved: self.intern(name, &lookup.cnames),
            first: answer.time,
            since: answer.time,
            until: answer.time.plus(life),
        };
        for address in addresses {
            if self.len() >= self.capacity {
                self.refused = self.refused.saturating_add(1);
                return;
            }
            let key = self.hasher.hash_one((client, *address));
            remember(self.own.entry(key).or_default(), &entry);
            remember(self.anyone.entry(*address).or_default(), &entry);
        }
    }

    /// The name that `client` meant by `address` at `time`.
    #[must_use]
    pub fn lookup(&self, client: IpAddr, address: IpAddr, time: Timestamp) -> Option<Found<'_>> {
        let find = |names: &'_ Names| newest_before(names, time).is_some();
        let key = self.hasher.hash_one((client, address));
        let own = self.own.get(&key).filter(|names| find(names));
        let names = own.or_else(|| self.anyone.get(&address))?;
        let newest = newest_before(names, time)?;
        let told = newest.told_before(time);
        let also = names
            .iter()
            .filter(|other| other.resolved.name != newest.resolved.name)
            .filter(|other| {
                let other = other.told_before(time);
                told.zip(other)
                    .is_some_and(|(told, other)| told.since(other) <= AMBIGUOUS)
            })
            .map(|other| other.resolved.name.clone())
            .collect();
        Some(Found {
            newest: &newest.resolved,
            also,
            own: own.is_some(),
        })
    }

    /// The CNAME chain that was last told for `name`.
    #[must_use]
    pub fn aliases_of(&self, name: &HostName) -> SmallVec<[HostName; 2]> {
        self.resolved
            .get(&name.folded())
            .map_or_else(SmallVec::new, |resolved| resolved.aliases.clone())
    }

    /// Forgets what can no longer be meant at `now`.
    pub fn expire(&mut self, now: Timestamp) {
        let alive = |names: &mut Names| {
            names.retain(|entry| entry.until >= now);
            !names.is_empty()
        };
        self.own.retain(|_, names| alive(names));
        self.anyone.retain(|_, names| alive(names));
        self.resolved
            .retain(|_, resolved| Arc::strong_count(resolved) > 1);
    }

    fn intern(&mut self, name: &HostName, cnames: &[HostName]) -> Arc<ResolvedName> {
        let folded = name.folded();
        match self.resolved.get(&folded) {
            Some(known) if known.name.as_str() == name.as_str() && *known.aliases == *cnames => {
                Arc::clone(known)
            }
            _ => {
                let resolved = Arc::new(ResolvedName {
                    name: name.clone(),
                    aliases: cnames.iter().cloned().collect(),
                });
                if self.resolved.len() < self.capacity {
                    self.resolved.insert(folded, Arc::clone(&resolved));
                }
                resolved
            }
        }
    }
}

impl NamedAddress {
    /// When an answer last gave this name before `time`, as far as remembered.
    fn told_before(&self, time: Timestamp) -> Option<Timestamp> {
        let latest = time.plus(DISORDER);
        [self.since, self.first]
            .into_iter()
            .find(|told| *told <= latest)
    }
}

/// Long connections are named when they end: an answer that came meanwhile must not hide the one that led to them.
fn remember(names: &mut Names, entry: &NamedAddress) {
    let mut entry = entry.clone();
    names.retain(|known| {
        let same = known.resolved.name == entry.resolved.name;
        if same {
            entry.first = entry.first.min(known.first);
        }
        !same
    });
    if names.len() >= NAMES_PER_ADDRESS {
        names.remove(0);
    }
    names.push(entry);
}

fn newest_before(names: &Names, time: Timestamp) -> Option<&NamedAddress> {
    names
        .iter()
        .filter(|entry| time <= entry.until)
        .filter_map(|entry| Some((entry.told_before(time)?, entry)))
        .max_by_key(|(told, _)| *told)
        .map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{DnsExchange, DnsOutcome, DnsTransport, FrameNumber, Seen};

    fn exchange(client: &str, name: &str, address: &str, seconds: i64) -> DnsLookup {
        let seen = Seen {
            frame: FrameNumber(1),
            time: Timestamp::from_parts(seconds, 0),
        };
        DnsLookup {
            client: format!("{client}:5000").parse().unwrap(),
            resolver: "10.0.0.1:53".parse().unwrap(),
            name: HostName::from_wire(name.as_bytes()),
            cnames: vec![],
            hints: vec![],
            ttl: Some(60),
            exchange: DnsExchange {
                transport: DnsTransport::Udp,
                query_type: 1,
                query: Some(seen),
                last_query: None,
                queries: 1,
                answer: Some(seen),
                outcome: DnsOutcome::Answered { response_code: 0 },
                addresses: vec![address.parse().unwrap()],
                answered: true,
                answer_cut_short: false,
                truncated: false,
            },
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_clients_own_newest_answer_wins_and_others_are_kept_as_ambiguous() {
        let mut names = NameTable::default();
        names.learn(&exchange("10.0.0.5", "a.example", "192.0.2.1", 100));
        names.learn(&exchange("10.0.0.5", "b.example", "192.0.2.1", 101));
        names.learn(&exchange("10.0.0.6", "c.example", "192.0.2.1", 102));
        let found = names
            .lookup(
                ip("10.0.0.5"),
                ip("192.0.2.1"),
                Timestamp::from_parts(103, 0),
            )
            .unwrap();
        assert_eq!((found.newest.name.as_str(), found.own), ("b.example", true));
        assert_eq!(found.also.len(), 1);
    }

    #[test]
    fn an_answer_after_the_flow_began_or_long_before_it_names_nothing() {
        let mut names = NameTable::default();
        names.learn(&exchange("10.0.0.5", "a.example", "192.0.2.1", 1_000));
        assert!(
            names
                .lookup(
                    ip("10.0.0.5"),
                    ip("192.0.2.1"),
                    Timestamp::from_parts(999, 0)
                )
                .is_none()
        );
        assert!(
            names
                .lookup(
                    ip("10.0.0.5"),
                    ip("192.0.2.1"),
                    Timestamp::from_parts(2_000, 0)
                )
                .is_none()
        );
    }

    #[test]
    fn a_second_answer_does_not_take_the_name_from_a_connection_before_it() {
        let mut names = NameTable::default();
        names.learn(&exchange("10.0.0.5", "a.example", "192.0.2.1", 100));
        names.learn(&exchange("10.0.0.5", "b.example", "192.0.2.1", 110));
        names.learn(&exchange("10.0.0.5", "a.example", "192.0.2.1", 120));
        let named = |seconds| {
            let time = Timestamp::from_parts(seconds, 0);
            let found = names.lookup(ip("10.0.0.5"), ip("192.0.2.1"), time).unwrap();
            found.newest.name.to_string()
        };
        assert_eq!(
            [named(101), named(111), named(121)],
            ["a.example", "b.example", "a.example"]
        );
    }

    #[test]
    fn another_clients_answer_is_weaker_evidence() {
        let mut names = NameTable::default();
        names.learn(&exchange("10.0.0.6", "c.example", "192.0.2.1", 100));
        let found = names
            .lookup(
                ip("10.0.0.5"),
                ip("192.0.2.1"),
                Timestamp::from_parts(101, 0),
            )
            .unwrap();
        assert!(!found.own);
    }

    #[test]
    fn old_answers_are_forgotten() {
        let mut names = NameTable::default();
        names.learn(&exchange("10.0.0.6", "c.example", "192.0.2.1", 100));
        names.expire(Timestamp::from_parts(100_000, 0));
        assert!(names.own.is_empty() && names.anyone.is_empty());
    }
}
