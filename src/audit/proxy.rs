//! Proxies that cannot be connected to: who is known to be one, and which devices try in vain.
//!
//! In: flows as they end. Out: for each client the [`DeadProxy`] that it keeps trying. A connection that never opens names no
//! host, so that no endpoint set can be blamed; what is known of it is an address. Configuration that a proxy is found by
//! (WPAD, policies) is not looked at.

use super::address;
use super::cause::{Cause, Outcome};
use super::evidence::Evidence;
use super::outcome::{SILENCE, Vantage, judge};
use super::report::FlowEnds;
use crate::facts::{Establishment, FlowRecord, HostName, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;
use std::net::SocketAddr;

/// Proxies remembered; a site has a handful.
const MAX_PROXIES: usize = 1_024;

/// Doors that a client finds closed, remembered per client: a list of proxies to try seldom has more entries.
const MAX_DOORS: usize = 4;

/// Ports that proxies and secure web gateways are usually given: Squid's, those of "HTTP alternate" (IANA 8080 and its
/// neighbours), Privoxy's, SOCKS (RFC 1928 §3), and those of the large gateways' agents and clouds.
const USUAL_PORTS: [u16; 14] = [
    1080, 3128, 3129, 8000, 8008, 8080, 8081, 8088, 8118, 8888, 9000, 9090, 9400, 9480,
];

/// Connections in vain that are more than bad luck; fewer count when the client has opened no others.
const ENOUGH: u64 = 2;

/// The same where nothing but the port speaks for a proxy.
const ENOUGH_FOR_A_GUESS: u64 = 3;

/// How it is known that an address is a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProxySign {
    /// Only its port is usual for proxies.
    Port,
    /// The device knows it by a name that says so.
    Name,
    /// Somebody in the capture asks it for tunnels or whole URLs.
    Spoken,
}

/// A proxy that a device cannot connect to.
#[derive(Debug, Clone)]
pub struct DeadProxy {
    /// Address and port.
    pub address: SocketAddr,
    /// The name that the device had looked up for it.
    pub name: Option<HostName>,
    /// How it is known to be a proxy.
    pub sign: ProxySign,
    /// What stops the first connection.
    pub cause: Cause,
    /// Connections in vain since the last one that opened.
    pub failed: u64,
    /// Something on the Internet has served the device since, so that it gets on without this proxy.
    pub works_otherwise: bool,
    /// The device was served before, and has not tried for long since: it may be a moment's trouble.
    pub passing: bool,
    /// The proof of the first connection in vain.
    pub evidence: Vec<Evidence>,
    /// That connection.
    pub example: FlowEnds,
}

impl DeadProxy {
    /// Whether this, and not something else, is why the device gets nowhere.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.sign > ProxySign::Port && !self.works_otherwise && !self.passing
    }
}

/// Addresses that clients talk to as one talks to a proxy.
#[derive(Debug, Clone, Default)]
pub struct KnownProxies(HashSet<SocketAddr, RandomState>);

impl KnownProxies {
    /// Learns from what a client says on a connection.
    pub fn learn(&mut self, flow: &FlowRecord) {
        if asks_proxy(flow) && self.0.len() < MAX_PROXIES {
            self.0.insert(flow.five_tuple.responder);
        }
    }

    fn contains(&self, address: SocketAddr) -> bool {
        self.0.contains(&address)
    }
}

/// Whether the client asks for tunnels (CONNECT, SOCKS) or in the form that is meant for proxies (RFC 9112 §3.2.2).
pub fn asks_proxy(flow: &FlowRecord) -> bool {
    flow.tunnel.is_some()
        || flow
            .http
            .as_ref()
            .is_some_and(|http| http.exchanges.iter().any(|exchange| exchange.absolute_form))
}

/// One address where a client's connections do not open.
#[derive(Debug, Clone)]
struct Door {
    address: SocketAddr,
    name: Option<HostName>,
    /// When the last connection in vain began.
    last: Timestamp,
    failed: u64,
    /// The first connection in vain.
    example: Box<FlowRecord>,
}

/// What one client has met of proxies.
#[derive(Debug, Clone, Default)]
pub struct ProxyTrail {
    doors: SmallVec<[Box<Door>; 1]>,
    /// The last packet of a connection over which something on the Internet answered.
    served: Option<Timestamp>,
}

impl ProxyTrail {
    /// Takes a TCP flow of the client that has ended; `name` is what it is known by.
    pub fn add(&mut self, flow: &FlowRecord, name: Option<&HostName>, known: &KnownProxies) {
        let Some(tcp) = &flow.tcp else { return };
        let address = flow.five_tuple.responder;
        let [_, answered] = tcp.payload;
        if tcp.was_accepted() {
            self.doors
                .retain(|door| door.address != address || door.last > flow.first.time);
            let through = flow
                .tunnel
                .as_ref()
                .is_some_and(|tunnel| tunnel.opened.is_some());
            if answered > 0 && (through || asks_proxy(flow) || address::is_public(address.ip())) {
                self.served = self.served.max(Some(flow.last.time));
            }
            return;
        }
        let may_be_proxy = USUAL_PORTS.contains(&address.port()) || known.contains(address);
        if flow.establishment == Establishment::MidStream || tcp.syn.is_none() || !may_be_proxy {
            return;
        }
        let start = flow.first.time;
        let has_room = self.doors.len() < MAX_DOORS;
        match self.doors.iter_mut().find(|door| door.address == address) {
            Some(door) => {
                door.failed = door.failed.saturating_add(1);
                door.last = door.last.max(start);
                if start < door.example.first.time {
                    *door.example = flow.clone();
                }
            }
            None if has_room => self.doors.push(Box::new(Door {
                address,
                name: name.cloned(),
                last: start,
                failed: 1,
                example: Box::new(flow.clone()),
            })),
            None => {}
        }
    }

    /// Adds what another address of the same device has met.
    pub fn absorb(&mut self, other: Self) {
        self.served = self.served.max(other.served);
        for door in other.doors {
            let is_known = self.doors.iter().any(|known| known.address == door.address);
            if !is_known && self.doors.len() < MAX_DOORS {
                self.doors.push(door);
            }
        }
    }

    /// The proxy that the device tries in vain, the surest and most tried first. `connections` are all that it opened.
    #[must_use]
    pub fn dead_proxy(
        &self,
        known: &KnownProxies,
        vantage: Vantage,
        connections: u64,
    ) -> Option<DeadProxy> {
        self.doors
            .iter()
            .filter_map(|door| {
                let sign = door.sign(known);
                let works_otherwise = self
                    .served
                    .is_some_and(|served| served >= door.example.first.time);
                let counts = match sign {
                    // A program that looks for a service of its own is no device without a proxy.
                    ProxySign::Port => {
                        self.served.is_none()
                            && door.failed.saturating_mul(2) > connections
                            && door.failed >= ENOUGH_FOR_A_GUESS.min(connections)
                    }
                    ProxySign::Name | ProxySign::Spoken => door.failed >= ENOUGH.min(connections),
                };
                if !counts {
                    return None;
                }
                let judgement = judge(&door.example, vantage, &|_| false);
                let Outcome::Failed(cause) = judgement.outcome else {
                    return None;
                };
                let tried_for = door.last.since(door.example.first.time);
                let ends = door.example.five_tuple;
                Some(DeadProxy {
                    address: door.address,
                    name: door.name.clone(),
                    sign,
                    cause,
                    failed: door.failed,
                    works_otherwise,
                    passing: self.served.is_some() && tried_for < SILENCE,
                    evidence: judgement.evidence.into_sorted(),
                    example: (ends.originator, ends.responder, ends.transport),
                })
            })
            .max_by_key(|dead| (dead.sign, dead.failed))
    }
}

impl Door {
    fn sign(&self, known: &KnownProxies) -> ProxySign {
        let named_so = self.name.as_ref().is_some_and(|name| {
            let folded = name.folded();
            let label = folded.split('.').next().unwrap_or_default();
            label.contains("proxy")
        });
        if known.contains(self.address) {
            ProxySign::Spoken
        } else if named_so {
            ProxySign::Name
        } else {
            ProxySign::Port
        }
    }
}
