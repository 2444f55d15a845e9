//! The answers to calls that are not carried out.
//!
//! **Invariant:** every error name is here, with each of its statuses.
//! **Start reading at** [`REFUSALS`].

use domain::api::error::{ApiError, ErrorName};
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
        says: "The body is not the expected JSON, or the idempotency key is empty, too long or not printable.",
        gateway: false,
    },
    Refusals {
        status: 401,
        component: "KeyMissing",
        names: &[ErrorName::MissingApiKey, ErrorName::RestrictedApiKey],
        says: "The API key is missing, or it has no permission for this request.",
        gateway: false,
    },
    Refusals {
        status: 403,
        component: "KeyInvalid",
        names: &[ErrorName::InvalidApiKey, ErrorName::ValidationError],
        says: "The API key is invalid, its tenant is suspended, the From domain is unverified, or the request bypassed the proxy in front of the API.",
        gateway: false,
    },
    Refusals {
        status: 404,
        component: "NotFound",
        names: &[ErrorName::NotFound],
        says: "The resource does not exist, or it belongs to another tenant.",
        gateway: false,
    },
    Refusals {
        status: 405,
        component: "MethodNotAllowed",
        names: &[ErrorName::MethodNotAllowed],
        says: "The path does not support this method. The header `Allow` lists the supported methods.",
        gateway: false,
    },
    Refusals {
        status: 409,
        component: "Conflict",
        names: &[ErrorName::ValidationError, ErrorName::InvalidIdempotentRequest],
        says: "The request conflicts with the current state: it is too late, the name is taken, or the idempotency key belongs to a different request.",
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
        says: "A field is missing or unknown, or it has a wrong type or an invalid value. If one field is wrong, the message starts with its path, such as `to[3]: `.",
        gateway: false,
    },
    Refusals {
        status: 429,
        component: "TooMany",
        names: &[ErrorName::RateLimitExceeded, ErrorName::DailyQuotaExceeded],
        says: "Too many requests. Retry later.",
        gateway: true,
    },
    Refusals {
        status: 500,
        component: "Failed",
        names: &[ErrorName::InternalServerError],
        says: "An internal error occurred. An email request with an idempotency key can be repeated safely. Any other request may have taken effect.",
        gateway: false,
    },
    Refusals {
        status: 503,
        component: "Overloaded",
        names: &[ErrorName::InternalServerError],
        says: "The service is overloaded. The response has `retry-after` if a retry is safe: the request stored nothing, or it has an idempotency key.",
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
                "description": "The response of the gateway, when the request does not reach the function.",
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
