//! Tenants: create, show, change, delete, by the deployer alone.
//!
//! **Invariant:** `main` always exists, and is never created, changed or deleted. The name of a deleted tenant
//! is never used again. A change applies everywhere after half a minute, when every environment has read the
//! tenant again.
//! **Suspension:** the tenant's item first makes its keys void. Each queue is marked next, `default` with a
//! job for the rest. Senders treat the mark like a pause.
//! **Hold:** as a suspension, but only for emails from removed From domains of the tenant. Its keys keep working.
//! **After a crash** in between: the same request completes the change. After the write of `default`, `promote`
//! completes it too.

use aws::http::auth::Deployer;
use aws::http::query;
use domain::api::access_api::TenantSettings;
use domain::api::access_view::{DomainHoldView, TenantChangedView, TenantView, TenantsView};
use domain::api::error::ApiError;
use domain::id::TenantId;
use domain::ports::access::Tenants;
use domain::ports::{Clock, Rounds};
use domain::queue::hold::Hold;
use domain::tenant::Tenant;
use workflow::held_emails;

use crate::api_keys::KNOWN_EVERYWHERE;
use crate::key_holds::too_many;
use crate::{AccessError, AccessFunction, Ports};

/// Message for a name that no tenant has.
pub(crate) const NO_SUCH_TENANT: &str = "No tenant has this name. See GET /tenants.";

/// Effects of a change on waiting emails: `?hold&release`. A release comes first, so that both replace a hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HoldChange {
    /// Hold emails from all other domains than the tenant's new ones.
    pub hold: bool,
    /// End the tenant's earlier holds.
    pub release: bool,
}

impl HoldChange {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [hold, release] = query::flags(query, ["hold", "release"])?;
        Ok(Self { hold, release })
    }
}

impl<P: Ports> AccessFunction<P> {
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
        self.find_tenant(id).await.map(|tenant| TenantView::new(&tenant))
    }

    /// Changes a tenant. With `hold`, accepted emails from the removed From domains wait until a release,
    /// for every API key. So do emails that an environment with the cached tenant still accepts.
    ///
    /// # Errors
    /// 404 when it does not exist. 409 when it has too many holds. 422 for `main`, or for a hold without From
    /// domains. Or a backend call failed.
    pub async fn change_tenant(
        &self,
        _: Deployer,
        id: &TenantId,
        settings: &TenantSettings,
        with: HoldChange,
    ) -> Result<TenantChangedView, AccessError> {
        if *id == TenantId::main() {
            let problem =
                "the tenant main cannot be changed: create another tenant, which can have limits and be suspended";
            return Err(ApiError::validation("name", problem).into());
        }
        if with.hold && settings.from_domains.is_none() {
            let problem = "is required with hold=true: list the From domains that the tenant keeps";
            return Err(ApiError::missing_field("from_domains", problem).into());
        }
        let mut rounds = Rounds::of("changing a tenant");
        loop {
            rounds.begin()?;
            let next = settings.on(&self.find_tenant(id).await?, self.system.now());
            if self.records.save_tenant(&next).await? {
                let hold = self.update_queues(&next, settings.suspended.is_some(), with).await?;
                return Ok(TenantChangedView::new(&next, hold));
            }
        }
    }

    /// Brings the queues of a changed tenant up to date, and counts the emails that its hold stops.
    async fn update_queues(
        &self,
        tenant: &Tenant,
        is_suspension: bool,
        HoldChange { hold, release }: HoldChange,
    ) -> Result<Option<DomainHoldView>, AccessError> {
        if !(is_suspension || hold || release) {
            return Ok(None);
        }
        let until = self.system.now().after(KNOWN_EVERYWHERE);
        let changed_queues = self.mark_queues(&tenant.id, |mut common| {
            if is_suspension {
                common.suspended = tenant.suspended;
            }
            if release {
                common.holds = common.holds.without(None);
            }
            if hold {
                let hold = Hold::of_lost_domains(None, tenant.from_domains.clone(), until);
                common.holds = common.holds.with(hold).ok_or_else(too_many)?;
            }
            Ok(common)
        });
        let holds = changed_queues.await?.holds.of(&[None]);
        if !hold {
            return Ok(None);
        }
        let held = held_emails::count(&self.records, &tenant.id, &holds, self.system.now()).await?;
        Ok(Some(DomainHoldView::new(held, until)))
    }

    async fn find_tenant(&self, id: &TenantId) -> Result<Tenant, AccessError> {
        if *id == TenantId::main() {
            return Ok(Tenant::main());
        }
        let tenant = self.records.tenant(id).await?;
        tenant.ok_or_else(|| ApiError::not_found(NO_SUCH_TENANT).into())
    }
}
