//! What a device was doing: chosen by the user, or concluded from what it contacted.
//!
//! Concluding never accuses. A sign says which scenario a device was in; what the device did not try is then no failure,
//! because a capture may begin late, end early, or see only some of its ways out.

use super::clients::{ClientState, HostEntry, HostKey};
use super::platform::{self, PlatformGuess};
use crate::catalog::{
    self, Catalog, EndpointSet, Platform, Region, Requirement, ScenarioFile, SetKey, Sign, SignPart,
};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// What devices are judged by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ScenarioChoice {
    /// Concluded per client from its traffic.
    #[default]
    Auto,
    /// The article's own Required column, whatever the platform.
    All,
    /// A scenario chosen by the user.
    Named(Arc<catalog::Scenario>),
}

/// What is judged by what: one choice for all clients, others for some, and the tenant's region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScenarioPlan {
    /// For clients that are not named.
    pub default: ScenarioChoice,
    /// For single clients, by one of their addresses.
    pub by_client: Vec<(IpAddr, ScenarioChoice)>,
    /// The tenant's region; `None` when it is not known, so that the alternatives of every region are open.
    pub region: Option<Region>,
}

/// A choice that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// No scenario has this name.
    #[error("unknown scenario `{name}`; known ones are auto, all, {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// What stands before the equals sign is no address.
    #[error("`{0}` is no address; a scenario for one device is written ADDRESS=NAME")]
    Address(String),
    /// Two choices for the same devices.
    #[error("given twice for {0}")]
    Twice(String),
    /// No tenant location looks like this.
    #[error(
        "unknown tenant location `{0}`; expected one such as AMSUA0101 (North America), AMSUB0202 (Europe) or AMSUC0101 (Asia Pacific), as Tenant administration shows it"
    )]
    Tenant(String),
    /// No region has this name.
    #[error("unknown region `{name}`; known ones are {known}")]
    Region {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Region and tenant location contradict each other.
    #[error("tenant location {tenant} is in {of_tenant}, not in {region}")]
    Contradiction {
        /// The tenant location.
        tenant: String,
        /// Its region.
        of_tenant: &'static str,
        /// The region asked for.
        region: &'static str,
    },
}

impl ScenarioChoice {
    /// Reads `auto`, `all` or the name of a scenario of `file`.
    ///
    /// # Errors
    ///
    /// [`ScenarioError::Unknown`] with the names there are.
    pub fn parse(text: &str, file: &ScenarioFile) -> Result<Self, ScenarioError> {
        match text {
            "auto" => Ok(Self::Auto),
            "all" => Ok(Self::All),
            _ => match file.scenario(text) {
                Some(scenario) => Ok(Self::Named(Arc::clone(scenario))),
                None => Err(ScenarioError::Unknown {
                    name: text.to_owned(),
                    known: file
                        .scenarios
                        .iter()
                        .map(|scenario| scenario.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", "),
                }),
            },
        }
    }
}

impl From<ScenarioChoice> for ScenarioPlan {
    fn from(default: ScenarioChoice) -> Self {
        Self {
            default,
            ..Self::default()
        }
    }
}

impl ScenarioPlan {
    /// Reads choices as they are typed: `NAME` for all devices, `ADDRESS=NAME` for one.
    ///
    /// # Errors
    ///
    /// The first choice that cannot be followed.
    pub fn parse(choices: &[String], file: &ScenarioFile) -> Result<Self, ScenarioError> {
        let mut plan = Self::default();
        let mut for_all = false;
        for choice in choices {
            let Some((address, name)) = choice.split_once('=') else {
                if std::mem::replace(&mut for_all, true) {
                    return Err(ScenarioError::Twice("all devices".to_owned()));
                }
                plan.default = ScenarioChoice::parse(choice, file)?;
                continue;
            };
            let client: IpAddr = address
                .parse()
                .map_err(|_| ScenarioError::Address(address.to_owned()))?;
            if plan.by_client.iter().any(|(known, _)| *known == client) {
                return Err(ScenarioError::Twice(address.to_owned()));
            }
            plan.by_client
                .push((client, ScenarioChoice::parse(name, file)?));
        }
        Ok(plan)
    }

    /// Settles the tenant's region from a tenant location such as `AMSUB0202`, a region's name such as `europe`, or both.
    ///
    /// # Errors
    ///
    /// When one of them is unknown, or when they contradict each other.
    pub fn with_region(
        mut self,
        tenant: Option<&str>,
        region: Option<&str>,
        catalog: &Catalog,
    ) -> Result<Self, ScenarioError> {
        let of_tenant = tenant
            .map(|unit| {
                catalog
                    .region_of_scale_unit(unit)
                    .map(|region| (unit, region))
                    .ok_or_else(|| ScenarioError::Tenant(unit.to_owned()))
            })
            .transpose()?;
        let named = region.map(parse_region).transpose()?;
        if let (Some((unit, of_tenant)), Some(named)) = (of_tenant, named)
            && of_tenant != named
        {
            return Err(ScenarioError::Contradiction {
                tenant: unit.to_owned(),
                of_tenant: of_tenant.name(),
                region: named.name(),
            });
        }
        self.region = named.or(of_tenant.map(|(_, region)| region));
        Ok(self)
    }

    /// What the device with these addresses is judged by.
    #[must_use]
    pub fn choice_for(&self, addresses: &[IpAddr]) -> &ScenarioChoice {
        self.by_client
            .iter()
            .find(|(client, _)| addresses.contains(client))
            .map_or(&self.default, |(_, choice)| choice)
    }
}

/// The word for a region on the command line, such as `asia-pacific`.
fn region_word(region: Region) -> String {
    region.name().to_lowercase().replace(' ', "-")
}

fn parse_region(text: &str) -> Result<Region, ScenarioError> {
    let folded = text.to_lowercase().replace([' ', '_'], "-");
    Region::ALL
        .into_iter()
        .find(|region| region_word(*region) == folded)
        .ok_or_else(|| ScenarioError::Region {
            name: text.to_owned(),
            known: Region::ALL.map(region_word).join(", "),
        })
}

/// How a device came to be judged by what it is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// By the article's Required column.
    Column,
    /// The user says so.
    Chosen,
    /// Its traffic proves the scenario.
    Proven,
    /// Its traffic fits the scenario.
    Likely,
}

/// The scenario a client is judged by.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// `all`, or the scenario's name.
    pub name: String,
    /// A heading for people.
    pub title: String,
    /// Concluded from the traffic, not chosen.
    pub inferred: bool,
    /// From what it was concluded, or who chose it.
    pub why: String,
    /// The kind of device; [`Platform::Any`] when nothing tells.
    pub platform: Platform,
    /// How it was settled.
    pub basis: Basis,
    /// What holds for the device: the scenario, then the features it used beside. Empty for `all`.
    pub parts: Vec<Arc<catalog::Scenario>>,
    /// The tenant's region, where it is known.
    pub region: Option<Region>,
}

impl Scenario {
    /// Settles what a client is judged by.
    #[must_use]
    pub fn of_client(
        plan: &ScenarioPlan,
        addresses: &[IpAddr],
        client: &ClientState,
        file: &ScenarioFile,
    ) -> Self {
        let guess = platform::infer(&file.platforms, client);
        let mut scenario = match plan.choice_for(addresses) {
            ScenarioChoice::All => Self {
                name: "all".to_owned(),
                title: "The article's own Required column".to_owned(),
                inferred: false,
                why: "judged by the article's own Required column".to_owned(),
                platform: guess.map_or(Platform::Any, |guess| guess.platform),
                basis: Basis::Column,
                parts: Vec::new(),
                region: None,
            },
            ScenarioChoice::Named(chosen) => Self {
                name: chosen.name.clone(),
                title: chosen.title.clone(),
                inferred: false,
                why: "chosen by the user".to_owned(),
                platform: chosen.platform,
                basis: Basis::Chosen,
                parts: vec![Arc::clone(chosen)],
                region: None,
            },
            ScenarioChoice::Auto => Self::conclude(guess, client, file),
        };
        scenario.region = plan.region;
        scenario
    }

    fn conclude(guess: Option<PlatformGuess>, client: &ClientState, file: &ScenarioFile) -> Self {
        let platform = guess.as_ref().map_or(Platform::Any, |guess| guess.platform);
        let fits = |scenario: &&Arc<catalog::Scenario>| {
            scenario.platform == platform || scenario.platform == Platform::Any
        };
        let with_sign = |proof: bool| {
            file.scenarios
                .iter()
                .filter(fits)
                .filter(|scenario| !scenario.feature)
                .find_map(|scenario| {
                    let sign = scenario
                        .signs
                        .iter()
                        .filter(|sign| sign.proof == proof)
                        .find_map(|sign| sign_of(sign, client))?;
                    Some((scenario, sign))
                })
        };
        let (found, basis, sign) = if let Some((scenario, sign)) = with_sign(true) {
            (Some(scenario), Basis::Proven, sign)
        } else if let Some((scenario, sign)) = with_sign(false) {
            (Some(scenario), Basis::Likely, sign)
        } else {
            (file.fallback(platform), Basis::Likely, Vec::new())
        };
        let mut why = match &guess {
            Some(guess) => format!("{}: {}", platform.title(), listed(&guess.because)),
            None => "no host tells the platform".to_owned(),
        };
        why.push_str(&match (basis, sign.is_empty()) {
            (_, true) => "; no sign of an enrollment".to_owned(),
            (Basis::Proven, false) => format!("; this scenario: {}", listed(&sign)),
            (_, false) => format!("; likely this scenario: {}", listed(&sign)),
        });
        let mut parts: Vec<Arc<catalog::Scenario>> = found.into_iter().cloned().collect();
        for feature in file.scenarios.iter().filter(fits).filter(|s| s.feature) {
            if let Some(sign) = feature.signs.iter().find_map(|sign| sign_of(sign, client)) {
                why.push_str(&format!("; {}: {}", feature.name, listed(&sign)));
                parts.push(Arc::clone(feature));
            }
        }
        Self {
            name: found
                .map_or("unknown", |scenario| &scenario.name)
                .to_owned(),
            title: found
                .map_or("Nothing known", |scenario| &scenario.title)
                .to_owned(),
            inferred: true,
            why,
            platform,
            basis,
            parts,
            region: None,
        }
    }

    /// The names of the features the device used beside its scenario.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().skip(1).map(|part| part.name.as_str())
    }

    /// How much the device needs `set`.
    #[must_use]
    pub fn requirement(&self, set: &EndpointSet) -> Requirement {
        if self.basis == Basis::Column {
            return if set.required == Some(true) {
                Requirement::Hard
            } else {
                Requirement::None
            };
        }
        if self.region.is_some() && self.of_another_region(&set.key) {
            return Requirement::None;
        }
        self.parts
            .iter()
            .map(|part| part.requirement(&set.key))
            .max()
            .unwrap_or(Requirement::None)
    }

    /// The set is for tenants of a region other than the tenant's.
    fn of_another_region(&self, key: &SetKey) -> bool {
        let groups = || {
            self.parts
                .iter()
                .flat_map(|part| &part.needs)
                .flat_map(|need| &need.groups)
        };
        let listed = |region| {
            groups()
                .flat_map(move |group| group.members_for(region))
                .any(|member| member.targets.hosts.is_empty() && member.targets.sets.contains(key))
        };
        listed(None) && !listed(self.region)
    }
}

/// One contact for each part of the sign; `None` when one is missing.
fn sign_of(sign: &Sign, client: &ClientState) -> Option<Vec<String>> {
    sign.parts
        .iter()
        .map(|part| contact(part, client))
        .collect()
}

/// The first contact in alphabetical order that `part` asks for: a named host, or a host of a named set that not every
/// device contacts.
fn contact(part: &SignPart, client: &ClientState) -> Option<String> {
    let named = |name: &str| part.hosts.iter().any(|pattern| pattern.matches(name));
    let of_set = |entry: &HostEntry| {
        !entry.sets.generic && entry.sets.primary.iter().any(|key| part.sets.contains(key))
    };
    let hosts = client.hosts.iter().filter_map(|(key, entry)| match key {
        HostKey::Name(name) => (named(name) || of_set(entry)).then(|| Cow::Borrowed(name.as_str())),
        HostKey::Address(address) => of_set(entry).then(|| Cow::Owned(address.to_string())),
    });
    let others = client
        .telling_names
        .iter()
        .filter(|name| named(name))
        .map(|name| Cow::Borrowed(name.as_str()));
    hosts.chain(others).min().map(Cow::into_owned)
}

/// Two of them, and how many more there are.
fn listed(clues: &[String]) -> String {
    match clues {
        [] => String::new(),
        [one] => one.clone(),
        [first, second] => format!("{first}, {second}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::matching::SetFinder;
    use crate::facts::HostName;

    fn file() -> ScenarioFile {
        ScenarioFile::shipped().unwrap()
    }

    /// A client that contacted these hosts.
    fn client(names: &[&str]) -> ClientState {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let mut finder = SetFinder::default();
        let mut state = ClientState::default();
        for text in names {
            let name = HostName::from_wire(text.as_bytes()).unwrap();
            state.telling_names.push(name.folded());
            if let Some(sets) = finder.of_name(&catalog, &name) {
                state.host(HostKey::Name(name.folded()), &sets, 64);
            }
        }
        state
    }

    fn concluded(names: &[&str]) -> Scenario {
        Scenario::of_client(&ScenarioPlan::default(), &[], &client(names), &file())
    }

    #[test]
    fn the_profile_service_proves_autopilot_and_attestation_its_self_deploying_form() {
        let user = concluded(&["www.msftconnecttest.com", "ztd.dds.microsoft.com"]);
        assert_eq!(
            (user.name.as_str(), user.basis),
            ("windows-autopilot", Basis::Proven)
        );
        assert!(user.why.contains("ztd.dds.microsoft.com"), "{}", user.why);
        let alone = concluded(&["ztd.dds.microsoft.com", "intc-keyid.microsoftaik.azure.net"]);
        assert_eq!(alone.name, "windows-autopilot-self-deploying");
    }

    #[test]
    fn a_device_ticket_and_a_registration_make_autopilot_likely_only() {
        let scenario = concluded(&[
            "time.windows.com",
            "login.live.com",
            "enterpriseregistration.windows.net",
        ]);
        assert_eq!(
            (scenario.name.as_str(), scenario.basis),
            ("windows-autopilot", Basis::Likely)
        );
        let managed = concluded(&["time.windows.com", "login.live.com", "manage.microsoft.com"]);
        assert_eq!(managed.name, "windows-managed");
    }

    #[test]
    fn hosts_that_every_device_contacts_prove_no_feature() {
        let browsing = concluded(&[
            "www.msftconnecttest.com",
            "aadcdn.msauth.net",
            "teams.microsoft.com",
        ]);
        assert_eq!(browsing.features().count(), 0, "{}", browsing.why);
        let helped = concluded(&["www.msftconnecttest.com", "remotehelp.microsoft.com"]);
        assert_eq!(helped.features().collect::<Vec<_>>(), ["remote-help"]);
    }

    #[test]
    fn android_without_google_services_is_told_from_android_with_them() {
        let aosp = concluded(&[
            "connectivitycheck.gstatic.com",
            "intunecdnpeasd.manage.microsoft.com",
        ]);
        assert_eq!(aosp.name, "android-aosp-enrollment");
        let google = concluded(&[
            "connectivitycheck.gstatic.com",
            "android.clients.google.com",
        ]);
        assert_eq!(google.name, "android-enterprise-enrollment");
    }

    #[test]
    fn one_device_may_be_judged_otherwise() {
        let choices = ["all".to_owned(), "10.0.0.5=remote-help".to_owned()];
        let plan = ScenarioPlan::parse(&choices, &file()).unwrap();
        let of = |address: &str| {
            Scenario::of_client(&plan, &[address.parse().unwrap()], &client(&[]), &file()).name
        };
        assert_eq!(of("10.0.0.5"), "remote-help");
        assert_eq!(of("10.0.0.6"), "all");
    }

    #[test]
    fn a_choice_that_cannot_be_followed_says_what_can() {
        let complaint = |choices: &[&str]| {
            let choices: Vec<String> = choices.iter().map(|c| (*c).to_owned()).collect();
            ScenarioPlan::parse(&choices, &file())
                .unwrap_err()
                .to_string()
        };
        let unknown = complaint(&["autopilot"]);
        assert!(unknown.starts_with(
            "unknown scenario `autopilot`; known ones are auto, all, windows-autopilot-self-deploying, windows-autopilot, "
        ));
        assert!(!unknown.contains('\n'));
        assert_eq!(
            complaint(&["pc-5=auto"]),
            "`pc-5` is no address; a scenario for one device is written ADDRESS=NAME"
        );
        assert_eq!(complaint(&["auto", "all"]), "given twice for all devices");
    }

    #[test]
    fn tenant_and_region_agree_or_are_refused() {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let plan = |tenant, region| {
            ScenarioPlan::default()
                .with_region(tenant, region, &catalog)
                .map(|plan| plan.region)
                .map_err(|error| error.to_string())
        };
        assert_eq!(plan(Some("AMSUB0202"), None), Ok(Some(Region::Europe)));
        assert_eq!(
            plan(None, Some("asia-pacific")),
            Ok(Some(Region::AsiaPacific))
        );
        assert_eq!(
            plan(None, Some("mars")),
            Err("unknown region `mars`; known ones are north-america, europe, asia-pacific".into())
        );
        assert!(
            plan(Some("B0202"), None)
                .unwrap_err()
                .starts_with("unknown tenant location `B0202`")
        );
        assert_eq!(
            plan(Some("AMSUB0202"), Some("north-america")),
            Err("tenant location AMSUB0202 is in Europe, not in North America".into())
        );
    }

    #[test]
    fn the_region_settles_which_alternative_is_needed() {
        let catalog = Catalog::load(Catalog::DEFAULT_EDITION).unwrap();
        let choices = ["windows-apps".to_owned()];
        let mut plan = ScenarioPlan::parse(&choices, &file()).unwrap();
        plan.region = Some(Region::Europe);
        let scenario = Scenario::of_client(&plan, &[], &client(&[]), &file());
        let level = |key: &str| scenario.requirement(catalog.set(&SetKey::parse(key)).unwrap());
        assert_eq!(level("powershell-win32-eu"), Requirement::Conditional);
        assert_eq!(level("powershell-win32-na"), Requirement::None);
        assert_eq!(level("170"), Requirement::Hard);
    }
}
