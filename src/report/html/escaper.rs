//! The escaper of every template: whatever a value holds, it stays text.

use askama::filters::Escaper;
use std::fmt;

/// Escapes markup, and shows control and direction characters as `\27` or `\8238` in decimal, as host names do
/// ([`crate::facts::HostName`]).
#[derive(Debug, Clone, Copy, Default)]
pub struct Inert;

impl Escaper for Inert {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        let mut rest = string;
        while let Some(position) = rest.find(is_special) {
            let (plain, special) = rest.split_at(position);
            dest.write_str(plain)?;
            let mut characters = special.chars();
            if let Some(character) = characters.next() {
                self.write_escaped_char(&mut dest, character)?;
            }
            rest = characters.as_str();
        }
        dest.write_str(rest)
    }

    fn write_escaped_char<W: fmt::Write>(&self, mut dest: W, c: char) -> fmt::Result {
        match c {
            // The double quote also ends an attribute, the only kind the templates write.
            '<' | '>' | '&' | '"' | '\'' => write!(dest, "&#{};", u32::from(c)),
            _ if is_special(c) => write!(dest, "\\{:03}", u32::from(c)),
            _ => dest.write_char(c),
        }
    }
}

fn is_special(character: char) -> bool {
    matches!(character, '<' | '>' | '&' | '"' | '\'') || is_unseen(character)
}

/// Characters that are not seen but act: controls, and Unicode's format characters, separators and noncharacters.
pub(in crate::report) fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        Inert.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn plain_text_stays() {
        assert_eq!(escaped("manage.microsoft.com"), "manage.microsoft.com");
        assert_eq!(escaped("bücher.example"), "bücher.example");
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            escaped("</td><script>x(\"'&\")"),
            "&#60;/td&#62;&#60;script&#62;x(&#34;&#39;&#38;&#34;)"
        );
    }

    #[test]
    fn what_acts_unseen_is_shown() {
        assert_eq!(
            escaped("a\u{202e}b\0\n\u{1b}[1m"),
            "a\\8238b\\000\\010\\027[1m"
        );
        assert_eq!(
            escaped("\u{fffe}\u{1ffff}\u{feff}"),
            "\\65534\\131071\\65279"
        );
    }
}
