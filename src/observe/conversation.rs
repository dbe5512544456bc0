//! What a TCP connection carries: finds the protocol from the first octets of each side and feeds its dissector.
//!
//! A connection may change its language once: HTTP CONNECT and SOCKS lead into a tunnel, whose contents are looked at
//! anew.

use crate::dissect::dns::DnsStream;
use crate::dissect::http::{self, HttpStream};
use crate::dissect::socks::{self, SocksStream};
use crate::dissect::tls::{TlsStream, looks_like_tls};
use crate::dissect::tunnel::EarlyOctets;
use crate::dissect::{Progress, StreamDissector, TunnelProgress};
use crate::facts::{Application, Direction, FlowRecord, HttpFacts, Seen, TlsFacts, TunnelRequest};
use crate::flow::Delivery;
use smallvec::SmallVec;

/// Octets that suffice to tell what a side speaks: the longest request methods with their blank, a TLS record header.
const ENOUGH_OCTETS: usize = 16;

/// Deliveries looked at per side before it counts as unknown: a capture may begin in the middle of a message.
const MOST_DELIVERIES: u8 = 6;

/// Whether more octets are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appetite {
    /// Go on.
    More,
    /// Nothing further can change what is known.
    Done,
}

#[derive(Debug, Clone, Default)]
struct Probe {
    /// The first octets, until there are enough to tell.
    pending: SmallVec<[u8; ENOUGH_OCTETS]>,
    /// The packet that brought them.
    seen: Seen,
    deliveries: u8,
}

#[derive(Debug, Clone)]
enum Stage {
    Probing(Box<[Probe; 2]>),
    Tls(Box<TlsStream>),
    Http(Box<HttpStream>),
    Socks(Box<SocksStream>),
    Dns(Box<[DnsStream; 2]>),
    Over,
}

impl Stage {
    fn probing() -> Self {
        Self::Probing(Box::default())
    }
}

/// One connection's contents.
#[derive(Debug, Clone)]
pub struct Conversation {
    stage: Stage,
    /// What came before the tunnel.
    outer: Option<(HttpFacts, Option<TunnelRequest>, Application)>,
    /// The dissector has seen enough; its facts stay with it until the flow ends.
    done: bool,
}

/// Octets and gaps to hand to the next stage.
enum Rest<'a> {
    Bytes(&'a [u8]),
    Gap(u64),
}

impl Conversation {
    /// A connection of unknown contents, or one to a port where only DNS is spoken.
    #[must_use]
    pub fn new(is_dns: bool) -> Self {
        Self {
            stage: if is_dns {
                Stage::Dns(Box::default())
            } else {
                Stage::probing()
            },
            outer: None,
            done: false,
        }
    }

    /// Takes the next octets (or a gap) of one side; whole DNS messages go to `dns`.
    pub fn deliver(
        &mut self,
        direction: Direction,
        delivery: Delivery<'_>,
        dns: &mut impl FnMut(Direction, &[u8], bool, Seen),
    ) -> Appetite {
        match delivery {
            Delivery::Bytes(bytes, seen) => self.push(direction, bytes, seen, dns),
            Delivery::Gap(octets, seen) => self.gap(direction, octets, seen, dns),
        }
        if self.done || matches!(self.stage, Stage::Over) {
            Appetite::Done
        } else {
            Appetite::More
        }
    }

    /// Moves what was learnt into `record`.
    pub fn finish(self, record: &mut FlowRecord) {
        let mut application = None;
        if let Some((http, tunnel, outer)) = self.outer {
            if !http.exchanges.is_empty() || !http.hosts.is_empty() {
                record.http = Some(Box::new(http));
            }
            record.tunnel = tunnel.map(Box::new);
            application = Some(outer);
        }
        match self.stage {
            Stage::Tls(stream) => {
                record.tls = Some(Box::new(stream.into_facts()));
                application = application.or(Some(Application::Tls));
            }
            Stage::Http(mut stream) => {
                let early = stream.take_early_octets();
                let client = stream.client().unwrap_or(Direction::Originator);
                let (http, tunnel) = stream.into_facts();
                if record.tls.is_none() && tunnel.is_some() && !early.is_empty() {
                    // The capture does not hold the proxy's answer; the client went on as if it was a consent.
                    record.tls = early_tls(client, &early).map(Box::new);
                }
                let spoken = if tunnel.is_some() {
                    Application::HttpConnect
                } else {
                    Application::Http
                };
                match &mut record.http {
                    Some(outer) => {
                        outer.hosts.extend(http.hosts);
                        outer.exchanges.extend(http.exchanges);
                    }
                    None => record.http = Some(Box::new(http)),
                }
                record.tunnel = record.tunnel.take().or(tunnel.map(Box::new));
                application = application.or(Some(spoken));
            }
            Stage::Socks(stream) => {
                record.tunnel = record.tunnel.take().or(stream.into_facts().map(Box::new));
                application = application.or(Some(Application::Socks));
            }
            Stage::Dns(_) => application = application.or(Some(Application::Dns)),
            Stage::Probing(_) | Stage::Over => {}
        }
        record.application = record.application.or(application);
    }

    fn push(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        seen: Seen,
        dns: &mut impl FnMut(Direction, &[u8], bool, Seen),
    ) {
        match &mut self.stage {
            Stage::Probing(probes) => {
                let probe = direction.of_mut(probes);
                if probe.pending.is_empty() {
                    probe.seen = seen;
                }
                let first_seen = probe.seen;
                let mut joined: SmallVec<[u8; 64]> = SmallVec::new();
                let start: &[u8] = if probe.pending.is_empty() {
                    bytes
                } else {
                    joined.extend_from_slice(&probe.pending);
                    joined.extend_from_slice(bytes);
                    &joined
                };
                match identify(direction, start) {
                    Identified::Stage(stage) => {
                        let earlier = std::mem::replace(&mut self.stage, stage);
                        self.replay(earlier, direction.opposite(), dns);
                        self.push_stage(direction, start, first_seen, dns);
                    }
                    Identified::Perhaps => {
                        probe.pending = start
                            .get(..ENOUGH_OCTETS.min(start.len()))
                            .unwrap_or(start)
                            .into();
                    }
                    Identified::Nothing => {
                        probe.pending.clear();
                        probe.deliveries = probe.deliveries.saturating_add(1);
                        if probes
                            .iter()
                            .any(|probe| probe.deliveries >= MOST_DELIVERIES)
                        {
                            self.stage = Stage::Over;
                        }
                    }
                }
            }
            _ => self.push_stage(direction, bytes, seen, dns),
        }
    }

    /// Feeds the other side's octets that were kept while probing.
    fn replay(
        &mut self,
        earlier: Stage,
        direction: Direction,
        dns: &mut impl FnMut(Direction, &[u8], bool, Seen),
    ) {
        if let Stage::Probing(probes) = earlier {
            let probe = direction.of(&probes);
            if !probe.pending.is_empty() {
                self.push_stage(direction, &probe.pending, probe.seen, dns);
            }
        }
    }

    fn push_stage(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        seen: Seen,
        dns: &mut impl FnMut(Direction, &[u8], bool, Seen),
    ) {
        let (progress, length) = match &mut self.stage {
            Stage::Tls(stream) => (
                tunnel_free(stream.push(direction, bytes, seen)),
                bytes.len(),
            ),
            Stage::Http(stream) => (stream.push(direction, bytes, seen), bytes.len()),
            Stage::Socks(stream) => (stream.push(direction, bytes, seen), bytes.len()),
            Stage::Dns(sides) => {
                direction
                    .of_mut(sides)
                    .push(bytes, |message| dns(direction, message, true, seen));
                if sides.iter().all(DnsStream::is_lost) {
                    self.stage = Stage::Over;
                }
                return;
            }
            Stage::Probing(_) => return self.push(direction, bytes, seen, dns),
            Stage::Over => return,
        };
        match progress {
            TunnelProgress::Tunnel { consumed } => {
                let rest = bytes.get(consumed.min(length)..).unwrap_or_default();
                self.open_tunnel(direction, Rest::Bytes(rest), seen, dns);
            }
            other => self.settle(other),
        }
    }

    fn gap(
        &mut self,
        direction: Direction,
        octets: u64,
        seen: Seen,
        dns: &mut impl FnMut(Direction, &[u8], bool, Seen),
    ) {
        let progress = match &mut self.stage {
            Stage::Probing(probes) => {
                let probe = direction.of_mut(probes);
                probe.pending.clear();
                probe.deliveries = probe.deliveries.saturating_add(1);
                if probe.deliveries >= MOST_DELIVERIES {
                    self.stage = Stage::Over;
                }
                return;
            }
            Stage::Tls(stream) => tunnel_free(stream.gap(direction, octets, seen)),
            Stage::Http(stream) => stream.gap(direction, octets, seen),
            Stage::Socks(stream) => stream.gap(direction, octets, seen),
            Stage::Dns(sides) => {
                direction
                    .of_mut(sides)
                    .gap(octets, |message| dns(direction, message, false, seen));
                return;
            }
            Stage::Over => return,
        };
        match progress {
            TunnelProgress::Tunnel { consumed } => {
                let rest = octets.saturating_sub(u64::try_from(consumed).unwrap_or(u64::MAX));
                self.open_tunnel(direction, Rest::Gap(rest), seen, dns);
            }
            other => self.settle(other),
        }
    }

    /// The proxy has opened the tunnel: what follows is looked at anew.
    fn open_tunnel(
        &mut self,
        direction: Direction,
        rest: Rest<'_>,
        seen: Seen,
        dns: &mut impl FnMut(Direction, &[u8], bool, Seen),
    ) {
        // A tunnel in a tunnel is not followed: one change of language is what proxies do.
        if self.outer.is_some() {
            self.stage = Stage::Over;
            return;
        }
        let (early, client) = match std::mem::replace(&mut self.stage, Stage::probing()) {
            Stage::Http(mut stream) => {
                let early = stream.take_early_octets();
                let client = stream.client().unwrap_or(Direction::Originator);
                let (http, tunnel) = stream.into_facts();
                self.outer = Some((http, tunnel, Application::HttpConnect));
                (early, client)
            }
            Stage::Socks(mut stream) => {
                let early = stream.take_early_octets();
                self.outer = Some((
                    HttpFacts::default(),
                    stream.into_facts(),
                    Application::Socks,
                ));
                (early, Direction::Originator)
            }
            other => {
                self.stage = other;
                return;
            }
        };
        for (seen, piece) in early.pieces() {
            self.push(client, piece, seen, dns);
        }
        if early.missing() > 0 {
            self.gap(client, early.missing(), seen, dns);
        }
        match rest {
            Rest::Bytes([]) | Rest::Gap(0) => {}
            Rest::Bytes(bytes) => self.push(direction, bytes, seen, dns),
            Rest::Gap(octets) => self.gap(direction, octets, seen, dns),
        }
    }

    fn settle(&mut self, progress: TunnelProgress) {
        match progress {
            TunnelProgress::NotMine => self.stage = Stage::Over,
            TunnelProgress::Done => self.done = true,
            TunnelProgress::NeedMore | TunnelProgress::Tunnel { .. } => {}
        }
    }
}

/// What a client said to the server behind a proxy whose answer is not in the capture.
fn early_tls(client: Direction, early: &EarlyOctets) -> Option<TlsFacts> {
    let mut stream = TlsStream::new();
    for (seen, piece) in early.pieces() {
        stream.push(client, piece, seen);
    }
    let facts = stream.into_facts();
    facts.client_hello.is_some().then_some(facts)
}

/// What a dissector says that never meets a tunnel, in the words of those that may.
fn tunnel_free(progress: Progress) -> TunnelProgress {
    match progress {
        Progress::NeedMore => TunnelProgress::NeedMore,
        Progress::Done => TunnelProgress::Done,
        Progress::NotMine => TunnelProgress::NotMine,
    }
}

enum Identified {
    Stage(Stage),
    /// Too few octets to tell.
    Perhaps,
    Nothing,
}

fn identify(direction: Direction, bytes: &[u8]) -> Identified {
    if looks_like_tls(bytes) {
        return Identified::Stage(Stage::Tls(Box::default()));
    }
    if http::looks_like_request(bytes) || http::looks_like_response(bytes) {
        return Identified::Stage(Stage::Http(Box::new(HttpStream::new())));
    }
    if direction == Direction::Originator && socks::looks_like_socks(bytes) {
        return Identified::Stage(Stage::Socks(Box::new(SocksStream::new())));
    }
    if bytes.len() < ENOUGH_OCTETS {
        Identified::Perhaps
    } else {
        Identified::Nothing
    }
}
