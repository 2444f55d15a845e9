//! All queues of a tenant follow its queue `default`.

use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::QueueKey;
use domain::queue::job::Task;
use domain::queue::{Queue, SETTLED};
use memory::samples::BORN;

use super::{backend, job, kind, plain, run, sample};

#[tokio::test]
async fn a_tenants_queues_follow_its_default_queue() {
    let default = plain().with_suspension(true);
    let news = QueueKey {
        name: domain::id::QueueName::parse("news").unwrap(),
        ..default.key.clone()
    };
    let other = QueueKey {
        tenant: domain::id::TenantId::parse("other").unwrap(),
        ..news.clone()
    };
    let backend = backend(vec![sample(1, DueKind::Check, BORN)], default, Some(Task::FollowTenant));
    for key in [&news, &other] {
        let queue = Queue::plain(key.clone(), BORN);
        backend.state().queues.insert(key.clone(), queue);
    }
    let suspended = |key: &QueueKey| backend.state().queues[key].suspended;
    run(&backend).await;
    assert_eq!((suspended(&news), suspended(&other)), (true, false));
    assert_eq!(
        kind(&backend, 1),
        Some(DueKind::Held),
        "an email of the suspended queue is held"
    );

    // An environment with the cached key has created another queue meanwhile.
    let late = QueueKey {
        name: domain::id::QueueName::parse("late").unwrap(),
        ..news.clone()
    };
    backend
        .state()
        .queues
        .insert(late.clone(), Queue::plain(late.clone(), BORN));
    run(&backend).await;
    assert!(!suspended(&late) && !job(&backend).done);
    backend.state().now_ms = BORN.after(SETTLED).as_millis();
    run(&backend).await;
    assert!(suspended(&late) && job(&backend).done);
}

#[tokio::test]
async fn the_end_of_a_suspension_releases_emails() {
    let default = plain().with_suspension(true).with_suspension(false);
    let news = QueueKey {
        name: domain::id::QueueName::parse("news").unwrap(),
        ..default.key.clone()
    };
    let of_news = EmailRecord {
        queue: news.name.clone(),
        ..sample(2, DueKind::Held, BORN)
    };
    let records = vec![sample(1, DueKind::Held, BORN), of_news];
    let backend = backend(records, default, Some(Task::FollowTenant));
    let queue = Queue::plain(news.clone(), BORN).with_suspension(true);
    backend.state().queues.insert(news.clone(), queue);
    run(&backend).await;
    assert!(!backend.state().queues[&news].suspended);
    assert_eq!(kind(&backend, 1), Some(DueKind::Check));
    // The next run processes the job of the other queue.
    run(&backend).await;
    assert_eq!(kind(&backend, 2), Some(DueKind::Check));
    assert_eq!(backend.state().send_tasks.len(), 2);
}
