//! Endpoint sets: one row or section of a published list, with its hosts, prefixes and ports.

use super::feature_area::FeatureArea;
use super::host_pattern::HostPattern;
use super::prefix::Prefix;
use crate::facts::Transport;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// How a set is named: by its published number, or by a key of ours where the article gives none.
///
/// The order is the one reports use: numbers first, then keys, then Microsoft 365 rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetKey {
    /// The article's number, such as 163.
    Id(u16),
    /// A section without number, such as `microsoft-store`.
    Section(Arc<str>),
    /// A row of the Microsoft 365 list, shown as `m365-56`. The article re-uses some of these numbers for its own sets,
    /// so they must not be mixed up.
    Reference(u16),
}

impl SetKey {
    /// The article's number; `None` for sections and for Microsoft 365 rows.
    #[must_use]
    pub fn id(&self) -> Option<u16> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Section(_) | Self::Reference(_) => None,
        }
    }

    /// Reads a key as it is shown; every text is one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Ok(id) = text.parse() {
            return Self::Id(id);
        }
        match text.strip_prefix("m365-").and_then(|row| row.parse().ok()) {
            Some(row) => Self::Reference(row),
            None => Self::Section(text.into()),
        }
    }
}

impl fmt::Display for SetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Section(key) => f.pad(key),
            Self::Reference(row) => write!(f, "m365-{row}"),
        }
    }
}

/// On what ground a set, host or prefix is known, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// In the chosen edition, or in the user's own file.
    Published,
    /// Needed by devices, listed by no set.
    Supplementary,
    /// Only in an older edition.
    Retired,
    /// Only in an imported edition, whose source is known to be inaccurate.
    Imported,
    /// In the Microsoft 365 list: explains a flow, is never required and no proof of Intune.
    Reference,
}

impl Standing {
    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Supplementary => "supplementary",
            Self::Retired => "retired",
            Self::Imported => "imported",
            Self::Reference => "reference",
        }
    }
}

/// Microsoft's network category of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Needs the best path: low latency, high volume.
    Optimize,
    /// Must be reachable, less sensitive.
    Allow,
    /// Ordinary Internet traffic.
    Default,
}

impl Category {
    /// The name used in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Optimize => "optimize",
            Self::Allow => "allow",
            Self::Default => "default",
        }
    }

    /// The name as the article and the web service write it.
    #[must_use]
    pub fn published_name(self) -> &'static str {
        match self {
            Self::Optimize => "Optimize",
            Self::Allow => "Allow",
            Self::Default => "Default",
        }
    }

    /// The category with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Optimize, Self::Allow, Self::Default]
            .into_iter()
            .find(|category| category.name() == name)
    }
}

/// The part of the world a tenant is in, by which some sets are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// North America.
    NorthAmerica,
    /// Europe.
    Europe,
    /// Asia Pacific.
    AsiaPacific,
}

impl Region {
    /// All regions.
    pub const ALL: [Self; 3] = [Self::NorthAmerica, Self::Europe, Self::AsiaPacific];

    /// The name as the article writes it, such as "North America".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NorthAmerica => "North America",
            Self::Europe => "Europe",
            Self::AsiaPacific => "Asia Pacific",
        }
    }

    /// The region with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == name)
    }

    /// The region of an Azure scale unit such as `AMSUB0202`, by its letter: the article's table lists A in its North
    /// American row, B in the European one, C and D in the one of Asia Pacific.
    #[must_use]
    pub fn of_scale_unit(unit: &str) -> Option<Self> {
        let folded = unit.to_ascii_uppercase();
        let mut rest = folded
            .strip_prefix("AMSU")
            .or_else(|| folded.strip_prefix("MSU"))?
            .chars();
        let region = match rest.next()? {
            'A' => Self::NorthAmerica,
            'B' => Self::Europe,
            'C' | 'D' => Self::AsiaPacific,
            _ => return None,
        };
        (!rest.as_str().is_empty() && rest.all(|c| c.is_ascii_digit())).then_some(region)
    }
}

/// A host of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedHost {
    /// The name or pattern.
    pub pattern: HostPattern,
    /// Any Windows, Edge, Office or Teams client contacts it: weak evidence that the set's feature was used.
    pub generic: bool,
    /// A literal that a wildcard of the same set covers: never to be missed when the wildcard was reached.
    pub sample: bool,
    /// A spelling other than the published one (or other than the right one).
    pub misprint: bool,
    /// On what ground it is known.
    pub standing: Standing,
}

/// A prefix of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPrefix {
    /// The prefix.
    pub prefix: Prefix,
    /// Used by others too (Azure Front Door): a match by address alone is ambiguous.
    pub shared: bool,
    /// On what ground it is known.
    pub standing: Standing,
}

/// An obvious misprint of the article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misprint {
    /// What the article prints.
    pub published: String,
    /// What it means.
    pub meant: String,
}

/// One row or section of a published list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSet {
    /// The number or key.
    pub key: SetKey,
    /// On what ground the set is known.
    pub standing: Standing,
    /// The areas of the sections it stands in, that of the first one first; never empty.
    pub feature_areas: Vec<FeatureArea>,
    /// The sections it stands in, in English.
    pub sections: Vec<String>,
    /// What the row says it is, in English.
    pub description: Arc<str>,
    /// The description in the edition's language, where that is not English.
    pub published_description: Option<String>,
    /// Microsoft's network category; `None` where the edition gives none.
    pub category: Option<Category>,
    /// The article's own "Required" mark; `None` where the edition has no such column.
    pub required: Option<bool>,
    /// Whether it is supported over Azure ExpressRoute; `None` where the edition does not say.
    pub express_route: Option<bool>,
    /// The tenant region it serves; `None` for all.
    pub region: Option<Region>,
    /// Its hosts, in the order published.
    pub hosts: Vec<ListedHost>,
    /// What is recognised besides: names of older editions and of an imported one, and the other spelling of misprints.
    pub also_recognised: Vec<ListedHost>,
    /// Hosts in the letter case of the article, where that is not lower case.
    pub published_case: Vec<String>,
    /// Its prefixes, in the order published.
    pub prefixes: Vec<ListedPrefix>,
    /// Prefixes that are recognised besides: those of older editions, and of an imported one.
    pub retired_prefixes: Vec<ListedPrefix>,
    /// Its TCP ports; empty together with `udp_ports` where the edition states none.
    pub tcp_ports: Vec<u16>,
    /// Its UDP ports.
    pub udp_ports: Vec<u16>,
    /// The Azure scale units of the row; those of the last edition that names any, where this one does not.
    pub scale_units: Vec<String>,
    /// The storage names of the row.
    pub storage_names: Vec<String>,
    /// The addresses a name of this set must resolve to; empty when any will do.
    pub expected_addresses: Vec<IpAddr>,
    /// The document a supplementary record was taken from.
    pub source: Option<String>,
    /// Footnotes and remarks.
    pub notes: Vec<String>,
    /// Misprints of the article in this row.
    pub misprints: Vec<Misprint>,
}

impl EndpointSet {
    /// The article's number, if it gives one.
    #[must_use]
    pub fn id(&self) -> Option<u16> {
        self.key.id()
    }

    /// The area of the first section the set stands in.
    #[must_use]
    pub fn feature_area(&self) -> FeatureArea {
        self.feature_areas
            .first()
            .copied()
            .unwrap_or(FeatureArea::Supplementary)
    }

    /// Whether the set lists this port; `None` where the edition states no port for it.
    #[must_use]
    pub fn lists_port(&self, transport: Transport, port: u16) -> Option<bool> {
        if self.tcp_ports.is_empty() && self.udp_ports.is_empty() {
            return None;
        }
        let ports = match transport {
            Transport::Tcp => &self.tcp_ports,
            Transport::Udp => &self.udp_ports,
        };
        Some(ports.contains(&port))
    }

    /// Whether any of the set's patterns fits `folded` (lower case), published ones and others.
    #[must_use]
    pub fn matches_host(&self, folded: &str) -> bool {
        self.hosts
            .iter()
            .chain(&self.also_recognised)
            .any(|host| host.pattern.matches(folded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_show_and_read_back_and_sort_numbers_first() {
        let mut keys: Vec<_> = ["m365-56", "microsoft-store", "163", "56"]
            .map(SetKey::parse)
            .to_vec();
        keys.sort();
        assert_eq!(
            keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["56", "163", "microsoft-store", "m365-56"]
        );
        assert_eq!(SetKey::parse("m365-56").id(), None);
    }

    #[test]
    fn the_letter_of_a_scale_unit_gives_the_region() {
        assert_eq!(Region::of_scale_unit("AMSUB0202"), Some(Region::Europe));
        assert_eq!(
            Region::of_scale_unit("amsud0101"),
            Some(Region::AsiaPacific)
        );
        assert_eq!(Region::of_scale_unit("MSUA05"), Some(Region::NorthAmerica));
        assert_eq!(Region::of_scale_unit("FXPASU01"), None);
        assert_eq!(Region::of_scale_unit("AMSUA"), None);
    }
}
