//! What decoding a frame gives: addresses, transport header and payload, as plain values.

use crate::facts::MacAddress;
use smallvec::SmallVec;
use std::net::IpAddr;

/// Below IP: where on the link the packet was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkContext {
    /// Sender's hardware address, of the innermost Ethernet header.
    pub source_mac: Option<MacAddress>,
    /// Receiver's hardware address, of the innermost Ethernet header.
    pub destination_mac: Option<MacAddress>,
    /// VLAN identifiers, outermost first, tunnels included.
    pub vlans: SmallVec<[u16; 2]>,
    /// Tunnel headers that were taken off on the way to the inner packet, outermost first, for example `vxlan`, `gre`.
    pub tunnels: SmallVec<[&'static str; 2]>,
}

/// The (innermost) IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpContext {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// IPv4 identification; `None` for IPv6.
    pub ip_id: Option<u16>,
    /// Octets of the whole IP packet as sent, header included (of all fragments together when reassembled).
    pub octets: u32,
}

/// TCP flag bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;

    /// Whether all bits of `mask` are set.
    #[must_use]
    pub fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }
}

/// A TCP segment (RFC 9293).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSegment<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number; meaningless without the ACK flag.
    pub acknowledgment: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Window field, unscaled.
    pub window: u16,
    /// Timestamp value of the timestamps option (RFC 7323), when present and captured.
    pub timestamp_value: Option<u32>,
    /// Captured payload octets.
    pub payload: &'a [u8],
    /// Payload octets as sent; more than `payload.len()` when the frame is truncated.
    pub payload_length: u32,
}

/// A UDP datagram (RFC 768).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpDatagram<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Captured payload octets.
    pub payload: &'a [u8],
    /// Payload octets as sent; more than `payload.len()` when the frame is truncated.
    pub payload_length: u32,
}

/// The packet that an ICMP error quotes, as far as it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotedPacket {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// Its IP protocol number (6 TCP, 17 UDP).
    pub protocol: u8,
    /// Source and destination port, where at least four octets of the transport header are quoted.
    pub ports: Option<(u16, u16)>,
}

/// An ICMP or ICMPv6 error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    /// True for ICMPv6.
    pub version_6: bool,
    /// Type.
    pub icmp_type: u8,
    /// Code.
    pub icmp_code: u8,
    /// MTU of fragmentation-needed and packet-too-big.
    pub mtu: Option<u32>,
    /// The quoted packet.
    pub quoted: QuotedPacket,
}

/// What the IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportPacket<'a> {
    /// TCP.
    Tcp(TcpSegment<'a>),
    /// UDP.
    Udp(UdpDatagram<'a>),
    /// An ICMP error with a readable quotation.
    IcmpError(IcmpError),
    /// Anything else, by IP protocol number.
    Other(u8),
}

/// One decoded packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Link layer and tunnels.
    pub link: LinkContext,
    /// IP.
    pub ip: IpContext,
    /// Transport.
    pub transport: TransportPacket<'a>,
}
