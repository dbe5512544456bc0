//! Questions over tables: how much traffic each feature area had, what failed and why, by any cut; and SQL.
//!
//! In come tables as [`crate::tables`] writes them, of any number of runs; out comes a small [`Grid`]. Tables are read lazily and
//! in pieces, so that they may be larger than memory: what is kept follows the number of groups asked for, not of rows. Knows no
//! packets and no catalogue.

mod batches;
mod condition;
mod dimension;
mod error;
mod events;
mod grid;
mod measure;
mod odd_file;
pub mod output;
mod sources;
mod sql;
pub mod text;
mod usage;

pub use condition::{Condition, ConditionError};
pub use dimension::Dimension;
pub use error::SummaryError;
pub use grid::Grid;
pub use measure::{Answer, Question, answer};
pub use sources::{Found, Sources};
pub use sql::query;
pub use usage::add_usage;
