//! HTTP/1 requests with their responses, and tunnels through proxies. Never bodies, cookies or credentials.

use super::{HostName, Seen};
use compact_str::CompactString;
use smallvec::SmallVec;

/// One request and its response.
#[derive(Debug, Clone, Default)]
pub struct HttpExchange {
    /// The packet with the end of the request's head.
    pub request: Option<Seen>,
    /// Method, printable, at most 16 characters.
    pub method: CompactString,
    /// Host asked for: the `Host` field, or the authority of an absolute-form target.
    pub host: Option<HostName>,
    /// Port given with the host.
    pub port: Option<u16>,
    /// The target was in absolute form (RFC 9112 §3.2.2), which is how a client talks to a proxy.
    pub absolute_form: bool,
    /// Path without query string, printable, at most 128 characters.
    pub path: CompactString,
    /// The request asks for a part with `Range`, whatever the server's copy: it is a GET without `If-Range`, and not for all of
    /// it (RFC 9110 §14.2, §13.1.5).
    pub range: bool,
    /// The request carried `Proxy-Authorization`.
    pub proxy_authorization: bool,
    /// The packet with the end of the final (non-1xx) response's head.
    pub response: Option<Seen>,
    /// Status code, 100 to 999.
    pub status: Option<u16>,
    /// Host of `Location`, when it is absolute.
    pub location_host: Option<HostName>,
    /// `Location` contains the host that was asked for somewhere in its path or query, as block pages do.
    pub location_quotes_host: bool,
    /// `Location` contains host and path together, as pages do that tell a user what was asked for; never for the path `/`.
    pub location_quotes_url: bool,
    /// `Content-Range` present.
    pub content_range: bool,
    /// `Accept-Ranges`, printable.
    pub accept_ranges: Option<CompactString>,
    /// `Content-Length` of the response.
    pub content_length: Option<u64>,
    /// Octets of the body that `Content-Length` announced and that had not come when the connection ended; `None` when all came,
    /// when no length was announced, or when the way was lost.
    pub missing_octets: Option<u64>,
    /// `Content-Type` of the response without parameters, lower case, printable.
    pub content_type: Option<CompactString>,
    /// `Server` field, printable, at most 64 characters.
    pub server: Option<CompactString>,
    /// `Via` field, printable, at most 64 characters.
    pub via: Option<CompactString>,
    /// Schemes of `Proxy-Authenticate`, for example `Negotiate, Basic`.
    pub proxy_authenticate: Option<CompactString>,
    /// A sign that an intermediary, not the origin server, wrote the response: the field or word that gives it away, for
    /// example `x-squid-error` or `body: access denied`.
    pub intermediary_sign: Option<CompactString>,
    /// The visible start of the body of an NCSI or captive-portal probe equals what the genuine server sends.
    /// `None` when the target is no such probe or its body was not seen.
    pub probe_body_genuine: Option<bool>,
}

/// How a tunnel was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    /// HTTP `CONNECT` (RFC 9110 §9.3.6).
    HttpConnect,
    /// SOCKS version 4 or 4a.
    Socks4,
    /// SOCKS version 5 (RFC 1928).
    Socks5,
}

/// A tunnel asked of a proxy inside a flow.
#[derive(Debug, Clone)]
pub struct TunnelRequest {
    /// HTTP CONNECT or SOCKS.
    pub kind: TunnelKind,
    /// Host asked for: a name, or an address in text form.
    pub host: Option<HostName>,
    /// Port asked for.
    pub port: u16,
    /// First packet that asked.
    pub request: Seen,
    /// Each refusal before the tunnel opened: HTTP status, or SOCKS reply code; at most 4.
    pub refusals: SmallVec<[(u16, Seen); 2]>,
    /// The packet that opened the tunnel; `None` when it never opened.
    pub opened: Option<Seen>,
    /// The client sent credentials (`Proxy-Authorization`, or a SOCKS5 login).
    pub authenticated: bool,
}

/// All HTTP/1 exchanges of one flow.
#[derive(Debug, Clone, Default)]
pub struct HttpFacts {
    /// Exchanges in order, at most 32; later ones are counted in `more`.
    pub exchanges: Vec<HttpExchange>,
    /// Exchanges beyond those kept.
    pub more: u64,
    /// All different hosts asked for, in order, at most 16.
    pub hosts: SmallVec<[HostName; 1]>,
    /// The connection spoke HTTP/2 with prior knowledge (RFC 9113 §3.3).
    pub http2: bool,
}
