use std::collections::BTreeMap;
use std::time::Duration;

use super::super::samples::{
    ANN, BOB, acceptance, at, event, ids, key, of_change, record, short, status_event, written,
};
use super::*;
use crate::delivery::policy::Policy;
use crate::delivery::record::RecordStatus;
use crate::delivery::ses_event::SesEventKind;
use crate::lifecycle::{self, commands, queue_control};
use crate::queue::Queue;

const LONG: Duration = Duration::from_secs(1_000_000);

#[test]
fn each_status_tells_its_events() {
    let queued = record(RecordStatus::Queued);
    for (status, name) in [
        (RecordStatus::Queued, None),
        (RecordStatus::Sending, None),
        (RecordStatus::Failing, None),
        (RecordStatus::Uncertain, None),
        (RecordStatus::Sent, Some("email.sent")),
        (RecordStatus::Failed, Some("email.failed")),
        (RecordStatus::Unknown, Some("email.failed")),
        (RecordStatus::Canceled, Some("email.canceled")),
        (RecordStatus::Expired, Some("email.expired")),
    ] {
        let expected: Vec<_> = name
            .into_iter()
            .flat_map(|name| ["ann", "bob"].map(|to| format!("{name} {to}")))
            .collect();
        assert_eq!(of_change(&queued, &record(status)), expected, "{status:?}");
        assert_eq!(
            of_change(&record(status), &record(status)),
            Vec::<String>::new(),
            "again"
        );
    }
}

#[test]
fn a_new_record_tells_only_its_schedule() {
    let now = record(RecordStatus::Queued);
    assert_eq!(told(None, Some(&now)), []);
    let later = EmailRecord {
        scheduled_at: Some(at(9_000)),
        ..now
    };
    let events = told(None, Some(&later));
    assert_eq!(short(&events), ["email.scheduled ann", "email.scheduled bob"]);
    assert_eq!(events[0].created_at, at(100), "the time of the request");
}

#[test]
fn nothing_is_told_without_a_hook() {
    let plain = |status| EmailRecord {
        hook: None,
        ..record(status)
    };
    for &status in RecordStatus::ALL {
        let (before, after) = (plain(RecordStatus::Queued), plain(status));
        assert_eq!(told(Some(&before), Some(&after)), []);
        assert_eq!(recovered(&after, &[]), []);
        let fact = EmailFact::of(&status_event(ANN, DeliveryStatus::Delivered, 400)).unwrap();
        assert_eq!(of_fact(&after, &fact), []);
    }
}

/// Erasure replaces the record, and the end of the retention deletes it: neither leaves a record behind.
#[test]
fn a_record_that_is_gone_tells_nothing() {
    for &status in RecordStatus::ALL {
        assert_eq!(told(Some(&record(status)), None), []);
    }
    assert_eq!(told(None, None), []);
}

#[test]
fn a_reused_id_tells_nothing_of_the_earlier_email() {
    let earlier = record(RecordStatus::Failed);
    let new = EmailRecord {
        born: at(200),
        ..record(RecordStatus::Queued)
    };
    assert_eq!(of_change(&earlier, &new), Vec::<String>::new());
    let sent = EmailRecord {
        born: at(200),
        ..record(RecordStatus::Sent)
    };
    let events = told(Some(&earlier), Some(&sent));
    assert_eq!(short(&events), ["email.sent ann", "email.sent bob"]);
    let of_earlier = told(None, Some(&record(RecordStatus::Sent)));
    assert!(ids(&events).is_disjoint(&ids(&of_earlier)), "another birth, other ids");
}

/// The recovery that adds the hook tells its own webhook. The others did not ask for old emails.
#[test]
fn a_record_that_gets_a_hook_tells_nothing_by_that() {
    let before = EmailRecord {
        hook: None,
        ..record(RecordStatus::Sent)
    };
    let after = record(RecordStatus::Sent);
    assert_eq!(of_change(&before, &after), Vec::<String>::new());
    assert_eq!(short(&recovered(&after, &[])), ["email.sent ann", "email.sent bob"]);
    let canceled = record(RecordStatus::Canceled);
    assert_eq!(
        of_change(&record(RecordStatus::Queued), &canceled),
        ["email.canceled ann", "email.canceled bob"],
        "later changes are told"
    );
}

#[test]
fn an_unknown_email_that_was_sent_tells_both() {
    let unknown = record(RecordStatus::Unknown);
    let sent = written(lifecycle::record_acceptance(&unknown, acceptance(1)));
    let events = told(Some(&unknown), Some(&sent));
    assert_eq!(short(&events), ["email.sent ann", "email.sent bob"]);
    let failed = told(None, Some(&unknown));
    assert!(events[0].rank > failed[0].rank, "the later fact");
    let all = recovered(&sent, &[]);
    assert!(ids(&all).is_superset(&ids(&failed)), "the failure is not forgotten");
}

#[test]
fn a_second_acceptance_tells_nothing() {
    let sent = EmailRecord {
        claim_no: 2,
        ..record(RecordStatus::Sent)
    };
    let twice = written(lifecycle::record_acceptance(&sent, acceptance(2)));
    assert!(twice.duplicate);
    assert_eq!(of_change(&sent, &twice), Vec::<String>::new());
}

/// A record that is being sent with this claim, which left out Bob.
fn without_bob(claim_no: u32) -> EmailRecord {
    let sending = EmailRecord {
        claim_no,
        ..record(RecordStatus::Sending)
    };
    written(lifecycle::leave_out(&sending, claim_no, &[key(BOB).to_string()]))
}

#[test]
fn a_left_out_recipient_is_suppressed() {
    let sending = without_bob(1);
    let sent = written(lifecycle::record_acceptance(&sending, acceptance(1)));
    let events = told(Some(&sending), Some(&sent));
    assert_eq!(short(&events), ["email.sent ann", "email.suppressed bob"]);
    assert_eq!(events[1].told, Told::LeftOut { claim_no: 1 });
    let all = EmailRecord {
        cause: Some(Cause::Suppressed),
        ..record(RecordStatus::Failed)
    };
    let events = of_change(&record(RecordStatus::Failing), &all);
    assert_eq!(events, ["email.suppressed ann", "email.suppressed bob"]);
}

/// The answer to claim 1 was lost, and claim 2 left Bob out. Then an event proves that claim 1 reached him.
#[test]
fn a_left_out_recipient_stays_so_after_a_late_delivery() {
    let sending = without_bob(2);
    let sent = written(lifecycle::record_acceptance(&sending, acceptance(2)));
    let first = told(Some(&sending), Some(&sent));
    assert_eq!(short(&first), ["email.sent ann", "email.suppressed bob"]);
    let events = [status_event(BOB, DeliveryStatus::Delivered, 400)];
    let delivered = written(lifecycle::update_recipients(&sent, &events));
    assert_eq!(of_change(&sent, &delivered), Vec::<String>::new());
    let all = recovered(&delivered, &[]);
    assert!(ids(&all).is_superset(&ids(&first)), "nothing is taken back");
    assert_eq!(
        short(&all),
        ["email.sent ann", "email.suppressed bob", "email.delivered bob"],
        "and no claim is both"
    );
}

/// An event proves the acceptance of claim 1 while claim 2, which leaves Bob out, is under way.
#[test]
fn a_claim_is_told_with_its_own_left_out_recipients() {
    let sending = without_bob(2);
    let sent = written(lifecycle::record_acceptance(&sending, acceptance(1)));
    assert_eq!(of_change(&sending, &sent), ["email.sent ann", "email.sent bob"]);
    let events = [status_event(BOB, DeliveryStatus::Delivered, 400)];
    let delivered = written(lifecycle::update_recipients(&sent, &events));
    assert_eq!(of_change(&sent, &delivered), Vec::<String>::new());
    assert_eq!(life_identities(&sent), life_identities(&delivered));
}

#[test]
fn a_retry_keeps_the_failure_and_makes_new_ends_new_events() {
    let failed = record(RecordStatus::Failed);
    let queue = Queue::plain(failed.queue_key(), at(0));
    let retry = |record: &EmailRecord| {
        let decision = commands::retry(record, false, &queue, LONG, &Policy::standard(), at(600));
        written(decision.unwrap())
    };
    let first = told(None, Some(&failed));
    let waiting = retry(&failed);
    assert_eq!(of_change(&failed, &waiting), Vec::<String>::new());
    assert_eq!(ids(&recovered(&waiting, &[])), ids(&first), "its past is told");
    let canceled = written(commands::cancel(&waiting, &Policy::standard(), at(700)).unwrap());
    assert_eq!(
        of_change(&waiting, &canceled),
        ["email.canceled ann", "email.canceled bob"]
    );
    let again = retry(&canceled);
    let twice = written(commands::cancel(&again, &Policy::standard(), at(800)).unwrap());
    let second = told(Some(&again), Some(&twice));
    assert_eq!(
        short(&second),
        ["email.canceled ann", "email.canceled bob"],
        "canceled again"
    );
    let all = recovered(&twice, &[]);
    assert_eq!(ids(&all).len(), 6, "two ends and a failure, to two recipients");
    assert!(ids(&all).is_superset(&ids(&first)) && ids(&all).is_superset(&ids(&second)));
}

#[test]
fn each_reschedule_is_an_event_of_its_own() {
    let policy = Policy::standard();
    let reschedule = |record: &EmailRecord, until, now| {
        let times = commands::Times {
            scheduled_at: at(until),
            expires_at: None,
        };
        written(commands::reschedule(record, times, LONG, &policy, at(now)).unwrap())
    };
    let first = EmailRecord {
        scheduled_at: Some(at(5_000)),
        not_before: at(5_000),
        claim_no: 0,
        ..record(RecordStatus::Queued)
    };
    let second = reschedule(&first, 6_000, 200);
    let back = reschedule(&second, 5_000, 210);
    for (before, after, created) in [(&first, &second, 200), (&second, &back, 210)] {
        let events = told(Some(before), Some(after));
        assert_eq!(short(&events), ["email.scheduled ann", "email.scheduled bob"]);
        assert_eq!(events[0].created_at, at(created));
    }
    assert_eq!(
        ids(&recovered(&back, &[])).len(),
        6,
        "the same time again is another schedule"
    );
}

/// A back-off moves `not_before`, and a caller that cancels a purged email moves it too.
#[test]
fn a_moved_time_is_no_new_event() {
    let scheduled = EmailRecord {
        scheduled_at: Some(at(5_000)),
        not_before: at(5_000),
        ..record(RecordStatus::Queued)
    };
    let later = EmailRecord {
        not_before: at(5_060),
        ..scheduled.clone()
    };
    assert_eq!(of_change(&scheduled, &later), Vec::<String>::new());
    let purged = EmailRecord {
        cause: Some(Cause::Purged),
        ..record(RecordStatus::Canceled)
    };
    let by_hand = written(commands::cancel(&purged, &Policy::standard(), at(700)).unwrap());
    assert_ne!(by_hand.not_before, purged.not_before);
    assert_eq!(of_change(&purged, &by_hand), Vec::<String>::new());
}

#[test]
fn a_second_purge_is_told_after_a_restore() {
    let purged = EmailRecord {
        cause: Some(Cause::Purged),
        ..record(RecordStatus::Canceled)
    };
    let restored = written(queue_control::restore(&purged, &Policy::standard(), at(600)));
    assert_eq!(of_change(&purged, &restored), Vec::<String>::new());
    let canceled = written(commands::cancel(&restored, &Policy::standard(), at(700)).unwrap());
    let events = told(Some(&restored), Some(&canceled));
    assert_eq!(short(&events), ["email.canceled ann", "email.canceled bob"]);
    assert!(ids(&events).is_disjoint(&ids(&told(None, Some(&purged)))));
}

/// Ann's ranks, in the order in which the facts happened. A clock that is behind changes nothing.
#[test]
fn a_later_fact_has_a_larger_rank() {
    let policy = Policy::standard();
    let queue = Queue::plain(record(RecordStatus::Queued).queue_key(), at(0));
    let cancel = |record: &EmailRecord, now| written(commands::cancel(record, &policy, at(now)).unwrap());
    let retry =
        |record: &EmailRecord, now| written(commands::retry(record, false, &queue, LONG, &policy, at(now)).unwrap());
    let scheduled = EmailRecord {
        scheduled_at: Some(at(5_000)),
        not_before: at(5_000),
        ..record(RecordStatus::Queued)
    };
    let times = commands::Times {
        scheduled_at: at(6_000),
        expires_at: None,
    };
    let rescheduled = written(commands::reschedule(&scheduled, times, LONG, &policy, at(900)).unwrap());
    let canceled = cancel(&rescheduled, 800);
    let waiting = retry(&canceled, 700);
    let again = cancel(&waiting, 600);
    let sending = EmailRecord {
        status: RecordStatus::Sending,
        ..retry(&again, 500)
    };
    let sent = written(lifecycle::record_acceptance(&sending, acceptance(1)));
    let states = [&scheduled, &rescheduled, &canceled, &waiting, &again, &sending, &sent];
    let mut tellings = told(None, Some(&scheduled));
    tellings.extend(states.windows(2).flat_map(|pair| told(Some(pair[0]), Some(pair[1]))));
    let reported = [
        status_event(ANN, DeliveryStatus::Delivered, 310),
        status_event(ANN, DeliveryStatus::Complained, 320),
        event(SesEventKind::Opened, 330),
        event(SesEventKind::Clicked, 340),
        event(SesEventKind::Opened, 350),
        status_event(ANN, DeliveryStatus::Absence, 360),
    ];
    let facts: Vec<EmailFact> = reported.iter().filter_map(EmailFact::of).collect();
    tellings.extend(facts.iter().flat_map(|fact| of_fact(&sent, fact)));
    let of_ann = |telling: &&Telling| telling.recipient != Some(key(BOB));
    let ranks: Vec<u64> = tellings.iter().filter(of_ann).map(|telling| telling.rank).collect();
    assert_eq!(
        ranks.len(),
        11,
        "two schedules, two cancels, an acceptance, six reports"
    );
    assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
    let rank_of = |all: &[Telling]| {
        let ranks = all.iter().map(|telling| (telling.id.clone(), telling.rank));
        ranks.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(
        rank_of(&recovered(&sent, &facts)),
        rank_of(&tellings),
        "a recovery gives the same ranks"
    );
}
