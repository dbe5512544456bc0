//! Columns in memory: rows are taken apart into them, and they become a frame.

use super::row::Cell;
use super::schema::{Column, Kind, data_type};
use super::writer::TablesFormat;
use crate::facts::Timestamp;
use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, DataFrame, DataType, Int64Type, IntoColumn, IntoSeries,
    ListBuilderTrait, ListPrimitiveChunkedBuilder, ListStringChunkedBuilder, PolarsResult,
    PrimitiveChunkedBuilder, Schema, Series, StringChunkedBuilder, UInt16Type, UInt32Type,
    UInt64Type,
};

/// What starts a formula in a spreadsheet.
const FORMULA_STARTS: [char; 4] = ['=', '+', '-', '@'];

/// The columns of one table, being filled.
pub(super) struct Buffer {
    columns: &'static [Column],
    builders: Vec<Builder>,
    rows: usize,
    format: TablesFormat,
}

enum Builder {
    Text(StringChunkedBuilder),
    Flag(BooleanChunkedBuilder),
    Small(PrimitiveChunkedBuilder<UInt16Type>),
    Medium(PrimitiveChunkedBuilder<UInt32Type>),
    Large(PrimitiveChunkedBuilder<UInt64Type>),
    Time(PrimitiveChunkedBuilder<Int64Type>),
    Texts(ListStringChunkedBuilder),
    Numbers(ListPrimitiveChunkedBuilder<UInt16Type>),
}

impl Buffer {
    /// Room for `capacity` rows of these columns, as `format` writes them.
    pub fn new(columns: &'static [Column], format: TablesFormat, capacity: usize) -> Self {
        Self {
            columns,
            builders: columns
                .iter()
                .map(|column| Builder::new(column, format, capacity))
                .collect(),
            rows: 0,
            format,
        }
    }

    /// Rows in it.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row; a cell that is missing or of another kind than its column is null.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut cells = cells.into_iter();
        for builder in &mut self.builders {
            builder.push(cells.next().unwrap_or(Cell::Null), self.format);
        }
        debug_assert_eq!(cells.next(), None, "a cell without a column");
        self.rows = self.rows.saturating_add(1);
    }

    /// The rows so far as a frame; the buffer is empty again.
    pub fn take(&mut self) -> PolarsResult<DataFrame> {
        let fresh = Self::new(self.columns, self.format, self.rows);
        let full = std::mem::replace(self, fresh);
        let columns = full
            .builders
            .into_iter()
            .map(|builder| builder.finish().map(Series::into_column))
            .collect::<PolarsResult<_>>()?;
        DataFrame::new(full.rows, columns)
    }
}

/// The columns' types as `format` writes them.
pub(super) fn schema(columns: &[Column], format: TablesFormat) -> Schema {
    columns
        .iter()
        .map(|column| {
            (
                column.name.into(),
                data_type(written_kind(column.kind, format)),
            )
        })
        .collect()
}

/// CSV has no lists, and neither it nor JSON has times.
fn written_kind(kind: Kind, format: TablesFormat) -> Kind {
    match (kind, format) {
        (Kind::Time, TablesFormat::Csv | TablesFormat::Jsonl)
        | (Kind::Texts | Kind::Numbers, TablesFormat::Csv) => Kind::Text,
        _ => kind,
    }
}

impl Builder {
    fn new(column: &Column, format: TablesFormat, capacity: usize) -> Self {
        let name = column.name.into();
        match written_kind(column.kind, format) {
            Kind::Text => Self::Text(StringChunkedBuilder::new(name, capacity)),
            Kind::Flag => Self::Flag(BooleanChunkedBuilder::new(name, capacity)),
            Kind::Small => Self::Small(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Medium => Self::Medium(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Large => Self::Large(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Time => Self::Time(PrimitiveChunkedBuilder::new(name, capacity)),
            Kind::Texts => Self::Texts(ListStringChunkedBuilder::new(name, capacity, capacity)),
            Kind::Numbers => Self::Numbers(ListPrimitiveChunkedBuilder::new(
                name,
                capacity,
                capacity,
                DataType::UInt16,
            )),
        }
    }

    fn push(&mut self, cell: Cell, format: TablesFormat) {
        match (self, cell) {
            (Self::Text(builder), cell) => builder.append_option(text(cell, format).as_deref()),
            (Self::Flag(builder), Cell::Flag(flag)) => builder.append_value(flag),
            (Self::Small(builder), Cell::Number(number)) => {
                builder.append_option(u16::try_from(number).ok());
            }
            (Self::Medium(builder), Cell::Number(number)) => {
                builder.append_option(u32::try_from(number).ok());
            }
            (Self::Large(builder), Cell::Number(number)) => builder.append_value(number),
            (Self::Time(builder), Cell::Time(Timestamp(nanoseconds))) => {
                builder.append_value(nanoseconds);
            }
            (Self::Texts(builder), Cell::Texts(texts)) => {
                builder.append_values_iter(texts.iter().map(|text| text.as_str()));
            }
            (Self::Numbers(builder), Cell::Numbers(numbers)) => builder.append_slice(&numbers),
            (builder, _) => builder.push_null(),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Flag(builder) => builder.append_null(),
            Self::Small(builder) => builder.append_null(),
            Self::Medium(builder) => builder.append_null(),
            Self::Large(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Texts(builder) => builder.append_null(),
            Self::Numbers(builder) => builder.append_null(),
        }
    }

    fn finish(self) -> PolarsResult<Series> {
        Ok(match self {
            Self::Text(builder) => builder.finish().into_series(),
            Self::Flag(builder) => builder.finish().into_series(),
            Self::Small(builder) => builder.finish().into_series(),
            Self::Medium(builder) => builder.finish().into_series(),
            Self::Large(builder) => builder.finish().into_series(),
            Self::Time(builder) => builder
                .finish()
                .into_series()
                .cast(&data_type(Kind::Time))?,
            Self::Texts(mut builder) => builder.finish().into_series(),
            Self::Numbers(mut builder) => builder.finish().into_series(),
        })
    }
}

/// A cell as text; in CSV lists are joined with `;`, and nothing looks like a formula.
fn text(cell: Cell, format: TablesFormat) -> Option<String> {
    let text = match cell {
        Cell::Text(text) => text.into_string(),
        Cell::Time(time) => time.to_string(),
        Cell::Texts(texts) => texts.join(";"),
        Cell::Numbers(numbers) => numbers
            .iter()
            .map(u16::to_string)
            .collect::<Vec<_>>()
            .join(";"),
        Cell::Null | Cell::Flag(_) | Cell::Number(_) => return None,
    };
    Some(match format {
        TablesFormat::Csv if text.starts_with(FORMULA_STARTS) => format!("'{text}"),
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column {
            name: "name",
            kind: Kind::Text,
            unit: "",
            meaning: "",
            null: "",
        },
        Column {
            name: "sets",
            kind: Kind::Texts,
            unit: "",
            meaning: "",
            null: "",
        },
        Column {
            name: "at",
            kind: Kind::Time,
            unit: "",
            meaning: "",
            null: "",
        },
    ];

    fn filled(format: TablesFormat) -> DataFrame {
        let mut buffer = Buffer::new(COLUMNS, format, 1);
        buffer.push([
            Cell::Text("=HYPERLINK(1)".into()),
            Cell::Texts(vec!["163".into(), "97".into()]),
            Cell::Time(Timestamp(1_500_000_000)),
        ]);
        buffer.push([Cell::Null, Cell::Texts(Vec::new()), Cell::Null]);
        let frame = buffer.take().unwrap();
        assert_eq!(buffer.rows(), 0);
        assert_eq!(**frame.schema(), schema(COLUMNS, format));
        frame
    }

    #[test]
    fn csv_holds_joined_lists_and_no_formula() {
        let frame = filled(TablesFormat::Csv);
        let text = |name: &str, row| {
            let column = frame.column(name).unwrap().str().unwrap();
            column.get(row).map(str::to_owned)
        };
        assert_eq!(text("name", 0).unwrap(), "'=HYPERLINK(1)");
        assert_eq!(text("sets", 0).unwrap(), "163;97");
        assert_eq!(text("at", 0).unwrap(), "1970-01-01T00:00:01.500000000Z");
        assert_eq!((text("name", 1), text("at", 1)), (None, None));
    }

    #[test]
    fn parquet_holds_what_came() {
        let frame = filled(TablesFormat::Parquet);
        let name = frame.column("name").unwrap().str().unwrap();
        assert_eq!(name.get(0), Some("=HYPERLINK(1)"));
        let sets = frame.column("sets").unwrap().list().unwrap();
        assert_eq!(sets.get_as_series(0).unwrap().len(), 2);
        assert_eq!(sets.get_as_series(1).unwrap().len(), 0);
    }
}
