//! `--anonymize` and the secret that it works with.

use crate::anonymize::{Anonymizer, Secret};
use crate::audit::ScenarioPlan;
use crate::catalog::Catalog;
use anyhow::{Context, anyhow};
use clap::Args;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// What was typed.
#[derive(Debug, Args)]
pub struct Anonymity {
    /// Replace addresses, hardware addresses and names of your own network in all that is written
    #[arg(long)]
    anonymize: bool,

    /// Secret for --anonymize, so that several runs give the same replacements; without it every run has its own
    #[arg(long, value_name = "FILE", requires = "anonymize")]
    anonymize_key_file: Option<PathBuf>,
}

impl Anonymity {
    /// What replaces; `None` where nothing is to be replaced.
    ///
    /// # Errors
    ///
    /// The file with the secret cannot be read, or has none.
    pub fn open<'c>(&self, catalog: &'c Catalog) -> anyhow::Result<Option<Anonymizer<'c>>> {
        if !self.anonymize {
            return Ok(None);
        }
        let secret = read(self.anonymize_key_file.as_deref())?;
        Ok(Some(Anonymizer::new(secret, catalog)))
    }
}

/// Devices are asked for by the addresses they really have: gives those that stand for them.
pub fn replace_devices(
    anonymizer: &Anonymizer<'_>,
    clients: &mut [IpAddr],
    scenario: &mut ScenarioPlan,
) {
    let of_scenarios = scenario.by_client.iter_mut().map(|(address, _)| address);
    for address in clients.iter_mut().chain(of_scenarios) {
        *address = anonymizer.address(*address);
    }
}

/// More octets than a key file may have; a device that never ends is not read to its end.
const MOST: u64 = 1 << 20;

/// The secret in a file, or a new one.
///
/// # Errors
///
/// The file cannot be read, or is no secret.
fn read(path: Option<&Path>) -> anyhow::Result<Secret> {
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
