//! The record of one email: its authoritative state. It is usually under 1 KB; the content is elsewhere.
//!
//! **Invariant:** a stored record changes only by a claim, or by carrying out a [`crate::lifecycle::Transition`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

pub use crate::delivery::recipient::{recipient_key, without_quotes};

use crate::delivery::batch::BatchId;
use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::{AttemptOutcome, Diagnostic, Fact};
use crate::delivery::hook::Hook;
use crate::id::{EmailId, EmailKey, KeyId, QueueKey, QueueName, TenantId};
use crate::message::dropped_header::DroppedHeader;
use crate::timestamp::Timestamp;

/// Longest From domain that a record names, in bytes: a usual record stays under 1 KB, which is one write unit.
pub const FROM_DOMAIN_MAX: usize = 40;

/// The status of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum RecordStatus {
    /// Waits for its time (`not_before`) and for a sender.
    Queued,
    /// A sender holds the claim, until its lease runs out.
    Sending,
    /// Will be `Failed`; on its way through the dead-letter queue.
    Failing,
    /// Amazon SES may have accepted the email. mailqueue waits for evidence.
    Uncertain,
    /// Amazon SES accepted the email.
    Sent,
    /// SES did not accept it, and nothing retries it automatically.
    Failed,
    /// Amazon SES may have accepted the email. No evidence arrived.
    Unknown,
    /// Canceled before it was sent.
    Canceled,
    /// The email expired before it was sent.
    Expired,
}

impl RecordStatus {
    /// All statuses.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// True if nothing more happens automatically. A finished record waits for nothing.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::Failing | Self::Uncertain => false,
            Self::Sent | Self::Failed | Self::Unknown | Self::Canceled | Self::Expired => true,
        }
    }
}

/// The priority of an email: each priority has its own SQS queue.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Priority"))]
pub enum Priority {
    /// Password resets.
    High,
    /// Everything else.
    Normal,
    /// Newsletters.
    Low,
}

impl Priority {
    /// All three.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name in the API, in the table and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The action if SES may have accepted an email and no evidence came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnUncertain {
    /// Sends the email again, flagged `maybe_duplicate`.
    Resend,
    /// Ends the email as `unknown`.
    Hold,
}

/// The place of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyPlace {
    /// Beside the record, in the table.
    Table,
    /// In the bucket.
    Bucket,
}

/// The content's name and place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BodyRef {
    /// SHA-256 of the parsed request, in hex.
    pub sha256: String,
    /// The place.
    pub place: BodyPlace,
    /// Size of the parsed request, in bytes.
    pub bytes: u64,
}

/// A sender's right to submit, with its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// After this time the claim's holder counts as crashed.
    pub until: Timestamp,
    /// Random per record and claim: it tells the SDK's retry of one call from another sender.
    pub nonce: u64,
}

/// The place of the record in the due index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Due {
    /// The kind of partition.
    pub kind: DueKind,
    /// Time of the next check.
    pub at: Timestamp,
}

/// The kinds of partition of the due index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueKind {
    /// Not enqueued yet; ordered by `not_before`.
    Wake,
    /// An email that is still here at the time of its check needs recovery.
    Check,
    /// Held by its queue, such as during a pause; ordered by `not_before`.
    Held,
    /// Waits for a slot of its queue's rate limit; ordered by `not_before`.
    #[serde(rename = "paced")]
    RateLimited,
    /// Ended unsent, as far as is known, at that time; a caller may retry it.
    Ended,
}

/// The acceptance by SES.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Acceptance {
    /// Number of the claim that SES accepted.
    pub claim_no: u32,
    /// SES's `MessageId`.
    pub message_id: String,
    /// Time at which the acceptance became known, or SES's own time of it.
    pub at: Timestamp,
}

/// One email.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailRecord {
    /// The tenant.
    pub tenant: TenantId,
    /// The id of the email.
    pub id: EmailId,
    /// Time of acceptance. It is also an SES tag, which tells apart events of an erased and re-used id.
    pub born: Timestamp,
    /// The named queue.
    pub queue: QueueName,
    /// The priority queue.
    pub priority: Priority,
    /// Number of recipients, as SES counts them.
    pub recipients: u32,
    /// The content.
    pub body: BodyRef,
    /// Bytes of its files, without encoding.
    pub attachment_bytes: u64,
    /// The action without evidence.
    pub on_uncertain: OnUncertain,
    /// The status of the record.
    pub status: RecordStatus,
    /// Earliest time of submission.
    pub not_before: Timestamp,
    /// The time that the caller requested; `None` for at once.
    pub scheduled_at: Option<Timestamp>,
    /// Time of expiry, from which on it is not submitted.
    pub expires_at: Timestamp,
    /// True if the caller gave `expires_at`. Then only the caller changes it.
    pub expires_given: bool,
    /// Number of the newest claim, which never falls: the fencing token, and an SES tag.
    pub claim_no: u32,
    /// Used attempts of the budget.
    pub attempts: u32,
    /// The lease of the newest claim, while it sends.
    pub lease: Option<Lease>,
    /// True if a later claim was made although SES may have accepted an earlier one. Never cleared.
    pub maybe_duplicate: bool,
    /// True if SES accepted more than one claim.
    pub duplicate: bool,
    /// Start of the uncertainty.
    pub uncertain_since: Option<Timestamp>,
    /// The batch of its request, if that has an idempotency key.
    pub batch: Option<BatchId>,
    /// Cause of the last attempt's failure.
    pub cause: Option<Cause>,
    /// The provider's message about it.
    pub detail: Option<String>,
    /// The first acceptance that became known.
    pub sent: Option<Acceptance>,
    /// The place in the due index, also after the email ended unsent; `None` if it was sent.
    pub due: Option<Due>,
    /// Delivery status of each recipient, by [`recipient_key`].
    pub delivery_statuses: BTreeMap<String, DeliveryStatus>,
    /// Number of writes of `delivery_statuses`, `delivered_at`, `opened_at` or `clicked_at`. The same writes change
    /// `diagnostics` and `facts`.
    pub delivery_version: u32,
    /// Time at which the last recipient's server took it.
    pub delivered_at: Option<Timestamp>,
    /// Time of the last opening.
    pub opened_at: Option<Timestamp>,
    /// Time of the last click on a link.
    pub clicked_at: Option<Timestamp>,
    /// Time of the last retry by a caller: an earlier purge does not apply.
    pub retried_at: Option<Timestamp>,
    /// The generation of its queue at the request ([`crate::queue::Queue::generation`]); `None` if it was accepted
    /// without a read of the queue.
    pub generation: Option<u64>,
    /// The API key of its request.
    pub key: Option<KeyId>,
    /// The domain of its From; `None` if that is too long ([`FROM_DOMAIN_MAX`]), or if an earlier version wrote the
    /// record.
    pub from_domain: Option<String>,
    /// Dropped headers of the request, each once; for people to read.
    pub dropped_headers: Vec<DroppedHeader>,
    /// Outcomes of the newest claims that were not accepted, oldest first; for people to read.
    pub outcomes: Vec<AttemptOutcome>,
    /// Times and messages behind the `delivery_statuses`; for people to read.
    pub diagnostics: BTreeMap<String, Diagnostic>,
    /// Further facts about recipients, by [`recipient_key`]; for people to read.
    pub facts: BTreeMap<(String, Fact), Diagnostic>,
    /// The facts for webhooks; `None` if its tenant had none at its acceptance.
    pub hook: Option<Hook>,
}

impl EmailRecord {
    /// A new record: due at once, in the queue `default`.
    #[must_use]
    pub fn new(tenant: TenantId, id: EmailId, body: BodyRef, recipients: u32, born: Timestamp) -> Self {
        Self {
            tenant,
            id,
            born,
            queue: QueueName::default(),
            priority: Priority::Normal,
            recipients,
            body,
            attachment_bytes: 0,
            on_uncertain: OnUncertain::Resend,
            status: RecordStatus::Queued,
            not_before: born,
            scheduled_at: None,
            expires_at: born,
            expires_given: false,
            claim_no: 0,
            attempts: 0,
            lease: None,
            maybe_duplicate: false,
            duplicate: false,
            uncertain_since: None,
            batch: None,
            cause: None,
            detail: None,
            sent: None,
            due: None,
            delivery_statuses: BTreeMap::new(),
            delivery_version: 0,
            delivered_at: None,
            opened_at: None,
            clicked_at: None,
            retried_at: None,
            generation: None,
            key: None,
            from_domain: None,
            dropped_headers: Vec::new(),
            outcomes: Vec::new(),
            diagnostics: BTreeMap::new(),
            facts: BTreeMap::new(),
            hook: None,
        }
    }

    /// The key of the email.
    #[must_use]
    pub fn email_key(&self) -> EmailKey {
        EmailKey {
            tenant: self.tenant.clone(),
            id: self.id,
        }
    }

    /// The key of its queue.
    #[must_use]
    pub fn queue_key(&self) -> QueueKey {
        QueueKey {
            tenant: self.tenant.clone(),
            name: self.queue.clone(),
        }
    }

    /// True if the place in the index fits the status. Unfinished records wait in a partition. Records that ended
    /// without `sent` are in the partition of ended ones. Sent records are in no partition.
    #[must_use]
    pub fn is_in_its_place(&self) -> bool {
        let kind = self.due.map(|due| due.kind);
        match self.status {
            RecordStatus::Queued => {
                matches!(
                    kind,
                    Some(DueKind::Wake | DueKind::Check | DueKind::Held | DueKind::RateLimited)
                )
            }
            RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain => kind == Some(DueKind::Check),
            RecordStatus::Sent => kind.is_none(),
            RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Canceled | RecordStatus::Expired => {
                kind == Some(DueKind::Ended)
            }
        }
    }

    /// Time of the last request to send it.
    #[must_use]
    pub fn asked_for_at(&self) -> Timestamp {
        self.retried_at.unwrap_or(self.born)
    }

    /// True if it belongs to a restored table: it was requested at or before `epoch`. It may have been sent after the
    /// moment to which the table was restored, so it waits for a person's release.
    #[must_use]
    pub fn is_restored(&self, epoch: Option<Timestamp>) -> bool {
        epoch.is_some_and(|epoch| self.born <= epoch && self.retried_at.is_none_or(|at| at <= epoch))
    }

    /// The status at `now`: an expired queued email has ended, even before any write.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> RecordStatus {
        if self.status != RecordStatus::Queued || self.expires_at > now {
            self.status
        } else if self.maybe_duplicate {
            RecordStatus::Unknown
        } else {
            RecordStatus::Expired
        }
    }

    /// Cause of its failure, consistent with [`Self::status_at`].
    #[must_use]
    pub fn cause_at(&self, now: Timestamp) -> Option<Cause> {
        match (self.status, self.status_at(now)) {
            (RecordStatus::Queued, RecordStatus::Unknown) => Some(Cause::AnswerLost),
            (RecordStatus::Queued, RecordStatus::Expired) => Some(Cause::Expired),
            _ => self.cause,
        }
    }
}
