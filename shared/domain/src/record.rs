//! The record of one email: the truth about it. It is under 1 KB; the content is elsewhere.
//!
//! **Invariant:** written only by carrying out a [`crate::lifecycle::Transition`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::batch::BatchId;
use crate::cause::Cause;
use crate::fate::Fate;
use crate::id::{EmailId, KeyId, TenantId};
use crate::past::{Diagnostic, Fact, Outcome};
use crate::queue::QueueName;
use crate::timestamp::Timestamp;

/// Longest From domain that a record names, in bytes: a record stays under 1 KB, which is one write unit.
pub const FROM_DOMAIN_MAX: usize = 40;

/// Where an email is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for its time (`not_before`) and for a sender.
    Queued,
    /// A sender holds the claim, until its lease runs out.
    Sending,
    /// Will be `Failed`; on its way through the dead-letter queue.
    Failing,
    /// SES may or may not have accepted it; evidence is awaited.
    Uncertain,
    /// SES accepted it.
    Sent,
    /// SES did not accept it, and will not be asked again by itself.
    Failed,
    /// SES may have accepted it, and no evidence came.
    Unknown,
    /// A person took it back before it was sent.
    Canceled,
    /// Its time to be sent ran out.
    Expired,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Failing,
        Self::Uncertain,
        Self::Sent,
        Self::Failed,
        Self::Unknown,
        Self::Canceled,
        Self::Expired,
    ];

    /// Whether nothing more happens by itself. A finished record waits nowhere.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::Failing | Self::Uncertain => false,
            Self::Sent | Self::Failed | Self::Unknown | Self::Canceled | Self::Expired => true,
        }
    }
}

/// Which of the three SQS queues carries the send tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Priority"))]
pub enum Lane {
    /// Password resets.
    High,
    /// Everything else.
    Normal,
    /// Newsletters.
    Low,
}

impl Lane {
    /// All three.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The name in the API, in the table and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// What to do when SES may have accepted an email and no evidence came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnUncertain {
    /// Send it again, marked `maybe_duplicate`.
    Resend,
    /// Leave it `unknown`.
    Hold,
}

/// Where the content is.
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
    /// Where it is kept.
    pub place: BodyPlace,
    /// Size of the parsed request, in bytes.
    pub bytes: u64,
}

/// A sender's right to submit, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// After this the claim's holder is taken for dead.
    pub until: Timestamp,
    /// Random per record and claim: tells the SDK's retry of one call from another sender.
    pub nonce: u64,
}

/// Where the record waits in the sparse index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Due {
    /// Which kind of partition.
    pub kind: DueKind,
    /// When it is looked at.
    pub at: Timestamp,
}

/// The kinds of partition of the sparse index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueKind {
    /// Not enqueued yet; ordered by `not_before`.
    Wake,
    /// Should have moved on by then, or needs recovery.
    Check,
    /// Waits in a paused queue; ordered by `not_before`.
    Held,
    /// Waits for a slot of its queue's rate limit; ordered by `not_before`.
    Paced,
    /// Ended without being sent, as far as is known, at that time; it may be asked for again.
    Ended,
}

/// The acceptance by SES.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Acceptance {
    /// Which claim SES accepted.
    pub claim_no: u32,
    /// SES's `MessageId`.
    pub message_id: String,
    /// When the acceptance became known, or SES's own time of it.
    pub at: Timestamp,
}

/// One email.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailRecord {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: EmailId,
    /// When this record was accepted; also an SES tag, so that events of an erased and re-used
    /// id are told apart.
    pub born: Timestamp,
    /// The named queue.
    pub queue: QueueName,
    /// The SQS lane.
    pub lane: Lane,
    /// How many recipients, as SES counts them.
    pub recipients: u32,
    /// The content.
    pub body: BodyRef,
    /// Bytes of its files, without encoding.
    pub attachment_bytes: u64,
    /// What to do without evidence.
    pub on_uncertain: OnUncertain,
    /// Where it is in its life.
    pub status: Status,
    /// Not to be submitted before this.
    pub not_before: Timestamp,
    /// When the caller asked for it, if later than at once.
    pub scheduled_at: Option<Timestamp>,
    /// Not to be submitted from this on.
    pub expires_at: Timestamp,
    /// The caller gave `expires_at`: only the caller moves it.
    pub expires_given: bool,
    /// Number of the newest claim; never falls: the fencing token, and an SES tag.
    pub claim_no: u32,
    /// Attempts spent of the budget.
    pub attempts: u32,
    /// The holder of the newest claim, while it sends.
    pub lease: Option<Lease>,
    /// SES may have accepted an earlier claim, and a later one was made. Never cleared.
    pub maybe_duplicate: bool,
    /// SES accepted more than one claim.
    pub duplicate: bool,
    /// Since when it is uncertain.
    pub uncertain_since: Option<Timestamp>,
    /// The batch that it was accepted in, if that has an idempotency key.
    pub batch: Option<BatchId>,
    /// Why the last attempt did not end in an acceptance.
    pub cause: Option<Cause>,
    /// The provider's words about it.
    pub detail: Option<String>,
    /// The first acceptance that became known.
    pub sent: Option<Acceptance>,
    /// Where it waits, or where it is found after it ended unsent; `None` when it was sent.
    pub due: Option<Due>,
    /// What became of each recipient, by [`recipient_key`].
    pub fates: BTreeMap<String, Fate>,
    /// How often `fates`, `delivered_at`, `opened_at` or `clicked_at` were written, and `diagnostics` and `facts` with them.
    pub fate_no: u32,
    /// When the last recipient's server took it.
    pub delivered_at: Option<Timestamp>,
    /// When it was last opened.
    pub opened_at: Option<Timestamp>,
    /// When a link in it was last clicked.
    pub clicked_at: Option<Timestamp>,
    /// When it was last asked for again: a purge of before does not concern it.
    pub retried_at: Option<Timestamp>,
    /// The generation of its queue that it was asked for under ([`crate::queue::Queue::generation`]); `None` where it
    /// was accepted without a read of the queue.
    pub generation: Option<u64>,
    /// The API key that it was accepted with.
    pub key: Option<KeyId>,
    /// The domain of its From; `None` where that is too long ([`FROM_DOMAIN_MAX`]), or the record is older.
    pub from_domain: Option<String>,
    /// How the newest claims ended that were not accepted, oldest first; for people to read.
    pub outcomes: Vec<Outcome>,
    /// When and with which words the `fates` were decided; for people to read.
    pub diagnostics: BTreeMap<String, Diagnostic>,
    /// What else is known about recipients, by [`recipient_key`]; for people to read.
    pub facts: BTreeMap<(String, Fact), Diagnostic>,
}

impl EmailRecord {
    /// A record as it is when nothing has happened yet: due at once, in the queue `default`.
    #[must_use]
    pub fn new(tenant: TenantId, id: EmailId, body: BodyRef, recipients: u32, born: Timestamp) -> Self {
        Self {
            tenant,
            id,
            born,
            queue: QueueName::default(),
            lane: Lane::Normal,
            recipients,
            body,
            attachment_bytes: 0,
            on_uncertain: OnUncertain::Resend,
            status: Status::Queued,
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
            fates: BTreeMap::new(),
            fate_no: 0,
            delivered_at: None,
            opened_at: None,
            clicked_at: None,
            retried_at: None,
            generation: None,
            key: None,
            from_domain: None,
            outcomes: Vec::new(),
            diagnostics: BTreeMap::new(),
            facts: BTreeMap::new(),
        }
    }
}

impl EmailRecord {
    /// Whether the index has it where it belongs: what is unfinished waits somewhere, what ended unsent
    /// can be found again, and what was sent is in no partition.
    #[must_use]
    pub fn is_in_its_place(&self) -> bool {
        let kind = self.due.map(|due| due.kind);
        match self.status {
            Status::Queued => {
                matches!(
                    kind,
                    Some(DueKind::Wake | DueKind::Check | DueKind::Held | DueKind::Paced)
                )
            }
            Status::Sending | Status::Failing | Status::Uncertain => kind == Some(DueKind::Check),
            Status::Sent => kind.is_none(),
            Status::Failed | Status::Unknown | Status::Canceled | Status::Expired => kind == Some(DueKind::Ended),
        }
    }

    /// When it was asked for, the last time.
    #[must_use]
    pub fn asked_for_at(&self) -> Timestamp {
        self.retried_at.unwrap_or(self.born)
    }

    /// Where the email is at `now`: a queued one whose time has run out has ended, though nobody
    /// has written it yet.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> Status {
        if self.status != Status::Queued || self.expires_at > now {
            self.status
        } else if self.maybe_duplicate {
            Status::Unknown
        } else {
            Status::Expired
        }
    }

    /// Why it did not go, as [`Self::status_at`] sees it.
    #[must_use]
    pub fn cause_at(&self, now: Timestamp) -> Option<Cause> {
        match (self.status, self.status_at(now)) {
            (Status::Queued, Status::Unknown) => Some(Cause::AnswerLost),
            (Status::Queued, Status::Expired) => Some(Cause::Expired),
            _ => self.cause,
        }
    }
}

/// Names a recipient in a record without the address: 12 hex digits of its SHA-256, lower-cased.
#[must_use]
pub fn recipient_key(address: &str) -> String {
    let hash = Sha256::digest(address.trim().to_ascii_lowercase().as_bytes());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
