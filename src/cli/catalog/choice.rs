//! Which edition is meant: `--edition` and `--catalog`, for the audit and for `intap catalog`.

use super::file::read_text;
use super::store::Store;
use crate::catalog::{Catalog, CatalogError, EditionFile, check_edition};
use anyhow::{Context, anyhow};
use clap::Args;
use std::path::PathBuf;

/// The edition asked for.
#[derive(Debug, Args)]
pub struct Choice {
    /// Published edition of the endpoint list, or an imported one; see `intap catalog editions`
    #[arg(long, value_name = "NAME", default_value = Catalog::DEFAULT_EDITION)]
    edition: String,

    /// Your own catalogue file, laid over the edition
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
}

impl Choice {
    /// The edition called `edition`, or the default one, with `catalog` over it.
    #[cfg(feature = "live")]
    pub fn new(edition: Option<&str>, catalog: Option<PathBuf>) -> Self {
        Self {
            edition: edition.unwrap_or(Catalog::DEFAULT_EDITION).to_owned(),
            catalog,
        }
    }

    /// Reads the edition and the user's file.
    ///
    /// # Errors
    ///
    /// What is wrong with either; everything that is wrong with the user's file, one complaint a line.
    pub fn open(&self) -> anyhow::Result<Opened> {
        let mut opened = open_edition(&self.edition).context("--edition")?;
        if let Some(path) = &self.catalog {
            let text = read_text(path).context("--catalog")?;
            opened.user = Some(check_edition(&text, &path.to_string_lossy()).map_err(all)?);
        }
        Ok(opened)
    }
}

/// All complaints as one error, one a line.
fn all(complaints: Vec<CatalogError>) -> anyhow::Error {
    let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    anyhow!("{}", lines.join("\n"))
}

/// An edition as chosen.
#[derive(Debug)]
pub struct Opened {
    shipped: EditionFile,
    imported: Option<EditionFile>,
    user: Option<EditionFile>,
}

/// The edition with this name, shipped or imported.
///
/// # Errors
///
/// [`CatalogError::UnknownEdition`], naming the imported ones too, or what is wrong with the imported one.
pub fn open_edition(name: &str) -> anyhow::Result<Opened> {
    let unknown = match Catalog::edition_file(name) {
        Ok(shipped) => {
            return Ok(Opened {
                shipped,
                imported: None,
                user: None,
            });
        }
        Err(error) => error,
    };
    let imported: Vec<String> = Store::open().map_or(Vec::new(), |store| store.names());
    if !imported.iter().any(|known| known == name) {
        return Err(if imported.is_empty() {
            unknown.into()
        } else {
            anyhow!("{unknown}, {}", imported.join(", "))
        });
    }
    let import = Store::open()?.load(name)?;
    let imported = import
        .read()
        .with_context(|| format!("imported edition `{name}`"))?;
    Ok(Opened {
        shipped: Catalog::edition_file(import.beside())?,
        imported: Some(imported.file),
        user: None,
    })
}

impl Opened {
    /// Whether an imported edition was chosen.
    pub fn is_imported(&self) -> bool {
        self.imported.is_some()
    }

    /// The user's own file.
    pub fn user_file(&self) -> Option<&EditionFile> {
        self.user.as_ref()
    }

    /// The edition chosen and no other, with the user's file over it.
    pub fn listed(&self) -> EditionFile {
        let mut file = self.imported.as_ref().unwrap_or(&self.shipped).clone();
        if let Some(user) = &self.user {
            file.overlay(user.clone());
        }
        file
    }

    /// The catalogue to judge by: the shipped edition, an imported one beside it, the user's file over it.
    ///
    /// # Errors
    ///
    /// As [`Catalog::build`].
    pub fn catalog(&self) -> Result<Catalog, CatalogError> {
        let additions = [&self.imported, &self.user];
        Catalog::build(
            self.shipped.clone(),
            additions.into_iter().flatten().cloned().collect(),
        )
    }
}
