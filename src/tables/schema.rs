//! Which columns the tables have: names, types, units, meanings. `docs/tables.md` repeats this for people.

use polars::prelude::{DataType, TimeUnit, TimeZone};

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Every TCP and UDP flow.
    Flows,
    /// Every DNS question.
    Lookups,
    /// Every endpoint set of every device.
    Verdicts,
    /// Every host of every endpoint set of every device.
    Hosts,
    /// Every finding.
    Findings,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 without control characters.
    Text,
    /// True or false.
    Flag,
    /// 0 to 65,535.
    Small,
    /// 0 to 2³² - 1.
    Medium,
    /// 0 to 2⁶⁴ - 1.
    Large,
    /// A point in time, nanoseconds, UTC.
    Time,
    /// Any number of texts, in a meaningful order.
    Texts,
    /// Any number of numbers from 0 to 65,535.
    Numbers,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, a promise.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The unit of its numbers; empty where it has none.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// When it is null; empty when never.
    pub null: &'static str,
}

const fn column(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    meaning: &'static str,
    null: &'static str,
) -> Column {
    Column {
        name,
        kind,
        unit,
        meaning,
        null,
    }
}

use Kind::{Flag, Large, Medium, Numbers, Small, Text, Texts, Time};

const RUN: Column = column("run", Text, "", "the run of intap that wrote the row", "");
const CLIENT: Column = column(
    "client",
    Text,
    "",
    "the device, by the first of its addresses (IPv4 before IPv6)",
    "",
);
const FEATURE_AREA: Column = column(
    "feature_area",
    Text,
    "",
    "feature area of `endpoint_set`",
    "no set lists it",
);
const SET: Column = column(
    "endpoint_set",
    Text,
    "",
    "the set that it counts for: number, or key of a section without one; the first of `endpoint_sets`",
    "no set lists it",
);
const SETS: Column = column(
    "endpoint_sets",
    Texts,
    "",
    "all sets of the most specific pattern",
    "",
);
const FAILED: Column = column(
    "failed",
    Flag,
    "",
    "whether it was stopped",
    "the capture cannot tell, or the client gave it up itself",
);
const CAUSE: Column = column(
    "cause",
    Text,
    "",
    "code of what stopped it; see `intap explain`",
    "nothing did, or the capture cannot tell",
);

const FLOWS: &[Column] = &[
    RUN,
    column("first_time", Time, "", "first packet", ""),
    column("last_time", Time, "", "last packet", ""),
    column("first_frame", Large, "", "number of the first frame", ""),
    column("last_frame", Large, "", "number of the last frame", ""),
    CLIENT,
    column("protocol", Text, "", "`tcp` or `udp`", ""),
    column("originator", Text, "", "address that opened the flow", ""),
    column("originator_port", Small, "", "its port", ""),
    column(
        "originator_mac",
        Text,
        "",
        "hardware address of the originator",
        "not seen",
    ),
    column("responder", Text, "", "address of the other side", ""),
    column("responder_port", Small, "", "its port", ""),
    column(
        "vlans",
        Numbers,
        "",
        "VLAN identifiers, outermost first",
        "",
    ),
    column("community_id", Text, "", "Community ID, version 1", ""),
    column(
        "packets_originator",
        Large,
        "packets",
        "sent by the originator, copies not counted",
        "",
    ),
    column(
        "packets_responder",
        Large,
        "packets",
        "sent by the responder, copies not counted",
        "",
    ),
    column(
        "bytes_originator",
        Large,
        "octets",
        "IP packets of the originator, headers and all",
        "",
    ),
    column(
        "bytes_responder",
        Large,
        "octets",
        "IP packets of the responder, headers and all",
        "",
    ),
    column("copies", Large, "packets", "copies left out", ""),
    column(
        "application",
        Text,
        "",
        "`tls`, `quic`, `http`, `http-connect`, `socks`, `dns`, `mdns`, `llmnr`, `ntp`, `dhcp`, `nbns`",
        "unknown",
    ),
    column(
        "server_name",
        Text,
        "",
        "server name of TLS or QUIC",
        "none seen",
    ),
    column(
        "encrypted_client_hello",
        Flag,
        "",
        "the ClientHello hides its true name",
        "",
    ),
    column(
        "tls_version",
        Small,
        "",
        "TLS version chosen, as on the wire: 771 is TLS 1.2, 772 TLS 1.3",
        "no ServerHello seen",
    ),
    column(
        "ja4",
        Text,
        "",
        "JA4 fingerprint of the ClientHello",
        "none, or not all of it seen",
    ),
    column(
        "certificate_issuer",
        Text,
        "",
        "issuer of the server's certificate",
        "not visible (TLS 1.3), or no TLS",
    ),
    column("http_hosts", Texts, "", "hosts of plain HTTP requests", ""),
    column(
        "connect_target",
        Text,
        "",
        "host and port asked of a proxy",
        "no proxy was asked",
    ),
    column(
        "name",
        Text,
        "",
        "the host's name, in the case it had on the wire",
        "unknown",
    ),
    column(
        "name_source",
        Text,
        "",
        "how name or set were found: `connect`, `sni`, `quic_sni`, `http_host`, `dns`, `prefix`, `none`",
        "",
    ),
    FEATURE_AREA,
    SET,
    SETS,
    column(
        "also_endpoint_sets",
        Texts,
        "",
        "sets of less specific patterns",
        "",
    ),
    column(
        "port_listed",
        Flag,
        "",
        "some set lists the port",
        "no set does name ports, or a proxy stands between",
    ),
    column(
        "outcome",
        Text,
        "",
        "how it ended: `ok`, a cause, `abandoned`, or why the capture cannot tell",
        "",
    ),
    FAILED,
    CAUSE,
    column(
        "handshake_rtt_us",
        Large,
        "µs",
        "SYN to SYN/ACK",
        "UDP, one of them not seen, or the SYN was repeated",
    ),
    column(
        "retransmissions_originator",
        Medium,
        "segments",
        "sent again by the originator",
        "UDP",
    ),
    column(
        "retransmissions_responder",
        Medium,
        "segments",
        "sent again by the responder",
        "UDP",
    ),
    column(
        "limit_reached",
        Text,
        "",
        "a bound was reached, so that something may be missing",
        "none was",
    ),
];

const LOOKUPS: &[Column] = &[
    RUN,
    column(
        "first_time",
        Time,
        "",
        "the question, or the answer when only that was captured",
        "",
    ),
    column("answer_time", Time, "", "the answer", "not seen"),
    column(
        "first_frame",
        Large,
        "",
        "frame of the question, or of the answer",
        "",
    ),
    column("answer_frame", Large, "", "frame of the answer", "not seen"),
    CLIENT,
    column("asked_by", Text, "", "address that asked", ""),
    column("resolver", Text, "", "address that was asked", ""),
    column("transport", Text, "", "`udp`, `tcp`, `mdns` or `llmnr`", ""),
    column(
        "name",
        Text,
        "",
        "the name asked for, in the case it had on the wire",
        "the root",
    ),
    column(
        "type",
        Text,
        "",
        "type by its registry name, unknown ones as TYPE123",
        "",
    ),
    column("queries", Medium, "questions", "how often it was asked", ""),
    column(
        "response_code",
        Text,
        "",
        "response code by its registry name",
        "no answer",
    ),
    column(
        "cnames",
        Texts,
        "",
        "aliases in the answer, in their order",
        "",
    ),
    column("addresses", Texts, "", "addresses in the answer", ""),
    column(
        "ttl",
        Medium,
        "seconds",
        "smallest time to live in the answer",
        "no answer",
    ),
    FEATURE_AREA,
    SET,
    SETS,
    column(
        "outcome",
        Text,
        "",
        "`ok`, `nodata`, `nxdomain`, `servfail`, `refused`, `sinkhole`, `block_page`, `no_answer` or `unknown`",
        "",
    ),
    FAILED,
    CAUSE,
];

const AS_OF: Column = column(
    "as_of",
    Time,
    "",
    "the moment up to which packets count; a run of `intap live` has several",
    "the capture has no frames",
);

const SET_KEY: Column = column("endpoint_set", Text, "", "number or key of the set", "");

const AREA: Column = column("feature_area", Text, "", "the set's first feature area", "");

const VERDICT: Column = column(
    "verdict",
    Text,
    "",
    "`reached`, `degraded`, `blocked`, `intercepted`, `never_reached`, `not_exercised` or `inconclusive`",
    "",
);

const FIRST_CAUSE: Column = column(
    "cause",
    Text,
    "",
    "code of what failed first",
    "nothing failed",
);

const UNCLEAR: Column = column(
    "inconclusive_because",
    Text,
    "",
    "why the capture cannot tell",
    "it can",
);

const FIRST_FRAME: Column = column("first_frame", Large, "", "its frame", "never tried");

const SERVED: Column = column("served", Large, "attempts", "those that were served", "");

const VERDICTS: &[Column] = &[
    RUN,
    AS_OF,
    CLIENT,
    column(
        "client_addresses",
        Texts,
        "",
        "all addresses of the device",
        "",
    ),
    column(
        "client_mac",
        Text,
        "",
        "hardware address of the device",
        "not seen",
    ),
    column(
        "client_name",
        Text,
        "",
        "the name the device gives itself",
        "not seen",
    ),
    column("scenario", Text, "", "what the device is judged by", ""),
    column(
        "scenario_title",
        Text,
        "",
        "the same as a heading for people",
        "",
    ),
    column(
        "scenario_inferred",
        Flag,
        "",
        "the scenario was concluded from the traffic",
        "",
    ),
    SET_KEY,
    AREA,
    column(
        "requirement",
        Text,
        "",
        "`hard`, `soft`, `conditional` or `none`",
        "",
    ),
    VERDICT,
    FIRST_CAUSE,
    UNCLEAR,
    column(
        "looked_up_only",
        Flag,
        "",
        "names resolved, and no attempt followed",
        "",
    ),
    column(
        "first_time",
        Time,
        "",
        "first failing attempt, else first attempt",
        "never tried",
    ),
    FIRST_FRAME,
    column(
        "hosts",
        Texts,
        "",
        "hosts tried or looked up, by first packet",
        "",
    ),
    column(
        "attempts",
        Large,
        "attempts",
        "connections to its hosts",
        "",
    ),
    SERVED,
    column("bytes", Large, "octets", "IP packets of all its flows", ""),
    column(
        "fitness",
        Text,
        "",
        "the capture: `fit`, `limited`, `unfit`",
        "",
    ),
    column("edition", Text, "", "edition of the endpoint list", ""),
];

const HOSTS: &[Column] = &[
    RUN,
    AS_OF,
    CLIENT,
    SET_KEY,
    AREA,
    column(
        "requirement",
        Text,
        "",
        "how much the device's scenario needs the set: `hard`, `soft`, `conditional` or `none`",
        "",
    ),
    column(
        "host",
        Text,
        "",
        "the host's name in the case it had on the wire, or its address where no name is known",
        "",
    ),
    VERDICT,
    FIRST_CAUSE,
    UNCLEAR,
    column(
        "first_time",
        Time,
        "",
        "first failing attempt or lookup, else first attempt",
        "never tried",
    ),
    FIRST_FRAME,
    column("attempts", Large, "attempts", "connections to it", ""),
    SERVED,
    column(
        "responders",
        Texts,
        "",
        "addresses that were tried, with port: at most 8, one of each port before a second of any",
        "",
    ),
    column(
        "through_proxy",
        Flag,
        "",
        "a proxy stood in between, so that `responders` are proxies",
        "",
    ),
    column(
        "name_inferred",
        Flag,
        "",
        "the name was concluded from a lookup just before the connection",
        "",
    ),
    column(
        "retired",
        Flag,
        "",
        "only older editions of the list have the name",
        "",
    ),
    column("generic", Flag, "", "any device contacts it", ""),
    column("bytes", Large, "octets", "IP packets of its flows", ""),
];

const FINDINGS: &[Column] = &[
    RUN,
    AS_OF,
    CLIENT,
    column("code", Text, "", "the rule; see `intap explain`", ""),
    column(
        "severity",
        Text,
        "",
        "`critical`, `warning` or `information`",
        "",
    ),
    column(
        "endpoint_set",
        Text,
        "",
        "number or key of the set",
        "it concerns the device as a whole",
    ),
    column(
        "feature_area",
        Text,
        "",
        "the set's first feature area",
        "it concerns the device as a whole",
    ),
    column(
        "verdict",
        Text,
        "",
        "the verdict it explains",
        "it concerns the device as a whole",
    ),
    column("cause", Text, "", "code of what failed first", "none"),
    column("hosts", Texts, "", "the hosts concerned", ""),
    column(
        "first_time",
        Time,
        "",
        "first packet of the proof",
        "what proves it is that nothing was seen",
    ),
    column("frames", Texts, "", "frame numbers of the proof", ""),
    column("summary", Text, "", "one sentence", ""),
    column("consequence", Text, "", "what it means", ""),
    column("remedy", Text, "", "what to change", ""),
    column("source", Text, "", "where the rule comes from", ""),
    column(
        "display_filter",
        Text,
        "",
        "a Wireshark display filter that shows it",
        "",
    ),
];

impl Table {
    /// All tables.
    pub const ALL: [Self; 5] = [
        Self::Flows,
        Self::Lookups,
        Self::Verdicts,
        Self::Hosts,
        Self::Findings,
    ];

    /// Its name, which is that of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Lookups => "lookups",
            Self::Verdicts => "verdicts",
            Self::Hosts => "hosts",
            Self::Findings => "findings",
        }
    }

    /// Its columns, in their order.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Flows => FLOWS,
            Self::Lookups => LOOKUPS,
            Self::Verdicts => VERDICTS,
            Self::Hosts => HOSTS,
            Self::Findings => FINDINGS,
        }
    }
}

impl Kind {
    /// The type as the column dictionary writes it, in Arrow's words.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Flag => "bool",
            Self::Small => "uint16",
            Self::Medium => "uint32",
            Self::Large => "uint64",
            Self::Time => "timestamp[ns, UTC]",
            Self::Texts => "list<string>",
            Self::Numbers => "list<uint16>",
        }
    }
}

/// The type of a column in memory and in Parquet.
pub(crate) fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::String,
        Kind::Flag => DataType::Boolean,
        Kind::Small => DataType::UInt16,
        Kind::Medium => DataType::UInt32,
        Kind::Large => DataType::UInt64,
        Kind::Time => DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)),
        Kind::Texts => DataType::List(Box::new(DataType::String)),
        Kind::Numbers => DataType::List(Box::new(DataType::UInt16)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_table_knows_run_and_client() {
        for table in Table::ALL {
            let names: HashSet<_> = table.columns().iter().map(|column| column.name).collect();
            assert_eq!(names.len(), table.columns().len(), "{}", table.name());
            for name in ["run", "client", "first_time"] {
                assert!(names.contains(name), "{}: {name}", table.name());
            }
        }
    }
}
