//! The index `due`, against DynamoDB's answers.

use domain::delivery::record::{Due, EmailRecord, Priority};
use domain::id::EmailId;
use domain::ports::FailureKind;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::records::item;
use crate::storage::records::samples::{at, full};

/// Returns the record of the `n`th id, waiting in this kind of partition.
fn nth(n: u8, kind: DueKind) -> EmailRecord {
    let due = Some(Due { kind, at: at(7_000) });
    EmailRecord {
        id: EmailId::from_random([n; 16]),
        priority: Priority::Low,
        due,
        ..full()
    }
}

/// Returns a record's entry in the index: keys only.
fn entry(record: &EmailRecord) -> Value {
    let keys = ["pk", "sk", "due_pk", "due_sk"];
    let item = item::from_record(record, 1);
    dynamodb_json(
        &item
            .into_iter()
            .filter(|(name, _)| keys.contains(&name.as_str()))
            .collect(),
    )
}

fn page(entries: &[Value], last: Option<&Value>) -> CannedResponse {
    let mut page = json!({"Items": entries, "Count": entries.len()});
    if let Some(last) = last {
        page["LastEvaluatedKey"] = last.clone();
    }
    CannedResponse::ok(&page)
}

fn cursor(text: &str) -> DueCursor {
    DueCursor(text.to_owned())
}

#[tokio::test]
async fn a_page_holds_the_entries_up_to_its_time() {
    let replay = Replay::new([page(&[], None), page(&[], None)]);
    let table = replay.table(16);
    table.overdue(3, at(7_000), None).await.unwrap();
    let from = cursor("000000000006000#00000000-0000-4000-8000-000000000000#low#1#2048");
    table.due_emails(15, at(7_000), Some(&from)).await.unwrap();

    let query = |partition: &str, from: &str| {
        json!({
            "TableName": "T",
            "IndexName": "due",
            "KeyConditionExpression": "#pk = :pk AND #sk BETWEEN :from AND :until",
            "ExpressionAttributeNames": {"#pk": "due_pk", "#sk": "due_sk"},
            "ExpressionAttributeValues": {
                ":pk": {"S": partition}, ":from": {"S": from}, ":until": {"S": "000000000007000~"},
            },
        })
    };
    let expected = [query("check#03", "0"), query("wake#15", &format!("{}\u{1}", from.0))];
    assert_eq!(replay.requests(), expected);
}

/// An entry before the bounds would be sent twice, and one behind them late or never.
#[tokio::test]
async fn bounds_include_the_end_and_exclude_the_cursor() {
    let replay = Replay::new([page(&[], None)]);
    let sort_key = |record: &EmailRecord| attribute::<String>(&item::from_record(record, 16), "due_sk").unwrap();
    let [done, next] = [1, 2].map(|n| sort_key(&nth(n, DueKind::Wake)));
    let later = sort_key(&EmailRecord {
        due: Some(Due {
            kind: DueKind::Wake,
            at: at(7_001),
        }),
        ..nth(0, DueKind::Wake)
    });
    replay
        .table(16)
        .due_emails(0, at(7_000), Some(&cursor(&done)))
        .await
        .unwrap();
    let values = &replay.only().json()["ExpressionAttributeValues"];
    let [from, until] = [":from", ":until"].map(|bound| values[bound]["S"].as_str().unwrap().to_owned());
    assert!(
        done < from && from < next && next < until && until < later,
        "{from} {until}"
    );
}

/// DynamoDB refuses a query with reversed bounds.
#[tokio::test]
async fn reversed_bounds_are_empty_without_a_call() {
    let replay = Replay::expecting_none();
    let from = cursor("000000000007001#00000000-0000-4000-8000-000000000000");
    let page = replay.table(16).overdue(0, at(7_000), Some(&from)).await.unwrap();
    assert_eq!(
        page,
        DuePage {
            items: Vec::new(),
            next: None
        }
    );
}

#[tokio::test]
async fn the_index_holds_all_fields_of_a_send_task() {
    let record = nth(1, DueKind::Wake);
    let replay = Replay::new([page(&[entry(&record)], None)]);
    let page = replay.table(16).due_emails(0, at(7_000), None).await.unwrap();
    let [due_email] = page.items.as_slice() else {
        panic!("{page:?}")
    };
    assert_eq!((due_email.not_before, due_email.priority), (at(7_000), Priority::Low));
    assert_eq!(due_email.send_task, domain::delivery::send_task::SendTask::of(&record));
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn the_next_page_begins_after_the_last() {
    let [first, last] = [1, 2].map(|n| nth(n, DueKind::Check));
    let replay = Replay::new([page(&[entry(&first)], Some(&entry(&last)))]);
    let page = replay.table(16).overdue(0, at(7_000), None).await.unwrap();
    assert_eq!(page.items, [first.email_key()]);
    assert_eq!(page.next, Some(cursor(&format!("000000000007000#{}", last.id))));
}

#[tokio::test]
async fn an_unreadable_entry_hides_no_other() {
    for kind in [
        DueKind::Wake,
        DueKind::Check,
        DueKind::Held,
        DueKind::RateLimited,
        DueKind::Ended,
    ] {
        let [good, bad] = [1, 2].map(|n| entry(&nth(n, kind)));
        let mut no_key = bad.clone();
        no_key["pk"] = json!({"S": "no key"});
        let mut no_time = bad.clone();
        no_time["due_sk"] = json!({"S": "yesterday"});
        let replay = Replay::new([page(&[no_key, good], Some(&bad))]);
        let table = replay.table(16);
        let (keys, next) = match kind {
            DueKind::Wake => {
                let page = table.due_emails(0, at(7_000), None).await.unwrap();
                (
                    page.items
                        .into_iter()
                        .map(|due_email| due_email.send_task.id)
                        .collect::<Vec<_>>(),
                    page.next,
                )
            }
            DueKind::Check => {
                let page = table.overdue(0, at(7_000), None).await.unwrap();
                (page.items.into_iter().map(|key| key.id).collect(), page.next)
            }
            DueKind::Held | DueKind::RateLimited | DueKind::Ended => {
                let queue = nth(1, kind).queue_key();
                let page = table.parked_emails(kind, &queue, 0, None).await.unwrap();
                (page.items.into_iter().map(|parked| parked.key.id).collect(), page.next)
            }
        };
        assert_eq!(keys, [nth(1, kind).id]);
        assert!(next.is_some());
    }
}

#[tokio::test]
async fn an_unreadable_index_is_an_error_not_empty() {
    let gone = CannedResponse::dynamodb_error(400, "ResourceNotFoundException", "Requested resource not found");
    let error = Replay::new([gone]).table(16).overdue(0, at(0), None).await.unwrap_err();
    assert!(
        chain(&error).starts_with("reading the due index: "),
        "{}",
        chain(&error)
    );
}

/// A table can be restored without its indexes. No retry helps, and the log names the remedy.
#[tokio::test]
async fn a_missing_index_is_named_with_its_remedy() {
    let words = "The table does not have the specified index: due";
    let gone = CannedResponse::dynamodb_error(400, "ValidationException", words);
    let replay = Replay::new([gone]);
    let error = replay.table(16).overdue(0, at(0), None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Incomplete);
    let logged = chain(&error);
    for part in ["reading the due index: ", "restore it again with its indexes", words] {
        assert!(logged.contains(part), "{logged}");
    }
}

#[tokio::test]
async fn a_cursor_is_saved_beside_the_others() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    replay
        .table(16)
        .save_cursor(7, &cursor("000000000007000#x"))
        .await
        .unwrap();
    let request = replay.only();
    assert_eq!(request.operation(), "UpdateItem");
    assert_eq!(
        request.json(),
        json!({
            "TableName": "T",
            "Key": {"pk": {"S": "promote#cursors"}, "sk": {"S": "promote#cursors"}},
            "UpdateExpression": "SET #cursor = :cursor",
            "ExpressionAttributeNames": {"#cursor": "s07"},
            "ExpressionAttributeValues": {":cursor": {"S": "000000000007000#x"}},
        })
    );
}

#[tokio::test]
async fn bookmarks_cover_existing_shards_and_queues() {
    let item = json!({"Item": {
        "pk": {"S": "promote#cursors"}, "s00": {"S": "a"}, "s07": {"S": "b"}, "s08": {"N": "1"}, "s16": {"S": "c"},
        "busy_low": {"N": "7000"}, "busy_high": {"S": "long"}, "h03": {"S": "d"}, "h04": {"S": "no shard"},
        "late_due": {"N": "1"}, "late_seen": {"S": "long"},
    }});
    let replay = Replay::new([CannedResponse::ok(&item), CannedResponse::ok(&json!({}))]);
    let table = replay.table(16);
    assert_eq!(
        table.bookmarks().await.unwrap(),
        Bookmarks {
            cursors: [(0, cursor("a")), (7, cursor("b"))].into(),
            busy_since: [(Priority::Low, at(7_000))].into(),
            oldest_due: None,
            hook_places: [(3, cursor("d"))].into(),
        }
    );
    assert_eq!(
        table.bookmarks().await.unwrap(),
        Bookmarks::default(),
        "the first run of all"
    );
    assert_eq!(replay.requests()[0]["ConsistentRead"], true);
}

#[tokio::test]
async fn a_priority_queue_has_a_busy_time_or_none() {
    let replay = Replay::new([CannedResponse::ok(&json!({})), CannedResponse::ok(&json!({}))]);
    let table = replay.table(16);
    table.save_busy_since(Priority::High, Some(at(7_000))).await.unwrap();
    table.save_busy_since(Priority::Low, None).await.unwrap();
    let request = replay.requests();
    assert_eq!(request[0]["UpdateExpression"], "SET #busy = :since");
    assert_eq!(request[0]["ExpressionAttributeNames"], json!({"#busy": "busy_high"}));
    assert_eq!(
        request[0]["ExpressionAttributeValues"],
        json!({":since": {"N": "7000"}})
    );
    assert_eq!(request[1]["UpdateExpression"], "REMOVE #busy");
    assert_eq!(request[1]["ExpressionAttributeNames"], json!({"#busy": "busy_low"}));
}
