//! HTTP: a request in, an answer out.
//!
//! **Invariant:** the key is looked at first, whatever the route; only the description of the API is
//! for everybody. Behind each gate is a function that takes what only that gate gives: a [`Caller`], a
//! [`KeyMaker`], a [`Deployer`].

use std::time::Instant;

use aws::access::{Caller, Denied, Deployer, Door, KeyMaker, Visitor};
use aws::http;
use domain::api_error::ApiError;
use domain::ports::erasure::Erasing;
use domain::ports::{Bodies, Clock, Lanes, Random};
use domain::wire::access_api::{parse_key, parse_key_name, parse_tenant, parse_tenant_change};
use domain::wire::api::{parse_reschedule, parse_retry};
use domain::wire::attachments::parse_upload;
use domain::wire::queue_api;
use domain::wire::suppressions::{parse_add, parse_add_many, parse_remove_many};
use lambda_http::http::HeaderValue;
use lambda_http::http::header::ALLOW;
use lambda_http::{Body, Request, Response};

use crate::api_keys::KeyPage;
use crate::failures::FailuresQuery;
use crate::metrics::MetricsQuery;
use crate::paging::{Page, parse_flag};
use crate::paths::{NoRoute, route};
use crate::routes::{DeployerRoute, KeyRoute, Route, TenantRoute};
use crate::suppressions::SuppressionPage;
use crate::{Manage, ManageError, Store};

/// The description of the API, made by `make openapi` and packed by `build.rs`: a tenth of its size in what a
/// cold start loads.
const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.zst"));

/// Larger than it will ever be.
const DESCRIPTION_MAX: usize = 1 << 20;

/// Carries out one request.
pub async fn handle<R, B, L, S>(manage: &Manage<R, B, L, S>, door: &Door, request: Request) -> Response<Body>
where
    R: Store,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    let began = Instant::now();
    let route = route(request.method(), request.uri().path());
    let name = route.as_ref().map_or("none", Route::name);
    let object = route.as_ref().ok().and_then(Route::object);
    let mut who = None;
    let response = if matches!(route, Ok(Route::Describe)) {
        describe()
    } else {
        match door.let_in(request.headers(), &manage.rows, manage.system.now()).await {
            Ok(visitor) => {
                who = Some(visitor.maker());
                answer(manage, visitor, route, &request).await
            }
            Err(Denied::Refused(error)) => http::refuse(&error),
            Err(error @ Denied::Port(_)) => http::fail(&error),
        }
    };
    let object = object.or_else(|| response.extensions().get::<Made>().map(|made| made.0.clone()));
    // The audit trail: who did what to what. docs/SECURITY.md says how it is read.
    tracing::info!(
        target: "mailqueue",
        route = name,
        status = response.status().as_u16(),
        key = who.map(|who| who.to_string()),
        object,
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// The name of what a request made, for the log.
#[derive(Debug, Clone)]
struct Made(String);

fn made(name: String, mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Made(name));
    response
}

fn describe() -> Response<Body> {
    let unpacked = zstd::bulk::decompress(DESCRIPTION, DESCRIPTION_MAX);
    match unpacked.map(String::from_utf8) {
        Ok(Ok(text)) => http::written(200, text),
        Ok(Err(error)) => http::fail(&error),
        Err(error) => http::fail(&error),
    }
}

async fn answer<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    visitor: Visitor,
    route: Result<Route, NoRoute>,
    request: &Request,
) -> Response<Body>
where
    R: Store,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    let answer = match route {
        Ok(route) => let_through(manage, visitor, route, request).await,
        Err(NoRoute::Unknown) => Err(ManageError::Refused(ApiError::not_found(
            "There is nothing here. What there is says /openapi.json.",
        ))),
        Err(NoRoute::NotAllowed { allow }) => return not_allowed(&allow),
    };
    match answer {
        Ok(response) => response,
        Err(ManageError::Refused(error)) => http::refuse(&error),
        Err(error @ (ManageError::Port(_) | ManageError::Write(_) | ManageError::Busy)) => http::fail(&error),
    }
}

/// Carries out what the visitor may do.
async fn let_through<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    visitor: Visitor,
    route: Route,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    match route {
        Route::Describe => Ok(describe()),
        Route::Tenant(route) => carry_out(manage, &visitor.to_do(route.deed())?, route, request).await,
        Route::Keys(route) => keys(manage, &visitor.key_maker()?, route, request).await,
        Route::Deployer(route) => tenants(manage, visitor.deployer()?, route, request).await,
    }
}

/// What is done with keys.
async fn keys<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    maker: &KeyMaker,
    route: KeyRoute,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    S: Clock + Random,
{
    let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
    Ok(match route {
        KeyRoute::ListKeys => http::json(200, &manage.keys(maker, &KeyPage::parse(query)?).await?),
        KeyRoute::CreateKey => {
            let key = manage.create_key(maker, parse_key(body)?).await?;
            made(key.id().to_owned(), http::json(201, &key))
        }
        KeyRoute::RenameKey(id) => http::json(200, &manage.rename_key(maker, id, &parse_key_name(body)?).await?),
        KeyRoute::RevokeKey(id) => http::json(200, &manage.revoke_key(maker, id).await?),
    })
}

/// What is done with tenants.
async fn tenants<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    deployer: Deployer,
    route: DeployerRoute,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    S: Clock + Random,
{
    let body = request.body().as_ref();
    Ok(match route {
        DeployerRoute::ListTenants => http::json(200, &manage.tenants(deployer).await?),
        DeployerRoute::CreateTenant => {
            let (name, settings) = parse_tenant(body)?;
            let tenant = manage.create_tenant(deployer, name.clone(), &settings).await?;
            made(name.to_string(), http::json(201, &tenant))
        }
        DeployerRoute::GetTenant(name) => http::json(200, &manage.tenant(deployer, &name).await?),
        DeployerRoute::ChangeTenant(name) => {
            let settings = parse_tenant_change(body)?;
            http::json(200, &manage.change_tenant(deployer, &name, &settings).await?)
        }
    })
}

async fn carry_out<R, B, L, S>(
    manage: &Manage<R, B, L, S>,
    caller: &Caller,
    route: TenantRoute,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
    Ok(match route {
        TenantRoute::ListEmails => http::json(200, &manage.emails(caller, &Page::parse(query)?).await?),
        TenantRoute::GetEmail(id) => http::json(200, &manage.email(caller, id).await?),
        TenantRoute::EraseEmail(id) => http::json(200, &manage.erase(caller, id).await?),
        TenantRoute::ListEvents(id) => http::json(200, &manage.events(caller, id).await?),
        TenantRoute::RescheduleEmail(id) => {
            http::json(200, &manage.reschedule(caller, id, parse_reschedule(body)?).await?)
        }
        TenantRoute::CancelEmail(id) => http::json(200, &manage.cancel(caller, id).await?),
        TenantRoute::RetryEmail(id) => http::json(200, &manage.retry(caller, id, parse_retry(body)?).await?),
        TenantRoute::InviteUpload => http::json(200, &manage.invite(caller, &parse_upload(body)?).await?),
        TenantRoute::Metrics => http::json(200, &manage.metrics(caller, &MetricsQuery::parse(query)?).await?),
        TenantRoute::Failures => http::json(200, &manage.failures(caller, &FailuresQuery::parse(query)?).await?),
        TenantRoute::ListQueues => http::json(200, &manage.queues(caller).await?),
        TenantRoute::CreateQueue => {
            let (name, settings) = queue_api::parse_create(body)?;
            let queue = manage.create_queue(caller, name.clone(), &settings).await?;
            made(name.to_string(), http::json(201, &queue))
        }
        TenantRoute::GetQueue(name) => http::json(200, &manage.queue(caller, name).await?),
        TenantRoute::ChangeQueue(name) => {
            let settings = queue_api::parse_change(body)?;
            http::json(200, &manage.change_queue(caller, name, &settings).await?)
        }
        TenantRoute::DeleteQueue(name) => {
            let cancel = parse_flag(query, "cancel")?;
            http::json(200, &manage.delete_queue(caller, name, cancel).await?)
        }
        TenantRoute::PauseQueue(name) => {
            let pause = queue_api::parse_pause(body)?;
            http::json(200, &manage.pause(caller, name, pause).await?)
        }
        TenantRoute::ResumeQueue(name) => http::json(200, &manage.resume(caller, name).await?),
        TenantRoute::PurgeQueue(name) => http::json(202, &manage.purge(caller, name).await?),
        TenantRoute::RestoreQueue(name) => http::json(202, &manage.restore(caller, name).await?),
        TenantRoute::RedriveQueue(name) => {
            let redrive = queue_api::parse_redrive(body)?;
            http::json(202, &manage.redrive(caller, name, redrive).await?)
        }
        TenantRoute::GetJob(name, id) => http::json(200, &manage.job(caller, name, id).await?),
        TenantRoute::ListSuppressions => {
            let page = SuppressionPage::parse(query)?;
            http::json(200, &manage.suppressions(caller, &page).await?)
        }
        TenantRoute::AddSuppression => http::json(201, &manage.add_suppression(caller, parse_add(body)?).await?),
        TenantRoute::AddSuppressions => {
            http::json(201, &manage.add_suppressions(caller, &parse_add_many(body)?).await?)
        }
        TenantRoute::RemoveSuppressions => {
            let which = parse_remove_many(body)?;
            http::json(200, &manage.remove_suppressions(caller, &which).await?)
        }
        TenantRoute::GetSuppression(which) => http::json(200, &manage.suppression(caller, &which).await?),
        TenantRoute::RemoveSuppression(which) => http::json(200, &manage.remove_suppression(caller, &which).await?),
    })
}

fn not_allowed(allow: &str) -> Response<Body> {
    let error = ApiError::method_not_allowed(format!("This method is not allowed here; use one of: {allow}."));
    let mut response = http::refuse(&error);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}
