//! The program itself: it reports missing settings.

use std::process::Command;

#[test]
fn a_run_without_a_stack_names_the_missing_settings() {
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
