//! Two tenants on one stack: neither sees the other's data, and each sends within its own limits. A key has its
//! permissions until it is revoked.

use std::time::{Duration, Instant};

use e2e::{Api, Stack, eventually, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::{FROM, address, email_to, email_with};

/// Returns a valid name of a tenant or a queue.
pub(super) fn name(of: &str) -> String {
    unique(of).to_lowercase().replace('_', "-")
}

/// Creates a tenant with these limits; returns its name and the API with its key.
pub(super) async fn tenant(stack: &Stack, limits: Value) -> (String, Api) {
    let name = name("tenant");
    let mut wanted = json!({"name": name, "from_domains": ["mailqueue.example"]});
    wanted
        .as_object_mut()
        .unwrap()
        .extend(limits.as_object().unwrap().clone());
    let made = stack.deployer.post("/tenants", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let api = with_new_key(stack, json!({"name": "test", "tenant": name})).await;
    (name, api)
}

/// Creates a key as the deployer; returns the API with it.
async fn with_new_key(stack: &Stack, wanted: Value) -> Api {
    let made = stack.deployer.post("/api-keys", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    stack.api.with_key(made.body["token"].as_str().unwrap())
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_one_tenant() {
    let stack = Stack::shared().await;
    let (_, api) = tenant(&stack, json!({})).await;
    let (ours, theirs) = (unique("ours"), unique("theirs"));
    let first = stack
        .api
        .post_once("/emails", &ours, &email_to(&address(&ours)))
        .await
        .id();
    let second = api.post_once("/emails", &ours, &email_to(&address(&theirs))).await.id();
    assert_ne!(first, second);
    let delivered = api.wait_for_delivery(&second).await;
    assert_eq!(delivered["to"], json!([address(&theirs)]));
    stack.api.wait_for_delivery(&first).await;
    assert_eq!(stack.inbox.to(&theirs).await.len(), 1);
    let bounces = api
        .send(&email_to(&format!("bounce+{}@simulator.amazonses.com", unique("t"))))
        .await;
    api.wait_for(&bounces, &json!({"last_event": "bounced"})).await;
}

#[tokio::test]
async fn a_restricted_key_sends_from_its_domain_until_revoked() {
    let stack = Stack::shared().await;
    let wanted = json!({
        "name": "narrow", "permission": "sending_access", "from_domains": ["mailqueue.example"], "expires_at": "in 1 hour",
    });
    let narrow = with_new_key(&stack, wanted).await;
    let to = address(&unique("narrow"));
    let id = narrow.send(&email_to(&to)).await;
    stack.api.wait_for_delivery(&id).await;

    let elsewhere = email_with(&to, json!({"from": "a@other.example"}));
    let restricted = |answer: &e2e::HttpResponse, begins: &str| answer.refused(401, "restricted_api_key", begins);
    restricted(&narrow.post("/emails", &elsewhere).await, "from: ").unwrap();
    let batch = json!([email_to(&to), elsewhere]);
    restricted(&narrow.post("/emails/batch", &batch).await, "[1].from: ").unwrap();
    for path in ["/emails", "/queues", "/api-keys", &format!("/emails/{id}")] {
        restricted(&narrow.get(path).await, "This API key").unwrap();
    }
    restricted(&narrow.post("/queues", &json!({"name": "x"})).await, "This API key").unwrap();
    restricted(
        &stack.deployer.post("/emails", &email_to(&to)).await,
        "The deployer's key cannot send",
    )
    .unwrap();
    restricted(
        &stack
            .api
            .post("/tenants", &json!({"name": "x", "from_domains": ["*"]}))
            .await,
        "Only the",
    )
    .unwrap();

    let key = narrow.key().split('_').nth(1).unwrap().to_owned();
    let keys = stack.deployer.get("/api-keys?limit=100").await.ok();
    let listed = |key: &Value| key["id"].as_str().unwrap().replace('-', "");
    let shown = keys["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|shown| listed(shown) == key);
    let shown = shown.expect("the key is listed");
    assert!(shown["last_used_at"].is_string(), "{shown}");
    let revoked = stack
        .api
        .delete(&format!("/api-keys/{}", shown["id"].as_str().unwrap()))
        .await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    let began = Instant::now();
    eventually("the key to be good for nothing", || async {
        // A dry run checks the key without sending.
        let answer = narrow.post("/emails?dry_run=true", &email_to(&to)).await;
        answer.refused(403, "invalid_api_key", "Authorization: ")
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test]
async fn only_the_tenant_beyond_its_cap_is_refused() {
    let stack = Stack::shared().await;
    let (name, api) = tenant(&stack, json!({"daily_cap": 3})).await;
    let (_, other) = tenant(&stack, json!({"daily_cap": 1_000})).await;
    let to = unique("capped");
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(api.send(&email_to(&address(&to))).await);
    }
    let over = api.post("/emails", &email_to(&address(&to))).await;
    over.refused(429, "daily_quota_exceeded", "This tenant").unwrap();
    assert!((1..=86_400).contains(&over.retry_after.unwrap()), "{over:?}");
    let five = json!(["a", "b", "c", "d", "e"].map(|n| format!("{n}.{}", address(&to))));
    let never = api.post("/emails", &email_with("", json!({"to": five}))).await;
    never
        .refused(422, "validation_error", "The request has 5 recipients")
        .unwrap();
    let others = other.send(&email_to(&address(&unique("other")))).await;
    other.wait_for_delivery(&others).await;
    for id in &sent {
        api.wait_for_delivery(id).await;
    }
    assert_eq!(stack.inbox.to(&to).await.len(), 3);

    // A raised cap takes effect within half a minute; a suspension makes the keys invalid.
    let path = format!("/tenants/{name}");
    assert_eq!(
        stack.deployer.patch(&path, &json!({"daily_cap": 100})).await.status,
        200
    );
    let again = eventually("the cap to be raised", || async {
        let answer = api.post("/emails", &email_to(&address(&to))).await;
        if answer.status == 200 {
            Ok(answer.id())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
    api.wait_for_delivery(&again).await;
    assert_eq!(
        stack.deployer.patch(&path, &json!({"suspended": true})).await.status,
        200
    );
    eventually("the tenant to be suspended", || async {
        let answer = api.get("/emails").await;
        answer.refused(403, "invalid_api_key", "Authorization: ")
    })
    .await;
    let elsewhere = email_with(&address(&to), json!({"from": "a@other.example"}));
    let refused = other.post("/emails", &elsewhere).await;
    refused.refused(422, "invalid_from_address", "from: ").unwrap();
    assert!(FROM.ends_with("@mailqueue.example"));
}

/// Calls the API as the deployer, for a tenant.
pub(super) async fn for_tenant(
    stack: &Stack,
    tenant: &str,
    method: Method,
    path: &str,
    body: Value,
) -> e2e::HttpResponse {
    let mut request = stack
        .deployer
        .request(method, path)
        .header("x-mailqueue-tenant", tenant);
    if !body.is_null() {
        request = request.json(&body);
    }
    stack.deployer.answer(request).await
}

#[tokio::test]
async fn the_deployer_deletes_a_tenant_without_reading_it() {
    let stack = Stack::shared().await;
    let (tenant, api) = tenant(&stack, json!({})).await;
    let queue = name("queue");
    assert_eq!(api.post("/queues", &json!({"name": queue})).await.status, 201);
    let act = async |method: Method, path: &str, body: Value| for_tenant(&stack, &tenant, method, path, body).await;
    let paused = act(
        Method::POST,
        &format!("/queues/{queue}/pause"),
        json!({"reason": "a flood"}),
    )
    .await;
    assert_eq!(
        (paused.status, &paused.body["paused"]),
        (200, &json!(true)),
        "{paused:?}"
    );

    let (secret, to) = (unique("secret"), address(&unique("hidden")));
    let email = |more: Value| {
        let mut email = email_with(&to, more);
        email["subject"] = json!(secret);
        email
    };
    let sent = api.send(&email(json!({}))).await;
    api.wait_for_delivery(&sent).await;
    let waiting = api.send(&email(json!({"queue": queue}))).await;
    let scheduled = api.send(&email(json!({"scheduled_at": "in 2 hours"}))).await;

    // The list is an index, which shows the newest emails after a moment.
    let page = eventually("all three emails in the list", || async {
        let page = act(Method::GET, "/emails", Value::Null).await.ok();
        let ids = page["data"].as_array().map_or(0, Vec::len);
        if ids == 3 { Ok(page) } else { Err(page.to_string()) }
    })
    .await;
    let one = act(Method::GET, &format!("/emails/{sent}"), Value::Null).await.ok();
    assert_eq!((&one["status"], &one["recipient_count"]), (&json!("sent"), &json!(1)));
    let past = act(Method::GET, &format!("/emails/{sent}/events"), Value::Null)
        .await
        .ok();
    assert_eq!(past["data"][0]["type"], "accepted", "{past}");
    for shown in [page, one, past] {
        let text = shown.to_string();
        assert!(!text.contains(&secret) && !text.contains('@'), "{text}");
    }
    for (method, path) in [
        (Method::POST, "/emails".to_owned()),
        (Method::POST, format!("/emails/{sent}/retry")),
        (Method::PATCH, format!("/emails/{scheduled}")),
        (Method::POST, format!("/queues/{queue}/restore")),
        (Method::GET, "/suppressions".to_owned()),
    ] {
        let refused = act(method, &path, email(json!({}))).await;
        refused
            .refused(401, "restricted_api_key", "The deployer's key cannot send")
            .unwrap();
    }
    let missing = stack.deployer.get("/emails").await;
    missing
        .refused(422, "missing_required_field", "x-mailqueue-tenant: ")
        .unwrap();
    let unknown = for_tenant(&stack, &name("nobody"), Method::GET, "/emails", Value::Null).await;
    unknown.refused(404, "not_found", "x-mailqueue-tenant: ").unwrap();
    let other = api.request(Method::GET, "/emails").header("x-mailqueue-tenant", "main");
    api.answer(other)
        .await
        .refused(401, "restricted_api_key", "x-mailqueue-tenant: ")
        .unwrap();

    // A suspended tenant is deleted once no work of it is unfinished.
    let path = format!("/tenants/{tenant}");
    let live = stack.deployer.delete(&path).await;
    live.refused(409, "validation_error", "This tenant is not suspended")
        .unwrap();
    assert_eq!(
        stack.deployer.patch(&path, &json!({"suspended": true})).await.status,
        200
    );
    eventually("the unfinished emails to be named", || async {
        let answer = stack.deployer.delete(&path).await;
        answer.refused(409, "validation_error", "This tenant has unfinished work: ")
    })
    .await;
    let canceled = act(Method::POST, &format!("/emails/{scheduled}/cancel"), Value::Null).await;
    assert_eq!(canceled.status, 200, "{canceled:?}");
    let purged = act(Method::POST, &format!("/queues/{queue}/purge"), Value::Null).await;
    assert_eq!(purged.status, 202, "{purged:?}");
    let resumed = act(Method::POST, &format!("/queues/{queue}/resume"), Value::Null).await;
    assert_eq!(resumed.status, 200, "{resumed:?}");
    let gone = act(Method::GET, &format!("/emails/{waiting}"), Value::Null).await.ok();
    assert_eq!(gone["status"], "canceled", "{gone}");
    let deleted = eventually("the tenant to be deleted", || async {
        let answer = stack.deployer.delete(&path).await;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
    assert_eq!(deleted, json!({"object": "tenant", "name": tenant, "deleted": true}));
    let again = json!({"name": tenant, "from_domains": ["mailqueue.example"]});
    let again = stack.deployer.post("/tenants", &again).await;
    again
        .refused(409, "validation_error", "A tenant with this name was deleted")
        .unwrap();
    assert_eq!(act(Method::GET, "/emails", Value::Null).await.status, 404);
}
