//! Who lists a host or an address: every set with the pattern that does, in one catalogue and across editions.
//!
//! In: what somebody typed, a catalogue, editions. Out: plain data for a report to print. The audit asks
//! [`Catalog::match_host`], which answers with the best sets only; this module tells people about all of them.

use super::edition::EditionFile;
use super::endpoint_set::{EndpointSet, ListedHost, ListedPrefix, SetKey, Standing};
use super::host_pattern::HostPattern;
use super::prefix::embedded_ipv4;
use super::{Catalog, HandlingRule};
use crate::facts::{HostName, Transport, printable};
use std::cmp::Reverse;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// What is asked about: a host or an address, perhaps with a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The host or address.
    pub subject: Subject,
    /// The port, 1 to 65535; `None` when none was given.
    pub port: Option<u16>,
}

/// A host or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A host name in lower case, without control characters.
    Host(String),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Question {
    /// Reads `HOST`, `ADDRESS`, either with `:PORT`, or a whole URL; an IPv6 address with a port needs its brackets. A
    /// pattern such as `*.manage.microsoft.com` stands for a name it matches.
    ///
    /// # Errors
    ///
    /// What a question should look like, when `text` does not.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "a host name or an address, perhaps with :PORT";
        let text = match text.split_once("://") {
            Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
            None => text,
        };
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse::<IpAddr>() {
            return Ok(Self {
                subject: Subject::Address(address),
                port: None,
            });
        }
        if let Ok(address) = text.parse::<SocketAddr>()
            && address.port() != 0
        {
            return Ok(Self {
                subject: Subject::Address(address.ip()),
                port: Some(address.port()),
            });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => match port.parse() {
                Ok(0) | Err(_) => return Err("a port from 1 to 65535 after the colon"),
                Ok(port) => (host, Some(port)),
            },
            None => (text, None),
        };
        let host = match HostPattern::parse(host) {
            Ok(pattern) => pattern.typical_name(),
            Err(_) => host.to_owned(),
        };
        // What no endpoint list could hold is refused rather than looked up in vain.
        let stray = |c: char| matches!(c, '/' | ':' | '@' | '<' | '>' | '*') || c.is_whitespace();
        if host.contains(stray) || host.starts_with('[') {
            return Err(EXPECTED);
        }
        let name = HostName::from_wire(host.as_bytes()).ok_or(EXPECTED)?;
        Ok(Self {
            subject: Subject::Host(name.folded().to_string()),
            port,
        })
    }
}

/// By what a set lists something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground<'c> {
    /// A host or a pattern.
    Host(&'c ListedHost),
    /// A prefix.
    Prefix(&'c ListedPrefix),
}

/// How much a listing proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Traffic to it is traffic of the set.
    Strong,
    /// Any client of the field contacts it.
    Weak,
    /// Others use the addresses too.
    Shared,
    /// It explains a flow and proves nothing.
    Reference,
}

impl Strength {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Weak => "weak",
            Self::Shared => "shared",
            Self::Reference => "reference",
        }
    }
}

impl Ground<'_> {
    /// On what ground it is known.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self {
            Self::Host(host) => host.standing,
            Self::Prefix(listed) => listed.standing,
        }
    }

    /// How much it proves.
    #[must_use]
    pub fn strength(&self) -> Strength {
        match self {
            _ if self.standing() == Standing::Reference => Strength::Reference,
            Self::Host(host) if host.generic => Strength::Weak,
            Self::Prefix(listed) if listed.shared => Strength::Shared,
            Self::Host(_) | Self::Prefix(_) => Strength::Strong,
        }
    }

    /// Best first.
    fn rank(&self) -> impl Ord + use<> {
        let (exact, length) = match self {
            Self::Host(host) => (host.pattern.is_exact(), host.pattern.as_str().len()),
            Self::Prefix(listed) => (false, usize::from(listed.prefix.length())),
        };
        (self.standing(), Reverse(exact), Reverse(length))
    }
}

impl fmt::Display for Ground<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.pattern.fmt(f),
            Self::Prefix(listed) => listed.prefix.fmt(f),
        }
    }
}

/// One set's claim on what is asked about.
#[derive(Debug, Clone)]
pub struct Claim<'c> {
    /// The set.
    pub set: &'c EndpointSet,
    /// By what it lists it.
    pub ground: Ground<'c>,
    /// Whether the audit attributes to this set.
    pub decides: bool,
    /// Whether the set lists the port over TCP; `None` without a port in the question, and where the set states none.
    pub tcp_listed: Option<bool>,
    /// Whether the set lists the port over UDP.
    pub udp_listed: Option<bool>,
}

/// Which sets of one edition, as published, list what is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionClaims {
    /// The edition.
    pub edition: String,
    /// Sets and patterns, best first; empty when nothing lists it.
    pub claims: Vec<(SetKey, String)>,
}

/// What is known about a host or an address.
#[derive(Debug, Clone)]
pub struct Explanation<'c> {
    /// What was asked.
    pub question: Question,
    /// Who lists it, best first.
    pub claims: Vec<Claim<'c>>,
    /// The rule by which TLS inspection is not supported for it.
    pub no_tls_inspection: Option<&'c HandlingRule>,
    /// The rule by which a proxy must not ask for authentication for it.
    pub unauthenticated_proxy: Option<&'c HandlingRule>,
    /// The rule by which it needs HTTP partial responses.
    pub partial_content: Option<&'c HandlingRule>,
    /// Wildcards that cover what is below the name but not the name itself, with their sets.
    pub only_below: Vec<(&'c EndpointSet, &'c HostPattern)>,
    /// What each edition says, in the order given.
    pub editions: Vec<EditionClaims>,
}

/// Looks `question` up in `catalog`, and in `editions` as published.
#[must_use]
pub fn explain<'c>(
    question: Question,
    catalog: &'c Catalog,
    editions: &[EditionFile],
) -> Explanation<'c> {
    let deciding: Vec<SetKey> = match &question.subject {
        Subject::Host(name) => catalog
            .match_host(name)
            .map_or(Vec::new(), |found| keys(found.primary())),
        Subject::Address(address) => catalog
            .match_address(*address)
            .map_or(Vec::new(), |found| keys(found.primary())),
    };
    let mut claims: Vec<Claim<'c>> = Vec::new();
    for (set, ground) in grounds(&question.subject, catalog.sets()) {
        let listed = |transport| set.lists_port(transport, question.port?);
        claims.push(Claim {
            set,
            ground,
            decides: deciding.contains(&set.key)
                && claims.iter().all(|claim| claim.set.key != set.key),
            tcp_listed: listed(Transport::Tcp),
            udp_listed: listed(Transport::Udp),
        });
    }
    let name = match &question.subject {
        Subject::Host(name) => name.as_str(),
        Subject::Address(_) => "",
    };
    Explanation {
        no_tls_inspection: catalog.inspection_unsupported(name),
        unauthenticated_proxy: catalog.needs_unauthenticated_proxy(name),
        partial_content: catalog.needs_partial_content(name),
        only_below: only_below(name, catalog),
        editions: editions
            .iter()
            .map(|file| EditionClaims {
                edition: printable(file.edition.name.as_bytes(), 80).to_string(),
                claims: grounds(&question.subject, &file.sets)
                    .into_iter()
                    .map(|(set, ground)| (set.key.clone(), ground.to_string()))
                    .collect(),
            })
            .collect(),
        claims,
        question,
    }
}

fn keys<'s>(sets: impl Iterator<Item = &'s EndpointSet>) -> Vec<SetKey> {
    sets.map(|set| set.key.clone()).collect()
}

/// Every pattern or prefix that fits, with its set, best first.
fn grounds<'s>(subject: &Subject, sets: &'s [EndpointSet]) -> Vec<(&'s EndpointSet, Ground<'s>)> {
    let mut found: Vec<(&EndpointSet, Ground<'_>)> = Vec::new();
    for set in sets {
        match subject {
            Subject::Host(name) => found.extend(
                set.hosts
                    .iter()
                    .chain(&set.also_recognised)
                    .filter(|host| host.pattern.matches(name))
                    .map(|host| (set, Ground::Host(host))),
            ),
            Subject::Address(address) => found.extend(
                set.prefixes
                    .iter()
                    .chain(&set.retired_prefixes)
                    .filter(|listed| listed.prefix.contains(embedded_ipv4(*address)))
                    .map(|listed| (set, Ground::Prefix(listed))),
            ),
        }
    }
    found.sort_by_cached_key(|(set, ground)| (ground.rank(), set.id().is_none()));
    found
}

fn only_below<'c>(name: &str, catalog: &'c Catalog) -> Vec<(&'c EndpointSet, &'c HostPattern)> {
    catalog
        .sets()
        .iter()
        .flat_map(|set| set.hosts.iter().map(move |host| (set, host)))
        .filter(|(_, host)| host.standing != Standing::Reference)
        .map(|(set, host)| (set, &host.pattern))
        .filter(|(_, pattern)| pattern.as_str().strip_prefix("*.") == Some(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str) -> (String, Option<u16>) {
        let question = Question::parse(text).unwrap();
        (question.subject.to_string(), question.port)
    }

    #[test]
    fn questions_read_in_every_form() {
        for (text, subject, port) in [
            ("Login.live.COM.", "login.live.com", None),
            ("login.live.com:443", "login.live.com", Some(443)),
            (
                "https://login.live.com/ppsecure?x#y",
                "login.live.com",
                None,
            ),
            ("https://login.live.com:444/", "login.live.com", Some(444)),
            ("*.manage.microsoft.com", "x.manage.microsoft.com", None),
            ("20.37.153.10", "20.37.153.10", None),
            ("20.37.153.10:80", "20.37.153.10", Some(80)),
            ("2620:1ec:40::7", "2620:1ec:40::7", None),
            ("[2620:1ec:40::7]", "2620:1ec:40::7", None),
            ("[2620:1ec:40::7]:443", "2620:1ec:40::7", Some(443)),
            ("a\u{1b}[31m.com", "a\\027[31m.com", None),
        ] {
            assert_eq!(question(text), (subject.to_owned(), port), "{text}");
        }
        for text in [
            "",
            ".",
            "a b",
            "a:b",
            "a:0",
            "192.0.2.1:0",
            "[::1]:0",
            "a:65536",
            "a@b",
            "[x]:1",
            "*.*",
            "x/y",
        ] {
            assert!(Question::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_best_pattern_of_a_deciding_set_decides() {
        let catalog = Catalog::load("en-latest").unwrap();
        let asked = Question::parse("swda01-mscdn.azureedge.net:443").unwrap();
        let files = [
            Catalog::edition_file("nl").unwrap(),
            Catalog::edition_file("ja").unwrap(),
        ];
        let answer = explain(asked, &catalog, &files);
        let first = &answer.claims[0];
        assert_eq!((first.set.id(), first.decides), (Some(170), true));
        assert_eq!(first.ground.standing(), Standing::Retired);
        assert_eq!(
            (first.tcp_listed, first.udp_listed),
            (Some(true), Some(false))
        );
        assert_eq!(
            answer.editions[0].claims,
            [(SetKey::Id(170), "swda01-mscdn.azureedge.net".to_owned())]
        );
        assert!(answer.editions[1].claims.is_empty());
        assert!(answer.unauthenticated_proxy.is_some());
    }

    #[test]
    fn a_wildcard_that_misses_its_own_domain_is_pointed_out() {
        let catalog = Catalog::load("en-latest").unwrap();
        let answer = explain(Question::parse("dm.microsoft.com").unwrap(), &catalog, &[]);
        assert!(
            answer
                .claims
                .iter()
                .all(|claim| !claim.decides || claim.ground.standing() == Standing::Reference)
        );
        assert!(
            answer
                .only_below
                .iter()
                .any(|(set, _)| set.id() == Some(163))
        );
    }

    #[test]
    fn addresses_say_whether_they_are_shared() {
        let catalog = Catalog::load("en-latest").unwrap();
        let answer = explain(Question::parse("2620:1ec:40::7").unwrap(), &catalog, &[]);
        let strengths: Vec<_> = answer
            .claims
            .iter()
            .map(|claim| claim.ground.strength())
            .collect();
        assert_eq!(strengths, [Strength::Shared, Strength::Reference]);
    }
}
