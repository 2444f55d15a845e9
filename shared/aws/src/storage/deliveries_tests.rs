//! Deliveries, against the answers of DynamoDB.

use domain::id::{EmailId, TenantId};
use domain::webhook::identity::Subject;
use domain::webhook::settings::WebhookId;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::attributes::s;
use crate::storage::records::samples::at;

fn key() -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::of(EmailId::from_random([2; 16])),
    }
}

fn event(byte: u8) -> EventId {
    EventId::from_bytes([byte; 20])
}

fn stored() -> StoredDelivery {
    StoredDelivery {
        delivery: Delivery::new(event(1), EventType::Sent, at(6_000), true, at(7_000)),
        subject: Subject::Email(EmailId::from_random([5; 16])),
    }
}

fn item(stored: &StoredDelivery) -> Item {
    let table = Replay::expecting_none().table(16);
    table.delivery_item(&key(), stored, "testing").unwrap()
}

#[tokio::test]
async fn an_existing_delivery_is_returned_and_the_own_one_is_not() {
    let mut tried = stored();
    tried.delivery.tried = 1;
    for (answer, expected) in [
        (CannedResponse::ok(&json!({})), None),
        (CannedResponse::condition_failed(Some(&item(&stored()))), None),
        (CannedResponse::condition_failed(Some(&item(&tried))), Some(tried)),
    ] {
        let replay = Replay::new([answer]);
        assert_eq!(
            replay.table(16).add_delivery(&key(), &stored()).await.unwrap(),
            expected
        );
    }
}

#[tokio::test]
async fn a_change_writes_only_what_differs_under_the_version() {
    let before = stored();
    let after = before.delivery.replayed(at(9_000), at(8_000));
    let replay = Replay::new([CannedResponse::ok(&json!({})), CannedResponse::ok(&json!({}))]);
    let saved = replay.table(16).save_delivery(&key(), &before, &after).await;
    assert_eq!(saved.unwrap(), DeliveryChange::Done);
    let [payload, request] = &replay.requests()[..] else {
        panic!("two calls")
    };
    // A delivery that begins anew must not outlive its payload.
    assert_eq!(payload["UpdateExpression"], "SET #ttl = :ttl");
    assert_eq!(payload["Key"]["sk"]["S"], event(1).as_str());
    assert_eq!(
        payload["ExpressionAttributeValues"][":ttl"],
        json!({"N": replay.table(16).event_ttl(at(9_000)).to_string()})
    );
    assert_eq!(request["ConditionExpression"], "#no = :seen");
    assert_eq!(request["ExpressionAttributeValues"][":seen"], json!({"N": "0"}));
    let names = request["ExpressionAttributeNames"].as_object().unwrap();
    assert!(
        names
            .values()
            .all(|name| !["pk", "sk", "t", "sub", "created_sk"].contains(&name.as_str().unwrap()))
    );
}

/// `deliver` may not change a payload, and its role could not.
#[tokio::test]
async fn an_attempt_changes_no_payload() {
    let before = stored();
    let after = before.delivery.guarded(at(8_000));
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let saved = replay.table(16).save_delivery(&key(), &before, &after).await;
    assert_eq!(saved.unwrap(), DeliveryChange::Done);
    assert_eq!(replay.only().json()["Key"]["sk"]["S"], format!("event#{}", event(1)));
}

#[tokio::test]
async fn an_ended_delivery_leaves_the_due_index() {
    let before = stored();
    let after = Delivery {
        state: DeliveryState::Success,
        next: None,
        version: 1,
        ..before.delivery.clone()
    };
    let change = difference(
        &item(&before),
        &item(&StoredDelivery {
            delivery: after,
            ..before
        }),
    );
    let (_, removed) = change.update.split_once("REMOVE ").unwrap();
    let removed: Vec<_> = removed.split(", ").map(|name| change.names[name].as_str()).collect();
    assert_eq!(removed, ["due_pk", "due_sk", "n"]);
}

#[tokio::test]
async fn a_refused_change_tells_what_is_stored() {
    let before = stored();
    let after = before.delivery.guarded(at(8_000));
    let own = StoredDelivery {
        delivery: after.clone(),
        ..before.clone()
    };
    let mut other = own.clone();
    other.delivery.version = 7;
    for (answer, expected) in [
        (Some(item(&own)), DeliveryChange::Done),
        (Some(item(&other)), DeliveryChange::Moved(Some(Box::new(other)))),
        (None, DeliveryChange::Moved(None)),
    ] {
        let replay = Replay::new([CannedResponse::condition_failed(answer.as_ref())]);
        let saved = replay.table(16).save_delivery(&key(), &before, &after).await;
        assert_eq!(saved.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_guard_moves_only_the_entry_that_was_read() {
    let due = DueDelivery {
        key: key(),
        event: event(1),
        cursor: DueCursor("000000000907000#x".to_owned()),
        behind: DueCursor("000000000907000#~".to_owned()),
    };
    let next = due_sk(&key(), &event(1), at(9_000));
    let holding = |text: &str| Item::from([s("due_sk", text.to_owned())]);
    for (answer, expected) in [
        (CannedResponse::ok(&json!({})), true),
        (CannedResponse::condition_failed(Some(&holding(&next))), true),
        (
            CannedResponse::condition_failed(Some(&holding("000000000908000#x"))),
            false,
        ),
    ] {
        let replay = Replay::new([answer]);
        assert_eq!(
            replay.table(16).guard_delivery(&due, at(9_000)).await.unwrap(),
            expected
        );
        assert_eq!(
            replay.only().json()["UpdateExpression"],
            "SET #sk = :next, #no = #no + :one"
        );
    }
}

/// Entries are keyed by time and webhook, so that one read begins behind all entries of a webhook.
#[tokio::test]
async fn a_read_can_begin_behind_a_webhook() {
    let due = to_due_delivery(&item(&stored())).unwrap();
    let next = |n: u8| {
        let id = WebhookId::of(EmailId::from_random([n; 16]));
        let key = WebhookKey { id, ..key() };
        due_sk(&key, &event(1), stored().delivery.next.unwrap().check)
    };
    assert_eq!(due.cursor.0, next(2));
    assert!(due.behind.0 > next(2) && due.behind.0 < next(3));
    let replay = Replay::new([CannedResponse::ok(&json!({"Items": [], "Count": 0}))]);
    let period = (at(0), at(9_000_000));
    let page = replay.table(16).due_deliveries(1, period, Some(&due.behind), 7).await;
    assert_eq!(page.unwrap().next, None);
    let request = replay.only().json();
    assert_eq!(request["Limit"], 7);
    let from = request["ExpressionAttributeValues"][":from"]["S"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(from > due.behind.0 && *from < *next(3), "{from}");
}

#[tokio::test]
async fn a_place_is_saved_and_taken_back() {
    let place = DueCursor("000000000907000#x".to_owned());
    for (place, update) in [(Some(&place), "SET #place = :place"), (None, "REMOVE #place")] {
        let replay = Replay::new([CannedResponse::ok(&json!({}))]);
        replay.table(16).save_due_place(3, place).await.unwrap();
        let request = replay.only().json();
        assert_eq!(request["UpdateExpression"], update);
        assert_eq!(request["ExpressionAttributeNames"]["#place"], "h03");
    }
}

#[tokio::test]
async fn the_list_merges_all_shards() {
    let entry = |byte: u8, millis: i64| {
        let event = event(byte);
        let keys = item(&StoredDelivery {
            delivery: Delivery::new(event, EventType::Sent, at(millis), true, at(millis)),
            ..stored()
        });
        crate::runtime::replay::dynamodb_json(&keys)
    };
    let page = |entries: &[Value]| CannedResponse::ok(&json!({"Items": entries, "Count": entries.len()}));
    let replay = Replay::new([
        page(&[entry(1, 1), entry(2, 4)]),
        page(&[]),
        page(&[entry(3, 3)]),
        page(&[]),
    ]);
    let places = replay
        .table(16)
        .delivery_places(&key(), Start::Newest, 2)
        .await
        .unwrap();
    let times: Vec<_> = places.iter().map(|place| place.born.as_millis()).collect();
    assert_eq!(times, [4, 3]);
    assert_eq!(replay.sent_requests().len(), usize::from(SHARDS));
}
