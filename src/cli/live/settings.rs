//! What `intap live` was asked to do: the command line over the configuration file over the defaults.

use super::size::Size;
use crate::cli::audit::{FailOn, Format};
#[cfg(feature = "tables")]
use crate::cli::tables::Format as TablesFormat;
#[cfg(feature = "tables")]
use crate::tables::Site;
use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
#[cfg(feature = "tables")]
use serde::Deserializer;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest configuration file read, in octets.
const LARGEST_FILE: u64 = 1 << 20;

/// Options that the command line and the configuration file share. In the file they have the same names, as in
/// `buffer-size = 128`; those that may be given several times are lists.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Interface to watch, or any for all of them (Linux); may be given several times, and `intap interfaces` lists them
    #[arg(short, long = "interface", value_name = "NAME")]
    #[serde(default)]
    pub interface: Vec<String>,

    /// Capture only what this filter of libpcap lets through, such as 'tcp port 443 or port 53'
    #[arg(long, value_name = "BPF")]
    pub filter: Option<String>,

    /// The kernel's buffer for each interface, in MiB [default: 64]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=2047))]
    pub buffer_size: Option<u32>,

    /// Octets kept of each packet [default: 262144]
    #[arg(long, value_name = "OCTETS", value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snaplen: Option<u32>,

    /// Take packets that are not for this machine, as a mirror port has them [default]
    #[arg(long, overrides_with = "no_promiscuous")]
    #[serde(default)]
    pub promiscuous: bool,

    /// Take only packets from and for this machine
    #[arg(long)]
    #[serde(default)]
    pub no_promiscuous: bool,

    /// Show every packet at once instead of in blocks, at most 0.1 s later; drops packets much earlier
    #[arg(long)]
    #[serde(default)]
    pub immediate: bool,

    /// End after this time, such as 90s, 5m, 8h or 2d
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Span>,

    /// Rolling window of verdicts [default: 15m]
    #[arg(long, value_name = "TIME")]
    pub window: Option<Span>,

    /// Edition of the endpoint list; see `intap catalog editions`
    #[arg(long, value_name = "NAME")]
    pub edition: Option<String>,

    /// Your own catalogue file, laid over the edition
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,

    /// As for `intap audit`: auto, all, or a name of `intap scenarios`; ADDRESS=NAME for one device
    #[arg(long, value_name = "[ADDRESS=]NAME")]
    #[serde(default)]
    pub scenario: Vec<String>,

    /// Tenant location, such as AMSUB0202: hosts of other regions are then not needed
    #[arg(long, value_name = "LOCATION")]
    pub tenant: Option<String>,

    /// Region of the tenant: north-america, europe or asia-pacific
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Watch and report only this device; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    #[serde(default)]
    pub client: Vec<IpAddr>,

    /// Client addresses remembered at most [default: 20000]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(100..=500_000))]
    pub max_clients: Option<u32>,

    /// Write events as JSON Lines to the end of this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// Write events to standard output even on a terminal, where otherwise a screen is shown
    #[arg(long)]
    #[serde(default)]
    pub headless: bool,

    /// Show metrics for Prometheus at this address, such as 127.0.0.1:9464: /metrics, and /healthz
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listening_address)]
    pub metrics: Option<SocketAddr>,

    /// Form of the report that is written at the end and on SIGUSR1 [default: text]
    #[arg(long, value_enum)]
    pub format: Option<Format>,

    /// Write reports to this file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Keep the packets behind each blocked event as a pcapng file in this folder: those of the device and host concerned
    #[arg(long, value_name = "FOLDER")]
    pub record: Option<PathBuf>,

    /// How long before the first failed attempt recorded packets begin [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub record_before: Option<Span>,

    /// How long after the event they end [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub record_after: Option<Span>,

    /// Memory for the packets seen last, out of which recordings are made [default: 64MB]
    #[arg(long, value_name = "SIZE")]
    pub record_memory: Option<Size>,

    /// Size of all recordings in the folder together; the oldest are deleted [default: 1GB]
    #[arg(long, value_name = "SIZE")]
    pub record_max_bytes: Option<Size>,

    /// Which findings of the last report make the exit status 1 [default: hard]
    #[arg(long, value_enum)]
    pub fail_on: Option<FailOn>,

    /// Also write tables of flows, lookups, verdicts, hosts and findings below this folder, part after part
    #[cfg(feature = "tables")]
    #[arg(long, value_name = "FOLDER")]
    pub tables: Option<PathBuf>,

    /// Format of the tables [default: parquet]
    #[cfg(feature = "tables")]
    #[arg(long, value_enum)]
    pub tables_format: Option<TablesFormat>,

    /// Name of the place of capture: the tables go to site=NAME/date=YYYY-MM-DD
    #[cfg(feature = "tables")]
    #[arg(long, value_name = "NAME")]
    #[serde(default, deserialize_with = "site")]
    pub site: Option<Site>,

    /// A new part of the tables begins this often, at full hours for 1h [default: 1h]
    #[cfg(feature = "tables")]
    #[arg(long, value_name = "TIME")]
    pub tables_every: Option<Span>,

    /// And when a part has this many rows [default: 2000000]
    #[cfg(feature = "tables")]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    pub tables_rows: Option<u32>,

    /// Delete parts of tables that are older, such as 30d
    #[cfg(feature = "tables")]
    #[arg(long, value_name = "TIME")]
    pub keep: Option<Age>,

    /// Delete the oldest parts of tables when all of them have more octets, such as 10GB
    #[cfg(feature = "tables")]
    #[arg(long, value_name = "SIZE")]
    pub max_bytes: Option<Size>,

    /// Become this user once the interfaces are open
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,

    /// Give up the right to open interfaces too; one that is lost then stays lost
    #[arg(long)]
    #[serde(default)]
    pub no_reopen: bool,

    /// Keep all rights and see all files; for debugging
    #[arg(long)]
    #[serde(default)]
    pub no_sandbox: bool,
}

/// An address to listen at. Nothing is guessed: who is allowed to connect depends on it.
fn listening_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "not an address with a port; write 127.0.0.1:9464 for this machine alone, or [::]:9464 for every network".to_owned()
    })
}

/// A time span as it is typed: a whole number with s, m, h or d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match seconds(text)? {
            seconds if seconds <= 366 * 86_400 => Ok(Self(Duration::from_secs(seconds))),
            _ => Err("longer than a year; leave it out to go on until told to stop".to_owned()),
        }
    }
}

/// How long something is kept: typed like a [`Span`], up to a hundred years.
#[cfg(feature = "tables")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Age(pub Duration);

#[cfg(feature = "tables")]
impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(feature = "tables")]
impl std::str::FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "not a time; write a whole number with its unit, such as 12h or 30d".to_owned();
        match seconds(text).map_err(|_| wrong())? {
            seconds if seconds <= 36_525 * 86_400 => Ok(Self(Duration::from_secs(seconds))),
            _ => Err("longer than a hundred years; leave it out to keep everything".to_owned()),
        }
    }
}

/// A site's name out of a file.
#[cfg(feature = "tables")]
fn site<'d, D: Deserializer<'d>>(file: D) -> Result<Option<Site>, D::Error> {
    let name = String::deserialize(file)?;
    name.parse().map(Some).map_err(serde::de::Error::custom)
}

/// The seconds of a time as it is typed, at least one.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong =
        || "not a time; write a whole number with its unit, such as 90s, 5m, 8h or 2d".to_owned();
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    match number.checked_mul(seconds) {
        Some(0) => Err("a time of nothing; write at least 1s".to_owned()),
        Some(seconds) => Ok(seconds),
        None => Err(wrong()),
    }
}

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no TOML, or has a key or value that no option has.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("--config {}", path.display());
        let size = std::fs::metadata(path).with_context(place)?.len();
        if size > LARGEST_FILE {
            bail!(
                "{}: larger than {LARGEST_FILE} octets; that is no configuration of intap",
                place()
            );
        }
        let text = std::fs::read_to_string(path).with_context(place)?;
        let settings: Self = toml::from_str(&text).with_context(place)?;
        settings.check().with_context(place)?;
        Ok(settings)
    }

    /// These settings, and those of `file` where nothing was typed.
    #[must_use]
    pub fn over(self, file: Self) -> Self {
        let list =
            |typed: Vec<String>, file: Vec<String>| if typed.is_empty() { file } else { typed };
        Self {
            interface: list(self.interface, file.interface),
            filter: self.filter.or(file.filter),
            buffer_size: self.buffer_size.or(file.buffer_size),
            snaplen: self.snaplen.or(file.snaplen),
            promiscuous: self.promiscuous || file.promiscuous,
            no_promiscuous: self.no_promiscuous || (file.no_promiscuous && !self.promiscuous),
            immediate: self.immediate || file.immediate,
            duration: self.duration.or(file.duration),
            window: self.window.or(file.window),
            edition: self.edition.or(file.edition),
            catalog: self.catalog.or(file.catalog),
            scenario: list(self.scenario, file.scenario),
            tenant: self.tenant.or(file.tenant),
            region: self.region.or(file.region),
            client: if self.client.is_empty() {
                file.client
            } else {
                self.client
            },
            max_clients: self.max_clients.or(file.max_clients),
            events: self.events.or(file.events),
            headless: self.headless || file.headless,
            metrics: self.metrics.or(file.metrics),
            format: self.format.or(file.format),
            output: self.output.or(file.output),
            record: self.record.or(file.record),
            record_before: self.record_before.or(file.record_before),
            record_after: self.record_after.or(file.record_after),
            record_memory: self.record_memory.or(file.record_memory),
            record_max_bytes: self.record_max_bytes.or(file.record_max_bytes),
            fail_on: self.fail_on.or(file.fail_on),
            #[cfg(feature = "tables")]
            tables: self.tables.or(file.tables),
            #[cfg(feature = "tables")]
            tables_format: self.tables_format.or(file.tables_format),
            #[cfg(feature = "tables")]
            site: self.site.or(file.site),
            #[cfg(feature = "tables")]
            tables_every: self.tables_every.or(file.tables_every),
            #[cfg(feature = "tables")]
            tables_rows: self.tables_rows.or(file.tables_rows),
            #[cfg(feature = "tables")]
            keep: self.keep.or(file.keep),
            #[cfg(feature = "tables")]
            max_bytes: self.max_bytes.or(file.max_bytes),
            user: self.user.or(file.user),
            no_reopen: self.no_reopen || file.no_reopen,
            no_sandbox: self.no_sandbox || file.no_sandbox,
        }
    }

    /// What the command line checks by itself, for values out of a file.
    ///
    /// # Errors
    ///
    /// The first value out of its range.
    fn check(&self) -> anyhow::Result<()> {
        let within = |name: &str, value: Option<u32>, least: u32, most: u32| match value {
            Some(value) if value < least || value > most => {
                bail!("{name} = {value}: not between {least} and {most}")
            }
            _ => Ok(()),
        };
        within("buffer-size", self.buffer_size, 1, 2_047)?;
        within("snaplen", self.snaplen, 64, 262_144)?;
        within("max-clients", self.max_clients, 100, 500_000)?;
        #[cfg(feature = "tables")]
        within("tables-rows", self.tables_rows, 1_000, 100_000_000)?;
        if self.promiscuous && self.no_promiscuous {
            bail!("promiscuous and no-promiscuous contradict each other; keep one of them");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        assert_eq!("90s".parse(), Ok(Span(Duration::from_secs(90))));
        assert_eq!("8h".parse(), Ok(Span(Duration::from_secs(28_800))));
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "0s",
            "1y",
            "99999999999999999999s",
            "500d",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[cfg(feature = "tables")]
    #[test]
    fn ages_may_be_long() {
        assert_eq!("400d".parse(), Ok(Age(Duration::from_secs(34_560_000))));
        for text in ["", "10", "1y", "0s", "40000d"] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_typed_goes_over_what_the_file_says() {
        let file: Settings = toml::from_str(
            "interface = [\"eth1\", \"eth2\"]\nno-promiscuous = true\nwindow = \"1h\"\nformat = \"json\"",
        )
        .unwrap();
        let typed = Settings {
            window: Some(Span(Duration::from_secs(60))),
            promiscuous: true,
            ..Settings::default()
        };
        let settings = typed.over(file);
        assert_eq!(settings.interface, ["eth1", "eth2"]);
        assert_eq!(settings.window, Some(Span(Duration::from_secs(60))));
        assert!(!settings.no_promiscuous);
        assert!(matches!(settings.format, Some(Format::Json)));
    }
}
