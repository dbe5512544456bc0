//! Host names as they came over the wire, made safe to compare and to show.

use compact_str::CompactString;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A host name: wire case kept for display, ASCII case ignored in comparisons, no trailing dot, at most 255 octets.
///
/// The text holds no control characters: they were escaped (`\010` style, RFC 1035 §5.1) when the name was built, so it is
/// safe for a terminal. It may still hold characters that are special in HTML or in a spreadsheet; renderers escape those.
#[derive(Debug, Clone)]
pub struct HostName(CompactString);

impl HostName {
    /// Longest name kept, in octets of its text form before escaping (RFC 1035 §2.3.4).
    pub const MAX_OCTETS: usize = 255;

    /// Builds a name from bytes seen on the wire; `None` when nothing but dots and blanks is left or it is too long.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let mut name = bytes.trim_ascii();
        while let [rest @ .., b'.'] = name {
            name = rest;
        }
        (name.len() <= Self::MAX_OCTETS).then(|| Self::from_escaped(name))?
    }

    /// Builds a name from the text form of a domain name that was short enough on the wire (RFC 1035 §5.1), with whatever
    /// would change its reading escaped, which may have made it longer; `None` when nothing is left.
    #[must_use]
    pub(crate) fn from_escaped(name: &[u8]) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        if name.iter().all(u8::is_ascii_graphic) {
            return CompactString::from_utf8(name).ok().map(Self);
        }
        let mut text = CompactString::with_capacity(name.len());
        for chunk in name.utf8_chunks() {
            for character in chunk.valid().chars() {
                push_printable(&mut text, character);
            }
            for byte in chunk.invalid() {
                push_escape(&mut text, u32::from(*byte));
            }
        }
        Some(Self(text))
    }

    /// The name with the case it had on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case, the form to look things up by.
    #[must_use]
    pub fn folded(&self) -> CompactString {
        self.0.to_ascii_lowercase()
    }

    /// The IP address this name is, when a client put an address where a name belongs.
    #[must_use]
    pub fn as_address(&self) -> Option<std::net::IpAddr> {
        self.0
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }
}

fn push_escape(text: &mut CompactString, value: u32) {
    use fmt::Write;
    let _ = write!(text, "\\{value:03}");
}

fn push_printable(text: &mut CompactString, character: char) {
    if character.is_control() || is_format_character(character) {
        push_escape(text, u32::from(character));
    } else {
        text.push(character);
    }
}

/// Characters that are invisible or turn the reading direction (Unicode category Cf and separators), which could make a
/// hostile name look like another.
fn is_format_character(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text from the network made safe for a terminal: control and direction characters are escaped, invalid UTF-8 too, and
/// at most `limit` characters are kept.
#[must_use]
pub fn printable(bytes: &[u8], limit: usize) -> CompactString {
    let mut text = CompactString::default();
    let mut kept = 0_usize;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if kept == limit {
                return text;
            }
            push_printable(&mut text, character);
            kept += 1;
        }
        for byte in chunk.invalid() {
            if kept == limit {
                return text;
            }
            push_escape(&mut text, u32::from(*byte));
            kept += 1;
        }
    }
    text
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HostName {}

impl Hash for HostName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As many octets at a time as fold in one step.
        let mut folded = [0; 32];
        for part in self.0.as_bytes().chunks(folded.len()) {
            let (folded, _) = folded.split_at_mut(part.len());
            folded.copy_from_slice(part);
            folded.make_ascii_lowercase();
            state.write(folded);
        }
        state.write_u8(0xff);
    }
}

impl<'a> From<&'a HostName> for Cow<'a, str> {
    fn from(name: &'a HostName) -> Self {
        Cow::Borrowed(&name.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_case_but_compares_folded_and_drops_the_root_dot() {
        let a = HostName::from_wire(b"EnterpriseEnrollment.Manage.Microsoft.com.").unwrap();
        let b = HostName::from_wire(b"enterpriseenrollment.manage.microsoft.com").unwrap();
        assert_eq!(a, b);
        assert_eq!(a.as_str(), "EnterpriseEnrollment.Manage.Microsoft.com");
    }

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        let name = HostName::from_wire(b"a\x1b[31mb\xff\xe2\x80\xaec.com").unwrap();
        assert_eq!(name.as_str(), "a\\027[31mb\\255\\8238c.com");
    }

    #[test]
    fn refuses_nothing_and_too_much() {
        assert!(HostName::from_wire(b" .. ").is_none());
        assert!(HostName::from_wire(&[b'a'; 256]).is_none());
    }
}
