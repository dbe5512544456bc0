//! One device, one feature area, one endpoint set, or the help, as lines.

use super::draw::{counts, worst_of};
use super::sentence::device;
use super::state::{Detail, State};
use super::theme::{Theme, clock, grouped, safe, span};
use crate::audit::standing::Traffic;
use crate::audit::{Cause, Verdict};
use crate::catalog::{FeatureArea, SetKey};
use crate::live::{ClientStatus, HostTotal, SetStatus};
use crate::report::figures::octets;
use crate::report::wording::{counted, mark, verdict};
use ratatui::text::{Line, Span};
use std::net::IpAddr;

/// Devices listed under a feature area or endpoint set.
const LISTED: usize = 100;

/// Causes listed under a host.
const CAUSES: usize = 3;

/// A detail's title and lines.
pub(super) fn of(state: &State, theme: Theme, detail: &Detail) -> (String, Vec<Line<'static>>) {
    match detail {
        Detail::Device(address) => of_device(state, theme, *address),
        Detail::Area(area) => (area.title().to_owned(), of_area(state, theme, *area)),
        Detail::Set(area, set) => (
            format!("Endpoint set {set}: {}", area.title()),
            of_set(state, theme, *area, set),
        ),
    }
}

fn of_device(state: &State, theme: Theme, address: IpAddr) -> (String, Vec<Line<'static>>) {
    let found = state
        .snapshot
        .clients
        .iter()
        .find(|client| client.addresses.contains(&address));
    let Some(client) = found else {
        let line = "It is not among the devices that are listed: nothing came of it lately, and nothing is blocked.";
        return (format!("Device {address}"), vec![Line::raw(line)]);
    };
    let name = device(&client.addresses, client.name.as_ref());
    let addresses: Vec<String> = client.addresses.iter().map(ToString::to_string).collect();
    let ago = span(state.snapshot.time.since(client.last_seen));
    let mut lines = vec![
        Line::raw(format!(
            "Addresses {}   last seen {ago} ago",
            addresses.join(", ")
        )),
        Line::default(),
    ];
    lines.extend(set_lines(client, theme));
    lines.push(Line::default());
    lines.push(Line::styled(
        "Events of this device, newest first",
        theme.title(),
    ));
    let events = state.events.iter().rev().filter(|event| {
        event
            .addresses
            .iter()
            .any(|address| client.addresses.contains(address))
    });
    lines.extend(events.map(|event| {
        let sign = event.verdict.map_or_else(
            || Span::raw(" "),
            |verdict| Span::styled(mark(verdict), theme.verdict(verdict)),
        );
        let time = Span::styled(clock(event.time), theme.dim());
        let colon = if event.host.is_empty() { "" } else { ": " };
        let text = Span::raw(format!(" {}{colon}{}", event.host, event.text));
        Line::from(vec![time, Span::raw(" "), sign, text])
    }));
    (format!("Device {name}"), lines)
}

fn set_lines(client: &ClientStatus, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut area = None;
    for set in &client.sets {
        if area != Some(set.area) {
            area = Some(set.area);
            lines.push(Line::styled(set.area.title(), theme.title()));
        }
        lines.extend(set_lines_of(set, theme));
    }
    lines
}

/// A set, and under it why it fails.
fn set_lines_of(set: &SetStatus, theme: Theme) -> Vec<Line<'static>> {
    let shown = match (set.blocked_now, set.in_window) {
        (true, _) => Some(Verdict::Blocked),
        (false, in_window) => in_window,
    };
    let (sign, words, style) = match shown {
        Some(shown) => (mark(shown), verdict(shown), theme.verdict(shown)),
        None => (" ", "not in the window", theme.dim()),
    };
    let mut lines = vec![Line::from(vec![
        Span::raw("  "),
        Span::styled(format!("{sign} {words:<17}"), style),
        Span::raw(format!(" {:<10} {}", set.set.to_string(), safe(&set.host))),
    ])];
    if let Some(cause) = set.cause {
        let before = match (shown, set.ever_reached) {
            (Some(Verdict::Blocked), true) => "; something of the set was reached before",
            _ => "",
        };
        lines.push(Line::raw(format!(
            "{:33}{}{before}",
            "",
            Cause::phrase(cause)
        )));
    }
    lines
}

fn of_area(state: &State, theme: Theme, area: FeatureArea) -> Vec<Line<'static>> {
    let now = &state.snapshot;
    let mut lines = vec![Line::styled("Endpoint sets, in devices", theme.title())];
    let chosen = state.set_row(area);
    for (row, total) in state.sets_of(area).enumerate() {
        let worst = worst_of(&total.devices);
        let parts: Vec<String> = counts(&total.devices)
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(shown, count)| format!("{} {}", grouped(count), verdict(shown)))
            .collect();
        let text = Span::raw(format!(
            "{:<20} {}; {}",
            total.set.to_string(),
            parts.join(", "),
            in_words(total.devices.traffic)
        ));
        let sign = Span::styled(format!("  {} ", mark(worst)), theme.verdict(worst));
        let line = Line::from(vec![sign, text]);
        lines.push(if row == chosen {
            line.style(theme.chosen())
        } else {
            line
        });
    }
    let blocked: Vec<_> = now
        .blocked
        .iter()
        .filter(|total| total.area == area)
        .collect();
    if !blocked.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("What blocks now", theme.title()));
    }
    for total in blocked {
        let devices = usize::try_from(total.devices).unwrap_or(usize::MAX);
        lines.push(Line::from(vec![
            Span::styled("  ✗ ", theme.verdict(Verdict::Blocked)),
            Span::raw(format!(
                "{}: {}",
                counted(devices, "device"),
                Cause::phrase(total.cause)
            )),
        ]));
    }
    lines.extend(devices_in_trouble(state, theme, |set| set.area == area));
    lines
}

/// Devices for which something that `wanted` tells of fails, each with its sets.
fn devices_in_trouble(
    state: &State,
    theme: Theme,
    wanted: impl Fn(&SetStatus) -> bool,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let failing = |set: &&SetStatus| {
        wanted(set)
            && (set.blocked_now
                || matches!(
                    set.in_window,
                    Some(Verdict::Blocked | Verdict::Intercepted | Verdict::Degraded)
                ))
    };
    let devices: Vec<_> = state
        .shown_devices()
        .into_iter()
        .filter(|client| client.sets.iter().any(|set| failing(&set)))
        .take(LISTED)
        .collect();
    if !devices.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("Devices in trouble here", theme.title()));
    }
    for client in devices {
        let name = device(&client.addresses, client.name.as_ref());
        lines.push(Line::raw(format!("  {name}")));
        lines.extend(
            client
                .sets
                .iter()
                .filter(failing)
                .flat_map(|set| set_lines_of(set, theme)),
        );
    }
    lines
}

/// Attempts since the start, in words.
fn in_words(traffic: Traffic) -> String {
    let attempts = usize::try_from(traffic.attempts).unwrap_or(usize::MAX);
    format!(
        "{}, {} failed, {}",
        counted(attempts, "attempt"),
        grouped(traffic.failed),
        octets(traffic.octets)
    )
}

fn of_set(state: &State, theme: Theme, area: FeatureArea, set: &SetKey) -> Vec<Line<'static>> {
    let Some(total) = state.sets_of(area).find(|total| total.set == *set) else {
        return vec![Line::raw("No device tried it within the window.")];
    };
    let mut lines = vec![
        Line::raw(format!(
            "{} since {} UTC",
            in_words(total.devices.traffic),
            clock(state.snapshot.started)
        )),
        Line::default(),
        Line::styled("Its hosts, in devices", theme.title()),
    ];
    for host in &total.hosts {
        lines.extend(host_lines(host, theme));
    }
    if total.more_hosts > 0 {
        lines.push(Line::styled(
            format!("    and {} more", counted(total.more_hosts, "host")),
            theme.dim(),
        ));
    }
    let its = |status: &SetStatus| status.area == area && status.set == *set;
    lines.extend(devices_in_trouble(state, theme, its));
    lines
}

/// A host with how many devices it serves, and under it what failed.
fn host_lines(host: &HostTotal, theme: Theme) -> Vec<Line<'static>> {
    let counts = [
        (Verdict::Blocked, host.blocked, "blocked"),
        (Verdict::Degraded, host.failing, "failing"),
        (Verdict::Reached, host.reached, "reached"),
        (Verdict::Inconclusive, host.unclear, "unclear"),
    ];
    let worst = counts
        .iter()
        .find(|(_, count, _)| *count > 0)
        .map_or(Verdict::Inconclusive, |(verdict, ..)| *verdict);
    let parts: Vec<String> = counts
        .iter()
        .filter(|(_, count, _)| *count > 0)
        .map(|(_, count, word)| format!("{} {word}", grouped(*count)))
        .collect();
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("  {} ", mark(worst)), theme.verdict(worst)),
        Span::raw(format!("{}: {}", safe(&host.host), parts.join(", "))),
    ])];
    lines.extend(host.causes.iter().take(CAUSES).map(|(cause, count)| {
        let devices = usize::try_from(*count).unwrap_or(usize::MAX);
        Line::raw(format!(
            "      {}: {}",
            counted(devices, "device"),
            Cause::phrase(*cause)
        ))
    }));
    lines
}

/// What the marks mean and what the keys do.
pub(super) fn help(theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (keys, what) in [
        ("Tab, ← →", "the next part: feature areas, devices, events"),
        ("↑ ↓, PgUp PgDn, Home End", "choose a row, or scroll"),
        (
            "Enter, Esc",
            "details of a device, of an area and its sets; back",
        ),
        ("t", "areas count devices, or attempts and bytes"),
        ("/", "only what has a text: device, host, area, cause"),
        (
            "p, Space",
            "stand still and go on; watching goes on meanwhile",
        ),
        ("q, Ctrl-C", "end, with the last report"),
    ] {
        lines.push(Line::raw(format!("{keys:<26}{what}")));
    }
    lines.push(Line::default());
    for (shown, what) in [
        (Verdict::Blocked, "tried, and never served"),
        (
            Verdict::Intercepted,
            "served, through a certificate that must not be there",
        ),
        (Verdict::Degraded, "reached, but something of it failed"),
        (Verdict::Reached, "served, and nothing was left failing"),
        (Verdict::Inconclusive, "the packets do not show it"),
    ] {
        lines.push(Line::from(vec![
            Span::styled(
                format!("{} {:<14}", mark(shown), verdict(shown)),
                theme.verdict(shown),
            ),
            Span::raw(what),
        ]));
    }
    lines.push(Line::default());
    for line in [
        "Numbers are devices, each by its worst endpoint set over the rolling window: \"in",
        "part\" where one host of a set fails and others work. A device is blocked (✗)",
        "while any host fails that is not known to work otherwise. The bars are the",
        "devices in trouble over 15 minutes, four bars a minute, the newest at the right.",
    ] {
        lines.push(Line::raw(line));
    }
    lines
}
