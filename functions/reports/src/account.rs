//! State of the account, and the unfinished emails of tenants.
//!
//! **Invariant:** a tenant's request reads that tenant's queues and counters, and nothing of the account or of another
//! tenant. The cost grows with the number of tenants and queues, and not with the number of emails.
//! **Start reading at** [`ReportsFunction::account`]. Why these sources: docs/adr/0045.

use std::collections::BTreeSet;

use aws::http::auth::{ActsFor, Viewer};
use aws::runtime::telemetry;
use domain::api::account_view::{AccountView, RequestKey};
use domain::api::open_metrics::{TenantFigures, open_metrics, today};
use domain::id::{QueueName, TenantId};
use domain::ports::access::Tenants;
use domain::ports::{AccountQuotas, AccountRates, Clock, Counts, DueIndex, PortError, Queues, Watermark};
use domain::reporting::account::AccountFigures;
use domain::reporting::tally::counter::Figures;
use domain::reporting::tally::queue_counts::QueueCounts;
use domain::timestamp::Timestamp;
use futures::future::{join3, try_join, try_join3};
use futures::stream::iter;
use futures::{StreamExt, TryStreamExt};

use crate::{Ports, ReportsError, ReportsFunction};

/// Number of tenants, or of one tenant's queues, that are read concurrently.
const AT_ONCE: usize = 10;

impl<P: Ports> ReportsFunction<P> {
    /// Shows the state of the account, as far as the viewer may see it.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn account(&self, viewer: &Viewer) -> Result<AccountView, ReportsError> {
        let now = self.system.now();
        let one = named_tenant(viewer);
        let unfinished = async {
            let tenants = self.tenants_of(one).await?;
            let reads: Vec<_> = tenants.iter().map(|tenant| self.unfinished(tenant, now)).collect();
            let mut sum = QueueCounts::default();
            let mut counts = iter(reads).buffer_unordered(AT_ONCE);
            while let Some(counts) = counts.try_next().await? {
                sum += counts;
            }
            Ok(sum)
        };
        let (unfinished, account) = try_join(unfinished, self.account_figures(viewer, now)).await?;
        let key = request_key(viewer);
        Ok(AccountView::new(key.as_ref(), one, unfinished, account.as_ref(), now))
    }

    /// Shows the same figures and the outcomes of the day, for a scraper.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn open_metrics(&self, viewer: &Viewer) -> Result<String, ReportsError> {
        let now = self.system.now();
        let tenants = async {
            let tenants = self.tenants_of(named_tenant(viewer)).await?;
            let reads: Vec<_> = tenants
                .into_iter()
                .map(|tenant| self.tenant_figures(tenant, now))
                .collect();
            iter(reads).buffered(AT_ONCE).try_collect::<Vec<_>>().await
        };
        let (tenants, account) = try_join(tenants, self.account_figures(viewer, now)).await?;
        Ok(open_metrics(&tenants, account.as_ref(), now))
    }

    /// Returns one tenant, or else all of them in the order of their names.
    async fn tenants_of(&self, one: Option<&TenantId>) -> Result<Vec<TenantId>, PortError> {
        if let Some(tenant) = one {
            return Ok(vec![tenant.clone()]);
        }
        let created = self.records.tenants().await?;
        let mut tenants: Vec<TenantId> = created.into_iter().map(|tenant| tenant.id).collect();
        tenants.push(TenantId::main());
        tenants.sort();
        Ok(tenants)
    }

    async fn tenant_figures(&self, tenant: TenantId, now: Timestamp) -> Result<TenantFigures, PortError> {
        let flow = self.records.flow(&tenant, None, today(now));
        let (flow, unfinished) = try_join(flow, self.unfinished(&tenant, now)).await?;
        let mut outcomes = Figures::new();
        for (figure, number) in flow.into_values().flatten() {
            let sum = outcomes.entry(figure).or_insert(0);
            *sum = number.saturating_add(*sum);
        }
        Ok(TenantFigures {
            tenant,
            unfinished,
            outcomes,
        })
    }

    /// Counts the emails of a tenant that have not ended, also in deleted queues.
    async fn unfinished(&self, tenant: &TenantId, now: Timestamp) -> Result<QueueCounts, PortError> {
        let queues = self.records.queues(tenant).await?;
        let mut names: BTreeSet<QueueName> = queues.into_iter().map(|queue| queue.key.name).collect();
        names.insert(QueueName::default());
        let reads: Vec<_> = names
            .iter()
            .map(|name| self.records.queue_counts(tenant, name.as_str(), now))
            .collect();
        let mut sum = QueueCounts::default();
        let mut counts = iter(reads).buffer_unordered(AT_ONCE);
        while let Some(counts) = counts.try_next().await? {
            sum += counts;
        }
        Ok(sum)
    }

    /// Reads the figures of the account; `None` for a tenant.
    async fn account_figures(&self, viewer: &Viewer, now: Timestamp) -> Result<Option<AccountFigures>, PortError> {
        let Viewer::Deployer(..) = viewer else {
            return Ok(None);
        };
        let stored = try_join3(
            self.records.account_rate(),
            self.records.watermark(),
            self.records.bookmarks(),
        );
        let throttles = self.throttles.read(&self.monitoring, now);
        let (quota, throttles, stored) = join3(self.account.quota(), throttles, stored).await;
        let (account_rate, newest_event, bookmarks) = stored?;
        let quota = quota.map_err(|error| {
            let error = telemetry::chain(&error);
            tracing::warn!(error, "SES did not report the limits of the account");
        });
        Ok(Some(AccountFigures {
            quota: quota.ok(),
            account_rate,
            newest_event,
            busy_since: bookmarks.busy_since,
            oldest_due: bookmarks.oldest_due,
            table_throttles: throttles,
        }))
    }
}

/// Returns the key of the request; `None` for the deployer's.
fn request_key(viewer: &Viewer) -> Option<RequestKey> {
    let Viewer::Tenant(caller) = viewer else {
        return None;
    };
    Some(RequestKey {
        id: caller.key(),
        name: caller.name().to_owned(),
        permission: caller.permission(),
        tenant: caller.tenant().clone(),
        from_domains: caller.from_domains().to_vec(),
        expires_at: caller.expires_at(),
    })
}

/// Returns the tenant of the figures; `None` for all.
fn named_tenant(viewer: &Viewer) -> Option<&TenantId> {
    match viewer {
        Viewer::Tenant(caller) => Some(caller.tenant()),
        Viewer::Deployer(_, operator) => operator.as_ref().map(ActsFor::tenant),
    }
}
