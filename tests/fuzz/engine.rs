//! The engine: libFuzzer, which passes one input after another to the target named by `--target=NAME`. `--targets`
//! prints all names.
//!
//! Only `local/fuzz` builds it, with coverage.
#![no_main]

use std::io::Write;
use std::sync::OnceLock;

use fuzz::{TARGETS, Target};

/// The target of this process.
static TARGET: OnceLock<Target> = OnceLock::new();

fn choose() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--targets") {
        let names = TARGETS.map(|target| target.name).join("\n");
        let said = writeln!(std::io::stdout(), "{names}");
        std::process::exit(i32::from(said.is_err()));
    }
    let named = arguments.iter().find_map(|argument| argument.strip_prefix("--target="));
    match named.and_then(Target::find) {
        Some(target) => drop(TARGET.set(target)),
        None => unreachable!("--target= names none of the targets"),
    }
}

fn run(data: &[u8]) {
    match TARGET.get() {
        Some(target) => (target.run)(data),
        None => unreachable!("the target is chosen before the first input"),
    }
}

libfuzzer_sys::fuzz_target!(init: choose(), |data: &[u8]| run(data));
