//! Refused requests about queues.

use super::{backend, call, make};

#[tokio::test]
async fn bad_input_is_named_and_changes_nothing() {
    let backend = backend();
    make(&backend, "news").await;
    let before = backend.state().queues.clone();
    for (method, path, body, status, message) in [
        ("POST", "/queues", "{}", 422, "name: this field is required"),
        (
            "POST",
            "/queues",
            "[]",
            400,
            "The request body must be a JSON object, not an array.",
        ),
        (
            "POST",
            "/queues",
            r#"{"name":"A b"}"#,
            422,
            "name: must be 1 to 64 lower-case letters, digits or dashes",
        ),
        (
            "POST",
            "/queues",
            r#"{"name":7}"#,
            422,
            "name: must be a string, not a number",
        ),
        (
            "POST",
            "/queues",
            r#"{"name":"a","color":"red"}"#,
            422,
            "color: unknown field",
        ),
        (
            "POST",
            "/queues",
            r#"{"name":"a","name":"b"}"#,
            422,
            "name: is given more than once",
        ),
        (
            "POST",
            "/queues",
            r#"{"name":"a","priority":"top"}"#,
            422,
            "priority: must be high, normal or low",
        ),
        (
            "PATCH",
            "/queues/news",
            r#"{"priority":null}"#,
            422,
            "priority: must be high, normal or low",
        ),
        (
            "PATCH",
            "/queues/news",
            r#"{"rate_per_second":0}"#,
            422,
            "rate_per_second: must be a whole number from 1 to 100000",
        ),
        (
            "PATCH",
            "/queues/news",
            r#"{"rate_per_second":1.5}"#,
            422,
            "rate_per_second: must be a whole number from 1 to 100000",
        ),
        (
            "PATCH",
            "/queues/news",
            r#"{"retry_waits_seconds":[1,null]}"#,
            422,
            "retry_waits_seconds[1]: must be a whole number, not null",
        ),
        (
            "PATCH",
            "/queues/news",
            r#"{"default_expires_in_seconds":"1h"}"#,
            422,
            "default_expires_in_seconds: must be a whole number, not a string",
        ),
        (
            "POST",
            "/queues/news/pause",
            r#"{"until":"1969-01-01T00:00:00Z"}"#,
            422,
            "until: is in the past",
        ),
        (
            "POST",
            "/queues/news/pause",
            r#"{"reason":"a\u0000"}"#,
            422,
            "reason: control characters such as line breaks are not allowed",
        ),
        (
            "POST",
            "/queues/news/retry",
            r#"{"cause":"bad luck"}"#,
            422,
            "cause: must be a failure cause, such as rejected",
        ),
        (
            "DELETE",
            "/queues/news?cancel=yes",
            "",
            422,
            "cancel: must be true or false",
        ),
        (
            "DELETE",
            "/queues/news?force=true",
            "",
            422,
            "query: unknown parameter; the only one is cancel",
        ),
        (
            "POST",
            "/queues/none/pause",
            "",
            404,
            "No queue has this name. See GET /queues.",
        ),
        (
            "PATCH",
            "/queues/none",
            "{}",
            404,
            "No queue has this name. See GET /queues.",
        ),
    ] {
        let (found, error) = call(&backend, method, path, body).await;
        assert_eq!(
            (found, error["message"].as_str()),
            (status, Some(message)),
            "{method} {path} {body}"
        );
    }
    assert_eq!(backend.state().queues, before);
}
