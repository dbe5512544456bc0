//! Lines of at most [`WIDTH`] columns: wrapping, hanging indents, shortening, colour.
//!
//! In come words that are already free of control characters; out come lines. Knows nothing of audits.

use anstyle::Style;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of the page.
pub(super) const WIDTH: usize = 80;

/// Longest unbroken word, in columns: the longest published host name has 56.
const LONGEST_WORD: usize = 60;

/// Most lines of one entry: an alias list or a comment may be long, the report for programs has all of it.
const LONGEST_ENTRY: usize = 8;

/// Words in one style.
#[derive(Clone, Copy)]
pub(super) struct Span<'t> {
    text: &'t str,
    style: Style,
}

/// Words without style.
pub(super) const fn plain(text: &str) -> Span<'_> {
    styled(Style::new(), text)
}

/// Words with a style.
pub(super) const fn styled(style: Style, text: &str) -> Span<'_> {
    Span { text, style }
}

/// Where lines go.
pub(super) struct Page<'o, W> {
    out: &'o mut W,
    colour: bool,
}

impl<'o, W: Write> Page<'o, W> {
    /// A page on `out`; `colour` allows escape sequences.
    pub(super) fn new(out: &'o mut W, colour: bool) -> Self {
        Self { out, colour }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A section's title, after an empty line.
    pub(super) fn heading(&mut self, title: &str) -> io::Result<()> {
        self.gap()?;
        self.entry(&[], &[styled(Style::new().bold(), title)])
    }

    /// A line that its caller has made to fit.
    pub(super) fn row(&mut self, spans: &[Span<'_>]) -> io::Result<()> {
        for span in spans {
            self.paint(span.style, span.text)?;
        }
        writeln!(self.out)
    }

    /// Prints `text` after `label`, wrapped, further lines indented to where the text starts.
    pub(super) fn entry(&mut self, label: &[Span<'_>], text: &[Span<'_>]) -> io::Result<()> {
        let indent: usize = label.iter().map(|span| span.text.width()).sum();
        for span in label {
            self.paint(span.style, span.text)?;
        }
        let room = WIDTH.saturating_sub(indent);
        let mut column = 0;
        let mut lines = 1;
        for span in text {
            self.begin(span.style)?;
            for (index, word) in span.text.split(' ').enumerate() {
                // The last line keeps room for the sign that more was cut off.
                let shorter = room.saturating_sub(2);
                let word = shorten(word, shorter.min(LONGEST_WORD));
                let room = if lines == LONGEST_ENTRY {
                    shorter
                } else {
                    room
                };
                let blank = usize::from(index > 0);
                if column > 0 && column + blank + word.width() > room {
                    if lines == LONGEST_ENTRY {
                        write!(self.out, " …")?;
                        self.end(span.style)?;
                        return writeln!(self.out);
                    }
                    lines += 1;
                    column = 0;
                    write!(self.out, "\n{:indent$}", "")?;
                } else if blank > 0 && column > 0 {
                    column += 1;
                    write!(self.out, " ")?;
                }
                column += word.width();
                write!(self.out, "{word}")?;
            }
            self.end(span.style)?;
        }
        writeln!(self.out)
    }

    /// Prints text that is meant to be copied: on the label's line if it fits there, else by itself, broken before
    /// every `outer` joint and, where it has to be, before an `inner` one. Text that has to be broken elsewhere is not
    /// printed at all.
    pub(super) fn verbatim(
        &mut self,
        label: &str,
        [outer, inner]: [&str; 2],
        text: &str,
    ) -> io::Result<()> {
        const INDENT: usize = 3;
        if label.width() + text.width() <= WIDTH {
            return writeln!(self.out, "{label}{text}");
        }
        writeln!(self.out, "{}", label.trim_end())?;
        let mut lines: Vec<String> = Vec::new();
        for whole in pieces(text, outer) {
            let mut line = String::new();
            for piece in pieces(&whole, inner) {
                if !line.is_empty() && INDENT + line.width() + piece.width() > WIDTH {
                    lines.push(std::mem::take(&mut line));
                }
                line.push_str(if line.is_empty() {
                    piece.trim_start()
                } else {
                    &piece
                });
            }
            lines.push(line);
        }
        if lines.iter().any(|line| INDENT + line.width() > WIDTH) {
            return writeln!(
                self.out,
                "{:INDENT$}longer than a line; --format json has it",
                ""
            );
        }
        for line in lines {
            writeln!(self.out, "{:INDENT$}{line}", "")?;
        }
        Ok(())
    }

    fn paint(&mut self, style: Style, text: &str) -> io::Result<()> {
        self.begin(style)?;
        write!(self.out, "{text}")?;
        self.end(style)
    }

    fn begin(&mut self, style: Style) -> io::Result<()> {
        if self.colour {
            write!(self.out, "{style}")?;
        }
        Ok(())
    }

    fn end(&mut self, style: Style) -> io::Result<()> {
        if self.colour {
            write!(self.out, "{style:#}")?;
        }
        Ok(())
    }
}

/// `text` in at most `limit` columns, its middle replaced where it has more: the end of a host name tells whose it is.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.width() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(1);
    let head = fitting(text.chars(), room / 2);
    let tail = fitting(text.chars().rev(), room - room / 2);
    let start: String = text.chars().take(head).collect();
    let rest: Vec<char> = text.chars().rev().take(tail).collect();
    format!("{start}…{}", rest.into_iter().rev().collect::<String>())
}

/// The beginning of `text`, cut or filled up to exactly `columns`.
pub(super) fn beginning(text: &str, columns: usize) -> String {
    let mut kept = text.to_owned();
    if text.width() > columns {
        let room = columns.saturating_sub(1);
        kept = text.chars().take(fitting(text.chars(), room)).collect();
        kept.push('…');
    }
    let missing = columns.saturating_sub(kept.width());
    kept.extend(std::iter::repeat_n(' ', missing));
    kept
}

/// How many of the first characters fit into `room` columns.
fn fitting(characters: impl Iterator<Item = char>, room: usize) -> usize {
    characters
        .scan(0, |columns, character| {
            *columns += character.width().unwrap_or(1);
            Some(*columns)
        })
        .take_while(|columns| *columns <= room)
        .count()
}

/// A count with a comma after each group of three digits.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: "1 frame", "2,000 frames".
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!(
        "{} {noun}{plural}",
        grouped(u64::try_from(count).unwrap_or(u64::MAX))
    )
}

/// The pieces of `text`, each after the first beginning with `joint`.
fn pieces(text: &str, joint: &str) -> Vec<String> {
    text.split(joint)
        .enumerate()
        .map(|(index, piece)| match index {
            0 => piece.to_owned(),
            _ => format!("{joint}{piece}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstyle::AnsiColor;

    fn printed(colour: bool, print: impl FnOnce(&mut Page<'_, Vec<u8>>)) -> String {
        let mut out = Vec::new();
        print(&mut Page::new(&mut out, colour));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn further_lines_start_where_the_text_starts() {
        let text = printed(false, |page| {
            page.entry(&[plain("label ")], &[plain(&"word ".repeat(20))])
                .unwrap();
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len(), WIDTH);
        assert!(lines[1].starts_with("      word word"), "{text:?}");
    }

    #[test]
    fn colour_takes_no_room() {
        let red = AnsiColor::Red.on_default();
        let coloured = printed(true, |page| {
            page.entry(
                &[styled(red, "x")],
                &[plain(&"a".repeat(40)), plain(" "), styled(red, "b")],
            )
            .unwrap();
        });
        assert_eq!(coloured.matches('\u{1b}').count(), 4);
        let bare = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(bare, format!("x{} b\n", "a".repeat(40)));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let text = printed(false, |page| {
            page.entry(&[], &[plain(&"漢字 ".repeat(40))]).unwrap();
        });
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert_eq!(shorten("漢字漢字漢字", 7), "漢…字");
    }

    #[test]
    fn long_words_lose_their_middle_and_long_entries_their_end() {
        let name = format!("{}.manage.microsoft.com", "a".repeat(200));
        let text = printed(false, |page| {
            page.entry(&[plain("  ")], &[plain(&name)]).unwrap();
            page.entry(&[], &[plain(&format!("{name} ").repeat(100))])
                .unwrap();
        });
        assert!(text.starts_with("  aaaa"), "{text}");
        assert!(text.contains("aaa…aaa"), "{text}");
        assert!(text.contains(".manage.microsoft.com\n"), "{text}");
        assert!(text.ends_with(" …\n"), "{text}");
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
    }

    #[test]
    fn text_to_copy_is_never_broken_inside_a_part() {
        let filter = "ipv6.addr == 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff && tcp.port == 50000 && tcp.port == 443 || tcp";
        let text = printed(false, |page| {
            page.verbatim("Filter ", [" || ", " && "], filter).unwrap();
        });
        let joined = text
            .lines()
            .skip(1)
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(joined, filter);
        assert!(text.ends_with("\n   || tcp\n"), "{text}");
        let long = printed(false, |page| {
            page.verbatim("Filter ", [" || ", " && "], &"x".repeat(100))
                .unwrap();
        });
        assert!(!long.contains("xxx"), "{long}");
    }

    #[test]
    fn columns_are_exact() {
        for text in ["", "abc", "漢字漢字", "abcdefghijkl"] {
            assert_eq!(beginning(text, 6).width(), 6, "{text}");
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "device"), "1 device");
    }
}
