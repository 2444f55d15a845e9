//! The documented ways to deploy: one command, and `sam deploy` by hand, whose block is run with `sh`.
//! Harmless commands replace the build and deploy tools. `local/rehearse` runs the scripts of `deploy/`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use domain::tenant::token;
use e2e::root;
use yaml_serde::Value;

/// Returns the first shell block of a document's section.
fn block(document: &str, heading: &str) -> String {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Returns the commands of a deployment by hand.
fn documented() -> String {
    block("docs/OPERATIONS.md", "### By hand")
}

/// Runs the block with harmless tools; returns the deployer's key and the arguments of `sam`.
fn run() -> (String, Vec<String>) {
    let commands = documented();
    for tool in ["make build", ".local/venv-tools/bin/sam "] {
        assert_eq!(commands.matches(tool).count(), 1, "{tool}");
    }
    let script = commands
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

fn template() -> Value {
    yaml_serde::from_str(&fs::read_to_string(root().join("template.yaml")).unwrap()).unwrap()
}

/// Tells whether the template accepts a value as the hash.
fn template_takes(value: &str) -> bool {
    let parameter = &template()["Parameters"]["ApiKeySha256"];
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

#[test]
fn the_readme_deploys_with_one_command() {
    let command = block("README.md", "## Deploy");
    assert_eq!(
        command.trim(),
        "make deploy REGION=us-east-1    # or: deploy/deploy --region us-east-1"
    );
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    assert!(makefile.contains("\t@deploy/deploy $(if $(REGION),--region $(REGION)) $(ARGUMENTS)\n"));
}

/// The prefix of the IAM actions for a type of resource.
fn service(kind: &str) -> String {
    let service = kind.split("::").nth(1).unwrap().to_lowercase();
    match service.as_str() {
        "apigatewayv2" => "apigateway".to_owned(),
        "serverless" => "lambda".to_owned(),
        _ => service,
    }
}

#[test]
fn the_deployer_may_create_each_type_of_resource() {
    let text = fs::read_to_string(root().join("deploy/permissions.json")).unwrap();
    let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|each| each["Action"].as_array().unwrap());
    let actions: Vec<_> = actions.map(|action| action.as_str().unwrap()).collect();
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap();
    let kinds: BTreeSet<_> = resources.values().map(|each| each["Type"].as_str().unwrap()).collect();
    for kind in kinds {
        let prefix = format!("{}:", service(kind));
        let may = |verbs: &[&str]| {
            let of_service = actions.iter().filter_map(|action| action.strip_prefix(&prefix));
            of_service
                .into_iter()
                .any(|action| verbs.iter().any(|verb| action.starts_with(verb)))
        };
        assert!(may(&["Create", "Put", "Subscribe", "POST"]), "{kind}: create");
        assert!(may(&["Delete", "DELETE"]), "{kind}: delete");
    }
    // No statement allows a whole service.
    assert!(actions.iter().all(|action| !action.ends_with(":*")), "{actions:?}");
}
