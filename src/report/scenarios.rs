//! What devices need for what they do, as text of 80 columns and as JSON.

use super::catalog::json;
use super::catalog::page::Page;
use crate::catalog::{GroupMember, Need, Scenario, Sign, SignPart, Stage, Targets};
use serde::Serialize;
use std::fmt::Display;

#[derive(Debug, Serialize)]
struct Record<'s> {
    name: &'s str,
    title: &'s str,
    platform: &'static str,
    feature: bool,
    fallback: bool,
    source: &'s str,
    notes: &'s [String],
    signs: Vec<SignRecord>,
    needs: Vec<NeedRecord<'s>>,
    stages: Vec<StageRecord<'s>>,
}

#[derive(Debug, Serialize)]
struct SignRecord {
    proof: bool,
    one_of_each: Vec<TargetRecord>,
}

#[derive(Debug, Serialize)]
struct TargetRecord {
    endpoint_sets: Vec<String>,
    hosts: Vec<String>,
}

#[derive(Debug, Serialize)]
struct NeedRecord<'s> {
    level: &'static str,
    #[serde(flatten)]
    targets: TargetRecord,
    groups: Vec<GroupRecord<'s>>,
    when: Option<&'s str>,
    certainty: &'static str,
    source: Option<&'s str>,
}

#[derive(Debug, Serialize)]
struct GroupRecord<'s> {
    name: &'s str,
    any_of: &'s str,
    members: Vec<MemberRecord<'s>>,
}

#[derive(Debug, Serialize)]
struct MemberRecord<'s> {
    is: &'s str,
    #[serde(flatten)]
    targets: TargetRecord,
}

#[derive(Debug, Serialize)]
struct StageRecord<'s> {
    name: &'s str,
    title: &'s str,
    #[serde(flatten)]
    targets: TargetRecord,
    certainty: &'static str,
    source: Option<&'s str>,
}

/// The scenarios as JSON, a list.
#[must_use]
pub fn scenarios_json(scenarios: &[&Scenario]) -> String {
    let records: Vec<Record<'_>> = scenarios.iter().map(|scenario| record(scenario)).collect();
    json(&records)
}

fn record(scenario: &Scenario) -> Record<'_> {
    Record {
        name: &scenario.name,
        title: &scenario.title,
        platform: scenario.platform.name(),
        feature: scenario.feature,
        fallback: scenario.fallback,
        source: &scenario.source,
        notes: &scenario.notes,
        signs: scenario
            .signs
            .iter()
            .map(|sign| SignRecord {
                proof: sign.proof,
                one_of_each: sign
                    .parts
                    .iter()
                    .map(|part| TargetRecord {
                        endpoint_sets: texts(&part.sets),
                        hosts: texts(&part.hosts),
                    })
                    .collect(),
            })
            .collect(),
        needs: scenario.needs.iter().map(need_record).collect(),
        stages: scenario
            .stages
            .iter()
            .map(|stage| StageRecord {
                name: &stage.name,
                title: &stage.title,
                targets: target_record(&stage.targets),
                certainty: stage.certainty.name(),
                source: stage.source.as_deref(),
            })
            .collect(),
    }
}

fn need_record(need: &Need) -> NeedRecord<'_> {
    NeedRecord {
        level: need.level.name(),
        targets: target_record(&need.targets),
        groups: need
            .groups
            .iter()
            .map(|group| GroupRecord {
                name: &group.name,
                any_of: &group.any_of,
                members: group.members.iter().map(member_record).collect(),
            })
            .collect(),
        when: need.when.as_deref(),
        certainty: need.certainty.name(),
        source: need.source.as_deref(),
    }
}

fn member_record(member: &GroupMember) -> MemberRecord<'_> {
    MemberRecord {
        is: &member.is,
        targets: target_record(&member.targets),
    }
}

fn target_record(targets: &Targets) -> TargetRecord {
    TargetRecord {
        endpoint_sets: texts(&targets.sets),
        hosts: texts(&targets.hosts),
    }
}

/// One line for each scenario.
#[must_use]
pub fn scenario_list_text(scenarios: &[&Scenario]) -> String {
    let mut page = Page::default();
    for scenario in scenarios {
        let kind = if scenario.feature { ", a feature" } else { "" };
        page.labelled(
            &format!("{:<36} ", scenario.name),
            &format!("{} ({}{kind})", scenario.title, scenario.platform.title()),
        );
    }
    page.line("");
    page.line("intap scenarios NAME tells more; intap audit --scenario NAME judges by it.");
    page.finish()
}

/// One scenario in full.
#[must_use]
pub fn scenario_text(scenario: &Scenario) -> String {
    let mut page = Page::default();
    page.labelled(&format!("{}: ", scenario.name), &scenario.title);
    page.labelled("  Platform  ", scenario.platform.title());
    page.labelled("  Source    ", &scenario.source);
    for note in &scenario.notes {
        page.labelled("  Note      ", note);
    }
    page.line("");
    page.line("Recognised by");
    if scenario.signs.is_empty() {
        let words = if scenario.fallback {
            "nothing of its own: devices of the platform that show no sign of another scenario are judged by it"
        } else {
            "nothing that traffic shows; choose it with --scenario"
        };
        page.labelled("  ", words);
    }
    for sign in &scenario.signs {
        let label = if sign.proof {
            "  proof   "
        } else {
            "  likely  "
        };
        page.labelled(label, &sign_words(sign));
    }
    page.line("");
    page.line("Needs");
    for need in &scenario.needs {
        page.labelled(&format!("  {:<12} ", need.level.name()), &need_words(need));
    }
    if !scenario.stages.is_empty() {
        page.line("");
        page.line("Usual order of contact");
    }
    for (index, stage) in scenario.stages.iter().enumerate() {
        page.labelled(&format!("  {:>2}. ", index + 1), &stage_words(stage));
    }
    page.finish()
}

fn texts<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn joined<T: Display>(items: &[T]) -> String {
    texts(items).join(", ")
}

fn target_words(targets: &Targets) -> String {
    match (targets.sets.is_empty(), targets.hosts.is_empty()) {
        (true, _) => joined(&targets.hosts),
        (false, true) => format!("sets {}", joined(&targets.sets)),
        (false, false) => format!(
            "{} (sets {})",
            joined(&targets.hosts),
            joined(&targets.sets)
        ),
    }
}

fn sign_words(sign: &Sign) -> String {
    let parts: Vec<String> = sign.parts.iter().map(sign_part_words).collect();
    parts.join("; together with ")
}

fn sign_part_words(part: &SignPart) -> String {
    match (part.sets.is_empty(), part.hosts.is_empty()) {
        (true, _) => joined(&part.hosts),
        (false, true) => format!("hosts of sets {}", joined(&part.sets)),
        (false, false) => format!(
            "hosts of sets {}, {}",
            joined(&part.sets),
            joined(&part.hosts)
        ),
    }
}

fn need_words(need: &Need) -> String {
    let mut words = target_words(&need.targets);
    for group in &need.groups {
        let members: Vec<String> = group
            .members
            .iter()
            .map(|member| format!("{}: {}", member.is, target_words(&member.targets)))
            .collect();
        if !words.is_empty() {
            words.push_str("; ");
        }
        words.push_str(&format!(
            "one of {} by {} ({})",
            group.name,
            group.any_of,
            members.join("; ")
        ));
    }
    if let Some(when) = &need.when {
        words.push_str(&format!("; when {when}"));
    }
    words.push_str(&format!(" [{}", need.certainty.name()));
    if let Some(source) = &need.source {
        words.push_str(&format!(": {source}"));
    }
    words.push(']');
    words
}

fn stage_words(stage: &Stage) -> String {
    format!(
        "{}: {} [{}]",
        stage.title,
        target_words(&stage.targets),
        stage.certainty.name()
    )
}
