//! The answers to calls that are not carried out.
//!
//! **Invariant:** every error name is here, with each of its statuses.
//! **Start reading at** [`REFUSALS`].

use domain::api_error::{ApiError, ErrorName};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::schemas::Schemas;

/// All refusals with one status.
pub struct Refusals {
    /// The status.
    pub status: u16,
    /// The name of the component in the document.
    component: &'static str,
    /// The errors' names.
    pub names: &'static [ErrorName],
    says: &'static str,
    /// Whether the gateway in front of the functions also answers with this status, in its own format.
    gateway: bool,
}

/// All refusals.
pub const REFUSALS: &[Refusals] = &[
    Refusals {
        status: 400,
        component: "Malformed",
        names: &[ErrorName::ValidationError, ErrorName::InvalidIdempotencyKey],
        says: "The body is not the JSON that is expected, or the idempotency key is empty or too long.",
        gateway: false,
    },
    Refusals {
        status: 401,
        component: "KeyMissing",
        names: &[ErrorName::MissingApiKey, ErrorName::RestrictedApiKey],
        says: "There is no API key, or it may not do this.",
        gateway: false,
    },
    Refusals {
        status: 403,
        component: "KeyInvalid",
        names: &[ErrorName::InvalidApiKey],
        says: "The API key is none of this queue's.",
        gateway: false,
    },
    Refusals {
        status: 404,
        component: "NotFound",
        names: &[ErrorName::NotFound],
        says: "There is no such thing, or it is another tenant's.",
        gateway: false,
    },
    Refusals {
        status: 405,
        component: "MethodNotAllowed",
        names: &[ErrorName::MethodNotAllowed],
        says: "The path is there for other methods; the header `Allow` has them.",
        gateway: false,
    },
    Refusals {
        status: 409,
        component: "Conflict",
        names: &[ErrorName::Conflict, ErrorName::InvalidIdempotentRequest],
        says: "It is too late, or taken, or the idempotency key was used with another request.",
        gateway: false,
    },
    Refusals {
        status: 413,
        component: "TooLarge",
        names: &[ErrorName::ValidationError],
        says: "The body is larger than 4 MiB.",
        gateway: true,
    },
    Refusals {
        status: 422,
        component: "Invalid",
        names: &[
            ErrorName::ValidationError,
            ErrorName::MissingRequiredField,
            ErrorName::InvalidFromAddress,
            ErrorName::InvalidAttachment,
        ],
        says: "A field is missing, unknown, of another type or of a bad value. The message begins with its path, such as `to[3]: `.",
        gateway: false,
    },
    Refusals {
        status: 429,
        component: "TooMany",
        names: &[ErrorName::RateLimitExceeded, ErrorName::DailyQuotaExceeded],
        says: "More calls than are let through at a time: ask again later.",
        gateway: true,
    },
    Refusals {
        status: 500,
        component: "Failed",
        names: &[ErrorName::InternalServerError],
        says: "Something went wrong on our side. It is safe to ask again, with the same idempotency key.",
        gateway: false,
    },
    Refusals {
        status: 503,
        component: "Overloaded",
        names: &[ErrorName::InternalServerError],
        says: "Too much is asked of the queue at the moment. `retry-after` is given if the request may be repeated: it stored nothing, or has an idempotency key.",
        gateway: true,
    },
];

/// Returns the document's responses for them.
pub(crate) fn responses(schemas: &mut Schemas) -> Map<String, Value> {
    let error = schemas.of_answer(SchemaGenerator::subschema_for::<ApiError>);
    let response = |refusals: &Refusals| {
        let ours = json!({"allOf": [error, {"properties": {
            "statusCode": {"const": refusals.status},
            "name": {"enum": refusals.names},
        }}]});
        let schema = if refusals.gateway {
            let gateways = json!({
                "description": "The answer of the gateway, where the call has come no further.",
                "type": "object",
                "properties": {"message": {"type": ["string", "null"]}},
                "required": ["message"],
                "not": {"required": ["statusCode"]},
            });
            json!({"anyOf": [ours, gateways]})
        } else {
            ours
        };
        let content = json!({"application/json": {"schema": schema}});
        let name = refusals.component.to_owned();
        (name, json!({"description": refusals.says, "content": content}))
    };
    REFUSALS.iter().map(response).collect()
}

/// Returns a reference to the response of a status.
pub(crate) fn reference(status: u16) -> Value {
    let refusals = REFUSALS.iter().find(|refusals| refusals.status == status);
    let component = refusals.map_or("Unknown", |refusals| refusals.component);
    json!({"$ref": format!("#/components/responses/{component}")})
}
