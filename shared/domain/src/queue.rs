//! A named queue: what is set for its emails, and what was done to it.
//!
//! A queue is one stored item: to make, pause or purge one is one write, whatever it holds. What that
//! means for an email is asked at the email ([`Queue::bids`]): reads show it at once, and whoever
//! meets the email carries it out.
//!
//! **Invariant:** pure. [`Queue::no`] rises with every change that [`Queue::bids`] depends on, so that
//! what was decided under one state is never written under another.
//! **Start reading at** [`Queue::bids`]. Why this way: docs/adr/0016.

pub mod job;
pub mod key_hold;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::id::TenantId;
use crate::lifecycle::Policy;
use crate::pacing::Rate;
use crate::queue::key_hold::KeyHolds;
use crate::rate_limit::Turn;
use crate::record::{EmailRecord, Lane, Status};
use crate::timestamp::Timestamp;

/// Time for which a queue that was read is good for accepting emails.
pub const KNOWN_FOR: Duration = Duration::from_secs(2);

/// Time after which a purge or a deletion binds everybody who accepts emails, and is answered: the copies of the
/// queue that others have read are too old by then, and a record that was about to be written is written.
pub const BINDS_AFTER: Duration = Duration::from_secs(4);

/// A queue's name: `[a-z0-9-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct QueueName(String);

/// A text that is no queue's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 lower-case letters, digits or dashes")]
pub struct NoQueueName;

impl QueueName {
    /// The queue that always exists.
    pub const DEFAULT: &'static str = "default";

    /// Reads a name.
    ///
    /// # Errors
    /// [`NoQueueName`].
    pub fn parse(text: &str) -> Result<Self, NoQueueName> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoQueueName)
        }
    }

    /// The name as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the queue that always exists.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT
    }
}

impl Default for QueueName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl TryFrom<String> for QueueName {
    type Error = NoQueueName;

    fn try_from(text: String) -> Result<Self, NoQueueName> {
        Self::parse(&text)
    }
}

impl From<QueueName> for String {
    fn from(name: QueueName) -> Self {
        name.0
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which queue: its tenant and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueKey {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub name: QueueName,
}

impl QueueKey {
    /// The queue of an email.
    #[must_use]
    pub fn of(record: &EmailRecord) -> Self {
        Self {
            tenant: record.tenant.clone(),
            name: record.queue.clone(),
        }
    }
}

/// A pause of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Why, in the words of who paused it.
    pub reason: Option<String>,
    /// Ends by itself then.
    pub until: Option<Timestamp>,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Whose, and its name.
    pub key: QueueKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// The lane of its emails that say nothing of their own.
    pub priority: Lane,
    /// Recipients per second, if it has a rate of its own.
    pub rate_per_second: Option<u32>,
    /// When its emails are tried again, if not as the deployment does.
    pub retry_waits: Option<Vec<Duration>>,
    /// How long after they are due its emails may be sent, if not as the deployment says.
    pub expires_after: Option<Duration>,
    /// How often it was paused, resumed, purged, restored or deleted.
    pub no: u64,
    /// It is paused.
    pub paused: Option<Pause>,
    /// Its tenant is suspended: its emails wait as in a pause, which only the deployer ends.
    pub suspended: bool,
    /// The holds of its tenant's API keys: their emails wait as in a pause, until each hold is released.
    pub key_holds: KeyHolds,
    /// The number of purges: the generation of the records that are accepted now.
    pub generation: u64,
    /// The oldest generation whose records are still wanted.
    pub purged_below: u64,
    /// The time of the last purge, for records without a generation: those accepted until then are not wanted.
    pub purged_before: Option<Timestamp>,
    /// It was deleted: nothing new is accepted, and what it holds goes its way.
    pub deleted: bool,
}

/// The state that all queues of a tenant have in common. The queue `default` leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// The tenant is suspended.
    pub suspended: bool,
    /// The holds of the tenant's API keys.
    pub key_holds: KeyHolds,
}

/// What a queue wants done about an email that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bid {
    /// It goes its way.
    Go,
    /// It waits until the queue is resumed.
    Hold,
    /// It is not wanted any more.
    Drop,
}

impl Queue {
    /// A queue as it is when nobody has said anything about it.
    #[must_use]
    pub fn plain(key: QueueKey, created_at: Timestamp) -> Self {
        Self {
            key,
            created_at,
            priority: Lane::Normal,
            rate_per_second: None,
            retry_waits: None,
            expires_after: None,
            no: 0,
            paused: None,
            suspended: false,
            key_holds: KeyHolds::default(),
            generation: 0,
            purged_below: 0,
            purged_before: None,
            deleted: false,
        }
    }

    /// Whether its emails wait at `now`: it is paused, or its tenant is suspended.
    #[must_use]
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.suspended || self.pause_at(now).is_some()
    }

    /// The pause that holds at `now`.
    #[must_use]
    pub fn pause_at(&self, now: Timestamp) -> Option<&Pause> {
        let over = |pause: &Pause| pause.until.is_some_and(|until| until <= now);
        self.paused.as_ref().filter(|pause| !over(pause))
    }

    /// Whether a record is still wanted: no purge that stands concerns it.
    ///
    /// A record of a named queue carries the generation that it was accepted under, and generations are compared.
    /// One of the queue `default` is accepted without a read of the queue; there times are compared, with half of
    /// [`BINDS_AFTER`] between them ([`Self::purged`]).
    #[must_use]
    pub fn wants(&self, record: &EmailRecord) -> bool {
        match record.generation {
            Some(generation) => generation >= self.purged_below,
            None => self.purged_before.is_none_or(|before| record.asked_for_at() > before),
        }
    }

    /// Whether a purge stands.
    #[must_use]
    pub const fn is_purged(&self) -> bool {
        self.purged_below > 0 || self.purged_before.is_some()
    }

    /// What it wants done about an email. Only what waits can be held or dropped.
    #[must_use]
    pub fn bids(&self, record: &EmailRecord, now: Timestamp) -> Bid {
        if record.status != Status::Queued {
            Bid::Go
        } else if !self.wants(record) {
            Bid::Drop
        } else if self.is_paused(now) || self.key_holds.cover(record) {
            Bid::Hold
        } else {
            Bid::Go
        }
    }

    /// An email as it is to be seen: what is not wanted any more has ended, though nobody has written
    /// it yet.
    #[must_use]
    pub fn shows(&self, mut record: EmailRecord, now: Timestamp) -> EmailRecord {
        if self.bids(&record, now) == Bid::Drop && record.status_at(now) == Status::Queued {
            record.status = dropped(&record);
            record.cause = Some(Cause::Purged);
            record.detail = None;
        }
        record
    }

    /// The machine's timings for its emails.
    #[must_use]
    pub fn policy<'a>(&self, of_deployment: &'a Policy) -> Cow<'a, Policy> {
        if self.retry_waits.is_none() && self.rate_per_second.is_none() {
            return Cow::Borrowed(of_deployment);
        }
        let mut policy = of_deployment.clone();
        if let Some(waits) = &self.retry_waits {
            policy.retry.waits.clone_from(waits);
        }
        if self.rate().is_some() {
            policy.turn = Turn::Waits;
        }
        Cow::Owned(policy)
    }

    /// The rate of its own, as the pace has it.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        Rate::from_millis(u64::from(self.rate_per_second?).saturating_mul(1000))
    }

    /// The queue paused.
    #[must_use]
    pub fn paused(&self, pause: Pause) -> Self {
        self.changed(|next| next.paused = Some(pause))
    }

    /// The queue resumed.
    #[must_use]
    pub fn resumed(&self) -> Self {
        self.changed(|next| next.paused = None)
    }

    /// The queue of a tenant that is suspended, or is not any more.
    #[must_use]
    pub fn with_suspension(&self, suspended: bool) -> Self {
        self.with_common(&Common {
            suspended,
            ..self.common()
        })
    }

    /// The state that all queues of a tenant have in common.
    #[must_use]
    pub fn common(&self) -> Common {
        Common {
            suspended: self.suspended,
            key_holds: self.key_holds.clone(),
        }
    }

    /// The queue with another state that all queues of its tenant have in common.
    #[must_use]
    pub fn with_common(&self, common: &Common) -> Self {
        self.changed(|next| {
            next.suspended = common.suspended;
            next.key_holds.clone_from(&common.key_holds);
        })
    }

    /// The queue purged at `now` of everything that was accepted before.
    ///
    /// Records without a generation were accepted by other clocks, which may be behind or ahead by as much as half
    /// of [`BINDS_AFTER`]: a purge is answered only when that time is over.
    #[must_use]
    pub fn purged(&self, now: Timestamp) -> Self {
        self.changed(|next| {
            next.generation = next.generation.saturating_add(1);
            next.purged_below = next.generation;
            next.purged_before = next.purged_before.max(Some(now.after(BINDS_AFTER / 2)));
        })
    }

    /// The queue with its purges undone.
    #[must_use]
    pub fn restored(&self) -> Self {
        self.changed(|next| {
            next.purged_below = 0;
            next.purged_before = None;
        })
    }

    /// The queue deleted. It is resumed: nobody could do so later.
    #[must_use]
    pub fn deleted(&self) -> Self {
        self.changed(|next| {
            next.paused = None;
            next.deleted = true;
        })
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next.no = next.no.saturating_add(1);
        next
    }
}

/// How an email ends that is not wanted any more: SES may have accepted an earlier claim of it.
pub(crate) const fn dropped(record: &EmailRecord) -> Status {
    if record.maybe_duplicate {
        Status::Unknown
    } else {
        Status::Canceled
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
