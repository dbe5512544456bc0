//! What ended while a monitor runs: every flow and lookup judged and handed on once, for tables.
//!
//! A flow is told long after its last packet, and judged at once. A lookup is told a few seconds after its answer; where that
//! answer is an inside address, whether it leads astray shows only when somebody is served there, and it waits for that.

use super::matching::SetFinder;
use super::report::{self, FlowReport, LookupReport};
use super::{Auditor, KeptFlow, address};
use crate::facts::{DnsLookup, Timestamp};
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// Flows, and lookups, that wait to be taken: some 30 MB at worst, and seconds of a busy site.
const WAITING: usize = 16_384;

/// Lookups that wait to be judged beside them.
const SETTLING: usize = 4_096;

/// How long a lookup with an inside address as its answer waits for somebody to be served there: a client that falls back to
/// that address from others has tried it by then.
const SETTLES: Duration = Duration::from_secs(30);

/// Inside addresses remembered as serving; a site has a handful of caches and proxies.
const INSIDE: usize = 4_096;

/// What ended since it was asked for last.
#[derive(Debug, Default)]
pub struct Ended {
    /// Flows, in the order in which they were told.
    pub flows: Vec<FlowReport>,
    /// Lookups, in the order in which they were told.
    pub lookups: Vec<LookupReport>,
    /// For each address above that belongs to a device with several, the address that stands for the device.
    pub devices: Vec<(IpAddr, IpAddr)>,
}

impl Ended {
    /// Whether nothing ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty() && self.lookups.is_empty()
    }
}

/// Holds what ended until it is taken.
#[derive(Default)]
pub(super) struct Keeper {
    flows: VecDeque<KeptFlow>,
    lookups: VecDeque<DnsLookup>,
    /// Lookups that wait, with the moment since when.
    settling: VecDeque<(Timestamp, DnsLookup)>,
    /// Inside addresses that served.
    serving: BTreeSet<IpAddr>,
    refused: u64,
}

impl Keeper {
    pub fn add_flow(&mut self, flow: KeptFlow) {
        if self.flows.len() < WAITING {
            self.flows.push_back(flow);
        } else {
            self.refused = self.refused.saturating_add(1);
        }
    }

    pub fn add_lookup(&mut self, lookup: DnsLookup, now: Timestamp) {
        let inside = |answer: &IpAddr| !address::is_public(*answer);
        if !lookup.exchange.addresses.iter().any(inside) {
            return self.add_settled(lookup);
        }
        // Where many wait the first is judged early.
        if self.settling.len() >= SETTLING
            && let Some((_, first)) = self.settling.pop_front()
        {
            self.add_settled(first);
        }
        self.settling.push_back((now, lookup));
    }

    fn add_settled(&mut self, lookup: DnsLookup) {
        if self.lookups.len() < WAITING {
            self.lookups.push_back(lookup);
        } else {
            self.refused = self.refused.saturating_add(1);
        }
    }

    /// Remembers that `responder` served somebody.
    pub fn note_served(&mut self, responder: IpAddr) {
        if !address::is_public(responder) && self.serving.len() < INSIDE {
            self.serving.insert(responder);
        }
    }

    fn settle(&mut self, now: Timestamp, all: bool) {
        while let Some((since, _)) = self.settling.front()
            && (all || now.since(*since) >= SETTLES)
            && let Some((_, lookup)) = self.settling.pop_front()
        {
            self.add_settled(lookup);
        }
    }
}

impl Auditor<'static> {
    /// Keeps, from now on, what ends until [`Self::take_ended`] asks for it: at most 16,384 flows and as many lookups.
    pub fn keep_ended(&mut self) {
        if let Some(running) = &mut self.running {
            running.ended.get_or_insert_default();
        }
    }

    /// Takes at most `most` flows and as many lookups that ended. `last` says that no fact comes any more: nothing waits then.
    pub fn take_ended(&mut self, most: usize, last: bool) -> Ended {
        let Some(vantage) = self.vantage_now() else {
            return Ended::default();
        };
        let Some(running) = &mut self.running else {
            return Ended::default();
        };
        let now = running.now;
        let Some(keeper) = &mut running.ended else {
            return Ended::default();
        };
        keeper.settle(now, last);
        let known_host = |host: &str| {
            super::registrable_part(host).is_some_and(|domain| self.known_domains.contains(domain))
        };
        let flows: Vec<FlowReport> = keeper
            .flows
            .drain(..most.min(keeper.flows.len()))
            .map(|kept| report::flow_report(kept, vantage, &known_host))
            .collect();
        let finder: &mut SetFinder = &mut self.sets;
        let catalog = &self.catalog;
        let serving = &keeper.serving;
        let lookups: Vec<LookupReport> = keeper
            .lookups
            .drain(..most.min(keeper.lookups.len()))
            .map(|lookup| report::lookup_report(lookup, catalog, finder, vantage, serving))
            .collect();
        let mut addresses: Vec<IpAddr> = flows
            .iter()
            .map(|flow| flow.record.five_tuple.originator.ip())
            .chain(lookups.iter().map(|lookup| lookup.client.ip()))
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        let devices = addresses
            .into_iter()
            .filter_map(|address| {
                let first = *self.clients.device_of(address).first()?;
                (first != address).then_some((address, first))
            })
            .collect();
        Ended {
            flows,
            lookups,
            devices,
        }
    }

    /// Flows and lookups that ended while too many waited to be taken, since the last call. They were judged, and are in no
    /// [`Ended`].
    pub fn take_refused(&mut self) -> u64 {
        let keeper = self
            .running
            .as_mut()
            .and_then(|running| running.ended.as_mut());
        keeper.map_or(0, |keeper| std::mem::take(&mut keeper.refused))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lookup::tests::question;
    use super::*;
    use crate::facts::DnsExchange;
    use std::net::Ipv4Addr;

    fn answered(address: [u8; 4]) -> DnsLookup {
        DnsLookup {
            client: ([10, 0, 0, 5], 5_000).into(),
            resolver: ([10, 0, 0, 1], 53).into(),
            name: None,
            cnames: Vec::new(),
            hints: Vec::new(),
            ttl: None,
            exchange: DnsExchange {
                addresses: vec![Ipv4Addr::from(address).into()],
                ..question(1).exchange
            },
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    #[test]
    fn an_inside_answer_waits_for_somebody_to_be_served_there() {
        let mut keeper = Keeper::default();
        keeper.add_lookup(answered([10, 0, 0, 9]), at(100));
        keeper.add_lookup(answered([20, 37, 153, 10]), at(100));
        assert_eq!((keeper.lookups.len(), keeper.settling.len()), (1, 1));
        keeper.settle(at(129), false);
        assert_eq!(keeper.lookups.len(), 1);
        keeper.settle(at(130), false);
        assert_eq!(keeper.lookups.len(), 2);
        keeper.add_lookup(answered([10, 0, 0, 9]), at(131));
        keeper.settle(at(131), true);
        assert_eq!(keeper.lookups.len(), 3, "nothing waits at the end");
    }

    #[test]
    fn what_nobody_takes_is_bounded_and_counted() {
        let mut keeper = Keeper::default();
        for _ in 0..WAITING {
            keeper.add_lookup(answered([10, 0, 0, 9]), at(100));
        }
        let early = WAITING - SETTLING;
        assert_eq!(
            (keeper.lookups.len(), keeper.settling.len()),
            (early, SETTLING)
        );
        for _ in 0..WAITING {
            keeper.add_lookup(answered([20, 37, 153, 10]), at(100));
        }
        assert_eq!(keeper.lookups.len(), WAITING);
        assert_eq!(keeper.refused, u64::try_from(early).unwrap());
    }
}
