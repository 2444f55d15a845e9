//! Keeps the pace: asks for a batch before it is worked off, and says how the attempts fare.
//!
//! **Role:** one for each environment; what it knows of the shared pace spares calls.
//! **Invariant:** decides nothing: [`domain::pacing`] does. Whatever it knows, however old, is
//! good for a booking, whose condition is checked where the pace is; a refusal, or that nothing
//! limits, needs to be known freshly.
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

/// How long what is known of the pace is good for a refusal, and for letting a batch go that is
/// not limited by anything.
const FRESH: Duration = Duration::from_secs(5);

/// How long what is known of [`Pace::settings_no`] is good: a queue that is paused is heard of
/// within five seconds, the claim included.
const SETTINGS_FRESH: Duration = Duration::from_secs(4);

/// How often a change is tried that others come before.
const ROUNDS: usize = 8;

/// When a batch comes again that others came before too often.
const AGAIN: Duration = Duration::from_secs(1);

/// When a batch comes again for which the pace could not be asked: a thousand times this, after
/// which SQS puts a send task aside, is longer than the table is ever away.
const UNKNOWN: Duration = Duration::from_secs(60);

/// What an email of a batch may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Go at this time.
    At(Timestamp),
    /// Go at this time: the email has a slot of its queue's rate limit.
    InTurn(Timestamp),
    /// Return to the index: the email has no slot of its queue's rate limit, or comes too late for it.
    NoSlot,
    /// Nothing was booked: the email's queue was paused when it was last heard of.
    Unbooked,
    /// Go at once, and say how it fared.
    Probe(Open),
    /// Come again after this.
    Later(Duration),
}

/// What the emails of a batch may do when the pace is not known: come again in a while.
#[must_use]
pub fn unknown(emails: usize) -> Vec<Leave> {
    vec![Leave::Later(UNKNOWN); emails]
}

#[derive(Debug, Clone, Copy)]
struct Known {
    pace: Pace,
    at: Timestamp,
}

/// What an environment knows of the account's pace.
#[derive(Debug, Default)]
pub struct Pacer {
    known: Mutex<Option<Known>>,
    run: Mutex<Run>,
    settings: Mutex<Option<(u64, Timestamp)>>,
    full: Mutex<FullLanes>,
}

impl Pacer {
    /// Asks for a batch; returns what each of its emails may do, in order.
    ///
    /// # Errors
    /// When the pace can neither be read nor changed.
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
                    // Nothing is written that could be refused, so that each batch has to read: else
                    // it would not hear of a breaker that somebody else has opened.
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
                    // The others come again when their own stretch would begin.
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

    /// The full lanes, as the last answer about the pace named them.
    #[must_use]
    pub fn full(&self) -> FullLanes {
        *lock(&self.full)
    }

    /// Whether the breaker is known to be open: since an email was granted its leave, another one
    /// may have opened it.
    #[must_use]
    pub fn shut(&self, base: Duration, now: Timestamp) -> Option<Duration> {
        let open = (*lock(&self.known))?.pace.open?;
        (open.until > now).then(|| open.wait(base, now))
    }

    /// Says that a probe has asked nobody: its email could not be claimed.
    ///
    /// # Errors
    /// When it could not be written: the next probe goes at its time.
    pub async fn not_asked<R: Paces>(&self, records: &R, open: Open, now: Timestamp) -> Result<(), PortError> {
        self.change(records, &unprobed(open, now), now).await.map(drop)
    }

    /// Says how an attempt fared.
    ///
    /// # Errors
    /// When the breaker could not be set: the next attempt says it again.
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
            // Said again with each probe, or the alarm would think that it is over.
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
            // Known before it is written: the batch's other emails stop at once.
            let pace = (*lock(&self.known)).map(|known| known.pace).unwrap_or_default();
            self.learn(Pace { open: becomes, ..pace }, now);
        }
        if let Paced::Done(_) = self.change(records, &change, now).await? {
            match becomes {
                Some(open) if open.until > now => aws::telemetry::sending_stops(&open),
                // The next probe may go at once.
                Some(_) => {}
                None => tracing::info!(target: "mailqueue", "sending resumes"),
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

    /// [`Pace::settings_no`] as it was a few seconds ago at most. Whoever has just booked knows it;
    /// after a long wait for a slot the pace is read once more.
    ///
    /// # Errors
    /// When it had to be read and could not be.
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
