//! SES's operations on identities, as the AWS SDKs call them.
//!
//! **Role:** reads, consults the faults, lets [`crate::identities`] decide, counts.
//! **Start reading at** `run`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use local_server::server::Closed;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::App;
use crate::identities::{Create, Identities, Signing};
use crate::identity::Tokens;
use crate::identity_faults::Effect;
use crate::identity_rules::Tag;
use crate::ses_error::SesError;

type Shared = State<Arc<App>>;

/// `POST /v2/email/identities`.
pub async fn create(State(app): Shared, body: Bytes) -> Response {
    run(&app, "CreateEmailIdentity", |identities, now| {
        identities.create(read::<Create>(&body)?, tokens(), now)
    })
}

/// `GET /v2/email/identities/{name}`.
pub async fn get(State(app): Shared, Path(name): Path<String>) -> Response {
    run(&app, "GetEmailIdentity", |identities, _| identities.get(&name))
}

/// `DELETE /v2/email/identities/{name}`.
pub async fn delete(State(app): Shared, Path(name): Path<String>) -> Response {
    run(&app, "DeleteEmailIdentity", |identities, _| identities.delete(&name))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Page {
    page_size: Option<i64>,
    next_token: Option<String>,
}

/// `POST /v2/email/list-identities`.
pub async fn list(State(app): Shared, body: Bytes) -> Response {
    run(&app, "ListEmailIdentities", |identities, _| {
        let page: Page = read_or_default(&body)?;
        identities.list(page.page_size, page.next_token.as_deref())
    })
}

/// `GET /v2/email/identities`, the form of older SDKs.
pub async fn list_by_query(State(app): Shared, RawQuery(query): RawQuery) -> Response {
    run(&app, "ListEmailIdentities", |identities, _| {
        let size = parameters(query.as_deref(), "PageSize").pop();
        let size = size.map(|size| {
            size.parse()
                .map_err(|_| SesError::bad_request("PageSize must be a number."))
        });
        identities.list(
            size.transpose()?,
            parameters(query.as_deref(), "NextToken").pop().as_deref(),
        )
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MailFrom {
    mail_from_domain: Option<String>,
    behavior_on_mx_failure: Option<String>,
}

/// `PUT /v2/email/identities/{name}/mail-from`.
pub async fn put_mail_from(State(app): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    run(&app, "PutEmailIdentityMailFromAttributes", |identities, now| {
        let wanted: MailFrom = read(&body)?;
        let (domain, behavior) = (
            wanted.mail_from_domain.as_deref(),
            wanted.behavior_on_mx_failure.as_deref(),
        );
        identities.set_mail_from(&name, domain, behavior, now)
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DefaultSet {
    configuration_set_name: Option<String>,
}

/// `PUT /v2/email/identities/{name}/configuration-set`.
pub async fn put_configuration_set(State(app): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    run(&app, "PutEmailIdentityConfigurationSetAttributes", |identities, _| {
        let wanted: DefaultSet = read_or_default(&body)?;
        identities.set_default_set(&name, wanted.configuration_set_name)
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Feedback {
    #[serde(default)]
    email_forwarding_enabled: bool,
}

/// `PUT /v2/email/identities/{name}/feedback`.
pub async fn put_feedback(State(app): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    run(&app, "PutEmailIdentityFeedbackAttributes", |identities, _| {
        let wanted: Feedback = read_or_default(&body)?;
        identities.set_feedback(&name, wanted.email_forwarding_enabled)
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Dkim {
    #[serde(default)]
    signing_enabled: bool,
}

/// `PUT /v2/email/identities/{name}/dkim`.
pub async fn put_dkim(State(app): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    run(&app, "PutEmailIdentityDkimAttributes", |identities, _| {
        let wanted: Dkim = read_or_default(&body)?;
        identities.set_signing(&name, wanted.signing_enabled)
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DkimSigning {
    signing_attributes_origin: String,
    #[serde(default)]
    signing_attributes: Signing,
}

/// `PUT /v2/email/identities/{name}/dkim/signing`.
pub async fn put_signing(State(app): Shared, Path(name): Path<String>, body: Bytes) -> Response {
    run(&app, "PutEmailIdentityDkimSigningAttributes", |identities, now| {
        let wanted: DkimSigning = read(&body)?;
        if wanted.signing_attributes_origin != "AWS_SES" {
            return Err(SesError::bad_request(
                "The fake SES has only Easy DKIM: the origin must be AWS_SES.",
            ));
        }
        identities.restart(&name, &wanted.signing_attributes, tokens(), now)
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tagged {
    resource_arn: String,
    tags: Vec<Tag>,
}

/// `POST /v2/email/tags`.
pub async fn tag(State(app): Shared, body: Bytes) -> Response {
    run(&app, "TagResource", |identities, _| {
        let wanted: Tagged = read(&body)?;
        identities.tag(identity_of(&app, &wanted.resource_arn, "tag")?, wanted.tags)
    })
}

/// `DELETE /v2/email/tags`.
pub async fn untag(State(app): Shared, RawQuery(query): RawQuery) -> Response {
    run(&app, "UntagResource", |identities, _| {
        let arn = parameters(query.as_deref(), "ResourceArn").pop().unwrap_or_default();
        let keys = parameters(query.as_deref(), "TagKeys");
        if keys.is_empty() {
            return Err(SesError::bad_request("TagKeys must not be empty."));
        }
        identities.untag(identity_of(&app, &arn, "untag")?, &keys)
    })
}

/// `GET /v2/email/tags`.
pub async fn list_tags(State(app): Shared, RawQuery(query): RawQuery) -> Response {
    run(&app, "ListTagsForResource", |identities, _| {
        let arn = parameters(query.as_deref(), "ResourceArn").pop().unwrap_or_default();
        identities.tags(identity_of(&app, &arn, "list the tags of")?)
    })
}

/// Runs one operation: the faults first, then its effect, then its answer.
fn run(
    app: &App,
    operation: &'static str,
    act: impl FnOnce(&mut Identities, Timestamp) -> Result<Value, SesError>,
) -> Response {
    let effect = app.identity_faults().choose(operation, Instant::now());
    let (result, is_dropped) = match effect {
        Effect::Refused(error) => (Err(error), false),
        Effect::Dropped { after: false } => {
            app.stats().count_answer(operation, "drop_before");
            return Extension(Closed).into_response();
        }
        Effect::Dropped { after: true } => (act(&mut app.identities(), Timestamp::now()), true),
        Effect::None => (act(&mut app.identities(), Timestamp::now()), false),
    };
    let answer = match &result {
        _ if is_dropped => "drop_after",
        Ok(_) => "ok",
        Err(error) => error.name,
    };
    app.stats().count_answer(operation, answer);
    match result {
        _ if is_dropped => Extension(Closed).into_response(),
        Ok(answer) => Json(answer).into_response(),
        Err(error) => error.into_response(),
    }
}

/// Three random tokens with the letters of SES's tokens.
pub fn tokens() -> Tokens {
    const LETTERS: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
        'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
    ];
    let letter = |random: u64, place: u32| {
        let index = usize::try_from((random >> (5 * place)) & 31).unwrap_or_default();
        LETTERS.get(index).copied().unwrap_or('a')
    };
    let token = || {
        let words = (0..4).map(|_| getrandom::u64().unwrap_or_default());
        words
            .flat_map(|random| (0..8).map(move |place| letter(random, place)))
            .collect::<String>()
    };
    [token(), token(), token()]
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SesError> {
    serde_json::from_slice(body)
        .map_err(|error| SesError::bad_request(format!("The request body cannot be read: {error}.")))
}

fn read_or_default<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, SesError> {
    if body.is_empty() { Ok(T::default()) } else { read(body) }
}

/// Returns all values of a parameter of a query.
fn parameters(query: Option<&str>, name: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// Returns the identity that an ARN names.
fn identity_of<'a>(app: &App, arn: &'a str, act: &str) -> Result<&'a str, SesError> {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (prefix, _, service, region, account, resource) = (next(), next(), next(), next(), next(), next());
    let refused = || SesError::bad_request(format!("Failed to {act} resource."));
    let name = resource.strip_prefix("identity/").ok_or_else(refused)?;
    if prefix != "arn" || service != "ses" || region != app.region || account != app.account_id {
        return Err(refused());
    }
    Ok(name)
}
