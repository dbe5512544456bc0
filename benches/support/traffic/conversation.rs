//! One conversation of one client, packet by packet: a name lookup and what follows from it.
//!
//! A conversation is a list of stages. A stage gives one packet, or as many as its message needs at full segment size; nothing is
//! held in memory but the message that is just being sent.

use super::Client;
use super::frame::{self, Envelope, Segment, flag};
use super::hosts::{ABSENT_NAMES, HOSTS, Host, Service};
use super::message::{self, Offer, TYPE_A, TYPE_AAAA};
use super::random::Random;
use std::net::IpAddr;

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// Longest download in segments: about 3 MB, so that the plan of a capture stays in proportion to its clients.
const LONGEST_DOWNLOAD: u64 = 2_000;

/// Ciphertext octets of a full TLS 1.3 record (RFC 8446 §5.2: 2^14, the inner type and a tag).
const FULL_RECORD: u64 = 16_401;

/// Which end of a conversation sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

#[derive(Debug, Clone, Copy)]
enum Message {
    ClientHello,
    ServerFlight,
    ClientFinished,
    ServerFinished,
    Request,
    Response,
    CloseNotify,
    HttpRequest,
    HttpResponse,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Query(u16),
    Answer(u16),
    AbsentQuery,
    AbsentAnswer,
    Syn,
    /// A SYN sent again after so many seconds.
    SynAgain(u64),
    SynAck,
    /// A reset in answer to the SYN.
    Refuse,
    Ack(Side),
    Send(Side, Message),
    /// Segments of full size, each few of them acknowledged.
    Download,
    Fin(Side),
    /// A reset of the server's side, from a box on the way.
    Reset,
    NtpRequest,
    NtpReply,
}

impl Stage {
    fn side(self) -> Side {
        match self {
            Self::Query(_)
            | Self::AbsentQuery
            | Self::Syn
            | Self::SynAgain(_)
            | Self::NtpRequest => Side::Client,
            Self::Answer(_)
            | Self::AbsentAnswer
            | Self::SynAck
            | Self::Refuse
            | Self::Reset
            | Self::NtpReply => Side::Server,
            Self::Download => Side::Server,
            Self::Ack(side) | Self::Send(side, _) | Self::Fin(side) => side,
        }
    }
}

use Message as M;
use Side::{Client as C, Server as S};

const TLS: [Stage; 17] = [
    Stage::Syn,
    Stage::SynAck,
    Stage::Ack(C),
    Stage::Send(C, M::ClientHello),
    Stage::Ack(S),
    Stage::Send(S, M::ServerFlight),
    Stage::Ack(C),
    Stage::Send(C, M::ClientFinished),
    Stage::Send(S, M::ServerFinished),
    Stage::Send(C, M::Request),
    Stage::Ack(S),
    Stage::Send(S, M::Response),
    Stage::Ack(C),
    Stage::Send(C, M::CloseNotify),
    Stage::Fin(C),
    Stage::Fin(S),
    Stage::Ack(C),
];
const TLS_DOWNLOAD: [Stage; 16] = [
    Stage::Syn,
    Stage::SynAck,
    Stage::Ack(C),
    Stage::Send(C, M::ClientHello),
    Stage::Ack(S),
    Stage::Send(S, M::ServerFlight),
    Stage::Ack(C),
    Stage::Send(C, M::ClientFinished),
    Stage::Send(S, M::ServerFinished),
    Stage::Send(C, M::Request),
    Stage::Ack(S),
    Stage::Download,
    Stage::Send(C, M::CloseNotify),
    Stage::Fin(C),
    Stage::Fin(S),
    Stage::Ack(C),
];
const HTTP: [Stage; 10] = [
    Stage::Syn,
    Stage::SynAck,
    Stage::Ack(C),
    Stage::Send(C, M::HttpRequest),
    Stage::Ack(S),
    Stage::Send(S, M::HttpResponse),
    Stage::Ack(C),
    Stage::Fin(C),
    Stage::Fin(S),
    Stage::Ack(C),
];
const HTTP_DOWNLOAD: [Stage; 9] = [
    Stage::Syn,
    Stage::SynAck,
    Stage::Ack(C),
    Stage::Send(C, M::HttpRequest),
    Stage::Ack(S),
    Stage::Download,
    Stage::Fin(C),
    Stage::Fin(S),
    Stage::Ack(C),
];
const CUT_AFTER_HELLO: [Stage; 5] = [
    Stage::Syn,
    Stage::SynAck,
    Stage::Ack(C),
    Stage::Send(C, M::ClientHello),
    Stage::Reset,
];
/// Windows repeats a SYN after 1, 2 and 4 seconds.
const NO_ANSWER: [Stage; 4] = [
    Stage::Syn,
    Stage::SynAgain(1),
    Stage::SynAgain(2),
    Stage::SynAgain(4),
];
const REFUSED: [Stage; 2] = [Stage::Syn, Stage::Refuse];
const ABSENT: [Stage; 2] = [Stage::AbsentQuery, Stage::AbsentAnswer];
const NTP: [Stage; 2] = [Stage::NtpRequest, Stage::NtpReply];
const NTP_LOST: [Stage; 1] = [Stage::NtpRequest];

/// A kind of conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tls,
    Http,
    Ntp,
    NtpLost,
    LookupOnly,
    Absent,
    CutAfterHello,
    NoAnswer,
    Refused,
}

impl Kind {
    /// What an ordinary client does next, in percent: mostly it is served, one time in seven it is blocked.
    fn draw(random: &mut Random) -> Self {
        match random.below(100) {
            0..62 => Self::Tls,
            62..74 => Self::Http,
            74..82 => Self::Ntp,
            82..86 => Self::LookupOnly,
            86..90 => Self::Absent,
            90..94 => Self::CutAfterHello,
            94..98 => Self::NoAnswer,
            _ => Self::Refused,
        }
    }

    fn stages(self) -> &'static [Stage] {
        match self {
            Self::Tls => &TLS,
            Self::Http => &HTTP,
            Self::Ntp => &NTP,
            Self::NtpLost => &NTP_LOST,
            Self::LookupOnly => &[],
            Self::Absent => &ABSENT,
            Self::CutAfterHello => &CUT_AFTER_HELLO,
            Self::NoAnswer => &NO_ANSWER,
            Self::Refused => &REFUSED,
        }
    }

    /// Most packets it can take, without lookup: stages, and the segments beyond the first of its long messages.
    fn most_packets(self) -> u64 {
        let further_segments = match self {
            Self::Tls => 1 + 3 + 3,
            Self::Http => 3,
            Self::CutAfterHello => 1,
            _ => 0,
        };
        self.stages().len() as u64 + further_segments
    }

    fn service(self) -> Service {
        match self {
            Self::Http => Service::Http,
            Self::Ntp | Self::NtpLost => Service::Ntp,
            _ => Service::Tls,
        }
    }
}

/// Most packets of a lookup: question and answer for A and for AAAA.
const LOOKUP: u64 = 4;

/// One conversation that has begun.
#[derive(Debug)]
pub struct Conversation {
    host: &'static Host,
    /// The name that the resolver denies.
    absent_name: &'static str,
    server: IpAddr,
    client_port: u16,
    dns_identifier: u16,
    offer: Offer,
    stages: Vec<Stage>,
    at: usize,
    /// Next sequence number of client and server.
    sequence: [u32; 2],
    /// Next IPv4 identification of client and server.
    identification: [u16; 2],
    /// What is left to send of the current message: the octets from `sent` on.
    pending: Vec<u8>,
    sent: usize,
    round_trip: u64,
    segments_per_ack: u64,
    /// Octets of the download that are left to send, headers of records included.
    download: u64,
    /// Octets that are left of the current TLS record of the download.
    record: u64,
    unacknowledged: u64,
    /// First and last octet of the range asked for.
    range: Option<(u64, u64)>,
    ntp_requested: u64,
}

impl Conversation {
    /// Begins what `client` does next within `budget` packets, of which at least one is left.
    pub fn begin(client: &Client, port: u16, budget: u64, random: &mut Random) -> Self {
        let kind = (0..6)
            .map(|_| Kind::draw(random))
            .find(|kind| {
                // What names the conversation's server must come first where nothing else does.
                let lookup = if *kind == Kind::Absent { 0 } else { LOOKUP };
                kind.most_packets() + lookup <= budget
            })
            .unwrap_or(match budget {
                LOOKUP.. => Kind::LookupOnly,
                2.. => Kind::Absent,
                _ => Kind::NtpLost,
            });
        // The first hosts are talked to more often: the product of two even draws is skewed towards them.
        let candidates = HOSTS.iter().filter(|h| h.service == kind.service());
        let count = candidates.clone().count() as u64;
        let skewed = random.below(count) * random.between(1, count) / count;
        let host = candidates.clone().nth(skewed as usize).unwrap_or(&HOSTS[0]);
        let mut this = Self::new(client, host, port, random);
        let cached = random.percent(25) || budget < kind.most_packets() + LOOKUP;
        if kind != Kind::Absent && (kind == Kind::LookupOnly || !cached) {
            this.look_up(client);
        }
        this.stages.extend_from_slice(kind.stages());
        this
    }

    /// Begins a download of at most `budget` packets, which must be more than [`Self::SMALLEST_DOWNLOAD`].
    pub fn begin_download(
        client: &Client,
        port: u16,
        budget: u64,
        segments_per_ack: u64,
        random: &mut Random,
    ) -> Self {
        let candidates = HOSTS
            .iter()
            .filter(|h| matches!(h.service, Service::TlsDownload | Service::HttpDownload));
        let pick = random.below(candidates.clone().count() as u64) as usize;
        let host = candidates.clone().nth(pick).unwrap_or(&HOSTS[0]);
        let mut this = Self::new(client, host, port, random);
        this.look_up(client);
        let overhead = LOOKUP + TLS_DOWNLOAD.len() as u64 + 1 + 3;
        let most =
            (budget - overhead).saturating_sub(1) * segments_per_ack / (segments_per_ack + 1);
        let segments = random
            .between(most.min(LONGEST_DOWNLOAD) / 2, most.min(LONGEST_DOWNLOAD))
            .max(1);
        let octets = segments * u64::from(super::maximum_segment(this.server.is_ipv6()));
        this.segments_per_ack = segments_per_ack;
        if host.service == Service::TlsDownload {
            this.stages.extend_from_slice(&TLS_DOWNLOAD);
            this.download = octets;
        } else {
            this.stages.extend_from_slice(&HTTP_DOWNLOAD);
            // Leaves room for the response's head in the first segment.
            let body = octets - 400;
            let first = random.below(4000) << 20;
            this.range = Some((first, first + body - 1));
            this.download = body;
        }
        this
    }

    /// Fewer packets are not worth a download.
    pub const SMALLEST_DOWNLOAD: u64 = 80;

    fn new(client: &Client, host: &'static Host, client_port: u16, random: &mut Random) -> Self {
        let offer = match random.below(100) {
            0..25 => Offer::Tls12,
            25..70 => Offer::Tls13,
            _ => Offer::Tls13PostQuantum,
        };
        Self {
            host,
            // A filter in the resolver denies names that exist.
            absent_name: if random.percent(30) {
                host.name
            } else {
                ABSENT_NAMES[random.below(ABSENT_NAMES.len() as u64) as usize]
            },
            server: message::address_of(host, client.v6.is_some(), random.bits()),
            client_port,
            dns_identifier: random.bits() as u16,
            // A download comes from a current content network.
            offer: if host.service == Service::TlsDownload && offer == Offer::Tls12 {
                Offer::Tls13
            } else {
                offer
            },
            stages: Vec::with_capacity(24),
            at: 0,
            sequence: [random.bits() as u32, random.bits() as u32],
            identification: [random.bits() as u16, random.bits() as u16],
            pending: Vec::new(),
            sent: 0,
            round_trip: random.between(4, 60) * MILLISECOND,
            segments_per_ack: 2,
            download: 0,
            record: 0,
            unacknowledged: 0,
            range: None,
            ntp_requested: 0,
        }
    }

    fn look_up(&mut self, client: &Client) {
        self.stages
            .extend_from_slice(&[Stage::Query(TYPE_A), Stage::Answer(TYPE_A)]);
        if client.v6.is_some() {
            self.stages
                .extend_from_slice(&[Stage::Query(TYPE_AAAA), Stage::Answer(TYPE_AAAA)]);
        }
    }

    /// Writes the next packet into `out`; gives the time until the one after it, or `None` when this was the last.
    pub fn emit(
        &mut self,
        client: &Client,
        now: u64,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let stage = self.stages[self.at];
        let mut whole = true;
        match stage {
            Stage::Query(record_type) | Stage::Answer(record_type) => {
                self.name_service(client, stage, record_type, out)
            }
            Stage::AbsentQuery | Stage::AbsentAnswer => {
                self.name_service(client, stage, TYPE_A, out)
            }
            Stage::NtpRequest | Stage::NtpReply => self.time_service(client, stage, now, out),
            Stage::Syn => self.segment(client, C, flag::SYN, out, |_, _| {}),
            Stage::SynAgain(_) => {
                self.sequence[0] = self.sequence[0].wrapping_sub(1);
                self.segment(client, C, flag::SYN, out, |_, _| {});
            }
            Stage::SynAck => self.segment(client, S, flag::SYN | flag::ACK, out, |_, _| {}),
            Stage::Refuse => {
                self.sequence[1] = 0;
                self.segment(client, S, flag::RST | flag::ACK, out, |_, _| {});
            }
            Stage::Reset => self.segment(client, S, flag::RST | flag::ACK, out, |_, _| {}),
            Stage::Ack(side) => self.segment(client, side, flag::ACK, out, |_, _| {}),
            Stage::Fin(side) => self.segment(client, side, flag::FIN | flag::ACK, out, |_, _| {}),
            Stage::Send(side, message) => {
                if self.pending.is_empty() {
                    self.build(message, random);
                }
                whole = self.send_pending(client, side, out);
            }
            Stage::Download => whole = self.download(client, random, out),
        }
        if whole {
            self.at += 1;
        }
        let next = *self.stages.get(self.at)?;
        Some(self.pause(stage, next, whole, random))
    }

    /// Time between two packets, as seen on the client's own network.
    fn pause(&self, last: Stage, next: Stage, whole: bool, random: &mut Random) -> u64 {
        if !whole {
            // A burst of segments at line speed; then the next one, opened by the acknowledgment.
            return match last {
                Stage::Download if self.unacknowledged == 0 => {
                    random.between(100, 2_000) * MICROSECOND
                }
                _ => 12 * MICROSECOND,
            };
        }
        match next {
            Stage::SynAgain(seconds) => seconds * SECOND,
            Stage::Answer(_) | Stage::AbsentAnswer => random.between(400, 15_000) * MICROSECOND,
            Stage::Send(C, M::CloseNotify) => random.between(5, 300) * MILLISECOND,
            Stage::Send(S, M::Response | M::HttpResponse) => {
                random.between(200, 40_000) * MICROSECOND
            }
            _ if last.side() == next.side() => random.between(10, 80) * MICROSECOND,
            _ if next.side() == S => self.round_trip,
            _ => random.between(30, 900) * MICROSECOND,
        }
    }

    fn build(&mut self, message: Message, random: &mut Random) {
        let (out, name) = (&mut self.pending, self.host.name);
        match message {
            M::ClientHello => message::client_hello(out, random, name, self.offer),
            M::ServerFlight if self.offer == Offer::Tls12 => {
                message::server_flight_12(out, random, name)
            }
            M::ServerFlight => message::server_flight_13(out, random, self.offer),
            M::ClientFinished if self.offer == Offer::Tls12 => {
                message::client_finished_12(out, random)
            }
            M::ClientFinished => message::client_finished_13(out, random),
            M::ServerFinished if self.offer == Offer::Tls12 => {
                message::server_finished_12(out, random)
            }
            M::ServerFinished => {
                // Two session tickets.
                message::encrypted_record(out, random, 258);
                message::encrypted_record(out, random, 258);
            }
            M::Request => {
                let length = random.between(180, 1_200) as usize;
                message::encrypted_record(out, random, length);
            }
            M::Response => {
                let length = random.between(120, 4_800) as usize;
                message::encrypted_record(out, random, length);
            }
            M::CloseNotify => message::close_notify(out, random, self.offer),
            M::HttpRequest => message::http_request(out, random, name, self.range),
            M::HttpResponse => {
                let length = random.between(200, 4_800);
                message::http_response_head(out, length, None);
                random.append(out, length as usize);
            }
        }
    }

    /// Sends at most one segment of the message that is pending; true when it was the last one.
    fn send_pending(&mut self, client: &Client, side: Side, out: &mut Vec<u8>) -> bool {
        let most = usize::from(super::maximum_segment(self.server.is_ipv6()));
        let end = self.pending.len().min(self.sent + most);
        let last = end == self.pending.len();
        let flags = if last {
            flag::PSH | flag::ACK
        } else {
            flag::ACK
        };
        let from = self.sent;
        self.segment(client, side, flags, out, |this, out| {
            out.extend_from_slice(&this.pending[from..end])
        });
        self.sent = end;
        if last {
            self.pending.clear();
            self.sent = 0;
        }
        last
    }

    /// Sends one full segment of a download, or the client's acknowledgment; true when all of it was sent and acknowledged.
    fn download(&mut self, client: &Client, random: &mut Random, out: &mut Vec<u8>) -> bool {
        let remaining = self.download > 0 || self.sent < self.pending.len();
        if self.unacknowledged >= self.segments_per_ack || !remaining {
            self.unacknowledged = 0;
            self.segment(client, C, flag::ACK, out, |_, _| {});
            return !remaining;
        }
        if let Some((first, last)) = self.range.take() {
            message::http_response_head(&mut self.pending, last - first + 1, Some((first, last)));
            self.record = self.download;
        }
        let most = u64::from(super::maximum_segment(self.server.is_ipv6()));
        self.segment(client, S, flag::ACK, out, |this, out| {
            this.fill(most, random, out)
        });
        self.unacknowledged += 1;
        false
    }

    /// Appends the next `space` octets of the download, or fewer at its end.
    fn fill(&mut self, mut space: u64, random: &mut Random, out: &mut Vec<u8>) {
        while space > 0 {
            if self.sent < self.pending.len() {
                let end = self.pending.len().min(self.sent + space as usize);
                out.extend_from_slice(&self.pending[self.sent..end]);
                space -= (end - self.sent) as u64;
                self.sent = end;
                if end == self.pending.len() {
                    self.pending.clear();
                    self.sent = 0;
                }
            } else if self.record > 0 {
                let length = self.record.min(space);
                random.append(out, length as usize);
                self.record -= length;
                self.download -= length;
                space -= length;
            } else if self.download > 0 {
                let most = self.download - 5;
                // The last record must not be smaller than its own header and tag.
                self.record = if most > FULL_RECORD + 64 {
                    FULL_RECORD
                } else {
                    most.min(FULL_RECORD - 64)
                };
                self.pending.extend_from_slice(&[
                    23,
                    3,
                    3,
                    (self.record >> 8) as u8,
                    self.record as u8,
                ]);
                self.download -= 5;
            } else {
                break;
            }
        }
    }

    /// Writes one segment and moves its sender's sequence number on.
    fn segment(
        &mut self,
        client: &Client,
        side: Side,
        flags: u8,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Self, &mut Vec<u8>),
    ) {
        let (own, other) = if side == C { (0, 1) } else { (1, 0) };
        let server_port = match self.host.service {
            Service::Http | Service::HttpDownload => 80,
            _ => 443,
        };
        let (source_port, destination_port) = if side == C {
            (self.client_port, server_port)
        } else {
            (server_port, self.client_port)
        };
        let envelope = self.envelope(client, side, self.server);
        let header = Segment {
            source_port,
            destination_port,
            sequence: self.sequence[own],
            acknowledgment: if flags & flag::ACK != 0 {
                self.sequence[other]
            } else {
                0
            },
            flags,
            window: if flags & flag::RST != 0 {
                0
            } else if flags & flag::SYN != 0 {
                64_240
            } else {
                1_026
            },
        };
        let mut payload = 0;
        frame::tcp(out, &envelope, &header, |out| {
            let before = out.len();
            fill(self, out);
            payload = (out.len() - before) as u32;
        });
        let counted = u32::from(flags & (flag::SYN | flag::FIN) != 0);
        self.sequence[own] = self.sequence[own].wrapping_add(payload + counted);
    }

    fn name_service(&mut self, client: &Client, stage: Stage, record_type: u16, out: &mut Vec<u8>) {
        // The second question of a lookup has an identifier of its own.
        let identifier = self.dns_identifier ^ record_type.rotate_left(8);
        let mut payload = Vec::with_capacity(256);
        match stage {
            Stage::Query(_) => {
                message::dns_query(&mut payload, identifier, self.host.name, record_type)
            }
            Stage::AbsentQuery => {
                message::dns_query(&mut payload, identifier, self.absent_name, record_type)
            }
            Stage::AbsentAnswer => {
                message::dns_name_error(&mut payload, identifier, self.absent_name, record_type)
            }
            _ => message::dns_answer(&mut payload, identifier, self.host, record_type, 60),
        }
        self.datagram(client, stage.side(), super::RESOLVER, 53, &payload, out);
    }

    fn time_service(&mut self, client: &Client, stage: Stage, now: u64, out: &mut Vec<u8>) {
        let mut payload = Vec::with_capacity(48);
        if stage.side() == C {
            self.ntp_requested = now;
            message::ntp_request(&mut payload, now);
        } else {
            message::ntp_reply(&mut payload, now, self.ntp_requested);
        }
        self.datagram(client, stage.side(), self.server, 123, &payload, out);
    }

    fn datagram(
        &mut self,
        client: &Client,
        side: Side,
        peer: IpAddr,
        peer_port: u16,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        let envelope = self.envelope(client, side, peer);
        let (source_port, destination_port) = if side == C {
            (self.client_port, peer_port)
        } else {
            (peer_port, self.client_port)
        };
        frame::udp(out, &envelope, source_port, destination_port, payload);
    }

    fn envelope(&mut self, client: &Client, side: Side, peer: IpAddr) -> Envelope {
        let own = match client.v6 {
            Some(v6) if peer.is_ipv6() => IpAddr::V6(v6),
            _ => IpAddr::V4(client.v4),
        };
        let index = if side == C { 0 } else { 1 };
        self.identification[index] = self.identification[index].wrapping_add(1);
        let identification = self.identification[index];
        match side {
            C => Envelope {
                source_mac: client.mac,
                destination_mac: super::GATEWAY_MAC,
                source: own,
                destination: peer,
                hop_limit: 128,
                identification,
            },
            S => Envelope {
                source_mac: super::GATEWAY_MAC,
                destination_mac: client.mac,
                source: peer,
                destination: own,
                // A reset from a filter on the way has not come as far as the server's packets.
                hop_limit: if matches!(self.stages[self.at], Stage::Reset) {
                    63
                } else {
                    112
                },
                identification,
            },
        }
    }
}
