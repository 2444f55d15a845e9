//! The list of suppressed addresses: shows, adds and removes one or many.
//!
//! **Invariant:** a page costs a bounded number of calls, however many suppressions exist. A removal takes
//! effect at once without a notice to the senders: they look a suppression up before they apply it.
//! SES's account list is queried for an address only after SES has refused an email of the same tenant because
//! of that list.
//! **After a crash** of a removal: a repeated removal completes it. It deletes from SES's list first, then from
//! ours, and the record of SES's refusal last.
//! **Start reading at** [`SuppressionsFunction::remove_suppression`]. Why this way: docs/adr/0015 and 0024.

use aws::http::auth::TenantPrincipal;
use domain::api::error::ApiError;
use domain::api::suppressions::{
    AddedView, AtSes, ManyView, RemovedView, SuppressionSelector, SuppressionView, SuppressionsView,
};
use domain::delivery::suppression::{Listed, Origin, Suppression, SuppressionId};
use domain::id::TenantId;
use domain::message::address::EmailAddress;
use domain::ports::webhooks::WebhookFlags;
use domain::ports::{AccountList, Clock, ListReason, PortError, Suppressions};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;
use workflow::suppressions::add;

use crate::page::SuppressionPage;
use crate::{Ports, SuppressionsError, SuppressionsFunction};

fn id_of(tenant: &TenantId, which: &SuppressionSelector) -> SuppressionId {
    match which {
        SuppressionSelector::Id(id) => *id,
        SuppressionSelector::Address(address) => SuppressionId::of(tenant, address),
    }
}

/// Message for an address that is only on SES's list, and stays there.
const KEPT: &str = "Amazon SES lists this address because of a complaint, and this deployment does not remove such addresses (template parameter ReleaseComplaints)";

fn not_there() -> SuppressionsError {
    SuppressionsError::Refused(ApiError::not_found("This address is not suppressed."))
}

impl<P: Ports> SuppressionsFunction<P> {
    /// Suppresses addresses; an existing suppression stays unchanged.
    ///
    /// # Errors
    /// A backend call failed: some addresses may be suppressed. A repeated request completes the rest.
    pub async fn add_suppressions(
        &self,
        caller: &TenantPrincipal,
        addresses: &[EmailAddress],
    ) -> Result<ManyView<AddedView>, SuppressionsError> {
        let (tenant, now) = (caller.tenant(), self.system.now());
        let manual = |address| Suppression::manual(tenant.clone(), address, now);
        let suppressions: Vec<_> = addresses.iter().map(manual).collect();
        let is_told = self.records.has_webhooks(tenant, now).await?;
        add(&self.records, &suppressions, is_told).await?;
        let added = |suppression: &Suppression| AddedView::new(suppression.id());
        Ok(ManyView {
            data: suppressions.iter().map(added).collect(),
        })
    }

    /// Suppresses one address.
    ///
    /// # Errors
    /// As [`Self::add_suppressions`].
    pub async fn add_suppression(
        &self,
        caller: &TenantPrincipal,
        address: EmailAddress,
    ) -> Result<AddedView, SuppressionsError> {
        let id = SuppressionId::of(caller.tenant(), &address);
        self.add_suppressions(caller, &[address]).await?;
        Ok(AddedView::new(id))
    }

    /// Releases addresses, and reports for each whether it was suppressed.
    ///
    /// # Errors
    /// A backend call failed: some addresses may be released.
    pub async fn remove_suppressions(
        &self,
        caller: &TenantPrincipal,
        which: &[SuppressionSelector],
    ) -> Result<ManyView<RemovedView>, SuppressionsError> {
        let (tenant, now) = (caller.tenant(), self.system.now());
        let ids: Vec<_> = which.iter().map(|which| id_of(tenant, which)).collect();
        let listed = self.records.find_listed(tenant, &ids).await?;
        let is_told = self.records.has_webhooks(tenant, now).await?;
        let mut data = Vec::new();
        for id in ids {
            let listed = listed.iter().find(|listed| listed.id() == id);
            let (deleted, account_list) = self.release((tenant, is_told), id, listed, now).await?;
            data.push(RemovedView::new(id, deleted, account_list));
        }
        Ok(ManyView { data })
    }

    /// Releases one address.
    ///
    /// # Errors
    /// 404 when it is not suppressed. 422 when only SES lists it and it stays there. Or a backend call failed.
    pub async fn remove_suppression(
        &self,
        caller: &TenantPrincipal,
        which: &SuppressionSelector,
    ) -> Result<RemovedView, SuppressionsError> {
        let (tenant, now) = (caller.tenant(), self.system.now());
        let id = id_of(tenant, which);
        let listed = self.records.find_listed(tenant, &[id]).await?.pop();
        let is_told = self.records.has_webhooks(tenant, now).await?;
        match self.release((tenant, is_told), id, listed.as_ref(), now).await? {
            (false, None) => Err(not_there()),
            (false, Some(AtSes::KeptForComplaint)) => {
                Err(SuppressionsError::Refused(ApiError::validation("email", KEPT)))
            }
            (deleted, account_list) => Ok(RemovedView::new(id, deleted, account_list)),
        }
    }

    /// Releases an address, on SES's list first. Returns whether either list had it, and its state at SES. The flag of a
    /// tenant says whether it has webhooks.
    async fn release(
        &self,
        (tenant, is_told): (&TenantId, bool),
        id: SuppressionId,
        listed: Option<&Listed>,
        now: Timestamp,
    ) -> Result<(bool, Option<AtSes>), PortError> {
        let at_ses = match listed {
            Some(listed) => Some(self.release_at_ses(listed).await?),
            None => None,
        };
        let released = self.records.release(tenant, id, is_told, now).await?;
        if at_ses == Some(AtSes::Removed) {
            self.records.forget_listed(tenant, id).await?;
        }
        Ok((released || at_ses == Some(AtSes::Removed), at_ses))
    }

    /// Removes an address from SES's list. That list may be case-sensitive: the spelling of the email is tried
    /// first, then lower case.
    async fn release_at_ses(&self, listed: &Listed) -> Result<AtSes, PortError> {
        let spellings = [listed.address.clone(), listed.address.lower_case()];
        for (place, address) in spellings.iter().enumerate() {
            if place > 0 && spellings.first() == Some(address) {
                continue;
            }
            match self.account_list.reason(address).await? {
                None => {}
                Some(ListReason::Complaint) if !self.releases_complaints => return Ok(AtSes::KeptForComplaint),
                Some(ListReason::Bounce | ListReason::Complaint) => self.account_list.remove(address).await?,
            }
        }
        Ok(AtSes::Removed)
    }

    /// Shows one suppression.
    ///
    /// # Errors
    /// 404 when the address is not suppressed. Or a backend call failed.
    pub async fn suppression(
        &self,
        caller: &TenantPrincipal,
        which: &SuppressionSelector,
    ) -> Result<SuppressionView, SuppressionsError> {
        let found = self.load(caller.tenant(), id_of(caller.tenant(), which)).await?;
        found
            .map(|suppression| SuppressionView::new(&suppression))
            .ok_or_else(not_there)
    }

    /// Shows a page of the list, newest first in either direction.
    ///
    /// # Errors
    /// 422 when there is no suppression at the page's cursor. Or a backend call failed.
    pub async fn suppressions(
        &self,
        caller: &TenantPrincipal,
        page: &SuppressionPage,
    ) -> Result<SuppressionsView, SuppressionsError> {
        let tenant = caller.tenant();
        let start = self.suppressions_start(tenant, page).await?;
        let origins = page.origin.map_or_else(|| Origin::ALL.to_vec(), |origin| vec![origin]);
        // One extra entry shows whether there are more.
        let ask = page.limit.saturating_add(1);
        let places = self.records.suppression_places(tenant, &origins, start, ask).await?;
        let has_more = places.len() > page.limit;
        let shown: Vec<_> = places.iter().take(page.limit).map(|place| place.id).collect();
        // The list is read without strong consistency. A just released or ended suppression is left out, so
        // that a page may hold fewer entries than its limit.
        let mut suppressions = self.readable(tenant, &shown).await?;
        if matches!(start, Start::NewerThan(_)) {
            suppressions.reverse();
        }
        let views = suppressions.iter().map(SuppressionView::new).collect();
        Ok(SuppressionsView::new(views, has_more))
    }

    /// Reads the suppressions of a page. An entry that no retry makes readable is left out, so that it hides no other.
    async fn readable(&self, tenant: &TenantId, ids: &[SuppressionId]) -> Result<Vec<Suppression>, PortError> {
        match self.records.suppressions(tenant, ids, self.system.now()).await {
            Err(error) if !error.kind.is_passing() => {}
            read => return read,
        }
        let mut found = Vec::new();
        for id in ids {
            match self.load(tenant, *id).await {
                Ok(suppression) => found.extend(suppression),
                Err(error) if !error.kind.is_passing() => {
                    let error = aws::runtime::telemetry::chain(&error);
                    tracing::error!(%tenant, %id, error, "a stored suppression cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn suppressions_start(
        &self,
        tenant: &TenantId,
        page: &SuppressionPage,
    ) -> Result<Start<SuppressionId>, SuppressionsError> {
        let Some(cursor) = page.cursor else {
            return Ok(Start::Newest);
        };
        let id = cursor.id();
        match self.load(tenant, id).await? {
            Some(Suppression { created_at: born, .. }) => Ok(cursor.start(Place { born, id })),
            None => Err(cursor.not_there("suppression").into()),
        }
    }

    async fn load(&self, tenant: &TenantId, id: SuppressionId) -> Result<Option<Suppression>, PortError> {
        let mut found = self.records.suppressions(tenant, &[id], self.system.now()).await?;
        Ok(found.pop())
    }
}
