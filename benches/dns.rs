//! DNS messages to questions and answers: a question, an address, an alias chain of three.

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use intap::dissect::dns;
use std::hint::black_box;
use support::traffic::hosts::HOSTS;
use support::traffic::message::{self, TYPE_A};

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dns");
    let mut messages = Vec::new();
    for aliases in [0, 3] {
        let host = HOSTS
            .iter()
            .find(|h| h.aliases.len() == aliases)
            .expect("such a host is listed");
        let mut answer = Vec::new();
        message::dns_answer(&mut answer, 7, host, TYPE_A, 60);
        messages.push((format!("answer/{aliases}_aliases"), answer));
    }
    let mut query = Vec::new();
    message::dns_query(&mut query, 7, "login.microsoftonline.com", TYPE_A);
    messages.push(("query".to_owned(), query));
    for (name, message) in messages {
        assert!(dns::parse(&message, true).is_ok(), "{name} was not read");
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| dns::parse(black_box(&message), true));
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
