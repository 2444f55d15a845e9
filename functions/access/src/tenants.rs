//! Tenants: made, shown, changed, by the deployer alone.
//!
//! **Invariant:** `main` always exists, and is neither made nor changed. A change is so everywhere after half a
//! minute, when every environment has read the tenant anew.

use aws::access::Deployer;
use domain::access::tenant::Tenant;
use domain::api_error::ApiError;
use domain::id::TenantId;
use domain::ports::Clock;
use domain::ports::access::Tenants;
use domain::wire::access_api::{TenantSettings, TenantView, TenantsView};

use crate::{Access, AccessError};

/// How often a change is made anew that somebody else's came before.
const ROUNDS: usize = 8;

impl<R, S> Access<R, S>
where
    R: Tenants,
    S: Clock,
{
    /// Makes a tenant.
    ///
    /// # Errors
    /// 409 when there is one of this name; or the world's failure.
    pub async fn create_tenant(
        &self,
        _: Deployer,
        id: TenantId,
        settings: &TenantSettings,
    ) -> Result<TenantView, AccessError> {
        let exists = || ApiError::conflict("There is a tenant of this name.");
        if id == TenantId::main() {
            return Err(exists().into());
        }
        let mut tenant = Tenant {
            id,
            created_at: self.system.now(),
            ..Tenant::main()
        };
        settings.set(&mut tenant);
        if self.rows.save_tenant(&tenant).await? {
            Ok(TenantView::new(&tenant))
        } else {
            Err(exists().into())
        }
    }

    /// Shows all tenants, newest first, `main` last.
    ///
    /// # Errors
    /// The world's failure.
    pub async fn tenants(&self, _: Deployer) -> Result<TenantsView, AccessError> {
        let mut tenants = self.rows.tenants().await?;
        tenants.push(Tenant::main());
        Ok(TenantsView::new(&tenants))
    }

    /// Shows a tenant.
    ///
    /// # Errors
    /// 404 when there is none; or the world's failure.
    pub async fn tenant(&self, _: Deployer, id: &TenantId) -> Result<TenantView, AccessError> {
        self.known(id).await.map(|tenant| TenantView::new(&tenant))
    }

    /// Changes a tenant.
    ///
    /// # Errors
    /// 404 when there is none, 422 for `main`; or the world's failure.
    pub async fn change_tenant(
        &self,
        _: Deployer,
        id: &TenantId,
        settings: &TenantSettings,
    ) -> Result<TenantView, AccessError> {
        if *id == TenantId::main() {
            let problem = "the tenant main has no limits: make another one for whom they are meant";
            return Err(ApiError::validation("name", problem).into());
        }
        for _ in 0..ROUNDS {
            let next = settings.on(&self.known(id).await?);
            if self.rows.save_tenant(&next).await? {
                return Ok(TenantView::new(&next));
            }
        }
        Err(AccessError::Busy)
    }

    async fn known(&self, id: &TenantId) -> Result<Tenant, AccessError> {
        if *id == TenantId::main() {
            return Ok(Tenant::main());
        }
        let tenant = self.rows.tenant(id).await?;
        tenant.ok_or_else(|| ApiError::not_found("There is no tenant of this name.").into())
    }
}
