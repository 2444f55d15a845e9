//! The events that SES publishes for a message, in SES's own shapes.
//!
//! **Invariant:** pure: everything except ids derives from the message.
//!
//! Source: Amazon SES developer guide, "Examples of event data that Amazon SES publishes to Amazon SNS" and "Using
//! the mailbox simulator"; SES's own events for the simulator's addresses, captured from 2013 (`ooto@`, with the
//! address only) to 2022 and kept in the tests of django-ses and others. Read 2026-11-24.

use serde_json::{Map, Value, json};

use crate::address;
use crate::mailbox::{Message, Pair};
use crate::outcome::{RecipientOutcome, Report};

/// The size above which SES omits headers.
const MAX_HEADER_BYTES: usize = 10 * 1024;

/// The account that sends.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The account's region.
    pub region: &'a str,
    /// The account's number.
    pub account_id: &'a str,
}

/// Returns the events of a message in SES's order: `Send`, then each recipient's. Without a configuration set there
/// are none.
///
/// A complaint's event names all possible complainants; every other event names one recipient.
pub fn of(message: &Message, outcomes: &[RecipientOutcome], sender: &Sender<'_>) -> Vec<Value> {
    let Some(configuration_set) = &message.submission.configuration_set else {
        return Vec::new();
    };
    let mail = mail(message, sender, configuration_set);
    let mut shapes: Vec<Shape> = vec![("Send", "send", json!({}))];
    for (index, outcome) in outcomes.iter().enumerate() {
        let facts = Facts {
            outcome,
            at: &message.received_at,
            feedback_id: format!("{}-{index}", message.id),
        };
        if outcome.delivered {
            shapes.push(facts.delivery());
        }
        shapes.extend(outcome.report.and_then(|report| facts.bounce(report)));
    }
    for report in [Report::Complaint, Report::NotSpam] {
        let who: Vec<_> = outcomes
            .iter()
            .filter(|outcome| outcome.report == Some(report))
            .collect();
        shapes.extend(complaint(&who, report, &message.received_at, &message.id));
    }
    with_mail(shapes, &mail)
}

/// Returns the events of a later report about an accepted message, as [`of`] does: one for each bounced recipient, or
/// one for all complainants. The number of the report makes its ids different from those of other reports.
pub fn of_report(
    message: &Message,
    outcomes: &[RecipientOutcome],
    sender: &Sender<'_>,
    at: &str,
    number: u64,
) -> Vec<Value> {
    let Some(configuration_set) = &message.submission.configuration_set else {
        return Vec::new();
    };
    let id = format!("{}-report-{number}", message.id);
    let bounces = outcomes.iter().enumerate().filter_map(|(index, outcome)| {
        let facts = Facts {
            outcome,
            at,
            feedback_id: format!("{id}-{index}"),
        };
        facts.bounce(outcome.report?)
    });
    let is_complaint = |outcome: &&RecipientOutcome| outcome.report == Some(Report::Complaint);
    let who: Vec<_> = outcomes.iter().filter(is_complaint).collect();
    let shapes = bounces.chain(complaint(&who, Report::Complaint, at, &id)).collect();
    with_mail(shapes, &mail(message, sender, configuration_set))
}

/// Returns the event of an opened message. SES does not tell which recipient opened it.
pub fn of_open(message: &Message, sender: &Sender<'_>, at: &str) -> Option<Value> {
    let configuration_set = message.submission.configuration_set.as_ref()?;
    let body = json!({"timestamp": at, "ipAddress": "127.0.0.1", "userAgent": "The inbox of the fake SES"});
    let shapes = vec![("Open", "open", body)];
    with_mail(shapes, &mail(message, sender, configuration_set)).pop()
}

fn with_mail(shapes: Vec<Shape>, mail: &Value) -> Vec<Value> {
    shapes
        .into_iter()
        .map(|(kind, key, body)| json!({"eventType": kind, "mail": mail, key: body}))
        .collect()
}

type Shape = (&'static str, &'static str, Value);

struct Facts<'a> {
    outcome: &'a RecipientOutcome,
    at: &'a str,
    feedback_id: String,
}

/// The form in which an event names a recipient.
fn in_event_form(outcome: &RecipientOutcome) -> String {
    let names = outcome.details.names.as_deref().unwrap_or("{}");
    names.replace("{}", &outcome.recipient)
}

impl Facts<'_> {
    fn delivery(&self) -> Shape {
        let body = json!({
            "timestamp": self.at,
            "processingTimeMillis": 1,
            "recipients": [self.outcome.recipient],
            "smtpResponse": "250 2.6.0 Message received",
            "remoteMtaIp": "127.0.0.1",
            "reportingMTA": "fake-ses.local",
        });
        ("Delivery", "delivery", body)
    }

    fn bounce(&self, report: Report) -> Option<Shape> {
        let (kind, sub_type, status, words) = match report {
            Report::Bounce => ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
            Report::SoftBounce => ("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 mailbox full"),
            Report::Absence => ("Transient", "General", "", ""),
            Report::OnGlobalList => ("Permanent", "Suppressed", "5.1.1", GLOBAL_LIST),
            Report::OnAccountList => ("Permanent", "OnAccountSuppressionList", "5.1.1", ACCOUNT_LIST),
            Report::Complaint | Report::NotSpam => return None,
        };
        let details = &self.outcome.details;
        let status = details.status.as_deref().unwrap_or(status);
        let words = details.words.as_deref().unwrap_or(words);
        let mut recipient = Map::new();
        recipient.insert("emailAddress".to_owned(), json!(in_event_form(self.outcome)));
        if !status.is_empty() {
            recipient.insert("action".to_owned(), json!("failed"));
            recipient.insert("status".to_owned(), json!(status));
        }
        if !words.is_empty() {
            recipient.insert("diagnosticCode".to_owned(), json!(words));
        }
        let recipients = if details.no_recipients == Some(true) {
            Vec::new()
        } else {
            vec![recipient]
        };
        let body = json!({
            "bounceType": details.bounce_type.as_deref().unwrap_or(kind),
            "bounceSubType": details.sub_type.as_deref().unwrap_or(sub_type),
            "bouncedRecipients": recipients,
            "timestamp": self.at,
            "feedbackId": self.feedback_id,
            "reportingMTA": "dsn; fake-ses.local",
        });
        Some(("Bounce", "bounce", body))
    }
}

/// SES's sentence about an address on its global list.
const GLOBAL_LIST: &str = "Amazon SES has suppressed sending to this address because it has a recent history of \
    bouncing as an invalid address.";

/// SES's sentence about an address on the account's list.
const ACCOUNT_LIST: &str = "Amazon SES did not send the message to this address because it is on the suppression \
    list for your account.";

fn complaint(who: &[&RecipientOutcome], report: Report, at: &str, id: &str) -> Option<Shape> {
    let details = &who.first()?.details;
    let default = if report == Report::NotSpam { "not-spam" } else { "abuse" };
    let recipients: Vec<_> = who
        .iter()
        .map(|outcome| json!({"emailAddress": in_event_form(outcome)}))
        .collect();
    let body = json!({
        "complainedRecipients": recipients,
        "timestamp": at,
        "feedbackId": format!("{id}-complaint"),
        "complaintSubType": null,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": details.feedback_type.as_deref().unwrap_or(default),
        "arrivalDate": at,
    });
    Some(("Complaint", "complaint", body))
}

fn mail(message: &Message, sender: &Sender<'_>, configuration_set: &str) -> Value {
    let submission = &message.submission;
    let domain = address::split(&submission.from).map_or("", |from| from.domain);
    let destination: Vec<&str> = submission.recipients().into_iter().map(address::bare).collect();

    let mut all = vec![pair("From", &submission.from), pair("To", &submission.to.join(", "))];
    if !submission.cc.is_empty() {
        all.push(pair("Cc", &submission.cc.join(", ")));
    }
    if !submission.reply_to.is_empty() {
        all.push(pair("Reply-To", &submission.reply_to.join(", ")));
    }
    all.push(pair("Subject", &submission.subject));
    for header in &submission.headers {
        if !all.iter().any(|known| known.name.eq_ignore_ascii_case(&header.name)) {
            all.push(header.clone());
        }
    }
    let mut left = MAX_HEADER_BYTES;
    let total = all.len();
    let headers: Vec<Pair> = all
        .into_iter()
        .take_while(|header| {
            let fits = left.checked_sub(header.name.len() + header.value.len());
            left = fits.unwrap_or(0);
            fits.is_some()
        })
        .collect();

    let mut common = Map::new();
    common.insert("from".to_owned(), json!([submission.from]));
    common.insert("to".to_owned(), json!(submission.to));
    if !submission.cc.is_empty() {
        common.insert("cc".to_owned(), json!(submission.cc));
    }
    if !submission.reply_to.is_empty() {
        common.insert("replyTo".to_owned(), json!(submission.reply_to));
    }
    common.insert("messageId".to_owned(), json!(message.id));
    common.insert("subject".to_owned(), json!(submission.subject));

    let mut tags = Map::new();
    for (name, value) in [
        ("ses:operation", "SendEmail"),
        ("ses:configuration-set", configuration_set),
        ("ses:source-ip", "127.0.0.1"),
        ("ses:from-domain", domain),
        ("ses:caller-identity", "fake-ses"),
    ] {
        tags.insert(name.to_owned(), json!([value]));
    }
    for tag in &submission.tags {
        if let Some(values) = tags.entry(tag.name.clone()).or_insert_with(|| json!([])).as_array_mut() {
            values.push(json!(tag.value));
        }
    }

    json!({
        "timestamp": message.received_at,
        "source": submission.from,
        "sourceArn": format!("arn:aws:ses:{}:{}:identity/{domain}", sender.region, sender.account_id),
        "sendingAccountId": sender.account_id,
        "messageId": message.id,
        "destination": destination,
        "headersTruncated": headers.len() < total,
        "headers": headers,
        "commonHeaders": common,
        "tags": tags,
    })
}

fn pair(name: &str, value: &str) -> Pair {
    Pair {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
