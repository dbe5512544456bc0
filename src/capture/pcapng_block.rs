//! Heads of pcapng blocks (draft-ietf-opsawg-pcapng §3.1): how long a block is and what it is, and whether what is claimed can
//! be true.
//!
//! Nothing here reads what is inside a block, save the byte order in a section header.

use super::byte_order::ByteOrder;
use super::read_buffer::{MAX_RECORD, ReadBuffer};

// Block types: draft-ietf-opsawg-pcapng §4.1 to §4.6 and §4.7, appendix A for the obsolete packet block.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
pub(super) const OBSOLETE_PACKET: u32 = 2;
pub(super) const SIMPLE_PACKET: u32 = 3;
pub(super) const NAME_RESOLUTION: u32 = 4;
pub(super) const INTERFACE_STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;
pub(super) const DECRYPTION_SECRETS: u32 = 10;

/// Byte-order magic of a section header (§4.1).
pub(super) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Block type and total length before the body, total length again behind it (§3.1).
pub(super) const BLOCK_HEAD: usize = 8;
pub(super) const BLOCK_TAIL: usize = 4;
/// A section header up to its options: head, byte order, version, section length (§4.1).
pub(super) const SECTION_HEADER_LENGTH: usize = 24;

/// Blocks larger than this are not looked for behind damage; a packet block of 256 KiB fits.
const MAX_SOUGHT_BLOCK: u32 = 1 << 20;

/// Type and length of a block.
pub(super) struct BlockHead {
    pub(super) kind: u32,
    /// Octets of the whole block, at least those of its head and tail.
    pub(super) total: usize,
    total_word: u32,
    /// Byte order of the block: that of its section, or its own for a section header.
    pub(super) order: ByteOrder,
}

/// The head of a block contradicts the format.
pub(super) struct Implausible;

impl BlockHead {
    /// The head of the block at the start of `window`; `None` when more octets are needed.
    #[inline]
    pub(super) fn read(order: ByteOrder, window: &[u8]) -> Option<Result<Self, Implausible>> {
        let [kind, total_word] = order.words(window)?;
        if kind == SECTION_HEADER {
            let head: &[u8; SECTION_HEADER_LENGTH] = window.first_chunk()?;
            let Some(order) = section_order(head) else {
                return Some(Err(Implausible));
            };
            let [_, total_word] = order.words(head)?;
            return Some(
                Self {
                    kind,
                    total: total_word as usize,
                    total_word,
                    order,
                }
                .checked(),
            );
        }
        Some(
            Self {
                kind,
                total: total_word as usize,
                total_word,
                order,
            }
            .checked(),
        )
    }

    #[inline]
    fn checked(self) -> Result<Self, Implausible> {
        let least = if self.kind == SECTION_HEADER {
            SECTION_HEADER_LENGTH + BLOCK_TAIL
        } else {
            BLOCK_HEAD + BLOCK_TAIL
        };
        // "This value MUST be a multiple of 4" (§3.1).
        if self.total >= least && self.total <= MAX_RECORD && self.total.is_multiple_of(4) {
            Ok(self)
        } else {
            Err(Implausible)
        }
    }

    /// Whether the length is repeated at the end of the block.
    #[inline]
    pub(super) fn ends(&self, block: &[u8]) -> bool {
        block.last_chunk().map(|tail| self.order.u32(*tail)) == Some(self.total_word)
    }
}

/// The byte order of a section, from the magic number behind the head of its header.
pub(super) fn section_order(head: &[u8; SECTION_HEADER_LENGTH]) -> Option<ByteOrder> {
    ByteOrder::reading(*head.get(BLOCK_HEAD..)?.first_chunk()?, BYTE_ORDER_MAGIC)
}

/// Whether the window starts with what can hardly be anything but a block: a well-known type and the same length twice.
pub(super) fn is_block(order: ByteOrder, buffer: &mut ReadBuffer) -> bool {
    if !buffer.fill(BLOCK_HEAD) {
        return false;
    }
    let kind = order.words(buffer.window()).map(|[kind]| kind);
    let well_known = matches!(
        kind,
        Some(
            SECTION_HEADER
                | INTERFACE_DESCRIPTION
                | OBSOLETE_PACKET
                | SIMPLE_PACKET
                | NAME_RESOLUTION
                | INTERFACE_STATISTICS
                | ENHANCED_PACKET
                | DECRYPTION_SECRETS
        )
    );
    if !well_known || (kind == Some(SECTION_HEADER) && !buffer.fill(SECTION_HEADER_LENGTH)) {
        return false;
    }
    let Some(Ok(head)) = BlockHead::read(order, buffer.window()) else {
        return false;
    };
    head.total_word <= MAX_SOUGHT_BLOCK
        && buffer.fill(head.total)
        && buffer
            .window()
            .get(..head.total)
            .is_some_and(|block| head.ends(block))
}
