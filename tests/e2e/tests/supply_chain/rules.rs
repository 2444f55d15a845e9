//! The rules for commands.

/// The subcommands of cargo that use Cargo.lock and may change it. Source: The Cargo Book, "Cargo Commands", read
/// 2026-11-27; `deny` and `lambda` are third-party and do the same.
const BY_THE_LOCK: [&str; 20] = [
    "bench", "build", "check", "clippy", "deny", "doc", "fetch", "fix", "install", "lambda", "metadata", "miri",
    "package", "publish", "run", "rustc", "rustdoc", "test", "tree", "update",
];

/// Tells whether the command runs one of those, or one that its options hide.
pub(super) fn asks_cargo(command: &str) -> bool {
    let command = &command.replace("cargo clippy --version", "");
    let hidden = ["cargo -", "cargo +"].iter().any(|form| command.contains(form));
    hidden
        || BY_THE_LOCK.iter().any(|subcommand| {
            let in_a_shell = format!("cargo {subcommand}");
            let in_a_list = format!("\"cargo\", \"{subcommand}\"");
            let itself = format!("bin/cargo-{subcommand}");
            [in_a_shell, in_a_list, itself].iter().any(|form| has(command, form))
        })
}

/// Returns the rule that a command breaks.
pub(super) fn fault(command: &str) -> Option<&'static str> {
    let words: Vec<&str> = command
        .split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
        .collect();
    let says = |wanted: &str| words.contains(&wanted);
    if asks_cargo(command) && !says("--locked") {
        Some("cargo without --locked")
    } else if (says("pip") || says("pip3")) && says("install") && !says("--require-hashes") {
        Some("pip install without --require-hashes")
    } else if says("npx") || (says("npm") && ["install", "i", "add", "update", "exec"].into_iter().any(says)) {
        Some("npm, but not npm ci")
    } else {
        None
    }
}

/// Tells whether the text occurs and ends at a word's end.
fn has(command: &str, text: &str) -> bool {
    command.match_indices(text).any(|(at, _)| {
        let behind = command[at + text.len()..].chars().next();
        behind.is_none_or(|c| !(c.is_ascii_alphanumeric() || c == '-'))
    })
}
