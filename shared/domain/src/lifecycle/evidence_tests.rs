//! Events of SES in every status, and in every order.

use std::collections::BTreeMap;

use super::super::samples::{acceptance, at, event, leads_to, record, status_event, written};
use super::*;
use crate::delivery::record::recipient_key;
use crate::limits;

#[test]
fn an_acceptance_is_evidence_in_every_status() {
    for &status in RecordStatus::ALL {
        let decision = record_acceptance(&record(status), acceptance(1));
        let expected = (status != RecordStatus::Sent).then_some((RecordStatus::Sent, SideEffect::Nothing));
        assert_eq!(leads_to(&decision), expected, "{status:?}");
    }
}

#[test]
fn an_old_claims_acceptance_still_counts() {
    let mut newer = record(RecordStatus::Sending);
    newer.claim_no = 2;
    let sent = written(record_acceptance(&newer, acceptance(1)));
    assert_eq!(
        (sent.status, sent.sent, sent.due),
        (RecordStatus::Sent, Some(acceptance(1)), None)
    );
}

#[test]
fn a_claim_never_made_is_no_evidence() {
    assert_eq!(
        record_acceptance(&record(RecordStatus::Sending), acceptance(2)),
        Decision::Forget
    );
    assert_eq!(
        record_acceptance(&record(RecordStatus::Sending), acceptance(0)),
        Decision::Forget
    );
}

#[test]
fn a_second_acceptance_flags_one_duplicate() {
    let mut sent = record(RecordStatus::Sent);
    sent.claim_no = 2;
    let flagged = written(record_acceptance(&sent, acceptance(2)));
    assert!(flagged.duplicate);
    assert_eq!(flagged.sent, Some(acceptance(1)), "the first acceptance stays");
    assert_eq!(record_acceptance(&flagged, acceptance(2)), Decision::Forget);
}

#[test]
fn events_of_other_births_or_claims_are_ignored() {
    let (sending, sent) = (record(RecordStatus::Sending), record(RecordStatus::Sent));
    let bounced = status_event("a@example.com", DeliveryStatus::Bounced);
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
        assert_eq!(handle_event(&sending, &other), Decision::Forget);
        assert_eq!(update_recipients(&sent, std::slice::from_ref(&other)), Decision::Forget);
    }
}

#[test]
fn any_event_proves_the_acceptance() {
    let bounced = status_event("a@example.com", DeliveryStatus::Bounced);
    assert_eq!(
        leads_to(&handle_event(&record(RecordStatus::Uncertain), &bounced)),
        Some((RecordStatus::Sent, SideEffect::Nothing))
    );
}

#[test]
fn a_delivery_status_only_gets_worse() {
    let key = recipient_key("a@example.com");
    let bounced = written(update_recipients(
        &record(RecordStatus::Sent),
        std::slice::from_ref(&status_event("A@Example.com", DeliveryStatus::Bounced)),
    ));
    assert_eq!(
        (bounced.delivery_statuses.get(&key), bounced.delivery_version),
        (Some(&DeliveryStatus::Bounced), 1)
    );
    assert_eq!(
        update_recipients(
            &bounced,
            std::slice::from_ref(&status_event("a@example.com", DeliveryStatus::Bounced))
        ),
        Decision::Forget
    );
    let delivered = written(update_recipients(
        &bounced,
        std::slice::from_ref(&status_event("a@example.com", DeliveryStatus::Delivered)),
    ));
    assert_eq!(
        delivered.delivery_statuses.get(&key),
        Some(&DeliveryStatus::Bounced),
        "the time is new, the rank is not"
    );
    assert_eq!(delivered.delivered_at, Some(at(1002)));
}

#[test]
fn time_and_diagnostic_ignore_the_order() {
    let says = |delivery_status, secs, words: &str| {
        let mut event = status_event("b@example.com", delivery_status);
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
        let known = written(update_recipients(&record(RecordStatus::Sent), &events));
        let diagnostic = &known.diagnostics[&recipient_key("b@example.com")];
        assert_eq!(
            (diagnostic.at, diagnostic.words.as_str()),
            (at(1003), "550 no such user")
        );
        assert_eq!(update_recipients(&known, &events), Decision::Forget, "repeated");
        events.rotate_left(1);
    }
    let delayed = written(update_recipients(&record(RecordStatus::Sent), &events[..1]));
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
        let mut event = status_event("b@example.com", delivery_status);
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
        let together = written(update_recipients(&record(RecordStatus::Sent), &order));
        let mut alone = record(RecordStatus::Sent);
        for event in order.iter().chain(&order) {
            if let Decision::Write(transition) = update_recipients(&alone, std::slice::from_ref(event)) {
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
    let delivered = written(update_recipients(
        &record(RecordStatus::Sent),
        &[status_event("b@example.com", DeliveryStatus::Delivered)],
    ));
    let absent = update_recipients(&delivered, &[status_event("b@example.com", DeliveryStatus::Absence)]);
    assert_eq!(absent, Decision::Forget);
    let first = written(update_recipients(
        &record(RecordStatus::Sent),
        &[status_event("b@example.com", DeliveryStatus::Absence)],
    ));
    let side_effect = written(update_recipients(
        &first,
        &[status_event("b@example.com", DeliveryStatus::Delivered)],
    ));
    assert_eq!(
        (side_effect.delivery_statuses[&key], side_effect.facts.len()),
        (DeliveryStatus::Delivered, 0)
    );
}

#[test]
fn delivery_statuses_have_their_own_condition() {
    let record = record(RecordStatus::Sending);
    let Decision::Write(transition) = update_recipients(&record, std::slice::from_ref(&event(SesEventKind::Opened)))
    else {
        panic!("an opening is news");
    };
    assert_eq!(transition.condition, Condition::DeliveryUnmoved { delivery_version: 0 });
    assert!(transition.condition.holds(&record) && !transition.condition.holds(&transition.record));
    assert_eq!(transition.record.status, RecordStatus::Sending);
}
