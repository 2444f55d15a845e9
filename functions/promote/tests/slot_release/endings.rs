//! Emails leave the partition without a slot.

use domain::delivery::rate::Rate;
use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::id::EmailId;
use domain::queue::job::{Job, Task};

use super::{at, backend, claim, email, run, slots, slow};

/// Earlier slots would exceed even the new rate, because the messages in flight have slots there too.
#[tokio::test]
async fn a_raised_rate_begins_after_reserved_slots() {
    let backend = backend(1_000, Some(1));
    claim(&backend, &run(&backend, 0).await);
    backend.state().rate_limits.get_mut(&slow()).unwrap().rate = Rate::from_millis(5_000);
    let raised = slots(&run(&backend, 30).await);
    assert_eq!((raised.first(), raised.last()), (Some(&at(61)), Some(&at(90))));
    assert_eq!(raised.len(), 146, "five a second");
}

#[tokio::test]
async fn a_removed_rate_releases_all_emails() {
    let backend = backend(100, None);
    backend
        .state()
        .store_record(email(200, DueKind::RateLimited, at(5_000)));
    let enqueued = run(&backend, 0).await;
    assert_eq!(enqueued.len(), 100);
    assert!(enqueued.iter().all(|request| request.send_task.slot.is_none()));
    let kinds = |kind| {
        let state = backend.state();
        let of_kind = state
            .records
            .values()
            .filter(|record| record.due.is_some_and(|due| due.kind == kind));
        of_kind.count()
    };
    assert_eq!(
        (kinds(DueKind::Check), kinds(DueKind::Wake), kinds(DueKind::RateLimited)),
        (100, 1, 0)
    );
}

#[tokio::test]
async fn an_expired_email_takes_no_slot() {
    let backend = backend(0, Some(1));
    for n in 0..100 {
        let expired = EmailRecord {
            expires_at: at(-1),
            ..email(n, DueKind::RateLimited, at(-100))
        };
        backend.state().store_record(expired);
    }
    backend.state().store_record(email(200, DueKind::RateLimited, at(0)));
    let mut enqueued = 0;
    for minute in 0..4 {
        let send_tasks = run(&backend, minute * 60).await;
        enqueued += send_tasks.len();
        claim(&backend, &send_tasks);
    }
    assert_eq!(enqueued, 1);
    let expired = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Expired)
        .count();
    assert_eq!(expired, 100);
}

/// Emails that were accepted before the queue had a rate limit, or before this version.
#[tokio::test]
async fn an_email_that_waited_without_a_limit_moves() {
    let backend = backend(0, Some(10));
    backend.state().rate_limits.get_mut(&slow()).unwrap().check_at = None;
    backend.state().store_record(email(1, DueKind::Wake, at(300)));
    backend.state().store_record(email(2, DueKind::Check, at(-1)));
    assert_eq!(run(&backend, 0).await.len(), 0);
    let kinds: Vec<_> = backend
        .state()
        .records
        .values()
        .map(|record| record.due.unwrap().kind)
        .collect();
    assert_eq!(kinds, [DueKind::RateLimited; 2]);
    let due = run(&backend, 60).await;
    assert_eq!(due.len(), 1);
    claim(&backend, &due);
    let scheduled = run(&backend, 240).await;
    assert_eq!(slots(&scheduled), [at(300)], "to its time");
}

#[tokio::test]
async fn a_purge_ends_emails_that_wait_for_a_slot() {
    let backend = backend(100, Some(1));
    {
        let mut state = backend.state();
        let purged = state.queues[&slow()].after_purge(at(1));
        let job = Job::new(&purged, EmailId::from_random([9; 16]), Task::Purge, at(1));
        state.jobs.insert((slow(), job.id), job);
        state.queues.insert(slow(), purged);
    }
    run(&backend, 2).await;
    let canceled = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Canceled)
        .count();
    assert_eq!(canceled, 100);
}
