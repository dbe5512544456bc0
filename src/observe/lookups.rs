//! DNS questions waiting for their answers.

use super::limits::Limits;
use crate::dissect::dns::DnsMessage;
use crate::facts::{DnsExchange, DnsOutcome, DnsTransport, HostName, Seen, Timestamp};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// How long an answered question is remembered, so that a second answer (a forger's, or the real one after it) is not
/// taken for an answer to nothing.
const ANSWERED_LINGER: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct QuestionKey {
    client: SocketAddr,
    /// `None` in multicast, where anyone may answer.
    resolver: Option<SocketAddr>,
    id: u16,
    query_type: u16,
    name: Option<CompactString>,
    transport: DnsTransport,
}

struct Pending {
    exchange: DnsExchange,
    answered: bool,
    last: Timestamp,
}

/// Matches questions with answers, bounded.
pub struct LookupTable {
    pending: HashMap<QuestionKey, Pending, RandomState>,
    /// Keys in the order in which they were first asked.
    order: VecDeque<QuestionKey>,
    capacity: usize,
    answer_wait: Duration,
    /// Questions given up because the table was full.
    pub evicted: u64,
    /// Second answers to one question.
    pub repeated_answers: u64,
}

impl LookupTable {
    /// An empty table.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            pending: HashMap::default(),
            order: VecDeque::new(),
            capacity: limits.questions,
            answer_wait: limits.answer_wait,
            evicted: 0,
            repeated_answers: 0,
        }
    }

    /// Takes one message; finished exchanges go to `each`.
    pub fn take(
        &mut self,
        message: &DnsMessage,
        source: SocketAddr,
        destination: SocketAddr,
        transport: DnsTransport,
        seen: Seen,
        each: &mut impl FnMut(DnsExchange),
    ) {
        // Only standard queries ask for names; updates and notifications do not.
        if message.opcode != 0 {
            return;
        }
        match (message.response, transport) {
            (false, _) => {
                for question in &message.questions {
                    self.ask(
                        message.id,
                        question.name.as_ref(),
                        question.query_type,
                        source,
                        destination,
                        transport,
                        seen,
                        each,
                    );
                }
            }
            (true, DnsTransport::Mdns) => self.answer_multicast(message, seen, each),
            (true, _) => self.answer(message, source, destination, transport, seen, each),
        }
    }

    /// Gives up questions that waited too long at `now`.
    pub fn expire(&mut self, now: Timestamp, each: &mut impl FnMut(DnsExchange)) {
        let wait = self.answer_wait;
        let waits = |pending: &Pending| {
            let patience = if pending.answered {
                ANSWERED_LINGER
            } else {
                wait
            };
            now.since(pending.last) < patience
        };
        let mut kept = VecDeque::new();
        for key in self.order.drain(..) {
            match self.pending.get(&key) {
                Some(pending) if waits(pending) => kept.push_back(key),
                Some(_) => {
                    if let Some(pending) = self.pending.remove(&key)
                        && !pending.answered
                    {
                        each(pending.exchange);
                    }
                }
                None => {}
            }
        }
        self.order = kept;
    }

    /// Gives up all questions: the capture has ended.
    pub fn finish(mut self, each: &mut impl FnMut(DnsExchange)) {
        for key in std::mem::take(&mut self.order) {
            if let Some(pending) = self.pending.remove(&key)
                && !pending.answered
            {
                each(pending.exchange);
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one question is this many plain values"
    )]
    fn ask(
        &mut self,
        id: u16,
        name: Option<&HostName>,
        query_type: u16,
        client: SocketAddr,
        resolver: SocketAddr,
        transport: DnsTransport,
        seen: Seen,
        each: &mut impl FnMut(DnsExchange),
    ) {
        let key = key(id, name, query_type, client, resolver, transport);
        if let Some(pending) = self.pending.get_mut(&key) {
            if !pending.answered {
                pending.exchange.queries = pending.exchange.queries.saturating_add(1);
                pending.exchange.last_query = Some(seen);
                pending.last = seen.time;
                return;
            }
            // The same question under the same number again is a new one once it was answered.
            self.pending.remove(&key);
            self.order.retain(|known| *known != key);
        }
        self.make_room(each);
        let mut exchange = empty_exchange(client, resolver, transport, name.cloned(), query_type);
        exchange.query = Some(seen);
        exchange.queries = 1;
        self.order.push_back(key.clone());
        self.pending.insert(
            key,
            Pending {
                exchange,
                answered: false,
                last: seen.time,
            },
        );
    }

    fn make_room(&mut self, each: &mut impl FnMut(DnsExchange)) {
        while self.pending.len() >= self.capacity {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some(pending) = self.pending.remove(&oldest)
                && !pending.answered
            {
                self.evicted = self.evicted.saturating_add(1);
                each(pending.exchange);
            }
        }
    }

    fn answer(
        &mut self,
        message: &DnsMessage,
        resolver: SocketAddr,
        client: SocketAddr,
        transport: DnsTransport,
        seen: Seen,
        each: &mut impl FnMut(DnsExchange),
    ) {
        let Some(question) = message.questions.first() else {
            return;
        };
        let key = key(
            message.id,
            question.name.as_ref(),
            question.query_type,
            client,
            resolver,
            transport,
        );
        match self.pending.get_mut(&key) {
            Some(pending) if pending.answered => {
                self.repeated_answers = self.repeated_answers.saturating_add(1)
            }
            Some(pending) => {
                pending.answered = true;
                pending.last = seen.time;
                fill_answer(&mut pending.exchange, message, seen);
                if transport == DnsTransport::Llmnr {
                    pending.exchange.resolver = resolver;
                }
                each(pending.exchange.clone());
            }
            None => {
                let mut exchange = empty_exchange(
                    client,
                    resolver,
                    transport,
                    question.name.clone(),
                    question.query_type,
                );
                fill_answer(&mut exchange, message, seen);
                each(exchange);
            }
        }
    }

    /// A multicast response answers whoever asked for a name it holds (RFC 6762 §6).
    fn answer_multicast(
        &mut self,
        message: &DnsMessage,
        seen: Seen,
        each: &mut impl FnMut(DnsExchange),
    ) {
        for pending in self.pending.values_mut() {
            if pending.answered || pending.exchange.transport != DnsTransport::Mdns {
                continue;
            }
            let holds = message
                .addresses
                .iter()
                .chain(&message.additional_addresses)
                .any(|record| {
                    record.owner == pending.exchange.name
                        && (pending.exchange.query_type == 1) == record.address.is_ipv4()
                });
            if holds {
                pending.answered = true;
                fill_answer(&mut pending.exchange, message, seen);
                pending.exchange.addresses = message
                    .addresses
                    .iter()
                    .filter(|record| record.owner == pending.exchange.name)
                    .map(|record| record.address)
                    .collect();
                each(pending.exchange.clone());
            }
        }
    }
}

fn key(
    id: u16,
    name: Option<&HostName>,
    query_type: u16,
    client: SocketAddr,
    resolver: SocketAddr,
    transport: DnsTransport,
) -> QuestionKey {
    let multicast = matches!(transport, DnsTransport::Mdns | DnsTransport::Llmnr);
    QuestionKey {
        client,
        resolver: (!multicast).then_some(resolver),
        id,
        query_type,
        name: name.map(HostName::folded),
        transport,
    }
}

fn empty_exchange(
    client: SocketAddr,
    resolver: SocketAddr,
    transport: DnsTransport,
    name: Option<HostName>,
    query_type: u16,
) -> DnsExchange {
    DnsExchange {
        client,
        resolver,
        transport,
        name,
        query_type,
        query: None,
        last_query: None,
        queries: 0,
        answer: None,
        outcome: DnsOutcome::NoReply,
        cnames: Vec::new(),
        addresses: Vec::new(),
        ttl: None,
        answered: false,
        hints: Vec::new(),
        answer_cut_short: false,
        truncated: false,
    }
}

fn fill_answer(exchange: &mut DnsExchange, message: &DnsMessage, seen: Seen) {
    exchange.answer = Some(seen);
    exchange.outcome = DnsOutcome::Answered {
        response_code: message.response_code,
    };
    exchange.cnames.clone_from(&message.cnames);
    exchange.addresses = message
        .addresses
        .iter()
        .map(|record| record.address)
        .collect();
    exchange.ttl = message.ttl;
    exchange.answered = message.answered;
    exchange.hints.clone_from(&message.hints);
    exchange.answer_cut_short = message.cut_short;
    exchange.truncated = message.truncated;
}
