//! Recoveries.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use domain::id::{EmailId, TenantId};
use domain::ports::webhooks::RecoverJobs;
use domain::webhook::recovery::{Phase, RecoverJob};
use serde_json::{Value, json};

use crate::common::{NOW, World, key_of, refused};

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

async fn stored(world: &World, path: &str) -> RecoverJob {
    let id = EmailId::parse(&key_of(path).id.to_string()).unwrap();
    let job = world.backend.recover_job(&TenantId::main(), id).await.unwrap();
    job.expect("a job is stored")
}

/// Does what `notify` does.
async fn end(world: &World, path: &str) {
    let job = stored(world, path).await;
    let job = job.after_page(2, 0, None, NOW).after_page(0, 3, None, NOW);
    let job = RecoverJob {
        version: stored(world, path).await.version + 1,
        ..job
    };
    assert!(
        world
            .backend
            .save_recover_job(&TenantId::main(), &job, NOW)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_recovery_is_a_job_for_notify() {
    let world = World::default();
    let path = world.created().await;
    let body = json!({"since": LONG_AGO, "until": "2020-01-02T00:00:00Z", "only": "all"});
    let (status, started) = world.ask("POST", &format!("{path}/recover"), body).await;
    let id = started["id"].as_str().unwrap().to_owned();
    assert_eq!((status, &started), (202, &json!({"id": id})));
    let job = stored(&world, &path).await;
    assert_eq!(
        (job.webhook, job.phase, job.all),
        (key_of(&path).id, Phase::Events, true)
    );
    assert_eq!(job.until.since(job.since), Duration::from_secs(86_400));
    assert!(job.is_due(NOW));
    let shown = world.must("GET", &format!("{path}/jobs/{id}"), Value::Null).await;
    let expected = json!({"object": "job", "id": id, "done": false, "events": 0, "emails": 0});
    assert_eq!(shown, expected);
    end(&world, &path).await;
    let shown = world.must("GET", &format!("{path}/jobs/{id}"), Value::Null).await;
    let expected = json!({"object": "job", "id": id, "done": true, "events": 2, "emails": 3});
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_recovery_ends_now_and_takes_what_failed_by_default() {
    let world = World::default();
    let path = world.created().await;
    let body = json!({"since": LONG_AGO, "until": "2099-01-01T00:00:00Z"});
    world.must("POST", &format!("{path}/recover"), body).await;
    let job = stored(&world, &path).await;
    assert_eq!((job.until, job.all), (NOW, false));
}

/// Otherwise one tenant could fill the time of `notify`.
#[tokio::test]
async fn a_webhook_has_one_recovery_at_a_time() {
    let world = World::default();
    let (path, other) = (world.created().await, world.created().await);
    let body = json!({"since": LONG_AGO});
    let recover = format!("{path}/recover");
    let first = world.must("POST", &recover, body.clone()).await;
    let again = world.ask("POST", &recover, body.clone()).await;
    refused(
        again,
        (409, "validation_error", "This webhook has a recovery that is not done"),
    );
    world.must("POST", &format!("{other}/recover"), body.clone()).await;
    end(&world, &path).await;
    let second = world.must("POST", &recover, body).await;
    assert_eq!(second, first);
    let job = stored(&world, &path).await;
    assert_eq!((job.phase, job.events, job.version), (Phase::Events, 0, 2));
}

#[tokio::test]
async fn a_pulled_webhook_recovers_only_what_is_missing() {
    let world = World::default();
    let body = json!({"events": ["email.sent"], "delivery": "pull"});
    let created = world.must("POST", "/webhooks", body).await;
    let path = format!("/webhooks/{}", created["id"].as_str().unwrap());
    world
        .must("POST", &format!("{path}/recover"), json!({"since": LONG_AGO}))
        .await;
    assert_eq!(stored(&world, &path).await.phase, Phase::Emails);
}

#[tokio::test]
async fn bad_recoveries_are_refused() {
    let world = World::default();
    let path = world.created().await;
    let recover = format!("{path}/recover");
    for (body, name, beginning) in [
        (json!({}), "missing_required_field", "since: "),
        (
            json!({"since": "yesterday"}),
            "validation_error",
            "since: must be a time with its offset",
        ),
        (
            json!({"since": "2099-01-01T00:00:00Z"}),
            "validation_error",
            "since: must not be in the future",
        ),
        (
            json!({"since": LONG_AGO, "until": "2019-01-01T00:00:00Z"}),
            "validation_error",
            "until: must not be before",
        ),
        (
            json!({"since": LONG_AGO, "only": "sent"}),
            "validation_error",
            "only: must be failed or all",
        ),
        (
            json!({"since": LONG_AGO, "from": "x"}),
            "validation_error",
            "from: unknown field",
        ),
    ] {
        refused(world.ask("POST", &recover, body).await, (422, name, beginning));
    }
    assert_eq!(world.ask("POST", &recover, json!([])).await.0, 400);
    for id in ["00000000-0000-4000-8000-000000000000", "x"] {
        let answer = world.ask("GET", &format!("{path}/jobs/{id}"), Value::Null).await;
        refused(answer, (404, "not_found", "No job of this webhook has this id."));
    }
}

#[tokio::test]
async fn the_job_of_another_webhook_is_not_found() {
    let world = World::default();
    let (path, other) = (world.created().await, world.created().await);
    let started = world
        .must("POST", &format!("{path}/recover"), json!({"since": LONG_AGO}))
        .await;
    let id = started["id"].as_str().unwrap();
    assert_eq!(
        world.ask("GET", &format!("{other}/jobs/{id}"), Value::Null).await.0,
        404
    );
}
