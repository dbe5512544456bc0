//! What Microsoft publishes about Intune's endpoints, and the lookup of names and addresses in it.
//!
//! In: readable data files, one for each published edition (`data/*.toml`), checked when they are loaded, and perhaps a user's own
//! file in the same form. Out: a [`Catalog`] that says for a host name or an address which endpoint sets list it, how
//! specifically, and on what ground. This module knows no packets, no flows and no verdicts; nothing in it touches disk or network.

mod address_match;
mod diff;
mod edition;
mod endpoint_set;
mod error;
mod explain;
mod feature_area;
mod host_index;
mod host_pattern;
mod import;
mod load;
mod prefix;
mod record;
mod retired;
mod scenario;
mod web_service;

pub use address_match::AddressMatch;
pub use diff::{Change, EditionChange, SetChange, compare};
pub use edition::{Edition, EditionFile, EditionKind, HandlingRule};
pub use endpoint_set::{
    Category, EndpointSet, ListedHost, ListedPrefix, Misprint, Region, SetKey, Standing,
};
pub use error::{CatalogError, Place};
pub use explain::{
    Claim, EditionClaims, Explanation, Ground, Question, Strength, Subject, explain,
};
pub use feature_area::FeatureArea;
pub use host_index::HostMatch;
pub use host_pattern::HostPattern;
pub use import::{Import, ImportError, ImportedEdition};
pub use load::{check_edition, parse_edition};
pub use prefix::{Prefix, embedded_ipv4};
pub use scenario::{
    Certainty, Clue, Group, GroupMember, Need, Platform, PlatformClues, Requirement, Scenario,
    ScenarioFile, Sign, SignPart, Stage, Targets, parse_scenarios,
};
pub use web_service::{
    Document, EndpointList, EndpointRow, Instance, ListVersion, VersionRecord, WebServiceError,
    parse_document,
};

use edition::{EDITIONS, MICROSOFT_365, SUPPLEMENTARY, ShippedFile};
use host_index::HostIndex;
use prefix::{PrefixIndex, PrefixListing};
use std::net::IpAddr;

/// One edition of the endpoint list, ready for lookups, with what is known besides: supplementary hosts, names of older
/// editions, and rows of the Microsoft 365 list for reference.
#[derive(Debug)]
pub struct Catalog {
    edition: Edition,
    additions: Vec<Edition>,
    sets: Vec<EndpointSet>,
    index: Index,
}

impl Catalog {
    /// The edition used when none is chosen: the newest.
    pub const DEFAULT_EDITION: &'static str = "en-latest";

    /// The names of all editions: those of the article oldest first, then the sovereign clouds.
    pub fn edition_names() -> impl Iterator<Item = &'static str> {
        EDITIONS.iter().map(|file| file.name)
    }

    /// Loads the edition with this name.
    ///
    /// # Errors
    ///
    /// [`CatalogError::UnknownEdition`] with the names there are.
    pub fn load(edition: &str) -> Result<Self, CatalogError> {
        Self::build(Self::edition_file(edition)?, Vec::new())
    }

    /// The edition with this name as it was published, without anything that this program knows besides.
    ///
    /// # Errors
    ///
    /// [`CatalogError::UnknownEdition`] with the names there are.
    pub fn edition_file(edition: &str) -> Result<EditionFile, CatalogError> {
        read(shipped(edition)?)
    }

    /// Loads an edition and lays a user's own file over it, as [`EditionFile::overlay`] does.
    ///
    /// # Errors
    ///
    /// As [`Self::load`], and the first thing wrong in `text` (`file_name` is used in the complaint only).
    pub fn with_user_file(
        edition: &str,
        text: &str,
        file_name: &str,
    ) -> Result<Self, CatalogError> {
        let user = parse_edition(text, file_name)?;
        Self::build(Self::edition_file(edition)?, vec![user])
    }

    /// Makes a catalogue of an edition and what comes in addition: imported editions are laid beside it, anything else
    /// over it, as [`EditionFile::overlay`] does.
    ///
    /// # Errors
    ///
    /// None that the caller could cause; the files that are part of the program are read here.
    pub fn build(
        mut edition: EditionFile,
        additions: Vec<EditionFile>,
    ) -> Result<Self, CatalogError> {
        let (mut added, mut imported) = (Vec::new(), Vec::new());
        for addition in additions {
            added.push(addition.edition.clone());
            if addition.edition.kind == EditionKind::Imported {
                imported.extend(addition.sets);
            } else {
                edition.overlay(addition);
            }
        }
        let EditionFile { edition, mut sets } = edition;
        add_absent(&mut sets, read(&SUPPLEMENTARY)?.sets);
        let older = older_editions(&edition)?;
        if !older.is_empty() {
            let known = Index::new(&sets);
            retired::add_retired(&mut sets, older, &known);
        }
        if edition.cloud == WORLDWIDE {
            add_absent(&mut sets, read(&MICROSOFT_365)?.sets);
        }
        import::add_imported(&mut sets, imported);
        let index = Index::new(&sets);
        Ok(Self {
            edition,
            additions: added,
            sets,
            index,
        })
    }

    /// Where the sets come from, and what the edition says about proxies, inspection and byte ranges.
    #[must_use]
    pub fn edition(&self) -> &Edition {
        &self.edition
    }

    /// What was laid over the edition or beside it, in that order.
    #[must_use]
    pub fn additions(&self) -> &[Edition] {
        &self.additions
    }

    /// Every set known, whatever its standing; those of the edition first, in the order published.
    #[must_use]
    pub fn sets(&self) -> &[EndpointSet] {
        &self.sets
    }

    /// The sets of the edition itself, in the order published.
    pub fn published_sets(&self) -> impl Iterator<Item = &EndpointSet> {
        self.sets
            .iter()
            .filter(|set| set.standing == Standing::Published)
    }

    /// The set with this key; a number that another edition uses for the same set (89 and 190) finds it too.
    #[must_use]
    pub fn set(&self, key: &SetKey) -> Option<&EndpointSet> {
        retired::same_set(key, &self.sets).and_then(|position| self.sets.get(position))
    }

    /// The sets that list `folded`, a host name in lower case without a trailing dot ([`crate::facts::HostName::folded`]).
    ///
    /// The most specific pattern of the edition decides: an exact name before a wildcard, then the longer pattern. Where
    /// several sets list that pattern, those with a number are primary; all that share it are kept. Supplementary hosts
    /// rank after the edition, then retired names, then the Microsoft 365 list.
    #[must_use]
    pub fn match_host(&self, folded: &str) -> Option<HostMatch<'_>> {
        HostMatch::new(&self.index.hosts.lookup(folded), &self.sets)
    }

    /// The sets whose prefixes hold `address`; the longest prefix of the edition decides. IPv4-mapped and NAT64 addresses count as
    /// the IPv4 address inside.
    #[must_use]
    pub fn match_address(&self, address: IpAddr) -> Option<AddressMatch<'_>> {
        AddressMatch::new(self.index.prefixes.holding(address), &self.sets)
    }

    /// The rule by which TLS inspection is not supported for this host (in lower case), if there is one.
    #[must_use]
    pub fn inspection_unsupported(&self, folded: &str) -> Option<&HandlingRule> {
        self.edition
            .no_tls_inspection
            .iter()
            .find(|rule| rule.applies_to(folded, &self.sets))
    }

    /// The rule by which a proxy must not ask for authentication for this host (in lower case), if there is one.
    #[must_use]
    pub fn needs_unauthenticated_proxy(&self, folded: &str) -> Option<&HandlingRule> {
        self.edition
            .unauthenticated_proxy
            .iter()
            .find(|rule| rule.applies_to(folded, &self.sets))
    }

    /// The rule by which this host (in lower case) needs HTTP partial responses, if there is one.
    #[must_use]
    pub fn needs_partial_content(&self, folded: &str) -> Option<&HandlingRule> {
        self.edition
            .partial_content
            .iter()
            .find(|rule| rule.applies_to(folded, &self.sets))
    }

    /// The region of a tenant location such as `AMSUB0202`: by the article's table, else by the letter of the unit.
    #[must_use]
    pub fn region_of_scale_unit(&self, unit: &str) -> Option<Region> {
        let listed = |set: &&EndpointSet| {
            set.scale_units
                .iter()
                .any(|known| known.eq_ignore_ascii_case(unit))
        };
        self.sets
            .iter()
            .find(listed)
            .and_then(|set| set.region)
            .or_else(|| Region::of_scale_unit(unit))
    }
}

/// The cloud that the article is about.
const WORLDWIDE: &str = "worldwide";

/// The lookup tables over a list of sets; positions in that list stand for the sets.
#[derive(Debug)]
struct Index {
    hosts: HostIndex,
    prefixes: PrefixIndex,
}

impl Index {
    fn new(sets: &[EndpointSet]) -> Self {
        let mut index = Self {
            hosts: HostIndex::default(),
            prefixes: PrefixIndex::default(),
        };
        for (position, set) in sets.iter().enumerate() {
            for host in set.hosts.iter().chain(&set.also_recognised) {
                index.hosts.insert(position, set.id().is_some(), host);
            }
            for listed in set.prefixes.iter().chain(&set.retired_prefixes) {
                index.prefixes.insert(
                    listed.prefix,
                    PrefixListing {
                        set: position,
                        standing: listed.standing,
                        shared: listed.shared,
                    },
                );
            }
        }
        index
    }

    /// Whether some pattern covers this one, as far as one typical name can tell.
    fn knows_host(&self, pattern: &HostPattern) -> bool {
        !self.hosts.lookup(&pattern.typical_name()).is_empty()
    }

    fn knows_prefix(&self, prefix: Prefix) -> bool {
        self.prefixes.covering(prefix).next().is_some()
    }
}

/// Appends the sets whose key is not there yet.
fn add_absent(sets: &mut Vec<EndpointSet>, mut others: Vec<EndpointSet>) {
    others.retain(|other| sets.iter().all(|set| set.key != other.key));
    sets.append(&mut others);
}

fn shipped(edition: &str) -> Result<&'static ShippedFile, CatalogError> {
    EDITIONS
        .iter()
        .find(|file| file.name == edition)
        .ok_or_else(|| CatalogError::UnknownEdition {
            name: edition.to_owned(),
            known: Catalog::edition_names().collect(),
        })
}

fn read(file: &ShippedFile) -> Result<EditionFile, CatalogError> {
    parse_edition(file.text, file.file_name)
}

/// The editions of the article that are older than `chosen`, newest first; none for a sovereign cloud.
fn older_editions(chosen: &Edition) -> Result<Vec<EditionFile>, CatalogError> {
    if chosen.kind != EditionKind::Article {
        return Ok(Vec::new());
    }
    let older = EDITIONS
        .iter()
        .take_while(|file| file.name != chosen.name)
        .map(read)
        .collect::<Result<Vec<_>, _>>()?;
    let mut older: Vec<_> = older
        .into_iter()
        .filter(|file| file.edition.order < chosen.order)
        .collect();
    older.sort_by_key(|file| std::cmp::Reverse(file.edition.order));
    Ok(older)
}
