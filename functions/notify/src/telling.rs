//! The events of one subject: an email with its facts, a suppressed address, or a sending domain.

use std::collections::{BTreeMap, BTreeSet};

use domain::api::domain_view::DomainView;
use domain::delivery::hook::RecipientKey;
use domain::delivery::record::EmailRecord;
use domain::delivery::suppression::{Origin, SuppressionId};
use domain::id::{EmailId, EmailKey, TenantId};
use domain::message::email::EmailContent;
use domain::ports::webhook_events::{EventErasure, HookChange, StoredFact};
use domain::ports::{Clock, EmailRecords, PortError, Suppressions};
use domain::timestamp::Timestamp;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::payload::{self, Context};
use domain::webhook::settings::Webhook;
use domain::webhook::telling::{Telling, Told, domain_told, ids_of_fact, of_fact, suppression_told, told};

use crate::storing::{Event, is_wanted};
use crate::{Batch, NotifyFunction, Ports};

/// Changes with their places in the batch.
type Changes<'a> = [(usize, &'a HookChange)];

/// Why a recipient is on the tenant's list, by recipient.
type Listed = BTreeMap<RecipientKey, Origin>;

impl<P: Ports> NotifyFunction<P> {
    /// Tells the changes of an email. Returns the number of its events.
    pub(crate) async fn tell_email(
        &self,
        batch: &Batch,
        tenant: &TenantId,
        id: EmailId,
        changes: &Changes<'_>,
    ) -> Result<usize, PortError> {
        let now = self.system.now();
        let key = EmailKey {
            tenant: tenant.clone(),
            id,
        };
        let has_facts = changes
            .iter()
            .any(|(_, change)| matches!(change, HookChange::Fact { .. }));
        // A fact needs the record. A write of the record brings its own.
        let stored = if has_facts {
            self.records.load(&key, now).await?
        } else {
            None
        };
        if has_facts {
            self.erase_others(batch, &key, changes, stored.as_ref()).await?;
        }
        let newest = changes.iter().rev().find_map(|(_, change)| written(change));
        let Some(record) = stored.as_ref().or(newest) else {
            return Ok(0);
        };
        let tellings = tellings(changes, record);
        if tellings.is_empty() {
            return Ok(0);
        }
        let webhooks = self.webhooks(batch, tenant).await?;
        let (wanted, others): (Vec<_>, Vec<_>) = tellings
            .into_iter()
            .partition(|telling| is_wanted(telling, &webhooks, now));
        if wanted.is_empty() {
            // An earlier run may have stored them for a webhook that is gone since, and died before its look.
            if stored.is_none() {
                self.is_erased(record, &others, &webhooks).await?;
            }
            return Ok(0);
        }
        let count = wanted.len();
        let added = self.store_email(record, &wanted, &webhooks, |_| now).await?;
        Ok(added.map_or(0, |_| count))
    }

    /// Stores events of an email, each to be sent at its time. Returns the number of new deliveries. Deletes the events
    /// again if the record is gone meanwhile, and returns `None`.
    pub(crate) async fn store_email(
        &self,
        record: &EmailRecord,
        tellings: &[Telling],
        webhooks: &[Webhook],
        from: impl Fn(usize) -> Timestamp + Send + Sync,
    ) -> Result<Option<usize>, PortError> {
        if tellings.is_empty() {
            return Ok(Some(0));
        }
        let (key, now) = (record.email_key(), self.system.now());
        let events: Vec<Event> = {
            let content = self.load_content(record).await?;
            let content = content.email.as_ref();
            let listed = self.listed(record, tellings, content, now).await?;
            let event = |(place, telling): (usize, &Telling)| {
                let context = Context {
                    content,
                    listed_by: telling.recipient.and_then(|recipient| listed.get(&recipient).copied()),
                    region: &self.region,
                };
                let body = payload::of_email(telling, record, context);
                Event::new(telling, record.born, body, from(place))
            };
            tellings.iter().enumerate().map(event).collect()
        };
        let stored = self.store(&key.tenant, &events, webhooks, now).await?;
        if self.is_erased(record, tellings, webhooks).await? {
            return Ok(None);
        }
        self.send(&stored.tasks).await;
        Ok(Some(stored.added))
    }

    /// Looks at a record after its events were stored. If it is gone, deletes them again, and returns true.
    async fn is_erased(
        &self,
        record: &EmailRecord,
        tellings: &[Telling],
        webhooks: &[Webhook],
    ) -> Result<bool, PortError> {
        let key = record.email_key();
        let there = self.records.load(&key, self.system.now()).await?;
        if there.is_some_and(|there| there.born == record.born) {
            return Ok(false);
        }
        // First: a payload names every webhook that has a delivery of it, also those that others stored.
        self.records.erase_events(&key, Some(record.born)).await?;
        // Deliveries whose payload an erasure has deleted already, and payloads that are still on their way.
        let ids: Vec<EventId> = tellings.iter().map(|telling| telling.id.clone()).collect();
        self.withdraw(&key.tenant, Subject::Email(record.id), &ids, webhooks)
            .await?;
        Ok(true)
    }

    /// Erases facts and events of earlier emails with this id: a run that died may have left them.
    async fn erase_others(
        &self,
        batch: &Batch,
        key: &EmailKey,
        changes: &Changes<'_>,
        stored: Option<&EmailRecord>,
    ) -> Result<(), PortError> {
        let facts = changes.iter().filter_map(|(_, change)| match change {
            HookChange::Fact { fact, .. } => Some(fact),
            HookChange::Email { .. }
            | HookChange::Suppression { .. }
            | HookChange::Domain { .. }
            | HookChange::Job { .. } => None,
        });
        let others = facts.filter(|fact| stored.is_none_or(|record| record.born != fact.born));
        let others: Vec<&StoredFact> = others.collect();
        let births: BTreeSet<Timestamp> = others.iter().map(|fact| fact.born).collect();
        for born in births {
            self.records.erase_events(key, Some(born)).await?;
        }
        let events = others
            .iter()
            .flat_map(|other| ids_of_fact(key, other.born, &other.fact));
        let events: Vec<EventId> = events.collect();
        if events.is_empty() {
            return Ok(());
        }
        let webhooks = self.webhooks(batch, &key.tenant).await?;
        self.withdraw(&key.tenant, Subject::Email(key.id), &events, &webhooks)
            .await
    }

    /// Looks up why the recipients that were left out are on the tenant's list. Most events need no call.
    async fn listed(
        &self,
        record: &EmailRecord,
        tellings: &[Telling],
        content: Option<&EmailContent>,
        now: Timestamp,
    ) -> Result<Listed, PortError> {
        let left_out: Vec<RecipientKey> = tellings
            .iter()
            .filter(|telling| matches!(telling.told, Told::LeftOut { .. }))
            .filter_map(|telling| telling.recipient)
            .collect();
        let Some(email) = content.filter(|_| !left_out.is_empty()) else {
            return Ok(Listed::new());
        };
        let all = email.to().iter().chain(email.cc()).chain(email.bcc());
        let addresses = all.map(|mailbox| mailbox.address());
        let of = |address| SuppressionId::of(&record.tenant, address);
        let meant = addresses.filter(|address| left_out.contains(&RecipientKey::of(address.as_str())));
        let ids: Vec<SuppressionId> = meant.map(of).collect();
        let found = self.records.suppressions(&record.tenant, &ids, now).await?;
        let listed = found
            .iter()
            .map(|suppression| (RecipientKey::of(suppression.address.as_str()), suppression.origin));
        Ok(listed.collect())
    }

    /// Tells the changes of a suppressed address or of a sending domain. Returns the number of its events.
    pub(crate) async fn tell_other(
        &self,
        batch: &Batch,
        tenant: &TenantId,
        subject: Subject,
        changes: &Changes<'_>,
    ) -> Result<usize, PortError> {
        let now = self.system.now();
        let webhooks = self.webhooks(batch, tenant).await?;
        if webhooks.is_empty() {
            return Ok(0);
        }
        let events: Vec<Event> = changes
            .iter()
            .filter_map(|(_, change)| self.other_event(change, now))
            .filter(|event| event.payload.subject == subject)
            .collect();
        let stored = self.store(tenant, &events, &webhooks, now).await?;
        self.send(&stored.tasks).await;
        Ok(events.len())
    }

    fn other_event(&self, change: &HookChange, now: Timestamp) -> Option<Event> {
        match change {
            HookChange::Suppression { before, after, .. } => {
                let telling = suppression_told(before.as_ref(), after.as_ref())?;
                let Told::Suppression(suppression) = &telling.told else {
                    return None;
                };
                let body = payload::of_suppression(&telling, suppression);
                // An address has no birth.
                Some(Event::new(&telling, Timestamp::from_millis(0), body, now))
            }
            HookChange::Domain { before, after, .. } => {
                let domain = after.as_deref().or(before.as_deref())?;
                let telling = domain_told(before.as_deref(), after.as_deref(), domain.changed_at)?;
                let body = payload::of_domain(&telling, DomainView::of_event(domain, &self.region));
                Some(Event::new(&telling, domain.created_at, body, now))
            }
            HookChange::Email { .. } | HookChange::Fact { .. } | HookChange::Job { .. } => None,
        }
    }
}

/// The record that a change has written.
fn written(change: &HookChange) -> Option<&EmailRecord> {
    match change {
        HookChange::Email { after, .. } => after.as_deref(),
        HookChange::Fact { .. }
        | HookChange::Suppression { .. }
        | HookChange::Domain { .. }
        | HookChange::Job { .. } => None,
    }
}

/// The events of changes of an email, each once. A change of an email with another birth than `record` tells nothing.
fn tellings(changes: &Changes<'_>, record: &EmailRecord) -> Vec<Telling> {
    let mut found: Vec<Telling> = Vec::new();
    for (_, change) in changes {
        let tellings = match change {
            HookChange::Email { before, after, .. } => {
                let after = after.as_deref().filter(|after| after.born == record.born);
                told(before.as_deref(), after)
            }
            HookChange::Fact { fact, .. } if fact.born == record.born => of_fact(record, &fact.fact),
            HookChange::Fact { .. }
            | HookChange::Suppression { .. }
            | HookChange::Domain { .. }
            | HookChange::Job { .. } => Vec::new(),
        };
        for telling in tellings {
            if !found.iter().any(|known| known.id == telling.id) {
                found.push(telling);
            }
        }
    }
    found
}
