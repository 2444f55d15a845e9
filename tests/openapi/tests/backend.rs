//! A backend in which every kind of answer occurs.

use std::time::Duration;

use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::history::AttemptOutcome;
use domain::delivery::record::{Due, DueKind, RecordStatus, recipient_key};
use domain::delivery::suppression::{Entry, Listed, Suppression};
use domain::id::{DomainId, EmailId, KeyId, QueueKey, QueueName, TenantId};
use domain::message::address::EmailAddress;
use domain::message::email::EmailContent;
use domain::ports::ListReason;
use domain::queue::hold::{HOLDS_MAX, Hold, Holds};
use domain::queue::job::{Job, Task};
use domain::queue::{Common, Queue};
use domain::reporting::tally::counter::{Counter, Figure, hour_of};
use domain::tenant::Tenant;
use domain::tenant::domains::identity::Identity;
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{SendingDomain, Verification};
use domain::timestamp::Timestamp;
use memory::MemoryBackend;
use memory::samples::{self, BORN};
use memory::tallies::StoredCounter;

use crate::access_calls::add_tokens;
use crate::webhook_calls::add_webhooks;

pub(crate) fn queue(name: &str) -> Queue {
    let (tenant, name) = (TenantId::main(), QueueName::parse(name).unwrap());
    Queue {
        retry_waits: Some(vec![Duration::from_secs(7)]),
        rate_per_second: Some(5),
        ..Queue::plain(QueueKey { tenant, name }, BORN)
    }
}

/// Inserts a counter into the in-memory backend.
fn counted(backend: &MemoryBackend, counter: Counter, figure: Figure, latest: Option<(Timestamp, EmailId)>) {
    let stored = StoredCounter {
        version: 1,
        figures: [(figure, 1)].into(),
        latest,
    };
    backend.state().tally.counters.insert(counter, stored);
}

/// Adds an address that SES's own list has because of a complaint, and an email to it that was refused.
fn complaint_at_ses(backend: &MemoryBackend) {
    let (tenant, at) = (TenantId::main(), BORN);
    let address = EmailAddress::parse("bea@example.com").unwrap();
    let listed = Listed { tenant, address, at };
    let mut state = backend.state();
    state.account_list.is_on = true;
    state.account_list.add(&listed.address, ListReason::Complaint);
    state.account_list.is_on = false;
    state.listed.insert((listed.tenant.clone(), listed.id()), listed);
}

pub(crate) fn backend() -> MemoryBackend {
    let backend = samples::backend(2).unwrap();
    if let Some(record) = backend.state().records.get_mut(&samples::key(2)) {
        record.status = RecordStatus::Failed;
        record.cause = Some(Cause::Rejected);
        record.detail = Some("a virus".to_owned());
        record.due = Some(Due {
            kind: DueKind::Ended,
            at: BORN,
        });
        record.claim_no = 1;
        record.outcomes = vec![AttemptOutcome {
            claim_no: 1,
            at: BORN,
            cause: Cause::Rejected,
            words: "a virus".to_owned(),
        }];
        record.delivery_statuses = [(recipient_key("b@example.com"), DeliveryStatus::SoftBounced)].into();
    }
    for name in ["news", "full"] {
        let queue = queue(name);
        let job = Job::new(&queue, samples::id(9), Task::Release, BORN);
        let mut state = backend.state();
        state.jobs.insert((queue.key.clone(), job.id), job);
        state.queues.insert(queue.key.clone(), queue);
    }
    let (tenant, hour) = (TenantId::main(), hour_of(BORN));
    let email_status = Counter::EmailStatus {
        tenant: tenant.clone(),
        queue: "full".to_owned(),
    };
    let failures = Counter::Failures {
        tenant: tenant.clone(),
        hour,
        queue: "default".to_owned(),
        cause: Cause::Rejected,
    };
    counted(&backend, email_status, Figure::Queued, None);
    counted(&backend, failures, Figure::Count, Some((BORN, samples::id(2))));
    let address = EmailAddress::parse("ada@example.com").unwrap();
    let suppression = Suppression::manual(tenant.clone(), &address, BORN);
    let id = (tenant, suppression.id());
    backend.state().suppressions.insert(
        id,
        Entry::Suppressed {
            suppression,
            released_at: None,
        },
    );
    sending_domains(&backend);
    complaint_at_ses(&backend);
    sent_files(&backend);
    full_tenant(&backend);
    leaving_tenant(&backend);
    add_webhooks(&backend);
    add_tokens(&backend);
    backend
}

/// Adds two sending domains. The identity of the second one belongs to somebody else.
fn sending_domains(backend: &MemoryBackend) {
    let mut state = backend.state();
    for (number, name, owner) in [(7, "books.example", Some(TenantId::main())), (8, "other.example", None)] {
        let (id, name) = (DomainId::of(samples::id(number)), DomainName::parse(name).unwrap());
        let tokens = memory::domains::tokens(&name);
        let identity = Identity {
            tokens: tokens.clone(),
            owner,
            ..Identity::default()
        };
        let domain = SendingDomain::new(id, TenantId::main(), name.clone(), "send".to_owned(), BORN);
        state.identities.insert(name.clone(), identity);
        // It was verified before, so that emails from it are accepted.
        let verification = Verification::Lost;
        let domain = SendingDomain {
            tokens,
            verification,
            ..domain
        };
        state.domains.insert(name.reversed(), domain);
    }
}

/// Adds a sent email with files to the samples.
fn sent_files(backend: &MemoryBackend) {
    let stored = r#"{"v":2,"from":"a@example.com","to":["b@example.com"],"subject":"Hello","text":"Hi",
        "attachments":[{"content":"aGk=","filename":"a.txt"},{"content":"aGk=","filename":"b.png","content_id":"b"}]}"#;
    let email = EmailContent::from_body(stored.as_bytes()).unwrap();
    let mut record = samples::record(3, &email);
    record.status = RecordStatus::Sent;
    record.due = None;
    let mut state = backend.state();
    state.bodies.insert((samples::key(3), email.hash()), email.to_body());
    state.records.insert(samples::key(3), record);
}

/// Adds a tenant that may be deleted.
fn leaving_tenant(backend: &MemoryBackend) {
    let long_ago = Timestamp::from_millis(0);
    let tenant = Tenant {
        id: TenantId::parse("leaving").unwrap(),
        created_at: BORN,
        ..Tenant::main().with_suspension(true, long_ago)
    };
    backend.state().tenants.insert(tenant.id.clone(), tenant);
}

/// Adds a tenant with the maximum number of keys and of held keys.
fn full_tenant(backend: &MemoryBackend) {
    let id = TenantId::parse("full").unwrap();
    let mut holds = Holds::default();
    for n in 0..HOLDS_MAX {
        let mut bytes = [1; 16];
        bytes[0] = u8::try_from(n).unwrap();
        holds = holds.with(Hold::of_revoked_key(KeyId::from_bytes(bytes))).unwrap();
    }
    let lead = QueueKey {
        tenant: id.clone(),
        name: QueueName::default(),
    };
    let lead = Queue::plain(lead, BORN).with_common(&Common {
        holds,
        ..Common::default()
    });
    let mut state = backend.state();
    state.queues.insert(lead.key.clone(), lead);
    for n in 0..domain::limits::KEYS_MAX {
        let (key, _) = samples::key_of(&id, u8::try_from(n).unwrap());
        state.keys.insert(key.id, key);
    }
    let created_at = BORN;
    let tenant = Tenant {
        id,
        created_at,
        ..Tenant::main()
    };
    state.tenants.insert(tenant.id.clone(), tenant);
}
