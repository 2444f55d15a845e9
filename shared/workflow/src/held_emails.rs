//! Counts the emails that wait because of holds.
//!
//! **Role:** called by `access`, which places holds, and by `manage`, which releases them.
//! **Consistency:** the list is an index, which is behind the records; each record is read consistently.

use domain::delivery::record::RecordStatus;
use domain::id::{EmailKey, TenantId};
use domain::ports::access::Work;
use domain::ports::{Listing, PortError};
use domain::queue::hold::{Held, Holds};
use domain::reporting::listing::Start;
use domain::timestamp::Timestamp;

/// Most emails that one request reads: twenty pages, within a second or two.
pub const LOOKED_AT_MAX: usize = 10_000;

/// Emails per page.
const PAGE: usize = 500;

/// Counts the emails of a tenant that wait because of these holds.
///
/// # Errors
/// A backend call failed.
pub async fn count<R: Listing + Work>(
    records: &R,
    tenant: &TenantId,
    holds: &Holds,
    now: Timestamp,
) -> Result<Held, PortError> {
    let (mut held, mut start, mut looked_at) = (Held::default(), Start::Newest, 0_usize);
    while looked_at < LOOKED_AT_MAX {
        let places = records.places(tenant, start, PAGE).await?;
        let keys: Vec<_> = places
            .iter()
            .map(|place| EmailKey {
                tenant: tenant.clone(),
                id: place.id,
            })
            .collect();
        let records = records.bare_records(&keys, now).await?;
        let waits = records
            .into_iter()
            .flatten()
            .filter(|record| record.status_at(now) == RecordStatus::Queued && holds.cover(record));
        held.emails = held.emails.saturating_add(waits.fold(0, |count, _| count + 1));
        looked_at = looked_at.saturating_add(places.len());
        match places.last() {
            Some(last) if places.len() == PAGE => start = start.behind(*last),
            Some(_) | None => {
                held.counted_all = true;
                break;
            }
        }
    }
    Ok(held)
}
