//! `--anonymize`: nothing that tells whose network it was is left in reports and evidence, and what the report says stays the same.

#[path = "support/program.rs"]
#[allow(dead_code, reason = "pipes are not needed here")]
mod program;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the recordings are needed here")]
mod truth;

#[path = "support/wire.rs"]
#[allow(dead_code, reason = "few kinds of packets are needed here")]
mod wire;

use intap::anonymize::{Anonymizer, Secret};
use intap::capture::{Frame, FrameStream, Input};
use intap::catalog::Catalog;
use intap::decode::Decoder;
use intap::facts::{FrameNumber, LinkType, Timestamp};
use program::{Place, recording};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
#[cfg(feature = "tables")]
use wire::{Wire, client_hello};

const KEY: &[u8] = b"a key for tests, 32 octets long.";

/// What a recording shows of whose it is.
#[derive(Default)]
struct Secrets {
    addresses: BTreeSet<IpAddr>,
    macs: BTreeSet<[u8; 6]>,
    names: BTreeSet<String>,
}

/// Collects everything private from the frames themselves and from every name that the report lists and the endpoint list does
/// not know.
fn secrets(capture: &Path, report: &Value) -> Secrets {
    let mut secrets = Secrets::default();
    let mut stream = FrameStream::open(&[Input::from(capture)]).expect("a capture");
    let mut decoder = Decoder::default();
    while let Some(frame) = stream.next_frame() {
        let Some(packet) = decoder.decode(&frame) else {
            continue;
        };
        for address in [packet.ip.source, packet.ip.destination] {
            if is_private(address) {
                secrets.addresses.insert(address);
            }
        }
        for mac in [packet.link.source_mac, packet.link.destination_mac] {
            if let Some(mac) = mac.filter(|mac| mac.0[0] & 1 == 0 && mac.0 != [0; 6]) {
                secrets.macs.insert(mac.0);
            }
        }
    }
    let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
    for lookup in report["lookups"].as_array().expect("lookups") {
        let name = lookup["name"].as_str().unwrap().to_ascii_lowercase();
        if name.contains('.') && catalog.match_host(&name).is_none() {
            secrets.names.insert(name);
        }
        for address in lookup["addresses"].as_array().unwrap() {
            let address: IpAddr = address.as_str().unwrap().parse().unwrap();
            if is_private(address) {
                secrets.addresses.insert(address);
            }
        }
    }
    for client in report["clients"].as_array().unwrap() {
        secrets
            .names
            .extend(client["name"].as_str().map(str::to_ascii_lowercase));
    }
    secrets
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.segments()[..2] == [0x2001, 0xdb8]
        }
    }
}

/// Checks that none of the secrets is in the octets, neither as text nor as packets have it.
fn check(name: &str, octets: &[u8], secrets: &Secrets) {
    let text = String::from_utf8_lossy(octets).to_ascii_lowercase();
    let words: BTreeSet<&str> = text
        .split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
        .map(|word| word.trim_matches('.').trim_end_matches(':'))
        .collect();
    let has = |wanted: &[u8]| octets.windows(wanted.len()).any(|window| window == wanted);
    for address in &secrets.addresses {
        assert!(
            !words.contains(address.to_string().as_str()),
            "{name}: {address}"
        );
        let found = match address {
            IpAddr::V4(v4) => has(&v4.octets()),
            IpAddr::V6(v6) => has(&v6.octets()),
        };
        assert!(!found, "{name}: {address} in a packet");
    }
    for mac in &secrets.macs {
        let shown = mac.map(|octet| format!("{octet:02x}")).join(":");
        assert!(!text.contains(&shown), "{name}: {shown}");
        assert!(!has(mac), "{name}: {shown} in a packet");
    }
    for own in &secrets.names {
        assert!(!text.contains(own.as_str()), "{name}: {own}");
        let wire: Vec<u8> = own
            .split('.')
            .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
            .collect();
        let folded = octets.to_ascii_lowercase();
        assert!(
            !folded.windows(wire.len()).any(|window| window == wire),
            "{name}: {own}"
        );
    }
}

#[test]
fn nothing_private_is_left_anywhere() {
    let mut seen = (0, 0, 0);
    for name in truth::recordings() {
        let capture = truth::recording(&name).capture;
        let path = capture.to_str().unwrap();
        let place = Place::new();
        place.write("key", KEY);
        let plain = place.run(&[
            "audit",
            "--format",
            "json",
            "--include",
            "flows,lookups",
            path,
        ]);
        let plain: Value = serde_json::from_str(&plain.output).unwrap();
        let secrets = secrets(&capture, &plain);
        seen.0 += secrets.addresses.len();
        seen.1 += secrets.macs.len();
        seen.2 += secrets.names.len();
        for format in ["text", "json", "markdown", "html"] {
            let options = [
                "--anonymize",
                "--anonymize-key-file",
                "key",
                "--include",
                "flows,lookups",
            ];
            let arguments = ["audit", "--format", format, "--evidence", "e.pcapng", path];
            let run = place.run(&[&arguments[..], &options[..]].concat());
            assert!(matches!(run.status, Some(0 | 1)), "{}", run.shown());
            check(
                &format!("{name} as {format}"),
                run.output.as_bytes(),
                &secrets,
            );
            if format == "json" {
                compare(&name, &plain, &serde_json::from_str(&run.output).unwrap());
            }
        }
        let evidence = std::fs::read(place.path().join("e.pcapng")).unwrap();
        check(&format!("evidence of {name}"), &evidence, &secrets);
        assert!(!String::from_utf8_lossy(&evidence).contains(path), "{name}");
    }
    assert!(seen.0 > 30 && seen.1 > 13 && seen.2 > 3, "{seen:?}");
}

/// The report says the same of sets, causes and findings.
fn compare(name: &str, plain: &Value, anonymous: &Value) {
    let sets = |report: &Value| -> Vec<Vec<String>> {
        let clients = report["clients"].as_array().unwrap().iter();
        clients
            .flat_map(|client| client["endpoint_sets"].as_array().unwrap())
            .map(|set| {
                let hosts = set["hosts"].as_array().unwrap().len();
                ["key", "verdict", "cause", "requirement", "first_frame"]
                    .iter()
                    .map(|field| set[*field].to_string())
                    .chain([hosts.to_string()])
                    .collect()
            })
            .collect()
    };
    assert_eq!(sets(plain), sets(anonymous), "{name}");
    let findings = |report: &Value| -> Vec<[String; 4]> {
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                ["code", "severity", "key", "cause"].map(|field| finding[field].to_string())
            })
            .collect()
    };
    assert_eq!(findings(plain), findings(anonymous), "{name}");
}

/// Octets of every file below a folder, with its name; Parquet decoded to text.
#[cfg(feature = "tables")]
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    use polars::prelude::{JsonFormat, JsonWriter, ParquetReader, SerReader, SerWriter};
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(content(&path));
            continue;
        }
        let mut octets = std::fs::read(&path).unwrap();
        if path
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            let file = std::fs::File::open(&path).unwrap();
            let mut frame = ParquetReader::new(file).finish().unwrap();
            octets.clear();
            let writer = JsonWriter::new(&mut octets);
            writer
                .with_json_format(JsonFormat::JsonLines)
                .finish(&mut frame)
                .unwrap();
        }
        found.push((path.display().to_string(), octets));
    }
    found.sort();
    found
}

/// Rows of a table in JSON Lines without the columns that say who it was, sorted.
#[cfg(feature = "tables")]
fn judgements(folder: &Path, without: &[&str]) -> Vec<String> {
    let rows = content(folder);
    let [(_, octets)] = rows.as_slice() else {
        panic!("one file in {}", folder.display());
    };
    let mut rows: Vec<String> = std::str::from_utf8(octets)
        .unwrap()
        .lines()
        .map(|line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            let cells = row.as_object_mut().unwrap();
            for name in without.iter().chain(&["run", "client"]) {
                assert!(cells.remove(*name).is_some(), "{name}");
            }
            row.to_string()
        })
        .collect();
    rows.sort();
    rows
}

#[cfg(feature = "tables")]
#[test]
fn tables_leak_nothing_and_judge_alike() {
    let mut own = Wire::new(b"", b"", b"");
    for name in [
        "enterpriseregistration.fabrikam-gmbh.example",
        "enterpriseenrollment.fabrikam-gmbh.example",
        "intranet.fabrikam-gmbh.example",
        "fef.msua06.manage.microsoft.com",
    ] {
        own.connection([20, 37, 153, 10], 443, &client_hello(name.as_bytes()), None);
    }
    own.lookup_of_absent_name(&[b"dc01", b"fabrikam-gmbh", b"example"]);
    let written = Place::new();
    written.write("own.pcapng", own.finish());
    let mut captures: Vec<_> = truth::recordings()
        .iter()
        .map(|name| truth::recording(name).capture)
        .collect();
    captures.push(written.path().join("own.pcapng"));
    let (mut rows, mut own_domain) = (0, 0);
    for capture in captures {
        let path = capture.to_str().unwrap();
        let place = Place::new();
        place.write("key", KEY);
        let shared = [
            "audit",
            "--format",
            "json",
            "--include",
            "flows,lookups",
            path,
        ];
        let plain = ["--tables", "plain", "--tables-format", "jsonl"];
        let plain = place.run(&[&shared[..], &plain].concat());
        let plain: Value = serde_json::from_str(&plain.output).unwrap();
        let mut secrets = secrets(&capture, &plain);
        if path.ends_with("own.pcapng") {
            secrets.names.insert("fabrikam-gmbh".to_owned());
            let plain = content(&place.path().join("plain"));
            own_domain += plain
                .iter()
                .filter(|(_, octets)| String::from_utf8_lossy(octets).contains("fabrikam-gmbh"))
                .count();
        }
        for format in ["parquet", "csv", "jsonl"] {
            let anonymous = [
                "--anonymize",
                "--anonymize-key-file",
                "key",
                "--tables",
                format,
                "--tables-format",
                format,
            ];
            let run = place.run(&[&shared[..], &anonymous].concat());
            assert!(matches!(run.status, Some(0 | 1)), "{}", run.shown());
            for (file, octets) in content(&place.path().join(format)) {
                check(&format!("{file} of {path}"), &octets, &secrets);
                rows += octets.iter().filter(|octet| **octet == b'\n').count();
            }
        }
        for (table, without) in [
            (
                "verdicts",
                &["client_addresses", "client_mac", "client_name", "hosts"][..],
            ),
            ("hosts", &["host", "responders"]),
        ] {
            let of = |run: &str| judgements(&place.path().join(run).join(table), without);
            assert_eq!(of("jsonl"), of("plain"), "{path}: {table}");
        }
    }
    assert!(rows > 3_000, "{rows}");
    // The test above would find it, were it there.
    assert!(own_domain >= 4, "{own_domain}");
}

#[test]
fn comparisons_and_requests_leak_nothing_and_say_the_same() {
    let (a, b) = ("firewall_mixed", "clean_autopilot");
    let place = Place::new();
    place.write("key", KEY);
    let options = ["--anonymize", "--anonymize-key-file", "key"];
    let capture = |name: &str| truth::recording(name).capture;
    let mut seen = 0;
    for name in truth::recordings() {
        let (path, other) = (capture(&name), capture(b));
        let (path, other) = (path.to_str().unwrap(), other.to_str().unwrap());
        let include = ["audit", "--format", "json", "--include", "flows,lookups"];
        let report = |path| {
            let run = place.run(&[&include[..], &[path]].concat());
            serde_json::from_str::<Value>(&run.output).unwrap()
        };
        let secrets = [
            secrets(Path::new(path), &report(path)),
            secrets(Path::new(other), &report(other)),
        ];
        seen += secrets[0].addresses.len();
        for command in [
            &["diff", "--format", "text", path, other][..],
            &["diff", "--format", "json", path, other],
            &["diff", "--format", "markdown", path, other],
            &["allowlist", "--format", "text", path],
            &["allowlist", "--format", "csv", path],
            &["allowlist", "--format", "json", path],
            &["allowlist", "--format", "markdown", path],
        ] {
            let run = place.run(&[command, &options[..]].concat());
            let plain = place.run(command);
            assert_eq!(run.status, plain.status, "{}", run.shown());
            for secrets in &secrets {
                check(&command.join(" "), run.output.as_bytes(), secrets);
            }
            assert!(!run.output.contains(path), "{}", run.shown());
            if ["json", "csv"].contains(&command[2]) {
                let plain = plain.output.replace(path, "").replace(other, "");
                assert_eq!(codes(&run.output), codes(&plain), "{}", run.shown());
            }
        }
    }
    assert!(seen > 30, "{seen}");
    // Devices are asked for by what they are really called.
    let mac = secrets_mac(&capture(a));
    let (a, b) = (capture(a), capture(b));
    let shared = ["diff", a.to_str().unwrap(), b.to_str().unwrap()];
    for client in ["10.20.0.14", mac.as_str()] {
        let plain = place.run(&[&shared[..], &["--client", client]].concat());
        let run = place.run(&[&shared[..], &options[..], &["--client", client]].concat());
        assert_eq!(
            (run.status, run.complaints),
            (plain.status, plain.complaints)
        );
        assert!(!run.output.contains(client));
    }
    let client = ["--client", "10.20.0.14"];
    let run = place.run(&[&["allowlist", shared[1]], &options[..], &client].concat());
    assert_eq!((run.status, run.complaints.as_str()), (Some(0), ""));
}

/// Words of a text that are codes: small letters and underscores, which no address and no replaced name has.
fn codes(text: &str) -> Vec<&str> {
    let mut codes: Vec<&str> = text
        .split(|c: char| !(c.is_ascii_lowercase() || c == '_'))
        .filter(|word| word.contains('_'))
        .collect();
    codes.sort_unstable();
    codes
}

/// The hardware address of the only device of a capture.
fn secrets_mac(capture: &Path) -> String {
    let place = Place::new();
    let run = place.run(&["audit", "--format", "json", capture.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&run.output).unwrap();
    report["clients"][0]["mac"].as_str().unwrap().to_owned()
}

#[test]
fn one_key_gives_one_answer_and_another_key_another() {
    let place = Place::new();
    place.write("a.pcap", recording("dns_faults/capture.pcap"));
    place
        .write("key", KEY)
        .write("other", b"another key of some length");
    let with = |key: &str| {
        let run = place.run(&[
            "audit",
            "--anonymize",
            "--anonymize-key-file",
            key,
            "a.pcap",
        ]);
        run.output
    };
    let without = || place.run(&["audit", "--anonymize", "a.pcap"]).output;
    assert_eq!(with("key"), with("key"));
    assert_ne!(with("key"), with("other"));
    assert_ne!(without(), without());
    // A device is still asked for by the address it has.
    let run = place.run(&["audit", "--anonymize", "--client", "10.20.0.14", "a.pcap"]);
    assert_eq!((run.status, run.complaints.as_str()), (Some(1), ""));
    assert!(!run.output.contains("10.20.0.14"));
    let run = place.run(&["audit", "--anonymize", "--client", "10.20.0.99", "a.pcap"]);
    assert!(
        run.complaints.contains("--client 10.20.0.99: no device"),
        "{}",
        run.shown()
    );
}

#[test]
fn keys_that_are_none_are_refused() {
    let place = Place::new();
    place.write("a.pcap", recording("dns_faults/capture.pcap"));
    place.write("short", "secret");
    for (arguments, sentence) in [
        (
            &["--anonymize", "--anonymize-key-file", "short"][..],
            "intap: --anonymize-key-file short: a key needs 16 to 65536 octets and this has 6; make one with `head -c 32 /dev/urandom`\n",
        ),
        (
            &["--anonymize-key-file", "short"],
            "error: the following required arguments were not provided:\n  --anonymize\n",
        ),
    ] {
        let run = place.run(&[&["audit", "a.pcap"], arguments].concat());
        assert!(run.complaints.starts_with(sentence), "{}", run.shown());
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
    }
}

/// Whatever a frame holds, rewriting it ends, makes nothing longer and keeps no own address at the places where IP has them.
#[test]
fn damaged_frames_are_rewritten_or_cut() {
    let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
    let anonymizer = Anonymizer::new(Secret::from_octets(KEY).unwrap(), &catalog);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for name in truth::recordings() {
        let capture = truth::recording(&name).capture;
        let mut stream = FrameStream::open(&[Input::from(capture)]).unwrap();
        while let Some(frame) = stream.next_frame() {
            let mut bytes = frame.bytes.to_vec();
            for round in 0..8_u64 {
                let link_type = match round {
                    0..6 => frame.link_type,
                    round => LinkType([113, 276][usize::from(round == 6)]),
                };
                let damaged = Frame {
                    number: FrameNumber(1),
                    timestamp: Timestamp(0),
                    link_type,
                    original_length: frame.original_length,
                    bytes: &bytes,
                };
                let rewritten = anonymizer.rewrite(&damaged);
                let cut = rewritten.cut.map_or(0, |cut| cut.octets);
                assert_eq!(rewritten.bytes.len() + cut, bytes.len());
                if bytes.is_empty() {
                    break;
                }
                if round % 3 == 2 {
                    let length = usize::try_from(random()).unwrap() % bytes.len();
                    bytes.truncate(length);
                } else {
                    let at = usize::try_from(random()).unwrap() % bytes.len();
                    bytes[at] = random().to_le_bytes()[0];
                }
            }
        }
    }
}

/// Frames that dissectors know better than we do: tshark finds no wrong checksum and nothing malformed.
#[test]
fn rewritten_frames_are_sound() {
    let Ok(_) = std::process::Command::new("tshark")
        .arg("--version")
        .output()
    else {
        eprintln!("skipped: tshark is not installed");
        return;
    };
    for name in truth::recordings() {
        let capture = truth::recording(&name).capture;
        let place = Place::new();
        place.write("key", KEY);
        let arguments = [
            "audit",
            "--anonymize",
            "--anonymize-key-file",
            "key",
            "--format",
            "json",
        ];
        let path = capture.to_str().unwrap();
        let run = place.run(&[&arguments[..], &["--evidence", "e.pcapng", path]].concat());
        let report: Value = serde_json::from_str(&run.output).unwrap();
        let shown = |filter: &str| {
            let output = std::process::Command::new("tshark")
                .args(["-r", "e.pcapng", "-Y", filter])
                .args([
                    "-o",
                    "ip.check_checksum:TRUE",
                    "-o",
                    "tcp.check_checksum:TRUE",
                ])
                .args(["-o", "udp.check_checksum:TRUE"])
                .current_dir(place.path())
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let wrong = "ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || _ws.malformed";
        assert_eq!(shown(wrong), "", "{name}");
        for finding in report["findings"].as_array().unwrap() {
            let filter = finding["display_filter"].as_str().unwrap();
            assert!(
                filter.is_empty() || !shown(filter).is_empty(),
                "{name}: {filter}"
            );
        }
    }
}
