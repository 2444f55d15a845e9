//! Random scenarios under random faults: the same seeds each time. `make simulate` takes new ones.

use simulation::run::run;
use simulation::scenario::Scenario;
use simulation::seeds::Totals;

/// So many seeds show every kind of fault and every edge.
const SEEDS: u64 = 4_000;

#[test]
fn random_faults_lose_nothing_and_double_nothing_unmarked() {
    let mut totals = Totals::default();
    for seed in 1..=SEEDS {
        if let Some(report) = totals.run(seed) {
            panic!("{report}");
        }
    }
    assert_eq!(totals.missing(), Vec::<String>::new(), "{}", totals.table());
}

#[test]
fn the_same_seed_is_the_same_run_and_another_is_another() {
    let hash = |seed| run(&Scenario::random(seed)).trace.hash();
    let first: Vec<_> = (1..=20).map(hash).collect();
    let again: Vec<_> = (1..=20).map(hash).collect();
    assert_eq!(first, again);
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
}
