//! One host of a device, from everything that was tried.

use super::{AddressSplit, HostReport, count};
use crate::attribution::NameSource;
use crate::audit::attempt::{Attempt, HostHistory, TlsSigns};
use crate::audit::cause::Cause;
use crate::audit::clients::{HostEntry, HostKey};
use crate::audit::outcome::{Vantage, waits_for_proxy};
use crate::audit::verdict::{Verdict, judge_host};
use crate::catalog::Catalog;
use crate::facts::Transport;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The host's addresses that never served, when there are any and everyone who served is known.
fn address_split(history: &HostHistory, vantage: Vantage) -> Option<Box<AddressSplit>> {
    if history.also_serving.len() >= HostHistory::ALSO_SERVING_KEPT {
        return None;
    }
    let mut split = AddressSplit {
        failing: Vec::new(),
        serving: history.also_serving.clone(),
    };
    for attempt in history
        .attempts
        .iter()
        .filter(|attempt| !attempt.through_proxy)
    {
        let address = attempt.responder;
        if attempt.was_served() {
            if !split.serving.contains(&address) {
                split.serving.push(address);
            }
        } else if let Some(cause) = attempt.failure(vantage)
            && split.failing.iter().all(|(known, _)| *known != address)
        {
            split.failing.push((address, cause));
        }
    }
    split
        .failing
        .retain(|(address, _)| !split.serving.contains(address));
    (!split.failing.is_empty()).then(|| Box::new(split))
}

/// Everything about one host.
pub(super) fn host_report(
    key: &HostKey,
    entry: &HostEntry,
    catalog: &Catalog,
    vantage: Vantage,
    uses_ipv6: bool,
) -> HostReport {
    let history = &entry.history;
    let name = match (key, &history.name) {
        (_, Some(name)) => name.to_string(),
        (HostKey::Name(name), None) => name.to_string(),
        (HostKey::Address(address), None) => address.to_string(),
    };
    let mut judged = judge_host(&history.attempts, &history.lookups, vantage, uses_ipv6);
    let folded = name.to_ascii_lowercase();
    let inspection = history
        .attempts
        .iter()
        .find_map(|attempt| attempt.inspection.clone());
    let inspection_unsupported = catalog.inspection_unsupported(&folded).is_some();
    if inspection.is_some()
        && inspection_unsupported
        && matches!(judged.verdict, Verdict::Reached | Verdict::Degraded)
    {
        judged.verdict = Verdict::Intercepted;
    }
    let served = history
        .attempts
        .iter()
        .filter(|attempt| attempt.was_served())
        .count();
    let mut responders: Vec<SocketAddr> = history
        .attempts
        .iter()
        .map(|attempt| attempt.responder)
        .collect();
    responders.sort_unstable();
    responders.dedup();
    keep_every_port(&mut responders);
    let example = history
        .attempts
        .iter()
        .find(|attempt| attempt.failure(vantage).is_some())
        .map(|attempt| Box::new(attempt.ends()));
    let signs = TlsSigns {
        unknown_issuer: history
            .attempts
            .iter()
            .find_map(|attempt| attempt.tls_signs.as_ref()?.unknown_issuer.clone()),
        fingerprint: history
            .attempts
            .iter()
            .filter(|attempt| {
                matches!(
                    attempt.failure(vantage),
                    Some(Cause::TlsClientAbort | Cause::TlsUntrustedIssuer)
                )
            })
            .find_map(|attempt| attempt.tls_signs.as_ref()?.fingerprint),
    };
    let tried = |transport| {
        let tries = |attempt: &Attempt| attempt.transport == transport;
        history.attempts.iter().any(tries).then_some(transport)
    };
    HostReport {
        split: address_split(history, vantage),
        tls_signs: (signs != TlsSigns::default()).then(|| Box::new(signs)),
        name_inferred: matches!(key, HostKey::Name(_))
            && history
                .attempts
                .iter()
                .any(|attempt| attempt.source == NameSource::None),
        attempts: count(history.attempts.len())
            .saturating_add(history.more_served)
            .saturating_add(history.more_failed),
        served: count(served).saturating_add(history.more_served),
        responders,
        transports: [tried(Transport::Tcp), tried(Transport::Udp)],
        off_list_port: history
            .attempts
            .iter()
            .any(|attempt| attempt.port_listed == Some(false)),
        through_proxy: history
            .attempts
            .iter()
            .any(|attempt: &Attempt| attempt.through_proxy),
        proxy_is_silent: is_of_silent_proxy(history),
        inspection,
        inspection_unsupported,
        retired: entry.sets.retired,
        generic: entry.sets.generic,
        example,
        octets: history.octets,
        timeline: Box::default(),
        proof: None,
        name,
        judged,
    }
}

/// Whether a proxy was asked for the host, and no connection got further.
fn is_of_silent_proxy(history: &HostHistory) -> bool {
    !history.attempts.is_empty()
        && history
            .attempts
            .iter()
            .all(|attempt| attempt.flow.as_deref().is_some_and(waits_for_proxy))
}

/// Most responders of a host that a report names.
const MAX_RESPONDERS: usize = 8;

/// Leaves so many, and of each port one before a second of any: which ports a host needs is what a firewall is asked for.
fn keep_every_port(responders: &mut Vec<SocketAddr>) {
    let mut ports = BTreeSet::new();
    let (mut kept, others): (Vec<SocketAddr>, Vec<SocketAddr>) = responders
        .drain(..)
        .partition(|responder| ports.insert(responder.port()));
    kept.extend(others);
    kept.truncate(MAX_RESPONDERS);
    kept.sort_unstable();
    *responders = kept;
}
