//! Which files of parts go when they are old or too many: our own, by their names, and nothing behind a link.
//!
//! A part is all files of one stretch of time of one run, and goes as a whole, so that sums over the tables stay those of whole
//! stretches.

use super::partition::UNFINISHED_PART;
use super::schema::Table;
use crate::facts::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// An unfinished file that nobody holds is left alone for this long: whoever made it may be about to.
const JUST_MADE: Duration = Duration::from_secs(60);

/// What may stay.
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds {
    /// Parts begun before this moment go.
    pub oldest: Option<Timestamp>,
    /// The oldest parts go until the files of those left are no larger together, in octets.
    pub octets: Option<u64>,
}

/// What was deleted.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    /// Tables.
    pub files: u64,
    /// The first failure.
    pub failure: Option<(PathBuf, io::Error)>,
}

/// The name of a part: its beginning, so that names sort by time, the run, and its number in the run.
pub(super) fn part_name(begun: Timestamp, run: &str, number: u64) -> String {
    format!("live-{}-{run}-{number}", stamp(begun))
}

/// A moment to the second as `20261122T160000Z`.
fn stamp(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.get(..19).unwrap_or(&text);
    let mut stamp: String = seconds
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    stamp.push('Z');
    stamp
}

/// The part that a file of this name belongs to, from its beginning on; `None` for a file that is none of ours.
fn part_of(name: &str, table: Table) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let part = stem
        .strip_prefix(table.name())?
        .strip_prefix("-live-")
        .filter(|_| matches!(extension, "parquet" | "csv" | "jsonl"))?;
    let (part, file) = part.rsplit_once('-')?;
    let mut fields = part.split('-');
    let (begun, run, number) = (fields.next()?, fields.next()?, fields.next()?);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let is_stamp = begun.len() == 16
        && begun.bytes().enumerate().all(|(place, octet)| match place {
            8 => octet == b'T',
            15 => octet == b'Z',
            _ => octet.is_ascii_digit(),
        });
    let is_run = run.len() == 16 && run.bytes().all(|octet| octet.is_ascii_hexdigit());
    (is_stamp && is_run && digits(number) && digits(file) && fields.next().is_none())
        .then_some(part)
}

/// The folders of one table's files: its own, and those of sites and dates in it.
fn folders(folder: &Path, table: Table) -> Vec<PathBuf> {
    let own = folder.join(table.name());
    if !fs::symlink_metadata(&own).is_ok_and(|known| known.is_dir()) {
        return Vec::new();
    }
    let mut all = vec![own.clone()];
    for site in subfolders(&own, "site=") {
        all.extend(subfolders(&site, "date="));
    }
    all
}

fn subfolders(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    entries(folder)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with(prefix))
        })
        .map(|entry| entry.path())
        .collect()
}

/// What is in a folder; nothing where it cannot be read.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// Deletes the parts below `folder` that are out of `bounds`, and the folders of dates that it empties.
pub(super) fn tidy(folder: &Path, bounds: &Bounds) -> Deleted {
    let mut deleted = Deleted::default();
    if bounds.oldest.is_none() && bounds.octets.is_none() {
        return deleted;
    }
    let mut parts: BTreeMap<String, Vec<(PathBuf, u64)>> = BTreeMap::new();
    let mut total = 0_u64;
    for table in Table::ALL {
        for entry in folders(folder, table).iter().flat_map(|one| entries(one)) {
            let name = entry.file_name();
            // Neither asks what a link points to.
            let Some(known) = entry.metadata().ok().filter(fs::Metadata::is_file) else {
                continue;
            };
            if let Some(part) = name.to_str().and_then(|name| part_of(name, table)) {
                total = total.saturating_add(known.len());
                let files = parts.entry(part.to_owned()).or_default();
                files.push((entry.path(), known.len()));
            }
        }
    }
    let oldest = bounds.oldest.map(stamp);
    let mut emptied = BTreeSet::new();
    for (part, files) in parts {
        let is_old = oldest.as_ref().is_some_and(|oldest| part < *oldest);
        if !is_old && bounds.octets.is_none_or(|most| total <= most) {
            break;
        }
        for (path, octets) in files {
            match fs::remove_file(&path) {
                Ok(()) => {
                    deleted.files = deleted.files.saturating_add(1);
                    total = total.saturating_sub(octets);
                    emptied.extend(path.parent().map(Path::to_path_buf));
                }
                Err(error) => deleted.failure = deleted.failure.or(Some((path, error))),
            }
        }
    }
    for folder in emptied {
        let is_date = folder
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"date="));
        // It stays where something else is in it.
        if is_date {
            let _ = fs::remove_dir(folder);
        }
    }
    deleted
}

/// Deletes unfinished files that a run left behind when it was killed: those that nobody holds.
pub(super) fn clear(folder: &Path) {
    for table in Table::ALL {
        for entry in folders(folder, table).iter().flat_map(|one| entries(one)) {
            let is_unfinished = entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with(UNFINISHED_PART) && name.ends_with(".tmp"));
            if is_unfinished && is_abandoned(&entry) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn is_abandoned(entry: &DirEntry) -> bool {
    let old = |known: fs::Metadata| {
        let age = SystemTime::now().duration_since(known.modified().ok()?);
        (known.is_file() && age.ok()? >= JUST_MADE).then_some(())
    };
    entry.metadata().ok().and_then(old).is_some()
        && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "0123456789abcdef";

    fn make(folder: &Path, place: &str, octets: usize) -> PathBuf {
        let path = folder.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![0; octets]).unwrap();
        path
    }

    #[test]
    fn only_our_names_are_ours() {
        let begun = Timestamp::from_parts(1_795_363_200, 123);
        let part = part_name(begun, RUN, 7);
        assert_eq!(part, format!("live-20261122T160000Z-{RUN}-7"));
        let file = format!("flows-{part}-0.parquet");
        let expected = format!("20261122T160000Z-{RUN}-7");
        assert_eq!(part_of(&file, Table::Flows), Some(expected.as_str()));
        assert_eq!(part_of(&file, Table::Lookups), None);
        for other in [
            "flows-0123456789abcdef-0.parquet",
            "flows-live-20261122T160000Z-0123456789abcdef-7-0.txt",
            "flows-live-20261122T160000Z-0123456789abcdef-7.parquet",
            "flows-live-20261122T160000Z-0123456789abcdef-7-0-1.parquet",
            "flows-live-2026-11-22-0123456789abcdef-7-0.parquet",
            "flows-live-20261122T160000Z-notes-about-it-0.parquet",
            "flows-live-20261122T160000Z-0123456789abcdef-7-x.parquet",
            "flows-live-.parquet",
            "flows.parquet",
        ] {
            assert_eq!(part_of(other, Table::Flows), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_oldest_parts_go_whole_and_nothing_else_does() {
        let place = tempfile::tempdir().unwrap();
        let (folder, outside) = (place.path().join("t"), place.path().join("outside"));
        let name = |table: &str, day: u32| {
            format!("{table}-live-202611{day:02}T000000Z-{RUN}-{day}-0.parquet")
        };
        let at = |table: &str, day: u32| {
            let name = name(table, day);
            make(
                &folder,
                &format!("{table}/site=a/date=2026-11-{day:02}/{name}"),
                1_000,
            )
        };
        let days: Vec<[PathBuf; 2]> = (1..=4)
            .map(|day| [at("flows", day), at("verdicts", day)])
            .collect();
        let audited = make(&folder, &format!("flows/flows-{RUN}-0.parquet"), 9_000);
        let note = make(&folder, "flows/site=a/date=2026-11-02/note.txt", 1);
        let linked = make(&outside, &name("lookups", 1), 1_000);
        std::os::unix::fs::symlink(&outside, folder.join("lookups")).unwrap();
        let link = folder.join("findings").join(name("findings", 1));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&linked, &link).unwrap();

        let none = tidy(&folder, &Bounds::default());
        assert_eq!(none.files, 0);
        // 2026-11-02T00:00:01Z: the first two days are older.
        let oldest = Some(Timestamp::from_parts(1_793_577_601, 0));
        let bounds = Bounds {
            oldest,
            octets: None,
        };
        let old = tidy(&folder, &bounds);
        assert_eq!((old.files, old.failure.is_none()), (4, true));
        let full = tidy(
            &folder,
            &Bounds {
                oldest: None,
                octets: Some(3_999),
            },
        );
        assert_eq!(full.files, 2, "a part goes whole");
        for gone in days[..3].iter().flatten() {
            assert!(!gone.exists(), "{gone:?}");
        }
        assert!(!folder.join("flows/site=a/date=2026-11-01").exists());
        for kept in days[3].iter().chain([&audited, &note, &linked, &link]) {
            assert!(kept.exists(), "{kept:?}");
        }
    }

    #[test]
    fn what_a_killed_run_left_goes_and_what_is_being_written_stays() {
        let place = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(3_600);
        let left = |name: &str| {
            let path = make(place.path(), &format!("flows/{name}"), 5);
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(long_ago).unwrap();
            (path, file)
        };
        let (abandoned, file) = left(".intap-live-a.tmp");
        drop(file);
        let (held, file) = left(".intap-live-b.tmp");
        file.lock().unwrap();
        let (of_an_audit, _) = left(".intap-c.tmp");
        let fresh = make(place.path(), "flows/.intap-live-d.tmp", 5);
        clear(place.path());
        assert!(!abandoned.exists());
        for kept in [held, of_an_audit, fresh] {
            assert!(kept.exists(), "{kept:?}");
        }
    }
}
