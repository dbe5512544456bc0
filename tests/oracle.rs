//! Holds the program's flows, server names and lookups against another dissector's reading of the same capture.
//!
//! `tshark` (Wireshark 4 or later) is asked where it is installed; without it the tests say so and pass. The recordings
//! under `fixtures/captures` are always compared. Any other captures are with
//!
//! ```sh
//! INTAP_ORACLE_CAPTURES=/some/directory cargo test --test oracle -- --ignored --nocapture
//! ```
//!
//! which prints every difference, one a line: `-` for what only the dissector read, `+` for what only the program did.

#[path = "oracle/dissector.rs"]
mod dissector;
#[path = "oracle/program.rs"]
mod program;
#[path = "oracle/reading.rs"]
mod reading;

use reading::Reading;
use std::fs;
use std::path::{Path, PathBuf};

/// Names the directory of captures to compare.
const CAPTURES: &str = "INTAP_ORACLE_CAPTURES";

/// The capture files below `directory`, in a stable order.
fn captures(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for path in entries.map(|entry| entry.expect("a directory entry").path()) {
            if path.is_dir() {
                open.push(path);
            } else if is_capture(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_capture(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let name = name.trim_end_matches(".gz");
    [".pcap", ".pcapng", ".cap", ".ntar", ".dmp"]
        .iter()
        .any(|extension| name.ends_with(extension))
}

/// Every difference in the captures below `directory`, one a line.
fn differences(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let captures = captures(directory);
    assert!(
        !captures.is_empty(),
        "no captures in {}",
        directory.display()
    );
    let mut equal = 0;
    for capture in &captures {
        let name = capture.strip_prefix(directory).unwrap_or(capture).display();
        let found = match (dissector::read(capture), program::read(capture)) {
            (Ok(theirs), Ok(ours)) => theirs.differences(&ours),
            (Err(theirs), Err(_)) if theirs.is_refusal() => Vec::new(),
            (theirs, ours) => [theirs.err(), ours.err()]
                .into_iter()
                .flatten()
                .map(|failure| failure.to_string())
                .collect(),
        };
        if found.is_empty() {
            equal += 1;
        }
        for line in &found {
            println!("{name}: {line}");
        }
        lines.extend(found.into_iter().map(|line| format!("{name}: {line}")));
    }
    println!("{equal} of {} captures read alike", captures.len());
    lines
}

#[test]
fn the_recordings_read_alike() {
    if !dissector::is_installed() {
        println!("skipped: tshark is not installed");
        return;
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures");
    let differences = differences(&directory);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
#[ignore = "compares the captures in the directory that INTAP_ORACLE_CAPTURES names"]
fn captures_of_ones_own_read_alike() {
    if !dissector::is_installed() {
        println!("skipped: tshark is not installed");
        return;
    }
    let Some(directory) = std::env::var_os(CAPTURES) else {
        println!("skipped: {CAPTURES} names no directory");
        return;
    };
    let differences = differences(Path::new(&directory));
    assert!(
        differences.is_empty(),
        "{} differences, listed above",
        differences.len()
    );
}

#[test]
fn a_difference_is_seen() {
    let mut theirs = Reading::default();
    let (a, b) = (
        "192.0.2.1:50000".parse().expect("an address"),
        "192.0.2.2:443".parse().expect("an address"),
    );
    theirs.add_flow("tcp", a, b, 7);
    let mut ours = Reading::default();
    assert_eq!(theirs.differences(&ours).len(), 1, "a flow is missing");
    ours.add_flow("tcp", b, a, 9);
    assert!(
        theirs.differences(&ours).is_empty(),
        "ends have no order, and which packet is first may differ"
    );
    ours.add_flow("tcp", a, b, 12);
    assert_eq!(theirs.differences(&ours).len(), 1, "a flow too many");
}
