//! Rows of the table of lookups.

use super::row::{Row, RowBuilder, RowMaker};
use super::schema::Table;
use crate::audit::{LookupOutcome, LookupReport};
use crate::dissect::dns::{response_code_name, type_name};
use crate::facts::{DnsOutcome, HostName};
use crate::report::dns_transport_code;
use compact_str::ToCompactString;

impl RowMaker<'_> {
    /// The row of one lookup.
    #[must_use]
    pub fn lookup(&self, lookup: &LookupReport) -> Row {
        let exchange = &lookup.exchange;
        let first = exchange.query.or(exchange.answer);
        let (failed, cause) = match lookup.outcome {
            LookupOutcome::Ok | LookupOutcome::NoData => (Some(false), None),
            LookupOutcome::Failed(cause) => (Some(true), Some(cause.code())),
            LookupOutcome::Unknown => (None, None),
        };
        let response_code = match exchange.outcome {
            DnsOutcome::Answered { response_code } => Some(response_code_name(response_code)),
            DnsOutcome::NoReply => None,
        };
        RowBuilder::new(Table::Lookups)
            .time(first)
            .time(exchange.answer)
            .frame(first)
            .frame(exchange.answer)
            .address(self.device(lookup.client.ip()))
            .address(lookup.client.ip())
            .address(lookup.resolver.ip())
            .code(dns_transport_code(exchange.transport))
            .host(lookup.name.as_ref().map(HostName::as_str))
            .code(type_name(exchange.query_type))
            .number(exchange.queries)
            .maybe_code(response_code)
            .hosts(lookup.cnames.iter().map(HostName::as_str))
            .addresses(&exchange.addresses)
            .maybe_number(lookup.ttl)
            .maybe_code(self.area(lookup.sets.first()))
            .maybe_code(lookup.sets.first().map(ToCompactString::to_compact_string))
            .sets(&lookup.sets)
            .code(lookup.outcome.code())
            .maybe_flag(failed)
            .maybe_code(cause)
            .finish(first.map(|seen| seen.time))
    }
}
