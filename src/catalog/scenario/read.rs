//! Reads the scenario file, so that every complaint names file, line, record and field.

use super::{
    Certainty, Clue, Group, GroupMember, Need, Platform, PlatformClues, Requirement, Scenario,
    ScenarioFile, Sign, SignPart, Stage, Targets,
};
use crate::catalog::endpoint_set::SetKey;
use crate::catalog::error::CatalogError;
use crate::catalog::host_pattern::HostPattern;
use crate::catalog::record::{Record, Source};
use std::sync::Arc;

/// Reads a scenario file; `file_name` is used in complaints only.
///
/// # Errors
///
/// The first thing that is wrong, with file, line, record and field.
pub fn parse_scenarios(text: &str, file_name: &str) -> Result<ScenarioFile, CatalogError> {
    let mut document = Source {
        file: file_name,
        text,
    }
    .document()?;
    let mut groups = Vec::new();
    for record in document.tables("group")? {
        groups.push(Arc::new(read_group(record)?));
    }
    let mut platforms = Vec::new();
    for record in document.tables("platform")? {
        platforms.push(read_platform(record)?);
    }
    let mut scenarios: Vec<Arc<Scenario>> = Vec::new();
    for record in document.tables("scenario")? {
        let line = record.line();
        let scenario = read_scenario(record, &groups)?;
        if scenarios.iter().any(|other| other.name == scenario.name) {
            let record = format!("scenario {}", scenario.name);
            return Err(CatalogError::Duplicate {
                file: file_name.to_owned(),
                line,
                record,
            });
        }
        scenarios.push(Arc::new(scenario));
    }
    document.finish()?;
    Ok(ScenarioFile {
        platforms,
        scenarios,
    })
}

fn read_platform(mut record: Record<'_>) -> Result<PlatformClues, CatalogError> {
    let platform = read_platform_name(&mut record, "name")?;
    record.rename(format!("platform {}", platform.name()));
    let mut clues = Vec::new();
    for mut clue in record.tables("clue")? {
        clue.rename(format!("{}, {}", record.name(), clue.name()));
        let weight = clue.number("weight")?;
        clues.push(Clue {
            hosts: clue.parsed_list("hosts", HostPattern::parse)?,
            weight: clue.require("weight", "a number from 0 to 65535", weight)?,
        });
        clue.finish()?;
    }
    let found = PlatformClues {
        platform,
        vendor_classes: record.texts("vendor_classes")?,
        device_names: record.texts("device_names")?,
        clues,
        source: required_text(&mut record, "source")?,
    };
    record.finish()?;
    Ok(found)
}

fn read_platform_name(
    record: &mut Record<'_>,
    field: &'static str,
) -> Result<Platform, CatalogError> {
    let platform = record.parsed(field, |text| {
        Platform::ALL
            .into_iter()
            .find(|p| p.name() == text)
            .ok_or("any, windows, macos, ios or android")
    })?;
    record.require(field, "the kind of device", platform)
}

fn read_sign(mut record: Record<'_>) -> Result<Sign, CatalogError> {
    let mut parts = Vec::new();
    for mut part in record.tables("one_of_each")? {
        part.rename(format!("{}, {}", record.name(), part.name()));
        parts.push(read_sign_part(&mut part)?);
        part.finish()?;
    }
    if parts.is_empty() {
        parts.push(read_sign_part(&mut record)?);
    }
    let sign = Sign {
        parts,
        proof: record.flag("proof")?.unwrap_or(false),
    };
    record.finish()?;
    Ok(sign)
}

fn read_sign_part(record: &mut Record<'_>) -> Result<SignPart, CatalogError> {
    let Targets { sets, hosts } = read_targets(record)?;
    Ok(SignPart { sets, hosts })
}

fn read_group(mut record: Record<'_>) -> Result<Group, CatalogError> {
    let name = required_text(&mut record, "name")?;
    record.rename(format!("group {name}"));
    let mut members = Vec::new();
    for mut member in record.tables("member")? {
        member.rename(format!("{}, {}", record.name(), member.name()));
        members.push(GroupMember {
            is: required_text(&mut member, "is")?,
            targets: read_targets(&mut member)?,
        });
        member.finish()?;
    }
    let group = Group {
        name,
        any_of: required_text(&mut record, "any_of")?,
        members,
        certainty: read_certainty(&mut record)?,
        source: required_text(&mut record, "source")?,
    };
    record.finish()?;
    Ok(group)
}

fn read_scenario(mut record: Record<'_>, groups: &[Arc<Group>]) -> Result<Scenario, CatalogError> {
    let name = required_text(&mut record, "name")?;
    record.rename(format!("scenario {name}"));
    let platform = read_platform_name(&mut record, "platform")?;
    let mut signs = Vec::new();
    for mut sign in record.tables("sign")? {
        sign.rename(format!("{}, {}", record.name(), sign.name()));
        signs.push(read_sign(sign)?);
    }
    let mut needs = Vec::new();
    for mut need in record.tables("need")? {
        need.rename(format!("{}, {}", record.name(), need.name()));
        needs.push(read_need(need, groups)?);
    }
    let mut stages: Vec<Stage> = Vec::new();
    for mut stage in record.tables("stage")? {
        stage.rename(format!("{}, {}", record.name(), stage.name()));
        stages.push(Stage {
            name: required_text(&mut stage, "name")?.into(),
            title: required_text(&mut stage, "title")?.into(),
            targets: read_targets(&mut stage)?,
            certainty: read_certainty(&mut stage)?,
            source: stage.text("source")?,
        });
        stage.finish()?;
    }
    let scenario = Scenario {
        title: required_text(&mut record, "title")?,
        platform,
        source: required_text(&mut record, "source")?,
        notes: record.texts("notes")?,
        feature: record.flag("feature")?.unwrap_or(false),
        fallback: record.flag("fallback")?.unwrap_or(false),
        signs,
        name,
        levels: super::strongest(&needs),
        needs,
        stages,
    };
    if scenario.needs.is_empty() {
        return record.require("need", "at least one need", None);
    }
    record.finish()?;
    Ok(scenario)
}

fn read_need(mut record: Record<'_>, groups: &[Arc<Group>]) -> Result<Need, CatalogError> {
    let level = record.parsed("level", |text| {
        let found = Requirement::ALL
            .into_iter()
            .find(|level| level.name() == text);
        found
            .filter(|level| *level != Requirement::None)
            .ok_or("hard, soft or conditional")
    })?;
    let groups = record.parsed_list("groups", |text| {
        groups
            .iter()
            .find(|group| group.name == text)
            .cloned()
            .ok_or("the name of a group of this file")
    })?;
    let targets = if groups.is_empty() {
        read_targets(&mut record)?
    } else {
        read_optional_targets(&mut record)?
    };
    let need = Need {
        level: record.require("level", "hard, soft or conditional", level)?,
        targets,
        groups,
        when: record.text("when")?,
        certainty: read_certainty(&mut record)?,
        source: record.text("source")?,
    };
    if need.level == Requirement::Conditional && need.when.is_none() {
        return record.require("when", "the condition of a conditional need", None);
    }
    record.finish()?;
    Ok(need)
}

fn read_targets(record: &mut Record<'_>) -> Result<Targets, CatalogError> {
    let targets = read_optional_targets(record)?;
    if targets.sets.is_empty() && targets.hosts.is_empty() {
        return record.require("sets", "some sets or hosts", None);
    }
    Ok(targets)
}

fn read_optional_targets(record: &mut Record<'_>) -> Result<Targets, CatalogError> {
    Ok(Targets {
        sets: record.parsed_list("sets", |text| Ok(SetKey::parse(text)))?,
        hosts: record.parsed_list("hosts", HostPattern::parse)?,
    })
}

fn read_certainty(record: &mut Record<'_>) -> Result<Certainty, CatalogError> {
    let expected = "cited, inferred or unconfirmed";
    let certainty = record.parsed("certainty", |text| {
        Certainty::ALL
            .into_iter()
            .find(|c| c.name() == text)
            .ok_or(expected)
    })?;
    record.require("certainty", expected, certainty)
}

fn required_text(record: &mut Record<'_>, field: &'static str) -> Result<String, CatalogError> {
    let text = record.text(field)?;
    record.require(field, "some text", text)
}
