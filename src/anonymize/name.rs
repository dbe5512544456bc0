//! Names that stand for others, label by label.

use super::secret::Secret;
use crate::audit::registrable_part;
use crate::catalog::{Catalog, Standing};
use foldhash::fast::RandomState;
use hashbrown::HashSet;

/// Names of resolvers and connectivity probes that any device may ask for, and that say nothing about whose it is.
const WELL_KNOWN: [&str; 12] = [
    "dns.google",
    "one.one.one.one",
    "cloudflare-dns.com",
    "dns.quad9.net",
    "connectivitycheck.gstatic.com",
    "connectivitycheck.android.com",
    "clients3.google.com",
    "captive.apple.com",
    "www.msftconnecttest.com",
    "ipv6.msftconnecttest.com",
    "dns.msftncsi.com",
    "detectportal.firefox.com",
];

/// Second labels under which registries of countries sell names.
const REGISTRY_LABELS: [&str; 11] = [
    "ac", "co", "com", "edu", "go", "gov", "ltd", "ne", "net", "or", "org",
];

/// What is kept of names that are looked up by address.
const REVERSE: [&str; 2] = ["in-addr.arpa", "ip6.arpa"];

/// Letters and digits that tokens are made of: no label that a reader takes for a word or a number system.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Replaces names.
pub(super) struct NameMap<'c> {
    secret: Secret,
    catalog: &'c Catalog,
    /// Domains of the endpoint list, such as `microsoft.com`.
    domains: HashSet<String, RandomState>,
}

impl<'c> NameMap<'c> {
    pub(super) fn new(secret: &Secret, catalog: &'c Catalog) -> Self {
        let domains = catalog
            .sets()
            .iter()
            .flat_map(|set| set.hosts.iter().chain(&set.also_recognised))
            .map(|host| host.pattern.as_str())
            // `enterpriseregistration.<domain>` has a domain of the user's.
            .filter(|pattern| !pattern.contains('<'))
            .filter_map(registrable_part)
            .filter(|domain| !domain.contains('*'))
            .map(str::to_owned)
            .collect();
        Self {
            secret: secret.clone(),
            catalog,
            domains,
        }
    }

    pub(super) fn replace(&self, name: &str) -> String {
        let name = name.trim_end_matches('.');
        let folded = name.to_ascii_lowercase();
        let bare = folded.as_str();
        let labels: Vec<&str> = bare.split('.').collect();
        let kept = self.labels_kept(bare, &labels);
        let mut replaced: Vec<String> = Vec::with_capacity(labels.len());
        let mut rest = bare;
        // What is kept keeps its letter case too.
        for (index, (label, written)) in labels.iter().zip(name.split('.')).enumerate() {
            replaced.push(if kept.keeps(index, labels.len()) || is_service(label) {
                written.to_owned()
            } else {
                self.token(rest, label.len())
            });
            rest = rest.split_once('.').map_or("", |(_, rest)| rest);
        }
        replaced.join(".")
    }

    /// What of a name stays readable.
    fn labels_kept(&self, name: &str, labels: &[&str]) -> Kept {
        if WELL_KNOWN.contains(&name) {
            return Kept::ALL;
        }
        let found = self
            .catalog
            .match_host(name)
            .filter(|found| found.standing() != Standing::Reference);
        if let Some(found) = found {
            // A published prefix before a domain of the user's own.
            return match found.pattern().as_str().split_once('<') {
                None => Kept::ALL,
                Some((before, _)) => Kept {
                    first: before.matches('.').count(),
                    last: public_suffix(labels),
                },
            };
        }
        let known = registrable_part(name).is_some_and(|domain| self.domains.contains(domain))
            || self.domains.contains(name);
        Kept {
            first: 0,
            last: if known { 2 } else { public_suffix(labels) },
        }
    }

    /// What stands for the first label of `rest`: as long as the label, so that it fits in its place in a packet, and
    /// dependent on everything behind it, so that equal labels of two domains differ.
    fn token(&self, rest: &str, length: usize) -> String {
        let mut token = String::with_capacity(length);
        let mut block = 0_u8;
        while token.len() < length {
            let octets = self
                .secret
                .token("label", &[&[block], rest.as_bytes()].concat());
            for octet in octets {
                if token.len() < length {
                    let letter = ALPHABET.get(usize::from(octet & 31)).copied();
                    token.push(char::from(letter.unwrap_or(b'x')));
                }
            }
            block = block.wrapping_add(1);
        }
        token
    }
}

/// How many labels of a name are kept at either end.
#[derive(Clone, Copy)]
struct Kept {
    first: usize,
    last: usize,
}

impl Kept {
    const ALL: Self = Self {
        first: usize::MAX,
        last: usize::MAX,
    };

    fn keeps(self, index: usize, labels: usize) -> bool {
        index < self.first || index.saturating_add(self.last) >= labels
    }
}

/// Labels of services and the star of wildcards say nothing of whose they are (RFC 6763 §7).
fn is_service(label: &str) -> bool {
    label == "*" || label.starts_with('_')
}

/// How many labels at the end of a name are a registry's and not its owner's; none for a name of one label, which a device
/// gives itself.
fn public_suffix(labels: &[&str]) -> usize {
    match labels {
        [] | [_] => 0,
        [.., second, last] if REVERSE.contains(&format!("{second}.{last}").as_str()) => 2,
        [_, .., second, last]
            if labels.len() > 2 && last.len() == 2 && REGISTRY_LABELS.contains(second) =>
        {
            2
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_replaced_and_the_service_s_are_not() {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let secret = Secret::from_octets(b"0123456789abcdef").unwrap();
        let map = NameMap::new(&secret, &catalog);
        for name in [
            "manage.microsoft.com",
            "r.Manage.Microsoft.com",
            "login.microsoftonline.com",
            "dns.google",
            "www.msftconnecttest.com",
            "_companion-link._tcp.local",
        ] {
            assert_eq!(map.replace(name), name);
        }
        for (name, end) in [
            ("intranet.contoso.com", ".com"),
            ("mail.contoso.co.uk", ".co.uk"),
            ("contoso.sharepoint.com", ".com"),
            ("contoso.microsoft.com", ".microsoft.com"),
            ("14.0.20.10.in-addr.arpa", ".in-addr.arpa"),
            ("Alices-Phone.local", ".local"),
            ("alices-phone", ""),
            ("*.contoso.com", ".com"),
        ] {
            let other = map.replace(name);
            assert!(other.ends_with(end), "{name} {other}");
            assert_eq!(other.len(), name.len());
            for word in ["contoso", "intranet", "alice", "mail"] {
                assert!(!other.contains(word), "{name} {other}");
            }
            assert!(
                map.replace(&name.to_uppercase())
                    .eq_ignore_ascii_case(&other)
            );
        }
        let alias = map.replace("enterpriseregistration.contoso.com");
        assert!(alias.starts_with("enterpriseregistration."), "{alias}");
        assert!(!alias.contains("contoso"), "{alias}");
        let (a, b) = (map.replace("a.contoso.com"), map.replace("contoso.com"));
        assert!(a.ends_with(&format!(".{b}")), "{a} {b}");
    }
}
