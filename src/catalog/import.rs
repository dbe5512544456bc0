//! An imported edition: one answer of the endpoint web service, kept as it came, and how it is laid beside a shipped edition.
//!
//! In: the text of an `/endpoints` answer with where and when it was obtained. Out: an edition file in the catalogue's own
//! form, and a stored form that holds the answer unchanged with its hash. Touches neither disk nor clock.
//!
//! Microsoft's article says that the service no longer returns accurate data for Intune. An imported edition therefore adds
//! to the shipped one and takes nothing away: its hosts and prefixes rank after everything that the shipped editions know,
//! and its ports, marks and names replace none.

use super::edition::{Edition, EditionFile, EditionKind};
use super::endpoint_set::{EndpointSet, ListedHost, ListedPrefix, SetKey, Standing};
use super::feature_area::FeatureArea;
use super::host_pattern::HostPattern;
use super::retired::same_set;
use super::web_service::{
    Document, EndpointRow, Instance, ListVersion, WebServiceError, parse_document,
};
use super::{Catalog, CatalogError};
use crate::facts::printable;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use thiserror::Error;

/// Marks the stored form.
const FORMAT: &str = "intap-imported-edition-1";

/// Longest name or remark kept, in characters.
const LONGEST_TEXT: usize = 2_000;

/// Domains under which anybody, or any product of the vendor, has names: a wildcard over one of these says nothing about
/// Intune. Every wildcard over a domain of two labels counts too.
const SHARED_DOMAINS: [&str; 11] = [
    "azureedge.net",
    "azurefd.net",
    "blob.core.windows.net",
    "cloudapp.azure.com",
    "cloudapp.net",
    "core.windows.net",
    "data.microsoft.com",
    "monitor.azure.com",
    "onmicrosoft.com",
    "trafficmanager.net",
    "windows.net",
];

/// Why an imported edition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImportError {
    /// The answer is none of the service's.
    #[error(transparent)]
    Document(#[from] WebServiceError),
    /// The text is another document of the service.
    #[error("{0}")]
    OtherDocument(String),
    /// The stored form is damaged.
    #[error("not an imported edition: {0}")]
    NotStored(String),
    /// The answer is not the one that was hashed.
    #[error("changed since it was imported (SHA-256 was {stated}, is {found}); import it again")]
    Changed {
        /// The hash in the file.
        stated: String,
        /// The hash of the answer in the file.
        found: String,
    },
    /// The shipped edition beside it cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// One answer of the service, with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The cloud it is for.
    pub instance: Instance,
    /// The version of the list; `None` when nobody said, because an `/endpoints` answer does not.
    pub version: Option<ListVersion>,
    /// The file or address it was read from.
    pub source: String,
    /// When, RFC 3339 in UTC.
    pub imported: String,
    /// The answer, unchanged.
    pub document: String,
}

/// An import as a catalogue file, and what reading it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedEdition {
    /// The edition.
    pub file: EditionFile,
    /// Rows of Intune.
    pub intune_rows: usize,
    /// Rows of other services, kept for reference.
    pub other_rows: usize,
    /// What was left out because it means nothing, each with row and field.
    pub left_out: Vec<String>,
}

impl Import {
    /// The name to choose the edition by, such as `imported-worldwide-2026100100`; without a version the first digits of
    /// the hash stand in its place.
    #[must_use]
    pub fn edition_name(&self) -> String {
        let instance = self.instance.name().to_ascii_lowercase();
        match &self.version {
            Some(version) => format!("imported-{instance}-{version}"),
            None => {
                let hash = self.sha256();
                format!("imported-{instance}-{}", hash.get(..12).unwrap_or(&hash))
            }
        }
    }

    /// The SHA-256 of the answer, in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.document.as_bytes()))
    }

    /// The shipped edition it is laid beside.
    #[must_use]
    pub fn beside(&self) -> &'static str {
        match self.instance {
            Instance::Worldwide => Catalog::DEFAULT_EDITION,
            Instance::China => "china-21vianet",
            Instance::UsGovDod | Instance::UsGovGccHigh => "us-government",
        }
    }

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// [`ImportError::Document`] and [`ImportError::OtherDocument`].
    pub fn read(&self) -> Result<ImportedEdition, ImportError> {
        let list = match parse_document(&self.document)? {
            Document::Endpoints(list) => list,
            other => return Err(ImportError::OtherDocument(describe(&other))),
        };
        let beside = Catalog::edition_file(self.beside())?;
        let mut sets: Vec<EndpointSet> = Vec::new();
        for row in &list.rows {
            let set = endpoint_set(row, &beside);
            // Numbers are unique in the service's description; where they are not, nothing may be lost.
            match sets.iter_mut().find(|known| known.key == set.key) {
                Some(known) => merge(known, set),
                None => sets.push(set),
            }
        }
        let intune_rows = list.rows.iter().filter(|row| row.is_intune()).count();
        Ok(ImportedEdition {
            file: EditionFile {
                edition: self.edition(),
                sets,
            },
            intune_rows,
            other_rows: list.rows.len().saturating_sub(intune_rows),
            left_out: list.left_out,
        })
    }

    fn edition(&self) -> Edition {
        let mut edition = Edition::new(self.edition_name(), EditionKind::Imported);
        edition.cloud = self.instance.name().to_ascii_lowercase();
        edition.title = "Office 365 IP Address and URL web service".to_owned();
        let source = format!(
            "{}, imported {}, SHA-256 {}",
            self.source,
            self.imported,
            self.sha256()
        );
        edition.source = printable(source.as_bytes(), LONGEST_TEXT).to_string();
        edition.language = "English".to_owned();
        edition.date = self.version.as_ref().map(ListVersion::date);
        edition.notes = vec![
            "The article says that the service no longer returns accurate data for Intune: this edition adds to the shipped one and replaces nothing.".to_owned(),
        ];
        edition
    }

    /// The stored form: JSON that holds the answer unchanged.
    #[must_use]
    pub fn to_json(&self) -> String {
        let stored = json!({
            "format": FORMAT,
            "edition": self.edition_name(),
            "instance": self.instance.name(),
            "version": self.version.as_ref().map(ListVersion::as_str),
            "source": self.source,
            "imported": self.imported,
            "sha256": self.sha256(),
            "document": self.document,
        });
        format!("{stored:#}\n")
    }

    /// Reads the stored form.
    ///
    /// # Errors
    ///
    /// [`ImportError::NotStored`] and [`ImportError::Changed`].
    pub fn from_json(text: &str) -> Result<Self, ImportError> {
        let stored: Value = serde_json::from_str(text)
            .map_err(|error| ImportError::NotStored(error.to_string()))?;
        let field = |name: &str| {
            stored.get(name).and_then(Value::as_str).ok_or_else(|| {
                ImportError::NotStored(format!("field `{name}`: expected text, found none"))
            })
        };
        if field("format")? != FORMAT {
            return Err(ImportError::NotStored(format!(
                "field `format`: expected {FORMAT:?}, found {:?}",
                field("format")?
            )));
        }
        let version = match stored.get("version").and_then(Value::as_str) {
            None => None,
            Some(text) => Some(ListVersion::parse(text).ok_or_else(|| {
                ImportError::NotStored(format!(
                    "field `version`: expected a version of ten digits, found {text:?}"
                ))
            })?),
        };
        let import = Self {
            instance: field("instance")?.parse()?,
            version,
            source: field("source")?.to_owned(),
            imported: field("imported")?.to_owned(),
            document: field("document")?.to_owned(),
        };
        let (stated, found) = (field("sha256")?, import.sha256());
        if stated == found {
            Ok(import)
        } else {
            Err(ImportError::Changed {
                stated: stated.to_owned(),
                found,
            })
        }
    }
}

/// Says what a document is that holds no endpoint sets, and what to do with it.
fn describe(document: &Document) -> String {
    match document {
        Document::Endpoints(list) => format!("a list of {} endpoint sets", list.rows.len()),
        Document::Versions(records) => {
            let newest: Vec<_> = records
                .iter()
                .take(4)
                .map(|record| format!("{} {}", record.instance, record.latest))
                .collect();
            format!(
                "this is an answer of /version ({}), which lists no endpoints; give it as --version-file beside an answer of /endpoints",
                newest.join(", ")
            )
        }
        Document::Changes { count, latest } => {
            let upto = latest
                .as_ref()
                .map_or(String::new(), |version| format!(" up to version {version}"));
            format!(
                "this is an answer of /changes ({count} changes{upto}), which says what changed but not the whole list; import an answer of /endpoints"
            )
        }
    }
}

/// A row in the catalogue's form. Area and description, which the service does not give, come from the set with the same
/// number in the edition it is laid beside.
fn endpoint_set(row: &EndpointRow, beside: &EditionFile) -> EndpointSet {
    let intune = row.is_intune();
    let (key, standing) = if intune {
        (SetKey::Id(row.id), Standing::Imported)
    } else {
        (SetKey::Reference(row.id), Standing::Reference)
    };
    let twin = beside.sets.iter().find(|set| set.key == key);
    let area = if intune {
        FeatureArea::CoreService
    } else {
        FeatureArea::Reference
    };
    let generic =
        |pattern: &HostPattern| !intune || is_broad(pattern) || is_generic_in(beside, pattern);
    // Reports print names and remarks as they are.
    let shown = |text: &str| printable(text.as_bytes(), LONGEST_TEXT).to_string();
    let service = shown(row.display_name.as_ref().unwrap_or(&row.service_area));
    EndpointSet {
        key,
        standing,
        feature_areas: twin.map_or_else(|| vec![area], |twin| twin.feature_areas.clone()),
        sections: vec![format!(
            "web service, service area {}",
            shown(&row.service_area)
        )],
        description: twin.map_or_else(
            || format!("{service} {}", row.id).into(),
            |twin| twin.description.clone(),
        ),
        published_description: None,
        category: row.category,
        required: row.required,
        express_route: row.express_route,
        region: None,
        hosts: row
            .hosts
            .iter()
            .map(|pattern| ListedHost {
                generic: generic(pattern),
                sample: pattern.is_exact()
                    && row
                        .hosts
                        .iter()
                        .any(|other| !other.is_exact() && other.covers(pattern)),
                misprint: false,
                standing: if is_broad(pattern) {
                    Standing::Reference
                } else {
                    standing
                },
                pattern: pattern.clone(),
            })
            .collect(),
        also_recognised: Vec::new(),
        published_case: Vec::new(),
        prefixes: row
            .prefixes
            .iter()
            .map(|prefix| ListedPrefix {
                prefix: *prefix,
                shared: false,
                standing,
            })
            .collect(),
        retired_prefixes: Vec::new(),
        tcp_ports: row.tcp_ports.clone(),
        udp_ports: row.udp_ports.clone(),
        scale_units: Vec::new(),
        storage_names: Vec::new(),
        expected_addresses: Vec::new(),
        source: None,
        notes: row.notes.iter().map(|note| shown(note)).collect(),
        misprints: Vec::new(),
    }
}

/// A wildcard over a domain that many share.
fn is_broad(pattern: &HostPattern) -> bool {
    let text = pattern.as_str();
    if !text.starts_with('*') {
        return false;
    }
    let fixed = text.rsplit('*').next().unwrap_or_default();
    let domain = fixed.split_once('.').map_or("", |(_, domain)| domain);
    domain.matches('.').count() < 2 || SHARED_DOMAINS.contains(&domain)
}

fn is_generic_in(file: &EditionFile, pattern: &HostPattern) -> bool {
    file.sets
        .iter()
        .flat_map(|set| &set.hosts)
        .any(|host| host.generic && host.pattern == *pattern)
}

/// Lays the imported sets beside `sets`. What a set lists already stays as it is known; the rest is added to the set with
/// the same number, or as a set of its own, that is never required.
pub(super) fn add_imported(sets: &mut Vec<EndpointSet>, imported: Vec<EndpointSet>) {
    for mut set in imported {
        match same_set(&set.key, sets).and_then(|position| sets.get_mut(position)) {
            Some(known) => {
                let hosts: HashSet<HostPattern> = known
                    .hosts
                    .iter()
                    .chain(&known.also_recognised)
                    .map(|host| host.pattern.clone())
                    .collect();
                set.hosts.retain(|host| !hosts.contains(&host.pattern));
                known.also_recognised.append(&mut set.hosts);
                let prefixes: HashSet<_> = known
                    .prefixes
                    .iter()
                    .chain(&known.retired_prefixes)
                    .map(|listed| listed.prefix)
                    .collect();
                set.prefixes
                    .retain(|listed| !prefixes.contains(&listed.prefix));
                known.retired_prefixes.append(&mut set.prefixes);
            }
            None => {
                set.required = None;
                sets.push(set);
            }
        }
    }
}

/// Joins two rows with the same number.
fn merge(known: &mut EndpointSet, other: EndpointSet) {
    let hosts: HashSet<HostPattern> = known
        .hosts
        .iter()
        .map(|host| host.pattern.clone())
        .collect();
    let prefixes: HashSet<_> = known.prefixes.iter().map(|listed| listed.prefix).collect();
    known.hosts.extend(
        other
            .hosts
            .into_iter()
            .filter(|host| !hosts.contains(&host.pattern)),
    );
    known.prefixes.extend(
        other
            .prefixes
            .into_iter()
            .filter(|listed| !prefixes.contains(&listed.prefix)),
    );
    for (ports, more) in [
        (&mut known.tcp_ports, other.tcp_ports),
        (&mut known.udp_ports, other.udp_ports),
    ] {
        ports.extend(more);
        ports.sort_unstable();
        ports.dedup();
    }
    known.notes.extend(other.notes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(document: &str) -> Import {
        Import {
            instance: Instance::Worldwide,
            version: ListVersion::parse("2026100100"),
            source: "endpoints.json".to_owned(),
            imported: "2026-11-22T12:00:00Z".to_owned(),
            document: document.to_owned(),
        }
    }

    #[test]
    fn the_stored_form_reads_back_and_notices_changes() {
        let original = import("[{\"id\":163,\"serviceArea\":\"MEM\",\"urls\":[\"a.example\"]}]\n");
        let stored = original.to_json();
        assert_eq!(Import::from_json(&stored).unwrap(), original);
        let changed = stored.replace("a.example", "b.example");
        assert!(matches!(
            Import::from_json(&changed),
            Err(ImportError::Changed { .. })
        ));
        for end in 0..stored.len() - 2 {
            assert!(Import::from_json(&stored[..end]).is_err());
        }
        let without = Import {
            version: None,
            ..original
        };
        assert_eq!(Import::from_json(&without.to_json()).unwrap(), without);
        // The first digits of SHA-256 of the document, as sha256sum prints them.
        assert!(without.edition_name().starts_with("imported-worldwide-"));
        assert_eq!(
            without.edition_name().len(),
            "imported-worldwide-".len() + 12
        );
    }

    #[test]
    fn the_hash_is_that_of_the_document() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            import("abc").sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn wildcards_over_shared_domains_are_broad() {
        let broad = |text| is_broad(&HostPattern::parse(text).unwrap());
        for text in [
            "*.microsoft.com",
            "*.azureedge.net",
            "*.blob.core.windows.net",
            "*.cloud.microsoft",
            "*gstatic.com",
            "*-files.sharepoint.com",
        ] {
            assert!(broad(text), "{text}");
        }
        for text in [
            "*.manage.microsoft.com",
            "payloadprod*.blob.core.windows.net",
            "microsoft.com",
            "*.do.dsp.mp.microsoft.com",
        ] {
            assert!(!broad(text), "{text}");
        }
    }

    #[test]
    fn rows_with_one_number_are_joined() {
        let twice = r#"[{"id":1,"serviceArea":"MEM","urls":["a.example"],"tcpPorts":"443"},
            {"id":1,"serviceArea":"mem","urls":["b.example","a.example"],"ips":["192.0.2.0/24"],"tcpPorts":"80"},
            {"id":1,"serviceArea":"Common","urls":["c.example"]}]"#;
        let read = import(twice).read().unwrap();
        assert_eq!((read.intune_rows, read.other_rows), (2, 1));
        let first = &read.file.sets[0];
        assert_eq!((first.hosts.len(), first.prefixes.len()), (2, 1));
        assert_eq!(first.tcp_ports, [80, 443]);
        assert_eq!(read.file.sets[1].key, SetKey::Reference(1));
    }

    #[test]
    fn what_the_shipped_edition_knows_stays() {
        let document = r#"[{"id":163,"serviceArea":"MEM","urls":["*.manage.microsoft.com","new.example"],"tcpPorts":"9","required":false},
            {"id":89,"serviceArea":"MEM","urls":["go.microsoft.com"]}]"#;
        let file = import(document).read().unwrap().file;
        let plain = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let beside = Catalog::edition_file(Catalog::DEFAULT_EDITION).unwrap();
        let merged = Catalog::build(beside, vec![file]).unwrap();
        assert_eq!(merged.sets().len(), plain.sets().len(), "89 is 190");
        let core = merged.set(&SetKey::Id(163)).unwrap();
        assert_eq!(
            (core.required, core.tcp_ports.as_slice()),
            (Some(true), &[80, 443][..])
        );
        assert_eq!(core.hosts, plain.set(&SetKey::Id(163)).unwrap().hosts);
        let found = merged.match_host("new.example").unwrap();
        assert_eq!(found.standing(), Standing::Imported);
        assert_eq!(merged.additions().len(), 1);
    }
}
