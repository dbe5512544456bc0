//! DNS questions waiting for their answers.

use super::limits::Limits;
use crate::dissect::dns::{DnsMessage, Question};
use crate::facts::{DnsExchange, DnsLookup, DnsOutcome, DnsTransport, HostName, Seen, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

/// How long an answered question is remembered, so that a second answer (a forger's, or the real one after it) is not
/// taken for an answer to nothing.
const ANSWERED_LINGER: Duration = Duration::from_secs(5);

/// Multicast questions that a response is compared with: on a busy link devices ask for a few dozen names at a time.
const MULTICAST_QUESTIONS: usize = 256;

/// Type code of A records (RFC 1035 §3.2.2).
const A: u16 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct QuestionKey {
    client: SocketAddr,
    /// `None` in multicast, where anyone may answer.
    resolver: Option<SocketAddr>,
    id: u16,
    query_type: u16,
    /// Hash of the name, letter case aside: questions that agree in everything else hardly ever differ in the name.
    name: u64,
    transport: DnsTransport,
}

struct Pending {
    /// The question; `None` once it is answered.
    waiting: Option<Box<DnsLookup>>,
    /// Its place among all questions asked.
    number: u64,
    last: Timestamp,
}

/// Place of a question among all that were asked; its key was asked again when the question has another number by now.
#[derive(Clone, Copy)]
struct Place {
    key: QuestionKey,
    number: u64,
    asked: Timestamp,
}

/// Matches questions with answers, bounded.
pub struct LookupTable {
    pending: HashMap<QuestionKey, Pending, RandomState>,
    /// Questions in the order in which they were asked.
    order: VecDeque<Place>,
    /// Multicast questions asked last, which any response may answer.
    multicast: VecDeque<QuestionKey>,
    hasher: RandomState,
    asked: u64,
    capacity: usize,
    answer_wait: Duration,
    /// Questions given up because the table was full.
    pub evicted: u64,
    /// Second answers to one question.
    pub repeated_answers: u64,
}

/// One question on its way.
#[derive(Clone, Copy)]
struct Asked<'m> {
    id: u16,
    name: Option<&'m HostName>,
    query_type: u16,
    client: SocketAddr,
    resolver: SocketAddr,
    transport: DnsTransport,
}

impl LookupTable {
    /// An empty table.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            pending: HashMap::default(),
            order: VecDeque::new(),
            multicast: VecDeque::new(),
            hasher: RandomState::default(),
            asked: 0,
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
        each: &mut impl FnMut(Box<DnsLookup>),
    ) {
        // Only standard queries ask for names; updates and notifications do not.
        if message.opcode != 0 {
            return;
        }
        let (client, resolver) = if message.response {
            (destination, source)
        } else {
            (source, destination)
        };
        let asked = |question: &'_ Question| Asked {
            id: message.id,
            query_type: question.query_type,
            name: None,
            client,
            resolver,
            transport,
        };
        match (message.response, transport) {
            (false, _) => {
                for question in &message.questions {
                    let asked = Asked {
                        name: question.name.as_ref(),
                        ..asked(question)
                    };
                    self.ask(asked, seen, each);
                }
            }
            (true, DnsTransport::Mdns) => self.answer_multicast(message, seen, each),
            (true, _) => {
                for question in &message.questions {
                    let asked = Asked {
                        name: question.name.as_ref(),
                        ..asked(question)
                    };
                    self.answer(asked, message, seen, each);
                }
            }
        }
    }

    /// Gives up questions that waited too long at `now`.
    pub fn expire(&mut self, now: Timestamp, each: &mut impl FnMut(Box<DnsLookup>)) {
        // They are in the order in which they were asked, so none behind the first young one can be over.
        let youngest = ANSWERED_LINGER.min(self.answer_wait);
        let old = self
            .order
            .iter()
            .take_while(|place| now.since(place.asked) >= youngest)
            .count();
        let mut kept = Vec::new();
        for place in self.order.drain(..old) {
            let Place { key, number, .. } = place;
            let Some(question) = self
                .pending
                .get(&key)
                .filter(|known| known.number == number)
            else {
                continue;
            };
            let patience = match question.waiting {
                Some(_) => self.answer_wait,
                None => ANSWERED_LINGER,
            };
            if now.since(question.last) < patience {
                kept.push(place);
            } else if let Some(lookup) = self.pending.remove(&key).and_then(|known| known.waiting) {
                each(lookup);
            }
        }
        for place in kept.into_iter().rev() {
            self.order.push_front(place);
        }
        let pending = &self.pending;
        self.multicast.retain(|key| pending.contains_key(key));
    }

    /// Gives up all questions: the capture has ended.
    pub fn finish(mut self, each: &mut impl FnMut(Box<DnsLookup>)) {
        for Place { key, number, .. } in std::mem::take(&mut self.order) {
            if self
                .pending
                .get(&key)
                .is_some_and(|known| known.number == number)
                && let Some(exchange) = self.pending.remove(&key).and_then(|known| known.waiting)
            {
                each(exchange);
            }
        }
    }

    fn ask(&mut self, asked: Asked<'_>, seen: Seen, each: &mut impl FnMut(Box<DnsLookup>)) {
        let key = self.key(asked);
        if let Some(known) = self.pending.get_mut(&key)
            && let Some(lookup) = &mut known.waiting
        {
            let exchange = &mut lookup.exchange;
            exchange.queries = exchange.queries.saturating_add(1);
            exchange.last_query = Some(seen);
            known.last = seen.time;
            return;
        }
        // The same question under the same number again is a new one once it was answered.
        self.make_room(each);
        let mut lookup = unanswered(asked);
        lookup.exchange.query = Some(seen);
        lookup.exchange.queries = 1;
        self.asked = self.asked.wrapping_add(1);
        self.order.push_back(Place {
            key,
            number: self.asked,
            asked: seen.time,
        });
        if asked.transport == DnsTransport::Mdns {
            if self.multicast.len() >= MULTICAST_QUESTIONS {
                self.multicast.pop_front();
            }
            self.multicast.push_back(key);
        }
        let question = Pending {
            waiting: Some(lookup),
            number: self.asked,
            last: seen.time,
        };
        self.pending.insert(key, question);
    }

    fn make_room(&mut self, each: &mut impl FnMut(Box<DnsLookup>)) {
        if self.order.len() >= self.capacity.saturating_mul(2) {
            let pending = &self.pending;
            self.order.retain(|place| {
                pending
                    .get(&place.key)
                    .is_some_and(|known| known.number == place.number)
            });
        }
        while self.pending.len() >= self.capacity {
            let Some(Place { key, number, .. }) = self.order.pop_front() else {
                return;
            };
            if self
                .pending
                .get(&key)
                .is_some_and(|known| known.number == number)
                && let Some(lookup) = self.pending.remove(&key).and_then(|known| known.waiting)
            {
                self.evicted = self.evicted.saturating_add(1);
                each(lookup);
            }
        }
    }

    fn answer(
        &mut self,
        asked: Asked<'_>,
        message: &DnsMessage,
        seen: Seen,
        each: &mut impl FnMut(Box<DnsLookup>),
    ) {
        let key = self.key(asked);
        let Some(known) = self.pending.get_mut(&key) else {
            let mut lookup = unanswered(asked);
            fill_answer(&mut lookup, message, seen);
            each(lookup);
            return;
        };
        let Some(mut lookup) = known.waiting.take() else {
            self.repeated_answers = self.repeated_answers.saturating_add(1);
            return;
        };
        known.last = seen.time;
        fill_answer(&mut lookup, message, seen);
        // Link-local questions go to a group; the one that answers is the resolver.
        lookup.resolver = asked.resolver;
        each(lookup);
    }

    /// A multicast response answers whoever asked for a name it holds (RFC 6762 §6).
    fn answer_multicast(
        &mut self,
        message: &DnsMessage,
        seen: Seen,
        each: &mut impl FnMut(Box<DnsLookup>),
    ) {
        let records = || {
            message
                .addresses
                .iter()
                .chain(&message.additional_addresses)
        };
        for key in &self.multicast {
            let Some(known) = self.pending.get_mut(key) else {
                continue;
            };
            let holds = known.waiting.as_ref().is_some_and(|lookup| {
                records().any(|record| {
                    record.owner == lookup.name
                        && (lookup.exchange.query_type == A) == record.address.is_ipv4()
                })
            });
            if holds && let Some(mut lookup) = known.waiting.take() {
                known.last = seen.time;
                fill_answer(&mut lookup, message, seen);
                lookup.exchange.addresses = records()
                    .filter(|record| record.owner == lookup.name)
                    .map(|record| record.address)
                    .collect();
                each(lookup);
            }
        }
    }

    fn key(&self, asked: Asked<'_>) -> QuestionKey {
        let multicast = matches!(asked.transport, DnsTransport::Mdns | DnsTransport::Llmnr);
        QuestionKey {
            client: asked.client,
            resolver: (!multicast).then_some(asked.resolver),
            id: asked.id,
            query_type: asked.query_type,
            name: self.hasher.hash_one(asked.name),
            transport: asked.transport,
        }
    }
}

fn unanswered(asked: Asked<'_>) -> Box<DnsLookup> {
    Box::new(DnsLookup {
        client: asked.client,
        resolver: asked.resolver,
        name: asked.name.cloned(),
        cnames: Vec::new(),
        hints: Vec::new(),
        ttl: None,
        exchange: DnsExchange {
            transport: asked.transport,
            query_type: asked.query_type,
            query: None,
            last_query: None,
            queries: 0,
            answer: None,
            outcome: DnsOutcome::NoReply,
            addresses: Vec::new(),
            answered: false,
            answer_cut_short: false,
            truncated: false,
        },
    })
}

fn fill_answer(lookup: &mut DnsLookup, message: &DnsMessage, seen: Seen) {
    let DnsLookup {
        name,
        cnames,
        hints,
        ttl,
        exchange,
        ..
    } = lookup;
    cnames.clone_from(&message.cnames);
    hints.clone_from(&message.hints);
    *ttl = message.ttl;
    exchange.answer = Some(seen);
    exchange.outcome = DnsOutcome::Answered {
        response_code: message.response_code,
    };
    exchange.addresses = message
        .addresses
        .iter()
        .map(|record| record.address)
        .collect();
    exchange.answered = message.answered;
    exchange.answer_cut_short = message.cut_short;
    exchange.truncated = message.truncated;
    // Hardly anybody asks several questions at once (RFC 9619); aliases are those of the first.
    if let [first, _, ..] = message.questions.as_slice() {
        if first.name != *name {
            cnames.clear();
        }
        let belongs = |owner: &Option<HostName>| {
            owner == name || owner.as_ref().is_some_and(|owner| cnames.contains(owner))
        };
        exchange.addresses = message
            .addresses
            .iter()
            .filter(|record| belongs(&record.owner))
            .map(|record| record.address)
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::dns;
    use crate::facts::FrameNumber;

    fn message(id: u8, response: bool, name: &str) -> DnsMessage {
        let mut bytes = vec![
            0,
            id,
            if response { 0x80 } else { 0 },
            0,
            0,
            1,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
        dns::parse(&bytes, true).unwrap()
    }

    fn run(limits: &Limits, messages: &[(u8, bool, &str)]) -> (Vec<(u32, bool)>, LookupTable) {
        let client: SocketAddr = "10.0.0.5:5000".parse().unwrap();
        let resolver: SocketAddr = "10.0.0.1:53".parse().unwrap();
        let mut table = LookupTable::new(limits);
        let mut finished = Vec::new();
        for (index, (id, response, name)) in messages.iter().enumerate() {
            let seen = Seen {
                frame: FrameNumber(index as u64),
                time: Timestamp::from_parts(index as i64, 0),
            };
            let (from, to) = if *response {
                (resolver, client)
            } else {
                (client, resolver)
            };
            let message = message(*id, *response, name);
            table.take(&message, from, to, DnsTransport::Udp, seen, &mut |lookup| {
                finished.push((lookup.exchange.queries, lookup.exchange.answer.is_some()));
            });
        }
        (finished, table)
    }

    #[test]
    fn repetitions_are_one_question_until_it_is_answered() {
        let asked = [
            (1, false, "a.b"),
            (1, false, "A.b"),
            (1, true, "a.B"),
            (1, true, "a.b"),
        ];
        let (finished, table) = run(&Limits::default(), &asked);
        assert_eq!(finished, [(2, true)]);
        assert_eq!(table.repeated_answers, 1);
    }

    #[test]
    fn the_same_question_after_its_answer_is_a_new_one() {
        let asked = [(1, false, "a.b"), (1, true, "a.b"), (1, false, "a.b")];
        let (mut finished, table) = run(&Limits::default(), &asked);
        table.finish(&mut |lookup| {
            finished.push((lookup.exchange.queries, lookup.exchange.answer.is_some()))
        });
        assert_eq!(finished, [(1, true), (1, false)]);
    }

    #[test]
    fn an_answer_without_question_is_told() {
        let (finished, _) = run(&Limits::default(), &[(9, true, "a.b")]);
        assert_eq!(finished, [(0, true)]);
    }

    #[test]
    fn each_of_several_questions_has_its_own_answer() {
        let client: SocketAddr = "10.0.0.5:5000".parse().unwrap();
        let resolver: SocketAddr = "10.0.0.1:53".parse().unwrap();
        let mut table = LookupTable::new(&Limits::default());
        let questions = b"\x01a\0\0\x01\0\x01\x01b\0\0\x01\0\x01";
        let answers = b"\x01a\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01\
            \x01b\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x02";
        let asked = [b"\0\x07\x01\0\0\x02\0\0\0\0\0\0", &questions[..]].concat();
        let answered = [
            b"\0\x07\x81\x80\0\x02\0\x02\0\0\0\0",
            &questions[..],
            answers,
        ]
        .concat();
        let mut finished = Vec::new();
        for (bytes, from, to) in [(asked, client, resolver), (answered, resolver, client)] {
            let message = dns::parse(&bytes, true).unwrap();
            let seen = Seen::default();
            table.take(&message, from, to, DnsTransport::Udp, seen, &mut |one| {
                let name = one.name.as_ref().map(ToString::to_string);
                finished.push((name, one.exchange.queries, one.exchange.addresses.clone()));
            });
        }
        let exchange = |name: &str, address: [u8; 4]| {
            (
                Some(name.to_owned()),
                1,
                vec![std::net::IpAddr::from(address)],
            )
        };
        assert_eq!(
            finished,
            [exchange("a", [192, 0, 2, 1]), exchange("b", [192, 0, 2, 2])]
        );
    }

    #[test]
    fn a_full_table_gives_up_the_oldest() {
        let limits = Limits {
            questions: 2,
            ..Limits::default()
        };
        let asked = [(1, false, "a.b"), (2, false, "a.b"), (3, false, "a.b")];
        let (finished, table) = run(&limits, &asked);
        assert_eq!(finished, [(1, false)]);
        assert_eq!(table.evicted, 1);
    }

    #[test]
    fn asking_and_answering_for_ever_keeps_the_order_bounded() {
        let limits = Limits {
            questions: 4,
            ..Limits::default()
        };
        let asked: Vec<_> = (0..1_000).map(|step| (1, step % 2 == 1, "a.b")).collect();
        let (finished, table) = run(&limits, &asked);
        assert_eq!(finished.len(), 500);
        assert!(table.order.len() <= 9);
    }
}
