//! Use of a tenant's quotas.
//!
//! **Invariant:** one read of the counters, which lag a moment behind the events.

use aws::http::auth::TenantPrincipal;
use domain::api::usage_view::UsageView;
use domain::ports::{Clock, Counts};

use crate::{Ports, ReportsError, ReportsFunction};

impl<P: Ports> ReportsFunction<P> {
    /// Shows the usage of the caller's tenant.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn usage(&self, caller: &TenantPrincipal) -> Result<UsageView, ReportsError> {
        let now = self.system.now();
        let hours = UsageView::hours(now);
        let flow = self.records.flow(caller.tenant(), None, hours).await?;
        Ok(UsageView::new(caller.limits(), &flow, now))
    }
}
