//! NTP packets: a datagram's payload to version, mode and stratum (RFC 5905 §7.3).
//!
//! Whether the time told is right is not known here; extension fields and authenticators (NTS among them) are not read.

/// Octets of a packet's fixed header (RFC 5905 §7.3, figure 8).
const HEADER_OCTETS: u32 = 48;

/// Octets of a control message's fixed header (RFC 9327 §2).
const CONTROL_HEADER_OCTETS: u32 = 12;

/// Octets of the header of a private request (mode 7), which only the reference implementation's sources describe.
const PRIVATE_HEADER_OCTETS: u32 = 8;

/// Highest stratum given out: 16 means unsynchronised (RFC 5905 §7.3, figure 11).
const MAX_STRATUM: u8 = 16;

/// What an NTP packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NtpPacket {
    /// Version, 1 to 4.
    pub version: u8,
    /// Mode: 1 and 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control message, 7 private.
    pub mode: u8,
    /// Stratum, 0 to 16; `None` in modes 6 and 7, which have none.
    pub stratum: Option<u8>,
}

impl NtpPacket {
    /// Mode of a client's request.
    pub const CLIENT: u8 = 3;
    /// Mode of a server's reply.
    pub const SERVER: u8 = 4;

    /// Whether a server refuses to tell the time (RFC 5905 §7.4).
    #[must_use]
    pub fn is_kiss_of_death(self) -> bool {
        self.mode == Self::SERVER && self.stratum == Some(0)
    }
}

/// Reads the captured octets of a payload that was `payload_length` octets long when it was sent; `None` when it is not NTP.
#[must_use]
pub fn parse(bytes: &[u8], payload_length: u32) -> Option<NtpPacket> {
    let &[first, second] = bytes.first_chunk()?;
    let (version, mode) = (first >> 3 & 7, first & 7);
    let (least, stratum) = match mode {
        1..=5 => (HEADER_OCTETS, Some(second)),
        6 => (CONTROL_HEADER_OCTETS, None),
        7 => (PRIVATE_HEADER_OCTETS, None),
        _ => return None,
    };
    let plausible = (1..=4).contains(&version)
        && payload_length >= least
        && stratum.is_none_or(|stratum| stratum <= MAX_STRATUM);
    plausible.then_some(NtpPacket {
        version,
        mode,
        stratum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, stratum: u8) -> [u8; 48] {
        let mut octets = [0; 48];
        octets[..2].copy_from_slice(&[first, stratum]);
        octets
    }

    #[test]
    fn reads_a_request_and_its_reply() {
        let request = parse(&packet(0xe3, 0), 48).unwrap();
        assert_eq!(
            request,
            NtpPacket {
                version: 4,
                mode: NtpPacket::CLIENT,
                stratum: Some(0)
            }
        );
        assert!(!request.is_kiss_of_death());
        let reply = parse(&packet(0x1c, 2), 48).unwrap();
        assert_eq!(
            reply,
            NtpPacket {
                version: 3,
                mode: NtpPacket::SERVER,
                stratum: Some(2)
            }
        );
    }

    #[test]
    fn a_reply_of_stratum_zero_is_a_kiss_of_death() {
        assert!(parse(&packet(0xe4, 0), 48).unwrap().is_kiss_of_death());
    }

    #[test]
    fn what_counts_is_the_length_as_sent() {
        assert!(parse(&packet(0x23, 0)[..10], 48).is_some());
        assert!(parse(&packet(0x23, 0), 47).is_none());
        assert!(parse(&packet(0x23, 0)[..1], 48).is_none());
    }

    #[test]
    fn control_messages_are_shorter_and_have_no_stratum() {
        let control = parse(b"\x16\x02\0\x01\0\0\0\0\0\0\0\0", 12).unwrap();
        assert_eq!((control.mode, control.stratum), (6, None));
        assert_eq!(parse(b"\x17\0\x03\x2a\0\0\0\0", 8).unwrap().mode, 7);
        assert!(parse(b"\x17\0\x03\x2a\0\0\0", 7).is_none());
    }

    #[test]
    fn versions_modes_and_strata_that_do_not_exist_are_refused() {
        for first in 0..=u8::MAX {
            let exists = (1..=4).contains(&(first >> 3 & 7)) && first & 7 != 0;
            assert_eq!(parse(&packet(first, 16), 48).is_some(), exists);
        }
        assert!(parse(&packet(0x24, 17), 48).is_none());
    }
}
