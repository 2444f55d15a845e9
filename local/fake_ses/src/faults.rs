//! Faults on demand.
//!
//! **Role:** a test sets a plan; every `SendEmail` consults it once.
//! **Invariant:** no I/O, no clock; randomness only from the given [`Dice`].
//! **Start reading at** [`FaultPlan::choose`].

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FaultKind {
    /// "Maximum sending rate exceeded."
    Throttle,
    /// "Daily message quota exceeded."
    Quota,
    /// Sending is paused for the account.
    Pause,
    /// The message is rejected.
    Reject,
    /// Not accepted, and no answer comes.
    Timeout,
    /// Not accepted; the connection is closed without an answer.
    DropBefore,
    /// Accepted; the connection is closed without an answer.
    DropAfter,
    /// Handled late; other faults still apply.
    Delay,
    /// Accepted, then a permanent bounce.
    Bounce,
    /// Accepted and delivered, then a permanent bounce.
    LateBounce,
    /// Accepted, then a transient bounce with a diagnostic of the recipient's server.
    SoftBounce,
    /// Accepted and delivered, then an absence notice, which SES calls a transient bounce.
    Absence,
    /// Accepted and delivered, then a complaint.
    Complaint,
    /// Accepted and delivered, then a report that the message is not spam.
    NotSpam,
}

impl FaultKind {
    /// The name in plans and counters.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Tells whether SES accepts the message and reports this outcome by an event.
    pub fn is_event(self) -> bool {
        match self {
            Self::Bounce | Self::LateBounce | Self::SoftBounce | Self::Absence | Self::Complaint | Self::NotSpam => {
                true
            }
            Self::Throttle
            | Self::Quota
            | Self::Pause
            | Self::Reject
            | Self::Timeout
            | Self::DropBefore
            | Self::DropAfter
            | Self::Delay => false,
        }
    }
}

/// The details of an event; each has a default that depends on the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// The bounce's type, such as `Undetermined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounce_type: Option<String>,
    /// The bounce's subtype, such as `MailboxFull`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<String>,
    /// The recipient's status, such as `5.1.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The diagnostic code of the recipient's server; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Whether the bounce names no recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_recipients: Option<bool>,
    /// The type of a complaint's feedback, such as `auth-failure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback_type: Option<String>,
    /// The form in which the event names the recipient; `{}` stands for the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// Whether a delivery event comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_delivery: Option<bool>,
}

impl Details {
    fn are_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An event that a fault requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedEvent {
    /// The kind of event.
    pub kind: FaultKind,
    /// A part of the address; the event applies only to recipients that contain it.
    pub to: Option<String>,
    /// The details of the event.
    pub details: Details,
}

impl RequestedEvent {
    /// Tells whether the event applies to this recipient.
    pub fn is_about(&self, recipient: &str) -> bool {
        self.to.as_ref().is_none_or(|part| recipient.contains(part.as_str()))
    }
}

/// One fault of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// The probability, from 0 to 1.
    #[serde(default = "always")]
    pub share: f64,
    /// The remaining number of times; absent: no limit.
    #[serde(default)]
    pub count: Option<u64>,
    /// The delay before the request is handled; for `timeout`, the delay before the connection closes.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// A part of an address; the fault applies only to messages with a recipient that contains it.
    #[serde(default)]
    pub to: Option<String>,
    /// The details of an event.
    #[serde(default, skip_serializing_if = "Details::are_default")]
    pub event: Details,
}

fn always() -> f64 {
    1.0
}

/// The active faults, in the order in which they are checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The faults.
    pub faults: Vec<Fault>,
}

/// The effect of the plan on one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The faults that happened, for the counters.
    pub struck: Vec<FaultKind>,
    /// The delay before the request is handled, in milliseconds.
    pub delay_ms: u64,
    /// The effect other than a delay.
    pub effect: Option<FaultKind>,
    /// The time for which a `timeout` holds the connection, in milliseconds, if the plan sets it.
    pub hold_ms: Option<u64>,
    /// The events that follow if the message is accepted.
    pub requested_events: Vec<RequestedEvent>,
}

impl FaultPlan {
    /// Checks a plan.
    ///
    /// # Errors
    /// One sentence that describes the fault in the plan.
    pub fn check(&self) -> Result<(), String> {
        for (index, fault) in self.faults.iter().enumerate() {
            if !(0.0..=1.0).contains(&fault.share) {
                return Err(format!("faults[{index}].share must be from 0 to 1."));
            }
            if fault.kind == FaultKind::Delay && fault.delay_ms.is_none() {
                return Err(format!("faults[{index}].delay_ms is required for a delay."));
            }
            if !fault.kind.is_event() && !fault.event.are_default() {
                return Err(format!("faults[{index}].event is allowed only for an event fault."));
            }
        }
        Ok(())
    }

    /// Decides the effect on a message to `recipients`, and lowers the counts of the faults that happen.
    ///
    /// Delays add up. Of all other faults, the first that happens decides.
    pub fn choose(&mut self, recipients: &[&str], dice: &mut Dice) -> Chosen {
        let mut chosen = Chosen::default();
        for fault in &mut self.faults {
            let meant = fault
                .to
                .as_ref()
                .is_none_or(|part| recipients.iter().any(|to| to.contains(part.as_str())));
            let left = fault.count.is_none_or(|count| count > 0);
            let free = fault.kind == FaultKind::Delay || fault.kind.is_event() || chosen.effect.is_none();
            if !(meant && left && free && dice.roll() < fault.share) {
                continue;
            }
            fault.count = fault.count.map(|count| count.saturating_sub(1));
            chosen.struck.push(fault.kind);
            if fault.kind.is_event() {
                chosen.requested_events.push(RequestedEvent {
                    kind: fault.kind,
                    to: fault.to.clone(),
                    details: fault.event.clone(),
                });
                continue;
            }
            match fault.kind {
                FaultKind::Delay => {}
                FaultKind::Timeout => chosen.hold_ms = fault.delay_ms,
                FaultKind::Throttle
                | FaultKind::Quota
                | FaultKind::Pause
                | FaultKind::Reject
                | FaultKind::DropBefore
                | FaultKind::DropAfter
                | FaultKind::Bounce
                | FaultKind::LateBounce
                | FaultKind::SoftBounce
                | FaultKind::Absence
                | FaultKind::Complaint
                | FaultKind::NotSpam => {}
            }
            if fault.kind != FaultKind::Timeout {
                chosen.delay_ms = chosen.delay_ms.saturating_add(fault.delay_ms.unwrap_or(0));
            }
            if fault.kind != FaultKind::Delay {
                chosen.effect = Some(fault.kind);
            }
        }
        chosen
    }
}

/// Repeatable randomness: `SplitMix64`, which passes the usual statistical tests in six lines.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Creates dice from a seed; the same seed gives the same rolls.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number from 0 to 1, without 1.
    pub fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // The upper half always fits into `u32`.
        f64::from(u32::try_from(mixed >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: &str) -> FaultPlan {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_document_lists_every_kind() {
        let document = include_str!("../../../docs/FAULTS.md");
        let section = document.split("\n## ").find(|part| part.starts_with("SES\n"));
        let rows = section
            .unwrap()
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let listed: Vec<_> = rows.take_while(|row| *row != "share").collect();
        assert_eq!(listed, FaultKind::VARIANTS);
    }

    #[test]
    fn a_share_is_a_probability_that_a_seed_repeats() {
        let strikes = |seed| {
            let mut plan = plan(r#"{"faults": [{"kind": "throttle", "share": 0.25}]}"#);
            let mut dice = Dice::from_seed(seed);
            (0..4000)
                .filter(|_| plan.choose(&["a@example.com"], &mut dice).effect.is_some())
                .count()
        };
        assert_eq!(strikes(7), strikes(7));
        assert!((900..1100).contains(&strikes(7)), "{}", strikes(7));
    }

    #[test]
    fn a_fault_share_of_0_never_and_1_always_fires() {
        let mut dice = Dice::from_seed(1);
        let mut never = plan(r#"{"faults": [{"kind": "reject", "share": 0}]}"#);
        let mut always = plan(r#"{"faults": [{"kind": "reject"}]}"#);
        for _ in 0..1000 {
            assert_eq!(never.choose(&["a@b"], &mut dice).effect, None);
            assert_eq!(always.choose(&["a@b"], &mut dice).effect, Some(FaultKind::Reject));
        }
    }

    #[test]
    fn a_fault_obeys_its_count_and_its_recipient() {
        let mut plan = plan(r#"{"faults": [{"kind": "drop_after", "count": 2, "to": "victim"}]}"#);
        let mut dice = Dice::from_seed(1);
        assert_eq!(plan.choose(&["other@example.com"], &mut dice), Chosen::default());
        let struck: Vec<bool> = (0..3)
            .map(|_| plan.choose(&["a@b", "victim@example.com"], &mut dice).effect.is_some())
            .collect();
        assert_eq!(struck, [true, true, false]);
        assert_eq!(plan.faults[0].count, Some(0));
    }

    #[test]
    fn delays_add_up_and_the_first_other_fault_decides() {
        let mut plan = plan(
            r#"{"faults": [{"kind": "delay", "delay_ms": 5}, {"kind": "quota", "delay_ms": 7},
                {"kind": "pause"}, {"kind": "delay", "delay_ms": 1}]}"#,
        );
        let chosen = plan.choose(&["a@b"], &mut Dice::from_seed(1));
        assert_eq!((chosen.delay_ms, chosen.effect), (13, Some(FaultKind::Quota)));
        assert_eq!(chosen.struck, [FaultKind::Delay, FaultKind::Quota, FaultKind::Delay]);
    }

    #[test]
    fn an_event_follows_any_other_fault() {
        let mut plan = plan(
            r#"{"faults": [{"kind": "drop_after"}, {"kind": "bounce", "to": "ann", "event": {"status": "5.7.1"}},
                {"kind": "complaint", "to": "bob"}]}"#,
        );
        let chosen = plan.choose(&["ann@example.com"], &mut Dice::from_seed(1));
        assert_eq!(chosen.effect, Some(FaultKind::DropAfter));
        let [event] = chosen.requested_events.as_slice() else {
            panic!("{chosen:?}");
        };
        assert_eq!(event.details.status.as_deref(), Some("5.7.1"));
        assert!(event.is_about("ann@example.com") && !event.is_about("bob@example.com"));
    }

    #[test]
    fn an_unknown_kind_is_refused_with_all_kinds() {
        let error = serde_json::from_str::<FaultPlan>(r#"{"faults": [{"kind": "flood"}]}"#).unwrap_err();
        for kind in [
            "drop_after",
            "bounce",
            "late_bounce",
            "soft_bounce",
            "absence",
            "complaint",
            "not_spam",
        ] {
            assert!(error.to_string().contains(&format!("`{kind}`")), "{error}");
        }
    }

    #[test]
    fn bad_values_are_refused() {
        assert!(
            plan(r#"{"faults": [{"kind": "throttle", "event": {"status": "5.1.1"}}]}"#)
                .check()
                .is_err()
        );
        assert!(
            plan(r#"{"faults": [{"kind": "throttle", "share": 1.5}]}"#)
                .check()
                .is_err()
        );
        assert!(plan(r#"{"faults": [{"kind": "delay"}]}"#).check().is_err());
        assert!(serde_json::from_str::<FaultPlan>(r#"{"faults": [{"kind": "flood"}]}"#).is_err());
    }
}
