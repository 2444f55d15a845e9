//! Decides how fast emails go to SES, and when none go at all.
//!
//! One [`AccountRate`] for the whole account: the time from which the rate is free, and the breaker.
//! A batch takes its share of the rate before it claims anything, as one [`AccountRateChange`]; what it
//! may not take yet is put back into its priority queue.
//!
//! **Priority:** a priority queue may reserve ahead no further than its [`horizon`]: when the rate is what
//! limits, the high-priority queue still gets in where the others have to come again. The low-priority queue leaves
//! a tenth of the rate to the others.
//! **Breaker:** opened by a spent quota, a paused account, or a run of throttles, for everyone.
//! When its time is over one email goes as a probe; how that fares closes it or opens it for
//! longer. A prober that dies is followed by another.
//! **Role:** called by `send`, which takes and reports, and by `promote`, which follows the
//! account; stored by [`crate::ports::AccountRates`].
//! **Invariant:** pure. Two clocks that differ make emails wait, never go too fast.
//! **Start reading at** [`request_permits`]. Why this way: docs/adr/0008.

use std::time::Duration;

use crate::cause::{Cause, Class};
use crate::lifecycle::Attempt;
use crate::priority_queue::FullPriorityQueues;
use crate::record::Priority;
use crate::timestamp::Timestamp;

/// What may go at once although nothing was free before: the rate of this much time. A second
/// would be what SES itself lets through; a quarter keeps several environments within it.
pub(crate) const BURST: Duration = Duration::from_millis(250);

/// A send task that has to wait for the rate comes again after this at most: a rate that is raised
/// is noticed within it.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long a probe may take. Until then whoever comes is told to come again after this: the
/// breaker may be closed in a moment.
const PROBING: Duration = Duration::from_secs(15);

/// Throttled attempts of one environment, none accepted between them, that open the breaker.
const RUN: u32 = 10;

/// How often the breaker's wait is doubled.
const DOUBLINGS: u32 = 3;

/// How far ahead a priority queue may reserve.
#[must_use]
pub const fn horizon(priority: Priority) -> Duration {
    match priority {
        Priority::High => Duration::from_secs(10),
        Priority::Normal => Duration::from_secs(5),
        Priority::Low => Duration::from_secs(2),
    }
}

/// A time in microseconds since 1970: at 500 recipients a second a millisecond is too coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// The same time, exactly.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_millis().saturating_mul(1000))
    }

    /// The same time, rounded up.
    #[must_use]
    pub const fn up(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(999).div_euclid(1000))
    }

    /// This time, `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// How long from `earlier` to this; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time, `span` earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

/// Recipients in 1000 seconds: SES's rate, which it gives as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate(u64);

impl Rate {
    /// Takes recipients in 1000 seconds; `None` for zero.
    #[must_use]
    pub const fn from_millis(per_1000_s: u64) -> Option<Self> {
        if per_1000_s == 0 { None } else { Some(Self(per_1000_s)) }
    }

    /// Recipients in 1000 seconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The rate that is kept to when this is the account's: a twentieth less. What is on its way
    /// to SES for longer than the rest arrives together with what goes later.
    #[must_use]
    pub fn kept_to(self) -> Self {
        Self((self.0.saturating_mul(19) / 20).max(1))
    }

    /// How long so many recipients take, for a priority queue; rounded up.
    pub(crate) fn time(self, recipients: u64, priority: Priority) -> Duration {
        let (share, whole) = match priority {
            Priority::High | Priority::Normal => (1, 1),
            Priority::Low => (9, 10),
        };
        let micros = recipients.saturating_mul(1_000_000_000).saturating_mul(whole);
        Duration::from_micros(micros.div_ceil(self.0.saturating_mul(share)))
    }
}

/// The open breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenBreaker {
    /// Why; one of the causes that open it.
    pub cause: Cause,
    /// Nothing goes before; then a probe.
    pub until: Timestamp,
    /// How often it was opened in a record.
    pub times: u32,
}

impl OpenBreaker {
    /// How long it stays open in all.
    fn length(&self, base: Duration) -> Duration {
        // The rate is free again in a moment; a quota or a person takes longer.
        let first = match self.cause.class() {
            Class::Throttled => base / 12,
            Class::Quota | Class::Paused | Class::Unreached | Class::Transient | Class::Permanent | Class::Unknown => {
                base
            }
        };
        first.saturating_mul(1 << self.times.min(DOUBLINGS))
    }

    /// When whoever is refused comes again: soon, while a probe may be under way; else when the
    /// next one may go.
    #[must_use]
    pub fn wait(&self, base: Duration, now: Timestamp) -> Duration {
        const SECOND: Duration = Duration::from_secs(1);
        let length = self.length(base);
        let probing = (length / 4).clamp(SECOND, PROBING);
        let left = self.until.since(now);
        if left + probing > length && left > probing {
            probing
        } else {
            left.max(SECOND)
        }
    }
}

/// What all senders share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountRate {
    /// The rate to keep to; unknown until `promote` has asked for the account's the first time,
    /// and until then SES alone limits.
    pub rate: Option<Rate>,
    /// From when on nothing is reserved; `None` when nothing ever was.
    pub free_at: Option<Micros>,
    /// `None` while it is closed.
    pub open: Option<OpenBreaker>,
    /// How often queues or suppressions were changed: what a sender remembers of them is good for
    /// as long as this stays. It lies here because every batch comes by.
    pub settings_version: u64,
    /// The priority queues in which `send` hides no more messages. Also here because every batch comes by.
    pub full: FullPriorityQueues,
}

/// A write of the account's rate, and under which condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountRateChange {
    /// Reserves the next stretch of the rate, if the breaker is closed and the rate still this.
    Reserve {
        /// The rate that `span` was reckoned with.
        rate: Rate,
        /// How long the stretch is.
        span: Duration,
        /// Where it begins.
        begin: Begin,
    },
    /// Sets the breaker, if it is as it was seen.
    Breaker {
        /// `until` of the breaker that was seen; `None` for a closed one.
        seen: Option<Timestamp>,
        /// What it becomes.
        becomes: Option<OpenBreaker>,
    },
    /// Sets the rate to keep to.
    Rate {
        /// `None` when the account has none.
        rate: Option<Rate>,
    },
    /// Says that a queue or a suppression has changed.
    Settings,
    /// Sets the full priority queues.
    Full(FullPriorityQueues),
}

/// Where a reserved stretch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Here, if everything is free from here on.
    Here(Micros),
    /// Where the reserved time ends, if that is between these two.
    AfterReserved {
        /// Not before.
        earliest: Micros,
        /// Not after.
        latest: Micros,
    },
}

impl Begin {
    /// Whether a stretch can begin so where this is reserved.
    #[must_use]
    pub fn holds(self, reserved: Option<Micros>) -> bool {
        match (self, reserved) {
            (Self::Here(here), reserved) => reserved.is_none_or(|reserved| reserved < here),
            (Self::AfterReserved { earliest, latest }, Some(reserved)) => (earliest..=latest).contains(&reserved),
            (Self::AfterReserved { .. }, None) => false,
        }
    }

    /// The beginning where this is reserved.
    #[must_use]
    pub fn of(self, reserved: Option<Micros>) -> Micros {
        match self {
            Self::Here(here) => here,
            Self::AfterReserved { earliest, .. } => reserved.unwrap_or(earliest),
        }
    }
}

impl AccountRateChange {
    /// Whether the change may be made to this account rate.
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

    /// The account's rate after the change.
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

/// What a batch may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermitDecision {
    /// Nothing is known that limits: all may go now.
    Free,
    /// Make the change; then the first emails of the batch may go, each so long after the
    /// stretch begins; the others come again.
    Reserve {
        /// What to write.
        change: AccountRateChange,
        /// For each email that is reserved: how long after the beginning of the stretch.
        offsets: Vec<Duration>,
    },
    /// Make the change; then the first email may go, and how it fares is told to [`probed`].
    Probe {
        /// What to write.
        change: AccountRateChange,
        /// The breaker as it is then.
        open: OpenBreaker,
    },
    /// None may go; all come again after this.
    Wait(Duration),
}

/// Who asks, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitRequest<'a> {
    /// The priority queue that the emails are of.
    pub priority: Priority,
    /// How many recipients each has, in their order.
    pub recipients: &'a [u32],
    /// How long they can wait for their slots: what would go later is not reserved.
    pub patience: Duration,
}

/// Asks for a batch.
///
/// `base`: how long the breaker stays open at first ([`crate::retry::RetryPolicy::no_permit`]).
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
        let again = opened(Some(open), open.cause, base, now);
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
    // Of a batch as much as fits into the horizon, and one in any case: a large one goes into
    // debt, which the next ones wait for.
    let left = horizon.min(patience.saturating_sub(reserved));
    let (mut span, mut offsets) = (Duration::ZERO, Vec::new());
    for recipients in recipients {
        if !offsets.is_empty() && span > left {
            break;
        }
        offsets.push(span);
        span = span.saturating_add(rate.time(u64::from(*recipients), priority));
    }
    // Others may reserve meanwhile, but not so much that the last one of the batch has no time.
    let last = offsets.last().copied().unwrap_or_default();
    let latest = latest.min(Micros::of(now).after(patience.saturating_sub(last)));
    let begin = match account_rate.free_at {
        Some(free_at) if free_at >= here => Begin::AfterReserved { earliest: here, latest },
        Some(_) | None => Begin::Here(here),
    };
    let change = AccountRateChange::Reserve { rate, span, begin };
    PermitDecision::Reserve { change, offsets }
}

/// SQS knows whole seconds, and at least one lets others go first.
fn wait(wait: Duration) -> Duration {
    wait.clamp(Duration::from_secs(1), LONGEST_WAIT)
}

/// The breaker opened for `cause` at `now`: for longer each time in a record.
#[must_use]
pub fn opened(before: Option<OpenBreaker>, cause: Cause, base: Duration, now: Timestamp) -> OpenBreaker {
    let times = before.map_or(0, |open| open.times.saturating_add(1));
    let open = OpenBreaker {
        cause,
        until: now,
        times,
    };
    OpenBreaker {
        until: now.after(open.length(base)),
        ..open
    }
}

/// The breaker after a probe that has asked nobody: its email was sent, canceled or moved
/// meanwhile. Another one may go at once.
#[must_use]
pub fn unprobed(open: OpenBreaker, now: Timestamp) -> AccountRateChange {
    AccountRateChange::Breaker {
        seen: Some(open.until),
        becomes: Some(OpenBreaker {
            until: now,
            times: open.times.saturating_sub(1),
            ..open
        }),
    }
}

/// How the attempts of one environment fare: what it takes to see a run of throttles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThrottleRun(u32);

impl ThrottleRun {
    /// Counts an attempt; returns why the breaker has to open, if it has to.
    #[must_use]
    pub fn count(&mut self, attempt: &Attempt) -> Option<Cause> {
        match attempt {
            Attempt::Accepted { .. } => self.0 = 0,
            Attempt::NotAccepted { cause, .. } => match cause.class() {
                Class::Quota | Class::Paused => return Some(*cause),
                Class::Throttled => {
                    self.0 = self.0.saturating_add(1);
                    if self.0 >= RUN {
                        self.0 = 0;
                        return Some(*cause);
                    }
                }
                Class::Unreached | Class::Transient | Class::Permanent | Class::Unknown => {}
            },
            Attempt::Ambiguous => {}
        }
        None
    }
}

/// What follows from how a probe fared. Where it says nothing the breaker stays as the probe
/// has set it, and when that is over another one goes.
#[must_use]
pub fn probed(open: OpenBreaker, attempt: &Attempt, base: Duration, now: Timestamp) -> Option<AccountRateChange> {
    let becomes = match attempt {
        Attempt::Accepted { .. } => None,
        Attempt::NotAccepted { cause, .. } => match cause.class() {
            // Of the email itself, and perhaps before SES has looked at the account.
            Class::Permanent => return Some(unprobed(open, now)),
            // The probe has set the time already; only why may be news.
            Class::Throttled | Class::Quota | Class::Paused if *cause != open.cause => {
                Some(opened(Some(open), *cause, base, now))
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

/// What SES says of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// Recipients in 1000 seconds; `None` when it says none.
    pub rate: Option<Rate>,
    /// The 24-hour quota is spent.
    pub quota_spent: bool,
    /// Sending is paused for the account.
    pub paused: bool,
}

impl AccountState {
    /// What an email would be refused for.
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

/// What follows from the account's state, in this order: the rate it has, the breaker it needs.
///
/// The breaker is never closed here: what SES says of the account may be old, and a paused
/// configuration set is not in it. But the probe is sent without further wait.
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
        (Some(cause), None) => Some(opened(None, cause, base, now)),
        // Open long enough, until the account is asked the next time.
        (Some(cause), Some(open)) if open.cause == cause && open.until > now => None,
        (Some(cause), Some(open)) => Some(OpenBreaker {
            times: open.times,
            ..opened(None, cause, base, now)
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
#[path = "account_rate_tests.rs"]
mod tests;
