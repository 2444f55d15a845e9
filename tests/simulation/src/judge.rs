//! What must hold, whatever goes wrong. The judge sees everything as it really is: each write of a record,
//! each submission as it arrives at SES, each event, and what callers were told.
//!
//! 1. **Nothing is lost.** An email that got a 2xx has a record and a content at that moment, and ends in
//!    a final status. A record is in the index where it belongs ([`domain::delivery::record::EmailRecord::is_in_its_place`]).
//! 2. **No unmarked duplicate.** At the moment in which SES accepts a second copy of an email, its record
//!    is marked already; and it is at the end.
//! 3. **`hold` holds.** Without `force` nothing is given to SES again unless all earlier claims were
//!    refused by SES, and a living sender was told so.
//! 4. **The record says what SES did.** What SES accepted never ends `failed`, `canceled` or `expired`; it
//!    ends `sent` if one event about it arrives (and `sent` or `unknown` if none ever does). What SES did
//!    not accept never ends `sent`. What is marked is never called `failing`, `failed`, `canceled` or `expired`. What
//!    every event said is in the record, and so is that two claims were accepted.
//! 5. **Canceled is canceled.** After a cancel was answered 200 nothing arrives at SES, and it stays
//!    canceled, until somebody asks for a retry.
//! 6. **The machine keeps its rules.** `claim_no` never falls; marks are never cleared; the first known
//!    acceptance stays; a delivery status only rises; `failed` comes from `failing` and has a cause; only the edges
//!    that the design names are gone; attempts, and submissions that were not given back, stay within the budget; a
//!    claim is made once, by its number, and submits once; nothing is claimed before its time or after it; nor
//!    before the time that a reschedule was answered 200 for.
//! 7. **Content.** What arrives at SES is what the answered request asked for.
//! 8. **Idempotency.** A key that was answered is answered the same again, and another request with it
//!    is refused and leaves nothing. Two requests never share an email. A good request is not refused, also when some
//!    of its emails are forgotten. A forgotten email of a batch is not stored again while another one is remembered.
//! 9. **A queue's word holds.** From a few seconds after a pause was answered nothing of the queue is claimed,
//!    until somebody resumes it. From a few seconds after a purge nothing is submitted that was asked for before it, and
//!    from its answer on nobody is shown it waiting, until somebody restores the queue. After a restore that is the last word
//!    nothing is left purged.
//! 10. **Erased is erased.** After an erasure was answered there is neither record nor content, nor will there be;
//!     and a request that is repeated is answered as before.
//! 11. **A queue's rate is kept.** Over any minute no more emails of a queue with a rate limit arrive at SES than its rate
//!     allows for that minute, and for the time by which a slot may be used too late.
//!
//! **By design, and so no violation:**
//! - A second copy that is marked: the answer was lost and no event came within the window.
//! - An early second: clocks differ, and SQS has whole seconds ([`domain::delivery::lifecycle::EARLY`]).
//! - A submission that arrives after `expires_at` though it was claimed before: a claim is
//!   decided on by the clock of its sender at the moment of departure, and what is on the way then arrives.
//!   It is bounded by the sender's timeout, and the judge holds it to that.
//! - Emails of a request that was never answered may be sent or not; but what is sent of them keeps all rules.
//! - An OK that only its sender heard, where its event says the same: an acceptance is known here by its events. That
//!   the sender's own word is written too is the checker's to show (`OldOkDropped`).
//! - Where an event is lost for ever, what it would have said is missing from the record.
//! - What a request leaves that is repeated while its email is erased, and dies: a content without a record, which goes with its time.
//!
//! **Map:** `told` is what callers were answered, `witness` sees what happens as it happens, `ending` looks at what is
//! left, and `edges` has the edges of the machine.

mod edges;
mod ending;
mod told;
mod witness;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::api::batch::BatchId;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::RecordStatus;
use domain::id::EmailId;
use domain::timestamp::Timestamp;

pub use edges::{EDGES, RARE};

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which, by its number above.
    pub rule: u8,
    /// What was seen.
    pub what: String,
    /// Of which email, if it is one's.
    pub email: Option<EmailId>,
}

/// One submission.
#[derive(Debug, Clone, Copy)]
struct Submission {
    claim_no: u32,
    /// SES refused it, and its sender was told.
    refused: bool,
    accepted: bool,
}

/// What is known of one email.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The contents that may be its own: of the requests that were made for it.
    contents: BTreeSet<String>,
    answered: bool,
    submissions: Vec<Submission>,
    /// Submissions that count, since the budget is new.
    spent: u32,
    forced: bool,
    retries_begun: u32,
    /// Retries that were asked for and not answered yet.
    retries_open: u32,
    /// Until then a retry that nobody was answered may still be written.
    retry_until: Option<Timestamp>,
    /// A cancel was answered, and nobody has asked for a retry since.
    canceled: bool,
    /// Not before this, as a reschedule was answered; until somebody asks for another time.
    promised: Option<Timestamp>,
    reschedules_begun: u32,
    events: u32,
    /// The claims that events tell of.
    told_of: BTreeSet<u32>,
    delivery_statuses: BTreeMap<String, DeliveryStatus>,
    delivered_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    clicked_at: Option<Timestamp>,
    /// Somebody wants it erased.
    erase_begun: bool,
    /// Since when it is, as was answered.
    erased_at: Option<Timestamp>,
    /// When the request for it was last under way.
    posted_at: Option<Timestamp>,
    /// It ended, and its time is over.
    forgotten: bool,
}

/// What is known of one queue.
#[derive(Debug, Clone, Default)]
struct KnownQueue {
    /// Changes that were asked for.
    begun: u64,
    /// Of them, not answered yet.
    open: u64,
    /// Until then a change that nobody was answered may still be written.
    doubt_until: Option<Timestamp>,
    delete_begun: bool,
    /// Since when it is paused, as was answered; until somebody asks for something else.
    paused_at: Option<Timestamp>,
    /// When a purge was asked for and answered, that nobody has touched since.
    purged: Option<(Timestamp, Timestamp)>,
    /// The last word that was answered is a restore.
    restored: bool,
}

/// What the deployment allows.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Attempts of one budget.
    pub attempts: u32,
    /// How far two clocks may differ from the true time.
    pub skew: Duration,
    /// How long a call may be on its way.
    pub under_way: Duration,
    /// How long a sender lives.
    pub sender: Duration,
    /// How long after a queue was changed a sender may still go by what it was.
    pub heard: Duration,
    /// The rate limit of the queue that has one, in recipients per second.
    pub limit: Option<u32>,
    /// The longest time between a slot and its submission.
    pub late: Duration,
}

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Seen {
    /// When each email was stored, or the last retry of it was: a purge that was asked for earlier does not concern it.
    stored_at: BTreeMap<EmailId, Timestamp>,
    bounds: Option<Bounds>,
    known: BTreeMap<EmailId, Known>,
    queues: BTreeMap<String, KnownQueue>,
    /// What each idempotency key was answered with, and for which request.
    keys: BTreeMap<String, (String, Vec<EmailId>)>,
    /// Which request an email belongs to.
    owners: BTreeMap<EmailId, String>,
    /// The contents of requests without a key: whose email it is, is not known before it is answered.
    nameless: BTreeSet<String>,
    violation: Option<Violation>,
    /// The emails of each batch that are not forgotten.
    batches: BTreeMap<BatchId, BTreeSet<EmailId>>,
    /// When emails of the queue with a rate limit arrived at SES, in the last minute.
    limited: VecDeque<Timestamp>,
    /// How often each edge was gone.
    pub edges: HashMap<(Option<RecordStatus>, RecordStatus), u64>,
}

/// The judge. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Judge(Arc<Mutex<Seen>>);

impl Judge {
    /// A judge that knows what is allowed.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let judge = Self::default();
        judge.seen().bounds = Some(bounds);
        judge
    }

    /// What was seen until now.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first rule that was broken.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.seen().violation.clone()
    }

    /// Something is wrong that only the run itself can see.
    pub fn object(&self, rule: u8, email: Option<EmailId>, what: String) {
        self.seen().broken(rule, email, what);
    }

    /// How many emails were accepted with a 2xx, and how many copies SES accepted.
    #[must_use]
    pub fn numbers(&self) -> (usize, usize) {
        let seen = self.seen();
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
    fn broken(&mut self, rule: u8, email: Option<EmailId>, what: String) {
        self.violation.get_or_insert(Violation { rule, what, email });
    }
}
