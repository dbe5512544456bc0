//! Holds the traffic generator against what its users rely on: exact counts, time order, reproducibility and right checksums;
//! and the report on such traffic against itself.

#[path = "../benches/support/traffic/mod.rs"]
#[allow(
    dead_code,
    reason = "the benchmarks use the parts that are not tested here"
)]
mod traffic;

#[path = "support/program.rs"]
#[allow(dead_code, reason = "no recordings are needed here")]
mod program;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use program::Place;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use traffic::{Traffic, Workload};

const SMALL: Workload = Workload {
    packets: 20_000,
    clients: 400,
    ..Workload::MIXED
};

/// Calls `look` with each packet's time and frame.
fn each_packet(workload: &Workload, mut look: impl FnMut(u64, &[u8])) {
    let mut traffic = Traffic::new(workload);
    while let Some(packet) = traffic.packet() {
        look(packet.time, packet.frame);
    }
}

fn source_and_destination(packet: &SlicedPacket<'_>) -> (IpAddr, IpAddr) {
    match packet.net.as_ref().expect("an IP header") {
        NetSlice::Ipv4(v4) => (
            v4.header().source_addr().into(),
            v4.header().destination_addr().into(),
        ),
        NetSlice::Ipv6(v6) => (
            v6.header().source_addr().into(),
            v6.header().destination_addr().into(),
        ),
        other => panic!("not IP: {other:?}"),
    }
}

#[test]
fn a_workload_has_exactly_its_packets_and_clients_in_time_order() {
    let tiny = Workload {
        packets: 7,
        clients: 3,
        ..SMALL
    };
    let bulk = Workload {
        packets: 5_000,
        ..Workload::BULK
    };
    for workload in [SMALL, tiny, bulk] {
        let (mut packets, mut last) = (0, 0);
        let mut macs = HashSet::new();
        each_packet(&workload, |time, frame| {
            packets += 1;
            assert!(last <= time, "packet {packets} lies before the one before");
            last = time;
            macs.insert(frame[..6].to_vec());
            macs.insert(frame[6..12].to_vec());
        });
        assert_eq!(packets, workload.packets);
        // The gateway is the other end of every packet.
        assert_eq!(macs.len(), workload.clients as usize + 1);
    }
}

#[test]
fn the_same_seed_gives_the_same_file_and_another_seed_another() {
    let file = |seed| {
        let mut out = Vec::new();
        let workload = Workload {
            packets: 2_000,
            clients: 50,
            seed,
            ..SMALL
        };
        traffic::write_pcap(&workload, 262_144, &mut out).expect("writing to memory");
        out
    };
    assert_eq!(file(1), file(1));
    assert_ne!(file(1), file(2));
}

#[test]
fn every_length_and_checksum_is_right() {
    each_packet(&SMALL, |_, frame| {
        let packet = SlicedPacket::from_ethernet(frame).expect("strictly well formed");
        let transport = packet.transport.as_ref().expect("TCP or UDP");
        let (sent, computed) = match (packet.net.as_ref(), transport) {
            (Some(NetSlice::Ipv4(v4)), TransportSlice::Tcp(tcp)) => {
                let header = v4.header().to_header();
                assert_eq!(header.header_checksum, header.calc_header_checksum());
                (
                    tcp.checksum(),
                    tcp.calc_checksum_ipv4(v4.header().source(), v4.header().destination())
                        .ok(),
                )
            }
            (Some(NetSlice::Ipv6(v6)), TransportSlice::Tcp(tcp)) => (
                tcp.checksum(),
                tcp.calc_checksum_ipv6(v6.header().source(), v6.header().destination())
                    .ok(),
            ),
            (Some(NetSlice::Ipv4(v4)), TransportSlice::Udp(udp)) => {
                let computed = udp
                    .to_header()
                    .calc_checksum_ipv4_raw(
                        v4.header().source(),
                        v4.header().destination(),
                        udp.payload(),
                    )
                    .ok();
                (udp.checksum(), computed)
            }
            other => panic!("unexpected layers: {other:?}"),
        };
        assert_eq!(Some(sent), computed);
    });
}

#[test]
fn no_flow_skips_or_repeats_octets() {
    let mut next: HashMap<(IpAddr, u16, IpAddr, u16), u32> = HashMap::new();
    each_packet(&SMALL, |_, frame| {
        let packet = SlicedPacket::from_ethernet(frame).expect("strictly well formed");
        let Some(TransportSlice::Tcp(tcp)) = &packet.transport else {
            return;
        };
        let (source, destination) = source_and_destination(&packet);
        let key = (
            source,
            tcp.source_port(),
            destination,
            tcp.destination_port(),
        );
        let end = tcp
            .sequence_number()
            .wrapping_add(tcp.payload().len() as u32 + u32::from(tcp.syn() || tcp.fin()));
        if let Some(expected) = next.insert(key, end).filter(|_| !tcp.syn() && !tcp.rst()) {
            assert_eq!(tcp.sequence_number(), expected, "{key:?}");
        }
    });
    assert!(next.len() > 500, "only {} directions", next.len());
}

#[test]
fn the_mix_holds_downloads_and_both_address_families() {
    let (mut full, mut v6) = (0_u64, 0_u64);
    let bulk = Workload {
        packets: 40_000,
        ..Workload::BULK
    };
    each_packet(&bulk, |_, frame| full += u64::from(frame.len() == 1514));
    assert!(
        (85..95).contains(&(full * 100 / bulk.packets)),
        "{full} full-size segments"
    );
    each_packet(&SMALL, |_, frame| {
        v6 += u64::from(frame[12..14] == [0x86, 0xdd])
    });
    assert!(
        (2..30).contains(&(v6 * 100 / SMALL.packets)),
        "{v6} IPv6 packets"
    );
}

#[test]
fn the_snap_length_cuts_what_is_kept_and_not_what_was_sent() {
    let mut out = Vec::new();
    let workload = Workload {
        packets: 500,
        clients: 10,
        ..SMALL
    };
    traffic::write_pcap(&workload, 96, &mut out).expect("writing to memory");
    let mut sent = Vec::new();
    each_packet(&workload, |_, frame| sent.push(frame.len()));
    let mut rest = &out[24..];
    for length in sent {
        let field = |at: usize| {
            u32::from_le_bytes(rest[at..at + 4].try_into().expect("four octets")) as usize
        };
        assert_eq!((field(8), field(12)), (length.min(96), length));
        rest = &rest[16 + length.min(96)..];
    }
    assert!(rest.is_empty());
}

#[test]
fn the_same_capture_gives_the_same_report() {
    let mut capture = Vec::new();
    traffic::write_pcap(&SMALL, 262_144, &mut capture).expect("writing to memory");
    let place = Place::new();
    place.write("many.pcap", capture);
    let report = || {
        place
            .run(&["audit", "--format", "json", "many.pcap"])
            .output
    };
    let first = report();
    assert!(first.contains("\"ipv6_dead\""), "nothing of a whole device");
    for _ in 0..3 {
        assert!(report() == first, "another report of the same capture");
    }
}
