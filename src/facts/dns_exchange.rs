//! One DNS question and what became of it.

use super::{HostName, Seen};
use compact_str::CompactString;
use std::net::{IpAddr, SocketAddr};

/// How the question travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DnsTransport {
    /// Unicast DNS over UDP (RFC 1035).
    Udp,
    /// DNS over TCP (RFC 7766).
    Tcp,
    /// Multicast DNS (RFC 6762).
    Mdns,
    /// Link-Local Multicast Name Resolution (RFC 4795).
    Llmnr,
}

impl DnsTransport {
    /// Port of unicast DNS over UDP and TCP (RFC 1035 §4.2).
    pub const PORT: u16 = 53;
}

/// What the capture shows of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsOutcome {
    /// A response was seen; its response code (RFC 6895 §2.3), for example 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
    Answered {
        /// The response code with the extended bits of EDNS, where an OPT record was readable.
        response_code: u16,
    },
    /// No response was seen before the question timed out or the capture ended.
    NoReply,
}

/// Parameters of an HTTPS or SVCB record (RFC 9460) that tell where a client may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceHint {
    /// Alternative name to connect to; `None` for "the same name".
    pub target: Option<HostName>,
    /// Addresses of `ipv4hint` and `ipv6hint`.
    pub addresses: Vec<IpAddr>,
    /// Protocol identifiers of `alpn`, printable.
    pub alpn: Vec<CompactString>,
    /// `port`, when given.
    pub port: Option<u16>,
    /// Whether an Encrypted ClientHello configuration was offered.
    pub ech: bool,
}

/// A lookup: the name asked for, what the answer says of it, and the exchange of messages.
#[derive(Debug, Clone)]
pub struct DnsLookup {
    /// The side that asked.
    pub client: SocketAddr,
    /// The side that was asked.
    pub resolver: SocketAddr,
    /// The name asked for; `None` for the root.
    pub name: Option<HostName>,
    /// Names of the CNAME (and DNAME) chain, in order, the question's own name excluded.
    pub cnames: Vec<HostName>,
    /// What HTTPS or SVCB answers say.
    pub hints: Vec<ServiceHint>,
    /// Smallest time to live among the answers, in seconds; `None` without answers.
    pub ttl: Option<u32>,
    /// Question and answer.
    pub exchange: DnsExchange,
}

/// One question, all its repetitions with the same identifier, and its answer. Whoever knows the name and the client keeps this alone.
#[derive(Debug, Clone)]
pub struct DnsExchange {
    /// How the question travelled.
    pub transport: DnsTransport,
    /// The type asked for as a number (1 A, 28 AAAA, 65 HTTPS …).
    pub query_type: u16,
    /// The first packet with the question; `None` when only the answer is in the capture.
    pub query: Option<Seen>,
    /// The last repetition of the question, when it was repeated.
    pub last_query: Option<Seen>,
    /// How often the question was sent, copies not counted.
    pub queries: u32,
    /// The packet with the answer.
    pub answer: Option<Seen>,
    /// What became of it.
    pub outcome: DnsOutcome,
    /// Addresses of A and AAAA answers.
    pub addresses: Vec<IpAddr>,
    /// The answer holds a record of the type that was asked for, readable or not.
    pub answered: bool,
    /// The answer was cut, by the capture's snap length or unreadable records, so that addresses may be missing.
    pub answer_cut_short: bool,
    /// The TC bit was set: the client had to ask again over TCP.
    pub truncated: bool,
}
