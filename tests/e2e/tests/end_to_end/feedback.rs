//! Invalid and forged messages in the queue of SES's events.

use e2e::{Depth, Message, Stack, eventually, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to};

/// Returns the event that SES would publish about `message`.
pub(super) fn event(message: &Message, event_type: &str, part: &str, content: Value) -> Value {
    let tags: serde_json::Map<String, Value> = message
        .tags
        .iter()
        .map(|tag| (tag.name.clone(), json!([tag.value])))
        .collect();
    let mut event = json!({
        "eventType": event_type,
        "mail": {
            "timestamp": "2026-01-01T00:00:00.000Z",
            "messageId": "0100-forged",
            "destination": message.to,
            "tags": tags,
        },
    });
    event[part] = content;
    event
}

/// Returns the event that SES would publish for a permanent bounce of `message`.
fn bounce(message: &Message) -> Value {
    let content = json!({
        "timestamp": "2026-01-01T00:00:01.000Z",
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": message.to[0]}],
    });
    event(message, "Bounce", "bounce", content)
}

fn with(mut event: Value, pointer: &str, value: Value) -> String {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    event.pointer_mut(parent).expect("the event has this part")[key] = value;
    event.to_string()
}

#[tokio::test]
async fn forged_and_garbled_events_change_nothing() {
    // Unreadable messages stay in flight, and `promote` waits for an empty queue.
    let stack = Stack::alone().await;
    let events = stack.queue("FeedbackQueue").await;
    let name = unique("forged");
    let id = stack.api.send(&email_to(&address(&name))).await;
    let before = stack.api.wait_for_delivery(&id).await;
    let bounce = bounce(&stack.inbox.only(&name).await);

    let about_nobody: Vec<String> = [
        ("/mail/tags/mq_born", json!(["1"])),
        ("/mail/tags/mq_born", json!([])),
        ("/mail/tags/mq_claim", json!(["99"])),
        ("/mail/tags/mq_claim", json!(["0"])),
        ("/mail/tags/mq_claim", json!(["-1"])),
        ("/mail/tags/mq_claim", json!(["1", "1"])),
        ("/mail/tags/mq_tenant", json!(["another"])),
        ("/mail/tags/mq_id", json!(["00000000-0000-4000-8000-000000000000"])),
        ("/mail/tags/mq_id", json!(["' OR 1=1 --"])),
        ("/mail/tags", json!({})),
        ("/eventType", json!("Subscription")),
        ("/eventType", json!("")),
    ]
    .map(|(pointer, value)| with(bounce.clone(), pointer, value))
    .to_vec();
    let unreadable: Vec<String> = [
        with(bounce.clone(), "/bounce", Value::Null),
        with(bounce.clone(), "/mail/tags", json!("text")),
        with(bounce.clone(), "/mail/timestamp", json!("yesterday")),
        "{}".to_owned(),
        "[]".to_owned(),
        "not json".to_owned(),
        "[".repeat(20_000),
    ]
    .to_vec();
    events.put(&[about_nobody, unreadable.clone()].concat()).await;

    let left = Depth {
        visible: 0,
        in_flight: u64::try_from(unreadable.len()).unwrap(),
    };
    eventually("only the unreadable messages to remain", || async {
        let depth = events.depth().await;
        if depth == left {
            Ok(())
        } else {
            Err(format!("{depth:?}"))
        }
    })
    .await;
    assert_eq!(stack.api.email(&id).await, before);
    // Events of other emails still arrive.
    let bounces = format!("bounce+{}@simulator.amazonses.com", unique("others"));
    let after = stack.api.send(&email_to(&bounces)).await;
    stack.api.wait_for(&after, &json!({"last_event": "bounced"})).await;

    // The genuine event is accepted, however late: the checks above refused only the forged ones.
    events.purge().await;
    events.put(&[bounce.to_string()]).await;
    stack.api.wait_for(&id, &json!({"last_event": "bounced"})).await;
}
