//! `intap diff`: which differences it tells, which devices it compares, and what it refuses.

#[path = "support/program.rs"]
mod program;

use program::{Place, Run, recording};
use serde_json::Value;

/// A place with the recordings `clean.pcap`, `mixed.pcapng` (one device each, the same one) and `two.pcap` (two devices).
fn place() -> Place {
    let place = Place::new();
    place.write("clean.pcap", recording("clean_autopilot/capture.pcap"));
    place.write("mixed.pcapng", recording("firewall_mixed/capture.pcapng"));
    place.write("two.pcap", recording("vxlan_two_clients/capture.pcap"));
    place
}

fn report(place: &Place, capture: &str) -> Value {
    let run = place.run(&["audit", "--format", "json", capture]);
    serde_json::from_str(&run.output).expect("a report")
}

fn json(place: &Place, arguments: &[&str]) -> (Value, Run) {
    let run = place.run(&[&["diff", "--format", "json"], arguments].concat());
    let value = serde_json::from_str(&run.output).unwrap_or_else(|_| panic!("{}", run.shown()));
    (value, run)
}

fn kinds(difference: &Value, kind: &str) -> Vec<(String, String)> {
    let sets = difference["devices"][0]["endpoint_sets"].as_array();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    sets.expect("sets")
        .iter()
        .filter(|set| set["kind"] == kind)
        .map(|set| (text(&set["key"]), text(&set["requirement"])))
        .collect()
}

#[test]
fn a_capture_is_its_own_report() {
    let place = place();
    for capture in ["clean.pcap", "mixed.pcapng", "two.pcap"] {
        let text = serde_json::to_string(&report(&place, capture)).unwrap();
        place.write("report.json", &text);
        // As Windows PowerShell redirects it.
        let wide: Vec<u8> = std::iter::once(0xfeff)
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        place.write("wide.json", wide);
        for other in [capture, "report.json", "wide.json"] {
            let (difference, run) = json(&place, &[capture, other]);
            assert_eq!(run.status, Some(0), "{}", run.shown());
            assert_eq!(difference["differs"], false);
            for pair in difference["devices"].as_array().unwrap() {
                assert_eq!(pair["endpoint_sets"], Value::Array(Vec::new()));
            }
        }
    }
}

#[test]
fn what_a_firewall_took_comes_first_and_comes_back_the_other_way_round() {
    let place = place();
    let (there, run) = json(&place, &["clean.pcap", "mixed.pcapng"]);
    assert_eq!(run.status, Some(1));
    let lost = kinds(&there, "lost");
    assert_eq!(lost[0], ("170".to_owned(), "hard".to_owned()));
    assert_eq!(
        there["devices"][0]["endpoint_sets"][0]["b"]["cause"],
        "syn_timeout"
    );
    let (back, _) = json(&place, &["mixed.pcapng", "clean.pcap"]);
    assert_eq!(kinds(&back, "gained"), lost);
    assert_eq!(kinds(&back, "lost"), []);
    assert_eq!(
        there["devices"][0]["findings_only_in_b"],
        back["devices"][0]["findings_only_in_a"]
    );
    let text = place.run(&["diff", "clean.pcap", "mixed.pcapng"]);
    assert!(
        text.output
            .contains("Reached in A, not in B\n  170  required")
    );
    assert!(text.output.lines().all(|line| line.chars().count() <= 80));
    let markdown = place.run(&["diff", "--format", "markdown", "clean.pcap", "mixed.pcapng"]);
    assert!(
        markdown
            .output
            .contains("| Reached in A, not in B | `170` ")
    );
}

/// The report of a recording whose device is somewhere else: another address, and perhaps no mark of its own.
fn elsewhere(place: &Place, capture: &str, keep_mark: bool) {
    let mut report = report(place, capture);
    for client in report["clients"].as_array_mut().unwrap() {
        client["addresses"] = serde_json::json!(["192.168.7.7"]);
        if !keep_mark {
            client["mac"] = Value::Null;
            client["name"] = Value::Null;
        }
    }
    for finding in report["findings"].as_array_mut().unwrap() {
        finding["client"] = "192.168.7.7".into();
    }
    place.write("elsewhere.json", report.to_string());
}

#[test]
fn a_device_is_found_in_another_network() {
    let place = place();
    elsewhere(&place, "mixed.pcapng", true);
    let (difference, _) = json(&place, &["clean.pcap", "elsewhere.json"]);
    assert_eq!(difference["devices"][0]["paired_by"], "mac");
    elsewhere(&place, "mixed.pcapng", false);
    let (difference, run) = json(&place, &["mixed.pcapng", "elsewhere.json"]);
    assert_eq!(difference["devices"][0]["paired_by"], "only_affected");
    assert_eq!(run.status, Some(0), "{}", run.shown());
    let (difference, _) = json(&place, &["clean.pcap", "elsewhere.json"]);
    assert_eq!(difference["devices"][0]["paired_by"], "only_device");
}

#[test]
fn devices_can_be_chosen() {
    let place = place();
    let addresses: Vec<String> = report(&place, "two.pcap")["clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|client| client["addresses"][0].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(addresses.len(), 2);
    let chosen = ["--client", &addresses[0], "--client", &addresses[1]];
    let (difference, _) = json(&place, &[&["two.pcap", "two.pcap"], &chosen[..]].concat());
    assert_eq!(difference["devices"].as_array().unwrap().len(), 1);
    assert_eq!(difference["devices"][0]["a"]["addresses"][0], addresses[0]);
    assert_eq!(difference["devices"][0]["b"]["addresses"][0], addresses[1]);
    assert_eq!(difference["devices"][0]["paired_by"], "chosen");
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_sentence() {
    let place = place();
    place.write("other.json", "{\"a\": 1}");
    place.write("new.json", "{\"schema_version\": 99}");
    for (arguments, sentence) in [
        (
            &["clean.pcap", "other.json"][..],
            "other.json: no JSON report of `intap audit` (it has no schema_version); write one with --format json",
        ),
        (
            &["clean.pcap", "new.json"],
            "new.json: a report with schema version 99, and this program knows version 1; write it again with this program",
        ),
        (
            &["-", "-"],
            "only one of A and B can be standard input; save the other to a file",
        ),
        (
            &["clean.pcap", "clean.pcap", "--client", "10.9.9.9"],
            "--client: A has no device `10.9.9.9`; it has 10.20.0.14",
        ),
    ] {
        let run = place.run(&[&["diff"], arguments].concat());
        assert_eq!(run.complaints, format!("intap: {sentence}\n"));
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
    }
}

#[test]
fn a_report_may_come_from_a_pipe() {
    let place = place();
    let report = report(&place, "mixed.pcapng").to_string();
    let run = place.run_with_input(&["diff", "-", "mixed.pcapng"], report.into_bytes());
    assert_eq!(run.status, Some(0), "{}", run.shown());
    assert!(
        run.output
            .starts_with("A         standard input: 304 frames")
    );
}

#[test]
fn an_edited_report_cannot_drive_a_terminal() {
    let place = place();
    let mut report = report(&place, "mixed.pcapng");
    let attack = "\u{1b}[2J\u{202e}|<img>";
    report["clients"][0]["name"] = attack.into();
    report["clients"][0]["scenario"]["name"] = attack.into();
    for set in report["clients"][0]["endpoint_sets"]
        .as_array_mut()
        .unwrap()
    {
        set["description"] = attack.into();
    }
    report["findings"][0]["summary"] = attack.into();
    place.write("hostile\u{1b}.json", report.to_string());
    for format in ["text", "json", "markdown"] {
        let run = place.run(&[
            "diff",
            "--format",
            format,
            "clean.pcap",
            "hostile\u{1b}.json",
        ]);
        let driving = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!run.output.contains(driving), "{}", run.shown());
        assert!(run.output.contains("[2J"), "{}", run.shown());
        assert!(
            format != "markdown" || !run.output.contains("<img"),
            "{}",
            run.shown()
        );
    }
}
