//! Whole conversations through [`HttpStream`](super::HttpStream).

use super::*;
use crate::facts::{FrameNumber, Timestamp};
use Direction::{Originator, Responder};
use proptest::prelude::*;

fn seen(frame: u64) -> Seen {
    Seen {
        frame: FrameNumber(frame),
        time: Timestamp(0),
    }
}

/// Delivers each part as one push, frames numbered from 1; gives the stream and the last answer.
fn run(parts: &[(Direction, &[u8])]) -> (HttpStream, TunnelProgress) {
    let mut stream = HttpStream::new();
    let mut last = TunnelProgress::NeedMore;
    for (frame, (direction, bytes)) in (1..).zip(parts) {
        last = stream.push(*direction, bytes, seen(frame));
    }
    (stream, last)
}

fn exchanges(parts: &[(Direction, &[u8])]) -> Vec<HttpExchange> {
    run(parts).0.into_facts().0.exchanges
}

fn summary(exchanges: &[HttpExchange]) -> Vec<(&str, Option<u16>)> {
    exchanges
        .iter()
        .map(|exchange| (exchange.path.as_str(), exchange.status))
        .collect()
}

#[test]
fn keep_alive_pairs_requests_and_responses() {
    let exchanges = exchanges(&[
        (Originator, b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET "),
        (Responder, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 500"),
        (Originator, b"GET /b HTTP/1.1\r\n\r\n"),
        (Responder, b"HTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ]);
    assert_eq!(summary(&exchanges), [("/a", Some(200)), ("/b", Some(404))]);
    assert_eq!(
        (exchanges[0].request, exchanges[0].response),
        (Some(seen(1)), Some(seen(2)))
    );
}

#[test]
fn an_answer_before_the_end_of_the_request_belongs_to_it() {
    let exchanges = exchanges(&[
        (Originator, b"GET /a HTTP/1.1\r\nHost: "),
        (
            Responder,
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n",
        ),
        (Originator, b"one.example\r\nRange: bytes=0-1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
        (Responder, b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"),
    ]);
    assert_eq!(
        summary(&exchanges),
        [("/a", Some(200)), ("", Some(400)), ("/b", Some(404))]
    );
    let first = &exchanges[0];
    assert_eq!(
        first.host.as_ref().map(ToString::to_string).as_deref(),
        Some("one.example")
    );
    assert!(first.range);
    assert_eq!(
        (first.request, first.response),
        (Some(seen(1)), Some(seen(2)))
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let exchanges = exchanges(&[
        (Originator, b"HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n"),
        (Responder, b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nHTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\nHTTP/1.0 403 X\n\nbody"),
    ]);
    assert_eq!(
        summary(&exchanges),
        [("/a", Some(200)), ("/b", Some(304)), ("/c", Some(403))]
    );
}

#[test]
fn originator_may_be_the_server_when_its_response_is_seen_first() {
    let (stream, _) = run(&[
        (Originator, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (Responder, b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ]);
    assert_eq!(stream.client(), Some(Responder));
    let exchanges = stream.into_facts().0.exchanges;
    assert_eq!(summary(&exchanges), [("", Some(200)), ("/b", None)]);
    assert_eq!(exchanges[0].request, None);
}

#[test]
fn one_direction_alone_is_enough() {
    let facts = run(&[(
        Originator,
        b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\nGET /b HTTP/1.1\r\nHost: A.EXAMPLE\r\n\r\n",
    )]);
    let facts = facts.0.into_facts().0;
    assert_eq!(summary(&facts.exchanges), [("/a", None), ("/b", None)]);
    assert_eq!(facts.hosts.len(), 1);
}

#[test]
fn connect_hands_over_at_the_first_octet_of_the_tunnel() {
    let (stream, last) = run(&[
        (
            Originator,
            b"CONNECT manage.microsoft.com:443 HTTP/1.1\r\nHost: other\r\n\r\n",
        ),
        (
            Responder,
            b"HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n\x16\x03\x03",
        ),
    ]);
    assert_eq!(last, TunnelProgress::Tunnel { consumed: 58 });
    let (facts, tunnel) = stream.into_facts();
    let tunnel = tunnel.unwrap();
    assert_eq!(
        (tunnel.host.unwrap().as_str(), tunnel.port),
        ("manage.microsoft.com", 443)
    );
    assert_eq!((tunnel.request, tunnel.opened), (seen(1), Some(seen(2))));
    assert_eq!(facts.exchanges[0].method, "CONNECT");
}

#[test]
fn refused_connect_may_be_tried_again_with_credentials() {
    let (stream, last) = run(&[
        (Originator, b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n"),
        (Responder, b"HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 3\r\n\r\nabc"),
        (Originator, b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nProxy-Authorization: Basic c2VjcmV0\r\n\r\n"),
        (Responder, b"HTTP/1.1 200 OK\r\n\r\n"),
    ]);
    assert_eq!(last, TunnelProgress::Tunnel { consumed: 19 });
    assert!(!format!("{stream:?}").contains("c2VjcmV0"));
    let (facts, tunnel) = stream.into_facts();
    let tunnel = tunnel.unwrap();
    assert_eq!(tunnel.refusals.as_slice(), [(407, seen(2))]);
    assert_eq!(
        (tunnel.request, tunnel.opened, tunnel.authenticated),
        (seen(1), Some(seen(4)), true)
    );
    assert_eq!(tunnel.host.unwrap().as_str(), "2001:db8::1");
    assert_eq!(
        facts
            .exchanges
            .iter()
            .map(|exchange| exchange.status)
            .collect::<Vec<_>>(),
        [Some(407), Some(200)]
    );
}

#[test]
fn connection_with_a_refused_connect_may_ask_for_another_tunnel() {
    let (stream, _) = run(&[
        (Originator, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"),
        (Responder, b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"),
        (Originator, b"CONNECT b.example:443 HTTP/1.1\r\n\r\n"),
    ]);
    let tunnel = stream.into_facts().1.unwrap();
    assert_eq!(
        (tunnel.host.unwrap().as_str(), tunnel.refusals.len()),
        ("b.example", 0)
    );
}

#[test]
fn what_the_client_sends_early_is_held_for_the_tunnel() {
    let (mut stream, last) = run(&[
        (
            Originator,
            b"CONNECT a.example:443 HTTP/1.1\r\n\r\n\x16\x03",
        ),
        (Originator, b"\x01"),
        (Responder, b"HTTP/1.1 200 OK\r\n\r\n"),
    ]);
    assert_eq!(last, TunnelProgress::Tunnel { consumed: 19 });
    let early = stream.take_early_octets();
    assert_eq!(
        early.pieces().collect::<Vec<_>>(),
        [(seen(1), b"\x16\x03".as_slice()), (seen(2), b"\x01")]
    );
}

#[test]
fn tunnel_shows_itself_when_its_opening_was_not_captured() {
    let (mut stream, _) = run(&[(Originator, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n")]);
    stream.gap(Responder, 39, seen(2));
    assert_eq!(
        stream.push(Originator, b"\x16\x03\x01", seen(3)),
        TunnelProgress::NeedMore
    );
    assert_eq!(
        stream.push(Responder, b"\x16\x03\x03", seen(4)),
        TunnelProgress::Tunnel { consumed: 0 }
    );
    assert_eq!(stream.take_early_octets().pieces().count(), 1);
    assert_eq!(stream.into_facts().1.unwrap().opened, Some(seen(4)));
}

#[test]
fn retried_connect_is_told_from_tunnelled_octets() {
    let (stream, _) = run(&[
        (Originator, b"CONNECT a.example:443 HTTP/1.1\r\n\r\nCON"),
        (
            Originator,
            b"NECT a.example:443 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\nCON",
        ),
        (Originator, b"TROL"),
    ]);
    let early: Vec<u8> = stream
        .early
        .pieces()
        .flat_map(|(_, bytes)| bytes.to_vec())
        .collect();
    assert_eq!(early, b"CONTROL");
    assert!(stream.into_facts().1.unwrap().authenticated);
}

#[test]
fn upgrade_and_http2_end_http1() {
    let (stream, last) = run(&[
        (Originator, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
        (Responder, b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81"),
    ]);
    assert_eq!(last, TunnelProgress::Done);
    assert_eq!(stream.into_facts().0.exchanges[0].status, Some(101));
    let (stream, last) = run(&[(Originator, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]);
    assert_eq!(last, TunnelProgress::Done);
    assert!(stream.facts().0.http2);
}

#[test]
fn other_protocols_are_not_mine() {
    for bytes in [
        b"\x16\x03\x01\x02\x00".as_slice(),
        b"SSH-2.0-x\r\n",
        b"GETS ",
        b"OPTIONS rtsp://a RTSP/1.0\r\n\r\n",
    ] {
        assert_eq!(
            run(&[(Originator, bytes)]).1,
            TunnelProgress::NotMine,
            "{bytes:?}"
        );
    }
}

#[test]
fn gap_inside_a_counted_body_keeps_the_way() {
    let (mut stream, _) = run(&[
        (
            Originator,
            b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
        ),
        (
            Responder,
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc",
        ),
    ]);
    stream.gap(Responder, 990, seen(3));
    stream.push(Responder, b"7890123HTTP/1.1 404 X\r\n\r\n", seen(4));
    assert_eq!(
        summary(&stream.facts().0.exchanges),
        [("/a", Some(200)), ("/b", Some(404))]
    );
}

#[test]
fn after_a_gap_a_push_that_begins_like_a_message_is_one() {
    let (mut stream, _) = run(&[
        (Originator, b"GET /a HTTP/1.1\r\n\r\n"),
        (
            Responder,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        ),
    ]);
    stream.gap(Responder, 100, seen(3));
    stream.push(
        Responder,
        b"rest of a chunk HTTP/1.1 200 OK\r\n\r\n",
        seen(4),
    );
    stream.push(Originator, b"GET /lost HTTP/1.1\r\n\r\n", seen(5));
    stream.push(Originator, b"GET /b HTTP/1.1\r\n\r\n", seen(6));
    stream.push(Responder, b"HTTP/1.1 404 X\r\n\r\n", seen(7));
    assert_eq!(
        summary(&stream.facts().0.exchanges),
        [("/a", Some(200)), ("/lost", None), ("/b", Some(404))]
    );
}

#[test]
fn head_cut_by_the_snap_length_tells_what_it_holds() {
    let mut stream = HttpStream::new();
    stream.push(
        Originator,
        b"GET /a HTTP/1.1\r\nHost: a.example\r\nUser-Ag",
        seen(1),
    );
    stream.gap(Originator, 100, seen(1));
    stream.push(
        Responder,
        b"HTTP/1.1 403 Forbidden\r\nServer: Some-WebF",
        seen(2),
    );
    stream.gap(Responder, 300, seen(2));
    stream.push(Originator, b"GET /b HTTP/1.1\r\nHost: b.exam", seen(3));
    let facts = stream.into_facts().0;
    assert_eq!(summary(&facts.exchanges), [("/a", Some(403)), ("/b", None)]);
    assert_eq!(
        facts
            .hosts
            .iter()
            .map(|host| host.as_str())
            .collect::<Vec<_>>(),
        ["a.example"]
    );
    assert_eq!(
        (facts.exchanges[0].response, &facts.exchanges[0].server),
        (Some(seen(2)), &None)
    );
}

#[test]
fn connect_cut_by_the_snap_length_still_opens_its_tunnel() {
    let mut stream = HttpStream::new();
    stream.push(
        Originator,
        b"CONNECT manage.microsoft.com:443 HTTP/1.1\r\nUser",
        seen(1),
    );
    stream.gap(Originator, 100, seen(1));
    stream.push(Responder, b"HTTP/1.1 200 Connection est", seen(2));
    assert_eq!(
        stream.gap(Responder, 12, seen(2)),
        TunnelProgress::Tunnel { consumed: 12 }
    );
    let tunnel = stream.into_facts().1.unwrap();
    assert_eq!(
        (tunnel.host.unwrap().as_str(), tunnel.port),
        ("manage.microsoft.com", 443)
    );
    assert_eq!(tunnel.opened, Some(seen(2)));
}

#[test]
fn block_page_is_recognised_by_its_body() {
    let page = b"<html><head><title>Web page blocked</title></head><body>Access denied by company policy</body></html>";
    let mut response = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n".to_vec();
    response.extend_from_slice(page);
    response.extend_from_slice(b"\r\n0\r\n\r\n");
    let exchanges = exchanges(&[
        (Originator, b"GET / HTTP/1.1\r\n\r\n"),
        (Responder, &response),
    ]);
    assert_eq!(
        exchanges[0].intermediary_sign.as_deref(),
        Some("body: page blocked, company policy, denied by")
    );
}

#[test]
fn packed_body_is_not_read() {
    let exchanges = exchanges(&[
        (Originator, b"GET / HTTP/1.1\r\n\r\n"),
        (
            Responder,
            b"HTTP/1.1 403 X\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\npage blocked",
        ),
    ]);
    assert_eq!(exchanges[0].intermediary_sign, None);
}

#[test]
fn connectivity_probe_is_judged_by_its_body() {
    let asked: &[u8] = b"GET /connecttest.txt HTTP/1.1\r\nHost: www.msftconnecttest.com\r\n\r\n";
    let genuine = |response: &[u8]| {
        exchanges(&[(Originator, asked), (Responder, response)])[0].probe_body_genuine
    };
    assert_eq!(
        genuine(b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\nMicrosoft Connect Test"),
        Some(true)
    );
    assert_eq!(
        genuine(b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\nMicrosoft"),
        Some(true)
    );
    assert_eq!(
        genuine(b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n"),
        None
    );
    assert_eq!(genuine(b"HTTP/1.1 200 OK\r\n\r\n<html>log in"), Some(false));
    assert_eq!(
        genuine(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Some(false)
    );
    assert_eq!(
        genuine(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n"),
        Some(false)
    );
}

#[test]
fn head_without_end_is_given_up_but_not_forgotten() {
    let mut request = b"GET /a HTTP/1.1\r\nHost: a.example\r\n".to_vec();
    request.resize(1 << 20, b'x');
    let (stream, last) = run(&[
        (Originator, &request),
        (Responder, b"HTTP/1.1 431 X\r\n\r\n"),
    ]);
    assert_eq!(last, TunnelProgress::NeedMore);
    let facts = stream.into_facts().0;
    assert_eq!(summary(&facts.exchanges), [("/a", Some(431))]);
    assert_eq!(facts.hosts.len(), 1);
}

#[test]
fn many_pipelined_requests_are_counted() {
    let requests = b"GET / HTTP/1.1\r\n\r\n".repeat(100_000);
    let responses = b"HTTP/1.1 204 X\r\n\r\n".repeat(100_000);
    let facts = run(&[(Originator, &requests), (Responder, &responses)])
        .0
        .into_facts()
        .0;
    assert_eq!(
        (facts.exchanges.len(), facts.more),
        (MAX_EXCHANGES, 100_000 - 32)
    );
    assert!(
        facts
            .exchanges
            .iter()
            .all(|exchange| exchange.status == Some(204))
    );
}

/// A conversation with all kinds of framing, a page, a refused and an opened tunnel.
const CONVERSATION: [(Direction, &[u8]); 8] = [
    (Originator, b"\r\nPOST http://a.example:81/p?q HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n4\r\nGET \r\n0\r\nX: y\r\n\r\n"),
    (Responder, b"HTTP/1.1 100 Continue\n\nHTTP/1.1 403 No\r\nContent-Type: text/html\r\nContent-Length: 70\r\n\r\n<style>a{}</style><title>Site blocked</title><p>by web filter category"),
    (Originator, b"GET /ncsi.txt HTTP/1.1\r\nHost: www.msftncsi.com\r\n\r\n"),
    (Responder, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nMicrosoft\r\n5\r\n NCSI\r\n0\r\n\r\n"),
    (Originator, b"CONNECT b.example:443 HTTP/1.1\r\n\r\n"),
    (Responder, b"HTTP/1.1 407 X\r\nProxy-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno"),
    (Originator, b"CONNECT b.example:443 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n"),
    (Responder, b"HTTP/1.1 200 OK\r\n\r\n"),
];

#[test]
fn pieces_make_no_difference() {
    let facts = |stream: HttpStream| format!("{:?}", stream.into_facts());
    let whole = facts(run(&CONVERSATION).0);
    assert!(
        whole.contains("site blocked") && whole.contains("probe_body_genuine: Some(true)"),
        "{whole}"
    );
    let longest = CONVERSATION
        .iter()
        .map(|(_, bytes)| bytes.len())
        .max()
        .unwrap();
    for step in 1..longest {
        let mut stream = HttpStream::new();
        let mut last = TunnelProgress::NeedMore;
        for (frame, (direction, bytes)) in (1..).zip(CONVERSATION) {
            for piece in bytes.chunks(step) {
                assert_eq!(last, TunnelProgress::NeedMore);
                last = stream.push(direction, piece, seen(frame));
            }
        }
        assert!(matches!(last, TunnelProgress::Tunnel { .. }));
        assert_eq!(facts(stream), whole, "in pieces of {step}");
    }
}

/// Octets that often hit on something.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "GET / HTTP/1.1\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 407 X\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        " ",
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "Content-Type: text/html\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Location: //[%41@:/?%\r\n",
        "3\r\nabc\r\n",
        "0\r\n",
        "<style>",
    ];
    prop_oneof![
        3 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..30),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_taken(parts in proptest::collection::vec((any::<bool>(), proptest::option::weighted(0.9, proptest::collection::vec(fragment(), 1..6))), 0..30)) {
        let mut stream = HttpStream::new();
        for (from_originator, fragments) in &parts {
            let direction = if *from_originator { Originator } else { Responder };
            match fragments {
                Some(fragments) => {
                    let bytes = fragments.concat();
                    let _ = looks_like_request(&bytes);
                    let _ = looks_like_response(&bytes);
                    if let TunnelProgress::Tunnel { consumed } = stream.push(direction, &bytes, seen(1)) {
                        prop_assert!(consumed <= bytes.len());
                    }
                }
                None => {
                    stream.gap(direction, 3, seen(1));
                }
            }
        }
        let (facts, _) = stream.into_facts();
        prop_assert!(facts.exchanges.len() <= MAX_EXCHANGES && facts.hosts.len() <= MAX_HOSTS);
    }
}
