//! Requests that are refused, each with its status, name and path.

use serde_json::{Value, json};

use super::tests::{good, list, parse, with, without};
use super::*;

#[test]
fn every_bad_email_has_its_status_name_and_path() {
    const V: &str = "validation_error";
    const M: &str = "missing_required_field";
    const F: &str = "invalid_from_address";
    let mut bad_to = list(5);
    if let Some(entry) = bad_to.get_mut(3) {
        *entry = "nobody".to_owned();
    }
    let tags47: Vec<Value> = (0..47)
        .map(|i| json!({"name": format!("t{i}"), "value": "v"}))
        .collect();
    let headers15: serde_json::Map<String, Value> = (0..15).map(|i| (format!("X-{i}"), json!("v"))).collect();
    let tag = |name: &str, value: &str| with(json!({"tags": [{"name": name, "value": value}]}));
    let header = |name: &str, value: &str| with(json!({"headers": {name: value}}));
    let mut records = vec![
        // Missing.
        (without("from"), M, "from: "),
        (without("to"), M, "to: "),
        (without("subject"), M, "subject: "),
        (without("text"), M, "html: "),
        (with(json!({"from": null})), M, "from: "),
        (with(json!({"to": null})), M, "to: "),
        (with(json!({"subject": null})), M, "subject: "),
        (json!({}), M, "from: "),
        (with(json!({"tags": [{"name": "a"}]})), M, "tags[0].value: "),
        (with(json!({"tags": [{"value": "a"}]})), M, "tags[0].name: "),
        // Wrong types.
        (with(json!({"from": 1})), V, "from: must be a string, not a number"),
        (
            with(json!({"from": ["a@b.co"]})),
            V,
            "from: must be a string, not an array",
        ),
        (
            with(json!({"to": true})),
            V,
            "to: must be a string or an array of strings, not a boolean",
        ),
        (
            with(json!({"to": {"email": "a@b.co"}})),
            V,
            "to: must be a string such as \"Ada <ada@example.com>\", not an object",
        ),
        (
            with(json!({"to": [{"email": "a@b.co", "name": "A"}]})),
            V,
            "to[0]: must be a string such as \"Ada <ada@example.com>\", not an object",
        ),
        (
            with(json!({"from": {"email": "a@b.co"}})),
            V,
            "from: must be a string such as \"Ada <ada@example.com>\", not an object",
        ),
        (
            with(json!({"to": ["a@b.co", null]})),
            V,
            "to[1]: must be a string, not null",
        ),
        (
            with(json!({"cc": [["a@b.co"]]})),
            V,
            "cc[0]: must be a string, not an array",
        ),
        (with(json!({"bcc": 1.5})), V, "bcc: "),
        (with(json!({"reply_to": -1})), V, "reply_to: "),
        (with(json!({"subject": {}})), V, "subject: "),
        (with(json!({"html": 1})), V, "html: "),
        (with(json!({"text": []})), V, "text: "),
        (with(json!({"headers": "X-A: 1"})), V, "headers: must be an object"),
        (with(json!({"headers": ["X-A"]})), V, "headers[0]: must be an object"),
        (
            with(json!({"headers": {"X-A": true}})),
            V,
            "headers.X-A: must be a string",
        ),
        (with(json!({"tags": {"name": "a", "value": "b"}})), V, "tags: "),
        (with(json!({"tags": ["a"]})), V, "tags[0]: must be an object"),
        (with(json!({"tags": [null]})), V, "tags[0]: must be an object"),
        (with(json!({"tags": [{"name": 1, "value": "b"}]})), V, "tags[0].name: "),
        // Unknown and unsupported.
        (
            with(json!({"sbuject": "x"})),
            V,
            "sbuject: unknown field; did you mean subject?",
        ),
        (
            with(json!({"sbuject": null})),
            V,
            "sbuject: unknown field; did you mean subject?",
        ),
        (with(json!({"x\r\ny": 1})), V, "x\\r\\ny: unknown field"),
        (with(json!({"": 1})), V, "\"\": unknown field"),
        (
            with(json!({"replyto": "a@b.co"})),
            V,
            "replyto: unknown field; did you mean reply_to?",
        ),
        (
            with(json!({"reply_to": "a@b.co", "replyTo": "a@b.co"})),
            V,
            "reply_to: is given more than once",
        ),
        (
            with(json!({"From": "a@b.co"})),
            V,
            "From: unknown field; did you mean from?",
        ),
        (
            with(json!({"tags": [{"name": "a", "value": "b", "c": 1}]})),
            V,
            "tags[0].c: unknown field",
        ),
        (
            with(json!({"scheduled_at": "tomorrow"})),
            V,
            "scheduled_at: must be a time with its offset",
        ),
        (
            with(json!({"scheduled_at": 1_795_512_600})),
            V,
            "scheduled_at: must be a string, not a number",
        ),
        (
            with(json!({"scheduledat": "in 1 min"})),
            V,
            "scheduledat: unknown field; did you mean scheduled_at?",
        ),
        (
            with(json!({"scheduledAt": "in 1 min", "scheduled_at": "in 1 min"})),
            V,
            "scheduled_at: is given more than once",
        ),
        (
            with(json!({"template": {"id": "x"}})),
            V,
            "template: this field is not supported; send html or text.",
        ),
        (
            with(json!({"topic_id": "x"})),
            V,
            "topic_id: this field is not supported; remove it.",
        ),
        (
            with(json!({"react": {}})),
            V,
            "react: this field is not supported; send the rendered html",
        ),
        (
            with(json!({"queue": "X"})),
            V,
            "queue: must be 1 to 64 lower-case letters, digits or dashes",
        ),
        (
            with(json!({"priority": "highest"})),
            V,
            "priority: must be high, normal or low",
        ),
        (
            with(json!({"expires_at": "x"})),
            V,
            "expires_at: must be a time with its offset",
        ),
        (
            with(json!({"on_uncertain": "Hold"})),
            V,
            "on_uncertain: must be resend or hold",
        ),
        (
            with(json!({"on_uncertain": true})),
            V,
            "on_uncertain: must be a string, not a boolean",
        ),
        // From.
        (with(json!({"from": ""})), F, "from: "),
        (with(json!({"from": "Ada"})), F, "from: "),
        (with(json!({"from": "a@b.co, c@d.co"})), F, "from: "),
        (with(json!({"from": "a@localhost"})), F, "from: "),
        (with(json!({"from": "ada@b.co\r\nBcc: x@y.zz"})), F, "from: "),
        (with(json!({"from": "A\0 <ada@b.co>"})), F, "from: "),
        // Recipients.
        (
            with(json!({"to": bad_to})),
            V,
            "to[3]: the address must contain exactly one @",
        ),
        (with(json!({"to": ""})), V, "to: the address is empty"),
        (
            with(json!({"to": "a@b.co,c@d.co"})),
            V,
            "to: give one address per entry",
        ),
        (with(json!({"to": []})), V, "to: at least one recipient"),
        (with(json!({"to": list(51)})), V, "to: has 51 entries"),
        (
            with(json!({"to": list(49), "cc": "a@b.co", "bcc": ["c@d.co"]})),
            V,
            "to: to, cc and bcc have 51",
        ),
        (with(json!({"cc": ["a@b.co", "x"]})), V, "cc[1]: "),
        (with(json!({"bcc": ["a@b.co\n"]})), V, "bcc[0]: "),
        (with(json!({"reply_to": ["x"]})), V, "reply_to[0]: "),
        (with(json!({"reply_to": list(51)})), V, "reply_to: has 51 entries"),
        (
            with(json!({"to": ["ä@b.co"]})),
            V,
            "to[0]: the part before the @ must be ASCII",
        ),
        (with(json!({"to": "<@a,@b:c@d.co>"})), V, "to: source routes"),
        (with(json!({"to": "g: a@b.co;"})), V, "to: groups"),
        // Content.
        (with(json!({"subject": ""})), V, "subject: the subject is empty"),
        (
            with(json!({"subject": "a\r\nBcc: x@y.zz"})),
            V,
            "subject: control characters",
        ),
        (with(json!({"subject": "a\0"})), V, "subject: control characters"),
        (with(json!({"subject": "a\tb"})), V, "subject: control characters"),
        (
            with(json!({"subject": "s".repeat(990)})),
            V,
            "subject: is too long: 990 bytes",
        ),
        (
            with(json!({"html": "", "text": ""})),
            V,
            "html: html and text are both empty",
        ),
        (
            with(json!({"html": "\0", "text": "\0"})),
            V,
            "html: html and text are both empty",
        ),
        // Headers.
        (
            with(json!({"headers": headers15})),
            V,
            "headers: has 15 entries; at most 14",
        ),
        (header("", "v"), V, "headers: the header name is empty"),
        (header("X A", "v"), V, "headers: a header name may contain only"),
        (header("X:A", "v"), V, "headers.X:A: a header name may contain only"),
        (header("X-A\r\nBcc", "v"), V, "headers: a header name may contain only"),
        (header("X-A\0", "v"), V, "headers: a header name may contain only"),
        (header("X-Ä", "v"), V, "headers: a header name may contain only"),
        (header(&"x".repeat(127), "v"), V, "headers: is too long: 127"),
        (header("X-A", ""), V, "headers.X-A: the value is empty"),
        (header("X-A", "a\r\nBcc: x"), V, "headers.X-A: control characters"),
        (header("X-A", "a\0"), V, "headers.X-A: control characters"),
        (header("X-A", &"v".repeat(871)), V, "headers.X-A: is too long: 871"),
        (header("X-A", &"ü".repeat(400)), V, "headers.X-A: is too long"),
        (
            with(json!({"headers": {"X-A": "1", "x-a": "2"}})),
            V,
            "headers.x-a: is given more than once",
        ),
        // Tags.
        (with(json!({"tags": tags47})), V, "tags: has 47 entries; at most 46"),
        (tag("", "v"), V, "tags[0].name: must be 1 to 256"),
        (tag("a", ""), V, "tags[0].value: must be 1 to 256"),
        (tag("a b", "v"), V, "tags[0].name: must be 1 to 256"),
        (tag("a", "v\n"), V, "tags[0].value: must be 1 to 256"),
        (tag("ä", "v"), V, "tags[0].name: must be 1 to 256"),
        (tag("a", &"v".repeat(257)), V, "tags[0].value: must be 1 to 256"),
        (tag("mq_id", "v"), V, "tags[0].name: names that start with mq_"),
        (tag("MQ_ID", "v"), V, "tags[0].name: names that start with mq_"),
        (
            with(json!({"tags": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]})),
            V,
            "tags[1].name: is given more than once",
        ),
    ];
    for name in [
        "From",
        "to",
        "Cc",
        "BCC",
        "Reply-To",
        "subject",
        "Received",
        "Content-Type",
        "content-transfer-encoding",
        "DKIM-Signature",
        "X-SES-CONFIGURATION-SET",
        "ARC-Seal",
        "X-Email-Id",
        "Resent-To",
    ] {
        records.push((header(name, "v"), V, "headers."));
    }
    for (value, name, prefix) in &records {
        let error = parse(value).unwrap_err();
        assert_eq!(
            (error.status(), error.name().as_str()),
            (422, *name),
            "{error} for {value}"
        );
        assert!(error.message().starts_with(prefix), "{error} is not {prefix}");
        // The same in a batch, with the item's path before it.
        let batch = json!([good(), good(), value]).to_string();
        let strict = parse_batch(batch.as_bytes(), BatchValidation::Strict).unwrap_err();
        assert_eq!((strict.status(), strict.name()), (error.status(), error.name()));
        assert_eq!(strict.message(), format!("[2].{}", error.message()));
    }
}

#[test]
fn a_body_that_is_no_json_object_is_malformed() {
    let deep = "[".repeat(20_000);
    let deep_objects = "{\"a\":".repeat(20_000);
    let closed = format!("{{\"to\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let many = format!("[{}0]", "0,".repeat(300_000));
    let records: Vec<&[u8]> = vec![
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b"\"x\"",
        b"1",
        b"true",
        b"{} {}",
        b"{'a': 1}",
        b"{\"from\": \"\xff\"}",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\xef\xbb\xbf",
        b"{\"from\": \"a\nb\"}",
        b"{\"from\": 1e999}",
        b"{\"from\": NaN}",
        deep.as_bytes(),
        deep_objects.as_bytes(),
        closed.as_bytes(),
        many.as_bytes(),
    ];
    for body in records {
        let error = parse_email(body).unwrap_err();
        assert_eq!((error.status(), error.name().as_str()), (400, "validation_error"));
        assert!(error.message().starts_with("The request body "), "{error}");
    }
    for body in ["{}", "null", "\"x\"", "[", "", deep.as_str()] {
        let error = parse_batch(body.as_bytes(), BatchValidation::Permissive).unwrap_err();
        assert_eq!((error.status(), error.name().as_str()), (400, "validation_error"));
    }
}

#[test]
fn nesting_depth_is_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let status = |depth| parse_email(nested(depth).as_bytes()).unwrap_err().status();
    assert_eq!(status(limits::JSON_DEPTH - 2), 422);
    assert_eq!(status(limits::JSON_DEPTH), 400);
}

#[test]
fn size_is_bounded() {
    let mut body = good().to_string();
    body.push_str(&" ".repeat(limits::REQUEST_BYTES - body.len()));
    assert!(parse_email(body.as_bytes()).is_ok());
    body.push(' ');
    let error = parse_email(body.as_bytes()).unwrap_err();
    assert_eq!((error.status(), error.name().as_str()), (413, "validation_error"));
    let error = parse_batch(body.as_bytes(), BatchValidation::Strict).unwrap_err();
    assert_eq!(error.status(), 413);
}

#[test]
fn repeated_keys_are_refused() {
    for (body, path) in [
        (r#"{"to": "a@b.co", "to": "c@d.co"}"#, "to: is given more than once"),
        (r#"{"from": null, "from": "c@d.co"}"#, "from: is given more than once"),
        (
            r#"{"tags": [{"name": "a", "name": "b"}]}"#,
            "tags[0].name: is given more than once",
        ),
        (
            r#"{"from":"a@b.co","to":"a@b.co","subject":"s","text":"t","headers":{"X-A":"1","X-A":"2"}}"#,
            "headers.X-A: is given more than once",
        ),
    ] {
        let error = parse_email(body.as_bytes()).unwrap_err();
        assert_eq!((error.status(), error.message()), (422, path));
    }
}
