//! The account's rate, quota and pause, which all emails share: each test has the stack alone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws::runtime::system::System;
use domain::ports::Clock as _;
use e2e::{Stack, eventually, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to};

/// The most `send` functions that run at the same time: two for each priority queue.
const ENVIRONMENTS: u64 = 6;

/// Emails of one invocation.
const BATCH: u64 = 10;

/// Accepts `count` emails to addresses that begin with `name`.
async fn accept(stack: &Stack, name: &str, count: usize) -> Vec<String> {
    let emails: Vec<Value> = (0..count).map(|n| email_to(&address(&format!("{name}-{n}")))).collect();
    let mut ids = Vec::new();
    for emails in emails.chunks(500) {
        ids.extend(stack.api.send_batch(emails).await);
    }
    ids
}

/// Waits until SES has accepted `count` of them, each once.
async fn all_sent_once(stack: &Stack, name: &str, count: usize) {
    stack.inbox.wait_for(name, count).await;
    let mut copies: HashMap<String, usize> = HashMap::new();
    for message in stack.inbox.to(name).await {
        *copies.entry(message.email_id().to_owned()).or_default() += 1;
    }
    assert_eq!(copies.len(), count, "all emails");
    assert!(copies.values().all(|copies| *copies == 1), "each once");
}

/// Waits until the records agree; no email has used more than one attempt.
async fn no_attempt_wasted(stack: &Stack, ids: &[String]) {
    for id in ids {
        let email = stack.api.wait_for(id, &json!({"status": "sent"})).await;
        assert_eq!(
            (&email["attempts"], &email["maybe_duplicate"]),
            (&json!(1), &json!(false)),
            "{email}"
        );
    }
}

#[tokio::test]
async fn throttled_sends_waste_no_attempt() {
    let stack = Stack::alone().await;
    let name = unique("half-throttled");
    let before = stack.inbox.strikes("throttle").await;
    stack.account.strike(&json!([{"kind": "throttle", "share": 0.5}])).await;
    let began = Instant::now();
    let mut ids = Vec::new();
    // A minute of traffic, as long as the fault lasts.
    while began.elapsed() < Duration::from_secs(60) {
        ids.extend(accept(&stack, &format!("{name}-{}", ids.len()), 10).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    stack.account.strike(&json!([])).await;
    let throttled = stack.inbox.strikes("throttle").await - before;
    assert!(throttled > 50, "{throttled} were throttled");
    all_sent_once(&stack, &name, ids.len()).await;
    no_attempt_wasted(&stack, &ids).await;
}

/// In any ten seconds the rate is exceeded by at most a twentieth. In the best ten seconds of a backlog at least nine
/// tenths of it are used; a busy machine may delay the others.
#[tokio::test]
async fn a_thousand_emails_keep_and_use_the_rate() {
    const RATE: f64 = 20.0;
    const EMAILS: usize = 1_000;
    const URGENT: usize = 10;
    let stack = Stack::alone().await;
    // Only our own rate limiter limits here: SES would show an excess, not refuse it.
    stack.account.allow(Some(RATE), None).await;
    stack.functions.promote().await;
    let name = unique("paced");
    let ids = accept(&stack, &name, EMAILS).await;
    // The last emails are urgent: putting their send task into the high-priority queue is enough.
    eventually("a tenth to be sent", || async {
        let sent = stack.inbox.to(&name).await.len();
        if sent >= EMAILS / 10 {
            Ok(())
        } else {
            Err(format!("{sent} are sent"))
        }
    })
    .await;
    let send_task =
        |id: &String| json!({"v": 1, "tenant": "main", "id": id, "recipients": 1, "bytes": 100}).to_string();
    let urgent: Vec<String> = ids[EMAILS - URGENT..].to_vec();
    let asked_ms = System.now().as_millis();
    stack
        .queue("HighLane")
        .await
        .put(&urgent.iter().map(send_task).collect::<Vec<_>>())
        .await;

    all_sent_once(&stack, &name, EMAILS).await;
    let messages = stack.inbox.to(&name).await;
    let mut times: Vec<i64> = messages.iter().map(e2e::Message::received_ms).collect();
    times.sort_unstable();
    let last = times[EMAILS - 1];
    let within = |from: i64, to: i64| times.partition_point(|at| *at < to) - times.partition_point(|at| *at < from);
    let most = times.iter().map(|at| within(*at, at + 10_000)).max().unwrap();
    assert!((180..=210).contains(&most), "{most} in ten seconds");

    let latest = messages
        .iter()
        .filter(|message| urgent.iter().any(|id| id == message.email_id()))
        .map(e2e::Message::received_ms)
        .max()
        .unwrap();
    let waited = latest - asked_ms;
    // The email's reserved time, its own batch, and a second for the emulator.
    let allowed = 10_000 + 600 + 1_000;
    assert!(waited <= allowed, "the urgent ones waited {waited} ms");
    assert!(last - latest > 5_000, "the urgent ones did not wait for the others");
    stack.account.ordinary().await;
    stack.functions.promote().await;
}

#[tokio::test]
async fn an_exhausted_quota_stops_sending_until_it_is_raised() {
    const EMAILS: usize = 200;
    let stack = Stack::alone().await;
    let name = unique("quota");
    let sent = stack.account.sent().await;
    stack.account.allow(Some(1_000.0), Some(sent + 30.0)).await;
    let requests = stack.account.requests().await;
    let ids = accept(&stack, &name, EMAILS).await;
    let stopped = stops(&stack, requests).await;
    assert!(stack.inbox.to(&name).await.len() <= 30);
    assert!(
        stopped <= 30 + ENVIRONMENTS * BATCH,
        "within a batch for each environment, not after {stopped} requests"
    );
    assert_none_failed(&stack, &ids).await;

    stack.account.ordinary().await;
    stack.functions.promote().await;
    all_sent_once(&stack, &name, EMAILS).await;
    no_attempt_wasted(&stack, &ids).await;
}

#[tokio::test]
async fn sending_resumes_by_itself_after_an_account_pause() {
    const EMAILS: usize = 100;
    let stack = Stack::alone().await;
    let name = unique("paused");
    stack.account.strike(&json!([{"kind": "pause"}])).await;
    let requests = stack.account.requests().await;
    let ids = accept(&stack, &name, EMAILS).await;
    let stopped = stops(&stack, requests).await;
    assert!(stopped <= ENVIRONMENTS * BATCH, "not after {stopped} requests");
    assert!(stack.inbox.to(&name).await.is_empty());
    assert_none_failed(&stack, &ids).await;

    // There is no notification: the next probe discovers it.
    stack.account.strike(&json!([])).await;
    all_sent_once(&stack, &name, EMAILS).await;
    no_attempt_wasted(&stack, &ids).await;
}

/// Waits until SES gets no more requests except an occasional probe; returns the number of requests until then.
async fn stops(stack: &Stack, before: u64) -> u64 {
    eventually("the queue to stop", || async {
        let requests = stack.account.requests().await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let more = stack.account.requests().await - requests;
        if requests > before && more <= 1 {
            Ok(requests - before)
        } else {
            Err(format!("{} requests, then {more} more", requests - before))
        }
    })
    .await
}

async fn assert_none_failed(stack: &Stack, ids: &[String]) {
    for id in ids {
        let email = stack.api.email(id).await;
        assert!(
            ["queued", "retry", "sending", "sent"].contains(&email["status"].as_str().unwrap()),
            "{email}"
        );
    }
}
