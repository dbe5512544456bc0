//! A small capture made by hand: one device, one server, a resolver, and whatever octets a test wants them to send.

use etherparse::PacketBuilder;

const DEVICE: [u8; 4] = [10, 20, 0, 14];
const RESOLVER: [u8; 4] = [10, 20, 0, 1];
const DEVICE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 14];
const GATEWAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A pcapng file in the making; each packet comes a millisecond after the one before.
pub struct Wire {
    octets: Vec<u8>,
    clock: u64,
    port: u16,
}

impl Wire {
    /// A section with this comment and program name, and an Ethernet interface with this name.
    pub fn new(comment: &[u8], program: &[u8], interface: &[u8]) -> Self {
        let mut section = vec![0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
        section.extend([0xff; 8]);
        section.extend(options(&[(1, comment), (4, program)]));
        let mut description = vec![1, 0, 0, 0, 0, 0, 0, 0];
        description.extend(options(&[(2, interface)]));
        let octets = [block(0x0a0d_0d0a, &section), block(1, &description)].concat();
        Self {
            octets,
            clock: 1_700_000_000_000_000,
            port: 50_000,
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, seconds: u64) {
        self.clock += seconds * 1_000_000;
    }

    /// The file, after five quiet seconds.
    pub fn finish(mut self) -> Vec<u8> {
        self.clock += 5_000_000;
        self.datagram(DEVICE, RESOLVER, (50_000, 9), b"the end");
        self.octets
    }

    /// The device asks for the A records of a name and hears that there is no such name.
    pub fn lookup_of_absent_name(&mut self, labels: &[&[u8]]) {
        self.port += 1;
        let (id, port) = (self.port.to_be_bytes(), self.port);
        let mut question = Vec::new();
        for label in labels {
            question.push(u8::try_from(label.len()).expect("a label"));
            question.extend_from_slice(label);
        }
        question.extend([0, 0, 1, 0, 1]);
        let message =
            |flags: [u8; 2]| [&id, &flags[..], &[0, 1, 0, 0, 0, 0, 0, 0], &question].concat();
        self.datagram(DEVICE, RESOLVER, (port, 53), &message([0x01, 0x00]));
        self.datagram(RESOLVER, DEVICE, (53, port), &message([0x81, 0x83]));
    }

    /// The device opens a connection and sends `request`; the answer is `answer` or, without one, a reset.
    pub fn connection(
        &mut self,
        server: [u8; 4],
        port: u16,
        request: &[u8],
        answer: Option<&[u8]>,
    ) {
        self.port += 1;
        let client = self.port;
        let up = |flags: &str, sequence, acknowledgment| Segment {
            ends: (DEVICE, server),
            ports: (client, port),
            flags: flags.to_owned(),
            sequence,
            acknowledgment,
        };
        let down = |flags: &str, sequence, acknowledgment| Segment {
            ends: (server, DEVICE),
            ports: (port, client),
            ..up(flags, sequence, acknowledgment)
        };
        let sent = 1_001 + u32::try_from(request.len()).expect("a short request");
        self.segment(&up("S", 1_000, 0), &[]);
        self.segment(&down("SA", 5_000, 1_001), &[]);
        self.segment(&up("A", 1_001, 5_001), &[]);
        self.segment(&up("A", 1_001, 5_001), request);
        match answer {
            Some(answer) => {
                let received = 5_001 + u32::try_from(answer.len()).expect("a short answer");
                self.segment(&down("A", 5_001, sent), answer);
                self.segment(&up("A", sent, received), &[]);
            }
            None => self.segment(&down("RA", 5_001, sent), &[]),
        }
    }

    fn datagram(&mut self, from: [u8; 4], to: [u8; 4], ports: (u16, u16), payload: &[u8]) {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(DEVICE_MAC, GATEWAY_MAC)
            .ipv4(from, to, 64)
            .udp(ports.0, ports.1)
            .write(&mut frame, payload)
            .expect("a datagram");
        self.frame(&frame);
    }

    fn segment(&mut self, segment: &Segment, payload: &[u8]) {
        let (from, to) = segment.ends;
        let (source, destination) = segment.ports;
        let mut builder = PacketBuilder::ethernet2(DEVICE_MAC, GATEWAY_MAC)
            .ipv4(from, to, 64)
            .tcp(source, destination, segment.sequence, 65_000);
        for flag in segment.flags.chars() {
            builder = match flag {
                'S' => builder.syn(),
                'R' => builder.rst(),
                _ => builder.ack(segment.acknowledgment),
            };
        }
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).expect("a segment");
        self.frame(&frame);
    }

    fn frame(&mut self, frame: &[u8]) {
        self.clock += 1_000;
        let length = u32::try_from(frame.len()).expect("a frame");
        let mut body = vec![0; 4];
        body.extend(((self.clock >> 32) as u32).to_le_bytes());
        body.extend((self.clock as u32).to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend_from_slice(frame);
        self.octets.extend(block(6, &body));
    }
}

struct Segment {
    ends: ([u8; 4], [u8; 4]),
    ports: (u16, u16),
    flags: String,
    sequence: u32,
    acknowledgment: u32,
}

/// A TLS record with a ClientHello that asks for `server_name` (RFC 8446 §4.1.2, RFC 6066 §3).
pub fn client_hello(server_name: &[u8]) -> Vec<u8> {
    let length = |octets: usize| u16::try_from(octets).expect("a length").to_be_bytes();
    let with_length = |body: &[u8]| [&length(body.len()), body].concat();
    let name = [&[0], with_length(server_name).as_slice()].concat();
    let extension = [&[0, 0], with_length(&with_length(&name)).as_slice()].concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(with_length(&[0x13, 0x01]));
    hello.extend([1, 0]);
    hello.extend(with_length(&extension));
    let message = [&[1, 0], with_length(&hello).as_slice()].concat();
    [&[22, 3, 1], with_length(&message).as_slice()].concat()
}

/// A block of a pcapng file, in little-endian order.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().wrapping_neg() % 4];
    let total = u32::try_from(12 + body.len() + padding.len()).expect("a block");
    [
        &kind.to_le_bytes(),
        &total.to_le_bytes()[..],
        body,
        &padding,
        &total.to_le_bytes(),
    ]
    .concat()
}

/// Options of a pcapng block.
fn options(options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (code, value) in options {
        octets.extend(code.to_le_bytes());
        octets.extend(u16::try_from(value.len()).expect("an option").to_le_bytes());
        octets.extend_from_slice(value);
        octets.extend(vec![0; value.len().wrapping_neg() % 4]);
    }
    octets.extend([0; 4]);
    octets
}
