//! Names and addresses to endpoint sets: once per flow, so that a lookup must not depend on the number of sets.

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use intap::catalog::Catalog;
use std::hint::black_box;
use std::net::IpAddr;
use support::traffic::hosts::HOSTS;

fn catalog_match(criterion: &mut Criterion) {
    let catalog = Catalog::load(Catalog::DEFAULT_EDITION).expect("the shipped catalogue loads");
    let mut group = criterion.benchmark_group("catalog_match");

    let mut names: Vec<String> = HOSTS.iter().map(|h| h.name.to_ascii_lowercase()).collect();
    // What most flows of a network are: names that no set lists.
    names.extend(
        [
            "www.example.com",
            "cdn.example.net",
            "a.very.deep.name.below.example.org",
        ]
        .map(String::from),
    );
    assert!(catalog.match_host("manage.microsoft.com").is_some());
    group.throughput(Throughput::Elements(names.len() as u64));
    group.bench_function("host", |bencher| {
        bencher.iter(|| {
            for name in &names {
                black_box(catalog.match_host(black_box(name)));
            }
        });
    });

    let addresses: Vec<IpAddr> = HOSTS
        .iter()
        .flat_map(|h| {
            h.v4.iter()
                .map(|a| IpAddr::from(*a))
                .chain(h.v6.map(IpAddr::from))
        })
        .collect();
    assert!(
        catalog
            .match_address(IpAddr::from([20, 37, 153, 10]))
            .is_some()
    );
    group.throughput(Throughput::Elements(addresses.len() as u64));
    group.bench_function("address", |bencher| {
        bencher.iter(|| {
            for address in &addresses {
                black_box(catalog.match_address(black_box(*address)));
            }
        });
    });

    group.throughput(Throughput::Elements(1));
    group.bench_function("load", |bencher| {
        bencher.iter(|| Catalog::load(black_box(Catalog::DEFAULT_EDITION)).is_ok());
    });
    group.finish();
}

criterion_group!(benches, catalog_match);
criterion_main!(benches);
