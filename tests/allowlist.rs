//! `intap allowlist`: the rules follow from what a report says and from what is published.

#[path = "support/program.rs"]
#[allow(dead_code, reason = "pipes are not needed here")]
mod program;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the recordings are needed here")]
mod truth;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "one connection is enough here")]
mod wire;

use intap::catalog::{Catalog, ScenarioFile};
use program::{Place, fixture, recording};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wire::{Wire, client_hello};

fn run(place: &Place, arguments: &[&str]) -> String {
    let run = place.run(&[&["allowlist"], arguments].concat());
    assert_eq!(run.status, Some(0), "{}", run.shown());
    assert_eq!(run.complaints, "");
    run.output
}

fn rules(place: &Place, arguments: &[&str]) -> BTreeMap<String, Value> {
    let text = run(place, &[&["--format", "json"], arguments].concat());
    let list: Value = serde_json::from_str(&text).expect("JSON");
    list["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| (rule["target"].as_str().unwrap().to_owned(), rule.clone()))
        .collect()
}

#[test]
fn every_failing_host_is_asked_for_with_its_proof() {
    let mut blocked = 0;
    for name in truth::recordings() {
        let capture = truth::recording(&name).capture;
        let capture = capture.to_str().unwrap();
        let place = Place::new();
        let report = place.run(&["audit", "--format", "json", capture]).output;
        let report: Value = serde_json::from_str(&report).unwrap();
        let rules = rules(&place, &[capture]);
        let sets = report["clients"].as_array().unwrap().iter();
        for set in sets.flat_map(|client| client["endpoint_sets"].as_array().unwrap()) {
            for host in set["hosts"].as_array().unwrap() {
                if host["verdict"] != "blocked" {
                    continue;
                }
                blocked += 1;
                let target = host["name"].as_str().unwrap().to_ascii_lowercase();
                let rule = &rules[&target];
                assert!(["blocked", "partly"].contains(&rule["state"].as_str().unwrap()));
                let sets = rule["endpoint_sets"].as_array().unwrap();
                assert!(sets.contains(&set["key"]), "{name}: {rule}");
                let ports = [&rule["tcp_ports"], &rule["udp_ports"]];
                assert!(
                    ports
                        .iter()
                        .any(|ports| !ports.as_array().unwrap().is_empty())
                );
                if rule["devices"] == 1 {
                    assert_eq!(rule["first_frame"], host["first_frame"], "{name}: {rule}");
                    assert_eq!(rule["cause"], host["cause"], "{name}: {rule}");
                }
            }
        }
    }
    assert!(blocked > 30, "{blocked}");
}

#[test]
fn a_report_gives_the_rules_of_its_capture() {
    let place = Place::new();
    place.write("a.pcap", recording("sni_filter_retry/capture.pcap"));
    let report = place.run(&["audit", "--format", "json", "a.pcap"]).output;
    place.write("a.json", report);
    for mode in ["seen", "complete"] {
        for format in ["text", "csv", "json", "markdown"] {
            let of = |file| run(&place, &["--mode", mode, "--format", format, file]);
            assert_eq!(of("a.pcap"), of("a.json"), "{mode} {format}");
        }
    }
}

/// Tables of every recording in every format give what the recording itself gives.
#[cfg(feature = "tables")]
#[test]
fn tables_give_the_rules_of_their_capture() {
    let mut rules = 0;
    for name in truth::recordings() {
        let capture = truth::recording(&name).capture;
        let capture = capture.to_str().unwrap();
        let place = Place::new();
        for format in ["parquet", "csv", "jsonl"] {
            let arguments = ["--tables", format, "--tables-format", format, "--site", "s"];
            place.run(&[&["audit", capture], &arguments[..]].concat());
        }
        for mode in ["seen", "complete"] {
            let of = |input| run(&place, &["--mode", mode, "--format", "json", input]);
            let wanted = of(capture);
            for input in ["parquet", "csv", "jsonl"] {
                assert_eq!(of(input), wanted, "{name} {mode} {input}");
            }
            rules += wanted.matches("\"target\"").count();
        }
    }
    assert!(rules > 500, "{rules}");
}

/// Runs of several sites are one usage: what works at one and not at the other works in part, and devices count once a site.
#[cfg(feature = "tables")]
#[test]
fn tables_of_several_runs_and_sites_become_one_request() {
    let place = Place::new();
    for (name, site) in [
        ("firewall_mixed", "a"),
        ("firewall_mixed", "a"),
        ("clean_autopilot", "b"),
    ] {
        let capture = truth::recording(name).capture;
        let capture = capture.to_str().unwrap();
        place.run(&["audit", capture, "--tables", "t", "--site", site]);
    }
    let (all, a) = (
        rules(&place, &["t"]),
        rules(&place, &["t/verdicts/site=a", "t/hosts/site=a"]),
    );
    let capture = truth::recording("firewall_mixed").capture;
    // Audited twice, the device is the same, and so is all that it did.
    assert_eq!(a, rules(&place, &[capture.to_str().unwrap()]));
    let login = &all["login.microsoftonline.com"];
    assert_eq!(login["devices"], 2, "{login}");
    let partly = all
        .iter()
        .filter(|(target, rule)| {
            rule["state"] == "partly"
                && a.get(*target)
                    .is_some_and(|rule| rule["state"] == "blocked")
        })
        .count();
    assert!(partly > 0);
    let capture = truth::recording("vxlan_two_clients").capture;
    let capture = capture.to_str().unwrap();
    let report = place.run(&["audit", capture, "--format", "json", "--tables", "two"]);
    let report: Value = serde_json::from_str(&report.output).unwrap();
    let clients = report["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 2);
    for client in clients {
        let address = client["addresses"][0].as_str().unwrap();
        let of = |input| run(&place, &["--client", address, "--format", "csv", input]);
        assert_eq!(of("two"), of(capture));
    }
}

#[cfg(feature = "tables")]
#[test]
fn tables_that_do_not_say_enough_are_refused() {
    let place = Place::new();
    let capture = truth::recording("firewall_mixed").capture;
    let capture = capture.to_str().unwrap();
    let arguments = ["--tables", "t", "--tables-format", "jsonl"];
    place.run(&[&["audit", capture], &arguments[..]].concat());
    let row = r#"{"run": "r", "client": "10.0.0.1", "endpoint_set": "163", "requirement": "hard", "host": "x"#;
    place.write("odd/verdicts/a.jsonl", format!("{row}\"}}\n"));
    place.write(
        "odd/hosts/a.jsonl",
        format!("{row}\", \"verdict\": \"\\u001b[2Jfine\"}}\n"),
    );
    for (arguments, sentence) in [
        (
            &["t/verdicts"][..],
            "the tables lack `hosts`; name the folder that `intap audit --tables` wrote, and if it has none, write it again \
             with this version",
        ),
        (
            &["odd"],
            "the table `hosts` has \\027[2Jfine in the column `verdict`, which this version of intap does not know; leave the \
             file out, or write the tables again with this version",
        ),
        (
            &["t", "--client", "10.9.9.9"],
            "--client 10.9.9.9: no device with this address tried anything of the endpoint list; leave --client out to see which did",
        ),
        (
            &["t", "--anonymize"],
            "--anonymize works on captures; have the tables written with `intap audit --anonymize --tables`",
        ),
    ] {
        let run = place.run(&[&["allowlist"], arguments].concat());
        assert_eq!(run.complaints, format!("intap: {sentence}\n"));
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
    }
}

#[test]
fn a_complete_request_has_everything_published_for_the_scenario() {
    let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
    let file = ScenarioFile::shipped().unwrap();
    let scenario = file.scenario("windows-autopilot").unwrap();
    let needed: BTreeSet<String> = catalog
        .published_sets()
        .filter(|set| scenario.requirement(&set.key).name() != "none")
        .flat_map(|set| {
            let hosts = set.hosts.iter().filter(|host| !host.sample);
            let hosts = hosts.map(|host| host.pattern.as_str().to_owned());
            hosts.chain(set.prefixes.iter().map(|listed| listed.prefix.to_string()))
        })
        .collect();
    assert!(needed.contains("*.manage.microsoft.com"));
    let complete = ["--mode", "complete", "--scenario", "windows-autopilot"];
    let place = Place::new();
    let listed = rules(&place, &complete);
    assert_eq!(listed.keys().cloned().collect::<BTreeSet<_>>(), needed);
    let manage = &listed["*.manage.microsoft.com"];
    assert_eq!(manage["requirement"], "hard");
    assert_eq!(manage["state"], "untried");
    let demands = manage["demands"].as_array().unwrap();
    assert!(demands.contains(&"no_tls_inspection".into()), "{manage}");
    // A capture adds what it shows to the same rules.
    let capture = fixture("captures/firewall_mixed/capture.pcapng");
    let seen = rules(
        &place,
        &[&complete[..], &[capture.to_str().unwrap()]].concat(),
    );
    assert_eq!(
        seen.keys().collect::<Vec<_>>(),
        listed.keys().collect::<Vec<_>>()
    );
    assert_eq!(
        seen["swda01-mscdn.manage.microsoft.com"]["cause"],
        "syn_timeout"
    );
}

#[test]
fn a_region_leaves_out_the_others() {
    let place = Place::new();
    let of = |region| rules(&place, &["--mode", "complete", "--region", region]);
    let (europe, asia) = (of("europe"), of("asia-pacific"));
    assert_ne!(
        europe.keys().collect::<Vec<_>>(),
        asia.keys().collect::<Vec<_>>()
    );
    assert!(europe.contains_key("login.microsoftonline.com"));
}

#[test]
fn names_cannot_act_in_a_spreadsheet_or_on_a_page() {
    let mut wire = Wire::new(b"", b"", b"");
    for name in [
        "=cmd|' /c calc'!a.manage.microsoft.com",
        "\u{1b}[2J\u{202e}x.manage.microsoft.com",
    ] {
        wire.connection([20, 37, 153, 10], 443, &client_hello(name.as_bytes()), None);
    }
    let place = Place::new();
    place.write("hostile.pcapng", wire.finish());
    let of = |format| run(&place, &["--format", format, "hostile.pcapng"]);
    let csv = of("csv");
    assert!(csv.contains("\r\n'=cmd"), "{csv}");
    assert!(!csv.contains("\r\n=") && !csv.contains(",="), "{csv}");
    assert!(!of("markdown").contains("=cmd|"));
    for format in ["text", "csv", "json", "markdown"] {
        let text = of(format).replace("\r\n", "\n");
        let driving = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(driving), "{format}: {text}");
        assert!(text.contains("\\027[2"), "{format}: {text}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    let place = Place::new();
    place.write("a.pcap", recording("clean_autopilot/capture.pcap"));
    let report = place.run(&["audit", "--format", "json", "a.pcap"]).output;
    place.write("a.json", report);
    for (arguments, sentence) in [
        (
            &[][..],
            "--mode seen needs something to see; name a capture, a report or tables, or ask for all that is published with --mode complete",
        ),
        (
            &["a.pcap", "a.json"],
            "a.json: a JSON report stands for itself; name it alone, or name captures only",
        ),
        (
            &["a.json", "--anonymize"],
            "a.json: --anonymize works on captures; have the report written with `intap audit --anonymize --format json`",
        ),
        (
            &["a.json", "--client", "10.9.9.9"],
            "--client 10.9.9.9: no device with this address tried anything of the endpoint list; leave --client out to see which did",
        ),
    ] {
        let run = place.run(&[&["allowlist"], arguments].concat());
        assert_eq!(run.complaints, format!("intap: {sentence}\n"));
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
    }
}
