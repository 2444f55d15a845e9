//! Tenants: create, show, change, delete, by the deployer alone.
//!
//! **Invariant:** `main` always exists, and is never created, changed or deleted. The name of a deleted tenant
//! is never used again. A change applies everywhere after half a minute, when every environment has read the
//! tenant again.
//! **Suspension:** the tenant's item first makes its keys void. Each queue is marked next, `default` with a
//! job for the rest. Senders treat the mark like a pause.
//! **After a crash** in between: the same request completes the change; behind the write of `default`,
//! `promote` does.

use aws::http::auth::Deployer;
use domain::api::access_api::{TenantSettings, TenantView, TenantsView};
use domain::api::error::ApiError;
use domain::id::TenantId;
use domain::ports::{Clock, Random};
use domain::queue::Common;
use domain::tenant::Tenant;

use crate::{AccessError, AccessFunction, Store};

/// Retries after losing the race for a conditional write.
const ROUNDS: usize = 8;

impl<R, S> AccessFunction<R, S>
where
    R: Store,
    S: Clock + Random,
{
    /// Creates a tenant.
    ///
    /// # Errors
    /// 409 when the name is or was in use. Or a backend call failed.
    pub async fn create_tenant(
        &self,
        _: Deployer,
        id: TenantId,
        settings: &TenantSettings,
    ) -> Result<TenantView, AccessError> {
        let exists = || ApiError::conflict("A tenant with this name already exists.");
        if id == TenantId::main() {
            return Err(exists().into());
        }
        let now = self.system.now();
        let tenant = Tenant {
            id,
            created_at: now,
            ..Tenant::main()
        };
        let tenant = settings.set(tenant, now);
        if self.records.save_tenant(&tenant).await? {
            return Ok(TenantView::new(&tenant));
        }
        match self.records.deleted_at(&tenant.id).await? {
            None => Err(exists().into()),
            Some(at) => {
                let message = format!(
                    "A tenant with this name was deleted at {at}. Names of deleted tenants cannot be reused. Choose another name."
                );
                Err(ApiError::conflict(message).into())
            }
        }
    }

    /// Shows all tenants, newest first, `main` last.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn tenants(&self, _: Deployer) -> Result<TenantsView, AccessError> {
        let mut tenants = self.records.tenants().await?;
        tenants.push(Tenant::main());
        Ok(TenantsView::new(&tenants))
    }

    /// Shows a tenant.
    ///
    /// # Errors
    /// 404 when it does not exist. Or a backend call failed.
    pub async fn tenant(&self, _: Deployer, id: &TenantId) -> Result<TenantView, AccessError> {
        self.known(id).await.map(|tenant| TenantView::new(&tenant))
    }

    /// Changes a tenant.
    ///
    /// # Errors
    /// 404 when it does not exist. 422 for `main`. Or a backend call failed.
    pub async fn change_tenant(
        &self,
        _: Deployer,
        id: &TenantId,
        settings: &TenantSettings,
    ) -> Result<TenantView, AccessError> {
        if *id == TenantId::main() {
            let problem = "the tenant main cannot have limits: create another tenant for them";
            return Err(ApiError::validation("name", problem).into());
        }
        for _ in 0..ROUNDS {
            let next = settings.on(&self.known(id).await?, self.system.now());
            if self.records.save_tenant(&next).await? {
                if settings.suspended.is_some() {
                    let suspended = next.suspended;
                    self.mark_queues(id, |common| Ok(Common { suspended, ..common }))
                        .await?;
                }
                return Ok(TenantView::new(&next));
            }
        }
        Err(AccessError::Busy)
    }

    async fn known(&self, id: &TenantId) -> Result<Tenant, AccessError> {
        if *id == TenantId::main() {
            return Ok(Tenant::main());
        }
        let tenant = self.records.tenant(id).await?;
        tenant.ok_or_else(|| ApiError::not_found("No tenant has this name. See GET /tenants.").into())
    }
}
