//! A capture file in memory to facts: reading, decoding, flows and dissection together.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use intap::capture::FrameStream;
use intap::facts::{Fact, FactSink};
use intap::observe::{Limits, Observer};
use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;
use support::{Frames, WORKLOADS, capture_file};

/// Counts facts and drops them.
#[derive(Default)]
struct Count(u64);

impl FactSink for Count {
    fn accept(&mut self, fact: Fact) {
        black_box(&fact);
        self.0 += 1;
    }
}

fn observe(file: Arc<[u8]>) -> u64 {
    let mut stream =
        FrameStream::from_reader("generated", Cursor::new(file)).expect("a capture file");
    let mut observer = Observer::new(Limits::default());
    let mut count = Count::default();
    while let Some(frame) = stream.next_frame() {
        observer.push(&frame, &mut count);
    }
    observer.finish(&mut count);
    count.0
}

fn end_to_end(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("end_to_end");
    group.sample_size(20);
    for (name, workload) in WORKLOADS {
        let file = capture_file(&workload);
        group.throughput(Frames::generate(&workload).throughput());
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| {
                let source = Cursor::new(Arc::clone(&file));
                let mut stream =
                    FrameStream::from_reader("generated", source).expect("a capture file");
                while let Some(frame) = stream.next_frame() {
                    black_box(frame);
                }
            });
        });
        group.bench_function(format!("observe/{name}"), |bencher| {
            bencher.iter(|| observe(Arc::clone(&file)));
        });
    }
    group.finish();
}

criterion_group!(benches, end_to_end);
criterion_main!(benches);
