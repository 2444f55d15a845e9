//! The events of webhooks at the moment of their receipt: the fact of each one is committed, by the endpoint's tenant.
//!
//! The look at the end of a run is not enough. A fact that is told too early, and that comes true later, is right then.
//!
//! **Invariant:** the oracle learns of facts from the writes of the table and from its stream, not from `notify`.

use std::collections::BTreeMap;

use domain::delivery::record::EmailRecord;
use domain::id::TenantId;
use domain::ports::webhook_events::HookChange;
use domain::webhook::identity::EventId;
use domain::webhook::telling::{ids_of_fact, recovered, suppression_told};
use invariants::Invariant;
use memory::MemoryBackend;

use super::Oracle;
use super::telling::email_of;

/// The events whose facts are committed, with their tenants. It only grows: an erased email was told before.
#[derive(Debug, Default)]
pub(super) struct Committed {
    events: BTreeMap<EventId, TenantId>,
    /// The number of the stream's changes that are read.
    read: usize,
}

impl Committed {
    /// Adds the facts of a written record.
    pub(super) fn write(&mut self, record: &EmailRecord) {
        let ids = recovered(record, &[]).into_iter().map(|telling| telling.id);
        self.add(&record.tenant, ids);
    }

    /// Adds the other facts, which no write of a record shows.
    fn read(&mut self, stream: &[HookChange]) {
        for change in stream.iter().skip(self.read) {
            match change {
                HookChange::Fact { key, fact } => self.add(&key.tenant, ids_of_fact(key, fact.born, &fact.fact)),
                HookChange::Suppression {
                    tenant, before, after, ..
                } => {
                    let telling = suppression_told(before.as_ref(), after.as_ref());
                    self.add(tenant, telling.map(|telling| telling.id));
                }
                // No run has a sending domain.
                HookChange::Email { .. } | HookChange::Domain { .. } | HookChange::Job { .. } => {}
            }
        }
        self.read = stream.len();
    }

    fn add(&mut self, tenant: &TenantId, ids: impl IntoIterator<Item = EventId>) {
        self.events.extend(ids.into_iter().map(|id| (id, tenant.clone())));
    }

    /// The tenant of a committed event.
    fn tenant_of(&self, id: &str) -> Option<&TenantId> {
        self.events.get(&EventId::parse(id).ok()?)
    }
}

impl Oracle {
    /// Checks an event that an endpoint receives now. `tenant` is that of the endpoint.
    pub fn receipt(&self, backend: &MemoryBackend, tenant: Option<&TenantId>, (id, body): (&str, &str)) {
        let state = backend.state();
        let mut seen = self.observations();
        seen.committed.read(state.hooks.stream.as_deref().unwrap_or_default());
        let email = email_of(body);
        let fault = match seen.committed.tenant_of(id) {
            None => Some(format!("{id} was received, and its fact is not committed")),
            Some(owner) if Some(owner) != tenant => Some(format!("{id} of {owner} was received by {tenant:?}")),
            Some(_) => {
                let is_foreign = |other: &TenantId| Some(other) != tenant;
                let mut keys = state.records.keys().filter(|key| Some(key.id) == email);
                let foreign = keys.find(|key| is_foreign(&key.tenant));
                foreign.map(|key| format!("{id} tells {tenant:?} of an email of {}", key.tenant))
            }
        };
        if let Some(fault) = fault {
            seen.broken(Invariant::Telling, email, fault);
        }
    }
}
