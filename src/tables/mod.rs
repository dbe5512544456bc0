//! Facts and judgements as tables for other programs: flows, lookups, verdicts, hosts and findings as Parquet, CSV or JSON Lines.
//!
//! In comes an [`AuditReport`], or single rows from whoever has them; out come files that are there whole or not at all, laid
//! out as Hive does (`flows/site=NAME/date=YYYY-MM-DD/`) when the rows belong to a site. [`Table::columns`] is the contract
//! with whoever reads them; `docs/tables.md` shows it.
//!
//! Besides `cli`, [`crate::summary`] and recordings of [`crate::live`] this is the only part that writes to disk, and besides
//! [`crate::summary`] the only one that has heard of Polars. It reads no clock: a row's date is that of its first packet.

mod buffer;
mod encoder;
mod findings;
mod flows;
mod hosts;
mod lookups;
mod partition;
mod retention;
mod rolling;
mod row;
mod schema;
mod verdicts;
mod writer;

pub use rolling::{Notice, RollingOptions, RollingTables, Totals};
pub use row::{Row, RowMaker};
pub use schema::{Column, Kind, Table};
pub use writer::{Site, TableError, TableWriter, TablesFormat, Written};

pub(crate) use schema::data_type;

use crate::audit::AuditReport;
use crate::catalog::Catalog;
use partition::Sealed;
use std::path::Path;
use writer::Destination;

/// All tables of one run, open for rows.
#[derive(Debug)]
pub struct TableSet {
    writers: [TableWriter; Table::ALL.len()],
}

impl TableSet {
    /// Opens the tables below `folder`; nothing is written before the first row or [`Self::finish`].
    ///
    /// `run` names this run in every row and file, and must be no other run's.
    #[must_use]
    pub fn new(folder: &Path, format: TablesFormat, site: Option<Site>, run: &str) -> Self {
        let writer = |table| TableWriter::below(folder, table, format, site.clone(), run);
        Self {
            writers: Table::ALL.map(writer),
        }
    }

    /// The same for a part of a run that goes on; `part` takes the place of `run` in the files' names.
    fn part(options: &RollingOptions, part: &str) -> Self {
        let writer = |table| {
            TableWriter::new(Destination {
                folder: options.folder.clone(),
                table,
                format: options.format,
                site: options.site.clone(),
                run: options.run.clone(),
                part: Some(part.to_owned()),
            })
        };
        Self {
            writers: Table::ALL.map(writer),
        }
    }

    /// Adds one row to its table.
    ///
    /// # Errors
    ///
    /// The disk is full, or the folder may not be written to.
    pub fn add(&mut self, row: Row) -> Result<(), TableError> {
        let table = row.table();
        for writer in &mut self.writers {
            if writer.table() == table {
                return writer.add(row);
            }
        }
        Ok(())
    }

    /// Adds everything that the report holds; its flows and lookups only where it kept them.
    ///
    /// # Errors
    ///
    /// As for [`Self::add`].
    pub fn add_report(
        &mut self,
        report: &AuditReport,
        catalog: &Catalog,
    ) -> Result<(), TableError> {
        let maker = RowMaker::new(report, catalog);
        for flow in report.flows.iter().flatten() {
            self.add(maker.flow(flow))?;
        }
        for lookup in report.lookups.iter().flatten() {
            self.add(maker.lookup(lookup))?;
        }
        for row in maker.standing(report) {
            self.add(row)?;
        }
        Ok(())
    }

    /// Completes all files and gives them their names: all of them, or, when anything fails, none. A table without rows gets
    /// a file too, so that its readers find its columns.
    ///
    /// # Errors
    ///
    /// As for [`Self::add`].
    pub fn finish(self) -> Result<Vec<Written>, TableError> {
        writer::publish(self.seal(|_| true)?)
    }

    /// Completes all files, without names yet; a table without rows gets one where it is `wanted`.
    fn seal(self, wanted: impl Fn(Table) -> bool) -> Result<Vec<Sealed>, TableError> {
        let mut sealed = Vec::new();
        for writer in self.writers {
            let wanted = wanted(writer.table());
            sealed.extend(writer.seal(wanted)?);
        }
        Ok(sealed)
    }
}
