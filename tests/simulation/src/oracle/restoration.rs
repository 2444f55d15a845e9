//! A restore of the table: the record may know less than SES has done.

use std::collections::BTreeMap;

use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::EmailKey;
use domain::timestamp::Timestamp;
use invariants::Invariant;

use super::{ObservedEmail, Oracle, Seen, Submission};

impl Oracle {
    /// Records that the table was replaced by an earlier copy. Answers and events after the copy are lost with the
    /// table. The copies at SES are not: they still count.
    ///
    /// # Panics
    /// When the copy lacks an email that was answered with 2xx: no scenario makes such a request.
    pub(crate) fn record_restore(&self, records: &BTreeMap<EmailKey, EmailRecord>, epoch: Timestamp) {
        let mut seen = self.observations();
        seen.queues.clear();
        let by_id: BTreeMap<_, _> = records.values().map(|record| (record.id, record)).collect();
        for (id, known) in &mut seen.known {
            match by_id.get(id) {
                Some(record) => known.forget_after(record, epoch),
                None => assert!(!known.answered, "the copy lacks an accepted email"),
            }
        }
    }

    /// Records that a release of all older emails begins.
    pub(crate) fn release_begins(&self) {
        for known in self.observations().known.values_mut() {
            known.released = true;
        }
    }
}

impl ObservedEmail {
    /// Forgets everything that the restored record does not know.
    fn forget_after(&mut self, record: &EmailRecord, epoch: Timestamp) {
        self.older = record.born <= epoch && !record.status.is_final();
        let is_known = |submission: &&Submission| submission.claim_no <= record.claim_no;
        let accepted = self.submissions.iter().filter(|submission| submission.accepted);
        self.earlier_copies += accepted.filter(|submission| !is_known(submission)).count();
        self.submissions.retain(|submission| is_known(&submission));
        self.spent = record.attempts;
        let proven = record.sent.as_ref().map(|sent| sent.claim_no);
        self.proven_claims.retain(|claim| Some(*claim) == proven);
        self.events = u32::from(record.sent.is_some());
        self.delivery_statuses.clone_from(&record.delivery_statuses);
        self.delivered_at = record.delivered_at;
        self.opened_at = record.opened_at;
        self.clicked_at = record.clicked_at;
        self.canceled = false;
        self.promised = None;
        self.retry_until = None;
    }
}

impl Seen {
    /// Checks a write of an older email.
    pub(super) fn keeps_restoration(&mut self, before: &EmailRecord, after: &EmailRecord) {
        let Some(known) = self.known.get(&after.id).filter(|known| known.older) else {
            return;
        };
        let is_claimed = after.claim_no > before.claim_no;
        let ends_unsent = matches!(after.status, RecordStatus::Canceled | RecordStatus::Expired);
        let what = if is_claimed && !known.released {
            "an older email was claimed before its release"
        } else if is_claimed && !after.maybe_duplicate {
            "an older email was claimed without a flag"
        } else if ends_unsent && !known.released {
            "an older email ended as canceled or expired before its release"
        } else {
            return;
        };
        self.broken(Invariant::Restoration, Some(after.id), what.to_owned());
    }
}
