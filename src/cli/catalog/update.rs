//! `intap catalog update`: fetches the newest list from the Office 365 endpoint web service.
//!
//! The only code of the program that opens a connection, and it does so only when this command is typed. It asks for the
//! version first, as the service's description wants it, and for the list only when that version is new; when the service
//! asks to wait it says until when, and never tries again by itself.

use super::file::LONGEST_TEXT;
use super::import::{keep, now, version_of};
use super::store::Store;
use crate::catalog::{Document, Import, Instance, ListVersion, parse_document};
use crate::facts::printable;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Uri};

/// Where the service is ("Office 365 IP Address and URL web service").
const SERVICE: &str = "https://endpoints.office.com";

/// What the service's description asks clients to wait when it does not say itself.
const DEFAULT_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What was typed.
#[derive(Debug, Args)]
#[command(after_help = "Proxies are taken from ALL_PROXY, HTTPS_PROXY, HTTP_PROXY and NO_PROXY.")]
pub struct Arguments {
    /// Cloud to fetch: Worldwide, China, USGovDoD or USGovGCCHigh
    #[arg(long, value_name = "NAME", default_value = "Worldwide")]
    instance: String,

    /// Another server that speaks like the service; https, or http on this machine
    #[arg(long, value_name = "URL", default_value = SERVICE)]
    url: String,
}

/// Fetches the list when there is a newer one, and stores it as an imported edition.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let instance: Instance = arguments.instance.parse().context("--instance")?;
    let service = Service::new(&arguments.url).context("--url")?;
    fetch(&service, instance).context(
        "no list fetched; it can also be saved with a browser and read with `intap catalog import --from-file`",
    )
}

fn fetch(service: &Service, instance: Instance) -> anyhow::Result<()> {
    let path = format!("/version/{instance}");
    let answer = service.get(&path, "")?;
    let Document::Versions(records) = parse_document(&answer).context(path.clone())? else {
        bail!("{path}: not an answer of /version");
    };
    let newest = version_of(instance, records)?;
    if let Some(known) = newest_import(instance)?
        && known >= newest
    {
        let text = format!(
            "Nothing to fetch: the newest version is {newest}, and imported-{}-{known} is there.\n",
            instance.name().to_ascii_lowercase()
        );
        return crate::cli::print(text.as_bytes());
    }
    let path = format!("/endpoints/{instance}");
    let import = Import {
        instance,
        version: Some(newest),
        source: format!("{}{path}?ServiceAreas=MEM", service.base),
        imported: now(),
        document: service.get(&path, "ServiceAreas=MEM&")?,
    };
    let read = import.read().context(path)?;
    keep(&import, &read)
}

/// The newest version of this instance's list that was imported.
fn newest_import(instance: Instance) -> anyhow::Result<Option<ListVersion>> {
    let imports = Store::open()?.imports();
    Ok(imports
        .into_iter()
        .filter_map(|(_, import)| import.ok())
        .filter(|import| import.instance == instance)
        .filter_map(|import| import.version)
        .max())
}

/// A server that speaks like the service.
struct Service {
    base: String,
    agent: Agent,
    client_request_id: String,
}

impl Service {
    fn new(url: &str) -> anyhow::Result<Self> {
        let base = url.trim_end_matches('/');
        let shown = printable(base.as_bytes(), 200);
        let uri: Uri = base
            .parse()
            .map_err(|_| anyhow!("`{shown}`: expected a URL such as {SERVICE}"))?;
        let host = uri.host().unwrap_or_default();
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_this_machine(host) => false,
            Some("http") => bail!(
                "`{shown}`: expected https; over plain http anybody on the way could change the list"
            ),
            _ => bail!("`{shown}`: expected a URL such as {SERVICE}"),
        };
        if host.is_empty() || base.contains(['@', '?', '#']) {
            bail!("`{shown}`: expected a URL without user name, query and fragment");
        }
        let agent = Agent::config_builder()
            .https_only(https)
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("intap/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            base: base.to_owned(),
            agent,
            client_request_id: random_guid(),
        })
    }

    /// The body of a successful answer; `query` ends with `&` where it is not empty.
    fn get(&self, path: &str, query: &str) -> anyhow::Result<String> {
        let place = format!("{}{path}", self.base);
        let url = format!("{place}?{query}clientrequestid={}", self.client_request_id);
        let mut answer = self.agent.get(&url).call().context(place.clone())?;
        match answer.status().as_u16() {
            200 => {}
            429 => bail!(
                "{place}: the service asks to wait; {}",
                when_again(answer.headers())
            ),
            status @ 300..=399 => bail!(
                "{place}: answered {status}, a redirection, which the service does not use; perhaps a proxy or a sign-in page answered"
            ),
            status => bail!("{place}: answered {status}"),
        }
        answer
            .body_mut()
            .with_config()
            .limit(LONGEST_TEXT)
            .read_to_string()
            .context(place)
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Says when the service may be asked again (RFC 9110 §10.2.3: seconds, or a date).
fn when_again(headers: &HeaderMap) -> String {
    let stated = headers
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .map(str::trim);
    let wait = match stated.map(str::parse::<u32>) {
        Some(Ok(seconds)) => SignedDuration::from_secs(seconds.into()),
        Some(Err(_)) => {
            let date = printable(stated.unwrap_or_default().as_bytes(), 60);
            return format!("come back after {date}");
        }
        None => DEFAULT_WAIT,
    };
    match Timestamp::now().checked_add(wait) {
        Ok(then) => {
            let then = Timestamp::from_second(then.as_second()).unwrap_or(then);
            format!("come back in {} seconds, after {then}", wait.as_secs())
        }
        Err(_) => format!("come back in {} seconds", wait.as_secs()),
    }
}

/// A GUID for this run (RFC 9562 §5.4, version 4). The service wants one to tell clients apart; it is no secret, so the
/// randomness of the standard library's hash tables will do.
fn random_guid() -> String {
    let half = || RandomState::new().hash_one(0_u8);
    let bits = (u128::from(half()) << 64) | u128::from(half());
    let bits = (bits & !(0xf000 << 64) & !(0b11 << 62)) | (0x4000 << 64) | (0b10 << 62);
    let digits = format!("{bits:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .map(|(from, to)| part(from, to))
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_have_their_version_and_differ() {
        let guid = random_guid();
        let bytes = guid.as_bytes();
        assert_eq!(guid.len(), 36);
        assert!(
            [8, 13, 18, 23].iter().all(|dash| bytes[*dash] == b'-'),
            "{guid}"
        );
        assert_eq!(bytes[14], b'4');
        assert!(matches!(bytes[19], b'8' | b'9' | b'a' | b'b'), "{guid}");
        assert_ne!(guid, random_guid());
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for url in [
            "https://endpoints.office.com",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/base/",
            "http://localhost:1",
        ] {
            assert!(Service::new(url).is_ok(), "{url}");
        }
        for url in [
            "http://endpoints.office.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "endpoints.office.com",
            "https://user:secret@endpoints.office.com",
            "https://endpoints.office.com/?a=b",
            "",
        ] {
            assert!(Service::new(url).is_err(), "{url}");
        }
    }
}
