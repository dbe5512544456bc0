//! Rows in batches, so that what reads them keeps only what it makes of them.

use super::error::SummaryError;
use polars::prelude::{DataFrame, Engine, LazyFrame, PlanCallback};
use std::num::NonZeroUsize;
use std::sync::mpsc::sync_channel;

/// Rows of a batch: enough that few groups come in every one, and some 200 MB.
const BATCH: NonZeroUsize = NonZeroUsize::new(524_288).unwrap();

/// Batches that wait to be taken.
const WAITING: usize = 1;

/// Reads the rows once and gives them in batches, in no particular order. The engine's own grouping keeps what it has not yet
/// merged, which with many groups is nearly every row.
///
/// # Errors
///
/// What `take` says, or a table cannot be read.
pub(super) fn in_batches(
    rows: LazyFrame,
    take: impl FnMut(DataFrame) -> Result<(), SummaryError>,
) -> Result<(), SummaryError> {
    let (sender, receiver) = sync_channel(WAITING);
    let hand_over = move |batch: DataFrame| Ok(sender.send(batch).is_err());
    let rows = rows
        .sink_batches(PlanCallback::new(hand_over), false, Some(BATCH))
        .map_err(|error| SummaryError::engine(&error))?;
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || rows.collect_with_engine(Engine::Streaming).map(drop));
        let taken = receiver.iter().try_for_each(take);
        // A reader that cannot hand over its batches stops.
        drop(receiver);
        let read = reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken.and(read.map_err(|error| SummaryError::engine(&error)))
    })
}
