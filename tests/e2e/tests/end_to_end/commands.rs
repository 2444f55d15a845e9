//! Commands for an accepted email: cancel, retry and reschedule, even while it is being sent.

use e2e::{Stack, unique};
use serde_json::json;

use super::emails::{address, email_to, email_with};

#[tokio::test]
async fn a_canceled_email_is_sent_only_after_a_retry() {
    let stack = Stack::shared().await;
    let name = unique("canceled");
    let id = stack
        .api
        .send(&email_with(&address(&name), json!({"scheduled_at": "in 8 seconds"})))
        .await;
    for _ in 0..2 {
        let answer = stack.api.post(&format!("/emails/{id}/cancel"), &json!({})).await;
        assert_eq!(answer.ok(), json!({"object": "email", "id": id}));
    }
    let canceled = stack.api.email(&id).await;
    assert_eq!(
        (
            &canceled["status"],
            &canceled["last_event"],
            &canceled["next_attempt_at"]
        ),
        (&json!("canceled"), &json!("canceled"), &json!(null))
    );
    // Its send task comes after that of the canceled email.
    let after = email_with(&address(&unique("after")), json!({"scheduled_at": "in 9 seconds"}));
    let after = stack.api.send(&after).await;
    stack.api.wait_for_delivery(&after).await;
    assert!(stack.inbox.to(&name).await.is_empty());

    assert_eq!(
        stack.api.post(&format!("/emails/{id}/retry"), &json!({})).await.id(),
        id
    );
    stack.api.wait_for_delivery(&id).await;
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
    for (ask, says) in [("cancel", "This email was sent"), ("retry", "This email was sent")] {
        let answer = stack.api.post(&format!("/emails/{id}/{ask}"), &json!({})).await;
        answer.refused(409, "validation_error", says).unwrap();
    }
}

/// The first write wins: an email is canceled and not sent, or sent and not canceled.
#[tokio::test]
async fn cancel_wins_only_before_the_claim() {
    const EMAILS: usize = 60;
    let stack = Stack::shared().await;
    let name = unique("race");
    let race = |n: usize| {
        let (stack, name) = (&stack, &name);
        async move {
            let to = address(&format!("{name}-{n}"));
            // Due around the time of the cancel, some emails earlier and some later; the last one surely later.
            let scheduled_at = if n + 1 == EMAILS {
                "in 1 hour".to_owned()
            } else {
                format!("in {} ms", 500 + 20 * n)
            };
            let id = stack
                .api
                .send(&email_with(&to, json!({"scheduled_at": scheduled_at})))
                .await;
            tokio::time::sleep(std::time::Duration::from_millis(900)).await;
            let canceled = stack.api.post(&format!("/emails/{id}/cancel"), &json!({})).await;
            (id, canceled)
        }
    };
    let mut canceled = 0;
    for (n, (id, answer)) in futures::future::join_all((0..EMAILS).map(race))
        .await
        .into_iter()
        .enumerate()
    {
        let to = format!("{name}-{n}@");
        if answer.status == 200 {
            canceled += 1;
            assert_eq!(stack.api.email(&id).await["status"], "canceled");
            assert!(stack.inbox.to(&to).await.is_empty(), "{n} is canceled and sent");
        } else {
            answer.refused(409, "validation_error", "This email ").unwrap();
            stack.api.wait_for_delivery(&id).await;
            assert_eq!(stack.inbox.only(&to).await.email_id(), id);
        }
    }
    assert!(canceled > 0, "no cancel came in time");
}

#[tokio::test]
async fn a_failed_email_is_sent_by_a_retry() {
    let stack = Stack::shared().await;
    let name = unique("retried");
    let fault = stack.faults.strike(&name, &[("reject", None)]).await;
    let id = stack.api.send(&email_to(&address(&name))).await;
    stack.api.wait_for(&id, &json!({"status": "failed"})).await;
    fault.lift().await;
    assert_eq!(
        stack.api.post(&format!("/emails/{id}/retry"), &json!({})).await.id(),
        id
    );
    let sent = stack.api.wait_for_delivery(&id).await;
    assert_eq!(
        (&sent["attempts"], &sent["cause"], &sent["maybe_duplicate"]),
        (&json!(1), &json!(null), &json!(false)),
        "a new budget"
    );
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

#[tokio::test]
async fn an_unknown_email_is_resent_only_by_force_and_flagged() {
    let stack = Stack::shared().await;
    let name = unique("held");
    let fault = stack.faults.strike(&name, &[("drop_before", None)]).await;
    let id = stack
        .api
        .send(&email_with(&address(&name), json!({"on_uncertain": "hold"})))
        .await;
    let unknown = stack.api.wait_for(&id, &json!({"status": "unknown"})).await;
    assert_eq!(
        (&unknown["cause"], &unknown["attempts"]),
        (&json!("answer_lost"), &json!(1))
    );
    assert!(
        unknown["advice"]
            .as_str()
            .is_some_and(|advice| advice.contains("force")),
        "{unknown}"
    );
    fault.lift().await;
    assert!(stack.inbox.to(&name).await.is_empty(), "it was submitted once");

    let path = format!("/emails/{id}/retry");
    let refused = stack.api.post(&path, &json!({})).await;
    refused
        .refused(409, "validation_error", "Amazon SES may have accepted")
        .unwrap();
    assert_eq!(stack.api.post(&path, &json!({"force": true})).await.id(), id);
    let sent = stack.api.wait_for_delivery(&id).await;
    assert_eq!(sent["maybe_duplicate"], true);
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

/// The answer is lost, but the event arrives.
#[tokio::test]
async fn an_event_proves_that_a_held_email_was_accepted() {
    let stack = Stack::shared().await;
    let name = unique("held-accepted");
    let fault = stack.faults.strike(&name, &[("drop_after", None)]).await;
    let changes = json!({"on_uncertain": "hold"});
    let id = stack.api.send(&email_with(&address(&name), changes)).await;
    let sent = stack.api.wait_for_delivery(&id).await;
    fault.lift().await;
    assert_eq!(
        (&sent["attempts"], &sent["maybe_duplicate"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

#[tokio::test]
async fn a_command_for_a_missing_email_is_not_found() {
    let stack = Stack::shared().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (path, body) in [("cancel", json!({})), ("retry", json!({"force": true}))] {
        let answer = stack.api.post(&format!("/emails/{nobody}/{path}"), &body).await;
        answer.refused(404, "not_found", "No email has this id").unwrap();
    }
    let path = format!("/emails/{nobody}");
    let answer = stack.api.patch(&path, &json!({"scheduled_at": "in 1 hour"})).await;
    answer.refused(404, "not_found", "No email has this id").unwrap();
    for (body, status, name, says) in [
        (json!({}), 422, "missing_required_field", "scheduled_at: "),
        (
            json!({"scheduled_at": "tomorrow"}),
            422,
            "validation_error",
            "scheduled_at: must be",
        ),
        (
            json!({"scheduled_at": "2020-01-01T00:00:00Z"}),
            422,
            "validation_error",
            "scheduled_at: is in",
        ),
        (
            json!({"scheduled_at": "in 1 h", "expires_at": "in 1 h"}),
            422,
            "validation_error",
            "expires_at: must be after",
        ),
        (
            json!({"scheduled_at": "in 1 h", "to": "a@example.com"}),
            422,
            "validation_error",
            "to: unknown",
        ),
        (json!([]), 400, "validation_error", "The request body must be"),
    ] {
        let answer = stack.api.patch(&path, &body).await;
        answer.refused(status, name, says).unwrap();
    }
    let forced = stack.api.post(&format!("{path}/retry"), &json!({"force": 1})).await;
    forced
        .refused(422, "validation_error", "force: must be a boolean")
        .unwrap();
    // The key is checked before everything else.
    let stranger = stack.api.stranger(reqwest::Method::POST, &format!("{path}/cancel"));
    stack
        .api
        .answer(stranger)
        .await
        .refused(401, "missing_api_key", "")
        .unwrap();
}
