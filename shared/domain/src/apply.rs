//! Carries a decision out: writes it if its condition still holds, else decides again on the
//! row as it is now.
//!
//! **Role:** the one loop between [`crate::lifecycle`] and [`crate::ports::Rows`].

use std::convert::Infallible;

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

/// How the carrying out of a decision ended that may be a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied<E> {
    /// It is carried out: what follows, and the row as it is then, as far as is known.
    Done(Then, Box<Row>),
    /// The row stays as it is.
    Refused(E),
    /// There is no such row any more.
    Gone,
}

/// Decides about `row` until the decision is written or there is nothing to write.
///
/// Returns what follows from it, and the row as it is then, as far as is known.
///
/// # Errors
/// See [`ApplyError`]; the caller may try again at any time.
pub async fn apply<R: Rows>(
    rows: &R,
    row: Row,
    now: Timestamp,
    decide: impl Fn(&Row) -> Decision + Send + Sync,
) -> Result<(Then, Row), ApplyError> {
    let forgotten = row.clone();
    match try_apply(rows, row, now, |row| Ok::<_, Infallible>(decide(row))).await? {
        Applied::Done(then, row) => Ok((then, *row)),
        Applied::Gone => Ok((Then::Nothing, forgotten)),
        Applied::Refused(never) => match never {},
    }
}

/// As [`apply`], where the decision itself may be a refusal, and somebody waits for the answer.
///
/// # Errors
/// See [`ApplyError`].
pub async fn try_apply<R: Rows, E: Send>(
    rows: &R,
    mut row: Row,
    now: Timestamp,
    decide: impl Fn(&Row) -> Result<Decision, E> + Send + Sync,
) -> Result<Applied<E>, ApplyError> {
    for _ in 0..ROUNDS {
        match decide(&row) {
            Err(refusal) => return Ok(Applied::Refused(refusal)),
            Ok(Decision::Forget) => return Ok(Applied::Done(Then::Nothing, Box::new(row))),
            Ok(Decision::Only(then)) => return Ok(Applied::Done(then, Box::new(row))),
            Ok(Decision::Write(transition)) => match rows.write(&row, &transition, now).await? {
                Written::Done => return Ok(Applied::Done(transition.then, Box::new(transition.row))),
                Written::Moved(Some(moved)) => row = *moved,
                Written::Moved(None) => return Ok(Applied::Gone),
                // The next look at the email is under the queue's new state.
                Written::QueueMoved => return Ok(Applied::Done(Then::Nothing, Box::new(row))),
            },
        }
    }
    Err(ApplyError::Contended)
}
