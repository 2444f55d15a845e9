//! Webhooks over [`State`](crate::State): flags, settings, secrets and recovery jobs.

use domain::delivery::index::DueCursor;
use domain::id::{EmailId, TenantId};
use domain::ports::webhook_events::HookChange;
use domain::ports::webhooks::{
    Ciphertext, DueJob, RecoverJobs, SecretSource, StoredSecrets, StoredWebhook, WebhookFlags, WebhookKey, WebhookList,
    WebhookSecrets, Webhooks,
};
use domain::ports::{PortError, Random};
use domain::timestamp::Timestamp;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::{SECRET_BYTES, Secrets, SigningSecret};
use domain::webhook::settings::{Webhook, WebhookId};

use crate::{Call, MemoryBackend};

impl WebhookFlags for MemoryBackend {
    async fn has_webhooks(&self, tenant: &TenantId, now: Timestamp) -> Result<bool, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("has_webhooks", None), move |state| {
            state.hooks.is_flagged(&tenant, now)
        })
        .await
    }
}

impl Webhooks for MemoryBackend {
    async fn webhooks_of(&self, tenant: &TenantId, now: Timestamp) -> Result<WebhookList, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("webhooks_of", None), move |state| {
            let all = state.hooks.settings.values();
            let own = all.filter(|stored| stored.webhook.tenant == tenant && !stored.webhook.has_ended(now));
            let is_readable = |stored: &&StoredWebhook| {
                let key = WebhookKey::of(&stored.webhook);
                !state.hooks.unreadable.contains(&key)
            };
            let (readable, unreadable): (Vec<_>, Vec<_>) = own.partition(is_readable);
            let mut webhooks: Vec<_> = readable.into_iter().cloned().collect();
            webhooks.sort_by_key(|stored| std::cmp::Reverse((stored.webhook.created_at, stored.webhook.id)));
            let version = state.hooks.flags.get(&tenant).map_or(0, |flag| flag.version);
            WebhookList {
                webhooks,
                unreadable: unreadable.len(),
                version,
            }
        })
        .await
    }

    async fn webhook(&self, key: &WebhookKey, now: Timestamp) -> Result<Option<StoredWebhook>, PortError> {
        let key = key.clone();
        self.call(Call::reads("webhook", None), move |state| {
            state.hooks.webhook(&key, now)
        })
        .await
    }

    async fn add_webhook(
        &self,
        list: &WebhookList,
        webhook: &Webhook,
        job: &RecoverJob,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        let (list, webhook, job) = (list.clone(), webhook.clone(), job.clone());
        self.call(Call::writes("add_webhook", None), move |state| {
            let (key, version) = (WebhookKey::of(&webhook), 1);
            let stored = StoredWebhook {
                webhook: webhook.clone(),
                version,
            };
            if state.hooks.settings.get(&key) == Some(&stored) {
                return true;
            }
            let others = list.webhooks.iter().map(|stored| stored.webhook.clone());
            let all: Vec<_> = others.chain([webhook.clone()]).collect();
            if !state.hooks.save_list(&webhook.tenant, &list, &all) {
                return false;
            }
            state.hooks.settings.insert(key, stored);
            state.hooks.put_job(&webhook.tenant, &job, now);
            true
        })
        .await
    }

    async fn save_webhook(&self, before: &StoredWebhook, webhook: &Webhook) -> Result<bool, PortError> {
        let next = StoredWebhook {
            webhook: webhook.clone(),
            version: before.version.saturating_add(1),
        };
        let seen = before.version;
        self.call(Call::writes("save_webhook", None), move |state| {
            let key = WebhookKey::of(&next.webhook);
            match state.hooks.settings.get_mut(&key) {
                Some(stored) if *stored == next => true,
                Some(stored) if stored.version == seen => {
                    *stored = next.clone();
                    true
                }
                Some(_) | None => false,
            }
        })
        .await
    }

    async fn remove_webhook(&self, list: &WebhookList, id: WebhookId, tenant: &TenantId) -> Result<bool, PortError> {
        let others = list.webhooks.iter().filter(|stored| stored.webhook.id != id);
        let others: Vec<_> = others.map(|stored| stored.webhook.clone()).collect();
        let list = list.clone();
        let key = WebhookKey {
            tenant: tenant.clone(),
            id,
        };
        self.call(Call::writes("remove_webhook", None), move |state| {
            if !state.hooks.save_list(&key.tenant, &list, &others) {
                return false;
            }
            state.hooks.settings.remove(&key);
            state.hooks.secrets.remove(&key);
            state.hooks.sealed.remove(&key);
            state.hooks.health.remove(&key);
            true
        })
        .await
    }
}

/// The encrypted form of a secret that nobody can decrypt.
fn ciphertext(secrets: &Secrets) -> Ciphertext {
    Ciphertext(secrets.current.as_bytes().iter().rev().copied().collect())
}

impl WebhookSecrets for MemoryBackend {
    async fn secrets(&self, key: &WebhookKey) -> Result<Option<StoredSecrets>, PortError> {
        let key = key.clone();
        self.call(Call::reads("secrets", None), move |state| {
            let stored = state.hooks.secrets.get(&key)?;
            Some(if state.hooks.sealed.contains(&key) {
                StoredSecrets::Unreadable(ciphertext(stored))
            } else {
                StoredSecrets::Readable(stored.clone())
            })
        })
        .await
    }

    async fn replace_unreadable(
        &self,
        key: &WebhookKey,
        before: &Ciphertext,
        secrets: &Secrets,
    ) -> Result<bool, PortError> {
        let (key, before, secrets) = (key.clone(), before.clone(), secrets.clone());
        self.call(Call::writes("replace_unreadable", None), move |state| {
            let stored = state.hooks.secrets.get(&key);
            if stored == Some(&secrets) {
                return true;
            }
            let is_unchanged = stored.is_some_and(|stored| ciphertext(stored) == before);
            if is_unchanged {
                state.hooks.sealed.remove(&key);
                state.hooks.secrets.insert(key.clone(), secrets.clone());
            }
            is_unchanged
        })
        .await
    }

    async fn save_secrets(
        &self,
        key: &WebhookKey,
        before: Option<&Secrets>,
        secrets: &Secrets,
    ) -> Result<bool, PortError> {
        let (key, before, secrets) = (key.clone(), before.cloned(), secrets.clone());
        self.call(Call::writes("save_secrets", None), move |state| {
            let stored = state.hooks.secrets.get(&key);
            if stored == Some(&secrets) {
                return true;
            }
            let is_unchanged = stored == before.as_ref();
            if is_unchanged {
                state.hooks.secrets.insert(key.clone(), secrets.clone());
            }
            is_unchanged
        })
        .await
    }
}

impl SecretSource for MemoryBackend {
    fn signing_secret(&self) -> Result<SigningSecret, PortError> {
        let mut secret = [0; SECRET_BYTES];
        for (byte, of_nonce) in secret.iter_mut().zip(self.nonce()?.to_be_bytes()) {
            *byte = of_nonce;
        }
        Ok(SigningSecret::new(secret))
    }
}

fn cursor(check: Timestamp, id: EmailId) -> DueCursor {
    DueCursor(format!("{:015}#{id}", check.as_millis()))
}

impl RecoverJobs for MemoryBackend {
    async fn recover_job(&self, tenant: &TenantId, id: EmailId) -> Result<Option<RecoverJob>, PortError> {
        let key = (tenant.clone(), id);
        self.call(Call::reads("recover_job", None), move |state| {
            state.hooks.jobs.get(&key).map(|held| held.job.clone())
        })
        .await
    }

    async fn save_recover_job(&self, tenant: &TenantId, job: &RecoverJob, now: Timestamp) -> Result<bool, PortError> {
        let (tenant, job) = (tenant.clone(), job.clone());
        self.call(Call::writes("save_recover_job", None), move |state| {
            let stored = state.hooks.jobs.get(&(tenant.clone(), job.id)).map(|held| &held.job);
            if stored == Some(&job) {
                return true;
            }
            let is_unchanged = match stored {
                None => job.version <= 1,
                Some(stored) => stored.version.saturating_add(1) == job.version,
            };
            if is_unchanged {
                state.hooks.put_job(&tenant, &job, now);
            }
            is_unchanged
        })
        .await
    }

    async fn due_recover_jobs(&self, until: Timestamp, count: usize) -> Result<Vec<DueJob>, PortError> {
        self.call(Call::reads("due_recover_jobs", None), move |state| {
            let due = state.hooks.jobs.iter().filter_map(|((tenant, id), held)| {
                let check = held.check.filter(|check| *check <= until)?;
                Some(DueJob {
                    tenant: tenant.clone(),
                    id: *id,
                    cursor: cursor(check, *id),
                })
            });
            let mut due: Vec<_> = due.collect();
            due.sort_by_cached_key(|due: &DueJob| due.cursor.clone());
            due.truncate(count);
            due
        })
        .await
    }

    async fn wake_recover_job(&self, job: &DueJob, check: Timestamp) -> Result<bool, PortError> {
        let job = job.clone();
        self.call(Call::writes("wake_recover_job", None), move |state| {
            let key = (job.tenant.clone(), job.id);
            let Some(held) = state.hooks.jobs.get_mut(&key) else {
                return false;
            };
            if held.check == Some(check) {
                return true;
            }
            if held.check.map(|check| cursor(check, job.id)) != Some(job.cursor.clone()) {
                return false;
            }
            held.check = Some(check);
            state.hooks.tell(HookChange::Job {
                tenant: job.tenant.clone(),
                id: job.id,
            });
            true
        })
        .await
    }
}
