//! What the manual pages promise: links that lead somewhere, and every code that a report can carry.

use intap::audit::{Cause, Unclear, Verdict};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All pages: those of the top folder, of `docs` and of `fixtures`.
fn pages() -> Vec<PathBuf> {
    ["", "docs", "fixtures"]
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

#[test]
fn links_lead_to_files_that_are_there() {
    let mut followed = 0;
    for path in pages() {
        let text = fs::read_to_string(&path).expect("UTF-8");
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            followed += 1;
            let file = path.parent().expect("a folder").join(target);
            assert!(file.exists(), "{}: {target} is not there", path.display());
        }
    }
    assert!(followed >= 8, "{followed} links");
}

#[test]
fn every_verdict_and_cause_is_explained() {
    let text = page("docs/reading-a-report.md");
    let verdicts = [
        Verdict::Reached,
        Verdict::Degraded,
        Verdict::Blocked,
        Verdict::Intercepted,
        Verdict::NeverReached,
        Verdict::NotExercised,
        Verdict::Inconclusive,
    ];
    let unclear = [
        Unclear::OneWay,
        Unclear::MidStream,
        Unclear::Truncated,
        Unclear::StillOpen,
        Unclear::Unknown,
    ];
    let codes = verdicts
        .iter()
        .map(|verdict| verdict.code())
        .chain(unclear.iter().map(|unclear| unclear.code()))
        .chain(Cause::ALL.iter().map(|cause| cause.code()));
    for code in codes {
        assert!(
            text.contains(&format!("`{code}`")),
            "{code} is not explained"
        );
    }
}

#[test]
fn every_reason_of_fitness_is_explained() {
    let text = page("docs/recording.md");
    let source = page("src/audit/fitness.rs");
    let mut codes: Vec<&str> = source
        .split("code: \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    // Codes that are chosen by a condition or passed on.
    codes.extend([
        "encrypted_dns",
        "no_dns",
        "copies",
        "address_translation",
        "bad_checksums",
    ]);
    for code in &codes {
        assert!(
            source.contains(&format!("\"{code}\"")),
            "{code} is no reason any more"
        );
        assert!(
            text.contains(&format!("`{code}`")),
            "{code} is not explained"
        );
    }
    assert!(codes.len() >= 12, "{codes:?}");
}

#[test]
fn the_demonstration_is_the_one_the_readme_shows() {
    let makefile = page("Makefile");
    let capture = makefile
        .lines()
        .find_map(|line| line.strip_prefix("DEMO := "))
        .expect("DEMO");
    assert!(page("README.md").contains(&format!("$ intap audit {capture}\n")));
    assert!(root().join(capture).exists());
}
