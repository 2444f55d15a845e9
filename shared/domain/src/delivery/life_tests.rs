use super::*;
use crate::delivery::cause::Cause;
use crate::delivery::hook::Hook;
use crate::delivery::record::{Acceptance, BodyPlace, BodyRef, Due};
use crate::id::{EmailId, TenantId};
use crate::limits;
use crate::timestamp::Timestamp;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn record(status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 1,
    };
    EmailRecord {
        status,
        claim_no: 2,
        sent: (status == RecordStatus::Sent).then(|| Acceptance {
            claim_no: 2,
            message_id: "m".to_owned(),
            at: at(50),
        }),
        due: (status.is_final() && status != RecordStatus::Sent).then(|| Due {
            kind: DueKind::Ended,
            at: at(60),
        }),
        hook: Some(Hook::new(["a@x.example"], None)),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(10))
    }
}

fn texts(record: &EmailRecord) -> Vec<String> {
    let text = |fact: LifeFact| fact.to_text().unwrap_or_else(|| format!("{:?}", fact.kind));
    life(record).into_iter().map(text).collect()
}

#[test]
fn only_an_outcome_is_a_fact() {
    let facts: Vec<_> = RecordStatus::ALL.iter().map(|status| texts(&record(*status))).collect();
    let ended = |end: &str| vec![format!("{end} 60 0 2 -")];
    let none = Vec::new;
    let expected = [
        none(),
        none(),
        none(),
        none(),
        vec!["Sent { claim_no: 2 }".to_owned()],
        ended("failed"),
        ended("unknown"),
        ended("canceled"),
        ended("expired"),
    ];
    assert_eq!(facts, expected);
}

#[test]
fn a_record_without_a_hook_has_no_facts() {
    for &status in RecordStatus::ALL {
        let record = EmailRecord {
            scheduled_at: Some(at(1_000)),
            hook: None,
            ..record(status)
        };
        assert_eq!(life(&record), [], "{status:?}");
    }
}

#[test]
fn only_a_later_time_is_a_schedule() {
    let scheduled = |until| EmailRecord {
        scheduled_at: Some(at(until)),
        ..record(RecordStatus::Queued)
    };
    assert_eq!(texts(&scheduled(10)), Vec::<String>::new(), "as early as the request");
    assert_eq!(texts(&scheduled(11)), ["scheduled 10 0 11"]);
    let mut again = scheduled(9);
    again.hook.as_mut().unwrap().reschedule(at(40));
    assert_eq!(texts(&again), ["scheduled 40 1 9"], "a caller asked for it");
}

/// A schedule stays a fact while its email is sent, delayed or canceled.
#[test]
fn a_schedule_outlasts_each_status() {
    for &status in RecordStatus::ALL {
        let record = EmailRecord {
            scheduled_at: Some(at(1_000)),
            not_before: at(5_000),
            ..record(status)
        };
        assert!(texts(&record).contains(&"scheduled 10 0 1000".to_owned()), "{status:?}");
    }
}

#[test]
fn an_overwritten_fact_is_kept_once() {
    let before = EmailRecord {
        cause: Some(Cause::Rejected),
        scheduled_at: Some(at(1_000)),
        ..record(RecordStatus::Failed)
    };
    let mut next = EmailRecord {
        status: RecordStatus::Queued,
        scheduled_at: None,
        due: None,
        ..before.clone()
    };
    keep_past(&before, &mut next);
    assert_eq!(texts(&next), ["scheduled 10 0 1000", "failed 60 0 2 rejected"]);
    let mut later = EmailRecord {
        status: RecordStatus::Sending,
        ..next.clone()
    };
    keep_past(&next, &mut later);
    assert_eq!(later.hook, next.hook, "nothing of it is repeated");
}

/// The cause of a purge goes when a caller cancels the email too; it was canceled once.
#[test]
fn a_cause_is_no_part_of_the_identity() {
    let purged = EmailRecord {
        cause: Some(Cause::Purged),
        ..record(RecordStatus::Canceled)
    };
    let mut by_hand = EmailRecord {
        cause: None,
        due: Some(Due {
            kind: DueKind::Ended,
            at: at(99),
        }),
        ..purged.clone()
    };
    keep_past(&purged, &mut by_hand);
    assert_eq!(by_hand.hook, purged.hook);
    assert!(life(&purged)[0].kind.is_same(life(&by_hand)[0].kind));
}

#[test]
fn the_past_is_bounded() {
    let mut hook = Hook::new(["a@x.example"], None);
    let fact = |turn| LifeFact {
        kind: LifeKind::Scheduled { turn, until: at(1) },
        at: at(1),
    };
    let count = u32::try_from(limits::PAST_MAX).unwrap();
    for turn in 0..count + 2 {
        hook.keep(fact(turn));
    }
    assert_eq!(hook.past.len(), limits::PAST_MAX);
    assert_eq!(hook.past.first(), Some(&fact(2)), "the oldest are dropped");
}
