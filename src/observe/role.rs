//! What a frame is to its flow, for whoever keeps frames for a while.

use super::datagrams::Service;
use crate::decode::{TcpFlags, TcpSegment};

/// Octets of a flow, both directions together, behind which its data is bulk: far behind any TLS handshake and request, and
/// little beside a download.
const BULK_AFTER: u64 = 256 << 10;

/// What a frame is to its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A DNS datagram.
    Lookup,
    /// Data far into a flow, which says nothing new about how it fares.
    Bulk,
    /// Everything else: openings, ends and errors of flows, their first 256 KiB, and what belongs to no flow.
    Other,
}

impl Role {
    /// Beginnings and ends are never bulk.
    pub(super) fn of_segment(segment: &TcpSegment<'_>) -> Self {
        let telling = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        if segment.flags.0 & telling == 0 {
            Self::Bulk
        } else {
            Self::Other
        }
    }

    pub(super) fn of_datagram(service: Service) -> Self {
        match service {
            Service::Dns(_) => Self::Lookup,
            _ => Self::Bulk,
        }
    }

    /// What would be bulk far into a flow is not in one that carried only `octets` so far.
    pub(super) fn far_into(self, octets: u64) -> Self {
        if self == Self::Bulk && octets <= BULK_AFTER {
            Self::Other
        } else {
            self
        }
    }
}
