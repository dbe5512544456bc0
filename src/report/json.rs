//! The JSON report, in the form that [`super::schema`] promises.

use super::community_id::community_id;
use super::schema::{
    Anomaly, Capture, CatalogAddition, CatalogLabel, Client, Each, EndpointSet, Evidence, Finding,
    Flow, Generator, Host, Interface, LinkTypeCount, Lookup, Progress, Reason, Report,
    SCHEMA_VERSION, Scenario, Section, Stage, Tables,
};
use crate::audit::{
    self, AuditReport, ClientReport, FlowReport, HostReport, LookupReport, SetReport,
};
use crate::dissect::dns::{response_code_name, type_name};
use crate::facts::{Application, DnsOutcome, DnsTransport, HostName, LinkType, Seen, Transport};
use std::io::{self, Write};

/// Writes the report, indented, with a line end.
///
/// # Errors
///
/// Whatever `out` reports.
pub fn write(report: &AuditReport, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &serialised(report))?;
    out.write_all(b"\n")
}

/// The JSON Schema of the report (draft 2020-12), indented, with a line end.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report<'static>);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn serialised(report: &AuditReport) -> Report<'_> {
    Report {
        schema_version: SCHEMA_VERSION,
        generator: Generator {
            name: "intap",
            version: env!("CARGO_PKG_VERSION"),
        },
        capture: capture(report),
        catalog: CatalogLabel {
            edition: &report.edition.name,
            source: &report.edition.source,
            date: report.edition.date.as_deref(),
            additions: report
                .edition
                .additions
                .iter()
                .map(|(edition, source)| CatalogAddition { edition, source })
                .collect(),
        },
        clients: Each {
            items: &report.clients,
            entry: client,
        },
        other_clients: report.other_clients,
        findings: Each {
            items: &report.findings,
            entry: finding,
        },
        flows: report
            .flows
            .as_ref()
            .map(|items| Each { items, entry: flow }),
        lookups: report.lookups.as_ref().map(|items| Each {
            items,
            entry: lookup,
        }),
        tables: report.tables.as_ref().map(|tables| Tables {
            folder: &tables.folder,
            files: tables.files,
            rows: tables.rows,
            lost: tables.lost,
        }),
    }
}

fn frame(seen: Option<Seen>) -> Option<u64> {
    seen.map(|seen| seen.frame.0)
}

fn time(seen: Option<Seen>) -> Option<String> {
    seen.map(|seen| seen.time.to_string())
}

fn capture(report: &AuditReport) -> Capture<'_> {
    let summary = &report.capture;
    let dropped: Vec<u64> = summary
        .interfaces
        .iter()
        .filter_map(|interface| interface.dropped)
        .collect();
    Capture {
        frames: summary.frames,
        original_octets: summary.original_octets,
        captured_octets: summary.captured_octets,
        first_time: time(summary.first),
        last_time: time(summary.last),
        fitness: report.fitness.judgement.code(),
        reasons: report
            .fitness
            .reasons
            .iter()
            .map(|reason| Reason {
                code: reason.code,
                weight: reason.weight.code(),
                text: &reason.text,
                consequence: reason.consequence,
                remedy: reason.remedy,
            })
            .collect(),
        anomalies: summary
            .anomalies
            .kinds()
            .iter()
            .map(|anomaly| Anomaly {
                name: &anomaly.name,
                count: anomaly.count,
                first_frame: anomaly.first_frame.map(|frame| frame.0),
            })
            .collect(),
        truncated_frames: summary.truncated_frames,
        copies: summary.copies,
        dropped: (!dropped.is_empty()).then(|| dropped.iter().sum()),
        link_types: summary
            .link_types
            .iter()
            .map(|(LinkType(link_type), frames)| LinkTypeCount {
                link_type: *link_type,
                frames: *frames,
            })
            .collect(),
        interfaces: summary
            .interfaces
            .iter()
            .map(|interface| Interface {
                name: interface.name.as_deref(),
                description: interface.description.as_deref(),
                link_type: interface.link_type.map(|LinkType(link_type)| link_type),
                snap_length: interface.snap_length,
                filter: interface.filter.as_deref(),
                received: interface.received,
                dropped: interface.dropped,
                frames: interface.frames,
            })
            .collect(),
        sections: summary
            .sections
            .iter()
            .map(|section| Section {
                hardware: section.hardware.as_deref(),
                operating_system: section.operating_system.as_deref(),
                application: section.application.as_deref(),
                comments: section
                    .comments
                    .iter()
                    .map(|comment| comment.as_str())
                    .collect(),
            })
            .collect(),
    }
}

pub(crate) fn client(client: &ClientReport) -> Client<'_> {
    let (state, sets) = match &client.progress {
        audit::Progress::Clear => ("clear", &[][..]),
        audit::Progress::Stopped(sets) => ("stopped", sets.as_slice()),
        audit::Progress::Impaired(sets) => ("impaired", sets.as_slice()),
        audit::Progress::Unknown => ("unknown", &[][..]),
    };
    Client {
        addresses: client.addresses.iter().map(ToString::to_string).collect(),
        mac: client.mac.map(|mac| mac.to_string()),
        vlan: client.vlans.to_vec(),
        name: client.name.as_ref().map(HostName::as_str),
        scenario: Scenario {
            name: &client.scenario.name,
            title: &client.scenario.title,
            platform: client.scenario.platform.name(),
            features: client.scenario.features().collect(),
            inferred: client.scenario.inferred,
            why: &client.scenario.why,
        },
        progress: Progress {
            state,
            endpoint_sets: sets.iter().map(ToString::to_string).collect(),
            stages: client.stages.iter().map(stage).collect(),
        },
        endpoint_sets: client.sets.iter().map(endpoint_set).collect(),
    }
}

fn stage(stage: &audit::StageReport) -> Stage<'_> {
    Stage {
        name: &stage.name,
        title: &stage.title,
        state: stage.state.code(),
        stops: stage.stops,
        cause: stage.cause.map(audit::Cause::code),
        hosts: stage.hosts.iter().map(String::as_str).collect(),
        first_frame: frame(stage.first),
        first_time: time(stage.first),
    }
}

fn endpoint_set(set: &SetReport) -> EndpointSet<'_> {
    EndpointSet {
        id: set.key.id(),
        key: set.key.to_string(),
        feature_area: set.feature_area.name(),
        description: &set.description,
        requirement: set.requirement.name(),
        verdict: set.verdict.code(),
        cause: set.cause.map(audit::Cause::code),
        inconclusive_because: set.unclear.map(audit::Unclear::code),
        looked_up_only: set.looked_up_only,
        first_frame: frame(set.first),
        first_time: time(set.first),
        octets: set.octets,
        hosts: set.hosts().map(host).collect(),
    }
}

fn host(host: &HostReport) -> Host<'_> {
    Host {
        name: &host.name,
        name_inferred: host.name_inferred,
        verdict: host.judged.verdict.code(),
        cause: host.judged.cause.map(audit::Cause::code),
        causes: host
            .judged
            .causes
            .iter()
            .map(|cause| cause.code())
            .collect(),
        inconclusive_because: host.judged.unclear.map(audit::Unclear::code),
        first_frame: frame(host.judged.first),
        first_time: time(host.judged.first),
        attempts: host.attempts,
        served: host.served,
        responders: host.responders.iter().map(ToString::to_string).collect(),
        notes: host.detours().iter().map(|detour| detour.code()).collect(),
        off_list_port: host.off_list_port,
        through_proxy: host.through_proxy,
        retired: host.retired,
        generic: host.generic,
        inspection: host.inspection.as_deref().map(evidence),
        evidence: host.evidence().iter().map(evidence).collect(),
    }
}

fn evidence(evidence: &audit::Evidence) -> Evidence<'_> {
    Evidence {
        frame: evidence.seen.frame.0,
        time: evidence.seen.time.to_string(),
        what: &evidence.what,
    }
}

pub(crate) fn finding(finding: &audit::Finding) -> Finding<'_> {
    Finding {
        code: finding.code.code(),
        severity: finding.severity.code(),
        client: finding.client.to_string(),
        endpoint_set: finding.set.as_ref().and_then(crate::catalog::SetKey::id),
        key: finding.set.as_ref().map(ToString::to_string),
        verdict: finding.verdict.map(audit::Verdict::code),
        cause: finding.cause.map(audit::Cause::code),
        hosts: finding.hosts.iter().map(String::as_str).collect(),
        summary: &finding.summary,
        consequence: &finding.consequence,
        remedy: &finding.remedy,
        source: &finding.source,
        evidence: finding.evidence.iter().map(evidence).collect(),
        display_filter: &finding.display_filter,
    }
}

/// The code of what a flow's payload is.
pub(crate) fn application(application: Application) -> &'static str {
    match application {
        Application::Tls => "tls",
        Application::Quic => "quic",
        Application::Http => "http",
        Application::HttpConnect => "http-connect",
        Application::Socks => "socks",
        Application::Dns => "dns",
        Application::Mdns => "mdns",
        Application::Llmnr => "llmnr",
        Application::Ntp => "ntp",
        Application::Dhcp => "dhcp",
        Application::Nbns => "nbns",
    }
}

fn flow(flow: &FlowReport) -> Flow<'_> {
    let record = &flow.record;
    let tuple = &record.five_tuple;
    let tls = record.tls.as_ref();
    let hello = record.client_hello();
    Flow {
        protocol: match tuple.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        },
        originator: tuple.originator.ip().to_string(),
        originator_port: tuple.originator.port(),
        responder: tuple.responder.ip().to_string(),
        responder_port: tuple.responder.port(),
        vlan: record.vlans.to_vec(),
        community_id: community_id(tuple),
        first_frame: record.first.frame.0,
        last_frame: record.last.frame.0,
        first_time: record.first.time.to_string(),
        last_time: record.last.time.to_string(),
        packets: record.packets,
        bytes: record.octets,
        copies: record.copies,
        application: record.application.map(application),
        server_name: hello
            .and_then(|hello| hello.server_name.as_ref())
            .map(HostName::as_str),
        encrypted_client_hello: hello.is_some_and(|hello| hello.ech),
        tls_version: tls
            .and_then(|tls| tls.server_hello.as_ref())
            .map(|hello| hello.version),
        ja4: hello.and_then(|hello| hello.ja4.as_deref()),
        certificate_issuer: tls
            .and_then(|tls| tls.certificate.as_ref())
            .map(|certificate| certificate.issuer.as_str()),
        http_hosts: record
            .http
            .iter()
            .flat_map(|http| &http.hosts)
            .map(HostName::as_str)
            .collect(),
        connect_target: record.tunnel.as_ref().and_then(|tunnel| {
            let host = tunnel.host.as_ref()?;
            Some(format!("{host}:{}", tunnel.port))
        }),
        name: flow.name.as_ref().map(HostName::as_str),
        name_source: flow.source,
        endpoint_sets: flow
            .sets
            .iter()
            .filter_map(crate::catalog::SetKey::id)
            .collect(),
        also_endpoint_sets: flow
            .also
            .iter()
            .filter_map(crate::catalog::SetKey::id)
            .collect(),
        sections: flow
            .sets
            .iter()
            .filter(|key| key.id().is_none())
            .map(ToString::to_string)
            .collect(),
        port_listed: flow.port_listed,
        outcome: flow.outcome.code(),
        handshake_rtt_us: record
            .tcp
            .as_ref()
            .and_then(|tcp| tcp.handshake_rtt)
            .map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
        retransmissions: record.tcp.as_ref().map(|tcp| tcp.retransmissions),
        limit_reached: record.limit_reached,
    }
}

/// The code of how a question travelled.
pub(crate) fn dns_transport(transport: DnsTransport) -> &'static str {
    match transport {
        DnsTransport::Udp => "udp",
        DnsTransport::Tcp => "tcp",
        DnsTransport::Mdns => "mdns",
        DnsTransport::Llmnr => "llmnr",
    }
}

fn lookup(lookup: &LookupReport) -> Lookup<'_> {
    let exchange = &lookup.exchange;
    Lookup {
        client: lookup.client.ip().to_string(),
        resolver: lookup.resolver.ip().to_string(),
        transport: dns_transport(exchange.transport),
        name: lookup.name.as_ref().map_or("", HostName::as_str),
        query_type: type_name(exchange.query_type).into_owned(),
        outcome: lookup.outcome.code(),
        response_code: match exchange.outcome {
            DnsOutcome::Answered { response_code } => {
                Some(response_code_name(response_code).into_owned())
            }
            DnsOutcome::NoReply => None,
        },
        cnames: lookup.cnames.iter().map(HostName::as_str).collect(),
        addresses: exchange.addresses.iter().map(ToString::to_string).collect(),
        first_frame: frame(exchange.query.or(exchange.answer)),
        answer_frame: frame(exchange.answer),
        queries: exchange.queries,
    }
}
