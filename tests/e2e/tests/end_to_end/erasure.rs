//! Erasing an email, and its history.

use e2e::{Stack, StoredParts, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with, large_file};

#[tokio::test]
async fn only_the_key_of_an_erased_email_remains() {
    let stack = Stack::shared().await;
    let (name, key) = (unique("erased"), unique("erased"));
    let email = email_with(&address(&name), json!({"attachments": [large_file()]}));
    let id = stack.api.post_once("/emails", &key, &email).await.id();
    stack.api.wait_for_delivery(&id).await;
    assert!(
        !StoredParts::of(&id).await.objects.is_empty(),
        "the content is in the bucket"
    );

    let path = format!("/emails/{id}");
    let erased = stack.api.delete(&path).await.ok();
    assert_eq!(erased, json!({"object": "email", "id": id, "deleted": true}));
    let tombstone = StoredParts {
        items: vec![(
            "email".to_owned(),
            ["er", "pk", "sk", "ttl", "v"].map(str::to_owned).into(),
        )],
        objects: Vec::new(),
    };
    assert_eq!(StoredParts::of(&id).await, tombstone);
    for end in ["", "/events"] {
        let answer = stack.api.get(&format!("{path}{end}")).await;
        assert_eq!(answer.refused(404, "not_found", ""), Ok(()));
    }
    // A repeated request is recognized, and sends nothing.
    let again = stack.api.post_once("/emails", &key, &email).await;
    assert!(again.replayed, "{again:?}");
    assert_eq!(again.id(), id);
    assert_eq!(StoredParts::of(&id).await, tombstone, "the content is not restored");
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
    assert_eq!(stack.api.delete(&path).await.status, 200);
}

#[tokio::test]
async fn an_unsent_email_is_erased_only_after_a_cancel() {
    let stack = Stack::shared().await;
    let name = unique("erased-early");
    let email = email_with(&address(&name), json!({"scheduled_at": "in 1 day"}));
    let id = stack.api.post_once("/emails", &name, &email).await.id();
    let path = format!("/emails/{id}");
    let refused = stack.api.delete(&path).await;
    assert_eq!(
        refused.refused(409, "validation_error", "This email is waiting"),
        Ok(())
    );
    assert_eq!(stack.api.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
    assert_eq!(stack.api.delete(&path).await.status, 200);
    assert_eq!(stack.api.get(&path).await.status, 404);
    // The content is small enough for the table; a repeated request does not restore it either.
    let again = stack.api.post_once("/emails", &name, &email).await;
    assert!(again.replayed, "{again:?}");
    let names: Vec<_> = StoredParts::of(&id)
        .await
        .items
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["email"]);
}

/// Returns the events of an email, each as its type and one field.
async fn past(stack: &Stack, id: &str, field: &str) -> Vec<(Value, Value)> {
    let list = stack.api.get(&format!("/emails/{id}/events")).await.ok();
    assert_eq!(list["object"], "list");
    let events = list["data"].as_array().expect("events");
    let times: Vec<_> = events.iter().map(|event| event["created_at"].as_str()).collect();
    assert!(times.is_sorted(), "oldest first: {list}");
    events
        .iter()
        .map(|event| (event["type"].clone(), event[field].clone()))
        .collect()
}

#[tokio::test]
async fn a_history_has_every_attempt_and_server_response() {
    let stack = Stack::shared().await;
    let name = unique("past");
    let to = format!("bounce+{name}@simulator.amazonses.com");
    let fault = stack.faults.strike(&name, &[("throttle", None)]).await;
    let id = stack.api.send(&email_to(&to)).await;
    stack.api.wait_for(&id, &json!({"cause": "throttled"})).await;
    fault.lift().await;
    let bounced = json!({"status": "sent", "last_event": "bounced"});
    stack.api.wait_for(&id, &bounced).await;
    let attempts = past(&stack, &id, "attempt").await;
    // Several attempts may be throttled before the fault is lifted.
    let [accepted, failed @ .., sent, bounce] = attempts.as_slice() else {
        panic!("{attempts:?}");
    };
    assert_eq!((&accepted.0, &bounce.0), (&"accepted".into(), &"bounced".into()));
    assert!(!failed.is_empty(), "{attempts:?}");
    for (number, event) in (1..).zip(failed) {
        assert_eq!(event, &("attempt_failed".into(), number.into()), "{attempts:?}");
    }
    assert_eq!(sent, &("sent".into(), (failed.len() + 1).into()));
    let last = attempts.len() - 1;
    let causes = past(&stack, &id, "cause").await;
    assert_eq!(causes[1].1, "throttled");
    let diagnostics = past(&stack, &id, "diagnostic").await;
    assert!(
        diagnostics[last].1.as_str().is_some_and(|words| words.contains("550")),
        "{diagnostics:?}"
    );
    let recipients = past(&stack, &id, "recipient").await;
    assert_eq!(recipients[last].1, to.as_str());
}
