//! Inputs that are captures or JSON reports, told by their content, and what they say either way.

use super::audit::{Filter, audit, complain};
use super::catalog::read_text_within;
use crate::anonymize::Anonymizer;
use crate::audit::{AuditOptions, ScenarioPlan};
use crate::capture::{FrameStream, Input};
use crate::catalog::Catalog;
use crate::results::Results;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io::{self, BufRead, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Longest report read, in octets: that of a site with some 20,000 devices.
const LONGEST_REPORT: u64 = 1 << 30;

/// Octets that tell a report from a capture: a mark, blanks and a brace.
const HEAD: usize = 64;

/// What the inputs say, and complaints about those that could not be read. Captures are audited together; a report stands for
/// itself. Only devices with one of the addresses are kept, where any are given. An anonymizer replaces what captures tell; a report
/// says what it was made to say.
///
/// # Errors
///
/// Nothing could be read, or a report was named beside something else or is to be anonymized.
pub fn load(
    paths: &[PathBuf],
    (catalog, scenario): (&Catalog, &ScenarioPlan),
    clients: &[IpAddr],
    anonymizer: Option<&mut Anonymizer<'_>>,
) -> anyhow::Result<(Results, Vec<String>)> {
    match paths {
        [path] if anonymizer.is_some() && is_report(path) => bail!(
            "{}: --anonymize works on captures; have the report written with `intap audit --anonymize --format json`",
            path.display()
        ),
        [path] if is_report(path) => {
            let text = read_text_within(path, LONGEST_REPORT)?;
            let mut results =
                Results::from_json(&text).with_context(|| path.display().to_string())?;
            keep_only(&mut results, clients);
            return Ok((results, Vec::new()));
        }
        [_] => {}
        several => {
            if let Some(path) = several.iter().find(|path| is_report(path)) {
                bail!(
                    "{}: a JSON report stands for itself; name it alone, or name captures only",
                    path.display()
                );
            }
        }
    }
    let inputs: Vec<Input> = paths.iter().cloned().map(Input::from).collect();
    let stream = FrameStream::open(&inputs).map_err(complain)?;
    let options = AuditOptions {
        scenario: scenario.clone(),
        clients: clients.to_vec(),
        ..AuditOptions::default()
    };
    let (report, failures) = audit(stream, catalog, options, Filter::default(), anonymizer);
    Ok((Results::of(&report)?, failures))
}

fn keep_only(results: &mut Results, clients: &[IpAddr]) {
    if clients.is_empty() {
        return;
    }
    results
        .devices
        .retain(|device| device.addresses.iter().any(|a| clients.contains(a)));
    let kept: Vec<IpAddr> = results
        .devices
        .iter()
        .filter_map(|device| device.address())
        .collect();
    results
        .findings
        .retain(|finding| kept.contains(&finding.client));
}

/// Whether the input begins as JSON does. Nothing is taken off standard input; pipes with a name are captures.
fn is_report(path: &Path) -> bool {
    if path == Path::new("-") {
        return io::stdin().lock().fill_buf().is_ok_and(begins_as_json);
    }
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)
        .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
        .is_ok_and(|_| begins_as_json(&head))
}

/// A brace behind byte order marks, blanks, and the zeros of UTF-16.
fn begins_as_json(head: &[u8]) -> bool {
    head.iter()
        .find(|octet| {
            !matches!(
                octet,
                0xff | 0xfe | 0xef | 0xbb | 0xbf | 0 | b' ' | b'\t' | b'\r' | b'\n'
            )
        })
        .is_some_and(|octet| matches!(octet, b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_told_from_captures() {
        for report in [
            &b"{\"a\""[..],
            b" \r\n{",
            b"\xef\xbb\xbf{",
            b"\xff\xfe{\0",
            b"\xfe\xff\0{",
        ] {
            assert!(begins_as_json(report), "{report:?}");
        }
        for capture in [
            &b"\xd4\xc3\xb2\xa1\x02\0"[..],
            b"\xa1\xb2\xc3\xd4",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0",
            b"\x1f\x8b\x08",
            b"\x28\xb5\x2f\xfd",
            b"",
        ] {
            assert!(!begins_as_json(capture), "{capture:?}");
        }
    }
}
