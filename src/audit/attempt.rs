//! What a client tried on one host: attempts and lookups, bounded.

use super::cause::Outcome;
use super::evidence::{Evidence, EvidenceList};
use super::issuer;
use super::limits::AuditLimits;
use super::lookup::LookupOutcome;
use super::outcome::{KnownHost, Vantage, judge};
use super::report::FlowEnds;
use super::timeline::Milestones;
use crate::attribution::NameSource;
use crate::facts::{DnsExchange, DnsOutcome, FlowRecord, HostName, Seen, Timestamp, Transport};
use compact_str::CompactString;
use std::net::SocketAddr;

/// One flow (or one host's part of a proxy connection) that was meant for a host.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// First packet.
    pub first: Seen,
    /// Last packet.
    pub last: Seen,
    /// TCP or UDP.
    pub transport: Transport,
    /// The device's end.
    pub originator: SocketAddr,
    /// The other end: the server, or the proxy.
    pub responder: SocketAddr,
    /// The responder is a proxy.
    pub through_proxy: bool,
    /// How the host's name was obtained.
    pub source: NameSource,
    /// The set lists this port; `None` when that cannot be said (proxy).
    pub port_listed: Option<bool>,
    /// How it ended.
    pub outcome: Outcome,
    /// One SYN was sent and nothing else happened.
    pub single_syn: bool,
    /// When it passed its stages.
    pub milestones: Milestones,
    /// The proof.
    pub evidence: Vec<Evidence>,
    /// A sign of TLS inspection, with its packet.
    pub inspection: Option<Box<Evidence>>,
    /// What its TLS handshake has in common with those of other hosts; `None` where nothing telling was seen.
    pub tls_signs: Option<Box<TlsSigns>>,
    /// The facts, kept while the end of the capture can still change the outcome.
    pub flow: Option<Box<FlowRecord>>,
    /// The flow is still open; what is told of it later takes this attempt's place.
    pub open: bool,
}

/// What tells of TLS inspection only when several hosts share it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSigns {
    /// The certificate's issuer, where it is no authority known to issue for the endpoint list.
    pub unknown_issuer: Option<CompactString>,
    /// The make of the server, for attempts that were not served.
    pub fingerprint: Option<u64>,
}

impl TlsSigns {
    /// The signs of a flow, when there are any.
    #[must_use]
    pub fn of(flow: &FlowRecord, served: bool) -> Option<Box<Self>> {
        let tls = flow.tls.as_ref()?;
        let signs = Self {
            unknown_issuer: tls
                .certificate
                .as_ref()
                .and_then(issuer::unknown_issuer)
                .map(CompactString::from),
            fingerprint: tls
                .server_hello
                .as_ref()
                .filter(|_| !served)
                .map(|hello| hello.fingerprint),
        };
        (signs.unknown_issuer.is_some() || signs.fingerprint.is_some()).then(|| Box::new(signs))
    }
}

impl Attempt {
    /// Whether this is about the same flow.
    #[must_use]
    pub fn is_same_flow(&self, first: Seen, originator: SocketAddr) -> bool {
        self.first == first && self.originator == originator
    }

    /// Its ends, for a display filter.
    #[must_use]
    pub fn ends(&self) -> FlowEnds {
        (self.originator, self.responder, self.transport)
    }

    /// Judges the attempt again now that the whole capture is known.
    pub fn settle(&mut self, vantage: Vantage, known_host: KnownHost<'_>) {
        if let Some(flow) = self.flow.take() {
            let judgement = judge(&flow, vantage, known_host);
            self.outcome = judgement.outcome;
            self.evidence = judgement.evidence.into_sorted();
        }
    }
}

/// One DNS question about a host.
#[derive(Debug, Clone)]
pub struct HostLookup {
    /// The exchange.
    pub exchange: DnsExchange,
    /// How it ended.
    pub outcome: LookupOutcome,
}

impl HostLookup {
    /// The capture does not hold the whole answer.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.exchange.answer_cut_short || self.exchange.truncated
    }

    /// Adds question and answer to `evidence`.
    pub fn add_evidence(&self, evidence: &mut EvidenceList) {
        let kind = crate::dissect::dns::type_name(self.exchange.query_type);
        if let Some(query) = self.exchange.query {
            evidence.add(query, format!("{kind} query"));
        }
        if let Some(again) = self.exchange.last_query {
            evidence.add(
                again,
                format!("{kind} query, sent {} times", self.exchange.queries),
            );
        }
        if let (Some(answer), DnsOutcome::Answered { response_code }) =
            (self.exchange.answer, self.exchange.outcome)
        {
            let code = crate::dissect::dns::response_code_name(response_code);
            let addresses: Vec<String> = self
                .exchange
                .addresses
                .iter()
                .take(4)
                .map(ToString::to_string)
                .collect();
            let mut words = format!("{kind} answer, {code}");
            if self.exchange.truncated {
                words.push_str(", too long for a datagram (TC): to be asked over TCP");
            }
            if !addresses.is_empty() {
                words.push(' ');
                words.push_str(&addresses.join(", "));
            }
            evidence.add(answer, words);
        }
    }
}

/// Everything a client tried on one host.
#[derive(Debug, Clone, Default)]
pub struct HostHistory {
    /// The host's name; `None` for an address that only a published range attributes.
    pub name: Option<HostName>,
    /// Attempts in the order in which their flows ended, bounded.
    pub attempts: Vec<Attempt>,
    /// Served attempts beyond those kept.
    pub more_served: u64,
    /// When the last attempt began that was served as a whole.
    pub latest_served: Option<Seen>,
    /// Who served them, beside those of the attempts kept; bounded.
    pub also_serving: Vec<SocketAddr>,
    /// Failed or unclear attempts beyond those kept.
    pub more_failed: u64,
    /// Lookups in the order in which they ended, bounded.
    pub lookups: Vec<HostLookup>,
    /// IP octets of all attempts.
    pub octets: u64,
    /// The last attempts, as they were judged when they were told; for a rolling window.
    pub recent: Vec<Attempt>,
    /// The last lookups, likewise.
    pub recent_lookups: Vec<HostLookup>,
}

impl HostHistory {
    /// Served attempts kept per host: the first prove that it works; one of each family and transport is kept besides.
    const SERVED_KEPT: usize = 2;
    /// Servers remembered per host beside those of the attempts kept.
    pub const ALSO_SERVING_KEPT: usize = 8;
    /// Adds an attempt, counting it only when enough are kept.
    pub fn add_attempt(&mut self, attempt: Attempt, limits: &AuditLimits) {
        let whole = |known: &Attempt| known.was_served() && !known.is_cut();
        let served = attempt.was_served();
        if whole(&attempt) {
            self.latest_served = self.latest_served.max(Some(attempt.first));
            // What was cut has been fetched again.
            let before = self.attempts.len();
            self.attempts
                .retain(|known| !known.is_cut() || known.first > attempt.first);
            let gone = before.saturating_sub(self.attempts.len());
            self.more_served = self
                .more_served
                .saturating_add(u64::try_from(gone).unwrap_or(u64::MAX));
        } else if attempt.is_cut() && self.latest_served > Some(attempt.first) {
            self.more_served = self.more_served.saturating_add(u64::from(!attempt.open));
            return;
        }
        let kept = self
            .attempts
            .iter()
            .filter(|known| whole(known) == whole(&attempt))
            .count();
        let same_kind = self.attempts.iter().any(|known| {
            whole(known) == whole(&attempt)
                && known.transport == attempt.transport
                && known.responder.is_ipv6() == attempt.responder.is_ipv6()
        });
        let room = if whole(&attempt) {
            Self::SERVED_KEPT
        } else {
            limits.failed_per_host
        };
        if kept < room || !same_kind {
            push_exact(&mut self.attempts, attempt);
        } else if attempt.open {
            // It is counted when it ends.
        } else if served {
            self.more_served = self.more_served.saturating_add(1);
            let known = self
                .attempts
                .iter()
                .any(|known| known.was_served() && known.responder == attempt.responder);
            if !known
                && self.also_serving.len() < Self::ALSO_SERVING_KEPT
                && !self.also_serving.contains(&attempt.responder)
            {
                push_exact(&mut self.also_serving, attempt.responder);
            }
        } else {
            self.more_failed = self.more_failed.saturating_add(1);
        }
    }

    /// Served attempts so far.
    #[must_use]
    pub fn served_so_far(&self) -> u64 {
        let kept = self.attempts.iter().filter(|known| known.was_served());
        self.more_served
            .saturating_add(u64::try_from(kept.count()).unwrap_or(u64::MAX))
    }

    /// Takes out what was told of a flow while it was open.
    pub fn withdraw(&mut self, first: Seen, originator: SocketAddr) {
        let other = |known: &Attempt| !known.open || !known.is_same_flow(first, originator);
        self.attempts.retain(other);
        self.recent.retain(other);
    }

    /// Remembers one of the last attempts.
    pub fn add_recent(&mut self, attempt: Attempt, limits: &AuditLimits) {
        make_room(&mut self.recent, limits.recent_per_host);
        push_exact(&mut self.recent, attempt);
    }

    /// Remembers one of the last lookups.
    pub fn add_recent_lookup(
        &mut self,
        exchange: &DnsExchange,
        outcome: LookupOutcome,
        limits: &AuditLimits,
    ) {
        make_room(&mut self.recent_lookups, limits.recent_per_host);
        push_exact(
            &mut self.recent_lookups,
            HostLookup {
                exchange: exchange.clone(),
                outcome,
            },
        );
    }

    /// Forgets the last attempts and lookups that ended before `start`.
    pub fn forget_before(&mut self, start: Timestamp) {
        self.recent.retain(|attempt| attempt.last.time >= start);
        self.recent_lookups.retain(|lookup| {
            let seen = lookup.exchange.answer.or(lookup.exchange.last_query);
            seen.or(lookup.exchange.query)
                .is_some_and(|seen| seen.time >= start)
        });
        if self.recent.is_empty() {
            self.recent.shrink_to_fit();
        }
        if self.recent_lookups.is_empty() {
            self.recent_lookups.shrink_to_fit();
        }
    }

    /// Adds a lookup while there is room; of those that went well, one per type tells enough.
    pub fn add_lookup(&mut self, exchange: &DnsExchange, limits: &AuditLimits) {
        let went_well = |known: &DnsExchange| !known.addresses.is_empty() && known.queries <= 1;
        let known_well = |known: &HostLookup| {
            known.exchange.query_type == exchange.query_type && went_well(&known.exchange)
        };
        if self.lookups.len() >= limits.lookups_per_host
            || (went_well(exchange)
                && self.lookups.iter().any(known_well)
                && self.lookups.iter().all(|known| {
                    known.exchange.addresses == exchange.addresses
                        || known.exchange.query_type != exchange.query_type
                }))
        {
            return;
        }
        let lookup = HostLookup {
            exchange: exchange.clone(),
            outcome: LookupOutcome::Unknown,
        };
        push_exact(&mut self.lookups, lookup);
    }
}

/// Lets go of the oldest entries until one more fits.
fn make_room<T>(list: &mut Vec<T>, room: usize) {
    let surplus = (list.len() + 1).saturating_sub(room.max(1));
    list.drain(..surplus.min(list.len()));
}

/// Adds to a list that mostly has one or two entries, one of thousands, without room to spare.
fn push_exact<T>(list: &mut Vec<T>, entry: T) {
    if list.len() == list.capacity() && list.len() < 4 {
        list.reserve_exact(1);
    }
    list.push(entry);
}
