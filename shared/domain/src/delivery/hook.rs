//! The part of a record that it has only if its tenant had a webhook when the email was accepted.
//!
//! **Role:** written by `enqueue`, or by a recovery of events; kept up to date by [`crate::lifecycle`].
//! **Invariant:** `turn` never falls, and `past` keeps what a later command overwrites. So the record alone gives every
//! event of its life again ([`crate::delivery::life`]).
//! A record without this part costs nothing more than before.

use crate::delivery::life_fact::LifeFact;
pub use crate::delivery::recipient::RecipientKey;
use crate::limits;
use crate::timestamp::Timestamp;

/// The last reschedule of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reschedule {
    /// The turn that it began.
    pub turn: u32,
    /// Time of the command.
    pub at: Timestamp,
}

/// The recipients that a claim left out, because they are suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeftOut {
    /// The claim.
    pub claim_no: u32,
    /// The recipients, sorted.
    pub recipients: Vec<RecipientKey>,
}

/// The facts that webhooks need of an email's life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hook {
    /// The distinct recipients in `to`, `cc` and `bcc`, in this order.
    pub recipients: Vec<RecipientKey>,
    /// The idempotency key of the request.
    pub idempotency_key: Option<String>,
    /// Number of reschedules, retries and restores.
    pub turn: u32,
    /// The last reschedule; `None` for the time of the request.
    pub schedule: Option<Reschedule>,
    /// Facts that a later command has overwritten, oldest first.
    pub past: Vec<LifeFact>,
    /// Recipients that claims left out, oldest claim first. A delivery status cannot tell it: an event about an earlier
    /// claim replaces the status.
    pub left_out: Vec<LeftOut>,
}

impl Hook {
    /// The part of a new record.
    #[must_use]
    pub fn new<'a>(recipients: impl IntoIterator<Item = &'a str>, idempotency_key: Option<String>) -> Self {
        let mut distinct = Vec::new();
        for key in recipients.into_iter().map(RecipientKey::of) {
            if !distinct.contains(&key) {
                distinct.push(key);
            }
        }
        Self {
            recipients: distinct,
            idempotency_key,
            turn: 0,
            schedule: None,
            past: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Keeps the recipients that a claim leaves out. It is written before the claim's submission, so that an acceptance
    /// finds it. Above the maximum, the oldest claim is dropped.
    pub fn leave_out(&mut self, claim_no: u32, recipients: impl IntoIterator<Item = RecipientKey>) {
        let mut recipients: Vec<_> = recipients.into_iter().collect();
        recipients.sort_unstable();
        recipients.dedup();
        self.left_out.retain(|known| known.claim_no != claim_no);
        if !recipients.is_empty() {
            self.left_out.push(LeftOut { claim_no, recipients });
        }
        let over = self.left_out.len().saturating_sub(limits::LEFT_OUT_MAX);
        self.left_out.drain(..over);
    }

    /// True if a claim left out a recipient.
    #[must_use]
    pub fn leaves_out(&self, claim_no: u32, recipient: RecipientKey) -> bool {
        let of_claim = self.left_out.iter().filter(|known| known.claim_no == claim_no);
        of_claim
            .flat_map(|known| &known.recipients)
            .any(|known| *known == recipient)
    }

    /// Begins a turn: a caller's command makes the email wait again, or for another time.
    pub(crate) fn begin_turn(&mut self) {
        self.turn = self.turn.saturating_add(1);
    }

    /// Begins a turn with a new time.
    pub(crate) fn reschedule(&mut self, at: Timestamp) {
        self.begin_turn();
        self.schedule = Some(Reschedule { turn: self.turn, at });
    }

    /// Keeps a fact. Above the maximum, the oldest one is dropped.
    pub(crate) fn keep(&mut self, fact: LifeFact) {
        self.past.push(fact);
        let over = self.past.len().saturating_sub(limits::PAST_MAX);
        self.past.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_is_named_once_in_the_given_order() {
        let hook = Hook::new(["b@x.example", "a@x.example", "B@x.example"], None);
        let expected = ["b@x.example", "a@x.example"].map(RecipientKey::of);
        assert_eq!(hook.recipients, expected);
    }

    #[test]
    fn each_claim_has_its_own_left_out_recipients() {
        let [ann, bob] = ["ann@x.example", "bob@x.example"].map(RecipientKey::of);
        let mut hook = Hook::new(["ann@x.example", "bob@x.example"], None);
        hook.leave_out(1, []);
        assert_eq!(hook.left_out, [], "the usual claim writes nothing");
        hook.leave_out(1, [ann]);
        hook.leave_out(2, [bob, ann]);
        let before = hook.clone();
        hook.leave_out(2, [ann, bob, ann]);
        assert_eq!(hook, before, "the same claim again");
        let of = |claim_no| [ann, bob].map(|key| hook.leaves_out(claim_no, key));
        assert_eq!([1, 2, 3].map(of), [[true, false], [true, true], [false, false]]);
        let mut many = before;
        (3..40).for_each(|claim_no| many.leave_out(claim_no, [ann]));
        assert_eq!(many.left_out.len(), limits::LEFT_OUT_MAX);
        assert!(many.leaves_out(39, ann), "the newest are kept");
    }
}
