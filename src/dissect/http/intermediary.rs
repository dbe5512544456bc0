//! Signs that a proxy or a web filter wrote a response itself instead of passing on the origin server's.
//!
//! What a proxy or a content delivery network adds to the responses it passes on (`Via`, `Age`, `X-Cache: MISS from …`,
//! `Server: AkamaiGHost` …) is no such sign. Nothing of a body is quoted: a sign names the phrases of ours that it matched.

use super::head::ResponseHead;
use crate::facts::printable;
use compact_str::{CompactString, format_compact};

/// Fields that only the product which wrote the response adds, whatever the status.
const TELLTALE_FIELDS: [&str; 4] = [
    "x-squid-error",
    "x-sucuri-block",
    "x-pi-hole",
    "x-blocked-by",
];

/// Beginnings of field names of filter products; some mark responses that were passed on too, so they count for refusals only.
const PRODUCT_FIELD_PREFIXES: [&str; 8] = [
    "x-bluecoat-",
    "x-zscaler-",
    "x-forcepoint-",
    "x-websense-",
    "x-netskope-",
    "x-iboss-",
    "x-fortinet-",
    "x-mcafee-",
];

/// The field by which a ProxySG marks everything it passes on, for loop detection.
const BLUECOAT_VIA: &str = "x-bluecoat-via";

/// Web filters and filtering proxies, as they name themselves in `Server` fields and on their pages, lower case.
const FILTER_PRODUCTS: [&str; 44] = [
    "webfilter",
    "web-filter",
    "web filter",
    "content filter",
    "contentfilter",
    "zscaler",
    "bluecoat",
    "blue coat",
    "proxysg",
    "fortigate",
    "fortiguard",
    "fortiproxy",
    "fortinet",
    "sophos",
    "barracuda",
    "websense",
    "forcepoint",
    "mcafee web gateway",
    "skyhigh",
    "palo alto networks",
    "check point",
    "opendns",
    "cisco umbrella",
    "ironport",
    "cisco-wsa",
    "netskope",
    "iboss",
    "lightspeed systems",
    "smoothwall",
    "untangle",
    "pfblocker",
    "adguard",
    "pi-hole",
    "sonicwall",
    // Not just "kerio": Kerio Connect is a mail server.
    "kerio control",
    "watchguard",
    "cyberoam",
    "netsweeper",
    "contentkeeper",
    "securly",
    "olfeo",
    "safesquid",
    "dansguardian",
    "e2guardian",
];

/// Plain proxies: they keep the origin's `Server` on what they pass on, so their own name on an error is theirs.
const PLAIN_PROXIES: [&str; 6] = [
    "squid",
    "mikrotik httpproxy",
    "tinyproxy",
    "privoxy",
    "wingate",
    "ccproxy",
];

/// Weight from which the phrases of an error page are a sign.
const ERROR_PAGE_WEIGHT: u32 = 3;

/// Weight from which the phrases of any other page are a sign: pages may *speak* of blocking.
const OTHER_PAGE_WEIGHT: u32 = 5;

/// Weight of a filter product's name on a page.
const PRODUCT_WEIGHT: u32 = 2;

/// Phrases of block pages, lower case (ASCII), with their weight. Origin servers' own error pages say `access denied`,
/// `the request is blocked` or `contact your administrator`, each of which alone must stay under [`ERROR_PAGE_WEIGHT`].
const BLOCK_PHRASES: [(&str, u32); 56] = [
    ("page blocked", 3),
    ("site blocked", 3),
    ("url blocked", 3),
    ("site is blocked", 3),
    ("page is blocked", 3),
    ("site has been blocked", 3),
    ("page has been blocked", 3),
    ("access has been blocked", 3),
    ("url filtering", 3),
    ("cache administrator", 3),
    ("has been blocked", 2),
    ("was blocked", 1),
    ("blocked by", 2),
    ("denied by", 1),
    ("access denied", 1),
    ("company policy", 2),
    ("corporate policy", 2),
    ("acceptable use", 2),
    ("internet usage", 1),
    ("access policies", 1),
    ("security policy", 1),
    ("your organization", 1),
    ("your organisation", 1),
    ("web category", 2),
    ("category", 1),
    ("your administrator", 1),
    ("network administrator", 1),
    ("captive portal", 2),
    ("to access the internet", 1),
    // German
    ("seite wurde blockiert", 3),
    ("seite gesperrt", 3),
    ("blockiert", 2),
    ("gesperrt", 1),
    ("zugriff verweigert", 1),
    ("richtlinie", 1),
    ("kategorie", 1),
    // French, Spanish, Portuguese: the stem of bloqué, bloqueado, bloqueada, whatever the page's encoding.
    ("bloqu", 2),
    ("site bloqu", 1),
    ("page bloqu", 1),
    ("sitio bloqu", 1),
    ("gina bloqu", 1),
    ("acesso bloqu", 1),
    ("acceso bloqu", 1),
    ("acceso denegado", 1),
    ("acesso negado", 1),
    // Italian, Dutch
    ("bloccat", 2),
    ("accesso negato", 1),
    ("geblokkeerd", 2),
    ("toegang geweigerd", 1),
    // Japanese, Chinese, Korean, Russian
    ("ブロックされ", 2),
    ("アクセスが拒否", 1),
    ("フィルタリング", 2),
    ("已被阻止", 2),
    ("封鎖", 2),
    ("차단", 2),
    ("заблокирован", 2),
];

/// The sign that a response's head gives.
pub(super) fn sign_of_head(head: &ResponseHead<'_>) -> Option<CompactString> {
    // RFC 6585 §6: 511 is only ever sent by an intermediary.
    if head.status == 511 {
        return Some("status 511".into());
    }
    let mut fields = head.fields;
    if let Some((name, _)) = fields.find(|(name, value)| is_telltale(head.status, name, value)) {
        return Some(printable(name, 64).to_ascii_lowercase());
    }
    let (_, server) = { head.fields }.find(|(name, _)| name.eq_ignore_ascii_case(b"server"))?;
    let shown = printable(server, 64);
    let server = shown.to_ascii_lowercase();
    let names_filter = FILTER_PRODUCTS
        .iter()
        .any(|product| server.contains(product));
    let names_proxy =
        head.status >= 400 && PLAIN_PROXIES.iter().any(|product| server.contains(product));
    (names_filter || names_proxy).then(|| format_compact!("server: {shown}"))
}

/// Whether a field of a response with this status gives away that an intermediary wrote it.
fn is_telltale(status: u16, name: &[u8], value: &[u8]) -> bool {
    let is = |expected: &str| name.eq_ignore_ascii_case(expected.as_bytes());
    let begins = |prefix: &&str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let refusal = matches!(status, 403 | 407 | 451 | 502..=504);
    TELLTALE_FIELDS.into_iter().any(is)
        || status == 407 && is("proxy-authenticate")
        // Squid made no lookup: the error is its own.
        || status >= 400 && is("x-cache-lookup") && value.starts_with(b"NONE")
        || refusal && !is(BLUECOAT_VIA) && PRODUCT_FIELD_PREFIXES.iter().any(begins)
}

/// The sign that the beginning of an HTML page gives.
pub(super) fn sign_of_page(status: u16, html: &[u8]) -> Option<CompactString> {
    let text = visible_text(html);
    let products = FILTER_PRODUCTS
        .iter()
        .map(|product| (*product, PRODUCT_WEIGHT));
    let mut weight = 0_u32;
    let mut matched: Vec<(&str, u32)> = Vec::new();
    for (phrase, phrase_weight) in BLOCK_PHRASES.into_iter().chain(products) {
        // A phrase within one that was matched already says nothing more.
        if text.contains(phrase) && !matched.iter().any(|(longer, _)| longer.contains(phrase)) {
            weight = weight.saturating_add(phrase_weight);
            matched.push((phrase, phrase_weight));
        }
    }
    let needed = if status >= 400 {
        ERROR_PAGE_WEIGHT
    } else {
        OTHER_PAGE_WEIGHT
    };
    if weight < needed {
        return None;
    }
    matched.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let phrases: Vec<_> = matched.iter().take(3).map(|(phrase, _)| *phrase).collect();
    Some(format_compact!("body: {}", phrases.join(", ")))
}

/// Octets of visible text that are looked at.
const MAX_TEXT_OCTETS: usize = 1024;

/// The text of an HTML page between its tags, in lower case (ASCII), white space folded, styles and scripts left out.
fn visible_text(html: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = html;
    while !rest.is_empty() && text.len() < MAX_TEXT_OCTETS {
        let end = rest
            .iter()
            .position(|byte| *byte == b'<')
            .unwrap_or(rest.len());
        let (words, markup) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        for word in String::from_utf8_lossy(words).split_whitespace() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word.to_ascii_lowercase());
        }
        rest = after_markup(markup);
    }
    text
}

/// What follows the markup at the front of `html`: a comment, a style or script with its content, or a tag.
fn after_markup(html: &[u8]) -> &[u8] {
    let starts_with = |tag: &[u8]| {
        html.get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    let end: &[u8] = if starts_with(b"<!--") {
        b"-->"
    } else if starts_with(b"<style") {
        b"</style>"
    } else if starts_with(b"<script") {
        b"</script>"
    } else {
        b">"
    };
    html.windows(end.len())
        .position(|window| window.eq_ignore_ascii_case(end))
        .and_then(|at| html.get(at.saturating_add(end.len())..))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_sign(head: &str) -> Option<CompactString> {
        sign_of_head(&ResponseHead::parse(head.as_bytes()).unwrap())
    }

    #[test]
    fn filter_names_itself_as_server() {
        let sign = head_sign("HTTP/1.1 302 Found\r\nServer: Contoso-WebFilter/7.2 \r\n\r\n");
        assert_eq!(sign.unwrap(), "server: Contoso-WebFilter/7.2");
    }

    #[test]
    fn squid_error_is_its_own() {
        let sign = head_sign("HTTP/1.1 503 X\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n");
        assert_eq!(sign.unwrap(), "x-squid-error");
        assert_eq!(
            head_sign("HTTP/1.1 403 X\r\nServer: squid/5.7\r\n\r\n").unwrap(),
            "server: squid/5.7"
        );
        assert!(head_sign("HTTP/1.1 404 X\r\nX-Cache-Lookup: NONE from p:3128\r\n\r\n").is_some());
    }

    #[test]
    fn passed_on_response_is_not_the_proxys() {
        for head in [
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Cache: MISS from proxy.example\r\nX-Cache-Lookup: MISS from proxy.example:3128\r\nVia: 1.1 proxy (squid/5.7)\r\nAge: 3\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\nServer: AkamaiGHost\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\nCF-RAY: 1\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nServer: ECAcc (ama/8B1F)\r\nX-Cache: 404-HIT\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\nServer: Microsoft-IIS/10.0\r\nX-Bluecoat-Via: 0123\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: squid/5.7\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: LiteSpeed\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: Kerio Connect 9.2\r\n\r\n",
        ] {
            assert_eq!(head_sign(head), None, "{head}");
        }
    }

    #[test]
    fn proxy_login_and_network_login() {
        let sign = head_sign("HTTP/1.1 407 X\r\nProxy-Authenticate: Negotiate\r\n\r\n");
        assert_eq!(sign.unwrap(), "proxy-authenticate");
        assert_eq!(
            head_sign("HTTP/1.1 511 Network Authentication Required\r\n\r\n").unwrap(),
            "status 511"
        );
    }

    #[test]
    fn block_pages_are_recognised() {
        for (status, page) in [
            (
                403,
                "<html><title>Web page blocked</title><p>Access denied by company policy</p>",
            ),
            (
                403,
                "<h1>Access denied</h1><p>Blocked by your administrator",
            ),
            (
                200,
                "<title>Web Page Blocked</title>FortiGuard Intrusion Prevention. Category: Games",
            ),
            (403, "<title>Notification: Policy: URL Filtering</title>"),
            (
                403,
                "<h1>Zugriff verweigert</h1>Diese Seite wurde aufgrund der Richtlinie blockiert",
            ),
            (
                403,
                "<title>Acc\u{e8}s bloqu\u{e9}</title>Site bloqu\u{e9} : cat\u{e9}gorie",
            ),
            (403, "<title>P\u{e1}gina bloqueada</title>"),
        ] {
            assert!(sign_of_page(status, page.as_bytes()).is_some(), "{page}");
        }
    }

    #[test]
    fn sign_names_the_weightiest_phrases_first() {
        let page = b"<title>Web page blocked</title>Access denied by company policy";
        assert_eq!(
            sign_of_page(403, page).unwrap(),
            "body: page blocked, company policy, denied by"
        );
    }

    #[test]
    fn error_pages_of_origin_servers_are_not() {
        for page in [
            "<TITLE>Access Denied</TITLE><H1>Access Denied</H1>You don't have permission to access \"x\" on this server. Reference #18.1",
            "<h2>The request is blocked.</h2>",
            "<title>404 - File or directory not found.</title>The resource might have been removed, had its name changed",
            "<html>The requested URL was rejected. Please consult with your administrator. Your support ID is: 1",
            "<h1>404</h1>Choose a category",
            "Sorry, you have been blocked. This website is using a security service to protect itself",
            "<h2>403 Forbidden: Access is denied.</h2>",
        ] {
            assert_eq!(sign_of_page(403, page.as_bytes()), None, "{page}");
        }
    }

    #[test]
    fn page_that_speaks_of_blocking_is_not_a_block_page() {
        let page = b"<title>How to find out why a site is blocked</title>";
        assert_eq!(sign_of_page(200, page), None);
    }

    #[test]
    fn only_visible_text_counts() {
        let page = b"<!-- site blocked --><style>.page-blocked{}\n/* page blocked */</style><p title='page blocked'>a\n\tB</p><script>'<b>page blocked'";
        assert_eq!(visible_text(page), "a b");
    }
}
