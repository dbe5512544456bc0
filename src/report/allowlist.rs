//! The firewall request, as text of 80 columns, as CSV, as JSON and as Markdown.

use super::catalog::export::cell;
use super::catalog::json;
use super::catalog::page::{Page, ports};
use super::markdown::{code, prose};
use super::wording;
use crate::allowlist::{Allowlist, Demand, Rule, State, Target};
use crate::audit::Cause;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What the network does with it now, in words.
fn state(rule: &Rule) -> String {
    let words = match rule.state {
        State::Blocked => "blocked now",
        State::Partly => "fails in part",
        State::Works => "works",
        State::Unclear => "cannot tell",
        State::Untried => "not tried",
    };
    match rule.cause {
        Some(cause) => format!("{words}: {}", cause.phrase()),
        None => words.to_owned(),
    }
}

fn rule_ports(rule: &Rule) -> String {
    let list = |ports: &BTreeSet<u16>| ports.iter().copied().collect::<Vec<_>>();
    ports(&list(&rule.tcp_ports), &list(&rule.udp_ports))
}

fn joined<T: ToString>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    words.join(between)
}

fn demands(rule: &Rule) -> String {
    joined(rule.demands.iter().map(|demand| demand.phrase()), ", ")
}

/// What a firewall that knows names only by wildcards, or only addresses, has to be told besides.
fn remark(rule: &Rule) -> String {
    match &rule.target {
        Target::Address(_) => {
            "its name is not in the capture; allow a name rather than an address".to_owned()
        }
        _ => String::new(),
    }
}

fn purpose(list: &Allowlist) -> String {
    match list.purpose.as_slice() {
        [] => "every device, by the article's own list".to_owned(),
        titles => titles.join("; "),
    }
}

fn scope(list: &Allowlist) -> &'static str {
    match list.mode {
        crate::allowlist::Mode::Seen => {
            "the names that were asked for (--mode complete: all that is published)"
        }
        crate::allowlist::Mode::Complete => "all that is published",
    }
}

fn untried(list: &Allowlist) -> Option<String> {
    (!list.untried.is_empty()).then(|| {
        format!(
            "required sets that nothing was tried of, and that are not below: {}; --mode complete has them",
            joined(&list.untried, ", ")
        )
    })
}

fn counts(list: &Allowlist) -> String {
    let fail = |rule: &&Rule| matches!(rule.state, State::Blocked | State::Partly);
    format!(
        "{}, {} of them for what fails now",
        wording::counted(list.rules.len(), "rule"),
        list.rules.iter().filter(fail).count()
    )
}

// ---- Text

/// The request for people.
#[must_use]
pub fn allowlist_text(list: &Allowlist) -> String {
    let mut page = Page::default();
    page.labelled(
        "Request   ",
        &format!("allow from the devices' network, for {}", purpose(list)),
    );
    page.labelled("Scope     ", scope(list));
    page.labelled("List      ", &format!("endpoint list {}", list.edition));
    if let Some(untried) = untried(list) {
        page.labelled("Missing   ", &untried);
    }
    let fails = |rule: &&Rule| matches!(rule.state, State::Blocked | State::Partly);
    for (title, rules) in [
        (
            "Fails now",
            list.rules.iter().filter(fails).collect::<Vec<_>>(),
        ),
        (
            "Everything else",
            list.rules.iter().filter(|rule| !fails(rule)).collect(),
        ),
    ] {
        if rules.is_empty() {
            continue;
        }
        page.line("");
        page.line(title);
        for rule in rules {
            text_rule(&mut page, rule);
        }
    }
    page.line("");
    page.labelled("Result    ", &counts(list));
    page.finish()
}

fn text_rule(page: &mut Page, rule: &Rule) {
    page.labelled("  ", &rule.target.text());
    let need = match wording::need(rule.requirement) {
        "" => "not needed for what was done",
        need => need,
    };
    page.labelled(
        "      ",
        &format!(
            "{}; {need}; set {}",
            rule_ports(rule),
            joined(&rule.sets, ", ")
        ),
    );
    let mut words = state(rule);
    if let Some((frame, _)) = &rule.proof {
        let _ = write!(words, ", frame {frame}");
    }
    if rule.devices > 1 {
        let _ = write!(words, ", {} devices", rule.devices);
    }
    page.labelled("      ", &words);
    if let Some(pattern) = &rule.pattern {
        page.labelled("      ", &format!("published as {pattern}"));
    }
    if !rule.demands.is_empty() {
        page.labelled("      ", &format!("needs {}", demands(rule)));
    }
    page.labelled("      ", &remark(rule));
}

// ---- CSV

/// The request for spreadsheets and scripts (RFC 4180), one rule a line; `docs/allowlist.md` has the columns.
#[must_use]
pub fn allowlist_csv(list: &Allowlist) -> String {
    let mut table = String::from(
        "target,kind,published_as,tcp_ports,udp_ports,endpoint_sets,requirement,state,cause,frame,time,devices,demands\r\n",
    );
    for rule in &list.rules {
        let (frame, time) = match &rule.proof {
            Some((frame, time)) => (frame.to_string(), time.clone()),
            None => (String::new(), String::new()),
        };
        let cells = [
            rule.target.text(),
            rule.target.kind().to_owned(),
            rule.pattern.clone().unwrap_or_default(),
            joined(&rule.tcp_ports, " "),
            joined(&rule.udp_ports, " "),
            joined(&rule.sets, " "),
            rule.requirement.name().to_owned(),
            rule.state.code().to_owned(),
            rule.cause
                .map_or(String::new(), |cause| cause.code().to_owned()),
            frame,
            time,
            rule.devices.to_string(),
            joined(rule.demands.iter().map(|demand| demand.code()), " "),
        ];
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        table.push_str(&cells.join(","));
        table.push_str("\r\n");
    }
    table
}

// ---- Markdown

/// The request for a ticket.
#[must_use]
pub fn allowlist_markdown(list: &Allowlist) -> String {
    let mut out = String::from("# Firewall request for Microsoft Intune\n\n");
    let _ = writeln!(out, "- **For**: {}", prose(&purpose(list)));
    let _ = writeln!(out, "- **Scope**: {}", prose(scope(list)));
    let _ = writeln!(
        out,
        "- **Taken from**: endpoint list {}",
        code(&list.edition)
    );
    if let Some(untried) = untried(list) {
        let _ = writeln!(out, "- **Missing**: {}", prose(&untried));
    }
    let _ = writeln!(out, "- **Rules**: {}\n", counts(list));
    out.push_str("| Allow | Ports | Need | Set | Now | Frame | Demands |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for rule in &list.rules {
        let mut target = code(&rule.target.text());
        if let Some(pattern) = &rule.pattern {
            let _ = write!(target, " (published as {})", code(pattern));
        }
        let _ = writeln!(
            out,
            "| {target} | {} | {} | {} | {} | {} | {} |",
            rule_ports(rule),
            wording::need(rule.requirement),
            joined(rule.sets.iter().map(|set| code(&set.to_string())), " "),
            prose(&state(rule)),
            rule.proof
                .as_ref()
                .map_or(String::new(), |(frame, _)| frame.to_string()),
            demands(rule)
        );
    }
    out
}

// ---- JSON

#[derive(Serialize)]
struct Document<'r> {
    schema_version: u32,
    mode: &'static str,
    edition: &'r str,
    purpose: &'r [String],
    untried_sets: Vec<String>,
    rules: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Entry<'r> {
    target: String,
    kind: &'static str,
    published_as: Option<&'r str>,
    tcp_ports: &'r BTreeSet<u16>,
    udp_ports: &'r BTreeSet<u16>,
    endpoint_sets: Vec<String>,
    requirement: &'static str,
    state: &'static str,
    cause: Option<&'static str>,
    first_frame: Option<u64>,
    first_time: Option<&'r str>,
    devices: usize,
    demands: Vec<&'static str>,
}

/// The request for programs; `docs/allowlist.md` has the fields.
#[must_use]
pub fn allowlist_json(list: &Allowlist) -> String {
    json(&Document {
        schema_version: 1,
        mode: list.mode.code(),
        edition: &list.edition,
        purpose: &list.purpose,
        untried_sets: list.untried.iter().map(ToString::to_string).collect(),
        rules: list.rules.iter().map(entry).collect(),
    })
}

fn entry(rule: &Rule) -> Entry<'_> {
    Entry {
        target: rule.target.text(),
        kind: rule.target.kind(),
        published_as: rule.pattern.as_deref(),
        tcp_ports: &rule.tcp_ports,
        udp_ports: &rule.udp_ports,
        endpoint_sets: rule.sets.iter().map(ToString::to_string).collect(),
        requirement: rule.requirement.name(),
        state: rule.state.code(),
        cause: rule.cause.map(Cause::code),
        first_frame: rule.proof.as_ref().map(|(frame, _)| *frame),
        first_time: rule.proof.as_ref().map(|(_, time)| time.as_str()),
        devices: rule.devices,
        demands: rule
            .demands
            .iter()
            .map(|demand: &Demand| demand.code())
            .collect(),
    }
}
