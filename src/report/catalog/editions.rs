//! Which editions there are.

use super::json;
use super::page::{Page, count, title};
use crate::catalog::EditionFile;
use serde::Serialize;

/// An edition to choose.
#[derive(Debug, Serialize)]
pub struct EditionLine {
    edition: String,
    kind: &'static str,
    default: bool,
    date: Option<String>,
    cloud: String,
    language: String,
    title: String,
    source: String,
    endpoint_sets: usize,
    beside: Option<&'static str>,
    #[serde(skip)]
    heading: String,
}

impl EditionLine {
    /// Describes an edition; `beside` names the shipped edition that an imported one is laid beside.
    #[must_use]
    pub fn new(file: &EditionFile, default: bool, beside: Option<&'static str>) -> Self {
        let edition = &file.edition;
        Self {
            edition: edition.name.clone(),
            kind: edition.kind.name(),
            default,
            date: edition.date.clone(),
            cloud: edition.cloud.clone(),
            language: edition.language.clone(),
            title: edition.title.clone(),
            source: edition.source.clone(),
            endpoint_sets: file.sets.len(),
            beside,
            heading: title(edition),
        }
    }
}

#[derive(Debug, Serialize)]
struct Editions<'e> {
    editions: &'e [EditionLine],
}

/// The editions as JSON.
#[must_use]
pub fn editions_json(editions: &[EditionLine]) -> String {
    json(&Editions { editions })
}

/// The editions as text.
#[must_use]
pub fn editions_text(editions: &[EditionLine]) -> String {
    let mut page = Page::default();
    for line in editions {
        let default = if line.default { ", the default" } else { "" };
        let sets = count(line.endpoint_sets, "set");
        page.labelled(
            "",
            &format!(
                "{}: {}, {}, {sets}{default}",
                line.heading, line.cloud, line.language
            ),
        );
        page.labelled("    ", &line.source);
        if let Some(beside) = line.beside {
            page.labelled(
                "    ",
                &format!("laid beside {beside}, replacing nothing of it"),
            );
        }
    }
    page.finish()
}
