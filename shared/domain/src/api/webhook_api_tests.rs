use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn create(body: &str) -> Result<NewWebhook, String> {
    parse_create(body.as_bytes()).map_err(|error| error.message().to_owned())
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_new_webhook_is_read_in_resends_form() {
    let body = r#"{"endpoint": "https://example.com/hook", "events": ["email.sent", "contact.created", "email.sent"]}"#;
    let expected = NewWebhook {
        endpoint: Some("https://example.com/hook".to_owned()),
        events: names(&["email.sent", "contact.created"]),
        signing_secret: None,
    };
    assert_eq!(create(body), Ok(expected.clone()));
    let all: Vec<_> = EventType::ALL
        .iter()
        .map(|each| each.as_str())
        .chain(NEVER_TOLD.iter().copied())
        .collect();
    assert_eq!(wanted_names().collect::<Vec<_>>(), all);
    let body = format!(r#"{{"endpoint": "https://example.com/hook", "events": {all:?}}}"#);
    assert_eq!(create(&body).map(|new| new.events), Ok(names(&all)));
    let with_secret = format!(
        r#"{{"endpoint": "https://example.com/hook", "events": ["email.sent", "contact.created"], "signing_secret": "{SECRET}", "delivery": "push"}}"#
    );
    let given = NewWebhook {
        signing_secret: SigningSecret::parse(SECRET).ok(),
        ..expected
    };
    assert_eq!(create(&with_secret), Ok(given));
}

#[test]
fn a_pulled_webhook_needs_no_endpoint() {
    let pulled = create(r#"{"events": ["email.sent"], "delivery": "pull"}"#);
    assert_eq!(pulled.map(|new| new.endpoint), Ok(None));
}

#[test]
fn a_refusal_names_the_field_and_the_remedy() {
    let with = |more: &str| create(&format!(r#"{{"endpoint": "https://example.com/hook", {more}}}"#));
    let at = |endpoint: &str| create(&format!(r#"{{"endpoint": {endpoint}, "events": ["email.sent"]}}"#));
    let long = format!("\"https://example.com/{}\"", "x".repeat(limits::ENDPOINT_MAX));
    let many = format!("\"events\": {:?}", vec!["email.sent"; limits::WEBHOOK_EVENTS_MAX + 1]);
    for (result, beginning) in [
        (create("{}"), "endpoint: this field is required"),
        (with(r#""events": null"#), "events: this field is required"),
        (with(r#""events": []"#), "events: must name at least one event"),
        (with(&many), "events: has 65 entries"),
        (with(r#""events": "email.sent""#), "events: must be an array of strings"),
        (with(r#""events": [1]"#), "events[0]: must be a string"),
        (
            with(r#""events": ["email.sent", "email.deliverd"]"#),
            "events[1]: unknown event; did you mean email.delivered?",
        ),
        (with(r#""events": ["x"]"#), "events[0]: unknown event; use one such as"),
        (
            with(r#""event": ["email.sent"]"#),
            "event: unknown field; did you mean events?",
        ),
        (
            with(r#""events": ["email.sent"], "signing_secret": "whsec_eA==""#),
            "signing_secret: must be whsec_ followed by",
        ),
        (
            with(r#""events": ["email.sent"], "delivery": "pull""#),
            "endpoint: leave it out",
        ),
        (
            with(r#""events": ["email.sent"], "delivery": "post""#),
            "delivery: must be push or pull",
        ),
        (at("1"), "endpoint: must be a string"),
        (at("\"\""), "endpoint: must be a URL"),
        (at(r#""https://example.com/ x""#), "endpoint: must be a URL"),
        (at(r#""https://b\u00fccher.example/""#), "endpoint: must be a URL"),
        (at(&long), "endpoint: is too long"),
    ] {
        let message = result.unwrap_err();
        assert!(message.starts_with(beginning), "{message}");
    }
}

/// A message must not repeat a secret, or a URL with a token in it.
#[test]
fn an_error_repeats_no_content() {
    let secret = create(r#"{"endpoint": "https://example.com", "events": ["email.sent"], "signing_secret": "canary"}"#);
    let endpoint = create(r#"{"endpoint": "https://example.com/canary x", "events": ["email.sent"]}"#);
    let event = create(r#"{"endpoint": "https://example.com", "events": ["canary"]}"#);
    for message in [secret, endpoint, event].map(Result::unwrap_err) {
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn types_that_never_come_are_named() {
    assert_eq!(warnings(&names(&["email.sent"])), Vec::<String>::new());
    let expected = ["events[1]: mailqueue has no contact.created, so that this event never comes."];
    assert_eq!(warnings(&names(&["email.sent", "contact.created"])), expected);
}

#[test]
fn a_change_has_at_least_one_field() {
    let change = |body: &str| {
        let read = parse_change(body.as_bytes()).map(|(_, change)| change);
        read.map_err(|error| error.message().to_owned())
    };
    let expected = WebhookChange {
        endpoint: Some("https://example.com/b".to_owned()),
        events: Some(names(&["email.bounced"])),
        enabled: Some(false),
    };
    let body = r#"{"endpoint": "https://example.com/b", "events": ["email.bounced"], "status": "disabled"}"#;
    assert_eq!(change(body), Ok(expected));
    assert_eq!(
        change(r#"{"status": "enabled"}"#).map(|change| change.enabled),
        Ok(Some(true))
    );
    for (body, beginning) in [
        ("{}", "endpoint: give an endpoint, events or a status"),
        (r#"{"status": null}"#, "endpoint: give an endpoint, events or a status"),
        (r#"{"status": "on"}"#, "status: must be enabled or disabled"),
        (r#"{"events": []}"#, "events: must name at least one event"),
        (r#"{"signing_secret": "x"}"#, "signing_secret: unknown field"),
    ] {
        let message = change(body).unwrap_err();
        assert!(message.starts_with(beginning), "{message}");
    }
}

/// Resend's Python SDK sends the id in the path and in the body.
#[test]
fn a_change_may_repeat_the_id() {
    let (id, change) = parse_change(br#"{"webhook_id": "x", "status": "disabled"}"#).unwrap();
    assert_eq!((id.as_deref(), change.enabled), (Some("x"), Some(false)));
    let alone = parse_change(br#"{"webhook_id": "x"}"#).unwrap_err();
    assert!(alone.message().starts_with("endpoint: give an endpoint"), "{alone}");
}

#[test]
fn a_rotation_may_bring_a_secret() {
    assert_eq!(parse_rotation(b""), Ok(None));
    assert_eq!(parse_rotation(b" {} "), Ok(None));
    let body = format!(r#"{{"signing_secret": "{SECRET}"}}"#);
    assert_eq!(parse_rotation(body.as_bytes()), Ok(SigningSecret::parse(SECRET).ok()));
    assert!(parse_rotation(br#"{"secret": "x"}"#).is_err());
}

#[test]
fn a_test_event_has_a_type_that_exists() {
    assert_eq!(parse_test(b""), Ok(EventType::Delivered));
    assert_eq!(parse_test(br#"{"type": "email.bounced"}"#), Ok(EventType::Bounced));
    let error = parse_test(br#"{"type": "contact.created"}"#).unwrap_err();
    assert!(error.message().starts_with("type: unknown event"), "{error}");
}

#[test]
fn a_recovery_has_a_period() {
    let read = |body: &str| parse_recovery(body.as_bytes()).map_err(|error| error.message().to_owned());
    let time = |text| Timestamp::parse_rfc3339(text).unwrap();
    let since = time("2026-11-24T09:30:00Z");
    let expected = Recover {
        since,
        until: Some(time("2026-11-25T09:30:00Z")),
        only: Only::All,
    };
    let body = r#"{"since": "2026-11-24T09:30:00Z", "until": "2026-11-25T10:30:00+01:00", "only": "all"}"#;
    assert_eq!(read(body), Ok(expected));
    let least = Recover {
        since,
        until: None,
        only: Only::Failed,
    };
    assert_eq!(read(r#"{"since": "2026-11-24T09:30:00Z"}"#), Ok(least));
    for (body, beginning) in [
        ("{}", "since: this field is required"),
        (r#"{"since": "yesterday"}"#, "since: must be a time with its offset"),
        (
            r#"{"since": "2026-11-24T09:30:00Z", "until": "2026-11-24T09:29:59Z"}"#,
            "until: must not be before since",
        ),
        (
            r#"{"since": "2026-11-24T09:30:00Z", "only": "success"}"#,
            "only: must be failed or all",
        ),
    ] {
        let message = read(body).unwrap_err();
        assert!(message.starts_with(beginning), "{message}");
    }
}
