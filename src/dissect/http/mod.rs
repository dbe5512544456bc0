//! HTTP/1.0 and HTTP/1.1 (RFC 9112): the bytes of both directions of a connection to exchanges, and to the tunnel that a
//! CONNECT opens.
//!
//! Requests and responses are paired in order; bodies are skipped by their framing, across gaps too. What is read leniently,
//! and what a head that the capture cut short still tells, is said in `head`. HTTP/2 is recognised, not read. Knows nothing
//! of what is asked for, nor of what a tunnel carries.

mod connectivity_probe;
mod exchange;
mod framing;
mod head;
mod intermediary;
mod request_queue;
mod target;

pub use head::{looks_like_request, looks_like_response};

use super::tunnel::{EarlyOctets, TunnelProgress};
use crate::facts::{Direction, HttpExchange, HttpFacts, Seen, TunnelKind, TunnelRequest};
use exchange::BodySample;
use framing::{Body, BodyProgress, Framing, MethodKind};
use head::{
    HeadBuffer, HeadProgress, RequestHead, ResponseHead, may_become_connect,
    may_become_known_request, may_become_request, may_become_response,
};
use request_queue::{OpenRequest, RequestQueue};
use smallvec::SmallVec;

/// Most exchanges kept of one connection.
const MAX_EXCHANGES: usize = 32;
/// Most different hosts kept of one connection.
const MAX_HOSTS: usize = 16;
/// Most refusals kept of one tunnel request.
const MAX_REFUSALS: usize = 4;

/// Reads one TCP connection as HTTP/1, whichever side is the client.
#[derive(Debug, Clone, Default)]
pub struct HttpStream {
    originator: Side,
    responder: Side,
    /// Which side asks; `None` until a head tells.
    client: Option<Direction>,
    open_requests: RequestQueue,
    /// The request that was answered before the end of its head came.
    answered_early: Option<OpenRequest>,
    facts: HttpFacts,
    tunnel: Option<TunnelRequest>,
    early: EarlyOctets,
    /// The answer to everything that is still delivered after the end.
    end: Option<TunnelProgress>,
}

/// One direction.
#[derive(Debug, Clone, Default)]
struct Side {
    state: SideState,
    head: HeadBuffer,
    sample: Option<BodySample>,
    /// The exchange that the body belongs to.
    answering: Option<usize>,
}

/// What the next octets of one direction are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum SideState {
    /// Part of a head.
    #[default]
    Head,
    /// Part of a body.
    Body(Body),
    /// Client only: what the client sends early into a tunnel that it asked for.
    Early,
    /// Unknown, until a push begins like a message.
    Lost,
    /// Not looked at: a head was too long.
    GivenUp,
}

/// Whether a head was seen to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeadExtent {
    Whole,
    /// Cut by a gap, by the limit, or by the end of the capture.
    Cut,
}

impl HttpStream {
    /// A reader for a connection of which nothing has been seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of one direction, in order.
    pub fn push(&mut self, direction: Direction, bytes: &[u8], seen: Seen) -> TunnelProgress {
        if let Some(end) = self.end {
            return end;
        }
        if self.side(direction).state == SideState::Lost {
            self.resynchronise(direction, bytes, seen);
        }
        let mut rest = bytes;
        while !rest.is_empty() && self.end.is_none() {
            let side = self.side(direction);
            let taken = match &mut side.state {
                SideState::Head => {
                    let held = side.head.as_slice().len();
                    let (taken, progress) = side.head.push(rest, seen);
                    if !self.head_is_plausible(direction) {
                        self.meet_foreign_octets(direction, held, rest, seen);
                        break;
                    }
                    match progress {
                        HeadProgress::Incomplete => {}
                        HeadProgress::Complete => self.finish_head(direction, HeadExtent::Whole),
                        HeadProgress::TooLong => {
                            self.finish_head(direction, HeadExtent::Cut);
                            self.side(direction).state = SideState::GivenUp;
                        }
                    }
                    taken
                }
                SideState::Body(body) => {
                    let (taken, data, progress) = body.read(rest);
                    let full = side.sample.as_mut().is_some_and(|sample| sample.add(data));
                    if full {
                        self.judge_sample(direction, false);
                    }
                    self.leave_body(direction, progress);
                    taken
                }
                SideState::Early => {
                    self.early.hold(rest, seen);
                    break;
                }
                SideState::Lost | SideState::GivenUp => break,
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.progress(bytes.len().saturating_sub(rest.len()))
    }

    /// Says that `octets` octets of one direction were sent but are not in the capture.
    ///
    /// The packet that told is of no account: what a gap cuts short is dated by the last packet that brought some of it.
    pub fn gap(&mut self, direction: Direction, octets: u64, _seen: Seen) -> TunnelProgress {
        if let Some(end) = self.end {
            return end;
        }
        let tunnel_asked = self.client == Some(direction) && self.open_requests.last_is_connect();
        let side = self.side(direction);
        match &mut side.state {
            SideState::Head if !side.head.as_slice().is_empty() => {
                self.finish_head(direction, HeadExtent::Cut)
            }
            SideState::Head if !tunnel_asked => side.state = SideState::Lost,
            SideState::Head | SideState::Early => {
                side.state = SideState::Early;
                self.early.miss(octets);
            }
            SideState::Body(body) => {
                let progress = body.skip(octets);
                self.judge_sample(direction, false);
                self.leave_body(direction, progress);
            }
            SideState::Lost | SideState::GivenUp => {}
        }
        self.progress(usize::try_from(octets).unwrap_or(usize::MAX))
    }

    /// The side that sends requests; `None` when no head has told yet.
    #[must_use]
    pub fn client(&self) -> Option<Direction> {
        self.client
    }

    /// Takes what the client sent into the tunnel before an answer to its CONNECT was seen: the first octets of its
    /// direction of the tunnel.
    ///
    /// To be asked for once, when [`TunnelProgress::Tunnel`] was returned, or at the end of a capture that does not hold the
    /// proxy's answer.
    pub fn take_early_octets(&mut self) -> EarlyOctets {
        std::mem::take(&mut self.early)
    }

    /// What is known so far.
    #[must_use]
    pub fn facts(&self) -> (HttpFacts, Option<TunnelRequest>) {
        self.clone().into_facts()
    }

    /// All that was learnt, messages included of which only the beginning was seen.
    #[must_use]
    pub fn into_facts(mut self) -> (HttpFacts, Option<TunnelRequest>) {
        let client = self.client.unwrap_or(Direction::Originator);
        let server = self.side(client.opposite());
        if let (SideState::Body(Body::Counted { remaining }), Some(index)) =
            (server.state, server.answering)
            && let Some(exchange) = self.facts.exchanges.get_mut(index)
        {
            exchange.missing_octets = Some(remaining);
        }
        for direction in [client, client.opposite()] {
            self.finish_head(direction, HeadExtent::Cut);
            self.judge_sample(direction, false);
        }
        (self.facts, self.tunnel)
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Originator => &mut self.originator,
            Direction::Responder => &mut self.responder,
        }
    }

    fn progress(&self, consumed: usize) -> TunnelProgress {
        match self.end {
            None => TunnelProgress::NeedMore,
            Some(TunnelProgress::Tunnel { .. }) => TunnelProgress::Tunnel { consumed },
            Some(end) => end,
        }
    }

    /// Finds the way again where a push begins like a message.
    fn resynchronise(&mut self, direction: Direction, bytes: &[u8], seen: Seen) {
        let request = looks_like_request(bytes) && self.client != Some(direction.opposite());
        let response = looks_like_response(bytes) && self.client != Some(direction);
        if request || response {
            if response {
                self.open_requests.keep_last();
            }
            self.side(direction).state = SideState::Head;
        } else if self.is_early_answer(direction) {
            self.open_tunnel(seen);
        }
    }

    /// Whether the octets collected can still become the head that is due in this direction.
    fn head_is_plausible(&mut self, direction: Direction) -> bool {
        let client = self.client;
        let tunnel_asked = self.open_requests.last_is_connect();
        let head = self.side(direction).head.as_slice();
        match client {
            None => may_become_response(head) || may_become_known_request(head),
            // Behind a CONNECT, anything but another try is meant for the tunnel.
            Some(client) if client == direction && tunnel_asked => may_become_connect(head),
            Some(client) if client == direction => may_become_request(head),
            Some(_) => may_become_response(head),
        }
    }

    /// Meets octets that are no head where a head is due: `rest`, behind `held` octets collected before.
    fn meet_foreign_octets(&mut self, direction: Direction, held: usize, rest: &[u8], seen: Seen) {
        let head = std::mem::take(&mut self.side(direction).head);
        if self.client == Some(direction) {
            self.answered_early = None;
        }
        if self.client.is_none() {
            self.end = Some(TunnelProgress::NotMine);
        } else if self.client == Some(direction) && self.open_requests.last_is_connect() {
            self.side(direction).state = SideState::Early;
            if let Some(before @ [_, ..]) = head.as_slice().get(..held) {
                self.early.hold(before, seen);
            }
            self.early.hold(rest, seen);
        } else if self.is_early_answer(direction) {
            self.open_tunnel(seen);
        } else {
            self.side(direction).state = SideState::Lost;
        }
    }

    /// Whether octets of this direction that are no response prove the tunnel open, its opening not being in the capture:
    /// the client already speaks through it.
    fn is_early_answer(&self, direction: Direction) -> bool {
        self.client == Some(direction.opposite()) && !self.early.is_empty()
    }

    /// Reads the head collected in one direction, if there is one.
    fn finish_head(&mut self, direction: Direction, extent: HeadExtent) {
        let side = self.side(direction);
        let mut head = std::mem::take(&mut side.head);
        side.state = SideState::Lost;
        let bytes = head.as_slice();
        if let Some(seen) = head.last_seen().filter(|_| !bytes.is_empty()) {
            let may_be_request = self.client != Some(direction.opposite());
            let may_be_response = self.client != Some(direction);
            if may_be_request && RequestHead::is_http2_preface(bytes) {
                self.facts.http2 = true;
                self.end = Some(TunnelProgress::Done);
            } else if let Some(request) = RequestHead::parse(bytes).filter(|_| may_be_request) {
                self.take_request(direction, &request, extent, seen);
            } else if let Some(response) = ResponseHead::parse(bytes).filter(|_| may_be_response) {
                self.take_response(direction, &response, extent, seen);
            } else if self.client.is_none() {
                self.end = Some(TunnelProgress::NotMine);
            }
            if self.client == Some(direction) {
                self.answered_early = None;
            }
        }
        // Its memory serves the next head.
        head.clear();
        self.side(direction).head = head;
    }

    fn take_request(
        &mut self,
        direction: Direction,
        head: &RequestHead<'_>,
        extent: HeadExtent,
        seen: Seen,
    ) {
        self.client = Some(direction);
        let exchange = exchange::begin(head, seen);
        self.add_host(&exchange);
        let method = MethodKind::of(head.method);
        let early = self.answered_early.take();
        let framing = match (method, extent) {
            (MethodKind::Connect, _) => {
                self.ask_tunnel(&exchange, seen);
                Framing::NoBody
            }
            (_, HeadExtent::Whole) => Framing::of_request(head),
            (_, HeadExtent::Cut) => Framing::Unknown,
        };
        self.side(direction).state = state_behind(framing);
        match early {
            Some(early) => {
                let known = early
                    .exchange
                    .and_then(|index| self.facts.exchanges.get_mut(index));
                if let Some(known) = known {
                    exchange::complete_request(known, exchange);
                }
            }
            None => {
                let exchange = self.add_exchange(exchange);
                self.open_requests.push(OpenRequest { exchange, method });
            }
        }
    }

    /// Takes the request of which only a part has come as the one that is answered: a server need not wait for its end
    /// (RFC 9112 §9.3), nor does whoever answers in its place.
    fn begin_early(&mut self, client: Direction) -> Option<OpenRequest> {
        if self.answered_early.is_some() {
            return None;
        }
        let head = &self.side(client).head;
        let seen = head.last_seen()?;
        let request = RequestHead::parse(head.as_slice())?;
        let method = MethodKind::of(request.method);
        if method == MethodKind::Connect {
            return None;
        }
        let exchange = exchange::begin(&request, seen);
        let exchange = self.add_exchange(exchange);
        self.answered_early = Some(OpenRequest { exchange, method });
        self.answered_early
    }

    fn take_response(
        &mut self,
        direction: Direction,
        head: &ResponseHead<'_>,
        extent: HeadExtent,
        seen: Seen,
    ) {
        self.client = Some(direction.opposite());
        let interim = matches!(head.status, 100..=199) && head.status != 101;
        let request = if interim {
            None
        } else {
            self.open_requests
                .pop()
                .or_else(|| self.begin_early(direction.opposite()))
        };
        let method = request.map_or(MethodKind::Other, |request| request.method);
        let framing = match extent {
            HeadExtent::Whole => Framing::of_response(head, method),
            HeadExtent::Cut => Framing::Unknown,
        };
        self.side(direction).state = state_behind(framing);
        if interim {
            return;
        }
        let index = match request {
            Some(request) => request.exchange,
            None => self.add_exchange(HttpExchange::default()),
        };
        self.side(direction).answering = index;
        if let Some((index, exchange)) =
            index.and_then(|index| Some((index, self.facts.exchanges.get_mut(index)?)))
        {
            exchange::answer(exchange, head, seen);
            self.side(direction).sample = BodySample::wanted(exchange, index, head);
        }
        if framing == Framing::NoBody {
            self.judge_sample(direction, true);
        }
        if method == MethodKind::Connect {
            self.answer_tunnel(head.status, seen);
        } else if head.status == 101 {
            self.end = Some(TunnelProgress::Done);
        }
    }

    fn add_exchange(&mut self, exchange: HttpExchange) -> Option<usize> {
        let index = self.facts.exchanges.len();
        if index < MAX_EXCHANGES {
            self.facts.exchanges.push(exchange);
            Some(index)
        } else {
            self.facts.more = self.facts.more.saturating_add(1);
            None
        }
    }

    fn add_host(&mut self, exchange: &HttpExchange) {
        if let Some(host) = &exchange.host {
            let hosts = &mut self.facts.hosts;
            if hosts.len() < MAX_HOSTS && !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
    }

    /// Notes a CONNECT: a further try for the tunnel that was refused, or a request for another one.
    fn ask_tunnel(&mut self, exchange: &HttpExchange, seen: Seen) {
        // RFC 9110 §9.3.6 demands a port; 0 stands for one that is missing or cut off.
        let port = exchange.port.unwrap_or(0);
        match &mut self.tunnel {
            Some(tunnel) if tunnel.host == exchange.host && tunnel.port == port => {
                tunnel.authenticated |= exchange.proxy_authorization;
            }
            _ => {
                self.tunnel = Some(TunnelRequest {
                    kind: TunnelKind::HttpConnect,
                    host: exchange.host.clone(),
                    port,
                    request: seen,
                    refusals: SmallVec::new(),
                    opened: None,
                    authenticated: exchange.proxy_authorization,
                });
            }
        }
    }

    fn answer_tunnel(&mut self, status: u16, seen: Seen) {
        if matches!(status, 200..=299) {
            self.open_tunnel(seen);
            return;
        }
        if let Some(tunnel) = &mut self.tunnel
            && tunnel.refusals.len() < MAX_REFUSALS
        {
            tunnel.refusals.push((status, seen));
        }
        if !self.open_requests.last_is_connect() && !self.early.is_empty() {
            // The client hoped in vain: what it sent early is neither HTTP nor of any use.
            self.early = EarlyOctets::default();
            if let Some(client) = self.client {
                self.side(client).state = SideState::Lost;
            }
        }
    }

    fn open_tunnel(&mut self, seen: Seen) {
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.opened = Some(seen);
        }
        self.end = Some(TunnelProgress::Tunnel { consumed: 0 });
    }

    /// Goes on behind a body that is over or lost.
    fn leave_body(&mut self, direction: Direction, progress: BodyProgress) {
        let state = match progress {
            BodyProgress::Continues => return,
            BodyProgress::Ended => SideState::Head,
            BodyProgress::Lost => SideState::Lost,
        };
        self.judge_sample(direction, progress == BodyProgress::Ended);
        self.side(direction).state = state;
    }

    /// Judges the beginning of a body that was held, if there is one, and drops it.
    fn judge_sample(&mut self, direction: Direction, whole: bool) {
        if let Some(sample) = self.side(direction).sample.take()
            && let Some(exchange) = self.facts.exchanges.get_mut(sample.exchange)
        {
            sample.judge(exchange, whole);
        }
    }
}

fn state_behind(framing: Framing) -> SideState {
    match framing {
        Framing::NoBody => SideState::Head,
        Framing::Body(body) => SideState::Body(body),
        Framing::Unknown => SideState::Lost,
    }
}

#[cfg(test)]
mod tests;
