//! A small result: named columns and rows of values.

use crate::facts::printable;
use polars::prelude::{AnyValue, DataFrame, DataType, TimeUnit};
use serde_json::{Number, Value};

/// Rows of values under names; what every output is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows; each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

impl Grid {
    /// All rows of a frame. Times become RFC 3339, lists arrays.
    #[must_use]
    pub(super) fn of(frame: &DataFrame) -> Self {
        let names = frame.get_column_names();
        Self {
            columns: names.into_iter().map(ToString::to_string).collect(),
            rows: (0..frame.height())
                .map(|row| {
                    frame
                        .columns()
                        .iter()
                        .map(|column| column.get(row).map_or(Value::Null, value))
                        .collect()
                })
                .collect(),
        }
    }
}

impl Grid {
    /// The value of the column with this name in a row.
    pub(super) fn cell<'r>(&self, row: &'r [Value], name: &str) -> Option<&'r Value> {
        row.get(self.columns.iter().position(|column| column == name)?)
    }
}

/// A value as one line of text, safe for a terminal; lists joined with `;`, nothing for null.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(";"),
        // The only objects are causes with their counts.
        Value::Object(fields) => fields.values().map(shown).collect::<Vec<_>>().join("="),
        value => value.to_string(),
    };
    printable(text.as_bytes(), usize::MAX).into()
}

fn value(cell: AnyValue<'_>) -> Value {
    match cell {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(flag) => flag.into(),
        AnyValue::String(text) => text.into(),
        AnyValue::StringOwned(text) => text.as_str().into(),
        AnyValue::UInt8(number) => number.into(),
        AnyValue::UInt16(number) => number.into(),
        AnyValue::UInt32(number) => number.into(),
        AnyValue::UInt64(number) => number.into(),
        AnyValue::Int32(number) => number.into(),
        AnyValue::Int64(number) => number.into(),
        AnyValue::Float32(number) => float(f64::from(number)),
        AnyValue::Float64(number) => float(number),
        AnyValue::Datetime(time, unit, _) => moment(time, unit),
        AnyValue::DatetimeOwned(time, unit, _) => moment(time, unit),
        AnyValue::List(series) => series.iter().map(value).collect(),
        other => match other.cast(&DataType::String) {
            AnyValue::StringOwned(text) => text.as_str().into(),
            AnyValue::String(text) => text.into(),
            other => other.to_string().into(),
        },
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn moment(time: i64, unit: TimeUnit) -> Value {
    let nanoseconds = match unit {
        TimeUnit::Nanoseconds => time,
        TimeUnit::Microseconds => time.saturating_mul(1_000),
        TimeUnit::Milliseconds => time.saturating_mul(1_000_000),
    };
    crate::facts::Timestamp(nanoseconds).to_string().into()
}
