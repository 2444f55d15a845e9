//! Suppressions: an entry and its mark change together, as in the table.

use domain::id::TenantId;
use domain::listing::{Place, Start};
use domain::ports::{PortError, Suppressions};
use domain::suppression::{Added, Entry, Marks, Origin, Suppression, SuppressionId};
use domain::timestamp::Timestamp;

use crate::{Call, State, World};

impl State {
    fn change_marks(&mut self, tenant: &TenantId, change: impl FnOnce(Marks) -> Marks) {
        let marks = self.marks.remove(tenant).unwrap_or_default();
        self.marks.insert(tenant.clone(), change(marks));
    }
}

impl Suppressions for World {
    async fn suppress(&self, suppression: &Suppression) -> Result<Added, PortError> {
        let suppression = suppression.clone();
        self.call(Call::writes("suppress", None), move |state| {
            let (tenant, id) = (suppression.tenant.clone(), suppression.id());
            let stored = state.suppressions.get(&(tenant.clone(), id));
            let added = stored.map_or(Added::New, |stored| stored.takes(&suppression));
            if added == Added::New {
                state.change_marks(&tenant, |marks| marks.with(id.mark()));
                let entry = Entry::Suppressed(suppression.clone());
                state.suppressions.insert((tenant, id), entry);
            }
            added
        })
        .await
    }

    async fn release(&self, tenant: &TenantId, id: SuppressionId, now: Timestamp) -> Result<bool, PortError> {
        let tenant = tenant.clone();
        self.call(Call::writes("release", None), move |state| {
            let Some(entry @ Entry::Suppressed(_)) = state.suppressions.get_mut(&(tenant.clone(), id)) else {
                return false;
            };
            *entry = Entry::Released { at: now };
            state.change_marks(&tenant, |marks| marks.without(id.mark()));
            true
        })
        .await
    }

    async fn marks(&self, tenant: &TenantId) -> Result<Marks, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("marks", None), move |state| {
            state.marks.get(&tenant).cloned().unwrap_or_default()
        })
        .await
    }

    async fn suppressions(&self, tenant: &TenantId, ids: &[SuppressionId]) -> Result<Vec<Suppression>, PortError> {
        let keys: Vec<_> = ids.iter().map(|id| (tenant.clone(), *id)).collect();
        self.call(Call::reads("suppressions", None), move |state| {
            let stored = keys.iter().filter_map(|key| state.suppressions.get(key));
            let suppressed = stored.filter_map(|entry| match entry {
                Entry::Suppressed(suppression) => Some(suppression.clone()),
                Entry::Released { .. } => None,
            });
            suppressed.collect()
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
                    Entry::Suppressed(suppression) if *owner == tenant && origins.contains(&suppression.origin) => {
                        Some(Place {
                            born: suppression.created_at,
                            id: *id,
                        })
                    }
                    Entry::Suppressed(_) | Entry::Released { .. } => None,
                });
            start.nearest(places, count)
        })
        .await
    }
}
