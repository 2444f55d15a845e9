//! Two tenants with webhooks, whose changes come in one batch.

use std::collections::BTreeSet;

use domain::delivery::hook::Hook;
use domain::delivery::suppression::Suppression;
use domain::id::{EmailKey, TenantId};
use domain::message::address::EmailAddress;
use domain::ports::Suppressions;
use domain::ports::webhook_events::EmailFacts;
use domain::webhook::identity::EventId;
use domain::webhook::settings::Webhook;
use memory::samples;

use crate::common::{accept_of, add, at, backend, notify, opened, taken, tell, webhook};

const EVENTS: [&str; 3] = ["email.sent", "email.opened", "suppression.added"];

/// Both tenants have an email with the same id, and suppress the same address.
#[tokio::test]
async fn each_tenant_gets_its_own_events_of_a_batch() {
    let backend = backend(1);
    let (main, acme) = (TenantId::main(), TenantId::parse("acme").unwrap());
    samples::store_for(&backend, acme.clone(), 1).unwrap();
    let key_of = |tenant: &TenantId| EmailKey {
        tenant: tenant.clone(),
        id: samples::id(1),
    };
    if let Some(record) = backend.state().records.get_mut(&key_of(&acme)) {
        record.hook = Some(Hook::new(["b@example.com"], Some("of acme".to_owned())));
    }
    let tenants = [(main, 8, "key"), (acme, 9, "of acme")];
    let address = EmailAddress::parse("ann@example.com").unwrap();
    for (tenant, n, _) in &tenants {
        let webhook = Webhook {
            tenant: tenant.clone(),
            ..webhook(*n, &EVENTS)
        };
        add(&backend, webhook);
        accept_of(&backend, &key_of(tenant));
        backend.put_fact(&key_of(tenant), &opened()).await.unwrap();
        let suppression = Suppression::manual(tenant.clone(), &address, at(1));
        backend.suppress(&suppression, true).await.unwrap();
    }
    let changes = taken(&backend);
    assert_eq!((changes.len(), tell(&notify(&backend), &changes).await.events), (6, 6));

    let state = backend.state();
    let mut all: BTreeSet<EventId> = BTreeSet::new();
    for (tenant, n, idempotency_key) in &tenants {
        let payloads = state.hooks.payloads.iter().filter(|((of, ..), _)| of == tenant);
        let payloads: Vec<_> = payloads.map(|((.., id), held)| (id.clone(), held)).collect();
        assert_eq!(payloads.len(), EVENTS.len(), "{tenant}");
        let own = webhook(*n, &[]).id;
        for (_, held) in &payloads {
            assert_eq!(held.webhooks, [own].into(), "{tenant}");
            let is_of_email = held.payload.event_type.as_str().starts_with("email.");
            let names_its_key = held.payload.body.contains(&format!("{idempotency_key:?}"));
            assert_eq!(is_of_email, names_its_key, "{tenant}: {}", held.payload.body);
        }
        let ids: BTreeSet<EventId> = payloads.into_iter().map(|(id, _)| id).collect();
        let deliveries = state.hooks.deliveries.keys().filter(|(key, _)| key.tenant == *tenant);
        let delivered: BTreeSet<EventId> = deliveries
            .map(|(key, event)| {
                assert_eq!(key.id, own, "{tenant}");
                event.clone()
            })
            .collect();
        assert_eq!(delivered, ids, "{tenant}");
        all.extend(ids);
    }
    assert_eq!(all.len(), 6, "no two tenants share an id");
    assert_eq!(state.hooks.deliveries.len(), 6);
}
