//! Payloads of test events: invented data in the form of the real ones.
//!
//! **Invariant:** pure. The same code as for real events makes each payload, so that a receiver that reads a test event
//! also reads a real one. The tag `test` marks emails; no email, suppression or domain with these ids exists.
//! **Start reading at** [`of`].

use std::time::Duration;

use domain::api::domain_view::DomainView;
use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::hook::{Hook, RecipientKey};
use domain::delivery::life::{End, LifeKind};
use domain::delivery::record::{Acceptance, BodyPlace, BodyRef, Due, DueKind, EmailRecord, RecordStatus};
use domain::delivery::ses_event::{Agent, BounceType};
use domain::delivery::suppression::{Origin, Suppression};
use domain::id::{DomainId, EmailId, TenantId};
use domain::message::address::EmailAddress;
use domain::message::email::{Addresses, Draft, EmailContent};
use domain::tenant::domains::SendingDomain;
use domain::tenant::domains::name::DomainName;
use domain::timestamp::Timestamp;
use domain::webhook::event_type::EventType;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::payload::{Context, of_domain, of_email, of_suppression};
use domain::webhook::rank;
use domain::webhook::telling::{Telling, Told};

/// The recipient of the invented email. Source: RFC 2606: nobody has this domain.
const RECIPIENT: &str = "recipient@example.com";

/// The sender of the invented email.
const SENDER: &str = "mailqueue <sender@example.com>";

/// The invented domain.
const DOMAIN: &str = "example.com";

/// The wait of the invented schedule.
const HOUR: Duration = Duration::from_secs(3_600);

/// The invented claim.
const CLAIM: u32 = 1;

/// A payload with the subject of its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The subject.
    pub subject: Subject,
    /// The body.
    pub body: String,
}

/// The identity of a test event, and the time and the place of its facts.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The event.
    pub event: &'a EventId,
    /// The tenant.
    pub tenant: &'a TenantId,
    /// A random id for the subject.
    pub id: EmailId,
    /// Region of the SES account.
    pub region: &'a str,
    /// Time.
    pub now: Timestamp,
}

/// The payload of a test event. It is `None` only if the invented data are malformed, which a test excludes.
#[must_use]
pub fn of(event_type: EventType, frame: Frame<'_>) -> Option<Sample> {
    let (told, rank) = match event_type {
        EventType::SuppressionAdded | EventType::SuppressionRemoved => return of_address(event_type, frame),
        EventType::DomainCreated | EventType::DomainUpdated | EventType::DomainDeleted => {
            return of_a_domain(event_type, frame);
        }
        EventType::Scheduled => life(LifeKind::Scheduled {
            turn: 0,
            until: frame.now.after(HOUR),
        }),
        EventType::Sent => life(LifeKind::Sent { claim_no: CLAIM }),
        EventType::Failed => ended(End::Failed, Some(Cause::Rejected)),
        EventType::Canceled => ended(End::Canceled, None),
        EventType::Expired => ended(End::Expired, None),
        EventType::Delivered => status(DeliveryStatus::Delivered, frame, "250 2.0.0 OK", None),
        EventType::DeliveryDelayed => status(
            DeliveryStatus::DeliveryDelayed,
            frame,
            "smtp; 421 4.7.0 try later",
            None,
        ),
        EventType::Bounced => {
            let bounce = BounceType {
                bounce_type: "Permanent".to_owned(),
                sub_type: "General".to_owned(),
            };
            status(
                DeliveryStatus::Bounced,
                frame,
                "smtp; 550 5.1.1 user unknown",
                Some(bounce),
            )
        }
        EventType::Complained => status(DeliveryStatus::Complained, frame, "", None),
        EventType::Suppressed => {
            let left_out = Told::LeftOut { claim_no: CLAIM };
            (left_out, rank::of_life(LifeKind::Sent { claim_no: CLAIM }))
        }
        EventType::Opened => (Told::Opened(agent()), rank::opened(frame.now)),
        EventType::Clicked => {
            let link = format!("https://{DOMAIN}/");
            (Told::Clicked { agent: agent(), link }, rank::clicked(frame.now))
        }
    };
    let content = content()?;
    let record = record(event_type, frame);
    let telling = telling(event_type, Subject::Email(frame.id), told, rank, frame);
    let context = Context {
        content: Some(&content),
        listed_by: Some(Origin::Bounce),
        region: frame.region,
    };
    Some(Sample {
        subject: telling.subject,
        body: of_email(&telling, &record, context),
    })
}

fn telling(event_type: EventType, subject: Subject, told: Told, rank: u64, frame: Frame<'_>) -> Telling {
    let is_about_email = matches!(subject, Subject::Email(_));
    Telling {
        id: frame.event.clone(),
        event_type,
        subject,
        recipient: is_about_email.then(|| RecipientKey::of(RECIPIENT)),
        created_at: frame.now,
        rank,
        told,
    }
}

fn life(kind: LifeKind) -> (Told, u64) {
    (Told::Life(kind), rank::of_life(kind))
}

fn ended(end: End, cause: Option<Cause>) -> (Told, u64) {
    life(LifeKind::Ended {
        end,
        claim_no: CLAIM,
        turn: 0,
        cause,
    })
}

fn status(status: DeliveryStatus, frame: Frame<'_>, words: &str, bounce: Option<BounceType>) -> (Told, u64) {
    let told = Told::Status {
        status,
        words: words.to_owned(),
        bounce,
        complaint: (status == DeliveryStatus::Complained).then(|| "abuse".to_owned()),
        suspected: false,
        message_id: None,
    };
    (told, rank::of_status(status, frame.now))
}

fn agent() -> Agent {
    Agent {
        // Source: RFC 5737: nobody has this address.
        ip_address: "192.0.2.1".to_owned(),
        user_agent: "Mozilla/5.0".to_owned(),
    }
}

fn content() -> Option<EmailContent> {
    let draft = Draft {
        from: Some(SENDER.to_owned()),
        to: Addresses::One(RECIPIENT.to_owned()),
        subject: Some("A test event".to_owned()),
        text: Some("No such email exists.".to_owned()),
        tags: vec![("test".to_owned(), "true".to_owned())],
        ..Draft::default()
    };
    draft.check().ok()
}

/// The invented email in the state of its event.
fn record(event_type: EventType, frame: Frame<'_>) -> EmailRecord {
    let body = BodyRef {
        sha256: String::new(),
        place: BodyPlace::Table,
        bytes: 0,
    };
    let new = EmailRecord {
        claim_no: CLAIM,
        hook: Some(Hook::new([RECIPIENT], None)),
        ..EmailRecord::new(frame.tenant.clone(), frame.id, body, 1, frame.now)
    };
    let unsent = |status, detail: Option<&str>| EmailRecord {
        status,
        detail: detail.map(str::to_owned),
        due: Some(Due {
            kind: DueKind::Ended,
            at: frame.now,
        }),
        ..new.clone()
    };
    match event_type {
        EventType::Scheduled => EmailRecord { claim_no: 0, ..new },
        EventType::Failed => unsent(RecordStatus::Failed, Some("Email rejected.")),
        EventType::Canceled => unsent(RecordStatus::Canceled, None),
        EventType::Expired => unsent(RecordStatus::Expired, None),
        EventType::Sent
        | EventType::Delivered
        | EventType::DeliveryDelayed
        | EventType::Bounced
        | EventType::Complained
        | EventType::Opened
        | EventType::Clicked
        | EventType::Suppressed
        | EventType::SuppressionAdded
        | EventType::SuppressionRemoved
        | EventType::DomainCreated
        | EventType::DomainUpdated
        | EventType::DomainDeleted => EmailRecord {
            status: RecordStatus::Sent,
            sent: Some(Acceptance {
                claim_no: CLAIM,
                message_id: frame.id.to_string(),
                at: frame.now,
            }),
            ..new
        },
    }
}

fn of_address(event_type: EventType, frame: Frame<'_>) -> Option<Sample> {
    let address = EmailAddress::parse(RECIPIENT).ok()?;
    let suppression = Suppression::manual(frame.tenant.clone(), &address, frame.now);
    let subject = Subject::Suppression(suppression.id());
    let rank = u64::try_from(frame.now.as_millis()).unwrap_or_default();
    let told = Told::Suppression(Box::new(suppression.clone()));
    let telling = telling(event_type, subject, told, rank, frame);
    let body = of_suppression(&telling, &suppression);
    Some(Sample { subject, body })
}

fn of_a_domain(event_type: EventType, frame: Frame<'_>) -> Option<Sample> {
    let (id, name) = (DomainId::of(frame.id), DomainName::parse(DOMAIN).ok()?);
    let domain = SendingDomain::new(id, frame.tenant.clone(), name, "send".to_owned(), frame.now);
    let subject = Subject::Domain(id);
    let telling = telling(event_type, subject, Told::Domain, 0, frame);
    let body = of_domain(&telling, DomainView::of_event(&domain, frame.region));
    Some(Sample { subject, body })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sample(event_type: EventType) -> (Sample, Value) {
        let (event, tenant) = (EventId::from_bytes([1; 20]), TenantId::main());
        let frame = Frame {
            event: &event,
            tenant: &tenant,
            id: EmailId::from_random([2; 16]),
            region: "us-east-1",
            now: Timestamp::from_millis(1_764_000_000_000),
        };
        let sample = of(event_type, frame).expect("the invented data are well-formed");
        let body = serde_json::from_str(&sample.body).unwrap();
        (sample, body)
    }

    #[test]
    fn every_type_has_a_test_event() {
        for event_type in EventType::ALL {
            let (sample, body) = sample(*event_type);
            assert_eq!(body["type"], event_type.as_str());
            assert!(
                body["created_at"].is_string() && body["data"]["rank"].is_u64(),
                "{body}"
            );
            let id = body["data"].get("email_id").or_else(|| body["data"].get("id")).unwrap();
            assert_eq!(*id, sample.subject.to_string(), "{event_type:?}");
        }
    }

    #[test]
    fn a_test_about_an_email_is_marked() {
        for event_type in EventType::ALL {
            let (_, body) = sample(*event_type);
            if event_type.as_str().starts_with("email.") {
                assert_eq!(body["data"]["tags"], json!({"test": "true"}), "{body}");
                assert_eq!(body["data"]["to"], json!(["recipient@example.com"]), "{body}");
            }
        }
    }

    #[test]
    fn a_test_has_the_part_of_its_type() {
        for (event_type, part) in [
            (EventType::Bounced, "bounce"),
            (EventType::Clicked, "click"),
            (EventType::Opened, "open"),
            (EventType::Failed, "failed"),
            (EventType::Suppressed, "suppressed"),
            (EventType::Complained, "complaint"),
            (EventType::Scheduled, "scheduled_at"),
            (EventType::DomainUpdated, "records"),
            (EventType::SuppressionAdded, "origin"),
        ] {
            let (_, body) = sample(event_type);
            assert!(body["data"].get(part).is_some(), "{body}");
        }
    }
}
