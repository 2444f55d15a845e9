//! The SES tenants and the resources that are associated with them.
//!
//! **Invariant:** an email that names a tenant needs an association of its identity and of its configuration set.
//! AWS does not say which error a missing association has; the sentence is ours.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ses_error::SesError;

/// The tenants, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tenants {
    /// All resources of the account are associated with each of them.
    Open(BTreeSet<String>),
    /// Each has the associated resources: `identity/example.com`, `configuration-set/mailqueue`.
    Associated(BTreeMap<String, BTreeSet<String>>),
}

impl Default for Tenants {
    fn default() -> Self {
        Self::Open(BTreeSet::new())
    }
}

impl Tenants {
    /// Checks the resources of an email that names a tenant.
    ///
    /// # Errors
    /// The tenant does not exist, or a resource is not associated with it.
    pub fn check(&self, tenant: &str, identity: &str, set: Option<&str>) -> Result<(), SesError> {
        let no_tenant = || SesError::no_tenant(tenant);
        let associated = match self {
            Self::Open(names) if names.contains(tenant) => return Ok(()),
            Self::Open(_) => return Err(no_tenant()),
            Self::Associated(tenants) => tenants.get(tenant).ok_or_else(no_tenant)?,
        };
        let set = set.map(|set| format!("configuration-set/{set}"));
        let used = [Some(format!("identity/{identity}")), set];
        match used.into_iter().flatten().find(|used| !associated.contains(used)) {
            Some(missing) => Err(SesError::not_associated(&missing, tenant)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tenants: &str, set: Option<&str>) -> Result<(), String> {
        let tenants: Tenants = serde_json::from_str(tenants).unwrap();
        let checked = tenants.check("mail-acme", "example.com", set);
        checked.map_err(|error| error.message)
    }

    #[test]
    fn identity_and_set_must_be_associated() {
        const PLAIN: &str = r#"{"mail-acme": ["identity/example.com", "configuration-set/mailqueue"]}"#;
        assert_eq!(check(PLAIN, Some("mailqueue")), Ok(()));
        assert_eq!(check(PLAIN, None), Ok(()));
        let missing = |resource: &str| Err(format!("{resource} is not associated with the tenant mail-acme."));
        assert_eq!(
            check(PLAIN, Some("mailqueue-tracked")),
            missing("configuration-set/mailqueue-tracked")
        );
        assert_eq!(check(r#"{"mail-acme": []}"#, None), missing("identity/example.com"));
    }

    #[test]
    fn a_tenant_without_a_list_has_everything() {
        assert_eq!(check(r#"["mail-acme"]"#, Some("mailqueue-tracked")), Ok(()));
        for others in ["[]", "{}", r#"["mail-main"]"#] {
            assert_eq!(
                check(others, None),
                Err("Tenant mail-acme does not exist.".to_owned()),
                "{others}"
            );
        }
    }
}
