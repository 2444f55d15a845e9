//! The webhooks of a run, one of each tenant: their creation, their recovery, and the question whether anything about
//! them still moves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::id::{EmailId, TenantId};
use domain::ports::PortError;
use domain::ports::webhooks::{RecoverJobs, WebhookKey, WebhookSecrets, Webhooks};
use domain::timestamp::Timestamp;
use domain::webhook::event_type::EventType;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::{SECRET_BYTES, Secrets, SigningSecret};
use domain::webhook::settings::{Target, Webhook, WebhookId};
use memory::MemoryBackend;
use strum::VariantArray;

use crate::oracle::Oracle;
use crate::run::START;
use crate::scenario::{HookPlan, Scenario};
use crate::system::System;
use crate::tenants::{add_other, other};

/// More than any clock of a run is behind.
const SKEW: Duration = Duration::from_secs(60);

/// The wait before a creation is repeated that got no answer.
const AGAIN: Duration = Duration::from_secs(1);

/// The endpoint of a tenant.
fn endpoint_of(tenant: &TenantId) -> String {
    format!("https://{tenant}.example.com/events")
}

/// The tenant of an endpoint.
pub(crate) fn tenant_of(endpoint: &str) -> Option<TenantId> {
    let tenants = [TenantId::main(), other()];
    tenants.into_iter().find(|tenant| endpoint_of(tenant) == endpoint)
}

/// The `n`th webhook, for all events of a tenant.
fn webhook((n, tenant): (u8, &TenantId), now: Timestamp) -> Webhook {
    let target = Target::Push {
        endpoint: endpoint_of(tenant),
    };
    let events = EventType::VARIANTS
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    let id = WebhookId::of(EmailId::from_random([8 + n; 16]));
    Webhook::new(id, tenant.clone(), target, events, now)
}

/// Switches the stream on, and adds the tenants. Without a later time the webhooks are created, before the first fault.
///
/// # Errors
/// None without a fault model.
pub(crate) async fn prepare(backend: &MemoryBackend, scenario: &Scenario, plan: HookPlan) -> Result<(), PortError> {
    {
        let mut state = backend.state();
        state.now_ms = START.as_millis();
        state.hooks.stream = Some(Vec::new());
    }
    let tenants = scenario.tenants();
    if tenants.contains(&other()) {
        add_other(backend);
    }
    if plan.created_in.is_zero() {
        create(backend, &tenants, START).await?;
    }
    Ok(())
}

/// Creates the webhooks while emails are accepted.
pub(crate) async fn create_later(backend: MemoryBackend, oracle: Oracle, tenants: BTreeSet<TenantId>, plan: HookPlan) {
    tokio::time::sleep(plan.created_in).await;
    let now = backend.state().now();
    oracle.record_webhooks(now);
    while create(&backend, &tenants, now).await.is_err() {
        tokio::time::sleep(AGAIN).await;
    }
    if plan.forgets_creation {
        backend.state().hooks.jobs.clear();
    }
}

/// Creates a webhook of each tenant. A repetition with the same time does no harm.
async fn create(backend: &MemoryBackend, tenants: &BTreeSet<TenantId>, now: Timestamp) -> Result<(), PortError> {
    for tenant in (0..).zip(tenants) {
        let webhook = webhook(tenant, now);
        let secrets = Secrets::new(SigningSecret::new([7; SECRET_BYTES]));
        backend.save_secrets(&WebhookKey::of(&webhook), None, &secrets).await?;
        let list = backend.webhooks_of(&webhook.tenant, now).await?;
        let job = RecoverJob::of_creation(EmailId::from_random([9; 16]), &webhook);
        backend.add_webhook(&list, &webhook, &job, now).await?;
    }
    Ok(())
}

/// Starts recoveries of everything since the beginning. The clock of an environment may be behind.
///
/// # Errors
/// The error of the backend; none while no faults happen.
pub(crate) async fn recover(
    backend: &MemoryBackend,
    tenants: &BTreeSet<TenantId>,
    now: Timestamp,
) -> Result<(), PortError> {
    for tenant in (0..).zip(tenants) {
        let (webhook, id) = (webhook(tenant, START), EmailId::from_random([10; 16]));
        let job = RecoverJob::new(id, webhook.id, (START.before(SKEW), now), false, now);
        backend.save_recover_job(&webhook.tenant, &job, now).await?;
    }
    Ok(())
}

/// True if every change is told, every delivery has ended, and no job is left.
pub(crate) fn are_idle(system: &Arc<System>) -> bool {
    let deliveries_end = {
        let state = system.backend.state();
        let hooks = &state.hooks;
        let queue = state
            .fault_model
            .as_ref()
            .is_none_or(|model| model.deliveries.is_empty());
        let mut deliveries = hooks.deliveries.values();
        let mut jobs = hooks.jobs.values();
        queue && deliveries.all(|stored| stored.delivery.next.is_none()) && jobs.all(|held| held.check.is_none())
    };
    deliveries_end && system.has_told_everything()
}

/// True if a run of `promote` has something to do for webhooks.
pub(crate) fn is_due(backend: &MemoryBackend) -> bool {
    let state = backend.state();
    let now = state.now();
    let mut deliveries = state.hooks.deliveries.values();
    let mut jobs = state.hooks.jobs.values();
    deliveries.any(|stored| stored.delivery.next.is_some_and(|next| next.check <= now))
        || jobs.any(|held| held.check.is_some_and(|check| check <= now))
}
