//! The serialised form of a report, and its version. The only serialisable types; their doc comments are the published
//! schema's descriptions.

use crate::audit;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Version of this form: raised when a meaning changes, not when something is added.
pub const SCHEMA_VERSION: u32 = 1;

/// A list whose entries are made one by one while it is written: a report may have tens of thousands of devices.
#[derive(Debug)]
pub struct Each<'r, Source, Entry> {
    /// What the entries are made from.
    pub items: &'r [Source],
    /// Makes one entry.
    pub entry: fn(&'r Source) -> Entry,
}

impl<Source, Entry: Serialize> Serialize for Each<'_, Source, Entry> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(self.entry))
    }
}

/// The report of `intap audit`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "intap audit report")]
pub struct Report<'r> {
    /// Version of this form. A change of meaning raises it, additions do not.
    pub schema_version: u32,
    /// The program that wrote it.
    pub generator: Generator,
    /// What the capture is and what it can prove.
    pub capture: Capture<'r>,
    /// The endpoint list that was judged by.
    pub catalog: CatalogLabel<'r>,
    /// One entry per device that tried something of the list, in the order of first packets.
    #[schemars(with = "Vec<Client<'r>>")]
    pub clients: Each<'r, audit::ClientReport, Client<'r>>,
    /// Addresses that opened flows without trying anything of the list.
    pub other_clients: usize,
    /// What is wrong, the gravest first.
    #[schemars(with = "Vec<Finding<'r>>")]
    pub findings: Each<'r, audit::Finding, Finding<'r>>,
    /// Every TCP and UDP flow, with `--include flows`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Flow<'r>>>")]
    pub flows: Option<Each<'r, audit::FlowReport, Flow<'r>>>,
    /// Every DNS question, with `--include lookups`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Lookup<'r>>>")]
    pub lookups: Option<Each<'r, audit::LookupReport, Lookup<'r>>>,
    /// Where `intap live --tables` has written tables; only in its last report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Tables<'r>>,
}

/// Tables that were written beside the report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tables<'r> {
    /// The folder, as it was named.
    pub folder: &'r str,
    /// Files written by this run.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Rows that could not be written.
    pub lost: u64,
}

/// The program that wrote a report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Generator {
    /// Always `intap`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What the capture is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Capture<'r> {
    /// Frames read.
    pub frames: u64,
    /// Octets of all frames as sent.
    pub original_octets: u64,
    /// Octets of all frames as captured.
    pub captured_octets: u64,
    /// Time of the earliest frame, RFC 3339 in UTC.
    pub first_time: Option<String>,
    /// Time of the latest frame, RFC 3339 in UTC.
    pub last_time: Option<String>,
    /// `fit`, `limited` or `unfit`.
    pub fitness: &'static str,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason<'r>>,
    /// What could not be read.
    pub anomalies: Vec<Anomaly<'r>>,
    /// Frames that hold less than was sent.
    pub truncated_frames: u64,
    /// Copies of packets, left out.
    pub copies: u64,
    /// Packets that the capturing system says it dropped; null when it does not say.
    pub dropped: Option<u64>,
    /// Frames by link type.
    pub link_types: Vec<LinkTypeCount>,
    /// Capturing interfaces.
    pub interfaces: Vec<Interface<'r>>,
    /// What the capturing program says of itself.
    pub sections: Vec<Section<'r>>,
}

/// One property of the capture that matters.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reason<'r> {
    /// Stable name.
    pub code: &'static str,
    /// `fit` for a remark, `limited`, `unfit`.
    pub weight: &'static str,
    /// What was found.
    pub text: &'r str,
    /// What it costs.
    pub consequence: &'static str,
    /// How to record a better capture.
    pub remedy: &'static str,
}

/// Something that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Anomaly<'r> {
    /// Stable name, perhaps with a detail.
    pub name: &'r str,
    /// How often.
    pub count: u64,
    /// The first frame that showed it.
    pub first_frame: Option<u64>,
}

/// Frames of one link type.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LinkTypeCount {
    /// LINKTYPE_ value.
    pub link_type: u32,
    /// Frames.
    pub frames: u64,
}

/// One capturing interface.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Interface<'r> {
    /// Its name.
    pub name: Option<&'r str>,
    /// Its description.
    pub description: Option<&'r str>,
    /// LINKTYPE_ value.
    pub link_type: Option<u32>,
    /// Octets kept of each frame; 0 for all.
    pub snap_length: u32,
    /// Capture filter.
    pub filter: Option<&'r str>,
    /// Packets received.
    pub received: Option<u64>,
    /// Packets dropped.
    pub dropped: Option<u64>,
    /// Frames read from it.
    pub frames: u64,
}

/// What the capturing program says of itself.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Section<'r> {
    /// Hardware.
    pub hardware: Option<&'r str>,
    /// Operating system.
    pub operating_system: Option<&'r str>,
    /// Program.
    pub application: Option<&'r str>,
    /// Comments.
    pub comments: Vec<&'r str>,
}

/// The endpoint list that was judged by.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CatalogLabel<'r> {
    /// Name of the edition.
    pub edition: &'r str,
    /// The document.
    pub source: &'r str,
    /// The document's date.
    pub date: Option<&'r str>,
    /// Imported editions laid beside it and the user's own file laid over it.
    pub additions: Vec<CatalogAddition<'r>>,
}

/// A list used besides the edition.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CatalogAddition<'r> {
    /// Name of the list.
    pub edition: &'r str,
    /// Where it comes from.
    pub source: &'r str,
}

/// One device.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Client<'r> {
    /// All its addresses, joined by hardware address and VLAN where seen; IPv4 first.
    pub addresses: Vec<String>,
    /// Its hardware address.
    pub mac: Option<String>,
    /// VLAN identifiers, outermost first.
    pub vlan: Vec<u16>,
    /// The name it gives itself.
    pub name: Option<&'r str>,
    /// What it is judged by.
    pub scenario: Scenario<'r>,
    /// How far it came.
    pub progress: Progress<'r>,
    /// One entry per endpoint set.
    pub endpoint_sets: Vec<EndpointSet<'r>>,
}

/// What a device is judged by.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Scenario<'r> {
    /// Its name.
    pub name: &'r str,
    /// A heading for people.
    pub title: &'r str,
    /// `windows`, `macos`, `ios`, `android`, or `any` when nothing tells.
    pub platform: &'static str,
    /// Scenarios of features that the device used beside.
    pub features: Vec<&'r str>,
    /// Concluded from the traffic, not chosen.
    pub inferred: bool,
    /// From what.
    pub why: &'r str,
}

/// How far a device came.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Progress<'r> {
    /// `clear`, `stopped`, `impaired` or `unknown`.
    pub state: &'static str,
    /// The sets that stopped or impaired it, in the order of its stages, then in that in which they failed.
    pub endpoint_sets: Vec<String>,
    /// The stages of its scenario in their usual order, name resolution first; empty where no order is known.
    pub stages: Vec<Stage<'r>>,
}

/// One stage on a device's way.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stage<'r> {
    /// Its stable name.
    pub name: &'r str,
    /// A heading for people.
    pub title: &'r str,
    /// `not_seen`, `unclear`, `reached`, `partial` or `failed`.
    pub state: &'static str,
    /// The scenario ends here: something it cannot do without failed.
    pub stops: bool,
    /// Code of what failed first.
    pub cause: Option<&'static str>,
    /// The hosts that failed; without failure those that were tried.
    pub hosts: Vec<&'r str>,
    /// Its first frame: of the first failing host, else of the first host.
    pub first_frame: Option<u64>,
    /// Time of that frame.
    pub first_time: Option<String>,
}

/// One endpoint set of one device.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EndpointSet<'r> {
    /// The article's number; null for its sections without one.
    pub id: Option<u16>,
    /// The number as text, or the section's key.
    pub key: String,
    /// Feature area.
    pub feature_area: &'static str,
    /// What the row says it is.
    pub description: &'r str,
    /// `hard`, `soft`, `conditional` or `none`.
    pub requirement: &'static str,
    /// `reached`, `degraded`, `blocked`, `intercepted`, `never_reached`, `not_exercised` or `inconclusive`.
    pub verdict: &'static str,
    /// Code of what failed first; null unless something failed.
    pub cause: Option<&'static str>,
    /// Why the capture cannot tell, for `inconclusive`.
    pub inconclusive_because: Option<&'static str>,
    /// Names were looked up and resolved, but no attempt followed.
    pub looked_up_only: bool,
    /// First frame of the first failing attempt (its SYN, first datagram or DNS query); else of the first attempt.
    pub first_frame: Option<u64>,
    /// Time of that frame.
    pub first_time: Option<String>,
    /// IP octets of all its flows.
    pub octets: u64,
    /// Hosts tried or looked up.
    pub hosts: Vec<Host<'r>>,
}

/// One host of a set.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Host<'r> {
    /// Its name, or its address when no name is known.
    pub name: &'r str,
    /// The name was concluded from a lookup just before the connection.
    pub name_inferred: bool,
    /// The verdict, as for sets.
    pub verdict: &'static str,
    /// Code of what failed first.
    pub cause: Option<&'static str>,
    /// Codes of everything that failed.
    pub causes: Vec<&'static str>,
    /// Why the capture cannot tell.
    pub inconclusive_because: Option<&'static str>,
    /// First frame, as for sets.
    pub first_frame: Option<u64>,
    /// Time of that frame.
    pub first_time: Option<String>,
    /// Attempts seen.
    pub attempts: u64,
    /// Attempts served.
    pub served: u64,
    /// Addresses tried, with port.
    pub responders: Vec<String>,
    /// Harmless detours, for example `ipv6_failed_ipv4_worked`.
    pub notes: Vec<&'static str>,
    /// Some attempt went to a port that the set does not list.
    pub off_list_port: bool,
    /// A proxy stood in between.
    pub through_proxy: bool,
    /// Only older editions list the name.
    pub retired: bool,
    /// Any client of the field contacts it: weak evidence that the feature was used.
    pub generic: bool,
    /// A sign of TLS inspection.
    pub inspection: Option<Evidence<'r>>,
    /// The packets that prove the verdict.
    pub evidence: Vec<Evidence<'r>>,
}

/// A packet and what it shows.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Evidence<'r> {
    /// Frame number.
    pub frame: u64,
    /// Its time.
    pub time: String,
    /// What it shows.
    pub what: &'r str,
}

/// One thing that is wrong for one device.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding<'r> {
    /// The rule's stable code; `intap explain CODE` tells more.
    pub code: &'static str,
    /// `critical`, `warning` or `information`.
    pub severity: &'static str,
    /// The device's first address.
    pub client: String,
    /// The set's number; null for sections without one, and for what concerns the device as a whole.
    pub endpoint_set: Option<u16>,
    /// The set's number as text, or the section's key; null for what concerns the device as a whole.
    pub key: Option<String>,
    /// The verdict it explains; null for what concerns the device as a whole.
    pub verdict: Option<&'static str>,
    /// Code of what failed first.
    pub cause: Option<&'static str>,
    /// The hosts concerned.
    pub hosts: Vec<&'r str>,
    /// One sentence.
    pub summary: &'r str,
    /// What it means for what the device was doing.
    pub consequence: &'r str,
    /// What to change.
    pub remedy: &'r str,
    /// The document that the rule was taken from.
    pub source: &'r str,
    /// The proof.
    pub evidence: Vec<Evidence<'r>>,
    /// A Wireshark display filter that shows it.
    pub display_filter: &'r str,
}

/// One flow.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Flow<'r> {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The side that opened it.
    pub originator: String,
    /// Its port.
    pub originator_port: u16,
    /// The other side.
    pub responder: String,
    /// Its port.
    pub responder_port: u16,
    /// VLAN identifiers, outermost first.
    pub vlan: Vec<u16>,
    /// Community ID, version 1.
    pub community_id: String,
    /// First frame.
    pub first_frame: u64,
    /// Last frame.
    pub last_frame: u64,
    /// Time of the first frame.
    pub first_time: String,
    /// Time of the last frame.
    pub last_time: String,
    /// Packets of originator and responder, copies not counted.
    pub packets: [u64; 2],
    /// IP octets of originator and responder, copies not counted.
    pub bytes: [u64; 2],
    /// Copies left out.
    pub copies: u64,
    /// `tls`, `quic`, `http`, `http-connect`, `socks`, `dns`, `mdns`, `llmnr`, `ntp`, `dhcp`, `nbns`; null when unknown.
    pub application: Option<&'static str>,
    /// TLS or QUIC server name.
    pub server_name: Option<&'r str>,
    /// The ClientHello hides its true name (Encrypted ClientHello); `server_name` is the outer one.
    pub encrypted_client_hello: bool,
    /// TLS version chosen, as on the wire (771 TLS 1.2, 772 TLS 1.3).
    pub tls_version: Option<u16>,
    /// JA4 fingerprint of the ClientHello.
    pub ja4: Option<&'r str>,
    /// Certificate issuer, where visible.
    pub certificate_issuer: Option<&'r str>,
    /// Hosts of plain HTTP requests.
    pub http_hosts: Vec<&'r str>,
    /// Host and port asked of a proxy.
    pub connect_target: Option<String>,
    /// The host's name, however it was found.
    pub name: Option<&'r str>,
    /// `connect`, `sni`, `quic_sni`, `http_host`, `dns`, `prefix` or `none`.
    pub name_source: &'static str,
    /// Numbers of the sets of the most specific pattern.
    pub endpoint_sets: Vec<u16>,
    /// Numbers of sets of less specific patterns.
    pub also_endpoint_sets: Vec<u16>,
    /// Keys of sections without number.
    pub sections: Vec<String>,
    /// Some set lists the port.
    pub port_listed: Option<bool>,
    /// Code of how it ended; `ok` when it was served.
    pub outcome: &'static str,
    /// SYN to SYN/ACK in microseconds.
    pub handshake_rtt_us: Option<u64>,
    /// Segments sent again by originator and responder.
    pub retransmissions: Option<[u32; 2]>,
    /// A limit was reached while it was observed.
    pub limit_reached: Option<&'static str>,
}

/// One DNS question.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Lookup<'r> {
    /// Who asked.
    pub client: String,
    /// Who was asked.
    pub resolver: String,
    /// `udp`, `tcp`, `mdns` or `llmnr`.
    pub transport: &'static str,
    /// The name asked for; empty for the root.
    pub name: &'r str,
    /// Type by its registry name, unknown ones as TYPE123.
    #[serde(rename = "type")]
    pub query_type: String,
    /// `ok`, `nodata`, `nxdomain`, `servfail`, `refused`, `sinkhole`, `block_page`, `no_answer` or `unknown`.
    pub outcome: &'static str,
    /// Response code by its registry name; null without answer.
    pub response_code: Option<String>,
    /// CNAME chain, in order.
    pub cnames: Vec<&'r str>,
    /// Addresses.
    pub addresses: Vec<String>,
    /// First frame: the question, or the answer when only that was captured.
    pub first_frame: Option<u64>,
    /// Frame of the answer.
    pub answer_frame: Option<u64>,
    /// How often the question was sent.
    pub queries: u32,
}
