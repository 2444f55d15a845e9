//! Sample records and changes for tests.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, CountedRecord};
use super::change_id::{ChangeId, Sequence};
use crate::delivery::record::RecordStatus;
use crate::id::{EmailId, EmailKey, TenantId};
use crate::timestamp::Timestamp;

/// The time `secs` seconds after half past nine.
pub(super) fn at(secs: i64) -> Timestamp {
    let begin = Timestamp::parse_rfc3339("2026-11-24T09:30:00Z").unwrap();
    Timestamp::from_millis(begin.as_millis() + secs * 1000)
}

/// A newly accepted record.
pub(super) fn queued() -> CountedRecord {
    CountedRecord {
        born: at(0),
        queue: "default".to_owned(),
        status: RecordStatus::Queued,
        cause: None,
        not_before: at(0),
        scheduled: false,
        tried: false,
        held: false,
        recipients: 1,
        attachment_bytes: 0,
        delivery_statuses: BTreeMap::new(),
        facts: BTreeSet::new(),
        opened_at: None,
        clicked_at: None,
    }
}

/// The same record in another status, tried once.
pub(super) fn tried(status: RecordStatus) -> CountedRecord {
    CountedRecord {
        status,
        tried: true,
        ..queued()
    }
}

/// The `n`th change of the stream, of the `n % 7`th email.
pub(super) fn change(n: u8, at: Timestamp, before: Option<CountedRecord>, after: Option<CountedRecord>) -> Change {
    let key = EmailKey {
        tenant: TenantId::main(),
        id: EmailId::from_random([n % 7; 16]),
    };
    let sequence = Sequence::parse(&format!("{}", 1000 + u32::from(n))).unwrap();
    Change {
        change_id: ChangeId::new(&key, sequence, at),
        key,
        at,
        before,
        after,
    }
}
