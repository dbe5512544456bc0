//! Seeded traffic of a site whose devices talk to Intune: what comes in is a [`Workload`], what goes out are frames in time order.
//!
//! Every conversation is whole, the number of packets is exact, every checksum is right, and the same workload gives the same bytes
//! everywhere. Memory follows the number of clients, not of packets. The traffic is made to be *read*; it knows nothing of verdicts.

mod certificate;
mod conversation;
mod frame;
pub mod hosts;
pub mod message;
pub mod random;

use conversation::Conversation;
use random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// When the capture begins: 2026-11-22 12:00:00 UTC, in nanoseconds since 1970.
const START: u64 = 1_795_348_800_000_000_000;
/// The site's resolver.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 20, 0, 1));
/// The site's gateway, locally administered.
const GATEWAY_MAC: [u8; 6] = [0x02, 0xff, 0, 0, 0, 1];
/// Most clients: they fill half of 10.20.0.0/14.
pub const MOST_CLIENTS: u32 = 1 << 17;

/// Octets of a full-size segment: an Ethernet payload of 1500 without IP and TCP headers.
fn maximum_segment(ipv6: bool) -> u16 {
    if ipv6 { 1440 } else { 1460 }
}

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Packets, exactly.
    pub packets: u64,
    /// Devices, each of which sends something; at most [`MOST_CLIENTS`] and no more than `packets`.
    pub clients: u32,
    /// Chooses one of the captures of this shape.
    pub seed: u64,
    /// Share of the packets that belongs to large downloads, 0 to 100 percent.
    pub bulk_share: u64,
    /// Segments that a downloading client acknowledges at once; 2 without, about 12 with large receive offload.
    pub segments_per_ack: u64,
    /// Mean time between two packets in nanoseconds; clients start all along `packets` times that.
    pub spacing: u64,
}

impl Workload {
    /// The default: a million packets of 20,000 devices that enrol in the course of 100 s.
    pub const MIXED: Self = Self {
        packets: 1_000_000,
        clients: 20_000,
        seed: 1,
        bulk_share: 30,
        segments_per_ack: 2,
        spacing: 100_000,
    };

    /// Mostly full-size segments of few devices: a gigabyte in 750,000 packets.
    pub const BULK: Self = Self {
        packets: 750_000,
        clients: 500,
        seed: 1,
        bulk_share: 98,
        segments_per_ack: 12,
        spacing: 13_000,
    };
}

/// One device.
#[derive(Debug, Clone, Copy)]
struct Client {
    mac: [u8; 6],
    v4: Ipv4Addr,
    /// One device in four is dual-stack.
    v6: Option<Ipv6Addr>,
}

impl Client {
    fn new(index: u32) -> Self {
        // Leaves 10.20.0.0/24 to resolver and gateway.
        let number = index + 256;
        let [_, high, middle, low] = number.to_be_bytes();
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0x20, u16::from(high), 0, 0, 0, number as u16);
        Self {
            mac: [0x02, 0x15, 0x5d, high, middle, low],
            v4: Ipv4Addr::new(10, 20 + high, middle, low),
            v6: index.is_multiple_of(4).then_some(v6),
        }
    }
}

/// What one client does, one conversation after the other; a downloading client has a second lane for its downloads.
#[derive(Debug)]
struct Lane {
    client: u32,
    downloads: bool,
    /// Packets it may still send and receive.
    budget: u64,
    /// Conversations begun, for the next port.
    begun: u16,
    conversation: Option<Conversation>,
}

impl Lane {
    /// The client's next port, in the dynamic range (RFC 6335 §6); lanes of one client never share one.
    fn port(&self) -> u16 {
        if self.downloads {
            61_152 + self.begun % 4_000
        } else {
            49_152 + self.begun % 12_000
        }
    }
}

/// One generated packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Nanoseconds since 1970; never before that of the packet before.
    pub time: u64,
    /// The Ethernet frame.
    pub frame: &'a [u8],
}

/// The packets of a workload, one at a time.
#[derive(Debug)]
pub struct Traffic {
    workload: Workload,
    random: Random,
    lanes: Vec<Lane>,
    /// When each lane that has packets left sends the next one.
    agenda: BinaryHeap<Reverse<(u64, u32)>>,
    frame: Vec<u8>,
}

impl Traffic {
    /// When the traffic begins, in nanoseconds since 1970.
    pub const START: u64 = START;

    /// Plans the traffic; nothing is generated yet.
    pub fn new(workload: &Workload) -> Self {
        let mut random = Random::new(workload.seed);
        let clients =
            u64::from(workload.clients.clamp(1, MOST_CLIENTS)).min(workload.packets.max(1));
        // What is left over for downloads once each client has a packet of its own.
        let bulk = (workload.packets * workload.bulk_share.min(100) / 100)
            .min(workload.packets.saturating_sub(clients));
        let downloading = if bulk == 0 { 0 } else { (clients / 50).max(1) };
        let ordinary = shares(workload.packets - bulk, clients)
            .zip(0..)
            .map(|(budget, client)| (budget, client, false));
        let downloads = shares(bulk, downloading)
            .zip(0..)
            .map(|(budget, client)| (budget, client, true));
        let lanes: Vec<Lane> = ordinary
            .chain(downloads)
            .map(|(budget, client, downloads)| Lane {
                client,
                downloads,
                budget,
                begun: 0,
                conversation: None,
            })
            .collect();
        let window = workload.packets.saturating_mul(workload.spacing);
        let agenda = (0..)
            .zip(&lanes)
            .filter(|(_, lane)| lane.budget > 0)
            // Downloads take long: they start in the first tenth.
            .map(|(at, lane)| {
                Reverse((
                    START + random.below(if lane.downloads { window / 10 } else { window }),
                    at,
                ))
            })
            .collect();
        Self {
            workload: *workload,
            random,
            lanes,
            agenda,
            frame: Vec::with_capacity(2048),
        }
    }

    /// The next packet in time order; `None` after the last one.
    pub fn packet(&mut self) -> Option<Packet<'_>> {
        let Reverse((time, at)) = self.agenda.pop()?;
        let lane = &mut self.lanes[at as usize];
        let client = Client::new(lane.client);
        if lane.conversation.is_none() {
            let (port, budget, random) = (lane.port(), lane.budget, &mut self.random);
            lane.begun = lane.begun.wrapping_add(1);
            lane.conversation = Some(
                if lane.downloads && budget > Conversation::SMALLEST_DOWNLOAD {
                    Conversation::begin_download(
                        &client,
                        port,
                        budget,
                        self.workload.segments_per_ack.max(1),
                        random,
                    )
                } else {
                    Conversation::begin(&client, port, budget, random)
                },
            );
        }
        let pause = lane
            .conversation
            .as_mut()
            .and_then(|c| c.emit(&client, time, &mut self.random, &mut self.frame));
        lane.budget = lane.budget.saturating_sub(1);
        let pause = pause.unwrap_or_else(|| {
            lane.conversation = None;
            // Until the next conversation: 20 to 800 ms.
            self.random.between(20, 800) * 1_000_000
        });
        if lane.budget > 0 {
            self.agenda.push(Reverse((time + pause, at)));
        }
        Some(Packet {
            time,
            frame: &self.frame,
        })
    }
}

/// Splits `total` into `parts` that differ by one at most.
fn shares(total: u64, parts: u64) -> impl Iterator<Item = u64> {
    (0..parts).map(move |part| total / parts + u64::from(part < total % parts))
}

/// Writes the traffic as a pcap file with microsecond times and at most `snap_length` octets of each frame.
///
/// # Errors
///
/// Whatever `out` says.
pub fn write_pcap(workload: &Workload, snap_length: u32, out: &mut impl Write) -> io::Result<()> {
    /// LINKTYPE_ETHERNET.
    const ETHERNET: u32 = 1;
    out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
    out.write_all(&snap_length.to_le_bytes())?;
    out.write_all(&ETHERNET.to_le_bytes())?;
    let mut traffic = Traffic::new(workload);
    while let Some(packet) = traffic.packet() {
        let captured = packet.frame.len().min(snap_length as usize);
        let mut header = [0; 16];
        let fields = [
            packet.time / 1_000_000_000,
            packet.time % 1_000_000_000 / 1_000,
            captured as u64,
            packet.frame.len() as u64,
        ];
        for (place, field) in header.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&(field as u32).to_le_bytes());
        }
        out.write_all(&header)?;
        out.write_all(&packet.frame[..captured])?;
    }
    Ok(())
}
