//! Address prefixes and the lookup of an address in many of them.
//!
//! The only file that knows `ipnet` and the prefix tree.

use super::endpoint_set::Standing;
use ipnet::IpNet;
use prefix_trie::joint::JointPrefixMap;
use smallvec::SmallVec;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// An address prefix in CIDR notation, without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(IpNet);

impl Prefix {
    /// Reads `address/length`.
    ///
    /// # Errors
    ///
    /// What a prefix should look like, when `text` does not; a prefix with host bits set is one of these, because it
    /// could mean the network or the address.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let net: IpNet = text
            .parse()
            .map_err(|_| "a prefix such as 20.37.153.0/24")?;
        if net != net.trunc() {
            return Err("a prefix without host bits");
        }
        Ok(Self(net))
    }

    /// The prefix that holds this address alone.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// The lowest address of the prefix.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.0.network()
    }

    /// The length in bits: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub fn length(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether `address` lies in the prefix.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether all of `other` lies in this prefix.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The IPv4 address inside an IPv4-mapped address (RFC 4291 §2.5.5.2) or a NAT64 address with the well-known prefix
/// `64:ff9b::/96` (RFC 6052 §2.1); any other address as it is.
#[must_use]
pub fn embedded_ipv4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    match v6.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

/// One set's claim on a prefix.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrefixListing {
    pub(super) set: usize,
    pub(super) standing: Standing,
    pub(super) shared: bool,
}

/// All prefixes of a catalogue, for lookup by address.
#[derive(Debug, Default)]
pub(super) struct PrefixIndex {
    tree: JointPrefixMap<IpNet, SmallVec<[PrefixListing; 1]>>,
}

impl PrefixIndex {
    pub(super) fn insert(&mut self, prefix: Prefix, listing: PrefixListing) {
        self.tree.entry(prefix.0).or_default().push(listing);
    }

    /// Every listing whose prefix holds all of `prefix`, shortest prefix first.
    pub(super) fn covering(
        &self,
        prefix: Prefix,
    ) -> impl Iterator<Item = (Prefix, &PrefixListing)> {
        self.tree
            .cover(&prefix.0)
            .flat_map(|(net, listings)| listings.iter().map(move |listing| (Prefix(net), listing)))
    }

    /// Every listing whose prefix holds `address`, shortest prefix first; [`embedded_ipv4`] is applied.
    pub(super) fn holding(
        &self,
        address: IpAddr,
    ) -> impl Iterator<Item = (Prefix, &PrefixListing)> {
        self.covering(Prefix(IpNet::from(embedded_ipv4(address))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn host_bits_and_nonsense_are_refused() {
        assert_eq!(
            Prefix::parse("104.46.162.96/27").unwrap().to_string(),
            "104.46.162.96/27"
        );
        assert!(Prefix::parse("104.46.162.97/27").is_err());
        assert!(Prefix::parse("20.37.153.0").is_err());
        assert!(Prefix::parse("20.37.153.0/33").is_err());
    }

    #[test]
    fn mapped_and_nat64_addresses_are_ipv4_inside() {
        let inside = IpAddr::V4(Ipv4Addr::new(20, 37, 153, 10));
        assert_eq!(
            embedded_ipv4("::ffff:20.37.153.10".parse().unwrap()),
            inside
        );
        assert_eq!(embedded_ipv4("64:ff9b::1425:990a".parse().unwrap()), inside);
        let other: IpAddr = "64:ff9b:1::1425:990a".parse().unwrap();
        assert_eq!(embedded_ipv4(other), other);
        let plain = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert_eq!(embedded_ipv4(plain), plain);
    }

    #[test]
    fn every_covering_prefix_is_found_shortest_first() {
        let mut index = PrefixIndex::default();
        for (set, text) in [
            "2620:1ec:40::/42",
            "2620:1ec:40::/48",
            "20.37.0.0/16",
            "20.37.153.0/24",
        ]
        .into_iter()
        .enumerate()
        {
            index.insert(
                Prefix::parse(text).unwrap(),
                PrefixListing {
                    set,
                    standing: Standing::Published,
                    shared: false,
                },
            );
        }
        let sets = |address: &str| {
            index
                .holding(address.parse().unwrap())
                .map(|(_, l)| l.set)
                .collect::<Vec<_>>()
        };
        assert_eq!(sets("2620:1ec:40::7"), [0, 1]);
        assert_eq!(sets("64:ff9b::1425:990a"), [2, 3]);
        assert_eq!(sets("20.38.0.1"), Vec::<usize>::new());
    }
}
