//! Turns the text of a catalogue file into an edition and its sets, and checks both.
//!
//! The same reader serves the files that are part of the program and those of a user. It knows what a record must look
//! like, not what Microsoft published: that the shipped data is complete is for the tests to say.

use super::edition::{Edition, EditionFile, EditionKind, HandlingRule};
use super::endpoint_set::{
    Category, EndpointSet, ListedHost, ListedPrefix, Misprint, Region, SetKey, Standing,
};
use super::error::CatalogError;
use super::feature_area::FeatureArea;
use super::host_pattern::HostPattern;
use super::prefix::Prefix;
use super::record::{Complaints, Record, Source};
use std::collections::HashSet;

/// Reads a catalogue file; `file_name` is used in complaints only.
///
/// # Errors
///
/// The first thing that is wrong, with file, line, record and field.
pub fn parse_edition(text: &str, file_name: &str) -> Result<EditionFile, CatalogError> {
    let document = Source {
        file: file_name,
        text,
    }
    .document()?;
    read_document(document, file_name)
}

/// As [`parse_edition`], and reads on after a complaint: its author wants to hear them all.
///
/// # Errors
///
/// Everything that is wrong, in the order of lines; never empty.
pub fn check_edition(text: &str, file_name: &str) -> Result<EditionFile, Vec<CatalogError>> {
    let complaints = Complaints::default();
    let read = Source {
        file: file_name,
        text,
    }
    .forgiving_document(&complaints)
    .and_then(|document| read_document(document, file_name).map_err(|error| vec![error]));
    match read {
        Ok(file) if complaints.is_empty() => Ok(file),
        Ok(_) => Err(complaints.into_sorted()),
        Err(errors) => {
            errors.into_iter().for_each(|error| complaints.add(error));
            Err(complaints.into_sorted())
        }
    }
}

fn read_document(mut document: Record<'_>, file_name: &str) -> Result<EditionFile, CatalogError> {
    let header = match document.table("edition")? {
        Some(header) => Some(read_edition(header)?),
        None => None,
    };
    // The kind says how sets are read; without it they are read as a user's.
    let nameless = Edition::new(String::new(), EditionKind::User);
    let mut edition = document.demand("edition", "a table [edition]", header, nameless)?;
    edition.unauthenticated_proxy = read_rules(&mut document, "unauthenticated_proxy")?;
    edition.no_tls_inspection = read_rules(&mut document, "no_tls_inspection")?;
    edition.partial_content = read_rules(&mut document, "partial_content")?;
    let mut sets = Vec::new();
    let mut seen = HashSet::new();
    for record in document.tables("set")? {
        let line = record.line();
        let set = read_set(record, edition.kind)?;
        if seen.insert(set.key.clone()) {
            sets.push(set);
        } else {
            let twin = CatalogError::Duplicate {
                file: file_name.to_owned(),
                line,
                record: format!("set {}", set.key),
            };
            document.forgive(twin, ())?;
        }
    }
    let rules = edition
        .unauthenticated_proxy
        .iter()
        .chain(&edition.no_tls_inspection)
        .chain(&edition.partial_content);
    for key in rules.flat_map(|rule| &rule.sets) {
        if edition.kind != EditionKind::User && !seen.contains(key) {
            let expected = "the key of a set of this file";
            let stray = document.complaint("sets", &(0..0), expected, key.to_string());
            document.forgive(stray, ())?;
        }
    }
    document.finish()?;
    Ok(EditionFile { edition, sets })
}

fn read_edition(mut record: Record<'_>) -> Result<Edition, CatalogError> {
    let name = record.text("name")?;
    let name = record.demand("name", "the edition's name", name, String::new())?;
    let kind = record.parsed("kind", |text| {
        EditionKind::from_name(text)
            // Imported editions have a form of their own.
            .filter(|kind| *kind != EditionKind::Imported)
            .ok_or("article, sovereign, supplementary, reference or user")
    })?;
    let kind = record.demand("kind", "the kind of list", kind, EditionKind::User)?;
    let mut edition = Edition::new(name, kind);
    let mut described = |field, expected| {
        let text = record.text(field)?;
        match (text, kind) {
            // A user's own file need not say where it comes from.
            (None, EditionKind::User) => Ok("not stated".to_owned()),
            (text, _) => record.demand(field, expected, text, String::new()),
        }
    };
    edition.title = described("title", "the document's title")?;
    edition.source = described("source", "the document's source")?;
    edition.language = described("language", "the document's language")?;
    let date = record.parsed("date", |text| match text {
        "undated" => Ok(None),
        _ if is_date(text) => Ok(Some(text.to_owned())),
        _ => Err("YYYY-MM-DD or \"undated\""),
    })?;
    edition.date = date.flatten();
    if let Some(cloud) = record.text("cloud")? {
        edition.cloud = cloud;
    }
    edition.order = record.number("order")?.unwrap_or(0);
    edition.peer_tcp_ports = record.ports("peer_tcp_ports")?;
    edition.peer_udp_ports = record.ports("peer_udp_ports")?;
    edition.notes = record.texts("notes")?;
    record.finish()?;
    Ok(edition)
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| {
            if matches!(index, 4 | 7) {
                byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        })
}

fn read_rules(
    document: &mut Record<'_>,
    field: &'static str,
) -> Result<Vec<HandlingRule>, CatalogError> {
    document.tables(field)?.into_iter().map(read_rule).collect()
}

fn read_rule(mut record: Record<'_>) -> Result<HandlingRule, CatalogError> {
    let stated_for = record.text("stated_for")?;
    let hosts = record.parsed_list("hosts", HostPattern::parse)?;
    let sets = record.parsed_list("sets", |text| Ok(SetKey::parse(text)))?;
    let expected = "what the rule is stated for";
    let stated_for = record.demand("stated_for", expected, stated_for, String::new())?;
    if hosts.is_empty() && sets.is_empty() && record.is_readable() {
        record.demand("hosts", "some hosts, or some sets", None, ())?;
    }
    record.finish()?;
    Ok(HandlingRule {
        hosts,
        sets,
        stated_for,
    })
}

fn read_set(mut record: Record<'_>, kind: EditionKind) -> Result<EndpointSet, CatalogError> {
    let standing = match kind {
        EditionKind::Article | EditionKind::Sovereign | EditionKind::User => Standing::Published,
        EditionKind::Supplementary => Standing::Supplementary,
        EditionKind::Reference => Standing::Reference,
        EditionKind::Imported => Standing::Imported,
    };
    let id = record.number("id")?;
    let section = record.parsed("key", |text| {
        let well_formed = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        match SetKey::parse(text) {
            key @ SetKey::Section(_) if well_formed => Ok(key),
            _ => Err("a key of lower-case letters, digits and hyphens"),
        }
    })?;
    let key = match (id, section) {
        (Some(id), None) if kind == EditionKind::Reference => SetKey::Reference(id),
        (Some(id), None) => SetKey::Id(id),
        (None, Some(key)) => key,
        _ => {
            // The record's own name stands in for the key, so that no other set is taken for its twin.
            let nameless = SetKey::Section(record.name().into());
            record.demand("id", "either an id or a key", None, nameless)?
        }
    };
    if id.is_some() || matches!(&key, SetKey::Section(name) if **name != *record.name()) {
        record.rename(format!("set {key}"));
    }

    let feature_areas = record.parsed_list("feature_areas", |text| {
        FeatureArea::from_name(text).ok_or("a feature area such as core-service")
    })?;
    let description = record.text("description")?;
    let description =
        record.demand("description", "what the set is", description, String::new())?;
    let hosts = record.parsed_list("hosts", HostPattern::parse)?;
    let generic = subset(&mut record, "generic", &hosts, HostPattern::parse)?;
    let prefixes = record.parsed_list("prefixes", Prefix::parse)?;
    let shared = subset(&mut record, "shared_prefixes", &prefixes, Prefix::parse)?;
    let mut also_recognised: Vec<_> = record
        .parsed_list("retired_hosts", HostPattern::parse)?
        .into_iter()
        .map(|pattern| ListedHost {
            pattern,
            generic: false,
            sample: false,
            misprint: false,
            standing: Standing::Retired,
        })
        .collect();
    let (misprints, spellings) = read_misprints(&mut record)?;
    // Another spelling says as much or as little as the hosts of its set: those of one set are generic all or not at all
    // wherever there is a misprint.
    let weak = !hosts.is_empty() && generic.len() == hosts.len();
    also_recognised.extend(spellings.into_iter().map(|pattern| ListedHost {
        pattern,
        generic: weak,
        sample: false,
        misprint: true,
        standing,
    }));

    let set = EndpointSet {
        key,
        standing,
        feature_areas,
        sections: record.texts("sections")?,
        description: description.into(),
        published_description: record.text("published_description")?,
        category: record.parsed("category", |text| {
            Category::from_name(text).ok_or("optimize, allow or default")
        })?,
        required: record.flag("required")?,
        express_route: record.flag("express_route")?,
        region: record.parsed("region", |text| {
            Region::from_name(text).ok_or("North America, Europe or Asia Pacific")
        })?,
        hosts: list_hosts(hosts, &generic, standing),
        also_recognised,
        published_case: record.texts("published_case")?,
        prefixes: prefixes
            .into_iter()
            .map(|prefix| ListedPrefix {
                prefix,
                shared: shared.contains(&prefix),
                standing,
            })
            .collect(),
        retired_prefixes: Vec::new(),
        tcp_ports: record.ports("tcp_ports")?,
        udp_ports: record.ports("udp_ports")?,
        scale_units: record.texts("scale_units")?,
        storage_names: record.texts("storage_names")?,
        expected_addresses: record.parsed_list("expected_addresses", |text| {
            text.parse().map_err(|_| "an IP address")
        })?,
        source: record.text("source")?,
        notes: record.texts("notes")?,
        misprints,
    };
    if set.feature_areas.is_empty() {
        record.demand("feature_areas", "at least one feature area", None, ())?;
    }
    if set.hosts.is_empty()
        && set.prefixes.is_empty()
        && set.notes.is_empty()
        && record.is_readable()
    {
        let expected = "hosts, prefixes, or a note that says why there are none";
        record.demand("hosts", expected, None, ())?;
    }
    record.finish()?;
    Ok(set)
}

/// A list whose every value must be in `whole` too.
fn subset<T: PartialEq>(
    record: &mut Record<'_>,
    field: &'static str,
    whole: &[T],
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, CatalogError> {
    record.parsed_list(field, |text| {
        let value = read(text)?;
        if whole.contains(&value) {
            Ok(value)
        } else {
            Err("a value that the set lists")
        }
    })
}

/// The misprints of a set, and the further spellings they make recognisable.
fn read_misprints(
    record: &mut Record<'_>,
) -> Result<(Vec<Misprint>, Vec<HostPattern>), CatalogError> {
    let (mut misprints, mut spellings) = (Vec::new(), Vec::new());
    for mut misprint in record.tables("misprint")? {
        misprint.rename(format!("{}, {}", record.name(), misprint.name()));
        let (published, meant) = (misprint.text("published")?, misprint.text("meant")?);
        let nothing = String::new;
        misprints.push(Misprint {
            published: misprint.demand(
                "published",
                "what the article prints",
                published,
                nothing(),
            )?,
            meant: misprint.demand("meant", "what it means", meant, nothing())?,
        });
        spellings.extend(misprint.parsed_list("recognised", HostPattern::parse)?);
        misprint.finish()?;
    }
    Ok((misprints, spellings))
}

fn list_hosts(
    patterns: Vec<HostPattern>,
    generic: &[HostPattern],
    standing: Standing,
) -> Vec<ListedHost> {
    let samples: Vec<bool> = patterns
        .iter()
        .map(|host| {
            host.is_exact()
                && patterns
                    .iter()
                    .any(|other| !other.is_exact() && other.covers(host))
        })
        .collect();
    patterns
        .into_iter()
        .zip(samples)
        .map(|(pattern, sample)| ListedHost {
            generic: generic.contains(&pattern),
            pattern,
            sample,
            misprint: false,
            standing,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "[edition]\nname = \"mine\"\nkind = \"user\"\n";

    fn read(sets: &str) -> Result<EditionFile, CatalogError> {
        parse_edition(&format!("{HEADER}{sets}"), "mine.toml")
    }

    fn complaint(sets: &str) -> String {
        read(sets).unwrap_err().to_string()
    }

    #[test]
    fn a_small_file_reads() {
        let file = read("[[set]]\nid = 900\nfeature_areas = [\"core-service\"]\ndescription = \"Ours\"\nhosts = [\"*.Contoso.com\", \"www.contoso.com\"]\ntcp_ports = [443]\n").unwrap();
        let set = &file.sets[0];
        assert_eq!(set.id(), Some(900));
        assert_eq!(set.hosts[0].pattern.as_str(), "*.contoso.com");
        assert!(!set.hosts[0].sample && set.hosts[1].sample);
        assert_eq!(set.required, None);
    }

    #[test]
    fn complaints_name_file_line_record_and_field() {
        let set = |rest: &str| {
            format!(
                "[[set]]\nid = 7\nfeature_areas = [\"core-service\"]\ndescription = \"x\"\n{rest}"
            )
        };
        for (rest, expected) in [
            (
                "hosts = [\"https://a.com\"]",
                "mine.toml, line 8: set 7, field `hosts`: expected a host name without scheme, port, path or blanks, found \"https://a.com\"",
            ),
            (
                "prefixes = [\"10.0.0.1/8\"]",
                "mine.toml, line 8: set 7, field `prefixes`: expected a prefix without host bits, found \"10.0.0.1/8\"",
            ),
            (
                "hosts = [\"a.com\"]\ntcp_ports = [443, 70000]",
                "mine.toml, line 9: set 7, field `tcp_ports`: expected a port number from 1 to 65535, found 70000",
            ),
            (
                "hosts = [\"a.com\"]\nrequired = \"yes\"",
                "mine.toml, line 9: set 7, field `required`: expected true or false, found \"yes\"",
            ),
            (
                "hosts = [\"a.com\", \"A.com\"]",
                "mine.toml, line 8: set 7, field `hosts`: expected every value once, found \"A.com\"",
            ),
            (
                "hosts = [\"a.com\"]\ngeneric = [\"b.com\"]",
                "mine.toml, line 9: set 7, field `generic`: expected a value that the set lists, found \"b.com\"",
            ),
            (
                "",
                "mine.toml, line 4: set 7, field `hosts`: expected hosts, prefixes, or a note that says why there are none, found nothing",
            ),
        ] {
            assert_eq!(complaint(&set(rest)), expected);
        }
        assert!(
            complaint(&set("host = [\"a.com\"]\nnotes = [\"n\"]")).starts_with(
                "mine.toml, line 8: set 7 has no field `host`; its fields are id, key, "
            )
        );
    }

    #[test]
    fn a_users_file_is_read_to_its_end() {
        let text = format!(
            "{HEADER}colour = 3\n[[set]]\nid = 7\nfeature_areas = [\"core\"]\nhosts = [\"a b\", \"c.com\", \"C.com\"]\ntcp_ports = [0, \"x\"]\nrequired = 1\nhost = \"d.com\"\n\
             [[set]]\nid = \"8\"\ndescription = \"x\"\nfeature_areas = [\"apple\"]\nprefixes = [\"10.0.0.1/8\"]\n[[set]]\nid = 7\ndescription = \"x\"\nfeature_areas = [\"apple\"]\nnotes = [\"n\"]\n[[partial_content]]\nhosts = 4\n"
        );
        let complaints: Vec<_> = check_edition(&text, "mine.toml")
            .unwrap_err()
            .iter()
            .map(|complaint| match complaint {
                CatalogError::Field { place, found, .. } => {
                    format!("{} {} {} {found}", place.line, place.record, place.field)
                }
                CatalogError::UnknownField { place, .. } => {
                    format!("{} {} has no {}", place.line, place.record, place.field)
                }
                other => other.to_string(),
            })
            .collect();
        assert_eq!(
            complaints,
            [
                "4 edition has no colour",
                "5 set 7 description nothing",
                "7 set 7 feature_areas \"core\"",
                "8 set 7 hosts \"a b\"",
                "8 set 7 hosts \"C.com\"",
                "9 set 7 tcp_ports 0",
                "9 set 7 tcp_ports \"x\"",
                "10 set 7 required 1",
                "11 set 7 has no host",
                "13 set number 2 id \"8\"",
                "16 set number 2 prefixes \"10.0.0.1/8\"",
                "mine.toml, line 17: set 7 is there twice",
                "22 partial_content number 1 stated_for nothing",
                "23 partial_content number 1 hosts 4",
            ]
        );
    }

    #[test]
    fn both_readings_accept_the_same_files() {
        for text in [
            "",
            "x",
            HEADER,
            "[edition]\nname = 1\nkind = \"user\"",
            "[[edition]]\n[[edition]]",
        ] {
            assert_eq!(
                parse_edition(text, "f").ok(),
                check_edition(text, "f").ok(),
                "{text}"
            );
        }
        let broken = check_edition("a = \nb = 1\nc = \n", "f").unwrap_err();
        assert_eq!(
            broken.iter().map(CatalogError::line).collect::<Vec<_>>(),
            [1, 3]
        );
    }

    #[test]
    fn records_without_a_name_are_counted() {
        assert_eq!(
            complaint("[[set]]\nhosts = [\"a.com\"]"),
            "mine.toml, line 4: set number 1, field `id`: expected either an id or a key, found nothing"
        );
        assert!(complaint("[[set]]\nkey = \"A b\"").contains("set number 1, field `key`"));
        assert!(
            complaint("[[partial_content]]\nstated_for = \"x\"")
                .contains("partial_content number 1, field `hosts`")
        );
    }

    #[test]
    fn broken_toml_and_twins_are_refused() {
        assert_eq!(
            parse_edition("[edition]\nname = \n", "mine.toml")
                .unwrap_err()
                .to_string()
                .split(':')
                .next(),
            Some("mine.toml, line 2")
        );
        let twin = "[[set]]\nkey = \"a\"\nfeature_areas = [\"apple\"]\ndescription = \"x\"\nnotes = [\"n\"]\n";
        assert_eq!(
            complaint(&format!("{twin}{twin}")),
            "mine.toml, line 9: set a is there twice"
        );
        assert_eq!(
            parse_edition("", "mine.toml").unwrap_err().to_string(),
            "mine.toml, line 1: the file, field `edition`: expected a table [edition], found nothing"
        );
    }
}
