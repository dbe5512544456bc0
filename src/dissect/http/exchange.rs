//! Heads and beginnings of bodies to the facts of one exchange.

use super::connectivity_probe::ConnectivityProbe;
use super::framing::FramingFields;
use super::head::{Fields, RequestHead, ResponseHead};
use super::intermediary::{sign_of_head, sign_of_page};
use super::target::{Authority, path, quotes_host, quotes_url, split_absolute};
use crate::facts::{HttpExchange, Seen, printable};
use compact_str::CompactString;
use smallvec::SmallVec;

/// Most characters kept of each text, as [`HttpExchange`] promises.
const MAX_METHOD: usize = 16;
const MAX_PATH: usize = 128;
const MAX_FIELD: usize = 64;

/// Schemes kept of `Proxy-Authenticate`, and characters kept of each.
const MAX_SCHEMES: usize = 4;
const MAX_SCHEME: usize = 16;

/// The exchange that a request begins.
pub(super) fn begin(head: &RequestHead<'_>, seen: Seen) -> HttpExchange {
    let mut exchange = HttpExchange {
        request: Some(seen),
        method: printable(head.method, MAX_METHOD),
        ..HttpExchange::default()
    };
    let mut authority = Authority::default();
    if head.method == b"CONNECT" {
        // RFC 9112 §3.2.3. Half a name would be another name, so a cut one is left out.
        if head.target_complete {
            authority = Authority::parse(head.target);
        }
    } else if let Some((text, rest)) = split_absolute(head.target) {
        exchange.absolute_form = true;
        if head.target_complete || !rest.is_empty() {
            authority = Authority::parse(text);
        }
        exchange.path = if rest.starts_with(b"/") {
            printable(path(rest), MAX_PATH)
        } else {
            "/".into()
        };
    } else {
        exchange.path = printable(path(head.target), MAX_PATH);
    }
    let mut part = false;
    let mut conditional = false;
    for (name, value) in head.fields {
        if name.eq_ignore_ascii_case(b"host") && authority.host.is_none() {
            authority = Authority::parse(value);
        } else if name.eq_ignore_ascii_case(b"range") {
            part = !value.trim_ascii().eq_ignore_ascii_case(b"bytes=0-");
        } else if name.eq_ignore_ascii_case(b"if-range") {
            conditional = true;
        } else if name.eq_ignore_ascii_case(b"proxy-authorization") {
            exchange.proxy_authorization = true;
        }
    }
    exchange.range = part && !conditional && head.method == b"GET";
    exchange.host = authority.host;
    exchange.port = authority.port;
    exchange
}

/// Adds to an exchange that was answered early what the whole head of its request says.
pub(super) fn complete_request(exchange: &mut HttpExchange, whole: HttpExchange) {
    exchange.host = whole.host;
    exchange.port = whole.port;
    exchange.absolute_form = whole.absolute_form;
    exchange.path = whole.path;
    exchange.range = whole.range;
    exchange.proxy_authorization = whole.proxy_authorization;
}

/// Adds a final response's head to its exchange.
pub(super) fn answer(exchange: &mut HttpExchange, head: &ResponseHead<'_>, seen: Seen) {
    exchange.response = Some(seen);
    exchange.status = Some(head.status);
    exchange.content_length = FramingFields::read(head.fields).content_length();
    exchange.proxy_authenticate = proxy_authenticate(head.fields);
    exchange.intermediary_sign = sign_of_head(head);
    for (name, value) in head.fields {
        let text = |limit: usize| Some(printable(value, limit));
        if name.eq_ignore_ascii_case(b"location") {
            add_location(exchange, value);
        } else if name.eq_ignore_ascii_case(b"content-range") {
            exchange.content_range = true;
        } else if name.eq_ignore_ascii_case(b"accept-ranges") {
            exchange.accept_ranges = text(MAX_FIELD);
        } else if name.eq_ignore_ascii_case(b"content-type") {
            let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default();
            exchange.content_type =
                Some(printable(media_type.trim_ascii(), MAX_FIELD).to_ascii_lowercase());
        } else if name.eq_ignore_ascii_case(b"server") {
            exchange.server = text(MAX_FIELD);
        } else if name.eq_ignore_ascii_case(b"via") {
            exchange.via = text(MAX_FIELD);
        }
    }
    exchange.probe_body_genuine =
        ConnectivityProbe::of(exchange).and_then(|probe| probe.judge_status(head.status));
}

fn add_location(exchange: &mut HttpExchange, location: &[u8]) {
    let rest = match split_absolute(location) {
        Some((authority, rest)) => {
            exchange.location_host = Authority::parse(authority).host;
            rest
        }
        None => location,
    };
    if let Some(host) = &exchange.host {
        exchange.location_quotes_host = quotes_host(rest, host);
        exchange.location_quotes_url =
            exchange.location_quotes_host && quotes_url(rest, host, &exchange.path);
    }
}

/// The schemes of all `Proxy-Authenticate` fields, without their parameters (RFC 9110 §11.6.1).
fn proxy_authenticate(fields: Fields<'_>) -> Option<CompactString> {
    let mut schemes: SmallVec<[CompactString; MAX_SCHEMES]> = SmallVec::new();
    for (_, value) in fields.filter(|(name, _)| name.eq_ignore_ascii_case(b"proxy-authenticate")) {
        let mut quoted = false;
        let challenges = value.split(|byte| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        });
        for challenge in challenges {
            // `Basic realm="x"` begins with a scheme; `nonce="y"` is a further parameter of the scheme before it.
            let word = challenge
                .trim_ascii()
                .split(u8::is_ascii_whitespace)
                .next()
                .unwrap_or_default();
            let scheme = printable(word, MAX_SCHEME);
            if !word.is_empty()
                && !word.contains(&b'=')
                && schemes.len() < MAX_SCHEMES
                && !schemes.contains(&scheme)
            {
                schemes.push(scheme);
            }
        }
    }
    (!schemes.is_empty()).then(|| schemes.join(", ").into())
}

/// The beginning of a response's body, held until enough of it is there to judge it, and dropped then.
#[derive(Debug, Clone)]
pub(super) struct BodySample {
    /// Index of the exchange it belongs to.
    pub(super) exchange: usize,
    bytes: Vec<u8>,
    page: bool,
}

impl BodySample {
    /// Most octets held: block pages open with styles, and say what they are soon after.
    const MAX_OCTETS: usize = 4096;

    /// A sample for the body that follows `head`; `None` when nothing can be learnt from it.
    pub(super) fn wanted(
        exchange: &HttpExchange,
        index: usize,
        head: &ResponseHead<'_>,
    ) -> Option<Self> {
        let encoded = { head.fields }.any(|(name, value)| {
            name.eq_ignore_ascii_case(b"content-encoding")
                && !value.eq_ignore_ascii_case(b"identity")
        });
        let probe =
            exchange.probe_body_genuine.is_none() && ConnectivityProbe::of(exchange).is_some();
        let page = exchange.intermediary_sign.is_none()
            && matches!(
                exchange.content_type.as_deref(),
                None | Some("text/html" | "application/xhtml+xml")
            );
        (!encoded && (probe || page)).then(|| Self {
            exchange: index,
            bytes: Vec::new(),
            page,
        })
    }

    /// Adds data; returns whether the sample is full.
    pub(super) fn add(&mut self, data: &[u8]) -> bool {
        let room = Self::MAX_OCTETS.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(data.get(..room).unwrap_or(data));
        self.bytes.len() >= Self::MAX_OCTETS
    }

    /// Judges what was held; `body_ended` says that no more of the body is to come.
    pub(super) fn judge(&self, exchange: &mut HttpExchange, body_ended: bool) {
        let whole = body_ended && self.bytes.len() < Self::MAX_OCTETS;
        if exchange.probe_body_genuine.is_none() {
            exchange.probe_body_genuine = ConnectivityProbe::of(exchange)
                .and_then(|probe| probe.judge_body(&self.bytes, whole));
        }
        if self.page && exchange.intermediary_sign.is_none() {
            exchange.intermediary_sign = sign_of_page(exchange.status.unwrap_or(0), &self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(head: &str) -> HttpExchange {
        begin(
            &RequestHead::parse(head.as_bytes()).unwrap(),
            Seen::default(),
        )
    }

    fn response(asked: &str, head: &str) -> HttpExchange {
        let mut exchange = request(asked);
        answer(
            &mut exchange,
            &ResponseHead::parse(head.as_bytes()).unwrap(),
            Seen::default(),
        );
        exchange
    }

    fn host(exchange: &HttpExchange) -> Option<&str> {
        exchange.host.as_ref().map(|host| host.as_str())
    }

    #[test]
    fn host_field_names_the_host() {
        let exchange = request(
            "GET /pkg?token=1 HTTP/1.1\r\nHOST: a.example:8080\r\nRange: bytes=0-1\r\n\r\n",
        );
        assert_eq!(
            (host(&exchange), exchange.port),
            (Some("a.example"), Some(8080))
        );
        assert_eq!(
            (exchange.method.as_str(), exchange.path.as_str()),
            ("GET", "/pkg")
        );
        assert!(exchange.range && !exchange.absolute_form && !exchange.proxy_authorization);
    }

    #[test]
    fn absolute_form_beats_the_host_field() {
        let exchange =
            request("GET http://u:p@a.example?secret HTTP/1.1\r\nHost: b.example\r\n\r\n");
        assert_eq!(
            (host(&exchange), exchange.path.as_str()),
            (Some("a.example"), "/")
        );
        assert!(exchange.absolute_form);
    }

    #[test]
    fn cut_name_is_not_taken_for_a_name() {
        assert_eq!(host(&request("GET http://login.live.co")), None);
        assert_eq!(
            host(&request("GET http://login.live.com/pp")),
            Some("login.live.com")
        );
        assert_eq!(host(&request("CONNECT login.live.co")), None);
        assert_eq!(
            host(&request("GET / HTTP/1.1\r\nHost: login.live.co")),
            None
        );
    }

    #[test]
    fn long_texts_are_bounded() {
        let exchange = request(&format!("GET /{} HTTP/1.1\r\n\r\n", "p".repeat(5000)));
        assert_eq!(exchange.path.len(), MAX_PATH);
    }

    #[test]
    fn redirect_to_a_block_page_quotes_the_host() {
        let exchange = response(
            "GET /pkg/content.bin HTTP/1.1\r\nHost: ctldl.windowsupdate.com\r\n\r\n",
            "HTTP/1.1 302 Found\r\nLocation: http://block.example/?url=http://ctldl.windowsupdate.com/pkg&cat=17\r\n\r\n",
        );
        assert_eq!(exchange.location_host.unwrap().as_str(), "block.example");
        assert!(exchange.location_quotes_host);
    }

    #[test]
    fn a_redirect_may_name_where_it_comes_from() {
        let exchange = response(
            "GET /fwlink/?LinkId=1 HTTP/1.1\r\nHost: go.microsoft.com\r\n\r\n",
            "HTTP/1.1 302 Found\r\nLocation: https://www.example/?ref=go.microsoft.com\r\n\r\n",
        );
        assert!(exchange.location_quotes_host && !exchange.location_quotes_url);
    }

    #[test]
    fn redirect_to_the_same_host_does_not_quote_it() {
        let exchange = response(
            "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "HTTP/1.1 301 X\r\nLocation: https://a.example/login\r\n\r\n",
        );
        assert!(!exchange.location_quotes_host);
    }

    #[test]
    fn response_fields_are_kept_in_short() {
        let exchange = response(
            "GET / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 206 X\r\nContent-Type: Text/HTML; charset=x\r\nContent-Length: 7\r\nContent-Range: bytes 0-6/9\r\n\
             Accept-Ranges: bytes\r\nServer: nginx\r\nVia: 1.1 p\r\nSet-Cookie: secret\r\n\r\n",
        );
        assert_eq!(exchange.content_type.as_deref(), Some("text/html"));
        assert_eq!(
            (exchange.status, exchange.content_length),
            (Some(206), Some(7))
        );
        assert!(exchange.content_range);
        assert_eq!(exchange.accept_ranges.as_deref(), Some("bytes"));
        assert_eq!(
            (exchange.server.as_deref(), exchange.via.as_deref()),
            (Some("nginx"), Some("1.1 p"))
        );
        assert!(!format!("{exchange:?}").contains("secret"));
    }

    #[test]
    fn proxy_schemes_are_kept_without_their_parameters() {
        let exchange = response(
            "CONNECT a:443 HTTP/1.1\r\n\r\n",
            "HTTP/1.1 407 X\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM TlRMTVNTUAAC==\r\n\
             Proxy-Authenticate: Digest realm=\"a, Bearer b\", nonce=\"c\", Basic realm=\"d\"\r\n\r\n",
        );
        assert_eq!(
            exchange.proxy_authenticate.as_deref(),
            Some("Negotiate, NTLM, Digest, Basic")
        );
    }
}
