//! `intap explain`: the long form of the codes that reports carry.

use super::catalog::Format;
use super::exit_status::ExitStatus;
use crate::audit::{Explanation, explain, explanations};
use crate::report::codes;
use anyhow::bail;
use clap::Args;

/// What was typed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Code of a finding, cause or verdict, such as syn_timeout; without it all are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,

    #[command(flatten)]
    format: Format,
}

/// Prints the explanation, or the list of codes.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let found: Vec<Explanation> = match &arguments.code {
        Some(code) => explain(code),
        None => explanations().collect(),
    };
    if let (Some(code), true) = (&arguments.code, found.is_empty()) {
        bail!("unknown code `{code}`; `intap explain` lists the codes there are");
    }
    arguments.format.print(
        || match arguments.code {
            Some(_) => codes::codes_text(&found),
            None => codes::code_list_text(&found),
        },
        || codes::codes_json(&found),
    )?;
    Ok(ExitStatus::Clean)
}
