//! The rate limiter of the account: it decides how fast emails go to SES, and when none go at all.
//!
//! One [`AccountRate`] serves the whole account: the time from which the rate is free, and the breaker. A batch
//! reserves its share of the rate before it claims anything, as one [`AccountRateChange`]. Emails beyond that share
//! go back into their priority queue.
//!
//! **Priority:** a priority queue may reserve no further ahead than its [`horizon`]. When the rate is the bottleneck,
//! the high priority queue still gets permits, and the others must come again. The low one leaves a tenth of the rate
//! to the others.
//! **Breaker:** opened by a spent quota, a paused account, or a run of throttles, for everyone. After its time one
//! email goes as a probe; its result closes the breaker or keeps it open for longer. A prober that crashes is
//! followed by another.
//! **Role:** called by `send`, which reserves and reports, and by `promote`, which follows the account; stored by
//! [`crate::ports::AccountRates`].
//! **Invariant:** pure. Clocks that differ make emails wait longer, and never raise the rate.
//! **Start reading at** [`request_permits`]. Why this way: docs/adr/0008.

use std::time::Duration;

use crate::delivery::attempt::Attempt;
use crate::delivery::breaker::{OpenBreaker, open_breaker};
use crate::delivery::cause::{Cause, Class};
use crate::delivery::priority_queue::FullPriorityQueues;
use crate::delivery::rate::{BURST, Begin, Micros, Rate};
use crate::delivery::record::Priority;
use crate::timestamp::Timestamp;

/// Longest delay of a send task that waits for the rate. A raised rate is noticed within this time.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The furthest time ahead for which a priority queue may reserve.
#[must_use]
pub const fn horizon(priority: Priority) -> Duration {
    match priority {
        Priority::High => Duration::from_secs(10),
        Priority::Normal => Duration::from_secs(5),
        Priority::Low => Duration::from_secs(2),
    }
}

/// The shared state of all senders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountRate {
    /// The rate to keep to; `None` until `promote` has read the account's rate for the first time. Until then SES
    /// alone limits.
    pub rate: Option<Rate>,
    /// The end of the reserved time; `None` if nothing was ever reserved.
    pub free_at: Option<Micros>,
    /// The open breaker; `None` while the breaker is closed.
    pub open: Option<OpenBreaker>,
    /// Number of changes of queues or suppressions. A sender's cached copies are valid while it stays the same. It is
    /// stored here because every batch reads this state.
    pub settings_version: u64,
    /// The full priority queues, in which `send` hides no more messages ([`crate::delivery::priority_queue`]). They are
    /// stored here for the same reason.
    pub full: FullPriorityQueues,
}

/// A write of the rate limiter, with its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountRateChange {
    /// Reserves the next stretch of the rate, if the breaker is closed and the rate unchanged.
    Reserve {
        /// The rate used to compute `span`.
        rate: Rate,
        /// Length of the stretch.
        span: Duration,
        /// Start of the stretch.
        begin: Begin,
    },
    /// Sets the breaker, if it is unchanged.
    Breaker {
        /// `until` of the breaker as it was read; `None` for a closed one.
        seen: Option<Timestamp>,
        /// The new breaker.
        becomes: Option<OpenBreaker>,
    },
    /// Sets the rate to keep to.
    Rate {
        /// `None` if the account has none.
        rate: Option<Rate>,
    },
    /// Reports that a queue or a suppression has changed.
    Settings,
    /// Sets the full priority queues.
    Full(FullPriorityQueues),
}

impl AccountRateChange {
    /// True if the change may be made to this state.
    #[must_use]
    pub fn holds(&self, account_rate: &AccountRate) -> bool {
        match *self {
            Self::Reserve { rate, begin, .. } => {
                account_rate.open.is_none() && account_rate.rate == Some(rate) && begin.holds(account_rate.free_at)
            }
            Self::Breaker { seen, .. } => account_rate.open.map(|open| open.until) == seen,
            Self::Rate { .. } | Self::Settings | Self::Full(_) => true,
        }
    }

    /// The state after the change.
    #[must_use]
    pub fn on(&self, mut account_rate: AccountRate) -> AccountRate {
        match *self {
            Self::Reserve { span, begin, .. } => {
                account_rate.free_at = Some(begin.of(account_rate.free_at).after(span));
            }
            Self::Breaker { becomes, .. } => account_rate.open = becomes,
            Self::Rate { rate } => account_rate.rate = rate,
            Self::Settings => account_rate.settings_version = account_rate.settings_version.saturating_add(1),
            Self::Full(priority_queues) => account_rate.full = priority_queues,
        }
        account_rate
    }
}

/// The answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermitDecision {
    /// No limit is known: all may go now.
    Free,
    /// Make the change; then the first emails of the batch may go, each at its offset from the start of the stretch.
    /// The others come again.
    Reserve {
        /// The write.
        change: AccountRateChange,
        /// For each email with a permit: its offset from the start of the stretch.
        offsets: Vec<Duration>,
    },
    /// Make the change; then the first email may go, and its result goes to [`conclude_probe`].
    Probe {
        /// The write.
        change: AccountRateChange,
        /// The breaker after the write.
        open: OpenBreaker,
    },
    /// None may go; all come again after this time.
    Wait(Duration),
}

/// A request of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitRequest<'a> {
    /// The priority of the emails.
    pub priority: Priority,
    /// Number of recipients of each email, in order.
    pub recipients: &'a [u32],
    /// Longest wait for a permit; later ones are not reserved.
    pub patience: Duration,
}

/// Asks for permits for a batch.
///
/// `base`: the first wait of the breaker ([`crate::delivery::retry::RetryPolicy::no_permit`]).
#[must_use]
pub fn request_permits(
    account_rate: &AccountRate,
    batch: PermitRequest<'_>,
    base: Duration,
    now: Timestamp,
) -> PermitDecision {
    let PermitRequest {
        priority,
        recipients,
        patience,
    } = batch;
    if let Some(open) = account_rate.open {
        if open.until > now {
            return PermitDecision::Wait(open.wait(base, now));
        }
        let again = open_breaker(Some(open), open.cause, base, now);
        let change = AccountRateChange::Breaker {
            seen: Some(open.until),
            becomes: Some(again),
        };
        return PermitDecision::Probe { change, open: again };
    }
    let Some(rate) = account_rate.rate else {
        return PermitDecision::Free;
    };
    let (here, horizon) = (Micros::of(now).before(BURST), horizon(priority).min(patience));
    let latest = Micros::of(now).after(horizon);
    let reserved = account_rate
        .free_at
        .map_or(Duration::ZERO, |free_at| free_at.since(Micros::of(now)));
    if reserved > horizon {
        return PermitDecision::Wait(wait(reserved.saturating_sub(horizon)));
    }
    // As many emails as fit into the horizon, but at least one. A large email exceeds the horizon, and the next
    // batches wait for it.
    let left = horizon.min(patience.saturating_sub(reserved));
    let (mut span, mut offsets) = (Duration::ZERO, Vec::new());
    for recipients in recipients {
        if !offsets.is_empty() && span > left {
            break;
        }
        offsets.push(span);
        span = span.saturating_add(rate.time(u64::from(*recipients), priority));
    }
    // Others may reserve meanwhile, as long as the last email of the batch still has time.
    let last = offsets.last().copied().unwrap_or_default();
    let latest = latest.min(Micros::of(now).after(patience.saturating_sub(last)));
    let begin = match account_rate.free_at {
        Some(free_at) if free_at >= here => Begin::AfterReserved { earliest: here, latest },
        Some(_) | None => Begin::Here(here),
    };
    let change = AccountRateChange::Reserve { rate, span, begin };
    PermitDecision::Reserve { change, offsets }
}

/// SQS has whole seconds, and a wait of at least one lets others go first.
fn wait(wait: Duration) -> Duration {
    wait.clamp(Duration::from_secs(1), LONGEST_WAIT)
}

/// The change after a probe without a call to SES: its email was sent, canceled or moved meanwhile. Another probe may
/// go at once.
#[must_use]
pub fn cancel_probe(open: OpenBreaker, now: Timestamp) -> AccountRateChange {
    AccountRateChange::Breaker {
        seen: Some(open.until),
        becomes: Some(OpenBreaker {
            until: now,
            times: open.times.saturating_sub(1),
            ..open
        }),
    }
}

/// The change after a probe's result. Without a clear result the breaker stays as the probe has set it, and another
/// probe goes afterwards.
#[must_use]
pub fn conclude_probe(
    open: OpenBreaker,
    attempt: &Attempt,
    base: Duration,
    now: Timestamp,
) -> Option<AccountRateChange> {
    let becomes = match attempt {
        Attempt::Accepted { .. } => None,
        Attempt::NotAccepted { cause, .. } => match cause.class() {
            // The refusal is about the email itself, and perhaps came before SES checked the account.
            Class::Permanent => return Some(cancel_probe(open, now)),
            // The probe has set the time already; only the cause may be new.
            Class::Throttled | Class::Quota | Class::Paused if *cause != open.cause => {
                Some(open_breaker(Some(open), *cause, base, now))
            }
            Class::Throttled | Class::Quota | Class::Paused | Class::Unreached | Class::Transient | Class::Unknown => {
                return None;
            }
        },
        Attempt::Ambiguous => return None,
    };
    Some(AccountRateChange::Breaker {
        seen: Some(open.until),
        becomes,
    })
}

/// The state of the account, as SES reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// Recipients in 1000 seconds; `None` if SES reports none.
    pub rate: Option<Rate>,
    /// The 24-hour quota is spent.
    pub quota_spent: bool,
    /// Sending is paused for the account.
    pub paused: bool,
}

impl AccountState {
    /// The cause for which SES would refuse an email.
    #[must_use]
    pub const fn obstacle(&self) -> Option<Cause> {
        if self.paused {
            Some(Cause::AccountPaused)
        } else if self.quota_spent {
            Some(Cause::QuotaExceeded)
        } else {
            None
        }
    }
}

/// The changes after a report about the account, in this order: its rate, then the breaker.
///
/// The breaker is never closed here. SES's report may be old, and it does not cover a paused configuration set. But
/// the next probe goes without a further wait.
#[must_use]
pub fn sync_account(
    account_rate: &AccountRate,
    account: &AccountState,
    base: Duration,
    now: Timestamp,
) -> Vec<AccountRateChange> {
    let mut changes = Vec::new();
    let rate = account.rate.map(Rate::kept_to);
    if account_rate.rate != rate {
        changes.push(AccountRateChange::Rate { rate });
    }
    let becomes = match (account.obstacle(), account_rate.open) {
        (Some(cause), None) => Some(open_breaker(None, cause, base, now)),
        // Already open for this cause; a later report extends the time if necessary.
        (Some(cause), Some(open)) if open.cause == cause && open.until > now => None,
        (Some(cause), Some(open)) => Some(OpenBreaker {
            times: open.times,
            ..open_breaker(None, cause, base, now)
        }),
        (None, Some(open)) if open.until > now && open.cause.class() != Class::Throttled => {
            Some(OpenBreaker { until: now, ..open })
        }
        (None, Some(_) | None) => None,
    };
    changes.extend(becomes.map(|open| AccountRateChange::Breaker {
        seen: account_rate.open.map(|open| open.until),
        becomes: Some(open),
    }));
    changes
}

#[cfg(test)]
#[path = "account_rate_breaker_tests.rs"]
mod breaker_tests;
#[cfg(test)]
#[path = "account_rate_tests.rs"]
mod tests;
