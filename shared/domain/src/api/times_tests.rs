use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_512_600_000);
const DAY: Duration = Duration::from_secs(86_400);

fn parse(text: &str) -> Option<TimeInput> {
    TimeInput::parse("scheduled_at", text).ok()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn a_time_is_rfc_3339_or_a_wait() {
    let at = Timestamp::parse_rfc3339("2026-11-24T09:30:00Z").map(TimeInput::At);
    for same in [
        "2026-11-24T09:30:00Z",
        "2026-11-24T09:30:00.000Z",
        "2026-11-24T10:30:00+01:00",
        "2026-11-24 09:30:00+00",
        " 2026-11-24T09:30:00Z ",
    ] {
        assert_eq!(parse(same), at, "{same}");
    }
    for (text, wait) in [
        ("in 1 min", 60),
        ("in 5 minutes", 300),
        ("in 1 hour", 3600),
        ("in 2 days", 172_800),
        ("in 1h 30m", 5400),
        ("in 1 week", 604_800),
        ("in 0 seconds", 0),
    ] {
        assert_eq!(parse(text), Some(TimeInput::In(secs(wait))), "{text}");
    }
    for (text, same) in [
        ("In an hour", "in 1 hour"),
        ("in 2 hours and 30 minutes", "in 2h 30m"),
        ("Tomorrow 9 am", "tomorrow at 09:00 UTC"),
    ] {
        assert_eq!((parse(text), parse(text).is_some()), (parse(same), true), "{text}");
    }
    for bad in [
        "",
        "tomorrow",
        "in",
        "in ",
        "in eleven minutes",
        "in 1 month",
        "in -5 minutes",
        "in 5 minutes ago",
        "5 minutes",
        "2026-11-24",
        "2026-11-24T09:30:00",
        "2026-13-24T09:30:00Z",
        "1795512600",
        "in -99999999 days",
        "in 99999999 days ago",
        "9999-12-31T23:59:59",
        "9999-12-31",
        "9999-13-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "2026-11-24T09:30:00Z\0",
        &"9".repeat(10_000),
    ] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}

#[test]
fn a_phrase_is_resolved_when_it_is_needed() {
    let wanted = |text: &str, now: &str| {
        let now = Timestamp::parse_rfc3339(now).unwrap();
        let at = parse(text).unwrap().schedule("scheduled_at", now);
        at.map(|at| at.to_string()).map_err(|error| error.to_string())
    };
    let friday = wanted("Friday at 3pm ET", "2026-11-24T09:30:00Z");
    assert_eq!(friday.as_deref(), Ok("2026-11-27T20:00:00.000Z"));
    let past = wanted("today at 9am", "2026-11-24T09:30:00Z");
    assert_eq!(past.unwrap_err(), "scheduled_at: is in the past");
    let twice = wanted("Sunday at 1:30am ET", "2026-10-30T12:00:00Z");
    assert!(
        twice
            .unwrap_err()
            .starts_with("scheduled_at: daylight saving skips or repeats")
    );
    let canonical = |text: &str| SendOptions {
        scheduled_at: parse(text),
        ..SendOptions::default()
    };
    let same = ["Friday at 3pm ET", "on fri 15:00 et"].map(|text| canonical(text).canonical());
    assert_eq!(same, ["\nscheduled_at: friday at 15:00 et"; 2]);
}

fn wanted(scheduled_at: Option<&str>, expires_at: Option<&str>) -> Result<EmailTimes, String> {
    let options = SendOptions {
        scheduled_at: scheduled_at.map(|text| parse(text).unwrap()),
        expires_at: expires_at.map(|text| parse(text).unwrap()),
        ..SendOptions::default()
    };
    options.resolve(DAY, NOW).map_err(|error| error.to_string())
}

#[test]
fn without_options_an_email_is_due_at_once() {
    assert_eq!(
        wanted(None, None),
        Ok(EmailTimes {
            scheduled_at: None,
            not_before: NOW,
            expires_at: NOW.after(DAY),
            expires_given: false,
        })
    );
}

#[test]
fn the_default_expiry_follows_the_schedule() {
    let later = NOW.after(DAY * 10);
    assert_eq!(
        wanted(Some("in 10 days"), None),
        Ok(EmailTimes {
            scheduled_at: Some(later),
            not_before: later,
            expires_at: later.after(DAY),
            expires_given: false,
        })
    );
    let given = wanted(Some("in 1 hour"), Some("in 2 hours")).unwrap();
    assert_eq!((given.expires_at, given.expires_given), (NOW.after(secs(7200)), true));
}

#[test]
fn a_past_time_is_refused_beyond_five_minutes() {
    let just_over = NOW.before(secs(300)).to_string();
    let now = wanted(Some(&just_over), None).unwrap();
    assert_eq!((now.scheduled_at, now.not_before), (None, NOW));
    let over = NOW.before(secs(301)).to_string();
    for (scheduled_at, expires_at, why) in [
        (Some(over.as_str()), None, "scheduled_at: is in the past"),
        (
            Some("in 3654 days"),
            None,
            "scheduled_at: must be within the next 10 years",
        ),
        (
            Some("9999-12-31T23:59:59Z"),
            None,
            "scheduled_at: must be within the next 10 years",
        ),
        (
            Some("9999-12-31T23:59:59-23:00"),
            None,
            "scheduled_at: must be within the next 10 years",
        ),
        (
            Some("in 10000000 days"),
            None,
            "scheduled_at: must be within the next 10 years",
        ),
        (
            None,
            Some("9999-12-31T23:59:59Z"),
            "expires_at: must be within 10 years after the email is due",
        ),
        (None, Some(over.as_str()), "expires_at: is in the past"),
        (
            Some("in 1 hour"),
            Some("in 1 hour"),
            "expires_at: must be after scheduled_at",
        ),
        (
            None,
            Some("in 3654 days"),
            "expires_at: must be within 10 years after the email is due",
        ),
    ] {
        assert_eq!(wanted(scheduled_at, expires_at), Err(why.to_owned()));
    }
    assert!(wanted(Some("in 3653 days"), None).is_ok());
}

#[test]
fn a_late_request_is_due_or_expired_at_once() {
    let over = NOW.before(DAY);
    let options = SendOptions {
        scheduled_at: Some(TimeInput::At(over)),
        expires_at: Some(TimeInput::At(over.after(secs(60)))),
        ..SendOptions::default()
    };
    assert!(options.resolve(DAY, NOW).is_err());
    let late = options.resolve_late(DAY, NOW);
    assert_eq!((late.scheduled_at, late.not_before), (Some(over), NOW));
    assert_eq!((late.expires_at, late.expires_given), (over.after(secs(60)), true));
    let in_time = SendOptions {
        scheduled_at: Some(TimeInput::In(secs(60))),
        ..SendOptions::default()
    };
    assert_eq!(Ok(in_time.resolve_late(DAY, NOW)), in_time.resolve(DAY, NOW));
}

#[test]
fn options_are_compared_as_written() {
    let canonical = |scheduled_at: &str, on_uncertain| {
        let options = SendOptions {
            scheduled_at: parse(scheduled_at),
            expires_at: None,
            on_uncertain,
            ..SendOptions::default()
        };
        options.canonical()
    };
    assert_eq!(SendOptions::default().canonical(), "");
    assert_eq!(canonical("", OnUncertain::Hold), "\non_uncertain: hold");
    assert_eq!(
        canonical("in 1 min", OnUncertain::Resend),
        canonical("in 60 s", OnUncertain::Resend)
    );
    assert_eq!(
        canonical("2026-11-24T10:30:00+01:00", OnUncertain::Resend),
        "\nscheduled_at: 2026-11-24T09:30:00.000Z"
    );
}
