//! Addresses that stand for others, prefix by prefix.

use super::secret::Secret;
use crate::catalog::{Catalog, Standing};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use ipcrypt_rs::IpcryptPfx;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most addresses of the service that are remembered.
const MAX_KEPT: usize = 1_000_000;

/// Public resolvers, which say nothing about whose network it is.
const RESOLVERS: [&str; 12] = [
    "8.8.8.8",
    "8.8.4.4",
    "1.1.1.1",
    "1.0.0.1",
    "9.9.9.9",
    "149.112.112.112",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2620:fe::fe",
    "2620:fe::9",
];

/// IPv4 blocks of a kind of their own that are longer than eight bits (RFC 6890): what lies in one stays in it, and nothing
/// else comes into it.
const BLOCKS_V4: [([u8; 4], u32); 10] = [
    ([100, 64, 0, 0], 10),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
];
/// Bits that every IPv4 address keeps: enough to tell the remaining kinds (0/8, 10/8, 127/8, 224/4 and above).
const KEPT_V4: u32 = 8;

/// The same for IPv6.
const BLOCKS_V6: [([u16; 8], u32); 7] = [
    ([0, 0, 0, 0, 0, 0, 0, 0], 96),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 8),
    // Link-local addresses have no subnets (RFC 4291 §2.5.6).
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 64),
];
/// Bits that every IPv6 address keeps: global unicast is 2000::/3.
const KEPT_V6: u32 = 3;

/// Replaces addresses.
pub(super) struct AddressMap<'c> {
    cipher: IpcryptPfx,
    catalog: &'c Catalog,
    kept: HashSet<IpAddr, RandomState>,
}

impl<'c> AddressMap<'c> {
    pub(super) fn new(secret: &Secret, catalog: &'c Catalog) -> Self {
        Self {
            cipher: secret.cipher(),
            catalog,
            kept: RESOLVERS
                .iter()
                .filter_map(|address| address.parse().ok())
                .collect(),
        }
    }

    /// Remembers a public address that stays.
    pub(super) fn keep(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        if is_global(address) && self.kept.len() < MAX_KEPT {
            self.kept.insert(address);
        }
    }

    pub(super) fn replace(&self, address: IpAddr) -> IpAddr {
        if self.kept.contains(&address) || self.is_published(address) {
            return address;
        }
        match address {
            IpAddr::V4(v4) => IpAddr::V4(self.replace_v4(v4)),
            IpAddr::V6(v6) => self.replace_v6(v6),
        }
    }

    /// Addresses of published ranges are the service's, unless somebody published a range that is in nobody's hands.
    fn is_published(&self, address: IpAddr) -> bool {
        is_global(address)
            && self
                .catalog
                .match_address(address)
                .is_some_and(|found| found.standing() != Standing::Reference)
    }

    fn replace_v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let bits = address.to_bits();
        if address.is_unspecified()
            || address.is_loopback()
            || address.is_multicast()
            || address.is_broadcast()
        {
            return address;
        }
        let kept = BLOCKS_V4
            .iter()
            .map(|(block, length)| kept_beside(bits ^ u32::from_be_bytes(*block), *length, KEPT_V4))
            .fold(KEPT_V4, u32::max);
        let IpAddr::V4(other) = self.cipher.encrypt_ipaddr(IpAddr::V4(address)) else {
            return Ipv4Addr::UNSPECIFIED;
        };
        let mask = u32::MAX.checked_shr(kept).unwrap_or(0);
        Ipv4Addr::from_bits((bits & !mask) | (other.to_bits() & mask))
    }

    fn replace_v6(&self, address: Ipv6Addr) -> IpAddr {
        if address.is_unspecified() || address.is_loopback() {
            return IpAddr::V6(address);
        }
        let bits = address.to_bits();
        // IPv4 in the last 32 bits: mapped (RFC 4291 §2.5.5.2) and translated (RFC 6052 §2.1).
        let carrier = bits >> 32;
        if carrier == 0xffff || carrier == 0x64_ff9b << 64 {
            let [.., a, b, c, d] = address.octets();
            let IpAddr::V4(inner) = self.replace(IpAddr::V4(Ipv4Addr::new(a, b, c, d))) else {
                return IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            };
            return IpAddr::V6(Ipv6Addr::from_bits(
                (carrier << 32) | u128::from(inner.to_bits()),
            ));
        }
        let solicited_node =
            matches!(address.segments(), [0xff02, 0, 0, 0, 0, 1, last, _] if last >> 8 == 0xff);
        if address.is_multicast() && !solicited_node {
            return IpAddr::V6(address);
        }
        let kept = if solicited_node {
            104
        } else {
            BLOCKS_V6
                .iter()
                .map(|(block, length)| {
                    let difference = bits ^ Ipv6Addr::from(*block).to_bits();
                    kept_beside_v6(difference, *length, KEPT_V6)
                })
                .fold(KEPT_V6, u32::max)
        };
        let IpAddr::V6(other) = self.cipher.encrypt_ipaddr(IpAddr::V6(address)) else {
            return IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        };
        let mask = u128::MAX.checked_shr(kept).unwrap_or(0);
        IpAddr::V6(Ipv6Addr::from_bits(
            (bits & !mask) | (other.to_bits() & mask),
        ))
    }
}

/// How many bits an address keeps because of a block of `length` bits that it differs from by `difference`: those of the
/// block inside of it, and outside those up to the one that tells it from the block.
fn kept_beside(difference: u32, length: u32, least: u32) -> u32 {
    match difference.leading_zeros() {
        common if common < least => least,
        common => length.min(common.saturating_add(1)),
    }
}

fn kept_beside_v6(difference: u128, length: u32, least: u32) -> u32 {
    match difference.leading_zeros() {
        common if common < least => least,
        common => length.min(common.saturating_add(1)),
    }
}

/// Whether an address can be somebody's on the Internet: not one of the blocks above, nor private or local.
fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits();
            let [first, ..] = v4.octets();
            let special = BLOCKS_V4.iter().any(|(block, length)| {
                (bits ^ u32::from_be_bytes(*block)).leading_zeros() >= *length
            });
            !special && !matches!(first, 0 | 10 | 127 | 224..)
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            let special = BLOCKS_V6.iter().any(|(block, length)| {
                (bits ^ Ipv6Addr::from(*block).to_bits()).leading_zeros() >= *length
            });
            !special && bits >> 125 == 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::from_octets(b"0123456789abcdef").unwrap()
    }

    fn common(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => panic!("two families"),
        }
    }

    #[test]
    fn prefixes_and_kinds_are_kept_and_addresses_are_not() {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let map = AddressMap::new(&secret(), &catalog);
        let addresses: Vec<IpAddr> = [
            "10.20.0.14",
            "10.20.0.15",
            "10.21.0.1",
            "172.16.1.2",
            "172.31.9.9",
            "172.40.1.1",
            "192.168.1.20",
            "192.168.1.21",
            "192.169.1.1",
            "100.64.3.4",
            "100.128.3.4",
            "169.254.7.7",
            "198.51.100.9",
            "81.2.69.142",
            "203.0.113.9",
            "203.0.114.9",
            "fe80::1234",
            "fe80::abcd:ef01",
            "fd00:1::1",
            "fd00:1::2",
            "2001:db8:20::14",
            "2a00:1450::5",
            "2a00:1450:4001::7",
            "64:ff9b::a14:e",
            "::ffff:10.20.0.14",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        for a in &addresses {
            let other = map.replace(*a);
            assert_ne!(other, *a);
            assert_eq!(is_global(other), is_global(*a), "{a} {other}");
            for b in &addresses {
                if a.is_ipv4() == b.is_ipv4()
                    && !a.to_string().contains("ff")
                    && !b.to_string().contains("ff")
                {
                    let expected = common(*a, *b);
                    assert_eq!(
                        common(map.replace(*a), map.replace(*b)),
                        expected,
                        "{a} {b}"
                    );
                }
            }
        }
        let private = |text: &str| match map.replace(text.parse().unwrap()) {
            IpAddr::V4(v4) => v4.is_private(),
            IpAddr::V6(_) => false,
        };
        assert!(private("172.20.0.1") && private("10.0.0.1") && private("192.168.0.1"));
        assert!(!private("172.32.0.1") && !private("192.167.0.1"));
    }

    #[test]
    fn what_is_nobody_s_or_the_service_s_stays() {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let mut map = AddressMap::new(&secret(), &catalog);
        for text in [
            "0.0.0.0",
            "255.255.255.255",
            "127.0.0.1",
            "224.0.0.251",
            "ff02::fb",
            "::1",
            "8.8.8.8",
            "20.37.153.10",
        ] {
            let address = text.parse().unwrap();
            assert_eq!(map.replace(address), address);
        }
        let server = "23.32.46.44".parse().unwrap();
        assert_ne!(map.replace(server), server);
        map.keep(server);
        assert_eq!(map.replace(server), server);
        let inside = "10.1.1.1".parse().unwrap();
        map.keep(inside);
        assert_ne!(map.replace(inside), inside);
        let group = map.replace("ff02::1:ff12:3456".parse().unwrap());
        assert!(group.to_string().starts_with("ff02::1:ff"));
        assert_ne!(group.to_string(), "ff02::1:ff12:3456");
    }
}
