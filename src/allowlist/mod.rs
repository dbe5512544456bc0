//! The firewall request: which names, ports and address ranges a device needs, and which of them fail now.
//!
//! In come a [`Usage`] of what devices did (or nothing, for what is published) and a [`Catalog`](crate::catalog::Catalog); out comes an
//! [`Allowlist`] of [`Rule`]s. Whether the usage comes of captures, reports or tables, and how the list is written, is others' business.

mod build;
mod usage;

pub use build::{Request, build};
pub use usage::{DeviceId, Usage};

use crate::audit::{Cause, Verdict};
use crate::catalog::{Requirement, SetKey};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The names that were really asked for: least privilege, good for what the device did then.
    Seen,
    /// What is published for what the device did, wildcards and address ranges included.
    Complete,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// One host name.
    Host(String),
    /// A published wildcard.
    Wildcard(String),
    /// An address that was contacted, and whose name is not in the capture.
    Address(IpAddr),
    /// A published address range.
    Range(String),
}

/// What the network does with a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Fails for some device.
    Blocked,
    /// Works for some hosts or at times.
    Partly,
    /// Works.
    Works,
    /// Was tried, and the capture cannot tell.
    Unclear,
    /// Was not tried.
    Untried,
}

/// What a list demands of the way besides being open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Demand {
    /// TLS must not be inspected.
    NoTlsInspection,
    /// A proxy must let it through without a login.
    UnauthenticatedProxy,
    /// HTTP partial responses (byte ranges) must work.
    PartialResponses,
}

/// One line of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What to allow.
    pub target: Target,
    /// The published pattern or range it falls under, where it is another one.
    pub pattern: Option<String>,
    /// TCP ports, ascending; empty together with `udp_ports` where none is published.
    pub tcp_ports: BTreeSet<u16>,
    /// UDP ports, ascending.
    pub udp_ports: BTreeSet<u16>,
    /// The endpoint sets that need it.
    pub sets: BTreeSet<SetKey>,
    /// How much depends on it, at most.
    pub requirement: Requirement,
    /// What the network does with it now.
    pub state: State,
    /// What stops it, where something does.
    pub cause: Option<Cause>,
    /// The first frame that shows it, with its time; of a failing attempt where there is one.
    pub proof: Option<(u64, String)>,
    /// How many devices tried it.
    pub devices: usize,
    /// What is demanded besides.
    pub demands: BTreeSet<Demand>,
}

/// The whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowlist {
    /// How much is asked for.
    pub mode: Mode,
    /// The edition it is taken from.
    pub edition: String,
    /// What it is for, such as the titles of scenarios.
    pub purpose: Vec<String>,
    /// Required sets of which nothing was tried, where only what was seen is asked for: the rules leave them out.
    pub untried: BTreeSet<SetKey>,
    /// The rules: what fails now and is needed most first, then by name.
    pub rules: Vec<Rule>,
    /// There was more than 50,000 rules can say, and some hosts are left out.
    pub is_full: bool,
}

impl Mode {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Complete => "complete",
        }
    }
}

impl Target {
    /// The code of its kind in reports.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Wildcard(_) => "wildcard",
            Self::Address(_) => "address",
            Self::Range(_) => "range",
        }
    }

    /// The name, pattern, address or range.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Host(text) | Self::Wildcard(text) | Self::Range(text) => text.clone(),
            Self::Address(address) => address.to_string(),
        }
    }
}

impl State {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Partly => "partly",
            Self::Works => "works",
            Self::Unclear => "unclear",
            Self::Untried => "untried",
        }
    }

    /// What a verdict says of the network; `None` for what was not tried.
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Blocked | Verdict::Intercepted => Self::Blocked,
            Verdict::Degraded => Self::Partly,
            Verdict::Reached => Self::Works,
            Verdict::Inconclusive => Self::Unclear,
            Verdict::NeverReached | Verdict::NotExercised => Self::Untried,
        }
    }
}

impl Demand {
    /// All demands.
    pub const ALL: [Self; 3] = [
        Self::NoTlsInspection,
        Self::UnauthenticatedProxy,
        Self::PartialResponses,
    ];

    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoTlsInspection => "no_tls_inspection",
            Self::UnauthenticatedProxy => "unauthenticated_proxy",
            Self::PartialResponses => "partial_responses",
        }
    }

    /// In words.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NoTlsInspection => "no TLS inspection",
            Self::UnauthenticatedProxy => "proxy without authentication",
            Self::PartialResponses => "HTTP partial responses",
        }
    }
}
