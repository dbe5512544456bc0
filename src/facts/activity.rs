//! How much happened when: counts in spans of time that widen as time goes on.

use super::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Widths of a span in minutes, each a multiple of the one before.
const WIDTHS: [i64; 10] = [
    1, 5, 15, 60, 240, 1_440, 10_080, 100_800, 1_008_000, 10_080_000,
];

/// Most spans kept; three days of minutes fit.
const MAX_SPANS: usize = 4_320;

const MINUTE: i64 = 60_000_000_000;

/// What happened in one span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// What was tried.
    pub attempts: u64,
    /// What of it came to nothing.
    pub failed: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.failed = self.failed.saturating_add(other.failed);
    }
}

/// Attempts over time, in bounded memory whatever the clock says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Index into [`WIDTHS`].
    width: usize,
    /// By number of the span since 1970.
    spans: BTreeMap<i64, Tally>,
}

/// Spans side by side, none left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// When the first span begins.
    pub start: Timestamp,
    /// How long each of them is.
    pub width: Duration,
    /// What happened in each.
    pub tallies: Vec<Tally>,
}

impl Activity {
    /// Adds what happened at `time`.
    pub fn add(&mut self, Timestamp(time): Timestamp, tally: Tally) {
        let number = time.div_euclid(MINUTE).div_euclid(width(self.width));
        self.spans.entry(number).or_default().add(tally);
        while self.spans.len() > MAX_SPANS && self.width.saturating_add(1) < WIDTHS.len() {
            self.widen();
        }
    }

    fn widen(&mut self) {
        let wider = self.width.saturating_add(1);
        let mut spans: BTreeMap<i64, Tally> = BTreeMap::new();
        for (number, tally) in &self.spans {
            let number = number
                .saturating_mul(width(self.width))
                .div_euclid(width(wider));
            spans.entry(number).or_default().add(*tally);
        }
        self.width = wider;
        self.spans = spans;
    }

    /// All of it in at most so many spans, as narrow as that allows; `None` where nothing happened.
    #[must_use]
    pub fn within(&self, most: usize) -> Option<Series> {
        let mut wide = self.clone();
        loop {
            let (first, _) = wide.spans.first_key_value()?;
            let (last, _) = wide.spans.last_key_value()?;
            let count = usize::try_from(last.saturating_sub(*first).saturating_add(1));
            match count {
                Ok(count) if count <= most => {
                    let tally = |number: i64| wide.spans.get(&number).copied();
                    let width = width(wide.width).saturating_mul(MINUTE);
                    return Some(Series {
                        start: Timestamp(first.saturating_mul(width)),
                        width: Duration::from_nanos(u64::try_from(width).unwrap_or(u64::MAX)),
                        tallies: (*first..=*last)
                            .map(|number| tally(number).unwrap_or_default())
                            .collect(),
                    });
                }
                _ if wide.width.saturating_add(1) < WIDTHS.len() => wide.widen(),
                _ => return None,
            }
        }
    }
}

fn width(index: usize) -> i64 {
    WIDTHS.get(index).copied().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Tally = Tally {
        attempts: 1,
        failed: 0,
    };

    fn attempts(series: &Series) -> Vec<u64> {
        series.tallies.iter().map(|tally| tally.attempts).collect()
    }

    #[test]
    fn spans_are_as_narrow_as_their_number_allows() {
        let mut activity = Activity::default();
        assert_eq!(activity.within(60), None);
        for minute in [0, 0, 2, 59] {
            activity.add(Timestamp(minute * MINUTE), ONE);
        }
        let fine = activity.within(60).unwrap();
        assert_eq!(fine.width, Duration::from_secs(60));
        assert_eq!(attempts(&fine)[..3], [2, 0, 1]);
        let coarse = activity.within(59).unwrap();
        assert_eq!(coarse.width, Duration::from_secs(300));
        assert_eq!(attempts(&coarse), [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_lost_whatever_the_clock_says() {
        let mut activity = Activity::default();
        let times = (0..200_000_i64).map(|number| number.wrapping_mul(92_233_720_368_547_758));
        for time in times.chain([i64::MIN, i64::MAX, -1]) {
            activity.add(Timestamp(time), ONE);
            assert!(activity.spans.len() <= MAX_SPANS);
        }
        let series = activity.within(60).unwrap();
        assert!(series.tallies.len() <= 60);
        assert_eq!(attempts(&series).iter().sum::<u64>(), 200_003);
    }
}
