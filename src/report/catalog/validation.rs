//! What is wrong with a catalogue file.

use super::json;
use super::page::{Page, count};
use crate::catalog::{CatalogError, EditionFile};
use crate::facts::printable;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Validation<'e> {
    file: &'e str,
    valid: bool,
    edition: Option<&'e str>,
    endpoint_sets: Option<usize>,
    errors: Vec<Complaint<'e>>,
}

#[derive(Debug, Serialize)]
struct Complaint<'e> {
    line: usize,
    record: Option<&'e str>,
    field: Option<&'e str>,
    expected: Option<String>,
    found: Option<&'e str>,
    message: String,
}

/// The result as JSON.
#[must_use]
pub fn validation_json(file: &str, checked: &Result<EditionFile, Vec<CatalogError>>) -> String {
    let read = checked.as_ref().ok();
    json(&Validation {
        file,
        valid: checked.is_ok(),
        edition: read.map(|read| read.edition.name.as_str()),
        endpoint_sets: read.map(|read| read.sets.len()),
        errors: match checked {
            Ok(_) => Vec::new(),
            Err(complaints) => complaints.iter().map(complaint).collect(),
        },
    })
}

fn complaint(error: &CatalogError) -> Complaint<'_> {
    let (record, field, expected, found) = match error {
        CatalogError::Field {
            place,
            expected,
            found,
        } => (
            Some(place.record.as_str()),
            Some(place.field.as_str()),
            Some(expected.clone()),
            Some(found.as_str()),
        ),
        CatalogError::UnknownField { place, known } => (
            Some(place.record.as_str()),
            Some(place.field.as_str()),
            Some(format!("one of {known}")),
            None,
        ),
        CatalogError::Duplicate { record, .. } => (Some(record.as_str()), None, None, None),
        CatalogError::UnknownEdition { .. } | CatalogError::Syntax { .. } => {
            (None, None, None, None)
        }
    };
    Complaint {
        line: error.line(),
        record,
        field,
        expected,
        found,
        message: error.to_string(),
    }
}

/// The result as text: one complaint a line, unwrapped, so that editors can jump to it.
#[must_use]
pub fn validation_text(file: &str, checked: &Result<EditionFile, Vec<CatalogError>>) -> String {
    let mut page = Page::default();
    let file = printable(file.as_bytes(), 200);
    match checked {
        Ok(read) => {
            let hosts = read.sets.iter().map(|set| set.hosts.len()).sum();
            let prefixes = read.sets.iter().map(|set| set.prefixes.len()).sum();
            page.line(&format!(
                "{file}: nothing wrong: {}, {}, {}",
                count(read.sets.len(), "endpoint set"),
                count(hosts, "host"),
                count(prefixes, "prefix"),
            ));
        }
        Err(complaints) => {
            for complaint in complaints {
                page.line(&complaint.to_string());
            }
            page.line(&format!("{file}: {}", count(complaints.len(), "error")));
        }
    }
    page.finish()
}
