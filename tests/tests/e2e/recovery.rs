//! A death or a lost answer at each call of each function, and what the rest makes of it.
//!
//! **How:** the functions' own code in a world in memory. One function does its work with one
//! fault at its first call, then at its second, and so on; then everything else goes on as it
//! would ([`System::settle`]) until the email has ended.
//! **What must hold then** ([`System::judge`]): nothing that was accepted is lost, nothing is
//! submitted twice unmarked, and what the row says is what SES did.

mod system;

use domain::cause::Cause;
use domain::lifecycle::Attempt;
use domain::row::{OnUncertain, Row, Status};
use domain::wire::api::{IdempotencyKey, parse_email};
use futures::FutureExt;
use system::{Outcome, System, caller};
use world::{Fault, samples};

/// Every way in which a call can go wrong.
const FAULTS: [Fault; 4] = [Fault::Before, Fault::After, Fault::DieBefore, Fault::DieAfter];

/// More calls than any function makes about one email.
const CALLS: usize = 12;

/// A system with one email, and what one function is to do with it.
struct Case {
    name: &'static str,
    /// The email at the beginning.
    email: fn(&mut Row),
    /// How SES answers, until it accepts.
    answers: Vec<Attempt>,
    /// Who works while the fault strikes.
    who: Who,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Send,
    Promote,
    DeadLetter,
    Feedback,
    Cancel,
    Reschedule,
    Retry,
}

fn refused(cause: Cause) -> Attempt {
    let detail = "no".to_owned();
    Attempt::NotAccepted { cause, detail }
}

fn case(name: &'static str, who: Who, email: fn(&mut Row), answers: impl IntoIterator<Item = Attempt>) -> Case {
    Case {
        name,
        email,
        answers: answers.into_iter().collect(),
        who,
    }
}

/// After a first attempt that was refused, as far as that is known.
fn claimed(row: &mut Row, status: Status) {
    row.status = status;
    if matches!(status, Status::Failing | Status::Failed) {
        row.cause = Some(Cause::Rejected);
    }
    if status.is_final() {
        row.due = None;
    }
    row.claim_no = 1;
    row.attempts = 1;
}

fn cases() -> Vec<Case> {
    let plain: fn(&mut Row) = |_| {};
    let held: fn(&mut Row) = |row| row.on_uncertain = OnUncertain::Hold;
    vec![
        case("sends", Who::Send, plain, []),
        case("sends what is held", Who::Send, held, []),
        case("is refused for now", Who::Send, plain, [refused(Cause::Unavailable)]),
        case("is refused for good", Who::Send, plain, [refused(Cause::Rejected)]),
        case("is throttled", Who::Send, plain, [refused(Cause::Throttled)]),
        case(
            "finds the quota spent",
            Who::Send,
            plain,
            [refused(Cause::QuotaExceeded)],
        ),
        case("gets no answer", Who::Send, plain, [Attempt::Ambiguous]),
        case(
            "gets no answer about what is held",
            Who::Send,
            held,
            [Attempt::Ambiguous],
        ),
        case("finds it expired", Who::Send, |row| row.expires_at = samples::BORN, []),
        case("wakes what is due", Who::Promote, plain, []),
        case(
            "finds a dead sender",
            Who::Promote,
            |row| claimed(row, Status::Sending),
            [],
        ),
        case(
            "settles what is uncertain",
            Who::Promote,
            |row| {
                claimed(row, Status::Uncertain);
                row.uncertain_since = Some(samples::BORN.before(std::time::Duration::from_secs(400)));
            },
            [],
        ),
        case(
            "hands over again",
            Who::Promote,
            |row| claimed(row, Status::Failing),
            [],
        ),
        case(
            "records a failure",
            Who::DeadLetter,
            |row| claimed(row, Status::Failing),
            [],
        ),
        case("hears of it", Who::Feedback, |row| claimed(row, Status::Sending), []),
        case("cancels", Who::Cancel, plain, []),
        case("reschedules", Who::Reschedule, plain, []),
        case("retries", Who::Retry, |row| claimed(row, Status::Failed), []),
    ]
}

impl Case {
    fn system(&self) -> System {
        let system = System::new(self.email);
        system.world.state().answers = self.answers.clone().into();
        system
    }

    /// Does the work, alive or until it dies.
    async fn work(&self, system: &System) -> Option<Outcome> {
        let work = async {
            match self.who {
                Who::Send => system.wake().await,
                Who::Promote => system.promote().await,
                Who::DeadLetter => system.bury().await,
                Who::Feedback => system.hear_of_claim(1).await,
                Who::Cancel => system.cancel().await,
                Who::Reschedule => system.reschedule().await,
                Who::Retry => system.retry().await,
            }
        };
        std::panic::AssertUnwindSafe(work).catch_unwind().await.ok()
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_loses_nothing_and_doubles_nothing_unmarked() {
    silence_deaths();
    let mut booked = false;
    for case in cases() {
        let mut struck = 0;
        for at in 0..CALLS {
            for fault in FAULTS {
                let system = case.system();
                system.world.state().faults = std::iter::repeat_n(Fault::None, at).chain([fault]).collect();
                let outcome = case.work(&system).await;
                struck += usize::from(system.world.state().faults.is_empty());
                system.world.state().faults.clear();
                let what = format!("{}: {fault:?} at call {at}", case.name);
                if case.who == Who::Send {
                    booked |= system.world.state().calls.contains(&"change_pace");
                }
                system.settle(&what).await;
                system.judge(&what);
                if outcome == Some(Outcome::Canceled) {
                    assert_eq!(system.row().status, Status::Canceled, "{what}");
                }
            }
        }
        assert!(struck >= 2 * FAULTS.len(), "{}: {struck} faults struck", case.name);
    }
    assert!(booked, "the pace is among what the faults strike");
}

/// SES itself: it has accepted or not, and the sender knows or dies.
#[tokio::test(start_paused = true)]
async fn whatever_ses_did_is_found_out_or_marked() {
    silence_deaths();
    for held in [false, true] {
        for fault in FAULTS {
            let system = System::new(|_| {});
            if held && let Some(row) = system.world.state().rows.get_mut(&samples::key(1)) {
                row.on_uncertain = OnUncertain::Hold;
            }
            system.world.state().faults_of.insert("submit", [fault].into());
            let work = std::panic::AssertUnwindSafe(system.wake()).catch_unwind().await;
            assert_eq!(work.is_err(), matches!(fault, Fault::DieBefore | Fault::DieAfter));
            let what = format!("{fault:?} while SES was asked, held: {held}");
            system.settle(&what).await;
            system.judge(&what);
            let (row, copies) = (system.row(), system.world.state().accepted.len());
            match fault {
                Fault::After | Fault::DieAfter => {
                    assert_eq!(
                        (row.status, copies, row.maybe_duplicate),
                        (Status::Sent, 1, false),
                        "{what}"
                    );
                }
                Fault::None | Fault::Before | Fault::DieBefore if held => {
                    assert_eq!((row.status, copies), (Status::Unknown, 0), "{what}")
                }
                Fault::None | Fault::Before | Fault::DieBefore => assert_eq!(
                    (row.status, copies, row.maybe_duplicate),
                    (Status::Sent, 1, true),
                    "{what}"
                ),
            }
        }
    }
}

/// The same, where the event is lost for ever.
#[tokio::test(start_paused = true)]
async fn without_any_event_a_second_copy_is_marked_and_what_is_held_has_none() {
    silence_deaths();
    for (held, copies, status) in [(false, 2, Status::Sent), (true, 1, Status::Unknown)] {
        let system = System::new(|_| {});
        if held && let Some(row) = system.world.state().rows.get_mut(&samples::key(1)) {
            row.on_uncertain = OnUncertain::Hold;
        }
        system.world.state().faults_of.insert("submit", [Fault::After].into());
        system.wake().await;
        system.lose_events();
        system.settle("lost events").await;
        let row = system.row();
        assert_eq!((row.status, system.world.state().accepted.len()), (status, copies));
        assert_eq!(row.maybe_duplicate, !held);
    }
}

/// A client repeats with its key until it is answered.
#[tokio::test(start_paused = true)]
async fn a_request_that_broke_off_at_any_call_is_completed_by_its_key_and_sent_once() {
    silence_deaths();
    let request = parse_email(
        br#"{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi","scheduled_at":"in 1 minute"}"#,
    )
    .unwrap();
    let key = IdempotencyKey::parse("order-1").unwrap();
    for at in 0..4 {
        for fault in FAULTS {
            let system = System::empty();
            let (enqueue, caller) = (system.enqueue(), caller());
            let accept = || async {
                let accept = enqueue.accept(caller.tenant(), Some(&key), &request);
                std::panic::AssertUnwindSafe(accept).catch_unwind().await
            };
            system.world.state().faults = std::iter::repeat_n(Fault::None, at).chain([fault]).collect();
            let first = accept().await;
            system.world.state().faults.clear();
            let what = format!("{fault:?} at call {at}");
            let id = match first {
                Ok(Ok(accepted)) => accepted.id,
                Ok(Err(_)) | Err(_) => accept().await.unwrap().expect("the second time goes well").id,
            };
            assert_eq!(system.world.state().rows.len(), 1, "{what}");
            assert!(system.world.state().rows.keys().all(|key| key.id == id), "{what}");
            system.settle(&what).await;
            assert_eq!(system.world.state().accepted, [(id, 1)], "{what}");
        }
    }
}

/// The deaths that are asked for need no backtraces.
#[expect(clippy::print_stderr, reason = "as the hook that it takes the place of")]
fn silence_deaths() {
    std::panic::set_hook(Box::new(|panic| {
        let died = panic
            .payload()
            .downcast_ref::<String>()
            .is_some_and(|text| text.starts_with("died "))
            || panic
                .payload()
                .downcast_ref::<&str>()
                .is_some_and(|text| text.starts_with("died "));
        if !died {
            eprintln!("{panic}");
        }
    }));
}
