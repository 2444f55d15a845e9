//! History of an email since its acceptance.
//!
//! **Invariant:** one read of the record and one of the content, which names the recipients.

use aws::http::auth::TenantPrincipal;
use domain::api::events_view::EventsView;
use domain::id::EmailId;
use domain::ports::Clock;

use crate::{ManageError, ManageFunction, Ports};

impl<P: Ports> ManageFunction<P> {
    /// Shows the history of an email, without its recipients' addresses when its content is gone.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id. Or a backend call failed.
    pub async fn events(&self, caller: &TenantPrincipal, id: EmailId) -> Result<EventsView, ManageError> {
        let now = self.system.now();
        let record = self.record_shown(caller, id, now).await?;
        let email = self.content(caller, &record).await?;
        Ok(EventsView::new(&record, email.as_ref(), now))
    }
}
