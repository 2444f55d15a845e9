//! Uncertain outcomes at SES, and the exact end of each.

use std::time::Duration;

use domain::delivery::record::RecordStatus;
use memory::Fault;
use memory::SesReaction;
use memory::fault_model::Odds;
use memory::trace::TraceStep;
use simulation::run::{RunOutcome, run};
use simulation::scenario::{Order, Scenario};

fn one(held: bool) -> Scenario {
    let order = Order {
        hold: held,
        ..Order::plain()
    };
    Scenario::quiet("doubt", vec![order])
}

fn end(outcome: &RunOutcome) -> (RecordStatus, usize, bool) {
    let record = &outcome.records[0];
    (record.status, outcome.accepted.len(), record.maybe_duplicate)
}

/// Returns the number of the call to SES.
fn submission(scenario: &Scenario) -> u64 {
    let is_it = |step: &TraceStep| match step {
        TraceStep::Call {
            what: "submit", number, ..
        } => Some(*number),
        TraceStep::Call { .. } | TraceStep::EmailRecord { .. } | TraceStep::Event { .. } => None,
    };
    run(scenario).trace.steps.iter().find_map(is_it).unwrap()
}

/// SES accepted the email or did not, and the sender learns of it or dies.
#[test]
fn an_uncertain_submission_is_settled_or_flagged() {
    for held in [false, true] {
        for fault in [Fault::Before, Fault::After, Fault::DieBefore, Fault::DieAfter] {
            let mut scenario = one(held);
            scenario.plan = [(submission(&scenario), fault)].into();
            let outcome = run(&scenario);
            let what = format!("{fault:?} during the call of SES, held: {held}");
            assert_eq!(outcome.report(&what), None);
            let expected = if matches!(fault, Fault::After | Fault::DieAfter) {
                (RecordStatus::Sent, 1, false)
            } else if held {
                (RecordStatus::Unknown, 0, false)
            } else {
                (RecordStatus::Sent, 1, true)
            };
            assert_eq!(end(&outcome), expected, "{what}");
        }
    }
}

/// SES accepted the email, and both the answer and the event are lost.
#[test]
fn lost_events_cause_a_flagged_copy_or_none_if_held() {
    for (held, expected) in [
        (false, (RecordStatus::Sent, 2, true)),
        (true, (RecordStatus::Unknown, 1, false)),
    ] {
        let mut scenario = one(held).answers(0, &[SesReaction::LostAfter]);
        scenario.odds = Odds {
            event_lost: 10_000,
            ..scenario.odds
        };
        scenario.chaos = Duration::from_secs(30);
        let outcome = run(&scenario);
        assert_eq!(outcome.report("lost events"), None);
        assert_eq!(end(&outcome), expected, "held: {held}");
    }
}
