//! The sets of an edition, one record each.

use super::json;
use super::page::{Page, count, ports, title};
use crate::catalog::{Category, EditionFile, EndpointSet, FeatureArea};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct List<'e> {
    edition: &'e str,
    endpoint_sets: Vec<Record<'e>>,
}

/// A set as its edition publishes it.
#[derive(Debug, Serialize)]
pub(super) struct Record<'e> {
    id: Option<u16>,
    key: String,
    feature_area: &'static str,
    description: &'e str,
    category: Option<&'static str>,
    required: Option<bool>,
    express_route: Option<bool>,
    hosts: Vec<&'e str>,
    prefixes: Vec<String>,
    tcp_ports: &'e [u16],
    udp_ports: &'e [u16],
    notes: &'e [String],
}

impl<'e> Record<'e> {
    pub(super) fn new(set: &'e EndpointSet) -> Self {
        Self {
            id: set.id(),
            key: set.key.to_string(),
            feature_area: set.feature_area().name(),
            description: &set.description,
            category: set.category.map(Category::published_name),
            required: set.required,
            express_route: set.express_route,
            hosts: set.hosts.iter().map(|host| host.pattern.as_str()).collect(),
            prefixes: set
                .prefixes
                .iter()
                .map(|listed| listed.prefix.to_string())
                .collect(),
            tcp_ports: &set.tcp_ports,
            udp_ports: &set.udp_ports,
            notes: &set.notes,
        }
    }
}

/// The sets of an edition as JSON, in the order published.
#[must_use]
pub fn list_json(file: &EditionFile) -> String {
    json(&List {
        edition: &file.edition.name,
        endpoint_sets: file.sets.iter().map(Record::new).collect(),
    })
}

/// The sets of an edition as text, by feature area.
#[must_use]
pub fn list_text(file: &EditionFile) -> String {
    let mut page = Page::default();
    let hosts = file.sets.iter().map(|set| set.hosts.len()).sum();
    let prefixes = file.sets.iter().map(|set| set.prefixes.len()).sum();
    page.labelled(
        "",
        &format!(
            "Edition {}: {}, {}, {}",
            title(&file.edition),
            count(file.sets.len(), "endpoint set"),
            count(hosts, "host"),
            count(prefixes, "prefix"),
        ),
    );
    page.labelled("  Source ", &file.edition.source);
    for area in FeatureArea::ALL {
        let mut sets = file
            .sets
            .iter()
            .filter(|set| set.feature_area() == *area)
            .peekable();
        if sets.peek().is_some() {
            page.line("");
            page.line(area.title());
        }
        for set in sets {
            page.labelled(&format!("  {}  ", set.key), &set.description);
            page.labelled("      ", &summary(set));
        }
    }
    page.finish()
}

/// "required, Allow; 4 hosts, 91 prefixes; TCP 80, 443".
fn summary(set: &EndpointSet) -> String {
    let mut marks = Vec::new();
    match set.required {
        Some(true) => marks.push("required"),
        Some(false) => marks.push("not required"),
        None => {}
    }
    marks.extend(set.category.map(Category::published_name));
    let mut listed = Vec::new();
    if !set.hosts.is_empty() {
        listed.push(count(set.hosts.len(), "host"));
    }
    if !set.prefixes.is_empty() {
        listed.push(count(set.prefixes.len(), "prefix"));
    }
    if listed.is_empty() {
        listed.push("no host".to_owned());
    }
    let parts = [
        marks.join(", "),
        listed.join(", "),
        ports(&set.tcp_ports, &set.udp_ports),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}
