//! Each stored payload has the form of Resend's own schema of it.
//!
//! `tests/interop/resend_openapi.json` has the facts of that document: types, values, and whether a field is required.
//! Fields that only mailqueue has are no difference, because a reader of Resend's ignores them.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::hook::{Hook, RecipientKey, Reschedule};
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::delivery::ses_event::{Agent, BounceType};
use domain::id::{DomainId, EmailId, TenantId};
use domain::ports::domains::Domains;
use domain::ports::webhook_events::EmailFacts;
use domain::tenant::domains::identity::{Identity, IdentityStatus};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain};
use domain::webhook::event_type::EventType;
use domain::webhook::fact::{FactKind, RecipientFact};
use memory::{MemoryBackend, samples};
use serde_json::{Value, json};

use crate::common::{accept, add, at, backend, bodies, fact, tell_all, webhook};

/// Events that only mailqueue has, with the event of Resend's that they resemble.
const OURS: [(&str, &str); 2] = [("email.canceled", "email.sent"), ("email.expired", "email.sent")];

const RECIPIENT: &str = "b@example.com";

/// The facts of the payload of one type, by their places, such as `payload data.records[].name`.
type Facts = BTreeMap<String, Value>;

fn resend() -> BTreeMap<String, Facts> {
    let text = include_str!("../../../tests/interop/resend_openapi.json");
    let document: Value = serde_json::from_str(text).unwrap();
    serde_json::from_value(document.get("webhooks").unwrap().clone()).unwrap()
}

/// The values at a place. One is `None` where the object that should have it lacks it.
fn values<'a>(payload: &'a Value, place: &str) -> Vec<Option<&'a Value>> {
    let mut found = vec![Some(payload)];
    let path = place.strip_prefix("payload").unwrap().trim_start();
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.trim_end_matches("[]");
        let is_list = name.len() < step.len();
        let fields = found.into_iter().flatten().map(|parent| parent.get(name));
        found = if is_list {
            let lists = fields.flatten().filter_map(Value::as_array);
            lists.flatten().map(Some).collect()
        } else {
            fields.collect()
        };
    }
    found
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The differences of a payload from the facts of its type.
fn differences(facts: &Facts, payload: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (place, fact) in facts {
        let listed = |name: &str, text: &str| fact[name].as_array().map(|all| all.iter().any(|one| one == text));
        for value in values(payload, place) {
            match value {
                None if fact["required"] == true => found.push(format!("{place}: missing")),
                Some(value) if listed("types", type_of(value)) != Some(true) => {
                    found.push(format!("{place}: {}", type_of(value)));
                }
                Some(Value::String(text)) if listed("values", text) == Some(false) => {
                    found.push(format!("{place}: {text:?}"));
                }
                None | Some(_) => {}
            }
        }
    }
    found
}

/// Stores an end of the `n`th sample.
fn end(backend: &MemoryBackend, n: u8, status: RecordStatus, cause: Option<Cause>) {
    let record = backend.record(&samples::key(n)).unwrap();
    let ended = EmailRecord {
        status,
        claim_no: 1,
        cause,
        due: Some(Due {
            kind: DueKind::Ended,
            at: at(2_000),
        }),
        ..record
    };
    backend.state().store_record(ended);
}

/// The facts that SES reports about an accepted email.
fn reported() -> Vec<FactKind> {
    use DeliveryStatus::{
        Absence, Bounced, Complained, Delivered, DeliveryDelayed, OnAccountList, OnGlobalList, Rejected, SoftBounced,
    };
    let all = [
        DeliveryDelayed,
        Absence,
        Delivered,
        SoftBounced,
        OnGlobalList,
        OnAccountList,
        Bounced,
        Rejected,
        Complained,
    ];
    let status = |status| FactKind::Recipients {
        recipients: vec![RecipientFact {
            key: RecipientKey::of(RECIPIENT).to_string(),
            status,
            words: "smtp; 550".to_owned(),
        }],
        bounce: (status == Bounced).then(|| BounceType {
            bounce_type: "Permanent".to_owned(),
            sub_type: "NoEmail".to_owned(),
        }),
        complaint: (status == Complained).then(|| "abuse".to_owned()),
        suspected: false,
    };
    let clicked = FactKind::Clicked {
        agent: Agent::default(),
        link: "https://shop.example/".to_owned(),
    };
    let engaged = [FactKind::Opened(Agent::default()), clicked];
    all.map(status).into_iter().chain(engaged).collect()
}

/// Tells every kind of event of emails.
async fn tell_emails(backend: &MemoryBackend) {
    accept(backend, 1);
    for (time, kind) in (3_001..).zip(reported()) {
        let mut reported = fact(kind);
        // Bounces of one recipient and millisecond would be one event.
        reported.fact.at = at(time);
        backend.put_fact(&samples::key(1), &reported).await.unwrap();
    }
    let ends = [
        (RecordStatus::Failed, Some(Cause::UnverifiedSender)),
        (RecordStatus::Failed, Some(Cause::Suppressed)),
        (RecordStatus::Unknown, None),
        (RecordStatus::Canceled, None),
        (RecordStatus::Expired, Some(Cause::Expired)),
    ];
    for (n, (status, cause)) in (2..).zip(ends) {
        end(backend, n, status, cause);
    }
    // A caller reschedules the seventh sample.
    let waiting = backend.record(&samples::key(7)).unwrap();
    let mut hook = Hook::new([RECIPIENT], None);
    hook.turn = 1;
    hook.schedule = Some(Reschedule { turn: 1, at: at(1_000) });
    let rescheduled = EmailRecord {
        scheduled_at: Some(at(9_000)),
        hook: Some(hook),
        ..waiting
    };
    backend.state().store_record(rescheduled);
}

/// Tells the registration of a sending domain, each answer of SES, and its end.
async fn tell_domain(backend: &MemoryBackend) {
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let name = DomainName::parse("shop.example.com").unwrap();
    let mut domain = SendingDomain {
        is_told: true,
        ..SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), at(1))
    };
    assert!(backend.register_domain(&domain, &Registry::default()).await.unwrap());
    for (time, status) in (2..).zip([
        IdentityStatus::Pending,
        IdentityStatus::Verified,
        IdentityStatus::TemporaryFailure,
        IdentityStatus::Failed,
    ]) {
        let identity = Identity {
            status,
            tokens: vec!["token".to_owned()],
            ..Identity::default()
        };
        let next = domain.observed(Some(&identity), at(time));
        assert!(backend.save_domain(&domain, &next, None).await.unwrap());
        domain = next;
    }
    let leaving = domain.leaving(at(9));
    assert!(backend.save_domain(&domain, &leaving, None).await.unwrap());
    assert!(backend.remove_domain(&leaving, None).await.unwrap());
}

#[tokio::test]
async fn each_payload_has_the_form_of_resends_schema() {
    let (resend, backend) = (resend(), backend(7));
    let every_type: Vec<&str> = EventType::ALL.iter().map(|event_type| event_type.as_str()).collect();
    add(&backend, webhook(9, &every_type));
    tell_emails(&backend).await;
    tell_domain(&backend).await;
    // One life and eleven reports, six other lives, and six changes of a domain.
    assert_eq!(tell_all(&backend).await, 24);
    let mut told = BTreeSet::new();
    for payload in bodies(&backend) {
        let name = payload["type"].as_str().unwrap();
        let ours = OURS.iter().find(|(ours, _)| *ours == name);
        let mut expected: Vec<String> = Vec::new();
        if ours.is_some() {
            expected.push(format!("payload type: {name:?}"));
        }
        // SES does not say why an address is on the account's own list, and the tenant's list has none any more.
        let list = &payload["data"]["suppressed"];
        if list["type"] == "OnAccountSuppressionList" {
            expected.push("payload data.suppressed.reason: missing".to_owned());
        }
        let facts = &resend[ours.map_or(name, |(_, theirs)| *theirs)];
        assert_eq!(differences(facts, &payload), expected, "{payload}");
        told.insert(name.to_owned());
    }
    let known = resend.keys().filter(|name| !name.starts_with("contact."));
    let missing: Vec<&String> = known.filter(|name| !told.contains(*name)).collect();
    assert_eq!(missing, ["email.received"], "mailqueue receives no email");
}

#[tokio::test]
async fn a_changed_field_of_a_payload_is_a_difference() {
    let (resend, backend) = (resend(), backend(1));
    add(&backend, webhook(9, &["email.bounced"]));
    accept(&backend, 1);
    let bounced = reported().remove(6);
    backend.put_fact(&samples::key(1), &fact(bounced)).await.unwrap();
    tell_all(&backend).await;
    let mut payload = bodies(&backend).remove(0);
    let facts = &resend["email.bounced"];
    assert_eq!(differences(facts, &payload), Vec::<String>::new());
    payload["data"]["bounce"]["type"] = json!("Hard");
    payload["data"]["bounce"]["diagnosticCode"] = json!([550]);
    payload["data"]["to"] = json!(RECIPIENT);
    payload["data"].as_object_mut().unwrap().remove("from");
    let expected = [
        "payload data.bounce.diagnosticCode[]: integer",
        "payload data.bounce.type: \"Hard\"",
        "payload data.from: missing",
        "payload data.to: string",
    ];
    assert_eq!(differences(facts, &payload), expected);
}
