//! Tables of a run that goes on: part after part, each whole or not there, none of another run's files touched.
//!
//! In come rows and the time; out come files as [`super::TableSet`] writes them, under names that begin with the moment at
//! which a part was begun. A disk that is full, or gone, loses what was not complete yet and what comes until there is room
//! again: that is counted and told, once each time. Knows neither clock nor thread.

use super::retention::{self, Bounds};
use super::row::Row;
use super::schema::Table;
use super::writer::{self, Site, TableError, TablesFormat};
use super::{TableSet, Written};
use crate::facts::{Timestamp, printable};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// After a failure: how long until the next try, and how long the part lasts that shows whether it holds.
const RETRY: Duration = Duration::from_secs(10);

/// Room that is left to others, and to complete what is under way: a part is completed before the disk has less. On a small
/// disk it is a sixteenth.
const RESERVE: u64 = 64 << 20;
const RESERVE_SHARE: u64 = 16;

/// Rows between two looks at the room: at most some 10 MB of a file.
const ROWS_PER_LOOK: u64 = 16_384;

/// Where tables go, and how they are cut.
#[derive(Debug, Clone)]
pub struct RollingOptions {
    /// The folder.
    pub folder: PathBuf,
    /// The format.
    pub format: TablesFormat,
    /// The place of capture, for folders by site and date.
    pub site: Option<Site>,
    /// The run's name, which must be no other run's.
    pub run: String,
    /// A part is completed when it has this many rows over all tables.
    pub rows: u64,
    /// Length of a part as far as time decides; files may be this much older than [`Self::keep`].
    pub every: Duration,
    /// Age at which parts are deleted, of this run and others; `None` keeps all.
    pub keep: Option<Duration>,
    /// Octets of all parts' files at which the oldest are deleted; `None` keeps all.
    pub max_octets: Option<u64>,
}

/// What became of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A part is complete.
    Written {
        /// Its files.
        files: usize,
        /// Their rows.
        rows: u64,
    },
    /// Nothing can be written any more, for now.
    Stopped {
        /// Why, in words.
        reason: String,
    },
    /// A part was completed again.
    Resumed {
        /// Rows that are in no table since.
        lost: u64,
    },
    /// Files are out of bounds and cannot be deleted.
    NotDeleted {
        /// Which, and why.
        reason: String,
    },
}

/// Counts over a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files written.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Rows that could not be written.
    pub lost: u64,
}

/// Whether there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Writing,
    /// Nothing is tried before this moment.
    Stopped(Timestamp),
    /// It is tried, and not told yet.
    Trying,
}

struct Part {
    set: TableSet,
    begun: Timestamp,
    rows: u64,
}

/// Takes rows for as long as it likes.
pub struct RollingTables {
    options: RollingOptions,
    part: Option<Part>,
    /// Parts begun.
    number: u64,
    state: State,
    totals: Totals,
    /// Rows lost since it was told that nothing can be written.
    lost_since: u64,
    /// Tables that had rows.
    filled: BTreeSet<Table>,
    notices: Vec<Notice>,
}

impl std::fmt::Debug for RollingTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollingTables")
            .field("options", &self.options)
            .field("state", &self.state)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl RollingTables {
    /// Opens the tables; nothing is written before the first row. What is out of bounds by `now`, and what runs left unfinished
    /// when they were killed, is deleted.
    #[must_use]
    pub fn new(options: RollingOptions, now: Timestamp) -> Self {
        let mut tables = Self {
            options,
            part: None,
            number: 0,
            state: State::Writing,
            totals: Totals::default(),
            lost_since: 0,
            filled: BTreeSet::new(),
            notices: Vec::new(),
        };
        tables.tidy(now, 0);
        tables
    }

    /// Counts so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// What happened since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Whether rows are being lost.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped(_))
    }

    /// Moves time on: tries again after a failure, and sees to it that room is left.
    pub fn tick(&mut self, now: Timestamp) {
        match self.state {
            State::Stopped(until) if now >= until || now < self.begun_trying(until) => {
                self.state = match self.room() {
                    Some(room) if room.available < room.reserve.saturating_mul(2) => {
                        State::Stopped(now.plus(RETRY))
                    }
                    _ => State::Trying,
                };
            }
            State::Stopped(_) => {}
            State::Trying | State::Writing => {
                let is_over = |part: &Part| {
                    self.state == State::Trying
                        && (now < part.begun || now.since(part.begun) >= RETRY)
                };
                if self.part.as_ref().is_some_and(is_over) {
                    self.roll(now);
                } else {
                    self.leave_room(now);
                }
            }
        }
    }

    /// The moment at which the wait until `until` began: a clock that was set back is no reason to wait longer.
    fn begun_trying(&self, until: Timestamp) -> Timestamp {
        let retry = i64::try_from(RETRY.as_nanos()).unwrap_or(i64::MAX);
        Timestamp(until.0.saturating_sub(retry))
    }

    /// Adds a row.
    pub fn add(&mut self, row: Row, now: Timestamp) {
        if self.is_stopped() {
            self.lose(1);
            return;
        }
        let table = row.table();
        let part = match &mut self.part {
            Some(part) => part,
            None => {
                let name = retention::part_name(now, &self.options.run, self.number);
                self.number = self.number.saturating_add(1);
                self.part.insert(Part {
                    set: TableSet::part(&self.options, &name),
                    begun: now,
                    rows: 0,
                })
            }
        };
        part.rows = part.rows.saturating_add(1);
        let rows = part.rows;
        match part.set.add(row) {
            Ok(()) => {
                self.filled.insert(table);
            }
            Err(error) => return self.give_up(rows, &error, now),
        }
        if rows >= self.options.rows {
            self.roll(now);
        } else if rows.is_multiple_of(ROWS_PER_LOOK) {
            self.leave_room(now);
        }
    }

    /// Completes the part under way, and deletes what is out of bounds.
    pub fn roll(&mut self, now: Timestamp) {
        match self.part.take() {
            Some(part) => {
                let _ = self.complete(part, |_| false, now);
            }
            None => self.tidy(now, 0),
        }
    }

    /// Completes everything, and gives the counts; and the failure where the last part is not on disk, which everything before
    /// it is. A table that never had a row gets a file too, so that its readers find its columns.
    #[must_use]
    pub fn finish(mut self, now: Timestamp) -> (Totals, Option<TableError>) {
        let filled = std::mem::take(&mut self.filled);
        let name = retention::part_name(now, &self.options.run, self.number);
        let part = self.part.take().unwrap_or_else(|| Part {
            set: TableSet::part(&self.options, &name),
            begun: now,
            rows: 0,
        });
        let wanted = |table| !filled.contains(&table);
        let failure = self.complete(part, wanted, now).err();
        (self.totals, failure)
    }

    fn complete(
        &mut self,
        part: Part,
        wanted: impl Fn(Table) -> bool,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let Part { set, rows, .. } = part;
        let written = set.seal(wanted).and_then(|sealed| {
            let octets = sealed
                .iter()
                .filter_map(|file| file.temporary.metadata().ok())
                .map(|known| known.len())
                .fold(0, u64::saturating_add);
            self.tidy(now, octets);
            writer::publish(sealed)
        });
        match written {
            Ok(written) => {
                self.count(&written);
                Ok(())
            }
            Err(error) => {
                self.give_up(rows, &error, now);
                Err(error)
            }
        }
    }

    fn count(&mut self, written: &[Written]) {
        let rows = written
            .iter()
            .map(|file| file.rows)
            .fold(0, u64::saturating_add);
        let files = u64::try_from(written.len()).unwrap_or(u64::MAX);
        self.totals.files = self.totals.files.saturating_add(files);
        self.totals.rows = self.totals.rows.saturating_add(rows);
        if self.state == State::Trying {
            self.state = State::Writing;
            let lost = std::mem::take(&mut self.lost_since);
            self.notices.push(Notice::Resumed { lost });
        }
        if !written.is_empty() {
            self.notices.push(Notice::Written {
                files: written.len(),
                rows,
            });
        }
    }

    /// The part under way, of `rows` rows, cannot be written: it goes, and makes room.
    fn give_up(&mut self, rows: u64, error: &TableError, now: Timestamp) {
        self.part = None;
        self.lose(rows);
        self.stop(error.to_string(), now);
    }

    fn lose(&mut self, rows: u64) {
        self.totals.lost = self.totals.lost.saturating_add(rows);
        self.lost_since = self.lost_since.saturating_add(rows);
    }

    fn stop(&mut self, reason: String, now: Timestamp) {
        if self.state == State::Writing {
            self.notices.push(Notice::Stopped { reason });
        }
        self.state = State::Stopped(now.plus(RETRY));
    }

    /// Completes the part under way while there is room for it, and stops, where there is little.
    fn leave_room(&mut self, now: Timestamp) {
        let Some(room) = self
            .part
            .is_some()
            .then(|| self.room())
            .flatten()
            .filter(|room| room.available < room.reserve)
        else {
            return;
        };
        self.roll(now);
        let folder = printable(self.options.folder.as_os_str().as_encoded_bytes(), 1_024);
        let reason = format!(
            "only {} MB are free on the disk of {folder}; make room there",
            room.available / 1_000_000
        );
        self.stop(reason, now);
    }

    /// The room on the disk; `None` where the system does not say.
    fn room(&self) -> Option<Room> {
        let disk = fs4::statvfs(&self.options.folder).ok()?;
        Some(Room {
            available: disk.available_space(),
            reserve: RESERVE.min(disk.total_space() / RESERVE_SHARE),
        })
    }

    /// Deletes what is out of bounds once `octets` more are there.
    fn tidy(&mut self, now: Timestamp, octets: u64) {
        retention::clear(&self.options.folder);
        let age = self.options.keep.map(|keep| {
            let age = keep.saturating_add(self.options.every);
            i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)
        });
        let bounds = Bounds {
            oldest: age.map(|age| Timestamp(now.0.saturating_sub(age))),
            octets: self
                .options
                .max_octets
                .map(|most| most.saturating_sub(octets)),
        };
        if let Some((path, error)) = retention::tidy(&self.options.folder, &bounds).failure {
            let path = printable(path.as_os_str().as_encoded_bytes(), 1_024);
            let reason = format!("{path} is out of bounds and could not be deleted ({error})");
            self.notices.push(Notice::NotDeleted { reason });
        }
    }
}

/// How full the disk is, in octets.
#[derive(Debug, Clone, Copy)]
struct Room {
    available: u64,
    reserve: u64,
}

#[cfg(test)]
mod tests {
    use super::super::row::RowBuilder;
    use super::*;
    use std::fs;
    use std::path::Path;

    fn tables(folder: &Path, rows: u64) -> RollingTables {
        let options = RollingOptions {
            folder: folder.to_owned(),
            format: TablesFormat::Jsonl,
            site: None,
            run: "0123456789abcdef".to_owned(),
            rows,
            every: Duration::from_secs(3_600),
            keep: None,
            max_octets: None,
        };
        RollingTables::new(options, at(0))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(1_795_363_200 + second, 0)
    }

    fn row() -> Row {
        RowBuilder::new(Table::Lookups).finish(Some(at(0)))
    }

    fn lines(folder: &Path) -> Vec<usize> {
        let entries = fs::read_dir(folder.join("lookups")).into_iter().flatten();
        let mut counts: Vec<usize> = entries
            .map(|entry| {
                fs::read_to_string(entry.unwrap().path())
                    .unwrap()
                    .lines()
                    .count()
            })
            .collect();
        counts.sort_unstable();
        counts
    }

    #[test]
    fn a_part_ends_with_its_rows_and_when_told_to() {
        let place = tempfile::tempdir().unwrap();
        let mut tables = tables(place.path(), 1_000);
        for _ in 0..2_300 {
            tables.add(row(), at(1));
        }
        assert_eq!(lines(place.path()), [0, 1_000, 1_000], "one is unfinished");
        tables.roll(at(2));
        assert_eq!(lines(place.path()), [300, 1_000, 1_000]);
        tables.roll(at(3));
        let (totals, failure) = tables.finish(at(4));
        assert!(failure.is_none());
        // The other tables have a file each, without rows.
        let files = 3 + u64::try_from(Table::ALL.len()).unwrap() - 1;
        assert_eq!((totals.rows, totals.lost, totals.files), (2_300, 0, files));
        assert_eq!(fs::read_dir(place.path().join("flows")).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_is_told_once_and_counted_until_a_part_is_complete_again() {
        let place = tempfile::tempdir().unwrap();
        let mut tables = tables(place.path(), 1_000);
        let obstacle = place.path().join("lookups");
        fs::write(&obstacle, "a file where a folder should be").unwrap();
        tables.add(row(), at(1));
        let first = tables.take_notices();
        assert!(
            matches!(first.as_slice(), [Notice::Stopped { .. }]),
            "{first:?}"
        );
        assert!(tables.is_stopped());
        tables.add(row(), at(2));
        tables.tick(at(3));
        tables.add(row(), at(4));
        // The next try fails as well, in silence.
        tables.tick(at(12));
        assert!(!tables.is_stopped());
        tables.add(row(), at(12));
        assert!(tables.is_stopped());
        fs::remove_file(&obstacle).unwrap();
        tables.tick(at(23));
        tables.add(row(), at(24));
        tables.tick(at(30));
        assert_eq!(tables.take_notices(), [], "nothing is complete yet");
        tables.tick(at(34));
        let told = tables.take_notices();
        assert_eq!(
            told,
            [
                Notice::Resumed { lost: 4 },
                Notice::Written { files: 1, rows: 1 }
            ]
        );
        // A clock that is set back holds nothing up.
        tables.add(row(), at(35));
        fs::remove_dir_all(&obstacle).unwrap();
        fs::write(&obstacle, "").unwrap();
        tables.roll(at(36));
        assert!(tables.is_stopped());
        tables.tick(at(-3_600));
        assert!(!tables.is_stopped());
        let (totals, failure) = tables.finish(at(40));
        assert_eq!(totals.lost, 5);
        assert!(
            failure.is_none(),
            "only tables that never had a row get a file"
        );
    }
}
