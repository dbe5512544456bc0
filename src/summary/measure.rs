//! The standard question: events by group, with counts, volume, failures by cause, and round-trip times.

use super::batches::in_batches;
use super::condition::{Condition, moment};
use super::dimension::Dimension;
use super::error::SummaryError;
use super::events::{Window, events};
use super::grid::Grid;
use super::sources::Sources;
use crate::facts::{Activity, Tally, Timestamp};
use foldhash::quality::FixedState;
use hashbrown::{HashMap, HashSet};
use polars::prelude::{
    DataFrame, DataType, Expr, IntoLazy, LazyFrame, PolarsResult, col, len, lit,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::time::Duration;

/// Figures of a round-trip time that are kept: 12,345 µs counts as 12,300 µs, so that the number of different values is bounded.
const RTT_FIGURES: u64 = 1_000;

/// Nanoseconds.
const MINUTE: i64 = 60_000_000_000;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// What to group by, in this order.
    pub by: Vec<Dimension>,
    /// Which events count; `None` for all.
    pub condition: Option<Condition>,
    /// Events from this time on, in the capture's time.
    pub since: Option<Timestamp>,
    /// Events up to this time.
    pub until: Option<Timestamp>,
    /// At most so many groups, those with the most flows and lookups; `None` for all.
    pub top: Option<usize>,
    /// Count by time too, which takes a little longer.
    pub over_time: bool,
}

/// The answer to a question.
#[derive(Debug, Clone)]
pub struct Answer {
    /// One row per group.
    pub grid: Grid,
    /// Attempts and lookups whose end was captured, and those that failed, over time and of all groups together; empty unless asked for.
    pub activity: Activity,
}

impl Question {
    /// Reads a point in time: RFC 3339, or a date and maybe a time of day, in UTC.
    ///
    /// # Errors
    ///
    /// What would have been one.
    pub fn moment(text: &str) -> Result<Timestamp, String> {
        moment(text).map(Timestamp)
    }

    /// Reads the end of a window: as [`Self::moment`], and a date alone is all of its day.
    ///
    /// # Errors
    ///
    /// What would have been one.
    pub fn last_moment(text: &str) -> Result<Timestamp, String> {
        let time = Self::moment(text)?;
        let whole_day =
            text.parse::<jiff::civil::DateTime>().is_ok() && !text.contains([':', 'T', ' ']);
        Ok(if whole_day {
            time.plus(Duration::from_secs(86_400) - Duration::from_nanos(1))
        } else {
            time
        })
    }
}

/// A group's values of the dimensions.
type Key = Vec<Option<String>>;

/// What is counted of one group.
#[derive(Debug, Clone, Default)]
struct Group {
    counts: [u64; 6],
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    failures: BTreeMap<String, u64>,
    /// Different devices and hosts, by a hash of 64 bits: two of a million share one in one question of thirty million.
    clients: HashSet<u64>,
    hosts: HashSet<u64>,
    rtt: BTreeMap<u64, u64>,
}

/// Names of the counts of a group, in their order.
const COUNTS: [&str; 6] = ["flows", "lookups", "attempts", "failed", "bytes", "packets"];

/// Answers the question: one row per group, those of times in their order, others by size.
///
/// # Errors
///
/// A table is damaged.
pub fn answer(sources: &Sources, question: &Question) -> Result<Answer, SummaryError> {
    let window = Window {
        since: question.since,
        until: question.until,
    };
    let mut events = events(sources, window)?;
    if let Some(condition) = &question.condition {
        events = events.filter(condition.0.clone());
    }
    let mut activity = Activity::default();
    let groups = count(events, question, &mut activity)?;
    let grid = grid(groups, question);
    Ok(Answer { grid, activity })
}

/// A dimension as text.
fn key(dimension: Dimension) -> Expr {
    let column = col(dimension.name());
    let text = match dimension {
        Dimension::Date => column.dt().to_string("%Y-%m-%d"),
        Dimension::Hour => column.dt().to_string("%Y-%m-%dT%H:00Z"),
        Dimension::Port => column.cast(DataType::String),
        _ => column,
    };
    text.alias(key_name(dimension))
}

/// A name that no column of the events has.
fn key_name(dimension: Dimension) -> String {
    format!("by_{dimension}")
}

/// Counts the events, batch by batch.
fn count(
    events: LazyFrame,
    question: &Question,
    activity: &mut Activity,
) -> Result<HashMap<Key, Group>, SummaryError> {
    let by = &question.by;
    let mut columns: Vec<Expr> = by.iter().map(|one| key(*one)).collect();
    columns.extend(
        [
            "kind", "failed", "outcome", "bytes", "packets", "client", "host", "time", "last",
            "rtt_us",
        ]
        .map(col),
    );
    let mut groups = HashMap::new();
    in_batches(events.select(columns), |batch| {
        let batch = batch.lazy();
        count_batch(&batch, by, &mut groups)
            .and_then(|()| match question.over_time {
                true => count_times(&batch, activity),
                false => Ok(()),
            })
            .map_err(|error| SummaryError::engine(&error))
    })?;
    Ok(groups)
}

fn count_times(events: &LazyFrame, activity: &mut Activity) -> PolarsResult<()> {
    let minutes = col("time").cast(DataType::Int64).floor_div(lit(MINUTE));
    let counts = [
        len().cast(DataType::UInt64).alias("attempts"),
        col("failed").cast(DataType::UInt64).sum(),
    ];
    let minutes = events
        .clone()
        .filter(col("failed").is_not_null())
        .group_by([minutes.alias("minute")])
        .agg(counts)
        .collect()?;
    let numbers = minutes.column("minute")?.i64()?;
    for (row, minute) in numbers.iter().enumerate() {
        let Some(minute) = minute else { continue };
        let tally = Tally {
            attempts: number(&minutes, "attempts", row),
            failed: number(&minutes, "failed", row),
        };
        activity.add(Timestamp(minute.saturating_mul(MINUTE)), tally);
    }
    Ok(())
}

fn count_batch(
    events: &LazyFrame,
    by: &[Dimension],
    groups: &mut HashMap<Key, Group>,
) -> PolarsResult<()> {
    let grouped = |rows: Option<Expr>, further: Option<Expr>, counts: &[Expr]| {
        let mut keys: Vec<Expr> = by.iter().map(|one| col(key_name(*one))).collect();
        keys.extend(further);
        let rows = match rows {
            Some(rows) => events.clone().filter(rows),
            None => events.clone(),
        };
        rows.group_by(keys).agg(counts).collect()
    };
    let sum_of = |condition: Expr| condition.cast(DataType::UInt64).sum();
    let totals = [
        sum_of(col("kind").eq(lit("flow"))).alias("flows"),
        sum_of(col("kind").eq(lit("lookup"))).alias("lookups"),
        sum_of(col("failed").is_not_null()).alias("attempts"),
        sum_of(col("failed")),
        col("bytes").sum(),
        col("packets").sum(),
        col("time").min().cast(DataType::Int64).alias("first"),
        col("last").max().cast(DataType::Int64),
    ];
    each(
        &grouped(None, None, &totals)?,
        by.len(),
        |key, frame, row| {
            let group = groups.entry(key).or_default();
            for (count, name) in group.counts.iter_mut().zip(COUNTS) {
                *count = count.saturating_add(number(frame, name, row));
            }
            let time = |name: &str| -> Option<Timestamp> {
                frame.column(name).ok()?.i64().ok()?.get(row).map(Timestamp)
            };
            group.first = group.first.into_iter().chain(time("first")).min();
            group.last = group.last.max(time("last"));
        },
    );
    let rows = [len().cast(DataType::UInt64).alias("count")];
    for different in ["client", "host"] {
        let known = col(different).is_not_null();
        let names = grouped(Some(known), Some(col(different)), &rows)?;
        each(&names, by.len(), |key, frame, row| {
            let (Some(group), Some(name)) = (groups.get_mut(&key), text(frame, different, row))
            else {
                return;
            };
            let names = match different {
                "client" => &mut group.clients,
                _ => &mut group.hosts,
            };
            names.insert(FixedState::default().hash_one(name));
        });
    }
    let failed = col("failed").eq(lit(true));
    let failures = grouped(Some(failed), Some(col("outcome")), &rows)?;
    each(&failures, by.len(), |key, frame, row| {
        if let Some(group) = groups.get_mut(&key) {
            let cause = text(frame, "outcome", row).unwrap_or_default();
            *group.failures.entry(cause).or_default() += number(frame, "count", row);
        }
    });
    let timed = col("rtt_us").is_not_null();
    let times = grouped(
        Some(timed),
        Some(rounded(col("rtt_us")).alias("rtt")),
        &rows,
    )?;
    each(&times, by.len(), |key, frame, row| {
        if let Some(group) = groups.get_mut(&key) {
            *group.rtt.entry(number(frame, "rtt", row)).or_default() += number(frame, "count", row);
        }
    });
    Ok(())
}

/// A time with its first three figures.
fn rounded(time: Expr) -> Expr {
    let mut expression = time.clone();
    let mut unit = 10_u64;
    while let Some(limit) = unit
        .checked_mul(RTT_FIGURES / 10)
        .filter(|limit| *limit <= 10_u64.pow(12))
    {
        expression = polars::prelude::when(time.clone().gt_eq(lit(limit)))
            .then(time.clone().floor_div(lit(unit)) * lit(unit))
            .otherwise(expression);
        unit = unit.saturating_mul(10);
    }
    expression
}

/// Gives every row with the group that it is about.
fn each(frame: &DataFrame, keys: usize, mut take: impl FnMut(Key, &DataFrame, usize)) {
    for row in 0..frame.height() {
        let key = frame
            .columns()
            .iter()
            .take(keys)
            .map(|column| column.str().ok()?.get(row).map(str::to_owned))
            .collect();
        take(key, frame, row);
    }
}

fn number(frame: &DataFrame, name: &str, row: usize) -> u64 {
    let column = frame.column(name).ok().and_then(|column| column.u64().ok());
    column.and_then(|column| column.get(row)).unwrap_or(0)
}

fn text(frame: &DataFrame, name: &str, row: usize) -> Option<String> {
    let column = frame.column(name).ok()?.str().ok()?;
    column.get(row).map(str::to_owned)
}

/// The smallest value that at least `percent` of all do not exceed (nearest rank).
fn quantile(values: &BTreeMap<u64, u64>, percent: u64) -> Option<u64> {
    let total: u64 = values.values().sum();
    let rank = total.saturating_mul(percent).div_ceil(100).max(1);
    let mut seen = 0_u64;
    values.iter().find_map(|(value, count)| {
        seen = seen.saturating_add(*count);
        (seen >= rank).then_some(*value)
    })
}

fn grid(groups: HashMap<Key, Group>, question: &Question) -> Grid {
    let mut groups: Vec<(Key, Group)> = groups.into_iter().collect();
    groups.sort_by(|(a, _), (b, _)| a.cmp(b));
    let size = |group: &Group| group.counts[0].saturating_add(group.counts[1]);
    if let Some(top) = question.top {
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(size(group)));
        groups.truncate(top);
    }
    if question.by.first().is_some_and(|first| first.is_time()) {
        groups.sort_by(|(a, _), (b, _)| a.cmp(b));
    } else {
        // What belongs to nothing comes last, however much it is.
        groups.sort_by_key(|(key, group)| {
            let nothing = key.first().is_some_and(Option::is_none);
            (nothing, std::cmp::Reverse(size(group)))
        });
    }
    let mut columns: Vec<String> = question.by.iter().map(ToString::to_string).collect();
    columns.extend(COUNTS.map(str::to_owned));
    columns.extend(
        [
            "clients",
            "hosts",
            "failures",
            "rtt_p50_us",
            "rtt_p95_us",
            "first_time",
            "last_time",
        ]
        .map(str::to_owned),
    );
    let rows = groups
        .into_iter()
        .map(|(key, group)| row(key, group))
        .collect();
    Grid { columns, rows }
}

fn row(key: Key, group: Group) -> Vec<Value> {
    let mut failures: Vec<(String, u64)> = group.failures.into_iter().collect();
    failures.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let failures: Vec<Value> = failures
        .iter()
        .map(|(cause, count)| json!({ "cause": cause, "count": count }))
        .collect();
    let mut row: Vec<Value> = key.into_iter().map(Value::from).collect();
    row.extend(group.counts.map(Value::from));
    row.push(group.clients.len().into());
    row.push(group.hosts.len().into());
    row.push(failures.into());
    row.push(quantile(&group.rtt, 50).into());
    row.push(quantile(&group.rtt, 95).into());
    row.push(group.first.map(|time| time.to_string()).into());
    row.push(group.last.map(|time| time.to_string()).into());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::df;

    #[test]
    fn a_window_ends_with_its_last_day() {
        let shown = |text| Question::last_moment(text).unwrap().to_string();
        assert_eq!(shown("2026-11-22"), "2026-11-22T23:59:59.999999999Z");
        assert_eq!(shown("2026-11-22T07:30"), "2026-11-22T07:30:00.000000000Z");
        assert_eq!(
            shown("2026-11-22T07:30:00+01:00"),
            "2026-11-22T06:30:00.000000000Z"
        );
        assert!(Question::last_moment("yesterday").is_err());
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        let values = BTreeMap::from([(10, 5), (20, 4), (900, 1)]);
        assert_eq!(quantile(&values, 50), Some(10));
        assert_eq!(quantile(&values, 95), Some(900));
        assert_eq!(quantile(&values, 90), Some(20));
        assert_eq!(quantile(&BTreeMap::new(), 50), None);
    }

    #[test]
    fn times_keep_three_figures() {
        let frame = df!["t" => [0_u64, 999, 1_234, 12_345, 7_654_321, u64::MAX]].unwrap();
        let frame = frame.lazy().select([rounded(col("t"))]).collect().unwrap();
        let column = frame.column("t").unwrap().u64().unwrap();
        let values: Vec<u64> = column.iter().take(5).flatten().collect();
        assert_eq!(values, [0, 999, 1_230, 12_300, 7_650_000]);
    }
}
