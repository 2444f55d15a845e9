//! Faults of the operations on identities, and their rate.
//!
//! **Role:** a test sets a plan; every operation consults it once.
//! **Invariant:** no I/O, no clock, no randomness.
//!
//! Source of the rate: Amazon SES API Reference: most operations on identities are allowed once per second. Read
//! 2026-11-29.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use crate::ses_error::SesError;

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Refused: the operation is called too often.
    Throttle,
    /// Refused: another change of the identity is in progress.
    Concurrent,
    /// Refused: the account has too many identities.
    Limit,
    /// No effect; the connection closes without an answer.
    DropBefore,
    /// The operation takes effect; the connection closes without an answer.
    DropAfter,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind.
    pub kind: Kind,
    /// The operation, such as `GetEmailIdentity`; absent: all.
    #[serde(default)]
    pub operation: Option<String>,
    /// The remaining number of times; absent: no limit.
    #[serde(default)]
    pub count: Option<u64>,
}

/// The active faults, in the order in which they are checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The faults.
    pub faults: Vec<Fault>,
    /// Calls of each operation per second; absent: no limit.
    #[serde(default)]
    pub max_per_second: Option<f64>,
}

/// The plan, and the latest call of each operation.
#[derive(Debug, Default)]
pub struct IdentityFaults {
    plan: Plan,
    called_at: BTreeMap<&'static str, Instant>,
}

/// The effect of the plan on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The operation takes effect.
    None,
    /// The operation is refused.
    Refused(SesError),
    /// The connection closes without an answer.
    Dropped {
        /// True if the operation takes effect.
        after: bool,
    },
}

impl Plan {
    /// Checks a plan.
    ///
    /// # Errors
    /// One sentence that describes the fault in the plan.
    pub fn check(&self) -> Result<(), String> {
        if self.max_per_second.is_some_and(|rate| rate <= 0.0) {
            return Err("max_per_second must be greater than 0.".to_owned());
        }
        Ok(())
    }
}

impl IdentityFaults {
    /// Replaces the plan.
    pub fn set(&mut self, plan: Plan) {
        *self = Self {
            plan,
            called_at: BTreeMap::new(),
        };
    }

    /// Returns the plan with its remaining counts.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Decides the effect on one call, and lowers the count of the fault that happens.
    pub fn choose(&mut self, operation: &'static str, now: Instant) -> Effect {
        let shortest = self
            .plan
            .max_per_second
            .map(|rate| Duration::from_secs_f64(rate.recip()));
        let last = self.called_at.get(operation);
        if let (Some(shortest), Some(last)) = (shortest, last)
            && now.saturating_duration_since(*last) < shortest
        {
            return Effect::Refused(SesError::called_too_often());
        }
        self.called_at.insert(operation, now);
        let struck = self.plan.faults.iter_mut().find(|fault| {
            fault.operation.as_ref().is_none_or(|name| name == operation) && fault.count.is_none_or(|count| count > 0)
        });
        let Some(fault) = struck else {
            return Effect::None;
        };
        fault.count = fault.count.map(|count| count.saturating_sub(1));
        match fault.kind {
            Kind::Throttle => Effect::Refused(SesError::called_too_often()),
            Kind::Concurrent => Effect::Refused(SesError::concurrent_modification()),
            Kind::Limit => Effect::Refused(SesError::too_many_identities()),
            Kind::DropBefore => Effect::Dropped { after: false },
            Kind::DropAfter => Effect::Dropped { after: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_its_operation_as_often_as_it_says() {
        let plan = r#"{"faults": [{"kind": "drop_after", "operation": "CreateEmailIdentity", "count": 1}]}"#;
        let mut faults = IdentityFaults::default();
        faults.set(serde_json::from_str(plan).unwrap());
        let now = Instant::now();
        assert_eq!(faults.choose("GetEmailIdentity", now), Effect::None);
        assert_eq!(
            faults.choose("CreateEmailIdentity", now),
            Effect::Dropped { after: true }
        );
        assert_eq!(faults.choose("CreateEmailIdentity", now), Effect::None);
        assert_eq!(faults.plan().faults[0].count, Some(0));
    }

    #[test]
    fn the_rate_counts_each_operation_apart() {
        let mut faults = IdentityFaults::default();
        faults.set(serde_json::from_str(r#"{"faults": [], "max_per_second": 1}"#).unwrap());
        let now = Instant::now();
        assert_eq!(faults.choose("GetEmailIdentity", now), Effect::None);
        assert_eq!(faults.choose("DeleteEmailIdentity", now), Effect::None);
        let refused = Effect::Refused(SesError::called_too_often());
        assert_eq!(
            faults.choose("GetEmailIdentity", now + Duration::from_millis(999)),
            refused
        );
        assert_eq!(
            faults.choose("GetEmailIdentity", now + Duration::from_millis(1000)),
            Effect::None
        );
    }

    #[test]
    fn the_document_lists_every_fault_of_identities() {
        let document = include_str!("../../../docs/FAULTS.md");
        let section = document
            .split("\n## ")
            .find(|part| part.starts_with("Identities at SES\n"))
            .unwrap();
        for kind in Kind::VARIANTS {
            assert!(section.contains(&format!("| `{kind}` |")), "{kind}");
        }
    }
}
