//! What devices are judged by: the edition of the list and the scenario, for every command that audits captures.

use super::catalog::Choice;
use crate::audit::ScenarioPlan;
use crate::catalog::{Catalog, ScenarioFile};
use anyhow::Context;
use clap::Args;

/// What to judge by.
#[derive(Debug, Args)]
pub struct Judging {
    #[command(flatten)]
    choice: Choice,

    /// What the devices were doing: auto (concluded from their traffic), all (the article's own Required column), or a
    /// name of `intap scenarios`; ADDRESS=NAME for one device, as often as needed [default: auto]
    #[arg(long, value_name = "[ADDRESS=]NAME")]
    scenario: Vec<String>,

    /// Tenant location, such as AMSUB0202: hosts of other regions are then not needed
    #[arg(long, value_name = "LOCATION")]
    tenant: Option<String>,

    /// Region of the tenant: north-america, europe or asia-pacific
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

impl Judging {
    /// Reads the edition and the scenarios.
    ///
    /// # Errors
    ///
    /// Which option is wrong, and what is possible.
    pub fn open(&self) -> anyhow::Result<(Catalog, ScenarioPlan)> {
        let scenarios = ScenarioFile::shipped()?;
        let scenario = ScenarioPlan::parse(&self.scenario, &scenarios).context("--scenario")?;
        let catalog = self.choice.open()?.catalog()?;
        let scenario = scenario
            .with_region(self.tenant.as_deref(), self.region.as_deref(), &catalog)
            .context(if self.tenant.is_some() {
                "--tenant"
            } else {
                "--region"
            })?;
        Ok((catalog, scenario))
    }
}
