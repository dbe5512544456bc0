//! What a dissector reads out of a capture, reduced to what can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::net::{IpAddr, SocketAddr};

/// The innermost transport and both ends, the lower one first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    transport: String,
    low: SocketAddr,
    high: SocketAddr,
}

impl Ends {
    pub fn new(transport: &str, a: SocketAddr, b: SocketAddr) -> Self {
        Self {
            transport: transport.to_owned(),
            low: a.min(b),
            high: a.max(b),
        }
    }
}

impl Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.transport, self.low, self.high)
    }
}

/// A question to a resolver, or to everyone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub transport: String,
    pub client: IpAddr,
    /// `None` in multicast.
    pub resolver: Option<IpAddr>,
    /// In lower case: a client may spell it anew each time it asks.
    name: String,
    /// The registry's number.
    pub query_type: u16,
}

impl Question {
    pub fn new(
        transport: &str,
        client: IpAddr,
        resolver: IpAddr,
        name: &str,
        query_type: u16,
    ) -> Self {
        let multicast = matches!(transport, "mdns" | "llmnr");
        Self {
            transport: transport.to_owned(),
            client,
            resolver: (!multicast).then_some(resolver),
            name: name.to_lowercase(),
            query_type,
        }
    }
}

impl Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} to ", self.transport, self.client)?;
        match self.resolver {
            Some(resolver) => write!(f, "{resolver}")?,
            None => write!(f, "all")?,
        }
        write!(f, ": type {} of {:?}", self.query_type, self.name)
    }
}

/// One dissector's reading of a capture.
#[derive(Debug, Default)]
pub struct Reading {
    /// The first frame of each flow between these ends, in order.
    flows: BTreeMap<Ends, Vec<u64>>,
    /// Server names of TLS, DTLS and QUIC.
    server_names: BTreeSet<(Ends, String)>,
    /// Hosts of HTTP/1 requests, without port.
    http_hosts: BTreeSet<(Ends, String)>,
    /// Packets with each question.
    questions: BTreeMap<Question, u64>,
    /// Names asked for, as they were spelt.
    spellings: BTreeSet<String>,
    /// What answers to each question say: addresses, and names of aliases.
    answers: BTreeMap<Question, BTreeSet<String>>,
    /// Copies of packets that were left out, so that packets cannot be counted against each other.
    pub copies: u64,
}

impl Reading {
    pub fn add_flow(&mut self, transport: &str, a: SocketAddr, b: SocketAddr, first_frame: u64) {
        let ends = Ends::new(transport, a, b);
        self.flows.entry(ends).or_default().push(first_frame);
    }

    pub fn add_server_name(&mut self, ends: Ends, name: &str) {
        self.server_names.insert((ends, name.to_owned()));
    }

    pub fn add_http_host(&mut self, ends: Ends, host: &str) {
        let name = match host.rsplit_once(':') {
            Some((name, port))
                if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') =>
            {
                name
            }
            _ => host,
        };
        let name = name.trim().trim_end_matches('.');
        if !name.is_empty() {
            self.http_hosts.insert((ends, name.to_ascii_lowercase()));
        }
    }

    pub fn add_question(&mut self, question: Question, packets: u64) {
        if packets > 0 {
            let known = self.questions.entry(question).or_default();
            *known += packets;
        }
    }

    pub fn add_spelling(&mut self, name: &str) {
        self.spellings.insert(name.to_owned());
    }

    pub fn add_answers(&mut self, question: Question, answers: impl IntoIterator<Item = String>) {
        self.answers.entry(question).or_default().extend(answers);
    }

    /// Every difference, one a line: `-` for what only `self` has, `+` for what only `other` has.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for ends in keys(&self.flows, &other.flows) {
            let [theirs, ours] = [self, other].map(|reading| {
                reading
                    .flows
                    .get(ends)
                    .map(Vec::as_slice)
                    .unwrap_or_default()
            });
            if theirs.len() != ours.len() {
                let sign = if theirs.len() > ours.len() { '-' } else { '+' };
                lines.push(format!(
                    "{sign} flow {ends:?}, first frames {theirs:?} and {ours:?}"
                ));
            }
        }
        compare_sets(
            "server name",
            &self.server_names,
            &other.server_names,
            &mut lines,
        );
        compare_sets("http host", &self.http_hosts, &other.http_hosts, &mut lines);
        for question in keys(&self.questions, &other.questions) {
            let [theirs, ours] = [self, other]
                .map(|reading| reading.questions.get(question).copied().unwrap_or_default());
            let left_out = self.copies + other.copies > 0 && ours > 0;
            if theirs > ours && !left_out {
                lines.push(format!(
                    "- question {question:?}, {theirs} times and {ours}"
                ));
            } else if ours > theirs {
                lines.push(format!(
                    "+ question {question:?}, {theirs} times and {ours}"
                ));
            }
        }
        let unknown = other.spellings.difference(&self.spellings);
        lines.extend(unknown.map(|name| format!("+ spelling {name:?}")));
        for question in keys(&self.answers, &other.answers) {
            let none = BTreeSet::new();
            let [theirs, ours] =
                [self, other].map(|reading| reading.answers.get(question).unwrap_or(&none));
            if theirs != ours {
                lines.push(format!(
                    "answers to {question:?}: -{:?} +{:?}",
                    theirs.difference(ours).collect::<Vec<_>>(),
                    ours.difference(theirs).collect::<Vec<_>>()
                ));
            }
        }
        lines
    }
}

fn keys<'r, K: Ord, V>(a: &'r BTreeMap<K, V>, b: &'r BTreeMap<K, V>) -> BTreeSet<&'r K> {
    a.keys().chain(b.keys()).collect()
}

fn compare_sets<T: Ord + Debug>(
    what: &str,
    theirs: &BTreeSet<T>,
    ours: &BTreeSet<T>,
    lines: &mut Vec<String>,
) {
    lines.extend(
        theirs
            .difference(ours)
            .map(|item| format!("- {what} {item:?}")),
    );
    lines.extend(
        ours.difference(theirs)
            .map(|item| format!("+ {what} {item:?}")),
    );
}
