//! The secret that `--anonymize` works with.

use crate::anonymize::Secret;
use anyhow::{Context, anyhow};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// More octets than a key file may have; a device that never ends is not read to its end.
const MOST: u64 = 1 << 20;

/// The secret in a file, or a new one.
///
/// # Errors
///
/// The file cannot be read, or is no secret.
pub fn read(path: Option<&Path>) -> anyhow::Result<Secret> {
    let Some(path) = path else {
        return Ok(Secret::random());
    };
    let mut octets = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST).read_to_end(&mut octets))
        .map_err(|cause| {
            anyhow!("cannot be read ({cause}); name a file with a secret of 16 octets or more")
        })
        .and_then(|_| Ok(Secret::from_octets(&octets)?))
        .with_context(|| format!("--anonymize-key-file {}", path.display()))
}
