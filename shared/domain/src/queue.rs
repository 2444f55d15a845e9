//! A named queue: its settings and its state.
//!
//! A queue is one stored item: creating, pausing or purging it is one write for any number of emails.
//! [`Queue::disposition`] derives the effect on an email. Reads show the effect at once; the next function that
//! handles the email writes it.
//!
//! **Invariant:** pure. [`Queue::version`] rises with every change that [`Queue::disposition`] depends on. A decision
//! made under one state is therefore never written under another.
//! **May import:** `delivery`, `tenant` and the values at the root of the crate.
//! **Imported by:** `lifecycle`, `reporting`, `api`, `ports`.
//! **Start reading at** [`Queue::disposition`]. Why this way: docs/adr/0016.

pub mod hold;
pub mod job;
pub mod lost_verifications;
pub mod rate_limit;

use std::borrow::Cow;
use std::time::Duration;

use crate::delivery::cause::Cause;
use crate::delivery::policy::{Policy, Turn};
use crate::delivery::rate::Rate;
use crate::delivery::record::{EmailRecord, Priority, RecordStatus};
use crate::id::QueueKey;
use crate::queue::hold::Holds;
use crate::queue::lost_verifications::LostVerifications;
use crate::timestamp::Timestamp;

/// Longest use of a queue's cached copy while accepting emails.
pub const KNOWN_FOR: Duration = Duration::from_secs(2);

/// Longest delay of the index behind the records, and of a writer behind its decision. DynamoDB says "a fraction of a
/// second"; a run of `promote` that was about to park an email has ended by then.
pub const SETTLED: Duration = Duration::from_secs(120);

/// Wait before a purge or a deletion is answered. By then it binds every acceptance of emails: cached copies of the
/// queue have expired, and records in flight are written.
pub const BINDS_AFTER: Duration = Duration::from_secs(4);

/// A pause of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Start of the pause.
    pub since: Timestamp,
    /// The reason given by the caller.
    pub reason: Option<String>,
    /// Time at which the pause ends by itself.
    pub until: Option<Timestamp>,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Tenant and name.
    pub key: QueueKey,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Default priority of its emails.
    pub priority: Priority,
    /// The rate limit in recipients per second, if the queue has one.
    pub rate_per_second: Option<u32>,
    /// Waits between retries; `None` for the deployment's.
    pub retry_waits: Option<Vec<Duration>>,
    /// Time from due to expiry of its emails; `None` for the deployment's.
    pub expires_after: Option<Duration>,
    /// Version of its state: the number of pauses, resumes, purges, restores, deletions and other changes.
    pub version: u64,
    /// The pause, if it is paused.
    pub paused: Option<Pause>,
    /// True while its tenant is suspended. Its emails wait as in a pause, which only the deployer ends.
    pub suspended: bool,
    /// The holds of its tenant and of the tenant's API keys. Their emails wait as in a pause, until each is released.
    pub holds: Holds,
    /// The domains of its tenant for which SES stopped sending. Their emails wait until SES sends for them again.
    pub lost_verifications: LostVerifications,
    /// The number of purges: the generation of newly accepted records.
    pub generation: u64,
    /// The oldest generation whose records are still wanted.
    pub purged_below: u64,
    /// Time of the last purge, for records without a generation: those accepted until then are unwanted.
    pub purged_before: Option<Timestamp>,
    /// True for a deleted queue: it accepts nothing new, and its emails are still processed.
    pub deleted: bool,
    /// The restore epoch of the deployment, which is never stored ([`Self::restored_at`]).
    pub restore_epoch: Option<Timestamp>,
}

/// The state that all queues of a tenant share. The queue `default` has the original.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// True while the tenant is suspended.
    pub suspended: bool,
    /// The holds of the tenant and of its API keys.
    pub holds: Holds,
    /// The tenant's domains for which SES stopped sending.
    pub lost_verifications: LostVerifications,
}

/// The disposition of a queue for a waiting email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Send it.
    Go,
    /// Keep it waiting, because of a pause, a suspension, a hold, a lost domain, or a restored table.
    Hold,
    /// End it; it is unwanted.
    Drop,
}

impl Queue {
    /// A queue with default settings.
    #[must_use]
    pub fn plain(key: QueueKey, created_at: Timestamp) -> Self {
        Self {
            key,
            created_at,
            priority: Priority::Normal,
            rate_per_second: None,
            retry_waits: None,
            expires_after: None,
            version: 0,
            paused: None,
            suspended: false,
            holds: Holds::default(),
            lost_verifications: LostVerifications::default(),
            generation: 0,
            purged_below: 0,
            purged_before: None,
            deleted: false,
            restore_epoch: None,
        }
    }

    /// The queue in a table with this restore epoch: its restored emails wait.
    #[must_use]
    pub fn restored_at(self, restore_epoch: Option<Timestamp>) -> Self {
        Self { restore_epoch, ..self }
    }

    /// True if its emails wait at `now`: it is paused, or its tenant is suspended.
    #[must_use]
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.suspended || self.pause_at(now).is_some()
    }

    /// The pause in effect at `now`.
    #[must_use]
    pub fn pause_at(&self, now: Timestamp) -> Option<&Pause> {
        let over = |pause: &Pause| pause.until.is_some_and(|until| until <= now);
        self.paused.as_ref().filter(|pause| !over(pause))
    }

    /// True if it may hold some of its emails, so that each record must be read before a claim.
    #[must_use]
    pub fn may_hold_some(&self) -> bool {
        !self.holds.is_empty() || !self.lost_verifications.is_empty()
    }

    /// True if a record is still wanted: no purge in effect applies to it.
    ///
    /// A record of a named queue carries the generation of its acceptance, and generations are compared. The queue
    /// `default` accepts emails without a read of the queue. For its records times are compared, with a margin of
    /// half of [`BINDS_AFTER`] ([`Self::after_purge`]).
    #[must_use]
    pub fn wants(&self, record: &EmailRecord) -> bool {
        match record.generation {
            Some(generation) => generation >= self.purged_below,
            None => self.purged_before.is_none_or(|before| record.asked_for_at() > before),
        }
    }

    /// True if a purge is in effect.
    #[must_use]
    pub const fn is_purged(&self) -> bool {
        self.purged_below > 0 || self.purged_before.is_some()
    }

    /// The disposition for an email. Only waiting emails can be held or dropped.
    #[must_use]
    pub fn disposition(&self, record: &EmailRecord, now: Timestamp) -> Disposition {
        if record.status != RecordStatus::Queued {
            Disposition::Go
        } else if !self.wants(record) {
            Disposition::Drop
        } else if self.is_paused(now)
            || self.holds.cover(record)
            || self.lost_verifications.cover(record)
            || record.is_restored(self.restore_epoch)
        {
            Disposition::Hold
        } else {
            Disposition::Go
        }
    }

    /// The record as readers see it: an unwanted email has ended, even before any write. An email of a domain that lost
    /// its verification names the reason why it waits.
    #[must_use]
    pub fn shows(&self, mut record: EmailRecord, now: Timestamp) -> EmailRecord {
        if record.status_at(now) != RecordStatus::Queued {
            return record;
        }
        if self.disposition(&record, now) == Disposition::Drop {
            record.maybe_duplicate |= record.is_restored(self.restore_epoch);
            record.status = final_status(&record);
            record.cause = Some(Cause::Purged);
            record.detail = None;
        } else if let Some(domain) = self.lost_verifications.domain_of(&record) {
            record.cause = Some(Cause::UnverifiedSender);
            record.detail = Some(format!(
                "Amazon SES no longer sends for {domain}. The email waits, and needs no retry. GET /domains/{{id}} shows the missing records."
            ));
        }
        record
    }

    /// The timings for its emails.
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

    /// The queue's own rate, in the form that [`crate::queue::rate_limit`] uses.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        Rate::from_millis(u64::from(self.rate_per_second?).saturating_mul(1000))
    }

    /// The paused queue.
    #[must_use]
    pub fn after_pause(&self, pause: Pause) -> Self {
        self.with_change(|next| next.paused = Some(pause))
    }

    /// The resumed queue.
    #[must_use]
    pub fn after_resume(&self) -> Self {
        self.with_change(|next| next.paused = None)
    }

    /// The queue with its tenant suspended or not.
    #[must_use]
    pub fn with_suspension(&self, suspended: bool) -> Self {
        self.with_common(&Common {
            suspended,
            ..self.common()
        })
    }

    /// The state that all queues of a tenant share.
    #[must_use]
    pub fn common(&self) -> Common {
        Common {
            suspended: self.suspended,
            holds: self.holds.clone(),
            lost_verifications: self.lost_verifications.clone(),
        }
    }

    /// The queue with another shared state.
    #[must_use]
    pub fn with_common(&self, common: &Common) -> Self {
        self.with_change(|next| {
            next.suspended = common.suspended;
            next.holds.clone_from(&common.holds);
            next.lost_verifications.clone_from(&common.lost_verifications);
        })
    }

    /// The queue after a purge at `now` of all earlier emails.
    ///
    /// Records without a generation were accepted by other clocks, which may differ by up to half of [`BINDS_AFTER`].
    /// A purge is answered only after that time.
    #[must_use]
    pub fn after_purge(&self, now: Timestamp) -> Self {
        self.with_change(|next| {
            next.generation = next.generation.saturating_add(1);
            next.purged_below = next.generation;
            next.purged_before = next.purged_before.max(Some(now.after(BINDS_AFTER / 2)));
        })
    }

    /// The queue with its purges undone.
    #[must_use]
    pub fn after_restore(&self) -> Self {
        self.with_change(|next| {
            next.purged_below = 0;
            next.purged_before = None;
        })
    }

    /// The deleted queue. It is resumed, because nobody could resume it later.
    #[must_use]
    pub fn after_deletion(&self) -> Self {
        self.with_change(|next| {
            next.paused = None;
            next.deleted = true;
        })
    }

    fn with_change(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next.version = next.version.saturating_add(1);
        next
    }
}

/// The final status of an unwanted email: SES may have accepted an earlier claim of it.
pub(crate) const fn final_status(record: &EmailRecord) -> RecordStatus {
    if record.maybe_duplicate {
        RecordStatus::Unknown
    } else {
        RecordStatus::Canceled
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
