//! The secret that replacements are made with.

use hkdf::Hkdf;
use ipcrypt_rs::IpcryptPfx;
use sha2::Sha256;

/// Fewest octets of a key file: 128 bits.
const FEWEST_OCTETS: usize = 16;
/// Most octets of a key file that are read.
const MOST_OCTETS: usize = 65_536;

/// A secret. Whoever has it can find out what was replaced; without it nobody can.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// Why octets are no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too few to be one.
    #[error(
        "a key needs {FEWEST_OCTETS} to {MOST_OCTETS} octets and this has {0}; make one with `head -c 32 /dev/urandom`"
    )]
    Length(usize),
}

impl Secret {
    /// A new one from the system's source of randomness.
    #[must_use]
    pub fn random() -> Self {
        Self(IpcryptPfx::generate_key())
    }

    /// The secret that a key file holds; all its octets count.
    ///
    /// # Errors
    ///
    /// [`SecretError::Length`] when they are too few or too many.
    pub fn from_octets(octets: &[u8]) -> Result<Self, SecretError> {
        if !(FEWEST_OCTETS..=MOST_OCTETS).contains(&octets.len()) {
            return Err(SecretError::Length(octets.len()));
        }
        let (secret, _) = Hkdf::<Sha256>::extract(Some(b"intap anonymize"), octets);
        Ok(Self(secret.into()))
    }

    /// What stands for `octets` where they mean a thing of this `kind` (HMAC-SHA256, RFC 2104).
    pub(super) fn token(&self, kind: &str, octets: &[u8]) -> [u8; 32] {
        let (key, _) = Hkdf::<Sha256>::extract(Some(&self.0), kind.as_bytes());
        let (token, _) = Hkdf::<Sha256>::extract(Some(&key), octets);
        token.into()
    }

    /// The cipher for addresses.
    pub(super) fn cipher(&self) -> IpcryptPfx {
        let mut key = self.token("address", b"");
        // The cipher refuses a key whose halves are equal, which no one will ever see.
        let [first, ..] = key;
        if key.get(..16) == key.get(16..) {
            key = self.token("address", &[first]);
        }
        IpcryptPfx::new(key)
    }
}
