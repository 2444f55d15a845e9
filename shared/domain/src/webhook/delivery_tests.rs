use super::*;
use crate::webhook::outcome::Answer;

const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

fn delivery() -> Delivery {
    Delivery::new(EventId::from_bytes([1; 20]), EventType::Sent, NOW, true, NOW)
}

fn answered(status: u16) -> Outcome {
    with_wait(status, None)
}

fn with_wait(status: u16, secs: Option<u64>) -> Outcome {
    Outcome::Answered(Answer {
        status,
        retry_after: secs.map(Duration::from_secs),
        aborts: false,
        body: "x".repeat(5_000),
    })
}

fn wait_of(delivery: &Delivery, now: Timestamp) -> Option<u64> {
    delivery.next.map(|next| next.at.since(now).as_secs())
}

/// The waits until an event ends, in seconds.
fn schedule(outcome: &Outcome, jitter: Jitter) -> Vec<u64> {
    let (mut delivery, mut now, mut waits) = (delivery(), NOW, Vec::new());
    loop {
        delivery = delivery.after_attempt(outcome, jitter, now);
        let Some(next) = delivery.next else { break };
        waits.push(next.at.since(now).as_secs());
        now = next.at;
    }
    assert_eq!(delivery.state, DeliveryState::Failed);
    waits
}

#[test]
fn the_schedule_follows_the_table() {
    let waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 86_400, 172_800];
    assert_eq!(schedule(&answered(500), Jitter::NONE), waits);
    assert_eq!(
        schedule(
            &Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned()),
            Jitter::NONE
        ),
        waits
    );
    let late = waits.map(|wait| wait * 11 / 10);
    assert_eq!(schedule(&answered(302), Jitter::from_random(1_000)), late);
}

#[test]
fn a_success_ends_a_delivery() {
    let done = delivery().after_attempt(&answered(204), Jitter::NONE, NOW);
    assert_eq!((done.state, done.next, done.tried), (DeliveryState::Success, None, 1));
    assert!(!done.is_wanted(NOW));
}

#[test]
fn a_receiver_ends_an_event_without_another_attempt() {
    let outcome = Outcome::Answered(Answer {
        status: 400,
        retry_after: None,
        aborts: true,
        body: String::new(),
    });
    let ended = delivery().after_attempt(&outcome, Jitter::NONE, NOW);
    assert_eq!((ended.state, ended.next), (DeliveryState::Failed, None));
}

#[test]
fn an_event_of_a_gone_endpoint_keeps_its_schedule() {
    let gone = delivery().after_attempt(&answered(410), Jitter::NONE, NOW);
    assert_eq!(
        gone.next,
        delivery().after_attempt(&answered(500), Jitter::NONE, NOW).next
    );
    assert_eq!((gone.state, gone.attempts), (DeliveryState::Attempting, 1));
    assert_eq!(gone.kept().next, None, "a disabled webhook keeps it");
}

#[test]
fn an_endpoint_may_ask_for_a_longer_wait_of_up_to_a_day() {
    let wait = |secs| {
        wait_of(
            &delivery().after_attempt(&with_wait(500, Some(secs)), Jitter::NONE, NOW),
            NOW,
        )
    };
    assert_eq!(wait(3), Some(5), "a shorter wait is not granted");
    assert_eq!(wait(600), Some(600));
    assert_eq!(wait(1_000_000), Some(86_400));
    let late = delivery().after_attempt(&with_wait(500, Some(600)), Jitter::from_random(1_000), NOW);
    assert_eq!(wait_of(&late, NOW), Some(660), "events that failed together spread");
}

#[test]
fn a_throttled_attempt_does_not_count() {
    let (mut delivery, mut now) = (delivery(), NOW);
    let mut waits = Vec::new();
    for _ in 0..6 {
        delivery = delivery.after_attempt(&answered(429), Jitter::NONE, now);
        waits.push(wait_of(&delivery, now).unwrap());
        now = delivery.next.unwrap().at;
    }
    assert_eq!((delivery.attempts, delivery.tried), (0, 6));
    assert_eq!(
        waits,
        [5, 300, 1_800, 7_200, 18_000, 18_000],
        "no longer than five hours"
    );
    let after = delivery.after_attempt(&answered(500), Jitter::NONE, now);
    assert_eq!((after.attempts, after.postponed, wait_of(&after, now)), (1, 0, Some(5)));
}

/// An endpoint that says how long it is busy is not made to wait for hours, however often it says so.
#[test]
fn a_given_wait_is_kept_and_does_not_grow() {
    let (mut delivery, mut now) = (delivery(), NOW);
    let mut waits = Vec::new();
    for secs in [30, 30, 30, 30, 30, 0, 7_200] {
        delivery = delivery.after_attempt(&with_wait(429, Some(secs)), Jitter::NONE, now);
        waits.push(wait_of(&delivery, now).unwrap());
        now = delivery.next.unwrap().at;
    }
    assert_eq!(waits, [30, 30, 30, 30, 30, 5, 7_200]);
    let jitter = Jitter::from_random(1_000);
    let late = delivery.after_attempt(&with_wait(429, Some(30)), jitter, now);
    assert_eq!(wait_of(&late, now), Some(33));
    let unknown = delivery.after_attempt(&answered(429), Jitter::NONE, now);
    assert_eq!(wait_of(&unknown, now), Some(5), "only waits without a time grow");
    for _ in 0..6 {
        let until = now.after(Duration::from_secs(60));
        delivery = delivery.after_closed(until, Jitter::NONE, now);
        assert_eq!(wait_of(&delivery, now), Some(60));
        now = until;
    }
}

/// Many events of a dead endpoint must not come back by tasks of the queue after each of its pauses.
#[test]
fn only_the_first_wait_for_a_closed_endpoint_has_a_task() {
    let until = NOW.after(Duration::from_secs(60));
    let first = delivery().after_closed(until, Jitter::NONE, NOW);
    assert_eq!(first.next.unwrap().task_delay(NOW), Some(Duration::from_secs(60)));
    let second = first.after_closed(until, Jitter::NONE, NOW);
    let next = second.next.unwrap();
    assert_eq!((next.at, next.task_delay(NOW)), (until, None));
    assert!(next.check < until.after(GUARD), "the index wakes it soon");
    let tried = second.after_attempt(&answered(500), Jitter::NONE, until);
    assert_eq!((second.waited, tried.waited), (2, 0));
}

#[test]
fn a_delivery_without_a_permit_waits_in_the_index() {
    let (mut waiting, mut now) = (delivery(), NOW);
    let mut waits = Vec::new();
    for _ in 0..6 {
        waiting = waiting.after_busy(Jitter::NONE, now);
        let next = waiting.next.unwrap();
        assert_eq!((next.task_delay(now), next.check), (None, next.at));
        waits.push(next.at.since(now).as_secs());
        now = next.at;
    }
    assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
    assert_eq!((waiting.state, waiting.attempts), (DeliveryState::Pending, 0));
    assert!(waiting.is_wanted(now));
}

#[test]
fn a_closed_endpoint_costs_no_attempt() {
    let waiting = delivery().after_closed(NOW.after(Duration::from_secs(120)), Jitter::NONE, NOW);
    assert_eq!((waiting.attempts, waiting.tried, waiting.waited), (0, 0, 1));
    assert_eq!(
        (waiting.state, wait_of(&waiting, NOW)),
        (DeliveryState::Pending, Some(120))
    );
    assert!(waiting.past.is_empty());
}

/// Neither throttling nor a closed endpoint keeps an event for ever.
#[test]
fn nothing_is_tried_after_five_days() {
    let mut delivery = delivery();
    let mut now = NOW;
    while let Some(next) = delivery.next {
        now = next.at;
        delivery = delivery.after_attempt(&answered(429), Jitter::NONE, now);
    }
    assert_eq!(delivery.state, DeliveryState::Failed);
    assert!(now <= NOW.after(GIVEN_UP_AFTER) && delivery.tried > 20);
    let replayed = delivery
        .replayed(now, now)
        .after_attempt(&answered(500), Jitter::NONE, now);
    assert_eq!(wait_of(&replayed, now), Some(5), "a replay begins anew");
}

#[test]
fn the_index_guards_a_near_attempt_and_holds_a_far_one() {
    let near = delivery().next.unwrap();
    assert_eq!((near.at, near.check), (NOW, NOW.after(GUARD)));
    assert_eq!(near.task_delay(NOW), Some(Duration::ZERO));
    let soon = delivery()
        .after_attempt(&answered(500), Jitter::NONE, NOW)
        .next
        .unwrap();
    assert_eq!(soon.task_delay(NOW), Some(Duration::from_secs(5)));
    let minute = NOW.after(GUARD).after(Duration::from_secs(60));
    assert_eq!(
        soon.check, minute,
        "entries stand at whole minutes, and never before their time"
    );
    let far = delivery().after_attempt(&with_wait(500, Some(7_200)), Jitter::NONE, NOW);
    let next = far.next.unwrap();
    assert_eq!((next.task_delay(NOW), next.check), (None, next.at));
    let guarded = far.guarded(next.at).next.unwrap();
    assert_eq!((guarded.at, guarded.check), (next.at, next.at.after(GUARD)));
    let within = NOW.after(Duration::from_millis(1));
    assert_eq!(guarded_until(within), minute);
    assert_eq!(guarded_until(NOW), NOW.after(GUARD));
}

/// An attempt moved the time after the task was sent.
#[test]
fn an_old_task_makes_no_attempt() {
    let waiting = delivery().after_attempt(&answered(500), Jitter::NONE, NOW);
    let secs = |secs| NOW.after(Duration::from_secs(secs));
    assert!(!waiting.is_wanted(NOW) && !waiting.is_wanted(secs(3)));
    assert!(
        waiting.is_wanted(secs(4)) && waiting.is_wanted(secs(5_000)),
        "a second early, or late"
    );
}

#[test]
fn an_event_of_a_webhook_that_is_not_called_only_waits() {
    let kept = Delivery::new(EventId::from_bytes([1; 20]), EventType::Sent, NOW, false, NOW);
    assert_eq!((kept.state, kept.next), (DeliveryState::Pending, None));
    assert!(!kept.is_wanted(NOW));
}

#[test]
fn each_write_has_a_version() {
    let first = delivery();
    let versions = [
        first.after_attempt(&answered(500), Jitter::NONE, NOW).version,
        first.after_closed(NOW, Jitter::NONE, NOW).version,
        first.after_busy(Jitter::NONE, NOW).version,
        first.replayed(NOW, NOW).version,
        first.guarded(NOW).version,
    ];
    assert_eq!((first.version, versions), (0, [1; 5]));
}

#[test]
fn only_the_newest_answers_are_kept() {
    let mut delivery = delivery();
    for _ in 0..limits::ATTEMPTS_KEPT + 3 {
        delivery = delivery.after_attempt(&answered(429), Jitter::NONE, NOW);
    }
    let lengths: Vec<_> = delivery.past.iter().map(|past| past.words.len()).collect();
    let (newest, earlier) = lengths.split_last().unwrap();
    assert_eq!(*newest, limits::ANSWER_WORDS_MAX);
    assert_eq!(earlier, [limits::ANSWER_WORDS_EARLIER; limits::ATTEMPTS_KEPT - 1]);
    let numbers: Vec<_> = delivery.past.iter().map(|past| past.number).collect();
    assert_eq!((numbers.first(), numbers.last()), (Some(&4), Some(&13)));
    let done = delivery.after_attempt(&answered(200), Jitter::NONE, NOW);
    assert_eq!(
        done.past.last().map(|past| past.words.len()),
        Some(limits::ANSWER_WORDS_EARLIER)
    );
}

#[test]
fn a_kept_delivery_stays_open_and_an_erased_one_ends() {
    let kept = delivery().kept();
    assert_eq!((kept.next, kept.version), (None, delivery().version + 1));
    assert!(kept.state.is_open() && kept.past.is_empty());
    let erased = delivery()
        .after_attempt(&answered(500), Jitter::NONE, NOW)
        .without_payload(NOW);
    assert_eq!((erased.state, erased.next), (DeliveryState::Failed, None));
    let last = erased.past.last().unwrap();
    assert_eq!(
        (last.number, last.status, last.words.as_str()),
        (2, 0, "The event was erased.")
    );
    let note = |days: u64| {
        let ended = delivery().without_payload(NOW.after(Duration::from_secs(days * 86_400)));
        ended.past.last().unwrap().words.clone()
    };
    assert_eq!(note(5), "The event was erased.");
    assert_eq!(
        note(6),
        "The event is no longer kept: its retention has ended, or it was erased."
    );
}

#[test]
fn events_are_kept_for_all_attempts() {
    assert!(KEPT_AT_LEAST > GIVEN_UP_AFTER);
}
