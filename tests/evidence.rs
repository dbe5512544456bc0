//! `intap audit --evidence`: the frames it writes are those of the capture, they hold the proof of every finding, and their
//! comments are safe to show.

#[path = "support/program.rs"]
#[allow(dead_code, reason = "pipes are not needed here")]
mod program;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the recordings are needed here")]
mod truth;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "no time passes here")]
mod wire;

use intap::capture::FrameStream;
use program::{Place, fixture, recording};
use serde_json::Value;
use std::collections::HashSet;
use std::io::{Cursor, Write};
use std::process::{Command, Stdio};
use wire::{Wire, client_hello};

/// A frame as a capture file has it: time, link type, octets on the wire, octets.
type Recorded = (i64, u32, u32, Vec<u8>);

fn frames(capture: Vec<u8>) -> Vec<Recorded> {
    let mut stream = FrameStream::from_reader("capture", Cursor::new(capture)).expect("a capture");
    let mut frames = Vec::new();
    while let Some(frame) = stream.next_frame() {
        frames.push((
            frame.timestamp.0,
            frame.link_type.0,
            frame.original_length,
            frame.bytes.to_vec(),
        ));
    }
    let provenance = stream.finish();
    assert_eq!(provenance.warnings, Vec::<String>::new());
    frames
}

/// Runs an audit that writes its evidence; the frames, the file and the report.
fn extract(place: &Place, arguments: &[&str]) -> (Vec<Recorded>, Vec<u8>, Value) {
    let run = place.run(
        &[
            &["audit", "--format", "json", "--evidence", "evidence.pcapng"],
            arguments,
        ]
        .concat(),
    );
    assert!(matches!(run.status, Some(0 | 1)), "{}", run.shown());
    assert_eq!(run.complaints, "");
    let file = std::fs::read(place.path().join("evidence.pcapng")).expect("the evidence");
    let report = serde_json::from_str(&run.output).expect("a report");
    (frames(file.clone()), file, report)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn frames_are_those_of_the_capture_and_hold_every_proof() {
    for name in truth::recordings() {
        let capture = truth::recording(&name).capture;
        let original = frames(std::fs::read(&capture).unwrap());
        let place = Place::new();
        let (written, file, report) = extract(&place, &[capture.to_str().unwrap()]);
        let known: HashSet<&Recorded> = original.iter().collect();
        for frame in &written {
            assert!(known.contains(frame), "{name}: {frame:?}");
        }
        assert!(written.is_sorted_by_key(|(time, ..)| *time), "{name}");
        assert!(written.len() < original.len() / 2, "{name}");
        let comments = String::from_utf8_lossy(&file);
        for (index, finding) in list(&report["findings"]).iter().enumerate() {
            let opening = format!(
                "Finding {} ({}, {}): ",
                index + 1,
                finding["severity"].as_str().unwrap(),
                finding["code"].as_str().unwrap()
            );
            for evidence in list(&finding["evidence"]) {
                let number = usize::try_from(evidence["frame"].as_u64().unwrap()).unwrap();
                assert!(written.contains(&original[number - 1]), "{name}: {number}");
                let words = format!("{opening}{}", evidence["what"].as_str().unwrap());
                assert!(comments.contains(&words), "{name}: {words}");
            }
        }
    }
}

#[test]
fn every_display_filter_finds_its_frames() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    for name in truth::recordings() {
        let capture = truth::recording(&name).capture;
        let place = Place::new();
        let (.., report) = extract(&place, &[capture.to_str().unwrap()]);
        for finding in list(&report["findings"]) {
            let filter = finding["display_filter"].as_str().unwrap();
            if filter.is_empty() {
                continue;
            }
            let shown = Command::new("tshark")
                .args(["-r", "evidence.pcapng", "-Y", filter])
                .args(["-T", "fields", "-e", "frame.comment"])
                .current_dir(place.path())
                .output()
                .unwrap();
            let shown = String::from_utf8_lossy(&shown.stdout);
            assert!(shown.contains("Finding "), "{name}: {filter}: {shown}");
        }
    }
}

#[test]
fn several_inputs_of_any_kind_give_one_file() {
    let place = Place::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(&recording("dns_faults/capture.pcap"))
        .unwrap();
    place.write("a.pcap.gz", packed.finish().unwrap());
    // Microseconds on Linux `any`, and a pcapng file beside Ethernet ones.
    place.write("b.pcap", recording("any_midway/capture.pcap"));
    place.write("c.pcapng", recording("firewall_mixed/capture.pcapng"));
    let (written, file, _) = extract(&place, &["a.pcap.gz", "b.pcap", "c.pcapng"]);
    let link_types: HashSet<u32> = written
        .iter()
        .map(|(_, link_type, ..)| *link_type)
        .collect();
    assert!(link_types.len() > 1, "{link_types:?}");
    let known: HashSet<Recorded> = ["dns_faults/capture.pcap", "any_midway/capture.pcap"]
        .iter()
        .chain(&["firewall_mixed/capture.pcapng"])
        .flat_map(|name| frames(recording(name)))
        .collect();
    assert!(written.iter().all(|frame| known.contains(frame)));
    let comments = String::from_utf8_lossy(&file);
    for name in ["a.pcap.gz", "b.pcap", "c.pcapng"] {
        assert!(comments.contains(&format!(" of {name}")), "{name}");
    }
}

#[test]
fn comments_hold_nothing_that_drives_a_terminal() {
    let attack = "\u{1b}[2J\u{202e}";
    let mut wire = Wire::new(attack.as_bytes(), attack.as_bytes(), attack.as_bytes());
    wire.lookup_of_absent_name(&[attack.as_bytes(), b"manage", b"microsoft", b"com"]);
    let name = format!("{attack}.manage.microsoft.com");
    wire.connection([20, 37, 153, 10], 443, &client_hello(name.as_bytes()), None);
    let place = Place::new();
    place.write("hostile\u{1b}[2J.pcapng", wire.finish());
    let (written, mut file, _) = extract(&place, &["hostile\u{1b}[2J.pcapng"]);
    assert!(!written.is_empty());
    // The frames themselves stay what they are.
    for (.., bytes) in &written {
        let start = file
            .windows(bytes.len())
            .position(|window| window == bytes)
            .expect("the frame");
        file.drain(start..start + bytes.len());
    }
    let words = String::from_utf8_lossy(&file);
    assert!(words.contains("hostile\\027[2J.pcapng"));
    assert!(!words.contains('\u{1b}') && !words.contains('\u{202e}'));
}

#[test]
fn what_cannot_work_is_refused_before_the_capture_is_read() {
    let place = Place::new();
    place.write("in/a.pcap", recording("dns_faults/capture.pcap"));
    for (arguments, sentence) in [
        (
            &["-", "--evidence", "e.pcapng"][..],
            "--evidence reads the capture twice, and standard input can be read only once; save it to a file and name that",
        ),
        (
            &["in/a.pcap", "--evidence", "in/../in/a.pcap"],
            "--evidence in/../in/a.pcap would replace the capture itself; name another file",
        ),
        (
            &["in", "--evidence", "in/e.pcapng"],
            "--evidence in/e.pcapng would lie among the captures and be read with them the next time; name a file in another folder",
        ),
        (
            &["in", "--evidence", "-"],
            "--evidence - and the report cannot both go to standard output; name a file for one of them",
        ),
        (
            &["in", "--evidence", "out/e.pcapng"],
            "--evidence out/e.pcapng: there is no such folder; make it first, or name a file elsewhere",
        ),
        (
            &["in", "-o", "e", "--evidence", "e"],
            "--evidence and --output name the same file; name another one",
        ),
    ] {
        let run = place.run(&[&["audit"], arguments].concat());
        assert_eq!(run.complaints, format!("intap: {sentence}\n"));
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
    }
}

#[test]
fn no_findings_make_an_empty_capture_and_a_remark() {
    let place = Place::new();
    place.write("quiet.pcapng", Wire::new(b"", b"", b"").finish());
    let run = place.run(&["audit", "quiet.pcapng", "--evidence", "e.pcapng"]);
    assert_eq!(
        run.complaints,
        "intap: no finding rests on a frame, so e.pcapng holds none\n"
    );
    assert_eq!(run.status, Some(0), "{}", run.shown());
    assert!(frames(std::fs::read(place.path().join("e.pcapng")).unwrap()).is_empty());
}

#[cfg(unix)]
#[test]
fn evidence_goes_to_standard_output_when_the_report_does_not() {
    let output = Command::new(env!("CARGO_BIN_EXE_intap"))
        .arg("audit")
        .arg(fixture("captures/dns_faults/capture.pcap"))
        .args(["-o", "/dev/null", "--evidence", "-"])
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    assert!(!frames(output.stdout).is_empty());
}
