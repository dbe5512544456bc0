//! Writes a pcap file of seeded, realistic traffic: a site whose devices talk to Intune.
//!
//! ```text
//! cargo run --release --example generate_capture -- [OPTIONS] --output FILE
//!
//!   --preset mixed|bulk   mixed (default): 1,000,000 packets of 20,000 devices: DNS with alias chains, TLS 1.2 and 1.3
//!                         (hybrid post-quantum ClientHellos in two segments among them), plain HTTP, NTP, IPv6, downloads,
//!                         and one conversation in seven blocked (no answer to the SYN, reset after the ClientHello, name
//!                         error, refused). bulk: 750,000 packets, nine in ten of them full-size segments: a gigabyte.
//!   --packets N           this many packets, exactly
//!   --clients N           this many devices (at most 131,072)
//!   --seed N              another capture of the same shape; the same seed gives the same bytes on every machine
//!   --bulk-share PERCENT  share of the packets that belongs to large downloads
//!   --snaplen OCTETS      keep at most so many octets of each frame (default 262144)
//!   --output FILE         where to write; `-` is standard output
//! ```
//!
//! The file is written as it is generated; memory follows the number of devices. Conversations of all devices are interleaved in time
//! order, each of them is whole, and all checksums are right. Benchmarks use the same traffic (`benches/support`).

#[path = "../benches/support/traffic/mod.rs"]
#[allow(
    dead_code,
    reason = "the benchmarks use the parts that are not needed to write a file"
)]
mod traffic;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use traffic::Workload;

/// Octets that are written at once.
const BUFFER: usize = 1 << 20;

struct Order {
    workload: Workload,
    snap_length: u32,
    output: String,
}

fn main() -> ExitCode {
    match order(std::env::args().skip(1))
        .and_then(|order| write(&order).map_err(|e| format!("{}: {e}", order.output)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn order(mut arguments: impl Iterator<Item = String>) -> Result<Order, String> {
    let mut preset = Workload::MIXED;
    let (mut packets, mut clients, mut seed, mut bulk_share) = (None, None, None, None);
    let (mut snap_length, mut output) = (262_144, None);
    while let Some(option) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--preset" if value == "mixed" => preset = Workload::MIXED,
            "--preset" if value == "bulk" => preset = Workload::BULK,
            "--packets" => packets = Some(number(&option, &value, u64::MAX >> 32)?),
            "--clients" => {
                clients = Some(number(&option, &value, u64::from(traffic::MOST_CLIENTS))? as u32)
            }
            "--seed" => seed = Some(number(&option, &value, u64::MAX)?),
            "--bulk-share" => bulk_share = Some(number(&option, &value, 100)?),
            "--snaplen" => snap_length = number(&option, &value, 262_144)? as u32,
            "--output" => output = Some(value),
            _ => return Err(format!("unknown option or value: {option} {value}")),
        }
    }
    let workload = Workload {
        packets: packets.unwrap_or(preset.packets),
        clients: clients.unwrap_or(preset.clients),
        seed: seed.unwrap_or(preset.seed),
        bulk_share: bulk_share.unwrap_or(preset.bulk_share),
        ..preset
    };
    if u64::from(workload.clients) > workload.packets {
        return Err(format!(
            "{} devices cannot each send one of {} packets",
            workload.clients, workload.packets
        ));
    }
    let output = output.ok_or("--output is missing (`-` for standard output)")?;
    Ok(Order {
        workload,
        snap_length,
        output,
    })
}

fn number(option: &str, value: &str, most: u64) -> Result<u64, String> {
    match value.parse() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(format!(
            "{option}: expected a number up to {most}, found `{value}`"
        )),
    }
}

fn write(order: &Order) -> io::Result<()> {
    let file: Box<dyn Write> = if order.output == "-" {
        Box::new(io::stdout().lock())
    } else {
        Box::new(File::create(&order.output)?)
    };
    let mut out = BufWriter::with_capacity(BUFFER, file);
    traffic::write_pcap(&order.workload, order.snap_length, &mut out)?;
    out.flush()
}
