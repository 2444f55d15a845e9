//! Suppressed recipients, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::sync::Mutex;
use std::time::Duration;

use crate::common::sender;
use domain::api::requests::parse_email;
use domain::delivery::account_rate::AccountRateChange;
use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::{EmailRecord, RecordStatus, recipient_key};
use domain::delivery::suppression::{Suppression, SuppressionFilter, SuppressionId};
use domain::id::TenantId;
use domain::message::address::EmailAddress;
use domain::message::email::EmailContent;
use domain::ports::{AccountRates, Provider, Suppressions};
use memory::{Fault, MemoryBackend, samples};
use send::rate_limiter::Permit;
use send::{SendFunction, TaskOutcome};
use workflow::suppressions::add;

/// SES that records its recipients.
#[derive(Default)]
struct Ses(Mutex<Vec<Vec<String>>>);

impl Provider for &Ses {
    async fn submit(&self, _claimed: &EmailRecord, email: EmailContent, _timeout: Duration) -> Attempt {
        let lists = [email.to(), email.cc(), email.bcc()].into_iter().flatten();
        let recipients = lists.map(|mailbox| mailbox.address().to_string()).collect();
        self.0.lock().expect("nobody panicked").push(recipients);
        Attempt::Accepted {
            message_id: "m".to_owned(),
        }
    }
}

impl Ses {
    fn given(&self) -> Vec<Vec<String>> {
        self.0.lock().expect("nobody panicked").clone()
    }
}

type Sender<'a> = SendFunction<crate::common::With<&'a Ses>>;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

/// Returns a backend with this many emails to `Ann@example.com`, optionally with a copy to `cc@example.com`.
fn backend(emails: u8, with_cc: bool) -> MemoryBackend {
    let cc = if with_cc { r#""cc":"CC <cc@example.com>","# } else { "" };
    backend_to(emails, &format!(r#""to":"Ann@example.com",{cc}"#))
}

/// Returns a backend with this many emails to these recipients.
fn backend_to(emails: u8, recipients: &str) -> MemoryBackend {
    let body = format!(r#"{{"from":"a@example.com",{recipients}"subject":"Hello","text":"Hi"}}"#);
    let email = parse_email(body.as_bytes()).expect("the sample parses").email;
    let backend = MemoryBackend::default();
    let mut state = backend.state();
    state.now_ms = samples::BORN.as_millis();
    for n in 1..=emails {
        state.records.insert(samples::key(n), samples::record(n, &email));
        state.bodies.insert((samples::key(n), email.hash()), email.to_body());
    }
    drop(state);
    backend
}

async fn suppress(backend: &MemoryBackend, text: &str) {
    let suppression = Suppression::manual(TenantId::main(), &address(text), samples::BORN);
    add(backend, &[suppression], false).await.expect("added");
}

async fn release(backend: &MemoryBackend, text: &str) {
    let id = SuppressionId::of(&TenantId::main(), &address(text));
    assert!(
        backend
            .release(&TenantId::main(), id, false, samples::BORN)
            .await
            .expect("released")
    );
}

async fn process(send: &Sender<'_>, n: u8) -> TaskOutcome {
    let send_task = samples::send_task(n);
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    let outcome = send.process(send_task, Permit::At(samples::BORN), end).await;
    outcome.expect("carried out")
}

fn record(backend: &MemoryBackend, n: u8) -> EmailRecord {
    backend.record(&samples::key(n)).expect("the record")
}

/// Resets an email to its state before the first send task, except for its claims and delivery statuses.
fn requeue(backend: &MemoryBackend, n: u8) {
    if let Some(record) = backend.state().records.get_mut(&samples::key(n)) {
        (record.status, record.not_before) = (RecordStatus::Queued, samples::BORN);
    }
}

#[tokio::test]
async fn a_suppressed_recipient_fails_without_ses() {
    let (backend, ses) = (backend(1, false), Ses::default());
    let send = sender(&backend, &ses);
    suppress(&backend, "ANN@EXAMPLE.com").await;
    assert_eq!(process(&send, 1).await, TaskOutcome::Done);
    let failing = record(&backend, 1);
    assert_eq!(
        (failing.status, failing.cause, failing.sent),
        (RecordStatus::Failing, Some(Cause::Suppressed), None)
    );
    assert_eq!(backend.state().dead_letters.len(), 1);
    assert_eq!(ses.given(), Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn one_suppressed_recipient_is_left_out() {
    let (backend, ses) = (backend(1, true), Ses::default());
    suppress(&backend, "ann@example.com").await;
    assert_eq!(process(&sender(&backend, &ses), 1).await, TaskOutcome::Done);
    assert_eq!(ses.given(), [["cc@example.com"]]);
    let sent = record(&backend, 1);
    assert_eq!(sent.status, RecordStatus::Sent);
    let delivery_statuses = [(recipient_key("ann@example.com"), DeliveryStatus::Suppressed)].into();
    assert_eq!((sent.delivery_statuses, sent.delivery_version), (delivery_statuses, 1));
}

/// This holds even for a suppression that is older than the test addresses.
#[tokio::test]
async fn a_test_address_goes_to_the_simulator() {
    let recipients = r#""to":["Ann <Bounced+1@resend.dev>","bob@example.com"],"cc":"complained@resend.dev","#;
    let (backend, ses) = (backend_to(1, recipients), Ses::default());
    suppress(&backend, "bounced+1@resend.dev").await;
    assert_eq!(process(&sender(&backend, &ses), 1).await, TaskOutcome::Done);
    let submitted = [
        "bounce+resend.dev+1@simulator.amazonses.com",
        "bob@example.com",
        "complaint+resend.dev@simulator.amazonses.com",
    ];
    assert_eq!(ses.given(), [submitted]);
    let content = backend.state().bodies.values().next().cloned().expect("the content");
    let content = String::from_utf8(content).expect("text");
    assert!(content.contains("Bounced+1@resend.dev") && !content.contains("simulator"));
}

#[tokio::test]
async fn an_ended_suppression_drops_no_recipient() {
    let ends = |at| Suppression {
        until: Some(at),
        ..Suppression::manual(TenantId::main(), &address("ann@example.com"), samples::BORN)
    };
    for (until, expected) in [
        (samples::BORN, vec!["Ann@example.com", "cc@example.com"]),
        (samples::BORN.after(Duration::from_millis(1)), vec!["cc@example.com"]),
    ] {
        let (backend, ses) = (backend(1, true), Ses::default());
        add(&backend, &[ends(until)], false).await.expect("added");
        assert_eq!(process(&sender(&backend, &ses), 1).await, TaskOutcome::Done);
        assert_eq!(ses.given(), [expected]);
    }
}

#[tokio::test]
async fn a_simulator_address_is_never_left_out() {
    let (backend, ses) = (MemoryBackend::default(), Ses::default());
    let body = br#"{"from":"a@example.com","to":"bounce@simulator.amazonses.com","subject":"Hello","text":"Hi"}"#;
    let email = parse_email(body).expect("the sample parses").email;
    backend.state().now_ms = samples::BORN.as_millis();
    backend
        .state()
        .records
        .insert(samples::key(1), samples::record(1, &email));
    backend
        .state()
        .bodies
        .insert((samples::key(1), email.hash()), email.to_body());
    // Suppressed by a deployment from before this rule.
    suppress(&backend, "bounce@simulator.amazonses.com").await;
    assert_eq!(process(&sender(&backend, &ses), 1).await, TaskOutcome::Done);
    assert_eq!(ses.given(), [["bounce@simulator.amazonses.com"]]);
}

#[tokio::test]
async fn an_email_fails_if_all_are_suppressed() {
    let (backend, ses) = (backend(1, true), Ses::default());
    suppress(&backend, "ann@example.com").await;
    suppress(&backend, "cc@example.com").await;
    process(&sender(&backend, &ses), 1).await;
    assert_eq!(record(&backend, 1).cause, Some(Cause::Suppressed));
    assert!(ses.given().is_empty());
}

/// The environment still caches the hash prefix: a release needs no notice.
#[tokio::test]
async fn a_release_takes_effect_at_once() {
    let (backend, ses) = (backend(3, true), Ses::default());
    let send = sender(&backend, &ses);
    suppress(&backend, "ann@example.com").await;
    process(&send, 1).await;
    release(&backend, "ann@example.com").await;
    process(&send, 2).await;
    assert_eq!(
        ses.given(),
        [vec!["cc@example.com"], vec!["Ann@example.com", "cc@example.com"]]
    );
    // A recipient that only an unsent attempt left out is no longer shown as left out.
    requeue(&backend, 1);
    process(&send, 1).await;
    assert!(record(&backend, 1).delivery_statuses.is_empty());
    assert_eq!(ses.given().len(), 3);
}

#[tokio::test]
async fn prefixes_are_read_again_after_a_change() {
    let (backend, ses) = (backend(6, false), Ses::default());
    let send = sender(&backend, &ses);
    let reads = || {
        backend
            .state()
            .calls
            .iter()
            .filter(|call| **call == "suppression_filter")
            .count()
    };
    futures::future::join_all((1..=4).map(|n| process(&send, n))).await;
    assert_eq!((reads(), ses.given().len()), (1, 4), "a batch reads them once");
    suppress(&backend, "ann@example.com").await;
    // Permits bring the settings version of a batch.
    backend.state().now_ms += 5_000;
    process(&send, 5).await;
    assert_eq!((reads(), ses.given().len()), (2, 4));
    backend
        .change_account_rate(&AccountRateChange::Settings)
        .await
        .expect("changed");
    process(&send, 6).await;
    assert_eq!(reads(), 2, "and no further read follows the change");
}

#[tokio::test]
async fn full_prefixes_look_up_every_recipient() {
    let (backend, ses) = (backend(2, true), Ses::default());
    let send = sender(&backend, &ses);
    suppress(&backend, "ann@example.com").await;
    backend
        .state()
        .suppression_filters
        .insert(TenantId::main(), SuppressionFilter::TooMany);
    for n in [1, 2] {
        process(&send, n).await;
    }
    assert_eq!(ses.given(), [["cc@example.com"], ["cc@example.com"]]);
    let looked_up = backend
        .state()
        .calls
        .iter()
        .filter(|call| **call == "suppressions")
        .count();
    assert_eq!(looked_up, 2);
}

/// Another address with the same prefix, whose probability is one in 2^62.
#[tokio::test]
async fn a_colliding_prefix_drops_no_recipient() {
    let (backend, ses) = (backend(1, false), Ses::default());
    let prefix = SuppressionId::of(&TenantId::main(), &address("ann@example.com")).hash_prefix();
    backend
        .state()
        .suppression_filters
        .insert(TenantId::main(), SuppressionFilter::These([prefix].into()));
    process(&sender(&backend, &ses), 1).await;
    assert_eq!(ses.given(), [["Ann@example.com"]]);
}

/// Neither lost nor sent to a suppressed recipient.
#[tokio::test]
async fn unknown_suppressions_make_an_email_wait() {
    for what in ["suppression_filter", "suppressions", "write"] {
        let (backend, ses) = (backend(1, true), Ses::default());
        let send = sender(&backend, &ses);
        suppress(&backend, "ann@example.com").await;
        backend.state().faults_of.insert(what, [Fault::Before].into());
        let outcome = process(&send, 1).await;
        assert!(matches!(outcome, TaskOutcome::Later(_)), "{what}: {outcome:?}");
        let waiting = record(&backend, 1);
        assert_eq!(
            (waiting.status, waiting.attempts, waiting.cause),
            (RecordStatus::Queued, 0, Some(Cause::Unreached)),
            "{what}: given back"
        );
        assert!(ses.given().is_empty(), "{what}");
        requeue(&backend, 1);
        backend.state().now_ms += 1;
        process(&send, 1).await;
        assert_eq!(ses.given(), [["cc@example.com"]], "{what}");
        assert_eq!(record(&backend, 1).status, RecordStatus::Sent, "{what}");
    }
}

#[tokio::test]
async fn a_failed_read_counts_for_all_waiting_emails() {
    let (backend, ses) = (backend(5, false), Ses::default());
    let send = sender(&backend, &ses);
    backend
        .state()
        .faults_of
        .insert("suppression_filter", [Fault::Before].into());
    futures::future::join_all((1..=5).map(|n| process(&send, n))).await;
    let reads = backend
        .state()
        .calls
        .iter()
        .filter(|call| **call == "suppression_filter")
        .count();
    assert_eq!((reads, ses.given().len()), (1, 0));
}
