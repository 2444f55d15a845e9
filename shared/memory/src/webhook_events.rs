//! The events of webhooks over [`State`](crate::State): facts, payloads, deliveries and their queue.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::hook::Hook;
use domain::delivery::index::DueCursor;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::webhook_events::{
    Deliveries, DeliveryChange, DeliveryTaskRequest, DeliveryTasks, DueDeliveries, DueDelivery, EmailFacts,
    EventErasure, HookChange, HookStamps, Payloads, StoredDelivery, StoredFact, StoredPayload,
};
use domain::ports::webhooks::WebhookKey;
use domain::ports::{DuePage, PortError};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::{Delivery, NextAttempt};
use domain::webhook::fact::{EmailFact, FactNumber};
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::settings::WebhookId;

use crate::fault_model::Destination;
use crate::hooks::HeldPayload;
use crate::{Call, MemoryBackend, State};

impl EmailFacts for MemoryBackend {
    async fn put_fact(&self, key: &EmailKey, fact: &StoredFact) -> Result<(), PortError> {
        let (key, fact) = (key.clone(), fact.clone());
        self.writer();
        self.call(Call::writes("put_fact", Some(key.id)), move |state| {
            let place = (key.clone(), fact.fact.number());
            if state.hooks.facts.contains_key(&place) {
                return;
            }
            state.hooks.facts.insert(place, fact.clone());
            state.hooks.tell(HookChange::Fact {
                key: key.clone(),
                fact: fact.clone(),
            });
        })
        .await
    }

    async fn delete_fact(&self, key: &EmailKey, number: FactNumber) -> Result<(), PortError> {
        let place = (key.clone(), number);
        self.call(Call::writes("delete_fact", Some(key.id)), move |state| {
            state.hooks.facts.remove(&place);
        })
        .await
    }

    async fn facts_of(&self, key: &EmailKey, born: Timestamp) -> Result<Vec<EmailFact>, PortError> {
        let key = key.clone();
        self.call(Call::reads("facts_of", Some(key.id)), move |state| {
            let all = state.hooks.facts.iter();
            let own = all.filter(|((email, _), stored)| *email == key && stored.born == born);
            own.map(|(_, stored)| stored.fact.clone()).collect()
        })
        .await
    }
}

impl HookStamps for MemoryBackend {
    async fn stamp_hook(&self, record: &EmailRecord, hook: &Hook) -> Result<bool, PortError> {
        let (key, born, hook) = (record.email_key(), record.born, hook.clone());
        let seen = record.delivery_version;
        self.writer();
        self.call(Call::writes("stamp_hook", Some(key.id)), move |state| {
            let Some(record) = state.records.get(&key).filter(|record| record.born == born).cloned() else {
                return false;
            };
            if record.hook.is_none() && record.delivery_version == seen {
                let hook = Some(hook.clone());
                let delivery_version = seen.saturating_add(1);
                state.store_record(EmailRecord {
                    hook,
                    delivery_version,
                    ..record
                });
                return true;
            }
            record.hook.as_ref() == Some(&hook)
        })
        .await
    }
}

/// Deletes a payload and its deliveries.
fn erase(state: &mut State, place: &(TenantId, Subject, EventId), webhooks: impl IntoIterator<Item = WebhookId>) {
    for id in webhooks {
        let tenant = place.0.clone();
        let key = WebhookKey { tenant, id };
        state.hooks.deliveries.remove(&(key, place.2.clone()));
    }
    state.hooks.payloads.remove(place);
}

impl Payloads for MemoryBackend {
    async fn put_payload(
        &self,
        tenant: &TenantId,
        payload: &StoredPayload,
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> Result<Option<StoredPayload>, PortError> {
        let (tenant, payload, webhooks) = (tenant.clone(), payload.clone(), webhooks.to_vec());
        self.writer();
        self.call(Call::writes("put_payload", email_of(payload.subject)), move |state| {
            let place = (tenant.clone(), payload.subject, payload.event.clone());
            if state.hooks.withdrawn.contains(&place) {
                return None;
            }
            let held = state.hooks.payloads.entry(place).or_insert_with(|| HeldPayload {
                payload: payload.clone(),
                webhooks: BTreeSet::new(),
                stored_at: now,
            });
            held.webhooks.extend(&webhooks);
            held.stored_at = held.stored_at.max(now);
            Some(held.payload.clone())
        })
        .await
    }

    async fn payloads(
        &self,
        tenant: &TenantId,
        events: &[(Subject, EventId)],
    ) -> Result<Vec<StoredPayload>, PortError> {
        let (tenant, events) = (tenant.clone(), events.to_vec());
        self.call(Call::reads("payloads", None), move |state| {
            let place = |(subject, event): &(Subject, EventId)| (tenant.clone(), *subject, event.clone());
            let held = events
                .iter()
                .filter_map(|event| state.hooks.payloads.get(&place(event)));
            held.map(|held| held.payload.clone()).collect()
        })
        .await
    }

    async fn withdraw(
        &self,
        tenant: &TenantId,
        subject: Subject,
        events: &[EventId],
        webhooks: &[WebhookId],
        _: Timestamp,
    ) -> Result<(), PortError> {
        let (tenant, events, webhooks) = (tenant.clone(), events.to_vec(), webhooks.to_vec());
        self.call(Call::writes("withdraw", email_of(subject)), move |state| {
            for event in &events {
                let place = (tenant.clone(), subject, event.clone());
                erase(state, &place, webhooks.iter().copied());
                state.hooks.withdrawn.insert(place);
            }
        })
        .await
    }
}

fn email_of(subject: Subject) -> Option<EmailId> {
    match subject {
        Subject::Email(id) => Some(id),
        Subject::Suppression(_) | Subject::Domain(_) => None,
    }
}

impl EventErasure for MemoryBackend {
    async fn erase_events(&self, key: &EmailKey, born: Option<Timestamp>) -> Result<(), PortError> {
        let key = key.clone();
        self.call(Call::writes("erase_events", Some(key.id)), move |state| {
            let is_meant = |other: Timestamp| born.is_none_or(|born| born == other);
            state
                .hooks
                .facts
                .retain(|(email, _), stored| *email != key || !is_meant(stored.born));
            let subject = Subject::Email(key.id);
            let about = state.hooks.payloads.iter().filter(|((tenant, of, _), held)| {
                *tenant == key.tenant && *of == subject && is_meant(held.payload.born)
            });
            let about: Vec<_> = about
                .map(|(place, held)| (place.clone(), held.webhooks.clone()))
                .collect();
            for (place, webhooks) in about {
                erase(state, &place, webhooks);
            }
        })
        .await
    }
}

impl Deliveries for MemoryBackend {
    async fn add_delivery(
        &self,
        key: &WebhookKey,
        delivery: &StoredDelivery,
    ) -> Result<Option<StoredDelivery>, PortError> {
        let (key, delivery) = (key.clone(), delivery.clone());
        self.call(Call::writes("add_delivery", email_of(delivery.subject)), move |state| {
            let place = (key.clone(), delivery.delivery.event.clone());
            match state.hooks.deliveries.get(&place) {
                Some(stored) if *stored == delivery => None,
                Some(stored) => Some(stored.clone()),
                None => {
                    state.hooks.deliveries.insert(place, delivery.clone());
                    None
                }
            }
        })
        .await
    }

    async fn deliveries(&self, key: &WebhookKey, events: &[EventId]) -> Result<Vec<StoredDelivery>, PortError> {
        let (key, events) = (key.clone(), events.to_vec());
        self.writer();
        self.call(Call::reads("deliveries", None), move |state| {
            let found = events
                .iter()
                .filter_map(|event| state.hooks.deliveries.get(&(key.clone(), event.clone())));
            found.cloned().collect()
        })
        .await
    }

    async fn save_delivery(
        &self,
        key: &WebhookKey,
        before: &StoredDelivery,
        after: &Delivery,
    ) -> Result<DeliveryChange, PortError> {
        let (key, seen, begin) = (key.clone(), before.delivery.version, before.delivery.from);
        let next = StoredDelivery {
            delivery: after.clone(),
            subject: before.subject,
        };
        self.call(Call::writes("save_delivery", email_of(before.subject)), move |state| {
            let place = (key.clone(), next.delivery.event.clone());
            if next.delivery.from > begin {
                let payload = (key.tenant.clone(), next.subject, next.delivery.event.clone());
                if let Some(held) = state.hooks.payloads.get_mut(&payload) {
                    held.stored_at = held.stored_at.max(next.delivery.from);
                }
            }
            match state.hooks.deliveries.get_mut(&place) {
                Some(stored) if *stored == next => DeliveryChange::Done,
                Some(stored) if stored.delivery.version == seen => {
                    *stored = next.clone();
                    DeliveryChange::Done
                }
                Some(stored) => DeliveryChange::Moved(Some(Box::new(stored.clone()))),
                None => DeliveryChange::Moved(None),
            }
        })
        .await
    }

    async fn delivery_places(
        &self,
        key: &WebhookKey,
        start: Start<EventId>,
        count: usize,
    ) -> Result<Vec<Place<EventId>>, PortError> {
        let key = key.clone();
        self.call(Call::reads("delivery_places", None), move |state| {
            let own = state
                .hooks
                .deliveries
                .iter()
                .filter(|((webhook, _), _)| *webhook == key);
            let places = own.map(|((_, id), stored)| Place {
                born: stored.delivery.created_at,
                id: id.clone(),
            });
            start.nearest(places, count)
        })
        .await
    }
}

fn cursor(next: NextAttempt, key: &WebhookKey, event: &EventId) -> DueCursor {
    DueCursor(format!("{:015}#{}#{event}", next.check.as_millis(), key.id))
}

impl DueDeliveries for MemoryBackend {
    async fn due_deliveries(
        &self,
        shard: u8,
        (since, until): (Timestamp, Timestamp),
        from: Option<&DueCursor>,
        count: usize,
    ) -> Result<DuePage<DueDelivery>, PortError> {
        let from = from.cloned();
        self.call(Call::reads("due_deliveries", None), move |state| {
            // Many tests read few of many entries: only those of a page get a cursor.
            let from_millis = from.as_ref().and_then(|from| from.0.get(..15)?.parse::<i64>().ok());
            let due = state.hooks.deliveries.iter().filter_map(|((key, event), stored)| {
                let is_due = |next: &NextAttempt| next.check >= since && next.check <= until;
                let next = stored.delivery.next.filter(is_due)?;
                if event.shard() != shard || from_millis.is_some_and(|from| next.check.as_millis() < from) {
                    return None;
                }
                let is_later = from_millis.is_none_or(|from| next.check.as_millis() > from);
                let is_behind = is_later || from.as_ref().is_none_or(|from| cursor(next, key, event) > *from);
                is_behind.then_some((next, key, event))
            });
            let mut places: Vec<_> = due.collect();
            places.sort_unstable_by_key(|(next, key, event)| (next.check, key.id, *event));
            let mut next = None;
            let size = if state.page_size == 0 {
                count
            } else {
                count.min(state.page_size)
            };
            let has_more = places.len() > size;
            let entry = |(next, key, event): (NextAttempt, &WebhookKey, &EventId)| DueDelivery {
                key: key.clone(),
                event: event.clone(),
                cursor: cursor(next, key, event),
                behind: DueCursor(format!("{:015}#{}~", next.check.as_millis(), key.id)),
            };
            let items: Vec<_> = places.into_iter().take(size).map(entry).collect();
            if has_more {
                next = items.last().map(|last| last.cursor.clone());
            }
            DuePage { items, next }
        })
        .await
    }

    async fn guard_delivery(&self, due: &DueDelivery, check: Timestamp) -> Result<bool, PortError> {
        let due = due.clone();
        self.call(Call::writes("guard_delivery", None), move |state| {
            let place = (due.key.clone(), due.event.clone());
            let Some(stored) = state.hooks.deliveries.get_mut(&place) else {
                return false;
            };
            let Some(next) = stored.delivery.next else {
                return false;
            };
            if next.check == check {
                return true;
            }
            if cursor(next, &due.key, &due.event) != due.cursor {
                return false;
            }
            stored.delivery.next = Some(NextAttempt { check, ..next });
            stored.delivery.version = stored.delivery.version.saturating_add(1);
            true
        })
        .await
    }

    async fn save_due_place(&self, shard: u8, place: Option<&DueCursor>) -> Result<(), PortError> {
        let place = place.cloned();
        self.call(Call::writes("save_due_place", None), move |state| {
            match place.clone() {
                Some(place) => state.hooks.due_places.insert(shard, place),
                None => state.hooks.due_places.remove(&shard),
            };
        })
        .await
    }
}

impl DeliveryTasks for MemoryBackend {
    async fn send_deliveries(&self, requests: &[DeliveryTaskRequest]) -> Vec<Result<(), PortError>> {
        if self.has_fault_model() {
            let message = |request: &DeliveryTaskRequest| (None, request.task.to_json(), request.delay);
            let messages: Vec<(_, String, Duration)> = requests.iter().map(message).collect();
            return self.send("send_deliveries", Destination::Deliveries, &messages).await;
        }
        let mut results = Vec::new();
        for request in requests {
            let request = request.clone();
            let call = self.call(Call::writes("send_deliveries", None), move |state| {
                state.hooks.tasks.push(request.clone());
            });
            results.push(call.await);
        }
        results
    }
}
