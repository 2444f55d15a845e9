//! The state of the backend: everything that the deployed functions keep outside.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use domain::delivery::account_rate::{AccountRate, AccountState};
use domain::delivery::attempt::Attempt;
use domain::delivery::batch::{BatchId, BatchRecord};
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::index::DueCursor;
use domain::delivery::record::{EmailRecord, Priority};
use domain::delivery::suppression::{Entry, Listed, SuppressionFilter, SuppressionId};
use domain::id::{AttachmentId, EmailId, EmailKey, KeyId, QueueKey, TenantId, UploadId};
use domain::lifecycle::Condition;
use domain::message::attachment::Uploaded;
use domain::ports::{QueuedMessages, SendTaskRequest};
use domain::queue::Queue;
use domain::queue::job::Job;
use domain::queue::rate_limit::RateLimit;
use domain::reporting::account::{AccountQuota, OldestDue};
use domain::reporting::listing::Place;
use domain::tenant::Tenant;
use domain::tenant::console_code::ConsoleCode;
use domain::tenant::domains::dns::{DnsAnswer, RecordType};
use domain::tenant::domains::identity::Identity;
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain};
use domain::tenant::key::ApiKey;
use domain::tenant::quota::Limit;
use domain::tenant::temporary::{Preview, TokenHash};
use domain::timestamp::Timestamp;

use crate::call::Fault;
use crate::fault_model::FaultModel;
use crate::suppressions::OfAccount;
use crate::trace::TraceStep;

/// The state, which a test may read and change.
#[derive(Debug, Default)]
pub struct State {
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The records.
    pub records: BTreeMap<EmailKey, EmailRecord>,
    /// Places in the list of emails whose records no longer exist.
    pub forgotten: Vec<Place>,
    /// The contents, by email and hash.
    pub bodies: BTreeMap<(EmailKey, String), Vec<u8>>,
    /// The records of batches, each with the end of its retention.
    pub batches: BTreeMap<(TenantId, BatchId), (BatchRecord, Timestamp)>,
    /// The send tasks that were enqueued.
    pub send_tasks: Vec<SendTaskRequest>,
    /// The emails that were moved to the dead-letter queue.
    pub dead_letters: Vec<DeadLetterMessage>,
    /// The submissions to SES, as (email, claim).
    pub submitted: Vec<(EmailId, u32)>,
    /// The accepted submissions, even if their answers were lost.
    pub accepted: Vec<(EmailId, u32)>,
    /// The next answers of SES; it accepts if there are none.
    pub answers: VecDeque<Attempt>,
    /// Emails for which SES panics instead of answering: a stand-in for a bug in between.
    pub panics: Vec<EmailId>,
    /// The place in each shard of `wake` up to which emails are enqueued.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Number of SES's events that wait for processing.
    pub events_waiting: u32,
    /// Time of the newest processed event.
    pub newest_event: Option<Timestamp>,
    /// The rate limiter that all senders share.
    pub account_rate: AccountRate,
    /// The rate limits of queues.
    pub rate_limits: BTreeMap<QueueKey, RateLimit>,
    /// The emails that wait for slots, by queue and shard, and by their places.
    pub in_line: BTreeMap<(QueueKey, u16), BTreeMap<String, EmailKey>>,
    /// Number of entries read from them.
    pub in_line_read: usize,
    /// The named queues.
    pub queues: BTreeMap<QueueKey, Queue>,
    /// The jobs of queues.
    pub jobs: BTreeMap<(QueueKey, EmailId), Job>,
    /// The account at SES; without limits if there is none.
    pub account: Option<AccountState>,
    /// The limits of the account at SES, as `GET /account` shows them.
    pub quota: AccountQuota,
    /// Throttled reads and writes of the table in the last hour, as CloudWatch has them.
    pub table_throttles: u64,
    /// The load of the priority queues.
    pub waiting: QueuedMessages,
    /// Time since when each priority queue has not been empty, as saved by `promote`.
    pub busy_since: BTreeMap<Priority, Timestamp>,
    /// The oldest late email, as saved by `promote`.
    pub oldest_due: Option<OldestDue>,
    /// The suppressions and releases, by tenant.
    pub suppressions: BTreeMap<(TenantId, SuppressionId), Entry>,
    /// Addresses to which SES did not send because of the account's list, by tenant.
    pub listed: BTreeMap<(TenantId, SuppressionId), Listed>,
    /// SES's list of the account.
    pub account_list: OfAccount,
    /// The hash prefixes of suppressed addresses, which senders read.
    pub suppression_filters: BTreeMap<TenantId, SuppressionFilter>,
    /// The emails that were erased, each with the hash of its content.
    pub erased: BTreeMap<EmailKey, String>,
    /// End of each content's retention, by email and hash.
    pub kept_until: BTreeMap<(EmailKey, String), Timestamp>,
    /// Number of copies of each content onto itself: S3's time of an object, without its seconds.
    pub copies: BTreeMap<(EmailKey, String), u64>,
    /// Retention of finished emails; forever if there is none.
    pub retention: Option<Duration>,
    /// Time at which each finished email expires, including erased ones.
    pub forgotten_at: BTreeMap<EmailKey, Timestamp>,
    /// Emails whose index entries are late, without a bound.
    pub late_in_index: BTreeSet<EmailId>,
    /// The uploaded files, by tenant and id.
    pub uploads: BTreeMap<(TenantId, UploadId), (Uploaded, Vec<u8>)>,
    /// The contents' copies of them, by email, content and upload; each with the end of its retention.
    pub files: BTreeMap<(EmailKey, String, UploadId), (Vec<u8>, Timestamp)>,
    /// The copies of files inside contents that were made for a download, by email and file.
    pub downloads: BTreeMap<(EmailKey, AttachmentId), Vec<u8>>,
    /// The API keys.
    pub keys: BTreeMap<KeyId, ApiKey>,
    /// The previews, by the hashes of their tokens.
    pub previews: BTreeMap<TokenHash, Preview>,
    /// The codes of the console, by their hashes; each with the key that it became.
    pub console_codes: BTreeMap<TokenHash, (ConsoleCode, Option<KeyId>)>,
    /// The created tenants.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// The names of deleted tenants, with the time of deletion.
    pub deleted_tenants: BTreeMap<TenantId, Timestamp>,
    /// The registered sending domains, by their labels in reverse.
    pub domains: BTreeMap<String, SendingDomain>,
    /// The names among them that were never verified.
    pub registry: Registry,
    /// The identities of the account at SES.
    pub identities: BTreeMap<DomainName, Identity>,
    /// The records in DNS, by host and type; a missing entry has no records.
    pub dns: BTreeMap<(String, RecordType), DnsAnswer>,
    /// The leased amounts of the tenants' quotas, by the start of the window.
    pub drawn: BTreeMap<(TenantId, Limit, Timestamp), u64>,
    /// Number of entries per page of the index; 0 for all.
    pub page_size: usize,
    /// Results of the next calls, in order.
    pub faults: VecDeque<Fault>,
    /// Results of the next calls of one method.
    pub faults_of: HashMap<&'static str, VecDeque<Fault>>,
    /// The names of the called methods, in order.
    pub calls: Vec<&'static str>,
    /// The counters, and the records' stream.
    pub tally: crate::tallies::Counters,
    /// The fault model; without one every call succeeds at once.
    pub fault_model: Option<FaultModel>,
    /// The items of webhooks, and their stream.
    pub hooks: crate::hooks::Hooks,
    /// Number of nonces that were drawn.
    pub(crate) nonces: u64,
}

/// True if an item has expired, in DynamoDB's whole seconds.
pub(crate) fn is_over(ttl: Timestamp, now: Timestamp) -> bool {
    ttl.as_secs() < now.as_secs()
}

impl State {
    /// The result of a call to SES. Such calls do not consume [`Self::faults`], whose places tests count, but have
    /// faults of their own under `submit`.
    pub(crate) fn fault_of_ses(&mut self) -> Fault {
        let own = self.faults_of.get_mut("submit").and_then(VecDeque::pop_front);
        own.unwrap_or(Fault::None)
    }

    /// Notes a call, and returns its result.
    pub(crate) fn next_fault(&mut self, what: &'static str) -> Fault {
        self.calls.push(what);
        let own = self.faults_of.get_mut(what).and_then(VecDeque::pop_front);
        let any = self.faults.pop_front();
        own.filter(|own| *own != Fault::None).or(any).unwrap_or(Fault::None)
    }

    /// The true time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let simulated = self.fault_model.as_ref().map(FaultModel::now);
        simulated.unwrap_or(Timestamp::from_millis(self.now_ms))
    }

    /// True if a record's queue has the version that a condition names, or if the condition names none.
    pub(crate) fn queue_is_at(&self, record: &EmailRecord, condition: Condition) -> bool {
        let queue = self.queues.get(&record.queue_key());
        condition
            .queue_version()
            .is_none_or(|version| queue.is_some_and(|queue| queue.version == version))
    }

    /// Stores a record that was accepted before the test began.
    pub fn store_record(&mut self, record: EmailRecord) {
        self.store(record);
    }

    /// Replaces a record by a tombstone.
    pub(crate) fn erase(&mut self, record: &EmailRecord) {
        let now = self.now();
        let before = self.records.remove(&record.email_key());
        let gone = EmailRecord {
            due: None,
            ..record.clone()
        };
        self.line_up(before.as_ref(), &gone);
        self.erased.insert(record.email_key(), record.body.sha256.clone());
        self.forget_later(record.email_key(), now);
        self.tally.add_to_stream(now, Some(record), None);
        if let Some(fault_model) = &mut self.fault_model {
            // The index follows later, as after every write.
            fault_model.index(&gone);
        }
    }

    /// Writes a record, and notifies the observer.
    pub(crate) fn store(&mut self, record: EmailRecord) {
        let now = self.now();
        let before = self.records.insert(record.email_key(), record.clone());
        self.set_ttl(before.as_ref(), &record, now);
        self.line_up(before.as_ref(), &record);
        self.tally.add_to_stream(now, before.as_ref(), Some(&record));
        self.hooks.tell_email(before.as_ref(), &record);
        let Some(fault_model) = &mut self.fault_model else {
            return;
        };
        fault_model.index(&record);
        fault_model.trace.note_step(TraceStep::EmailRecord {
            at_ms: now.as_millis(),
            email: record.id,
            from: before.as_ref().map(|before| before.status),
            to: record.status,
            claim_no: record.claim_no,
            attempts: record.attempts,
            flagged: record.maybe_duplicate,
        });
        if let Some(observer) = &mut fault_model.observer {
            observer.on_write(now, before.as_ref(), &record);
        }
    }
}
