//! Writes the packets of events to files, out of memory and for a while after, within bounds.

use super::affected::{Part, Trigger};
use super::file::{RecordingFile, is_own, is_partial};
use super::memory::{Cursor, Memory};
use super::ring::{Kept, parse};
use crate::capture::Frame;
use crate::decode::Decoder;
use crate::facts::{FrameNumber, InterfaceSummary, LinkType, Seen, Timestamp, printable};
use crate::live::EventKind;
use crate::live::retention::{Bounds, Retention};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Recordings under way at once.
const MOST_AT_ONCE: usize = 32;

/// Recordings an hour: a firewall that breaks everything for everybody is proven by far fewer.
const MOST_AN_HOUR: u32 = 500;

/// Recordings an hour of one host, so that one that fails for a whole site leaves room for others.
const MOST_AN_HOUR_OF_HOST: u32 = 8;

/// Octets of one file: hundreds of attempts that failed.
const MOST_OF_FILE: u64 = 16 << 20;

/// Files in the folder.
const MOST_FILES: usize = 10_000;

/// Failures and refusals are told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What was not whole when an earlier run was killed is deleted once it is older than any recording takes.
const STALE: Duration = Duration::from_secs(24 * 3_600);

/// What to record, and where to.
#[derive(Debug, Clone)]
pub struct RecorderOptions {
    /// The folder.
    pub folder: PathBuf,
    /// How long before the first failed attempt frames are wanted. Lookups are wanted from as far back as they are in memory.
    pub before: Duration,
    /// How long after the event they are.
    pub after: Duration,
    /// Octets that our files in the folder may have together.
    pub most_octets: u64,
}

/// A recording under way.
struct Recording {
    trigger: Trigger,
    /// `None` until the first frame is there.
    file: Option<RecordingFile>,
    /// The device's last packet, where that is none of the event's.
    last: Option<LastFrame>,
    missed: u64,
    /// No more frames are taken: the file or the folder is full.
    full: bool,
    /// Why it has to be given up.
    broken: Option<io::Error>,
}

/// A frame that is written only if none comes after it.
struct LastFrame {
    interface: u32,
    seen: Seen,
    original_length: u32,
    link_type: LinkType,
    bytes: Vec<u8>,
}

/// What was told too lately to be told again.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    reason: String,
    told: Option<Timestamp>,
}

/// Records events.
pub struct Recorder {
    options: RecorderOptions,
    interfaces: Vec<InterfaceSummary>,
    retention: Retention,
    active: Vec<Recording>,
    waiting: Vec<Recording>,
    decoder: Decoder,
    cursor: Cursor,
    /// The last frame before the cursor.
    passed: FrameNumber,
    /// Records under inspection.
    records: Vec<u8>,
    /// Octets of finished files, as far as is known.
    finished_octets: u64,
    now: Timestamp,
    hour_began: Timestamp,
    this_hour: u32,
    this_hour_of_host: HashMap<CompactString, u32, RandomState>,
    refused: Tally,
    failed: Tally,
    outcomes: Vec<EventKind>,
}

impl Recorder {
    /// A recorder that writes to an existing folder, frames of `interfaces` by their position. What another run left
    /// unfinished long ago is deleted.
    ///
    /// # Errors
    ///
    /// Nothing can be written to the folder.
    pub fn open(options: RecorderOptions, interfaces: Vec<InterfaceSummary>) -> io::Result<Self> {
        drop(
            tempfile::Builder::new()
                .prefix(".intap-")
                .tempfile_in(&options.folder)?,
        );
        delete_stale(&options.folder)?;
        let retention = Retention::new(options.folder.clone(), is_own);
        let mut recorder = Self {
            interfaces,
            retention,
            active: Vec::new(),
            waiting: Vec::new(),
            decoder: Decoder::default(),
            cursor: Cursor::default(),
            passed: FrameNumber(0),
            records: Vec::new(),
            finished_octets: 0,
            now: Timestamp(i64::MIN),
            hour_began: Timestamp(i64::MIN),
            this_hour: 0,
            this_hour_of_host: HashMap::default(),
            refused: Tally::default(),
            failed: Tally::default(),
            outcomes: Vec::new(),
            options,
        };
        recorder.make_room(0)?;
        Ok(recorder)
    }

    /// Whether a recording is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.active.is_empty() || !self.waiting.is_empty()
    }

    /// Begins to record an event at the next round, unless there are too many.
    pub fn begin(&mut self, trigger: Trigger) {
        if self.is_too_much(&trigger.host) {
            self.refused.count = self.refused.count.saturating_add(1);
            return;
        }
        self.waiting.push(Recording {
            trigger,
            file: None,
            last: None,
            missed: 0,
            full: false,
            broken: None,
        });
    }

    /// Counts events that were not even asked about, because too many came at once.
    pub fn refuse(&mut self, events: u64) {
        self.refused.count = self.refused.count.saturating_add(events);
    }

    /// Takes what is new in memory, and ends the recordings whose time is over at `now`: everything up to then is in memory.
    pub fn round(&mut self, memory: &Memory, now: Option<Timestamp>) {
        if let Some(now) = now {
            self.now = now;
        }
        self.follow(memory);
        self.look_back(memory);
        let Self {
            active,
            now,
            options,
            ..
        } = self;
        let now = *now;
        let after = options.after;
        let mut over = Vec::new();
        let mut at = 0;
        while let Some(recording) = active.get(at) {
            let told = recording.trigger.told;
            // A clock that was set back must not make a recording longer.
            if recording.broken.is_some() || now > told.plus(after) || now < told {
                over.push(active.swap_remove(at));
            } else {
                at = at.saturating_add(1);
            }
        }
        over.sort_by_key(|recording| recording.trigger.number);
        over.into_iter().for_each(|recording| self.end(recording));
        self.tell_tallies(false);
    }

    /// Ends all recordings with what is in memory now.
    pub fn finish(&mut self, memory: &Memory) {
        self.round(memory, None);
        let mut over = std::mem::take(&mut self.active);
        over.sort_by_key(|recording| recording.trigger.number);
        over.into_iter().for_each(|recording| self.end(recording));
        self.tell_tallies(true);
    }

    /// What became of recordings since the last call.
    pub fn take_outcomes(&mut self) -> Vec<EventKind> {
        std::mem::take(&mut self.outcomes)
    }

    fn is_too_much(&mut self, host: &CompactString) -> bool {
        if self.now < self.hour_began
            || self.now.since(self.hour_began) > Duration::from_secs(3_600)
        {
            self.hour_began = self.now;
            self.this_hour = 0;
            self.this_hour_of_host.clear();
        }
        let under_way = self.active.len().saturating_add(self.waiting.len());
        if under_way >= MOST_AT_ONCE || self.this_hour >= MOST_AN_HOUR {
            return true;
        }
        let of_host = self.this_hour_of_host.entry(host.clone()).or_default();
        if *of_host >= MOST_AN_HOUR_OF_HOST {
            return true;
        }
        *of_host = of_host.saturating_add(1);
        self.this_hour = self.this_hour.saturating_add(1);
        false
    }

    /// Shows recordings under way what is new.
    fn follow(&mut self, memory: &Memory) {
        let (newest, last) = memory.newest();
        if self.active.is_empty() {
            (self.cursor, self.passed) = (newest, last);
            return;
        }
        let mut active = std::mem::take(&mut self.active);
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut cursor = self.cursor;
        self.show(memory, &mut cursor, last, &mut decoder, &mut active);
        self.cursor = cursor;
        self.passed = last;
        self.decoder = decoder;
        self.active = active;
    }

    /// Shows new recordings everything that is in memory and was passed.
    fn look_back(&mut self, memory: &Memory) {
        if self.waiting.is_empty() {
            return;
        }
        let mut new = std::mem::take(&mut self.waiting);
        let passed = self.passed;
        self.show(
            memory,
            &mut memory.oldest(),
            passed,
            &mut Decoder::default(),
            &mut new,
        );
        self.active.append(&mut new);
    }

    fn show(
        &mut self,
        memory: &Memory,
        cursor: &mut Cursor,
        last: FrameNumber,
        decoder: &mut Decoder,
        recordings: &mut [Recording],
    ) {
        let mut records = std::mem::take(&mut self.records);
        loop {
            let missed = memory.read(cursor, last, &mut records);
            for recording in recordings.iter_mut() {
                recording.missed = recording.missed.saturating_add(missed);
            }
            if records.is_empty() {
                break;
            }
            let mut rest = records.as_slice();
            while let Some((kept, behind)) = parse(rest) {
                rest = behind;
                let packet = decoder.decode(&kept.frame);
                for recording in recordings.iter_mut() {
                    recording.take(&kept, packet.as_ref(), &self.options, &self.interfaces);
                }
            }
            self.keep_folder_within(recordings);
        }
        self.records = records;
    }

    /// Deletes old files while new ones grow; where that does not help, nothing more is recorded.
    fn keep_folder_within(&mut self, recordings: &mut [Recording]) {
        let octets = |recordings: &[Recording]| -> u64 {
            let files = recordings.iter().filter_map(|one| one.file.as_ref());
            files.map(|file| file.octets).sum()
        };
        let under_way = octets(recordings).saturating_add(octets(&self.active));
        let most = self.options.most_octets;
        if self.finished_octets.saturating_add(under_way) <= most {
            return;
        }
        let made = self.make_room(under_way);
        if made.is_err() || self.finished_octets.saturating_add(under_way) > most {
            for recording in recordings {
                recording.full = true;
            }
        }
    }

    /// Deletes our oldest files until `wanted` octets are free.
    fn make_room(&mut self, wanted: u64) -> io::Result<()> {
        let kept = self.retention.keep_within(Bounds {
            octets: self.options.most_octets.saturating_sub(wanted),
            files: MOST_FILES,
        })?;
        self.finished_octets = kept.octets;
        Ok(())
    }

    fn end(&mut self, mut recording: Recording) {
        recording.add_ending(&self.interfaces);
        let Recording {
            trigger,
            file,
            last: _,
            missed,
            full,
            broken,
        } = recording;
        let written = match (file, broken) {
            (file, Some(cause)) => {
                if let Some(file) = file {
                    file.discard();
                }
                Err(cause.to_string())
            }
            (None, None) => Err(format!(
                "no packet of event {} was left in memory; give a larger --record-memory, or capture less with --filter",
                trigger.number
            )),
            (Some(file), None) => {
                let frames = file.frames;
                file.finish()
                    .map(|(name, octets)| (name, frames, octets))
                    .map_err(|cause| cause.to_string())
            }
        };
        match written {
            Ok((name, frames, octets)) => {
                self.outcomes.push(EventKind::Recorded {
                    of: trigger.number,
                    client: trigger.client,
                    host: trigger.host,
                    file: printable(name.as_os_str().as_encoded_bytes(), 4_096).to_string(),
                    frames,
                    octets,
                    missed,
                    ended_early: full,
                });
                self.finished_octets = self.finished_octets.saturating_add(octets);
            }
            Err(reason) => {
                self.failed.count = self.failed.count.saturating_add(1);
                self.failed.reason = reason;
            }
        }
        // A folder that cannot be read shows when the next file is made there.
        let _ = self.make_room(0);
    }

    fn tell_tallies(&mut self, at_once: bool) {
        let now = self.now;
        let due = |tally: &Tally| {
            tally.count > 0
                && (at_once
                    || tally
                        .told
                        .is_none_or(|told| now < told || now.since(told) >= TELL_EVERY))
        };
        if due(&self.refused) {
            self.outcomes.push(EventKind::LimitReached {
                limit: "recordings",
                count: std::mem::take(&mut self.refused.count),
            });
            self.refused.told = Some(now);
        }
        if due(&self.failed) {
            self.outcomes.push(EventKind::RecordingFailed {
                reason: std::mem::take(&mut self.failed.reason),
                count: std::mem::take(&mut self.failed.count),
            });
            self.failed.told = Some(now);
        }
    }
}

impl Recording {
    fn take(
        &mut self,
        kept: &Kept<'_>,
        packet: Option<&crate::decode::Packet<'_>>,
        options: &RecorderOptions,
        interfaces: &[InterfaceSummary],
    ) {
        let trigger = &mut self.trigger;
        if self.full || self.broken.is_some() {
            return;
        }
        let time = kept.frame.timestamp;
        if time > trigger.told.plus(options.after) {
            return;
        }
        let Some(part) = trigger.part(kept.frame.number, packet) else {
            if packet.is_some_and(|packet| trigger.is_of_device(packet)) {
                self.last = Some(LastFrame::of(kept, self.last.take()));
            }
            return;
        };
        let early = trigger.since.since(time) > options.before;
        if early && !part.is_wanted_early() {
            return;
        }
        let limit = MOST_OF_FILE.min(options.most_octets / 4);
        if self.file.as_ref().is_some_and(|file| file.octets >= limit) {
            self.full = true;
            return;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => match RecordingFile::create(&options.folder, trigger) {
                Ok(file) => self.file.insert(file),
                Err(cause) => {
                    self.broken = Some(cause);
                    return;
                }
            },
        };
        if let Err(cause) = file.add(kept, trigger, &part, interfaces) {
            self.broken = Some(cause);
        }
    }
}

impl Recording {
    /// Writes the device's last packet, where it came after those of the event.
    fn add_ending(&mut self, interfaces: &[InterfaceSummary]) {
        if self.full || self.broken.is_some() {
            return;
        }
        if let (Some(file), Some(last)) = (&mut self.file, &self.last)
            && last.seen.frame > file.last
            && let Err(cause) = file.add(&last.kept(), &self.trigger, &Part::Ending, interfaces)
        {
            self.broken = Some(cause);
        }
    }
}

impl LastFrame {
    /// A copy of the frame, in the place of an older one.
    fn of(kept: &Kept<'_>, older: Option<Self>) -> Self {
        let mut bytes = older.map(|older| older.bytes).unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(kept.frame.bytes);
        Self {
            interface: kept.interface,
            seen: kept.frame.seen(),
            original_length: kept.frame.original_length,
            link_type: kept.frame.link_type,
            bytes,
        }
    }

    fn kept(&self) -> Kept<'_> {
        Kept {
            interface: self.interface,
            frame: Frame {
                number: self.seen.frame,
                timestamp: self.seen.time,
                link_type: self.link_type,
                original_length: self.original_length,
                bytes: &self.bytes,
            },
        }
    }
}

fn delete_stale(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let stale = entry.file_name().to_str().is_some_and(is_partial)
            && entry.metadata().is_ok_and(|known| {
                known.is_file() && known.modified().is_ok_and(|modified| age(modified) > STALE)
            });
        if stale {
            drop(fs::remove_file(entry.path()));
        }
    }
    Ok(())
}

fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditOptions, AuditReport, Auditor, Verdict};
    use crate::capture::{FrameStream, Input};
    use crate::catalog::Catalog;
    use crate::live::Event;
    use crate::live::replayed::{path_of, replay_to};
    use crate::observe::{Limits, Observer};
    use std::collections::BTreeMap;

    fn options(folder: &Path) -> RecorderOptions {
        RecorderOptions {
            folder: folder.to_path_buf(),
            before: Duration::from_secs(30),
            after: Duration::from_secs(30),
            most_octets: 100_000_000,
        }
    }

    /// A recording of `fixtures/captures` on the wire, with a recorder beside the monitor.
    fn record(
        recording: &str,
        folder: &Path,
        mut change: impl FnMut(&mut RecorderOptions),
    ) -> (Vec<Event>, Vec<EventKind>) {
        let mut options = options(folder);
        change(&mut options);
        let interface = InterfaceSummary {
            name: Some("eth7".into()),
            snap_length: 262_144,
            ..InterfaceSummary::default()
        };
        let mut recorder = Recorder::open(options, vec![interface]).unwrap();
        let memory = Memory::new(16_000_000);
        let (_, events) = replay_to(
            recording,
            Duration::from_secs(60),
            &mut |frame, role| memory.keep(frame, 0, role),
            &mut |now, events| {
                events
                    .iter()
                    .filter_map(Trigger::of)
                    .for_each(|trigger| recorder.begin(trigger));
                recorder.round(&memory, Some(now));
            },
        );
        recorder.finish(&memory);
        (events, recorder.take_outcomes())
    }

    fn audit(file: &Path) -> AuditReport {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let mut auditor = Auditor::new(&catalog, AuditOptions::default());
        let mut observer = Observer::new(Limits::default());
        let mut stream = FrameStream::open(&[Input::Path(file.to_path_buf())]).unwrap();
        while let Some(frame) = stream.next_frame() {
            observer.push(&frame, &mut auditor);
        }
        let capture = observer.finish(&mut auditor);
        auditor.finish(capture)
    }

    /// Every recording of which events told, with the host that was blocked.
    fn recorded(outcomes: &[EventKind]) -> Vec<(CompactString, PathBuf, u64)> {
        outcomes
            .iter()
            .map(|outcome| match outcome {
                EventKind::Recorded {
                    host,
                    file,
                    frames,
                    octets,
                    missed: 0,
                    ended_early: false,
                    ..
                } => {
                    let file = PathBuf::from(file);
                    assert_eq!(fs::metadata(&file).unwrap().len(), *octets);
                    (host.clone(), file, *frames)
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn each_file_proves_what_its_event_said() {
        for (recording, most_frames) in [
            ("firewall_mixed", 120),
            ("dns_faults", 120),
            ("sni_filter_retry", 200),
            ("span_duplicates", 120),
            ("web_block_page", 120),
            ("explicit_proxy", 200),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (events, outcomes) = record(recording, folder.path(), |_| {});
            let told = events
                .iter()
                .filter(|event| event.kind.name() == "blocked")
                .count();
            let files = recorded(&outcomes);
            assert!(told > 0, "{recording}");
            assert_eq!(files.len(), told, "{recording}");
            let mut originals = BTreeMap::new();
            let mut stream = FrameStream::open(&[Input::Path(path_of(recording))]).unwrap();
            while let Some(frame) = stream.next_frame() {
                originals.insert(frame.number, (frame.timestamp, frame.bytes.to_vec()));
            }
            for (host, file, frames) in files {
                assert!(frames <= most_frames, "{recording} {host}: {frames}");
                let report = audit(&file);
                let verdicts: Vec<Verdict> = report
                    .clients
                    .iter()
                    .flat_map(|client| &client.sets)
                    .flat_map(|set| &set.hosts)
                    .filter(|of| of.name.eq_ignore_ascii_case(&host))
                    .map(|of| of.judged.verdict)
                    .collect();
                assert!(
                    verdicts.contains(&Verdict::Blocked),
                    "{recording} {host}: {verdicts:?}"
                );
                let mut stream = FrameStream::open(&[Input::Path(file)]).unwrap();
                while let Some((frame, origin)) = stream.next_with_origin() {
                    let known = originals
                        .values()
                        .any(|(time, bytes)| *time == frame.timestamp && bytes == frame.bytes);
                    assert!(known, "{recording} {host}");
                    let interface = origin.describe_interface().unwrap().summary;
                    assert_eq!(interface.name.as_deref(), Some("eth7"));
                }
            }
        }
    }

    #[test]
    fn a_folder_stays_within_its_bound_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.pcapng"), [0; 9_000]).unwrap();
        let (_, outcomes) = record("firewall_mixed", folder.path(), |options| {
            options.most_octets = 60_000;
        });
        let told = outcomes
            .iter()
            .filter(|outcome| outcome.name() == "recorded");
        assert!(told.count() > 3);
        let own: Vec<u64> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_name() != "notes.pcapng")
            .map(|entry| entry.metadata().unwrap().len())
            .collect();
        assert!(
            !own.is_empty() && own.iter().sum::<u64>() <= 60_000,
            "{own:?}"
        );
        assert!(folder.path().join("notes.pcapng").exists());
    }

    #[test]
    fn what_cannot_be_written_is_told_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("place");
        fs::create_dir(&place).unwrap();
        let mut removed = false;
        let mut recorder = Recorder::open(options(&place), Vec::new()).unwrap();
        let memory = Memory::new(16_000_000);
        replay_to(
            "firewall_mixed",
            Duration::from_secs(60),
            &mut |frame, role| memory.keep(frame, 0, role),
            &mut |now, events| {
                if !removed {
                    fs::remove_dir(&place).unwrap();
                    removed = true;
                }
                events
                    .iter()
                    .filter_map(Trigger::of)
                    .for_each(|trigger| recorder.begin(trigger));
                recorder.round(&memory, Some(now));
            },
        );
        recorder.finish(&memory);
        let failed: u64 = recorder
            .take_outcomes()
            .iter()
            .map(|outcome| match outcome {
                EventKind::RecordingFailed { count, .. } => *count,
                other => panic!("{other:?}"),
            })
            .sum();
        assert!(failed > 3, "{failed}");
        fs::create_dir(&place).unwrap();
        assert!(!recorder.is_busy());
    }

    #[test]
    fn a_storm_is_refused_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (events, _) = record("firewall_mixed", folder.path(), |_| {});
        let trigger = events.iter().find_map(Trigger::of).unwrap();
        let mut recorder = Recorder::open(options(folder.path()), Vec::new()).unwrap();
        let memory = Memory::new(2_000_000);
        recorder.round(&memory, Some(trigger.told));
        for host in 0..1_000_u32 {
            for _ in 0..2 * MOST_AN_HOUR_OF_HOST {
                recorder.begin(Trigger {
                    host: format!("{host}.example").into(),
                    ..trigger.clone()
                });
            }
            assert!(recorder.active.len() + recorder.waiting.len() <= MOST_AT_ONCE);
            if host % 8 == 0 {
                recorder.round(&memory, Some(trigger.told));
                recorder.active.clear();
            }
        }
        recorder.finish(&memory);
        let refused: u64 = recorder
            .take_outcomes()
            .iter()
            .filter_map(|outcome| match outcome {
                EventKind::LimitReached { limit, count } => {
                    assert_eq!(*limit, "recordings");
                    Some(*count)
                }
                _ => None,
            })
            .sum();
        assert_eq!(refused, 16_000 - u64::from(MOST_AN_HOUR));
    }
}
