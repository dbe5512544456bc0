//! A device's way in time: for each feature area its hosts, and on each host's line the lookups and connections with the
//! stages they passed.

use super::figures::Percent;
use super::{Mark, NAME_CHARACTERS, clock, moment, shortened, span};
use crate::audit::{
    AttemptKind, AttemptReport, ClientReport, HostReport, Outcome, SetReport, Verdict,
};
use crate::catalog::FeatureArea;
use crate::dissect::dns::type_name;
use crate::facts::{Timestamp, Transport};
use crate::report::wording;
use std::borrow::Cow;
use std::time::Duration;

/// Hosts drawn for one device.
const DRAWN_HOSTS: usize = 60;

/// Rows of the table of attempts.
const TABLE_ROWS: usize = 200;

/// Lines of the time axis, at most.
const TICKS: u32 = 6;

/// Least width of a bar, in percent: about two pixels on a screen.
const LEAST_WIDTH: f64 = 0.35;

/// The part of the width that stands for the time; the rest is room for bars of the least width and marks at the end.
const DRAWN_SHARE: f64 = 0.96;

/// One device's picture.
#[derive(Debug)]
pub struct Way<'r> {
    pub number: usize,
    pub mark: Mark,
    pub state: &'static str,
    pub address: String,
    pub start: String,
    pub length: String,
    pub ticks: Vec<Tick>,
    pub areas: Vec<WayArea<'r>>,
    pub more_hosts: usize,
    pub rows: Vec<AttemptRow<'r>>,
    pub more_rows: usize,
}

/// A line of the time axis.
#[derive(Debug)]
pub struct Tick {
    pub place: Percent,
    pub label: String,
}

/// The hosts of one feature area.
#[derive(Debug)]
pub struct WayArea<'r> {
    pub title: &'static str,
    pub lanes: Vec<Lane<'r>>,
}

/// One host's line.
#[derive(Debug)]
pub struct Lane<'r> {
    pub mark: Mark,
    pub host: Cow<'r, str>,
    pub sets: String,
    pub words: String,
    pub steps: Vec<Step>,
}

/// One lookup or connection, drawn.
#[derive(Debug)]
pub struct Step {
    pub title: String,
    pub phases: Vec<Phase>,
    /// The mark at its end: `failed`, `unclear`, or nothing.
    pub end: &'static str,
    pub end_place: Percent,
}

/// One stage of a step.
#[derive(Debug)]
pub struct Phase {
    pub name: &'static str,
    pub place: Percent,
    pub width: Percent,
}

/// One lookup or connection, in words.
#[derive(Debug)]
pub struct AttemptRow<'r> {
    pub after: String,
    pub frame: u64,
    pub host: Cow<'r, str>,
    pub what: String,
    pub stages: String,
    pub outcome: String,
}

/// The time between a device's first and last step.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Timestamp,
    length: Duration,
}

impl Window {
    /// Where in the picture what lies `elapsed` after the start.
    fn place(self, elapsed: Duration) -> Percent {
        Percent(Percent::of(elapsed, self.length).0 * DRAWN_SHARE)
    }
}

impl<'r> Way<'r> {
    /// The picture of `client`, the `number`th of the page; `None` when no times were kept.
    #[must_use]
    pub fn of(client: &'r ClientReport, number: usize) -> Option<Self> {
        let steps = || {
            client
                .sets
                .iter()
                .flat_map(|set| set.hosts())
                .flat_map(|host| &host.timeline)
        };
        let start = steps().map(|step| step.first.time).min()?;
        let end = steps().map(|step| step.last).max()?;
        let window = Window {
            start,
            length: end.since(start).max(Duration::from_millis(1)),
        };
        let mut room = DRAWN_HOSTS;
        let mut all = 0;
        let mut areas = Vec::new();
        let mut drawn: Vec<&HostReport> = Vec::new();
        for area in FeatureArea::ALL {
            let mut hosts = hosts_of(client, *area);
            all += hosts.len();
            hosts.truncate(room);
            room -= hosts.len();
            for (host, _) in &hosts {
                if drawn.iter().all(|known| known.name != host.name) {
                    drawn.push(host);
                }
            }
            if !hosts.is_empty() {
                areas.push(WayArea {
                    title: area.title(),
                    lanes: hosts
                        .into_iter()
                        .map(|(host, sets)| Lane::of(host, &sets, window))
                        .collect(),
                });
            }
        }
        let mut rows: Vec<(&HostReport, &AttemptReport)> = drawn
            .iter()
            .flat_map(|host| host.timeline.iter().map(move |step| (*host, step)))
            .collect();
        rows.sort_by_key(|(_, step)| step.first);
        Some(Self {
            number,
            mark: Mark::of(wording::standing(&client.progress)),
            state: wording::state(&client.progress),
            address: client
                .addresses
                .first()
                .map_or(String::new(), ToString::to_string),
            start: moment(start),
            length: span(window.length),
            ticks: ticks(window),
            areas,
            more_hosts: all.saturating_sub(DRAWN_HOSTS),
            more_rows: rows.len().saturating_sub(TABLE_ROWS),
            rows: rows
                .into_iter()
                .take(TABLE_ROWS)
                .map(|(host, step)| AttemptRow::of(host, step, window))
                .collect(),
        })
    }
}

/// The hosts of an area with times, each once with all sets that list it, in the order of their first steps.
fn hosts_of(client: &ClientReport, area: FeatureArea) -> Vec<(&HostReport, Vec<&SetReport>)> {
    let mut hosts: Vec<(&HostReport, Vec<&SetReport>)> = Vec::new();
    for set in client.sets.iter().filter(|set| set.feature_area == area) {
        for host in set.hosts().filter(|host| !host.timeline.is_empty()) {
            match hosts.iter_mut().find(|(known, _)| known.name == host.name) {
                Some((_, sets)) => sets.push(set),
                None => hosts.push((host, vec![set])),
            }
        }
    }
    hosts.sort_by_key(|(host, _)| host.timeline.first().map(|step| step.first));
    hosts
}

impl<'r> Lane<'r> {
    fn of(host: &'r HostReport, sets: &[&SetReport], window: Window) -> Self {
        let keys: Vec<String> = sets.iter().map(|set| set.key.to_string()).collect();
        let noun = if keys.len() == 1 { "set" } else { "sets" };
        Self {
            mark: Mark::of(host.judged.verdict),
            host: shortened(&host.name, NAME_CHARACTERS),
            sets: format!("{noun} {}", keys.join(", ")),
            words: words(host),
            steps: host
                .timeline
                .iter()
                .map(|step| Step::of(step, window))
                .collect(),
        }
    }
}

/// What became of the host: verdict, cause and how many attempts were served.
fn words(host: &HostReport) -> String {
    let mut words = wording::verdict(host.judged.verdict).to_owned();
    match (host.judged.cause, host.judged.unclear) {
        (Some(cause), _) => {
            words.push_str(": ");
            words.push_str(cause.phrase());
        }
        (None, Some(unclear)) => {
            words.push_str(": ");
            words.push_str(unclear.phrase());
        }
        (None, None) => {}
    }
    match host.attempts {
        0 => words.push_str("; looked up only"),
        1 if host.judged.verdict == Verdict::Reached => {}
        1 => words.push_str("; 1 attempt"),
        attempts => words.push_str(&format!("; {} of {attempts} attempts served", host.served)),
    }
    words
}

impl Step {
    fn of(step: &AttemptReport, window: Window) -> Self {
        let from = step.first.time.since(window.start);
        let mut end_place = Percent(0.0);
        let mut drawn = Vec::new();
        for (name, start, end) in phases(step) {
            let place = Percent(window.place(from + start).0.max(end_place.0));
            let width = Percent((window.place(from + end).0 - place.0).max(LEAST_WIDTH));
            end_place = Percent(place.0 + width.0);
            drawn.push(Phase { name, place, width });
        }
        Self {
            title: format!(
                "{} {}, frame {}: {}",
                clock(step.first.time),
                what(step),
                step.first.frame,
                outcome(step.outcome)
            ),
            phases: drawn,
            end: match step.outcome {
                Outcome::Failed(_) => "failed",
                Outcome::Unclear(_) => "unclear",
                Outcome::Served | Outcome::Abandoned => "",
            },
            end_place,
        }
    }
}

/// The stages of a step with start and end, counted from its first packet.
fn phases(step: &AttemptReport) -> Vec<(&'static str, Duration, Duration)> {
    let whole = step.last.since(step.first.time);
    if matches!(step.kind, AttemptKind::Lookup { .. }) {
        return vec![("lookup", Duration::ZERO, whole)];
    }
    let milestones = step.milestones;
    let hello = milestones.hello().map(|time| time.min(whole));
    let connected = milestones.connected().map(|time| time.min(whole));
    let opened = hello.or(connected).unwrap_or(whole);
    let mut phases = vec![("connect", Duration::ZERO, opened)];
    let secured = milestones.secured().map(|time| time.min(whole));
    if let Some(hello) = hello {
        phases.push(("handshake", hello, secured.unwrap_or(whole).max(hello)));
    }
    if let Some(data) = if hello.is_some() { secured } else { connected } {
        phases.push(("data", data, whole));
    }
    phases
}

fn what(step: &AttemptReport) -> String {
    match step.kind {
        AttemptKind::Lookup { query_type } => format!("DNS {} lookup", type_name(query_type)),
        AttemptKind::Connection {
            transport,
            responder,
        } => {
            let word = match transport {
                Transport::Tcp => "TCP",
                Transport::Udp => "UDP",
            };
            format!("{word} to {responder}")
        }
    }
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Served => "served".to_owned(),
        Outcome::Failed(cause) => cause.phrase().to_owned(),
        Outcome::Abandoned => "let go by the device".to_owned(),
        Outcome::Unclear(why) => format!("cannot tell: {}", why.phrase()),
    }
}

impl<'r> AttemptRow<'r> {
    fn of(host: &'r HostReport, step: &AttemptReport, window: Window) -> Self {
        let stages: Vec<String> = phases(step)
            .into_iter()
            .map(|(name, start, end)| format!("{name} {}", span(end.saturating_sub(start))))
            .collect();
        Self {
            after: format!("{:.3}", step.first.time.since(window.start).as_secs_f64()),
            frame: step.first.frame.0,
            host: shortened(&host.name, NAME_CHARACTERS),
            what: what(step),
            stages: stages.join(", "),
            outcome: match (step.kind, step.outcome) {
                (AttemptKind::Lookup { .. }, Outcome::Served) => "answered".to_owned(),
                (_, ended) => outcome(ended),
            },
        }
    }
}

/// Lines at round times: 1, 2 or 5 times a power of ten nanoseconds.
fn ticks(window: Window) -> Vec<Tick> {
    let length = window.length;
    let mut step = Duration::from_nanos(1_000);
    let mut factors = [2, 5, 10].into_iter().cycle();
    let mut decade = step;
    while length > step.saturating_mul(TICKS) {
        match factors.next() {
            Some(10) => {
                decade = decade.saturating_mul(10);
                step = decade;
            }
            Some(factor) => step = decade.saturating_mul(factor),
            None => break,
        }
    }
    (0..=TICKS)
        .map(|count| step.saturating_mul(count))
        .take_while(|time| *time <= length)
        .map(|time| Tick {
            place: window.place(time),
            label: if time.is_zero() {
                "0".to_owned()
            } else {
                round_span(time)
            },
        })
        .collect()
}

/// A round time without needless zeros: `5 s`, `200 ms`.
fn round_span(time: Duration) -> String {
    span(time).replacen(".0 ", " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Cause, Milestones};
    use crate::facts::{FrameNumber, Seen};

    #[test]
    fn the_axis_has_round_times_that_fit() {
        let labels = |length| -> Vec<String> {
            let start = Timestamp::default();
            ticks(Window { start, length })
                .into_iter()
                .map(|tick| tick.label)
                .collect()
        };
        assert_eq!(
            labels(Duration::from_millis(27_400)),
            ["0", "5 s", "10 s", "15 s", "20 s", "25 s"]
        );
        assert_eq!(
            labels(Duration::from_millis(1_800)),
            ["0", "500 ms", "1 s", "1.5 s"]
        );
        assert_eq!(labels(Duration::from_millis(1)).len(), 6);
        assert!(labels(Duration::from_secs(86_400 * 400)).len() <= 7);
    }

    #[test]
    fn a_connection_that_never_opened_is_all_connecting() {
        let step = AttemptReport {
            kind: AttemptKind::Connection {
                transport: Transport::Tcp,
                responder: "192.0.2.1:443".parse().unwrap(),
            },
            first: Seen {
                frame: FrameNumber(7),
                time: Timestamp(0),
            },
            last: Timestamp(3_000_000_000),
            milestones: Milestones::default(),
            outcome: Outcome::Failed(Cause::SynTimeout),
        };
        assert_eq!(
            phases(&step),
            [("connect", Duration::ZERO, Duration::from_secs(3))]
        );
        let window = Window {
            start: Timestamp(0),
            length: Duration::from_secs(6),
        };
        let drawn = Step::of(&step, window);
        assert_eq!(drawn.end, "failed");
        assert_eq!(drawn.end_place.to_string(), "48.00%");
    }
}
