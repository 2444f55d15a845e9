//! The optional parts of the template: each is off by default, and each has a line in docs/OPERATIONS.md.

use std::collections::BTreeSet;

use yaml_serde::Value;

use super::{read, target, template_with, templates};

fn names(value: &Value) -> BTreeSet<String> {
    let names = value.as_sequence().unwrap().iter();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_parameter_has_a_group_and_each_option_a_line() {
    let yaml: Value = yaml_serde::from_str(&read("template.yaml")).unwrap();
    let groups = &yaml["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let groups = groups.as_sequence().unwrap();
    let grouped: Vec<_> = groups.iter().flat_map(|group| names(&group["Parameters"])).collect();
    let parameters = yaml["Parameters"].as_mapping().unwrap();
    let parameters: BTreeSet<_> = parameters
        .keys()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(grouped.iter().cloned().collect::<BTreeSet<_>>(), parameters);
    assert_eq!(grouped.len(), parameters.len(), "a parameter is in two groups");
    let runbook = read("docs/OPERATIONS.md");
    for group in groups {
        let label = group["Label"]["default"].as_str().unwrap();
        if ["Room for others", "Storage", "Monitoring"].contains(&label) {
            for name in names(&group["Parameters"]) {
                assert!(runbook.contains(&format!("`{name}")), "docs/OPERATIONS.md: {name}");
            }
        }
    }
}

/// A missing reference would leave a function at the old table, or keep the stack from being created.
#[test]
fn an_adopted_table_and_bucket_replace_all_references() {
    let table = "arn:aws:dynamodb:us-east-1:111122223333:table/restored";
    let stream = format!("{table}/stream/2026-11-29T00:00:00.000");
    let secrets = "arn:aws:dynamodb:us-east-1:111122223333:table/secrets";
    let template = template_with(&[
        ("ExistingTableArn", table),
        ("ExistingTableStreamArn", &stream),
        ("ExistingSecretTableArn", secrets),
        ("ExistingBucketName", "kept"),
    ]);
    for gone in ["Table", "SecretTable", "Bucket"] {
        assert!(template.resource(gone).is_null(), "{gone}");
    }
    let text = yaml_serde::to_string(&template.yaml).unwrap();
    for reference in [
        "Table.Arn",
        "Table.StreamArn",
        "Bucket.Arn",
        "!Ref Table\n",
        "!Ref SecretTable\n",
        "!Ref Bucket\n",
    ] {
        let own = text.lines().filter(|line| format!("{line}\n").contains(reference));
        let own: Vec<_> = own.filter(|line| !line.contains("Existing")).collect();
        assert!(own.is_empty(), "{reference}: {own:?}");
    }
    let function = &template.resource("SendFunction")["Properties"]["Environment"]["Variables"];
    assert!(
        yaml_serde::to_string(&function["MAILQUEUE_TABLE"])
            .unwrap()
            .contains("ExistingTableArn")
    );
    let trigger = &template.resource("TallyFunction")["Properties"]["Events"]["Changes"]["Properties"];
    assert!(
        yaml_serde::to_string(&trigger["Stream"])
            .unwrap()
            .contains("ExistingTableStreamArn")
    );
}

/// Returns the routes that the stage limits.
fn limited(template: &super::Template) -> BTreeSet<&str> {
    let stage = &template.resource("HttpStage")["Properties"];
    assert!(stage["DefaultRouteSettings"].is_null());
    let limited = stage["RouteSettings"].as_mapping().into_iter().flatten();
    limited.map(|(route, _)| route.as_str().unwrap()).collect()
}

/// The routes of the console, which need no key.
const OF_THE_CONSOLE: [&str; 2] = ["ANY /console", "ANY /console/{proxy+}"];

/// Some SDKs take the gateway's 429 for success, and would lose the email.
#[test]
fn no_limit_applies_to_a_route_that_accepts_emails() {
    let by_default = templates().remove(0);
    assert_eq!(limited(&by_default), BTreeSet::from(OF_THE_CONSOLE));
    let template = template_with(&[("OtherRoutesRateLimit", "50")]);
    let limited = limited(&template);
    let routes = template.of_type("AWS::ApiGatewayV2::Route");
    let routes = routes.iter().map(|(_, route)| &route["Properties"]);
    let others = routes.filter(|route| {
        let to = yaml_serde::to_string(&route["Target"]).unwrap();
        !to.contains("EnqueueIntegration")
    });
    let others: BTreeSet<&str> = others.map(|route| route["RouteKey"].as_str().unwrap()).collect();
    assert_eq!(limited, others);
    // The stage can limit only routes that exist. The routes of the console are optional, so the stage refers to them.
    let stage = template.resource("HttpStage");
    let after = names(&stage["DependsOn"]);
    let referred = stage["Metadata"]["ConsoleRoutes"].as_sequence().unwrap();
    let referred: BTreeSet<&str> = referred.iter().map(target).collect();
    assert_eq!(referred, BTreeSet::from(["ConsoleRoute", "ConsoleRoutes"]));
    assert_eq!(after.len() + referred.len(), others.len());
}

/// The names of the routes of one-time codes begin so.
const CODES: &str = "ConsoleCode";

/// A reference to a missing resource, or a limit for a missing route, would fail the deployment.
#[test]
fn without_the_console_nothing_refers_to_it() {
    for others in ["0", "50"] {
        let template = template_with(&[("Console", "off"), ("OtherRoutesRateLimit", others)]);
        let resources = template.yaml["Resources"].as_mapping().unwrap();
        let left: Vec<_> = resources
            .keys()
            .filter(|name| name.as_str().unwrap().replace(CODES, "").contains("Console"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        let text = yaml_serde::to_string(&template.yaml["Resources"]).unwrap();
        // `access` keeps the routes of one-time codes.
        let text = text.replace(CODES, "").replace("/console-codes", "");
        assert!(!text.contains("Console") && !text.contains("/console"), "{others}");
        let limited = limited(&template);
        assert!(OF_THE_CONSOLE.iter().all(|route| !limited.contains(route)));
        assert_eq!(template.yaml["Outputs"]["ConsoleUrl"]["Condition"], "ServesConsole");
    }
}

#[test]
fn options_change_nothing_until_they_are_set() {
    let plain = templates().remove(0);
    let chosen = template_with(&[
        ("EnqueueReservedConcurrency", "50"),
        ("TableWarmWrites", "8000"),
        ("UploadOrigins", "https://app.example.com"),
        ("RolePath", "/mail/"),
        ("PermissionsBoundaryArn", "arn:aws:iam::111122223333:policy/limits"),
        ("WithTracing", "true"),
        ("DeletionProtection", "false"),
        ("WithDashboard", "true"),
        ("WithHttpLog", "true"),
    ]);
    for (logical_id, property) in [
        ("EnqueueFunction", "ReservedConcurrentExecutions"),
        ("Table", "WarmThroughput"),
        ("Bucket", "CorsConfiguration"),
        ("HttpStage", "AccessLogSettings"),
    ] {
        assert!(
            plain.resource(logical_id)["Properties"][property].is_null(),
            "{logical_id}"
        );
        assert!(
            !chosen.resource(logical_id)["Properties"][property].is_null(),
            "{logical_id}"
        );
    }
    for (name, role) in chosen.of_type("AWS::IAM::Role") {
        let (with, without) = (&role["Properties"], &plain.resource(name)["Properties"]);
        assert!(!with["Path"].is_null(), "{name}");
        for property in ["PermissionsBoundary", "ManagedPolicyArns"] {
            assert!(
                !with[property].is_null() && without[property].is_null(),
                "{name}: {property}"
            );
        }
    }
    for index in chosen.resource("Table")["Properties"]["GlobalSecondaryIndexes"]
        .as_sequence()
        .unwrap()
    {
        assert!(!index["WarmThroughput"].is_null(), "{index:?}");
    }
    for (template, mode) in [(&plain, "PassThrough"), (&chosen, "Active")] {
        assert_eq!(template.yaml["Globals"]["Function"]["Tracing"], mode);
    }
    assert_eq!(
        chosen.resource("Table")["Properties"]["DeletionProtectionEnabled"],
        false
    );
    for added in ["Dashboard", "HttpLogs"] {
        assert!(
            plain.resource(added).is_null() && !chosen.resource(added).is_null(),
            "{added}"
        );
    }
}

/// Lambda would drop the lines that the metric filters read.
#[test]
fn logs_keep_the_lines_of_the_metrics() {
    let template = templates().remove(0);
    let logging = &template.yaml["Globals"]["Function"]["LoggingConfig"];
    assert_eq!(logging["LogFormat"], "JSON");
    assert_eq!(logging["ApplicationLogLevel"], "INFO");
    assert_eq!(logging["SystemLogLevel"], "WARN");
}
