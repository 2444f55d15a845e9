//! Webhooks of two tenants: each endpoint gets exactly the events that records and facts imply, also after a lost stream.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::hook::Hook;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, TenantId};
use domain::timestamp::Timestamp;
use domain::webhook::event_type::EventType;
use domain::webhook::identity::{Identity, Number, Subject};
use domain::webhook::telling::told;
use invariants::Invariant;
use memory::fault_model::Broken;
use memory::hooks::HeldPayload;
use memory::observer::Observer;
use memory::{MemoryBackend, samples};
use simulation::oracle::Oracle;
use simulation::run::run;
use simulation::scenario::{EmailCommand, HookPlan, Order, Scenario};
use simulation::tenants;

const MINUTE: Duration = Duration::from_secs(60);

/// Seeds of each test.
const SEEDS: u64 = 150;

fn orders() -> Vec<Order> {
    let scheduled = Order {
        scheduled_in: Some(MINUTE * 10),
        commands: vec![
            (MINUTE, EmailCommand::Reschedule(MINUTE * 5)),
            (MINUTE * 2, EmailCommand::Cancel),
            (MINUTE * 3, EmailCommand::Retry { force: false }),
        ],
        ..Order::plain()
    };
    let erased = Order {
        commands: vec![(MINUTE * 4, EmailCommand::Erase)],
        ..Order::plain()
    };
    vec![Order::plain(), scheduled, erased]
}

#[test]
fn the_simulation_tells_every_promised_event() {
    let outcome = run(&Scenario::quiet("hooks", orders()).hooked(HookPlan::default()));
    assert_eq!(outcome.report("hooks"), None);
    let (events, requests) = outcome.told;
    assert!(events >= 6, "{events} events");
    assert_eq!(requests, events, "without a fault each event is received once");
    let hooked = outcome.records.iter().filter(|record| record.hook.is_some());
    let of: BTreeSet<TenantId> = hooked.map(|record| record.tenant.clone()).collect();
    assert_eq!(of, [TenantId::main(), tenants::other()].into());
    let (mut events, mut requests) = (0, 0);
    for seed in 1..=SEEDS {
        let hooks = HookPlan {
            failing: 30,
            ..HookPlan::default()
        };
        let outcome = run(&Scenario::random(seed).hooked(hooks));
        assert_eq!(outcome.report(&format!("seed {seed} with a webhook")), None);
        events += outcome.told.0;
        requests += outcome.told.1;
    }
    assert!(requests > events, "no event was received twice: {requests} requests");
}

/// The functions read the stream for a day only. A recovery computes the events without it.
#[test]
fn a_lost_stream_is_recovered_exactly() {
    let lost = |recovers| HookPlan {
        lost: Some((MINUTE, MINUTE * 61)),
        recovers,
        ..HookPlan::default()
    };
    let outcome = run(&Scenario::quiet("lost stream", orders()).hooked(lost(true)));
    assert_eq!(outcome.report("lost stream"), None);
    let mut noticed = 0;
    for seed in 1..=SEEDS {
        let outcome = run(&Scenario::random(seed).hooked(lost(true)));
        assert_eq!(outcome.report(&format!("seed {seed} with a lost stream")), None);
        // Without a recovery the oracle must notice the loss.
        let outcome = run(&Scenario::random(seed).hooked(lost(false)));
        let violation = outcome.violation.map(|violation| violation.invariant);
        assert!(
            violation.is_none_or(|broken| broken == Invariant::Telling),
            "{violation:?}"
        );
        noticed += u32::from(violation.is_some());
    }
    assert!(noticed > 0, "no lost event was noticed");
}

/// An environment caches a key for 30 seconds, so it does not know a new webhook at once. The recovery that comes with
/// the creation tells the events of those emails.
#[test]
fn a_new_webhook_tells_emails_of_its_first_minute() {
    let at = |secs| Order {
        at: Duration::from_secs(secs),
        ..Order::plain()
    };
    let emails = || [0, 1, 12, 13, 25, 26, 45, 46, 70, 71].map(at).into();
    let created = |forgets_creation| HookPlan {
        created_in: Duration::from_secs(10),
        forgets_creation,
        ..HookPlan::default()
    };
    let outcome = run(&Scenario::quiet("a new webhook", emails()).hooked(created(false)));
    assert_eq!(outcome.report("a new webhook"), None);
    let hooked = outcome.records.iter().filter(|record| record.hook.is_some());
    assert_eq!(hooked.count(), 8, "all emails but those from before the creation");
    // Without the recovery the oracle must notice the emails of the cached keys.
    let outcome = run(&Scenario::quiet("a forgotten recovery", emails()).hooked(created(true)));
    let violation = outcome.violation.expect("the oracle notices");
    assert_eq!(violation.invariant, Invariant::Telling);
    assert!(violation.detail.contains("after the creation"), "{violation}");
}

/// The fact comes true later: the end of the run looks right, and only the moment of the receipt shows the defect.
#[test]
fn an_event_before_its_commit_is_noticed() {
    let scenario = Scenario {
        broken: Broken::ToldEarly,
        ..Scenario::quiet("told early", orders()).hooked(HookPlan::default())
    };
    let violation = run(&scenario).violation.expect("the oracle notices");
    assert_eq!(violation.invariant, Invariant::Telling);
    assert!(violation.detail.contains("not committed"), "{violation}");
}

#[test]
fn an_event_at_a_foreign_endpoint_is_noticed() {
    let time = Timestamp::from_millis(1);
    let record = EmailRecord {
        scheduled_at: Some(Timestamp::from_millis(2_000_000)),
        hook: Some(Hook::new(["b@example.com"], None)),
        ..samples::record(1, &samples::email().expect("the sample parses"))
    };
    let foreign = EmailRecord {
        tenant: tenants::other(),
        ..samples::record(2, &samples::email().expect("the sample parses"))
    };
    let scheduled = told(None, Some(&record)).remove(0).id;
    let body = |id: EmailId| format!(r#"{{"data":{{"email_id":"{id}"}}}}"#);
    let (own, of_foreign) = (body(record.id), body(foreign.id));
    let (main, other) = (TenantId::main(), tenants::other());
    for (is_committed, endpoint, body, expected) in [
        (true, &main, &own, None),
        (false, &main, &own, Some("is not committed")),
        (true, &other, &own, Some("was received by")),
        (true, &main, &of_foreign, Some("of an email of other")),
    ] {
        let (backend, mut oracle) = (MemoryBackend::default(), Oracle::default());
        backend.state().store_record(foreign.clone());
        if is_committed {
            oracle.on_write(time, None, &record);
        }
        oracle.receipt(&backend, Some(endpoint), (scheduled.as_str(), body));
        let violation = oracle.violation();
        let detail = violation.as_ref().map_or("", |violation| violation.detail.as_str());
        assert_eq!(violation.is_some(), expected.is_some(), "{detail}");
        assert!(detail.contains(expected.unwrap_or_default()), "{detail}");
    }
}

/// The oracle notices a payload of an erased email.
#[test]
fn a_payload_of_an_erased_email_is_noticed() {
    let (backend, oracle) = (MemoryBackend::default(), Oracle::default());
    let (tenant, id) = (TenantId::main(), EmailId::from_random([3; 16]));
    let event = Identity {
        tenant: &tenant,
        subject: Subject::Email(id),
        born: Timestamp::from_millis(1),
        event_type: EventType::Sent,
        recipient: None,
        number: Number::Claim(1),
    }
    .id();
    oracle.record_erasure(id, Timestamp::from_millis(5));
    oracle.end_of_erased_events(&backend);
    assert_eq!(oracle.violation(), None, "nothing is left");
    let payload = domain::ports::webhook_events::StoredPayload {
        event: event.clone(),
        event_type: EventType::Sent,
        subject: Subject::Email(id),
        born: Timestamp::from_millis(1),
        created_at: Timestamp::from_millis(2),
        body: "{}".to_owned(),
    };
    let held = HeldPayload {
        payload,
        webhooks: BTreeSet::new(),
        stored_at: Timestamp::from_millis(3),
    };
    backend
        .state()
        .hooks
        .payloads
        .insert((tenant, Subject::Email(id), event), held);
    oracle.end_of_erased_events(&backend);
    let violation = oracle.violation().expect("the oracle notices");
    assert_eq!(
        (violation.invariant, violation.email),
        (Invariant::EventErasure, Some(id))
    );
}
