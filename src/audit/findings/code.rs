//! The stable codes of findings, and what each stands for.

use crate::audit::explanation::{CodeKind, Explanation};

/// The rule behind a finding. The codes are a promise to other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingCode {
    /// Nothing of a set could be reached.
    EndpointsBlocked,
    /// Some hosts of a set could not be reached.
    EndpointsPartlyBlocked,
    /// Reached, but late or worse than it should be.
    EndpointsDegraded,
    /// Needed and never tried.
    EndpointsNeverTried,
    /// Needed, resolved, and never contacted.
    EndpointsLookedUpOnly,
    /// Reached by a harmless detour.
    Detour,
    /// A captive portal answers the network check.
    CaptivePortal,
    /// A proxy login where it is not supported.
    ProxyLogin,
    /// A proxy that devices cannot use.
    ProxyUnreachable,
    /// TLS inspection where it is not supported.
    TlsInspection,
    /// TLS inspection that several hosts together give away.
    TlsInspectionSuspected,
    /// Range requests answered in full.
    RangesStripped,
    /// Only some addresses or ranges are blocked.
    SomeAddressesBlocked,
    /// The domain of a wildcard is left out.
    ApexBlocked,
    /// Hosts below a wildcard are left out.
    WildcardPartlyBlocked,
    /// IPv6 never works.
    Ipv6Dead,
    /// Ports that the list does not name.
    OffListPort,
    /// Names that the list has replaced.
    RetiredNames,
    /// Names that no list knows.
    UnlistedNames,
}

impl FindingCode {
    /// Every code, those about reachability first.
    pub const ALL: [Self; 19] = [
        Self::EndpointsBlocked,
        Self::EndpointsPartlyBlocked,
        Self::EndpointsDegraded,
        Self::EndpointsNeverTried,
        Self::EndpointsLookedUpOnly,
        Self::Detour,
        Self::CaptivePortal,
        Self::ProxyLogin,
        Self::ProxyUnreachable,
        Self::TlsInspection,
        Self::TlsInspectionSuspected,
        Self::RangesStripped,
        Self::SomeAddressesBlocked,
        Self::ApexBlocked,
        Self::WildcardPartlyBlocked,
        Self::Ipv6Dead,
        Self::OffListPort,
        Self::RetiredNames,
        Self::UnlistedNames,
    ];

    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EndpointsBlocked => "endpoints_blocked",
            Self::EndpointsPartlyBlocked => "endpoints_partly_blocked",
            Self::EndpointsDegraded => "endpoints_degraded",
            Self::EndpointsNeverTried => "endpoints_never_tried",
            Self::EndpointsLookedUpOnly => "endpoints_looked_up_only",
            Self::Detour => "detour",
            Self::CaptivePortal => "captive_portal",
            Self::ProxyLogin => "proxy_login_unsupported",
            Self::ProxyUnreachable => "proxy_unreachable",
            Self::TlsInspection => "tls_inspection_unsupported",
            Self::TlsInspectionSuspected => "tls_inspection_suspected",
            Self::RangesStripped => "ranges_stripped",
            Self::SomeAddressesBlocked => "some_addresses_blocked",
            Self::ApexBlocked => "apex_blocked",
            Self::WildcardPartlyBlocked => "wildcard_partly_blocked",
            Self::Ipv6Dead => "ipv6_dead",
            Self::OffListPort => "off_list_port",
            Self::RetiredNames => "retired_names",
            Self::UnlistedNames => "unlisted_names",
        }
    }

    /// The long form.
    #[must_use]
    pub fn explanation(self) -> Explanation {
        const ARTICLE: &str = "Network endpoints for Microsoft Intune";
        let (title, when, not, consequence, remedy, source) = match self {
            Self::EndpointsBlocked => (
                "Nothing of the set can be reached",
                "Every host of the set that was tried failed throughout. The cause says at which stage and how.",
                "A set that nobody tried.",
                "critical where the device's scenario cannot do without the set, else a warning",
                "the rule change that the finding words for its cause",
                ARTICLE,
            ),
            Self::EndpointsPartlyBlocked => (
                "Some hosts of the set cannot be reached",
                "Some hosts of the set failed throughout, others were served, or cannot be judged.",
                "",
                "critical where the scenario needs the host that fails (such as the enrollment server), else a warning",
                "allow the whole set, not single hosts of it",
                ARTICLE,
            ),
            Self::EndpointsDegraded => (
                "Reached, but not well",
                "Every host was served in the end, after attempts that failed.",
                "IPv6, QUIC or a proxy login that failed before the usual fallback worked: that is a detour.",
                "delays and repeated downloads",
                "the rule change that the finding words for its cause",
                ARTICLE,
            ),
            Self::EndpointsNeverTried => (
                "Needed, and never tried",
                "The scenario needs the set or host, and the capture shows no attempt. When absence counts is told in docs/scenarios.md.",
                "A block: nobody was seen to stop anything.",
                "critical where the user named the scenario and the whole set is missing; information where the scenario was concluded from traffic",
                "find out why the device does not try; allow the set all the same",
                ARTICLE,
            ),
            Self::EndpointsLookedUpOnly => (
                "Looked up, never contacted",
                "The names resolved, and no connection followed.",
                "A lookup whose connection went over one that was already open, as HTTP/2 allows (RFC 9113 §9.1.1).",
                "critical where the user named the scenario, else information",
                "look for a firewall on the device itself, and for a tunnel that the capture does not see",
                ARTICLE,
            ),
            Self::Detour => (
                "Reached by a detour",
                "IPv6, IPv4 or QUIC failed and the other way worked, or the proxy asked for a login and got it.",
                "A failure.",
                "some delay",
                "nothing, or open the way that fails",
                "RFC 8305; RFC 9110 §15.5.8",
            ),
            Self::CaptivePortal => (
                "A captive portal answers the network check",
                "The network check of Windows, Apple or Android systems got a redirect, or content that is not its own.",
                "An explicit proxy that answers in its own words.",
                "the device takes the network for one without Internet access and waits for a login that nobody gives",
                "let devices without a login pass for these hosts on port 80",
                "autopilot/requirements.md; RFC 8952",
            ),
            Self::ProxyLogin => (
                "The proxy wants a login where that is not supported",
                "The proxy answered 407 for a host that the article wants let through without authentication, and no login followed.",
                "407 followed by an authenticated retry.",
                "what runs as the system cannot log in: enrollment and check-in fail",
                "exempt these hosts from authentication on the proxy",
                "Network endpoints for Microsoft Intune, unauthenticated proxy",
            ),
            Self::ProxyUnreachable => (
                "The proxy is dead",
                "The device's connections to its proxy are refused or not answered, or nothing that is asked of the proxy comes back or can be reached by it. An address is known as a proxy by what devices say to it, or by its name; where only its port speaks for it, the finding says \"may be\" and is information.",
                "A proxy that was reached again later; a first proxy that fails where the device gets on by another way (information).",
                "critical where nothing on the Internet serves the device any more: no host is named, so no endpoint set can be blamed",
                "repair the proxy or the way to it, or give devices another one",
                "RFC 9110 §9.3.6; Network endpoints for Microsoft Intune",
            ),
            Self::TlsInspection => (
                "TLS inspection where it is not supported",
                "A certificate of an inspecting authority is visible on such a host (TLS 1.2), or the device refuses what it is shown (TLS 1.3: suspected).",
                "An unknown issuer alone.",
                "the service and the device cannot prove themselves to each other; devices turn non-compliant or cannot enroll",
                "exclude these hosts from TLS inspection",
                "Network endpoints for Microsoft Intune, TLS inspection is not supported",
            ),
            Self::TlsInspectionSuspected => (
                "TLS inspection suspected",
                "One unknown authority issues for hosts of different domains, or the device refuses the certificates of several of them.",
                "A proof: under TLS 1.3 certificates are encrypted.",
                "hosts for which inspection is not supported fail",
                "exclude the endpoint list from TLS inspection",
                "RFC 8446 §4.4.2 and §6.2; Network endpoints for Microsoft Intune, TLS inspection is not supported",
            ),
            Self::RangesStripped => (
                "Range requests are answered in full",
                "A request with a Range field got 200 and the whole body. Only plain HTTP shows it.",
                "",
                "interrupted downloads start over; Win32 apps, scripts and Delivery Optimization take long or fail",
                "let the Range field pass unchanged",
                "Network endpoints for Microsoft Intune, partial content; RFC 9110 §14.2",
            ),
            Self::SomeAddressesBlocked => (
                "Only some addresses are blocked",
                "Some addresses of a name fail before any name is spoken while others work, or hosts in one published range fail while those in another work.",
                "One dead server: look whether the address keeps failing.",
                "it works by chance: whoever gets a blocked address fails",
                "allow all published ranges of the set, or allow by name",
                ARTICLE,
            ),
            Self::ApexBlocked => (
                "The wildcard is allowed, its domain is not",
                "The domain of a published wildcard fails while hosts below it work.",
                "",
                "what contacts the domain itself fails",
                "allow the domain beside the wildcard: *.example does not cover example",
                ARTICLE,
            ),
            Self::WildcardPartlyBlocked => (
                "A wildcard is allowed only in part",
                "Hosts below a published wildcard fail while others of it work.",
                "",
                "names change: what works today may fail tomorrow",
                "allow the wildcard as published instead of single names",
                ARTICLE,
            ),
            Self::Ipv6Dead => (
                "IPv6 is dead",
                "Every attempt over IPv6 failed, for at least two hosts, while IPv4 worked.",
                "A network without IPv6, where nothing is tried.",
                "each connection waits for its fallback; programs without one fail",
                "open IPv6 as IPv4, or stop handing out addresses",
                "RFC 8305",
            ),
            Self::OffListPort => (
                "Ports that the list does not name",
                "Hosts of the list were contacted at ports that their sets do not list; UDP 443 (QUIC) is among them.",
                "",
                "a firewall that follows the list to the letter stops it",
                "nothing while it works",
                ARTICLE,
            ),
            Self::RetiredNames => (
                "Names that the list has replaced",
                "The device contacts names that only older editions list, or that are leaving the list (azureedge.net since March 2025).",
                "",
                "rules made for the old names do not cover their successors",
                "allow the present names too",
                "Network endpoints for Microsoft Intune, editions from 2020 on",
            ),
            Self::UnlistedNames => (
                "Names in the list's domains that no list knows",
                "Names below microsoft.com and the like were looked up or contacted that no edition lists.",
                "Something that must be allowed.",
                "none known",
                "nothing",
                ARTICLE,
            ),
        };
        Explanation {
            kind: CodeKind::Finding,
            code: self.code(),
            title,
            when,
            not,
            consequence,
            remedy,
            source,
        }
    }
}
