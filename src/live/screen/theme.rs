//! Marks, colours and shortened texts. Nothing is said by colour alone.

use crate::audit::Verdict;
use crate::facts::{Timestamp, printable};
use ratatui::style::{Color, Modifier, Style};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// Most characters of one text from the network: host names have at most 255.
const LONGEST_TEXT: usize = 300;

/// With or without colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    pub(super) colour: bool,
}

impl Theme {
    pub(super) fn verdict(self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Blocked | Verdict::Intercepted | Verdict::NeverReached => {
                self.coloured(Color::Red).add_modifier(Modifier::BOLD)
            }
            Verdict::Degraded => self.coloured(Color::Yellow),
            Verdict::Reached => self.coloured(Color::Green),
            Verdict::NotExercised | Verdict::Inconclusive => self.dim(),
        }
    }

    pub(super) fn coloured(self, colour: Color) -> Style {
        if self.colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    /// What matters less.
    pub(super) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// A text that may come from the network, free of what commands a terminal.
pub(super) fn safe(text: &str) -> String {
    printable(text.as_bytes(), LONGEST_TEXT).to_string()
}

/// The time of day, in UTC.
pub(super) fn clock(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

/// A span in its largest unit that fits: `42 s`, `5 min`, `3 h`, `2 d`.
pub(super) fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A count in groups of three digits.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A row of bars, newest at the right, as high as the values are to the largest of them; a dot is nothing.
pub(super) fn bars(values: impl DoubleEndedIterator<Item = u64> + Clone, width: usize) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let newest: Vec<u64> = values.rev().take(width).collect();
    let highest = newest.iter().copied().max().unwrap_or(0).max(1);
    newest
        .into_iter()
        .rev()
        .map(|value| match value {
            0 => '·',
            value => {
                let step = u128::from(value - 1) * 7 / u128::from(highest.max(2) - 1);
                let step = usize::try_from(step).unwrap_or(7);
                HEIGHTS.get(step).copied().unwrap_or('█')
            }
        })
        .collect()
}

/// At most `width` columns; what is cut shows.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if used > width {
            break;
        }
        fitted.push(character);
    }
    if width > 0 {
        fitted.push('…');
    }
    fitted
}

/// A host and what there is to say of it, in at most `width` columns: the host gives way first, for what it says matters more.
pub(super) fn fit_host(host: &str, text: &str, width: usize) -> String {
    /// Columns of a host that are left to it.
    const LEAST: usize = 16;
    if host.is_empty() {
        return fit(text, width);
    }
    let room = width.saturating_sub(text.width() + 2).max(LEAST);
    fit(&format!("{}: {text}", fit(host, room)), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_show_the_newest_and_tell_nothing_from_little() {
        assert_eq!(bars([0, 1, 4, 8].into_iter(), 3), "▁▄█");
        assert_eq!(bars([0, 1, 1].into_iter(), 9), "·▁▁");
        assert_eq!(bars(std::iter::empty(), 9), "");
    }

    #[test]
    fn texts_fit_whatever_their_width() {
        assert_eq!(fit("manage.microsoft.com", 7), "manage…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(
            fit_host("manage.microsoft.com", "reset", 30),
            "manage.microsoft.com: reset"
        );
        assert_eq!(
            fit_host("manage.microsoft.com", "reset", 24),
            "manage.microsoft…: reset"
        );
        assert_eq!(fit_host("", "reset", 4), "res…");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
