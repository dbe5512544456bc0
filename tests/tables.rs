//! Holds the tables against the JSON report, for every recording and every format; and against disks and names that mean harm.
#![cfg(feature = "tables")]

#[path = "support/folder.rs"]
mod folder;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "pipes are not needed here")]
mod program;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the places of the recordings are needed")]
mod truth;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "few kinds of packets are needed here")]
mod wire;

use folder::files;
use intap::tables::Table;
use polars::prelude::*;
use program::{Place, Run};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use truth::recordings;
use wire::{Wire, client_hello};

/// The capture file of a recording.
fn recording(name: &str) -> PathBuf {
    truth::recording(name).capture
}

fn audit(place: &Place, capture: &Path, arguments: &[&str]) -> Run {
    let capture = capture.to_str().unwrap();
    place.run(&[&["audit", capture, "--format", "json"], arguments].concat())
}

fn rows(report: &Value, list: &str) -> usize {
    report[list].as_array().unwrap().len()
}

fn sum(report: &Value, entry: &str) -> u64 {
    let flows = report["flows"].as_array().unwrap();
    flows
        .iter()
        .flat_map(|flow| flow[entry].as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum()
}

fn parquet(folder: &Path, table: &str) -> DataFrame {
    let found = files(&folder.join(table));
    assert_eq!(found.len(), 1, "{found:?}");
    ParquetReader::new(File::open(&found[0]).unwrap())
        .finish()
        .unwrap()
}

fn total(frame: &DataFrame, column: &str) -> u64 {
    frame
        .column(column)
        .unwrap()
        .u64()
        .unwrap()
        .sum()
        .unwrap_or(0)
}

#[test]
fn every_recording_gives_the_numbers_of_the_json_report() {
    for name in recordings() {
        let place = Place::new();
        let include = ["--include", "flows,lookups", "--tables", "t"];
        let run = audit(&place, &recording(&name), &include);
        let report: Value = serde_json::from_str(&run.output).unwrap();
        let folder = place.path().join("t");
        let flows = parquet(&folder, "flows");
        assert_eq!(flows.height(), rows(&report, "flows"), "{name}");
        let bytes = total(&flows, "bytes_originator") + total(&flows, "bytes_responder");
        assert_eq!(bytes, sum(&report, "bytes"), "{name}");
        let packets = total(&flows, "packets_originator") + total(&flows, "packets_responder");
        assert_eq!(packets, sum(&report, "packets"), "{name}");
        for (flow, listed) in report["flows"].as_array().unwrap().iter().enumerate() {
            let text = |column: &str, row| {
                let column = flows.column(column).unwrap().str().unwrap();
                column.get(row).map(str::to_owned)
            };
            assert_eq!(text("outcome", flow).as_deref(), listed["outcome"].as_str());
            assert_eq!(text("name", flow).as_deref(), listed["name"].as_str());
            assert_eq!(
                text("community_id", flow).as_deref(),
                listed["community_id"].as_str()
            );
        }
        let lookups = parquet(&folder, "lookups");
        assert_eq!(lookups.height(), rows(&report, "lookups"), "{name}");
        let verdicts = parquet(&folder, "verdicts");
        let sets: usize = report["clients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|client| client["endpoint_sets"].as_array().unwrap().len())
            .sum();
        assert_eq!(verdicts.height(), sets, "{name}");
        let hosts = parquet(&folder, "hosts");
        let listed: usize = report["clients"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|client| client["endpoint_sets"].as_array().unwrap())
            .map(|set| set["hosts"].as_array().unwrap().len())
            .sum();
        assert_eq!(hosts.height(), listed, "{name}");
        let findings = parquet(&folder, "findings");
        assert_eq!(findings.height(), rows(&report, "findings"), "{name}");
    }
}

#[test]
fn csv_and_json_lines_hold_as_many_rows_and_the_columns_promised() {
    let place = Place::new();
    for format in ["csv", "jsonl"] {
        let arguments = [
            "--tables",
            format,
            "--tables-format",
            format,
            "--include",
            "flows",
        ];
        let run = audit(&place, &recording("dns_faults"), &arguments);
        let report: Value = serde_json::from_str(&run.output).unwrap();
        assert!(
            report["lookups"].is_null(),
            "only what was asked for is printed"
        );
        for table in Table::ALL {
            let found = files(&place.path().join(format).join(table.name()));
            let text = fs::read_to_string(&found[0]).unwrap();
            let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
            if format == "csv" {
                assert_eq!(text.lines().next().unwrap(), names.join(","));
            } else {
                for line in text.lines() {
                    let row: Value = serde_json::from_str(line).unwrap();
                    assert_eq!(row.as_object().unwrap().len(), names.len());
                    assert!(
                        row["first_time"].is_null()
                            || row["first_time"].as_str().unwrap().ends_with('Z')
                    );
                }
            }
            if table == Table::Flows {
                let header = usize::from(format == "csv");
                assert_eq!(text.lines().count() - header, rows(&report, "flows"));
            }
        }
    }
}

#[test]
fn a_site_gets_partitions_and_a_second_run_touches_nothing() {
    let place = Place::new();
    let capture = recording("firewall_mixed");
    let arguments = ["--tables", "t", "--site", "hq-1"];
    audit(&place, &capture, &arguments);
    let before = files(&place.path().join("t"));
    assert_eq!(before.len(), Table::ALL.len(), "{before:?}");
    for file in &before {
        let path = file.to_str().unwrap();
        assert!(path.contains("/site=hq-1/date=2026-"), "{path}");
    }
    let content: Vec<Vec<u8>> = before.iter().map(|file| fs::read(file).unwrap()).collect();
    audit(&place, &capture, &arguments);
    assert_eq!(files(&place.path().join("t")).len(), 2 * Table::ALL.len());
    for (file, content) in before.iter().zip(content) {
        assert_eq!(fs::read(file).unwrap(), content);
    }
}

#[test]
fn what_cannot_be_written_is_said_and_leaves_nothing() {
    let place = Place::new();
    place.write("t/verdicts", "a file where a folder should be");
    let run = audit(&place, &recording("dns_faults"), &["--tables", "t"]);
    assert_eq!(run.status, Some(2), "{}", run.shown());
    assert!(
        run.complaints.starts_with("intap: --tables: t/verdicts"),
        "{}",
        run.shown()
    );
    assert!(
        run.output.contains("\"schema_version\""),
        "the report comes all the same"
    );
    assert_eq!(
        files(&place.path().join("t")),
        [place.path().join("t/verdicts")]
    );
    for site in ["../up", "", "a/b", ".hidden", "a=b"] {
        let run = audit(
            &place,
            &recording("dns_faults"),
            &["--tables", "u", "--site", site],
        );
        assert_eq!(run.status, Some(2), "{}", run.shown());
        assert!(
            run.complaints.contains("a site's name becomes a folder"),
            "{}",
            run.shown()
        );
    }
}

#[test]
fn hostile_names_start_no_formula_and_drive_no_terminal() {
    let mut wire = Wire::new(b"", b"", b"");
    for name in [
        "=cmd|'/c calc'!A1.manage.microsoft.com",
        "@SUM(1).manage.microsoft.com",
        "\u{1b}[2J\u{202e}.manage.microsoft.com",
    ] {
        wire.connection([20, 37, 153, 10], 443, &client_hello(name.as_bytes()), None);
    }
    wire.lookup_of_absent_name(&[b"=1+1", b"manage", b"microsoft", b"com"]);
    let place = Place::new();
    place.write("hostile.pcapng", wire.finish());
    for format in ["csv", "jsonl", "parquet"] {
        audit(
            &place,
            Path::new("hostile.pcapng"),
            &["--tables", format, "--tables-format", format],
        );
    }
    let mut neutralised = 0;
    for file in files(&place.path().join("csv")) {
        let text = fs::read_to_string(file).unwrap();
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "{text}"
        );
        for cell in text.lines().flat_map(|line| line.split([',', '"'])) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
            neutralised += usize::from(cell.starts_with("'=") || cell.starts_with("'@"));
        }
    }
    assert!(neutralised >= 3, "{neutralised}");
    let names = parquet(&place.path().join("parquet"), "flows");
    let names = names.column("name").unwrap().str().unwrap();
    assert!(
        names.iter().flatten().any(|name| name.starts_with("=cmd")),
        "{names:?}"
    );
}

/// The rows of the column dictionary for one table.
fn dictionary(table: Table) -> String {
    let mut text = String::from(
        "| column | type | unit | meaning | null when |\n| --- | --- | --- | --- | --- |\n",
    );
    for column in table.columns() {
        let (name, kind) = (column.name, column.kind.type_name());
        let (unit, meaning, null) = (column.unit, column.meaning, column.null);
        let null = if null.is_empty() { "never" } else { null };
        text.push_str(&format!(
            "| `{name}` | {kind} | {unit} | {meaning} | {null} |\n"
        ));
    }
    text
}

/// `UPDATE_GOLDEN=1` writes the columns into the page.
#[test]
fn the_manual_page_lists_the_columns() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut wanted = page.clone();
    for table in Table::ALL {
        let begin = format!("<!-- {} -->\n", table.name());
        let (before, rest) = wanted.split_once(&begin).expect("a place for the columns");
        let (_, after) = rest.split_once("<!-- end -->").expect("an end");
        wanted = format!("{before}{begin}{}<!-- end -->{after}", dictionary(table));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "run `UPDATE_GOLDEN=1 cargo test --test tables` and read what changed"
        );
    }
}
