//! What the screen shows and what was typed.

use super::sentence::{Sentence, device};
use crate::audit::Verdict;
use crate::catalog::{FeatureArea, SetKey};
use crate::facts::Timestamp;
use crate::live::{AreaStatus, ClientStatus, Event, SetTotal, Snapshot};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Events remembered.
const EVENTS: usize = 1_000;

/// One point of a trend.
const TREND_STEP: Duration = Duration::from_secs(15);

/// Points of a trend: a quarter of an hour.
const TREND_POINTS: usize = 60;

/// Longest filter that is typed.
const LONGEST_FILTER: usize = 60;

/// Rows a page key moves by.
const PAGE: isize = 10;

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// Feature areas.
    Areas,
    /// Devices.
    Devices,
    /// Events.
    Events,
}

/// What is shown in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Detail {
    /// The device that has this address.
    Device(IpAddr),
    /// A feature area with its endpoint sets.
    Area(FeatureArea),
    /// One endpoint set of a feature area with its hosts.
    Set(FeatureArea, SetKey),
}

/// What the columns of feature areas count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// Devices by verdict.
    Devices,
    /// Attempts and octets.
    Traffic,
}

/// Frames and octets a second, between the two newest snapshots.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    pub(super) frames: u64,
    pub(super) octets: u64,
}

/// Everything there is to draw.
#[derive(Debug)]
pub struct State {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) events: VecDeque<Sentence>,
    pub(super) rate: Rate,
    /// Devices in trouble, per area, oldest first.
    pub(super) trends: BTreeMap<FeatureArea, VecDeque<u64>>,
    last_point: Timestamp,
    pub(super) pane: Pane,
    chosen_area: Option<FeatureArea>,
    chosen_device: Option<IpAddr>,
    /// Rows from the newest event.
    chosen_event: usize,
    pub(super) detail: Option<Detail>,
    /// Position among the endpoint sets of the feature area that is shown in detail.
    chosen_set: usize,
    pub(super) columns: Columns,
    /// Rows of a detail or of the help that are scrolled away.
    pub(super) scrolled: usize,
    pub(super) filter: String,
    pub(super) typing: bool,
    pub(super) help: bool,
    /// While paused: what would be shown otherwise.
    pub(super) held: Option<Held>,
    quit: bool,
    changed: bool,
    pub(super) colour: bool,
}

/// What came while the screen stood still.
#[derive(Debug)]
pub(super) struct Held {
    snapshot: Arc<Snapshot>,
    events: VecDeque<Sentence>,
}

impl State {
    /// A screen that begins with `snapshot`; colour only where it is wanted.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, colour: bool) -> Self {
        Self {
            snapshot,
            events: VecDeque::new(),
            rate: Rate::default(),
            trends: BTreeMap::new(),
            last_point: Timestamp(i64::MIN),
            pane: Pane::Devices,
            chosen_area: None,
            chosen_device: None,
            chosen_event: 0,
            detail: None,
            chosen_set: 0,
            columns: Columns::Devices,
            scrolled: 0,
            filter: String::new(),
            typing: false,
            help: false,
            held: None,
            quit: false,
            changed: true,
            colour,
        }
    }

    /// Takes the newest snapshot.
    pub fn take_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.take_trends(&snapshot);
        if let Some(held) = &mut self.held {
            held.snapshot = snapshot;
        } else if snapshot.time != self.snapshot.time {
            self.show(snapshot);
        }
    }

    /// Takes events, in their order.
    pub fn take_events(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            let sentence = Sentence::of(&event);
            let events = match &mut self.held {
                Some(held) => &mut held.events,
                None => {
                    self.changed = true;
                    // Who has scrolled back goes on reading the same line.
                    if self.chosen_event > 0 {
                        self.chosen_event = self.chosen_event.saturating_add(1);
                    }
                    &mut self.events
                }
            };
            if events.len() >= EVENTS {
                events.pop_front();
            }
            events.push_back(sentence);
        }
    }

    fn show(&mut self, snapshot: Arc<Snapshot>) {
        let nanos = snapshot.time.since(self.snapshot.time).as_nanos();
        if nanos > 0 {
            let per_second = |new: u64, old: u64| {
                let count = u128::from(new.saturating_sub(old)) * 1_000_000_000 / nanos;
                u64::try_from(count).unwrap_or(u64::MAX)
            };
            self.rate = Rate {
                frames: per_second(snapshot.frames, self.snapshot.frames),
                octets: per_second(snapshot.octets, self.snapshot.octets),
            };
        }
        self.snapshot = snapshot;
        self.changed = true;
    }

    fn take_trends(&mut self, snapshot: &Snapshot) {
        if snapshot.time.since(self.last_point) < TREND_STEP {
            return;
        }
        self.last_point = snapshot.time;
        for area in &snapshot.areas {
            self.trends.entry(area.area).or_default();
        }
        for (area, points) in &mut self.trends {
            let known = snapshot.areas.iter().find(|known| known.area == *area);
            if points.len() >= TREND_POINTS {
                points.pop_front();
            }
            points.push_back(known.map_or(0, |known| {
                known
                    .blocked
                    .saturating_add(known.intercepted)
                    .saturating_add(known.degraded)
            }));
        }
    }

    /// Takes a key. A key that is let go of again says nothing.
    pub fn take_key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.changed = true;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => self.quit = true,
            KeyCode::Char('l') if control => {}
            code if self.typing => self.type_filter(code),
            _ if self.help => {
                self.help = false;
                self.scrolled = 0;
            }
            KeyCode::Char('q') => self.quit = true,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => {
                self.help = true;
                self.scrolled = 0;
            }
            KeyCode::Char('p' | ' ') => self.toggle_pause(),
            KeyCode::Char('/') => {
                self.detail = None;
                self.typing = true;
            }
            KeyCode::Char('t') => {
                self.columns = match self.columns {
                    Columns::Devices => Columns::Traffic,
                    Columns::Traffic => Columns::Devices,
                };
            }
            KeyCode::Esc | KeyCode::Backspace if self.detail.is_some() => self.close(),
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Enter => self.open(),
            KeyCode::Tab | KeyCode::Right => self.pane = self.pane.next(),
            KeyCode::BackTab | KeyCode::Left => self.pane = self.pane.next().next(),
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::PageUp => self.move_by(-PAGE),
            KeyCode::PageDown => self.move_by(PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.move_by(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.move_by(isize::MAX),
            _ => {}
        }
    }

    /// Something outside changed, such as the size of the terminal.
    pub fn draw_again(&mut self) {
        self.changed = true;
    }

    /// True once for each change since the last call.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether the reader wants to end.
    #[must_use]
    pub fn wants_to_quit(&self) -> bool {
        self.quit
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(character)
                if !character.is_control() && self.filter.chars().count() < LONGEST_FILTER =>
            {
                self.filter.push(character);
            }
            _ => {}
        }
    }

    fn toggle_pause(&mut self) {
        match self.held.take() {
            Some(held) => {
                self.show(held.snapshot);
                self.events = held.events;
            }
            None => {
                self.held = Some(Held {
                    snapshot: Arc::clone(&self.snapshot),
                    events: self.events.clone(),
                });
            }
        }
    }

    /// Back to where the detail was opened.
    fn close(&mut self) {
        self.scrolled = 0;
        self.detail = match &self.detail {
            Some(Detail::Set(area, _)) => Some(Detail::Area(*area)),
            _ => None,
        };
    }

    fn open(&mut self) {
        if let Some(Detail::Area(area)) = self.detail {
            let chosen = self.sets_of(area).nth(self.set_row(area));
            if let Some(set) = chosen.map(|total| total.set.clone()) {
                self.detail = Some(Detail::Set(area, set));
                self.scrolled = 0;
                return;
            }
        }
        if self.detail.is_some() {
            return self.close();
        }
        self.scrolled = 0;
        self.chosen_set = 0;
        self.detail = match self.pane {
            Pane::Areas => self
                .shown_areas()
                .get(self.area_row())
                .map(|area| Detail::Area(area.area)),
            Pane::Devices => self
                .shown_devices()
                .get(self.device_row())
                .and_then(|device| device.addresses.first().copied())
                .map(Detail::Device),
            Pane::Events => self
                .shown_events()
                .nth(self.chosen_event)
                .and_then(|event| event.addresses.first().copied())
                .map(Detail::Device),
        };
    }

    fn move_by(&mut self, rows: isize) {
        let moved = |row: usize, count: usize| {
            let last = count.saturating_sub(1);
            row.min(last).saturating_add_signed(rows).min(last)
        };
        if let Some(Detail::Area(area)) = self.detail
            && self.choose_set(area, rows)
        {
            return;
        }
        if self.detail.is_some() {
            self.scrolled = self.scrolled.saturating_add_signed(rows).min(10_000);
            return;
        }
        match self.pane {
            Pane::Areas => {
                let areas = self.shown_areas();
                let row = moved(self.area_row(), areas.len());
                self.chosen_area = areas.get(row).map(|area| area.area);
            }
            Pane::Devices => {
                let devices = self.shown_devices();
                let row = moved(self.device_row(), devices.len());
                self.chosen_device = devices
                    .get(row)
                    .and_then(|device| device.addresses.first().copied());
            }
            Pane::Events => {
                self.chosen_event = moved(self.chosen_event, self.shown_events().count());
            }
        }
    }

    /// Chooses the endpoint set above or below, as long as there is one and no line is scrolled away. False where the page is to
    /// be scrolled instead.
    fn choose_set(&mut self, area: FeatureArea, rows: isize) -> bool {
        let (row, count) = (self.set_row(area), self.sets_of(area).count());
        let next = row.checked_add_signed(rows).filter(|row| *row < count);
        if rows.unsigned_abs() != 1 || self.scrolled > 0 {
            return false;
        }
        if let Some(next) = next {
            self.chosen_set = next;
        }
        next.is_some()
    }

    /// Endpoint sets of a feature area that any device tried.
    pub(super) fn sets_of(&self, area: FeatureArea) -> impl Iterator<Item = &SetTotal> {
        let sets = self.snapshot.sets.iter();
        sets.filter(move |total| total.devices.area == area)
    }

    /// The endpoint set that is chosen in the details of a feature area.
    pub(super) fn set_row(&self, area: FeatureArea) -> usize {
        let last = self.sets_of(area).count().saturating_sub(1);
        self.chosen_set.min(last)
    }

    /// Whether a text is what is looked for.
    fn fits(&self, texts: &[&str]) -> bool {
        let wanted = self.filter.to_lowercase();
        wanted.is_empty()
            || texts
                .iter()
                .any(|text| text.to_lowercase().contains(&wanted))
    }

    /// Feature areas that fit the filter, or that a device which fits has tried.
    pub(super) fn shown_areas(&self) -> Vec<&AreaStatus> {
        let devices = self.shown_devices();
        self.snapshot
            .areas
            .iter()
            .filter(|area| {
                self.fits(&[area.area.title(), area.area.name()])
                    || devices
                        .iter()
                        .any(|device| device.sets.iter().any(|set| set.area == area.area))
            })
            .collect()
    }

    /// Devices that fit the filter, worst first.
    pub(super) fn shown_devices(&self) -> Vec<&ClientStatus> {
        let mut devices: Vec<&ClientStatus> = self
            .snapshot
            .clients
            .iter()
            .filter(|client| {
                let name = device(&client.addresses, client.name.as_ref());
                self.fits(&[&name])
                    || client
                        .addresses
                        .iter()
                        .any(|address| self.fits(&[&address.to_string()]))
                    || client.sets.iter().any(|set| {
                        self.fits(&[
                            &set.host,
                            set.area.title(),
                            set.cause.map_or("", crate::audit::Cause::phrase),
                        ])
                    })
            })
            .collect();
        devices.sort_by_cached_key(|client| {
            let blocked = client.sets.iter().filter(|set| set.blocked_now).count();
            std::cmp::Reverse((blocked, standing(client)))
        });
        devices
    }

    /// Events that fit the filter, newest first.
    pub(super) fn shown_events(&self) -> impl Iterator<Item = &Sentence> {
        self.events.iter().rev().filter(|event| {
            self.fits(&[&event.text, &event.host, &event.device])
                || event
                    .addresses
                    .iter()
                    .any(|address| self.fits(&[&address.to_string()]))
        })
    }

    pub(super) fn area_row(&self) -> usize {
        let areas = self.shown_areas();
        let found = |area| areas.iter().position(|known| known.area == area);
        self.chosen_area.and_then(found).unwrap_or(0)
    }

    pub(super) fn device_row(&self) -> usize {
        let devices = self.shown_devices();
        let found = |address| {
            devices
                .iter()
                .position(|device| device.addresses.contains(&address))
        };
        self.chosen_device.and_then(found).unwrap_or(0)
    }

    pub(super) fn event_row(&self) -> usize {
        self.chosen_event
    }
}

impl Pane {
    fn next(self) -> Self {
        match self {
            Self::Areas => Self::Devices,
            Self::Devices => Self::Events,
            Self::Events => Self::Areas,
        }
    }
}

/// How a device stands: blocked when a host of it is, and else the worst verdict in the window.
pub(super) fn standing(client: &ClientStatus) -> Verdict {
    if client.sets.iter().any(|set| set.blocked_now) {
        return Verdict::Blocked;
    }
    let worst = client.sets.iter().filter_map(|set| set.in_window).max();
    worst.unwrap_or(Verdict::Inconclusive)
}
