//! The choice of faults for a call.
//!
//! **Role:** tests set rules; every call consults them once.
//! **Invariant:** no I/O, no clock; randomness only from the given generator.
//! **Start reading at** [`Plan::choose`].

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use crate::call::Call;

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// The call takes no effect, and its connection is closed without an answer.
    DropBefore,
    /// The call takes effect, and its connection is closed without an answer.
    DropAfter,
    /// The call is late; other rules still apply.
    DelayBefore,
    /// The call takes effect in time, and its answer is late; other rules still apply.
    DelayAfter,
    /// No effect; the service answers that it is throttling.
    Throttle,
    /// No effect; DynamoDB answers that another write of the same item is in progress.
    Conflict,
    /// No effect; the service answers that it failed.
    Fail,
    /// One part of a batch takes no effect, and the answer says so. It applies only to batches that can succeed in
    /// part.
    Partial,
    /// The call takes effect twice; the first answer is returned.
    Double,
    /// No effect, yet a successful answer. It applies only to calls that AWS may lose: publishing an event.
    Lose,
}

/// A rule: a fault and the calls that it strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The number of the rule in the record; a new rule has none yet.
    #[serde(default)]
    pub id: u64,
    /// The number of calls that it has struck since it was set.
    #[serde(default)]
    pub struck: u64,
    /// The kind.
    pub kind: Kind,
    /// The probability, from 0 to 1.
    #[serde(default = "always")]
    pub share: f64,
    /// The remaining number of times; absent: no limit.
    #[serde(default)]
    pub count: Option<u64>,
    /// The number of matching calls that pass first.
    #[serde(default)]
    pub skip: u64,
    /// The length of a delay, in milliseconds. For any other kind it is an additional wait of the caller; a drop
    /// waits before it closes the connection.
    #[serde(default)]
    pub delay_ms: u64,
    /// The service of the calls that the rule strikes, such as `dynamodb`; absent: all.
    #[serde(default)]
    pub service: Option<String>,
    /// The operation of these calls, such as `UpdateItem`; absent: all.
    #[serde(default)]
    pub operation: Option<String>,
    /// The caller of these calls: the whole name of a function or program; absent: all.
    #[serde(default)]
    pub caller: Option<String>,
    /// A text that the bodies of these calls contain; absent: all.
    #[serde(default)]
    pub body: Option<String>,
}

fn always() -> f64 {
    1.0
}

impl Rule {
    fn means(&self, call: &Call, caller: &str, body: &[u8]) -> bool {
        let is = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|wanted| wanted == given);
        is(&self.service, &call.service)
            && is(&self.operation, &call.operation)
            && is(&self.caller, caller)
            && self.kind.fits(call)
            && self.body.as_ref().is_none_or(|part| contains(body, part.as_bytes()))
    }
}

impl Kind {
    /// Tells whether this fault can happen to such a call.
    fn fits(self, call: &Call) -> bool {
        match self {
            Self::Partial => crate::partial::can_be(call),
            Self::Lose => crate::refusal::can_be_lost(call),
            Self::Throttle | Self::Fail => crate::refusal::has_words(call),
            Self::Conflict => crate::refusal::can_conflict(call),
            Self::DropBefore | Self::DropAfter | Self::DelayBefore | Self::DelayAfter | Self::Double => true,
        }
    }

    fn is_delay(self) -> bool {
        matches!(self, Self::DelayBefore | Self::DelayAfter)
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

/// The active rules, in the order in which they are checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The rules.
    pub faults: Vec<Rule>,
}

/// The effect of the plan on one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The rules that struck, by number, each with its kind.
    pub struck: Vec<(u64, Kind)>,
    /// The delay before the call takes effect, in milliseconds.
    pub before_ms: u64,
    /// The delay of its answer, in milliseconds.
    pub after_ms: u64,
    /// The effect other than a delay.
    pub effect: Option<Kind>,
}

impl Plan {
    /// Checks a plan.
    ///
    /// # Errors
    /// One sentence that describes the fault in the plan.
    pub fn check(&self) -> Result<(), String> {
        for (index, rule) in self.faults.iter().enumerate() {
            if !(0.0..=1.0).contains(&rule.share) {
                return Err(format!("faults[{index}].share must be from 0 to 1."));
            }
            if rule.kind.is_delay() && rule.delay_ms == 0 {
                return Err(format!("faults[{index}].delay_ms is required for a delay."));
            }
        }
        Ok(())
    }

    /// Decides the effect on a call, and lowers the counts of the rules that strike.
    ///
    /// Delays add up. Of all other rules, the first that strikes decides.
    pub fn choose(&mut self, call: &Call, caller: &str, body: &[u8], chance: &mut fastrand::Rng) -> Chosen {
        let mut chosen = Chosen::default();
        for rule in &mut self.faults {
            let free = rule.kind.is_delay() || chosen.effect.is_none();
            if !free || rule.count == Some(0) || !rule.means(call, caller, body) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if chance.f64() >= rule.share {
                continue;
            }
            rule.count = rule.count.map(|count| count.saturating_sub(1));
            rule.struck += 1;
            chosen.struck.push((rule.id, rule.kind));
            let wait = match rule.kind {
                Kind::DelayAfter | Kind::DropAfter => &mut chosen.after_ms,
                Kind::DelayBefore
                | Kind::DropBefore
                | Kind::Throttle
                | Kind::Conflict
                | Kind::Fail
                | Kind::Partial
                | Kind::Double
                | Kind::Lose => &mut chosen.before_ms,
            };
            *wait = wait.saturating_add(rule.delay_ms);
            if !rule.kind.is_delay() {
                chosen.effect = Some(rule.kind);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(faults: Value) -> Plan {
        serde_json::from_value(json!({"faults": faults})).unwrap()
    }

    fn call(service: &str, operation: &str) -> Call {
        Call {
            service: service.to_owned(),
            operation: operation.to_owned(),
            emails: Vec::new(),
            needs: Vec::new(),
        }
    }

    fn effect(plan: &mut Plan, call: &Call, caller: &str, body: &str) -> Option<Kind> {
        plan.choose(call, caller, body.as_bytes(), &mut fastrand::Rng::with_seed(1))
            .effect
    }

    #[test]
    fn the_document_lists_every_kind() {
        let document = include_str!("../../../docs/FAULTS.md");
        let section = document
            .split("\n## ")
            .find(|part| part.starts_with("Calls of the functions\n"));
        let rows = section
            .unwrap()
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let listed: Vec<_> = rows.take_while(|row| *row != "share").collect();
        assert_eq!(listed, Kind::VARIANTS);
    }

    #[test]
    fn a_rule_applies_only_to_matching_calls() {
        let update = call("dynamodb", "UpdateItem");
        for (rule, strikes) in [
            (json!({}), true),
            (json!({"service": "dynamodb"}), true),
            (json!({"service": "sqs"}), false),
            (json!({"operation": "UpdateItem"}), true),
            (json!({"operation": "Update"}), false),
            (json!({"caller": "mailqueue-send"}), true),
            (json!({"caller": "mailqueue"}), false),
            (json!({"body": "seven"}), true),
            (json!({"body": "eight"}), false),
            (json!({"count": 0}), false),
            (json!({"share": 0}), false),
        ] {
            let mut rule = rule;
            rule["kind"] = json!("drop_after");
            let mut plan = plan(json!([rule]));
            let struck = effect(&mut plan, &update, "mailqueue-send", "six seven");
            assert_eq!(struck.is_some(), strikes, "{:?}", plan.faults);
        }
    }

    #[test]
    fn a_rule_skips_calls_and_its_count_runs_out() {
        let mut plan = plan(json!([{"kind": "drop_before", "skip": 2, "count": 1}]));
        let struck = [(); 4].map(|()| effect(&mut plan, &call("sqs", "SendMessage"), "x", "").is_some());
        assert_eq!(struck, [false, false, true, false]);
        let counted: Vec<_> = plan.faults.iter().map(|rule| rule.struck).collect();
        assert_eq!(counted, [1]);
    }

    #[test]
    fn delays_add_up_and_the_first_other_rule_decides() {
        let mut plan = plan(json!([
            {"kind": "delay_before", "delay_ms": 5}, {"kind": "throttle", "delay_ms": 2}, {"kind": "drop_after"},
            {"kind": "delay_after", "delay_ms": 7}, {"kind": "delay_before", "delay_ms": 1},
        ]));
        let call = call("dynamodb", "PutItem");
        let chosen = plan.choose(&call, "x", b"", &mut fastrand::Rng::with_seed(1));
        assert_eq!((chosen.before_ms, chosen.after_ms), (8, 7));
        assert_eq!(chosen.effect, Some(Kind::Throttle));
        let kinds: Vec<_> = chosen.struck.iter().map(|(_, kind)| *kind).collect();
        assert_eq!(
            kinds,
            [Kind::DelayBefore, Kind::Throttle, Kind::DelayAfter, Kind::DelayBefore]
        );
    }

    #[test]
    fn a_fault_that_aws_cannot_have_never_happens() {
        let lose = || plan(json!([{"kind": "lose"}]));
        assert_eq!(effect(&mut lose(), &call("dynamodb", "PutItem"), "x", ""), None);
        assert_eq!(effect(&mut lose(), &call("sqs", "SendMessageBatch"), "x", ""), None);
        assert_eq!(effect(&mut lose(), &call("sns", "Publish"), "x", ""), Some(Kind::Lose));
        let conflict = || plan(json!([{"kind": "conflict"}]));
        for (service, operation, conflicts) in [
            ("dynamodb", "TransactWriteItems", true),
            ("dynamodb", "UpdateItem", true),
            ("dynamodb", "GetItem", false),
            ("sqs", "SendMessage", false),
        ] {
            let struck = effect(&mut conflict(), &call(service, operation), "x", "");
            assert_eq!(struck.is_some(), conflicts, "{operation}");
        }
        let partial = || plan(json!([{"kind": "partial"}]));
        assert_eq!(effect(&mut partial(), &call("dynamodb", "UpdateItem"), "x", ""), None);
        assert_eq!(
            effect(&mut partial(), &call("sqs", "SendMessageBatch"), "x", ""),
            Some(Kind::Partial)
        );
    }

    #[test]
    fn a_share_is_a_probability_that_a_seed_repeats() {
        let strikes = |seed| {
            let mut plan = plan(json!([{"kind": "fail", "share": 0.25}]));
            let mut chance = fastrand::Rng::with_seed(seed);
            let call = call("s3", "PutObject");
            let strikes = |_: &usize| plan.choose(&call, "x", b"", &mut chance).effect.is_some();
            (0..4000).filter(strikes).count()
        };
        assert_eq!(strikes(7), strikes(7));
        assert!((900..1100).contains(&strikes(7)), "{}", strikes(7));
    }

    #[test]
    fn bad_values_are_refused() {
        assert!(plan(json!([{"kind": "fail", "share": 1.5}])).check().is_err());
        assert!(plan(json!([{"kind": "delay_after"}])).check().is_err());
        for bad in [json!([{"kind": "flood"}]), json!([{"kind": "fail", "to": "x"}])] {
            assert!(serde_json::from_value::<Plan>(json!({"faults": bad})).is_err());
        }
    }
}
