//! One live flow: what its packets have shown so far, its TCP state, and the dissectors at work on it.

use super::conversation::{Appetite, Conversation};
use super::datagrams::{Datagrams, Service};
use super::limits::Limits;
use crate::decode::{IcmpError, Packet, TcpSegment, UdpDatagram};
use crate::facts::{
    Direction, DnsTransport, Establishment, FiveTuple, FlowEnd, FlowRecord, IcmpErrorFact,
    IcmpReason, MacAddress, Seen, Timestamp, Transport,
};
use crate::flow::{Delivery, Segment, StreamAssembler, TcpState};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// ICMP errors kept for a flow.
const ICMP_ERRORS: usize = 4;

/// Takes whole DNS messages found in a TCP flow: sender, receiver, octets, whether they are all there, packet.
pub trait DnsTaker: FnMut(SocketAddr, SocketAddr, &[u8], bool, Seen) {}
impl<F: FnMut(SocketAddr, SocketAddr, &[u8], bool, Seen)> DnsTaker for F {}

#[derive(Debug, Clone)]
struct TcpPart {
    state: TcpState,
    conversation: Conversation,
    /// Puts each side's octets in order; `None` once the dissector wants nothing more.
    assemblers: Option<Box<[StreamAssembler; 2]>>,
}

#[derive(Debug, Clone)]
struct UdpPart {
    datagrams: Datagrams,
    payload: [u64; 2],
    first_datagram: [Option<Seen>; 2],
}

/// TCP state is several times the size of all else, and most flows of a capture are short UDP exchanges.
#[derive(Debug, Clone)]
enum Part {
    Tcp(Box<TcpPart>),
    Udp(UdpPart),
}

/// A flow in the table.
#[derive(Debug, Clone)]
pub struct TrackedFlow {
    five_tuple: FiveTuple,
    establishment: Establishment,
    originator_mac: Option<MacAddress>,
    first: Seen,
    last: Seen,
    packets: [u64; 2],
    octets: [u64; 2],
    copies: u32,
    truncated_packets: u32,
    vlans: SmallVec<[u16; 2]>,
    icmp_errors: Option<Box<SmallVec<[IcmpErrorFact; 1]>>>,
    told: Told,
    part: Part,
}

/// What of an open flow has been told already.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// When it was told; `None` when it never was.
    at: Option<Timestamp>,
    /// Its last packet at that time.
    last: Timestamp,
    /// It was told again after a long silence.
    settled: bool,
}

/// A closed flow is told once this much has passed, so that the packets of both sides are in.
const CLOSED_SETTLES: Duration = Duration::from_secs(1);

/// Silence after which an open flow is told: as long as counts as an answer when a capture ends, and a little more.
const QUIET: Duration = Duration::from_millis(3_100);

/// Silence after which it is told once more: waits that take longer than [`QUIET`] to be certain are over.
const LONG_QUIET: Duration = Duration::from_secs(12);

/// Age at which a flow is told although its packets keep coming: what serves a device is told soon.
const YOUNG: Duration = Duration::from_secs(2);

/// How often it is told again while they keep coming.
const AGAIN: Duration = Duration::from_secs(60);

impl TrackedFlow {
    /// A TCP flow that begins (for us) with a segment from `source`; `sender` is the side that sent it, where the segment
    /// tells.
    #[must_use]
    pub fn tcp(
        packet: &Packet<'_>,
        source: SocketAddr,
        destination: SocketAddr,
        establishment: Establishment,
        sender: Option<Direction>,
        seen: Seen,
    ) -> Self {
        // Without a SYN the ephemeral port, which is the higher one, opened the connection.
        let from_originator = match sender {
            Some(side) => side == Direction::Originator,
            None => source.port() >= destination.port(),
        };
        let (originator, responder) = if from_originator {
            (source, destination)
        } else {
            (destination, source)
        };
        let is_dns = [originator, responder]
            .map(|end| end.port())
            .contains(&DnsTransport::PORT);
        let five_tuple = FiveTuple {
            originator,
            responder,
            transport: Transport::Tcp,
        };
        let part = Part::Tcp(Box::new(TcpPart {
            state: TcpState::default(),
            conversation: Conversation::new(is_dns),
            assemblers: Some(Box::default()),
        }));
        Self::new(packet, five_tuple, establishment, part, seen)
    }

    /// A UDP flow that begins with a datagram from `source`, or with an answer to it.
    #[must_use]
    pub fn udp(
        packet: &Packet<'_>,
        source: SocketAddr,
        destination: SocketAddr,
        service: Service,
        begins_with_answer: bool,
        seen: Seen,
    ) -> Self {
        let (originator, responder) = if begins_with_answer {
            (destination, source)
        } else {
            (source, destination)
        };
        let five_tuple = FiveTuple {
            originator,
            responder,
            transport: Transport::Udp,
        };
        let part = Part::Udp(UdpPart {
            datagrams: Datagrams::new(service),
            payload: [0; 2],
            first_datagram: [None; 2],
        });
        Self::new(packet, five_tuple, Establishment::FromStart, part, seen)
    }

    fn new(
        packet: &Packet<'_>,
        five_tuple: FiveTuple,
        establishment: Establishment,
        part: Part,
        seen: Seen,
    ) -> Self {
        Self {
            five_tuple,
            establishment,
            originator_mac: None,
            first: seen,
            last: seen,
            packets: [0; 2],
            octets: [0; 2],
            copies: 0,
            truncated_packets: 0,
            vlans: packet.link.vlans.clone(),
            icmp_errors: None,
            told: Told::default(),
            part,
        }
    }

    /// Whether this segment opens a new connection between the same ends.
    #[must_use]
    pub fn is_replaced_by(&self, source: SocketAddr, segment: &TcpSegment<'_>) -> bool {
        match &self.part {
            Part::Tcp(part) => part.state.is_replaced_by(self.direction(source), segment),
            Part::Udp(_) => false,
        }
    }

    /// What flows are put in order by.
    #[must_use]
    pub fn order(&self) -> (Seen, FiveTuple) {
        (self.first, self.five_tuple)
    }

    /// How it ended, when its packets tell: both sides have closed it, or one has reset it.
    #[must_use]
    pub fn end(&self) -> Option<FlowEnd> {
        match &self.part {
            Part::Tcp(part) => part.state.closed().map(|_| FlowEnd::Closed),
            Part::Udp(_) => None,
        }
    }

    /// Until when another packet may be expected.
    #[must_use]
    pub fn keep_until(&self, limits: &Limits) -> Timestamp {
        let patience = match &self.part {
            Part::Udp(part) if !part.datagrams.may_serve() => limits.answer_wait,
            Part::Udp(_) => limits.udp_idle,
            Part::Tcp(part) if part.state.closed().is_some() => limits.closed_linger,
            Part::Tcp(_) => limits.tcp_idle,
        };
        self.last.time.plus(patience)
    }

    /// Its record so far, when there is news to tell of it at `now`: it has closed, or fallen silent, or goes on and was
    /// not told for long. What only carries lookups is told by those.
    #[must_use]
    pub fn news(&mut self, now: Timestamp) -> Option<Box<FlowRecord>> {
        if let Part::Udp(part) = &self.part
            && !part.datagrams.may_serve()
        {
            return None;
        }
        let changed = self.told.at.is_none() || self.told.last != self.last.time;
        let silence = now.since(self.last.time);
        let settled = !changed && silence >= LONG_QUIET;
        let due = if changed {
            silence >= QUIET
                || (self.end().is_some() && silence >= CLOSED_SETTLES)
                || match self.told.at {
                    None => now.since(self.first.time) >= YOUNG,
                    Some(at) => now.since(at) >= AGAIN,
                }
        } else {
            settled && !self.told.settled && self.end().is_none()
        };
        due.then(|| {
            self.told = Told {
                at: Some(now),
                last: self.last.time,
                settled,
            };
            let end = self.end().unwrap_or(FlowEnd::CaptureEnd);
            self.clone().into_record(end)
        })
    }

    /// Counts a copy of one of its packets.
    pub fn note_copy(&mut self) {
        self.copies = self.copies.saturating_add(1);
    }

    /// Takes one segment; whole DNS messages go to `dns`.
    pub fn take_segment(
        &mut self,
        packet: &Packet<'_>,
        source: SocketAddr,
        segment: &TcpSegment<'_>,
        seen: Seen,
        dns: &mut impl DnsTaker,
    ) {
        let direction = self.direction(source);
        let captured = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        self.count(packet, direction, captured < segment.payload_length, seen);
        let five_tuple = self.five_tuple;
        let Part::Tcp(part) = &mut self.part else {
            return;
        };
        let effect = part.state.update(direction, segment, &packet.ip, seen);
        let TcpPart {
            assemblers,
            conversation,
            ..
        } = &mut **part;
        let Some(sides) = assemblers else { return };
        let mut hungry = true;
        if let Some(acknowledged) = effect.acknowledged {
            let other = direction.opposite();
            hungry = other
                .of_mut(sides)
                .acknowledged(acknowledged, seen, &mut |delivery| {
                    feed(conversation, other, delivery, five_tuple, dns)
                });
        }
        if let Some(offset) = effect.payload_offset
            && hungry
        {
            let segment = Segment {
                offset,
                bytes: segment.payload,
                length: u64::from(segment.payload_length),
                seen,
            };
            hungry = direction.of_mut(sides).push(segment, &mut |delivery| {
                feed(conversation, direction, delivery, five_tuple, dns)
            });
        }
        if !hungry {
            *assemblers = None;
        }
    }

    /// Takes one datagram.
    pub fn take_datagram(
        &mut self,
        packet: &Packet<'_>,
        source: SocketAddr,
        datagram: &UdpDatagram<'_>,
        seen: Seen,
    ) {
        let direction = self.direction(source);
        let captured = u32::try_from(datagram.payload.len()).unwrap_or(u32::MAX);
        self.count(packet, direction, captured < datagram.payload_length, seen);
        if let Part::Udp(part) = &mut self.part {
            let octets = direction.of_mut(&mut part.payload);
            *octets = octets.saturating_add(u64::from(datagram.payload_length));
            direction
                .of_mut(&mut part.first_datagram)
                .get_or_insert(seen);
            part.datagrams.push(direction, datagram, seen);
        }
    }

    /// Remembers an ICMP error from `by` about the packet that `quoted_source` sent.
    pub fn note_icmp_error(
        &mut self,
        by: IpAddr,
        quoted_source: SocketAddr,
        error: &IcmpError,
        seen: Seen,
    ) {
        let about = self.direction(quoted_source);
        let known = self.icmp_errors.get_or_insert_default();
        if known.len() < ICMP_ERRORS {
            known.push(IcmpErrorFact {
                seen,
                by,
                reason: icmp_reason(error),
                icmp_type: error.icmp_type,
                icmp_code: error.icmp_code,
                about,
                mtu: error.mtu,
            });
        }
    }

    /// Octets of its packets so far, both directions together, copies left out.
    pub fn octets(&self) -> u64 {
        let [originator, responder] = self.octets;
        originator.saturating_add(responder)
    }

    /// The finished record.
    #[must_use]
    pub fn into_record(self, end: FlowEnd) -> Box<FlowRecord> {
        let mut record = Box::new(FlowRecord {
            five_tuple: self.five_tuple,
            establishment: self.establishment,
            end,
            first: self.first,
            last: self.last,
            packets: self.packets,
            octets: self.octets,
            copies: u64::from(self.copies),
            truncated_packets: u64::from(self.truncated_packets),
            vlans: self.vlans,
            originator_mac: self.originator_mac,
            tcp: None,
            udp_payload: [0; 2],
            first_datagram: [None; 2],
            application: None,
            tunnel: None,
            tls: None,
            quic: None,
            http: None,
            ntp: None,
            icmp_errors: self.icmp_errors.map(|errors| *errors).unwrap_or_default(),
            limit_reached: None,
        });
        match self.part {
            Part::Tcp(part) => {
                let TcpPart {
                    state,
                    mut conversation,
                    assemblers,
                } = *part;
                if let Some(sides) = assemblers {
                    let [originator, responder] = *sides;
                    for (direction, mut assembler) in [
                        (Direction::Originator, originator),
                        (Direction::Responder, responder),
                    ] {
                        assembler.finish(&mut |delivery| {
                            conversation.deliver(direction, delivery, &mut |_, _, _, _| {})
                                == Appetite::More
                        });
                    }
                }
                record.tcp = Some(Box::new(state.into_facts()));
                conversation.finish(&mut record);
            }
            Part::Udp(part) => {
                record.udp_payload = part.payload;
                record.first_datagram = part.first_datagram;
                part.datagrams.finish(&mut record);
            }
        }
        record
    }

    fn direction(&self, source: SocketAddr) -> Direction {
        if source == self.five_tuple.originator {
            Direction::Originator
        } else {
            Direction::Responder
        }
    }

    fn count(&mut self, packet: &Packet<'_>, direction: Direction, truncated: bool, seen: Seen) {
        self.last = seen;
        let packets = direction.of_mut(&mut self.packets);
        *packets = packets.saturating_add(1);
        let octets = direction.of_mut(&mut self.octets);
        *octets = octets.saturating_add(u64::from(packet.ip.octets));
        self.truncated_packets = self.truncated_packets.saturating_add(u32::from(truncated));
        if direction == Direction::Originator && self.originator_mac.is_none() {
            self.originator_mac = packet.link.source_mac;
        }
    }
}

/// Hands octets to the conversation, its DNS messages on with sender and receiver. False when it has had enough.
fn feed(
    conversation: &mut Conversation,
    direction: Direction,
    delivery: Delivery<'_>,
    five_tuple: FiveTuple,
    dns: &mut impl DnsTaker,
) -> bool {
    let (originator, responder) = (five_tuple.originator, five_tuple.responder);
    let mut route = |side: Direction, bytes: &[u8], complete: bool, seen: Seen| match side {
        Direction::Originator => dns(originator, responder, bytes, complete, seen),
        Direction::Responder => dns(responder, originator, bytes, complete, seen),
    };
    conversation.deliver(direction, delivery, &mut route) == Appetite::More
}

/// What an ICMP error says (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1, RFC 4443 §3.1).
fn icmp_reason(error: &IcmpError) -> IcmpReason {
    match (error.version_6, error.icmp_type, error.icmp_code) {
        (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => IcmpReason::AdminProhibited,
        (false, 3, 1 | 7 | 8 | 12 | 14 | 15) | (true, 1, 2 | 3) => IcmpReason::HostUnreachable,
        (false, 3, 0 | 5 | 6 | 11) | (true, 1, 0) => IcmpReason::NetUnreachable,
        (false, 3, 2 | 3) | (true, 1, 4) => IcmpReason::PortUnreachable,
        (false, 3, 4) | (true, 2, _) => IcmpReason::PacketTooBig,
        (false, 11, _) | (true, 3, _) => IcmpReason::TimeExceeded,
        _ => IcmpReason::Other,
    }
}
