//! What SES left in doubt, and how it ends: to the letter.

use std::time::Duration;

use domain::record::RecordStatus;
use memory::Fault;
use memory::fault_model::Odds;
use memory::provider::Answer;
use memory::trace::Step;
use simulation::run::{Outcome, run};
use simulation::scenario::{Order, Scenario};

fn one(held: bool) -> Scenario {
    let order = Order {
        hold: held,
        ..Order::plain()
    };
    Scenario::quiet("doubt", vec![order])
}

fn end(outcome: &Outcome) -> (RecordStatus, usize, bool) {
    let record = &outcome.records[0];
    (record.status, outcome.accepted.len(), record.maybe_duplicate)
}

/// The number of the call by which SES is asked.
fn submission(scenario: &Scenario) -> u64 {
    let is_it = |step: &Step| match step {
        Step::Call {
            what: "submit", number, ..
        } => Some(*number),
        Step::Call { .. } | Step::EmailRecord { .. } | Step::Event { .. } => None,
    };
    run(scenario).trace.steps.iter().find_map(is_it).unwrap()
}

/// SES itself: it has accepted or not, and the sender knows or dies.
#[test]
fn whatever_ses_did_is_found_out_or_marked() {
    for held in [false, true] {
        for fault in [Fault::Before, Fault::After, Fault::DieBefore, Fault::DieAfter] {
            let mut scenario = one(held);
            scenario.plan = [(submission(&scenario), fault)].into();
            let outcome = run(&scenario);
            let what = format!("{fault:?} while SES was asked, held: {held}");
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

/// The same, where the event is lost for ever.
#[test]
fn without_any_event_a_second_copy_is_marked_and_what_is_held_has_none() {
    for (held, expected) in [
        (false, (RecordStatus::Sent, 2, true)),
        (true, (RecordStatus::Unknown, 1, false)),
    ] {
        let mut scenario = one(held).answers(0, &[Answer::LostAfter]);
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
