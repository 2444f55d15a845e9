//! The settings of a webhook.
//!
//! **Role:** changed by the API, read by `notify` and `deliver`; `deliver` may disable it.
//! **Invariant:** a disabled webhook keeps its events, and enabling it sends none of them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{EmailId, TenantId};
use crate::timestamp::Timestamp;
use crate::webhook::event_type::EventType;

/// Wait until each accepted email has the facts for a new webhook. An environment caches a key for thirty seconds, and a
/// request that it authenticated ends within 29 more.
pub const ACTIVE_AFTER: Duration = Duration::from_secs(60);

/// Life of a webhook that is only pulled.
pub const PULLED_FOR: Duration = Duration::from_secs(86_400);

/// The id of a webhook: as random as an email's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(Uuid);

impl WebhookId {
    /// A webhook's id from the bytes of a random email id.
    #[must_use]
    pub fn of(drawn: EmailId) -> Self {
        // An email's id is a UUID in hyphenated form, so that this never fails.
        Self(Uuid::try_parse(&drawn.to_string()).unwrap_or_default())
    }

    /// Reads the hyphenated form only, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        EmailId::parse(text).map(Self::of)
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The way in which events reach their receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Target {
    /// Each event is sent to an endpoint.
    Push {
        /// The URL.
        endpoint: String,
    },
    /// The receiver asks for the events.
    Pull {
        /// End of the webhook.
        until: Timestamp,
    },
}

/// The reason why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DisabledBy {
    /// A caller.
    Caller,
    /// The endpoint answered 410 Gone.
    Gone,
    /// Every attempt of five days failed.
    Failures,
}

/// Whether events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Status {
    /// Events are sent.
    Enabled,
    /// Events are only kept.
    Disabled {
        /// The reason.
        by: DisabledBy,
        /// Time of the change.
        at: Timestamp,
    },
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Format version; [`Webhook::VERSION`] is written.
    pub v: u8,
    /// The id.
    pub id: WebhookId,
    /// The tenant.
    pub tenant: TenantId,
    /// The target.
    pub target: Target,
    /// The wanted types as the caller named them, also those that are never told.
    pub events: Vec<String>,
    /// Whether events are sent.
    #[serde(flatten)]
    pub status: Status,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// A change of a webhook; `None` leaves a value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// The new endpoint.
    pub endpoint: Option<String>,
    /// The new list of types.
    pub events: Option<Vec<String>>,
    /// True to enable it, false to disable it.
    pub enabled: Option<bool>,
}

/// The reason for refusing a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoChange {
    /// A webhook that is only pulled has no endpoint.
    #[error("this webhook is only pulled; create another one for an endpoint")]
    Pulled,
}

impl Webhook {
    /// The version that is written.
    pub const VERSION: u8 = 1;

    /// A new webhook, enabled.
    #[must_use]
    pub fn new(id: WebhookId, tenant: TenantId, target: Target, events: Vec<String>, now: Timestamp) -> Self {
        Self {
            v: Self::VERSION,
            id,
            tenant,
            target,
            events,
            status: Status::Enabled,
            created_at: now,
        }
    }

    /// True if it asks for events of this type.
    #[must_use]
    pub fn wants(&self, event_type: EventType) -> bool {
        self.events.iter().any(|wanted| wanted == event_type.as_str())
    }

    /// The endpoint that is called now; `None` if events are only kept.
    #[must_use]
    pub fn called_endpoint(&self) -> Option<&str> {
        match (&self.target, self.status) {
            (Target::Push { endpoint }, Status::Enabled) => Some(endpoint),
            (Target::Push { .. } | Target::Pull { .. }, _) => None,
        }
    }

    /// True if it has ended. An ended one gets no events, and no longer counts.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ends_at().is_some_and(|until| until <= now)
    }

    /// The end of a webhook that is only pulled; `None` for any other one.
    #[must_use]
    pub const fn ends_at(&self) -> Option<Timestamp> {
        match self.target {
            Target::Push { .. } => None,
            Target::Pull { until } => Some(until),
        }
    }

    /// Time from which on every accepted email has the facts for it.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        self.created_at.after(ACTIVE_AFTER)
    }

    /// The webhook after a caller's change, and whether its endpoint starts anew: at another address, or enabled again.
    ///
    /// # Errors
    /// [`NoChange`].
    pub fn changed(&self, change: &WebhookChange, now: Timestamp) -> Result<(Self, bool), NoChange> {
        let mut next = self.clone();
        let mut is_new = false;
        if let Some(given) = &change.endpoint {
            match &mut next.target {
                Target::Push { endpoint } => {
                    is_new = endpoint != given;
                    endpoint.clone_from(given);
                }
                Target::Pull { .. } => return Err(NoChange::Pulled),
            }
        }
        if let Some(events) = &change.events {
            next.events.clone_from(events);
        }
        match (change.enabled, self.status) {
            (Some(true), Status::Disabled { .. }) => {
                next.status = Status::Enabled;
                is_new = true;
            }
            (Some(false), Status::Enabled) => {
                let by = DisabledBy::Caller;
                next.status = Status::Disabled { by, at: now };
            }
            (Some(true), Status::Enabled) | (Some(false), Status::Disabled { .. }) | (None, _) => {}
        }
        Ok((next, is_new))
    }

    /// The webhook after `deliver` disabled it; `None` if it is disabled already.
    #[must_use]
    pub fn disabled(&self, by: DisabledBy, now: Timestamp) -> Option<Self> {
        match self.status {
            Status::Enabled => Some(Self {
                status: Status::Disabled { by, at: now },
                ..self.clone()
            }),
            Status::Disabled { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn webhook() -> Webhook {
        let id = WebhookId::of(EmailId::from_random([1; 16]));
        let endpoint = "https://example.com/hook".to_owned();
        let events = ["email.sent", "contact.created"].map(str::to_owned).to_vec();
        Webhook::new(id, TenantId::main(), Target::Push { endpoint }, events, at(10))
    }

    #[test]
    fn a_webhook_gets_only_the_types_that_it_asks_for() {
        let wanted: Vec<_> = EventType::ALL.iter().filter(|each| webhook().wants(**each)).collect();
        assert_eq!(wanted, [&EventType::Sent]);
    }

    #[test]
    fn a_disabled_webhook_is_not_called_and_keeps_its_reason() {
        let disabled = webhook().disabled(DisabledBy::Gone, at(20)).unwrap();
        assert_eq!(webhook().called_endpoint(), Some("https://example.com/hook"));
        assert_eq!(disabled.called_endpoint(), None);
        assert!(disabled.wants(EventType::Sent), "its events are kept");
        assert_eq!(disabled.disabled(DisabledBy::Failures, at(30)), None);
        let off = WebhookChange {
            enabled: Some(false),
            ..WebhookChange::default()
        };
        assert_eq!(disabled.changed(&off, at(30)), Ok((disabled.clone(), false)));
    }

    #[test]
    fn a_new_endpoint_or_a_new_start_forgets_failures() {
        let change = |endpoint: Option<&str>, enabled| WebhookChange {
            endpoint: endpoint.map(str::to_owned),
            enabled,
            events: None,
        };
        let starts_anew = |webhook: &Webhook, change: WebhookChange| webhook.changed(&change, at(30)).unwrap().1;
        let disabled = webhook().disabled(DisabledBy::Failures, at(20)).unwrap();
        assert!(!starts_anew(&webhook(), change(None, Some(true))));
        assert!(!starts_anew(&webhook(), change(Some("https://example.com/hook"), None)));
        assert!(starts_anew(&webhook(), change(Some("https://example.com/other"), None)));
        assert!(starts_anew(&disabled, change(None, Some(true))));
    }

    #[test]
    fn a_pulled_webhook_ends_and_has_no_endpoint() {
        let pulled = Webhook {
            target: Target::Pull { until: at(100) },
            ..webhook()
        };
        assert_eq!(pulled.called_endpoint(), None);
        assert!(!pulled.has_ended(at(99)) && pulled.has_ended(at(100)));
        assert!(!webhook().has_ended(at(i64::from(u32::MAX))));
        let change = WebhookChange {
            endpoint: Some("https://example.com/hook".to_owned()),
            ..WebhookChange::default()
        };
        assert_eq!(pulled.changed(&change, at(20)), Err(NoChange::Pulled));
    }

    #[test]
    fn a_webhook_is_active_when_no_request_can_miss_it() {
        assert_eq!(webhook().active_at(), at(70));
    }

    #[test]
    fn the_stored_form_stays_the_same() {
        let id = webhook().id;
        let enabled = serde_json::to_string(&webhook()).unwrap();
        assert_eq!(
            enabled,
            format!(
                r#"{{"v":1,"id":"{id}","tenant":"main","target":{{"kind":"push","endpoint":"https://example.com/hook"}},"events":["email.sent","contact.created"],"status":"enabled","created_at":10000}}"#
            )
        );
        let disabled = webhook().disabled(DisabledBy::Gone, at(20)).unwrap();
        for webhook in [webhook(), disabled] {
            let text = serde_json::to_string(&webhook).unwrap();
            assert_eq!(serde_json::from_str::<Webhook>(&text).unwrap(), webhook);
        }
    }
}
