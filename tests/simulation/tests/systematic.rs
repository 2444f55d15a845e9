//! Every call of every function, crashed and failed before and after its effect, alone and in pairs.

use memory::trace::TraceStep;
use simulation::run::run;
use simulation::scenario::{Order, Scenario};
use simulation::systematic::{Part, Strikes, command, places, scenarios, throttled};

/// The distance of the second fault from the first, in calls. A run has between 40 and 120 calls, and this covers the
/// nearest ones. `make pairs` covers all, and CI a quarter on most changes.
const REACH: u64 = 2;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn strike(faults: usize, reach: u64) -> Strikes {
    let mut all = Strikes::default();
    for scenario in scenarios() {
        let strikes = Strikes::all(&scenario, faults, reach, threads(), Part::WHOLE);
        assert!(strikes.broken.is_empty(), "{}", strikes.broken.join("\n"));
        assert!(strikes.runs[1] > 50, "{}: {:?}", scenario.name, strikes.runs);
        all.join(strikes);
    }
    all
}

#[test]
fn one_fault_causes_no_loss_or_unflagged_duplicate() {
    let strikes = strike(1, 0);
    assert!(strikes.runs[1] > 1_000, "{:?}", strikes.runs);
}

#[test]
fn two_faults_cause_no_loss_or_unflagged_duplicate() {
    let strikes = strike(2, REACH);
    assert!(strikes.runs[2] > 10_000, "{:?}", strikes.runs);
}

#[test]
fn the_parts_together_have_each_fault_once() {
    let scenario = scenarios().remove(0);
    let whole = Strikes::all(&scenario, 1, 0, threads(), Part::WHOLE).runs[1];
    let parts = ["1/3", "2/3", "3/3"].map(|part| {
        let part = Part::parse(part).expect("a part");
        Strikes::all(&scenario, 1, 0, threads(), part).runs[1]
    });
    assert!(parts.iter().all(|part| *part < whole / 2), "{parts:?} of {whole}");
    assert_eq!(parts.iter().sum::<u64>(), whole);
    for text in ["0/3", "4/3", "1/0", "1", "a/b"] {
        assert_eq!(Part::parse(text), None, "{text}");
    }
}

#[test]
fn each_call_is_throttled_once() {
    let scenario = scenarios().remove(0);
    let outcome = run(&scenario);
    let can_be_throttled =
        |step: &&TraceStep| matches!(step, TraceStep::Call { environment: 1.., what, .. } if *what != "submit");
    let calls = outcome.trace.steps.iter().filter(can_be_throttled).count();
    let strikes = throttled(&outcome);
    assert!(calls > 10, "{calls}");
    assert_eq!(strikes.len(), calls);
    for (number, fault) in strikes {
        let struck = Scenario {
            plan: [(number, fault)].into(),
            ..scenario.clone()
        };
        assert_eq!(run(&struck).struck.get("throttled"), Some(&1), "call {number}");
    }
}

/// The scenarios cover every call of every function.
#[test]
fn the_scenarios_fail_every_call_of_every_function() {
    let mut called = std::collections::BTreeSet::new();
    for scenario in scenarios() {
        for step in run(&scenario).trace.steps {
            if let TraceStep::Call { function, what, .. } = step {
                called.insert(format!("{function}: {what}"));
            }
        }
    }
    for call in [
        "enqueue: put",
        "enqueue: create",
        "enqueue: remember",
        "enqueue: enqueue",
        "send: change_account_rate",
        "send: claim",
        "send: load_near",
        "send: load_body",
        "send: submit",
        "send: write",
        "send: move_to_dead_letter",
        "send: put_back",
        "send: suppression_filter",
        "send: suppressions",
        "dead_letter: load",
        "dead_letter: write",
        "feedback: load",
        "feedback: write",
        "feedback: raise_watermark",
        "feedback: suppress",
        "feedback: change_account_rate",
        "promote: account",
        "promote: account_rate",
        "promote: bookmarks",
        "promote: waiting",
        "promote: due_emails",
        "promote: overdue",
        "promote: load_many",
        "promote: write",
        "promote: enqueue",
        "promote: feedback",
        "promote: save_cursor",
        "manage: load",
        "manage: extend_retention",
        "manage: write",
        "manage: enqueue",
        "suppressions: suppress",
        "manage: change_account_rate",
        "suppressions: change_account_rate",
        "suppressions: release",
        "manage: save_queue",
        "manage: replace_with_tombstone",
        "manage: erase",
        "enqueue: erase",
        "enqueue: queue",
        "send: queue",
        "promote: due_jobs",
        "promote: job",
        "promote: parked_emails",
        "promote: save_job",
        "promote: queue",
        "promote: queues_to_look_at",
        "promote: rate_limit",
        "promote: waiting_emails",
        "promote: change_rate_limit",
        "enqueue: change_rate_limit",
        "send: change_rate_limit",
        ": delete",
    ] {
        assert!(called.contains(call), "{call} is in no scenario: {called:#?}");
    }
}

#[test]
fn a_suppressed_address_gets_no_email_until_released() {
    let scenario = scenarios()
        .into_iter()
        .find(|scenario| scenario.name.starts_with("is suppressed"))
        .unwrap();
    let outcome = run(&scenario);
    assert_eq!(outcome.report(&command(&scenario)), None);
    let [suppressed, other] = &outcome.records[..] else {
        panic!("two emails")
    };
    let (suppressed, other) = if suppressed.claim_no > other.claim_no {
        (suppressed, other)
    } else {
        (other, suppressed)
    };
    assert_eq!((suppressed.claim_no, other.claim_no), (2, 1));
    let mut accepted = outcome.accepted.clone();
    accepted.sort_unstable();
    let mut expected = [(suppressed.id, 2), (other.id, 1)];
    expected.sort_unstable();
    assert_eq!(accepted, expected, "its first attempt never came to SES");
}

/// A client repeats with its key until it is answered.
#[test]
fn a_repeated_request_completes_a_broken_one() {
    let order = Order {
        scheduled_in: Some(std::time::Duration::from_secs(60)),
        ..Order::plain()
    };
    let mut scenario = Scenario::quiet("breaks off", vec![order]);
    let whole = run(&scenario);
    let first_of_others = whole.trace.steps.iter().find_map(|step| match step {
        TraceStep::Call { function, number, .. } if *function != "enqueue" => Some(*number),
        TraceStep::Call { .. } | TraceStep::EmailRecord { .. } | TraceStep::Event { .. } => None,
    });
    let last = first_of_others.unwrap() - 1;
    let mut strikes = places(&whole, 0, last);
    strikes.extend(throttled(&whole).into_iter().filter(|(number, _)| *number <= last));
    assert_eq!(
        strikes.len(),
        20,
        "put and create, each with six faults, enqueue with five, and the key with three"
    );
    for (number, fault) in strikes {
        scenario.plan = [(number, fault)].into();
        let (outcome, what) = (run(&scenario), command(&scenario));
        assert_eq!(outcome.report(&what), None);
        assert_eq!((outcome.records.len(), outcome.emails), (1, 1), "{what}");
        assert_eq!(outcome.accepted, [(outcome.records[0].id, 1)], "{what}");
    }
}
