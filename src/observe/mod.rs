//! The left half's driver: frames in, facts out.
//!
//! One [`Observer`] is one worker. It owns everything it needs, so several may observe a capture divided by flow key. Time
//! is that of the frames; a file and a live interface that carry the same frames give the same facts.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::arithmetic_side_effects
    )
)]

mod conversation;
mod datagrams;
mod limits;
mod lookups;
mod names;
mod role;
mod tracked_flow;

pub use limits::Limits;
pub use role::Role;

use crate::capture::Frame;
use crate::decode::{
    Decoder, FragmentLimits, IcmpError, Packet, TcpSegment, TransportPacket, UdpDatagram,
};
use crate::dissect::dns;
use crate::facts::{
    CaptureSummary, DnsTransport, Fact, FactSink, FlowEnd, FlowRecord, HostSighting, Seen,
    Timestamp, Transport,
};
use crate::flow::{CopyFilter, FlowId, FlowKey, FlowTable, TcpState};
use datagrams::Service;
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use lookups::LookupTable;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tracked_flow::TrackedFlow;

/// How often, at most, the tables are swept, in capture time.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Watches the packets of one capture, or of one worker's share of it.
pub struct Observer {
    limits: Limits,
    decoder: Decoder,
    copies: CopyFilter,
    flows: FlowTable<TrackedFlow>,
    lookups: LookupTable,
    sightings: HashSet<(IpAddr, u64), RandomState>,
    summary: CaptureSummary,
    last_time: Timestamp,
    last_sweep: Timestamp,
    packets_since_sweep: usize,
}

impl Default for Observer {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Observer {
    /// An observer within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            decoder: Decoder::new(FragmentLimits::default()),
            copies: CopyFilter::default(),
            flows: FlowTable::new(limits.flows),
            lookups: LookupTable::new(&limits),
            sightings: HashSet::default(),
            summary: CaptureSummary::default(),
            last_time: Timestamp::default(),
            last_sweep: Timestamp::default(),
            packets_since_sweep: 0,
        }
    }

    /// Takes the next frame; facts that it completes go to `sink`. Gives what the frame is to its flow.
    pub fn push(&mut self, frame: &Frame<'_>, sink: &mut impl FactSink) -> Role {
        self.note_frame(frame);
        self.sweep_when_due(frame.timestamp, sink);
        let seen = frame.seen();
        let Self {
            decoder,
            copies,
            flows,
            lookups,
            sightings,
            summary,
            limits,
            ..
        } = self;
        let Some(packet) = decoder.decode(frame) else {
            return Role::Other;
        };
        let copy = copies.is_copy(&packet, frame.timestamp);
        if copy {
            summary.copies = summary.copies.saturating_add(1);
        }
        let mut view = View {
            flows,
            lookups,
            sightings,
            summary,
            limits,
            seen,
        };
        match &packet.transport {
            TransportPacket::Tcp(segment) => view.take_tcp(&packet, segment, copy, sink),
            TransportPacket::Udp(datagram) => view.take_udp(&packet, datagram, copy, sink),
            TransportPacket::IcmpError(error) if !copy => {
                view.take_icmp_error(&packet, error);
                Role::Other
            }
            TransportPacket::IcmpError(_) | TransportPacket::Other(_) => Role::Other,
        }
    }

    /// Moves time on while no packet comes, so that what is over is told; at most once per second of capture time.
    pub fn tick(&mut self, now: Timestamp, sink: &mut impl FactSink) {
        if now.since(self.last_sweep) >= SWEEP_INTERVAL {
            self.sweep(now, sink);
        }
    }

    /// Tells of flows that are still under way and of which there is news: those that closed or fell silent, and those that
    /// have gone on for a while. Each is told again, whole, when it ends.
    pub fn tell_open(&mut self, now: Timestamp, mut tell: impl FnMut(Box<FlowRecord>)) {
        self.flows.each(|flow| {
            if let Some(record) = flow.news(now) {
                tell(record);
            }
        });
    }

    /// The counters so far.
    #[must_use]
    pub fn summary(&self) -> CaptureSummary {
        let mut summary = self.summary.clone();
        note_limits(&mut summary, &self.lookups);
        complete(&mut summary, &self.decoder);
        summary
    }

    /// Flows under way.
    #[must_use]
    pub fn open_flows(&self) -> usize {
        self.flows.len()
    }

    /// Hands out everything still open; the capture has ended.
    pub fn finish(self, sink: &mut impl FactSink) -> CaptureSummary {
        let Self {
            flows,
            lookups,
            mut summary,
            decoder,
            ..
        } = self;
        note_limits(&mut summary, &lookups);
        lookups.finish(&mut |exchange| sink.accept(Fact::Dns(exchange)));
        let mut open: Vec<Box<TrackedFlow>> = flows.into_flows().collect();
        open.sort_by_key(|flow| flow.order());
        for flow in open {
            let end = flow.end().unwrap_or(FlowEnd::CaptureEnd);
            sink.accept(Fact::Flow(flow.into_record(end)));
        }
        complete(&mut summary, &decoder);
        summary
    }

    fn note_frame(&mut self, frame: &Frame<'_>) {
        let summary = &mut self.summary;
        let captured = u64::try_from(frame.bytes.len()).unwrap_or(u64::MAX);
        let original = u64::from(frame.original_length);
        summary.frames = summary.frames.saturating_add(1);
        summary.captured_octets = summary.captured_octets.saturating_add(captured);
        summary.original_octets = summary
            .original_octets
            .saturating_add(original.max(captured));
        summary.truncated_frames = summary
            .truncated_frames
            .saturating_add(u64::from(captured < original));
        let seen = frame.seen();
        if summary.first.is_none_or(|first| seen.time < first.time) {
            summary.first = Some(seen);
        }
        if summary.last.is_none_or(|last| seen.time >= last.time) {
            summary.last = Some(seen);
        }
        let back = self.last_time.since(frame.timestamp);
        if !back.is_zero() && summary.frames > 1 {
            summary.backward_steps = summary.backward_steps.saturating_add(1);
            let nanoseconds = u64::try_from(back.as_nanos()).unwrap_or(u64::MAX);
            summary.largest_backward_step = summary.largest_backward_step.max(nanoseconds);
        }
        self.last_time = frame.timestamp;
    }

    /// Lets go of what is over. The work is spread: no table is swept before half as many packets as it has entries have
    /// come, nor more often than once per second of capture time.
    fn sweep_when_due(&mut self, now: Timestamp, sink: &mut impl FactSink) {
        self.packets_since_sweep = self.packets_since_sweep.saturating_add(1);
        let full = self.flows.is_full();
        if !full
            && (self.packets_since_sweep < self.flows.len() / 2
                || self.packets_since_sweep < 256
                || now.since(self.last_sweep) < SWEEP_INTERVAL)
        {
            return;
        }
        self.sweep(now, sink);
    }

    fn sweep(&mut self, now: Timestamp, sink: &mut impl FactSink) {
        self.packets_since_sweep = 0;
        self.last_sweep = now;
        self.lookups
            .expire(now, &mut |exchange| sink.accept(Fact::Dns(exchange)));
        if self.flows.len() > self.limits.flows_kept_idle {
            self.flows.sweep(now, |flow| {
                let end = flow.end().unwrap_or(FlowEnd::Idle);
                sink.accept(Fact::Flow(flow.into_record(end)));
            });
        }
        if self.flows.is_full() {
            let cutoff = self.flows.first_eighth();
            let mut evicted = 0_u64;
            self.flows.sweep(cutoff, |flow| {
                evicted = evicted.saturating_add(1);
                sink.accept(Fact::Flow(flow.into_record(FlowEnd::Evicted)));
            });
            self.summary
                .anomalies
                .add("flow-limit-reached", None, evicted);
        }
    }
}

fn note_limits(summary: &mut CaptureSummary, lookups: &LookupTable) {
    let anomalies = &mut summary.anomalies;
    if lookups.evicted > 0 {
        anomalies.add("question-limit-reached", None, lookups.evicted);
    }
    if lookups.repeated_answers > 0 {
        anomalies.add("dns-second-answer", None, lookups.repeated_answers);
    }
}

/// Adds what the decoder has counted.
fn complete(summary: &mut CaptureSummary, decoder: &Decoder) {
    summary.anomalies.merge(decoder.anomalies());
    summary.link_types = decoder.link_types().to_vec();
    summary.bad_checksums = decoder.bad_checksums();
}

/// The observer without its decoder, from which the packet at hand is borrowed.
struct View<'o> {
    flows: &'o mut FlowTable<TrackedFlow>,
    lookups: &'o mut LookupTable,
    sightings: &'o mut HashSet<(IpAddr, u64), RandomState>,
    summary: &'o mut CaptureSummary,
    limits: &'o Limits,
    seen: Seen,
}

impl View<'_> {
    fn take_tcp(
        &mut self,
        packet: &Packet<'_>,
        segment: &TcpSegment<'_>,
        copy: bool,
        sink: &mut impl FactSink,
    ) -> Role {
        let source = SocketAddr::new(packet.ip.source, segment.source_port);
        let destination = SocketAddr::new(packet.ip.destination, segment.destination_port);
        let key = FlowKey::new(source, destination, Transport::Tcp);
        let found = self.flows.find(&key);
        if copy {
            return self.note_copy(found, Role::of_segment(segment));
        }
        let seen = self.seen;
        let begin = || {
            let (establishment, sender) = TcpState::classify_first(segment);
            TrackedFlow::tcp(packet, source, destination, establishment, sender, seen)
        };
        let id = match found {
            None => self.flows.insert(key, begin()),
            Some(id) => {
                let replaced = self
                    .flows
                    .get_mut(id)
                    .is_some_and(|flow| flow.is_replaced_by(source, segment));
                if replaced && let Some(old) = self.flows.replace(id, begin()) {
                    sink.accept(Fact::Flow(old.into_record(FlowEnd::PortReused)));
                }
                id
            }
        };
        let Some(flow) = self.flows.get_mut(id) else {
            return Role::Other;
        };
        let lookups = &mut *self.lookups;
        flow.take_segment(
            packet,
            source,
            segment,
            seen,
            &mut |source, destination, bytes: &[u8], complete, seen| {
                if let Ok(message) = dns::parse(bytes, complete) {
                    lookups.take(
                        &message,
                        source,
                        destination,
                        DnsTransport::Tcp,
                        seen,
                        &mut |exchange| sink.accept(Fact::Dns(exchange)),
                    );
                }
            },
        );
        let role = Role::of_segment(segment).far_into(flow.octets());
        let until = flow.keep_until(self.limits);
        self.flows.keep_until(id, until);
        role
    }

    fn take_udp(
        &mut self,
        packet: &Packet<'_>,
        datagram: &UdpDatagram<'_>,
        copy: bool,
        sink: &mut impl FactSink,
    ) -> Role {
        let source = SocketAddr::new(packet.ip.source, datagram.source_port);
        let destination = SocketAddr::new(packet.ip.destination, datagram.destination_port);
        let key = FlowKey::new(source, destination, Transport::Udp);
        let found = self.flows.find(&key);
        let service = Service::of_ports(datagram.source_port, datagram.destination_port);
        let mut role = Role::of_datagram(service);
        if copy {
            return self.note_copy(found, role);
        }
        let seen = self.seen;
        let id = found.unwrap_or_else(|| {
            let answer = datagrams::is_answer(service, datagram);
            let flow = TrackedFlow::udp(packet, source, destination, service, answer, seen);
            self.flows.insert(key, flow)
        });
        if let Some(flow) = self.flows.get_mut(id) {
            flow.take_datagram(packet, source, datagram, seen);
            role = role.far_into(flow.octets());
            let until = flow.keep_until(self.limits);
            self.flows.keep_until(id, until);
        }
        let complete = u32::try_from(datagram.payload.len())
            .is_ok_and(|captured| captured >= datagram.payload_length);
        if let Service::Dns(transport) = service {
            match dns::parse(datagram.payload, complete) {
                Ok(message) => {
                    self.lookups.take(
                        &message,
                        source,
                        destination,
                        transport,
                        seen,
                        &mut |exchange| sink.accept(Fact::Dns(exchange)),
                    );
                    if transport == DnsTransport::Mdns {
                        self.tell(names::from_mdns(&message, packet, seen), sink);
                    }
                }
                Err(_) => self
                    .summary
                    .anomalies
                    .note("dns-unreadable", Some(seen.frame)),
            }
        } else {
            self.tell(names::from_datagram(service, datagram, packet, seen), sink);
        }
        role
    }

    fn note_copy(&mut self, found: Option<FlowId>, role: Role) -> Role {
        match found.and_then(|id| self.flows.get_mut(id)) {
            Some(flow) => {
                flow.note_copy();
                role.far_into(flow.octets())
            }
            None => role,
        }
    }

    /// Tells what a device says of itself, once.
    fn tell(&mut self, sighting: Option<HostSighting>, sink: &mut impl FactSink) {
        let Some(sighting) = sighting else { return };
        let name = names::fingerprint(&sighting);
        // Telling some hosts again costs less than never telling new ones.
        if self.sightings.len() >= self.limits.sightings {
            self.sightings.clear();
        }
        if self.sightings.insert((sighting.address, name)) {
            sink.accept(Fact::Host(sighting));
        }
    }

    fn take_icmp_error(&mut self, packet: &Packet<'_>, error: &IcmpError) {
        let quoted = &error.quoted;
        let transport = match quoted.protocol {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            _ => return,
        };
        let Some((source_port, destination_port)) = quoted.ports else {
            return;
        };
        let source = SocketAddr::new(quoted.source, source_port);
        let destination = SocketAddr::new(quoted.destination, destination_port);
        let found = self
            .flows
            .find(&FlowKey::new(source, destination, transport));
        match found.and_then(|id| self.flows.get_mut(id)) {
            Some(flow) => flow.note_icmp_error(packet.ip.source, source, error, self.seen),
            None => self
                .summary
                .anomalies
                .note("icmp-error-without-flow", Some(self.seen.frame)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, LinkType};

    /// Numbers frames and collects finished flows.
    struct Script {
        observer: Observer,
        frames: u64,
        flows: Vec<FlowRecord>,
    }

    impl FactSink for Vec<FlowRecord> {
        fn accept(&mut self, fact: Fact) {
            if let Fact::Flow(flow) = fact {
                self.push(*flow);
            }
        }
    }

    impl Script {
        fn new(limits: Limits) -> Self {
            Self {
                observer: Observer::new(limits),
                frames: 0,
                flows: Vec::new(),
            }
        }

        /// A packet of `protocol` from 10.0.0.1 to 10.0.0.2, `seconds` after the start.
        fn packet(&mut self, seconds: i64, protocol: u8, payload: &[u8]) {
            self.frames += 1;
            let [l1, l2] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
            let [i1, i2] = u16::try_from(self.frames).unwrap().to_be_bytes();
            let header = [
                0x45, 0, l1, l2, i1, i2, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
            ];
            let bytes = [&header[..], payload].concat();
            let frame = Frame {
                number: FrameNumber(self.frames),
                timestamp: Timestamp::from_parts(seconds, 0),
                link_type: LinkType(101),
                bytes: &bytes,
                original_length: u32::try_from(bytes.len()).unwrap(),
            };
            self.observer.push(&frame, &mut self.flows);
        }

        fn datagram(&mut self, seconds: i64, source_port: u16) {
            let [s1, s2] = source_port.to_be_bytes();
            self.packet(seconds, 17, &[s1, s2, 0, 123, 0, 8, 0, 0]);
        }

        fn finish(mut self) -> Vec<FlowRecord> {
            self.observer.finish(&mut self.flows);
            self.flows
        }
    }

    /// Two datagrams between the same ports, hours and many other packets apart.
    fn hours_apart(limits: Limits) -> usize {
        let mut script = Script::new(limits);
        script.datagram(0, 123);
        for second in 0..600 {
            script.datagram(9_000 + second, 2_000);
        }
        script.datagram(20_000, 123);
        script.finish().len()
    }

    #[test]
    fn silence_divides_flows_only_when_there_are_many() {
        assert_eq!(hours_apart(Limits::default()), 2);
        let crowded = Limits {
            flows_kept_idle: 1,
            ..Limits::default()
        };
        assert_eq!(hours_apart(crowded), 3);
    }

    #[test]
    fn a_connection_that_was_reset_is_closed_at_the_end_of_the_capture() {
        let mut script = Script::new(Limits::default());
        let reset = [
            0xc0, 0, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x04, 0, 0, 0, 0, 0, 0,
        ];
        script.packet(0, 6, &reset);
        script.datagram(0, 123);
        let ends: Vec<FlowEnd> = script.finish().iter().map(|flow| flow.end).collect();
        assert_eq!(ends, [FlowEnd::Closed, FlowEnd::CaptureEnd]);
    }
}
