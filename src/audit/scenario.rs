//! What a device was doing, and what that requires.

use super::clients::ClientState;
use crate::catalog::{EndpointSet, SetKey};
use std::str::FromStr;

/// What devices are judged by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ScenarioChoice {
    /// Inferred per client from its traffic.
    #[default]
    Auto,
    /// The article's own Required column, whatever the platform.
    All,
    /// A platform chosen by the user.
    Named(Platform),
}

/// A scenario name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scenario `{0}`; known ones are auto, all, {known}", known = Platform::NAMES.join(", "))]
pub struct ScenarioError(String);

impl FromStr for ScenarioChoice {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "all" => Ok(Self::All),
            _ => Platform::ALL
                .into_iter()
                .find(|platform| platform.name() == text)
                .map(Self::Named)
                .ok_or_else(|| ScenarioError(text.to_owned())),
        }
    }
}

/// How much a scenario needs a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Requirement {
    /// It fails without.
    Hard,
    /// It goes on, with less.
    Soft,
    /// Needed under a condition the capture does not show (region, hardware, feature in use).
    Conditional,
    /// Not needed.
    None,
}

impl Requirement {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Conditional => "conditional",
            Self::None => "none",
        }
    }
}

/// The kinds of device that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Windows, enrolling with Autopilot or by hand.
    WindowsAutopilot,
    /// macOS, iOS and iPadOS.
    Apple,
    /// Android with Google services.
    AndroidEnterprise,
    /// Android without Google services.
    AndroidAosp,
}

impl Platform {
    const ALL: [Self; 4] = [
        Self::WindowsAutopilot,
        Self::Apple,
        Self::AndroidEnterprise,
        Self::AndroidAosp,
    ];
    const NAMES: [&'static str; 4] = [
        "windows-autopilot",
        "apple",
        "android-enterprise",
        "android-aosp",
    ];

    /// The name to choose it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WindowsAutopilot => "windows-autopilot",
            Self::Apple => "apple",
            Self::AndroidEnterprise => "android-enterprise",
            Self::AndroidAosp => "android-aosp",
        }
    }

    /// Endings of host names that only this platform's own services use.
    fn telling_endings(self) -> &'static [&'static str] {
        match self {
            Self::WindowsAutopilot => &[
                "msftconnecttest.com",
                "msftncsi.com",
                "dds.microsoft.com",
                "windowsupdate.com",
                "update.microsoft.com",
                "wns.windows.com",
                "time.windows.com",
                "delivery.mp.microsoft.com",
                "do.dsp.mp.microsoft.com",
                "settings-win.data.microsoft.com",
                "microsoftaik.azure.net",
            ],
            Self::Apple => &[
                "push.apple.com",
                "captive.apple.com",
                "albert.apple.com",
                "apple.com",
                "mzstatic.com",
                "icloud.com",
            ],
            Self::AndroidEnterprise => &[
                "connectivitycheck.gstatic.com",
                "android.clients.google.com",
                "play.googleapis.com",
                "fcm.googleapis.com",
                "mtalk.google.com",
                "clients3.google.com",
            ],
            Self::AndroidAosp => &[
                "intunecdnpeasd.azureedge.net",
                "intunecdnpeasd.manage.microsoft.com",
            ],
        }
    }

    /// What the platform's enrolment needs of a numbered set. Autopilot itself goes on without updates, time, push and
    /// delivery optimisation ("Windows Autopilot requirements", networking).
    fn requirement(self, id: u16) -> Requirement {
        match (self, id) {
            (_, 163 | 56) | (Self::WindowsAutopilot, 59 | 97) | (Self::AndroidAosp, 179) => {
                Requirement::Hard
            }
            (Self::WindowsAutopilot, 164 | 165 | 169 | 171 | 172 | 189 | 190 | 89)
            | (Self::Apple, 178) => Requirement::Soft,
            (Self::WindowsAutopilot, 170 | 173 | 182 | 192 | 150 | 181 | 187 | 188)
            | (Self::Apple | Self::AndroidEnterprise, 59) => Requirement::Conditional,
            _ => Requirement::None,
        }
    }
}

/// The scenario a client is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// `all`, or the platform's name, or `unknown`.
    pub name: &'static str,
    /// Inferred from the traffic, not chosen.
    pub inferred: bool,
    /// From what it was inferred, or who chose it.
    pub why: String,
    platform: Option<Platform>,
}

impl Scenario {
    /// Settles what a client is judged by.
    #[must_use]
    pub fn of_client(choice: &ScenarioChoice, client: &ClientState) -> Self {
        match choice {
            ScenarioChoice::All => Self {
                name: "all",
                inferred: false,
                why: "judged by the article's own Required column".to_owned(),
                platform: None,
            },
            ScenarioChoice::Named(platform) => Self {
                name: platform.name(),
                inferred: false,
                why: "chosen by the user".to_owned(),
                platform: Some(*platform),
            },
            ScenarioChoice::Auto => Self::inferred(client),
        }
    }

    fn inferred(client: &ClientState) -> Self {
        let mut best: Option<(Platform, usize, &str)> = None;
        for platform in Platform::ALL {
            let telling = |name: &&str| {
                platform.telling_endings().iter().any(|ending| {
                    name.strip_suffix(ending)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                })
            };
            let mut names: Vec<&str> = client
                .telling_names
                .iter()
                .map(|name| name.as_str())
                .filter(telling)
                .collect();
            names.sort_unstable();
            names.dedup();
            if let Some(first) = names.first()
                && best.is_none_or(|(_, count, _)| names.len() > count)
            {
                best = Some((platform, names.len(), first));
            }
        }
        match best {
            Some((platform, count, example)) => Self {
                name: platform.name(),
                inferred: true,
                why: format!(
                    "{count} host{} of this platform, for example {example}",
                    if count == 1 { "" } else { "s" }
                ),
                platform: Some(platform),
            },
            None => Self {
                name: "unknown",
                inferred: true,
                why: "no host tells the platform; only what every enrolment needs is required"
                    .to_owned(),
                platform: None,
            },
        }
    }

    /// How much the scenario needs `set`.
    #[must_use]
    pub fn requirement(&self, set: &EndpointSet) -> Requirement {
        match (self.name, self.platform, &set.key) {
            ("all", _, _) if set.required == Some(true) => Requirement::Hard,
            ("all", _, _) => Requirement::None,
            (_, Some(platform), SetKey::Id(id)) => platform.requirement(*id),
            (_, None, SetKey::Id(163 | 56)) => Requirement::Hard,
            _ => Requirement::None,
        }
    }
}
