//! An answer for other programs and for tickets: CSV, JSON, Markdown, Parquet.

use super::grid::{Grid, shown};
use super::odd_file::moments;
use crate::report::{markdown_cell, spreadsheet_cell};
use polars::prelude::{
    Column, DataFrame, IntoLazy, NamedFrom, ParquetWriter, PlSmallStr, PolarsResult, Series,
};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Writes CSV (RFC 4180): lists joined with `;`, and nothing that looks like a formula.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn csv(grid: &Grid, out: &mut impl Write) -> io::Result<()> {
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let names = grid.columns.iter().map(|name| spreadsheet_cell(name));
    out.write_all(line(names.collect()).as_bytes())?;
    for row in &grid.rows {
        let cells = row.iter().map(|value| match value {
            Value::Number(number) => number.to_string(),
            value => spreadsheet_cell(&shown(value)),
        });
        out.write_all(line(cells.collect()).as_bytes())?;
    }
    Ok(())
}

/// Writes a JSON array with one object a row, indented.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn json(grid: &Grid, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<Map<String, Value>> = grid
        .rows
        .iter()
        .map(|row| {
            let names = grid.columns.iter().cloned();
            names.zip(row.iter().cloned()).collect()
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &rows)?;
    out.write_all(b"\n")
}

/// Writes a Markdown table.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn markdown(grid: &Grid, out: &mut impl Write) -> io::Result<()> {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let names = grid.columns.iter().map(|name| markdown_cell(name));
    out.write_all(line(names.collect()).as_bytes())?;
    out.write_all(line(vec!["---".to_owned(); grid.columns.len()]).as_bytes())?;
    for row in &grid.rows {
        let cells = row.iter().map(|value| markdown_cell(&shown(value)));
        out.write_all(line(cells.collect()).as_bytes())?;
    }
    Ok(())
}

/// Writes Parquet. Columns of nothing but whole numbers are uint64, `first_time` and `last_time` are times, lists are joined to
/// text.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn parquet(grid: &Grid, out: &mut impl Write) -> io::Result<()> {
    let mut frame = frame(grid).map_err(io::Error::other)?;
    let written = ParquetWriter::new(out).finish(&mut frame);
    written.map(drop).map_err(io::Error::other)
}

fn frame(grid: &Grid) -> PolarsResult<DataFrame> {
    let columns: Vec<Column> = grid
        .columns
        .iter()
        .enumerate()
        .map(|(column, name)| {
            let values = || grid.rows.iter().map(move |row| row.get(column));
            let fits = |test: fn(&Value) -> bool| {
                values()
                    .flatten()
                    .all(|value| value.is_null() || test(value))
            };
            let name = PlSmallStr::from(name.as_str());
            let series = if fits(Value::is_u64) {
                let numbers: Vec<Option<u64>> = values().map(|value| value?.as_u64()).collect();
                Series::new(name, numbers)
            } else if fits(Value::is_number) {
                let numbers: Vec<Option<f64>> = values().map(|value| value?.as_f64()).collect();
                Series::new(name, numbers)
            } else {
                let texts: Vec<Option<String>> = values()
                    .map(|value| value.filter(|value| !value.is_null()).map(shown))
                    .collect();
                Series::new(name, texts)
            };
            series.into()
        })
        .collect();
    let frame = DataFrame::new(grid.rows.len(), columns)?;
    let schema = frame.schema().clone();
    let times = ["first_time", "last_time"]
        .into_iter()
        .filter(|name| schema.get(name).is_some_and(|kind| kind.is_string()));
    frame
        .lazy()
        .with_columns(times.map(moments).collect::<Vec<_>>())
        .collect()
}
