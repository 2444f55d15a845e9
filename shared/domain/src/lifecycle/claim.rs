//! A claim: its attempt, the result, and the end of an email that failed.
//!
//! **Role:** called by `send` and `dead_letter`.
//! **Invariant:** without an acceptance, the result of an attempt changes a record only if its claim is the newest, and
//! only until another writer settles it.
//! **Start reading at** [`record_attempt`].

use std::time::Duration;

use super::change::{clip, doubt, end, expire, give_up, remember, requeue};
use super::decision::{Decision, SideEffect, write};
use super::evidence::{delivery_statuses, record_acceptance};
use crate::delivery::attempt::Attempt;
use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::hook::RecipientKey;
use crate::delivery::index;
use crate::delivery::policy::Policy;
use crate::delivery::record::{Acceptance, Due, DueKind, EmailRecord, Lease, RecordStatus};
use crate::delivery::retry::{Jitter, Next};
use crate::timestamp::Timestamp;

/// The record after a successful claim, as [`super::Condition::Claimable`] allows it.
#[must_use]
pub fn claim_record(mut record: EmailRecord, policy: &Policy, nonce: u64, now: Timestamp) -> EmailRecord {
    let until = now.after(policy.lease);
    record.status = RecordStatus::Sending;
    record.claim_no = record.claim_no.saturating_add(1);
    record.attempts = record.attempts.saturating_add(1);
    record.lease = Some(Lease { until, nonce });
    record.due = Some(Due {
        kind: DueKind::Check,
        at: until,
    });
    record
}

/// The decision of `send` after its attempt with claim `claim_no`.
#[must_use]
pub fn record_attempt(
    record: &EmailRecord,
    claim_no: u32,
    attempt: Attempt,
    policy: &Policy,
    jitter: Jitter,
    now: Timestamp,
) -> Decision {
    match attempt {
        Attempt::Accepted { message_id } => record_acceptance(
            record,
            Acceptance {
                claim_no,
                message_id,
                at: now,
            },
        ),
        Attempt::NotAccepted { cause, detail } => record_refusal(record, claim_no, cause, detail, policy, jitter, now),
        Attempt::Ambiguous => {
            if holds_claim(record, claim_no) && record.status == RecordStatus::Sending {
                let mut next = record.clone();
                remember(&mut next, Cause::AnswerLost, "", now);
                doubt(record, next, policy, now)
            } else {
                Decision::Forget
            }
        }
    }
}

/// The decision of `send` before it submits with claim `claim_no`: it leaves out suppressed recipients. A recipient
/// that only an earlier claim left out loses that delivery status. The facts for webhooks keep the recipients of each
/// claim: a late event about an earlier claim replaces the delivery status.
#[must_use]
pub fn leave_out(record: &EmailRecord, claim_no: u32, recipients: &[String]) -> Decision {
    if record.claim_no != claim_no || record.status != RecordStatus::Sending {
        return Decision::Forget;
    }
    let mut next = record.clone();
    next.delivery_statuses.retain(|recipient, delivery_status| {
        *delivery_status != DeliveryStatus::Suppressed || recipients.contains(recipient)
    });
    for recipient in recipients {
        next.delivery_statuses
            .entry(recipient.clone())
            .or_insert(DeliveryStatus::Suppressed);
    }
    if let Some(hook) = &mut next.hook {
        hook.leave_out(claim_no, recipients.iter().filter_map(|key| RecipientKey::parse(key)));
    }
    delivery_statuses(record, next)
}

fn record_refusal(
    record: &EmailRecord,
    claim_no: u32,
    cause: Cause,
    detail: String,
    policy: &Policy,
    jitter: Jitter,
    now: Timestamp,
) -> Decision {
    if !holds_claim(record, claim_no) {
        return Decision::Forget;
    }
    let mut next = record.clone();
    remember(&mut next, cause, &detail, now);
    next.cause = Some(cause);
    next.detail = Some(clip(detail));
    match policy
        .retry
        .after(cause.class(), record.attempts, record.claim_no, jitter)
    {
        Next::GivenBack(wait) => {
            next.attempts = next.attempts.saturating_sub(1);
            requeue(record, next, policy, now.after(wait), now)
        }
        Next::Again(wait) => requeue(record, next, policy, now.after(wait), now),
        Next::Spent => {
            next.cause = Some(Cause::BudgetSpent);
            give_up(record, next, now)
        }
        Next::Never => give_up(record, next, now),
        Next::Evidence => doubt(record, next, policy, now),
    }
}

/// The decision about a send task whose record cannot be claimed.
#[must_use]
pub fn not_claimable(record: &EmailRecord, now: Timestamp) -> Decision {
    match record.status {
        RecordStatus::Queued if record.expires_at <= now => expire(record, now),
        RecordStatus::Queued => {
            let delay = record.not_before.since(now);
            if delay > Duration::ZERO && delay <= index::LONGEST_DELAY {
                Decision::Only(SideEffect::EnqueueTask { delay })
            } else {
                Decision::Forget
            }
        }
        RecordStatus::Sending
        | RecordStatus::Failing
        | RecordStatus::Uncertain
        | RecordStatus::Sent
        | RecordStatus::Failed
        | RecordStatus::Unknown
        | RecordStatus::Canceled
        | RecordStatus::Expired => Decision::Forget,
    }
}

/// The decision of `dead_letter` about a dead-letter message with claim `claim_no`.
#[must_use]
pub fn fail(record: &EmailRecord, claim_no: u32, now: Timestamp) -> Decision {
    if record.status != RecordStatus::Failing || record.claim_no != claim_no {
        return Decision::Forget;
    }
    let mut next = record.clone();
    end(&mut next, RecordStatus::Failed, now);
    write(record, next, SideEffect::Nothing)
}

/// True if the claim is the newest one, and no other writer has settled it.
fn holds_claim(record: &EmailRecord, claim_no: u32) -> bool {
    record.claim_no == claim_no && matches!(record.status, RecordStatus::Sending | RecordStatus::Uncertain)
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
