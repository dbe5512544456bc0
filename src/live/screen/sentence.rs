//! Events as one line for a reader.

use super::theme::{safe, span};
use crate::audit::Verdict;
use crate::facts::Timestamp;
use crate::live::{Event, EventKind, Subject};
use crate::report::wording::{counted, need};
use compact_str::CompactString;
use std::net::IpAddr;

/// An event in words.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    pub(super) time: Timestamp,
    /// The verdict whose mark and colour it bears; `None` for what is no judgement.
    pub(super) verdict: Option<Verdict>,
    /// The device, empty where it is about none.
    pub(super) device: String,
    pub(super) addresses: Vec<IpAddr>,
    /// The host, empty where it is about none.
    pub(super) host: String,
    pub(super) text: String,
}

/// A device in a word: the name it gives itself, or else its first address.
pub(super) fn device(addresses: &[IpAddr], name: Option<&CompactString>) -> String {
    match (addresses.first(), name) {
        (_, Some(name)) if !name.is_empty() => safe(name),
        (Some(address), _) => address.to_string(),
        (None, _) => String::new(),
    }
}

impl Sentence {
    pub(super) fn of(event: &Event) -> Self {
        let mut sentence = Self {
            time: event.time,
            verdict: None,
            device: String::new(),
            addresses: Vec::new(),
            host: String::new(),
            text: String::new(),
        };
        let now = event.time;
        match &event.kind {
            EventKind::Blocked {
                subject,
                cause,
                failed,
                ..
            } => {
                let need = match need(subject.requirement) {
                    "" => String::new(),
                    need => format!(", {need}"),
                };
                sentence.about(
                    subject,
                    Verdict::Blocked,
                    &format!(
                        "{} ({}{need})",
                        cause.phrase(),
                        counted(*failed as usize, "failure")
                    ),
                );
            }
            EventKind::Recovered { subject, since, .. } => sentence.about(
                subject,
                Verdict::Reached,
                &format!("reached again, after {}", span(now.since(*since))),
            ),
            EventKind::Lapsed { subject, cause, .. } => sentence.about(
                subject,
                Verdict::Inconclusive,
                &format!("not tried any more; it was: {}", cause.phrase()),
            ),
            EventKind::ReachedFirstTime(subject) => {
                sentence.about(subject, Verdict::Reached, subject.feature_area.title());
            }
            EventKind::ClientSeen {
                client,
                client_name,
            } => {
                sentence.device = device(client, client_name.as_ref());
                sentence.addresses.clone_from(client);
                sentence.text = "a device that was not seen before".to_owned();
            }
            EventKind::Recorded {
                client,
                host,
                file,
                frames,
                ..
            } => {
                sentence.device = device(client, None);
                sentence.addresses.clone_from(client);
                sentence.host = safe(host);
                sentence.text = format!("{frames} frames recorded in {}", safe(file));
            }
            other => (sentence.verdict, sentence.text) = of_the_program(other),
        }
        sentence
    }

    fn about(&mut self, subject: &Subject, verdict: Verdict, what: &str) {
        self.verdict = Some(verdict);
        self.device = device(&subject.client, subject.client_name.as_ref());
        self.addresses.clone_from(&subject.client);
        self.host = safe(&subject.host);
        what.clone_into(&mut self.text);
    }
}

fn of_the_program(kind: &EventKind) -> (Option<Verdict>, String) {
    let trouble = Some(Verdict::Degraded);
    match kind {
        EventKind::Started { edition, .. } => (
            None,
            format!("watching, by endpoint list {}", safe(edition)),
        ),
        EventKind::InterfaceLost { interface, reason } => (
            trouble,
            format!(
                "{} is lost ({}); it is waited for",
                safe(interface),
                safe(reason)
            ),
        ),
        EventKind::InterfaceBack { interface, away } => (
            None,
            format!("{} is back after {}", safe(interface), span(*away)),
        ),
        EventKind::Drops {
            interface,
            kernel,
            device,
        } => (
            trouble,
            format!(
                "{}: {kernel} packets dropped for want of buffer, {device} by the interface",
                safe(interface)
            ),
        ),
        EventKind::LimitReached { limit, count } => {
            (trouble, format!("limit reached: {limit}, {count} times"))
        }
        EventKind::Reloaded { edition } => {
            (None, format!("read again; judging by {}", safe(edition)))
        }
        EventKind::ReloadRefused { reason } => (
            trouble,
            format!("not read again, the old ones stay: {}", safe(reason)),
        ),
        EventKind::TablesStopped { reason } => (
            trouble,
            format!("tables cannot be written: {}", safe(reason)),
        ),
        EventKind::TablesResumed { lost } => (
            None,
            format!("tables are written again; {lost} rows are missing"),
        ),
        EventKind::ReportWritten { place } => (None, format!("report written to {}", safe(place))),
        EventKind::RecordingFailed { reason, count } => (
            trouble,
            format!("{count} recordings failed: {}", safe(reason)),
        ),
        EventKind::Stopped { findings, .. } => {
            (None, format!("stopped; {}", counted(*findings, "finding")))
        }
        EventKind::ClientSeen { .. }
        | EventKind::ReachedFirstTime(_)
        | EventKind::Blocked { .. }
        | EventKind::Recovered { .. }
        | EventKind::Lapsed { .. }
        | EventKind::Recorded { .. } => (None, String::new()),
    }
}
