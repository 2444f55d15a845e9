use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

/// Two a second, nothing reserved, nothing waits.
fn limit() -> RateLimit {
    RateLimit {
        rate: Rate::from_millis(2_000),
        ..RateLimit::default()
    }
}

fn busy() -> RateLimit {
    RateLimit {
        check_at: Some(at(900)),
        version: 3,
        ..limit()
    }
}

/// Asks until the change is made; the slots in milliseconds from now, and the rate limit then.
fn reserve_all(mut limit: RateLimit, recipients: &[u32], ahead: u64) -> (Vec<i64>, RateLimit) {
    match request_slots(&limit, recipients, Duration::from_secs(ahead), NOW) {
        SlotDecision::Reserve { change, offsets } => {
            assert!(change.holds(&limit), "{change:?}");
            let RateLimitChange::Reserve { span, .. } = change else {
                panic!("{change:?}")
            };
            limit = change.on(limit);
            let begin = limit.free_at.unwrap().before(span);
            let slot = |offset: &Duration| begin.after(*offset).up().as_millis() - NOW.as_millis();
            (offsets.iter().map(slot).collect(), limit)
        }
        SlotDecision::Mark(change) => {
            assert!(change.holds(&limit), "{change:?}");
            (Vec::new(), change.on(limit))
        }
        SlotDecision::Wait => (Vec::new(), limit),
        SlotDecision::Free => panic!("there is a rate"),
    }
}

#[test]
fn an_idle_queue_gives_slots_at_once() {
    let (slots, after) = reserve_all(limit(), &[1, 1, 1], 60);
    assert_eq!(slots, [-250, 250, 750]);
    assert_eq!((after.check_at, after.is_busy()), (None, false), "nothing waits");
    let (slots, _) = reserve_all(after, &[1], 60);
    assert_eq!(slots, [1_250], "after the reserved time");
    assert_eq!(
        request_slots(&RateLimit::default(), &[1], AHEAD, NOW),
        SlotDecision::Free,
        "no rate limit"
    );
}

#[test]
fn slots_end_a_minute_ahead() {
    let (slots, after) = reserve_all(limit(), &[1; 200], 60);
    assert_eq!((slots.len(), slots.last()), (121, Some(&59_750)));
    assert!(after.is_busy(), "the others wait");
    assert_eq!(after.check_at, Some(NOW));
    let (slots, later) = reserve_all(after.clone(), &[1], 60);
    assert_eq!(
        (slots.len(), later),
        (0, after),
        "no later email overtakes them, and nothing is written"
    );
}

#[test]
fn a_sender_takes_only_an_immediate_slot() {
    let (slots, after) = reserve_all(limit(), &[1, 1], 0);
    assert_eq!(slots, [-250]);
    assert!(after.is_busy(), "the second one waits");
    let reserved = RateLimit {
        free_at: Some(Micros::of(NOW).after(Duration::from_millis(1))),
        ..limit()
    };
    let (slots, after) = reserve_all(reserved, &[1], 0);
    assert_eq!((slots.len(), after.is_busy()), (0, true));
}

#[test]
fn a_rate_change_refuses_older_reservations() {
    let SlotDecision::Reserve { change, .. } = request_slots(&limit(), &[1], AHEAD, NOW) else {
        panic!("it is idle")
    };
    let raised = RateLimitChange::Rate {
        rate: Rate::from_millis(9_000),
    };
    assert!(!change.holds(&raised.on(limit())));
    assert!(!change.holds(&busy()), "nor for a queue that became busy");
}

#[test]
fn a_queue_is_marked_before_an_email_waits() {
    let marked = |limit: &RateLimit, secs| mark(limit, at(secs), NOW).map(|change| change.on(limit.clone()));
    let due = marked(&limit(), 1_000).unwrap();
    assert_eq!((due.check_at, due.quiet_since, due.version), (Some(at(1_000)), None, 1));
    assert_eq!(marked(&busy(), 1_000), None, "waiting emails are noted");
    assert_eq!(marked(&busy(), 5_000), None, "the check comes earlier");
    let scheduled = marked(&limit(), 5_000).unwrap();
    assert_eq!(
        (scheduled.check_at, scheduled.quiet_since),
        (Some(at(5_000)), Some(NOW))
    );
    let sooner = marked(&scheduled, 4_000).unwrap();
    assert_eq!(sooner.check_at, Some(at(4_000)));
    let later = marked(&scheduled, 6_000).unwrap();
    assert_eq!(
        (later.check_at, later.version),
        (Some(at(5_000)), 2),
        "the quiet time starts again"
    );
    let due = marked(&scheduled, 1_000).unwrap();
    assert_eq!((due.check_at, due.is_busy()), (Some(at(1_000)), true));
}

#[test]
fn a_mark_after_another_change_is_refused() {
    let change = mark(&limit(), NOW, NOW).unwrap();
    assert!(!change.holds(&change.on(limit())));
}

/// Emails due at these seconds, with their places.
fn line(due: &[i64]) -> Vec<(Timestamp, String)> {
    let place = |(number, secs): (usize, &i64)| (at(*secs), format!("{secs:015}#{number:03}"));
    due.iter().enumerate().map(place).collect()
}

fn planned(limit: &RateLimit, due: &[i64], more: bool, most: usize, now: Timestamp) -> (Vec<i64>, Option<RateLimit>) {
    let line = line(due);
    let email = |(not_before, place): &'_ (Timestamp, String)| (*not_before, place.clone());
    let line: Vec<_> = line.iter().map(email).collect();
    let emails: Vec<_> = line
        .iter()
        .map(|(not_before, place)| SlotCandidate {
            not_before: *not_before,
            recipients: 1,
            place,
        })
        .collect();
    let found = WaitingPage { emails: &emails, more };
    let ReleasePlan { slots, change } = plan(limit, found, most, now);
    let becomes = change.map(|change| {
        assert!(change.holds(limit));
        change.on(limit.clone())
    });
    let slots = slots.iter().map(|slot| slot.as_millis() - now.as_millis());
    (slots.collect(), becomes)
}

#[test]
fn a_release_covers_one_minute() {
    let (slots, becomes) = planned(&busy(), &[900; 200], true, usize::MAX, NOW);
    assert_eq!((slots.len(), slots[0], slots[120]), (121, 0, 60_000));
    let becomes = becomes.unwrap();
    assert!(becomes.is_busy());
    let released = becomes.in_flight(NOW).unwrap();
    assert_eq!(
        (released.after.as_str(), released.until.as_str()),
        ("", "000000000000900#120")
    );
    // Another run at the same time finds no room.
    let (slots, again) = planned(&becomes, &[901; 5], false, usize::MAX, NOW);
    assert_eq!((slots.len(), again), (0, None));
    // A minute later it continues after it.
    let later = NOW.after(AHEAD);
    let (slots, next) = planned(&becomes, &[901; 5], false, usize::MAX, later);
    assert_eq!(slots, [500, 1_000, 1_500, 2_000, 2_500]);
    let released = next.unwrap().released.unwrap();
    assert_eq!(released.after, "000000000000900#120");
    assert_eq!(released.at, later);
}

#[test]
fn only_one_of_two_equal_releases_succeeds() {
    let limit = busy();
    let emails = [SlotCandidate {
        not_before: at(900),
        recipients: 1,
        place: "a",
    }];
    let found = WaitingPage {
        emails: &emails,
        more: false,
    };
    let change = plan(&limit, found, 9, NOW).change.unwrap();
    assert!(!change.holds(&change.on(limit.clone())));
    let rate = RateLimitChange::Rate { rate: None };
    assert!(!change.holds(&rate.on(limit)), "nor under another rate");
}

#[test]
fn an_email_has_no_slot_before_its_time() {
    let (slots, becomes) = planned(&busy(), &[900, 1_030, 1_061], false, 9, NOW);
    assert_eq!(slots, [0, 30_000], "the last is due after the minute");
    assert!(!becomes.unwrap().is_busy());
}

#[test]
fn a_probe_releases_one_email() {
    let (slots, becomes) = planned(&busy(), &[900; 5], false, 1, NOW);
    assert_eq!(slots, [0]);
    assert!(becomes.unwrap().is_busy());
}

#[test]
fn a_mark_is_removed_after_a_day_of_sweeps() {
    let mut limit = busy();
    let mut looks = Vec::new();
    let mut now = NOW;
    for _ in 0..5_000 {
        if limit.check_at.is_none() {
            break;
        }
        if limit.check_at <= Some(now.after(AHEAD)) {
            looks.push(now.since(NOW).as_secs());
            if let (slots, Some(becomes)) = planned(&limit, &[], false, 9, now) {
                assert_eq!(slots.len(), 0);
                limit = becomes;
            }
        }
        now = now.after(Duration::from_secs(60));
    }
    assert_eq!(looks, [0, 60, 120, 840, 3_540, 86_340]);
    assert_eq!((limit.check_at, limit.quiet_since, limit.released), (None, None, None));
}

#[test]
fn the_next_check_is_when_an_email_is_due() {
    let quiet = RateLimit {
        quiet_since: Some(at(0)),
        ..busy()
    };
    let (slots, becomes) = planned(&quiet, &[90_000], false, 9, at(87_000));
    assert_eq!((slots.len(), becomes.unwrap().check_at), (0, Some(at(90_000))));
}

/// A lost message is released again after the time in which it could still be sent.
#[test]
fn a_release_is_in_flight_for_two_minutes() {
    let (_, becomes) = planned(&busy(), &[900], false, 9, NOW);
    let becomes = becomes.unwrap();
    assert!(becomes.in_flight(at(1_119)).is_some());
    assert!(becomes.in_flight(at(1_120)).is_none());
    assert_eq!((AHEAD + LATE).as_secs(), 120);
    let (_, later) = planned(&becomes, &[], false, 9, at(1_119));
    assert_eq!(later, None, "its place and the next check stay");
}

#[test]
fn a_slot_is_usable_for_a_minute() {
    assert!(is_usable(at(940), NOW));
    assert!(!is_usable(at(939), NOW));
    assert!(is_usable(at(1_060), NOW));
}

#[test]
fn a_minute_has_room_for_its_rate() {
    assert_eq!(room(&limit(), NOW), 121);
    let reserved = RateLimit {
        free_at: Some(Micros::of(at(1_030))),
        ..limit()
    };
    assert_eq!(room(&reserved, NOW), 61);
    assert_eq!(room(&RateLimit::default(), NOW), 0);
}

#[test]
fn without_a_rate_nothing_has_a_slot() {
    let unlimited = RateLimit { rate: None, ..busy() };
    let (slots, becomes) = planned(&unlimited, &[], true, 0, NOW);
    assert_eq!(
        (slots.len(), becomes),
        (0, None),
        "the others are moved in the next run"
    );
    let (_, becomes) = planned(&unlimited, &[], false, 0, NOW);
    assert_eq!(becomes.unwrap().quiet_since, Some(NOW));
}
