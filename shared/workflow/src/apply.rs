//! Carries out a decision: writes it if its condition still holds, else decides again on the current record.
//!
//! **Role:** the one loop between [`domain::lifecycle`] and [`EmailRecords`].
//! **Invariant:** a queue is marked before one of its records waits in the due index for a slot.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::slots;
use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::QueueKey;
use domain::lifecycle::{Decision, SideEffect, Transition};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{EmailRecords, PortError, RecordWrite, Rounds, Written};
use domain::timestamp::Timestamp;

/// The reason why a decision could not be carried out. The write may have taken effect, and deciding again is safe.
#[derive(Debug, thiserror::Error)]
#[error("a decision could not be written")]
pub struct ApplyError(#[from] PortError);

/// The description of this work in errors of [`Rounds`].
const WRITING: &str = "writing a record";

/// The result of carrying out a decision that may be a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied<E> {
    /// The command is carried out: the side effect to run, and the record afterwards, as far as is known.
    Done(SideEffect, Box<EmailRecord>),
    /// The record stays as it is.
    Refused(E),
    /// The record no longer exists.
    Gone,
}

/// What became of one record among many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The side effect to run.
    pub side_effect: SideEffect,
    /// The record afterwards, as far as is known.
    pub record: EmailRecord,
    /// Whether this call wrote the record. It is false if another writer came first and left nothing to do.
    pub is_written: bool,
}

impl Outcome {
    /// Returns the side effect and the record, unless this call had nothing to do.
    #[must_use]
    pub fn work(self) -> Option<(SideEffect, EmailRecord)> {
        let is_work = self.is_written || self.side_effect != SideEffect::Nothing;
        is_work.then_some((self.side_effect, self.record))
    }

    fn written(transition: Transition) -> Self {
        Self {
            side_effect: transition.side_effect,
            record: transition.record,
            is_written: true,
        }
    }

    fn unwritten(side_effect: SideEffect, record: EmailRecord) -> Self {
        Self {
            side_effect,
            record,
            is_written: false,
        }
    }
}

/// Decides about `record` until the decision is written or there is nothing to write.
///
/// Returns the side effect to run, and the record afterwards, as far as is known.
///
/// # Errors
/// See [`ApplyError`]; the caller may try again at any time.
pub async fn apply<R: EmailRecords + RateLimits>(
    records: &R,
    record: EmailRecord,
    now: Timestamp,
    decide: impl Fn(&EmailRecord) -> Decision + Send + Sync,
) -> Result<(SideEffect, EmailRecord), ApplyError> {
    let forgotten = record.clone();
    match try_apply(records, record, now, |record| Ok::<_, Infallible>(decide(record))).await? {
        Applied::Done(side_effect, record) => Ok((side_effect, *record)),
        Applied::Gone => Ok((SideEffect::Nothing, forgotten)),
        Applied::Refused(never) => match never {},
    }
}

/// Like [`apply`], for a decision that may be a refusal, while a caller waits for the answer.
///
/// # Errors
/// See [`ApplyError`].
pub async fn try_apply<R: EmailRecords + RateLimits, E: Send>(
    records: &R,
    record: EmailRecord,
    now: Timestamp,
    decide: impl Fn(&EmailRecord) -> Result<Decision, E> + Send + Sync,
) -> Result<Applied<E>, ApplyError> {
    try_apply_after(records, record, now, decide, &NothingBefore).await
}

/// The result of establishing a precondition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition<E> {
    /// The precondition holds, and the record may be written.
    Holds,
    /// The command is refused, and the record is unchanged.
    Refused(E),
}

/// A precondition of writing a record.
pub trait Before<E>: Sync {
    /// Establishes it for the record to write; or refuses.
    fn prepare(&self, record: &EmailRecord) -> impl Future<Output = Result<Precondition<E>, PortError>> + Send;
}

/// No precondition.
struct NothingBefore;

impl<E: Send> Before<E> for NothingBefore {
    async fn prepare(&self, _: &EmailRecord) -> Result<Precondition<E>, PortError> {
        Ok(Precondition::Holds)
    }
}

/// Like [`try_apply`], with a precondition. It is established in every round, because a new decision may need more.
///
/// # Errors
/// See [`ApplyError`].
pub async fn try_apply_after<R: EmailRecords + RateLimits, E: Send>(
    records: &R,
    mut record: EmailRecord,
    now: Timestamp,
    decide: impl Fn(&EmailRecord) -> Result<Decision, E> + Send + Sync,
    before: &impl Before<E>,
) -> Result<Applied<E>, ApplyError> {
    let mut rounds = Rounds::of(WRITING);
    loop {
        rounds.begin()?;
        match decide(&record) {
            Err(refusal) => return Ok(Applied::Refused(refusal)),
            Ok(Decision::Forget) => return Ok(Applied::Done(SideEffect::Nothing, Box::new(record))),
            Ok(Decision::Only(side_effect)) => return Ok(Applied::Done(side_effect, Box::new(record))),
            Ok(Decision::Write(transition)) => {
                if let Precondition::Refused(refusal) = before.prepare(&transition.record).await? {
                    return Ok(Applied::Refused(refusal));
                }
                mark_queue(records, &record, &transition, now).await?;
                match records.write(&record, &transition, now).await? {
                    Written::Done => return Ok(Applied::Done(transition.side_effect, Box::new(transition.record))),
                    Written::Moved(Some(moved)) => record = *moved,
                    Written::Moved(None) => return Ok(Applied::Gone),
                    // The next function that handles the email decides under the queue's new state.
                    Written::QueueMoved => return Ok(Applied::Done(SideEffect::Nothing, Box::new(record))),
                }
            }
        }
    }
}

/// Like [`apply`], for many records in few calls; one result for each, in order.
///
/// A failed record does not stop the others.
pub async fn apply_many<R: EmailRecords + RateLimits>(
    records: &R,
    them: Vec<EmailRecord>,
    now: Timestamp,
    decide: impl Fn(&EmailRecord) -> Decision + Send + Sync,
) -> Vec<Result<Outcome, ApplyError>> {
    let mut results: Vec<Option<Result<Outcome, ApplyError>>> = them.iter().map(|_| None).collect();
    let mut open: Vec<(usize, EmailRecord)> = them.into_iter().enumerate().collect();
    let mut rounds = Rounds::of(WRITING);
    while rounds.begin().is_ok() {
        let (mut places, mut writes) = (Vec::new(), Vec::new());
        for (place, record) in std::mem::take(&mut open) {
            match decide(&record) {
                Decision::Forget => {
                    settle(&mut results, place, Ok(Outcome::unwritten(SideEffect::Nothing, record)));
                }
                Decision::Only(side_effect) => {
                    settle(&mut results, place, Ok(Outcome::unwritten(side_effect, record)));
                }
                Decision::Write(transition) => {
                    places.push(place);
                    writes.push(RecordWrite {
                        before: record,
                        transition: *transition,
                    });
                }
            }
        }
        let unmarked = mark_queues(records, &writes, now).await;
        if !unmarked.is_empty() {
            let failed = |write: &RecordWrite| {
                unmarked
                    .get(&write.before.queue_key())
                    .filter(|_| starts_waiting(&write.before, &write.transition).is_some())
            };
            let (mut left_places, mut left_writes) = (Vec::new(), Vec::new());
            for (place, write) in places.into_iter().zip(writes) {
                if let Some(error) = failed(&write) {
                    settle(&mut results, place, Err(error.for_another().into()));
                } else {
                    left_places.push(place);
                    left_writes.push(write);
                }
            }
            (places, writes) = (left_places, left_writes);
        }
        if writes.is_empty() {
            break;
        }
        let written = records.write_many(&writes, now).await;
        for ((place, write), written) in places.into_iter().zip(writes).zip(written) {
            let RecordWrite { before, transition } = write;
            match written {
                Ok(Written::Done) => settle(&mut results, place, Ok(Outcome::written(transition))),
                // Our own write: its answer was lost, and the SDK repeated it.
                Ok(Written::Moved(Some(moved))) if *moved == transition.record => {
                    settle(&mut results, place, Ok(Outcome::written(transition)));
                }
                Ok(Written::Moved(Some(moved))) => open.push((place, *moved)),
                // Gone, or its queue has changed: the next function that handles the email decides under the new
                // state.
                Ok(Written::Moved(None) | Written::QueueMoved) => {
                    settle(&mut results, place, Ok(Outcome::unwritten(SideEffect::Nothing, before)));
                }
                Err(error) => settle(&mut results, place, Err(error.into())),
            }
        }
    }
    let results = results.into_iter();
    results
        .map(|result| result.unwrap_or_else(|| Err(rounds.contended().into())))
        .collect()
}

fn settle<T>(results: &mut [Option<T>], place: usize, result: T) {
    if let Some(slot) = results.get_mut(place) {
        *slot = Some(result);
    }
}

/// Marks the queue of a record that is about to wait for a slot.
async fn mark_queue<R: RateLimits>(
    limits: &R,
    before: &EmailRecord,
    transition: &Transition,
    now: Timestamp,
) -> Result<(), PortError> {
    match starts_waiting(before, transition) {
        Some(at) => slots::mark_queue(limits, &before.queue_key(), at, now).await,
        None => Ok(()),
    }
}

/// Like [`mark_queue`], once for each queue; returns the queues that could not be marked.
async fn mark_queues<R: RateLimits>(
    limits: &R,
    writes: &[RecordWrite],
    now: Timestamp,
) -> BTreeMap<QueueKey, PortError> {
    let mut first: BTreeMap<QueueKey, Timestamp> = BTreeMap::new();
    for RecordWrite { before, transition } in writes {
        if let Some(at) = starts_waiting(before, transition) {
            let first = first.entry(before.queue_key()).or_insert(at);
            *first = at.min(*first);
        }
    }
    let mut unmarked = BTreeMap::new();
    for (queue, at) in first {
        if let Err(error) = slots::mark_queue(limits, &queue, at, now).await {
            unmarked.insert(queue, error);
        }
    }
    unmarked
}

/// The time from which a record waits for a slot; `None` if it waited there before.
fn starts_waiting(before: &EmailRecord, transition: &Transition) -> Option<Timestamp> {
    let due = transition.record.due.filter(|due| due.kind == DueKind::RateLimited)?;
    (before.due != Some(due)).then_some(due.at)
}
