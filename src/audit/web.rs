//! Outcomes of plain HTTP: proxies that refuse, filters that answer in the server's place, ranges that get lost.

use super::cause::{Cause, Outcome, Unclear};
use super::evidence::EvidenceList;
use super::outcome::{KnownHost, SILENCE, Vantage, cutting_reset, may_be_at_work};
use super::reset::reset_words;
use super::vantage::unseen_octets;
use crate::facts::{Direction, Establishment, FlowRecord, HttpExchange, TcpFacts};

/// Judges the plain HTTP exchanges of a flow: the first that failed decides.
///
/// A connection that has served a host proves that it is let through. What it does not answer any more the client asks again on
/// another one: servers close idle connections whenever they like (RFC 9112 §9.5), and clients give up long polls.
pub fn judge_http(
    flow: &FlowRecord,
    vantage: Vantage,
    known_host: KnownHost<'_>,
    evidence: &mut EvidenceList,
) -> Outcome {
    let Some(http) = &flow.http else {
        return Outcome::Unclear(Unclear::Unknown);
    };
    let mut served = None;
    let mut failed = None;
    let mut unclear = None;
    for exchange in http
        .exchanges
        .iter()
        .filter(|exchange| exchange.method != "CONNECT")
    {
        match judge_exchange(exchange, flow, vantage, known_host) {
            Outcome::Served => {
                served.get_or_insert(exchange);
                // The login that a proxy asked for has been given.
                if failed.is_some_and(|(_, cause)| cause == Cause::ProxyAuthRequired) {
                    failed = None;
                }
            }
            Outcome::Failed(Cause::ResetBeforeResponse | Cause::NoResponse)
                if served.is_some_and(|known: &HttpExchange| known.host == exchange.host) => {}
            Outcome::Failed(cause) => {
                failed.get_or_insert((exchange, cause));
            }
            Outcome::Abandoned => {}
            Outcome::Unclear(why) => {
                unclear.get_or_insert((exchange, why));
            }
        }
    }
    if let Some((exchange, cause)) = failed {
        add_exchange(exchange, evidence);
        if let (Cause::DownloadCut, Some(tcp)) = (cause, &flow.tcp)
            && let Some(reset) = cutting_reset(tcp)
        {
            evidence.add(reset.seen, reset_words(reset, tcp));
        }
        return Outcome::Failed(cause);
    }
    if let Some(exchange) = served {
        add_exchange(exchange, evidence);
        return Outcome::Served;
    }
    match unclear {
        Some((exchange, why)) => {
            add_exchange(exchange, evidence);
            Outcome::Unclear(why)
        }
        None => Outcome::Unclear(Unclear::Unknown),
    }
}

fn add_exchange(exchange: &HttpExchange, evidence: &mut EvidenceList) {
    if let Some(request) = exchange.request {
        evidence.add(
            request,
            if exchange.range {
                "request with Range"
            } else {
                "request"
            },
        );
    }
    if let (Some(response), Some(status)) = (exchange.response, exchange.status) {
        let mut words = format!("HTTP {status}");
        if let (Some(missing), Some(length)) = (exchange.missing_octets, exchange.content_length) {
            let come = length.saturating_sub(missing);
            words.push_str(&format!(", {come} of {length} octets came"));
        }
        if let Some(location) = &exchange.location_host {
            words.push_str(&format!(" to {location}"));
        }
        if let Some(sign) = &exchange.intermediary_sign {
            words.push_str(&format!(" ({sign})"));
        }
        if exchange.probe_body_genuine == Some(false) {
            words.push_str(
                ", which is not what the connectivity probe's own server sends: a captive portal or a filter",
            );
        }
        evidence.add(response, words);
    }
}

/// What a proxy's refusal stands for.
#[must_use]
pub fn proxy_cause(status: u16) -> Cause {
    match status {
        // 511: the network wants a login (RFC 6585 §6).
        407 | 511 => Cause::ProxyAuthRequired,
        500..=599 => Cause::ProxyBadGateway,
        _ => Cause::ProxyForbidden,
    }
}

/// Judges one exchange.
#[must_use]
pub fn judge_exchange(
    exchange: &HttpExchange,
    flow: &FlowRecord,
    vantage: Vantage,
    known_host: KnownHost<'_>,
) -> Outcome {
    let Some(status) = exchange.status else {
        return match (&flow.tcp, exchange.request) {
            (Some(tcp), Some(_)) => judge_unanswered(exchange, tcp, vantage),
            _ => Outcome::Unclear(Unclear::Unknown),
        };
    };
    if status == 407 {
        return Outcome::Failed(Cause::ProxyAuthRequired);
    }
    if exchange.absolute_form {
        return match judge_proxied(exchange, status) {
            Outcome::Served if is_cut_off(exchange, flow, vantage) => {
                Outcome::Failed(Cause::DownloadCut)
            }
            outcome => outcome,
        };
    }
    if is_block_page(exchange, status, known_host) {
        return Outcome::Failed(Cause::HttpBlockPage);
    }
    if range_ignored(exchange, status) {
        return Outcome::Failed(Cause::RangeIgnored);
    }
    // An address inside may belong to a cache or to a block page; its page would tell.
    if flow.truncated_packets > 0 && !super::address::is_public(flow.five_tuple.responder.ip()) {
        return Outcome::Unclear(Unclear::Truncated);
    }
    if is_cut_off(exchange, flow, vantage) {
        return Outcome::Failed(Cause::DownloadCut);
    }
    Outcome::Served
}

/// A download of which this part or more is missing was cut; less may be what the capture itself lacks.
const MISSING_PART: u64 = 10;

/// Whether the server's side reset the connection while the body was on its way.
fn is_cut_off(exchange: &HttpExchange, flow: &FlowRecord, vantage: Vantage) -> bool {
    let (Some(missing), Some(length), Some(tcp)) =
        (exchange.missing_octets, exchange.content_length, &flow.tcp)
    else {
        return false;
    };
    let [client_fin, _] = tcp.fin;
    let [client_reset, _] = &tcp.reset;
    let client_left = client_fin.is_some() || client_reset.is_some();
    let [_, last_data] = tcp.last_data;
    // One that comes after a pause clears away what the client has stopped to read.
    let amid_data = cutting_reset(tcp)
        .zip(last_data)
        .is_some_and(|(reset, data)| reset.seen.time.since(data.time) < SILENCE);
    let all_seen = flow.establishment == Establishment::FromStart
        && flow.truncated_packets == 0
        && tcp.lost_octets.iter().all(|lost| *lost == 0)
        && unseen_octets(tcp, Direction::Responder) == 0
        && !vantage.may_lack_replies();
    missing >= (length / MISSING_PART).max(1) && amid_data && !client_left && all_seen
}

fn range_ignored(exchange: &HttpExchange, status: u16) -> bool {
    let empty = exchange.content_length == Some(0);
    exchange.range && status == 200 && !exchange.content_range && !empty
}

/// An exchange through an explicit proxy: only what the proxy says of itself counts against it.
fn judge_proxied(exchange: &HttpExchange, status: u16) -> Outcome {
    let by_proxy = exchange.intermediary_sign.is_some();
    let by_origin = exchange.via.is_some() || is_origin_server(exchange);
    match status {
        403 | 502 | 503 | 504 | 511 if by_proxy || !by_origin => {
            Outcome::Failed(proxy_cause(status))
        }
        _ if range_ignored(exchange, status) => Outcome::Failed(Cause::RangeIgnored),
        _ => Outcome::Served,
    }
}

/// Whether the answer names the software of the endpoint list's own servers or of the networks that deliver for them. Many
/// proxies leave out that they have passed an answer on.
fn is_origin_server(exchange: &HttpExchange) -> bool {
    exchange.server.as_deref().is_some_and(|server| {
        let server = server.to_ascii_lowercase();
        ORIGIN_SERVERS.iter().any(|name| server.starts_with(name))
    })
}

/// Beginnings of the `Server` field: IIS and HTTP.SYS, Kestrel, Azure storage, Azure CDN (Edgio), Akamai.
const ORIGIN_SERVERS: [&str; 7] = [
    "microsoft-",
    "kestrel",
    "windows-azure",
    "ecacc",
    "ecs (",
    "ecd (",
    "akamai",
];

/// Whether something other than the host that was asked wrote this answer.
fn is_block_page(exchange: &HttpExchange, status: u16, known_host: KnownHost<'_>) -> bool {
    if exchange.probe_body_genuine == Some(false) || exchange.intermediary_sign.is_some() {
        return true;
    }
    let redirected = matches!(status, 301 | 302 | 303 | 307 | 308);
    redirected
        && exchange.location_host.as_ref().is_some_and(|location| {
            let elsewhere =
                exchange.host.as_ref() != Some(location) && !known_host(&location.folded());
            let inside = location
                .as_address()
                .is_some_and(|address| !super::address::is_public(address));
            let quoted = if redirects_by_purpose(exchange) {
                exchange.location_quotes_url
            } else {
                exchange.location_quotes_host
            };
            elsewhere && (quoted || inside || only_delivers(exchange))
        })
}

/// Whether the host is there to send users elsewhere: it may name itself to those it sends them to, but knows no reason to repeat
/// the whole address that was asked for.
fn redirects_by_purpose(exchange: &HttpExchange) -> bool {
    exchange.host.as_ref().is_some_and(|host| {
        let host = host.folded();
        REDIRECTORS.contains(&host.as_str())
    })
}

/// Microsoft's hosts for short links.
const REDIRECTORS: [&str; 2] = ["go.microsoft.com", "aka.ms"];

/// Whether the host delivers content and sends nobody to pages.
fn only_delivers(exchange: &HttpExchange) -> bool {
    exchange.host.as_ref().is_some_and(|host| {
        let host = host.folded();
        DELIVERY_DOMAINS.iter().any(|domain| host.ends_with(domain))
    })
}

/// Domains of Windows Update and Delivery Optimization.
const DELIVERY_DOMAINS: [&str; 2] = [".windowsupdate.com", ".delivery.mp.microsoft.com"];

fn judge_unanswered(exchange: &HttpExchange, tcp: &TcpFacts, vantage: Vantage) -> Outcome {
    let Some(request) = exchange.request else {
        return Outcome::Unclear(Unclear::Unknown);
    };
    let server_reset = cutting_reset(tcp);
    let [client_fin, server_fin] = tcp.fin;
    // The server had closed the idle connection; the client did not know yet and asks again on another one.
    if server_fin.is_some_and(|fin| fin.frame < request.frame) {
        return Outcome::Abandoned;
    }
    if unseen_octets(tcp, Direction::Responder) > 0
        || tcp
            .last_data
            .last()
            .copied()
            .flatten()
            .is_some_and(|data| data.frame > request.frame)
    {
        return Outcome::Unclear(Unclear::Unknown);
    }
    if server_reset.is_some_and(|reset| reset.seen.frame > request.frame) && client_fin.is_none() {
        return Outcome::Failed(Cause::ResetBeforeResponse);
    }
    let ended = client_fin.or(server_fin);
    if ended.is_none() && may_be_at_work(request, tcp, vantage) {
        return Outcome::Unclear(Unclear::StillOpen);
    }
    let end = ended.map_or(vantage.end, |seen| seen.time);
    if end.since(request.time) >= SILENCE && !vantage.lossy {
        return Outcome::Failed(Cause::NoResponse);
    }
    Outcome::Unclear(Unclear::StillOpen)
}
