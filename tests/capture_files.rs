//! Capture files that are cut, damaged or made of anything: whatever can be read is given, and nothing panics.

use intap::capture::{CaptureError, FrameStream, Provenance};
use proptest::prelude::*;
use std::io::Cursor;

/// Octets of every frame, and what was wrong.
fn read(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Provenance), CaptureError> {
    let mut stream = FrameStream::from_reader("test", Cursor::new(bytes.to_vec()))?;
    let mut frames = Vec::new();
    while let Some(frame) = stream.next_frame() {
        assert!(frame.original_length as usize >= frame.bytes.len());
        frames.push(frame.bytes.to_vec());
    }
    assert!(stream.failures().is_empty());
    Ok((frames, stream.finish()))
}

/// Frames of different lengths and contents, also an empty one.
fn frames() -> Vec<Vec<u8>> {
    [60_usize, 1, 0, 1_514, 74, 3, 128]
        .iter()
        .map(|length| (0..*length).map(|i| (i ^ length) as u8).collect())
        .collect()
}

fn pcap() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        bytes.extend(word.to_le_bytes());
    }
    for (i, frame) in frames().iter().enumerate() {
        for word in [
            1_700_000_000 + i as u32,
            5,
            frame.len() as u32,
            frame.len() as u32,
        ] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    bytes
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().wrapping_neg() % 4];
    let total = (12 + body.len() + padding.len()) as u32;
    [
        &kind.to_le_bytes(),
        &total.to_le_bytes()[..],
        body,
        &padding,
        &total.to_le_bytes(),
    ]
    .concat()
}

fn pcapng() -> Vec<u8> {
    let mut bytes = block(
        0x0a0d_0d0a,
        b"\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x04\0\x03\0abc\0\0\0\0\0",
    );
    bytes.extend(block(
        1,
        b"\x01\0\0\0\0\0\x04\0\x02\0\x04\0eth0\x09\0\x01\0\x09\0\0\0\0\0\0\0",
    ));
    for (i, frame) in frames().iter().enumerate() {
        let mut body = Vec::new();
        for word in [
            0,
            395_812_000,
            i as u32,
            frame.len() as u32,
            frame.len() as u32,
        ] {
            body.extend(word.to_le_bytes());
        }
        body.extend(frame);
        bytes.extend(block(6, &body));
    }
    bytes.extend(block(
        5,
        b"\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\x08\0\x07\0\0\0\0\0\0\0",
    ));
    bytes
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn whole_files_give_all_frames_in_any_packing() {
    for bytes in [pcap(), pcapng()] {
        for packed in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
            let (read, provenance) = read(&packed).unwrap();
            assert_eq!(read, frames());
            assert!(provenance.warnings.is_empty() && provenance.anomalies.kinds().is_empty());
        }
    }
}

#[test]
fn every_cut_gives_a_prefix_of_the_frames_and_says_so() {
    // A zstd frame of this size is a single block, of which a part gives nothing.
    for (bytes, least) in [
        (pcap(), 6),
        (pcapng(), 7),
        (gzip(&pcap()), 6),
        (zstd(&pcapng()), 0),
    ] {
        let all = frames();
        let mut most = 0;
        for cut in 0..bytes.len() {
            let Ok((read, provenance)) = read(&bytes[..cut]) else {
                assert_eq!(most, 0, "cut at {cut}");
                continue;
            };
            assert_eq!(read, all[..read.len()], "cut at {cut}");
            assert!(read.len() >= most, "cut at {cut}");
            most = read.len();
            assert!(provenance.warnings.len() <= 1);
        }
        assert!(most >= least);
    }
}

#[test]
fn a_flipped_octet_costs_little() {
    for bytes in [pcap(), pcapng()] {
        // Behind the headers that everything depends on.
        for position in 100..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[position] ^= flip;
                let (read, _) = read(&damaged).unwrap();
                let all = frames();
                let intact = all.iter().filter(|frame| read.contains(frame)).count();
                assert!(
                    intact + 3 >= all.len(),
                    "octet {position} with {flip:02x}: {intact} frames are intact"
                );
            }
        }
    }
}

#[test]
fn damaged_packing_never_panics() {
    for packed in [gzip(&pcap()), zstd(&pcapng())] {
        for position in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[position] ^= 0x55;
            let _ = read(&damaged);
        }
    }
}

proptest! {
    #[test]
    fn anything_behind_a_header_is_survived(garbage in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        for head in [&pcap()[..24], &pcapng()[..80], &gzip(&pcap())[..20], &zstd(&pcap())[..12], &[]] {
            let _ = read(&[head, &garbage].concat());
        }
    }

    #[test]
    fn garbage_between_two_files_loses_neither(garbage in proptest::collection::vec(any::<u8>(), 0..400)) {
        // The second one of the pcapng files starts a section of its own.
        let (read, _) = read(&[&pcapng()[..], &garbage, &pcapng()].concat()).unwrap();
        let all = frames();
        prop_assert!(read.starts_with(&all) && read.ends_with(&all));
    }
}
