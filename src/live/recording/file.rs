//! One file under way: the packets of one event, under a name of its own until it is whole.

use super::affected::{Part, Trigger};
use super::ring::Kept;
use crate::capture::{PcapngWriter, RecordedInterface};
use crate::facts::{FrameNumber, InterfaceSummary, LinkType};
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// How our files begin.
const PREFIX: &str = "intap-";
/// How they end.
const SUFFIX: &str = ".pcapng";
/// What a file has behind its name until it is whole.
const PARTIAL: &str = ".partial";
/// Characters of a host in a file name: names may be longer than file names.
const MOST_OF_HOST: usize = 80;
/// Octets of a block around a frame and a comment: heads, lengths, padding (draft-ietf-opsawg-pcapng §4.3).
const BLOCK: u64 = 64;
/// Octets of the blocks at the start of a file, at most some.
const START: u64 = 4_096;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct RecordingFile {
    writer: PcapngWriter<BufWriter<File>>,
    /// Which number an interface with a link type has in the file.
    interfaces: Vec<(u32, LinkType, u32)>,
    name: PathBuf,
    partial: PathBuf,
    /// The last frame written.
    pub(super) last: FrameNumber,
    /// Frames written.
    pub(super) frames: u64,
    /// Octets written: not more than this, and not much less.
    pub(super) octets: u64,
}

/// Whether a file name is one of ours.
pub(super) fn is_own(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(is_stem)
}

/// Whether it is that of a file of ours that is not whole.
pub(super) fn is_partial(name: &str) -> bool {
    name.strip_suffix(PARTIAL).is_some_and(is_own)
}

/// `intap-20261122T164705Z-…`
fn is_stem(stem: &str) -> bool {
    let Some((time, rest)) = stem
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    let form = time.bytes().enumerate().all(|(at, octet)| match at {
        8 => octet == b'T',
        15 => octet == b'Z',
        _ => octet.is_ascii_digit(),
    });
    form && time.len() == 16 && rest.starts_with(|first: char| first.is_ascii_digit())
}

/// A name that sorts by time and says which event it is, in characters that every system takes.
fn name_of(trigger: &Trigger) -> String {
    let time: String = trigger
        .told
        .to_string()
        .chars()
        .take_while(|c| *c != '.' && *c != 'Z')
        .filter(|c| !matches!(c, '-' | ':'))
        .collect();
    let plain = |text: &str| -> String {
        text.chars()
            .take(MOST_OF_HOST)
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
                    c
                } else {
                    '_'
                }
            })
            .collect()
    };
    let client = trigger
        .client
        .first()
        .map_or_else(String::new, |client| plain(&client.to_string()));
    format!(
        "{PREFIX}{time}Z-{}-{client}-{}{SUFFIX}",
        trigger.number,
        plain(&trigger.host)
    )
}

impl RecordingFile {
    /// Makes the file for an event. Nobody but its owner may read it, and nothing of that name is touched.
    ///
    /// # Errors
    ///
    /// Whatever the folder reports.
    pub(super) fn create(folder: &Path, trigger: &Trigger) -> io::Result<Self> {
        let name = folder.join(name_of(trigger));
        let mut partial = name.clone().into_os_string();
        partial.push(PARTIAL);
        let partial = PathBuf::from(partial);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&partial)?;
        let device: Vec<String> = trigger.client.iter().map(ToString::to_string).collect();
        let comment = format!(
            "Event {} of intap live, blocked ({}): {} for {}: {}, since {}, told {}. Comments say what each frame is to it; all \
             else is as captured.",
            trigger.number,
            trigger.code,
            trigger.host,
            device.join(", "),
            trigger.cause,
            trigger.since,
            trigger.told
        );
        let application = concat!("intap ", env!("CARGO_PKG_VERSION"));
        let started = PcapngWriter::new(BufWriter::new(file), application, &comment);
        let writer = started.inspect_err(|_| drop(fs::remove_file(&partial)))?;
        Ok(Self {
            writer,
            interfaces: Vec::new(),
            name,
            partial,
            last: FrameNumber(0),
            frames: 0,
            octets: START,
        })
    }

    /// Adds a frame.
    ///
    /// # Errors
    ///
    /// Whatever the disk reports; the file is to be given up then.
    pub(super) fn add(
        &mut self,
        kept: &Kept<'_>,
        trigger: &Trigger,
        part: &Part,
        described: &[InterfaceSummary],
    ) -> io::Result<()> {
        let frame = &kept.frame;
        let known = self.interfaces.iter().find(|(interface, link_type, _)| {
            *interface == kept.interface && *link_type == frame.link_type
        });
        let interface = match known {
            Some((_, _, number)) => *number,
            None => {
                let known = usize::try_from(kept.interface)
                    .ok()
                    .and_then(|at| described.get(at));
                let number =
                    self.writer
                        .add_interface(&RecordedInterface::live(InterfaceSummary {
                            link_type: Some(frame.link_type),
                            ..known.cloned().unwrap_or_default()
                        }))?;
                self.interfaces
                    .push((kept.interface, frame.link_type, number));
                number
            }
        };
        let comment = format!(
            "Event {}, blocked ({}): {}\nFrame {} of the run",
            trigger.number,
            trigger.code,
            part.words(),
            frame.number
        );
        self.writer.write(interface, frame, &comment)?;
        self.last = frame.number;
        self.frames = self.frames.saturating_add(1);
        let written = frame.bytes.len().saturating_add(comment.len());
        self.octets = self
            .octets
            .saturating_add(BLOCK)
            .saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Gives the file its name once the disk has it all. Says where it is and how large.
    ///
    /// # Errors
    ///
    /// Whatever the disk reports; nothing is left then.
    pub(super) fn finish(self) -> io::Result<(PathBuf, u64)> {
        let Self {
            writer,
            name,
            partial,
            ..
        } = self;
        let finished = writer
            .into_inner()
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all().and_then(|()| file.metadata()))
            .and_then(|known| fs::rename(&partial, &name).map(|()| known.len()));
        match finished {
            Ok(octets) => Ok((name, octets)),
            Err(cause) => {
                drop(fs::remove_file(&partial));
                Err(cause)
            }
        }
    }

    /// Gives the file up; nothing is left of it.
    pub(super) fn discard(self) {
        drop(fs::remove_file(&self.partial));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_names_are_told_from_others() {
        for name in [
            "intap-20261122T164705Z-9-10.20.0.14-manage.microsoft.com.pcapng",
            "intap-20261122T164705Z-123-fd00__1-x.pcapng",
        ] {
            assert!(is_own(name), "{name}");
            assert!(is_partial(&format!("{name}.partial")), "{name}");
            assert!(!is_partial(name) && !is_own(&format!("{name}.partial")));
        }
        for name in [
            "intap-evidence.pcapng",
            "intap-20261122T164705Z.pcapng",
            "intap-20261122T164705Z-x.pcapng",
            "intap-20261122x164705Z-9-a.pcapng",
            "site-20261122T164705Z-9-a.pcapng",
            "intap-20261122T164705Z-9-a.pcap",
        ] {
            assert!(!is_own(name), "{name}");
        }
    }
}
