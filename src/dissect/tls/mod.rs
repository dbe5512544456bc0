//! TLS (RFC 8446, RFC 5246) and DTLS (RFC 9147, RFC 6347) without keys: what a handshake shows in the clear, and what the
//! order and the sizes of encrypted records prove.
//!
//! In: the in-order bytes of both directions of a connection, or of the inside of a proxy tunnel. Out:
//! [`TlsFacts`](crate::facts::TlsFacts). Nothing is decrypted, no certificate is verified.

mod certificate;
mod client_hello;
mod dtls;
mod exchange;
mod extensions;
mod handshake_message;
mod ja4;
mod offset_buffer;
mod record;
mod record_walker;
mod server_hello;
mod stream;

pub use client_hello::{Carrier, parse_client_hello};
pub use dtls::{DtlsFlow, looks_like_dtls};
pub use record::looks_like_tls;
pub use stream::TlsStream;

pub(super) use offset_buffer::OffsetBuffer;
