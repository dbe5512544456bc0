//! One flow: both directions of one five-tuple, from its first packet to its last.

use super::{
    ClientHelloFact, Direction, FiveTuple, HostName, HttpFacts, MacAddress, QuicFact, Seen,
    Timestamp, TlsFacts, TunnelRequest,
};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::time::Duration;

/// How much of a flow's beginning the capture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Establishment {
    /// TCP: the SYN is in the capture. UDP: there is no beginning to miss.
    FromStart,
    /// TCP: the SYN/ACK (or the reset that refused the SYN) is in the capture, the SYN is not.
    FromAnswer,
    /// TCP: the first packet seen belongs to an open connection.
    MidStream,
}

/// Why a flow record was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowEnd {
    /// Both sides closed, or one reset it.
    Closed,
    /// Nothing was seen for the idle timeout.
    Idle,
    /// A new connection took the same addresses and ports.
    PortReused,
    /// The flow table was full.
    Evicted,
    /// The capture ended.
    CaptureEnd,
}

/// What the payload turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Application {
    /// TLS, or DTLS over UDP.
    Tls,
    /// QUIC.
    Quic,
    /// HTTP/1, HTTP/2 with prior knowledge.
    Http,
    /// HTTP/1 CONNECT to a proxy.
    HttpConnect,
    /// SOCKS 4, 4a or 5.
    Socks,
    /// DNS over UDP or TCP.
    Dns,
    /// Multicast DNS.
    Mdns,
    /// LLMNR.
    Llmnr,
    /// NTP.
    Ntp,
    /// DHCP for IPv4.
    Dhcp,
    /// NetBIOS name service.
    Nbns,
}

/// The first reset one side sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// The packet.
    pub seen: Seen,
    /// IP hop limit (TTL) of the reset.
    pub hop_limit: u8,
    /// IPv4 identification; `None` for IPv6.
    pub ip_id: Option<u16>,
    /// TCP window field.
    pub window: u16,
    /// The ACK flag was set.
    pub ack: bool,
    /// Sequence number minus the next one expected from that side; 0 for a reset in order.
    pub sequence_offset: i32,
}

/// What the TCP headers prove.
#[derive(Debug, Clone, Default)]
pub struct TcpFacts {
    /// The originator's initial sequence number, which survives most address translation.
    pub initial_sequence: Option<u32>,
    /// SYNs of the originator, copies not counted.
    pub syn_count: u32,
    /// First SYN.
    pub syn: Option<Seen>,
    /// Last repetition of the SYN.
    pub last_syn: Option<Seen>,
    /// The responder's SYN/ACK.
    pub syn_ack: Option<Seen>,
    /// SYN to SYN/ACK; `None` when either is missing or the SYN was repeated.
    pub handshake_rtt: Option<Duration>,
    /// The originator acknowledged the SYN/ACK (or sent data), whether or not the SYN/ACK itself was captured.
    pub established: Option<Seen>,
    /// First FIN of each side.
    pub fin: [Option<Seen>; 2],
    /// First reset of each side.
    pub reset: [Option<Reset>; 2],
    /// First packet with payload of each side.
    pub first_data: [Option<Seen>; 2],
    /// Last packet with new payload of each side.
    pub last_data: [Option<Seen>; 2],
    /// Distinct payload octets of each side that were on the wire (captured or not).
    pub payload: [u64; 2],
    /// Octets of each side that the *other* side acknowledged, relative to the start of the stream or, mid-stream, to the
    /// first acknowledgement seen. More than `payload` means that the capture missed packets.
    pub acknowledged: [u64; 2],
    /// Octets of the originator that the responder had acknowledged when it last sent something new.
    pub acknowledged_with_data: u64,
    /// Segments sent again, of each side.
    pub retransmissions: [u32; 2],
    /// The originator's first payload was sent again: the last such packet, and how often.
    pub first_data_resent: Option<(Seen, u32)>,
    /// Octets known to have been sent but not captured, of each side.
    pub lost_octets: [u64; 2],
    /// Hop limit of the first packet of each side that was no reset.
    pub hop_limit: [Option<u8>; 2],
    /// IPv4 identification of the last packet before a reset, of each side.
    pub last_ip_id: [Option<u16>; 2],
    /// Payload octets the originator sent before the responder's first data, for example its ClientHello.
    pub opening_octets: u64,
    /// Data of the originator that followed the responder's first data (a third leg of the conversation).
    pub originator_data_after_answer: Option<Seen>,
    /// Data of the responder after that.
    pub responder_data_after_that: Option<Seen>,
    /// When the originator acknowledged octets of the responder beyond the SYN/ACK for the first time.
    pub originator_acknowledged_data: Option<Seen>,
}

impl TcpFacts {
    /// The responder has accepted the connection, as far as packets show: by its SYN/ACK, by data, or because the originator goes
    /// on as if it had.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        let [_, from_responder] = self.payload;
        self.syn_ack.is_some() || self.established.is_some() || from_responder > 0
    }
}

/// Why a router or firewall says a packet could not be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IcmpReason {
    /// ICMP 3/9, 3/10, 3/13, ICMPv6 1/1, 1/5, 1/6: refused by policy.
    AdminProhibited,
    /// ICMP 3/1 and its kin, ICMPv6 1/3.
    HostUnreachable,
    /// ICMP 3/0 and its kin, ICMPv6 1/0.
    NetUnreachable,
    /// ICMP 3/3, ICMPv6 1/4.
    PortUnreachable,
    /// Time exceeded in transit.
    TimeExceeded,
    /// Fragmentation needed, packet too big: normal path MTU discovery.
    PacketTooBig,
    /// Any other error.
    Other,
}

/// An ICMP error that quotes a packet of this flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpErrorFact {
    /// The packet with the error.
    pub seen: Seen,
    /// Who sent it.
    pub by: IpAddr,
    /// What it says.
    pub reason: IcmpReason,
    /// ICMP type.
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
    /// Which side's packet it quotes.
    pub about: Direction,
    /// MTU of the next hop, for packet-too-big.
    pub mtu: Option<u32>,
}

/// NTP requests and replies of a flow (RFC 5905).
#[derive(Debug, Clone, Copy, Default)]
pub struct NtpFact {
    /// First client request (mode 3).
    pub request: Option<Seen>,
    /// First server reply (mode 4).
    pub reply: Option<Seen>,
    /// The reply was a kiss-o'-death (stratum 0).
    pub kiss_of_death: bool,
}

/// One TCP or UDP flow.
#[derive(Debug, Clone)]
pub struct FlowRecord {
    /// Identity, originator first.
    pub five_tuple: FiveTuple,
    /// How much of its beginning is in the capture.
    pub establishment: Establishment,
    /// Why the record was finished.
    pub end: FlowEnd,
    /// First packet.
    pub first: Seen,
    /// Last packet.
    pub last: Seen,
    /// Packets of originator and responder, copies not counted.
    pub packets: [u64; 2],
    /// IP packet octets (headers and payload, as sent) of originator and responder, copies not counted.
    pub octets: [u64; 2],
    /// Copies recognised and left out.
    pub copies: u64,
    /// Packets of which the capture does not hold the whole payload.
    pub truncated_packets: u64,
    /// VLAN identifiers of the first packet, outermost first.
    pub vlans: SmallVec<[u16; 2]>,
    /// Hardware address of the originator, where the link layer shows it and the originator is on this link.
    pub originator_mac: Option<MacAddress>,
    /// TCP headers' evidence; `None` for UDP.
    pub tcp: Option<Box<TcpFacts>>,
    /// UDP payload octets of each side.
    pub udp_payload: [u64; 2],
    /// UDP: first datagram of each side.
    pub first_datagram: [Option<Seen>; 2],
    /// What the payload turned out to be; `None` when unknown or absent.
    pub application: Option<Application>,
    /// Tunnel asked of a proxy.
    pub tunnel: Option<Box<TunnelRequest>>,
    /// TLS, in the clear or inside the tunnel.
    pub tls: Option<Box<TlsFacts>>,
    /// QUIC.
    pub quic: Option<Box<QuicFact>>,
    /// HTTP/1.
    pub http: Option<Box<HttpFacts>>,
    /// NTP.
    pub ntp: Option<NtpFact>,
    /// ICMP errors that quote it, at most 4.
    pub icmp_errors: SmallVec<[IcmpErrorFact; 1]>,
    /// A limit was reached while it was observed, so that something may be missing: the limit's name.
    pub limit_reached: Option<&'static str>,
}

/// A device's address together with what identifies the device.
#[derive(Debug, Clone)]
pub struct HostSighting {
    /// The device's address.
    pub address: IpAddr,
    /// Its hardware address.
    pub mac: Option<MacAddress>,
    /// VLAN identifiers, outermost first.
    pub vlans: SmallVec<[u16; 2]>,
    /// Name the device gives itself (DHCP host name, NetBIOS, mDNS), printable.
    pub name: Option<HostName>,
    /// Where the name comes from: `dhcp`, `nbns` or `mdns`.
    pub name_source: Option<&'static str>,
    /// Class identifier a DHCP client sends, for example `MSFT 5.0` or `android-dhcp-14`.
    pub vendor_class: Option<CompactString>,
    /// First packet.
    pub seen: Seen,
}

impl FlowRecord {
    /// First to last packet.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.last.time.since(self.first.time)
    }

    /// The ClientHello of TLS or, failing that, of QUIC.
    #[must_use]
    pub fn client_hello(&self) -> Option<&ClientHelloFact> {
        let tls = self.tls.as_ref().and_then(|tls| tls.client_hello.as_ref());
        tls.or_else(|| self.quic.as_ref()?.client_hello.as_ref())
    }

    /// Time of the first packet.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.first.time
    }
}
