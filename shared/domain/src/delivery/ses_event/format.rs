//! The JSON of an event, and its meaning.
//!
//! **Long, because** one file shows the whole format.
//!
//! Source: Amazon SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS", read
//! 2026-11-24.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::event::{
    Agent, BounceType, GREETING, SesDetails, SesEvent, SesEventError, SesEventKind, TAG_BORN, TAG_CLAIM, TAG_ID,
    TAG_TENANT,
};
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::Fact;
use crate::delivery::record::{recipient_key, without_quotes};
use crate::id::{EmailId, TenantId};
use crate::message::address::EmailAddress;
use crate::message::mailbox::Mailbox;
use crate::message::test_address::{self, is_simulated};
use crate::timestamp::Timestamp;

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
    open: Option<Opening>,
    click: Option<Opening>,
    reject: Option<Reject>,
    failure: Option<Failure>,
}

impl SesEvent {
    /// Reads a message of the feedback queue.
    ///
    /// # Errors
    /// [`SesEventError`] if it is not an event about an email of this queue; a retry does not help.
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
        let (at, kind) = event.time_and_kind(accepted_at)?;
        let suspected = event.complaint.as_ref().is_some_and(|complaint| {
            let named = complaint.recipients.iter();
            named
                .map(|named| mail.key(&named.email_address))
                .collect::<BTreeSet<_>>()
                .len()
                > 1
        });
        Ok(Self {
            tenant: mail.tag(TAG_TENANT, TenantId::parse)?,
            id: mail.tag(TAG_ID, EmailId::parse)?,
            claim_no: mail.tag(TAG_CLAIM, |text| text.parse().ok())?,
            born: mail.tag(TAG_BORN, |text| text.parse().ok().map(Timestamp::from_millis))?,
            message_id: mail.message_id.clone(),
            accepted_at,
            at,
            suppresses: event.matching_recipients(&kind, |delivery_status| {
                matches!(delivery_status, DeliveryStatus::Bounced | DeliveryStatus::Complained)
            }),
            suspected,
            on_account_list: event.matching_recipients(&kind, |delivery_status| {
                delivery_status == DeliveryStatus::OnAccountList
            }),
            diagnostics: event.diagnostics(),
            details: event.details(),
            kind,
        })
    }
}

impl Event {
    /// The recipients of a bounce or a complaint with a matching delivery status. Two kinds are left out: invalid
    /// addresses, to which nobody can send, and simulated ones, which no suppression list takes.
    fn matching_recipients(&self, kind: &SesEventKind, wanted: impl Fn(DeliveryStatus) -> bool) -> Vec<EmailAddress> {
        let SesEventKind::DeliveryStatuses(delivery_statuses) = kind else {
            return Vec::new();
        };
        let bounced = self.bounce.iter().flat_map(|bounce| &bounce.recipients);
        let complained = self.complaint.iter().flat_map(|complaint| &complaint.recipients);
        let mut found: Vec<EmailAddress> = Vec::new();
        for named in bounced.chain(complained) {
            let meant = self.mail.meant(&named.email_address);
            let is_wanted = delivery_statuses
                .get(&recipient_key(&meant))
                .is_some_and(|delivery_status| wanted(*delivery_status));
            let address = address(&meant);
            found.extend(address.filter(|address| is_wanted && !is_simulated(address) && !found.contains(address)));
        }
        found
    }

    /// The message about each recipient. Recipients without a message of their own get SES's message about all.
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
                Some(complaint) => (
                    &complaint.recipients,
                    if complaint.sub_type.is_some() {
                        &complaint.sub_type
                    } else {
                        &complaint.feedback_type
                    },
                ),
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
                let said = |address: &String| Some((self.mail.key(address), words?.clone()));
                return addresses.unwrap_or_default().iter().filter_map(said).collect();
            }
        };
        let mut words = BTreeMap::new();
        for recipient in recipients {
            if let Some(said) = recipient.diagnostic_code.as_ref().or(whole.as_ref()) {
                words
                    .entry(self.mail.key(&recipient.email_address))
                    .or_insert_with(|| said.clone());
            }
        }
        words
    }

    fn details(&self) -> SesDetails {
        let bounce = self.bounce.as_ref().map(|bounce| BounceType {
            bounce_type: bounce.bounce_type.clone(),
            sub_type: bounce.bounce_sub_type.clone().unwrap_or_default(),
        });
        let opening = self.click.as_ref().or(self.open.as_ref());
        SesDetails {
            bounce,
            complaint: self
                .complaint
                .as_ref()
                .and_then(|complaint| complaint.feedback_type.clone()),
            agent: opening.map(Opening::agent).unwrap_or_default(),
            link: self
                .click
                .as_ref()
                .and_then(|click| click.link.as_str().map(str::to_owned)),
        }
    }

    fn time_and_kind(&self, accepted_at: Timestamp) -> Result<(Timestamp, SesEventKind), SesEventError> {
        let mail = &self.mail;
        match self.event_type.as_str() {
            "Send" => Ok((accepted_at, SesEventKind::Accepted)),
            "Reject" | "Rendering Failure" => Ok((
                accepted_at,
                mail.delivery_statuses(mail.destination.iter().map(|to| (to, DeliveryStatus::Rejected))),
            )),
            "Delivery" => {
                let delivery = self.delivery.as_ref().ok_or(SesEventError::Missing("delivery"))?;
                Ok((
                    time(&delivery.timestamp, "delivery.timestamp")?,
                    mail.delivery_statuses(delivery.recipients.iter().map(|to| (to, DeliveryStatus::Delivered))),
                ))
            }
            "Bounce" => {
                let bounce = self.bounce.as_ref().ok_or(SesEventError::Missing("bounce"))?;
                let delivery_statuses = bounce
                    .recipients
                    .iter()
                    .map(|to| (&to.email_address, bounce.delivery_status(to)));
                Ok((
                    time(&bounce.timestamp, "bounce.timestamp")?,
                    mail.delivery_statuses(delivery_statuses),
                ))
            }
            "Complaint" => {
                let complaint = self.complaint.as_ref().ok_or(SesEventError::Missing("complaint"))?;
                let at = time(&complaint.timestamp, "complaint.timestamp")?;
                let named = complaint.recipients.iter().map(|to| &to.email_address);
                if let Some(fact) = complaint.report() {
                    let recipients = named.map(|to| mail.key(to)).collect();
                    return Ok((at, SesEventKind::Reported { recipients, fact }));
                }
                // SES did not send it, so no recipient complained.
                let listed = complaint.sub_type.as_deref() == Some(ON_ACCOUNT_LIST);
                let delivery_status = if listed {
                    DeliveryStatus::OnAccountList
                } else {
                    DeliveryStatus::Complained
                };
                Ok((at, mail.delivery_statuses(named.map(|to| (to, delivery_status)))))
            }
            "DeliveryDelay" => {
                let delay = self.delay.as_ref().ok_or(SesEventError::Missing("deliveryDelay"))?;
                let delayed = delay
                    .recipients
                    .iter()
                    .map(|to| (&to.email_address, DeliveryStatus::DeliveryDelayed));
                Ok((
                    time(&delay.timestamp, "deliveryDelay.timestamp")?,
                    mail.delivery_statuses(delayed),
                ))
            }
            "Open" => {
                let open = self.open.as_ref().ok_or(SesEventError::Missing("open"))?;
                Ok((time(&open.timestamp, "open.timestamp")?, SesEventKind::Opened))
            }
            "Click" => {
                let click = self.click.as_ref().ok_or(SesEventError::Missing("click"))?;
                Ok((time(&click.timestamp, "click.timestamp")?, SesEventKind::Clicked))
            }
            other => Err(SesEventError::OtherType(other.to_owned())),
        }
    }
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

impl Mail {
    /// The recipient to which an address in an event refers. Behind a forwarder a bounce names an address to which we
    /// never sent. If the email has one recipient, the address refers to that one.
    /// An address of the simulator that stands for a test address refers to that one.
    fn meant<'a>(&'a self, named: &'a str) -> Cow<'a, str> {
        let recipient = self.recipient(named);
        test_address::given(recipient).map_or(Cow::Borrowed(recipient), Cow::Owned)
    }

    fn recipient<'a>(&'a self, named: &'a str) -> &'a str {
        let named = bare(named);
        let plain = without_quotes(named);
        let mut destination = self.destination.iter().map(|to| bare(to));
        match (
            destination.find(|to| without_quotes(to) == plain),
            self.destination.as_slice(),
        ) {
            (Some(known), _) => known,
            (None, [only]) => bare(only),
            (None, _) => named,
        }
    }

    fn key(&self, named: &str) -> String {
        recipient_key(&self.meant(named))
    }

    /// The delivery statuses; of two for one recipient, the worse one.
    fn delivery_statuses<'a>(&self, said: impl Iterator<Item = (&'a String, DeliveryStatus)>) -> SesEventKind {
        let mut delivery_statuses = BTreeMap::new();
        for (named, delivery_status) in said {
            let key = self.key(named);
            let raised = DeliveryStatus::worse_of(delivery_statuses.get(&key).copied(), delivery_status);
            delivery_statuses.insert(key, raised);
        }
        SesEventKind::DeliveryStatuses(delivery_statuses)
    }

    fn tag<T>(&self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, SesEventError> {
        match self.tags.get(name).map(Vec::as_slice) {
            Some([value]) => read(value).ok_or(SesEventError::Tag(name)),
            Some(_) | None => Err(SesEventError::Tag(name)),
        }
    }
}

#[derive(Deserialize)]
struct Recipient {
    #[serde(rename = "emailAddress")]
    email_address: String,
    status: Option<String>,
    #[serde(rename = "diagnosticCode")]
    diagnostic_code: Option<String>,
}

impl Recipient {
    /// The status without a following comment, such as `5.1.1 (bad destination mailbox)`.
    fn status(&self) -> Option<&str> {
        self.status.as_deref()?.split_whitespace().next()
    }

    fn has_no_diagnostic(&self) -> bool {
        let words = self.diagnostic_code.as_deref().unwrap_or_default();
        self.status().is_none() && words.trim().is_empty()
    }
}

/// Statuses of an address that does not exist, even in a bounce that SES calls transient.
///
/// Source: RFC 3463, "X.1.1 Bad destination mailbox address", "X.1.3 Bad destination mailbox address syntax", "X.1.6
/// Destination mailbox has moved"; RFC 7505, "5.1.10 Recipient address has null MX".
const NO_SUCH_ADDRESS: [&str; 4] = ["5.1.1", "5.1.3", "5.1.6", "5.1.10"];

#[derive(Deserialize)]
struct Bounce {
    timestamp: String,
    #[serde(rename = "bounceType")]
    bounce_type: String,
    #[serde(rename = "bounceSubType")]
    bounce_sub_type: Option<String>,
    #[serde(rename = "bouncedRecipients", default)]
    recipients: Vec<Recipient>,
}

impl Bounce {
    /// The delivery status of one of its recipients.
    ///
    /// An absence notice comes as a bounce without a status and without a server's message. A subtype such as
    /// `MailboxFull` shows that it is a real bounce.
    fn delivery_status(&self, recipient: &Recipient) -> DeliveryStatus {
        let sub_type = self.bounce_sub_type.as_deref().unwrap_or_default();
        if sub_type == ON_ACCOUNT_LIST {
            return DeliveryStatus::OnAccountList;
        }
        if sub_type == "Suppressed" || sub_type.ends_with("SuppressionList") {
            return DeliveryStatus::OnGlobalList;
        }
        let no_such_address = recipient
            .status()
            .is_some_and(|status| NO_SUCH_ADDRESS.contains(&status));
        if self.bounce_type == "Permanent" || no_such_address {
            return DeliveryStatus::Bounced;
        }
        let general = matches!(sub_type, "" | "General" | "Undetermined");
        if general && recipient.has_no_diagnostic() {
            DeliveryStatus::Absence
        } else {
            DeliveryStatus::SoftBounced
        }
    }
}

/// The subtype of a bounce or a complaint about an address on the account's suppression list.
///
/// Source: Amazon SES API v2, `Bounce` and `Complaint`, read 2026-11-28.
const ON_ACCOUNT_LIST: &str = "OnAccountSuppressionList";

#[derive(Deserialize)]
struct Complaint {
    timestamp: String,
    #[serde(rename = "complaintFeedbackType")]
    feedback_type: Option<String>,
    #[serde(rename = "complaintSubType")]
    sub_type: Option<String>,
    #[serde(rename = "complainedRecipients")]
    recipients: Vec<Recipient>,
}

impl Complaint {
    /// The fact behind a report that is called a complaint and is none.
    fn report(&self) -> Option<Fact> {
        match self.feedback_type.as_deref() {
            Some("not-spam") => Some(Fact::NotSpam),
            Some("auth-failure") => Some(Fact::AuthFailure),
            Some(_) | None => None,
        }
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

/// An opening or a click. No decision reads the client and the link, so that no value of them makes an event unreadable.
#[derive(Deserialize)]
struct Opening {
    timestamp: String,
    #[serde(rename = "ipAddress", default)]
    ip_address: Value,
    #[serde(rename = "userAgent", default)]
    user_agent: Value,
    #[serde(default)]
    link: Value,
}

impl Opening {
    fn agent(&self) -> Agent {
        Agent {
            ip_address: self.ip_address.as_str().unwrap_or_default().to_owned(),
            user_agent: self.user_agent.as_str().unwrap_or_default().to_owned(),
        }
    }
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

fn time(text: &str, what: &'static str) -> Result<Timestamp, SesEventError> {
    Timestamp::parse_rfc3339(text).ok_or(SesEventError::Missing(what))
}

/// The address of a recipient; its local part may have lost its quotes.
fn address(named: &str) -> Option<EmailAddress> {
    if let Ok(mailbox) = Mailbox::parse(named) {
        return Some(mailbox.address().clone());
    }
    let (local, domain) = named.rsplit_once('@')?;
    // A text with half a bracket is no address, even if quotes could make one of it.
    let is_cut = local.contains(['<', '>']);
    EmailAddress::of(local, domain).ok().filter(|_| !is_cut)
}

/// The address of `Name <address>`, or the whole text. A quoted local part may contain `<`, but never `<"`.
fn bare(text: &str) -> &str {
    let inner = text.trim().strip_suffix('>').and_then(|inner| {
        let is_quoted = inner.rsplit_once('@').is_some_and(|(local, _)| local.ends_with('"'));
        let open = if is_quoted {
            inner.rfind("<\"")
        } else {
            inner.rfind('<')
        };
        inner.get(open? + 1..)
    });
    inner.unwrap_or(text).trim()
}

#[cfg(test)]
#[path = "format_suppression_tests.rs"]
mod suppression_tests;
#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
