//! A device's traffic as facts: what the observer would have found, without packets.

use compact_str::CompactString;
use intap::audit::{AuditOptions, AuditReport, Auditor, ScenarioPlan};
use intap::catalog::{Catalog, ScenarioFile};
use intap::facts::{
    AlertFact, Application, CaptureSummary, CertificateFact, ClientHelloFact, Direction,
    DnsExchange, DnsLookup, DnsOutcome, DnsTransport, Establishment, Fact, FactSink, FiveTuple,
    FlowEnd, FlowRecord, FrameNumber, HostName, HostSighting, HttpExchange, HttpFacts, MacAddress,
    NtpFact, Reset, Seen, ServerHelloFact, TcpFacts, Timestamp, TlsFacts, Transport, TunnelKind,
    TunnelRequest,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// When the recording begins; any time will do.
const START: i64 = 1_800_000_000;

/// Seconds of silence at the end of every recording, so that nothing is left open.
const TAIL: i64 = 60;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The server answers.
    Served,
    /// SYNs are sent again and never answered.
    Dropped,
    /// Reset right after the ClientHello.
    Reset,
    /// The device refuses the certificate.
    Untrusted,
    /// The proxy wants a login.
    ProxyLogin,
}

/// A recording of one device, made event by event.
pub struct Device {
    facts: Vec<Fact>,
    address: IpAddr,
    frame: u64,
    second: i64,
    port: u16,
    next_server: u8,
}

fn own_ipv6() -> IpAddr {
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | 5).into()
}

impl Device {
    pub fn new(address: &str) -> Self {
        Self {
            facts: Vec::new(),
            address: address.parse().unwrap(),
            frame: 0,
            second: START,
            port: 49_152,
            next_server: 0,
        }
    }

    fn seen(&mut self) -> Seen {
        self.frame += 1;
        Seen {
            frame: FrameNumber(self.frame),
            time: Timestamp::from_parts(self.second, u32::try_from(self.frame % 1_000).unwrap()),
        }
    }

    /// What the device says of itself in DHCP.
    pub fn introduces_itself(
        &mut self,
        vendor_class: Option<&str>,
        name: Option<&str>,
    ) -> &mut Self {
        let seen = self.seen();
        self.facts.push(Fact::Host(HostSighting {
            address: self.address,
            mac: None,
            vlans: Default::default(),
            name: name.and_then(|name| HostName::from_wire(name.as_bytes())),
            name_source: Some("dhcp"),
            vendor_class: vendor_class.map(CompactString::from),
            seen,
        }));
        self
    }

    /// Looks up `name`; the answer is `addresses`, or the response code alone.
    fn looks_up_as(&mut self, name: &str, response_code: u16, addresses: Vec<IpAddr>) {
        let (query, answer) = (self.seen(), self.seen());
        self.facts.push(Fact::Dns(Box::new(DnsLookup {
            client: SocketAddr::new(self.address, 50_000),
            resolver: "10.0.0.1:53".parse().unwrap(),
            name: HostName::from_wire(name.as_bytes()),
            cnames: Vec::new(),
            hints: Vec::new(),
            ttl: Some(60),
            exchange: DnsExchange {
                transport: DnsTransport::Udp,
                query_type: 1,
                query: Some(query),
                last_query: None,
                queries: 1,
                answer: Some(answer),
                outcome: DnsOutcome::Answered { response_code },
                answered: !addresses.is_empty(),
                addresses,
                answer_cut_short: false,
                truncated: false,
            },
        })));
    }

    /// The name does not exist, says the resolver.
    pub fn cannot_resolve(&mut self, name: &str) -> &mut Self {
        self.looks_up_as(name, 3, Vec::new());
        self
    }

    /// Learns these addresses of `name`.
    pub fn learns(&mut self, name: &str, addresses: &[&str]) -> &mut Self {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        self.looks_up_as(name, 0, addresses);
        self
    }

    /// Has an IPv6 address too, as its hardware address shows.
    pub fn has_ipv6(&mut self) -> &mut Self {
        for address in [self.address, own_ipv6()] {
            let seen = self.seen();
            self.facts.push(Fact::Host(HostSighting {
                address,
                mac: Some(MacAddress([2, 0, 0, 0, 0, 5])),
                vlans: Default::default(),
                name: None,
                name_source: None,
                vendor_class: None,
                seen,
            }));
        }
        self
    }

    /// Looks up `name` and does nothing more.
    pub fn looks_up(&mut self, name: &str) -> &mut Self {
        let address = self.server();
        self.looks_up_as(name, 0, vec![address]);
        self
    }

    fn server(&mut self) -> IpAddr {
        self.next_server += 1;
        // In no published range.
        Ipv4Addr::new(93, 184, 216, self.next_server).into()
    }

    /// Looks up each name and speaks TLS with it.
    pub fn reaches(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            self.tls(name, Fate::Served);
        }
        self
    }

    /// Looks up `name` and tries TLS with it.
    pub fn tls(&mut self, name: &str, fate: Fate) -> &mut Self {
        let address = self.server();
        self.looks_up_as(name, 0, vec![address]);
        self.tls_at(name, SocketAddr::new(address, 443), fate)
    }

    /// Tries TLS with `name` at this address.
    pub fn tls_at(&mut self, name: &str, server: SocketAddr, fate: Fate) -> &mut Self {
        let name = HostName::from_wire(name.as_bytes());
        let mut flow = self.flow(server, Transport::Tcp);
        let mut tcp = TcpFacts {
            syn: Some(flow.first),
            syn_count: 1,
            ..TcpFacts::default()
        };
        flow.application = Some(Application::Tls);
        if fate == Fate::Dropped {
            self.second += 7;
            tcp.syn_count = 4;
            tcp.last_syn = Some(self.seen());
            flow.application = None;
            return self.push_tcp(flow, tcp);
        }
        tcp.syn_ack = Some(self.seen());
        tcp.established = Some(self.seen());
        let hello = self.seen();
        tcp.first_data = [Some(hello), None];
        tcp.payload = [517, 0];
        tcp.opening_octets = 517;
        if fate == Fate::ProxyLogin {
            let refusal = self.seen();
            tcp.payload = [120, 300];
            tcp.first_data = [Some(hello), Some(refusal)];
            flow.application = Some(Application::HttpConnect);
            flow.tunnel = Some(Box::new(TunnelRequest {
                kind: TunnelKind::HttpConnect,
                host: name,
                port: 443,
                request: hello,
                refusals: [(407, refusal)].into_iter().collect(),
                opened: None,
                authenticated: false,
            }));
            return self.push_tcp(flow, tcp);
        }
        let mut tls = TlsFacts {
            first_client_record: Some(hello),
            client_hello: Some(ClientHelloFact {
                seen: hello,
                server_name: name.clone(),
                complete: true,
                version: 0x0304,
                ..ClientHelloFact::default()
            }),
            ..TlsFacts::default()
        };
        if fate == Fate::Reset {
            tcp.reset = [
                None,
                Some(Reset {
                    seen: self.seen(),
                    hop_limit: 64,
                    ip_id: None,
                    window: 0,
                    ack: true,
                    sequence_offset: 0,
                }),
            ];
            flow.tls = Some(Box::new(tls));
            return self.push_tcp(flow, tcp);
        }
        let answer = self.seen();
        tcp.payload = [1_500, 6_000];
        tcp.first_data = [Some(hello), Some(answer)];
        tls.server_hello = Some(ServerHelloFact {
            seen: answer,
            version: 0x0303,
            ..ServerHelloFact::default()
        });
        if fate == Fate::Untrusted {
            tls.certificate = Some(CertificateFact {
                seen: answer,
                issuer: "CN=Contoso Issuing CA 2, O=Contoso".into(),
                issuer_organization: Some("Contoso".into()),
                names: name.into_iter().collect(),
                ..CertificateFact::default()
            });
            tls.alerts.push(AlertFact {
                seen: self.seen(),
                by: Direction::Originator,
                fatal: true,
                description: 48,
            });
        } else {
            tls.handshake_finished = Some(answer);
            tls.request = Some(self.seen());
            tls.response = Some(self.seen());
        }
        flow.tls = Some(Box::new(tls));
        self.push_tcp(flow, tcp)
    }

    /// Asks `name` for `path` over plain HTTP; the answer has this status.
    pub fn http(
        &mut self,
        name: &str,
        status: u16,
        change: impl FnOnce(&mut HttpExchange),
    ) -> &mut Self {
        let address = self.server();
        self.looks_up_as(name, 0, vec![address]);
        let mut flow = self.flow(SocketAddr::new(address, 80), Transport::Tcp);
        let (syn_ack, established) = (self.seen(), self.seen());
        let (request, response) = (self.seen(), self.seen());
        let host = HostName::from_wire(name.as_bytes());
        let mut exchange = HttpExchange {
            request: Some(request),
            method: "GET".into(),
            host: host.clone(),
            path: "/".into(),
            response: Some(response),
            status: Some(status),
            ..HttpExchange::default()
        };
        change(&mut exchange);
        flow.application = Some(Application::Http);
        flow.http = Some(Box::new(HttpFacts {
            exchanges: vec![exchange],
            more: 0,
            hosts: host.into_iter().collect(),
            http2: false,
        }));
        let tcp = TcpFacts {
            syn: Some(flow.first),
            syn_count: 1,
            syn_ack: Some(syn_ack),
            established: Some(established),
            first_data: [Some(request), Some(response)],
            payload: [200, 500],
            opening_octets: 200,
            ..TcpFacts::default()
        };
        self.push_tcp(flow, tcp)
    }

    /// Asks `name` for the time.
    pub fn asks_the_time(&mut self, name: &str, answered: bool) -> &mut Self {
        let address = self.server();
        self.looks_up_as(name, 0, vec![address]);
        let mut flow = self.flow(SocketAddr::new(address, 123), Transport::Udp);
        let reply = answered.then(|| self.seen());
        flow.packets = [1, u64::from(answered)];
        flow.application = Some(Application::Ntp);
        flow.first_datagram = [Some(flow.first), reply];
        flow.ntp = Some(NtpFact {
            request: Some(flow.first),
            reply,
            kiss_of_death: false,
        });
        self.facts.push(Fact::Flow(Box::new(flow)));
        self.second += 1;
        self
    }

    fn flow(&mut self, responder: SocketAddr, transport: Transport) -> FlowRecord {
        let first = self.seen();
        self.port += 1;
        let own: IpAddr = match responder {
            SocketAddr::V4(_) => self.address,
            SocketAddr::V6(_) => own_ipv6(),
        };
        FlowRecord {
            five_tuple: FiveTuple {
                originator: SocketAddr::new(own, self.port),
                responder,
                transport,
            },
            establishment: Establishment::FromStart,
            end: FlowEnd::Closed,
            first,
            last: first,
            packets: [6, 6],
            octets: [800, 4_000],
            copies: 0,
            truncated_packets: 0,
            vlans: Default::default(),
            originator_mac: None,
            tcp: None,
            udp_payload: [0, 0],
            first_datagram: [None, None],
            application: None,
            tunnel: None,
            tls: None,
            quic: None,
            http: None,
            ntp: None,
            icmp_errors: Default::default(),
            limit_reached: None,
        }
    }

    /// Adds a flow in which everything that was sent was also acknowledged.
    fn push_tcp(&mut self, mut flow: FlowRecord, mut tcp: TcpFacts) -> &mut Self {
        tcp.acknowledged = tcp.payload;
        flow.last = self.seen();
        flow.packets = if tcp.syn_ack.is_some() {
            [6, 6]
        } else {
            [u64::from(tcp.syn_count), 0]
        };
        flow.tcp = Some(Box::new(tcp));
        self.facts.push(Fact::Flow(Box::new(flow)));
        self.second += 1;
        self
    }

    /// The audit of the recording, judged by these choices (as on the command line) and this region.
    pub fn audit(&self, choices: &[&str], region: Option<&str>) -> AuditReport {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let file = ScenarioFile::shipped().unwrap();
        let choices: Vec<String> = choices.iter().map(|choice| (*choice).to_owned()).collect();
        let scenario = ScenarioPlan::parse(&choices, &file)
            .and_then(|plan| plan.with_region(None, region, &catalog))
            .unwrap();
        let options = AuditOptions {
            scenario,
            ..AuditOptions::default()
        };
        let mut auditor = Auditor::new(&catalog, options);
        for fact in &self.facts {
            auditor.accept(fact.clone());
        }
        let at = |second: i64, frame: u64| Seen {
            frame: FrameNumber(frame),
            time: Timestamp::from_parts(second, 0),
        };
        auditor.finish(CaptureSummary {
            frames: self.frame,
            first: Some(at(START, 1)),
            last: Some(Seen {
                time: at(self.second, 0)
                    .time
                    .plus(Duration::from_secs(TAIL.unsigned_abs())),
                ..at(self.second, self.frame)
            }),
            ..CaptureSummary::default()
        })
    }
}
