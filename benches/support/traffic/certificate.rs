//! An X.509 certificate of the right shape: readable by any parser, signed by nobody.

use super::random::Random;

/// DER tags (X.690 §8).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: [u8; 2] = [0x05, 0];
const OBJECT: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// A server certificate for `server_name`, issued in the name of one of Microsoft's public authorities.
pub fn certificate(random: &mut Random, server_name: &str) -> Vec<u8> {
    let algorithm = tlv(SEQUENCE, &[&tlv(OBJECT, &[&SHA384_WITH_RSA]), &NULL]);
    let issuer = name(&[
        (COUNTRY, "US"),
        (ORGANIZATION, "Microsoft Corporation"),
        (COMMON_NAME, "Microsoft Azure RSA TLS Issuing CA 07"),
    ]);
    let subject = name(&[
        (COUNTRY, "US"),
        (ORGANIZATION, "Microsoft Corporation"),
        (COMMON_NAME, server_name),
    ]);
    let validity = tlv(
        SEQUENCE,
        &[
            &tlv(0x17, &[b"260101000000Z"]),
            &tlv(0x17, &[b"271231235959Z"]),
        ],
    );
    let modulus = positive(random, 256);
    let key = tlv(
        SEQUENCE,
        &[&tlv(INTEGER, &[&modulus]), &tlv(INTEGER, &[&[1, 0, 1]])],
    );
    let key_info = tlv(
        SEQUENCE,
        &[
            &tlv(SEQUENCE, &[&tlv(OBJECT, &[&RSA_ENCRYPTION]), &NULL]),
            &tlv(BIT_STRING, &[&[0], &key]),
        ],
    );
    let names = tlv(SEQUENCE, &[&tlv(0x82, &[server_name.as_bytes()])]);
    let alternative_name = tlv(
        SEQUENCE,
        &[
            &tlv(OBJECT, &[&SUBJECT_ALT_NAME]),
            &tlv(OCTET_STRING, &[&names]),
        ],
    );
    let extensions = tlv(0xa3, &[&tlv(SEQUENCE, &[&alternative_name])]);
    let to_be_signed = tlv(
        SEQUENCE,
        &[
            &tlv(0xa0, &[&tlv(INTEGER, &[&[2]])]),
            &tlv(INTEGER, &[&positive(random, 15)]),
            &algorithm,
            &issuer,
            &validity,
            &subject,
            &key_info,
            &extensions,
        ],
    );
    let signature = positive(random, 256);
    tlv(
        SEQUENCE,
        &[&to_be_signed, &algorithm, &tlv(BIT_STRING, &[&signature])],
    )
}

/// Object identifiers, in DER: 2.5.4.6, 2.5.4.10, 2.5.4.3, 2.5.29.17 (RFC 5280), 1.2.840.113549.1.1.1 and .12 (RFC 8017).
const COUNTRY: [u8; 3] = [0x55, 4, 6];
const ORGANIZATION: [u8; 3] = [0x55, 4, 10];
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 17];
const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const SHA384_WITH_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];

fn name(attributes: &[([u8; 3], &str)]) -> Vec<u8> {
    let sets: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(kind, value)| {
            // Countries are PrintableString by definition (RFC 5280 appendix A.1), the rest should be UTF8String (§4.1.2.4).
            let string = if *kind == COUNTRY {
                PRINTABLE_STRING
            } else {
                UTF8_STRING
            };
            tlv(
                SET,
                &[&tlv(
                    SEQUENCE,
                    &[&tlv(OBJECT, &[kind]), &tlv(string, &[value.as_bytes()])],
                )],
            )
        })
        .collect();
    tlv(
        SEQUENCE,
        &sets.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    )
}

/// A leading zero octet and `length` random ones of which the first has its top bit set: a positive INTEGER in its shortest form, and a
/// BIT STRING without unused bits alike.
fn positive(random: &mut Random, length: usize) -> Vec<u8> {
    let mut out = vec![0];
    random.append(&mut out, length);
    out[1] |= 0x80;
    out
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    let mut out = Vec::with_capacity(length + 4);
    out.push(tag);
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend_from_slice(&[0x81, length as u8]),
        _ => out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
    parts.iter().for_each(|p| out.extend_from_slice(p));
    out
}
