//! `template.yaml`, as it is deployed. Needs no stack.
//!
//! The rules of the template are checked with the defaults, which are those of production, and with every profile of
//! `local/timings.json`.

mod numbers;
mod rules;
mod settings;
mod stream;

use std::collections::BTreeMap;
use std::fs;

use e2e::root;
use yaml_serde::Value;

/// The template with one set of parameters.
pub(crate) struct Template {
    profile: String,
    yaml: Value,
    parameters: BTreeMap<String, Value>,
}

/// Returns the template with its defaults, and with each profile of the local stack.
pub(crate) fn templates() -> Vec<Template> {
    let yaml: Value = yaml_serde::from_str(&read("template.yaml")).unwrap();
    let defaults = yaml["Parameters"].as_mapping().unwrap().iter();
    let defaults: BTreeMap<String, Value> = defaults
        .map(|(name, parameter)| (name.as_str().unwrap().to_owned(), parameter["Default"].clone()))
        .collect();
    let profiles: BTreeMap<String, BTreeMap<String, Value>> =
        yaml_serde::from_str(&read("local/timings.json")).unwrap();
    assert!(!profiles.is_empty());
    let with = |(profile, values): (String, BTreeMap<String, Value>)| {
        let mut parameters = defaults.clone();
        for (name, value) in values {
            assert!(
                parameters.insert(name.clone(), value).is_some(),
                "profile {profile}: there is no parameter {name}"
            );
        }
        Template {
            profile,
            yaml: yaml.clone(),
            parameters,
        }
    };
    std::iter::once(("the defaults".to_owned(), BTreeMap::new()))
        .chain(profiles)
        .map(with)
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Splits a short form such as `!Ref X` into its name and its argument.
pub(crate) fn short_form(value: &Value) -> Option<(String, &str)> {
    let Value::Tagged(tagged) = value else { return None };
    Some((tagged.tag.to_string(), tagged.value.as_str()?))
}

/// Returns the logical id that a `!Ref` or `!GetAtt` refers to.
pub(crate) fn target(value: &Value) -> &str {
    let (_, argument) = short_form(value).unwrap_or_else(|| panic!("no reference: {value:?}"));
    argument.split('.').next().unwrap()
}

impl Template {
    pub(crate) fn resource(&self, logical_id: &str) -> &Value {
        &self.yaml["Resources"][logical_id]
    }

    pub(crate) fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.yaml["Resources"].as_mapping().unwrap().iter();
        let named = resources.map(|(name, resource)| (name.as_str().unwrap(), resource));
        let found: Vec<_> = named.filter(|(_, resource)| resource["Type"] == *kind).collect();
        assert!(!found.is_empty(), "no {kind}");
        found
    }

    /// Returns a number, or the value of the parameter that it refers to.
    fn number(&self, value: &Value) -> u64 {
        match short_form(value) {
            Some((tag, name)) if tag == "!Ref" => self.parameter(name),
            Some(_) | None => value
                .as_u64()
                .unwrap_or_else(|| panic!("{}: no number: {value:?}", self.profile)),
        }
    }

    fn parameter(&self, name: &str) -> u64 {
        let value = self.parameters.get(name).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("{}: {name} is no number", self.profile))
    }

    fn timeout(&self, function: &str) -> u64 {
        self.number(&self.resource(function)["Properties"]["Timeout"])
    }

    /// Returns every SQS trigger: its function, its queue, and its properties.
    fn triggers(&self) -> Vec<(&str, &str, &Value)> {
        let functions = self.of_type("AWS::Serverless::Function").into_iter();
        let events =
            functions.filter_map(|(name, function)| Some((name, function["Properties"]["Events"].as_mapping()?)));
        let triggers: Vec<_> = events
            .flat_map(|(name, events)| events.values().map(move |event| (name, event)))
            .filter(|(_, event)| event["Type"] == "SQS")
            .map(|(name, event)| (name, target(&event["Properties"]["Queue"]), &event["Properties"]))
            .collect();
        assert_eq!(triggers.len(), 5, "three priority queues, dead letters, feedback");
        triggers
    }
}
