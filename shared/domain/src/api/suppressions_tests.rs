use serde_json::json;

use super::*;
use crate::id::{EmailId, TenantId};
use crate::timestamp::Timestamp;

const ID: &str = "d592d4b9-0d8e-89e0-a2ff-febbe05311a0";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// Status, name, and the message's beginning.
fn refusal<T: std::fmt::Debug>(read: Result<T, ApiError>) -> (u16, &'static str, String) {
    let error = read.unwrap_err();
    let path = error.message().split(':').next().unwrap_or_default();
    (error.status(), error.name().as_str(), path.to_owned())
}

#[test]
fn requests_are_read() {
    let ann = address("Ann@example.com");
    assert_eq!(parse_add(br#"{"email":" Ann@EXAMPLE.com "}"#), Ok(ann.clone()));
    let both = br#"{"emails":["Ann@example.com","b@example.com"]}"#;
    assert_eq!(parse_add_many(both), Ok(vec![ann.clone(), address("b@example.com")]));
    let (by_address, id) = (
        SuppressionSelector::Address(ann),
        SuppressionSelector::Id(SuppressionId::parse(ID).unwrap()),
    );
    for (body, expected) in [
        (json!({"emails": ["Ann@example.com"]}), &by_address),
        (json!({"emails": ["Ann@example.com"], "ids": null}), &by_address),
        (json!({"ids": [ID]}), &id),
        (json!({"ids": [ID.to_uppercase()], "emails": null}), &id),
    ] {
        assert_eq!(
            parse_remove_many(body.to_string().as_bytes()),
            Ok(vec![expected.clone()]),
            "{body}"
        );
    }
    for (text, expected) in [
        (ID, Some(&id)),
        (" Ann@EXAMPLE.com", Some(&by_address)),
        ("", None),
        ("batch", None),
        ("ann@", None),
        ("Ann <ann@example.com>", None),
    ] {
        assert_eq!(SuppressionSelector::parse(text).as_ref(), expected, "{text}");
    }
}

#[test]
fn a_list_has_1_to_100_entries() {
    let emails = |count| json!({"emails": vec!["a@example.com"; count]}).to_string();
    let ids = |count| json!({"ids": vec![ID; count]}).to_string();
    assert_eq!(parse_add_many(emails(100).as_bytes()).map(|read| read.len()), Ok(100));
    assert_eq!(parse_remove_many(ids(100).as_bytes()).map(|read| read.len()), Ok(100));
    let bad = |path: &str| (422, "validation_error", path.to_owned());
    for count in [0, 101, 5_000] {
        assert_eq!(
            refusal(parse_add_many(emails(count).as_bytes())),
            bad("emails"),
            "{count}"
        );
        assert_eq!(
            refusal(parse_remove_many(emails(count).as_bytes())),
            bad("emails"),
            "{count}"
        );
        assert_eq!(refusal(parse_remove_many(ids(count).as_bytes())), bad("ids"), "{count}");
    }
}

#[test]
fn bad_input_is_refused_by_its_field() {
    for body in ["", "{", "[]", "\"a@example.com\"", "null", "\u{0}"] {
        for (status, name, _) in [
            refusal(parse_add(body.as_bytes())),
            refusal(parse_add_many(body.as_bytes())),
            refusal(parse_remove_many(body.as_bytes())),
        ] {
            assert_eq!((status, name), (400, "validation_error"), "{body}");
        }
    }
    let (missing, bad) = ("missing_required_field", "validation_error");
    for (body, name, path) in [
        (r"{}", missing, "email"),
        (r#"{"email":null}"#, missing, "email"),
        (r#"{"email":""}"#, bad, "email"),
        (r#"{"email":"ann"}"#, bad, "email"),
        (r#"{"email":"Ann <ann@example.com>"}"#, bad, "email"),
        (r#"{"email":"a@example.com, b@example.com"}"#, bad, "email"),
        (r#"{"email":"a@example.com\r\nx"}"#, bad, "email"),
        (r#"{"email":["a@example.com"]}"#, bad, "email"),
        (r#"{"email":7}"#, bad, "email"),
        (r#"{"email":"a@example.com","email":"b@example.com"}"#, bad, "email"),
        (r#"{"email":"a@example.com","origin":"bounce"}"#, bad, "origin"),
        (r#"{"emails":["a@example.com"]}"#, bad, "emails"),
    ] {
        assert_eq!(
            refusal(parse_add(body.as_bytes())),
            (422, name, path.to_owned()),
            "{body}"
        );
    }
    for (body, name, path) in [
        (r"{}", missing, "emails"),
        (r#"{"emails":null}"#, missing, "emails"),
        (r#"{"emails":"a@example.com"}"#, bad, "emails"),
        (r#"{"emails":{}}"#, bad, "emails"),
        (r#"{"emails":["a@example.com",null]}"#, bad, "emails[1]"),
        (r#"{"emails":["a@example.com",1]}"#, bad, "emails[1]"),
        (r#"{"emails":["a@example.com","b"]}"#, bad, "emails[1]"),
        (r#"{"emails":["a@example.com"],"ids":[]}"#, bad, "ids"),
        (r#"{"email":"a@example.com"}"#, bad, "email"),
    ] {
        assert_eq!(
            refusal(parse_add_many(body.as_bytes())),
            (422, name, path.to_owned()),
            "{body}"
        );
    }
    let both = json!({"emails": ["a@example.com"], "ids": [ID]}).to_string();
    for (body, name, path) in [
        (r"{}", missing, "emails"),
        (r#"{"emails":null,"ids":null}"#, missing, "emails"),
        (&*both, bad, "ids"),
        (r#"{"emails":["b"]}"#, bad, "emails[0]"),
        (r#"{"ids":["b"]}"#, bad, "ids[0]"),
        (r#"{"ids":[7]}"#, bad, "ids[0]"),
        (r#"{"ids":"b"}"#, bad, "ids"),
        (r#"{"id":"b"}"#, bad, "id"),
    ] {
        assert_eq!(
            refusal(parse_remove_many(body.as_bytes())),
            (422, name, path.to_owned()),
            "{body}"
        );
    }
    let error = parse_add(br#"{"email":"secret@@example.com"}"#).unwrap_err();
    assert!(!error.message().contains("secret"), "{error}");
}

#[test]
fn a_simulator_address_is_refused() {
    for email in [r#""bounce+1@simulator.amazonses.com""#, r#""bounced+1@resend.dev""#] {
        let one = parse_add(format!(r#"{{"email":{email}}}"#).as_bytes()).unwrap_err();
        let many = parse_add_many(format!(r#"{{"emails":["ann@example.com",{email}]}}"#).as_bytes()).unwrap_err();
        for (error, path) in [(one, "email: "), (many, "emails[1]: ")] {
            assert!(error.status() == 422 && error.message().starts_with(path), "{error}");
        }
        assert!(
            parse_remove_many(format!(r#"{{"emails":[{email}]}}"#).as_bytes()).is_ok(),
            "an earlier version may have added it"
        );
    }
}

#[test]
fn answers_have_resends_form() {
    let suppression = Suppression {
        origin: Origin::Bounce,
        source: Some(EmailId::from_random([0; 16])),
        ..Suppression::manual(
            TenantId::main(),
            &address("Ann@example.com"),
            Timestamp::from_millis(1_000),
        )
    };
    let shown = json!({
        "object": "suppression",
        "id": ID,
        "email": "ann@example.com",
        "origin": "bounce",
        "source_id": "00000000-0000-4000-8000-000000000000",
        "created_at": "1970-01-01T00:00:01.000Z",
        "expires_at": null,
    });
    let id = suppression.id();
    for (answer, expected) in [
        (json!(SuppressionView::new(&suppression)), shown.clone()),
        (
            json!(SuppressionView::new(&Suppression {
                source: None,
                ..suppression.clone()
            }))["source_id"]
                .clone(),
            json!(null),
        ),
        (
            json!(SuppressionsView::new(vec![SuppressionView::new(&suppression)], true)),
            json!({"object": "list", "has_more": true, "data": [shown]}),
        ),
        (json!(AddedView::new(id)), json!({"object": "suppression", "id": ID})),
        (
            json!(ManyView {
                data: vec![
                    RemovedView::new(id, false, None),
                    RemovedView::new(id, true, Some(AtSes::Removed)),
                    RemovedView::new(id, true, Some(AtSes::KeptForComplaint)),
                ]
            }),
            json!({"data": [
                {"object": "suppression", "id": ID, "deleted": false},
                {"object": "suppression", "id": ID, "deleted": true, "account_list": "removed"},
                {"object": "suppression", "id": ID, "deleted": true, "account_list": "kept_for_complaint"},
            ]}),
        ),
        (
            json!(SuppressionView::new(&Suppression {
                until: Some(Timestamp::from_millis(2_000)),
                ..suppression.clone()
            }))["expires_at"]
                .clone(),
            json!("1970-01-01T00:00:02.000Z"),
        ),
    ] {
        assert_eq!(answer, expected);
    }
}
