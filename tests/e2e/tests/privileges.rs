//! Least privilege: each function's role grants exactly the permissions that the function uses.
//!
//! Runs after all end-to-end tests, on the same stack (`local/test`). By then the fault proxy has recorded every call
//! of the functions, and the permissions that IAM requires for it (`local/fault_proxy/src/need.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use aws::runtime::settings::of_process;
use e2e::Senders;
use serde_json::Value as Json;
use yaml_serde::Value;

use crate::template::{Template, short_form, target, templates};

/// Permissions that Lambda itself uses for a function with such a trigger; no function calls them. Source: AWS Lambda
/// Developer Guide, "Using Lambda with Amazon SQS", "... DynamoDB", "Permissions for CloudWatch Logs".
const OF_A_QUEUE: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
const OF_A_STREAM: [&str; 4] = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
];
const OF_LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// A permission that changes only S3's answer: without it, a missing object is reported as forbidden. Source: Amazon
/// S3 API Reference, `GetObject`, "Permissions".
const TELLS_MISSING_FROM_FORBIDDEN: &str = "s3:ListBucket bucket";

/// A permission that SES may ask for in the call `SendEmail`, depending on the content. The fake SES does not.
const SENDS_RAW: &str = "ses:SendRawEmail ses";

/// The function that serves files to everybody.
const CALLS_NOTHING: &str = "console";

type Needs = BTreeSet<String>;

fn one_or_more(value: &Value) -> Vec<&Value> {
    value
        .as_sequence()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

fn texts(value: &Value) -> Vec<&str> {
    one_or_more(value).into_iter().filter_map(Value::as_str).collect()
}

/// Returns the name that an action's resource has in the record of the proxy. An action of a whole account has the name
/// of its service.
fn called(template: &Template, action: &str, resource: &Value) -> String {
    let Some((tag, argument)) = short_form(resource) else {
        assert_eq!(resource, "*", "a resource of an unknown form");
        let (service, _) = action.split_once(':').unwrap();
        assert!(["ses", "cloudwatch"].contains(&service), "{action} has resources");
        return service.to_owned();
    };
    match (tag.as_str(), argument) {
        ("!GetAtt", "Table.Arn") => "table".to_owned(),
        ("!GetAtt", "SecretTable.Arn") => "secrets".to_owned(),
        ("!GetAtt", "Table.StreamArn") | ("!Sub", "${Table.Arn}/stream/*") => "stream".to_owned(),
        ("!GetAtt", "Bucket.Arn") => "bucket".to_owned(),
        ("!Sub", "${Bucket.Arn}/*") => "objects".to_owned(),
        ("!Sub", of_table) if of_table.starts_with("${Table.Arn}/") => of_table.replace("${Table.Arn}/", ""),
        ("!Sub", of_ses) if of_ses.contains(":ses:") => "ses".to_owned(),
        ("!GetAtt", of_other) => {
            let (logical_id, _) = of_other.split_once('.').unwrap();
            let other = template.resource(logical_id);
            if other["Type"] == "AWS::Logs::LogGroup" {
                return "logs".to_owned();
            }
            assert_eq!(other["Type"], "AWS::SQS::Queue", "{logical_id}");
            of_kind(logical_id)
        }
        (tag, argument) => panic!("a resource of an unknown form: {tag} {argument}"),
    }
}

/// The common name of the three priority queues.
const LANE: &str = "lane";

/// Returns the name of a queue. The priority queues share one name: the email's priority selects the queue, not the
/// function.
fn of_kind(queue: &str) -> String {
    if queue.ends_with("Lane") { LANE } else { queue }.to_owned()
}

/// Returns the permissions that a role grants.
fn granted(template: &Template, role: &str) -> Needs {
    let policies = template.resource(role)["Properties"]["Policies"].as_sequence().unwrap();
    let statements = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().unwrap());
    let mut needs = Needs::new();
    for statement in statements.filter(|statement| statement["Effect"] == "Allow") {
        for action in texts(&statement["Action"]) {
            let resources = one_or_more(&statement["Resource"]).into_iter();
            let on: Vec<String> = resources.map(|resource| called(template, action, resource)).collect();
            let priority_queues = on.iter().filter(|on| *on == LANE).count();
            assert!(
                priority_queues == 0 || priority_queues == 3,
                "{role} may use {priority_queues} of the three priority queues: {:?}",
                statement["Sid"]
            );
            needs.extend(on.iter().map(|on| format!("{action} {on}")));
        }
    }
    needs
}

/// Returns the permissions that Lambda itself uses with the role of a function.
fn of_lambda(function: &Value) -> Needs {
    let mut needs: Needs = OF_LOGS.iter().map(|action| format!("{action} logs")).collect();
    let Some(events) = function["Properties"]["Events"].as_mapping() else {
        return needs;
    };
    for event in events.values() {
        let properties = &event["Properties"];
        if event["Type"] == "SQS" {
            let queue = of_kind(target(&properties["Queue"]));
            needs.extend(OF_A_QUEUE.iter().map(|action| format!("{action} {queue}")));
        }
        if event["Type"] == "DynamoDB" {
            needs.extend(OF_A_STREAM.iter().map(|action| format!("{action} stream")));
            let aside = target(&properties["DestinationConfig"]["OnFailure"]["Destination"]);
            needs.insert(format!("sqs:SendMessage {aside}"));
        }
    }
    needs
}

/// Replaces a queue's name by its logical id. The name consists of the stack's, that id, and a random part.
fn by_logical_id(stack: &str, need: &str) -> String {
    let (action, on) = need.split_once(' ').unwrap_or((need, ""));
    let name = on.strip_prefix(&format!("{stack}-"));
    let logical_id = name
        .and_then(|name| name.rsplit_once('-'))
        .map_or(on, |(logical_id, _)| logical_id);
    format!("{action} {}", of_kind(logical_id))
}

/// Returns the permissions that each function used.
async fn used(stack: &str, proxy: &str) -> BTreeMap<String, Needs> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("{proxy}/_fault_proxy/stats")).send().await;
    let stats: Json = answer.expect("the fault proxy answers").json().await.unwrap();
    let callers = stats["needs"].as_object().unwrap();
    let needs = |needs: &Json| {
        let needs = needs.as_object().unwrap().keys();
        needs.map(|need| by_logical_id(stack, need)).collect()
    };
    callers
        .iter()
        .map(|(caller, seen)| (caller.clone(), needs(seen)))
        .collect()
}

#[tokio::test]
async fn every_role_grants_exactly_the_used_permissions() {
    if !Senders::can_be_seen() {
        writeln!(std::io::stderr(), "SKIPPED: this system does not show its processes").expect("stderr takes a line");
        return;
    }
    let environment = of_process();
    let setting = |name: &str| match environment.get(name) {
        Some(value) => value.clone(),
        None => panic!("{name} is not set: run `make test`"),
    };
    let (stack, proxy) = (setting("MAILQUEUE_STACK"), setting("FAULT_PROXY_URL"));
    let template = templates().remove(0);
    let used = used(&stack, &proxy).await;
    let mut wrong = Vec::new();
    let mut by_anybody = Needs::new();
    for (_, function) in template.of_type("AWS::Serverless::Function") {
        let name = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
        let granted = granted(&template, target(&function["Properties"]["Role"]));
        by_anybody.extend(granted.iter().cloned());
        let mut seen = used.get(&format!("{stack}-{name}")).cloned().unwrap_or_default();
        assert_eq!(
            seen.is_empty(),
            name == CALLS_NOTHING,
            "the recorded calls of {name}: {seen:?}"
        );
        wrong.extend(
            seen.difference(&granted)
                .map(|need| format!("{name} uses a permission that its role does not grant: {need}")),
        );
        if seen.contains("s3:GetObject objects") {
            seen.insert(TELLS_MISSING_FROM_FORBIDDEN.to_owned());
        }
        if seen.contains("ses:SendEmail ses") {
            seen.insert(SENDS_RAW.to_owned());
        }
        seen.extend(of_lambda(function));
        wrong.extend(
            granted
                .difference(&seen)
                .map(|need| format!("{name} has a permission that it does not use: {need}")),
        );
        let missing = of_lambda(function);
        wrong.extend(
            missing
                .difference(&granted)
                .map(|need| format!("{name} cannot be triggered without {need}")),
        );
    }
    // Calls of a process that ended before it was identified.
    let unknown = used.get("unknown").cloned().unwrap_or_default();
    wrong.extend(
        unknown
            .difference(&by_anybody)
            .map(|need| format!("an unknown caller uses a permission that no role grants: {need}")),
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Five functions call SES. `send` sends from the identity of `FromDomain`, with the stack's two configuration sets.
/// `promote` and `reports` read the account's rate, and `suppressions` manages the account's own suppression list.
/// `domains` manages identities, which `promote` reads.
#[test]
fn each_role_has_only_its_own_ses_actions() {
    let template = templates().remove(0);
    for (name, _) in template.of_type("AWS::IAM::Role") {
        let granted = granted(&template, name);
        let of_ses: Vec<_> = granted
            .iter()
            .filter(|need| need.starts_with("ses:"))
            .map(String::as_str)
            .collect();
        let expected: &[&str] = match name {
            "SendRole" => &["ses:SendEmail ses", SENDS_RAW],
            "PromoteRole" => &["ses:GetAccount ses", "ses:GetEmailIdentity ses"],
            "ReportsRole" => &["ses:GetAccount ses"],
            "DomainsRole" => &[
                "ses:CreateEmailIdentity ses",
                "ses:DeleteEmailIdentity ses",
                "ses:GetEmailIdentity ses",
                "ses:PutEmailIdentityMailFromAttributes ses",
                "ses:TagResource ses",
                "ses:UntagResource ses",
            ],
            "SuppressionsRole" => &[
                "ses:DeleteSuppressedDestination ses",
                "ses:GetSuppressedDestination ses",
            ],
            _ => &[],
        };
        assert_eq!(of_ses, expected, "{name}");
    }
    let policies = &template.resource("SendRole")["Properties"]["Policies"];
    let policies = yaml_serde::to_string(policies).unwrap();
    for named in [
        "identity/${FromDomain}",
        "configuration-set/${ConfigurationSet}",
        "configuration-set/${TrackedConfigurationSet}",
    ] {
        assert!(policies.contains(named), "the role is not restricted to {named}");
    }
}
