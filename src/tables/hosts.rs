//! Rows of the table of hosts.

use super::row::{Row, RowBuilder, RowMaker};
use super::schema::Table;
use crate::audit::{Cause, ClientReport, HostReport, SetReport, Unclear};
use compact_str::ToCompactString;
use std::net::{IpAddr, Ipv4Addr};

impl RowMaker<'_> {
    /// The row of one host of an endpoint set, for one device. A host without a first packet has the date on which the capture
    /// began, and all of a snapshot that of its moment.
    #[must_use]
    pub fn host(&self, client: &ClientReport, set: &SetReport, host: &HostReport) -> Row {
        let first_address = client.addresses.first().copied();
        let judged = &host.judged;
        RowBuilder::new(Table::Hosts)
            .moment(self.as_of)
            .address(first_address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
            .code(set.key.to_compact_string())
            .code(set.feature_area.name())
            .code(set.requirement.name())
            .host(Some(&host.name))
            .code(judged.verdict.code())
            .maybe_code(judged.cause.map(Cause::code))
            .maybe_code(judged.unclear.map(Unclear::code))
            .time(judged.first)
            .frame(judged.first)
            .number(host.attempts)
            .number(host.served)
            .sockets(&host.responders)
            .flag(host.through_proxy)
            .flag(host.name_inferred)
            .flag(host.retired)
            .flag(host.generic)
            .number(host.octets)
            .finish(self.start(judged.first))
    }
}
