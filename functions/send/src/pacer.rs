//! Keeps the pace: asks for a batch before it is worked off, and says how the attempts fare.
//!
//! **Role:** one for each environment; what it knows of the shared pace spares calls.
//! **Invariant:** decides nothing: [`domain::pacing`] does. What it knows is at most
//! [`FRESH`] old when it refuses by it, and is never a reason to let anything through.
//! **Start reading at** [`Pacer::book`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::lifecycle::Attempt;
use domain::pacing::{Ask, Change, LONGEST_WAIT, Micros, Open, Pace, Rate, Run, ask, horizon, opened, probed, unused};
use domain::ports::{Clock, Paced, Paces, PortError};
use domain::row::Lane;
use domain::timestamp::Timestamp;

/// How long what is known of the pace is good for a refusal.
const FRESH: Duration = Duration::from_secs(5);

/// How often a change is tried that others come before.
const ROUNDS: usize = 8;

/// When a batch comes again for which the pace could not be changed.
const AGAIN: Duration = Duration::from_secs(1);

/// What an email of a batch may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Go at this time.
    At(Timestamp),
    /// Go at once, and say how it fared.
    Probe(Open),
    /// Come again after this.
    Later(Duration),
}

/// What a batch may do.
#[derive(Debug)]
pub struct Booking {
    /// For each email, in order.
    pub leaves: Vec<Leave>,
    lane: Lane,
    /// The rate that was booked at, if one was.
    rate: Option<Rate>,
    /// Recipients for which it was booked.
    booked: u64,
    /// Recipients of the emails that were submitted.
    used: AtomicU64,
}

impl Booking {
    fn all(leave: Leave, emails: usize, lane: Lane) -> Self {
        Self {
            leaves: vec![leave; emails],
            lane,
            rate: None,
            booked: 0,
            used: AtomicU64::new(0),
        }
    }

    /// None of a batch may go now: the pace is not known.
    #[must_use]
    pub fn none(emails: usize, lane: Lane) -> Self {
        Self::all(Leave::Later(AGAIN), emails, lane)
    }

    /// The same, where what has leave for later than `latest` comes again.
    #[must_use]
    pub fn until(mut self, latest: Timestamp) -> Self {
        for leave in &mut self.leaves {
            match leave {
                Leave::At(time) if *time > latest => *leave = Leave::Later(AGAIN),
                Leave::At(_) | Leave::Probe(_) | Leave::Later(_) => {}
            }
        }
        self
    }

    /// Says that an email to so many is being submitted.
    pub fn used(&self, recipients: u32) {
        self.used.fetch_add(u64::from(recipients), Ordering::Relaxed);
    }

    fn unused(&self) -> u64 {
        self.booked.saturating_sub(self.used.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Clone, Copy)]
struct Known {
    pace: Pace,
    at: Timestamp,
}

/// What an environment knows of the pace.
#[derive(Debug, Default)]
pub struct Pacer {
    known: Mutex<Option<Known>>,
    run: Mutex<Run>,
}

impl Pacer {
    /// Asks for a batch of emails to so many recipients each.
    ///
    /// # Errors
    /// When the pace can neither be read nor changed.
    pub async fn book<R: Paces>(
        &self,
        rows: &R,
        clock: &impl Clock,
        lane: Lane,
        recipients: &[u32],
        base: Duration,
    ) -> Result<Booking, PortError> {
        let emails = recipients.len();
        for _ in 0..ROUNDS {
            let now = clock.now();
            let pace = match self.known(now) {
                Some(pace) => pace,
                None => self.learn(rows.pace().await?, now),
            };
            match ask(&pace, lane, recipients, base, now) {
                Ask::Free => return Ok(Booking::all(Leave::At(now), emails, lane)),
                Ask::Wait(wait) => return Ok(Booking::all(Leave::Later(wait), emails, lane)),
                Ask::Book { change, offsets } => {
                    let Some((after, span, rate)) = self.booked(rows, &change, now).await? else {
                        continue;
                    };
                    let end = after.free_at.unwrap_or(Micros::of(now));
                    let begin = end.before(span);
                    // The others come again when their own stretch would begin.
                    let rest = end.before(horizon(lane)).up().since(now);
                    let rest = Leave::Later(rest.clamp(AGAIN, LONGEST_WAIT));
                    let granted = offsets.iter().map(|offset| Leave::At(begin.after(*offset).up()));
                    let mut leaves: Vec<_> = granted.collect();
                    let booked = recipients.iter().take(leaves.len()).copied().map(u64::from).sum();
                    leaves.resize(emails, rest);
                    return Ok(Booking {
                        leaves,
                        lane,
                        rate: Some(rate),
                        booked,
                        used: AtomicU64::new(0),
                    });
                }
                Ask::Probe { change, open } => {
                    if let Paced::Done(after) = self.change(rows, &change, now).await? {
                        let wait = after.open.map_or(AGAIN, |open| open.until.since(now));
                        let rest = Leave::Later(wait.clamp(AGAIN, LONGEST_WAIT));
                        let mut booking = Booking::all(rest, emails, lane);
                        if let Some(first) = booking.leaves.first_mut() {
                            *first = Leave::Probe(open);
                        }
                        return Ok(booking);
                    }
                }
            }
        }
        Ok(Booking::all(Leave::Later(AGAIN), emails, lane))
    }

    /// Gives back what a batch has booked and not used: its wake-ups were of emails that were
    /// sent, canceled or moved meanwhile.
    ///
    /// # Errors
    /// When it could not be written: the others wait for nothing, for a moment.
    pub async fn give_back<R: Paces>(&self, rows: &R, booking: &Booking, now: Timestamp) -> Result<(), PortError> {
        let recipients = booking.unused();
        match booking.rate {
            Some(rate) if recipients > 0 => {
                let change = unused(rate, recipients, booking.lane);
                self.change(rows, &change, now).await.map(drop)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the breaker is known to be open: since an email was granted its leave, another one
    /// may have opened it.
    #[must_use]
    pub fn shut(&self, now: Timestamp) -> Option<Duration> {
        let open = self.known(now)?.open?;
        (open.until > now).then(|| open.until.since(now).clamp(AGAIN, LONGEST_WAIT))
    }

    /// Says how an attempt fared.
    ///
    /// # Errors
    /// When the breaker could not be set: the next attempt says it again.
    pub async fn report<R: Paces>(
        &self,
        rows: &R,
        leave: Leave,
        attempt: &Attempt,
        base: Duration,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let change = match leave {
            Leave::Probe(open) => probed(open, attempt, base, now),
            Leave::At(_) | Leave::Later(_) => {
                let cause = lock(&self.run).count(attempt);
                let open = self.known(now).and_then(|pace| pace.open);
                // Another attempt of the batch has opened it.
                let shut = open.is_some_and(|open| open.until > now);
                cause.filter(|_| !shut).map(|cause| Change::Breaker {
                    seen: open.map(|open| open.until),
                    becomes: Some(opened(open, cause, base, now)),
                })
            }
        };
        if let Some(change) = change {
            // Known before it is written: the batch's other emails stop at once.
            if let Change::Breaker {
                becomes: Some(open), ..
            } = change
            {
                self.learn(
                    Pace {
                        open: Some(open),
                        ..self.known(now).unwrap_or_default()
                    },
                    now,
                );
                tracing::warn!(target: "mailqueue", cause = open.cause.as_str(), until = %open.until, "sending stops");
            } else {
                tracing::info!(target: "mailqueue", "sending goes on");
            }
            self.change(rows, &change, now).await?;
        }
        Ok(())
    }

    async fn booked<R: Paces>(
        &self,
        rows: &R,
        change: &Change,
        now: Timestamp,
    ) -> Result<Option<(Pace, Duration, Rate)>, PortError> {
        match (self.change(rows, change, now).await?, change) {
            (Paced::Done(after), Change::Book { span, rate, .. }) => Ok(Some((after, *span, *rate))),
            (Paced::Done(_) | Paced::Refused(_), _) => Ok(None),
        }
    }

    async fn change<R: Paces>(&self, rows: &R, change: &Change, now: Timestamp) -> Result<Paced, PortError> {
        let paced = rows.change_pace(change).await?;
        let (Paced::Done(pace) | Paced::Refused(pace)) = paced;
        self.learn(pace, now);
        Ok(paced)
    }

    fn learn(&self, pace: Pace, at: Timestamp) -> Pace {
        *lock(&self.known) = Some(Known { pace, at });
        pace
    }

    fn known(&self, now: Timestamp) -> Option<Pace> {
        let known = (*lock(&self.known))?;
        (now.since(known.at) < FRESH).then_some(known.pace)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
