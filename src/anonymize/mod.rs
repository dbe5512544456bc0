//! Takes out of facts and frames what tells whose network it is, so that reports and evidence can be shown to others.
//!
//! In come [`Fact`](crate::facts::Fact)s, captured frames and a secret; out come the same facts and frames with other addresses, hardware addresses
//! and names. One secret always gives the same replacements. Addresses keep their relations: two that share a prefix share one
//! of the same length afterwards. What the endpoint list publishes, the service's public addresses and well-known resolvers and
//! probes stay readable, for they are what a report is about.
//!
//! What cannot be rewritten safely is left out, never passed on.

mod address;
mod dhcp;
mod dns;
mod fact;
mod frame;
mod name;
mod secret;
mod transport;
mod web;

pub use fact::{AnonymizingSink, without_places};
pub use frame::{Cut, RewrittenFrame};
pub use secret::{Secret, SecretError};

use crate::catalog::Catalog;
use crate::facts::MacAddress;
use address::AddressMap;
use name::NameMap;
use std::net::IpAddr;

/// Replaces addresses and names.
pub struct Anonymizer<'c> {
    addresses: AddressMap<'c>,
    names: NameMap<'c>,
    secret: Secret,
}

impl<'c> Anonymizer<'c> {
    /// An anonymizer that keeps what `catalog` publishes.
    #[must_use]
    pub fn new(secret: Secret, catalog: &'c Catalog) -> Self {
        Self {
            addresses: AddressMap::new(&secret, catalog),
            names: NameMap::new(&secret, catalog),
            secret,
        }
    }

    /// The address that stands for this one. It is of the same kind: private, shared, link-local, public. Multicast,
    /// loopback and unspecified addresses, published ranges, and what [`Self::keep_address`] was told stay as they are.
    #[must_use]
    pub fn address(&self, address: IpAddr) -> IpAddr {
        self.addresses.replace(address)
    }

    /// Remembers that a public address is the service's own, so that it stays readable.
    pub fn keep_address(&mut self, address: IpAddr) {
        self.addresses.keep(address);
    }

    /// The hardware address that stands for this one: locally administered, unicast. Group addresses stay as they are, save
    /// those that hold the end of an IPv6 address.
    #[must_use]
    pub fn mac(&self, mac: MacAddress) -> MacAddress {
        let MacAddress(octets) = mac;
        let token = self.secret.token("mac", &octets);
        let [a, b, c, d, e, f, ..] = token;
        match octets {
            [0, 0, 0, 0, 0, 0] => mac,
            // Solicited-node multicast (RFC 4291 §2.7.1, RFC 2464 §7).
            [0x33, 0x33, 0xff, ..] => MacAddress([0x33, 0x33, 0xff, d, e, f]),
            [first, ..] if first & 1 != 0 => mac,
            _ => MacAddress([a & 0xfc | 0x02, b, c, d, e, f]),
        }
    }

    /// The name that stands for this one, label by label and each of the same length: a published name, or one of a
    /// well-known resolver or probe, as it is; of a name in a domain of the endpoint list, that domain as it is; of any
    /// other its public suffix. An address in the place of a name is replaced as [`Self::address`] does.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        match name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
        {
            Ok(address) => self.address(address).to_string(),
            Err(_) => self.names.replace(name),
        }
    }

    /// Whether [`Self::name`] gives this name as it is.
    #[must_use]
    pub fn keeps_name(&self, name: &str) -> bool {
        self.name(name).eq_ignore_ascii_case(name)
    }
}

impl std::fmt::Debug for Anonymizer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Anonymizer")
    }
}
