//! The long form of every code that reports carry: findings, causes, verdicts.

use super::cause::Cause;
use super::findings::FindingCode;
use super::verdict::Verdict;

/// What kind of code is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeKind {
    /// A rule's finding.
    Finding,
    /// What stopped an attempt.
    Cause,
    /// What is said of a set or host.
    Verdict,
}

impl CodeKind {
    /// The name used in output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Cause => "cause",
            Self::Verdict => "verdict",
        }
    }
}

/// The long form of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// What kind of code it is.
    pub kind: CodeKind,
    /// The code.
    pub code: &'static str,
    /// A heading.
    pub title: &'static str,
    /// When it is said: what the packets show.
    pub when: &'static str,
    /// What it must not be taken for; empty where nothing is.
    pub not: &'static str,
    /// What it means for the device.
    pub consequence: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// The document or standard behind it.
    pub source: &'static str,
}

/// Every code there is: findings, then causes, then verdicts.
pub fn explanations() -> impl Iterator<Item = Explanation> {
    let findings = FindingCode::ALL.into_iter().map(FindingCode::explanation);
    let causes = Cause::ALL.into_iter().map(Cause::explanation);
    let verdicts = Verdict::ALL.into_iter().map(Verdict::explanation);
    findings.chain(causes).chain(verdicts)
}

/// The long forms of a code, letter case and hyphens ignored; a word may be more than one kind of code.
#[must_use]
pub fn explain(code: &str) -> Vec<Explanation> {
    let wanted = code.trim().to_ascii_lowercase().replace('-', "_");
    explanations()
        .filter(|explanation| explanation.code == wanted)
        .collect()
}

impl Cause {
    /// The long form.
    #[must_use]
    pub fn explanation(self) -> Explanation {
        let (when, not, remedy, source) = self.details();
        Explanation {
            kind: CodeKind::Cause,
            code: self.code(),
            title: self.phrase(),
            when,
            not,
            consequence: "the attempt ends there; whether the device gets on depends on its other attempts and on what it was doing",
            remedy,
            source,
        }
    }

    /// What the packets show, what it must not be taken for, what to do, and the standard.
    fn details(self) -> (&'static str, &'static str, &'static str, &'static str) {
        const DNS: &str = "RFC 1035 §4.1.1";
        const INSPECTION: &str = "exclude the host from TLS inspection";
        const ALLOW: &str = "allow the host and its ports from the device's network";
        match self {
            Self::DnsNxdomain => (
                "The resolver answers NXDOMAIN (3) for a name of the list.",
                "A name with the search domain of the company appended, an absent wpad name, or the alias of a customer who set none up.",
                "take the name off the DNS filter",
                DNS,
            ),
            Self::DnsServfail => (
                "The resolver answers SERVFAIL (2) or another error of its own.",
                "A filter that refuses: that is dns_refused.",
                "repair the resolver's way to the names' own servers; look for failed DNSSEC validation",
                DNS,
            ),
            Self::DnsRefused => (
                "The resolver answers REFUSED (5).",
                "A resolver that is down.",
                "take the name off the resolver's policy, or let the device use this resolver",
                DNS,
            ),
            Self::DnsSinkhole => (
                "Every address of the answer leads nowhere: 0.0.0.0, ::, or loopback.",
                "The probe of dns.msftncsi.com, which has one right answer.",
                "take the name off the DNS filter",
                "RFC 6890 §2.2",
            ),
            Self::DnsBlockPage => (
                "A public name resolves to an address inside the company, and nothing at that address serves it, or only a page over plain HTTP that unrelated names lead to.",
                "A proxy's or a private endpoint's address that serves the name.",
                "take the name off the DNS filter",
                "RFC 6890 §2.2",
            ),
            Self::DnsNoAnswer => (
                "The question was sent, perhaps again, and no answer came within 2 s of capture; or the answer was too long for a datagram, and TCP port 53 is closed.",
                "A capture that ended too soon or lacks the answers: that is inconclusive.",
                "let the device reach its resolver on UDP and TCP 53",
                "RFC 1035 §4.2.1",
            ),
            Self::SynTimeout => (
                "SYNs were sent again with growing gaps; no SYN/ACK, reset or ICMP error came back.",
                "A single SYN of happy eyeballs whose other family was faster, or a capture of one direction.",
                ALLOW,
                "RFC 9293 §3.10; RFC 6298 §2.1",
            ),
            Self::TcpRefused => (
                "The SYN was answered by a reset; its TTL in the evidence tells a firewall nearby from the server.",
                "A reset after data, which is a normal end.",
                ALLOW,
                "RFC 9293 §3.10.7.1",
            ),
            Self::IcmpAdminProhibited => (
                "An ICMP error that quotes the attempt says that policy forbids it (codes 9, 10, 13; ICMPv6 1, 5, 6).",
                "Path MTU discovery.",
                "change the rule of the firewall whose address the evidence shows",
                "RFC 1812 §5.2.7.1; RFC 4443 §3.1",
            ),
            Self::IcmpHostUnreachable => (
                "A router says that the host cannot be reached (ICMP code 1, ICMPv6 code 3).",
                "",
                "find why that router has no way to the host; some firewalls reject in these words",
                "RFC 792; RFC 4443 §3.1",
            ),
            Self::IcmpNetUnreachable => (
                "A router says that it has no route (ICMP code 0, ICMPv6 code 0), or that packets go in circles.",
                "",
                "repair the route; for IPv6, stop handing out addresses that lead nowhere",
                "RFC 792; RFC 4443 §3.1",
            ),
            Self::IcmpPortUnreachable => (
                "The other end, or something in its name, says that nothing listens on the port.",
                "",
                "look for a firewall that rejects in these words, or for a wrong address",
                "RFC 792; RFC 4443 §3.1",
            ),
            Self::RstAfterClientHello => (
                "The connection opened, the ClientHello (or first data) was sent, and a reset came before any useful data of the server.",
                "A reset after data, or after the client's own close.",
                "allow the server name in the filter that reads TLS handshakes",
                "RFC 6066 §3; RFC 9293 §3.5.3",
            ),
            Self::SilenceAfterClientHello => (
                "The connection opened, the ClientHello (or first data) was sent, and nothing came back although the capture went on.",
                "A packet-size problem, when only large ClientHellos are lost: compare with hosts that work.",
                "allow the server name in the filter that reads TLS handshakes",
                "RFC 6066 §3",
            ),
            Self::TlsUntrustedIssuer => (
                "The device ended the handshake with a readable alert: unknown_ca, bad_certificate or certificate_unknown.",
                "",
                INSPECTION,
                "RFC 8446 §6.2",
            ),
            Self::TlsClientAbort => (
                "The device closed after the server's certificate without a request. Under TLS 1.2 the certificate shows for whom it is; under TLS 1.3 the certificate and mostly the alert are encrypted, so inspection is suspected, not proven.",
                "A spare connection closed later without use.",
                INSPECTION,
                "RFC 8446 §6.2",
            ),
            Self::TlsCertificateExpired => (
                "The client ended the handshake with the alert certificate_expired, which stands for not valid yet, too; or with certificate_unknown, where the certificate is visible, made out for the host, and of a public authority.",
                "A certificate that the server has really let expire.",
                "set the device's clock, and let it reach its time server (UDP 123)",
                "RFC 8446 §6.2",
            ),
            Self::TlsServerAlert => (
                "The server ended the handshake with a fatal alert.",
                "",
                "find what answers in the server's place, and whether old TLS versions or ciphers are forced on the device",
                "RFC 8446 §6.2",
            ),
            Self::TlsNotSpoken => (
                "The ClientHello was answered by something that is no TLS, such as an error page in plain HTTP: the evidence has its status line.",
                "An error that the server itself sends inside TLS.",
                "find what answers in the server's place: a filter or a transparent proxy that only understands plain HTTP",
                "RFC 8446 §5.1",
            ),
            Self::ProxyAuthRequired => (
                "The proxy answered 407 and no request with a login followed.",
                "407 followed by an authenticated retry, which is normal.",
                "let the host pass the proxy without a login: what runs as the system has none",
                "RFC 9110 §15.5.8; Network endpoints for Microsoft Intune, unauthenticated proxy",
            ),
            Self::ProxyForbidden => (
                "The proxy answered 403 or refused in the words of SOCKS.",
                "403 from the server itself through an open tunnel.",
                "allow the host on the proxy",
                "RFC 9110 §15.5.4; RFC 1928 §6",
            ),
            Self::ProxyBadGateway => (
                "The proxy answered 502, 503 or 504: it cannot reach the server itself.",
                "",
                "let the proxy itself resolve and reach the host",
                "RFC 9110 §15.6",
            ),
            Self::HttpBlockPage => (
                "Something other than the server answered plain HTTP: a redirect to its own page, a page of its own, or a network check with the wrong content.",
                "A redirect to another host of the list.",
                "allow the host in the web filter, on port 80 too",
                "RFC 9110 §15.4",
            ),
            Self::RangeIgnored => (
                "A request for a range was answered 200 in full instead of 206.",
                "Downloads over TLS, where this cannot be seen.",
                "let the Range field pass unchanged",
                "RFC 9110 §14.2; Network endpoints for Microsoft Intune, partial content",
            ),
            Self::DownloadCut => (
                "Plain HTTP announced a length, and a reset from the server's side came amid the body, a tenth of it or more still to come; no later download of the host was whole. The evidence says how much had come.",
                "A client that cancels, a capture that ends first, a download that is taken up again, or anything over TLS, where lengths cannot be seen.",
                "find what cuts long downloads: content scanning, size limits, filters that see a forbidden type",
                "RFC 9112 §6.3 and §8",
            ),
            Self::NtpNoReply => (
                "NTP requests went out and no reply came.",
                "A device that has another time server which answers.",
                "allow UDP 123, or hand out a time server by DHCP",
                "RFC 5905 §9.2",
            ),
            Self::QuicNoReply => (
                "QUIC Initials went out and no reply came.",
                "A failure: devices go on over TCP.",
                "nothing, or a plain reject of UDP 443 to save the wait",
                "RFC 9000 §14",
            ),
            Self::ResetBeforeResponse => (
                "The request was sent, and a reset came before any answer to it.",
                "A reset after the answer.",
                "find what stops the connection after the request: content filters and limits of proxies",
                "RFC 9293 §3.5.3",
            ),
            Self::NoResponse => (
                "The request was sent, and no answer came within 3 s of capture.",
                "A long poll of push notifications.",
                "find what stops the answers",
                "RFC 9110 §3.4",
            ),
        }
    }
}

impl Verdict {
    /// Every verdict, the most harmless first.
    pub const ALL: [Self; 7] = [
        Self::Reached,
        Self::NotExercised,
        Self::Inconclusive,
        Self::NeverReached,
        Self::Degraded,
        Self::Intercepted,
        Self::Blocked,
    ];

    /// The long form.
    #[must_use]
    pub fn explanation(self) -> Explanation {
        let (title, when, not, consequence, remedy) = match self {
            Self::Reached => (
                "reached",
                "Some attempt was served, and nothing of the set was left failing. IPv6 or QUIC that failed where IPv4 or TCP worked does not change it.",
                "",
                "none",
                "nothing",
            ),
            Self::NotExercised => (
                "not tried",
                "Nothing of the set is in the capture, and nothing the device was seen doing needs it there.",
                "A block: what was not tried cannot have been stopped.",
                "none",
                "nothing",
            ),
            Self::Inconclusive => (
                "cannot tell",
                "The capture does not show what happened: one direction is missing, it starts or ends inside the attempt, or its packets are cut short.",
                "A block, or success.",
                "unknown",
                "record again as the report's fitness section says",
            ),
            Self::NeverReached => (
                "never reached",
                "The scenario needs the set, the capture would show an attempt, and there is none; or its names were looked up and resolved, and nothing was tried.",
                "A block: nobody was seen to stop anything.",
                "a failure only where the user named the scenario; otherwise a remark",
                "find out why the device did not try: settings, a local firewall, another way out",
            ),
            Self::Degraded => (
                "works in part",
                "Something of the set was served, but a host failed throughout, or worked only after retries beyond the usual fallbacks, or served worse than it should.",
                "",
                "late or incomplete work; a failure where the scenario needs the host that fails",
                "as the cause says",
            ),
            Self::Intercepted => (
                "TLS inspected",
                "Served, but with a certificate of an authority that inspects TLS, on a host for which that is not supported.",
                "An unknown public authority: it takes one more sign.",
                "the service may refuse the device's proofs of identity",
                "exclude the host from TLS inspection",
            ),
            Self::Blocked => (
                "blocked",
                "Attempts were made and none was served.",
                "A healthy host that answered late: one served attempt is enough for another verdict.",
                "what needs the set fails",
                "as the cause says",
            ),
        };
        Explanation {
            kind: CodeKind::Verdict,
            code: self.code(),
            title,
            when,
            not,
            consequence,
            remedy,
            source: "the rules of this program; see docs/scenarios.md for when absence counts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_explained_once_in_full() {
        let mut seen = HashSet::new();
        for explanation in explanations() {
            assert!(
                seen.insert((explanation.kind, explanation.code)),
                "{} twice",
                explanation.code
            );
            for text in [
                explanation.title,
                explanation.when,
                explanation.consequence,
                explanation.remedy,
                explanation.source,
            ] {
                assert!(!text.is_empty(), "{}", explanation.code);
            }
        }
        assert_eq!(
            seen.len(),
            FindingCode::ALL.len() + Cause::ALL.len() + Verdict::ALL.len()
        );
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        assert_eq!(explain("SYN-Timeout").len(), 1);
        assert_eq!(
            explain("blocked").first().map(|e| e.kind),
            Some(CodeKind::Verdict)
        );
        assert!(explain("no such code").is_empty());
    }
}
