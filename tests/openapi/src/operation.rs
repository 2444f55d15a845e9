//! One method at one path: its input and its answers.
//!
//! **Invariant:** everything that all operations have in common is defined here, once.
//! **Start reading at** [`Operation`].

use std::collections::BTreeSet;

use aws::http::auth::TENANT_HEADER;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::refusals;
use crate::schemas::Schemas;

/// The statuses that any operation with a key can return.
const ALWAYS: &[u16] = &[401, 403, 429, 500, 503];

/// A function that adds a named schema and refers to it.
type Describe = fn(&mut SchemaGenerator) -> Schema;

/// One method at one path.
#[derive(Clone)]
pub struct Operation {
    /// The method, in lower case.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The name of the route, also in the log.
    pub name: &'static str,
    /// A one-sentence summary.
    summary: &'static str,
    /// Further details.
    details: &'static str,
    tag: &'static str,
    query: Option<Describe>,
    headers: Option<Describe>,
    body: Option<Body>,
    answer: Option<DocumentedResponse>,
    /// The statuses of refusals, besides [`ALWAYS`].
    refusals: &'static [u16],
    /// Whether it needs no key.
    pub public: bool,
    /// Whether the deployer's key may call it for a tenant.
    pub for_operator: bool,
    /// Whether the deployer's key may call it, for a tenant or for all.
    pub for_viewer: bool,
}

/// The statuses for a missing or unknown tenant in the header.
const OF_AN_OPERATOR: &[u16] = &[404, 422];

#[derive(Clone)]
struct Body {
    describe: Describe,
    required: bool,
    example: Value,
}

#[derive(Clone)]
struct DocumentedResponse {
    status: u16,
    says: &'static str,
    describe: Describe,
    media_type: &'static str,
    /// Media type of a text that the caller can ask for instead.
    or_text: Option<&'static str>,
    replays: bool,
}

impl Operation {
    /// Creates an operation without input beyond its path.
    #[must_use]
    pub fn new(method: &'static str, path: &'static str, name: &'static str, summary: &'static str) -> Self {
        let tag = path.split('/').nth(1).unwrap_or_default();
        Self {
            method,
            path,
            name,
            summary,
            details: "",
            tag: if tag.contains('.') { "about" } else { tag },
            query: None,
            headers: None,
            body: None,
            answer: None,
            refusals: &[],
            public: false,
            for_operator: false,
            for_viewer: false,
        }
    }

    /// Adds details to the summary.
    #[must_use]
    pub fn details(self, details: &'static str) -> Self {
        Self { details, ..self }
    }

    /// Adds a query: each field of `T` is a parameter.
    #[must_use]
    pub fn query<T: JsonSchema>(self) -> Self {
        let query = Some(T::json_schema as Describe);
        Self { query, ..self }
    }

    /// Adds headers: each field of `T` is one.
    #[must_use]
    pub fn headers<T: JsonSchema>(self) -> Self {
        let headers = Some(T::json_schema as Describe);
        Self { headers, ..self }
    }

    /// Adds a body.
    #[must_use]
    pub fn body<T: JsonSchema>(self, example: Value) -> Self {
        let body = Some(Body {
            describe: SchemaGenerator::subschema_for::<T>,
            required: true,
            example,
        });
        Self { body, ..self }
    }

    /// Adds an optional body.
    #[must_use]
    pub fn optional_body<T: JsonSchema>(self, example: Value) -> Self {
        let mut operation = self.body::<T>(example);
        if let Some(body) = &mut operation.body {
            body.required = false;
        }
        operation
    }

    /// Sets the answer to a `T`.
    #[must_use]
    pub fn answers<T: JsonSchema>(self, status: u16, says: &'static str) -> Self {
        let answer = Some(DocumentedResponse {
            status,
            says,
            describe: SchemaGenerator::subschema_for::<T>,
            media_type: "application/json",
            or_text: None,
            replays: false,
        });
        Self { answer, ..self }
    }

    /// Sets another media type of the answer than JSON.
    #[must_use]
    pub fn as_text(mut self, media_type: &'static str) -> Self {
        if let Some(answer) = &mut self.answer {
            answer.media_type = media_type;
        }
        self
    }

    /// Adds the media type of a text that the caller can ask for instead.
    #[must_use]
    pub fn or_text(mut self, media_type: &'static str) -> Self {
        if let Some(answer) = &mut self.answer {
            answer.or_text = Some(media_type);
        }
        self
    }

    /// Marks that a repeated request with the same key gets the first answer again.
    #[must_use]
    pub fn replays(mut self) -> Self {
        if let Some(answer) = &mut self.answer {
            answer.replays = true;
        }
        self
    }

    /// Adds the statuses of refusals, besides those that are always possible.
    #[must_use]
    pub fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }

    /// Makes the operation available without a key.
    #[must_use]
    pub fn public(self) -> Self {
        Self { public: true, ..self }
    }

    /// Lets the deployer's key call it for a tenant.
    #[must_use]
    pub fn for_operator(self) -> Self {
        Self {
            for_operator: true,
            ..self
        }
    }

    /// Lets the deployer's key call it, for a tenant or for all.
    #[must_use]
    pub fn for_viewer(self) -> Self {
        Self {
            for_viewer: true,
            ..self
        }
    }

    /// Returns the statuses of all refusals, each once.
    fn refusals(&self) -> BTreeSet<u16> {
        let always = if self.public { &[429][..] } else { ALWAYS };
        let of_an_operator = if self.for_operator || self.for_viewer {
            OF_AN_OPERATOR
        } else {
            &[]
        };
        always
            .iter()
            .chain(self.refusals)
            .chain(of_an_operator)
            .copied()
            .collect()
    }

    /// Returns the operation as an OpenAPI object.
    pub(crate) fn describe(&self, schemas: &mut Schemas) -> Value {
        let mut parameters = self.in_path();
        parameters.extend(schemas.parameters("query", self.query));
        parameters.extend(schemas.parameters("header", self.headers));
        let of_the_deployer = match (self.for_operator, self.for_viewer) {
            (true, _) => Some("The tenant of the request. Required with the deployer's key."),
            (false, true) => Some("The tenant of the figures. With the deployer's key, leave it out for all tenants."),
            (false, false) => None,
        };
        if let Some(of_the_deployer) = of_the_deployer {
            parameters.push(json!({
                "name": TENANT_HEADER,
                "in": "header",
                "required": false,
                "description": format!("{of_the_deployer} With a tenant's key, leave it out or name the tenant of the key."),
                "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
            }));
        }
        let mut operation = Map::new();
        let mut put = |key: &str, value: Value| operation.insert(key.to_owned(), value);
        put("operationId", self.name.into());
        put("summary", self.summary.into());
        put("tags", json!([self.tag]));
        put("responses", self.responses(schemas));
        if !self.details.is_empty() {
            put("description", self.details.into());
        }
        if !parameters.is_empty() {
            put("parameters", parameters.into());
        }
        if let Some(body) = &self.body {
            let content = json!({"schema": schemas.of_request(body.describe), "example": body.example});
            put(
                "requestBody",
                json!({"required": body.required, "content": {"application/json": content}}),
            );
        }
        if self.public {
            put("security", json!([]));
        }
        operation.into()
    }

    /// Returns the parameters in the path.
    fn in_path(&self) -> Vec<Value> {
        let names = self
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        names
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": in_path(self.tag, name)}))
            .collect()
    }

    fn responses(&self, schemas: &mut Schemas) -> Value {
        let mut responses = Map::new();
        if let Some(answer) = &self.answer {
            let schema = schemas.of_answer(answer.describe);
            let mut response = Map::new();
            response.insert("description".to_owned(), answer.says.into());
            let mut content = Map::from_iter([(answer.media_type.to_owned(), json!({"schema": schema}))]);
            if let Some(text) = answer.or_text {
                content.insert(text.to_owned(), json!({"schema": {"type": "string"}}));
            }
            response.insert("content".to_owned(), content.into());
            if answer.replays {
                let replayed = json!({
                    "description": "Present and `true` if the response repeats the response to an earlier request.",
                    "schema": {"type": "string", "const": "true"},
                });
                response.insert("headers".to_owned(), json!({"Idempotent-Replayed": replayed}));
            }
            responses.insert(answer.status.to_string(), response.into());
        }
        for status in self.refusals() {
            responses.insert(status.to_string(), refusals::reference(status));
        }
        responses.into()
    }
}

/// Returns the schema of a parameter in the path.
fn in_path(tag: &str, name: &str) -> Value {
    match (tag, name) {
        ("emails", "id") => json!({"type": "string", "format": "uuid", "description": "The id of the email."}),
        ("queues", "name") => {
            json!({"type": "string", "pattern": "^[a-z0-9-]{1,64}$", "description": "The name of the queue."})
        }
        ("api-keys", "id") => json!({"type": "string", "format": "uuid", "description": "The id of the API key."}),
        ("tenants", "name") => {
            json!({"type": "string", "pattern": "^[a-z0-9-]{1,64}$", "description": "The name of the tenant."})
        }
        ("queues", "id") => json!({"type": "string", "format": "uuid", "description": "The id of the job."}),
        ("suppressions", "suppression") => {
            json!({"type": "string", "description": "The id of the suppression, or its address."})
        }
        ("emails", "attachment_id") => json!({"type": "string", "description": "The id of the attachment."}),
        ("domains", "domain") => json!({"type": "string", "format": "uuid", "description": "The id of the domain."}),
        ("webhooks", "webhook") => json!({"type": "string", "format": "uuid", "description": "The id of the webhook."}),
        ("webhooks", "event") => {
            json!({"type": "string", "pattern": "^msg_[0-9A-Za-z]{27}$", "description": "The id of the event."})
        }
        ("previews", "token") => json!({"type": "string", "description": "The token of the preview."}),
        ("webhooks", "job") => json!({"type": "string", "format": "uuid", "description": "The id of the job."}),
        // A poor description, which a reader of the document notices: add a better one above.
        _ => json!({"type": "string", "description": format!("The {name}.")}),
    }
}
