//! A whole edition, for other programs and for spreadsheets.

use super::json;
use super::set::FullRecord;
use crate::catalog::{Category, Edition, EditionFile, EndpointSet, Ground, HandlingRule};
use crate::facts::printable;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Export<'e> {
    edition: Header<'e>,
    endpoint_sets: Vec<FullRecord<'e>>,
}

#[derive(Debug, Serialize)]
struct Header<'e> {
    name: &'e str,
    kind: &'static str,
    cloud: &'e str,
    title: &'e str,
    source: &'e str,
    language: &'e str,
    date: Option<&'e str>,
    peer_tcp_ports: &'e [u16],
    peer_udp_ports: &'e [u16],
    unauthenticated_proxy: Vec<Rule<'e>>,
    no_tls_inspection: Vec<Rule<'e>>,
    partial_content: Vec<Rule<'e>>,
    notes: &'e [String],
}

#[derive(Debug, Serialize)]
struct Rule<'e> {
    hosts: Vec<&'e str>,
    sets: Vec<String>,
    stated_for: &'e str,
}

/// The edition with its header, its handling rules and everything that is known about its sets.
#[must_use]
pub fn edition_json(file: &EditionFile) -> String {
    json(&Export {
        edition: header(&file.edition),
        endpoint_sets: file.sets.iter().map(FullRecord::new).collect(),
    })
}

fn header(edition: &Edition) -> Header<'_> {
    Header {
        name: &edition.name,
        kind: edition.kind.name(),
        cloud: &edition.cloud,
        title: &edition.title,
        source: &edition.source,
        language: &edition.language,
        date: edition.date.as_deref(),
        peer_tcp_ports: &edition.peer_tcp_ports,
        peer_udp_ports: &edition.peer_udp_ports,
        unauthenticated_proxy: edition.unauthenticated_proxy.iter().map(rule).collect(),
        no_tls_inspection: edition.no_tls_inspection.iter().map(rule).collect(),
        partial_content: edition.partial_content.iter().map(rule).collect(),
        notes: &edition.notes,
    }
}

fn rule(rule: &HandlingRule) -> Rule<'_> {
    Rule {
        hosts: rule.hosts.iter().map(|pattern| pattern.as_str()).collect(),
        sets: rule.sets.iter().map(ToString::to_string).collect(),
        stated_for: &rule.stated_for,
    }
}

/// The edition as CSV (RFC 4180): one line per host and prefix, and one for a set that has neither.
#[must_use]
pub fn edition_csv(file: &EditionFile) -> String {
    let mut table = String::from(
        "edition,id,key,feature_area,description,category,required,express_route,kind,value,strength,standing,tcp_ports,udp_ports\r\n",
    );
    for set in &file.sets {
        let hosts = set
            .hosts
            .iter()
            .chain(&set.also_recognised)
            .map(Ground::Host);
        let prefixes = set
            .prefixes
            .iter()
            .chain(&set.retired_prefixes)
            .map(Ground::Prefix);
        let mut grounds = hosts.chain(prefixes).peekable();
        if grounds.peek().is_none() {
            write_line(&mut table, &file.edition, set, None);
        }
        for ground in grounds {
            write_line(&mut table, &file.edition, set, Some(ground));
        }
    }
    table
}

fn write_line(
    table: &mut String,
    edition: &Edition,
    set: &EndpointSet,
    ground: Option<Ground<'_>>,
) {
    let flag = |flag: Option<bool>| flag.map_or(String::new(), |flag| flag.to_string());
    let ports = |ports: &[u16]| {
        ports
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let kind = match ground {
        Some(Ground::Host(_)) => "host",
        Some(Ground::Prefix(_)) => "prefix",
        None => "",
    };
    let cells = [
        edition.name.clone(),
        set.id().map_or(String::new(), |id| id.to_string()),
        set.key.to_string(),
        set.feature_area().name().to_owned(),
        set.description.to_string(),
        set.category.map_or(String::new(), |category| {
            Category::published_name(category).to_owned()
        }),
        flag(set.required),
        flag(set.express_route),
        kind.to_owned(),
        ground.map_or(String::new(), |ground| ground.to_string()),
        ground.map_or(String::new(), |ground| ground.strength().code().to_owned()),
        ground.map_or(String::new(), |ground| ground.standing().name().to_owned()),
        ports(&set.tcp_ports),
        ports(&set.udp_ports),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    table.push_str(&cells.join(","));
    table.push_str("\r\n");
}

/// Longest cell, in characters; spreadsheets take no longer ones (Excel's limit is 32,767).
const LONGEST_CELL: usize = 32_000;

/// A cell that no spreadsheet takes for a formula (a leading apostrophe makes it text), quoted where it must be.
pub(crate) fn cell(text: &str) -> String {
    let mut text = printable(text.as_bytes(), LONGEST_CELL).to_string();
    if text.starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    if text.contains(['"', ',']) {
        text = format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(cell("a\r\nb"), "a\\013\\010b");
    }
}
