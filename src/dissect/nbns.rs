//! NetBIOS name service: a datagram's payload to the name a Windows host claims and its addresses (RFC 1002 §4.2).
//!
//! Messages have the form of DNS messages, but names, operation codes and record data of their own. Who sent a message, and
//! whether its claim was disputed, is not known here.

use crate::facts::HostName;
use smallvec::SmallVec;
use std::net::Ipv4Addr;

/// Octets of the header (RFC 1002 §4.2.1.1).
const HEADER_OCTETS: usize = 12;

/// Octets of a NetBIOS name before encoding (RFC 1001 §5.2), by Windows used as 15 characters and a suffix.
const NAME_OCTETS: usize = 16;

/// Type of records that carry addresses (RFC 1002 §4.2.1.3).
const TYPE_NB: u16 = 0x0020;

/// Most addresses kept of one record.
const MAX_ADDRESSES: usize = 8;

/// A name service message that carries a name with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NbnsMessage {
    /// A response, not a request.
    pub response: bool,
    /// Operation code: 0 query, 5 registration, 6 release, 7 wait, 8 and 9 refresh, 15 multi-homed registration.
    pub opcode: u8,
    /// Response code, 0 to 15; 0 is success.
    pub response_code: u8,
    /// The name without padding.
    pub name: HostName,
    /// The sixteenth octet, which says what the name is for: 0x00 workstation, 0x20 file server, 0x1c domain controllers …
    pub suffix: u8,
    /// The name is shared by a group.
    pub group: bool,
    /// Addresses of the name, at most 8.
    pub addresses: SmallVec<[Ipv4Addr; 2]>,
}

impl NbnsMessage {
    /// Whether [`Self::name`] names the host at [`Self::addresses`]: claimed, refreshed, or told in answer to a query.
    #[must_use]
    pub fn names_host(&self) -> bool {
        let told = match self.opcode {
            0 => self.response && self.response_code == 0,
            5 | 8 | 9 | 15 => !self.response || self.response_code == 0,
            _ => false,
        };
        told && !self.group && matches!(self.suffix, 0x00 | 0x20)
    }
}

/// Reads a message; `None` when it is none or has no record with addresses.
///
/// Requests carry the record in the additional section, with a pointer to the question's name; responses carry it in the
/// answer section.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<NbnsMessage> {
    let (header, body) = bytes.split_first_chunk::<HEADER_OCTETS>()?;
    let &[_, _, flags, low_flags, q0, q1, a0, a1, _, _, _, r1] = header;
    let response = flags & 0x80 != 0;
    let expected = if response { [0, 0, 0, 1] } else { [0, 1, 0, 0] };
    // A request has one question and one additional record, a response one answer.
    if [q0, q1, a0, a1] != expected || (!response && r1 != 1) {
        return None;
    }
    let (name, suffix, mut rest) = encoded_name(body)?;
    if !response {
        let (&[t0, t1, _, _], behind) = rest.split_first_chunk()?;
        if u16::from_be_bytes([t0, t1]) != TYPE_NB {
            return None;
        }
        // The record's name is the pointer to the question's (RFC 1002 §4.2.2), in some clients the name again.
        rest = match behind.strip_prefix(&[0xc0, 0x0c]) {
            Some(rest) => rest,
            None => encoded_name(behind).filter(|(again, ..)| *again == name)?.2,
        };
    }
    let (&[t0, t1, _, _, _, _, _, _, l0, l1], data) = rest.split_first_chunk()?;
    let data = data.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
    if u16::from_be_bytes([t0, t1]) != TYPE_NB || data.is_empty() {
        return None;
    }
    // Each entry: flags, of which the top bit says group, and an address (RFC 1002 §4.2.2).
    let (entries, _) = data.as_chunks::<6>();
    let mut addresses = SmallVec::new();
    let mut group = false;
    for &[flags, _, a, b, c, d] in entries.iter().take(MAX_ADDRESSES) {
        group |= flags & 0x80 != 0;
        addresses.push(Ipv4Addr::new(a, b, c, d));
    }
    Some(NbnsMessage {
        response,
        opcode: flags >> 3 & 0x0f,
        response_code: low_flags & 0x0f,
        name,
        suffix,
        group,
        addresses,
    })
}

/// A name in first-level encoding, its suffix, and the octets behind it (RFC 1001 §14.1): each half octet is a letter from A
/// to P. The scope, if any, is passed over.
fn encoded_name(octets: &[u8]) -> Option<(HostName, u8, &[u8])> {
    let (encoded, mut rest) = octets
        .strip_prefix(&[0x20])?
        .split_first_chunk::<{ 2 * NAME_OCTETS }>()?;
    let mut name = [0; NAME_OCTETS];
    for (octet, &[high, low]) in name.iter_mut().zip(encoded.as_chunks::<2>().0) {
        *octet = half_octet(high)? << 4 | half_octet(low)?;
    }
    loop {
        let (&length, behind) = rest.split_first()?;
        rest = behind.get(usize::from(length)..)?;
        match length {
            0 => break,
            1..=63 => {}
            _ => return None,
        }
    }
    let (&suffix, characters) = name.split_last()?;
    // Padding is blanks; the wildcard name `*` pads with zeros and names no host.
    let characters = characters.trim_ascii_end();
    if characters.contains(&0) {
        return None;
    }
    Some((HostName::from_wire(characters)?, suffix, rest))
}

fn half_octet(letter: u8) -> Option<u8> {
    letter.checked_sub(b'A').filter(|half| *half < 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(name: &str, suffix: u8) -> Vec<u8> {
        let mut octets = vec![0x20];
        for octet in format!("{name:15}").bytes().chain([suffix]) {
            octets.extend([b'A' + (octet >> 4), b'A' + (octet & 15)]);
        }
        octets.push(0);
        octets
    }

    fn registration(suffix: u8, flags: u8) -> Vec<u8> {
        [
            b"\x80\x01\x29\x10\0\x01\0\0\0\0\0\x01".as_slice(),
            &encode("DESKTOP-4F2A", suffix),
            b"\0\x20\0\x01\xc0\x0c\0\x20\0\x01\0\x04\x93\xe0\0\x06",
            &[flags, 0, 192, 0, 2, 14],
        ]
        .concat()
    }

    fn positive_response() -> Vec<u8> {
        [
            b"\x80\x01\x85\0\0\0\0\x01\0\0\0\0".as_slice(),
            &encode("FILES", 0x20),
            b"\0\x20\0\x01\0\x04\x93\xe0\0\x0c\0\0\xc0\0\x02\x01\0\0\xc0\0\x02\x02",
        ]
        .concat()
    }

    #[test]
    fn a_registration_names_its_host() {
        let message = parse(&registration(0, 0)).unwrap();
        assert_eq!(message.name.as_str(), "DESKTOP-4F2A");
        assert_eq!((message.opcode, message.response), (5, false));
        assert_eq!(message.addresses.as_slice(), [Ipv4Addr::new(192, 0, 2, 14)]);
        assert!(message.names_host());
    }

    #[test]
    fn groups_and_services_are_no_host_names() {
        assert!(!parse(&registration(0, 0x80)).unwrap().names_host());
        assert!(!parse(&registration(0x1c, 0)).unwrap().names_host());
    }

    #[test]
    fn a_response_names_a_host_with_several_addresses() {
        let message = parse(&positive_response()).unwrap();
        assert_eq!(
            (message.name.as_str(), message.addresses.len()),
            ("FILES", 2)
        );
        assert!(message.names_host());
        let mut refused = positive_response();
        refused[3] = 3;
        assert!(!parse(&refused).unwrap().names_host());
    }

    #[test]
    fn queries_carry_no_address() {
        let query = [
            b"\x80\x01\x01\x10\0\x01\0\0\0\0\0\0".as_slice(),
            &encode("FILES", 0),
            b"\0\x20\0\x01",
        ]
        .concat();
        assert_eq!(parse(&query), None);
    }

    #[test]
    fn letters_beyond_p_and_cut_messages_are_refused() {
        let mut bytes = registration(0, 0);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), None);
        }
        bytes[20] = b'Q';
        assert_eq!(parse(&bytes), None);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn one_flipped_octet_never_breaks_the_reading(at in 0_usize..80, with in 1_u8..) {
            for mut bytes in [registration(0, 0), positive_response()] {
                let at = at % bytes.len();
                bytes[at] ^= with;
                if let Some(message) = parse(&bytes) {
                    prop_assert!(message.addresses.len() <= MAX_ADDRESSES);
                }
            }
        }
    }
}
