//! The second computation of ids, compared with the product's own function for every kind of event.

use std::collections::BTreeSet;

use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::history::{Diagnostic, Fact};
use domain::delivery::hook::{Hook, RecipientKey, Reschedule};
use domain::delivery::life::{End, LifeFact, LifeKind};
use domain::delivery::record::{Acceptance, BodyPlace, BodyRef, EmailRecord, RecordStatus};
use domain::delivery::ses_event::Agent;
use domain::id::{EmailId, TenantId};
use domain::timestamp::Timestamp;
use domain::webhook::fact::{EmailFact, FactKind, RecipientFact};
use domain::webhook::telling::recovered;
use serde::Serialize;

use super::*;

const ANN: &str = "ann@x.example";
const BOB: &str = "bob@x.example";

const STATUSES: [DeliveryStatus; 10] = [
    DeliveryStatus::Suppressed,
    DeliveryStatus::DeliveryDelayed,
    DeliveryStatus::Absence,
    DeliveryStatus::Delivered,
    DeliveryStatus::SoftBounced,
    DeliveryStatus::OnGlobalList,
    DeliveryStatus::OnAccountList,
    DeliveryStatus::Bounced,
    DeliveryStatus::Rejected,
    DeliveryStatus::Complained,
];

const KEPT: [Fact; 8] = [
    Fact::Delivered,
    Fact::SoftBounced,
    Fact::OnGlobalList,
    Fact::OnAccountList,
    Fact::Bounced,
    Fact::Rejected,
    Fact::NotSpam,
    Fact::AuthFailure,
];

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn millis(time: Timestamp) -> String {
    time.as_millis().to_string()
}

/// The stored name.
fn name<T: Serialize>(value: T) -> String {
    let named = serde_json::to_value(value).unwrap();
    named.as_str().unwrap().to_owned()
}

fn record(status: RecordStatus, recipients: &[&str]) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 1,
    };
    EmailRecord {
        status,
        claim_no: 3,
        sent: (status == RecordStatus::Sent).then(|| acceptance(1)),
        hook: Some(Hook::new(recipients.iter().copied(), None)),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 2, at(100))
    }
}

fn acceptance(claim_no: u32) -> Acceptance {
    Acceptance {
        claim_no,
        message_id: "m".to_owned(),
        at: at(300),
    }
}

fn fact(kind: FactKind) -> EmailFact {
    EmailFact {
        v: EmailFact::VERSION,
        claim_no: 1,
        message_id: "m".to_owned(),
        at: at(400),
        kind,
    }
}

/// The attributes that the table has of a record and its facts.
fn hooked(record: &EmailRecord, facts: &[EmailFact]) -> HookedEmail {
    let hook = record.hook.as_ref().unwrap();
    let left_out = hook.left_out.iter().flat_map(|left_out| {
        let claim = left_out.claim_no.to_string();
        let each = left_out.recipients.iter();
        each.map(move |key| (claim.clone(), key.to_string()))
    });
    let kept = |recipient: &str, status: String, said: &Diagnostic| KeptStatus {
        recipient: recipient.to_owned(),
        status,
        at: millis(said.at),
    };
    let now = record.delivery_statuses.iter();
    let now = now.filter_map(|(key, status)| Some(kept(key, name(status), record.diagnostics.get(key)?)));
    let earlier = record.facts.iter();
    let earlier = earlier.map(|((key, fact), said)| kept(key, name(fact), said));
    let stored = |fact: &EmailFact| HookedFact {
        number: fact.number().to_string(),
        born: millis(record.born),
        json: fact.to_json().unwrap(),
    };
    HookedEmail {
        tenant: record.tenant.to_string(),
        id: record.id.to_string(),
        born: millis(record.born),
        status: name(record.status),
        cause: record.cause.map(name).unwrap_or_default(),
        recipients: hook.recipients.iter().map(ToString::to_string).collect(),
        left_out: left_out.collect(),
        claim: record.claim_no.to_string(),
        sent_by: record
            .sent
            .as_ref()
            .map(|sent| sent.claim_no.to_string())
            .unwrap_or_default(),
        turn: hook.turn.to_string(),
        scheduled_at: record.scheduled_at.map(millis).unwrap_or_default(),
        rescheduled: hook
            .schedule
            .map(|last| format!("{} {}", last.turn, millis(last.at)))
            .unwrap_or_default(),
        past: hook.past.iter().filter_map(|fact| fact.to_text()).collect(),
        statuses: now.chain(earlier).collect(),
        facts: facts.iter().map(stored).collect(),
    }
}

/// Compares both computations; returns the types of the events.
fn compared(record: &EmailRecord, facts: &[EmailFact]) -> BTreeSet<&'static str> {
    let all = recovered(record, facts);
    let expected: BTreeSet<String> = all.iter().map(|telling| telling.id.to_string()).collect();
    let found: BTreeSet<String> = hooked(record, facts).ids().into_iter().collect();
    assert_eq!(found, expected, "{record:?} {facts:?}");
    all.iter().map(|telling| telling.event_type.as_str()).collect()
}

fn with_hook(mut record: EmailRecord, change: impl FnOnce(&mut Hook)) -> EmailRecord {
    change(record.hook.as_mut().unwrap());
    record
}

#[test]
fn each_status_has_the_ids_of_the_product() {
    let mut kinds = BTreeSet::new();
    for &status in RecordStatus::ALL {
        let causes = Cause::ALL.iter().copied().map(Some).chain([None]);
        for cause in causes {
            let record = EmailRecord {
                cause,
                ..record(status, &[ANN, BOB])
            };
            kinds.extend(compared(&record, &[]));
        }
    }
    let expected = ["canceled", "expired", "failed", "sent", "suppressed"].map(|kind| format!("email.{kind}"));
    assert!(kinds.into_iter().eq(expected));
}

#[test]
fn schedules_have_the_ids_of_the_product() {
    let waiting = record(RecordStatus::Queued, &[ANN, BOB]);
    assert!(compared(&waiting, &[]).is_empty());
    for (secs, is_told) in [(99, false), (100, false), (101, true)] {
        let scheduled = EmailRecord {
            scheduled_at: Some(at(secs)),
            ..waiting.clone()
        };
        assert_eq!(compared(&scheduled, &[]).contains("email.scheduled"), is_told, "{secs}");
        let rescheduled = with_hook(scheduled, |hook| {
            hook.turn = 2;
            hook.schedule = Some(Reschedule { turn: 2, at: at(150) });
        });
        assert!(compared(&rescheduled, &[]).contains("email.scheduled"), "{secs}");
    }
}

#[test]
fn overwritten_facts_have_the_ids_of_the_product() {
    let until = at(200);
    let ended = [End::Failed, End::Unknown, End::Canceled, End::Expired].map(|end| {
        [None, Some(Cause::Suppressed), Some(Cause::Throttled)].map(|cause| LifeKind::Ended {
            end,
            claim_no: 2,
            turn: 1,
            cause,
        })
    });
    for kind in ended
        .into_iter()
        .flatten()
        .chain([LifeKind::Scheduled { turn: 0, until }])
    {
        let past = with_hook(record(RecordStatus::Queued, &[ANN, BOB]), |hook| {
            hook.past = vec![LifeFact { kind, at: at(150) }];
        });
        assert_eq!(compared(&past, &[]).len(), 1, "{kind:?}");
    }
}

#[test]
fn left_out_recipients_have_the_ids_of_the_product() {
    let [ann, bob] = [ANN, BOB].map(RecipientKey::of);
    for (claim_no, suppressed) in [(1, true), (2, true), (3, false)] {
        let sent = EmailRecord {
            sent: Some(acceptance(claim_no)),
            // The status of another claim, which is no evidence.
            delivery_statuses: [(ann.to_string(), DeliveryStatus::Suppressed)].into(),
            ..record(RecordStatus::Sent, &[ANN, BOB])
        };
        let sent = with_hook(sent, |hook| {
            hook.leave_out(1, [bob]);
            hook.leave_out(2, [ann, bob]);
        });
        assert_eq!(
            compared(&sent, &[]).contains("email.suppressed"),
            suppressed,
            "{claim_no}"
        );
    }
}

#[test]
fn facts_of_ses_have_the_ids_of_the_product() {
    let mut kinds = BTreeSet::new();
    let agent = Agent {
        ip_address: "127.0.0.1".to_owned(),
        user_agent: "Reader".to_owned(),
    };
    for recipients in [[ANN].as_slice(), &[ANN, BOB]] {
        let sent = record(RecordStatus::Sent, recipients);
        let of_recipients = STATUSES.map(|status| FactKind::Recipients {
            recipients: recipients
                .iter()
                .map(|address| RecipientFact {
                    key: RecipientKey::of(address).to_string(),
                    status,
                    words: String::new(),
                })
                .collect(),
            bounce: None,
            complaint: None,
            suspected: false,
        });
        let engagements = [
            FactKind::Opened(agent.clone()),
            FactKind::Clicked {
                agent: agent.clone(),
                link: "https://example.com".to_owned(),
            },
        ];
        for kind in of_recipients.into_iter().chain(engagements) {
            kinds.extend(compared(&sent, &[fact(kind)]));
        }
    }
    let expected = [
        "bounced",
        "clicked",
        "complained",
        "delivered",
        "delivery_delayed",
        "failed",
        "opened",
        "sent",
        "suppressed",
    ];
    let expected = expected.map(|kind| format!("email.{kind}"));
    assert!(kinds.into_iter().eq(expected));
}

/// A record that was accepted before its webhook has no facts, but keeps these.
#[test]
fn kept_statuses_have_the_ids_of_the_product() {
    let key = RecipientKey::of(ANN).to_string();
    let said = Diagnostic {
        at: at(400),
        words: "250 2.6.0 Message received".to_owned(),
    };
    for status in STATUSES {
        let kept = EmailRecord {
            delivery_statuses: [(key.clone(), status)].into(),
            diagnostics: [(key.clone(), said.clone())].into(),
            ..record(RecordStatus::Sent, &[ANN, BOB])
        };
        let is_told = status != DeliveryStatus::Suppressed;
        assert_eq!(compared(&kept, &[]).len(), 1 + usize::from(is_told), "{status:?}");
    }
    for fact in KEPT {
        let kept = EmailRecord {
            facts: [((key.clone(), fact), said.clone())].into(),
            ..record(RecordStatus::Sent, &[ANN, BOB])
        };
        let is_told = !matches!(fact, Fact::NotSpam | Fact::AuthFailure);
        assert_eq!(compared(&kept, &[]).len(), 1 + usize::from(is_told), "{fact:?}");
    }
}
