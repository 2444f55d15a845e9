//! Every status and every delivery status, as the API shows them.

use std::time::Duration;

use super::*;
use crate::delivery::record::{BodyPlace, BodyRef};
use crate::id::{EmailId, TenantId};

/// Time of acceptance.
pub(crate) const BORN: Timestamp = Timestamp::from_millis(1_795_512_600_000);

/// Time of the read.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_512_660_000);

fn secs_after(at: Timestamp, secs: u64) -> Timestamp {
    at.after(Duration::from_secs(secs))
}

/// A newly accepted record, due at once.
pub(crate) fn record() -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 100,
    };
    EmailRecord {
        expires_at: secs_after(BORN, 14 * 86_400),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, BORN)
    }
}

fn sent(delivery_statuses: &[(&str, DeliveryStatus)]) -> EmailRecord {
    let delivery_statuses = delivery_statuses
        .iter()
        .map(|(address, delivery_status)| (recipient_key(address), *delivery_status))
        .collect();
    EmailRecord {
        status: RecordStatus::Sent,
        claim_no: 1,
        attempts: 1,
        delivery_statuses,
        ..record()
    }
}

#[test]
fn every_status_has_its_last_event() {
    for (status, email_status, event) in [
        (RecordStatus::Queued, EmailStatus::Queued, LastEvent::Queued),
        (RecordStatus::Sending, EmailStatus::Sending, LastEvent::Queued),
        (RecordStatus::Failing, EmailStatus::Failing, LastEvent::Failed),
        (RecordStatus::Uncertain, EmailStatus::Uncertain, LastEvent::Queued),
        (RecordStatus::Sent, EmailStatus::Sent, LastEvent::Sent),
        (RecordStatus::Failed, EmailStatus::Failed, LastEvent::Failed),
        (RecordStatus::Unknown, EmailStatus::Unknown, LastEvent::Failed),
        (RecordStatus::Canceled, EmailStatus::Canceled, LastEvent::Canceled),
        (RecordStatus::Expired, EmailStatus::Expired, LastEvent::Failed),
    ] {
        let record = EmailRecord { status, ..record() };
        assert_eq!(
            (EmailStatus::of(&record, NOW), last_event(&record, NOW)),
            (email_status, event),
            "{status:?}"
        );
    }
}

#[test]
fn a_queued_email_is_scheduled_queued_or_retried() {
    let later = secs_after(NOW, 1);
    for (not_before, born, claim_no, email_status, event) in [
        (BORN, BORN, 0, EmailStatus::Queued, LastEvent::Queued),
        (later, BORN, 0, EmailStatus::Scheduled, LastEvent::Scheduled),
        // The first attempt was given back, so `attempts` is 0 although there was an attempt.
        (later, BORN, 1, EmailStatus::Retry, LastEvent::Queued),
        (NOW, BORN, 0, EmailStatus::Queued, LastEvent::Queued),
        (NOW, BORN, 1, EmailStatus::Queued, LastEvent::Queued),
        // The acceptor's clock is a second ahead: nobody requested a later time.
        (later, later, 0, EmailStatus::Queued, LastEvent::Queued),
    ] {
        let record = EmailRecord {
            not_before,
            scheduled_at: (born < not_before).then_some(not_before),
            born,
            claim_no,
            ..record()
        };
        let shown = (EmailStatus::of(&record, NOW), last_event(&record, NOW));
        assert_eq!(shown, (email_status, event), "{not_before} {claim_no}");
    }
}

#[test]
fn an_unwritten_expiry_is_shown() {
    let over = EmailRecord {
        expires_at: NOW,
        ..record()
    };
    assert_eq!(
        (
            EmailStatus::of(&over, NOW),
            last_event(&over, NOW),
            next_attempt_at(&over, NOW)
        ),
        (EmailStatus::Expired, LastEvent::Failed, None)
    );
    let maybe_out = EmailRecord {
        maybe_duplicate: true,
        ..over
    };
    assert_eq!(EmailStatus::of(&maybe_out, NOW), EmailStatus::Unknown);
    assert_eq!(maybe_out.cause_at(NOW), Some(Cause::AnswerLost));
    let throttled = EmailRecord {
        cause: Some(Cause::Throttled),
        maybe_duplicate: false,
        ..maybe_out
    };
    assert_eq!(throttled.cause_at(NOW), Some(Cause::Expired));
    assert_eq!(throttled.cause_at(BORN), Some(Cause::Throttled));
}

#[test]
fn the_next_attempt_is_shown_while_planned() {
    let later = secs_after(BORN, 3600);
    assert_eq!(next_attempt_at(&record(), NOW), Some(BORN));
    let waits = EmailRecord {
        not_before: later,
        ..record()
    };
    assert_eq!(next_attempt_at(&waits, NOW), Some(later));
    let canceled = EmailRecord {
        status: RecordStatus::Canceled,
        ..waits
    };
    assert_eq!(next_attempt_at(&canceled, NOW), None);
}

#[test]
fn suppression_differs_from_other_failures() {
    for status in [
        RecordStatus::Failing,
        RecordStatus::Failed,
        RecordStatus::Unknown,
        RecordStatus::Expired,
    ] {
        let record = EmailRecord {
            status,
            cause: Some(Cause::Suppressed),
            ..record()
        };
        assert_eq!(last_event(&record, NOW), LastEvent::Suppressed, "{status:?}");
    }
    let canceled = EmailRecord {
        status: RecordStatus::Canceled,
        cause: Some(Cause::Suppressed),
        ..record()
    };
    assert_eq!(last_event(&canceled, NOW), LastEvent::Canceled);
}

#[test]
fn the_worst_recipient_decides_the_last_event() {
    use DeliveryStatus::{Bounced, Complained, Delivered, DeliveryDelayed, Rejected, SoftBounced, Suppressed};
    for (delivery_statuses, event) in [
        (&[][..], LastEvent::Sent),
        (&[DeliveryDelayed], LastEvent::DeliveryDelayed),
        (&[SoftBounced], LastEvent::Bounced),
        (&[Delivered], LastEvent::Delivered),
        (&[Bounced], LastEvent::Bounced),
        (&[Rejected], LastEvent::Failed),
        (&[Complained], LastEvent::Complained),
        (&[Complained, Delivered], LastEvent::Complained),
        (&[Delivered, Bounced, DeliveryDelayed], LastEvent::Bounced),
        // For one recipient a delivery ends the delay; for another recipient it does not.
        (&[Delivered, SoftBounced], LastEvent::Bounced),
        (&[Delivered, DeliveryDelayed], LastEvent::DeliveryDelayed),
        // A left-out recipient says nothing about the others.
        (&[Suppressed], LastEvent::Sent),
        (&[Suppressed, Delivered], LastEvent::Delivered),
        (&[Bounced, Suppressed], LastEvent::Bounced),
    ] {
        let addresses = ["a@example.com", "b@example.com", "c@example.com"];
        let record = sent(
            &addresses
                .into_iter()
                .zip(delivery_statuses.iter().copied())
                .collect::<Vec<_>>(),
        );
        assert_eq!(last_event(&record, NOW), event, "{delivery_statuses:?}");
    }
}

#[test]
fn the_latest_opening_or_click_is_shown() {
    let delivered = sent(&[("a@example.com", DeliveryStatus::Delivered)]);
    let times = [1, 2, 3].map(|secs| Some(secs_after(BORN, secs)));
    let [first, second, third] = times;
    for (delivered_at, opened_at, clicked_at, event) in [
        (first, None, None, LastEvent::Delivered),
        (first, second, None, LastEvent::Opened),
        (first, second, third, LastEvent::Clicked),
        (first, third, second, LastEvent::Opened),
        (first, second, second, LastEvent::Clicked),
        // One recipient opened it before the last one received it.
        (third, second, None, LastEvent::Delivered),
        (third, first, second, LastEvent::Delivered),
        (None, None, second, LastEvent::Clicked),
    ] {
        let record = EmailRecord {
            delivered_at,
            opened_at,
            clicked_at,
            ..delivered.clone()
        };
        assert_eq!(
            last_event(&record, NOW),
            event,
            "{delivered_at:?} {opened_at:?} {clicked_at:?}"
        );
    }
    let seen = EmailRecord {
        opened_at: first,
        ..sent(&[])
    };
    assert_eq!(
        last_event(&seen, NOW),
        LastEvent::Opened,
        "the delivery's event has not arrived yet"
    );
    for (delivery_status, event) in [
        (DeliveryStatus::SoftBounced, LastEvent::Bounced),
        (DeliveryStatus::Bounced, LastEvent::Bounced),
        (DeliveryStatus::Rejected, LastEvent::Failed),
        (DeliveryStatus::Complained, LastEvent::Complained),
    ] {
        let record = EmailRecord {
            opened_at: third,
            ..sent(&[("a@example.com", delivery_status)])
        };
        assert_eq!(last_event(&record, NOW), event, "an opening does not hide a failure");
    }
}

#[test]
fn each_recipient_has_its_own_status() {
    let record = sent(&[
        ("a@example.com", DeliveryStatus::Delivered),
        ("B@example.com", DeliveryStatus::Bounced),
        ("d@example.com", DeliveryStatus::Suppressed),
    ]);
    for (address, event) in [
        ("d@example.com", LastEvent::Suppressed),
        ("a@example.com", LastEvent::Delivered),
        ("b@EXAMPLE.com", LastEvent::Bounced),
        ("c@example.com", LastEvent::Sent),
    ] {
        assert_eq!(recipient_event(&record, address, NOW), event, "{address}");
    }
    let failed = EmailRecord {
        status: RecordStatus::Failed,
        ..record
    };
    assert_eq!(
        recipient_event(&failed, "a@example.com", NOW),
        LastEvent::Failed,
        "it was never sent"
    );
}

#[test]
fn advice_names_the_suppression_list() {
    let own = EmailRecord {
        status: RecordStatus::Failed,
        cause: Some(Cause::Suppressed),
        ..record()
    };
    let ann = "ann@example.com";
    for (record, words) in [
        (own, Some("this tenant's suppression list")),
        (
            sent(&[(ann, DeliveryStatus::OnAccountList)]),
            Some("suppression list of this AWS account"),
        ),
        (
            sent(&[(ann, DeliveryStatus::OnGlobalList)]),
            Some("its global suppression list"),
        ),
        (sent(&[(ann, DeliveryStatus::Bounced)]), None),
        (sent(&[(ann, DeliveryStatus::Delivered)]), None),
    ] {
        let advice = advice(&record, NOW);
        assert_eq!(advice.is_some(), words.is_some(), "{record:?}");
        assert!(
            words.is_none_or(|words| advice.is_some_and(|advice| advice.contains(words))),
            "{advice:?}"
        );
        let last = last_event(&record, NOW);
        assert!(
            record.status == RecordStatus::Failed
                || last
                    == record
                        .delivery_statuses
                        .values()
                        .copied()
                        .next()
                        .map(LastEvent::from)
                        .unwrap()
        );
    }
}

#[test]
fn an_email_is_not_delivered_before_it_is_sent() {
    let delivered = |sent_secs, delivered_secs| EmailRecord {
        sent: Some(crate::delivery::record::Acceptance {
            claim_no: 1,
            message_id: "m".to_owned(),
            at: secs_after(BORN, sent_secs),
        }),
        delivered_at: Some(secs_after(BORN, delivered_secs)),
        ..sent(&[("ann@example.com", DeliveryStatus::Delivered)])
    };
    assert_eq!(sent_at(&delivered(5, 9)), Some(secs_after(BORN, 5)));
    assert_eq!(sent_at(&delivered(9, 5)), Some(secs_after(BORN, 5)));
    assert_eq!(sent_at(&record()), None);
}
