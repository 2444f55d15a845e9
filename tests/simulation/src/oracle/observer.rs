//! The observer of all writes of records and of all submissions to SES.

use std::time::Duration;

use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::{EmailRecord, OnUncertain, RecordStatus};
use domain::delivery::ses_event::{SesEvent, SesEventKind};
use domain::id::EmailKey;
use domain::lifecycle::EARLY;
use domain::message::email::EmailContent;
use domain::timestamp::Timestamp;
use invariants::Invariant;
use invariants::transitions::is_allowed;
use memory::observer::{Arrived, Observer};

use super::ending::ends_badly;
use super::{Oracle, Seen, Submission, queue_of};
use crate::scenario::NEWS;

impl Observer for Oracle {
    fn on_write(&mut self, now: Timestamp, before: Option<&EmailRecord>, after: &EmailRecord) {
        let mut seen = self.observations();
        let id = Some(after.id);
        seen.committed.write(after);
        if seen.known.get(&after.id).is_some_and(|known| known.erased_at.is_some()) {
            seen.broken(Invariant::Erasure, id, "it was erased, and written again".to_owned());
        }
        if !after.is_in_its_place() {
            seen.broken(
                Invariant::Durability,
                id,
                format!("{:?} with {:?} in the index", after.status, after.due),
            );
        }
        let edge = (before.map(|before| before.status), after.status);
        *seen.edges.entry(edge).or_default() += 1;
        if !is_allowed(edge) {
            seen.broken(
                Invariant::Transitions,
                id,
                format!("a transition that the design does not have: {edge:?}"),
            );
        }
        let most = seen.bounds.map_or(u32::MAX, |bounds| bounds.attempts);
        if after.attempts > most {
            seen.broken(Invariant::Claims, id, format!("{} attempts of {most}", after.attempts));
        }
        let unsent = matches!(
            after.status,
            RecordStatus::Failing | RecordStatus::Failed | RecordStatus::Canceled | RecordStatus::Expired
        );
        if unsent && after.maybe_duplicate {
            seen.broken(
                Invariant::Duplicates,
                id,
                format!("flagged, and called {:?}", after.status),
            );
        }
        if after.status == RecordStatus::Failed && after.cause.is_none() {
            seen.broken(Invariant::Transitions, id, "failed without a cause".to_owned());
        }
        if before.is_none_or(|before| before.retried_at != after.retried_at) {
            seen.stored_at.insert(after.id, now);
        }
        let Some(before) = before else {
            seen.record_new_email(after);
            return;
        };
        if before.status.is_final() && !after.status.is_final() {
            seen.known.entry(after.id).or_default().spent = 0;
        }
        seen.keeps_its_rules(now, before, after);
    }

    fn on_expiry(&mut self, record: &EmailRecord) {
        let mut seen = self.observations();
        let known = seen.known.entry(record.id).or_default();
        known.forgotten = true;
        let known = known.clone();
        for (invariant, what) in ends_badly(record, &known) {
            seen.broken(invariant, Some(record.id), what);
        }
        if let Some(batch) = record.batch
            && let Some(living) = seen.batches.get_mut(&batch)
        {
            living.remove(&record.id);
        }
    }

    fn on_submission(
        &mut self,
        now: Timestamp,
        stored: Option<&EmailRecord>,
        claimed: &EmailRecord,
        email: &EmailContent,
    ) {
        let mut seen = self.observations();
        let (id, bounds) = (Some(claimed.id), seen.bounds);
        let Seen {
            known,
            nameless,
            queues,
            stored_at,
            ..
        } = &mut *seen;
        let known = known.entry(claimed.id).or_default();
        let mut wrong: Vec<(Invariant, String)> = Vec::new();
        let purged = queue_of(queues, claimed).and_then(|queue| queue.purged);
        if let (Some((before, answered_at)), Some(bounds)) = (purged, bounds)
            && answered_at.after(bounds.heard + bounds.under_way) < now
            && stored_at
                .get(&claimed.id)
                .is_some_and(|stored_at| stored_at.after(bounds.skew * 2) < before)
        {
            wrong.push((
                Invariant::QueueCommands,
                "submitted though its queue was purged".to_owned(),
            ));
        }
        let in_doubt = known.submissions.iter().find(|earlier| !earlier.refused);
        if let Some(earlier) = in_doubt
            && claimed.on_uncertain == OnUncertain::Hold
            && !known.forced
        {
            wrong.push((
                Invariant::Hold,
                format!("held, and submitted again after claim {}", earlier.claim_no),
            ));
        }
        if known
            .submissions
            .iter()
            .any(|earlier| earlier.claim_no == claimed.claim_no)
        {
            wrong.push((
                Invariant::Claims,
                format!("claim {} was submitted twice", claimed.claim_no),
            ));
        }
        if known.canceled {
            wrong.push((
                Invariant::Cancellation,
                "submitted after a cancel was answered".to_owned(),
            ));
        }
        let content = email.hash();
        if !known.contents.contains(&content) && (known.answered || !nameless.contains(&content)) {
            wrong.push((
                Invariant::Content,
                format!("submitted with another content: {}", email.subject()),
            ));
        }
        match stored {
            Some(stored) if stored.status == RecordStatus::Canceled => {
                wrong.push((Invariant::Cancellation, "submitted though it is canceled".to_owned()));
            }
            Some(stored) if stored.claim_no < claimed.claim_no => {
                wrong.push((
                    Invariant::Claims,
                    "submitted with a claim that the record does not know".to_owned(),
                ));
            }
            Some(_) => {}
            None => wrong.push((Invariant::Claims, "submitted without a record".to_owned())),
        }
        known.submissions.push(Submission {
            claim_no: claimed.claim_no,
            refused: false,
            accepted: false,
        });
        known.spent += 1;
        if let Some(bounds) = bounds {
            if known.spent > bounds.attempts {
                wrong.push((
                    Invariant::Claims,
                    format!("{} submissions of {}", known.spent, bounds.attempts),
                ));
            }
            let late = bounds.skew + bounds.under_way + bounds.sender;
            if claimed.expires_at.after(late) <= now {
                let by = now.since(claimed.expires_at);
                wrong.push((Invariant::Claims, format!("submitted {by:?} after it expired")));
            }
            if claimed.not_before > now.after(EARLY + bounds.skew) {
                wrong.push((Invariant::Claims, "submitted before its time".to_owned()));
            }
        }
        if let Some(what) = seen.too_fast(now, claimed) {
            wrong.push((Invariant::RateLimit, what));
        }
        for (invariant, what) in wrong {
            seen.broken(invariant, id, what);
        }
    }

    fn on_result(
        &mut self,
        _now: Timestamp,
        stored: Option<&EmailRecord>,
        key: &EmailKey,
        claim_no: u32,
        how: Arrived,
    ) {
        let mut seen = self.observations();
        let known = seen.known.entry(key.id).or_default();
        let copies = known.earlier_copies + known.submissions.iter().filter(|earlier| earlier.accepted).count();
        let submission = known.submissions.iter_mut().rev().find(|s| s.claim_no == claim_no);
        match how {
            Arrived::Called => {}
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
                let marked = stored.is_some_and(|record| record.maybe_duplicate || record.duplicate);
                if copies > 0 && !marked {
                    let what = format!("SES accepts copy {}, and the record is not flagged", copies + 1);
                    seen.broken(Invariant::Duplicates, Some(key.id), what);
                }
            }
        }
    }

    fn on_event(&mut self, event: &SesEvent, lost: bool) {
        if lost {
            return;
        }
        let mut seen = self.observations();
        let known = seen.known.entry(event.id).or_default();
        known.events += 1;
        known.proven_claims.insert(event.claim_no);
        match &event.kind {
            SesEventKind::Accepted => {}
            SesEventKind::Opened => known.opened_at = known.opened_at.max(Some(event.at)),
            SesEventKind::Clicked => known.clicked_at = known.clicked_at.max(Some(event.at)),
            SesEventKind::Reported { .. } => {}
            SesEventKind::DeliveryStatuses(delivery_statuses) => {
                for (recipient, delivery_status) in delivery_statuses {
                    let raised =
                        DeliveryStatus::worse_of(known.delivery_statuses.get(recipient).copied(), *delivery_status);
                    known.delivery_statuses.insert(recipient.clone(), raised);
                    if *delivery_status == DeliveryStatus::Delivered {
                        known.delivered_at = known.delivered_at.max(Some(event.at));
                    }
                }
            }
        }
    }
}

/// The period over which a rate is checked.
const MINUTE: Duration = Duration::from_secs(60);

impl Seen {
    /// Records that a new record was written.
    fn record_new_email(&mut self, record: &EmailRecord) {
        let Some(batch) = record.batch else { return };
        let forgotten = self.known.get(&record.id).is_some_and(|known| known.forgotten);
        let living = self.batches.entry(batch).or_default();
        living.insert(record.id);
        if forgotten && living.len() > 1 {
            let what = "stored again after it was forgotten, though its batch is remembered".to_owned();
            self.broken(Invariant::Idempotency, Some(record.id), what);
        }
    }

    /// Returns a description if this submission exceeds the rate limit of its queue.
    fn too_fast(&mut self, now: Timestamp, claimed: &EmailRecord) -> Option<String> {
        let bounds = self.bounds?;
        let limit = bounds.limit.filter(|_| claimed.queue.as_str() == NEWS)?;
        // A deleted and recreated queue has no rate limit.
        if self.queues.get(NEWS).is_some_and(|queue| queue.delete_begun) {
            return None;
        }
        self.limited.push_back(now);
        while self.limited.front().is_some_and(|first| first.after(MINUTE) <= now) {
            self.limited.pop_front();
        }
        // One more at the edge, and a second for the rounding of SQS.
        let most = u64::from(limit) * ((MINUTE + bounds.late).as_secs() + 1) + 1;
        let found = u64::try_from(self.limited.len()).unwrap_or(u64::MAX);
        (found > most).then(|| format!("{found} of a queue with {limit} a second in a minute"))
    }

    fn keeps_its_rules(&mut self, now: Timestamp, before: &EmailRecord, after: &EmailRecord) {
        self.keeps_restoration(before, after);
        let id = Some(after.id);
        let mut wrong = |invariant: Invariant, holds: bool, what: &str| {
            if !holds {
                self.broken(invariant, id, what.to_owned());
            }
        };
        wrong(
            Invariant::Claims,
            after.claim_no >= before.claim_no,
            "claim_no has fallen",
        );
        wrong(
            Invariant::Claims,
            after.claim_no <= before.claim_no.saturating_add(1),
            "a claim was left out",
        );
        wrong(
            Invariant::Duplicates,
            after.maybe_duplicate >= before.maybe_duplicate,
            "maybe_duplicate was cleared",
        );
        wrong(
            Invariant::Duplicates,
            after.duplicate >= before.duplicate,
            "duplicate was cleared",
        );
        wrong(
            Invariant::Truth,
            before.sent.is_none() || before.sent == after.sent,
            "the known acceptance was changed",
        );
        wrong(
            Invariant::Content,
            after.born == before.born && after.body == before.body,
            "the time of acceptance or the content was changed",
        );
        let rises = |(recipient, delivery_status): (&String, &DeliveryStatus)| {
            after.delivery_statuses.get(recipient) >= Some(delivery_status)
        };
        wrong(
            Invariant::Truth,
            before.delivery_statuses.iter().all(rises),
            "a delivery status has fallen",
        );
        wrong(
            Invariant::Transitions,
            after.status != RecordStatus::Failed
                || before.status == RecordStatus::Failed
                || before.status == RecordStatus::Failing,
            "failed without failing before",
        );
        wrong(
            Invariant::Claims,
            after.claim_no == before.claim_no || after.status == RecordStatus::Sending,
            "a claim was made, and the status is not sending",
        );
        let Some(bounds) = self.bounds else { return };
        if after.claim_no > before.claim_no {
            let paused_at = queue_of(&self.queues, before).and_then(|queue| queue.paused_at);
            if paused_at.is_some_and(|at| at.after(bounds.heard) < now) {
                self.broken(
                    Invariant::QueueCommands,
                    id,
                    "claimed though its queue is paused".to_owned(),
                );
            }
            let early = EARLY + bounds.skew;
            let promised = self.known.get(&after.id).and_then(|known| known.promised);
            if promised > Some(now.after(early + bounds.skew)) {
                self.broken(
                    Invariant::Claims,
                    id,
                    "claimed before the time that a reschedule was answered for".to_owned(),
                );
            }
            if before.not_before > now.after(early) {
                self.broken(
                    Invariant::Claims,
                    id,
                    format!("claimed {:?} before its time", before.not_before.since(now)),
                );
            }
            let late = bounds.skew + bounds.under_way;
            if before.expires_at.after(late) <= now {
                self.broken(
                    Invariant::Claims,
                    id,
                    format!("claimed {:?} after it expired", now.since(before.expires_at)),
                );
            }
        }
    }
}
