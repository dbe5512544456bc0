//! Endpoint sets with everything that is known about them.

use super::json;
use super::list::Record;
use super::page::{Page, ports, title, yes_or_no};
use crate::catalog::{Category, Edition, EndpointSet, FeatureArea, ListedHost, Region, Standing};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Sets<'e> {
    edition: &'e str,
    endpoint_sets: Vec<FullRecord<'e>>,
}

/// A set with everything that is known about it.
#[derive(Debug, Serialize)]
pub(super) struct FullRecord<'e> {
    #[serde(flatten)]
    published: Record<'e>,
    standing: &'static str,
    feature_areas: Vec<&'static str>,
    sections: &'e [String],
    published_description: Option<&'e str>,
    region: Option<&'static str>,
    generic_hosts: Vec<&'e str>,
    sample_hosts: Vec<&'e str>,
    published_case: &'e [String],
    also_recognised: Vec<AlsoRecognised>,
    shared_prefixes: Vec<String>,
    misprints: Vec<Misprint<'e>>,
    scale_units: &'e [String],
    storage_names: &'e [String],
    expected_addresses: Vec<String>,
    source: Option<&'e str>,
}

#[derive(Debug, Serialize)]
struct AlsoRecognised {
    value: String,
    standing: &'static str,
    misprint: bool,
}

#[derive(Debug, Serialize)]
struct Misprint<'e> {
    published: &'e str,
    meant: &'e str,
}

impl<'e> FullRecord<'e> {
    pub(super) fn new(set: &'e EndpointSet) -> Self {
        let hosts = |wanted: fn(&ListedHost) -> bool| {
            let hosts = set.hosts.iter().filter(|host| wanted(host));
            hosts.map(|host| host.pattern.as_str()).collect()
        };
        let more_hosts = set.also_recognised.iter().map(|host| AlsoRecognised {
            value: host.pattern.to_string(),
            standing: host.standing.name(),
            misprint: host.misprint,
        });
        let more_prefixes = set.retired_prefixes.iter().map(|listed| AlsoRecognised {
            value: listed.prefix.to_string(),
            standing: listed.standing.name(),
            misprint: false,
        });
        Self {
            published: Record::new(set),
            standing: set.standing.name(),
            feature_areas: set.feature_areas.iter().map(|area| area.name()).collect(),
            sections: &set.sections,
            published_description: set.published_description.as_deref(),
            region: set.region.map(Region::name),
            generic_hosts: hosts(|host| host.generic),
            sample_hosts: hosts(|host| host.sample),
            published_case: &set.published_case,
            also_recognised: more_hosts.chain(more_prefixes).collect(),
            shared_prefixes: set
                .prefixes
                .iter()
                .filter(|listed| listed.shared)
                .map(|listed| listed.prefix.to_string())
                .collect(),
            misprints: set
                .misprints
                .iter()
                .map(|misprint| Misprint {
                    published: &misprint.published,
                    meant: &misprint.meant,
                })
                .collect(),
            scale_units: &set.scale_units,
            storage_names: &set.storage_names,
            expected_addresses: set
                .expected_addresses
                .iter()
                .map(ToString::to_string)
                .collect(),
            source: set.source.as_deref(),
        }
    }
}

/// Sets as JSON: the fields of the list, and everything else that is known.
#[must_use]
pub fn sets_json(edition: &Edition, sets: &[&EndpointSet]) -> String {
    json(&Sets {
        edition: &edition.name,
        endpoint_sets: sets.iter().map(|set| FullRecord::new(set)).collect(),
    })
}

/// Sets as text.
#[must_use]
pub fn sets_text(edition: &Edition, sets: &[&EndpointSet]) -> String {
    let mut page = Page::default();
    for (number, set) in sets.iter().enumerate() {
        if number > 0 {
            page.line("");
        }
        write_set(&mut page, edition, set);
    }
    page.finish()
}

fn write_set(page: &mut Page, edition: &Edition, set: &EndpointSet) {
    page.labelled(&format!("{}  ", set.key), &set.description);
    page.labelled(
        "  In words     ",
        set.published_description.as_deref().unwrap_or_default(),
    );
    page.labelled("  Edition      ", &title(edition));
    page.labelled("  Known as     ", standing_in_words(set.standing));
    let areas: Vec<&str> = set
        .feature_areas
        .iter()
        .map(|area| FeatureArea::title(*area))
        .collect();
    page.labelled("  Area         ", &areas.join(", "));
    page.labelled("  Sections     ", &set.sections.join("; "));
    page.labelled("  Required     ", yes_or_no(set.required));
    page.labelled(
        "  Category     ",
        set.category.map_or("not stated", Category::published_name),
    );
    page.labelled("  ExpressRoute ", yes_or_no(set.express_route));
    page.labelled("  Region       ", set.region.map_or("", Region::name));
    page.labelled("  Ports        ", &ports(&set.tcp_ports, &set.udp_ports));
    page.each("  Hosts        ", set.hosts.iter().map(host_in_words));
    let prefixes = |prefixes: &[crate::catalog::ListedPrefix], shared| -> String {
        let prefixes = prefixes.iter().filter(|listed| listed.shared == shared);
        let texts: Vec<String> = prefixes.map(|listed| listed.prefix.to_string()).collect();
        texts.join(", ")
    };
    page.labelled("  Prefixes     ", &prefixes(&set.prefixes, false));
    page.labelled("  shared       ", &prefixes(&set.prefixes, true));
    page.each(
        "  Besides      ",
        set.also_recognised.iter().map(host_in_words),
    );
    page.each(
        "  Besides      ",
        set.retired_prefixes
            .iter()
            .map(|listed| format!("{} ({})", listed.prefix, listed.standing.name())),
    );
    page.labelled("  Scale units  ", &set.scale_units.join(", "));
    page.labelled("  Storage      ", &set.storage_names.join(", "));
    let addresses: Vec<String> = set
        .expected_addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    page.labelled("  Resolves to  ", &addresses.join(", "));
    page.each(
        "  Misprints    ",
        set.misprints
            .iter()
            .map(|misprint| format!("{} means {}", misprint.published, misprint.meant)),
    );
    page.labelled("  Source       ", set.source.as_deref().unwrap_or_default());
    page.each(
        "  Notes        ",
        set.notes.iter().map(|note| format!("- {note}")),
    );
}

fn host_in_words(host: &ListedHost) -> String {
    let mut marks = Vec::new();
    if host.generic {
        marks.push("weak: others contact it too");
    }
    if host.sample {
        marks.push("a sample of the wildcard");
    }
    if host.misprint {
        marks.push("another spelling of a misprint");
    }
    if host.standing > Standing::Supplementary {
        marks.push(host.standing.name());
    }
    if marks.is_empty() {
        host.pattern.to_string()
    } else {
        format!("{} ({})", host.pattern, marks.join("; "))
    }
}

/// What a standing means.
pub(super) fn standing_in_words(standing: Standing) -> &'static str {
    match standing {
        Standing::Published => "published in this edition",
        Standing::Supplementary => "needed by devices, in no set of the article",
        Standing::Retired => "only in older editions",
        Standing::Imported => "only in an imported edition, whose source is inaccurate",
        Standing::Reference => "Microsoft 365, for reference: no proof of Intune",
    }
}
