//! Client of the account's rate limiter: reserves permits for a batch, and reports the outcomes of attempts.
//!
//! **Role:** one for each environment; its cache of the shared state saves calls.
//! **Invariant:** decides nothing: [`domain::pacing`] does. A cached state of any age suffices to reserve
//! permits, because a conditional write checks it. A refusal, or sending without a limit, needs a fresh state.
//! **Start reading at** [`Pacer::book`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::lane::FullLanes;
use domain::lifecycle::Attempt;
use domain::pacing::{
    Ask, Batch, Change, LONGEST_WAIT, Micros, Open, Pace, Run, ask, horizon, opened, probed, unprobed,
};
use domain::ports::{Clock, Paced, Paces, PortError};
use domain::timestamp::Timestamp;

/// Maximum age of the cached state for a refusal, and for a batch without a limit.
const FRESH: Duration = Duration::from_secs(5);

/// Maximum age of a cached [`Pace::settings_no`]. With the claim, a pause of a queue takes effect within five
/// seconds.
const SETTINGS_FRESH: Duration = Duration::from_secs(4);

/// Attempts to write a change while other writers contend.
const ROUNDS: usize = 8;

/// Delay of a batch after the last attempt.
const AGAIN: Duration = Duration::from_secs(1);

/// Delay of a batch while the rate limiter is unreachable. SQS moves a send task to the dead-letter queue after
/// a thousand of these delays: longer than any outage of the table.
const UNKNOWN: Duration = Duration::from_secs(60);

/// Permit of one email of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Submit at this time.
    At(Timestamp),
    /// Submit at this time: the email has a slot of its queue's rate limit.
    InTurn(Timestamp),
    /// Return to the index: the email has no slot of its queue's rate limit, or is too late for it.
    NoSlot,
    /// Nothing was reserved: by the cache, the email's queue is paused.
    Unbooked,
    /// Submit at once as a probe, and report the outcome.
    Probe(Open),
    /// Deliver again after this delay.
    Later(Duration),
}

/// Returns the permits of a batch while the rate limiter's state is unknown: all are delivered again later.
#[must_use]
pub fn unknown(emails: usize) -> Vec<Leave> {
    vec![Leave::Later(UNKNOWN); emails]
}

#[derive(Debug, Clone, Copy)]
struct Known {
    pace: Pace,
    at: Timestamp,
}

/// Cached state of the account's rate limiter.
#[derive(Debug, Default)]
pub struct Pacer {
    known: Mutex<Option<Known>>,
    run: Mutex<Run>,
    settings: Mutex<Option<(u64, Timestamp)>>,
    full: Mutex<FullLanes>,
}

impl Pacer {
    /// Requests permits for a batch; returns one for each email, in order.
    ///
    /// # Errors
    /// The rate limiter can neither be read nor changed.
    pub async fn book<R: Paces>(
        &self,
        records: &R,
        clock: &impl Clock,
        batch: Batch<'_>,
        base: Duration,
    ) -> Result<Vec<Leave>, PortError> {
        let emails = batch.recipients.len();
        if emails == 0 {
            return Ok(Vec::new());
        }
        for _ in 0..ROUNDS {
            let now = clock.now();
            let known = *lock(&self.known);
            let (pace, fresh) = match known {
                Some(known) => (known.pace, now.since(known.at) < FRESH),
                None => (Pace::default(), false),
            };
            match ask(&pace, batch, base, now) {
                Ask::Free | Ask::Wait(_) if !fresh => {
                    self.learn(records.pace().await?, now);
                }
                Ask::Free => {
                    // No write happens here that could be refused. Each batch must read, or it would miss a
                    // breaker that another environment opened.
                    *lock(&self.known) = None;
                    return Ok(vec![Leave::At(now); emails]);
                }
                Ask::Wait(wait) => return Ok(vec![Leave::Later(wait); emails]),
                Ask::Book { change, offsets } => {
                    let Some((after, span)) = self.booked(records, &change, now).await? else {
                        continue;
                    };
                    let end = after.free_at.unwrap_or(Micros::of(now));
                    let begin = end.before(span);
                    // The others are delivered again when their own part of the schedule would begin.
                    let rest = end.before(horizon(batch.lane)).up().since(now);
                    let rest = Leave::Later(rest.clamp(AGAIN, LONGEST_WAIT));
                    let granted = offsets.iter().map(|offset| Leave::At(begin.after(*offset).up()));
                    let mut leaves: Vec<_> = granted.collect();
                    leaves.resize(emails, rest);
                    return Ok(leaves);
                }
                Ask::Probe { change, open } => {
                    if let Paced::Done(_) = self.change(records, &change, now).await? {
                        let mut leaves = vec![Leave::Later(open.wait(base, now)); emails];
                        if let Some(first) = leaves.first_mut() {
                            *first = Leave::Probe(open);
                        }
                        return Ok(leaves);
                    }
                }
            }
        }
        Ok(vec![Leave::Later(AGAIN); emails])
    }

    /// Returns the full priority queues, as the last read of the rate limiter reported them.
    #[must_use]
    pub fn full(&self) -> FullLanes {
        *lock(&self.full)
    }

    /// Returns the remaining wait if the breaker is known to be open. Another email may have opened it after
    /// this one got its permit.
    #[must_use]
    pub fn shut(&self, base: Duration, now: Timestamp) -> Option<Duration> {
        let open = (*lock(&self.known))?.pace.open?;
        (open.until > now).then(|| open.wait(base, now))
    }

    /// Reports that a probe did not call SES: its email could not be claimed.
    ///
    /// # Errors
    /// The report could not be written: the next probe goes at its time.
    pub async fn not_asked<R: Paces>(&self, records: &R, open: Open, now: Timestamp) -> Result<(), PortError> {
        self.change(records, &unprobed(open, now), now).await.map(drop)
    }

    /// Reports the outcome of an attempt.
    ///
    /// # Errors
    /// The breaker could not be set: the next attempt reports again.
    pub async fn report<R: Paces>(
        &self,
        records: &R,
        leave: Leave,
        attempt: &Attempt,
        base: Duration,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let change = match leave {
            Leave::Probe(open) => probed(open, attempt, base, now),
            Leave::At(_) | Leave::InTurn(_) | Leave::NoSlot | Leave::Unbooked | Leave::Later(_) => {
                let cause = lock(&self.run).count(attempt);
                let open = (*lock(&self.known)).and_then(|known| known.pace.open);
                // Another attempt of the batch has opened it.
                let shut = open.is_some_and(|open| open.until > now);
                cause.filter(|_| !shut).map(|cause| Change::Breaker {
                    seen: open.map(|open| open.until),
                    becomes: Some(opened(open, cause, base, now)),
                })
            }
        };
        let Some(change) = change else {
            // Repeated with each probe, so that the alarm does not end too early.
            if let (Leave::Probe(open), Attempt::NotAccepted { cause, .. }) = (leave, attempt)
                && *cause == open.cause
            {
                aws::telemetry::sending_stops(&open);
            }
            return Ok(());
        };
        let becomes = match change {
            Change::Breaker { becomes, .. } => becomes,
            Change::Book { .. } | Change::Rate { .. } | Change::Settings | Change::Full(_) => None,
        };
        if becomes.is_some_and(|open| open.until > now) {
            // Cached before the write: the other emails of the batch stop at once.
            let pace = (*lock(&self.known)).map(|known| known.pace).unwrap_or_default();
            self.learn(Pace { open: becomes, ..pace }, now);
        }
        if let Paced::Done(_) = self.change(records, &change, now).await? {
            match becomes {
                Some(open) if open.until > now => aws::telemetry::sending_stops(&open),
                // The next probe may go at once.
                Some(_) => {}
                None => tracing::info!(target: "mailqueue", "sending goes on"),
            }
        }
        Ok(())
    }

    async fn booked<R: Paces>(
        &self,
        records: &R,
        change: &Change,
        now: Timestamp,
    ) -> Result<Option<(Pace, Duration)>, PortError> {
        match (self.change(records, change, now).await?, change) {
            (Paced::Done(after), Change::Book { span, .. }) => Ok(Some((after, *span))),
            (Paced::Done(_) | Paced::Refused(_), _) => Ok(None),
        }
    }

    async fn change<R: Paces>(&self, records: &R, change: &Change, now: Timestamp) -> Result<Paced, PortError> {
        let paced = records.change_pace(change).await?;
        let (Paced::Done(pace) | Paced::Refused(pace)) = paced;
        self.learn(pace, now);
        Ok(paced)
    }

    /// Returns [`Pace::settings_no`], at most a few seconds old. A recent reservation has cached it. After a
    /// long wait for a slot it is read once more.
    ///
    /// # Errors
    /// A necessary read failed.
    pub async fn settings_no<R: Paces>(&self, records: &R, now: Timestamp) -> Result<u64, PortError> {
        let known = *lock(&self.settings);
        if let Some((no, at)) = known
            && now.since(at) < SETTINGS_FRESH
        {
            return Ok(no);
        }
        let pace = records.pace().await?;
        self.learn(pace, now);
        Ok(pace.settings_no)
    }

    fn learn(&self, pace: Pace, at: Timestamp) {
        *lock(&self.settings) = Some((pace.settings_no, at));
        *lock(&self.full) = pace.full;
        *lock(&self.known) = Some(Known { pace, at });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
