//! The events of a webhook, and their attempts.

use std::time::Duration;

use domain::delivery::retry::Jitter;
use domain::ports::webhook_events::Deliveries;
use domain::webhook::event_type::EventType;
use domain::webhook::outcome::{Answer, Outcome};
use outgoing::signature::{Secret, sign};
use serde_json::{Value, json};

use crate::common::{NOW, SECRET, World, body, event, key_of, parts, refused};

fn answered(status: u16, body: &str) -> Outcome {
    Outcome::Answered(Answer {
        status,
        retry_after: None,
        aborts: false,
        body: body.to_owned(),
    })
}

/// Ends the first attempt of a stored event.
async fn attempted(world: &World, path: &str, number: u8, outcome: &Outcome) {
    world
        .change(path, number, |before| before.after_attempt(outcome, Jitter::NONE, NOW))
        .await;
}

#[tokio::test]
async fn the_list_of_events_has_resends_form() {
    let world = World::default();
    let path = world.created().await;
    let delivery = world.stored(&path, 1, EventType::Delivered).await;
    let list = world.must("GET", &format!("{path}/events"), Value::Null).await;
    let expected = json!({"object": "list", "has_more": false, "data": [{"id": event(1).to_string(),
        "type": "email.delivered", "created_at": delivery.created_at.to_string(), "status": "pending"}]});
    assert_eq!(list, expected);
}

#[tokio::test]
async fn events_have_pages_newest_first() {
    let world = World::default();
    let path = world.created().await;
    for number in 1..=3 {
        world.stored(&path, number, EventType::Delivered).await;
    }
    let [first, second, third] = [1, 2, 3].map(|number| event(number).to_string());
    for (query, expected, next) in [
        (String::new(), vec![&third, &second, &first], None),
        ("limit=2".to_owned(), vec![&third, &second], Some(&second)),
        (format!("after={third}&limit=1"), vec![&second], Some(&second)),
        (format!("after={second}"), vec![&first], None),
        (format!("before={first}&limit=1"), vec![&second], Some(&second)),
        (format!("before={first}"), vec![&third, &second], None),
        (format!("before={third}"), vec![], None),
    ] {
        let list = world.must("GET", &format!("{path}/events?{query}"), Value::Null).await;
        assert_eq!(parts(&list, "id"), expected, "{query}");
        assert_eq!(list["has_more"], next.is_some(), "{query}");
        assert_eq!(
            list.get("next").and_then(Value::as_str),
            next.map(String::as_str),
            "{query}"
        );
    }
}

#[tokio::test]
async fn events_are_filtered_by_status_and_type() {
    let world = World::default();
    let path = world.created().await;
    for number in 1..=4 {
        let event_type = if number % 2 == 0 {
            EventType::Bounced
        } else {
            EventType::Sent
        };
        world.stored(&path, number, event_type).await;
    }
    attempted(&world, &path, 1, &answered(200, "ok")).await;
    attempted(&world, &path, 2, &answered(500, "no")).await;
    let ids = async |query: &str| {
        let list = world.must("GET", &format!("{path}/events?{query}"), Value::Null).await;
        parts(&list, "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let of = |numbers: &[u8]| {
        numbers
            .iter()
            .map(|number| event(*number).to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("type=email.bounced").await, of(&[4, 2]));
    assert_eq!(ids("status=success").await, of(&[1]));
    assert_eq!(ids("status=attempting&type=email.bounced").await, of(&[2]));
    assert_eq!(ids("status=pending&limit=1").await, of(&[4]));
    assert_eq!(ids(&format!("status=pending&after={}", event(4))).await, of(&[3]));
    assert_eq!(ids("status=failed").await, of(&[]));
    assert_eq!(ids("type=domain.created").await, of(&[]));
}

/// A filter that nothing matches must not read the whole list.
#[tokio::test]
async fn a_filtered_page_looks_at_a_bounded_number() {
    let world = World::default();
    let path = world.created().await;
    for number in 0..=254 {
        world.stored(&path, number, EventType::Sent).await;
    }
    let query = format!("{path}/events?type=email.bounced");
    let list = world.must("GET", &query, Value::Null).await;
    assert_eq!((&list["data"], &list["has_more"]), (&json!([]), &json!(false)));
    let reads = world
        .backend
        .state()
        .calls
        .iter()
        .filter(|call| **call == "delivery_places")
        .count();
    assert_eq!(reads, 3, "steps of a hundred");
}

#[tokio::test]
async fn a_bad_page_of_events_is_refused() {
    let world = World::default();
    let path = world.created().await;
    for (query, beginning) in [
        ("limit=0".to_owned(), "limit: "),
        ("after=x".to_owned(), "after: must be the id of an event"),
        (format!("after={}", event(9)), "after: no event has this id"),
        (
            "status=sent".to_owned(),
            "status: must be pending, attempting, success or failed",
        ),
        (
            "type=email.bouncd".to_owned(),
            "type: unknown event; did you mean email.bounced?",
        ),
        ("include=all".to_owned(), "include: must be payload"),
        ("event=x".to_owned(), "query: unknown parameter"),
    ] {
        let answer = world.ask("GET", &format!("{path}/events?{query}"), Value::Null).await;
        refused(answer, (422, "validation_error", beginning));
    }
}

/// The receiver verifies the exact bytes; a forwarder needs one call.
#[tokio::test]
async fn a_page_with_payloads_has_signed_bytes() {
    let world = World::default();
    let path = world.created().await;
    world.stored(&path, 7, EventType::Sent).await;
    let list = world
        .must("GET", &format!("{path}/events?include=payload"), Value::Null)
        .await;
    let entry = &list["data"][0];
    assert_eq!(entry["body"], body(7));
    assert_eq!(entry["payload"], serde_json::from_str::<Value>(&body(7)).unwrap());
    let secs = u64::try_from(NOW.as_secs()).unwrap();
    let secret = Secret::parse(SECRET).unwrap();
    let signed = sign(event(7).as_str(), secs, body(7).as_bytes(), &secret, &[]).unwrap();
    let mut expected = vec![json!({"name": "content-type", "value": "application/json"})];
    let headers = signed.headers().into_iter();
    expected.extend(headers.map(|(name, value)| json!({"name": name, "value": value})));
    assert_eq!(entry["headers"], json!(expected));
    let plain = world.must("GET", &format!("{path}/events"), Value::Null).await;
    for field in ["payload", "body", "headers"] {
        assert_eq!(plain["data"][0].get(field), None, "{field}");
    }
}

#[tokio::test]
async fn two_secrets_sign_after_a_rotation() {
    let world = World::default();
    let path = world.created().await;
    world.stored(&path, 1, EventType::Sent).await;
    let signatures = async || {
        let list = world
            .must("GET", &format!("{path}/events?include=payload"), Value::Null)
            .await;
        let headers = list["data"][0]["headers"].as_array().unwrap().clone();
        let signature = headers.into_iter().find(|header| header["name"] == "webhook-signature");
        let signature = signature.unwrap()["value"].as_str().unwrap().to_owned();
        signature.split(' ').count()
    };
    assert_eq!(signatures().await, 1);
    world
        .must("POST", &format!("{path}/signing-secret/rotate"), Value::Null)
        .await;
    assert_eq!(signatures().await, 2);
    world.wait(Duration::from_secs(86_400));
    assert_eq!(signatures().await, 1);
}

/// An answer of Lambda has at most 6 MB.
#[tokio::test]
async fn a_page_with_large_payloads_is_cut() {
    use domain::id::TenantId;
    use domain::ports::webhook_events::{Payloads, StoredDelivery, StoredPayload};
    use domain::webhook::delivery::Delivery;
    use domain::webhook::identity::Subject;
    use memory::samples;

    let world = World::default();
    let path = world.created().await;
    let key = key_of(&path);
    for number in 1..=4 {
        let subject = Subject::Email(samples::id(number));
        let created_at = NOW.after(Duration::from_secs(number.into()));
        let payload = StoredPayload {
            event: event(number),
            event_type: EventType::Sent,
            subject,
            born: NOW,
            created_at,
            body: format!(r#"{{"data":"{}"}}"#, "x".repeat(700_000)),
        };
        let tenant = TenantId::main();
        world
            .backend
            .put_payload(&tenant, &payload, &[key.id], NOW)
            .await
            .unwrap();
        let delivery = Delivery::new(event(number), EventType::Sent, created_at, true, created_at);
        let stored = StoredDelivery { delivery, subject };
        world.backend.add_delivery(&key, &stored).await.unwrap();
    }
    let [one, two, three, four] = [1, 2, 3, 4].map(|number| event(number).to_string());
    let whole = format!("{path}/events?include=payload");
    let first = world.must("GET", &whole, Value::Null).await;
    assert_eq!(parts(&first, "id"), [four.as_str(), &three]);
    assert_eq!((&first["has_more"], &first["next"]), (&json!(true), &json!(three)));
    let rest = world.must("GET", &format!("{whole}&after={three}"), Value::Null).await;
    assert_eq!(
        (parts(&rest, "id"), &rest["has_more"]),
        (vec![two.as_str(), &one], &json!(false))
    );
    let upwards = world.must("GET", &format!("{whole}&before={one}"), Value::Null).await;
    assert_eq!(parts(&upwards, "id"), [three.as_str(), &two], "the nearest ones");
    assert_eq!(upwards["next"], json!(three));
}

#[tokio::test]
async fn an_event_has_its_payload_and_next_attempt() {
    let world = World::default();
    let path = world.created().await;
    let delivery = world.stored(&path, 1, EventType::Sent).await;
    attempted(
        &world,
        &path,
        1,
        &Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned()),
    )
    .await;
    let shown = world
        .must("GET", &format!("{path}/events/{}", event(1)), Value::Null)
        .await;
    let next = NOW.after(Duration::from_secs(5)).to_string();
    let expected = json!({"object": "webhook_event", "id": event(1).to_string(), "type": "email.sent",
        "created_at": delivery.created_at.to_string(), "status": "attempting", "next_attempt_at": next,
        "payload": serde_json::from_str::<Value>(&body(1)).unwrap()});
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn an_event_whose_payload_is_gone_is_still_shown() {
    let world = World::default();
    let path = world.created().await;
    let delivery = world.stored(&path, 1, EventType::Sent).await;
    // Only the delivery is left, as between the two deletions of an erasure.
    let stored = domain::ports::webhook_events::StoredDelivery {
        delivery: domain::webhook::delivery::Delivery {
            event: event(2),
            ..delivery
        },
        subject: domain::webhook::identity::Subject::Email(memory::samples::id(2)),
    };
    world.backend.add_delivery(&key_of(&path), &stored).await.unwrap();
    let shown = world
        .must("GET", &format!("{path}/events/{}", event(2)), Value::Null)
        .await;
    assert_eq!(shown["payload"], Value::Null);
    let list = world
        .must("GET", &format!("{path}/events?include=payload"), Value::Null)
        .await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn attempts_have_resends_form_newest_first() {
    let world = World::default();
    let path = world.created().await;
    world.stored(&path, 1, EventType::Sent).await;
    let attempts = format!("{path}/events/{}/attempts", event(1));
    assert_eq!(world.must("GET", &attempts, Value::Null).await["data"], json!([]));
    attempted(
        &world,
        &path,
        1,
        &Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned()),
    )
    .await;
    attempted(&world, &path, 1, &answered(503, "busy")).await;
    let list = world.must("GET", &attempts, Value::Null).await;
    let id = |number: u8| format!("{}_{number}", event(1));
    let expected = json!({"object": "list", "has_more": false, "data": [
        {"id": id(2), "http_status_code": 503, "response": "busy", "sent_at": NOW.to_string()},
        {"id": id(1), "http_status_code": 0, "response": "The endpoint did not answer within 15 seconds.",
            "sent_at": NOW.to_string()},
    ]});
    assert_eq!(list, expected);
    let first = world.must("GET", &format!("{attempts}?limit=1"), Value::Null).await;
    assert_eq!(
        (parts(&first, "id"), &first["has_more"]),
        (vec![id(2).as_str()], &json!(true))
    );
    let rest = world
        .must("GET", &format!("{attempts}?after={}", id(2)), Value::Null)
        .await;
    assert_eq!(
        (parts(&rest, "id"), &rest["has_more"]),
        (vec![id(1).as_str()], &json!(false))
    );
    for (query, beginning) in [
        ("limit=0".to_owned(), "limit: "),
        ("after=1".to_owned(), "after: must be the id of an attempt"),
        (format!("after={}", id(9)), "after: no attempt has this id"),
    ] {
        let answer = world.ask("GET", &format!("{attempts}?{query}"), Value::Null).await;
        refused(answer, (422, "validation_error", beginning));
    }
}

#[tokio::test]
async fn unknown_events_are_not_found() {
    let world = World::default();
    let (path, other) = (world.created().await, world.created().await);
    world.stored(&other, 1, EventType::Sent).await;
    let missing = (404, "not_found", "No event of this webhook has this id.");
    for (method, rest) in [("GET", ""), ("GET", "/attempts"), ("POST", "/replay")] {
        // The event of another webhook, and no event at all.
        for id in [event(1).to_string(), event(2).to_string(), "x".to_owned()] {
            let answer = world
                .ask(method, &format!("{path}/events/{id}{rest}"), Value::Null)
                .await;
            refused(answer, missing);
        }
    }
    let nobody = "/webhooks/00000000-0000-4000-8000-000000000000";
    for rest in ["", &format!("/{}", event(1)), &format!("/{}/attempts", event(1))] {
        let answer = world.ask("GET", &format!("{nobody}/events{rest}"), Value::Null).await;
        refused(answer, (404, "not_found", "No webhook has this id."));
    }
}
