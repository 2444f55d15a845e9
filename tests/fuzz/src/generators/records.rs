//! Records, and the events that SES may publish for them.

use std::collections::BTreeMap;

use arbitrary::{Error, Result, Unstructured};
use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::history::{AttemptOutcome, Diagnostic, Fact};
use domain::delivery::record::{
    Acceptance, BodyPlace, BodyRef, Due, DueKind, EmailRecord, Lease, OnUncertain, Priority, RecordStatus,
};
use domain::delivery::ses_event::{SesEvent, SesEventKind};
use domain::id::{EmailId, KeyId, QueueName, TenantId};
use domain::message::dropped_header::DroppedHeader;
use domain::timestamp::Timestamp;

use super::texts;

/// All delivery statuses.
const DELIVERY_STATUSES: [DeliveryStatus; 10] = [
    DeliveryStatus::Absence,
    DeliveryStatus::OnGlobalList,
    DeliveryStatus::OnAccountList,
    DeliveryStatus::DeliveryDelayed,
    DeliveryStatus::SoftBounced,
    DeliveryStatus::Delivered,
    DeliveryStatus::Bounced,
    DeliveryStatus::Rejected,
    DeliveryStatus::Complained,
    DeliveryStatus::Suppressed,
];

/// The usual time: 2026-11-24T09:30:00Z.
pub(crate) const NOW: i64 = 1_795_512_600_000;

/// Any time, mostly around now.
pub(crate) fn time(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    let millis = match u.int_in_range(0..=7)? {
        0..=3 => NOW.saturating_add(i64::from(u.arbitrary::<i32>()?)),
        4 => NOW,
        5 => *u.choose(&[0, -1, 999_999_999_999_999, 1_000_000_000_000_000])?,
        6 => *u.choose(&[i64::MIN, i64::MAX])?,
        _ => u.arbitrary()?,
    };
    Ok(Timestamp::from_millis(millis))
}

fn maybe<T>(u: &mut Unstructured<'_>, make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>) -> Result<Option<T>> {
    if u.arbitrary()? { make(u).map(Some) } else { Ok(None) }
}

/// A tenant's name.
pub(crate) fn tenant(u: &mut Unstructured<'_>) -> Result<TenantId> {
    let names = ["main", "a", "tenant-2", "-"];
    let name = if u.ratio(1, 8)? {
        "x".repeat(64)
    } else {
        (*u.choose(&names)?).to_owned()
    };
    Ok(TenantId::parse(&name).unwrap_or_else(TenantId::main))
}

/// An id.
pub(crate) fn id(u: &mut Unstructured<'_>) -> Result<EmailId> {
    Ok(EmailId::from_random(u.arbitrary()?))
}

fn outcomes(u: &mut Unstructured<'_>) -> Result<Vec<AttemptOutcome>> {
    let mut outcomes = Vec::new();
    for _ in 0..u.int_in_range(0..=3)? {
        outcomes.push(AttemptOutcome {
            claim_no: count(u)?,
            at: time(u)?,
            cause: *u.choose(Cause::ALL)?,
            words: texts::text(u)?,
        });
    }
    Ok(outcomes)
}

fn diagnostics(u: &mut Unstructured<'_>) -> Result<BTreeMap<String, Diagnostic>> {
    let mut diagnostics = BTreeMap::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let said = Diagnostic {
            at: time(u)?,
            words: texts::text(u)?,
        };
        diagnostics.insert(texts::word(u, &["0123456789ab", "ba9876543210"])?, said);
    }
    Ok(diagnostics)
}

fn facts(u: &mut Unstructured<'_>) -> Result<BTreeMap<(String, Fact), Diagnostic>> {
    let mut facts = BTreeMap::new();
    for _ in 0..u.int_in_range(0..=2)? {
        let said = Diagnostic {
            at: time(u)?,
            words: texts::text(u)?,
        };
        let fact = *u.choose(&[Fact::Delivered, Fact::SoftBounced, Fact::Bounced, Fact::NotSpam])?;
        facts.insert((recipient(u)?, fact), said);
    }
    Ok(facts)
}

fn delivery_statuses(u: &mut Unstructured<'_>) -> Result<BTreeMap<String, DeliveryStatus>> {
    let mut delivery_statuses = BTreeMap::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let key = if u.ratio(1, 4)? { texts::text(u)? } else { recipient(u)? };
        delivery_statuses.insert(key, *u.choose(&DELIVERY_STATUSES)?);
    }
    Ok(delivery_statuses)
}

fn recipient(u: &mut Unstructured<'_>) -> Result<String> {
    Ok((*u.choose(&["0123456789ab", "ba9876543210", "000000000000"])?).to_owned())
}

/// A record whose fields satisfy only their types.
pub(crate) fn any(u: &mut Unstructured<'_>) -> Result<EmailRecord> {
    let born = time(u)?;
    let body = BodyRef {
        sha256: texts::word(u, &["ab12", ""])?,
        place: *u.choose(&[BodyPlace::Table, BodyPlace::Bucket])?,
        bytes: u.arbitrary()?,
    };
    let due_within = |at: Timestamp| Timestamp::from_millis(at.as_millis().clamp(0, 999_999_999_999_999));
    Ok(EmailRecord {
        queue: QueueName::parse(u.choose(&["default", "news"])?).map_err(|_| Error::IncorrectFormat)?,
        priority: *u.choose(Priority::ALL)?,
        on_uncertain: *u.choose(&[OnUncertain::Resend, OnUncertain::Hold])?,
        status: *u.choose(RecordStatus::ALL)?,
        not_before: time(u)?,
        scheduled_at: maybe(u, time)?,
        expires_at: time(u)?,
        attachment_bytes: u.arbitrary()?,
        expires_given: u.arbitrary()?,
        claim_no: count(u)?,
        attempts: count(u)?,
        lease: maybe(u, |u| {
            Ok(Lease {
                until: time(u)?,
                nonce: u.arbitrary()?,
            })
        })?,
        maybe_duplicate: u.arbitrary()?,
        duplicate: u.arbitrary()?,
        uncertain_since: maybe(u, time)?,
        cause: maybe(u, |u| u.choose(Cause::ALL).copied())?,
        detail: maybe(u, texts::text)?,
        sent: maybe(u, |u| {
            Ok(Acceptance {
                claim_no: count(u)?,
                message_id: texts::word(u, &["0100-x", ""])?,
                at: time(u)?,
            })
        })?,
        due: maybe(u, |u| {
            Ok(Due {
                kind: *u.choose(&[
                    DueKind::Wake,
                    DueKind::Check,
                    DueKind::Held,
                    DueKind::RateLimited,
                    DueKind::Ended,
                ])?,
                at: due_within(time(u)?),
            })
        })?,
        dropped_headers: maybe(u, |u| u.choose(DroppedHeader::ALL).copied())?
            .into_iter()
            .collect(),
        delivery_statuses: delivery_statuses(u)?,
        delivery_version: count(u)?,
        delivered_at: maybe(u, time)?,
        opened_at: maybe(u, time)?,
        clicked_at: maybe(u, time)?,
        retried_at: maybe(u, time)?,
        generation: maybe(u, |u| u.arbitrary())?,
        key: maybe(u, |u| Ok(KeyId::from_bytes(u.arbitrary()?)))?,
        outcomes: outcomes(u)?,
        diagnostics: diagnostics(u)?,
        facts: facts(u)?,
        ..EmailRecord::new(tenant(u)?, id(u)?, body, u.arbitrary()?, born)
    })
}

/// A consistent record, as the state machine leaves it.
pub(crate) fn whole(u: &mut Unstructured<'_>) -> Result<EmailRecord> {
    let mut record = any(u)?;
    let (lease, since, due, sent) = (
        record.lease.take(),
        record.uncertain_since.take(),
        record.due.take(),
        record.sent.take(),
    );
    let now = Timestamp::from_millis(NOW);
    if record.status == RecordStatus::Sending {
        record.lease = Some(lease.unwrap_or(Lease { until: now, nonce: 0 }));
    }
    if record.status == RecordStatus::Uncertain {
        record.uncertain_since = Some(since.unwrap_or(now));
    }
    let at = due.map_or(now, |due| due.at);
    let kind = match (record.status, due.map(|due| due.kind)) {
        (RecordStatus::Queued, Some(kind @ (DueKind::Wake | DueKind::Held | DueKind::RateLimited))) => Some(kind),
        (RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain, _) => {
            Some(DueKind::Check)
        }
        (RecordStatus::Sent, _) => None,
        (RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Canceled | RecordStatus::Expired, _) => {
            Some(DueKind::Ended)
        }
    };
    record.due = kind.map(|kind| Due { kind, at });
    if record.status == RecordStatus::Sent {
        let sent = sent.unwrap_or(Acceptance {
            claim_no: 1,
            message_id: String::new(),
            at: now,
        });
        record.claim_no = record.claim_no.max(1);
        let claim_no = sent.claim_no.clamp(1, record.claim_no);
        record.sent = Some(Acceptance { claim_no, ..sent });
    } else {
        record.duplicate = false;
    }
    let unflagged = matches!(
        record.status,
        RecordStatus::Failing | RecordStatus::Failed | RecordStatus::Expired | RecordStatus::Canceled
    );
    record.maybe_duplicate &= !unflagged;
    Ok(record)
}

/// A count: mostly small, sometimes the largest possible.
pub(crate) fn count(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.int_in_range(0..=4)? {
        0..=2 => u.int_in_range(0..=7)?,
        3 => u.arbitrary()?,
        _ => u32::MAX,
    })
}

/// An event of SES: mostly about `record`, sometimes about another record or a claim that never existed.
pub(crate) fn event(u: &mut Unstructured<'_>, record: &EmailRecord) -> Result<SesEvent> {
    let kind = match u.int_in_range(0..=5)? {
        0 | 1 => SesEventKind::Accepted,
        2 => {
            let mut delivery_statuses = BTreeMap::new();
            for _ in 0..u.int_in_range(0..=3)? {
                delivery_statuses.insert(recipient(u)?, *u.choose(&DELIVERY_STATUSES)?);
            }
            SesEventKind::DeliveryStatuses(delivery_statuses)
        }
        3 => SesEventKind::Opened,
        4 => SesEventKind::Reported {
            recipients: [recipient(u)?].into(),
            fact: *u.choose(&[Fact::NotSpam, Fact::AuthFailure])?,
        },
        _ => SesEventKind::Clicked,
    };
    let mut event = SesEvent {
        tenant: record.tenant.clone(),
        id: record.id,
        claim_no: u.int_in_range(0..=record.claim_no.saturating_add(1))?,
        born: record.born,
        message_id: texts::word(u, &["0100-x", "0100-y", ""])?,
        accepted_at: time(u)?,
        at: time(u)?,
        kind,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
        details: domain::delivery::ses_event::SesDetails::default(),
    };
    match u.int_in_range(0..=11)? {
        9 => event.tenant = tenant(u)?,
        10 => event.id = id(u)?,
        11 => event.born = time(u)?,
        _ => {}
    }
    Ok(event)
}
