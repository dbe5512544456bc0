//! QUIC connections as far as anybody on the path can read them (RFC 9000, RFC 9001 §5, RFC 9369).
//!
//! In: the datagrams of one UDP flow. Out: [`QuicFact`]: version, ClientHello, whether the server answered. The keys of a
//! client's Initial packets follow from the packets themselves; nothing behind them is decrypted.

mod crypto_frames;
mod initial_keys;
mod long_header;
mod version;

use super::tls::{Carrier, OffsetBuffer, parse_client_hello};
use crate::facts::{ClientHelloFact, Direction, QuicFact, Seen};
use crypto_frames::CryptoFrames;
use initial_keys::InitialKeys;
use long_header::{InitialPacket, LongPacket};
use version::Version;

/// Fewest octets of a datagram that carries a client's Initial packet (RFC 9000 §14.1).
const SMALLEST_INITIAL: u32 = 1200;

/// Fewest octets of the destination connection identifier that a client makes up (RFC 9000 §7.2).
const SHORTEST_CLIENT_ID: usize = 8;

/// Initial packets that may fail to open, or open without completing the hello, before the flow is left alone. A hello
/// takes two or three packets, and a client repeats them a few times.
const OPEN_LIMIT: u32 = 64;

/// Long header packets looked for in one datagram; senders coalesce three or four.
const COALESCED_LIMIT: usize = 16;

/// HandshakeType of the ClientHello (RFC 8446 §4).
const CLIENT_HELLO: u8 = 1;

/// Octets of a handshake message's header (RFC 8446 §4).
const MESSAGE_HEADER: usize = 4;

/// Whether a datagram can begin a QUIC connection: a client's Initial packet of a known version in a datagram of the size
/// the specification demands, or a Version Negotiation packet.
///
/// `octets` is the payload's length as sent, which is more than `datagram` holds when the frame was cut.
#[must_use]
pub fn looks_like_quic(datagram: &[u8], octets: u32) -> bool {
    match LongPacket::read(datagram) {
        Some((LongPacket::Initial(packet), _)) => {
            let cut = u32::try_from(datagram.len()).is_ok_and(|captured| captured < octets);
            octets >= SMALLEST_INITIAL
                && packet.destination.len() >= SHORTEST_CLIENT_ID
                && (packet.whole || cut)
                && Version::known(packet.version).is_some()
        }
        Some((LongPacket::VersionNegotiation, _)) => true,
        _ => false,
    }
}

/// Reads the beginning of one QUIC connection; [`Direction::Originator`] is the client.
#[derive(Debug, Clone, Default)]
pub struct QuicFlow {
    fact: QuicFact,
    keys: Option<(u32, Box<InitialKeys>)>,
    crypto: OffsetBuffer,
    /// The packet that brought the last piece of the hello.
    last_piece: Seen,
    opened: u32,
}

impl QuicFlow {
    /// A flow of which nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one datagram's payload; `complete` says that it was captured to its end.
    pub fn push(&mut self, direction: Direction, datagram: &[u8], complete: bool, seen: Seen) {
        if direction == Direction::Responder {
            self.take_answer(datagram, seen);
            return;
        }
        let mut rest = datagram;
        for _ in 0..COALESCED_LIMIT {
            if self.fact.client_hello.is_some() || self.opened >= OPEN_LIMIT {
                return;
            }
            let Some((packet, behind)) = LongPacket::read(rest) else {
                return;
            };
            rest = behind;
            if let LongPacket::Initial(packet) = packet
                && (packet.whole || !complete)
            {
                self.take_initial(&packet, seen);
            }
        }
    }

    /// What is known so far; a hello that is still being collected is not in it.
    #[must_use]
    pub fn fact(&self) -> &QuicFact {
        &self.fact
    }

    /// What is known at the end, a hello whose end never came included.
    #[must_use]
    pub fn into_fact(mut self) -> QuicFact {
        if self.fact.client_hello.is_none() {
            self.fact.client_hello = self.read_hello(true);
        }
        self.fact
    }

    fn take_answer(&mut self, datagram: &[u8], seen: Seen) {
        self.fact.server_answer = self.fact.server_answer.or(Some(seen));
        match LongPacket::read(datagram) {
            Some((LongPacket::Retry, _)) => self.fact.retry = true,
            Some((LongPacket::VersionNegotiation, _)) => self.fact.version_negotiation = true,
            _ => {}
        }
    }

    fn take_initial(&mut self, packet: &InitialPacket<'_>, seen: Seen) {
        self.fact.version = packet.version;
        self.fact.first_initial = self.fact.first_initial.or(Some(seen));
        self.opened = self.opened.saturating_add(1);
        let Some(frames) = self.open(packet) else {
            return;
        };
        for (offset, data) in CryptoFrames::new(&frames) {
            self.crypto.insert(offset, data);
            self.last_piece = seen;
        }
        self.fact.client_hello = self.read_hello(false);
        if self.fact.client_hello.is_some() {
            // The flow may live for hours; nothing more is read of it.
            self.keys = None;
            self.crypto = OffsetBuffer::default();
        }
    }

    /// Opens a packet with the keys that opened those before it or, as after a Retry and after a Version Negotiation
    /// (RFC 9001 §5.2), with new ones that follow from the packet itself.
    fn open(&mut self, packet: &InitialPacket<'_>) -> Option<Vec<u8>> {
        let open = |keys: &InitialKeys| {
            keys.open(packet)
                .filter(|frames| packet.whole || CryptoFrames::begin_plausibly(frames))
        };
        let known = self
            .keys
            .as_ref()
            .filter(|(version, _)| *version == packet.version);
        if let Some(frames) = known.and_then(|(_, keys)| open(keys)) {
            return Some(frames);
        }
        let keys = InitialKeys::derive(&Version::known(packet.version)?, packet.destination)?;
        let frames = open(&keys)?;
        self.keys = Some((packet.version, Box::new(keys)));
        self.crypto = OffsetBuffer::default();
        Some(frames)
    }

    /// The hello out of what is there of it; with `unfinished`, also when its end is missing.
    fn read_hello(&self, unfinished: bool) -> Option<ClientHelloFact> {
        let (header, body) = self
            .crypto
            .contiguous()
            .split_first_chunk::<MESSAGE_HEADER>()?;
        let [CLIENT_HELLO, high, middle, low] = *header else {
            return None;
        };
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let whole = body.get(..length);
        let body = whole.or(unfinished.then_some(body))?;
        parse_client_hello(body, whole.is_some(), Carrier::Quic).map(|fact| ClientHelloFact {
            seen: self.last_piece,
            ..fact
        })
    }
}

#[cfg(test)]
mod tests {
    use super::initial_keys::tests::{SAMPLE_ID, sample_frames, seal};
    use super::*;
    use crate::facts::{FrameNumber, Timestamp};
    use Direction::{Originator, Responder};
    use proptest::prelude::*;

    fn seen(frame: u64) -> Seen {
        Seen {
            frame: FrameNumber(frame),
            time: Timestamp(0),
        }
    }

    fn padded(mut frames: Vec<u8>) -> Vec<u8> {
        frames.resize(1162, 0);
        frames
    }

    /// The sample hello, without the header of its CRYPTO frame.
    fn sample_hello() -> Vec<u8> {
        sample_frames()[4..].to_vec()
    }

    fn crypto_frame(offset: usize, data: &[u8]) -> Vec<u8> {
        let offset = u16::try_from(offset).unwrap() | 0x4000;
        let length = u16::try_from(data.len()).unwrap() | 0x4000;
        [&[6], &offset.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
    }

    #[test]
    fn reads_the_sample_packets_of_every_version() {
        for version in [
            1,
            0x6b33_43cf,
            0xff00_001b,
            0xff00_001d,
            0xff00_0020,
            0xff00_0022,
        ] {
            let datagram = seal(version, &SAMPLE_ID, &SAMPLE_ID, 2, &padded(sample_frames()));
            assert!(looks_like_quic(&datagram, 1200));
            let mut flow = QuicFlow::new();
            flow.push(Originator, &datagram, true, seen(7));
            let fact = flow.into_fact();
            let hello = fact.client_hello.unwrap();
            assert_eq!(
                hello.server_name.unwrap().as_str(),
                "example.com",
                "version {version:#x}"
            );
            assert_eq!(hello.alpn.as_slice(), ["alpn"]);
            assert!(hello.complete && hello.ja4.unwrap().starts_with("q13d0211an_"));
            assert_eq!(
                (fact.version, fact.first_initial, hello.seen),
                (version, Some(seen(7)), seen(7))
            );
            assert!(fact.server_answer.is_none());
        }
    }

    #[test]
    fn puts_shuffled_pieces_over_several_datagrams_together() {
        let hello = sample_hello();
        let pieces: Vec<Vec<u8>> = hello
            .chunks(31)
            .enumerate()
            .map(|(n, part)| crypto_frame(n * 31, part))
            .collect();
        let first: Vec<u8> = pieces
            .iter()
            .skip(1)
            .step_by(2)
            .rev()
            .flat_map(|p| [p.clone(), vec![1, 0, 0]].concat())
            .collect();
        let second: Vec<u8> = pieces.iter().step_by(2).rev().flatten().copied().collect();
        let mut flow = QuicFlow::new();
        flow.push(
            Originator,
            &seal(1, &SAMPLE_ID, &SAMPLE_ID, 0, &padded(first)),
            true,
            seen(1),
        );
        assert!(flow.fact().client_hello.is_none());
        // By now the server chose another identifier; the keys stay.
        flow.push(
            Originator,
            &seal(1, &SAMPLE_ID, &[9; 4], 1, &padded(second)),
            true,
            seen(2),
        );
        assert_eq!(flow.fact().client_hello.as_ref().unwrap().seen, seen(2));
    }

    #[test]
    fn reads_initials_coalesced_with_each_other_and_behind_0_rtt() {
        let hello = sample_hello();
        let (front, behind) = hello.split_at(100);
        let zero_rtt = [&[0xd0, 0, 0, 0, 1, 8][..], &SAMPLE_ID, &[0, 3, 5, 5, 5]].concat();
        let datagram = [
            seal(1, &SAMPLE_ID, &SAMPLE_ID, 0, &crypto_frame(0, front)),
            zero_rtt,
            seal(
                1,
                &SAMPLE_ID,
                &SAMPLE_ID,
                1,
                &padded(crypto_frame(100, behind)),
            ),
        ];
        let mut flow = QuicFlow::new();
        flow.push(Originator, &datagram.concat(), true, seen(1));
        assert!(flow.fact().client_hello.is_some());
    }

    #[test]
    fn after_a_retry_the_keys_follow_from_the_new_identifier() {
        let front = &sample_hello()[..90];
        let mut flow = QuicFlow::new();
        flow.push(
            Originator,
            &seal(
                1,
                &SAMPLE_ID,
                &SAMPLE_ID,
                0,
                &padded(crypto_frame(0, front)),
            ),
            true,
            seen(1),
        );
        let retry = [&[0xf0, 0, 0, 0, 1, 0, 4, 7, 7, 7, 7][..], &[0xaa; 40]].concat();
        flow.push(Responder, &retry, true, seen(2));
        flow.push(
            Originator,
            &seal(1, &[7; 4], &[7; 4], 1, &padded(sample_frames())),
            true,
            seen(3),
        );
        let fact = flow.into_fact();
        assert!(fact.retry && fact.client_hello.unwrap().complete);
        assert_eq!(fact.server_answer, Some(seen(2)));
    }

    #[test]
    fn notes_a_version_negotiation_and_a_short_header_answer() {
        let mut flow = QuicFlow::new();
        flow.push(
            Responder,
            &[0x80, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 1],
            true,
            seen(1),
        );
        assert!(flow.fact().version_negotiation);
        let mut flow = QuicFlow::new();
        flow.push(Responder, &[0x45; 60], true, seen(4));
        assert_eq!(flow.fact().server_answer, Some(seen(4)));
    }

    #[test]
    fn a_cut_datagram_gives_the_name_when_it_reaches_that_far() {
        let datagram = seal(1, &SAMPLE_ID, &SAMPLE_ID, 2, &padded(sample_frames()));
        assert!(looks_like_quic(&datagram[..120], 1200));
        let named = |octets: usize| {
            let mut flow = QuicFlow::new();
            flow.push(Originator, &datagram[..octets], false, seen(1));
            flow.into_fact()
                .client_hello
                .is_some_and(|hello| !hello.complete && hello.server_name.is_some())
        };
        assert!(named(120) && !named(80));
    }

    #[test]
    fn does_not_claim_other_traffic() {
        let quic = seal(1, &SAMPLE_ID, &SAMPLE_ID, 2, &padded(sample_frames()));
        assert!(!looks_like_quic(&quic, 1199), "too small as sent");
        assert!(!looks_like_quic(&quic[..100], 100));
        assert!(!looks_like_quic(&[0x45; 1200], 1200), "a short header");
        assert!(
            !looks_like_quic(&[0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 13),
            "DTLS"
        );
        assert!(!looks_like_quic(&[0xff; 1300], 1300));
        assert!(!looks_like_quic(&[], 0));
        assert!(
            !looks_like_quic(
                &seal(1, &[1; 4], &[1; 4], 0, &padded(sample_frames())),
                1200
            ),
            "a short identifier"
        );
    }

    #[test]
    fn leaves_a_flow_alone_that_never_opens() {
        let mut flow = QuicFlow::new();
        for number in 0..200 {
            flow.push(
                Originator,
                &seal(1, &[3; 8], &SAMPLE_ID, number, &padded(vec![1])),
                true,
                seen(1),
            );
        }
        assert_eq!(flow.opened, OPEN_LIMIT);
    }

    proptest! {
        #[test]
        fn never_panics(
            datagrams in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60), any::<bool>()), 0..6),
            frames in proptest::collection::vec(any::<u8>(), 20..300),
            damage in proptest::collection::vec((0_usize..60, any::<u8>()), 0..3),
            cut in 0_usize..400,
        ) {
            let mut flow = QuicFlow::new();
            // Arbitrary frames, properly sealed.
            flow.push(Originator, &seal(1, &SAMPLE_ID, &SAMPLE_ID, 0, &frames), true, seen(1));
            let mut sealed = seal(1, &SAMPLE_ID, &SAMPLE_ID, 1, &frames);
            for (at, value) in damage {
                sealed[at % 40] = value;
            }
            sealed.truncate(cut);
            flow.push(Originator, &sealed, cut % 2 == 0, seen(2));
            for (originator, datagram, complete) in datagrams {
                let header = [&[0xc3, 0, 0, 0, 1][..], &datagram].concat();
                for bytes in [&datagram, &header] {
                    let _ = looks_like_quic(bytes, 1200);
                    flow.push(if originator { Originator } else { Responder }, bytes, complete, seen(3));
                }
            }
            let _ = flow.into_fact();
        }
    }
}
