//! Holds a report against the truth of a recording and lists every difference.

use super::report::{self, Report};
use super::truth::{self, Directions, Truth};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What kind of statement was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The device is in the report.
    Client,
    /// The verdict of an endpoint set.
    Verdict,
    /// Why it is blocked.
    Cause,
    /// The first frame of the first failing attempt.
    FirstFrame,
    /// The verdict of one host of a set.
    Host,
    /// A set that nothing touches is not claimed.
    Absence,
    /// Nothing healthy is called blocked.
    FalseAlarm,
    /// The flow is in the report.
    Flow,
    /// It starts where it starts.
    FlowFirstFrame,
    /// The host it served.
    FlowName,
    /// The endpoint sets it belongs to.
    FlowSets,
    /// How far it came.
    FlowOutcome,
    /// What became of a name looked up.
    Lookup,
}

/// How many statements were right, and each that was wrong.
#[derive(Debug, Default)]
pub struct Score {
    /// Right statements by kind.
    pub right: BTreeMap<Kind, u32>,
    /// Wrong statements, each in one line.
    pub wrong: Vec<(Kind, String)>,
}

impl Score {
    fn check(&mut self, kind: Kind, right: bool, difference: impl FnOnce() -> String) {
        if right {
            *self.right.entry(kind).or_default() += 1;
        } else {
            self.wrong.push((kind, difference()));
        }
    }
}

/// Verdicts that say nothing was seen; a set that is not listed is `absent`.
const ABSENT: [&str; 3] = ["never_reached", "not_exercised", "absent"];
/// Verdicts that call something wrong.
const ALARM: [&str; 3] = ["blocked", "degraded", "intercepted"];

/// Holds `report` against `truth`.
pub fn score(truth: &Truth, report: &Report) -> Score {
    let mut score = Score::default();
    for client in &truth.clients {
        endpoint_sets(&mut score, truth, client, report);
        flows(&mut score, client, &report.flows);
        lookups(&mut score, client, &report.lookups);
    }
    score
}

fn endpoint_sets(score: &mut Score, truth: &Truth, client: &truth::Client, report: &Report) {
    let id = &client.id;
    let found = report
        .clients
        .iter()
        .find(|c| c.addresses.iter().any(|a| client.addresses.contains(a)));
    score.check(Kind::Client, found.is_some(), || {
        format!("{id} {:?} is not in the report", client.addresses)
    });
    let listed = found.map_or(&[][..], |c| &c.endpoint_sets);
    let sets: BTreeMap<u32, &report::EndpointSet> = listed
        .iter()
        .filter_map(|s| s.id.map(|id| (id, s)))
        .collect();

    let mut touched: HashSet<u32> = client.ambiguous.iter().map(|a| a.set).collect();
    let states: [(&str, &[truth::EndpointSet], &[&str]); 6] = [
        ("reached", &client.reached, &["reached"]),
        ("degraded", &client.degraded, &["degraded"]),
        ("partly_blocked", &client.partly_blocked, &["degraded"]),
        ("blocked", &client.blocked, &["blocked"]),
        ("undetermined", &client.undetermined, &["inconclusive"]),
        (
            "looked_up_only",
            &client.looked_up_only,
            &["never_reached", "inconclusive"],
        ),
    ];
    for (state, entries, accepted) in states {
        for entry in entries {
            touched.insert(entry.set);
            endpoint_set(
                score,
                id,
                state,
                entry,
                accepted,
                sets.get(&entry.set).copied(),
            );
        }
    }

    for number in &client.never_reached {
        let verdict = sets.get(number).map_or("absent", |s| &s.verdict);
        let right = ABSENT.contains(&verdict)
            || verdict == "inconclusive" && truth.capture.directions != Directions::Both;
        score.check(Kind::Absence, right, || {
            format!("{id} set {number}: {verdict}, truth is that nothing touches it")
        });
    }
    for (number, here) in sets.iter().filter(|(number, _)| !touched.contains(number)) {
        if ALARM.contains(&here.verdict.as_str()) {
            score.check(Kind::FalseAlarm, false, || {
                format!(
                    "{id} set {number}: {} ({:?}), but nothing is wrong with it",
                    here.verdict, here.cause
                )
            });
        }
    }
}

fn endpoint_set(
    score: &mut Score,
    client: &str,
    state: &str,
    entry: &truth::EndpointSet,
    accepted: &[&str],
    here: Option<&report::EndpointSet>,
) {
    let number = entry.set;
    let verdict = here.map_or("absent", |h| &h.verdict);
    let cause = here.and_then(|h| h.cause.as_deref());
    let hosts = here.map_or(&[][..], |h| &h.hosts);
    let also = &entry.also_acceptable;
    let allowed = accepted.contains(&verdict) || also.iter().any(|v| v == verdict);
    score.check(Kind::Verdict, allowed, || {
        format!(
            "{client} set {number}: {verdict} ({cause:?}), truth is {state} {:?}",
            entry.causes
        )
    });
    if allowed && matches!(state, "blocked" | "partly_blocked") {
        let known =
            |cause: Option<&str>| cause.is_some_and(|c| entry.causes.iter().any(|e| e == c));
        let right = known(cause) || hosts.iter().any(|h| known(h.cause.as_deref()));
        score.check(Kind::Cause, right, || {
            format!(
                "{client} set {number}: cause {cause:?}, truth {:?}",
                entry.causes
            )
        });
    }
    if allowed && state == "blocked" {
        let first = here.and_then(|h| h.first_frame);
        score.check(Kind::FirstFrame, first == Some(entry.first_packet), || {
            format!(
                "{client} set {number}: first frame {first:?}, truth {}",
                entry.first_packet
            )
        });
    }
    for host in &entry.hosts {
        let Some(name) = host.name.as_deref().filter(|n| !n.is_empty()) else {
            continue;
        };
        let wanted: &[&str] = match host.state.as_str() {
            "ok" if also.is_empty() => &["reached"],
            "degraded" if also.is_empty() => &["degraded"],
            "ok" | "degraded" => &["reached", "degraded"],
            "blocked" => &["blocked"],
            _ => continue,
        };
        let verdict = hosts
            .iter()
            .rfind(|h| h.name.eq_ignore_ascii_case(name))
            .map(|h| h.verdict.as_str());
        let right = verdict.is_some_and(|v| {
            wanted.contains(&v) || v == "intercepted" && also.iter().any(|a| a == v)
        });
        score.check(Kind::Host, right, || {
            format!(
                "{client} set {number} host {name}: {verdict:?}, truth {}",
                host.state
            )
        });
    }
}

/// A flow's identity without regard to who opened it.
fn key<'a>(
    protocol: &'a str,
    a: (&'a str, u16),
    b: (&'a str, u16),
) -> (&'a str, (&'a str, u16), (&'a str, u16)) {
    (protocol, a.min(b), a.max(b))
}

fn flows(score: &mut Score, client: &truth::Client, reported: &[report::Flow]) {
    let mut by_key: HashMap<_, Vec<&report::Flow>> = HashMap::new();
    for flow in reported {
        let originator = (flow.originator.as_str(), flow.originator_port);
        let responder = (flow.responder.as_str(), flow.responder_port);
        by_key
            .entry(key(&flow.protocol, originator, responder))
            .or_default()
            .push(flow);
    }
    for flow in &client.flows {
        let place = format!(
            "{} {}:{} > {}:{} frame {}",
            flow.proto, flow.src, flow.sport, flow.dst, flow.dport, flow.first_packet
        );
        let same = by_key.get(&key(
            &flow.proto,
            (&flow.src, flow.sport),
            (&flow.dst, flow.dport),
        ));
        // Ports are used again: of several connections, the one that starts nearest is meant.
        let near = same.and_then(|same| {
            same.iter()
                .min_by_key(|f| f.first_frame.abs_diff(flow.first_packet))
        });
        score.check(Kind::Flow, near.is_some(), || {
            format!("{place} is not in the report")
        });
        if let Some(near) = near {
            flow_statements(score, flow, near, &place);
        }
    }
}

fn flow_statements(score: &mut Score, flow: &truth::Flow, near: &report::Flow, place: &str) {
    score.check(
        Kind::FlowFirstFrame,
        near.first_frame == flow.first_packet,
        || format!("{place}: {}", near.first_frame),
    );
    let truth = &flow.attribution;
    if let Some(name) = truth.name.as_deref().filter(|n| !n.is_empty()) {
        let right = near
            .name
            .as_deref()
            .is_some_and(|n| n.eq_ignore_ascii_case(name));
        score.check(Kind::FlowName, right, || {
            format!(
                "{place}: name {:?}, truth {name} by {:?}",
                near.name, truth.by
            )
        });
    }
    let sets = &near.endpoint_sets;
    if !truth.sets.is_empty() {
        let right = truth.sets.iter().all(|set| sets.contains(set));
        score.check(Kind::FlowSets, right, || {
            format!("{place}: sets {sets:?}, truth {:?}", truth.sets)
        });
    } else if truth.less_specific_sets.is_empty() {
        score.check(Kind::FlowSets, sets.is_empty(), || {
            format!("{place}: sets {sets:?}, truth none")
        });
    }
    if flow.outcome != "unknown" {
        // A single SYN can be either.
        let abandoned =
            flow.outcome == "syn_timeout" && flow.packets == 1 && near.outcome == "abandoned";
        score.check(
            Kind::FlowOutcome,
            near.outcome == flow.outcome || abandoned,
            || format!("{place}: {}, truth {}", near.outcome, flow.outcome),
        );
    }
}

fn lookups(score: &mut Score, client: &truth::Client, reported: &[report::Lookup]) {
    fn folded(name: &str) -> String {
        name.to_lowercase().trim_end_matches('.').to_owned()
    }
    let mut seen: HashMap<String, Vec<&str>> = HashMap::new();
    for lookup in reported
        .iter()
        .filter(|l| client.addresses.contains(&l.client))
    {
        seen.entry(folded(&lookup.name))
            .or_default()
            .push(&lookup.outcome);
    }
    for name in client.names.iter().filter(|n| n.outcome != "unknown") {
        let outcomes = seen.get(&folded(&name.name)).map_or(&[][..], Vec::as_slice);
        score.check(
            Kind::Lookup,
            outcomes.contains(&name.outcome.as_str()),
            || {
                format!(
                    "{} {}: {outcomes:?}, truth {}",
                    client.id, name.name, name.outcome
                )
            },
        );
    }
}
