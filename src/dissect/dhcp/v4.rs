//! DHCP for IPv4 (RFC 2131) with the options that tell devices apart (RFC 2132).

use super::{MAX_ADDRESSES, MAX_VENDOR_CLASS_CHARACTERS};
use crate::dissect::dns;
use crate::facts::{HostName, MacAddress, printable};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::Ipv4Addr;
use std::ops::Range;

/// Octets up to the end of the client's hardware address (RFC 2131 §2, figure 1).
const ADDRESSES_OCTETS: usize = 44;

/// Where the server name field lies, which may hold options (RFC 2132 §9.3).
const SERVER_NAME: Range<usize> = 44..108;

/// Where the boot file field lies, which may hold options too.
const BOOT_FILE: Range<usize> = 108..236;

/// What precedes the options (RFC 2131 §3).
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];

/// Octets of the fixed part with the magic cookie.
const FIXED_OCTETS: usize = 240;

/// Hardware type of Ethernet, used for 802.11 too (RFC 1700).
const HARDWARE_ETHERNET: u8 = 1;

/// Option codes.
mod option {
    /// RFC 2132 §3.1.
    pub(super) const PAD: u8 = 0;
    /// RFC 2132 §3.8.
    pub(super) const DNS_SERVERS: u8 = 6;
    /// RFC 2132 §3.14.
    pub(super) const HOST_NAME: u8 = 12;
    /// RFC 2132 §9.1.
    pub(super) const REQUESTED_ADDRESS: u8 = 50;
    /// RFC 2132 §9.3.
    pub(super) const OVERLOAD: u8 = 52;
    /// RFC 2132 §9.6.
    pub(super) const MESSAGE_TYPE: u8 = 53;
    /// RFC 2132 §9.13.
    pub(super) const VENDOR_CLASS: u8 = 60;
    /// RFC 4702 §2.
    pub(super) const CLIENT_FQDN: u8 = 81;
    /// Web Proxy Auto-Discovery, of the private range (draft-ietf-wrec-wpad-01 §4.4.1).
    pub(super) const WPAD: u8 = 252;
    /// RFC 2132 §3.2.
    pub(super) const END: u8 = 255;
}

/// What a DHCPv4 message says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DhcpMessage {
    /// Sent by a client, not by a server.
    pub from_client: bool,
    /// Message type: 1 discover, 2 offer, 3 request, 4 decline, 5 acknowledgment, 6 refusal, 7 release, 8 inform; `None` for
    /// BOOTP or when the options were not captured.
    pub message_type: Option<u8>,
    /// The client's hardware address; `None` when it is not an Ethernet address.
    pub client_mac: Option<MacAddress>,
    /// The address the client has already.
    pub client_address: Option<Ipv4Addr>,
    /// The address the server gives the client.
    pub assigned_address: Option<Ipv4Addr>,
    /// The address the client asks for.
    pub requested_address: Option<Ipv4Addr>,
    /// Host name option: from a client, its own name.
    pub host_name: Option<HostName>,
    /// Name of the client FQDN option, with a domain or without.
    pub fqdn: Option<HostName>,
    /// Vendor class, printable, at most 64 characters.
    pub vendor_class: Option<CompactString>,
    /// DNS servers, at most 8.
    pub dns_servers: SmallVec<[Ipv4Addr; 2]>,
    /// A proxy configuration address is given (option 252).
    pub wpad: bool,
}

/// Reads the captured octets of a payload that was `payload_length` octets long when it was sent; `None` when it is no DHCP.
///
/// A message cut before its options still gives the client's addresses.
#[must_use]
pub fn parse(bytes: &[u8], payload_length: u32) -> Option<DhcpMessage> {
    let (fixed, _) = bytes.split_at_checked(ADDRESSES_OCTETS)?;
    let &[operation, hardware_type, hardware_length, _, ..] = fixed else {
        return None;
    };
    let cookie = bytes.get(BOOT_FILE.end..FIXED_OCTETS);
    let long_enough = usize::try_from(payload_length).is_ok_and(|length| length >= FIXED_OCTETS);
    if !matches!(operation, 1 | 2) || !long_enough || cookie.is_some_and(|c| c != MAGIC_COOKIE) {
        return None;
    }
    let mac = fixed
        .get(28..34)
        .and_then(|mac| mac.try_into().ok())
        .map(MacAddress);
    let mut message = DhcpMessage {
        from_client: operation == 1,
        client_mac: mac.filter(|_| (hardware_type, hardware_length) == (HARDWARE_ETHERNET, 6)),
        client_address: address(fixed.get(12..16)),
        assigned_address: address(fixed.get(16..20)),
        ..DhcpMessage::default()
    };
    let overload = read_options(&mut message, bytes.get(FIXED_OCTETS..).unwrap_or_default());
    if overload & 1 != 0 {
        read_options(&mut message, bytes.get(BOOT_FILE).unwrap_or_default());
    }
    if overload & 2 != 0 {
        read_options(&mut message, bytes.get(SERVER_NAME).unwrap_or_default());
    }
    Some(message)
}

/// Reads one area of options, and returns which fields hold more of them: 1 boot file, 2 server name, 3 both.
fn read_options(message: &mut DhcpMessage, mut area: &[u8]) -> u8 {
    let mut overload = 0;
    while let Some((&code, rest)) = area.split_first() {
        if code == option::PAD {
            area = rest;
            continue;
        }
        let Some((&length, rest)) = rest.split_first().filter(|_| code != option::END) else {
            break;
        };
        let Some((value, rest)) = rest.split_at_checked(usize::from(length)) else {
            break;
        };
        match code {
            option::OVERLOAD => overload = value.first().copied().unwrap_or(0),
            _ => read_option(message, code, value),
        }
        area = rest;
    }
    overload
}

fn read_option(message: &mut DhcpMessage, code: u8, value: &[u8]) {
    match code {
        option::MESSAGE_TYPE => message.message_type = value.first().copied(),
        option::REQUESTED_ADDRESS => message.requested_address = address(Some(value)),
        option::HOST_NAME => message.host_name = text_name(value),
        option::CLIENT_FQDN => message.fqdn = client_fqdn(value),
        option::VENDOR_CLASS => {
            message.vendor_class = Some(printable(value, MAX_VENDOR_CLASS_CHARACTERS))
        }
        option::WPAD => message.wpad = true,
        option::DNS_SERVERS => {
            let room = MAX_ADDRESSES.saturating_sub(message.dns_servers.len());
            let (servers, _) = value.as_chunks::<4>();
            message
                .dns_servers
                .extend(servers.iter().take(room).copied().map(Ipv4Addr::from));
        }
        _ => {}
    }
}

/// An address field; 0.0.0.0 means none.
fn address(octets: Option<&[u8]>) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = octets?.try_into().ok()?;
    Some(Ipv4Addr::from(octets)).filter(|address| !address.is_unspecified())
}

/// A name in plain text; some clients send the zero octet that ends a string in C.
fn text_name(mut value: &[u8]) -> Option<HostName> {
    while let [rest @ .., 0] = value {
        value = rest;
    }
    HostName::from_wire(value)
}

/// Three octets of flags and response codes, then the name: labels when the E bit (0x04) is set, text in older clients
/// (RFC 4702 §2.1, §2.3).
fn client_fqdn(value: &[u8]) -> Option<HostName> {
    let (&[flags, _, _], name) = value.split_first_chunk()?;
    if flags & 0x04 == 0 {
        text_name(name)
    } else {
        dns::from_labels(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(operation: u8, options: &[u8]) -> Vec<u8> {
        let mut octets = vec![operation, 1, 6, 0];
        octets.resize(FIXED_OCTETS - 4, 0);
        octets[28..34].copy_from_slice(&[0, 0x15, 0x5d, 1, 2, 3]);
        octets.extend(MAGIC_COOKIE);
        octets.extend(options);
        octets
    }

    fn read(octets: &[u8]) -> Option<DhcpMessage> {
        parse(octets, u32::try_from(octets.len()).unwrap())
    }

    const REQUEST: &[u8] = b"\x35\x01\x03\x32\x04\xc0\0\x02\x0e\x0c\x06DESK-1\x3c\x08MSFT 5.0\
        \x51\x0e\0\0\0DESK-1.corp\x37\x02\x03\x06\xff";

    #[test]
    fn a_windows_client_says_who_it_is() {
        let read = read(&message(1, REQUEST)).unwrap();
        assert!(read.from_client);
        assert_eq!(read.message_type, Some(3));
        assert_eq!(read.client_mac.unwrap().to_string(), "00:15:5d:01:02:03");
        assert_eq!(read.requested_address, Some(Ipv4Addr::new(192, 0, 2, 14)));
        assert_eq!(read.host_name.unwrap().as_str(), "DESK-1");
        assert_eq!(read.fqdn.unwrap().as_str(), "DESK-1.corp");
        assert_eq!(read.vendor_class.unwrap(), "MSFT 5.0");
        assert_eq!((read.client_address, read.assigned_address), (None, None));
    }

    #[test]
    fn the_full_name_comes_as_text_or_as_labels() {
        let text = read(&message(1, b"\x51\x0b\0\0\0PC.corp\0\xff")).unwrap();
        assert_eq!(text.fqdn.unwrap().as_str(), "PC.corp");
        let labels = read(&message(1, b"\x51\x0b\x04\0\0\x02PC\x04corp\xff")).unwrap();
        assert_eq!(labels.fqdn.unwrap().as_str(), "PC.corp");
    }

    #[test]
    fn a_server_gives_an_address_resolvers_and_a_proxy() {
        let mut octets = message(
            2,
            b"\x35\x01\x05\0\0\x06\x08\xc0\0\x02\x01\xc0\0\x02\x02\xfc\x07http://\xff",
        );
        octets[16..20].copy_from_slice(&[192, 0, 2, 14]);
        let read = read(&octets).unwrap();
        assert!(!read.from_client && read.wpad);
        assert_eq!(read.assigned_address, Some(Ipv4Addr::new(192, 0, 2, 14)));
        assert_eq!(
            read.dns_servers.as_slice(),
            [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)]
        );
    }

    #[test]
    fn options_continue_in_the_fields_that_overload_names() {
        let mut octets = message(1, b"\x34\x01\x03\xff");
        octets[SERVER_NAME.start..][..5].copy_from_slice(b"\x0c\x02pc\xff");
        octets[BOOT_FILE.start..][..5].copy_from_slice(b"\x3c\x02v1\xff");
        let read = read(&octets).unwrap();
        assert_eq!(
            (
                read.host_name.unwrap().as_str(),
                read.vendor_class.unwrap().as_str()
            ),
            ("pc", "v1")
        );
    }

    #[test]
    fn a_message_cut_before_its_options_gives_the_hardware_address() {
        let octets = message(1, REQUEST);
        let read = parse(&octets[..86], 300).unwrap();
        assert!(read.client_mac.is_some() && read.message_type.is_none());
        assert!(parse(&octets[..43], 300).is_none());
        assert!(parse(&octets[..86], 86).is_none());
    }

    #[test]
    fn other_payloads_are_no_dhcp() {
        let mut octets = message(1, REQUEST);
        octets[236] = 0;
        assert!(read(&octets).is_none());
        assert!(read(&message(3, REQUEST)).is_none());
    }

    proptest! {
        #[test]
        fn any_options_are_read(options in prop::collection::vec(any::<u8>(), 0..300)) {
            let read = read(&message(1, &options)).unwrap();
            prop_assert!(read.dns_servers.len() <= MAX_ADDRESSES);
        }

        #[test]
        fn one_flipped_octet_or_a_cut_never_breaks_the_reading(at in 0_usize..300, with in 1_u8..) {
            let mut octets = message(1, REQUEST);
            let at = at % octets.len();
            octets[at] ^= with;
            let _ = read(&octets);
            let _ = parse(&octets[..at], 300);
        }
    }
}
