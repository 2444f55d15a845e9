//! The events that SES publishes after an acceptance.

use domain::delivery::ses_event::SesEvent;
use domain::id::EmailKey;
use domain::message::address::EmailAddress;
use domain::ports::ListReason;
use domain::timestamp::Timestamp;

use crate::fault_model::FaultModel;

impl FaultModel {
    /// Publishes the events after an acceptance, each at its time. Returns the addresses that are added to the
    /// account's list. SES sends nothing to addresses already on it.
    pub(super) fn publish(
        &mut self,
        key: &EmailKey,
        born: Timestamp,
        claim_no: u32,
        recipients: &[EmailAddress],
        stops: impl Fn(&EmailAddress) -> bool,
    ) -> Vec<(EmailAddress, ListReason)> {
        let accepted = self.now();
        let happens = |fault_model: &mut Self, share| fault_model.rng.u32(0..100) < share;
        let mut what = vec![("Send", "send", String::new(), accepted)];
        let mut listed = Vec::new();
        for recipient in recipients {
            let mut at = accepted.after(self.up_to(20_000));
            let whom = format!(r#"[{{"emailAddress":"{recipient}"}}]"#);
            let bounce = |kind: &str, sub_type: &str, status: &str| {
                let status = if status.is_empty() {
                    String::new()
                } else {
                    format!(r#","status":"{status}""#)
                };
                let whom = format!(r#"[{{"emailAddress":"{recipient}"{status}}}]"#);
                format!(r#","bounceType":"{kind}","bounceSubType":"{sub_type}","bouncedRecipients":{whom}"#)
            };
            let complaint = |kind: &str| format!(r#","complaintFeedbackType":"{kind}","complainedRecipients":{whom}"#);
            if stops(recipient) {
                let more = bounce("Permanent", "OnAccountSuppressionList", "5.1.1");
                what.push(("Bounce", "bounce", more, at));
                continue;
            }
            if happens(self, 10) {
                what.push((
                    "DeliveryDelay",
                    "deliveryDelay",
                    format!(r#","delayedRecipients":{whom}"#),
                    at,
                ));
                at = at.after(self.up_to(60_000));
            }
            if happens(self, 15) {
                let more = if happens(self, 70) {
                    listed.push((recipient.clone(), ListReason::Bounce));
                    bounce("Permanent", "General", "5.1.1")
                } else {
                    bounce("Transient", "MailboxFull", "4.2.2")
                };
                what.push(("Bounce", "bounce", more, at));
                continue;
            }
            what.push(("Delivery", "delivery", format!(r#","recipients":["{recipient}"]"#), at));
            let later = at.after(self.up_to(120_000));
            if happens(self, 10) {
                what.push(("Open", "open", String::new(), later));
            }
            if happens(self, 5) {
                what.push(("Click", "click", String::new(), later));
            }
            if happens(self, 5) {
                listed.push((recipient.clone(), ListReason::Complaint));
                what.push(("Complaint", "complaint", complaint("abuse"), later));
            }
            if happens(self, 5) {
                what.push(("Complaint", "complaint", complaint("not-spam"), later));
            }
            // A server that took it bounces it later, or sends an absence notice.
            if happens(self, 10) {
                let status = if happens(self, 50) { "4.2.2" } else { "" };
                what.push(("Bounce", "bounce", bounce("Transient", "General", status), later));
            }
        }
        let addresses: Vec<_> = recipients.iter().map(EmailAddress::as_str).collect();
        for (kind, part, more, at) in what {
            let body = format!(
                r#"{{"eventType":"{kind}","mail":{{"timestamp":"{accepted}","messageId":"ses-{id}-{claim_no}","destination":["{to}"],"tags":{{"mq_tenant":["{tenant}"],"mq_id":["{id}"],"mq_claim":["{claim_no}"],"mq_born":["{born}"]}}}},"{part}":{{"timestamp":"{at}"{more}}}}}"#,
                to = addresses.join(r#"",""#),
                tenant = key.tenant,
                id = key.id,
                born = born.as_millis(),
            );
            let lost = self.happens(self.odds.event_lost);
            if let (Ok(event), Some(mut observer)) = (SesEvent::parse(&body), self.observer.take()) {
                observer.on_event(&event, lost);
                self.observer = Some(observer);
            }
            if lost {
                self.count_fault("event lost");
                continue;
            }
            let copies = if self.happens(self.odds.event_doubled) {
                self.count_fault("event doubled");
                2
            } else {
                1
            };
            for _ in 0..copies {
                let takes = if self.happens(self.odds.event_late) {
                    self.count_fault("event late");
                    self.up_to(1_800_000)
                } else {
                    self.up_to(3_000)
                };
                let (arrives, number) = (at.after(takes).as_millis(), self.number());
                self.travelling.insert((arrives, number), body.clone());
            }
            self.notifiers.events.notify_one();
        }
        listed
    }
}
