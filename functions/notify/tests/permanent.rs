//! Permanent errors: a retry fails in the same way, so they must hold up nothing else.

use domain::ports::webhooks::RecoverJobs;
use domain::webhook::recovery::Phase;
use memory::{Fault, samples};
use serde_json::json;

use crate::common::{accept, add, backend, bodies, notify, taken, tell, types, webhook};
use crate::recovery::{begin, finish};

/// Lambda would bring all later changes of the shard again, for a day.
#[tokio::test]
async fn an_unreadable_item_holds_up_no_other_email() {
    for call in ["load", "webhooks_of"] {
        let backend = backend(2);
        add(&backend, webhook(9, &["email.sent"]));
        accept(&backend, 1);
        accept(&backend, 2);
        backend.state().faults_of.insert(call, [Fault::Garbled].into());
        let report = tell(&notify(&backend), &taken(&backend)).await;
        assert_eq!((report.first_untold, report.failed), (None, 0), "{call}");
        assert_eq!((report.given_up, report.events), (1, 1), "{call}");
    }
}

/// A person restores it, so the changes wait.
#[tokio::test]
async fn a_missing_part_of_the_deployment_is_waited_for() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    backend
        .state()
        .faults_of
        .insert("load_body", [Fault::MissingPart].into());
    let report = tell(&notify(&backend), &taken(&backend)).await;
    assert_eq!((report.first_untold, report.given_up), (Some(0), 0));
}

#[tokio::test]
async fn an_unreadable_content_is_a_missing_content() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    backend.state().faults_of.insert("load_body", [Fault::Garbled].into());
    let report = tell(&notify(&backend), &taken(&backend)).await;
    assert_eq!((report.first_untold, report.given_up, report.events), (None, 0, 1));
    let [body] = &bodies(&backend)[..] else {
        panic!("one payload")
    };
    assert_eq!((&body["data"]["to"], body["data"].get("subject")), (&json!([]), None));
}

#[tokio::test]
async fn an_unreadable_webhook_stops_no_other() {
    let backend = backend(1);
    let unreadable = add(&backend, webhook(8, &["email.sent"]));
    let other = add(&backend, webhook(9, &["email.sent"]));
    backend.state().hooks.unreadable.insert(unreadable);
    accept(&backend, 1);
    let report = tell(&notify(&backend), &taken(&backend)).await;
    assert_eq!((report.first_untold, report.events), (None, 1));
    let state = backend.state();
    let keys: Vec<_> = state.hooks.deliveries.keys().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, [other]);
}

#[tokio::test]
async fn an_unreadable_delivery_stops_no_other() {
    for (call, left) in [("add_delivery", 1), ("put_payload", 0)] {
        let backend = backend(2);
        for id in [8, 9] {
            add(&backend, webhook(id, &["email.sent"]));
        }
        accept(&backend, 1);
        accept(&backend, 2);
        backend.state().faults_of.insert(call, [Fault::Garbled].into());
        let report = tell(&notify(&backend), &taken(&backend)).await;
        assert_eq!((report.first_untold, report.given_up), (None, 0), "{call}");
        assert_eq!(backend.state().hooks.deliveries.len(), 2 + left, "{call}");
    }
}

#[tokio::test]
async fn a_recovery_leaves_out_an_email_with_a_permanent_error() {
    for call in ["load", "facts_of"] {
        let backend = backend(2);
        let key = add(&backend, webhook(9, &["email.sent"]));
        accept(&backend, 1);
        accept(&backend, 2);
        taken(&backend);
        let id = begin(&backend, &key, false).await;
        backend.state().faults_of.insert(call, [Fault::Garbled].into());
        let job = finish(&backend, &key, id).await;
        assert_eq!((job.phase, job.events), (Phase::Done, 1), "{call}");
        assert_eq!(types(&backend), ["email.sent"]);
    }
}

/// The emails before it are done, and it is the next one.
#[tokio::test]
async fn a_recovery_goes_on_at_the_email_that_failed() {
    let backend = backend(3);
    let key = add(&backend, webhook(9, &["email.sent"]));
    for n in 1..=3 {
        accept(&backend, n);
    }
    taken(&backend);
    let id = begin(&backend, &key, false).await;
    let faults = [Fault::None, Fault::Throttled];
    backend.state().faults_of.insert("facts_of", faults.into());
    tell(&notify(&backend), &taken(&backend)).await;
    let job = backend.recover_job(&key.tenant, id).await.ok().flatten();
    let Some(job) = job else { panic!("the job") };
    assert_eq!((job.events, job.page.len()), (1, 2));
    let now = backend.state().now_ms;
    assert!(job.due.as_millis() > now, "it waits a moment");
    assert_eq!(finish(&backend, &key, id).await.events, 3);
    assert!((1..=3).all(|n| backend.record(&samples::key(n)).is_some()));
}
