//! Flows and lookups as one table of events, which questions are about.

use super::error::SummaryError;
use super::sources::Sources;
use crate::facts::Timestamp;
use crate::tables::{Kind, Table, data_type};
use polars::prelude::{DataType, Expr, LazyFrame, NULL, UnionArgs, coalesce, col, concat, lit};

/// From when to when, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// All flows and lookups that began within the window.
pub(super) fn events(sources: &Sources, window: Window) -> Result<LazyFrame, SummaryError> {
    let date = |time: Option<Timestamp>| time.map(|time| time.to_string()[..10].to_owned());
    let (since, until) = (date(window.since), date(window.until));
    let dates = (since.as_deref(), until.as_deref());
    let flows = within(sources.frame(Table::Flows, dates)?, window).select(flow_columns());
    let lookups = within(sources.frame(Table::Lookups, dates)?, window).select(lookup_columns());
    let union = UnionArgs {
        rechunk: false,
        maintain_order: false,
        ..UnionArgs::default()
    };
    concat([flows, lookups], union).map_err(|error| SummaryError::engine(&error))
}

fn within(mut frame: LazyFrame, window: Window) -> LazyFrame {
    let moment = |Timestamp(time): Timestamp| lit(time).cast(data_type(Kind::Time));
    if let Some(since) = window.since {
        frame = frame.filter(col("first_time").gt_eq(moment(since)));
    }
    if let Some(until) = window.until {
        frame = frame.filter(col("first_time").lt_eq(moment(until)));
    }
    frame
}

fn nothing(kind: DataType) -> Expr {
    lit(NULL).cast(kind)
}

/// Columns that both tables have.
fn common(kind: &'static str) -> Vec<Expr> {
    let time = col("first_time");
    vec![
        lit(kind).alias("kind"),
        col("run"),
        col("site"),
        time.clone().alias("time"),
        time.clone().dt().date().alias("date"),
        time.dt().truncate(lit("1h")).alias("hour"),
        col("feature_area").alias("area"),
        col("endpoint_set").alias("set"),
        col("client"),
        coalesce(&[col("cause"), col("outcome")]).alias("outcome"),
        col("failed"),
    ]
}

fn flow_columns() -> Vec<Expr> {
    let mut columns = common("flow");
    columns.extend([
        col("last_time").alias("last"),
        coalesce(&[col("name").str().to_lowercase(), col("responder")]).alias("host"),
        col("responder").alias("server"),
        col("responder_port").alias("port"),
        col("protocol"),
        col("application"),
        (col("bytes_originator") + col("bytes_responder")).alias("bytes"),
        (col("packets_originator") + col("packets_responder")).alias("packets"),
        col("handshake_rtt_us").alias("rtt_us"),
    ]);
    columns
}

fn lookup_columns() -> Vec<Expr> {
    let mut columns = common("lookup");
    columns.extend([
        coalesce(&[col("answer_time"), col("first_time")]).alias("last"),
        col("name").str().to_lowercase().alias("host"),
        col("resolver").alias("server"),
        nothing(DataType::UInt16).alias("port"),
        col("transport").alias("protocol"),
        lit("dns").alias("application"),
        nothing(DataType::UInt64).alias("bytes"),
        nothing(DataType::UInt64).alias("packets"),
        nothing(DataType::UInt64).alias("rtt_us"),
    ]);
    columns
}
