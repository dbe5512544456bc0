//! Whatever bytes come, nothing panics, hangs or counts a frame twice: every recording, cut short and with bits turned over, through
//! reading, decoding and observing, and through the program.
//!
//! Which damage is tried is fixed by the seed and the counts below, never by the time it takes.

#[path = "support/truth.rs"]
#[allow(dead_code, reason = "what a recording contains does not matter here")]
mod truth;

use intap::capture::{Frame, FrameStream};
use intap::facts::{Fact, FactSink};
use intap::observe::{Limits, Observer};
use std::fs;
use std::io::{Cursor, Write};
use std::process::{Command, Stdio};
use truth::{recording, recordings};

/// Octets at either end of a file at which every truncation is tried; in between it is one in `STRIDE`.
const THOROUGH: usize = 400;
const STRIDE: usize = 131;
/// Damaged copies of each recording, for each way to damage it.
const COPIES: usize = 250;

/// Marsaglia's xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound.max(1)
    }

    /// Turns over one to four bits.
    fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.below(4) {
            let (at, bit) = (self.below(bytes.len()), self.below(8));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
    }
}

/// Counts the packets of all flows.
#[derive(Default)]
struct Packets(u64);

impl FactSink for Packets {
    fn accept(&mut self, fact: Fact) {
        if let Fact::Flow(flow) = fact {
            self.0 += flow.packets[0] + flow.packets[1] + flow.copies;
        }
    }
}

/// Runs a capture file through the pipeline; each frame is shown to `alter` first, which may change it.
fn observe(file: Vec<u8>, mut alter: impl FnMut(&Frame<'_>) -> Option<Vec<u8>>) {
    let Ok(mut stream) = FrameStream::from_reader("damaged", Cursor::new(file)) else {
        return;
    };
    let mut observer = Observer::new(Limits::default());
    let (mut frames, mut packets) = (0, Packets::default());
    while let Some(frame) = stream.next_frame() {
        frames += 1;
        match alter(&frame) {
            Some(bytes) => observer.push(
                &Frame {
                    bytes: &bytes,
                    original_length: frame.original_length.max(bytes.len() as u32),
                    ..frame
                },
                &mut packets,
            ),
            None => observer.push(&frame, &mut packets),
        };
    }
    observer.finish(&mut packets);
    drop(stream.finish());
    assert!(
        packets.0 <= frames,
        "{frames} frames gave {} packets",
        packets.0
    );
}

/// Every recording's name and file.
fn files() -> Vec<(String, Vec<u8>)> {
    recordings()
        .into_iter()
        .map(|name| {
            let file = fs::read(recording(&name).capture).expect("the capture is readable");
            (name, file)
        })
        .collect()
}

#[test]
fn files_cut_anywhere() {
    for (_, file) in files() {
        let end = file.len();
        for length in 0..=end {
            if length < THOROUGH || end - length < THOROUGH || length.is_multiple_of(STRIDE) {
                observe(file[..length].to_vec(), |_| None);
            }
        }
    }
}

#[test]
fn files_with_bits_turned_over() {
    let mut random = Random(1);
    for (_, file) in files() {
        for _ in 0..COPIES {
            let mut damaged = file.clone();
            random.damage(&mut damaged);
            observe(damaged, |_| None);
        }
    }
}

#[test]
fn frames_cut_at_every_snap_length() {
    for (_, file) in files() {
        for length in (0..160).chain((160..1_700).step_by(17)) {
            observe(file.clone(), |frame| {
                Some(frame.bytes[..frame.bytes.len().min(length)].to_vec())
            });
        }
    }
}

#[test]
fn frames_with_bits_turned_over() {
    let mut random = Random(2);
    for (_, file) in files() {
        for _ in 0..COPIES {
            observe(file.clone(), |frame| {
                // One frame in eight, so that what follows still meets the state that a damaged one leaves behind.
                (random.below(8) == 0).then(|| {
                    let mut bytes = frame.bytes.to_vec();
                    random.damage(&mut bytes);
                    bytes
                })
            });
        }
    }
}

#[test]
fn frames_missing_repeated_and_exchanged() {
    let mut random = Random(3);
    for (_, file) in files() {
        for _ in 0..COPIES / 5 {
            let mut last = Vec::new();
            observe(file.clone(), |frame| {
                let bytes = match random.below(12) {
                    0 => Vec::new(),
                    1 => last.clone(),
                    2 => std::mem::replace(&mut last, frame.bytes.to_vec()),
                    _ => return None,
                };
                Some(bytes)
            });
        }
    }
}

#[test]
fn the_program_reports_on_damaged_files_or_says_why_not() {
    let mut random = Random(4);
    for (name, file) in files() {
        let mut copies = vec![
            Vec::new(),
            file[..30].to_vec(),
            file[..file.len() / 2].to_vec(),
        ];
        for _ in 0..3 {
            let mut damaged = file.clone();
            for _ in 0..50 {
                random.damage(&mut damaged);
            }
            copies.push(damaged);
        }
        for (copy, bytes) in copies.into_iter().enumerate() {
            let (status, report) = audit(&bytes);
            match status {
                Some(0 | 1) => assert!(
                    serde_json::from_slice::<serde_json::Value>(&report).is_ok(),
                    "{name}, copy {copy}: no JSON report"
                ),
                Some(2) => {}
                other => panic!("{name}, copy {copy}: exit status {other:?}"),
            }
        }
    }
}

/// Exit status and output of the program for a capture on its standard input.
fn audit(capture: &[u8]) -> (Option<i32>, Vec<u8>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_intap"))
        .args(["audit", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    // Captures are larger than a pipe holds, and the program may stop reading at any point.
    let mut input = program.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(capture).ok());
        program.wait_with_output().expect("the program ends")
    });
    (output.status.code(), output.stdout)
}
