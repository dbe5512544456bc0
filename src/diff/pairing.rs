//! Which device of one report is compared with which device of the other.

use crate::results::Device;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Why two devices are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pairing {
    /// Somebody said so.
    Chosen,
    /// They have the same hardware address.
    Mac,
    /// They give themselves the same name.
    Name,
    /// Each is the only device of its report for which something failed.
    OnlyAffected,
    /// Each is the only device of its report.
    OnlyDevice,
    /// They have an address in common.
    Address,
    /// Something failed for one of them, and the other is the only device of its report.
    OnlyCandidate,
}

/// Why a chosen device cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// No device answers to it.
    #[error("{side} has no device `{device}`; it has {known}")]
    Unknown {
        /// `A` or `B`.
        side: char,
        /// What was asked for.
        device: String,
        /// The devices there are.
        known: String,
    },
    /// Several devices answer to it.
    #[error("{side} has {count} devices `{device}`; name one by its address")]
    Ambiguous {
        /// `A` or `B`.
        side: char,
        /// What was asked for.
        device: String,
        /// How many there are.
        count: usize,
    },
}

/// Most devices that a complaint lists.
const LISTED: usize = 8;

impl Pairing {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Mac => "mac",
            Self::Name => "name",
            Self::OnlyAffected => "only_affected",
            Self::OnlyDevice => "only_device",
            Self::Address => "address",
            Self::OnlyCandidate => "only_candidate",
        }
    }

    /// The reason in words.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Mac => "same hardware address",
            Self::Name => "same name",
            Self::OnlyAffected => "each the only device with a failure",
            Self::OnlyDevice => "each the only device",
            Self::Address => "same address",
            Self::OnlyCandidate => "the only device here, the only one with a failure there",
        }
    }
}

type Pair<'r> = (&'r Device, &'r Device, Pairing);

/// Pairs the devices of two reports, or the two that were chosen.
///
/// Hardware address and name tell a device wherever it is. An address is a device's only inside one network, so where each
/// side has one device to look at, these are compared before that.
pub(super) fn pair<'r>(
    a: &'r [Device],
    b: &'r [Device],
    chosen: Option<(&str, &str)>,
) -> Result<Vec<Pair<'r>>, PairingError> {
    if let Some((in_a, in_b)) = chosen {
        let pair = (find('A', a, in_a)?, find('B', b, in_b)?, Pairing::Chosen);
        return Ok(vec![pair]);
    }
    let mut pairing = Pairs {
        a: a.iter().collect(),
        b: b.iter().collect(),
        found: Vec::new(),
    };
    pairing.by(Pairing::Mac, |device| {
        device.mac.as_ref().map(|mac| mac.to_ascii_lowercase())
    });
    pairing.by(Pairing::Name, |device| {
        device.name.as_ref().map(|name| name.to_ascii_lowercase())
    });
    pairing.single_ones();
    pairing.by_address();
    Ok(pairing.found)
}

struct Pairs<'r> {
    a: Vec<&'r Device>,
    b: Vec<&'r Device>,
    found: Vec<Pair<'r>>,
}

impl<'r> Pairs<'r> {
    /// Pairs devices whose mark is the same and which no other device of the same report bears.
    fn by(&mut self, pairing: Pairing, mark: impl Fn(&Device) -> Option<String>) {
        let marked = |devices: &[&'r Device]| {
            let mut by_mark: HashMap<String, Vec<&'r Device>> = HashMap::new();
            for device in devices {
                if let Some(mark) = mark(device) {
                    by_mark.entry(mark).or_default().push(device);
                }
            }
            by_mark
        };
        let in_b = marked(&self.b);
        let mut found: Vec<Pair<'r>> = marked(&self.a)
            .into_iter()
            .filter_map(
                |(mark, a)| match (a.as_slice(), in_b.get(&mark)?.as_slice()) {
                    ([a], [b]) => Some((*a, *b, pairing)),
                    _ => None,
                },
            )
            .collect();
        found.sort_by_key(|(a, ..)| a.address());
        self.take(found);
    }

    /// Pairs the two devices that are left over, or that something failed for.
    fn single_ones(&mut self) {
        let affected = |devices: &[&'r Device]| -> Vec<&'r Device> {
            devices
                .iter()
                .copied()
                .filter(|device| device.is_affected())
                .collect()
        };
        let (in_a, in_b) = (affected(&self.a), affected(&self.b));
        let pair = match (in_a.as_slice(), in_b.as_slice()) {
            ([a], [b]) => Some((*a, *b, Pairing::OnlyAffected)),
            _ => match (self.a.as_slice(), self.b.as_slice()) {
                ([a], [b]) => Some((*a, *b, Pairing::OnlyDevice)),
                ([a], _) if in_b.len() == 1 => {
                    in_b.first().map(|b| (*a, *b, Pairing::OnlyCandidate))
                }
                (_, [b]) if in_a.len() == 1 => {
                    in_a.first().map(|a| (*a, *b, Pairing::OnlyCandidate))
                }
                _ => None,
            },
        };
        self.take(pair.into_iter().collect());
    }

    fn by_address(&mut self) {
        let mut found: Vec<Pair<'r>> = Vec::new();
        let mut by_address: HashMap<IpAddr, &'r Device> = HashMap::new();
        for device in &self.b {
            for address in &device.addresses {
                by_address.entry(*address).or_insert(device);
            }
        }
        for a in &self.a {
            let partner = a
                .addresses
                .iter()
                .find_map(|address| by_address.get(address).copied());
            if let Some(b) = partner {
                for address in &b.addresses {
                    by_address.remove(address);
                }
                found.push((a, b, Pairing::Address));
            }
        }
        self.take(found);
    }

    fn take(&mut self, found: Vec<Pair<'r>>) {
        let taken: HashSet<*const Device> = found
            .iter()
            .flat_map(|(a, b, _)| [std::ptr::from_ref(*a), std::ptr::from_ref(*b)])
            .collect();
        let left = |device: &&Device| !taken.contains(&std::ptr::from_ref(*device));
        self.a.retain(left);
        self.b.retain(left);
        self.found.extend(found);
    }
}

fn find<'r>(side: char, devices: &'r [Device], text: &str) -> Result<&'r Device, PairingError> {
    let found: Vec<&Device> = devices
        .iter()
        .filter(|device| device.is_called(text))
        .collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(PairingError::Unknown {
            side,
            device: text.to_owned(),
            known: known(devices),
        }),
        several => Err(PairingError::Ambiguous {
            side,
            device: text.to_owned(),
            count: several.len(),
        }),
    }
}

fn known(devices: &[Device]) -> String {
    let mut words: Vec<String> = devices
        .iter()
        .take(LISTED)
        .map(|device| device.shown().into())
        .collect();
    if words.is_empty() {
        return "none that tried anything of the endpoint list".to_owned();
    }
    if devices.len() > LISTED {
        words.push(format!("and {} more", devices.len() - LISTED));
    }
    words.join(", ")
}
