//! Rows of the table of verdicts.

use super::row::{Row, RowBuilder, RowMaker};
use super::schema::Table;
use crate::audit::{Cause, ClientReport, SetReport, Unclear};
use crate::facts::HostName;
use compact_str::ToCompactString;
use std::net::{IpAddr, Ipv4Addr};

impl RowMaker<'_> {
    /// The row of one endpoint set of one device. What was never tried has the date on which the capture began, and all
    /// of a snapshot that of its moment.
    #[must_use]
    pub fn verdict(&self, client: &ClientReport, set: &SetReport) -> Row {
        let total = |count: fn(&crate::audit::HostReport) -> u64| {
            set.hosts().map(count).fold(0, u64::saturating_add)
        };
        let first_address = client.addresses.first().copied();
        RowBuilder::new(Table::Verdicts)
            .moment(self.as_of)
            .address(first_address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
            .addresses(&client.addresses)
            .hardware(client.mac)
            .host(client.name.as_ref().map(HostName::as_str))
            .code(client.scenario.name.as_str())
            .code(client.scenario.title.as_str())
            .flag(client.scenario.inferred)
            .code(set.key.to_compact_string())
            .code(set.feature_area.name())
            .code(set.requirement.name())
            .code(set.verdict.code())
            .maybe_code(set.cause.map(Cause::code))
            .maybe_code(set.unclear.map(Unclear::code))
            .flag(set.looked_up_only)
            .time(set.first)
            .frame(set.first)
            .hosts(set.hosts().map(|host| host.name.as_str()))
            .number(total(|host| host.attempts))
            .number(total(|host| host.served))
            .number(set.octets)
            .maybe_code(self.fitness)
            .code(self.edition)
            .finish(self.start(set.first))
    }
}
