//! Frames to the octets of one file, in one of the formats.

use super::writer::TablesFormat;
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    CsvWriter, DataFrame, JsonFormat, JsonWriter, ParquetCompression, ParquetWriter, PolarsResult,
    Schema, SerWriter,
};
use std::fs::File;
use std::io::{BufWriter, Write};

/// Octets collected before the system gets them.
const BUFFERED_OCTETS: usize = 256 * 1024;

/// A file being written.
pub(super) enum Encoder {
    Parquet(Box<BatchedWriter<BufWriter<File>>>),
    Csv { out: BufWriter<File>, began: bool },
    Lines(BufWriter<File>),
}

impl Encoder {
    /// Starts a file of the columns in `schema`.
    pub fn new(file: File, format: TablesFormat, schema: &Schema) -> PolarsResult<Self> {
        let out = BufWriter::with_capacity(BUFFERED_OCTETS, file);
        Ok(match format {
            TablesFormat::Parquet => Self::Parquet(Box::new(
                ParquetWriter::new(out)
                    .with_compression(ParquetCompression::Zstd(None))
                    .batched(schema)?,
            )),
            TablesFormat::Csv => Self::Csv { out, began: false },
            TablesFormat::Jsonl => Self::Lines(out),
        })
    }

    /// Adds rows: a row group of a Parquet file; the header too, where CSV has none yet.
    pub fn write(&mut self, rows: &mut DataFrame) -> PolarsResult<()> {
        match self {
            Self::Parquet(writer) => writer.write_batch(rows),
            Self::Csv { out, began } => CsvWriter::new(out)
                .include_header(!std::mem::replace(began, true))
                .finish(rows),
            Self::Lines(out) => JsonWriter::new(out)
                .with_json_format(JsonFormat::JsonLines)
                .finish(rows),
        }
    }

    /// Ends the file; nothing of it stays in memory.
    pub fn finish(self) -> PolarsResult<()> {
        match self {
            Self::Parquet(writer) => {
                writer.finish()?;
            }
            Self::Csv { mut out, .. } | Self::Lines(mut out) => out.flush()?,
        }
        Ok(())
    }
}
