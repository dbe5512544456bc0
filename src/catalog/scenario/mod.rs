//! Scenarios: what devices need for what they do, and in which order they contact it.
//!
//! In: the data file `data/scenarios.toml`. Out: [`Scenario`]s that say for a set or host how much depends on it, and the
//! signs by which scenarios and platforms are recognised. Which scenario a device was in is not decided here.

mod read;

pub use read::parse_scenarios;

use super::endpoint_set::{EndpointSet, Region, SetKey};
use super::error::CatalogError;
use super::host_pattern::HostPattern;
use super::{Catalog, Standing};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How much of a scenario depends on something, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// Nothing.
    None,
    /// It is needed under a condition, or one of several alternatives is.
    Conditional,
    /// The scenario goes on without it, with something missing or late.
    Soft,
    /// The scenario fails without it.
    Hard,
}

impl Requirement {
    const ALL: [Self; 4] = [Self::None, Self::Conditional, Self::Soft, Self::Hard];

    /// The name used in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Conditional => "conditional",
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }

    /// The requirement with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind of device a scenario is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Any device.
    Any,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// iOS and iPadOS.
    Ios,
    /// Android.
    Android,
}

impl Platform {
    const ALL: [Self; 5] = [
        Self::Any,
        Self::Windows,
        Self::Macos,
        Self::Ios,
        Self::Android,
    ];

    /// The name used in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Windows => "windows",
            Self::Macos => "macos",
            Self::Ios => "ios",
            Self::Android => "android",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Any => "any platform",
            Self::Windows => "Windows",
            Self::Macos => "macOS",
            Self::Ios => "iOS or iPadOS",
            Self::Android => "Android",
        }
    }
}

/// How well a statement is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// A document says so.
    Cited,
    /// Documents say something near it.
    Inferred,
    /// Plausible; nothing found that says it.
    Unconfirmed,
}

impl Certainty {
    const ALL: [Self; 3] = [Self::Cited, Self::Inferred, Self::Unconfirmed];

    /// The name used in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cited => "cited",
            Self::Inferred => "inferred",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

/// Sets and hosts that something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The sets.
    pub sets: Vec<SetKey>,
    /// When not empty, only these hosts are meant, and the sets are those they count for.
    pub hosts: Vec<HostPattern>,
}

impl Targets {
    /// Whether a host that `set` lists, or one with this name (in lower case), is meant.
    #[must_use]
    pub fn include_host(&self, set: &SetKey, folded: &str) -> bool {
        if self.hosts.is_empty() {
            self.sets.contains(set)
        } else {
            self.hosts.iter().any(|host| host.matches(folded))
        }
    }
}

/// Alternatives of which a device needs one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The stable name.
    pub name: String,
    /// What decides between the members, such as `region` or `tpm-vendor`.
    pub any_of: String,
    /// The members.
    pub members: Vec<GroupMember>,
    /// How well it is founded.
    pub certainty: Certainty,
    /// The document.
    pub source: String,
}

/// One alternative of a [`Group`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The value of what decides, such as "Europe".
    pub is: String,
    /// What is needed then.
    pub targets: Targets,
}

impl Group {
    /// The members that a device of a tenant in `region` needs one of: those of the region, where region is what decides;
    /// else all.
    pub fn members_for(&self, region: Option<Region>) -> impl Iterator<Item = &GroupMember> {
        let region = region.filter(|_| self.any_of == "region");
        self.members
            .iter()
            .filter(move |member| region.is_none_or(|region| member.is == region.name()))
    }
}

/// One thing a scenario needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// How much depends on it.
    pub level: Requirement,
    /// What is needed.
    pub targets: Targets,
    /// Groups of which one member each is needed; `targets.sets` are then the sets they are part of.
    pub groups: Vec<Arc<Group>>,
    /// The condition of a conditional need, in words.
    pub when: Option<String>,
    /// How well it is founded.
    pub certainty: Certainty,
    /// The document, where it is not the scenario's.
    pub source: Option<String>,
}

/// One step on the way of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The stable name, such as `sign-in`.
    pub name: Arc<str>,
    /// A heading for people.
    pub title: Arc<str>,
    /// What is contacted in it.
    pub targets: Targets,
    /// How well its place in the order is founded.
    pub certainty: Certainty,
    /// The document, where it is not the scenario's.
    pub source: Option<String>,
}

/// Contacts by which a scenario is recognised: one with each of the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// What must have been contacted, or asked for, one thing of each.
    pub parts: Vec<SignPart>,
    /// Nothing else than this scenario explains it. Without that it is likely only.
    pub proof: bool,
}

/// Things of which a sign wants one contacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignPart {
    /// Sets: any host of theirs that is not contacted by every device.
    pub sets: Vec<SetKey>,
    /// Hosts, whatever set they are in.
    pub hosts: Vec<HostPattern>,
}

/// Host names by which a platform is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clue {
    /// The hosts; each that was contacted counts.
    pub hosts: Vec<HostPattern>,
    /// How much each counts, against the clues of other platforms.
    pub weight: u16,
}

/// How a platform is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformClues {
    /// The platform.
    pub platform: Platform,
    /// How class identifiers of its DHCP clients begin (RFC 2132 §9.13).
    pub vendor_classes: Vec<String>,
    /// What names that its devices give themselves contain, in lower case.
    pub device_names: Vec<String>,
    /// The hosts.
    pub clues: Vec<Clue>,
    /// The documents.
    pub source: String,
}

/// Everything a scenario file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScenarioFile {
    /// How platforms are recognised.
    pub platforms: Vec<PlatformClues>,
    /// The scenarios. Of several that a device shows signs of, the first one counts.
    pub scenarios: Vec<Arc<Scenario>>,
}

impl ScenarioFile {
    /// The file that is part of the program.
    ///
    /// # Errors
    ///
    /// The first thing wrong in it; the tests see to it that nothing is.
    pub fn shipped() -> Result<Self, CatalogError> {
        parse_scenarios(TEXT, FILE)
    }

    /// The scenario with this name.
    #[must_use]
    pub fn scenario(&self, name: &str) -> Option<&Arc<Scenario>> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// What devices of a platform are judged by when they show no sign of any scenario.
    #[must_use]
    pub fn fallback(&self, platform: Platform) -> Option<&Arc<Scenario>> {
        let of = |platform| {
            self.scenarios
                .iter()
                .find(move |scenario| scenario.fallback && scenario.platform == platform)
        };
        of(platform).or_else(|| of(Platform::Any))
    }
}

/// What a device was doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The stable name, such as `windows-autopilot`.
    pub name: String,
    /// A heading for people.
    pub title: String,
    /// The kind of device.
    pub platform: Platform,
    /// The document its needs were taken from.
    pub source: String,
    /// Remarks.
    pub notes: Vec<String>,
    /// It goes on beside an enrollment or on an enrolled device, so that a device can be in several of them.
    pub feature: bool,
    /// Devices of the platform that show no sign of another scenario are judged by it.
    pub fallback: bool,
    /// How it is recognised; empty where traffic does not tell.
    pub signs: Vec<Sign>,
    /// What it needs.
    pub needs: Vec<Need>,
    /// The strongest need that names a set, by set; every client asks for every set.
    levels: BTreeMap<SetKey, Requirement>,
    /// Its steps in the order of contact; empty where no document tells the order.
    pub stages: Vec<Stage>,
}

const FILE: &str = "scenarios.toml";
const TEXT: &str = include_str!("../data/scenarios.toml");

impl Scenario {
    /// How much of this scenario depends on the set as a whole: the strongest need that names it.
    #[must_use]
    pub fn requirement(&self, set: &SetKey) -> Requirement {
        self.levels.get(set).copied().unwrap_or(Requirement::None)
    }

    /// How much of this scenario depends on one host of a set (in lower case).
    #[must_use]
    pub fn host_requirement(&self, set: &SetKey, folded: &str) -> Requirement {
        self.needs
            .iter()
            .map(|need| need.level_of_host(set, folded))
            .max()
            .unwrap_or(Requirement::None)
    }

    /// The first set or host of the scenario that `catalog` does not know; `None` when it knows them all.
    #[must_use]
    pub fn unknown_reference(&self, catalog: &Catalog) -> Option<String> {
        let members = self
            .needs
            .iter()
            .flat_map(|need| &need.groups)
            .flat_map(|group| &group.members);
        let stages = self.stages.iter().map(|stage| &stage.targets);
        let parts = || self.signs.iter().flat_map(|sign| &sign.parts);
        let unknown_host = parts()
            .flat_map(|part| &part.hosts)
            .find(|host| catalog.match_host(&host.typical_name()).is_none())
            .map(ToString::to_string);
        let unknown_set = parts()
            .flat_map(|part| &part.sets)
            .find(|key| catalog.set(key).is_none())
            .map(ToString::to_string);
        if unknown_host.is_some() || unknown_set.is_some() {
            return unknown_host.or(unknown_set);
        }
        let all = self
            .needs
            .iter()
            .map(|need| &need.targets)
            .chain(members.map(|member| &member.targets))
            .chain(stages);
        all.into_iter().find_map(|targets| {
            let set = targets
                .sets
                .iter()
                .find(|key| catalog.set(key).is_none())
                .map(ToString::to_string);
            set.or_else(|| {
                targets
                    .hosts
                    .iter()
                    .find(|host| !knows(catalog, host))
                    .map(ToString::to_string)
            })
        })
    }
}

/// Whether some set of Intune's lists the host, or a pattern it falls under.
fn knows(catalog: &Catalog, host: &HostPattern) -> bool {
    catalog
        .match_host(&host.typical_name())
        .is_some_and(|found| found.standing() != Standing::Reference)
}

/// The strongest of all needs that name a set.
fn strongest(needs: &[Need]) -> BTreeMap<SetKey, Requirement> {
    let mut strongest = BTreeMap::new();
    for (set, level) in needs.iter().flat_map(Need::levels_of_sets) {
        let known = strongest.entry(set.clone()).or_insert(level);
        *known = level.max(*known);
    }
    strongest
}

impl Need {
    /// The sets it names, each with how much depends on it as a whole.
    fn levels_of_sets(&self) -> impl Iterator<Item = (&SetKey, Requirement)> {
        let whole = self.targets.sets.iter().map(|set| (set, self.level));
        let members = self.groups.iter().flat_map(|group| &group.members);
        let alternatives = members
            .flat_map(|member| &member.targets.sets)
            .map(|set| (set, self.level.min(Requirement::Conditional)));
        whole.chain(alternatives)
    }

    fn level_of_host(&self, set: &SetKey, folded: &str) -> Requirement {
        let members = || self.groups.iter().flat_map(|group| &group.members);
        if members().any(|member| member.targets.include_host(set, folded)) {
            self.level.min(Requirement::Conditional)
        } else if self.groups.is_empty()
            && self.targets.sets.contains(set)
            && self.targets.include_host(set, folded)
        {
            self.level
        } else {
            Requirement::None
        }
    }
}

impl GroupMember {
    /// Whether the set is this member, for members that are whole sets.
    #[must_use]
    pub fn is_set(&self, set: &EndpointSet) -> bool {
        self.targets.hosts.is_empty() && self.targets.sets.contains(&set.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(name: &str) -> Scenario {
        let file = ScenarioFile::shipped().unwrap();
        Scenario::clone(file.scenario(name).unwrap())
    }

    fn requirement(scenario: &Scenario, set: &str) -> Requirement {
        scenario.requirement(&SetKey::parse(set))
    }

    #[test]
    fn every_set_and_host_named_is_in_the_newest_catalogue() {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        for scenario in ScenarioFile::shipped().unwrap().scenarios {
            assert_eq!(
                scenario.unknown_reference(&catalog),
                None,
                "{}",
                scenario.name
            );
        }
        let mut broken = scenario("windows-autopilot");
        broken.stages[0]
            .targets
            .hosts
            .push(HostPattern::parse("no.such.host.example").unwrap());
        assert_eq!(
            broken.unknown_reference(&catalog).as_deref(),
            Some("no.such.host.example")
        );
    }

    #[test]
    fn autopilot_fails_without_sign_in_but_not_without_updates() {
        let autopilot = scenario("windows-autopilot");
        for set in ["56", "59", "97", "163", "autopilot-deployment-service"] {
            assert_eq!(requirement(&autopilot, set), Requirement::Hard, "{set}");
        }
        for set in ["164", "171", "172", "microsoft-store", "165"] {
            assert_eq!(requirement(&autopilot, set), Requirement::Soft, "{set}");
        }
        for set in ["170", "182", "powershell-win32-eu"] {
            assert_eq!(
                requirement(&autopilot, set),
                Requirement::Conditional,
                "{set}"
            );
        }
        for set in ["173", "178", "179", "187", "188"] {
            assert_eq!(requirement(&autopilot, set), Requirement::None, "{set}");
        }
    }

    #[test]
    fn one_member_of_a_group_is_never_required_by_itself() {
        let apps = scenario("windows-apps");
        assert_eq!(requirement(&apps, "170"), Requirement::Hard);
        assert_eq!(
            requirement(&apps, "powershell-win32-eu"),
            Requirement::Conditional
        );
        let set = SetKey::Id(170);
        assert_eq!(
            apps.host_requirement(&set, "swdb01-mscdn.manage.microsoft.com"),
            Requirement::Conditional
        );
    }

    #[test]
    fn hosts_narrow_a_need() {
        let help = scenario("remote-help");
        let set = SetKey::Id(181);
        assert_eq!(
            help.host_requirement(&set, "remotehelp.microsoft.com"),
            Requirement::Hard
        );
        assert_eq!(
            help.host_requirement(&set, "aadcdn.msauth.net"),
            Requirement::None
        );
        let mac = scenario("macos-enrollment");
        assert_eq!(
            mac.host_requirement(&SetKey::Id(178), "1-courier.push.apple.com"),
            Requirement::Hard
        );
        assert_eq!(
            mac.host_requirement(&SetKey::Id(178), "itunes.apple.com"),
            Requirement::Soft
        );
    }

    #[test]
    fn the_profile_is_fetched_before_the_user_signs_in_and_enrols() {
        let stages: Vec<_> = scenario("windows-autopilot")
            .stages
            .into_iter()
            .map(|stage| stage.name)
            .collect();
        let place = |name: &str| stages.iter().position(|stage| **stage == *name).unwrap();
        assert!(place("network") < place("profile") && place("profile") < place("sign-in"));
        assert!(place("sign-in") < place("join") && place("join") < place("enrollment"));
    }

    #[test]
    fn complaints_name_the_need() {
        let text = "[[scenario]]\nname = \"x\"\ntitle = \"X\"\nplatform = \"windows\"\nsource = \"us\"\n[[scenario.need]]\nlevel = \"hard\"\nsets = [\"163\"]\n";
        assert_eq!(
            parse_scenarios(text, "mine.toml").unwrap_err().to_string(),
            "mine.toml, line 6: scenario x, need number 1, field `certainty`: expected cited, inferred or unconfirmed, found nothing"
        );
        let text = text.replace("\"hard\"", "\"firm\"");
        assert!(
            parse_scenarios(&text, "mine.toml")
                .unwrap_err()
                .to_string()
                .starts_with("mine.toml, line 7: scenario x, need number 1, field `level`")
        );
    }
}
