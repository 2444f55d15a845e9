//! The stored items of webhooks, and the changes that the stream's filter takes for `notify`.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::index::DueCursor;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::delivery::suppression::{Entry, SuppressionId};
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::webhook_events::{DeliveryTaskRequest, HookChange, StoredDelivery, StoredFact, StoredPayload};
use domain::ports::webhooks::{StoredWebhook, WebhookKey, WebhookList};
use domain::tenant::domains::SendingDomain;
use domain::timestamp::Timestamp;
use domain::webhook::fact::FactNumber;
use domain::webhook::health::Health;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::permits::CallPermits;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::Secrets;
use domain::webhook::settings::{Webhook, WebhookId};

use crate::State;

/// A tenant's flag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag {
    /// Number of webhooks with an endpoint.
    pub count: usize,
    /// Number of changes.
    pub version: u64,
}

/// A stored job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldJob {
    /// The job.
    pub job: RecoverJob,
    /// Time of its entry in the due index.
    pub check: Option<Timestamp>,
}

/// A payload with its webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPayload {
    /// The payload.
    pub payload: StoredPayload,
    /// The webhooks that have a delivery.
    pub webhooks: BTreeSet<WebhookId>,
    /// Begin of its retention: the last write, or the last replay.
    pub stored_at: Timestamp,
}

/// The items of webhooks.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// The flags of tenants.
    pub flags: BTreeMap<TenantId, Flag>,
    /// The end of the latest pulled webhook of tenants, a part of their flags.
    pub pulled_until: BTreeMap<TenantId, Timestamp>,
    /// The settings.
    pub settings: BTreeMap<WebhookKey, StoredWebhook>,
    /// The settings that cannot be read.
    pub unreadable: BTreeSet<WebhookKey>,
    /// The secrets.
    pub secrets: BTreeMap<WebhookKey, Secrets>,
    /// The webhooks whose secrets nobody can decrypt.
    pub sealed: BTreeSet<WebhookKey>,
    /// The health of endpoints.
    pub health: BTreeMap<WebhookKey, Health>,
    /// The permits that all slow endpoints share.
    pub slow_permits: CallPermits,
    /// The recovery jobs.
    pub jobs: BTreeMap<(TenantId, EmailId), HeldJob>,
    /// The facts of emails.
    pub facts: BTreeMap<(EmailKey, FactNumber), StoredFact>,
    /// The payloads.
    pub payloads: BTreeMap<(TenantId, Subject, EventId), HeldPayload>,
    /// The marks of withdrawn events. They never end here.
    pub withdrawn: BTreeSet<(TenantId, Subject, EventId)>,
    /// The deliveries.
    pub deliveries: BTreeMap<(WebhookKey, EventId), StoredDelivery>,
    /// The places in the shards of due deliveries at which `promote` stopped.
    pub due_places: BTreeMap<u8, DueCursor>,
    /// The sent tasks.
    pub tasks: Vec<DeliveryTaskRequest>,
    /// The changes that the stream's filter takes, while the stream is on.
    pub stream: Option<Vec<HookChange>>,
    /// The suppressions whose changes the filter takes.
    told_suppressions: BTreeSet<(TenantId, SuppressionId)>,
}

impl Hooks {
    /// True if a tenant has a webhook that has not ended at `now`.
    #[must_use]
    pub fn is_flagged(&self, tenant: &TenantId, now: Timestamp) -> bool {
        let is_pulled = self.pulled_until.get(tenant).is_some_and(|until| *until > now);
        is_pulled || self.flags.get(tenant).is_some_and(|flag| flag.count > 0)
    }

    /// Adds a change to the stream, while it is on.
    pub(crate) fn tell(&mut self, change: HookChange) {
        self.stream
            .as_mut()
            .into_iter()
            .for_each(|stream| stream.push(change.clone()));
    }

    /// Adds the write of a record to the stream, if the filter takes it.
    pub(crate) fn tell_email(&mut self, before: Option<&EmailRecord>, after: &EmailRecord) {
        let is_told = match after.status {
            RecordStatus::Queued
            | RecordStatus::Sent
            | RecordStatus::Failed
            | RecordStatus::Unknown
            | RecordStatus::Canceled
            | RecordStatus::Expired => true,
            RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain => false,
        };
        if is_told && after.hook.is_some() && before != Some(after) {
            self.tell(HookChange::Email {
                key: after.email_key(),
                before: before.cloned().map(Box::new),
                after: Some(Box::new(after.clone())),
            });
        }
    }

    /// Adds the write of a sending domain to the stream, if the filter takes it.
    pub(crate) fn tell_domain(&mut self, before: Option<&SendingDomain>, after: Option<&SendingDomain>) {
        let Some(marked) = after.or(before).filter(|domain| domain.is_told) else {
            return;
        };
        self.tell(HookChange::Domain {
            tenant: marked.tenant.clone(),
            id: marked.id,
            before: before.cloned().map(Box::new),
            after: after.cloned().map(Box::new),
        });
    }

    /// Deletes expired facts, payloads and deliveries.
    pub(crate) fn expire(&mut self, is_kept_fact: impl Fn(Timestamp) -> bool, is_kept: impl Fn(Timestamp) -> bool) {
        self.facts.retain(|_, stored| is_kept_fact(stored.fact.at));
        self.payloads.retain(|_, held| is_kept(held.stored_at));
        self.deliveries.retain(|_, stored| is_kept(stored.delivery.from));
    }

    /// Saves the flag for these webhooks and the unreadable ones of a list, if that list has not changed.
    pub(crate) fn save_list(&mut self, tenant: &TenantId, list: &WebhookList, webhooks: &[Webhook]) -> bool {
        let flag = self.flags.entry(tenant.clone()).or_default();
        let is_unchanged = flag.version == list.version;
        if is_unchanged {
            let ends: Vec<_> = webhooks.iter().filter_map(Webhook::ends_at).collect();
            *flag = Flag {
                count: webhooks
                    .len()
                    .saturating_sub(ends.len())
                    .saturating_add(list.unreadable),
                version: list.version.saturating_add(1),
            };
            match ends.into_iter().max() {
                Some(until) => self.pulled_until.insert(tenant.clone(), until),
                None => self.pulled_until.remove(tenant),
            };
        }
        is_unchanged
    }

    pub(crate) fn webhook(&self, key: &WebhookKey, now: Timestamp) -> Option<StoredWebhook> {
        let stored = self.settings.get(key)?;
        (!stored.webhook.has_ended(now)).then(|| stored.clone())
    }

    pub(crate) fn put_job(&mut self, tenant: &TenantId, job: &RecoverJob, now: Timestamp) {
        let held = HeldJob {
            job: job.clone(),
            check: job.check(now),
        };
        self.jobs.insert((tenant.clone(), job.id), held);
        self.tell(HookChange::Job {
            tenant: tenant.clone(),
            id: job.id,
        });
    }
}

impl State {
    /// Adds the write of a suppression to the stream, if the filter takes it.
    pub(crate) fn tell_suppression(
        &mut self,
        (tenant, id): (TenantId, SuppressionId),
        before: Option<Entry>,
        after: Entry,
        is_told: bool,
    ) {
        let key = (tenant.clone(), id);
        if is_told {
            self.hooks.told_suppressions.insert(key.clone());
        }
        if self.hooks.told_suppressions.contains(&key) {
            self.hooks.tell(HookChange::Suppression {
                tenant,
                id,
                before,
                after: Some(after),
            });
        }
    }
}
