//! Long header packets of QUIC (RFC 9000 §17.2): the part that no key is needed for.
//!
//! In: a datagram, or what is left of it behind other packets. Out: one packet's fields, and where the next one begins.

use super::version::Version;

/// Long header form (RFC 8999 §5.1).
const LONG_FORM: u8 = 0x80;

/// Fixed bit (RFC 9000 §17.2).
const FIXED_BIT: u8 = 0x40;

/// Longest connection identifier of the versions known (RFC 9000 §17.2).
const CONNECTION_ID_LIMIT: usize = 20;

/// A packet by its long header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LongPacket<'a> {
    /// The server does not speak the version asked for (RFC 9000 §17.2.1).
    VersionNegotiation,
    /// The server wants the client to prove its address (RFC 9000 §17.2.5).
    Retry,
    /// Carries the beginning of the handshake (RFC 9000 §17.2.2).
    Initial(InitialPacket<'a>),
    /// 0-RTT or Handshake: their keys are not public.
    Sealed,
    /// A version that is not known; behind the connection identifiers nothing is certain (RFC 8999).
    UnknownVersion,
}

/// An Initial packet, still protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InitialPacket<'a> {
    /// Version number on the wire.
    pub(super) version: u32,
    /// Destination connection identifier.
    pub(super) destination: &'a [u8],
    /// The packet from its first octet to its last one captured.
    pub(super) bytes: &'a [u8],
    /// Where in `bytes` the packet number begins.
    pub(super) number_at: usize,
    /// `bytes` is all of it.
    pub(super) whole: bool,
}

impl<'a> LongPacket<'a> {
    /// Reads the packet that begins here, and gives the octets behind it; `None` when this is no long header packet.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (first, rest) = bytes.split_first()?;
        let (version, rest) = rest
            .split_first_chunk()
            .map(|(v, rest)| (u32::from_be_bytes(*v), rest))?;
        if first & LONG_FORM == 0 {
            return None;
        }
        let (destination, rest) = connection_id(rest)?;
        let (_, rest) = connection_id(rest)?;
        if version == 0 {
            return Some((Self::VersionNegotiation, &[]));
        }
        let Some(known) = Version::known(version) else {
            return Some((Self::UnknownVersion, &[]));
        };
        if first & FIXED_BIT == 0 {
            return None;
        }
        let packet_type = first >> 4 & 0b11;
        if packet_type == known.retry {
            return Some((Self::Retry, &[]));
        }
        let initial = packet_type == known.initial;
        let rest = if initial { skip_token(rest)? } else { rest };
        let (length, payload) = varint(rest)?;
        let number_at = bytes.len().checked_sub(payload.len())?;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| number_at.checked_add(length));
        let split = end.and_then(|end| bytes.split_at_checked(end));
        let (packet, behind) = split.unwrap_or((bytes, &[]));
        let whole = split.is_some();
        let packet = if initial {
            Self::Initial(InitialPacket {
                version,
                destination,
                bytes: packet,
                number_at,
                whole,
            })
        } else {
            Self::Sealed
        };
        Some((packet, behind))
    }
}

/// Reads a variable-length integer (RFC 9000 §16).
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, _) = bytes.split_first()?;
    let (octets, rest) = bytes.split_at_checked(1_usize << (first >> 6))?;
    let value = octets
        .iter()
        .fold(0_u64, |value, octet| value << 8 | u64::from(*octet));
    // The two highest bits of the first octet hold the length.
    let value_bits = octets.len().saturating_mul(8).saturating_sub(2);
    Some((value & !(u64::MAX << value_bits), rest))
}

fn connection_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let length = usize::from(*length);
    if length > CONNECTION_ID_LIMIT {
        None
    } else {
        rest.split_at_checked(length)
    }
}

fn skip_token(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = varint(bytes)?;
    rest.get(usize::try_from(length).ok()?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_integers_of_the_specification() {
        // RFC 9000 §A.1.
        assert_eq!(
            varint(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c])
                .unwrap()
                .0,
            151_288_809_941_952_652
        );
        assert_eq!(varint(&[0x9d, 0x7f, 0x3e, 0x7d]).unwrap().0, 494_878_333);
        assert_eq!(varint(&[0x7b, 0xbd, 9]).unwrap(), (15_293, &[9][..]));
        assert_eq!(varint(&[0x25]).unwrap().0, 37);
        assert!(varint(&[0x40]).is_none() && varint(&[]).is_none());
    }

    #[test]
    fn version_2_numbers_its_packet_types_differently() {
        let packet = |first: u8, version: u32| {
            [
                &[first],
                &version.to_be_bytes()[..],
                &[1, 7, 0, 0, 2, 5, 5, 9],
            ]
            .concat()
        };
        assert!(matches!(
            LongPacket::read(&packet(0xc0, 1)).unwrap().0,
            LongPacket::Initial(_)
        ));
        assert!(matches!(
            LongPacket::read(&packet(0xd0, 0x6b33_43cf)).unwrap().0,
            LongPacket::Initial(_)
        ));
        assert_eq!(
            LongPacket::read(&packet(0xf0, 1)).unwrap().0,
            LongPacket::Retry
        );
        assert_eq!(
            LongPacket::read(&packet(0xc0, 0x6b33_43cf)).unwrap().0,
            LongPacket::Retry
        );
        assert_eq!(
            LongPacket::read(&packet(0xc0, 0)).unwrap().0,
            LongPacket::VersionNegotiation
        );
        assert_eq!(
            LongPacket::read(&packet(0xc0, 0x1a2a_3a4a)).unwrap().0,
            LongPacket::UnknownVersion
        );
    }

    #[test]
    fn finds_the_packet_behind_a_sealed_one() {
        let bytes = [0xe0, 0, 0, 0, 1, 1, 7, 0, 2, 5, 5, 0x40, 9];
        assert_eq!(
            LongPacket::read(&bytes).unwrap(),
            (LongPacket::Sealed, &[0x40, 9][..])
        );
    }
}
