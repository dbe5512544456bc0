//! Attempts over time as one line of blocks each, for terminals.

use crate::facts::{Activity, Series};

/// Fewer columns tell nothing that the table of findings does not.
const FEWEST: usize = 8;
/// Most columns of a line.
const MOST: usize = 48;

/// Eighths of a column's height, from one to all.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What is drawn, line by line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// "one column is 1 h, from 2026-11-22 07:00 UTC".
    pub scale: String,
    /// A line for the attempts.
    pub attempts: Row,
    /// A line for what came to nothing; `None` where all went well.
    pub failed: Option<Row>,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Blocks, one for each span of time.
    pub blocks: String,
    /// The largest count of a span.
    pub most: u64,
}

/// Draws what happened in at most `columns`; `None` where it took too short a time or the room is too small.
pub(crate) fn picture(activity: &Activity, columns: usize) -> Option<Picture> {
    let series = activity.within(columns.min(MOST))?;
    if series.tallies.len() < FEWEST {
        return None;
    }
    let failed = row(series.tallies.iter().map(|tally| tally.failed));
    Some(Picture {
        scale: scale(&series),
        attempts: row(series.tallies.iter().map(|tally| tally.attempts)),
        failed: (failed.most > 0).then_some(failed),
    })
}

fn row(counts: impl Iterator<Item = u64> + Clone) -> Row {
    let most = counts.clone().max().unwrap_or(0);
    let block = |count: u64| {
        // Whatever there is, is seen.
        let height = u128::from(count) * HEIGHTS.len() as u128;
        let height = height.div_ceil(u128::from(most.max(1)));
        let height = usize::try_from(height).unwrap_or(usize::MAX);
        height
            .checked_sub(1)
            .and_then(|index| HEIGHTS.get(index))
            .copied()
            .unwrap_or(' ')
    };
    Row {
        blocks: counts.map(block).collect(),
        most,
    }
}

fn scale(series: &Series) -> String {
    let minutes = series.width.as_secs() / 60;
    let width = match minutes {
        0..60 => format!("{minutes} min"),
        60..1_440 => format!("{} h", minutes / 60),
        1_440 => "1 day".to_owned(),
        _ => format!("{} days", minutes / 1_440),
    };
    // RFC 3339 to the minute.
    let start: String = series.start.to_string().chars().take(16).collect();
    let start = start.replace('T', " ");
    format!("one column is {width}, from {start} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Tally, Timestamp};

    #[test]
    fn the_least_is_seen_and_nothing_is_blank() {
        let drawn = row([0, 1, 500, 1_000, u64::MAX].into_iter());
        assert_eq!(drawn.blocks, " ▁▁▁█");
        assert_eq!(row([0, 4, 8].into_iter()).blocks, " ▄█");
        assert_eq!(row(std::iter::empty()).blocks, "");
    }

    #[test]
    fn a_day_is_drawn_hour_by_hour_and_a_minute_not_at_all() {
        let mut activity = Activity::default();
        let at = |hour: i64| Timestamp(1_795_305_600_000_000_000 + hour * 3_600_000_000_000);
        let tally = |failed| Tally {
            attempts: 4,
            failed,
        };
        activity.add(at(0), tally(0));
        assert_eq!(picture(&activity, 48), None);
        activity.add(at(23), tally(0));
        let fine = picture(&activity, 48).unwrap();
        assert_eq!(fine.scale, "one column is 1 h, from 2026-11-22 00:00 UTC");
        assert_eq!(fine.attempts.blocks.chars().count(), 24);
        assert_eq!(fine.failed, None);
        activity.add(at(5), tally(1));
        let failed = picture(&activity, 48).unwrap().failed.unwrap();
        assert_eq!((failed.blocks.find('█'), failed.most), (Some(5), 1));
        assert_eq!(picture(&activity, 7), None);
    }
}
