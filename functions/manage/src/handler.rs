//! HTTP handler: takes a request, and returns a response.
//!
//! **Invariant:** only the description of the API is public. Every other request takes a [`TenantPrincipal`], which a
//! tenant's key gives, or an [`Operator`], which the deployer's key and a tenant's name give.

use aws::http;
use aws::http::auth::{ActsFor, Authenticator, Operator, Principal, TenantPrincipal};
use aws::http::endpoint::{self, Authentication, made};
use aws::http::query;
use domain::api::attachments::parse_upload;
use domain::api::queue_api;
use domain::api::requests::{parse_reschedule, parse_retry};
use domain::ports::erasure::Erasing;
use domain::ports::{Bodies, Clock, PriorityQueues, Random};
use lambda_http::{Body, Request, Response};

use crate::by_key::{Cancellation, parse_release};
use crate::failures::FailuresQuery;
use crate::metrics::MetricsQuery;
use crate::paging::Page;
use crate::paths::route;
use crate::routes::{DESCRIBE, OperatorRoute, Route, TenantRoute};
use crate::{ManageError, ManageFunction, Store};

/// The API description from `make openapi`, compressed by `build.rs`: a cold start loads a tenth of its size.
const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.zst"));

/// Upper bound of its unpacked size, in bytes.
const DESCRIPTION_MAX: usize = 1 << 20;

/// Carries out one request.
pub async fn handle<R, B, L, S>(
    manage: &ManageFunction<R, B, L, S>,
    authenticator: &Authenticator,
    request: Request,
) -> Response<Body>
where
    R: Store,
    B: Bodies + Erasing,
    L: PriorityQueues,
    S: Clock + Random,
{
    let route = match route(request.method(), request.uri().path()) {
        Ok(Route::Describe) => return endpoint::answer_anybody(DESCRIBE, describe),
        Ok(Route::Tenant(route)) => Ok(route),
        Err(no_route) => Err(no_route),
    };
    let authentication = Authentication {
        authenticator,
        records: &manage.records,
        now: manage.system.now(),
    };
    endpoint::answer(
        authentication,
        route,
        &request,
        async |principal: Principal, route: TenantRoute| match principal {
            Principal::Tenant(caller) => carry_out(manage, &caller.to_do(route.action())?, route, &request).await,
            Principal::Deployer(deployer, named) => {
                let route = route.for_operator()?;
                let operator = deployer.act_for(named, &manage.records).await?;
                operate(manage, &operator, route, &request).await
            }
        },
    )
    .await
}

fn describe() -> Response<Body> {
    let unpacked = zstd::bulk::decompress(DESCRIPTION, DESCRIPTION_MAX);
    match unpacked.map(String::from_utf8) {
        Ok(Ok(text)) => http::written(200, text),
        Ok(Err(error)) => http::fail(&error),
        Err(error) => http::fail(&error),
    }
}

async fn carry_out<R, B, L, S>(
    manage: &ManageFunction<R, B, L, S>,
    caller: &TenantPrincipal,
    route: TenantRoute,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    B: Bodies + Erasing,
    L: PriorityQueues,
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
        TenantRoute::ReleaseEmails => {
            let key = parse_release(query)?;
            made(
                key.to_string(),
                http::json(202, &manage.release_key(caller, key).await?),
            )
        }
        TenantRoute::CancelEmails => cancel_emails(manage, caller, query).await?,
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
            let cancel = query::flag(query, "cancel")?;
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
    })
}

async fn cancel_emails<R, B, L, S>(
    manage: &ManageFunction<R, B, L, S>,
    party: &impl ActsFor,
    query: &str,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    B: Bodies,
    L: PriorityQueues,
    S: Clock + Random,
{
    let cancellation = Cancellation::parse(query)?;
    let canceled = manage.cancel_emails(party, &cancellation).await?;
    Ok(made(cancellation.object(), http::json(200, &canceled)))
}

/// Carries out a request that the deployer makes for a tenant.
async fn operate<R, B, L, S>(
    manage: &ManageFunction<R, B, L, S>,
    operator: &Operator,
    route: OperatorRoute,
    request: &Request,
) -> Result<Response<Body>, ManageError>
where
    R: Store,
    B: Bodies + Erasing,
    L: PriorityQueues,
    S: Clock + Random,
{
    let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
    Ok(match route {
        OperatorRoute::ListEmails => {
            let page = Page::parse(query)?.without_content()?;
            http::json(200, &manage.emails_metadata(operator, &page).await?)
        }
        OperatorRoute::GetEmail(id) => http::json(200, &manage.email_metadata(operator, id).await?),
        OperatorRoute::ListEvents(id) => http::json(200, &manage.events_metadata(operator, id).await?),
        OperatorRoute::CancelEmail(id) => http::json(200, &manage.cancel_for(operator, id).await?),
        OperatorRoute::CancelEmails => cancel_emails(manage, operator, query).await?,
        OperatorRoute::Metrics => http::json(200, &manage.metrics(operator, &MetricsQuery::parse(query)?).await?),
        OperatorRoute::Failures => http::json(200, &manage.failures(operator, &FailuresQuery::parse(query)?).await?),
        OperatorRoute::ListQueues => http::json(200, &manage.queues(operator).await?),
        OperatorRoute::GetQueue(name) => http::json(200, &manage.queue(operator, name).await?),
        OperatorRoute::PauseQueue(name) => {
            let pause = queue_api::parse_pause(body)?;
            http::json(200, &manage.pause(operator, name, pause).await?)
        }
        OperatorRoute::ResumeQueue(name) => http::json(200, &manage.resume(operator, name).await?),
        OperatorRoute::PurgeQueue(name) => http::json(202, &manage.purge(operator, name).await?),
        OperatorRoute::GetJob(name, id) => http::json(200, &manage.job(operator, name, id).await?),
    })
}
