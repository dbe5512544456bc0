//! Packets to flows: one lookup per packet, an insertion per flow, and a sweep of the whole table.

mod support;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use intap::decode::{Decoder, TransportPacket};
use intap::facts::Transport;
use intap::flow::{Aging, FlowKey, FlowTable};
use std::hint::black_box;
use std::net::SocketAddr;
use support::{Frames, MIXED};

/// The least a flow can be: when its last packet was seen.
struct LastPacket(i64);

impl Aging for LastPacket {
    fn last_activity(&self) -> i64 {
        self.0
    }
}

/// Key and time of every TCP and UDP packet of the workload.
fn keys() -> Vec<(FlowKey, i64)> {
    let mut decoder = Decoder::default();
    let frames = Frames::generate(&MIXED);
    let mut keys = Vec::new();
    for frame in frames.iter() {
        let Some(packet) = decoder.decode(&frame) else {
            continue;
        };
        let (transport, from, to) = match packet.transport {
            TransportPacket::Tcp(tcp) => (Transport::Tcp, tcp.source_port, tcp.destination_port),
            TransportPacket::Udp(udp) => (Transport::Udp, udp.source_port, udp.destination_port),
            _ => continue,
        };
        let source = SocketAddr::new(packet.ip.source, from);
        let destination = SocketAddr::new(packet.ip.destination, to);
        keys.push((
            FlowKey::new(source, destination, transport),
            frame.timestamp.0,
        ));
    }
    keys
}

fn fill(keys: &[(FlowKey, i64)]) -> FlowTable<LastPacket> {
    let mut table: FlowTable<LastPacket> = FlowTable::new(keys.len());
    for (key, time) in keys {
        if let Some(flow) = table.get_mut(key) {
            flow.0 = *time;
        } else {
            table.insert(*key, LastPacket(*time));
        }
    }
    table
}

fn flow_table(criterion: &mut Criterion) {
    let keys = keys();
    let mut group = criterion.benchmark_group("flow_table");
    group.throughput(Throughput::Elements(keys.len() as u64));
    group.bench_function("look_up_or_insert", |bencher| {
        bencher.iter(|| black_box(fill(&keys)).len());
    });
    let flows = fill(&keys).len() as u64;
    group.throughput(Throughput::Elements(flows));
    group.bench_function("sweep_all", |bencher| {
        bencher.iter_batched(
            || fill(&keys),
            |mut table| {
                table.sweep(|_| true, |flow| _ = black_box(flow));
                table
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, flow_table);
criterion_main!(benches);
