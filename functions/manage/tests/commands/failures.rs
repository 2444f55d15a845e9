//! Failing calls: a 200 means that the command is written, and no record leaves the index.

use domain::delivery::record::RecordStatus;
use domain::lifecycle::commands::Refusal;
use memory::Fault;

use super::{
    CANCEL, RESCHEDULE, RETRY, answer, assert_content_is_kept, assert_in_its_place, backend_with, conflict, done,
    golden, refused, sample, stored,
};

#[tokio::test]
async fn a_failed_send_task_reverts_nothing() {
    for (event, status) in [(RESCHEDULE, RecordStatus::Queued), (RETRY, RecordStatus::Failed)] {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend_with(&sample(status));
            backend.state().faults_of.insert("enqueue", [fault].into());
            assert_eq!(answer(&backend, &golden(event)).await, done(), "{fault:?}");
            let record = stored(&backend);
            assert_eq!(
                (record.status, record.due.is_some()),
                (RecordStatus::Queued, true),
                "{fault:?}"
            );
            assert_eq!(
                backend.calls_inside(),
                ["load", "queue", "extend_retention", "load_body", "write", "enqueue"]
            );
        }
    }
}

/// The backend fails at each call in turn, before or after its effect.
#[tokio::test]
async fn a_200_means_stored_and_keeps_the_record_indexed() {
    for (event, status) in [
        (CANCEL, RecordStatus::Queued),
        (RESCHEDULE, RecordStatus::Queued),
        (RETRY, RecordStatus::Failed),
        (RETRY, RecordStatus::Unknown),
    ] {
        let good = backend_with(&sample(status));
        assert_eq!(answer(&good, &golden(event)).await, done());
        let (wanted, calls) = (stored(&good), good.state().calls.clone());
        for (index, call) in calls.iter().enumerate() {
            for fault in [Fault::Before, Fault::After] {
                let what = format!("{call} fails {fault:?} in {event}");
                let backend = backend_with(&sample(status));
                backend.state().faults = [vec![Fault::None; index], vec![fault]].concat().into();
                let (got, body) = answer(&backend, &golden(event)).await;
                let record = stored(&backend);
                assert_eq!(got == 200, *call == "enqueue", "{what}: {body}");
                assert_eq!(
                    record == wanted,
                    *call == "enqueue" || (*call == "write" && fault == Fault::After),
                    "{what}"
                );
                assert!(record == wanted || record == sample(status), "{what}");
                assert_in_its_place(&record, &what);
                assert_content_is_kept(&backend, &what);
                if got != 200 {
                    let expected = refused(500, "internal_server_error", body["message"].as_str().unwrap());
                    assert_eq!((got, &body), (expected.0, &expected.1), "{what}");
                    assert!(!body.to_string().contains("is down"), "{body}");
                }

                // The caller repeats the request. A written retry does not count as another one.
                let again = answer(&backend, &golden(event)).await;
                let expected = if event == RETRY && record == wanted {
                    conflict(Refusal::NotEnded(RecordStatus::Queued))
                } else {
                    done()
                };
                assert_eq!(again, expected, "{what}");
                assert_eq!(stored(&backend), wanted, "{what}");
                assert_content_is_kept(&backend, &what);
            }
        }
    }
}
