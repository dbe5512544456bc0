//! Every flow and every lookup, for those who ask for all of them.

use super::device::Common;
use super::{FlowReport, LookupReport};
use crate::audit::lookup::{LookupOutcome, judge_lookup};
use crate::audit::matching::SetFinder;
use crate::audit::outcome::{Vantage, judge};
use crate::audit::{Attribution, address};
use crate::catalog::Catalog;
use crate::facts::{DnsExchange, DnsLookup, FiveTuple, Transport};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::net::IpAddr;

pub(super) fn judge_catalogued_lookup(
    exchange: &DnsExchange,
    vantage: Vantage,
    served: &BTreeSet<IpAddr>,
) -> LookupOutcome {
    judge_lookup(
        exchange,
        vantage.end,
        vantage.may_lack_replies(),
        // Agents of secure access services answer with shared addresses (RFC 6598) and take the traffic into their tunnel.
        |answer| {
            !address::is_public(answer) && !address::is_shared(answer) && !served.contains(&answer)
        },
    )
}

pub(super) fn flow_reports(
    flows: Vec<crate::audit::KeptFlow>,
    vantage: Vantage,
    known_host: &dyn Fn(&str) -> bool,
) -> Vec<FlowReport> {
    let mut reports: Vec<FlowReport> = flows
        .into_iter()
        .map(|kept| flow_report(kept, vantage, known_host))
        .collect();
    reports.sort_by_key(|flow| (flow.record.first, flow.record.five_tuple));
    join_datagrams(reports)
}

/// One flow, judged.
pub(in crate::audit) fn flow_report(
    kept: crate::audit::KeptFlow,
    vantage: Vantage,
    known_host: &dyn Fn(&str) -> bool,
) -> FlowReport {
    let Attribution {
        name,
        source,
        sets,
        port_listed,
        ..
    } = kept.attribution;
    FlowReport {
        outcome: judge(&kept.record, vantage, known_host).outcome,
        record: kept.record,
        name,
        source,
        sets: sets.primary.clone(),
        also: sets.also.clone(),
        port_listed,
    }
}

/// Joins UDP flows between the same ends, which the observer tells apart by time alone.
fn join_datagrams(flows: Vec<FlowReport>) -> Vec<FlowReport> {
    let mut joined: Vec<FlowReport> = Vec::with_capacity(flows.len());
    let mut places: hashbrown::HashMap<FiveTuple, usize, foldhash::fast::RandomState> =
        hashbrown::HashMap::default();
    for flow in flows {
        if flow.record.five_tuple.transport == Transport::Udp {
            let place = *places.entry(flow.record.five_tuple).or_insert(joined.len());
            if let Some(earlier) = joined.get_mut(place) {
                earlier.absorb(flow);
                continue;
            }
        }
        joined.push(flow);
    }
    joined
}

pub(super) fn lookup_reports(
    lookups: Vec<DnsLookup>,
    sets: &mut SetFinder,
    common: &Common<'_>,
) -> Vec<LookupReport> {
    let mut reports: Vec<LookupReport> = lookups
        .into_iter()
        .map(|lookup| {
            let mut report =
                lookup_report(lookup, common.catalog, sets, common.vantage, &common.served);
            if let Some(closed) = common.closed_tcp.get(&report.client.ip()) {
                report.outcome = closed.settle(&report.exchange, report.outcome);
            }
            report
        })
        .collect();
    reports.sort_by_key(|lookup| {
        (
            lookup.exchange.query.or(lookup.exchange.answer),
            lookup.client,
        )
    });
    reports
}

/// One lookup, judged; `served` are inside addresses that serve.
pub(in crate::audit) fn lookup_report(
    lookup: DnsLookup,
    catalog: &Catalog,
    sets: &mut SetFinder,
    vantage: Vantage,
    served: &BTreeSet<IpAddr>,
) -> LookupReport {
    let DnsLookup {
        client,
        resolver,
        name,
        cnames,
        hints: _,
        ttl,
        exchange,
    } = lookup;
    let found = name
        .as_ref()
        .and_then(|name| sets.of_chain(catalog, name, &cnames));
    let outcome = if found.is_some() {
        judge_catalogued_lookup(&exchange, vantage, served)
    } else {
        judge_lookup(&exchange, vantage.end, vantage.may_lack_replies(), |_| {
            false
        })
    };
    LookupReport {
        client,
        resolver,
        name,
        cnames,
        ttl,
        exchange,
        sets: found.map_or_else(SmallVec::new, |found| found.primary.clone()),
        outcome,
    }
}
