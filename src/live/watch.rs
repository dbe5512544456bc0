//! When a host counts as blocked and when as recovered, so that nothing flaps.
//!
//! In comes how a host of a device stands ([`HostStanding`]), each time something new is known of it; out comes at most one
//! change. The rule:
//!
//! - **blocked** needs attempts that failed by the audit's own rules, with none served since the first of them began, and
//!   [`CONFIRMATION`] since then: a device that falls back to another address, family or protocol is served by it before. Where
//!   the window holds an attempt that was served, it needs two failures in a row, or [`INSISTENCE`] since the first.
//! - **recovered** needs an attempt that began after the last failed one, was served, and was not followed by a failure
//!   for [`CONFIRMATION`].
//! - Each `blocked` in the window raises the failures in a row that the next one needs by one, up to [`MOST_FAILURES`]. A
//!   host of which one of several addresses fails now and then does not flap.
//! - **lapsed**: nothing was tried for a whole window, so whether the host still is blocked is unknown.

use crate::audit::standing::{Contacts, HostStanding};
use crate::audit::{Cause, Evidence};
use crate::facts::Timestamp;
use smallvec::SmallVec;
use std::time::Duration;

/// From the first failed attempt until it is told, and from the attempt that was served until recovery is.
pub const CONFIRMATION: Duration = Duration::from_secs(5);

/// A single failure counts for a host that works once it has lasted this long.
pub const INSISTENCE: Duration = Duration::from_secs(10);

/// Failures in a row that are asked for at most.
pub const MOST_FAILURES: u32 = 5;

/// What became of a host.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is blocked.
    Blocked {
        /// Why.
        cause: Cause,
        /// Start of the first attempt that failed.
        since: Timestamp,
        /// Failures since.
        failed: u32,
        /// The proof.
        evidence: Vec<Evidence>,
        /// Where the attempts went.
        contacts: Contacts,
    },
    /// It serves again.
    Recovered {
        /// What had stopped it.
        cause: Cause,
        /// Start of the first attempt that had failed.
        since: Timestamp,
    },
    /// It was not tried for a whole window.
    Lapsed {
        /// What had stopped it.
        cause: Cause,
        /// Start of the first attempt that had failed.
        since: Timestamp,
    },
}

/// What there is to tell, and whether time alone may bring more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// What changed.
    pub change: Option<Change>,
    /// Look again soon, even when nothing new is told.
    pub again: bool,
}

/// The state of one host of one device.
#[derive(Debug, Clone, Default)]
pub struct HostWatch {
    blocked: Option<Blocked>,
    /// When it became blocked, within the window.
    flips: SmallVec<[Timestamp; 2]>,
}

#[derive(Debug, Clone, Copy)]
struct Blocked {
    cause: Cause,
    since: Timestamp,
    /// Start of the attempt that failed last.
    last: Timestamp,
    /// Start of the first attempt after that which was served.
    served: Option<Timestamp>,
}

impl HostWatch {
    /// What stops the host now.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.blocked.map(|blocked| blocked.cause)
    }

    /// Takes how the host stands at `now`.
    pub fn observe(&mut self, host: &HostStanding, now: Timestamp, window: Duration) -> Observed {
        self.flips.retain(|flip| now.since(*flip) <= window);
        match self.blocked {
            Some(blocked) => self.observe_blocked(blocked, host, now),
            None => self.observe_open(host, now),
        }
    }

    fn observe_blocked(
        &mut self,
        mut blocked: Blocked,
        host: &HostStanding,
        now: Timestamp,
    ) -> Observed {
        if let Some(failing) = &host.failing {
            blocked.last = blocked.last.max(failing.last);
            blocked.served = None;
            self.blocked = Some(blocked);
            return Observed::default();
        }
        let Blocked { cause, since, .. } = blocked;
        if host.in_window.is_none() {
            self.blocked = None;
            return Observed {
                change: Some(Change::Lapsed { cause, since }),
                again: false,
            };
        }
        let served = host.last_served.filter(|served| *served > blocked.last);
        let Some(first) = blocked.served.or(served) else {
            return Observed::default();
        };
        if now.since(first) < CONFIRMATION {
            blocked.served = Some(first);
            self.blocked = Some(blocked);
            return Observed {
                change: None,
                again: true,
            };
        }
        self.blocked = None;
        Observed {
            change: Some(Change::Recovered { cause, since }),
            again: false,
        }
    }

    fn observe_open(&mut self, host: &HostStanding, now: Timestamp) -> Observed {
        let Some(failing) = &host.failing else {
            return Observed::default();
        };
        let age = now.since(failing.since);
        let flips = u32::try_from(self.flips.len()).unwrap_or(u32::MAX);
        let enough = match (host.last_served, flips) {
            (None, 0) => true,
            (_, 0) => failing.count >= 2 || age >= INSISTENCE,
            (_, flips) => failing.count >= flips.saturating_add(2).min(MOST_FAILURES),
        };
        if !enough || age < CONFIRMATION {
            return Observed {
                change: None,
                again: true,
            };
        }
        if self.flips.len() < 8 {
            self.flips.push(now);
        }
        self.blocked = Some(Blocked {
            cause: failing.cause,
            since: failing.since,
            last: failing.last,
            served: None,
        });
        Observed {
            change: Some(Change::Blocked {
                cause: failing.cause,
                since: failing.since,
                failed: failing.count,
                evidence: failing.verdict.evidence.clone(),
                contacts: failing.contacts.clone(),
            }),
            again: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::standing::Failing;
    use crate::audit::{HostVerdict, Verdict};

    const WINDOW: Duration = Duration::from_secs(900);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    fn verdict(verdict: Verdict) -> HostVerdict {
        HostVerdict {
            verdict,
            cause: None,
            causes: SmallVec::new(),
            unclear: None,
            first: None,
            evidence: Vec::new(),
            detours: SmallVec::new(),
            looked_up_only: false,
        }
    }

    /// A host that was served last at `served` and failed `count` times from `since` to `last`.
    fn host(served: Option<i64>, failing: Option<(i64, i64, u32)>) -> HostStanding {
        HostStanding {
            host: "manage.microsoft.com".into(),
            sets: SmallVec::new(),
            generic: false,
            ever_served: served.is_some(),
            in_window: (served.is_some() || failing.is_some()).then(|| verdict(Verdict::Degraded)),
            failing: failing.map(|(since, last, count)| Failing {
                verdict: verdict(Verdict::Blocked),
                cause: Cause::SynTimeout,
                since: at(since),
                last: at(last),
                count,
                contacts: Contacts::default(),
            }),
            last_served: served.map(at),
        }
    }

    fn name(observed: &Observed) -> &'static str {
        match (&observed.change, observed.again) {
            (Some(Change::Blocked { .. }), _) => "blocked",
            (Some(Change::Recovered { .. }), _) => "recovered",
            (Some(Change::Lapsed { .. }), _) => "lapsed",
            (None, true) => "again",
            (None, false) => "nothing",
        }
    }

    /// Now, the attempt that was served last, and the failing ones.
    type Step = (i64, Option<i64>, Option<(i64, i64, u32)>);

    fn run(steps: &[Step]) -> Vec<&'static str> {
        let mut watch = HostWatch::default();
        steps
            .iter()
            .map(|(now, served, failing)| {
                name(&watch.observe(&host(*served, *failing), at(*now), WINDOW))
            })
            .collect()
    }

    #[test]
    fn what_never_worked_is_blocked_once_a_fallback_would_have_been_served() {
        assert_eq!(
            run(&[
                (3, None, Some((0, 0, 1))),
                (5, None, Some((0, 0, 1))),
                (6, None, Some((0, 4, 2)))
            ]),
            ["again", "blocked", "nothing"]
        );
    }

    #[test]
    fn what_works_is_blocked_by_two_failures_or_a_lasting_one() {
        let served = Some(0);
        assert_eq!(
            run(&[
                (15, served, Some((10, 10, 1))),
                (16, served, Some((10, 12, 2)))
            ]),
            ["again", "blocked"]
        );
        assert_eq!(
            run(&[
                (19, served, Some((10, 10, 1))),
                (20, served, Some((10, 10, 1)))
            ]),
            ["again", "blocked"]
        );
    }

    #[test]
    fn recovery_waits_for_a_confirmation_and_the_next_block_for_more_failures() {
        assert_eq!(
            run(&[
                (5, None, Some((0, 4, 2))),
                (12, Some(10), None),
                (13, Some(10), Some((11, 11, 1))),
                (22, Some(20), None),
                (24, Some(23), None),
                (25, Some(24), None),
                (40, Some(24), Some((30, 35, 2))),
                (41, Some(24), Some((30, 41, 3))),
            ]),
            [
                "blocked",
                "again",
                "nothing",
                "again",
                "again",
                "recovered",
                "again",
                "blocked"
            ]
        );
    }

    #[test]
    fn one_of_several_addresses_that_fails_now_and_then_tells_nothing() {
        let mut steps = vec![];
        for round in 0..50_i64 {
            let start = round * 4;
            steps.push((start + 3, Some(start - 2), Some((start, start, 1))));
            steps.push((start + 4, Some(start + 2), None));
        }
        assert!(run(&steps).iter().all(|step| *step != "blocked"));
    }

    #[test]
    fn silence_of_a_whole_window_lapses() {
        assert_eq!(
            run(&[(5, None, Some((0, 4, 2))), (1_000, None, None)]),
            ["blocked", "lapsed"]
        );
    }
}
