//! What the flows tell about where the capture was taken: which direction it lacks, and how much began before it.

use super::address::is_public;
use super::outcome::Vantage;
use super::proxy::asks_proxy;
use crate::facts::{
    CaptureSummary, Direction, DnsExchange, Establishment, FlowRecord, TcpFacts, Timestamp,
    Transport,
};
use std::net::IpAddr;

/// Counters over all flows and lookups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VantageEvidence {
    /// TCP flows with packets of both sides.
    pub two_way: u64,
    /// TCP flows in which the originator goes on as if the responder had answered, and no answer was captured.
    pub only_originator: u64,
    /// TCP flows of which only the responder's packets were captured.
    pub only_responder: u64,
    /// Packets of responders, TCP and UDP.
    pub responder_packets: u64,
    /// Packets of originators, TCP and UDP.
    pub originator_packets: u64,
    /// TCP flows seen from their SYN on, both ways: their sequence numbers show what the capture lacks.
    pub checkable: u64,
    /// Those of them with octets that the capture lacks although they were sent.
    pub gappy: u64,
    /// Octets it lacks of them, as far as sequence numbers show.
    pub lost_octets: u64,
    /// TCP flows to a proxy.
    pub proxied: u64,
    /// TCP flows from public or shared IPv4 addresses whose packets have passed a router.
    pub public_originators: u64,
    /// TCP flows that were open before the capture began.
    pub mid_stream: u64,
    /// TCP flows.
    pub tcp_flows: u64,
    /// Flows with packets cut by the snap length.
    pub truncated_flows: u64,
    /// TLS connections whose ClientHello could not be read to its server name because of the snap length.
    pub cut_client_hellos: u64,
    /// TLS connections.
    pub tls_flows: u64,
    /// DNS questions to unicast resolvers.
    pub questions: u64,
    /// DNS answers seen.
    pub answers: u64,
    /// Answers whose question was not captured.
    pub answers_without_question: u64,
    /// Flows to port 853, or to port 443 of a well-known encrypted resolver.
    pub encrypted_resolver_flows: u64,
}

/// Port of DNS over TLS and QUIC (RFC 7858 §3.1, RFC 9250 §4.1.1).
const ENCRYPTED_DNS_PORT: u16 = 853;

/// Names of public resolvers that speak DNS over HTTPS.
const ENCRYPTED_RESOLVERS: [&str; 10] = [
    "dns.google",
    "cloudflare-dns.com",
    "mozilla.cloudflare-dns.com",
    "chrome.cloudflare-dns.com",
    "one.one.one.one",
    "dns.quad9.net",
    "doh.opendns.com",
    "dns.nextdns.io",
    "dns.adguard-dns.com",
    "doh.cleanbrowsing.org",
];

impl VantageEvidence {
    /// Counts a flow.
    pub fn note_flow(&mut self, flow: &FlowRecord) {
        let [from_originator, from_responder] = flow.packets;
        self.originator_packets = self.originator_packets.saturating_add(from_originator);
        self.responder_packets = self.responder_packets.saturating_add(from_responder);
        self.truncated_flows = self
            .truncated_flows
            .saturating_add(u64::from(flow.truncated_packets > 0));
        let server_name = flow
            .tls
            .as_ref()
            .and_then(|tls| tls.client_hello.as_ref()?.server_name.as_ref());
        let to_encrypted_resolver = flow.five_tuple.responder.port() == ENCRYPTED_DNS_PORT
            || server_name
                .is_some_and(|name| ENCRYPTED_RESOLVERS.contains(&name.folded().as_str()));
        self.encrypted_resolver_flows = self
            .encrypted_resolver_flows
            .saturating_add(u64::from(to_encrypted_resolver));
        if let Some(tls) = &flow.tls {
            self.tls_flows = self.tls_flows.saturating_add(1);
            let cut = flow.truncated_packets > 0
                && tls
                    .client_hello
                    .as_ref()
                    .is_none_or(|hello| !hello.complete && hello.server_name.is_none());
            self.cut_client_hellos = self.cut_client_hellos.saturating_add(u64::from(cut));
        }
        let Some(tcp) = &flow.tcp else { return };
        if flow.five_tuple.transport != Transport::Tcp {
            return;
        }
        self.tcp_flows = self.tcp_flows.saturating_add(1);
        self.proxied = self.proxied.saturating_add(u64::from(asks_proxy(flow)));
        self.public_originators = self
            .public_originators
            .saturating_add(u64::from(is_outside(flow, tcp)));
        if flow.establishment == Establishment::FromStart && from_responder > 0 {
            let lost = unseen_octets(tcp, Direction::Originator)
                .saturating_add(unseen_octets(tcp, Direction::Responder));
            self.checkable = self.checkable.saturating_add(1);
            self.lost_octets = self.lost_octets.saturating_add(lost);
            self.gappy = self.gappy.saturating_add(u64::from(lost > 0));
        }
        if from_originator > 0 && from_responder > 0 {
            self.two_way = self.two_way.saturating_add(1);
        } else if from_responder == 0 && tcp.established.is_some() {
            self.only_originator = self.only_originator.saturating_add(1);
        } else if from_originator == 0 && tcp.syn_ack.is_some() {
            self.only_responder = self.only_responder.saturating_add(1);
        }
        self.mid_stream = self
            .mid_stream
            .saturating_add(u64::from(flow.establishment == Establishment::MidStream));
    }

    /// Counts a lookup.
    pub fn note_lookup(&mut self, exchange: &DnsExchange) {
        use crate::facts::DnsTransport::{Llmnr, Mdns};
        if matches!(exchange.transport, Mdns | Llmnr) {
            return;
        }
        self.questions = self
            .questions
            .saturating_add(u64::from(exchange.query.is_some()));
        self.answers = self
            .answers
            .saturating_add(u64::from(exchange.answer.is_some()));
        let alone = exchange.answer.is_some() && exchange.query.is_none();
        self.answers_without_question = self
            .answers_without_question
            .saturating_add(u64::from(alone));
    }

    /// The side whose packets the capture lacks as a rule; `None` when both are there or nothing can be told.
    ///
    /// It takes flows that prove it: a client that acknowledges a SYN/ACK which was not captured, or servers that answer
    /// questions nobody was seen to ask. A network that is simply dead gives no such proof.
    #[must_use]
    pub fn missing_side(&self) -> Option<Direction> {
        let one_sided = |alone: u64| alone > 0 && alone > self.two_way.saturating_mul(4);
        if one_sided(self.only_originator) {
            Some(Direction::Responder)
        } else if one_sided(self.only_responder)
            || (self.originator_packets == 0 && self.responder_packets > 0)
            || (self.two_way == 0 && self.answers_without_question > 0 && self.questions == 0)
        {
            Some(Direction::Originator)
        } else {
            None
        }
    }

    /// The vantage point for judging `capture`.
    #[must_use]
    pub fn vantage(&self, capture: &CaptureSummary) -> Vantage {
        let dropped = capture
            .interfaces
            .iter()
            .any(|interface| interface.dropped.is_some_and(|dropped| dropped > 0));
        Vantage {
            end: capture.last.map_or(Timestamp::default(), |seen| seen.time),
            missing: self.missing_side(),
            lossy: dropped || self.gappy > 0,
        }
    }
}

/// The originator has an IPv4 address that others may share (public, or of RFC 6598), and is not on this link.
fn is_outside(flow: &FlowRecord, tcp: &TcpFacts) -> bool {
    let [hop_limit, _] = tcp.hop_limit;
    match flow.five_tuple.originator.ip() {
        IpAddr::V4(address) => {
            let shared = matches!(address.octets(), [100, 64..128, ..]);
            (shared || is_public(address.into()))
                && hop_limit.is_some_and(|hops| hops != initial_hop_limit(hops))
        }
        IpAddr::V6(_) => false,
    }
}

/// The value from which a system let the hop limit start: 64, 128 or 255, as no path is longer than 64 hops.
#[must_use]
pub fn initial_hop_limit(hop_limit: u8) -> u8 {
    match hop_limit {
        0..=64 => 64,
        65..=128 => 128,
        _ => 255,
    }
}

/// Largest gap that is believed to be a loss: a stray acknowledgement may claim anything.
const BELIEVABLE_LOSS: u64 = 1 << 20;

/// Octets of `side` that the other side acknowledged, so that they were sent, but that are not in the capture. A hole that was
/// never acknowledged is none: the network lost it before both the other side and the capture.
#[must_use]
pub fn unseen_octets(tcp: &TcpFacts, side: Direction) -> u64 {
    // An acknowledgement counts the FIN too.
    let unseen = side
        .of(&tcp.acknowledged)
        .saturating_sub(*side.of(&tcp.payload))
        .saturating_sub(1);
    if unseen <= BELIEVABLE_LOSS { unseen } else { 0 }
}
