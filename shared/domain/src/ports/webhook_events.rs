//! The events of webhooks: facts of SES, payloads, deliveries, and the queue of deliveries.
//!
//! **Invariant:** a fact is stored before its record, a payload before its deliveries, and a delivery before its task.
//! Each is stored once, and the first one stays.

use std::time::Duration;

use super::due_index::DuePage;
use super::failure::PortError;
use super::webhooks::WebhookKey;
use crate::delivery::hook::Hook;
use crate::delivery::index::DueCursor;
use crate::delivery::record::EmailRecord;
use crate::delivery::suppression::{Entry, SuppressionId};
use crate::id::{DomainId, EmailId, EmailKey, TenantId};
use crate::reporting::listing::{Place, Start};
use crate::tenant::domains::SendingDomain;
use crate::timestamp::Timestamp;
use crate::webhook::delivery::Delivery;
use crate::webhook::event_type::EventType;
use crate::webhook::fact::{EmailFact, FactNumber};
use crate::webhook::identity::{EventId, Subject};
use crate::webhook::settings::WebhookId;
use crate::webhook::task::DeliveryTask;

/// A change of a stored item that may lead to events, from the table's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookChange {
    /// An email's record; `None` for a missing one.
    Email {
        /// The key of the email.
        key: EmailKey,
        /// The record before.
        before: Option<Box<EmailRecord>>,
        /// The record afterwards.
        after: Option<Box<EmailRecord>>,
    },
    /// A new fact of an email.
    Fact {
        /// The key of the email.
        key: EmailKey,
        /// The fact.
        fact: StoredFact,
    },
    /// A suppressed address.
    Suppression {
        /// The tenant.
        tenant: TenantId,
        /// The address.
        id: SuppressionId,
        /// The entry before.
        before: Option<Entry>,
        /// The entry afterwards.
        after: Option<Entry>,
    },
    /// A sending domain.
    Domain {
        /// The tenant.
        tenant: TenantId,
        /// The domain.
        id: DomainId,
        /// The domain before.
        before: Option<Box<SendingDomain>>,
        /// The domain afterwards.
        after: Option<Box<SendingDomain>>,
    },
    /// A recovery job, which may be due.
    Job {
        /// The tenant.
        tenant: TenantId,
        /// The job.
        id: EmailId,
    },
}

/// A stored fact of an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFact {
    /// Birth of the email.
    pub born: Timestamp,
    /// The fact.
    pub fact: EmailFact,
}

/// The facts of emails.
pub trait EmailFacts: Sync {
    /// Stores a fact. A repeated one stays as it is.
    fn put_fact(&self, key: &EmailKey, fact: &StoredFact) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Deletes a fact; a missing one is no error.
    fn delete_fact(&self, key: &EmailKey, number: FactNumber) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Reads the facts of an email with this birth consistently. Unreadable ones are left out.
    fn facts_of(
        &self,
        key: &EmailKey,
        born: Timestamp,
    ) -> impl Future<Output = Result<Vec<EmailFact>, PortError>> + Send;
}

/// The addition of hooks to records that have none.
pub trait HookStamps: Sync {
    /// Adds a hook to a record, and raises the count of its delivery statuses: the write of a function that read the
    /// record without a hook is then refused. `false` if the record is gone, has another birth or a hook, or if its
    /// delivery statuses have changed.
    fn stamp_hook(&self, record: &EmailRecord, hook: &Hook) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// A stored payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPayload {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub event_type: EventType,
    /// Its subject.
    pub subject: Subject,
    /// Birth of the subject.
    pub born: Timestamp,
    /// Time of the event.
    pub created_at: Timestamp,
    /// The exact bytes that are signed and sent.
    pub body: String,
}

/// A stored delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The subject of its event, which names the place of the payload.
    pub subject: Subject,
}

/// The result of a change of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryChange {
    /// Written.
    Done,
    /// Another write came before. The stored delivery, or `None` without one.
    Moved(Option<Box<StoredDelivery>>),
}

/// The payloads of events.
pub trait Payloads: Sync {
    /// Stores a payload for these webhooks, until the retention after `now` ends, and at least for
    /// [`crate::webhook::delivery::KEPT_AT_LEAST`]. An existing one stays as it is, gets the webhooks, and is kept as long
    /// as a new one. Returns the stored one; `None`, and stores nothing, if the event was withdrawn.
    fn put_payload(
        &self,
        tenant: &TenantId,
        payload: &StoredPayload,
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredPayload>, PortError>> + Send;

    /// Reads payloads consistently. Missing and unreadable ones are left out.
    fn payloads(
        &self,
        tenant: &TenantId,
        events: &[(Subject, EventId)],
    ) -> impl Future<Output = Result<Vec<StoredPayload>, PortError>> + Send;

    /// Deletes the payloads and deliveries of these events; missing ones are no error. A mark refuses their payloads for
    /// an hour: a write whose caller gave up may still arrive.
    fn withdraw(
        &self,
        tenant: &TenantId,
        subject: Subject,
        events: &[EventId],
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The erasure of an email's facts and events.
pub trait EventErasure: Sync {
    /// Deletes all facts of an email, and all payloads and deliveries about it. With `born` only those of this birth:
    /// the id of an erased email may be in use again. Deleting missing ones succeeds, too.
    fn erase_events(
        &self,
        key: &EmailKey,
        born: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The deliveries of a webhook.
pub trait Deliveries: Sync {
    /// Stores a new delivery, and keeps it as long as its payload. Returns the stored delivery if there is one already.
    fn add_delivery(
        &self,
        key: &WebhookKey,
        delivery: &StoredDelivery,
    ) -> impl Future<Output = Result<Option<StoredDelivery>, PortError>> + Send;

    /// Reads deliveries consistently, in the order of `events`. Missing and unreadable ones are left out.
    fn deliveries(
        &self,
        key: &WebhookKey,
        events: &[EventId],
    ) -> impl Future<Output = Result<Vec<StoredDelivery>, PortError>> + Send;

    /// Replaces the delivery `before` by `after`, if the version of `before` is still stored. If the schedule begins
    /// later, the retention of the payload is extended first.
    fn save_delivery(
        &self,
        key: &WebhookKey,
        before: &StoredDelivery,
        after: &Delivery,
    ) -> impl Future<Output = Result<DeliveryChange, PortError>> + Send;

    /// Reads the places of up to `count` deliveries by the time of their events, as [`super::Listing::places`] does.
    fn delivery_places(
        &self,
        key: &WebhookKey,
        start: Start<EventId>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Place<EventId>>, PortError>> + Send;
}

/// The entry of a delivery in the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    /// The webhook.
    pub key: WebhookKey,
    /// The event.
    pub event: EventId,
    /// The place of the entry.
    pub cursor: DueCursor,
    /// The place behind all entries of its webhook at the same time.
    pub behind: DueCursor,
}

/// The deliveries in the due index.
pub trait DueDeliveries: Sync {
    /// Reads a page of up to `count` deliveries of a shard (0 to 3, [`crate::webhook::identity::SHARDS`]) whose check is
    /// in a period (first and last time), after `from`. They are ordered by the time of the check, then by webhook. The
    /// read is not consistent.
    fn due_deliveries(
        &self,
        shard: u8,
        period: (Timestamp, Timestamp),
        from: Option<&DueCursor>,
        count: usize,
    ) -> impl Future<Output = Result<DuePage<DueDelivery>, PortError>> + Send;

    /// Moves the entry of a delivery to `check` without a read, as [`Delivery::guarded`] does; `false` if the delivery
    /// has changed since.
    fn guard_delivery(
        &self,
        due: &DueDelivery,
        check: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Saves the place that a run has reached in the older entries of a shard ([`super::Bookmarks::hook_places`]); `None`
    /// if it has reached their end.
    fn save_due_place(
        &self,
        shard: u8,
        place: Option<&DueCursor>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A request to send a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryTaskRequest {
    /// The task.
    pub task: DeliveryTask,
    /// Delay from now, at most [`crate::delivery::index::LONGEST_DELAY`].
    pub delay: Duration,
}

/// The queue of deliveries.
pub trait DeliveryTasks: Sync {
    /// Sends tasks in as few calls as possible; one result for each, in order.
    fn send_deliveries(
        &self,
        requests: &[DeliveryTaskRequest],
    ) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}
