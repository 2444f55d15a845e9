//! Tenants: created, changed, suspended and deleted.

use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{EmailId, QueueKey, QueueName, TenantId};
use domain::queue::Queue;
use domain::queue::job::{Job, Task};
use domain::tenant::token;
use domain::timestamp::Timestamp;
use memory::Fault;
use memory::samples::{self, BORN};
use serde_json::{Value, json};

use super::{Environment, acme, environment};

#[tokio::test]
async fn tenants_are_created_changed_and_suspended() {
    let it = environment();
    let (status, made) = it.deployer("POST", "/tenants", &acme()).await;
    assert_eq!(
        (status, &made["name"], &made["suspended"]),
        (201, &"acme".into(), &false.into()),
        "{made}"
    );
    for name in ["acme", "main"] {
        let again = json!({"name": name, "from_domains": ["*"]});
        assert_eq!(it.deployer("POST", "/tenants", &again).await.0, 409, "{name}");
    }
    let key = it
        .make(samples::DEPLOYER_KEY, json!({"name": "shop", "tenant": "acme"}))
        .await;
    assert_eq!(it.ask(&key, "GET", "/api-keys", &Value::Null).await.0, 200);
    let missing = json!({"name": "shop", "tenant": "nobody"});
    assert_eq!(it.deployer("POST", "/api-keys", &missing).await.0, 422);

    let (_, list) = it.deployer("GET", "/tenants", &Value::Null).await;
    let names: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tenant| tenant["name"].clone())
        .collect();
    assert_eq!(names, ["acme", "main"]);
    let (status, changed) = it
        .deployer("PATCH", "/tenants/acme", &json!({"rate": 5, "suspended": true}))
        .await;
    assert_eq!((status, &changed["rate"]), (200, &5.into()));
    assert_eq!(it.deployer("GET", "/tenants/acme", &Value::Null).await.1, changed);
    it.later(31);
    assert_eq!(it.ask(&key, "GET", "/api-keys", &Value::Null).await.0, 403);
    assert_eq!(it.deployer("PATCH", "/tenants/main", &json!({"rate": 5})).await.0, 422);
    assert_eq!(it.deployer("GET", "/tenants/main", &Value::Null).await.0, 200);
    assert_eq!(it.deployer("GET", "/tenants/nobody", &Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_conflicting_change_is_retried() {
    let it = environment();
    it.deployer("POST", "/tenants", &acme()).await;
    // The first write takes effect and its answer is lost: the next read returns it.
    it.backend
        .state()
        .faults_of
        .insert("save_tenant", [Fault::After].into());
    assert_eq!(it.deployer("PATCH", "/tenants/acme", &json!({"rate": 5})).await.0, 500);
    let (status, changed) = it.deployer("PATCH", "/tenants/acme", &json!({"daily_cap": 7})).await;
    assert_eq!(
        (status, &changed["rate"], &changed["daily_cap"]),
        (200, &5.into(), &7.into())
    );
}

/// Creates a tenant with a key, suspended for two minutes.
async fn suspended_tenant(it: &Environment) -> String {
    it.deployer("POST", "/tenants", &acme()).await;
    let key = it
        .make(samples::DEPLOYER_KEY, json!({"name": "shop", "tenant": "acme"}))
        .await;
    let (_, changed) = it.deployer("PATCH", "/tenants/acme", &json!({"suspended": true})).await;
    assert_eq!(changed["suspended_at"], BORN.to_string(), "{changed}");
    it.later(120);
    key
}

/// Stores an email of `acme`.
fn keep_email(it: &Environment, n: u8, change: impl FnOnce(&mut EmailRecord)) {
    let mut record = EmailRecord {
        tenant: TenantId::parse("acme").unwrap(),
        ..samples::record(n, &samples::email().unwrap())
    };
    change(&mut record);
    it.backend.state().records.insert(record.email_key(), record);
}

async fn delete(it: &Environment) -> (u16, Value) {
    it.deployer("DELETE", "/tenants/acme", &Value::Null).await
}

#[tokio::test]
async fn a_deleted_tenants_name_is_never_free() {
    let it = environment();
    let key = suspended_tenant(&it).await;
    keep_email(&it, 1, |record| record.status = RecordStatus::Sent);
    let deleted = json!({"object": "tenant", "name": "acme", "deleted": true});
    assert_eq!(delete(&it).await, (200, deleted.clone()));
    assert_eq!(it.deployer("GET", "/tenants/acme", &Value::Null).await.0, 404);
    assert_eq!(
        it.deployer("PATCH", "/tenants/acme", &json!({"suspended": false}))
            .await
            .0,
        404
    );
    let (_, list) = it.deployer("GET", "/tenants", &Value::Null).await;
    assert!(!list.to_string().contains("acme"), "{list}");
    let (status, again) = it.deployer("POST", "/tenants", &acme()).await;
    assert_eq!((status, &again["name"]), (409, &"validation_error".into()));
    let message = again["message"].as_str().unwrap();
    assert!(message.contains("cannot be reused"), "{message}");
    let made = it
        .deployer("POST", "/api-keys", &json!({"name": "k", "tenant": "acme"}))
        .await;
    assert_eq!(made.0, 422);
    assert!(
        it.backend.state().keys[&token::id_of(key.as_bytes()).unwrap()]
            .revoked
            .is_some()
    );
    it.later(31);
    assert_eq!(it.ask(&key, "GET", "/api-keys", &Value::Null).await.0, 403);
    // The same request has the same response.
    assert_eq!(delete(&it).await, (200, deleted));
}

#[tokio::test]
async fn a_deletion_needs_a_minute_of_suspension() {
    let it = environment();
    assert_eq!(delete(&it).await.0, 404);
    assert_eq!(it.deployer("DELETE", "/tenants/main", &Value::Null).await.0, 422);
    it.deployer("POST", "/tenants", &acme()).await;
    assert_eq!(delete(&it).await.0, 409);
    it.deployer("PATCH", "/tenants/acme", &json!({"suspended": true})).await;
    it.later(60);
    let (status, refused) = delete(&it).await;
    assert_eq!(status, 409);
    assert!(
        refused["message"].as_str().unwrap().contains("less than 60 seconds"),
        "{refused}"
    );
    // A new suspension starts the minute again.
    it.deployer("PATCH", "/tenants/acme", &json!({"suspended": false}))
        .await;
    it.deployer("PATCH", "/tenants/acme", &json!({"suspended": true})).await;
    it.later(60);
    assert_eq!(delete(&it).await.0, 409);
    it.later(1);
    assert_eq!(delete(&it).await.0, 200);
}

#[tokio::test]
async fn a_suspension_without_a_time_is_repeated() {
    let it = environment();
    suspended_tenant(&it).await;
    let id = TenantId::parse("acme").unwrap();
    it.backend.state().tenants.get_mut(&id).unwrap().suspended_at = None;
    assert_eq!(delete(&it).await.0, 409);
    it.deployer("PATCH", "/tenants/acme", &json!({"suspended": true})).await;
    it.later(61);
    assert_eq!(delete(&it).await.0, 200);
}

#[tokio::test]
async fn unfinished_work_stops_a_deletion() {
    let it = environment();
    suspended_tenant(&it).await;
    keep_email(&it, 1, |_| {});
    keep_email(&it, 2, |record| record.status = RecordStatus::Uncertain);
    keep_email(&it, 3, |record| record.status = RecordStatus::Canceled);
    let queue = Queue::plain(
        QueueKey {
            tenant: TenantId::parse("acme").unwrap(),
            name: QueueName::default(),
        },
        BORN,
    );
    let job = Job::new(&queue, samples::id(9), Task::Restore, BORN);
    let key = (queue.key.clone(), job.id);
    it.backend.state().jobs.insert(key.clone(), job);
    let (status, refused) = delete(&it).await;
    assert_eq!((status, &refused["name"]), (409, &"validation_error".into()));
    let message = refused["message"].as_str().unwrap();
    for part in [
        "1 queued",
        "1 uncertain",
        "jobs that restore or retry emails (1)",
        "x-mailqueue-tenant",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(it.deployer("GET", "/tenants/acme", &Value::Null).await.0, 200);

    // A purged email has ended, although its record does not say so yet.
    it.backend.state().jobs.get_mut(&key).unwrap().done = true;
    it.backend
        .state()
        .queues
        .insert(queue.key.clone(), queue.after_purge(BORN));
    let (_, refused) = delete(&it).await;
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("1 uncertain") && !message.contains("queued"),
        "{message}"
    );
    keep_email(&it, 2, |record| record.status = RecordStatus::Unknown);
    assert_eq!(delete(&it).await.0, 200);
}

#[tokio::test]
async fn an_ended_suspension_stops_a_deletion() {
    let mut it = environment();
    suspended_tenant(&it).await;
    let id = TenantId::parse("acme").unwrap();
    let backend = it.backend.clone();
    let lift = move || {
        let mut state = backend.state();
        let tenant = state.tenants.get_mut(&id).unwrap();
        tenant.version += 1;
        tenant.suspended = false;
    };
    it.backend = it.backend.with_concurrent_writers(vec![Box::new(lift)]);
    assert_eq!(delete(&it).await.0, 409);
    assert_eq!(it.deployer("GET", "/tenants/acme", &Value::Null).await.0, 200);
}

#[tokio::test]
async fn an_interrupted_deletion_is_completed() {
    let it = environment();
    let key = suspended_tenant(&it).await;
    let id = token::id_of(key.as_bytes()).unwrap();
    it.backend.state().faults_of.insert("revoke", [Fault::Before].into());
    assert_eq!(delete(&it).await.0, 500);
    assert!(it.backend.state().keys[&id].revoked.is_none());
    // The key is void already: its tenant is gone.
    it.later(31);
    assert_eq!(it.ask(&key, "GET", "/api-keys", &Value::Null).await.0, 403);
    assert_eq!(delete(&it).await.0, 200);
    assert!(it.backend.state().keys[&id].revoked.is_some());
}

#[tokio::test]
async fn every_page_of_the_list_is_read() {
    let it = environment();
    suspended_tenant(&it).await;
    for n in 0..1_200_u16 {
        let bytes = n.to_be_bytes();
        keep_email(&it, 1, |record| {
            record.id = EmailId::from_random([bytes[0], bytes[1], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            // Only the oldest one is unfinished.
            record.status = if n == 0 {
                RecordStatus::Queued
            } else {
                RecordStatus::Sent
            };
            record.born = Timestamp::from_millis(BORN.as_millis() + i64::from(n));
        });
    }
    let (status, refused) = delete(&it).await;
    assert_eq!(status, 409, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("1 queued"), "{refused}");
}
