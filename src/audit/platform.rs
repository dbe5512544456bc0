//! Which kind of device a client is, from what it contacts and what it says of itself.

use super::clients::ClientState;
use crate::catalog::{Platform, PlatformClues};

/// How much a DHCP class identifier counts: it is the system's own word.
const VENDOR_CLASS_WEIGHT: u32 = 8;

/// How much the device's own name counts: its maker's preset, but anyone may change it.
const DEVICE_NAME_WEIGHT: u32 = 5;

/// A platform and what gave it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformGuess {
    /// The platform.
    pub platform: Platform,
    /// What gave it away, the strongest first.
    pub because: Vec<String>,
}

/// The platform with the weightiest clues; `None` without any. Where two are level, the earlier one in `known` wins.
#[must_use]
pub fn infer(known: &[PlatformClues], client: &ClientState) -> Option<PlatformGuess> {
    let mut best: Option<(u32, PlatformGuess)> = None;
    for clues in known {
        let mut found = weigh(clues, client);
        let total = found
            .iter()
            .fold(0_u32, |sum, (weight, _)| sum.saturating_add(*weight));
        if total == 0 || best.as_ref().is_some_and(|(most, _)| total <= *most) {
            continue;
        }
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let guess = PlatformGuess {
            platform: clues.platform,
            because: found.into_iter().map(|(_, clue)| clue).collect(),
        };
        best = Some((total, guess));
    }
    best.map(|(_, guess)| guess)
}

/// Each pattern counts once, so that many hosts of one kind do not drown what is telling.
fn weigh(clues: &PlatformClues, client: &ClientState) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    if let Some(class) = &client.vendor_class
        && clues
            .vendor_classes
            .iter()
            .any(|start| class.starts_with(start.as_str()))
    {
        found.push((VENDOR_CLASS_WEIGHT, format!("DHCP class {class}")));
    }
    if let Some(name) = &client.name {
        let folded = name.folded();
        if clues
            .device_names
            .iter()
            .any(|part| folded.contains(part.as_str()))
        {
            found.push((DEVICE_NAME_WEIGHT, format!("its name {name}")));
        }
    }
    for clue in &clues.clues {
        for pattern in &clue.hosts {
            let first = client
                .telling_names
                .iter()
                .filter(|name| pattern.matches(name))
                .min();
            if let Some(name) = first {
                found.push((u32::from(clue.weight), name.to_string()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ScenarioFile;
    use crate::facts::HostName;

    fn guess(names: &[&str]) -> Option<PlatformGuess> {
        let client = ClientState {
            telling_names: names.iter().map(|name| (*name).into()).collect(),
            ..ClientState::default()
        };
        infer(&ScenarioFile::shipped().unwrap().platforms, &client)
    }

    #[test]
    fn each_platform_is_told_by_its_own_services() {
        let cases: [(&[&str], Platform); 5] = [
            (&["www.msftconnecttest.com"], Platform::Windows),
            (&["captive.apple.com", "swscan.apple.com"], Platform::Macos),
            (
                &[
                    "captive.apple.com",
                    "albert.apple.com",
                    "1-courier.push.apple.com",
                ],
                Platform::Ios,
            ),
            (&["connectivitycheck.gstatic.com"], Platform::Android),
            (&["intunecdnpeasd.manage.microsoft.com"], Platform::Android),
        ];
        for (names, platform) in cases {
            assert_eq!(guess(names).unwrap().platform, platform, "{names:?}");
        }
        assert_eq!(guess(&["login.microsoftonline.com"]), None);
    }

    #[test]
    fn a_browser_or_a_music_player_does_not_turn_windows_into_something_else() {
        let guess = guess(&[
            "www.msftconnecttest.com",
            "mtalk.google.com",
            "clients3.google.com",
            "itunes.apple.com",
            "is1.mzstatic.com",
        ]);
        assert_eq!(guess.unwrap().platform, Platform::Windows);
    }

    #[test]
    fn what_the_system_says_of_itself_outweighs_a_few_hosts() {
        let client = ClientState {
            telling_names: ["login.live.com".into()].into_iter().collect(),
            vendor_class: Some("android-dhcp-14".into()),
            name: HostName::from_wire(b"Pixel-8"),
            ..ClientState::default()
        };
        let guess = infer(&ScenarioFile::shipped().unwrap().platforms, &client).unwrap();
        assert_eq!(guess.platform, Platform::Android);
        assert_eq!(guess.because, ["DHCP class android-dhcp-14"]);
    }
}
