//! What must hold for any bytes: the decoder returns, keeps its promises about lengths, and agrees with etherparse's own
//! reading of packets where that has one.

use super::{Decoder, Packet, TransportPacket};
use crate::capture::Frame;
use crate::facts::{FrameNumber, LinkType, Timestamp};
use etherparse::{
    Ethernet2Header, IpNumber, LaxNetSlice, LaxSlicedPacket, PacketBuilder, PacketBuilderStep,
    TransportSlice, VlanId,
};
use proptest::prelude::*;
use std::net::IpAddr;

/// Every link type that has a decoder, and one that has none.
const LINK_TYPES: [u32; 35] = [
    0, 1, 9, 12, 14, 50, 51, 100, 101, 104, 105, 106, 107, 108, 109, 113, 117, 119, 127, 138, 147,
    163, 166, 192, 204, 219, 226, 228, 229, 239, 240, 241, 258, 274, 276,
];

fn frame(link_type: u32, original_length: u32, bytes: &[u8]) -> Frame<'_> {
    let link_type = LinkType(link_type);
    Frame {
        number: FrameNumber(1),
        timestamp: Timestamp(0),
        link_type,
        original_length,
        bytes,
    }
}

/// Lengths that hold for every packet.
fn check(packet: &Packet<'_>) {
    match packet.transport {
        TransportPacket::Tcp(segment) => {
            assert!(
                segment.payload.len() <= usize::try_from(segment.payload_length).expect("64 bits")
            );
            assert!(segment.payload_length < packet.ip.octets);
        }
        TransportPacket::Udp(datagram) => {
            assert!(
                datagram.payload.len()
                    <= usize::try_from(datagram.payload_length).expect("64 bits")
            );
        }
        TransportPacket::IcmpError(_) | TransportPacket::Other(_) => {}
    }
    assert!(packet.link.tunnels.len() <= 9 && packet.link.vlans.len() <= 32);
}

/// Decodes the frame, every truncation of it, and it again with each octet changed.
fn torture(decoder: &mut Decoder, link_type: u32, bytes: &[u8]) {
    let original = u32::try_from(bytes.len()).expect("short");
    for end in 0..=bytes.len() {
        for original in [original, 0, u32::MAX] {
            if let Some(packet) = decoder.decode(&frame(link_type, original, &bytes[..end])) {
                check(&packet);
            }
        }
    }
    let mut changed = bytes.to_vec();
    for index in 0..changed.len() {
        for mask in [0x01, 0x0f, 0x40, 0x80, 0xff] {
            changed[index] ^= mask;
            if let Some(packet) = decoder.decode(&frame(link_type, original, &changed)) {
                check(&packet);
            }
            changed[index] ^= mask;
        }
    }
}

/// What a test packet is built from.
#[derive(Debug, Clone)]
struct Plan {
    vlans: Vec<u16>,
    version_6: bool,
    tcp: bool,
    source_port: u16,
    destination_port: u16,
    timestamp: Option<u32>,
    payload: Vec<u8>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let tags = prop::collection::vec(0u16..4096, 0..=2);
    let payload = prop::collection::vec(any::<u8>(), 0..1400);
    (
        tags,
        any::<(bool, bool)>(),
        any::<(u16, u16)>(),
        any::<Option<u32>>(),
        payload,
    )
        .prop_map(
            |(vlans, (version_6, tcp), (source_port, destination_port), timestamp, payload)| Plan {
                vlans,
                version_6,
                tcp,
                source_port,
                destination_port,
                timestamp,
                payload,
            },
        )
}

fn build(plan: &Plan) -> Vec<u8> {
    let link: PacketBuilderStep<Ethernet2Header> =
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let vlan = |index: usize| VlanId::try_new(plan.vlans[index]).expect("twelve bits");
    let (v6_from, v6_to, v4_from, v4_to) =
        ([0x20; 16], [0x21; 16], [192, 0, 2, 1], [198, 51, 100, 2]);
    let ip = match (plan.vlans.len(), plan.version_6) {
        (0, false) => link.ipv4(v4_from, v4_to, 64),
        (0, true) => link.ipv6(v6_from, v6_to, 64),
        (1, false) => link.single_vlan(vlan(0)).ipv4(v4_from, v4_to, 64),
        (1, true) => link.single_vlan(vlan(0)).ipv6(v6_from, v6_to, 64),
        (_, false) => link.double_vlan(vlan(0), vlan(1)).ipv4(v4_from, v4_to, 64),
        (_, true) => link.double_vlan(vlan(0), vlan(1)).ipv6(v6_from, v6_to, 64),
    };
    let mut bytes = Vec::new();
    if plan.tcp {
        let mut tcp = ip
            .tcp(plan.source_port, plan.destination_port, 7, 1024)
            .ack(9)
            .psh();
        if let Some(value) = plan.timestamp {
            let option = etherparse::TcpOptionElement::Timestamp(value, 1);
            tcp = tcp.options(&[option]).expect("fits");
        }
        tcp.write(&mut bytes, &plan.payload).expect("memory");
    } else {
        ip.udp(plan.source_port, plan.destination_port)
            .write(&mut bytes, &plan.payload)
            .expect("memory");
    }
    bytes
}

proptest! {
    #[test]
    fn agrees_with_etherparse(plan in plan(), cut in any::<prop::sample::Index>()) {
        let bytes = build(&plan);
        let original = u32::try_from(bytes.len()).expect("short");
        let whole = LaxSlicedPacket::from_ethernet(&bytes).expect("valid");
        let mut decoder = Decoder::default();
        let packet = decoder.decode(&frame(1, original, &bytes)).expect("valid");
        let (source, protocol) = match whole.net.as_ref().expect("IP") {
            LaxNetSlice::Ipv4(ip) => (IpAddr::V4(ip.header().source_addr()), ip.payload().ip_number),
            LaxNetSlice::Ipv6(ip) => (IpAddr::V6(ip.header().source_addr()), ip.payload().ip_number),
            LaxNetSlice::Arp(_) => unreachable!("built as IP"),
        };
        prop_assert_eq!(packet.ip.source, source);
        prop_assert_eq!(protocol, if plan.tcp { IpNumber::TCP } else { IpNumber::UDP });
        prop_assert_eq!(&packet.link.vlans[..], &plan.vlans[..]);
        match (packet.transport, whole.transport.expect("there")) {
            (TransportPacket::Tcp(ours), TransportSlice::Tcp(theirs)) => {
                prop_assert_eq!(ours.source_port, theirs.source_port());
                prop_assert_eq!(ours.destination_port, theirs.destination_port());
                prop_assert_eq!(ours.sequence, theirs.sequence_number());
                prop_assert_eq!(ours.acknowledgment, theirs.acknowledgment_number());
                prop_assert_eq!(ours.window, theirs.window_size());
                prop_assert_eq!(ours.timestamp_value, plan.timestamp);
                prop_assert_eq!(ours.payload, theirs.payload());
            }
            (TransportPacket::Udp(ours), TransportSlice::Udp(theirs)) => {
                prop_assert_eq!(ours.source_port, theirs.source_port());
                prop_assert_eq!(ours.destination_port, theirs.destination_port());
                prop_assert_eq!(ours.payload, theirs.payload());
            }
            (ours, theirs) => prop_assert!(false, "{:?} is not {:?}", ours, theirs),
        }

        // The same frame cut anywhere: what is still told does not change.
        let cut = &bytes[..cut.index(bytes.len() + 1)];
        let mut other = Decoder::default();
        if let Some(partial) = other.decode(&frame(1, original, cut)) {
            prop_assert_eq!(partial.ip, packet.ip);
            match (partial.transport, packet.transport) {
                (TransportPacket::Tcp(cut), TransportPacket::Tcp(whole)) => {
                    prop_assert_eq!(cut.payload_length, whole.payload_length);
                    prop_assert_eq!(cut.sequence, whole.sequence);
                    prop_assert!(whole.payload.starts_with(cut.payload));
                }
                (TransportPacket::Udp(cut), TransportPacket::Udp(whole)) => {
                    prop_assert_eq!(cut.payload_length, whole.payload_length);
                    prop_assert!(whole.payload.starts_with(cut.payload));
                }
                (cut, whole) => prop_assert!(false, "{:?} is not {:?}", cut, whole),
            }
        }
    }

    #[test]
    fn any_bytes_of_any_link_type(bytes in prop::collection::vec(any::<u8>(), 0..200), original in any::<u32>()) {
        let mut decoder = Decoder::default();
        for link_type in LINK_TYPES {
            if let Some(packet) = decoder.decode(&frame(link_type, original, &bytes)) {
                check(&packet);
            }
        }
    }
}

/// Headers that lead deep into the decoder, each before an IPv4 packet with a UDP datagram.
fn seeds() -> Vec<(u32, Vec<u8>)> {
    let udp = [&[0xc0, 0, 0, 53, 0, 12, 0, 0][..], &[1, 2, 3, 4]].concat();
    let ip = |protocol: u8, payload: &[u8]| {
        let total = u8::try_from(20 + payload.len()).expect("short");
        let header = [
            0x45, 0, 0, total, 0, 7, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
        ];
        [&header[..], payload].concat()
    };
    let port = |port: u16, payload: &[u8]| {
        let [p1, p2] = port.to_be_bytes();
        let length = u8::try_from(8 + payload.len()).expect("short");
        ip(
            17,
            &[&[0xc0, 0, p1, p2, 0, length, 0, 0][..], payload].concat(),
        )
    };
    let inner = ip(17, &udp);
    let ethernet = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &inner].concat();
    let version_6 = {
        let mut packet = vec![0x60, 0, 0, 0, 0, 28, 0, 64];
        packet.extend([0x20; 32]);
        packet.extend([44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 1]);
        [&packet[..], &udp].concat()
    };
    let before = |header: &[u8], rest: &[u8]| [header, rest].concat();
    let wireless = [
        &[
            0x88, 1, 0, 0, 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0,
        ][..],
        &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
        &inner,
    ]
    .concat();
    let radiotap = before(
        &[0, 0, 17, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &wireless,
    );
    vec![
        (
            1,
            before(&ethernet[..12], &before(&[0x81, 0, 0, 5, 8, 0], &inner)),
        ),
        (
            1,
            before(
                &ethernet[..12],
                &before(&[0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 0], &ethernet),
            ),
        ),
        (
            1,
            before(
                &ethernet[..12],
                &before(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 34, 0, 0x21], &inner),
            ),
        ),
        (
            101,
            ip(
                47,
                &before(
                    &[0xb0, 0, 0x88, 0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1],
                    &[0x10; 8],
                ),
            ),
        ),
        (101, ip(4, &inner)),
        (101, ip(1, &before(&[3, 13, 0, 0, 0, 0, 0, 0], &inner))),
        (
            101,
            ip(51, &before(&[17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1], &udp)),
        ),
        (101, version_6.clone()),
        (
            101,
            port(
                3544,
                &before(
                    &[
                        0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1,
                    ],
                    &version_6,
                ),
            ),
        ),
        (
            101,
            port(4789, &before(&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet)),
        ),
        (
            101,
            port(
                6081,
                &before(&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 3, 0], &ethernet),
            ),
        ),
        (
            101,
            port(
                2152,
                &before(
                    &[0x34, 255, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0],
                    &inner,
                ),
            ),
        ),
        (
            101,
            port(5247, &before(&[0, 0x10, 3, 0, 0, 0, 0, 0], &wireless)),
        ),
        (
            101,
            port(1701, &before(&[0, 2, 0, 7, 0, 9, 0xff, 3, 0, 0x21], &inner)),
        ),
        (101, port(6635, &before(&[0, 1, 1, 64], &inner))),
        (
            101,
            port(37008, &before(&[1, 0, 0, 1, 10, 1, 0xb0, 1], &ethernet)),
        ),
        (127, radiotap),
        (
            113,
            before(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], &inner),
        ),
        (
            239,
            before(&[2, 0, 0, 0, 6, 0, 10, 0, 97, 0, 0, 0, 36, 0, 9, 0], &inner),
        ),
        (
            258,
            before(&[12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &ethernet),
        ),
        (
            6,
            before(
                &[
                    0x10, 0x40, 2, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 0, 2, 2, 0, 0xaa, 0xaa, 3, 0, 0,
                    0, 8, 0,
                ],
                &inner,
            ),
        ),
        (
            197,
            before(
                &[
                    0, 0, 0, 0, 0, 0, 0, 0, 0x82, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
                &ethernet,
            ),
        ),
        (178, before(b"MGC\x81\0\x02\0\0", &ethernet)),
    ]
}

#[test]
fn truncations_and_changed_octets() {
    let mut decoder = Decoder::default();
    for (link_type, bytes) in seeds() {
        torture(&mut decoder, link_type, &bytes);
    }
    // Whatever it was fed: anomalies were counted, under names of ours only.
    assert!(decoder.anomalies().kinds().len() > 5);
    assert_eq!(decoder.anomalies().count("other-anomaly"), 0);
}

#[test]
fn seeds_lead_where_they_should() {
    let mut tunnels = Vec::new();
    for (link_type, bytes) in seeds() {
        let mut decoder = Decoder::default();
        let original = u32::try_from(bytes.len()).expect("short");
        if let Some(packet) = decoder.decode(&frame(link_type, original, &bytes)) {
            tunnels.extend(packet.link.tunnels);
        }
    }
    let expected = [
        "mpls",
        "pseudowire",
        "pppoe",
        "ipip",
        "vxlan",
        "geneve",
        "gtp-u",
        "capwap",
        "l2tp",
        "mpls-udp",
        "tzsp",
    ];
    assert_eq!(tunnels, expected);
}
