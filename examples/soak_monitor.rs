//! Feeds the live monitor generated traffic of ever new devices from memory, in accelerated capture time, and prints its
//! memory per million packets: a monitor that runs for weeks must not grow.
//!
//! ```text
//! cargo run --release --example soak_monitor -- [PACKETS in millions, default 100] [CLIENTS remembered, default 20000]
//! ```
//!
//! Each million packets is 17 minutes of 20,000 devices that were never seen before, one conversation in seven blocked; a
//! hundred millions are 28 hours of two million devices. Most of the time goes into generating.

#[path = "../benches/support/traffic/mod.rs"]
#[allow(
    dead_code,
    reason = "the benchmarks use the parts that are not needed here"
)]
mod traffic;

use intap::audit::{AuditLimits, AuditOptions};
use intap::capture::Frame;
use intap::catalog::{Catalog, ScenarioFile};
use intap::facts::{FrameNumber, LinkType, Timestamp};
use intap::live::{Monitor, MonitorOptions, Tap};
use intap::observe::Limits;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use traffic::{Traffic, Workload};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MILLION: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let millions: u64 = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let clients: usize = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let catalog = Arc::new(Catalog::load(Catalog::DEFAULT_EDITION)?);
    let options = MonitorOptions {
        audit: AuditOptions::default(),
        limits: AuditLimits::of_monitor(clients),
        window: Duration::from_secs(900),
    };
    let mut monitor = Monitor::new(
        catalog,
        ScenarioFile::shipped()?,
        options,
        vec!["memory".into()],
        Timestamp(0),
    );
    let mut tap = Tap::new(Limits::of_monitor());
    let begun = Instant::now();
    let (mut number, mut events, mut offset) = (0_u64, 0_u64, 0_u64);
    println!("packets_M  hours  rss_MiB  flows  clients  hosts  evicted  events  s_per_M");
    for round in 0..millions {
        let started = Instant::now();
        let workload = Workload {
            seed: round + 1,
            spacing: MILLION,
            ..Workload::MIXED
        };
        let mut traffic = Traffic::new(&workload);
        let (mut bytes, mut last) = (Vec::new(), 0);
        while let Some(packet) = traffic.packet() {
            bytes.clear();
            bytes.extend_from_slice(packet.frame);
            move_network(&mut bytes, round);
            last = packet.time;
            number += 1;
            let timestamp = Timestamp(i64::try_from(packet.time + offset)?);
            tap.push(
                &Frame {
                    number: FrameNumber(number),
                    timestamp,
                    link_type: LinkType::ETHERNET,
                    original_length: u32::try_from(bytes.len())?,
                    bytes: &bytes,
                },
                &mut monitor,
            );
            if tap.is_pulse_due(timestamp) {
                let pulse = tap.pulse(timestamp, &mut monitor);
                monitor.pulse(pulse);
                events += monitor.take_events().len() as u64;
            }
        }
        // The next round goes on where this one ended.
        offset += last.saturating_sub(Traffic::START);
        let tables = monitor.snapshot(0).tables;
        println!(
            "{:9}  {:5.1}  {:7}  {:5}  {:7}  {:5}  {:7}  {:6}  {:7.1}",
            round + 1,
            offset as f64 / 3.6e12,
            resident_mib()?,
            tables.flows,
            tables.clients,
            tables.hosts,
            tables.clients_evicted,
            events,
            started.elapsed().as_secs_f64(),
        );
    }
    println!("in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Gives the site's devices addresses that no round before had: 10.20.0.0/14 becomes another /14 of 10.0.0.0/8, and every 64
/// rounds the hardware addresses begin anew. Checksums are not made right again; that is counted, and nothing else.
fn move_network(frame: &mut [u8], round: u64) {
    let [step, era] = [(round % 64 * 4) as u8, (round / 64) as u8];
    for start in [0, 6] {
        if let Some([0x02, 0x15, 0x5d, high, ..]) = frame.get_mut(start..) {
            *high = high.wrapping_add(step).wrapping_add(era << 2);
        }
    }
    if frame.get(12..14) == Some(&[0x08, 0x00]) {
        for start in [26, 30] {
            if let Some([10, second, ..]) = frame.get_mut(start..) {
                *second = second.wrapping_add(step);
            }
        }
    }
}

/// Memory of this process that is in use, in MiB.
fn resident_mib() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or("no VmRSS")?;
    Ok(kib.parse::<u64>()? / 1024)
}
