//! The frames of a recording in memory: where their IP packet is, how to change its addresses, how to wrap it anew, and how to write
//! them as a capture file again.
//!
//! Checksums are kept right, so that a derived capture differs from its recording in nothing but what was meant to differ.

use intap::capture::FrameStream;
use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};

pub const ETHERNET: u32 = 1;
pub const RAW_IP: u32 = 101;
pub const LINUX_SLL: u32 = 113;
const LINUX_SLL2: u32 = 276;

const TCP: u8 = 6;
const UDP: u8 = 17;
const VXLAN_PORT: u16 = 4789;

/// One frame of a capture that is put together.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Nanoseconds since 1970.
    pub time: i64,
    pub bytes: Vec<u8>,
    /// Octets on the wire.
    pub length: usize,
    /// Its number in the recording; `None` for one that was added.
    pub number: Option<u64>,
}

/// A capture in memory.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub link_type: u32,
    pub frames: Vec<Frame>,
}

impl Recorded {
    /// Reads a capture file that has one link type.
    pub fn read(file: Vec<u8>) -> Self {
        let mut stream =
            FrameStream::from_reader("recording", Cursor::new(file)).expect("a capture");
        let mut frames = Vec::new();
        let mut link_type = None;
        while let Some(frame) = stream.next_frame() {
            assert_eq!(*link_type.get_or_insert(frame.link_type), frame.link_type);
            frames.push(Frame {
                time: frame.timestamp.0,
                bytes: frame.bytes.to_vec(),
                length: frame.original_length as usize,
                number: Some(frame.number.0),
            });
        }
        Self {
            link_type: link_type.expect("a frame").0,
            frames,
        }
    }

    /// The same capture with other frames.
    pub fn with(&self, frames: Vec<Frame>) -> Self {
        Self {
            link_type: self.link_type,
            frames,
        }
    }

    /// A pcap file with nanoseconds (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html>).
    pub fn to_pcap(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, self.link_type] {
            file.extend(word.to_le_bytes());
        }
        for frame in &self.frames {
            let (seconds, nanoseconds) = (
                frame.time.div_euclid(1_000_000_000),
                frame.time.rem_euclid(1_000_000_000),
            );
            for word in [
                seconds as u32,
                nanoseconds as u32,
                frame.bytes.len() as u32,
                frame.length as u32,
            ] {
                file.extend(word.to_le_bytes());
            }
            file.extend(&frame.bytes);
        }
        file
    }

    /// Where the innermost IP packet of `frame` is; `None` when there is none.
    pub fn packet(&self, frame: &Frame) -> Option<Packet> {
        let start = match self.link_type {
            ETHERNET => after_ethernet(&frame.bytes, 0)?,
            LINUX_SLL => 16,
            LINUX_SLL2 => 20,
            RAW_IP => 0,
            other => panic!("link type {other}"),
        };
        let packet = Packet::at(&frame.bytes, start)?;
        if packet.protocol == UDP && packet.ports(&frame.bytes)?.1 == VXLAN_PORT {
            return Packet::at(
                &frame.bytes,
                after_ethernet(&frame.bytes, packet.transport + 16)?,
            );
        }
        Some(packet)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// The offset behind the Ethernet header and the VLAN tags at `start`.
fn after_ethernet(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 12;
    while matches!(word(bytes, at)?, 0x8100 | 0x88a8) {
        at += 4;
    }
    matches!(word(bytes, at)?, 0x0800 | 0x86dd).then_some(at + 2)
}

/// Where in a frame an IP packet's parts are.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    /// Of the IP header.
    pub start: usize,
    /// Of the transport header.
    pub transport: usize,
    pub protocol: u8,
    pub source: IpAddr,
    pub destination: IpAddr,
}

impl Packet {
    fn at(bytes: &[u8], start: usize) -> Option<Self> {
        let address = |at: usize, length: usize| -> Option<IpAddr> {
            let octets = bytes.get(start + at..start + at + length)?;
            match length {
                4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
                _ => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
            }
        };
        let first = *bytes.get(start)?;
        Some(match first >> 4 {
            4 => Self {
                start,
                transport: start + usize::from(first & 15) * 4,
                protocol: *bytes.get(start + 9)?,
                source: address(12, 4)?,
                destination: address(16, 4)?,
            },
            6 => Self {
                start,
                transport: start + 40,
                protocol: *bytes.get(start + 6)?,
                source: address(8, 16)?,
                destination: address(24, 16)?,
            },
            _ => return None,
        })
    }

    /// Source and destination port.
    pub fn ports(&self, bytes: &[u8]) -> Option<(u16, u16)> {
        matches!(self.protocol, TCP | UDP).then_some(())?;
        Some((
            word(bytes, self.transport)?,
            word(bytes, self.transport + 2)?,
        ))
    }

    pub fn is_tcp(&self) -> bool {
        self.protocol == TCP
    }

    /// The packet inside an ICMP error.
    fn quoted(&self, bytes: &[u8]) -> Option<Self> {
        let kind = *bytes.get(self.transport)?;
        let error = match self.protocol {
            1 => matches!(kind, 3 | 11),
            58 => matches!(kind, 1..=3),
            _ => false,
        };
        error.then(|| Self::at(bytes, self.transport + 8)).flatten()
    }

    fn transport_checksum(&self) -> Option<usize> {
        Some(
            self.transport
                + match self.protocol {
                    TCP => 16,
                    UDP => 6,
                    58 => 2,
                    _ => return None,
                },
        )
    }

    /// Puts `address` in place of the source (or the destination).
    fn readdress(&self, bytes: &mut [u8], source: bool, address: IpAddr) {
        let (at, octets) = match address {
            IpAddr::V4(v4) => (12, v4.octets().to_vec()),
            IpAddr::V6(v6) => (8, v6.octets().to_vec()),
        };
        let at = self.start + at + if source { 0 } else { octets.len() };
        for (index, pair) in octets.chunks(2).enumerate() {
            let place = at + 2 * index;
            let new = u16::from_be_bytes([pair[0], pair[1]]);
            let Some(old) = replace(bytes, place, new) else {
                return;
            };
            if address.is_ipv4() {
                adjust(bytes, self.start + 10, old, new);
            }
            if let Some(checksum) = self.transport_checksum() {
                adjust(bytes, checksum, old, new);
            }
        }
    }

    /// Puts `port` in place of the source (or the destination) port.
    fn report(&self, bytes: &mut [u8], source: bool, port: u16) {
        let place = self.transport + if source { 0 } else { 2 };
        if self.ports(bytes).is_none() {
            return;
        }
        if let (Some(old), Some(checksum)) =
            (replace(bytes, place, port), self.transport_checksum())
        {
            adjust(bytes, checksum, old, port);
        }
    }

    /// One router further: the hop limit is one less.
    pub fn hop(&self, bytes: &mut [u8]) {
        if bytes[self.start] >> 4 == 4 {
            let at = self.start + 8;
            let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            bytes[at] = bytes[at].saturating_sub(1);
            let new = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            adjust(bytes, self.start + 10, old, new);
        } else {
            bytes[self.start + 7] = bytes[self.start + 7].saturating_sub(1);
        }
    }
}

fn replace(bytes: &mut [u8], at: usize, new: u16) -> Option<u16> {
    let old = word(bytes, at)?;
    bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
    Some(old)
}

/// Corrects a checksum for one changed word (RFC 1624 §3); one that the snap length cut off needs none.
fn adjust(bytes: &mut [u8], at: usize, old: u16, new: u16) {
    let Some(checksum) = word(bytes, at) else {
        return;
    };
    let mut sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    let _ = replace(bytes, at, !(sum as u16));
}

impl Recorded {
    /// `frame` with every `from` of its IP header, and of the packet that an ICMP error quotes, turned into `to`; the port of
    /// that side grows by `ports`. `None` when `from` is not in it.
    pub fn translated(&self, frame: &Frame, from: IpAddr, to: IpAddr, ports: u16) -> Option<Frame> {
        let outer = self.packet(frame)?;
        let mut frame = frame.clone();
        let mut changed = false;
        for packet in [Some(outer), outer.quoted(&frame.bytes)]
            .into_iter()
            .flatten()
        {
            for (source, address) in [(true, packet.source), (false, packet.destination)] {
                if address != from {
                    continue;
                }
                changed = true;
                packet.readdress(&mut frame.bytes, source, to);
                if let Some((sender, receiver)) = packet.ports(&frame.bytes) {
                    let port = if source { sender } else { receiver };
                    packet.report(&mut frame.bytes, source, port.wrapping_add(ports).max(1024));
                }
            }
        }
        changed.then_some(frame)
    }

    /// Every frame's innermost IP packet behind `header`, which gets the packet's length and IP version; frames without one are
    /// left out.
    pub fn wrapped(&self, link_type: u32, header: impl Fn(usize, bool) -> Vec<u8>) -> Self {
        let frames = self
            .frames
            .iter()
            .filter_map(|frame| {
                let packet = self.packet(frame)?;
                let inner = &frame.bytes[packet.start..];
                let length = frame.length - packet.start;
                let mut bytes = header(length, packet.source.is_ipv6());
                let length = length + bytes.len();
                bytes.extend(inner);
                Some(Frame {
                    bytes,
                    length,
                    ..frame.clone()
                })
            })
            .collect();
        Self { link_type, frames }
    }
}

/// An Ethernet header.
pub fn ethernet(last_octet: u8, ethertype: u16) -> Vec<u8> {
    let mut header = vec![2, 0, 0, 0, 9, 1, 2, 0, 0, 0, 9, last_octet];
    header.extend(ethertype.to_be_bytes());
    header
}

/// The EtherType of IP.
pub fn ethertype(version_6: bool) -> u16 {
    if version_6 { 0x86dd } else { 0x0800 }
}

/// An IPv4 header in front of `length` octets.
pub fn ipv4(protocol: u8, length: usize) -> Vec<u8> {
    let total = u16::try_from(length + 20).expect("a packet").to_be_bytes();
    let mut header = vec![0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, protocol, 0, 0];
    header.extend(Ipv4Addr::new(10, 99, 0, 1).octets());
    header.extend(Ipv4Addr::new(10, 99, 0, 2).octets());
    let sum: u32 = header
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    header[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    header
}

/// A UDP header without checksum in front of `length` octets.
pub fn udp(port: u16, length: usize) -> Vec<u8> {
    let mut header = Vec::new();
    for field in [
        40_000,
        port,
        u16::try_from(length + 8).expect("a datagram"),
        0,
    ] {
        header.extend(field.to_be_bytes());
    }
    header
}
