//! The README's deploy command, run with `sh`. Harmless commands replace the build and deploy tools.

use std::fs;
use std::process::Command;

use domain::tenant::token;
use e2e::root;
use yaml_serde::Value;

/// Returns the first shell block of the README's section "Deploy".
fn documented() -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Deploy\n").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Runs the block with harmless tools; returns the deployer's key and the arguments of `sam`.
fn run() -> (String, Vec<String>) {
    let block = documented();
    for tool in ["make build", ".local/venv-tools/bin/sam "] {
        assert_eq!(block.matches(tool).count(), 1, "{tool}");
    }
    let script = block
        .replace("make build", ":")
        .replace(".local/venv-tools/bin/sam ", "printf '%s\\n' ");
    let script = format!("set -eu\n{script}\nprintf '%s\\n' \"$deployer_key\"\n");
    let done = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    let key = lines.pop().unwrap();
    // The script shows the key once, before it deploys anything.
    assert!(lines.remove(0).ends_with(&key));
    (key, lines)
}

/// Tells whether the template accepts a value as the hash.
fn template_takes(value: &str) -> bool {
    let template: Value = yaml_serde::from_str(&fs::read_to_string(root().join("template.yaml")).unwrap()).unwrap();
    let parameter = &template["Parameters"]["ApiKeySha256"];
    assert_eq!(parameter["AllowedPattern"], "^[0-9a-f]{64}$");
    assert!(parameter["Default"].is_null());
    value.len() == 64 && value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[test]
fn the_documented_command_deploys_the_keys_hash() {
    let (key, arguments) = run();
    assert!(token::is_deployers(key.as_bytes()), "the key has the wrong form");
    let hash: String = token::hash(key.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let parameter = format!("ApiKeySha256={hash}");
    assert_eq!(
        arguments,
        [
            "deploy",
            "--region",
            "us-east-1",
            "--parameter-overrides",
            parameter.as_str()
        ]
    );
    assert!(template_takes(&hash));
    assert_ne!(run().0, key, "each run creates a new key");
}

#[test]
fn a_key_never_passes_as_its_hash() {
    let (key, _) = run();
    assert!(!template_takes(&key));
    // The template accepts this one, and the functions refuse it as a key.
    let bare = "0f".repeat(32);
    assert!(template_takes(&bare) && !token::is_deployers(bare.as_bytes()));
    for wrong in [
        "",
        "0F",
        &bare[1..],
        &format!("{bare}0"),
        &bare.to_uppercase(),
        &format!("{bare}\n"),
    ] {
        assert!(!template_takes(wrong), "{wrong}");
    }
}

#[test]
fn the_deployment_asks_no_question() {
    let settings = fs::read_to_string(root().join("samconfig.toml")).unwrap();
    for line in [
        "stack_name = \"mailqueue\"",
        "capabilities = \"CAPABILITY_IAM\"",
        "resolve_s3 = true",
        "confirm_changeset = false",
        "fail_on_empty_changeset = false",
    ] {
        assert!(settings.lines().any(|given| given == line), "{line}");
    }
    assert!(!documented().contains("--guided"));
}
