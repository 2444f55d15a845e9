//! Bodies of `POST /attachments`: each bad input with its path.

use super::*;

#[test]
fn an_upload_request_is_checked() {
    let upload = parse_upload(br#"{"filename": "a.pdf", "content_type": null, "size": 29000000}"#).unwrap();
    assert_eq!((upload.filename.as_str(), upload.size), ("a.pdf", 29_000_000));
    let typed = |field: &str| parse_upload(format!("{{\"filename\":\"a\",\"size\":1,{field}}}").as_bytes());
    let kind = r#""content_type":"text/plain""#;
    assert_eq!(typed(r#""contentType":"text/plain","content_type":null"#), typed(kind));
    let twice = typed(&format!("{kind},\"contentType\":\"text/plain\"")).unwrap_err();
    assert_eq!(twice.message(), "contentType: is given more than once");
    for (body, status, name, message) in [
        ("", 400, "validation_error", "The request body is not valid JSON"),
        ("[]", 400, "validation_error", "The request body must be a JSON object"),
        ("{}", 422, "missing_required_field", "filename: "),
        (r#"{"filename": "a"}"#, 422, "missing_required_field", "size: "),
        (
            r#"{"filename": "a", "size": null}"#,
            422,
            "missing_required_field",
            "size: ",
        ),
        (r#"{"size": 1}"#, 422, "missing_required_field", "filename: "),
        (
            r#"{"filename": "a.exe", "size": 1}"#,
            422,
            "invalid_attachment",
            "filename: Amazon SES refuses",
        ),
        (
            r#"{"filename": "a", "content_type": "b", "size": 1}"#,
            422,
            "invalid_attachment",
            "content_type: ",
        ),
        (
            r#"{"filename": "a", "size": "1"}"#,
            422,
            "validation_error",
            "size: must be a number",
        ),
        (r#"{"filename": 1, "size": 1}"#, 422, "validation_error", "filename: "),
        (
            r#"{"filename": "a", "size": 1, "size": 1}"#,
            422,
            "validation_error",
            "size: is given more than once",
        ),
        (
            r#"{"filename": "a", "size": 1, "content": "aGk="}"#,
            422,
            "validation_error",
            "content: unknown field",
        ),
    ] {
        refused(body, status, name, message);
    }
    for (size, message) in [
        ("0", "size: must be"),
        ("-1", "size: must be"),
        ("1.5", "size: must be"),
        ("1e99", "size: must be"),
        ("29300000", "size: too large: 40096788"),
        ("18446744073709551615", "size: too large"),
    ] {
        let body = format!("{{\"filename\": \"a\", \"size\": {size}}}");
        refused(&body, 422, "invalid_attachment", message);
    }
}

#[track_caller]
fn refused(body: &str, status: u16, name: &str, message: &str) {
    let error = parse_upload(body.as_bytes()).unwrap_err();
    assert_eq!(
        (error.status(), error.name().as_str()),
        (status, name),
        "{body}: {error}"
    );
    assert!(error.message().starts_with(message), "{body}: {error}");
}
