//! Who talks to whom.

use std::fmt;
use std::net::SocketAddr;

/// Which side of a flow sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Sent by the side that opened the flow: it sent the SYN, or failing that it is the side with the ephemeral port.
    Originator,
    /// Sent by the other side.
    Responder,
}

impl Direction {
    /// The other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Originator => Self::Responder,
            Self::Responder => Self::Originator,
        }
    }

    /// This side's element of a pair kept as `[originator, responder]`.
    pub fn of<T>(self, pair: &[T; 2]) -> &T {
        let [originator, responder] = pair;
        match self {
            Self::Originator => originator,
            Self::Responder => responder,
        }
    }

    /// This side's element of a pair kept as `[originator, responder]`, to change it.
    pub fn of_mut<T>(self, pair: &mut [T; 2]) -> &mut T {
        let [originator, responder] = pair;
        match self {
            Self::Originator => originator,
            Self::Responder => responder,
        }
    }
}

/// Transport protocol of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Transmission Control Protocol (RFC 9293).
    Tcp,
    /// User Datagram Protocol (RFC 768).
    Udp,
}

impl Transport {
    /// IP protocol number: 6 or 17.
    #[must_use]
    pub fn protocol_number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// A flow's identity, originator first; addresses are the inner ones when something is encapsulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FiveTuple {
    /// The side that opened the flow.
    pub originator: SocketAddr,
    /// The other side.
    pub responder: SocketAddr,
    /// TCP or UDP.
    pub transport: Transport,
}

/// An IEEE 802 MAC address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
