//! The sections of a message, walked record by record.
//!
//! Records that name hosts or addresses are read into a [`DnsMessage`]; every other one is passed over by its length.

use super::alias_chain::{self, Alias};
use super::message::{DnsMessage, HostAddress, Question};
use super::name::{NameDefect, NameReader};
use super::service_binding;
use crate::facts::HostName;
use dns_parser::{Header, RData, Type};
use std::net::IpAddr;

/// Most aliases kept. Resolvers give up after about as many.
const MAX_ALIASES: usize = 16;

/// Most addresses kept of each section; public names answer with a dozen.
pub(super) const MAX_ADDRESSES: usize = 64;

/// Most HTTPS and SVCB records kept.
const MAX_HINTS: usize = 8;

/// The Internet class (RFC 1035 §3.2.4).
const CLASS_INTERNET: u16 = 1;

/// Top bit of a class: in multicast DNS, cache-flush or unicast-response (RFC 6762 §10.2, §5.4).
const CLASS_TOP_BIT: u16 = 0x8000;

/// Any type of record is asked for (RFC 1035 §3.2.3).
const QUERY_TYPE_ANY: u16 = 255;

/// Record types that `dns_parser::Type` does not know.
mod record_type {
    /// Alias of a subtree (RFC 6672).
    pub(super) const DNAME: u16 = 39;
    /// Service binding (RFC 9460).
    pub(super) const SVCB: u16 = 64;
    /// Service binding of an HTTPS origin (RFC 9460).
    pub(super) const HTTPS: u16 = 65;
}

/// Walks the sections of one message.
pub(super) struct Sections<'n, 'a> {
    names: &'n mut NameReader<'a>,
    position: usize,
}

/// A record's fields, its names not yet read.
struct Record<'a> {
    owner_at: usize,
    record_type: u16,
    class: u16,
    /// Time to live in seconds; a set top bit counts as 0 (RFC 2181 §8).
    ttl: u32,
    /// The same four octets as on the wire, in which OPT keeps other things (RFC 6891 §6.1.3).
    raw_ttl: [u8; 4],
    data_at: usize,
    data: &'a [u8],
}

/// A record that cannot be read, or is more than are kept.
struct Unreadable;

impl From<NameDefect> for Unreadable {
    fn from(_: NameDefect) -> Self {
        Self
    }
}

impl<'n, 'a> Sections<'n, 'a> {
    /// Starts at `position`, behind the header.
    pub(super) fn new(names: &'n mut NameReader<'a>, position: usize) -> Self {
        Self { names, position }
    }

    /// The next question.
    pub(super) fn question(&mut self) -> Result<Question, NameDefect> {
        let name_at = self.position;
        self.position = self.names.skip(name_at)?;
        let [t0, t1, c0, c1] = self.take().ok_or(NameDefect::Cut)?;
        Ok(Question {
            name: self.names.read(name_at)?,
            query_type: u16::from_be_bytes([t0, t1]),
            query_class: u16::from_be_bytes([c0, c1]),
        })
    }

    /// Reads the three sections of records into `message`, whose questions were read before.
    pub(super) fn read_records(&mut self, header: &Header, message: &mut DnsMessage) {
        let mut aliases = Vec::new();
        let mut whole = true;
        for _ in 0..header.answers {
            let Some(record) = self.record() else {
                message.cut_short = true;
                whole = false;
                break;
            };
            if self.read_answer(&record, message, &mut aliases).is_err() {
                message.cut_short = true;
            }
        }
        let asked = message
            .questions
            .first()
            .and_then(|question| question.name.clone());
        message.cnames = alias_chain::in_order(asked.as_ref(), aliases);
        let related = |owner: &Option<HostName>| {
            *owner == asked || owner.as_ref().is_some_and(|o| message.cnames.contains(o))
        };
        // A stable sort: the order of equals is the server's choice and means something.
        message.addresses.sort_by_key(|host| !related(&host.owner));
        if whole {
            self.read_later_sections(header, message);
        }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let octets = self.names.message().get(self.position..)?.first_chunk()?;
        self.position = self.position.saturating_add(N);
        Some(*octets)
    }

    /// The next record; `None` when the octets end before it does, or it cannot be delimited.
    fn record(&mut self) -> Option<Record<'a>> {
        let owner_at = self.position;
        self.position = self.names.skip(owner_at).ok()?;
        let [t0, t1, c0, c1, raw_ttl @ .., l0, l1]: [u8; 10] = self.take()?;
        let data_at = self.position;
        let data = self
            .names
            .message()
            .get(data_at..)?
            .get(..usize::from(u16::from_be_bytes([l0, l1])))?;
        self.position = data_at.saturating_add(data.len());
        let ttl = u32::from_be_bytes(raw_ttl);
        Some(Record {
            owner_at,
            record_type: u16::from_be_bytes([t0, t1]),
            class: u16::from_be_bytes([c0, c1]),
            ttl: if ttl > 0x7fff_ffff { 0 } else { ttl },
            raw_ttl,
            data_at,
            data,
        })
    }

    fn read_answer(
        &mut self,
        record: &Record<'_>,
        message: &mut DnsMessage,
        aliases: &mut Vec<Alias>,
    ) -> Result<(), Unreadable> {
        message.ttl = Some(
            message
                .ttl
                .map_or(record.ttl, |least| least.min(record.ttl)),
        );
        message.answered |= message
            .questions
            .iter()
            .any(|q| q.query_type == record.record_type || q.query_type == QUERY_TYPE_ANY);
        if record.class & !CLASS_TOP_BIT != CLASS_INTERNET {
            return Ok(());
        }
        match (Type::parse(record.record_type), record.record_type) {
            (Ok(Type::A | Type::AAAA), _) => {
                let host = self.host_address(record)?;
                keep(&mut message.addresses, host, MAX_ADDRESSES)
            }
            (Ok(Type::CNAME), _) | (Err(_), record_type::DNAME) => {
                let subtree = record.record_type == record_type::DNAME;
                let owner = self.names.read(record.owner_at)?;
                let target = self.names.read(record.data_at)?;
                // The root as owner or target names no host.
                let (Some(owner), Some(target)) = (owner, target) else {
                    return Ok(());
                };
                keep(
                    aliases,
                    Alias {
                        owner,
                        target,
                        subtree,
                    },
                    MAX_ALIASES,
                )
            }
            (Err(_), record_type::SVCB | record_type::HTTPS) => {
                let end = record.data_at.saturating_add(record.data.len());
                let hint = service_binding::parse(self.names, record.data_at, end)?;
                hint.map_or(Ok(()), |hint| keep(&mut message.hints, hint, MAX_HINTS))
            }
            _ => Ok(()),
        }
    }

    /// Authority and additional section; what is missing there is no loss to the answer.
    fn read_later_sections(&mut self, header: &Header, message: &mut DnsMessage) {
        for _ in 0..header.nameservers {
            let Some(record) = self.record() else { return };
            if message.negative_ttl.is_none()
                && matches!(Type::parse(record.record_type), Ok(Type::SOA))
            {
                message.negative_ttl = self.negative_ttl(&record);
            }
        }
        let mut extended = false;
        for _ in 0..header.additional {
            let Some(record) = self.record() else { return };
            match Type::parse(record.record_type) {
                Ok(Type::OPT) if !extended => {
                    extended = true;
                    let [upper_bits, ..] = record.raw_ttl;
                    message.response_code |= u16::from(upper_bits) << 4;
                }
                Ok(Type::A | Type::AAAA)
                    if record.class & !CLASS_TOP_BIT == CLASS_INTERNET
                        && message.additional_addresses.len() < MAX_ADDRESSES =>
                {
                    message
                        .additional_addresses
                        .extend(self.host_address(&record).ok());
                }
                _ => {}
            }
        }
    }

    fn host_address(&mut self, record: &Record<'_>) -> Result<HostAddress, Unreadable> {
        let kind = Type::parse(record.record_type).map_err(|_| Unreadable)?;
        let address =
            match RData::parse(kind, record.data, self.names.message()).map_err(|_| Unreadable)? {
                RData::A(address) => IpAddr::V4(address.0),
                RData::AAAA(address) => IpAddr::V6(address.0),
                _ => return Err(Unreadable),
            };
        Ok(HostAddress {
            owner: self.names.read(record.owner_at)?,
            address,
        })
    }

    fn negative_ttl(&mut self, record: &Record<'_>) -> Option<u32> {
        // `RData::parse` follows pointers without a limit, so both names must be known to be short.
        self.names.check(record.data_at).ok()?;
        self.names
            .check(self.names.skip(record.data_at).ok()?)
            .ok()?;
        match RData::parse(Type::SOA, record.data, self.names.message()) {
            Ok(RData::SOA(authority)) => Some(authority.minimum_ttl.min(record.ttl)),
            _ => None,
        }
    }
}

/// Adds `item` unless `list` holds `limit` already.
fn keep<T>(list: &mut Vec<T>, item: T, limit: usize) -> Result<(), Unreadable> {
    if list.len() >= limit {
        return Err(Unreadable);
    }
    list.push(item);
    Ok(())
}
