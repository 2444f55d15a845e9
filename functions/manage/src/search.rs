//! The list of emails, all or through a filter: bounded work for a page, however few emails it lets through.
//!
//! **Invariant:** a page looks at [`RECORDS_MAX`] records and at [`CONTENTS_MAX`] contents at most. Where that
//! ends before the page is full, the page says so, and from where to go on: it may hold fewer emails than
//! were asked for, even none, and there may be more all the same.
//! **Start reading at** [`ManageFunction::search`]. Why this way: docs/adr/0017.

use std::collections::HashMap;

use aws::auth::TenantPrincipal;
use domain::id::{EmailId, TenantId};
use domain::listing::{Place, Start};
use domain::ports::{Bodies, Clock, EmailKey, PortError, PriorityQueues, Random};
use domain::record::EmailRecord;
use domain::timestamp::Timestamp;
use domain::wire::email_view::ItemView;
use futures::StreamExt;
use futures::stream::iter;

use crate::emails::CONTENTS;
use crate::filters::Filter;
use crate::paging::Page;
use crate::{ManageError, ManageFunction, Store};

/// Records that a page looks at: ten reads of a hundred.
pub const RECORDS_MAX: usize = 1000;

/// Contents that a page looks at, where the filter asks them. Each is a read of up to 4 MiB.
pub const CONTENTS_MAX: usize = 200;

/// Entries of the list that are read at a time; first only as many as a page without a filter needs.
const STEP: usize = 250;

/// Entries in a record whose emails are gone, behind which there are none: DynamoDB deletes what is past its time
/// within days, and it is the end of the list that goes.
const GONE_MAX: usize = 1000;

/// What a page has found until now.
struct Found<I> {
    items: Vec<I>,
    records: usize,
    contents: usize,
    /// Entries since the last email that was there.
    gone: usize,
    /// The last email that was looked at.
    last: Option<EmailId>,
}

/// What was seen of one email. `I`: an email as it is listed.
pub(crate) struct Look<I> {
    pub(crate) id: EmailId,
    /// Whether its content was read.
    pub(crate) was_read: bool,
    /// As it is listed, if it is asked for.
    pub(crate) item: Option<I>,
}

impl<I> Default for Found<I> {
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

impl<I> Found<I> {
    fn is_spent(&self, limit: usize) -> bool {
        self.items.len() >= limit || self.records >= RECORDS_MAX || self.contents >= CONTENTS_MAX
    }
}

impl<R, B, L, S> ManageFunction<R, B, L, S>
where
    R: Store,
    B: Bodies,
    L: PriorityQueues,
    S: Clock + Random,
{
    /// The emails that a filter lets through; without one all, from `start` on, newest first in either direction; and
    /// the email behind which to go on, if there is more to be looked at.
    /// `look_at`: looks at one record, and shows it if it is asked for.
    ///
    /// # Errors
    /// A backend call failed.
    pub(crate) async fn search<I, F>(
        &self,
        tenant: &TenantId,
        start: Start,
        page: &Page,
        now: Timestamp,
        look_at: impl Fn(EmailRecord) -> F,
    ) -> Result<(Vec<I>, Option<EmailId>), ManageError>
    where
        F: Future<Output = Result<Look<I>, PortError>>,
    {
        let (filter, limit) = (&page.filter, page.limit);
        let upwards = matches!(start, Start::NewerThan(_));
        let mut start = match (start, filter.until()) {
            // Nothing that is accepted later is looked at on the way.
            (Start::Newest, Some(born)) => Start::OlderThan(Place {
                born,
                id: EmailId::from_random([0; 16]),
            }),
            (start, _) => start,
        };
        let mut found = Found::default();
        // One more than is shown says whether there are more.
        let mut step = if filter.is_empty() {
            limit.saturating_add(1)
        } else {
            STEP
        };
        let is_over = loop {
            let places = self.records.places(tenant, start, step).await?;
            let whole = self
                .look(tenant, &places, page, upwards, &mut found, (now, &look_at))
                .await?;
            match places.last() {
                Some(_) | None if !whole => break false,
                Some(last) if places.len() == step && found.gone < GONE_MAX && !filter.ends_at(*last, upwards) => {
                    start = start.behind(*last);
                    // Where one is gone there are many.
                    step = STEP;
                }
                // To the end of the list, or of the time that is asked for.
                Some(_) | None => break true,
            }
        };
        let Found { mut items, last, .. } = found;
        if upwards {
            items.reverse();
        }
        Ok((items, last.filter(|_| !is_over)))
    }

    /// Looks at the emails of these places until enough was done; `true`: at all of them.
    async fn look<I, F>(
        &self,
        tenant: &TenantId,
        places: &[Place],
        page: &Page,
        upwards: bool,
        found: &mut Found<I>,
        (now, look_at): (Timestamp, &impl Fn(EmailRecord) -> F),
    ) -> Result<bool, ManageError>
    where
        F: Future<Output = Result<Look<I>, PortError>>,
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
        // What is gone is not looked at, and nowhere to go on from.
        let mut records: Vec<EmailRecord> = keys.iter().filter_map(|key| records.remove(&key.id)).collect();
        // Without a filter it is known which contents are shown: no other one is read.
        let room = limit.saturating_sub(found.items.len());
        let is_full = filter.is_empty() && records.len() > room;
        if is_full {
            records.truncate(room);
        }
        let looks: Vec<_> = records.into_iter().map(look_at).collect();
        // Only what is polled is read: the rest is left when the page is full.
        let mut looks = iter(looks).buffered(CONTENTS);
        while let Some(look) = looks.next().await {
            if found.is_spent(limit) {
                return Ok(false);
            }
            let Look { id, was_read, item } = look?;
            found.records = found.records.saturating_add(1);
            found.contents = found.contents.saturating_add(usize::from(was_read));
            found.last = Some(id);
            found.items.extend(item);
        }
        Ok(!is_full)
    }

    /// Reads the content where the filter asks it, or to show it.
    pub(crate) async fn look_at(
        &self,
        caller: &TenantPrincipal,
        record: EmailRecord,
        filter: &Filter,
        now: Timestamp,
    ) -> Result<Look<ItemView>, PortError> {
        let id = record.id;
        let (was_read, item) = if !filter.admits(&record, now) {
            (false, None)
        } else if filter.asks_the_content() {
            // One that cannot be read now must not be taken for one that is not asked for.
            let email = self.content(caller, &record).await?;
            let asked = email.filter(|email| filter.admits_content(email));
            (true, asked.map(|email| ItemView::new(&record, Some(&email), now)))
        } else {
            (true, Some(self.item(caller, &record, now).await))
        };
        Ok(Look { id, was_read, item })
    }
}
