//! Packets to bidirectional flows: identity, copies, TCP evidence and in-order bytes.
//!
//! In come decoded packets, out go flow records' TCP facts and contiguous pieces of each direction's byte stream. Nothing
//! here knows what the bytes mean.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::arithmetic_side_effects
    )
)]

pub mod copies;
pub mod key;
pub mod reassembly;
pub mod table;
pub mod tcp_state;

pub use copies::CopyFilter;
pub use key::FlowKey;
pub use reassembly::{Delivery, Segment, StreamAssembler};
pub use table::{FlowId, FlowTable};
pub use tcp_state::{SegmentEffect, TcpState};
