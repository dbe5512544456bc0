//! GTP-U, which carries the packets of mobile subscribers.

use super::believable_ip;
use crate::decode::octets::Octets;
use crate::decode::step::Step;

/// Most extension headers followed in one GTP-U header; 3GPP TS 29.281 §5.2 defines fewer.
const MAX_GTP_EXTENSIONS: usize = 8;

/// GTP-U version 1 (3GPP TS 29.281 §5.1): only messages that carry a user's packet.
pub(super) fn gtp_user(octets: Octets<'_>) -> Option<Step<'_>> {
    const VERSION_1: u8 = 0x30;
    const SPARE: u8 = 0x08;
    const OPTIONAL_FIELDS: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    const USER_PACKET: u8 = 255;
    let [flags, message, l1, l2, _, _, _, _] = *octets.first()?;
    if flags & 0xf0 != VERSION_1 || flags & SPARE != 0 || message != USER_PACKET {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([l1, l2]));
    let body = octets.skip(8)?;
    if length > body.original {
        return None;
    }
    let mut rest = body.limit(length);
    if flags & OPTIONAL_FIELDS != 0 {
        let mut next = rest.at(3)?;
        rest = rest.skip(4)?;
        for _ in 0..MAX_GTP_EXTENSIONS {
            if flags & EXTENSION == 0 || next == 0 {
                break;
            }
            // Length in units of four octets, the last of which is the type of the next one (§5.2.1).
            let octets = usize::from(rest.at(0)?)
                .checked_mul(4)
                .filter(|octets| *octets > 0)?;
            next = rest.at(octets.checked_sub(1)?)?;
            rest = rest.skip(octets)?;
        }
    }
    believable_ip(rest)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IPV4, look};
    use crate::decode::step::Header;

    #[test]
    fn gtp_user_packets_with_extension_headers() {
        let plain = [&[0x30, 255, 0, 20, 0, 0, 0, 1][..], &IPV4].concat();
        assert_eq!(look(2152, &plain), Some(("gtp-u", Header::Ip, 20)));
        let extended = [
            &[0x34, 255, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0x85][..],
            &[1, 0, 0, 0],
            &IPV4,
        ]
        .concat();
        assert_eq!(look(2152, &extended), Some(("gtp-u", Header::Ip, 20)));
        let no_length = [
            &[0x34, 255, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0x85][..],
            &[0, 0, 0, 0],
            &IPV4,
        ]
        .concat();
        assert_eq!(look(2152, &no_length), None);
        let echo = [&[0x32, 1, 0, 20, 0, 0, 0, 1][..], &IPV4].concat();
        assert_eq!(look(2152, &echo), None);
    }
}
