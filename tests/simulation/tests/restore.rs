//! The table is restored as of an earlier time, while SES has sent what the restored records call unfinished.

use std::time::Duration;

use domain::delivery::record::RecordStatus;
use invariants::Invariant;
use simulation::run::{RunOutcome, run};
use simulation::scenario::{EmailCommand, NEWS, Order, QueueCommand, Scenario, TableRestore};
use simulation::systematic::{Part, Strikes};

const MINUTE: Duration = Duration::from_secs(60);

/// Emails of each state at the restore point, two minutes after the beginning. One is sent, and one waits in a paused
/// queue. Of three scheduled ones, one is sent before the stop, one is canceled before it, and one is due later.
fn scenario(with_epoch: bool) -> Scenario {
    let scheduled = |minutes: u32, commands: Vec<(Duration, EmailCommand)>| Order {
        scheduled_in: Some(MINUTE * minutes),
        commands,
        ..Order::plain()
    };
    let in_news = |at: Duration, command: QueueCommand| Order {
        at,
        queue: Some(NEWS),
        commands: vec![(Duration::from_secs(30), EmailCommand::Queue(command))],
        ..Order::plain()
    };
    let orders = vec![
        Order::plain(),
        scheduled(4, Vec::new()),
        scheduled(5, vec![(MINUTE * 3, EmailCommand::Cancel)]),
        scheduled(40, Vec::new()),
        Order {
            scheduled_in: Some(MINUTE * 4),
            ..in_news(Duration::ZERO, QueueCommand::Pause)
        },
    ];
    Scenario {
        restore: Some(TableRestore {
            copied_at: MINUTE * 2,
            stopped_at: MINUTE * 7,
            released_at: MINUTE * 20,
            with_epoch,
        }),
        ..Scenario::quiet("restored", orders)
    }
}

/// The copies of the `n`th order, and whether its record is flagged.
fn copies(outcome: &RunOutcome, order: &str) -> (usize, bool, RecordStatus) {
    let id = domain::id::EmailId::from_key(&domain::id::TenantId::main(), order);
    let record = outcome.records.iter().find(|record| record.id == id).unwrap();
    let copies = outcome.accepted.iter().filter(|(email, _)| *email == id).count();
    (copies, record.maybe_duplicate, record.status)
}

#[test]
fn a_restored_table_doubles_no_email_without_a_flag() {
    let outcome = run(&scenario(true));
    assert_eq!(outcome.report("restored"), None);
    let ends = ["order-0", "order-1", "order-2", "order-3", "order-4"].map(|order| copies(&outcome, order));
    assert_eq!(
        ends,
        [
            (1, false, RecordStatus::Sent),
            (2, true, RecordStatus::Sent),
            // Its cancellation is lost with the table.
            (1, true, RecordStatus::Sent),
            (1, true, RecordStatus::Sent),
            (1, true, RecordStatus::Sent),
        ]
    );
}

/// The oracle notices it, and so the epoch is needed.
#[test]
fn without_the_epoch_a_restore_doubles_emails() {
    let outcome = run(&scenario(false));
    let violation = outcome.violation.expect("the oracle notices");
    assert_eq!(violation.invariant, Invariant::Restoration, "{violation:?}");
}

#[test]
fn one_fault_in_a_restore_sends_nothing_unflagged() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let strikes = Strikes::all(&scenario(true), 1, 0, threads, Part::WHOLE);
    assert!(strikes.broken.is_empty(), "{}", strikes.broken.join("\n"));
    assert!(strikes.runs[1] > 100, "{:?}", strikes.runs);
}

/// Random faults during the whole restore.
#[test]
fn random_faults_in_a_restore_send_nothing_unflagged() {
    for seed in 1..=200 {
        let random = Scenario::random(seed);
        let restored = Scenario {
            seed,
            odds: random.odds,
            chaos: MINUTE * 25,
            skew_ms: random.skew_ms,
            doubled_promotes: random.doubled_promotes,
            shards: random.shards,
            ..scenario(true)
        };
        let outcome = run(&restored);
        assert_eq!(outcome.report(&format!("seed {seed}")), None);
    }
}
