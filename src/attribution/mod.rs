//! Which host a flow served, and how we know.
//!
//! In come flow records and DNS exchanges, out goes a name with its source. Evidence, best first: what the client itself
//! asked for inside the flow (proxy tunnel, TLS or QUIC server name, HTTP host), then a DNS answer it received before, then
//! another client's answer. Knows no endpoint list.

mod name_table;

pub use name_table::{NameTable, ResolvedName};

use crate::facts::{Application, FlowRecord, HostName};
use smallvec::SmallVec;

/// How a flow's name was obtained, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameSource {
    /// Authority of a CONNECT request or name in a SOCKS request.
    Connect,
    /// TLS server name.
    ServerName,
    /// Server name in QUIC's ClientHello.
    QuicServerName,
    /// HTTP `Host`, or authority of an absolute-form target.
    HttpHost,
    /// A DNS answer this client received before the flow.
    Dns,
    /// A DNS answer another client received.
    OtherClientsDns,
    /// No name: only the address is known.
    None,
}

impl NameSource {
    /// The code in reports; a name from another client's lookup is still `dns`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::ServerName => "sni",
            Self::QuicServerName => "quic_sni",
            Self::HttpHost => "http_host",
            Self::Dns | Self::OtherClientsDns => "dns",
            Self::None => "none",
        }
    }
}

/// A flow's name and what supports it.
#[derive(Debug, Clone)]
pub struct FlowName {
    /// The name; `None` when only the address is known.
    pub name: Option<HostName>,
    /// How it was obtained.
    pub source: NameSource,
    /// Further names of the same host to look up in a list when `name` itself is in none: targets of its CNAME chain.
    pub aliases: SmallVec<[HostName; 2]>,
    /// Other names the same client resolved to the same address: the name is ambiguous.
    pub also: SmallVec<[HostName; 1]>,
    /// The flow goes to a proxy, so that its address says nothing about the server.
    pub through_proxy: bool,
}

/// Names one flow.
#[must_use]
pub fn name_flow(flow: &FlowRecord, names: &NameTable) -> FlowName {
    let through_proxy = flow.tunnel.is_some() || goes_to_proxy(flow);
    let spoken = spoken_name(flow);
    let client = flow.five_tuple.originator.ip();
    let server = flow.five_tuple.responder.ip();
    let resolved = if through_proxy {
        None
    } else {
        names.lookup(client, server, flow.first.time)
    };
    match (spoken, resolved) {
        (Some((name, source)), resolved) => {
            let aliases = match resolved {
                Some(found) if found.newest.name == name => found.newest.aliases.clone(),
                _ => names.aliases_of(&name),
            };
            FlowName {
                name: Some(name),
                source,
                aliases,
                also: SmallVec::new(),
                through_proxy,
            }
        }
        (None, Some(found)) => FlowName {
            name: Some(found.newest.name.clone()),
            source: if found.own {
                NameSource::Dns
            } else {
                NameSource::OtherClientsDns
            },
            aliases: found.newest.aliases.clone(),
            also: found.also,
            through_proxy,
        },
        (None, None) => FlowName {
            name: None,
            source: NameSource::None,
            aliases: SmallVec::new(),
            also: SmallVec::new(),
            through_proxy,
        },
    }
}

/// Whether plain HTTP requests of this flow are written for a proxy (RFC 9112 §3.2.2).
fn goes_to_proxy(flow: &FlowRecord) -> bool {
    flow.http
        .as_ref()
        .is_some_and(|http| http.exchanges.iter().any(|exchange| exchange.absolute_form))
}

/// The name the client asked for inside the flow. An address in place of a name is none.
fn spoken_name(flow: &FlowRecord) -> Option<(HostName, NameSource)> {
    let is_name = |name: &&HostName| name.as_address().is_none();
    let tunnel = flow
        .tunnel
        .as_ref()
        .and_then(|tunnel| tunnel.host.as_ref())
        .filter(is_name);
    let tls = flow
        .tls
        .as_ref()
        .and_then(|tls| tls.client_hello.as_ref()?.server_name.as_ref())
        .filter(is_name);
    let quic = flow
        .quic
        .as_ref()
        .and_then(|quic| quic.client_hello.as_ref()?.server_name.as_ref())
        .filter(is_name);
    let http = flow
        .http
        .as_ref()
        .and_then(|http| http.hosts.first())
        .filter(is_name);
    tunnel
        .map(|name| (name, NameSource::Connect))
        .or(tls.map(|name| (name, NameSource::ServerName)))
        .or(quic.map(|name| (name, NameSource::QuicServerName)))
        .or(http
            .filter(|_| flow.application != Some(Application::Tls))
            .map(|name| (name, NameSource::HttpHost)))
        .map(|(name, source)| (name.clone(), source))
}
