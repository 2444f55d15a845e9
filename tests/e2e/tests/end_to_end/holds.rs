//! Stops for accepted emails: a hold of their API key or From domain, and the suspension of their tenant.

use e2e::{Api, HttpResponse, Stack, eventually, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::{address, email_with};
use super::queues::{KNOWN, held};
use super::tenants::{for_tenant, tenant};

/// Creates another key of a tenant; returns its id and the API with it.
async fn key_of(stack: &Stack, tenant: &str) -> (String, Api) {
    let made = stack
        .deployer
        .post("/api-keys", &json!({"name": "leaked", "tenant": tenant}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |field: &str| made.body[field].as_str().unwrap().to_owned();
    (text("id"), stack.api.with_key(&text("token")))
}

async fn send_many(api: &Api, count: usize, email: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(api.send(email).await);
    }
    ids
}

/// Revokes a key with a hold, until the answer counts this many waiting emails.
async fn revoke_with_hold(api: &Api, key: &str, emails: usize) -> Value {
    let path = format!("/api-keys/{key}?hold=true");
    counted(emails, async || api.delete(&path).await).await
}

/// Repeats a request with a hold, until the answer counts this many waiting emails.
async fn counted(emails: usize, hold: impl AsyncFn() -> HttpResponse) -> Value {
    eventually("the held emails to be counted", || async {
        let answer = hold().await;
        if answer.status == 200 && answer.body["hold"]["emails"] == emails {
            Ok(answer.body["hold"].clone())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await
}

#[tokio::test]
async fn emails_of_a_revoked_key_wait_for_a_release() {
    let stack = Stack::shared().await;
    let (name, owner) = tenant(&stack, json!({})).await;
    let (leaked, thief) = key_of(&stack, &name).await;
    let (unwanted, spammer) = key_of(&stack, &name).await;
    let queue = unique("queue").to_lowercase().replace('_', "-");
    assert_eq!(owner.post("/queues", &json!({"name": queue})).await.status, 201);
    let pause = owner.post(&format!("/queues/{queue}/pause"), &json!({})).await;
    assert_eq!(pause.status, 200, "{pause:?}");
    tokio::time::sleep(KNOWN).await;

    let (to, spam, good) = (unique("held"), unique("spam"), unique("good"));
    let email = |to: &str| email_with(&address(to), json!({"queue": queue}));
    let ids = send_many(&thief, 20, &email(&to)).await;
    let spammed = send_many(&spammer, 3, &email(&spam)).await;
    let wanted = owner.send(&email(&good)).await;
    held(&owner, &queue, 24).await;

    let hold = revoke_with_hold(&owner, &leaked, 20).await;
    assert_eq!((&hold["keys"], &hold["counted_all"]), (&json!([leaked]), &json!(true)));
    revoke_with_hold(&owner, &unwanted, 3).await;
    let shown = owner.get(&format!("/queues/{queue}")).await.ok()["held_keys"].clone();
    assert_eq!(shown.as_array().map(Vec::len), Some(2), "{shown}");

    // After the resume only the other key's email is sent, and none of the held keys.
    let resume = owner.post(&format!("/queues/{queue}/resume"), &json!({})).await;
    assert_eq!(resume.status, 200, "{resume:?}");
    stack.functions.promote().await;
    owner.wait_for_delivery(&wanted).await;
    held(&owner, &queue, 23).await;
    assert!(stack.inbox.to(&to).await.is_empty() && stack.inbox.to(&spam).await.is_empty());

    // The deployer cancels the emails of one key without reading them; the owner releases those of the other key.
    let path = format!("/emails/cancel?key={unwanted}");
    let canceled = for_tenant(&stack, &name, Method::POST, &path, Value::Null).await;
    assert_eq!(
        (canceled.status, &canceled.body["canceled"]),
        (200, &json!(3)),
        "{canceled:?}"
    );
    for id in &spammed {
        assert_eq!(owner.email(id).await["status"], "canceled");
    }
    let (first, others) = ids.split_first().unwrap();
    let one = owner.post(&format!("/emails/{first}/cancel"), &json!({})).await;
    assert_eq!(one.status, 200, "{one:?}");

    let path = format!("/emails/release?key={leaked}");
    let refused = for_tenant(&stack, &name, Method::POST, &path, Value::Null).await;
    refused
        .refused(401, "restricted_api_key", "The deployer's key cannot send")
        .unwrap();
    let released = owner.post(&path, &json!({})).await;
    assert_eq!(
        (released.status, &released.body["released"]),
        (202, &json!(true)),
        "{released:?}"
    );
    let again = owner.post(&path, &json!({})).await;
    assert_eq!(
        (again.status, &again.body["released"]),
        (202, &json!(false)),
        "{again:?}"
    );
    stack.functions.promote().await;
    stack.functions.promote().await;
    for id in others {
        owner.wait_for_delivery(id).await;
    }
    assert_eq!(stack.inbox.to(&to).await.len(), others.len());
    assert!(stack.inbox.to(&spam).await.is_empty());
}

#[tokio::test]
async fn emails_from_a_lost_domain_wait_for_a_release() {
    let stack = Stack::shared().await;
    let domains = |list: &[&str]| json!({"from_domains": list});
    let (name, owner) = tenant(
        &stack,
        domains(&["mailqueue.example", "lost.mailqueue.example", "spam.mailqueue.example"]),
    )
    .await;
    let (_, other) = key_of(&stack, &name).await;
    let queue = unique("queue").to_lowercase().replace('_', "-");
    assert_eq!(owner.post("/queues", &json!({"name": queue})).await.status, 201);
    let pause = owner.post(&format!("/queues/{queue}/pause"), &json!({})).await;
    assert_eq!(pause.status, 200, "{pause:?}");
    tokio::time::sleep(KNOWN).await;

    let (lost, spam, good) = (unique("lost"), unique("spam"), unique("good"));
    let email = |to: &str, from: &str| email_with(&address(to), json!({"queue": queue, "from": format!("a@{from}")}));
    let mut ids = send_many(&owner, 2, &email(&lost, "lost.mailqueue.example")).await;
    ids.extend(send_many(&other, 2, &email(&lost, "lost.mailqueue.example")).await);
    let spammed = send_many(&other, 3, &email(&spam, "spam.mailqueue.example")).await;
    let wanted = owner.send(&email(&good, "mailqueue.example")).await;
    held(&owner, &queue, 8).await;

    let path = format!("/tenants/{name}");
    let (holding, kept) = (format!("{path}?hold=true"), domains(&["mailqueue.example"]));
    let hold = counted(7, async || stack.deployer.patch(&holding, &kept).await).await;
    assert!(hold["repeat_at"].is_string(), "{hold}");
    let resume = owner.post(&format!("/queues/{queue}/resume"), &json!({})).await;
    assert_eq!(resume.status, 200, "{resume:?}");
    stack.functions.promote().await;
    owner.wait_for_delivery(&wanted).await;
    held(&owner, &queue, 7).await;
    assert!(stack.inbox.to(&lost).await.is_empty() && stack.inbox.to(&spam).await.is_empty());

    // The deployer lists and cancels the emails from one domain, and releases those from the other.
    let of_domain = |path: &str, domain: &str| format!("{path}?from_domain={domain}");
    let path_of = of_domain("/emails", "lost.mailqueue.example");
    let listed = for_tenant(&stack, &name, Method::GET, &path_of, Value::Null).await.ok();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(ids.len()), "{listed}");
    let path_of = of_domain("/emails/cancel", "spam.mailqueue.example");
    let canceled = for_tenant(&stack, &name, Method::POST, &path_of, Value::Null)
        .await
        .ok();
    assert_eq!(canceled["canceled"], 3, "{canceled}");
    for id in &spammed {
        assert_eq!(owner.email(id).await["status"], "canceled");
    }
    let released = stack.deployer.patch(&format!("{path}?release=true"), &json!({})).await;
    assert_eq!(released.status, 200, "{released:?}");
    stack.functions.promote().await;
    stack.functions.promote().await;
    for id in &ids {
        owner.wait_for_delivery(id).await;
    }
    assert_eq!(stack.inbox.to(&lost).await.len(), ids.len());
    assert!(stack.inbox.to(&spam).await.is_empty());
}

#[tokio::test]
async fn emails_of_a_suspended_tenant_wait() {
    let stack = Stack::shared().await;
    let (name, owner) = tenant(&stack, json!({})).await;
    let to = unique("suspended");
    let email = email_with(&address(&to), json!({"scheduled_at": "in 15 seconds"}));
    let ids = send_many(&owner, 10, &email).await;
    let path = format!("/tenants/{name}");
    let suspend = async |suspended: bool| {
        let answer = stack.deployer.patch(&path, &json!({"suspended": suspended})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    suspend(true).await;
    // Each email is held when it becomes due.
    eventually("the emails to be held", || async {
        let queue = for_tenant(&stack, &name, Method::GET, "/queues/default", Value::Null).await;
        let shown = queue.ok();
        if shown["counts"]["held"] == ids.len() && shown["suspended"] == true {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    })
    .await;
    assert!(stack.inbox.to(&to).await.is_empty());

    suspend(false).await;
    stack.functions.promote().await;
    eventually("the tenant's key to be known again", || async {
        let answer = owner.get("/emails").await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
    for id in &ids {
        owner.wait_for_delivery(id).await;
    }
    assert_eq!(stack.inbox.to(&to).await.len(), ids.len());
}
