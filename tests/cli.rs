//! Drives the real program as its users do: what it accepts, the text of each error they can meet, and its exit status.
//!
//! - help and version
//! - bad input: one sentence each, which ends with a way out
//! - inputs in all their forms: compressed, from a pipe, several, directories, cut
//! - outputs: colour, closed pipes, full disks
//! - the JSON report and its schema

#[path = "support/program.rs"]
mod program;
#[path = "support/schema.rs"]
mod schema;
#[path = "../benches/support/traffic/mod.rs"]
#[allow(dead_code, reason = "one workload is enough here")]
mod traffic;

use program::{Place, fixture, recording};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// A recording with one device that is stopped.
const STOPPED: &str = "dns_faults/capture.pcap";
/// A recording with one device that is not.
const CLEAN: &str = "clean_autopilot/capture.pcap";

/// Octets of a pcap file's header and of a record's header.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Runs the program, which has to refuse with exactly this sentence and nothing else.
#[track_caller]
fn check_refusal(place: &Place, arguments: &[&str], sentence: &str) {
    let run = place.run(arguments);
    assert_eq!(
        run.complaints,
        format!("intap: {sentence}\n"),
        "{}",
        run.shown()
    );
    assert_eq!(run.status, Some(2), "{}", run.shown());
    assert_eq!(run.output, "", "{}", run.shown());
}

// ---- Builds without some part

#[cfg(not(feature = "tables"))]
#[test]
fn a_build_without_tables_says_so() {
    let place = Place::new();
    place.write("a.pcap", recording(CLEAN));
    // A file of that name is no better.
    place.write("summary", "");
    let sentence = "this build has no tables; build with --features tables";
    for (arguments, word) in [
        (&["summary"][..], "summary"),
        (&["summary", "--by", "area", "tables"], "summary"),
        (&["audit", "a.pcap", "--tables", "t"], "--tables"),
        (&["audit", "--tables=t", "a.pcap"], "--tables"),
        (&["audit", "a.pcap", "--site", "x"], "--site"),
        (&["allowlist", "t/flows.parquet"], "t/flows.parquet"),
    ] {
        check_refusal(&place, arguments, &format!("{word}: {sentence}"));
    }
}

#[cfg(not(feature = "live"))]
#[test]
fn a_build_without_interfaces_says_so() {
    let place = Place::new();
    place.write("a.pcap", recording(CLEAN));
    let sentence =
        "this build watches no interfaces and has no capture filters; build with --features live";
    for (arguments, word) in [
        (&["live", "-i", "eth0"][..], "live"),
        (&["interfaces"], "interfaces"),
        (&["audit", "--filter", "port 53", "a.pcap"], "--filter"),
    ] {
        check_refusal(&place, arguments, &format!("{word}: {sentence}"));
    }
}

// ---- Help and version

#[test]
fn no_arguments_give_help() {
    let run = Place::new().run(&[]);
    assert!(
        run.complaints.contains("Usage: intap <COMMAND>"),
        "{}",
        run.shown()
    );
    assert_eq!(run.status, Some(2));
}

#[test]
fn help_names_every_option_and_status() {
    let place = Place::new();
    let run = place.run(&["--help"]);
    assert!(run.output.contains("Exit status: 0"), "{}", run.shown());
    assert_eq!(run.status, Some(0));
    let run = place.run(&["audit", "--help"]);
    for option in [
        "--format",
        "--edition",
        "--scenario",
        "--client",
        "--include",
        "--fail-on",
    ] {
        assert!(run.output.contains(option), "{option}: {}", run.shown());
    }
}

#[test]
fn version_is_the_package_s() {
    let run = Place::new().run(&["--version"]);
    assert_eq!(run.output, format!("intap {}\n", env!("CARGO_PKG_VERSION")));
}

// ---- Bad input

#[test]
fn no_such_file() {
    check_refusal(
        &Place::new(),
        &["audit", "nowhere.pcap"],
        "nowhere.pcap: no such file or directory; check the name and the current directory",
    );
}

#[test]
fn a_directory_without_captures() {
    let place = Place::new();
    place
        .write("notes/read.me", "nothing here")
        .write("notes/empty.pcap", "");
    check_refusal(
        &place,
        &["audit", "notes"],
        "notes: there is no capture file in this directory; name the directory that holds the files themselves",
    );
}

#[test]
fn an_empty_file() {
    let place = Place::new();
    place.write("empty.pcap", "");
    check_refusal(
        &place,
        &["audit", "empty.pcap"],
        "empty.pcap: the file is empty; stop the capturing program properly, or record again",
    );
}

#[test]
fn empty_standard_input() {
    let run = Place::new().run_with_input(&["audit", "-"], Vec::new());
    assert_eq!(
        run.complaints,
        "intap: standard input: the file is empty; stop the capturing program properly, or record again\n"
    );
    assert_eq!(run.status, Some(2));
}

#[test]
fn a_header_that_is_cut() {
    let place = Place::new();
    for (name, octets) in [("a.pcap", 3), ("b.pcap", 4), ("c.pcap", FILE_HEADER - 1)] {
        place.write(name, &recording(STOPPED)[..octets]);
        let run = place.run(&["audit", name]);
        assert!(
            run.complaints.starts_with(&format!("intap: {name}: ")),
            "{}",
            run.shown()
        );
        assert!(run.complaints.contains("; "), "no way out: {}", run.shown());
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
    }
    check_refusal(
        &place,
        &["audit", "c.pcap"],
        "c.pcap: the capture is cut off inside its file header, after 23 octets; copy or record it again",
    );
}

#[test]
fn files_that_are_often_mistaken_for_captures() {
    let mut event_trace_log = vec![0_u8; 0x80];
    event_trace_log[..4].copy_from_slice(&0x0001_0000_u32.to_le_bytes());
    event_trace_log[0x48..0x4c].copy_from_slice(&[2, 0, 2, 0xc0]);
    let place = Place::new();
    for (name, bytes, what) in [
        (
            "packets.etl",
            event_trace_log.as_slice(),
            "an event trace log (ETL); convert it with `pktmon etl2pcap FILE.etl` on Windows, or with etl2pcapng where \
             `netsh trace` made it",
        ),
        (
            "captures.zip",
            b"PK\x03\x04\x14\0\0\0",
            "a zip archive; unpack it and name the capture inside",
        ),
        (
            "browser.har",
            b"{\"log\": {\"version\": \"1.2\", \"entries\": []}}",
            "an HTTP archive (HAR); a browser's archive shows requests, not packets; record with `pktmon`, Wireshark or \
             tcpdump",
        ),
        (
            "printed.txt",
            b"12:00:00.000000 IP 10.20.0.14.50000 > 10.20.0.1.53: 1+ A? login.live.com. (32)\n",
            "text; name the binary capture it was printed from, for example what `tcpdump -w` wrote",
        ),
        (
            "noise.bin",
            b"\x01\x02\x03\x04\x05\x06\x07\x08",
            "data of an unknown kind (starting with 01 02 03 04); name a pcap or pcapng file, plain or compressed with gzip \
             or zstd",
        ),
    ] {
        place.write(name, bytes);
        let sentence = format!("{name}: not a pcap or pcapng capture but {what}");
        check_refusal(&place, &["audit", name], &sentence);
    }
}

#[test]
fn an_unknown_edition_names_the_known_ones() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    let run = place.run(&["audit", "--edition", "en-1999", "a.pcap"]);
    assert!(
        run.complaints
            .starts_with("intap: --edition: there is no edition `en-1999`; known editions: "),
        "{}",
        run.shown()
    );
    for known in ["nl", "pt", "fr", "ja", "en-latest"] {
        assert!(run.complaints.contains(known), "{known}: {}", run.shown());
    }
    assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
}

#[test]
fn an_unknown_scenario_names_the_known_ones() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    let run = place.run(&["audit", "--scenario", "knitting", "a.pcap"]);
    assert!(
        run.complaints.starts_with(
            "intap: --scenario: unknown scenario `knitting`; known ones are auto, all, "
        ),
        "{}",
        run.shown()
    );
    assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
}

#[test]
fn values_that_options_do_not_take() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    for (option, value, way_out) in [
        (
            "--client",
            "my-laptop",
            "give one as the report shows it, such as 10.20.0.14",
        ),
        (
            "--include",
            "everything",
            "[possible values: flows, lookups]",
        ),
        ("--format", "pdf", "possible values: text, json"),
        (
            "--fail-on",
            "mondays",
            "[possible values: hard, any, never]",
        ),
    ] {
        let run = place.run(&["audit", option, value, "a.pcap"]);
        assert!(
            run.complaints.contains(&format!("'{value}' for '{option}")),
            "{}",
            run.shown()
        );
        assert!(run.complaints.contains(way_out), "{}", run.shown());
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
    }
}

#[test]
fn a_file_in_the_place_of_the_command() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    check_refusal(
        &place,
        &["a.pcap"],
        "a.pcap is no command; to audit it, write `intap audit a.pcap`",
    );
}

#[test]
fn a_device_that_is_not_in_the_capture() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    let run = place.run(&["audit", "--client", "192.0.2.77", "a.pcap"]);
    assert_eq!(
        run.complaints,
        "intap: --client 192.0.2.77: no device with this address tried anything of the endpoint list; leave --client out to \
         see which did\n"
    );
    assert_eq!(run.status, Some(2));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.write("secret.pcap", recording(STOPPED));
    let path = place.path().join("secret.pcap");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        // Nothing is forbidden to root.
        return;
    }
    check_refusal(
        &place,
        &["audit", "secret.pcap"],
        "secret.pcap: permission denied; read it as its owner, or have its owner allow it",
    );
}

#[test]
fn a_second_file_that_cannot_be_read_costs_only_itself() {
    let place = Place::new();
    place
        .write("a.pcap", recording(STOPPED))
        .write("b.pcap", "no capture");
    let alone = place.run(&["audit", "a.pcap"]);
    let run = place.run(&["audit", "a.pcap", "b.pcap", "c.pcap"]);
    assert_eq!(run.output, alone.output);
    let complaints: Vec<&str> = run.complaints.lines().collect();
    assert_eq!(complaints.len(), 2, "{}", run.shown());
    assert!(
        complaints[0].starts_with("intap: b.pcap: not a pcap"),
        "{}",
        run.shown()
    );
    assert!(
        complaints[1].starts_with("intap: c.pcap: no such file"),
        "{}",
        run.shown()
    );
    assert_eq!(run.status, Some(2));
}

#[test]
fn file_names_cannot_drive_the_terminal() {
    let run = Place::new().run(&["audit", "\u{1b}[2J\u{202e}.pcap"]);
    assert!(
        run.complaints
            .starts_with("intap: \\027[2J\\8238.pcap: no such"),
        "{}",
        run.shown()
    );
}

// ---- Inputs in all their forms

#[test]
fn statuses_say_what_was_found() {
    let place = Place::new();
    place
        .write("stopped.pcap", recording(STOPPED))
        .write("clean.pcap", recording(CLEAN));
    for (arguments, status) in [
        (&["stopped.pcap"][..], 1),
        (&["stopped.pcap", "--fail-on", "any"], 1),
        (&["stopped.pcap", "--fail-on", "never"], 0),
        (&["clean.pcap"], 0),
        (&["clean.pcap", "--fail-on", "any"], 0),
    ] {
        let run = place.run(&[&["audit"], arguments].concat());
        assert_eq!(run.status, Some(status), "{arguments:?}: {}", run.shown());
        assert_eq!(run.complaints, "", "{arguments:?}");
    }
}

#[test]
fn compression_and_pipes_change_nothing() {
    let plain = recording(STOPPED);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
    let place = Place::new();
    place
        .write("a.pcap", &plain)
        .write("a.pcap.gz", &gzip)
        .write("a.pcap.zst", &zstd);
    let expected = place.run(&["audit", "a.pcap"]).output;
    assert!(expected.contains("login.live.com"), "{expected}");
    for name in ["a.pcap.gz", "a.pcap.zst"] {
        assert_eq!(place.run(&["audit", name]).output, expected, "{name}");
    }
    for octets in [plain, gzip, zstd] {
        let run = place.run_with_input(&["audit", "-"], octets);
        assert_eq!(run.output, expected);
        assert_eq!(run.status, Some(1));
    }
}

/// Splits a pcap file after `records` records, the second part with a header of its own, as ring buffers do.
fn split(capture: &[u8], records: usize) -> [Vec<u8>; 2] {
    let mut end = FILE_HEADER;
    for _ in 0..records {
        let length = &capture[end + 8..end + 12];
        end += RECORD_HEADER + u32::from_le_bytes(length.try_into().unwrap()) as usize;
    }
    [
        capture[..end].to_vec(),
        [&capture[..FILE_HEADER], &capture[end..]].concat(),
    ]
}

#[test]
fn the_parts_of_a_ring_buffer_are_one_capture() {
    let whole = recording(STOPPED);
    let [first, second] = split(&whole, 60);
    let place = Place::new();
    place
        .write("whole.pcap", &whole)
        .write("ring/b_00001", &first)
        .write("ring/a_00002", &second)
        .write("ring/README", "not a capture");
    let expected = place.run(&["audit", "whole.pcap"]).output;
    for arguments in [
        &["audit", "ring"][..],
        &["audit", "ring/a_00002", "ring/b_00001"],
        &["audit", "ring/b_00001", "ring/a_00002"],
    ] {
        let run = place.run(arguments);
        assert_eq!(run.output, expected, "{arguments:?}");
        assert_eq!((run.status, run.complaints.as_str()), (Some(1), ""));
    }
}

#[test]
fn a_capture_cut_inside_a_record_gives_everything_before() {
    let whole = recording(STOPPED);
    let [before, _] = split(&whole, 60);
    let place = Place::new();
    place
        .write("before.pcap", &before)
        .write("cut.pcap", &whole[..before.len() + 20]);
    let frames = |run: &program::Run| {
        let report: Value = serde_json::from_str(&run.output).unwrap();
        report["capture"]["frames"].clone()
    };
    let before = place.run(&["audit", "before.pcap", "--format", "json"]);
    let cut = place.run(&["audit", "cut.pcap", "--format", "json"]);
    assert_eq!(frames(&before), 60);
    assert_eq!(frames(&cut), 60);
    assert_eq!(cut.status, before.status);
    let text = place.run(&["audit", "cut.pcap"]);
    assert!(
        text.output.contains("Fitness   limited"),
        "{}",
        text.shown()
    );
    assert!(
        text.output.contains("cut.pcap: ends inside a record"),
        "{}",
        text.shown()
    );
}

#[test]
fn a_device_can_be_picked() {
    let place = Place::new();
    let file = fixture("captures/vxlan_two_clients/capture.pcap");
    let file = file.to_str().unwrap();
    let run = place.run(&["audit", file, "--client", "10.20.0.14"]);
    assert!(run.output.contains("10.20.0.14"), "{}", run.shown());
    assert!(!run.output.contains("10.20.0.31"), "{}", run.shown());
    assert_eq!(run.status, Some(0));
}

// ---- Outputs

#[test]
fn there_are_no_escape_sequences_in_a_pipe() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    for arguments in [
        &["audit", "a.pcap"][..],
        &["audit", "--help"],
        &["--help"],
        &["audit", "--nonsense"],
    ] {
        let run = place.run(arguments);
        assert!(!run.output.contains('\u{1b}'), "{arguments:?}");
        assert!(!run.complaints.contains('\u{1b}'), "{arguments:?}");
    }
}

#[test]
fn colour_can_be_forced_and_refused() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    let with = |name: &str| {
        let output = place
            .command()
            .args(["audit", "a.pcap"])
            .env(name, "1")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(with("CLICOLOR_FORCE").contains("\u{1b}["));
    assert!(!with("NO_COLOR").contains('\u{1b}'));
}

#[test]
fn no_line_is_wider_than_80_columns() {
    use unicode_width::UnicodeWidthStr;
    let place = Place::new();
    for directory in std::fs::read_dir(fixture("captures")).unwrap() {
        let directory = directory.unwrap().path();
        let run = place.run(&["audit", directory.to_str().unwrap()]);
        assert!(run.output.contains("Devices"), "{}", run.shown());
        for line in run.output.lines() {
            assert!(line.width() <= 80, "{}: {line}", directory.display());
        }
    }
}

#[test]
fn the_page_does_not_grow_with_the_number_of_devices() {
    let workload = traffic::Workload {
        packets: 30_000,
        clients: 1_500,
        ..traffic::Workload::MIXED
    };
    let mut capture = Vec::new();
    traffic::write_pcap(&workload, 262_144, &mut capture).unwrap();
    let run = Place::new().run_with_input(&["audit", "-"], capture);
    assert!(run.output.contains("more devices ("), "{}", run.shown());
    assert!(
        run.output.contains("Endpoint sets of all 1,"),
        "{}",
        run.shown()
    );
    assert!(
        run.output.lines().count() < 600,
        "{}",
        run.output.lines().count()
    );
    assert_eq!(
        run.output.lines().find(|line| line.chars().count() > 80),
        None
    );
    let mut from_the_end = run.output.lines().rev();
    let last = from_the_end.find(|line| !line.starts_with(' ')).unwrap();
    assert!(last.starts_with("Result "), "{last}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    for arguments in [
        &["audit", "a.pcap"][..],
        &[
            "audit",
            "a.pcap",
            "--format",
            "json",
            "--include",
            "flows,lookups",
        ],
        &["schema"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_intap"))
            .args(arguments)
            .current_dir(place.path())
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let place = Place::new();
    place.write("a.pcap", recording(STOPPED));
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_intap"))
        .args(["audit", "a.pcap"])
        .current_dir(place.path())
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        complaint.starts_with("intap: the report could not be written ("),
        "{complaint}"
    );
    assert!(
        complaint.ends_with("; write it where there is room\n"),
        "{complaint}"
    );
    assert_eq!(output.status.code(), Some(2));
}

// ---- The JSON report and its schema

#[test]
fn the_published_schema_is_the_program_s() {
    let run = Place::new().run(&["schema"]);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        run.output == published,
        "{} is out of date; update it with `cargo run -- schema > docs/report.schema.json`, and see what that changes for readers \
         of the report",
        path.display()
    );
}

#[test]
fn the_json_report_of_every_recording_is_valid() {
    let place = Place::new();
    let schema: Value = serde_json::from_str(&place.run(&["schema"]).output).unwrap();
    let mut checked = 0;
    for directory in std::fs::read_dir(fixture("captures")).unwrap() {
        let directory = directory.unwrap().path();
        let directory = directory.to_str().unwrap();
        for lists in [&[][..], &["--include", "flows,lookups"]] {
            let run = place.run(&[&["audit", directory, "--format", "json"], lists].concat());
            let report: Value = serde_json::from_str(&run.output).unwrap();
            let differences = schema::differences(&report, &schema);
            assert!(
                differences.is_empty(),
                "{directory}:\n{}",
                differences.join("\n")
            );
            assert_eq!(report.get("flows").is_some(), !lists.is_empty());
            checked += 1;
        }
    }
    assert!(checked >= 26, "{checked} reports");
}

#[test]
fn the_schema_check_finds_what_is_wrong() {
    let place = Place::new();
    let schema: Value = serde_json::from_str(&place.run(&["schema"]).output).unwrap();
    place.write("a.pcap", recording(STOPPED));
    let run = place.run(&["audit", "a.pcap", "--format", "json"]);
    let valid: Value = serde_json::from_str(&run.output).unwrap();
    let spoilt = |spoil: &dyn Fn(&mut Value)| {
        let mut report = valid.clone();
        spoil(&mut report);
        schema::differences(&report, &schema)
    };
    assert_eq!(spoilt(&|_| {}), [""; 0]);
    assert_eq!(
        spoilt(&|report| report["clients"][0]["surprise"] = 1.into()),
        ["$.clients[0]: surprise is not in the schema"]
    );
    assert_eq!(
        spoilt(&|report| report["capture"]["frames"] = "many".into()).len(),
        1
    );
    assert_eq!(
        spoilt(&|report| {
            report.as_object_mut().unwrap().remove("findings");
        }),
        ["$: findings is missing"]
    );
}

/// A device is judged by all its addresses, whichever of them was asked for.
#[test]
fn one_address_of_a_device_stands_for_the_device() {
    let of = |address: &str| {
        let arguments = ["audit", "-", "--format", "json", "--client", address];
        let run =
            Place::new().run_with_input(&arguments, recording("ipv6_quic_fallback/capture.pcap"));
        let report: serde_json::Value = serde_json::from_str(&run.output).unwrap();
        report["clients"].clone()
    };
    let by_ipv4 = of("10.20.0.14");
    assert_eq!(by_ipv4[0]["addresses"].as_array().map(Vec::len), Some(2));
    assert_eq!(by_ipv4, of("2001:db8:20::14"));
}
