use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1_000)
}

#[test]
fn a_tenant_is_deletable_a_minute_after_suspension() {
    let live = Tenant::main();
    assert_eq!(live.check_deletable(at(1_000)), Err(NotDeletable::NotSuspended));
    let suspended = live.clone().with_suspension(true, at(100));
    for (now, expected) in [
        (99, Err(NotDeletable::TooEarly)),
        (160, Err(NotDeletable::TooEarly)),
        (161, Ok(())),
    ] {
        assert_eq!(suspended.check_deletable(at(now)), expected, "{now}");
    }
    let by_an_earlier_version = Tenant {
        suspended: true,
        ..live
    };
    assert_eq!(
        by_an_earlier_version.check_deletable(at(1_000)),
        Err(NotDeletable::UnknownStart)
    );
}

#[test]
fn a_repeated_suspension_keeps_its_start() {
    let suspended = Tenant::main().with_suspension(true, at(100));
    let repeated = suspended.clone().with_suspension(true, at(200));
    assert_eq!(repeated.suspended_at, Some(at(100)));
    let lifted = suspended.with_suspension(false, at(300));
    assert_eq!((lifted.suspended, lifted.suspended_at), (false, None));
    assert_eq!(lifted.with_suspension(true, at(400)).suspended_at, Some(at(400)));
}

#[test]
fn only_unfinished_emails_are_leftovers() {
    let mut left = Leftovers::default();
    for &email_status in EmailStatus::ALL {
        let before = left.count();
        left.add(email_status);
        let finished = ["sent", "failed", "unknown", "canceled", "expired"].contains(&email_status.as_str());
        assert_eq!(left.count() == before, finished, "{email_status:?}");
    }
    assert_eq!(
        left.to_string(),
        "emails (1 failing, 1 queued, 1 retry, 1 scheduled, 1 sending, 1 uncertain)"
    );
    (left.stopped, left.jobs) = (true, 2);
    assert!(left.to_string().starts_with("emails (at least 1 failing, "));
    assert!(
        left.to_string()
            .ends_with(") and jobs that restore or retry emails (2)")
    );
}

#[test]
fn leftovers_are_none_after_a_full_count_only() {
    assert!(Leftovers::default().is_none());
    let left = [
        Leftovers {
            unreadable: 1,
            ..Leftovers::default()
        },
        Leftovers {
            jobs: 1,
            ..Leftovers::default()
        },
        Leftovers {
            stopped: true,
            ..Leftovers::default()
        },
    ];
    assert!(left.iter().all(|left| !left.is_none()));
    assert_eq!(
        left.map(|left| left.to_string()),
        ["emails (1 unreadable)", "jobs that restore or retry emails (1)", ""]
    );
}
