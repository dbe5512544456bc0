//! `intap catalog`: what the endpoint lists say, without a capture.

mod choice;
mod file;
mod import;
mod store;
mod update;
mod validate;

pub use choice::Choice;
pub use file::read_text_within;

use super::ExitStatus;
use crate::catalog::{Catalog, EndpointSet, FeatureArea, Question, SetKey, compare, explain};
use crate::facts::printable;
use crate::report::catalog as report;
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use store::Store;

/// Where imported editions are kept; `None` where the environment names no folder.
#[cfg(feature = "live")]
pub fn imported_folder() -> Option<std::path::PathBuf> {
    let store = store::Store::open().ok()?;
    store.path("any").parent().map(std::path::Path::to_path_buf)
}

/// What was typed.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the endpoint sets of an edition
    List(List),
    /// Show sets with everything that is known about them
    Show(Show),
    /// Say which sets list a host or an address, by which pattern, in which editions
    Explain(Explain),
    /// Say what changed between two editions
    Diff(Diff),
    /// Check a catalogue file of your own
    Validate(validate::Arguments),
    /// Write a whole edition for other programs
    Export(Export),
    /// List the editions: shipped ones, then imported ones
    Editions(Editions),
    /// Import an answer of the Office 365 endpoint web service
    Import(import::Arguments),
    /// Fetch the newest list from the Office 365 endpoint web service and import it
    Update(update::Arguments),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Show {
    /// Number or key of a set, name of a feature area, or a heading of the article
    #[arg(value_name = "ID|SECTION")]
    set: String,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Explain {
    /// Host name or address, perhaps with a port; or a URL
    #[arg(value_name = "HOST|ADDRESS[:PORT]")]
    what: String,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Diff {
    /// The edition before
    #[arg(value_name = "EDITION")]
    before: String,
    /// The edition after
    #[arg(value_name = "EDITION")]
    after: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Export {
    #[command(flatten)]
    choice: Choice,
    /// How to write it
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    format: ExportFormat,
}

#[derive(Debug, Args)]
struct Editions {
    #[command(flatten)]
    format: Format,
}

/// `--format` of the subcommands that answer people.
#[derive(Debug, Args)]
pub(super) struct Format {
    /// How to print the answer
    #[arg(long = "format", value_enum, default_value_t = AnswerFormat::Text)]
    name: AnswerFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnswerFormat {
    /// For people, 80 columns.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Everything that is known about each set.
    Json,
    /// One line per host and prefix.
    Csv,
}

impl Format {
    /// Prints the answer in the form asked for.
    pub(super) fn print(
        &self,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let answer = match self.name {
            AnswerFormat::Text => text(),
            AnswerFormat::Json => json(),
        };
        super::print(answer.as_bytes())
    }
}

/// Does what was asked.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    match &arguments.command {
        Command::List(list) => {
            let file = list.choice.open()?.listed();
            list.format
                .print(|| report::list_text(&file), || report::list_json(&file))?;
        }
        Command::Show(show) => show_sets(show)?,
        Command::Explain(explain) => explain_subject(explain)?,
        Command::Diff(diff) => diff_editions(diff)?,
        Command::Validate(arguments) => return validate::run(arguments),
        Command::Export(export) => {
            let file = export.choice.open()?.listed();
            let table = match export.format {
                ExportFormat::Json => report::edition_json(&file),
                ExportFormat::Csv => report::edition_csv(&file),
            };
            super::print(table.as_bytes())?;
        }
        Command::Editions(editions) => list_editions(editions)?,
        Command::Import(arguments) => import::run(arguments)?,
        Command::Update(arguments) => update::run(arguments)?,
    }
    Ok(ExitStatus::Clean)
}

fn show_sets(show: &Show) -> anyhow::Result<()> {
    let opened = show.choice.open()?;
    // An imported edition is shown as imported; a shipped one with what is known besides.
    let listed = opened.listed();
    let catalog = opened.catalog()?;
    let known: Vec<&EndpointSet> = if opened.is_imported() {
        listed.sets.iter().collect()
    } else {
        catalog.sets().iter().collect()
    };
    let sets = find_sets(&show.set, &known)
        .or_else(|| catalog.set(&SetKey::parse(&show.set)).map(|set| vec![set]))
        .ok_or_else(|| no_such_set(&show.set, &known))?;
    show.format.print(
        || report::sets_text(&listed.edition, &sets),
        || report::sets_json(&listed.edition, &sets),
    )
}

/// The sets that `text` names, by key, feature area or heading, in this order of preference.
fn find_sets<'s>(text: &str, sets: &[&'s EndpointSet]) -> Option<Vec<&'s EndpointSet>> {
    let key = SetKey::parse(text);
    let by = |wanted: &dyn Fn(&EndpointSet) -> bool| {
        let found: Vec<_> = sets.iter().copied().filter(|set| wanted(set)).collect();
        (!found.is_empty()).then_some(found)
    };
    by(&|set| set.key == key)
        .or_else(|| {
            let area = FeatureArea::ALL.iter().find(|area| {
                area.name().eq_ignore_ascii_case(text) || area.title().eq_ignore_ascii_case(text)
            })?;
            by(&|set| set.feature_areas.contains(area))
        })
        .or_else(|| {
            by(&|set| {
                set.sections
                    .iter()
                    .any(|section| section.eq_ignore_ascii_case(text))
            })
        })
}

fn no_such_set(text: &str, sets: &[&EndpointSet]) -> anyhow::Error {
    let keys: Vec<String> = sets.iter().map(|set| set.key.to_string()).collect();
    anyhow!(
        "there is no set, feature area or heading `{}`; sets are {}",
        printable(text.as_bytes(), 80),
        keys.join(", ")
    )
}

fn explain_subject(arguments: &Explain) -> anyhow::Result<()> {
    let question = Question::parse(&arguments.what).map_err(|expected| {
        anyhow!(
            "`{}`: expected {expected}",
            printable(arguments.what.as_bytes(), 80)
        )
    })?;
    let opened = arguments.choice.open()?;
    let catalog = opened.catalog()?;
    let mut editions = Catalog::edition_names()
        .map(Catalog::edition_file)
        .collect::<Result<Vec<_>, _>>()?;
    if let Ok(store) = Store::open() {
        // A damaged import must not keep the others from answering; `catalog editions` names it.
        let imports = store
            .imports()
            .into_iter()
            .filter_map(|(_, import)| import.ok());
        editions.extend(
            imports
                .filter_map(|import| import.read().ok())
                .map(|import| import.file),
        );
    }
    editions.extend(opened.user_file().cloned());
    let explanation = explain(question, &catalog, &editions);
    let edition = catalog.edition();
    arguments.format.print(
        || report::explanation_text(edition, &explanation),
        || report::explanation_json(edition, &explanation),
    )
}

fn diff_editions(diff: &Diff) -> anyhow::Result<()> {
    let before = choice::open_edition(&diff.before)?.listed();
    let after = choice::open_edition(&diff.after)?.listed();
    let change = compare(&before, &after);
    diff.format.print(
        || report::changes_text(&before.edition, &after.edition, &change),
        || report::changes_json(&before.edition, &after.edition, &change),
    )
}

fn list_editions(arguments: &Editions) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for name in Catalog::edition_names() {
        let file = Catalog::edition_file(name)?;
        lines.push(report::EditionLine::new(
            &file,
            name == Catalog::DEFAULT_EDITION,
            None,
        ));
    }
    if let Ok(store) = Store::open() {
        for (path, import) in store.imports() {
            let read = import.and_then(|import| {
                let file = import.read()?.file;
                Ok(report::EditionLine::new(
                    &file,
                    false,
                    Some(import.beside()),
                ))
            });
            match read.with_context(|| path.display().to_string()) {
                Ok(line) => lines.push(line),
                Err(error) => super::complain(&error),
            }
        }
    }
    arguments.format.print(
        || report::editions_text(&lines),
        || report::editions_json(&lines),
    )
}
