//! Connectivity probes of operating systems, and whether the answer is what the genuine server sends.

use crate::facts::HttpExchange;

/// A request by which an operating system finds out whether it is online or behind a captive portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectivityProbe {
    /// Windows (NCSI): the genuine body is just this text.
    Text(&'static [u8]),
    /// Apple: the genuine body is a page that holds [`APPLE_SUCCESS`].
    ApplePage,
    /// Android: the genuine answer is 204 without body.
    NoContent,
}

/// What Apple's page says (`<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>`), whatever the case.
const APPLE_SUCCESS: &[u8] = b"<BODY>Success</BODY>";

/// Octets within which Apple's page, which has 68, must have said so.
const APPLE_PAGE_OCTETS: usize = 128;

impl ConnectivityProbe {
    /// The probe that a request is, if it is one.
    pub(super) fn of(request: &HttpExchange) -> Option<Self> {
        if request.method != "GET" {
            return None;
        }
        match (
            request.host.as_ref()?.folded().as_str(),
            request.path.as_str(),
        ) {
            ("www.msftconnecttest.com" | "ipv6.msftconnecttest.com", "/connecttest.txt") => {
                Some(Self::Text(b"Microsoft Connect Test"))
            }
            ("www.msftncsi.com" | "ipv6.msftncsi.com", "/ncsi.txt") => {
                Some(Self::Text(b"Microsoft NCSI"))
            }
            ("captive.apple.com", _) => Some(Self::ApplePage),
            ("connectivitycheck.gstatic.com" | "clients3.google.com", "/generate_204") => {
                Some(Self::NoContent)
            }
            _ => None,
        }
    }

    /// Judges an answer by its status alone; `None` when the body must decide.
    pub(super) fn judge_status(self, status: u16) -> Option<bool> {
        match self {
            Self::NoContent => Some(status == 204),
            Self::Text(_) | Self::ApplePage => (status != 200).then_some(false),
        }
    }

    /// Judges the beginning of a body, or all of it; `None` when too little of it is there.
    pub(super) fn judge_body(self, body: &[u8], whole: bool) -> Option<bool> {
        match self {
            Self::NoContent => None,
            Self::Text(genuine) if whole => Some(body.trim_ascii_end() == genuine),
            Self::Text(_) if body.is_empty() => None,
            Self::Text(genuine) => Some(genuine.starts_with(body.trim_ascii_end())),
            Self::ApplePage
                if body
                    .windows(APPLE_SUCCESS.len())
                    .any(|part| part.eq_ignore_ascii_case(APPLE_SUCCESS)) =>
            {
                Some(true)
            }
            Self::ApplePage => (whole || body.len() >= APPLE_PAGE_OCTETS).then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::HostName;

    fn probe(host: &str, path: &str) -> Option<ConnectivityProbe> {
        ConnectivityProbe::of(&HttpExchange {
            method: "GET".into(),
            host: HostName::from_wire(host.as_bytes()),
            path: path.into(),
            ..HttpExchange::default()
        })
    }

    #[test]
    fn probes_are_known_by_host_and_path() {
        assert!(probe("WWW.msftconnecttest.com", "/connecttest.txt").is_some());
        assert!(probe("www.msftconnecttest.com", "/redirect").is_none());
        assert!(probe("www.msftncsi.com", "/ncsi.txt").is_some());
        assert!(probe("captive.apple.com", "/anything").is_some());
        assert!(probe("example.com", "/generate_204").is_none());
    }

    #[test]
    fn windows_probe_wants_its_text_and_nothing_else() {
        let probe = probe("www.msftncsi.com", "/ncsi.txt").unwrap();
        assert_eq!(probe.judge_body(b"Microsoft NCSI", true), Some(true));
        assert_eq!(probe.judge_body(b"Microsoft NCSI!", true), Some(false));
        assert_eq!(probe.judge_body(b"", true), Some(false));
        assert_eq!(probe.judge_status(302), Some(false));
        assert_eq!(probe.judge_status(200), None);
    }

    #[test]
    fn cut_text_is_genuine_as_far_as_it_goes() {
        let probe = probe("www.msftconnecttest.com", "/connecttest.txt").unwrap();
        assert_eq!(probe.judge_body(b"Microsoft", false), Some(true));
        assert_eq!(probe.judge_body(b"<html>", false), Some(false));
        assert_eq!(probe.judge_body(b"", false), None);
    }

    #[test]
    fn apple_probe_wants_its_page() {
        let probe = probe("captive.apple.com", "/hotspot-detect.html").unwrap();
        let page = b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>";
        assert_eq!(probe.judge_body(page, true), Some(true));
        assert_eq!(probe.judge_body(&page[..40], false), None);
        assert_eq!(probe.judge_body(&[b'x'; 128], false), Some(false));
    }

    #[test]
    fn android_probe_wants_204() {
        let probe = probe("connectivitycheck.gstatic.com", "/generate_204").unwrap();
        assert_eq!(
            (probe.judge_status(204), probe.judge_status(200)),
            (Some(true), Some(false))
        );
    }
}
