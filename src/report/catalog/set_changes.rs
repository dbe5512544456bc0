//! What changed between two editions.

use super::json;
use super::list::Record;
use super::page::{Page, title, yes_or_no};
use crate::catalog::{Category, Change, Edition, EditionChange, SetChange};
use serde::Serialize;
use std::fmt::Display;

#[derive(Debug, Serialize)]
struct Changes<'e> {
    before: &'e str,
    after: &'e str,
    sets_added: Vec<Record<'e>>,
    sets_removed: Vec<Record<'e>>,
    sets_changed: Vec<Changed<'e>>,
    hosts_added: &'e [&'e str],
    hosts_removed: &'e [&'e str],
    prefixes_added: &'e [String],
    prefixes_removed: &'e [String],
}

#[derive(Debug, Serialize)]
struct Changed<'e> {
    id: Option<u16>,
    key: String,
    key_before: String,
    description: &'e str,
    hosts_added: &'e [&'e str],
    hosts_removed: &'e [&'e str],
    prefixes_added: &'e [String],
    prefixes_removed: &'e [String],
    tcp_ports_added: &'e [u16],
    tcp_ports_removed: &'e [u16],
    udp_ports_added: &'e [u16],
    udp_ports_removed: &'e [u16],
    required: Option<BeforeAfter<bool>>,
    express_route: Option<BeforeAfter<bool>>,
    category: Option<BeforeAfter<&'static str>>,
}

#[derive(Debug, Serialize)]
struct BeforeAfter<T> {
    before: Option<T>,
    after: Option<T>,
}

impl<T> BeforeAfter<T> {
    fn new((before, after): (Option<T>, Option<T>)) -> Self {
        Self { before, after }
    }
}

/// The changes as JSON. A mark is null where it is the same in both.
#[must_use]
pub fn changes_json(before: &Edition, after: &Edition, change: &EditionChange<'_>) -> String {
    json(&Changes {
        before: &before.name,
        after: &after.name,
        sets_added: change
            .sets
            .added
            .iter()
            .map(|set| Record::new(set))
            .collect(),
        sets_removed: change
            .sets
            .removed
            .iter()
            .map(|set| Record::new(set))
            .collect(),
        sets_changed: change.changed.iter().map(changed).collect(),
        hosts_added: &change.hosts.added,
        hosts_removed: &change.hosts.removed,
        prefixes_added: &change.prefixes.added,
        prefixes_removed: &change.prefixes.removed,
    })
}

fn changed<'e>(set: &'e SetChange<'_>) -> Changed<'e> {
    let category = |category: Option<Category>| category.map(Category::published_name);
    Changed {
        id: set.after.id(),
        key: set.after.key.to_string(),
        key_before: set.before.key.to_string(),
        description: &set.after.description,
        hosts_added: &set.hosts.added,
        hosts_removed: &set.hosts.removed,
        prefixes_added: &set.prefixes.added,
        prefixes_removed: &set.prefixes.removed,
        tcp_ports_added: &set.tcp_ports.added,
        tcp_ports_removed: &set.tcp_ports.removed,
        udp_ports_added: &set.udp_ports.added,
        udp_ports_removed: &set.udp_ports.removed,
        required: set.required().map(BeforeAfter::new),
        express_route: set.express_route().map(BeforeAfter::new),
        category: set
            .category()
            .map(|(before, after)| BeforeAfter::new((category(before), category(after)))),
    }
}

/// The changes as text: `+` for what only the second edition has, `-` for what only the first one has.
#[must_use]
pub fn changes_text(before: &Edition, after: &Edition, change: &EditionChange<'_>) -> String {
    let mut page = Page::default();
    page.labelled("", &format!("- {}", title(before)));
    page.labelled("", &format!("+ {}", title(after)));
    if change.sets.is_empty() && change.changed.is_empty() {
        page.line("");
        page.line("No set differs.");
    }
    for (sign, heading, sets) in [
        ("+ ", "Sets added", &change.sets.added),
        ("- ", "Sets removed", &change.sets.removed),
    ] {
        if sets.is_empty() {
            continue;
        }
        page.line("");
        page.line(heading);
        for set in sets {
            page.labelled(&format!("{sign}{}  ", set.key), &set.description);
            let hosts: Vec<&str> = set.hosts.iter().map(|host| host.pattern.as_str()).collect();
            page.labelled("      ", &hosts.join(", "));
            let prefixes: Vec<String> = set
                .prefixes
                .iter()
                .map(|listed| listed.prefix.to_string())
                .collect();
            page.labelled("      ", &prefixes.join(", "));
        }
    }
    if !change.changed.is_empty() {
        page.line("");
        page.line("Sets changed");
    }
    for set in &change.changed {
        write_set(&mut page, set);
    }
    page.finish()
}

fn write_set(page: &mut Page, set: &SetChange<'_>) {
    page.labelled(&format!("  {}  ", set.after.key), &set.after.description);
    let mut note = |what: &str, before: &dyn Display, after: &dyn Display| {
        page.labelled("      ", &format!("{what}: {before}, now {after}"));
    };
    if let Some((before, after)) = set.renumbered() {
        note("number", before, after);
    }
    if let Some((before, after)) = set.required() {
        note("required", &yes_or_no(before), &yes_or_no(after));
    }
    if let Some((before, after)) = set.category() {
        let word =
            |category: Option<Category>| category.map_or("not stated", Category::published_name);
        note("category", &word(before), &word(after));
    }
    if let Some((before, after)) = set.express_route() {
        note("ExpressRoute", &yes_or_no(before), &yes_or_no(after));
    }
    write_change(page, "hosts ", &set.hosts);
    write_change(page, "prefixes ", &set.prefixes);
    write_change(page, "TCP port ", &set.tcp_ports);
    write_change(page, "UDP port ", &set.udp_ports);
}

fn write_change<T: Display>(page: &mut Page, what: &str, change: &Change<T>) {
    for (sign, items) in [("    + ", &change.added), ("    - ", &change.removed)] {
        if !items.is_empty() {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            page.labelled(&format!("{sign}{what}"), &items.join(", "));
        }
    }
}
