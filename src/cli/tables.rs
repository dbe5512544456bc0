//! `--tables`: what an audit found, as tables for other programs.

use crate::audit::AuditReport;
use crate::catalog::Catalog;
use crate::tables::{Site, TableError, TableSet, TablesFormat, Written};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Args)]
pub struct TablesArguments {
    /// Also write tables of flows, lookups, verdicts, hosts and findings below this folder, beside those of other runs
    #[arg(long, value_name = "FOLDER")]
    tables: Option<PathBuf>,

    /// Format of the tables
    #[arg(long, value_enum, default_value_t = Format::Parquet, requires = "tables")]
    tables_format: Format,

    /// Name of the place of capture: the tables go to site=NAME/date=YYYY-MM-DD
    #[arg(long, value_name = "NAME", requires = "tables")]
    site: Option<Site>,
}

/// Formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl From<Format> for TablesFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::Parquet,
            Format::Csv => Self::Csv,
            Format::Jsonl => Self::Jsonl,
        }
    }
}

impl TablesArguments {
    /// Tables were asked for.
    pub fn wanted(&self) -> bool {
        self.tables.is_some()
    }

    /// Writes the tables of `report`, when they were asked for.
    ///
    /// # Errors
    ///
    /// The disk is full, or the folder may not be written to; nothing is left there then.
    pub fn write(
        &self,
        report: &AuditReport,
        catalog: &Catalog,
    ) -> Result<Vec<Written>, TableError> {
        let Some(folder) = &self.tables else {
            return Ok(Vec::new());
        };
        let format = self.tables_format.into();
        let mut tables = TableSet::new(folder, format, self.site.clone(), &new_run());
        tables.add_report(report, catalog)?;
        tables.finish()
    }
}

/// A name that no other run has: 64 random bits.
pub fn new_run() -> String {
    // The standard library's keys for hash tables are random for each of them.
    format!("{:016x}", RandomState::new().hash_one(0_u8))
}
