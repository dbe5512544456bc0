//! The audit's result as plain values.
//!
//! In reading order: the values themselves; `build`, which makes them when the capture has ended; one device (`device`), one
//! host (`host`), one endpoint set (`set`); and the lists of everything (`listing`).

mod build;
mod device;
mod host;
mod listing;
mod set;

pub(super) use build::{build, is_translated};
pub(super) use listing::{flow_report, lookup_report};

use crate::audit::attempt::TlsSigns;
use crate::audit::cause::{Cause, Unclear};
use crate::audit::evidence::{Evidence, EvidenceList};
use crate::audit::findings::{self, Finding};
use crate::audit::fitness::Fitness;
use crate::audit::lookup::LookupOutcome;
use crate::audit::loss::Loss;
use crate::audit::progress::StageReport;
use crate::audit::proof::Proof;
use crate::audit::proxy::DeadProxy;
use crate::audit::scenario::Scenario;
use crate::audit::timeline::AttemptReport;
use crate::audit::verdict::{Detour, HostVerdict, Verdict};
use crate::catalog::{FeatureArea, Requirement, SetKey};
use crate::facts::{
    Activity, CaptureSummary, DnsExchange, FlowRecord, HostName, MacAddress, Seen, Transport,
};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Everything an audit says.
#[derive(Debug)]
pub struct AuditReport {
    /// What the capture is.
    pub capture: CaptureSummary,
    /// What it can prove.
    pub fitness: Fitness,
    /// The edition that was judged by.
    pub edition: EditionLabel,
    /// One entry per device that tried something of the endpoint list, in the order of first packets.
    pub clients: Vec<ClientReport>,
    /// What is wrong, the gravest first.
    pub findings: Vec<Finding>,
    /// Every flow, when asked for.
    pub flows: Option<Vec<FlowReport>>,
    /// Every lookup, when asked for.
    pub lookups: Option<Vec<LookupReport>>,
    /// Addresses that opened flows without trying anything of the endpoint list.
    pub other_clients: usize,
    /// Connections to hosts of the endpoint list over time; as failed count those that were not served.
    pub activity: Activity,
    /// Where a monitor has written tables; `None` when it has not, and in a file's report.
    pub tables: Option<TablesPlace>,
}

/// Tables that were written beside a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablesPlace {
    /// The folder, made safe to show.
    pub folder: String,
    /// Files written.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Rows that could not be written.
    pub lost: u64,
}

/// Which edition a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionLabel {
    /// Its name.
    pub name: String,
    /// The document.
    pub source: String,
    /// The document's date; `None` when it bears none.
    pub date: Option<String>,
    /// Names and sources of the lists laid over it or beside it.
    pub additions: Vec<(String, String)>,
}

/// One device.
#[derive(Debug)]
pub struct ClientReport {
    /// All its addresses, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Its hardware address, where the capture shows it.
    pub mac: Option<MacAddress>,
    /// VLAN identifiers, outermost first.
    pub vlans: SmallVec<[u16; 2]>,
    /// The name it gives itself.
    pub name: Option<HostName>,
    /// What it is judged by.
    pub scenario: Scenario,
    /// How far it came.
    pub progress: Progress,
    /// The stages of its scenario, name resolution first; empty where no order is known.
    pub stages: Vec<StageReport>,
    /// One entry per endpoint set.
    pub sets: Vec<SetReport>,
    /// A proxy that it tries in vain.
    pub dead_proxy: Option<Box<DeadProxy>>,
    /// What became of its attempts over IPv4 and over IPv6.
    pub families: [FamilyTally; 2],
    /// Names it contacted that no list knows, at most as many as are remembered to tell its platform.
    pub unlisted: Vec<CompactString>,
}

/// The ends of a flow, its opener first, and what it runs over.
pub type FlowEnds = (SocketAddr, SocketAddr, Transport);

/// Attempts over one address family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FamilyTally {
    /// Attempts served.
    pub served: u64,
    /// Hosts for which every attempt over this family failed.
    pub failed_hosts: Vec<String>,
    /// What failed of up to three hosts, those that were tried first.
    pub evidence: Vec<Evidence>,
    /// A failing connection of the first of them.
    pub example: Option<Box<FlowEnds>>,
}

/// The one line about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing it needs was stopped.
    Clear,
    /// Hard requirements failed: these, in the order in which they failed; none where a dead proxy stands before all of them.
    Stopped(Vec<SetKey>),
    /// Only things it can do without failed.
    Impaired(Vec<SetKey>),
    /// The capture does not show enough of it.
    Unknown,
}

/// One endpoint set of one device.
#[derive(Debug)]
pub struct SetReport {
    /// Number or key.
    pub key: SetKey,
    /// The set's first feature area.
    pub feature_area: FeatureArea,
    /// What the row says it is.
    pub description: Arc<str>,
    /// How much the scenario needs it.
    pub requirement: Requirement,
    /// The verdict.
    pub verdict: Verdict,
    /// What failed first.
    pub cause: Option<Cause>,
    /// Why the capture cannot tell.
    pub unclear: Option<Unclear>,
    /// First packet of the first failing attempt or lookup; else of the first attempt.
    pub first: Option<Seen>,
    /// Names were looked up and resolved, no attempt followed.
    pub looked_up_only: bool,
    /// Its hosts that were tried or looked up, in the order of their first packets; a host may be in several sets.
    pub hosts: Vec<Arc<HostReport>>,
    /// IP octets of all its flows.
    pub octets: u64,
    /// What the device loses with it; `None` when nothing.
    pub loss: Option<Box<Loss>>,
}

/// Addresses of one host that work and others that do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressSplit {
    /// Addresses that never served, with what stopped the first attempt.
    pub failing: Vec<(SocketAddr, Cause)>,
    /// Addresses that served.
    pub serving: Vec<SocketAddr>,
}

/// One host of a set.
#[derive(Debug, Clone)]
pub struct HostReport {
    /// Its name, or its address when no name is known.
    pub name: String,
    /// The name was concluded from a lookup just before the connection, not read from it.
    pub name_inferred: bool,
    /// The verdict with cause and proof.
    pub judged: HostVerdict,
    /// Attempts seen.
    pub attempts: u64,
    /// Attempts served.
    pub served: u64,
    /// Addresses that were tried, with port: at most 8, one of each port before a second of any.
    pub responders: Vec<SocketAddr>,
    /// Transports tried.
    pub transports: [Option<Transport>; 2],
    /// An attempt went to a port the set does not list.
    pub off_list_port: bool,
    /// A proxy stood in between.
    pub through_proxy: bool,
    /// A proxy was asked for it and never answered.
    pub proxy_is_silent: bool,
    /// A sign of TLS inspection.
    pub inspection: Option<Box<Evidence>>,
    /// The article says that TLS inspection is not supported for it.
    pub inspection_unsupported: bool,
    /// Only older editions list the name.
    pub retired: bool,
    /// Weak evidence: any client of the field contacts it.
    pub generic: bool,
    /// A failing flow to show in a display filter.
    pub example: Option<Box<FlowEnds>>,
    /// IP octets of its flows.
    pub octets: u64,
    /// Some of its addresses fail; `None` when none does.
    pub split: Option<Box<AddressSplit>>,
    /// What its TLS handshakes have in common with those of other hosts; the make of the server only where the device refused
    /// its certificate.
    pub tls_signs: Option<Box<TlsSigns>>,
    /// Its first lookups and connections in the order of their first packets, when asked for.
    pub timeline: Box<[AttemptReport]>,
    /// The packets around its evidence, when asked for.
    pub proof: Option<Box<Proof>>,
}

/// One flow, for the list of all flows.
#[derive(Debug)]
pub struct FlowReport {
    /// The facts.
    pub record: Box<FlowRecord>,
    /// The host's name.
    pub name: Option<HostName>,
    /// How name or set was found.
    pub source: &'static str,
    /// Sets of the most specific pattern.
    pub sets: SmallVec<[SetKey; 2]>,
    /// Sets of less specific patterns.
    pub also: SmallVec<[SetKey; 2]>,
    /// The port is listed.
    pub port_listed: Option<bool>,
    /// How it ended.
    pub outcome: super::Outcome,
}

impl FlowReport {
    /// Adds what a later flow between the same ends brought.
    fn absorb(&mut self, later: Self) {
        let (mine, other) = (&mut self.record, later.record);
        mine.last = mine.last.max(other.last);
        for (mine, other) in mine.packets.iter_mut().zip(other.packets) {
            *mine = mine.saturating_add(other);
        }
        for (mine, other) in mine.octets.iter_mut().zip(other.octets) {
            *mine = mine.saturating_add(other);
        }
        mine.copies = mine.copies.saturating_add(other.copies);
        mine.application = mine.application.or(other.application);
        mine.quic = mine.quic.take().or(other.quic);
        mine.tls = mine.tls.take().or(other.tls);
        if self.name.is_none() {
            self.name = later.name;
            self.source = later.source;
            self.sets = later.sets;
            self.also = later.also;
        }
        self.port_listed = self.port_listed.or(later.port_listed);
        if later.outcome == super::Outcome::Served {
            self.outcome = later.outcome;
        }
    }
}

/// One lookup, for the list of all lookups.
#[derive(Debug)]
pub struct LookupReport {
    /// The side that asked.
    pub client: SocketAddr,
    /// The side that was asked.
    pub resolver: SocketAddr,
    /// The name asked for; `None` for the root.
    pub name: Option<HostName>,
    /// Its aliases, in order.
    pub cnames: Vec<HostName>,
    /// Smallest time to live among the answers, in seconds; `None` without answers.
    pub ttl: Option<u32>,
    /// Question and answer.
    pub exchange: DnsExchange,
    /// Sets of the most specific pattern for the name or, failing that, for one of its aliases.
    pub sets: SmallVec<[SetKey; 2]>,
    /// How it ended.
    pub outcome: LookupOutcome,
}

/// Counts over a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Hard requirements that failed, over all clients.
    pub hard_failures: usize,
    /// Findings above information.
    pub findings: usize,
}

impl AuditReport {
    /// Counts for the exit status.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let fails = |set: &&SetReport| set.hard_loss().is_some();
        Summary {
            hard_failures: self
                .clients
                .iter()
                .flat_map(|client| &client.sets)
                .filter(fails)
                .count(),
            findings: self
                .findings
                .iter()
                .filter(|finding| finding.severity > findings::Severity::Information)
                .count(),
        }
    }
}

impl SetReport {
    /// Its hosts, one after the other.
    pub fn hosts(&self) -> impl Iterator<Item = &HostReport> {
        self.hosts.iter().map(Arc::as_ref)
    }

    /// What failed first, in words; `None` when nothing did.
    #[must_use]
    pub fn cause_phrase(&self) -> Option<&'static str> {
        let cause = self.cause?;
        let failing: Vec<&HostReport> = self
            .hosts()
            .filter(|host| host.judged.cause == Some(cause))
            .collect();
        Some(findings::phrase(cause, &failing))
    }

    /// The verdict stands in the way of what the set is for.
    #[must_use]
    pub fn fails(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Blocked | Verdict::NeverReached | Verdict::Intercepted
        )
    }

    /// What of it the scenario cannot do without and has lost.
    #[must_use]
    pub fn hard_loss(&self) -> Option<&Loss> {
        self.loss
            .as_deref()
            .filter(|loss| loss.level == Requirement::Hard)
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl HostReport {
    /// It was contacted on the port of plain HTTP alone.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        !self.responders.is_empty() && self.responders.iter().all(|end| end.port() == 80)
    }

    /// The first packets that prove the verdict, as a list to print.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.judged.evidence
    }

    /// Harmless detours.
    #[must_use]
    pub fn detours(&self) -> &[Detour] {
        &self.judged.detours
    }
}

/// Evidence of all `hosts` together, in the order of frames.
#[must_use]
pub(super) fn joined_evidence<'a>(hosts: impl Iterator<Item = &'a HostReport>) -> Vec<Evidence> {
    let mut list = EvidenceList::default();
    for host in hosts {
        for evidence in host.evidence() {
            list.add(evidence.seen, evidence.what.clone());
        }
    }
    list.into_sorted()
}
