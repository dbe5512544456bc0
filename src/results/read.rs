//! Reads a JSON report back.

use super::{Device, FindingResult, Results};
use crate::audit::{Cause, Verdict};
use crate::catalog::{Requirement, SetKey};
use crate::facts::printable;
use crate::report::schema::SCHEMA_VERSION;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Longest text kept of one field, in characters; the longest of our own are a finding's sentences.
const LONGEST_TEXT: usize = 4_096;

/// Why a file is no report that can be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// Not JSON at all.
    #[error(
        "neither a capture nor JSON ({0}); name a capture or what `intap audit --format json` wrote"
    )]
    NotJson(#[source] serde_json::Error),
    /// JSON, of something else or incomplete.
    #[error("no JSON report of `intap audit` ({0}); write one with --format json")]
    NotAReport(String),
    /// A report of a version with other meanings.
    #[error(
        "a report with schema version {0}, and this program knows version {SCHEMA_VERSION}; write it again with this program"
    )]
    OtherVersion(u64),
}

impl Results {
    /// Reads what `intap audit --format json` wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with the text; each ends with a way out.
    pub fn from_json(text: &str) -> Result<Self, ResultsError> {
        let value: Value = serde_json::from_str(text).map_err(ResultsError::NotJson)?;
        let version = value
            .get("schema_version")
            .and_then(Value::as_u64)
            .ok_or_else(|| ResultsError::NotAReport("it has no schema_version".to_owned()))?;
        if version != u64::from(SCHEMA_VERSION) {
            return Err(ResultsError::OtherVersion(version));
        }
        let report: Report = from_value(value)?;
        if report
            .clients
            .iter()
            .any(|device| device.addresses.is_empty())
        {
            return Err(ResultsError::NotAReport(
                "a client has no address".to_owned(),
            ));
        }
        Ok(Self {
            edition: report.catalog.edition,
            frames: report.capture.frames,
            first_time: report.capture.first_time,
            fitness: report.capture.fitness,
            devices: report.clients,
            findings: report.findings,
        })
    }
}

/// A part of our own report, in the same way.
pub(super) fn part<Part: DeserializeOwned>(part: impl Serialize) -> Result<Part, ResultsError> {
    let value =
        serde_json::to_value(part).map_err(|error| ResultsError::NotAReport(error.to_string()))?;
    from_value(value)
}

fn from_value<Part: DeserializeOwned>(mut value: Value) -> Result<Part, ResultsError> {
    neutralise(&mut value);
    serde_json::from_value(value).map_err(|error| {
        let error = error.to_string();
        ResultsError::NotAReport(printable(error.as_bytes(), 200).into())
    })
}

/// Makes every text printable. The reader has bounded the depth (serde_json: 128).
fn neutralise(value: &mut Value) {
    match value {
        Value::String(text) => *text = printable(text.as_bytes(), LONGEST_TEXT).into(),
        Value::Array(items) => items.iter_mut().for_each(neutralise),
        Value::Object(fields) => fields.values_mut().for_each(neutralise),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[derive(Deserialize)]
struct Report {
    capture: Capture,
    catalog: Edition,
    clients: Vec<Device>,
    findings: Vec<FindingResult>,
}

#[derive(Deserialize)]
struct Capture {
    frames: u64,
    first_time: Option<String>,
    fitness: String,
}

#[derive(Deserialize)]
struct Edition {
    edition: String,
}

pub(super) fn set_key<'de, D: Deserializer<'de>>(from: D) -> Result<SetKey, D::Error> {
    Ok(SetKey::parse(&String::deserialize(from)?))
}

pub(super) fn requirement<'de, D: Deserializer<'de>>(from: D) -> Result<Requirement, D::Error> {
    let name = String::deserialize(from)?;
    Requirement::from_name(&name)
        .ok_or_else(|| D::Error::custom(format!("unknown requirement `{name}`")))
}

pub(super) fn verdict<'de, D: Deserializer<'de>>(from: D) -> Result<Verdict, D::Error> {
    let code = String::deserialize(from)?;
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.code() == code)
        .ok_or_else(|| D::Error::custom(format!("unknown verdict `{code}`")))
}

pub(super) fn cause<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cause>, D::Error> {
    let Some(code) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    Cause::ALL
        .into_iter()
        .find(|cause| cause.code() == code)
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("unknown cause `{code}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Results::from_json(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_report_is_told() {
        assert!(refusal("{").starts_with("neither a capture nor JSON"));
        assert!(refusal("[]").contains("it has no schema_version"));
        assert!(refusal("{\"schema_version\": 2}").contains("schema version 2"));
        assert!(refusal("{\"schema_version\": 1}").contains("missing field"));
    }

    #[test]
    fn texts_cannot_drive_a_terminal() {
        let text = r#"{"schema_version": 1, "capture": {"frames": 0, "first_time": null, "fitness": "\u001b[2J"},
            "catalog": {"edition": "a\u202eb"}, "clients": [], "findings": []}"#;
        let results = Results::from_json(text).unwrap();
        assert_eq!(results.fitness, "\\027[2J");
        assert_eq!(results.edition, "a\\8238b");
    }
}
