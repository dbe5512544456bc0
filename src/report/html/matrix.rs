//! The coverage matrix: devices by endpoint sets, and the verdict where they meet.
//!
//! A few devices stand side by side, with words in each cell; more become rows of marks.

use super::{Mark, NAME_CHARACTERS, shortened};
use crate::audit::{ClientReport, SetReport, Verdict};
use crate::catalog::{FeatureArea, SetKey};
use crate::report::wording;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Devices that stand side by side.
const COLUMNS: usize = 5;

/// The matrix.
#[derive(Debug)]
pub struct Matrix<'r> {
    pub heads: Vec<Head>,
    pub areas: Vec<Area<'r>>,
    /// Sets that no device of the page needed or tried.
    pub untouched: Vec<SetLine<'r>>,
    /// Devices as rows, when they are too many to stand side by side.
    pub wide: Option<Vec<DeviceMarks>>,
}

/// A device as column.
#[derive(Debug)]
pub struct Head {
    pub number: usize,
    pub address: String,
}

/// The sets of one feature area.
#[derive(Debug)]
pub struct Area<'r> {
    pub title: &'static str,
    pub sets: Vec<SetLine<'r>>,
}

/// A set as row.
#[derive(Debug)]
pub struct SetLine<'r> {
    pub key: String,
    pub description: Cow<'r, str>,
    pub cells: Vec<Option<Cell<'r>>>,
}

/// What one device had of one set.
#[derive(Debug)]
pub struct Cell<'r> {
    pub mark: Mark,
    pub need: &'static str,
    pub reason: &'static str,
    pub host: Cow<'r, str>,
    pub more_hosts: usize,
}

/// A device as row.
#[derive(Debug)]
pub struct DeviceMarks {
    pub number: usize,
    pub address: String,
    pub cells: Vec<Option<Mark>>,
}

impl<'r> Matrix<'r> {
    /// The matrix of the devices of a page.
    #[must_use]
    pub fn of(clients: &[&'r ClientReport]) -> Self {
        let by_key: Vec<BTreeMap<&SetKey, &'r SetReport>> = clients
            .iter()
            .map(|client| client.sets.iter().map(|set| (&set.key, set)).collect())
            .collect();
        let mut sets: BTreeMap<&SetKey, (&'r SetReport, bool)> = BTreeMap::new();
        for (key, set) in by_key.iter().flatten() {
            let touched = is_touched(set);
            sets.entry(key)
                .and_modify(|known| known.1 |= touched)
                .or_insert((set, touched));
        }
        let wide = clients.len() > COLUMNS;
        let line = |key: &SetKey, set: &'r SetReport, with_cells: bool| SetLine {
            key: key.to_string(),
            description: shortened(&set.description, NAME_CHARACTERS),
            cells: by_key
                .iter()
                .take(if with_cells { COLUMNS } else { 0 })
                .map(|sets| sets.get(key).map(|set| Cell::of(set)))
                .collect(),
        };
        let mut columns: Vec<&SetKey> = Vec::new();
        let mut areas = Vec::new();
        for area in FeatureArea::ALL {
            let touched: Vec<(&SetKey, &'r SetReport)> = sets
                .iter()
                .filter(|(_, (set, touched))| *touched && set.feature_area == *area)
                .map(|(key, (set, _))| (*key, *set))
                .collect();
            columns.extend(touched.iter().map(|(key, _)| *key));
            if !touched.is_empty() {
                areas.push(Area {
                    title: area.title(),
                    sets: touched
                        .into_iter()
                        .map(|(key, set)| line(key, set, !wide))
                        .collect(),
                });
            }
        }
        Self {
            heads: heads(clients),
            areas,
            untouched: sets
                .iter()
                .filter(|(_, (_, touched))| !touched)
                .map(|(key, (set, _))| line(key, set, false))
                .collect(),
            wide: wide.then(|| {
                (1..)
                    .zip(clients.iter().zip(&by_key))
                    .map(|(number, (client, sets))| DeviceMarks {
                        number,
                        address: address(client),
                        cells: columns
                            .iter()
                            .map(|key| sets.get(key).map(|set| Mark::of(set.verdict)))
                            .collect(),
                    })
                    .collect()
            }),
        }
    }
}

impl<'r> Cell<'r> {
    fn of(set: &'r SetReport) -> Self {
        let told =
            |verdict: Verdict| set.verdict == Verdict::Reached || verdict != Verdict::Reached;
        let mut hosts = set.hosts().filter(|host| told(host.judged.verdict));
        let host = hosts.next().map_or(Cow::Borrowed(""), |host| {
            shortened(&host.name, NAME_CHARACTERS)
        });
        Self {
            mark: Mark::of(set.verdict),
            need: wording::need(set.requirement),
            reason: wording::reason(set),
            host,
            more_hosts: hosts.count(),
        }
    }
}

/// Some device needed or tried it.
fn is_touched(set: &SetReport) -> bool {
    !set.hosts.is_empty() || set.verdict != Verdict::NotExercised
}

fn heads(clients: &[&ClientReport]) -> Vec<Head> {
    (1..)
        .zip(clients.iter().take(COLUMNS))
        .map(|(number, client)| Head {
            number,
            address: address(client),
        })
        .collect()
}

fn address(client: &ClientReport) -> String {
    client
        .addresses
        .first()
        .map_or(String::new(), ToString::to_string)
}
