//! Walks the records of one direction by their headers.
//!
//! In: bytes in order, and gaps. Out: headers, and the bytes between them. A gap inside a record's body is counted off and
//! the next header found behind it; a gap that swallows a header loses the way until a segment begins with records again.

use super::record::{self, HEADER_OCTETS, RecordHeader};

/// Where in the sequence of records a direction is.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// In a header, of which `have` octets are there.
    Header {
        octets: [u8; HEADER_OCTETS],
        have: usize,
    },
    /// In a record, of which `remaining` octets are to come.
    Body { remaining: u16 },
    /// After a loss, where no header is known.
    Lost,
    /// Not TLS, for good.
    Foreign,
}

impl Position {
    const BETWEEN_RECORDS: Self = Self::Header {
        octets: [0; HEADER_OCTETS],
        have: 0,
    };
}

/// What comes next in a stream of records.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A record begins.
    Header(RecordHeader),
    /// The next part of the body of the record that began last.
    Body(&'a [u8]),
    /// What should be a header is none; what follows is not looked at.
    Foreign,
}

/// The position in one direction's records.
#[derive(Debug, Clone)]
pub(super) struct RecordWalker {
    position: Position,
    /// Octets were lost: a bad header may be the fault of a wrong guess, not of the sender.
    gapped: bool,
}

impl Default for RecordWalker {
    fn default() -> Self {
        Self {
            position: Position::BETWEEN_RECORDS,
            gapped: false,
        }
    }
}

impl RecordWalker {
    /// Takes the next step and moves `bytes` behind it; `None` when they are used up.
    pub(super) fn step<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Step<'a>> {
        match self.position {
            _ if bytes.is_empty() => None,
            Position::Header { octets, have } => self.step_header(octets, have, bytes),
            Position::Body { remaining } => {
                let (part, rest) = bytes
                    .split_at_checked(usize::from(remaining))
                    .unwrap_or((bytes, &[]));
                *bytes = rest;
                let taken = u16::try_from(part.len()).unwrap_or(u16::MAX);
                self.position = match remaining.saturating_sub(taken) {
                    0 => Position::BETWEEN_RECORDS,
                    remaining => Position::Body { remaining },
                };
                Some(Step::Body(part))
            }
            Position::Lost | Position::Foreign => None,
        }
    }

    /// Whether octets were lost so far.
    pub(super) fn has_gaps(&self) -> bool {
        self.gapped
    }

    /// Counts off lost octets; false when the place of the next header is lost with them.
    pub(super) fn gap(&mut self, octets: u64) -> bool {
        self.gapped = true;
        let left = match self.position {
            Position::Body { remaining } => u16::try_from(octets)
                .ok()
                .and_then(|octets| remaining.checked_sub(octets)),
            _ => None,
        };
        self.position = match (left, self.position) {
            (_, Position::Foreign) => Position::Foreign,
            (None, _) => Position::Lost,
            (Some(0), _) => Position::BETWEEN_RECORDS,
            (Some(remaining), _) => Position::Body { remaining },
        };
        left.is_some()
    }

    /// After a loss, looks whether a segment begins with records; true when it does and the walk goes on with it.
    pub(super) fn find_the_way_back(&mut self, segment: &[u8]) -> bool {
        let found = matches!(self.position, Position::Lost) && record::is_chain_of_records(segment);
        if found {
            self.position = Position::BETWEEN_RECORDS;
        }
        found
    }

    fn step_header<'a>(
        &mut self,
        mut octets: [u8; HEADER_OCTETS],
        mut have: usize,
        bytes: &mut &'a [u8],
    ) -> Option<Step<'a>> {
        while let (Some(slot), Some((octet, behind))) = (octets.get_mut(have), bytes.split_first())
        {
            *slot = *octet;
            *bytes = behind;
            have = have.saturating_add(1);
        }
        if !record::looks_like_tls(octets.get(..have).unwrap_or(&octets)) {
            self.position = if self.gapped {
                Position::Lost
            } else {
                Position::Foreign
            };
            return Some(Step::Foreign);
        }
        match RecordHeader::read(octets) {
            Some(header) if have == HEADER_OCTETS => {
                self.position = Position::Body {
                    remaining: header.length,
                };
                Some(Step::Header(header))
            }
            _ => {
                self.position = Position::Header { octets, have };
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(walker: &mut RecordWalker, mut bytes: &[u8]) -> Vec<u8> {
        let mut kinds = Vec::new();
        while let Some(step) = walker.step(&mut bytes) {
            match step {
                Step::Header(header) => kinds.push(header.kind),
                Step::Foreign => kinds.push(0),
                Step::Body(_) => {}
            }
        }
        kinds
    }

    const RECORDS: [u8; 21] = [
        22, 3, 1, 0, 3, 1, 2, 3, 20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 2, 9, 9,
    ];

    #[test]
    fn finds_every_header_in_any_pieces() {
        for piece in 1..=RECORDS.len() {
            let mut walker = RecordWalker::default();
            let found: Vec<u8> = RECORDS
                .chunks(piece)
                .flat_map(|part| kinds(&mut walker, part))
                .collect();
            assert_eq!(found, [22, 20, 23], "pieces of {piece}");
        }
    }

    #[test]
    fn counts_off_a_gap_inside_a_body() {
        let mut walker = RecordWalker::default();
        assert_eq!(kinds(&mut walker, &RECORDS[..6]), [22]);
        assert!(walker.gap(2));
        assert_eq!(kinds(&mut walker, &RECORDS[8..]), [20, 23]);
    }

    #[test]
    fn waits_for_records_at_the_start_of_a_segment_when_a_header_is_lost() {
        let mut walker = RecordWalker::default();
        assert_eq!(kinds(&mut walker, &RECORDS[..6]), [22]);
        assert!(!walker.gap(3));
        assert!(!walker.find_the_way_back(&RECORDS[9..]));
        assert!(kinds(&mut walker, &RECORDS[9..]).is_empty());
        assert!(walker.find_the_way_back(&RECORDS[14..]));
        assert_eq!(kinds(&mut walker, &RECORDS[14..]), [23]);
    }

    #[test]
    fn foreign_bytes_stay_foreign_unless_octets_were_lost_before() {
        let mut walker = RecordWalker::default();
        assert_eq!(kinds(&mut walker, b"HTTP/1.1 200 OK"), [0]);
        assert!(!walker.find_the_way_back(&RECORDS));
        let mut walker = RecordWalker::default();
        walker.gap(10);
        assert!(walker.find_the_way_back(&RECORDS));
        assert_eq!(kinds(&mut walker, b"HTTP/1.1 200 OK"), [0]);
        assert!(walker.find_the_way_back(&RECORDS));
    }
}
