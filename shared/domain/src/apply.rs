//! Carries a decision out: writes it if its condition still holds, else decides again on the
//! row as it is now.
//!
//! **Role:** the one loop between [`crate::lifecycle`] and [`crate::ports::Rows`].

use crate::lifecycle::{Decision, Then};
use crate::ports::{PortError, Rows, Written};
use crate::row::Row;
use crate::timestamp::Timestamp;

/// How often a decision is taken anew before the caller is told to come back later. Each round
/// means that someone else's write came in between.
const ROUNDS: usize = 8;

/// Why a decision could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The world failed; the write may have taken effect, and deciding again is safe.
    #[error("a decision could not be written")]
    Port(#[from] PortError),
    /// Too many others write the same row at this moment.
    #[error("the row moved {ROUNDS} times while a decision was written")]
    Contended,
}

/// Decides about `row` until the decision is written or there is nothing to write.
///
/// Returns what follows from it, and the row as it is then, as far as is known.
///
/// # Errors
/// See [`ApplyError`]; the caller may try again at any time.
pub async fn apply<R: Rows>(
    rows: &R,
    mut row: Row,
    now: Timestamp,
    decide: impl Fn(&Row) -> Decision + Send + Sync,
) -> Result<(Then, Row), ApplyError> {
    for _ in 0..ROUNDS {
        match decide(&row) {
            Decision::Forget => return Ok((Then::Nothing, row)),
            Decision::Only(then) => return Ok((then, row)),
            Decision::Write(transition) => match rows.write(&row, &transition, now).await? {
                Written::Done => return Ok((transition.then, transition.row)),
                Written::Moved(Some(moved)) => row = *moved,
                Written::Moved(None) => return Ok((Then::Nothing, row)),
            },
        }
    }
    Err(ApplyError::Contended)
}
