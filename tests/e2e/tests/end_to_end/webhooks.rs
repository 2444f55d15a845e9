//! Webhooks: each promised event is received, signed, with one id, and no event of another tenant.
//!
//! Each test has a tenant of its own, because a webhook marks all emails of its tenant. A key that `enqueue` has never
//! seen knows the webhook at once; other keys know it within a minute.

use std::collections::BTreeSet;

use e2e::{Pair, Stack, eventually, make_attempt_due, unique};
use serde_json::{Value, json};

use super::content::noise;
use super::emails::{email_to, email_with};
use super::hooked::{EVENTS, Hooked, Marked, check_one_id_each, hooked};
use super::tenants::tenant;

#[tokio::test]
async fn events_of_each_recipient_are_received_and_verified() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let (good, bad) = (hooked.owner.address("good"), hooked.owner.address("bad"));
    let fault = stack.faults.strike(&bad, &[("bounce", None)]).await;
    let email = email_with(
        "",
        json!({"to": [good, bad], "tags": [{"name": "kind", "value": "hooked"}]}),
    );
    let key = unique("hooked");
    let id = hooked.api.post_once("/emails", &key, &email).await.id();
    let wanted = [
        ("email.sent", good.as_str()),
        ("email.sent", &bad),
        ("email.bounced", &bad),
        ("suppression.added", &bad),
    ];
    let all = hooked.receiver.wait_for(&wanted).await;
    fault.lift().await;
    hooked.owner.check(&all);
    check_one_id_each(&all, &wanted);
    let about = |kind: &str, to: &str| {
        let found = all.iter().find(|each| each.told() == (kind.to_owned(), to.to_owned()));
        found.unwrap_or_else(|| panic!("no {kind} of {to}"))
    };
    let sent = about("email.sent", &good).payload();
    assert_eq!(
        (
            &sent["data"]["email_id"],
            &sent["data"]["to"],
            &sent["data"]["idempotency_key"]
        ),
        (&json!(id), &json!([good]), &json!(key))
    );
    assert_eq!(sent["data"]["tags"], json!({"kind": "hooked"}));
    let bounced = about("email.bounced", &bad).payload();
    assert_eq!(bounced["data"]["bounce"]["type"], "Permanent", "{bounced}");
    let rank = |payload: &Value| payload["data"]["rank"].as_u64().unwrap();
    assert!(rank(&bounced) > rank(&about("email.sent", &bad).payload()));
    // The same events are listed, and succeeded.
    let event = about("email.sent", &good).event_id();
    let shown = hooked.wait_for(event, "success").await;
    assert_eq!((&shown["type"], &shown["payload"]), (&json!("email.sent"), &sent));
    assert_eq!(hooked.codes(event).await, [200]);
}

/// Its content is in the bucket.
#[tokio::test]
async fn a_large_email_is_told() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let to = hooked.owner.address("large");
    let email = email_with(&to, json!({"html": noise(200_000, 3), "subject": "Large"}));
    hooked.api.send(&email).await;
    let all = hooked.receiver.wait_for(&[("email.sent", &to)]).await;
    assert_eq!(all[0].payload()["data"]["subject"], "Large");
}

#[tokio::test]
async fn schedules_and_cancels_are_told() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let to = hooked.owner.address("scheduled");
    let email = email_with(&to, json!({"scheduled_at": "in 1 day"}));
    let id = hooked.api.send(&email).await;
    hooked.receiver.wait_for(&[("email.scheduled", &to)]).await;
    let path = format!("/emails/{id}");
    let moved = hooked.api.patch(&path, &json!({"scheduled_at": "in 2 days"})).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    eventually("the event of the new schedule", || async {
        let all = hooked.receiver.received().await;
        let scheduled = all.iter().filter(|each| each.told().0 == "email.scheduled");
        let ids: BTreeSet<_> = scheduled.map(|each| each.event_id().to_owned()).collect();
        if ids.len() == 2 {
            Ok(())
        } else {
            Err(format!("{ids:?}"))
        }
    })
    .await;
    assert_eq!(hooked.api.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
    let all = hooked.receiver.wait_for(&[("email.canceled", &to)]).await;
    hooked.owner.check(&all);
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_with_the_same_bytes() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let fault = json!([{"kind": "status", "status": 500, "count": 1}]);
    hooked.receiver.strike(&fault).await;
    let event = hooked.test().await;
    hooked.wait_for(&event, "success").await;
    assert_eq!(hooked.codes(&event).await, [200, 500]);
    let all = hooked.receiver.received().await;
    hooked.owner.check(&all);
    assert_eq!(all.len(), 2);
    // A replay sends it again, although it succeeded.
    let replayed = hooked
        .api
        .post(&hooked.path(&format!("/events/{event}/replay")), &json!({}))
        .await;
    assert_eq!(replayed.id(), event);
    assert_eq!(hooked.requests(3).await.len(), 3);
}

/// After two failures the next attempt is minutes away. The test makes it due, so `promote` finds it before its message
/// comes.
#[tokio::test]
async fn promote_wakes_a_due_attempt_without_its_message() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let fault = json!([{"kind": "status", "status": 500, "count": 2}]);
    hooked.receiver.strike(&fault).await;
    let event = hooked.test().await;
    hooked.requests(2).await;
    eventually("the second failure to be stored", || async {
        let codes = hooked.codes(&event).await;
        if codes == [500, 500] {
            Ok(())
        } else {
            Err(format!("{codes:?}"))
        }
    })
    .await;
    make_attempt_due(&hooked.owner.tenant, &hooked.id, &event).await;
    hooked.wait_for(&event, "success").await;
    assert_eq!(hooked.codes(&event).await, [200, 500, 500]);
}

#[tokio::test]
async fn a_redirect_and_an_endless_answer_are_no_traps() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    hooked.receiver.strike(&json!([{"kind": "redirect", "count": 1}])).await;
    let event = hooked.test().await;
    hooked.wait_for(&event, "success").await;
    assert_eq!(hooked.codes(&event).await, [200, 307]);
    let elsewhere = hooked.receiver.redirected().received().await;
    assert!(
        elsewhere.iter().all(|each| each.event_id() != event),
        "a redirect was followed"
    );
    hooked.receiver.strike(&json!([{"kind": "endless", "count": 1}])).await;
    let event = hooked.test().await;
    let shown = hooked.wait_for(&event, "success").await;
    assert_eq!(shown["next_attempt_at"], Value::Null);
    let listed = hooked
        .api
        .get(&hooked.path(&format!("/events/{event}/attempts")))
        .await
        .ok();
    assert!(listed["data"][0]["response"].as_str().unwrap().len() <= 1_024);
}

#[tokio::test]
async fn gone_disables_a_webhook_and_a_recovery_sends_its_events() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    hooked
        .receiver
        .strike(&json!([{"kind": "status", "status": 410}]))
        .await;
    let to = hooked.owner.address("gone");
    hooked.api.send(&email_to(&to)).await;
    eventually("the webhook to be disabled", || async {
        let shown = hooked.api.get(&hooked.path("")).await.ok();
        if (&shown["status"], &shown["disabled_by"]) == (&json!("disabled"), &json!("gone")) {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    })
    .await;
    hooked.receiver.strike(&json!([])).await;
    let enabled = hooked.api.patch(&hooked.path(""), &json!({"status": "enabled"})).await;
    assert_eq!(enabled.status, 200, "{enabled:?}");
    // Enabling alone sends no event of the past.
    let since = json!({"since": "2026-01-01T00:00:00Z"});
    let job = hooked.api.post(&hooked.path("/recover"), &since).await;
    assert_eq!(job.status, 202, "{job:?}");
    let all = hooked
        .receiver
        .wait_for(&[("email.sent", &to), ("email.delivered", &to)])
        .await;
    hooked.owner.check(&all);
}

#[tokio::test]
async fn a_recovery_tells_emails_from_before_the_webhook() {
    let stack = Stack::shared().await;
    let owner = Marked::new(&stack).await;
    let to = owner.address("before");
    let id = owner.api.send(&email_to(&to)).await;
    owner.api.wait_for_delivery(&id).await;
    let hooked = owner.hook(&stack).await;
    let job = hooked
        .api
        .post(&hooked.path("/recover"), &json!({"since": "2026-01-01T00:00:00Z"}))
        .await;
    assert_eq!(job.status, 202, "{job:?}");
    let all = hooked
        .receiver
        .wait_for(&[("email.sent", &to), ("email.delivered", &to)])
        .await;
    hooked.owner.check(&all);
    let path = hooked.path(&format!("/jobs/{}", job.body["id"].as_str().unwrap()));
    eventually("the end of the job", || async {
        let shown = hooked.api.get(&path).await.ok();
        if shown["done"] == true {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    })
    .await;
    // A second recovery has the same ids.
    let again = hooked
        .api
        .post(
            &hooked.path("/recover"),
            &json!({"since": "2026-01-01T00:00:00Z", "only": "all"}),
        )
        .await;
    assert_eq!(again.status, 202);
    hooked.requests(2 * all.len()).await;
}

#[tokio::test]
async fn a_pulled_webhook_is_signed_and_never_called() {
    let stack = Stack::shared().await;
    let owner = Marked::new(&stack).await;
    let made = owner
        .api
        .post("/webhooks", &json!({"delivery": "pull", "events": EVENTS}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let receiver = stack.hook_box();
    receiver
        .verify_with(&[made.body["signing_secret"].as_str().unwrap()])
        .await;
    let to = owner.address("pulled");
    owner.api.send(&email_to(&to)).await;
    let path = format!("/webhooks/{}/events?include=payload", made.body["id"].as_str().unwrap());
    let events = eventually("the pulled events", || async {
        let page = owner.api.get(&path).await.ok();
        let events = page["data"].as_array().unwrap().clone();
        let has = |kind: &str| events.iter().any(|event| event["type"] == kind);
        if has("email.sent") && has("email.delivered") {
            Ok(events)
        } else {
            Err(page.to_string())
        }
    })
    .await;
    for event in &events {
        let headers: Vec<Pair> = serde_json::from_value(event["headers"].clone()).unwrap();
        receiver
            .forward(event["body"].as_str().unwrap().to_owned(), &headers)
            .await;
        assert_eq!(event["status"], "pending");
    }
    owner.check(&receiver.received().await);
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let rotated = hooked
        .api
        .post(&hooked.path("/signing-secret/rotate"), &json!({}))
        .await
        .ok();
    let new = rotated["signing_secret"].as_str().unwrap();
    assert_ne!(new, hooked.secret);
    for (number, secret) in [(1, hooked.secret.as_str()), (2, new)] {
        hooked.receiver.verify_with(&[secret]).await;
        let event = hooked.test().await;
        hooked.wait_for(&event, "success").await;
        let all = hooked.receiver.received().await;
        assert_eq!(all.len(), number);
        hooked.owner.check(&all[number - 1..]);
    }
    assert_eq!(hooked.api.get(&hooked.path("")).await.ok()["signing_secret"], new);
}

/// The emails of both are accepted in turn, so that a batch of the table's stream has changes of both.
#[tokio::test]
async fn each_tenant_receives_only_its_own_events() {
    let stack = Stack::shared().await;
    let (one, other) = (hooked(&stack).await, hooked(&stack).await);
    let labels = ["a", "b", "c", "d", "e"];
    for label in labels {
        let send = |hooked: &Hooked| {
            let (api, email) = (hooked.api.clone(), email_to(&hooked.owner.address(label)));
            async move { api.send(&email).await }
        };
        futures::future::join(send(&one), send(&other)).await;
    }
    let wait = async |hooked: &Hooked| {
        let to = labels.map(|label| hooked.owner.address(label));
        let told = |kind| to.iter().map(move |to| (kind, to.as_str()));
        let wanted: Vec<_> = told("email.sent").chain(told("email.delivered")).collect();
        check_one_id_each(&hooked.receiver.wait_for(&wanted).await, &wanted);
    };
    wait(&one).await;
    wait(&other).await;
    // Both have all of their events, so a foreign one is there too.
    for (hooked, foreign) in [(&one, &other), (&other, &one)] {
        let all = hooked.receiver.received().await;
        hooked.owner.check(&all);
        let received: BTreeSet<_> = all.iter().map(|each| each.event_id().to_owned()).collect();
        assert_eq!(received.len(), 2 * labels.len());
        eventually("exactly the received events to be listed", || async {
            let listed = hooked.api.get(&hooked.path("/events?limit=100")).await.ok();
            let ids = listed["data"].as_array().unwrap().iter();
            let ids: BTreeSet<_> = ids.map(|event| event["id"].as_str().unwrap().to_owned()).collect();
            if ids == received {
                Ok(())
            } else {
                Err(format!("{ids:?}"))
            }
        })
        .await;
        let event = received.first().unwrap();
        let hidden = foreign.api.get(&foreign.path(&format!("/events/{event}"))).await;
        assert_eq!(hidden.refused(404, "not_found", ""), Ok(()));
    }
}

#[tokio::test]
async fn only_a_full_key_of_the_tenant_reaches_its_webhook() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let (name, _) = tenant(&stack, json!({})).await;
    let narrow = json!({"name": "narrow", "permission": "sending_access", "tenant": name});
    let narrow = stack.deployer.post("/api-keys", &narrow).await;
    let narrow = stack.api.with_key(narrow.body["token"].as_str().unwrap());
    assert_eq!(
        narrow.get("/webhooks").await.refused(401, "restricted_api_key", ""),
        Ok(())
    );
    assert_eq!(stack.deployer.get("/webhooks").await.status, 401);
    let (_, foreign) = tenant(&stack, json!({})).await;
    for rest in ["", "/events", "/events/msg_none", "/jobs/none"] {
        assert_eq!(
            foreign.get(&hooked.path(rest)).await.refused(404, "not_found", ""),
            Ok(()),
            "{rest}"
        );
    }
    let listed = foreign.get("/webhooks").await.ok();
    assert_eq!(listed["data"], json!([]));
    let deleted = hooked.api.delete(&hooked.path("")).await.ok();
    assert_eq!((&deleted["id"], &deleted["deleted"]), (&json!(hooked.id), &json!(true)));
    assert_eq!(hooked.api.get(&hooked.path("")).await.status, 404);
}
