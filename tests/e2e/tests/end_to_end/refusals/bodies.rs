//! Bodies that are refused as a whole: malformed JSON, too many emails, too many bytes.

use serde_json::{Value, json};

use super::super::emails::{email_to, email_with};
use super::{Refusal, bad, case, missing, refuse_all};

fn malformed(begins: &str) -> Refusal {
    (400, "validation_error", begins.to_owned())
}

#[tokio::test]
async fn a_body_that_is_no_request_is_malformed() {
    refuse_all(|to| {
        let not_json = "The request body is not valid JSON";
        let good = email_to(to).to_string();
        let mut cases = vec![
            case("nothing", "/emails", "", malformed(not_json)),
            case(
                "an array",
                "/emails",
                "[]",
                malformed("The request body must be a JSON object"),
            ),
            case(
                "a text",
                "/emails",
                "\"x\"",
                malformed("The request body must be a JSON object"),
            ),
            case(
                "an object for a batch",
                "/emails/batch",
                good.clone(),
                malformed("The request body must be a JSON array"),
            ),
            case(
                "an email in an array",
                "/emails",
                format!("[{good}]"),
                malformed("The request body must be a JSON object"),
            ),
            case(
                "malformed UTF-8",
                "/emails",
                [&good.as_bytes()[..good.len() - 2], b"\xff\xfe\"}"].concat(),
                malformed("The request body is not UTF-8"),
            ),
        ];
        let nested = |open: &str, close: &str| {
            let deep = format!("{}{}", open.repeat(20_000), close.repeat(20_000));
            good.replacen("\"Hello\"", &deep, 1)
        };
        let too_deep = "The request body is nested too deeply";
        let half: String = good.chars().take(good.len() / 2).collect();
        for (what, body, begins) in [
            ("half of it", half, not_json),
            ("two of it", good.repeat(2), not_json),
            ("a comma too many", good.replace('}', ",}"), not_json),
            ("a line break in a string", good.replace("Hello!", "a\nb"), not_json),
            ("arrays 20,000 deep", nested("[", "]"), too_deep),
            ("objects 20,000 deep", nested("{\"a\":", "}"), too_deep),
            ("only brackets", "[".repeat(20_000), too_deep),
        ] {
            let body = body.into_bytes();
            cases.push(case(what, "/emails", body.clone(), malformed(begins)));
            let batch = [b"[".as_slice(), &body, b"]"].concat();
            cases.push(case(
                format!("{what}, in a batch"),
                "/emails/batch",
                batch,
                malformed(begins),
            ));
        }
        cases
    })
    .await;
}

#[tokio::test]
async fn a_duplicate_json_key_is_refused() {
    refuse_all(|to| {
        let twice = |field: &str, value: &str| {
            email_to(to)
                .to_string()
                .replacen('{', &format!("{{\"{field}\":{value},"), 1)
        };
        ["from", "to", "subject", "text"]
            .into_iter()
            .map(|field| {
                case(
                    format!("{field} twice"),
                    "/emails",
                    twice(field, "\"a@example.com\""),
                    bad(field),
                )
            })
            .chain([case(
                "tags twice",
                "/emails",
                twice("tags", "[],\"tags\":[]"),
                bad("tags"),
            )])
            .collect()
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_refused_for_its_size_or_one_item() {
    refuse_all(|to| {
        let batch = |items: Vec<Value>| Value::from(items).to_string();
        let good = || email_to(to);
        let size = |count: usize| {
            let begins = "A batch must contain 1 to 500 emails".to_owned();
            case(
                format!("{count} emails"),
                "/emails/batch",
                batch(vec![good(); count]),
                (422, "validation_error", begins),
            )
        };
        let item = |changes: Value, refusal: Refusal| {
            case(
                changes.to_string(),
                "/emails/batch",
                batch(vec![good(), good(), email_with(to, changes)]),
                refusal,
            )
        };
        vec![
            size(0),
            size(501),
            item(json!({"from": null}), missing("[2].from")),
            item(
                json!({"from": "nobody"}),
                (422, "invalid_from_address", "[2].from: ".to_owned()),
            ),
            item(json!({"to": [to, "nobody"]}), bad("[2].to[1]")),
            item(json!({"headers": {"Bcc": "a@example.com"}}), bad("[2].headers.Bcc")),
            item(json!({"scheduled_at": "2020-01-01T00:00:00Z"}), bad("[2].scheduled_at")),
            item(json!({"scheduled_at": "tomorrow"}), bad("[2].scheduled_at")),
            case(
                "a text as an item",
                "/emails/batch",
                batch(vec![good(), json!("x")]),
                bad("[1]"),
            ),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_request_over_four_mebibytes_is_too_large() {
    refuse_all(|to| {
        let too_large = || (413, "validation_error", "The request body is too large".to_owned());
        let email = email_with(to, json!({"html": "x".repeat(4 * 1024 * 1024)})).to_string();
        vec![
            case("one email", "/emails", email.clone(), too_large()),
            case("a batch", "/emails/batch", format!("[{email}]"), too_large()),
        ]
    })
    .await;
}
