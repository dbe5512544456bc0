//! What a report says of devices, endpoint sets and findings, as plain values to compare and to make rules of.
//!
//! In comes a JSON report of this program, or an [`AuditReport`] that was just made; both give the same values. Nothing here
//! knows packets or formats for people. A report is a file that anybody may have edited: every text in it is made
//! printable, and codes that this version does not know are complaints.

mod read;

pub use read::ResultsError;

use crate::audit::{AuditReport, Cause, Verdict};
use crate::catalog::{Requirement, SetKey};
use crate::report::json;
use compact_str::CompactString;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

/// What one report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// The edition it was judged by.
    pub edition: String,
    /// Frames of the capture.
    pub frames: u64,
    /// Time of the first frame, RFC 3339; `None` for a capture without frames.
    pub first_time: Option<String>,
    /// `fit`, `limited` or `unfit`.
    pub fitness: String,
    /// Devices that tried something of the endpoint list.
    pub devices: Vec<Device>,
    /// Findings, the gravest first.
    pub findings: Vec<FindingResult>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Device {
    /// All its addresses; at least one.
    pub addresses: Vec<IpAddr>,
    /// Its hardware address, as text.
    pub mac: Option<String>,
    /// The name it gives itself.
    pub name: Option<String>,
    /// What it was judged by.
    pub scenario: ScenarioName,
    /// One entry per endpoint set.
    #[serde(rename = "endpoint_sets")]
    pub sets: Vec<SetResult>,
}

/// What a device was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ScenarioName {
    /// Its name.
    pub name: String,
    /// A heading for people.
    pub title: String,
}

/// One endpoint set of a device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SetResult {
    /// Number or key.
    #[serde(deserialize_with = "read::set_key")]
    pub key: SetKey,
    /// The name of its feature area.
    pub feature_area: String,
    /// What the row says it is.
    pub description: String,
    /// How much the scenario needs it.
    #[serde(deserialize_with = "read::requirement")]
    pub requirement: Requirement,
    /// The verdict.
    #[serde(deserialize_with = "read::verdict")]
    pub verdict: Verdict,
    /// What failed first.
    #[serde(deserialize_with = "read::cause")]
    pub cause: Option<Cause>,
    /// Its hosts that were tried or looked up.
    pub hosts: Vec<HostResult>,
}

/// One host of a set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HostResult {
    /// Its name, or its address when no name is known.
    pub name: String,
    /// The verdict.
    #[serde(deserialize_with = "read::verdict")]
    pub verdict: Verdict,
    /// What failed first.
    #[serde(deserialize_with = "read::cause")]
    pub cause: Option<Cause>,
    /// First frame of the first failing attempt or lookup; else of the first attempt.
    pub first_frame: Option<u64>,
    /// Time of that frame, RFC 3339.
    pub first_time: Option<String>,
    /// Attempts seen; none for a host that was only looked up.
    pub attempts: u64,
    /// Addresses tried, with port.
    pub responders: Vec<SocketAddr>,
    /// A proxy stood in between, so that `responders` are proxies.
    pub through_proxy: bool,
    /// Any client of the field contacts it.
    pub generic: bool,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FindingResult {
    /// The rule's code.
    pub code: String,
    /// `critical`, `warning` or `information`.
    pub severity: String,
    /// The device's first address.
    pub client: IpAddr,
    /// Number or key of the set; `None` for what concerns the device as a whole.
    pub key: Option<String>,
    /// Code of what failed first.
    pub cause: Option<String>,
    /// One sentence.
    pub summary: String,
}

impl Results {
    /// What an audit found.
    ///
    /// # Errors
    ///
    /// None that a caller could cause: the report is ours.
    pub fn of(report: &AuditReport) -> Result<Self, ResultsError> {
        let mut results = Self {
            edition: report.edition.name.clone(),
            frames: report.capture.frames,
            first_time: report.capture.first.map(|seen| seen.time.to_string()),
            fitness: report.fitness.judgement.code().to_owned(),
            devices: Vec::with_capacity(report.clients.len()),
            findings: Vec::with_capacity(report.findings.len()),
        };
        // One by one: the report of a site has tens of thousands of devices.
        for client in &report.clients {
            results.devices.push(read::part(json::client(client))?);
        }
        for finding in &report.findings {
            results.findings.push(read::part(json::finding(finding))?);
        }
        Ok(results)
    }
}

impl Device {
    /// The address that reports name it by.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.addresses.first().copied()
    }

    /// Whether something it may need failed.
    #[must_use]
    pub fn is_affected(&self) -> bool {
        self.sets.iter().any(|set| {
            set.requirement != Requirement::None && Standing::of(set.verdict) == Standing::Fails
        })
    }

    /// Whether `text` is one of its addresses, its hardware address or its name.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        let same = |known: &Option<String>| {
            known
                .as_ref()
                .is_some_and(|known| known.eq_ignore_ascii_case(text))
        };
        text.parse::<IpAddr>()
            .is_ok_and(|address| self.addresses.contains(&address))
            || same(&self.mac)
            || same(&self.name)
    }

    /// Address and name for a sentence.
    #[must_use]
    pub fn shown(&self) -> CompactString {
        let address = self
            .address()
            .map_or_else(String::new, |address| address.to_string());
        match &self.name {
            Some(name) => format!("{address} ({name})").into(),
            None => address.into(),
        }
    }
}

/// What a verdict comes to when two are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// It does what it should, perhaps in part.
    Works,
    /// It does not.
    Fails,
    /// Nothing was tried.
    Unused,
    /// The capture does not show it.
    Unclear,
}

impl Standing {
    /// What this verdict comes to.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Reached | Verdict::Degraded => Self::Works,
            Verdict::Blocked | Verdict::Intercepted | Verdict::NeverReached => Self::Fails,
            Verdict::NotExercised => Self::Unused,
            Verdict::Inconclusive => Self::Unclear,
        }
    }
}
