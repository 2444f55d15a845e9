//! Refusals before or without reading a body: keys, routes, methods, queries.

use e2e::{Stack, unique};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::super::emails::{FROM, address, email_to, email_with};

#[tokio::test]
async fn the_headers_of_a_request_are_checked() {
    let stack = Stack::shared().await;
    let name = unique("request-header");
    let good = email_to(&address(&name));
    let post = |path: &str, header: &str, value: &str| {
        let body = if path == "/emails" { good.clone() } else { json!([good]) };
        stack.api.request(Method::POST, path).header(header, value).json(&body)
    };
    let key = (400, "invalid_idempotency_key", "Idempotency-Key: ");
    for path in ["/emails", "/emails/batch"] {
        for value in ["", &"k".repeat(257)] {
            refused(&stack, post(path, "idempotency-key", value), key).await;
        }
    }
    let validation = (422, "validation_error", "x-batch-validation: ");
    refused(&stack, post("/emails/batch", "x-batch-validation", "loose"), validation).await;

    for (method, path) in [
        (Method::POST, "/emails"),
        (Method::POST, "/emails/batch"),
        (Method::GET, "/emails"),
        (Method::GET, "/nothing"),
    ] {
        let request = || stack.api.stranger(method.clone(), path).json(&good);
        let (none, wrong) = (
            (401, "missing_api_key", "Authorization: "),
            (403, "invalid_api_key", "Authorization: "),
        );
        refused(&stack, request(), none).await;
        refused(&stack, request().header("authorization", "Basic eDp5"), none).await;
        refused(&stack, request().header("authorization", "Bearer "), none).await;
        refused(&stack, request().bearer_auth("mq_wrong"), wrong).await;
        refused(&stack, request().bearer_auth(stack.api.key().to_uppercase()), wrong).await;
        refused(&stack, request().bearer_auth("x".repeat(5000)), wrong).await;
    }
    // The longest key is valid, and no earlier request has sent anything.
    let id = stack
        .api
        .post_once("/emails", &format!("{name}{}", "k".repeat(256 - name.len())), &good)
        .await
        .id();
    stack.api.wait_for_delivery(&id).await;
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_refused() {
    let stack = Stack::shared().await;
    let request = |method: Method, path: &str| stack.api.request(method, path);
    let id = stack.api.send(&email_to(&address(&unique("method")))).await;
    let upper = stack.api.get(&format!("/emails/{}", id.to_uppercase())).await.ok();
    assert_eq!(upper["id"], *id, "an id is a UUID, in either case");

    let (not_found, wrong_method) = ((404, "not_found", ""), (405, "method_not_allowed", ""));
    let unknown = "00000000-0000-4000-8000-000000000000";
    for path in [
        "/",
        "/nothing",
        "/emails/x",
        &format!("/emails/{unknown}"),
        &format!("/emails/{id}/nothing"),
        "/emailsx",
    ] {
        refused(&stack, request(Method::GET, path), not_found).await;
    }
    refused(&stack, request(Method::POST, "/nothing").json(&json!({})), not_found).await;
    for method in [Method::DELETE, Method::PUT, Method::PATCH] {
        refused(&stack, request(method.clone(), "/emails"), wrong_method).await;
        refused(&stack, request(method, "/emails/batch"), wrong_method).await;
    }
    for method in [Method::PUT, Method::POST] {
        refused(&stack, request(method, &format!("/emails/{id}")), wrong_method).await;
    }
    let events = format!("/emails/{id}/events");
    refused(&stack, request(Method::DELETE, &events), wrong_method).await;
}

#[tokio::test]
async fn the_list_refuses_an_unknown_cursor() {
    let stack = Stack::shared().await;
    for (query, begins) in [
        ("limit=0", "limit: "),
        ("limit=101", "limit: "),
        ("limit=x", "limit: "),
        ("after=x", "after: "),
        ("before=x", "before: "),
    ] {
        let request = stack.api.request(Method::GET, &format!("/emails?{query}"));
        refused(&stack, request, (422, "validation_error", begins)).await;
    }
}

#[tokio::test]
async fn a_permissive_batch_accepts_the_valid_emails() {
    let stack = Stack::shared().await;
    let name = unique("permissive");
    let to = address(&name);
    let batch = json!([
        email_to(&to),
        email_with(&to, json!({"from": null})),
        email_to(&to),
        email_with(&to, json!({"to": "nobody"}))
    ]);
    let request = || {
        stack
            .api
            .request(Method::POST, "/emails/batch")
            .header("x-batch-validation", "permissive")
            .header("idempotency-key", &name)
    };
    let answer = stack.api.answer(request().json(&batch)).await;
    let again = stack.api.answer(request().json(&batch)).await;
    assert!(!answer.replayed && again.replayed);
    assert_eq!(answer.body, again.body, "the refused items are repeated, too");

    let errors = answer.body["errors"]
        .as_array()
        .expect("a permissive batch has errors")
        .clone();
    let said = |at: usize| {
        (
            errors[at]["index"].clone(),
            errors[at]["message"].as_str().unwrap_or_default(),
        )
    };
    assert_eq!(errors.len(), 2);
    assert!(said(0).0 == 1 && said(0).1.starts_with("from: "), "{errors:?}");
    assert!(said(1).0 == 3 && said(1).1.starts_with("to: "), "{errors:?}");
    for id in answer.ids() {
        stack.api.wait_for_delivery(&id).await;
    }
    assert_eq!(stack.inbox.to(&name).await.len(), 2);
    assert_eq!(stack.inbox.to(&name).await[0].from, FROM);
}

async fn refused(stack: &Stack, request: RequestBuilder, (status, name, begins): (u16, &str, &str)) {
    let shown = format!("{request:?}");
    stack
        .api
        .answer(request)
        .await
        .refused(status, name, begins)
        .unwrap_or_else(|difference| panic!("{shown}: {difference}"));
}
