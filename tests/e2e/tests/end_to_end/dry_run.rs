//! Dry runs: the answer describes the email, and nothing is stored.

use e2e::{Stack, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};

#[tokio::test]
async fn a_dry_run_describes_the_email_and_sends_nothing() {
    let stack = Stack::shared().await;
    let name = unique("tried");
    let gone = address(&format!("{name}-gone"));
    let suppressed = stack.api.post("/suppressions", &json!({"email": gone})).await;
    assert!((200..300).contains(&suppressed.status), "{}", suppressed.body);
    let files = json!([{"filename": "a.txt", "content": "aGFsbG8="}]);
    let email = email_with(
        &address(&name),
        json!({"cc": gone, "attachments": files, "priority": "high"}),
    );

    let shown = stack.api.post("/emails?dry_run=true", &email).await.ok();
    assert_eq!(shown["to"], json!([{"address": address(&name), "name": null}]));
    assert_eq!(shown["suppressed"], json!([gone]));
    assert_eq!(
        (&shown["queue"], &shown["priority"]),
        (&"default".into(), &"high".into())
    );
    assert_eq!((&shown["cause"], &shown["cost_usd"]), (&Value::Null, &0.0001.into()));
    assert!(shown["would_send_at"].is_string(), "{shown}");

    let bad = stack.api.post("/emails?dry_run=true", &email_to("nobody")).await;
    assert_eq!(bad.refused(422, "validation_error", "to: "), Ok(()));
    let batch = stack.api.post("/emails/batch?dry_run=true", &json!([email])).await;
    assert_eq!(batch.refused(422, "validation_error", "dry_run: "), Ok(()));

    // Only the email that is sent afterwards arrives.
    let id = stack.api.send(&email).await;
    stack.api.wait_for_delivery(&id).await;
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}
