//! Editions: one published version of the endpoint list, where it comes from, and what it demands of the network at large.

use super::endpoint_set::{EndpointSet, SetKey};
use super::host_pattern::HostPattern;
use super::retired::same_set;
use std::fmt;

/// What kind of list a catalogue file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditionKind {
    /// The article "Network endpoints for Microsoft Intune".
    Article,
    /// The page of a sovereign cloud.
    Sovereign,
    /// Hosts in no endpoint set.
    Supplementary,
    /// The Microsoft 365 list.
    Reference,
    /// A user's own file.
    User,
    /// An answer of the endpoint web service.
    Imported,
}

impl EditionKind {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::Article, "article"),
        (Self::Sovereign, "sovereign"),
        (Self::Supplementary, "supplementary"),
        (Self::Reference, "reference"),
        (Self::User, "user"),
        (Self::Imported, "imported"),
    ];

    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("article", |(_, name)| name)
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
    }
}

impl fmt::Display for EditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something a list demands for some hosts whatever set they are in, such as that TLS is not inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlingRule {
    /// The hosts, as published. A name without star covers what is below it too, and `*.` the name itself: the older editions
    /// write `manage.microsoft.com` where later ones write `*.manage.microsoft.com`, and mean the same service.
    pub hosts: Vec<HostPattern>,
    /// The sets whose hosts are meant, where the article speaks of a section.
    pub sets: Vec<SetKey>,
    /// What the article states it for.
    pub stated_for: String,
}

impl HandlingRule {
    pub(super) fn applies_to(&self, folded: &str, sets: &[EndpointSet]) -> bool {
        let covers = |pattern: &HostPattern| {
            pattern.matches_as_domain(folded) || pattern.as_str().strip_prefix("*.") == Some(folded)
        };
        self.hosts.iter().any(covers)
            || sets
                .iter()
                .any(|set| self.sets.contains(&set.key) && set.matches_host(folded))
    }
}

/// One published version of an endpoint list, without its sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// The name to choose it by, such as `ja` or `en-latest`.
    pub name: String,
    /// What kind of list it is.
    pub kind: EditionKind,
    /// The cloud it is for, such as `worldwide`.
    pub cloud: String,
    /// The document's own title.
    pub title: String,
    /// The document it was taken from.
    pub source: String,
    /// The document's language, in English.
    pub language: String,
    /// The document's date, `YYYY-MM-DD`; `None` when it bears none.
    pub date: Option<String>,
    /// Its place among the editions of the article by content, oldest lowest; equal where neither is older.
    pub order: u16,
    /// TCP ports between peers of Delivery Optimization.
    pub peer_tcp_ports: Vec<u16>,
    /// UDP ports between peers of Delivery Optimization (Teredo).
    pub peer_udp_ports: Vec<u16>,
    /// Remarks on the document as a whole.
    pub notes: Vec<String>,
    /// Hosts that a proxy must let through without authentication.
    pub unauthenticated_proxy: Vec<HandlingRule>,
    /// Hosts for which TLS inspection is not supported.
    pub no_tls_inspection: Vec<HandlingRule>,
    /// Hosts that need HTTP partial responses (byte ranges).
    pub partial_content: Vec<HandlingRule>,
}

impl Edition {
    /// An edition of which no more than this is known.
    pub(super) fn new(name: String, kind: EditionKind) -> Self {
        Self {
            name,
            kind,
            cloud: super::WORLDWIDE.to_owned(),
            title: String::new(),
            source: String::new(),
            language: String::new(),
            date: None,
            order: 0,
            peer_tcp_ports: Vec::new(),
            peer_udp_ports: Vec::new(),
            notes: Vec::new(),
            unauthenticated_proxy: Vec::new(),
            no_tls_inspection: Vec::new(),
            partial_content: Vec::new(),
        }
    }
}

/// A catalogue file as read: an edition and its sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionFile {
    /// Where the sets come from.
    pub edition: Edition,
    /// The sets in the order published.
    pub sets: Vec<EndpointSet>,
}

impl EditionFile {
    /// The set with this key; a number that another edition uses for the same set (89 and 190) finds it too.
    #[must_use]
    pub fn set(&self, key: &SetKey) -> Option<&EndpointSet> {
        same_set(key, &self.sets).and_then(|position| self.sets.get(position))
    }

    /// Lays another file over this one: its sets replace those with the same id or key, or come in addition, and so do its
    /// handling rules.
    pub fn overlay(&mut self, other: Self) {
        for set in other.sets {
            match self.sets.iter_mut().find(|known| known.key == set.key) {
                Some(known) => *known = set,
                None => self.sets.push(set),
            }
        }
        let (rules, more) = (&mut self.edition, other.edition);
        rules
            .unauthenticated_proxy
            .extend(more.unauthenticated_proxy);
        rules.no_tls_inspection.extend(more.no_tls_inspection);
        rules.partial_content.extend(more.partial_content);
    }
}

/// A catalogue file that is part of the program.
#[derive(Debug)]
pub(super) struct ShippedFile {
    pub(super) name: &'static str,
    pub(super) file_name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! shipped {
    ($name:literal) => {
        ShippedFile {
            name: $name,
            file_name: concat!($name, ".toml"),
            text: include_str!(concat!("data/", $name, ".toml")),
        }
    };
}

/// The editions of the article, oldest first (`pt` and `fr` say the same), then the sovereign clouds.
pub(super) const EDITIONS: [ShippedFile; 9] = [
    shipped!("zh-2020"),
    shipped!("pt"),
    shipped!("fr"),
    shipped!("nl"),
    shipped!("ja"),
    shipped!("en-2025-06"),
    shipped!("en-latest"),
    shipped!("us-government"),
    shipped!("china-21vianet"),
];

pub(super) const SUPPLEMENTARY: ShippedFile = shipped!("supplementary");
pub(super) const MICROSOFT_365: ShippedFile = shipped!("microsoft-365");
