//! Emails by the API key that accepted them, by From domain, or of a restored table: released and canceled.
//!
//! **Invariant:** both commands can be repeated at any time. The release of a key is one write of the queue
//! `default`, with a job for the rest. The other commands are in [`crate::bulk`].
//! **After a crash** that follows the write of a key's release, `promote` processes the job.
//! **Start reading at** [`ManageFunction::release`]. Why this way: docs/adr/0032 and docs/adr/0043.

use aws::http::auth::{ActsFor, TenantPrincipal};
use aws::http::query;
use domain::api::error::ApiError;
use domain::id::{EmailId, KeyId, QueueName};
use domain::ports::{Clock, Queues, Random, Rounds};
use domain::queue::Common;
use domain::queue::hold::Held;
use domain::queue::job::follow_tenant;
use serde::Serialize;
use workflow::held_emails;

use crate::bulk::{BulkCommand, BulkResult, Selection, read_after, read_queue};
use crate::filters::{read_from_domain, read_key};
use crate::queue_commands::refuse_narrowed;
use crate::queues::of;
use crate::{ManageError, ManageFunction, Ports};

/// Name of a restored table's emails in the log.
const RESTORED: &str = "restored";

/// A request to release held emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// The emails of a held API key.
    Key(KeyId),
    /// The emails of a restored table.
    Restored(Selection),
}

/// Reads `?key=`, or `?restored=true&queue&after`.
///
/// # Errors
/// 422 `missing_required_field` or `validation_error`.
pub fn parse_release(query: &str) -> Result<Release, ApiError> {
    let [key, restored, queue, after] = query::parameters(query, ["key", "restored", "queue", "after"])?;
    let restored = query::boolean("restored", restored.as_deref())?;
    match read_key(key.as_deref())? {
        Some(_) if restored => Err(ApiError::validation("restored", "cannot be given together with key")),
        Some(_) if queue.is_some() => Err(ApiError::validation("queue", "needs restored=true")),
        Some(_) if after.is_some() => Err(ApiError::validation("after", "needs restored=true")),
        Some(key) => Ok(Release::Key(key)),
        None if restored => Ok(Release::Restored(Selection {
            queue: read_queue(queue.as_deref())?,
            restored,
            after: read_after(after.as_deref())?,
            ..Selection::default()
        })),
        None => {
            let problem = "this parameter (the id of an API key) or restored=true is required";
            Err(ApiError::missing_field("key", problem))
        }
    }
}

impl Release {
    /// The API key or the selection of the released emails, for the log.
    #[must_use]
    pub fn object(&self) -> String {
        match self {
            Self::Key(key) => key.to_string(),
            Self::Restored(_) => RESTORED.to_owned(),
        }
    }
}

/// Reads the query of a cancellation: `?key&from_domain&restored&queue&after`, with one of the first three at least.
///
/// # Errors
/// 422 `missing_required_field` or `validation_error`.
pub fn parse_cancellation(query: &str) -> Result<Selection, ApiError> {
    let known = ["key", "from_domain", "restored", "queue", "after"];
    let [key, from_domain, restored, queue, after] = query::parameters(query, known)?;
    let restored = query::boolean("restored", restored.as_deref())?;
    if key.is_none() && from_domain.is_none() && !restored {
        let problem = "this parameter (the id of an API key), from_domain or restored=true is required";
        return Err(ApiError::missing_field("key", problem));
    }
    Ok(Selection {
        key: read_key(key.as_deref())?,
        from_domain: read_from_domain(from_domain.as_deref())?,
        queue: read_queue(queue.as_deref())?,
        restored,
        after: read_after(after.as_deref())?,
    })
}

/// The API key, the From domain or the selection of the canceled emails, for the log.
#[must_use]
pub fn object(selection: &Selection) -> String {
    let key = selection.key.map(|key| key.to_string());
    let object = key.or_else(|| selection.from_domain.as_ref().map(ToString::to_string));
    object.unwrap_or_else(|| RESTORED.to_owned())
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

/// The response to a release of the emails of a restored table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RestoredEmailsReleased")
)]
pub struct RestoredReleaseView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "release")))]
    object: &'static str,
    /// The number of emails that this request released.
    emails: u64,
    /// The number of unfinished emails that are not waiting yet. Repeat the request later to release them.
    left: u64,
    /// The number of emails whose release failed. Repeat the request without `after` to release them.
    failed: u64,
    /// More emails are left to check: repeat the request with `after` and the value of `next`.
    has_more: bool,
    /// The id of the last checked email.
    next: Option<String>,
}

impl RestoredReleaseView {
    fn new(result: BulkResult) -> Self {
        Self {
            object: "release",
            emails: result.changed,
            left: result.left,
            failed: result.failed,
            has_more: result.next.is_some(),
            next: result.next.map(|id| id.to_string()),
        }
    }
}

/// The response to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AnyRelease"))]
#[serde(untagged)]
pub enum Released {
    /// The release of a held API key.
    Key(ReleaseView),
    /// The release of a restored table.
    Restored(RestoredReleaseView),
}

/// The response to a cancellation of many emails.
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

    /// Releases the emails of a held key, or of a restored table.
    ///
    /// # Errors
    /// As [`Self::release_key`]. 422 when the email in `after` does not exist.
    pub async fn release(&self, caller: &TenantPrincipal, release: &Release) -> Result<Released, ManageError> {
        let selection = match release {
            Release::Key(key) => return Ok(Released::Key(self.release_key(caller, *key).await?)),
            Release::Restored(selection) => selection,
        };
        refuse_narrowed(caller)?;
        let command = BulkCommand::Release;
        let result = self.carry_out_on_many(caller.tenant(), selection, command).await?;
        Ok(Released::Restored(RestoredReleaseView::new(result)))
    }

    /// Cancels the selected waiting emails, newest first, held or not. Those of a restored table end as unknown.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains. 422 when the email in `after` does not exist. Or a
    /// backend call failed.
    pub async fn cancel_emails(&self, party: &dyn ActsFor, selection: &Selection) -> Result<Canceled, ManageError> {
        refuse_narrowed(party)?;
        let command = BulkCommand::Cancel;
        let result = self.carry_out_on_many(party.tenant(), selection, command).await?;
        Ok(Canceled {
            object: "cancellation",
            key: selection.key.map(|key| key.to_string()),
            from_domain: selection.from_domain.as_ref().map(ToString::to_string),
            canceled: result.changed,
            left: result.left,
            failed: result.failed,
            has_more: result.next.is_some(),
            next: result.next.map(|id| id.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::tenant::sender::FromDomain;

    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    #[test]
    fn the_query_names_a_key_a_domain_or_a_restore() {
        let key = KeyId::parse(ID).unwrap();
        assert_eq!(parse_release(&format!("key={ID}")), Ok(Release::Key(key)));
        let after = EmailId::parse(ID);
        let restored = Selection {
            queue: QueueName::parse("news").ok(),
            restored: true,
            after,
            ..Selection::default()
        };
        let query = format!("restored=true&queue=news&after={ID}");
        assert_eq!(parse_cancellation(&query), Ok(restored.clone()));
        assert_eq!(parse_release(&query), Ok(Release::Restored(restored)));
        let domain = || FromDomain::parse("*.shop.example").ok();
        for (query, key, from_domain) in [
            (format!("key={ID}"), Some(key), None),
            ("from_domain=*.shop.example".to_owned(), None, domain()),
            (format!("key={ID}&from_domain=*.Shop.example"), Some(key), domain()),
        ] {
            let expected = Selection {
                key,
                from_domain,
                after,
                ..Selection::default()
            };
            let query = format!("{query}&after={ID}");
            assert_eq!(parse_cancellation(&query), Ok(expected), "{query}");
        }
        for (query, path) in [
            (String::new(), "key"),
            ("restored=false".to_owned(), "key"),
            ("key=".to_owned(), "key"),
            ("key=*".to_owned(), "key"),
            (format!("key={ID}%00"), "key"),
            (format!("key={ID}&key={ID}"), "key"),
            (format!("key={ID}&tenant=acme"), "query"),
            ("restored=yes".to_owned(), "restored"),
            ("restored=true&queue=a%20b".to_owned(), "queue"),
            ("restored=true&after=x".to_owned(), "after"),
        ] {
            for error in [
                parse_release(&query).unwrap_err(),
                parse_cancellation(&query).unwrap_err(),
            ] {
                assert_eq!(error.status(), 422, "{query}");
                assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
            }
        }
        for (query, path) in [
            (format!("key={ID}&restored=true"), "restored"),
            (format!("key={ID}&queue=news"), "queue"),
            (format!("key={ID}&after={ID}"), "after"),
        ] {
            let bad = parse_release(&query).unwrap_err();
            assert!(bad.message().starts_with(&format!("{path}: ")), "{bad:?}");
        }
        for (query, path) in [
            (format!("key={ID}&after=x"), "after"),
            ("from_domain=a@shop.example".to_owned(), "from_domain"),
            (format!("after={ID}"), "key"),
        ] {
            let bad = parse_cancellation(&query).unwrap_err();
            assert!(bad.message().starts_with(&format!("{path}: ")), "{bad:?}");
        }
    }
}
