//! A frame's bytes to headers.
mod packet;
pub use packet::{
    IcmpError, IpContext, LinkContext, Packet, QuotedPacket, TcpFlags, TcpSegment, TransportPacket,
    UdpDatagram,
};
