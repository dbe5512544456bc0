//! `intap scenarios`: what devices need for what they do, and in which order they contact it.

use super::catalog::Format;
use super::exit_status::ExitStatus;
use crate::catalog::{Scenario, ScenarioFile};
use crate::report::scenarios;
use anyhow::bail;
use clap::Args;

/// What was typed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A scenario's name; without it all are listed
    #[arg(value_name = "NAME")]
    scenario: Option<String>,

    #[command(flatten)]
    format: Format,
}

/// Prints one scenario, or the list of them.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let file = ScenarioFile::shipped()?;
    let all: Vec<&Scenario> = file.scenarios.iter().map(AsRef::as_ref).collect();
    let Some(name) = &arguments.scenario else {
        arguments.format.print(
            || scenarios::scenario_list_text(&all),
            || scenarios::scenarios_json(&all),
        )?;
        return Ok(ExitStatus::Clean);
    };
    let Some(scenario) = file.scenario(name) else {
        let known: Vec<&str> = all.iter().map(|scenario| scenario.name.as_str()).collect();
        bail!(
            "unknown scenario `{name}`; known ones are {}",
            known.join(", ")
        );
    };
    arguments.format.print(
        || scenarios::scenario_text(scenario),
        || scenarios::scenarios_json(&[scenario]),
    )?;
    Ok(ExitStatus::Clean)
}
