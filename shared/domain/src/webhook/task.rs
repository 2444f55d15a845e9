//! The message in the queue of deliveries: a task. Any task for an open delivery is as good as another.

use serde::{Deserialize, Serialize};

use crate::id::TenantId;
use crate::webhook::identity::EventId;
use crate::webhook::settings::WebhookId;

/// A report that a delivery may be due. It proves nothing and carries no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryTask {
    /// Format version; [`DeliveryTask::VERSION`] is written.
    pub v: u8,
    /// The tenant.
    pub tenant: TenantId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The event.
    pub event: EventId,
}

/// The reason why a message is not a task.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryTaskError {
    /// Not JSON, or not of this form.
    #[error("not a delivery task")]
    Malformed(#[from] serde_json::Error),
    /// From a newer deployment, still in flight after a rollback.
    #[error("delivery task of unknown version {0}")]
    UnknownVersion(u8),
}

impl DeliveryTask {
    /// The version that is written.
    pub const VERSION: u8 = 1;

    /// The task of a delivery.
    #[must_use]
    pub fn new(tenant: TenantId, webhook: WebhookId, event: EventId) -> Self {
        Self {
            v: Self::VERSION,
            tenant,
            webhook,
            event,
        }
    }

    /// The message's body. Nothing in it needs JSON's escapes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self {
            v,
            tenant,
            webhook,
            event,
        } = self;
        format!(r#"{{"v":{v},"tenant":"{tenant}","webhook":"{webhook}","event":"{event}"}}"#)
    }

    /// Reads a message's body.
    ///
    /// # Errors
    /// [`DeliveryTaskError`]; a retry does not help.
    pub fn from_json(text: &str) -> Result<Self, DeliveryTaskError> {
        let task: Self = serde_json::from_str(text)?;
        if task.v == Self::VERSION {
            Ok(task)
        } else {
            Err(DeliveryTaskError::UnknownVersion(task.v))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EmailId;

    #[test]
    fn a_task_is_read_as_it_was_written() {
        let webhook = WebhookId::of(EmailId::from_random([2; 16]));
        let task = DeliveryTask::new(TenantId::main(), webhook, EventId::from_bytes([3; 20]));
        let json = task.to_json();
        assert_eq!(DeliveryTask::from_json(&json).unwrap(), task);
        assert_eq!(serde_json::to_string(&task).unwrap(), json);
        let newer = json.replace("\"v\":1", "\"v\":2");
        let error = DeliveryTask::from_json(&newer).unwrap_err();
        assert!(matches!(error, DeliveryTaskError::UnknownVersion(2)));
        for bad in ["", "{}", "[]", &json.replace("msg_", "evt_")] {
            let error = DeliveryTask::from_json(bad).unwrap_err();
            assert!(matches!(error, DeliveryTaskError::Malformed(_)), "{bad}");
        }
    }
}
