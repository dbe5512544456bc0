//! Why an attempt failed, as the stable codes that reports carry.

use crate::facts::IcmpReason;

/// What stopped an attempt. The codes are a promise to other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The resolver says that the name does not exist.
    DnsNxdomain,
    /// The resolver could not answer (SERVFAIL and other server-side response codes).
    DnsServfail,
    /// The resolver refuses to answer.
    DnsRefused,
    /// The answer is an address that leads nowhere (0.0.0.0, ::, loopback).
    DnsSinkhole,
    /// The answer is an address inside the company in place of the public one.
    DnsBlockPage,
    /// The resolver did not answer.
    DnsNoAnswer,
    /// SYNs sent again, no answer of any kind.
    SynTimeout,
    /// Reset in answer to the SYN.
    TcpRefused,
    /// A router or firewall says that policy forbids it.
    IcmpAdminProhibited,
    /// A router says that the host cannot be reached.
    IcmpHostUnreachable,
    /// A router says that the network cannot be reached.
    IcmpNetUnreachable,
    /// The host says that nothing listens on the port.
    IcmpPortUnreachable,
    /// Connection opened, first data sent, reset before any useful data of the server.
    RstAfterClientHello,
    /// Connection opened, first data sent, nothing came back.
    SilenceAfterClientHello,
    /// The client refused the server's certificate with a readable alert.
    TlsUntrustedIssuer,
    /// The client gave up after the server's certificate, without a readable alert.
    TlsClientAbort,
    /// The server ended the handshake with a fatal alert.
    TlsServerAlert,
    /// What answered the ClientHello does not speak TLS.
    TlsNotSpoken,
    /// The client refuses a certificate because it has expired or is not valid yet, by its own clock.
    TlsCertificateExpired,
    /// The proxy wants a login (407).
    ProxyAuthRequired,
    /// The proxy forbids it (403).
    ProxyForbidden,
    /// The proxy cannot reach the server (502, 503, 504).
    ProxyBadGateway,
    /// A filter answered plain HTTP in place of the server.
    HttpBlockPage,
    /// A request for a range was answered in full.
    RangeIgnored,
    /// The server's side cut a download off before its announced end.
    DownloadCut,
    /// No reply to NTP.
    NtpNoReply,
    /// No reply to QUIC.
    QuicNoReply,
    /// Reset after the request, before any answer to it.
    ResetBeforeResponse,
    /// The request was sent and never answered.
    NoResponse,
}

/// How far an attempt came before it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Name resolution.
    Lookup,
    /// Opening the connection.
    Connect,
    /// Asking a proxy for a tunnel.
    Proxy,
    /// From the ClientHello to the end of the handshake.
    Handshake,
    /// Requests and answers.
    Exchange,
}

impl Cause {
    /// Every cause, in the order of the stages.
    pub const ALL: [Self; 29] = [
        Self::DnsNxdomain,
        Self::DnsServfail,
        Self::DnsRefused,
        Self::DnsSinkhole,
        Self::DnsBlockPage,
        Self::DnsNoAnswer,
        Self::SynTimeout,
        Self::TcpRefused,
        Self::IcmpAdminProhibited,
        Self::IcmpHostUnreachable,
        Self::IcmpNetUnreachable,
        Self::IcmpPortUnreachable,
        Self::RstAfterClientHello,
        Self::SilenceAfterClientHello,
        Self::TlsUntrustedIssuer,
        Self::TlsClientAbort,
        Self::TlsServerAlert,
        Self::TlsNotSpoken,
        Self::TlsCertificateExpired,
        Self::ProxyAuthRequired,
        Self::ProxyForbidden,
        Self::ProxyBadGateway,
        Self::HttpBlockPage,
        Self::RangeIgnored,
        Self::DownloadCut,
        Self::NtpNoReply,
        Self::QuicNoReply,
        Self::ResetBeforeResponse,
        Self::NoResponse,
    ];

    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DnsNxdomain => "dns_nxdomain",
            Self::DnsServfail => "dns_servfail",
            Self::DnsRefused => "dns_refused",
            Self::DnsSinkhole => "dns_sinkhole",
            Self::DnsBlockPage => "dns_block_page",
            Self::DnsNoAnswer => "dns_no_answer",
            Self::SynTimeout => "syn_timeout",
            Self::TcpRefused => "tcp_refused",
            Self::IcmpAdminProhibited => "icmp_admin_prohibited",
            Self::IcmpHostUnreachable => "icmp_host_unreachable",
            Self::IcmpNetUnreachable => "icmp_net_unreachable",
            Self::IcmpPortUnreachable => "icmp_port_unreachable",
            Self::RstAfterClientHello => "rst_after_client_hello",
            Self::SilenceAfterClientHello => "silence_after_client_hello",
            Self::TlsUntrustedIssuer => "tls_untrusted_issuer",
            Self::TlsClientAbort => "tls_client_abort",
            Self::TlsServerAlert => "tls_server_alert",
            Self::TlsNotSpoken => "tls_not_spoken",
            Self::TlsCertificateExpired => "tls_certificate_expired",
            Self::ProxyAuthRequired => "proxy_auth_required",
            Self::ProxyForbidden => "proxy_forbidden",
            Self::ProxyBadGateway => "proxy_bad_gateway",
            Self::HttpBlockPage => "http_block_page",
            Self::RangeIgnored => "range_ignored",
            Self::DownloadCut => "download_cut",
            Self::NtpNoReply => "ntp_no_reply",
            Self::QuicNoReply => "quic_no_reply",
            Self::ResetBeforeResponse => "reset_before_response",
            Self::NoResponse => "no_response",
        }
    }

    /// The stage at which the attempt ended.
    #[must_use]
    pub fn stage(self) -> Stage {
        match self {
            Self::DnsNxdomain
            | Self::DnsServfail
            | Self::DnsRefused
            | Self::DnsSinkhole
            | Self::DnsBlockPage
            | Self::DnsNoAnswer => Stage::Lookup,
            Self::SynTimeout
            | Self::TcpRefused
            | Self::IcmpAdminProhibited
            | Self::IcmpHostUnreachable
            | Self::IcmpNetUnreachable
            | Self::IcmpPortUnreachable
            | Self::NtpNoReply
            | Self::QuicNoReply => Stage::Connect,
            Self::ProxyAuthRequired | Self::ProxyForbidden | Self::ProxyBadGateway => Stage::Proxy,
            Self::RstAfterClientHello
            | Self::SilenceAfterClientHello
            | Self::TlsUntrustedIssuer
            | Self::TlsClientAbort
            | Self::TlsServerAlert
            | Self::TlsNotSpoken
            | Self::TlsCertificateExpired => Stage::Handshake,
            Self::HttpBlockPage
            | Self::RangeIgnored
            | Self::DownloadCut
            | Self::ResetBeforeResponse
            | Self::NoResponse => Stage::Exchange,
        }
    }

    /// One short phrase for a report, to follow "blocked:".
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::DnsNxdomain => "the resolver says the name does not exist",
            Self::DnsServfail => "the resolver fails to answer (SERVFAIL)",
            Self::DnsRefused => "the resolver refuses to answer (REFUSED)",
            Self::DnsSinkhole => "the name resolves to an address that leads nowhere",
            Self::DnsBlockPage => "the name resolves to an address inside the company",
            Self::DnsNoAnswer => "the resolver does not answer",
            Self::SynTimeout => "connection attempts are dropped in silence",
            Self::TcpRefused => "connection attempts are answered by a reset",
            Self::IcmpAdminProhibited => "a firewall says: administratively prohibited",
            Self::IcmpHostUnreachable => "a router says: host unreachable",
            Self::IcmpNetUnreachable => "a router says: network unreachable",
            Self::IcmpPortUnreachable => "port unreachable",
            Self::RstAfterClientHello => "reset right after the ClientHello",
            Self::SilenceAfterClientHello => "silence after the ClientHello",
            Self::TlsUntrustedIssuer => "the device does not trust the certificate it is shown",
            Self::TlsClientAbort => {
                "the device gives up on the certificate it is shown (TLS inspection suspected)"
            }
            Self::TlsServerAlert => "the server ends the TLS handshake with an alert",
            Self::TlsNotSpoken => "what answers does not speak TLS: a filter or a proxy in the way",
            Self::TlsCertificateExpired => {
                "the device takes the certificate for expired (look at its clock)"
            }
            Self::ProxyAuthRequired => "the proxy wants a login (407)",
            Self::ProxyForbidden => "the proxy forbids it (403)",
            Self::ProxyBadGateway => "the proxy cannot reach the server",
            Self::HttpBlockPage => "a web filter answers in place of the server",
            Self::RangeIgnored => "range requests are answered in full",
            Self::DownloadCut => "a download is cut off before its end",
            Self::NtpNoReply => "no reply to NTP",
            Self::QuicNoReply => "no reply to QUIC",
            Self::ResetBeforeResponse => "reset after the request was sent",
            Self::NoResponse => "the request is never answered",
        }
    }

    /// The cause in words where nothing but plain HTTP was spoken.
    #[must_use]
    pub fn phrase_of_plain_http(self) -> &'static str {
        match self {
            Self::RstAfterClientHello => "reset right after the request",
            Self::SilenceAfterClientHello => "silence after the request",
            cause => cause.phrase(),
        }
    }

    /// The cause in words where a proxy was asked and nothing came back.
    #[must_use]
    pub fn phrase_of_silent_proxy(self) -> &'static str {
        match self {
            Self::RstAfterClientHello => "the proxy resets the connection when it is asked",
            Self::SilenceAfterClientHello => "the proxy does not answer the request",
            cause => cause.phrase(),
        }
    }

    /// The cause an ICMP error stands for; `None` for errors that stop nothing (path MTU discovery).
    #[must_use]
    pub fn from_icmp(reason: IcmpReason) -> Option<Self> {
        match reason {
            IcmpReason::AdminProhibited => Some(Self::IcmpAdminProhibited),
            IcmpReason::HostUnreachable => Some(Self::IcmpHostUnreachable),
            IcmpReason::NetUnreachable | IcmpReason::TimeExceeded => Some(Self::IcmpNetUnreachable),
            IcmpReason::PortUnreachable => Some(Self::IcmpPortUnreachable),
            IcmpReason::PacketTooBig | IcmpReason::Other => None,
        }
    }
}

/// What the capture cannot tell about an attempt, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unclear {
    /// Only one direction is in the capture, or nothing came back where nothing had to.
    OneWay,
    /// The capture starts inside the connection.
    MidStream,
    /// The capture cut the packets that would tell.
    Truncated,
    /// The capture ended first.
    StillOpen,
    /// The capture lacks packets that would tell.
    Lost,
    /// Anything else.
    Unknown,
}

impl Unclear {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OneWay => "one_way",
            Self::MidStream => "mid_stream",
            Self::Truncated => "truncated",
            Self::StillOpen => "still_open",
            Self::Lost | Self::Unknown => "unknown",
        }
    }

    /// The reason in words, to follow "the capture cannot tell:".
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::OneWay => "only one direction is in the capture",
            Self::MidStream => "it starts inside the connection",
            Self::Truncated => "its packets are cut short",
            Self::StillOpen => "it ends before the attempt does",
            Self::Lost => "packets that were sent are missing from it",
            Self::Unknown => "it does not show what happened",
        }
    }
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The server delivered.
    Served,
    /// It was stopped.
    Failed(Cause),
    /// The client let it go before anything could be learnt (a happy-eyeballs loser, an unused spare connection).
    Abandoned,
    /// The capture cannot tell.
    Unclear(Unclear),
}

impl Outcome {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Served => "ok",
            Self::Failed(cause) => cause.code(),
            Self::Abandoned => "abandoned",
            Self::Unclear(why) => why.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique() {
        let codes: HashSet<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        assert_eq!(codes.len(), Cause::ALL.len());
    }
}
