//! The events of SES: acceptances, and the delivery statuses of recipients.
//!
//! **Role:** called by `feedback`, and by `send` with SES's own answer.
//! **Start reading at** [`record_acceptance`].

use super::change::set_final;
use super::decision::{Condition, Decision, SideEffect, Transition, write};
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::{Diagnostic, Fact};
use crate::delivery::record::{Acceptance, EmailRecord, RecordStatus};
use crate::delivery::ses_event::{SesEvent, SesEventKind};

/// Records an acceptance by SES, from its answer or from an event. It applies in every status, even while a newer
/// claim is sending.
#[must_use]
pub fn record_acceptance(record: &EmailRecord, acceptance: Acceptance) -> Decision {
    if acceptance.claim_no == 0 || acceptance.claim_no > record.claim_no {
        return Decision::Forget;
    }
    let mut next = record.clone();
    match (record.status, &record.sent) {
        (RecordStatus::Sent, Some(known)) if known.claim_no == acceptance.claim_no || record.duplicate => {
            return Decision::Forget;
        }
        (RecordStatus::Sent, Some(_)) => next.duplicate = true,
        (
            RecordStatus::Queued
            | RecordStatus::Sending
            | RecordStatus::Failing
            | RecordStatus::Uncertain
            | RecordStatus::Sent
            | RecordStatus::Failed
            | RecordStatus::Unknown
            | RecordStatus::Canceled
            | RecordStatus::Expired,
            _,
        ) => {
            set_final(&mut next, RecordStatus::Sent);
            next.cause = None;
            next.detail = None;
            next.sent = Some(acceptance);
        }
    }
    write(record, next, SideEffect::Nothing)
}

/// The decision of `feedback` about an event: the acceptance that it proves, if that is new.
#[must_use]
pub fn handle_event(record: &EmailRecord, event: &SesEvent) -> Decision {
    if !event.concerns(record) {
        return Decision::Forget;
    }
    record_acceptance(
        record,
        Acceptance {
            claim_no: event.claim_no,
            message_id: event.message_id.clone(),
            at: event.accepted_at,
        },
    )
}

/// The decision of `feedback` about the recipients, if the events raise any delivery status: all with one write.
#[must_use]
pub fn update_recipients(record: &EmailRecord, events: &[SesEvent]) -> Decision {
    let mut next = record.clone();
    for event in events.iter().filter(|event| event.concerns(record)) {
        match &event.kind {
            SesEventKind::Accepted => {}
            SesEventKind::Opened => next.opened_at = next.opened_at.max(Some(event.at)),
            SesEventKind::Clicked => next.clicked_at = next.clicked_at.max(Some(event.at)),
            SesEventKind::DeliveryStatuses(said) => {
                for (recipient, delivery_status) in said {
                    apply_recipient_event(&mut next, recipient, *delivery_status, event);
                }
            }
            SesEventKind::Reported { recipients, fact } => {
                for recipient in recipients {
                    let said = Diagnostic {
                        at: event.at,
                        words: event.message_about(recipient),
                    };
                    keep_earliest_diagnostic(&mut next, recipient, *fact, said);
                }
            }
        }
    }
    delivery_statuses(record, next)
}

/// Applies an event about one recipient. Of two events with the same delivery status the earlier one counts, in any
/// order of arrival. A delivery status that is not the worst is kept as a fact ([`Fact::of`]).
fn apply_recipient_event(next: &mut EmailRecord, recipient: &str, delivery_status: DeliveryStatus, event: &SesEvent) {
    if delivery_status == DeliveryStatus::Delivered {
        next.delivered_at = next.delivered_at.max(Some(event.at));
    }
    let said = Diagnostic::of(
        delivery_status,
        event.at,
        event.message_about(recipient),
        next.recipients,
    );
    let known = next.delivery_statuses.get(recipient).copied();
    if known == Some(delivery_status) {
        let kept = next
            .diagnostics
            .entry(recipient.to_owned())
            .or_insert_with(|| said.clone());
        *kept = said.min(kept.clone());
        return;
    }
    let (lesser, about_it) = if DeliveryStatus::worse_of(known, delivery_status) == delivery_status {
        next.delivery_statuses.insert(recipient.to_owned(), delivery_status);
        (known, next.diagnostics.insert(recipient.to_owned(), said))
    } else {
        (Some(delivery_status), Some(said))
    };
    if let (Some(fact), Some(said)) = (lesser.and_then(Fact::of), about_it) {
        keep_earliest_diagnostic(next, recipient, fact, said);
    }
}

/// Keeps the earliest diagnostic of a fact.
fn keep_earliest_diagnostic(next: &mut EmailRecord, recipient: &str, fact: Fact, said: Diagnostic) {
    let said = said.of_fact(next.recipients);
    let kept = next
        .facts
        .entry((recipient.to_owned(), fact))
        .or_insert_with(|| said.clone());
    *kept = said.min(kept.clone());
}

/// Writes the delivery statuses if any of them differs.
pub(super) fn delivery_statuses(record: &EmailRecord, mut next: EmailRecord) -> Decision {
    if next == *record {
        return Decision::Forget;
    }
    next.delivery_version = next.delivery_version.saturating_add(1);
    Decision::Write(Box::new(Transition {
        condition: Condition::DeliveryUnmoved {
            delivery_version: record.delivery_version,
        },
        record: next,
        side_effect: SideEffect::Nothing,
    }))
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
