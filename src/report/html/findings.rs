//! Findings as entries that open to their evidence.

use super::{Mark, NAME_CHARACTERS, SENTENCE_CHARACTERS, clock, shortened};
use crate::audit::{AuditReport, ClientReport, Evidence, Finding};
use crate::catalog::{FeatureArea, SetKey};
use crate::report::wording;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Packets shown for one finding.
const SHOWN_EVIDENCE: usize = 40;

/// Hosts named for one finding.
const SHOWN_HOSTS: usize = 24;

/// One finding.
#[derive(Debug)]
pub struct FindingEntry<'r> {
    pub number: usize,
    pub severity: &'static str,
    pub set: String,
    pub area: &'static str,
    pub description: Cow<'r, str>,
    pub device: String,
    /// Its number on the page, when it is listed there.
    pub device_number: Option<usize>,
    pub mark: Option<Mark>,
    pub summary: Cow<'r, str>,
    pub remedy: Cow<'r, str>,
    pub hosts: Vec<Cow<'r, str>>,
    pub more_hosts: usize,
    pub evidence: Vec<Packet<'r>>,
    pub more_evidence: usize,
    pub filter: &'r str,
}

/// One packet of the proof.
#[derive(Debug)]
pub struct Packet<'r> {
    pub frame: u64,
    pub time: String,
    pub instant: String,
    pub what: Cow<'r, str>,
}

impl<'r> Packet<'r> {
    fn of(evidence: &'r Evidence) -> Self {
        Self {
            frame: evidence.seen.frame.0,
            time: clock(evidence.seen.time),
            instant: evidence.seen.time.to_string(),
            what: shortened(&evidence.what, SENTENCE_CHARACTERS),
        }
    }
}

/// What each set is, by its key.
#[derive(Debug)]
pub struct SetLabels<'r>(BTreeMap<&'r SetKey, (FeatureArea, &'r str)>);

impl<'r> SetLabels<'r> {
    /// The sets of all devices of a report.
    #[must_use]
    pub fn of(report: &'r AuditReport) -> Self {
        let sets = report.clients.iter().flat_map(|client| &client.sets);
        Self(
            sets.map(|set| (&set.key, (set.feature_area, &*set.description)))
                .collect(),
        )
    }
}

impl<'r> FindingEntry<'r> {
    /// The entry of `finding`; `shown` are the devices of the page, in its order.
    #[must_use]
    pub fn of(
        finding: &'r Finding,
        number: usize,
        labels: &SetLabels<'r>,
        shown: &[&ClientReport],
    ) -> Self {
        let label = finding.set.as_ref().and_then(|set| labels.0.get(set));
        Self {
            number,
            severity: finding.severity.code(),
            set: wording::concerned(finding),
            area: label.map_or("", |(area, _)| area.title()),
            description: label.map_or(Cow::Borrowed(""), |(_, description)| {
                shortened(description, NAME_CHARACTERS)
            }),
            device: finding.client.to_string(),
            device_number: shown
                .iter()
                .position(|client| client.addresses.contains(&finding.client))
                .map(|index| index + 1),
            mark: finding.verdict.map(Mark::of),
            summary: shortened(&finding.summary, SENTENCE_CHARACTERS),
            remedy: shortened(&finding.remedy, SENTENCE_CHARACTERS),
            hosts: finding
                .hosts
                .iter()
                .take(SHOWN_HOSTS)
                .map(|host| shortened(host, NAME_CHARACTERS))
                .collect(),
            more_hosts: finding.hosts.len().saturating_sub(SHOWN_HOSTS),
            evidence: finding
                .evidence
                .iter()
                .take(SHOWN_EVIDENCE)
                .map(Packet::of)
                .collect(),
            more_evidence: finding.evidence.len().saturating_sub(SHOWN_EVIDENCE),
            filter: &finding.display_filter,
        }
    }
}
