//! Inputs of the benchmarks: generated traffic in memory, as frames and as a capture file.
#![allow(dead_code, reason = "no benchmark uses all of it")]

pub mod traffic;

use criterion::Throughput;
use intap::capture::Frame;
use intap::facts::{FrameNumber, LinkType, Timestamp};
use std::sync::Arc;
use traffic::{Traffic, Workload};

/// A hundred thousand packets of the default workload: enough for 2,000 devices, small enough for memory.
pub const MIXED: Workload = Workload {
    packets: 100_000,
    clients: 2_000,
    ..Workload::MIXED
};

/// Mostly full-size segments.
pub const BULK: Workload = Workload {
    packets: 60_000,
    ..Workload::BULK
};

/// Both workloads with their names.
pub const WORKLOADS: [(&str, Workload); 2] = [("mixed", MIXED), ("bulk", BULK)];

/// Generated frames in memory, one after the other as in a reader's buffer.
pub struct Frames {
    octets: Vec<u8>,
    /// Time in nanoseconds and end in `octets` of each frame.
    ends: Vec<(i64, usize)>,
}

impl Frames {
    /// Generates all frames of a workload.
    pub fn generate(workload: &Workload) -> Self {
        let mut traffic = Traffic::new(workload);
        let (mut octets, mut ends) = (Vec::new(), Vec::new());
        while let Some(packet) = traffic.packet() {
            octets.extend_from_slice(packet.frame);
            ends.push((packet.time as i64, octets.len()));
        }
        Self { octets, ends }
    }

    /// The frames, numbered from 1.
    pub fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        (1..).zip(&self.ends).map(move |(number, (time, end))| {
            let bytes = &self.octets[start..*end];
            start = *end;
            Frame {
                number: FrameNumber(number),
                timestamp: Timestamp(*time),
                link_type: LinkType::ETHERNET,
                original_length: bytes.len() as u32,
                bytes,
            }
        })
    }

    /// Frames and octets, for rates.
    pub fn throughput(&self) -> Throughput {
        Throughput::ElementsAndBytes {
            elements: self.ends.len() as u64,
            bytes: self.octets.len() as u64,
        }
    }
}

/// A whole capture file in memory.
pub fn capture_file(workload: &Workload) -> Arc<[u8]> {
    let mut file = Vec::new();
    traffic::write_pcap(workload, 262_144, &mut file).expect("writing to memory");
    file.into()
}
