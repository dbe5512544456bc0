//! Files that need translation: CSV, JSON Lines, and Parquet whose columns have other types than ours.

use super::error::SummaryError;
use super::sources::{element, wanted};
use crate::tables::{Column, Kind, Table, TablesFormat, data_type};
use polars::prelude::{
    DataType, Expr, LazyCsvReader, LazyFileListReader, LazyFrame, LazyJsonLineReader, NULL,
    PlRefPath, PlSmallStr, PolarsResult, ScanArgsParquet, Schema, StrptimeOptions, TimeUnit, col,
    lit, when,
};
use std::path::Path;
use std::sync::Arc;

/// Reads one file as the columns of `table`. Values that are none of the column's type are null.
pub(super) fn read(
    path: &Path,
    format: TablesFormat,
    table: Table,
) -> Result<LazyFrame, SummaryError> {
    open(path, format, table)
        .and_then(|mut frame| {
            let schema = frame.collect_schema()?;
            let columns: Vec<Expr> = table
                .columns()
                .iter()
                .map(|column| translated(column, schema.get(column.name), format))
                .collect();
            Ok(frame.select(columns))
        })
        .map_err(|error| SummaryError::damaged(path, &error))
}

fn open(path: &Path, format: TablesFormat, table: Table) -> PolarsResult<LazyFrame> {
    let path = PlRefPath::try_from_path(path)?;
    match format {
        TablesFormat::Parquet => LazyFrame::scan_parquet(
            path,
            ScanArgsParquet {
                glob: false,
                ..ScanArgsParquet::default()
            },
        ),
        // Without a look at the values every column is text.
        TablesFormat::Csv => LazyCsvReader::new(path)
            .with_infer_schema_length(Some(0))
            .with_raise_if_empty(false)
            .with_truncate_ragged_lines(true)
            .with_glob(false)
            .finish(),
        TablesFormat::Jsonl => {
            let schema: Schema = wanted(table)
                .iter()
                .map(|(name, kind)| match kind {
                    DataType::Datetime(..) => (name.clone(), DataType::String),
                    // The engine's reader of JSON Lines panics over 16 bits.
                    DataType::UInt16 => (name.clone(), DataType::UInt32),
                    kind => (name.clone(), kind.clone()),
                })
                .collect();
            LazyJsonLineReader::new(path)
                .with_schema(Some(Arc::new(schema)))
                .with_ignore_errors(true)
                .finish()
        }
    }
}

/// The column's values in our type, from whatever type the file has.
fn translated(column: &Column, found: Option<&DataType>, format: TablesFormat) -> Expr {
    let name = PlSmallStr::from_static(column.name);
    let wanted = data_type(column.kind);
    let value = match found {
        None => lit(NULL).cast(wanted),
        Some(found) if *found == wanted && format != TablesFormat::Csv => col(name.clone()),
        Some(DataType::String) => from_text(column.kind, col(name.clone()), format),
        Some(_) if element(column.kind).is_some() => lit(NULL).cast(wanted),
        Some(_) => col(name.clone()).cast(wanted),
    };
    value.alias(name)
}

/// A column of RFC 3339 times as times.
pub(super) fn moments(name: &str) -> Expr {
    from_text(Kind::Time, col(name), TablesFormat::Jsonl)
}

fn from_text(kind: Kind, text: Expr, format: TablesFormat) -> Expr {
    let wanted = data_type(kind);
    match kind {
        // What was put in front so that no spreadsheet computes is taken off again.
        Kind::Text if format == TablesFormat::Csv => {
            let formula = ["'=", "'+", "'-", "'@"]
                .into_iter()
                .map(|start| text.clone().str().starts_with(lit(start)))
                .reduce(Expr::or);
            match formula {
                Some(formula) => when(formula)
                    .then(text.clone().str().strip_prefix(lit("'")))
                    .otherwise(text),
                None => text,
            }
        }
        Kind::Text => text,
        Kind::Flag => when(text.clone().eq(lit("true")))
            .then(lit(true))
            .when(text.eq(lit("false")))
            .then(lit(false))
            .otherwise(lit(NULL)),
        Kind::Time => {
            let options = StrptimeOptions {
                format: Some("%Y-%m-%dT%H:%M:%S%.fZ".into()),
                strict: false,
                ..StrptimeOptions::default()
            };
            text.str()
                .to_datetime(Some(TimeUnit::Nanoseconds), None, options, lit("raise"))
                .dt()
                .replace_time_zone(
                    Some(polars::prelude::TimeZone::UTC),
                    lit("raise"),
                    polars::prelude::NonExistent::Raise,
                )
        }
        Kind::Texts | Kind::Numbers => {
            let empty = text.clone().eq(lit(""));
            let text = match format {
                TablesFormat::Csv => text.str().strip_prefix(lit("'")),
                _ => text,
            };
            let list = text.str().split(lit(";")).cast(wanted.clone());
            when(empty).then(lit(NULL)).otherwise(list).cast(wanted)
        }
        Kind::Small | Kind::Medium | Kind::Large => text.cast(wanted),
    }
}
