//! Invalid and repeated messages in a priority queue. The record decides, not the message.

use e2e::{Stack, eventually, unique};
use serde_json::json;

use super::emails::{address, email_to};

fn send_task(id: &str) -> String {
    json!({"v": 1, "tenant": "main", "id": id, "recipients": 1, "bytes": 2048}).to_string()
}

#[tokio::test]
async fn an_invalid_send_task_has_no_effect() {
    let stack = Stack::shared().await;
    let priority = stack.queue("NormalLane").await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    let id = send_task(nobody);
    let garbage = [
        id.clone(),
        id.replace("main", "another-tenant"),
        id.replace("\"v\":1", "\"v\":99"),
        id.replace(nobody, "../../etc/passwd"),
        id.replace("2048", "18446744073709551615"),
        id.replace("2048", "-1"),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "not json".to_owned(),
        "{".repeat(100_000),
        "ü€🦀".to_owned(),
    ];
    priority.put(&garbage).await;

    // These emails come in the same batches and after them.
    let name = unique("beside-garbage");
    let ids = [
        stack.api.send(&email_to(&address(&name))).await,
        stack.api.send(&email_to(&address(&name))).await,
    ];
    priority.put(&garbage).await;
    for id in &ids {
        let email = stack.api.wait_for_delivery(id).await;
        assert_eq!(email["attempts"], 1);
    }
    assert_eq!(stack.inbox.to(&name).await.len(), 2);
    eventually("the priority queue to be empty", || async {
        let depth = priority.depth().await;
        if depth.visible == 0 {
            Ok(())
        } else {
            Err(format!("{depth:?}"))
        }
    })
    .await;
    stack
        .api
        .get(&format!("/emails/{nobody}"))
        .await
        .refused(404, "not_found", "")
        .unwrap();
}

#[tokio::test]
async fn duplicate_send_tasks_send_nothing_twice() {
    let stack = Stack::shared().await;
    let priority = stack.queue("NormalLane").await;
    let name = unique("doubled");
    let id = stack.api.send(&email_to(&address(&name))).await;
    let copies: Vec<String> = (0..20).map(|_| send_task(&id)).collect();
    priority.put(&copies).await;
    stack.api.wait_for_delivery(&id).await;
    // Late copies arrive for a finished email.
    priority.put(&copies).await;
    stack.queue("HighLane").await.put(&copies).await;

    // An email that is sent after the copies shows that they were handled.
    let after = stack.api.send(&email_to(&address(&unique("after")))).await;
    stack.api.wait_for_delivery(&after).await;
    let email = stack.api.email(&id).await;
    assert_eq!(
        (&email["attempts"], &email["maybe_duplicate"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}
