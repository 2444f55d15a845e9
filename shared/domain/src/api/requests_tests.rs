//! The tables of [`super`]: good emails, batches and commands.

use crate::api::idempotency_key::IdempotencyKey;
use serde_json::{Value, json};

use super::*;
use crate::api::error::ErrorName;

pub(super) fn good() -> Value {
    json!({"from": "Ada <ada@example.com>", "to": "bob@example.com", "subject": "Hi", "text": "Hello"})
}

/// The good email with some fields replaced.
pub(super) fn with(fields: Value) -> Value {
    let mut email = good();
    for (key, value) in fields.as_object().unwrap() {
        email.as_object_mut().unwrap().insert(key.clone(), value.clone());
    }
    email
}

pub(super) fn without(field: &str) -> Value {
    let mut email = good();
    email.as_object_mut().unwrap().remove(field);
    email
}

pub(super) fn list(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("u{i}@example.com")).collect()
}

pub(super) fn parse(value: &Value) -> Result<EmailRequest, ApiError> {
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
fn an_unreadable_item_harms_no_other_of_its_batch() {
    let good = good().to_string();
    let deep = format!("{{\"to\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let many = format!("{{\"to\":[{}0]}}", "0,".repeat(300_000));
    let huge = good.replace("\"Hello\"", "1e999");
    let body = format!("[{good},{huge},{deep},{many},{good}]");
    let read = parse_batch(body.as_bytes(), BatchValidation::Permissive).unwrap();
    let indexes: Vec<usize> = read.items.iter().map(|item| item.index).collect();
    assert_eq!(indexes, [0, 4]);
    let errors: Vec<_> = read.errors.iter().map(|error| error.message.as_str()).collect();
    for (error, begins) in errors.iter().zip([
        "The email is not valid JSON: number out of range",
        "The email is nested too deeply: arrays and objects must be nested less than 128 deep.",
        "The email has too many values: at most 250000 are accepted.",
    ]) {
        assert!(error.starts_with(begins), "{error}");
    }
    assert_eq!(errors.len(), 3);
    let strict = parse_batch(body.as_bytes(), BatchValidation::Strict).unwrap_err();
    assert_eq!(strict.status(), 400);
    let broken = format!("[{good},{huge},{{]");
    assert!(parse_batch(broken.as_bytes(), BatchValidation::Permissive).is_err());
}

#[test]
fn half_a_character_is_repaired_and_nul_dropped() {
    let given = good()
        .to_string()
        .replace("\"Hi", "\"\\ud83dHi")
        .replace("Hello", "a\\u0000\\\\ud83d");
    let email = parse_email(given.as_bytes()).unwrap().email;
    assert!(email.subject().starts_with('\u{fffd}'), "{}", email.subject());
    assert_eq!(email.text(), Some("a\\ud83d"));
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
        "as before the options existed"
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
    let with_id = read(&json!({"email_id": "y", "scheduled_at": "in 1 min"})).unwrap();
    assert_eq!(with_id.email_id.as_deref(), Some("y"), "as the Ruby SDK says it");
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
            "scheduledAt: unknown field; did you mean scheduled_at?",
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

#[test]
fn blank_optional_addresses_are_absent() {
    let plain = parse(&good()).unwrap();
    let blanks = json!(["", " ", [], null, [""], [null, "\n"]]);
    for blank in blanks.as_array().unwrap() {
        let fields = json!({"cc": blank, "bcc": blank, "reply_to": blank, "html": "", "attachments": []});
        assert_eq!(parse(&with(fields)).unwrap(), plain, "{blank}");
    }
    let lists = |list: Value| parse(&with(json!({"cc": list, "bcc": list, "reply_to": list})));
    let one = lists(json!(["a@b.co"])).unwrap();
    assert_eq!(lists(json!(["", "a@b.co", null])).unwrap(), one);
    for (list, why) in [
        (json!(["", "x"]), "cc[1]: the address must contain exactly one @"),
        (json!([null, "a%b@c.co"]), "cc[1]: "),
        (json!([false]), "bcc[0]: must be a string, not a boolean"),
    ] {
        let error = lists(list).unwrap_err();
        assert!(error.message().starts_with(why), "{error}");
    }
    for (to, why) in [
        (json!(["a@b.co", ""]), "to[1]: the address is empty"),
        (json!([null]), "to[0]: must be a string, not null"),
        (json!(" "), "to: the address is empty"),
    ] {
        assert_eq!(parse(&with(json!({ "to": to }))).unwrap_err().message(), why);
    }
}

#[test]
fn a_byte_order_mark_before_the_body_is_ignored() {
    let body = good().to_string();
    let marked = [b"\xef\xbb\xbf", body.as_bytes()].concat();
    assert_eq!(parse_email(&marked), parse_email(body.as_bytes()));
    let batch = format!("\u{feff}[{body}]");
    assert!(parse_batch(batch.as_bytes(), BatchValidation::Strict).is_ok());
}

#[test]
fn spaces_at_the_ends_of_a_subject_are_dropped() {
    let read = |text: &str| parse(&with(json!({ "subject": text }))).map(|request| request.email);
    // The hash of the canonical body names the stored content. So the body keeps the spaces that earlier versions kept.
    for (given, canonical) in [
        ("Hi", "Hi"),
        ("Hi\n", "Hi"),
        ("\r\n\t Hi \r\n", "Hi"),
        ("Hi ", "Hi "),
        (" Hi", " Hi"),
        ("\u{a0}Hi\n", "\u{a0}Hi"),
        ("\u{a0}Hi \u{3000}", "\u{a0}Hi \u{3000}"),
        ("Hi\u{b}", "Hi"),
        ("\u{a0}\t\u{85}Hi\u{a0}\u{85}\n", "Hi"),
    ] {
        let email = read(given).unwrap();
        assert_eq!(email.subject(), "Hi", "{given:?}");
        let body = String::from_utf8(email.to_body()).unwrap();
        assert!(body.contains(&format!("\"subject\":\"{canonical}\"")), "{body}");
        assert_eq!(EmailContent::from_body(body.as_bytes()).unwrap(), email);
    }
    for bad in ["\n", "\u{a0}\u{85}", "Hi\0", "a\nb\n", "a\u{85}b", "a\u{b} b\n"] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_long_content_id_gets_a_short_form_in_the_html_too() {
    let (long, longer) = ("a".repeat(120), format!("{}@x.co", "a".repeat(120)));
    let html = |one: &str, other: &str| format!("cid:<img src='cid:{one}'><img src=\"cid:{other}\">cid:b");
    let file = |id: &str| json!({"filename": "a.png", "content": "aGk=", "content_id": id});
    let given = json!({"html": html(&long, &longer), "attachments": [file(&long), file(&format!("<{longer}>"))]});
    let email = parse(&with(given.clone())).unwrap();
    assert_eq!(parse(&with(given)).unwrap().hash(), email.hash());
    let email = email.email;
    let ids: Vec<_> = email
        .attachments()
        .iter()
        .filter_map(|file| file.content_id())
        .collect();
    let short = [sha256_hex(long.as_bytes()), sha256_hex(longer.as_bytes())];
    assert_eq!(ids, short);
    assert_eq!(email.html(), Some(html(&short[0], &short[1]).as_str()));
}

#[test]
fn fields_have_the_aliases_of_the_node_sdk() {
    let ours = parse(&with(json!({"reply_to": ["a@b.co"], "scheduled_at": "in 1 min"}))).unwrap();
    let theirs = with(json!({"replyTo": ["a@b.co"], "scheduledAt": "in 1 min"}));
    assert_eq!(parse(&theirs).unwrap(), ours);
    let batch = parse_batch(json!([theirs]).to_string().as_bytes(), BatchValidation::Strict).unwrap();
    assert_eq!(batch.items[0].request, ours);
    for none in [json!(null), json!([]), json!("")] {
        let both = json!({"reply_to": none, "replyTo": "a@b.co", "scheduledAt": "in 1 min", "scheduled_at": null});
        assert_eq!(parse(&with(both)).unwrap().hash(), ours.hash());
        let both = json!({"reply_to": "a@b.co", "replyTo": none, "scheduled_at": "in 1 min", "scheduledAt": null});
        assert_eq!(parse(&with(both)).unwrap().hash(), ours.hash());
    }
}
