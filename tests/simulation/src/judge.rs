//! What must hold, whatever goes wrong. The judge sees everything as it really is: each write of a row,
//! each submission as it arrives at SES, each event, and what callers were told.
//!
//! 1. **Nothing is lost.** An email that got a 2xx has a row and a content at that moment, and ends in
//!    a final status. A row is in the index where it belongs ([`Row::is_in_its_place`]).
//! 2. **No unmarked duplicate.** At the moment in which SES accepts a second copy of an email, its row
//!    is marked already; and it is at the end.
//! 3. **`hold` holds.** Without `force` nothing is given to SES again unless all earlier claims were
//!    refused by SES, and a living sender was told so.
//! 4. **The row says what SES did.** What SES accepted never ends `failed`, `canceled` or `expired`; it
//!    ends `sent` if one event about it arrives (and `sent` or `unknown` if none ever does). What SES did
//!    not accept never ends `sent`. What is marked is never called `failing`, `failed`, `canceled` or `expired`. What
//!    every event said is in the row, and so is that two claims were accepted.
//! 5. **Canceled is canceled.** After a cancel was answered 200 nothing arrives at SES, and it stays
//!    canceled, until somebody asks for a retry.
//! 6. **The machine keeps its rules.** `claim_no` never falls; marks are never cleared; the first known
//!    acceptance stays; a fate only rises; `failed` comes from `failing` and has a cause; only the edges
//!    that the design names are gone; attempts, and submissions that were not given back, stay within the budget; a
//!    claim is made once, by its number, and submits once; nothing is claimed before its time or after it; nor
//!    before the time that a reschedule was answered 200 for.
//! 7. **Content.** What arrives at SES is what the answered request asked for.
//! 8. **Idempotency.** A key that was answered is answered the same again, and another request with it
//!    is refused. Two requests never share an email. A good request is not refused.
//! 9. **A queue's word holds.** From a few seconds after a pause was answered nothing of the queue is claimed,
//!    until somebody resumes it. From a few seconds after a purge nothing is submitted that was asked for before it, and
//!    from its answer on nobody is shown it waiting, until somebody restores the queue. After a restore that is the last word
//!    nothing is left purged.
//! 10. **Erased is erased.** After an erasure was answered there is neither row nor content, nor will there be;
//!     and a request that is repeated is answered as before.
//!
//! **By design, and so no violation:**
//! - A second copy that is marked: the answer was lost and no event came within the window.
//! - An early second: clocks differ, and SQS has whole seconds ([`domain::lifecycle::EARLY`]).
//! - A submission that arrives after `expires_at` though it was claimed before: a claim is
//!   decided on by the clock of its sender at the moment of departure, and what is on the way then arrives.
//!   It is bounded by the sender's timeout, and the judge holds it to that.
//! - Emails of a request that was never answered may be sent or not; but what is sent of them keeps all rules.
//! - An OK that only its sender heard, where its event says the same: an acceptance is known here by its events. That
//!   the sender's own word is written too is the checker's to show (`OldOkDropped`).
//! - Where an event is lost for ever, what it would have said is missing from the row.
//! - What a request leaves that is repeated while its email is erased, and dies: a content without a row, which goes with its time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::cause::Cause;
use domain::email::Email;
use domain::fate::Fate;
use domain::id::EmailId;
use domain::lifecycle::EARLY;
use domain::ports::EmailKey;
use domain::row::{OnUncertain, Row, Status};
use domain::timestamp::Timestamp;
use domain::wire::ses_event::{Said, SesEvent};
use serde_json::Value;
use world::World;
use world::witness::{Arrived, Witness};

use crate::scenario::QueueDeed;

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

/// Every edge between two statuses that the design names. A run of seeds has to go each of them.
pub const EDGES: [(Option<Status>, Status); 23] = [
    (None, Status::Queued),
    (Some(Status::Queued), Status::Sending),
    (Some(Status::Queued), Status::Canceled),
    (Some(Status::Queued), Status::Expired),
    (Some(Status::Queued), Status::Unknown),
    (Some(Status::Queued), Status::Sent),
    (Some(Status::Sending), Status::Sent),
    (Some(Status::Sending), Status::Queued),
    (Some(Status::Sending), Status::Failing),
    (Some(Status::Sending), Status::Uncertain),
    (Some(Status::Sending), Status::Unknown),
    (Some(Status::Sending), Status::Expired),
    (Some(Status::Sending), Status::Canceled),
    (Some(Status::Failing), Status::Failed),
    (Some(Status::Uncertain), Status::Queued),
    (Some(Status::Uncertain), Status::Sent),
    (Some(Status::Uncertain), Status::Unknown),
    (Some(Status::Failed), Status::Queued),
    (Some(Status::Unknown), Status::Queued),
    (Some(Status::Unknown), Status::Sent),
    (Some(Status::Canceled), Status::Queued),
    (Some(Status::Expired), Status::Queued),
    (Some(Status::Queued), Status::Queued),
];

/// Edges that only a sender goes who outlives its lease and is refused late: allowed, and so rare that a
/// run need not show them.
pub const RARE: [(Option<Status>, Status); 2] = [
    (Some(Status::Uncertain), Status::Failing),
    (Some(Status::Uncertain), Status::Expired),
];

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
    fates: BTreeMap<String, Fate>,
    delivered_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    clicked_at: Option<Timestamp>,
    /// Somebody wants it erased.
    erase_begun: bool,
    /// Since when it is, as was answered.
    erased_at: Option<Timestamp>,
    /// When the request for it was last under way.
    posted_at: Option<Timestamp>,
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
}

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Seen {
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
    /// How often each edge was gone.
    pub edges: HashMap<(Option<Status>, Status), u64>,
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

    /// A request for an email of this content is about to be made; `id` is its id, where a key says so.
    pub fn requested(&self, id: Option<EmailId>, content: String) {
        let mut seen = self.seen();
        match id {
            Some(id) => seen.known.entry(id).or_default().contents.insert(content),
            None => seen.nameless.insert(content),
        };
    }

    /// A request was answered 200 with these emails. `request` names it; `contents` are the emails'.
    pub fn answered(&self, world: &World, key: Option<&str>, request: &str, ids: &[EmailId], contents: &[String]) {
        let rows: Vec<bool> = ids.iter().map(|id| is_durable(world, *id)).collect();
        let mut seen = self.seen();
        if ids.len() != contents.len() {
            seen.broken(
                8,
                None,
                format!("{} emails for {} requested", ids.len(), contents.len()),
            );
        }
        if let Some(key) = key {
            let answer = (request.to_owned(), ids.to_vec());
            let before = seen
                .keys
                .entry(key.to_owned())
                .or_insert_with(|| answer.clone())
                .clone();
            if before != answer {
                seen.broken(
                    8,
                    ids.first().copied(),
                    format!("key {key} was answered {before:?} and then {answer:?}"),
                );
            }
        }
        for ((id, content), durable) in ids.iter().zip(contents).zip(rows) {
            let erase_begun = seen.known.get(id).is_some_and(|known| known.erase_begun);
            if !durable && !erase_begun {
                seen.broken(
                    1,
                    Some(*id),
                    "answered 200 before row and content were durable".to_owned(),
                );
            }
            let owner = seen.owners.entry(*id).or_insert_with(|| request.to_owned()).clone();
            if owner != request {
                seen.broken(
                    8,
                    Some(*id),
                    format!("the email of {owner} was given to {request}, too"),
                );
            }
            let known = seen.known.entry(*id).or_default();
            known.answered = true;
            known.contents = BTreeSet::from([content.clone()]);
        }
    }

    /// A request was refused. Only a rival for its key is a reason, and only until it was answered itself.
    pub fn refused(&self, key: Option<&str>, has_rival: bool, request: &str, status: u16, text: &str) {
        let mut seen = self.seen();
        let owner = key.and_then(|key| seen.keys.get(key)).map(|(owner, _)| owner.clone());
        if status != 409 || !has_rival || owner.as_deref() == Some(request) {
            seen.broken(
                8,
                None,
                format!("{request} was refused, the key is {owner:?}'s: {status} {text}"),
            );
        }
    }

    /// A cancel is about to be asked for. What it has to be told when it is answered; nothing, where a retry
    /// that was asked for before may still come after it.
    #[must_use]
    pub fn cancel_begins(&self, id: EmailId, now: Timestamp) -> Option<u32> {
        let mut seen = self.seen();
        let known = seen.known.entry(id).or_default();
        let settled = known.retries_open == 0 && known.retry_until < Some(now);
        settled.then_some(known.retries_begun)
    }

    /// A cancel was answered 200.
    pub fn canceled(&self, id: EmailId, begun: Option<u32>) {
        let mut seen = self.seen();
        let known = seen.known.entry(id).or_default();
        known.canceled = begun == Some(known.retries_begun);
    }

    /// Another time is about to be asked for. What it has to be told when it is answered; nothing, where a
    /// retry that was asked for before may still come after it.
    #[must_use]
    pub fn reschedule_begins(&self, id: EmailId, now: Timestamp) -> Option<u32> {
        let mut seen = self.seen();
        let known = seen.known.entry(id).or_default();
        known.reschedules_begun += 1;
        known.promised = None;
        let settled = known.retries_open == 0 && known.retry_until < Some(now);
        settled.then_some(known.reschedules_begun + known.retries_begun)
    }

    /// A reschedule to this time or later was answered 200.
    pub fn rescheduled(&self, id: EmailId, begun: Option<u32>, at: Timestamp) {
        let mut seen = self.seen();
        let known = seen.known.entry(id).or_default();
        // Where two are under way at once, either may have been written last.
        let alone = begun == Some(known.reschedules_begun + known.retries_begun) && known.reschedules_begun == 1;
        known.promised = alone.then_some(at);
    }

    /// A retry is about to be asked for.
    pub fn retry_begins(&self, id: EmailId, force: bool) {
        let mut seen = self.seen();
        let known = seen.known.entry(id).or_default();
        known.retries_begun += 1;
        known.retries_open += 1;
        known.canceled = false;
        known.promised = None;
        known.forced |= force;
    }

    /// A retry was answered, or its caller waits no longer.
    pub fn retry_ends(&self, id: EmailId, answered: bool, now: Timestamp) {
        let mut seen = self.seen();
        let bounds = seen.bounds;
        let known = seen.known.entry(id).or_default();
        known.retries_open = known.retries_open.saturating_sub(1);
        if let (false, Some(bounds)) = (answered, bounds) {
            known.retry_until = known.retry_until.max(Some(now.after(bounds.under_way)));
        }
    }

    /// A request for these emails is under way.
    pub fn posted(&self, ids: &[EmailId], now: Timestamp) {
        let mut seen = self.seen();
        for id in ids {
            seen.known.entry(*id).or_default().posted_at = Some(now);
        }
    }

    /// An erasure is about to be asked for.
    pub fn erase_begins(&self, id: EmailId) {
        self.seen().known.entry(id).or_default().erase_begun = true;
    }

    /// An erasure was answered 200.
    pub fn erased(&self, id: EmailId, now: Timestamp) {
        let mut seen = self.seen();
        let known = seen.known.entry(id).or_default();
        known.erased_at.get_or_insert(now);
    }

    /// Whether there may be nothing of an email any more.
    #[must_use]
    pub fn may_be_erased(&self, id: EmailId) -> bool {
        self.seen().known.get(&id).is_some_and(|known| known.erase_begun)
    }

    /// Whether there may be no queue of this name any more.
    #[must_use]
    pub fn may_be_deleted(&self, queue: &str) -> bool {
        self.seen().queues.get(queue).is_some_and(|queue| queue.delete_begun)
    }

    /// Something is about to be asked of a queue. What [`Self::queue_ends`] has to be told; nothing, where
    /// something that was asked before may still come after it.
    #[must_use]
    pub fn queue_begins(&self, name: &str, deed: QueueDeed, now: Timestamp) -> Option<u64> {
        let mut seen = self.seen();
        let queue = seen.queues.entry(name.to_owned()).or_default();
        let alone = queue.open == 0 && queue.doubt_until < Some(now);
        queue.begun += 1;
        queue.open += 1;
        match deed {
            QueueDeed::Pause | QueueDeed::Redrive => {}
            QueueDeed::PauseFor(_) | QueueDeed::Resume => queue.paused_at = None,
            QueueDeed::Purge => queue.restored = false,
            QueueDeed::Restore => queue.purged = None,
            QueueDeed::Delete | QueueDeed::Make => {
                queue.delete_begun |= deed == QueueDeed::Delete;
                (queue.paused_at, queue.purged, queue.restored) = (None, None, false);
            }
        }
        alone.then_some(queue.begun)
    }

    /// It was answered, and is done, or its caller waits no longer.
    pub fn queue_ends(
        &self,
        name: &str,
        deed: QueueDeed,
        begun: Option<u64>,
        (answered, done): (bool, bool),
        (asked_at, now): (Timestamp, Timestamp),
    ) {
        let mut seen = self.seen();
        let under_way = seen.bounds.map(|bounds| bounds.under_way).unwrap_or_default();
        let queue = seen.queues.entry(name.to_owned()).or_default();
        queue.open = queue.open.saturating_sub(1);
        if !answered {
            queue.doubt_until = queue.doubt_until.max(Some(now.after(under_way)));
        }
        // Where two are under way at once, either may have been written last.
        if !done || begun != Some(queue.begun) {
            return;
        }
        match deed {
            QueueDeed::Pause => queue.paused_at = Some(now),
            QueueDeed::Purge => queue.purged = Some((asked_at, now)),
            QueueDeed::Restore => queue.restored = true,
            QueueDeed::PauseFor(_) | QueueDeed::Resume | QueueDeed::Redrive | QueueDeed::Delete | QueueDeed::Make => {}
        }
    }

    /// A read that was asked for then has shown an email so.
    pub fn read(&self, world: &World, id: EmailId, shown: &Value, asked_at: Timestamp) {
        let row = world.state().rows.values().find(|row| row.id == id).cloned();
        let (Some(row), Some(status)) = (row, shown["status"].as_str()) else {
            return;
        };
        let mut seen = self.seen();
        let waits = ["queued", "scheduled", "retry"].contains(&status);
        let purged = seen.queues.get(row.queue.as_str()).and_then(|queue| queue.purged);
        let skew = seen.bounds.map(|bounds| bounds.skew).unwrap_or_default();
        if let Some((before, answered_at)) = purged
            && waits
            && answered_at <= asked_at
            && row.asked_for_at().after(skew * 2) < before
        {
            seen.broken(
                9,
                Some(id),
                format!("its queue was purged, and it is shown as {status}"),
            );
        }
    }

    /// Something is wrong that only the run itself can see.
    pub fn object(&self, rule: u8, email: Option<EmailId>, what: String) {
        self.seen().broken(rule, email, what);
    }

    /// Judges the end of a run.
    pub fn end(&self, world: &World) {
        let (rows, contents) = {
            let state = world.state();
            let contents: BTreeSet<EmailId> = state.bodies.keys().map(|(key, _)| key.id).collect();
            (state.rows.clone(), contents)
        };
        let mut seen = self.seen();
        for row in rows.values() {
            let restored = seen.queues.get(row.queue.as_str()).is_some_and(|queue| queue.restored);
            // What was never answered may have nothing to send.
            let answered = seen.known.get(&row.id).is_some_and(|known| known.answered);
            if restored && answered && row.cause == Some(Cause::Purged) {
                let what = "its queue was restored, and it is still purged".to_owned();
                seen.broken(9, Some(row.id), what);
            }
        }
        let known = seen.known.clone();
        for (id, known) in &known {
            let row = rows.values().find(|row| row.id == *id);
            if let Some(at) = known.erased_at {
                let settled = seen.bounds.map(|bounds| at.before(bounds.under_way));
                let is_alone = known.posted_at.is_none_or(|posted| Some(posted) < settled);
                if row.is_some() || (is_alone && contents.contains(id)) {
                    seen.broken(10, Some(*id), "it was erased, and something is left".to_owned());
                }
                continue;
            }
            let Some(row) = row else {
                if known.answered && !known.erase_begun {
                    seen.broken(1, Some(*id), "it was accepted, and there is no row".to_owned());
                }
                continue;
            };
            for (rule, what) in ends_badly(row, known) {
                seen.broken(rule, Some(*id), what);
            }
        }
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

fn is_durable(world: &World, id: EmailId) -> bool {
    let state = world.state();
    let row = state.rows.values().find(|row| row.id == id);
    row.is_some_and(|row| state.bodies.contains_key(&(EmailKey::of(row), row.body.sha256.clone())))
}

/// What is wrong with an email at the end.
fn ends_badly(row: &Row, known: &Known) -> Vec<(u8, String)> {
    let mut wrong = Vec::new();
    let accepted: Vec<u32> = known
        .submissions
        .iter()
        .filter(|s| s.accepted)
        .map(|s| s.claim_no)
        .collect();
    if !row.status.is_final() {
        wrong.push((1, format!("it has not ended: {:?}", row.status)));
    }
    if known.told_of.len() > 1 && !row.duplicate {
        wrong.push((
            4,
            format!("events tell of claims {:?}, and the row of no duplicate", known.told_of),
        ));
    }
    if accepted.len() > 1 && !row.maybe_duplicate && !row.duplicate {
        wrong.push((
            2,
            format!("SES accepted {} copies, and the row is not marked", accepted.len()),
        ));
    }
    match row.status {
        Status::Sent if accepted.is_empty() => wrong.push((4, "it is sent, and SES accepted nothing".to_owned())),
        Status::Failed | Status::Canceled | Status::Expired if !accepted.is_empty() => {
            wrong.push((4, format!("SES accepted it, and it is {:?}", row.status)));
        }
        Status::Sent => {
            let said = row.sent.as_ref().map(|sent| sent.claim_no);
            if !said.is_some_and(|claim| accepted.contains(&claim)) {
                wrong.push((
                    4,
                    format!("it is sent by claim {said:?}, and SES accepted {accepted:?}"),
                ));
            }
        }
        status if known.events > 0 => wrong.push((4, format!("events say that it was sent, and it is {status:?}"))),
        Status::Queued
        | Status::Sending
        | Status::Failing
        | Status::Uncertain
        | Status::Failed
        | Status::Unknown
        | Status::Canceled
        | Status::Expired => {}
    }
    let said = (&known.fates, known.delivered_at, known.opened_at, known.clicked_at);
    let stored = (&row.fates, row.delivered_at, row.opened_at, row.clicked_at);
    if said != stored {
        wrong.push((4, format!("events said {said:?}, and the row says {stored:?}")));
    }
    if known.canceled && row.status != Status::Canceled {
        wrong.push((
            5,
            format!("it was answered that it is canceled, and it is {:?}", row.status),
        ));
    }
    wrong
}

impl Seen {
    fn broken(&mut self, rule: u8, email: Option<EmailId>, what: String) {
        self.violation.get_or_insert(Violation { rule, what, email });
    }

    fn keeps_its_rules(&mut self, now: Timestamp, before: &Row, after: &Row) {
        let id = Some(after.id);
        let mut wrong = |holds: bool, what: &str| {
            if !holds {
                self.broken(6, id, what.to_owned());
            }
        };
        wrong(after.claim_no >= before.claim_no, "claim_no has fallen");
        wrong(
            after.claim_no <= before.claim_no.saturating_add(1),
            "a claim was left out",
        );
        wrong(
            after.maybe_duplicate >= before.maybe_duplicate,
            "maybe_duplicate was cleared",
        );
        wrong(after.duplicate >= before.duplicate, "duplicate was cleared");
        wrong(
            before.sent.is_none() || before.sent == after.sent,
            "the known acceptance was changed",
        );
        wrong(
            after.born == before.born && after.body == before.body,
            "birth or content was changed",
        );
        let rises = |(recipient, fate): (&String, &Fate)| after.fates.get(recipient) >= Some(fate);
        wrong(before.fates.iter().all(rises), "a fate has fallen");
        wrong(
            after.status != Status::Failed || before.status == Status::Failed || before.status == Status::Failing,
            "failed, and not by way of failing",
        );
        wrong(
            after.claim_no == before.claim_no || after.status == Status::Sending,
            "a claim was made and nobody sends",
        );
        let Some(bounds) = self.bounds else { return };
        if after.claim_no > before.claim_no {
            let paused_at = self.queues.get(before.queue.as_str()).and_then(|queue| queue.paused_at);
            if paused_at.is_some_and(|at| at.after(bounds.heard) < now) {
                self.broken(9, id, "claimed though its queue is paused".to_owned());
            }
            let early = EARLY + bounds.skew;
            let promised = self.known.get(&after.id).and_then(|known| known.promised);
            if promised > Some(now.after(early + bounds.skew)) {
                self.broken(
                    6,
                    id,
                    "claimed before the time that a reschedule was answered for".to_owned(),
                );
            }
            if before.not_before > now.after(early) {
                self.broken(
                    6,
                    id,
                    format!("claimed {:?} before its time", before.not_before.since(now)),
                );
            }
            let late = bounds.skew + bounds.under_way;
            if before.expires_at.after(late) <= now {
                self.broken(
                    6,
                    id,
                    format!("claimed {:?} after it expired", now.since(before.expires_at)),
                );
            }
        }
    }
}

impl Witness for Judge {
    fn written(&mut self, now: Timestamp, before: Option<&Row>, after: &Row) {
        let mut seen = self.seen();
        let id = Some(after.id);
        if seen.known.get(&after.id).is_some_and(|known| known.erased_at.is_some()) {
            seen.broken(10, id, "it was erased, and written again".to_owned());
        }
        if !after.is_in_its_place() {
            seen.broken(1, id, format!("{:?} with {:?} in the index", after.status, after.due));
        }
        let edge = (before.map(|before| before.status), after.status);
        *seen.edges.entry(edge).or_default() += 1;
        if edge.0 != Some(edge.1) && !EDGES.contains(&edge) && !RARE.contains(&edge) {
            seen.broken(6, id, format!("an edge that the design does not name: {edge:?}"));
        }
        let most = seen.bounds.map_or(u32::MAX, |bounds| bounds.attempts);
        if after.attempts > most {
            seen.broken(6, id, format!("{} attempts of {most}", after.attempts));
        }
        let unsent = matches!(
            after.status,
            Status::Failing | Status::Failed | Status::Canceled | Status::Expired
        );
        if unsent && after.maybe_duplicate {
            seen.broken(4, id, format!("marked, and called {:?}", after.status));
        }
        if after.status == Status::Failed && after.cause.is_none() {
            seen.broken(6, id, "failed without a cause".to_owned());
        }
        let Some(before) = before else { return };
        if before.status.is_final() && !after.status.is_final() {
            seen.known.entry(after.id).or_default().spent = 0;
        }
        seen.keeps_its_rules(now, before, after);
    }

    fn submitted(&mut self, now: Timestamp, stored: Option<&Row>, claimed: &Row, email: &Email) {
        let mut seen = self.seen();
        let (id, bounds) = (Some(claimed.id), seen.bounds);
        let Seen {
            known,
            nameless,
            queues,
            ..
        } = &mut *seen;
        let known = known.entry(claimed.id).or_default();
        let mut wrong: Vec<(u8, String)> = Vec::new();
        let purged = queues.get(claimed.queue.as_str()).and_then(|queue| queue.purged);
        if let (Some((before, answered_at)), Some(bounds)) = (purged, bounds)
            && answered_at.after(bounds.heard + bounds.under_way) < now
            && claimed.asked_for_at().after(bounds.skew * 2) < before
        {
            wrong.push((9, "submitted though its queue was purged".to_owned()));
        }
        if known
            .submissions
            .iter()
            .any(|earlier| earlier.claim_no == claimed.claim_no)
        {
            wrong.push((6, format!("claim {} was submitted twice", claimed.claim_no)));
        }
        let in_doubt = known.submissions.iter().find(|earlier| !earlier.refused);
        if let Some(earlier) = in_doubt
            && claimed.on_uncertain == OnUncertain::Hold
            && !known.forced
        {
            wrong.push((3, format!("held, and submitted again after claim {}", earlier.claim_no)));
        }
        if known.canceled {
            wrong.push((5, "submitted after a cancel was answered".to_owned()));
        }
        let content = email.hash();
        if !known.contents.contains(&content) && (known.answered || !nameless.contains(&content)) {
            wrong.push((7, format!("submitted with another content: {}", email.subject())));
        }
        match stored {
            Some(stored) if stored.status == Status::Canceled => {
                wrong.push((5, "submitted though it is canceled".to_owned()));
            }
            Some(stored) if stored.claim_no < claimed.claim_no => {
                wrong.push((6, "submitted with a claim that the row does not know".to_owned()));
            }
            Some(_) => {}
            None => wrong.push((6, "submitted without a row".to_owned())),
        }
        known.submissions.push(Submission {
            claim_no: claimed.claim_no,
            refused: false,
            accepted: false,
        });
        known.spent += 1;
        if let Some(bounds) = bounds {
            if known.spent > bounds.attempts {
                wrong.push((6, format!("{} submissions of {}", known.spent, bounds.attempts)));
            }
            let late = bounds.skew + bounds.under_way + bounds.sender;
            if claimed.expires_at.after(late) <= now {
                let by = now.since(claimed.expires_at);
                wrong.push((6, format!("submitted {by:?} after it expired")));
            }
            if claimed.not_before > now.after(EARLY + bounds.skew) {
                wrong.push((6, "submitted before its time".to_owned()));
            }
        }
        for (rule, what) in wrong {
            seen.broken(rule, id, what);
        }
    }

    fn arrived(&mut self, _now: Timestamp, stored: Option<&Row>, key: &EmailKey, claim_no: u32, how: Arrived) {
        let mut seen = self.seen();
        let known = seen.known.entry(key.id).or_default();
        let copies = known.submissions.iter().filter(|earlier| earlier.accepted).count();
        let submission = known.submissions.iter_mut().rev().find(|s| s.claim_no == claim_no);
        match how {
            Arrived::Asked => {}
            Arrived::Refused { spent } => {
                if let Some(submission) = submission {
                    submission.refused = true;
                    known.spent = known.spent.saturating_sub(u32::from(!spent));
                }
            }
            Arrived::Accepted => {
                if let Some(submission) = submission {
                    submission.accepted = true;
                }
                let marked = stored.is_some_and(|row| row.maybe_duplicate || row.duplicate);
                if copies > 0 && !marked {
                    let what = format!("SES accepts copy {}, and the row is not marked", copies + 1);
                    seen.broken(2, Some(key.id), what);
                }
            }
        }
    }

    fn published(&mut self, event: &SesEvent, lost: bool) {
        if lost {
            return;
        }
        let mut seen = self.seen();
        let known = seen.known.entry(event.id).or_default();
        known.events += 1;
        known.told_of.insert(event.claim_no);
        match &event.said {
            Said::Accepted => {}
            Said::Opened => known.opened_at = known.opened_at.max(Some(event.at)),
            Said::Clicked => known.clicked_at = known.clicked_at.max(Some(event.at)),
            Said::Fates { recipients, fate } => {
                for recipient in recipients {
                    let raised = Fate::raised(known.fates.get(recipient).copied(), *fate);
                    known.fates.insert(recipient.clone(), raised);
                }
                if *fate == Fate::Delivered {
                    known.delivered_at = known.delivered_at.max(Some(event.at));
                }
            }
        }
    }
}
