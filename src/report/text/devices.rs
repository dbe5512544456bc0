//! Devices: one line for each, and the endpoint sets of the few that are shown in detail.

use super::page::{Page, counted, plain, shorten, styled};
use super::{DETAILED_DEVICES, LISTED_DEVICES, mark, style, urgency};
use crate::audit::{
    AuditReport, Cause, ClientReport, Progress, SetReport, StageReport, StageState, Verdict,
};
use crate::catalog::{FeatureArea, Requirement, SetKey};
use crate::report::wording;
use std::cmp::Reverse;
use std::io::{self, Write};

/// Failed sets named below a device.
const NAMED_SETS: usize = 3;

/// Columns of a name that a device gives itself.
const NAME_COLUMNS: usize = 24;

/// Columns of a host's name in lists.
const HOST_COLUMNS: usize = 56;

/// One line per device, the stopped ones first, with what failed below it.
pub(super) fn list(
    report: &AuditReport,
    clients: &[&ClientReport],
    page: &mut Page<'_, impl Write>,
) -> io::Result<()> {
    page.heading("Devices")?;
    if clients.is_empty() {
        let others = match report.other_clients {
            0 => "no device opened any connection".to_owned(),
            count => format!("{} did other things", counted(count, "device")),
        };
        let text = format!("none that tried anything of the endpoint list; {others}");
        return page.entry(&[plain("  ")], &[plain(&text)]);
    }
    let named = if clients.len() > DETAILED_DEVICES {
        1
    } else {
        NAMED_SETS
    };
    for client in clients.iter().take(LISTED_DEVICES) {
        device(client, named, page)?;
    }
    let rest = clients.get(LISTED_DEVICES..).unwrap_or_default();
    if !rest.is_empty() {
        let kinds = ["stopped", "hindered", "unclear", "fine"];
        let words: Vec<String> = (0_u8..)
            .zip(kinds)
            .filter_map(|(wanted, kind)| {
                let count = rest
                    .iter()
                    .filter(|client| urgency(&client.progress) == wanted)
                    .count();
                (count > 0).then(|| format!("{count} {kind}"))
            })
            .collect();
        let text = format!(
            "and {} ({}): --format json",
            counted(rest.len(), "more device"),
            words.join(", ")
        );
        page.entry(&[plain("  … ")], &[plain(&text)])?;
    }
    Ok(())
}

fn device(client: &ClientReport, named: usize, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let stop = client.stages.iter().find(|stage| stage.stops);
    let (verdict, state, failed): (_, _, &[SetKey]) = match (&client.progress, stop) {
        (Progress::Stopped(keys), _) if keys.is_empty() => {
            let place = client.dead_proxy.as_ref().map(|dead| dead.address);
            let proxy = place.map_or_else(String::new, |place| format!(" {place}"));
            (
                Verdict::Blocked,
                format!("stopped: it cannot connect to its proxy{proxy}"),
                keys,
            )
        }
        (Progress::Stopped(keys), Some(stage)) => (
            Verdict::Blocked,
            format!("stopped at: {}", stage.title),
            keys,
        ),
        (Progress::Stopped(keys), None) => {
            let sets = counted(keys.len(), "endpoint set");
            let verb = if keys.len() == 1 { "fails" } else { "fail" };
            (
                Verdict::Blocked,
                format!("stopped: {sets} that it needs {verb}"),
                keys,
            )
        }
        (Progress::Impaired(keys), _) => {
            let sets = counted(keys.len(), "endpoint set");
            (
                Verdict::Degraded,
                format!("not stopped, but hindered: {sets}"),
                keys,
            )
        }
        (Progress::Unknown, _) => (
            Verdict::Inconclusive,
            match &client.dead_proxy {
                Some(dead) if !dead.works_otherwise => {
                    format!("cannot connect to {}, which may be its proxy", dead.address)
                }
                _ => "the capture does not show enough of it".to_owned(),
            },
            &[],
        ),
        (Progress::Clear, _) => (
            Verdict::Reached,
            "nothing that it needs was stopped".to_owned(),
            &[],
        ),
    };
    page.entry(
        &[
            plain("  "),
            styled(style(verdict), mark(verdict)),
            plain(" "),
        ],
        &[plain(&format!("{}  {state}", identity(client)))],
    )?;
    // A list of many devices has no room for the way each of them took.
    let way = way(client);
    if named > 1 && !way.is_empty() {
        page.entry(&[plain("    ")], &[plain(&way)])?;
        if stop.is_some() {
            return Ok(());
        }
    }
    for key in failed.iter().take(named) {
        let Some(set) = client.sets.iter().find(|set| set.key == *key) else {
            continue;
        };
        let host = set
            .hosts()
            .find(|host| host.judged.cause.is_some())
            .or(set.hosts().next());
        let name = host.map_or(&*set.description, |host| &host.name);
        let name = shorten(name, HOST_COLUMNS);
        let text = match (set.verdict, ground(set)) {
            (Verdict::Blocked, Some(ground)) => format!("{name}: {ground}"),
            (_, Some(ground)) => format!("{name}: {}: {ground}", verdict_words(set)),
            (_, None) => format!("{name}: {}", verdict_words(set)),
        };
        page.entry(&[plain("    "), plain(&number(key))], &[plain(&text)])?;
    }
    let more = failed.len().saturating_sub(named);
    // A list of many devices has no room for it; the device's own line says how many there are.
    if more > 0 && named > 1 {
        page.entry(
            &[plain("    … ")],
            &[plain(&counted(more, "more endpoint set"))],
        )?;
    }
    Ok(())
}

/// How far the device came: the stages that were seen, each with its mark, and what failed in those that failed.
fn way(client: &ClientReport) -> String {
    let stages: Vec<String> = client
        .stages
        .iter()
        .filter(|stage| stage.state != StageState::NotSeen)
        .map(stage_words)
        .collect();
    stages.join(" · ")
}

fn stage_words(stage: &StageReport) -> String {
    let mark = match stage.state {
        StageState::Reached => mark(Verdict::Reached),
        StageState::Partial => mark(Verdict::Degraded),
        StageState::Failed => mark(Verdict::Blocked),
        StageState::Unclear | StageState::NotSeen => mark(Verdict::Inconclusive),
    };
    let failed = match (stage.cause.map(Cause::phrase), stage.hosts.as_slice()) {
        (Some(why), [first, rest @ ..]) if stage.state == StageState::Failed => {
            let more = match rest.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(" {}{more}: {why}", shorten(first, HOST_COLUMNS))
        }
        _ => String::new(),
    };
    format!("{} {mark}{failed}", stage.title)
}

/// Addresses, at most two, and the name a device gives itself.
fn identity(client: &ClientReport) -> String {
    let addresses: Vec<String> = client
        .addresses
        .iter()
        .take(2)
        .map(ToString::to_string)
        .collect();
    let mut text = addresses.join(", ");
    if client.addresses.len() > addresses.len() {
        text.push_str(", …");
    }
    if let Some(name) = &client.name {
        text.push_str(&format!(" ({})", shorten(name.as_str(), NAME_COLUMNS)));
    }
    text
}

/// The column of set numbers.
fn number(key: &SetKey) -> String {
    match key.id() {
        Some(id) => format!("{id:<5}"),
        None => format!("{:<5}", "-"),
    }
}

/// Sets without a number are named in the text, unless the heading of their area has said it all.
fn name_of_section(set: &SetReport) -> String {
    let key = set.key.to_string();
    if set.key.id().is_some() || key == set.feature_area.name() {
        String::new()
    } else {
        format!("{key} ")
    }
}

/// The verdict in words; a set whose names were looked up has its own.
fn verdict_words(set: &SetReport) -> &'static str {
    if set.verdict == Verdict::NeverReached && set.looked_up_only {
        "looked up, never contacted"
    } else {
        wording::verdict(set.verdict)
    }
}

/// The verdict's ground, where it has one.
fn ground(set: &SetReport) -> Option<&'static str> {
    match (set.cause_phrase(), set.unclear) {
        (Some(cause), _) => Some(cause),
        (None, Some(unclear)) => Some(unclear.phrase()),
        (None, None) => None,
    }
}

/// The hosts that a verdict rests on: those that a reached set was reached by, else those that were not reached.
fn telling_hosts(set: &SetReport) -> String {
    let names: Vec<&str> = set
        .hosts()
        .filter(|host| {
            (set.verdict == Verdict::Reached) == (host.judged.verdict == Verdict::Reached)
        })
        .map(|host| host.name.as_str())
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => shorten(one, HOST_COLUMNS),
        [first, rest @ ..] => format!("{} and {} more", shorten(first, HOST_COLUMNS), rest.len()),
    }
}

/// The endpoint sets of one device, by feature area, in each the failed ones first.
pub(super) fn endpoint_sets(
    client: &ClientReport,
    page: &mut Page<'_, impl Write>,
) -> io::Result<()> {
    if client.sets.is_empty() {
        return Ok(());
    }
    page.heading(&format!("Endpoint sets of {}", identity(client)))?;
    let features: Vec<&str> = client.scenario.features().collect();
    let features = match features.as_slice() {
        [] => String::new(),
        some => format!(" with {}", some.join(", ")),
    };
    let scenario = format!(
        "{}{features}: {}",
        client.scenario.name, client.scenario.why
    );
    page.entry(&[plain("  Judged as ")], &[plain(&scenario)])?;
    for area in FeatureArea::ALL {
        let mut sets: Vec<&SetReport> = client
            .sets
            .iter()
            .filter(|set| set.feature_area == *area && is_shown(set))
            .collect();
        if sets.is_empty() {
            continue;
        }
        sets.sort_by_key(|set| (Reverse(set.verdict), set.requirement));
        let worst = sets
            .iter()
            .filter(|set| set.requirement == Requirement::Hard)
            .map(|set| set.verdict)
            .max();
        match worst {
            Some(verdict) => {
                let title = format!("{}: ", area.title());
                page.entry(
                    &[plain("  "), plain(&title)],
                    &[styled(style(verdict), wording::verdict(verdict))],
                )?;
            }
            None => page.entry(&[plain("  ")], &[plain(area.title())])?,
        }
        for set in sets {
            endpoint_set(set, page)?;
        }
    }
    Ok(())
}

fn endpoint_set(set: &SetReport, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let need = match set.requirement {
        Requirement::Hard => "required  ",
        Requirement::Soft => "useful    ",
        Requirement::Conditional => "depends   ",
        Requirement::None => "          ",
    };
    let section = name_of_section(set);
    let hosts = telling_hosts(set);
    let verdict = verdict_words(set);
    let text = match (ground(set), hosts.as_str()) {
        (None, "") => format!("{section}{verdict}"),
        (None, hosts) => format!("{section}{verdict}: {hosts}"),
        (Some(ground), "") => format!("{section}{verdict}: {ground}"),
        (Some(ground), hosts) => format!("{section}{verdict}: {ground} ({hosts})"),
    };
    page.entry(
        &[
            plain("    "),
            styled(style(set.verdict), mark(set.verdict)),
            plain(" "),
            plain(&number(&set.key)),
            plain(need),
        ],
        &[plain(&text)],
    )
}

/// Whether a set says something about the device.
fn is_shown(set: &SetReport) -> bool {
    !set.hosts.is_empty() || set.verdict != Verdict::NotExercised
}
