//! Commands and options that this build lacks, because it was made without the part of the program that has them.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A part that a build may lack.
struct Part {
    /// The cargo feature.
    feature: &'static str,
    is_here: bool,
    /// What is missing without it.
    missing: &'static str,
    commands: &'static [&'static str],
    options: &'static [&'static str],
}

const PARTS: [Part; 2] = [
    Part {
        feature: "tables",
        is_here: cfg!(feature = "tables"),
        missing: "has no tables",
        commands: &["summary"],
        options: &["--tables", "--tables-format", "--site"],
    },
    Part {
        feature: "live",
        is_here: cfg!(feature = "live"),
        missing: "watches no interfaces and has no capture filters",
        commands: &["live", "interfaces"],
        options: &["--filter"],
    },
];

/// What to say of a command line that was refused only because this build is a smaller one.
pub fn complaint(error: &clap::Error) -> Option<String> {
    let kind = error.kind();
    let context = match kind {
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        _ => return None,
    };
    let Some(ContextValue::String(word)) = error.get(context) else {
        return None;
    };
    let word = word.split('=').next().unwrap_or_default();
    let part = PARTS.iter().filter(|part| !part.is_here).find(|part| {
        let words = match kind {
            ErrorKind::InvalidSubcommand => part.commands,
            _ => part.options,
        };
        words.contains(&word)
    })?;
    Some(format!("{word}: {}", sentence(part)))
}

/// What to say of a file of tables, which this build cannot read.
#[cfg(not(feature = "tables"))]
pub fn no_tables() -> String {
    let [tables, _] = &PARTS;
    sentence(tables)
}

fn sentence(part: &Part) -> String {
    let Part {
        feature, missing, ..
    } = part;
    format!("this build {missing}; build with --features {feature}")
}
