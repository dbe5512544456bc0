//! One TLS connection over a byte stream.
//!
//! In: bytes and gaps of both directions. Out: [`TlsFacts`]. Record headers are walked, handshake messages are collected,
//! everything else is counted by its length and never kept.

use super::exchange::{Era, Exchange};
use super::handshake_message::{self, HandshakeMessage, MessageCollector};
use super::record::{self, HEADER_OCTETS, RecordHeader};
use super::{Carrier, certificate, client_hello, extensions, server_hello};
use crate::dissect::{Progress, StreamDissector};
use crate::facts::{AlertFact, Direction, Seen, TlsFacts};

/// Octets of one direction after which a connection without any request is given up: hellos, chains and tickets take
/// far less, and nothing that comes later changes the facts of a handshake.
const WATCH_LIMIT: u64 = 256 << 10;

/// Alerts kept.
const ALERTS_KEPT: usize = 4;

/// First version whose encryption hides record types (RFC 8446 §5.2).
const TLS_1_3: u16 = 0x0304;

/// A handshake record after a ChangeCipherSpec that is shorter than this holds an encrypted Finished (TLS 1.2), not a
/// second ClientHello: that one has a random, a session identifier and a key share at least (RFC 8446 §4.1.2).
const SHORTEST_SECOND_HELLO: u16 = 100;

/// AlertDescription values that do not end a TLS 1.3 connection as a failure (RFC 8446 §6.1).
const CLOSE_NOTIFY: u8 = 0;
const USER_CANCELED: u8 = 90;

/// Reads one TLS connection, or the TLS inside of a proxy tunnel.
///
/// [`Direction::Originator`] is taken for the client until a hello message tells otherwise.
#[derive(Debug, Clone)]
pub struct TlsStream {
    originator: Half,
    responder: Half,
    client: Direction,
    exchange: Exchange,
    /// A message was in the clear that TLS 1.3 would have encrypted.
    legacy_message: bool,
    any_record: bool,
    facts: TlsFacts,
    ended: Option<Progress>,
}

/// One direction.
#[derive(Debug, Clone, Default)]
struct Half {
    position: Position,
    collector: MessageCollector,
    /// Octets so far, gaps included.
    octets: u64,
    /// The packet that brought the last octet.
    last: Seen,
    /// Octets were lost: a bad header may be the fault of a wrong guess, not of the sender.
    gapped: bool,
    change_cipher_spec: bool,
    /// TLS 1.2: the encrypted Finished was seen.
    finished: bool,
}

/// Where in the sequence of records a direction is.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// In a header, of which `have` octets are there.
    Header {
        octets: [u8; HEADER_OCTETS],
        have: usize,
    },
    /// In a record, of which `remaining` octets are to come.
    Body { content: Content, remaining: u16 },
    /// After a loss, where no header is known.
    Lost,
    /// Not TLS, for good.
    Foreign,
}

/// What is done with a record.
#[derive(Debug, Clone, Copy)]
enum Content {
    Skipped,
    Handshake,
    /// An alert in the clear; the octet is its level, once seen.
    Alert(Option<u8>),
}

impl Default for Position {
    fn default() -> Self {
        Self::Header {
            octets: [0; HEADER_OCTETS],
            have: 0,
        }
    }
}

impl Default for TlsStream {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamDissector for TlsStream {
    fn push(&mut self, direction: Direction, bytes: &[u8], seen: Seen) -> Progress {
        let half = self.half(direction);
        half.last = seen;
        // Exactly the same octets are looked at however the stream was cut into segments.
        let watched =
            usize::try_from(WATCH_LIMIT.saturating_sub(half.octets)).unwrap_or(usize::MAX);
        half.octets = half
            .octets
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if matches!(half.position, Position::Lost) && record::is_chain_of_records(bytes) {
            half.position = Position::default();
            half.collector = MessageCollector::default();
        }
        let (first, beyond) = bytes.split_at_checked(watched).unwrap_or((bytes, &[]));
        self.walk(direction, first, seen);
        self.give_up_if_endless(direction);
        self.walk(direction, beyond, seen);
        self.progress()
    }

    fn gap(&mut self, direction: Direction, octets: u64, seen: Seen) -> Progress {
        let half = self.half(direction);
        half.octets = half.octets.saturating_add(octets);
        half.gapped = true;
        let torn = match half.position {
            Position::Body { content, remaining } => {
                let left = u16::try_from(octets)
                    .ok()
                    .and_then(|octets| remaining.checked_sub(octets));
                half.position = match (left, content) {
                    (None, _) => Position::Lost,
                    (Some(0), _) => Position::default(),
                    (Some(remaining), Content::Handshake) => Position::Body { content, remaining },
                    (Some(remaining), _) => Position::Body {
                        content: Content::Skipped,
                        remaining,
                    },
                };
                match (content, left) {
                    (Content::Handshake, Some(_)) => half
                        .collector
                        .gap(usize::try_from(octets).unwrap_or(usize::MAX)),
                    // The rest of this record, at least, and nobody knows what behind it.
                    (_, None) => half.collector.gap(usize::MAX),
                    _ => None,
                }
            }
            Position::Header { .. } | Position::Lost => {
                half.position = Position::Lost;
                half.collector.gap(usize::MAX)
            }
            Position::Foreign => None,
        };
        let last = half.last;
        if let Some(message) = torn {
            self.take_message(direction, &message, last);
        }
        self.half(direction).last = seen;
        self.give_up_if_endless(direction);
        self.progress()
    }
}

impl TlsStream {
    /// A connection of which nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            originator: Half::default(),
            responder: Half::default(),
            client: Direction::Originator,
            exchange: Exchange::default(),
            legacy_message: false,
            any_record: false,
            facts: TlsFacts::default(),
            ended: None,
        }
    }

    /// What is known so far. A message that is still being collected is not in it; for a snapshot with what there is of
    /// such a message, call [`TlsStream::into_facts`] on a clone.
    #[must_use]
    pub fn facts(&self) -> &TlsFacts {
        &self.facts
    }

    /// What is known at the end, hellos whose end never came included.
    #[must_use]
    pub fn into_facts(mut self) -> TlsFacts {
        for direction in [self.client, self.client.opposite()] {
            let half = self.half(direction);
            let last = half.last;
            if let Some(message) = half.collector.take_unfinished() {
                self.take_message(direction, &message, last);
            }
        }
        self.facts
    }

    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Originator => &mut self.originator,
            Direction::Responder => &mut self.responder,
        }
    }

    fn progress(&self) -> Progress {
        self.ended.unwrap_or(Progress::NeedMore)
    }

    fn end(&mut self, progress: Progress) {
        self.ended = self.ended.or(Some(progress));
    }

    fn give_up_if_endless(&mut self, direction: Direction) {
        if self.half(direction).octets >= WATCH_LIMIT && self.facts.request.is_none() {
            self.end(Progress::Done);
        }
    }

    fn walk(&mut self, direction: Direction, bytes: &[u8], seen: Seen) {
        let mut rest = bytes;
        while !rest.is_empty() && self.ended.is_none() {
            rest = match self.half(direction).position {
                Position::Header { octets, have } => {
                    self.walk_header(direction, octets, have, rest, seen)
                }
                Position::Body { content, remaining } => {
                    self.walk_body(direction, content, remaining, rest, seen)
                }
                Position::Lost | Position::Foreign => &[],
            };
        }
    }

    fn walk_header<'a>(
        &mut self,
        direction: Direction,
        mut octets: [u8; HEADER_OCTETS],
        mut have: usize,
        bytes: &'a [u8],
        seen: Seen,
    ) -> &'a [u8] {
        let mut rest = bytes;
        while let (Some(slot), Some((octet, behind))) = (octets.get_mut(have), rest.split_first()) {
            *slot = *octet;
            have = have.saturating_add(1);
            rest = behind;
        }
        if !record::looks_like_tls(octets.get(..have).unwrap_or(&octets)) {
            self.meet_foreign_bytes(direction);
            return &[];
        }
        match RecordHeader::read(octets) {
            Some(header) if have == HEADER_OCTETS => self.begin_record(direction, header, seen),
            _ => self.half(direction).position = Position::Header { octets, have },
        }
        rest
    }

    fn walk_body<'a>(
        &mut self,
        direction: Direction,
        content: Content,
        remaining: u16,
        bytes: &'a [u8],
        seen: Seen,
    ) -> &'a [u8] {
        let (part, rest) = bytes
            .split_at_checked(usize::from(remaining))
            .unwrap_or((bytes, &[]));
        let remaining = remaining.saturating_sub(u16::try_from(part.len()).unwrap_or(u16::MAX));
        let content = match content {
            Content::Skipped => content,
            Content::Handshake => {
                self.take_handshake(direction, part, seen);
                content
            }
            Content::Alert(level) => self.take_alert(direction, level, part, seen),
        };
        self.half(direction).position = match remaining {
            0 => Position::default(),
            _ => Position::Body { content, remaining },
        };
        rest
    }

    /// A header that is none: not TLS at all, or not TLS any more.
    fn meet_foreign_bytes(&mut self, direction: Direction) {
        if !self.any_record {
            self.end(Progress::NotMine);
        }
        let half = self.half(direction);
        half.position = if half.gapped {
            Position::Lost
        } else {
            Position::Foreign
        };
    }

    fn begin_record(&mut self, direction: Direction, header: RecordHeader, seen: Seen) {
        self.any_record = true;
        if direction == self.client && self.facts.first_client_record.is_none() {
            self.facts.first_client_record = Some(seen);
        }
        let content = match header.kind {
            record::HANDSHAKE if self.is_encrypted_handshake(direction, header.length) => {
                self.take_encrypted_finished(direction, seen);
                Content::Skipped
            }
            record::HANDSHAKE => {
                self.half(direction).collector.begin_record();
                Content::Handshake
            }
            // Encrypted alerts are longer: in TLS 1.2 by a checksum at least, in TLS 1.3 they are application data.
            record::ALERT if header.length == 2 => Content::Alert(None),
            record::CHANGE_CIPHER_SPEC => {
                self.half(direction).change_cipher_spec = true;
                Content::Skipped
            }
            record::APPLICATION_DATA => {
                self.take_application_data(direction, header.length, seen);
                Content::Skipped
            }
            _ => Content::Skipped,
        };
        self.half(direction).position = Position::Body {
            content,
            remaining: header.length,
        };
    }

    fn take_application_data(&mut self, direction: Direction, length: u16, seen: Seen) {
        let era = self.era();
        if direction == self.client {
            self.exchange
                .client_record(&mut self.facts, era, length, seen);
        } else {
            self.exchange
                .server_record(&mut self.facts, era, length, seen);
        }
        if self.facts.response.is_some() {
            self.end(Progress::Done);
        }
    }

    /// The version agreed on; where only one direction was captured, what that direction gives away.
    fn era(&self) -> Era {
        let legacy = match (&self.facts.server_hello, &self.facts.client_hello) {
            (Some(server), _) => !is_tls_1_3(server.version),
            (None, Some(client)) => {
                self.legacy_message || client.complete && !is_tls_1_3(client.version)
            }
            (None, None) => self.legacy_message,
        };
        if legacy { Era::Legacy } else { Era::Modern }
    }

    /// Whether a handshake record is encrypted: in TLS 1.2 from the ChangeCipherSpec on. In TLS 1.3 that record means
    /// nothing (RFC 8446 §D.4), and encrypted messages are application data.
    fn is_encrypted_handshake(&mut self, direction: Direction, length: u16) -> bool {
        if !self.half(direction).change_cipher_spec {
            return false;
        }
        if self.facts.server_hello.is_none() && length < SHORTEST_SECOND_HELLO {
            // Only this direction was captured, and the server resumed a session of TLS 1.2 (RFC 5246 §7.3).
            self.legacy_message = true;
        }
        self.era() == Era::Legacy
    }

    fn take_encrypted_finished(&mut self, direction: Direction, seen: Seen) {
        self.half(direction).finished = true;
        if self.originator.finished
            && self.responder.finished
            && self.facts.handshake_finished.is_none()
        {
            self.facts.handshake_finished = Some(seen);
        }
    }

    fn take_handshake(&mut self, direction: Direction, part: &[u8], seen: Seen) {
        let mut rest = part;
        while !rest.is_empty() {
            let (message, behind) = self.half(direction).collector.push(rest);
            rest = behind;
            if let Some(message) = message {
                self.take_message(direction, &message, seen);
            }
        }
    }

    fn take_message(&mut self, direction: Direction, message: &HandshakeMessage, seen: Seen) {
        match message.kind {
            handshake_message::HELLO_REQUEST => {}
            handshake_message::CLIENT_HELLO => self.take_client_hello(direction, message, seen),
            handshake_message::SERVER_HELLO => self.take_server_hello(direction, message, seen),
            kind => {
                self.legacy_message |= message.complete;
                let from_server = direction != self.client;
                if kind == handshake_message::CERTIFICATE
                    && from_server
                    && self.facts.certificate.is_none()
                {
                    self.facts.certificate = certificate::read(&message.body, seen);
                }
            }
        }
    }

    fn take_client_hello(&mut self, direction: Direction, message: &HandshakeMessage, seen: Seen) {
        let Some(fields) = client_hello::HelloFields::read(&message.body, message.complete) else {
            return;
        };
        if direction != self.client {
            if self.facts.client_hello.is_some() || self.facts.server_hello.is_some() {
                return;
            }
            // The flow's first packet seen was one of the server.
            self.client = direction;
            self.facts.first_client_record = Some(seen);
            self.facts.encrypted.swap(0, 1);
        }
        self.exchange.early_data_offered = fields.has(extensions::EARLY_DATA);
        // After a HelloRetryRequest the client repeats itself: the first hello counts, unless a loss tore it.
        if self
            .facts
            .client_hello
            .as_ref()
            .is_none_or(|known| !known.complete && message.complete)
        {
            let fact = fields.fact(message.complete, Carrier::Tcp);
            self.facts.client_hello = Some(crate::facts::ClientHelloFact { seen, ..fact });
        }
    }

    fn take_server_hello(&mut self, direction: Direction, message: &HandshakeMessage, seen: Seen) {
        let Some(hello) = server_hello::read(&message.body, seen) else {
            return;
        };
        if direction == self.client {
            if self.facts.client_hello.is_some() || self.facts.server_hello.is_some() {
                return;
            }
            self.client = direction.opposite();
            self.facts.first_client_record = None;
            self.facts.encrypted.swap(0, 1);
        }
        if !self.exchange.server_answered {
            self.exchange.server_answered = !hello.retry;
            self.facts.server_hello = Some(hello.fact);
        }
    }

    fn take_alert(
        &mut self,
        direction: Direction,
        level: Option<u8>,
        part: &[u8],
        seen: Seen,
    ) -> Content {
        let mut level = level;
        for octet in part {
            let Some(known) = level else {
                level = Some(*octet);
                continue;
            };
            if let Ok((_, alert)) = tls_parser::parse_tls_message_alert(&[known, *octet]) {
                self.note_alert(direction, &alert, seen);
            }
        }
        Content::Alert(level)
    }

    fn note_alert(
        &mut self,
        direction: Direction,
        message: &tls_parser::TlsMessage<'_>,
        seen: Seen,
    ) {
        let tls_parser::TlsMessage::Alert(alert) = message else {
            return;
        };
        let description = alert.code.0;
        let version = self.facts.server_hello.as_ref().map(|hello| hello.version);
        // TLS 1.3 takes every alert but these two as an error, whatever level it claims (RFC 8446 §6).
        let always_fatal =
            version.is_some_and(is_tls_1_3) && !matches!(description, CLOSE_NOTIFY | USER_CANCELED);
        let fatal = alert.severity == tls_parser::TlsAlertSeverity::Fatal || always_fatal;
        if self.facts.alerts.len() < ALERTS_KEPT {
            self.facts.alerts.push(AlertFact {
                seen,
                by: direction,
                fatal,
                description,
            });
        }
    }
}

/// TLS 1.3 and its drafts (0x7f00 and up, RFC 8446 draft 18 §4.2.1.1).
fn is_tls_1_3(version: u16) -> bool {
    (TLS_1_3..=0x03ff).contains(&version) || version >> 8 == 0x7f
}

#[cfg(test)]
mod tests {
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
}
