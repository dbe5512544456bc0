//! `intap interfaces`: what `intap live` can watch.

use super::catalog::Format;
use super::exit_status::ExitStatus;
use crate::live::interface::{self, Interface};
use clap::Args;
use serde::Serialize;
use std::fmt::Write;

/// What was typed.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
}

/// One interface in the JSON list.
#[derive(Debug, Serialize)]
struct Row<'i> {
    name: &'i str,
    description: Option<&'i str>,
    addresses: Vec<String>,
    up: bool,
    running: bool,
    loopback: bool,
    wireless: bool,
    connected: Option<bool>,
}

/// Prints the interfaces.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let interfaces = interface::list()?;
    arguments
        .format
        .print(|| text(&interfaces), || json(&interfaces))?;
    Ok(ExitStatus::Clean)
}

fn text(interfaces: &[Interface]) -> String {
    let wide = |interface: &Interface| interface.name.chars().count();
    let width = interfaces.iter().map(wide).max().unwrap_or(0);
    let mut text = String::new();
    for interface in interfaces {
        let addresses: Vec<String> = interface
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut about = addresses;
        if let Some(description) = &interface.description {
            about.push(format!("({description})"));
        }
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {:12}  {}",
            interface.name,
            state(interface),
            about.join(" ")
        );
    }
    if interfaces.is_empty() {
        text.push_str("no interface can be watched here\n");
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

fn state(interface: &Interface) -> &'static str {
    match (interface.up, interface.running, interface.connected) {
        (false, _, _) => "down",
        (true, _, Some(false)) => "disconnected",
        (true, false, _) => "up, no link",
        (true, true, _) => "up",
    }
}

fn json(interfaces: &[Interface]) -> String {
    let rows: Vec<Row<'_>> = interfaces
        .iter()
        .map(|interface| Row {
            name: &interface.name,
            description: interface.description.as_deref(),
            addresses: interface
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect(),
            up: interface.up,
            running: interface.running,
            loopback: interface.loopback,
            wireless: interface.wireless,
            connected: interface.connected,
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&rows).unwrap_or_default();
    text.push('\n');
    text
}
