//! `--tables`: a thread that writes what ended as it ends, and how everything stands at the end of each period.
//!
//! Judging never waits for a disk: when the thread falls behind, what ended waits in bounded room at the auditor, and what
//! finds no room there is counted and told.

use super::settings::Settings;
use crate::audit::{AuditReport, Auditor, Ended, TablesPlace};
use crate::catalog::Catalog;
use crate::cli::tables::{Format, new_run};
use crate::facts::{CaptureSummary, Timestamp, printable};
use crate::live::{EventKind, Monitor, sandbox};
use crate::tables::{Notice, RollingOptions, RollingTables, RowMaker, Totals};
use anyhow::{Context, bail};
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::{error, info, warn};

/// A part lasts this long unless another time is asked for.
const EVERY: Duration = Duration::from_secs(3_600);

/// Shortest and longest part: shorter ones would be many tiny files, longer ones lose more when the machine stops.
const EVERY_RANGE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(86_400)];

/// Rows of a part: some hundred megabytes.
const ROWS: u32 = 2_000_000;

/// Least octets of `--max-bytes`: a few parts of a small site.
const LEAST_OCTETS: u64 = 1_000_000;

/// Flows, and lookups, handed over at once.
const BATCH: usize = 256;

/// Messages under way: some 10,000 rows, about 20 MB at worst.
const MESSAGES: usize = 20;

/// Rows that were not kept are told at most this often.
const REFUSED_EVERY: Duration = Duration::from_secs(60);

/// What the thread is told.
enum Message {
    Ended(Box<Ended>, Arc<Catalog>, Timestamp),
    /// A period is over; a report can be made of the state.
    Roll(
        Box<(Auditor<'static>, CaptureSummary)>,
        Arc<Catalog>,
        Timestamp,
    ),
    Tick(Timestamp),
}

/// Checked options.
#[derive(Debug)]
pub struct Plan(RollingOptions);

impl Plan {
    /// What was asked for, if anything.
    ///
    /// # Errors
    ///
    /// A value is out of its range, or concerns tables that were not asked for.
    pub fn of(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(folder) = settings.tables.clone() else {
            let needs_tables = [
                ("--tables-format", settings.tables_format.is_some()),
                ("--tables-every", settings.tables_every.is_some()),
                ("--tables-rows", settings.tables_rows.is_some()),
                ("--site", settings.site.is_some()),
                ("--keep", settings.keep.is_some()),
                ("--max-bytes", settings.max_bytes.is_some()),
            ];
            return match needs_tables.into_iter().find(|(_, given)| *given) {
                Some((name, _)) => bail!("{name} is about tables; say where with --tables FOLDER"),
                None => Ok(None),
            };
        };
        if folder.as_os_str().is_empty() {
            bail!("--tables: a folder without a name; write . for this one");
        }
        let every = settings.tables_every.map_or(EVERY, |span| span.0);
        let [shortest, longest] = EVERY_RANGE;
        if every < shortest || every > longest {
            bail!(
                "--tables-every: longer than a day; all of it would be lost when the machine stops. Write at most 1d"
            );
        }
        let max_octets = settings.max_bytes.map(|octets| octets.0);
        if max_octets.is_some_and(|octets| octets < LEAST_OCTETS) {
            bail!("--max-bytes: less than 1MB holds no tables; write for example 10GB");
        }
        let keep = settings.keep.map(|age| age.0);
        if keep.is_some_and(|keep| keep < every) {
            bail!(
                "--keep is shorter than --tables-every: tables would go as soon as they are written"
            );
        }
        Ok(Some(Self(RollingOptions {
            folder,
            format: settings.tables_format.unwrap_or(Format::Parquet).into(),
            site: settings.site.clone(),
            run: new_run(),
            rows: u64::from(settings.tables_rows.unwrap_or(ROWS)),
            every,
            keep,
            max_octets,
        })))
    }

    /// Makes the folder, for the user to become if it was not there. Done while all rights are there.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn make_folder(&self, user: Option<&str>) -> anyhow::Result<()> {
        let folder = &self.0.folder;
        let place = || format!("--tables {}", folder.display());
        if folder.exists() {
            return Ok(());
        }
        fs::create_dir_all(folder).with_context(|| {
            format!(
                "{}: the folder cannot be made; name one in a place that you may write to",
                place()
            )
        })?;
        if let Some(user) = user {
            sandbox::give_to(folder, user).with_context(place)?;
        }
        Ok(())
    }

    /// Finds out now, not after an hour, that nothing can be written, and starts the thread.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to.
    pub fn start(self, now: Timestamp) -> anyhow::Result<Tables> {
        let folder = &self.0.folder;
        tempfile::Builder::new()
            .prefix(".intap-")
            .tempfile_in(folder)
            .with_context(|| {
                format!(
                    "--tables {}: no table can be written there; give a folder that the user intap runs as may write to",
                    folder.display()
                )
            })?;
        let folder = printable(folder.as_os_str().as_encoded_bytes(), 1_024).to_string();
        let every = self.0.every;
        let (sender, receiver) = sync_channel(MESSAGES);
        let (teller, notices) = channel();
        let options = self.0;
        let thread = std::thread::Builder::new()
            .name("tables".to_owned())
            .spawn(move || write(RollingTables::new(options, now), &receiver, &teller))
            .context("--tables")?;
        let mut tables = Tables {
            folder,
            every,
            period: 0,
            sender: Some(sender),
            waiting: None,
            notices,
            thread: Some(thread),
            ticked: now,
            snapped: Timestamp(i64::MIN),
            refused: 0,
            refused_told: Timestamp(i64::MIN),
            last_complaint: String::new(),
        };
        tables.period = tables.period_of(now);
        Ok(tables)
    }
}

/// The thread: writes what comes until nothing does any more.
fn write(
    mut tables: RollingTables,
    receiver: &Receiver<Message>,
    notices: &Sender<Notice>,
) -> RollingTables {
    for message in receiver {
        match message {
            Message::Ended(ended, catalog, now) => {
                let maker = RowMaker::of_ended(&ended, &catalog);
                for flow in &ended.flows {
                    tables.add(maker.flow(flow), now);
                }
                for lookup in &ended.lookups {
                    tables.add(maker.lookup(lookup), now);
                }
            }
            Message::Roll(state, catalog, now) => {
                // A snapshot that cannot be written is no loss: the next one says more.
                if !tables.is_stopped() {
                    let (auditor, capture) = *state;
                    add_snapshot(&mut tables, &auditor.finish(capture), &catalog, now);
                }
                tables.roll(now);
            }
            Message::Tick(now) => tables.tick(now),
        }
        for notice in tables.take_notices() {
            // Nobody listens any more at the end, which is no reason to stop writing.
            let _ = notices.send(notice);
        }
    }
    tables
}

fn add_snapshot(
    tables: &mut RollingTables,
    report: &AuditReport,
    catalog: &Catalog,
    now: Timestamp,
) {
    let maker = RowMaker::snapshot(report, catalog, now);
    for row in maker.standing(report) {
        tables.add(row, now);
    }
}

/// The thread that writes tables, and what it is told.
pub struct Tables {
    folder: String,
    every: Duration,
    period: i64,
    /// `None` once nothing is to be told any more.
    sender: Option<SyncSender<Message>>,
    /// What the thread had no room for yet.
    waiting: Option<Message>,
    notices: Receiver<Notice>,
    thread: Option<JoinHandle<RollingTables>>,
    ticked: Timestamp,
    /// The moment of the last snapshot.
    snapped: Timestamp,
    refused: u64,
    refused_told: Timestamp,
    last_complaint: String,
}

impl Tables {
    /// Hands over what ended, and at the end of a period the state; tells what became of the tables. When the run is `stopping`,
    /// every open flow ends at once, and nothing is missed by waiting for a disk.
    pub fn keep_up(&mut self, monitor: &mut Monitor, stopping: bool) {
        let was_there = self.sender.is_some();
        self.hand_on(monitor, stopping);
        if was_there && self.sender.is_none() {
            let reason =
                "the thread that writes them ended unexpectedly; start intap again".to_owned();
            monitor.tell(EventKind::TablesStopped { reason });
        }
    }

    fn hand_on(&mut self, monitor: &mut Monitor, stopping: bool) {
        for notice in self.notices.try_iter().collect::<Vec<_>>() {
            self.tell(notice, monitor);
        }
        self.tell_refused(monitor);
        if let Some(message) = self.waiting.take()
            && !self.send(message, stopping)
        {
            return;
        }
        let now = monitor.now();
        loop {
            let ended = monitor.take_ended(BATCH, false);
            if ended.is_empty() {
                break;
            }
            let message = Message::Ended(Box::new(ended), monitor.catalog(), now);
            if !self.send(message, stopping) {
                return;
            }
        }
        if self.period_of(now) != self.period {
            self.period = self.period_of(now);
            self.snapped = now;
            let state = Box::new(monitor.state_so_far());
            self.send(Message::Roll(state, monitor.catalog(), now), stopping);
        } else if now != self.ticked {
            self.ticked = now;
            self.send(Message::Tick(now), stopping);
        }
    }

    /// Hands over the last of what ended and waits until it is written; what is left is the last snapshot.
    pub fn hand_over(mut self, monitor: &mut Monitor) -> Remainder {
        let now = monitor.now();
        if let Some(sender) = &self.sender {
            if let Some(message) = self.waiting.take() {
                let _ = sender.send(message);
            }
            loop {
                let ended = monitor.take_ended(BATCH, true);
                if ended.is_empty() {
                    break;
                }
                let message = Message::Ended(Box::new(ended), monitor.catalog(), now);
                if sender.send(message).is_err() {
                    break;
                }
            }
        }
        let tables = self.join();
        self.refused_told = Timestamp(i64::MIN);
        self.tell_refused(monitor);
        for notice in self.notices.try_iter().collect::<Vec<_>>() {
            self.tell(notice, monitor);
        }
        Remainder {
            tables,
            catalog: monitor.catalog(),
            folder: self.folder.clone(),
            // No two snapshots have one moment, so that the newest can be asked for.
            now: Timestamp(now.0.max(self.snapped.0.saturating_add(1))),
        }
    }

    fn join(&mut self) -> Option<RollingTables> {
        self.sender = None;
        let tables = self.thread.take()?.join();
        if tables.is_err() {
            error!("the thread that writes tables ended unexpectedly");
        }
        tables.ok()
    }

    /// Number of the period, counted from 1970, so that periods begin at full hours and midnights.
    fn period_of(&self, now: Timestamp) -> i64 {
        let length = i64::try_from(self.every.as_nanos()).unwrap_or(i64::MAX);
        now.0.div_euclid(length.max(1))
    }

    /// False when the thread has no room: the message waits, unless there is `patience`.
    fn send(&mut self, message: Message, patience: bool) -> bool {
        let Some(sender) = &self.sender else {
            return false;
        };
        let sent = if patience {
            sender
                .send(message)
                .map_err(|unsent| TrySendError::Disconnected(unsent.0))
        } else {
            sender.try_send(message)
        };
        match sent {
            Ok(()) => true,
            Err(TrySendError::Full(message)) => {
                self.waiting = Some(message);
                false
            }
            Err(TrySendError::Disconnected(_)) => {
                self.sender = None;
                false
            }
        }
    }

    fn tell_refused(&mut self, monitor: &mut Monitor) {
        self.refused = self.refused.saturating_add(monitor.take_refused());
        let now = monitor.now();
        if self.refused > 0 && now.since(self.refused_told) >= REFUSED_EVERY {
            let count = std::mem::take(&mut self.refused);
            self.refused_told = now;
            monitor.tell(EventKind::LimitReached {
                limit: "rows",
                count,
            });
        }
    }

    fn tell(&mut self, notice: Notice, monitor: &mut Monitor) {
        match notice {
            Notice::Written { files, rows } => {
                info!("tables: {rows} rows in {files} files below {}", self.folder);
            }
            Notice::Stopped { reason } => monitor.tell(EventKind::TablesStopped { reason }),
            Notice::Resumed { lost } => monitor.tell(EventKind::TablesResumed { lost }),
            Notice::NotDeleted { reason } => {
                if reason != self.last_complaint {
                    warn!("{reason}");
                    self.last_complaint = reason;
                }
            }
        }
    }
}

impl Drop for Tables {
    /// Whatever ends the program: what was told is written.
    fn drop(&mut self) {
        if let Some(tables) = self.join()
            && let (_, Some(cause)) = tables.finish(self.ticked)
        {
            error!("--tables: {cause}");
        }
    }
}

/// Completes tables where they are written; says in the report where they are. False when some of it is not on disk.
pub fn finish(tables: Option<Remainder>, mut report: AuditReport) -> (AuditReport, bool) {
    let complete = tables.is_none_or(|tables| tables.finish(&mut report));
    (report, complete)
}

/// Tables that lack only the last verdicts and findings.
pub struct Remainder {
    tables: Option<RollingTables>,
    catalog: Arc<Catalog>,
    folder: String,
    now: Timestamp,
}

impl Remainder {
    /// Writes verdicts and findings of the last report, completes everything, and says in the report where it is. False when
    /// some of it is not on disk, which is told.
    fn finish(self, report: &mut AuditReport) -> bool {
        let Some(mut tables) = self.tables else {
            return false;
        };
        if !tables.is_stopped() {
            add_snapshot(&mut tables, report, &self.catalog, self.now);
        }
        let (totals, failure) = tables.finish(self.now);
        let Totals { files, rows, lost } = totals;
        info!(
            "tables: {rows} rows in {files} files below {} in all",
            self.folder
        );
        if let Some(cause) = &failure {
            error!("--tables: {cause}");
        }
        if lost > 0 {
            warn!("tables: {lost} rows could not be written");
        }
        report.tables = Some(TablesPlace {
            folder: self.folder,
            files,
            rows,
            lost,
        });
        failure.is_none()
    }
}
