//! One live flow: its record so far, its TCP state, and the dissectors at work on it.

use super::conversation::{Appetite, Conversation};
use super::datagrams::{Datagrams, Service};
use super::limits::Limits;
use crate::decode::{IcmpError, Packet, TcpSegment, UdpDatagram};
use crate::facts::{
    Direction, Establishment, FiveTuple, FlowEnd, FlowRecord, IcmpErrorFact, IcmpReason, Seen,
    Timestamp, Transport,
};
use crate::flow::{Aging, Segment, StreamAssembler, TcpState};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// Port of DNS (RFC 7766 §6.2.2).
const DNS_PORT: u16 = 53;

/// ICMP errors kept for a flow.
const ICMP_ERRORS: usize = 4;

/// Takes whole DNS messages found in a TCP flow: sender, receiver, octets, whether they are all there, packet.
pub trait DnsTaker: FnMut(SocketAddr, SocketAddr, &[u8], bool, Seen) {}
impl<F: FnMut(SocketAddr, SocketAddr, &[u8], bool, Seen)> DnsTaker for F {}

#[derive(Debug)]
struct TcpPart {
    state: TcpState,
    assemblers: [StreamAssembler; 2],
    conversation: Conversation,
    /// The dissector wants more.
    dissecting: bool,
}

#[derive(Debug)]
enum Part {
    Tcp(Box<TcpPart>),
    Udp(Datagrams),
}

/// A flow in the table.
#[derive(Debug)]
pub struct TrackedFlow {
    record: FlowRecord,
    part: Part,
}

impl Aging for TrackedFlow {
    fn last_activity(&self) -> i64 {
        self.record.last.time.0
    }
}

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
        let is_dns = originator.port() == DNS_PORT || responder.port() == DNS_PORT;
        let five_tuple = FiveTuple {
            originator,
            responder,
            transport: Transport::Tcp,
        };
        Self {
            record: new_record(packet, five_tuple, establishment, seen),
            part: Part::Tcp(Box::new(TcpPart {
                state: TcpState::default(),
                assemblers: Default::default(),
                conversation: Conversation::new(is_dns),
                dissecting: true,
            })),
        }
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
        Self {
            record: new_record(packet, five_tuple, Establishment::FromStart, seen),
            part: Part::Udp(Datagrams::new(service)),
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

    /// Time of the last packet.
    #[must_use]
    pub fn last_time(&self) -> i64 {
        self.record.last.time.0
    }

    /// Both sides have closed, or one has reset it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.part {
            Part::Tcp(part) => part.state.closed().is_some(),
            Part::Udp(_) => false,
        }
    }

    /// Whether nothing more is to be expected at `now`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp, limits: &Limits) -> bool {
        let patience = match &self.part {
            Part::Udp(_) => limits.udp_idle,
            Part::Tcp(part) if part.state.closed().is_some() => limits.closed_linger,
            Part::Tcp(_) => limits.tcp_idle,
        };
        now.since(self.record.last.time) >= patience
    }

    /// Counts a copy of one of its packets.
    pub fn note_copy(&mut self) {
        self.record.copies = self.record.copies.saturating_add(1);
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
        let five_tuple = self.record.five_tuple;
        let Part::Tcp(part) = &mut self.part else {
            return;
        };
        let effect = part.state.update(direction, segment, &packet.ip, seen);
        if !part.dissecting {
            return;
        }
        let TcpPart {
            assemblers,
            conversation,
            dissecting,
            ..
        } = &mut **part;
        if let Some(acknowledged) = effect.acknowledged {
            let other = direction.opposite();
            let mut deliver = |delivery: crate::flow::Delivery<'_>| {
                conversation.deliver(other, delivery, &mut route(five_tuple, dns)) == Appetite::More
            };
            *dissecting &= other
                .of_mut(assemblers)
                .acknowledged(acknowledged, seen, &mut deliver);
        }
        if let Some(offset) = effect.payload_offset
            && *dissecting
        {
            let segment = Segment {
                offset,
                bytes: segment.payload,
                length: u64::from(segment.payload_length),
                seen,
            };
            let mut deliver = |delivery: crate::flow::Delivery<'_>| {
                conversation.deliver(direction, delivery, &mut route(five_tuple, dns))
                    == Appetite::More
            };
            *dissecting &= direction.of_mut(assemblers).push(segment, &mut deliver);
        }
        if !*dissecting {
            // The buffers are of no more use.
            *assemblers = Default::default();
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
        let octets = direction.of_mut(&mut self.record.udp_payload);
        *octets = octets.saturating_add(u64::from(datagram.payload_length));
        direction
            .of_mut(&mut self.record.first_datagram)
            .get_or_insert(seen);
        if let Part::Udp(datagrams) = &mut self.part {
            datagrams.push(direction, datagram, seen);
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
        if self.record.icmp_errors.len() >= ICMP_ERRORS {
            return;
        }
        self.record.icmp_errors.push(IcmpErrorFact {
            seen,
            by,
            reason: icmp_reason(error),
            icmp_type: error.icmp_type,
            icmp_code: error.icmp_code,
            about: self.direction(quoted_source),
            mtu: error.mtu,
        });
    }

    /// The finished record.
    #[must_use]
    pub fn into_record(self, end: FlowEnd) -> FlowRecord {
        let Self { mut record, part } = self;
        record.end = end;
        match part {
            Part::Tcp(part) => {
                let TcpPart {
                    state,
                    assemblers,
                    mut conversation,
                    dissecting,
                } = *part;
                if dissecting {
                    let [originator, responder] = assemblers;
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
                record.tcp = Some(state.into_facts());
                conversation.finish(&mut record);
            }
            Part::Udp(datagrams) => datagrams.finish(&mut record),
        }
        record
    }

    fn direction(&self, source: SocketAddr) -> Direction {
        if source == self.record.five_tuple.originator {
            Direction::Originator
        } else {
            Direction::Responder
        }
    }

    fn count(&mut self, packet: &Packet<'_>, direction: Direction, truncated: bool, seen: Seen) {
        let record = &mut self.record;
        record.last = seen;
        let packets = direction.of_mut(&mut record.packets);
        *packets = packets.saturating_add(1);
        let octets = direction.of_mut(&mut record.octets);
        *octets = octets.saturating_add(u64::from(packet.ip.octets));
        record.truncated_packets = record
            .truncated_packets
            .saturating_add(u64::from(truncated));
        if direction == Direction::Originator && record.originator_mac.is_none() {
            record.originator_mac = packet.link.source_mac;
        }
    }
}

/// Gives DNS messages their sender and receiver.
fn route(
    five_tuple: FiveTuple,
    dns: &mut impl DnsTaker,
) -> impl FnMut(Direction, &[u8], bool, Seen) {
    move |direction, bytes, complete, seen| match direction {
        Direction::Originator => dns(
            five_tuple.originator,
            five_tuple.responder,
            bytes,
            complete,
            seen,
        ),
        Direction::Responder => dns(
            five_tuple.responder,
            five_tuple.originator,
            bytes,
            complete,
            seen,
        ),
    }
}

fn new_record(
    packet: &Packet<'_>,
    five_tuple: FiveTuple,
    establishment: Establishment,
    seen: Seen,
) -> FlowRecord {
    FlowRecord {
        five_tuple,
        establishment,
        end: FlowEnd::CaptureEnd,
        first: seen,
        last: seen,
        packets: [0; 2],
        octets: [0; 2],
        copies: 0,
        truncated_packets: 0,
        vlans: packet.link.vlans.clone(),
        originator_mac: None,
        tcp: None,
        udp_payload: [0; 2],
        first_datagram: [None; 2],
        application: None,
        tunnel: None,
        tls: None,
        quic: None,
        http: None,
        ntp: None,
        icmp_errors: SmallVec::new(),
        limit_reached: None,
    }
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
