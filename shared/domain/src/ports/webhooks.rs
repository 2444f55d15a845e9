//! The webhooks of tenants: flags, settings, secrets, endpoints' health, and recovery jobs.
//!
//! **Invariant:** the flag of a tenant changes in one transaction with its webhooks, so that an email that was accepted
//! with a webhook has the facts for it.

use super::failure::PortError;
use crate::delivery::index::DueCursor;
use crate::id::{EmailId, TenantId};
use crate::timestamp::Timestamp;
use crate::webhook::health::Health;
use crate::webhook::permits::CallPermits;
use crate::webhook::recovery::RecoverJob;
use crate::webhook::secret::{Secrets, SigningSecret};
use crate::webhook::settings::{Webhook, WebhookId};

/// The key of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The id.
    pub id: WebhookId,
}

impl WebhookKey {
    /// The key of a webhook.
    #[must_use]
    pub fn of(webhook: &Webhook) -> Self {
        Self {
            tenant: webhook.tenant.clone(),
            id: webhook.id,
        }
    }
}

/// Stored settings of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWebhook {
    /// The settings.
    pub webhook: Webhook,
    /// Number of their writes, from 1. Each change requires the version that it has read.
    pub version: u64,
}

/// The webhooks of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookList {
    /// All webhooks that have not ended, newest first.
    pub webhooks: Vec<StoredWebhook>,
    /// Number of webhooks that cannot be read: a newer version wrote them, or they are damaged. They count as webhooks.
    pub unreadable: usize,
    /// Number of changes of the list; 0 before the first one.
    pub version: u64,
}

impl WebhookList {
    /// Number of webhooks, also of unreadable ones: a flag that is too low would lose events.
    #[must_use]
    pub fn count(&self) -> usize {
        self.webhooks.len().saturating_add(self.unreadable)
    }
}

/// The flags of tenants with a webhook. Reads are not consistent.
pub trait WebhookFlags: Sync {
    /// True if a tenant has a webhook that has not ended at `now`.
    fn has_webhooks(&self, tenant: &TenantId, now: Timestamp) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The settings of webhooks. Reads are consistent.
pub trait Webhooks: Sync {
    /// The webhooks of a tenant that have not ended.
    fn webhooks_of(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> impl Future<Output = Result<WebhookList, PortError>> + Send;

    /// Reads a webhook. One that has ended is missing.
    fn webhook(
        &self,
        key: &WebhookKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredWebhook>, PortError>> + Send;

    /// Adds a webhook with its first recovery and raises the flag, all or nothing, if the list is as it was read;
    /// `false` if it is not. Its secrets are stored before ([`WebhookSecrets::save_secrets`]).
    fn add_webhook(
        &self,
        list: &WebhookList,
        webhook: &Webhook,
        job: &RecoverJob,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Replaces the settings, if they are at the version of `before`; `false` if they are not.
    fn save_webhook(
        &self,
        before: &StoredWebhook,
        webhook: &Webhook,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Removes a webhook with its secrets and its health, and lowers the flag, all or nothing, if the list is as it was
    /// read; `false` if it is not. Its deliveries expire by themselves. An adapter without secrets leaves them.
    fn remove_webhook(
        &self,
        list: &WebhookList,
        id: WebhookId,
        tenant: &TenantId,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The bytes of an encrypted secret, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ciphertext(pub Vec<u8>);

/// Stored secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredSecrets {
    /// The secrets.
    Readable(Secrets),
    /// Nobody can decrypt them: their key is gone, disabled, or not for this deployment any more.
    Unreadable(Ciphertext),
}

impl StoredSecrets {
    /// The secrets, if they can be decrypted.
    #[must_use]
    pub fn readable(self) -> Option<Secrets> {
        match self {
            Self::Readable(secrets) => Some(secrets),
            Self::Unreadable(_) => None,
        }
    }
}

/// The signing secrets of webhooks.
pub trait WebhookSecrets: Sync {
    /// Reads the secrets consistently.
    fn secrets(&self, key: &WebhookKey) -> impl Future<Output = Result<Option<StoredSecrets>, PortError>> + Send;

    /// Stores secrets, if those in `before` are still stored; `false` if others are. `None`: none are stored yet.
    fn save_secrets(
        &self,
        key: &WebhookKey,
        before: Option<&Secrets>,
        secrets: &Secrets,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Replaces secrets that nobody can decrypt, if these bytes are still stored; `false` if others are.
    fn replace_unreadable(
        &self,
        key: &WebhookKey,
        before: &Ciphertext,
        secrets: &Secrets,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// New signing secrets.
pub trait SecretSource: Sync {
    /// A random secret.
    ///
    /// # Errors
    /// The system has no randomness: a secret must not be guessable.
    fn signing_secret(&self) -> Result<SigningSecret, PortError>;
}

/// The result of a change of an endpoint's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthChange {
    /// Written.
    Done,
    /// It was not as it was read, and is so now.
    Moved(Box<Health>),
}

/// The health of endpoints. Reads are consistent.
pub trait EndpointHealth: Sync {
    /// Reads the health of an endpoint; a new one has the default.
    fn health(&self, key: &WebhookKey) -> impl Future<Output = Result<Health, PortError>> + Send;

    /// Changes the health, in one write. It requires that its numbers and the changed permits are as in `before`.
    fn change_health(
        &self,
        key: &WebhookKey,
        before: &Health,
        after: &Health,
    ) -> impl Future<Output = Result<HealthChange, PortError>> + Send;

    /// Forgets failures and pauses. Its permits stay, and so does the mark of a slow endpoint.
    fn reset_health(&self, key: &WebhookKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The result of a change of the permits for slow endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermitChange {
    /// Written.
    Done,
    /// A changed place was not as it was read. The permits are so now.
    Moved(Box<CallPermits>),
}

/// The permits that all slow endpoints share.
pub trait SlowPermits: Sync {
    /// Changes the permits, in one write. It requires that the changed places are as in `before`. Others may have been
    /// taken or freed in between.
    fn change_slow_permits(
        &self,
        before: &CallPermits,
        after: &CallPermits,
    ) -> impl Future<Output = Result<PermitChange, PortError>> + Send;
}

/// Everything that `deliver` needs of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The settings; `None` if the webhook is gone.
    pub webhook: Option<StoredWebhook>,
    /// The secrets.
    pub secrets: Option<Secrets>,
    /// The health.
    pub health: Health,
    /// The permits that all slow endpoints share.
    pub slow_permits: CallPermits,
}

/// The endpoints of webhooks.
pub trait Endpoints: Webhooks + WebhookSecrets + EndpointHealth + SlowPermits {
    /// Reads settings, secrets, health and the permits for slow endpoints consistently. Secrets that nobody can decrypt are
    /// an error, so that the events wait.
    fn endpoint(&self, key: &WebhookKey, now: Timestamp) -> impl Future<Output = Result<Endpoint, PortError>> + Send;
}

/// The entry of a job in the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    /// The tenant.
    pub tenant: TenantId,
    /// The job.
    pub id: EmailId,
    /// The place of the entry.
    pub cursor: DueCursor,
}

/// The recovery jobs of webhooks.
pub trait RecoverJobs: Sync {
    /// Reads a job consistently.
    fn recover_job(
        &self,
        tenant: &TenantId,
        id: EmailId,
    ) -> impl Future<Output = Result<Option<RecoverJob>, PortError>> + Send;

    /// Stores a job as its version, if the version before it is stored, or none for version 0; `false` if another write
    /// came before. Each stored version wakes `notify`.
    fn save_recover_job(
        &self,
        tenant: &TenantId,
        job: &RecoverJob,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads up to `count` jobs whose check is due until `until`, earliest first. The read is not consistent.
    fn due_recover_jobs(
        &self,
        until: Timestamp,
        count: usize,
    ) -> impl Future<Output = Result<Vec<DueJob>, PortError>> + Send;

    /// Moves the check of a job to `check`, which wakes `notify`; `false` if it was moved before.
    fn wake_recover_job(&self, job: &DueJob, check: Timestamp) -> impl Future<Output = Result<bool, PortError>> + Send;
}
