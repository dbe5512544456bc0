//! One row, and what makes rows of facts. Whatever says who somebody is - addresses, hardware addresses, names - goes through
//! [`RowBuilder::address`], [`RowBuilder::hardware`], [`RowBuilder::host`] and their neighbours, and nowhere else.

use super::schema::Table;
use crate::audit::{AuditReport, Ended};
use crate::catalog::{Catalog, SetKey};
use crate::facts::{FiveTuple, MacAddress, Seen, Timestamp};
use crate::report::community_id;
use compact_str::{CompactString, ToCompactString};
use hashbrown::HashMap;
use std::net::{IpAddr, SocketAddr};

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Text(CompactString),
    Flag(bool),
    Number(u64),
    Time(Timestamp),
    Texts(Vec<CompactString>),
    Numbers(Vec<u16>),
}

/// One row of one table.
#[derive(Debug, Clone)]
pub struct Row {
    table: Table,
    start: Option<Timestamp>,
    cells: Vec<Cell>,
}

impl Row {
    /// The table it belongs to.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    /// The time that decides its date; `None` when it has none.
    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        self.start
    }

    pub(super) fn cells(self) -> Vec<Cell> {
        self.cells
    }
}

/// Makes rows of what an audit found.
#[derive(Debug)]
pub struct RowMaker<'r> {
    pub(super) catalog: &'r Catalog,
    /// The first address of the device that has this address.
    devices: HashMap<IpAddr, IpAddr>,
    /// When the capture began, for rows about what never happened.
    beginning: Option<Timestamp>,
    /// The moment up to which packets count.
    pub(super) as_of: Option<Timestamp>,
    /// Verdicts and findings belong to that moment, not to that of their first packet.
    is_snapshot: bool,
    pub(super) fitness: Option<&'static str>,
    pub(super) edition: &'r str,
}

impl<'r> RowMaker<'r> {
    /// A maker of rows about `report`, which was judged by `catalog`.
    #[must_use]
    pub fn new(report: &'r AuditReport, catalog: &'r Catalog) -> Self {
        let mut devices = HashMap::new();
        for client in &report.clients {
            if let Some(first) = client.addresses.first() {
                devices.extend(client.addresses.iter().map(|address| (*address, *first)));
            }
        }
        Self {
            catalog,
            devices,
            beginning: report.capture.first.map(|seen| seen.time),
            as_of: report.capture.last.map(|seen| seen.time),
            is_snapshot: false,
            fitness: Some(report.fitness.judgement.code()),
            edition: &report.edition.name,
        }
    }

    /// A maker of verdicts and findings as they stood at `now` in a run that goes on: that is their date.
    #[must_use]
    pub fn snapshot(report: &'r AuditReport, catalog: &'r Catalog, now: Timestamp) -> Self {
        Self {
            as_of: Some(now),
            is_snapshot: true,
            ..Self::new(report, catalog)
        }
    }

    /// A maker of rows about flows and lookups that `ended` while a monitor runs.
    #[must_use]
    pub fn of_ended(ended: &Ended, catalog: &'r Catalog) -> Self {
        Self {
            catalog,
            devices: ended.devices.iter().copied().collect(),
            beginning: None,
            as_of: None,
            is_snapshot: false,
            fitness: None,
            edition: &catalog.edition().name,
        }
    }

    /// The rows about how everything stands in `report`: all that are neither flows nor lookups.
    pub fn standing<'m>(&'m self, report: &'m AuditReport) -> impl Iterator<Item = Row> + 'm {
        let sets = report.clients.iter().flat_map(|client| {
            let sets = client.sets.iter();
            sets.map(move |set| (client, set))
        });
        let verdicts = sets.flat_map(move |(client, set)| {
            let hosts = set.hosts().map(move |host| self.host(client, set, host));
            std::iter::once(self.verdict(client, set)).chain(hosts)
        });
        let findings = report.findings.iter().map(|finding| self.finding(finding));
        verdicts.chain(findings)
    }

    /// The time that decides the date of a verdict, a host or a finding whose first packet this is.
    pub(super) fn start(&self, first: Option<Seen>) -> Option<Timestamp> {
        match first {
            _ if self.is_snapshot => self.as_of,
            Some(seen) => Some(seen.time),
            None => self.beginning,
        }
    }

    /// The address that stands for the device that has this one.
    pub(super) fn device(&self, address: IpAddr) -> IpAddr {
        self.devices.get(&address).copied().unwrap_or(address)
    }

    /// Name of the set's feature area.
    pub(super) fn area(&self, set: Option<&SetKey>) -> Option<&'static str> {
        let set = self.catalog.set(set?)?;
        Some(set.feature_area().name())
    }
}

/// Takes the cells of one row in the order of the table's columns, the run's name excepted.
pub(super) struct RowBuilder {
    table: Table,
    cells: Vec<Cell>,
}

impl RowBuilder {
    pub fn new(table: Table) -> Self {
        Self {
            table,
            cells: Vec::with_capacity(table.columns().len()),
        }
    }

    pub fn finish(self, start: Option<Timestamp>) -> Row {
        Row {
            table: self.table,
            start,
            cells: self.cells,
        }
    }

    fn push(mut self, cell: Option<Cell>) -> Self {
        self.cells.push(cell.unwrap_or(Cell::Null));
        self
    }

    /// An address of anybody.
    pub fn address(self, address: IpAddr) -> Self {
        let cell = Cell::Text(address.to_compact_string());
        self.push(Some(cell))
    }

    /// Addresses of anybody.
    pub fn addresses(self, addresses: &[IpAddr]) -> Self {
        let texts = addresses.iter().map(IpAddr::to_compact_string).collect();
        self.push(Some(Cell::Texts(texts)))
    }

    /// Addresses of anybody, with ports.
    pub fn sockets(self, sockets: &[SocketAddr]) -> Self {
        let texts = sockets.iter().map(SocketAddr::to_compact_string).collect();
        self.push(Some(Cell::Texts(texts)))
    }

    /// A hardware address.
    pub fn hardware(self, mac: Option<MacAddress>) -> Self {
        self.push(mac.map(|mac| Cell::Text(mac.to_compact_string())))
    }

    /// The Community ID, from which addresses can be guessed.
    pub fn community_id(self, flow: &FiveTuple) -> Self {
        self.push(Some(Cell::Text(community_id(flow).into())))
    }

    /// A name of a host or a device, or an address that stands for one.
    pub fn host(self, name: Option<&str>) -> Self {
        self.push(name.map(|name| Cell::Text(name.into())))
    }

    /// Names of hosts.
    pub fn hosts<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let texts = names.into_iter().map(CompactString::from).collect();
        self.push(Some(Cell::Texts(texts)))
    }

    /// Text that may repeat names and addresses in a sentence or an expression.
    pub fn sentence(self, text: &str) -> Self {
        self.push(Some(Cell::Text(text.into())))
    }

    /// A code or another text that says nothing about who somebody is.
    pub fn code(self, code: impl Into<CompactString>) -> Self {
        self.push(Some(Cell::Text(code.into())))
    }

    pub fn maybe_code(self, code: Option<impl Into<CompactString>>) -> Self {
        self.push(code.map(|code| Cell::Text(code.into())))
    }

    pub fn flag(self, flag: bool) -> Self {
        self.push(Some(Cell::Flag(flag)))
    }

    pub fn maybe_flag(self, flag: Option<bool>) -> Self {
        self.push(flag.map(Cell::Flag))
    }

    pub fn number(self, number: impl Into<u64>) -> Self {
        self.push(Some(Cell::Number(number.into())))
    }

    pub fn maybe_number(self, number: Option<impl Into<u64>>) -> Self {
        self.push(number.map(|number| Cell::Number(number.into())))
    }

    pub fn time(self, seen: Option<Seen>) -> Self {
        self.push(seen.map(|seen| Cell::Time(seen.time)))
    }

    pub fn moment(self, time: Option<Timestamp>) -> Self {
        self.push(time.map(Cell::Time))
    }

    pub fn frame(self, seen: Option<Seen>) -> Self {
        self.push(seen.map(|seen| Cell::Number(seen.frame.0)))
    }

    pub fn numbers(self, numbers: &[u16]) -> Self {
        self.push(Some(Cell::Numbers(numbers.to_vec())))
    }

    pub fn codes(self, codes: impl IntoIterator<Item = CompactString>) -> Self {
        self.push(Some(Cell::Texts(codes.into_iter().collect())))
    }

    pub fn sets(self, sets: &[SetKey]) -> Self {
        self.codes(sets.iter().map(SetKey::to_compact_string))
    }
}
