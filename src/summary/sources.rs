//! Which files hold which table, and the lazy frames that read them.
//!
//! Folders are walked here rather than by the engine: `site=` and `date=` are then what intap wrote, not what their values look
//! like; files without them go together with files that have them; and files of days outside the question are never opened.

use super::error::{SummaryError, shown};
use super::odd_file;
use crate::tables::{Kind, Table, TablesFormat};
use polars::prelude::{
    CastColumnsPolicy, DataType, DslBuilder, Expr, ExtraColumnsPolicy, HiveOptions, IntoLazy,
    LazyFrame, MissingColumnsPolicy, ParquetReader, PlRefPath, PlSmallStr, PolarsResult,
    ScanSources, Schema, SchemaRef, SerReader, UnifiedScanArgs, UnionArgs, col, concat, lit,
};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Deepest folder entered below one that was named; tables lie two deep.
const DEEPEST: usize = 12;

/// What an input turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// So many files of tables were added.
    Tables(usize),
    /// No table: a capture, a folder of captures, or anything else.
    Other,
}

/// One file of a table.
#[derive(Debug, Clone)]
struct Source {
    path: PathBuf,
    format: TablesFormat,
    site: Option<String>,
    /// The date of its rows, such as `2026-11-22`, where its folder says it.
    date: Option<String>,
}

/// The files of all tables.
#[derive(Debug, Default)]
pub struct Sources {
    tables: BTreeMap<Table, Vec<Source>>,
}

impl Sources {
    /// Adds a file, or all tables below a folder. What starts with a dot is passed over: it is unfinished.
    ///
    /// # Errors
    ///
    /// It cannot be read, or a file that was named does not say which table it holds.
    pub fn add(&mut self, path: &Path) -> Result<Found, SummaryError> {
        let read = |cause| SummaryError::Read {
            path: shown(path),
            cause,
        };
        if !fs::metadata(path).map_err(read)?.is_dir() {
            return match format_of(path) {
                None => Ok(Found::Other),
                Some(_) if self.add_file(path) => Ok(Found::Tables(1)),
                Some(_) => Err(SummaryError::Nameless { path: shown(path) }),
            };
        }
        let mut count = 0;
        let mut folders = vec![(path.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in sorted(&folder).map_err(read)? {
                // Folders behind links are not entered: they may lead in circles.
                if entry.is_dir() && !entry.is_symlink() {
                    if depth < DEEPEST {
                        folders.push((entry, depth + 1));
                    }
                } else if self.add_file(&entry) {
                    count += 1;
                }
            }
        }
        Ok(if count == 0 {
            Found::Other
        } else {
            Found::Tables(count)
        })
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Whether there is a file of this table.
    #[must_use]
    pub fn has(&self, table: Table) -> bool {
        self.tables.contains_key(&table)
    }

    fn add_file(&mut self, path: &Path) -> bool {
        let (Some(format), Some(table)) = (format_of(path), table_of(path)) else {
            return false;
        };
        let source = Source {
            path: path.to_owned(),
            format,
            site: partition(path, "site="),
            date: partition(path, "date="),
        };
        self.tables.entry(table).or_default().push(source);
        true
    }

    /// All rows of a table, with the column `site`. Files whose folder's date lies outside `dates` (both ends belong to it) are
    /// left out. Columns that a file lacks are null, columns that no table has are passed over.
    ///
    /// # Errors
    ///
    /// A file is no readable table.
    pub fn frame(
        &self,
        table: Table,
        dates: (Option<&str>, Option<&str>),
    ) -> Result<LazyFrame, SummaryError> {
        let wanted = wanted(table);
        let mut regular: BTreeMap<Option<&str>, Vec<PlRefPath>> = BTreeMap::new();
        let mut by_site: Vec<PlRefPath> = Vec::new();
        let mut frames = Vec::new();
        for source in self.tables.get(&table).into_iter().flatten() {
            if source.is_outside(dates) {
                continue;
            }
            let site = source.site.as_deref();
            match (source.format, source.path.to_str()) {
                (TablesFormat::Parquet, Some(path)) if is_regular(&source.path, &wanted)? => {
                    if source.is_partitioned() {
                        by_site.push(PlRefPath::from(path));
                    } else {
                        regular.entry(site).or_default().push(PlRefPath::from(path));
                    }
                }
                _ => {
                    let frame = odd_file::read(&source.path, source.format, table)?;
                    frames.push(with_site(frame, site));
                }
            }
        }
        if !by_site.is_empty() {
            let frame = scan_sites(by_site, &wanted);
            frames.push(frame.map_err(|error| SummaryError::engine(&error))?);
        }
        for (site, paths) in regular {
            let frame = scan(paths, &wanted).map_err(|error| SummaryError::engine(&error))?;
            frames.push(with_site(frame, site));
        }
        if frames.is_empty() {
            let empty = polars::prelude::DataFrame::empty_with_schema(&wanted);
            frames.push(with_site(empty.lazy(), None));
        }
        let union = UnionArgs {
            rechunk: false,
            maintain_order: false,
            ..UnionArgs::default()
        };
        concat(frames, union).map_err(|error| SummaryError::engine(&error))
    }
}

impl Source {
    /// The path has the partitions that intap makes and no others, so that the engine may read them.
    fn is_partitioned(&self) -> bool {
        let folders = self.path.parent().into_iter().flat_map(Path::iter);
        let keys: Vec<&str> = folders
            .filter_map(|folder| Some(folder.to_str()?.split_once('=')?.0))
            .collect();
        keys == ["site", "date"]
    }

    fn is_outside(&self, (since, until): (Option<&str>, Option<&str>)) -> bool {
        // Dates of this form sort as text; Hive's name for "none" is no date.
        let Some(date) = self.date.as_deref().filter(|date| date.len() == 10) else {
            return false;
        };
        since.is_some_and(|since| date < since) || until.is_some_and(|until| date > until)
    }
}

/// The table's own columns with their types.
pub(super) fn wanted(table: Table) -> SchemaRef {
    let columns = table.columns().iter();
    let schema: Schema = columns
        .map(|column| {
            (
                PlSmallStr::from_static(column.name),
                crate::tables::data_type(column.kind),
            )
        })
        .collect();
    Arc::new(schema)
}

fn with_site(frame: LazyFrame, site: Option<&str>) -> LazyFrame {
    let site = match site {
        Some(site) => lit(site.to_owned()),
        None => lit(polars::prelude::NULL).cast(DataType::String),
    };
    frame.with_column(site.alias("site"))
}

/// Many Parquet files of one site as one scan.
fn scan(paths: Vec<PlRefPath>, wanted: &SchemaRef) -> PolarsResult<LazyFrame> {
    scan_with(paths, wanted, HiveOptions::new_disabled())
}

/// Parquet files of many sites as one scan, the site read off their paths. Every scan reads ahead on its own, so that one for each site
/// would take memory for each.
fn scan_sites(paths: Vec<PlRefPath>, wanted: &SchemaRef) -> PolarsResult<LazyFrame> {
    let partitions = ["site", "date"].map(|key| (PlSmallStr::from_static(key), DataType::String));
    let hive = HiveOptions {
        enabled: Some(true),
        hive_start_idx: 0,
        schema: Some(Arc::new(partitions.into_iter().collect())),
        try_parse_dates: false,
    };
    let columns: Vec<Expr> = wanted.iter_names().cloned().map(col).collect();
    let frame = scan_with(paths, wanted, hive)?;
    Ok(frame.select(columns.into_iter().chain([col("site")]).collect::<Vec<_>>()))
}

fn scan_with(
    paths: Vec<PlRefPath>,
    wanted: &SchemaRef,
    hive_options: HiveOptions,
) -> PolarsResult<LazyFrame> {
    let options = UnifiedScanArgs {
        schema: Some(Arc::clone(wanted)),
        hive_options,
        glob: false,
        cast_columns_policy: CastColumnsPolicy::ERROR_ON_MISMATCH,
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        ..UnifiedScanArgs::default()
    };
    let parquet = polars::io::parquet::read::ParquetOptions {
        schema: Some(Arc::clone(wanted)),
        ..Default::default()
    };
    let sources = ScanSources::Paths(paths.into_iter().collect());
    Ok(DslBuilder::scan_parquet(sources, parquet, options)?
        .build()
        .into())
}

/// Whether what the file has of the wanted columns has their types; reads the file's footer.
fn is_regular(path: &Path, wanted: &Schema) -> Result<bool, SummaryError> {
    let file = File::open(path).map_err(|cause| SummaryError::Read {
        path: shown(path),
        cause,
    })?;
    let schema = ParquetReader::new(file)
        .schema()
        .map_err(|error| SummaryError::damaged(path, &error))?;
    Ok(schema.iter_values().all(|field| {
        wanted
            .get(field.name.as_str())
            .is_none_or(|wanted| DataType::from_arrow_field(field) == *wanted)
    }))
}

fn format_of(path: &Path) -> Option<TablesFormat> {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    match path.extension()?.to_str()? {
        _ if hidden => None,
        "parquet" => Some(TablesFormat::Parquet),
        "csv" => Some(TablesFormat::Csv),
        "jsonl" | "ndjson" => Some(TablesFormat::Jsonl),
        _ => None,
    }
}

/// The table by the file's name or, failing that, by the nearest folder that bears one.
fn table_of(path: &Path) -> Option<Table> {
    let name = path.file_name()?.to_str().unwrap_or_default();
    let by_name = Table::ALL.into_iter().find(|table| {
        name.strip_prefix(table.name())
            .is_some_and(|rest| rest.starts_with(['-', '.']))
    });
    by_name.or_else(|| {
        let folders = path.parent()?.iter().rev();
        folders
            .filter_map(|folder| folder.to_str())
            .find_map(|folder| Table::ALL.into_iter().find(|table| table.name() == folder))
    })
}

/// The value of the nearest folder `key=value`.
fn partition(path: &Path, key: &str) -> Option<String> {
    let mut folders = path.parent()?.iter().rev();
    let value = folders.find_map(|folder| folder.to_str()?.strip_prefix(key))?;
    Some(value.to_owned())
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    Ok(entries)
}

/// What a list column holds.
pub(super) fn element(kind: Kind) -> Option<DataType> {
    match kind {
        Kind::Texts => Some(DataType::String),
        Kind::Numbers => Some(DataType::UInt16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_folders_say_what_a_file_is() {
        let table = |path: &str| table_of(Path::new(path));
        assert_eq!(table("a/flows-1.parquet"), Some(Table::Flows));
        assert_eq!(
            table("lookups/site=a/date=b/part-0.parquet"),
            Some(Table::Lookups)
        );
        assert_eq!(table("flows/lookups-1.csv"), Some(Table::Lookups));
        assert_eq!(table("flowsheet.csv"), None);
        let path = Path::new("flows/site=x/date=2026-11-22/a.parquet");
        assert_eq!(partition(path, "site=").as_deref(), Some("x"));
        assert_eq!(partition(path, "date=").as_deref(), Some("2026-11-22"));
        assert_eq!(format_of(Path::new("flows/.intap-1.parquet")), None);
    }

    #[test]
    fn days_outside_are_not_opened() {
        let mut sources = Sources::default();
        assert!(sources.add_file(Path::new("flows/date=2026-11-22/none.parquet")));
        assert!(sources.frame(Table::Flows, (None, None)).is_err());
        for dates in [(Some("2026-11-23"), None), (None, Some("2026-11-21"))] {
            assert!(sources.frame(Table::Flows, dates).is_ok());
        }
    }
}
