//! The protection of Initial packets (RFC 9001 §5): keys that follow from the client's first connection identifier, so that
//! everybody on the path can derive them.
//!
//! In: a client's Initial packet. Out: its frames.

use super::long_header::InitialPacket;
use super::version::Version;
use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, Payload};
use hkdf::Hkdf;
use sha2::Sha256;

/// Octets behind the start of the packet number at which the header protection's sample begins (RFC 9001 §5.4.2).
const SAMPLE_OFFSET: usize = 4;

/// Octets of an AES block, and so of a sample.
const BLOCK: usize = 16;

/// The client's Initial keys of one connection.
#[derive(Clone)]
pub(super) struct InitialKeys {
    sealed: Aes128Gcm,
    /// The same key, for the beginning of packets whose authentication tag was not captured.
    stream: Aes128,
    iv: [u8; 12],
    header: Aes128,
}

impl std::fmt::Debug for InitialKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InitialKeys").finish_non_exhaustive()
    }
}

impl InitialKeys {
    /// Derives the keys with which a client seals (RFC 9001 §5.2).
    pub(super) fn derive(version: &Version, connection_id: &[u8]) -> Option<Self> {
        let [key_label, iv_label, header_label] = version.labels;
        let initial: [u8; 32] =
            expand(&Hkdf::new(Some(&version.salt), connection_id), "client in")?;
        let client = Hkdf::from_prk(&initial).ok()?;
        let key: [u8; 16] = expand(&client, key_label)?;
        let header: [u8; 16] = expand(&client, header_label)?;
        Some(Self {
            sealed: Aes128Gcm::new(&Array::from(key)),
            stream: Aes128::new(&Array::from(key)),
            iv: expand(&client, iv_label)?,
            header: Aes128::new(&Array::from(header)),
        })
    }

    /// Removes the protection; `None` when these are not the packet's keys or too little of it was captured.
    ///
    /// A cut packet cannot be authenticated: whether its frames make sense is for the caller to judge.
    pub(super) fn open(&self, packet: &InitialPacket<'_>) -> Option<Vec<u8>> {
        let (front, protected) = packet.bytes.split_at_checked(packet.number_at)?;
        let sample: [u8; BLOCK] = *protected.get(SAMPLE_OFFSET..)?.first_chunk()?;
        let mut mask = Array::from(sample);
        self.header.encrypt_block(&mut mask);
        let [mask_first, mask_number @ ..] = *mask.first_chunk::<5>()?;

        let (first, ids) = front.split_first()?;
        let first = first ^ mask_first & 0x0f;
        let number_octets = usize::from(first & 0b11).checked_add(1)?;
        let (number, sealed) = protected.split_at_checked(number_octets)?;
        let number: Vec<u8> = number
            .iter()
            .zip(mask_number)
            .map(|(octet, mask)| octet ^ mask)
            .collect();
        // Packet numbers begin at 0 and an Initial is among the first few: what is left out of the number is zero.
        let value = number
            .iter()
            .fold(0_u64, |value, octet| value << 8 | u64::from(*octet));
        let nonce = self.nonce(value);

        if !packet.whole {
            // The reserved bits are zero (RFC 9000 §17.2): the only check there is.
            return (first & 0b1100 == 0).then(|| self.open_unauthenticated(&nonce, sealed));
        }
        let header = [&[first], ids, &number].concat();
        self.sealed
            .decrypt(
                &Array::from(nonce),
                Payload {
                    msg: sealed,
                    aad: &header,
                },
            )
            .ok()
    }

    /// The IV with the packet number in its last octets (RFC 9001 §5.3).
    fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        for (octet, part) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *octet ^= part;
        }
        nonce
    }

    /// The counter mode inside GCM: the first block of text has counter 2 (NIST SP 800-38D §7.1).
    fn open_unauthenticated(&self, nonce: &[u8; 12], sealed: &[u8]) -> Vec<u8> {
        let mut text = sealed.to_vec();
        for (counter, chunk) in (2_u32..).zip(text.chunks_mut(BLOCK)) {
            let mut block = [0; BLOCK];
            for (octet, part) in block
                .iter_mut()
                .zip(nonce.iter().copied().chain(counter.to_be_bytes()))
            {
                *octet = part;
            }
            let mut block = Array::from(block);
            self.stream.encrypt_block(&mut block);
            for (octet, mask) in chunk.iter_mut().zip(block) {
                *octet ^= mask;
            }
        }
        text
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; N]> {
    const PREFIX: &str = "tls13 ";
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = u8::try_from(PREFIX.len().checked_add(label.len())?).ok()?;
    let mut output = [0; N];
    let info = [
        &length[..],
        &[label_length],
        PREFIX.as_bytes(),
        label.as_bytes(),
        &[0],
    ];
    secret.expand_multi_info(&info, &mut output).ok()?;
    Some(output)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::long_header::LongPacket;
    use super::*;
    use data_encoding::HEXLOWER;

    /// Seals frames into a client's Initial packet, as the sender does (RFC 9001 §5.3, §5.4).
    pub(crate) fn seal(
        version: u32,
        key_id: &[u8],
        destination: &[u8],
        number: u32,
        frames: &[u8],
    ) -> Vec<u8> {
        let known = Version::known(version).unwrap();
        let keys = InitialKeys::derive(&known, key_id).unwrap();
        let length = u16::try_from(4 + frames.len() + 16).unwrap() | 0x4000;
        let first = 0xc0 | known.initial << 4 | 0b11;
        let mut header = vec![first];
        header.extend(version.to_be_bytes());
        header.push(u8::try_from(destination.len()).unwrap());
        header.extend(destination);
        header.extend([0, 0]);
        header.extend(length.to_be_bytes());
        let number_at = header.len();
        header.extend(number.to_be_bytes());
        let nonce = Array::from(keys.nonce(u64::from(number)));
        let sealed = keys
            .sealed
            .encrypt(
                &nonce,
                Payload {
                    msg: frames,
                    aad: &header,
                },
            )
            .unwrap();
        let mut mask = Array::<u8, _>::from(<[u8; 16]>::try_from(&sealed[..16]).unwrap());
        keys.header.encrypt_block(&mut mask);
        header[0] ^= mask[0] & 0x0f;
        for (octet, mask) in header[number_at..].iter_mut().zip(&mask[1..]) {
            *octet ^= mask;
        }
        [header, sealed].concat()
    }

    /// The CRYPTO frame of the sample packets (RFC 9001 §A.2), without the padding behind it.
    pub(crate) fn sample_frames() -> Vec<u8> {
        let frame = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301130201\
                     0000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d001700180010000700050461\
                     6c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43\
                     e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900\
                     320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000\
                     ffff";
        HEXLOWER.decode(frame.as_bytes()).unwrap()
    }

    pub(crate) const SAMPLE_ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    fn sample_packet(version: u32) -> Vec<u8> {
        let mut frames = sample_frames();
        frames.resize(1162, 0);
        seal(version, &SAMPLE_ID, &SAMPLE_ID, 2, &frames)
    }

    #[test]
    fn derives_the_keys_of_the_specifications() {
        // RFC 9001 §A.1 and RFC 9369 §A.1: IV, and the mask that the header key gives for the sample of the sample packet.
        let v1 = InitialKeys::derive(&Version::known(1).unwrap(), &SAMPLE_ID).unwrap();
        assert_eq!(HEXLOWER.encode(&v1.iv), "fa044b2f42a3fd3b46fb255c");
        let v2 = InitialKeys::derive(&Version::known(0x6b33_43cf).unwrap(), &SAMPLE_ID).unwrap();
        assert_eq!(HEXLOWER.encode(&v2.iv), "91f73e2351d8fa91660e909f");
    }

    #[test]
    fn seals_as_the_specifications_do() {
        // RFC 9001 §A.2 and RFC 9369 §A.2: beginning and end of the protected packets.
        let v1 = HEXLOWER.encode(&sample_packet(1));
        assert!(v1.starts_with("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec"));
        assert!(v1.ends_with("e221af44860018ab0856972e194cd934"));
        let v2 = HEXLOWER.encode(&sample_packet(0x6b33_43cf));
        assert!(v2.starts_with("d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d"));
        assert!(v2.ends_with("a18b2faa745b6fe189cf772a9f84cbfc"));
    }

    #[test]
    fn opens_what_was_sealed_and_nothing_else() {
        let mut bytes = sample_packet(1);
        let keys = InitialKeys::derive(&Version::known(1).unwrap(), &SAMPLE_ID).unwrap();
        let Some((LongPacket::Initial(packet), [])) = LongPacket::read(&bytes) else {
            panic!("an Initial")
        };
        assert!(keys.open(&packet).unwrap().starts_with(&sample_frames()));
        let other = InitialKeys::derive(&Version::known(1).unwrap(), &[1; 8]).unwrap();
        assert!(other.open(&packet).is_none());
        bytes[600] ^= 1;
        let Some((LongPacket::Initial(damaged), [])) = LongPacket::read(&bytes) else {
            panic!("an Initial")
        };
        assert!(keys.open(&damaged).is_none());
    }

    #[test]
    fn opens_the_beginning_of_a_cut_packet() {
        let bytes = sample_packet(1);
        let keys = InitialKeys::derive(&Version::known(1).unwrap(), &SAMPLE_ID).unwrap();
        let Some((LongPacket::Initial(packet), [])) = LongPacket::read(&bytes[..200]) else {
            panic!("an Initial")
        };
        assert!(!packet.whole);
        assert_eq!(keys.open(&packet).unwrap(), &sample_frames()[..200 - 22]);
    }
}
