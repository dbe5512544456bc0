//! BPF filters in the language of libpcap (`pcap-filter(7)`), for interfaces and for files.
//!
//! libpcap looks host, network and service names up while it compiles, on the network where need be. An audit makes no
//! connection, so names are refused before libpcap sees them.

use super::error::LiveError;
use crate::capture::Frame;
use crate::facts::LinkType;
use pcap::{BpfProgram, Capture, Linktype};
use std::net::IpAddr;

/// Words beyond which libpcap's optimiser takes longer than it saves: 400 networks take it 5 s, without it none.
const OPTIMISED_WORDS: usize = 150;

/// Longest expression, in octets.
const LONGEST: usize = 64 * 1024;

/// Longest frame that is lengthened to its original length for a filter that asks for it.
const LONGEST_FRAME: usize = 256 * 1024;

/// The words of the language that a filter for IP traffic uses.
const WORDS: &[&str] = &[
    "addr1",
    "addr2",
    "addr3",
    "addr4",
    "ah",
    "and",
    "arp",
    "broadcast",
    "byte",
    "carp",
    "dir",
    "direction",
    "dst",
    "esp",
    "ether",
    "gateway",
    "geneve",
    "greater",
    "gre",
    "host",
    "icmp",
    "icmp6",
    "icmp6type",
    "icmp6code",
    "icmptype",
    "icmpcode",
    "ifindex",
    "igmp",
    "igrp",
    "inbound",
    "ip",
    "ip6",
    "lane",
    "len",
    "less",
    "link",
    "llc",
    "mask",
    "mpls",
    "multicast",
    "net",
    "not",
    "or",
    "outbound",
    "pim",
    "port",
    "portrange",
    "ppp",
    "pppoed",
    "pppoes",
    "proto",
    "protochain",
    "ra",
    "radio",
    "rarp",
    "sctp",
    "src",
    "subtype",
    "ta",
    "tcp",
    "tcpflags",
    "type",
    "udp",
    "vlan",
    "vrrp",
    "vxlan",
    "wlan",
];

/// An expression that holds no names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    words: usize,
    asks_for_length: bool,
}

impl Expression {
    /// Checks that every word belongs to the language, or is a number or an address.
    ///
    /// # Errors
    ///
    /// The word that does not, and whatever libpcap has against the rest.
    pub fn parse(text: &str) -> Result<Self, LiveError> {
        let wrong = |reason: String| LiveError::Filter {
            expression: crate::facts::printable(text.as_bytes(), 200).to_string(),
            reason,
        };
        if text.len() > LONGEST {
            return Err(wrong(format!(
                "it is longer than {LONGEST} octets; name networks instead of hosts"
            )));
        }
        let mut words = 0_usize;
        let mut asks_for_length = false;
        for word in text.split(|c: char| c.is_whitespace() || "()[]!=<>&|+*^%,".contains(c)) {
            let word = word.trim_start_matches('\\');
            if word.is_empty() {
                continue;
            }
            words += 1;
            asks_for_length |= ["len", "less", "greater"].contains(&word);
            if !is_word(word) {
                return Err(wrong(format!(
                    "`{}` is no word of the language, no number and no address; names are not looked up, so write as in \
                     `host 10.20.0.14 and tcp port 443`",
                    crate::facts::printable(word.as_bytes(), 64)
                )));
            }
        }
        let expression = Self {
            text: text.to_owned(),
            words,
            asks_for_length,
        };
        // Whether it is a sentence is libpcap's to say.
        expression.compile(LinkType::ETHERNET)?;
        Ok(expression)
    }

    /// As it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether libpcap should optimise it.
    #[must_use]
    pub fn worth_optimising(&self) -> bool {
        self.words <= OPTIMISED_WORDS
    }

    fn compile(&self, link_type: LinkType) -> Result<BpfProgram, LiveError> {
        let wrong = |error: pcap::Error| LiveError::Filter {
            expression: crate::facts::printable(self.text.as_bytes(), 200).to_string(),
            reason: format!("libpcap says: {error}; `man pcap-filter` describes the language"),
        };
        Capture::dead(Linktype(dlt(link_type)))
            .and_then(|dead| dead.compile(&self.text, self.worth_optimising()))
            .map_err(wrong)
    }
}

/// The number that libpcap uses within the program: raw IP has another one in files.
fn dlt(link_type: LinkType) -> i32 {
    match link_type {
        LinkType::RAW => 12,
        other => i32::try_from(other.0).unwrap_or(i32::MAX),
    }
}

fn is_word(word: &str) -> bool {
    WORDS.contains(&word)
        || word.starts_with("tcp-")
        || word.starts_with("icmp-")
        || word.starts_with("icmp6-")
        || is_number(word)
        || is_address(word)
}

/// A number, an offset with a length (`13:1`), a range of ports, or a sum or quotient of numbers.
fn is_number(word: &str) -> bool {
    word.split([':', '-', '/']).all(|part| {
        let digits = part.strip_prefix("0x").or(part.strip_prefix("0X"));
        match digits {
            Some(digits) => !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit()),
            None => part.chars().all(|c| c.is_ascii_digit()),
        }
    })
}

/// An IP address or network, in full or its first octets only, or a hardware address.
fn is_address(word: &str) -> bool {
    let (address, prefix) = word.split_once('/').unwrap_or((word, "0"));
    if prefix.parse::<u8>().is_ok()
        && (address.parse::<IpAddr>().is_ok()
            || (address.contains('.') && address.split('.').all(|part| part.parse::<u8>().is_ok())))
    {
        return true;
    }
    let octets: Vec<&str> = word.split([':', '-']).collect();
    octets.len() == 6
        && octets
            .iter()
            .all(|octet| octet.len() <= 2 && u8::from_str_radix(octet, 16).is_ok())
}

/// A filter for frames of any link type.
pub struct FrameFilter {
    expression: Expression,
    /// One program for each link type that was met; `None` where the expression makes no sense for it.
    programs: Vec<(LinkType, Option<BpfProgram>)>,
    lengthened: Vec<u8>,
}

impl FrameFilter {
    /// A filter by `expression`.
    #[must_use]
    pub fn new(expression: Expression) -> Self {
        Self {
            expression,
            programs: Vec::new(),
            lengthened: Vec::new(),
        }
    }

    /// Whether the frame is wanted. Frames of a link type that the expression makes no sense for are not.
    pub fn accepts(&mut self, frame: &Frame<'_>) -> bool {
        let known = self
            .programs
            .iter()
            .position(|(link_type, _)| *link_type == frame.link_type);
        let position = known.unwrap_or_else(|| {
            let program = self.expression.compile(frame.link_type).ok();
            self.programs.push((frame.link_type, program));
            self.programs.len() - 1
        });
        let Some((_, Some(program))) = self.programs.get(position) else {
            return false;
        };
        let original = usize::try_from(frame.original_length).unwrap_or(usize::MAX);
        if self.expression.asks_for_length && original > frame.bytes.len() {
            // The crate says that a frame is as long as what was captured of it.
            self.lengthened.clear();
            self.lengthened.extend_from_slice(frame.bytes);
            self.lengthened
                .resize(original.min(LONGEST_FRAME).max(frame.bytes.len()), 0);
            return program.filter(&self.lengthened);
        }
        program.filter(frame.bytes)
    }

    /// Link types that the expression makes no sense for.
    #[must_use]
    pub fn unfit_link_types(&self) -> Vec<LinkType> {
        self.programs
            .iter()
            .filter(|(_, program)| program.is_none())
            .map(|(link_type, _)| *link_type)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, Timestamp};

    #[test]
    fn names_are_refused_before_they_are_looked_up() {
        for text in [
            "host manage.microsoft.com",
            "host cafe.be",
            "net localnet",
            "port http",
            "src gateway-1",
            "host localhost or tcp",
            "ether host eth-name",
            "host a",
            "host ::g",
        ] {
            let error = Expression::parse(text).unwrap_err().to_string();
            assert!(error.contains("names are not looked up"), "{text}: {error}");
        }
    }

    #[test]
    fn addresses_numbers_and_the_words_of_the_language_are_taken() {
        for text in [
            "",
            "tcp port 443 or udp port 53",
            "host 10.20.0.14 and (net 192.0.2.0/24 or net 10.1)",
            "ip6 host 2001:db8::1 or net 2001:db8::/32",
            "ether host 02:00:00:00:00:01",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and tcp[13:1]&0x3f=2",
            "portrange 1024-2048 and less 200",
            "vlan 110 and not ip proto \\tcp",
        ] {
            if let Err(error) = Expression::parse(text) {
                panic!("{text}: {error}");
            }
        }
    }

    #[test]
    fn what_is_no_sentence_is_refused_in_words() {
        let error = Expression::parse("tcp port port 443")
            .unwrap_err()
            .to_string();
        assert!(error.contains("syntax error"), "{error}");
        assert!(Expression::parse(&"1 ".repeat(40_000)).is_err());
    }

    #[test]
    fn a_cut_frame_is_as_long_as_it_was() {
        let mut filter = FrameFilter::new(Expression::parse("greater 100").unwrap());
        let frame = |original_length| Frame {
            number: FrameNumber(1),
            timestamp: Timestamp(0),
            link_type: LinkType::RAW,
            original_length,
            bytes: &[0x45; 40],
        };
        assert!(filter.accepts(&frame(101)));
        assert!(!filter.accepts(&frame(99)));
    }
}
