//! The scripts that run the tests wait for messages of the tests.

use std::fs;

use e2e::{ONLY_WAITING_TESTS_ARE_LEFT, root};

/// Without the message, the checker and the proofs would begin only after all tests.
#[test]
fn the_scripts_wait_for_the_printed_message() {
    let message = ONLY_WAITING_TESTS_ARE_LEFT.trim_end_matches('.');
    for script in ["local/test", ".ci/run"] {
        let text = fs::read_to_string(root().join(script)).unwrap();
        assert!(text.contains(message), "{script} waits for another message");
    }
}
