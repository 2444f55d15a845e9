//! The settings of the table's stream for the counters. `webhooks.rs` has those of the second reader.

use std::collections::BTreeSet;

use yaml_serde::Value;

use super::{target, templates};

#[test]
fn tally_reads_the_whole_stream_but_only_records() {
    for template in templates() {
        let stream = &template.resource("Table")["Properties"]["StreamSpecification"];
        assert_eq!(stream["StreamViewType"], "NEW_AND_OLD_IMAGES");
        let function = &template.resource("TallyFunction")["Properties"];
        let trigger = &function["Events"]["Changes"];
        assert_eq!(trigger["Type"], "DynamoDB");
        let properties = &trigger["Properties"];
        assert_eq!(
            properties["StartingPosition"], "TRIM_HORIZON",
            "the first accepted email is counted"
        );
        let filters = properties["FilterCriteria"]["Filters"].as_sequence().unwrap();
        let patterns: Vec<Value> = filters
            .iter()
            .map(|filter| yaml_serde::from_str(filter["Pattern"].as_str().unwrap()).unwrap())
            .collect();
        let records: Value = yaml_serde::from_str(r#"{"dynamodb": {"Keys": {"sk": {"S": ["email"]}}}}"#).unwrap();
        assert_eq!(patterns, [records]);
    }
}

#[test]
fn uncounted_changes_are_retried_then_dead_lettered() {
    /// Lambda gives up at least 4 hours before the stream drops its records.
    const AGES: std::ops::RangeInclusive<u64> = 4 * 3600..=20 * 3600;
    for template in templates() {
        let properties = &template.resource("TallyFunction")["Properties"]["Events"]["Changes"]["Properties"];
        assert!(AGES.contains(&template.number(&properties["MaximumRecordAgeInSeconds"])));
        assert!(
            properties["MaximumRetryAttempts"].is_null(),
            "the age ends the retries, not their number"
        );
        assert_eq!(properties["BisectBatchOnFunctionError"], true);
        let aside = target(&properties["DestinationConfig"]["OnFailure"]["Destination"]);
        assert_eq!(template.resource(aside)["Type"], "AWS::SQS::Queue");
        let window = template.number(&properties["MaximumBatchingWindowInSeconds"]);
        assert!(
            (1..=60).contains(&window),
            "counts are at most a minute old, not {window} s"
        );
        // A marker is one item: eight bytes for each change.
        let size = template.number(&properties["BatchSize"]);
        assert!(usize::try_from(size).unwrap() <= domain::reporting::tally::portion::CHANGES_MAX);
    }
}

#[test]
fn tally_can_write_no_record_of_an_email() {
    for template in templates() {
        let policies = template.resource("TallyRole")["Properties"]["Policies"]
            .as_sequence()
            .unwrap();
        let statements = policies
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().unwrap());
        let mut bounded = 0;
        for statement in statements {
            let text = yaml_serde::to_string(&statement["Action"]).unwrap();
            if !["GetItem", "PutItem", "UpdateItem", "Query"]
                .iter()
                .any(|action| text.contains(action))
            {
                continue;
            }
            let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            let keys: BTreeSet<&str> = keys.as_sequence().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(keys, BTreeSet::from(["tally:*", "warm"]));
            bounded += 1;
        }
        assert_eq!(bounded, 1);
        assert!(
            domain::id::TenantId::parse("tally:").is_none(),
            "no tenant can have this name"
        );
    }
}
