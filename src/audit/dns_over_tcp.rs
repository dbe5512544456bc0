//! Whether a client can ask resolvers over TCP, as it has to when an answer does not fit a datagram (RFC 7766 §5).
//!
//! In: flows as they end. Out: for each client [`ClosedTcp`], when none of its connections to a resolver opens.

use super::cause::{Cause, Outcome};
use super::evidence::Evidence;
use super::lookup::LookupOutcome;
use super::outcome::{Vantage, judge};
use crate::facts::{DnsExchange, DnsTransport, Establishment, FlowRecord, Timestamp};

/// What one client has met on TCP port 53.
#[derive(Debug, Clone, Default)]
pub struct DnsOverTcp {
    opened: bool,
    /// The first connection that did not open.
    closed: Option<Box<FlowRecord>>,
    /// When the last one of them was tried.
    last: Timestamp,
}

/// TCP port 53 leads nowhere.
#[derive(Debug, Clone)]
pub struct ClosedTcp {
    /// When the last connection was tried.
    last: Timestamp,
    /// The proof of the first one.
    pub evidence: Vec<Evidence>,
}

impl DnsOverTcp {
    /// Takes a flow of the client that has ended.
    pub fn add(&mut self, flow: &FlowRecord) {
        let Some(tcp) = &flow.tcp else { return };
        if flow.five_tuple.responder.port() != DnsTransport::PORT {
            return;
        }
        let opened = tcp.was_accepted() || flow.establishment == Establishment::MidStream;
        self.opened |= opened;
        if !opened {
            self.last = self.last.max(flow.first.time);
        }
        let is_first = self
            .closed
            .as_ref()
            .is_none_or(|known| flow.first < known.first);
        if !opened && is_first {
            self.closed = Some(Box::new(flow.clone()));
        }
    }

    /// Adds what another address of the same device has met.
    pub fn absorb(&mut self, other: Self) {
        self.opened |= other.opened;
        self.last = self.last.max(other.last);
        if let Some(flow) = other.closed {
            self.add(&flow);
        }
    }

    /// The proof that none of the connections opens; `None` when one did, or when the capture cannot tell.
    #[must_use]
    pub fn closed(&self, vantage: Vantage) -> Option<ClosedTcp> {
        let flow = self.closed.as_deref().filter(|_| !self.opened)?;
        let judgement = judge(flow, vantage, &|_| false);
        let mut evidence = judgement.evidence.into_sorted();
        for packet in &mut evidence {
            packet.what = format!("{}, DNS over TCP", packet.what).into();
        }
        matches!(judgement.outcome, Outcome::Failed(_)).then_some(ClosedTcp {
            last: self.last,
            evidence,
        })
    }
}

impl ClosedTcp {
    /// What became of a question whose answer was too large for its datagram and was asked again over TCP in vain; any other
    /// outcome stands.
    #[must_use]
    pub fn settle(&self, exchange: &DnsExchange, outcome: LookupOutcome) -> LookupOutcome {
        if outcome == LookupOutcome::Unknown && self.ends(exchange) {
            LookupOutcome::Failed(Cause::DnsNoAnswer)
        } else {
            outcome
        }
    }

    /// Whether the question depends on TCP, and TCP was tried after its answer.
    #[must_use]
    pub fn ends(&self, exchange: &DnsExchange) -> bool {
        exchange.truncated
            && exchange.addresses.is_empty()
            && exchange
                .answer
                .is_some_and(|answer| answer.time <= self.last)
    }
}
