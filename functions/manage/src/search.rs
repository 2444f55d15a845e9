//! Search of emails, with or without a filter: bounded work per page, however few emails match.
//!
//! **Invariant:** a page reads at most [`RECORDS_MAX`] records and [`CONTENTS_MAX`] contents. A page that stops
//! early reports where to continue. It may hold fewer emails than its limit, even none, although more match.
//! **Start reading at** [`ManageFunction::search`]. Why this way: docs/adr/0017.

use std::collections::HashMap;

use aws::http::auth::TenantPrincipal;
use domain::api::email_view::ItemView;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::{EmailRecords, Listing, PortError};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::stream::iter;

use crate::emails::CONTENTS;
use crate::filters::Filter;
use crate::paging::EmailPage;
use crate::{ManageError, ManageFunction, Ports};

/// Maximum number of records per page: ten reads of a hundred.
pub const RECORDS_MAX: usize = 1000;

/// Maximum number of contents per page, if the filter needs them. Each is a read of up to 4 MiB.
pub const CONTENTS_MAX: usize = 200;

/// Number of list entries per read. The first read takes only as many as a page without a filter needs.
const STEP: usize = 250;

/// Number of consecutive entries without an email after which the search ends. DynamoDB deletes expired items
/// within days, and they are at the end of the list.
const GONE_MAX: usize = 1000;

/// Emails of a page so far.
struct PageBuilder<I> {
    items: Vec<I>,
    records: usize,
    contents: usize,
    /// Entries since the last existing email.
    gone: usize,
    /// Last email that was examined.
    last: Option<EmailId>,
}

/// Result of examining one email. `I`: an email as the list shows it.
pub(crate) struct ExaminedEmail<I> {
    pub(crate) id: EmailId,
    /// Whether its content was read.
    pub(crate) was_read: bool,
    /// The email as the list shows it, if it matches.
    pub(crate) item: Option<I>,
}

impl<I> Default for PageBuilder<I> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            records: 0,
            contents: 0,
            gone: 0,
            last: None,
        }
    }
}

impl<I> PageBuilder<I> {
    fn is_spent(&self, limit: usize) -> bool {
        self.items.len() >= limit || self.records >= RECORDS_MAX || self.contents >= CONTENTS_MAX
    }
}

impl<P: Ports> ManageFunction<P> {
    /// Returns the matching emails from `start` on, newest first in either direction. If more may match, it
    /// also returns the email after which to continue.
    /// `check_at` examines one record, and shows it if it matches.
    ///
    /// # Errors
    /// A backend call failed.
    pub(crate) async fn search<I, F>(
        &self,
        tenant: &TenantId,
        start: Start,
        page: &EmailPage,
        now: Timestamp,
        check_at: impl Fn(EmailRecord) -> F,
    ) -> Result<(Vec<I>, Option<EmailId>), ManageError>
    where
        F: Future<Output = Result<ExaminedEmail<I>, PortError>>,
    {
        let (filter, limit) = (&page.filter, page.limit);
        let upwards = matches!(start, Start::NewerThan(_));
        let mut start = match (start, filter.until()) {
            // Emails that were accepted later are not read.
            (Start::Newest, Some(born)) => Start::OlderThan(Place {
                born,
                id: EmailId::from_random([0; 16]),
            }),
            (start, _) => start,
        };
        let mut found = PageBuilder::default();
        // One extra email shows whether there are more.
        let mut step = if filter.is_empty() {
            limit.saturating_add(1)
        } else {
            STEP
        };
        let is_over = loop {
            let places = self.records.places(tenant, start, step).await?;
            let whole = self
                .look(tenant, &places, page, upwards, &mut found, (now, &check_at))
                .await?;
            match places.last() {
                Some(_) | None if !whole => break false,
                Some(last) if places.len() == step && found.gone < GONE_MAX && !filter.ends_at(*last, upwards) => {
                    start = start.behind(*last);
                    // One missing email suggests many.
                    step = STEP;
                }
                // The end of the list, or of the requested period.
                Some(_) | None => break true,
            }
        };
        let PageBuilder { mut items, last, .. } = found;
        if upwards {
            items.reverse();
        }
        Ok((items, last.filter(|_| !is_over)))
    }

    /// Examines the emails at these places until the page is done; `true`: all of them.
    async fn look<I, F>(
        &self,
        tenant: &TenantId,
        places: &[Place],
        page: &EmailPage,
        upwards: bool,
        found: &mut PageBuilder<I>,
        (now, check_at): (Timestamp, &impl Fn(EmailRecord) -> F),
    ) -> Result<bool, ManageError>
    where
        F: Future<Output = Result<ExaminedEmail<I>, PortError>>,
    {
        let (filter, limit) = (&page.filter, page.limit);
        let in_time = places.iter().take_while(|place| !filter.ends_at(**place, upwards));
        let keys: Vec<_> = in_time
            .map(|place| EmailKey {
                tenant: tenant.clone(),
                id: place.id,
            })
            .collect();
        let records = self.records.load_many(&keys, now).await?;
        let records = self.as_their_queues_show(records, now).await?;
        found.gone = match records.len() {
            0 => found.gone.saturating_add(keys.len()),
            _ => 0,
        };
        let mut records: HashMap<EmailId, EmailRecord> =
            records.into_iter().map(|record| (record.id, record)).collect();
        // A missing email is not examined, and is no place to continue from.
        let mut records: Vec<EmailRecord> = keys.iter().filter_map(|key| records.remove(&key.id)).collect();
        // Without a filter the shown emails are known: no other content is read.
        let room = limit.saturating_sub(found.items.len());
        let is_full = filter.is_empty() && records.len() > room;
        if is_full {
            records.truncate(room);
        }
        let looks: Vec<_> = records.into_iter().map(check_at).collect();
        // Only polled futures read: the rest is dropped when the page is full.
        let mut looks = iter(looks).buffered(CONTENTS);
        while let Some(look) = looks.next().await {
            if found.is_spent(limit) {
                return Ok(false);
            }
            let ExaminedEmail { id, was_read, item } = look?;
            found.records = found.records.saturating_add(1);
            found.contents = found.contents.saturating_add(usize::from(was_read));
            found.last = Some(id);
            found.items.extend(item);
        }
        Ok(!is_full)
    }

    /// Reads the content if the filter needs it, or to show it.
    pub(crate) async fn check_at(
        &self,
        caller: &TenantPrincipal,
        record: EmailRecord,
        filter: &Filter,
        now: Timestamp,
    ) -> Result<ExaminedEmail<ItemView>, PortError> {
        let id = record.id;
        let (was_read, item) = if !filter.admits(&record, now) {
            (false, None)
        } else if filter.asks_the_content() {
            // An unreadable email must not count as a mismatch.
            let email = self.content(caller, &record).await?;
            let matching = email.filter(|email| filter.admits_content(email));
            (
                true,
                matching.map(|email| ItemView::new(&record, Some(&email), &self.with.region, now)),
            )
        } else {
            (true, Some(self.item(caller, &record, now).await))
        };
        Ok(ExaminedEmail { id, was_read, item })
    }
}
