//! Which packets belong to a `blocked` event: the device's connections to the host's addresses and its lookups of the name.

use crate::audit::Evidence;
use crate::decode::{Packet, TransportPacket};
use crate::dissect::dns;
use crate::facts::{DnsTransport, FiveTuple, FrameNumber, Timestamp, Transport};
use crate::flow::FlowKey;
use crate::live::{Event, EventKind};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// Addresses of the host that are followed at most; a name that resolves to more is no reason to record everything.
const MOST_ADDRESSES: usize = 64;

/// What to record, and why.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Number of the event.
    pub number: u64,
    /// When it was told.
    pub told: Timestamp,
    /// Start of the first attempt that failed.
    pub since: Timestamp,
    /// The device's addresses.
    pub client: Vec<IpAddr>,
    /// The host's name in lower case, or its address.
    pub host: CompactString,
    /// Code of the cause, as in `syn_timeout`.
    pub code: &'static str,
    /// The cause in words.
    pub cause: &'static str,
    /// Packets that prove it.
    pub(super) evidence: Vec<Evidence>,
    pub(super) connections: SmallVec<[FlowKey; 1]>,
    pub(super) addresses: SmallVec<[IpAddr; 2]>,
}

/// How a packet belongs to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// It proves the event, in these words.
    Proof(String),
    /// A lookup of the host by the device.
    Lookup,
    /// A connection that failed.
    Connection,
    /// Between the device and an address of the host.
    SameServer,
    /// An ICMP error about one of these.
    IcmpError,
    /// The last packet of the device in the recording, whatever it is: without it nobody could tell whether an answer did not
    /// come or the recording ended too soon.
    Ending,
}

impl Part {
    /// Whether it is wanted however long before the event it was captured.
    #[must_use]
    pub fn is_wanted_early(&self) -> bool {
        matches!(self, Self::Proof(_) | Self::Lookup)
    }

    /// In words, for a comment.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Proof(words) => words,
            Self::Lookup => "lookup of the host",
            Self::Connection => "a connection that failed",
            Self::SameServer => "between the device and an address of the host",
            Self::IcmpError => "ICMP error about such a packet",
            Self::Ending => {
                "not of this host: the device's last packet in this recording, which went on until then"
            }
        }
    }
}

impl Trigger {
    /// What to record for an event; `None` for one that is no reason to.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let EventKind::Blocked {
            subject,
            cause,
            since,
            evidence,
            contacts,
            ..
        } = &event.kind
        else {
            return None;
        };
        Some(Self {
            number: event.number,
            told: event.time,
            since: *since,
            client: subject.client.clone(),
            host: subject.host.clone(),
            code: cause.code(),
            cause: cause.phrase(),
            evidence: evidence.clone(),
            connections: contacts.connections.iter().map(key).collect(),
            addresses: contacts.addresses.clone(),
        })
    }

    /// How a packet belongs to the event; `None` when it does not. Addresses in answers to lookups of the host are followed
    /// from then on.
    pub fn part(&mut self, frame: FrameNumber, packet: Option<&Packet<'_>>) -> Option<Part> {
        if let Some(proof) = self.proof(frame) {
            if let Some(packet) = packet {
                self.note_answer(packet);
            }
            return Some(proof);
        }
        let packet = packet?;
        let (source, destination, transport) = match &packet.transport {
            TransportPacket::Tcp(segment) => (
                SocketAddr::new(packet.ip.source, segment.source_port),
                SocketAddr::new(packet.ip.destination, segment.destination_port),
                Transport::Tcp,
            ),
            TransportPacket::Udp(datagram) => (
                SocketAddr::new(packet.ip.source, datagram.source_port),
                SocketAddr::new(packet.ip.destination, datagram.destination_port),
                Transport::Udp,
            ),
            TransportPacket::IcmpError(error) => {
                let quoted = &error.quoted;
                let of_connection = || {
                    let (source_port, destination_port) = quoted.ports?;
                    let transport = match quoted.protocol {
                        6 => Transport::Tcp,
                        17 => Transport::Udp,
                        _ => return None,
                    };
                    let source = SocketAddr::new(quoted.source, source_port);
                    let destination = SocketAddr::new(quoted.destination, destination_port);
                    Some(self.is_connection(source, destination, transport))
                };
                let belongs = self.is_same_server(quoted.source, quoted.destination)
                    || of_connection() == Some(true);
                return belongs.then_some(Part::IcmpError);
            }
            TransportPacket::Other(_) => return None,
        };
        if self.note_answer(packet) {
            return Some(Part::Lookup);
        }
        if self.is_connection(source, destination, transport) {
            Some(Part::Connection)
        } else {
            self.is_same_server(source.ip(), destination.ip())
                .then_some(Part::SameServer)
        }
    }

    /// Whether the packet is from or for the device.
    #[must_use]
    pub fn is_of_device(&self, packet: &Packet<'_>) -> bool {
        let ends = [packet.ip.source, packet.ip.destination];
        ends.iter().any(|end| self.client.contains(end))
    }

    /// What the frame proves, where it does.
    fn proof(&self, frame: FrameNumber) -> Option<Part> {
        let mut words = String::new();
        for evidence in self.evidence.iter().filter(|one| one.seen.frame == frame) {
            if !words.is_empty() {
                words.push_str("; ");
            }
            words.push_str(&evidence.what);
        }
        (!words.is_empty()).then_some(Part::Proof(words))
    }

    fn is_connection(&self, a: SocketAddr, b: SocketAddr, transport: Transport) -> bool {
        !self.connections.is_empty() && self.connections.contains(&FlowKey::new(a, b, transport))
    }

    fn is_same_server(&self, a: IpAddr, b: IpAddr) -> bool {
        let between =
            |client, server| self.client.contains(&client) && self.addresses.contains(&server);
        between(a, b) || between(b, a)
    }

    /// Whether the packet is a lookup of the host by the device. Addresses that it answers are noted.
    fn note_answer(&mut self, packet: &Packet<'_>) -> bool {
        let (ports, payload) = match &packet.transport {
            TransportPacket::Udp(datagram) => (
                [datagram.source_port, datagram.destination_port],
                datagram.payload,
            ),
            // The first segment of a DNS connection has the whole message behind its length, as a rule (RFC 1035 §4.2.2).
            TransportPacket::Tcp(segment) => (
                [segment.source_port, segment.destination_port],
                segment.payload.get(2..).unwrap_or_default(),
            ),
            TransportPacket::IcmpError(_) | TransportPacket::Other(_) => return false,
        };
        let ends = [packet.ip.source, packet.ip.destination];
        if !ports.contains(&DnsTransport::PORT) || !ends.iter().any(|end| self.client.contains(end))
        {
            return false;
        }
        let Ok(message) = dns::parse(payload, false) else {
            return false;
        };
        let asked = message
            .questions
            .iter()
            .filter_map(|question| question.name.as_ref())
            .any(|name| name.folded() == self.host);
        if asked {
            for answered in &message.addresses {
                let known = self.addresses.contains(&answered.address);
                if !known && self.addresses.len() < MOST_ADDRESSES {
                    self.addresses.push(answered.address);
                }
            }
        }
        asked
    }
}

fn key(five_tuple: &FiveTuple) -> FlowKey {
    FlowKey::new(
        five_tuple.originator,
        five_tuple.responder,
        five_tuple.transport,
    )
}
