//! What encrypted records prove by their order and their sizes.
//!
//! In: type and length of each encrypted record, in the order seen. Out: whether the client can have sent its Finished, a
//! request, an alert, and whether the server answered. In TLS 1.3 all of them look like application data (RFC 8446 §5.2)
//! and only their sizes tell them apart; in TLS 1.2 the record's type tells.

use crate::facts::{EncryptedRecords, Seen, TlsFacts};

/// First record lengths kept per direction.
const LENGTHS_KEPT: usize = 6;

/// An alert is two octets (RFC 8446 §6); the inner content type adds one (§5.2).
const ALERT_OCTETS: u16 = 3;

/// The Finished is a four-octet header and one hash (RFC 8446 §4.4.4); the inner content type adds one.
const FINISHED_OVERHEAD: u16 = 5;

/// EndOfEarlyData is an empty message (RFC 8446 §4.5); the inner content type adds one.
const END_OF_EARLY_DATA_OCTETS: u16 = 5;

/// Records of a server's flight when it takes early data.
const EARLY_FLIGHT: u32 = 2;

/// What the cipher suite adds to the plaintext, and the sizes that follow from it (RFC 8446 §B.4, RFC 5116 §5).
#[derive(Debug, Clone, Copy)]
struct RecordSizes {
    tag: u16,
    /// Hash lengths that the Finished may have; two while the suite is unknown.
    hashes: [u16; 2],
}

impl RecordSizes {
    fn of(facts: &TlsFacts) -> Self {
        match facts.server_hello.as_ref().map(|hello| hello.cipher_suite) {
            // TLS_AES_256_GCM_SHA384
            Some(0x1302) => Self {
                tag: 16,
                hashes: [48, 48],
            },
            // TLS_AES_128_CCM_8_SHA256
            Some(0x1305) => Self {
                tag: 8,
                hashes: [32, 32],
            },
            Some(0x1301 | 0x1303 | 0x1304) => Self {
                tag: 16,
                hashes: [32, 32],
            },
            _ => Self {
                tag: 16,
                hashes: [32, 48],
            },
        }
    }

    fn is_alert(self, length: u16) -> bool {
        length == self.tag.saturating_add(ALERT_OCTETS)
    }

    fn is_finished(self, length: u16) -> bool {
        self.hashes.iter().any(|hash| {
            length
                == self
                    .tag
                    .saturating_add(FINISHED_OVERHEAD)
                    .saturating_add(*hash)
        })
    }

    fn can_hold_finished(self, length: u16) -> bool {
        let [shortest, _] = self.hashes;
        length
            >= self
                .tag
                .saturating_add(FINISHED_OVERHEAD)
                .saturating_add(shortest)
    }

    fn is_end_of_early_data(self, length: u16) -> bool {
        length == self.tag.saturating_add(END_OF_EARLY_DATA_OCTETS)
    }
}

/// Which rules the encrypted records of a connection follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// TLS 1.2 and earlier.
    Legacy,
    /// TLS 1.3.
    Modern,
}

/// Watches the records after the hellos.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchange {
    /// The client's last ClientHello offers early data (RFC 8446 §4.2.10).
    pub(super) early_data_offered: bool,
    /// The server answered with its ServerHello, not only with a HelloRetryRequest.
    pub(super) server_answered: bool,
    /// The client's first early data.
    early_data: Option<Seen>,
    /// Records of the server before the client's Finished.
    early_answers: u32,
    /// The first of them that is no part of the server's flight.
    early_response: Option<Seen>,
    end_of_early_data: bool,
    finished_sized: bool,
    /// Client records so far that are neither alert nor Finished by size.
    other_records: u32,
    /// `request` was concluded from the number of records alone, and the server has not spoken since.
    request_is_guess: bool,
    /// The server's last record between the client's Finished and its request: a session ticket.
    last_ticket: Option<Seen>,
}

impl Exchange {
    /// Takes an application data record of the client.
    pub(super) fn client_record(
        &mut self,
        facts: &mut TlsFacts,
        era: Era,
        length: u16,
        seen: Seen,
    ) {
        if self.early_data_offered && !self.server_answered {
            // Sent before anybody proved anything; a server that refuses it never reads it (RFC 8446 §4.2.10).
            self.early_data = self.early_data.or(Some(seen));
            return;
        }
        let [client, _] = &mut facts.encrypted;
        count(client, length, seen);
        match era {
            Era::Legacy => facts.request = facts.request.or(Some(seen)),
            Era::Modern => self.modern_client_record(facts, length, seen),
        }
    }

    /// Takes an application data record of the server.
    pub(super) fn server_record(
        &mut self,
        facts: &mut TlsFacts,
        era: Era,
        length: u16,
        seen: Seen,
    ) {
        let [_, server] = &mut facts.encrypted;
        count(server, length, seen);
        self.request_is_guess = false;
        let alert = era == Era::Modern && RecordSizes::of(facts).is_alert(length);
        if alert && facts.handshake_finished.is_some() {
            facts.server_alert_sized = facts.server_alert_sized.or(Some(seen));
        }
        if facts.handshake_finished.is_some() && facts.request.is_none() && !alert {
            self.last_ticket = Some(seen);
        }
        if facts.request.is_some() && !alert {
            facts.response = facts.response.or(Some(seen));
        } else if self.early_data.is_some() {
            // A server that resumes a session sends EncryptedExtensions and Finished (RFC 8446 §2.3), in a record each at most.
            self.early_answers = self.early_answers.saturating_add(1);
            if self.early_answers > EARLY_FLIGHT {
                self.early_response = self.early_response.or(Some(seen));
            }
        }
    }

    fn modern_client_record(&mut self, facts: &mut TlsFacts, length: u16, seen: Seen) {
        let sizes = RecordSizes::of(facts);
        if sizes.is_alert(length) {
            if facts.request.is_none() {
                facts.client_alert_sized = Some(seen);
            }
            return;
        }
        facts.client_alert_sized = None;
        if sizes.is_finished(length) && !self.finished_sized {
            self.finished_sized = true;
            if self.request_is_guess {
                // What was taken for a request was part of the client's flight: its certificate and the proof of it.
                facts.request = None;
                self.request_is_guess = false;
            }
            facts.handshake_finished = facts.handshake_finished.or(Some(seen));
            if let Some(request) = self.early_data.filter(|_| self.end_of_early_data) {
                // The server took the early data, so the request is with it already, and may be answered.
                facts.request = facts.request.or(Some(request));
                facts.response = facts.response.or(self.early_response);
            }
            return;
        }
        self.end_of_early_data |= self.early_data.is_some() && sizes.is_end_of_early_data(length);
        let mid_stream = facts.client_hello.is_none() && facts.server_hello.is_none();
        self.other_records = self.other_records.saturating_add(1);
        if facts.handshake_finished.is_none() && !mid_stream && sizes.can_hold_finished(length) {
            // A client that was asked for a certificate may put it and its Finished into one record.
            facts.handshake_finished = Some(seen);
        }
        let guess = !self.finished_sized && !mid_stream;
        if facts.request.is_none()
            && (!guess || self.other_records > 1 && self.early_data.is_none())
        {
            facts.request = Some(seen);
            self.request_is_guess = guess;
            // Captures from several queues swap neighbours; their clock tells what was said first.
            let answer = self.last_ticket.filter(|answer| answer.time > seen.time);
            facts.response = facts.response.or(answer);
        }
    }
}

fn count(records: &mut EncryptedRecords, length: u16, seen: Seen) {
    records.count = records.count.saturating_add(1);
    if records.first_lengths.len() < LENGTHS_KEPT {
        records.first_lengths.push(length);
    }
    records.first = records.first.or(Some(seen));
    records.last = Some(seen);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ClientHelloFact, FrameNumber, ServerHelloFact, Timestamp};

    fn seen(frame: u64) -> Seen {
        Seen {
            frame: FrameNumber(frame),
            time: Timestamp(0),
        }
    }

    fn facts(cipher_suite: u16) -> TlsFacts {
        TlsFacts {
            client_hello: Some(ClientHelloFact::default()),
            server_hello: Some(ServerHelloFact {
                version: 0x0304,
                cipher_suite,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// Runs records, positive lengths from the client and negative ones from the server; frames count from 1.
    fn run(mut facts: TlsFacts, mut exchange: Exchange, records: &[i32]) -> TlsFacts {
        for (frame, record) in (1..).zip(records) {
            let length = u16::try_from(record.abs()).unwrap();
            if *record > 0 {
                exchange.client_record(&mut facts, Era::Modern, length, seen(frame));
            } else {
                exchange.server_record(&mut facts, Era::Modern, length, seen(frame));
            }
        }
        facts
    }

    fn answered() -> Exchange {
        Exchange {
            server_answered: true,
            ..Exchange::default()
        }
    }

    #[test]
    fn an_answer_swapped_with_its_request_is_one_by_the_clock() {
        let at = |frame, time| Seen {
            time: Timestamp(time),
            ..seen(frame)
        };
        for (asked, answered) in [(8, true), (9, false), (10, false)] {
            let (mut facts, mut exchange) = (facts(0x1302), Exchange::default());
            exchange.client_record(&mut facts, Era::Modern, 69, at(1, 1));
            exchange.server_record(&mut facts, Era::Modern, 266, at(2, 9));
            exchange.client_record(&mut facts, Era::Modern, 95, at(3, asked));
            assert_eq!(facts.response.is_some(), answered, "asked at {asked}");
        }
    }

    #[test]
    fn tickets_before_the_request_are_no_response() {
        let facts = run(
            facts(0x1301),
            answered(),
            &[-23, -1306, -97, -53, 53, -234, -234, 90, -300],
        );
        assert_eq!(facts.handshake_finished, Some(seen(5)));
        assert_eq!(facts.request, Some(seen(8)));
        assert_eq!(facts.response, Some(seen(9)));
        assert_eq!(facts.encrypted[0].first_lengths.as_slice(), [53, 90]);
        assert_eq!(facts.encrypted[1].count, 7);
    }

    #[test]
    fn a_finished_has_the_size_of_its_suite() {
        assert_eq!(
            run(facts(0x1302), answered(), &[69]).handshake_finished,
            Some(seen(1))
        );
        assert_eq!(
            run(facts(0x1305), answered(), &[45]).handshake_finished,
            Some(seen(1))
        );
        assert_eq!(run(facts(0x1301), answered(), &[53]).request, None);
    }

    #[test]
    fn an_alert_alone_is_neither_request_nor_finished() {
        let facts = run(facts(0x1301), answered(), &[-23, 19]);
        assert_eq!(facts.client_alert_sized, Some(seen(2)));
        assert!(facts.request.is_none() && facts.handshake_finished.is_none());
    }

    #[test]
    fn an_alert_after_a_request_is_a_plain_close() {
        let facts = run(facts(0x1301), answered(), &[53, 90, 19]);
        assert!(facts.client_alert_sized.is_none());
    }

    #[test]
    fn an_alert_of_the_server_is_no_response() {
        let facts = run(facts(0x1301), answered(), &[53, 90, -19]);
        assert!(facts.request.is_some() && facts.response.is_none());
    }

    #[test]
    fn a_client_certificate_lengthens_the_flight() {
        // Certificate, CertificateVerify and Finished apart.
        let apart = run(facts(0x1302), answered(), &[1500, 285, 69, -250, 120, -400]);
        assert_eq!(apart.request, Some(seen(5)));
        assert_eq!(apart.response, Some(seen(6)));
        // All in one record, then the request.
        let together = run(facts(0x1302), answered(), &[1801, -250, 120, -400]);
        assert_eq!(together.handshake_finished, Some(seen(1)));
        assert_eq!(together.request, Some(seen(3)));
        // The empty certificate of a client that has none.
        let empty = run(facts(0x1301), answered(), &[25, 53, 120]);
        assert_eq!(empty.request, Some(seen(3)));
    }

    #[test]
    fn early_data_is_a_request_only_when_the_server_takes_it() {
        let offered = Exchange {
            early_data_offered: true,
            ..Exchange::default()
        };
        let mut facts = facts(0x1301);
        let mut taken = offered.clone();
        taken.client_record(&mut facts, Era::Modern, 300, seen(1));
        assert_eq!(facts.encrypted[0].count, 0);
        taken.server_answered = true;
        let accepted = run(facts.clone(), taken.clone(), &[21, 53, -500]);
        assert_eq!(
            (accepted.request, accepted.response),
            (Some(seen(1)), Some(seen(3)))
        );
        // The server answers before the client's Finished has come (RFC 8446 §2.3).
        let at_once = run(facts.clone(), taken.clone(), &[-22, -53, -249, 21, 53]);
        assert_eq!(
            (at_once.request, at_once.response),
            (Some(seen(1)), Some(seen(3)))
        );
        let refused = run(facts, taken, &[53, -250, 300, -500]);
        assert_eq!(
            (refused.request, refused.response),
            (Some(seen(3)), Some(seen(4)))
        );
    }

    #[test]
    fn a_connection_older_than_the_capture_needs_no_finished() {
        let facts = run(TlsFacts::default(), Exchange::default(), &[300, -500]);
        assert_eq!(
            (facts.request, facts.response),
            (Some(seen(1)), Some(seen(2)))
        );
        assert!(facts.handshake_finished.is_none());
    }
}
