//! Addresses inside the company to which public names resolve: servers of its own, or the page of a DNS filter.
//!
//! In: the settled hosts of all devices. Out: the inside addresses that really serve. A proxy, a cache or a private link serves
//! what was asked for; a filter's page serves something to anybody over plain HTTP, for names that have nothing to do with each
//! other, with a certificate that nobody takes.

use super::address;
use super::attempt::Attempt;
use super::cause::{Cause, Outcome};
use super::clients::{ClientState, HostKey};
use super::registrable_part;
use compact_str::CompactString;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Unrelated domains at one address.
const UNRELATED: usize = 2;

/// What is known of inside addresses.
#[derive(Debug, Default)]
pub(super) struct InsideServers {
    by_tls: BTreeSet<IpAddr>,
    by_plain_http: BTreeSet<IpAddr>,
    /// Where TLS ended because of what answered.
    refused: BTreeSet<IpAddr>,
    /// The domains whose names resolve to an address.
    domains: BTreeMap<IpAddr, BTreeSet<CompactString>>,
}

impl InsideServers {
    /// Adds what one device has met.
    pub(super) fn note(&mut self, client: &ClientState) {
        for (key, host) in &client.hosts {
            for attempt in &host.history.attempts {
                self.note_attempt(attempt);
            }
            let HostKey::Name(name) = key else { continue };
            let lookups = host.history.lookups.iter();
            for answer in lookups.flat_map(|lookup| &lookup.exchange.addresses) {
                if !address::is_public(*answer)
                    && let Some(domain) = registrable_part(name)
                {
                    let domains = self.domains.entry(*answer).or_default();
                    if domains.len() < UNRELATED {
                        domains.insert(domain.into());
                    }
                }
            }
        }
    }

    fn note_attempt(&mut self, attempt: &Attempt) {
        let address = attempt.responder.ip();
        if address::is_public(address) {
            return;
        }
        let refused = matches!(
            attempt.outcome,
            Outcome::Failed(
                Cause::TlsUntrustedIssuer | Cause::TlsClientAbort | Cause::TlsNotSpoken
            )
        );
        if refused {
            self.refused.insert(address);
        }
        if attempt.was_served() && attempt.inspection.is_none() {
            if attempt.responder.port() == 80 {
                self.by_plain_http.insert(address);
            } else {
                self.by_tls.insert(address);
            }
        }
    }

    /// The addresses that serve what they were asked for.
    pub(super) fn serving(self) -> BTreeSet<IpAddr> {
        let Self {
            mut by_tls,
            by_plain_http,
            refused,
            domains,
        } = self;
        let is_page = |address: &IpAddr| {
            let domains = domains.get(address).map_or(0, BTreeSet::len);
            domains >= UNRELATED && refused.contains(address)
        };
        by_tls.extend(
            by_plain_http
                .into_iter()
                .filter(|address| !is_page(address)),
        );
        by_tls
    }
}
