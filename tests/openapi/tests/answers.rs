//! Every answer matches the description, and every described answer occurs.

use std::collections::BTreeSet;
use std::time::Duration;

use aws::http::auth::TENANT_HEADER;
use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::history::Outcome;
use domain::delivery::record::{Due, DueKind, RecordStatus, recipient_key};
use domain::delivery::suppression::{Entry, Listed, Suppression};
use domain::id::{EmailId, KeyId, QueueKey, QueueName, TenantId};
use domain::message::address::EmailAddress;
use domain::ports::ListReason;
use domain::queue::hold::{HOLDS_MAX, Hold, Holds};
use domain::queue::job::{Job, Task};
use domain::queue::{Common, Queue};
use domain::reporting::tally::counter::{Counter, Figure, hour_of};
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use memory::MemoryBackend;
use memory::samples::{self, BORN};
use memory::tallies::Stored;
use openapi::operation::Operation;
use serde_json::{Value, json};

use crate::caller::Call;
use crate::schema::{closed, problems, resolved};

const FIRST: &str = "/emails/01010101-0101-4101-8101-010101010101";
const SECOND: &str = "/emails/02020202-0202-4202-8202-020202020202";
const NOBODYS: &str = "/emails/00000000-0000-4000-8000-000000000000";
const BY_KEY: &str = "key=01010101-0101-4101-8101-010101010101";
const EMAIL: &str = r#"{"from":"a@example.com","to":"b@example.com","subject":"S","text":"T"}"#;

fn queue(name: &str) -> Queue {
    let (tenant, name) = (TenantId::main(), QueueName::parse(name).unwrap());
    Queue {
        retry_waits: Some(vec![Duration::from_secs(7)]),
        rate_per_second: Some(5),
        ..Queue::plain(QueueKey { tenant, name }, BORN)
    }
}

/// Inserts a counter into the in-memory backend.
fn counted(backend: &MemoryBackend, counter: Counter, figure: Figure, latest: Option<(Timestamp, EmailId)>) {
    let stored = Stored {
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
        record.outcomes = vec![Outcome {
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
    complaint_at_ses(&backend);
    full_tenant(&backend);
    leaving_tenant(&backend);
    backend
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
        holds = holds.with(Hold::of_revoked(KeyId::from_bytes(bytes))).unwrap();
    }
    let lead = QueueKey {
        tenant: id.clone(),
        name: QueueName::default(),
    };
    let lead = Queue::plain(lead, BORN).with_common(&Common {
        holds: holds,
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

/// Returns calls with their expected statuses; each runs in a backend of its own. The first call of each operation
/// succeeds.
pub(crate) fn calls() -> Vec<(Call, u16)> {
    let call = Call::new;
    let large = format!("\"{}\"", "x".repeat(domain::limits::REQUEST_BYTES));
    let rich = json!({
        "from": "A <a@example.com>", "to": ["b@example.com"], "cc": "c@example.com", "bcc": [], "reply_to": "d@example.com",
        "subject": "S", "html": "<p>T</p>", "headers": {"X-A": "1"}, "tags": [{"name": "a", "value": "b"}],
        "scheduled_at": "in 1 hour", "expires_at": "in 2 hours", "on_uncertain": "hold",
        "queue": "news", "priority": "high", "attachments": [{"filename": "a.txt", "content": "aGk="}],
    });
    let again = r#"{"scheduled_at":"in 1 hour"}"#;
    vec![
        (call("send_email", "/emails").body(rich.to_string()), 200),
        (
            call("send_email", "/emails")
                .query("dry_run=true")
                .body(rich.to_string()),
            200,
        ),
        (call("send_email", "/emails").query("dry_run=x").body(EMAIL), 422),
        (call("send_email", "/emails").body("{"), 400),
        (
            call("send_email", "/emails").body(EMAIL).header("idempotency-key", ""),
            400,
        ),
        (call("send_email", "/emails").body(large.clone()), 413),
        (call("send_email", "/emails").body("{}"), 422),
        (
            call("send_emails", "/emails/batch").body(format!("[{EMAIL},{EMAIL}]")),
            200,
        ),
        (
            call("send_emails", "/emails/batch")
                .body(format!("[{EMAIL},1]"))
                .header("x-batch-validation", "permissive"),
            200,
        ),
        (call("send_emails", "/emails/batch").body("{}"), 400),
        (call("send_emails", "/emails/batch").body(large.clone()), 413),
        (call("send_emails", "/emails/batch").body("[1]"), 422),
        (
            call("send_emails", "/emails/batch")
                .body(format!("[{EMAIL}]"))
                .header("x-batch-validation", "lax"),
            422,
        ),
        (call("list_emails", "/emails"), 200),
        (call("list_emails", "/emails").query("limit=1"), 200),
        (
            call("list_emails", "/emails").query("limit=1&to=b@example.com&since=1970-01-01"),
            200,
        ),
        (call("list_emails", "/emails").query("limit=0"), 422),
        (call("get_email", FIRST), 200),
        (call("get_email", SECOND), 200),
        (call("get_email", NOBODYS), 404),
        (call("reschedule_email", FIRST).body(again), 200),
        (call("reschedule_email", FIRST).body("[]"), 400),
        (call("reschedule_email", NOBODYS).body(again), 404),
        (call("reschedule_email", SECOND).body(again), 409),
        (call("reschedule_email", FIRST).body(large.clone()), 413),
        (call("reschedule_email", FIRST).body("{}"), 422),
        (call("cancel_email", &format!("{FIRST}/cancel")), 200),
        (call("cancel_email", &format!("{NOBODYS}/cancel")), 404),
        (call("cancel_email", &format!("{SECOND}/cancel")), 409),
        (call("release_emails", "/emails/release").query(BY_KEY), 202),
        (call("release_emails", "/emails/release"), 422),
        (call("release_emails", "/emails/release").query("key=x"), 422),
        (call("cancel_emails", "/emails/cancel").query(BY_KEY), 200),
        (
            call("cancel_emails", "/emails/cancel").query("from_domain=a.example"),
            200,
        ),
        (call("cancel_emails", "/emails/cancel").query("after=x"), 422),
        (call("retry_email", &format!("{SECOND}/retry")), 200),
        (call("retry_email", &format!("{SECOND}/retry")).body("1"), 400),
        (call("retry_email", &format!("{NOBODYS}/retry")), 404),
        (call("retry_email", &format!("{FIRST}/retry")), 409),
        (call("retry_email", &format!("{SECOND}/retry")).body(large.clone()), 413),
        (
            call("retry_email", &format!("{SECOND}/retry")).body(r#"{"force":1}"#),
            422,
        ),
        (call("erase_email", SECOND), 200),
        (call("erase_email", NOBODYS), 404),
        (call("erase_email", FIRST), 409),
        (call("list_events", &format!("{SECOND}/events")), 200),
        (call("list_events", &format!("{NOBODYS}/events")), 404),
        (call("describe", "/openapi.json"), 200),
    ]
    .into_iter()
    .chain(calls_of_queues(&large))
    .chain(calls_of_others(&large))
    .chain(calls_of_access(&large))
    .collect()
}

fn calls_of_queues(large: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let (news, nowhere) = ("/queues/news", "/queues/nowhere");
    let mut calls = vec![
        (call("list_queues", "/queues"), 200),
        (
            call("create_queue", "/queues").body(r#"{"name":"more","priority":"low","rate_per_second":1}"#),
            201,
        ),
        (call("create_queue", "/queues").body("{"), 400),
        (call("create_queue", "/queues").body(r#"{"name":"news"}"#), 409),
        (call("create_queue", "/queues").body(large), 413),
        (call("create_queue", "/queues").body("{}"), 422),
        (call("get_queue", news), 200),
        (call("get_queue", nowhere), 404),
        (call("change_queue", news).body(r#"{"rate_per_second":null}"#), 200),
        (call("change_queue", news).body("["), 400),
        (call("change_queue", nowhere).body("{}"), 404),
        (call("change_queue", news).body(large), 413),
        (call("change_queue", news).body(r#"{"priority":"x"}"#), 422),
        (call("delete_queue", news), 200),
        (call("delete_queue", "/queues/full").query("cancel=true"), 200),
        (call("delete_queue", nowhere), 404),
        (call("delete_queue", "/queues/full"), 409),
        (call("delete_queue", "/queues/default"), 422),
        (call("resume_queue", "/queues/news/resume"), 200),
        (call("resume_queue", "/queues/nowhere/resume"), 404),
        (call("purge_queue", "/queues/news/purge"), 202),
        (call("purge_queue", "/queues/nowhere/purge"), 404),
        (call("restore_queue", "/queues/news/restore"), 202),
        (call("restore_queue", "/queues/nowhere/restore"), 404),
        (
            call("get_job", "/queues/news/jobs/09090909-0909-4909-8909-090909090909"),
            200,
        ),
        (
            call("get_job", "/queues/news/jobs/01010101-0101-4101-8101-010101010101"),
            404,
        ),
    ];
    for (name, deed, status, body) in [
        (
            "pause_queue",
            "pause",
            200,
            r#"{"reason":"closed","until":"in 2 hours"}"#,
        ),
        (
            "redrive_queue",
            "retry",
            202,
            r#"{"cause":"rejected","since":"2026-11-24T09:30:00Z"}"#,
        ),
    ] {
        let path = format!("{news}/{deed}");
        calls.extend([
            (call(name, &path).body(body), status),
            (call(name, &path).body("{"), 400),
            (call(name, &format!("{nowhere}/{deed}")), 404),
            (call(name, &path).body(large), 413),
            (call(name, &path).body(r#"{"x":1}"#), 422),
        ]);
    }
    calls
}

fn calls_of_others(large: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let (ada, nobody) = ("/suppressions/ada@example.com", "/suppressions/nobody@example.com");
    let mut calls = vec![
        (call("metrics", "/emails/metrics").query("dimensions=period"), 200),
        (call("metrics", "/emails/metrics").query("metrics=x"), 422),
        (call("failures", "/failures"), 200),
        (call("failures", "/failures").query("since=x"), 422),
        (call("list_suppressions", "/suppressions"), 200),
        (call("list_suppressions", "/suppressions").query("limit=0"), 422),
        (call("get_suppression", ada), 200),
        (call("get_suppression", nobody), 404),
        (call("remove_suppression", ada), 200),
        (call("remove_suppression", nobody), 404),
        (call("remove_suppression", "/suppressions/bea@example.com"), 422),
    ];
    for (name, path, status, good, bad) in [
        (
            "add_suppression",
            "/suppressions",
            201,
            r#"{"email":"eve@example.com"}"#,
            "{}",
        ),
        (
            "add_suppressions",
            "/suppressions/batch/add",
            201,
            r#"{"emails":["eve@example.com"]}"#,
            "{}",
        ),
        (
            "remove_suppressions",
            "/suppressions/batch/remove",
            200,
            r#"{"emails":["ada@example.com","eve@example.com"]}"#,
            "{}",
        ),
        (
            "invite_upload",
            "/attachments",
            200,
            r#"{"filename":"a.pdf","content_type":"application/pdf","size":9000000}"#,
            r#"{"filename":"a","size":0}"#,
        ),
    ] {
        calls.extend([
            (call(name, path).body(good), status),
            (call(name, path).body("{"), 400),
            (call(name, path).body(large), 413),
            (call(name, path).body(bad), 422),
        ]);
    }
    calls
}

/// Returns the calls for keys and tenants.
fn calls_of_access(large: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let key = format!("/api-keys/{}", samples::api_key().id);
    let nobodys = NOBODYS.replace("/emails", "/api-keys");
    let full = format!(
        "/api-keys/{}",
        samples::key_of(&TenantId::parse("full").unwrap(), 0).0.id
    );
    let deployer = format!("Bearer {}", samples::DEPLOYER_KEY);
    let deployers = |name, path| Call::new(name, path).header("authorization", &deployer);
    let tenant = r#"{"name":"new","from_domains":["*.example.com"],"daily_cap":5,"rate":null,"suspended":false}"#;
    vec![
        (call("list_api_keys", "/api-keys").query("limit=1"), 200),
        (call("list_api_keys", "/api-keys").query("after=x"), 422),
        (
            call("create_api_key", "/api-keys").body(r#"{"name":"k","from_domains":["*"],"expires_at":"in 1 hour"}"#),
            201,
        ),
        (call("create_api_key", "/api-keys").body("{"), 400),
        (call("create_api_key", "/api-keys").body(large), 413),
        (call("create_api_key", "/api-keys").body("{}"), 422),
        (
            deployers("create_api_key", "/api-keys").body(r#"{"name":"k","tenant":"full"}"#),
            409,
        ),
        (call("change_api_key", &key).body(r#"{"name":"new"}"#), 200),
        (
            call("change_api_key", &key)
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            200,
        ),
        (
            deployers("change_api_key", &full)
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            409,
        ),
        (
            call("change_api_key", &key)
                .query("hold=true")
                .body(r#"{"name":"new"}"#),
            422,
        ),
        (call("change_api_key", &key).body("{"), 400),
        (call("change_api_key", &nobodys).body(r#"{"name":"new"}"#), 404),
        (call("change_api_key", &key).body(large), 413),
        (call("change_api_key", &key).body("{}"), 422),
        (call("revoke_api_key", &key), 200),
        (call("revoke_api_key", &key).query("children=true&hold=true"), 200),
        (deployers("revoke_api_key", &full).query("hold=true"), 409),
        (call("revoke_api_key", &nobodys), 404),
        (call("revoke_api_key", &key).query("children=x"), 422),
        (deployers("list_tenants", "/tenants"), 200),
        (deployers("create_tenant", "/tenants").body(tenant), 201),
        (deployers("create_tenant", "/tenants").body("{"), 400),
        (
            deployers("create_tenant", "/tenants").body(tenant.replace("new", "full")),
            409,
        ),
        (deployers("create_tenant", "/tenants").body(large), 413),
        (deployers("create_tenant", "/tenants").body("{}"), 422),
        (deployers("get_tenant", "/tenants/full"), 200),
        (deployers("get_tenant", "/tenants/nobody"), 404),
        (deployers("change_tenant", "/tenants/full").body(r#"{"rate":7}"#), 200),
        (
            deployers("change_tenant", "/tenants/leaving")
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            200,
        ),
        (
            deployers("change_tenant", "/tenants/full")
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            409,
        ),
        (
            deployers("change_tenant", "/tenants/full")
                .query("hold=true")
                .body("{}"),
            422,
        ),
        (
            deployers("change_tenant", "/tenants/full")
                .query("release=true")
                .body("{}"),
            200,
        ),
        (deployers("change_tenant", "/tenants/full").body("{"), 400),
        (deployers("change_tenant", "/tenants/nobody").body("{}"), 404),
        (deployers("change_tenant", "/tenants/full").body(large), 413),
        (deployers("change_tenant", "/tenants/full").body(r#"{"rate":0}"#), 422),
        (deployers("delete_tenant", "/tenants/leaving"), 200),
        (deployers("delete_tenant", "/tenants/nobody"), 404),
        (deployers("delete_tenant", "/tenants/full"), 409),
        (deployers("delete_tenant", "/tenants/main"), 422),
    ]
}

/// The comparison of actual answers with the description.
struct Comparison {
    document: Value,
    operations: Vec<Operation>,
    given: BTreeSet<(&'static str, u16)>,
}

impl Comparison {
    fn is_for_operator(&self, name: &str) -> bool {
        let mut operations = self.operations.iter();
        operations.any(|operation| operation.name == name && operation.for_operator)
    }

    async fn of(&mut self, backend: &MemoryBackend, call: &Call, expected: u16) -> Value {
        let operation = self
            .operations
            .iter()
            .find(|operation| operation.name == call.name)
            .unwrap();
        let described = &self.document["paths"][operation.path][operation.method]["responses"];
        let (status, answer) = call.ask(backend, operation).await;
        assert_eq!(status, expected, "{} {}: {answer}", call.name, call.path);
        let response = resolved(&self.document, &described[status.to_string()]);
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{} {status} is not described", call.name);
        let found = problems(&self.document, schema, &answer);
        assert_eq!(found, Vec::<String>::new(), "{} {status}: {answer}", call.name);
        self.given.insert((operation.name, status));
        answer
    }
}

fn comparison() -> Comparison {
    Comparison {
        document: closed(),
        operations: openapi::operations(),
        given: BTreeSet::new(),
    }
}

#[tokio::test]
async fn answers_match_the_description_and_all_occur() {
    let mut compared = comparison();
    let mut good = BTreeSet::new();
    for (call, status) in calls() {
        compared.of(&backend(), &call, status).await;
        if !good.insert(call.name) || call.name == "describe" {
            continue;
        }
        let mut keyless = call.clone();
        keyless.headers.as_object_mut().unwrap().remove("authorization");
        compared.of(&backend(), &keyless, 401).await;
        compared
            .of(&backend(), &call.clone().header("authorization", "Bearer x"), 403)
            .await;
        let failing = backend();
        failing.fail_next(1);
        compared.of(&failing, &call, 500).await;
        let busy = backend();
        busy.state().faults = [memory::Fault::Throttled].into();
        compared.of(&busy, &call, 503).await;
        if compared.is_for_operator(call.name) {
            let deployer = format!("Bearer {}", samples::DEPLOYER_KEY);
            let deployers = call.clone().header("authorization", &deployer);
            compared.of(&backend(), &deployers, 422).await;
            for (tenant, status) in [("main", status), ("nobody", 404), ("No name", 422)] {
                let acting = deployers.clone().header(TENANT_HEADER, tenant);
                compared.of(&backend(), &acting, status).await;
            }
        }
    }
    // The same key again: with the same request, and with another.
    let backend = backend();
    for (name, path, body) in [
        ("send_email", "/emails", EMAIL.to_owned()),
        ("send_emails", "/emails/batch", format!("[{EMAIL}]")),
    ] {
        let call = Call::new(name, path).header("idempotency-key", name).body(body.clone());
        let first = compared.of(&backend, &call, 200).await;
        assert_eq!(compared.of(&backend, &call, 200).await, first);
        compared
            .of(&backend, &call.body(body.replace("\"S\"", "\"Other\"")), 409)
            .await;
    }
    for operation in &compared.operations {
        let described = &compared.document["paths"][operation.path][operation.method]["responses"];
        for status in described.as_object().unwrap().keys() {
            let given = compared.given.contains(&(operation.name, status.parse().unwrap()));
            // Only the gateway answers 429.
            assert!(
                given || status == "429",
                "{} is never answered {status}",
                operation.name
            );
        }
    }
}

#[tokio::test]
async fn a_surplus_or_missing_field_breaks_the_description() {
    let document = closed();
    let schema = json!({"$ref": "#/components/schemas/Email"});
    let mut compared = comparison();
    let email = compared.of(&backend(), &Call::new("get_email", FIRST), 200).await;
    assert_eq!(problems(&document, &schema, &email), Vec::<String>::new());
    for field in email.as_object().unwrap().keys() {
        let mut less = email.clone();
        less.as_object_mut().unwrap().remove(field);
        // An email without tags has no list of them.
        assert_ne!(
            problems(&document, &schema, &less).is_empty(),
            field != "tags",
            "{field}"
        );
    }
    for (field, value) in [
        ("more", json!(1)),
        ("id", json!("x")),
        ("created_at", json!("x")),
        ("status", json!("x")),
    ] {
        let mut other = email.clone();
        other[field] = value;
        assert_ne!(problems(&document, &schema, &other), Vec::<String>::new(), "{field}");
    }
}
