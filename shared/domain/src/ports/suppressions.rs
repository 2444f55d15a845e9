//! The suppressed addresses, and SES's own list.

use super::failure::PortError;
use crate::delivery::suppression::{Added, Listed, Origin, Suppression, SuppressionFilter, SuppressionId};
use crate::id::TenantId;
use crate::message::address::EmailAddress;
use crate::reporting::listing::{Place, Start};
use crate::timestamp::Timestamp;

/// The suppressed addresses.
pub trait Suppressions: Sync {
    /// Adds a suppression as [`crate::delivery::suppression::Entry::effect_of_adding`] decides, together with its hash
    /// prefix: both or neither. With `is_told`, `notify` gets the change.
    fn suppress(
        &self,
        suppression: &Suppression,
        is_told: bool,
    ) -> impl Future<Output = Result<Added, PortError>> + Send;

    /// Removes an active suppression and its hash prefix; `false` if there is none. The time of the release is
    /// remembered. With `is_told`, `notify` gets the change.
    fn release(
        &self,
        tenant: &TenantId,
        id: SuppressionId,
        is_told: bool,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads a tenant's filter consistently.
    fn suppression_filter(
        &self,
        tenant: &TenantId,
    ) -> impl Future<Output = Result<SuppressionFilter, PortError>> + Send;

    /// Reads the suppressions of these ids that are active at `now`, in their order, consistently.
    fn suppressions(
        &self,
        tenant: &TenantId,
        ids: &[SuppressionId],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Suppression>, PortError>> + Send;

    /// Reads the places of up to `count` suppressions of these origins, as [`super::Listing::places`] does.
    fn suppression_places(
        &self,
        tenant: &TenantId,
        origins: &[Origin],
        start: Start<SuppressionId>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Place<SuppressionId>>, PortError>> + Send;

    /// Remembers an address to which SES did not send, because it is on the account's list.
    fn remember_listed(&self, listed: &Listed) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Reads the remembered addresses among these ids.
    fn find_listed(
        &self,
        tenant: &TenantId,
        ids: &[SuppressionId],
    ) -> impl Future<Output = Result<Vec<Listed>, PortError>> + Send;

    /// Forgets a remembered address.
    fn forget_listed(&self, tenant: &TenantId, id: SuppressionId)
    -> impl Future<Output = Result<(), PortError>> + Send;
}

/// SES's suppression list of the AWS account.
pub trait AccountList: Sync {
    /// The reason for listing an address in exactly this spelling.
    fn reason(&self, address: &EmailAddress) -> impl Future<Output = Result<Option<ListReason>, PortError>> + Send;

    /// Removes an address in exactly this spelling.
    fn remove(&self, address: &EmailAddress) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// SES's reason for listing an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListReason {
    /// An email bounced for good.
    Bounce,
    /// The recipient complained, or SES gives a reason that this code does not know.
    Complaint,
}
