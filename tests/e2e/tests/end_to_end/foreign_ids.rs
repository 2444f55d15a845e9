//! A tenant finds no object of another one, of any kind that the API has.

use std::collections::BTreeMap;

use e2e::{Api, Stack, root, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::{address, email_with};
use super::tenants::{name, tenant};

/// Creates one object of each kind with an id, as one tenant. The keys are the first part of the path and the
/// placeholder in it.
async fn one_of_each(stack: &Stack, api: &Api) -> BTreeMap<&'static str, String> {
    let queue = name("queue");
    assert_eq!(api.post("/queues", &json!({"name": queue})).await.status, 201);
    let paused = api.post(&format!("/queues/{queue}/pause"), &json!({})).await;
    assert_eq!(paused.status, 200);
    let to = address(&unique("private"));
    let file = json!({"filename": "private.txt", "content": "cHJpdmF0ZQ=="});
    let more = json!({"queue": queue, "subject": "Private", "attachments": [file]});
    let email = api.send(&email_with(&to, more)).await;
    let files = api.get(&format!("/emails/{email}/attachments")).await;
    let job = api.post(&format!("/queues/{queue}/purge"), &json!({})).await;
    let suppression = api.post("/suppressions", &json!({"email": to})).await;
    let key = stack.deployer.post("/api-keys", &json!({"name": "private"})).await;
    let domain = format!("{}.example", unique("private").to_lowercase());
    let domain = api.post("/domains", &json!({"name": domain})).await;
    let id = |body: &Value| body["id"].as_str().unwrap().to_owned();
    // A webhook marks the emails of its tenant, so it has one of its own.
    let (_, owner) = tenant(stack, json!({})).await;
    let created = async |path: &str, body: Value| id(&owner.post(path, &body).await.body);
    let webhook = created("/webhooks", json!({"delivery": "pull", "events": ["email.sent"]})).await;
    let event = created(&format!("/webhooks/{webhook}/test"), json!({})).await;
    let since = json!({"since": "2026-11-29T00:00:00Z"});
    let recovery = created(&format!("/webhooks/{webhook}/recover"), since).await;
    BTreeMap::from([
        ("webhooks/{webhook}", webhook),
        ("webhooks/{event}", event),
        ("webhooks/{job}", recovery),
        ("domains/{domain}", id(&domain.body)),
        ("emails/{id}", email),
        ("emails/{attachment_id}", id(&files.body["data"][0])),
        ("queues/{name}", queue),
        ("queues/{id}", id(&job.body)),
        ("suppressions/{suppression}", id(&suppression.body)),
        ("api-keys/{id}", id(&key.body)),
    ])
}

#[tokio::test]
async fn another_tenants_ids_are_not_found() {
    let stack = Stack::shared().await;
    let ids = one_of_each(&stack, &stack.api).await;
    let (_, foreign) = tenant(&stack, json!({})).await;
    let described = std::fs::read_to_string(root().join("openapi.json")).unwrap();
    let described: Value = serde_json::from_str(&described).unwrap();
    let mut tried = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        // The URL of a preview has no id: its token stands for a key.
        if !path.contains('{') || path.starts_with("/tenants") || path.starts_with("/previews") {
            continue;
        }
        let kind = path.split('/').nth(1).unwrap();
        let place = |segment: &str| ids.get(format!("{kind}/{segment}").as_str()).cloned();
        let segments = path
            .split('/')
            .map(|segment| place(segment).unwrap_or_else(|| segment.to_owned()));
        let path = segments.collect::<Vec<_>>().join("/");
        assert!(!path.contains('{'), "an id of another kind: {path}");
        for (method, operation) in methods.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let mut request = foreign.request(method.clone(), &path);
            if !body.is_null() {
                request = request.json(body);
            }
            let answer = foreign.answer(request).await;
            assert_eq!(
                (answer.status, &answer.body["name"]),
                (404, &json!("not_found")),
                "{method} {path}: {answer:?}"
            );
            tried += 1;
        }
    }
    assert!(tried >= 21, "{tried}");
    // Its own tenant still finds everything, unchanged.
    let own = [
        format!("/emails/{}", ids["emails/{id}"]),
        format!("/queues/{}", ids["queues/{name}"]),
        format!("/queues/{}/jobs/{}", ids["queues/{name}"], ids["queues/{id}"]),
        format!("/suppressions/{}", ids["suppressions/{suppression}"]),
    ];
    for path in own {
        assert_eq!(stack.api.get(&path).await.status, 200);
    }
    let renamed = stack
        .api
        .patch(&format!("/api-keys/{}", ids["api-keys/{id}"]), &json!({"name": "mine"}))
        .await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    for list in [
        "/emails",
        "/queues",
        "/suppressions",
        "/api-keys",
        "/failures",
        "/emails/metrics",
    ] {
        let shown = foreign.get(list).await.ok().to_string();
        for id in ids.values() {
            assert!(!shown.contains(id), "{list} shows {id}");
        }
    }
}
