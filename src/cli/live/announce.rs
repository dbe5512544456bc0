//! Where events go: JSON Lines on standard output or at the end of a file, and the weighty ones in the log.

use crate::live::{Event, EventKind};
use crate::report::event;
use anyhow::Context;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tracing::{error, info, warn};

/// Writes events as they come.
pub struct Announcer {
    /// `None` is standard output.
    file: Option<(PathBuf, File)>,
    /// Standard output is a screen, which shows them itself.
    on_screen: bool,
    /// Events that could not be written to the file since the last one that could.
    lost: u64,
}

impl Announcer {
    /// Opens the file to append to; `None` and `-` are standard output, or nothing where that is a screen.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn open(path: Option<&Path>, on_screen: bool) -> anyhow::Result<Self> {
        let path = path.filter(|path| *path != Path::new("-"));
        let file = path
            .map(|path| Ok::<_, anyhow::Error>((path.to_path_buf(), append(path)?)))
            .transpose()?;
        Ok(Self {
            file,
            on_screen,
            lost: 0,
        })
    }

    /// Opens the file again: it may have been moved away by a program that rotates logs.
    pub fn reopen(&mut self) {
        if let Some((path, file)) = &mut self.file {
            match append(path) {
                Ok(new) => *file = new,
                Err(cause) => error!("{cause:#}"),
            }
        }
    }

    /// Writes events, at once.
    ///
    /// # Errors
    ///
    /// Nobody reads standard output any more. A file that cannot be written, as on a full disk, is no reason to stop
    /// watching: it is logged.
    pub fn tell(&mut self, events: &[Event]) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut lines = String::new();
        for told in events {
            log(told);
            lines.push_str(&event::line(told));
        }
        let Some((path, file)) = &mut self.file else {
            if self.on_screen {
                return Ok(());
            }
            let mut out = io::stdout().lock();
            out.write_all(lines.as_bytes())?;
            return out.flush();
        };
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        match file.write_all(lines.as_bytes()) {
            Ok(()) if self.lost > 0 => {
                warn!("events are written again; {} are missing", self.lost);
                self.lost = 0;
            }
            Ok(()) => {}
            Err(cause) => {
                if self.lost == 0 {
                    error!(
                        "events cannot be written to {} ({cause}); make room there",
                        path.display()
                    );
                }
                self.lost = self.lost.saturating_add(count);
            }
        }
        Ok(())
    }
}

fn append(path: &Path) -> anyhow::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("--events {}", path.display()))
}

fn log(event: &Event) {
    match &event.kind {
        EventKind::InterfaceLost { interface, reason } => {
            warn!("{interface} is lost ({reason}); it is waited for");
        }
        EventKind::InterfaceBack { interface, away } => {
            info!("{interface} is back after {} s", away.as_secs());
        }
        EventKind::Drops {
            interface,
            kernel,
            device,
        } => warn!(
            "{interface}: {kernel} packets dropped for want of buffer, {device} by the interface; give a larger --buffer-size or a \
             --filter"
        ),
        EventKind::LimitReached { limit, count } => {
            warn!("limit reached: {limit}, {count} times");
        }
        EventKind::Reloaded { edition } => info!("read again; judging by endpoint list {edition}"),
        EventKind::ReloadRefused { reason } => {
            error!("not read again, the old ones stay in use: {reason}");
        }
        EventKind::TablesStopped { reason } => {
            error!("tables cannot be written: {reason}");
        }
        EventKind::TablesResumed { lost } => {
            warn!("tables are written again; {lost} rows are missing");
        }
        EventKind::ReportWritten { place } => info!("report written to {place}"),
        EventKind::Recorded { file, frames, .. } => info!("{frames} frames recorded in {file}"),
        EventKind::RecordingFailed { reason, count } => {
            error!("{count} recordings failed: {reason}");
        }
        EventKind::Started { .. }
        | EventKind::Stopped { .. }
        | EventKind::ClientSeen { .. }
        | EventKind::ReachedFirstTime(_)
        | EventKind::Blocked { .. }
        | EventKind::Recovered { .. }
        | EventKind::Lapsed { .. } => {}
    }
}
