//! One step on the way from the frame's first octet to the innermost IP header.
//!
//! Each header parser takes the octets at hand and says what comes next. The steps are taken in a loop, never by
//! recursion, so that a pile of headers costs no stack; see [`super::Decoder`] for the bounds.

use super::octets::Octets;
use super::wireless;
use crate::facts::LinkType;

/// What the octets at hand begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// The header of a link type, for captures that wrap one in another (PPI, PKTAP).
    Link(LinkType),
    /// An Ethernet header.
    Ethernet,
    /// What an EtherType announces (IEEE 802 numbers).
    EtherType(u16),
    /// An IEEE 802.2 LLC header.
    Llc,
    /// An IEEE 802.11 MAC header.
    Wireless(wireless::Layout),
    /// A PPP frame, with or without the address and control fields of RFC 1662.
    Ppp,
    /// An MPLS label stack.
    Mpls,
    /// An IP header of either version.
    Ip,
}

/// A header to read next, and the octets it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// What comes next.
    pub header: Header,
    /// The octets from there on.
    pub octets: Octets<'a>,
}

impl<'a> Step<'a> {
    /// `header` at the start of `octets`.
    #[inline]
    pub fn new(header: Header, octets: Octets<'a>) -> Self {
        Self { header, octets }
    }
}

/// Why a frame gives no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It carries nothing to track, or not yet: ARP, spanning tree, a fragment of an unfinished datagram …
    Nothing,
    /// It is unreadable or unexpected, by the anomaly's stable name.
    Anomaly(&'static str),
    /// No decoder for this link type.
    LinkType(LinkType),
}

/// A header below IP ended before its last octet.
pub(super) const LINK_HEADER_TRUNCATED: Stop = Stop::Anomaly("link-header-truncated");
/// A header below IP contradicts itself.
pub(super) const LINK_HEADER_MALFORMED: Stop = Stop::Anomaly("link-header-malformed");
