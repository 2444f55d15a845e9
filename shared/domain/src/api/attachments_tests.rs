//! Attachments in requests: each bad input with its path.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::api::requests::{BatchValidation, EmailRequest, parse_batch, parse_email};
use crate::message::attachment::Data;

use super::*;

const ID: &str = "01010101-0101-4101-8101-010101010101";

fn email(attachments: &Value) -> Value {
    json!({"from": "a@example.com", "to": "b@example.com", "subject": "Hi", "text": "Hello", "attachments": attachments})
}

fn parse(attachments: &Value) -> Result<EmailRequest, ApiError> {
    parse_email(email(attachments).to_string().as_bytes())
}

fn one(fields: &Value) -> Value {
    let mut file = json!({"filename": "a.txt", "content": "aGk="});
    for (key, value) in fields.as_object().unwrap() {
        file[key] = value.clone();
    }
    file
}

/// All SDKs' forms of a content are the same content, and the same request.
#[test]
fn every_sdks_form_of_a_content_is_read() {
    let hash = parse(&json!([{"filename": "a.txt", "content": "aGk="}]))
        .unwrap()
        .hash();
    for content in [
        json!("aGk"),
        json!([104, 105]),
        json!({"type": "Buffer", "data": [104, 105]}),
        json!({"data": [104, 105], "type": "Buffer"}),
    ] {
        let request = parse(&json!([one(&json!({"content": content}))])).unwrap();
        assert_eq!(request.hash(), hash, "{content}");
        let [file] = request.email.attachments() else {
            panic!("one")
        };
        assert!(*file.data() == Data::Inline(b"hi".to_vec()));
    }
}

/// Laravel's transports send it so. The content, and with it the request, is the same as in base64.
#[test]
fn a_calendar_may_be_a_text() {
    let calendar = |content: &str| json!([{"filename": "a.ics", "content_type": "text/calendar", "content": content}]);
    let text = parse(&calendar("BEGIN:VCALENDAR\r\n")).unwrap();
    assert_eq!(
        text.hash(),
        parse(&calendar("QkVHSU46VkNBTEVOREFSDQo=")).unwrap().hash()
    );
    assert!(parse(&json!([{"filename": "a.ics", "content": "BEGIN:VCALENDAR\n"}])).is_ok());
    let other = parse(&json!([{"filename": "a.txt", "content": "BEGIN:VCALENDAR\n"}])).unwrap_err();
    assert!(
        other
            .message()
            .starts_with("attachments[0].content: must be valid base64")
    );
}

#[test]
fn null_fields_count_as_absent() {
    let file = json!({"filename": "a.txt", "content": "aGk=", "path": null, "content_type": null, "content_id": null, "inline_content_id": null, "id": null});
    assert_eq!(parse(&json!([file])), parse(&json!([one(&json!({}))])));
    let twice = one(&json!({"content_id": "a", "inline_content_id": "a", "contentId": null}));
    assert_eq!(
        parse(&json!([twice])),
        parse(&json!([one(&json!({"content_id": "a"}))]))
    );
    for none in [json!(null), json!([])] {
        assert!(parse(&none).unwrap().email.attachments().is_empty());
    }
}

#[test]
fn attachments_have_camel_case_aliases() {
    let file = |fields: Value| {
        let mut file = one(&fields);
        file["filename"] = json!("a.pdf");
        parse(&json!([file])).unwrap()
    };
    let snake = file(json!({"content_type": "application/pdf", "content_id": "a"}));
    assert_eq!(file(json!({"contentType": "application/pdf", "contentId": "a"})), snake);
    let named = json!({"content_type": "application/pdf; name=\"a.pdf\";", "content_id": "a"});
    assert_eq!(file(named), snake);
}

/// Two million numbers, counted as values, would be refused with 400.
#[test]
fn a_list_of_bytes_may_fill_a_request() {
    let bytes = vec![7_u8; 1_900_000];
    let request = parse(&json!([{"filename": "a.bin", "content": bytes}])).unwrap();
    assert_eq!(request.email.attachments()[0].size(), 1_900_000);
    // As JSON it has 5.2 million characters; each number counts as one byte.
    let request = parse(&json!([{"filename": "a.bin", "content": vec![77_u8; 1_750_000]}])).unwrap();
    assert_eq!(request.email.attachments()[0].size(), 1_750_000);
    let long = json!({"filename": "a.bin", "content": vec![7_u8; 1_000], "content_id": "x".repeat(4_200_000)});
    assert_eq!(parse(&json!([long])).unwrap_err().status(), 413);
    let mut mixed: Vec<Value> = vec![json!(7); 300_000];
    mixed.push(json!("x"));
    let error = parse(&json!([{"filename": "a.bin", "content": mixed}])).unwrap_err();
    assert_eq!(error.status(), 400, "{error}");
    // In other fields a number counts as a value.
    let error = parse(&json!(vec![7; 300_000])).unwrap_err();
    assert_eq!(error.status(), 400, "{error}");
}

#[test]
fn each_bad_attachment_is_refused_with_its_path() {
    let many = vec![one(&json!({})); 51];
    let twice = |id: &str, other: &str| json!([one(&json!({"content_id": id})), one(&json!({"content_id": other}))]);
    let file = |fields: Value| json!([one(&json!({})), one(&fields)]);
    let without = |field: &str| {
        let mut file = one(&json!({}));
        file.as_object_mut().unwrap().remove(field);
        json!([file])
    };
    for (attachments, message) in [
        (json!({}), "attachments: must be an array of objects, not an object"),
        (json!("a.txt"), "attachments: must be an array of objects, not a string"),
        (json!(7), "attachments: must be an array"),
        (json!(many), "attachments: has 51 entries; at most 50 are allowed"),
        (json!(["a.txt"]), "attachments[0]: must be an object, not a string"),
        (json!([null]), "attachments[0]: must be an object, not null"),
        (json!([[]]), "attachments[0]: must be an object, not an array"),
        (
            json!([{}]),
            "attachments[0].content: content, or the id of an upload, is required",
        ),
        (without("filename"), "attachments[0].filename: this field is required"),
        (without("content"), "attachments[0].content: content, or the id"),
        (
            file(json!({"content": null})),
            "attachments[1].content: content, or the id",
        ),
        (
            file(json!({"content": ""})),
            "attachments[1].content: the content is empty",
        ),
        (
            file(json!({"content": []})),
            "attachments[1].content: the content is empty",
        ),
        (
            file(json!({"content": {"type": "Buffer", "data": []}})),
            "attachments[1].content: the content is empty",
        ),
        (
            file(json!({"content": "hello world!"})),
            "attachments[1].content: must be valid base64",
        ),
        (
            file(json!({"content": true})),
            "attachments[1].content: must be base64 as a string, or an array of bytes, not a boolean",
        ),
        (
            file(json!({"content": 7})),
            "attachments[1].content: must be base64 as a string",
        ),
        (
            file(json!({"content": [256]})),
            "attachments[1].content: a list of bytes may contain only",
        ),
        (
            file(json!({"content": [-1]})),
            "attachments[1].content: a list of bytes may contain only",
        ),
        (
            file(json!({"content": [1.5]})),
            "attachments[1].content: a list of bytes may contain only",
        ),
        (
            file(json!({"content": [1, "2"]})),
            "attachments[1].content: a list of bytes may contain only",
        ),
        (
            file(json!({"content": [[1]]})),
            "attachments[1].content: a list of bytes may contain only",
        ),
        (
            file(json!({"content": {}})),
            "attachments[1].content: an object must be Node's Buffer",
        ),
        (
            file(json!({"content": {"0": 104, "1": 105}})),
            "attachments[1].content: an object must be Node's Buffer",
        ),
        (
            file(json!({"content": {"type": "Buffer"}})),
            "attachments[1].content: an object must be Node's Buffer",
        ),
        (
            file(json!({"content": {"type": "Blob", "data": [1]}})),
            "attachments[1].content: an object must be Node's Buffer",
        ),
        (
            file(json!({"content": {"type": "Buffer", "data": "aGk="}})),
            "attachments[1].content: an object must be Node's Buffer",
        ),
        (
            file(json!({"content": {"type": "Buffer", "data": [1], "x": 1}})),
            "attachments[1].content: an object must be Node's Buffer",
        ),
        (
            file(json!({"filename": ""})),
            "attachments[1].filename: the file name is empty",
        ),
        (
            file(json!({"filename": 7})),
            "attachments[1].filename: must be a string, not a number",
        ),
        (
            file(json!({"filename": "a\r\nb"})),
            "attachments[1].filename: control characters",
        ),
        (
            file(json!({"filename": "a.exe"})),
            "attachments[1].filename: Amazon SES refuses files with this extension",
        ),
        (
            file(json!({"content_type": "pdf"})),
            "attachments[1].content_type: must be a media type",
        ),
        (
            file(json!({"content_type": ""})),
            "attachments[1].content_type: must be a media type",
        ),
        (
            file(json!({"content_type": ["a/b"]})),
            "attachments[1].content_type: must be a string, not an array",
        ),
        (
            file(json!({"content_id": ""})),
            "attachments[1].content_id: must not be blank",
        ),
        (
            file(json!({"content_id": "a\r\nb"})),
            "attachments[1].content_id: control characters",
        ),
        (
            file(json!({"content_id": {}})),
            "attachments[1].content_id: must be a string, not an object",
        ),
        (
            file(json!({"content_id": "a", "inline_content_id": "b"})),
            "attachments[1].inline_content_id: is given more than once",
        ),
        (
            twice("a", "a"),
            "attachments[1].content_id: another attachment has this content_id",
        ),
        (
            twice("a", "<a>"),
            "attachments[1].content_id: another attachment has this content_id",
        ),
        (
            file(json!({"path": "https://example.com/a.pdf"})),
            "attachments[1].path: URLs are not fetched",
        ),
        (file(json!({"path": 7})), "attachments[1].path: must be a string"),
        (
            json!([{"path": "file:///etc/passwd"}]),
            "attachments[0].path: URLs are not fetched",
        ),
        (
            file(json!({"id": ID})),
            "attachments[1].id: content and id cannot be used together",
        ),
        (json!([{"id": "x"}]), "attachments[0].id: no uploaded file has this id"),
        (json!([{"id": ""}]), "attachments[0].id: no uploaded file has this id"),
        (
            json!([{"id": "../../other/secret"}]),
            "attachments[0].id: no uploaded file has this id",
        ),
        (json!([{"id": 7}]), "attachments[0].id: must be a string"),
        (
            file(json!({"contentType": "a/b", "content_type": "a/b"})),
            "attachments[1].content_type: is given more than once",
        ),
        (
            file(json!({"contentId": "b", "content_id": "a"})),
            "attachments[1].content_id: is given more than once",
        ),
        (
            file(json!({"disposition": "inline"})),
            "attachments[1].disposition: unknown field",
        ),
        (
            file(json!({"mimeType": "a/b"})),
            "attachments[1].mimeType: unknown field; did you mean content_type?",
        ),
        (
            file(json!({"url": "https://example.com"})),
            "attachments[1].url: unknown field; did you mean content or id?",
        ),
        (file(json!({"a\nb": 1})), "attachments[1].a\\nb: unknown field"),
    ] {
        let error = parse(&attachments).unwrap_err();
        assert_eq!(
            (error.status(), error.name().as_str()),
            (422, "invalid_attachment"),
            "{attachments} {error}"
        );
        assert!(error.message().starts_with(message), "{attachments}: {error}");
        // The same in a batch, with the path of its item.
        let batch = json!([email(&json!([])), email(&attachments)]).to_string();
        let strict = parse_batch(batch.as_bytes(), BatchValidation::Strict).unwrap_err();
        assert_eq!(strict.message(), format!("[1].{}", error.message()));
        assert_eq!(strict.name(), error.name());
    }
    let twice = r#"{"from":"a@b.co","to":"a@b.co","subject":"s","text":"t","attachments":[{"content":"aGk=","content":"aGk="}]}"#;
    let error = parse_email(twice.as_bytes()).unwrap_err();
    assert_eq!(error.message(), "attachments[0].content: is given more than once");
}

#[test]
fn attachments_change_a_requests_identity() {
    let hash = |attachments: Value| parse(&attachments).unwrap().hash();
    let all = [
        hash(json!([])),
        hash(json!([one(&json!({}))])),
        hash(json!([one(&json!({})), one(&json!({}))])),
        hash(json!([one(&json!({"content": "aGo="}))])),
        hash(json!([one(&json!({"filename": "b.txt"}))])),
        hash(json!([one(&json!({"content_type": "text/plain"}))])),
        hash(json!([one(&json!({"content_id": "a"}))])),
        hash(json!([{"id": ID}])),
        hash(json!([{"id": ID.replace('8', "9")}])),
        hash(json!([{"id": ID, "filename": "b.txt"}])),
        hash(json!([{"id": ID, "content_type": "text/plain"}])),
        hash(json!([{"id": ID, "content_id": "b"}])),
        hash(json!([one(&json!({})), {"id": ID}])),
        hash(json!([{"id": ID}, one(&json!({}))])),
    ];
    let different: HashSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    assert_eq!(hash(json!([{"id": ID}])), hash(json!([{"id": ID.to_uppercase()}])));
}
