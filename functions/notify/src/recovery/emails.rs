//! The phase of a recovery job that computes the events of emails, for one webhook.
//!
//! **Invariant:** an email runs to its end. One with a permanent error is logged and left out: it would block the job.
//! **After a crash** the job names the emails of the page. Events of an email without a record are deleted then.

use aws::runtime::telemetry;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::hook::{Hook, RecipientKey};
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::webhook_events::{EmailFacts, EventErasure, HookStamps};
use domain::ports::{Clock, EmailRecords, FailureKind, Listing, PortError, Rounds};
use domain::reporting::listing::{Place, Start};
use domain::webhook::telling::recovered;

use super::{Run, begin, parse_place, place_text};
use crate::storing::is_wanted;
use crate::{NotifyFunction, Ports};

/// Emails of a page. Our choice: their places fit into the write of a job.
const EMAILS: usize = 25;

/// The result of an email.
#[derive(Debug, Clone, Copy, Default)]
struct Recovered {
    /// Number of new events.
    events: u64,
    /// True if there is such an email.
    is_found: bool,
}

impl<P: Ports> NotifyFunction<P> {
    /// Computes the events of a page of emails, as far as time and room last. `false`: another run goes on with the job.
    pub(super) async fn recover_emails(&self, run: &mut Run) -> Result<bool, PortError> {
        if run.job.page.is_empty() {
            let page = self.next_page(run).await?;
            let now = self.system.now();
            let next = if page.is_empty() {
                run.job.after_page(0, 0, None, now)
            } else {
                run.job.begin_page(page, now)
            };
            run.is_resumed = false;
            if !self.save(run, next).await? {
                return Ok(false);
            }
        }
        while let Some(first) = run.job.page.first() {
            let recovered = match parse_place(first, EmailId::parse) {
                Some(place) => self.recover_email(run, place).await,
                // Only a newer version writes another form.
                None => Ok(Recovered::default()),
            };
            let recovered = match recovered {
                Err(error) if error.kind == FailureKind::Permanent => {
                    let error = telemetry::chain(&error);
                    tracing::error!(email = first, error, "the events of an email cannot be recovered");
                    Recovered::default()
                }
                recovered => recovered?,
            };
            let now = self.system.now();
            run.job = run.job.after_email(recovered.events, recovered.is_found, now);
            if !run.may_go_on(0, now) {
                break;
            }
        }
        Ok(true)
    }

    /// The places of the next emails of the job's period.
    async fn next_page(&self, run: &Run) -> Result<Vec<String>, PortError> {
        let start = begin(&run.job, EmailId::from_random([0; 16]), EmailId::parse);
        let tenant = &run.key.tenant;
        let places = self.records.places(tenant, Start::OlderThan(start), EMAILS).await?;
        let period = run.job.since..=run.job.until;
        let places = places.iter().filter(|place| period.contains(&place.born));
        Ok(places.map(place_text).collect())
    }

    /// Computes the events of an email.
    async fn recover_email(&self, run: &Run, place: Place) -> Result<Recovered, PortError> {
        let now = self.system.now();
        let key = EmailKey {
            tenant: run.key.tenant.clone(),
            id: place.id,
        };
        let record = self.records.load(&key, now).await?;
        let Some(record) = record.filter(|record| record.born == place.born) else {
            if run.is_resumed {
                self.records.erase_events(&key, Some(place.born)).await?;
            }
            return Ok(Recovered::default());
        };
        let mut result = Recovered {
            events: 0,
            is_found: true,
        };
        let Some(record) = self.hooked(record).await? else {
            return Ok(result);
        };
        let facts = self.records.facts_of(&key, record.born).await?;
        let only = std::slice::from_ref(&run.webhook);
        let tellings: Vec<_> = recovered(&record, &facts)
            .into_iter()
            .filter(|telling| is_wanted(telling, only, now))
            .collect();
        let slot = |place: usize| run.job.slot(u64::try_from(place).unwrap_or(u64::MAX), now);
        let added = self.store_email(&record, &tellings, only, slot).await?;
        result.events = u64::try_from(added.unwrap_or_default()).unwrap_or(u64::MAX);
        Ok(result)
    }

    /// Returns a record with a hook. One that has none gets it from its content; `None` without a content.
    ///
    /// The record is read after the hook is written. Until then `feedback` stores no fact of it, so the record itself must
    /// have every delivery status of this time.
    async fn hooked(&self, mut record: EmailRecord) -> Result<Option<EmailRecord>, PortError> {
        let mut rounds = Rounds::of("adding a hook to an email record");
        while record.hook.is_none() {
            rounds.begin()?;
            let Some(hook) = self.hook_of(&record).await? else {
                return Ok(None);
            };
            self.records.stamp_hook(&record, &hook).await?;
            let stored = self.records.load(&record.email_key(), self.system.now()).await?;
            match stored.filter(|stored| stored.born == record.born) {
                Some(stored) => record = stored,
                None => return Ok(None),
            }
        }
        Ok(Some(record))
    }

    /// The hook of a record, as far as its content and its delivery statuses tell it.
    async fn hook_of(&self, record: &EmailRecord) -> Result<Option<Hook>, PortError> {
        let Some(email) = self.load_content(record).await?.email else {
            return Ok(None);
        };
        let all = email.to().iter().chain(email.cc()).chain(email.bcc());
        let mut hook = Hook::new(all.map(|mailbox| mailbox.address().as_str()), None);
        let claim_no = record.sent.as_ref().map_or(record.claim_no, |sent| sent.claim_no);
        let statuses = record.delivery_statuses.iter();
        let left_out = statuses.filter(|(_, status)| **status == DeliveryStatus::Suppressed);
        hook.leave_out(claim_no, left_out.filter_map(|(key, _)| RecipientKey::parse(key)));
        Ok(Some(hook))
    }

    /// Erases the events of the emails of a page that have no record any more.
    pub(super) async fn erase_missing(&self, tenant: &TenantId, page: &[String]) -> Result<(), PortError> {
        for place in page.iter().filter_map(|text| parse_place(text, EmailId::parse)) {
            let key = EmailKey {
                tenant: tenant.clone(),
                id: place.id,
            };
            let record = match self.records.load(&key, self.system.now()).await {
                // An unreadable record is there.
                Err(error) if error.kind == FailureKind::Permanent => continue,
                record => record?,
            };
            if record.is_none_or(|record| record.born != place.born) {
                self.records.erase_events(&key, Some(place.born)).await?;
            }
        }
        Ok(())
    }
}
