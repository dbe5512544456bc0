//! tshark's reading: its packet details as XML (PDML), which it writes one element a line.

use super::reading::{Ends, Question, Reading};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Why there is no reading.
#[derive(Debug)]
pub struct Failure {
    what: String,
    refused: bool,
}

impl Failure {
    pub fn new(program: &str, status: ExitStatus, message: &str) -> Self {
        Self {
            what: format!("{program}: {status}: {message}"),
            refused: status.code() == Some(2),
        }
    }

    /// The program does not take this for a capture.
    pub fn is_refusal(&self) -> bool {
        self.refused
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

pub fn is_installed() -> bool {
    Command::new("tshark")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Dissects `capture` with all of tshark's own defaults but two: no names from the network, and segments are put in order,
/// as a receiver would.
pub fn read(capture: &Path) -> Result<Reading, Failure> {
    let mut tshark = Command::new("tshark")
        .args(["-n", "-o", "tcp.reassemble_out_of_order:TRUE", "-T", "pdml"])
        .arg("-r")
        .arg(capture)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tshark starts");
    let mut details = Details::default();
    let output = BufReader::new(tshark.stdout.take().expect("its output"));
    for line in output.split(b'\n') {
        let line = line.expect("a line");
        details.line(&String::from_utf8_lossy(&line));
    }
    let rest = tshark.wait_with_output().expect("tshark ends");
    let error = String::from_utf8_lossy(&rest.stderr);
    // A capture that ends within a packet is read up to there, and so it is here.
    let cut = error.contains("cut short in the middle of a packet");
    if !rest.status.success() && !cut && details.frame == 0 {
        return Err(Failure::new("tshark", rest.status, error.trim()));
    }
    Ok(details.finish())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum DnsSection {
    #[default]
    Header,
    Questions,
    Answers,
    Others,
}

#[derive(Debug, Default)]
struct DnsMessage {
    transport: &'static str,
    response: bool,
    opcode: u16,
    section: DnsSection,
    questions: Vec<(String, u16)>,
    answers: Vec<String>,
}

/// The way through the details, element by element. What lies in tunnels comes later, so that the last one counts.
#[derive(Debug, Default)]
struct Details {
    frame: u64,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    ports: (u16, u16),
    transport: Option<&'static str>,
    stream: Option<u64>,
    /// What follows is quoted by an ICMP error.
    quoted: bool,
    server_names: Vec<String>,
    http_hosts: Vec<String>,
    messages: Vec<DnsMessage>,
    streams: BTreeMap<(&'static str, u64), (SocketAddr, SocketAddr, u64)>,
    reading: Reading,
}

impl Details {
    fn line(&mut self, line: &str) {
        let line = line.trim_start();
        if line.starts_with("<packet>") {
            *self = Self {
                frame: self.frame,
                streams: std::mem::take(&mut self.streams),
                reading: std::mem::take(&mut self.reading),
                ..Self::default()
            };
        } else if line.starts_with("</packet>") {
            self.end_packet();
        } else if line.starts_with("<proto ") {
            self.protocol(&attribute(line, "name").unwrap_or_default());
        } else if line.starts_with("<field ") && !self.quoted {
            let name = attribute(line, "name").unwrap_or_default();
            let show = attribute(line, "show").unwrap_or_default();
            self.field(&name, show);
        }
    }

    fn protocol(&mut self, name: &str) {
        match name {
            "ip" | "ipv6" | "eth" | "arp" | "vxlan" | "geneve" => {
                (self.transport, self.stream) = (None, None);
            }
            "tcp" if !self.quoted => self.transport = Some("tcp"),
            "udp" if !self.quoted => self.transport = Some("udp"),
            "icmp" | "icmpv6" => {
                (self.transport, self.stream, self.quoted) = (None, None, true);
            }
            "dns" | "mdns" | "llmnr" => {
                let transport = match (name, self.transport) {
                    ("mdns", _) => "mdns",
                    ("llmnr", _) => "llmnr",
                    (_, Some("tcp")) => "tcp",
                    _ => "udp",
                };
                self.messages.push(DnsMessage {
                    transport,
                    ..DnsMessage::default()
                });
            }
            _ => {}
        }
    }

    fn field(&mut self, name: &str, show: String) {
        match name {
            "num" => self.frame = show.parse().unwrap_or(self.frame),
            "ip.src" | "ipv6.src" => self.source = show.parse().ok(),
            "ip.dst" | "ipv6.dst" => self.destination = show.parse().ok(),
            "tcp.srcport" | "udp.srcport" => self.ports.0 = show.parse().unwrap_or_default(),
            "tcp.dstport" | "udp.dstport" => self.ports.1 = show.parse().unwrap_or_default(),
            "tcp.stream" | "udp.stream" => self.stream = show.parse().ok(),
            "tls.handshake.extensions_server_name" | "dtls.handshake.extensions_server_name" => {
                self.server_names.push(show)
            }
            "http.host" => self.http_hosts.push(show),
            _ => {
                if let Some(message) = self.messages.last_mut() {
                    message.field(name, show);
                }
            }
        }
    }

    fn end_packet(&mut self) {
        let (Some(source), Some(destination), Some(transport), Some(stream)) =
            (self.source, self.destination, self.transport, self.stream)
        else {
            return;
        };
        let source = SocketAddr::new(source, self.ports.0);
        let destination = SocketAddr::new(destination, self.ports.1);
        self.streams
            .entry((transport, stream))
            .or_insert((source, destination, self.frame));
        let ends = Ends::new(transport, source, destination);
        for name in self.server_names.drain(..) {
            self.reading.add_server_name(ends.clone(), &name);
        }
        for host in self.http_hosts.drain(..) {
            self.reading.add_http_host(ends.clone(), &host);
        }
        for message in self.messages.drain(..) {
            message.add_to(&mut self.reading, source.ip(), destination.ip());
        }
    }

    fn finish(mut self) -> Reading {
        for ((transport, _), (source, destination, first_frame)) in &self.streams {
            self.reading
                .add_flow(transport, *source, *destination, *first_frame);
        }
        self.reading
    }
}

impl DnsMessage {
    fn field(&mut self, name: &str, show: String) {
        match name {
            "dns.flags.response" => self.response = show == "1" || show == "True",
            "dns.flags.opcode" => self.opcode = show.parse().unwrap_or_default(),
            "dns.qry.name" if show == "<Root>" => self.questions.push((String::new(), 0)),
            "dns.qry.name" => self.questions.push((show, 0)),
            "dns.qry.type" => {
                if let Some((_, query_type)) = self.questions.last_mut() {
                    *query_type = show.parse().unwrap_or_default();
                }
            }
            "dns.a" | "dns.aaaa" | "dns.cname" if self.section == DnsSection::Answers => {
                self.answers.push(show)
            }
            "" => {
                self.section = match show.as_str() {
                    "Queries" => DnsSection::Questions,
                    "Answers" => DnsSection::Answers,
                    "Authoritative nameservers" | "Additional records" => DnsSection::Others,
                    _ => return,
                };
            }
            _ => {}
        }
    }

    fn add_to(self, reading: &mut Reading, source: IpAddr, destination: IpAddr) {
        // Updates, notifications and the like ask nothing.
        if self.opcode != 0 {
            return;
        }
        let (client, resolver) = if self.response {
            (destination, source)
        } else {
            (source, destination)
        };
        for (name, _) in &self.questions {
            reading.add_spelling(name);
        }
        let mut questions = self.questions.iter().map(|(name, query_type)| {
            Question::new(self.transport, client, resolver, name, *query_type)
        });
        if !self.response {
            questions.for_each(|question| reading.add_question(question, 1));
        } else if self.transport != "mdns"
            && let Some(question) = questions.next()
        {
            reading.add_answers(question, self.answers);
        }
    }
}

/// The value of `name="…"` in an element, its character references resolved.
fn attribute(line: &str, name: &str) -> Option<String> {
    let marker = format!(" {name}=\"");
    let (_, rest) = line.split_once(&marker)?;
    let (value, _) = rest.split_once('"')?;
    if !value.contains('&') {
        return Some(value.to_owned());
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let (reference, behind) = after.split_once(';')?;
        text.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = reference.strip_prefix("#x")?;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
        });
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}
