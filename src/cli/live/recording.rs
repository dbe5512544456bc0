//! `--record`: from options to a recorder at work.

use super::settings::Settings;
use super::size::Size;
use crate::facts::InterfaceSummary;
use crate::live::recording::desk::{RecordingOrders, desk};
use crate::live::recording::{Memory, Recorder, RecorderOptions, RecordingDesk};
use crate::live::sandbox;
use anyhow::{Context, bail};
use std::fs;
use std::time::Duration;

/// Around an event, before the first failed attempt and after it was told.
const AROUND: Duration = Duration::from_secs(30);

/// Octets of memory for the frames seen last.
const MEMORY: u64 = 64_000_000;

/// Octets of all recordings together.
const FOLDER: u64 = 1_000_000_000;

/// What `--record` asks for.
#[derive(Debug)]
pub struct RecordingPlan {
    options: RecorderOptions,
    memory: usize,
}

/// The parts of a recording, for the threads that hold them.
pub struct RecordingParts {
    pub recorder: Recorder,
    pub memory: Memory,
    pub orders: RecordingOrders,
    pub desk: RecordingDesk,
}

impl RecordingPlan {
    /// The plan; `None` when nothing is to be recorded.
    ///
    /// # Errors
    ///
    /// A value out of its range, or one without `--record`.
    pub fn of(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(folder) = settings.record.clone() else {
            let given = [
                ("--record-before", settings.record_before.is_some()),
                ("--record-after", settings.record_after.is_some()),
                ("--record-memory", settings.record_memory.is_some()),
                ("--record-max-bytes", settings.record_max_bytes.is_some()),
            ];
            if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
                bail!(
                    "{name} says how to record, and nothing is recorded; name a folder with --record"
                );
            }
            return Ok(None);
        };
        let within = |name: &str, size: Option<Size>, otherwise: u64, least: (u64, &str), most| {
            let octets = size.map_or(otherwise, |size| size.0);
            let (least, shown) = least;
            if octets < least || octets > most {
                bail!("{name}: not between {shown}; leave it out for a size that does for most");
            }
            Ok(octets)
        };
        let memory = within(
            "--record-memory",
            settings.record_memory,
            MEMORY,
            (2_000_000, "2MB and 16GB"),
            16_000_000_000,
        )?;
        let most_octets = within(
            "--record-max-bytes",
            settings.record_max_bytes,
            FOLDER,
            (1_000_000, "1MB and 1000TB"),
            u64::MAX,
        )?;
        Ok(Some(Self {
            options: RecorderOptions {
                folder,
                before: settings.record_before.map_or(AROUND, |span| span.0),
                after: settings.record_after.map_or(AROUND, |span| span.0),
                most_octets,
            },
            memory: usize::try_from(memory).context("--record-memory")?,
        }))
    }

    /// Makes the folder unless it is there, for its owner alone, who is `user` where one is named.
    ///
    /// # Errors
    ///
    /// It cannot be made, or something else has its name.
    pub fn make_folder(&self, user: Option<&str>) -> anyhow::Result<()> {
        let folder = &self.options.folder;
        let place = || format!("--record {}", folder.display());
        match fs::metadata(folder) {
            Ok(known) if known.is_dir() => return Ok(()),
            Ok(_) => bail!("{}: this is no folder; name another one", place()),
            Err(_) => {}
        }
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(folder)
            .with_context(|| format!("{}: the folder cannot be made", place()))?;
        #[cfg(unix)]
        if let Some(user) = user {
            sandbox::give_to(folder, user).with_context(place)?;
        }
        Ok(())
    }

    /// A recorder that is ready; `interfaces` by their positions.
    ///
    /// # Errors
    ///
    /// Nothing can be written to the folder.
    pub fn open(self, interfaces: Vec<InterfaceSummary>) -> anyhow::Result<RecordingParts> {
        let folder = self.options.folder.clone();
        let recorder = Recorder::open(self.options, interfaces).with_context(|| {
            format!(
                "--record {}: nothing can be written there; name another folder, or give this one to the user that intap runs as",
                folder.display()
            )
        })?;
        let (desk, orders) = desk();
        Ok(RecordingParts {
            recorder,
            memory: Memory::new(self.memory),
            orders,
            desk,
        })
    }
}
