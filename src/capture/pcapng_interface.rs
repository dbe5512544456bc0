//! One interface of a pcapng section: how its packets are to be read, and what is known of it in the end
//! (draft-ietf-opsawg-pcapng §4.2, §4.6).

use super::byte_order::ByteOrder;
use super::clock::Clock;
use super::pcapng_options::{MAX_TEXT, options};
use super::provenance::sum;
use crate::facts::{InterfaceSummary, LinkType, printable};

/// An interface and its counters so far.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) link_type: LinkType,
    /// Octets captured of a packet at most; 0 means unlimited.
    pub(super) snap_length: u32,
    pub(super) clock: Clock,
    /// Packets read.
    pub(super) frames: u64,
    /// What the description and the statistics say.
    summary: InterfaceSummary,
    /// `isb_ifdrop` and `isb_osdrop` of the last statistics, which count from the start of the capture.
    dropped_by_interface: Option<u64>,
    dropped_by_system: Option<u64>,
    /// Drops as the packets report them.
    dropped_between_packets: Option<u64>,
}

impl Interface {
    /// Reads the body of an Interface Description Block (§4.2); `None` when it is too short.
    pub(super) fn read(order: ByteOrder, body: &[u8]) -> Option<Self> {
        let [link_type, _reserved] = order.halves(body)?;
        let [_, snap_length] = order.words(body)?;
        let link_type = LinkType(link_type.into());
        let mut clock = Clock::MICROSECONDS;
        let mut summary = InterfaceSummary {
            link_type: Some(link_type),
            snap_length,
            ..InterfaceSummary::default()
        };
        for (code, value) in options(order, body.get(8..).unwrap_or_default()) {
            match (code, value) {
                (2, name) => summary.name = Some(printable(name, MAX_TEXT)),
                (3, description) => summary.description = Some(printable(description, MAX_TEXT)),
                (9, [resolution, ..]) => clock = clock.with_resolution(*resolution),
                // The first octet says that the rest is text, not code.
                (11, [0, filter @ ..]) => summary.filter = Some(printable(filter, MAX_TEXT)),
                (14, offset) => {
                    if let Some(offset) = offset.first_chunk() {
                        clock = clock.with_offset(order.u64(*offset).cast_signed());
                    }
                }
                _ => {}
            }
        }
        Some(Self {
            link_type,
            snap_length,
            clock,
            frames: 0,
            summary,
            dropped_by_interface: None,
            dropped_by_system: None,
            dropped_between_packets: None,
        })
    }

    /// Takes in the options of an Interface Statistics Block (§4.6).
    pub(super) fn statistics(&mut self, order: ByteOrder, bytes: &[u8]) {
        for (code, value) in options(order, bytes) {
            let Some(count) = value.first_chunk().map(|count| order.u64(*count)) else {
                continue;
            };
            match code {
                4 => self.summary.received = Some(count),
                5 => self.dropped_by_interface = Some(count),
                7 => self.dropped_by_system = Some(count),
                _ => {}
            }
        }
    }

    /// Takes in the options of an Enhanced Packet Block (§4.3): `epb_dropcount` counts the packets lost between this one and
    /// the one before on the same interface.
    pub(super) fn packet_options(&mut self, order: ByteOrder, bytes: &[u8]) {
        for (code, value) in options(order, bytes) {
            if code == 4
                && let Some(count) = value.first_chunk()
            {
                let count = Some(order.u64(*count));
                self.dropped_between_packets = sum(self.dropped_between_packets, count);
            }
        }
    }

    /// How it describes itself.
    pub(super) fn description(&self) -> &InterfaceSummary {
        &self.summary
    }

    /// What is known of the interface at the end of its section.
    pub(super) fn into_summary(self) -> InterfaceSummary {
        let counted = sum(self.dropped_by_interface, self.dropped_by_system);
        InterfaceSummary {
            frames: self.frames,
            dropped: counted.max(self.dropped_between_packets),
            ..self.summary
        }
    }
}
