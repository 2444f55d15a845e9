//! Named queues: a pause holds emails, a purge cancels them, and both can be undone.

use std::io::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

use domain::timestamp::Timestamp;
use e2e::{Api, Stack, eventually, unique};
use serde_json::{Value, json};

use super::emails::{address, email_with, large_file};

/// The longest delay until senders know a pause, a suspension or a hold.
pub(super) const KNOWN: Duration = Duration::from_secs(5);

async fn make(api: &Api, settings: Value) -> String {
    let name = unique("queue");
    let mut queue = settings;
    queue["name"] = json!(name);
    let made = api.post("/queues", &queue).await;
    assert_eq!(made.status, 201, "{made:?}");
    name
}

/// Returns an email to `to` in a queue.
fn email_in(queue: &str, to: &str) -> Value {
    email_with(&address(to), json!({"queue": queue}))
}

/// Waits until a queue holds so many emails.
pub(super) async fn held(api: &Api, queue: &str, count: usize) {
    eventually("emails to be held", || async {
        let counts = api.get(&format!("/queues/{queue}")).await.ok()["counts"].clone();
        if counts["held"] == count {
            Ok(())
        } else {
            Err(counts.to_string())
        }
    })
    .await;
}

async fn call(api: &Api, queue: &str, what: &str) -> Value {
    let answer = api.post(&format!("/queues/{queue}/{what}"), &json!({})).await;
    assert!(answer.status < 300, "{what}: {answer:?}");
    answer.body
}

#[tokio::test]
async fn a_paused_queue_waits_and_others_send() {
    let stack = Stack::shared().await;
    let queue = make(&stack.api, json!({})).await;
    assert_eq!(call(&stack.api, &queue, "pause").await["paused"], true);
    tokio::time::sleep(KNOWN).await;
    let to = unique("waits");
    let waiting = stack.api.send(&email_in(&queue, &to)).await;
    let going = stack.api.send(&email_with(&address(&unique("goes")), json!({}))).await;
    stack.api.wait_for_delivery(&going).await;
    held(&stack.api, &queue, 1).await;
    assert!(stack.inbox.to(&to).await.is_empty());
    assert_eq!(stack.api.email(&waiting).await["status"], "queued");

    assert_eq!(call(&stack.api, &queue, "resume").await["paused"], false);
    stack.functions.promote().await;
    stack.api.wait_for_delivery(&waiting).await;
    stack.inbox.only(&to).await;
    held(&stack.api, &queue, 0).await;
}

#[tokio::test]
async fn a_purge_takes_effect_at_once_and_is_undone() {
    let stack = Stack::shared().await;
    let queue = make(&stack.api, json!({})).await;
    call(&stack.api, &queue, "pause").await;
    tokio::time::sleep(KNOWN).await;
    let to = unique("purged");
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stack.api.send(&email_in(&queue, &to)).await);
    }
    held(&stack.api, &queue, 3).await;
    call(&stack.api, &queue, "purge").await;
    for id in &ids {
        let email = stack.api.email(id).await;
        assert_eq!(
            (&email["status"], &email["cause"]),
            (&json!("canceled"), &json!("purged"))
        );
    }
    call(&stack.api, &queue, "resume").await;
    stack.functions.promote().await;
    held(&stack.api, &queue, 0).await;
    assert!(stack.inbox.to(&to).await.is_empty());

    call(&stack.api, &queue, "restore").await;
    stack.functions.promote().await;
    for id in &ids {
        stack.api.wait_for_delivery(id).await;
    }
    assert_eq!(stack.inbox.to(&to).await.len(), 3);
}

/// No function has applied the purge yet to an email that is due much later. If a caller cancels such an email, it
/// counts as canceled, not purged: restoring the queue does not restore it.
#[tokio::test]
async fn an_email_canceled_after_a_purge_is_not_restored() {
    let stack = Stack::shared().await;
    let queue = make(&stack.api, json!({})).await;
    let later = |name: &str| {
        let changes = json!({"queue": queue, "scheduled_at": "in 1 day"});
        email_with(&address(&unique(name)), changes)
    };
    let canceled = stack.api.send(&later("purged-and-canceled")).await;
    let purged = stack.api.send(&later("purged")).await;
    call(&stack.api, &queue, "purge").await;
    assert_eq!(stack.api.email(&purged).await["cause"], "purged");
    let answer = stack.api.post(&format!("/emails/{canceled}/cancel"), &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    call(&stack.api, &queue, "restore").await;
    stack.functions.promote().await;
    for (id, status) in [(canceled, "canceled"), (purged, "scheduled")] {
        let email = stack.api.email(&id).await;
        assert_eq!(
            (&email["status"], &email["cause"]),
            (&json!(status), &json!(null)),
            "{email}"
        );
    }
}

#[tokio::test]
async fn failed_emails_are_retried_by_cause() {
    let stack = Stack::shared().await;
    let queue = make(&stack.api, json!({})).await;
    // Its content is in the bucket, which must keep it longer than first planned.
    let bad = email_with(
        &address(&unique("fails")),
        json!({"queue": queue, "from": "x@unverified.example", "attachments": [large_file()]}),
    );
    let id = stack.api.send(&bad).await;
    let failed = json!({"status": "failed", "cause": "unverified_sender"});
    stack.api.wait_for(&id, &failed).await;
    for (cause, emails) in [("rejected", 0), ("unverified_sender", 1)] {
        let retry = stack
            .api
            .post(&format!("/queues/{queue}/retry"), &json!({"cause": cause}))
            .await;
        assert_eq!(retry.status, 202, "{retry:?}");
        let id = retry.body["id"].as_str().expect("a job has an id").to_owned();
        let job = format!("/queues/{queue}/jobs/{id}");
        eventually("the job's first sweep", || async {
            stack.functions.promote().await;
            let shown = stack.api.get(&job).await.ok();
            if shown["emails"] == emails {
                Ok(())
            } else {
                Err(shown.to_string())
            }
        })
        .await;
    }
    stack.api.wait_for(&id, &failed).await;
}

#[tokio::test]
async fn a_queue_with_emails_is_deleted_only_on_request() {
    let stack = Stack::shared().await;
    let queue = make(&stack.api, json!({"priority": "low"})).await;
    call(&stack.api, &queue, "pause").await;
    tokio::time::sleep(KNOWN).await;
    let to = unique("deleted");
    let id = stack.api.send(&email_in(&queue, &to)).await;
    held(&stack.api, &queue, 1).await;
    let path = format!("/queues/{queue}");
    let refused = stack.api.delete(&path).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let deleted = stack.api.delete(&format!("{path}?cancel=true")).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(stack.api.email(&id).await["cause"], "purged");
    assert_eq!(stack.api.get(&path).await.status, 404);
    // When the answer comes, every environment knows that the queue is deleted.
    let email = email_in(&queue, &to);
    let answers = (0..20).map(|_| stack.api.post("/emails", &email));
    for answer in futures::future::join_all(answers).await {
        assert_eq!(answer.status, 422, "{answer:?}");
        let message = answer.body["message"].as_str().unwrap_or_default();
        let refused = message.starts_with("queue: no queue has this name; the queues are default");
        assert!(refused, "{answer:?}");
    }
}

#[tokio::test]
async fn a_queue_keeps_its_rate() {
    let stack = Stack::shared().await;
    let queue = make(&stack.api, json!({"rate_per_second": 1})).await;
    let to = unique("paced");
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(stack.api.send(&email_in(&queue, &to)).await);
    }
    let messages = stack.inbox.wait_for(&to, 8).await;
    let last = messages.iter().map(e2e::Message::received_ms).max().unwrap();
    let first = stack.api.email(&ids[0]).await;
    let accepted = Timestamp::parse_rfc3339(first["created_at"].as_str().unwrap()).unwrap();
    // The last slot is seven seconds after the first, which may be up to a second old. A slow machine delays any
    // email, but makes none early.
    let took = last - accepted.as_millis();
    assert!(took >= 5_000, "eight at one a second took {took} ms");
}

/// Emails of the same priority as the slow queue are compared with emails of another priority that were accepted at the
/// same time. So a slow machine makes no difference.
#[tokio::test]
async fn a_slow_queue_delays_no_other_queue() {
    const OTHERS: usize = 30;
    let stack = Stack::shared().await;
    let queue = make(&stack.api, json!({"rate_per_second": 1, "priority": "low"})).await;
    let (slow, beside, apart) = (unique("slow"), unique("beside"), unique("apart"));
    let batch = vec![email_in(&queue, &slow); 200];
    let accepted = stack.api.send_batch(&batch).await;
    assert_eq!(accepted.len(), 200);
    let mut pairs = Vec::new();
    for number in 0..OTHERS {
        let email = |to: &str, priority| email_with(&address(&format!("{to}-{number}")), json!({"priority": priority}));
        let same = stack.api.send(&email(&beside, "low")).await;
        pairs.push((same, stack.api.send(&email(&apart, "normal")).await));
    }
    let mut waits = Vec::new();
    for (same, other) in &pairs {
        waits.push((waited(&stack.api, same).await, waited(&stack.api, other).await));
    }
    // Enough emails to count those that were sent while one of the others waited.
    let slow = stack.inbox.wait_for(&slow, 30).await;
    // Before the comparison, because the queue would disturb later tests.
    call(&stack.api, &queue, "purge").await;
    for (same, other) in waits {
        let overtook = |wait: Range<i64>| {
            slow.iter()
                .filter(|message| wait.contains(&message.received_ms()))
                .count()
        };
        let (same, other) = (overtook(same), overtook(other));
        assert!(
            same < other + 10,
            "{same} emails of the slow queue went while one of its priority waited, {other} else"
        );
    }
}

/// Returns the times of an email's acceptance and submission as a range, in milliseconds since 1970.
async fn waited(api: &Api, id: &str) -> Range<i64> {
    let email = api.wait_for(id, &json!({"status": "sent"})).await;
    let time = |field: &str| Timestamp::parse_rfc3339(email[field].as_str()?);
    time("created_at").unwrap().as_millis()..time("sent_at").unwrap().as_millis()
}

/// Measures the time to accept and send ten emails, one after another.
async fn ten_emails(api: &Api) -> Duration {
    let began = Instant::now();
    for _ in 0..10 {
        let id = api.send(&email_with(&address(&unique("goes")), json!({}))).await;
        api.wait_for(&id, &json!({"status": "sent"})).await;
    }
    began.elapsed()
}

/// Both times come from one run, one directly after the other.
#[tokio::test]
#[ignore = "takes minutes: local/test ten_thousand --ignored"]
async fn ten_thousand_held_emails_slow_no_other_queue() {
    let stack = Stack::alone().await;
    let queue = make(&stack.api, json!({})).await;
    let before = ten_emails(&stack.api).await;
    call(&stack.api, &queue, "pause").await;
    tokio::time::sleep(KNOWN).await;
    let to = unique("many");
    let batch = vec![email_in(&queue, &to); 500];
    for _ in 0..20 {
        let ids = stack.api.send_batch(&batch).await;
        assert_eq!(ids.len(), 500);
    }
    held(&stack.api, &queue, 10_000).await;
    let after = ten_emails(&stack.api).await;
    assert!(after < before * 2, "{before:?} before, {after:?} after");
    assert!(stack.inbox.to(&to).await.is_empty());
    // A new email in the paused queue, or a run of `promote`, changes nothing: all are held.
    stack.functions.promote().await;
    held(&stack.api, &queue, 10_000).await;
    writeln!(
        std::io::stderr(),
        "ten emails took {before:?} before, {after:?} while 10,000 were held"
    )
    .unwrap();
}
