//! The named schemas of the document.
//!
//! **Invariant:** a name stands for one schema, in requests and in answers.
//! **Start reading at** [`Schemas`].

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The named schemas of requests and of answers.
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

    /// Returns the schema of a request's body.
    pub(crate) fn of_request(&mut self, describe: fn(&mut SchemaGenerator) -> Schema) -> Value {
        polished(describe(&mut self.requests).into())
    }

    /// Returns the schema of an answer's body.
    pub(crate) fn of_answer(&mut self, describe: fn(&mut SchemaGenerator) -> Schema) -> Value {
        polished(describe(&mut self.answers).into())
    }

    /// Returns the fields of a type as parameters.
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
            // A parameter is either present or absent: null does not exist.
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

    /// Returns all named schemas.
    pub(crate) fn defined(mut self) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        all.extend(self.answers.take_definitions(true));
        all.into_iter().map(|(name, schema)| (name, polished(schema))).collect()
    }
}

/// Adapts a schema to the document's style. It turns alternatives of constants into one `enum`, removes Rust's
/// integer sizes, and marks times and ids.
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
                *says = for_readers(says);
            }
            if let Some(Value::Object(fields)) = object.get_mut("properties") {
                fields.iter_mut().for_each(|(name, field)| change_id(name, field));
            }
            object.values_mut().for_each(polish);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Adapts a comment of the code to readers of the document: without line breaks, links and sources.
fn for_readers(says: &str) -> String {
    let paragraphs = says
        .split("\n\n")
        .filter(|paragraph| !paragraph.starts_with("Source: "));
    let paragraphs: Vec<_> = paragraphs.map(|paragraph| paragraph.replace('\n', " ")).collect();
    paragraphs.join("\n\n").replace("[`", "`").replace("`]", "`")
}

/// Turns alternatives that are constants into one `enum`, with a line of description for each.
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

/// Marks times and ids, which their names identify. A time in a request may also be a wait, and its own type
/// describes it.
fn change_id(name: &str, field: &mut Value) {
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
