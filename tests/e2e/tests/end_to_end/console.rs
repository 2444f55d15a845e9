//! The calls that the console needs beside the other ones: a preview of an email, and a key for a one-time code.

use e2e::{Api, HttpResponse, Stack, StoredParts, eventually, unique};
use futures::future::join_all;
use reqwest::{Method, header};
use serde_json::{Value, json};

use super::emails::{address, email_with};
use super::tenants::tenant;

/// A picture with one transparent pixel.
const PICTURE: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// Returns the path of a URL of this API.
fn path<'a>(api: &Api, url: &'a Value) -> &'a str {
    url.as_str()
        .unwrap()
        .strip_prefix(api.url())
        .expect("the URL has the host of the request")
}

async fn exchange(api: &Api, code: &Value) -> HttpResponse {
    let request = api.stranger(Method::POST, "/console-codes/exchange");
    api.answer(request.json(&json!({"code": code}))).await
}

async fn code(api: &Api) -> Value {
    let made = api.post("/console-codes", &json!({})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

#[tokio::test]
async fn a_preview_shows_an_email_until_it_is_erased() {
    let stack = Stack::shared().await;
    let html = "<script>parent.stolen = 1</script><p>Hello</p><img src=cid:dot><img src=https://evil.example/x>";
    let files = json!([{"filename": "dot.gif", "content": PICTURE, "content_id": "dot"}]);
    let email = email_with(
        &address(&unique("preview")),
        json!({"html": html, "attachments": files}),
    );
    let id = stack.api.send(&email).await;
    stack.api.wait_for_delivery(&id).await;
    let preview = format!("/emails/{id}/preview");
    let made = stack.api.post(&preview, &json!({})).await.ok();
    assert_eq!(made["object"], "preview");

    let url = path(&stack.api, &made["url"]);
    let page = stack.api.stranger(Method::GET, url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        assert_eq!(page.headers()[&name], value, "{name}");
    }
    let shown = html.replace("cid:dot", &format!("data:image/gif;base64,{PICTURE}"));
    assert_eq!(page.text().await.unwrap(), shown);

    // The table has no token, and the deployer reads no content.
    let token = url.strip_prefix("/previews/").unwrap();
    assert!(StoredParts::items_in(&format!("preview:{token}")).await.is_empty());
    let acting = stack
        .deployer
        .request(Method::POST, &preview)
        .header("x-mailqueue-tenant", "main");
    let refused = stack.deployer.answer(acting).await;
    assert_eq!(refused.refused(401, "restricted_api_key", ""), Ok(()));

    assert_eq!(stack.api.delete(&format!("/emails/{id}")).await.status, 200);
    let erased = stack.api.answer(stack.api.stranger(Method::GET, url)).await;
    assert_eq!(erased.refused(404, "not_found", "This preview"), Ok(()));
    let wrong = format!("/previews/{}", "0".repeat(64));
    let wrong = stack.api.answer(stack.api.stranger(Method::GET, &wrong)).await;
    assert_eq!(wrong.refused(404, "not_found", "This preview"), Ok(()));
}

#[tokio::test]
async fn a_code_is_exchanged_once() {
    let stack = Stack::shared().await;
    let (name, api) = tenant(&stack, json!({})).await;
    let made = code(&api).await;
    assert_eq!(made["object"], "console_code");
    let url = format!("{}/console/#code={}", api.url(), made["code"].as_str().unwrap());
    assert_eq!(made["url"], url);

    let answers = join_all((0..4).map(|_| exchange(&api, &made["code"]))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for answer in lost {
        assert_eq!(answer.refused(404, "not_found", "code: this code"), Ok(()));
    }
    let console = api.with_key(won[0].body["token"].as_str().unwrap());
    let account = console.get("/account").await.ok();
    let key = &account["key"];
    assert_eq!((&key["id"], &key["tenant"]), (&won[0].body["id"], &json!(name)));
    assert_eq!(key["permission"], "full_access");
    assert_eq!(key["expires_at"], won[0].body["expires_at"]);
    assert!(key["name"].as_str().unwrap().starts_with("Console "), "{key}");
    assert_eq!(console.get("/emails").await.status, 200);
}

#[tokio::test]
async fn a_key_of_the_console_ends_with_its_maker() {
    let stack = Stack::shared().await;
    let (name, _) = tenant(&stack, json!({})).await;
    let wanted = json!({
        "name": "short", "tenant": name, "permission": "read_access", "expires_at": "in 20 seconds",
    });
    let made = stack.deployer.post("/api-keys", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let short = stack.api.with_key(made.body["token"].as_str().unwrap());
    let (pending, used) = (code(&short).await, code(&short).await);
    let given = exchange(&short, &used["code"]).await;
    assert_eq!(given.status, 201, "{given:?}");
    let console = short.with_key(given.body["token"].as_str().unwrap());
    let account = console.get("/account").await.ok();
    assert_eq!(account["key"]["permission"], "read_access");
    eventually("the end of the key", || async {
        let refused = console.get("/account").await;
        refused.refused(403, "invalid_api_key", "Authorization: ")
    })
    .await;
    let late = exchange(&short, &pending["code"]).await;
    assert_eq!(late.refused(404, "not_found", "code: this code"), Ok(()));
}

#[tokio::test]
async fn the_deployer_signs_in_as_a_named_tenant() {
    let stack = Stack::shared().await;
    let (name, _) = tenant(&stack, json!({})).await;
    let unnamed = stack.deployer.post("/console-codes", &json!({})).await;
    assert_eq!(
        unnamed.refused(422, "missing_required_field", "x-mailqueue-tenant: "),
        Ok(())
    );
    let acting = stack
        .deployer
        .request(Method::POST, "/console-codes")
        .header("x-mailqueue-tenant", &name);
    let made = stack.deployer.answer(acting).await;
    assert_eq!(made.status, 201, "{made:?}");
    let given = exchange(&stack.deployer, &made.body["code"]).await;
    let console = stack.api.with_key(given.body["token"].as_str().unwrap());
    let account = console.get("/account").await.ok();
    assert_eq!(
        (&account["key"]["tenant"], &account["tenant"]),
        (&json!(name), &json!(name))
    );
    let of_deployer = stack.deployer.get("/account").await.ok();
    assert_eq!(of_deployer["key"]["permission"], "deployer");
    assert_eq!(of_deployer["key"]["id"], Value::Null);
}
