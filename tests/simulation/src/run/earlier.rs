//! Emails from before the run.

use std::time::Duration;

use domain::api::requests::parse_email;
use domain::delivery::record::{BodyPlace, BodyRef, Due, DueKind, EmailRecord};
use domain::id::{EmailId, QueueKey, QueueName, TenantId};
use domain::message::email::EmailContent;
use domain::queue::rate_limit::RateLimit;
use domain::queue::{Pause, Queue};
use memory::MemoryBackend;

use super::{HELD, LONGEST, START};
use crate::oracle::Oracle;
use crate::scenario::{NEWS, Scenario};

/// Creates the initial queues, and the emails that one of them holds.
pub(super) fn plant(backend: &MemoryBackend, scenario: &Scenario) {
    let queue = |name| {
        let (tenant, name) = (TenantId::main(), QueueName::parse(name).unwrap_or_default());
        Queue::plain(QueueKey { tenant, name }, START)
    };
    let mut state = backend.state();
    let news = Queue {
        rate_per_second: scenario.limit,
        ..queue(NEWS)
    };
    if let Some(rate) = news.rate() {
        let limit = RateLimit {
            rate: Some(rate),
            ..RateLimit::default()
        };
        state.rate_limits.insert(news.key.clone(), limit);
        // Senders learn of a new queue by this version.
        state.account_rate.settings_version = 1;
    }
    state.queues.insert(news.key.clone(), news);
    if scenario.held == 0 {
        return;
    }
    // DynamoDB returns pages: a function that scanned the held emails would make many calls.
    state.page_size = 100;
    let mut held = queue(HELD);
    let (since, reason, until) = (START, None, None);
    held = held.after_pause(Pause { since, reason, until });
    for number in 0..scenario.held {
        let id = EmailId::from_batch_key(&TenantId::main(), HELD, number);
        let body = BodyRef {
            sha256: String::new(),
            place: BodyPlace::Table,
            bytes: 0,
        };
        let due = Due {
            kind: DueKind::Held,
            at: START,
        };
        state.store_record(EmailRecord {
            queue: held.key.name.clone(),
            expires_at: START.after(LONGEST),
            due: Some(due),
            ..EmailRecord::new(TenantId::main(), id, body, 1, START)
        });
    }
    state.queues.insert(held.key.clone(), held);
    state.account_rate.settings_version = 1;
}

/// The number of waiting emails with contents: more than any run releases.
const CONTENTS: usize = 1_000;

/// Creates the emails that wait for slots from the beginning, and marks their queue.
pub(super) fn plant_waiting(backend: &MemoryBackend, scenario: &Scenario, oracle: &Oracle) {
    let mut state = backend.state();
    for limit in state.rate_limits.values_mut().filter(|_| scenario.waiting > 0) {
        (limit.check_at, limit.version) = (Some(START), 1);
    }
    for number in 0..scenario.waiting {
        let id = EmailId::from_batch_key(&TenantId::main(), NEWS, number);
        let ahead = u64::try_from(scenario.waiting - number).unwrap_or(u64::MAX);
        let at = START.before(Duration::from_millis(ahead));
        // Each has its own recipient, because a bounce suppresses it.
        let request = format!(r#"{{"from":"a@example.com","to":"{number}@news.example","subject":"n","text":"t"}}"#);
        let email = (number < CONTENTS).then(|| parse_email(request.as_bytes()).ok());
        let email = email.flatten().map(|request| request.email);
        let body = BodyRef {
            sha256: email.as_ref().map(EmailContent::hash).unwrap_or_default(),
            place: BodyPlace::Table,
            bytes: 0,
        };
        let due = Due {
            kind: DueKind::RateLimited,
            at,
        };
        let record = EmailRecord {
            queue: QueueName::parse(NEWS).unwrap_or_default(),
            expires_at: START.after(LONGEST),
            due: Some(due),
            ..EmailRecord::new(TenantId::main(), id, body, 1, at)
        };
        if let Some(email) = email {
            oracle.record_request(Some(id), email.hash());
            let content = (record.email_key(), email.hash());
            state.kept_until.insert(content.clone(), record.expires_at);
            state.bodies.insert(content, email.to_body());
        }
        state.store_record(record);
    }
}
