//! Creates, changes and deletes webhooks, and rotates their secrets.
//!
//! **Invariant:** an endpoint that may never be called is not stored. A host without an address is: it may come later.
//! **Start reading at** [`WebhooksFunction::create`].

use domain::api::error::ApiError;
use domain::api::webhook_api::{NewWebhook, warnings};
use domain::api::webhook_view::{SecretRotated, WebhookChanged, WebhookCreated, WebhookDeleted};
use domain::limits::WEBHOOKS_MAX;
use domain::ports::webhooks::{
    EndpointHealth, SecretSource, StoredSecrets, StoredWebhook, WebhookKey, WebhookList, WebhookSecrets, Webhooks,
};
use domain::ports::{Clock, Random, Rounds};
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::{Secrets, SigningSecret};
use domain::webhook::settings::{PULLED_FOR, Target, Webhook, WebhookChange, WebhookId};
use outgoing::{Failure, Refusal, resolve};

use crate::owner::Owner;
use crate::{Ports, WebhooksError, WebhooksFunction};

/// The refusal of an unknown id. Another tenant's webhook does not exist for this one.
pub(crate) fn not_there() -> WebhooksError {
    ApiError::not_found(NO_WEBHOOK).into()
}

/// The sentence about an id of no webhook.
pub(crate) const NO_WEBHOOK: &str = "No webhook has this id. See GET /webhooks.";

fn check_room(list: &WebhookList) -> Result<(), ApiError> {
    if list.count() < WEBHOOKS_MAX {
        return Ok(());
    }
    Err(ApiError::conflict(format!(
        "This tenant already has the maximum of {WEBHOOKS_MAX} webhooks; delete one first."
    )))
}

/// The refusal of an endpoint that is never called, with the name of the rule.
fn never_called(refusal: Refusal) -> ApiError {
    ApiError::validation("endpoint", format_args!("{refusal} (rule: {})", refusal.rule.name()))
}

impl<P: Ports> WebhooksFunction<P> {
    /// Creates a webhook, and its first recovery. Returns its id and the answer.
    ///
    /// # Errors
    /// 409 when the tenant has as many webhooks as it may. 422 for an endpoint that is never called. Or a backend call
    /// failed: the webhook may exist.
    pub async fn create(&self, owner: &Owner, new: NewWebhook) -> Result<(String, WebhookCreated), WebhooksError> {
        check_room(&self.endpoints.webhooks_of(owner.tenant(), self.system.now()).await?)?;
        let mut notes = warnings(&new.events);
        if let Some(endpoint) = &new.endpoint {
            notes.extend(self.check_endpoint(endpoint).await?);
        }
        let secret = match new.signing_secret {
            Some(given) => given,
            None => self.system.signing_secret()?,
        };
        let (id, job) = (WebhookId::of(self.system.id()?), self.system.id()?);
        // A webhook is stored only with its secret: another order would send unsigned events.
        let pulled_until = self.system.now().after(PULLED_FOR);
        let ends_at = new.endpoint.is_none().then_some(pulled_until);
        let secrets = Secrets::new(secret.clone()).ending_at(ends_at);
        let mut rounds = Rounds::of("creating a webhook");
        if !self.endpoints.save_secrets(&owner.key(id), None, &secrets).await? {
            return Err(rounds.contended().into());
        }
        loop {
            rounds.begin()?;
            // `active_at` counts from the write.
            let now = self.system.now();
            let list = self.endpoints.webhooks_of(owner.tenant(), now).await?;
            check_room(&list)?;
            let target = match &new.endpoint {
                Some(endpoint) => Target::Push {
                    endpoint: endpoint.clone(),
                },
                None => Target::Pull { until: pulled_until },
            };
            let webhook = Webhook::new(id, owner.tenant().clone(), target, new.events.clone(), now);
            let others = list.webhooks.iter().map(|stored| &stored.webhook);
            let first = RecoverJob::of_creation(job, &webhook).beside(others);
            if self.endpoints.add_webhook(&list, &webhook, &first, now).await? {
                return Ok((id.to_string(), WebhookCreated::new(&webhook, &secret, notes)));
            }
        }
    }

    /// Checks an endpoint. Returns a note about a host that DNS does not know.
    async fn check_endpoint(&self, endpoint: &str) -> Result<Option<String>, ApiError> {
        let target = outgoing::Target::parse(endpoint, self.policy).map_err(never_called)?;
        match resolve::checked(&self.hosts, &target).await {
            Ok(_) => Ok(None),
            Err(Failure::Refused(refusal)) => Err(never_called(refusal)),
            Err(
                failure @ (Failure::Dns(_)
                | Failure::Connect(_)
                | Failure::OnlyIpv6(_)
                | Failure::Tls(_)
                | Failure::Timeout { .. }
                | Failure::Protocol(_)),
            ) => Ok(Some(format!("endpoint: {failure}"))),
        }
    }

    /// Changes a webhook. Another endpoint, or an enabled one, starts without failures.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. 422 for an endpoint that is never called, or for a webhook without
    /// one. Or a backend call failed: the same request completes the change.
    pub async fn change(
        &self,
        owner: &Owner,
        id: WebhookId,
        change: &WebhookChange,
    ) -> Result<WebhookChanged, WebhooksError> {
        let key = owner.key(id);
        let mut before = self.stored(&key).await?;
        let mut notes = change.events.as_deref().map(warnings).unwrap_or_default();
        let is_pulled = matches!(before.webhook.target, Target::Pull { .. });
        if let (Some(endpoint), false) = (&change.endpoint, is_pulled) {
            notes.extend(self.check_endpoint(endpoint).await?);
        }
        let mut rounds = Rounds::of("changing a webhook");
        loop {
            rounds.begin()?;
            let changed = before.webhook.changed(change, self.system.now());
            let (after, starts_anew) = changed.map_err(|why| ApiError::validation("endpoint", why))?;
            if starts_anew {
                // First: a repeated request finds no change any more.
                self.endpoints.reset_health(&key).await?;
            }
            if after == before.webhook || self.endpoints.save_webhook(&before, &after).await? {
                return Ok(WebhookChanged::new(&after, notes));
            }
            before = self.stored(&key).await?;
        }
    }

    /// Deletes a webhook.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. Or a backend call failed: the same request completes the deletion.
    pub async fn delete(&self, owner: &Owner, id: WebhookId) -> Result<WebhookDeleted, WebhooksError> {
        let mut rounds = Rounds::of("deleting a webhook");
        loop {
            rounds.begin()?;
            let list = self.endpoints.webhooks_of(owner.tenant(), self.system.now()).await?;
            let found = list.webhooks.iter().find(|stored| stored.webhook.id == id);
            let found = found.ok_or_else(not_there)?;
            if self.endpoints.remove_webhook(&list, id, owner.tenant()).await? {
                return Ok(WebhookDeleted::new(&found.webhook));
            }
        }
    }

    /// Replaces the signing secret by the given one, or by a new one. The earlier one also signs for a day, unless it is
    /// lost: it is missing, or nobody can decrypt it any more.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. Or a backend call failed: the secret may be replaced.
    pub async fn rotate(
        &self,
        owner: &Owner,
        id: WebhookId,
        given: Option<SigningSecret>,
    ) -> Result<SecretRotated, WebhooksError> {
        let key = owner.key(id);
        let stored = self.stored(&key).await?;
        let next = match given {
            Some(given) => given,
            None => self.system.signing_secret()?,
        };
        let mut rounds = Rounds::of("rotating a signing secret");
        loop {
            rounds.begin()?;
            let rotated = SecretRotated::new(&stored.webhook, &next);
            let lost = || Secrets::new(next.clone()).ending_at(stored.webhook.ends_at());
            match self.endpoints.secrets(&key).await? {
                Some(StoredSecrets::Readable(before)) => {
                    let after = before.rotated(next.clone(), self.system.now());
                    if after == before || self.endpoints.save_secrets(&key, Some(&before), &after).await? {
                        return Ok(rotated);
                    }
                }
                Some(StoredSecrets::Unreadable(before)) => {
                    if self.endpoints.replace_unreadable(&key, &before, &lost()).await? {
                        return Ok(rotated.with_lost_secret());
                    }
                }
                None => {
                    // A deletion between this read and the write leaves a secret that no request can read.
                    self.stored(&key).await?;
                    if self.endpoints.save_secrets(&key, None, &lost()).await? {
                        return Ok(rotated.with_lost_secret());
                    }
                }
            }
        }
    }

    /// Returns a webhook.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. Or a backend call failed.
    pub(crate) async fn stored(&self, key: &WebhookKey) -> Result<StoredWebhook, WebhooksError> {
        let found = self.endpoints.webhook(key, self.system.now()).await?;
        found.ok_or_else(not_there)
    }
}
