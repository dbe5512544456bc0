//! What rows can be told apart by.

use std::fmt;
use std::str::FromStr;

/// A column of the events that a question may group by or name in a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Feature area.
    Area,
    /// Endpoint set.
    Set,
    /// Name of the host or, failing that, its address.
    Host,
    /// Device.
    Client,
    /// Address of the other side.
    Server,
    /// Place of capture.
    Site,
    /// How it ended.
    Outcome,
    /// `flow` or `lookup`.
    Kind,
    /// `tcp`, `udp`, `mdns` or `llmnr`.
    Protocol,
    /// What the payload is.
    Application,
    /// Port of the other side.
    Port,
    /// Full hour, UTC.
    Hour,
    /// Date, UTC.
    Date,
    /// Run of intap.
    Run,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Area,
        Self::Set,
        Self::Host,
        Self::Client,
        Self::Server,
        Self::Site,
        Self::Outcome,
        Self::Kind,
        Self::Protocol,
        Self::Application,
        Self::Port,
        Self::Hour,
        Self::Date,
        Self::Run,
    ];

    /// Its name on the command line and in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Area => "area",
            Self::Set => "set",
            Self::Host => "host",
            Self::Client => "client",
            Self::Server => "server",
            Self::Site => "site",
            Self::Outcome => "outcome",
            Self::Kind => "kind",
            Self::Protocol => "protocol",
            Self::Application => "application",
            Self::Port => "port",
            Self::Hour => "hour",
            Self::Date => "date",
            Self::Run => "run",
        }
    }

    /// Results are in its order rather than by size.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Hour | Self::Date)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dimension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| format!("one of {}", names(&Self::ALL.map(Self::name))))
    }
}

/// Words joined for a sentence.
pub(super) fn names(words: &[&str]) -> String {
    match words {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        words => words.join(""),
    }
}
