//! A tenant with a webhook, and its receiver.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{Api, HookBox, HookRequest, Stack, eventually, unique};
use serde_json::{Value, json};

use super::emails::address;
use super::tenants::tenant;

/// All events.
pub(super) const EVENTS: [&str; 17] = [
    "email.scheduled",
    "email.sent",
    "email.delivered",
    "email.delivery_delayed",
    "email.bounced",
    "email.complained",
    "email.opened",
    "email.clicked",
    "email.failed",
    "email.suppressed",
    "email.canceled",
    "email.expired",
    "suppression.added",
    "suppression.removed",
    "domain.created",
    "domain.updated",
    "domain.deleted",
];

/// A tenant whose addresses and domain have a mark. An event without the mark belongs to another tenant.
#[derive(Clone)]
pub(super) struct Marked {
    pub(super) tenant: String,
    pub(super) api: Api,
    mark: String,
}

impl Marked {
    pub(super) async fn new(stack: &Stack) -> Self {
        let mark = unique("mark");
        let limits = json!({"from_domains": ["mailqueue.example", format!("{mark}.example")]});
        let (tenant, api) = tenant(stack, limits).await;
        Self { tenant, api, mark }
    }

    /// Returns an address at a domain that accepts everything.
    pub(super) fn address(&self, label: &str) -> String {
        address(&format!("{label}-{}", self.mark))
    }

    /// Returns an address of SES's mailbox simulator.
    pub(super) fn simulated(&self, kind: &str) -> String {
        format!("{kind}+{}@simulator.amazonses.com", self.mark)
    }

    /// Returns a domain that only this tenant may register.
    pub(super) fn domain(&self) -> String {
        format!("{}.example", self.mark)
    }

    /// Creates a webhook for all events.
    pub(super) async fn hook(&self, stack: &Stack) -> Hooked {
        let receiver = stack.hook_box();
        let wanted = json!({"endpoint": receiver.endpoint(), "events": EVENTS});
        let made = self.api.post("/webhooks", &wanted).await;
        assert_eq!(made.status, 201, "{made:?}");
        let text = |field: &str| made.body[field].as_str().unwrap().to_owned();
        let (id, secret) = (text("id"), text("signing_secret"));
        receiver.verify_with(&[&secret]).await;
        Hooked {
            owner: self.clone(),
            api: self.api.clone(),
            receiver,
            id,
            secret,
        }
    }

    /// Checks that every request is verified, that each event has one id and one body, and that all are this tenant's.
    pub(super) fn check(&self, all: &[HookRequest]) {
        let mut bodies = BTreeSet::new();
        for request in all {
            assert!(request.verified, "{request:?}");
            let (kind, about) = request.told();
            // The data of a test event are invented.
            let is_test = request.payload().pointer("/data/tags/test").is_some();
            assert!(
                is_test || about.contains(&self.mark),
                "another tenant's {kind} of {about}"
            );
            bodies.insert((request.event_id().to_owned(), request.body.clone()));
        }
        let ids: BTreeSet<_> = bodies.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), bodies.len(), "one id with two bodies");
        let told: BTreeSet<_> = bodies.iter().map(|(_, body)| body).collect();
        assert_eq!(ids.len(), told.len(), "one event with two ids");
    }
}

/// A tenant with a webhook for all events.
pub(super) struct Hooked {
    pub(super) owner: Marked,
    pub(super) api: Api,
    pub(super) receiver: HookBox,
    pub(super) id: String,
    pub(super) secret: String,
}

impl Hooked {
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/webhooks/{}{rest}", self.id)
    }

    pub(super) async fn event(&self, id: &str) -> Value {
        self.api.get(&self.path(&format!("/events/{id}"))).await.ok()
    }

    /// Waits until an event has this status.
    pub(super) async fn wait_for(&self, event: &str, status: &str) -> Value {
        eventually(&format!("the status {status} of {event}"), || async {
            let shown = self.event(event).await;
            if shown["status"] == status {
                Ok(shown)
            } else {
                Err(shown.to_string())
            }
        })
        .await
    }

    /// Waits until at least so many requests have arrived, and checks them.
    pub(super) async fn requests(&self, count: usize) -> Vec<HookRequest> {
        let all = eventually(&format!("{count} requests"), || async {
            let all = self.receiver.received().await;
            let found = all.len();
            if found >= count {
                Ok(all)
            } else {
                Err(format!("{found} requests"))
            }
        })
        .await;
        self.owner.check(&all);
        all
    }

    /// Sends a test event; returns its id.
    pub(super) async fn test(&self) -> String {
        self.api.post(&self.path("/test"), &json!({})).await.id()
    }

    /// Returns the status codes of an event's attempts, newest first.
    pub(super) async fn codes(&self, event: &str) -> Vec<u64> {
        let listed = self
            .api
            .get(&self.path(&format!("/events/{event}/attempts")))
            .await
            .ok();
        let attempts = listed["data"].as_array().unwrap();
        attempts
            .iter()
            .map(|attempt| attempt["http_status_code"].as_u64().unwrap())
            .collect()
    }
}

pub(super) async fn hooked(stack: &Stack) -> Hooked {
    Marked::new(stack).await.hook(stack).await
}

/// Returns the ids that each type and recipient was told with.
pub(super) fn ids(all: &[HookRequest]) -> BTreeMap<(String, String), BTreeSet<&str>> {
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for request in all {
        found.entry(request.told()).or_default().insert(request.event_id());
    }
    found
}

/// Checks that each of these types and recipients was told with one id.
pub(super) fn check_one_id_each(all: &[HookRequest], wanted: &[(&str, &str)]) {
    let ids = ids(all);
    for (kind, about) in wanted {
        let found = ids.get(&((*kind).to_owned(), (*about).to_owned()));
        assert_eq!(found.map(BTreeSet::len), Some(1), "{kind} of {about}: {found:?}");
    }
}
