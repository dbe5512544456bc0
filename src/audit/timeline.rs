//! What a device tried on one host, in time: lookups and connections with the stages they passed.
//!
//! Comes from the attempts and lookups that are kept for the verdict anyway; knows nothing of pictures.

use super::attempt::{Attempt, HostHistory, HostLookup};
use super::cause::{Outcome, Unclear};
use super::lookup::LookupOutcome;
use crate::facts::{FlowRecord, Seen, Timestamp, Transport};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Most lookups, and most connections, kept for the picture of one host: a dozen of each fills a line.
const KEPT: usize = 12;

/// When a connection passed its stages, counted from its first packet.
///
/// There is one of these for each attempt of each device, so each time takes four octets: microseconds plus one, saturating
/// after 71 minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Milestones {
    connected: Option<NonZeroU32>,
    hello: Option<NonZeroU32>,
    secured: Option<NonZeroU32>,
}

impl Milestones {
    /// The milestones of a flow.
    #[must_use]
    pub fn of(record: &FlowRecord) -> Self {
        let after = |seen: Seen| {
            let elapsed = seen.time.since(record.first.time).as_micros();
            NonZeroU32::MIN.saturating_add(u32::try_from(elapsed).unwrap_or(u32::MAX))
        };
        let tcp = record.tcp.as_ref();
        let tls = record.tls.as_ref();
        let quic = record.quic.as_ref();
        Self {
            connected: tcp
                .and_then(|tcp| tcp.established.or(tcp.syn_ack))
                .or(quic.and_then(|quic| quic.server_answer))
                .or(record.ntp.and_then(|ntp| ntp.reply))
                .map(after),
            hello: tls
                .and_then(|tls| tls.client_hello.as_ref())
                .map(|hello| after(hello.seen)),
            secured: tls.and_then(|tls| tls.handshake_finished).map(after),
        }
    }

    /// The other side had answered: TCP was open, or the first QUIC or NTP answer had come.
    #[must_use]
    pub fn connected(self) -> Option<Duration> {
        self.connected.map(elapsed)
    }

    /// The TLS ClientHello was sent.
    #[must_use]
    pub fn hello(self) -> Option<Duration> {
        self.hello.map(elapsed)
    }

    /// The TLS handshake was finished.
    #[must_use]
    pub fn secured(self) -> Option<Duration> {
        self.secured.map(elapsed)
    }
}

fn elapsed(kept: NonZeroU32) -> Duration {
    Duration::from_micros(u64::from(kept.get().saturating_sub(1)))
}

/// One lookup or one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// What was tried.
    pub kind: AttemptKind,
    /// First packet.
    pub first: Seen,
    /// Time of the last packet.
    pub last: Timestamp,
    /// Stages passed; none for lookups.
    pub milestones: Milestones,
    /// How it ended.
    pub outcome: Outcome,
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// A name was looked up, for records of this type.
    Lookup {
        /// DNS type number.
        query_type: u16,
    },
    /// A connection, or an exchange of datagrams.
    Connection {
        /// TCP or UDP.
        transport: Transport,
        /// The server, or the proxy.
        responder: SocketAddr,
    },
}

/// The first lookups and connections of a host, in the order of their first packets.
#[must_use]
pub(super) fn steps(history: &HostHistory) -> Vec<AttemptReport> {
    let mut steps: Vec<AttemptReport> = history
        .lookups
        .iter()
        .filter_map(lookup)
        .take(KEPT)
        .chain(history.attempts.iter().map(connection).take(KEPT))
        .collect();
    steps.sort_by_key(|step| step.first);
    steps
}

fn lookup(lookup: &HostLookup) -> Option<AttemptReport> {
    let exchange = &lookup.exchange;
    let first = exchange.query.or(exchange.answer)?;
    let last = [exchange.last_query, exchange.answer]
        .into_iter()
        .flatten()
        .map(|seen| seen.time)
        .fold(first.time, Timestamp::max);
    Some(AttemptReport {
        kind: AttemptKind::Lookup {
            query_type: exchange.query_type,
        },
        first,
        last,
        milestones: Milestones::default(),
        outcome: match lookup.outcome {
            // That a name has no IPv6 address is an answer too.
            LookupOutcome::Ok | LookupOutcome::NoData => Outcome::Served,
            LookupOutcome::Failed(cause) => Outcome::Failed(cause),
            LookupOutcome::Unknown => Outcome::Unclear(Unclear::Unknown),
        },
    })
}

fn connection(attempt: &Attempt) -> AttemptReport {
    AttemptReport {
        kind: AttemptKind::Connection {
            transport: attempt.transport,
            responder: attempt.responder,
        },
        first: attempt.first,
        last: attempt.last.time,
        milestones: attempt.milestones,
        outcome: attempt.outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_its_small_form() {
        let milestones = Milestones {
            connected: NonZeroU32::new(1),
            hello: NonZeroU32::new(12_345),
            secured: Some(NonZeroU32::MAX),
        };
        assert_eq!(milestones.connected(), Some(Duration::ZERO));
        assert_eq!(milestones.hello(), Some(Duration::from_micros(12_344)));
        assert_eq!(
            milestones.secured(),
            Some(Duration::from_micros(u64::from(u32::MAX) - 1))
        );
        assert_eq!(Milestones::default().connected(), None);
    }

    #[test]
    fn three_times_fit_into_twelve_octets() {
        assert_eq!(size_of::<Milestones>(), 12);
    }
}
