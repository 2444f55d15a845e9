use super::super::samples::{ANN, BOB, at, event, ids, key, record, short, status_event, written};
use super::*;
use crate::delivery::record::RecordStatus;
use crate::delivery::ses_event::{SesEvent, SesEventKind};
use crate::id::TenantId;
use crate::lifecycle;

#[test]
fn each_delivery_status_has_its_event() {
    use DeliveryStatus::{
        Absence, Bounced, Complained, Delivered, DeliveryDelayed, OnAccountList, OnGlobalList, Rejected, SoftBounced,
    };
    let sent = record(RecordStatus::Sent);
    for (status, name) in [
        (DeliveryDelayed, "email.delivery_delayed"),
        (Absence, "email.bounced"),
        (Delivered, "email.delivered"),
        (SoftBounced, "email.bounced"),
        (OnGlobalList, "email.suppressed"),
        (OnAccountList, "email.suppressed"),
        (Bounced, "email.bounced"),
        (Rejected, "email.failed"),
        (Complained, "email.complained"),
    ] {
        let fact = EmailFact::of(&status_event(BOB, status, 400)).unwrap();
        let events = of_fact(&sent, &fact);
        assert_eq!(short(&events), [format!("{name} bob")]);
        assert_eq!(events[0].created_at, at(400), "SES's clock");
    }
}

/// The record keeps only the worst status: each fact has an item of its own.
#[test]
fn facts_that_one_write_folds_are_all_told() {
    let sent = record(RecordStatus::Sent);
    let events = [
        status_event(ANN, DeliveryStatus::DeliveryDelayed, 400),
        status_event(ANN, DeliveryStatus::Delivered, 410),
        status_event(ANN, DeliveryStatus::Complained, 420),
        event(SesEventKind::Opened, 415),
        event(SesEventKind::Opened, 416),
    ];
    let facts: Vec<_> = events.iter().filter_map(EmailFact::of).collect();
    let folded = written(lifecycle::update_recipients(&sent, &events));
    let all = short(&recovered(&folded, &facts));
    let expected = [
        "email.sent ann",
        "email.sent bob",
        "email.delivery_delayed ann",
        "email.delivered ann",
        "email.complained ann",
        "email.opened -",
        "email.opened -",
    ];
    assert_eq!(all, expected);
}

#[test]
fn an_opening_names_the_only_recipient() {
    let two = record(RecordStatus::Sent);
    let one = EmailRecord {
        hook: Some(Hook::new([ANN], None)),
        ..two.clone()
    };
    let fact = EmailFact::of(&event(SesEventKind::Opened, 400)).unwrap();
    assert_eq!(short(&of_fact(&two, &fact)), ["email.opened -"]);
    assert_eq!(short(&of_fact(&one, &fact)), ["email.opened ann"]);
}

/// An erasure knows the fact only.
#[test]
fn a_fact_alone_implies_the_ids_of_its_events() {
    let two = record(RecordStatus::Sent);
    let one = EmailRecord {
        hook: Some(Hook::new([ANN], None)),
        ..two.clone()
    };
    for event in [
        status_event(ANN, DeliveryStatus::Delivered, 400),
        event(SesEventKind::Opened, 410),
    ] {
        let fact = EmailFact::of(&event).unwrap();
        for record in [&one, &two] {
            let told: Vec<EventId> = of_fact(record, &fact).into_iter().map(|telling| telling.id).collect();
            assert_eq!(ids_of_fact(&record.email_key(), record.born, &fact), told);
            assert_eq!(told.len(), 1);
        }
    }
}

/// A lost stream: the record and its facts give the same ids again.
#[test]
fn a_recovery_gives_the_same_ids() {
    let sending = record(RecordStatus::Sending);
    let sent = record(RecordStatus::Sent);
    let fact = |event: &SesEvent| EmailFact::of(event).unwrap();
    let delivered = fact(&status_event(ANN, DeliveryStatus::Delivered, 400));
    let opened = fact(&event(SesEventKind::Opened, 410));
    let live = [
        told(Some(&sending), Some(&sent)),
        of_fact(&sent, &delivered),
        of_fact(&sent, &opened),
    ];
    assert_eq!(ids(&recovered(&sent, &[delivered, opened])), ids(&live.concat()));
}

/// An email that was accepted before the webhook has no items of facts, and SES may repeat its events later.
#[test]
fn the_records_own_facts_have_the_ids_of_their_events() {
    let sent = record(RecordStatus::Sent);
    let events = [
        status_event(ANN, DeliveryStatus::Delivered, 400),
        status_event(ANN, DeliveryStatus::Bounced, 410),
        status_event(BOB, DeliveryStatus::SoftBounced, 420),
    ];
    let kept = written(lifecycle::update_recipients(&sent, &events));
    let without_items = recovered(&kept, &[]);
    let facts: Vec<_> = events.iter().filter_map(EmailFact::of).collect();
    assert_eq!(ids(&without_items), ids(&recovered(&kept, &facts)));
    assert_eq!(short(&without_items).len(), 5);
}

#[test]
fn reports_that_are_no_delivery_status_tell_nothing() {
    let said = Diagnostic {
        at: at(400),
        words: String::new(),
    };
    let reported = [Fact::NotSpam, Fact::AuthFailure].map(|fact| ((key(ANN).to_string(), fact), said.clone()));
    let record = EmailRecord {
        facts: reported.into(),
        ..record(RecordStatus::Sent)
    };
    assert_eq!(short(&recovered(&record, &[])), ["email.sent ann", "email.sent bob"]);
}

#[test]
fn events_of_two_tenants_differ() {
    let other = EmailRecord {
        tenant: TenantId::parse("other").unwrap(),
        ..record(RecordStatus::Sent)
    };
    let (ours, theirs) = (told(None, Some(&record(RecordStatus::Sent))), told(None, Some(&other)));
    assert!(ids(&ours).is_disjoint(&ids(&theirs)));
}
