//! Frames to packets: headers of Ethernet, IP and transport, nothing behind them.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use intap::decode::Decoder;
use std::hint::black_box;
use support::{Frames, WORKLOADS};

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, workload) in WORKLOADS {
        let frames = Frames::generate(&workload);
        group.throughput(frames.throughput());
        group.bench_function(name, |bencher| {
            let mut decoder = Decoder::default();
            bencher.iter(|| {
                for frame in frames.iter() {
                    black_box(decoder.decode(&frame));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
