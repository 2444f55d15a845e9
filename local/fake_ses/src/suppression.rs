//! The account-wide suppression list, as SES documents it.
//!
//! **Invariant:** pure, without a clock. A hard bounce or a complaint adds its address if the active reasons include
//! it. SES accepts an email to a listed address and does not send it, if the entry's reason is active. The
//! configuration set's reasons override the account's; an empty list switches the list off. Sending ignores the case
//! of an address; managing the list requires the exact address.
//! **Start reading at** [`SuppressionList::stops`].
//!
//! Source: Amazon SES Developer Guide, "Using the Amazon SES account-level suppression list" and "Using configuration
//! set-level suppression to override your account-level suppression list"; Amazon SES API v2,
//! `GetSuppressedDestination` and `DeleteSuppressedDestination`; read 2026-11-28.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address;

/// The reason for which an address is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Reason {
    /// An email bounced permanently.
    Bounce,
    /// The recipient complained.
    Complaint,
}

/// A list of reasons; an empty one switches the list off.
pub type Reasons = BTreeSet<Reason>;

/// One address of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    address: String,
    reason: Reason,
}

/// The list and its settings.
#[derive(Debug, Clone)]
pub struct SuppressionList {
    account: Reasons,
    configuration_set: Option<Reasons>,
    /// The entries, keyed by the address in lower case.
    listed: BTreeMap<String, Listed>,
}

impl Default for SuppressionList {
    /// A new account lists for both reasons, and no configuration set overrides that.
    fn default() -> Self {
        Self {
            account: both(),
            configuration_set: None,
            listed: BTreeMap::new(),
        }
    }
}

/// Both reasons: the setting of every account created since November 2019.
pub fn both() -> Reasons {
    Reasons::from([Reason::Bounce, Reason::Complaint])
}

impl SuppressionList {
    /// Replaces the account's own reasons.
    pub fn set_account(&mut self, reasons: Reasons) {
        self.account = reasons;
    }

    /// Replaces the configuration set's reasons; `None` leaves the decision to the account.
    pub fn set_configuration_set(&mut self, reasons: Option<Reasons>) {
        self.configuration_set = reasons;
    }

    /// The configuration set's reasons.
    pub fn configuration_set(&self) -> Option<&Reasons> {
        self.configuration_set.as_ref()
    }

    fn in_force(&self) -> &Reasons {
        self.configuration_set.as_ref().unwrap_or(&self.account)
    }

    /// Tells whether SES accepts an email to this address without sending it.
    pub fn stops(&self, address: &str) -> bool {
        let listed = self.listed.get(&address.to_ascii_lowercase());
        listed.is_some_and(|listed| self.in_force().contains(&listed.reason))
    }

    /// Adds an address, unless the reason is inactive or the address belongs to the simulator. If the
    /// address is already listed, its entry gets the new reason.
    pub fn add(&mut self, address: &str, reason: Reason) {
        if !self.in_force().contains(&reason) || address::is_simulated(address) {
            return;
        }
        let listed = Listed {
            address: address.to_owned(),
            reason,
        };
        self.listed.insert(address.to_ascii_lowercase(), listed);
    }

    /// Returns the reason of an entry with exactly this address.
    pub fn reason(&self, address: &str) -> Option<Reason> {
        let listed = self.listed.get(&address.to_ascii_lowercase());
        listed
            .filter(|listed| listed.address == address)
            .map(|listed| listed.reason)
    }

    /// Removes the entry with exactly this address, and tells whether it existed.
    pub fn remove(&mut self, address: &str) -> bool {
        self.reason(address).is_some() && self.listed.remove(&address.to_ascii_lowercase()).is_some()
    }

    /// All addresses.
    pub fn addresses(&self) -> Vec<&str> {
        self.listed.values().map(|listed| listed.address.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_set_overrides_the_account() {
        let mut list = SuppressionList::default();
        list.add("Ann@example.com", Reason::Bounce);
        assert!(list.stops("ann@EXAMPLE.com"), "the account's reasons apply");
        list.set_configuration_set(Some(Reasons::new()));
        assert!(
            !list.stops("ann@example.com"),
            "an empty list of reasons switches the list off"
        );
        list.add("bob@example.com", Reason::Bounce);
        list.set_configuration_set(None);
        assert!(list.stops("ann@example.com") && !list.stops("bob@example.com"));
    }

    #[test]
    fn an_address_with_an_inactive_reason_is_not_listed() {
        let mut list = SuppressionList::default();
        list.set_account(Reasons::from([Reason::Complaint]));
        list.add("ann@example.com", Reason::Bounce);
        list.add("bob@example.com", Reason::Complaint);
        assert_eq!(list.addresses(), ["bob@example.com"]);
        list.set_account(Reasons::from([Reason::Bounce]));
        assert!(!list.stops("bob@example.com"), "listed for an inactive reason");
    }

    #[test]
    fn the_list_is_managed_by_the_exact_address() {
        let mut list = SuppressionList::default();
        list.add("Ann@example.com", Reason::Bounce);
        assert!(!list.remove("ann@example.com"));
        assert_eq!(list.reason("Ann@example.com"), Some(Reason::Bounce));
        assert!(list.remove("Ann@example.com") && !list.stops("ann@example.com"));
    }

    #[test]
    fn a_simulator_address_is_never_listed() {
        let mut list = SuppressionList::default();
        list.add("bounce+x@simulator.amazonses.com", Reason::Bounce);
        assert!(list.addresses().is_empty());
    }
}
