//! SES's events, as event publishing sends them through SNS with raw delivery.
//!
//! **Invariant:** only what is needed is read, and nothing that is missing is guessed: an
//! event that cannot be tied to a tenant, an id, a claim and a birth changes nothing.
//!
//! Source: Amazon SES Developer Guide, "Contents of event data that Amazon SES publishes to
//! Amazon SNS", read 2026-11-24.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::address::{EmailAddress, Mailbox};
use crate::fate::Fate;
use crate::id::{EmailId, TenantId};
use crate::row::recipient_key;
use crate::timestamp::Timestamp;

/// The tag with the tenant.
pub const TAG_TENANT: &str = "mq_tenant";
/// The tag with the email's id.
pub const TAG_ID: &str = "mq_id";
/// The tag with the number of the claim that submitted it.
pub const TAG_CLAIM: &str = "mq_claim";
/// The tag with the row's birth, in milliseconds since 1970.
pub const TAG_BORN: &str = "mq_born";

/// What SES publishes, in place of an event, when an event destination is created.
///
/// Source: what was recorded of SES by LocalStack's snapshots and by django-anymail, read
/// 2026-11-24.
pub const GREETING: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// SES accepted the email, and nothing more.
    Accepted,
    /// What became of some recipients.
    Fates {
        /// Which, by [`recipient_key`]: no address goes further than this module, but those that are to be
        /// suppressed.
        recipients: Vec<String>,
        /// What became of them.
        fate: Fate,
    },
    /// A recipient opened it.
    Opened,
    /// A recipient clicked a link in it.
    Clicked,
}

/// An event about one of our emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SesEvent {
    /// Whose email.
    pub tenant: TenantId,
    /// Which email.
    pub id: EmailId,
    /// Which claim submitted it.
    pub claim_no: u32,
    /// The birth of the row that submitted it.
    pub born: Timestamp,
    /// SES's `MessageId`.
    pub message_id: String,
    /// When SES accepted it.
    pub accepted_at: Timestamp,
    /// When this happened.
    pub at: Timestamp,
    /// What happened.
    pub said: Said,
    /// To whom no more is to be sent: the address bounced for good, or its owner complained.
    pub suppresses: Vec<EmailAddress>,
    /// What was said about each recipient, by [`recipient_key`]: the words of its server, or of SES.
    pub diagnostics: BTreeMap<String, String>,
}

/// Why a message is no event of ours.
#[derive(Debug, thiserror::Error)]
pub enum SesEventError {
    /// Not JSON, or not of SES's form. Where, and not what: the library's own words repeat the
    /// content, which may be an address.
    #[error("not an SES event: at line {line}, column {column}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// What SES publishes when it is told to publish to a topic.
    #[error("SES has validated the topic")]
    Greeting,
    /// Of a type that says nothing about delivery, or is newer than this code.
    #[error("SES event of another type: {0}")]
    OtherType(String),
    /// Not submitted by this queue, or its tags were changed.
    #[error("SES event without a usable tag {0}")]
    Tag(&'static str),
    /// A time that is no time, or a part that its type promises is missing.
    #[error("SES event without a usable {0}")]
    Missing(&'static str),
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "eventType")]
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
    #[serde(rename = "deliveryDelay")]
    delay: Option<Delay>,
    open: Option<Moment>,
    click: Option<Moment>,
    reject: Option<Reject>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Mail {
    timestamp: String,
    #[serde(rename = "messageId")]
    message_id: String,
    #[serde(default)]
    destination: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Recipient {
    #[serde(rename = "emailAddress")]
    email_address: String,
    #[serde(rename = "diagnosticCode")]
    diagnostic_code: Option<String>,
}

#[derive(Deserialize)]
struct Bounce {
    timestamp: String,
    #[serde(rename = "bounceType")]
    bounce_type: String,
    #[serde(rename = "bounceSubType")]
    bounce_sub_type: Option<String>,
    #[serde(rename = "bouncedRecipients")]
    recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
struct Complaint {
    timestamp: String,
    #[serde(rename = "complaintFeedbackType")]
    feedback_type: Option<String>,
    #[serde(rename = "complainedRecipients")]
    recipients: Vec<Recipient>,
}

impl Complaint {
    /// Whether somebody complained. Under the same name come the word that an email is *no* spam, and reports of
    /// a failed authentication.
    fn is_one(&self) -> bool {
        !matches!(self.feedback_type.as_deref(), Some("not-spam" | "auth-failure"))
    }
}

#[derive(Deserialize)]
struct Delivery {
    timestamp: String,
    recipients: Vec<String>,
    #[serde(rename = "smtpResponse")]
    smtp_response: Option<String>,
}

#[derive(Deserialize)]
struct Delay {
    timestamp: String,
    #[serde(rename = "delayType")]
    delay_type: Option<String>,
    #[serde(rename = "delayedRecipients")]
    recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
struct Moment {
    timestamp: String,
}

#[derive(Deserialize)]
struct Reject {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "errorMessage")]
    error_message: Option<String>,
}

impl SesEvent {
    /// Reads a message of the feedback queue.
    ///
    /// # Errors
    /// When it is not an event about an email of this queue; nothing can be done about it.
    pub fn parse(body: &str) -> Result<Self, SesEventError> {
        if body.trim() == GREETING {
            return Err(SesEventError::Greeting);
        }
        let event: Event = serde_json::from_str(body).map_err(|error| SesEventError::Malformed {
            line: error.line(),
            column: error.column(),
        })?;
        let mail = &event.mail;
        let accepted_at = time(&mail.timestamp, "mail.timestamp")?;
        let (at, said) = event.said(accepted_at)?;
        Ok(Self {
            tenant: mail.tag(TAG_TENANT, TenantId::parse)?,
            id: mail.tag(TAG_ID, EmailId::parse)?,
            claim_no: mail.tag(TAG_CLAIM, |text| text.parse().ok())?,
            born: mail.tag(TAG_BORN, |text| text.parse().ok().map(Timestamp::from_millis))?,
            message_id: mail.message_id.clone(),
            accepted_at,
            at,
            suppresses: event.suppresses(&said),
            diagnostics: event.diagnostics(),
            said,
        })
    }
}

impl Event {
    /// The recipients of a bounce for good, which is also what SES says of an address on a suppression list
    /// of its own, and of a complaint that is one. An address that is none is left out: nobody can be sent
    /// anything there.
    fn suppresses(&self, said: &Said) -> Vec<EmailAddress> {
        let named = match said {
            Said::Fates {
                fate: Fate::Bounced, ..
            } => self.bounce.as_ref().map(|bounce| &bounce.recipients),
            Said::Fates {
                fate: Fate::Complained, ..
            } => self
                .complaint
                .as_ref()
                .filter(|complaint| complaint.is_one())
                .map(|complaint| &complaint.recipients),
            Said::Fates { .. } | Said::Accepted | Said::Opened | Said::Clicked => None,
        };
        let address = |text: &String| Mailbox::parse(text).ok().map(|mailbox| mailbox.address().lower_case());
        named
            .into_iter()
            .flat_map(|named| addresses(named))
            .filter_map(address)
            .collect()
    }

    /// What is said about whom. Of a recipient without words of its own, what SES says of the whole.
    fn diagnostics(&self) -> BTreeMap<String, String> {
        let (recipients, whole): (&[Recipient], _) = match self.event_type.as_str() {
            "Bounce" => match &self.bounce {
                Some(bounce) => (&bounce.recipients, &bounce.bounce_sub_type),
                None => return BTreeMap::new(),
            },
            "DeliveryDelay" => match &self.delay {
                Some(delay) => (&delay.recipients, &delay.delay_type),
                None => return BTreeMap::new(),
            },
            "Complaint" => match &self.complaint {
                Some(complaint) => (&complaint.recipients, &complaint.feedback_type),
                None => return BTreeMap::new(),
            },
            other => {
                let (addresses, words) = match other {
                    "Delivery" => {
                        let delivery = self.delivery.as_ref();
                        let addresses = delivery.map(|delivery| delivery.recipients.as_slice());
                        (addresses, delivery.and_then(|delivery| delivery.smtp_response.as_ref()))
                    }
                    "Reject" => {
                        let reason = self.reject.as_ref().and_then(|reject| reject.reason.as_ref());
                        (Some(self.mail.destination.as_slice()), reason)
                    }
                    "Rendering Failure" => {
                        let message = self.failure.as_ref().and_then(|failure| failure.error_message.as_ref());
                        (Some(self.mail.destination.as_slice()), message)
                    }
                    _ => return BTreeMap::new(),
                };
                let said = |address: &String| Some((recipient_key(address), words?.clone()));
                return addresses.unwrap_or_default().iter().filter_map(said).collect();
            }
        };
        let said = |recipient: &Recipient| {
            let words = recipient.diagnostic_code.as_ref().or(whole.as_ref())?;
            Some((recipient_key(&recipient.email_address), words.clone()))
        };
        recipients.iter().filter_map(said).collect()
    }

    fn said(&self, accepted_at: Timestamp) -> Result<(Timestamp, Said), SesEventError> {
        match self.event_type.as_str() {
            "Send" => Ok((accepted_at, Said::Accepted)),
            "Reject" => Ok((accepted_at, fates(self.mail.destination.iter(), Fate::Rejected))),
            "Rendering Failure" => Ok((accepted_at, fates(self.mail.destination.iter(), Fate::Rejected))),
            "Delivery" => {
                let delivery = self.delivery.as_ref().ok_or(SesEventError::Missing("delivery"))?;
                Ok((
                    time(&delivery.timestamp, "delivery.timestamp")?,
                    fates(delivery.recipients.iter(), Fate::Delivered),
                ))
            }
            "Bounce" => {
                let bounce = self.bounce.as_ref().ok_or(SesEventError::Missing("bounce"))?;
                let fate = if bounce.bounce_type == "Permanent" {
                    Fate::Bounced
                } else {
                    Fate::SoftBounced
                };
                Ok((
                    time(&bounce.timestamp, "bounce.timestamp")?,
                    fates(addresses(&bounce.recipients), fate),
                ))
            }
            "Complaint" => {
                let complaint = self.complaint.as_ref().ok_or(SesEventError::Missing("complaint"))?;
                Ok((
                    time(&complaint.timestamp, "complaint.timestamp")?,
                    fates(addresses(&complaint.recipients), Fate::Complained),
                ))
            }
            "DeliveryDelay" => {
                let delay = self.delay.as_ref().ok_or(SesEventError::Missing("deliveryDelay"))?;
                Ok((
                    time(&delay.timestamp, "deliveryDelay.timestamp")?,
                    fates(addresses(&delay.recipients), Fate::DeliveryDelayed),
                ))
            }
            "Open" => {
                let open = self.open.as_ref().ok_or(SesEventError::Missing("open"))?;
                Ok((time(&open.timestamp, "open.timestamp")?, Said::Opened))
            }
            "Click" => {
                let click = self.click.as_ref().ok_or(SesEventError::Missing("click"))?;
                Ok((time(&click.timestamp, "click.timestamp")?, Said::Clicked))
            }
            other => Err(SesEventError::OtherType(other.to_owned())),
        }
    }
}

impl Mail {
    fn tag<T>(&self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, SesEventError> {
        match self.tags.get(name).map(Vec::as_slice) {
            Some([value]) => read(value).ok_or(SesEventError::Tag(name)),
            Some(_) | None => Err(SesEventError::Tag(name)),
        }
    }
}

fn time(text: &str, what: &'static str) -> Result<Timestamp, SesEventError> {
    Timestamp::parse_rfc3339(text).ok_or(SesEventError::Missing(what))
}

fn addresses(recipients: &[Recipient]) -> impl Iterator<Item = &String> {
    recipients.iter().map(|recipient| &recipient.email_address)
}

fn fates<'a>(recipients: impl Iterator<Item = &'a String>, fate: Fate) -> Said {
    Said::Fates {
        recipients: recipients.map(|address| recipient_key(address)).collect(),
        fate,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(event_type: &str, part: &str, content: Value) -> Value {
        let mut event = json!({
            "eventType": event_type,
            "mail": {
                "timestamp": "2026-11-24T09:30:00.123Z",
                "messageId": "0100-0001",
                "destination": ["a@example.com", "b@example.com"],
                "tags": {
                    "mq_tenant": ["main"],
                    "mq_id": ["00000000-0000-4000-8000-000000000000"],
                    "mq_claim": ["3"],
                    "mq_born": ["1000"],
                    "ses:operation": ["SendEmail"]
                }
            }
        });
        event[part] = content;
        event
    }

    fn said(event: &Value) -> Said {
        SesEvent::parse(&event.to_string()).unwrap().said
    }

    fn fate_of_a(event: &Value) -> Fate {
        match said(event) {
            Said::Fates { recipients, fate } => {
                assert_eq!(recipients[0], recipient_key("a@example.com"));
                fate
            }
            other @ (Said::Accepted | Said::Opened | Said::Clicked) => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_event_type_is_read() {
        let time = "2026-11-24T09:30:01.000Z";
        let who = json!([{"emailAddress": "a@example.com"}]);
        assert_eq!(said(&event("Send", "send", json!({}))), Said::Accepted);
        assert_eq!(said(&event("Open", "open", json!({"timestamp": time}))), Said::Opened);
        assert_eq!(
            said(&event("Click", "click", json!({"timestamp": time}))),
            Said::Clicked
        );
        let bounce = |kind| json!({"timestamp": time, "bounceType": kind, "bouncedRecipients": who});
        for (event, fate) in [
            (
                event(
                    "Delivery",
                    "delivery",
                    json!({"timestamp": time, "recipients": ["a@example.com"]}),
                ),
                Fate::Delivered,
            ),
            (event("Bounce", "bounce", bounce("Permanent")), Fate::Bounced),
            (event("Bounce", "bounce", bounce("Transient")), Fate::SoftBounced),
            (
                event(
                    "Complaint",
                    "complaint",
                    json!({"timestamp": time, "complainedRecipients": who}),
                ),
                Fate::Complained,
            ),
            (
                event(
                    "DeliveryDelay",
                    "deliveryDelay",
                    json!({"timestamp": time, "delayedRecipients": who}),
                ),
                Fate::DeliveryDelayed,
            ),
            (
                event("Reject", "reject", json!({"reason": "Bad content"})),
                Fate::Rejected,
            ),
            (event("Rendering Failure", "failure", json!({})), Fate::Rejected),
        ] {
            assert_eq!(fate_of_a(&event), fate, "{event}");
        }
    }

    #[test]
    fn the_words_about_a_recipient_are_the_servers_or_else_those_of_ses() {
        let time = "2026-11-24T09:30:01.000Z";
        let who = json!([{"emailAddress": "a@example.com", "diagnosticCode": "smtp; 550 5.1.1 unknown"}]);
        let silent = json!([{"emailAddress": "a@example.com"}]);
        let bounce = |who: &Value| json!({"timestamp": time, "bounceType": "Permanent", "bounceSubType": "NoEmail", "bouncedRecipients": who});
        let delay = |who: &Value| json!({"timestamp": time, "delayType": "MailboxFull", "delayedRecipients": who});
        let complaint = json!({"timestamp": time, "complaintFeedbackType": "abuse", "complainedRecipients": silent});
        let delivery = json!({"timestamp": time, "recipients": ["a@example.com"], "smtpResponse": "250 OK"});
        for (event_type, part, content, words) in [
            ("Bounce", "bounce", bounce(&who), Some("smtp; 550 5.1.1 unknown")),
            ("Bounce", "bounce", bounce(&silent), Some("NoEmail")),
            (
                "DeliveryDelay",
                "deliveryDelay",
                delay(&who),
                Some("smtp; 550 5.1.1 unknown"),
            ),
            ("DeliveryDelay", "deliveryDelay", delay(&silent), Some("MailboxFull")),
            ("Complaint", "complaint", complaint, Some("abuse")),
            ("Delivery", "delivery", delivery, Some("250 OK")),
            (
                "Reject",
                "reject",
                json!({"reason": "Bad content"}),
                Some("Bad content"),
            ),
            (
                "Rendering Failure",
                "failure",
                json!({"errorMessage": "no value"}),
                Some("no value"),
            ),
            ("Send", "send", json!({}), None),
            ("Open", "open", json!({"timestamp": time}), None),
        ] {
            let read = SesEvent::parse(&event(event_type, part, content).to_string()).unwrap();
            let said = read.diagnostics.get(&recipient_key("a@example.com"));
            assert_eq!(said.map(String::as_str), words, "{event_type}");
        }
    }

    /// Whom an event suppresses.
    fn suppressed(event: &Value) -> Vec<String> {
        let event = SesEvent::parse(&event.to_string()).unwrap();
        event.suppresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_bounce_for_good_and_a_complaint_suppress_and_nothing_else_does() {
        let time = "2026-11-24T09:30:01.000Z";
        let who = json!([{"emailAddress": "Ann <Ann@EXAMPLE.com>"}, {"emailAddress": "nobody"}]);
        let bounce =
            |kind, sub| json!({"timestamp": time, "bounceType": kind, "bounceSubType": sub, "bouncedRecipients": who});
        let complaint = |sub: Value, kind: Value| json!({"timestamp": time, "complaintSubType": sub, "complaintFeedbackType": kind, "complainedRecipients": who});
        for (event_type, part, content, suppresses) in [
            ("Bounce", "bounce", bounce("Permanent", "General"), true),
            ("Bounce", "bounce", bounce("Permanent", "NoEmail"), true),
            // SES's own suppression lists.
            ("Bounce", "bounce", bounce("Permanent", "Suppressed"), true),
            (
                "Bounce",
                "bounce",
                bounce("Permanent", "OnAccountSuppressionList"),
                true,
            ),
            ("Bounce", "bounce", bounce("Transient", "General"), false),
            ("Bounce", "bounce", bounce("Transient", "MailboxFull"), false),
            ("Bounce", "bounce", bounce("Undetermined", "Undetermined"), false),
            ("Complaint", "complaint", complaint(Value::Null, Value::Null), true),
            ("Complaint", "complaint", complaint(Value::Null, json!("abuse")), true),
            (
                "Complaint",
                "complaint",
                complaint(json!("OnAccountSuppressionList"), Value::Null),
                true,
            ),
            (
                "Complaint",
                "complaint",
                complaint(Value::Null, json!("not-spam")),
                false,
            ),
            (
                "Complaint",
                "complaint",
                complaint(Value::Null, json!("auth-failure")),
                false,
            ),
            (
                "DeliveryDelay",
                "deliveryDelay",
                json!({"timestamp": time, "delayedRecipients": who}),
                false,
            ),
            ("Reject", "reject", json!({"reason": "Bad content"}), false),
            (
                "Delivery",
                "delivery",
                json!({"timestamp": time, "recipients": ["a@example.com"]}),
                false,
            ),
            ("Send", "send", json!({}), false),
        ] {
            let event = event(event_type, part, content);
            let expected = if suppresses { vec!["ann@example.com"] } else { vec![] };
            assert_eq!(suppressed(&event), expected, "{event}");
        }
    }

    #[test]
    fn an_address_that_is_to_be_suppressed_is_not_shown() {
        let who = json!([{"emailAddress": "ann@example.com"}]);
        let content = json!({"timestamp": "2026-11-24T09:30:01Z", "bounceType": "Permanent", "bouncedRecipients": who});
        let event = SesEvent::parse(&event("Bounce", "bounce", content).to_string()).unwrap();
        assert!(!format!("{event:?}").contains("ann"), "{event:?}");
    }

    #[test]
    fn the_tags_say_which_email_claim_and_birth() {
        let read = SesEvent::parse(&event("Send", "send", json!({})).to_string()).unwrap();
        assert_eq!((read.claim_no, read.born), (3, Timestamp::from_millis(1000)));
        assert_eq!(read.id, EmailId::from_random([0; 16]));
        assert_eq!(read.accepted_at.to_string(), "2026-11-24T09:30:00.123Z");
    }

    #[test]
    fn what_cannot_be_tied_to_an_email_is_refused() {
        for name in [TAG_TENANT, TAG_ID, TAG_CLAIM, TAG_BORN] {
            let mut missing = event("Send", "send", json!({}));
            missing["mail"]["tags"].as_object_mut().unwrap().remove(name);
            let mut doubled = event("Send", "send", json!({}));
            doubled["mail"]["tags"][name] = json!(["1", "1"]);
            let mut wrong = event("Send", "send", json!({}));
            wrong["mail"]["tags"][name] = json!(["<script>"]);
            for bad in [missing, doubled, wrong] {
                assert!(
                    matches!(SesEvent::parse(&bad.to_string()), Err(SesEventError::Tag(tag)) if tag == name),
                    "{bad}"
                );
            }
        }
    }

    #[test]
    fn a_greeting_is_known_and_an_error_repeats_no_address() {
        assert!(matches!(SesEvent::parse(GREETING), Err(SesEventError::Greeting)));
        let mut changed = event("Bounce", "bounce", json!({}));
        changed["bounce"] = json!("ann@example.com");
        let error = SesEvent::parse(&changed.to_string()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("ann"), "{error}");
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in ["", "{}", "null", "[]", r#"{"eventType":"Send"}"#, "\u{0}"] {
            assert!(
                matches!(SesEvent::parse(body), Err(SesEventError::Malformed { .. })),
                "{body}"
            );
        }
        let other = event("Subscription", "subscription", json!({}));
        assert!(matches!(
            SesEvent::parse(&other.to_string()),
            Err(SesEventError::OtherType(_))
        ));
        let hollow = event("Delivery", "send", json!({}));
        assert!(matches!(
            SesEvent::parse(&hollow.to_string()),
            Err(SesEventError::Missing("delivery"))
        ));
    }
}
