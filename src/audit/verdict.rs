//! Verdicts per host and endpoint set, and the rules that derive them from attempts and lookups.

use super::attempt::{Attempt, HostLookup};
use super::cause::{Cause, Outcome, Unclear};
use super::evidence::{Evidence, EvidenceList};
use super::lookup::{ADDRESS_TYPES, LookupOutcome, PATIENCE};
use super::outcome::{SILENCE, Vantage};
use crate::facts::{Direction, Seen, Transport};
use smallvec::SmallVec;

/// What is said of an endpoint set or of one of its hosts, for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Some attempt was served and nothing was left failing.
    Reached,
    /// Not required for what the client was doing, and not seen.
    NotExercised,
    /// The capture cannot tell.
    Inconclusive,
    /// Required, the capture is fit to tell, and no attempt was seen.
    NeverReached,
    /// Reached, but something failed before or beside it.
    Degraded,
    /// Served through a certificate that must not be there.
    Intercepted,
    /// Attempts were made, none was served.
    Blocked,
}

impl Verdict {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::NotExercised => "not_exercised",
            Self::Inconclusive => "inconclusive",
            Self::NeverReached => "never_reached",
            Self::Degraded => "degraded",
            Self::Intercepted => "intercepted",
            Self::Blocked => "blocked",
        }
    }
}

/// A harmless detour on the way to success, worth a remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detour {
    /// IPv6 failed, IPv4 worked.
    Ipv6Failed,
    /// IPv4 failed, IPv6 worked.
    Ipv4Failed,
    /// QUIC failed, TCP worked.
    QuicFailed,
    /// The proxy asked for a login first.
    ProxyLogin,
}

impl Detour {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ipv6Failed => "ipv6_failed_ipv4_worked",
            Self::Ipv4Failed => "ipv4_failed_ipv6_worked",
            Self::QuicFailed => "quic_failed_tcp_worked",
            Self::ProxyLogin => "proxy_login_first",
        }
    }
}

/// The verdict on one host.
#[derive(Debug, Clone)]
pub struct HostVerdict {
    /// The verdict; never `NotExercised` for a host that was seen.
    pub verdict: Verdict,
    /// What failed first, when something failed.
    pub cause: Option<Cause>,
    /// Everything that failed.
    pub causes: SmallVec<[Cause; 2]>,
    /// Why the capture cannot tell, for `Inconclusive`.
    pub unclear: Option<Unclear>,
    /// First packet of the first failing attempt or, without one, of the failing lookup; else of the first attempt.
    pub first: Option<Seen>,
    /// The packets that prove it.
    pub evidence: Vec<Evidence>,
    /// Harmless detours.
    pub detours: SmallVec<[Detour; 1]>,
    /// The name was looked up and resolved, but no attempt followed.
    pub looked_up_only: bool,
}

impl HostVerdict {
    fn new(verdict: Verdict, first: Option<Seen>) -> Self {
        Self {
            verdict,
            cause: None,
            causes: SmallVec::new(),
            unclear: None,
            first,
            evidence: Vec::new(),
            detours: SmallVec::new(),
            looked_up_only: false,
        }
    }

    fn because(mut self, causes: SmallVec<[Cause; 2]>, evidence: Vec<Evidence>) -> Self {
        self.cause = causes.first().copied();
        self.causes = causes;
        self.evidence = evidence;
        self
    }
}

/// Judges one host from everything that was tried.
///
/// `attempts` are in the order of their first frames. `uses_ipv6` tells whether the client uses IPv6 at all, so that a
/// working AAAA answer excuses nothing on a device that has no IPv6.
#[must_use]
pub fn judge_host(
    attempts: &[Attempt],
    lookups: &[HostLookup],
    vantage: Vantage,
    uses_ipv6: bool,
) -> HostVerdict {
    let first = attempts.first().map(|attempt| attempt.first);
    let astray = lookups.iter().find(|lookup| {
        matches!(
            lookup.outcome,
            LookupOutcome::Failed(Cause::DnsBlockPage | Cause::DnsSinkhole)
        ) && attempts
            .iter()
            .all(|attempt| lookup.exchange.addresses.contains(&attempt.responder.ip()))
    });
    // Plain HTTP from where the name should not lead is the page.
    let is_page = |attempt: &Attempt| astray.is_some() && attempt.responder.port() == 80;
    let served = attempts
        .iter()
        .any(|attempt| attempt.was_served() && !is_page(attempt));
    let failed: Vec<&Attempt> = attempts
        .iter()
        .filter(|attempt| attempt.failure(vantage).is_some())
        .collect();
    if served {
        // A connection let go after one SYN lost the race against another address (RFC 8305 §5).
        let mut stopped = failed;
        stopped.retain(|attempt| {
            attempt.outcome != Outcome::Abandoned
                && !is_lone_loss(attempt, attempts)
                && !is_taken_up_again(attempt, attempts, vantage)
        });
        return judge_served(attempts, &stopped, first, vantage);
    }
    // A device that gets no answer over QUIC goes on over TCP, and what came of that decides.
    let tcp_decides = failed
        .iter()
        .all(|attempt| attempt.outcome == Outcome::Failed(Cause::QuicNoReply))
        && attempts.iter().any(|attempt| {
            let undecided = matches!(attempt.outcome, Outcome::Unclear(_) | Outcome::Abandoned);
            attempt.transport == Transport::Tcp && undecided
        });
    if let Some(start) = failed.first().map(|attempt| attempt.first)
        && !tcp_decides
    {
        let mut causes = distinct_causes(&failed, vantage);
        if let Some(LookupOutcome::Failed(cause)) = astray.map(|lookup| lookup.outcome) {
            causes.retain(|known| *known != cause);
            causes.insert(0, cause);
        }
        return HostVerdict::new(Verdict::Blocked, Some(start))
            .because(causes, evidence_of(&failed, astray));
    }
    if let Some(unclear) = attempts.iter().find_map(|attempt| match attempt.outcome {
        Outcome::Unclear(why) => Some(why),
        Outcome::Abandoned => Some(Unclear::Unknown),
        _ => None,
    }) {
        let mut verdict = HostVerdict::new(Verdict::Inconclusive, first);
        verdict.unclear = Some(unclear);
        verdict.evidence = evidence_of(&attempts.iter().collect::<Vec<_>>(), None);
        return verdict;
    }
    judge_lookups(lookups, vantage, uses_ipv6)
}

fn judge_served(
    attempts: &[Attempt],
    failed: &[&Attempt],
    first: Option<Seen>,
    vantage: Vantage,
) -> HostVerdict {
    let served: Vec<&Attempt> = attempts
        .iter()
        .filter(|attempt| attempt.was_served())
        .collect();
    let (counted, detours) = leave_out_detours(failed, &served);
    let mut verdict = match counted.first() {
        Some(attempt) => HostVerdict::new(Verdict::Degraded, Some(attempt.first)).because(
            distinct_causes(&counted, vantage),
            evidence_of(&counted, None),
        ),
        None => HostVerdict::new(Verdict::Reached, first),
    };
    if verdict.evidence.is_empty()
        && let Some(attempt) = served.first()
    {
        verdict.evidence.clone_from(&attempt.evidence);
    }
    verdict.detours = detours;
    verdict
}

/// Whether a failure is what happens to healthy clients beside attempts that the same server serves: a spare TLS connection that
/// was let go at once, or a single datagram that was lost. What happens again after the last success is something else.
fn is_lone_loss(failed: &Attempt, attempts: &[Attempt]) -> bool {
    let same_server = || {
        attempts
            .iter()
            .filter(|other| other.responder == failed.responder)
    };
    let last_served = same_server()
        .filter(|other| other.was_served())
        .map(|other| other.first)
        .max();
    let since = same_server()
        .filter(|other| other.outcome == failed.outcome && Some(other.first) > last_served)
        .count();
    let may_be_lone = matches!(
        failed.outcome,
        Outcome::Failed(Cause::TlsClientAbort | Cause::NtpNoReply)
    );
    may_be_lone && last_served.is_some() && since <= 1
}

/// Whether a download that was cut was followed by one that was not, or may have been: the capture ends first.
fn is_taken_up_again(cut: &Attempt, attempts: &[Attempt], vantage: Vantage) -> bool {
    let later = |other: &Attempt| other.outcome == Outcome::Served && other.first > cut.first;
    cut.is_cut() && (vantage.end.since(cut.last.time) < SILENCE || attempts.iter().any(later))
}

/// Separates failures that a healthy client shows on a network without IPv6, without QUIC or behind a proxy with login.
fn leave_out_detours<'a>(
    failed: &[&'a Attempt],
    served: &[&Attempt],
) -> (Vec<&'a Attempt>, SmallVec<[Detour; 1]>) {
    let mut detours = SmallVec::new();
    let mut note = |detour: Detour| {
        if !detours.contains(&detour) {
            detours.push(detour);
        }
    };
    let worked = |test: &dyn Fn(&Attempt) -> bool| served.iter().any(|attempt| test(attempt));
    let tcp_worked = worked(&|attempt| attempt.transport == Transport::Tcp);
    let v4_worked = worked(&|attempt| attempt.responder.is_ipv4());
    let v6_worked = worked(&|attempt| attempt.responder.is_ipv6());
    let login_worked = worked(&|attempt| attempt.through_proxy);
    let counted = failed
        .iter()
        .filter(|attempt| {
            let is_quic = attempt.transport == Transport::Udp && attempt.responder.port() == 443;
            let detour = if is_quic && tcp_worked {
                Some(Detour::QuicFailed)
            } else if attempt.outcome == Outcome::Failed(Cause::ProxyAuthRequired) && login_worked {
                Some(Detour::ProxyLogin)
            } else if attempt.responder.is_ipv6() && v4_worked && !v6_worked {
                Some(Detour::Ipv6Failed)
            } else if attempt.responder.is_ipv4() && v6_worked && !v4_worked {
                Some(Detour::Ipv4Failed)
            } else {
                None
            };
            detour.map(&mut note).is_none()
        })
        .copied()
        .collect();
    (counted, detours)
}

/// Only lookups were seen.
fn judge_lookups(lookups: &[HostLookup], vantage: Vantage, uses_ipv6: bool) -> HostVerdict {
    let first = lookups
        .iter()
        .filter_map(|lookup| lookup.exchange.query.or(lookup.exchange.answer))
        .min();
    let usable = |lookup: &&HostLookup| {
        let [_, aaaa] = ADDRESS_TYPES;
        ADDRESS_TYPES.contains(&lookup.exchange.query_type)
            && (uses_ipv6 || lookup.exchange.query_type != aaaa)
    };
    let relevant: Vec<&HostLookup> = lookups.iter().filter(usable).collect();
    let failure = relevant.iter().find_map(|lookup| match lookup.outcome {
        LookupOutcome::Failed(cause) => Some((*lookup, cause)),
        _ => None,
    });
    let resolved = relevant
        .iter()
        .any(|lookup| lookup.outcome == LookupOutcome::Ok);
    // A question that the capture leaves open may have been answered by another resolver than the one that failed; one asked
    // long after that shows that nobody had answered.
    let unknown = relevant.iter().any(|lookup| {
        let asked_later = failure.is_some_and(|(failed, _)| {
            match (failed.exchange.answer, lookup.exchange.query) {
                (Some(failed), Some(asked)) => asked.time.since(failed.time) >= PATIENCE,
                _ => false,
            }
        });
        lookup.outcome == LookupOutcome::Unknown && !asked_later
    });
    let open =
        unknown || failure.is_some_and(|(failed, _)| is_turned_away(failed, &relevant, vantage));
    if let Some((_, cause)) = failure
        && !resolved
        && !open
    {
        let failing: Vec<&HostLookup> = lookups
            .iter()
            .filter(|lookup| matches!(lookup.outcome, LookupOutcome::Failed(_)))
            .collect();
        let start = failing
            .iter()
            .filter_map(|lookup| lookup.exchange.query.or(lookup.exchange.answer))
            .min();
        let mut evidence = EvidenceList::default();
        for lookup in failing {
            lookup.add_evidence(&mut evidence);
        }
        return HostVerdict::new(Verdict::Blocked, start.or(first))
            .because(SmallVec::from_slice(&[cause]), evidence.into_sorted());
    }
    let mut evidence = EvidenceList::default();
    for lookup in lookups {
        lookup.add_evidence(&mut evidence);
    }
    let sees_attempts = vantage.missing != Some(Direction::Originator);
    let mut verdict = if resolved && sees_attempts && vantage.missing.is_none() {
        let mut verdict = HostVerdict::new(Verdict::NeverReached, first);
        verdict.looked_up_only = true;
        verdict
    } else {
        let mut verdict = HostVerdict::new(Verdict::Inconclusive, first);
        verdict.unclear = Some(match (vantage.missing, open) {
            (Some(_), _) => Unclear::OneWay,
            (None, true) if relevant.iter().any(|lookup| lookup.is_cut()) => Unclear::Truncated,
            (None, true) if vantage.lossy => Unclear::Lost,
            (None, true) => Unclear::StillOpen,
            (None, false) => Unclear::Unknown,
        });
        verdict.looked_up_only = true;
        verdict
    };
    verdict.evidence = evidence.into_sorted();
    verdict
}

/// Whether a resolver has sent the client away (SERVFAIL, REFUSED) just before the capture ends: clients then ask the next one
/// at once, and those that have none ask again.
fn is_turned_away(failed: &HostLookup, lookups: &[&HostLookup], vantage: Vantage) -> bool {
    let by_resolver = |lookup: &HostLookup| {
        matches!(
            lookup.outcome,
            LookupOutcome::Failed(Cause::DnsServfail | Cause::DnsRefused)
        )
    };
    let times = lookups.iter().filter(|lookup| {
        by_resolver(lookup) && lookup.exchange.query_type == failed.exchange.query_type
    });
    let recent = |answer: Seen| vantage.end.since(answer.time) < PATIENCE;
    by_resolver(failed) && failed.exchange.answer.is_some_and(recent) && times.count() < 2
}

fn distinct_causes(attempts: &[&Attempt], vantage: Vantage) -> SmallVec<[Cause; 2]> {
    let mut causes = SmallVec::new();
    for cause in attempts
        .iter()
        .filter_map(|attempt| attempt.failure(vantage))
    {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    // Devices get on without QUIC; where they do not, it is the rest that stops them.
    causes.sort_by_key(|cause: &Cause| *cause == Cause::QuicNoReply);
    causes
}

/// The proof of up to three attempts, one of each family and cause first.
fn evidence_of(attempts: &[&Attempt], lookup: Option<&HostLookup>) -> Vec<Evidence> {
    let mut list = EvidenceList::default();
    if let Some(lookup) = lookup {
        lookup.add_evidence(&mut list);
    }
    let mut all = list.into_sorted();
    for attempt in attempts.iter().take(3) {
        all.extend(attempt.evidence.iter().cloned());
    }
    all.sort_by_key(|evidence| evidence.seen.frame);
    all.dedup();
    all
}

impl Attempt {
    /// The server delivered, well or badly.
    #[must_use]
    pub fn was_served(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Served | Outcome::Failed(Cause::RangeIgnored | Cause::DownloadCut)
        )
    }

    /// The server delivered a part only.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.outcome == Outcome::Failed(Cause::DownloadCut)
    }

    /// What stopped the attempt, if it counts as stopped. A connection attempt let go after one SYN counts once the capture
    /// went on long enough for an answer.
    #[must_use]
    pub fn failure(&self, vantage: Vantage) -> Option<Cause> {
        match self.outcome {
            Outcome::Failed(cause) => Some(cause),
            Outcome::Abandoned
                if self.single_syn
                    && !vantage.may_lack_replies()
                    && vantage.end.since(self.first.time) >= SILENCE =>
            {
                Some(Cause::SynTimeout)
            }
            _ => None,
        }
    }
}
