//! What devices used, read from the tables of verdicts and hosts: what the allow-list is made of.

use super::batches::in_batches;
use super::error::SummaryError;
use super::sources::Sources;
use crate::allowlist::{DeviceId, Usage};
use crate::audit::{Cause, Verdict};
use crate::catalog::{Requirement, SetKey};
use crate::facts::{Timestamp, printable};
use crate::results::HostResult;
use crate::tables::Table;
use hashbrown::HashSet;
use polars::prelude::{
    DataFrame, DataType, IntoLazy, LazyFrame, PolarsResult, StringChunked, col, len, lit,
};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Longest text kept of a cell, in characters.
const LONGEST_TEXT: usize = 4_096;

/// Adds what the tables of any number of runs say. Only devices with one of `clients` among their addresses count, where any are given; out
/// come those of them that some device has.
///
/// # Errors
///
/// One of the two tables is missing or damaged, or has a code that this version does not know.
pub fn add_usage(
    sources: &Sources,
    clients: &[IpAddr],
    usage: &mut Usage<'_>,
) -> Result<BTreeSet<IpAddr>, SummaryError> {
    for table in [Table::Verdicts, Table::Hosts] {
        if !sources.has(table) {
            return Err(SummaryError::Missing(table.name()));
        }
    }
    let mut wanted = Wanted {
        clients,
        found: BTreeSet::new(),
        devices: HashSet::new(),
    };
    let newest = Newest::of(sources)?;
    let verdicts = newest.alone(sources.frame(Table::Verdicts, (None, None))?);
    add_verdicts(verdicts, &mut wanted, usage)?;
    let hosts = newest.alone(sources.frame(Table::Hosts, (None, None))?);
    let names = [
        "run",
        "site",
        "client",
        "endpoint_set",
        "requirement",
        "host",
        "verdict",
        "cause",
        "attempts",
        "first_frame",
        "responders",
        "through_proxy",
    ];
    let mut columns = names.map(col).to_vec();
    columns.push(col("first_time").cast(DataType::Int64));
    in_batches(hosts.select(columns), |batch| {
        let rows = Rows {
            frame: &batch,
            table: Table::Hosts,
        };
        (0..batch.height()).try_for_each(|row| add_host(&rows, row, &wanted, usage))
    })?;
    Ok(wanted.found)
}

/// Adds what devices need. Whose it was matters only where devices were picked: otherwise each batch comes to a few different rows.
fn add_verdicts(
    verdicts: LazyFrame,
    wanted: &mut Wanted<'_>,
    usage: &mut Usage<'_>,
) -> Result<(), SummaryError> {
    let mut columns = ["scenario_title", "endpoint_set", "requirement"]
        .map(col)
        .to_vec();
    columns.push(col("hosts").list().len().gt(lit(0)).alias("was_tried"));
    if wanted.clients.is_empty() {
        return in_batches(verdicts.select(&columns), |batch| {
            let names = ["scenario_title", "endpoint_set", "requirement", "was_tried"];
            let different = batch.lazy().group_by(names.map(col)).agg([len()]).collect();
            let different = different.map_err(|error| SummaryError::engine(&error))?;
            let rows = Rows {
                frame: &different,
                table: Table::Verdicts,
            };
            (0..different.height()).try_for_each(|row| add_set(&rows, row, usage))
        });
    }
    columns.extend(["run", "client", "client_addresses"].map(col));
    in_batches(verdicts.select(columns), |batch| {
        let rows = Rows {
            frame: &batch,
            table: Table::Verdicts,
        };
        (0..batch.height()).try_for_each(|row| match wanted.take(&rows, row)? {
            true => add_set(&rows, row, usage),
            false => Ok(()),
        })
    })
}

/// The newest moment of each run that has several: one of `intap live` tells again and again how everything stands.
struct Newest(Option<DataFrame>);

impl Newest {
    fn of(sources: &Sources) -> Result<Self, SummaryError> {
        let moments = sources
            .frame(Table::Verdicts, (None, None))?
            .group_by([col("run")])
            .agg([
                col("as_of").max().alias("newest"),
                col("as_of").min().alias("oldest"),
            ])
            .filter(col("newest").neq(col("oldest")))
            .select([col("run"), col("newest")])
            .collect()
            .map_err(|error| SummaryError::engine(&error))?;
        Ok(Self((moments.height() > 0).then_some(moments)))
    }

    /// The rows that hold still.
    fn alone(&self, rows: LazyFrame) -> LazyFrame {
        match &self.0 {
            None => rows,
            Some(moments) => rows
                .left_join(moments.clone().lazy(), col("run"), col("run"))
                .filter(col("newest").is_null().or(col("as_of").eq(col("newest")))),
        }
    }
}

/// Which devices count.
struct Wanted<'c> {
    clients: &'c [IpAddr],
    /// Those of `clients` that a device has.
    found: BTreeSet<IpAddr>,
    /// Runs and first addresses of the devices that have one.
    devices: HashSet<(String, String)>,
}

impl Wanted<'_> {
    fn has(&self, run: &str, client: &str) -> bool {
        self.clients.is_empty() || self.devices.contains(&(run.to_owned(), client.to_owned()))
    }

    /// Remembers the row's device where it is one of those that were picked.
    fn take(&mut self, rows: &Rows<'_>, row: usize) -> Result<bool, SummaryError> {
        let (run, client) = (rows.text("run", row)?, rows.text("client", row)?);
        let addresses = rows.texts("client_addresses", row)?;
        let found: BTreeSet<IpAddr> = addresses
            .iter()
            .map(String::as_str)
            .chain([client])
            .filter_map(|text| text.parse().ok())
            .filter(|address| self.clients.contains(address))
            .collect();
        if found.is_empty() {
            return Ok(false);
        }
        self.found.extend(found);
        self.devices.insert((run.to_owned(), client.to_owned()));
        Ok(true)
    }
}

fn add_set(rows: &Rows<'_>, row: usize, usage: &mut Usage<'_>) -> Result<(), SummaryError> {
    // A column of its own only since this version; the tables of others have no heading.
    if let Some(title) = rows.maybe_text("scenario_title", row)? {
        usage.add_scenario(&shown(title));
    }
    let key = SetKey::parse(&shown(rows.text("endpoint_set", row)?));
    let requirement = rows.code("requirement", row, Requirement::from_name)?;
    usage.add_set(&key, requirement, rows.flag("was_tried", row));
    Ok(())
}

fn add_host(
    rows: &Rows<'_>,
    row: usize,
    wanted: &Wanted<'_>,
    usage: &mut Usage<'_>,
) -> Result<(), SummaryError> {
    let client = rows.text("client", row)?;
    if !wanted.has(rows.text("run", row)?, client) {
        return Ok(());
    }
    let verdict = |code: &str| Verdict::ALL.into_iter().find(|known| known.code() == code);
    let cause = |code: &str| Cause::ALL.into_iter().find(|known| known.code() == code);
    let host = HostResult {
        name: shown(rows.text("host", row)?),
        verdict: rows.code("verdict", row, verdict)?,
        cause: match rows.maybe_text("cause", row)? {
            Some(_) => Some(rows.code("cause", row, cause)?),
            None => None,
        },
        first_frame: rows.number("first_frame", row),
        first_time: rows.time("first_time", row).map(|time| time.to_string()),
        attempts: rows.number("attempts", row).unwrap_or(0),
        responders: rows
            .texts("responders", row)?
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
        through_proxy: rows.flag("through_proxy", row),
        generic: false,
    };
    let site = rows.maybe_text("site", row)?;
    let key = SetKey::parse(&shown(rows.text("endpoint_set", row)?));
    let requirement = rows.code("requirement", row, Requirement::from_name)?;
    usage.add_host(DeviceId::new(site, client), &key, requirement, &host);
    Ok(())
}

fn shown(text: &str) -> String {
    printable(text.as_bytes(), LONGEST_TEXT).into()
}

/// The cells of a batch.
struct Rows<'b> {
    frame: &'b DataFrame,
    table: Table,
}

impl<'b> Rows<'b> {
    fn column(&self, name: &'static str) -> Result<&'b StringChunked, SummaryError> {
        let column = self.frame.column(name).and_then(|column| column.str());
        column.map_err(|error| SummaryError::engine(&error))
    }

    fn maybe_text(&self, name: &'static str, row: usize) -> Result<Option<&'b str>, SummaryError> {
        Ok(self.column(name)?.get(row))
    }

    fn text(&self, name: &'static str, row: usize) -> Result<&'b str, SummaryError> {
        self.maybe_text(name, row)?
            .ok_or_else(|| self.unknown(name, "null"))
    }

    fn code<Code>(
        &self,
        name: &'static str,
        row: usize,
        read: impl Fn(&str) -> Option<Code>,
    ) -> Result<Code, SummaryError> {
        let text = self.text(name, row)?;
        read(text).ok_or_else(|| self.unknown(name, text))
    }

    fn unknown(&self, column: &'static str, value: &str) -> SummaryError {
        SummaryError::Unknown {
            table: self.table.name(),
            column,
            value: printable(value.as_bytes(), 100),
        }
    }

    /// The texts of a list; none where it is null.
    fn texts(&self, name: &'static str, row: usize) -> Result<Vec<String>, SummaryError> {
        let texts = || -> PolarsResult<Vec<String>> {
            let list = self.frame.column(name)?.list()?.get_as_series(row);
            let Some(list) = list else {
                return Ok(Vec::new());
            };
            let texts = list.str()?.iter().flatten().map(str::to_owned);
            Ok(texts.collect())
        };
        texts().map_err(|error| SummaryError::engine(&error))
    }

    fn number(&self, name: &str, row: usize) -> Option<u64> {
        self.frame.column(name).ok()?.u64().ok()?.get(row)
    }

    fn time(&self, name: &str, row: usize) -> Option<Timestamp> {
        self.frame
            .column(name)
            .ok()?
            .i64()
            .ok()?
            .get(row)
            .map(Timestamp)
    }

    fn flag(&self, name: &str, row: usize) -> bool {
        let column = self.frame.column(name).ok();
        let flag = column.and_then(|column| column.bool().ok()?.get(row));
        flag == Some(true)
    }
}
