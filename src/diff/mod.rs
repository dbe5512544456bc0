//! What differs between two reports: the same device at home and in the office, or before and after a rule change.
//!
//! In come two [`Results`], called A and B; out go pairs of devices and, for each, the endpoint sets, hosts and findings that
//! differ. Knows neither formats nor files.

mod pairing;

pub use pairing::{Pairing, PairingError};

use crate::audit::{Cause, Verdict};
use crate::catalog::{Requirement, SetKey};
use crate::results::{Device, FindingResult, HostResult, Results, SetResult, Standing};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

/// What differs between two reports.
#[derive(Debug)]
pub struct Difference<'r> {
    /// The devices that were compared.
    pub pairs: Vec<PairDifference<'r>>,
    /// Devices of A that B does not have.
    pub only_in_a: Vec<&'r Device>,
    /// Devices of B that A does not have.
    pub only_in_b: Vec<&'r Device>,
}

/// What differs between a device in A and the same or a like one in B.
#[derive(Debug)]
pub struct PairDifference<'r> {
    /// The device in A.
    pub a: &'r Device,
    /// The device in B.
    pub b: &'r Device,
    /// Why they are compared.
    pub pairing: Pairing,
    /// Sets that differ: first what was lost, then what was gained, then the rest; what is needed most first.
    pub sets: Vec<SetDifference<'r>>,
    /// Findings that only A has.
    pub only_in_a: Vec<&'r FindingResult>,
    /// Findings that only B has.
    pub only_in_b: Vec<&'r FindingResult>,
}

/// How a set or a host differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Works in A, fails in B.
    Lost,
    /// Fails in A, works in B.
    Gained,
    /// Works or fails in both, in another way.
    Changed,
    /// Seen in one of them only.
    OneSided,
    /// One of the captures cannot tell.
    Unclear,
}

/// One set that differs.
#[derive(Debug)]
pub struct SetDifference<'r> {
    /// How.
    pub kind: Kind,
    /// Number or key.
    pub key: &'r SetKey,
    /// What the row says it is.
    pub description: &'r str,
    /// The name of its feature area.
    pub feature_area: &'r str,
    /// How much either device needs it, the stronger one.
    pub requirement: Requirement,
    /// In A; `None` when A's report does not list it, because nothing was tried and nothing was needed.
    pub a: Option<&'r SetResult>,
    /// In B; `None` as for A.
    pub b: Option<&'r SetResult>,
    /// Its hosts that differ: those tried in both with another result, and those that fail in one and are not in the other.
    pub hosts: Vec<HostDifference<'r>>,
}

/// One host that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostDifference<'r> {
    /// How.
    pub kind: Kind,
    /// Its name.
    pub name: &'r str,
    /// In A; `None` when it was not tried.
    pub a: Option<&'r HostResult>,
    /// In B; `None` when it was not tried.
    pub b: Option<&'r HostResult>,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 5] = [
        Self::Lost,
        Self::Gained,
        Self::Changed,
        Self::OneSided,
        Self::Unclear,
    ];

    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Gained => "gained",
            Self::Changed => "changed",
            Self::OneSided => "one_sided",
            Self::Unclear => "unclear",
        }
    }

    /// Whether it says that the networks treat the device differently, and not only that it did other things.
    #[must_use]
    pub fn matters(self) -> bool {
        matches!(self, Self::Lost | Self::Gained | Self::Changed)
    }

    /// How two verdicts with their causes differ; `None` when they do not.
    fn of(
        a: Option<(Verdict, Option<Cause>)>,
        b: Option<(Verdict, Option<Cause>)>,
    ) -> Option<Self> {
        let standing = |side: Option<(Verdict, Option<Cause>)>| {
            side.map_or(Standing::Unused, |(verdict, _)| Standing::of(verdict))
        };
        match (standing(a), standing(b)) {
            (Standing::Works, Standing::Fails) => Some(Self::Lost),
            (Standing::Fails, Standing::Works) => Some(Self::Gained),
            (Standing::Unused, Standing::Unused) | (Standing::Unclear, Standing::Unclear) => None,
            (one, other) if one == other => (a != b).then_some(Self::Changed),
            (Standing::Unclear, _) | (_, Standing::Unclear) => Some(Self::Unclear),
            _ => Some(Self::OneSided),
        }
    }
}

/// Compares two reports; `chosen` names the device in A and the one in B, where somebody chose.
///
/// # Errors
///
/// A chosen device is not there, or is not the only one of that name.
pub fn compare<'r>(
    a: &'r Results,
    b: &'r Results,
    chosen: Option<(&str, &str)>,
) -> Result<Difference<'r>, PairingError> {
    let pairs = pairing::pair(&a.devices, &b.devices, chosen)?;
    let paired: HashSet<*const Device> = pairs
        .iter()
        .flat_map(|(a, b, _)| [std::ptr::from_ref(*a), std::ptr::from_ref(*b)])
        .collect();
    let unpaired = |devices: &'r [Device]| -> Vec<&'r Device> {
        devices
            .iter()
            // Whoever chose two devices wants to hear of no others.
            .filter(|device| chosen.is_none() && !paired.contains(&std::ptr::from_ref(*device)))
            .collect()
    };
    let (of_a, of_b) = (findings(a), findings(b));
    let of = |findings: &Findings<'r>, device: &Device| -> Vec<&'r FindingResult> {
        device
            .address()
            .and_then(|address| findings.get(&address).cloned())
            .unwrap_or_default()
    };
    Ok(Difference {
        only_in_a: unpaired(&a.devices),
        only_in_b: unpaired(&b.devices),
        pairs: pairs
            .into_iter()
            .map(|(in_a, in_b, pairing)| {
                let findings = (of(&of_a, in_a), of(&of_b, in_b));
                pair_difference(in_a, in_b, pairing, &findings)
            })
            .collect(),
    })
}

impl Difference<'_> {
    /// Whether anything differs that says something about the networks.
    #[must_use]
    pub fn matters(&self) -> bool {
        self.pairs.iter().any(PairDifference::matters)
    }
}

impl PairDifference<'_> {
    /// Whether anything differs that says something about the networks: a set works here and fails there, or fails in another
    /// way, or a finding above information appeared or went.
    #[must_use]
    pub fn matters(&self) -> bool {
        self.sets.iter().any(|set| set.kind.matters())
            || self
                .only_in_a
                .iter()
                .chain(&self.only_in_b)
                .any(|finding| finding.severity != "information")
    }
}

type Findings<'r> = HashMap<IpAddr, Vec<&'r FindingResult>>;

/// Findings by the device's first address.
fn findings(results: &Results) -> Findings<'_> {
    let mut by_client = Findings::new();
    for finding in &results.findings {
        by_client.entry(finding.client).or_default().push(finding);
    }
    by_client
}

fn pair_difference<'r>(
    in_a: &'r Device,
    in_b: &'r Device,
    pairing: Pairing,
    (of_a, of_b): &(Vec<&'r FindingResult>, Vec<&'r FindingResult>),
) -> PairDifference<'r> {
    let mut by_key: BTreeMap<&SetKey, (Option<&SetResult>, Option<&SetResult>)> = BTreeMap::new();
    for set in &in_a.sets {
        by_key.entry(&set.key).or_default().0.get_or_insert(set);
    }
    for set in &in_b.sets {
        by_key.entry(&set.key).or_default().1.get_or_insert(set);
    }
    let mut sets: Vec<SetDifference<'r>> = by_key
        .into_iter()
        .filter_map(|(key, (a, b))| set_difference(key, a, b))
        .collect();
    sets.sort_by_key(|set| (set.kind, std::cmp::Reverse(set.requirement), set.key));
    PairDifference {
        only_in_a: without(of_a, of_b),
        only_in_b: without(of_b, of_a),
        a: in_a,
        b: in_b,
        pairing,
        sets,
    }
}

fn set_difference<'r>(
    key: &'r SetKey,
    a: Option<&'r SetResult>,
    b: Option<&'r SetResult>,
) -> Option<SetDifference<'r>> {
    let verdict = |set: Option<&SetResult>| set.map(|set| (set.verdict, set.cause));
    let hosts = host_differences(a, b);
    let kind = Kind::of(verdict(a), verdict(b)).or_else(|| {
        // The set is as it was, and yet one of its hosts is not.
        hosts
            .iter()
            .any(|host| host.kind.matters())
            .then_some(Kind::Changed)
    })?;
    let either = a.or(b)?;
    Some(SetDifference {
        kind,
        key,
        description: &either.description,
        feature_area: &either.feature_area,
        requirement: [a, b]
            .into_iter()
            .flatten()
            .map(|set| set.requirement)
            .max()
            .unwrap_or(Requirement::None),
        a,
        b,
        hosts,
    })
}

fn host_differences<'r>(
    a: Option<&'r SetResult>,
    b: Option<&'r SetResult>,
) -> Vec<HostDifference<'r>> {
    type Sides<'r> = (Option<&'r HostResult>, Option<&'r HostResult>);
    let mut by_name: BTreeMap<String, Sides<'r>> = BTreeMap::new();
    for host in a.iter().flat_map(|set| &set.hosts) {
        let name = host.name.to_ascii_lowercase();
        by_name.entry(name).or_default().0.get_or_insert(host);
    }
    for host in b.iter().flat_map(|set| &set.hosts) {
        let name = host.name.to_ascii_lowercase();
        by_name.entry(name).or_default().1.get_or_insert(host);
    }
    by_name
        .into_values()
        .filter_map(|(a, b)| {
            let verdict = |host: Option<&HostResult>| host.map(|host| (host.verdict, host.cause));
            let kind = Kind::of(verdict(a), verdict(b))?;
            let fails = |host: &HostResult| Standing::of(host.verdict) == Standing::Fails;
            // Which of a wildcard's hosts a device happens to meet says nothing about the network.
            if kind == Kind::OneSided && !a.or(b).is_some_and(fails) {
                return None;
            }
            Some(HostDifference {
                kind,
                name: &a.or(b)?.name,
                a,
                b,
            })
        })
        .collect()
}

/// The findings of `these` that `those` do not have, by rule, set and cause: sentences name addresses and counts.
fn without<'r>(these: &[&'r FindingResult], those: &[&'r FindingResult]) -> Vec<&'r FindingResult> {
    let same = |a: &FindingResult, b: &FindingResult| {
        (&a.code, &a.key, &a.cause) == (&b.code, &b.key, &b.cause)
    };
    these
        .iter()
        .filter(|finding| !those.iter().any(|other| same(finding, other)))
        .copied()
        .collect()
}
