//! `template.yaml`, as it is deployed. Needs no stack.
//!
//! The rules of the template are checked with the defaults, which are those of production, and with every profile of
//! `local/timings.json`.

mod alarms;
mod numbers;
mod options;
mod rules;
mod settings;
mod stream;
mod webhooks;

use std::collections::BTreeMap;
use std::fs;

use e2e::root;
use yaml_serde::Value;

/// The template with one set of parameters, as CloudFormation sees it: each `!If` is decided.
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
        Template::decided(profile, &yaml, parameters)
    };
    std::iter::once(("the defaults".to_owned(), BTreeMap::new()))
        .chain(profiles)
        .map(with)
        .collect()
}

/// Returns the template with the defaults and these values.
pub(crate) fn template_with(values: &[(&str, &str)]) -> Template {
    let mut template = templates().remove(0);
    for (name, value) in values {
        let known = template
            .parameters
            .insert((*name).to_owned(), Value::String((*value).to_owned()));
        assert!(known.is_some(), "there is no parameter {name}");
    }
    let yaml: Value = yaml_serde::from_str(&read("template.yaml")).unwrap();
    Template::decided("chosen values".to_owned(), &yaml, template.parameters)
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

/// Tells whether a condition holds.
fn holds(condition: &Value, parameters: &BTreeMap<String, Value>) -> bool {
    let Value::Tagged(tagged) = condition else {
        panic!("no condition: {condition:?}")
    };
    let text = |value: &Value| match value.as_u64() {
        Some(number) => number.to_string(),
        None => value.as_str().unwrap().to_owned(),
    };
    match (tagged.tag.to_string().as_str(), &tagged.value[0]) {
        ("!Not", inner) => !holds(inner, parameters),
        ("!Equals", parameter) => text(&parameters[target(parameter)]) == text(&tagged.value[1]),
        (tag, _) => panic!("an unknown condition: {tag}"),
    }
}

/// Decides each `!If` of a value; `None` if the property is absent.
fn decide(value: &Value, conditions: &BTreeMap<String, bool>) -> Option<Value> {
    Some(match value {
        Value::Tagged(tagged) if tagged.tag == "!If" => {
            let chosen = if conditions[tagged.value[0].as_str().unwrap()] {
                &tagged.value[1]
            } else {
                &tagged.value[2]
            };
            return decide(chosen, conditions);
        }
        Value::Tagged(tagged) if tagged.value == "AWS::NoValue" => return None,
        Value::Sequence(values) => values.iter().filter_map(|value| decide(value, conditions)).collect(),
        Value::Mapping(values) => {
            let values = values.iter();
            let decided = values.filter_map(|(key, value)| Some((key.clone(), decide(value, conditions)?)));
            Value::Mapping(decided.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => value.clone(),
    })
}

impl Template {
    fn decided(profile: String, yaml: &Value, parameters: BTreeMap<String, Value>) -> Self {
        let conditions = yaml["Conditions"].as_mapping().unwrap().iter();
        let conditions = conditions
            .map(|(name, condition)| (name.as_str().unwrap().to_owned(), holds(condition, &parameters)))
            .collect::<BTreeMap<String, bool>>();
        let mut yaml = yaml.clone();
        for part in ["Globals", "Resources", "Outputs"] {
            yaml[part] = decide(&yaml[part], &conditions).unwrap();
        }
        // A resource without its condition does not exist.
        yaml["Resources"].as_mapping_mut().unwrap().retain(|_, resource| {
            let condition = resource["Condition"].as_str();
            condition.is_none_or(|condition| conditions[condition])
        });
        Self {
            profile,
            yaml,
            parameters,
        }
    }

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
        assert_eq!(
            triggers.len(),
            6,
            "three priority queues, dead letters, feedback, webhooks"
        );
        triggers
    }
}
