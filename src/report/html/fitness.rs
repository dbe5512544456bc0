//! What the capture can prove, and what could not be read of it.

use super::{SENTENCE_CHARACTERS, judgement_words, octets, shortened};
use crate::audit::AuditReport;
use std::borrow::Cow;

/// Kinds of anomalies shown.
const SHOWN_ANOMALIES: usize = 40;

/// Interfaces shown.
const SHOWN_INTERFACES: usize = 16;

/// Reasons shown.
const SHOWN_REASONS: usize = 40;

/// The section on fitness.
#[derive(Debug)]
pub struct Fitness<'r> {
    pub judgement: &'static str,
    pub meaning: &'static str,
    pub reasons: Vec<ReasonEntry<'r>>,
    pub anomalies: Vec<AnomalyRow<'r>>,
    pub interfaces: Vec<InterfaceRow<'r>>,
    pub counts: Vec<(&'static str, String)>,
}

/// One property of the capture that matters.
#[derive(Debug)]
pub struct ReasonEntry<'r> {
    pub weight: &'static str,
    pub text: Cow<'r, str>,
    pub consequence: &'static str,
    pub remedy: &'static str,
}

/// Something that could not be read.
#[derive(Debug)]
pub struct AnomalyRow<'r> {
    pub name: &'r str,
    pub count: u64,
    pub first_frame: Option<u64>,
}

/// One capturing interface.
#[derive(Debug)]
pub struct InterfaceRow<'r> {
    pub name: Cow<'r, str>,
    pub frames: u64,
    pub snap_length: String,
    pub dropped: String,
    pub filter: Cow<'r, str>,
}

impl<'r> Fitness<'r> {
    /// The section of `report`.
    #[must_use]
    pub fn of(report: &'r AuditReport) -> Self {
        let capture = &report.capture;
        let (judgement, meaning) = judgement_words(report.fitness.judgement);
        Self {
            judgement,
            meaning,
            reasons: report
                .fitness
                .reasons
                .iter()
                .take(SHOWN_REASONS)
                .map(|reason| ReasonEntry {
                    weight: judgement_words(reason.weight).0,
                    text: shortened(&reason.text, SENTENCE_CHARACTERS),
                    consequence: reason.consequence,
                    remedy: reason.remedy,
                })
                .collect(),
            anomalies: capture
                .anomalies
                .kinds()
                .iter()
                .take(SHOWN_ANOMALIES)
                .map(|anomaly| AnomalyRow {
                    name: &anomaly.name,
                    count: anomaly.count,
                    first_frame: anomaly.first_frame.map(|frame| frame.0),
                })
                .collect(),
            interfaces: capture
                .interfaces
                .iter()
                .take(SHOWN_INTERFACES)
                .map(|interface| InterfaceRow {
                    name: named(
                        interface
                            .name
                            .as_deref()
                            .or(interface.description.as_deref()),
                    ),
                    frames: interface.frames,
                    snap_length: match interface.snap_length {
                        0 => "whole packets".to_owned(),
                        length => format!("{length} octets"),
                    },
                    dropped: interface
                        .dropped
                        .map_or("not said".to_owned(), |count| count.to_string()),
                    filter: named(interface.filter.as_deref()),
                })
                .collect(),
            counts: vec![
                ("Frames", capture.frames.to_string()),
                ("As sent", octets(capture.original_octets)),
                ("As captured", octets(capture.captured_octets)),
                ("Cut short", capture.truncated_frames.to_string()),
                ("Copies left out", capture.copies.to_string()),
                ("Wrong checksums", capture.bad_checksums.to_string()),
                ("Steps back in time", capture.backward_steps.to_string()),
            ],
        }
    }
}

fn named(text: Option<&str>) -> Cow<'_, str> {
    text.map_or(Cow::Borrowed(""), |text| {
        shortened(text, SENTENCE_CHARACTERS)
    })
}
