//! Entries of a record in the index `due`: its place, and all data for enqueueing or finding it.
//!
//! **Invariant:** an entry has keys only, so that a million can be listed without reading a record.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::index;
use domain::delivery::index::DueCursor;
use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, EmailKey, QueueKey, QueueName};
use domain::ports::rate_limits::WaitingEmail;
use domain::ports::{DueEmail, IndexedEmail};
use domain::timestamp::Timestamp;

use crate::storage::attributes::{Item, ItemError, from_name, name, parse_sortable, s, sortable};
use crate::storage::mapping::attribute;
use crate::storage::table::keys;

/// Attributes of the index for a record in the partition `check`.
pub(super) fn check_attributes(at: Timestamp, id: EmailId, shards: u16) -> [(String, AttributeValue); 2] {
    [
        s("due_pk", format!("check#{:02}", id.shard(shards))),
        s("due_sk", sortable(at, id)),
    ]
}

/// Returns the sort key in `wake`. It holds all fields of a send task, so that a million can be enqueued
/// without reading a record.
pub(super) fn wake_sk(at: Timestamp, record: &EmailRecord) -> String {
    let (priority, recipients, bytes) = (name(&record.priority), record.recipients, record.body.bytes);
    let queue = if record.queue.is_default() {
        String::new()
    } else {
        format!("#{}", record.queue)
    };
    format!("{}#{priority}#{recipients}#{bytes}{queue}", sortable(at, record.id))
}

/// Returns the sort key in `paced`: as in `wake`, with the expiry instead of the queue, which the partition
/// names.
pub(super) fn rate_limited_sk(at: Timestamp, record: &EmailRecord) -> String {
    let (priority, recipients, bytes) = (name(&record.priority), record.recipients, record.body.bytes);
    let expires_ms = record.expires_at.as_millis();
    format!(
        "{}#{priority}#{recipients}#{bytes}#{expires_ms}",
        sortable(at, record.id)
    )
}

/// Reads an item of `paced`, which holds keys only.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub(crate) fn to_waiting_email(item: &Item, of: &QueueKey) -> Result<WaitingEmail, ItemError> {
    let sort_key: String = attribute(item, "due_sk")?;
    let (front, expires_ms) = sort_key.rsplit_once('#').ok_or(ItemError::Malformed("due_sk"))?;
    let mut due_email = to_due_email_at(keys::to_email(item)?, front)?;
    due_email.send_task.queue = of.name.clone();
    let expires_ms = expires_ms.parse().map_err(|_| ItemError::Malformed("due_sk"))?;
    due_email.cursor = DueCursor(sort_key);
    Ok(WaitingEmail {
        due_email,
        expires_at: Timestamp::from_millis(expires_ms),
    })
}

/// Returns the sort key in `ended`, with status and cause, so that a retry by cause finds the emails
/// without reading every record.
pub(super) fn ended_sk(at: Timestamp, record: &EmailRecord) -> String {
    let (status, cause) = (
        name(&record.status),
        record.cause.as_ref().map(name).unwrap_or_default(),
    );
    format!("{}#{status}#{cause}", sortable(at, record.id))
}

/// Reads an item of `held`, `paced` or `ended`, which holds keys only.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub(crate) fn to_indexed_email(item: &Item) -> Result<IndexedEmail, ItemError> {
    let sort_key: String = attribute(item, "due_sk")?;
    let ended = index::kind(&attribute::<String>(item, "due_pk")?) == Some(DueKind::Ended);
    let mut tail = sort_key.split('#').skip(if ended { 2 } else { usize::MAX });
    let (status, cause) = (tail.next(), tail.next().filter(|cause| !cause.is_empty()));
    let read = |cause| from_name(cause).ok_or(ItemError::Malformed("due_sk"));
    Ok(IndexedEmail {
        key: keys::to_email(item)?,
        at: parse_sortable(&sort_key).ok_or(ItemError::Malformed("due_sk"))?,
        status: match status {
            None => RecordStatus::Queued,
            Some(status) => from_name(status).ok_or(ItemError::Malformed("due_sk"))?,
        },
        cause: cause.map(read).transpose()?,
        cursor: DueCursor(sort_key),
    })
}

/// Reads an item of `wake`, which holds keys only.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub(crate) fn to_due_email(item: &Item) -> Result<DueEmail, ItemError> {
    to_due_email_at(keys::to_email(item)?, &attribute::<String>(item, "due_sk")?)
}

fn to_due_email_at(key: EmailKey, sort_key: &str) -> Result<DueEmail, ItemError> {
    let EmailKey { tenant, id } = key;
    let not_before = parse_sortable(sort_key).ok_or(ItemError::Malformed("due_sk"))?;
    let mut tail = sort_key.split('#').skip(2);
    let (priority, recipients, bytes) = match (tail.next(), tail.next(), tail.next()) {
        (Some(priority), Some(recipients), Some(bytes)) => {
            (from_name(priority), recipients.parse().ok(), bytes.parse().ok())
        }
        _ => (None, None, None),
    };
    let queue = match (tail.next(), tail.next()) {
        (None, _) => Some(QueueName::default()),
        (Some(queue), None) => QueueName::parse(queue).ok(),
        (Some(_), Some(_)) => None,
    };
    let send_task = SendTask {
        v: SendTask::VERSION,
        tenant,
        id,
        recipients: recipients.ok_or(ItemError::Malformed("due_sk"))?,
        bytes: bytes.ok_or(ItemError::Malformed("due_sk"))?,
        queue: queue.ok_or(ItemError::Malformed("due_sk"))?,
        slot: None,
    };
    Ok(DueEmail {
        not_before,
        priority: priority.ok_or(ItemError::Malformed("due_sk"))?,
        send_task,
        cursor: DueCursor(sort_key.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use domain::delivery::record::{Due, Priority};

    use super::super::item::from_record;
    use super::super::samples::{at, full};
    use super::*;

    #[test]
    fn an_email_in_wake_is_enqueued_without_its_record() {
        let record = EmailRecord {
            recipients: 3,
            priority: Priority::High,
            ..full()
        };
        let due_email = to_due_email(&from_record(&record, 16)).unwrap();
        let SendTask {
            v,
            tenant,
            id,
            recipients,
            bytes,
            queue,
            slot,
        } = due_email.send_task;
        assert_eq!(
            (v, tenant, id, recipients, bytes, queue, slot),
            (1, record.tenant.clone(), record.id, 3, 2048, QueueName::default(), None)
        );
        let news = QueueName::parse("news").unwrap();
        let of_news = EmailRecord {
            queue: news.clone(),
            ..record.clone()
        };
        assert_eq!(to_due_email(&from_record(&of_news, 16)).unwrap().send_task.queue, news);
        assert_eq!((due_email.not_before, due_email.priority), (at(7_000), Priority::High));
        assert_eq!(
            due_email.cursor.0,
            "000000000007000#00000000-0000-4000-8000-000000000000#high#3#2048"
        );
        for garbage in [
            "",
            "x",
            "000000000007000#id",
            "000000000007000#id#high#3",
            "000000000007000#id#high#3#4#A",
            "000000000007000#id#high#3#4#news#5",
        ] {
            let mut item = from_record(&record, 16);
            item.extend([s("due_sk", garbage.to_owned())]);
            assert_eq!(to_due_email(&item), Err(ItemError::Malformed("due_sk")), "{garbage}");
        }
    }

    #[test]
    fn an_email_that_waits_for_a_slot_needs_no_record() {
        let news = QueueKey {
            tenant: full().tenant,
            name: QueueName::parse("news").unwrap(),
        };
        let due = Due {
            kind: DueKind::RateLimited,
            at: at(7_000),
        };
        let record = EmailRecord {
            queue: news.name.clone(),
            due: Some(due),
            expires_at: at(9_000),
            status: RecordStatus::Queued,
            ..full()
        };
        let item = from_record(&record, 16);
        let partition: String = attribute(&item, "due_pk").unwrap();
        assert_eq!(
            partition,
            index::partition(DueKind::RateLimited, &news, record.id.shard(4))
        );
        let waiting = to_waiting_email(&item, &news).unwrap();
        assert_eq!(
            (waiting.due_email.not_before, waiting.expires_at),
            (at(7_000), at(9_000))
        );
        assert_eq!(waiting.due_email.send_task, SendTask::of(&record));
        assert_eq!(
            waiting.due_email.cursor.0,
            attribute::<String>(&item, "due_sk").unwrap()
        );
        let parked = to_indexed_email(&item).unwrap();
        assert_eq!(
            (parked.status, parked.cause, parked.at),
            (RecordStatus::Queued, None, at(7_000))
        );
        for garbage in ["", "x", "000000000007000#id#high#3#4", "000000000007000#id#high#3#4#x"] {
            let mut item = item.clone();
            item.extend([s("due_sk", garbage.to_owned())]);
            assert!(to_waiting_email(&item, &news).is_err(), "{garbage}");
        }
    }
}
