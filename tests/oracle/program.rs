//! The program's reading: its JSON report with flows and lookups.

use super::dissector::Failure;
use super::reading::{Ends, Question, Reading};
use intap::dissect::dns::type_name;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;

/// Audits `capture` with the real program.
pub fn read(capture: &Path) -> Result<Reading, Failure> {
    let output = Command::new(env!("CARGO_BIN_EXE_intap"))
        .args(["audit", "--format", "json", "--include", "flows,lookups"])
        .args(["--scenario", "all"])
        .arg(capture)
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(Failure::new("intap", output.status, error.trim()));
    }
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    let mut reading = Reading::default();
    reading.copies = number(&report["capture"]["copies"]);
    for flow in report["flows"].as_array().expect("flows") {
        add_flow(flow, &mut reading);
    }
    for lookup in report["lookups"].as_array().expect("lookups") {
        add_lookup(lookup, &mut reading);
    }
    Ok(reading)
}

fn add_flow(flow: &Value, reading: &mut Reading) {
    let end = |side: &str| {
        let port = u16::try_from(number(&flow[format!("{side}_port")])).expect("a port");
        SocketAddr::new(address(&flow[side]), port)
    };
    let (a, b) = (end("originator"), end("responder"));
    let transport = text(&flow["protocol"]);
    reading.add_flow(transport, a, b, number(&flow["first_frame"]));
    let ends = Ends::new(transport, a, b);
    if let Some(name) = flow["server_name"].as_str() {
        reading.add_server_name(ends.clone(), name);
    }
    for host in flow["http_hosts"].as_array().expect("hosts") {
        reading.add_http_host(ends.clone(), text(host));
    }
}

fn add_lookup(lookup: &Value, reading: &mut Reading) {
    let transport = text(&lookup["transport"]);
    let question = Question::new(
        transport,
        address(&lookup["client"]),
        address(&lookup["resolver"]),
        text(&lookup["name"]),
        type_number(text(&lookup["type"])),
    );
    reading.add_spelling(text(&lookup["name"]));
    reading.add_question(question.clone(), number(&lookup["queries"]));
    if transport != "mdns" && lookup["answer_frame"].is_u64() {
        let answers = ["addresses", "cnames"]
            .into_iter()
            .flat_map(|key| lookup[key].as_array().expect("a list"))
            .map(|answer| text(answer).to_owned());
        reading.add_answers(question, answers);
    }
}

fn type_number(name: &str) -> u16 {
    (0..=u16::MAX)
        .find(|number| type_name(*number) == name)
        .unwrap_or_else(|| panic!("no record type is called {name}"))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn address(value: &Value) -> IpAddr {
    text(value).parse().expect("an address")
}
