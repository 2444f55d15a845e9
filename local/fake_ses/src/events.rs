//! The events that SES publishes for a message, in SES's own shapes.
//!
//! **Invariant:** pure: everything but ids derives from the message.
//!
//! Source: Amazon SES developer guide, "Examples of event data that Amazon SES publishes to
//! Amazon SNS" and "Using the mailbox simulator"; SES's own events for the simulator's
//! addresses, captured from 2013 (`ooto@`, with the address only) to 2022 and kept in the tests
//! of django-ses and others. Read 2026-11-24.

use serde_json::{Map, Value, json};

use crate::address;
use crate::mailbox::{Message, Pair};

/// Where simulated recipients live.
const SIMULATOR: &str = "simulator.amazonses.com";
/// SES leaves out headers above this size.
const MAX_HEADER_BYTES: usize = 10 * 1024;

/// The account that sends.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// Its region.
    pub region: &'a str,
    /// Its number.
    pub account_id: &'a str,
}

/// What becomes of a message at one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Bounced,
    Complained,
    Suppressed,
    OutOfOffice,
}

/// The events of a message in SES's order: `Send`, then each recipient's; none without a configuration set.
pub fn of(message: &Message, sender: &Sender<'_>) -> Vec<Value> {
    let Some(configuration_set) = &message.submission.configuration_set else {
        return Vec::new();
    };
    let mail = mail(message, sender, configuration_set);
    let mut events = vec![json!({"eventType": "Send", "mail": mail, "send": {}})];
    for (index, recipient) in message.submission.recipients().into_iter().enumerate() {
        let recipient = address::bare(recipient);
        let facts = Facts {
            message,
            recipient,
            feedback_id: format!("{}-{index}", message.id),
        };
        let shapes = match fate(recipient) {
            Fate::Delivered => vec![facts.delivery()],
            Fate::Bounced => vec![facts.bounce()],
            Fate::Complained => vec![facts.delivery(), facts.complaint()],
            Fate::Suppressed => vec![facts.suppressed()],
            Fate::OutOfOffice => vec![facts.delivery(), facts.out_of_office()],
        };
        events.extend(
            shapes
                .into_iter()
                .map(|(kind, key, body)| json!({"eventType": kind, "mail": mail, key: body})),
        );
    }
    events
}

fn fate(recipient: &str) -> Fate {
    let Some(parts) = address::split(recipient) else {
        return Fate::Delivered;
    };
    if !parts.domain.eq_ignore_ascii_case(SIMULATOR) {
        return Fate::Delivered;
    }
    let name = parts.local.split_once('+').map_or(parts.local, |(name, _label)| name);
    match name.to_ascii_lowercase().as_str() {
        "bounce" => Fate::Bounced,
        "complaint" => Fate::Complained,
        "suppressionlist" => Fate::Suppressed,
        "ooto" => Fate::OutOfOffice,
        _ => Fate::Delivered,
    }
}

struct Facts<'a> {
    message: &'a Message,
    recipient: &'a str,
    feedback_id: String,
}

type Shape = (&'static str, &'static str, Value);

impl Facts<'_> {
    fn delivery(&self) -> Shape {
        let body = json!({
            "timestamp": self.message.received_at,
            "processingTimeMillis": 1,
            "recipients": [self.recipient],
            "smtpResponse": "250 2.6.0 Message received",
            "remoteMtaIp": "127.0.0.1",
            "reportingMTA": "fake-ses.local",
        });
        ("Delivery", "delivery", body)
    }

    fn bounce(&self) -> Shape {
        self.bounced(
            "Permanent",
            "General",
            &json!({
                "emailAddress": self.recipient,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }),
        )
    }

    fn suppressed(&self) -> Shape {
        self.bounced("Permanent", "Suppressed", &json!({
            "emailAddress": self.recipient,
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "Amazon SES has suppressed sending to this address because it has a recent history of \
                bouncing as an invalid address.",
        }))
    }

    fn out_of_office(&self) -> Shape {
        self.bounced("Transient", "General", &json!({"emailAddress": self.recipient}))
    }

    fn bounced(&self, kind: &str, sub_kind: &str, recipient: &Value) -> Shape {
        let body = json!({
            "bounceType": kind,
            "bounceSubType": sub_kind,
            "bouncedRecipients": [recipient],
            "timestamp": self.message.received_at,
            "feedbackId": self.feedback_id,
            "reportingMTA": "dsn; fake-ses.local",
        });
        ("Bounce", "bounce", body)
    }

    fn complaint(&self) -> Shape {
        let body = json!({
            "complainedRecipients": [{"emailAddress": self.recipient}],
            "timestamp": self.message.received_at,
            "feedbackId": self.feedback_id,
            "complaintSubType": null,
            "userAgent": "Amazon SES Mailbox Simulator",
            "complaintFeedbackType": "abuse",
            "arrivalDate": self.message.received_at,
        });
        ("Complaint", "complaint", body)
    }
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
mod tests {
    use super::*;
    use crate::mailbox::Submission;

    const SENDER: Sender<'_> = Sender {
        region: "us-east-1",
        account_id: "000000000000",
    };

    fn message(to: &[&str]) -> Message {
        Message {
            id: "0100-x-000000".to_owned(),
            received_at: "2026-11-24T03:00:00.000Z".to_owned(),
            submission: Submission {
                from: "Ann <ann@example.com>".to_owned(),
                to: to.iter().map(|&to| to.to_owned()).collect(),
                cc: vec![],
                bcc: vec![],
                reply_to: vec![],
                subject: "Hi".to_owned(),
                text: None,
                html: None,
                headers: vec![pair("X-Email-Id", "7")],
                tags: vec![pair("mq_id", "7")],
                attachments: vec![],
                configuration_set: Some("set".to_owned()),
            },
        }
    }

    fn kinds(to: &[&str]) -> Vec<String> {
        of(&message(to), &SENDER)
            .iter()
            .map(|event| event["eventType"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_simulated_recipient_has_its_fate() {
        for (name, expected) in [
            ("success", &["Send", "Delivery"][..]),
            ("bounce", &["Send", "Bounce"]),
            ("complaint+label", &["Send", "Delivery", "Complaint"]),
            ("suppressionlist", &["Send", "Bounce"]),
            ("ooto", &["Send", "Delivery", "Bounce"]),
        ] {
            assert_eq!(kinds(&[&format!("{name}@simulator.amazonses.com")]), expected, "{name}");
        }
        assert_eq!(
            kinds(&["bounce@example.com", "Bob <b@example.com>"]),
            ["Send", "Delivery", "Delivery"]
        );
    }

    #[test]
    fn the_shapes_are_ses_own() {
        let events = of(
            &message(&["B <bounce+1@simulator.amazonses.com>", "c@example.com"]),
            &SENDER,
        );
        let mail = &events[0]["mail"];
        assert_eq!(events[0]["send"], json!({}));
        assert_eq!(mail["source"], "Ann <ann@example.com>");
        assert_eq!(
            mail["destination"],
            json!(["bounce+1@simulator.amazonses.com", "c@example.com"])
        );
        assert_eq!(mail["tags"]["mq_id"], json!(["7"]));
        assert_eq!(mail["tags"]["ses:configuration-set"], json!(["set"]));
        assert_eq!(mail["commonHeaders"]["subject"], "Hi");
        assert_eq!(mail["headersTruncated"], false);
        assert_eq!(mail["headers"][3], json!({"name": "X-Email-Id", "value": "7"}));
        let bounce = &events[1]["bounce"];
        assert_eq!(
            (bounce["bounceType"].as_str(), bounce["bounceSubType"].as_str()),
            (Some("Permanent"), Some("General"))
        );
        assert_eq!(
            bounce["bouncedRecipients"][0]["emailAddress"],
            "bounce+1@simulator.amazonses.com"
        );
        assert_eq!(bounce["bouncedRecipients"][0]["status"], "5.1.1");
        assert_eq!(events[2]["delivery"]["recipients"], json!(["c@example.com"]));
    }

    #[test]
    fn large_headers_are_truncated_and_no_set_means_no_events() {
        let mut big = message(&["a@example.com"]);
        big.submission.headers = vec![pair("X-Big", &"x".repeat(11_000))];
        assert_eq!(of(&big, &SENDER)[0]["mail"]["headersTruncated"], true);
        big.submission.configuration_set = None;
        assert!(of(&big, &SENDER).is_empty());
    }
}
