//! Suppressions: an entry and its prefix change together, as in the table.

use std::collections::BTreeMap;

use domain::delivery::suppression::{
    Added, Effect, Entry, Listed, Origin, Suppression, SuppressionFilter, SuppressionId,
};
use domain::id::TenantId;
use domain::message::address::EmailAddress;
use domain::message::test_address::is_simulated;
use domain::ports::{AccountList, ListReason};
use domain::ports::{PortError, Suppressions};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;

use crate::{Call, MemoryBackend, State};

impl State {
    fn change_filter(&mut self, tenant: &TenantId, change: impl FnOnce(SuppressionFilter) -> SuppressionFilter) {
        let filter = self.suppression_filters.remove(tenant).unwrap_or_default();
        self.suppression_filters.insert(tenant.clone(), change(filter));
    }
}

impl Suppressions for MemoryBackend {
    async fn suppress(&self, suppression: &Suppression, is_told: bool) -> Result<Added, PortError> {
        let suppression = suppression.clone();
        self.call(Call::writes("suppress", None), move |state| {
            let (tenant, id) = (suppression.tenant.clone(), suppression.id());
            let before = state.suppressions.get(&(tenant.clone(), id)).cloned();
            let stored = before.as_ref();
            let released_at = match stored {
                None => None,
                Some(Entry::Suppressed { released_at, .. }) => *released_at,
                Some(Entry::Released { at }) => Some(*at),
            };
            match stored.map_or_else(
                || Effect::Store(suppression.clone()),
                |stored| stored.effect_of_adding(&suppression),
            ) {
                Effect::Nothing(added) => added,
                Effect::Store(suppression) => {
                    state.change_filter(&tenant, |filter| filter.with(id.hash_prefix()));
                    let entry = Entry::Suppressed {
                        suppression,
                        released_at,
                    };
                    state.suppressions.insert((tenant.clone(), id), entry.clone());
                    state.tell_suppression((tenant, id), before, entry, is_told);
                    Added::New
                }
            }
        })
        .await
    }

    async fn release(
        &self,
        tenant: &TenantId,
        id: SuppressionId,
        is_told: bool,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        let tenant = tenant.clone();
        self.call(Call::writes("release", None), move |state| {
            let Some(before) = state.suppressions.get(&(tenant.clone(), id)).cloned() else {
                return false;
            };
            if before.clone().in_force(now).is_none() {
                return false;
            }
            let entry = Entry::Released { at: now };
            state.suppressions.insert((tenant.clone(), id), entry.clone());
            state.tell_suppression((tenant.clone(), id), Some(before), entry, is_told);
            state.change_filter(&tenant, |filter| filter.without(id.hash_prefix()));
            true
        })
        .await
    }

    async fn suppression_filter(&self, tenant: &TenantId) -> Result<SuppressionFilter, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("suppression_filter", None), move |state| {
            state.suppression_filters.get(&tenant).cloned().unwrap_or_default()
        })
        .await
    }

    async fn suppressions(
        &self,
        tenant: &TenantId,
        ids: &[SuppressionId],
        now: Timestamp,
    ) -> Result<Vec<Suppression>, PortError> {
        let keys: Vec<_> = ids.iter().map(|id| (tenant.clone(), *id)).collect();
        self.call(Call::reads("suppressions", None), move |state| {
            let stored = keys.iter().filter_map(|key| state.suppressions.get(key));
            stored.filter_map(|entry| entry.clone().in_force(now)).collect()
        })
        .await
    }

    async fn suppression_places(
        &self,
        tenant: &TenantId,
        origins: &[Origin],
        start: Start<SuppressionId>,
        count: usize,
    ) -> Result<Vec<Place<SuppressionId>>, PortError> {
        let (tenant, origins) = (tenant.clone(), origins.to_vec());
        self.call(Call::reads("suppression_places", None), move |state| {
            let places = state
                .suppressions
                .iter()
                .filter_map(|((owner, id), entry)| match entry {
                    Entry::Suppressed { suppression, .. }
                        if *owner == tenant && origins.contains(&suppression.origin) =>
                    {
                        Some(Place {
                            born: suppression.created_at,
                            id: *id,
                        })
                    }
                    Entry::Suppressed { .. } | Entry::Released { .. } => None,
                });
            start.nearest(places, count)
        })
        .await
    }

    async fn remember_listed(&self, listed: &Listed) -> Result<(), PortError> {
        let listed = listed.clone();
        self.call(Call::writes("remember_listed", None), move |state| {
            state
                .listed
                .insert((listed.tenant.clone(), listed.id()), listed.clone());
        })
        .await
    }

    async fn find_listed(&self, tenant: &TenantId, ids: &[SuppressionId]) -> Result<Vec<Listed>, PortError> {
        let keys: Vec<_> = ids.iter().map(|id| (tenant.clone(), *id)).collect();
        self.call(Call::reads("find_listed", None), move |state| {
            keys.iter().filter_map(|key| state.listed.get(key).cloned()).collect()
        })
        .await
    }

    async fn forget_listed(&self, tenant: &TenantId, id: SuppressionId) -> Result<(), PortError> {
        let key = (tenant.clone(), id);
        self.call(Call::writes("forget_listed", None), move |state| {
            state.listed.remove(&key);
        })
        .await
    }
}

impl AccountList for MemoryBackend {
    async fn reason(&self, address: &EmailAddress) -> Result<Option<ListReason>, PortError> {
        let address = address.clone();
        self.call(Call::reads("reason on the account's list", None), move |state| {
            state.account_list.reason(&address)
        })
        .await
    }

    async fn remove(&self, address: &EmailAddress) -> Result<(), PortError> {
        let address = address.clone();
        self.call(Call::writes("remove from the account's list", None), move |state| {
            state.account_list.remove(&address);
        })
        .await
    }
}

/// SES's suppression list of the account, as its Developer Guide describes it. It is off by default, as in the
/// template's configuration set.
#[derive(Debug, Clone, Default)]
pub struct OfAccount {
    /// True if the list takes hard bounces and complaints, and SES sends nothing to its addresses.
    pub is_on: bool,
    /// The addresses as the emails had them, by the address in lower case.
    listed: BTreeMap<String, (EmailAddress, ListReason)>,
}

impl OfAccount {
    /// True if SES accepts an email to the address and does not send it.
    #[must_use]
    pub fn stops(&self, address: &EmailAddress) -> bool {
        self.is_on && self.listed.contains_key(address.lower_case().as_str())
    }

    /// Adds an address.
    pub fn add(&mut self, address: &EmailAddress, reason: ListReason) {
        if self.is_on && !is_simulated(address) {
            let key = address.lower_case().as_str().to_owned();
            self.listed.insert(key, (address.clone(), reason));
        }
    }

    fn reason(&self, address: &EmailAddress) -> Option<ListReason> {
        let (listed, reason) = self.listed.get(address.lower_case().as_str())?;
        (listed == address).then_some(*reason)
    }

    fn remove(&mut self, address: &EmailAddress) {
        if self.reason(address).is_some() {
            self.listed.remove(address.lower_case().as_str());
        }
    }
}
