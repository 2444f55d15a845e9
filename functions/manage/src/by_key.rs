//! Emails by the API key that accepted them: released after a hold. By key or From domain: canceled.
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
use domain::ports::{Clock, EmailRecords, Listing, Queues, Random, Rounds};
use domain::queue::Common;
use domain::queue::hold::Held;
use domain::queue::job::follow_tenant;
use domain::tenant::sender::FromDomain;
use serde::Serialize;
use workflow::apply::apply_many;
use workflow::held_emails;

use crate::filters::{is_from, read_from_domain, read_key};
use crate::queue_commands::refuse_narrowed;
use crate::queues::of;
use crate::{ManageError, ManageFunction, Ports};

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
    let missing = || ApiError::missing_field("key", "this parameter is required: the id of an API key, as in ?key=ID");
    read_key(key.as_deref())?.ok_or_else(missing)
}

/// Query of a cancellation: `?key&from_domain&after`, with a key or a domain at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// API key whose emails are canceled; `None`: those of every key.
    pub key: Option<KeyId>,
    /// From domain whose emails are canceled; `None`: those of every domain.
    pub from_domain: Option<FromDomain>,
    /// Last email of the earlier request.
    pub after: Option<EmailId>,
}

impl Cancellation {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `missing_required_field` or `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [key, from_domain, after] = query::parameters(query, ["key", "from_domain", "after"])?;
        let read =
            |id: &str| EmailId::parse(id).ok_or_else(|| ApiError::validation("after", "must be the id of an email"));
        if key.is_none() && from_domain.is_none() {
            let problem = "either this parameter, with the id of an API key, or from_domain is required";
            return Err(ApiError::missing_field("key", problem));
        }
        Ok(Self {
            key: read_key(key.as_deref())?,
            from_domain: read_from_domain(from_domain.as_deref())?,
            after: after.as_deref().map(read).transpose()?,
        })
    }

    /// The API key or From domain that selects the emails, for the log.
    #[must_use]
    pub fn object(&self) -> String {
        let key = self.key.map(|key| key.to_string());
        let object = key.or_else(|| self.from_domain.as_ref().map(ToString::to_string));
        object.unwrap_or_default()
    }

    fn selects(&self, record: &EmailRecord) -> bool {
        self.key.is_none_or(|key| record.key == Some(key))
            && self.from_domain.as_ref().is_none_or(|domain| is_from(record, domain))
    }
}

/// The response to the release of a held API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "EmailsReleased")
)]
pub struct ReleaseView {
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

impl ReleaseView {
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

/// The response to a cancellation of the emails of an API key or a From domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "EmailsCanceled")
)]
pub struct Canceled {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "cancellation")))]
    object: &'static str,
    key: Option<String>,
    from_domain: Option<String>,
    /// The number of emails that this request canceled.
    canceled: u64,
    /// The number of unfinished emails that stay unchanged: they are being sent, or Amazon SES may have accepted
    /// them.
    left: u64,
    /// The number of emails whose cancellation failed. Repeat the request without `after` to cancel them.
    failed: u64,
    /// More emails are left to check: repeat the request with `after` and the value of `next`.
    has_more: bool,
    /// The id of the last checked email.
    next: Option<String>,
}

impl<P: Ports> ManageFunction<P> {
    /// Releases the emails that a key's hold stopped. Without such a hold nothing changes.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains. Or a backend call failed.
    pub async fn release_key(&self, caller: &TenantPrincipal, key: KeyId) -> Result<ReleaseView, ManageError> {
        refuse_narrowed(caller)?;
        let lead = of(caller, QueueName::default());
        let mut rounds = Rounds::of("releasing the emails of a key");
        loop {
            rounds.begin()?;
            let before = self.live_queue(&lead).await?;
            let (holds, now) = (before.holds.of(&[Some(key)]), self.system.now());
            let common = Common {
                holds: before.holds.without(Some(key)),
                ..before.common()
            };
            let id = self.system.id()?;
            let Some((next, job)) = follow_tenant(&before, &common, id, now) else {
                return Ok(ReleaseView::new(
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
                self.notify_senders().await?;
                return Ok(ReleaseView::new(key, held, job.map(|job| job.id)));
            }
        }
    }

    /// Cancels the waiting emails of a key or a From domain, newest first, held or not.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains. 422 when the email in `after` does not exist. Or a
    /// backend call failed.
    pub async fn cancel_emails(
        &self,
        party: &dyn ActsFor,
        cancellation: &Cancellation,
    ) -> Result<Canceled, ManageError> {
        refuse_narrowed(party)?;
        let after = cancellation.after;
        let (tenant, now) = (party.tenant(), self.system.now());
        let mut start = self.start(tenant, after.map(Cursor::After), now).await?;
        let (mut canceled, mut left, mut failed, mut looked_at) = (0_u64, 0_u64, 0_u64, 0_usize);
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
            records.retain(|record| cancellation.selects(record) && !record.status_at(now).is_final());
            let decide = |record: &EmailRecord| commands::cancel(record, now).unwrap_or(Decision::Forget);
            for decided in apply_many(&self.records, records, now, decide).await {
                let record = match decided {
                    Ok((_, record)) => record,
                    // One email must not keep the others from being canceled.
                    Err(error) => {
                        let error = aws::runtime::telemetry::chain(&error);
                        tracing::warn!(error, "an email could not be canceled");
                        failed = failed.saturating_add(1);
                        continue;
                    }
                };
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
            key: cancellation.key.map(|key| key.to_string()),
            from_domain: cancellation.from_domain.as_ref().map(ToString::to_string),
            canceled,
            left,
            failed,
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
    fn the_query_names_a_key_or_a_domain() {
        let key = KeyId::parse(ID).unwrap();
        assert_eq!(parse_release(&format!("key={ID}")), Ok(key));
        let after = EmailId::parse(ID);
        let domain = || FromDomain::parse("*.shop.example").ok();
        for (query, key, from_domain) in [
            (format!("key={ID}"), Some(key), None),
            ("from_domain=*.shop.example".to_owned(), None, domain()),
            (format!("key={ID}&from_domain=*.Shop.example"), Some(key), domain()),
        ] {
            let expected = Cancellation {
                key,
                from_domain,
                after,
            };
            assert_eq!(
                Cancellation::parse(&format!("{query}&after={ID}")),
                Ok(expected),
                "{query}"
            );
        }
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
        for (query, path) in [
            (format!("key={ID}&after=x"), "after"),
            ("from_domain=a@shop.example".to_owned(), "from_domain"),
            (format!("after={ID}"), "key"),
        ] {
            let bad = Cancellation::parse(&query).unwrap_err();
            assert!(bad.message().starts_with(&format!("{path}: ")), "{bad:?}");
        }
    }
}
