//! Client of the account rate: reserves permits for a batch, and reports the outcomes of attempts.
//!
//! **Role:** one for each environment; its cache of the shared state saves calls.
//! **Invariant:** decides nothing: [`domain::delivery::account_rate`] does. A cached state of any age suffices to reserve
//! permits, because a conditional write checks it. A refusal, or sending without a limit, needs a fresh state.
//! **Start reading at** [`RateLimiter::reserve`].

use std::sync::Mutex;
use std::time::Duration;

use aws::runtime::cache::lock;
use domain::delivery::account_rate::{
    AccountRate, AccountRateChange, LONGEST_WAIT, PermitDecision, PermitRequest, cancel_probe, conclude_probe, horizon,
    request_permits,
};
use domain::delivery::attempt::Attempt;
use domain::delivery::breaker::{OpenBreaker, ThrottleRun, open_breaker};
use domain::delivery::priority_queue::FullPriorityQueues;
use domain::delivery::rate::Micros;
use domain::ports::{AccountRateOutcome, AccountRates, Clock, PortError, Rounds};
use domain::timestamp::Timestamp;

/// Maximum age of the cached state for a refusal, and for a batch without a limit.
const FRESH: Duration = Duration::from_secs(5);

/// Maximum age of a cached [`AccountRate::settings_version`]. With the claim, a pause of a queue takes effect within
/// five seconds.
const SETTINGS_FRESH: Duration = Duration::from_secs(4);

/// Delay of a batch after the last attempt.
const AGAIN: Duration = Duration::from_secs(1);

/// Delay of a batch while the account rate is unreachable. SQS moves a send task to the dead-letter queue after
/// a thousand of these delays: longer than any outage of the table.
const UNKNOWN: Duration = Duration::from_secs(60);

/// Permit of one email of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Submit at this time.
    At(Timestamp),
    /// Submit at this time: the email has a slot of its queue's rate limit.
    InTurn(Timestamp),
    /// Return to the index: the email has no slot of its queue's rate limit, or is too late for it.
    NoSlot,
    /// Nothing was reserved: according to the cache, the email's queue is paused.
    Unreserved,
    /// Submit at once as a probe, and report the outcome.
    Probe(OpenBreaker),
    /// Deliver again after this delay.
    Later(Duration),
}

/// Returns the permits of a batch while the account rate is unknown: all are delivered again later.
#[must_use]
pub fn unknown(emails: usize) -> Vec<Permit> {
    vec![Permit::Later(UNKNOWN); emails]
}

#[derive(Debug, Clone, Copy)]
struct KnownRate {
    account_rate: AccountRate,
    at: Timestamp,
}

/// Cached state of the account rate.
#[derive(Debug, Default)]
pub struct RateLimiter {
    known: Mutex<Option<KnownRate>>,
    run: Mutex<ThrottleRun>,
    settings: Mutex<Option<(u64, Timestamp)>>,
    full: Mutex<FullPriorityQueues>,
}

impl RateLimiter {
    /// Requests permits for a batch; returns one for each email, in order.
    ///
    /// # Errors
    /// The account rate can neither be read nor changed.
    pub async fn reserve<R: AccountRates>(
        &self,
        records: &R,
        clock: &impl Clock,
        batch: PermitRequest<'_>,
        base: Duration,
    ) -> Result<Vec<Permit>, PortError> {
        let emails = batch.recipients.len();
        if emails == 0 {
            return Ok(Vec::new());
        }
        let mut rounds = Rounds::of("reserving permits");
        while rounds.begin().is_ok() {
            let now = clock.now();
            let known = *lock(&self.known);
            let (account_rate, fresh) = match known {
                Some(known) => (known.account_rate, now.since(known.at) < FRESH),
                None => (AccountRate::default(), false),
            };
            match request_permits(&account_rate, batch, base, now) {
                PermitDecision::Free | PermitDecision::Wait(_) if !fresh => {
                    self.cache_rate(records.account_rate().await?, now);
                }
                PermitDecision::Free => {
                    // No write happens here that could be refused. Each batch must read, or it would miss a
                    // breaker that another environment opened.
                    *lock(&self.known) = None;
                    return Ok(vec![Permit::At(now); emails]);
                }
                PermitDecision::Wait(wait) => return Ok(vec![Permit::Later(wait); emails]),
                PermitDecision::Reserve { change, offsets } => {
                    let Some((after, span)) = self.write_reservation(records, &change, now).await? else {
                        continue;
                    };
                    let end = after.free_at.unwrap_or(Micros::of(now));
                    let begin = end.before(span);
                    // The others are delivered again when their own part of the schedule would begin.
                    let rest = end.before(horizon(batch.priority)).up().since(now);
                    let rest = Permit::Later(rest.clamp(AGAIN, LONGEST_WAIT));
                    let granted = offsets.iter().map(|offset| Permit::At(begin.after(*offset).up()));
                    let mut permits: Vec<_> = granted.collect();
                    permits.resize(emails, rest);
                    return Ok(permits);
                }
                PermitDecision::Probe { change, open } => {
                    if let AccountRateOutcome::Done(_) = self.change(records, &change, now).await? {
                        let mut permits = vec![Permit::Later(open.wait(base, now)); emails];
                        if let Some(first) = permits.first_mut() {
                            *first = Permit::Probe(open);
                        }
                        return Ok(permits);
                    }
                }
            }
        }
        Ok(vec![Permit::Later(AGAIN); emails])
    }

    /// Returns the full priority queues, as the last read of the account rate reported them.
    #[must_use]
    pub fn full(&self) -> FullPriorityQueues {
        *lock(&self.full)
    }

    /// Returns the remaining wait if the breaker is known to be open. Another email may have opened it after
    /// this one got its permit.
    #[must_use]
    pub fn shut(&self, base: Duration, now: Timestamp) -> Option<Duration> {
        let open = (*lock(&self.known))?.account_rate.open?;
        (open.until > now).then(|| open.wait(base, now))
    }

    /// Reports that a probe did not call SES: its email could not be claimed.
    ///
    /// # Errors
    /// The report could not be written: the next probe goes at its time.
    pub async fn cancel_probe<R: AccountRates>(
        &self,
        records: &R,
        open: OpenBreaker,
        now: Timestamp,
    ) -> Result<(), PortError> {
        self.change(records, &cancel_probe(open, now), now).await.map(drop)
    }

    /// Reports the outcome of an attempt.
    ///
    /// # Errors
    /// The breaker could not be set: the next attempt reports again.
    pub async fn report<R: AccountRates>(
        &self,
        records: &R,
        permit: Permit,
        attempt: &Attempt,
        base: Duration,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let change = match permit {
            Permit::Probe(open) => conclude_probe(open, attempt, base, now),
            Permit::At(_) | Permit::InTurn(_) | Permit::NoSlot | Permit::Unreserved | Permit::Later(_) => {
                let cause = lock(&self.run).count(attempt);
                let open = (*lock(&self.known)).and_then(|known| known.account_rate.open);
                // Another attempt of the batch has opened it.
                let shut = open.is_some_and(|open| open.until > now);
                cause.filter(|_| !shut).map(|cause| AccountRateChange::Breaker {
                    seen: open.map(|open| open.until),
                    becomes: Some(open_breaker(open, cause, base, now)),
                })
            }
        };
        let Some(change) = change else {
            // The metric is repeated with each probe, so that the alarm does not end too early.
            if let (Permit::Probe(open), Attempt::NotAccepted { cause, .. }) = (permit, attempt)
                && *cause == open.cause
            {
                aws::runtime::metrics::sending_stops(&open);
            }
            return Ok(());
        };
        let becomes = match change {
            AccountRateChange::Breaker { becomes, .. } => becomes,
            AccountRateChange::Reserve { .. }
            | AccountRateChange::Rate { .. }
            | AccountRateChange::Settings
            | AccountRateChange::Full(_) => None,
        };
        if becomes.is_some_and(|open| open.until > now) {
            // Cached before the write: the other emails of the batch stop at once.
            let account_rate = (*lock(&self.known)).map(|known| known.account_rate).unwrap_or_default();
            self.cache_rate(
                AccountRate {
                    open: becomes,
                    ..account_rate
                },
                now,
            );
        }
        if let AccountRateOutcome::Done(_) = self.change(records, &change, now).await? {
            match becomes {
                Some(open) if open.until > now => aws::runtime::metrics::sending_stops(&open),
                // The next probe may go at once.
                Some(_) => {}
                None => tracing::info!(target: "mailqueue", "sending resumes"),
            }
        }
        Ok(())
    }

    async fn write_reservation<R: AccountRates>(
        &self,
        records: &R,
        change: &AccountRateChange,
        now: Timestamp,
    ) -> Result<Option<(AccountRate, Duration)>, PortError> {
        match (self.change(records, change, now).await?, change) {
            (AccountRateOutcome::Done(after), AccountRateChange::Reserve { span, .. }) => Ok(Some((after, *span))),
            (AccountRateOutcome::Done(_) | AccountRateOutcome::Refused(_), _) => Ok(None),
        }
    }

    async fn change<R: AccountRates>(
        &self,
        records: &R,
        change: &AccountRateChange,
        now: Timestamp,
    ) -> Result<AccountRateOutcome, PortError> {
        let paced = records.change_account_rate(change).await?;
        let (AccountRateOutcome::Done(account_rate) | AccountRateOutcome::Refused(account_rate)) = paced;
        self.cache_rate(account_rate, now);
        Ok(paced)
    }

    /// Returns [`AccountRate::settings_version`], at most a few seconds old. A recent reservation has cached it.
    /// After a long wait for a slot it is read once more.
    ///
    /// # Errors
    /// A necessary read failed.
    pub async fn settings_version<R: AccountRates>(&self, records: &R, now: Timestamp) -> Result<u64, PortError> {
        let known = *lock(&self.settings);
        if let Some((version, at)) = known
            && now.since(at) < SETTINGS_FRESH
        {
            return Ok(version);
        }
        let account_rate = records.account_rate().await?;
        self.cache_rate(account_rate, now);
        Ok(account_rate.settings_version)
    }

    fn cache_rate(&self, account_rate: AccountRate, at: Timestamp) {
        *lock(&self.settings) = Some((account_rate.settings_version, at));
        *lock(&self.full) = account_rate.full;
        *lock(&self.known) = Some(KnownRate { account_rate, at });
    }
}
