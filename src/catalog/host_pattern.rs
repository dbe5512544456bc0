//! Host patterns as the endpoint lists write them, and how specific each is.
//!
//! In: one pattern as published. Out: whether it matches a name in lower case. This file knows no endpoint sets.

use std::cmp::Ordering;
use std::fmt;

/// A host name or a pattern for host names, in lower case.
///
/// | written | matches |
/// | --- | --- |
/// | `login.live.com` | that name alone |
/// | `*.manage.microsoft.com` | one or more labels below it, never `manage.microsoft.com` itself |
/// | `*gstatic.com`, `payloadprod*.blob.core.windows.net` | any run of characters for the star, an empty one too |
/// | `#-courier.push.apple.com` | a number from 0 to 50 for `#`, as a footnote of the article says |
/// | `enterpriseenrollment.<customer domain>` | any domain in the place of the words |
/// | `<name>.cloudapp.net` | nothing: the domain is shared, so a match would say nothing about Intune |
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    text: Box<str>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Exact,
    Below,
    Glob,
    Numbered,
    AnyDomain,
    Unmatchable,
}

/// Which index of a lookup table a pattern belongs into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket<'p> {
    /// The whole name.
    Exact(&'p str),
    /// The part below which names match, without the leading star and dot.
    Below(&'p str),
    /// Neither: the pattern has to be tried.
    Try,
    /// Never matches.
    Never,
}

/// Greatest number `#` stands for in Apple's push hosts ("a random number in the range 0 to 50", 2020 edition).
const GREATEST_COURIER: u32 = 50;

/// Longest name in octets (RFC 1035 §2.3.4).
const MAX_OCTETS: usize = 255;

impl HostPattern {
    /// Reads a pattern; letter case is folded.
    ///
    /// # Errors
    ///
    /// What a host pattern should look like, when `text` does not.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let folded = text.to_lowercase();
        if folded.is_empty() || folded.len() > MAX_OCTETS {
            return Err("a host name or pattern of 1 to 255 octets");
        }
        let open = folded.find('<');
        let close = folded.find('>');
        let (literal, kind) = match (open, close) {
            (None, None) => (folded.as_str(), Self::kind_of(&folded)?),
            (Some(0), Some(end)) => (
                folded.get(end.saturating_add(1)..).unwrap_or(""),
                Kind::Unmatchable,
            ),
            (Some(start), Some(end)) if end.checked_add(1) == Some(folded.len()) && start < end => {
                (
                    folded.get(..start).unwrap_or("").trim_end_matches('.'),
                    Kind::AnyDomain,
                )
            }
            _ => return Err("a placeholder such as <customer domain> at the start or at the end"),
        };
        if literal.chars().any(|c| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '/' | ':' | '@' | '<' | '>' | ',' | '|')
        }) {
            return Err("a host name without scheme, port, path or blanks");
        }
        let inner = literal
            .strip_prefix('.')
            .filter(|_| kind == Kind::Unmatchable)
            .unwrap_or(literal);
        if inner.split('.').any(str::is_empty) {
            return Err("a host name without empty labels");
        }
        Ok(Self {
            text: folded.into_boxed_str(),
            kind,
        })
    }

    fn kind_of(text: &str) -> Result<Kind, &'static str> {
        if let Some(rest) = text.strip_prefix("*.")
            && !rest.contains(['*', '#'])
        {
            return Ok(Kind::Below);
        }
        match (text.contains('*'), text.matches('#').count()) {
            (false, 0) => Ok(Kind::Exact),
            (true, 0) if text.chars().any(|c| c.is_alphanumeric()) => Ok(Kind::Glob),
            (false, 1) => Ok(Kind::Numbered),
            _ => Err("a pattern with some literal text, and either stars or one #"),
        }
    }

    /// The pattern as published, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern is one host name, without wildcard or placeholder.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.kind == Kind::Exact
    }

    /// Whether `name`, in lower case and without a trailing dot, fits the pattern.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self.kind {
            Kind::Exact => *self.text == *name,
            Kind::Below => is_below(name, self.suffix()),
            Kind::Glob => glob(self.text.as_bytes(), name.as_bytes()),
            Kind::Numbered => self.text.split_once('#').is_some_and(|(before, after)| {
                name.strip_prefix(before)
                    .and_then(|rest| rest.strip_suffix(after))
                    .is_some_and(is_courier_number)
            }),
            Kind::AnyDomain => self
                .text
                .find('<')
                .and_then(|end| name.strip_prefix(&self.text[..end]))
                .is_some_and(|rest| !rest.is_empty()),
            Kind::Unmatchable => false,
        }
    }

    /// Whether the names the pattern stands for include `name` when the pattern is read as a domain: an entry without a
    /// star then covers the name and everything below it.
    #[must_use]
    pub fn matches_as_domain(&self, name: &str) -> bool {
        self.matches(name) || (self.is_exact() && is_below(name, &self.text))
    }

    /// Whether every name that `other` stands for fits this pattern too, as far as one typical name can tell.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.kind != Kind::Unmatchable && self.matches(&other.typical_name())
    }

    /// A name the pattern matches: `x` for a star or a placeholder, a number for `#`.
    #[must_use]
    pub fn typical_name(&self) -> String {
        let text = match self.text.find('<') {
            Some(start) => format!(
                "{}x{}",
                &self.text[..start],
                self.text.rsplit('>').next().unwrap_or("")
            ),
            None => self.text.to_string(),
        };
        text.replace('*', "x").replace('#', "7")
    }

    /// The order in which patterns win: an exact name before any wildcard, then the longer text.
    #[must_use]
    pub fn cmp_specificity(&self, other: &Self) -> Ordering {
        self.is_exact()
            .cmp(&other.is_exact())
            .then(self.text.len().cmp(&other.text.len()))
    }

    pub(super) fn bucket(&self) -> Bucket<'_> {
        match self.kind {
            Kind::Exact => Bucket::Exact(&self.text),
            Kind::Below => Bucket::Below(self.suffix()),
            Kind::Glob | Kind::Numbered | Kind::AnyDomain => Bucket::Try,
            Kind::Unmatchable => Bucket::Never,
        }
    }

    fn suffix(&self) -> &str {
        self.text.strip_prefix("*.").unwrap_or(&self.text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(|labels| !labels.is_empty())
}

fn is_courier_number(text: &str) -> bool {
    text.len() <= 2
        && text.bytes().all(|b| b.is_ascii_digit())
        && text.parse::<u32>().is_ok_and(|n| n <= GREATEST_COURIER)
}

/// Matches `*` as any run of bytes, in at most `pattern.len() * name.len()` steps: on a mismatch only the last star
/// takes one byte more, which is enough because an earlier star could not match anything that the last one cannot.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0_usize, 0_usize);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(byte) if Some(byte) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((star, taken)) = retry else {
                    return false;
                };
                retry = Some((star, taken + 1));
                p = star + 1;
                n = taken + 1;
            }
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    #[test]
    fn a_star_label_takes_one_or_more_labels_and_never_the_apex() {
        let p = pattern("*.do.dsp.mp.microsoft.com");
        assert!(p.matches("array801.do.dsp.mp.microsoft.com"));
        assert!(p.matches("geo.prod.do.dsp.mp.microsoft.com"));
        assert!(!p.matches("do.dsp.mp.microsoft.com"));
        assert!(!p.matches(".do.dsp.mp.microsoft.com"));
        assert!(!p.matches("xdo.dsp.mp.microsoft.com"));
    }

    #[test]
    fn a_star_elsewhere_takes_any_characters() {
        assert!(pattern("*gstatic.com").matches("gstatic.com"));
        assert!(pattern("*gstatic.com").matches("fonts.gstatic.com"));
        assert!(pattern("*cdn.onenote.net").matches("site-cdn.onenote.net"));
        assert!(
            pattern("payloadprod*.blob.core.windows.net")
                .matches("payloadprod12.blob.core.windows.net")
        );
        assert!(
            !pattern("payloadprod*.blob.core.windows.net").matches("other.blob.core.windows.net")
        );
        assert!(pattern("swd*-mscdn.*").matches("swda01-mscdn.azureedge.net"));
        assert!(!pattern("a*b*c").matches("acb"));
    }

    #[test]
    fn a_hash_is_a_number_from_0_to_50() {
        let p = pattern("#-courier.push.apple.com");
        for name in [
            "0-courier.push.apple.com",
            "5-courier.push.apple.com",
            "50-courier.push.apple.com",
        ] {
            assert!(p.matches(name), "{name}");
        }
        for name in [
            "51-courier.push.apple.com",
            "-courier.push.apple.com",
            "x-courier.push.apple.com",
            "050-courier.push.apple.com",
        ] {
            assert!(!p.matches(name), "{name}");
        }
    }

    #[test]
    fn a_placeholder_at_the_end_matches_and_one_at_the_start_does_not() {
        let p = pattern("EnterpriseEnrollment.<customer domain>");
        assert!(p.matches("enterpriseenrollment.contoso.com"));
        assert!(!p.matches("enterpriseenrollment."));
        assert!(!pattern("<name>.blob.core.windows.net").matches("x.blob.core.windows.net"));
    }

    #[test]
    fn read_as_a_domain_a_bare_name_covers_what_is_below() {
        assert!(pattern("manage.microsoft.com").matches_as_domain("r.manage.microsoft.com"));
        assert!(pattern("manage.microsoft.com").matches_as_domain("manage.microsoft.com"));
        assert!(!pattern("*.manage.microsoft.com").matches_as_domain("manage.microsoft.com"));
        assert!(!pattern("manage.microsoft.com").matches_as_domain("notmanage.microsoft.com"));
    }

    #[test]
    fn exact_wins_over_longer_wildcards_and_long_over_short() {
        let order = [
            "go.microsoft.com",
            "*.do.dsp.mp.microsoft.com",
            "*.microsoft.com",
        ]
        .map(pattern);
        for pair in order.windows(2) {
            assert_eq!(pair[0].cmp_specificity(&pair[1]), Ordering::Greater);
        }
    }

    #[test]
    fn refuses_what_is_no_host() {
        for text in [
            "",
            "https://a.com",
            "a..com",
            "a.com.",
            "a b.com",
            "*",
            "*.*",
            "#.#.com",
            "a.<x>.com",
            "a,b",
        ] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_pattern_matches_its_typical_name() {
        for text in [
            "a.com",
            "*.a.com",
            "*a.com",
            "#-c.com",
            "a*b.com",
            "a.<country>",
        ] {
            let p = pattern(text);
            assert!(p.matches(&p.typical_name()), "{text}");
        }
    }
}
