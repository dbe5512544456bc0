//! The data of SVCB and HTTPS records (RFC 9460) as a [`ServiceHint`].

use super::name::{NameDefect, NameReader};
use crate::facts::{ServiceHint, printable};
use std::net::IpAddr;

/// Most protocol identifiers kept of one record; real ones offer two or three.
const MAX_ALPN: usize = 8;

/// Longest protocol identifier shown, in characters; the registered ones have at most 17.
const MAX_ALPN_CHARACTERS: usize = 32;

/// Most addresses kept of one record.
const MAX_ADDRESSES: usize = 16;

/// Parameter keys (RFC 9460 §14.3.2).
mod key {
    pub(super) const ALPN: u16 = 1;
    pub(super) const PORT: u16 = 3;
    pub(super) const IPV4HINT: u16 = 4;
    pub(super) const ECH: u16 = 5;
    pub(super) const IPV6HINT: u16 = 6;
}

/// Reads the record data at `start..end` of the reader's message; `Ok(None)` says that the service does not exist (alias to
/// the root, RFC 9460 §2.5.1).
pub(super) fn parse(
    names: &mut NameReader<'_>,
    start: usize,
    end: usize,
) -> Result<Option<ServiceHint>, NameDefect> {
    let data = names.message().get(..end).ok_or(NameDefect::Cut)?;
    let target_at = start.saturating_add(2);
    let priority = data.get(start..target_at).ok_or(NameDefect::Cut)?;
    let mut rest = data.get(names.skip(target_at)?..).ok_or(NameDefect::Cut)?;
    let target = names.read(target_at)?;
    let mut hint = ServiceHint {
        target,
        ..ServiceHint::default()
    };
    if priority == [0, 0] {
        return Ok(hint.target.is_some().then_some(hint));
    }
    while let Some((key, value, behind)) = parameter(rest) {
        read_parameter(&mut hint, key, value);
        rest = behind;
    }
    if rest.is_empty() {
        Ok(Some(hint))
    } else {
        Err(NameDefect::Invalid)
    }
}

/// Splits off the first parameter: key, value and the octets behind it.
fn parameter(octets: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (key, rest) = octets.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((u16::from_be_bytes(*key), value, rest))
}

fn read_parameter(hint: &mut ServiceHint, key: u16, mut value: &[u8]) {
    match key {
        key::ALPN => {
            while let Some((&length, rest)) = value.split_first() {
                let Some((identifier, rest)) = rest.split_at_checked(usize::from(length)) else {
                    break;
                };
                if hint.alpn.len() < MAX_ALPN {
                    hint.alpn.push(printable(identifier, MAX_ALPN_CHARACTERS));
                }
                value = rest;
            }
        }
        key::PORT => hint.port = value.try_into().ok().map(u16::from_be_bytes),
        key::IPV4HINT => {
            let room = MAX_ADDRESSES.saturating_sub(hint.addresses.len());
            let (addresses, _) = value.as_chunks::<4>();
            hint.addresses
                .extend(addresses.iter().take(room).copied().map(IpAddr::from));
        }
        key::IPV6HINT => {
            let room = MAX_ADDRESSES.saturating_sub(hint.addresses.len());
            let (addresses, _) = value.as_chunks::<16>();
            hint.addresses
                .extend(addresses.iter().take(room).copied().map(IpAddr::from));
        }
        key::ECH => hint.ech = true,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8]) -> Result<Option<ServiceHint>, NameDefect> {
        let message = [&[0; 12], data].concat();
        parse(&mut NameReader::new(&message), 12, message.len())
    }

    #[test]
    fn reads_every_parameter_a_client_follows() {
        let data = b"\0\x01\0\0\x01\0\x06\x02h3\x02h2\0\x03\0\x02\x20\xfb\0\x04\0\x08\xc0\0\x02\x01\xc0\0\x02\x02\
            \0\x05\0\x02\0\0\0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09";
        let hint = read(data).unwrap().unwrap();
        assert_eq!(hint.target, None);
        assert_eq!(hint.alpn, ["h3", "h2"]);
        assert_eq!(hint.port, Some(8443));
        assert!(hint.ech);
        let addresses: Vec<String> = hint.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.0.2.1", "192.0.2.2", "2001:db8::9"]);
    }

    #[test]
    fn an_alias_has_a_target_and_nothing_else() {
        let hint = read(b"\0\0\x03cdn\x07example\0\0\x03\0\x02\0\x50")
            .unwrap()
            .unwrap();
        assert_eq!(hint.target.unwrap().as_str(), "cdn.example");
        assert_eq!(hint.port, None);
        assert_eq!(read(b"\0\0\0"), Ok(None));
    }

    #[test]
    fn a_parameter_longer_than_the_record_makes_it_unreadable() {
        assert_eq!(
            read(b"\0\x01\0\0\x03\0\x05\x20\xfb"),
            Err(NameDefect::Invalid)
        );
        assert_eq!(read(b"\0"), Err(NameDefect::Cut));
        assert_eq!(read(b"\0\x01"), Err(NameDefect::Cut));
    }

    #[test]
    fn hints_are_bounded() {
        let data = [
            b"\0\x01\0\0\x04\x04\0".as_slice(),
            &[10; 1024],
            b"\0\x01\x01\0",
            &b"\x01x".repeat(128),
        ]
        .concat();
        let hint = read(&data).unwrap().unwrap();
        assert_eq!(
            (hint.addresses.len(), hint.alpn.len()),
            (MAX_ADDRESSES, MAX_ALPN)
        );
    }
}
