//! What kind of address an answer gives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The well-known prefix of IPv4 addresses translated for IPv6 clients (RFC 6052 §2.1), `64:ff9b::/96`.
#[must_use]
pub fn without_nat64(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
            }
            _ => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        },
        IpAddr::V4(_) => address,
    }
}

/// An address that leads nowhere: unspecified or loopback, the usual answers of a sinkhole.
#[must_use]
pub fn is_sinkhole(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback()
}

/// An address that is routed on the Internet, as far as special-purpose registries (RFC 6890) tell.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match without_nat64(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || first == 0
        || is_shared_v4(address))
}

/// An address that providers and tunnels hand out for their own use (RFC 6598), `100.64.0.0/10`.
#[must_use]
pub fn is_shared(address: IpAddr) -> bool {
    matches!(without_nat64(address), IpAddr::V4(v4) if is_shared_v4(v4))
}

fn is_shared_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    !(address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_translated_addresses_back() {
        let translated: IpAddr = "64:ff9b::20.37.153.10".parse().unwrap();
        assert_eq!(
            without_nat64(translated),
            "20.37.153.10".parse::<IpAddr>().unwrap()
        );
        assert_eq!(
            without_nat64("::ffff:10.0.0.1".parse().unwrap()),
            "10.0.0.1".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn tells_public_from_inside() {
        for inside in [
            "10.20.0.80",
            "192.168.1.1",
            "172.31.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for public in ["20.37.153.10", "100.128.0.1", "2603:1026::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
