//! DHCP for IPv6 (RFC 8415).

use super::{MAX_ADDRESSES, MAX_VENDOR_CLASS_CHARACTERS};
use crate::dissect::dns;
use crate::facts::{HostName, MacAddress, printable};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::Ipv6Addr;

/// Option codes (RFC 8415 §21 unless said otherwise).
mod option {
    pub(super) const CLIENT_IDENTIFIER: u16 = 1;
    pub(super) const IDENTITY_ASSOCIATION: u16 = 3;
    pub(super) const ADDRESS: u16 = 5;
    pub(super) const VENDOR_CLASS: u16 = 16;
    /// RFC 3646 §3.
    pub(super) const DNS_SERVERS: u16 = 23;
    /// RFC 4704 §4.
    pub(super) const CLIENT_FQDN: u16 = 39;
}

/// What a DHCPv6 message between client and server says; what relays pass on to each other is not read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dhcp6Message {
    /// Message type, 1 to 11: 1 solicit, 2 advertise, 3 request, 7 reply, 11 information request …
    pub message_type: u8,
    /// Hardware address inside the client's identifier: of one of its interfaces, not always the one that sent this.
    pub client_mac: Option<MacAddress>,
    /// Addresses asked for or given, at most 8.
    pub addresses: SmallVec<[Ipv6Addr; 1]>,
    /// Name of the client FQDN option, with a domain or without.
    pub fqdn: Option<HostName>,
    /// First vendor class, printable, at most 64 characters.
    pub vendor_class: Option<CompactString>,
    /// DNS servers, at most 8.
    pub dns_servers: SmallVec<[Ipv6Addr; 2]>,
}

impl Dhcp6Message {
    /// Whether a client sent it (RFC 8415 §7.3): all but advertise, reply and reconfigure.
    #[must_use]
    pub fn from_client(&self) -> bool {
        !matches!(self.message_type, 2 | 7 | 10)
    }
}

/// Reads a message; `None` when it is no DHCPv6 between client and server. What the snap length cut off is left out.
#[must_use]
pub fn parse_v6(bytes: &[u8]) -> Option<Dhcp6Message> {
    let (&[message_type, _, _, _], mut rest) = bytes.split_first_chunk()?;
    if !(1..=11).contains(&message_type) {
        return None;
    }
    let mut message = Dhcp6Message {
        message_type,
        ..Dhcp6Message::default()
    };
    while let Some((code, value, behind)) = split_option(rest) {
        read_option(&mut message, code, value);
        rest = behind;
    }
    Some(message)
}

/// Splits off the first option: code, value and the octets behind it.
fn split_option(octets: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[c0, c1, l0, l1], rest) = octets.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
    Some((u16::from_be_bytes([c0, c1]), value, rest))
}

fn read_option(message: &mut Dhcp6Message, code: u16, value: &[u8]) {
    match code {
        option::CLIENT_IDENTIFIER => message.client_mac = identifier_mac(value),
        option::IDENTITY_ASSOCIATION => {
            // Identifier and two times, four octets each, precede the options inside (RFC 8415 §21.4).
            let mut inner = value.get(12..).unwrap_or_default();
            while let Some((code, value, behind)) = split_option(inner) {
                if code == option::ADDRESS && message.addresses.len() < MAX_ADDRESSES {
                    message.addresses.extend(
                        value
                            .first_chunk()
                            .copied()
                            .map(<Ipv6Addr as From<[u8; 16]>>::from),
                    );
                }
                inner = behind;
            }
        }
        option::VENDOR_CLASS => {
            // Enterprise number, then classes with two octets of length each (RFC 8415 §21.16).
            let class = value.get(4..).and_then(|classes| {
                let (length, rest) = classes.split_first_chunk()?;
                rest.get(..usize::from(u16::from_be_bytes(*length)))
            });
            message.vendor_class = class.map(|class| printable(class, MAX_VENDOR_CLASS_CHARACTERS));
        }
        option::DNS_SERVERS => {
            let room = MAX_ADDRESSES.saturating_sub(message.dns_servers.len());
            let (servers, _) = value.as_chunks::<16>();
            message
                .dns_servers
                .extend(servers.iter().take(room).copied().map(Ipv6Addr::from));
        }
        // One octet of flags, then labels.
        option::CLIENT_FQDN => message.fqdn = value.get(1..).and_then(dns::from_labels),
        _ => {}
    }
}

/// The hardware address in an identifier of type 1 (with time) or 3, on Ethernet (RFC 8415 §11.2, §11.4).
fn identifier_mac(identifier: &[u8]) -> Option<MacAddress> {
    let mac = match identifier {
        [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] => mac,
        _ => return None,
    };
    mac.try_into().ok().map(MacAddress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUEST: &[u8] = b"\x03\x01\x02\x03\0\x01\0\x0e\0\x01\0\x01\x2a\0\0\0\0\x15\x5d\x01\x02\x03\
        \0\x03\0\x28\0\0\0\x01\0\0\0\0\0\0\0\0\0\x05\0\x18\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\0\
        \0\x27\0\x06\0\x04DESK\0\x10\0\x0e\0\0\x01\x37\0\x08MSFT 5.0";

    #[test]
    fn a_windows_client_says_who_it_is() {
        let message = parse_v6(REQUEST).unwrap();
        assert!(message.from_client());
        assert_eq!(message.client_mac.unwrap().to_string(), "00:15:5d:01:02:03");
        assert_eq!(message.addresses[0].to_string(), "2001:db8::9");
        assert_eq!(message.fqdn.unwrap().as_str(), "DESK");
        assert_eq!(message.vendor_class.unwrap(), "MSFT 5.0");
    }

    #[test]
    fn a_reply_gives_resolvers() {
        let message =
            parse_v6(b"\x07\x01\x02\x03\0\x17\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x35")
                .unwrap();
        assert!(!message.from_client());
        assert_eq!(message.dns_servers[0].to_string(), "2001:db8::35");
    }

    #[test]
    fn relayed_messages_are_left() {
        assert!(parse_v6(b"\x0c\0\x20\x01\x0d\xb8").is_none());
        assert!(parse_v6(b"\x01\0\0").is_none());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_v6(&bytes);
        }

        #[test]
        fn one_flipped_octet_or_a_cut_never_breaks_the_reading(at in 0_usize..200, with in 1_u8..) {
            let mut octets = REQUEST.to_vec();
            let at = at % octets.len();
            octets[at] ^= with;
            let _ = parse_v6(&octets);
            let _ = parse_v6(&octets[..at]);
        }
    }
}
