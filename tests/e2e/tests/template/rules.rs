//! The needs of every resource: a dead-letter queue, its own role, encryption, a long life.

use std::collections::{BTreeMap, BTreeSet};

use yaml_serde::Value;

use super::{short_form, target, templates};

/// Returns the statements of a policy document.
pub(super) fn statements(document: &Value) -> &[Value] {
    document["Statement"].as_sequence().unwrap()
}

/// Partitions of the index `by_tenant`: `tenants`, `<tenant>#keys`, `<tenant>#domains`,
/// `<tenant>#suppressed#<origin>`, `<tenant>#NN` for emails, and `hook:<tenant>#<webhook>#N` for events. A query of an index has the partition of the index as its leading key.
#[test]
fn each_role_reads_its_own_part_of_the_index() {
    for template in templates() {
        let mut bounds = BTreeMap::new();
        for (name, role) in template.of_type("AWS::IAM::Role") {
            let policies = role["Properties"]["Policies"].as_sequence().unwrap();
            let all = policies.iter().flat_map(|policy| statements(&policy["PolicyDocument"]));
            for statement in all {
                let resource = yaml_serde::to_string(&statement["Resource"]).unwrap();
                if !resource.contains("index/by_tenant") {
                    continue;
                }
                assert_eq!(statement["Action"], "dynamodb:Query", "{name}");
                let condition = yaml_serde::to_string(&statement["Condition"]).unwrap();
                bounds.insert(name, condition);
            }
        }
        let list = |operator: &str, keys: &str| {
            let condition: Value = yaml_serde::from_str(&format!(
                r#"{{"ForAllValues:{operator}": {{"dynamodb:LeadingKeys": [{keys}]}}}}"#
            ))
            .unwrap();
            yaml_serde::to_string(&condition).unwrap()
        };
        let expected = BTreeMap::from([
            ("AccessRole", list("StringLike", r##"tenants, "*#keys", "*#??""##)),
            ("DomainsRole", list("StringLike", r##""*#domains""##)),
            ("ManageRole", list("StringLike", r##""*#??""##)),
            ("NotifyRole", list("StringLike", r##""*#??", "hook:*""##)),
            ("ReportsRole", list("StringEquals", "tenants")),
            ("SuppressionsRole", list("StringLike", r##""*#suppressed#*""##)),
            ("WebhooksRole", list("StringLike", r#""hook:*""#)),
        ]);
        assert_eq!(bounds, expected);
    }
}

/// `access` creates keys and tenants and does nothing else. `enqueue`, `manage`, `suppressions`, `domains`, `webhooks`
/// and `reports` read them and record their use; no other function reads them.
#[test]
fn only_access_changes_keys_and_tenants() {
    for template in templates() {
        for (name, role) in template.of_type("AWS::IAM::Role") {
            let policies = role["Properties"]["Policies"].as_sequence().unwrap();
            let statements: Vec<&Value> = policies
                .iter()
                .flat_map(|policy| statements(&policy["PolicyDocument"]))
                .filter(|statement| short_form(&statement["Resource"]).is_some_and(|(_, of)| of == "Table.Arn"))
                .collect();
            let sid = |wanted: &str| statements.iter().find(|statement| statement["Sid"] == wanted);
            // The whole statement is compared, because the emulator does not evaluate it.
            let is = |wanted: &str, effect: &str, action: &[&str], condition: &str| {
                let statement = sid(wanted).unwrap_or_else(|| panic!("{name} has no {wanted}"));
                assert_eq!(statement["Effect"], effect, "{name}: {wanted}");
                let actions = statement["Action"].as_sequence().map_or_else(
                    || vec![statement["Action"].as_str().unwrap()],
                    |actions| actions.iter().filter_map(Value::as_str).collect(),
                );
                let expected: Vec<_> = action.iter().map(|action| format!("dynamodb:{action}")).collect();
                assert_eq!(actions, expected, "{name}: {wanted}");
                let expected: Value = yaml_serde::from_str(condition).unwrap();
                assert_eq!(statement["Condition"], expected, "{name}: {wanted}");
            };
            const UPDATE: &[&str] = &["UpdateItem"];
            const FLAG: &str = r##"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#hooks"]}}"##;
            const USE_OF_A_KEY: &str = r#"{
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key:*"]},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": [pk, sk, last_used_at]},
            }"#;
            let deny = match name {
                // It may read and write only its counters.
                "TallyRole" => {
                    let own = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["tally:*", warm]}}"#;
                    is(
                        "Counters",
                        "Allow",
                        &["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem"],
                        own,
                    );
                    continue;
                }
                // Everybody may call its function.
                "ConsoleRole" => {
                    assert!(statements.is_empty(), "the role reaches the table");
                    continue;
                }
                // Closed lists of partitions: `roles_of_webhooks` compares them.
                "DeliverRole" | "WebhooksRole" => continue,
                "AccessRole" => {
                    assert_eq!(statements.len(), 3, "the role has other permissions for the table");
                    let own = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key:*", "code:*", "*#tenant", "*#queues", "account#pace", warm]}}"#;
                    is(
                        "KeysAndTenants",
                        "Allow",
                        &["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query"],
                        own,
                    );
                    // A record without its history, and no content: `shared/aws/src/storage/records/bare.rs` compares the
                    // list.
                    let condition = &sid("UnfinishedEmails").unwrap()["Condition"];
                    let attributes = &condition["ForAllValues:StringEquals"]["dynamodb:Attributes"];
                    let attributes: Vec<_> = attributes
                        .as_sequence()
                        .unwrap()
                        .iter()
                        .filter_map(Value::as_str)
                        .collect();
                    for content in ["z", "t", "f", "oc", "dg", "ev"] {
                        assert!(!attributes.contains(&content), "access reads {content}");
                    }
                    let expected = format!(
                        r#"{{
                        "ForAllValues:StringLike": {{"dynamodb:LeadingKeys": ["*#????????-????-????-????-????????????"]}},
                        "ForAllValues:StringEquals": {{"dynamodb:Attributes": [{}]}},
                        StringEqualsIfExists: {{"dynamodb:Select": SPECIFIC_ATTRIBUTES}},
                    }}"#,
                        attributes.join(", ")
                    );
                    is("UnfinishedEmails", "Allow", &["BatchGetItem"], &expected);
                    continue;
                }
                "SuppressionsRole" => {
                    assert_eq!(statements.len(), 4, "the role has other permissions for the table");
                    is("WebhookFlag", "Allow", &["GetItem"], FLAG);
                    let own = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#suppressed", "*#suppressed#*", "account#pace", warm]}}"#;
                    is(
                        "Suppressions",
                        "Allow",
                        &["GetItem", "BatchGetItem", "UpdateItem", "DeleteItem"],
                        own,
                    );
                    let read = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key:*", "*#tenant"]}}"#;
                    is("ReadKeysAndTenants", "Allow", &["GetItem"], read);
                    is("KeyUse", "Allow", UPDATE, USE_OF_A_KEY);
                    continue;
                }
                "DomainsRole" => {
                    assert_eq!(statements.len(), 6, "the role has other permissions for the table");
                    is("WebhookFlag", "Allow", &["GetItem"], FLAG);
                    let own = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [domains, warm]}}"#;
                    let actions = &[
                        "GetItem",
                        "BatchGetItem",
                        "Query",
                        "PutItem",
                        "UpdateItem",
                        "DeleteItem",
                    ];
                    is("Domains", "Allow", actions, own);
                    let queues = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#queues"]}}"#;
                    is("Queues", "Allow", &["GetItem", "PutItem"], queues);
                    let senders = r#"{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["account#pace"]}}"#;
                    is("NotifySenders", "Allow", UPDATE, senders);
                    let read = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key:*", "*#tenant"]}}"#;
                    is("ReadKeysAndTenants", "Allow", &["GetItem"], read);
                    is("KeyUse", "Allow", UPDATE, USE_OF_A_KEY);
                    continue;
                }
                "ReportsRole" => {
                    assert_eq!(statements.len(), 4, "the role has other permissions for the table");
                    let counters = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["tally:*", "*#queues"]}}"#;
                    is("CountersAndQueues", "Allow", &["BatchGetItem", "Query"], counters);
                    let read = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key:*", "*#tenant", warm]}}"#;
                    is("ReadKeysAndTenants", "Allow", &["GetItem", "BatchGetItem"], read);
                    let account = r#"{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["account#pace", "feedback#newest", "promote#cursors"]}}"#;
                    is("Account", "Allow", &["GetItem"], account);
                    is("KeyUse", "Allow", UPDATE, USE_OF_A_KEY);
                    continue;
                }
                "ManageRole" => {
                    let anything_else = r#"{
                        "ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["key:*", "*#tenant"]},
                        "ForAnyValue:StringNotEquals": {"dynamodb:Attributes": [pk, sk, last_used_at]},
                    }"#;
                    is("NothingButKeyUse", "Deny", UPDATE, anything_else);
                    sid("NoKeyOrTenantIsMadeHere")
                }
                "EnqueueRole" => {
                    is("KeyUse", "Allow", UPDATE, USE_OF_A_KEY);
                    let drawn = r#"{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#allowance", "*#idem-*", "*#queues"]}}"#;
                    is("Limits", "Allow", UPDATE, drawn);
                    sid("NoKeyOrTenantIsMadeHere")
                }
                _ => sid("NoKeyAndNoTenant"),
            };
            let deny = deny.unwrap_or_else(|| panic!("{name} may change keys"));
            assert_eq!(deny["Effect"], "Deny");
            let keys = &deny["Condition"]["ForAnyValue:StringLike"]["dynamodb:LeadingKeys"];
            let keys: Vec<_> = keys.as_sequence().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(keys, ["key:*", "*#tenant"], "{name}");
            let actions = |statement: &Value| yaml_serde::to_string(&statement["Action"]).unwrap();
            let expected = if deny["Sid"] == "NoKeyOrTenantIsMadeHere" {
                "- dynamodb:PutItem\n- dynamodb:DeleteItem\n".to_owned()
            } else {
                actions(sid("Rows").unwrap())
            };
            assert_eq!(actions(deny), expected, "{name} may do something with keys");
        }
    }
}

#[test]
fn every_trigger_has_a_dead_letter_queue() {
    for template in templates() {
        for (_, queue, _) in template.triggers() {
            let redrive = &template.resource(queue)["Properties"]["RedrivePolicy"];
            if queue == "DeadLetterQueue" {
                assert!(redrive.is_null(), "the dead-letter queue has no dead-letter queue");
            } else {
                let aside = target(&redrive["deadLetterTargetArn"]);
                assert_eq!(template.resource(aside)["Type"], "AWS::SQS::Queue", "{queue}");
            }
        }
    }
}

/// Actions that have no resource. Source: Service Authorization Reference, "Actions, resources, and condition keys
/// for Amazon Simple Email Service v2" and "... for Amazon CloudWatch", read 2026-11-29.
const OF_THE_ACCOUNT: [&[&str]; 3] = [
    &["ses:GetAccount"],
    &["cloudwatch:GetMetricData"],
    &["ses:GetSuppressedDestination", "ses:DeleteSuppressedDestination"],
];

#[test]
fn every_function_has_its_own_role_and_log() {
    for template in templates() {
        let functions = template.of_type("AWS::Serverless::Function");
        for property in ["Role", "LoggingConfig"] {
            let own: BTreeSet<&str> = functions
                .iter()
                .map(|(_, function)| match property {
                    "Role" => target(&function["Properties"]["Role"]),
                    _ => target(&function["Properties"]["LoggingConfig"]["LogGroup"]),
                })
                .collect();
            assert_eq!(own.len(), functions.len(), "{property} is shared");
        }
        for (name, role) in template.of_type("AWS::IAM::Role") {
            for policy in role["Properties"]["Policies"].as_sequence().unwrap() {
                for statement in statements(&policy["PolicyDocument"]) {
                    let shown = yaml_serde::to_string(statement).unwrap();
                    if statement["Effect"] == "Deny" {
                        // A denial restricts a part of another statement's grant.
                        assert!(
                            statement["Condition"].is_mapping(),
                            "{name} has a denial without a condition: {shown}"
                        );
                        continue;
                    }
                    assert_eq!(statement["Effect"], "Allow");
                    let actions = statement["Action"].as_sequence().cloned();
                    let actions = actions.unwrap_or_else(|| vec![statement["Action"].clone()]);
                    let actions: Vec<_> = actions.iter().map(|action| action.as_str().unwrap()).collect();
                    assert!(
                        !actions.iter().any(|action| action.contains('*')),
                        "{name} may use every action: {shown}"
                    );
                    assert!(
                        statement["Resource"] != "*" || OF_THE_ACCOUNT.contains(&actions.as_slice()),
                        "{name} may use every resource: {shown}"
                    );
                }
            }
        }
    }
}

#[test]
fn stored_data_is_encrypted_and_outlives_the_stack() {
    for template in templates() {
        for (name, queue) in template.of_type("AWS::SQS::Queue") {
            assert_eq!(queue["Properties"]["SqsManagedSseEnabled"], true, "{name}");
        }
        for kind in ["AWS::DynamoDB::Table", "AWS::S3::Bucket"] {
            for (name, resource) in template.of_type(kind) {
                // A failed creation leaves nothing behind.
                assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{name}");
                assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
            }
        }
        for (name, table) in template.of_type("AWS::DynamoDB::Table") {
            let table = &table["Properties"];
            assert_eq!(table["DeletionProtectionEnabled"], true, "{name}");
            assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{name}");
            let recovery = &table["PointInTimeRecoverySpecification"];
            assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{name}");
            assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "ttl", "{name}");
        }
        let bucket = &template.resource("Bucket")["Properties"];
        assert!(bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"].is_sequence());
        let closed = bucket["PublicAccessBlockConfiguration"].as_mapping().unwrap();
        assert!(
            closed.len() == 4 && closed.values().all(|value| *value == true),
            "{closed:?}"
        );
        for (name, log) in template.of_type("AWS::Logs::LogGroup") {
            assert!(template.number(&log["Properties"]["RetentionInDays"]) > 0, "{name}");
        }
    }
}

#[test]
fn the_queues_and_the_bucket_refuse_plain_http() {
    let denies_plain = |document: &Value| {
        statements(document).iter().any(|statement| {
            statement["Effect"] == "Deny"
                && statement["Principal"] == "*"
                && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
        })
    };
    for template in templates() {
        let policies = template.of_type("AWS::SQS::QueuePolicy");
        let covered: BTreeSet<&str> = policies
            .iter()
            .filter(|(_, policy)| denies_plain(&policy["Properties"]["PolicyDocument"]))
            .flat_map(|(_, policy)| policy["Properties"]["Queues"].as_sequence().unwrap().iter().map(target))
            .collect();
        let queues: BTreeSet<&str> = template
            .of_type("AWS::SQS::Queue")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(covered, queues);
        let bucket = &template.resource("BucketTlsOnly")["Properties"];
        assert_eq!(target(&bucket["Bucket"]), "Bucket");
        assert!(denies_plain(&bucket["PolicyDocument"]));
    }
}
