//! The oracle of the simulation. It sees every write of a record, every submission as it arrives at SES, every event,
//! and every answer to a caller.
//!
//! [`CHECKED`] lists the invariants. Their details here, which are finer than docs/INVARIANTS.md:
//!
//! - **Durability.** An email that was answered with 2xx has a record and a content at that moment. A record is in the
//!   due index at its place ([`domain::delivery::record::EmailRecord::is_in_its_place`]).
//! - **Completion.** Every email ends, and so does the run.
//! - **Duplicates.** The record is flagged before SES accepts a second copy, and at the end of the run. A flag is never
//!   cleared. A flagged email is never `failing`, `failed`, `canceled` or `expired`. The record says that two claims
//!   were accepted, if events say so.
//! - **Hold.** Without `force` a held email is submitted again only after SES refused all earlier claims, and a living
//!   sender got each refusal.
//! - **Truth.** An email that SES accepted never ends as `failed`, `canceled` or `expired`. It ends as `sent` if one
//!   event about it arrives, and as `sent` or `unknown` if none ever does. An email that SES did not accept never ends
//!   as `sent`. The record has everything that events said. The first known acceptance stays; a delivery status only
//!   rises.
//! - **Cancellation.** After a cancel was answered with 200 nothing arrives at SES, and the email stays canceled, until
//!   a caller asks for a retry.
//! - **Claims.** `claim_no` never falls. Attempts, and submissions that were not given back, stay within the budget. A
//!   claim is made once, by its number, and submits once. No email is claimed before its time, after its expiry, or
//!   before the time of an answered reschedule.
//! - **Transitions.** Every change of a status is in the table [`invariants::transitions`]. `failed` comes from `failing`, and
//!   has a cause.
//! - **Content.** SES gets the content of the answered request. The record never names another one.
//! - **Idempotency.** While a key lives, its request gets the first answer again. Another request with the same key is
//!   refused, and leaves nothing. Two requests never share an email. A good request is not refused, also when some of its emails are
//!   past their retention. Such an email of a batch is not stored again while another one of the batch is kept.
//! - **QueueCommands.** From a few seconds after the answer to a pause, nothing of the queue is claimed until a caller
//!   resumes it. From a few seconds after a purge, no email from before it is submitted. No read shows such an email as
//!   waiting after the answer, until a caller restores the queue. After a restore as the last command, no email stays
//!   purged.
//! - **Erasure.** After an erasure was answered there is neither record nor content, for good. A repeated request is
//!   answered as before.
//! - **RateLimit.** Over any minute SES gets no more emails of a queue than its rate allows. A slot may be used late, so
//!   the emails of that delay are added.
//! - **Restoration.** After a restore, an unfinished email of the restored table is claimed only after a caller began
//!   to release it, and with a flag. Copies of the time before the restore count.
//! - **Telling.** An event is received after its fact is committed, and only at the endpoint of its own tenant. At the
//!   end the endpoints have each event that records and facts imply, and no other one about an email that exists. An id
//!   has one body, and a body one id. Each email that is accepted after the creation of a webhook has its events.
//! - **EventErasure.** At the end no fact and no payload of an erased email exists.
//!
//! **No violation, by design:**
//!
//! - A flagged second copy: the answer was lost, and no event came within the window.
//! - One early second: clocks differ, and SQS has whole seconds ([`domain::lifecycle::EARLY`]).
//! - A submission that arrives after `expires_at`, though it was claimed before. The sender's clock decides at the
//!   moment of departure. The sender's timeout bounds the delay, and the oracle checks that bound.
//! - Emails of a request without an answer: they may be sent or not. All other invariants hold for them.
//! - An acceptance that only the sender heard, where the event says the same. Here an acceptance is known by its
//!   events. The checker shows that the sender's own record counts too (its mutant `OldOkDropped`).
//! - A missing detail in the record, where the event with it is lost for ever.
//! - A content without a record, left by a repeated request that dies while its email is erased. It ends by its TTL.
//!
//! **Map:** `answers` has the answers to callers, and `observer` sees each write and submission as it happens. `ending`
//! looks at the end of the run, `telling` at the events of webhooks there, and `restoration` at a restore of the table.
//! `receipt` looks at each event of a webhook when it is received.

mod answers;
mod ending;
mod observer;
mod receipt;
mod restoration;
mod telling;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::delivery::batch::BatchId;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{EmailId, TenantId};
use domain::timestamp::Timestamp;
use invariants::Invariant;

/// A broken invariant of an email, or of the whole run.
pub type Violation = invariants::Violation<EmailId>;

/// The invariants that the oracle checks.
pub const CHECKED: [Invariant; 16] = [
    Invariant::Durability,
    Invariant::Completion,
    Invariant::Duplicates,
    Invariant::Hold,
    Invariant::Truth,
    Invariant::Cancellation,
    Invariant::Claims,
    Invariant::Transitions,
    Invariant::Content,
    Invariant::Idempotency,
    Invariant::QueueCommands,
    Invariant::RateLimit,
    Invariant::Erasure,
    Invariant::Restoration,
    Invariant::Telling,
    Invariant::EventErasure,
];

/// One submission.
#[derive(Debug, Clone, Copy)]
struct Submission {
    claim_no: u32,
    /// SES refused it, and its sender received the refusal.
    refused: bool,
    accepted: bool,
}

/// The observations of one email.
#[derive(Debug, Clone, Default)]
struct ObservedEmail {
    /// The contents that may be its own: those of the requests that were made for it.
    contents: BTreeSet<String>,
    answered: bool,
    submissions: Vec<Submission>,
    /// Submissions that count, since the budget was renewed.
    spent: u32,
    forced: bool,
    retries_begun: u32,
    /// Retries that were requested and are not yet answered.
    retries_open: u32,
    /// The time until which an unanswered retry may still be written.
    retry_until: Option<Timestamp>,
    /// A cancel was answered, and no retry was requested since.
    canceled: bool,
    /// The earliest time by an answered reschedule, until another time is requested.
    promised: Option<Timestamp>,
    reschedules_begun: u32,
    events: u32,
    /// The claims that events confirm.
    proven_claims: BTreeSet<u32>,
    delivery_statuses: BTreeMap<String, DeliveryStatus>,
    delivered_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    clicked_at: Option<Timestamp>,
    /// The erasure of the email was requested.
    erase_begun: bool,
    /// The time of the answer to its erasure.
    erased_at: Option<Timestamp>,
    /// The last time at which its request was in progress.
    posted_at: Option<Timestamp>,
    /// The email ended, and its retention is over.
    forgotten: bool,
    /// It was unfinished in a table that was restored since.
    older: bool,
    /// A release of the older emails was requested.
    released: bool,
    /// Copies that SES accepted before the restore, by claims that the restored record does not know.
    earlier_copies: usize,
}

/// The observations of one queue.
#[derive(Debug, Clone, Default)]
struct KnownQueue {
    /// Requested changes.
    begun: u64,
    /// Requested changes without an answer yet.
    open: u64,
    /// The time until which an unanswered change may still be written.
    doubt_until: Option<Timestamp>,
    delete_begun: bool,
    /// The time of the answer to a pause, until another command is requested.
    paused_at: Option<Timestamp>,
    /// The times of the request and the answer of a purge, if no later command concerns it.
    purged: Option<(Timestamp, Timestamp)>,
    /// The last answered command is a restore.
    restored: bool,
}

/// The limits of the deployment.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Attempts of one budget.
    pub attempts: u32,
    /// The largest difference between a clock and the true time.
    pub skew: Duration,
    /// The longest duration of a call.
    pub under_way: Duration,
    /// The longest life of a sender.
    pub sender: Duration,
    /// The time after a change of a queue during which a sender may still use the old state.
    pub heard: Duration,
    /// The rate limit of the queue that has one, in recipients per second.
    pub limit: Option<u32>,
    /// The longest time between a slot and its submission.
    pub late: Duration,
    /// The shortest life of an idempotency key from its first answer.
    pub key_lives: Duration,
}

/// The observations of a run.
#[derive(Debug, Default)]
pub struct Seen {
    /// The time at which each email was stored or last retried: an earlier purge does not affect it.
    stored_at: BTreeMap<EmailId, Timestamp>,
    bounds: Option<Bounds>,
    known: BTreeMap<EmailId, ObservedEmail>,
    queues: BTreeMap<String, KnownQueue>,
    /// The first answer to each idempotency key: its time, its request and its emails.
    keys: BTreeMap<String, (Timestamp, (String, Vec<EmailId>))>,
    /// The request of each email.
    owners: BTreeMap<EmailId, String>,
    /// The contents of requests without an idempotency key. The ids of their emails are unknown before the answer.
    nameless: BTreeSet<String>,
    violation: Option<Violation>,
    /// The emails of each batch that are not forgotten.
    batches: BTreeMap<BatchId, BTreeSet<EmailId>>,
    /// The times in the last minute at which emails of the rate-limited queue arrived at SES.
    limited: VecDeque<Timestamp>,
    /// The events of webhooks whose facts are committed.
    committed: receipt::Committed,
    /// The time at which webhooks were created, if emails were accepted before it.
    webhooks_since: Option<Timestamp>,
    /// The number of times that each transition was taken.
    pub edges: HashMap<(Option<RecordStatus>, RecordStatus), u64>,
}

/// The observed queue of an email. Only the tenant `main` gives commands to queues.
fn queue_of<'a>(queues: &'a BTreeMap<String, KnownQueue>, record: &EmailRecord) -> Option<&'a KnownQueue> {
    let queue = queues.get(record.queue.as_str());
    queue.filter(|_| record.tenant == TenantId::main())
}

/// The oracle. Its clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Oracle(Arc<Mutex<Seen>>);

impl Oracle {
    /// An oracle with the bounds of a deployment.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let oracle = Self::default();
        oracle.observations().bounds = Some(bounds);
        oracle
    }

    /// The observations until now.
    pub fn observations(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first violation.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.observations().violation.clone()
    }

    /// Reports a violation that only the run itself can see.
    pub fn report(&self, invariant: Invariant, email: Option<EmailId>, detail: String) {
        self.observations().broken(invariant, email, detail);
    }

    /// Returns the numbers of emails accepted with a 2xx and of copies accepted by SES.
    #[must_use]
    pub fn numbers(&self) -> (usize, usize) {
        let seen = self.observations();
        let copies = seen
            .known
            .values()
            .flat_map(|known| &known.submissions)
            .filter(|s| s.accepted)
            .count();
        (seen.known.values().filter(|known| known.answered).count(), copies)
    }
}

impl Seen {
    /// Keeps the first violation.
    ///
    /// # Panics
    /// When [`CHECKED`] lacks the invariant.
    fn broken(&mut self, invariant: Invariant, email: Option<EmailId>, detail: String) {
        assert!(CHECKED.contains(&invariant), "CHECKED lacks {invariant}");
        self.violation.get_or_insert(Violation {
            invariant,
            detail,
            email,
        });
    }
}
