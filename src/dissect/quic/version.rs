//! QUIC versions whose Initial packets can be read: their salts, labels and packet type bits.

/// What differs between versions as far as Initial packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// Salt of the initial secret.
    pub(super) salt: [u8; 20],
    /// Labels of key, IV and header protection key.
    pub(super) labels: [&'static str; 3],
    /// Long packet type bits of an Initial.
    pub(super) initial: u8,
    /// Long packet type bits of a Retry.
    pub(super) retry: u8,
}

/// RFC 9001 §5.2.
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];

/// RFC 9369 §3.3.1.
const SALT_V2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];

/// draft-ietf-quic-tls-29 §5.2.
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];

/// draft-ietf-quic-tls-23 §5.2.
const SALT_DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
];

const V1: Version = Version {
    salt: SALT_V1,
    labels: ["quic key", "quic iv", "quic hp"],
    initial: 0b00,
    retry: 0b11,
};

const V2: Version = Version {
    salt: SALT_V2,
    labels: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
    initial: 0b01,
    retry: 0b00,
};

impl Version {
    /// Version 1, version 2 and the drafts 23 to 34; `None` for any other number.
    pub(super) fn known(number: u32) -> Option<Self> {
        match number {
            0x0000_0001 | 0xff00_0021..=0xff00_0022 => Some(V1),
            0x6b33_43cf => Some(V2),
            0xff00_001d..=0xff00_0020 => Some(Self {
                salt: SALT_DRAFT_29,
                ..V1
            }),
            0xff00_0017..=0xff00_001c => Some(Self {
                salt: SALT_DRAFT_23,
                ..V1
            }),
            _ => None,
        }
    }
}
