//! Handshake messages out of the record layer's plaintext: one message may take several records, one record may hold
//! several messages (RFC 8446 §5.1).
//!
//! In: the bodies of one direction's handshake records, in order, and the gaps between them. Out: whole messages, and the
//! captured beginning of a message that a gap cut. Knows nothing of what the messages say.

/// HandshakeType values (RFC 8446 §4, RFC 5246 §7.4) that somebody here asks for.
pub(super) const HELLO_REQUEST: u8 = 0;
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const CERTIFICATE: u8 = 11;

/// Octets of a message that are kept: a ClientHello with post-quantum key shares is below 20 KiB, a certificate chain
/// rarely above 16 KiB, and of a chain only the first certificate matters.
const BODY_LIMIT: usize = 64 << 10;

/// Longest message believed. Longer ones are taken for bytes that were never a message header.
const LENGTH_LIMIT: usize = 256 << 10;

/// One handshake message without its four-octet header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HandshakeMessage {
    /// HandshakeType as on the wire.
    pub(super) kind: u8,
    /// Its captured beginning; empty for messages that nobody here reads.
    pub(super) body: Vec<u8>,
    /// `body` is all of it.
    pub(super) complete: bool,
}

/// Collects the handshake messages of one direction.
#[derive(Debug, Clone, Default)]
pub(super) struct MessageCollector {
    header: [u8; 4],
    header_octets: usize,
    /// Octets of the current message that are still to come.
    remaining: usize,
    body: Vec<u8>,
    /// The current message has lost octets, and its beginning was handed out already.
    handed_out: bool,
    /// Message boundaries are unknown until the next record begins.
    out_of_step: bool,
}

impl MessageCollector {
    /// Says that a handshake record begins: after a loss, messages are looked for again from here.
    pub(super) fn begin_record(&mut self) {
        if self.out_of_step {
            *self = Self::default();
        }
    }

    /// Takes octets up to the end of the current message; gives the message that ended, and the octets behind it.
    pub(super) fn push<'a>(&mut self, bytes: &'a [u8]) -> (Option<HandshakeMessage>, &'a [u8]) {
        if self.out_of_step {
            return (None, &[]);
        }
        let mut rest = bytes;
        while let Some(slot) = self.header.get_mut(self.header_octets) {
            let Some((octet, behind)) = rest.split_first() else {
                return (None, rest);
            };
            *slot = *octet;
            rest = behind;
            self.header_octets = self.header_octets.saturating_add(1);
            if self.header_octets == self.header.len() && !self.begin_message() {
                self.out_of_step = true;
                return (None, &[]);
            }
        }
        let (part, behind) = rest.split_at_checked(self.remaining).unwrap_or((rest, &[]));
        self.remaining = self.remaining.saturating_sub(part.len());
        if self.is_wanted() && !self.handed_out {
            let room = BODY_LIMIT.saturating_sub(self.body.len());
            self.body
                .extend_from_slice(part.get(..room).unwrap_or(part));
        }
        if self.remaining > 0 {
            return (None, behind);
        }
        let complete = self.body.len() == self.message_length() || !self.is_wanted();
        let ended = self.hand_out(complete);
        *self = Self::default();
        (ended, behind)
    }

    /// Says that `octets` octets of handshake records are lost; gives the beginning of the message they tore.
    pub(super) fn gap(&mut self, octets: usize) -> Option<HandshakeMessage> {
        if self.out_of_step || self.header_octets < self.header.len() {
            self.out_of_step = true;
            return None;
        }
        let torn = self.hand_out(false);
        match self.remaining.checked_sub(octets) {
            Some(0) => *self = Self::default(),
            Some(remaining) => self.remaining = remaining,
            None => self.out_of_step = true,
        }
        torn
    }

    /// The message that is still being collected, as far as it came.
    pub(super) fn take_unfinished(&mut self) -> Option<HandshakeMessage> {
        if self.out_of_step || self.header_octets < self.header.len() {
            return None;
        }
        self.hand_out(false)
    }

    /// Starts the message whose header is complete; false when the header is no header.
    fn begin_message(&mut self) -> bool {
        self.remaining = self.message_length();
        // RFC 8446 §4 and RFC 5246 §7.4, and what was registered since: 20..=25, next_protocol 67, message_hash 254.
        let registered = matches!(self.kind(), 0..=6 | 8 | 11..=16 | 20..=25 | 67 | 254);
        registered && self.remaining <= LENGTH_LIMIT
    }

    fn hand_out(&mut self, complete: bool) -> Option<HandshakeMessage> {
        if self.handed_out {
            return None;
        }
        self.handed_out = true;
        Some(HandshakeMessage {
            kind: self.kind(),
            body: std::mem::take(&mut self.body),
            complete,
        })
    }

    fn kind(&self) -> u8 {
        let [kind, ..] = self.header;
        kind
    }

    fn message_length(&self) -> usize {
        let [_, high, middle, low] = self.header;
        usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
    }

    fn is_wanted(&self) -> bool {
        matches!(self.kind(), CLIENT_HELLO | SERVER_HELLO | CERTIFICATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(collector: &mut MessageCollector, bytes: &[u8]) -> Vec<HandshakeMessage> {
        let mut rest = bytes;
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let (message, behind) = collector.push(rest);
            messages.extend(message);
            rest = behind;
        }
        messages
    }

    #[test]
    fn finds_several_messages_in_one_record_and_one_in_many() {
        let bytes = [2, 0, 0, 2, 0xaa, 0xbb, 14, 0, 0, 0, 11, 0, 0, 3, 1, 2, 3];
        for piece in 1..=bytes.len() {
            let mut collector = MessageCollector::default();
            let messages: Vec<_> = bytes
                .chunks(piece)
                .flat_map(|part| collect(&mut collector, part))
                .collect();
            let kinds: Vec<u8> = messages.iter().map(|m| m.kind).collect();
            assert_eq!(kinds, [2, 14, 11], "pieces of {piece}");
            assert!(messages.iter().all(|m| m.complete));
            assert_eq!(messages[2].body, [1, 2, 3]);
        }
    }

    #[test]
    fn hands_out_the_beginning_of_a_torn_message_and_finds_the_next() {
        let mut collector = MessageCollector::default();
        assert!(collect(&mut collector, &[1, 0, 0, 6, 9, 9]).is_empty());
        let torn = collector.gap(3).unwrap();
        assert_eq!(
            (torn.kind, torn.body.as_slice(), torn.complete),
            (1, [9, 9].as_slice(), false)
        );
        let messages = collect(&mut collector, &[9, 14, 0, 0, 0]);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].kind, 14);
    }

    #[test]
    fn keeps_no_more_than_the_limit_of_a_huge_message() {
        let mut collector = MessageCollector::default();
        let mut bytes = vec![11, 1, 0x80, 0];
        bytes.resize(4 + 0x18000, 7);
        let messages = collect(&mut collector, &bytes);
        assert_eq!(messages[0].body.len(), BODY_LIMIT);
        assert!(!messages[0].complete);
    }

    #[test]
    fn waits_for_the_next_record_when_a_header_is_none() {
        let mut collector = MessageCollector::default();
        assert!(collect(&mut collector, &[99, 0, 0, 1, 2, 0, 0, 0]).is_empty());
        collector.begin_record();
        assert_eq!(collect(&mut collector, &[14, 0, 0, 0]).len(), 1);
    }
}
