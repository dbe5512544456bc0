//! Messages out of one direction of a DNS connection over TCP (RFC 1035 §4.2.2, RFC 7766 §8).

use std::mem;

/// Shortest message that can follow a length field: a header (RFC 1035 §4.1.1).
const MIN_MESSAGE_OCTETS: usize = 12;

/// Cuts one direction's bytes into messages.
///
/// It holds at most one message, 65,535 octets, and no more than was delivered of it.
#[derive(Debug, Clone, Default)]
pub struct DnsStream {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Collecting a message with its two-octet length field; empty between messages.
    Collecting(Vec<u8>),
    /// Part of a message is missing; its last octets, still to come, are of no use.
    Skipping(usize),
    /// Where the next message starts is not known any more.
    Lost,
}

impl Default for State {
    fn default() -> Self {
        Self::Collecting(Vec::new())
    }
}

impl DnsStream {
    /// Takes the next bytes and calls `each` with every message they complete.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Collecting(pending) => match fill(pending, bytes) {
                    Filled::Whole(message, rest) => {
                        each(message);
                        rest
                    }
                    Filled::Pending(rest) => {
                        if pending.len() > 2 && pending.len() == needed(pending).unwrap_or(0) {
                            let message = mem::take(pending);
                            each(message.get(2..).unwrap_or_default());
                        }
                        rest
                    }
                    Filled::NotDns => {
                        self.state = State::Lost;
                        return;
                    }
                },
                State::Skipping(left) => {
                    let skipped = bytes.len().min(*left);
                    *left = left.saturating_sub(skipped);
                    if *left == 0 {
                        self.state = State::default();
                    }
                    bytes.get(skipped..).unwrap_or_default()
                }
                State::Lost => return,
            };
        }
    }

    /// Says that `octets` octets were sent but not captured, and calls `each` with what is there of a message they cut.
    ///
    /// A gap that ends within the message it started in leaves the next message's start known; any other loses it.
    pub fn gap(&mut self, octets: u64, each: impl FnOnce(&[u8])) {
        let left = match &mut self.state {
            State::Collecting(pending) => {
                let pending = mem::take(pending);
                if let Some(start) = pending
                    .get(2..)
                    .filter(|start| start.len() >= MIN_MESSAGE_OCTETS)
                {
                    each(start);
                }
                needed(&pending).map(|needed| needed.saturating_sub(pending.len()))
            }
            State::Skipping(left) => Some(*left),
            State::Lost => None,
        };
        let left = left
            .zip(usize::try_from(octets).ok())
            .and_then(|(left, missing)| left.checked_sub(missing));
        self.state = match left {
            Some(0) => State::default(),
            Some(left) => State::Skipping(left),
            None => State::Lost,
        };
    }

    /// Whether the rest of this direction is unreadable: too much is missing, or it is not DNS.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }
}

/// Octets of the message in `pending`, length field included; `None` while the length is not known.
fn needed(pending: &[u8]) -> Option<usize> {
    let length: &[u8; 2] = pending.first_chunk()?;
    Some(usize::from(u16::from_be_bytes(*length)).saturating_add(2))
}

enum Filled<'a> {
    /// A message lies whole in the bytes; the bytes behind it.
    Whole(&'a [u8], &'a [u8]),
    /// Bytes were added to the pending message; those left over.
    Pending(&'a [u8]),
    /// The length field is too small for a message.
    NotDns,
}

fn fill<'a>(pending: &mut Vec<u8>, bytes: &'a [u8]) -> Filled<'a> {
    if pending.is_empty()
        && let Some(needed) = needed(bytes)
        && let Some((message, rest)) = bytes.split_at_checked(needed)
    {
        return match message.get(2..) {
            Some(message) if message.len() >= MIN_MESSAGE_OCTETS => Filled::Whole(message, rest),
            _ => Filled::NotDns,
        };
    }
    let wanted = needed(pending).unwrap_or(2).saturating_sub(pending.len());
    let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
    pending.extend_from_slice(taken);
    match needed(pending) {
        Some(needed) if needed < MIN_MESSAGE_OCTETS.saturating_add(2) => Filled::NotDns,
        _ => Filled::Pending(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        [
            &u16::try_from(message.len()).unwrap().to_be_bytes(),
            message,
        ]
        .concat()
    }

    fn collect(stream: &mut DnsStream, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        stream.push(bytes, |message| messages.push(message.to_vec()));
        messages
    }

    #[test]
    fn two_questions_in_one_segment() {
        let (a, b) = ([b'a'; 12], [b'b'; 40]);
        assert_eq!(
            collect(
                &mut DnsStream::default(),
                &[framed(&a), framed(&b)].concat()
            ),
            [a.to_vec(), b.to_vec()]
        );
    }

    #[test]
    fn any_cut_gives_the_same_messages() {
        let bytes = [
            framed(&[b'a'; 12]),
            framed(&[b'b'; 300]),
            framed(&[b'c'; 13]),
        ]
        .concat();
        let whole = collect(&mut DnsStream::default(), &bytes);
        assert_eq!(whole.len(), 3);
        for size in 1..bytes.len() {
            let mut stream = DnsStream::default();
            let pieces: Vec<_> = bytes
                .chunks(size)
                .flat_map(|piece| collect(&mut stream, piece))
                .collect();
            assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn a_gap_to_the_end_of_a_message_loses_that_message_only() {
        let mut stream = DnsStream::default();
        let message = framed(&[b'a'; 100]);
        assert!(collect(&mut stream, &message[..42]).is_empty());
        let mut cut = Vec::new();
        stream.gap(60, |start| cut = start.to_vec());
        assert_eq!(cut, [b'a'; 40]);
        assert_eq!(collect(&mut stream, &framed(&[b'b'; 12])), [[b'b'; 12]]);
    }

    #[test]
    fn the_end_of_a_cut_message_is_skipped() {
        let mut stream = DnsStream::default();
        collect(&mut stream, &framed(&[b'a'; 100])[..42]);
        stream.gap(50, |_| {});
        assert_eq!(
            collect(&mut stream, &[vec![b'a'; 10], framed(&[b'b'; 12])].concat()),
            [[b'b'; 12]]
        );
    }

    #[test]
    fn a_gap_over_a_boundary_loses_the_direction() {
        for missing in [61, u64::MAX] {
            let mut stream = DnsStream::default();
            collect(&mut stream, &framed(&[b'a'; 100])[..42]);
            stream.gap(missing, |_| {});
            assert!(stream.is_lost());
            assert!(collect(&mut stream, &framed(&[b'b'; 12])).is_empty());
        }
    }

    #[test]
    fn a_length_below_a_header_is_not_dns() {
        for bytes in [b"\0\x0b0123456789a".as_slice(), b"\0\0\0\0", b"\0\x01"] {
            let mut stream = DnsStream::default();
            assert!(collect(&mut stream, bytes).is_empty());
            assert!(stream.is_lost());
        }
    }

    #[test]
    fn holds_no_more_than_was_delivered() {
        let mut stream = DnsStream::default();
        collect(&mut stream, b"\xff\xff\0");
        let State::Collecting(pending) = &stream.state else {
            panic!("still collecting")
        };
        assert!(pending.capacity() < 64);
    }
}
