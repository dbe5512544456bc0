//! One TLS connection over a byte stream.
//!
//! In: bytes and gaps of both directions. Out: [`TlsFacts`]. Record headers are walked, handshake messages are collected,
//! everything else is counted by its length and never kept.

use super::exchange::{Era, Exchange};
use super::handshake_message::{self, HandshakeMessage, MessageCollector};
use super::record::{self, RecordHeader};
use super::record_walker::{RecordWalker, Step};
use super::{Carrier, certificate, client_hello, extensions, server_hello};
use crate::dissect::{Progress, StreamDissector};
use crate::facts::{AlertFact, Direction, ForeignAnswer, Seen, TlsFacts, printable};

/// Octets of one direction after which a connection without any request is given up: hellos, chains and tickets take
/// far less, and nothing that comes later changes the facts of a handshake.
const WATCH_LIMIT: u64 = 256 << 10;

/// Characters kept of an HTTP status line.
const MAX_STATUS_LINE: usize = 64;

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
    walker: RecordWalker,
    /// What is done with the record that the walker is in.
    content: Content,
    collector: MessageCollector,
    /// Octets so far, gaps included.
    octets: u64,
    /// The packet that brought the last octet.
    last: Seen,
    /// A record of it was seen.
    spoken: bool,
    change_cipher_spec: bool,
    /// TLS 1.2: the encrypted Finished was seen.
    finished: bool,
}

/// What is done with a record.
#[derive(Debug, Clone, Copy, Default)]
enum Content {
    #[default]
    Skipped,
    Handshake,
    /// An alert in the clear; the octet is its level, once seen.
    Alert(Option<u8>),
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
        half.walker.find_the_way_back(bytes);
        let (first, beyond) = bytes.split_at_checked(watched).unwrap_or((bytes, &[]));
        self.walk(direction, first, seen);
        self.give_up_if_endless(direction);
        self.walk(direction, beyond, seen);
        self.progress()
    }

    fn gap(&mut self, direction: Direction, octets: u64, _seen: Seen) -> Progress {
        let half = self.half(direction);
        half.octets = half.octets.saturating_add(octets);
        let torn = match (half.walker.gap(octets), half.content) {
            (true, Content::Handshake) => half
                .collector
                .gap(usize::try_from(octets).unwrap_or(usize::MAX)),
            (true, _) => {
                half.content = Content::Skipped;
                None
            }
            // More than the rest of a record, and nobody knows what was in it.
            (false, _) => half.collector.gap(usize::MAX),
        };
        let last = half.last;
        if let Some(message) = torn {
            self.take_message(direction, &message, last);
        }
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

    fn walk(&mut self, direction: Direction, mut bytes: &[u8], seen: Seen) {
        while self.ended.is_none() {
            let before = bytes;
            let Some(step) = self.half(direction).walker.step(&mut bytes) else {
                return;
            };
            match step {
                Step::Header(header) => self.begin_record(direction, header, seen),
                Step::Body(part) => match self.half(direction).content {
                    Content::Skipped => {}
                    Content::Handshake => self.take_handshake(direction, part, seen),
                    Content::Alert(level) => self.take_alert(direction, level, part, seen),
                },
                Step::Foreign if self.any_record => {
                    self.note_foreign_answer(direction, before, seen);
                    return;
                }
                Step::Foreign => self.end(Progress::NotMine),
            }
        }
    }

    /// Notes what is no TLS where the server's first record was due.
    fn note_foreign_answer(&mut self, direction: Direction, bytes: &[u8], seen: Seen) {
        let half = self.half(direction);
        let is_first = !half.spoken && !half.walker.has_gaps();
        if is_first && direction != self.client && self.facts.client_hello.is_some() {
            let status_line = bytes.starts_with(b"HTTP/").then(|| {
                let line = bytes.split(|octet| matches!(octet, b'\r' | b'\n')).next();
                printable(line.unwrap_or_default(), MAX_STATUS_LINE)
            });
            self.facts.foreign_answer = Some(Box::new(ForeignAnswer { seen, status_line }));
        }
    }

    fn begin_record(&mut self, direction: Direction, header: RecordHeader, seen: Seen) {
        self.any_record = true;
        self.half(direction).spoken = true;
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
        self.half(direction).content = content;
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

    fn take_alert(&mut self, direction: Direction, mut level: Option<u8>, part: &[u8], seen: Seen) {
        for octet in part {
            if let Some(level) = level
                && let Ok((_, alert)) = tls_parser::parse_tls_message_alert(&[level, *octet])
            {
                self.note_alert(direction, &alert, seen);
            }
            level = Some(*octet);
        }
        self.half(direction).content = Content::Alert(level);
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
mod tests;
