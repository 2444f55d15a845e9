//! A table in which somebody else writes first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use domain::access::key::{ApiKey, Maker};
use domain::access::tenant::Tenant;
use domain::id::{EmailId, KeyId, TenantId};
use domain::lifecycle::{Policy, Transition};
use domain::listing::{Place, Start};
use domain::pacing::{Change, Pace};
use domain::ports::access::{Keys, Tenants};
use domain::ports::erasure::Tombstones;
use domain::ports::{
    Claimed, Counts, Created, EmailKey, FailuresOfHour, Hours, Jobs, Listing, Paced, Paces, PortError, Queues, Rows,
    Suppressions, Written,
};
use domain::queue::job::Job;
use domain::queue::{Queue, QueueKey};
use domain::row::Row;
use domain::suppression::{Added, Marks, Origin, Suppression, SuppressionId};
use domain::tally::counter::Figures;
use domain::tally::queue_counts::QueueCounts;
use domain::timestamp::Timestamp;
use serde_json::Value;
use world::World;

use crate::common::{ask, manage, read};
use crate::done;

/// What somebody else does to the email between the reading of its row and the writing of it.
#[derive(Debug, Clone)]
pub(crate) enum Meddling {
    /// A sender claims it.
    Claim,
    /// A caller asks something of it, and is answered 200.
    Ask(Value),
    /// Its time is over, and the table forgets it.
    Forget,
}

/// Rows of which somebody else writes first, as often as a test wants it.
pub(crate) struct Meddled {
    pub(crate) world: World,
    pub(crate) with: Mutex<VecDeque<Meddling>>,
}

impl Rows for Meddled {
    async fn load_many(&self, keys: &[EmailKey], now: Timestamp) -> Result<Vec<Row>, PortError> {
        self.world.load_many(keys, now).await
    }

    async fn load(&self, key: &EmailKey, now: Timestamp) -> Result<Option<Row>, PortError> {
        Rows::load(&self.world, key, now).await
    }

    async fn create(&self, row: &Row, now: Timestamp) -> Result<Created, PortError> {
        self.world.create(row, now).await
    }

    async fn claim(&self, key: &EmailKey, nonce: u64, policy: &Policy, now: Timestamp) -> Result<Claimed, PortError> {
        self.world.claim(key, nonce, policy, now).await
    }

    async fn write(&self, before: &Row, transition: &Transition, now: Timestamp) -> Result<Written, PortError> {
        let next = self.with.lock().unwrap().pop_front();
        match next {
            None => {}
            Some(Meddling::Claim) => {
                let policy = manage(&self.world, (), ()).with.policy;
                let claimed = self.world.claim(&EmailKey::of(before), 7, &policy, now).await?;
                assert!(matches!(claimed, Claimed::Granted(_)), "{claimed:?}");
            }
            Some(Meddling::Forget) => {
                self.world.state().rows.remove(&EmailKey::of(before));
            }
            Some(Meddling::Ask(event)) => assert_eq!(read(&ask(&self.world, &event).await), done()),
        }
        self.world.write(before, transition, now).await
    }
}

impl Tombstones for Meddled {
    async fn bury(&self, before: &Row, now: Timestamp) -> Result<Written, PortError> {
        let next = self.with.lock().unwrap().pop_front();
        if let Some(Meddling::Ask(event)) = next {
            assert_eq!(read(&ask(&self.world, &event).await), done());
        }
        self.world.bury(before, now).await
    }

    async fn buried(&self, key: &EmailKey, now: Timestamp) -> Result<Option<String>, PortError> {
        self.world.buried(key, now).await
    }
}

impl Listing for Meddled {
    async fn places(&self, tenant: &TenantId, start: Start, count: usize) -> Result<Vec<Place>, PortError> {
        self.world.places(tenant, start, count).await
    }
}

impl Counts for Meddled {
    async fn standing(&self, tenant: &TenantId, queue: &str, now: Timestamp) -> Result<QueueCounts, PortError> {
        self.world.standing(tenant, queue, now).await
    }

    async fn flow(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<BTreeMap<Timestamp, Figures>, PortError> {
        self.world.flow(tenant, queue, hours).await
    }

    async fn failures(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<Option<Vec<FailuresOfHour>>, PortError> {
        self.world.failures(tenant, queue, hours).await
    }
}

impl Queues for Meddled {
    async fn queue(&self, key: &QueueKey) -> Result<Option<Queue>, PortError> {
        self.world.queue(key).await
    }

    async fn queues(&self, tenant: &TenantId) -> Result<Vec<Queue>, PortError> {
        self.world.queues(tenant).await
    }

    async fn save_queue(&self, before: Option<&Queue>, queue: &Queue, job: Option<&Job>) -> Result<bool, PortError> {
        self.world.save_queue(before, queue, job).await
    }
}

impl Jobs for Meddled {
    async fn due_jobs(&self, until: Timestamp) -> Result<Vec<(QueueKey, EmailId)>, PortError> {
        self.world.due_jobs(until).await
    }

    async fn job(&self, queue: &QueueKey, id: EmailId) -> Result<Option<Job>, PortError> {
        self.world.job(queue, id).await
    }

    async fn save_job(&self, job: &Job) -> Result<bool, PortError> {
        self.world.save_job(job).await
    }
}

impl Paces for Meddled {
    async fn pace(&self, of: Option<&QueueKey>) -> Result<Pace, PortError> {
        self.world.pace(of).await
    }

    async fn change_pace(&self, of: Option<&QueueKey>, change: &Change) -> Result<Paced, PortError> {
        self.world.change_pace(of, change).await
    }
}

impl Suppressions for Meddled {
    async fn suppress(&self, suppression: &Suppression) -> Result<Added, PortError> {
        self.world.suppress(suppression).await
    }

    async fn release(&self, tenant: &TenantId, id: SuppressionId, now: Timestamp) -> Result<bool, PortError> {
        self.world.release(tenant, id, now).await
    }

    async fn marks(&self, tenant: &TenantId) -> Result<Marks, PortError> {
        self.world.marks(tenant).await
    }

    async fn suppressions(&self, tenant: &TenantId, ids: &[SuppressionId]) -> Result<Vec<Suppression>, PortError> {
        self.world.suppressions(tenant, ids).await
    }

    async fn suppression_places(
        &self,
        tenant: &TenantId,
        origins: &[Origin],
        start: Start<SuppressionId>,
        count: usize,
    ) -> Result<Vec<Place<SuppressionId>>, PortError> {
        self.world.suppression_places(tenant, origins, start, count).await
    }
}

impl Keys for Meddled {
    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, PortError> {
        self.world.key(id).await
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, PortError> {
        self.world.keys(tenant).await
    }

    async fn add_key(&self, key: &ApiKey) -> Result<(), PortError> {
        self.world.add_key(key).await
    }

    async fn rename(&self, of: Option<&TenantId>, id: KeyId, name: &str) -> Result<bool, PortError> {
        self.world.rename(of, id, name).await
    }

    async fn revoke(&self, of: Option<&TenantId>, id: KeyId, by: Maker, now: Timestamp) -> Result<bool, PortError> {
        self.world.revoke(of, id, by, now).await
    }

    async fn note_use(&self, id: KeyId, hour: Timestamp) -> Result<(), PortError> {
        self.world.note_use(id, hour).await
    }
}

impl Tenants for Meddled {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, PortError> {
        self.world.tenant(id).await
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, PortError> {
        self.world.tenants().await
    }

    async fn save_tenant(&self, tenant: &Tenant) -> Result<bool, PortError> {
        self.world.save_tenant(tenant).await
    }
}
