//! The ClientHello of DTLS 1.0 to 1.3 (RFC 9147, RFC 6347), and alerts in the clear.
//!
//! In: datagrams of one UDP flow. Out: [`TlsFacts`] with `datagram` set. What the server answers is not read.

use super::offset_buffer::OffsetBuffer;
use super::{Carrier, parse_client_hello, record};
use crate::facts::{AlertFact, ClientHelloFact, Direction, Seen, TlsFacts};

/// Octets of a DTLS record header (RFC 6347 §4.1).
const RECORD_HEADER: usize = 13;

/// Octets of a DTLS handshake header (RFC 6347 §4.2.2).
const HANDSHAKE_HEADER: usize = 12;

/// HandshakeType of the ClientHello.
const CLIENT_HELLO: u8 = 1;

/// Longest plaintext record (RFC 6347 §4.1).
const RECORD_LIMIT: u16 = 1 << 14;

/// Alerts kept.
const ALERTS_KEPT: usize = 4;

/// Whether a datagram begins like a DTLS handshake: a plaintext handshake record of epoch 0.
#[must_use]
pub fn looks_like_dtls(datagram: &[u8]) -> bool {
    let Ok((behind, header)) = tls_parser::parse_dtls_record_header(datagram) else {
        return false;
    };
    header.content_type.0 == record::HANDSHAKE
        && matches!(header.version.0, 0xfefd | 0xfeff)
        && header.epoch == 0
        && header.length <= RECORD_LIMIT
        && usize::from(header.length) >= HANDSHAKE_HEADER
        && !behind.is_empty()
}

/// Reads the beginning of a DTLS connection; [`Direction::Originator`] is the client.
#[derive(Debug, Clone)]
pub struct DtlsFlow {
    facts: TlsFacts,
    hello: OffsetBuffer,
    /// message_seq of the hello being collected: a HelloVerifyRequest makes the client send another.
    sequence: u16,
    length: usize,
    last: Seen,
}

impl Default for DtlsFlow {
    fn default() -> Self {
        Self::new()
    }
}

impl DtlsFlow {
    /// A flow of which nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            facts: TlsFacts {
                datagram: true,
                ..TlsFacts::default()
            },
            hello: OffsetBuffer::default(),
            sequence: 0,
            length: 0,
            last: Seen::default(),
        }
    }

    /// Takes one datagram, which may be cut at the end.
    pub fn push(&mut self, direction: Direction, datagram: &[u8], seen: Seen) {
        let mut rest = datagram;
        while let Ok((behind, header)) = tls_parser::parse_dtls_record_header(rest) {
            let known = matches!(header.version.0 >> 8, 0xfe) && header.length <= RECORD_LIMIT;
            if header.epoch != 0 || !known || rest.len() < RECORD_HEADER {
                return;
            }
            let length = usize::from(header.length);
            let fragment = behind.get(..length).unwrap_or(behind);
            match header.content_type.0 {
                record::HANDSHAKE if direction == Direction::Originator => {
                    self.take_handshake(fragment, seen)
                }
                record::ALERT => self.take_alert(direction, fragment, seen),
                _ => {}
            }
            rest = behind.get(length..).unwrap_or_default();
        }
    }

    /// What is known so far; a hello that is still being collected is not in it.
    #[must_use]
    pub fn facts(&self) -> &TlsFacts {
        &self.facts
    }

    /// What is known at the end, a hello whose end never came included.
    #[must_use]
    pub fn into_facts(mut self) -> TlsFacts {
        if self.facts.client_hello.is_none() && self.length > 0 {
            self.facts.client_hello = self.read_hello(false);
        }
        self.facts
    }

    fn take_handshake(&mut self, record: &[u8], seen: Seen) {
        if self.facts.client_hello.is_some() {
            return;
        }
        self.facts.first_client_record = self.facts.first_client_record.or(Some(seen));
        let mut rest = record;
        while let Some((header, behind)) = rest.split_first_chunk::<HANDSHAKE_HEADER>() {
            let [kind, l2, l1, l0, s1, s0, o2, o1, o0, f2, f1, f0] = *header;
            let fragment_length = length_24([f2, f1, f0]);
            let fragment = behind.get(..fragment_length).unwrap_or(behind);
            rest = behind.get(fragment_length..).unwrap_or_default();
            if kind != CLIENT_HELLO {
                continue;
            }
            let sequence = u16::from_be_bytes([s1, s0]);
            let length = length_24([l2, l1, l0]);
            if sequence != self.sequence || length != self.length {
                self.hello = OffsetBuffer::default();
                self.sequence = sequence;
                self.length = length;
            }
            self.hello
                .insert(u64::from(u32::from_be_bytes([0, o2, o1, o0])), fragment);
            self.last = seen;
            if self.hello.contiguous().len() >= self.length {
                self.facts.client_hello = self.read_hello(true);
                return;
            }
        }
    }

    fn read_hello(&self, complete: bool) -> Option<ClientHelloFact> {
        let bytes = self.hello.contiguous();
        let body = bytes.get(..self.length).unwrap_or(bytes);
        parse_client_hello(body, complete, Carrier::Dtls).map(|fact| ClientHelloFact {
            seen: self.last,
            ..fact
        })
    }

    fn take_alert(&mut self, direction: Direction, fragment: &[u8], seen: Seen) {
        if let [level, description] = *fragment
            && self.facts.alerts.len() < ALERTS_KEPT
        {
            self.facts.alerts.push(AlertFact {
                seen,
                by: direction,
                fatal: level == 2,
                description,
            });
        }
    }
}

fn length_24([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests {
    use super::super::client_hello::tests::{hello, server_name};
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
        record.extend(u16::try_from(fragment.len()).unwrap().to_be_bytes());
        record.extend(fragment);
        record
    }

    /// The hello as fragments of at most `size` octets, one record each.
    fn fragments(size: usize) -> Vec<Vec<u8>> {
        let plain = hello(&[0xc02b, 0x1301], &[server_name("turn.example")]);
        let body = [&[0xfe, 0xfd], &plain[2..39], &[2, 8, 8], &plain[39..]].concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        body.chunks(size)
            .enumerate()
            .map(|(n, part)| {
                let offset = u32::try_from(n * size).unwrap().to_be_bytes();
                let octets = u32::try_from(part.len()).unwrap().to_be_bytes();
                record(
                    22,
                    &[
                        &[1],
                        &length[1..],
                        &[0, 1],
                        &offset[1..],
                        &octets[1..],
                        part,
                    ]
                    .concat(),
                )
            })
            .collect()
    }

    #[test]
    fn puts_a_hello_together_from_fragments_in_any_order() {
        for size in [7, 40, 1000] {
            let mut flow = DtlsFlow::new();
            for datagram in fragments(size).iter().rev() {
                assert!(looks_like_dtls(datagram));
                flow.push(Direction::Originator, datagram, Seen::default());
            }
            let facts = flow.into_facts();
            let hello = facts.client_hello.unwrap();
            assert!(facts.datagram && hello.complete, "fragments of {size}");
            assert_eq!(hello.server_name.unwrap().as_str(), "turn.example");
            assert!(hello.ja4.unwrap().starts_with("dd2d0201"));
        }
    }

    #[test]
    fn gives_what_it_has_of_a_hello_that_never_ends() {
        let mut flow = DtlsFlow::new();
        let datagram = fragments(1000).remove(0);
        flow.push(
            Direction::Originator,
            &datagram[..datagram.len() - 1],
            Seen::default(),
        );
        assert!(flow.facts().client_hello.is_none());
        assert!(!flow.into_facts().client_hello.unwrap().complete);
    }

    #[test]
    fn notes_an_alert_of_the_server() {
        let mut flow = DtlsFlow::new();
        flow.push(Direction::Responder, &record(21, &[2, 40]), Seen::default());
        assert_eq!(flow.facts().alerts[0].description, 40);
    }

    proptest! {
        #[test]
        fn never_panics(datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..6), at in 0_usize..80, value: u8) {
            let mut flow = DtlsFlow::new();
            for mut datagram in fragments(20).into_iter().chain(datagrams) {
                if let Some(octet) = datagram.get_mut(at) {
                    *octet = value;
                }
                let _ = looks_like_dtls(&datagram);
                flow.push(Direction::Originator, &datagram, Seen::default());
                flow.push(Direction::Responder, &datagram, Seen::default());
            }
            let _ = flow.into_facts();
        }
    }
}
