//! The program itself: it says what it lacks.

use std::process::Command;

#[test]
fn without_a_stack_it_says_what_is_missing_and_fails() {
    let run = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .env_clear()
        .env("EMAILS", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(
        said.contains("make chaos") && said.contains("FAULT_PROXY_URL is not set"),
        "{said}"
    );
}
