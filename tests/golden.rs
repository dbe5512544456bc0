//! Runs every case of `fixtures/cases` through the real program and compares its outputs file by file.
//!
//! A case is a folder with `case.toml` and, in `expected`, the files it is about: `report.txt`, `report.json`, `exit_status`. Only files
//! that are there are compared, so that a case says what it is about. `UPDATE_GOLDEN=1 cargo test --test golden` rewrites them
//! (and, for a new case without any, makes `report.txt` and `exit_status`); the change is then reviewed like code.

#[path = "support/program.rs"]
#[allow(dead_code, reason = "cases have no standard input")]
mod program;

use program::{Place, fixture};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// `case.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows and why it is kept.
    purpose: String,
    /// The capture, below `fixtures`.
    capture: String,
    /// Octets of the capture to keep; all of them when absent.
    cut_after: Option<usize>,
    /// Further arguments of `intap audit`.
    #[serde(default)]
    arguments: Vec<String>,
}

const TEXT: &str = "report.txt";
const JSON: &str = "report.json";
const STATUS: &str = "exit_status";

#[test]
fn every_case_gives_what_is_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    let mut names: Vec<_> = fs::read_dir(fixture("cases"))
        .expect("fixtures/cases")
        .map(|entry| entry.expect("a case").path())
        .collect();
    names.sort();
    assert!(names.len() >= 4, "only {} cases", names.len());
    for directory in names {
        check(&directory, update, &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} expectations differ; see whether that is meant, and then run `UPDATE_GOLDEN=1 cargo test --test golden`\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

fn check(directory: &Path, update: bool, wrong: &mut Vec<String>) {
    let name = directory.file_name().expect("a name").to_string_lossy();
    let text = fs::read_to_string(directory.join("case.toml")).expect("case.toml");
    let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!case.purpose.is_empty(), "{name}: a case needs a purpose");
    let expected = directory.join("expected");
    fs::create_dir_all(&expected).expect("a directory");
    let is_new = fs::read_dir(&expected).expect("expected").next().is_none();
    let (place, file) = place(&case);
    let run = |format: &str| {
        let mut arguments = vec!["audit", file, "--format", format];
        arguments.extend(case.arguments.iter().map(String::as_str));
        place.run(&arguments)
    };
    let text = run("text");
    assert_eq!(text.complaints, "", "{name}: {}", text.shown());
    let status = format!("{}\n", text.status.expect("a status"));
    for (file, output) in [
        (TEXT, text.output),
        (JSON, without_version(&run("json").output)),
        (STATUS, status),
    ] {
        let path = expected.join(file);
        let wanted = path.exists() || (is_new && update && file != JSON);
        if !wanted {
            continue;
        }
        if update {
            fs::write(&path, &output).expect("a file");
            continue;
        }
        let before = fs::read_to_string(&path).expect("UTF-8");
        if before != output {
            wrong.push(format!("{name}/{file}:\n{}", differences(&before, &output)));
        }
    }
    assert!(
        !is_new || update,
        "{name}: nothing is expected; run `UPDATE_GOLDEN=1 cargo test --test golden`"
    );
}

/// A directory with the capture in it, so that no path of this machine gets into a report.
fn place(case: &Case) -> (Place, &'static str) {
    let bytes = fs::read(fixture(&case.capture))
        .unwrap_or_else(|error| panic!("{}: {error}", case.capture));
    let kept = case.cut_after.unwrap_or(bytes.len()).min(bytes.len());
    let place = Place::new();
    let file = if case.capture.ends_with(".pcapng") {
        "capture.pcapng"
    } else {
        "capture.pcap"
    };
    place.write(file, &bytes[..kept]);
    (place, file)
}

/// A new version of the program is no change of the report.
fn without_version(report: &str) -> String {
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    report.replacen(&version, "\"version\": \"(any)\"", 1)
}

/// The first lines that differ.
fn differences(expected: &str, found: &str) -> String {
    const SHOWN: usize = 12;
    let (mut old, mut new) = (expected.lines(), found.lines());
    let mut shown = Vec::new();
    loop {
        let pair = (old.next(), new.next());
        match pair {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                shown.extend(a.map(|line| format!("- {line}")));
                shown.extend(b.map(|line| format!("+ {line}")));
            }
        }
        if shown.len() >= SHOWN {
            shown.push("…".to_owned());
            break;
        }
    }
    shown.join("\n")
}

#[test]
fn the_readme_shows_the_real_report() {
    const START: &str = "```text\n$ intap audit ";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("README.md");
    let (before, rest) = readme.split_once(START).expect("the report's start");
    let (capture, rest) = rest.split_once('\n').expect("the command's end");
    let (shown, after) = rest.split_once("```\n").expect("the report's end");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(capture);
    let report = Place::new()
        .run(&["audit", file.to_str().expect("UTF-8")])
        .output;
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(
            &path,
            format!("{before}{START}{capture}\n{report}```\n{after}"),
        )
        .expect("README.md");
    } else {
        assert!(
            shown == report,
            "the README shows another report; run `UPDATE_GOLDEN=1 cargo test --test golden`\n{}",
            differences(shown, &report)
        );
    }
}
