//! DNS messages, rewritten in place: every name keeps its length, so that compression stays right.

use super::Anonymizer;
use super::frame::{be16, place};
use std::collections::HashMap;

/// Most records looked at; a message of 64 KiB can hold thousands that are of no use to anybody.
const MOST_RECORDS: usize = 256;
/// Most pointers followed in one name.
const MOST_POINTERS: usize = 16;

/// Record types (IANA DNS parameters).
const A: u16 = 1;
const NAME_ALONE: [u16; 4] = [2, 5, 12, 39];
const SOA: u16 = 6;
const MX: u16 = 15;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// Rewrites a message; false when it cannot be read to its end, or when one label stands for two things. It must then not be
/// shown.
pub(super) fn rewrite(anonymizer: &Anonymizer<'_>, message: &mut [u8]) -> bool {
    let original = message.to_vec();
    Rewriter {
        anonymizer,
        original: &original,
        message,
        labels: HashMap::new(),
    }
    .run()
    .is_some()
}

struct Rewriter<'m, 'a, 'c> {
    anonymizer: &'a Anonymizer<'c>,
    original: &'m [u8],
    message: &'m mut [u8],
    /// What the label at an offset becomes.
    labels: HashMap<usize, String>,
}

impl Rewriter<'_, '_, '_> {
    fn run(mut self) -> Option<()> {
        let counts: Vec<usize> = [4, 6, 8, 10]
            .into_iter()
            .map(|at| be16(self.original, at).map(usize::from))
            .collect::<Option<_>>()?;
        let records = counts.iter().skip(1).sum::<usize>();
        let questions = *counts.first()?;
        if records + questions > MOST_RECORDS {
            return None;
        }
        let mut at = 12;
        for _ in 0..questions {
            at = self.name(at)? + 4;
        }
        for _ in 0..records {
            at = self.record(at)?;
        }
        // Whatever follows is no part of the message.
        self.message.get_mut(at..)?.fill(0);
        for (at, label) in &self.labels {
            self.message
                .get_mut(*at..at + label.len())?
                .copy_from_slice(label.as_bytes());
        }
        Some(())
    }

    /// Plans the labels of a name at `at`; where what follows it begins.
    fn name(&mut self, at: usize) -> Option<usize> {
        let (labels, end) = self.labels_of(at)?;
        let words: Vec<&str> = labels
            .iter()
            .map(|(at, length)| {
                let label = self.original.get(*at..at + length)?;
                let plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_*".contains(octet);
                std::str::from_utf8(label)
                    .ok()
                    .filter(|label| label.bytes().all(|octet| plain(&octet)))
            })
            .collect::<Option<_>>()?;
        if words.is_empty() {
            return Some(end);
        }
        let other = self.anonymizer.name(&words.join("."));
        let mut others = other.split('.');
        for (at, length) in labels {
            let label = others.next().filter(|label| label.len() == length)?;
            if self
                .labels
                .insert(at, label.to_owned())
                .is_some_and(|planned| planned != label)
            {
                return None;
            }
        }
        others.next().is_none().then_some(end)
    }

    /// Offset and length of each label, and where what follows the name in its place begins (RFC 1035 §4.1.4).
    fn labels_of(&self, start: usize) -> Option<(Vec<(usize, usize)>, usize)> {
        let (mut at, mut end, mut pointers) = (start, None, 0);
        let (mut labels, mut octets) = (Vec::new(), 0);
        loop {
            let length = usize::from(*self.original.get(at)?);
            match length >> 6 {
                0 if length == 0 => return Some((labels, end.unwrap_or(at + 1))),
                0 => {
                    octets += length + 1;
                    if octets > 255 {
                        return None;
                    }
                    labels.push((at + 1, length));
                    at += 1 + length;
                }
                3 => {
                    let target = usize::from(be16(self.original, at)? & 0x3fff);
                    end.get_or_insert(at + 2);
                    pointers += 1;
                    if pointers > MOST_POINTERS || target >= at {
                        return None;
                    }
                    at = target;
                }
                _ => return None,
            }
        }
    }

    /// Rewrites a record; where the next one begins.
    fn record(&mut self, at: usize) -> Option<usize> {
        let at = self.name(at)?;
        let kind = be16(self.original, at)?;
        let length = usize::from(be16(self.original, at + 8)?);
        let data = at + 10;
        let end = data + length;
        self.original.get(data..end)?;
        match kind {
            A if length == 4 => self.anonymizer.v4_in_place(place(self.message, data)?),
            AAAA if length == 16 => self.anonymizer.v6_in_place(place(self.message, data)?),
            kind if NAME_ALONE.contains(&kind) => {
                self.name(data)?;
            }
            SOA => {
                let mailbox = self.name(data)?;
                self.name(mailbox)?;
            }
            MX => {
                self.name(data + 2)?;
            }
            SRV => {
                self.name(data + 6)?;
            }
            // Service bindings have addresses and names, options client subnets, text anything.
            _ => self.message.get_mut(data..end)?.fill(0),
        }
        Some(end)
    }
}
