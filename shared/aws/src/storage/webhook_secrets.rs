//! The signing secrets of webhooks, in a table of their own that only two roles may read. It has no stream.
//!
//! **Encryption:** the table is encrypted. With a KMS key, each secret is also encrypted by itself, for its webhook
//! alone. A secret names its key, so that another key, or none, applies to new secrets only. A role must be allowed to
//! use that key too (`PreviousWebhookKeyArn`); a secret that it cannot decrypt can still be replaced.
//! **Calls:** an environment asks KMS once about each stored secret.
//! **Privacy:** no error and no log has anything of a secret.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use domain::id::TenantId;
use domain::ports::PortError;
use domain::ports::webhooks::{
    Ciphertext, Endpoint, EndpointHealth, Endpoints, HealthChange, PermitChange, SlowPermits, StoredSecrets,
    StoredWebhook, WebhookKey, WebhookList, WebhookSecrets, Webhooks,
};
use domain::timestamp::Timestamp;
use domain::webhook::health::Health;
use domain::webhook::permits::CallPermits;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::{Secrets, SigningSecret};
use domain::webhook::settings::{Webhook, WebhookId};
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::runtime::cache::lock;
use crate::runtime::failure::{call_error, port};
use crate::storage::attributes::{Item, ItemError};
use crate::storage::endpoints::to_health;
use crate::storage::mapping::{Bytes, attribute, decode, encode, is_default};
use crate::storage::permits::to_permits;
use crate::storage::table::keys::webhooks as keys;
use crate::storage::table::{ConditionOutcome, Expression, Table, Transacted, Write};
use crate::storage::webhooks::{REMOVING, removal, to_webhook};

/// Most secrets whose plain form an environment remembers.
const KNOWN_MAX: usize = 1_000;

const READING: &str = "reading the signing secrets of a webhook";
const STORING: &str = "storing the signing secrets of a webhook";
const DECRYPTING: &str = "decrypting a signing secret";

/// Codes of a decryption that fails until a person changes the key, its policy or the role.
/// Source: AWS KMS API Reference, `Decrypt`, "Errors". The others pass.
const UNREADABLE: [&str; 7] = [
    "AccessDeniedException",
    "DisabledException",
    "IncorrectKeyException",
    "InvalidCiphertextException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
];

/// Secrets that the key, or the role, does not let anybody decrypt.
#[derive(Debug, thiserror::Error)]
#[error("they cannot be decrypted: set PreviousWebhookKeyArn to their key, or rotate them (docs/OPERATIONS.md)")]
struct UnreadableSecrets;

/// Stored form of secrets, without their key. With a KMS key both secrets are encrypted.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "c")]
    current: Bytes,
    #[serde(rename = "p", default, skip_serializing_if = "is_default")]
    previous: Option<Bytes>,
    /// End of the previous one.
    #[serde(rename = "pu", default, skip_serializing_if = "is_default")]
    previous_until: Option<Timestamp>,
    /// The KMS key.
    #[serde(rename = "k", default, skip_serializing_if = "is_default")]
    key: Option<String>,
    /// End of a webhook that is only pulled.
    #[serde(default, skip_serializing_if = "is_default")]
    ttl: Option<i64>,
}

/// The table of secrets with their key, and the table of all other items of webhooks.
#[derive(Clone)]
pub struct SecretTable {
    table: Table,
    secrets: Table,
    kms: Client,
    kms_key: Option<String>,
    /// Plain secrets by their encrypted form.
    known: Arc<Mutex<HashMap<Vec<u8>, SigningSecret>>>,
}

impl fmt::Debug for SecretTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretTable")
    }
}

impl SecretTable {
    /// Creates the adapter of both tables. `secret_table` is the name of the table of secrets. `kms_key` is the ARN of the
    /// key for new secrets; `None` leaves them to the encryption of the table.
    #[must_use]
    pub fn new(table: Table, secret_table: &str, kms: Client, kms_key: Option<String>) -> Self {
        Self {
            secrets: table.sibling(secret_table),
            table,
            kms,
            kms_key,
            known: Arc::default(),
        }
    }

    /// The table of all other items.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    async fn encrypted(&self, key: &WebhookKey, secret: &SigningSecret) -> Result<Bytes, PortError> {
        const WHAT: &str = "encrypting a signing secret";
        let Some(kms_key) = &self.kms_key else {
            return Ok(Bytes(secret.as_bytes().to_vec()));
        };
        let call = self
            .kms
            .encrypt()
            .key_id(kms_key)
            .plaintext(Blob::new(secret.as_bytes()))
            .encryption_context("tenant", key.tenant.to_string())
            .encryption_context("webhook", key.id.to_string());
        let answer = call.send().await.map_err(call_error(WHAT))?;
        let bytes = answer
            .ciphertext_blob
            .ok_or_else(|| port(WHAT)("KMS returned nothing".into()))?;
        Ok(Bytes(bytes.into_inner()))
    }

    /// Decrypts a secret; `None` if nobody can.
    async fn decrypted(
        &self,
        key: &WebhookKey,
        Bytes(bytes): Bytes,
        kms_key: Option<&str>,
    ) -> Result<Option<SigningSecret>, PortError> {
        let Some(kms_key) = kms_key else {
            return Ok(SigningSecret::from_bytes(bytes).ok());
        };
        if let Some(known) = lock(&self.known).get(&bytes) {
            return Ok(Some(known.clone()));
        }
        let call = self
            .kms
            .decrypt()
            .key_id(kms_key)
            .ciphertext_blob(Blob::new(bytes.clone()))
            .encryption_context("tenant", key.tenant.to_string())
            .encryption_context("webhook", key.id.to_string());
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) if error.code().is_some_and(|code| UNREADABLE.contains(&code)) => {
                let code = error.code().unwrap_or_default();
                tracing::warn!(tenant = %key.tenant, webhook = %key.id, code, "a signing secret cannot be decrypted");
                return Ok(None);
            }
            Err(error) => return Err(call_error(DECRYPTING)(error)),
        };
        let plain = answer
            .plaintext
            .ok_or_else(|| port(DECRYPTING)("KMS returned nothing".into()))?;
        let Ok(secret) = SigningSecret::from_bytes(plain.into_inner()) else {
            return Ok(None);
        };
        let mut known = lock(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(bytes, secret.clone());
        Ok(Some(secret))
    }

    async fn to_secrets(&self, key: &WebhookKey, item: &Item) -> Result<StoredSecrets, PortError> {
        let stored: Stored = decode(item).map_err(|error| port(READING)(error.into()))?;
        let (kms_key, Bytes(bytes)) = (stored.key.as_deref(), &stored.current);
        let unreadable = StoredSecrets::Unreadable(Ciphertext(bytes.clone()));
        let Some(current) = self.decrypted(key, stored.current, kms_key).await? else {
            return Ok(unreadable);
        };
        let previous = match (stored.previous, stored.previous_until) {
            (Some(previous), Some(until)) => {
                let previous = self.decrypted(key, previous, kms_key).await?;
                previous.map(|previous| (previous, until))
            }
            (_, _) => None,
        };
        let until = stored
            .ttl
            .map(|secs| Timestamp::from_millis(secs.saturating_mul(1_000)));
        Ok(StoredSecrets::Readable(Secrets {
            current,
            previous,
            until,
        }))
    }

    /// Stores secrets under a condition. True if they are stored, also by an earlier call whose answer was lost.
    async fn put(&self, key: &WebhookKey, secrets: &Secrets, when: Expression) -> Result<bool, PortError> {
        let item = self.item_of(key, secrets, STORING).await?;
        match self.secrets.put_if(item, when, STORING).await? {
            ConditionOutcome::Done(_) => Ok(true),
            ConditionOutcome::Refused(Some(stored)) => {
                Ok(self.to_secrets(key, &stored).await?.readable().as_ref() == Some(secrets))
            }
            ConditionOutcome::Refused(None) => Ok(false),
        }
    }

    async fn item_of(&self, key: &WebhookKey, secrets: &Secrets, what: &'static str) -> Result<Item, PortError> {
        let previous = match &secrets.previous {
            Some((previous, _)) => Some(self.encrypted(key, previous).await?),
            None => None,
        };
        let stored = Stored {
            current: self.encrypted(key, &secrets.current).await?,
            previous,
            previous_until: secrets.previous.as_ref().map(|(_, until)| *until),
            key: self.kms_key.clone(),
            ttl: secrets.until.map(Timestamp::as_secs),
        };
        encode(keys::secrets(key), &stored, what)
    }
}

/// The condition that the stored secret has these bytes. Each encryption gives others.
fn unchanged(current: Bytes) -> Expression {
    Expression::condition("#c = :c")
        .with_name("#c", "c")
        .with_value(":c", current)
}

impl WebhookSecrets for SecretTable {
    async fn secrets(&self, key: &WebhookKey) -> Result<Option<StoredSecrets>, PortError> {
        match self.secrets.get(keys::secrets(key), READING).await? {
            Some(item) => self.to_secrets(key, &item).await.map(Some),
            None => Ok(None),
        }
    }

    async fn save_secrets(
        &self,
        key: &WebhookKey,
        before: Option<&Secrets>,
        secrets: &Secrets,
    ) -> Result<bool, PortError> {
        let when = match before {
            None => Expression::condition("attribute_not_exists(pk)"),
            Some(before) => {
                let Some(stored) = self.secrets.get(keys::secrets(key), READING).await? else {
                    return Ok(false);
                };
                let there = self.to_secrets(key, &stored).await?.readable();
                if there.as_ref() != Some(before) {
                    return Ok(there.as_ref() == Some(secrets));
                }
                unchanged(attribute(&stored, "c").map_err(|error| port(READING)(error.into()))?)
            }
        };
        self.put(key, secrets, when).await
    }

    async fn replace_unreadable(
        &self,
        key: &WebhookKey,
        Ciphertext(before): &Ciphertext,
        secrets: &Secrets,
    ) -> Result<bool, PortError> {
        self.put(key, secrets, unchanged(Bytes(before.clone()))).await
    }
}

impl Endpoints for SecretTable {
    async fn endpoint(&self, key: &WebhookKey, now: Timestamp) -> Result<Endpoint, PortError> {
        const WHAT: &str = "reading an endpoint";
        let all = [keys::settings(key), keys::health(key), keys::slow_permits()];
        let (items, secrets) = try_join(self.table.get_many(all.to_vec(), WHAT), self.secrets(key)).await?;
        let of = |key: Item| {
            items
                .iter()
                .find(|item| item.get("pk") == key.get("pk") && item.get("sk") == key.get("sk"))
        };
        let unreadable = |error: ItemError| port(WHAT)(error.into());
        let [settings, health, slow_permits] = all.map(of);
        let webhook = settings.map(|item| to_webhook(item, now)).transpose();
        let readable = |stored: StoredSecrets| {
            let secrets = stored.readable();
            secrets.ok_or_else(|| port(READING)(UnreadableSecrets.into()))
        };
        Ok(Endpoint {
            webhook: webhook.map_err(unreadable)?.flatten(),
            secrets: secrets.map(readable).transpose()?,
            health: to_health(health).map_err(unreadable)?,
            slow_permits: to_permits(slow_permits),
        })
    }
}

/// As in the table, but a removed webhook loses its secrets too.
impl Webhooks for SecretTable {
    async fn webhooks_of(&self, tenant: &TenantId, now: Timestamp) -> Result<WebhookList, PortError> {
        self.table.webhooks_of(tenant, now).await
    }

    async fn webhook(&self, key: &WebhookKey, now: Timestamp) -> Result<Option<StoredWebhook>, PortError> {
        self.table.webhook(key, now).await
    }

    async fn add_webhook(
        &self,
        list: &WebhookList,
        webhook: &Webhook,
        job: &RecoverJob,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        self.table.add_webhook(list, webhook, job, now).await
    }

    async fn save_webhook(&self, before: &StoredWebhook, webhook: &Webhook) -> Result<bool, PortError> {
        self.table.save_webhook(before, webhook).await
    }

    async fn remove_webhook(&self, list: &WebhookList, id: WebhookId, tenant: &TenantId) -> Result<bool, PortError> {
        let key = WebhookKey {
            tenant: tenant.clone(),
            id,
        };
        let secrets = Write::Delete {
            key: keys::secrets(&key),
            when: Expression::default(),
        };
        let transaction = self
            .table
            .transact_across(removal(list, &key)?, &self.secrets, vec![secrets], REMOVING);
        Ok(transaction.await? == Transacted::Done)
    }
}

/// As in the table.
impl SlowPermits for SecretTable {
    async fn change_slow_permits(&self, before: &CallPermits, after: &CallPermits) -> Result<PermitChange, PortError> {
        self.table.change_slow_permits(before, after).await
    }
}

/// As in the table.
impl EndpointHealth for SecretTable {
    async fn health(&self, key: &WebhookKey) -> Result<Health, PortError> {
        self.table.health(key).await
    }

    async fn change_health(
        &self,
        key: &WebhookKey,
        before: &Health,
        after: &Health,
    ) -> Result<HealthChange, PortError> {
        self.table.change_health(key, before, after).await
    }

    async fn reset_health(&self, key: &WebhookKey) -> Result<(), PortError> {
        self.table.reset_health(key).await
    }
}

#[cfg(test)]
#[path = "webhook_secrets_tests.rs"]
mod tests;
