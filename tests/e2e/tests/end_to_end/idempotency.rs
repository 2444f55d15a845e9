//! An idempotency key turns repeated requests into one.

use std::collections::HashSet;

use e2e::{HttpResponse, Stack, unique};
use futures::future::join_all;
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};

#[tokio::test]
async fn twenty_simultaneous_requests_are_one_email() {
    let stack = Stack::shared().await;
    let name = unique("once");
    let email = email_to(&address(&name));
    let answers = join_all((0..20).map(|_| stack.api.post_once("/emails", &name, &email))).await;
    let first_answers = answers.iter().filter(|answer| !answer.replayed).count();
    // A record of the same millisecond looks like the request's own write, which the SDK may have repeated.
    assert!(
        (1..5).contains(&first_answers),
        "{first_answers} answers lack idempotent-replayed"
    );
    let ids: HashSet<String> = answers.into_iter().map(HttpResponse::id).collect();
    assert_eq!(ids.len(), 1);

    for id in &ids {
        let email = stack.api.wait_for_delivery(id).await;
        assert_eq!(email["attempts"], 1);
        assert_eq!(stack.inbox.only(&name).await.email_id(), id);
    }
}

#[tokio::test]
async fn another_request_with_the_same_key_conflicts() {
    let stack = Stack::shared().await;
    let name = unique("conflict");
    let email = email_to(&address(&name));
    let id = stack.api.post_once("/emails", &name, &email).await.id();

    let other = email_with(&address(&name), json!({"subject": "Another"}));
    let refused = stack.api.post_once("/emails", &name, &other).await;
    refused
        .refused(409, "invalid_idempotent_request", "Idempotency-Key: ")
        .unwrap();
    // Neither request changes the other: the first email is sent, and its answer is repeated.
    stack.api.wait_for_delivery(&id).await;
    assert_eq!(stack.inbox.only(&name).await.subject, "Hello");
    let again = stack.api.post_once("/emails", &name, &email).await;
    assert!(again.replayed);
    assert_eq!(again.id(), id);
}

#[tokio::test]
async fn a_batch_with_a_key_is_sent_once() {
    let stack = Stack::shared().await;
    let name = unique("batch-once");
    let batch = Value::from(
        (0..3)
            .map(|at| email_to(&address(&format!("{name}-{at}"))))
            .collect::<Vec<_>>(),
    );
    let answers = join_all((0..5).map(|_| stack.api.post_once("/emails/batch", &name, &batch))).await;
    let ids: HashSet<Vec<String>> = answers.into_iter().map(HttpResponse::ids).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let again = stack.api.post_once("/emails/batch", &name, &batch).await;
    assert!(again.replayed);
    let ids = again.ids();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);

    let shorter = Value::from(batch.as_array().unwrap()[..2].to_vec());
    let refused = stack.api.post_once("/emails/batch", &name, &shorter).await;
    refused
        .refused(409, "invalid_idempotent_request", "Idempotency-Key: ")
        .unwrap();

    for (at, id) in ids.iter().enumerate() {
        stack.api.wait_for_delivery(id).await;
        assert_eq!(
            stack.inbox.only(&format!("{name}-{at}@")).await.email_id(),
            id,
            "in the request's order"
        );
    }
}

#[tokio::test]
async fn without_a_key_two_requests_are_two_emails() {
    let stack = Stack::shared().await;
    let name = unique("twice");
    let email = email_to(&address(&name));
    let (first, second) = (
        stack.api.post("/emails", &email).await,
        stack.api.post("/emails", &email).await,
    );
    assert!(!first.replayed && !second.replayed);
    let ids = [first.id(), second.id()];
    assert_ne!(ids[0], ids[1]);
    for id in &ids {
        stack.api.wait_for_delivery(id).await;
    }
    assert_eq!(stack.inbox.to(&name).await.len(), 2);
}
