//! What a reader of packets needs around the evidence of a host: its lookups and the connections that failed.
//!
//! Comes from what is kept for the verdict anyway; knows frames by their numbers only.

use super::attempt::{Attempt, HostHistory, HostLookup};
use super::evidence::{Evidence, EvidenceList};
use super::lookup::LookupOutcome;
use super::outcome::Vantage;
use crate::facts::{FiveTuple, FrameNumber};

/// Most connections kept of one host: the first failures show what later ones repeat.
const CONNECTIONS_KEPT: usize = 8;
/// Most lookups kept of one host.
const LOOKUPS_KEPT: usize = 8;

/// The packets around the evidence of one host.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// Its lookups and the proof of each failing attempt, which a verdict shows only the first of.
    pub evidence: Vec<Evidence>,
    /// The connections that failed or were inspected, the first ones.
    pub connections: Vec<ProofConnection>,
}

/// One connection, with the frames between which its five-tuple means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofConnection {
    /// Its ends.
    pub five_tuple: FiveTuple,
    /// Its first frame.
    pub first: FrameNumber,
    /// Its last frame.
    pub last: FrameNumber,
}

/// The proof of everything that failed on a host, with the lookups that led there.
#[must_use]
pub(super) fn of_host(history: &HostHistory, vantage: Vantage) -> Box<Proof> {
    let mut proof = Proof::default();
    let failed = |lookup: &&HostLookup| matches!(lookup.outcome, LookupOutcome::Failed(_));
    let others = |lookup: &&HostLookup| !failed(lookup);
    let lookups = history
        .lookups
        .iter()
        .filter(failed)
        .chain(history.lookups.iter().filter(others));
    for lookup in lookups.take(LOOKUPS_KEPT) {
        let mut list = EvidenceList::default();
        lookup.add_evidence(&mut list);
        proof.evidence.extend(list.into_sorted());
    }
    let concerned =
        |attempt: &&Attempt| attempt.failure(vantage).is_some() || attempt.inspection.is_some();
    for attempt in history
        .attempts
        .iter()
        .filter(concerned)
        .take(CONNECTIONS_KEPT)
    {
        proof.evidence.extend(attempt.evidence.iter().cloned());
        proof.connections.push(ProofConnection {
            five_tuple: FiveTuple {
                originator: attempt.originator,
                responder: attempt.responder,
                transport: attempt.transport,
            },
            first: attempt.first.frame,
            last: attempt.last.frame,
        });
    }
    Box::new(proof)
}
