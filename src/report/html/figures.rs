//! Figures as people read them, and texts cut to a bearable length.

use crate::facts::Timestamp;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Octets with a decimal unit: `812 B`, `12.4 kB`.
#[must_use]
pub fn octets(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    // Tenths of the unit, in whole numbers: a picture needs no more, and no rounding surprises.
    let mut tenths = count / 100;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while tenths >= 10_000 {
        tenths /= 1_000;
        unit = units.next().copied().unwrap_or(unit);
    }
    if tenths >= 1_000 {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// A span of time with three figures at most: `350 µs`, `12.4 ms`, `3.1 s`, `2 min 5 s`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        100_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
        _ => {
            let seconds = duration.as_secs();
            match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
                (0, minutes, 0) => format!("{minutes} min"),
                (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
                (hours, minutes, _) => format!("{hours} h {minutes} min"),
            }
        }
    }
}

/// Date and time to the second: `2026-11-22 07:46:57 UTC`.
#[must_use]
pub fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    format!("{} UTC", seconds.replacen('T', " ", 1))
}

/// Time of day to the microsecond: `07:46:57.368267`.
#[must_use]
pub fn clock(time: Timestamp) -> String {
    let text = time.to_string();
    let clock = text
        .split_once('T')
        .map_or(text.as_str(), |(_, clock)| clock);
    clock.get(..15).unwrap_or(clock).to_owned()
}

/// A place or a length in a picture, in percent of its width.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

impl Percent {
    /// `part` of `whole`, never more than all of it.
    #[must_use]
    pub fn of(part: Duration, whole: Duration) -> Self {
        if whole.is_zero() {
            return Self(0.0);
        }
        Self(100.0 * (part.as_secs_f64() / whole.as_secs_f64()).min(1.0))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}%", self.0)
    }
}

/// At most `limit` characters of `text`.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_get_the_unit_that_fits() {
        for (count, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_999, "99.9 kB"),
            (100_000, "100 kB"),
            (999_999, "999 kB"),
            (1_000_000, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(octets(count), words);
        }
    }

    #[test]
    fn spans_get_the_unit_that_fits() {
        for (micros, words) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (12_340, "12.3 ms"),
            (123_400, "123 ms"),
            (27_380_000, "27.3 s"),
            (120_000_000, "2 min"),
            (125_000_000, "2 min 5 s"),
            (7_500_000_000, "2 h 5 min"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), words);
        }
    }

    #[test]
    fn times_are_cut_where_people_stop_reading() {
        let time = Timestamp::from_parts(1_795_333_617, 368_267_123);
        assert_eq!(moment(time), "2026-11-22 07:46:57 UTC");
        assert_eq!(clock(time), "07:46:57.368267");
    }

    #[test]
    fn shares_stay_within_the_picture() {
        let second = Duration::from_secs(1);
        let shown = |part, whole| Percent::of(part, whole).to_string();
        assert_eq!(shown(second / 3, second), "33.33%");
        assert_eq!(shown(second * 2, second), "100.00%");
        assert_eq!(shown(second, Duration::ZERO), "0.00%");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }
}
