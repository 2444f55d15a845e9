//! Faults on demand.
//!
//! **Role:** a test sets faults; every query consults them once.
//! **Invariant:** no I/O, no clock, no randomness.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use crate::zone::Kind;

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FaultKind {
    /// The server has a failure of its own.
    Servfail,
    /// The name does not exist.
    Nxdomain,
    /// The server refuses the query.
    Refused,
    /// No answer comes.
    Timeout,
    /// An answer by UDP is empty and marked as truncated; TCP has the whole answer.
    Truncated,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// A part of a name; the fault applies only to queries for names that contain it.
    #[serde(default)]
    pub name: Option<String>,
    /// The type of the queries to which the fault applies; absent: all.
    #[serde(default, rename = "type")]
    pub record: Option<Kind>,
    /// The remaining number of times; absent: no limit.
    #[serde(default)]
    pub count: Option<u64>,
}

/// The active faults, in the order in which they are checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The faults.
    pub faults: Vec<Fault>,
}

impl FaultPlan {
    /// Decides the fault of one query, and lowers its count. `name` is in lower case; `record` is `None` for a type
    /// that the server does not know.
    pub fn choose(&mut self, name: &str, record: Option<Kind>) -> Option<FaultKind> {
        let struck = self.faults.iter_mut().find(|fault| {
            let is_named = fault
                .name
                .as_ref()
                .is_none_or(|part| name.contains(&part.to_ascii_lowercase()));
            let is_typed = fault.record.is_none() || fault.record == record;
            is_named && is_typed && fault.count.is_none_or(|count| count > 0)
        })?;
        struck.count = struck.count.map(|count| count.saturating_sub(1));
        Some(struck.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_obeys_its_name_its_type_and_its_count() {
        let plan = r#"{"faults": [{"kind": "servfail", "name": "Mail", "type": "MX", "count": 1}, {"kind": "refused", "type": "TXT"}]}"#;
        let mut plan: FaultPlan = serde_json::from_str(plan).unwrap();
        assert_eq!(plan.choose("mail.example.com", Some(Kind::Cname)), None);
        assert_eq!(plan.choose("mail.example.com", None), None);
        assert_eq!(
            plan.choose("mail.example.com", Some(Kind::Mx)),
            Some(FaultKind::Servfail)
        );
        assert_eq!(plan.choose("mail.example.com", Some(Kind::Mx)), None);
        assert_eq!(plan.choose("a.example.com", Some(Kind::Txt)), Some(FaultKind::Refused));
    }

    #[test]
    fn the_document_lists_every_dns_fault() {
        let document = include_str!("../../../docs/FAULTS.md");
        let section = document.split("\n## ").find(|part| part.starts_with("DNS\n")).unwrap();
        for kind in FaultKind::VARIANTS {
            assert!(section.contains(&format!("| `{kind}` |")), "{kind}");
        }
    }
}
