//! Emails of a restored table are parked, and no job of their queue releases them.

use std::time::{Duration, Instant};

use domain::delivery::record::DueKind;
use domain::queue::job::Task;
use memory::samples::{self, BORN};

use super::{backend, kind, plain, sample};
use crate::common::promote;

#[tokio::test]
async fn overdue_restored_emails_are_parked() {
    let records = vec![sample(1, DueKind::Check, BORN), sample(2, DueKind::Held, BORN)];
    let backend = backend(records, plain(), Some(Task::Release));
    let mut promote = promote(&backend);
    promote.policy.restore_epoch = Some(BORN);
    let promoted = promote.run(Instant::now() + Duration::from_secs(60)).await.unwrap();
    assert_eq!([kind(&backend, 1), kind(&backend, 2)], [Some(DueKind::Held); 2]);
    assert!(backend.state().send_tasks.is_empty(), "the job lets none go");
    assert_eq!(promoted.oldest_due, Duration::ZERO, "a held email is not late");
    let flags = [1, 2].map(|n| backend.record(&samples::key(n)).unwrap().maybe_duplicate);
    assert_eq!(flags, [true, false], "the second one is flagged by its release");
}
