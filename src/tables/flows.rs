//! Rows of the table of flows.

use super::row::{Row, RowBuilder, RowMaker};
use super::schema::Table;
use crate::audit::{FlowReport, Outcome};
use crate::facts::{HostName, Transport};
use crate::report::application_code;
use compact_str::ToCompactString;

impl RowMaker<'_> {
    /// The row of one flow.
    #[must_use]
    pub fn flow(&self, flow: &FlowReport) -> Row {
        let record = &flow.record;
        let tuple = &record.five_tuple;
        let tls = record.tls.as_ref();
        let hello = record.client_hello();
        let tcp = record.tcp.as_ref();
        let [packets_originator, packets_responder] = record.packets;
        let [bytes_originator, bytes_responder] = record.octets;
        let target = record.tunnel.as_ref().and_then(|tunnel| {
            let host = tunnel.host.as_ref()?;
            Some(format!("{host}:{}", tunnel.port))
        });
        let (failed, cause) = match &flow.outcome {
            Outcome::Served => (Some(false), None),
            Outcome::Failed(cause) => (Some(true), Some(cause.code())),
            Outcome::Abandoned | Outcome::Unclear(_) => (None, None),
        };
        RowBuilder::new(Table::Flows)
            .time(Some(record.first))
            .time(Some(record.last))
            .frame(Some(record.first))
            .frame(Some(record.last))
            .address(self.device(tuple.originator.ip()))
            .code(match tuple.transport {
                Transport::Tcp => "tcp",
                Transport::Udp => "udp",
            })
            .address(tuple.originator.ip())
            .number(tuple.originator.port())
            .hardware(record.originator_mac)
            .address(tuple.responder.ip())
            .number(tuple.responder.port())
            .numbers(&record.vlans)
            .community_id(tuple)
            .number(packets_originator)
            .number(packets_responder)
            .number(bytes_originator)
            .number(bytes_responder)
            .number(record.copies)
            .maybe_code(record.application.map(application_code))
            .host(
                hello
                    .and_then(|hello| hello.server_name.as_ref())
                    .map(HostName::as_str),
            )
            .flag(hello.is_some_and(|hello| hello.ech))
            .maybe_number(
                tls.and_then(|tls| tls.server_hello.as_ref())
                    .map(|hello| hello.version),
            )
            .maybe_code(hello.and_then(|hello| hello.ja4.as_deref()))
            .maybe_code(
                tls.and_then(|tls| tls.certificate.as_ref())
                    .map(|certificate| certificate.issuer.clone()),
            )
            .hosts(
                record
                    .http
                    .iter()
                    .flat_map(|http| &http.hosts)
                    .map(HostName::as_str),
            )
            .host(target.as_deref())
            .host(flow.name.as_ref().map(HostName::as_str))
            .code(flow.source)
            .maybe_code(self.area(flow.sets.first()))
            .maybe_code(flow.sets.first().map(ToCompactString::to_compact_string))
            .sets(&flow.sets)
            .sets(&flow.also)
            .maybe_flag(flow.port_listed)
            .code(flow.outcome.code())
            .maybe_flag(failed)
            .maybe_code(cause)
            .maybe_number(
                tcp.and_then(|tcp| tcp.handshake_rtt)
                    .map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
            )
            .maybe_number(tcp.map(|tcp| tcp.retransmissions[0]))
            .maybe_number(tcp.map(|tcp| tcp.retransmissions[1]))
            .maybe_code(record.limit_reached)
            .finish(Some(record.first.time))
    }
}
