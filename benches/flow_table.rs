//! Packets to flows: one lookup per packet, an insertion per flow, and a sweep of the whole table.

mod support;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use intap::decode::{Decoder, TransportPacket};
use intap::facts::{Timestamp, Transport};
use intap::flow::{FlowKey, FlowTable};
use std::hint::black_box;
use std::net::SocketAddr;
use support::{Frames, MIXED};

/// Key and time of every TCP and UDP packet of the workload.
fn keys() -> Vec<(FlowKey, Timestamp)> {
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
            frame.timestamp,
        ));
    }
    keys
}

fn fill(keys: &[(FlowKey, Timestamp)]) -> FlowTable<Timestamp> {
    let mut table: FlowTable<Timestamp> = FlowTable::new(keys.len());
    for (key, time) in keys {
        let id = table.find(key).unwrap_or_else(|| table.insert(*key, *time));
        table.keep_until(id, *time);
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
                table.sweep(Timestamp(i64::MAX), |flow| _ = black_box(flow));
                table
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, flow_table);
criterion_main!(benches);
