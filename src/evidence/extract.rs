//! Reads the frames a second time and writes those of the plan.

use super::plan::EvidencePlan;
use crate::anonymize::{Anonymizer, Cut};
use crate::capture::{Frame, FrameOrigin, FrameStream, InterfaceKey, PcapngWriter};
use crate::decode::Decoder;
use crate::facts::FrameNumber;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extract {
    /// Frames written.
    pub frames: u64,
}

/// Why the frames could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The second reading gave other frames than the first.
    #[error(
        "the capture files changed while they were read; stop the recording, or copy them, and run this again"
    )]
    Changed,
    /// The output does not take them.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Writes the frames of `plan` to `out` as pcapng, in the order of `stream`, which has to give the frames that the plan was
/// made from, from the first one on. Each comment says what the frame proves, and which frame of which file it is.
///
/// With an `anonymizer` the frames are rewritten, and neither files nor interfaces are named. It has to be the one that the
/// facts behind the plan went through.
///
/// # Errors
///
/// [`ExtractError::Changed`] when the stream lacks frames of the plan or has others in their place, and whatever `out`
/// reports.
pub fn extract(
    mut plan: EvidencePlan,
    stream: &mut FrameStream,
    anonymizer: Option<&Anonymizer<'_>>,
    out: impl Write,
) -> Result<Extract, ExtractError> {
    let application = concat!("intap ", env!("CARGO_PKG_VERSION"));
    let mut writer = PcapngWriter::new(
        out,
        application,
        "The frames behind the findings of an intap report. Comments say what each proves; all else is as captured.",
    )?;
    let mut decoder = plan.needs_packets().then(Decoder::default);
    let mut interfaces: HashMap<InterfaceKey, u32> = HashMap::new();
    let mut extract = Extract::default();
    let last = plan.last();
    while let Some((frame, origin)) = stream.next_with_origin() {
        if frame.number > last {
            break;
        }
        let mut packet = decoder.as_mut().and_then(|decoder| decoder.decode(&frame));
        if let (Some(anonymizer), Some(packet)) = (anonymizer, &mut packet) {
            // The plan knows addresses as the report has them.
            packet.ip.source = anonymizer.address(packet.ip.source);
            packet.ip.destination = anonymizer.address(packet.ip.destination);
        }
        let Some(reason) = plan.take(frame.number, packet.as_ref()) else {
            continue;
        };
        if reason.time.is_some_and(|time| time != frame.timestamp) {
            return Err(ExtractError::Changed);
        }
        let interface = match interfaces.entry(origin.interface()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let mut interface = origin.describe_interface().ok_or(ExtractError::Changed)?;
                if anonymizer.is_some() {
                    interface.summary.name = None;
                    interface.summary.description = None;
                    interface.summary.filter = None;
                }
                *place.insert(writer.add_interface(&interface)?)
            }
        };
        if let Some(anonymizer) = anonymizer {
            let rewritten = anonymizer.rewrite(&frame);
            let frame = Frame {
                bytes: &rewritten.bytes,
                ..frame
            };
            let comment = anonymous_comment(&reason.words, frame.number, rewritten.cut);
            writer.write(interface, &frame, &comment)?;
        } else {
            let comment = format!("{}\n{}", reason.words, provenance(frame.number, &origin));
            writer.write(interface, &frame, &comment)?;
        }
        extract.frames = extract.frames.saturating_add(1);
    }
    if plan.outstanding() > 0 {
        return Err(ExtractError::Changed);
    }
    writer.into_inner().flush()?;
    Ok(extract)
}

/// Where the frame is to be found: by its number in the report, and in its file where that differs.
fn provenance(number: FrameNumber, origin: &FrameOrigin<'_>) -> String {
    if origin.number() == number {
        format!("Frame {number} of {}", origin.input())
    } else {
        format!(
            "Frame {number} of the report, {} of {}",
            origin.number(),
            origin.input()
        )
    }
}

/// The same without naming the file, and with what is missing.
fn anonymous_comment(words: &str, number: FrameNumber, cut: Option<Cut>) -> String {
    let comment = format!("{words}\nFrame {number} of the report, anonymized");
    match cut {
        Some(Cut { octets }) => format!(
            "{comment}; {octets} octets at its end were left out, because they could not be rewritten safely"
        ),
        None => comment,
    }
}
