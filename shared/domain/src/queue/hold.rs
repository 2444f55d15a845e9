//! Holds: they keep emails waiting because of the key that accepted them, or because of their From domain.
//!
//! Each queue of a tenant has the same holds; the queue `default` has the original
//! ([`crate::queue::job::follow_tenant`]). A hold works like a pause. A function that handles a record under a hold
//! parks it in the partition of held emails, and only a release lets it go.
//!
//! **Invariant:** pure. A hold depends only on attributes of a record that never change. It therefore also covers
//! emails accepted later, while an environment still caches the key or the tenant.
//! **Start reading at** [`Holds::cover`]. Why this way: docs/adr/0032.

use serde::{Deserialize, Serialize};

use crate::delivery::record::EmailRecord;
use crate::id::KeyId;
use crate::tenant::sender::FromDomain;
use crate::timestamp::Timestamp;

/// Most holds of a tenant. Our choice: a queue's item stays far below DynamoDB's 400 KB.
pub const HOLDS_MAX: usize = 200;

/// The hold of one API key, or of the removed From domains of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The key; `None` for the hold of a tenant, which covers the emails of all its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The emails that are not held; `None` for a revoked key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<Exception>,
}

/// The emails that a hold exempts, because only some From domains of the key or the tenant were removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The From domains that the key or the tenant keeps.
    pub from: Vec<FromDomain>,
    /// The time after which accepted emails are not held: they come from domains that the key or the tenant has then.
    pub accepted_after: Timestamp,
}

impl Hold {
    /// The hold of a revoked key: all emails accepted with it, at any time.
    #[must_use]
    pub const fn of_revoked_key(key: KeyId) -> Self {
        Self {
            key: Some(key),
            except: None,
        }
    }

    /// The hold of the removed From domains of a key; without a key, of those of a tenant.
    #[must_use]
    pub const fn of_lost_domains(key: Option<KeyId>, kept: Vec<FromDomain>, accepted_after: Timestamp) -> Self {
        let except = Exception {
            from: kept,
            accepted_after,
        };
        Self {
            key,
            except: Some(except),
        }
    }

    /// True if it holds an email. A record without a From domain is of a version before these holds, or its domain is
    /// too long for a record. Its email waits, to be on the safe side.
    #[must_use]
    pub fn covers(&self, record: &EmailRecord) -> bool {
        if self.key.is_some_and(|key| record.key != Some(key)) {
            return false;
        }
        let Some(Exception { from, accepted_after }) = &self.except else {
            return true;
        };
        let is_allowed = |domain: &str| from.iter().any(|allowed| allowed.covers(domain));
        record.born <= *accepted_after && !record.from_domain.as_deref().is_some_and(is_allowed)
    }
}

/// The holds of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holds(Vec<Hold>);

impl Holds {
    /// True if there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The held keys, each once.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyId> {
        let mut keys: Vec<_> = self.0.iter().filter_map(|hold| hold.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// True if the tenant itself has a hold.
    #[must_use]
    pub fn has_tenants(&self) -> bool {
        self.0.iter().any(|hold| hold.key.is_none())
    }

    /// True if one of them holds an email.
    #[must_use]
    pub fn cover(&self, record: &EmailRecord) -> bool {
        self.0.iter().any(|hold| hold.covers(record))
    }

    /// The holds with another one; `None` if there would be too many. A hold of a revoked key replaces all others of
    /// the key. A hold of the same key with the same From domains replaces the earlier one.
    #[must_use]
    pub fn with(&self, hold: Hold) -> Option<Self> {
        let of_key = |other: &&Hold| other.key == hold.key;
        if self.0.iter().filter(of_key).any(|other| other.except.is_none()) {
            return Some(self.clone());
        }
        let domains = |hold: &Hold| hold.except.as_ref().map(|except| except.from.clone());
        let is_replaced =
            |other: &Hold| other.key == hold.key && (hold.except.is_none() || domains(other) == domains(&hold));
        let mut next: Vec<_> = self.0.iter().filter(|other| !is_replaced(other)).cloned().collect();
        next.push(hold);
        (next.len() <= HOLDS_MAX).then_some(Self(next))
    }

    /// The holds of these keys alone; `None` stands for the tenant.
    #[must_use]
    pub fn of(&self, keys: &[Option<KeyId>]) -> Self {
        let of_keys = |hold: &&Hold| keys.contains(&hold.key);
        Self(self.0.iter().filter(of_keys).cloned().collect())
    }

    /// The holds without those of a key; `None` stands for the tenant.
    #[must_use]
    pub fn without(&self, key: Option<KeyId>) -> Self {
        Self(self.0.iter().filter(|hold| hold.key != key).cloned().collect())
    }

    /// True if `others` lacks one of these holds, so that an email that they cover may be released.
    #[must_use]
    pub fn exceed(&self, others: &Self) -> bool {
        self.0.iter().any(|hold| !others.0.contains(hold))
    }
}

/// The emails that wait because of some holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// The number of held emails, among the newest emails of the tenant.
    pub emails: u64,
    /// True if every email of the tenant was read.
    pub counted_all: bool,
}

#[cfg(test)]
#[path = "hold_tests.rs"]
mod tests;
