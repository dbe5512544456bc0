//! Facts without what tells whose network it is.

use super::Anonymizer;
use crate::audit::{inspection_word, is_known_issuer};
use crate::facts::{
    CaptureSummary, CertificateFact, ClientHelloFact, DnsLookup, Fact, FactSink, FlowRecord,
    HostName, HostSighting, HttpExchange,
};
use compact_str::{CompactString, format_compact};
use std::net::SocketAddr;

/// A sink that anonymizes facts on their way to another one.
#[derive(Debug)]
pub struct AnonymizingSink<'a, 'c, Sink> {
    anonymizer: &'a mut Anonymizer<'c>,
    sink: &'a mut Sink,
}

impl<'a, 'c, Sink: FactSink> AnonymizingSink<'a, 'c, Sink> {
    /// Facts go through `anonymizer` to `sink`.
    pub fn new(anonymizer: &'a mut Anonymizer<'c>, sink: &'a mut Sink) -> Self {
        Self { anonymizer, sink }
    }
}

impl<Sink: FactSink> FactSink for AnonymizingSink<'_, '_, Sink> {
    fn accept(&mut self, mut fact: Fact) {
        self.anonymizer.fact(&mut fact);
        self.sink.accept(fact);
    }
}

/// Takes from the summary of a capture what tells where it was made: names of files, interfaces and machines.
pub fn without_places(summary: &mut CaptureSummary) {
    summary.warnings.clear();
    for section in &mut summary.sections {
        section.hardware = None;
        section.comments.clear();
    }
    for interface in &mut summary.interfaces {
        interface.name = None;
        interface.description = None;
        interface.filter = None;
    }
}

impl Anonymizer<'_> {
    /// Replaces what a fact tells, after learning from it which addresses are the service's.
    pub fn fact(&mut self, fact: &mut Fact) {
        match fact {
            Fact::Flow(record) => {
                self.learn_flow(record);
                self.flow(record);
            }
            Fact::Dns(lookup) => {
                self.learn_lookup(lookup);
                self.lookup(lookup);
            }
            Fact::Host(sighting) => self.sighting(sighting),
        }
    }

    fn learn_lookup(&mut self, lookup: &DnsLookup) {
        let keeps = lookup
            .name
            .as_ref()
            .is_some_and(|name| self.keeps_name(name.as_str()));
        if keeps {
            let hints = lookup.hints.iter().flat_map(|hint| &hint.addresses);
            for address in lookup.exchange.addresses.iter().chain(hints) {
                self.keep_address(*address);
            }
        }
    }

    /// The other end of a connection that asks for one of the service's names is the service, unless it is a proxy.
    fn learn_flow(&mut self, record: &FlowRecord) {
        let hello = record
            .tls
            .as_ref()
            .and_then(|tls| tls.client_hello.as_ref())
            .or(record
                .quic
                .as_ref()
                .and_then(|quic| quic.client_hello.as_ref()));
        let name = hello.and_then(|hello| hello.server_name.as_ref());
        if record.tunnel.is_none() && name.is_some_and(|name| self.keeps_name(name.as_str())) {
            self.keep_address(record.five_tuple.responder.ip());
        }
    }

    fn end(&self, end: &mut SocketAddr) {
        end.set_ip(self.address(end.ip()));
    }

    fn host(&self, name: &mut HostName) {
        let other = self.name(name.as_str());
        if other != name.as_str()
            && let Some(other) = HostName::from_escaped(other.as_bytes())
        {
            *name = other;
        }
    }

    fn hosts<'n>(&self, names: impl IntoIterator<Item = &'n mut HostName>) {
        for name in names {
            self.host(name);
        }
    }

    fn flow(&self, record: &mut FlowRecord) {
        self.end(&mut record.five_tuple.originator);
        self.end(&mut record.five_tuple.responder);
        record.originator_mac = record.originator_mac.map(|mac| self.mac(mac));
        if let Some(tunnel) = &mut record.tunnel {
            self.hosts(&mut tunnel.host);
        }
        if let Some(tls) = &mut record.tls {
            self.hello(&mut tls.client_hello);
            if let Some(certificate) = &mut tls.certificate {
                self.certificate(certificate);
            }
        }
        if let Some(quic) = &mut record.quic {
            self.hello(&mut quic.client_hello);
        }
        if let Some(http) = &mut record.http {
            http.exchanges
                .iter_mut()
                .for_each(|exchange| self.exchange(exchange));
            self.hosts(&mut http.hosts);
        }
        for error in &mut record.icmp_errors {
            error.by = self.address(error.by);
        }
    }

    fn hello(&self, hello: &mut Option<ClientHelloFact>) {
        if let Some(hello) = hello {
            self.hosts(&mut hello.server_name);
        }
    }

    /// Names of public authorities stay; of others the word by which they inspect TLS, if they say so.
    fn certificate(&self, certificate: &mut CertificateFact) {
        self.hosts(&mut certificate.names);
        if let Some(subject) = &mut certificate.subject_common_name {
            *subject = self.name(subject).into();
        }
        if is_known_issuer(certificate) {
            return;
        }
        let token = |text: &str| -> CompactString {
            let [a, b, c, d, ..] = self.secret.token("issuer", text.as_bytes());
            format_compact!("{a:02x}{b:02x}{c:02x}{d:02x}")
        };
        let word = inspection_word(&certificate.issuer)
            .map_or(CompactString::default(), |word| format_compact!("{word} "));
        certificate.issuer = format_compact!("CN={word}{}", token(&certificate.issuer));
        for part in [
            &mut certificate.issuer_organization,
            &mut certificate.issuer_common_name,
        ] {
            *part = part.as_deref().map(token);
        }
    }

    fn exchange(&self, exchange: &mut HttpExchange) {
        self.hosts(&mut exchange.host);
        self.hosts(&mut exchange.location_host);
        // Paths, and what servers and proxies say of themselves, may hold any name.
        exchange.path = CompactString::default();
        exchange.server = None;
        exchange.via = exchange
            .via
            .as_ref()
            .map(|_| CompactString::const_new("left out"));
    }

    fn lookup(&self, lookup: &mut DnsLookup) {
        self.end(&mut lookup.client);
        self.end(&mut lookup.resolver);
        self.hosts(&mut lookup.name);
        self.hosts(&mut lookup.cnames);
        for hint in &mut lookup.hints {
            self.hosts(&mut hint.target);
            for address in &mut hint.addresses {
                *address = self.address(*address);
            }
        }
        for address in &mut lookup.exchange.addresses {
            *address = self.address(*address);
        }
    }

    fn sighting(&self, sighting: &mut HostSighting) {
        sighting.address = self.address(sighting.address);
        sighting.mac = sighting.mac.map(|mac| self.mac(mac));
        self.hosts(&mut sighting.name);
    }
}
