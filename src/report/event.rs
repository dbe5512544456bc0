//! Events of the live monitor as JSON Lines: one object a line, versioned; `docs/live.md` describes every field.

use crate::audit::Evidence;
use crate::live::{Event, EventKind, Subject};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::time::Duration;

/// Version of the form, in the first event of a run; raised when a meaning changes, not when something is added.
pub const EVENT_VERSION: u32 = 1;

/// The head of every event.
#[derive(Serialize)]
struct Line<'e> {
    event: &'static str,
    number: u64,
    time: String,
    #[serde(flatten)]
    rest: &'e Map<String, Value>,
}

/// One event as one line, with its line end. Texts off the wire are escaped as JSON has it, so that a line stays a line.
#[must_use]
pub fn line(event: &Event) -> String {
    let rest = fields(&event.kind);
    let line = Line {
        event: event.kind.name(),
        number: event.number,
        time: event.time.to_string(),
        rest: &rest,
    };
    // Strings and numbers always have a form.
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

fn fields(kind: &EventKind) -> Map<String, Value> {
    let value = match kind {
        EventKind::Started {
            interfaces,
            edition,
            window,
        } => json!({
            "event_version": EVENT_VERSION,
            "intap_version": env!("CARGO_PKG_VERSION"),
            "interfaces": interfaces.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
            "edition": edition,
            "window_seconds": window.as_secs(),
        }),
        EventKind::ClientSeen {
            client,
            client_name,
        } => json!({"client": addresses(client), "client_name": client_name.as_deref()}),
        EventKind::ReachedFirstTime(subject) => about(subject, json!({})),
        EventKind::Blocked {
            subject,
            cause,
            since,
            failed,
            evidence,
            contacts: _,
        } => about(
            subject,
            json!({
                "cause": cause.code(),
                "summary": cause.phrase(),
                "since": since.to_string(),
                "failed": failed,
                "evidence": evidence.iter().map(packet).collect::<Vec<_>>(),
            }),
        ),
        EventKind::Recovered {
            subject,
            cause,
            since,
        }
        | EventKind::Lapsed {
            subject,
            cause,
            since,
        } => about(
            subject,
            json!({"cause": cause.code(), "since": since.to_string()}),
        ),
        EventKind::InterfaceLost { interface, reason } => {
            json!({"interface": interface.as_str(), "reason": reason})
        }
        EventKind::InterfaceBack { interface, away } => {
            json!({"interface": interface.as_str(), "away_seconds": seconds(*away)})
        }
        EventKind::Drops {
            interface,
            kernel,
            device,
        } => json!({"interface": interface.as_str(), "kernel": kernel, "device": device}),
        EventKind::LimitReached { limit, count } => json!({"limit": limit, "count": count}),
        EventKind::Reloaded { edition } => json!({"edition": edition}),
        EventKind::ReloadRefused { reason } => json!({"reason": reason}),
        EventKind::ReportWritten { place } => json!({"place": place}),
        EventKind::Recorded {
            of,
            client,
            host,
            file,
            frames,
            octets,
            missed,
            ended_early,
        } => json!({
            "of": of,
            "client": addresses(client),
            "host": host.as_str(),
            "file": file,
            "frames": frames,
            "octets": octets,
            "missed": missed,
            "ended_early": ended_early,
        }),
        EventKind::RecordingFailed { reason, count } => {
            json!({"reason": reason, "count": count})
        }
        EventKind::TablesStopped { reason } => json!({"reason": reason}),
        EventKind::TablesResumed { lost } => json!({"lost": lost}),
        EventKind::Stopped {
            frames,
            dropped,
            clients,
            hard_failures,
            findings,
        } => json!({
            "frames": frames,
            "dropped": dropped,
            "clients": clients,
            "hard_failures": hard_failures,
            "findings": findings,
        }),
    };
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn about(subject: &Subject, more: Value) -> Value {
    let mut value = json!({
        "client": addresses(&subject.client),
        "client_name": subject.client_name.as_deref(),
        "endpoint_sets": subject.sets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "feature_area": subject.feature_area.name(),
        "requirement": subject.requirement.name(),
        "host": subject.host.as_str(),
    });
    if let (Value::Object(fields), Value::Object(more)) = (&mut value, more) {
        fields.extend(more);
    }
    value
}

fn addresses(client: &[IpAddr]) -> Vec<String> {
    client.iter().map(ToString::to_string).collect()
}

fn packet(evidence: &Evidence) -> Value {
    json!({
        "frame": evidence.seen.frame.0,
        "time": evidence.seen.time.to_string(),
        "what": evidence.what,
    })
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}
