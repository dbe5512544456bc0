//! The frames of all inputs as one stream in time order.
//!
//! In come [`Input`]s; out come numbered [`Frame`]s. Files whose times do not overlap are read one after the other, others are
//! merged with one record of look-ahead each. A file is opened when the stream comes to its first frame and closed at its
//! end, so a ring buffer of hundreds of files needs one open file at a time. Inside one file the order is that of the file,
//! whatever its clock did.

use super::Frame;
use super::capture_reader::CaptureReader;
use super::error::CaptureError;
use super::frame_origin::FrameOrigin;
use super::input::{Input, shown};
use super::provenance::Provenance;
use super::record::Record;
use super::waiting::{Waiting, WaitingFile};
use crate::facts::{FrameNumber, Timestamp};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most files read at once. Each has a buffer of about 1 MiB and takes a descriptor, of which systems grant 256 or more.
const MAX_OPEN_FILES: usize = 64;

/// A stream of frames from capture files.
pub struct FrameStream {
    /// Files and pipes that can be read.
    accepted: usize,
    /// The file that gave the last frame.
    active: Option<Active>,
    /// Every other file that has frames left, the earliest on top.
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Files whose turn came when too many were open.
    postponed: VecDeque<Waiting>,
    /// Files open now, the active one among them.
    open_files: usize,
    /// Number of the last frame given.
    last_number: u64,
    provenance: Provenance,
    failures: Vec<CaptureError>,
    octets_read: Arc<AtomicU64>,
    total_octets: Option<u64>,
}

/// The file whose records are being given.
struct Active {
    reader: Box<CaptureReader>,
    /// Position among the inputs, which decides between equal times.
    rank: usize,
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Octets read from all files so far, as they are on disk; damaged files may be done before all of theirs were read.
    pub octets_read: u64,
    /// Octets of all files; `None` when one of the inputs is a pipe.
    pub total_octets: Option<u64>,
}

impl FrameStream {
    /// Finds out what each input is and when it starts, and gives their frames as one stream.
    ///
    /// Inputs of which nothing can be read are in [`Self::failures`], as long as there is another one.
    ///
    /// # Errors
    ///
    /// The reason for each input, when nothing can be read from any of them.
    pub fn open(inputs: &[Input]) -> Result<Self, Vec<CaptureError>> {
        let mut stream = Self::empty();
        for input in inputs {
            let result = match input {
                Input::StandardInput => stream.add_pipe("standard input", Box::new(io::stdin())),
                Input::Path(path) => stream.add_path(path),
            };
            if let Err(error) = result {
                stream.failures.push(error);
            }
        }
        if stream.accepted > 0 {
            return Ok(stream);
        }
        if stream.failures.is_empty() {
            stream.failures.push(CaptureError::NoInput);
        }
        Err(stream.failures)
    }

    /// Reads one capture from `source`, which messages call `name`.
    ///
    /// # Errors
    ///
    /// When it is no capture.
    pub fn from_reader(
        name: &str,
        source: impl Read + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let mut stream = Self::empty();
        stream.add_pipe(name, Box::new(source))?;
        Ok(stream)
    }

    /// The next frame in time order; its octets are lent until the next call. `None` at the end of all inputs.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let (number, record) = self.advance()?;
        let active = self.active.as_ref()?;
        Some(frame_of(number, &record, &active.reader))
    }

    /// Makes the file with the next record the active one, and numbers the record.
    #[inline]
    fn advance(&mut self) -> Option<(FrameNumber, Record)> {
        let record = match self.active_record() {
            Some(record) => record,
            None => self.switch_file()?,
        };
        self.last_number = self.last_number.saturating_add(1);
        let number = FrameNumber(self.last_number);
        if !record.defects.is_empty() {
            for name in record.defects.anomalies() {
                self.provenance.anomalies.note(name, Some(number));
            }
        }
        Some((number, record))
    }

    /// The next frame as [`Self::next_frame`] gives it, and where it came from.
    pub fn next_with_origin(&mut self) -> Option<(Frame<'_>, FrameOrigin<'_>)> {
        let (number, record) = self.advance()?;
        let Active { reader, rank } = self.active.as_ref()?;
        Some((
            frame_of(number, &record, reader),
            FrameOrigin::new(reader, *rank),
        ))
    }

    /// Inputs of which nothing could be read, so far: a file may also vanish before its turn comes.
    #[must_use]
    pub fn failures(&self) -> &[CaptureError] {
        &self.failures
    }

    /// How far reading has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            octets_read: self.octets_read.load(Ordering::Relaxed),
            total_octets: self.total_octets,
        }
    }

    /// What the files read so far say of themselves, and what was wrong with them.
    #[must_use]
    pub fn finish(mut self) -> Provenance {
        if let Some(active) = self.active.take() {
            active.reader.close(&mut self.provenance);
        }
        for Reverse(waiting) in self.waiting {
            if let WaitingFile::Open { reader, .. } = waiting.file {
                reader.close(&mut self.provenance);
            }
        }
        self.provenance
    }

    fn empty() -> Self {
        Self {
            accepted: 0,
            active: None,
            waiting: BinaryHeap::new(),
            open_files: 0,
            postponed: VecDeque::new(),
            last_number: 0,
            provenance: Provenance::default(),
            failures: Vec::new(),
            octets_read: Arc::default(),
            total_octets: Some(0),
        }
    }

    fn add_path(&mut self, path: &Path) -> Result<(), CaptureError> {
        let metadata =
            fs::metadata(path).map_err(|cause| CaptureError::from_io(shown(path), cause))?;
        if metadata.is_dir() {
            self.add_directory(path)
        } else if metadata.is_file() {
            self.add_file(path, metadata.len())
        } else {
            // A pipe with a name gives its octets once: there is no looking first and reading later.
            let file = open_file(path)?;
            self.add_pipe(&shown(path), Box::new(file))
        }
    }

    fn add_directory(&mut self, directory: &Path) -> Result<(), CaptureError> {
        let failed = |cause| CaptureError::from_io(shown(directory), cause);
        let mut paths = fs::read_dir(directory)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<PathBuf>>>()
            .map_err(failed)?;
        paths.sort();
        let mut holds_capture = false;
        for path in paths {
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            match self.add_file(&path, metadata.len()) {
                Ok(()) => holds_capture = true,
                // Other files may lie beside captures, and a ring buffer may just have begun a new one.
                Err(CaptureError::NotACapture { .. } | CaptureError::Empty { .. }) => {}
                Err(
                    error @ (CaptureError::HeaderCut { .. }
                    | CaptureError::CompressionDamaged { .. }),
                ) => {
                    self.provenance.warn("file-unreadable", error.to_string());
                }
                Err(error) => self.failures.push(error),
            }
        }
        if holds_capture {
            Ok(())
        } else {
            Err(CaptureError::NoCaptureInDirectory {
                input: shown(directory),
            })
        }
    }

    /// Looks when a regular file starts. It is closed again, so that any number of files can be waiting.
    fn add_file(&mut self, path: &Path, octets: u64) -> Result<(), CaptureError> {
        let mut reader = CaptureReader::open(&shown(path), Box::new(open_file(path)?))?;
        // Without frames a file is read first, for what it says of itself.
        let time = reader
            .next_record()
            .map_or(Timestamp(i64::MIN), |record| record.timestamp);
        let rank = self.accept();
        self.waiting.push(Reverse(Waiting {
            time,
            rank,
            file: WaitingFile::Unopened(path.to_path_buf()),
        }));
        self.total_octets = self.total_octets.map(|total| total.saturating_add(octets));
        Ok(())
    }

    fn add_pipe(&mut self, name: &str, source: Box<dyn Read + Send>) -> Result<(), CaptureError> {
        let counted = Counted {
            source,
            octets_read: Arc::clone(&self.octets_read),
        };
        let reader = Box::new(CaptureReader::open(name, Box::new(counted))?);
        self.total_octets = None;
        let rank = self.accept();
        self.start(reader, rank);
        Ok(())
    }

    /// Counts an input that can be read and gives its rank.
    fn accept(&mut self) -> usize {
        let rank = self.accepted;
        self.accepted = self.accepted.saturating_add(1);
        rank
    }

    /// The next record of the active file, when it is the earliest of all files.
    #[inline]
    fn active_record(&mut self) -> Option<Record> {
        let active = self.active.as_mut()?;
        let record = active.reader.next_record();
        match (record, self.waiting.peek()) {
            (Some(record), None) => Some(record),
            (Some(record), Some(Reverse(earliest)))
                if (record.timestamp, active.rank) <= earliest.key() =>
            {
                Some(record)
            }
            (record, _) => {
                if let Some(Active { reader, rank }) = self.active.take() {
                    self.wait_or_close(reader, rank, record);
                }
                None
            }
        }
    }

    /// Makes the file with the earliest frame the active one and gives that frame's record.
    fn switch_file(&mut self) -> Option<Record> {
        loop {
            let Reverse(Waiting { time, rank, file }) = self.waiting.pop()?;
            match file {
                WaitingFile::Open { reader, record } => {
                    self.active = Some(Active { reader, rank });
                    return Some(record);
                }
                WaitingFile::Unopened(path) if self.open_files < MAX_OPEN_FILES => {
                    let counted = |file| Counted {
                        source: file,
                        octets_read: Arc::clone(&self.octets_read),
                    };
                    let opened = open_file(&path).and_then(|file| {
                        CaptureReader::open(&shown(&path), Box::new(counted(file)))
                    });
                    match opened {
                        Ok(reader) => self.start(Box::new(reader), rank),
                        Err(error) => self.failures.push(error),
                    }
                }
                WaitingFile::Unopened(path) => {
                    if self.postponed.is_empty() {
                        let warning = format!(
                            "{}: more than {MAX_OPEN_FILES} files hold frames of the same time; some were read later, \
                             out of time order",
                            shown(&path)
                        );
                        self.provenance.warn("open-file-limit-reached", warning);
                    }
                    self.postponed.push_back(Waiting {
                        time,
                        rank,
                        file: WaitingFile::Unopened(path),
                    });
                }
            }
        }
    }

    /// Takes in a file that was just opened.
    fn start(&mut self, mut reader: Box<CaptureReader>, rank: usize) {
        self.open_files = self.open_files.saturating_add(1);
        let record = reader.next_record();
        self.wait_or_close(reader, rank, record);
    }

    /// Keeps a file until its next record is the earliest, or closes it when it has none.
    fn wait_or_close(&mut self, reader: Box<CaptureReader>, rank: usize, record: Option<Record>) {
        if let Some(record) = record {
            let file = WaitingFile::Open { reader, record };
            self.waiting.push(Reverse(Waiting {
                time: record.timestamp,
                rank,
                file,
            }));
        } else {
            reader.close(&mut self.provenance);
            self.open_files = self.open_files.saturating_sub(1);
            self.waiting.extend(self.postponed.pop_front().map(Reverse));
        }
    }
}

/// The frame of a record of this file.
#[inline]
fn frame_of<'a>(number: FrameNumber, record: &Record, reader: &'a CaptureReader) -> Frame<'a> {
    Frame {
        number,
        timestamp: record.timestamp,
        link_type: record.link_type,
        original_length: record.original_length,
        bytes: reader.octets(record),
    }
}

fn open_file(path: &Path) -> Result<File, CaptureError> {
    File::open(path).map_err(|cause| CaptureError::from_io(shown(path), cause))
}

/// Counts what is read, below decompression.
struct Counted<R> {
    source: R,
    octets_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(room)?;
        self.octets_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A pcap file with microseconds, one octet per frame.
    fn pcap(frames: &[(u32, u8)]) -> Vec<u8> {
        let mut bytes = vec![
            0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0,
            0,
        ];
        for (seconds, octet) in frames {
            bytes.extend(seconds.to_le_bytes());
            bytes.extend([0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, *octet]);
        }
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    struct Files(tempfile::TempDir);

    impl Files {
        fn new(files: &[(&str, Vec<u8>)]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            for (name, bytes) in files {
                fs::write(directory.path().join(name), bytes).unwrap();
            }
            Self(directory)
        }

        fn input(&self, name: &str) -> Input {
            Input::Path(self.0.path().join(name))
        }

        fn directory(&self) -> Input {
            Input::Path(self.0.path().to_path_buf())
        }
    }

    /// The octet of every frame; checks that numbers count from 1.
    fn octets(stream: &mut FrameStream) -> Vec<u8> {
        let mut octets = Vec::new();
        while let Some(frame) = stream.next_frame() {
            octets.push(frame.bytes[0]);
            assert_eq!(frame.number.0, octets.len() as u64);
        }
        octets
    }

    #[test]
    fn files_are_merged_by_time_and_their_own_order_is_kept() {
        let files = Files::new(&[
            ("a", pcap(&[(10, 1), (30, 4), (20, 5), (50, 8)])),
            ("b", pcap(&[(20, 2), (30, 6), (40, 7)])),
            ("c", pcap(&[(20, 3)])),
            ("d", pcap(&[(60, 9)])),
            ("e", pcap(&[])),
        ]);
        let inputs = ["d", "a", "e", "b", "c"].map(|name| files.input(name));
        let mut stream = FrameStream::open(&inputs).unwrap();
        assert_eq!(octets(&mut stream), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let progress = stream.progress();
        assert_eq!(Some(progress.octets_read), progress.total_octets);
        let provenance = stream.finish();
        assert_eq!(provenance.interfaces.len(), 1);
        assert_eq!(provenance.interfaces[0].frames, 9);
    }

    #[test]
    fn equal_times_keep_the_order_of_the_inputs() {
        let files = Files::new(&[
            ("a", pcap(&[(1, 1), (1, 2)])),
            ("b", pcap(&[(1, 3), (1, 4)])),
        ]);
        let mut stream = FrameStream::open(&[files.input("b"), files.input("a")]).unwrap();
        assert_eq!(octets(&mut stream), [3, 4, 1, 2]);
    }

    #[test]
    fn a_directory_gives_its_captures_whatever_their_names() {
        let files = Files::new(&[
            ("ring_2.pcap", pcap(&[(20, 2)])),
            ("ring_1", gzip(&pcap(&[(10, 1)]))),
            (
                "ring_3.txt",
                zstd::encode_all(&pcap(&[(30, 3)])[..], 1).unwrap(),
            ),
            ("notes.pcap", b"just text".to_vec()),
            ("new.pcap", Vec::new()),
            ("cut.pcap", pcap(&[])[..20].to_vec()),
        ]);
        fs::create_dir(files.0.path().join("deeper")).unwrap();
        let mut stream = FrameStream::open(&[files.directory()]).unwrap();
        assert_eq!(octets(&mut stream), [1, 2, 3]);
        assert!(stream.failures().is_empty());
        let provenance = stream.finish();
        assert_eq!(provenance.anomalies.count("file-unreadable"), 1);
        assert!(
            provenance.warnings[0]
                .contains("cut.pcap: the capture is cut off inside its file header")
        );
    }

    #[test]
    fn a_long_ring_buffer_is_read_file_by_file() {
        let files: Vec<(String, Vec<u8>)> = (0..300_u32)
            .map(|i| {
                (
                    format!("ring_{}", 299 - i),
                    pcap(&[(i * 2, (i % 250) as u8), (i * 2 + 1, 255)]),
                )
            })
            .collect();
        let files: Vec<(&str, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        let files = Files::new(&files);
        let mut stream = FrameStream::open(&[files.directory()]).unwrap();
        let mut most_open = 0;
        let mut last = Timestamp(0);
        while let Some(frame) = stream.next_frame() {
            assert!(frame.timestamp >= last);
            last = frame.timestamp;
            most_open = most_open.max(stream.open_files);
        }
        assert_eq!((most_open, stream.last_number), (1, 600));
        assert_eq!(stream.finish().interfaces.len(), 1);
    }

    #[test]
    fn no_more_than_a_bounded_number_of_files_is_open() {
        let names: Vec<String> = (0..MAX_OPEN_FILES + 10).map(|i| i.to_string()).collect();
        let files: Vec<(&str, Vec<u8>)> = names
            .iter()
            .map(|name| (name.as_str(), pcap(&[(1, 1), (9, 9)])))
            .collect();
        let files = Files::new(&files);
        let mut stream = FrameStream::open(&[files.directory()]).unwrap();
        while stream.next_frame().is_some() {
            assert!(stream.open_files <= MAX_OPEN_FILES);
        }
        assert_eq!(stream.last_number, 2 * (MAX_OPEN_FILES as u64 + 10));
        assert_eq!(
            stream.finish().anomalies.count("open-file-limit-reached"),
            1
        );
    }

    #[test]
    fn an_unreadable_input_does_not_lose_the_others() {
        let files = Files::new(&[
            ("good", pcap(&[(1, 1)])),
            ("bad", b"PK\x03\x04....".to_vec()),
        ]);
        let inputs = [
            files.input("bad"),
            files.input("good"),
            files.input("absent"),
        ];
        let mut stream = FrameStream::open(&inputs).unwrap();
        assert_eq!(octets(&mut stream), [1]);
        let messages: Vec<String> = stream.failures().iter().map(ToString::to_string).collect();
        assert!(messages[0].ends_with(
            "bad: not a pcap or pcapng capture but a zip archive; unpack it and name the capture inside"
        ));
        assert!(messages[1].contains("absent: no such file"));
    }

    #[test]
    fn a_file_that_vanishes_before_its_turn_is_a_failure() {
        let files = Files::new(&[("a", pcap(&[(1, 1)])), ("b", pcap(&[(2, 2)]))]);
        let mut stream = FrameStream::open(&[files.directory()]).unwrap();
        fs::remove_file(files.0.path().join("b")).unwrap();
        assert_eq!(octets(&mut stream), [1]);
        assert!(matches!(stream.failures(), [CaptureError::NotFound { .. }]));
    }

    #[test]
    fn nothing_readable_is_an_error_for_each_input() {
        let files = Files::new(&[
            ("empty", Vec::new()),
            ("cut", vec![0x0a, 0x0d, 0x0d, 0x0a, 28]),
            ("gz", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff]),
        ]);
        let inputs = ["empty", "cut", "gz"].map(|name| files.input(name));
        let errors = FrameStream::open(&inputs).err().unwrap();
        assert!(matches!(
            errors.as_slice(),
            [
                CaptureError::Empty { .. },
                CaptureError::HeaderCut { octets: 5, .. },
                CaptureError::CompressionDamaged { .. }
            ]
        ));
        let bare = Files::new(&[("readme", b"text".to_vec())]);
        let errors = FrameStream::open(&[bare.directory()]).err().unwrap();
        assert!(matches!(
            errors.as_slice(),
            [CaptureError::NoCaptureInDirectory { .. }]
        ));
        assert!(matches!(
            FrameStream::open(&[]).err().as_deref(),
            Some([CaptureError::NoInput])
        ));
    }

    #[test]
    fn defects_are_counted_with_the_number_of_the_frame() {
        let mut bytes = pcap(&[(1, 1), (2, 2)]);
        bytes[24 + 17 + 12] = 0;
        let mut stream = FrameStream::from_reader("memory", io::Cursor::new(bytes)).unwrap();
        assert_eq!(octets(&mut stream), [1, 2]);
        let provenance = stream.finish();
        let kind = &provenance.anomalies.kinds()[0];
        assert_eq!(
            (kind.name.as_str(), kind.first_frame),
            ("original-length-too-small", Some(FrameNumber(2)))
        );
    }

    #[test]
    fn damaged_compression_gives_what_was_decompressed() {
        let frames: Vec<(u32, u8)> = (0..2_000).map(|i| (i, (i % 251) as u8)).collect();
        let mut bytes = gzip(&pcap(&frames));
        bytes.truncate(bytes.len() / 2);
        let mut stream = FrameStream::from_reader("memory", io::Cursor::new(bytes)).unwrap();
        assert!(octets(&mut stream).len() > 500);
        let provenance = stream.finish();
        assert_eq!(provenance.anomalies.count("compression-damaged"), 1);
        assert!(provenance.warnings[0].starts_with("memory: decompressing failed behind octet "));
    }
}
