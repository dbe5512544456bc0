//! Runs the program over every recording and holds its JSON report against the truth: verdicts, causes, first frames, hosts, flows and
//! lookups. Nothing may be wrong.

#[path = "support/report.rs"]
#[allow(dead_code, reason = "not all of a report matters here")]
mod report;
#[path = "support/score.rs"]
mod score;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "not all of a truth matters here")]
mod truth;

use report::Report;
use score::{Kind, Score, score};
use serde_json::{Value, json};
use std::process::Command;
use truth::{Recording, recording, recordings};

/// The report of the real program, in the words of the recording's own edition and with every scenario's requirements.
fn audit(recording: &Recording) -> Report {
    let output = Command::new(env!("CARGO_BIN_EXE_intap"))
        .args(["audit", "--format", "json", "--include", "flows,lookups"])
        .args(["--scenario", "all", "--edition"])
        .arg(&recording.truth.reference_edition)
        .arg(&recording.capture)
        .output()
        .expect("the program starts");
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("a JSON report with all promised fields")
}

/// Hosts whose names the truth knows from how the recording was set up, while no packet of it holds them: a connection that was
/// open before the capture began, and one whose lookup and ClientHello are both cut.
const NAMES_IN_NO_PACKET: [(&str, &str); 2] = [
    ("any_midway", "pc-014 set 163 host manage.microsoft.com: "),
    (
        "snaplen_96",
        "pc-014 set 163 host EnterpriseEnrollment.manage.microsoft.com: ",
    ),
];

fn check(name: &str) {
    let recording = recording(name);
    let mut score = score(&recording.truth, &audit(&recording));
    score.wrong.retain(|(kind, text)| {
        *kind != Kind::Host
            || !NAMES_IN_NO_PACKET
                .iter()
                .any(|(of, beginning)| *of == name && text.starts_with(beginning))
    });
    assert!(
        score.wrong.is_empty(),
        "{name}: {} right, {} wrong:\n{}",
        score.right.values().sum::<u32>(),
        score.wrong.len(),
        lines(&score)
    );
    assert!(
        score.right.len() >= 6,
        "{name}: too little was checked: {:?}",
        score.right
    );
}

fn lines(score: &Score) -> String {
    let lines: Vec<String> = score
        .wrong
        .iter()
        .map(|(kind, text)| format!("    {kind:?}: {text}"))
        .collect();
    lines.join("\n")
}

macro_rules! recordings {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })+

        #[test]
        fn every_recording_has_a_test() {
            assert_eq!(recordings(), [$(stringify!($name)),+]);
        }
    };
}

recordings!(
    any_midway,
    clean_autopilot,
    dns_faults,
    explicit_proxy,
    firewall_mixed,
    ipv6_quic_fallback,
    one_way_up,
    snaplen_96,
    sni_filter_retry,
    span_duplicates,
    tls_inspection,
    vxlan_two_clients,
    web_block_page,
);

/// The comparison itself: a test that finds nothing wrong must be able to.
mod comparison {
    use super::*;

    /// A report that says what the truth says.
    fn faithful(truth: &truth::Truth) -> Value {
        let clients: Vec<Value> = truth.clients.iter().map(client).collect();
        let flows: Vec<Value> = truth
            .clients
            .iter()
            .flat_map(|c| &c.flows)
            .map(|f| {
                json!({
                    "protocol": f.proto, "originator": f.src, "originator_port": f.sport, "responder": f.dst,
                    "responder_port": f.dport, "first_frame": f.first_packet, "name": f.attribution.name,
                    "endpoint_sets": f.attribution.sets, "outcome": f.outcome
                })
            })
            .collect();
        let lookups: Vec<Value> = truth
            .clients
            .iter()
            .flat_map(|c| c.names.iter().map(move |n| (c, n)))
            .map(|(c, n)| json!({"client": c.addresses[0], "name": n.name, "outcome": n.outcome}))
            .collect();
        json!({"clients": clients, "flows": flows, "lookups": lookups})
    }

    fn client(client: &truth::Client) -> Value {
        let states = [
            ("reached", &client.reached),
            ("degraded", &client.degraded),
            ("degraded", &client.partly_blocked),
            ("blocked", &client.blocked),
            ("inconclusive", &client.undetermined),
            ("never_reached", &client.looked_up_only),
        ];
        let sets: Vec<Value> = states
            .iter()
            .flat_map(|(verdict, entries)| entries.iter().map(move |e| (verdict, e)))
            .map(|(verdict, entry)| {
                let hosts: Vec<Value> = entry
                    .hosts
                    .iter()
                    .map(|h| {
                        let verdict = if h.state == "ok" { "reached" } else { &h.state };
                        json!({"name": h.name.as_deref().unwrap_or(""), "verdict": verdict, "cause": null})
                    })
                    .collect();
                json!({
                    "id": entry.set, "verdict": verdict, "cause": entry.causes.first(), "first_frame": entry.first_packet,
                    "hosts": hosts
                })
            })
            .collect();
        json!({"addresses": client.addresses, "endpoint_sets": sets})
    }

    fn kinds(truth: &truth::Truth, report: &Value) -> Vec<Kind> {
        let report = Report::deserialize(report).expect("all promised fields");
        let mut kinds: Vec<Kind> = score(truth, &report).wrong.iter().map(|w| w.0).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    use serde::Deserialize;

    #[test]
    fn a_report_that_says_the_truth_is_right() {
        for name in recordings() {
            let truth = recording(&name).truth;
            assert_eq!(kinds(&truth, &faithful(&truth)), [], "{name}");
        }
    }

    #[test]
    fn each_kind_of_mistake_is_found() {
        let truth = recording("firewall_mixed").truth;
        let report = faithful(&truth);
        // Set 97 is reached, 170 is blocked, 178 is touched by nothing.
        let set = |id: u32| {
            let sets = report["clients"][0]["endpoint_sets"].as_array();
            let at = sets.and_then(|s| s.iter().position(|s| s["id"] == id));
            format!("/clients/0/endpoint_sets/{}", at.expect("the set is there"))
        };
        let mistakes = [
            (
                format!("{}/verdict", set(170)),
                json!("reached"),
                vec![Kind::Verdict],
            ),
            (
                format!("{}/cause", set(170)),
                json!("tcp_refused"),
                vec![Kind::Cause],
            ),
            (
                format!("{}/first_frame", set(170)),
                json!(1),
                vec![Kind::FirstFrame],
            ),
            (
                format!("{}/hosts/0/verdict", set(97)),
                json!("blocked"),
                vec![Kind::Host],
            ),
            (
                format!("{}/id", set(97)),
                json!(178),
                vec![Kind::Verdict, Kind::Host, Kind::Absence],
            ),
            ("/flows/0/responder_port".into(), json!(1), vec![Kind::Flow]),
            (
                "/flows/0/first_frame".into(),
                json!(1),
                vec![Kind::FlowFirstFrame],
            ),
            (
                "/flows/0/name".into(),
                json!("www.example.com"),
                vec![Kind::FlowName],
            ),
            (
                "/flows/0/endpoint_sets".into(),
                json!([9999]),
                vec![Kind::FlowSets],
            ),
            (
                "/flows/0/outcome".into(),
                json!("range_ignored"),
                vec![Kind::FlowOutcome],
            ),
            (
                "/lookups/0/outcome".into(),
                json!("nodata"),
                vec![Kind::Lookup],
            ),
        ];
        for (place, value, expected) in mistakes {
            let mut mistaken = report.clone();
            *mistaken.pointer_mut(&place).expect("the place is there") = value;
            assert_eq!(kinds(&truth, &mistaken), expected, "{place}");
        }
    }

    #[test]
    fn a_missing_client_and_a_false_alarm_are_found() {
        let truth = recording("firewall_mixed").truth;
        let mut silent = faithful(&truth);
        silent["clients"] = json!([]);
        assert!(kinds(&truth, &silent).contains(&Kind::Client));
        let mut alarmed = faithful(&truth);
        let sets = alarmed["clients"][0]["endpoint_sets"].as_array_mut();
        sets.expect("a list").push(
            json!({"id": 179, "verdict": "blocked", "cause": "syn_timeout", "first_frame": 1, "hosts": []}),
        );
        assert!(kinds(&truth, &alarmed).contains(&Kind::FalseAlarm));
    }
}
