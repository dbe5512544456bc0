//! What can be wrong with a catalogue, said so that its author finds the place.

use std::fmt;
use thiserror::Error;

/// A field of a record in a catalogue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The catalogue file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The record, such as "set 163" or "edition".
    pub record: String,
    /// The field of the record.
    pub field: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.record)
    }
}

/// Why a catalogue could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CatalogError {
    /// No edition has this name.
    #[error("there is no edition `{name}`; known editions: {}", known.join(", "))]
    UnknownEdition {
        /// The name asked for.
        name: String,
        /// The names there are, oldest first.
        known: Vec<&'static str>,
    },
    /// The file is not TOML.
    #[error("{file}, line {line}: {message}")]
    Syntax {
        /// The catalogue file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What the TOML parser says.
        message: String,
    },
    /// A field does not hold what it should.
    #[error("{place}, field `{}`: expected {expected}, found {found}", place.field)]
    Field {
        /// Where; of the record when the field is missing.
        place: Box<Place>,
        /// What should be there.
        expected: String,
        /// What is there; "nothing" for a missing field.
        found: String,
    },
    /// A field has a name that no record of this kind has.
    #[error("{place} has no field `{}`; its fields are {known}", place.field)]
    UnknownField {
        /// Where.
        place: Box<Place>,
        /// The fields there are, separated by commas.
        known: String,
    },
    /// Two records have the same id or key.
    #[error("{file}, line {line}: {record} is there twice")]
    Duplicate {
        /// The catalogue file.
        file: String,
        /// The line of the second one, counted from 1.
        line: usize,
        /// The record, such as "set 163".
        record: String,
    },
}

impl CatalogError {
    /// The line the complaint is about, counted from 1; 0 where it is about no file.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::UnknownEdition { .. } => 0,
            Self::Syntax { line, .. } | Self::Duplicate { line, .. } => *line,
            Self::Field { place, .. } | Self::UnknownField { place, .. } => place.line,
        }
    }
}
