//! The tables of [`super`]: each bad input with its status, name and path.

use serde_json::{Value, json};

use super::*;
use crate::api::error::ErrorName;

fn good() -> Value {
    json!({"from": "Ada <ada@example.com>", "to": "bob@example.com", "subject": "Hi", "text": "Hello"})
}

/// The good email with some fields replaced.
fn with(fields: Value) -> Value {
    let mut email = good();
    for (key, value) in fields.as_object().unwrap() {
        email.as_object_mut().unwrap().insert(key.clone(), value.clone());
    }
    email
}

fn without(field: &str) -> Value {
    let mut email = good();
    email.as_object_mut().unwrap().remove(field);
    email
}

fn list(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("u{i}@example.com")).collect()
}

fn parse(value: &Value) -> Result<EmailRequest, ApiError> {
    parse_email(value.to_string().as_bytes())
}

#[test]
fn good_emails_are_read() {
    let tags46: Vec<Value> = (0..46)
        .map(|i| json!({"name": format!("t{i}"), "value": "v"}))
        .collect();
    let headers14: serde_json::Map<String, Value> = (0..14).map(|i| (format!("X-{i}"), json!("v"))).collect();
    let name126 = "x".repeat(126);
    let value870 = "v".repeat(870);
    for value in [
        good(),
        with(json!({"to": ["bob@example.com"]})),
        with(json!({"to": list(50)})),
        with(json!({"to": list(20), "cc": list(20), "bcc": list(10), "reply_to": list(50)})),
        with(json!({"cc": [], "bcc": null, "reply_to": "r@example.com"})),
        with(json!({"html": null, "headers": null, "tags": null, "attachments": null,
                    "scheduled_at": null, "template": null, "topic_id": null, "react": null})),
        with(json!({"attachments": [], "headers": [], "tags": []})),
        with(json!({"html": "<p>a</p>\r\n\t", "text": ""})),
        with(json!({"subject": "Grüße 🦀"})),
        with(json!({"subject": "s".repeat(989)})),
        with(json!({"headers": {"List-Unsubscribe": "<https://example.com/u>", "X-Ü": null}})),
        with(json!({"headers": headers14})),
        with(json!({"headers": {name126: value870}})),
        with(json!({"headers": {"X-Name": "Grüße"}})),
        with(json!({"tags": tags46})),
        with(json!({"tags": [{"name": "a".repeat(256), "value": "b".repeat(256)}]})),
        with(json!({"scheduled_at": "in 1 min", "expires_at": "2030-01-01T00:00:00Z", "on_uncertain": "hold"})),
        with(json!({"expires_at": null, "on_uncertain": null})),
    ] {
        if let Err(error) = parse(&value) {
            panic_with(&value, &error);
        }
    }
    let email = parse(&with(json!({"to": list(2), "cc": "c@example.com"})))
        .unwrap()
        .email;
    assert_eq!(email.recipients(), 3);
    assert_eq!(email.from().to_header(), "Ada <ada@example.com>");
}

fn panic_with(value: &Value, error: &ApiError) {
    panic!("{error:?} for {value}");
}

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
        (with(json!({"to": {"email": "a@b.co"}})), V, "to: must be"),
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
        (
            with(json!({"headers": [{"name": "X-A", "value": "1"}]})),
            V,
            "headers: must be an object",
        ),
        (with(json!({"headers": {"X-A": 1}})), V, "headers.X-A: must be a string"),
        (with(json!({"tags": {"name": "a", "value": "b"}})), V, "tags: "),
        (with(json!({"tags": ["a"]})), V, "tags[0]: must be an object"),
        (with(json!({"tags": [null]})), V, "tags[0]: must be an object"),
        (with(json!({"tags": [{"name": 1, "value": "b"}]})), V, "tags[0].name: "),
        // Unknown and unsupported.
        (with(json!({"sbuject": "x"})), V, "sbuject: unknown field"),
        (with(json!({"sbuject": null})), V, "sbuject: unknown field"),
        (with(json!({"x\r\ny": 1})), V, "x\\r\\ny: unknown field"),
        (with(json!({"": 1})), V, "\"\": unknown field"),
        (
            with(json!({"replyTo": "a@b.co"})),
            V,
            "replyTo: unknown field: use reply_to",
        ),
        (with(json!({"From": "a@b.co"})), V, "From: unknown field"),
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
            with(json!({"scheduledAt": "in 1 min"})),
            V,
            "scheduledAt: unknown field: use scheduled_at",
        ),
        (
            with(json!({"template": {"id": "x"}})),
            V,
            "template: this field is not supported yet",
        ),
        (
            with(json!({"topic_id": "x"})),
            V,
            "topic_id: this field is not supported yet",
        ),
        (with(json!({"react": {}})), V, "react: this field is not supported yet"),
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
        (with(json!({"html": "a\0b"})), V, "html: the NUL character"),
        (with(json!({"text": "a\0b"})), V, "text: the NUL character"),
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
        "SENDER",
        "to",
        "Cc",
        "BCC",
        "Reply-To",
        "subject",
        "Date",
        "Message-ID",
        "Return-Path",
        "Received",
        "MIME-Version",
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
        b"\xef\xbb\xbf{}",
        b"{\"from\": \"\\ud800\"}",
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

#[test]
fn batches_have_1_to_500_items() {
    let batch = |count: usize| Value::from(vec![good(); count]).to_string();
    for mode in [BatchValidation::Strict, BatchValidation::Permissive] {
        for count in [0, 501] {
            let error = parse_batch(batch(count).as_bytes(), mode).unwrap_err();
            assert_eq!((error.status(), error.name().as_str()), (422, "validation_error"));
        }
        for count in [1, 500] {
            let read = parse_batch(batch(count).as_bytes(), mode).unwrap();
            assert_eq!((read.items.len(), read.errors.len()), (count, 0));
        }
    }
}

#[test]
fn a_permissive_batch_reports_bad_items() {
    let body = json!([good(), without("to"), "x", with(json!({"cc": ["x"]})), good()]).to_string();
    let read = parse_batch(body.as_bytes(), BatchValidation::Permissive).unwrap();
    let indexes: Vec<usize> = read.items.iter().map(|item| item.index).collect();
    assert_eq!(indexes, [0, 4]);
    let errors: Vec<(usize, &str)> = read
        .errors
        .iter()
        .map(|error| (error.index, error.message.as_str()))
        .collect();
    assert_eq!(
        errors,
        [
            (1, "to: this field is required"),
            (2, "must be an object, not a string"),
            (3, "cc[0]: the address must contain exactly one @"),
        ]
    );
    let strict = parse_batch(b"[\"x\"]", BatchValidation::Strict).unwrap_err();
    assert_eq!(strict.message(), "[0]: must be an object, not a string");
    assert_eq!(strict.status(), 422);
}

#[test]
fn a_batch_hash_covers_items_and_order() {
    let hash = |body: Value| {
        parse_batch(body.to_string().as_bytes(), BatchValidation::Permissive)
            .unwrap()
            .hash()
    };
    let other = with(json!({"subject": "Other"}));
    assert_eq!(hash(json!([good(), other])), hash(json!([good(), other])));
    assert_ne!(hash(json!([good(), other])), hash(json!([other, good()])));
    assert_ne!(hash(json!([good(), other])), hash(json!([good()])));
    assert_ne!(hash(json!([good(), {}])), hash(json!([good()])));
    assert_ne!(hash(json!([good(), {}])), hash(json!([{}, good()])));
}

#[test]
fn the_validation_header_is_read() {
    assert_eq!(BatchValidation::parse(None), Ok(BatchValidation::Strict));
    assert_eq!(BatchValidation::parse(Some("strict")), Ok(BatchValidation::Strict));
    assert_eq!(
        BatchValidation::parse(Some("Permissive")),
        Ok(BatchValidation::Permissive)
    );
    let error = BatchValidation::parse(Some("lax")).unwrap_err();
    assert_eq!((error.status(), error.name().as_str()), (422, "validation_error"));
}

#[test]
fn idempotency_keys_have_1_to_256_chars() {
    for key in ["k", "a/b c", &"k".repeat(256), &"é".repeat(256)] {
        assert_eq!(IdempotencyKey::parse(key).unwrap().as_str(), key);
    }
    for key in ["", "a\nb", "a\0", &"k".repeat(257)] {
        let error = IdempotencyKey::parse(key).unwrap_err();
        assert_eq!(
            (error.status(), error.name().as_str()),
            (400, "invalid_idempotency_key")
        );
    }
}

#[test]
fn options_are_part_of_a_requests_identity() {
    let hash = |value: &Value| parse(value).unwrap().hash();
    let plain = hash(&good());
    assert_eq!(
        plain,
        parse(&good()).unwrap().email.hash(),
        "as before there were wishes"
    );
    assert_eq!(
        plain,
        hash(&with(json!({"on_uncertain": "resend", "scheduled_at": null})))
    );
    let others = [
        json!({"on_uncertain": "hold"}),
        json!({"scheduled_at": "in 1 min"}),
        json!({"scheduled_at": "in 2 min"}),
        json!({"expires_at": "in 1 min"}),
    ];
    let hashes: std::collections::BTreeSet<_> = others
        .into_iter()
        .map(|wish| hash(&with(wish)))
        .chain([plain])
        .collect();
    assert_eq!(hashes.len(), 5);
}

#[test]
fn a_reschedule_needs_a_time_only() {
    let read = |value: &Value| parse_reschedule(value.to_string().as_bytes());
    let request = read(&json!({"scheduled_at": "in 1 min", "expires_at": "2030-01-01T00:00:00Z"})).unwrap();
    assert_eq!(request.scheduled_at, TimeInput::In(std::time::Duration::from_secs(60)));
    assert!(request.expires_at.is_some());
    assert_eq!(request.id, None);
    let with_id = read(&json!({"id": "x", "scheduled_at": "in 1 min"})).unwrap();
    assert_eq!(with_id.id.as_deref(), Some("x"), "as Resend's Python SDK says it");
    for (value, name, message) in [
        (
            json!({}),
            ErrorName::MissingRequiredField,
            "scheduled_at: this field is required",
        ),
        (
            json!({"scheduled_at": null}),
            ErrorName::MissingRequiredField,
            "scheduled_at: ",
        ),
        (
            json!({"scheduled_at": "soon"}),
            ErrorName::ValidationError,
            "scheduled_at: must be a time",
        ),
        (
            json!({"scheduled_at": ["in 1 min"]}),
            ErrorName::ValidationError,
            "scheduled_at: must be a string, not an array",
        ),
        (
            json!({"scheduled_at": "in 1 min", "subject": "x"}),
            ErrorName::ValidationError,
            "subject: unknown field",
        ),
        (
            json!({"scheduledAt": "in 1 min"}),
            ErrorName::ValidationError,
            "scheduledAt: unknown field: use scheduled_at",
        ),
        (
            json!([]),
            ErrorName::ValidationError,
            "The request body must be a JSON object, not an array.",
        ),
    ] {
        let error = read(&value).unwrap_err();
        assert_eq!(error.name(), name, "{value}");
        assert!(error.message().starts_with(message), "{value}: {}", error.message());
    }
    let twice = parse_reschedule(br#"{"scheduled_at": "in 1 min", "scheduled_at": "in 2 min"}"#).unwrap_err();
    assert_eq!(twice.message(), "scheduled_at: is given more than once");
}

#[test]
fn a_retry_is_forced_only_by_true() {
    for (body, force) in [
        ("", false),
        ("{}", false),
        (r#"{"force":null}"#, false),
        (r#"{"force":false}"#, false),
        (r#"{"force":true}"#, true),
    ] {
        assert_eq!(parse_retry(body.as_bytes()), Ok(force), "{body}");
    }
    for body in [
        " ",
        "[]",
        "true",
        r#"{"force":"true"}"#,
        r#"{"force":1}"#,
        r#"{"forced":true}"#,
    ] {
        assert!(parse_retry(body.as_bytes()).is_err(), "{body}");
    }
}
