//! Tenants, their API keys, permissions, quotas and sending domains.
//!
//! A tenant is a customer that shares a deployment with others, and sees nothing of them.
//!
//! **Role:** every function behind the HTTP API asks here during authentication.
//! **Invariant:** the key alone determines the tenant; no part of a request does. A key can do no more than the key
//! that created it.
//! **May import:** `message`, `delivery` and the values at the root of the crate.
//! **Imported by:** `queue`, `webhook`, `api`, `ports`.
//! **Start reading at** [`key::ApiKey`], then [`Tenant`] and [`quota`].

pub mod console_code;
pub mod domains;
pub mod key;
pub mod quota;
pub mod sender;
pub mod temporary;
pub mod token;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use self::sender::FromDomain;
use crate::delivery::email_status::EmailStatus;
use crate::id::TenantId;
use crate::timestamp::Timestamp;

/// Least duration of a suspension before a tenant may be deleted. An environment caches a key for thirty seconds, and a
/// request that it authenticated ends within 29 more: after this time nothing is accepted.
pub const SUSPENDED_BEFORE_DELETION: Duration = Duration::from_secs(60);

/// The stored form of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The name of the tenant, part of every partition key of its records.
    pub id: TenantId,
    /// From domains that it may use.
    pub from_domains: Vec<FromDomain>,
    /// Recipients per day (UTC).
    pub daily_cap: Option<u64>,
    /// Recipients per second, on average.
    pub rate: Option<u32>,
    /// True while all its keys are rejected.
    pub suspended: bool,
    /// Start of the suspension. Missing where an earlier version of this program suspended the tenant.
    pub suspended_at: Option<Timestamp>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Version: the number of its changes.
    pub version: u64,
}

impl Tenant {
    /// The tenant of a deployment without other tenants. It always exists, is not stored, and has all rights of the
    /// account.
    #[must_use]
    pub fn main() -> Self {
        Self {
            id: TenantId::main(),
            from_domains: vec![FromDomain::Any],
            daily_cap: None,
            rate: None,
            suspended: false,
            suspended_at: None,
            created_at: Timestamp::from_millis(0),
            version: 0,
        }
    }

    /// The tenant suspended, or not, from `now` on. A repeated suspension keeps its start.
    #[must_use]
    pub fn with_suspension(self, suspended: bool, now: Timestamp) -> Self {
        let suspended_at = suspended.then(|| self.suspended_at.unwrap_or(now));
        Self {
            suspended,
            suspended_at,
            ..self
        }
    }

    /// Checks that it has been suspended for long enough to be deleted.
    ///
    /// # Errors
    /// [`NotDeletable`], with the step to do first.
    pub fn check_deletable(&self, now: Timestamp) -> Result<(), NotDeletable> {
        let since = match (self.suspended, self.suspended_at) {
            (false, _) => return Err(NotDeletable::NotSuspended),
            (true, None) => return Err(NotDeletable::UnknownStart),
            (true, Some(since)) => since,
        };
        if now.since(since) > SUSPENDED_BEFORE_DELETION {
            Ok(())
        } else {
            Err(NotDeletable::TooEarly)
        }
    }

    /// True if it may send from a domain.
    #[must_use]
    pub fn may_send_from(&self, domain: &str) -> bool {
        self.from_domains.iter().any(|allowed| allowed.covers(domain))
    }
}

/// A tenant that may not be deleted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDeletable {
    /// The keys of the tenant still work.
    #[error(
        "This tenant is not suspended. PATCH it with {{\"suspended\": true}}, wait more than 60 seconds, then delete it."
    )]
    NotSuspended,
    /// An earlier version of this program suspended it and stored no time.
    #[error(
        "The start of this tenant's suspension is unknown. PATCH it again with {{\"suspended\": true}}, wait more than 60 seconds, then delete it."
    )]
    UnknownStart,
    /// A request that passed authentication before the suspension may still run.
    #[error(
        "This tenant has been suspended for less than 60 seconds, and a request may still be running. Delete it later."
    )]
    TooEarly,
}

/// The unfinished work of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Emails that have not ended, by status.
    pub emails: BTreeMap<&'static str, usize>,
    /// Emails that this program cannot read.
    pub unreadable: usize,
    /// Jobs of queues that restore or retry emails, and are not done.
    pub jobs: usize,
    /// The count stopped before the end of the list.
    pub stopped: bool,
}

impl Leftovers {
    /// Counts an email unless it has ended.
    pub fn add(&mut self, email_status: EmailStatus) {
        if !email_status.has_ended() {
            let count = self.emails.entry(email_status.as_str()).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// The number of emails that have not ended, as far as they were counted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.emails.values().sum::<usize>().saturating_add(self.unreadable)
    }

    /// True if there is nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.count() == 0 && self.jobs == 0 && !self.stopped
    }
}

impl fmt::Display for Leftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unreadable = (self.unreadable > 0).then_some(("unreadable", &self.unreadable));
        let emails = self.emails.iter().map(|(name, count)| (*name, count)).chain(unreadable);
        let counts: Vec<_> = emails.map(|(name, count)| format!("{count} {name}")).collect();
        let least = if self.stopped { "at least " } else { "" };
        let emails = (!counts.is_empty()).then(|| format!("emails ({least}{})", counts.join(", ")));
        let jobs = (self.jobs > 0).then(|| format!("jobs that restore or retry emails ({})", self.jobs));
        let parts: Vec<_> = emails.into_iter().chain(jobs).collect();
        f.write_str(&parts.join(" and "))
    }
}

#[cfg(test)]
#[path = "tenant_tests.rs"]
mod tests;
