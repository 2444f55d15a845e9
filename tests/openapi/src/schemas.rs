//! The schemas that the document's parts refer to, by name.
//!
//! **Invariant:** a name stands for one schema, whether it is asked for or answered.
//! **Start reading at** [`Schemas`].

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The named schemas: of what is read, and of what is written.
pub(crate) struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let generator = |contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
                settings.contract = contract;
            });
            settings.into_generator()
        };
        Self {
            requests: generator(Contract::Deserialize),
            answers: generator(Contract::Serialize),
        }
    }

    /// What a request's body is described by.
    pub(crate) fn of_request(&mut self, describe: fn(&mut SchemaGenerator) -> Schema) -> Value {
        polished(describe(&mut self.requests).into())
    }

    /// What an answer's body is described by.
    pub(crate) fn of_answer(&mut self, describe: fn(&mut SchemaGenerator) -> Schema) -> Value {
        polished(describe(&mut self.answers).into())
    }

    /// The fields of a type as parameters.
    pub(crate) fn parameters(&mut self, place: &str, of: Option<fn(&mut SchemaGenerator) -> Schema>) -> Vec<Value> {
        let Some(describe) = of else {
            return Vec::new();
        };
        let schema = self.of_request(describe);
        let Some(fields) = schema.get("properties").and_then(Value::as_object) else {
            return Vec::new();
        };
        let parameter = |(name, schema): (&String, &Value)| {
            let mut schema = schema.clone();
            // A parameter is given or it is not: there is no null.
            if let Some(kind) = schema.get_mut("type")
                && let Some([only, _]) = kind.as_array().map(Vec::as_slice)
            {
                *kind = only.clone();
            }
            let says = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            json!({"name": name, "in": place, "required": false, "description": says, "schema": schema})
        };
        fields.iter().map(parameter).collect()
    }

    /// All that was named.
    pub(crate) fn defined(mut self) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        all.extend(self.answers.take_definitions(true));
        all.into_iter().map(|(name, schema)| (name, polished(schema))).collect()
    }
}

/// A schema as the document has it: one list of names where `schemars` has an alternative for each,
/// Rust's sizes of numbers left out, and the texts that are times or ids marked as such.
fn polished(mut schema: Value) -> Value {
    polish(&mut schema);
    schema
}

fn polish(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(polish),
        Value::Object(object) => {
            names_as_list(object);
            if let Some(format) = object.get("format").and_then(Value::as_str)
                && (format.starts_with("uint") || format.starts_with("int"))
            {
                object.remove("format");
            }
            if let Some(Value::String(says)) = object.get_mut("description") {
                *says = retold(says);
            }
            if let Some(Value::Object(fields)) = object.get_mut("properties") {
                fields.iter_mut().for_each(|(name, field)| mark(name, field));
            }
            object.values_mut().for_each(polish);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A comment of the code for who does not read the code: without its line breaks, its links, and
/// where things come from.
fn retold(says: &str) -> String {
    let paragraphs = says
        .split("\n\n")
        .filter(|paragraph| !paragraph.starts_with("Source: "));
    let paragraphs: Vec<_> = paragraphs.map(|paragraph| paragraph.replace('\n', " ")).collect();
    paragraphs.join("\n\n").replace("[`", "`").replace("`]", "`")
}

/// Makes one `enum` of alternatives that are constants, with a line for each.
fn names_as_list(object: &mut Map<String, Value>) {
    let Some(alternatives) = object.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let Some(names) = alternatives
        .iter()
        .map(|one| one.get("const").cloned())
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let mut says = object
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    for (name, one) in names.iter().zip(alternatives) {
        let line = one.get("description").and_then(Value::as_str).unwrap_or_default();
        says = format!("{says}\n\n- `{}`: {line}", name.as_str().unwrap_or_default());
    }
    object.remove("oneOf");
    object.insert("description".to_owned(), says.into());
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), names.into());
}

/// Times and ids are known by their names. A time that is asked for may be a wait as well, and is
/// described where it stands.
fn mark(name: &str, field: &mut Value) {
    let format = if name.ends_with("_at") {
        "date-time"
    } else if name == "id" {
        "uuid"
    } else {
        return;
    };
    let texts = [json!("string"), json!(["string", "null"])];
    if let Value::Object(field) = field
        && field.get("type").is_some_and(|kind| texts.contains(kind))
        && !field.contains_key("pattern")
    {
        field.insert("format".to_owned(), format.into());
    }
}
