//! A page of plain text, 80 columns wide, on which nothing can command the terminal.

use crate::catalog::Edition;
use crate::facts::printable;

/// Width of the page.
const WIDTH: usize = 80;

/// Longest line kept, in characters: a hostile word cannot be broken, and need not be shown whole.
const LONGEST_LINE: usize = 1_000;

/// Text that grows line by line. Control and direction characters are escaped as each line is added.
#[derive(Debug, Default)]
pub(in crate::report) struct Page(String);

impl Page {
    pub(in crate::report) fn line(&mut self, text: &str) {
        self.0.push_str(&printable(text.as_bytes(), LONGEST_LINE));
        self.0.push('\n');
    }

    /// Prints `text` after `label`, wrapped, further lines indented to the text's start; nothing when `text` is empty.
    pub(in crate::report) fn labelled(&mut self, label: &str, text: &str) {
        let indent = label.chars().count();
        // Blanks of any kind are where a line may break; a line end inside the text must not start a line of its own.
        let words: Vec<&str> = text.split_whitespace().collect();
        for (number, line) in wrap(&words.join(" "), WIDTH.saturating_sub(indent))
            .iter()
            .enumerate()
        {
            if number == 0 {
                self.line(&format!("{label}{line}"));
            } else {
                self.line(&format!("{:indent$}{line}", ""));
            }
        }
    }

    /// Prints each item on lines of its own, the first after `label`.
    pub(super) fn each(&mut self, label: &str, items: impl IntoIterator<Item = String>) {
        let indent = label.chars().count();
        for (number, item) in items.into_iter().enumerate() {
            let label = if number == 0 {
                label.to_owned()
            } else {
                " ".repeat(indent)
            };
            self.labelled(&label, &item);
        }
    }

    pub(in crate::report) fn finish(self) -> String {
        self.0
    }
}

/// "en-latest (2026-03-24)".
pub(super) fn title(edition: &Edition) -> String {
    format!(
        "{} ({})",
        edition.name,
        edition.date.as_deref().unwrap_or("undated")
    )
}

/// "TCP 80, 443; UDP 123", or that none is stated.
pub(in crate::report) fn ports(tcp: &[u16], udp: &[u16]) -> String {
    let side = |name: &str, ports: &[u16]| {
        (!ports.is_empty()).then(|| format!("{name} {}", ranges(ports)))
    };
    let sides: Vec<String> = [side("TCP", tcp), side("UDP", udp)]
        .into_iter()
        .flatten()
        .collect();
    if sides.is_empty() {
        "no port stated".to_owned()
    } else {
        sides.join("; ")
    }
}

/// Ports in their order, runs of three or more as a range.
fn ranges(ports: &[u16]) -> String {
    let runs = ports.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let words: Vec<String> = runs
        .flat_map(|run| match run {
            [first, _, .., last] => vec![format!("{first}-{last}")],
            _ => run.iter().map(ToString::to_string).collect(),
        })
        .collect();
    words.join(", ")
}

pub(super) fn yes_or_no(flag: Option<bool>) -> &'static str {
    match flag {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not stated",
    }
}

/// "1 host", "2 hosts".
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else if let Some(stem) = noun.strip_suffix("ix") {
        format!("{number} {stem}ixes")
    } else {
        format!("{number} {noun}s")
    }
}

/// Breaks text into lines of at most `width` characters, at blanks where there are any.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = line.chars().count();
        if length > 0 && length + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        } else if length > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_read_as_people_write_them() {
        assert_eq!(ports(&[80, 443], &[]), "TCP 80, 443");
        assert_eq!(
            ports(&[], &[123, 3478, 3479, 3480, 3481]),
            "UDP 123, 3478-3481"
        );
        assert_eq!(ports(&[5223, 443, 444], &[]), "TCP 5223, 443, 444");
        assert_eq!(ports(&[], &[]), "no port stated");
    }

    #[test]
    fn nothing_commands_the_terminal() {
        let mut page = Page::default();
        page.labelled("  ", "a\u{1b}[2J b\nc\u{202e}");
        assert_eq!(page.finish(), "  a\\027[2J b c\\8238\n");
    }

    #[test]
    fn long_text_wraps_under_its_start() {
        let mut page = Page::default();
        page.labelled("ab ", &"word ".repeat(30));
        let text = page.finish();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with("   word")));
    }
}
