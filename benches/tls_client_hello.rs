//! ClientHellos to facts: alone, and through a connection's stream as segments bring them.

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use intap::dissect::StreamDissector;
use intap::dissect::tls::{Carrier, TlsStream, parse_client_hello};
use intap::facts::{Direction, Seen};
use std::hint::black_box;
use support::traffic::message::{self, Offer};
use support::traffic::random::Random;

/// Record header and handshake header.
const HEADERS: usize = 5 + 4;

/// Payload of a full segment.
const SEGMENT: usize = 1460;

fn tls_client_hello(criterion: &mut Criterion) {
    let offers = [
        ("tls12", Offer::Tls12),
        ("tls13", Offer::Tls13),
        ("post_quantum", Offer::Tls13PostQuantum),
    ];
    let mut group = criterion.benchmark_group("tls_client_hello");
    for (name, offer) in offers {
        let mut hello = Vec::new();
        message::client_hello(
            &mut hello,
            &mut Random::new(1),
            "fef.msub02.manage.microsoft.com",
            offer,
        );
        let fact = parse_client_hello(&hello[HEADERS..], true, Carrier::Tcp);
        assert!(
            fact.is_some_and(|fact| fact.server_name.is_some()),
            "{name}: no server name was read"
        );
        group.throughput(Throughput::Bytes(hello.len() as u64));
        group.bench_function(format!("parse/{name}"), |bencher| {
            bencher.iter(|| parse_client_hello(black_box(&hello[HEADERS..]), true, Carrier::Tcp));
        });
        group.bench_function(format!("stream/{name}"), |bencher| {
            bencher.iter(|| {
                let mut stream = TlsStream::new();
                for segment in black_box(&hello).chunks(SEGMENT) {
                    stream.push(Direction::Originator, segment, Seen::default());
                }
                stream
            });
        });
    }
    group.finish();
}

criterion_group!(benches, tls_client_hello);
criterion_main!(benches);
