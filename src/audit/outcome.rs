//! How far one flow came: facts of a flow to an [`Outcome`] with its evidence.
//!
//! Rules of judgement: an abrupt end after data is normal; a reset alone proves nothing; silence counts only when the client
//! itself shows that it waited (it sent again) or when the capture went on long enough. Knows no endpoint list.

use super::cause::{Cause, Outcome, Unclear};
use super::evidence::EvidenceList;
use super::issuer;
use super::reset::{refusal_words, reset_words};
use super::vantage::unseen_octets;
use super::web;
use crate::facts::{
    Application, Direction, Establishment, FlowRecord, IcmpReason, Reset, Seen, TcpFacts,
    Timestamp, TlsFacts, Transport, TunnelKind, TunnelRequest,
};
use std::time::Duration;

/// Silence of this length counts as an answer: clients send again after 1 s (RFC 6298 §2.1), and servers begin handshakes sooner.
/// A request that a server has acknowledged is given [`SERVER_TIME`].
pub const SILENCE: Duration = Duration::from_secs(3);

/// A client that closes this soon after the server's certificate has refused it; one that closes later held a spare
/// connection open and did not need it.
const REFUSAL: Duration = Duration::from_secs(2);

/// A server that has acknowledged a request may work on it for this long, as long as the client waits too.
const SERVER_TIME: Duration = Duration::from_secs(15);

/// An answer to a SYN may take this long: clients wait for it before they send another one (RFC 6298 §2.1).
const PATIENCE: Duration = Duration::from_secs(1);

/// A client that has said nothing for this long after its connection stood holds it in reserve: one that needs it speaks at
/// once.
const UNUSED: Duration = Duration::from_secs(1);

/// A client that refuses a certificate after its own Finished closes at once; one that lets this much time go by has no use for
/// the connection.
const PROMPT: Duration = Duration::from_millis(50);

/// SYNs of a client that cannot have got the answer that the capture holds; two may cross it on a slow way.
const LOST_SYN_ACKS: u32 = 3;

/// The words for an answer of which nothing arrives.
pub const FULL_SIZE_LOST: &str = "answer of the server, which the client never acknowledges: packets of full size are lost on the way";

/// Finished, its ChangeCipherSpec and one alert together stay below this size in TLS 1.3 (6 + 74 + 24 octets); a client
/// that sends more has sent a request.
const HANDSHAKE_OCTETS: u64 = 110;

/// Where the capture was taken, as far as it decides what silence means.
#[derive(Debug, Clone, Copy)]
pub struct Vantage {
    /// Time of the last frame.
    pub end: Timestamp,
    /// The capture (as far as one can tell) lacks the packets of this side of its flows.
    pub missing: Option<Direction>,
    /// The capture lacks single packets: one that is not there may have been there.
    pub lossy: bool,
}

impl Vantage {
    /// A single reply that is not in the capture may have come all the same.
    #[must_use]
    pub fn may_lack_replies(self) -> bool {
        self.missing.is_some() || self.lossy
    }
}

/// The outcome of one attempt and the packets that prove it.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// How it ended.
    pub outcome: Outcome,
    /// The proof.
    pub evidence: EvidenceList,
}

/// What the judgement needs to know about names: whether a host is one the endpoint lists know, so that a redirect to it is
/// no block page.
pub type KnownHost<'a> = &'a dyn Fn(&str) -> bool;

/// Judges one flow.
#[must_use]
pub fn judge(flow: &FlowRecord, vantage: Vantage, known_host: KnownHost<'_>) -> Judgement {
    let mut evidence = EvidenceList::default();
    let outcome = match (&flow.tcp, flow.five_tuple.transport) {
        (Some(tcp), Transport::Tcp) => judge_tcp(flow, tcp, vantage, known_host, &mut evidence),
        _ => judge_udp(flow, vantage, &mut evidence),
    };
    Judgement { outcome, evidence }
}

fn judge_udp(flow: &FlowRecord, vantage: Vantage, evidence: &mut EvidenceList) -> Outcome {
    let [first, answer] = flow.first_datagram;
    evidence.add_some(first, "first datagram");
    if answer.is_none()
        && let Some(cause) = judge_icmp(flow, evidence)
    {
        return Outcome::Failed(cause);
    }
    if let Some(ntp) = &flow.ntp {
        if let Some(reply) = ntp.reply {
            evidence.add(reply, "NTP reply");
            return Outcome::Served;
        }
        return no_datagram_back(flow, vantage, Cause::NtpNoReply);
    }
    if let Some(quic) = &flow.quic {
        if let Some(answer) = quic.server_answer {
            evidence.add(answer, "QUIC answer of the server");
            return Outcome::Served;
        }
        return no_datagram_back(flow, vantage, Cause::QuicNoReply);
    }
    if let Some(answer) = answer {
        evidence.add(answer, "first answer");
        return Outcome::Served;
    }
    Outcome::Unclear(Unclear::OneWay)
}

fn no_datagram_back(flow: &FlowRecord, vantage: Vantage, cause: Cause) -> Outcome {
    let [_, from_responder] = flow.packets;
    if from_responder > 0 {
        return Outcome::Unclear(Unclear::Unknown);
    }
    if vantage.missing == Some(Direction::Responder) {
        return Outcome::Unclear(Unclear::OneWay);
    }
    if vantage.end.since(flow.first.time) < SILENCE {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    let [from_originator, _] = flow.packets;
    // Two replies may be among what the capture lacks.
    if vantage.lossy && from_originator <= 2 {
        return Outcome::Unclear(Unclear::Lost);
    }
    Outcome::Failed(cause)
}

/// An ICMP error about the originator's packets.
fn judge_icmp(flow: &FlowRecord, evidence: &mut EvidenceList) -> Option<Cause> {
    flow.icmp_errors
        .iter()
        .filter(|error| error.about == Direction::Originator)
        .find_map(|error| {
            let cause = Cause::from_icmp(error.reason)?;
            evidence.add(
                error.seen,
                format!(
                    "ICMP error from {}: {}",
                    error.by,
                    icmp_words(error.icmp_type, error.icmp_code, error.by.is_ipv6())
                ),
            );
            Some(cause)
        })
}

/// A router says that packets are too large for its next link: what is lost behind it explains a silence.
fn add_size_problem(flow: &FlowRecord, evidence: &mut EvidenceList) {
    let problem = flow
        .icmp_errors
        .iter()
        .find(|error| error.reason == IcmpReason::PacketTooBig);
    if let Some(error) = problem {
        let mtu = error.mtu.map_or(String::new(), |mtu| {
            format!(", its next link takes {mtu} octets")
        });
        evidence.add(
            error.seen,
            format!("ICMP error from {}: packet too large{mtu}", error.by),
        );
    }
}

/// ICMP type and code in words (RFC 792, RFC 1812 §5.2.7, RFC 4443 §3).
fn icmp_words(icmp_type: u8, icmp_code: u8, version_6: bool) -> String {
    let words = match (version_6, icmp_type, icmp_code) {
        (false, 3, 0) => "network unreachable",
        (false, 3, 1) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) => "port unreachable",
        (false, 3, 9) => "network administratively prohibited",
        (false, 3, 10) => "host administratively prohibited",
        (false, 3, 13) => "communication administratively prohibited",
        (false, 11, _) => "time to live exceeded",
        (true, 1, 0) => "no route to destination",
        (true, 1, 1) => "communication administratively prohibited",
        (true, 1, 3) => "address unreachable",
        (true, 1, 4) => "port unreachable",
        (true, 1, 5) => "source address failed policy",
        (true, 1, 6) => "reject route to destination",
        (true, 3, _) => "hop limit exceeded",
        _ => return format!("type {icmp_type}, code {icmp_code}"),
    };
    format!("{words} (type {icmp_type}, code {icmp_code})")
}

fn judge_tcp(
    flow: &FlowRecord,
    tcp: &TcpFacts,
    vantage: Vantage,
    known_host: KnownHost<'_>,
    evidence: &mut EvidenceList,
) -> Outcome {
    let [from_originator, from_responder] = flow.packets;
    let [_, server_octets] = tcp.payload;
    let [_, server_reset] = &tcp.reset;
    let responder_address = flow.five_tuple.responder.ip();
    evidence.add_some(tcp.syn, "SYN");
    if !tcp.was_accepted() && flow.establishment != Establishment::MidStream {
        if let Some(cause) = judge_icmp(flow, evidence) {
            return Outcome::Failed(cause);
        }
        if let Some(reset) = server_reset {
            evidence.add(reset.seen, refusal_words(reset, responder_address));
            return Outcome::Failed(Cause::TcpRefused);
        }
        return judge_unanswered_syn(tcp, vantage, evidence);
    }
    evidence.add_some(tcp.syn_ack, "SYN/ACK");
    if let Some(outcome) = judge_lost_syn_ack(tcp, vantage, evidence) {
        return outcome;
    }
    if vantage.missing == Some(Direction::Originator) && from_originator == 0 {
        return judge_from_answers(flow, tcp, known_host, vantage, evidence);
    }
    if let Some(outcome) = judge_unused(flow, tcp) {
        return outcome;
    }
    let acknowledged_answer = tcp.originator_acknowledged_data.is_some();
    if server_octets == 0 && !acknowledged_answer {
        return judge_without_answer(flow, tcp, vantage, evidence);
    }
    if from_responder == 0 {
        return judge_from_acknowledgements(flow, tcp, evidence);
    }
    if let Some(outcome) = judge_lost_answer(flow, tcp, vantage, evidence) {
        return outcome;
    }
    judge_conversation(flow, tcp, vantage, known_host, evidence)
}

/// Whether all that the client has said was meant for a proxy.
pub fn waits_for_proxy(flow: &FlowRecord) -> bool {
    let asks_for_tunnel = flow
        .tunnel
        .as_ref()
        .is_some_and(|tunnel| tunnel.opened.is_none());
    let asks_for_url = flow
        .http
        .as_ref()
        .and_then(|http| http.exchanges.first())
        .is_some_and(|exchange| exchange.absolute_form);
    asks_for_tunnel || asks_for_url
}

/// A connection that the client opened in advance and did not need: it sends nothing until one side has had enough of it.
fn judge_unused(flow: &FlowRecord, tcp: &TcpFacts) -> Option<Outcome> {
    let [client_octets, _] = tcp.payload;
    let [client_acknowledged, _] = tcp.acknowledged;
    let [client_fin, server_fin] = tcp.fin;
    let [client_reset, server_reset] = &tcp.reset;
    let opened = tcp.established?;
    // One acknowledged octet may be the FIN.
    if client_octets > 0
        || client_acknowledged > 1
        || flow.tunnel.is_some()
        || flow.establishment != Establishment::FromStart
    {
        return None;
    }
    let client_left = earliest(client_reset.as_ref().map(|reset| reset.seen), client_fin);
    let server_left = earliest(server_reset.as_ref().map(|reset| reset.seen), server_fin);
    match (client_left, server_left) {
        (Some(client), Some(server)) if client.frame < server.frame => Some(Outcome::Abandoned),
        (Some(_), None) => Some(Outcome::Abandoned),
        // Whoever refuses a connection after it stood does so before a client has had time to think.
        (_, Some(server)) if server.time.since(opened.time) >= UNUSED => Some(Outcome::Abandoned),
        _ => None,
    }
}

/// The server answers, but its answer never reaches the client: packets of full size are lost on the way (RFC 2923 §2.1).
fn judge_lost_answer(
    flow: &FlowRecord,
    tcp: &TcpFacts,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Option<Outcome> {
    let [_, acknowledged] = tcp.acknowledged;
    let [client_fin, _] = tcp.fin;
    let [client_reset, _] = &tcp.reset;
    let [first_data, answer] = tcp.first_data;
    let answer = answer?;
    if acknowledged > 0
        || flow.establishment != Establishment::FromStart
        || vantage.may_lack_replies()
    {
        return None;
    }
    let gave_up = earliest(client_reset.as_ref().map(|reset| reset.seen), client_fin);
    let waited_until = gave_up.map_or(vantage.end, |seen| seen.time);
    if waited_until.since(answer.time) < SILENCE {
        return None;
    }
    evidence.add_some(first_data, first_data_words(flow));
    add_size_problem(flow, evidence);
    evidence.add(answer, FULL_SIZE_LOST);
    evidence.add_some(gave_up, "the client gives up");
    Some(Outcome::Failed(Cause::SilenceAfterClientHello))
}

/// The server accepts, and its SYN/ACK never reaches the client, which goes on asking: seen where the way back is closed between
/// the capture and the client.
fn judge_lost_syn_ack(
    tcp: &TcpFacts,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Option<Outcome> {
    let (accepted, again) = (tcp.syn_ack?, tcp.last_syn?);
    let stands = tcp.established.is_some() || tcp.payload.iter().any(|octets| *octets > 0);
    if stands || again.frame < accepted.frame || tcp.syn_count < LOST_SYN_ACKS {
        return None;
    }
    if vantage.end.since(again.time) < PATIENCE {
        return Some(Outcome::Unclear(Unclear::StillOpen));
    }
    evidence.add(
        again,
        format!(
            "SYN again, {} in all: the SYN/ACK does not reach the client",
            tcp.syn_count
        ),
    );
    Some(Outcome::Failed(Cause::SynTimeout))
}

fn judge_unanswered_syn(tcp: &TcpFacts, vantage: Vantage, evidence: &mut EvidenceList) -> Outcome {
    let Some(syn) = tcp.syn else {
        return Outcome::Unclear(Unclear::Unknown);
    };
    let last = tcp.last_syn.unwrap_or(syn);
    if tcp.syn_count == 2 && vantage.end.since(last.time) < PATIENCE {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    if tcp.syn_count > 1 {
        evidence.add_some(
            tcp.last_syn,
            format!("SYN again, {} in all, no answer of any kind", tcp.syn_count),
        );
        return Outcome::Failed(Cause::SynTimeout);
    }
    if vantage.missing == Some(Direction::Responder) {
        return Outcome::Unclear(Unclear::OneWay);
    }
    // Clients repeat a SYN after 1 s (RFC 6298 §2.1); one that does not has lost interest.
    if vantage.end.since(syn.time) < PATIENCE {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    Outcome::Abandoned
}

/// The connection opened (or seems to have), nothing of the server's is known to have arrived.
fn judge_without_answer(
    flow: &FlowRecord,
    tcp: &TcpFacts,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Outcome {
    let [client_octets, _] = tcp.payload;
    let [client_acknowledged, _] = tcp.acknowledged;
    let [first_data, _] = tcp.first_data;
    let [client_reset, server_reset] = &tcp.reset;
    let [client_fin, server_fin] = tcp.fin;
    let [_, from_responder] = flow.packets;
    let sent = client_octets > 0 || client_acknowledged > 1;
    if flow.establishment == Establishment::MidStream {
        return Outcome::Unclear(Unclear::MidStream);
    }
    evidence.add_some(first_data, first_data_words(flow));
    if let Some(tunnel) = &flow.tunnel {
        evidence.add(tunnel.request, "request for a tunnel");
    }
    if let Some(reset) = server_reset {
        evidence.add(reset.seen, reset_words(reset, tcp));
        return Outcome::Failed(if sent {
            Cause::RstAfterClientHello
        } else {
            Cause::TcpRefused
        });
    }
    if let Some(cause) = judge_icmp(flow, evidence) {
        return Outcome::Failed(cause);
    }
    add_size_problem(flow, evidence);
    if let Some((again, times)) = tcp.first_data_resent
        && (times > 1 || vantage.end.since(again.time) >= SILENCE || server_fin.is_some())
    {
        evidence.add(again, format!("sent again {times} times, never answered"));
        return Outcome::Failed(Cause::SilenceAfterClientHello);
    }
    if from_responder == 0 || !sent {
        // Without the server's packets a quick end may be its reset, which the capture does not hold.
        return match (sent, client_fin.is_some() || client_reset.is_some()) {
            (false, true) => Outcome::Abandoned,
            (true, _) | (false, false) if from_responder == 0 => Outcome::Unclear(Unclear::OneWay),
            _ => Outcome::Unclear(Unclear::StillOpen),
        };
    }
    if let Some(fin) = server_fin {
        evidence.add(fin, "closed by the server without an answer");
        return Outcome::Failed(Cause::SilenceAfterClientHello);
    }
    let Some(first_data) = first_data else {
        return Outcome::Unclear(Unclear::OneWay);
    };
    let gave_up = client_reset.as_ref().map(|reset| reset.seen).or(client_fin);
    // Who has the request may take its time, as long as the client waits too; a TLS handshake is answered at once.
    if gave_up.is_none() && !looks_like_tls(flow) && may_be_at_work(first_data, tcp, vantage) {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    let waited_until = gave_up.map_or(vantage.end, |seen| seen.time);
    if waited_until.since(first_data.time) >= SILENCE {
        evidence.add_some(gave_up, "the client gives up");
        return Outcome::Failed(Cause::SilenceAfterClientHello);
    }
    if gave_up.is_some() {
        Outcome::Abandoned
    } else {
        Outcome::Unclear(Unclear::StillOpen)
    }
}

/// Only the client's packets are there, but they acknowledge data of the server.
fn judge_from_acknowledgements(
    flow: &FlowRecord,
    tcp: &TcpFacts,
    evidence: &mut EvidenceList,
) -> Outcome {
    let [client_octets, _] = tcp.payload;
    let [client_fin, _] = tcp.fin;
    evidence.add_some(
        tcp.first_data.first().copied().flatten(),
        first_data_words(flow),
    );
    evidence.add_some(
        tcp.originator_acknowledged_data,
        "the client acknowledges data",
    );
    if let Some(tunnel) = &flow.tunnel {
        evidence.add(tunnel.request, tunnel_words(tunnel));
        // Only a client that was let through speaks to the server behind the proxy, and more than hello.
        return match &flow.tls {
            Some(tls) if tls.request.is_some() => Outcome::Served,
            _ => Outcome::Unclear(Unclear::OneWay),
        };
    }
    // A TLS client that is content goes on with Finished and a request; one that is not sends less. Anything else is
    // answered once the client has data.
    let after_opening = client_octets.saturating_sub(tcp.opening_octets);
    if !looks_like_tls(flow) || after_opening > HANDSHAKE_OCTETS {
        return Outcome::Served;
    }
    Outcome::Unclear(if client_fin.is_some() {
        Unclear::OneWay
    } else {
        Unclear::StillOpen
    })
}

/// Only the server's packets are there; they acknowledge what the client sends.
fn judge_from_answers(
    flow: &FlowRecord,
    tcp: &TcpFacts,
    known_host: KnownHost<'_>,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Outcome {
    let [_, server_octets] = tcp.payload;
    let [client_octets, _] = tcp.acknowledged;
    let [_, server_reset] = &tcp.reset;
    let [_, answer] = tcp.first_data;
    if let Some(reset) = server_reset
        && server_octets == 0
    {
        if flow.establishment == Establishment::MidStream {
            return Outcome::Unclear(Unclear::MidStream);
        }
        evidence.add(reset.seen, reset_words(reset, tcp));
        return Outcome::Failed(Cause::RstAfterClientHello);
    }
    evidence.add_some(answer, "first answer of the server");
    if let Some(tls) = &flow.tls {
        if let Some(alert) = fatal_alert(tls, evidence) {
            return alert;
        }
        // Before TLS 1.3 only requests are answered by application data; after that, a client that was shown a certificate
        // it accepts sends more than the end of its handshake.
        let [_, server_records] = &tls.encrypted;
        let legacy = tls
            .server_hello
            .as_ref()
            .is_some_and(|hello| hello.version < 0x0304);
        let after_opening = client_octets.saturating_sub(tcp.opening_octets);
        if (legacy && server_records.count > 0)
            || (after_opening > HANDSHAKE_OCTETS && tcp.responder_data_after_that.is_some())
        {
            return Outcome::Served;
        }
        if let Some(reset) = server_reset
            && after_opening == 0
        {
            evidence.add(reset.seen, reset_words(reset, tcp));
            return Outcome::Failed(Cause::RstAfterClientHello);
        }
        return Outcome::Unclear(Unclear::OneWay);
    }
    if flow
        .http
        .as_ref()
        .is_some_and(|http| !http.exchanges.is_empty())
    {
        return web::judge_http(flow, vantage, known_host, evidence);
    }
    Outcome::Unclear(Unclear::OneWay)
}

/// The capture lacks octets that were acknowledged.
fn has_gaps(tcp: &TcpFacts) -> bool {
    unseen_octets(tcp, Direction::Originator) > 0 || unseen_octets(tcp, Direction::Responder) > 0
}

fn looks_like_tls(flow: &FlowRecord) -> bool {
    flow.application == Some(Application::Tls) || flow.five_tuple.responder.port() == 443
}

/// Both sides sent data.
fn judge_conversation(
    flow: &FlowRecord,
    tcp: &TcpFacts,
    vantage: Vantage,
    known_host: KnownHost<'_>,
    evidence: &mut EvidenceList,
) -> Outcome {
    if let Some(tunnel) = &flow.tunnel {
        evidence.add(tunnel.request, tunnel_words(tunnel));
        let Some(opened) = tunnel.opened else {
            return judge_refused_tunnel(tunnel, tcp, vantage, evidence);
        };
        evidence.add(opened, "the proxy opens the tunnel");
        return match &flow.tls {
            Some(tls) => judge_tls(flow, tls, tcp, vantage, evidence),
            None if flow
                .http
                .as_ref()
                .is_some_and(|http| http.exchanges.iter().any(|e| e.method != "CONNECT")) =>
            {
                web::judge_http(flow, vantage, known_host, evidence)
            }
            None => judge_legs(flow, tcp),
        };
    }
    if let Some(tls) = &flow.tls {
        return judge_tls(flow, tls, tcp, vantage, evidence);
    }
    if flow
        .http
        .as_ref()
        .is_some_and(|http| !http.exchanges.is_empty())
    {
        return web::judge_http(flow, vantage, known_host, evidence);
    }
    let [first_data, answer] = tcp.first_data;
    evidence.add_some(first_data, first_data_words(flow));
    evidence.add_some(answer, "data from the server");
    judge_legs(flow, tcp)
}

/// Nothing is known about the contents: the turns the two sides took have to do.
fn judge_legs(flow: &FlowRecord, tcp: &TcpFacts) -> Outcome {
    let [client_octets, server_octets] = tcp.payload;
    if flow.establishment == Establishment::MidStream {
        // What a server sends again and again to a client that is gone proves nothing.
        let [_, acknowledged] = tcp.acknowledged;
        let taken = acknowledged > 0 || tcp.originator_data_after_answer.is_some();
        return if server_octets > 0 && taken {
            Outcome::Served
        } else {
            Outcome::Unclear(Unclear::MidStream)
        };
    }
    let after_opening = client_octets.saturating_sub(tcp.opening_octets);
    if !looks_like_tls(flow) && has_gaps(tcp) {
        return Outcome::Unclear(Unclear::Lost);
    }
    if !looks_like_tls(flow)
        || (tcp.responder_data_after_that.is_some() && after_opening > HANDSHAKE_OCTETS)
    {
        return if server_octets > 0 {
            Outcome::Served
        } else {
            Outcome::Unclear(Unclear::Unknown)
        };
    }
    Outcome::Unclear(if flow.truncated_packets > 0 {
        Unclear::Truncated
    } else {
        Unclear::Unknown
    })
}

fn judge_refused_tunnel(
    tunnel: &TunnelRequest,
    tcp: &TcpFacts,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Outcome {
    let Some((status, seen)) = tunnel.refusals.last().copied() else {
        return Outcome::Unclear(if has_gaps(tcp) {
            Unclear::Lost
        } else {
            Unclear::Unknown
        });
    };
    // The login may be among what the capture lacks.
    if status == 407 && has_gaps(tcp) {
        return Outcome::Unclear(Unclear::Lost);
    }
    // The client has logged in, or is about to.
    let [last_request, _] = tcp.last_data;
    let latest = last_request.map_or(seen, |request| request.max(seen));
    let [ended, _] = tcp.fin;
    if status == 407 && ended.is_none() && vantage.end.since(latest.time) < SILENCE {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    match tunnel.kind {
        TunnelKind::HttpConnect => {
            evidence.add(seen, format!("HTTP {status} from the proxy"));
            Outcome::Failed(web::proxy_cause(status))
        }
        TunnelKind::Socks4 | TunnelKind::Socks5 => {
            evidence.add(seen, format!("SOCKS reply {status} from the proxy"));
            // RFC 1928 §6: 2 is "not allowed by ruleset"; RFC 1929 §2 and 0xff stand for a failed login.
            Outcome::Failed(match (tunnel.kind, status) {
                (TunnelKind::Socks5, 2) => Cause::ProxyForbidden,
                (TunnelKind::Socks5, 0xff) => Cause::ProxyAuthRequired,
                _ => Cause::ProxyBadGateway,
            })
        }
    }
}

fn judge_tls(
    flow: &FlowRecord,
    tls: &TlsFacts,
    tcp: &TcpFacts,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Outcome {
    let [client_reset, _] = &tcp.reset;
    let server_reset = cutting_reset(tcp);
    let [client_fin, server_fin] = tcp.fin;
    if let Some(hello) = &tls.client_hello {
        evidence.add(hello.seen, "ClientHello");
    } else {
        evidence.add_some(tls.first_client_record, "first data from the client");
    }
    if let Some(hello) = &tls.server_hello {
        evidence.add(hello.seen, "first answer of the server");
    }
    let has_response = tls.response.is_some() && !is_ticket(flow, tls, tcp);
    if has_response {
        return Outcome::Served;
    }
    if let Some(certificate) = &tls.certificate {
        evidence.add(
            certificate.seen,
            format!("certificate issued by {}", certificate.issuer),
        );
    }
    if let Some(outcome) = fatal_alert(tls, evidence) {
        return outcome;
    }
    if let Some(answer) = &tls.foreign_answer {
        let Some(line) = &answer.status_line else {
            evidence.add(answer.seen, "answer that is no TLS");
            return Outcome::Failed(Cause::TlsNotSpoken);
        };
        evidence.add(answer.seen, format!("answer in plain HTTP: {line}"));
        return Outcome::Failed(if is_page(line) {
            Cause::HttpBlockPage
        } else {
            Cause::TlsNotSpoken
        });
    }
    // An alert that nothing follows is how a client says that it leaves; the server may close before the client's FIN.
    let client_left = earliest(
        earliest(client_reset.as_ref().map(|reset| reset.seen), client_fin),
        tls.client_alert_sized,
    );
    let server_left = earliest(server_reset.map(|reset| reset.seen), server_fin);
    if let Some(request) = tls.request {
        return judge_unanswered_request(
            request,
            server_reset,
            server_left,
            client_left,
            tcp,
            vantage,
            evidence,
        );
    }
    // Records could not be followed to the end: fall back on the turns taken.
    let unreadable = flow.truncated_packets > 0
        || tcp.lost_octets.iter().any(|lost| *lost > 0)
        || has_gaps(tcp)
        || tls.client_hello.is_none();
    if unreadable && judge_legs(flow, tcp) == Outcome::Served {
        return Outcome::Served;
    }
    let Some(server_hello) = &tls.server_hello else {
        if let Some(reset) = server_reset {
            evidence.add(reset.seen, reset_words(reset, tcp));
            return Outcome::Failed(Cause::RstAfterClientHello);
        }
        if has_gaps(tcp) {
            return Outcome::Unclear(Unclear::Lost);
        }
        // Inside a tunnel the proxy's own answer came first, so that silence shows only here.
        if let (Some(left), Some(_), Some(_)) = (server_left, &tls.client_hello, &flow.tunnel) {
            evidence.add(left, "the proxy closes the tunnel without an answer");
            return Outcome::Failed(Cause::SilenceAfterClientHello);
        }
        if let Some(hello) = &tls.client_hello
            && flow.tunnel.is_some()
            && client_left
                .map_or(vantage.end, |seen| seen.time)
                .since(hello.seen.time)
                >= SILENCE
        {
            return Outcome::Failed(Cause::SilenceAfterClientHello);
        }
        return Outcome::Unclear(if unreadable {
            Unclear::Truncated
        } else {
            Unclear::Unknown
        });
    };
    // The client left before there was anything to object to.
    if client_left.is_some_and(|left| left.frame < server_hello.seen.frame) {
        return Outcome::Abandoned;
    }
    if let Some(reset) = server_reset
        && client_left.is_none_or(|left| reset.seen.frame < left.frame)
        && tls.handshake_finished.is_none()
    {
        evidence.add(reset.seen, reset_words(reset, tcp));
        return Outcome::Failed(Cause::RstAfterClientHello);
    }
    // A client that has finished and holds the connection is content with the server; it may not need it yet.
    let end = earliest(client_left, server_left).map_or(vantage.end, |left| left.time);
    let waited = tls
        .handshake_finished
        .map(|finished| end.since(finished.time));
    // Programs that look at the certificate after the handshake refuse it by leaving.
    let server_name = tls
        .client_hello
        .as_ref()
        .and_then(|hello| hello.server_name.as_ref());
    let foreign = tls.certificate.as_ref().is_some_and(|certificate| {
        issuer::unknown_issuer(certificate).is_some()
            || server_name.is_some_and(|name| !issuer::names_host(certificate, name))
    });
    let accepted = |waited: Duration| {
        waited > REFUSAL || (server_hello.version < 0x0304 && !(foreign && client_left.is_some()))
    };
    if waited.is_some_and(accepted) {
        return Outcome::Served;
    }
    // What began before the capture may be over; its remains prove nothing (a reset answers whatever comes too late).
    // A socket that is gone answers so, whatever comes (RFC 9293 §3.10.7.1).
    let forgotten = client_fin.is_none() && client_reset.as_ref().is_some_and(|reset| !reset.ack);
    if flow.establishment == Establishment::MidStream && (tls.client_hello.is_none() || forgotten) {
        return Outcome::Unclear(Unclear::MidStream);
    }
    if let Some(alert) = tls.server_alert_sized
        && !(unreadable || vantage.lossy)
        && client_left.is_none_or(|left| alert.frame < left.frame)
    {
        evidence.add(alert, "record of the server that has the size of an alert");
        return Outcome::Failed(Cause::TlsServerAlert);
    }
    // It asks the server to close, too, so that the server's FIN may come first.
    let refused = foreign && waited.is_some() && server_hello.version < 0x0304;
    if let Some(left) = client_left.filter(|_| refused) {
        return judge_client_left(tls, tcp, left, evidence);
    }
    let server_was_first = match (server_left, client_left) {
        (Some(server), Some(client)) => server.frame < client.frame,
        (server, _) => server.is_some(),
    };
    if let Some(left) = client_left
        && !server_was_first
    {
        // After its Finished a client's alert says that it closes; one that refuses a certificate sends no Finished, or goes at once.
        if waited.is_some_and(|waited| waited > PROMPT || tls.client_alert_sized.is_some()) {
            evidence.add(
                left,
                "the client closes the connection without having used it",
            );
            return Outcome::Abandoned;
        }
        if tls.client_alert_sized.is_some() || end.since(last_leg(tls, tcp).time) <= REFUSAL {
            return judge_client_left(tls, tcp, left, evidence);
        }
    }
    judge_stalled_handshake(
        server_left.filter(|_| server_was_first).or(client_left),
        last_leg(tls, tcp),
        unreadable || vantage.lossy,
        vantage,
        evidence,
    )
}

/// The server has acknowledged everything that the client sent, the request among it, and has not had long to answer.
pub fn may_be_at_work(request: Seen, tcp: &TcpFacts, vantage: Vantage) -> bool {
    let [sent, _] = tcp.payload;
    let [acknowledged, _] = tcp.acknowledged;
    sent > 0 && acknowledged >= sent && vantage.end.since(request.time) < SERVER_TIME
}

/// The server's reset, unless it comes after the server's own FIN: that is how connections are cleared away (RFC 9293 §3.6.1).
pub fn cutting_reset(tcp: &TcpFacts) -> Option<&Reset> {
    let [_, reset] = &tcp.reset;
    let [_, fin] = tcp.fin;
    reset
        .as_ref()
        .filter(|reset| fin.is_none_or(|fin| reset.seen.frame < fin.frame))
}

/// Whether what looks like a response was sent before the server had the request, and a reset came in its place: a server greets
/// a client that has finished with session tickets (RFC 8446 §4.6.1), which may cross the request on the way.
fn is_ticket(flow: &FlowRecord, tls: &TlsFacts, tcp: &TcpFacts) -> bool {
    let [client_reset, _] = &tcp.reset;
    let [client_fin, _] = tcp.fin;
    let left = earliest(client_reset.as_ref().map(|reset| reset.seen), client_fin);
    let cut = cutting_reset(tcp)
        .is_some_and(|reset| left.is_none_or(|left| reset.seen.frame < left.frame));
    let modern = tls
        .server_hello
        .as_ref()
        .is_some_and(|hello| hello.version >= 0x0304);
    // Early data is asked before the client has finished.
    let asked_last = tls.request >= tls.handshake_finished && tls.handshake_finished.is_some();
    cut && modern
        && asked_last
        && flow.tunnel.is_none()
        && flow.establishment == Establishment::FromStart
        && !has_gaps(tcp)
        && tcp
            .acknowledged_with_data
            .saturating_sub(tcp.opening_octets)
            <= HANDSHAKE_OCTETS
}

/// Whether a status line begins a page for the user: delivered, redirected to, or in place of what is forbidden. A server that
/// merely does not understand TLS says 400.
fn is_page(status_line: &str) -> bool {
    let status = status_line.split(' ').nth(1).unwrap_or_default();
    status.starts_with(['2', '3']) || matches!(status, "403" | "451" | "511")
}

/// The last packet that brought the handshake forward.
fn last_leg(tls: &TlsFacts, tcp: &TcpFacts) -> Seen {
    let [client, server] = tcp.last_data;
    let hello = tls.server_hello.as_ref().map(|hello| hello.seen);
    client.max(server).max(hello).unwrap_or_default()
}

/// After the ServerHello neither side brings the handshake to its end.
fn judge_stalled_handshake(
    left: Option<Seen>,
    last_leg: Seen,
    uncertain: bool,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Outcome {
    if uncertain {
        return Outcome::Unclear(if vantage.lossy {
            Unclear::Lost
        } else {
            Unclear::Truncated
        });
    }
    evidence.add(last_leg, "the handshake stops here");
    if let Some(left) = left {
        evidence.add(left, "closed during the handshake");
    } else if vantage.end.since(last_leg.time) < SILENCE {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    Outcome::Failed(Cause::SilenceAfterClientHello)
}

/// The server's certificate is visible, and as it should be.
fn is_genuine(tls: &TlsFacts) -> bool {
    let name = tls
        .client_hello
        .as_ref()
        .and_then(|hello| hello.server_name.as_ref());
    match (&tls.certificate, name) {
        (Some(certificate), Some(name)) => issuer::is_genuine(certificate, name),
        _ => false,
    }
}

/// What a fatal alert in the clear stands for.
fn fatal_alert(tls: &TlsFacts, evidence: &mut EvidenceList) -> Option<Outcome> {
    let alert = tls.alerts.iter().find(|alert| alert.fatal)?;
    let by = match alert.by {
        Direction::Originator => "client",
        Direction::Responder => "server",
    };
    evidence.add(
        alert.seen,
        format!(
            "fatal TLS alert {} ({}) from the {by}",
            alert.description,
            alert_name(alert.description)
        ),
    );
    Some(Outcome::Failed(match (alert.by, alert.description) {
        (Direction::Responder, _) => Cause::TlsServerAlert,
        // certificate_expired: expired or not valid yet (RFC 8446 §6.2)
        (Direction::Originator, 45) => Cause::TlsCertificateExpired,
        // certificate_unknown: "some other issue". The issuer is the right one, so it is not trust that lacks; browsers say
        // so of validity, by their own clock.
        (Direction::Originator, 46) if is_genuine(tls) => Cause::TlsCertificateExpired,
        // bad_certificate, certificate_unknown, unknown_ca (RFC 8446 §6.2)
        (Direction::Originator, 42 | 46 | 48) => Cause::TlsUntrustedIssuer,
        (Direction::Originator, _) => Cause::TlsClientAbort,
    }))
}

/// The client closed after the server's ServerHello, without a request.
fn judge_client_left(
    tls: &TlsFacts,
    tcp: &TcpFacts,
    left: Seen,
    evidence: &mut EvidenceList,
) -> Outcome {
    // The request may be among the octets that the capture lacks.
    if unseen_octets(tcp, Direction::Originator) > 0 {
        return Outcome::Unclear(Unclear::Lost);
    }
    let [client_records, _] = &tls.encrypted;
    let sent = match (client_records.count, client_records.first_lengths.first()) {
        (0, _) | (_, None) => "it has sent nothing more".to_owned(),
        (1, Some(length)) => format!("it has sent one encrypted record of {length} bytes"),
        (count, Some(_)) => format!("it has sent {count} encrypted records"),
    };
    evidence.add(left, format!("the client closes; {sent}, no request"));
    Outcome::Failed(Cause::TlsClientAbort)
}

/// A request went out and no answer to it is in the capture.
fn judge_unanswered_request(
    request: Seen,
    server_reset: Option<&Reset>,
    server_left: Option<Seen>,
    client_left: Option<Seen>,
    tcp: &TcpFacts,
    vantage: Vantage,
    evidence: &mut EvidenceList,
) -> Outcome {
    evidence.add(request, "request");
    if unseen_octets(tcp, Direction::Responder) > 0 {
        return Outcome::Served;
    }
    // Where the capture lacks packets, what the server sent after the request may be the answer.
    let [_, last_answer] = tcp.last_data;
    let lost = has_gaps(tcp) || tcp.lost_octets.iter().any(|lost| *lost > 0);
    if lost && last_answer.is_some_and(|answer| answer.frame > request.frame) {
        return Outcome::Unclear(Unclear::Lost);
    }
    if let Some(reset) = server_reset
        && client_left.is_none_or(|left| reset.seen.frame < left.frame)
    {
        evidence.add(reset.seen, reset_words(reset, tcp));
        return Outcome::Failed(Cause::ResetBeforeResponse);
    }
    let ended = earliest(server_left, client_left);
    if ended.is_none() && may_be_at_work(request, tcp, vantage) {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    if ended
        .map_or(vantage.end, |seen| seen.time)
        .since(request.time)
        >= SILENCE
    {
        if vantage.lossy {
            return Outcome::Unclear(Unclear::Lost);
        }
        evidence.add_some(ended, "closed without an answer");
        return Outcome::Failed(Cause::NoResponse);
    }
    Outcome::Unclear(if ended.is_some() {
        Unclear::Unknown
    } else {
        Unclear::StillOpen
    })
}

fn earliest(a: Option<Seen>, b: Option<Seen>) -> Option<Seen> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.frame <= b.frame { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn first_data_words(flow: &FlowRecord) -> &'static str {
    if flow
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_hello.is_some())
    {
        "ClientHello"
    } else {
        "first data from the client"
    }
}

fn tunnel_words(tunnel: &TunnelRequest) -> &'static str {
    match tunnel.kind {
        TunnelKind::HttpConnect => "CONNECT request",
        TunnelKind::Socks4 | TunnelKind::Socks5 => "SOCKS request",
    }
}

/// Names of TLS alerts (RFC 8446 §6, IANA TLS Alerts).
fn alert_name(description: u8) -> &'static str {
    match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unassigned",
    }
}
