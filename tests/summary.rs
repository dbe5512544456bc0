//! Holds `intap summary` against the JSON report, over captures and over tables in every format; and meets the errors its users can.
#![cfg(feature = "tables")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "pipes are not needed here")]
mod program;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the places of the recordings are needed")]
mod truth;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "few kinds of packets are needed here")]
mod wire;

use intap::facts::Activity;
use intap::summary::{Dimension, Question, Sources, answer, text};
use polars::prelude::{DataFrame, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series};
use program::Place;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use truth::recordings;
use unicode_width::UnicodeWidthStr;
use wire::{Wire, client_hello};

fn recording(name: &str) -> String {
    let path = truth::recording(name).capture;
    path.into_os_string().into_string().unwrap()
}

fn json(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let run = place.run(&[&["summary", "--format", "json"], arguments].concat());
    assert_eq!(run.status, Some(0), "{}", run.shown());
    serde_json::from_str(&run.output).unwrap()
}

/// What the JSON report says by outcome of its flows: how many, and their octets.
fn expected(report: &Value) -> BTreeMap<String, (u64, u64)> {
    let mut counts = BTreeMap::new();
    for flow in report["flows"].as_array().unwrap() {
        let entry: &mut (u64, u64) = counts
            .entry(flow["outcome"].as_str().unwrap().to_owned())
            .or_default();
        entry.0 += 1;
        let bytes = flow["bytes"].as_array().unwrap();
        entry.1 += bytes
            .iter()
            .map(|count| count.as_u64().unwrap())
            .sum::<u64>();
    }
    counts
}

fn found(rows: &[Value]) -> BTreeMap<String, (u64, u64)> {
    rows.iter()
        .map(|row| {
            let count = |name: &str| row[name].as_u64().unwrap();
            let outcome = row["outcome"].as_str().unwrap().to_owned();
            (outcome, (count("flows"), count("bytes")))
        })
        .collect()
}

#[test]
fn captures_and_tables_of_every_format_give_the_numbers_of_the_json_report() {
    for name in recordings() {
        let place = Place::new();
        let capture = recording(&name);
        let mut report = Value::Null;
        for format in ["parquet", "csv", "jsonl"] {
            let arguments = [
                "audit",
                &capture,
                "--format",
                "json",
                "--include",
                "flows,lookups",
                "--tables",
                format,
                "--tables-format",
                format,
                "--site",
                "s",
            ];
            report = serde_json::from_str(&place.run(&arguments).output).unwrap();
        }
        let flows = expected(&report);
        let lookups = report["lookups"].as_array().unwrap().len() as u64;
        let mut answers = Vec::new();
        for input in [capture.as_str(), "parquet", "csv", "jsonl"] {
            let by_outcome = ["--by", "outcome", "--where", "kind=flow", input];
            assert_eq!(found(&json(&place, &by_outcome)), flows, "{name}: {input}");
            let rows = json(&place, &["--by", "area,host", input]);
            let total = |name: &str| {
                rows.iter()
                    .map(|row| row[name].as_u64().unwrap())
                    .sum::<u64>()
            };
            assert_eq!(total("lookups"), lookups, "{name}: {input}");
            assert_eq!(
                total("flows"),
                flows.values().map(|(count, _)| count).sum::<u64>()
            );
            for row in &rows {
                let failures = row["failures"].as_array().unwrap().iter();
                let failed: u64 = failures.map(|cause| cause["count"].as_u64().unwrap()).sum();
                assert_eq!(row["failed"].as_u64().unwrap(), failed, "{row}");
            }
            answers.push(rows);
        }
        for answer in &answers {
            assert_eq!(*answer, answers[0], "{name}");
        }
    }
}

#[test]
fn questions_in_sql_see_all_four_tables() {
    let place = Place::new();
    let capture = recording("firewall_mixed");
    let arguments = [
        "audit",
        &capture,
        "--format",
        "json",
        "--include",
        "flows,lookups",
    ];
    let report: Value = serde_json::from_str(&place.run(&arguments).output).unwrap();
    let count = |list: &str| report[list].as_array().unwrap().len() as u64;
    for table in ["flows", "lookups", "findings"] {
        let statement = format!("SELECT count(*) AS n FROM {table}");
        let rows = json(&place, &["--sql", &statement, &capture]);
        assert_eq!(rows[0]["n"].as_u64().unwrap(), count(table), "{table}");
    }
    let statement = "SELECT v.endpoint_set, f.severity FROM verdicts v JOIN findings f ON v.endpoint_set = f.endpoint_set";
    assert!(!json(&place, &["--sql", statement, &capture]).is_empty());
    for (statement, complaint) in [
        (
            "SELECT * FROM read_csv('/etc/passwd')",
            "only the tables flows",
        ),
        ("DROP TABLE flows", "one SELECT statement"),
        ("SELECT nothing FROM flows", "nothing"),
        ("SELECT * FROM users", "users"),
        ("SELEKT", "SELEKT"),
    ] {
        let run = place.run(&["summary", "--sql", statement, &capture]);
        assert_eq!(run.status, Some(2), "{}", run.shown());
        assert!(
            run.complaints.starts_with("intap: --sql: "),
            "{}",
            run.shown()
        );
        assert!(run.complaints.contains(complaint), "{}", run.shown());
        assert_eq!(run.complaints.lines().count(), 1, "{}", run.shown());
    }
}

#[test]
fn every_column_of_every_format_can_be_asked_for() {
    let place = Place::new();
    let capture = recording("tls_inspection");
    for format in ["parquet", "csv", "jsonl"] {
        let tables = ["--tables", format, "--tables-format", format];
        place.run(&[&["audit", &capture], &tables[..]].concat());
        for table in ["flows", "lookups", "verdicts", "findings"] {
            let statement = format!("SELECT * FROM {table}");
            let rows = json(&place, &["--sql", &statement, format]);
            assert!(!rows.is_empty(), "{format}: {table}");
        }
        let ports = "SELECT responder_port FROM flows WHERE responder_port = 443";
        assert!(
            json(&place, &["--sql", ports, format]).len() > 3,
            "{format}"
        );
    }
}

#[test]
fn windows_conditions_and_tops_narrow() {
    let place = Place::new();
    let capture = recording("firewall_mixed");
    let all = json(&place, &["--by", "host", &capture]);
    let top = json(&place, &["--by", "host", "--top", "2", &capture]);
    assert_eq!(top.len(), 2);
    assert!(all.len() > 2);
    assert!(json(&place, &["--until", "2020-01-01", "--by", "area", &capture]).is_empty());
    assert!(json(&place, &["--since", "2100-01-01", &capture]).is_empty());
    let since = all[0]["first_time"].as_str().unwrap();
    let some = json(&place, &["--by", "host", "--since", since, &capture]);
    assert!(!some.is_empty());
    let failed = json(
        &place,
        &["--by", "host", "--where", "failed=true", &capture],
    );
    assert!(failed.iter().all(|row| row["failed"] == row["attempts"]));
    let total = |rows: &[Value]| {
        rows.iter()
            .map(|row| row["failed"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(total(&failed), total(&all));
}

/// The only file of a table.
fn only_file(place: &Place, folder: &str) -> PathBuf {
    let mut entries = fs::read_dir(place.path().join(folder)).unwrap();
    entries.next().unwrap().unwrap().path()
}

#[test]
fn files_of_another_version_and_damaged_ones_do_not_spoil_the_rest() {
    let place = Place::new();
    let capture = recording("firewall_mixed");
    place.run(&["audit", &capture, "--tables", "t"]);
    let whole = json(&place, &["t"]);
    let file = only_file(&place, "t/flows");
    let mut frame: DataFrame = ParquetReader::new(File::open(&file).unwrap())
        .finish()
        .unwrap();
    frame.drop_in_place("certificate_issuer").unwrap();
    let ports = frame
        .column("responder_port")
        .unwrap()
        .cast(&polars::prelude::DataType::Int64)
        .unwrap();
    frame.with_column(ports).unwrap();
    let newer = Series::new("colour".into(), vec!["red"; frame.height()]);
    frame.with_column(newer.into()).unwrap();
    let other = file.with_file_name("flows-other.parquet");
    ParquetWriter::new(File::create(&other).unwrap())
        .finish(&mut frame)
        .unwrap();
    let twice = json(&place, &["t"]);
    for (one, two) in whole.iter().zip(&twice) {
        assert_eq!(one["area"], two["area"]);
        assert_eq!(
            one["flows"].as_u64().unwrap() * 2,
            two["flows"].as_u64().unwrap()
        );
        assert_eq!(
            one["bytes"].as_u64().unwrap() * 2,
            two["bytes"].as_u64().unwrap()
        );
        assert_eq!(one["lookups"], two["lookups"]);
    }
    fs::write(&other, b"PAR1 this is no table PAR1").unwrap();
    let run = place.run(&["summary", "t"]);
    assert_eq!(run.status, Some(2), "{}", run.shown());
    assert!(
        run.complaints
            .contains("flows-other.parquet is no readable table"),
        "{}",
        run.shown()
    );
}

#[test]
fn answers_are_written_in_every_format_and_for_80_columns() {
    let place = Place::new();
    let capture = recording("dns_faults");
    let text = place.run(&["summary", &capture, "--by", "site,area,host"]);
    assert_eq!(text.status, Some(0), "{}", text.shown());
    for line in text.output.lines() {
        assert!(line.width() <= 80 && line.trim_end() == line, "{line:?}");
    }
    assert!(!text.output.contains('█'), "no bars where no terminal is");
    let markdown = place.run(&["summary", &capture, "--format", "markdown"]);
    assert!(
        markdown.output.starts_with("| area | flows |"),
        "{}",
        markdown.shown()
    );
    let csv = place.run(&["summary", &capture, "--format", "csv"]);
    assert!(csv.output.starts_with("area,flows,"), "{}", csv.shown());
    place.run(&[
        "summary",
        &capture,
        "--format",
        "parquet",
        "-o",
        "answer.parquet",
    ]);
    let file = File::open(place.path().join("answer.parquet")).unwrap();
    let frame = ParquetReader::new(file).finish().unwrap();
    assert_eq!(frame.height(), csv.output.lines().count() - 1);
    assert!(frame.column("first_time").unwrap().dtype().is_datetime());
}

#[test]
fn bad_input_gets_one_clear_sentence() {
    let place = Place::new();
    let capture = recording("dns_faults");
    place
        .write("odd.parquet", "x")
        .write("text.txt", "no capture");
    fs::create_dir(place.path().join("empty")).unwrap();
    for (arguments, complaint) in [
        (vec!["nowhere"], "nowhere"),
        (vec!["odd.parquet"], "nothing says which table this is"),
        (vec!["text.txt"], "text.txt"),
        (vec!["empty"], "empty"),
        (vec![&capture, "--by", "colour"], "one of area, set, host"),
        (
            vec![&capture, "--where", "colour=red"],
            "`colour` is no field",
        ),
        (vec![&capture, "--since", "yesterday"], "write 2026-11-22"),
        (vec![&capture, "--top", "0"], "0"),
    ] {
        let run = place.run(&[&["summary"], arguments.as_slice()].concat());
        assert_eq!(run.status, Some(2), "{}", run.shown());
        assert!(run.complaints.contains(complaint), "{}", run.shown());
        assert!(!run.complaints.contains("panicked"), "{}", run.shown());
    }
}

#[test]
fn hostile_names_harm_no_answer() {
    let mut wire = Wire::new(b"", b"", b"");
    let name = "=cmd|\u{1b}[2J<script>\u{202e}.manage.microsoft.com";
    wire.connection([20, 37, 153, 10], 443, &client_hello(name.as_bytes()), None);
    wire.lookup_of_absent_name(&[b"@x`|", b"manage", b"microsoft", b"com"]);
    let place = Place::new();
    place.write("hostile.pcapng", wire.finish());
    for format in ["text", "csv", "json", "markdown"] {
        for question in [
            vec!["--by", "host"],
            vec!["--sql", "SELECT name, originator FROM flows"],
        ] {
            let run = place.run(
                &[
                    &["summary", "hostile.pcapng", "--format", format],
                    question.as_slice(),
                ]
                .concat(),
            );
            assert_eq!(run.status, Some(0), "{}", run.shown());
            let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!run.output.contains(acts), "{}", run.shown());
            if format == "csv" {
                assert!(run.output.contains("'=cmd"), "{}", run.shown());
            }
            if format == "markdown" {
                assert!(!run.output.contains("<script"), "{}", run.shown());
            }
        }
    }
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("\n$ intap summary ").expect("an example");
    let (command, rest) = rest.split_once('\n').unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    let arguments: Vec<&str> = command
        .split(' ')
        .map(|word| word.trim_matches('\''))
        .collect();
    let place = Place::new();
    let mut program = place.command();
    let output = program
        .current_dir(root)
        .arg("summary")
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), shown);
}

/// Ten hours with a connection each half hour, reset from the sixth hour on.
#[test]
fn hours_are_drawn_on_terminals() {
    let mut wire = Wire::new(b"", b"", b"");
    for half_hour in 0..20 {
        let answer =
            (half_hour < 12).then_some(&b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..]);
        let request = b"GET / HTTP/1.1\r\nHost: go.microsoft.com\r\n\r\n";
        wire.connection([20, 37, 153, 10], 80, request, answer);
        wire.wait(1_800);
    }
    let place = Place::new();
    place.write("long.pcapng", wire.finish());
    place.run(&["audit", "long.pcapng", "--tables", "t"]);
    let mut sources = Sources::default();
    sources.add(&place.path().join("t")).unwrap();
    let question = |over_time| Question {
        by: vec![Dimension::Host],
        over_time,
        ..Question::default()
    };
    let long = answer(&sources, &question(true)).unwrap();
    let series = long.activity.within(48).unwrap();
    let attempts: u64 = series.tallies.iter().map(|tally| tally.attempts).sum();
    let failed: Vec<u64> = series.tallies.iter().map(|tally| tally.failed).collect();
    let count = |name: &str| {
        let column = long.grid.columns.iter().position(|column| column == name);
        long.grid.rows[0][column.expect(name)].as_u64().unwrap()
    };
    assert_eq!(
        (attempts, failed.iter().sum::<u64>()),
        (count("attempts"), count("failed"))
    );
    assert_eq!(count("failed"), 8);
    assert!(failed[..failed.len() / 2].iter().all(|count| *count == 0));
    let heading = "\nAttempts and lookups over time\n  one column is 15 min, from 2023-11-14 22:";
    let drawn = text::summary(&long, 1, Some(80));
    let (plain, picture) = drawn.split_once(heading).expect("a picture");
    assert!(picture.lines().all(|line| line.width() <= 80), "{picture}");
    assert!(picture.contains("\n  failed  "), "{picture}");
    // Elsewhere there is neither a picture nor a bar, and nobody asked for it.
    let elsewhere = text::summary(&long, 1, None);
    assert!(!elsewhere.contains(['█', '░', '▁']), "{elsewhere}");
    assert_eq!(elsewhere.lines().count(), plain.lines().count());
    assert_eq!(
        answer(&sources, &question(false)).unwrap().activity,
        Activity::default()
    );
}
