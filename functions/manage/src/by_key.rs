//! Emails by the API key that accepted them: released after a hold, or canceled.
//!
//! **Invariant:** both commands can be repeated at any time. A release is one write of the queue `default`,
//! with a job for the rest. A cancellation reads a bounded number of emails, and reports where to continue.
//! **After a crash** behind the write of a release, `promote` works the job off.
//! **Start reading at** [`ManageFunction::release_key`]. Why this way: docs/adr/0032.

use aws::http::auth::{ActsFor, TenantPrincipal};
use aws::http::query::{self, Cursor};
use domain::api::error::ApiError;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{EmailId, EmailKey, KeyId, QueueName};
use domain::lifecycle::{Decision, commands};
use domain::ports::{Bodies, Clock, PriorityQueues, Random};
use domain::queue::Common;
use domain::queue::job::follow_tenant;
use domain::queue::key_hold::Held;
use serde::Serialize;
use workflow::apply::apply_many;
use workflow::held_emails;

use crate::queues::{ROUNDS, of, refuse_narrowed};
use crate::{ManageError, ManageFunction, Store};

/// Maximum number of emails that one cancellation reads.
pub const LOOKED_AT_MAX: usize = 5_000;

/// Number of emails that one cancellation cancels, or a few more: the last page is finished.
pub const CANCELED_MAX: u64 = 500;

/// Number of emails per page.
const PAGE: usize = 250;

/// Reads the key in `?key=`.
///
/// # Errors
/// 422 `missing_required_field` or `validation_error`.
pub fn parse_release(query: &str) -> Result<KeyId, ApiError> {
    let [key] = query::parameters(query, ["key"])?;
    key_id(key.as_deref())
}

/// Query of a cancellation: `?key&after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancellation {
    /// API key whose emails are canceled.
    pub key: KeyId,
    /// Last email of the earlier request.
    pub after: Option<EmailId>,
}

impl Cancellation {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `missing_required_field` or `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [key, after] = query::parameters(query, ["key", "after"])?;
        let read =
            |id: &str| EmailId::parse(id).ok_or_else(|| ApiError::validation("after", "must be the id of an email"));
        Ok(Self {
            key: key_id(key.as_deref())?,
            after: after.as_deref().map(read).transpose()?,
        })
    }
}

fn key_id(given: Option<&str>) -> Result<KeyId, ApiError> {
    let text = given.ok_or_else(|| {
        ApiError::missing_field("key", "this parameter is required: the id of an API key, as in ?key=ID")
    })?;
    KeyId::parse(text).ok_or_else(|| ApiError::validation("key", "must be the id of an API key"))
}

/// The response to the release of a held API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "EmailsReleased")
)]
pub struct Released {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "release")))]
    object: &'static str,
    key: String,
    /// The key was held until this request.
    released: bool,
    /// The number of emails that waited because of the hold, among the newest 10,000 of the tenant.
    emails: u64,
    /// All emails of the tenant were counted. Otherwise the true number may be higher than `emails`.
    counted_all: bool,
    /// The job of the queue `default` that releases the emails.
    job: Option<String>,
}

impl Released {
    fn new(key: KeyId, held: Held, job: Option<EmailId>) -> Self {
        Self {
            object: "release",
            key: key.to_string(),
            released: job.is_some(),
            emails: held.emails,
            counted_all: held.counted_all,
            job: job.map(|id| id.to_string()),
        }
    }
}

/// The response to a cancellation of an API key's emails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "EmailsCanceled")
)]
pub struct Canceled {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "cancellation")))]
    object: &'static str,
    key: String,
    /// The number of emails that this request canceled.
    canceled: u64,
    /// The number of unfinished emails that stay unchanged: they are being sent, or Amazon SES may have accepted
    /// them.
    left: u64,
    /// More emails are left to check: repeat the request with `after` and the value of `next`.
    has_more: bool,
    /// The id of the last checked email.
    next: Option<String>,
}

impl<R, B, L, S> ManageFunction<R, B, L, S>
where
    R: Store,
    B: Bodies,
    L: PriorityQueues,
    S: Clock + Random,
{
    /// Releases the emails that a key's hold stopped. Without such a hold nothing changes.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains. Or a backend call failed.
    pub async fn release_key(&self, caller: &TenantPrincipal, key: KeyId) -> Result<Released, ManageError> {
        refuse_narrowed(caller)?;
        let lead = of(caller, QueueName::default());
        for _ in 0..ROUNDS {
            let before = self.live_queue(&lead).await?;
            let (holds, now) = (before.key_holds.of(&[key]), self.system.now());
            let common = Common {
                key_holds: before.key_holds.without(key),
                ..before.common()
            };
            let id = self.system.id()?;
            let Some((next, job)) = follow_tenant(&before, &common, id, now) else {
                return Ok(Released::new(
                    key,
                    Held {
                        counted_all: true,
                        ..Held::default()
                    },
                    None,
                ));
            };
            // Counted before the write: afterwards the hold no longer marks its emails.
            let held = held_emails::count(&self.records, caller.tenant(), &holds, now).await?;
            if self.records.save_queue(Some(&before), &next, job.as_ref()).await? {
                self.tell().await?;
                return Ok(Released::new(key, held, job.map(|job| job.id)));
            }
        }
        Err(ManageError::Busy)
    }

    /// Cancels the waiting emails of a key, newest first, held or not.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains. 422 when the email in `after` does not exist. Or a
    /// backend call failed.
    pub async fn cancel_key(
        &self,
        party: &impl ActsFor,
        Cancellation { key, after }: Cancellation,
    ) -> Result<Canceled, ManageError> {
        refuse_narrowed(party)?;
        let (tenant, now) = (party.tenant(), self.system.now());
        let mut start = self.start(tenant, after.map(Cursor::After), now).await?;
        let (mut canceled, mut left, mut looked_at) = (0_u64, 0_u64, 0_usize);
        let next = loop {
            let places = self.records.places(tenant, start, PAGE).await?;
            let keys: Vec<_> = places
                .iter()
                .map(|place| EmailKey {
                    tenant: tenant.clone(),
                    id: place.id,
                })
                .collect();
            let mut records = self.records.load_many(&keys, now).await?;
            records.retain(|record| record.key == Some(key) && !record.status_at(now).is_final());
            let decide = |record: &EmailRecord| commands::cancel(record, now).unwrap_or(Decision::Forget);
            for decided in apply_many(&self.records, records, now, decide).await {
                let (_, record) = decided?;
                if record.status == RecordStatus::Canceled {
                    canceled = canceled.saturating_add(1);
                } else if !record.status.is_final() {
                    left = left.saturating_add(1);
                }
            }
            looked_at = looked_at.saturating_add(places.len());
            match places.last() {
                Some(last) if places.len() == PAGE => start = start.behind(*last),
                Some(_) | None => break None,
            }
            if looked_at >= LOOKED_AT_MAX || canceled >= CANCELED_MAX {
                break places.last().map(|last| last.id);
            }
        };
        Ok(Canceled {
            object: "cancellation",
            key: key.to_string(),
            canceled,
            left,
            has_more: next.is_some(),
            next: next.map(|id| id.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    #[test]
    fn the_query_names_a_key() {
        let key = KeyId::parse(ID).unwrap();
        assert_eq!(parse_release(&format!("key={ID}")), Ok(key));
        let after = EmailId::parse(ID);
        assert_eq!(
            Cancellation::parse(&format!("key={ID}&after={ID}")),
            Ok(Cancellation { key, after })
        );
        for (query, path) in [
            (String::new(), "key"),
            ("key=".to_owned(), "key"),
            ("key=*".to_owned(), "key"),
            (format!("key={ID}%00"), "key"),
            (format!("key={ID}&key={ID}"), "key"),
            (format!("key={ID}&tenant=acme"), "query"),
        ] {
            for error in [
                parse_release(&query).unwrap_err(),
                Cancellation::parse(&query).unwrap_err(),
            ] {
                assert_eq!(error.status(), 422, "{query}");
                assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
            }
        }
        let bad = Cancellation::parse(&format!("key={ID}&after=x")).unwrap_err();
        assert!(bad.message().starts_with("after: "), "{bad:?}");
    }
}
