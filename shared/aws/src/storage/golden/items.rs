//! Items of a table after some requests, by the subset of DynamoDB's update expressions that the adapters use.
//!
//! Conditions are ignored. Source: Amazon DynamoDB Developer Guide, "Update expressions".

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

type Item = Map<String, Value>;

/// Items by their sort keys; no test writes two items with the same sort key.
#[derive(Debug, Default)]
pub(super) struct GoldenTable(BTreeMap<String, Item>);

impl GoldenTable {
    /// Returns the items after all of these requests.
    pub(super) fn after(requests: &[Value]) -> Self {
        let mut stored = Self::default();
        for request in requests {
            stored.apply(request);
        }
        stored
    }

    /// Returns the only item.
    pub(super) fn only(&self) -> Value {
        assert_eq!(self.0.len(), 1, "{self:?}");
        self.0.values().next().unwrap().clone().into()
    }

    /// Returns the item of a sort key.
    pub(super) fn of(&self, sk: &str) -> Value {
        self.0[sk].clone().into()
    }

    fn apply(&mut self, request: &Value) {
        let sk = |key: &Value| key["sk"]["S"].as_str().unwrap().to_owned();
        if let Some(writes) = request["TransactItems"].as_array() {
            let writes = writes.iter().flat_map(|write| write.as_object().unwrap().values());
            writes.for_each(|write| self.apply(write));
        } else if let Some(item) = request["Item"].as_object() {
            self.0.insert(sk(&request["Item"]), item.clone());
        } else {
            let key = &request["Key"];
            let item = self.0.entry(sk(key));
            update(
                item.or_insert_with(|| key.as_object().unwrap().clone()),
                &Words(request),
            );
        }
    }
}

/// A request's expression and placeholders.
struct Words<'a>(&'a Value);

impl Words<'_> {
    fn name(&self, word: &str) -> String {
        let name = self.0["ExpressionAttributeNames"][word].as_str();
        assert!(name.is_some() || !word.starts_with('#'), "{word} has no name");
        name.unwrap_or(word).to_owned()
    }

    fn given(&self, word: &str) -> Value {
        let value = &self.0["ExpressionAttributeValues"][word];
        assert!(value.is_object(), "{word} has no value");
        value.clone()
    }

    fn operand(&self, text: &str, item: &Item) -> Value {
        if let Some((left, right)) = text.split_once(" + ") {
            return sum(&self.operand(left, item), &self.operand(right, item));
        }
        if let Some(pair) = text.strip_prefix("if_not_exists(") {
            let (name, or) = pair.trim_end_matches(')').split_once(", ").unwrap();
            let stored = item.get(&self.name(name)).cloned();
            return stored.unwrap_or_else(|| self.given(or));
        }
        if text.starts_with(':') {
            self.given(text)
        } else {
            item[&self.name(text)].clone()
        }
    }
}

fn number(value: &Value) -> i64 {
    value["N"].as_str().unwrap().parse().unwrap()
}

fn sum(left: &Value, right: &Value) -> Value {
    json!({"N": (number(left) + number(right)).to_string()})
}

fn update(item: &mut Item, words: &Words<'_>) {
    let mut verb = "";
    let expression = words.0["UpdateExpression"].as_str().unwrap();
    for part in parts(expression) {
        let part = match part.split_once(' ') {
            Some((first, rest)) if ["SET", "REMOVE", "ADD", "DELETE"].contains(&first) => {
                verb = first;
                rest
            }
            _ => part,
        };
        match verb {
            "SET" => {
                let (name, value) = part.split_once(" = ").unwrap();
                let value = words.operand(value, item);
                item.insert(words.name(name), value);
            }
            "REMOVE" => {
                item.remove(&words.name(part));
            }
            "ADD" | "DELETE" => {
                let (name, value) = part.split_once(' ').unwrap();
                let (name, value) = (words.name(name), words.given(value));
                let stored = item.remove(&name);
                let changed = match verb {
                    "ADD" => Some(added(stored, value)),
                    _ => stored.and_then(|stored| taken(&stored, &value)),
                };
                item.extend(changed.map(|changed| (name, changed)));
            }
            other => panic!("{other}: {expression}"),
        }
    }
}

/// Splits an expression into its clauses: the first of each kind begins with its verb.
fn parts(expression: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, character) in expression.char_indices() {
        let rest = &expression[at..];
        let new_verb = [" SET ", " REMOVE ", " ADD ", " DELETE "];
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&expression[from..at]);
                from = at + 1;
            }
            ' ' if at > from && new_verb.iter().any(|verb| rest.starts_with(verb)) => {
                parts.push(&expression[from..at]);
                from = at;
            }
            _ => {}
        }
    }
    parts.push(&expression[from..]);
    parts.into_iter().map(str::trim).collect()
}

/// Returns an increased number, or a set with more elements.
fn added(stored: Option<Value>, value: Value) -> Value {
    let Some(stored) = stored else {
        return value;
    };
    if value["N"].is_string() {
        return sum(&stored, &value);
    }
    let (kind, mut all) = elements(&stored);
    all.extend(value[kind].as_array().unwrap().clone());
    json!({kind: all})
}

/// Returns the type of a set and its elements.
fn elements(set: &Value) -> (&'static str, Vec<Value>) {
    let of = |kind: &'static str| Some((kind, set[kind].as_array()?.clone()));
    of("BS").or_else(|| of("SS")).unwrap()
}

/// Returns a set with fewer elements; DynamoDB keeps no empty set.
fn taken(stored: &Value, value: &Value) -> Option<Value> {
    let ((kind, stored), (_, value)) = (elements(stored), elements(value));
    let left: Vec<_> = stored.iter().filter(|one| !value.contains(one)).collect();
    (!left.is_empty()).then(|| json!({kind: left}))
}
