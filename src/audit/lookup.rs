//! What became of a DNS question, in the words of a report.

use super::address;
use super::cause::Cause;
use crate::facts::{DnsExchange, DnsOutcome, DnsTransport, Timestamp};
use std::net::IpAddr;
use std::time::Duration;

/// A resolver that has not answered within this time has not answered: stub resolvers ask again after 1 to 5 s.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Type codes of A and AAAA (RFC 1035 §3.2.2, RFC 3596 §2.1).
pub const ADDRESS_TYPES: [u16; 2] = [1, 28];

/// How one question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookupOutcome {
    /// Records of the type asked for came back.
    Ok,
    /// The name exists without records of that type.
    NoData,
    /// The lookup failed, or its answer leads astray.
    Failed(Cause),
    /// The capture does not show it.
    Unknown,
}

impl LookupOutcome {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoData => "nodata",
            Self::Failed(cause) => cause.code().trim_start_matches("dns_"),
            Self::Unknown => "unknown",
        }
    }
}

/// Judges one exchange. `replies_missing` says that the capture lacks what comes back to clients; `astray` tells whether
/// an inside address is a wrong answer for this name.
#[must_use]
pub fn judge_lookup(
    exchange: &DnsExchange,
    end: Timestamp,
    replies_missing: bool,
    astray: impl Fn(IpAddr) -> bool,
) -> LookupOutcome {
    match exchange.outcome {
        DnsOutcome::NoReply => judge_silence(exchange, end, replies_missing),
        DnsOutcome::Answered { response_code: 0 } => judge_answer(exchange, astray),
        // RFC 1035 §4.1.1, RFC 2136 §2.2
        DnsOutcome::Answered { response_code: 3 } => LookupOutcome::Failed(Cause::DnsNxdomain),
        DnsOutcome::Answered { response_code: 5 } => LookupOutcome::Failed(Cause::DnsRefused),
        DnsOutcome::Answered { .. } => LookupOutcome::Failed(Cause::DnsServfail),
    }
}

fn judge_silence(exchange: &DnsExchange, end: Timestamp, replies_missing: bool) -> LookupOutcome {
    let Some(query) = exchange.query else {
        return LookupOutcome::Unknown;
    };
    if exchange.transport == DnsTransport::Mdns || exchange.transport == DnsTransport::Llmnr {
        // Nobody has to answer a multicast question.
        return LookupOutcome::Failed(Cause::DnsNoAnswer);
    }
    let last = exchange.last_query.unwrap_or(query);
    let waited = end.since(last.time).max(last.time.since(query.time)) >= PATIENCE;
    // A client that asks again and again has had no answer, whatever the capture lacks; one that asks twice may have been
    // impatient.
    if exchange.queries > 2 || (exchange.queries == 2 && waited && !replies_missing) {
        return LookupOutcome::Failed(Cause::DnsNoAnswer);
    }
    if replies_missing || !waited {
        return LookupOutcome::Unknown;
    }
    LookupOutcome::Failed(Cause::DnsNoAnswer)
}

fn judge_answer(exchange: &DnsExchange, astray: impl Fn(IpAddr) -> bool) -> LookupOutcome {
    let addresses = &exchange.addresses;
    if !addresses.is_empty() {
        if addresses.iter().all(|a| address::is_sinkhole(*a)) {
            return LookupOutcome::Failed(Cause::DnsSinkhole);
        }
        if addresses.iter().any(|a| astray(*a)) {
            return LookupOutcome::Failed(Cause::DnsBlockPage);
        }
        return LookupOutcome::Ok;
    }
    if exchange.answer_cut_short || exchange.truncated {
        return LookupOutcome::Unknown;
    }
    if exchange.answered {
        LookupOutcome::Ok
    } else {
        LookupOutcome::NoData
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::audit::attempt::HostLookup;
    use crate::facts::{FrameNumber, Seen};

    /// An unanswered question of this type.
    pub fn question(query_type: u16) -> HostLookup {
        HostLookup {
            exchange: DnsExchange {
                query_type,
                ..asked(1)
            },
            outcome: LookupOutcome::Unknown,
        }
    }

    fn asked(queries: u32) -> DnsExchange {
        DnsExchange {
            transport: DnsTransport::Udp,
            query_type: 1,
            query: Some(Seen {
                frame: FrameNumber(1),
                time: Timestamp::from_parts(100, 0),
            }),
            last_query: None,
            queries,
            answer: None,
            outcome: DnsOutcome::NoReply,
            addresses: vec![],
            answered: false,
            answer_cut_short: false,
            truncated: false,
        }
    }

    fn answered(code: u16, addresses: &[&str]) -> DnsExchange {
        DnsExchange {
            outcome: DnsOutcome::Answered {
                response_code: code,
            },
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            ..asked(1)
        }
    }

    fn judge(exchange: &DnsExchange, end: i64, replies_missing: bool) -> &'static str {
        judge_lookup(
            exchange,
            Timestamp::from_parts(end, 0),
            replies_missing,
            |a| !address::is_public(a),
        )
        .code()
    }

    #[test]
    fn tells_the_kinds_of_failure_apart() {
        assert_eq!(judge(&answered(3, &[]), 200, false), "nxdomain");
        assert_eq!(judge(&answered(2, &[]), 200, false), "servfail");
        assert_eq!(judge(&answered(5, &[]), 200, false), "refused");
        assert_eq!(judge(&answered(0, &["0.0.0.0"]), 200, false), "sinkhole");
        assert_eq!(
            judge(&answered(0, &["10.20.0.80"]), 200, false),
            "block_page"
        );
        assert_eq!(judge(&answered(0, &["20.37.153.10"]), 200, false), "ok");
        assert_eq!(judge(&answered(0, &[]), 200, false), "nodata");
    }

    #[test]
    fn silence_counts_only_when_the_capture_would_show_an_answer() {
        assert_eq!(judge(&asked(1), 200, false), "no_answer");
        assert_eq!(
            judge(&asked(1), 101, false),
            "unknown",
            "the capture ended too soon"
        );
        assert_eq!(
            judge(&asked(1), 200, true),
            "unknown",
            "replies are not captured"
        );
        assert_eq!(
            judge(&asked(2), 200, true),
            "unknown",
            "a late answer is not captured either"
        );
        assert_eq!(
            judge(&asked(2), 101, false),
            "unknown",
            "the capture ended right after the second question"
        );
        assert_eq!(
            judge(&asked(3), 101, true),
            "no_answer",
            "the client asked again and again"
        );
    }
}
