//! What a UDP flow carries, by port and by contents.

use crate::decode::UdpDatagram;
use crate::dissect::quic::{QuicFlow, looks_like_quic};
use crate::dissect::tls::{DtlsFlow, looks_like_dtls};
use crate::dissect::{dns, ntp};
use crate::facts::{Application, Direction, DnsTransport, FlowRecord, NtpFact, Seen};

/// Datagrams of a flow looked at for QUIC and DTLS before its contents count as unknown.
const MOST_DATAGRAMS: u8 = 6;

/// Well-known ports (IANA service names and port numbers).
mod port {
    pub const DNS: u16 = 53;
    pub const DHCP_SERVER: u16 = 67;
    pub const DHCP_CLIENT: u16 = 68;
    pub const NTP: u16 = 123;
    pub const NETBIOS_NAME: u16 = 137;
    pub const DHCP6_CLIENT: u16 = 546;
    pub const DHCP6_SERVER: u16 = 547;
    pub const MDNS: u16 = 5353;
    pub const LLMNR: u16 = 5355;
}

/// The protocols told by their port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// DNS and its relatives.
    Dns(DnsTransport),
    /// NTP.
    Ntp,
    /// DHCP for IPv4.
    Dhcp,
    /// DHCP for IPv6.
    Dhcp6,
    /// NetBIOS name service.
    Nbns,
    /// Told by contents, if at all.
    Other,
}

impl Service {
    /// The service on either port.
    #[must_use]
    pub fn of_ports(source: u16, destination: u16) -> Self {
        let either = |port: u16| source == port || destination == port;
        if either(port::DNS) {
            Self::Dns(DnsTransport::Udp)
        } else if either(port::MDNS) {
            Self::Dns(DnsTransport::Mdns)
        } else if either(port::LLMNR) {
            Self::Dns(DnsTransport::Llmnr)
        } else if either(port::NTP) {
            Self::Ntp
        } else if either(port::DHCP_SERVER) || either(port::DHCP_CLIENT) {
            Self::Dhcp
        } else if either(port::DHCP6_SERVER) || either(port::DHCP6_CLIENT) {
            Self::Dhcp6
        } else if either(port::NETBIOS_NAME) {
            Self::Nbns
        } else {
            Self::Other
        }
    }

    fn application(self) -> Option<Application> {
        match self {
            Self::Dns(DnsTransport::Mdns) => Some(Application::Mdns),
            Self::Dns(DnsTransport::Llmnr) => Some(Application::Llmnr),
            Self::Dns(_) => Some(Application::Dns),
            Self::Ntp => Some(Application::Ntp),
            Self::Dhcp => Some(Application::Dhcp),
            Self::Nbns => Some(Application::Nbns),
            Self::Dhcp6 | Self::Other => None,
        }
    }
}

/// Whether the first datagram of a flow comes from its responder: the capture lacks the question.
#[must_use]
pub fn is_answer(service: Service, datagram: &UdpDatagram<'_>) -> bool {
    let (source, destination) = (datagram.source_port, datagram.destination_port);
    match service {
        Service::Dns(DnsTransport::Udp | DnsTransport::Tcp) => dns::parse(datagram.payload, false)
            .map_or(source == port::DNS && destination != port::DNS, |message| {
                message.response
            }),
        Service::Ntp => ntp::parse(datagram.payload, datagram.payload_length)
            .is_some_and(|packet| packet.mode == ntp::NtpPacket::SERVER),
        Service::Dns(_) | Service::Dhcp | Service::Dhcp6 | Service::Nbns => false,
        // A well-known port answers, an ephemeral one asks.
        Service::Other => source < 1024 && destination >= 1024,
    }
}

/// One UDP flow's contents.
#[derive(Debug, Clone)]
pub struct Datagrams {
    service: Service,
    looked_at: u8,
    spoken: bool,
    ntp: Option<Box<NtpFact>>,
    quic: Option<Box<QuicFlow>>,
    dtls: Option<Box<DtlsFlow>>,
}

impl Datagrams {
    /// Whether the flow itself may serve a device; name services and address assignment are told otherwise.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        matches!(self.service, Service::Ntp | Service::Other)
    }

    /// A flow between these ports.
    #[must_use]
    pub fn new(service: Service) -> Self {
        Self {
            service,
            looked_at: 0,
            spoken: false,
            ntp: None,
            quic: None,
            dtls: None,
        }
    }

    /// Takes one datagram.
    pub fn push(&mut self, direction: Direction, datagram: &UdpDatagram<'_>, seen: Seen) {
        match self.service {
            Service::Ntp => self.push_ntp(datagram, seen),
            Service::Other => self.push_unknown(direction, datagram, seen),
            Service::Dns(_) | Service::Dhcp | Service::Dhcp6 | Service::Nbns => self.spoken = true,
        }
    }

    fn push_ntp(&mut self, datagram: &UdpDatagram<'_>, seen: Seen) {
        let Some(packet) = ntp::parse(datagram.payload, datagram.payload_length) else {
            return;
        };
        self.spoken = true;
        let fact = self.ntp.get_or_insert_default();
        match packet.mode {
            ntp::NtpPacket::CLIENT => {
                fact.request.get_or_insert(seen);
            }
            ntp::NtpPacket::SERVER => {
                fact.reply.get_or_insert(seen);
                fact.kiss_of_death |= packet.is_kiss_of_death();
            }
            _ => {}
        }
    }

    fn push_unknown(&mut self, direction: Direction, datagram: &UdpDatagram<'_>, seen: Seen) {
        let complete = u32::try_from(datagram.payload.len())
            .is_ok_and(|captured| captured >= datagram.payload_length);
        if let Some(quic) = &mut self.quic {
            quic.push(direction, datagram.payload, complete, seen);
        } else if let Some(dtls) = &mut self.dtls {
            dtls.push(direction, datagram.payload, seen);
        } else if self.looked_at < MOST_DATAGRAMS {
            self.looked_at = self.looked_at.saturating_add(1);
            if looks_like_quic(datagram.payload, datagram.payload_length) {
                self.quic
                    .insert(Box::default())
                    .push(direction, datagram.payload, complete, seen);
            } else if looks_like_dtls(datagram.payload) {
                self.dtls
                    .insert(Box::default())
                    .push(direction, datagram.payload, seen);
            }
        }
    }

    /// Moves what was learnt into `record`.
    pub fn finish(self, record: &mut FlowRecord) {
        record.ntp = self.ntp.map(|fact| *fact);
        record.application = if self.quic.is_some() {
            Some(Application::Quic)
        } else if self.dtls.is_some() {
            Some(Application::Tls)
        } else {
            self.service.application().filter(|_| self.spoken)
        };
        record.quic = self.quic.map(|quic| Box::new(quic.into_fact()));
        record.tls = self.dtls.map(|dtls| Box::new(dtls.into_facts()));
    }
}
