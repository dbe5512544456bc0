//! The monitor on a terminal: what there is to see, and how it is drawn.
//!
//! In come snapshots, events and keys ([`State`] keeps them); out goes a drawing ([`draw`]), a function of the state alone. Knows
//! no terminal, no clock and no thread: `cli` has those.

mod details;
mod draw;
mod sentence;
mod state;
mod theme;

pub use draw::draw;
pub use state::{Pane, State};
