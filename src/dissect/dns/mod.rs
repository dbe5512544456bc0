//! DNS messages, and messages out of TCP streams.
//!
//! In come a datagram's payload or the bytes of one direction of a connection, out come [`DnsMessage`]s: RFC 1035 with
//! EDNS (RFC 6891), service bindings (RFC 9460), multicast DNS (RFC 6762) and LLMNR (RFC 4795), which share its form.
//! Which of them a message is depends on ports and addresses, and which response belongs to which query on what went
//! before; neither is known here.
//!
//! `dns_parser` reads headers, types and record data. Its `Packet::parse` refuses a whole message for one record it does not
//! know, so the loop over the records is ours: what is unknown is passed over by its length, what is unreadable is told.

mod alias_chain;
mod message;
mod name;
#[cfg(test)]
mod oracle;
mod registry;
mod sections;
mod service_binding;
mod stream;

pub use message::{DnsMessage, HostAddress, Malformed, Question, parse};
pub(in crate::dissect) use name::from_labels;
pub use registry::{response_code_name, type_name};
pub use stream::DnsStream;
