use super::*;

fn news() -> QueueName {
    QueueName::parse("news").unwrap()
}

fn refusal<T: std::fmt::Debug>(read: Result<T, ApiError>) -> (u16, &'static str, String) {
    let error = read.unwrap_err();
    let path = error.message().split(": ").next().unwrap_or_default().to_owned();
    (error.status(), error.name().as_str(), path)
}

#[test]
fn a_new_queue_is_read_with_its_settings() {
    let body = br#"{"name": "news", "priority": "low", "rate_per_second": 5, "retry_waits_seconds": [60, 300],
        "default_expires_in_seconds": 3600}"#;
    let settings = QueueSettings {
        priority: Some(Priority::Low),
        rate_per_second: Some(Some(5)),
        retry_waits: Some(Some(vec![Duration::from_secs(60), Duration::from_secs(300)])),
        expires_after: Some(Some(Duration::from_secs(3_600))),
    };
    assert_eq!(parse_create(body), Ok((news(), settings)));
    let nulls = br#"{"name": "news", "priority": null}"#;
    assert_eq!(parse_create(nulls), Ok((news(), QueueSettings::default())));
}

#[test]
fn a_null_in_a_change_removes_a_setting() {
    let body = br#"{"rate_per_second": null, "retry_waits_seconds": null, "default_expires_in_seconds": null}"#;
    let removed = QueueSettings {
        priority: None,
        rate_per_second: Some(None),
        retry_waits: Some(None),
        expires_after: Some(None),
    };
    assert_eq!(parse_change(body), Ok(removed));
    assert_eq!(parse_change(b"{}"), Ok(QueueSettings::default()));
}

#[test]
fn bad_settings_name_their_field() {
    for (body, name, path) in [
        (&br#"{"priority": "urgent"}"#[..], "validation_error", "priority"),
        (br#"{"priority": null}"#, "validation_error", "priority"),
        (br#"{"rate_per_second": 0}"#, "validation_error", "rate_per_second"),
        (br#"{"rate_per_second": 1.5}"#, "validation_error", "rate_per_second"),
        (br#"{"rate_per_second": 100001}"#, "validation_error", "rate_per_second"),
        (
            br#"{"retry_waits_seconds": 60}"#,
            "validation_error",
            "retry_waits_seconds",
        ),
        (
            br#"{"retry_waits_seconds": [60, null]}"#,
            "validation_error",
            "retry_waits_seconds[1]",
        ),
        (
            br#"{"retry_waits_seconds": [0]}"#,
            "validation_error",
            "retry_waits_seconds[0]",
        ),
        (
            br#"{"default_expires_in_seconds": 59}"#,
            "validation_error",
            "default_expires_in_seconds",
        ),
        (br#"{"rate": 1}"#, "validation_error", "rate"),
    ] {
        let expected = (422, name, path.to_owned());
        assert_eq!(
            refusal(parse_change(body)),
            expected,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    let waits = vec!["60"; limits::RETRY_WAITS_MAX + 1].join(",");
    let body = format!(r#"{{"retry_waits_seconds": [{waits}]}}"#);
    let expected = (422, "validation_error", "retry_waits_seconds".to_owned());
    assert_eq!(refusal(parse_change(body.as_bytes())), expected);
}

#[test]
fn a_new_queue_needs_a_valid_name() {
    let missing = (422, "missing_required_field", "name".to_owned());
    assert_eq!(refusal(parse_create(b"{}")), missing);
    for name in ["", "News", "a b", "a/b", &"a".repeat(65)] {
        let body = format!(r#"{{"name": "{name}"}}"#);
        let expected = (422, "validation_error", "name".to_owned());
        assert_eq!(refusal(parse_create(body.as_bytes())), expected, "{name}");
    }
    assert_eq!(refusal(parse_create(b"[]")).0, 400);
}

#[test]
fn a_pause_may_have_a_reason_and_an_end() {
    assert_eq!(parse_pause(b""), Ok(PauseRequest::default()));
    let request = parse_pause(br#"{"reason": "maintenance", "until": "in 2 hours"}"#).unwrap();
    assert_eq!(request.reason.as_deref(), Some("maintenance"));
    assert!(request.until.is_some());
    let long = format!(r#"{{"reason": "{}"}}"#, "x".repeat(limits::REASON_MAX + 1));
    for (body, path) in [
        (long.as_bytes(), "reason"),
        (br#"{"reason": "a\nb"}"#, "reason"),
        (br#"{"until": "tomorrow-ish"}"#, "until"),
        (br#"{"for": 1}"#, "for"),
    ] {
        let expected = (422, "validation_error", path.to_owned());
        assert_eq!(
            refusal(parse_pause(body)),
            expected,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn a_redrive_may_select_a_cause_and_a_time() {
    assert_eq!(parse_redrive(b""), Ok(RedriveRequest::default()));
    let request = parse_redrive(br#"{"cause": "rejected", "since": "2026-11-24T09:30:00Z"}"#).unwrap();
    assert_eq!(request.cause, Some(Cause::Rejected));
    assert_eq!(request.since, Timestamp::parse_rfc3339("2026-11-24T09:30:00Z"));
    for (body, path) in [
        (&br#"{"cause": "bad luck"}"#[..], "cause"),
        (br#"{"since": "2026-11-24"}"#, "since"),
        (br#"{"until": null}"#, "until"),
    ] {
        let expected = (422, "validation_error", path.to_owned());
        assert_eq!(
            refusal(parse_redrive(body)),
            expected,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}
