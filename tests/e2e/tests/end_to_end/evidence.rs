//! An uncertain email is not sent again until SES's events about it are processed.

use std::time::Duration;

use e2e::{Stack, eventually, unique};
use serde_json::json;

use super::emails::{address, email_to};

/// The delay of the events, in evidence windows.
const WINDOWS: u32 = 6;

/// The evidence window of the local stack.
const WINDOW: Duration = Duration::from_secs(5);

#[tokio::test]
async fn stopped_feedback_causes_no_resend_of_accepted_email() {
    const EMAILS: usize = 20;
    let stack = Stack::alone().await;
    let name = unique("late-events");
    stack.functions.switch("feedback", false).await;
    let fault = stack.faults.strike(&name, &[("drop_after", None)]).await;
    let emails: Vec<_> = (0..EMAILS)
        .map(|n| email_to(&address(&format!("{name}-{n}"))))
        .collect();
    let ids = stack.api.send_batch(&emails).await;
    stack.inbox.wait_for(&name, EMAILS).await;
    // The windows pass, and `promote` runs in each of them. SES would accept a second submission.
    for _ in 0..WINDOWS {
        tokio::time::sleep(WINDOW).await;
        stack.functions.promote().await;
    }
    for id in &ids {
        assert_eq!(stack.api.email(id).await["status"], "uncertain");
    }
    fault.lift().await;
    stack.functions.switch("feedback", true).await;
    for id in &ids {
        let email = stack.api.wait_for_delivery(id).await;
        assert_eq!(
            (&email["attempts"], &email["maybe_duplicate"]),
            (&json!(1), &json!(false))
        );
    }
    assert_eq!(stack.inbox.to(&name).await.len(), EMAILS, "each was submitted once");
}

/// SES's events can arrive before the sender records its own answer, or after the resend.
#[tokio::test]
async fn an_event_after_the_resend_reveals_the_duplicate() {
    let stack = Stack::alone().await;
    let name = unique("after-resend");
    let events = stack.queue("FeedbackQueue").await;
    stack.functions.switch("feedback", false).await;
    let fault = stack.faults.strike(&name, &[("drop_after", None)]).await;
    let id = stack.api.send(&email_to(&address(&name))).await;
    let first = stack.inbox.wait_for(&name, 1).await.remove(0);
    fault.lift().await;
    // Its events are lost, so that it is sent a second time.
    eventually("its events to arrive", || async {
        let depth = events.depth().await;
        if depth.visible >= 2 {
            Ok(())
        } else {
            Err(format!("{depth:?}"))
        }
    })
    .await;
    events.purge().await;
    stack.functions.switch("feedback", true).await;
    let resent = stack.api.wait_for(&id, &json!({"status": "sent"})).await;
    assert_eq!(
        (&resent["attempts"], &resent["maybe_duplicate"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(resent["duplicate"], false, "the first acceptance is still unknown");
    assert_eq!(stack.inbox.to(&name).await.len(), 2);

    // The lost event arrives after all.
    let tag = |name: &str| json!([first.tag(name)]);
    let event = json!({
        "eventType": "Send",
        "mail": {
            "timestamp": first.received_at,
            "messageId": "0100-late",
            "destination": first.to,
            "tags": {"mq_tenant": tag("mq_tenant"), "mq_id": tag("mq_id"), "mq_claim": tag("mq_claim"), "mq_born": tag("mq_born")},
        },
        "send": {},
    });
    events.put(&[event.to_string()]).await;
    let shown = stack.api.wait_for(&id, &json!({"duplicate": true})).await;
    assert_eq!(
        (&shown["status"], &shown["maybe_duplicate"]),
        (&json!("sent"), &json!(true))
    );
}
