//! One DNS message: a header, questions, and records of which only those that name hosts or addresses are read.

use super::name::{NameDefect, NameReader};
use super::sections::Sections;
use crate::facts::{HostName, ServiceHint};
use dns_parser::Header;
use smallvec::SmallVec;
use std::net::IpAddr;

/// Octets of the header (RFC 1035 §4.1.1).
const HEADER_OCTETS: usize = 12;

/// Shortest question: root name, type, class (RFC 1035 §4.1.2).
const MIN_QUESTION_OCTETS: u32 = 5;

/// Shortest record: root name, type, class, time to live, length (RFC 1035 §4.1.3).
const MIN_RECORD_OCTETS: u32 = 11;

/// Most questions kept. Unicast DNS asks one (RFC 9619); a multicast browser asks as many as its packet holds, mostly by
/// pointers: a hundred and more.
const MAX_QUESTIONS: usize = 256;

/// Operation codes (RFC 6895 §2.2).
mod opcode {
    pub(super) const QUERY: u16 = 0;
    /// Every one given out so far: inverse query, status, notify, update, stateful operations.
    pub(super) const KNOWN: [u16; 6] = [QUERY, 1, 2, 4, 5, 6];
}

/// Why octets are no DNS message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer than the 12 octets of a header are there.
    #[error("{0} octets are too few for a DNS header")]
    HeaderTooShort(usize),
    /// The operation code was never given out.
    #[error("operation code {0} is not in use")]
    Opcode(u16),
    /// No message has room for what the header announces, or a query announces nothing.
    #[error("the header's counts make no message")]
    Counts,
    /// The first question is unreadable although it was captured.
    #[error("the first question is unreadable")]
    Question,
}

/// One entry of the question section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name asked for; `None` for the root.
    pub name: Option<HostName>,
    /// The type asked for (1 A, 28 AAAA, 65 HTTPS, 255 any …).
    pub query_type: u16,
    /// The class as on the wire; in multicast DNS the top bit asks for a unicast response.
    pub query_class: u16,
}

/// An A or AAAA record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAddress {
    /// The name that has the address; `None` for the root.
    pub owner: Option<HostName>,
    /// The address.
    pub address: IpAddr,
}

/// What a DNS message says.
///
/// Records are read in responses to standard queries only; in other messages everything after the questions is left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnsMessage {
    /// Identifier that ties a response to its query; 0 in multicast DNS.
    pub id: u16,
    /// A response, not a query.
    pub response: bool,
    /// Operation code (RFC 6895 §2.2); 0 is a standard query.
    pub opcode: u16,
    /// Response code, with the extended bits of an OPT record where one was readable (RFC 6891 §6.1.3).
    pub response_code: u16,
    /// The answer comes from the zone's own server (AA).
    pub authoritative: bool,
    /// The server left records out because of the transport's size (TC).
    pub truncated: bool,
    /// The client asked the server to resolve (RD).
    pub recursion_desired: bool,
    /// The server is willing to resolve (RA).
    pub recursion_available: bool,
    /// Questions, at most 256.
    pub questions: SmallVec<[Question; 1]>,
    /// Names that the first question's name is an alias of, in the order in which a client follows them; aliases of
    /// unrelated names come last. At most 16 records are read.
    pub cnames: Vec<HostName>,
    /// Addresses of the answer section, at most 64: first those of the first question's name and its aliases.
    pub addresses: Vec<HostAddress>,
    /// Addresses of the additional section, at most 64. Multicast responders say there where they are (RFC 6762 §7);
    /// in unicast DNS they are mostly those of name servers.
    pub additional_addresses: Vec<HostAddress>,
    /// What HTTPS and SVCB answers say, at most 8.
    pub hints: Vec<ServiceHint>,
    /// Smallest time to live of the answer section, in seconds; `None` without answers.
    pub ttl: Option<u32>,
    /// How long the absence of an answer may be remembered, in seconds (RFC 2308 §5); `None` without an SOA record.
    pub negative_ttl: Option<u32>,
    /// The answer section has a record of a type that was asked for, readable or not.
    pub answered: bool,
    /// Questions or answers are missing here: cut by the snap length, unreadable, or more than are kept.
    pub cut_short: bool,
}

impl DnsMessage {
    /// Whether the response says that the name exists but has no record of the type asked for (NODATA, RFC 2308 §2.2).
    #[must_use]
    pub fn is_no_data(&self) -> bool {
        let whole = !self.cut_short && !self.truncated && !self.questions.is_empty();
        self.response
            && self.opcode == opcode::QUERY
            && self.response_code == 0
            && whole
            && !self.answered
    }
}

/// Reads a message; `complete` says that all its octets were captured.
///
/// What cannot be read is left out and told by [`DnsMessage::cut_short`]; a message that ends early, for whatever reason,
/// keeps its questions and the records before the end.
///
/// # Errors
///
/// [`Malformed`] when the octets are no DNS message.
pub fn parse(bytes: &[u8], complete: bool) -> Result<DnsMessage, Malformed> {
    parse_with(&mut NameReader::new(bytes), complete)
}

fn parse_with(names: &mut NameReader<'_>, complete: bool) -> Result<DnsMessage, Malformed> {
    let header = plausible_header(names.message())?;
    let mut message = DnsMessage {
        id: header.id,
        response: !header.query,
        opcode: header.opcode.into(),
        response_code: u16::from(Into::<u8>::into(header.response_code)),
        authoritative: header.authoritative,
        truncated: header.truncated,
        recursion_desired: header.recursion_desired,
        recursion_available: header.recursion_available,
        ..DnsMessage::default()
    };
    let mut sections = Sections::new(names, HEADER_OCTETS);
    for _ in 0..header.questions {
        match sections.question() {
            Ok(question) if message.questions.len() < MAX_QUESTIONS => {
                message.questions.push(question)
            }
            Ok(_) => message.cut_short = true,
            Err(defect) => {
                if message.questions.is_empty() && (complete || defect == NameDefect::Invalid) {
                    return Err(Malformed::Question);
                }
                message.cut_short = true;
                return Ok(message);
            }
        }
    }
    if message.response && message.opcode == opcode::QUERY {
        sections.read_records(&header, &mut message);
    }
    Ok(message)
}

/// Reads the header and refuses what is not one, since anything can be sent to port 53.
fn plausible_header(bytes: &[u8]) -> Result<Header, Malformed> {
    let mut octets: [u8; HEADER_OCTETS] = *bytes
        .first_chunk()
        .ok_or(Malformed::HeaderTooShort(bytes.len()))?;
    // `Header::parse` insists that the reserved Z bit is 0, as RFC 1035 §4.1.1 asks of senders; some set it all the same.
    if let Some(flags) = octets.get_mut(3) {
        *flags &= !0x40;
    }
    let header = Header::parse(&octets).map_err(|_| Malformed::HeaderTooShort(bytes.len()))?;
    let opcode: u16 = header.opcode.into();
    if !opcode::KNOWN.contains(&opcode) {
        return Err(Malformed::Opcode(opcode));
    }
    let records: u32 = [header.answers, header.nameservers, header.additional]
        .into_iter()
        .map(u32::from)
        .sum();
    let questions = u32::from(header.questions);
    let least = questions
        .saturating_mul(MIN_QUESTION_OCTETS)
        .saturating_add(records.saturating_mul(MIN_RECORD_OCTETS));
    let asks_nothing = header.query && opcode == opcode::QUERY && questions == 0 && records == 0;
    if least > u32::from(u16::MAX) || asks_nothing {
        return Err(Malformed::Counts);
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::super::sections::MAX_ADDRESSES;
    use super::*;
    use proptest::prelude::*;

    /// Where the first question's name lies, as a compression pointer.
    const ASKED: &[u8] = b"\xc0\x0c";

    /// A message with the given flags and sections.
    fn message(flags: u16, sections: [&[Vec<u8>]; 4]) -> Vec<u8> {
        let mut octets = b"\x12\x34".to_vec();
        octets.extend(flags.to_be_bytes());
        for section in sections {
            octets.extend(u16::try_from(section.len()).unwrap().to_be_bytes());
        }
        octets.extend(sections.into_iter().flatten().flatten());
        octets
    }

    fn name(text: &str) -> Vec<u8> {
        let mut octets = Vec::new();
        for label in text.split('.') {
            octets.push(u8::try_from(label.len()).unwrap());
            octets.extend(label.as_bytes());
        }
        octets.push(0);
        octets
    }

    fn question(text: &str, query_type: u16) -> Vec<u8> {
        [name(text).as_slice(), &query_type.to_be_bytes(), &[0, 1]].concat()
    }

    fn record(owner: &[u8], record_type: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap();
        [
            owner,
            &record_type.to_be_bytes(),
            &[0, 1],
            &ttl.to_be_bytes(),
            &length.to_be_bytes(),
            data,
        ]
        .concat()
    }

    fn texts(names: &[HostName]) -> Vec<&str> {
        names.iter().map(HostName::as_str).collect()
    }

    fn addresses(message: &DnsMessage) -> Vec<String> {
        message
            .addresses
            .iter()
            .map(|host| host.address.to_string())
            .collect()
    }

    /// The answer to an A question: two aliases, sent in the wrong order, and an address.
    fn aliased_answer() -> Vec<u8> {
        message(
            0x8180,
            [
                &[question("enrol.example", 1)],
                &[
                    record(&name("b.example"), 1, 60, &[192, 0, 2, 7]),
                    record(&name("a.example"), 5, 30, &name("b.example")),
                    record(ASKED, 5, 300, &name("a.example")),
                ],
                &[],
                &[record(&[0], 41, 0, &[])],
            ],
        )
    }

    #[test]
    fn reads_a_question() {
        let bytes = message(0x0100, [&[question("Enrol.Example", 65)], &[], &[], &[]]);
        let read = parse(&bytes, true).unwrap();
        assert_eq!(
            (read.id, read.response, read.recursion_desired),
            (0x1234, false, true)
        );
        assert_eq!(read.questions.len(), 1);
        assert_eq!(
            read.questions[0].name.as_ref().unwrap().as_str(),
            "Enrol.Example"
        );
        assert_eq!(
            (read.questions[0].query_type, read.questions[0].query_class),
            (65, 1)
        );
        assert!(!read.cut_short);
    }

    #[test]
    fn reads_aliases_in_order_addresses_and_the_least_time_to_live() {
        let read = parse(&aliased_answer(), true).unwrap();
        assert_eq!(texts(&read.cnames), ["a.example", "b.example"]);
        assert_eq!(addresses(&read), ["192.0.2.7"]);
        assert_eq!(read.ttl, Some(30));
        assert!(read.answered && !read.cut_short && !read.is_no_data());
    }

    #[test]
    fn addresses_of_other_names_come_last() {
        let bytes = message(
            0x8180,
            [
                &[question("enrol.example", 28)],
                &[
                    record(&name("other.example"), 1, 9, &[192, 0, 2, 1]),
                    record(ASKED, 28, 0xffff_ffff, &[0xfe; 16]),
                ],
                &[],
                &[],
            ],
        );
        let read = parse(&bytes, true).unwrap();
        assert_eq!(
            read.addresses[1].owner.as_ref().unwrap().as_str(),
            "other.example"
        );
        assert_eq!(addresses(&read)[1], "192.0.2.1");
        assert_eq!(read.ttl, Some(0), "a top bit set counts as zero");
    }

    #[test]
    fn unknown_records_are_passed_over_and_damaged_ones_told() {
        let rrsig = record(ASKED, 46, 60, &[1; 40]);
        let address = record(ASKED, 1, 60, &[192, 0, 2, 7]);
        let short = record(ASKED, 1, 60, &[192, 0, 2]);
        let whole = [rrsig.clone(), address.clone()];
        let read = parse(
            &message(0x81c0, [&[question("enrol.example", 1)], &whole, &[], &[]]),
            true,
        )
        .unwrap();
        assert_eq!(addresses(&read), ["192.0.2.7"]);
        assert!(!read.cut_short);
        let damaged = [short, rrsig, address];
        let read = parse(
            &message(
                0x8180,
                [&[question("enrol.example", 1)], &damaged, &[], &[]],
            ),
            true,
        )
        .unwrap();
        assert_eq!(addresses(&read), ["192.0.2.7"]);
        assert!(read.cut_short);
    }

    #[test]
    fn nodata_is_told_from_a_cut_answer_and_from_a_missing_name() {
        let soa = [
            name("ns.example"),
            name("admin.example"),
            vec![0; 16],
            vec![0, 0, 1, 44],
        ]
        .concat();
        let authority = [record(&name("example"), 6, 900, &soa)];
        let asked = [question("enrol.example", 28)];
        let bytes = message(0x8180, [&asked, &[], &authority, &[]]);
        let read = parse(&bytes, true).unwrap();
        assert!(read.is_no_data());
        assert_eq!(read.negative_ttl, Some(300));

        let missing = parse(&message(0x8183, [&asked, &[], &authority, &[]]), true).unwrap();
        assert!(!missing.is_no_data());
        assert_eq!(
            (missing.response_code, missing.negative_ttl),
            (3, Some(300))
        );

        let alias = [record(ASKED, 5, 300, &name("b.example"))];
        let aliased = message(0x8180, [&asked, &alias, &[], &[]]);
        assert!(parse(&aliased, true).unwrap().is_no_data());
        assert!(
            !parse(&aliased[..aliased.len() - 1], false)
                .unwrap()
                .is_no_data()
        );
    }

    #[test]
    fn a_message_cut_by_the_snap_length_keeps_what_is_there() {
        let bytes = aliased_answer();
        let question_end = 12 + 15 + 4;
        for end in 0..bytes.len() {
            match parse(&bytes[..end], false) {
                Err(error) => assert!(end < 12 && error == Malformed::HeaderTooShort(end)),
                Ok(read) => {
                    assert_eq!(read.questions.len(), usize::from(end >= question_end));
                    assert!(read.cut_short || end + 11 >= bytes.len());
                }
            }
        }
        let second_answer_cut = parse(&bytes[..question_end + 25 + 5], false).unwrap();
        assert_eq!(addresses(&second_answer_cut), ["192.0.2.7"]);
    }

    #[test]
    fn edns_extends_the_response_code() {
        let opt = record(&[0], 41, 0x0100_8000, &[0, 10, 0, 2, 7, 7]);
        let read = parse(
            &message(0x8180, [&[question("a.example", 1)], &[], &[], &[opt]]),
            true,
        );
        let read = read.unwrap();
        assert_eq!(read.response_code, 16);
        assert!(!read.is_no_data());
    }

    #[test]
    fn https_answers_become_hints() {
        let data = b"\0\x01\0\0\x01\0\x03\x02h2\0\x04\0\x04\xc0\0\x02\x09";
        let bytes = message(
            0x8180,
            [
                &[question("a.example", 65)],
                &[record(ASKED, 65, 60, data)],
                &[],
                &[],
            ],
        );
        let read = parse(&bytes, true).unwrap();
        assert_eq!(read.hints.len(), 1);
        assert_eq!(
            (
                read.hints[0].alpn[0].as_str(),
                read.hints[0].addresses.len()
            ),
            ("h2", 1)
        );
        assert!(read.answered && !read.cut_short);
    }

    #[test]
    fn a_multicast_response_has_no_question_and_names_its_sender() {
        let mut host = record(
            "\x05B\u{fc}ro\x05local\0".as_bytes(),
            1,
            120,
            &[192, 0, 2, 8],
        );
        let class = host.len() - 4 - 2 - 4 - 2;
        host[class] = 0x80;
        let pointer = record(
            &name("_http._tcp.local"),
            12,
            120,
            &name("Web._http._tcp.local"),
        );
        let read = parse(&message(0x8400, [&[], &[pointer], &[], &[host]]), true).unwrap();
        assert!(read.questions.is_empty() && read.authoritative);
        assert_eq!(
            read.additional_addresses[0]
                .owner
                .as_ref()
                .unwrap()
                .as_str(),
            "B\u{fc}ro.local"
        );
        assert_eq!(
            read.additional_addresses[0].address.to_string(),
            "192.0.2.8"
        );
    }

    #[test]
    fn an_update_keeps_its_zone_only() {
        let change = [record(ASKED, 1, 0, &[192, 0, 2, 7])];
        let read = parse(
            &message(0x2800, [&[question("example", 6)], &change, &change, &[]]),
            true,
        );
        let read = read.unwrap();
        assert_eq!(
            (read.opcode, read.questions.len(), read.addresses.len()),
            (5, 1, 0)
        );
    }

    #[test]
    fn records_are_bounded_and_the_rest_is_told() {
        let asked = vec![question("a.example", 1); MAX_QUESTIONS + 1];
        let answers = vec![record(ASKED, 1, 60, &[192, 0, 2, 7]); 100];
        let read = parse(&message(0x8180, [&asked, &answers, &[], &answers]), true).unwrap();
        assert_eq!(read.questions.len(), MAX_QUESTIONS);
        assert_eq!(read.addresses.len(), MAX_ADDRESSES);
        assert_eq!(read.additional_addresses.len(), MAX_ADDRESSES);
        assert!(read.cut_short);
    }

    #[test]
    fn other_protocols_are_no_dns() {
        assert_eq!(
            parse(b"GET / HTTP/1.1\r\n\r\n", true),
            Err(Malformed::Opcode(10))
        );
        assert_eq!(
            parse(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03ab", true),
            Err(Malformed::Counts)
        );
        assert_eq!(parse(&[0; 40], true), Err(Malformed::Counts));
        assert_eq!(parse(&[0; 11], false), Err(Malformed::HeaderTooShort(11)));
        let nonsense = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x80abc";
        assert_eq!(parse(nonsense, false), Err(Malformed::Question));
        let cut = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x08abc";
        assert_eq!(parse(cut, true), Err(Malformed::Question));
        assert!(parse(cut, false).unwrap().cut_short);
    }

    #[test]
    fn hostile_compression_costs_no_more_than_the_allowance() {
        // One name of 255 octets behind a staircase of pointers, then as many records as fit that use it twice.
        let long = [
            [&[63][..], &[b'a'; 63]].concat().repeat(3),
            vec![61],
            vec![b'b'; 61],
            vec![0],
        ]
        .concat();
        let mut bytes = b"\x12\x34\x81\x80\0\0\0\0\0\0\0\0".to_vec();
        let stairs = record(&[0], 16, 0, &[]).len() + bytes.len() + long.len();
        let mut data = long;
        for step in 0..30 {
            let below = if step == 0 {
                12 + 11
            } else {
                stairs + 2 * (step - 1)
            };
            data.extend((0xc000 | u16::try_from(below).unwrap()).to_be_bytes());
        }
        let top = stairs + 2 * 29;
        let pointer = (0xc000 | u16::try_from(top).unwrap()).to_be_bytes();
        bytes.extend(record(&[0], 16, 0, &data));
        let mut answers = 1_u16;
        while bytes.len() < 65_500 {
            bytes.extend(record(
                &pointer,
                [5, 39][usize::from(answers % 2)],
                0,
                &pointer,
            ));
            answers += 1;
        }
        bytes[6..8].copy_from_slice(&answers.to_be_bytes());

        let mut names = NameReader::new(&bytes);
        let read = parse_with(&mut names, true).unwrap();
        assert!(answers > 4_000);
        assert!(read.cut_short);
        assert!(
            names.walked() > NameReader::ALLOWANCE / 2,
            "{}",
            names.walked()
        );
        assert!(names.walked() <= NameReader::ALLOWANCE);
    }

    #[test]
    fn a_message_of_nothing_but_pointers_is_refused_at_once() {
        let mut bytes = b"\x12\x34\x81\x80\0\x01\x0f\xff\0\0\0\0".to_vec();
        bytes.extend(std::iter::repeat_n([0xc0, 0x0c], 32_700).flatten());
        let mut names = NameReader::new(&bytes);
        assert_eq!(parse_with(&mut names, true), Err(Malformed::Question));
        assert!(names.walked() < 64);
    }

    #[test]
    fn a_question_whose_name_leads_nowhere_is_not_the_root() {
        let looping = [ASKED, b"\0\x01\0\x01"].concat();
        let only = message(0x0100, [std::slice::from_ref(&looping), &[], &[], &[]]);
        assert_eq!(parse(&only, true), Err(Malformed::Question));
        let forward = b"\xc0\xff\0\x01\0\x01".to_vec();
        let questions = [question("a.example", 1), forward];
        let read = parse(&message(0x0100, [&questions, &[], &[], &[]]), true).unwrap();
        assert_eq!((read.questions.len(), read.cut_short), (1, true));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes, true);
        }

        #[test]
        fn any_records_behind_a_good_header_are_read(
            flags in any::<u8>(),
            body in prop::collection::vec(prop_oneof![Just(0xc0_u8), Just(12), 0..70_u8, any::<u8>()], 0..400),
        ) {
            let header = [0x12, 0x34, 0x80, flags, 0, 1, 0, 20, 0, 3, 0, 4];
            let bytes = [&header[..], &body].concat();
            if let Ok(read) = parse(&bytes, false) {
                prop_assert!(read.questions.len() <= 1 && read.addresses.len() <= 20);
            }
        }

        #[test]
        fn one_flipped_octet_never_breaks_the_reading(at in 0_usize..200, with in 1_u8..) {
            let mut bytes = aliased_answer();
            let at = at % bytes.len();
            bytes[at] ^= with;
            let _ = parse(&bytes, true);
            let _ = parse(&bytes[..at], false);
        }
    }
}
