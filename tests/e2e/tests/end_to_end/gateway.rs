//! The gateway before the functions: spellings of a path, and its own responses.

use e2e::{Stack, unique};
use reqwest::Method;
use serde_json::json;

use super::emails::{address, email_to};

#[tokio::test]
async fn every_spelling_of_the_path_accepts_an_email() {
    let stack = Stack::shared().await;
    let email = email_to(&address(&unique("spelling")));
    for path in ["/emails", "/emails/", "//emails", "/email"] {
        let accepted = stack.api.post(path, &email).await.ok();
        assert!(accepted["id"].is_string(), "{path}: {accepted}");
    }
}

/// Through the gateway: the slash at the end reaches the function, and so does every file that the page names.
#[tokio::test]
async fn the_console_is_served_without_a_key() {
    let stack = Stack::shared().await;
    let get = async |path: &str, encoding: &str| {
        let request = stack
            .api
            .stranger(Method::GET, path)
            .header("accept-encoding", encoding);
        request.send().await.unwrap()
    };
    let page = get("/console", "identity").await;
    assert_eq!(page.url().path(), "/console/", "the redirect was followed");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("trusted-types 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    let (_, rest) = page.split_once("src=\"./").unwrap();
    let (script, _) = rest.split_once('"').unwrap();
    let path = format!("/console/{script}");
    let plain = get(&path, "identity").await;
    assert_eq!(plain.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(plain.headers()["cache-control"], "public, max-age=31536000, immutable");
    let plain = plain.bytes().await.unwrap();
    let packed = get(&path, "br").await;
    assert_eq!(packed.headers()["content-encoding"], "br");
    let packed = packed.bytes().await.unwrap();
    assert!(packed.len() < plain.len(), "{} of {} bytes", packed.len(), plain.len());
    let gone = get("/console/0123456789abcdef/main.js", "br").await;
    assert_eq!(gone.status(), 404);
    let refused = stack.api.stranger(Method::POST, "/console/").send().await.unwrap();
    assert_eq!(refused.status(), 405);
}

#[tokio::test]
async fn the_gateway_refuses_in_its_own_words_on_demand() {
    let stack = Stack::shared().await;
    let path = format!("/queues/{}", unique("gateway"));
    let faults = json!({"faults": [{"status": 429, "path": path}]});
    let request = stack.api.stranger(Method::PUT, "/_gateway/faults").json(&faults);
    assert_eq!(stack.api.answer(request).await.status, 200);
    let own = stack.api.get(&path).await;
    assert_eq!((own.status, own.body), (429, json!({"message": "Too Many Requests"})));
    assert_eq!(stack.api.get(&path).await.refused(404, "not_found", ""), Ok(()));
}
