//! Conversations of one device, packet by packet, for faults that no recording holds.
//!
//! Only what is sent is written down; sequence numbers, acknowledgements, lengths and times follow.

use super::frames::{ETHERNET, Frame, Recorded, ethernet, ethertype};
use std::net::{IpAddr, SocketAddr};

pub const DEVICE: &str = "10.20.0.14";
pub const DEVICE_6: &str = "2001:db8:20::14";
const RESOLVER: &str = "10.20.0.1:53";

/// Hop limits as seen at the device's gateway.
const CLIENT_HOPS: u8 = 64;
const SERVER_HOPS: u8 = 52;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Packets on the device's network, in the order in which they are written down.
pub struct Scene {
    frames: Vec<Frame>,
    /// Nanoseconds since 1970.
    now: i64,
    next_port: u16,
    identification: u16,
}

impl Scene {
    pub fn new() -> Self {
        Self {
            frames: Vec::new(),
            now: 1_795_333_600_000_000_000,
            next_port: 50_000,
            identification: 100,
        }
    }

    /// Time passes.
    pub fn wait(&mut self, milliseconds: i64) {
        self.now += milliseconds * 1_000_000;
    }

    /// Time passes, and the last packet, which has nothing to do with anything, comes at its end.
    pub fn wait_and_see(&mut self, milliseconds: i64) {
        self.wait(milliseconds);
        self.datagram(
            socket("10.20.0.77:6000"),
            socket("10.20.0.78:6000"),
            b"hello",
        );
    }

    pub fn capture(&self) -> Recorded {
        Recorded {
            link_type: ETHERNET,
            frames: self.frames.clone(),
        }
    }

    fn port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }

    fn packet(&mut self, from: IpAddr, to: IpAddr, hops: u8, protocol: u8, payload: &[u8]) {
        self.identification += 1;
        let mut bytes = ethernet(
            if hops == CLIENT_HOPS { 1 } else { 2 },
            ethertype(from.is_ipv6()),
        );
        bytes.extend(internet(
            from,
            to,
            hops,
            self.identification,
            protocol,
            payload.len(),
        ));
        bytes.extend(payload);
        self.frames.push(Frame {
            time: self.now,
            length: bytes.len(),
            bytes,
            number: None,
        });
        self.wait(10);
    }

    pub fn datagram(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let mut bytes = Vec::new();
        for field in [from.port(), to.port(), length(payload.len() + 8), 0] {
            bytes.extend(field.to_be_bytes());
        }
        bytes.extend(payload);
        let hops = if device(from.is_ipv6()) == from.ip() {
            CLIENT_HOPS
        } else {
            SERVER_HOPS
        };
        self.packet(from.ip(), to.ip(), hops, 17, &bytes);
    }

    /// A question to the resolver, once or several times.
    pub fn question(&mut self, name: &str, query_type: u16, times: usize) -> SocketAddr {
        let from = SocketAddr::new(device(false), self.port());
        for _ in 0..times {
            self.datagram(from, socket(RESOLVER), &query(name, query_type));
            if times > 1 {
                self.wait(1_000);
            }
        }
        from
    }

    /// A question with its answer: a response code, an alias if any, addresses.
    pub fn lookup(
        &mut self,
        name: &str,
        query_type: u16,
        code: u8,
        alias: Option<&str>,
        addresses: &[&str],
    ) {
        let from = self.question(name, query_type, 1);
        self.datagram(
            socket(RESOLVER),
            from,
            &answer(name, query_type, code, alias, addresses),
        );
    }

    /// The lookup of a host with an IPv4 address, as it should be.
    pub fn resolve(&mut self, name: &str, address: &str) {
        self.lookup(name, 1, 0, None, &[address]);
    }

    /// An ICMP or ICMPv6 error of this type and code from the gateway about the last packet.
    pub fn unreachable(&mut self, icmp_type: u8, code: u8) {
        let last = self.frames.last().expect("a packet").bytes[14..].to_vec();
        let version_6 = last[0] >> 4 == 6;
        let mut bytes = vec![icmp_type, code, 0, 0, 0, 0, 0, 0];
        bytes.extend(&last);
        let gateway = if version_6 {
            "2001:db8:20::1"
        } else {
            "10.20.0.1"
        };
        let protocol = if version_6 { 58 } else { 1 };
        self.packet(
            address(gateway),
            device(version_6),
            SERVER_HOPS,
            protocol,
            &bytes,
        );
    }

    /// A connection of the device to `server`, of which nothing has been sent yet.
    pub fn connection(&mut self, server: &str) -> Connection {
        let server = socket(server);
        Connection {
            client: SocketAddr::new(device(server.is_ipv6()), self.port()),
            server,
            next: [1_000_000, 2_000_000],
            hops: [CLIENT_HOPS, SERVER_HOPS],
        }
    }

    /// A connection that was opened.
    pub fn opened(&mut self, server: &str) -> Connection {
        let mut connection = self.connection(server);
        connection.open(self);
        connection
    }
}

/// One TCP connection.
pub struct Connection {
    pub client: SocketAddr,
    pub server: SocketAddr,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
    hops: [u8; 2],
}

impl Connection {
    /// The hop limit of the client's segments.
    pub fn client_hops(&mut self, hops: u8) {
        self.hops[0] = hops;
    }

    /// One segment as it should be.
    pub fn send(&mut self, scene: &mut Scene, side: Side, flags: u8, payload: &[u8]) {
        let [client, server] = self.next;
        let (own, others) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        self.segment(scene, side, flags, own, others, payload, None);
        let control = u32::from(flags & (SYN | FIN) != 0);
        let octets = u32::try_from(payload.len()).expect("a segment") + control;
        let [client, server] = &mut self.next;
        *(match side {
            Side::Client => client,
            Side::Server => server,
        }) += octets;
    }

    /// Data of the server that it sent before the client's last `unread` octets came.
    pub fn cross(&mut self, scene: &mut Scene, payload: &[u8], unread: u32) {
        let [client, server] = self.next;
        self.segment(
            scene,
            Side::Server,
            ACK,
            server,
            client - unread,
            payload,
            None,
        );
        self.next[1] += u32::try_from(payload.len()).expect("a segment");
    }

    /// One segment with these numbers; the counters stay as they are.
    #[allow(
        clippy::too_many_arguments,
        reason = "one segment is this many plain values"
    )]
    pub fn segment(
        &self,
        scene: &mut Scene,
        side: Side,
        flags: u8,
        sequence: u32,
        acknowledgment: u32,
        payload: &[u8],
        hops: Option<u8>,
    ) {
        let (from, to, usual) = match side {
            Side::Client => (self.client, self.server, self.hops[0]),
            Side::Server => (self.server, self.client, self.hops[1]),
        };
        let mut bytes = Vec::new();
        bytes.extend(from.port().to_be_bytes());
        bytes.extend(to.port().to_be_bytes());
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(if flags & ACK == 0 { 0 } else { acknowledgment }.to_be_bytes());
        bytes.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        bytes.extend(payload);
        let checksum = tcp_checksum(from.ip(), to.ip(), &bytes);
        bytes[16..18].copy_from_slice(&checksum.to_be_bytes());
        scene.packet(from.ip(), to.ip(), hops.unwrap_or(usual), 6, &bytes);
    }

    pub fn syn(&mut self, scene: &mut Scene) {
        let [client, _] = self.next;
        self.segment(scene, Side::Client, SYN, client, 0, &[], None);
    }

    /// `times` SYNs with growing gaps.
    pub fn syns(&mut self, scene: &mut Scene, times: u32) {
        for time in 0..times {
            self.syn(scene);
            scene.wait(1_000 << time);
        }
    }

    /// The answer to a SYN that was sent, and its acknowledgement.
    pub fn accept(&mut self, scene: &mut Scene) {
        self.next[0] += 1;
        self.send(scene, Side::Server, SYN | ACK, &[]);
        self.send(scene, Side::Client, ACK, &[]);
    }

    /// A SYN, and the server's answer, which the client does not get.
    pub fn ask_in_vain(&mut self, scene: &mut Scene) {
        let before = self.next;
        self.syn(scene);
        self.next[0] += 1;
        self.send(scene, Side::Server, SYN | ACK, &[]);
        self.next = before;
    }

    pub fn open(&mut self, scene: &mut Scene) {
        self.syn(scene);
        self.accept(scene);
    }

    /// Data of one side and the other side's acknowledgement.
    pub fn say(&mut self, scene: &mut Scene, side: Side, payload: &[u8]) {
        for piece in payload.chunks(1_400) {
            self.send(scene, side, ACK, piece);
        }
        let other = match side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        self.send(scene, other, ACK, &[]);
    }

    /// A reset in order, without ACK, that seems to come from `side`, with this hop limit.
    pub fn reset(&mut self, scene: &mut Scene, side: Side, hops: Option<u8>) {
        let [client, server] = self.next;
        let sequence = if side == Side::Client { client } else { server };
        self.segment(scene, side, RST, sequence, 0, &[], hops);
    }

    /// Both sides finish, the client first.
    pub fn close(&mut self, scene: &mut Scene) {
        self.send(scene, Side::Client, FIN | ACK, &[]);
        self.send(scene, Side::Server, FIN | ACK, &[]);
        self.send(scene, Side::Client, ACK, &[]);
    }

    /// A TLS 1.3 handshake up to the end of the server's flight.
    pub fn hellos(&mut self, scene: &mut Scene, name: &str) {
        self.say(scene, Side::Client, &client_hello(name));
        self.say(scene, Side::Server, &server_flight());
    }

    /// The end of a TLS 1.3 handshake, a request and its response.
    pub fn exchange(&mut self, scene: &mut Scene) {
        self.say(
            scene,
            Side::Client,
            &[finished(), application_data(120)].concat(),
        );
        self.say(scene, Side::Server, &application_data(700));
    }

    /// Everything as it should be, from the ClientHello on.
    pub fn serve(&mut self, scene: &mut Scene, name: &str) {
        self.hellos(scene, name);
        self.exchange(scene);
        self.close(scene);
    }
}

pub fn socket(text: &str) -> SocketAddr {
    text.parse().expect("address and port")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn device(version_6: bool) -> IpAddr {
    address(if version_6 { DEVICE_6 } else { DEVICE })
}

fn length(octets: usize) -> u16 {
    u16::try_from(octets).expect("a length")
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// An IP header.
fn internet(from: IpAddr, to: IpAddr, hops: u8, id: u16, protocol: u8, payload: usize) -> Vec<u8> {
    let mut header = if from.is_ipv6() {
        let [high, low] = length(payload).to_be_bytes();
        vec![0x60, 0, 0, 0, high, low, protocol, hops]
    } else {
        let [high, low] = length(payload + 20).to_be_bytes();
        let [id_high, id_low] = id.to_be_bytes();
        vec![
            0x45, 0, high, low, id_high, id_low, 0x40, 0, hops, protocol, 0, 0,
        ]
    };
    header.extend(octets(from));
    header.extend(octets(to));
    header
}

/// The checksum of a segment whose checksum field is zero (RFC 9293 §3.1).
fn tcp_checksum(from: IpAddr, to: IpAddr, segment: &[u8]) -> u16 {
    let mut covered = [octets(from), octets(to)].concat();
    covered.extend([0, 6]);
    covered.extend(length(segment.len()).to_be_bytes());
    covered.extend(segment);
    let sum: u32 = covered
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).expect("folded twice")
}

fn domain_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        let mut octets = vec![u8::try_from(label.len()).expect("a label")];
        octets.extend(label.bytes());
        octets
    });
    labels.chain([0]).collect()
}

/// A DNS question (RFC 1035 §4.1).
fn query(name: &str, query_type: u16) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(domain_name(name));
    message.extend(query_type.to_be_bytes());
    message.extend([0, 1]);
    message
}

/// Its answer.
fn answer(
    name: &str,
    query_type: u16,
    code: u8,
    alias: Option<&str>,
    addresses: &[&str],
) -> Vec<u8> {
    let mut message = query(name, query_type);
    message[2] = 0x81;
    message[3] = 0x80 | code;
    message[7] = u8::try_from(addresses.len() + usize::from(alias.is_some())).expect("few records");
    let mut record = |owner: &[u8], kind: u16, data: &[u8]| {
        message.extend(owner);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend(length(data.len()).to_be_bytes());
        message.extend(data);
    };
    let mut owner = domain_name(name);
    if let Some(alias) = alias {
        record(&owner, 5, &domain_name(alias));
        owner = domain_name(alias);
    }
    for text in addresses {
        let address = address(text);
        record(
            &owner,
            if address.is_ipv6() { 28 } else { 1 },
            &octets(address),
        );
    }
    message
}

/// An answer that does not fit: the TC bit is set.
pub fn truncated_answer(name: &str, query_type: u16) -> Vec<u8> {
    let mut message = answer(name, query_type, 0, None, &[]);
    message[2] |= 2;
    message
}

/// A question or an answer in a TCP stream (RFC 1035 §4.2.2).
pub fn over_tcp(message: Vec<u8>) -> Vec<u8> {
    [length(message.len()).to_be_bytes().to_vec(), message].concat()
}

pub fn query_message(name: &str, query_type: u16) -> Vec<u8> {
    query(name, query_type)
}

pub fn answer_message(name: &str, query_type: u16, addresses: &[&str]) -> Vec<u8> {
    answer(name, query_type, 0, None, addresses)
}

/// A TLS record.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [
        &[kind, 3, 3],
        length(body.len()).to_be_bytes().as_slice(),
        body,
    ]
    .concat()
}

fn vector(body: &[u8]) -> Vec<u8> {
    [length(body.len()).to_be_bytes().as_slice(), body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().as_slice(), &vector(body)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(body.len()).expect("a message").to_be_bytes();
    record(22, &[&[kind, high, middle, low], body].concat())
}

/// A ClientHello that offers TLS 1.3 and 1.2 (RFC 8446 §4.1.2).
pub fn client_hello(name: &str) -> Vec<u8> {
    let server_name = vector(&[&[0], vector(name.as_bytes()).as_slice()].concat());
    let extensions = [
        extension(0, &server_name),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(0x15, &[0; 200]),
    ]
    .concat();
    let body = [
        &[3, 3],
        [7; 32].as_slice(),
        &[0],
        &vector(&[0x13, 1, 0xc0, 0x2f]),
        &[1, 0],
        &vector(&extensions),
    ]
    .concat();
    handshake(1, &body)
}

/// A ServerHello of TLS 1.3, or of TLS 1.2.
pub fn server_hello(modern: bool) -> Vec<u8> {
    let extensions = if modern {
        extension(43, &[3, 4])
    } else {
        extension(0xff01, &[0])
    };
    let suite = if modern { [0x13, 1] } else { [0xc0, 0x2f] };
    let body = [
        &[3, 3],
        [9; 32].as_slice(),
        &[0],
        &suite,
        &[0],
        &vector(&extensions),
    ]
    .concat();
    handshake(2, &body)
}

/// ServerHello, and the encrypted rest of a TLS 1.3 server's flight.
pub fn server_flight() -> Vec<u8> {
    [
        server_hello(true),
        change_cipher_spec(),
        application_data(2_500),
    ]
    .concat()
}

/// One value of ASN.1 (ITU-T X.690 §8.1).
fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    [
        &[tag, 0x82],
        length(body.len()).to_be_bytes().as_slice(),
        body,
    ]
    .concat()
}

/// A distinguished name of organisation and common name.
fn distinguished_name(organization: &str, common_name: &str) -> Vec<u8> {
    let part = |attribute: u8, text: &str| {
        let object = der(6, &[0x55, 4, attribute]);
        let value = der(12, text.as_bytes());
        der(0x31, &der(0x30, &[object, value].concat()))
    };
    der(
        0x30,
        &[part(10, organization), part(3, common_name)].concat(),
    )
}

/// A Certificate message of TLS 1.2 for `host` (RFC 5246 §7.4.2, RFC 5280 §4.1); nothing in it is signed.
pub fn certificate(organization: &str, common_name: &str, host: &str) -> Vec<u8> {
    let algorithm = der(0x30, &der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let time = der(0x17, b"260101000000Z");
    let names = der(0x30, &der(0x82, host.as_bytes()));
    let alternative = [der(6, &[0x55, 0x1d, 0x11]), der(4, &names)].concat();
    let to_be_signed = [
        der(0xa0, &der(2, &[2])),
        der(2, &[1]),
        algorithm.clone(),
        distinguished_name(organization, common_name),
        der(0x30, &[time.clone(), time].concat()),
        distinguished_name("Microsoft Corporation", host),
        der(0x30, &[algorithm.clone(), der(3, &[0, 4, 1])].concat()),
        der(0xa3, &der(0x30, &der(0x30, &alternative))),
    ]
    .concat();
    let whole = [der(0x30, &to_be_signed), algorithm, der(3, &[0, 0x30, 0])].concat();
    let chain = [&[0], vector(&der(0x30, &whole)).as_slice()].concat();
    handshake(11, &[&[0], vector(&chain).as_slice()].concat())
}

pub fn change_cipher_spec() -> Vec<u8> {
    record(20, &[1])
}

/// The Finished of a TLS 1.3 client.
pub fn finished() -> Vec<u8> {
    [change_cipher_spec(), application_data(53)].concat()
}

pub fn application_data(octets: usize) -> Vec<u8> {
    record(23, &vec![0x5a; octets])
}

/// An alert in the clear.
pub fn alert(level: u8, description: u8) -> Vec<u8> {
    record(21, &[level, description])
}

/// An alert of TLS 1.3, encrypted.
pub fn encrypted_alert() -> Vec<u8> {
    application_data(19)
}

/// An encrypted handshake message of TLS 1.2.
pub fn encrypted_finished() -> Vec<u8> {
    [change_cipher_spec(), record(22, &[0x5a; 40])].concat()
}

/// An NTP packet of mode 3 (client) or 4 (server) (RFC 5905 §7.3).
pub fn ntp(mode: u8) -> Vec<u8> {
    let mut packet = vec![0; 48];
    packet[0] = 0x20 | mode;
    packet[1] = if mode == 4 { 2 } else { 0 };
    packet[40..].fill(7);
    packet
}
