//! The state machine as tables: every status against every event, and counter-examples found by model checking.

use std::collections::BTreeMap;

use super::*;
use crate::delivery::history::Fact;
use crate::delivery::record::{BodyPlace, BodyRef, recipient_key};
use crate::id::{EmailId, TenantId};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn policy() -> Policy {
    Policy::standard()
}

/// A record in `status`, with claim 1 made at second 1000.
fn record(status: RecordStatus) -> EmailRecord {
    let sending = status == RecordStatus::Sending;
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 2048,
    };
    EmailRecord {
        status,
        expires_at: at(1_000_000),
        claim_no: 1,
        attempts: 1,
        lease: sending.then(|| Lease {
            until: at(1180),
            nonce: 7,
        }),
        uncertain_since: (status == RecordStatus::Uncertain).then(|| at(1000)),
        sent: (status == RecordStatus::Sent).then(|| acceptance(1)),
        due: (!status.is_final()).then(|| Due {
            kind: DueKind::Check,
            at: at(1180),
        }),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(990))
    }
}

fn acceptance(claim_no: u32) -> Acceptance {
    Acceptance {
        claim_no,
        message_id: format!("m{claim_no}"),
        at: at(1001),
    }
}

fn refused(cause: Cause) -> Attempt {
    Attempt::NotAccepted {
        cause,
        detail: "said so".to_owned(),
    }
}

/// The result of a decision: the status and the side effect, or nothing.
fn leads_to(decision: &Decision) -> Option<(RecordStatus, SideEffect)> {
    match decision {
        Decision::Write(transition) => Some((transition.record.status, transition.side_effect)),
        Decision::Only(_) | Decision::Forget => None,
    }
}

fn written(decision: Decision) -> EmailRecord {
    match decision {
        Decision::Write(transition) => transition.record,
        Decision::Only(_) | Decision::Forget => panic!("nothing is written: {decision:?}"),
    }
}

/// No backlog; feedback has processed all events, or none.
fn outlook(caught_up: bool) -> Outlook {
    Outlook {
        feedback: Feedback {
            empty_at: caught_up.then_some(at(1_000_000)),
            newest: None,
        },
        priority_queue: PriorityQueueState::Flowing,
    }
}

fn decided(record: &EmailRecord, attempt: Attempt) -> Decision {
    record_attempt(record, 1, attempt, &policy(), Jitter::NONE, at(1010))
}

#[test]
fn only_due_unexpired_queued_records_are_claimable() {
    let now = at(1000);
    for &status in RecordStatus::ALL {
        assert_eq!(
            Condition::Claimable { now }.holds(&record(status)),
            status == RecordStatus::Queued,
            "{status:?}"
        );
    }
    let mut early = record(RecordStatus::Queued);
    early.not_before = at(1001);
    assert!(Condition::Claimable { now }.holds(&early), "clocks differ by a second");
    early.not_before = Timestamp::from_millis(1_001_001);
    assert!(!Condition::Claimable { now }.holds(&early));
    let mut expired = record(RecordStatus::Queued);
    expired.expires_at = now;
    assert!(!Condition::Claimable { now }.holds(&expired));
}

#[test]
fn a_claim_is_checked_when_its_lease_ends() {
    let record = claimed(record(RecordStatus::Queued), &policy(), 9, at(2000));
    assert_eq!(
        (record.status, record.claim_no, record.attempts),
        (RecordStatus::Sending, 2, 2)
    );
    assert_eq!(
        record.lease,
        Some(Lease {
            until: at(2180),
            nonce: 9
        })
    );
    assert_eq!(
        record.due,
        Some(Due {
            kind: DueKind::Check,
            at: at(2180)
        })
    );
}

#[test]
fn an_acceptance_is_evidence_in_every_status() {
    for &status in RecordStatus::ALL {
        let decision = accepted(&record(status), acceptance(1));
        let expected = (status != RecordStatus::Sent).then_some((RecordStatus::Sent, SideEffect::Nothing));
        assert_eq!(leads_to(&decision), expected, "{status:?}");
    }
}

#[test]
fn an_old_claims_acceptance_still_counts() {
    let mut newer = record(RecordStatus::Sending);
    newer.claim_no = 2;
    let sent = written(accepted(&newer, acceptance(1)));
    assert_eq!(
        (sent.status, sent.sent, sent.due),
        (RecordStatus::Sent, Some(acceptance(1)), None)
    );
}

#[test]
fn an_unmade_claim_is_no_evidence() {
    assert_eq!(
        accepted(&record(RecordStatus::Sending), acceptance(2)),
        Decision::Forget
    );
    assert_eq!(
        accepted(&record(RecordStatus::Sending), acceptance(0)),
        Decision::Forget
    );
}

#[test]
fn a_second_acceptance_flags_one_duplicate() {
    let mut sent = record(RecordStatus::Sent);
    sent.claim_no = 2;
    let marked = written(accepted(&sent, acceptance(2)));
    assert!(marked.duplicate);
    assert_eq!(marked.sent, Some(acceptance(1)), "the first acceptance stays");
    assert_eq!(accepted(&marked, acceptance(2)), Decision::Forget);
}

#[test]
fn a_refusal_counts_only_for_the_open_claim() {
    for &status in RecordStatus::ALL {
        let open = matches!(status, RecordStatus::Sending | RecordStatus::Uncertain);
        let decision = decided(&record(status), refused(Cause::Rejected));
        assert_eq!(
            leads_to(&decision),
            open.then_some((RecordStatus::Failing, SideEffect::DeadLetter)),
            "{status:?}"
        );
    }
    let mut newer = record(RecordStatus::Sending);
    newer.claim_no = 2;
    assert_eq!(decided(&newer, refused(Cause::Rejected)), Decision::Forget);
}

#[test]
fn a_refusal_after_a_possible_send_is_unknown() {
    let mut marked = record(RecordStatus::Sending);
    marked.maybe_duplicate = true;
    let decision = decided(&marked, refused(Cause::Rejected));
    assert_eq!(leads_to(&decision), Some((RecordStatus::Unknown, SideEffect::Nothing)));
}

#[test]
fn transient_failures_retry_within_the_budget() {
    let mut record = record(RecordStatus::Sending);
    let mut waits = Vec::new();
    for attempt in 1..=6 {
        record.attempts = attempt;
        let next = written(decided(&record, refused(Cause::Unavailable)));
        waits.push((next.status, next.cause, next.not_before.since(at(1010)).as_secs()));
    }
    let again = |wait| (RecordStatus::Queued, Some(Cause::Unavailable), wait);
    assert_eq!(
        waits,
        [
            again(60),
            again(300),
            again(900),
            again(3600),
            again(14_400),
            (RecordStatus::Failing, Some(Cause::BudgetSpent), 0),
        ]
    );
}

#[test]
fn the_providers_message_is_cut_to_size() {
    let long = Attempt::NotAccepted {
        cause: Cause::Rejected,
        detail: "ä".repeat(200),
    };
    let next = written(decided(&record(RecordStatus::Sending), long));
    assert_eq!(next.detail, Some("ä".repeat(76)));
}

#[test]
fn throttling_returns_the_attempt_not_the_claim() {
    let next = written(decided(&record(RecordStatus::Sending), refused(Cause::Throttled)));
    assert_eq!(
        (next.status, next.attempts, next.claim_no),
        (RecordStatus::Queued, 0, 1)
    );
}

#[test]
fn a_lost_answer_is_no_refusal() {
    for &status in RecordStatus::ALL {
        let decision = decided(&record(status), Attempt::Ambiguous);
        let expected = (status == RecordStatus::Sending).then_some((RecordStatus::Uncertain, SideEffect::Nothing));
        assert_eq!(leads_to(&decision), expected, "{status:?}");
    }
}

#[test]
fn only_failing_becomes_failed_for_its_claim() {
    for &status in RecordStatus::ALL {
        let expected = (status == RecordStatus::Failing).then_some((RecordStatus::Failed, SideEffect::Nothing));
        assert_eq!(leads_to(&fail(&record(status), 1, at(1000))), expected, "{status:?}");
        assert_eq!(fail(&record(status), 2, at(1000)), Decision::Forget, "{status:?}");
    }
}

#[test]
fn overdue_records_continue() {
    let now = at(1300);
    let wake = SideEffect::EnqueueTask { delay: Duration::ZERO };
    for (status, caught_up, expected) in [
        (RecordStatus::Queued, false, Some((RecordStatus::Queued, wake))),
        (
            RecordStatus::Sending,
            false,
            Some((RecordStatus::Uncertain, SideEffect::Nothing)),
        ),
        (
            RecordStatus::Failing,
            false,
            Some((RecordStatus::Failing, SideEffect::DeadLetter)),
        ),
        (
            RecordStatus::Uncertain,
            false,
            Some((RecordStatus::Uncertain, SideEffect::Nothing)),
        ),
        (RecordStatus::Uncertain, true, Some((RecordStatus::Queued, wake))),
        (RecordStatus::Sent, true, None),
        (RecordStatus::Failed, true, None),
        (RecordStatus::Unknown, true, None),
        (RecordStatus::Canceled, true, None),
        (RecordStatus::Expired, true, None),
    ] {
        let decision = overdue(&record(status), outlook(caught_up), &policy(), now);
        assert_eq!(leads_to(&decision), expected, "{status:?} {caught_up}");
    }
}

#[test]
fn a_running_lease_is_left_alone() {
    assert_eq!(
        overdue(&record(RecordStatus::Sending), outlook(true), &policy(), at(1179)),
        Decision::Forget
    );
}

#[test]
fn an_early_index_entry_is_ignored() {
    for status in RecordStatus::ALL.iter().copied().filter(|status| !status.is_final()) {
        assert_eq!(
            overdue(&record(status), outlook(true), &policy(), at(1179)),
            Decision::Forget,
            "{status:?}"
        );
    }
}

#[test]
fn uncertainty_ends_after_the_evidence_window() {
    let uncertain = record(RecordStatus::Uncertain);
    let settled = |record: &EmailRecord, secs, caught_up| {
        let next = written(overdue(record, outlook(caught_up), &policy(), at(secs)));
        (next.status, next.maybe_duplicate)
    };
    assert_eq!(
        settled(&uncertain, 1299, true),
        (RecordStatus::Uncertain, false),
        "the window is open"
    );
    assert_eq!(settled(&uncertain, 1300, true), (RecordStatus::Queued, true));
    assert_eq!(
        settled(&uncertain, 22_599, false),
        (RecordStatus::Uncertain, false),
        "feedback is late"
    );
    assert_eq!(
        settled(&uncertain, 22_600, false),
        (RecordStatus::Queued, true),
        "six hours are enough"
    );

    let mut hold = record(RecordStatus::Uncertain);
    hold.on_uncertain = OnUncertain::Hold;
    assert_eq!(settled(&hold, 1300, true), (RecordStatus::Unknown, false));

    let mut spent = record(RecordStatus::Uncertain);
    spent.attempts = 6;
    assert_eq!(settled(&spent, 1300, true), (RecordStatus::Unknown, false));
}

/// The look at the queue does not include events that arrive afterwards, before the end of the window.
#[test]
fn an_empty_queue_counts_only_after_the_window() {
    let uncertain = record(RecordStatus::Uncertain);
    for (empty_at, expected) in [
        (1000, RecordStatus::Uncertain),
        (1299, RecordStatus::Uncertain),
        (1300, RecordStatus::Queued),
    ] {
        let feedback = Feedback {
            empty_at: Some(at(empty_at)),
            newest: None,
        };
        let outlook = Outlook {
            feedback,
            priority_queue: PriorityQueueState::Flowing,
        };
        let next = written(overdue(&uncertain, outlook, &policy(), at(1310)));
        assert_eq!(next.status, expected, "{empty_at}");
    }
}

/// Under constant traffic the queue of events is never empty.
#[test]
fn a_later_event_replaces_an_empty_queue() {
    let uncertain = record(RecordStatus::Uncertain);
    for (newest, expected) in [
        (None, RecordStatus::Uncertain),
        (Some(at(1300)), RecordStatus::Uncertain),
        (Some(at(1599)), RecordStatus::Uncertain),
        (Some(at(1600)), RecordStatus::Queued),
    ] {
        let feedback = Feedback { empty_at: None, newest };
        let outlook = Outlook {
            feedback,
            priority_queue: PriorityQueueState::Flowing,
        };
        let next = written(overdue(&uncertain, outlook, &policy(), at(1900)));
        assert_eq!(next.status, expected, "{newest:?}");
    }
}

/// The checks of a record, in minutes after it was due, with their side effects.
fn looked_at(priority_queue: PriorityQueueState, times: usize) -> Vec<(u64, SideEffect)> {
    let outlook = Outlook {
        priority_queue,
        ..outlook(true)
    };
    let mut record = EmailRecord {
        due: Some(Due {
            kind: DueKind::Check,
            at: at(990 + 900),
        }),
        ..record(RecordStatus::Queued)
    };
    let mut looked = Vec::new();
    for _ in 0..times {
        let due = record.due.unwrap().at;
        let decision = overdue(&record, outlook, &policy(), due);
        looked.push((
            due.since(record.not_before).as_secs() / 60,
            leads_to(&decision).unwrap().1,
        ));
        record = written(decision);
    }
    looked
}

#[test]
fn a_backlog_is_checked_less_often_over_time() {
    let wake = SideEffect::EnqueueTask { delay: Duration::ZERO };
    let not = SideEffect::Nothing;
    assert_eq!(
        looked_at(PriorityQueueState::Flowing, 3),
        [(15, wake), (30, wake), (45, wake)]
    );
    assert_eq!(
        looked_at(PriorityQueueState::Backlog, 7),
        [
            (15, not),
            (30, not),
            (60, wake),
            (120, wake),
            (240, wake),
            (480, wake),
            (960, wake)
        ]
    );
    assert_eq!(
        looked_at(PriorityQueueState::Shut, 7),
        [
            (15, not),
            (30, not),
            (60, not),
            (120, not),
            (180, not),
            (240, not),
            (300, not)
        ],
        "an email behind an open breaker is found within an hour"
    );

    // An email that is not due is no backlog: it is enqueued as usual.
    let mut early = record(RecordStatus::Queued);
    early.not_before = at(10_000);
    early.due = Some(Due {
        kind: DueKind::Check,
        at: at(9_999),
    });
    let backlog = Outlook {
        priority_queue: PriorityQueueState::Backlog,
        ..outlook(true)
    };
    let delay = Duration::from_secs(1);
    assert_eq!(
        leads_to(&overdue(&early, backlog, &policy(), at(9_999))),
        Some((RecordStatus::Queued, SideEffect::EnqueueTask { delay }))
    );
}

/// The check ends the record, which must not be called queued for hours after its expiry.
#[test]
fn an_email_is_checked_when_it_expires() {
    let mut record = record(RecordStatus::Queued);
    record.expires_at = at(2_000);
    for priority_queue in [
        PriorityQueueState::Flowing,
        PriorityQueueState::Backlog,
        PriorityQueueState::Shut,
    ] {
        let outlook = Outlook {
            priority_queue,
            ..outlook(true)
        };
        let next = written(overdue(&record, outlook, &policy(), at(1_890)));
        assert_eq!(next.due.map(|due| due.at), Some(at(2_000)), "{priority_queue:?}");
        assert_eq!(
            leads_to(&overdue(&next, outlook, &policy(), at(2_000))),
            Some((RecordStatus::Expired, SideEffect::Nothing))
        );
    }
}

/// Otherwise the due index would have the record at its old time, and nobody would enqueue it.
#[test]
fn a_rescheduled_email_needs_a_new_decision() {
    let found = record(RecordStatus::Queued);
    let Decision::Write(transition) = overdue(&found, outlook(true), &policy(), at(1300)) else {
        panic!("it is overdue");
    };
    assert!(transition.condition.holds(&found));
    let rescheduled = EmailRecord {
        not_before: at(5000),
        ..found
    };
    assert!(!transition.condition.holds(&rescheduled));
}

#[test]
fn expiry_is_unknown_if_a_copy_may_be_sent() {
    let mut late = record(RecordStatus::Queued);
    late.expires_at = at(1200);
    assert_eq!(
        leads_to(&not_claimable(&late, at(1200))),
        Some((RecordStatus::Expired, SideEffect::Nothing))
    );
    assert_eq!(
        leads_to(&overdue(&late, outlook(false), &policy(), at(1200))),
        Some((RecordStatus::Expired, SideEffect::Nothing))
    );
    late.maybe_duplicate = true;
    assert_eq!(
        leads_to(&not_claimable(&late, at(1200))),
        Some((RecordStatus::Unknown, SideEffect::Nothing))
    );
}

#[test]
fn only_an_early_send_task_is_sent_back() {
    let mut early = record(RecordStatus::Queued);
    early.not_before = at(1030);
    let delay = Duration::from_secs(30);
    assert_eq!(
        not_claimable(&early, at(1000)),
        Decision::Only(SideEffect::EnqueueTask { delay })
    );
    early.not_before = at(1901);
    assert_eq!(not_claimable(&early, at(1000)), Decision::Forget, "the index has it");
    for status in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != RecordStatus::Queued)
    {
        assert_eq!(not_claimable(&record(status), at(1000)), Decision::Forget, "{status:?}");
    }
}

#[test]
fn a_record_is_due_exactly_while_unfinished() {
    for &status in RecordStatus::ALL {
        let record = record(status);
        let decisions = [
            accepted(&record, acceptance(1)),
            decided(&record, refused(Cause::Throttled)),
            decided(&record, refused(Cause::Unavailable)),
            decided(&record, refused(Cause::Rejected)),
            decided(&record, Attempt::Ambiguous),
            fail(&record, 1, at(1000)),
            overdue(&record, outlook(false), &policy(), at(5000)),
            overdue(&record, outlook(true), &policy(), at(5000)),
            overdue(&record, outlook(true), &policy(), at(2_000_000)),
        ];
        for decision in decisions {
            if let Decision::Write(transition) = decision {
                let next = &transition.record;
                assert!(next.is_in_its_place(), "{status:?} -> {next:?}");
                assert_eq!(
                    next.lease.is_some(),
                    next.status == RecordStatus::Sending,
                    "{status:?} -> {next:?}"
                );
                assert!(next.claim_no >= record.claim_no && (next.maybe_duplicate || !record.maybe_duplicate));
                assert_eq!(transition.condition, Condition::unmoved(&record));
            }
        }
    }
}

fn event(said: SesEventKind) -> SesEvent {
    SesEvent {
        tenant: TenantId::main(),
        id: EmailId::from_random([1; 16]),
        claim_no: 1,
        born: at(990),
        message_id: "m1".to_owned(),
        accepted_at: at(1001),
        at: at(1002),
        said,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
    }
}

fn fate_event(address: &str, delivery_status: DeliveryStatus) -> SesEvent {
    event(SesEventKind::DeliveryStatuses(
        [(recipient_key(address), delivery_status)].into(),
    ))
}

#[test]
fn events_of_other_births_or_claims_are_ignored() {
    let (sending, sent) = (record(RecordStatus::Sending), record(RecordStatus::Sent));
    let bounced = fate_event("a@example.com", DeliveryStatus::Bounced);
    for other in [
        SesEvent {
            born: at(5),
            ..bounced.clone()
        },
        SesEvent {
            claim_no: 0,
            ..bounced.clone()
        },
        SesEvent {
            claim_no: sent.claim_no + 1,
            ..bounced
        },
    ] {
        assert_eq!(heard(&sending, &other), Decision::Forget);
        assert_eq!(learned(&sent, std::slice::from_ref(&other)), Decision::Forget);
    }
}

#[test]
fn any_event_proves_the_acceptance() {
    let bounced = fate_event("a@example.com", DeliveryStatus::Bounced);
    assert_eq!(
        leads_to(&heard(&record(RecordStatus::Uncertain), &bounced)),
        Some((RecordStatus::Sent, SideEffect::Nothing))
    );
}

#[test]
fn a_delivery_status_only_gets_worse() {
    let key = recipient_key("a@example.com");
    let bounced = written(learned(
        &record(RecordStatus::Sent),
        std::slice::from_ref(&fate_event("A@Example.com", DeliveryStatus::Bounced)),
    ));
    assert_eq!(
        (bounced.delivery_statuses.get(&key), bounced.delivery_version),
        (Some(&DeliveryStatus::Bounced), 1)
    );
    assert_eq!(
        learned(
            &bounced,
            std::slice::from_ref(&fate_event("a@example.com", DeliveryStatus::Bounced))
        ),
        Decision::Forget
    );
    let delivered = written(learned(
        &bounced,
        std::slice::from_ref(&fate_event("a@example.com", DeliveryStatus::Delivered)),
    ));
    assert_eq!(
        delivered.delivery_statuses.get(&key),
        Some(&DeliveryStatus::Bounced),
        "the time is new, the rank is not"
    );
    assert_eq!(delivered.delivered_at, Some(at(1002)));
}

/// The history of a record, as (claim, cause).
fn past(record: &EmailRecord) -> Vec<(u32, Cause)> {
    record
        .outcomes
        .iter()
        .map(|outcome| (outcome.claim_no, outcome.cause))
        .collect()
}

#[test]
fn every_claims_outcome_is_recorded() {
    let sending = record(RecordStatus::Sending);
    let claim = sending.claim_no;
    let refused = written(record_attempt(
        &sending,
        claim,
        refused(Cause::Throttled),
        &policy(),
        Jitter::NONE,
        at(1000),
    ));
    assert_eq!(past(&refused), [(claim, Cause::Throttled)]);
    assert!(!refused.outcomes[0].words.is_empty());
    let lost = written(record_attempt(
        &sending,
        claim,
        Attempt::Ambiguous,
        &policy(),
        Jitter::NONE,
        at(1000),
    ));
    assert_eq!(past(&lost), [(claim, Cause::AnswerLost)]);
    assert_eq!(lost.outcomes[0].at, at(1000));
    let mut late = sending;
    late.lease = None;
    late.due = Some(Due {
        kind: DueKind::Check,
        at: at(1000),
    });
    let crashed = written(overdue(&late, outlook(false), &policy(), at(1000)));
    assert_eq!(past(&crashed), [(claim, Cause::Crashed)]);
    // A late definite answer replaces the unknown outcome.
    let after_all = written(record_attempt(
        &crashed,
        claim,
        self::refused(Cause::Unavailable),
        &policy(),
        Jitter::NONE,
        at(1001),
    ));
    assert_eq!(past(&after_all), [(claim, Cause::Unavailable)]);
}

#[test]
fn time_and_diagnostic_ignore_the_order() {
    let says = |delivery_status, secs, words: &str| {
        let mut event = fate_event("b@example.com", delivery_status);
        event.at = at(secs);
        event.diagnostics = BTreeMap::from([(recipient_key("b@example.com"), words.to_owned())]);
        event
    };
    let mut events = vec![
        says(DeliveryStatus::DeliveryDelayed, 1001, "421 busy"),
        says(DeliveryStatus::Bounced, 1003, "550 no such user"),
        says(DeliveryStatus::Bounced, 1004, "550 again"),
    ];
    for _ in 0..events.len() {
        let known = written(learned(&record(RecordStatus::Sent), &events));
        let diagnostic = &known.diagnostics[&recipient_key("b@example.com")];
        assert_eq!(
            (diagnostic.at, diagnostic.words.as_str()),
            (at(1003), "550 no such user")
        );
        assert_eq!(learned(&known, &events), Decision::Forget, "repeated");
        events.rotate_left(1);
    }
    let delayed = written(learned(&record(RecordStatus::Sent), &events[..1]));
    assert_eq!(delayed.diagnostics[&recipient_key("b@example.com")].words, "421 busy");
}

/// All orders of a few events.
fn orders(events: &[SesEvent]) -> Vec<Vec<SesEvent>> {
    let Some((first, rest)) = events.split_first() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for order in orders(rest) {
        for place in 0..=order.len() {
            let mut order = order.clone();
            order.insert(place, first.clone());
            all.push(order);
        }
    }
    all
}

#[test]
fn bounce_and_delivery_count_in_any_order() {
    let key = || recipient_key("b@example.com");
    let says = |delivery_status, secs, words: &str| {
        let mut event = fate_event("b@example.com", delivery_status);
        event.at = at(secs);
        event.diagnostics = BTreeMap::from([(key(), words.repeat(100))]);
        event
    };
    let report = |fact, secs| {
        let mut event = event(SesEventKind::Reported {
            recipients: [key()].into(),
            fact,
        });
        event.at = at(secs);
        event
    };
    let events = [
        says(DeliveryStatus::Delivered, 1003, "250 OK"),
        says(DeliveryStatus::Absence, 1004, ""),
        says(DeliveryStatus::SoftBounced, 1005, "452 full"),
        says(DeliveryStatus::SoftBounced, 1006, "452 still full"),
        report(Fact::NotSpam, 1007),
    ];
    let mut seen = Vec::new();
    for order in orders(&events) {
        let together = written(learned(&record(RecordStatus::Sent), &order));
        let mut alone = record(RecordStatus::Sent);
        for event in order.iter().chain(&order) {
            if let Decision::Write(transition) = learned(&alone, std::slice::from_ref(event)) {
                alone = transition.record;
            }
        }
        alone.delivery_version = together.delivery_version;
        assert_eq!(alone, together, "one by one and repeated, or all at once");
        seen.push(together);
    }
    seen.dedup();
    let [known] = seen.as_slice() else {
        panic!("one result: {seen:?}");
    };
    assert_eq!(known.delivery_statuses[&key()], DeliveryStatus::SoftBounced);
    assert_eq!(known.diagnostics[&key()].at, at(1005));
    assert_eq!(known.delivered_at, Some(at(1003)));
    let facts: Vec<_> = known.facts.iter().map(|((_, fact), said)| (*fact, said.at)).collect();
    assert_eq!(facts, [(Fact::Delivered, at(1003)), (Fact::NotSpam, at(1007))]);
    assert!(
        known
            .facts
            .values()
            .all(|said| said.words.len() <= limits::FACT_WORDS_MAX)
    );
}

#[test]
fn an_absence_notice_keeps_the_delivery() {
    let key = recipient_key("b@example.com");
    let delivered = written(learned(
        &record(RecordStatus::Sent),
        &[fate_event("b@example.com", DeliveryStatus::Delivered)],
    ));
    let absent = learned(&delivered, &[fate_event("b@example.com", DeliveryStatus::Absence)]);
    assert_eq!(absent, Decision::Forget);
    let first = written(learned(
        &record(RecordStatus::Sent),
        &[fate_event("b@example.com", DeliveryStatus::Absence)],
    ));
    let side_effect = written(learned(
        &first,
        &[fate_event("b@example.com", DeliveryStatus::Delivered)],
    ));
    assert_eq!(
        (side_effect.delivery_statuses[&key], side_effect.facts.len()),
        (DeliveryStatus::Delivered, 0)
    );
}

#[test]
fn delivery_statuses_have_their_own_condition() {
    let record = record(RecordStatus::Sending);
    let Decision::Write(transition) = learned(&record, std::slice::from_ref(&event(SesEventKind::Opened))) else {
        panic!("an opening is news");
    };
    assert_eq!(transition.condition, Condition::DeliveryUnmoved { delivery_version: 0 });
    assert!(transition.condition.holds(&record) && !transition.condition.holds(&transition.record));
    assert_eq!(transition.record.status, RecordStatus::Sending);
}

/// The delivery statuses, the count of their writes, and the condition.
fn leaves_out(record: &EmailRecord, recipients: &[&str]) -> Option<(EmailRecord, Condition)> {
    let recipients: Vec<_> = recipients.iter().map(|recipient| (*recipient).to_owned()).collect();
    match left_out(record, record.claim_no, &recipients) {
        Decision::Write(transition) => Some((transition.record, transition.condition)),
        Decision::Only(_) | Decision::Forget => None,
    }
}

#[test]
fn left_out_recipients_are_shown_per_claim() {
    let delivery_statuses = |delivery_statuses: &[(&str, DeliveryStatus)]| {
        delivery_statuses
            .iter()
            .map(|(who, delivery_status)| ((*who).to_owned(), *delivery_status))
            .collect()
    };
    let sending = record(RecordStatus::Sending);
    assert_eq!(leaves_out(&sending, &[]), None, "the happy path writes nothing");
    let (first, condition) = leaves_out(&sending, &["a"]).unwrap();
    assert_eq!(
        (&first.delivery_statuses, first.delivery_version),
        (&delivery_statuses(&[("a", DeliveryStatus::Suppressed)]), 1)
    );
    assert_eq!(condition, Condition::DeliveryUnmoved { delivery_version: 0 });
    assert_eq!(leaves_out(&first, &["a"]), None, "nothing new");
    let (second, _) = leaves_out(&first, &["b"]).unwrap();
    assert_eq!(
        (&second.delivery_statuses, second.delivery_version),
        (&delivery_statuses(&[("b", DeliveryStatus::Suppressed)]), 2)
    );
    let (none, _) = leaves_out(&second, &[]).unwrap();
    assert_eq!(none.delivery_statuses, BTreeMap::new());
    // SES's reports about an earlier copy stay.
    let bounced = EmailRecord {
        delivery_statuses: delivery_statuses(&[("a", DeliveryStatus::Bounced)]),
        ..sending.clone()
    };
    assert_eq!(leaves_out(&bounced, &["a"]), None);
    assert_eq!(leaves_out(&bounced, &[]), None);
    for other in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != RecordStatus::Sending)
    {
        assert_eq!(
            leaves_out(&record(other), &["a"]),
            None,
            "{other:?}: the claim is not held"
        );
    }
    assert_eq!(
        left_out(&sending, sending.claim_no + 1, &["a".to_owned()]),
        Decision::Forget
    );
}
