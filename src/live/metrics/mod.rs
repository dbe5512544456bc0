//! A snapshot as a page of metrics, and the server that shows it.
//!
//! In comes a [`Board`](super::board::Board) with the newest [`Snapshot`](super::Snapshot); out go `/metrics` and `/healthz` over
//! HTTP. Knows no packets and takes no decisions. No label names a device or a host: the number of series depends on the
//! endpoint list and the interfaces alone.

mod page;
mod request;
mod server;

pub use page::{Form, page};
pub use server::Server;
