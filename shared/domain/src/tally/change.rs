//! What one change of a record counts.
//!
//! **Invariant:** pure, and of this change alone: the records before and after, and when. Whatever is
//! added when a record comes somewhere is taken away when it leaves, however it leaves.
//! **Start reading at** [`counted`].

use std::collections::{BTreeMap, BTreeSet};

use super::counter::{Counter, Delta, Figure, Level, hour_of};
use super::portion::Mark;
use crate::cause::Cause;
use crate::fate::Fate;
use crate::past::Fact;
use crate::ports::EmailKey;
use crate::record::Status;
use crate::timestamp::Timestamp;

/// What of a record is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glimpse {
    /// When it was accepted: tells a record from the one that had its key before.
    pub born: Timestamp,
    /// The named queue.
    pub queue: String,
    /// Where it is in its life.
    pub status: Status,
    /// Why the last attempt did not end in an acceptance.
    pub cause: Option<Cause>,
    /// Not to be submitted before this.
    pub not_before: Timestamp,
    /// It was asked for at a time.
    pub scheduled: bool,
    /// It was tried.
    pub tried: bool,
    /// It waits in a queue that is paused.
    pub held: bool,
    /// How many recipients.
    pub recipients: u32,
    /// Bytes of its attachments.
    pub attachment_bytes: u64,
    /// What became of each recipient.
    pub fates: BTreeMap<String, Fate>,
    /// What else is known about recipients.
    pub facts: BTreeSet<(String, Fact)>,
    /// When it was last opened.
    pub opened_at: Option<Timestamp>,
    /// When a link in it was last clicked.
    pub clicked_at: Option<Timestamp>,
}

/// A change of a record, as the stream tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose record.
    pub key: EmailKey,
    /// By which it is known again.
    pub mark: Mark,
    /// When it was made.
    pub at: Timestamp,
    /// The record before; `None` when there was none.
    pub before: Option<Glimpse>,
    /// The record after; `None` when it is gone.
    pub after: Option<Glimpse>,
}

/// The figure of a slot.
type Slot = fn(u8) -> Figure;

/// What of a record says when something was seen last.
type SeenAt = fn(&Glimpse) -> Option<Timestamp>;

/// What changes, by counter.
pub type Deltas = BTreeMap<Counter, Delta>;

/// What a change counts. Nothing, if it changes nothing that is counted.
#[must_use]
pub fn counted(change: &Change) -> Deltas {
    let mut sum = Sum {
        change,
        deltas: Deltas::new(),
    };
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    if let Some(before) = before {
        sum.stands(before, -1);
    }
    if let Some(after) = after {
        sum.stands(after, 1);
        // A record of another birth is another email: nothing became of it yet.
        sum.became(before.filter(|before| before.born == after.born), after);
    }
    let mut deltas = sum.deltas;
    for delta in deltas.values_mut() {
        delta.figures.retain(|_, by| *by != 0);
    }
    deltas.retain(|_, delta| !delta.figures.is_empty());
    deltas
}

struct Sum<'a> {
    change: &'a Change,
    deltas: Deltas,
}

impl Sum<'_> {
    fn add(&mut self, counter: Counter, figure: Figure, by: i64) {
        self.deltas.entry(counter).or_default().add(figure, by);
    }

    /// A record is where it is, or is no longer.
    fn stands(&mut self, record: &Glimpse, by: i64) {
        let (figure, slot): (_, Option<Slot>) = match record.status {
            Status::Queued if record.held => (Figure::Held, None),
            Status::Queued if record.tried => (Figure::Retry, Some(Figure::RetryIn)),
            Status::Queued if record.scheduled => (Figure::Scheduled, Some(Figure::ScheduledIn)),
            Status::Queued => (Figure::Queued, None),
            Status::Sending | Status::Uncertain | Status::Failing => (Figure::Sending, None),
            Status::Sent | Status::Failed | Status::Unknown | Status::Canceled | Status::Expired => return,
        };
        let (tenant, queue) = (self.change.key.tenant.clone(), record.queue.clone());
        let standing = Counter::Standing {
            tenant: tenant.clone(),
            queue: queue.clone(),
        };
        self.add(standing, figure, by);
        let Some(slot) = slot else { return };
        for level in Level::ALL {
            let (begin, index) = level.slot(record.not_before);
            // A slot that has come is never read again: it is not written, either.
            if (begin, index) > level.slot(self.change.at) {
                let waiting = Counter::Waiting {
                    tenant: tenant.clone(),
                    queue: queue.clone(),
                    level,
                    begin,
                };
                self.add(waiting, slot(index), by);
            }
        }
    }

    /// Something became of a record.
    fn became(&mut self, before: Option<&Glimpse>, record: &Glimpse) {
        let recipients = i64::from(record.recipients);
        let more = recipients.saturating_sub(1).max(0);
        if before.is_none() {
            self.flow(record, Figure::Accepted, 1);
            self.flow(record, Figure::AcceptedRecipients, recipients);
        }
        if before.is_none_or(|before| before.status != record.status) {
            match record.status {
                Status::Queued | Status::Sending | Status::Failing | Status::Uncertain => {}
                Status::Sent => {
                    let bytes = i64::try_from(record.attachment_bytes).unwrap_or(i64::MAX);
                    let left_out = record.fates.values().filter(|fate| **fate == Fate::Suppressed).count();
                    let left_out = i64::try_from(left_out).unwrap_or(i64::MAX).min(recipients);
                    let reached = recipients.saturating_sub(left_out);
                    self.flow(record, Figure::Sent, 1);
                    self.flow(record, Figure::SentRecipients, reached);
                    self.flow(record, Figure::SentAttachmentBytes, bytes.saturating_mul(reached));
                    self.flow(record, Figure::SuppressedMore, left_out);
                }
                Status::Failed => {
                    self.ended(record, Figure::Failed);
                    self.flow(record, Figure::FailedMore, more);
                    if record.cause == Some(Cause::Suppressed) {
                        self.flow(record, Figure::Suppressed, 1);
                        self.flow(record, Figure::SuppressedMore, more);
                    }
                }
                Status::Unknown => {
                    self.ended(record, Figure::Unknown);
                    self.flow(record, Figure::UnknownMore, more);
                }
                Status::Expired => {
                    self.ended(record, Figure::Expired);
                    self.flow(record, Figure::ExpiredMore, more);
                }
                Status::Canceled => {
                    self.flow(record, Figure::Canceled, 1);
                    self.flow(record, Figure::CanceledMore, more);
                }
            }
        }
        let known = before.map(became_of).unwrap_or_default();
        for (_, figure) in became_of(record).difference(&known) {
            self.flow(record, *figure, 1);
        }
        let seen = [
            (|record: &Glimpse| record.opened_at, Figure::Opened, Figure::FirstOpened),
            (
                |record: &Glimpse| record.clicked_at,
                Figure::Clicked,
                Figure::FirstClicked,
            ),
        ] as [(SeenAt, _, _); 2];
        for (at, again, first) in seen {
            let known = before.and_then(at);
            if at(record) > known {
                self.flow(record, again, 1);
                self.flow(record, first, i64::from(known.is_none()));
            }
        }
    }

    /// A record ended unsent.
    fn ended(&mut self, record: &Glimpse, figure: Figure) {
        self.flow(record, figure, 1);
        let Some(cause) = record.cause else { return };
        let failures = Counter::Failures {
            tenant: self.change.key.tenant.clone(),
            hour: hour_of(self.change.at),
            queue: record.queue.clone(),
            cause,
        };
        let delta = self.deltas.entry(failures).or_default();
        delta.add(Figure::Count, 1);
        delta.latest = Some((self.change.at, self.change.key.id));
    }

    /// Counts in the record's queue and in all together.
    fn flow(&mut self, record: &Glimpse, figure: Figure, by: i64) {
        for queue in [Some(record.queue.clone()), None] {
            let flow = Counter::Flow {
                tenant: self.change.key.tenant.clone(),
                queue,
                hour: hour_of(self.change.at),
            };
            self.add(flow, figure, by);
        }
    }
}

/// What became of each recipient, whatever the order in which it became known.
fn became_of(record: &Glimpse) -> BTreeSet<(&str, Figure)> {
    let fates = record.fates.iter();
    let fates = fates.filter_map(|(recipient, fate)| Some((recipient.as_str(), figure_of(*fate)?)));
    let facts = record.facts.iter();
    let facts = facts.filter_map(|(recipient, fact)| Some((recipient.as_str(), figure_of_fact(*fact)?)));
    fates.chain(facts).collect()
}

/// What a fact counts as: a report that is no complaint counts nothing.
const fn figure_of_fact(fact: Fact) -> Option<Figure> {
    match fact {
        Fact::Delivered => Some(Figure::Delivered),
        Fact::SoftBounced => Some(Figure::SoftBounced),
        Fact::OnGlobalList | Fact::OnAccountList | Fact::Bounced => Some(Figure::Bounced),
        Fact::Rejected => Some(Figure::Rejected),
        Fact::NotSpam | Fact::AuthFailure => None,
    }
}

/// What a fate counts as; who is left out of an email has no part in it, and an absence notice is no bounce.
const fn figure_of(fate: Fate) -> Option<Figure> {
    match fate {
        Fate::Suppressed | Fate::Absence => None,
        Fate::DeliveryDelayed => Some(Figure::DeliveryDelayed),
        Fate::SoftBounced => Some(Figure::SoftBounced),
        Fate::Delivered => Some(Figure::Delivered),
        Fate::OnGlobalList | Fate::OnAccountList | Fate::Bounced => Some(Figure::Bounced),
        Fate::Rejected => Some(Figure::Rejected),
        Fate::Complained => Some(Figure::Complained),
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
