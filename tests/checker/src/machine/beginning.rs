//! The records in the first states, and those of accepted requests.

use domain::delivery::cause::Cause;
use domain::delivery::hook::Hook;
use domain::delivery::record::{BodyPlace, BodyRef, Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{EmailId, TenantId};

use super::Machine;
use crate::clock::{MOMENT, NOW};
use crate::config::{Begin, Config};
use crate::records::RecordId;

impl Machine {
    /// Returns the record of a request that is accepted now.
    pub(crate) fn new_record(&mut self, content: u8) -> RecordId {
        let record = crate::clock::waiting(first_record(&self.config, content), &self.config);
        self.records.id(record)
    }

    /// Returns the record in the first state of a configuration.
    pub(crate) fn first_record(&mut self, begin: Begin) -> RecordId {
        let id = self.new_record(1);
        let mut record = self.records.get(id).clone();
        if matches!(begin, Begin::Uncertain | Begin::Flagged) {
            record.claim_no = 1;
            record.attempts = u32::from(begin == Begin::Uncertain);
        }
        if begin == Begin::Failed {
            (record.claim_no, record.attempts) = (1, 1);
            (record.status, record.cause) = (RecordStatus::Failed, Some(Cause::Rejected));
            record.due = Some(Due {
                kind: DueKind::Ended,
                at: NOW,
            });
        }
        record.maybe_duplicate = begin == Begin::Flagged;
        if begin == Begin::Uncertain {
            record.status = RecordStatus::Uncertain;
            record.uncertain_since = Some(NOW);
            record.due = Some(Due {
                kind: DueKind::Check,
                at: NOW.after(self.config.policy.evidence_window),
            });
        }
        self.records.id(record)
    }
}

fn first_record(config: &Config, content: u8) -> EmailRecord {
    let sha256 = if content == 1 { "first" } else { "second" };
    let body = BodyRef {
        sha256: sha256.to_owned(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let record = EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, NOW);
    EmailRecord {
        born: NOW.before(MOMENT),
        generation: Some(0),
        on_uncertain: config.on_uncertain,
        hook: Some(Hook::new(["a@example.com"], None)),
        ..record
    }
}
