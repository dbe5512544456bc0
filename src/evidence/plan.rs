//! Which frames prove the findings of a report, and in which words.

use crate::audit::{AuditReport, ClientReport, Finding, Proof, ProofConnection};
use crate::decode::{Packet, TransportPacket};
use crate::facts::{FrameNumber, Seen, Timestamp, Transport};
use crate::flow::FlowKey;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Frames of a connection taken along beside those that prove something: enough for a TLS handshake with its certificates.
const FRAMES_OF_CONNECTION: u32 = 48;
/// Most connections taken along, over all findings; the frames that prove something are taken of any number.
const MAX_CONNECTIONS: usize = 16_384;

/// The frames to take, and what each proves.
#[derive(Debug, Default)]
pub struct EvidencePlan {
    frames: BTreeMap<FrameNumber, PlannedFrame>,
    connections: HashMap<FlowKey, Vec<PlannedConnection>, RandomState>,
    /// Connections in `connections`.
    count: usize,
    /// The last frame that can be wanted.
    last: FrameNumber,
}

/// A frame that proves something.
#[derive(Debug)]
struct PlannedFrame {
    time: Timestamp,
    /// What it shows, for whom: number of the finding in the report, from 1, and words.
    notes: Vec<(usize, String)>,
}

/// A connection whose frames are taken along.
#[derive(Debug)]
struct PlannedConnection {
    finding: usize,
    first: FrameNumber,
    last: FrameNumber,
    frames_left: u32,
}

/// Why a frame is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// Words for its comment, one thing a line.
    pub(super) words: String,
    /// When it was captured, as far as the plan knows.
    pub(super) time: Option<Timestamp>,
}

impl EvidencePlan {
    /// The frames behind all findings of a report.
    #[must_use]
    pub fn of(report: &AuditReport) -> Self {
        let clients: HashMap<IpAddr, &ClientReport, RandomState> = report
            .clients
            .iter()
            .filter_map(|client| Some((*client.addresses.first()?, client)))
            .collect();
        let mut plan = Self::default();
        for (index, finding) in report.findings.iter().enumerate() {
            let number = index.saturating_add(1);
            for evidence in &finding.evidence {
                let words = format!(
                    "Finding {number} ({}, {}): {}",
                    finding.severity.code(),
                    finding.code.code(),
                    evidence.what
                );
                plan.add_frame(number, evidence.seen, words);
            }
            if let Some(client) = clients.get(&finding.client) {
                for proof in proofs(client, finding) {
                    plan.add_proof(number, proof);
                }
            }
        }
        plan
    }

    /// Whether no frame is wanted at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.connections.is_empty()
    }

    /// Whether frames have to be decoded to know which are wanted.
    pub(super) fn needs_packets(&self) -> bool {
        !self.connections.is_empty()
    }

    /// The last frame that can be wanted.
    pub(super) fn last(&self) -> FrameNumber {
        self.last
    }

    /// Frames that prove something and have not been taken yet.
    pub(super) fn outstanding(&self) -> usize {
        self.frames.len()
    }

    /// Takes the frame out of the plan; `None` when it is not wanted.
    pub(super) fn take(
        &mut self,
        number: FrameNumber,
        packet: Option<&Packet<'_>>,
    ) -> Option<Reason> {
        let connection = packet.and_then(|packet| self.take_of_connection(number, packet));
        if let Some(planned) = self.frames.remove(&number) {
            let lines: Vec<String> = planned.notes.into_iter().map(|(_, words)| words).collect();
            return Some(Reason {
                words: lines.join("\n"),
                time: Some(planned.time),
            });
        }
        connection.map(|finding| Reason {
            words: format!("Finding {finding}: the same connection"),
            time: None,
        })
    }

    /// The finding for which the packet's connection is taken along, while there is room.
    fn take_of_connection(&mut self, number: FrameNumber, packet: &Packet<'_>) -> Option<usize> {
        let key = key(packet)?;
        let planned = self.connections.get_mut(&key)?.iter_mut().find(|planned| {
            planned.first <= number && number <= planned.last && planned.frames_left > 0
        })?;
        planned.frames_left = planned.frames_left.saturating_sub(1);
        Some(planned.finding)
    }

    fn add_frame(&mut self, finding: usize, seen: Seen, words: String) {
        self.last = self.last.max(seen.frame);
        let planned = self
            .frames
            .entry(seen.frame)
            .or_insert_with(|| PlannedFrame {
                time: seen.time,
                notes: Vec::new(),
            });
        let known = planned
            .notes
            .iter()
            .any(|(of, known)| *of == finding && same_words(known, &words));
        if !known {
            planned.notes.push((finding, words));
        }
    }

    fn add_proof(&mut self, finding: usize, proof: &Proof) {
        for evidence in &proof.evidence {
            let words = format!("Finding {finding}: {}", evidence.what);
            self.add_frame(finding, evidence.seen, words);
        }
        for connection in &proof.connections {
            self.add_connection(finding, connection);
        }
    }

    fn add_connection(&mut self, finding: usize, connection: &ProofConnection) {
        let ends = connection.five_tuple;
        let key = FlowKey::new(ends.originator, ends.responder, ends.transport);
        let planned = self.connections.entry(key).or_default();
        let known = planned
            .iter()
            .any(|known| known.first == connection.first && known.last == connection.last);
        if known || self.count >= MAX_CONNECTIONS {
            return;
        }
        self.count = self.count.saturating_add(1);
        self.last = self.last.max(connection.last);
        planned.push(PlannedConnection {
            finding,
            first: connection.first,
            last: connection.last,
            frames_left: FRAMES_OF_CONNECTION,
        });
    }
}

/// The proofs of the hosts that a finding is about.
fn proofs<'r>(
    client: &'r ClientReport,
    finding: &'r Finding,
) -> impl Iterator<Item = &'r Proof> + 'r {
    client
        .sets
        .iter()
        .filter(|set| finding.set.as_ref().is_none_or(|key| *key == set.key))
        .flat_map(|set| &set.hosts)
        .filter(|host| finding.hosts.contains(&host.name))
        .filter_map(|host| host.proof.as_deref())
}

/// Whether two notes say the same once their openings are left out.
fn same_words(a: &str, b: &str) -> bool {
    let behind = |text: &str| text.split_once(": ").map(|(_, what)| what.to_owned());
    behind(a) == behind(b)
}

fn key(packet: &Packet<'_>) -> Option<FlowKey> {
    let (source, destination, transport) = match &packet.transport {
        TransportPacket::Tcp(segment) => (
            segment.source_port,
            segment.destination_port,
            Transport::Tcp,
        ),
        TransportPacket::Udp(datagram) => (
            datagram.source_port,
            datagram.destination_port,
            Transport::Udp,
        ),
        TransportPacket::IcmpError(_) | TransportPacket::Other(_) => return None,
    };
    Some(FlowKey::new(
        SocketAddr::new(packet.ip.source, source),
        SocketAddr::new(packet.ip.destination, destination),
        transport,
    ))
}
