//! An SES that fails: a certain outcome is recorded as such, and an uncertain one is flagged.

use std::io::Write as _;

use aws::runtime::clients::Clients;
use aws::runtime::settings::of_process;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem};
use domain::id::{EmailId, TenantId};
use e2e::{Senders, Stack, unique};
use futures::future::join_all;
use serde_json::json;

use super::emails::{address, email_to};

#[tokio::test]
async fn an_event_proves_an_acceptance_without_an_answer() {
    let stack = Stack::shared().await;
    let name = unique("drop-after");
    let fault = stack.faults.strike(&name, &[("drop_after", None)]).await;
    let id = stack.api.send(&email_to(&address(&name))).await;
    // The fault stays: a second submission would be a second message.
    let email = stack.api.wait_for_delivery(&id).await;
    assert_eq!(email["status"], "sent");
    assert_eq!(email["maybe_duplicate"], false);
    assert_eq!(email["attempts"], 1);
    fault.lift().await;
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

#[tokio::test]
async fn a_lost_submission_is_resent_and_flagged() {
    lost("drop_before").await;
}

#[tokio::test]
async fn a_timed_out_submission_is_resent_and_flagged() {
    lost("timeout").await;
}

/// Once, SES neither accepts nor answers.
async fn lost(kind: &str) {
    let stack = Stack::shared().await;
    let name = unique(kind);
    let fault = stack.faults.strike(&name, &[(kind, None)]).await;
    let id = stack.api.send(&email_to(&address(&name))).await;
    let email = stack.api.wait_for(&id, &json!({"status": "uncertain"})).await;
    assert_eq!(email["last_event"], "queued", "nothing is known yet");
    fault.lift().await;

    let email = stack.api.wait_for_delivery(&id).await;
    assert_eq!(email["maybe_duplicate"], true, "SES might have accepted the first one");
    assert_eq!(email["attempts"], 2);
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

#[tokio::test]
async fn a_temporary_refusal_costs_no_attempt() {
    // An exhausted quota and a pause stop all emails.
    let stack = Stack::alone().await;
    let refusals = [
        ("throttle", "throttled"),
        ("quota", "quota_exceeded"),
        ("pause", "account_paused"),
    ]
    .map(|(kind, cause)| {
        let stack = &stack;
        async move {
            let name = unique(kind);
            let fault = stack.faults.strike(&name, &[(kind, None)]).await;
            let id = stack.api.send(&email_to(&address(&name))).await;
            let email = stack.api.wait_for(&id, &json!({"cause": cause})).await;
            assert_eq!(email["attempts"], 0, "given back");
            assert_eq!(email["last_event"], "queued");
            assert!(
                email["advice"].is_string() && email["next_attempt_at"].is_string(),
                "{email}"
            );
            fault.lift().await;

            let email = stack.api.wait_for_delivery(&id).await;
            assert_eq!(email["attempts"], 1);
            assert_eq!(email["maybe_duplicate"], false, "SES refused the first submission");
            assert_eq!(email["cause"], json!(null));
            assert_eq!(stack.inbox.only(&name).await.email_id(), id);
        }
    });
    futures::future::join_all(refusals).await;
}

#[tokio::test]
async fn a_rejected_email_fails_at_once() {
    let stack = Stack::shared().await;
    let name = unique("reject");
    let fault = stack.faults.strike(&name, &[("reject", None)]).await;
    let id = stack.api.send(&email_to(&address(&name))).await;
    let email = stack.api.wait_for(&id, &json!({"status": "failed"})).await;
    fault.lift().await;
    assert_eq!(email["cause"], "rejected");
    assert!(email["advice"].is_string(), "{email}");
    assert_eq!(email["attempts"], 1);
    assert!(stack.inbox.to(&name).await.is_empty());
}

/// `send` moves a failed email to the dead-letter queue for `dead_letter`. If the dead-letter message is lost,
/// `promote` finds the email in the index and sends the message again.
#[tokio::test]
async fn a_lost_dead_letter_message_is_sent_again() {
    let stack = Stack::shared().await;
    if !Senders::can_be_seen() {
        writeln!(std::io::stderr(), "SKIPPED: this system does not show its processes").expect("stderr takes a line");
        return;
    }
    let mut email = email_to(&address(&unique("handed-over")));
    email["from"] = json!("x@unverified.example");
    // A delay of seconds leaves time to set the fault for this email.
    email["scheduled_at"] = json!("in 20 seconds");
    let id = stack.api.send(&email).await;
    let lost = stack.call_faults.strike("send", "sqs", &id).await;
    let failing = stack.api.wait_for(&id, &json!({"status": "failing"})).await;
    assert_eq!(failing["cause"], "unverified_sender", "{failing}");
    let failed = json!({"status": "failed", "cause": "unverified_sender", "attempts": 1});
    stack.api.wait_for(&id, &failed).await;
    assert!(lost.struck().await > 0, "no dead-letter message was lost");
    lost.lift().await;
}

/// The function first retries for twenty seconds. An idempotency key makes the email's id known in advance.
#[tokio::test]
async fn a_throttled_table_answers_503_and_stores_nothing() {
    let stack = Stack::shared().await;
    let name = unique("throttled-table");
    let id = EmailId::from_key(&TenantId::main(), &name).to_string();
    let email = email_to(&address(&name));
    let throttled = stack.call_faults.throttle("enqueue", "dynamodb", &id).await;
    let busy = stack.api.post_once("/emails", &name, &email).await;
    busy.refused(503, "internal_server_error", "").unwrap();
    assert!(busy.retry_after.is_some_and(|secs| secs > 0), "{busy:?}");
    assert!(throttled.struck().await > 1, "the function tried again");
    let absent = stack.api.get(&format!("/emails/{id}")).await;
    absent.refused(404, "not_found", "").unwrap();
    throttled.lift().await;

    let again = stack.api.post_once("/emails", &name, &email).await;
    assert!(!again.replayed, "nothing was stored");
    assert_eq!(again.id(), id);
    stack.api.wait_for_delivery(&id).await;
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

/// The tests above need this answer of the local table, as AWS gives it. Nothing is stored.
#[tokio::test]
async fn the_local_table_answers_transaction_conflicts() {
    let clients = Clients::connect().expect("clients can be made");
    let table = of_process().get("MAILQUEUE_TABLE").cloned().expect("a table");
    let key = AttributeValue::S(unique("conflict"));
    let check = ConditionCheck::builder()
        .table_name(table)
        .key("pk", key.clone())
        .key("sk", key)
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    let item = TransactWriteItem::builder().condition_check(check).build();
    let mut conflicts = 0;
    // Transactions at the same time, because a slow emulator answers one after the other outside the window.
    let transactions = (0..20).map(|_| {
        clients
            .dynamodb()
            .transact_write_items()
            .transact_items(item.clone())
            .send()
    });
    for answer in join_all(transactions).await {
        let Err(error) = answer else { continue };
        let error = error.into_service_error();
        let TransactWriteItemsError::TransactionCanceledException(canceled) = &error else {
            panic!("{error:?}");
        };
        let codes: Vec<_> = canceled
            .cancellation_reasons()
            .iter()
            .filter_map(|reason| reason.code())
            .collect();
        assert_eq!(codes, ["TransactionConflict"]);
        conflicts += 1;
    }
    assert!(conflicts > 0, "TRANSACTION_WINDOW_MS has no effect");
}
