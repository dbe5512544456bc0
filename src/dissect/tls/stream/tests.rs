//! Whole connections, torn ones, and anything else, through [`TlsStream`].

use super::super::client_hello::tests::{browser_hello, extension, hello, server_name};
use super::super::{certificate, server_hello};
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

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn encrypted(length: usize) -> Vec<u8> {
    record(23, &vec![0xee; length])
}

/// Runs one segment after the other; each is a packet of its own, counted from 1.
fn run(segments: &[(Direction, Vec<u8>)]) -> (TlsFacts, Progress) {
    let mut stream = TlsStream::new();
    let mut progress = Progress::NeedMore;
    for (frame, (direction, bytes)) in (1..).zip(segments) {
        progress = stream.push(*direction, bytes, seen(frame));
    }
    (stream.into_facts(), progress)
}

/// A whole TLS 1.3 connection.
fn tls_1_3() -> Vec<(Direction, Vec<u8>)> {
    let server_flight = [
        record(22, &message(2, &server_hello::tests::hello_13(0x1301))),
        record(20, &[1]),
        encrypted(23),
        encrypted(1306),
        encrypted(97),
        encrypted(53),
    ];
    vec![
        (
            Originator,
            record(22, &message(1, &browser_hello("login.microsoftonline.com"))),
        ),
        (Responder, server_flight.concat()),
        (Originator, [record(20, &[1]), encrypted(53)].concat()),
        (Responder, [encrypted(234), encrypted(234)].concat()),
        (Originator, encrypted(671)),
        (Responder, encrypted(251)),
    ]
}

/// A whole TLS 1.2 connection.
fn tls_1_2() -> Vec<(Direction, Vec<u8>)> {
    let client_hello = hello(
        &[0xc02f],
        &[server_name("manage.example.com"), extension(23, &[])],
    );
    let server_hello = server_hello::tests::hello([1; 32], 0xc02f, &[extension(0xff01, &[0])]);
    let server_flight = [
        message(2, &server_hello),
        message(11, &certificate::tests::message()),
        message(14, &[]),
    ]
    .concat();
    // The chain takes several records, none of which begins where a message does.
    let server_flight = server_flight
        .chunks(90)
        .map(|part| record(22, part))
        .collect::<Vec<_>>()
        .concat();
    let finished = [record(20, &[1]), record(22, &[0xee; 40])].concat();
    vec![
        (Originator, record(22, &message(1, &client_hello))),
        (Responder, server_flight),
        (
            Originator,
            [record(22, &message(16, &[4, 1, 2, 3, 4])), finished.clone()].concat(),
        ),
        (Responder, finished),
        (Originator, encrypted(211)),
        (Responder, encrypted(258)),
    ]
}

#[test]
fn follows_tls_1_3_to_the_response() {
    let (facts, progress) = run(&tls_1_3());
    let hello = facts.client_hello.unwrap();
    assert_eq!(
        hello.server_name.unwrap().as_str(),
        "login.microsoftonline.com"
    );
    assert_eq!(facts.server_hello.unwrap().version, 0x0304);
    assert_eq!(facts.first_client_record, Some(seen(1)));
    assert_eq!(facts.handshake_finished, Some(seen(3)));
    assert_eq!(facts.request, Some(seen(5)));
    assert_eq!(facts.response, Some(seen(6)));
    assert_eq!(
        facts.encrypted[1].first_lengths.as_slice(),
        [23, 1306, 97, 53, 234, 234]
    );
    assert!(facts.certificate.is_none() && facts.alerts.is_empty());
    assert_eq!(progress, Progress::Done);
}

#[test]
fn follows_tls_1_2_to_the_response() {
    let (facts, progress) = run(&tls_1_2());
    assert_eq!(facts.server_hello.unwrap().version, 0x0303);
    let certificate = facts.certificate.unwrap();
    assert_eq!(
        certificate.issuer_common_name.as_deref(),
        Some("Contoso TLS Inspection CA")
    );
    assert_eq!(facts.handshake_finished, Some(seen(4)));
    assert_eq!(
        (facts.request, facts.response),
        (Some(seen(5)), Some(seen(6)))
    );
    assert_eq!(progress, Progress::Done);
}

#[test]
fn follows_a_resumed_tls_1_2_session() {
    let mut segments = tls_1_2();
    let server_hello = server_hello::tests::hello([1; 32], 0xc02f, &[]);
    let finished = [record(20, &[1]), record(22, &[0xee; 40])].concat();
    segments.splice(
        1..4,
        [
            (
                Responder,
                [record(22, &message(2, &server_hello)), finished.clone()].concat(),
            ),
            (Originator, [finished, encrypted(100)].concat()),
        ],
    );
    segments.remove(3);
    let (facts, _) = run(&segments);
    assert_eq!(facts.handshake_finished, Some(seen(3)));
    assert_eq!(
        (facts.request, facts.response),
        (Some(seen(3)), Some(seen(4)))
    );
}

#[test]
fn reads_clear_alerts_even_after_a_compatibility_change_cipher_spec() {
    let mut segments = tls_1_3();
    segments.truncate(2);
    segments.push((
        Originator,
        [record(20, &[1]), record(21, &[1, 48])].concat(),
    ));
    let (facts, _) = run(&segments);
    let alert = AlertFact {
        seen: seen(3),
        by: Originator,
        fatal: true,
        description: 48,
    };
    assert_eq!(facts.alerts.as_slice(), [alert]);
}

#[test]
fn an_encrypted_alert_of_tls_1_2_says_nothing() {
    let mut segments = tls_1_2();
    segments.truncate(4);
    segments.push((Originator, record(21, &[2; 26])));
    assert!(run(&segments).0.alerts.is_empty());
}

#[test]
fn a_warning_is_not_fatal_before_tls_1_3() {
    let mut segments = tls_1_2();
    segments.insert(1, (Responder, record(21, &[1, 112])));
    let (facts, _) = run(&segments);
    assert!(!facts.alerts[0].fatal);
    assert!(facts.response.is_some());
}

#[test]
fn after_a_retry_request_the_first_name_and_the_last_server_hello_count() {
    let mut segments = tls_1_3();
    segments.splice(
        1..1,
        [
            (
                Responder,
                [
                    record(22, &message(2, &server_hello::tests::retry())),
                    record(20, &[1]),
                ]
                .concat(),
            ),
            (
                Originator,
                [
                    record(20, &[1]),
                    record(22, &message(1, &browser_hello("second.example"))),
                ]
                .concat(),
            ),
        ],
    );
    let (facts, _) = run(&segments);
    assert_eq!(
        facts.client_hello.unwrap().server_name.unwrap().as_str(),
        "login.microsoftonline.com"
    );
    assert_eq!(facts.server_hello.unwrap().seen, seen(4));
    assert!(facts.handshake_finished.is_some() && facts.response.is_some());
}

#[test]
fn a_hello_over_several_records_is_one_hello() {
    let hello = message(1, &browser_hello("manage.microsoft.com"));
    let records: Vec<u8> = hello
        .chunks(100)
        .flat_map(|part| record(22, part))
        .collect();
    let (facts, _) = run(&[(Originator, records)]);
    assert!(facts.client_hello.unwrap().complete);
}

#[test]
fn a_hole_in_the_hello_leaves_what_is_before_it() {
    let body = hello(
        &[0x1301],
        &[server_name("a.example"), extension(21, &[0; 900])],
    );
    let bytes = record(22, &message(1, &body));
    let mut stream = TlsStream::new();
    stream.push(Originator, &bytes[..120], seen(1));
    stream.gap(Originator, 300, seen(2));
    stream.push(Originator, &bytes[420..], seen(3));
    stream.push(
        Responder,
        &record(22, &message(2, &server_hello::tests::hello_13(0x1301))),
        seen(4),
    );
    stream.push(Originator, &encrypted(53), seen(5));
    let facts = stream.into_facts();
    let hello = facts.client_hello.unwrap();
    assert_eq!((hello.complete, hello.seen), (false, seen(1)));
    assert_eq!(hello.server_name.unwrap().as_str(), "a.example");
    assert_eq!(
        facts.handshake_finished,
        Some(seen(5)),
        "the record behind the hole was found by its count"
    );
}

#[test]
fn a_hello_without_an_end_is_given_at_the_end() {
    let bytes = record(22, &message(1, &browser_hello("a.example")));
    let mut stream = TlsStream::new();
    stream.push(Originator, &bytes[..1400], seen(1));
    assert!(stream.facts().client_hello.is_none());
    let hello = stream.into_facts().client_hello.unwrap();
    assert_eq!(
        (hello.complete, hello.server_name.unwrap().as_str()),
        (false, "a.example")
    );
}

#[test]
fn finds_the_way_back_after_a_lost_header() {
    let mut stream = TlsStream::new();
    for (frame, (direction, bytes)) in (1..).zip(&tls_1_3()[..3]) {
        stream.push(*direction, bytes, seen(frame));
    }
    stream.gap(Originator, 5000, seen(4));
    stream.push(Originator, &[0x55; 100], seen(5));
    assert!(stream.facts().request.is_none());
    stream.push(Originator, &encrypted(300), seen(6));
    assert_eq!(
        stream.push(Responder, &encrypted(400), seen(7)),
        Progress::Done
    );
    assert_eq!(stream.facts().request, Some(seen(6)));
}

#[test]
fn knows_a_server_that_answers_in_the_clear_from_a_connection_that_is_not_tls() {
    let mut stream = TlsStream::new();
    let hello = record(22, &message(1, &browser_hello("a.example")));
    assert_eq!(stream.push(Originator, &hello, seen(1)), Progress::NeedMore);
    assert_eq!(
        stream.push(Responder, b"HTTP/1.1 403 Forbidden", seen(2)),
        Progress::NeedMore
    );
    assert!(stream.into_facts().server_hello.is_none());
    assert_eq!(
        TlsStream::new().push(Originator, b"GET / HTTP/1.1", seen(1)),
        Progress::NotMine
    );
    assert_eq!(
        TlsStream::new().push(Responder, b"220 mail", seen(1)),
        Progress::NotMine
    );
}

#[test]
fn hellos_tell_who_is_the_client() {
    let segments: Vec<_> = tls_1_3()
        .into_iter()
        .map(|(direction, bytes)| (direction.opposite(), bytes))
        .collect();
    let (facts, progress) = run(&segments);
    assert_eq!(
        (facts.request, facts.response),
        (Some(seen(5)), Some(seen(6)))
    );
    assert_eq!(progress, Progress::Done);
}

#[test]
fn one_direction_alone_tells_which_rules_hold() {
    let only = |segments: Vec<(Direction, Vec<u8>)>| -> Vec<_> {
        segments
            .into_iter()
            .filter(|(direction, _)| *direction == Originator)
            .collect()
    };
    let (modern, _) = run(&only(tls_1_3()));
    assert_eq!(
        (modern.handshake_finished, modern.request),
        (Some(seen(2)), Some(seen(3)))
    );
    let (legacy, _) = run(&only(tls_1_2()));
    assert_eq!(
        (legacy.handshake_finished, legacy.request),
        (None, Some(seen(3)))
    );
    // A resumed session of TLS 1.2 of a client that would have taken TLS 1.3.
    let mut resumed = only(tls_1_3());
    resumed.truncate(1);
    resumed.push((
        Originator,
        [record(20, &[1]), record(22, &[0xee; 40])].concat(),
    ));
    resumed.push((Originator, encrypted(88)));
    assert_eq!(run(&resumed).0.request, Some(seen(3)));
}

#[test]
fn gives_up_a_direction_that_never_concludes() {
    let mut stream = TlsStream::new();
    let bulk = encrypted(16_000);
    let pushes = (0..100)
        .take_while(|_| stream.push(Responder, &bulk, seen(1)) == Progress::NeedMore)
        .count();
    assert_eq!(pushes, 16);
}

/// The facts without the packets, to compare streams that were cut differently.
fn outline(facts: &TlsFacts) -> String {
    format!("{facts:?}")
}

#[test]
fn every_cut_gives_the_same_facts() {
    for segments in [tls_1_3(), tls_1_2()] {
        let whole = {
            let mut stream = TlsStream::new();
            for (direction, bytes) in &segments {
                stream.push(*direction, bytes, seen(1));
            }
            outline(&stream.into_facts())
        };
        let longest = segments.iter().map(|(_, bytes)| bytes.len()).max().unwrap();
        for cut in 1..longest {
            let mut stream = TlsStream::new();
            for (direction, bytes) in &segments {
                let (front, behind) = bytes.split_at_checked(cut).unwrap_or((bytes, &[]));
                for piece in [front, behind]
                    .into_iter()
                    .filter(|piece| !piece.is_empty())
                {
                    stream.push(*direction, piece, seen(1));
                }
            }
            assert_eq!(outline(&stream.into_facts()), whole, "cut at {cut}");
        }
    }
}

/// One thing that can happen to a stream.
#[derive(Debug, Clone)]
enum Event {
    Bytes(bool, Vec<u8>),
    Next(usize),
    Damage(usize, u8),
    Gap(bool, u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (any::<bool>(), proptest::collection::vec(any::<u8>(), 1..60))
            .prop_map(|(side, bytes)| Event::Bytes(side, bytes)),
        (1_usize..600).prop_map(Event::Next),
        (0_usize..3000, any::<u8>()).prop_map(|(at, value)| Event::Damage(at, value)),
        (
            any::<bool>(),
            prop_oneof![1_u64..100, Just(u64::MAX), 1_u64..100_000]
        )
            .prop_map(|(side, n)| Event::Gap(side, n)),
    ]
}

proptest! {
    #[test]
    fn anything_goes(legacy: bool, events in proptest::collection::vec(event(), 0..60)) {
        let mut queue: std::collections::VecDeque<_> = if legacy { tls_1_2() } else { tls_1_3() }.into();
        let mut stream = TlsStream::new();
        let side = |originator: bool| if originator { Originator } else { Responder };
        for event in events {
            match event {
                Event::Bytes(originator, bytes) => { stream.push(side(originator), &bytes, seen(1)); }
                Event::Gap(originator, octets) => { stream.gap(side(originator), octets, seen(1)); }
                Event::Damage(at, value) => {
                    if let Some(octet) = queue.front_mut().and_then(|(_, bytes)| bytes.get_mut(at)) {
                        *octet = value;
                    }
                }
                Event::Next(length) => {
                    if let Some((direction, mut bytes)) = queue.pop_front() {
                        let behind = bytes.split_off(length.min(bytes.len()));
                        if !behind.is_empty() {
                            queue.push_front((direction, behind));
                        }
                        stream.push(direction, &bytes, seen(1));
                    }
                }
            }
            let _ = stream.clone().into_facts();
        }
    }

    #[test]
    fn arbitrary_bytes_give_the_same_facts_in_any_pieces(
        bytes in proptest::collection::vec(prop_oneof![Just(22_u8), Just(23), Just(3), Just(0), Just(1), any::<u8>()], 1..300),
        cut in 0_usize..300,
    ) {
        let mut whole = TlsStream::new();
        whole.push(Originator, &bytes, seen(1));
        let mut pieces = TlsStream::new();
        let (front, behind) = bytes.split_at(cut.min(bytes.len()));
        for piece in [front, behind].into_iter().filter(|piece| !piece.is_empty()) {
            pieces.push(Originator, piece, seen(1));
        }
        prop_assert_eq!(outline(&whole.into_facts()), outline(&pieces.into_facts()));
    }
}
