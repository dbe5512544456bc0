//! DHCP messages: a datagram's payload to what a device says of itself and what the network tells it.
//!
//! Names, classes and addresses come out as sent. Whether an offer was taken, and which packets belong together, is not
//! known here.

mod v4;
mod v6;

pub use v4::{DhcpMessage, parse};
pub use v6::{Dhcp6Message, parse_v6};

/// Longest vendor class kept, in characters; `android-dhcp-14` and `MSFT 5.0` are typical.
const MAX_VENDOR_CLASS_CHARACTERS: usize = 64;

/// Most addresses of a kind kept of one message.
const MAX_ADDRESSES: usize = 8;
