//! The list of devices: how far each came, and what failed first.

use super::{Mark, NAME_CHARACTERS, octets, shortened};
use crate::audit::{ClientReport, SetReport, Verdict};
use crate::catalog::Requirement;
use crate::report::wording;
use std::borrow::Cow;

/// Addresses of a device that are shown.
const ADDRESSES: usize = 4;

/// Failed sets that are named.
const NAMED_SETS: usize = 3;

/// One device.
#[derive(Debug)]
pub struct DeviceRow<'r> {
    pub number: usize,
    pub mark: Mark,
    pub state: &'static str,
    pub urgency: u8,
    pub address: String,
    pub further: String,
    pub name: Cow<'r, str>,
    pub hardware: String,
    pub scenario: String,
    pub why: Cow<'r, str>,
    pub failed: Vec<FailedSet<'r>>,
    pub more_failed: usize,
    pub required: String,
    pub required_missing: usize,
    pub octets: u64,
    pub volume: String,
}

/// A set that stopped or hindered a device.
#[derive(Debug)]
pub struct FailedSet<'r> {
    pub key: String,
    pub host: Cow<'r, str>,
    pub what: &'static str,
}

impl<'r> DeviceRow<'r> {
    /// The row of `client`, the `number`th of the page.
    #[must_use]
    pub fn of(client: &'r ClientReport, number: usize) -> Self {
        let failed = wording::failed_sets(client);
        let required: Vec<&SetReport> = client
            .sets
            .iter()
            .filter(|set| set.requirement == Requirement::Hard)
            .collect();
        let reached = required
            .iter()
            .filter(|set| matches!(set.verdict, Verdict::Reached | Verdict::Degraded))
            .count();
        let (address, further) = addresses(client);
        let octets_of_all = super::volume::octets_of(client);
        Self {
            number,
            mark: Mark::of(wording::standing(&client.progress)),
            state: wording::state(&client.progress),
            urgency: wording::urgency(&client.progress),
            address,
            further,
            name: client.name.as_ref().map_or(Cow::Borrowed(""), |name| {
                shortened(name.as_str(), NAME_CHARACTERS)
            }),
            hardware: hardware(client),
            scenario: client.scenario.name.to_string(),
            why: shortened(&client.scenario.why, super::SENTENCE_CHARACTERS),
            more_failed: failed.len().saturating_sub(NAMED_SETS),
            failed: failed
                .into_iter()
                .take(NAMED_SETS)
                .map(|set| FailedSet {
                    key: set.key.to_string(),
                    host: shortened(wording::telling_host(set), NAME_CHARACTERS),
                    what: match wording::reason(set) {
                        "" => wording::verdict(set.verdict),
                        reason => reason,
                    },
                })
                .collect(),
            required: format!("{reached} of {}", required.len()),
            required_missing: required.len().saturating_sub(reached),
            octets: octets_of_all,
            volume: octets(octets_of_all),
        }
    }
}

/// The first address, and the others in words.
fn addresses(client: &ClientReport) -> (String, String) {
    let mut addresses = client.addresses.iter();
    let first = addresses.next().map_or(String::new(), ToString::to_string);
    let mut further: Vec<String> = addresses
        .clone()
        .take(ADDRESSES - 1)
        .map(ToString::to_string)
        .collect();
    let more = addresses.len().saturating_sub(further.len());
    if more > 0 {
        further.push(format!("{more} more"));
    }
    (first, further.join(", "))
}

/// Hardware address and VLAN, where known.
fn hardware(client: &ClientReport) -> String {
    let mut parts: Vec<String> = client.mac.iter().map(ToString::to_string).collect();
    if !client.vlans.is_empty() {
        let tags: Vec<String> = client.vlans.iter().map(u16::to_string).collect();
        parts.push(format!("VLAN {}", tags.join("/")));
    }
    parts.join(", ")
}
