//! The waist: what was observed in a capture, as plain owned data.
//!
//! Nothing here does I/O, knows how packets are laid out, or has heard of Intune. Everything left of this module produces
//! facts, everything right of it reads them.

mod activity;
mod anomaly;
mod capture_summary;
mod dns_exchange;
mod five_tuple;
mod flow_record;
mod host_name;
mod http_exchange;
mod relay;
mod seen;
mod tls_handshake;

pub use activity::{Activity, Series, Tally};
pub use anomaly::{Anomalies, Anomaly};
pub use capture_summary::{CaptureSection, CaptureSummary, InterfaceSummary};
pub use dns_exchange::{DnsExchange, DnsLookup, DnsOutcome, DnsTransport, ServiceHint};
pub use five_tuple::{Direction, FiveTuple, MacAddress, Transport};
pub use flow_record::{
    Application, Establishment, FlowEnd, FlowRecord, HostSighting, IcmpErrorFact, IcmpReason,
    NtpFact, Reset, TcpFacts,
};
pub use host_name::{HostName, printable};
pub use http_exchange::{HttpExchange, HttpFacts, TunnelKind, TunnelRequest};
pub use relay::{FactReceiver, FactSender, relay};
pub use seen::{FrameNumber, LinkType, Seen, Timestamp};
pub use tls_handshake::{
    AlertFact, CertificateFact, ClientHelloFact, EncryptedRecords, ForeignAnswer, QuicFact,
    ServerHelloFact, TlsFacts,
};

/// One finished observation, handed to a [`FactSink`] as soon as nothing more can be learnt about it.
#[derive(Debug, Clone)]
pub enum Fact {
    /// A TCP or UDP flow that ended, timed out, or was still open when the capture ended.
    Flow(Box<FlowRecord>),
    /// A DNS question with its answer, or without one.
    Dns(Box<DnsLookup>),
    /// A device's address seen together with its hardware address or with the name the device gives itself.
    Host(HostSighting),
}

/// Where facts go as they are found: a file audit, a live monitor and a table writer are three sinks on one pipeline.
pub trait FactSink {
    /// Takes one finished fact. Facts arrive in the order in which they were *finished*; a DNS exchange always arrives
    /// before any flow that was opened because of its answer.
    fn accept(&mut self, fact: Fact);
}

impl FactSink for Vec<Fact> {
    fn accept(&mut self, fact: Fact) {
        self.push(fact);
    }
}
