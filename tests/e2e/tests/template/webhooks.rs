//! Webhooks: the filter of the stream, the roles around secrets and payloads, and the switch for private targets.

use std::collections::BTreeSet;

use domain::delivery::record::RecordStatus;
use domain::webhook::permits;
use yaml_serde::Value;

use super::rules::statements;
use super::{short_form, target, template_with, templates};

/// The patterns of `notify`, in the words of the table's items: emails with a hook, facts of SES, suppressions and
/// recoveries, domains, deleted domains.
const PATTERNS: [&str; 5] = [
    r#"{"dynamodb": {"Keys": {"sk": {"S": ["email"]}}, "NewImage": {"hk": {"B": [{"exists": true}]},
        "s": {"S": ["queued", "sent", "failed", "unknown", "canceled", "expired"]}}}}"#,
    r##"{"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "fact#"}]}}}}"##,
    r##"{"dynamodb": {"Keys": {"sk": {"S": ["suppression", {"prefix": "hookjob#"}]}},
        "NewImage": {"hk": {"BOOL": [true]}}}}"##,
    r#"{"dynamodb": {"Keys": {"pk": {"S": ["domains"]}}, "NewImage": {"hk": {"BOOL": [true]}}}}"#,
    r#"{"eventName": ["REMOVE"], "dynamodb": {"Keys": {"pk": {"S": ["domains"]}},
        "OldImage": {"hk": {"BOOL": [true]}}}}"#,
];

/// Lambda's default quota of patterns for a mapping. Source: AWS Lambda Developer Guide, "Control which events Lambda
/// sends to your function", read 2026-11-29.
const PATTERNS_MAX: usize = 5;

#[test]
fn notify_reads_only_what_a_webhook_can_tell() {
    for template in templates() {
        let properties = &template.resource("NotifyFunction")["Properties"]["Events"]["Changes"]["Properties"];
        let filters = properties["FilterCriteria"]["Filters"].as_sequence().unwrap();
        let patterns: Vec<Value> = filters
            .iter()
            .map(|filter| yaml_serde::from_str(filter["Pattern"].as_str().unwrap()).unwrap())
            .collect();
        let expected: Vec<Value> = PATTERNS
            .iter()
            .map(|pattern| yaml_serde::from_str(pattern).unwrap())
            .collect();
        assert_eq!(patterns, expected);
        assert!(patterns.len() <= PATTERNS_MAX);
        assert_eq!(properties["StartingPosition"], "TRIM_HORIZON");
    }
}

/// A status in the filter is one that tells an event; the others are only steps to it.
#[test]
fn the_filter_names_known_statuses() {
    let pattern: Value = yaml_serde::from_str(PATTERNS[0]).unwrap();
    let statuses = pattern["dynamodb"]["NewImage"]["s"]["S"].as_sequence().unwrap();
    let statuses: BTreeSet<String> = statuses
        .iter()
        .map(|status| status.as_str().unwrap().to_owned())
        .collect();
    let name = |status| serde_json::to_value(status).unwrap().as_str().unwrap().to_owned();
    let all: BTreeSet<String> = RecordStatus::ALL.iter().map(name).collect();
    assert!(statuses.is_subset(&all), "{statuses:?}");
    let left_out: Vec<_> = all.difference(&statuses).collect();
    assert_eq!(left_out, ["failing", "sending", "uncertain"]);
}

#[test]
fn untold_changes_are_retried_then_put_aside() {
    /// Lambda gives up at least 4 hours before the stream drops its records.
    const AGES: std::ops::RangeInclusive<u64> = 4 * 3600..=20 * 3600;
    for template in templates() {
        let properties = &template.resource("NotifyFunction")["Properties"]["Events"]["Changes"]["Properties"];
        assert!(AGES.contains(&template.number(&properties["MaximumRecordAgeInSeconds"])));
        assert!(properties["MaximumRetryAttempts"].is_null(), "the age ends the retries");
        assert_eq!(properties["BisectBatchOnFunctionError"], true);
        assert_eq!(properties["FunctionResponseTypes"][0], "ReportBatchItemFailures");
        let aside = target(&properties["DestinationConfig"]["OnFailure"]["Destination"]);
        assert_eq!(aside, "HookLeftoverQueue");
        // Parallel batches of one shard would tell the events of an email out of order for no gain.
        assert!(properties["ParallelizationFactor"].is_null());
    }
}

/// Returns the statements of a role about the table.
fn of_table(role: &Value) -> Vec<&Value> {
    let policies = role["Properties"]["Policies"].as_sequence().unwrap();
    policies
        .iter()
        .flat_map(|policy| statements(&policy["PolicyDocument"]))
        .filter(|statement| short_form(&statement["Resource"]).is_some_and(|(_, of)| of == "Table.Arn"))
        .collect()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    match value.as_sequence() {
        Some(values) => values.iter().filter_map(Value::as_str).collect(),
        None => value.as_str().into_iter().collect(),
    }
}

/// Returns the actions that a role has on a partition: the allowed ones without the denied ones.
fn actions_on<'a>(role: &'a Value, partition: &str) -> BTreeSet<&'a str> {
    let covers = |statement: &Value, operators: [&str; 2]| {
        let keys = operators
            .iter()
            .map(|operator| &statement["Condition"][*operator]["dynamodb:LeadingKeys"])
            .find(|keys| !keys.is_null());
        keys.is_none_or(|keys| texts(keys).iter().any(|pattern| is_like(pattern, partition)))
    };
    let (mut allowed, mut denied) = (BTreeSet::new(), BTreeSet::new());
    for statement in of_table(role) {
        let (actions, all) = (texts(&statement["Action"]), "ForAllValues:StringLike");
        if statement["Effect"] == "Allow" {
            if covers(statement, [all, "ForAllValues:StringEquals"]) {
                allowed.extend(actions);
            }
        } else if statement["Condition"]["ForAnyValue:StringNotEquals"].is_null()
            && covers(statement, ["ForAnyValue:StringLike", "ForAnyValue:StringEquals"])
        {
            denied.extend(actions);
        }
    }
    allowed.difference(&denied).copied().collect()
}

/// IAM's `StringLike`: `*` for any characters, `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| is_like(rest, tail)))
        }
        Some(wanted) => text.chars().next().is_some_and(|c| {
            (wanted == '?' || wanted == c) && is_like(&pattern[wanted.len_utf8()..], &text[c.len_utf8()..])
        }),
    }
}

const ID: &str = "3f1c4e2a-8b5d-4c6e-9f70-1a2b3c4d5e6f";

/// Returns the actions that a role has on the table of secrets. A resource `*` covers it too.
fn actions_on_secrets(role: &Value) -> BTreeSet<&str> {
    let policies = role["Properties"]["Policies"].as_sequence().unwrap();
    let all = policies.iter().flat_map(|policy| statements(&policy["PolicyDocument"]));
    let allowed = all.filter(|statement| statement["Effect"] == "Allow");
    let covers = |resource: &Value| resource == "*" || yaml_serde::to_string(resource).unwrap().contains("SecretTable");
    let covering = allowed.filter(|statement| match statement["Resource"].as_sequence() {
        Some(resources) => resources.iter().any(covers),
        None => covers(&statement["Resource"]),
    });
    let actions = covering.flat_map(|statement| texts(&statement["Action"]));
    actions
        .filter(|action| action.starts_with("dynamodb:") || *action == "*")
        .collect()
}

/// A role that writes codes of the console could make itself a key.
#[test]
fn only_access_reaches_codes_of_the_console() {
    let hash = "5a".repeat(32);
    for template in templates() {
        for (name, role) in template.of_type("AWS::IAM::Role") {
            let codes = actions_on(role, &format!("code:{hash}"));
            assert_eq!(codes.is_empty(), name != "AccessRole", "{name}: {codes:?}");
            let previews = actions_on(role, &format!("preview:{hash}"));
            assert_eq!(previews.is_empty(), name != "ManageRole", "{name}: {previews:?}");
        }
    }
}

/// The table of secrets has no stream: a stream would show them to its readers. It has no resource policy either.
#[test]
fn only_two_functions_reach_a_signing_secret() {
    let adopted = "arn:aws:dynamodb:us-east-1:111122223333:table/secrets";
    let adopting = template_with(&[("ExistingSecretTableArn", adopted)]);
    for template in templates().into_iter().chain([adopting]) {
        for (name, role) in template.of_type("AWS::IAM::Role") {
            let expected: &[&str] = match name {
                "DeliverRole" => &["dynamodb:GetItem"],
                "WebhooksRole" => &["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"],
                _ => &[],
            };
            let actions = actions_on_secrets(role);
            assert_eq!(actions.into_iter().collect::<Vec<_>>(), expected, "{name}");
            let managed = &role["Properties"]["ManagedPolicyArns"];
            assert!(managed.is_null(), "{name} has rights that are not in the template");
        }
        for (name, function) in template.of_type("AWS::Serverless::Function") {
            let table = &function["Properties"]["Environment"]["Variables"]["MAILQUEUE_SECRET_TABLE"];
            let expected = ["DeliverFunction", "WebhooksFunction"].contains(&name);
            assert_eq!(!table.is_null(), expected, "{name}");
        }
        if let Some((_, table)) = template
            .of_type("AWS::DynamoDB::Table")
            .into_iter()
            .find(|(name, _)| *name == "SecretTable")
        {
            for way in [
                "StreamSpecification",
                "ResourcePolicy",
                "KinesisStreamSpecification",
                "ImportSourceSpecification",
            ] {
                assert!(table["Properties"][way].is_null(), "{way} shows secrets to others");
            }
        }
    }
}

/// Stored events have the content of emails.
#[test]
fn functions_without_content_reach_no_payload() {
    for template in templates() {
        for name in [
            "AccessRole",
            "SuppressionsRole",
            "DomainsRole",
            "ReportsRole",
            "TallyRole",
            "ConsoleRole",
        ] {
            let actions = actions_on(template.resource(name), &format!("event:main#{ID}"));
            assert!(actions.is_empty(), "{name}: {actions:?}");
        }
        let deliver = template.resource("DeliverRole");
        let on = |partition: &str| actions_on(deliver, partition).into_iter().collect::<Vec<_>>();
        let read = ["dynamodb:BatchGetItem", "dynamodb:GetItem"];
        assert_eq!(on(&format!("event:main#{ID}")), read, "deliver changes no payload");
        assert!(on(&format!("main#{ID}")).is_empty(), "deliver reads an email");
        assert!(on("key:abc").is_empty() && on("main#tenant").is_empty());
        let webhooks = template.resource("WebhooksRole");
        assert!(
            actions_on(webhooks, &format!("main#{ID}")).is_empty(),
            "webhooks reads an email"
        );
        let feedback = template.resource("FeedbackRole");
        let written = actions_on(feedback, &format!("event:main#{ID}"));
        assert!(!written.contains("dynamodb:PutItem"), "{written:?}");
    }
}

#[test]
fn only_deliver_calls_endpoints_and_only_public_ones() {
    for template in templates() {
        for (name, function) in template.of_type("AWS::Serverless::Function") {
            let targets = &function["Properties"]["Environment"]["Variables"]["MAILQUEUE_WEBHOOK_TARGETS"];
            let reads = ["DeliverFunction", "WebhooksFunction"].contains(&name);
            assert_eq!(!targets.is_null(), reads, "{name}");
        }
        // Only `local/stack.py` allows others.
        assert_eq!(template.parameters["WebhookTargets"], "public");
    }
}

#[test]
fn a_key_of_secrets_is_used_by_two_roles() {
    let key = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-0000-0000-0000-000000000000";
    let template = template_with(&[("WebhookKeyArn", key)]);
    for (name, role) in template.of_type("AWS::IAM::Role") {
        let text = yaml_serde::to_string(&role["Properties"]["Policies"]).unwrap();
        let actions: BTreeSet<&str> = ["kms:Encrypt", "kms:Decrypt"]
            .into_iter()
            .filter(|action| text.contains(action))
            .collect();
        let expected: &[&str] = match name {
            "DeliverRole" => &["kms:Decrypt"],
            "WebhooksRole" => &["kms:Decrypt", "kms:Encrypt"],
            _ => &[],
        };
        assert_eq!(actions.into_iter().collect::<Vec<_>>(), expected, "{name}");
    }
    for (name, role) in templates().remove(0).of_type("AWS::IAM::Role") {
        let text = yaml_serde::to_string(&role["Properties"]["Policies"]).unwrap();
        assert!(!text.contains("kms:"), "{name} without a key");
    }
}

/// Returns the actions that a role has on the key of a parameter.
fn actions_on_key<'a>(role: &'a Value, parameter: &str) -> BTreeSet<&'a str> {
    let policies = role["Properties"]["Policies"].as_sequence().unwrap();
    policies
        .iter()
        .flat_map(|policy| statements(&policy["PolicyDocument"]))
        .filter(|statement| short_form(&statement["Resource"]).is_some_and(|(_, of)| of == parameter))
        .flat_map(|statement| texts(&statement["Action"]))
        .collect()
}

/// From one key to another, and from a key to none.
#[test]
fn secrets_under_the_previous_key_stay_readable() {
    let arn = |key| format!("arn:aws:kms:us-east-1:111122223333:key/{key}-0000-0000-0000-000000000000");
    let (earlier, current) = (arn("0a1b2c3d"), arn("4e5f6a7b"));
    for current in [current.as_str(), ""] {
        let template = template_with(&[("WebhookKeyArn", current), ("PreviousWebhookKeyArn", &earlier)]);
        for (name, role) in template.of_type("AWS::IAM::Role") {
            let on = |parameter| actions_on_key(role, parameter).into_iter().collect::<Vec<_>>();
            let (now, before): (&[&str], &[&str]) = match name {
                "DeliverRole" => (&["kms:Decrypt"], &["kms:Decrypt"]),
                "WebhooksRole" => (&["kms:Decrypt", "kms:Encrypt"], &["kms:Decrypt"]),
                _ => (&[], &[]),
            };
            assert_eq!(on("PreviousWebhookKeyArn"), before, "{name}");
            let now = if current.is_empty() { Vec::new() } else { now.to_vec() };
            assert_eq!(on("WebhookKeyArn"), now, "{name}");
        }
    }
}

/// A killed execution keeps its permits for the time of the lease.
#[test]
fn a_permit_outlasts_an_execution() {
    for template in templates() {
        assert!(permits::LEASE.as_secs() >= template.timeout("DeliverFunction"));
        let redrive = &template.resource("HookQueue")["Properties"]["RedrivePolicy"];
        assert_eq!(target(&redrive["deadLetterTargetArn"]), "HookLeftoverQueue");
        // Only a message that always fails goes there: a failed one comes again after the visibility timeout.
        let timeout = template.number(&template.resource("HookQueue")["Properties"]["VisibilityTimeout"]);
        let receives = template.number(&redrive["maxReceiveCount"]);
        assert!(receives * timeout >= 24 * 3_600, "an outage of a day");
    }
}
