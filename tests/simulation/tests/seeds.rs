//! Random scenarios under random faults: the same seeds each time. `make simulate` uses new ones.

use simulation::run::run;
use simulation::scenario::Scenario;
use simulation::seeds::Totals;

/// The number of seeds that show every kind of fault and every transition.
const SEEDS: u64 = 4_000;

#[test]
fn random_faults_cause_no_loss_or_unflagged_duplicate() {
    let mut totals = Totals::default();
    for seed in 1..=SEEDS {
        if let Some(report) = totals.run(seed) {
            panic!("{report}");
        }
    }
    assert_eq!(totals.missing(), Vec::<String>::new(), "{}", totals.table());
}

#[test]
fn a_seed_determines_its_run() {
    let hash = |seed| run(&Scenario::random(seed)).trace.hash();
    let first: Vec<_> = (1..=20).map(hash).collect();
    let again: Vec<_> = (1..=20).map(hash).collect();
    assert_eq!(first, again);
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
}
