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
