//! The counts of one change of a record.
//!
//! **Invariant:** pure. The counts depend on this change alone: the records before and after, and the time. Each entry
//! into a state adds the amount that the exit subtracts, for every kind of exit.
//! **Start reading at** [`count_changes`].

use std::collections::{BTreeMap, BTreeSet};

use super::change_id::ChangeId;
use super::counter::{Counter, Delta, Figure, Level, hour_of};
use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::Fact;
use crate::delivery::record::RecordStatus;
use crate::id::EmailKey;
use crate::timestamp::Timestamp;

/// The counted properties of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedRecord {
    /// Time of acceptance. It tells a record from an earlier one with the same key.
    pub born: Timestamp,
    /// The named queue.
    pub queue: String,
    /// Status of the record.
    pub status: RecordStatus,
    /// Cause of the last attempt's failure.
    pub cause: Option<Cause>,
    /// Earliest time of the next submission.
    pub not_before: Timestamp,
    /// True if the request asked for a time.
    pub scheduled: bool,
    /// True after the first attempt.
    pub tried: bool,
    /// True while it is held, such as in a paused queue.
    pub held: bool,
    /// Number of recipients.
    pub recipients: u32,
    /// Bytes of its attachments.
    pub attachment_bytes: u64,
    /// Delivery status of each recipient.
    pub delivery_statuses: BTreeMap<String, DeliveryStatus>,
    /// Further facts about recipients.
    pub facts: BTreeSet<(String, Fact)>,
    /// Time of the last opening.
    pub opened_at: Option<Timestamp>,
    /// Time of the last click on a link.
    pub clicked_at: Option<Timestamp>,
}

/// A change of a record, as the stream reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Key of the record.
    pub key: EmailKey,
    /// The identity of the change in the stream.
    pub change_id: ChangeId,
    /// Time of the change.
    pub at: Timestamp,
    /// The record before; `None` for a new record.
    pub before: Option<CountedRecord>,
    /// The record after; `None` for a deleted record.
    pub after: Option<CountedRecord>,
}

/// The figure of a slot.
type Slot = fn(u8) -> Figure;

/// Reads the time of the last opening or click from a record.
type SeenAt = fn(&CountedRecord) -> Option<Timestamp>;

/// Amounts to add, by counter.
pub type Deltas = BTreeMap<Counter, Delta>;

/// The counts of a change; empty if nothing counted has changed.
#[must_use]
pub fn count_changes(change: &Change) -> Deltas {
    let mut sum = Sum {
        change,
        deltas: Deltas::new(),
    };
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    if let Some(before) = before {
        sum.add_current_state(before, -1);
    }
    if let Some(after) = after {
        sum.add_current_state(after, 1);
        // A record with another time of acceptance is another email, without any outcome yet.
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

    /// Adds `by` to the figures of the record's current state.
    fn add_current_state(&mut self, record: &CountedRecord, by: i64) {
        let (figure, slot): (_, Option<Slot>) = match record.status {
            RecordStatus::Queued if record.held => (Figure::Held, None),
            RecordStatus::Queued if record.tried => (Figure::Retry, Some(Figure::RetryIn)),
            RecordStatus::Queued if record.scheduled => (Figure::Scheduled, Some(Figure::ScheduledIn)),
            RecordStatus::Queued => (Figure::Queued, None),
            RecordStatus::Sending | RecordStatus::Uncertain | RecordStatus::Failing => (Figure::Sending, None),
            RecordStatus::Sent
            | RecordStatus::Failed
            | RecordStatus::Unknown
            | RecordStatus::Canceled
            | RecordStatus::Expired => return,
        };
        let (tenant, queue) = (self.change.key.tenant.clone(), record.queue.clone());
        let email_status = Counter::EmailStatus {
            tenant: tenant.clone(),
            queue: queue.clone(),
        };
        self.add(email_status, figure, by);
        let Some(slot) = slot else { return };
        for &level in Level::ALL {
            let (begin, index) = level.slot(record.not_before);
            // Nobody reads a slot whose time has come, so it is not written either.
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

    /// Counts the outcomes that are new in a record.
    fn became(&mut self, before: Option<&CountedRecord>, record: &CountedRecord) {
        let recipients = i64::from(record.recipients);
        let more = recipients.saturating_sub(1).max(0);
        if before.is_none() {
            self.count_outcome(record, Figure::Accepted, 1);
            self.count_outcome(record, Figure::AcceptedRecipients, recipients);
        }
        if before.is_none_or(|before| before.status != record.status) {
            match record.status {
                RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain => {}
                RecordStatus::Sent => {
                    let bytes = i64::try_from(record.attachment_bytes).unwrap_or(i64::MAX);
                    let left_out = record
                        .delivery_statuses
                        .values()
                        .filter(|delivery_status| **delivery_status == DeliveryStatus::Suppressed)
                        .count();
                    let left_out = i64::try_from(left_out).unwrap_or(i64::MAX).min(recipients);
                    let reached = recipients.saturating_sub(left_out);
                    self.count_outcome(record, Figure::Sent, 1);
                    self.count_outcome(record, Figure::SentRecipients, reached);
                    self.count_outcome(record, Figure::SentAttachmentBytes, bytes.saturating_mul(reached));
                    self.count_outcome(record, Figure::SuppressedMore, left_out);
                }
                RecordStatus::Failed => {
                    self.count_ended(record, Figure::Failed);
                    self.count_outcome(record, Figure::FailedMore, more);
                    if record.cause == Some(Cause::Suppressed) {
                        self.count_outcome(record, Figure::Suppressed, 1);
                        self.count_outcome(record, Figure::SuppressedMore, more);
                    }
                }
                RecordStatus::Unknown => {
                    self.count_ended(record, Figure::Unknown);
                    self.count_outcome(record, Figure::UnknownMore, more);
                }
                RecordStatus::Expired => {
                    self.count_ended(record, Figure::Expired);
                    self.count_outcome(record, Figure::ExpiredMore, more);
                }
                RecordStatus::Canceled => {
                    self.count_outcome(record, Figure::Canceled, 1);
                    self.count_outcome(record, Figure::CanceledMore, more);
                }
            }
        }
        let known = before.map(became_of).unwrap_or_default();
        for (_, figure) in became_of(record).difference(&known) {
            self.count_outcome(record, *figure, 1);
        }
        let seen = [
            (
                |record: &CountedRecord| record.opened_at,
                Figure::Opened,
                Figure::FirstOpened,
            ),
            (
                |record: &CountedRecord| record.clicked_at,
                Figure::Clicked,
                Figure::FirstClicked,
            ),
        ] as [(SeenAt, _, _); 2];
        for (at, again, first) in seen {
            let known = before.and_then(at);
            if at(record) > known {
                self.count_outcome(record, again, 1);
                self.count_outcome(record, first, i64::from(known.is_none()));
            }
        }
    }

    /// Counts an email that ended without being sent.
    fn count_ended(&mut self, record: &CountedRecord, figure: Figure) {
        self.count_outcome(record, figure, 1);
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

    /// Counts in the record's queue and in all queues together.
    fn count_outcome(&mut self, record: &CountedRecord, figure: Figure, by: i64) {
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

/// The outcomes of each recipient, independent of the order in which they became known.
fn became_of(record: &CountedRecord) -> BTreeSet<(&str, Figure)> {
    let delivery_statuses = record.delivery_statuses.iter();
    let delivery_statuses = delivery_statuses
        .filter_map(|(recipient, delivery_status)| Some((recipient.as_str(), figure_of(*delivery_status)?)));
    let facts = record.facts.iter();
    let facts = facts.filter_map(|(recipient, fact)| Some((recipient.as_str(), figure_of_fact(*fact)?)));
    delivery_statuses.chain(facts).collect()
}

/// The figure of a fact. A report that is no complaint counts nothing.
const fn figure_of_fact(fact: Fact) -> Option<Figure> {
    match fact {
        Fact::Delivered => Some(Figure::Delivered),
        Fact::SoftBounced => Some(Figure::SoftBounced),
        Fact::OnGlobalList | Fact::OnAccountList | Fact::Bounced => Some(Figure::Bounced),
        Fact::Rejected => Some(Figure::Rejected),
        Fact::NotSpam | Fact::AuthFailure => None,
    }
}

/// The figure of a delivery status. A left-out recipient counts nothing, and an absence notice is no bounce.
const fn figure_of(delivery_status: DeliveryStatus) -> Option<Figure> {
    match delivery_status {
        DeliveryStatus::Suppressed | DeliveryStatus::Absence => None,
        DeliveryStatus::DeliveryDelayed => Some(Figure::DeliveryDelayed),
        DeliveryStatus::SoftBounced => Some(Figure::SoftBounced),
        DeliveryStatus::Delivered => Some(Figure::Delivered),
        DeliveryStatus::OnGlobalList | DeliveryStatus::OnAccountList | DeliveryStatus::Bounced => Some(Figure::Bounced),
        DeliveryStatus::Rejected => Some(Figure::Rejected),
        DeliveryStatus::Complained => Some(Figure::Complained),
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
